//! The form of a webhook: a new one, changes of one that is there, the URL judged while it is typed, a test before saving.

use tidings_app::reader::object;
use tidings_app::seen::STALE;
use tidings_app::{Access, Edit};
use tidings_domain::project::WebhookSwitch;
use tidings_domain::{Fault, Value};

use super::fields::{self, Fields};
use super::{address, is_locked, name, open, secret, words};
use crate::console::plain;
use crate::console::view::json;
use crate::route::{Call, Parameter, Reply, Row};
use crate::routes::run;

const DIALECT: [Parameter; 1] = [Parameter {
    name: "dialect",
    description: "The dialect of the new webhook.",
}];

pub(super) fn rows() -> Vec<Row> {
    const NEW: &str = "/projects/{key}/webhooks/new";
    const EDIT: &str = "/projects/{key}/webhooks/{id}/edit";
    vec![
        Row::page(NEW, "new_webhook_page", Access::Manage, run!(blank)).knows(&DIALECT),
        Row::action(NEW, "new_webhook", Access::Manage, run!(create)),
        Row::action(
            "/projects/{key}/webhooks/check",
            "check_webhook_url",
            Access::Manage,
            run!(check),
        ),
        Row::page(EDIT, "edit_webhook_page", Access::Manage, run!(page)),
        Row::action(EDIT, "edit_webhook", Access::Manage, run!(save)),
    ]
}

/// The rest of what the form's template wants to know. `stored` is the webhook that is edited.
async fn context(
    call: &Call,
    dialect: &Value,
    fields: &Fields,
    stored: Option<&Value>,
) -> Result<minijinja::Value, Fault> {
    let project = call.project()?;
    let rotation = match stored {
        Some(_) => {
            call.app
                .rotation(call.caller()?, project, call.id()?)
                .await?
        }
        None => None,
    };
    Ok(minijinja::context! {
        rotation => rotation.as_ref().map(json),
        has_own => stored.is_some_and(words::signs_itself),
        server_limit => call.app.settings.read().failure_limit,
        f => json(fields),
        w => json(&stored.cloned().unwrap_or_default()),
        dialect => json(dialect),
        groups => words::by_category(words::text(dialect, "name")),
        locked => stored.is_some_and(|w| is_locked(call, w)),
        app => stored.and_then(|w| words::text(w, "origin").strip_prefix("app:")),
        view_only => project.webhooks == WebhookSwitch::ViewOnly,
        faults => (),
        sent => (),
        unsent => false,
        unsigned => false,
    })
}

async fn blank(call: Call) -> Result<Reply, Fault> {
    open!(call);
    let Some(dialect) = call.query.get("dialect").and_then(words::find) else {
        let all = tidings_app::catalogue::dialects();
        return call.show(
            "webhook_dialects.html",
            minijinja::context! { dialects => json(&all) },
        );
    };
    let fields = Fields::blank();
    call.show(
        "webhook_form.html",
        context(&call, &dialect, &fields, None).await?,
    )
}

async fn create(call: Call) -> Result<Reply, Fault> {
    open!(call);
    let form = call.form();
    let Some(dialect) = words::find(form.get("dialect")) else {
        return Ok(call.done(&address(&call, "/new")?, "Choose a dialect."));
    };
    if form.has("execute") {
        return execute(&call, &dialect, None).await;
    }
    let made = secret::made(&call);
    let body = with(
        fields::body(&form, None, made.as_deref()),
        "dialect",
        words::text(&dialect, "name").into(),
    );
    let (caller, project) = (call.caller()?, call.project()?);
    match call.app.create_webhook(caller, project, &body, None).await {
        Ok((id, webhook)) => {
            let to = address(&call, &format!("/{id}"))?;
            let said = format!("{} was added.", name(&webhook));
            match made {
                Some(made) => secret::show(&call, &webhook, &said, &made),
                None => Ok(call.done(&to, said)),
            }
        }
        Err(fault) => again(&call, &dialect, None, fault).await,
    }
}

fn with(body: Value, member: &str, value: Value) -> Value {
    let Value::Map(mut members) = body else {
        return body;
    };
    members.push((member.to_owned(), value));
    Value::Map(members)
}

/// The form once more, with what is wrong beside each field.
async fn again(
    call: &Call,
    dialect: &Value,
    stored: Option<&Value>,
    fault: Fault,
) -> Result<Reply, Fault> {
    let fields = Fields::sent(&call.form(), stored);
    let context = context(call, dialect, &fields, stored).await?;
    let (template, fault) = ("webhook_form.html", fields::told(fault));
    if call.form().has("execute") {
        let context = minijinja::context! { unsent => true, ..context };
        return call.show_undone("The test was not sent.", template, context, fault);
    }
    call.show_again(template, context, fault)
}

async fn page(call: Call) -> Result<Reply, Fault> {
    open!(call);
    let (caller, project) = (call.caller()?, call.project()?);
    let id = call.id()?;
    let (stored, seen) = call.app.webhook_to_edit(caller, project, id).await?;
    let dialect = dialect_of(&stored);
    let fields = Fields::of(&stored).seen(&seen);
    let context = context(&call, &dialect, &fields, Some(&stored)).await?;
    call.show("webhook_form.html", context)
}

fn dialect_of(webhook: &Value) -> Value {
    words::find(words::text(webhook, "dialect")).unwrap_or_default()
}

async fn save(call: Call) -> Result<Reply, Fault> {
    open!(call);
    let (caller, project, id) = (call.caller()?, call.project()?, call.id()?);
    let stored = call.app.webhook(caller, project, id).await?;
    let dialect = dialect_of(&stored);
    let form = call.form();
    if form.has("execute") {
        return execute(&call, &dialect, Some(&stored)).await;
    }
    let made = secret::made(&call);
    let body = fields::body(&form, Some(&stored), made.as_deref());
    let asked = Edit::of(&body, form.get("seen"));
    match call.app.update_webhook(caller, project, id, asked).await {
        Ok(webhook) => {
            let said = format!("{} is saved.", name(&webhook));
            match made {
                Some(made) => secret::show(&call, &webhook, &said, &made),
                None => Ok(call.done(&address(&call, &format!("/{id}"))?, said)),
            }
        }
        Err(fault) if fault.code == STALE => clash(&call, &dialect).await,
        Err(fault) => again(&call, &dialect, Some(&stored), fault).await,
    }
}

/// The form once more, with what somebody else saved meanwhile.
async fn clash(call: &Call, dialect: &Value) -> Result<Reply, Fault> {
    let (caller, project, id) = (call.caller()?, call.project()?, call.id()?);
    let (theirs, seen) = call.app.webhook_to_edit(caller, project, id).await?;
    let sent = Fields::sent(&call.form(), Some(&theirs)).seen(&seen);
    let context = context(call, dialect, &sent, Some(&theirs)).await?;
    let both = (&Fields::of(&theirs).said(), &sent.said());
    call.show_clash("webhook_form.html", context, both)
}

/// Sends a test of the form as it stands. It is answered with the form and the result below it, or for a script with the result alone.
async fn execute(call: &Call, dialect: &Value, stored: Option<&Value>) -> Result<Reply, Fault> {
    let form = call.form();
    let body = fields::body(&form, stored, None);
    let body = match stored.and_then(|w| w.member("id")) {
        Some(id) => with(body, "id", id.clone()),
        None => with(body, "dialect", words::text(dialect, "name").into()),
    };
    let asked = object([("event", form.get("event").into()), ("webhook", body)]);
    let (caller, project) = (call.caller()?, call.project()?);
    let sent = call.app.test_unsaved(caller, project, &asked).await;
    let unsigned = form.get("secret_mode") == "generate";
    if call.frame().part {
        let (status, context) = match sent {
            Ok(sent) => (
                http::StatusCode::OK,
                minijinja::context! { sent => json(&sent), unsigned, refused => () },
            ),
            Err(fault) => {
                let fault = fields::told(fault);
                let errors: Vec<String> = fault.errors.iter().map(plain::named).collect();
                (
                    crate::problem::status(fault.kind),
                    minijinja::context! {
                        sent => (),
                        unsigned,
                        refused => plain::line(&fault),
                        errors => json(&errors),
                    },
                )
            }
        };
        let part = call.show("webhook_result.html", context)?;
        return Ok(Reply { status, ..part });
    }
    match sent {
        Ok(sent) => {
            let fields = Fields::sent(&form, stored);
            let context = minijinja::context! {
                sent => json(&sent),
                unsigned,
                ..context(call, dialect, &fields, stored).await?
            };
            call.show("webhook_form.html", context)
        }
        Err(fault) => again(call, dialect, stored, fault).await,
    }
}

/// What saving this URL would say, as a part of the form.
async fn check(call: Call) -> Result<Reply, Fault> {
    let form = call.form();
    let (caller, project) = (call.caller()?, call.project()?);
    let Some(url) = form.text("url") else {
        return call.show(
            "webhook_url.html",
            minijinja::context! { verdict => "", detail => "" },
        );
    };
    let context = match call.app.check_url(caller, project, url).await {
        Ok(checked) => json(&checked),
        Err(fault) if !fault.errors.is_empty() => {
            let first = fault.errors.first();
            let detail = first.map(|error| plain::beside(error, Some(url)));
            minijinja::context! { verdict => "refused", detail }
        }
        Err(fault) => return Err(fault),
    };
    call.show("webhook_url.html", context)
}
