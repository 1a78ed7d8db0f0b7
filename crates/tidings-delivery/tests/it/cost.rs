//! What waiting costs: entries in a list, and nothing that runs.

use crate::world::{Act, World};

fn tasks() -> usize {
    tokio::runtime::Handle::current()
        .metrics()
        .num_alive_tasks()
}

/// One timer for all lanes, and tasks only for what is in flight.
#[tokio::test(start_paused = true)]
async fn ten_thousand_deliveries_that_wait_are_no_tasks() {
    let world = World::new(1).await;
    let mut hooks = Vec::new();
    for number in 0..10 {
        let host = format!("h{number}.test");
        hooks.push(world.webhook(&host).await);
        let status = if number % 2 == 0 { 503 } else { 500 };
        world.receivers.script(&host, move |_| Act::Status(status));
    }
    world.settle().await;
    let before = tasks();
    let mut ids = Vec::new();
    for task in 1..=1_000 {
        ids.extend(world.send(task, &hooks).await);
    }
    world.settle().await;
    assert_eq!(ids.len(), 10_000);
    for id in ids.iter().step_by(997) {
        assert_eq!(world.state(*id).await, "pending");
    }
    // Eight in flight for each webhook at most, and what the engine always has.
    let now = tasks();
    assert!(
        now <= before + 10 * 8 + 10,
        "{before} tasks before, {now} now"
    );
}
