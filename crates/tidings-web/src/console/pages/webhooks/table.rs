//! GitScrum's own habit: a table with a row per event and its URL, each saved by itself.

use tidings_app::reader::object;
use tidings_app::seen::STALE;
use tidings_app::{Access, Edit};
use tidings_domain::fault::FaultKind;
use tidings_domain::project::WebhookSwitch;
use tidings_domain::{Fault, Value};

use super::{address, fields, open, words};
use crate::console::plain;
use crate::console::view::{json, percent};
use crate::route::{Call, Parameter, Reply, Row};
use crate::routes::run;

/// The dialect whose own habit it is.
const DEFAULT: &str = "gitscrum";

/// More results than any dialect has events are nobody's.
const MOST_RESULTS: usize = 100;

const KNOWS: [Parameter; 2] = [
    Parameter {
        name: "dialect",
        description: "Whose codes; GitScrum's when left out.",
    },
    Parameter {
        name: "tested",
        description: "Deliveries whose results are shown, with commas between them.",
    },
];

pub(super) fn rows() -> Vec<Row> {
    const TABLE: &str = "/projects/{key}/webhooks/by-event";
    vec![
        Row::page(TABLE, "webhooks_by_event_page", Access::Watch, run!(page)).knows(&KNOWS),
        Row::action(TABLE, "save_webhook_by_event", Access::Manage, run!(save)),
        Row::action(
            "/projects/{key}/webhooks/by-event/test",
            "test_webhooks_by_event",
            Access::Manage,
            run!(test),
        ),
    ]
}

/// What is wrong with a row, and what was typed there.
struct Wrong {
    code: String,
    url: String,
    fault: Fault,
}

async fn page(call: Call) -> Result<Reply, Fault> {
    open!(call);
    let dialect = call
        .query
        .get("dialect")
        .filter(|d| words::find(d).is_some());
    let dialect = dialect.unwrap_or(DEFAULT).to_owned();
    show(&call, &dialect, None).await
}

/// The tests that were just sent: the address names them, so the page can be loaded again. What is not there is left out.
async fn results(call: &Call, table: &Value) -> Result<Vec<Value>, Fault> {
    let (caller, project) = (call.caller()?, call.project()?);
    let tested = call.query.get("tested").unwrap_or_default();
    let mut results = Vec::new();
    for id in tested.split(',').take(MOST_RESULTS) {
        let delivery = match call.app.delivery(caller, project, id).await {
            Ok(delivery) => delivery,
            Err(fault) if fault.kind == FaultKind::NotFound => continue,
            Err(fault) => return Err(fault),
        };
        let code = words::text(&delivery, "code");
        let name = find(table, code).map_or(code, |row| words::text(row, "name"));
        results.push(object([
            ("code", code.into()),
            ("name", name.into()),
            ("delivery", delivery.clone()),
        ]));
    }
    Ok(results)
}

async fn show(call: &Call, dialect: &str, wrong: Option<Wrong>) -> Result<Reply, Fault> {
    let (caller, project) = (call.caller()?, call.project()?);
    let table = call.app.webhooks_by_event(caller, project, dialect).await?;
    let context = minijinja::context! {
        table => json(&table),
        dialects => json(&tidings_app::catalogue::dialects()),
        results => json(&results(call, &table).await?),
        ..around(call, wrong.as_ref())?
    };
    let page = call.show("webhooks_by_event.html", context)?;
    Ok(match wrong {
        Some(wrong) => Reply {
            status: crate::problem::status(wrong.fault.kind),
            ..page
        },
        None => page,
    })
}

/// What a row knows beside itself.
fn around(call: &Call, wrong: Option<&Wrong>) -> Result<minijinja::Value, Fault> {
    let told = wrong.map(|wrong| {
        let first = wrong.fault.errors.first();
        minijinja::context! {
            code => wrong.code.as_str(),
            url => wrong.url.as_str(),
            detail => first.map_or_else(|| plain::line(&wrong.fault), |e| plain::beside(e, None)),
        }
    });
    Ok(minijinja::context! {
        wrong => told,
        view_only => call.project()?.webhooks == WebhookSwitch::ViewOnly,
        saved => "",
    })
}

/// Saves a row: its webhook is made, or gets another URL, or is switched.
async fn save(call: Call) -> Result<Reply, Fault> {
    open!(call);
    let form = call.form();
    let (dialect, code) = (form.get("dialect").to_owned(), form.get("code").to_owned());
    let (caller, project) = (call.caller()?, call.project()?);
    let table = call
        .app
        .webhooks_by_event(caller, project, &dialect)
        .await?;
    let row = find(&table, &code).ok_or_else(tidings_app::refusal::absent)?;
    let done = store(&call, &dialect, row).await;
    let wrong = match done {
        Ok(()) => None,
        Err(fault) if fault.errors.is_empty() => return Err(fault),
        Err(fault) => Some(Wrong {
            code: code.clone(),
            url: form.get("url").to_owned(),
            fault: fields::told(fault),
        }),
    };
    if call.frame().part {
        return part(&call, &dialect, &code, wrong.as_ref()).await;
    }
    if wrong.is_some() {
        return show(&call, &dialect, wrong).await;
    }
    let to = format!(
        "/by-event?dialect={}#row-{}",
        percent(&dialect),
        percent(&code)
    );
    let said = format!("{} is saved.", words::text(row, "name"));
    Ok(call.done(&address(&call, &to)?, said))
}

async fn store(call: &Call, dialect: &str, row: &Value) -> Result<(), Fault> {
    let form = call.form();
    let (caller, project) = (call.caller()?, call.project()?);
    let own = row.member("webhook").and_then(|w| w.member("id")?.as_int());
    let Some(url) = form.text("url") else {
        let detail = match own {
            Some(_) => {
                "Write a URL; to stop sending this event, clear its box, or delete the webhook on its page."
            }
            None => "Write the URL that this event is sent to.",
        };
        return Err(Fault::field("/url", plain::TOLD, detail));
    };
    let mut members = vec![("url".to_owned(), url.into())];
    if form.has("switch") {
        members.push(("enabled".to_owned(), form.has("enabled").into()));
    }
    if let Some(id) = own {
        let patch = Value::Map(members);
        // A page that showed no webhook here saw none: one that was made meanwhile is not its.
        let seen = match form.get("seen") {
            "" if form.has("seen") => "none",
            seen => seen,
        };
        let asked = Edit::of(&patch, seen);
        let saved = call.app.update_webhook(caller, project, id, asked).await;
        return saved.map(drop).map_err(|fault| overtaken(fault, row));
    }
    let Value::Map(rest) = object([
        ("dialect", dialect.into()),
        ("name", words::text(row, "name").into()),
        ("events", Value::List(vec![words::text(row, "code").into()])),
    ]) else {
        return Err(tidings_app::refusal::internal());
    };
    members.extend(rest);
    let body = Value::Map(members);
    call.app
        .create_webhook(caller, project, &body, None)
        .await?;
    Ok(())
}

/// Somebody else saved the row meanwhile: the field keeps what was typed, and what they wrote is said below it.
fn overtaken(fault: Fault, row: &Value) -> Fault {
    if fault.code != STALE {
        return fault;
    }
    let theirs = row.member("webhook").map_or("", |w| words::text(w, "url"));
    let on = row.member("active").and_then(Value::as_bool) == Some(true);
    let detail = format!(
        "Somebody else changed this row meanwhile: now it is {theirs}, {}. Nothing of yours was saved; save again to put yours in its place.",
        if on { "active" } else { "not active" }
    );
    Fault::field("/url", plain::TOLD, detail)
}

/// The row as it is now, with the counts beside it.
async fn part(
    call: &Call,
    dialect: &str,
    code: &str,
    wrong: Option<&Wrong>,
) -> Result<Reply, Fault> {
    let (caller, project) = (call.caller()?, call.project()?);
    let table = call.app.webhooks_by_event(caller, project, dialect).await?;
    let row = find(&table, code).ok_or_else(tidings_app::refusal::absent)?;
    let context = minijinja::context! {
        row => json(row),
        table => json(&table),
        ..around(call, wrong)?
    };
    let saved = if wrong.is_none() { code } else { "" };
    let page = call.show(
        "webhooks_by_event_row.html",
        minijinja::context! { saved, ..context },
    )?;
    Ok(match wrong {
        Some(wrong) => Reply {
            status: crate::problem::status(wrong.fault.kind),
            ..page
        },
        None => page,
    })
}

fn find<'a>(table: &'a Value, code: &str) -> Option<&'a Value> {
    let categories = table.member("categories")?.as_list().iter();
    let mut rows = categories.flat_map(|c| c.member("rows").map_or(&[][..], Value::as_list));
    rows.find(|row| words::text(row, "code") == code)
}

/// "Test all": the sample of every row that has a webhook.
async fn test(call: Call) -> Result<Reply, Fault> {
    open!(call);
    let dialect = call.form().get("dialect").to_owned();
    let (caller, project) = (call.caller()?, call.project()?);
    let results = call.app.test_by_event(caller, project, &dialect).await?;
    let to = format!("/by-event?dialect={}", percent(&dialect));
    if results.is_empty() {
        return Ok(call.done(&address(&call, &to)?, "There is no URL to test yet."));
    }
    let deliveries = results.iter().filter_map(|r| r.member("delivery"));
    let tested: Vec<&str> = deliveries.map(|d| words::text(d, "id")).collect();
    let to = format!("{to}&tested={}", tested.join(","));
    let said = match tested.len() {
        1 => "1 test was sent.".to_owned(),
        n => format!("{n} tests were sent."),
    };
    Ok(call.done(&address(&call, &to)?, said))
}
