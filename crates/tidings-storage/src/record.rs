//! Recording: what a planner sees, what it decides, and what became of it.

use std::sync::Arc;

use bytes::Bytes;
use tidings_domain::webhook::Webhook;
use tidings_domain::{Doc, Event, EventId, Fault, ObjectRef, Project, ProjectId, View, WebhookId};

use crate::{Memo, Message, Queued, audit};

/// A consistent state of one project, with its webhooks.
pub trait Snapshot: View {
    /// Every webhook of the project that is not deleted, by id, also those that are off.
    fn webhooks(&self) -> Arc<Vec<Arc<Webhook>>>;

    /// The answer kept for a key, if that key was used before: see [`Plan::memos`].
    fn memo(&self, scope: &str, key: &str) -> Option<String>;
}

/// Hands out event ids: ascending, reserved for this run of the planner; those of a discarded run are never used.
pub trait EventIds {
    /// The next event id.
    fn next(&mut self) -> EventId;
}

/// A planner: pure, may be run more than once. The snapshots are those of the projects named to
/// [`Store::record`](crate::Store::record), in that order.
pub type Planner<'a> =
    Box<dyn FnMut(&[&dyn Snapshot], &mut dyn EventIds) -> Result<Plan, Fault> + Send + 'a>;

/// One write of a plan. `version` is the event (or, for silent changes, the reserved event id) with which it becomes true: a
/// state can later be read as it was with any event that retention kept.
#[derive(Clone, Debug)]
pub struct Write {
    /// Where.
    pub project: ProjectId,
    /// With which event.
    pub version: EventId,
    /// What.
    pub what: WriteWhat,
}

/// What a write does.
#[derive(Clone, Debug)]
pub enum WriteWhat {
    /// Creates or replaces an object.
    Put(Arc<Doc>),
    /// Removes an object; its last sequence is remembered. A member stays readable through [`View::person`].
    Delete(ObjectRef),
    /// Replaces the project.
    Project(Arc<Project>),
}

/// A message to store, with the webhooks it goes to.
#[derive(Clone, Debug)]
pub struct NewMessage {
    /// Whose webhooks.
    pub project: ProjectId,
    /// The event it tells: one of the plan's, or, in a sweep, a recorded one.
    pub event: EventId,
    /// Dialect.
    pub dialect: &'static str,
    /// Code.
    pub code: &'static str,
    /// The exact bytes.
    pub body: Bytes,
    /// `x-tidings-object`: `tasks/42`, `items`, `webhooks/7`.
    pub object: String,
    /// `x-tidings-sequence`.
    pub sequence: Option<i64>,
    /// The root items whose queue it stands in; empty: ordered with nothing.
    pub roots: Vec<ObjectRef>,
    /// Title and number of the object, for the log and its search.
    pub title: String,
    /// The webhooks, each once: one delivery each, `pending`.
    pub webhooks: Vec<WebhookId>,
}

impl NewMessage {
    /// As the store keeps it, under this number.
    pub fn numbered(&self, id: i64) -> Message {
        Message {
            id,
            project: self.project,
            event: Some(self.event),
            dialect: self.dialect.into(),
            code: self.code.into(),
            body: self.body.clone(),
            object: self.object.as_str().into(),
            sequence: self.sequence,
            roots: self.roots.clone(),
        }
    }
}

/// What a planner decided.
#[derive(Debug, Default)]
pub struct Plan {
    /// Writes, in order.
    pub writes: Vec<Write>,
    /// Events, by ascending id.
    pub events: Vec<RecordedEvent>,
    /// Messages, in the order in which they go out.
    pub messages: Vec<NewMessage>,
    /// Answers to keep for 24 h.
    pub memos: Vec<Memo>,
    /// What is to be known of who changed what.
    pub audit: Vec<audit::AuditEntry>,
}

/// An event with what the log of activities shows of it.
#[derive(Debug)]
pub struct RecordedEvent {
    /// The event.
    pub event: Arc<Event>,
    /// Whether `/activities` lists it (`webhook.disabled` is not listed).
    pub listed: bool,
}

/// What was recorded: the plan that was written (of the last run) and the deliveries it made, in order.
#[derive(Debug, Default)]
pub struct Recorded {
    /// The plan.
    pub plan: Plan,
    /// The deliveries.
    pub deliveries: Vec<Queued>,
}

/// A row of the activities.
#[derive(Clone, Debug)]
pub struct Activity {
    /// The event, with its objects as they were.
    pub event: Arc<Event>,
    /// When it was recorded (milliseconds since 1970).
    pub recorded_ms: i64,
}

/// A state to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AsOf {
    /// The latest.
    Now,
    /// As it was with that event: later changes are not there yet.
    Event(EventId),
}

/// A job that reads one state.
pub type ReadJob<'a> = Box<dyn FnOnce(&dyn Snapshot) + Send + 'a>;
