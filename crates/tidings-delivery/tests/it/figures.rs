//! What people see of the engine at work: hours, history, figures, and what changes right now.

use std::time::Duration;

use tidings_delivery::News;
use tidings_domain::webhook::{DisabledReason, HealthState, Shift};
use tidings_domain::{DeliveryId, WebhookId};
use tidings_storage::{Hour, Store as _};

use crate::transport::Act;
use crate::world::{PROJECT, World};

async fn shifts(world: &World, hook: WebhookId) -> Vec<Shift> {
    let page = world.store.shifts(PROJECT, hook, 0, 100).await.unwrap();
    page.data.into_iter().rev().map(|(_, s)| s).collect()
}

/// Accepted and failed tries, as people see them and as the store has them.
async fn counted(world: &World, hook: WebhookId) -> [(u32, u32); 2] {
    let sum = |hours: Vec<Hour>| {
        let of = |f: fn(&Hour) -> u32| hours.iter().map(f).sum();
        (of(|h| h.accepted), of(|h| h.failed))
    };
    let seen = world.engine.hours(&[hook]).await.unwrap();
    let stored = world.store.hours(&[hook], 0).await.unwrap();
    [sum(seen), sum(stored)]
}

#[tokio::test(start_paused = true)]
async fn hours_are_seen_at_once_written_every_minute_and_at_the_end() {
    let mut world = World::new(1).await;
    let hook = world.webhook("good.example").await;
    let quiet = world.webhook("quiet.example").await;
    world.send(1, &[hook]).await;
    world.send(2, &[hook]).await;
    world.settle().await;
    assert_eq!(counted(&world, hook).await, [(2, 0), (0, 0)]);
    world.pass(61).await;
    assert_eq!(counted(&world, hook).await, [(2, 0), (2, 0)]);

    world.send(3, &[hook]).await;
    world.settle().await;
    assert_eq!(counted(&world, hook).await, [(3, 0), (2, 0)]);
    world.crash().await;
    world.settle().await;
    assert_eq!(
        counted(&world, hook).await,
        [(2, 0), (2, 0)],
        "a crash costs what was not written"
    );

    world.receivers.script("good.example", |_| Act::Status(500));
    world.send(4, &[hook]).await;
    world.settle().await;
    world.stop_and_start(Duration::from_secs(1)).await;
    assert_eq!(counted(&world, hook).await, [(2, 1), (2, 1)]);
    assert_eq!(counted(&world, quiet).await, [(0, 0), (0, 0)]);

    // A day later nothing of it is shown.
    world.pass(25 * 3600).await;
    let day = world.engine.hours(&[hook]).await.unwrap();
    assert!(day.iter().all(|h| h.accepted == 0), "{day:?}");
}

#[tokio::test(start_paused = true)]
async fn a_store_that_cannot_write_keeps_no_count_back() {
    let world = World::new(1).await;
    let hook = world.webhook("good.example").await;
    world.send(1, &[hook]).await;
    world.settle().await;
    world.store.set_full(true);
    world.pass(61).await;
    assert_eq!(counted(&world, hook).await, [(1, 0), (0, 0)]);
    world.store.set_full(false);
    world.pass(61).await;
    assert_eq!(counted(&world, hook).await, [(1, 0), (1, 0)]);
}

#[tokio::test(start_paused = true)]
async fn the_history_has_each_change_and_who_made_it() {
    let world = World::new(1).await;
    let hook = world
        .webhook_with("bad.example", |w| w.failure_limit = Some(2))
        .await;
    // At once: both are in one batch of results, and both are there.
    let ada = world.engine.on_behalf_of("member:1");
    let (paused, resumed) = tokio::join!(ada.pause(hook), world.engine.resume(hook));
    paused.and(resumed).unwrap();
    world.receivers.script("bad.example", |_| Act::Status(500));
    world.send(1, &[hook]).await;
    world.pass(3600).await;
    world
        .engine
        .on_behalf_of("app:ci")
        .enable(hook)
        .await
        .unwrap();
    world.engine.enable(hook).await.unwrap();

    let all = shifts(&world, hook).await;
    let told: Vec<_> = all
        .iter()
        .map(|s| (s.state, s.reason, s.by.as_deref(), s.failures))
        .collect();
    let limit = Some(DisabledReason::FailureLimit);
    assert_eq!(
        told,
        [
            (HealthState::Paused, None, Some("member:1"), 0),
            (HealthState::Ok, None, None, 0),
            (HealthState::BackingOff, None, None, 1),
            (HealthState::Disabled, limit, None, 2),
            (HealthState::Ok, None, Some("app:ci"), 0),
        ]
    );
    assert!(all.windows(2).all(|w| w[0].at <= w[1].at));
    assert_eq!(all[3].status, Some(500));
}

#[tokio::test(start_paused = true)]
async fn a_recovery_that_enables_is_in_the_history_once() {
    let world = World::new(1).await;
    let hook = world.webhook("good.example").await;
    world
        .engine
        .disable(hook, DisabledReason::Manual)
        .await
        .unwrap();
    let ada = world.engine.on_behalf_of("member:1");
    ada.recover(hook, 0, true, false).await.unwrap();
    world.pass(10).await;
    let all = shifts(&world, hook).await;
    let told: Vec<_> = all.iter().map(|s| (s.state, s.by.as_deref())).collect();
    let (off, on) = (HealthState::Disabled, HealthState::Ok);
    assert_eq!(told, [(off, None), (on, Some("member:1"))]);
    let ended = world.engine.sweep_ended(hook).unwrap();
    assert!(ended.progress.complete);
}

#[tokio::test(start_paused = true)]
async fn who_watches_is_told_until_the_end() {
    let world = World::new(1).await;
    let hook = world.webhook("good.example").await;
    let mut watch = world.engine.watch(PROJECT);
    let id = world.send(1, &[hook]).await[0];
    assert_eq!(watch.next().await, Some(News::Delivery(id)), "it is there");
    assert_eq!(watch.next().await, Some(News::Delivery(id)), "it was tried");
    assert_eq!(world.state(id).await, "delivered", "and that is written");
    world.engine.pause(hook).await.unwrap();
    assert_eq!(watch.next().await, Some(News::Webhook(hook)));
    world.engine.shutdown(Duration::from_secs(1)).await;
    while let Some(news) = watch.next().await {
        assert_ne!(news, News::Delivery(DeliveryId(0)));
    }
}

#[tokio::test(start_paused = true)]
async fn the_engine_knows_how_much_and_how_fast() {
    let world = World::new(1).await;
    let (one, two) = (
        world.webhook("a.example").await,
        world.webhook("b.example").await,
    );
    world.engine.pause(two).await.unwrap();
    world.send(1, &[one, two]).await;
    world.settle().await;
    let figures = world.engine.figures();
    assert_eq!(figures.states, [1, 0, 1, 0]);
    assert_eq!(figures.in_flight, 0);
    assert_eq!(figures.minutes.last(), Some(&(1, 0)));
    let slow: Vec<_> = figures.slowest.iter().map(|s| s.webhook).collect();
    assert_eq!(slow, [one], "the other one was never tried");
    assert_eq!(world.store.figures().await.unwrap().waiting, 1);
}
