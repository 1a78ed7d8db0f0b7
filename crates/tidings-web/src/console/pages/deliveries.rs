//! The sent log, and one delivery with everything about it.

use std::collections::BTreeMap;

use minijinja::Value as Shown;
use tidings_app::{Access, Paging, deliveries};
use tidings_domain::fault::FaultKind;
use tidings_domain::{DeliveryId, Fault, Time, Value, WebhookId, time};

use crate::console::plain::TOLD;
use crate::console::refuse::see_other;
use crate::console::view::{json, pretty};
use crate::route::{Call, LEAF, Parameter, Reply, Row};
use crate::routes::{FILTERS, run};

mod bar;
mod code;
mod live;

const LOG: &str = "/projects/{key}/deliveries";
const ONE: &str = "/projects/{key}/deliveries/{id}";
/// A page that people read.
const ON_A_PAGE: usize = 50;
/// Longer bodies are cut until somebody asks for all of them.
const SHOWN_CHARS: usize = 4_000;

pub(super) fn rows() -> Vec<Row> {
    let all = Parameter {
        name: "all",
        description: "Shows a long body whole.",
    };
    vec![
        Row::page(LOG, "deliveries_page", Access::Watch, run!(list))
            .knows(&LEAF)
            .knows(&FILTERS),
        live::row(),
        Row::page(ONE, "delivery_page", Access::Watch, run!(one)).knows(&[all]),
        Row::action(
            "/projects/{key}/deliveries/{id}/resend",
            "resend_delivery_form",
            Access::Manage,
            run!(resend),
        ),
    ]
}

/// A time as a field for times sends it, which names no zone: pages show UTC and mean it.
pub(super) fn zoned(text: &str) -> String {
    match text.len() {
        16 if text.contains('T') => format!("{text}:00Z"),
        19 if text.contains('T') => format!("{text}Z"),
        _ => text.to_owned(),
    }
}

/// A time for such a field, to the minute before it.
pub(super) fn unzoned(text: &str) -> String {
    match text.strip_suffix('Z').and_then(|text| text.get(..16)) {
        Some(minute) if text.len() >= 17 => minute.to_owned(),
        _ => text.to_owned(),
    }
}

async fn list(call: Call) -> Result<Reply, Fault> {
    let (caller, project) = (call.caller()?, call.project()?);
    let names = call.app.webhook_names(caller, project).await?;
    let names: BTreeMap<i64, String> = names.into_iter().map(|(id, n)| (id.0, n)).collect();
    let asked = |name: &str| zoned(call.query.get(name).unwrap_or_default());
    let mut fields = FILTERS.map(|f| (f.name, asked(f.name)));
    let searched = asked("q");
    if let Ok(id) = searched.trim().parse::<DeliveryId>()
        && call
            .app
            .delivery(caller, project, &id.to_string())
            .await
            .is_ok()
    {
        let to = format!("/projects/{}/deliveries/{id}", project.key);
        return Ok(see_other(call.frame().part, &to));
    }
    if is_item(&searched) && asked("object").is_empty() {
        for (name, text) in &mut fields {
            match *name {
                "q" => text.clear(),
                "object" => searched.trim().clone_into(text),
                _ => {}
            }
        }
    }
    let narrowed = |(_, text): &(&str, String)| !text.is_empty();
    let context = |rows: &[Shown], next: Option<i64>| {
        // The position is an id, which says when it was made.
        let reached = next.and_then(|id| {
            Time::from_millisecond(tidings_storage::created_ms(DeliveryId(id))).ok()
        });
        let pages = call.pages(next);
        let shown = fields.clone().map(|(name, text)| match name {
            "since" | "until" => (name, unzoned(&text)),
            _ => (name, text),
        });
        minijinja::context! {
            rows, pages,
            reached => reached.map(time::show),
            fields => json(&BTreeMap::from(shown)),
            narrowed => fields.iter().any(narrowed),
            webhooks => json(&names),
            first_page => call.query.get("cursor").is_none(),
            here => call.frame().path.as_str(),
            faults => (),
        }
    };
    let given = fields.iter().filter(|f| narrowed(f));
    let filter = match deliveries::filter(given.map(|(n, text)| (*n, text.as_str()))) {
        Ok(filter) => filter,
        Err(fault) => {
            return call.show_again("sent/log.html", context(&[], None), told(fault));
        }
    };
    let paging = Paging {
        limit: ON_A_PAGE,
        ..call.paging()?
    };
    let page = call
        .app
        .deliveries(caller, project, &filter, paging)
        .await?;
    let gone = gone(&call, &page.data, &names).await?;
    let row = |row| show_row(row, &names, &gone);
    let rows: Vec<Shown> = page.data.iter().map(row).collect();
    call.show("sent/log.html", context(&rows, page.next))
}

/// Whether somebody searches for an item by the name that the log has for it, which has a filter of its own.
fn is_item(searched: &str) -> bool {
    let text = searched.trim();
    text.contains('/') && deliveries::filter(std::iter::once(("object", text))).is_ok()
}

/// What is wrong with a filter, for people.
fn told(mut fault: Fault) -> Fault {
    for error in &mut fault.errors {
        let said = match error.field.as_str() {
            "webhook" => "Choose a webhook of the list.",
            "event" => "Write the number of an event, as its page has it.",
            "state" | "trigger" => "Choose one of the list.",
            "status" => "Write an HTTP status, a number from 100 to 999.",
            "object" => "Write which item, like tasks/42.",
            "since" | "until" => "Write a date and a time, like 2026-03-02 11:40.",
            _ => continue,
        };
        said.clone_into(&mut error.detail);
        error.code = TOLD;
    }
    fault
}

/// What deleted webhooks among the rows were called.
async fn gone(
    call: &Call,
    rows: &[Value],
    names: &BTreeMap<i64, String>,
) -> Result<BTreeMap<i64, String>, Fault> {
    let ids = rows.iter().filter_map(webhook_of);
    let gone: Vec<WebhookId> = ids
        .filter(|id| !names.contains_key(id))
        .map(WebhookId)
        .collect();
    if gone.is_empty() {
        return Ok(BTreeMap::new());
    }
    let (caller, project) = (call.caller()?, call.project()?);
    let found = call.app.names_of_webhooks(caller, project, &gone).await?;
    Ok(found.into_iter().map(|(id, name)| (id.0, name)).collect())
}

fn webhook_of(row: &Value) -> Option<i64> {
    row.member("webhook").and_then(Value::as_int)
}

fn show_row(row: &Value, names: &BTreeMap<i64, String>, gone: &BTreeMap<i64, String>) -> Shown {
    let webhook = webhook_of(row);
    minijinja::context! {
        d => json(row),
        name => webhook.and_then(|id| names.get(&id)),
        was => webhook.and_then(|id| gone.get(&id)),
    }
}

/// A text as a page shows it: cut unless all of it is wanted. Whether it was cut.
fn cut(text: &str, all: bool) -> (&str, bool) {
    match text.char_indices().nth(SHOWN_CHARS) {
        Some((end, _)) if !all => (text.get(..end).unwrap_or(text), true),
        _ => (text, false),
    }
}

fn text<'v>(value: Option<&'v Value>, name: &str) -> Option<&'v str> {
    value?.member(name)?.as_str()
}

/// Headers in their order.
fn headers(of: Option<&Value>) -> Vec<(&str, &str)> {
    let all = of.and_then(|of| of.member("headers")).map(Value::as_map);
    let all = all.unwrap_or_default().iter();
    all.filter_map(|(name, value)| Some((name.as_str(), value.as_str()?)))
        .collect()
}

async fn one(call: Call) -> Result<Reply, Fault> {
    let (caller, project) = (call.caller()?, call.project()?);
    let delivery = call.app.delivery(caller, project, call.param("id")).await?;
    let names = call.app.webhook_names(caller, project).await?;
    let names = names.into_iter().map(|(id, n)| (id.0, n)).collect();
    let gone = gone(&call, std::slice::from_ref(&delivery), &names).await?;
    let webhook = webhook_of(&delivery);
    let request = delivery.member("request");
    let body = text(request, "body");
    let all = call.query.get("all").is_some();
    let pretty = body.map(pretty);
    let (pretty, is_cut) = cut(pretty.as_deref().unwrap_or_default(), all);
    let sent = headers(request);
    let attempts = delivery.member("attempts").map_or(&[][..], Value::as_list);
    let context = minijinja::context! {
        d => json(&delivery),
        name => webhook.and_then(|id| names.get(&id)),
        was => webhook.and_then(|id| gone.get(&id)),
        why => why(&call, &delivery).await?,
        request_headers => json(&sent),
        pretty, is_cut, all,
        raw => cut(body.unwrap_or_default(), all).0,
        bytes => body.map_or(0, str::len),
        curl => body.zip(text(request, "url")).map(|(body, url)| code::curl(url, &sent, body)),
        verify => body.map(|body| json(&code::verify(text(Some(&delivery), "dialect").unwrap_or_default(), &sent, body))),
        attempts => attempts.iter().map(show_attempt).collect::<Vec<_>>(),
        here => call.frame().path.as_str(),
    };
    call.show("sent/delivery.html", context)
}

fn show_attempt(attempt: &Value) -> Shown {
    minijinja::context! {
        a => json(attempt),
        bar => json(&bar::of(attempt)),
        headers => json(&headers(attempt.member("response"))),
    }
}

/// Why a delivery that waits waits, in words.
async fn why(call: &Call, delivery: &Value) -> Result<Option<String>, Fault> {
    let number = |name| delivery.member(name).and_then(Value::as_int);
    let state = text(Some(delivery), "state").unwrap_or_default();
    let (Some(event), Some(webhook), "pending" | "held" | "parked") =
        (number("event"), number("webhook"), state)
    else {
        return Ok(None);
    };
    let (caller, project) = (call.caller()?, call.project()?);
    let one = Paging { from: 0, limit: 1 };
    let explained = call
        .app
        .explain(caller, project, event, Some(webhook), one)
        .await;
    let explained = match explained {
        Ok(explained) => explained,
        // Retention may have taken the event, or a deletion the webhook.
        Err(fault) if fault.kind == FaultKind::NotFound => return Ok(None),
        Err(fault) => return Err(fault),
    };
    let id = text(Some(delivery), "id");
    let messages = explained.data.iter().filter_map(|w| w.member("messages"));
    let mut mine = messages
        .flat_map(Value::as_list)
        .filter(|m| text(Some(m), "delivery") == id);
    Ok(text(mine.next(), "detail").map(str::to_owned))
}

async fn resend(call: Call) -> Result<Reply, Fault> {
    let (caller, project) = (call.caller()?, call.project()?);
    let id = call.param("id");
    let done = call.app.resend_delivery(caller, project, id).await;
    let to = format!("/projects/{}/deliveries/{id}", project.key);
    match done {
        Ok(()) => Ok(call.done(&to, "It is sent again.")),
        Err(fault) if fault.kind == FaultKind::Conflict => Ok(call.refused(&to, &fault)),
        Err(fault) => Err(fault),
    }
}

#[cfg(test)]
mod tests;
