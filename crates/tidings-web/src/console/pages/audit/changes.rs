//! What changed, in words: only what differs, of what is new only what is not as usual, and never a secret.

use serde::Serialize;
use tidings_domain::{Value, time};

use super::text;

/// A line below the sentence.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Line {
    pub(super) label: String,
    pub(super) old: Option<String>,
    pub(super) new: Option<String>,
}

/// Members that the sentence says, or that say nothing to people.
const UNSAID: [&str; 12] = [
    "has_secret",
    "has_password",
    "created_by",
    "updated_by",
    "origin",
    "kind",
    "purpose",
    "mode",
    "reason",
    "paused",
    "members_of",
    "slug",
];
/// Of what was made or taken away only these are said; of a webhook also what is not as usual.
const TOLD_OF_NEW: [&str; 14] = [
    "url",
    "dialect",
    "events",
    "description",
    "email",
    "key",
    "webhooks",
    "login",
    "administrator",
    "expires_at",
    "member",
    "members",
    "secret",
    "password",
];
/// How a webhook usually is.
const USUAL: [(&str, &str); 7] = [
    ("verify_tls", "true"),
    ("enabled", "true"),
    ("timeout_seconds", "30"),
    ("ordering", "\"item\""),
    ("max_in_flight", "8"),
    ("locked", "false"),
    ("administrator", "false"),
];
/// Longest value that is shown whole.
const MOST_CHARS: usize = 200;

/// Names of members as people say them.
const LABELS: [(&str, &str); 39] = [
    ("url", "URL"),
    ("verify_tls", "Certificate is verified"),
    ("ca_pem", "Certificate authority"),
    ("enabled", "Switched on"),
    ("timeout_seconds", "Time to answer"),
    ("max_in_flight", "Requests at the same time"),
    ("failure_limit", "Failures in a row that switch it off"),
    ("disable_after", "Failing for so long switches it off"),
    ("retry_schedule", "Waits between tries"),
    ("locked", "Locked by its app"),
    ("first_name", "First name"),
    ("last_name", "Last name"),
    ("email", "E-mail"),
    ("active", "Active"),
    ("retention.days", "The log is kept for"),
    ("retention.max_rows", "Most deliveries in the log"),
    ("retention.max_bytes", "Most bytes in the log"),
    ("retention.held_days", "What waits is kept for"),
    ("retention.audit_days", "The audit log is kept for"),
    ("egress.allow", "Addresses that may be reached"),
    ("webhooks", "Webhooks"),
    ("base_url", "Address in links"),
    ("time_zone", "Time zone"),
    ("expires_at", "Ends"),
    ("administrator", "Administrator"),
    ("company.name", "Company"),
    ("company.slug", "Company in links"),
    ("email.backlog", "E-mail address of the backlog"),
    ("email.defects", "E-mail address for defects"),
    ("email.stories", "E-mail address for stories"),
    ("email.tasks", "E-mail address for tasks"),
    ("email.tests", "E-mail address for tests"),
    ("text_formatting", "Text formatting"),
    ("chart_enabled", "Charts"),
    ("subtasking_enabled", "Subtasks"),
    ("custom_fields", "Custom fields"),
    ("headers", "Headers of its own"),
    ("max_rows", "Most rows"),
    ("key", "Key"),
];

/// The lines of an entry. Members of the project are called by `member`.
pub(super) fn of(entry: &Value, member: &dyn Fn(i64) -> String) -> Vec<Line> {
    let operation = text(entry, "operation").unwrap_or_default();
    let verb = operation.split_once('.').map_or("", |(_, verb)| verb);
    // The sentence has said it all.
    if !matches!(verb, "create" | "update" | "delete") {
        return Vec::new();
    }
    let all = entry.member("changes").map_or(&[][..], Value::as_list);
    let hooks = operation.starts_with("webhook.");
    let mut lines = Vec::new();
    for change in all {
        let field = text(change, "field").unwrap_or_default();
        if UNSAID.contains(&field) || (field == "name" && verb != "update") {
            continue;
        }
        if change.member("secret").and_then(Value::as_bool) == Some(true) {
            lines.push(secret(field, verb, all));
            continue;
        }
        let part = |name| change.member(name).cloned().unwrap_or_default();
        let (old, new) = (part("old"), part("new"));
        let told = match verb {
            "update" => true,
            _ if TOLD_OF_NEW.contains(&field) => {
                !is_usual(field, if verb == "create" { &new } else { &old })
            }
            "create" => hooks && !is_usual(field, &new),
            _ => false,
        };
        if told {
            flat(field, &old, &new, member, &mut lines);
        }
    }
    lines
}

fn is_usual(field: &str, value: &Value) -> bool {
    let text = serde_json::to_string(value).unwrap_or_default();
    USUAL.contains(&(field, text.as_str()))
}

/// Of a secret only what became of it.
fn secret(field: &str, verb: &str, all: &[Value]) -> Line {
    let sign = format!("has_{field}");
    let had = all.iter().find(|c| text(c, "field") == Some(&sign));
    let had = had.map(|c| {
        let is = |name| c.member(name).and_then(Value::as_bool) == Some(true);
        (is("old"), is("new"))
    });
    let became = match (verb, had) {
        ("create", _) | (_, Some((false, true))) => "set",
        (_, Some((true, false))) => "taken away",
        _ if field == "headers" => "other values",
        _ => "replaced",
    };
    Line {
        label: label(field),
        old: None,
        new: Some(became.to_owned()),
    }
}

/// Objects member by member, lists by what came and went, everything else as old and new.
fn flat(
    path: &str,
    old: &Value,
    new: &Value,
    member: &dyn Fn(i64) -> String,
    lines: &mut Vec<Line>,
) {
    let is_map = |value: &Value| matches!(value, Value::Map(_));
    let fits = |value: &Value| is_map(value) || value.is_null();
    if fits(old) && fits(new) && (is_map(old) || is_map(new)) {
        let mut names: Vec<&str> = Vec::new();
        for (name, _) in new.as_map().iter().chain(old.as_map()) {
            if !names.contains(&name.as_str()) {
                names.push(name);
            }
        }
        for name in names {
            let part = |of: &Value| of.member(name).cloned().unwrap_or_default();
            let (old, new) = (part(old), part(new));
            if old != new {
                flat(&format!("{path}.{name}"), &old, &new, member, lines);
            }
        }
        return;
    }
    if let (Value::List(old), Value::List(new)) = (old, new)
        && path != "retry_schedule"
    {
        came_and_went(path, old, new, member, lines);
        return;
    }
    let said = |value: &Value| (!is_nothing(value)).then(|| words(path, value, member));
    lines.push(Line {
        label: label(path),
        old: said(old),
        new: said(new),
    });
}

/// Entries of a list; those with an id are the same when it is, and may have changed inside.
fn came_and_went(
    path: &str,
    old: &[Value],
    new: &[Value],
    member: &dyn Fn(i64) -> String,
    lines: &mut Vec<Line>,
) {
    let id = |entry: &Value| entry.member("id").cloned();
    let same = |a: &Value, b: &Value| a == b || id(a).is_some_and(|id_a| Some(id_a) == id(b));
    let list = |entries: Vec<&Value>| {
        let said: Vec<String> = entries.iter().map(|e| words(path, e, member)).collect();
        (!said.is_empty()).then(|| said.join(", "))
    };
    let gone = list(
        old.iter()
            .filter(|o| !new.iter().any(|n| same(o, n)))
            .collect(),
    );
    let came = list(
        new.iter()
            .filter(|n| !old.iter().any(|o| same(o, n)))
            .collect(),
    );
    let before = lines.len();
    if let Some(came) = came {
        lines.push(Line {
            label: format!("{}, added", label(path)),
            old: None,
            new: Some(came),
        });
    }
    if let Some(gone) = gone {
        lines.push(Line {
            label: format!("{}, taken away", label(path)),
            old: Some(gone),
            new: None,
        });
    }
    for entry in new {
        let Some(was) = old.iter().find(|o| *o != entry && same(o, entry)) else {
            continue;
        };
        let (is, was) = (words(path, entry, member), words(path, was, member));
        let (old, new) = if is == was {
            (None, format!("{is}, changed"))
        } else {
            (Some(was), is)
        };
        lines.push(Line {
            label: label(path),
            old,
            new: Some(new),
        });
    }
    if lines.len() == before {
        lines.push(Line {
            label: label(path),
            old: None,
            new: Some("in another order".to_owned()),
        });
    }
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Text(text) => text.is_empty(),
        Value::List(list) => list.is_empty(),
        Value::Map(members) => members.is_empty(),
        _ => false,
    }
}

/// A member's name as people say it.
fn label(path: &str) -> String {
    let known = LABELS.iter().find(|(name, _)| *name == path);
    if let Some((_, label)) = known {
        return (*label).to_owned();
    }
    let words = path.replace(['_', '.'], " ");
    let mut chars = words.chars();
    let first: String = chars
        .next()
        .into_iter()
        .flat_map(char::to_uppercase)
        .collect();
    first + chars.as_str()
}

/// A value as people say it.
fn words(path: &str, value: &Value, member: &dyn Fn(i64) -> String) -> String {
    let field = path.rsplit('.').next().unwrap_or(path);
    if matches!(field, "member" | "members")
        && let Some(id) = member_of(value)
    {
        return member(id);
    }
    match value {
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::Int(number) => number_words(field, *number),
        Value::Text(text) => text_words(field, text),
        Value::List(steps) if field == "retry_schedule" => {
            let steps = steps.iter().filter_map(Value::as_int);
            let steps: Vec<String> = steps.map(|s| format!("{s} s")).collect();
            steps.join(", ")
        }
        Value::List(all) => {
            let all: Vec<String> = all.iter().map(|v| words(path, v, member)).collect();
            short(&all.join(", "))
        }
        Value::Map(members) => {
            if let Some(name) = text(value, "name") {
                return name.to_owned();
            }
            let all = members.iter().filter(|(_, v)| !is_nothing(v));
            let all: Vec<String> = all
                .map(|(n, v)| format!("{}: {}", n.replace('_', " "), words(n, v, member)))
                .collect();
            short(&all.join(", "))
        }
        other => serde_json::to_string(other).unwrap_or_default(),
    }
}

fn number_words(field: &str, number: i64) -> String {
    match (field, number) {
        ("disable_after" | "failure_limit", 0) => "never".to_owned(),
        ("max_rows" | "max_bytes", 0) => "no limit".to_owned(),
        ("disable_after", n) if n % 86_400 == 0 => many(n / 86_400, "day"),
        ("timeout_seconds" | "disable_after", n) => many(n, "second"),
        ("days" | "held_days" | "audit_days", n) => many(n, "day"),
        (_, n) => n.to_string(),
    }
}

fn text_words(field: &str, word: &str) -> String {
    match (field, word) {
        ("dialect", name) => tidings_app::catalogue::title(name)
            .unwrap_or(name)
            .to_owned(),
        ("ordering", "item") => "in order per item".to_owned(),
        ("ordering", _) => "in no order".to_owned(),
        ("role" | "webhooks", word) => word.replace('_', " "),
        ("ca_pem", _) => "given".to_owned(),
        (name, at) if name.ends_with("_at") => {
            moment(at).map_or_else(|| at.to_owned(), |at| format!("{at} UTC"))
        }
        (_, text) => short(text),
    }
}

fn many(number: i64, unit: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{number} {unit}{ending}")
}

fn short(text: &str) -> String {
    match text.char_indices().nth(MOST_CHARS) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or(text)),
        None => text.to_owned(),
    }
}

/// A moment as the console writes it.
pub(super) fn moment(text: &str) -> Option<String> {
    let at = time::parse(text)?;
    Some(at.strftime("%-d %b %Y, %H:%M:%S").to_string())
}

/// The member that a value names: its number, or `members/5`.
pub(super) fn member_of(value: &Value) -> Option<i64> {
    match value {
        Value::Int(id) => Some(*id),
        Value::Text(text) => text.strip_prefix("members/")?.parse().ok(),
        _ => None,
    }
}

/// The members of the project whom an entry names.
pub(super) fn members(entry: &Value) -> Vec<i64> {
    let actor = entry.member("actor").and_then(|a| a.member("member"));
    let mut ids: Vec<i64> = actor.and_then(Value::as_int).into_iter().collect();
    let all = entry.member("changes").map_or(&[][..], Value::as_list);
    for change in all {
        if !matches!(text(change, "field"), Some("member" | "members")) {
            continue;
        }
        for value in ["old", "new"].iter().filter_map(|n| change.member(n)) {
            match value {
                Value::List(list) => ids.extend(list.iter().filter_map(member_of)),
                one => ids.extend(member_of(one)),
            }
        }
    }
    ids
}
