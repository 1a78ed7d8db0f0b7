//! `kill -9` under load, again and again: what was answered 2xx is delivered, with one id and the same bytes, in order.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::world::{Got, Receiver, Server, call, operator, said};

const FEEDERS: u64 = 8;
const OBJECTS: u64 = 40;

/// A figure that `cargo xtask soak` raises.
fn dial(name: &str, small: u64) -> u64 {
    #[expect(clippy::disallowed_methods, reason = "a test's own dial")]
    let value = std::env::var(name).ok();
    value.and_then(|k| k.parse().ok()).unwrap_or(small)
}

/// What the feeders know to be accepted.
#[derive(Default)]
pub(crate) struct Journal {
    /// Event ids.
    pub(crate) accepted: Mutex<HashSet<u64>>,
    count: AtomicU64,
    news: Notify,
}

#[tokio::test(flavor = "multi_thread")]
async fn kill_under_load_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let receiver = Receiver::start().await;
    let journal = Arc::new(Journal::default());
    let mut server = Server::start(folder.path());
    populate(&server, &receiver).await;

    // A few in the tests, a thousand in the soak; in each, up to so many changes before the kill.
    let (cycles, most) = (dial("TIDINGS_KILLS", 20), dial("TIDINGS_KILL_CHANGES", 120));
    let mut chance = 0x2545_f491_4f6c_dd1d_u64;
    for cycle in 0..cycles {
        // xorshift: where in the load the kill falls differs from cycle to cycle and is the same in each run.
        chance ^= chance << 13;
        chance ^= chance >> 7;
        chance ^= chance << 17;
        let until = journal.count.load(Ordering::Relaxed) + 1 + chance % most;
        load_and_kill(server, &journal, cycle, until).await;
        server = Server::start(folder.path());
    }

    let accepted = journal.accepted.lock().clone();
    let all = receiver
        .until("every accepted change", |got| {
            accepted.is_subset(&events(got))
        })
        .await;
    check_repeats(&all);
    check_order(&all);
    let doctor = operator(folder.path(), &["doctor"]);
    assert!(doctor.status.success(), "{}", said(&doctor));
    let repeats = all.len()
        - all
            .iter()
            .map(|g| g.header("webhook-id").to_owned())
            .collect::<HashSet<_>>()
            .len();
    println!(
        "{cycles} kills, {} changes accepted, {} requests received, {repeats} repeated, 0 lost",
        accepted.len(),
        all.len()
    );
}

/// A project with tasks and a webhook.
pub(crate) async fn populate(server: &Server, receiver: &Receiver) {
    server
        .call("POST", "/projects", &json!({"key": "KILL", "name": "Kill"}))
        .await;
    let tasks: Vec<Value> =
        (1..=OBJECTS).map(|id| json!({"op": "put", "collection": "tasks", "id": id, "data": {"title": format!("Task {id}")}, "silent": true})).collect();
    server
        .call("POST", "/projects/KILL/changes", &json!(tasks))
        .await;
    let webhook = json!({"name": "w", "url": receiver.url(), "dialect": "standard", "events": "all", "secret": "kill"});
    server
        .call("POST", "/projects/KILL/webhooks", &webhook)
        .await;
}

/// Feeds the server and kills it when so many changes were accepted in all.
pub(crate) async fn load_and_kill(server: Server, journal: &Arc<Journal>, cycle: u64, until: u64) {
    let mut feeders: JoinSet<String> = (0..FEEDERS)
        .map(|f| feed(server.address, f, cycle, Arc::clone(journal)))
        .collect();
    let mut ended = Vec::new();
    let all_end = async {
        while let Some(why) = feeders.join_next().await {
            ended.push(why.unwrap());
        }
    };
    tokio::select! {
        () = reached(journal, until) => {}
        () = all_end => panic!("nobody feeds a server that lives: {ended:?}"),
    }
    server.kill();
    while let Some(why) = feeders.join_next().await {
        why.unwrap();
    }
}

impl Journal {
    /// How many changes were accepted.
    pub(crate) fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }
}

async fn reached(journal: &Journal, until: u64) {
    loop {
        let news = journal.news.notified();
        if journal.count.load(Ordering::Relaxed) >= until {
            return;
        }
        news.await;
    }
}

/// Changes titles until the server goes away.
async fn feed(
    server: std::net::SocketAddr,
    feeder: u64,
    cycle: u64,
    journal: Arc<Journal>,
) -> String {
    for turn in 0.. {
        let id = 1 + (feeder + turn * FEEDERS) % OBJECTS;
        let entry = json!([{"op": "patch", "collection": "tasks", "id": id, "data": {"title": format!("{cycle}.{feeder}.{turn}")}}]);
        let (status, answer) = match call(server, "POST", "/projects/KILL/changes", &entry).await {
            Ok(answer) => answer,
            Err(error) => return error.to_string(),
        };
        if status != 200 {
            // The socket of a process that is going away may still answer; it must not claim success.
            assert!(status == 503, "{status} {answer}");
            return format!("{status} {answer}");
        }
        // An answer cut off by the kill has no body: then nobody knows.
        let Some(event) = answer["data"][0]["event"].as_u64() else {
            return answer.to_string();
        };
        journal.accepted.lock().insert(event);
        journal.count.fetch_add(1, Ordering::Relaxed);
        journal.news.notify_waiters();
    }
    String::new()
}

pub(crate) fn events(got: &[Got]) -> HashSet<u64> {
    got.iter().filter_map(|g| g.event).collect()
}

/// The same id always brings the same bytes; nothing comes under two ids.
pub(crate) fn check_repeats(all: &[Got]) {
    let mut bytes: HashMap<&str, &[u8]> = HashMap::new();
    let mut ids: HashMap<u64, &str> = HashMap::new();
    for got in all {
        let id = got.header("webhook-id");
        assert_eq!(
            *bytes.entry(id).or_insert(&got.body),
            &*got.body,
            "{id} came with other bytes"
        );
        let event = got.event.unwrap();
        assert_eq!(
            *ids.entry(event).or_insert(id),
            id,
            "event {event} came under two ids"
        );
    }
}

/// First arrivals of an object's versions only go up.
pub(crate) fn check_order(all: &[Got]) {
    let mut seen = HashSet::new();
    let mut last: HashMap<&str, i64> = HashMap::new();
    for got in all
        .iter()
        .filter(|g| seen.insert(g.header("webhook-id").to_owned()))
    {
        let sequence: i64 = got.header("x-tidings-sequence").parse().unwrap();
        let before = last
            .insert(got.header("x-tidings-object"), sequence)
            .unwrap_or(0);
        assert!(
            before < sequence,
            "{} {sequence} came after {before}",
            got.header("x-tidings-object")
        );
    }
}
