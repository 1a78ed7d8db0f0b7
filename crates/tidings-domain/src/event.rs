//! A recorded change.

use std::sync::Arc;

use crate::doc::Doc;
use crate::id::{EventId, ProjectId, WebhookId};
use crate::time::Time;
use crate::value::{Text, Value};

/// What somebody did to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verb {
    /// It came into being (a manual time entry too).
    Created,
    /// Members changed, or an update brought a comment.
    Updated,
    /// It is gone.
    Deleted,
    /// An item went to another project; told in the old one.
    Moved,
    /// A timer was started.
    Started,
    /// A timer was stopped.
    Stopped,
    /// A timer was thrown away.
    Cancelled,
    /// People were told about a comment.
    Notified,
}

impl Verb {
    /// The verb as the standard dialect writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Verb::Created => "created",
            Verb::Updated => "updated",
            Verb::Deleted => "deleted",
            Verb::Moved => "moved",
            Verb::Started => "started",
            Verb::Stopped => "stopped",
            Verb::Cancelled => "cancelled",
            Verb::Notified => "notified",
        }
    }

    /// The verb of that name.
    pub fn parse(text: &str) -> Option<Verb> {
        use Verb::{Cancelled, Created, Deleted, Moved, Notified, Started, Stopped, Updated};
        [
            Created, Updated, Deleted, Moved, Started, Stopped, Cancelled, Notified,
        ]
        .into_iter()
        .find(|v| v.as_str() == text)
    }
}

/// One member's old and new value.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldChange {
    /// The member; custom fields are `fields.NAME`.
    pub member: Text,
    /// Before.
    pub old: Value,
    /// After.
    pub new: Value,
}

impl FieldChange {
    /// Entries of a list that came, in the order of the new list.
    pub fn added(&self) -> Vec<&Value> {
        self.new
            .as_list()
            .iter()
            .filter(|v| !self.old.as_list().contains(v))
            .collect()
    }

    /// Entries of a list that went, in the order of the old list.
    pub fn removed(&self) -> Vec<&Value> {
        self.old
            .as_list()
            .iter()
            .filter(|v| !self.new.as_list().contains(v))
            .collect()
    }
}

/// Where a moved item went.
#[derive(Clone, Debug, PartialEq)]
pub struct MovedTo {
    /// The target project, as it is after the move.
    pub project: Arc<crate::project::Project>,
    /// The item's id there.
    pub id: i64,
    /// The item's number there.
    pub number: i64,
}

/// What was done to one object in one request.
#[derive(Clone, Debug)]
pub struct Change {
    /// What.
    pub verb: Verb,
    /// The object as it is now; deleted and moved ones as they were just before.
    pub object: Arc<Doc>,
    /// The object before an update.
    pub before: Option<Arc<Doc>>,
    /// The members that differ, in the schema's order; without those that only the server sets.
    pub changes: Vec<FieldChange>,
    /// The comment that came with an update.
    pub comment: Option<Arc<Doc>>,
    /// The bulk update this change is part of.
    pub bulk: Option<EventId>,
    /// For [`Verb::Moved`].
    pub moved_to: Option<MovedTo>,
    /// For [`Verb::Notified`]: the people newly told.
    pub notified: Vec<i64>,
}

impl Change {
    /// A change of a kind that needs nothing but the object.
    pub fn plain(verb: Verb, object: Arc<Doc>) -> Self {
        Self {
            verb,
            object,
            before: None,
            changes: Vec::new(),
            comment: None,
            bulk: None,
            moved_to: None,
            notified: Vec::new(),
        }
    }

    /// The change of one member.
    pub fn changed(&self, member: &str) -> Option<&FieldChange> {
        self.changes.iter().find(|c| c.member == member)
    }
}

/// Several objects updated in one request.
#[derive(Clone, Debug)]
pub struct Bulk {
    /// The events of the objects, in the order of the request; each object as it is now.
    pub changes: Vec<(EventId, Change)>,
    /// Objects that the bulk update names in its message (changed ones; with a comment, all).
    pub objects: Vec<Arc<Doc>>,
    /// What `set` asked for, in the schema's order, by member: the new value as stored.
    pub set: Vec<(String, Value)>,
    /// The text of the comment, if there is one.
    pub comment: Option<String>,
}

/// The server switched a webhook off.
#[derive(Clone, Debug, PartialEq)]
pub struct WebhookDisabled {
    /// Which.
    pub id: WebhookId,
    /// Its name.
    pub name: String,
    /// The host of its URL.
    pub host: String,
    /// Why: `failure_limit`, `failing_too_long`, `gone`.
    pub reason: String,
    /// Since when.
    pub since: Time,
}

/// What an event tells.
#[derive(Clone, Debug)]
pub enum What {
    /// One object was changed.
    Change(Change),
    /// A bulk update as a whole; only Backlog has a word for it.
    Bulk(Bulk),
    /// A webhook was disabled by the server; only the standard dialect has a word for it.
    WebhookDisabled(WebhookDisabled),
}

/// A recorded change: who, when, what.
#[derive(Clone, Debug)]
pub struct Event {
    /// Unique and ascending in the server.
    pub id: EventId,
    /// Where.
    pub project: ProjectId,
    /// When it happened, as the reporter says.
    pub at: Time,
    /// Who did it.
    pub actor: Option<i64>,
    /// What happened.
    pub what: What,
}

impl Event {
    /// The change, unless the event is about something else.
    pub fn change(&self) -> Option<&Change> {
        match &self.what {
            What::Change(change) => Some(change),
            What::Bulk(_) | What::WebhookDisabled(_) => None,
        }
    }
}
