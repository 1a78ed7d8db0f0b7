//! The console: pages for people, over the same use cases as the API.
//!
//! Pages and actions are rows of [`table`], and pass the same door as the API's: what differs is how a caller is known (a session's
//! cookie, `visitor`), that a form is read instead of JSON ([`Form`]), that what changes something must come from a page of our own
//! (`guard`), and that a refusal is a page (`refuse`). Handlers ask a use case and hand its JSON to a template (`view`); they
//! decide nothing.
//!
//! Every form works without scripts: an action answers with a redirect and a `Flash`, or with the page again, the fields as they
//! were sent and the faults beside them. Scripts only spare reloads.
//!
//! Invariants: templates escape everything that is not marked safe, and nothing that a user or a receiver wrote is ever marked; no page
//! needs another host, an inline script or an inline style.

use std::sync::LazyLock;

use crate::route::Row;

mod agent;
mod assets;
mod chart;
mod clash;
mod embedded;
mod flash;
mod form;
mod frame;
pub(crate) mod guard;
pub(crate) mod kept;
mod notes;
pub(crate) mod once;
mod pages;
pub(crate) mod plain;
mod prose;
mod refuse;
mod view;
pub(crate) mod visitor;

pub(crate) use flash::Flash;
pub use form::Form;
pub use frame::Frame;
pub(crate) use refuse::{refuse, session_ended, sign_in_first};

/// The Content-Security-Policy of pages: everything from here, nothing inline, in nobody's frame.
pub(crate) const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
     form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Every page and action.
pub fn table() -> &'static [Row] {
    static TABLE: LazyLock<Vec<Row>> = LazyLock::new(|| {
        [assets::rows(), pages::rows()]
            .into_iter()
            .flatten()
            .collect()
    });
    &TABLE
}
