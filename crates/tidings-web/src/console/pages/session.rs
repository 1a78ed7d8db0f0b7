//! Signing in and out.

use http::header;
use tidings_app::Access;
use tidings_domain::Fault;
use tidings_domain::fault::FaultKind;

use crate::console::refuse::see_other;
use crate::console::visitor;
use crate::route::{Call, Parameter, Reply, Row};
use crate::routes::run;

const NEXT: [Parameter; 1] = [Parameter {
    name: "next",
    description: "Where to go then: a path of this server.",
}];

pub(super) fn rows() -> Vec<Row> {
    vec![
        Row::page("/sign-in", "sign_in_page", Access::Anyone, run!(page)).knows(&NEXT),
        Row::action("/sign-in", "sign_in", Access::Anyone, run!(sign_in)),
        Row::action("/sign-out", "sign_out", Access::Anyone, run!(sign_out)),
    ]
}

async fn page(call: Call) -> Result<Reply, Fault> {
    let next = call.query.get("next").unwrap_or_default();
    if call.frame.session.is_some() {
        return Ok(see_other(false, own_path(next)));
    }
    let context = minijinja::context! { next, login => "", wrong => "" };
    call.show("sign_in.html", context)
}

async fn sign_in(call: Call) -> Result<Reply, Fault> {
    let form = call.form();
    let visitor = visitor::visitor(&call);
    let (login, next) = (form.get("login"), form.get("next"));
    let entered = call.app.sign_in(login, form.get("password"), &visitor);
    match entered.await {
        Ok((secret, _)) => Ok(visitor::begin(
            &call.app,
            &secret,
            see_other(false, own_path(next)),
        )),
        Err(fault) if matches!(fault.kind, FaultKind::Unauthorized | FaultKind::TooMany) => {
            let context = minijinja::context! { next, login, wrong => fault.detail.as_str() };
            let page = call.show("sign_in.html", context)?;
            let page = Reply {
                status: crate::problem::status(fault.kind),
                ..page
            };
            let again = fault.retry_after.map(|seconds| seconds.to_string());
            Ok(match again {
                Some(seconds) => page.with(header::RETRY_AFTER, &seconds),
                None => page,
            })
        }
        Err(fault) => Err(fault),
    }
}

async fn sign_out(call: Call) -> Result<Reply, Fault> {
    if let Some(session) = &call.frame.session {
        call.app.sign_out(session).await?;
    }
    Ok(visitor::end(&call.app, see_other(false, "/sign-in")))
}

/// A path of this server to go to, and nothing else: `//host` and `/\host` are other hosts to a browser.
fn own_path(wanted: &str) -> &str {
    let plain = wanted.bytes().all(|b| b.is_ascii_graphic() && b != b'\\');
    if plain && wanted.starts_with('/') && !wanted.starts_with("//") {
        wanted
    } else {
        "/"
    }
}

#[cfg(test)]
mod tests {
    use super::own_path;

    #[test]
    fn only_paths_of_this_server_follow_a_sign_in() {
        for (wanted, goes) in [
            ("/projects/APL?x=1", "/projects/APL?x=1"),
            ("", "/"),
            ("//evil.example", "/"),
            ("/\\evil.example", "/"),
            ("https://evil.example", "/"),
            ("/a\r\nset-cookie: x", "/"),
            ("javascript:alert(1)", "/"),
        ] {
            assert_eq!(own_path(wanted), goes, "{wanted}");
        }
    }
}
