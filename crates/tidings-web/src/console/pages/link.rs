//! One-time links: the first administrator, invitations, and links that sign in.
//!
//! To look at a link does not use it: programs that fetch links from mails to inspect them must not take them from people. Only a
//! link that does nothing but sign in works by itself where somebody opens it from outside of any page.

use http::HeaderMap;
use tidings_app::Access;
use tidings_app::reader::object;
use tidings_app::sessions::OpenLink;
use tidings_domain::fault::FaultKind;
use tidings_domain::{Fault, Value};
use tidings_storage::accounts::Purpose;

use crate::console::refuse::see_other;
use crate::console::visitor;
use crate::route::{Call, Reply, Row};
use crate::routes::run;

const PATH: &str = "/sign-in/{link}";

pub(super) fn rows() -> Vec<Row> {
    vec![
        Row::page(PATH, "link_page", Access::Anyone, run!(page)),
        Row::action(PATH, "use_link", Access::Anyone, run!(enter)),
    ]
}

const fn word(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::First => "first",
        Purpose::Invite => "invite",
        Purpose::SignIn => "sign_in",
    }
}

async fn page(call: Call) -> Result<Reply, Fault> {
    let link = match call.app.link(call.param("link")).await {
        // Whoever it signed in opens it once more, from a mail or a terminal.
        Err(fault) if fault.kind == FaultKind::NotFound && call.frame().session.is_some() => {
            return Ok(call.done("/", "That link was used, or is too old; you are signed in."));
        }
        link => link?,
    };
    if link.purpose == Purpose::SignIn && was_opened(&call) {
        return use_it(&call, &Value::Map(Vec::new())).await;
    }
    let (name, login) = person(&link);
    let context = context(&link, name, login);
    call.show(
        "sign_in_link.html",
        minijinja::context! { faults => (), ..context },
    )
}

fn person(link: &OpenLink) -> (&str, &str) {
    let account = link.account.as_ref();
    account.map_or(("", ""), |a| (&a.name, &a.login))
}

fn context(link: &OpenLink, name: &str, login: &str) -> minijinja::Value {
    minijinja::context! { purpose => word(link.purpose), name, login }
}

/// Whether a person opened the address itself: a browser says that nothing led there, and that it is to be shown.
fn was_opened(call: &Call) -> bool {
    let says = |headers: &HeaderMap, name: &str, wanted: &str| {
        headers.get(name).is_some_and(|value| value == wanted)
    };
    says(&call.headers, "sec-fetch-site", "none")
        && says(&call.headers, "sec-fetch-mode", "navigate")
        && !call.headers.contains_key("sec-purpose")
}

async fn enter(call: Call) -> Result<Reply, Fault> {
    let link = call.app.link(call.param("link")).await?;
    let form = call.form();
    let mut body = match link.purpose {
        Purpose::SignIn => return use_it(&call, &Value::Map(Vec::new())).await,
        Purpose::Invite => object([("name", form.get("name").trim().into())]),
        Purpose::First => object([
            ("name", form.get("name").trim().into()),
            ("login", form.get("login").trim().into()),
        ]),
    };
    if let Value::Map(members) = &mut body {
        members.push(("password".to_owned(), form.get("password").into()));
    }
    let entered = if form.get("password") == form.get("again") {
        use_it(&call, &body).await
    } else {
        Err(Fault::field(
            "/again",
            "differs",
            "is not the same as above",
        ))
    };
    match entered {
        Err(fault) => {
            let login = match link.purpose {
                Purpose::First => form.get("login"),
                Purpose::Invite | Purpose::SignIn => person(&link).1,
            };
            let context = context(&link, form.get("name"), login);
            call.show_again("sign_in_link.html", context, fault)
        }
        entered => entered,
    }
}

async fn use_it(call: &Call, body: &Value) -> Result<Reply, Fault> {
    let visitor = visitor::visitor(call);
    let used = call.app.use_link(call.param("link"), body, &visitor).await;
    let (secret, _) = used?;
    Ok(visitor::begin(&call.app, &secret, see_other(false, "/")))
}
