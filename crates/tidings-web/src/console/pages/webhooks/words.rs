//! Webhooks in words: what the templates say that is no member of the API's JSON.

use std::collections::HashMap;

use tidings_app::catalogue;
use tidings_domain::Value;

use crate::console::view::json;

/// Codes that are written out; more are counted.
const MOST_NAMED: usize = 2;

/// The catalogue's codes, read once for a page.
#[derive(Default)]
pub(super) struct Events(HashMap<String, Vec<Value>>);

impl Events {
    /// A webhook for a template: `w` as the API shows it, and its events in words.
    pub(super) fn row(&mut self, webhook: &Value) -> minijinja::Value {
        let dialect = text(webhook, "dialect");
        let known = self
            .0
            .entry(dialect.to_owned())
            .or_insert_with(|| catalogue::events(dialect).unwrap_or_default());
        minijinja::context! {
            w => json(webhook),
            events => in_words(webhook.member("events"), known.len()),
            names => json(&chosen(webhook.member("events"), known)),
            title => title(dialect),
            app => text(webhook, "origin").strip_prefix("app:"),
        }
    }
}

/// `all 26`, `stories`, `task.create, task.update`, `4 of 38`.
fn in_words(events: Option<&Value>, all: usize) -> String {
    match events {
        Some(Value::List(codes)) if codes.len() <= MOST_NAMED => {
            let codes: Vec<_> = codes.iter().filter_map(Value::as_str).collect();
            codes.join(", ")
        }
        Some(Value::List(codes)) => format!("{} of {all}", codes.len()),
        Some(Value::Text(word)) if word == "stories" => "stories".to_owned(),
        _ => format!("all {all}"),
    }
}

/// The codes that were chosen, one by one, as the catalogue lists them.
fn chosen(events: Option<&Value>, known: &[Value]) -> Vec<Value> {
    let Some(Value::List(codes)) = events else {
        return Vec::new();
    };
    let is_chosen = |event: &&Value| event.member("code").is_some_and(|c| codes.contains(c));
    known.iter().filter(is_chosen).cloned().collect()
}

/// A webhook's last day for the chart: bars by the hour, and their sums.
pub(super) fn day(day: Option<&Value>) -> minijinja::Value {
    let count = |value: &Value, name: &str| value.member(name).and_then(Value::as_int).unwrap_or(0);
    let hours = day.and_then(|day| day.member("hours"));
    let bars = hours.map_or(&[][..], Value::as_list).iter().map(|hour| {
        minijinja::context! { good => count(hour, "accepted"), bad => count(hour, "failed") }
    });
    let none = Value::Null;
    let day = day.unwrap_or(&none);
    minijinja::context! {
        hours => bars.collect::<Vec<_>>(),
        accepted => count(day, "accepted"),
        failed => count(day, "failed"),
        median_ms => day.member("median_ms").and_then(Value::as_int),
    }
}

/// The dialect of a webhook as the catalogue lists it.
pub(super) fn dialect(webhook: &Value) -> minijinja::Value {
    json(&find(text(webhook, "dialect")).unwrap_or_default())
}

/// Whether the dialect has a signature of its own, beside the one that all have.
pub(super) fn signs_itself(webhook: &Value) -> bool {
    let dialect = tidings_dialects::find(text(webhook, "dialect"));
    dialect.is_some_and(|dialect| dialect.signature_words().is_some())
}

/// A dialect as the catalogue lists it.
pub(super) fn find(name: &str) -> Option<Value> {
    let mut all = catalogue::dialects().into_iter();
    all.find(|dialect| text(dialect, "name") == name)
}

fn title(name: &str) -> String {
    find(name).map_or_else(|| name.to_owned(), |d| text(&d, "title").to_owned())
}

/// A text member; empty where there is none.
pub(super) fn text<'a>(value: &'a Value, member: &str) -> &'a str {
    value
        .member(member)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

/// The codes of a dialect by category, in the order of its table.
pub(super) fn by_category(dialect: &str) -> minijinja::Value {
    let mut groups: Vec<(String, Vec<Value>)> = Vec::new();
    for event in catalogue::events(dialect).unwrap_or_default() {
        let category = text(&event, "category").to_owned();
        match groups.iter_mut().find(|(name, _)| *name == category) {
            Some((_, events)) => events.push(event),
            None => groups.push((category, vec![event])),
        }
    }
    let groups = groups.into_iter().map(|(name, events)| {
        minijinja::context! { name, events => json(&events) }
    });
    groups.collect()
}

#[cfg(test)]
mod tests;
