//! The doctor finds what is wrong, says what to do, and leaves everything as it was.

use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::Path;
use std::process::Output;

use serde_json::{Value, json};

use super::world::{Server, operator, said, store, tidings};

/// Its findings, by check.
fn findings(output: &Output) -> serde_json::Map<String, Value> {
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    let checks = answer["checks"].as_array().unwrap().iter();
    let found: serde_json::Map<_, _> = checks
        .map(|c| (c["check"].as_str().unwrap().to_owned(), c.clone()))
        .collect();
    let failed = found.values().filter(|c| c["result"] == "failed").count();
    assert_eq!(failed > 0, answer["result"] == "failed");
    assert_eq!(output.status.code(), Some(i32::from(failed > 0)));
    if failed > 0 {
        assert!(said(output).contains(&format!("{failed} of {} checks failed", found.len())));
    }
    for check in found.values() {
        let advice = check["advice"].is_string();
        assert_eq!(check["result"] != "ok", advice, "{check}");
    }
    found
}

fn doctor(folder: &Path, settings: &[(&str, &str)]) -> serde_json::Map<String, Value> {
    let output = tidings(&["doctor", "--json", "--store", &store(folder)])
        .envs(settings.iter().copied())
        .output()
        .unwrap();
    findings(&output)
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .filter(|name| !name.ends_with("-shm") && !name.ends_with("-wal"))
        .collect();
    names.sort();
    names
}

async fn with_secrets(folder: &Path) -> Server {
    let server = Server::start(folder);
    server
        .call(
            "POST",
            "/projects",
            &json!({"key": "DOC", "name": "Doctor"}),
        )
        .await;
    let webhook = json!({"name": "w", "url": "http://127.0.0.1:9/", "dialect": "standard", "events": "all",
        "secret": "careful", "headers": {"X-Key": "also careful"}});
    server
        .call("POST", "/projects/DOC/webhooks", &webhook)
        .await;
    server
}

#[tokio::test(flavor = "multi_thread")]
async fn a_healthy_server_is_told_so_running_or_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let none = doctor(folder.path(), &[]);
    assert!(
        none["database"]["found"]
            .as_str()
            .unwrap()
            .contains("there is none")
    );
    assert!(
        names(folder.path()).is_empty(),
        "{:?}",
        names(folder.path())
    );

    let server = with_secrets(folder.path()).await;
    let before = names(folder.path());
    all_is_well(folder.path(), true);
    assert_eq!(names(folder.path()), before);
    let text = operator(folder.path(), &["doctor", "--quick"]);
    assert!(text.status.success(), "{}", said(&text));
    let text = String::from_utf8(text.stdout).unwrap();
    assert!(text.contains("ok       secrets key"), "{text}");
    assert!(!text.contains("integrity"), "{text}");
    // Beside the doctor the server goes on.
    let list = server
        .call("GET", "/projects/DOC/webhooks", &Value::Null)
        .await;
    assert_eq!(list["data"].as_array().unwrap().len(), 1);
    assert!(server.terminate().success());
    all_is_well(folder.path(), false);
}

fn all_is_well(folder: &Path, running: bool) {
    let found = doctor(folder, &[]);
    for check in [
        "configuration",
        "database",
        "schema",
        "lock",
        "permissions",
        "integrity",
        "consistency",
        "secrets key",
        "clock",
        "time zones",
        "egress",
    ] {
        assert_eq!(found[check]["result"], "ok", "{}", found[check]);
    }
    let key = found["secrets key"]["found"].as_str().unwrap();
    assert!(key.contains("(2)"), "{key}");
    let lock = found["lock"]["found"].as_str().unwrap();
    assert_eq!(lock.contains("held"), running, "{lock}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_found_and_said_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let server = with_secrets(folder.path()).await;
    let webhook = json!({"name": "n", "url": "http://receiver.example.net/", "dialect": "standard", "events": "all"});
    server
        .call("POST", "/projects/DOC/webhooks", &webhook)
        .await;
    assert!(server.terminate().success());
    let key = folder.path().join("tidings.db.key");
    let chmod =
        |mode| std::fs::set_permissions(&key, std::fs::Permissions::from_mode(mode)).unwrap();

    let dead = [("TIDINGS_EGRESS_RESOLVER", "127.0.0.1:9")];
    assert_eq!(
        doctor(folder.path(), &dead)["name server"]["result"],
        "failed"
    );
    let wide = [("TIDINGS_EGRESS_ALLOW", "0.0.0.0/0")];
    assert_eq!(doctor(folder.path(), &wide)["egress"]["result"], "warning");
    let odd = [("TIDINGS_SERVER_COLOUR", "red")];
    assert_eq!(
        doctor(folder.path(), &odd)["configuration"]["result"],
        "warning"
    );
    let bad = [("TIDINGS_RETENTION_DAYS", "soon")];
    let found = doctor(folder.path(), &bad);
    assert_eq!(
        (found.len(), &found["configuration"]["result"]),
        (1, &json!("failed"))
    );

    chmod(0o644);
    let found = doctor(folder.path(), &[]);
    assert_eq!(found["secrets key"]["result"], "failed");
    assert!(
        found["secrets key"]["found"]
            .as_str()
            .unwrap()
            .contains("chmod 600")
    );
    chmod(0o600);
    let other = [(
        "TIDINGS_SECRETS_KEY",
        "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=",
    )];
    let found = doctor(folder.path(), &other);
    assert_eq!(found["secrets key"]["result"], "failed");
    std::fs::rename(&key, folder.path().join("elsewhere")).unwrap();
    let found = doctor(folder.path(), &[]);
    assert!(
        found["secrets key"]["found"]
            .as_str()
            .unwrap()
            .contains("missing")
    );
    std::fs::rename(folder.path().join("elsewhere"), &key).unwrap();

    let database = folder.path().join("tidings.db");
    std::fs::set_permissions(&database, std::fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(
        doctor(folder.path(), &[])["permissions"]["result"],
        "warning"
    );

    // A bad disk: some page in the middle holds something else.
    let file = std::fs::OpenOptions::new()
        .write(true)
        .open(&database)
        .unwrap();
    let pages = file.metadata().unwrap().len() / 4096;
    for page in 2..pages {
        file.write_all_at(&[0xa5; 32], page * 4096).unwrap();
    }
    let found = doctor(folder.path(), &[]);
    let sick = ["database", "integrity"]
        .iter()
        .any(|c| found.get(*c).is_some_and(|f| f["result"] == "failed"));
    assert!(sick, "{found:?}");

    std::fs::write(&database, "Dear diary").unwrap();
    let found = doctor(folder.path(), &[]);
    assert!(
        found["database"]["found"]
            .as_str()
            .unwrap()
            .contains("is no database")
    );
}
