//! More than the server can take: many clients, slow clients, feeders faster than the store, receivers slower than the feed. The
//! figures are small here; `cargo xtask soak overload` runs the same with large ones.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tidings_testkit::receiver::{Behavior, Receiver, Reply};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::world::{PATIENCE, Server, TOKEN, call};

const HEALTH: &[u8] = b"GET /healthz HTTP/1.1\r\nHost: tidings\r\n\r\n";
/// What a connection may cost at most, buffers included.
const CONNECTION_KIB: u64 = 48;

/// Asks for health on a connection that stays open; how long the answer took.
async fn health(stream: &mut TcpStream) -> Duration {
    let asked = Instant::now();
    stream.write_all(HEALTH).await.unwrap();
    let mut said = vec![0; 4096];
    let read = stream.read(&mut said).await.unwrap();
    let said = String::from_utf8_lossy(&said[..read]).into_owned();
    assert!(said.starts_with("HTTP/1.1 200 "), "{said}");
    asked.elapsed()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_low_soft_limit_of_files_is_raised_and_five_hundred_clients_are_served() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start_with_files(folder.path(), 128);
    let mut probe = TcpStream::connect(server.address).await.unwrap();
    health(&mut probe).await;
    let before = server.resident_kib();
    let mut open = Vec::new();
    for _ in 0..500 {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        health(&mut stream).await;
        open.push(stream);
    }
    let more = server.resident_kib().saturating_sub(before);
    assert!(
        more < 500 * CONNECTION_KIB,
        "{more} KiB for 500 connections"
    );
    assert!(health(&mut probe).await < Duration::from_secs(1));
    // Every one of them still stands.
    for stream in open.iter_mut().step_by(50) {
        health(stream).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_half_heads_leave_the_api_alone() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let mut slow = Vec::new();
    for _ in 0..50 {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        let half = b"POST /api/v1/projects HTTP/1.1\r\nHost: tidings\r\nX-Slow: ";
        stream.write_all(half).await.unwrap();
        slow.push(stream);
    }
    let started = Instant::now();
    server
        .call("POST", "/projects", &json!({"key": "S", "name": "Slow"}))
        .await;
    assert!(started.elapsed() < Duration::from_secs(5));
    // The head has ten seconds, and a byte now and then does not change that.
    for mut stream in slow {
        let mut rest = Vec::new();
        let ended = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut rest)).await;
        assert!(ended.is_ok());
    }
    assert!(started.elapsed() < Duration::from_secs(20));
}

/// Feeds one change; how it was answered.
async fn feed(server: std::net::SocketAddr, title: &str, text: &str) -> u16 {
    let body = json!({"title": title, "description": text});
    let (status, answer) = call(server, "POST", "/projects/O/stories", &body)
        .await
        .unwrap();
    assert!(matches!(status, 201 | 429 | 503), "{status}: {answer}");
    status
}

/// More feeders than seats, and a receiver that takes its time: each feeder hears yes or "later", and each yes is delivered.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_accepted_under_overload_is_delivered() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let project = json!({"key": "O", "name": "Overload"});
    server.call("POST", "/projects", &project).await;
    let slow = Behavior::After(Duration::from_millis(20), Reply::new(200));
    let receiver = Receiver::start(slow).await;
    let webhook = json!({"name": "slow", "url": receiver.url("/hook"), "dialect": "standard", "events": ["story.created"], "max_in_flight": 32});
    server.call("POST", "/projects/O/webhooks", &webhook).await;
    let text = Arc::new("long ".repeat(2_000));
    let before = server.resident_kib();
    let mut feeders = JoinSet::new();
    for feeder in 0..300 {
        let (address, text) = (server.address, Arc::clone(&text));
        feeders.spawn(async move {
            let mut accepted = Vec::new();
            for change in 0..3 {
                let title = format!("{feeder}-{change}");
                if feed(address, &title, &text).await == 201 {
                    accepted.push(title);
                }
            }
            accepted
        });
    }
    let mut probe = TcpStream::connect(server.address).await.unwrap();
    let mut slowest = Duration::ZERO;
    let mut accepted = Vec::new();
    while let Some(done) = feeders.join_next().await {
        accepted.extend(done.unwrap());
        slowest = slowest.max(health(&mut probe).await);
    }
    let grown = server.resident_kib().saturating_sub(before) / 1024;
    assert!(!accepted.is_empty());
    assert!(slowest < Duration::from_secs(2), "health took {slowest:?}");
    assert!(grown < 256, "{grown} MiB more for 900 stories of 10 kB");
    let got = receiver.requests(accepted.len(), PATIENCE).await;
    let mut titles: Vec<String> = got
        .iter()
        .map(|r| {
            r.json()["data"]["object"]["title"]
                .as_str()
                .unwrap_or_default()
                .to_owned()
        })
        .collect();
    titles.sort_unstable();
    titles.dedup();
    accepted.sort_unstable();
    assert_eq!(titles, accepted);
}

/// Bodies at the size limit from everybody at once: answered, each of them, and the memory is not theirs.
#[tokio::test(flavor = "multi_thread")]
async fn bodies_at_the_limit_are_bounded_together() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let project = json!({"key": "O", "name": "Overload"});
    server.call("POST", "/projects", &project).await;
    let before = server.resident_kib();
    // The dearest text there is: each few bytes a value of its own. It is refused once it is read.
    let body = Arc::new(format!("[{}0]", "{},".repeat(2_700_000)).into_bytes());
    let mut clients = JoinSet::new();
    for _ in 0..40 {
        let (address, body) = (server.address, Arc::clone(&body));
        clients.spawn(async move {
            let mut stream = TcpStream::connect(address).await.unwrap();
            let head = format!(
                "POST /api/v1/projects/O/changes HTTP/1.1\r\nHost: tidings\r\nAuthorization: Bearer {TOKEN}\r\nContent-Type: application/json\r\n\
                 Connection: close\r\nContent-Length: {}\r\n\r\n",
                body.len()
            );
            stream.write_all(head.as_bytes()).await.unwrap();
            // Who is told to come back need not be heard to the end.
            let _ = stream.write_all(&body).await;
            let mut said = vec![0; 12];
            stream.read_exact(&mut said).await.map(|_| String::from_utf8(said).unwrap())
        });
    }
    let mut most = 0;
    let mut answered = 0;
    while let Some(said) = clients.join_next().await {
        most = most.max(server.resident_kib());
        // A reset may overtake an answer that was given before the body was taken.
        if let Ok(said) = said.unwrap() {
            assert!(matches!(&said[9..], "413" | "503" | "429"), "{said}");
            answered += 1;
        }
    }
    let grown = most.saturating_sub(before) / 1024;
    assert!(answered > 0);
    assert!(grown < 320, "{grown} MiB for 40 bodies of 8 MiB");
    let path = "/projects/O/stories";
    let story: Value = server.call("POST", path, &json!({"title": "after"})).await;
    assert_eq!(story["title"], "after");
}
