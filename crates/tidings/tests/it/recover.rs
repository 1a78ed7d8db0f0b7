//! Recovering what a webhook missed while it was off, and resending in bulk, with the real binary: byte for byte, in every dialect,
//! killed in the middle, from the command line.

use std::collections::HashSet;
use std::process::Output;

use serde_json::{Value, json};

use tidings_testkit::receiver::{self, Behavior};

use super::hostile::until;
use super::kill::{check_order, check_repeats, events};
use super::world::{Got, Receiver, Server, TOKEN, call, call_as, tidings};

#[expect(dead_code, reason = "what a step is called is for people")]
#[path = "../../src/demo/script.rs"]
mod script;

const DIALECTS: [&str; 6] = [
    "standard", "icescrum", "gitscrum", "sprintly", "backlog", "squish",
];

async fn play(server: &Server, steps: &[script::Step]) {
    for (number, step) in steps.iter().enumerate() {
        let body = match step.body {
            "" => Value::Null,
            text => serde_json::from_str(text).unwrap(),
        };
        let by = step.by.to_string();
        let at = format!("2026-03-02T09:{:02}:00Z", number % 60);
        let who = (step.by > 0).then_some((by.as_str(), at.as_str()));
        let path = format!("/projects/P{}", step.path);
        let done = call_as(server.address, step.method, &path, who, &body).await;
        let (status, answer) = done.unwrap();
        assert!(
            (200..300).contains(&status),
            "{} {path}: {status} {answer}",
            step.method
        );
    }
}

/// A project with two webhooks per dialect, the second one off.
async fn pairs(server: &Server, receiver: &Receiver) -> Vec<i64> {
    let project = json!({"key": "P", "name": "Pairs"});
    server.call("POST", "/projects", &project).await;
    play(server, script::BEFORE).await;
    let mut off = Vec::new();
    for dialect in DIALECTS {
        for (name, enabled) in [("on", true), ("off", false)] {
            let url = format!("http://{}/{dialect}/{name}", receiver.address);
            let webhook = json!({"name": name, "url": url, "dialect": dialect, "events": "all", "enabled": enabled, "secret": "s"});
            let made = server.call("POST", "/projects/P/webhooks", &webhook).await;
            if !enabled {
                off.push(made["id"].as_i64().unwrap());
            }
        }
    }
    off
}

/// What a webhook got: code and body of each message, per item in the order of their coming.
fn got(all: &[Got], path: &str) -> Vec<(String, String, String)> {
    let mine = all.iter().filter(|g| g.path == path);
    let mut got: Vec<_> = mine
        .map(|g| {
            let about = g.header("x-tidings-object").to_owned();
            let body = String::from_utf8_lossy(&g.body).into_owned();
            (about, g.header("x-tidings-event").to_owned(), body)
        })
        .collect();
    // Items overtake each other freely.
    got.sort_by(|a, b| a.0.cmp(&b.0));
    got
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_missed_is_what_would_have_been_sent_in_every_dialect() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let receiver = Receiver::start().await;
    let off = pairs(&server, &receiver).await;
    let since = "2026-03-02T00:00:00Z";
    play(&server, script::SPRINT).await;
    let now = server.call("GET", "/projects/P", &Value::Null).await;
    let since = now["created_at"].as_str().unwrap_or(since).to_owned();
    for (dialect, id) in DIALECTS.into_iter().zip(off) {
        let (on, path) = (format!("/{dialect}/on"), format!("/{dialect}/off"));
        let log = format!("/projects/P/deliveries?webhook={}&limit=200", id - 1);
        let log = server.call("GET", &log, &Value::Null).await;
        let sent = log["data"].as_array().unwrap().len();
        assert!(sent >= 3, "{dialect} said {sent} things");
        let recover = format!("/projects/P/webhooks/{id}/recover");
        let mut body = json!({"since": since, "mode": "deliver", "dry_run": true});
        let counted = server.call("POST", &recover, &body).await;
        assert_eq!(
            counted,
            json!({"count": sent, "dry_run": true, "complete": true})
        );
        body["dry_run"] = json!(false);
        let done = server.call("POST", &recover, &body).await;
        assert_eq!(
            done,
            json!({"count": sent, "dry_run": false, "complete": true})
        );
        let all = receiver
            .until("what was missed", |all| {
                let of = |path: &str| all.iter().filter(|g| g.path == path).count();
                of(&path) >= sent && of(&on) >= sent
            })
            .await;
        let (missed, sent) = (got(&all, &path), got(&all, &on));
        assert_eq!(missed.len(), sent.len());
        for (missed, sent) in missed.iter().zip(&sent) {
            assert_eq!(missed, sent, "{dialect}");
        }
        assert!(all.iter().all(|g| g.header("x-tidings-late").is_empty()));
        assert_eq!(server.call("POST", &recover, &body).await["count"], 0);
        let webhook = format!("/projects/P/webhooks/{id}");
        let webhook = server.call("GET", &webhook, &Value::Null).await;
        assert_eq!(webhook["enabled"], true);
    }
}

const OBJECTS: u64 = 40;
const MISSED: u64 = 2_000;

/// Thousands of changes of tasks, 500 in a request; their events.
async fn feed(server: &Server, project: &str, changes: u64) -> HashSet<u64> {
    let mut fed = HashSet::new();
    for batch in 0..changes / 500 {
        let entry = |n: u64| json!({"op": "put", "collection": "tasks", "id": 1 + n % OBJECTS, "data": {"title": format!("Task {batch}.{n}")}});
        let entries: Vec<Value> = (0..500).map(entry).collect();
        let path = format!("/projects/{project}/changes");
        let done = server.call("POST", &path, &json!(entries)).await;
        let rows = done["data"].as_array().unwrap();
        fed.extend(rows.iter().filter_map(|row| row["event"].as_u64()));
    }
    fed
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_in_the_middle_of_a_recovery_nothing_is_lost_doubled_or_out_of_order() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start(folder.path());
    let (receiver, other) = (Receiver::start().await, Receiver::start().await);
    for key in ["MUCH", "OTHER"] {
        let project = json!({"key": key, "name": key});
        server.call("POST", "/projects", &project).await;
    }
    let webhook =
        json!({"name": "w", "url": receiver.url(), "dialect": "standard", "enabled": false});
    let made = server
        .call("POST", "/projects/MUCH/webhooks", &webhook)
        .await;
    let since = made["created_at"].as_str().unwrap().to_owned();
    let path = format!("/projects/MUCH/webhooks/{}", made["id"]);
    let webhook = json!({"name": "o", "url": other.url(), "dialect": "standard"});
    server
        .call("POST", "/projects/OTHER/webhooks", &webhook)
        .await;
    let mut expected = feed(&server, "MUCH", MISSED).await;
    assert_eq!(expected.len(), usize::try_from(MISSED).unwrap());

    let recover = format!("{path}/recover");
    let body = json!({"since": since, "mode": "deliver"});
    for cycle in 1_usize..=4 {
        let asked = tokio::spawn({
            let (address, recover, body) = (server.address, recover.clone(), body.clone());
            async move { call(address, "POST", &recover, &body).await }
        });
        let enough = cycle * 300;
        receiver
            .until("some of it", |all| events(all).len() >= enough)
            .await;
        if cycle == 1 {
            // Another webhook does not wait for it.
            let task = json!({"title": "Elsewhere"});
            server.call("PUT", "/projects/OTHER/tasks/1", &task).await;
            other
                .until("the other's change", |all| all.len() == 1)
                .await;
            assert!(events(&receiver.all()).len() < expected.len());
        }
        // What is new waits for what was missed; it, too, is safe.
        let title = format!("new {cycle}");
        let task =
            json!([{"op": "patch", "collection": "tasks", "id": cycle, "data": {"title": title}}]);
        let done = server.call("POST", "/projects/MUCH/changes", &task).await;
        expected.insert(done["data"][0]["event"].as_u64().unwrap());
        server.kill();
        let _ = asked.await.unwrap();
        server = Server::start(folder.path());
    }
    let all = receiver
        .until("everything", |all| events(all).is_superset(&expected))
        .await;
    assert_eq!(events(&all), expected);
    check_repeats(&all);
    check_order(&all);
    let again = server.call("POST", &recover, &body).await;
    assert_eq!(again["count"], 0, "nothing twice: {again}");
    let mut logged = 0;
    let mut cursor = String::new();
    loop {
        let page = format!("/projects/MUCH/deliveries?limit=200{cursor}");
        let page = server.call("GET", &page, &Value::Null).await;
        logged += page["data"].as_array().unwrap().len();
        let Some(next) = page["next_cursor"].as_str() else {
            break;
        };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(logged, expected.len(), "one delivery per event");
}

fn run(server: &Server, arguments: &[&str]) -> Output {
    let output = tidings(&[&["webhook", "--project", "P"], arguments].concat())
        .env("TIDINGS_URL", server.url())
        .env("TIDINGS_TOKEN", TOKEN)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {said}");
    output
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_recovers_and_resends() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let receiver = Receiver::start().await;
    let project = json!({"key": "P", "name": "P"});
    server.call("POST", "/projects", &project).await;
    let strict = receiver::Receiver::start(Behavior::status(400)).await;
    let webhook =
        json!({"name": "w", "url": strict.url("/"), "dialect": "standard", "retry_schedule": [1]});
    let made = server.call("POST", "/projects/P/webhooks", &webhook).await;
    let (id, since) = (made["id"].to_string(), made["created_at"].clone());
    let since = since.as_str().unwrap();
    let path = format!("/projects/P/webhooks/{id}");
    let body = json!({"title": "Is given up"});
    server.call("PUT", "/projects/P/tasks/1", &body).await;
    let failed = format!("/projects/P/deliveries?webhook={id}&state=failed");
    until("it to be given up", async || {
        let log = server.call("GET", &failed, &Value::Null).await;
        (log["data"].as_array().unwrap().len() == 1).then_some(())
    })
    .await;
    let url = json!({"url": receiver.url()});
    server.call("PATCH", &path, &url).await;
    let said = |output: &Output| String::from_utf8_lossy(&output.stdout).into_owned();
    let counted = run(&server, &["resend", &id, since, "--dry-run"]);
    assert_eq!(said(&counted).trim(), "1 delivery would be sent again");
    let none = run(
        &server,
        &["--json", "resend", &id, since, "--state", "expired"],
    );
    assert_eq!(
        serde_json::from_slice::<Value>(&none.stdout).unwrap()["count"],
        0
    );
    assert!(receiver.all().is_empty());
    let done = run(&server, &["resend", &id, since]);
    assert_eq!(said(&done).trim(), "1 delivery will be sent again");
    receiver.until("it", |all| all.len() == 1).await;

    server
        .call("POST", &format!("{path}/disable"), &Value::Null)
        .await;
    server
        .call("PUT", "/projects/P/tasks/3", &json!({"title": "Missed"}))
        .await;
    let counted = run(&server, &["recover", &id, since, "--dry-run"]);
    assert_eq!(said(&counted).trim(), "1 delivery would be delivered");
    let skipped = run(&server, &["recover", &id, since, "--skip", "--json"]);
    let skipped: Value = serde_json::from_slice(&skipped.stdout).unwrap();
    assert_eq!(
        skipped,
        json!({"count": 1, "dry_run": false, "complete": true})
    );
    server
        .call(
            "PUT",
            "/projects/P/tasks/4",
            &json!({"title": "Missed too"}),
        )
        .await;
    let done = run(&server, &["recover", &id, since]);
    assert_eq!(said(&done).trim(), "1 delivery will be delivered");
    let all = receiver.until("the one", |all| all.len() == 2).await;
    assert_eq!(all[1].header("x-tidings-object"), "tasks/4");
}
