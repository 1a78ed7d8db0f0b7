//! What each project's plan allows: the switches of all projects on one page.

use tidings_app::Access;
use tidings_app::reader::object;
use tidings_domain::Fault;
use tidings_domain::fault::FaultKind;

use crate::console::view::json;
use crate::route::{Call, LEAF, Reply, Row};
use crate::routes::run;

const PLANS: &str = "/admin/plans";

pub(super) fn rows() -> Vec<Row> {
    let admin = Access::Administrator;
    vec![
        Row::page(PLANS, "plans_page", admin, run!(show)).knows(&LEAF),
        Row::action(PLANS, "switch_plan", admin, run!(switch)).knows(&LEAF),
    ]
}

async fn show(call: Call) -> Result<Reply, Fault> {
    let page = call.app.projects(call.caller()?, call.paging()?).await?;
    let context = minijinja::context! {
        projects => json(&page.data),
        pages => call.pages(page.next),
        // To the same part of the list again.
        here => call.frame().path.as_str(),
    };
    call.show("admin/plans.html", context)
}

async fn switch(call: Call) -> Result<Reply, Fault> {
    let form = call.form();
    let caller = call.caller()?;
    let here = call.frame().path.clone();
    let project = match call.app.project(caller, form.get("project")).await {
        Err(fault) if fault.kind == FaultKind::NotFound => {
            return Ok(call.failed(&here, "That project is not there any more."));
        }
        project => project?,
    };
    let body = object([("webhooks", form.text_or_null("webhooks"))]);
    let name = &project.name;
    match call.app.update_project(caller, &project, &body, None).await {
        Ok(_) => {
            let said = match form.get("webhooks") {
                "on" => format!(
                    "Webhooks of {name} are on. What was parked stays parked until it is recovered."
                ),
                "view_only" => format!("Webhooks of {name} can be seen and not activated."),
                _ => format!("Webhooks of {name} are off. What was waiting is parked."),
            };
            Ok(call.done(&here, said))
        }
        Err(fault) if !fault.errors.is_empty() => Ok(call.refused(&here, &fault)),
        Err(fault) => Err(fault),
    }
}
