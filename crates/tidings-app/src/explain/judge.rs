//! The reason of each message, and the one that is told of a webhook. Pure.

use std::collections::HashMap;

use tidings_delivery::waiting::{Behind, Waiting, Why};
use tidings_domain::delivery::{DeliveryState, Outcome};
use tidings_domain::webhook::{Health, Webhook};
use tidings_domain::{DeliveryId, Project, Time, WebhookId, What, time};
use tidings_storage::{Activity, EventDelivery, Retention};

use super::cast::Role;
use super::reason::Reason;
use super::said::{Said, Then};
use super::words;

const DAY_MS: i64 = 24 * 3_600 * 1_000;

/// Everything known about an event and one webhook.
pub(super) struct Case<'a> {
    pub(super) id: WebhookId,
    pub(super) role: &'a Role,
    /// As it is now.
    pub(super) health: Option<&'a Health>,
    pub(super) activity: &'a Activity,
    pub(super) then: &'a Then,
    /// As it is now.
    pub(super) project: &'a Project,
    pub(super) retention: Retention,
    pub(super) now: Time,
    pub(super) waiting: &'a HashMap<DeliveryId, Waiting>,
    /// The wall clock's time for stored server time.
    pub(super) wall: &'a (dyn Fn(i64) -> i64 + Sync),
}

/// What was found.
pub(super) struct Finding<'a> {
    pub(super) reason: Reason,
    pub(super) detail: String,
    pub(super) lines: Vec<Line<'a>>,
}

/// One message, sent or not.
pub(super) struct Line<'a> {
    pub(super) code: &'a str,
    pub(super) reason: Reason,
    pub(super) detail: String,
    pub(super) delivery: Option<&'a EventDelivery>,
    /// When the next try is due, by the wall clock.
    pub(super) next_ms: Option<i64>,
    pub(super) behind: Option<&'a Behind>,
}

/// Why the event reached the webhook or did not.
pub(super) fn judge<'a>(case: &Case<'a>) -> Finding<'a> {
    let mut lines: Vec<Line<'_>> = Vec::new();
    let sent = &case.role.deliveries;
    lines.extend(sent.iter().map(|d| delivery(case, d)));
    if let Some((webhook, _, _)) = &case.role.webhook {
        if sent.is_empty()
            && let Some((reason, detail)) = all_of_it(case, webhook)
        {
            return Finding {
                reason,
                detail,
                lines,
            };
        }
        for said in case.then.said(webhook) {
            if !sent.iter().any(|d| d.summary.code == said.code) {
                lines.push(unsent(case, webhook, *said));
            }
        }
    }
    sum_up(case, lines)
}

/// The reason for which no message of the event could reach the webhook, if there is one.
fn all_of_it(case: &Case<'_>, webhook: &Webhook) -> Option<(Reason, String)> {
    let own = matches!(&case.activity.event.what, What::WebhookDisabled(d) if d.id == webhook.id);
    if own {
        return Some((Reason::OwnEvent, words::own_event()));
    }
    if case.then.said(webhook).is_empty() {
        let bulk = case.activity.event.change().and_then(|c| c.bulk);
        return Some((Reason::DialectSilent, words::silent(webhook, bulk)));
    }
    if second(&webhook.created_at).is_some_and(|made| made > recorded(case)) {
        return Some((Reason::CreatedLater, words::created_later(webhook)));
    }
    if !case.then.project_on {
        let missed = case.role.missed;
        return Some((Reason::ProjectOff, words::project_off(case.project, missed)));
    }
    case.role
        .missed
        .then(|| (Reason::WebhookOff, words::webhook_off(case.health)))
}

/// A code that the event has and for which there is no delivery.
fn unsent<'a>(case: &Case<'a>, webhook: &Webhook, said: Said) -> Line<'a> {
    let stories =
        tidings_dialects::find(&webhook.dialect).map_or(&[][..], |dialect| dialect.story_codes());
    let wants = |code| webhook.wants(code, stories);
    let edited = second(&webhook.updated_at)
        .is_some_and(|at| at > recorded(case))
        .then_some(webhook.updated_at.as_str());
    let same_second = second(&webhook.created_at).is_some_and(|at| at == recorded(case));
    let (reason, detail) = if !wants(said.code) {
        (Reason::NotSelected, words::not_selected(said.code, edited))
    } else if let Some(other) = said.unless.filter(|other| wants(other)) {
        (Reason::OtherCode, words::other_code(said.code, other))
    } else if same_second && case.role.deliveries.is_empty() {
        (Reason::CreatedLater, words::created_later(webhook))
    } else if may_be_removed(case) {
        (Reason::NotInLog, words::not_in_log(edited, true))
    } else if let Some(at) = edited {
        (Reason::ChangedSince, words::changed_since(at))
    } else {
        (Reason::NotInLog, words::not_in_log(None, false))
    };
    Line {
        code: said.code,
        reason,
        detail,
        delivery: None,
        next_ms: None,
        behind: None,
    }
}

/// Whether retention may have taken deliveries of the event: by age, or by limits that have no time.
fn may_be_removed(case: &Case<'_>) -> bool {
    let retention = case.retention;
    let age = case
        .now
        .as_millisecond()
        .saturating_sub(case.activity.recorded_ms);
    retention.max_rows > 0
        || retention.max_bytes > 0
        || age >= i64::from(retention.days).saturating_mul(DAY_MS)
}

/// Where a delivery stands.
fn delivery<'a>(case: &Case<'a>, delivery: &'a EventDelivery) -> Line<'a> {
    let row = &delivery.summary;
    let mut line = Line {
        code: &row.code,
        reason: Reason::Delivered,
        detail: String::new(),
        delivery: Some(delivery),
        next_ms: None,
        behind: None,
    };
    let (reason, detail) = match row.state {
        DeliveryState::Delivered => (Reason::Delivered, words::delivered(delivery)),
        DeliveryState::Failed => (Reason::Failed, words::failed(delivery)),
        DeliveryState::Skipped => {
            let deleted = case.role.webhook.is_none();
            (Reason::Skipped, words::skipped(deleted))
        }
        DeliveryState::Expired => {
            let days = case.retention.held_days;
            (Reason::Expired, words::expired(days))
        }
        DeliveryState::Parked => (Reason::Parked, words::parked(case.health, case.project)),
        DeliveryState::Pending | DeliveryState::Held => waits(case, delivery, &mut line),
    };
    line.reason = reason;
    line.detail = detail;
    if row.late {
        line.detail.push_str(words::LATE);
    }
    line
}

/// A delivery that is not settled: what it waits for.
fn waits<'a>(
    case: &Case<'a>,
    delivery: &'a EventDelivery,
    line: &mut Line<'a>,
) -> (Reason, String) {
    let known = case.waiting.get(&delivery.summary.id);
    let Some(Waiting { why, behind }) = known else {
        return (Reason::Starting, words::starting(true));
    };
    line.behind = behind.as_ref();
    let also = || words::also_behind(behind.as_ref());
    match why {
        Why::InFlight => (Reason::InFlight, words::in_flight(delivery)),
        Why::Paused => (Reason::Paused, words::paused(case.health) + &also()),
        Why::Off => (Reason::Parked, words::parked(case.health, case.project)),
        Why::Probe { at_ms } => {
            let at = (case.wall)(*at_ms).max(case.now.as_millisecond());
            line.next_ms = Some(at);
            let text = words::backing_off(case.health, delivery, at) + &also();
            (Reason::BackingOff, text)
        }
        Why::Retry { due_ms } => {
            let at = (case.wall)(*due_ms);
            line.next_ms = Some(at);
            let outcome = delivery.summary.last.as_ref().map(|last| last.outcome);
            let reason = match outcome {
                Some(Outcome::Blocked) => Reason::Blocked,
                Some(Outcome::Unsendable) => Reason::Unsendable,
                _ => Reason::Retry,
            };
            (reason, words::retry(reason, delivery, at) + &also())
        }
        Why::Turn => {
            let text = behind.as_ref().map_or_else(
                || words::starting(true),
                |behind| words::behind(behind, case.wall, case.now),
            );
            (Reason::Behind, text)
        }
        Why::Seat(seat) => (Reason::InFlightLimit, words::seat(*seat)),
        Why::OwnFault { until_ms } => {
            let at = (case.wall)(*until_ms);
            line.next_ms = Some(at);
            (Reason::Unsendable, words::own_fault(at))
        }
        Why::Sweep => (Reason::Recovering, words::recovering() + &also()),
        Why::Stored => {
            let counts = case
                .role
                .webhook
                .as_ref()
                .map(|(_, _, counts)| counts.pending);
            (Reason::Queued, words::queued(counts.unwrap_or_default()))
        }
        Why::Next => (Reason::Starting, words::starting(false)),
        Why::Moving => (Reason::Starting, words::starting(true)),
    }
}

/// What is told of the webhook as a whole: the weightiest of its messages.
fn sum_up<'a>(case: &Case<'a>, lines: Vec<Line<'a>>) -> Finding<'a> {
    let Some(first) = lines.iter().min_by_key(|line| line.reason) else {
        // A webhook that is gone and has no delivery is in no list.
        return Finding {
            reason: Reason::NotInLog,
            detail: words::not_in_log(None, true),
            lines,
        };
    };
    let reason = first.reason;
    let detail = if lines.len() == 1 {
        first.detail.clone()
    } else if reason == Reason::NotSelected {
        let codes: Vec<&str> = lines.iter().map(|line| line.code).collect();
        let webhook = case.role.webhook.as_ref().map(|(webhook, _, _)| webhook);
        words::none_selected(&codes, webhook.map_or("", |w| &w.dialect))
    } else {
        format!("{}: {}", first.code, first.detail)
    };
    Finding {
        reason,
        detail,
        lines,
    }
}

/// The second in which the event was recorded.
fn recorded(case: &Case<'_>) -> i64 {
    case.activity.recorded_ms.div_euclid(1_000)
}

fn second(text: &str) -> Option<i64> {
    time::parse(text).map(Time::as_second)
}

#[cfg(test)]
mod tests;
