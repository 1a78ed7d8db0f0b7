//! Every write of every object: pure rules from a request's body to documents and events.
//!
//! * [`Desk`] is where a write is worked out: the state it works on, who writes and when, where events are told.
//! * [`Overlay`] is that state: what is stored, with the writes made so far laid over it, so later entries of a batch see
//!   earlier ones.
//! * `draft` lays a body over an object by the tables of the schema; `check` judges each value; `rules` holds what only one
//!   collection does. [`change`] finds what differs.
//! * [`objects`] creates, replaces, merges; [`remove`] deletes with everything that hangs on it; [`verbs`], [`bulk`] and
//!   [`relocate`] are the verbs of their own.
//!
//! To carry out a request: make an [`Overlay`] over the stored state, an [`Author`], and for each entry a [`Desk`] on which one
//! of `post`, `put`, `patch`, `delete`, `stop`, `cancel`, `notify`, `bulk`, `relocate` is called. Events are told to the
//! [`Recorder`] at the moment they are true, with the state to render them from (what hung on a deleted object is still there
//! then); afterwards [`Overlay::into_written`] is everything to store, in order. A bulk update tells the events of its objects
//! first and its own, which has the smallest id, last. Faults point into the body (`/status`, below [`Desk::body_at`]) and at
//! `/comment`; actor and time are resolved by [`Author::claimed`]. Rights are the caller's business.
//!
//! Invariants: a refused write leaves nothing behind that anybody sees (the caller discards the overlay); a write that changes
//! nothing makes no event; one call makes one event, but for bulk updates and moves.

pub mod bulk;
pub mod change;
mod check;
mod draft;
mod faults;
mod fields;
mod names;
pub mod objects;
pub mod overlay;
pub mod relocate;
pub mod remove;
mod rules;
pub mod target;
pub mod verbs;
pub mod who;

use std::sync::Arc;

use crate::collection::ObjectRef;
use crate::doc::Doc;
use crate::event::{Change, Event, What};
use crate::id::EventId;
use crate::time::Time;

pub use overlay::{Overlay, Written};
pub use target::Target;
pub use who::Author;

/// Hands out event ids and is told of events, each with the state as it is with the event.
pub trait Recorder {
    /// The next event id.
    fn next_id(&mut self) -> EventId;

    /// An event happened.
    fn tell(&mut self, view: &Overlay<'_>, event: Arc<Event>);
}

/// Where a write is worked out.
pub struct Desk<'d, 'v> {
    /// The state.
    pub view: &'d mut Overlay<'v>,
    /// Who writes, and when.
    pub author: &'d Author,
    /// Stored without telling anybody.
    pub silent: bool,
    /// Where the body lies in the request: empty, or `/data` in a batch.
    pub body_at: &'static str,
    /// Ids and events.
    pub recorder: &'d mut dyn Recorder,
}

impl Desk<'_, '_> {
    fn at(&self) -> Time {
        self.author.at
    }

    /// The id under which the writes of a change become true; an event only if it is not silent.
    fn begin(&mut self) -> EventId {
        self.recorder.next_id()
    }

    /// Tells a change; silent ones are not.
    fn tell(&mut self, id: EventId, what: What) -> Option<EventId> {
        self.view.flush_project(id);
        if self.silent {
            return None;
        }
        let event = Event {
            id,
            project: self.view.project_id(),
            at: self.author.at,
            actor: self.author.actor,
            what,
        };
        self.recorder.tell(self.view, Arc::new(event));
        Some(id)
    }

    fn tell_change(&mut self, id: EventId, change: Change) -> Option<EventId> {
        self.tell(id, What::Change(change))
    }
}

/// What a write did.
#[derive(Clone, Debug, Default)]
pub struct Done {
    /// The event; `None` when nothing changed, or it was silent.
    pub event: Option<EventId>,
    /// The object; `None` for a bulk update.
    pub key: Option<ObjectRef>,
    /// The object as it is now; `None` after a deletion.
    pub doc: Option<Arc<Doc>>,
    /// Whether it was created.
    pub created: bool,
    /// For a bulk update: what happened to each object.
    pub each: Vec<Done>,
}

impl Done {
    fn of(event: Option<EventId>, doc: Arc<Doc>, created: bool) -> Self {
        Self {
            event,
            key: Some(doc.key()),
            doc: Some(doc),
            created,
            each: Vec::new(),
        }
    }

    fn gone(event: Option<EventId>, key: ObjectRef) -> Self {
        Self {
            event,
            key: Some(key),
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests;
