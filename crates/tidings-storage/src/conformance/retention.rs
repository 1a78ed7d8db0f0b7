//! Chapters on what goes: by age, and with its project.

use std::time::Duration;

use tidings_domain::delivery::{DeliveryState, Trigger};
use tidings_domain::webhook::{Health, HealthState};
use tidings_domain::{Collection, ObjectRef, ProjectId};

use super::bench::{Bench, DAY_MS, attempt, not_found, task};
use crate::{AsOf, DeliveryFilter, Retention, Then};

pub(super) async fn prune_all(b: &Bench, retention: Retention) -> (u64, u64) {
    let (mut removed, mut expired) = (0, 0);
    for _ in 0..100 {
        let step = b.store.prune(b.clock.now_ms(), retention, 2).await.unwrap();
        removed += step.removed;
        expired += step.expired;
        if !step.more {
            return (removed, expired);
        }
    }
    panic!("retention does not come to an end");
}

pub(super) async fn retention(b: Bench) {
    let p = b.project("p").await;
    let hook = b.hook(p, "h").await;
    let docs: Vec<_> = (1..=6).map(|id| task(id, "old")).collect();
    let recorded = b.put(p, docs, &[hook]).await;
    let d = &recorded.deliveries;
    let keep = Retention::default();
    let accepted = || Some(attempt(Trigger::Event, Some(200), None));
    for queued in &d[..4] {
        b.settle(queued, accepted(), Then::Delivered).await;
    }
    b.settle(&d[4], None, Then::Parked).await;
    assert_eq!(prune_all(&b, keep).await, (0, 0), "all of it is young");

    let few = Retention {
        max_rows: 4,
        ..keep
    };
    prune_all(&b, few).await;
    let left = b.found(p, DeliveryFilter::default()).await;
    assert_eq!(
        left,
        [d[5].id, d[4].id, d[3].id, d[2].id],
        "the oldest settled go"
    );
    let tiny = Retention {
        max_bytes: 1,
        ..keep
    };
    prune_all(&b, tiny).await;
    let left = b.found(p, DeliveryFilter::default()).await;
    assert_eq!(
        left,
        [d[5].id, d[4].id],
        "what waits is never removed for room"
    );

    b.clock
        .advance(Duration::from_millis(u64::try_from(31 * DAY_MS).unwrap()));
    b.put(p, vec![task(1, "new").with("sequence", 2)], &[])
        .await;
    prune_all(&b, keep).await;
    let old = recorded.plan.events[0].event.id;
    assert!(
        b.store.event(p, old).await.unwrap().is_none(),
        "old events go"
    );
    let left = b.found(p, DeliveryFilter::default()).await;
    assert_eq!(left, [d[5].id, d[4].id], "parked and pending stay");
    let now = b.see(p, AsOf::Now, |s| s.all(Collection::Tasks).len());
    assert_eq!(now.await, 6, "objects are no log");

    let paused = Health {
        state: HealthState::Paused,
        ..Health::default()
    };
    b.store.settle(&[], &[(hook, paused)]).await.unwrap();
    b.clock
        .advance(Duration::from_millis(u64::try_from(60 * DAY_MS).unwrap()));
    let (_, expired) = prune_all(&b, Retention { days: 365, ..keep }).await;
    assert_eq!(expired, 2, "held and parked for 90 days");
    assert_eq!(b.state(p, d[4].id).await, DeliveryState::Expired);
    assert_eq!(b.state(p, d[5].id).await, DeliveryState::Expired);
    assert_eq!(b.pending(hook).await, []);
    prune_all(&b, keep).await;
    assert!(b.found(p, DeliveryFilter::default()).await.is_empty());
}

pub(super) async fn deleting_a_project(b: Bench) {
    let (p, q) = (b.project("p").await, b.project("q").await);
    let (hook, other) = (b.hook(p, "h").await, b.hook(q, "h").await);
    let recorded = b.put(p, vec![task(1, "a")], &[hook]).await;
    b.put(q, vec![task(1, "a")], &[other]).await;
    b.store.delete_project(p).await.unwrap();
    not_found(b.store.delete_project(p).await);
    assert!(b.store.project("p").await.unwrap().is_none());
    assert_eq!(b.pending(hook).await, []);
    assert_eq!(
        b.pending(other).await.len(),
        1,
        "the other one is untouched"
    );
    assert_eq!(b.store.lanes().await.unwrap().len(), 1);
    let gone = b
        .store
        .delivery(p, recorded.deliveries[0].id)
        .await
        .unwrap();
    assert!(gone.is_none());
    let told = recorded.plan.events[0].event.id;
    not_found(b.store.event(p, told).await);
    not_found(b.store.activities(p, 0, 10).await);
    let again = b.project("P").await;
    assert_eq!(again, ProjectId(3), "the key is free, the id is not");
    let key = ObjectRef::new(Collection::Tasks, 1);
    assert!(b.see(again, AsOf::Now, |s| s.get(key)).await.is_none());
}
