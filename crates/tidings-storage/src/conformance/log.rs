//! Chapters on the sent log.

use std::time::Duration;

use bytes::Bytes;
use tidings_domain::delivery::{DeliveryState, Trigger};
use tidings_domain::webhook::{Health, HealthState};
use tidings_domain::{Collection, DeliveryId, Doc, EventId, ObjectRef, ProjectId, WebhookId};

use super::bench::{Bench, START_MS, attempt, conflict, task};
use super::retention::prune_all;
use crate::{DeliveryFilter, Queued, Retention, TestSend, Then};

pub(super) async fn the_log(b: Bench) {
    let p = b.project("p").await;
    let (one, two) = (b.hook(p, "one").await, b.hook(p, "two").await);
    let early = b
        .put(p, vec![task(1, "Alpha"), task(2, "Beta")], &[one, two])
        .await;
    b.clock.advance(Duration::from_mins(1));
    let noon = b.clock.now_ms();
    let comment = Doc::empty(Collection::Comments)
        .with("id", 7)
        .with("sequence", 2)
        .with("on", ObjectRef::new(Collection::Tasks, 1).to_value());
    let late = b.put(p, vec![comment], &[one]).await;
    let d: Vec<DeliveryId> = early
        .deliveries
        .iter()
        .chain(&late.deliveries)
        .map(|d| d.id)
        .collect();
    let refused = attempt(Trigger::Probe, Some(503), Some("overloaded"));
    b.settle(&early.deliveries[0], Some(refused), Then::Failed)
        .await;
    let accepted = attempt(Trigger::Event, Some(200), None);
    b.settle(&early.deliveries[1], Some(accepted), Then::Delivered)
        .await;
    b.settle(&early.deliveries[2], None, Then::Parked).await;

    let all = DeliveryFilter::default;
    let check = async |filter: DeliveryFilter, expected: &[usize]| {
        let expected: Vec<_> = expected.iter().map(|i| d[*i]).collect();
        let found = b.found(p, filter.clone()).await;
        assert_eq!(found, expected, "{filter:?}");
        // The same, page by page.
        let mut paged = Vec::new();
        let mut before = 0;
        loop {
            let page = b.store.deliveries(p, &filter, before, 1).await.unwrap();
            paged.extend(page.data.iter().map(|d| d.id));
            match page.next {
                Some(next) => before = next,
                None => break,
            }
        }
        assert_eq!(paged, expected, "paged: {filter:?}");
    };
    check(all(), &[4, 3, 2, 1, 0]).await;
    check(
        DeliveryFilter {
            webhook: Some(one),
            ..all()
        },
        &[4, 2, 0],
    )
    .await;
    let state = |state| DeliveryFilter {
        state: Some(state),
        ..all()
    };
    check(state(DeliveryState::Pending), &[4, 3]).await;
    check(state(DeliveryState::Delivered), &[1]).await;
    check(state(DeliveryState::Parked), &[2]).await;
    check(state(DeliveryState::Failed), &[0]).await;
    check(state(DeliveryState::Held), &[]).await;
    check(state(DeliveryState::Skipped), &[]).await;
    let both = DeliveryFilter {
        webhook: Some(one),
        ..state(DeliveryState::Pending)
    };
    check(both, &[4]).await;
    let event = Some(early.plan.events[0].event.id);
    check(DeliveryFilter { event, ..all() }, &[1, 0]).await;
    let code = |code: &str| DeliveryFilter {
        code: Some(code.to_owned()),
        ..all()
    };
    check(code("task.created"), &[3, 2, 1, 0]).await;
    check(code("task.updated"), &[4]).await;
    check(code("task"), &[]).await;
    check(
        DeliveryFilter {
            webhook: Some(two),
            ..code("task.created")
        },
        &[3, 1],
    )
    .await;
    check(
        DeliveryFilter {
            state: Some(DeliveryState::Failed),
            ..code("task.created")
        },
        &[0],
    )
    .await;
    let object = |key: &str| DeliveryFilter {
        object: Some(key.to_owned()),
        ..all()
    };
    check(object("tasks/1"), &[4, 1, 0]).await;
    check(object("comments/7"), &[4]).await;
    check(
        DeliveryFilter {
            event,
            ..object("tasks/2")
        },
        &[],
    )
    .await;
    check(
        DeliveryFilter {
            event,
            ..object("tasks/1")
        },
        &[1, 0],
    )
    .await;
    let trigger = |trigger| DeliveryFilter {
        trigger: Some(trigger),
        ..all()
    };
    check(trigger(Trigger::Probe), &[0]).await;
    check(trigger(Trigger::Event), &[4, 3, 2, 1, 0]).await;
    check(trigger(Trigger::Test), &[]).await;
    check(
        DeliveryFilter {
            webhook: Some(two),
            ..trigger(Trigger::Probe)
        },
        &[],
    )
    .await;
    check(
        DeliveryFilter {
            until_ms: Some(noon),
            state: Some(DeliveryState::Failed),
            ..trigger(Trigger::Probe)
        },
        &[0],
    )
    .await;
    let status = |status| DeliveryFilter {
        status: Some(status),
        ..all()
    };
    check(status(503), &[0]).await;
    check(status(200), &[1]).await;
    check(status(404), &[]).await;
    check(status(204), &[]).await;
    check(
        DeliveryFilter {
            since_ms: Some(noon),
            ..code("task.created")
        },
        &[],
    )
    .await;
    check(
        DeliveryFilter {
            since_ms: Some(noon),
            ..all()
        },
        &[4],
    )
    .await;
    check(
        DeliveryFilter {
            until_ms: Some(noon),
            ..all()
        },
        &[3, 2, 1, 0],
    )
    .await;
    let text = |q: &str| DeliveryFilter {
        q: Some(q.to_owned()),
        ..all()
    };
    check(text("alpha"), &[1, 0]).await;
    check(text("OVERLOADED"), &[0]).await;
    check(text("task.updated"), &[4]).await;
    check(text("\"title\""), &[]).await;
    check(
        DeliveryFilter {
            since_ms: Some(0),
            ..text("\"title\":\"beta")
        },
        &[3, 2],
    )
    .await;

    let paused = Health {
        state: HealthState::Paused,
        ..Health::default()
    };
    b.store.settle(&[], &[(one, paused)]).await.unwrap();
    check(state(DeliveryState::Held), &[4]).await;
    check(state(DeliveryState::Pending), &[3]).await;
    assert_eq!(b.state(p, d[4]).await, DeliveryState::Held);

    let page = b.store.deliveries(p, &all(), 0, 100).await.unwrap();
    let row = &page.data[4];
    assert_eq!(row.webhook, Some(one));
    assert_eq!(row.object, "tasks/1");
    assert_eq!(row.code, "task.created");
    assert_eq!(row.trigger, "event");
    assert_eq!(row.created_ms, START_MS);
    assert_eq!(row.attempts, 1);
    let last = row.last.as_ref().unwrap();
    assert_eq!((last.status, last.duration_ms), (Some(503), 7));
    assert_eq!(last.error.as_deref(), Some("overloaded"));
    let other = b.project("other").await;
    assert!(b.found(other, all()).await.is_empty());
}

/// Page by page, through what retention left, and after it left nothing.
pub(super) async fn the_log_of_an_object(b: Bench) {
    let p = b.project("p").await;
    let hook = b.hook(p, "h").await;
    let about = |key: &str| DeliveryFilter {
        object: Some(key.to_owned()),
        ..DeliveryFilter::default()
    };
    let mut made = Vec::new();
    for turn in 0..6 {
        let docs = vec![
            task(1, &format!("one {turn}")),
            task(2, &format!("two {turn}")),
        ];
        made.extend(b.put(p, docs, &[hook]).await.deliveries);
        b.clock.advance(Duration::from_hours(1));
    }
    let of = |made: &[Queued], key: &str| {
        let own = made.iter().rev().filter(|q| q.message.object == key);
        own.map(|q| q.id).collect::<Vec<_>>()
    };
    let mut paged = Vec::new();
    let mut before = 0;
    loop {
        let page = b
            .store
            .deliveries(p, &about("tasks/1"), before, 2)
            .await
            .unwrap();
        paged.extend(page.data.iter().map(|d| d.id));
        match page.next {
            Some(next) => before = next,
            None => break,
        }
    }
    assert_eq!(paged, of(&made, "tasks/1"));

    // The oldest is parked and stays; those after it go.
    let accepted = || Some(attempt(Trigger::Event, Some(200), None));
    for queued in &made[1..] {
        b.settle(queued, accepted(), Then::Delivered).await;
    }
    b.settle(&made[0], None, Then::Parked).await;
    let few = Retention {
        max_rows: 3,
        ..Retention::default()
    };
    prune_all(&b, few).await;
    let left = [made[11].id, made[10].id, made[0].id];
    assert_eq!(b.found(p, DeliveryFilter::default()).await, left);
    assert_eq!(
        b.found(p, about("tasks/1")).await,
        [made[10].id, made[0].id]
    );
    assert_eq!(b.found(p, about("tasks/2")).await, [made[11].id]);

    b.clock.advance(Duration::from_hours(24 * 365));
    prune_all(&b, Retention::default()).await;
    assert!(b.found(p, DeliveryFilter::default()).await.is_empty());
    let next = b.put(p, vec![task(2, "again")], &[hook]).await.deliveries;
    assert!(b.found(p, about("tasks/1")).await.is_empty());
    assert_eq!(b.found(p, about("tasks/2")).await, [next[0].id]);
}

pub(super) async fn the_log_of_an_event(b: Bench) {
    let p = b.project("p").await;
    let other = b.project("other").await;
    let (one, two) = (b.hook(p, "one").await, b.hook(p, "two").await);
    let gone = b.hook(p, "gone").await;
    let first = b
        .put(p, vec![task(1, "Alpha")], &[two, gone, one])
        .await
        .deliveries;
    b.put(p, vec![task(2, "Beta")], &[one]).await;
    let event = first[0].message.event.unwrap();
    let to = |webhook: WebhookId| first.iter().find(|d| d.webhook == webhook).unwrap();
    let mut refused = attempt(Trigger::Event, Some(503), Some("overloaded"));
    refused.started_at = "2023-11-14T22:13:21.500Z".into();
    let again = Then::Retry {
        due_ms: b.clock.now_ms() + 5_000,
        wait_ms: 5_000,
    };
    b.settle(to(two), Some(refused.clone()), again).await;
    refused.started_at = "2023-11-14T22:13:26.500Z".into();
    b.settle(to(two), Some(refused.clone()), again).await;
    b.store.delete_webhook(p, gone).await.unwrap();
    let ask = async |project, after, upto, limit| {
        let webhooks = (WebhookId(after), WebhookId(upto));
        let found = b
            .store
            .deliveries_of_event(project, event, webhooks, limit)
            .await;
        found.unwrap()
    };
    let ids = |found: &[crate::EventDelivery]| {
        let ids: Vec<DeliveryId> = found.iter().map(|d| d.summary.id).collect();
        ids
    };
    let all = ask(p, 0, i64::MAX, 100).await;
    assert_eq!(ids(&all), [to(one).id, to(two).id, to(gone).id]);
    assert_eq!((&all[0].last_at, &all[0].detail), (&None, &None));
    assert_eq!(all[1].last_at.as_deref(), Some("2023-11-14T22:13:26.500Z"));
    assert_eq!(all[1].detail, refused.error.map(|e| e.detail));
    assert_eq!(all[1].summary.attempts, 2);
    assert_eq!(all[2].summary.state, DeliveryState::Skipped);
    assert_eq!(ids(&ask(p, 0, i64::MAX, 2).await), ids(&all[..2]));
    assert_eq!(ids(&ask(p, one.0, two.0, 100).await), ids(&all[1..2]));
    assert!(ask(p, gone.0, i64::MAX, 100).await.is_empty());
    assert!(ask(other, 0, i64::MAX, 100).await.is_empty());
    tallied(&b, (p, other), event, [one, two, gone]).await;
}

/// Counts and names, also of what is deleted.
async fn tallied(
    b: &Bench,
    (p, other): (ProjectId, ProjectId),
    event: EventId,
    [one, two, gone]: [WebhookId; 3],
) {
    use DeliveryState::{Delivered, Held, Pending, Skipped};
    let count = async |project, events: &[EventId]| b.store.tally(project, events).await.unwrap();
    let counted = count(p, &[event]).await;
    assert_eq!(counted, [(event, Pending, 2), (event, Skipped, 1)]);
    assert_eq!(count(other, &[event]).await, []);
    assert_eq!(count(p, &[]).await, []);
    let waiting = b.store.pending(one, DeliveryId(0), 1).await.unwrap();
    b.settle(&waiting[0], None, Then::Delivered).await;
    let paused = Health {
        state: HealthState::Paused,
        ..Health::default()
    };
    b.store.settle(&[], &[(two, paused)]).await.unwrap();
    let later = waiting[0].message.event.map(|e| EventId(e.0 + 1));
    let counted = count(p, &[later.unwrap(), event]).await;
    let held = [(event, Held, 1), (event, Delivered, 1), (event, Skipped, 1)];
    let mut of_event: Vec<_> = counted.iter().filter(|c| c.0 == event).collect();
    of_event.sort_by_key(|(_, state, _)| held.iter().position(|h| h.1 == *state));
    assert_eq!(of_event, held.iter().collect::<Vec<_>>());
    assert!(counted.len() > held.len());
    let asked = [gone, one, WebhookId(9_999)];
    let names = b.store.webhook_names(p, &asked);
    let mut wanted = vec![(one, "one".to_owned()), (gone, "gone".to_owned())];
    wanted.sort();
    assert_eq!(names.await.unwrap(), wanted);
    let names = b.store.webhook_names(other, &asked);
    assert_eq!(names.await.unwrap(), []);
}

pub(super) async fn tests_in_the_log(b: Bench) {
    let p = b.project("p").await;
    let hook = b.hook(p, "h").await;
    let mut sent = Vec::new();
    for (webhook, accepted) in [(None, false), (Some(hook), true), (None, true)] {
        let delivery = b.store.next_delivery_id().await.unwrap();
        let status = if accepted { 200 } else { 500 };
        let test = TestSend {
            project: p,
            webhook,
            delivery,
            dialect: "standard",
            code: "task.created",
            body: Bytes::from_static(b"{}"),
            object: "tasks/1".to_owned(),
            sequence: Some(1),
            title: "Task created (sample)".to_owned(),
            attempts: vec![attempt(Trigger::Test, Some(status), None)],
            accepted,
        };
        b.store.log_test(test).await.unwrap();
        sent.push(delivery);
    }
    assert!(sent[0] < sent[1]);
    let detail = b.store.delivery(p, sent[0]).await.unwrap().unwrap();
    assert_eq!(detail.summary.webhook, None);
    assert_eq!(detail.summary.event, None);
    assert_eq!(detail.summary.trigger, "test");
    assert_eq!(detail.attempts[0].number, 1);
    assert_eq!(b.state(p, sent[1]).await, DeliveryState::Delivered);
    let all = DeliveryFilter::default();
    assert_eq!(b.found(p, all.clone()).await, [sent[2], sent[1], sent[0]]);
    let failed = DeliveryFilter {
        state: Some(DeliveryState::Failed),
        ..all
    };
    assert_eq!(b.found(p, failed).await, [sent[0]]);
    let tested = DeliveryFilter {
        trigger: Some(Trigger::Test),
        ..DeliveryFilter::default()
    };
    assert_eq!(b.found(p, tested).await, [sent[2], sent[1], sent[0]]);
    let status = |status| DeliveryFilter {
        status: Some(status),
        ..DeliveryFilter::default()
    };
    assert_eq!(b.found(p, status(200)).await, [sent[2], sent[1]]);
    assert_eq!(b.found(p, status(500)).await, [sent[0]]);
    conflict(b.store.resend(p, sent[0]).await, "webhook_deleted");
    assert_eq!(b.pending(hook).await, []);
}
