//! Why an event reached a webhook, or did not: for each webhook of the project, from what is stored and what the engine knows.
//!
//! `cast` gathers whom it is about, `said` says the event once more in their dialects, `judge` finds the reason of each message,
//! `words` says it to people. [`Reason`] is the closed set.
//!
//! What a webhook selected when the event was recorded is not kept. Deliveries are: where there is one, it was wanted. Where there
//! is none, the webhook as it is now is the witness, and the answer says so if it was edited since.

mod cast;
mod judge;
mod reason;
mod said;
mod words;

use std::collections::HashMap;

use tidings_delivery::waiting::{Behind, Waiting};
use tidings_domain::delivery::DeliveryState;
use tidings_domain::webhook::{Health, HealthState};
use tidings_domain::{DeliveryId, EventId, Fault, Project, Time, Value, WebhookId, time};
use tidings_storage::EventDelivery;

use crate::reader::object;
use crate::refusal::refusal;
use crate::webhooks::pages_open;
use crate::{Access, App, Caller, Listed, Paging};

use cast::Cast;
use judge::{Case, Finding, Line};
pub use reason::Reason;

impl App {
    /// Explains an event for a page of the project's webhooks, or for one of them; deleted ones are there with their deliveries.
    pub async fn explain(
        &self,
        caller: &Caller,
        project: &Project,
        event: i64,
        webhook: Option<i64>,
        paging: Paging,
    ) -> Result<Listed, Fault> {
        Access::Watch.check(caller)?;
        pages_open(project)?;
        let event = EventId(event);
        let found = self.store.event(project.id, event).await;
        let activity = found.map_err(refusal)?.ok_or_else(no_event)?;
        let page = match webhook {
            Some(id) => self.solo(project, event, WebhookId(id)).await?,
            None => self.cast(project, event, paging).await?,
        };
        let gone = page.roles.iter().filter(|(_, r)| r.webhook.is_none());
        let gone: Vec<WebhookId> = gone.map(|(id, _)| *id).collect();
        let gone = self.store.webhook_names(project.id, &gone).await;
        let gone: HashMap<WebhookId, String> = gone.map_err(refusal)?.into_iter().collect();
        let here = page.roles.values().filter_map(|r| r.webhook.as_ref());
        let here = here.map(|(webhook, _, _)| webhook);
        let then = self.then(project, &activity.event, here).await?;
        let waiting = self.waiting(&page).await;
        let settings = self.settings();
        let wall = |ms| self.engine.wall_of(ms);
        let data = page.roles.iter().map(|(id, role)| {
            let live = self.engine.health(*id);
            let stored = role.webhook.as_ref().map(|(_, health, _)| health);
            let case = Case {
                id: *id,
                role,
                health: live.as_ref().or(stored),
                activity: &activity,
                then: &then,
                project,
                retention: settings.retention,
                now: self.clock.wall(),
                waiting: &waiting,
                wall: &wall,
            };
            show(&case, &judge::judge(&case), gone.get(id))
        });
        Ok(Listed {
            data: data.collect(),
            next: page.next,
        })
    }

    /// What the engine says of the deliveries that are not settled: one question for all.
    async fn waiting(&self, page: &Cast) -> HashMap<DeliveryId, Waiting> {
        let open = |d: &&EventDelivery| {
            matches!(
                d.summary.state,
                DeliveryState::Pending | DeliveryState::Held
            )
        };
        let all = page.roles.iter().flat_map(|(webhook, role)| {
            let open = role.deliveries.iter().filter(open);
            open.map(|d| (*webhook, d.summary.id))
        });
        let asked: Vec<(WebhookId, DeliveryId)> = all.collect();
        let ids: Vec<DeliveryId> = asked.iter().map(|(_, id)| *id).collect();
        let answers = self.engine.waiting(asked).await;
        ids.into_iter().zip(answers).collect()
    }
}

/// The same words whatever the id, so that nothing is told about other projects.
fn no_event() -> Fault {
    Fault::not_found(
        "there is no such event here, or this token may not know of it; silent changes have no event, and retention removes old ones",
    )
}

/// `was` is what a deleted webhook was called.
fn show(case: &Case<'_>, finding: &Finding, was: Option<&String>) -> Value {
    let first = case.role.deliveries.first();
    let webhook = case.role.webhook.as_ref().map(|(webhook, _, _)| webhook);
    let dialect = match (webhook, first) {
        (Some(webhook), _) => webhook.dialect.clone().into(),
        (None, Some(delivery)) => delivery.summary.dialect.clone().into(),
        (None, None) => Value::Null,
    };
    object([
        ("webhook", case.id.0.into()),
        ("name", webhook.map(|w| &w.name).or(was).cloned().into()),
        ("dialect", dialect),
        ("deleted", webhook.is_none().into()),
        ("state", webhook.and(case.health).map(state).into()),
        ("reason", finding.reason.as_str().into()),
        ("detail", finding.detail.clone().into()),
        (
            "messages",
            Value::List(finding.lines.iter().map(show_line).collect()),
        ),
    ])
}

fn state(health: &Health) -> &'static str {
    match health.state {
        HealthState::Ok => "ok",
        HealthState::BackingOff => "backing_off",
        HealthState::Paused => "paused",
        HealthState::Disabled => "disabled",
    }
}

fn show_line(line: &Line<'_>) -> Value {
    let row = line.delivery.map(|d| &d.summary);
    object([
        ("code", line.code.into()),
        ("reason", line.reason.as_str().into()),
        ("detail", line.detail.clone().into()),
        ("delivery", row.map(|r| r.id.to_string()).into()),
        ("object", row.map(|r| r.object.clone()).into()),
        ("late", row.is_some_and(|r| r.late).into()),
        (
            "attempt_count",
            row.map_or(0, |r| i64::from(r.attempts)).into(),
        ),
        (
            "last_attempt",
            line.delivery.and_then(show_attempt).unwrap_or_default(),
        ),
        ("next_attempt_at", line.next_ms.map_or(Value::Null, show_ms)),
        ("behind", line.behind.map(show_behind).unwrap_or_default()),
    ])
}

fn show_attempt(delivery: &EventDelivery) -> Option<Value> {
    let last = delivery.summary.last.as_ref()?;
    let error = last.error.as_ref().map(|code| {
        object([
            ("code", code.clone().into()),
            ("detail", delivery.detail.clone().into()),
        ])
    });
    Some(object([
        ("started_at", delivery.last_at.clone().into()),
        ("duration_ms", crate::webhooks::whole(last.duration_ms)),
        ("outcome", last.outcome.as_str().into()),
        ("status", last.status.map(i64::from).into()),
        ("error", error.unwrap_or_default()),
    ]))
}

fn show_behind(behind: &Behind) -> Value {
    let ahead = i64::try_from(behind.ahead).unwrap_or(i64::MAX);
    object([
        ("delivery", behind.delivery.to_string().into()),
        ("object", words::object(behind).into()),
        ("item", behind.item.to_string().into()),
        ("ahead", ahead.into()),
    ])
}

/// A moment of the wall clock.
fn show_ms(ms: i64) -> Value {
    Time::from_millisecond(ms).map_or(Value::Null, time::value)
}
