//! A project's recent updates, and one event with what became of it.

use tidings_app::{Access, Paging};
use tidings_domain::Fault;

use crate::console::view::json;
use crate::route::{Call, LEAF, Reply, Row};
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
        .knows(&LEAF),
        Row::page(
            "/projects/{key}/events/{id}",
            "event_page",
            Access::Project,
            run!(event),
        )
        .knows(&LEAF),
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
        pages => call.pages(page.next),
    };
    call.show("project/updates.html", context)
}

async fn event(call: Call) -> Result<Reply, Fault> {
    let (caller, project, id) = (call.caller()?, call.project()?, call.id()?);
    let update = call.app.update(caller, project, id).await?;
    // Where the project's webhooks are off there are no pages of them, and nothing to explain.
    let explains = Access::Watch.admits(caller)
        && project.webhooks != tidings_domain::project::WebhookSwitch::Off;
    let (webhooks, pages) = if explains {
        let explained = call.app.explain(caller, project, id, None, call.paging()?);
        let explained = explained.await?;
        (Some(json(&explained.data)), call.pages(explained.next))
    } else {
        (None, call.pages(None))
    };
    let context = minijinja::context! { update => json(&update), webhooks, pages };
    call.show("project/event.html", context)
}
