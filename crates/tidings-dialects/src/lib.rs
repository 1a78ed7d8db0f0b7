//! Events in, messages out: how each vendor says what happened, and how it signs.
//!
//! A dialect is a table of phrases plus its payloads. A [`Phrase`] says: the code, which collections it speaks of, what causes
//! it, and how to say it. An event becomes none, one or several messages: every phrase of the table is asked in order, and
//! silence is the default. Nothing here knows a store, a socket or a clock.
//!
//! To add a dialect: a folder with `mod.rs` (the table), `payload.rs` (structs of its own; never serialise a domain type),
//! and a row in [`registry`]. To add a code: one row in the dialect's table, with the event of the [`sample`] project that
//! it speaks of; then `TIDINGS_BLESS=1 cargo test -p tidings-dialects` writes the golden file of the request, to be read and
//! committed. The conformance suite holds every row to its promises.

pub mod backlog;
pub mod derived;
pub mod gitscrum;
pub mod icescrum;
pub mod json;
pub mod registry;
pub mod sample;
pub mod signature;
pub mod sprintly;
pub mod squish;
pub mod standard;

use std::fmt::Write as _;
use std::sync::Arc;

use tidings_domain::event::Change;
use tidings_domain::{Collection, Doc, Event, ObjectRef, Value, View};

pub use registry::{all, find};

/// Everything a phrase may read.
#[derive(Clone, Copy)]
pub struct Scope<'a> {
    /// What happened.
    pub event: &'a Event,
    /// The project as it is with the event: the object already changed, or already gone. What hung on an object that is gone is
    /// still there, so that a deletion is told with the last counts.
    pub view: &'a dyn View,
    /// The public URL of the server, without a slash at the end: the base of links where the project has none.
    pub server_url: &'a str,
    /// The webhook's options for this dialect, validated; null when there are none.
    pub options: &'a Value,
}

impl<'a> Scope<'a> {
    /// The change, if the event is one.
    pub fn change(&self) -> Option<&'a Change> {
        self.event.change()
    }

    /// Where people open the tracker, without a slash at the end.
    pub fn base_url(&self) -> &'a str {
        self.view
            .project()
            .base_url
            .as_deref()
            .unwrap_or(self.server_url)
            .trim_end_matches('/')
    }
}

/// What the message is about, for `x-tidings-object`, `x-tidings-sequence` and the order of deliveries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum About {
    /// One object and its version.
    Object(ObjectRef, i64),
    /// Several items (Backlog's bulk update): no sequence; takes its place in the queue of each.
    Items(Vec<ObjectRef>),
    /// A webhook (`webhook.disabled`): ordered with nothing.
    Webhook(i64),
}

/// An event rendered under one code: the exact bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The code.
    pub code: &'static str,
    /// The body, byte for byte as it is signed, stored and sent.
    pub body: Vec<u8>,
    /// What it is about.
    pub about: About,
    /// Not for webhooks that also want this code: iceScrum says `story.state` *instead of* `story.update` to those that selected both.
    pub unless: Option<&'static str>,
}

/// How an API user causes a code.
#[derive(Clone, Copy, Debug)]
pub struct Cause {
    /// `POST`, `PATCH`, `DELETE`.
    pub method: &'static str,
    /// Path below `/api/v1/projects/{key}/`, with example ids.
    pub path: &'static str,
    /// JSON body; empty for none.
    pub body: &'static str,
}

/// A row of a dialect's table: one code.
pub struct Phrase {
    /// The code as the API, the log and `x-tidings-event` write it.
    pub code: &'static str,
    /// For people: "Task moved between board columns".
    pub name: &'static str,
    /// The vendor's group: "Task Events".
    pub category: &'static str,
    /// What the event is about, in the singular: "task".
    pub object: &'static str,
    /// The call that causes it.
    pub cause: Cause,
    /// The collections whose changes it may speak of; no phrase is asked about others. Empty: asked about bulk updates and
    /// disabled webhooks only.
    pub speaks_of: &'static [Collection],
    /// The event of the sample project that this code speaks of: `|stage| stage.updated(Collection::Tasks, [("column", "Done".into())])`.
    pub sample: fn(sample::Stage) -> sample::Sample,
    /// Says it: pushes none, one or several messages with this row's code. Called only when some webhook wants the code.
    pub say: fn(&Scope<'_>, &Phrase, &mut Vec<Message>),
}

impl Phrase {
    /// A message under this code about the change's own object.
    pub fn message(&self, change: &Change, body: Vec<u8>) -> Message {
        Message {
            code: self.code,
            body,
            about: About::Object(change.object.key(), change.object.sequence()),
            unless: None,
        }
    }
}

impl About {
    /// The value of `x-tidings-object`.
    pub fn object(&self) -> String {
        match self {
            About::Object(key, _) => {
                let mut text = String::with_capacity(32);
                // Writing to a string cannot fail.
                let _ = write!(text, "{key}");
                text
            }
            About::Items(_) => "items".to_owned(),
            About::Webhook(id) => format!("webhooks/{id}"),
        }
    }

    /// The value of `x-tidings-sequence`, if it has one.
    pub fn sequence(&self) -> Option<i64> {
        match self {
            About::Object(_, sequence) => Some(*sequence),
            About::Items(_) | About::Webhook(_) => None,
        }
    }
}

/// One vendor's way to say events.
pub trait Dialect: Send + Sync {
    /// The name in the API: `icescrum`, `gitscrum`, `sprintly`, `backlog`, `squish`, `standard`.
    fn name(&self) -> &'static str;

    /// The product: "iceScrum".
    fn title(&self) -> &'static str;

    /// For whom it is and what it sends, in two or three sentences: shown where a dialect is chosen.
    fn description(&self) -> &'static str;

    /// What a plain-http URL would expose, to complete "Anyone on the way can read ...": `e-mail addresses and commit messages`.
    fn exposes(&self) -> &'static str;

    /// The table, in the order in which the messages of one event go out.
    fn phrases(&self) -> &'static [Phrase];

    /// An object as this vendor's REST API would show it; `None` for objects the vendor has no shape for.
    fn object(&self, scope: &ObjectScope<'_>, doc: &Arc<Doc>) -> Option<Vec<u8>>;

    /// Says the vendor's own headers for a message of `code`, `Content-Type` included; names in the vendor's case.
    fn head(&self, code: &str, say: &mut dyn FnMut(&'static str, &str));

    /// The same as a list.
    fn headers(&self, code: &str) -> Vec<(&'static str, String)> {
        let mut all = Vec::new();
        self.head(code, &mut |name, value| all.push((name, value.to_owned())));
        all
    }

    /// The vendor's signature header for these bytes, if it has one. Called only with a secret that is not empty.
    fn signature(&self, _secret: &str, _body: &[u8]) -> Option<(&'static str, String)> {
        None
    }

    /// How that signature is made, for people: `the lower-case hex HMAC-SHA1 of the body`; there whenever the signature is.
    fn signature_words(&self) -> Option<&'static str> {
        None
    }

    /// The codes of the selection `"stories"`; empty where the dialect has no such selection.
    fn story_codes(&self) -> &'static [&'static str] {
        &[]
    }

    /// Whether the vendor disables after failures in a row (iceScrum: the server setting `delivery.failure_limit`).
    fn has_failure_limit(&self) -> bool {
        false
    }

    /// The options a webhook may set, with what each does; empty for none.
    fn options(&self) -> &'static [DialectOption] {
        &[]
    }
}

/// A choice a webhook can make where the vendor's sources show a real fork.
#[derive(Clone, Copy, Debug)]
pub struct DialectOption {
    /// Member of `options`.
    pub name: &'static str,
    /// The values it takes; the first is the default.
    pub values: &'static [&'static str],
    /// What it does.
    pub description: &'static str,
}

/// What [`Dialect::object`] may read.
#[derive(Clone, Copy)]
pub struct ObjectScope<'a> {
    /// The project now.
    pub view: &'a dyn View,
    /// Public URL of the server, without a slash at the end.
    pub server_url: &'a str,
    /// The time to which relative dates relate.
    pub at: tidings_domain::Time,
    /// Who asks (GitScrum's `is_mine`, `is_favorite`).
    pub actor: Option<i64>,
}

/// Renders an event: every message that `wanted` asks for, in the order of the dialect's table.
///
/// `wanted` is asked once per phrase that could speak of the event's object.
pub fn render(
    dialect: &dyn Dialect,
    scope: &Scope<'_>,
    wanted: &mut dyn FnMut(&'static str) -> bool,
) -> Vec<Message> {
    let mut messages = Vec::new();
    let collection = scope.change().map(|c| c.object.collection());
    for phrase in dialect.phrases() {
        let concerns = match collection {
            Some(collection) => phrase.speaks_of.contains(&collection),
            None => phrase.speaks_of.is_empty(),
        };
        if concerns && wanted(phrase.code) {
            (phrase.say)(scope, phrase, &mut messages);
        }
    }
    messages
}
