//! The sent log: listed, searched, looked at, sent again.

use tidings_domain::delivery::{DeliveryState, Outcome, Trigger};
use tidings_domain::webhook::Webhook;
use tidings_domain::{DeliveryId, EventId, Fault, Headers, Project, Time, Value, WebhookId, time};
use tidings_storage::{Attempt, DeliveryDetail, DeliveryFilter, DeliverySummary, TestSend};

use crate::reader::object;
use crate::refusal::{absent, refusal};
use crate::webhooks::{Audience, cut_url, may_send, pages_open};
use crate::{Access, App, Caller, Listed, Paging, audit};

/// The names of the filters of the list.
pub const FILTERS: [&str; 10] = [
    "webhook", "state", "event", "code", "object", "trigger", "status", "since", "until", "q",
];

const MAX_Q: usize = 200;

/// Reads a filter from query parameters.
pub fn filter<'a>(
    pairs: impl Iterator<Item = (&'a str, &'a str)>,
) -> Result<DeliveryFilter, Fault> {
    let mut filter = DeliveryFilter::default();
    let mut errors = Vec::new();
    for (name, text) in pairs {
        let good = match name {
            "webhook" => set(&mut filter.webhook, natural(text).map(WebhookId)),
            "event" => set(&mut filter.event, natural(text).map(EventId)),
            "state" => set(&mut filter.state, DeliveryState::parse(text)),
            "trigger" => set(&mut filter.trigger, Trigger::parse(text)),
            "status" => set(
                &mut filter.status,
                text.parse().ok().filter(|s| (100..=999).contains(s)),
            ),
            "code" => set(&mut filter.code, word(text, 100)),
            "object" => set(&mut filter.object, object_of(text)),
            "since" => set(&mut filter.since_ms, instant(text)),
            "until" => set(&mut filter.until_ms, instant(text)),
            "q" => set(&mut filter.q, word(text, MAX_Q)),
            _ => true,
        };
        if !good {
            let wanted = wanted(name);
            errors.extend(Fault::field(name, "query", format!("must be {wanted}")).errors);
        }
    }
    if errors.is_empty() {
        Ok(filter)
    } else {
        Err(Fault::invalid(errors))
    }
}

fn set<T>(place: &mut Option<T>, value: Option<T>) -> bool {
    *place = value;
    place.is_some()
}

/// What a filter takes, for people.
pub fn wanted(name: &str) -> String {
    let list = |words: Vec<&str>| format!("one of {}", words.join(", "));
    match name {
        "webhook" => "the id of a webhook".to_owned(),
        "event" => "the id of an event".to_owned(),
        "state" => list(DeliveryState::ALL.iter().map(|s| s.as_str()).collect()),
        "trigger" => list(Trigger::ALL.iter().map(|s| s.as_str()).collect()),
        "status" => "an HTTP status from 100 to 999".to_owned(),
        "code" => "an event code".to_owned(),
        "object" => "an object like tasks/42, webhooks/7, or items".to_owned(),
        "since" | "until" => "a time like 2026-03-02T11:40:00Z (RFC 3339)".to_owned(),
        _ => format!("a text of 1 to {MAX_Q} characters"),
    }
}

fn natural(text: &str) -> Option<i64> {
    let plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let named = 1..=tidings_domain::value::MAX_SAFE_INTEGER;
    text.parse().ok().filter(|n| plain && named.contains(n))
}

fn word(text: &str, max: usize) -> Option<String> {
    let length = text.chars().count();
    let good = (1..=max).contains(&length) && !text.chars().any(char::is_control);
    good.then(|| text.to_owned())
}

fn object_of(text: &str) -> Option<String> {
    let webhook = text
        .strip_prefix("webhooks/")
        .is_some_and(|id| natural(id).is_some());
    let known = text == "items" || webhook || text.parse::<tidings_domain::ObjectRef>().is_ok();
    known.then(|| text.to_owned())
}

fn instant(text: &str) -> Option<i64> {
    time::parse(text).map(Time::as_millisecond)
}

impl App {
    /// The sent log of a project, newest first.
    pub async fn deliveries(
        &self,
        caller: &Caller,
        project: &Project,
        filter: &DeliveryFilter,
        paging: Paging,
    ) -> Result<Listed, Fault> {
        Access::Watch.check(caller)?;
        pages_open(project)?;
        let page = self
            .store
            .deliveries(project.id, filter, paging.from, paging.limit)
            .await
            .map_err(refusal)?;
        let now = self.clock.wall();
        Ok(Listed {
            data: page.data.iter().map(|row| show_row(row, now)).collect(),
            next: page.next,
        })
    }

    /// One delivery with every attempt. Team members see neither bodies nor headers.
    pub async fn delivery(
        &self,
        caller: &Caller,
        project: &Project,
        id: &str,
    ) -> Result<Value, Fault> {
        Access::Watch.check(caller)?;
        pages_open(project)?;
        let id: DeliveryId = id.parse().map_err(|_| absent())?;
        let found = self.store.delivery(project.id, id).await;
        let detail = found.map_err(refusal)?.ok_or_else(absent)?;
        let url = match detail.summary.webhook {
            Some(webhook) => {
                let found = self.store.webhook(project.id, webhook).await;
                found
                    .map_err(refusal)?
                    .map(|(webhook, _, _)| webhook.url.clone())
            }
            None => None,
        };
        let now = self.clock.wall();
        Ok(show_detail(
            &detail,
            url.as_deref(),
            Audience::of(caller),
            now,
        ))
    }

    /// Sends a delivery once more.
    pub async fn resend_delivery(
        &self,
        caller: &Caller,
        project: &Project,
        id: &str,
    ) -> Result<(), Fault> {
        Access::Manage.check(caller)?;
        may_send(project)?;
        let id: DeliveryId = id.parse().map_err(|_| absent())?;
        let changed = audit::Changed::new("delivery.resend", format!("deliveries/{id}"));
        let engine = self.engine.clone();
        let engine = engine.noting(changed.within(project).by(caller));
        engine.resend(project.id, id).await
    }
}

fn at_ms(ms: i64) -> Value {
    Time::from_millisecond(ms).map_or(Value::Null, time::value)
}

/// The members that a row of the list and the delivery itself share.
fn head(row: &DeliverySummary, now: Time) -> Vec<(String, Value)> {
    // Due times are stored server time, which never runs behind the wall clock by design; what is overdue waits for its turn.
    let next = row
        .due_ms
        .filter(|_| row.state == DeliveryState::Pending)
        .map(|due| at_ms(due.max(now.as_millisecond())));
    let Value::Map(members) = object([
        ("id", row.id.to_string().into()),
        ("webhook", row.webhook.map(|w| w.0).into()),
        ("event", row.event.map(|e| e.0).into()),
        ("dialect", row.dialect.clone().into()),
        ("code", row.code.clone().into()),
        ("object", row.object.clone().into()),
        ("sequence", row.sequence.into()),
        ("title", row.title.clone().into()),
        ("state", row.state.as_str().into()),
        ("trigger", row.trigger.clone().into()),
        ("late", row.late.into()),
        ("created_at", at_ms(row.created_ms)),
        ("next_attempt_at", next.unwrap_or_default()),
    ]) else {
        return Vec::new();
    };
    members
}

pub(crate) fn show_row(row: &DeliverySummary, now: Time) -> Value {
    let mut members = head(row, now);
    let last = row.last.as_ref().map(|last| {
        object([
            ("outcome", last.outcome.as_str().into()),
            ("status", last.status.map(i64::from).into()),
            ("duration_ms", crate::webhooks::whole(last.duration_ms)),
            ("error", last.error.clone().into()),
        ])
    });
    members.push(("attempt_count".to_owned(), i64::from(row.attempts).into()));
    members.push(("last_attempt".to_owned(), last.unwrap_or_default()));
    Value::Map(members)
}

fn show_detail(detail: &DeliveryDetail, url: Option<&str>, audience: Audience, now: Time) -> Value {
    let mut members = head(&detail.summary, now);
    let last = detail.attempts.last();
    let url = last.map(|a| &*a.url).or(url);
    let all = audience == Audience::Managers;
    let headers = last
        .filter(|_| all)
        .map(|attempt| pairs(&attempt.request_headers));
    let body = all.then(|| String::from_utf8_lossy(&detail.body).into_owned());
    let url = url.map(|url| if all { url.to_owned() } else { cut_url(url) });
    members.push((
        "request".to_owned(),
        object([
            ("url", url.into()),
            ("headers", headers.unwrap_or_default()),
            ("body", body.into()),
        ]),
    ));
    let attempts = detail
        .attempts
        .iter()
        .map(|attempt| show_attempt(attempt, audience));
    members.push(("attempts".to_owned(), Value::List(attempts.collect())));
    Value::Map(members)
}

fn show_attempt(attempt: &Attempt, audience: Audience) -> Value {
    let error = attempt.error.as_ref().map(|error| {
        object([
            ("code", error.code.clone().into()),
            ("detail", error.detail.clone().into()),
        ])
    });
    let response = attempt
        .response
        .as_ref()
        .filter(|_| audience == Audience::Managers)
        .map(|response| {
            object([
                ("headers", pairs(&response.headers)),
                ("body", response.body.clone().into()),
                ("truncated", response.truncated.into()),
            ])
        });
    object([
        ("number", i64::from(attempt.number).into()),
        ("trigger", (*attempt.trigger).into()),
        ("started_at", attempt.started_at.clone().into()),
        ("duration_ms", crate::webhooks::whole(attempt.duration_ms)),
        ("timings", show_timings(&attempt.timings_us)),
        (
            "remote",
            attempt
                .remote
                .filter(|_| audience == Audience::Managers)
                .map(|remote| remote.to_string())
                .into(),
        ),
        ("outcome", (*attempt.outcome).into()),
        ("status", attempt.status.map(i64::from).into()),
        ("error", error.unwrap_or_default()),
        ("response", response.unwrap_or_default()),
    ])
}

/// Where the time of a try went, as far as it came.
fn show_timings(us: &[Option<u64>; 4]) -> Value {
    let [dns, connect, tls, first_byte] = us.map(|us| us.map(crate::webhooks::whole).into());
    object([
        ("dns_us", dns),
        ("connect_us", connect),
        ("tls_us", tls),
        ("first_byte_us", first_byte),
    ])
}

/// Headers as an object; values of a repeated name joined as RFC 9110 says.
fn pairs(headers: &Headers) -> Value {
    let mut joined: Vec<(&str, String)> = Vec::new();
    for (name, value) in headers.iter() {
        let same = joined
            .iter_mut()
            .find(|(n, _)| n.eq_ignore_ascii_case(name));
        match same {
            Some((_, text)) => {
                text.push_str(", ");
                text.push_str(value);
            }
            None => joined.push((name, value.to_owned())),
        }
    }
    let member = |(name, text): (&str, String)| (name.to_owned(), text.into());
    Value::Map(joined.into_iter().map(member).collect())
}

/// The delivery of a test send, in the shape of the log. Only those who manage webhooks send tests, so nothing is left out.
pub(crate) fn show_test(sent: &TestSend, webhook: &Webhook, now: Time) -> Value {
    let last = sent.attempts.last();
    let created = last.and_then(|a| time::parse(&a.started_at)).unwrap_or(now);
    let detail = DeliveryDetail {
        summary: DeliverySummary {
            id: sent.delivery,
            webhook: sent.webhook,
            event: None,
            dialect: sent.dialect.to_owned(),
            code: sent.code.to_owned(),
            object: sent.object.clone(),
            sequence: sent.sequence,
            title: sent.title.clone(),
            state: if sent.accepted {
                DeliveryState::Delivered
            } else {
                DeliveryState::Failed
            },
            trigger: Trigger::Test.as_str().to_owned(),
            late: false,
            created_ms: created.as_millisecond(),
            due_ms: None,
            attempts: u32::try_from(sent.attempts.len()).unwrap_or(u32::MAX),
            last: last.map(|a| tidings_storage::LastAttempt {
                outcome: Outcome::parse(&a.outcome).unwrap_or(Outcome::Unsendable),
                status: a.status,
                duration_ms: a.duration_ms,
                error: a.error.as_ref().map(|e| e.code.clone()),
            }),
        },
        body: sent.body.clone(),
        attempts: sent.attempts.clone(),
    };
    show_detail(&detail, Some(&webhook.url), Audience::Managers, now)
}
