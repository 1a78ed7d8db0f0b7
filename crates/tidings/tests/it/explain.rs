//! `tidings explain`, and a server behind TLS.

use std::process::Output;

use serde_json::{Value, json};
use tidings_testkit::tls::{Authority, Kind};

use super::world::{Receiver, Server, TOKEN, tidings};

fn text(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

fn client(server: &Server, arguments: &[&str]) -> Output {
    tidings(arguments)
        .env("TIDINGS_URL", server.url())
        .env("TIDINGS_TOKEN", TOKEN)
        .output()
        .unwrap()
}

async fn webhook(server: &Server, name: &str, url: &str, dialect: &str) -> i64 {
    let body = json!({"name": name, "url": url, "dialect": dialect});
    let made = server.call("POST", "/projects/P/webhooks", &body).await;
    made["id"].as_i64().unwrap()
}

/// Asks until the webhook's reason is that one.
fn until(server: &Server, event: &str, webhook: i64, reason: &str) -> Value {
    let begun = std::time::Instant::now();
    loop {
        let output = client(
            server,
            &[
                "explain",
                "P",
                event,
                "--webhook",
                &webhook.to_string(),
                "--json",
            ],
        );
        assert!(output.status.success(), "{}", text(&output));
        let all: Value = serde_json::from_slice(&output.stdout).unwrap();
        if all[0]["reason"] == reason {
            return all[0].clone();
        }
        assert!(
            begun.elapsed() < super::world::PATIENCE,
            "no {reason}: {all}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_is_explained_for_each_webhook() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let receiver = Receiver::start().await;
    let nobody = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let dead = format!("http://{}/", nobody.local_addr().unwrap());
    drop(nobody);
    let body = json!({"key": "P", "name": "Project"});
    server.call("POST", "/projects", &body).await;
    let good = webhook(&server, "good", &receiver.url(), "standard").await;
    let bad = webhook(&server, "bad", &dead, "squish").await;
    webhook(&server, "silent", &receiver.url(), "sprintly").await;
    let task = json!({"title": "Fix the login"});
    server.call("PUT", "/projects/P/tasks/5", &task).await;
    let sprint = json!({"name": "Sprint 1", "start_date": "2026-03-02", "end_date": "2026-03-13"});
    let made = server.call("POST", "/projects/P/sprints", &sprint).await;
    assert_eq!(made["id"], 1);
    let news = server
        .call("GET", "/projects/P/activities", &Value::Null)
        .await;
    let event = |n: usize| news["data"][n]["id"].to_string();
    let (sprint, task) = (event(0), event(1));

    let delivered = until(&server, &task, good, "delivered");
    let id = delivered["messages"][0]["delivery"].as_str().unwrap();
    until(&server, &task, bad, "backing_off");
    let said = text(&client(&server, &["explain", "P", &task]));
    for part in [
        &format!("event {task}  task.created  tasks/5  Fix the login  recorded 20"),
        &format!("webhook {good} good (standard): delivered"),
        "Delivered after 1 try: status 204 at 20",
        &format!("webhook {bad} bad (squish): backing_off"),
        "The webhook backs off: 1 failure.",
        "1 try of this one failed; the last: unreachable at 20",
    ] {
        assert!(said.contains(part), "{part} in\n{said}");
    }
    let said = text(&client(&server, &["explain", "P", &sprint]));
    assert!(
        said.contains("silent (sprintly): dialect_silent")
            && said.contains("Sprint.ly has no word"),
        "{said}"
    );
    // A delivery leads to its event, for its own webhook.
    let said = text(&client(&server, &["explain", "P", id]));
    assert!(
        said.contains(&format!("event {task}")) && said.contains(id) && !said.contains("bad"),
        "{said}"
    );
    let absent = client(&server, &["explain", "P", "999999"]);
    assert_eq!(absent.status.code(), Some(3));
    assert!(
        text(&absent).contains("silent changes"),
        "{}",
        text(&absent)
    );
    let path = format!("/projects/P/webhooks/{good}/test");
    let body = json!({"event": "task.created"});
    let test = server.call("POST", &path, &body).await;
    let test = client(&server, &["explain", "P", test["id"].as_str().unwrap()]);
    assert_eq!(test.status.code(), Some(2));
    assert!(text(&test).contains("is a test"), "{}", text(&test));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_commands_speak_https() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let authority = Authority::new();
    let ca = folder.path().join("ca.pem");
    std::fs::write(&ca, authority.pem()).unwrap();
    let ca = ca.to_str().unwrap();
    let before = async |kind| {
        let address = authority.server(kind).before(server.address).await;
        format!("https://{}", address.unwrap())
    };
    let ask = |url: &str, more: &[&str]| {
        tidings(&[&["project", "list", "--server", url], more].concat())
            .env("TIDINGS_TOKEN", TOKEN)
            .output()
            .unwrap()
    };
    let body = json!({"key": "P", "name": "Project"});
    server.call("POST", "/projects", &body).await;
    let good = before(Kind::Valid).await;
    let listed = ask(&good, &["--ca", ca]);
    assert!(listed.status.success(), "{}", text(&listed));
    assert!(text(&listed).contains("Project"));
    let by_variable = tidings(&["project", "list"])
        .env("TIDINGS_URL", &good)
        .env("TIDINGS_CA", ca)
        .env("TIDINGS_TOKEN", TOKEN)
        .output()
        .unwrap();
    assert!(by_variable.status.success(), "{}", text(&by_variable));
    for (url, more, said) in [
        (good.clone(), &[][..], "give that authority with --ca FILE"),
        (
            before(Kind::WrongName).await,
            &["--ca", ca],
            "its certificate is for another host",
        ),
        (
            before(Kind::Expired).await,
            &["--ca", ca],
            "its certificate has expired",
        ),
        (
            format!("https://{}", server.address),
            &["--ca", ca],
            "is http:// meant?",
        ),
    ] {
        let refused = ask(&url, more);
        assert_eq!(refused.status.code(), Some(4), "{}", text(&refused));
        assert!(text(&refused).contains(said), "{said}: {}", text(&refused));
    }
    let usage = ask(&good, &["--ca", "/nonexistent.pem"]);
    assert_eq!(usage.status.code(), Some(2), "{}", text(&usage));
    assert!(text(&usage).contains("/nonexistent.pem"));
    let scheme = ask("ftp://127.0.0.1/", &[]);
    assert_eq!(scheme.status.code(), Some(2), "{}", text(&scheme));
}
