//! `Idempotency-Key` against `kill -9`: clients that repeat what they have no answer to make each change exactly once.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::{Notify, watch};

use super::world::{Receiver, Reply, Server, ask};

/// After this a sender asks the same process again.
const SOON: Duration = Duration::from_millis(200);

/// Senders, keys per sender, kills: a few in the tests, more in `cargo xtask soak`.
fn dial(name: &str, otherwise: u64) -> u64 {
    #[expect(clippy::disallowed_methods, reason = "a test's own dial")]
    let value = std::env::var(name).ok();
    value.and_then(|v| v.parse().ok()).unwrap_or(otherwise)
}

#[derive(Default)]
struct Count {
    answers: AtomicU64,
    replays: AtomicU64,
    news: Notify,
}

#[tokio::test(flavor = "multi_thread")]
async fn repeated_until_answered_each_request_is_done_once() {
    let senders = dial("TIDINGS_KEY_SENDERS", 16);
    let (keys, kills) = (dial("TIDINGS_KEYS", 25), dial("TIDINGS_KEY_KILLS", 8));
    let folder = tempfile::tempdir().unwrap();
    let receiver = Receiver::start().await;
    let mut server = Server::start(folder.path());
    server
        .call("POST", "/projects", &json!({"key": "ONCE", "name": "Once"}))
        .await;
    let webhook = json!({"name": "w", "url": receiver.url(), "dialect": "standard", "events": "all", "secret": "once"});
    server
        .call("POST", "/projects/ONCE/webhooks", &webhook)
        .await;
    let (live, address) = watch::channel(server.address);
    let count = Arc::new(Count::default());
    let all = senders * keys;
    let senders: Vec<_> = (0..senders)
        .map(|sender| tokio::spawn(send(address.clone(), sender, keys, Arc::clone(&count))))
        .collect();

    for kill in 1..=kills {
        reached(&count, all * kill / (kills + 1)).await;
        server.kill();
        server = Server::start(folder.path());
        live.send(server.address).unwrap();
    }
    let mut first = HashMap::new();
    for sender in senders {
        first.extend(sender.await.unwrap());
    }

    let events: HashSet<&str> = first
        .values()
        .map(|r: &Reply| r.header("tidings-event"))
        .collect();
    assert_eq!(events.len() as u64, all, "each key has an event of its own");
    let mut titles = HashMap::<String, u64>::new();
    let mut cursor = String::new();
    loop {
        let path = format!("/projects/ONCE/tasks?limit=200{cursor}");
        let page = server.call("GET", &path, &Value::Null).await;
        for task in page["data"].as_array().unwrap() {
            *titles
                .entry(task["title"].as_str().unwrap().to_owned())
                .or_default() += 1;
        }
        let Some(next) = page["next_cursor"].as_str() else {
            break;
        };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(titles.len() as u64, all);
    assert!(titles.values().all(|n| *n == 1), "done twice: {titles:?}");
    let told = |got: &[super::world::Got]| -> HashSet<String> {
        got.iter()
            .map(|g| g.header("x-tidings-object").to_owned())
            .collect()
    };
    receiver
        .until("a request for each change", |got| {
            got.len() as u64 >= all && told(got).len() as u64 == all
        })
        .await;

    // Asked once more, everything is answered as it was; with another body it is refused.
    for (key, answer) in &first {
        let again = create(server.address, key, key).await.unwrap();
        assert_eq!((again.status, &again.body), (201, &answer.body));
        assert_eq!(again.header("idempotency-replayed"), "true");
        assert_eq!(
            again.header("tidings-event"),
            answer.header("tidings-event")
        );
        let other = create(server.address, key, "something else").await.unwrap();
        assert_eq!(
            (other.status, &other.body["code"]),
            (422, &json!("idempotency_key_reused"))
        );
    }
    println!(
        "{kills} kills, {all} keys, {} answered by a later process than the one that did it, 0 done twice, 0 lost, {all} reused keys refused",
        count.replays.load(Ordering::Relaxed)
    );
}

async fn create(
    to: SocketAddr,
    key: &str,
    title: &str,
) -> Result<Reply, Box<dyn std::error::Error + Send + Sync>> {
    ask(
        to,
        "POST",
        "/projects/ONCE/tasks",
        &[("idempotency-key", key)],
        &json!({"title": title}),
    )
    .await
}

/// Repeats each request until it is answered.
async fn send(
    mut address: watch::Receiver<SocketAddr>,
    sender: u64,
    keys: u64,
    count: Arc<Count>,
) -> Vec<(String, Reply)> {
    let mut answers = Vec::new();
    for n in 0..keys {
        let key = format!("{sender}-{n}");
        let answer = loop {
            let to = *address.borrow_and_update();
            match create(to, &key, &key).await {
                // An answer cut off by the kill has no body: then nobody knows.
                Ok(reply) if reply.status == 201 && reply.body.is_object() => break reply,
                Ok(reply) if !matches!(reply.status, 409 | 503) && reply.body.is_object() => {
                    panic!("{key}: {} {}", reply.status, reply.body)
                }
                // Killed, or not now: there is another process soon, or this one will do.
                _ => {
                    tokio::time::timeout(SOON, address.changed()).await.ok();
                }
            }
        };
        if answer.header("idempotency-replayed") == "true" {
            count.replays.fetch_add(1, Ordering::Relaxed);
        }
        answers.push((key, answer));
        count.answers.fetch_add(1, Ordering::Relaxed);
        count.news.notify_waiters();
    }
    answers
}

async fn reached(count: &Count, until: u64) {
    loop {
        let news = count.news.notified();
        if count.answers.load(Ordering::Relaxed) >= until {
            return;
        }
        news.await;
    }
}
