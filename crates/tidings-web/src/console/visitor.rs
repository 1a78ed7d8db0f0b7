//! The session's cookie, and what the server knows of whoever signs in.

use http::{HeaderMap, header};
use tidings_app::{App, Session, Visitor};
use tidings_domain::Fault;
use tidings_domain::fault::FaultKind;

use super::flash::cookie;
use crate::route::{Call, Reply};

const NAME: &str = "tidings";
/// With this prefix a browser takes the cookie only over TLS and never from a neighbouring host.
const SECURE_NAME: &str = "__Host-tidings";
/// As long as a session can last; the server ends it sooner where it is idle.
const MAX_AGE_SECONDS: i64 = tidings_app::sessions::ABSOLUTE_MS / 1000;

/// The session of a request; none where there is no cookie, or its session has ended.
pub(crate) async fn session(app: &App, headers: &HeaderMap) -> Result<Option<Session>, Fault> {
    let Some(secret) = cookie(headers, cookie_name(app)) else {
        return Ok(None);
    };
    match app.session(secret).await {
        Ok(session) => Ok(Some(session)),
        Err(fault) if fault.kind == FaultKind::Unauthorized => Ok(None),
        Err(fault) => Err(fault),
    }
}

/// Who asks to be let in.
pub(crate) fn visitor(call: &Call) -> Visitor {
    let (app, headers) = (&call.app, &call.headers);
    let agent = headers.get(header::USER_AGENT);
    let agent = agent.map_or_else(String::new, |value| {
        String::from_utf8_lossy(value.as_bytes()).into_owned()
    });
    Visitor {
        address: call.frame().address,
        agent,
        session: cookie(headers, cookie_name(app)).map(str::to_owned),
    }
}

fn cookie_name(app: &App) -> &'static str {
    if is_secure(app) { SECURE_NAME } else { NAME }
}

fn is_secure(app: &App) -> bool {
    app.server_url.starts_with("https://")
}

/// With the cookie of a session that begins.
pub(crate) fn begin(app: &App, secret: &str, reply: Reply) -> Reply {
    set(app, secret, MAX_AGE_SECONDS, reply)
}

/// With the cookie of a session that has ended.
pub(crate) fn end(app: &App, reply: Reply) -> Reply {
    set(app, "", 0, reply)
}

fn set(app: &App, secret: &str, age: i64, reply: Reply) -> Reply {
    let secure = if is_secure(app) { "; Secure" } else { "" };
    let name = cookie_name(app);
    let cookie = format!("{name}={secret}; Path=/; HttpOnly; SameSite=Lax; Max-Age={age}{secure}");
    reply.with(header::SET_COOKIE, &cookie)
}
