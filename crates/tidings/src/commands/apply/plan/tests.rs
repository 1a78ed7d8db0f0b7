//! What is different, what is sent for it, and what is never told.

use std::path::Path;

use super::super::file;
use super::*;

fn stored(more: &str) -> Value {
    let text = format!(
        r#"{{"id": 7, "name": "CI", "description": "", "url": "https://ci.example/hook", "dialect": "icescrum",
        "events": ["task.update", "task.state"], "has_secret": true, "verify_tls": true, "ca_pem": null, "enabled": true,
        "headers": {{"X-Team": "***"}}, "failure_limit": 3, "retry_schedule": null, "options": {{}}, "locked": false {more}}}"#
    );
    Value::parse(text.as_bytes()).unwrap()
}

fn environment(name: &str) -> Option<String> {
    (name == "SECRET").then(|| "hunter2".to_owned())
}

fn planned(file: &str, stored: &[Value], choices: Choices) -> Result<Vec<Step>, Vec<String>> {
    let wanted = file::read(file, Path::new(".")).unwrap();
    plan(&wanted, stored, choices, &environment)
}

/// The one step for one webhook `CI` with these members.
fn step(members: &str, choices: Choices) -> Step {
    let file = format!("[[webhook]]\nname = \"CI\"\n{members}\n");
    let mut steps = planned(&file, &[stored("")], choices).unwrap();
    assert_eq!(steps.len(), 1);
    steps.remove(0)
}

fn text(value: &Value) -> String {
    serde_json::to_string(value).unwrap()
}

#[test]
fn what_is_the_same_in_other_words_is_unchanged() {
    for members in [
        "",
        "url = \"https://CI.example:443/hook\"",
        "events = [\"task.state\", \"task.update\"]",
        "dialect = \"icescrum\"",
        "failure_limit = 3",
        "secret_env = \"SECRET\"",
        // Not needed, so nobody misses it.
        "secret_env = \"UNKNOWN\"",
        "headers = { x-team = \"other\" }",
        "unset = [\"ca_pem\", \"description\", \"options\", \"retry_schedule\"]",
        "options = {}",
    ] {
        let step = step(members, Choices::default());
        assert_eq!(step.what, Do::Nothing, "{members}: {step:?}");
        assert!(step.differences.is_empty(), "{members}");
    }
}

#[test]
fn only_what_differs_is_sent_and_shown() {
    for (members, body, shown) in [
        (
            "enabled = false\nverify_tls = true",
            r#"{"enabled":false}"#,
            "enabled: true -> false",
        ),
        (
            "events = \"all\"",
            r#"{"events":"all"}"#,
            r#"events: ["task.update","task.state"] -> "all""#,
        ),
        (
            "unset = [\"failure_limit\"]",
            r#"{"failure_limit":null}"#,
            "failure_limit: 3 -> none",
        ),
        (
            "unset = [\"secret\"]",
            r#"{"secret":null}"#,
            "secret: *** -> none",
        ),
        (
            "headers = {}",
            r#"{"headers":{"X-Team":null}}"#,
            "headers.X-Team: *** -> none",
        ),
        (
            "headers = { x-team = \"a\", B = \"b\" }",
            r#"{"headers":{"B":"b"}}"#,
            "headers.B: none -> ***",
        ),
        (
            "options = { envelope = \"flat\" }",
            r#"{"options":{"envelope":"flat"}}"#,
            r#"options: {} -> {"envelope":"flat"}"#,
        ),
    ] {
        let step = step(members, Choices::default());
        assert_eq!((step.what, step.id), (Do::Change, Some(7)), "{members}");
        assert_eq!(text(&step.body), body);
        let lines: Vec<String> = step
            .differences
            .iter()
            .map(|d| format!("{}: {} -> {}", d.member, d.old.as_deref().unwrap(), d.new))
            .collect();
        assert_eq!(lines, [shown]);
    }
}

#[test]
fn secrets_and_headers_are_set_again_only_when_asked_and_never_shown() {
    let rotate = Choices {
        rotate_secrets: true,
        ..Choices::default()
    };
    let members = "secret_env = \"SECRET\"\nheader_env = { X-Team = \"SECRET\" }";
    let step = step(members, rotate);
    assert_eq!(
        text(&step.body),
        r#"{"secret":"hunter2","headers":{"X-Team":"hunter2"}}"#
    );
    assert!(!format!("{:?}", step.differences).contains("hunter2"));
    assert_eq!(step.differences[0].new, "*** (from SECRET)");
}

#[test]
fn a_new_host_gets_its_headers_anew() {
    let members = "url = \"https://new.example/hook\"\nheaders = { X-Team = \"a\" }";
    let step = step(members, Choices::default());
    assert_eq!(
        text(&step.body),
        r#"{"url":"https://new.example/hook","headers":{"X-Team":"a"}}"#
    );
}

#[test]
fn new_webhooks_are_made_whole_and_absent_ones_stay_unless_pruned() {
    let file = "[[webhook]]\nname = \"New\"\nurl = \"https://n.example/\"\ndialect = \"squish\"\nsecret_env = \"SECRET\"\n";
    let locked = stored(r#", "id2": 1"#);
    let locked = text(&locked)
        .replace("\"locked\":false", "\"locked\":true")
        .replace("\"id\":7", "\"id\":8")
        .replace("\"CI\"", "\"Own\"");
    let all = [stored(""), Value::parse(locked.as_bytes()).unwrap()];
    let steps = planned(file, &all, Choices::default()).unwrap();
    let what: Vec<Do> = steps.iter().map(|s| s.what).collect();
    assert_eq!(what, [Do::Create, Do::Keep, Do::Keep]);
    let body = text(&steps[0].body);
    assert!(
        body.starts_with(r#"{"name":"New""#) && body.contains(r#""secret":"hunter2""#),
        "{body}"
    );
    assert!(!format!("{:?}", steps[0].differences).contains("hunter2"));
    let prune = Choices {
        prune: true,
        ..Choices::default()
    };
    let steps = planned(file, &all, prune).unwrap();
    let what: Vec<Do> = steps.iter().map(|s| s.what).collect();
    assert_eq!(what, [Do::Create, Do::Delete, Do::Keep]);
}

#[test]
fn what_cannot_be_done_is_told_before_anything_is() {
    let one = |members: &str| {
        let file = format!("[[webhook]]\nname = \"CI\"\n{members}\n");
        planned(&file, &[stored("")], Choices::default()).unwrap_err()
    };
    let told = one("dialect = \"squish\"");
    assert!(
        told[0].contains("line 1: \"CI\": the dialect is \"icescrum\""),
        "{told:?}"
    );
    let told = planned(
        "[[webhook]]\nname = \"New\"\nsecret_env = \"UNKNOWN\"\n",
        &[],
        Choices::default(),
    )
    .unwrap_err()
    .join("\n");
    for part in ["needs `url`", "needs `dialect`", "UNKNOWN is not set"] {
        assert!(told.contains(part), "{part} in {told}");
    }
    let told = planned(
        "[[webhook]]\nname = \"CI\"\n",
        &[stored(""), stored("")],
        Choices::default(),
    )
    .unwrap_err();
    assert!(
        told[0].contains("several webhooks named \"CI\" (7, 7)"),
        "{told:?}"
    );
}
