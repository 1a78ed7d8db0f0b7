//! What is said of a delivery, by where it stands; and the order of the reasons.

use std::sync::Arc;

use tidings_delivery::waiting::Seat;
use tidings_domain::webhook::{DisabledReason, HealthState};
use tidings_domain::{Change, Collection, Doc, Event, EventId, ObjectRef, ProjectId, Verb};
use tidings_storage::{DeliverySummary, LastAttempt};

use super::*;

/// 2026-03-02T11:40:00Z
const NOW_MS: i64 = 1_772_451_600_000;

fn delivery(state: DeliveryState, attempts: u32, outcome: Outcome) -> EventDelivery {
    let last = LastAttempt {
        outcome,
        status: None,
        duration_ms: 3,
        error: Some("some_code".to_owned()),
    };
    EventDelivery {
        summary: DeliverySummary {
            id: DeliveryId(7),
            webhook: Some(WebhookId(1)),
            event: Some(EventId(1)),
            dialect: "standard".to_owned(),
            code: "task.created".to_owned(),
            object: "tasks/5".to_owned(),
            sequence: Some(1),
            title: String::new(),
            state,
            trigger: "event".to_owned(),
            late: false,
            created_ms: NOW_MS,
            due_ms: None,
            attempts,
            last: (attempts > 0).then_some(last),
        },
        last_at: (attempts > 0).then(|| "2026-03-02T11:39:59.250Z".to_owned()),
        detail: (attempts > 0).then(|| "10.0.0.1 is private".to_owned()),
    }
}

fn activity() -> Activity {
    let task = Doc::empty(Collection::Tasks).with("id", 5);
    Activity {
        event: Arc::new(Event {
            id: EventId(1),
            project: ProjectId(1),
            at: Time::default(),
            actor: None,
            what: What::Change(Change::plain(Verb::Created, Arc::new(task))),
        }),
        recorded_ms: NOW_MS,
    }
}

/// Reason, words and next try of one delivery that waits like this.
fn judged(one: EventDelivery, why: Option<Why>, health: &Health) -> (Reason, String, Option<i64>) {
    let behind = matches!(why, Some(Why::Turn)).then(|| Behind {
        delivery: DeliveryId(3),
        item: ObjectRef::new(Collection::Tasks, 5),
        object: None,
        ahead: 3,
        in_flight: false,
        due_ms: NOW_MS + 5_000,
    });
    let waiting = why.map(|why| (one.summary.id, Waiting { why, behind }));
    let role = Role {
        webhook: None,
        deliveries: vec![one],
        missed: false,
    };
    let project = Project::new(ProjectId(1), "P", "P", "2026-01-01T00:00:00Z");
    let (activity, then) = (activity(), Then::default());
    let waiting = waiting.into_iter().collect();
    let finding = judge(&Case {
        id: WebhookId(1),
        role: &role,
        health: Some(health),
        activity: &activity,
        then: &then,
        project: &project,
        retention: Retention::default(),
        now: Time::from_millisecond(NOW_MS).unwrap(),
        waiting: &waiting,
        // Stored server time is an hour ahead of the wall.
        wall: &|ms| ms - 3_600_000,
    });
    assert_eq!(finding.lines.len(), 1);
    assert_eq!(finding.detail, finding.lines[0].detail);
    (finding.reason, finding.detail, finding.lines[0].next_ms)
}

#[test]
fn what_is_settled_says_how() {
    use DeliveryState::{Delivered, Expired, Failed, Parked, Skipped};
    let disabled = Health {
        state: HealthState::Disabled,
        reason: Some(DisabledReason::FailureLimit),
        since: Some("2026-03-01T00:00:00Z".to_owned()),
        ..Health::default()
    };
    for (state, attempts, reason, part) in [
        (
            Delivered,
            2,
            Reason::Delivered,
            "Delivered after 2 tries: accepted at 2026-03-02T11:39:59.250Z",
        ),
        (
            Failed,
            11,
            Reason::Failed,
            "Given up after 11 tries; the last: accepted at",
        ),
        (
            Parked,
            0,
            Reason::Parked,
            "disabled since 2026-03-01T00:00:00Z: it failed as often in a row as its limit allows",
        ),
        (Skipped, 0, Reason::Skipped, "The webhook was deleted"),
        (Expired, 0, Reason::Expired, "more than 90 days"),
    ] {
        let one = delivery(state, attempts, Outcome::Accepted);
        let (got, words, next) = judged(one, None, &disabled);
        assert_eq!((got, next), (reason, None), "{state}");
        assert!(words.contains(part), "{state}: {words}");
    }
}

const HOUR_MS: i64 = 3_600_000;

/// A delivery that waits like this after so many tries, the last with that outcome: the reason, the next try, some of the words.
fn check(
    (attempts, outcome): (u32, Outcome),
    why: &Why,
    reason: Reason,
    next: Option<i64>,
    part: &str,
) {
    let one = delivery(DeliveryState::Pending, attempts, outcome);
    let (got, words, at) = judged(one, Some(why.clone()), &Health::default());
    assert_eq!((got, at), (reason, next), "{why:?}");
    assert!(words.contains(part), "{why:?}: {words}");
}

#[test]
fn what_was_not_tried_says_what_it_waits_for() {
    let seat = Seat::Webhook { most: 8 };
    let until_ms = NOW_MS + HOUR_MS;
    for (why, reason, part) in [
        (Why::InFlight, Reason::InFlight, "Try 1 is under way"),
        (Why::Paused, Reason::Paused, "is paused"),
        (Why::Off, Reason::Parked, "was off, and is on again"),
        (Why::Turn, Reason::Behind, "about tasks/5 and 2 more"),
        (
            Why::Seat(seat),
            Reason::InFlightLimit,
            "limit of 8 requests",
        ),
        (Why::Next, Reason::Starting, "starts now"),
        (Why::Sweep, Reason::Recovering, "goes to the webhook first"),
        (Why::Stored, Reason::Queued, "Further back"),
        (Why::Moving, Reason::Starting, "ask again"),
    ] {
        check((0, Outcome::Accepted), &why, reason, None, part);
    }
    check(
        (0, Outcome::Accepted),
        &Why::OwnFault { until_ms },
        Reason::Unsendable,
        Some(NOW_MS),
        "pauses it until 2026-03-02T11:40:00Z",
    );
    // The engine has stopped: nobody knows.
    let one = delivery(DeliveryState::Pending, 0, Outcome::Accepted);
    assert_eq!(judged(one, None, &Health::default()).0, Reason::Starting);
}

#[test]
fn what_failed_says_how_and_when_again() {
    let again = NOW_MS + 30_000;
    let due_ms = again + HOUR_MS;
    for (tries, reason, part) in [
        (
            (1, Outcome::Blocked),
            Reason::Blocked,
            "must not connect there: blocked at 2026-03-02T11:39:59.250Z (10.0.0.1 is private). It is judged again at 2026-03-02T11:40:30Z",
        ),
        (
            (1, Outcome::Unsendable),
            Reason::Unsendable,
            "the receiver is not at fault",
        ),
        (
            (2, Outcome::TimedOut),
            Reason::Retry,
            "2 tries failed; the last: timed out at",
        ),
    ] {
        check(tries, &Why::Retry { due_ms }, reason, Some(again), part);
    }
    // A probe that is overdue comes now.
    let part = "1 try of this one failed";
    let probe = Why::Probe { at_ms: 0 };
    let tries = (1, Outcome::TimedOut);
    check(tries, &probe, Reason::BackingOff, Some(NOW_MS), part);
}

#[test]
fn what_is_late_says_so_whatever_it_is() {
    for state in [DeliveryState::Delivered, DeliveryState::Failed] {
        let mut one = delivery(state, 4, Outcome::Rejected);
        one.summary.late = true;
        let (_, words, _) = judged(one, None, &Health::default());
        assert!(words.contains("order was given up"), "{words}");
    }
}

#[test]
fn trouble_is_told_before_waiting_before_success_before_silence() {
    let order = [
        Reason::Failed,
        Reason::Parked,
        Reason::Paused,
        Reason::BackingOff,
        Reason::Retry,
        Reason::Behind,
        Reason::InFlight,
        Reason::Delivered,
        Reason::ChangedSince,
        Reason::OtherCode,
        Reason::NotSelected,
    ];
    assert!(order.is_sorted(), "{order:?}");
    assert!(Reason::ALL.is_sorted());
    let mut words: Vec<&str> = Reason::ALL.iter().map(|r| r.as_str()).collect();
    words.sort_unstable();
    words.dedup();
    assert_eq!(words.len(), Reason::ALL.len());
}
