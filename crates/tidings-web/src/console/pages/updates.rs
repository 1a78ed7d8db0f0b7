//! A project's recent updates, and one event with what became of it.

use tidings_app::{Access, Paging};
use tidings_domain::Fault;

use crate::console::view::json;
use crate::route::{Call, PAGE, Reply, Row};
use crate::routes::run;

/// A page that people read, not a batch for programs.
const ON_A_PAGE: usize = 25;

pub(super) fn rows() -> Vec<Row> {
    vec![
        Row::page(
            "/projects/{key}",
            "updates_page",
            Access::Project,
            run!(list),
        )
        .knows(&PAGE),
        Row::page(
            "/projects/{key}/events/{id}",
            "event_page",
            Access::Project,
            run!(event),
        )
        .knows(&PAGE),
    ]
}

async fn list(call: Call) -> Result<Reply, Fault> {
    let paging = Paging {
        limit: ON_A_PAGE,
        ..call.paging()?
    };
    let page = call
        .app
        .updates(call.caller()?, call.project()?, paging)
        .await?;
    let context = minijinja::context! {
        updates => json(&page.data),
        next => call.cursor(page.next),
    };
    call.show("project/updates.html", context)
}

async fn event(call: Call) -> Result<Reply, Fault> {
    let (caller, project, id) = (call.caller()?, call.project()?, call.id()?);
    let update = call.app.update(caller, project, id).await?;
    // Where the project's webhooks are off there are no pages of them, and nothing to explain.
    let explains = Access::Watch.admits(caller)
        && project.webhooks != tidings_domain::project::WebhookSwitch::Off;
    let (webhooks, next) = if explains {
        let explained = call.app.explain(caller, project, id, None, call.paging()?);
        let explained = explained.await?;
        (Some(json(&explained.data)), call.cursor(explained.next))
    } else {
        (None, None)
    };
    let context = minijinja::context! { update => json(&update), webhooks, next };
    call.show("project/event.html", context)
}
