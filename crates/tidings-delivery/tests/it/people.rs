//! What people do: pause, switch off and on, edit, delete, recover, resend, test.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use tidings_delivery::Settings;
use tidings_dialects::{About, Message};
use tidings_domain::webhook::{DisabledReason, HealthState, Sealed};
use tidings_domain::{Collection, DeliveryId, ObjectRef};
use tidings_storage::audit::{Actor, AuditEntry, AuditFilter};
use tidings_storage::gated::{Gate, Gated};
use tidings_storage::{Store, StoreError};
use tokio::sync::Notify;

use crate::world::{Act, PROJECT, World, triggers};

#[tokio::test(start_paused = true)]
async fn pause_holds_and_resume_sends_in_order() {
    let world = World::new(1).await;
    let hook = world.webhook("a.test").await;
    let health = world.engine.pause(hook).await.unwrap();
    assert_eq!(health.state, HealthState::Paused);
    assert_eq!(world.stored(hook).await.1.state, HealthState::Paused);
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.extend(world.send(1, &[hook]).await);
    }
    world.pass(100).await;
    assert!(world.receivers.to("a.test").is_empty());
    assert_eq!(world.state(ids[0]).await, "held");
    world.engine.resume(hook).await.unwrap();
    world.pass(1).await;
    let seen: Vec<String> = world
        .receivers
        .to("a.test")
        .into_iter()
        .map(|s| s.id)
        .collect();
    let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
    assert_eq!(seen, ids);
}

#[tokio::test(start_paused = true)]
async fn in_flight_while_paused_settles_and_changes_no_health() {
    let world = World::new(1).await;
    let hook = world
        .webhook_with("a.test", |w| w.failure_limit = Some(1))
        .await;
    world.receivers.script("a.test", |_| Act::Slow(500, 2_000));
    let id = world.send(1, &[hook]).await[0];
    world.pass(1).await;
    world.engine.pause(hook).await.unwrap();
    world.pass(10).await;
    assert_eq!(world.state(id).await, "held");
    assert_eq!(world.health(hook).state, HealthState::Paused);
    assert_eq!(world.health(hook).consecutive_failures, 0);
    assert_eq!(world.receivers.to("a.test").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn disable_parks_enable_leaves_parked_and_recover_delivers_in_order() {
    let world = World::new(1).await;
    let hook = world.webhook_with("a.test", |w| w.max_in_flight = 1).await;
    world.receivers.script("a.test", |_| Act::Slow(200, 1_000));
    let mut ids = Vec::new();
    for _ in 0..4 {
        ids.extend(world.send(1, &[hook]).await);
    }
    world.settle().await;
    let health = world
        .engine
        .disable(hook, DisabledReason::Manual)
        .await
        .unwrap();
    assert_eq!(health.reason, Some(DisabledReason::Manual));
    world.pass(10).await;
    // The one in flight was delivered all the same.
    assert_eq!(world.state(ids[0]).await, "delivered");
    assert_eq!(world.state(ids[1]).await, "parked");
    assert_eq!(world.send(1, &[hook]).await.len(), 0);
    world.engine.enable(hook).await.unwrap();
    let fresh = world.send(2, &[hook]).await[0];
    world.pass(10).await;
    assert_eq!(world.state(ids[1]).await, "parked");
    assert_eq!(world.state(fresh).await, "delivered");
    assert_eq!(world.engine.recover(hook, 0, true, true).await.unwrap(), 3);
    assert_eq!(world.engine.recover(hook, 0, true, false).await.unwrap(), 3);
    world.pass(10).await;
    let seen: Vec<String> = world
        .receivers
        .to("a.test")
        .into_iter()
        .map(|s| s.id)
        .collect();
    let expected = [ids[0], fresh, ids[1], ids[2], ids[3]].map(|id| id.to_string());
    assert_eq!(seen, expected);
    assert_eq!(triggers(&world.delivery(ids[1]).await), ["recover"]);
    assert_eq!(world.engine.recover(hook, 0, true, false).await.unwrap(), 0);
}

#[tokio::test(start_paused = true)]
async fn recovered_after_a_later_one_of_the_item_was_started_is_late() {
    let world = World::new(1).await;
    let hook = world.webhook("a.test").await;
    world.receivers.script("a.test", |_| Act::Status(410));
    let old = world.send(1, &[hook]).await[0];
    let other = world.send(2, &[hook]).await[0];
    world.pass(1).await;
    world.receivers.script("a.test", |_| Act::Status(200));
    world.engine.enable(hook).await.unwrap();
    world.send(1, &[hook]).await;
    world.pass(1).await;
    world.engine.recover(hook, 0, true, false).await.unwrap();
    world.pass(1).await;
    assert_eq!(world.state(old).await, "delivered");
    assert!(world.delivery(old).await.summary.late);
    assert!(!world.delivery(other).await.summary.late);
    let seen = world.receivers.to("a.test");
    let again = seen.iter().rfind(|s| s.id == old.to_string()).unwrap();
    assert_eq!(again.header("x-tidings-late"), Some("1"));
}

#[tokio::test(start_paused = true)]
async fn recover_of_a_disabled_webhook_enables_it() {
    let world = World::new(1).await;
    let hook = world.webhook("a.test").await;
    world.receivers.script("a.test", |_| Act::Status(410));
    let id = world.send(1, &[hook]).await[0];
    world.pass(1).await;
    world.receivers.script("a.test", |_| Act::Status(200));
    world.engine.recover(hook, 0, true, false).await.unwrap();
    world.pass(1).await;
    assert_eq!(world.health(hook).state, HealthState::Ok);
    assert!(world.stored(hook).await.0.enabled);
    assert_eq!(world.state(id).await, "delivered");
}

#[tokio::test(start_paused = true)]
async fn recover_may_skip() {
    let world = World::new(1).await;
    let hook = world.webhook("a.test").await;
    world.receivers.script("a.test", |_| Act::Status(410));
    let id = world.send(1, &[hook]).await[0];
    world.pass(1).await;
    assert_eq!(
        world.engine.recover(hook, 0, false, false).await.unwrap(),
        1
    );
    assert_eq!(world.state(id).await, "skipped");
    assert_eq!(world.health(hook).state, HealthState::Disabled);
}

#[tokio::test(start_paused = true)]
async fn leaving_on_parks_and_coming_back_sends_what_is_new() {
    let world = World::new(1).await;
    let hook = world.webhook("a.test").await;
    world.receivers.script("a.test", |_| Act::Status(500));
    let old = world.send(1, &[hook]).await[0];
    world.pass(1).await;
    world.engine.project_switched(PROJECT, false).await;
    world.pass(100).await;
    assert_eq!(world.state(old).await, "parked");
    assert_eq!(world.receivers.to("a.test").len(), 1);
    world.receivers.script("a.test", |_| Act::Status(200));
    world.engine.project_switched(PROJECT, true).await;
    let new = world.send(1, &[hook]).await[0];
    world.pass(1).await;
    assert_eq!(world.state(new).await, "delivered");
    assert_eq!(world.state(old).await, "parked");
    assert!(world.stored(hook).await.0.enabled);
}

#[tokio::test(start_paused = true)]
async fn an_edit_acts_from_the_next_try_with_the_same_id_and_bytes() {
    let world = World::new(1).await;
    let hook = world.webhook("a.test").await;
    world.receivers.script("a.test", |_| Act::Refuse);
    let id = world.send(1, &[hook]).await[0];
    world.pass(1).await;
    assert_eq!(world.health(hook).state, HealthState::BackingOff);
    world
        .edit(hook, |w| {
            w.url = "http://b.test/".into();
            w.headers = vec![("X-Key".into(), Sealed(b"k".to_vec()))];
        })
        .await;
    assert_eq!(world.health(hook).state, HealthState::Ok);
    world.pass(10).await;
    let (old, new) = (world.receivers.to("a.test"), world.receivers.to("b.test"));
    assert_eq!((old.len(), new.len()), (1, 1));
    assert_eq!((&old[0].id, &old[0].body), (&new[0].id, &new[0].body));
    assert_eq!(new[0].header("X-Key"), Some("k"));
    let detail = world.delivery(id).await;
    let logged = &detail.attempts[1].request_headers;
    assert!(logged.iter().any(|one| one == ("X-Key", "***")));
}

#[tokio::test(start_paused = true)]
async fn deleting_lets_what_is_in_flight_finish_and_skips_the_rest() {
    let world = World::new(1).await;
    let hook = world.webhook("a.test").await;
    world.receivers.script("a.test", |_| Act::Slow(500, 2_000));
    let flying = world.send(1, &[hook]).await[0];
    let waiting = world.send(1, &[hook]).await[0];
    world.pass(1).await;
    world.store.delete_webhook(PROJECT, hook).await.unwrap();
    world.engine.webhook_deleted(hook).await;
    world.pass(100).await;
    assert_eq!(world.receivers.to("a.test").len(), 1);
    let detail = world.delivery(flying).await;
    assert_eq!(detail.summary.state.as_str(), "skipped");
    assert_eq!(detail.attempts.len(), 1);
    assert_eq!(world.state(waiting).await, "skipped");
    assert!(world.engine.health(hook).is_none());
    let fault = world.engine.resend(PROJECT, flying).await.unwrap_err();
    assert_eq!(fault.code, "webhook_deleted");
}

#[tokio::test(start_paused = true)]
async fn resend_by_state() {
    let world = World::new(1).await;
    let hook = world
        .webhook_with("a.test", |w| w.retry_schedule = Some(vec![100]))
        .await;
    let delivered = world.send(1, &[hook]).await[0];
    world.pass(1).await;
    // Delivered: one try, and it stays delivered whatever comes.
    world.receivers.script("a.test", |_| Act::Status(500));
    world.engine.resend(PROJECT, delivered).await.unwrap();
    world.pass(1_000).await;
    let detail = world.delivery(delivered).await;
    assert_eq!(triggers(&detail), ["event", "resend"]);
    assert_eq!(detail.summary.state.as_str(), "delivered");
    // Pending: now, if it is its turn.
    let first = world.send(2, &[hook]).await[0];
    let second = world.send(2, &[hook]).await[0];
    world.pass(1).await;
    world.engine.resend(PROJECT, first).await.unwrap();
    world.pass(1).await;
    assert_eq!(triggers(&world.delivery(first).await), ["event", "resend"]);
    let fault = world.engine.resend(PROJECT, second).await.unwrap_err();
    assert_eq!(fault.code, "waiting");
    // Failed: its old place with a fresh schedule; late, if a later one was started.
    world.receivers.script("a.test", |_| Act::Status(500));
    world.pass(3_000).await;
    assert_eq!(world.state(first).await, "failed");
    world.receivers.script("a.test", |_| Act::Status(200));
    world.pass(2_000).await;
    world.engine.resend(PROJECT, first).await.unwrap();
    world.pass(1).await;
    let detail = world.delivery(first).await;
    assert_eq!(detail.summary.state.as_str(), "delivered");
    assert!(detail.summary.late);
    // Paused: held; disabled: refused.
    world.engine.pause(hook).await.unwrap();
    world.engine.resend(PROJECT, first).await.unwrap();
    world.pass(1).await;
    assert_eq!(
        world.delivery(first).await.attempts.len(),
        detail.attempts.len()
    );
    world
        .engine
        .disable(hook, DisabledReason::Manual)
        .await
        .unwrap();
    let fault = world.engine.resend(PROJECT, first).await.unwrap_err();
    assert_eq!(fault.code, "webhook_disabled");
}

#[tokio::test(start_paused = true)]
async fn asked_for_while_every_seat_is_taken_is_sent_when_one_is_free() {
    let world = World::new(1).await;
    let hook = world.webhook_with("a.test", |w| w.max_in_flight = 1).await;
    world.receivers.script("a.test", |_| Act::Slow(200, 2_000));
    let first = world.send(1, &[hook]).await[0];
    let second = world.send(2, &[hook]).await[0];
    let third = world.send(3, &[hook]).await[0];
    world.pass(1).await;
    world.engine.resend(PROJECT, third).await.unwrap();
    world.pass(10).await;
    for id in [first, second, third] {
        assert_eq!(world.state(id).await, "delivered");
    }
    assert_eq!(triggers(&world.delivery(third).await), ["resend"]);
    let seen = world.receivers.to("a.test");
    assert_eq!(seen[1].id, third.to_string());
}

#[tokio::test(start_paused = true)]
async fn tests_go_at_once_whatever_the_health_and_change_none() {
    let world = World::new(1).await;
    let hook = world.webhook("a.test").await;
    world
        .engine
        .disable(hook, DisabledReason::Manual)
        .await
        .unwrap();
    world.receivers.script("a.test", |_| Act::Slow(410, 1_000));
    let (webhook, before) = world.stored(hook).await;
    let Some(dialect) = tidings_dialects::find("standard") else {
        return;
    };
    let message = || Message {
        code: "task.updated",
        body: b"{}".to_vec(),
        about: About::Object(ObjectRef::new(Collection::Tasks, 1), 1),
        unless: None,
    };
    let (a, b) = tokio::join!(
        world
            .engine
            .test(&webhook, true, dialect, message(), String::new()),
        world
            .engine
            .test(&webhook, true, dialect, message(), String::new()),
    );
    let seen = world.receivers.to("a.test");
    assert_eq!(seen.len(), 2);
    assert!(seen[1].at >= seen[0].ended.unwrap(), "one at a time");
    let (a, b) = (a.unwrap(), b.unwrap());
    assert!(!a.accepted && !b.accepted);
    assert_eq!(a.attempts[0].trigger, "test");
    assert_eq!(world.delivery(a.delivery).await.attempts.len(), 1);
    assert_eq!(world.stored(hook).await.1, before);
    world.pass(Duration::from_mins(10).as_secs()).await;
    assert_eq!(world.receivers.to("a.test").len(), 2);
}

/// Holds the first edit of a webhook until it is let go.
#[derive(Default)]
struct Hold {
    held: AtomicBool,
    is_held: Notify,
    go: Notify,
}

#[async_trait]
impl Gate for Hold {
    async fn before(&self, call: &'static str) -> Result<(), StoreError> {
        if call == "keep" && !self.held.swap(true, Ordering::Relaxed) {
            self.is_held.notify_one();
            self.go.notified().await;
        }
        Ok(())
    }

    async fn after(&self, _: &'static str) {}
}

#[tokio::test(start_paused = true)]
async fn enabled_while_the_server_still_writes_down_that_it_disabled_it_stays_enabled() {
    let hold = Arc::new(Hold::default());
    let gate = Arc::clone(&hold);
    let world = World::behind(1, Settings::default(), |store| {
        Arc::new(Gated::new(store, gate))
    })
    .await;
    let hook = world
        .webhook_with("a.test", |w| w.failure_limit = Some(1))
        .await;
    world.receivers.script("a.test", |_| Act::Status(500));
    world.send(1, &[hook]).await;
    let writes = tokio::time::timeout(Duration::from_mins(5), hold.is_held.notified());
    writes.await.expect("the server writes it down");
    world.receivers.script("a.test", |_| Act::Status(200));
    world.engine.enable(hook).await.unwrap();
    hold.go.notify_one();
    world.pass(10).await;
    let (stored, health) = world.stored(hook).await;
    assert_eq!((stored.enabled, health.state), (true, HealthState::Ok));
    assert_eq!(world.send(1, &[hook]).await.len(), 1);
}

/// A store that takes no small writes: what is noted must come with the change.
struct NoSmallWrites;

#[async_trait]
impl Gate for NoSmallWrites {
    async fn before(&self, call: &'static str) -> Result<(), StoreError> {
        if call == "keep" {
            return Err(StoreError::Unavailable("not now".to_owned()));
        }
        Ok(())
    }

    async fn after(&self, _: &'static str) {}
}

fn entry(operation: &'static str) -> AuditEntry {
    AuditEntry {
        project: Some(PROJECT),
        webhook: None,
        operation: operation.into(),
        actor: Actor::server(),
        address: None,
        key: None,
        target: "webhooks/1".to_owned(),
        name: String::new(),
        changes: Vec::new(),
    }
}

async fn noted(world: &World) -> Vec<String> {
    let all = AuditFilter::default();
    let page = world.store.audit(&all, 0, 100).await.unwrap();
    let rows = page.data.into_iter();
    rows.map(|row| row.entry.operation.into_owned()).collect()
}

#[tokio::test(start_paused = true)]
async fn who_paused_is_noted_with_it_and_only_where_something_changed() {
    let between = |store| Arc::new(Gated::new(store, Arc::new(NoSmallWrites))) as Arc<dyn Store>;
    let world = World::behind(1, Settings::default(), between).await;
    let hook = world.webhook("a.test").await;
    let noting = |operation| world.engine.clone().noting(entry(operation));
    noting("webhook.resume").resume(hook).await.unwrap();
    noting("webhook.pause").pause(hook).await.unwrap();
    assert_eq!(noted(&world).await, ["webhook.pause"]);
    noting("webhook.pause").pause(hook).await.unwrap();
    noting("webhook.resume").resume(hook).await.unwrap();
    assert_eq!(noted(&world).await, ["webhook.resume", "webhook.pause"]);
}

#[tokio::test(start_paused = true)]
async fn who_brings_something_back_is_noted_with_it() {
    let world = World::new(1).await;
    let hook = world.webhook("a.test").await;
    let engine = world.engine.clone().noting(entry("webhook.recover"));
    assert_eq!(engine.recover(hook, 0, false, true).await.unwrap(), 0);
    assert_eq!(noted(&world).await, [""; 0], "counting is no change");
    engine.recover(hook, 0, false, false).await.unwrap();
    assert_eq!(noted(&world).await, ["webhook.recover"]);

    let engine = world.engine.clone().noting(entry("delivery.resend"));
    let delivered = world.send(1, &[hook]).await[0];
    world.pass(1).await;
    engine.resend(PROJECT, delivered).await.unwrap();
    assert_eq!(noted(&world).await, ["delivery.resend", "webhook.recover"]);
    let unknown = DeliveryId(delivered.0 + 1);
    assert!(engine.resend(PROJECT, unknown).await.is_err());
    assert_eq!(noted(&world).await.len(), 2);
}
