//! The projects that somebody sees, and a new one.

use tidings_app::Access;
use tidings_app::reader::object;
use tidings_domain::Fault;

use crate::console::Form;
use crate::console::view::json;
use crate::route::{Call, LEAF, Reply, Row};
use crate::routes::run;

pub(super) fn rows() -> Vec<Row> {
    vec![
        Row::page("/projects", "projects_page", Access::Known, run!(list)).knows(&LEAF),
        Row::page(
            "/projects/new",
            "new_project_page",
            Access::Administrator,
            run!(blank),
        ),
        Row::action(
            "/projects/new",
            "new_project",
            Access::Administrator,
            run!(create),
        ),
    ]
}

async fn list(call: Call) -> Result<Reply, Fault> {
    let page = call
        .app
        .projects_of(call.session()?, call.paging()?)
        .await?;
    let context = minijinja::context! {
        projects => json(&page.data),
        pages => call.pages(page.next),
    };
    call.show("projects.html", context)
}

/// The form's fields as the template shows them.
fn fields(form: &Form) -> minijinja::Value {
    minijinja::context! {
        key => form.get("key"),
        name => form.get("name"),
        faults => (),
    }
}

async fn blank(call: Call) -> Result<Reply, Fault> {
    call.show("project_new.html", fields(&Form::default()))
}

async fn create(call: Call) -> Result<Reply, Fault> {
    let form = call.form();
    let body = object([
        ("key", form.text_or_null("key")),
        ("name", form.text_or_null("name")),
    ]);
    match call.app.create_project(call.caller()?, &body, None).await {
        Ok(made) => {
            let to = format!("/projects/{}", made.key);
            Ok(call.done(&to, format!("{} was created.", made.name)))
        }
        Err(fault) => call.show_again("project_new.html", fields(&form), fault),
    }
}
