//! Who did what, as a sentence.

use serde::Serialize;
use tidings_app::audit::Actor;
use tidings_domain::Value;

use super::text;

/// What the log can be narrowed to, in words for a list.
pub(super) const OPERATIONS: [(&str, &str); 18] = [
    ("webhook", "Everything about webhooks"),
    ("webhook.create", "Webhooks added"),
    ("webhook.update", "Webhooks changed"),
    ("webhook.rotate", "Secrets replaced"),
    ("webhook.enable", "Webhooks switched on"),
    ("webhook.disable", "Webhooks switched off"),
    ("webhook.pause", "Webhooks paused"),
    ("webhook.resume", "Webhooks resumed"),
    ("webhook.recover", "What was missed: delivered or skipped"),
    ("webhook.resend", "What failed: sent again"),
    ("webhook.delete", "Webhooks deleted"),
    ("delivery", "Deliveries sent again"),
    ("member", "Members"),
    ("team", "Teams"),
    ("token", "Tokens"),
    ("project", "Projects and their settings"),
    ("account", "Accounts"),
    ("settings", "The server's settings"),
];

/// Who it was.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Who {
    pub(super) name: String,
    /// By what, or as whom, they acted.
    pub(super) by: String,
}

/// The sentence around the name of what was changed.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Said {
    pub(super) before: String,
    pub(super) name: String,
    pub(super) after: String,
}

pub(super) fn read_actor(actor: &Value) -> Actor {
    Actor {
        kind: text(actor, "kind").unwrap_or_default().to_owned().into(),
        id: actor.member("id").and_then(Value::as_int),
        name: text(actor, "name").unwrap_or_default().to_owned(),
        member: actor.member("member").and_then(Value::as_int),
    }
}

/// Who it was; `acted_as` is the member they were in the project.
pub(super) fn actor(actor: &Actor, acted_as: Option<&str>) -> Who {
    let name = &actor.name;
    let of = |name: String, by: String| Who { name, by };
    match (&*actor.kind, acted_as) {
        ("account", Some(member)) if member != name => of(name.clone(), format!("as {member}")),
        ("account", _) => of(name.clone(), String::new()),
        ("token", Some(member)) => of(member.to_owned(), format!("with the token “{name}”")),
        ("token", None) => of(format!("The token “{name}”"), String::new()),
        ("app", _) => of(format!("The app “{name}”"), String::new()),
        ("administrator", _) => of("The administrator".to_owned(), format!("with {name}")),
        ("operator", _) => of("Somebody".to_owned(), name.clone()),
        _ => of("The server".to_owned(), String::new()),
    }
}

/// What was done. Members are called by `member`.
pub(super) fn of(entry: &Value, member: &dyn Fn(i64) -> String) -> Said {
    let operation = text(entry, "operation").unwrap_or_default();
    let (before, after) = words(entry, operation, member);
    let name = text(entry, "name").unwrap_or_default();
    let target = text(entry, "target").unwrap_or_default();
    let (kind, id) = target.split_once('/').unwrap_or((target, ""));
    let name = match (operation.split_once('.'), name) {
        (Some(("settings", _)), _) => String::new(),
        (_, "") if kind == "deliveries" => id.to_owned(),
        (_, "") if kind == "webhooks" => format!("Webhook {id}"),
        (_, "") => id.to_owned(),
        (_, name) => name.to_owned(),
    };
    Said {
        before,
        name,
        after,
    }
}

/// What stands before and after the name.
fn words(entry: &Value, operation: &str, member: &dyn Fn(i64) -> String) -> (String, String) {
    let plain = |before: &str, after: &str| (before.to_owned(), after.to_owned());
    let since = || {
        let moment = changed(entry, "since").and_then(|at| super::changes::moment(at.as_str()?));
        moment.map_or_else(String::new, |at| format!(" since {at} UTC"))
    };
    let until = || {
        let moment = changed(entry, "until").and_then(|at| super::changes::moment(at.as_str()?));
        moment.map_or_else(String::new, |at| format!(" and before {at} UTC"))
    };
    match operation {
        "webhook.create" => plain("added the webhook", ""),
        "webhook.update" => plain("changed the webhook", ""),
        "webhook.rotate" => plain("gave the webhook", " a new secret"),
        "webhook.enable" => plain("switched the webhook", " on"),
        "webhook.disable" => plain("switched the webhook", &format!(" off{}", why(entry))),
        "webhook.pause" => plain("paused the webhook", ""),
        "webhook.resume" => plain("resumed the webhook", ""),
        "webhook.recover" if changed(entry, "mode").and_then(Value::as_str) == Some("skip") => {
            plain("skipped what the webhook", &format!(" missed{}", since()))
        }
        "webhook.recover" => plain(
            "had the webhook",
            &format!(" deliver what it missed{}", since()),
        ),
        "webhook.resend" => plain(
            "sent again what the webhook",
            &format!(" could not deliver{}{}", since(), until()),
        ),
        "webhook.delete" => plain("deleted the webhook", ""),
        "delivery.resend" => plain("sent the delivery", " again"),
        "member.create" => plain("added", &format!(" as a member{}", role(entry))),
        "member.update" => plain("changed the member", ""),
        "member.delete" => plain("removed the member", ""),
        "team.create" => plain("made the team", ""),
        "team.update" => plain("changed the team", ""),
        "team.delete" => plain("deleted the team", ""),
        "token.create" => plain(
            "made the token",
            &format!("{}{}", token(entry), role(entry)),
        ),
        "token.delete" => plain("revoked the token", ""),
        "project.create" => plain("made the project", ""),
        "project.update" => plain("changed the settings of the project", ""),
        "project.delete" => plain("deleted the project", ""),
        "account.create" => plain("made the account of", ""),
        "account.update" => plain("changed the account of", ""),
        "account.delete" => plain("deleted the account of", ""),
        "account.link" => {
            let to = changed(entry, "member").and_then(super::changes::member_of);
            let to = to.map_or_else(String::new, member);
            plain("linked the account of", &format!(" to {to}"))
        }
        "account.unlink" => {
            let from = was(entry, "member").and_then(super::changes::member_of);
            let from = from.map_or_else(String::new, member);
            plain("unlinked the account of", &format!(" from {from}"))
        }
        "account.invite" => match changed(entry, "purpose").and_then(Value::as_str) {
            Some("sign_in") => plain("made a link that signs in", " once"),
            _ => plain("made a link for", " to set a password"),
        },
        "settings.update" => plain("changed the server’s settings", ""),
        // One that came with a newer version: its words, without their form.
        other => (other.replace(['.', '_'], " "), String::new()),
    }
}

fn of_change<'v>(entry: &'v Value, field: &str) -> Option<&'v Value> {
    let changes = entry.member("changes")?.as_list();
    changes.iter().find(|c| text(c, "field") == Some(field))
}

/// What a member became.
fn changed<'v>(entry: &'v Value, field: &str) -> Option<&'v Value> {
    of_change(entry, field)?.member("new")
}

/// What a member was.
fn was<'v>(entry: &'v Value, field: &str) -> Option<&'v Value> {
    of_change(entry, field)?.member("old")
}

fn role(entry: &Value) -> String {
    let role = changed(entry, "role").and_then(Value::as_str);
    role.map_or_else(String::new, |role| format!(": {}", role.replace('_', " ")))
}

fn token(entry: &Value) -> &'static str {
    match changed(entry, "kind").and_then(Value::as_str) {
        Some("admin") => " of an administrator",
        Some("app") => " of an app",
        Some("member") if changed(entry, "role").is_none_or(Value::is_null) => " of a member",
        _ => "",
    }
}

/// Why the server switched a webhook off.
fn why(entry: &Value) -> &'static str {
    match changed(entry, "reason").and_then(Value::as_str) {
        Some("failure_limit") => ": as many requests failed in a row as its limit allows",
        Some("failing_too_long") => ": nothing but failures came back for days",
        Some("gone") => ": its receiver said that it is gone (410)",
        _ => "",
    }
}
