//! Backing off, probing, disabling.

use tidings_domain::webhook::{DisabledReason, HealthState};
use tidings_egress::Outcome;

use crate::world::{Act, World, times, triggers};

#[tokio::test(start_paused = true)]
async fn a_webhook_that_asks_for_less_is_probed_with_growing_waits() {
    let world = World::new(1).await;
    let hook = world.webhook("a.test").await;
    world.receivers.script("a.test", |_| Act::Slow(503, 100));
    for task in 0..20 {
        world.send(task, &[hook]).await;
    }
    world.pass(100).await;
    let seen = world.receivers.to("a.test");
    // Eight were in flight when the first failed; then one probe after 5, 10, 20, 40 s, each with another item.
    assert_eq!(times(&seen)[8..], [5, 15, 35, 75]);
    let ids: std::collections::BTreeSet<&str> = seen.iter().map(|s| s.id.as_str()).collect();
    assert_eq!(ids.len(), 12);
    let health = world.health(hook);
    assert_eq!(health.state, HealthState::BackingOff);
    assert_eq!(
        health.next_probe_at.as_deref(),
        Some("2026-01-01T00:02:35Z")
    );
    world.receivers.script("a.test", |_| Act::Status(200));
    world.pass(60).await;
    assert_eq!(world.health(hook).state, HealthState::Ok);
    assert_eq!(world.health(hook).consecutive_failures, 0);
    world.pass(600).await;
    assert_eq!(world.health(hook).delivered, 20);
}

#[tokio::test(start_paused = true)]
async fn three_failures_in_a_row_back_off() {
    let world = World::new(1).await;
    let hook = world.webhook_with("a.test", |w| w.max_in_flight = 1).await;
    world.receivers.script("a.test", |_| Act::Status(500));
    let mut all = Vec::new();
    for task in 0..9 {
        all.extend(world.send(task, &[hook]).await);
    }
    world.pass(4).await;
    assert_eq!(world.receivers.to("a.test").len(), 3);
    assert_eq!(world.health(hook).state, HealthState::BackingOff);
    world.pass(2).await;
    let probed = world.delivery(all[3]).await;
    assert_eq!(triggers(&probed), ["probe"]);
}

#[tokio::test(start_paused = true)]
async fn retry_after_delays_the_delivery_and_the_next_probe() {
    let world = World::new(1).await;
    let hook = world.webhook("a.test").await;
    let mut acts = [Act::RetryAfter(429, "100"), Act::Status(200)].into_iter();
    world
        .receivers
        .script("a.test", move |_| acts.next().unwrap());
    world.send(1, &[hook]).await;
    world.pass(90).await;
    assert_eq!(world.receivers.to("a.test").len(), 1);
    world.pass(20).await;
    assert_eq!(times(&world.receivers.to("a.test")), [0, 100]);
}

#[tokio::test(start_paused = true)]
async fn gone_disables_at_once_and_puts_the_rest_aside() {
    let world = World::new(1).await;
    let hook = world.webhook_with("a.test", |w| w.max_in_flight = 1).await;
    world.receivers.script("a.test", |_| Act::Status(410));
    let mut all = Vec::new();
    for task in 0..5 {
        all.extend(world.send(task, &[hook]).await);
    }
    world.pass(1).await;
    let health = world.health(hook);
    assert_eq!(health.state, HealthState::Disabled);
    assert_eq!(health.reason, Some(DisabledReason::Gone));
    assert_eq!(world.receivers.to("a.test").len(), 1);
    for id in all {
        assert_eq!(world.state(id).await, "parked");
    }
    let stored = world.stored(hook).await;
    assert!(!stored.0.enabled);
    assert_eq!(stored.1.reason, Some(DisabledReason::Gone));
}

#[tokio::test(start_paused = true)]
async fn five_failures_in_a_row_disable_after_about_thirteen_minutes() {
    let world = World::new(1).await;
    let hook = world
        .webhook_with("a.test", |w| w.failure_limit = Some(5))
        .await;
    world.receivers.script("a.test", |_| Act::Status(500));
    for task in 0..3 {
        world.send(task, &[hook]).await;
    }
    world.pass(700).await;
    assert_eq!(world.health(hook).consecutive_failures, 4);
    world.pass(120).await;
    let health = world.health(hook);
    assert_eq!(health.state, HealthState::Disabled);
    assert_eq!(health.reason, Some(DisabledReason::FailureLimit));
    // Three at once, which are one failure; then one after 5 s, 30 s, 2 min and 10 min.
    assert_eq!(
        times(&world.receivers.to("a.test")),
        [0, 0, 0, 5, 35, 155, 755]
    );
}

#[tokio::test(start_paused = true)]
async fn a_success_in_between_starts_the_count_anew() {
    let world = World::new(1).await;
    let hook = world
        .webhook_with("a.test", |w| {
            w.failure_limit = Some(3);
            w.retry_schedule = Some(vec![1, 1, 1, 1, 1, 1, 1, 1]);
        })
        .await;
    let mut n = 0;
    world.receivers.script("a.test", move |_| {
        n += 1;
        Act::Status(if n % 3 == 0 { 200 } else { 500 })
    });
    for task in 0..10 {
        world.send(task, &[hook]).await;
        world.pass(5).await;
    }
    world.pass(100).await;
    assert_eq!(world.health(hook).delivered, 10);
    assert_eq!(world.health(hook).state, HealthState::Ok);
}

#[tokio::test(start_paused = true)]
async fn five_days_of_failures_disable() {
    let world = World::new(1).await;
    let hook = world.webhook("a.test").await;
    world.receivers.script("a.test", |_| Act::Refuse);
    let day = 24 * 3_600;
    for task in 0..6 {
        world.send(task, &[hook]).await;
        world.pass(day - 1).await;
        if world.health(hook).state == HealthState::Disabled {
            break;
        }
    }
    let health = world.health(hook);
    assert_eq!(health.reason, Some(DisabledReason::FailingTooLong));
    let last = times(&world.receivers.to("a.test")).pop().unwrap();
    assert!((5 * day..=5 * day + 600).contains(&last), "{last}");
}

#[tokio::test(start_paused = true)]
async fn our_own_faults_never_count() {
    let world = World::new(1).await;
    let hook = world
        .webhook_with("a.test", |w| w.failure_limit = Some(2))
        .await;
    world
        .receivers
        .script("a.test", |_| Act::Ours(Outcome::Unsendable));
    for task in 0..50 {
        world.send(task, &[hook]).await;
    }
    world.pass(1_800).await;
    assert_eq!(world.health(hook).state, HealthState::Ok);
    assert_eq!(world.health(hook).consecutive_failures, 0);
    world.receivers.script("a.test", |_| Act::Status(200));
    world.pass(24 * 3_600).await;
    assert_eq!(world.health(hook).delivered, 50);
}

#[tokio::test(start_paused = true)]
async fn one_fault_of_ours_under_many_tries_at_once_stops_a_webhook_for_a_moment_only() {
    let world = World::new(1).await;
    let hook = world.webhook("a.test").await;
    world
        .receivers
        .script("a.test", |_| Act::Ours(Outcome::Unsendable));
    world.engine.pause(hook).await.unwrap();
    for task in 0..8 {
        world.send(task, &[hook]).await;
    }
    world.engine.resume(hook).await.unwrap();
    world.settle().await;
    assert_eq!(world.receivers.to("a.test").len(), 8, "all at once");
    world.receivers.script("a.test", |_| Act::Status(200));
    world.pass(1).await;
    world.send(8, &[hook]).await;
    world.pass(1).await;
    assert_eq!(world.health(hook).delivered, 1, "what is new goes");
    world.pass(5).await;
    assert_eq!(world.health(hook).delivered, 9, "by their own schedule");
}

#[tokio::test(start_paused = true)]
async fn a_poisonous_message_disables_nobody() {
    let world = World::new(1).await;
    let hook = world
        .webhook_with("a.test", |w| w.failure_limit = Some(5))
        .await;
    let poison = world.send(666, &[hook]).await[0].to_string();
    let bad = poison.clone();
    world.receivers.script("a.test", move |seen| {
        Act::Status(if seen.id == bad { 500 } else { 200 })
    });
    for task in 0..40 {
        world.pass(600).await;
        world.send(task, &[hook]).await;
    }
    assert!(world.health(hook).state != HealthState::Disabled);
    world.pass(7_200).await;
    let others = world.receivers.to("a.test");
    let others = others.iter().filter(|s| s.id != poison).count();
    assert!(others >= 40);
}

#[tokio::test(start_paused = true)]
async fn a_dead_webhook_delays_no_other() {
    let world = World::new(1).await;
    let dead = world.webhook("dead.test").await;
    let well = world.webhook("well.test").await;
    world.receivers.script("dead.test", |_| Act::Hang);
    for task in 0..200 {
        let sent = world.receivers.to("well.test").len();
        world.send(task, &[dead, well]).await;
        world.settle().await;
        assert_eq!(world.receivers.to("well.test").len(), sent + 1);
    }
    world.pass(20_000).await;
    assert_eq!(world.health(well).delivered, 200);
    assert_eq!(world.health(dead).state, HealthState::BackingOff);
}

#[tokio::test(start_paused = true)]
async fn hanging_webhooks_that_could_take_every_seat_leave_one_for_each_other() {
    let world = World::new(1).await;
    let mut hang = Vec::new();
    for n in 0..270 {
        let host = format!("hang{n}.test");
        hang.push(world.webhook_with(&host, |w| w.max_in_flight = 64).await);
        world.receivers.script(&host, |_| Act::Hang);
    }
    let well = world.webhook("well.test").await;
    for task in 0..64 {
        world.send(task, &hang).await;
    }
    world.settle().await;
    for task in 0..10 {
        world.send(task, &[well]).await;
        world.settle().await;
        let sent = world.receivers.to("well.test").len();
        assert_eq!(sent, usize::try_from(task + 1).unwrap());
    }
}

#[tokio::test(start_paused = true)]
async fn the_disabled_webhook_is_told_to_the_others() {
    let world = World::new(1).await;
    let gone = world.webhook("gone.test").await;
    let ops = world.webhook("ops.test").await;
    world.receivers.script("gone.test", |_| Act::Status(410));
    world.send(1, &[gone]).await;
    world.pass(1).await;
    let told = world.receivers.to("ops.test");
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].header("x-tidings-event"), Some("webhook.disabled"));
    let object = format!("webhooks/{gone}");
    assert_eq!(told[0].header("x-tidings-object"), Some(object.as_str()));
    assert!(String::from_utf8_lossy(&told[0].body).contains("\"gone\""));
    assert_eq!(world.receivers.to("gone.test").len(), 1);
    assert_eq!(world.health(ops).delivered, 1);
}
