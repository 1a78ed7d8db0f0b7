//! Order per webhook and item.

use std::collections::BTreeMap;

use tidings_domain::webhook::{HealthState, Ordering};

use crate::world::{Act, World};

#[tokio::test(start_paused = true)]
async fn one_item_one_at_a_time_others_overtake() {
    let world = World::new(1).await;
    let hook = world.webhook("a.test").await;
    world.receivers.script("a.test", |_| Act::Slow(200, 1_000));
    let mut ids = Vec::new();
    for task in [1, 1, 2, 1, 3] {
        ids.extend(world.send(task, &[hook]).await);
    }
    world.pass(10).await;
    let seen = world.receivers.to("a.test");
    let order: Vec<usize> = seen
        .iter()
        .map(|s| ids.iter().position(|id| id.to_string() == s.id).unwrap())
        .collect();
    assert_eq!(order, [0, 2, 4, 1, 3]);
}

#[tokio::test(start_paused = true)]
async fn a_message_about_several_items_waits_for_all_and_holds_up_all() {
    let world = World::new(1).await;
    let hook = world.webhook("a.test").await;
    world.receivers.script("a.test", |_| Act::Slow(200, 1_000));
    let first = world.send(1, &[hook]).await[0].to_string();
    let bulk = world.send_about(&[1, 2], &[hook]).await[0].to_string();
    let last = world.send(2, &[hook]).await[0].to_string();
    world.pass(10).await;
    let seen = world.receivers.to("a.test");
    let order: Vec<&str> = seen.iter().map(|s| s.id.as_str()).collect();
    assert_eq!(order, [first, bulk, last]);
}

#[tokio::test(start_paused = true)]
async fn without_ordering_everything_goes_at_once() {
    let world = World::new(1).await;
    let hook = world
        .webhook_with("a.test", |w| w.ordering = Ordering::None)
        .await;
    world.receivers.script("a.test", |_| Act::Slow(200, 1_000));
    for _ in 0..5 {
        world.send(1, &[hook]).await;
    }
    world.settle().await;
    assert_eq!(world.receivers.to("a.test").len(), 5);
}

#[tokio::test(start_paused = true)]
async fn refused_three_times_while_others_are_accepted_is_late() {
    let world = World::new(1).await;
    let hook = world.webhook("a.test").await;
    let poison = world.send(1, &[hook]).await[0];
    let bad = poison.to_string();
    let mut refusals = 0;
    world.receivers.script("a.test", move |seen| {
        if seen.id == bad {
            refusals += 1;
            return Act::Status(if refusals < 5 { 500 } else { 200 });
        }
        Act::Status(200)
    });
    let next = world.send(1, &[hook]).await[0];
    for task in 2..6 {
        world.pass(1).await;
        world.send(task, &[hook]).await;
    }
    world.pass(3).await;
    assert_eq!(world.state(next).await, "pending");
    // Tries at 0, 5 and 35 s; the third refusal lets the next one pass.
    world.pass(40).await;
    assert_eq!(world.state(next).await, "delivered");
    assert!(world.delivery(poison).await.summary.late);
    world.pass(3_600).await;
    assert_eq!(world.state(poison).await, "delivered");
    let seen = world.receivers.to("a.test");
    let late: Vec<Option<&str>> = seen
        .iter()
        .filter(|s| s.id == poison.to_string())
        .map(|s| s.header("x-tidings-late"))
        .collect();
    assert_eq!(late, [None, None, None, Some("1"), Some("1")]);
}

#[tokio::test(start_paused = true)]
async fn with_nothing_else_to_send_the_next_message_is_the_judge() {
    let world = World::new(1).await;
    let hook = world.webhook("a.test").await;
    let poison = world.send(1, &[hook]).await[0];
    let bad = poison.to_string();
    world.receivers.script("a.test", move |seen| {
        Act::Status(if seen.id == bad { 500 } else { 200 })
    });
    let next = world.send(1, &[hook]).await[0];
    world.pass(30).await;
    assert_eq!(world.state(next).await, "pending");
    world.pass(30).await;
    assert_eq!(world.state(next).await, "delivered");
    assert!(world.delivery(poison).await.summary.late);
    assert_eq!(world.health(hook).state, HealthState::Ok);
}

#[tokio::test(start_paused = true)]
async fn a_judge_that_is_refused_too_waits_too() {
    let world = World::new(1).await;
    let hook = world.webhook("a.test").await;
    world.receivers.script("a.test", |_| Act::Status(500));
    let first = world.send(1, &[hook]).await[0];
    let second = world.send(1, &[hook]).await[0];
    world.pass(100).await;
    assert!(!world.delivery(first).await.summary.late);
    assert_eq!(world.state(second).await, "pending");
    world.receivers.script("a.test", |_| Act::Status(200));
    world.pass(24 * 3_600).await;
    assert_eq!(world.state(first).await, "delivered");
    assert_eq!(world.state(second).await, "delivered");
}

#[tokio::test(start_paused = true)]
async fn limits_in_flight_hold_and_a_window_is_enough_for_any_backlog() {
    let world = World::new(1).await;
    let hook = world.webhook_with("a.test", |w| w.max_in_flight = 4).await;
    world.receivers.script("a.test", |_| Act::Slow(200, 100));
    let mut tasks = BTreeMap::new();
    for n in 0..3_000 {
        let id = world.send(n % 700, &[hook]).await[0];
        tasks.insert(id.to_string(), n % 700);
    }
    world.pass(100).await;
    let seen = world.receivers.to("a.test");
    assert_eq!(seen.len(), 3_000);
    let mut last = BTreeMap::new();
    for one in &seen {
        let before = last.insert(tasks[&one.id], one.id.clone());
        assert!(before.is_none_or(|before| before < one.id));
        let open = seen
            .iter()
            .filter(|other| other.at <= one.at && other.ended.is_some_and(|end| end > one.at))
            .count();
        assert!(open <= 4, "{open} at once");
    }
}
