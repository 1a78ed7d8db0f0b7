//! A project's settings: its names, the webhook switch, its tokens, its end.

use std::collections::BTreeMap;

use tidings_app::reader::object;
use tidings_app::seen::STALE;
use tidings_app::{Access, Edit, projects};
use tidings_domain::{Fault, Value};

use crate::console::Form;
use crate::console::view::json;
use crate::route::{Call, LEAF, Reply, Row};
use crate::routes::run;

const SETTINGS: &str = "/projects/{key}/settings";
const TOKENS: &str = "/projects/{key}/tokens";

pub(super) fn rows() -> Vec<Row> {
    let verb = |path, id, handler| Row::action(path, id, Access::Manage, handler);
    vec![
        Row::page(SETTINGS, "settings_page", Access::Manage, run!(show)),
        verb(SETTINGS, "edit_project", run!(edit)),
        verb(
            "/projects/{key}/settings/webhooks",
            "switch_project_webhooks",
            run!(switch),
        ),
        verb(
            "/projects/{key}/settings/delete",
            "delete_project_here",
            run!(delete),
        ),
        Row::page(TOKENS, "project_tokens_page", Access::Manage, run!(tokens)).knows(&LEAF),
        verb(TOKENS, "new_project_token", run!(new_token)),
        verb(
            "/projects/{key}/tokens/{id}/revoke",
            "revoke_project_token_here",
            run!(revoke),
        ),
    ]
}

async fn show(call: Call) -> Result<Reply, Fault> {
    let project = call.project()?;
    let form = json(&projects::show(project));
    let context = minijinja::context! { form, seen => projects::seen(project), faults => () };
    call.show("project/settings.html", context)
}

async fn edit(call: Call) -> Result<Reply, Fault> {
    let form = call.form();
    let body = object([
        ("name", form.text_or_null("name")),
        ("slug", form.text_or_null("slug")),
        ("time_zone", form.text_or_null("time_zone")),
        ("base_url", form.text_or_null("base_url")),
        ("email_domain", form.text_or_null("email_domain")),
        (
            "company",
            object([("name", form.text_or_null("company.name"))]),
        ),
    ]);
    let (caller, project) = (call.caller()?, call.project()?);
    let asked = Edit::of(&body, form.get("seen"));
    match call.app.update_project(caller, project, asked, None).await {
        Ok(saved) => {
            let to = format!("/projects/{}/settings", saved.key);
            Ok(call.done(&to, "The settings were saved."))
        }
        Err(fault) if fault.code == STALE => {
            let now = call.app.project(caller, &project.key).await?;
            let context =
                minijinja::context! { form => fields(&form), seen => projects::seen(&now) };
            let both = (&projects::show(&now), &body);
            call.show_clash("project/settings.html", context, both)
        }
        Err(fault) => {
            let context = minijinja::context! { form => fields(&form), seen => form.get("seen") };
            call.show_again("project/settings.html", context, fault)
        }
    }
}

/// The fields as they were sent.
fn fields(form: &Form) -> minijinja::Value {
    minijinja::context! {
        name => form.get("name"),
        slug => form.get("slug"),
        time_zone => form.get("time_zone"),
        base_url => form.get("base_url"),
        email_domain => form.get("email_domain"),
        company => minijinja::context! { name => form.get("company.name") },
    }
}

async fn switch(call: Call) -> Result<Reply, Fault> {
    let form = call.form();
    let body = object([("webhooks", form.text_or_null("webhooks"))]);
    let (caller, project) = (call.caller()?, call.project()?);
    let to = format!("/projects/{}/settings", project.key);
    match call.app.update_project(caller, project, &body, None).await {
        Ok(_) => Ok(call.done(
            &to,
            match form.get("webhooks") {
                "on" => "Webhooks are on. What was parked stays parked until it is recovered.",
                "view_only" => "Webhooks can be seen and not activated.",
                _ => "Webhooks are off. What was waiting is parked.",
            },
        )),
        Err(fault) if fault.code == "plan_view_only" || !fault.errors.is_empty() => {
            Ok(call.refused(&to, &fault))
        }
        Err(fault) => Err(fault),
    }
}

async fn delete(call: Call) -> Result<Reply, Fault> {
    let (caller, project) = (call.caller()?, call.project()?);
    // Whoever deletes a project for good types its key: a slip of the mouse must not be enough.
    if call.form().get("confirm_key").trim() != project.key {
        let to = format!("/projects/{}/settings", project.key);
        return Ok(call.failed(
            &to,
            format!("To delete the project, type its key: {}", project.key),
        ));
    }
    call.app.delete_project(caller, project, None).await?;
    Ok(call.done("/projects", format!("{} was deleted.", project.name)))
}

async fn tokens(call: Call) -> Result<Reply, Fault> {
    tokens_page(
        &call,
        minijinja::context! { form => new_fields(&Form::default()), faults => (), made => () },
    )
    .await
}

async fn tokens_page(call: &Call, more: minijinja::Value) -> Result<Reply, Fault> {
    let context = tokens_context(call, more).await?;
    call.show("project/tokens.html", context)
}

async fn tokens_context(call: &Call, more: minijinja::Value) -> Result<minijinja::Value, Fault> {
    let (caller, project) = (call.caller()?, call.project()?);
    let page = call
        .app
        .tokens(caller, Some(project), call.paging()?)
        .await?;
    let bench = call
        .app
        .workbench(caller, project, tidings_domain::Collection::Stories, None)
        .await?;
    let whose = page.data.iter();
    let whose = whose.filter_map(|token| token.member("member")?.as_int());
    let names = call
        .app
        .member_names(project, &whose.collect::<Vec<_>>())
        .await?;
    let names: BTreeMap<String, String> = names
        .into_iter()
        .map(|(id, name)| (id.to_string(), name))
        .collect();
    Ok(minijinja::context! {
        tokens => json(&page.data),
        pages => call.pages(page.next),
        names => json(&names),
        members => bench.member("members").map(json),
        ..more
    })
}

fn new_fields(form: &Form) -> minijinja::Value {
    minijinja::context! {
        name => form.get("name"),
        acts_as => form.text("acts_as").unwrap_or("app"),
        expires_at => form.get("expires_at"),
    }
}

async fn new_token(call: Call) -> Result<Reply, Fault> {
    let form = call.form();
    let mut members = vec![("name".to_owned(), form.text_or_null("name"))];
    // The page offers one choice: an app, a member, or a role.
    let acts_as = form.get("acts_as");
    let (kind, who) = match acts_as.split_once(':') {
        Some(("member", id)) => (
            "member",
            Some(("member", id.parse::<i64>().map_or(Value::Null, Value::from))),
        ),
        Some(("role", role)) => ("member", Some(("role", role.into()))),
        _ => ("app", None),
    };
    members.push(("kind".to_owned(), kind.into()));
    members.extend(who.map(|(name, value)| (name.to_owned(), value)));
    if let Some(date) = form.text("expires_at") {
        members.push(("expires_at".to_owned(), format!("{date}T00:00:00Z").into()));
    }
    let (caller, project) = (call.caller()?, call.project()?);
    let body = Value::Map(members);
    match call
        .app
        .create_token(caller, Some(project), &body, None)
        .await
    {
        // Shown here and never again: it is in no cookie and in no address.
        Ok(made) => {
            let more = minijinja::context! { form => new_fields(&Form::default()), faults => (), made => json(&made) };
            tokens_page(&call, more).await
        }
        Err(fault) => {
            let more = minijinja::context! { form => new_fields(&form), made => () };
            let context = tokens_context(&call, more).await?;
            call.show_again("project/tokens.html", context, fault)
        }
    }
}

async fn revoke(call: Call) -> Result<Reply, Fault> {
    let (caller, project) = (call.caller()?, call.project()?);
    call.app
        .revoke_token(caller, Some(project), call.id()?, None)
        .await?;
    let to = format!("/projects/{}/tokens", project.key);
    Ok(call.done(&to, "The token was revoked: it is refused from now on."))
}
