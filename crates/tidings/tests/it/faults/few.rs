//! What a server needs is not there: the database is locked, the folder can only be read, descriptors are used up, no name
//! server answers.

use std::net::SocketAddr;
use std::process::Command;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use serde_json::{Value, json};
use tidings_testkit::disk::{Act, NAMES, Trap, WRITES};
use tidings_testkit::dns::{Dns, Zone};

use super::rig::{RECOVERY, Rig, ask, ask_on, connect};
use crate::world::{Server, call};

#[tokio::test(flavor = "multi_thread")]
async fn while_another_process_holds_the_database_changes_are_refused() {
    let mut rig = Rig::prepared().await;
    let server = rig.start().unwrap();
    rig.change(server.address).await.unwrap();
    let other = Connection::open(rig.disk.folder().join("tidings.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let begun = Instant::now();
    let refused = rig.change(server.address).await.unwrap();
    assert!(refused.is_clear_refusal(), "{refused:?}");
    assert_eq!(refused.code(), "database_locked");
    assert!(begun.elapsed() < RECOVERY / 2, "{:?}", begun.elapsed());
    let ready = rig.get(&server, "/readyz").await;
    assert_eq!((ready.status, ready.code()), (503, "database_locked"));
    assert_eq!(rig.get(&server, "/healthz").await.status, 200);
    let tasks = rig.get(&server, "/api/v1/projects/F/tasks").await;
    assert_eq!(tasks.status, 200, "{tasks:?}");
    other.execute_batch("COMMIT").unwrap();
    let since = Instant::now();
    while rig.change(server.address).await.unwrap().status != 200 {
        assert!(since.elapsed() < RECOVERY, "{}", rig.said());
    }
    drop(other);
    rig.finish(server, true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_can_only_be_read_is_refused_at_the_start() {
    let rig = Rig::prepared().await;
    rig.disk.set(Trap {
        kinds: NAMES,
        at: 1,
        sticky: true,
        act: Act::ReadOnly,
    });
    let refused = rig.start().err().unwrap();
    assert_eq!(refused.status.code(), Some(1));
    let last = refused.said.lines().last().unwrap_or_default();
    assert!(last.starts_with("tidings: cannot open"), "{refused:?}");
    assert!(last.contains("Read-only file system"), "{refused:?}");
}

/// As some systems do with a disk that returns errors.
#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_becomes_read_only_refuses_changes_until_it_is_not() {
    let mut rig = Rig::prepared().await;
    let server = rig.start().unwrap();
    rig.change(server.address).await.unwrap();
    rig.disk.set(Trap {
        kinds: WRITES | NAMES,
        at: 1,
        sticky: true,
        act: Act::ReadOnly,
    });
    let refused = rig.change(server.address).await.unwrap();
    assert!(refused.is_clear_refusal(), "{refused:?}");
    assert_eq!(rig.get(&server, "/readyz").await.code(), "disk_failing");
    rig.disk.clear();
    let since = Instant::now();
    while rig.change(server.address).await.unwrap().status != 200 {
        assert!(since.elapsed() < RECOVERY, "{}", rig.said());
    }
    rig.finish(server, true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_descriptors_work_waits_and_goes_on() {
    let mut rig = Rig::prepared().await;
    let server = rig.start().unwrap();
    let mut client = connect(server.address).await.unwrap();
    assert_eq!(rig.change_on(&mut client).await.unwrap().status, 200);
    rig.all_arrived().await;
    // The receiver closes, so that each try needs a new connection.
    rig.receiver.hang_up();
    limit_descriptors(&server, 3);
    // The system takes it in; the server cannot.
    let waits = tokio::spawn(ask_owned(server.address));
    for _ in 0..5 {
        let reply = rig.change_on(&mut client).await.unwrap();
        assert!(reply.status == 200 || reply.is_clear_refusal(), "{reply:?}");
    }
    let pending = "/api/v1/projects/F/deliveries?state=pending";
    let begun = Instant::now();
    let mut turns = tokio::time::interval(Duration::from_millis(20));
    loop {
        turns.tick().await;
        assert!(
            begun.elapsed() < RECOVERY,
            "deliveries were made all the same"
        );
        let list = ask_on(&mut client, "GET", pending, &Value::Null).await;
        let rows = list.unwrap().body["data"].clone();
        let mut rows = rows.as_array().into_iter().flatten();
        if rows.any(|row| row["last_attempt"]["outcome"] == "unsendable") {
            break;
        }
    }
    assert!(!waits.is_finished(), "nobody could take it in");
    limit_descriptors(&server, 1024);
    let since = Instant::now();
    assert_eq!(waits.await.unwrap(), Some(200));
    rig.all_arrived().await;
    assert!(since.elapsed() < RECOVERY, "{:?}", since.elapsed());
    let shown = rig.get(&server, "/api/v1/projects/F/webhooks/1").await;
    assert_eq!(shown.body["health"]["consecutive_failures"], 0, "{shown:?}");
    let said = rig.said();
    let complaints = said.matches("failed to accept").count();
    assert!((1..3).contains(&complaints), "{said}");
    rig.finish(server, false).await;
}

async fn ask_owned(server: SocketAddr) -> Option<u16> {
    let reply = ask(server, "GET", "/readyz", &Value::Null).await;
    reply.map(|reply| reply.status)
}

/// What is open stays open; nothing more can be opened beyond that number.
fn limit_descriptors(server: &Server, soft: u32) {
    let (pid, limit) = (server.id().to_string(), format!("--nofile={soft}:"));
    let mut prlimit = Command::new("prlimit");
    let done = prlimit.args(["--pid", &pid, &limit]).status().unwrap();
    assert!(done.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_name_server_nobody_is_blamed() {
    let dns = Dns::start().await;
    let mut rig = Rig::prepared().await;
    rig.set("TIDINGS_EGRESS_RESOLVER", &dns.addr().to_string());
    let server = rig.start().unwrap();
    dns.set("hook.example.com", Zone::ServFail);
    let url = format!(
        "http://hook.example.com:{}/hook",
        rig.receiver.address.port()
    );
    let path = "/projects/F/webhooks/1";
    let edited = server.call("PATCH", path, &json!({"url": url})).await;
    assert_eq!(edited["warnings"][1]["code"], "unresolved", "{edited}");
    rig.change(server.address).await.unwrap();
    let begun = Instant::now();
    let mut turns = tokio::time::interval(Duration::from_millis(20));
    let attempt = loop {
        turns.tick().await;
        assert!(begun.elapsed() < RECOVERY, "nothing was tried");
        let list = rig.get(&server, "/api/v1/projects/F/deliveries").await;
        let Some(id) = list.body["data"][0]["id"].as_str() else {
            continue;
        };
        let path = format!("/projects/F/deliveries/{id}");
        let shown = call(server.address, "GET", &path, &Value::Null).await;
        let shown = shown.unwrap().1;
        if let Some(attempt) = shown["attempts"].get(0) {
            break attempt.clone();
        }
    };
    assert_eq!(attempt["outcome"], "unsendable", "{attempt}");
    let shown = server.call("GET", path, &Value::Null).await;
    assert_eq!(shown["health"]["state"], "ok", "{shown}");
    assert_eq!(shown["health"]["consecutive_failures"], 0, "{shown}");
    dns.set("hook.example.com", Zone::address("127.0.0.1"));
    rig.finish(server, false).await;
}
