//! The catalogue: every dialect, every event, what causes it and what is sent. Readable without an account, as the API's.

use minijinja::{Value as Shown, context};
use tidings_app::{Access, catalogue};
use tidings_domain::{Fault, Value};

use crate::console::notes;
use crate::console::view::json;
use crate::docs::shell;
use crate::route::{Call, Parameter, Reply, Row};
use crate::routes::run;

/// The project of the examples.
const KEY: &str = "HB";

const SEARCH: Parameter = Parameter {
    name: "q",
    description: "Only events with this in code, name, category or object.",
};

pub(super) fn rows() -> Vec<Row> {
    vec![
        Row::page("/catalogue", "catalogue_page", Access::Anyone, run!(index)).knows(&[SEARCH]),
        Row::page(
            "/catalogue/{dialect}",
            "catalogue_dialect_page",
            Access::Anyone,
            run!(dialect),
        )
        .knows(&[SEARCH]),
        Row::page(
            "/catalogue/{dialect}/{code}",
            "catalogue_event_page",
            Access::Anyone,
            run!(event),
        ),
    ]
}

/// The events of a dialect that a search finds, by category, in the dialect's order.
fn categories(dialect: &str, q: &str) -> Result<(Vec<Shown>, usize), Fault> {
    let wanted = q.trim().to_lowercase();
    let hit = |event: &Value| {
        ["code", "name", "category", "object"].iter().any(|member| {
            let text = event.member(member).and_then(Value::as_str);
            text.is_some_and(|text| text.to_lowercase().contains(&wanted))
        })
    };
    let found: Vec<Value> = catalogue::events(dialect)?
        .into_iter()
        .filter(hit)
        .collect();
    let mut groups: Vec<(String, Vec<&Value>)> = Vec::new();
    for event in &found {
        let category = event.member("category").and_then(Value::as_str);
        let category = category.unwrap_or_default();
        match groups.iter_mut().find(|(known, _)| known == category) {
            Some((_, events)) => events.push(event),
            None => groups.push((category.to_owned(), vec![event])),
        }
    }
    let shown = groups.iter().map(|(name, events)| {
        let events: Vec<Shown> = events.iter().map(json).collect();
        context! { name, events }
    });
    Ok((shown.collect(), found.len()))
}

async fn index(call: Call) -> Result<Reply, Fault> {
    let q = call.query.get("q").unwrap_or_default();
    let mut dialects = Vec::new();
    let mut found = 0;
    for dialect in catalogue::dialects() {
        let name = dialect.member("name").and_then(Value::as_str);
        let name = name.unwrap_or_default();
        let all = catalogue::events(name)?.len();
        let (hits, count) = categories(name, q)?;
        found += count;
        dialects.push(context! { about => json(&dialect), all, hits, count });
    }
    call.show("catalogue.html", context! { dialects, q, found })
}

async fn dialect(call: Call) -> Result<Reply, Fault> {
    let name = call.param("dialect");
    let q = call.query.get("q").unwrap_or_default();
    let about = catalogue::dialect(name)?;
    let (categories, found) = categories(name, q)?;
    let all = catalogue::events(name)?.len();
    // What every request has, whatever its code.
    let first = catalogue::events(name)?;
    let first = first.first().and_then(|e| e.member("code")?.as_str());
    let first = first.map(|code| catalogue::event(name, code)).transpose()?;
    let headers = first.as_ref().and_then(|event| event.member("headers"));
    let context = context! {
        about => json(&about),
        headers => headers.map(json),
        notes => notes::of(name),
        categories, q, found, all,
    };
    call.show("catalogue_dialect.html", context)
}

async fn event(call: Call) -> Result<Reply, Fault> {
    let name = call.param("dialect");
    let about = catalogue::dialect(name)?;
    let event = catalogue::event(name, call.param("code"))?;
    let codes = catalogue::events(name)?;
    let code_of = |event: &Value| event.member("code").cloned();
    let here = codes.iter().position(|e| code_of(e) == code_of(&event));
    let at = |place: Option<usize>| place.and_then(|i| codes.get(i)).map(json);
    let cause = event.member("cause");
    let text = |member: &str| {
        cause
            .and_then(|c| c.member(member)?.as_str())
            .unwrap_or_default()
    };
    let body = cause
        .and_then(|c| c.member("body"))
        .filter(|body| !body.is_null());
    let line = body.and_then(|body| serde_json::to_string(body).ok());
    let path = text("path").replace("{key}", KEY);
    let context = context! {
        about => json(&about),
        event => json(&event),
        cause_body => body.and_then(|body| serde_json::to_string_pretty(body).ok()),
        curl => shell(text("method"), &path, false, line.as_deref()),
        pretty => event.member("sample").filter(|s| !s.is_null()).and_then(|s| serde_json::to_string_pretty(s).ok()),
        before => at(here.and_then(|i| i.checked_sub(1))),
        after => at(here.map(|i| i + 1)),
    };
    call.show("catalogue_event.html", context)
}
