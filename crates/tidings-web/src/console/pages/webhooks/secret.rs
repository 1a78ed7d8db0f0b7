//! A webhook's secret: made, shown once, changed with an overlap.

use tidings_app::Access;
use tidings_app::reader::object;
use tidings_domain::{Fault, Time, Value, time};

use super::{address, name, open, words};
use crate::console::view::json;
use crate::route::{Call, Reply, Row};
use crate::routes::run;

pub(super) fn rows() -> Vec<Row> {
    const ROTATE: &str = "/projects/{key}/webhooks/{id}/rotate";
    vec![
        Row::page(ROTATE, "rotate_secret_page", Access::Manage, run!(page)),
        Row::action(ROTATE, "rotate_secret_form", Access::Manage, run!(rotate)),
    ]
}

/// A new secret, where the form asks for one.
pub(super) fn made(call: &Call) -> Option<String> {
    let wanted = call.form().get("secret_mode") == "generate";
    wanted.then(|| call.app.new_secret())
}

/// The page that shows a new secret. It is an answer and no redirect: the secret is in no cookie and in no address.
pub(super) fn show(call: &Call, webhook: &Value, said: &str, secret: &str) -> Result<Reply, Fault> {
    call.show(
        "webhook_secret.html",
        minijinja::context! { w => json(webhook), said, secret },
    )
}

async fn page(call: Call) -> Result<Reply, Fault> {
    open!(call);
    let (caller, project) = (call.caller()?, call.project()?);
    let webhook = call.app.webhook(caller, project, call.id()?).await?;
    form(&call, &webhook, None).await
}

async fn form(call: &Call, webhook: &Value, fault: Option<Fault>) -> Result<Reply, Fault> {
    let (caller, project) = (call.caller()?, call.project()?);
    let rotation = call.app.rotation(caller, project, call.id()?).await?;
    let sent = call.form();
    let or = |name: &str, default: &str| sent.text(name).unwrap_or(default).to_owned();
    let context = minijinja::context! {
        w => json(webhook),
        rotation => rotation.as_ref().map(json),
        dialect => words::dialect(webhook),
        has_own => words::signs_itself(webhook),
        locked => super::is_locked(call, webhook),
        mode => or("secret_mode", "generate"),
        overlap => or("overlap_seconds", "86400"),
        after => or("after_seconds", "0"),
        faults => (),
    };
    match fault {
        None => call.show("webhook_rotate.html", context),
        Some(fault) => call.show_again("webhook_rotate.html", context, fault),
    }
}

async fn rotate(call: Call) -> Result<Reply, Fault> {
    open!(call);
    let (caller, project, id) = (call.caller()?, call.project()?, call.id()?);
    let webhook = call.app.webhook(caller, project, id).await?;
    let sent = call.form();
    let Value::Map(mut members) =
        object([("overlap_seconds", sent.int_or_null("overlap_seconds"))])
    else {
        return Err(tidings_app::refusal::internal());
    };
    if sent.get("secret_mode") == "own" {
        members.push(("secret".to_owned(), sent.get("secret").into()));
    }
    let after = sent.int_or_null("after_seconds").as_int().unwrap_or(0);
    if after > 0 {
        let now = call.app.clock.wall().as_second();
        let at = now
            .checked_add(after)
            .and_then(|at| Time::from_second(at).ok());
        let at = at.ok_or_else(|| Fault::field("/after_seconds", "range", "is too far ahead"));
        members.push(("effective_at".to_owned(), time::value(at?)));
    }
    let asked = Value::Map(members);
    let rotated = call
        .app
        .rotate_secret(caller, project, id, &asked, None)
        .await;
    match rotated {
        Ok(rotated) => {
            let said = format!("{} has a new secret.", name(&webhook));
            match rotated.member("secret").and_then(Value::as_str) {
                Some(secret) => show(&call, &webhook, &said, secret),
                None => Ok(call.done(&address(&call, &format!("/{id}"))?, said)),
            }
        }
        Err(fault) => form(&call, &webhook, Some(fault)).await,
    }
}
