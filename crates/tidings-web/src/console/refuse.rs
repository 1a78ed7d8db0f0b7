//! Refusals as pages.

use http::{HeaderMap, StatusCode, header};
use tidings_domain::Fault;
use tidings_domain::fault::FaultKind;

use super::{Flash, Frame, kept, plain, view};
use crate::problem;
use crate::route::{HTML, Reply};

/// A refusal as a page: what is wrong, and what to do.
pub(crate) fn refuse(frame: &Frame, fault: &Fault) -> Reply {
    with_status(frame, problem::status(fault.kind), fault)
}

/// A refusal under a status that no class of refusals has.
pub(crate) fn with_status(frame: &Frame, status: StatusCode, fault: &Fault) -> Reply {
    let title = match fault.kind {
        FaultKind::NotFound => "Not found",
        FaultKind::Forbidden => "Not allowed",
        FaultKind::Invalid | FaultKind::Malformed => "That does not fit",
        FaultKind::Conflict => "Something changed in between",
        FaultKind::TooMany | FaultKind::Unavailable => "Not right now",
        FaultKind::TooLarge => "That is too much at once",
        _ => status.canonical_reason().unwrap_or("Error"),
    };
    let detail = if fault.kind == FaultKind::NotFound && !frame.path.is_empty() {
        plain::absent(&frame.path)
    } else {
        plain::line(fault)
    };
    let errors: Vec<String> = fault.errors.iter().map(plain::named).collect();
    let context = minijinja::context! {
        title,
        status => status.as_u16(),
        detail => detail.as_str(),
        errors => view::json(&errors),
    };
    // Where a project's webhooks are switched off, each page of theirs says so, and how they are switched on.
    let off = fault.code == "webhooks_off" && frame.project.is_some();
    let template = if off {
        "webhooks_off.html"
    } else {
        "refusal.html"
    };
    let page = view::render(frame, template, context);
    let mut reply = match page {
        Ok(page) => Reply::text(status, HTML, page),
        Err(_) => Reply::text(status, "text/plain; charset=utf-8", detail),
    };
    if let Some(seconds) = fault.retry_after {
        reply = reply.with(header::RETRY_AFTER, &seconds.to_string());
    }
    reply
}

/// Nobody is signed in: to the form, and from there to where they wanted to go, if that was a page.
pub(crate) fn sign_in_first(frame: &Frame, is_page: bool) -> Reply {
    let to = if is_page && frame.path != "/" {
        format!("/sign-in?next={}", view::percent(&frame.path))
    } else {
        "/sign-in".to_owned()
    };
    see_other(frame.part, &to)
}

/// A form came after its session had ended: nothing was done. The browser takes it to the sign-in, and from there back to the page
/// that the form was on.
pub(crate) fn session_ended(frame: &Frame, headers: &HeaderMap, has_page: bool) -> Reply {
    let own = has_page.then_some(frame.path.as_str());
    let page = came_from(headers).or(own).unwrap_or_default();
    let length = headers.get(header::CONTENT_LENGTH);
    let length = length.and_then(|value| value.to_str().ok()?.parse().ok());
    if frame.part || length.unwrap_or(0) > kept::MOST_SENT {
        return ended(see_other(frame.part, &sign_in_to(page)));
    }
    // The browser sends what was written once more, there.
    let to = format!(
        "/sign-in/again?to={}&next={}",
        view::percent(&frame.path),
        view::percent(page)
    );
    ended(Reply::empty(StatusCode::TEMPORARY_REDIRECT).with(header::LOCATION, &to))
}

/// The sign-in that leads there.
pub(crate) fn sign_in_to(page: &str) -> String {
    if page.is_empty() {
        return "/sign-in".to_owned();
    }
    format!("/sign-in?next={}", view::percent(page))
}

/// With the line that says that a session had ended.
pub(crate) fn ended(reply: Reply) -> Reply {
    let said =
        "Your session had ended, so nothing was saved. Sign in, and you are back where you were";
    Flash::bad(said).put(reply)
}

/// The page of ours that a request comes from: path and query.
fn came_from(headers: &HeaderMap) -> Option<&str> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let address = text(header::REFERER)?;
    let rest = address
        .strip_prefix("https://")
        .or_else(|| address.strip_prefix("http://"))?;
    let (host, _) = rest.split_once('/')?;
    let path = rest.get(host.len()..)?;
    let path = path.split('#').next()?;
    let ours = text(header::HOST).is_some_and(|own| own.eq_ignore_ascii_case(host));
    (ours && !path.starts_with("/sign-in")).then_some(path)
}

/// To another page. A part of a page that htmx asked for cannot be a whole one: the browser is told to go there.
pub(crate) fn see_other(part: bool, to: &str) -> Reply {
    if part {
        let name = http::HeaderName::from_static("hx-redirect");
        return Reply::empty(StatusCode::OK).with(name, to);
    }
    Reply::empty(StatusCode::SEE_OTHER).with(header::LOCATION, to)
}
