//! Why a delivery is not being sent right now, as the engine tells it, and who waits for its first try all the same.

use std::time::Duration;

use tidings_delivery::Settings;
use tidings_delivery::waiting::{Seat, Waiting, Why};
use tidings_domain::webhook::{DisabledReason, HealthState, Webhook};
use tidings_domain::{DeliveryId, WebhookId};
use tidings_egress::Outcome;

use crate::world::{Act, World};

async fn ask(world: &World, hook: WebhookId, id: DeliveryId) -> Waiting {
    let mut all = world.engine.waiting(vec![(hook, id)]).await;
    assert_eq!(all.len(), 1);
    all.remove(0)
}

async fn why(world: &World, hook: WebhookId, id: DeliveryId) -> Why {
    ask(world, hook, id).await.why
}

#[tokio::test(start_paused = true)]
async fn behind_the_one_in_flight_and_behind_all_before_it() {
    let world = World::new(1).await;
    let hook = world.webhook("a.test").await;
    world.receivers.script("a.test", |_| Act::Slow(200, 1_000));
    let mut ids = Vec::new();
    for task in [1, 1, 1, 2] {
        ids.extend(world.send(task, &[hook]).await);
    }
    world.settle().await;
    assert_eq!(why(&world, hook, ids[0]).await, Why::InFlight);
    assert_eq!(why(&world, hook, ids[3]).await, Why::InFlight);
    let last = ask(&world, hook, ids[2]).await;
    assert_eq!(last.why, Why::Turn);
    let behind = last.behind.unwrap();
    assert_eq!((behind.delivery, behind.ahead), (ids[0], 2));
    assert_eq!(behind.object.as_deref(), Some("tasks/1"));
    assert_eq!(behind.item.to_string(), "tasks/1");
    assert!(behind.in_flight);
    // Asked in one go, answered in that order.
    let all = ids.iter().map(|id| (hook, *id)).collect();
    let all = world.engine.waiting(all).await;
    let turns = all.iter().map(|w| w.why == Why::Turn).collect::<Vec<_>>();
    assert_eq!(turns, [false, true, true, false]);
}

#[tokio::test(start_paused = true)]
async fn a_message_about_several_items_waits_for_the_longest_queue() {
    let world = World::new(1).await;
    let hook = world.webhook("a.test").await;
    world.receivers.script("a.test", |_| Act::Slow(200, 1_000));
    let mut ids = Vec::new();
    for task in [1, 2, 2] {
        ids.extend(world.send(task, &[hook]).await);
    }
    let bulk = world.send_about(&[1, 2], &[hook]).await[0];
    world.settle().await;
    let behind = ask(&world, hook, bulk).await.behind.unwrap();
    assert_eq!((behind.delivery, behind.ahead), (ids[1], 2));
    assert_eq!(behind.item.to_string(), "tasks/2");
}

#[tokio::test(start_paused = true)]
async fn its_own_time_a_probe_a_pause_and_the_end() {
    let world = World::new(1).await;
    let hook = world.webhook("a.test").await;
    world.receivers.script("a.test", |_| Act::Status(500));
    let first = world.send(1, &[hook]).await[0];
    world.settle().await;
    world.receivers.script("a.test", |_| Act::Refuse);
    let due = world.delivery(first).await.summary.due_ms.unwrap();
    assert_eq!(why(&world, hook, first).await, Why::Retry { due_ms: due });
    // The one behind it waits for it, not for a time of its own.
    let second = world.send(1, &[hook]).await[0];
    world.settle().await;
    let waiting = ask(&world, hook, second).await;
    assert_eq!(waiting.why, Why::Turn);
    let behind = waiting.behind.unwrap();
    assert_eq!((behind.in_flight, behind.due_ms), (false, due));
    world.pass(10).await;
    let Why::Probe { at_ms } = why(&world, hook, second).await else {
        panic!("it backs off");
    };
    let shown = world.health(hook).next_probe_at.unwrap();
    let at = tidings_domain::time::parse(&shown).unwrap();
    let away = world.engine.wall_of(at_ms) - at.as_millisecond();
    assert!((0..1_000).contains(&away), "{away}");
    world.engine.pause(hook).await.unwrap();
    assert_eq!(why(&world, hook, first).await, Why::Paused);
    let manual = DisabledReason::Manual;
    world.engine.disable(hook, manual).await.unwrap();
    assert_eq!(why(&world, hook, first).await, Why::Off);
    world.engine.webhook_deleted(hook).await;
    assert_eq!(why(&world, hook, first).await, Why::Off);
}

#[tokio::test(start_paused = true)]
async fn a_seat_and_the_end_of_our_own_fault() {
    let world = World::new(1).await;
    let hook = world.webhook_with("a.test", |w| w.max_in_flight = 1).await;
    world.receivers.script("a.test", |_| Act::Slow(200, 1_000));
    world.send(1, &[hook]).await;
    let second = world.send(2, &[hook]).await[0];
    world.settle().await;
    let seat = Seat::Webhook { most: 1 };
    assert_eq!(why(&world, hook, second).await, Why::Seat(seat));
    let other = world.webhook("b.test").await;
    world
        .receivers
        .script("b.test", |_| Act::Ours(Outcome::Unsendable));
    let tried = world.send(1, &[other]).await[0];
    world.settle().await;
    let next = world.send(2, &[other]).await[0];
    world.settle().await;
    assert!(matches!(why(&world, other, tried).await, Why::Retry { .. }));
    assert!(matches!(
        why(&world, other, next).await,
        Why::OwnFault { .. }
    ));
}

#[tokio::test(start_paused = true)]
async fn what_is_not_in_memory_lies_in_the_store_or_has_just_moved() {
    let settings = Settings {
        window: 2,
        ..Settings::default()
    };
    let world = World::with(1, settings).await;
    let hook = world.webhook("a.test").await;
    world.receivers.script("a.test", |_| Act::Hang);
    let mut ids = Vec::new();
    for task in 1..=40 {
        ids.extend(world.send(task, &[hook]).await);
    }
    world.settle().await;
    let last = *ids.last().unwrap();
    assert_eq!(why(&world, hook, last).await, Why::Stored);
    assert_eq!(why(&world, hook, ids[0]).await, Why::InFlight);
    let other = world.webhook("b.test").await;
    assert_eq!(why(&world, other, last).await, Why::Moving);
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_a_webhook_that_has_just_gone_bad() {
    let world = World::new(1).await;
    let one_at_a_time = |w: &mut Webhook| w.max_in_flight = 1;
    let hook = world.webhook_with("a.test", one_at_a_time).await;
    let busy = |_: &_| Act::RetryAfter(503, "600");
    world.receivers.script("a.test", busy);
    let mut deliveries = Vec::new();
    for task in [1, 2] {
        let made = world.send(task, &[hook]).await;
        deliveries.extend(made.into_iter().map(|id| (id, hook)));
    }
    let waiter = world.engine.await_first_tries(&deliveries).await.unwrap();
    let soon = tokio::time::timeout(Duration::from_secs(1), waiter.ready()).await;
    assert!(soon.is_ok(), "the second is tried in ten minutes");
    assert_eq!(world.health(hook).state, HealthState::BackingOff);
}
