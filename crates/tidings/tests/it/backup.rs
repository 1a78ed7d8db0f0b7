//! Backups of a server that is hard at work, and what becomes of them: whole, marked, and served only as their owner says.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::sync::Notify;

use super::world::{Receiver, Server, call, operator, said};

/// How many backups: a few in the tests, a hundred in `cargo xtask soak`.
fn copies() -> usize {
    #[expect(clippy::disallowed_methods, reason = "a test's own dial")]
    std::env::var("TIDINGS_BACKUPS")
        .ok()
        .and_then(|k| k.parse().ok())
        .unwrap_or(10)
}

/// A folder with a backup of the database in `of`, and its key, as an operator lays them out on a new machine.
fn copied(of: &Path, at: PathBuf) -> (PathBuf, Value) {
    std::fs::create_dir(&at).unwrap();
    let dest = at.join("tidings.db");
    let made = operator(of, &["backup", "--json", &dest.display().to_string()]);
    assert!(made.status.success(), "{}", said(&made));
    std::fs::copy(of.join("tidings.db.key"), at.join("tidings.db.key")).unwrap();
    (at, serde_json::from_slice(&made.stdout).unwrap())
}

/// Event ids of everything that is listed.
async fn listed(server: &Server) -> HashSet<u64> {
    pages(server, "/projects/CARE/activities?limit=200", "id").await
}

/// A number of each entry of a list.
async fn pages(server: &Server, path: &str, member: &str) -> HashSet<u64> {
    let mut all = HashSet::new();
    let mut cursor = String::new();
    loop {
        let page = server
            .call("GET", &format!("{path}{cursor}"), &Value::Null)
            .await;
        let data = page["data"].as_array().unwrap().iter();
        all.extend(data.map(|entry| entry[member].as_u64().unwrap()));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return all,
        }
    }
}

/// Event ids of everything in the sent log.
async fn logged(server: &Server) -> HashSet<u64> {
    pages(server, "/projects/CARE/deliveries?limit=200", "event").await
}

fn told(receiver: &Receiver) -> HashSet<u64> {
    let event = |body: &[u8]| {
        let body: Value = serde_json::from_slice(body).unwrap();
        body["data"]["event_id"].as_u64()
    };
    receiver
        .all()
        .iter()
        .filter_map(|g| event(&g.body))
        .collect()
}

/// A project with a task and a webhook with a secret.
async fn set_up(server: &Server, receiver: &Receiver) {
    server
        .call("POST", "/projects", &json!({"key": "CARE", "name": "Care"}))
        .await;
    let webhook = json!({"name": "w", "url": receiver.url(), "dialect": "standard", "events": "all",
        "secret": "careful", "ordering": "none"});
    server
        .call("POST", "/projects/CARE/webhooks", &webhook)
        .await;
}

async fn create(server: std::net::SocketAddr) -> Option<u64> {
    let entry = json!([{"op": "put", "collection": "tasks", "id": 1, "data": {"title": fresh()}}]);
    match call(server, "POST", "/projects/CARE/changes", &entry).await {
        Ok((200, answer)) => answer["data"][0]["event"].as_u64(),
        _ => None,
    }
}

/// A title that was never there.
fn fresh() -> String {
    static NEXT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(1);
    format!("Title {}", NEXT.fetch_add(1, Ordering::Relaxed))
}

#[tokio::test(flavor = "multi_thread")]
async fn backups_under_load_hold_every_acknowledged_change() {
    let folder = tempfile::tempdir().unwrap();
    let receiver = Receiver::start().await;
    let server = Server::start(folder.path());
    set_up(&server, &receiver).await;
    let accepted: Arc<(Mutex<HashSet<u64>>, Notify)> = Arc::default();
    let done = Arc::new(AtomicBool::new(false));
    let address = server.address;
    let feeders: Vec<_> = (0..4)
        .map(|_| {
            let (accepted, done) = (Arc::clone(&accepted), Arc::clone(&done));
            tokio::spawn(async move {
                while !done.load(Ordering::Relaxed) {
                    // A machine that is busy with something else may refuse one.
                    let Some(event) = create(address).await else {
                        continue;
                    };
                    accepted.0.lock().insert(event);
                    accepted.1.notify_waiters();
                }
            })
        })
        .collect();
    let mut made = Vec::new();
    let mut known = 0;
    for number in 0..copies() {
        let before = grown(&accepted, known + 5).await;
        known = before.len();
        let of = folder.path().to_owned();
        let at = folder.path().join(format!("copy-{number}"));
        let (at, answer) = tokio::task::spawn_blocking(move || copied(&of, at))
            .await
            .unwrap();
        assert_eq!(answer["key_included"], false);
        assert_eq!(answer["has_secrets"], true);
        made.push((at, answer["event"].as_u64().unwrap(), before));
    }
    done.store(true, Ordering::Relaxed);
    for feeder in feeders {
        feeder.await.unwrap();
    }
    // Lost: what the copies do not have is known to receivers only.
    server.kill();
    let last = *accepted.0.lock().iter().max().unwrap();
    assert!(
        made.windows(2).all(|w| w[0].1 < w[1].1),
        "there was no load"
    );
    let mut held = 0;
    for (at, event, before) in &made {
        let restored = Server::with(at, &["--after-restore", "park"]);
        let doctor = operator(at, &["doctor"]);
        assert!(doctor.status.success(), "{}", said(&doctor));
        let found = listed(&restored).await;
        assert!(
            before.is_subset(&found),
            "lost {:?}",
            before.difference(&found)
        );
        assert_eq!(
            found.iter().max(),
            Some(event).filter(|e| **e > 0),
            "the copy is of one moment"
        );
        assert_eq!(
            logged(&restored).await,
            found,
            "each change has its delivery"
        );
        held += found.len();
        let next = create(restored.address).await.unwrap();
        assert_eq!(
            next,
            event + 1_000_001,
            "the last before the loss was {last}"
        );
    }
    println!(
        "{} backups under load, {held} changes in them, 0 acknowledged ones missing",
        made.len()
    );
}

/// What was accepted, once it is at least so much.
async fn grown(accepted: &(Mutex<HashSet<u64>>, Notify), enough: usize) -> HashSet<u64> {
    loop {
        let news = accepted.1.notified();
        let all = accepted.0.lock().clone();
        if all.len() >= enough {
            return all;
        }
        news.await;
    }
}

/// The receiver hangs while the copy is made, so that deliveries wait in it; then the server is lost.
async fn lost_while_waiting(folder: &Path, receiver: &Receiver) -> (PathBuf, HashSet<u64>, String) {
    let server = Server::start(folder);
    set_up(&server, receiver).await;
    create(server.address).await.unwrap();
    receiver
        .until("what arrives before", |got| got.len() == 1)
        .await;
    let id = receiver.all()[0].header("webhook-id").to_owned();
    // Only once it is settled is it no longer sent again.
    loop {
        let row = server
            .call(
                "GET",
                &format!("/projects/CARE/deliveries/{id}"),
                &Value::Null,
            )
            .await;
        if row["state"] == "delivered" {
            break;
        }
    }
    receiver.be_silent(true);
    let mut waiting = HashSet::new();
    for _ in 0..20 {
        waiting.insert(create(server.address).await.unwrap());
    }
    let (at, _) = copied(folder, folder.join("copy"));
    let late = create(server.address).await.unwrap();
    server.kill();
    receiver.be_silent(false);
    assert!(!waiting.contains(&late));
    (at, waiting, id)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_is_served_only_as_its_owner_says() {
    let folder = tempfile::tempdir().unwrap();
    let receiver = Receiver::start().await;
    let (at, waiting, first) = lost_while_waiting(folder.path(), &receiver).await;
    let refused = operator(&at, &["serve", "--listen", "127.0.0.1:0"]);
    assert_eq!(refused.status.code(), Some(1));
    let why = said(&refused);
    assert_eq!(why.lines().count(), 1, "{why}");
    for word in [
        "is the backup of",
        "--after-restore park",
        "--after-restore deliver",
    ] {
        assert!(why.contains(word), "{why}");
    }

    let server = Server::with(&at, &["--after-restore", "deliver"]);
    receiver
        .until("what waited", |got| got.len() > waiting.len())
        .await;
    let got = told(&receiver);
    assert!(waiting.is_subset(&got), "{waiting:?} {got:?}");
    assert_eq!(
        got.len(),
        waiting.len() + 1,
        "what came after the copy is lost"
    );
    let repeated = receiver
        .all()
        .iter()
        .filter(|g| g.header("webhook-id") == first)
        .count();
    assert_eq!(repeated, 1, "what was delivered before is not sent again");
    let sequence = |got: &[super::world::Got]| {
        let numbers = got
            .iter()
            .map(|g| g.header("x-tidings-sequence").parse::<u64>().unwrap());
        numbers.max().unwrap()
    };
    let before = sequence(&receiver.all());
    let next = create(server.address).await.unwrap();
    assert_eq!(next, waiting.iter().max().unwrap() + 1_000_001);
    let all = receiver
        .until("the next change", |got| got.len() > waiting.len() + 1)
        .await;
    assert_eq!(sequence(&all), before + 1_000_000 + 1);

    // So does an object that is new to it, but perhaps not to receivers.
    let new = json!({"title": "New, or created again"});
    let made = server.call("PUT", "/projects/CARE/tasks/9", &new).await;
    assert_eq!(made["sequence"], 1_000_001, "{made}");
    let again = server.call("POST", "/projects/CARE/tasks", &new).await;
    assert_eq!(again["sequence"], 1_000_001, "{again}");

    // The mark is gone: it is a database as any other, also for who still says what to do with a backup.
    assert!(server.terminate().success());
    let server = Server::start(&at);
    assert!(server.terminate().success());
    let again = operator(
        &at,
        &[
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--after-restore",
            "park",
        ],
    );
    assert_eq!(again.status.code(), Some(1));
    assert!(said(&again).contains("no backup"), "{}", said(&again));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waited_in_a_backup_stays_aside_until_it_is_recovered() {
    let folder = tempfile::tempdir().unwrap();
    let receiver = Receiver::start().await;
    let (at, waiting, _) = lost_while_waiting(folder.path(), &receiver).await;
    let server = Server::with(&at, &["--after-restore", "park"]);
    let list = server
        .call(
            "GET",
            "/projects/CARE/deliveries?state=parked&limit=200",
            &Value::Null,
        )
        .await;
    assert_eq!(list["data"].as_array().unwrap().len(), waiting.len());
    // What happens from now on goes out, and nothing of the past with it.
    let next = create(server.address).await.unwrap();
    let all = receiver.until("the next change", |got| got.len() > 1).await;
    assert_eq!(told(&receiver).len(), 2, "{}", all.len());
    assert!(told(&receiver).contains(&next));
    let oldest = &list["data"].as_array().unwrap().last().unwrap()["created_at"];
    let recover = json!({"since": oldest, "mode": "deliver"});
    server
        .call("POST", "/projects/CARE/webhooks/1/recover", &recover)
        .await;
    receiver
        .until("what was parked", |got| got.len() == waiting.len() + 2)
        .await;
    assert!(waiting.is_subset(&told(&receiver)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_is_private_never_overwrites_and_says_what_it_lacks() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let dest = folder.path().join("copy.db").display().to_string();
    let made = operator(folder.path(), &["backup", &dest]);
    let text = String::from_utf8_lossy(&made.stdout).into_owned();
    assert!(made.status.success(), "{}", said(&made));
    for word in [
        "copy.db",
        "checked",
        "the key that opens its secrets is not in it",
        "tidings.db.key",
    ] {
        assert!(text.contains(word), "{text}");
    }
    let again = operator(folder.path(), &["backup", &dest]);
    assert_eq!(again.status.code(), Some(1));
    assert!(
        said(&again).contains("is there already"),
        "{}",
        said(&again)
    );
    assert!(server.terminate().success());
    // A stopped server's file is copied just so.
    let other = folder.path().join("stopped.db").display().to_string();
    assert!(
        operator(folder.path(), &["backup", &other])
            .status
            .success()
    );
    let nothing = operator(
        &folder.path().join("copy.db"),
        &["backup", &format!("{other}.2")],
    );
    assert_eq!(nothing.status.code(), Some(1));
}
