//! Stops, crashes, full disks, clocks.

use std::time::Duration;

use crate::world::{Act, World, times, triggers};

#[tokio::test(start_paused = true)]
async fn after_a_crash_what_was_open_is_tried_again_first() {
    let mut world = World::new(1).await;
    let hook = world.webhook("a.test").await;
    world.receivers.script("a.test", |_| Act::Hang);
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.extend(world.send(1, &[hook]).await);
    }
    world.settle().await;
    world.crash().await;
    world.receivers.script("a.test", |_| Act::Status(200));
    world.pass(1).await;
    for id in &ids {
        assert_eq!(world.state(*id).await, "delivered");
    }
    assert_eq!(triggers(&world.delivery(ids[0]).await), ["restart"]);
}

#[tokio::test(start_paused = true)]
async fn an_orderly_stop_waits_then_interrupts() {
    let mut world = World::new(1).await;
    let hook = world.webhook("a.test").await;
    let slow = world.webhook("slow.test").await;
    world.receivers.script("a.test", |_| Act::Slow(200, 2_000));
    world.receivers.script("slow.test", |_| Act::Hang);
    let quick = world.send(1, &[hook]).await[0];
    let hangs = world.send(1, &[slow]).await[0];
    let waits = world.send(1, &[slow]).await[0];
    world.settle().await;
    world.stop_and_start(Duration::from_secs(5)).await;
    assert_eq!(world.state(quick).await, "delivered");
    world.receivers.script("slow.test", |_| Act::Status(200));
    world.pass(1).await;
    let detail = world.delivery(hangs).await;
    assert_eq!(triggers(&detail), ["event", "restart"]);
    assert_eq!(detail.attempts[0].outcome, "interrupted");
    assert_eq!(triggers(&world.delivery(waits).await), ["event"]);
    assert_eq!(triggers(&world.delivery(quick).await), ["event"]);
    assert_eq!(world.health(slow).consecutive_failures, 0);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_cannot_write_stops_the_sending_and_loses_nothing() {
    let world = World::new(1).await;
    let hook = world.webhook_with("a.test", |w| w.max_in_flight = 64).await;
    for task in 0..1_000 {
        world.send(task, &[hook]).await;
    }
    world.pass(1).await;
    world.engine.pause(hook).await.unwrap();
    for task in 0..1_000 {
        world.send(task, &[hook]).await;
    }
    world.store.set_full(true);
    let _ = world.engine.resume(hook).await;
    world.pass(60).await;
    let sent = world.receivers.to("a.test").len();
    assert_eq!(sent, 1_000 + 256);
    world.store.set_full(false);
    world.pass(10).await;
    assert_eq!(world.receivers.to("a.test").len(), 2_000);
    assert_eq!(world.health(hook).delivered, 2_000);
}

#[tokio::test(start_paused = true)]
async fn steps_of_the_wall_clock_change_no_wait() {
    let mut world = World::new(1).await;
    let hook = world
        .webhook_with("a.test", |w| w.retry_schedule = Some(vec![10, 10, 10, 10]))
        .await;
    world.receivers.script("a.test", |_| Act::Status(404));
    world.send(1, &[hook]).await;
    world.pass(1).await;
    world.clock.step(-86_400_000 * 365);
    world.pass(12).await;
    assert_eq!(world.receivers.to("a.test").len(), 2);
    world.clock.step(86_400_000 * 700);
    world.pass(1).await;
    assert_eq!(world.receivers.to("a.test").len(), 2);
    // Across a restart: no wait is longer than it was meant to be.
    world.clock.step(-86_400_000 * 400);
    world.crash().await;
    world.pass(30).await;
    assert!(
        world.receivers.to("a.test").len() >= 3,
        "{:?}",
        times(&world.receivers.to("a.test"))
    );
}

#[tokio::test(start_paused = true)]
async fn a_restart_after_each_probe_starves_nobody_behind_what_is_always_refused() {
    let mut world = World::new(1).await;
    let hook = world
        .webhook_with("a.test", |w| {
            w.failure_limit = Some(5);
            w.max_in_flight = 1;
        })
        .await;
    let mut poison = Vec::new();
    for task in [1, 2] {
        poison.push(world.send(task, &[hook]).await[0].to_string());
    }
    world.receivers.script("a.test", move |seen| {
        let refused = poison.contains(&seen.id);
        Act::Status(if refused { 500 } else { 200 })
    });
    let other = world.send(3, &[hook]).await[0];
    for until_the_next_probe in [1, 5, 30, 120, 600] {
        world.pass(until_the_next_probe).await;
        world.crash().await;
    }
    assert_eq!(world.state(other).await, "delivered");
}

#[tokio::test(start_paused = true)]
async fn health_survives_a_restart() {
    let mut world = World::new(1).await;
    let hook = world
        .webhook_with("a.test", |w| w.failure_limit = Some(3))
        .await;
    world.receivers.script("a.test", |_| Act::Status(500));
    world.send(1, &[hook]).await;
    world.pass(10).await;
    let before = world.health(hook);
    assert_eq!(before.consecutive_failures, 2);
    world.crash().await;
    world.settle().await;
    assert_eq!(world.health(hook).consecutive_failures, 2);
    assert_eq!(world.health(hook).state, before.state);
    world.pass(60).await;
    assert_eq!(
        world.health(hook).state,
        tidings_domain::webhook::HealthState::Disabled
    );
}
