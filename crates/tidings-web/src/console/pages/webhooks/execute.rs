//! Backlog's "Execute": choose an event, see what would be sent, send it, see the request and the answer at once.

use tidings_app::Access;
use tidings_app::reader::object;
use tidings_domain::fault::FaultKind;
use tidings_domain::{Fault, Value};

use super::{address, is_locked, open, words};
use crate::console::view::{json, percent};
use crate::console::{Flash, refuse};
use crate::route::{Call, Parameter, Reply, Row};
use crate::routes::run;

const KNOWS: [Parameter; 3] = [
    Parameter {
        name: "event",
        description: "The event code.",
    },
    Parameter {
        name: "object",
        description: "The real object that was chosen.",
    },
    Parameter {
        name: "delivery",
        description: "A test that was sent, to be shown.",
    },
];

pub(super) fn rows() -> Vec<Row> {
    const EXECUTE: &str = "/projects/{key}/webhooks/{id}/execute";
    vec![
        Row::page(EXECUTE, "execute_page", Access::Manage, run!(page)).knows(&KNOWS),
        Row::action(EXECUTE, "execute", Access::Manage, run!(execute)),
        Row::action(
            "/projects/{key}/webhooks/{id}/test",
            "test_webhook_form",
            Access::Manage,
            run!(test),
        ),
    ]
}

/// The first code that a webhook has selected.
fn first_code(webhook: &Value) -> String {
    let chosen = webhook.member("events").and_then(|e| e.as_list().first());
    let known = tidings_app::catalogue::events(words::text(webhook, "dialect"));
    let known = known.unwrap_or_default();
    let first = || Some(words::text(known.first()?, "code").to_owned());
    chosen
        .and_then(|code| code.as_str().map(str::to_owned))
        .or_else(first)
        .unwrap_or_default()
}

async fn page(call: Call) -> Result<Reply, Fault> {
    open!(call);
    let sent = match call.query.get("delivery") {
        Some(id) => {
            let (caller, project) = (call.caller()?, call.project()?);
            match call.app.delivery(caller, project, id).await {
                // Retention may have taken it.
                Err(fault) if fault.kind == FaultKind::NotFound => None,
                found => Some(found?),
            }
        }
        None => None,
    };
    let code = call.query.get("event").map(str::to_owned);
    show(&call, code, sent, None).await
}

async fn show(
    call: &Call,
    code: Option<String>,
    sent: Option<Value>,
    fault: Option<Fault>,
) -> Result<Reply, Fault> {
    let (caller, project, id) = (call.caller()?, call.project()?, call.id()?);
    let webhook = call.app.webhook(caller, project, id).await?;
    let known = tidings_app::catalogue::events(words::text(&webhook, "dialect"));
    let known = known.unwrap_or_default();
    let is_known = |code: &String| known.iter().any(|e| words::text(e, "code") == code);
    let code = code
        .filter(is_known)
        .unwrap_or_else(|| first_code(&webhook));
    let sample = call.app.webhook_sample(caller, project, id, &code).await?;
    let context = minijinja::context! {
        w => json(&webhook),
        dialect => words::dialect(&webhook),
        groups => words::by_category(words::text(&webhook, "dialect")),
        locked => is_locked(call, &webhook),
        sample => json(&sample),
        sent => sent.map(|sent| json(&sent)),
        object => call.query.get("object").map_or_else(|| call.form().get("object").to_owned(), str::to_owned),
        unsigned => false,
        faults => (),
    };
    match fault {
        None => call.show("webhook_execute.html", context),
        Some(fault) => {
            call.show_undone("Nothing was sent.", "webhook_execute.html", context, fault)
        }
    }
}

async fn execute(call: Call) -> Result<Reply, Fault> {
    open!(call);
    let form = call.form();
    let (caller, project, id) = (call.caller()?, call.project()?, call.id()?);
    let code = form.get("event").to_owned();
    let asked = object([
        ("event", code.as_str().into()),
        ("object", form.text_or_null("object")),
    ]);
    match call.app.test_webhook(caller, project, id, &asked).await {
        Ok(sent) => shown(&call, &code, &sent),
        Err(fault) if !fault.errors.is_empty() => {
            let fault = super::fields::told(fault);
            show(&call, Some(code), None, Some(fault)).await
        }
        Err(fault) => Err(fault),
    }
}

/// Sends the sample of the webhook's first code.
async fn test(call: Call) -> Result<Reply, Fault> {
    open!(call);
    let (caller, project, id) = (call.caller()?, call.project()?, call.id()?);
    let webhook = call.app.webhook(caller, project, id).await?;
    let code = first_code(&webhook);
    let asked = object([("event", code.as_str().into())]);
    let sent = call.app.test_webhook(caller, project, id, &asked).await?;
    shown(&call, &code, &sent)
}

/// To the page that shows a test that was sent.
fn shown(call: &Call, code: &str, sent: &Value) -> Result<Reply, Fault> {
    let accepted = words::text(sent, "state") == "delivered";
    let to = format!(
        "/{}/execute?event={}&delivery={}",
        call.id()?,
        percent(code),
        percent(words::text(sent, "id"))
    );
    let to = refuse::see_other(call.frame().part, &address(call, &to)?);
    let flash = if accepted {
        Flash::good("The receiver accepted the test.")
    } else {
        Flash::bad("The receiver did not accept the test.")
    };
    Ok(flash.put(to))
}
