//! One's own account: name, password, and where one is signed in.

use tidings_app::Access;
use tidings_app::reader::object;
use tidings_domain::Fault;

use crate::console::refuse::see_other;
use crate::console::view::json;
use crate::console::{Flash, visitor};
use crate::route::{Call, Reply, Row};
use crate::routes::run;

pub(super) fn rows() -> Vec<Row> {
    let verb = |path, id, handler| Row::action(path, id, Access::Known, handler);
    vec![
        Row::page("/account", "account_page", Access::Known, run!(show)),
        verb("/account", "rename_oneself", run!(rename)),
        verb("/account/password", "set_password", run!(set_password)),
        verb("/account/sessions/{id}/end", "end_session", run!(end)),
        verb(
            "/account/sign-out-everywhere",
            "sign_out_everywhere",
            run!(sign_out_everywhere),
        ),
    ]
}

async fn context(call: &Call, name: &str) -> Result<minijinja::Value, Fault> {
    let session = call.session()?;
    let sessions = call.app.sessions(session).await?;
    Ok(minijinja::context! {
        login => session.login.as_str(),
        name,
        has_password => session.has_password,
        sessions => json(&sessions),
    })
}

async fn show(call: Call) -> Result<Reply, Fault> {
    let name = &call.session()?.name;
    let context = context(&call, name).await?;
    call.show(
        "account.html",
        minijinja::context! { faults => (), ..context },
    )
}

async fn rename(call: Call) -> Result<Reply, Fault> {
    let form = call.form();
    let body = object([("name", form.text_or_null("name"))]);
    match call.app.rename_oneself(call.session()?, &body).await {
        Ok(()) => Ok(call.done("/account", "Your name was saved.")),
        Err(fault) => {
            let context = context(&call, form.get("name")).await?;
            call.show_again("account.html", context, fault)
        }
    }
}

async fn set_password(call: Call) -> Result<Reply, Fault> {
    let (form, session) = (call.form(), call.session()?);
    let (current, new) = (form.get("current"), form.get("password"));
    let set = if new == form.get("again") {
        call.app.set_password(session, current, new).await
    } else {
        Err(Fault::field(
            "/again",
            "differs",
            "is not the same as above",
        ))
    };
    match set {
        Ok(()) => Ok(call.done(
            "/account",
            "Your password was changed. Everywhere else you are signed out.",
        )),
        Err(fault) => {
            let context = context(&call, &session.name).await?;
            call.show_again("account.html", context, fault)
        }
    }
}

async fn end(call: Call) -> Result<Reply, Fault> {
    let (session, id) = (call.session()?, call.id()?);
    call.app.end_session(session, id).await?;
    Ok(call.done("/account", "That browser is signed out."))
}

async fn sign_out_everywhere(call: Call) -> Result<Reply, Fault> {
    call.app.sign_out_everywhere(call.session()?).await?;
    let reply = see_other(call.frame().part, "/sign-in");
    let flash = Flash::good("You are signed out everywhere.");
    Ok(visitor::end(&call.app, flash.put(reply)))
}
