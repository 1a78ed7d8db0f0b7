//! Chapters on webhooks and their queues.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tidings_domain::delivery::{DeliveryState, Trigger};
use tidings_domain::project::WebhookSwitch;
use tidings_domain::webhook::{Health, HealthState, Sealed, Secrets, Webhook};
use tidings_domain::{Collection, DeliveryId, ObjectRef, Project, ProjectId};

use super::bench::{Bench, START_MS, attempt, conflict, not_found, settlement, task, webhook};
use super::sweeps;
use crate::{AsOf, Errand, NewSweep, Snapshot, Then, WriteWhat};

pub(super) async fn webhooks(b: Bench) {
    let (p, q) = (b.project("p").await, b.project("q").await);
    assert!(!b.store.has_secrets().await.unwrap());
    let first = b.hook(p, "first").await;
    let second = b.hook(p, "second").await;
    assert!(first < second);
    let again = webhook(first, p, "again");
    conflict(b.store.create_webhook(again, Health::default()).await, "id");
    let (stored, health, counts) = b.store.webhook(p, first).await.unwrap().unwrap();
    assert_eq!(stored.name, "first");
    assert_eq!(health, Health::default());
    assert_eq!((counts.pending, counts.parked), (0, 0));
    assert!(b.store.webhook(q, first).await.unwrap().is_none());

    let mut edited = Webhook::clone(&stored);
    edited.version = 2;
    "edited".clone_into(&mut edited.name);
    edited.secrets = Some(Secrets {
        current: Sealed(vec![1, 2, 3]),
        previous: None,
    });
    edited.headers = vec![("x-key".to_owned(), Sealed(vec![9]))];
    b.store.update_webhook(edited.clone()).await.unwrap();
    conflict(b.store.update_webhook(edited.clone()).await, "version");
    let (stored, _, _) = b.store.webhook(p, first).await.unwrap().unwrap();
    assert_eq!(*stored, edited);
    assert!(b.store.has_secrets().await.unwrap());
    let names = |s: &dyn Snapshot| {
        let all = s.webhooks();
        all.iter().map(|w| w.name.clone()).collect::<Vec<_>>()
    };
    assert_eq!(b.see(p, AsOf::Now, names).await, ["edited", "second"]);
    assert!(b.see(q, AsOf::Now, names).await.is_empty());

    let page = b.store.webhooks(p, 0, 1).await.unwrap();
    assert_eq!((page.data.len(), page.next), (1, Some(first.0)));
    let failing = Health {
        state: HealthState::BackingOff,
        consecutive_failures: 3,
        failures_by_hour: vec![1, 2],
        ..Health::default()
    };
    let health = vec![(first, failing.clone())];
    b.store.settle(&[], &health).await.unwrap();
    let (_, stored, _) = b.store.webhook(p, first).await.unwrap().unwrap();
    assert_eq!(stored, failing);

    let one = b.put(p, vec![task(1, "a")], &[first, second]).await;
    let lanes = b.store.lanes().await.unwrap();
    assert_eq!(lanes.len(), 2);
    assert!(lanes.iter().all(|l| l.has_pending && l.project_on));
    b.store.delete_webhook(p, first).await.unwrap();
    not_found(b.store.delete_webhook(p, first).await);
    assert!(b.store.webhook(p, first).await.unwrap().is_none());
    assert!(!b.store.has_secrets().await.unwrap(), "they go at once");
    assert_eq!(b.store.lanes().await.unwrap().len(), 1);
    assert_eq!(b.see(p, AsOf::Now, names).await, ["second"]);
    assert_eq!(b.pending(first).await, []);
    assert_eq!(
        b.state(p, one.deliveries[0].id).await,
        DeliveryState::Skipped,
        "the log stays"
    );
    conflict(
        b.store.resend(p, one.deliveries[0].id).await,
        "webhook_deleted",
    );
    let third = b.store.next_webhook_id().await.unwrap();
    assert!(third > second, "an id is never used again");

    let mut project = Project::clone(&*b.see(p, AsOf::Now, |s| Arc::clone(s.project())).await);
    project.webhooks = WebhookSwitch::Off;
    b.write(p, WriteWhat::Project(Arc::new(project))).await;
    assert!(!b.store.lanes().await.unwrap()[0].project_on);
}

pub(super) async fn queue(b: Bench) {
    let p = b.project("p").await;
    let (one, two) = (b.hook(p, "one").await, b.hook(p, "two").await);
    let docs = vec![task(1, "a"), task(2, "b"), task(3, "c")];
    let recorded = b.put(p, docs, &[one, two]).await;
    let queue = b.store.pending(one, DeliveryId(0), 2).await.unwrap();
    assert_eq!(queue.len(), 2);
    let first = &queue[0];
    assert_eq!(first.message.body, Bytes::from_static(b"{\"title\":\"a\"}"));
    assert_eq!(first.message.roots, [ObjectRef::new(Collection::Tasks, 1)]);
    assert_eq!(first.message.event, Some(recorded.plan.events[0].event.id));
    assert_eq!(first.message.sequence, Some(1));
    assert_eq!(first.trigger, Trigger::Event);
    assert_eq!((first.tries, first.due_ms), (0, None));
    let rest = b.store.pending(one, queue[1].id, 10).await.unwrap();
    assert_eq!(rest.len(), 1, "the queue goes on after the last one seen");

    let failed = attempt(Trigger::Event, Some(500), Some("status"));
    let then = Then::Retry {
        due_ms: START_MS + 5000,
        wait_ms: 5000,
    };
    let mut retry = settlement(first, Some(failed), then);
    retry.late = true;
    b.store.settle(&[retry], &[]).await.unwrap();
    let again = b.store.pending(one, DeliveryId(0), 1).await.unwrap();
    assert_eq!(again[0].id, first.id, "it keeps its place");
    assert_eq!(again[0].tries, 1);
    assert_eq!(again[0].first_try_ms, Some(START_MS));
    assert_eq!(again[0].due_ms, Some(START_MS + 5000));
    assert_eq!(again[0].wait_ms, 5000);
    assert!(again[0].late);
    assert_eq!(again[0].trigger, Trigger::Retry);

    let noted = attempt(Trigger::Retry, None, Some("reset"));
    b.settle(first, Some(noted), Then::AsItIs).await;
    let again = b.store.pending(one, DeliveryId(0), 1).await.unwrap();
    assert_eq!(again[0].due_ms, Some(START_MS + 5000), "as it was");

    let accepted = || attempt(Trigger::Reconnect, Some(204), None);
    b.settle(first, Some(accepted()), Then::Delivered).await;
    b.settle(first, Some(accepted()), Then::Failed).await;
    let detail = b.store.delivery(p, first.id).await.unwrap().unwrap();
    assert_eq!(
        detail.summary.state,
        DeliveryState::Delivered,
        "what is settled stays so"
    );
    let numbers: Vec<_> = detail.attempts.iter().map(|a| a.number).collect();
    assert_eq!(numbers, [1, 2, 3, 4]);
    assert_eq!(detail.body, first.message.body);
    assert_eq!(detail.attempts[0].error.as_ref().unwrap().code, "status");
    assert_eq!(b.pending(one).await.len(), 2);
    assert_eq!(b.pending(two).await.len(), 3, "the other webhook's own");
    assert!(
        b.store
            .delivery(ProjectId(99), first.id)
            .await
            .unwrap()
            .is_none(),
        "another project sees nothing"
    );
    let mut stranger = settlement(first, None, Then::Failed);
    stranger.delivery = DeliveryId(5);
    b.store.settle(&[stranger], &[]).await.unwrap();
}

pub(super) async fn parking(b: Bench) {
    let p = b.project("p").await;
    let hook = b.hook(p, "h").await;
    let early = b.put(p, vec![task(1, "a"), task(2, "b")], &[hook]).await;
    b.clock.advance(Duration::from_mins(1));
    let since_ms = b.clock.now_ms();
    let late = b.put(p, vec![task(3, "c")], &[hook]).await;
    assert_eq!(b.store.park(hook, 2).await.unwrap(), 2);
    assert_eq!(b.store.park(hook, 2).await.unwrap(), 1);
    assert_eq!(b.store.park(hook, 2).await.unwrap(), 0);
    assert_eq!(b.pending(hook).await, []);
    let (_, _, counts) = b.store.webhook(p, hook).await.unwrap().unwrap();
    assert_eq!((counts.pending, counts.parked), (0, 3));

    let since = |since_ms| NewSweep {
        webhook: hook,
        errand: Errand::Deliver,
        since_ms,
        until_ms: None,
    };
    assert_eq!(b.store.count_sweep(since(0)).await.unwrap(), 3);
    assert_eq!(b.pending(hook).await, [], "counting changes nothing");
    let recovered = sweeps::run(&b, p, since(since_ms), None).await;
    assert_eq!(recovered.count, 1);
    let queue = b.store.pending(hook, DeliveryId(0), 9).await.unwrap();
    assert_eq!(queue[0].id, late.deliveries[0].id);
    assert_eq!(queue[0].trigger, Trigger::Recover);
    let skip = NewSweep {
        errand: Errand::Skip,
        ..since(0)
    };
    assert_eq!(sweeps::run(&b, p, skip, None).await.count, 2);
    let skipped = b.state(p, early.deliveries[0].id).await;
    assert_eq!(skipped, DeliveryState::Skipped);
    assert_eq!(sweeps::run(&b, p, since(0), None).await.count, 0);

    b.settle(&queue[0], None, Then::Parked).await;
    assert_eq!(b.state(p, queue[0].id).await, DeliveryState::Parked);

    // A request that was in flight when the rest was put aside.
    let refused = attempt(Trigger::Event, Some(500), Some("status"));
    b.settle(&queue[0], Some(refused), Then::Failed).await;
    assert_eq!(b.state(p, queue[0].id).await, DeliveryState::Parked);
    let accepted = attempt(Trigger::Event, Some(200), None);
    b.settle(&queue[0], Some(accepted), Then::Delivered).await;
    assert_eq!(b.state(p, queue[0].id).await, DeliveryState::Delivered);
    assert_eq!(sweeps::run(&b, p, since(0), None).await.count, 0);
}

pub(super) async fn resending(b: Bench) {
    let p = b.project("p").await;
    let hook = b.hook(p, "h").await;
    let recorded = b.put(p, vec![task(1, "a"), task(2, "b")], &[hook]).await;
    let (first, second) = (&recorded.deliveries[0], &recorded.deliveries[1]);
    conflict(b.store.resend(p, first.id).await, "pending");
    not_found(b.store.resend(ProjectId(9), first.id).await);
    let refused = attempt(Trigger::Event, Some(400), None);
    b.settle(first, Some(refused.clone()), Then::Failed).await;
    let accepted = attempt(Trigger::Event, Some(200), None);
    b.settle(second, Some(accepted), Then::Delivered).await;

    let again = b.store.resend(p, first.id).await.unwrap();
    assert_eq!((again.id, again.tries), (first.id, 0), "a fresh schedule");
    assert_eq!(again.trigger, Trigger::Resend);
    assert!(!again.settled);
    assert_eq!(b.state(p, first.id).await, DeliveryState::Pending);

    let again = b.store.resend(p, second.id).await.unwrap();
    assert!(again.settled);
    assert_eq!(b.state(p, second.id).await, DeliveryState::Delivered);
    conflict(b.store.resend(p, second.id).await, "pending");
    assert_eq!(b.pending(hook).await, [first.id, second.id], "both survive");
    b.settle(&again, Some(refused), Then::Failed).await;
    assert_eq!(b.state(p, second.id).await, DeliveryState::Delivered);
    assert_eq!(b.pending(hook).await, [first.id], "one try");
}
