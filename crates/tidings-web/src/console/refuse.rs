//! Refusals as pages.

use http::{StatusCode, header};
use tidings_domain::Fault;
use tidings_domain::fault::FaultKind;

use super::{Frame, view};
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
    let context = minijinja::context! {
        title,
        status => status.as_u16(),
        detail => fault.detail.as_str(),
        errors => view::json(&fault.errors),
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
        Err(_) => Reply::text(status, "text/plain; charset=utf-8", fault.detail.clone()),
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

/// To another page. A part of a page that htmx asked for cannot be a whole one: the browser is told to go there.
pub(crate) fn see_other(part: bool, to: &str) -> Reply {
    if part {
        let name = http::HeaderName::from_static("hx-redirect");
        return Reply::empty(StatusCode::OK).with(name, to);
    }
    Reply::empty(StatusCode::SEE_OTHER).with(header::LOCATION, to)
}
