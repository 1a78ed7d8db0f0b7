//! From the commit to the log: the way of a delivery.

use std::time::Duration;

use crate::world::{Act, World, times, triggers};

#[tokio::test(start_paused = true)]
async fn a_commit_is_sent_at_once_and_logged() {
    let world = World::new(1).await;
    let hook = world.webhook("a.test").await;
    let ids = world.send(42, &[hook]).await;
    world.settle().await;
    let seen = world.receivers.to("a.test");
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0].id, ids[0].to_string());
    assert_eq!(seen[0].header("x-tidings-event"), Some("task.updated"));
    assert_eq!(seen[0].header("x-tidings-object"), Some("tasks/42"));
    assert_eq!(seen[0].header("x-tidings-late"), None);
    let detail = world.delivery(ids[0]).await;
    assert_eq!(detail.summary.state.as_str(), "delivered");
    assert_eq!(detail.attempts.len(), 1);
    assert_eq!(detail.attempts[0].trigger, "event");
    assert_eq!(detail.attempts[0].status, Some(200));
    assert_eq!(detail.body, seen[0].body);
    assert_eq!(world.health(hook).delivered, 1);
}

#[tokio::test(start_paused = true)]
async fn failures_are_tried_again_by_the_schedule_with_the_same_bytes() {
    let world = World::new(1).await;
    let hook = world
        .webhook_with("a.test", |w| w.retry_schedule = Some(vec![1, 2, 4]))
        .await;
    let mut answers = [500, 404, 200].into_iter();
    world
        .receivers
        .script("a.test", move |_| Act::Status(answers.next().unwrap()));
    let ids = world.send(1, &[hook]).await;
    world.pass(60).await;
    let seen = world.receivers.to("a.test");
    assert_eq!(seen.len(), 3);
    assert!(
        seen.iter()
            .all(|s| s.id == seen[0].id && s.body == seen[0].body)
    );
    let gaps: Vec<Duration> = seen
        .windows(2)
        .map(|w| w[1].at.saturating_sub(w[0].at))
        .collect();
    for (gap, base) in gaps.iter().zip([1_000, 2_000]) {
        let ms = gap.as_millis();
        assert!((base..=base + base / 5 + 2).contains(&ms), "{ms} of {base}");
    }
    let detail = world.delivery(ids[0]).await;
    assert_eq!(detail.summary.state.as_str(), "delivered");
    assert_eq!(triggers(&detail), ["event", "retry", "retry"]);
}

#[tokio::test(start_paused = true)]
async fn a_dead_pooled_connection_costs_one_more_row_and_nothing_else() {
    let world = World::new(1).await;
    let hook = world.webhook("a.test").await;
    world.receivers.script("a.test", |_| Act::Stale);
    let ids = world.send(1, &[hook]).await;
    world.settle().await;
    let detail = world.delivery(ids[0]).await;
    assert_eq!(triggers(&detail), ["event", "reconnect"]);
    assert_eq!(detail.summary.state.as_str(), "delivered");
    assert_eq!(world.health(hook).consecutive_failures, 0);
    assert_eq!(times(&world.receivers.to("a.test")), [0, 0]);
}

#[tokio::test(start_paused = true)]
async fn given_up_after_the_whole_schedule() {
    let world = World::new(1).await;
    let hook = world
        .webhook_with("a.test", |w| w.retry_schedule = Some(vec![1, 1]))
        .await;
    let other = world.webhook("b.test").await;
    world.receivers.script("a.test", |_| Act::Status(500));
    let ids = world.send(1, &[hook, other]).await;
    world.pass(60).await;
    assert_eq!(world.state(ids[0]).await, "failed");
    assert_eq!(world.state(ids[1]).await, "delivered");
    assert_eq!(world.receivers.to("a.test").len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_reset_of_a_new_connection_is_a_failure_like_any_other() {
    let world = World::new(1).await;
    let hook = world.webhook("a.test").await;
    world.receivers.script("a.test", |_| Act::Reset);
    let ids = world.send(1, &[hook]).await;
    world.settle().await;
    let detail = world.delivery(ids[0]).await;
    assert_eq!(triggers(&detail), ["event"]);
    assert_eq!(detail.attempts[0].outcome, "unreachable");
    assert_eq!(world.health(hook).consecutive_failures, 1);
}
