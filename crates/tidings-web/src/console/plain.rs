//! What a refusal says on a page. The use cases speak to programs as well as to people; here what only a program could do something
//! with is put in words for whoever has a form before them.

use tidings_domain::Fault;
use tidings_domain::fault::{FaultKind, FieldFault};

/// The code of a fault that a page has put in its own words already.
pub(crate) const TOLD: &str = "told";
const EMPTY: &str = "Fill this in.";
const ROTATES: &str = "The last change of the secret is not over yet: wait until both no longer count, or write a new secret in the webhook's form, which ends it.";

/// What is wrong with a field, to stand below it; `sent` is what was in it, where that is known.
pub(crate) fn beside(error: &FieldFault, sent: Option<&str>) -> String {
    let empty = sent.is_some_and(|text| text.trim().is_empty());
    let detail = match (error.code, error.field.trim_start_matches('/')) {
        (TOLD, _) => &error.detail,
        ("required", "states") => "Tick at least one.",
        ("required", "minutes") => "Write how many minutes, or from when to when.",
        ("wrong_type" | "required" | "length", _) if empty => EMPTY,
        ("required", _) => EMPTY,
        ("time", _) => "Write a date and a time, like 2026-03-02 11:40.",
        ("date", _) => "Write a date, like 2026-03-02.",
        ("object", _) => "Write which item, like tasks/42.",
        ("unknown_code", _) => "Choose an event of the list.",
        ("url_empty", _) => "Write an address, like https://example.com/hook.",
        ("running", _) => {
            "A timer of this person runs on this item already: stop it or throw it away first."
        }
        (
            "unknown_word",
            "role" | "mode" | "purpose" | "webhooks" | "kind" | "status" | "dialect" | "ordering"
            | "secret_mode",
        )
        | ("wrong_type", "sprint" | "member" | "assignees" | "role" | "kind" | "webhooks") => {
            "Choose one of the list."
        }
        ("rotation_running", _) => ROTATES,
        (_, "sequence") => "This page cannot be saved: load it again.",
        ("not_found", _) => "This is not here any more: load the page again, and choose another.",
        ("pem", _) => {
            return format!("This is no certificate in PEM: {}.", error.detail);
        }
        // "must be a whole number, not a string": what it was they see themselves.
        ("wrong_type", _) => error.detail.split(", not ").next().unwrap_or_default(),
        _ => &error.detail,
    };
    detail.to_owned()
}

/// A refusal in one line, for pages that have no field for it.
pub(crate) fn line(fault: &Fault) -> String {
    match fault.errors.first() {
        Some(error) => named(error),
        None => whole(fault).to_owned(),
    }
}

/// What is wrong with a field, with its name before it.
pub(crate) fn named(error: &FieldFault) -> String {
    let place = error.field.trim_start_matches('/');
    let said = beside(error, None);
    if place.is_empty() || place == "sequence" || matches!(error.code, "conflict" | "running") {
        return said;
    }
    let name = match place {
        "url" => "URL".to_owned(),
        _ => super::view::sentence_case(&place.replace(['_', '-'], " ").replace('/', ", ")),
    };
    format!("{name}: {said}")
}

/// A refusal that lies in no field.
fn whole(fault: &Fault) -> &str {
    match (fault.code, fault.kind) {
        ("webhooks_off", _) => {
            "webhooks are switched off in this project; a product owner or scrum master can switch them on in its settings"
        }
        ("too_many_requests", _) => {
            "you have too many pages under way at once; wait a moment, then try again"
        }
        ("too_large", _) | (_, FaultKind::TooLarge) => {
            "that is more than a form may carry; shorten it"
        }
        (_, FaultKind::Malformed | FaultKind::WrongMediaType) => {
            "what your browser sent could not be read; go back, load the page again, and try once more"
        }
        (_, FaultKind::Internal) => {
            "something went wrong here, and it is not your fault; the server's log says what. Try again, or tell whoever runs it"
        }
        _ => &fault.detail,
    }
}

/// What is not there, or not for whoever asks: `path` says what it would be.
pub(crate) fn absent(path: &str) -> String {
    let parts: Vec<&str> = path
        .split('?')
        .next()
        .unwrap_or_default()
        .split('/')
        .collect();
    let noun = match parts.as_slice() {
        ["", "projects", _] => "project",
        ["", "projects", _, place, what, ..] if !what.is_empty() => match *place {
            "webhooks" => "webhook",
            "deliveries" => "delivery",
            "events" => "update",
            "items" => "item",
            "comments" => "comment",
            "times" | "timers" => "time entry",
            "members" => "member",
            "tokens" => "token",
            _ => "page",
        },
        ["", "admin", "accounts", ..] => "account",
        ["", "admin", "tokens", ..] => "token",
        ["", "catalogue", ..] => "entry of the catalogue",
        ["", "sign-in", ..] => return LINK.to_owned(),
        _ => "page",
    };
    match noun {
        "page" => "There is no such page, or it is in a project that you are not a member of.".to_owned(),
        "webhook" => "There is no such webhook here any more: perhaps somebody deleted it meanwhile. What it was sent stays in the sent log.".to_owned(),
        "project" => "There is no such project, or you are not a member of it.".to_owned(),
        noun => format!("There is no such {noun} here any more: perhaps somebody deleted it meanwhile."),
    }
}

const LINK: &str = "This link does not work any more: it was used, or it is too old. Ask an administrator for a new one.";
