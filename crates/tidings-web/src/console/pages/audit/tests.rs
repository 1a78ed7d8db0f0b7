//! Sentences and what changed, as people read them.

use tidings_domain::Value;

use super::{changes, sentence};

fn entry(operation: &str, name: &str, changes: &str) -> Value {
    let text = format!(
        r#"{{"operation":"{operation}","target":"webhooks/7","name":"{name}","changes":[{changes}],
            "actor":{{"kind":"account","id":3,"name":"Ada","member":5}}}}"#
    );
    Value::parse(text.as_bytes()).unwrap()
}

fn member(id: i64) -> String {
    format!("Member {id}")
}

fn lines(operation: &str, changed: &str) -> Vec<String> {
    let lines = changes::of(&entry(operation, "CI", changed), &member);
    let line = |l: changes::Line| {
        let parts = [
            l.old.map(|o| format!("-{o}")),
            l.new.map(|n| format!("+{n}")),
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        format!("{}: {}", l.label, parts.join(" "))
    };
    lines.into_iter().map(line).collect()
}

#[test]
fn actors_are_people_or_what_they_used() {
    let actor = |kind: &'static str, acted_as: Option<&str>| {
        let actor = tidings_app::audit::Actor {
            kind: kind.into(),
            id: None,
            name: "Ada".to_owned(),
            member: None,
        };
        let who = sentence::actor(&actor, acted_as);
        format!("{} {}", who.name, who.by)
    };
    assert_eq!(actor("account", None), "Ada ");
    assert_eq!(actor("account", Some("Ada")), "Ada ");
    assert_eq!(actor("account", Some("Nadia")), "Ada as Nadia");
    assert_eq!(actor("token", Some("Nadia")), "Nadia with the token “Ada”");
    assert_eq!(actor("token", None), "The token “Ada” ");
    assert_eq!(actor("app", None), "The app “Ada” ");
    assert_eq!(actor("server", None), "The server ");
}

#[test]
fn every_operation_is_a_sentence() {
    let said = |operation: &str, changed: &str| {
        let said = sentence::of(&entry(operation, "CI", changed), &member);
        format!("{} {}{}", said.before, said.name, said.after)
    };
    for (operation, changed, wanted) in [
        ("webhook.create", "", "added the webhook CI"),
        ("webhook.rotate", "", "gave the webhook CI a new secret"),
        ("webhook.enable", "", "switched the webhook CI on"),
        (
            "webhook.disable",
            r#"{"field":"reason","old":null,"new":"gone"}"#,
            "switched the webhook CI off: its receiver said that it is gone (410)",
        ),
        (
            "webhook.recover",
            r#"{"field":"since","old":null,"new":"2026-03-02T11:40:00Z"},{"field":"mode","old":null,"new":"skip"}"#,
            "skipped what the webhook CI missed since 2 Mar 2026, 11:40:00 UTC",
        ),
        (
            "account.link",
            r#"{"field":"member","old":null,"new":"members/5"}"#,
            "linked the account of CI to Member 5",
        ),
        (
            "member.create",
            r#"{"field":"role","old":null,"new":"scrum_master"}"#,
            "added CI as a member: scrum master",
        ),
        ("settings.update", "", "changed the server’s settings "),
    ] {
        assert_eq!(said(operation, changed), wanted);
    }
    // Nothing that can be chosen is left to its code.
    for (operation, _) in sentence::OPERATIONS {
        assert!(!said(operation, "").contains('_'), "{operation}");
    }
}

#[test]
fn what_is_made_is_told_without_what_is_usual() {
    let made = lines(
        "webhook.create",
        r#"{"field":"name","old":null,"new":"CI"},{"field":"url","old":null,"new":"https://a.example"},
           {"field":"dialect","old":null,"new":"gitscrum"},{"field":"events","old":null,"new":"all"},
           {"field":"has_secret","old":null,"new":true},{"field":"verify_tls","old":null,"new":true},
           {"field":"enabled","old":null,"new":true},{"field":"timeout_seconds","old":null,"new":10},
           {"field":"ordering","old":null,"new":"item"},{"field":"origin","old":null,"new":"api"},
           {"field":"secret","old":null,"new":null,"secret":true}"#,
    );
    assert_eq!(
        made,
        [
            "URL: +https://a.example",
            "Dialect: +GitScrum",
            "Events: +all",
            "Time to answer: +10 seconds",
            "Secret: +set",
        ]
    );
}

#[test]
fn what_changes_is_told_as_old_and_new() {
    let changed = lines(
        "webhook.update",
        r#"{"field":"verify_tls","old":true,"new":false},{"field":"description","old":"","new":"For CI"},
           {"field":"events","old":["a","b"],"new":["b","c"]},
           {"field":"secret","old":null,"new":null,"secret":true}"#,
    );
    assert_eq!(
        changed,
        [
            "Certificate is verified: -yes +no",
            "Description: +For CI",
            "Events, added: +c",
            "Events, taken away: -a",
            "Secret: +replaced",
        ]
    );
    let first = lines(
        "webhook.update",
        r#"{"field":"has_secret","old":false,"new":true},{"field":"secret","old":null,"new":null,"secret":true}"#,
    );
    assert_eq!(first, ["Secret: +set"]);
    let vocabulary = lines(
        "project.update",
        r#"{"field":"statuses","old":[{"id":1,"name":"Open","color":null},{"id":2,"name":"Shut"}],
            "new":[{"id":1,"name":"New","color":null},{"id":3,"name":"Done"}]},
            {"field":"webhooks","old":"view_only","new":"on"}"#,
    );
    assert_eq!(
        vocabulary,
        [
            "Statuses, added: +Done",
            "Statuses, taken away: -Shut",
            "Statuses: -Open +New",
            "Webhooks: -view only +on",
        ]
    );
    let settings = lines(
        "settings.update",
        r#"{"field":"retention","old":{"days":30,"max_rows":0},"new":{"days":1,"max_rows":0}}"#,
    );
    assert_eq!(settings, ["The log is kept for: -30 days +1 day"]);
    let team = lines(
        "team.update",
        r#"{"field":"members","old":[3],"new":[3,4]}"#,
    );
    assert_eq!(team, ["Members, added: +Member 4"]);
}
