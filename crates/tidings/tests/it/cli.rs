//! The command line, as a user types it.

use std::io::Write;
use std::process::{Output, Stdio};

use serde_json::{Value, json};

use super::world::{Receiver, Server, TOKEN, ask_for, operator, tidings};

fn text(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// Runs a client command against the server.
fn client(server: &Server, arguments: &[&str]) -> Output {
    tidings(arguments)
        .env("TIDINGS_URL", server.url())
        .env("TIDINGS_TOKEN", TOKEN)
        .output()
        .unwrap()
}

fn json_of(output: &Output) -> Value {
    assert!(output.status.success(), "{}", text(output));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_project_and_a_webhook_are_made_tested_listed_and_deleted() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let receiver = Receiver::start().await;
    let made = json_of(&client(
        &server,
        &["project", "create", "CLI", "Command line", "--json"],
    ));
    assert_eq!(made["key"], "CLI");
    let made = json_of(&client(
        &server,
        &[
            "webhook",
            "--project",
            "CLI",
            "--json",
            "create",
            "first",
            &receiver.url(),
            "squish",
            "--secret",
            "s",
        ],
    ));
    let id = made["id"].to_string();
    assert_eq!(made["has_secret"], true);
    let test = json_of(&client(
        &server,
        &[
            "webhook",
            "--project",
            "CLI",
            "--json",
            "test",
            &id,
            "submit",
        ],
    ));
    assert_eq!(
        (&test["state"], &test["trigger"]),
        (&json!("delivered"), &json!("test"))
    );
    receiver
        .until("the test send", |got| {
            got.iter().any(|g| g.header("x-squish-action") == "submit")
        })
        .await;
    let table = text(&client(&server, &["webhook", "--project", "CLI", "list"]));
    assert!(
        table.contains("squish") && table.contains("insecure_url"),
        "{table}"
    );
    let log = text(&client(&server, &["delivery", "--project", "CLI", "list"]));
    assert!(
        log.contains("submit") && log.contains("delivered") && log.contains("204"),
        "{log}"
    );
    let said = text(&client(
        &server,
        &["webhook", "--project", "CLI", "test", &id, "submit"],
    ));
    assert!(
        said.contains("took submit: 204 accepted in") && !said.contains('{'),
        "{said}"
    );
    let shown = text(&client(
        &server,
        &["webhook", "--project", "CLI", "show", &id],
    ));
    assert!(
        shown.contains("health.state") && !shown.contains("{\""),
        "{shown}"
    );
    let sent = test["id"].as_str().unwrap();
    let shown = text(&client(
        &server,
        &["delivery", "--project", "CLI", "show", sent],
    ));
    assert!(
        shown.contains("X-Squish-Action: submit") && shown.contains("try 1 (test)"),
        "{shown}"
    );
    let rotated = text(&client(
        &server,
        &["webhook", "--project", "CLI", "rotate", &id],
    ));
    assert!(
        rotated.contains("shown this once: whsec_") && rotated.lines().count() == 1,
        "{rotated}"
    );
    let deleted = json_of(&client(
        &server,
        &["webhook", "--project", "CLI", "--json", "delete", &id],
    ));
    assert_eq!(deleted["deleted"].to_string(), id);
    let refused = client(&server, &["webhook", "--project", "CLI", "show", &id]);
    assert_eq!(refused.status.code(), Some(3), "{}", text(&refused));
}

#[test]
fn no_server_is_said_so_with_its_own_exit_code() {
    let output = tidings(&["project", "list", "--server", "http://127.0.0.1:1"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(4));
    assert!(text(&output).contains("tidings serve"), "{}", text(&output));
}

#[test]
fn samples_are_listed_and_printed_offline() {
    let all = text(&tidings(&["sample"]).output().unwrap());
    assert!(all.contains("gitscrum") && all.contains("26"), "{all}");
    let codes = text(&tidings(&["sample", "backlog"]).output().unwrap());
    assert!(codes.lines().count() >= 27, "{codes}");
    let body = tidings(&["sample", "squish", "update"]).output().unwrap();
    let body: Value = serde_json::from_slice(&body.stdout).unwrap();
    assert!(body["updated_by"].is_string());
    let unknown = tidings(&["sample", "jira"]).output().unwrap();
    assert!(text(&unknown).contains("icescrum"), "{}", text(&unknown));
}

fn verify(body: &str, arguments: &[&str]) -> Output {
    let mut child = tidings(&["verify", "-"]);
    let mut child = child
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(body.as_bytes())
        .unwrap();
    child.wait_with_output().unwrap()
}

#[test]
fn a_captured_request_of_the_vendor_verifies() {
    // Squish's own worked example: key `secret`, body as below.
    let headers = [
        "--secret",
        "secret",
        "-H",
        "X-Squish-Action: submit",
        "-H",
        "X-Squish-Signature: a55c0d96bf04734d14b9b08054d894f4",
    ];
    let good = verify(r#"{"project": "Weddings"}"#, &headers);
    assert!(good.status.success(), "{}", text(&good));
    let bad = verify(r#"{"project": "weddings"}"#, &headers);
    assert_eq!(bad.status.code(), Some(5));
    assert!(text(&bad).contains("X-Squish-Signature"), "{}", text(&bad));
}

#[tokio::test(flavor = "multi_thread")]
async fn trigger_sends_what_verifies() {
    let receiver = Receiver::start().await;
    let url = receiver.url();
    let output = tidings(&[
        "trigger",
        "--url",
        &url,
        "--dialect",
        "icescrum",
        "--event",
        "story.create",
        "--secret",
        "s3cret",
    ])
    .output()
    .unwrap();
    assert!(output.status.success(), "{}", text(&output));
    let got = receiver.until("the sample", |got| got.len() == 1).await;
    assert_eq!(got[0].header("x-icescrum-event"), "story.create");
    assert_eq!(got[0].header("x-icescrum-signature").len(), 40);
}

#[test]
fn bad_settings_are_named_before_anything_is_touched() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tidings.toml");
    std::fs::write(
        &file,
        "[server]\nlisten = \"everywhere\"\n[servre]\nx = 1\n",
    )
    .unwrap();
    let output = tidings(&["serve", "--config", &file.to_string_lossy()])
        .current_dir(folder.path())
        .output()
        .unwrap();
    let said = text(&output);
    assert!(
        !output.status.success() && said.contains("server.listen") && said.contains("servre.x"),
        "{said}"
    );
    assert_eq!(
        std::fs::read_dir(folder.path()).unwrap().count(),
        1,
        "nothing was made"
    );
}

#[test]
fn a_second_process_on_the_same_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let _first = Server::start(folder.path());
    let store = format!("sqlite:{}", folder.path().join("tidings.db").display());
    let second = tidings(&["serve", "--listen", "127.0.0.1:0", "--store", &store])
        .env("TIDINGS_ADMIN_TOKEN", TOKEN)
        .output()
        .unwrap();
    assert!(!second.status.success());
    assert!(
        text(&second).contains("another tidings process"),
        "{}",
        text(&second)
    );
}

#[test]
fn a_missing_key_is_refused_when_there_are_secrets() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    assert!(
        client(&server, &["project", "create", "KEY", "Key"])
            .status
            .success()
    );
    let made = client(
        &server,
        &[
            "webhook",
            "--project",
            "KEY",
            "create",
            "w",
            "https://example.com/hook",
            "squish",
            "--secret",
            "s",
        ],
    );
    assert!(made.status.success(), "{}", text(&made));
    server.kill();
    std::fs::remove_file(folder.path().join("tidings.db.key")).unwrap();
    let store = format!("sqlite:{}", folder.path().join("tidings.db").display());
    let refused = tidings(&["serve", "--listen", "127.0.0.1:0", "--store", &store])
        .env("TIDINGS_ADMIN_TOKEN", TOKEN)
        .output()
        .unwrap();
    assert!(!refused.status.success());
    assert!(
        text(&refused).contains("TIDINGS_SECRETS_KEY"),
        "{}",
        text(&refused)
    );
}

#[test]
fn sigterm_ends_it_well() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    assert!(server.terminate().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_that_does_not_get_through_fails_and_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    server
        .call("POST", "/projects", &json!({"key": "BAD", "name": "Bad"}))
        .await;
    let hook = json!({"name": "w", "url": "http://127.0.0.1:1/", "dialect": "squish"});
    let made = server.call("POST", "/projects/BAD/webhooks", &hook).await;
    let id = made["id"].to_string();
    let output = client(
        &server,
        &["webhook", "--project", "BAD", "test", &id, "submit"],
    );
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    let said = text(&output);
    assert!(
        said.contains("refuses connections") && said.contains("tidings delivery"),
        "{said}"
    );
}

#[test]
fn a_token_for_less_is_never_an_administrators() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    for limit in [["--app", "--json"], ["--role", "stakeholder"]] {
        let mut arguments = vec!["token", "create", "ci"];
        arguments.extend(limit);
        let output = client(&server, &arguments);
        assert_eq!(output.status.code(), Some(2), "{}", text(&output));
        assert!(text(&output).contains("--project KEY"), "{}", text(&output));
    }
    let all = json_of(&client(&server, &["token", "list", "--json"]));
    assert_eq!(all, json!([]));
}

#[test]
fn refusals_name_what_and_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let said = |arguments: &[&str], code: i32| {
        let output = client(&server, arguments);
        assert_eq!(output.status.code(), Some(code), "{}", text(&output));
        text(&output)
    };
    let unknown = said(&["project", "show", "NOPE"], 3);
    assert!(unknown.contains("/projects/NOPE"), "{unknown}");
    let token = said(&["project", "list", "--token", "wrong"], 3);
    assert!(token.contains("TIDINGS_TOKEN"), "{token}");
    let project = said(&["webhook", "list"], 2);
    assert!(project.contains("--project KEY"), "{project}");
    let pair = said(&["project", "create", "K", "Name", "archived"], 2);
    assert!(pair.contains("NAME=VALUE"), "{pair}");
    let bare = said(&["project", "list", "--server", "localhost"], 2);
    assert!(bare.contains("http://127.0.0.1:8080"), "{bare}");
    let scheme = said(&["project", "list", "--server", "ftp://localhost"], 2);
    assert!(scheme.contains("http or https"), "{scheme}");
}

#[test]
fn a_reader_that_leaves_is_no_failure() {
    let mut child = tidings(&["openapi"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(
        output.status.success() && output.stderr.is_empty(),
        "{}",
        text(&output)
    );
}

#[test]
fn the_check_finds_what_the_start_would_refuse() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tidings.toml");
    std::fs::write(&file, "[egress]\nallow = \"10.0.0.0/99\"\n").unwrap();
    let output = tidings(&["config", "check"])
        .env("TIDINGS_CONFIG", &file)
        .output()
        .unwrap();
    assert!(!output.status.success(), "{}", text(&output));
    assert!(text(&output).contains("egress.allow"), "{}", text(&output));
}

#[tokio::test(flavor = "multi_thread")]
async fn trigger_sends_every_header_that_a_server_sends() {
    let receiver = Receiver::start().await;
    let url = receiver.url();
    let arguments = ["trigger", "--url", &url, "--dialect", "squish", "--event"];
    let output = tidings(&arguments).arg("submit").output().unwrap();
    assert!(output.status.success(), "{}", text(&output));
    let got = receiver.until("the sample", |got| got.len() == 1).await;
    assert_eq!(got[0].header("x-tidings-object"), "tasks/42");
    assert_eq!(got[0].header("x-tidings-sequence"), "1");
}

#[test]
fn every_shell_gets_its_completions() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = tidings(&["completion", shell]).output().unwrap();
        let said = text(&output);
        assert!(output.status.success(), "{said}");
        assert!(
            said.contains("apply") && said.contains("dry-run") && said.contains("explain"),
            "{shell}"
        );
    }
    let unknown = tidings(&["completion", "cmd"]).output().unwrap();
    assert_eq!(unknown.status.code(), Some(2));
    // Bash takes it, and completes a verb with it.
    let script = text(&tidings(&["completion", "bash"]).output().unwrap());
    let ask = format!(
        "{script}\nCOMP_WORDS=(tidings webhook app); COMP_CWORD=2; _tidings tidings app webhook; echo \"${{COMPREPLY[@]}}\""
    );
    // Longer than one argument may be.
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), ask).unwrap();
    let bash = std::process::Command::new("bash")
        .arg("--norc")
        .arg(file.path())
        .output()
        .unwrap();
    assert_eq!(text(&bash).trim(), "apply");
}

#[test]
fn the_demo_shows_one_default_for_its_address() {
    let help = text(&tidings(&["demo", "--help"]).output().unwrap());
    assert_eq!(help.matches("[default").count(), 1, "{help}");
}

#[tokio::test]
async fn accounts_are_made_and_whoever_has_the_file_gets_in() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let link = |arguments: &[&str]| {
        let mut all = vec!["account", "sign-in-link", "--json"];
        all.extend(arguments);
        let output = operator(folder.path(), &all);
        let said = text(&output);
        (output.status.success(), said)
    };
    // Beside the server, before there is anybody: the first administrator's.
    let (made, said) = link(&[]);
    assert!(made && said.contains("/sign-in/"), "{said}");

    let account = client(
        &server,
        &["account", "create", "ada", "--administrator", "--json"],
    );
    let account = json_of(&account);
    assert!(
        account["invite"]["url"]
            .as_str()
            .unwrap()
            .contains("/sign-in/")
    );
    let id = account["id"].to_string();
    let edited = json_of(&client(
        &server,
        &["account", "edit", &id, "name=Ada", "--json"],
    ));
    assert_eq!(edited["name"], "Ada");
    let again = json_of(&client(
        &server,
        &["account", "invite", &id, "--sign-in", "--json"],
    ));
    assert!(again["url"].as_str().is_some());
    let (made, said) = link(&["nobody"]);
    assert!(!made && said.contains("no active account"), "{said}");
    let (made, said) = link(&["ADA"]);
    assert!(made, "{said}");
    // The server that runs knows it: whoever opens it is in.
    let (_, secret) = said.split_once("/sign-in/").unwrap();
    let secret = secret.split('"').next().unwrap();
    let opened = [("sec-fetch-site", "none"), ("sec-fetch-mode", "navigate")];
    let path = format!("/sign-in/{secret}");
    let entered = ask_for(server.address, "GET", &path, &opened, &Value::Null).await;
    let entered = entered.unwrap();
    assert_eq!(entered.status, 303);
    assert!(
        entered.header("set-cookie").starts_with("tidings="),
        "{entered:?}"
    );
    let log = json_of(&client(&server, &["account", "list", "--json"]));
    assert_eq!(log.as_array().map(Vec::len), Some(1));
    let last = client(&server, &["account", "delete", &id]);
    assert!(
        text(&last).contains("last administrator"),
        "{}",
        text(&last)
    );
    assert!(server.terminate().success());
    let (made, said) = link(&[]);
    assert!(made, "also without a server: {said}");
}
