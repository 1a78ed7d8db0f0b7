//! The key of the secrets can be changed, whatever happens on the way.

use std::path::Path;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::world::{Receiver, Server, operator, said, store, tidings};

/// 32 bytes; the package wants `whsec_`.
const SECRET: &str = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
const WEBHOOKS: usize = 60;

/// Times that a rotation is killed somewhere on its way.
const KILLS: u64 = 25;

async fn signed_server(folder: &Path, receiver: &Receiver) -> Server {
    let server = Server::start(folder);
    server
        .call("POST", "/projects", &json!({"key": "KEY", "name": "Keys"}))
        .await;
    for number in 1..=WEBHOOKS {
        // The others are there to be sealed.
        let events = if number == 1 {
            json!("all")
        } else {
            json!(["story.deleted"])
        };
        let webhook = json!({"name": format!("w{number}"), "url": receiver.url(), "dialect": "standard",
            "events": events, "secret": SECRET, "headers": {"X-Key": "careful"}});
        server
            .call("POST", "/projects/KEY/webhooks", &webhook)
            .await;
    }
    server
}

/// A change arrives with the signature and header that it had before.
async fn signs(server: &Server, receiver: &Receiver, nth: usize) {
    server
        .call(
            "POST",
            "/projects/KEY/stories",
            &json!({"title": format!("Story {nth}")}),
        )
        .await;
    let all = receiver
        .until("the signed request", |got| got.len() >= nth)
        .await;
    let got = all.last().unwrap();
    let mut headers = http::HeaderMap::new();
    for name in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
        let name: http::HeaderName = name.parse().unwrap();
        headers.insert(name.clone(), got.header(name.as_str()).parse().unwrap());
    }
    let verifier = standardwebhooks::Webhook::new(SECRET).unwrap();
    verifier.verify(&got.body, &headers).unwrap();
    assert_eq!(got.header("x-key"), "careful");
}

/// What the doctor finds of the key: result and words.
fn key_check(folder: &Path) -> (String, String) {
    let output = operator(folder, &["doctor", "--quick", "--json"]);
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    let checks = answer["checks"].as_array().unwrap();
    let check = checks.iter().find(|c| c["check"] == "secrets key").unwrap();
    let text = |member: &str| check[member].as_str().unwrap().to_owned();
    (text("result"), text("found"))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_key_changes_and_a_kill_on_the_way_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let receiver = Receiver::start().await;
    let server = signed_server(folder, &receiver).await;
    signs(&server, &receiver, 1).await;
    let running = operator(folder, &["secrets", "rotate"]);
    assert_eq!(running.status.code(), Some(1));
    assert!(
        said(&running).contains("in use by another process"),
        "{}",
        said(&running)
    );
    assert_eq!(said(&running).lines().count(), 1);
    assert!(server.terminate().success());

    let first = std::fs::read_to_string(folder.join("tidings.db.key")).unwrap();
    let all = format!("({})", 2 * WEBHOOKS);
    let started = Instant::now();
    let whole = operator(folder, &["secrets", "rotate"]);
    assert!(whole.status.success(), "{}", said(&whole));
    let lasts = u64::try_from(started.elapsed().as_micros()).unwrap();
    let (mut finished, mut begun, mut between) = (0, 0, 0);
    let mut chance = 0x9e37_79b9_7f4a_7c15_u64;
    for _ in 0..KILLS {
        chance ^= chance << 13;
        chance ^= chance >> 7;
        chance ^= chance << 17;
        let mut rotation = tidings(&["secrets", "rotate", "--store", &store(folder)])
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        // Any moment will do; over the rounds they fall into every part of it, most of them where things are written.
        std::thread::sleep(Duration::from_micros(lasts / 4 + chance % lasts));
        rotation.kill().unwrap();
        finished += u32::from(rotation.wait().unwrap().success());
        let (result, found) = key_check(folder);
        assert!(
            found.contains("opens all secrets") && found.contains(&all),
            "{found}"
        );
        between += u32::from(result == "warning");
        begun += u32::from(folder.join("tidings.db.key.new").exists());
    }
    println!(
        "{KILLS} kills: {finished} came too late, {begun} after the new key was kept, {between} of them between commit and rename"
    );

    let last = operator(folder, &["secrets", "rotate", "--json"]);
    assert!(last.status.success(), "{}", said(&last));
    let last: Value = serde_json::from_slice(&last.stdout).unwrap();
    let again = operator(folder, &["secrets", "rotate", "--json", "--vacuum"]);
    assert!(again.status.success(), "{}", said(&again));
    let again: Value = serde_json::from_slice(&again.stdout).unwrap();
    assert_eq!(
        (&again["old_key_id"], &again["values"]),
        (&last["key_id"], &json!(2 * WEBHOOKS))
    );
    assert!(
        folder
            .join(format!(
                "tidings.db.key.{}",
                last["key_id"].as_str().unwrap()
            ))
            .exists()
    );

    // The key of the beginning opens nothing any more.
    let old = tidings(&[
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--store",
        &store(folder),
    ])
    .env("TIDINGS_SECRETS_KEY", first.trim())
    .output()
    .unwrap();
    assert_eq!(old.status.code(), Some(1));
    assert!(
        said(&old).contains("were sealed with key"),
        "{}",
        said(&old)
    );
    let server = Server::start(folder);
    signs(&server, &receiver, 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_configured_key_is_changed_with_a_given_one() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let given = folder.join("new.key");
    drop(Server::start(folder));
    let key = std::fs::read_to_string(folder.join("tidings.db.key")).unwrap();
    let rotate = |more: &[&str]| {
        let store = store(folder);
        tidings(&[&["secrets", "rotate", "--store", &store], more].concat())
            .env("TIDINGS_SECRETS_KEY", key.trim())
            .output()
            .unwrap()
    };
    let alone = rotate(&[]);
    assert_eq!(alone.status.code(), Some(2));
    assert!(said(&alone).contains("--new-key-file"), "{}", said(&alone));
    let path = given.display().to_string();
    let missing = rotate(&["--new-key-file", &path]);
    assert_eq!(missing.status.code(), Some(1));
    assert!(
        said(&missing).contains("there is no key file"),
        "{}",
        said(&missing)
    );
    std::fs::write(
        &given,
        STANDARD.encode([7; 31].into_iter().chain([8]).collect::<Vec<u8>>()),
    )
    .unwrap();
    let open = rotate(&["--new-key-file", &path]);
    assert!(said(&open).contains("chmod 600"), "{}", said(&open));
    std::fs::set_permissions(&given, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let done = rotate(&["--new-key-file", &path]);
    assert!(done.status.success(), "{}", said(&done));
    assert!(String::from_utf8_lossy(&done.stdout).contains("before the next start"));
}
