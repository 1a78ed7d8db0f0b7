//! SIGTERM under load: requests that were accepted are answered, what is in flight has its time, the rest is recorded as
//! interrupted and repeated by the next start; a second signal ends at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use serde_json::{Value, json};
use tidings_testkit::receiver::{Behavior, Receiver};

use super::rig::{RECOVERY, Rig, ask_on, connect, dial};

const FEEDERS: u64 = 8;

/// What the feeders saw.
#[derive(Default)]
struct Seen {
    accepted: Mutex<Vec<u64>>,
    answered: AtomicU64,
    /// Connections that were cut after a request had been written to them.
    reset: AtomicU64,
    over: AtomicBool,
}

/// Sends one request after the other on a connection that is kept, until the server takes no more.
async fn feed(to: std::net::SocketAddr, feeder: u64, seen: Arc<Seen>) {
    let mut turn = 0;
    while !seen.over.load(Ordering::Relaxed) {
        // Nobody listens any more: that is no reset.
        let Some(mut sender) = connect(to).await else {
            return;
        };
        // The server says with an answer that it is the last one.
        while sender.ready().await.is_ok() {
            turn += 1;
            let entry = json!([{"op": "patch", "collection": "tasks", "id": 1 + (feeder + turn) % 5,
                "data": {"title": format!("{feeder}.{turn}")}}]);
            let path = "/api/v1/projects/F/changes";
            let Some(reply) = ask_on(&mut sender, "POST", path, &entry).await else {
                seen.reset.fetch_add(1, Ordering::Relaxed);
                break;
            };
            seen.answered.fetch_add(1, Ordering::Relaxed);
            if reply.status == 200 {
                let event = reply.body["data"][0]["event"].as_u64().unwrap();
                seen.accepted.lock().push(event);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_under_load_answers_what_it_took_and_repeats_what_it_cut_off() {
    let mut rig = Rig::prepared().await;
    rig.set("TIDINGS_SHUTDOWN_GRACE_SECONDS", "1");
    let hanging = Receiver::start(Behavior::NeverAnswer).await;
    let dripping = Receiver::start(Behavior::drip_head(Duration::from_millis(200))).await;
    let mut server = rig.start().unwrap();
    let webhook = json!({"name": "hangs", "url": hanging.url("/hook"), "dialect": "standard", "events": "all"});
    let made = server.call("POST", "/projects/F/webhooks", &webhook).await;
    let id = made["id"].clone();
    let mut slow = vec![id.clone()];
    let drips = dial("TIDINGS_DRIPS", 3);
    for _ in 0..drips {
        let webhook = json!({"name": "drips", "url": dripping.url("/hook"), "dialect": "standard", "events": "all"});
        let made = server.call("POST", "/projects/F/webhooks", &webhook).await;
        slow.push(made["id"].clone());
    }
    let cycles = dial("TIDINGS_STOPS", 4);
    let (mut answered, mut slowest) = (0, Duration::ZERO);
    let (mut hung, mut dripped) = (0, 0);
    for cycle in 0..cycles {
        let seen = Arc::new(Seen::default());
        let feeders: Vec<_> = (0..FEEDERS)
            .map(|f| tokio::spawn(feed(server.address, f, Arc::clone(&seen))))
            .collect();
        let begun = Instant::now();
        let mut turns = tokio::time::interval(Duration::from_millis(1));
        // A life that ends before the oldest delivery was begun interrupts nothing.
        while seen.answered.load(Ordering::Relaxed) < 40
            || hanging.received().len() <= hung
            || dripping.received().len() <= dripped
        {
            turns.tick().await;
            assert!(
                begun.elapsed() < RECOVERY,
                "{cycle}: {:?} answers, {hung} and then {} hung, {dripped} and then {} dripped",
                seen.answered,
                hanging.received().len(),
                dripping.received().len()
            );
        }
        server.signal("TERM");
        let begun = Instant::now();
        let status = server.ended(RECOVERY).await.expect("it ends");
        let took = begun.elapsed();
        seen.over.store(true, Ordering::Relaxed);
        for feeder in feeders {
            feeder.await.unwrap();
        }
        assert_eq!(status.code(), Some(0), "{}", rig.said());
        slowest = slowest.max(took);
        assert_eq!(
            seen.reset.load(Ordering::Relaxed),
            0,
            "{cycle}: requests were cut off"
        );
        answered += seen.answered.load(Ordering::Relaxed);
        rig.accepted.extend(seen.accepted.lock().iter());
        // The next life begins again what hangs before anybody can ask it anything.
        (hung, dripped) = (hanging.received().len(), dripping.received().len());
        server = rig.start().unwrap();
    }
    rig.all_arrived().await;

    // The oldest delivery of the one that hangs was interrupted by each stop and begun again by each start.
    let path = format!("/api/v1/projects/F/deliveries?webhook={id}&limit=200&trigger=restart");
    let list = rig.get(&server, &path).await;
    let oldest = list.body["data"].as_array().unwrap().last().unwrap();
    let path = format!("/projects/F/deliveries/{}", oldest["id"].as_str().unwrap());
    let shown = server.call("GET", &path, &Value::Null).await;
    let attempts = shown["attempts"].as_array().unwrap();
    assert_eq!(attempts[0]["outcome"], "interrupted", "{attempts:?}");
    assert!(
        attempts[1..].iter().all(|a| a["trigger"] == "restart"),
        "{attempts:?}"
    );
    assert!(attempts.len() as u64 >= cycles, "{}", attempts.len());
    let shown = server
        .call("GET", &format!("/projects/F/webhooks/{id}"), &Value::Null)
        .await;
    assert_eq!(
        shown["health"]["consecutive_failures"], 0,
        "it is not to blame"
    );
    for id in slow {
        let path = format!("/projects/F/webhooks/{id}");
        server.call("DELETE", &path, &Value::Null).await;
    }
    rig.finish(server, false).await;
    println!(
        "{cycles} stops under load with {drips} receivers that drip, {answered} requests answered, 0 reset, 0 lost, ended after {slowest:?} at most (grace: 1 s)"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_ends_at_once() {
    let rig = Rig::prepared().await;
    let hanging = Receiver::start(Behavior::NeverAnswer).await;
    let mut server = rig.start().unwrap();
    let webhook = json!({"name": "hangs", "url": hanging.url("/hook"), "dialect": "standard", "events": "all"});
    server.call("POST", "/projects/F/webhooks", &webhook).await;
    let task = json!({"title": "Hangs"});
    server.call("POST", "/projects/F/tasks", &task).await;
    hanging.requests(1, RECOVERY).await;
    server.signal("TERM");
    let first = server.ended(Duration::from_millis(500)).await;
    assert_eq!(first, None, "it waits for what is in flight");
    server.signal("TERM");
    let begun = Instant::now();
    let status = server.ended(RECOVERY).await.expect("it ends");
    assert!(
        begun.elapsed() < Duration::from_secs(1),
        "{:?}",
        begun.elapsed()
    );
    assert_eq!(status.code(), Some(1));
}
