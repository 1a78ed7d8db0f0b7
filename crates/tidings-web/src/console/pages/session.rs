//! Signing in and out.

use http::header;
use tidings_app::{Access, Session};
use tidings_domain::Fault;
use tidings_domain::fault::FaultKind;

use crate::console::kept::Kept;
use crate::console::refuse::{self, see_other};
use crate::console::{Frame, view, visitor};
use crate::route::{Call, Parameter, Reply, Row};
use crate::routes::run;

const NEXT: [Parameter; 1] = [Parameter {
    name: "next",
    description: "Where to go then: a path of this server.",
}];

const TO: [Parameter; 1] = [Parameter {
    name: "to",
    description: "Where the form was sent to.",
}];
const AGAIN: &str = "/sign-in/again";

pub(super) fn rows() -> Vec<Row> {
    vec![
        Row::page("/sign-in", "sign_in_page", Access::Anyone, run!(page)).knows(&NEXT),
        Row::action("/sign-in", "sign_in", Access::Anyone, run!(sign_in)),
        Row::page(AGAIN, "sign_in_again_page", Access::Anyone, run!(page)).knows(&NEXT),
        Row::action(AGAIN, "sign_in_again", Access::Anyone, run!(again))
            .knows(&NEXT)
            .knows(&TO),
        Row::action("/sign-out", "sign_out", Access::Anyone, run!(sign_out)),
    ]
}

async fn page(call: Call) -> Result<Reply, Fault> {
    let next = call.query.get("next").unwrap_or_default();
    if call.frame().session.is_some() {
        return Ok(see_other(false, own_path(next)));
    }
    let blank = form(&call, next, None).await?;
    call.show("sign_in.html", blank)
}

/// The form before anything was typed; with what somebody wrote before, if they did.
async fn form(
    call: &Call,
    next: &str,
    kept: Option<(&str, &str)>,
) -> Result<minijinja::Value, Fault> {
    let (kept, to) = kept.unwrap_or_default();
    let unclaimed = call.app.is_unclaimed().await?;
    Ok(minijinja::context! { next, login => "", wrong => "", unclaimed, kept, to })
}

/// A form came after its session had ended: what was written in it goes along.
async fn again(call: Call) -> Result<Reply, Fault> {
    let asked = |name| call.query.get(name).unwrap_or_default();
    let (next, to) = (asked("next"), own_path(asked("to")));
    let Some(kept) = Kept::of(&call.form(), to) else {
        return Ok(refuse::ended(see_other(false, &refuse::sign_in_to(next))));
    };
    if call.frame().session.is_some() {
        return call.show("sign_in_kept.html", kept.context(own_path(next)));
    }
    let blank = form(&call, next, Some((&kept.written(), to))).await?;
    let page = call.show("sign_in.html", blank)?;
    Ok(Reply {
        status: http::StatusCode::UNAUTHORIZED,
        ..page
    })
}

async fn sign_in(call: Call) -> Result<Reply, Fault> {
    let sent = call.form();
    let visitor = visitor::visitor(&call);
    let (login, next) = (sent.get("login"), sent.get("next"));
    let (written, to) = (sent.get("kept"), own_path(sent.get("to")));
    let entered = call.app.sign_in(login, sent.get("password"), &visitor);
    match entered.await {
        Ok((secret, session)) => {
            let reply = match Kept::read(written, to) {
                Some(kept) => offer(&call, session, &kept, own_path(next))?,
                None => see_other(false, own_path(next)),
            };
            Ok(visitor::begin(&call.app, &secret, reply))
        }
        Err(fault) if matches!(fault.kind, FaultKind::Unauthorized | FaultKind::TooMany) => {
            let blank = form(&call, next, Some((written, to))).await?;
            let context = minijinja::context! { login, wrong => fault.detail.as_str(), ..blank };
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

/// What was written, for whoever is signed in by now.
fn offer(call: &Call, session: Session, kept: &Kept, back: &str) -> Result<Reply, Fault> {
    let frame = Frame {
        session: Some(session),
        now: call.frame().now.clone(),
        form_key: call.frame().form_key.clone(),
        ..Frame::default()
    };
    view::page(&frame, "sign_in_kept.html", kept.context(back))
}

async fn sign_out(call: Call) -> Result<Reply, Fault> {
    if let Some(session) = &call.frame().session {
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
