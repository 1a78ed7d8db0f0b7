//! The process stands still at any moment, as on a machine that has no time for it, and clients go away in the middle of what they
//! asked for: whatever was interrupted goes on afterwards, and everything drains soon.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::faults::rig::{Chance, dial};
use super::kill::{check_order, check_repeats, events};
use super::world::{Got, Receiver, Server, TOKEN, call};

const FEEDERS: u64 = 6;
const OBJECTS: u64 = 12;
const PATH: &str = "/projects/S/changes";
/// Nothing here has to wait for anything, so that this is long, also for a machine with much else to do.
const SOON: Duration = Duration::from_secs(45);

/// What the feeders did.
#[derive(Default)]
struct Fed {
    accepted: Mutex<HashSet<u64>>,
    left: AtomicU64,
    over: AtomicBool,
}

fn change(chance: &mut Chance) -> Value {
    let id = 1 + chance.next() % OBJECTS;
    let title = format!("Title {}", chance.next());
    json!([{"op": "patch", "collection": "tasks", "id": id, "data": {"title": title}}])
}

/// Asks and goes away before the answer, at one moment or another.
async fn ask_and_leave(server: SocketAddr, entry: &Value, moment: u64) -> std::io::Result<()> {
    let text = entry.to_string();
    let mut stream = TcpStream::connect(server).await?;
    let head = format!(
        "POST /api/v1{PATH} HTTP/1.1\r\nHost: tidings\r\nAuthorization: Bearer {TOKEN}\r\nPrefer: wait=1\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        text.len()
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(text.as_bytes()).await?;
    tokio::time::timeout(Duration::from_micros(moment), stream.readable())
        .await
        .ok();
    Ok(())
}

async fn feed(server: SocketAddr, seed: u64, fed: Arc<Fed>) {
    let mut chance = Chance::new(seed);
    while !fed.over.load(Ordering::Relaxed) {
        let entry = change(&mut chance);
        if chance.next().is_multiple_of(3) {
            let moment = chance.next() % 3_000;
            ask_and_leave(server, &entry, moment).await.unwrap();
            fed.left.fetch_add(1, Ordering::Relaxed);
            continue;
        }
        let (status, answer) = call(server, "POST", PATH, &entry).await.unwrap();
        assert_eq!(status, 200, "{answer}");
        let event = answer["data"][0]["event"].as_u64();
        fed.accepted.lock().extend(event);
    }
}

/// The threads of this process take the processor away for so long.
fn starve(threads: usize, time: Duration) -> Vec<std::thread::JoinHandle<()>> {
    let until = Instant::now() + time;
    let burn = move || {
        while Instant::now() < until {
            std::hint::spin_loop();
        }
    };
    (0..threads).map(|_| std::thread::spawn(burn)).collect()
}

/// The server stands still for a moment.
async fn stall(server: &Server, chance: &mut Chance, longest: u64) {
    let ms = |time: u64| Duration::from_millis(1 + time);
    // When the load is under way.
    tokio::time::sleep(ms(chance.next() % 30)).await;
    if chance.next().is_multiple_of(4) {
        let burning = starve(4, ms(chance.next() % longest));
        let all = move || {
            for thread in burning {
                thread.join().unwrap();
            }
        };
        tokio::task::spawn_blocking(all).await.unwrap();
    } else {
        server.signal("STOP");
        tokio::time::sleep(ms(chance.next() % longest)).await;
        server.signal("CONT");
    }
}

/// Everything that was accepted has arrived, and nothing waits.
async fn drained(server: &Server, receivers: &[Receiver], fed: &Fed) {
    let begun = Instant::now();
    let mut turns = tokio::time::interval(Duration::from_millis(20));
    let path = "/projects/S/deliveries?state=pending&limit=5";
    loop {
        turns.tick().await;
        let waiting = server.call("GET", path, &Value::Null).await;
        let accepted = fed.accepted.lock().clone();
        let has_all = |receiver: &Receiver| accepted.is_subset(&events(&receiver.all()));
        let first = waiting["data"][0].clone();
        if first.is_null() && receivers.iter().all(has_all) {
            return;
        }
        if begun.elapsed() > SOON {
            let explained = format!("/projects/S/events/{}/explain", first["event"]);
            let explained = call(server.address, "GET", &explained, &Value::Null).await;
            let webhooks = server
                .call("GET", "/projects/S/webhooks", &Value::Null)
                .await;
            panic!("after {SOON:?} these wait: {waiting}\n{explained:?}\n{webhooks}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stands_still_now_and_then_forgets_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let receivers = [Receiver::start().await, Receiver::start().await];
    receivers[1].hang_up();
    let project = json!({"key": "S", "name": "Stalls"});
    server.call("POST", "/projects", &project).await;
    let tasks: Vec<Value> = (1..=OBJECTS)
        .map(|id| json!({"op": "put", "collection": "tasks", "id": id, "data": {"title": "T"}, "silent": true}))
        .collect();
    server.call("POST", PATH, &json!(tasks)).await;
    for receiver in &receivers {
        let webhook =
            json!({"name": "w", "url": receiver.url(), "dialect": "standard", "events": "all"});
        server.call("POST", "/projects/S/webhooks", &webhook).await;
    }

    let (stalls, longest) = (dial("TIDINGS_STALLS", 24), dial("TIDINGS_STALL_MS", 60));
    let (mut chance, mut done, mut slowest) = (Chance::new(1), 0, Duration::ZERO);
    let (mut accepted, mut left, mut arrived) = (0, 0, 0);
    while done < stalls {
        let fed = Arc::new(Fed::default());
        let mut feeders: JoinSet<()> = (0..FEEDERS)
            .map(|feeder| {
                feed(
                    server.address,
                    1 + done * FEEDERS + feeder,
                    Arc::clone(&fed),
                )
            })
            .collect();
        for _ in 0..6 {
            stall(&server, &mut chance, longest).await;
            done += 1;
        }
        fed.over.store(true, Ordering::Relaxed);
        // The last stall may come while it drains.
        stall(&server, &mut chance, longest).await;
        while let Some(ended) = feeders.join_next().await {
            ended.unwrap();
        }
        let begun = Instant::now();
        drained(&server, &receivers, &fed).await;
        slowest = slowest.max(begun.elapsed());
        accepted += fed.accepted.lock().len();
        left += fed.left.load(Ordering::Relaxed);
        for receiver in &receivers {
            let all: Vec<Got> = receiver.all();
            check_repeats(&all);
            check_order(&all);
            arrived += all.len();
            receiver.clear();
        }
    }
    println!(
        "{done} stalls of up to {longest} ms, {accepted} changes accepted, {left} clients gone, {arrived} requests received, drained within {slowest:?}"
    );
}
