//! The webhooks of a project: listed, looked at, switched, deleted. What is filled in or tried out has files of its own.

use tidings_app::webhooks::{Switch, WebhookFilter};
use tidings_app::{Access, Paging, deliveries};
use tidings_domain::project::WebhookSwitch;
use tidings_domain::webhook::HealthState;
use tidings_domain::{Fault, Value};

use crate::console::view::json;
use crate::route::{Call, LEAF, Parameter, Reply, Row};
use crate::routes::run;

mod edit;
mod execute;
mod fields;
mod secret;
mod table;
mod words;

const LIST: &str = "/projects/{key}/webhooks";
const ONE: &str = "/projects/{key}/webhooks/{id}";

/// Deliveries that a webhook's page shows.
const LATEST: usize = 8;
/// Webhooks on one page at most: each has a chart, its health and its buttons.
const ON_A_PAGE: usize = 50;

const FILTERS: [Parameter; 3] = [
    Parameter {
        name: "q",
        description: "With this text in name or URL.",
    },
    Parameter {
        name: "state",
        description: "That fare so: ok, backing_off, paused, disabled.",
    },
    Parameter {
        name: "dialect",
        description: "Of this dialect.",
    },
];

pub(super) fn rows() -> Vec<Row> {
    let mut rows = vec![
        Row::page(LIST, "webhooks_page", Access::Watch, run!(list))
            .knows(&LEAF)
            .knows(&FILTERS),
        Row::action(
            "/projects/{key}/webhooks/switch-on",
            "switch_webhooks_on",
            Access::Manage,
            run!(switch_on),
        ),
        Row::page(ONE, "webhook_page", Access::Watch, run!(one)),
        Row::page(
            "/projects/{key}/webhooks/{id}/delete",
            "delete_webhook_page",
            Access::Manage,
            run!(ask_delete),
        ),
        Row::action(
            "/projects/{key}/webhooks/{id}/delete",
            "delete_webhook_form",
            Access::Manage,
            run!(delete),
        ),
        Row::action(
            "/projects/{key}/webhooks/{id}/enable",
            "enable_webhook_form",
            Access::Manage,
            run!(enable),
        ),
        Row::action(
            "/projects/{key}/webhooks/{id}/disable",
            "disable_webhook_form",
            Access::Manage,
            run!(disable),
        ),
        Row::action(
            "/projects/{key}/webhooks/{id}/pause",
            "pause_webhook_form",
            Access::Manage,
            run!(pause),
        ),
        Row::action(
            "/projects/{key}/webhooks/{id}/resume",
            "resume_webhook_form",
            Access::Manage,
            run!(resume),
        ),
    ];
    rows.extend(edit::rows());
    rows.extend(execute::rows());
    rows.extend(secret::rows());
    rows.extend(table::rows());
    rows
}

/// The page that says that the project's webhooks are switched off, in place of any other.
fn closed(call: &Call) -> Result<Option<Reply>, Fault> {
    if call.project()?.webhooks != WebhookSwitch::Off {
        return Ok(None);
    }
    let page = call.show("webhooks_off.html", minijinja::context! {})?;
    Ok(Some(Reply {
        status: http::StatusCode::FORBIDDEN,
        ..page
    }))
}

/// Makes a handler answer with that page where it must.
macro_rules! open {
    ($call:expr) => {
        if let Some(closed) = $crate::console::pages::webhooks::closed(&$call)? {
            return Ok(closed);
        }
    };
}
use open;

/// The address of a project's list, or of what lies below it.
fn address(call: &Call, below: &str) -> Result<String, Fault> {
    Ok(format!("/projects/{}/webhooks{below}", call.project()?.key))
}

async fn list(call: Call) -> Result<Reply, Fault> {
    open!(call);
    let filter = read_filter(&call);
    let (caller, project) = (call.caller()?, call.project()?);
    let paging = call.paging()?;
    let paging = Paging {
        limit: paging.limit.min(ON_A_PAGE),
        ..paging
    };
    let found = call.app.find_webhooks(caller, project, &filter, paging);
    let found = found.await?;
    let mut events = words::Events::default();
    let id = |w: &Value| w.member("id").and_then(Value::as_int);
    let ids: Vec<i64> = found.data.iter().filter_map(id).collect();
    let days = call.app.days_of(&ids).await?;
    let rows: Vec<_> = found
        .data
        .iter()
        .map(|w| {
            let day = id(w).and_then(|id| days.get(&id));
            minijinja::context! { day => words::day(day), ..events.row(w) }
        })
        .collect();
    let context = minijinja::context! {
        webhooks => rows,
        pages => call.pages(found.next),
        found => found.found,
        total => found.total,
        filtered => filter != WebhookFilter::default(),
        q => call.query.get("q"),
        state => filter.state.map(HealthState::as_str),
        dialect => filter.dialect.as_deref(),
        dialects => json(&tidings_app::catalogue::dialects()),
        paged => call.query.get("cursor").is_some(),
    };
    call.show("webhooks.html", context)
}

fn read_filter(call: &Call) -> WebhookFilter {
    let text = call.query.get("q").map(str::trim).filter(|q| !q.is_empty());
    // A state that there is not filters nothing: the form shows that none is chosen.
    let state = call.query.get("state");
    let known = HealthState::ALL.iter().copied();
    let state = state.and_then(|word| known.into_iter().find(|state| state.as_str() == word));
    let dialect = call
        .query
        .get("dialect")
        .filter(|d| words::find(d).is_some());
    WebhookFilter {
        text: text.map(str::to_owned),
        state,
        dialect: dialect.map(str::to_owned),
    }
}

async fn one(call: Call) -> Result<Reply, Fault> {
    open!(call);
    let (caller, project, id) = (call.caller()?, call.project()?, call.id()?);
    let webhook = call.app.webhook(caller, project, id).await?;
    let id = id.to_string();
    let filter = deliveries::filter(std::iter::once(("webhook", id.as_str())))?;
    let latest = Paging {
        from: 0,
        limit: LATEST,
    };
    let log = call
        .app
        .deliveries(caller, project, &filter, latest)
        .await?;
    let day = call.app.days_of(&[call.id()?]).await?;
    let rotation = call.app.rotation(caller, project, call.id()?).await?;
    let context = minijinja::context! {
        rotation => rotation.as_ref().map(json),
        has_own => words::signs_itself(&webhook),
        server_limit => call.app.settings.read().failure_limit,
        day => words::day(day.values().next()),
        deliveries => json(&log.data),
        more => log.next.is_some(),
        locked => is_locked(&call, &webhook),
        dialect => words::dialect(&webhook),
        ..words::Events::default().row(&webhook)
    };
    call.show("webhook.html", context)
}

/// Whether an app locked it to whoever looks.
fn is_locked(call: &Call, webhook: &Value) -> bool {
    let locked = webhook.member("locked").and_then(Value::as_bool);
    let administers = call
        .caller
        .as_ref()
        .is_some_and(|c| Access::Administrator.admits(c));
    locked == Some(true) && !administers
}

async fn switch_on(call: Call) -> Result<Reply, Fault> {
    let (caller, project) = (call.caller()?, call.project()?);
    let on = tidings_app::reader::object([("webhooks", "on".into())]);
    call.app.update_project(caller, project, &on, None).await?;
    Ok(call.done(&address(&call, "")?, "Webhooks are switched on."))
}

async fn ask_delete(call: Call) -> Result<Reply, Fault> {
    open!(call);
    let (caller, project, id) = (call.caller()?, call.project()?, call.id()?);
    let webhook = call.app.webhook(caller, project, id).await?;
    call.show(
        "webhook_delete.html",
        minijinja::context! { w => json(&webhook) },
    )
}

async fn delete(call: Call) -> Result<Reply, Fault> {
    let (caller, project, id) = (call.caller()?, call.project()?, call.id()?);
    let webhook = call.app.webhook(caller, project, id).await?;
    call.app.delete_webhook(caller, project, id, None).await?;
    let said = format!("{} is deleted. Its log stays.", name(&webhook));
    Ok(call.done(&address(&call, "")?, said))
}

async fn enable(call: Call) -> Result<Reply, Fault> {
    switch(call, Switch::Enable, "is enabled").await
}

async fn disable(call: Call) -> Result<Reply, Fault> {
    switch(call, Switch::Disable, "is disabled: what waits is parked").await
}

async fn pause(call: Call) -> Result<Reply, Fault> {
    switch(
        call,
        Switch::Pause,
        "is paused: what happens now is kept, in order",
    )
    .await
}

async fn resume(call: Call) -> Result<Reply, Fault> {
    switch(call, Switch::Resume, "goes on").await
}

async fn switch(call: Call, switch: Switch, said: &str) -> Result<Reply, Fault> {
    let (caller, project, id) = (call.caller()?, call.project()?, call.id()?);
    let webhook = call.app.switch_webhook(caller, project, id, switch).await?;
    Ok(call.done(&back(&call)?, format!("{} {said}.", name(&webhook))))
}

/// Where a button stood: the list, on the page of it that was shown, or the webhook's own page.
fn back(call: &Call) -> Result<String, Fault> {
    let form = call.form();
    if !form.has("list") {
        return address(call, &format!("/{}", call.id()?));
    }
    let query = form.get("list");
    let plain = query.bytes().all(|b| b.is_ascii_graphic()) && !query.contains('#');
    let query = if plain && !query.is_empty() {
        format!("?{query}")
    } else {
        String::new()
    };
    address(call, &query)
}

fn name(webhook: &Value) -> &str {
    let name = webhook.member("name").and_then(Value::as_str);
    name.unwrap_or_default()
}
