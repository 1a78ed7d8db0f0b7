//! `Prefer: wait` against the real binary: a client that goes away, and a server that is told to stop.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::world::{PATIENCE, Receiver, Reply, Server, TOKEN, ask};

/// Far less than the 30 seconds that are wished for.
const AT_ONCE: Duration = Duration::from_secs(20);

async fn begin(folder: &std::path::Path, receiver: &Receiver) -> Server {
    let server = Server::start(folder);
    server
        .call("POST", "/projects", &json!({"key": "WAIT", "name": "Wait"}))
        .await;
    let webhook = json!({"name": "w", "url": receiver.url(), "dialect": "standard"});
    server
        .call("POST", "/projects/WAIT/webhooks", &webhook)
        .await;
    server
}

async fn create(to: SocketAddr) -> Reply {
    let wish = [("prefer", "wait=30")];
    let task = json!({"title": "Waited for"});
    ask(to, "POST", "/projects/WAIT/tasks", &wish, &task)
        .await
        .unwrap()
}

/// Waits until so many requests wait.
async fn until_waiting(server: SocketAddr, wanted: usize) {
    let line = format!("tidings_requests_waiting {wanted}\n");
    let look = async {
        loop {
            let mut stream = TcpStream::connect(server).await.unwrap();
            let request = "GET /metrics HTTP/1.1\r\nhost: tidings\r\nconnection: close\r\n\r\n";
            stream.write_all(request.as_bytes()).await.unwrap();
            let mut text = String::new();
            stream.read_to_string(&mut text).await.unwrap();
            if text.contains(&line) {
                return;
            }
        }
    };
    tokio::time::timeout(PATIENCE, look).await.unwrap();
}

#[tokio::test]
async fn the_answer_comes_with_the_receivers() {
    let folder = tempfile::tempdir().unwrap();
    let receiver = Receiver::start().await;
    let server = begin(folder.path(), &receiver).await;
    let began = Instant::now();
    for turn in 1..=20 {
        let got = create(server.address).await;
        assert_eq!(
            (got.status, got.header("preference-applied")),
            (201, "wait=30")
        );
        assert_eq!(got.body["complete"], json!(true), "{}", got.body);
        let tried = &got.body["deliveries"][0];
        assert_eq!(
            (&tried["state"], &tried["last_attempt"]["status"]),
            (&json!("delivered"), &json!(204))
        );
        assert_eq!(receiver.all().len(), turn);
    }
    assert!(began.elapsed() < AT_ONCE, "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_client_that_goes_away_leaves_nobody_waiting() {
    let folder = tempfile::tempdir().unwrap();
    let receiver = Receiver::start().await;
    receiver.be_silent(true);
    let server = begin(folder.path(), &receiver).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let task = r#"{"title":"Left alone"}"#;
    let request = format!(
        "POST /api/v1/projects/WAIT/tasks HTTP/1.1\r\nhost: tidings\r\nauthorization: Bearer {TOKEN}\r\ncontent-type: application/json\r\nprefer: wait=30\r\ncontent-length: {}\r\n\r\n{task}",
        task.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    until_waiting(server.address, 1).await;
    let began = Instant::now();
    drop(stream);
    until_waiting(server.address, 0).await;
    assert!(began.elapsed() < AT_ONCE, "{:?}", began.elapsed());
    let tasks = server
        .call("GET", "/projects/WAIT/tasks", &Value::Null)
        .await;
    assert_eq!(tasks["data"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_server_that_stops_answers_those_who_wait() {
    let folder = tempfile::tempdir().unwrap();
    let receiver = Receiver::start().await;
    receiver.be_silent(true);
    let server = begin(folder.path(), &receiver).await;
    let waiting = tokio::spawn(create(server.address));
    until_waiting(server.address, 1).await;
    let began = Instant::now();
    server.signal("TERM");
    let got = waiting.await.unwrap();
    assert!(began.elapsed() < AT_ONCE, "{:?}", began.elapsed());
    assert_eq!((got.status, &got.body["complete"]), (201, &json!(false)));
    assert_eq!(got.body["deliveries"][0]["attempt_count"], json!(0));
}
