//! Reasons in words that say what to do.

use tidings_delivery::waiting::{Behind, Seat};
use tidings_domain::project::WebhookSwitch;
use tidings_domain::webhook::{DisabledReason, Health, HealthState, Webhook};
use tidings_domain::{EventId, Project, Time, time};
use tidings_storage::EventDelivery;

use super::reason::Reason;

/// Added where order was given up.
pub(super) const LATE: &str = " It is late: order was given up for it, so later messages of its item may have come before it.";

fn at(ms: i64) -> String {
    Time::from_millisecond(ms).map_or_else(|_| "an unknown time".to_owned(), time::show)
}

fn tries(n: u32) -> String {
    match n {
        1 => "1 try".to_owned(),
        n => format!("{n} tries"),
    }
}

/// `503 at 2026-..., "overloaded"`: how the last try went.
fn last(delivery: &EventDelivery) -> String {
    let Some(last) = &delivery.summary.last else {
        return "never tried".to_owned();
    };
    let mut text = match last.status {
        Some(status) => format!("status {status}"),
        None => last.outcome.as_str().replace('_', " "),
    };
    if let Some(started) = &delivery.last_at {
        text = format!("{text} at {started}");
    }
    match &delivery.detail {
        Some(detail) => format!("{text} ({detail})"),
        None => text,
    }
}

/// What a delivery is about; its item, where the rest is not in memory.
pub(super) fn object(behind: &Behind) -> String {
    let item = || behind.item.to_string();
    behind.object.clone().unwrap_or_else(item)
}

pub(super) fn delivered(delivery: &EventDelivery) -> String {
    format!(
        "Delivered after {}: {}.",
        tries(delivery.summary.attempts),
        last(delivery)
    )
}

pub(super) fn failed(delivery: &EventDelivery) -> String {
    format!(
        "Given up after {}; the last: {}. Repair the receiver, then resend it.",
        tries(delivery.summary.attempts),
        last(delivery)
    )
}

pub(super) fn skipped(deleted: bool) -> String {
    if deleted {
        "The webhook was deleted before this was sent.".to_owned()
    } else {
        "Skipped by recover; resend it if it is wanted after all.".to_owned()
    }
}

pub(super) fn expired(days: u32) -> String {
    format!(
        "Put aside for more than {days} days, the limit of retention; it is not sent any more unless it is resent."
    )
}

pub(super) fn parked(health: Option<&Health>, project: &Project) -> String {
    let now = match project.webhooks {
        WebhookSwitch::Off => "the project's webhooks are off".to_owned(),
        WebhookSwitch::ViewOnly => "the project's plan only lets look at webhooks".to_owned(),
        WebhookSwitch::On => match health {
            Some(health) if health.state == HealthState::Disabled => {
                format!("the webhook is {}", disabled(health))
            }
            _ => "the webhook or its project was off, and is on again".to_owned(),
        },
    };
    format!(
        "Put aside: {now}. What is parked waits for a recovery of the webhook, which delivers or skips it."
    )
}

/// `disabled since ... (gone)`
fn disabled(health: &Health) -> String {
    let reason = match health.reason {
        Some(DisabledReason::FailureLimit) => "it failed as often in a row as its limit allows",
        Some(DisabledReason::FailingTooLong) => "it failed for too long",
        Some(DisabledReason::Gone) => "the receiver said 410 Gone",
        Some(DisabledReason::Plan) => "the project's plan",
        Some(DisabledReason::Manual) | None => "switched off by hand",
    };
    match &health.since {
        Some(since) => format!("disabled since {since}: {reason}"),
        None => format!("disabled: {reason}"),
    }
}

pub(super) fn paused(health: Option<&Health>) -> String {
    let since = health.and_then(|h| h.since.as_deref());
    let since = since.map_or_else(String::new, |since| format!(" since {since}"));
    format!(
        "The webhook is paused{since}; nothing is lost, order is kept. Resume it to let it go on."
    )
}

pub(super) fn backing_off(
    health: Option<&Health>,
    delivery: &EventDelivery,
    probe_ms: i64,
) -> String {
    let failures = match health.map_or(0, |h| h.consecutive_failures) {
        1 => "1 failure".to_owned(),
        n => format!("{n} failures in a row"),
    };
    let status = health.and_then(|h| h.last_status);
    let status = status.map_or_else(String::new, |s| format!(", the last with status {s}"));
    let own = match delivery.summary.attempts {
        0 => String::new(),
        n => format!(
            " {} of this one failed; the last: {}.",
            tries(n),
            last(delivery)
        ),
    };
    format!(
        "The webhook backs off: {failures}{status}.{own} It is probed at {}; the first success lets everything follow. Repair the receiver.",
        at(probe_ms)
    )
}

pub(super) fn retry(reason: Reason, delivery: &EventDelivery, next_ms: i64) -> String {
    let last = last(delivery);
    let next = at(next_ms);
    match reason {
        Reason::Blocked => format!(
            "The server must not connect there: {last}. It is judged again at {next}. Change the URL, or have the administrator allow the address (egress.allow)."
        ),
        Reason::Unsendable => format!(
            "This server could not send it: {last}. It tries again at {next}; the receiver is not at fault."
        ),
        _ if delivery.summary.attempts == 0 => format!("It is due at {next}."),
        _ => format!(
            "{} failed; the last: {last}. The next is at {next}.",
            tries(delivery.summary.attempts)
        ),
    }
}

pub(super) fn own_fault(until_ms: i64) -> String {
    format!(
        "This server could not send to the webhook a moment ago and pauses it until {}; see its log.",
        at(until_ms)
    )
}

pub(super) fn in_flight(delivery: &EventDelivery) -> String {
    let n = u64::from(delivery.summary.attempts) + 1;
    format!("Try {n} is under way, or its result is just being written.")
}

pub(super) fn behind(behind: &Behind, wall: &(dyn Fn(i64) -> i64 + Sync), now: Time) -> String {
    let others = match behind.ahead {
        0 | 1 => String::new(),
        n => format!(" and {} more", n - 1),
    };
    let due = wall(behind.due_ms);
    let its_turn = if behind.in_flight {
        "is being tried now".to_owned()
    } else if due > now.as_millisecond() {
        format!("is tried again at {}", at(due))
    } else {
        "starts next".to_owned()
    };
    format!(
        "Waits behind {} about {}{others}, so that {} keeps its order; that one {its_turn}.",
        behind.delivery,
        object(behind),
        behind.item
    )
}

/// For what waits for something else first.
pub(super) fn also_behind(behind: Option<&Behind>) -> String {
    behind.map_or_else(String::new, |behind| {
        format!(
            " It also stands behind {} about {}.",
            behind.delivery,
            object(behind)
        )
    })
}

pub(super) fn seat(seat: Seat) -> String {
    match seat {
        Seat::Webhook { most } => format!(
            "The webhook's limit of {most} requests at the same time is reached: it starts when one ends. Raise the limit, or let the receiver answer faster."
        ),
        Seat::Unwritten => {
            "The results of the webhook's last tries are still being written; it starts then.".to_owned()
        }
        Seat::Server => {
            "The server has as many requests under way as it makes at once; it starts when one ends."
                .to_owned()
        }
    }
}

pub(super) fn recovering() -> String {
    "What recover or resend brings back goes to the webhook first; this follows when that is through.".to_owned()
}

pub(super) fn queued(pending: u64) -> String {
    format!("Further back in the webhook's queue, in which {pending} deliveries wait.")
}

pub(super) fn starting(moving: bool) -> String {
    if moving {
        "Recorded or tried this very moment; ask again.".to_owned()
    } else {
        "It starts now.".to_owned()
    }
}

pub(super) fn own_event() -> String {
    "The event is that this webhook was switched off; it goes to the project's other webhooks."
        .to_owned()
}

pub(super) fn silent(webhook: &Webhook, bulk: Option<EventId>) -> String {
    let dialect = tidings_dialects::find(&webhook.dialect);
    let bulk = bulk.map_or_else(String::new, |id| {
        format!(" It is part of the bulk update {id}: explain that event too.")
    });
    format!(
        "{} has no word for this; the catalogue lists what it says.{bulk}",
        dialect.map_or("The dialect", |d| d.title())
    )
}

pub(super) fn created_later(webhook: &Webhook) -> String {
    format!(
        "The webhook was created at {}, after the event was recorded; a webhook is told of what happens from then on.",
        webhook.created_at
    )
}

/// What makes up for what was missed.
const RECOVER: &str =
    "What it missed waits for a recovery of the webhook, which delivers or skips it.";

pub(super) fn project_off(project: &Project, missed: bool) -> String {
    let now = match project.webhooks {
        WebhookSwitch::On => " They are on now.",
        WebhookSwitch::Off | WebhookSwitch::ViewOnly => "",
    };
    let then = if missed {
        RECOVER
    } else {
        "Recover has dealt with it."
    };
    format!("The project's webhooks were not on when the event was recorded.{now} {then}")
}

pub(super) fn webhook_off(health: Option<&Health>) -> String {
    let now = match health {
        Some(health) if health.state == HealthState::Disabled => disabled(health),
        _ => "on again now".to_owned(),
    };
    format!("The webhook was off when the event was recorded; it is {now}. {RECOVER}")
}

pub(super) fn not_selected(code: &str, edited: Option<&str>) -> String {
    let edited = edited.map_or_else(String::new, |at| {
        format!(" as it is now (it was edited at {at}, after the event)")
    });
    format!("The webhook does not select {code}{edited}; select it to get it from then on.")
}

pub(super) fn none_selected(codes: &[&str], dialect: &str) -> String {
    format!(
        "In {dialect} this event is {}, and the webhook selects none of these; select one to get it from then on.",
        codes.join(", ")
    )
}

pub(super) fn other_code(code: &str, other: &str) -> String {
    format!("The webhook also selects {other}, which says this instead of {code}.")
}

pub(super) fn changed_since(edited: &str) -> String {
    format!(
        "The webhook selects this now; it was edited at {edited}, after the event, and did not get it then."
    )
}

pub(super) fn not_in_log(edited: Option<&str>, removed: bool) -> String {
    let mut may = Vec::new();
    if removed {
        may.push("retention has removed the delivery from the log".to_owned());
    }
    if let Some(at) = edited {
        may.push(format!(
            "the webhook did not select it before it was edited at {at}"
        ));
    }
    if may.is_empty() {
        may.push("nothing that is kept says why".to_owned());
    }
    format!(
        "The webhook selects this and the log has no delivery of it: {}.",
        may.join(", or ")
    )
}
