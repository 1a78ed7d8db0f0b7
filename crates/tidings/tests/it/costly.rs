//! What hostile receivers cost the real server, all at once: time up to the deadline, and little memory.

use std::time::{Duration, Instant};

use bytes::Bytes;
use serde_json::{Value, json};
use tidings_testkit::receiver::{Behavior, Receiver};

use super::world::{PATIENCE, Server};

/// Each try's deadline.
const DEADLINE: Duration = Duration::from_secs(3);
const SLACK: Duration = Duration::from_secs(1);
/// What 200 of them may cost together; a debug build and a few of them stay far below.
const MOST_MIB: u64 = 64;

/// How many receivers: a few in the tests, 200 in `cargo xtask soak hostile`.
fn receivers() -> usize {
    #[expect(clippy::disallowed_methods, reason = "a test's own dial")]
    std::env::var("TIDINGS_HOSTILE")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(48)
}

/// The costly ones of every kind.
fn behaviours() -> Vec<(&'static str, Behavior)> {
    let raw = |text: String| Behavior::RawThenStay(Bytes::from(text));
    let headers = "X-Filler: 0123456789012345678901234567890123456789012345678901234567\r\n";
    let endless = |first: &'static str, rest: Vec<u8>| Behavior::Endless {
        first: Bytes::from_static(first.as_bytes()),
        rest: rest.into(),
    };
    let gzip = [&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff][..], &[0xed; 4_000]].concat();
    let tick = Duration::from_millis(20);
    let body = "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n";
    vec![
        ("endless body", Behavior::endless_body()),
        ("endless chunks", Behavior::endless_chunks()),
        ("endless head", Behavior::endless_head()),
        ("endless status line", Behavior::endless_status_line()),
        ("endless interim 100", Behavior::endless_interim(100)),
        ("endless interim 103", Behavior::endless_interim(103)),
        (
            "a gigabyte",
            endless(
                "HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n",
                vec![b'x'; 4096],
            ),
        ),
        (
            "a bomb",
            endless(
                "HTTP/1.1 200 OK\r\nContent-Encoding: gzip, gzip, br\r\n\r\n",
                gzip,
            ),
        ),
        (
            "chunk sizes without end",
            endless(
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
                vec![b'1'; 512],
            ),
        ),
        (
            "trailers without end",
            endless(
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n",
                b"X: y\r\n".repeat(100),
            ),
        ),
        (
            "the largest head, then nothing",
            raw(format!("HTTP/1.1 200 OK\r\n{}", headers.repeat(80))),
        ),
        (
            "one header of 60 KiB",
            raw(format!("HTTP/1.1 200 OK\r\nX: {}", "x".repeat(60_000))),
        ),
        ("head by the byte", Behavior::drip_head(tick)),
        (
            "body by the byte",
            Behavior::Drip([body.as_bytes(), &[b'x'; 1_000]].concat().into(), tick),
        ),
        ("never answers", Behavior::NeverAnswer),
        ("never reads", Behavior::NeverRead),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_receivers_cost_their_deadline_and_little_memory() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let project = json!({"key": "C", "name": "Costly"});
    server.call("POST", "/projects", &project).await;
    let kinds = behaviours();
    let mut hostile = Vec::new();
    for number in 0..receivers() {
        let (name, behavior) = kinds[number % kinds.len()].clone();
        let receiver = Receiver::start(behavior).await;
        let webhook = json!({
            "name": format!("{name} {number}"), "url": receiver.url("/hook"), "dialect": "standard", "events": "all",
            "timeout_seconds": DEADLINE.as_secs(), "retry_schedule": [3600]
        });
        let made = server.call("POST", "/projects/C/webhooks", &webhook).await;
        hostile.push((name, made["id"].as_i64().unwrap(), receiver));
    }
    let before = server.resident_kib();
    let started = Instant::now();
    let task = json!({"title": "To all of them", "description": "d".repeat(20_000)});
    server.call("POST", "/projects/C/tasks", &task).await;
    let mut most = before;
    let mut looks = tokio::time::interval(Duration::from_millis(50));
    while started.elapsed() < DEADLINE + SLACK {
        looks.tick().await;
        most = most.max(server.resident_kib());
    }
    let grown = most.saturating_sub(before) / 1024;
    for (name, webhook, receiver) in &hostile {
        let attempt = attempt(&server, *webhook).await;
        let took = attempt["duration_ms"].as_u64().unwrap();
        let most = DEADLINE + SLACK;
        assert!(u128::from(took) < most.as_millis(), "{name}: {took} ms");
        let kept = attempt["response"].to_string().len();
        assert!(kept < 64 * 1024, "{name} left {kept} bytes in the log");
        let taken = receiver.bytes_sent();
        assert!(taken < 1 << 20, "{name}: {taken} bytes were taken");
        assert_eq!(receiver.connections(), 1, "{name}");
    }
    println!(
        "{} hostile receivers: {grown} MiB more than the {} MiB before",
        hostile.len(),
        before / 1024
    );
    assert!(
        grown <= MOST_MIB,
        "{grown} MiB for {} hostile receivers",
        hostile.len()
    );
}

/// The first attempt of the only delivery of a webhook.
async fn attempt(server: &Server, webhook: i64) -> Value {
    let started = Instant::now();
    loop {
        let path = format!("/projects/C/deliveries?webhook={webhook}");
        let list = server.call("GET", &path, &Value::Null).await;
        if let Some(id) = list["data"][0]["id"].as_str() {
            let path = format!("/projects/C/deliveries/{id}");
            let delivery = server.call("GET", &path, &Value::Null).await;
            if let Some(attempt) = delivery["attempts"].get(0) {
                return attempt.clone();
            }
        }
        assert!(started.elapsed() < PATIENCE, "no attempt for {webhook}");
    }
}

/// A body that comes byte by byte, seen from end to end: the answer stands once its head is whole, and the try ends in time.
#[tokio::test(flavor = "multi_thread")]
async fn a_body_by_the_byte_ends_with_the_deadline_and_is_accepted() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let project = json!({"key": "C", "name": "Costly"});
    server.call("POST", "/projects", &project).await;
    let mut body = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n".to_vec();
    body.resize(body.len() + 100_000, b'x');
    let drip = Behavior::Drip(body.into(), Duration::from_millis(5));
    let receiver = Receiver::start(drip).await;
    let webhook = json!({
        "name": "drip", "url": receiver.url("/hook"), "dialect": "standard", "events": "all", "timeout_seconds": 2
    });
    let made = server.call("POST", "/projects/C/webhooks", &webhook).await;
    server
        .call(
            "POST",
            "/projects/C/tasks",
            &json!({"title": "Drop by drop"}),
        )
        .await;
    let attempt = attempt(&server, made["id"].as_i64().unwrap()).await;
    assert_eq!(attempt["outcome"], "accepted", "{attempt}");
    assert_eq!(attempt["status"], 200);
    assert_eq!(attempt["response"]["truncated"], true);
    let took = attempt["duration_ms"].as_u64().unwrap();
    assert!((2_000..3_000).contains(&took), "{took} ms");
}

/// One after the other to one receiver: one connection carries them all.
#[tokio::test(flavor = "multi_thread")]
async fn many_deliveries_to_one_receiver_share_a_connection() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let project = json!({"key": "C", "name": "Costly"});
    server.call("POST", "/projects", &project).await;
    let receiver = Receiver::start(Behavior::ok().header("Keep-Alive", "timeout=60")).await;
    for name in ["one", "two", "three"] {
        let webhook = json!({
            "name": name, "url": receiver.url(&format!("/{name}")), "dialect": "standard", "events": "all", "max_in_flight": 1
        });
        server.call("POST", "/projects/C/webhooks", &webhook).await;
    }
    for number in 1..=30_usize {
        let title = format!("Task {number}");
        server
            .call("POST", "/projects/C/tasks", &json!({"title": title}))
            .await;
        receiver.requests(3 * number, PATIENCE).await;
    }
    // Three webhooks send at the same time, and no more.
    assert!(receiver.connections() <= 3, "{}", receiver.connections());
}
