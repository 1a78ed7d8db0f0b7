//! The audit log, of the server and of a project.

use tidings_app::{Access, audit};
use tidings_domain::Fault;

use crate::console::view::json;
use crate::route::{Call, PAGE, Reply, Row};
use crate::routes::audit::FILTERS;
use crate::routes::run;

pub(super) fn rows() -> Vec<Row> {
    vec![
        Row::page(
            "/admin/audit",
            "audit_page",
            Access::Administrator,
            run!(show),
        )
        .knows(&PAGE)
        .knows(&FILTERS),
        Row::page(
            "/projects/{key}/audit",
            "project_audit_page",
            Access::Manage,
            run!(show),
        )
        .knows(&PAGE)
        .knows(&FILTERS),
    ]
}

async fn show(call: Call) -> Result<Reply, Fault> {
    // A date from the form is its first moment; other times are taken as they are.
    let pairs: Vec<(&str, String)> = call
        .query
        .pairs()
        .map(|(name, text)| match name {
            "since" | "until" if text.len() == "2026-03-02".len() => {
                (name, format!("{text}T00:00:00Z"))
            }
            _ => (name, text.to_owned()),
        })
        .collect();
    let filter = audit::filter(pairs.iter().map(|(n, v)| (*n, v.as_str())))?;
    let (caller, project) = (call.caller()?, call.project.as_deref());
    let paging = call.paging()?;
    let page = call.app.audit(caller, project, filter, paging).await?;
    let asked = |name| call.query.get(name).unwrap_or_default();
    let context = minijinja::context! {
        entries => json(&page.data),
        next => call.cursor(page.next),
        operation => asked("operation"),
        webhook => asked("webhook"),
        since => asked("since"),
        until => asked("until"),
    };
    call.show("admin/audit.html", context)
}
