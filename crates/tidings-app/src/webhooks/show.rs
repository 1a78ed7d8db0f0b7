//! A webhook as the API shows it.

use tidings_domain::project::WebhookSwitch;
use tidings_domain::webhook::{DisabledReason, Health, HealthState, Selection, Webhook};
use tidings_domain::{Project, Value};
use tidings_storage::LaneCounts;

use super::{Found, headers};
use crate::App;
use crate::caller::{Caller, Role};
use crate::reader::object;

/// Who looks: decides how much is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// Those who manage webhooks see all but secrets.
    Managers,
    /// Team members see the URL cut to scheme and host, and the log without bodies and headers.
    Team,
}

impl Audience {
    /// The audience a caller belongs to.
    pub const fn of(caller: &Caller) -> Self {
        match caller {
            Caller::Member {
                role: Role::TeamMember | Role::Stakeholder,
                ..
            }
            | Caller::Account { .. } => Audience::Team,
            _ => Audience::Managers,
        }
    }
}

/// Scheme, host and port of a URL.
pub(crate) fn cut_url(url: &str) -> String {
    url::Url::parse(url).map_or_else(|_| String::new(), |url| url.origin().ascii_serialization())
}

/// Whether it is on. When the server just disabled it, the engine knows before the store does: health and switch must agree.
fn is_on(webhook: &Webhook, health: &Health) -> bool {
    webhook.enabled && health.state != HealthState::Disabled
}

impl App {
    /// A webhook with its live health.
    pub(super) fn show_webhook(&self, caller: &Caller, project: &Project, found: &Found) -> Value {
        let (webhook, stored, counts) = found;
        let live = self.engine.health(webhook.id);
        show_as(
            caller,
            project,
            (webhook, live.as_ref().unwrap_or(stored), *counts),
        )
    }
}

/// A webhook with that health.
pub(super) fn show_as(
    caller: &Caller,
    project: &Project,
    (webhook, health, counts): (&Webhook, &Health, LaneCounts),
) -> Value {
    let url = match Audience::of(caller) {
        Audience::Managers => webhook.url.clone(),
        Audience::Team => cut_url(&webhook.url),
    };
    let events = match &webhook.events {
        Selection::All => "all".into(),
        Selection::Stories => "stories".into(),
        Selection::Codes(codes) => codes.clone().into(),
    };
    let schedule = webhook.retry_schedule.as_ref().map(|steps| {
        let steps: Vec<Value> = steps.iter().map(|s| whole(*s)).collect();
        Value::List(steps)
    });
    let options = match &webhook.options {
        Value::Null => Value::Map(Vec::new()),
        options => options.clone(),
    };
    object([
        ("id", webhook.id.0.into()),
        ("name", webhook.name.clone().into()),
        ("description", webhook.description.clone().into()),
        ("url", url.into()),
        ("dialect", webhook.dialect.clone().into()),
        ("events", events),
        ("has_secret", webhook.secrets.is_some().into()),
        ("verify_tls", webhook.verify_tls.into()),
        ("ca_pem", webhook.ca_pem.clone().into()),
        ("enabled", is_on(webhook, health).into()),
        ("headers", headers::masked(&webhook.headers)),
        ("timeout_seconds", i64::from(webhook.timeout_seconds).into()),
        (
            "ordering",
            match webhook.ordering {
                tidings_domain::webhook::Ordering::Item => "item".into(),
                tidings_domain::webhook::Ordering::None => "none".into(),
            },
        ),
        ("max_in_flight", i64::from(webhook.max_in_flight).into()),
        ("failure_limit", webhook.failure_limit.map(i64::from).into()),
        ("retry_schedule", schedule.unwrap_or_default()),
        ("options", options),
        ("origin", webhook.origin.clone().into()),
        ("locked", webhook.locked.into()),
        ("warnings", warnings(webhook)),
        ("health", show_health(webhook, health, counts, project)),
        ("created_at", webhook.created_at.clone().into()),
        ("updated_at", webhook.updated_at.clone().into()),
    ])
}

/// A count as a JSON number.
pub(crate) fn whole(n: u64) -> Value {
    Value::Int(i64::try_from(n).unwrap_or(i64::MAX))
}

/// What people should know before they rely on the webhook.
fn warnings(webhook: &Webhook) -> Value {
    let mut all = Vec::new();
    let mut warn = |code: &str, detail: String| {
        all.push(object([("code", code.into()), ("detail", detail.into())]));
    };
    let exposed = tidings_dialects::find(&webhook.dialect).map_or("everything", |d| d.exposes());
    if webhook.url.starts_with("http:") {
        warn(
            "insecure_url",
            format!("The URL is not https. Anyone on the way can read {exposed}."),
        );
    }
    if !webhook.verify_tls {
        warn(
            "tls_not_verified",
            format!(
                "The receiver's certificate is not verified. Anyone on the way can pose as the receiver and read {exposed}."
            ),
        );
    }
    if webhook.unresolved {
        warn(
            "unresolved",
            "The name in the URL did not resolve when it was saved. Check the spelling; it is looked up again for each request."
                .to_owned(),
        );
    }
    Value::List(all)
}

fn show_health(webhook: &Webhook, health: &Health, counts: LaneCounts, project: &Project) -> Value {
    let word = health.state.as_str();
    // A webhook that is enabled in a project whose plan sends nothing is, for people, switched off by the plan.
    let gated = webhook.enabled && project.webhooks == WebhookSwitch::ViewOnly;
    let (word, reason) = if gated {
        ("disabled", Some("plan"))
    } else {
        (word, health.reason.map(DisabledReason::as_str))
    };
    object([
        ("state", word.into()),
        ("reason", reason.into()),
        ("since", health.since.clone().into()),
        ("next_probe_at", health.next_probe_at.clone().into()),
        (
            "consecutive_failures",
            i64::from(health.consecutive_failures).into(),
        ),
        ("last_status", health.last_status.map(i64::from).into()),
        ("pending", whole(counts.pending)),
        ("parked", whole(counts.parked)),
    ])
}
