//! The official Standard Webhooks packages of Rust, Python and Node verify what the real server sends, in every dialect.

use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};

use super::world::{Got, Receiver, Server};

/// 32 bytes; the packages want `whsec_` or bare base64.
const SECRET: &str = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
const DIALECTS: [&str; 6] = [
    "standard", "icescrum", "gitscrum", "sprintly", "backlog", "squish",
];

/// One request of each dialect, from one change.
async fn requests() -> Vec<Got> {
    let folder = tempfile::tempdir().unwrap();
    let receiver = Receiver::start().await;
    let server = Server::start(folder.path());
    server
        .call(
            "POST",
            "/projects",
            &json!({"key": "SIG", "name": "Signatures"}),
        )
        .await;
    for dialect in DIALECTS {
        let webhook = json!({"name": dialect, "url": receiver.url(), "dialect": dialect, "events": "all", "secret": SECRET});
        server
            .call("POST", "/projects/SIG/webhooks", &webhook)
            .await;
    }
    server
        .call(
            "POST",
            "/projects/SIG/tasks",
            &json!({"title": "Sign — with ümlauts ☕ and \u{1f600}"}),
        )
        .await;
    receiver
        .until("a request of each dialect", |got| {
            got.len() == DIALECTS.len()
        })
        .await
}

/// Where `cargo xtask setup` put Python and Node packages.
pub(crate) fn tools() -> PathBuf {
    #[expect(clippy::disallowed_methods, reason = "set by cargo xtask test")]
    let folder = std::env::var("TIDINGS_TOOLS").map(PathBuf::from);
    let folder = folder.unwrap_or_else(|_| {
        PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
            .parent()
            .unwrap()
            .join("xtask-tools")
    });
    assert!(
        folder.is_dir(),
        "this test needs the official packages: run `cargo xtask setup` first"
    );
    folder
}

fn write(folder: &std::path::Path, got: &[Got]) {
    let all: Vec<Value> = got
        .iter()
        .map(|g| {
            let name = |n: &str| (n.to_owned(), json!(g.header(n)));
            let headers: serde_json::Map<String, Value> =
                ["webhook-id", "webhook-timestamp", "webhook-signature"]
                    .map(name)
                    .into_iter()
                    .collect();
            json!({"headers": headers, "body": String::from_utf8(g.body.to_vec()).unwrap()})
        })
        .collect();
    std::fs::write(
        folder.join("requests.json"),
        json!({"secret": SECRET, "requests": all}).to_string(),
    )
    .unwrap();
}

const PYTHON: &str = "
import json, sys
from standardwebhooks import Webhook, WebhookVerificationError
data = json.load(open('requests.json', encoding='utf-8'))
webhook = Webhook(data['secret'])
for r in data['requests']:
    webhook.verify(r['body'].encode('utf-8'), r['headers'])
    try:
        webhook.verify(r['body'].encode('utf-8') + b' ', r['headers'])
        sys.exit('a changed body was accepted')
    except WebhookVerificationError:
        pass
print(len(data['requests']))
";

const NODE: &str = "
const { Webhook } = require('standardwebhooks');
const data = JSON.parse(require('fs').readFileSync('requests.json', 'utf8'));
const webhook = new Webhook(data.secret);
for (const r of data.requests) {
  webhook.verify(r.body, r.headers);
  let refused = false;
  try { webhook.verify(r.body + ' ', r.headers); } catch { refused = true; }
  if (!refused) { console.error('a changed body was accepted'); process.exit(1); }
}
console.log(data.requests.length);
";

fn judge(command: &mut Command) {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    assert!(
        output.status.success() && said == DIALECTS.len().to_string(),
        "{said} {}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn official_packages_verify_every_dialect() {
    let got = requests().await;
    let official = standardwebhooks::Webhook::new(SECRET).unwrap();
    for g in &got {
        let mut headers = http::HeaderMap::new();
        for name in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
            headers.insert(name, g.header(name).parse().unwrap());
        }
        official
            .verify(&g.body, &headers)
            .unwrap_or_else(|e| panic!("{}: {e}", g.path));
        assert!(
            official
                .verify(&[&g.body[..], b" "].concat(), &headers)
                .is_err()
        );
    }
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &got);
    judge(
        Command::new(tools().join("python/bin/python"))
            .args(["-c", PYTHON])
            .current_dir(folder.path()),
    );
    judge(
        Command::new("node")
            .args(["-e", NODE])
            .env("NODE_PATH", tools().join("node/node_modules"))
            .current_dir(folder.path()),
    );
}
