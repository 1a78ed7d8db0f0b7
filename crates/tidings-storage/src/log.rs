//! The sent log: what is asked of it, and what it shows.

use bytes::Bytes;
use tidings_domain::delivery::{DeliveryState, Outcome, Trigger};
use tidings_domain::{DeliveryId, EventId, ProjectId, WebhookId};

use crate::{Attempt, Message};

/// Which deliveries of a project to list, newest first.
#[derive(Clone, Debug, Default)]
pub struct DeliveryFilter {
    /// To this webhook.
    pub webhook: Option<WebhookId>,
    /// In this state.
    pub state: Option<DeliveryState>,
    /// Of this event.
    pub event: Option<EventId>,
    /// Under this code.
    pub code: Option<String>,
    /// About this object, or rooted in it.
    pub object: Option<String>,
    /// With a try of this trigger.
    pub trigger: Option<Trigger>,
    /// Whose last answer had this status.
    pub status: Option<u16>,
    /// Made at or after (milliseconds since 1970).
    pub since_ms: Option<i64>,
    /// Made before.
    pub until_ms: Option<i64>,
    /// In title, number, code or error; inside a time window also in bodies.
    pub q: Option<String>,
}

/// A row of the sent log.
#[derive(Clone, Debug)]
pub struct DeliverySummary {
    /// Id.
    pub id: DeliveryId,
    /// To whom; `None` for the test of a webhook that was not saved.
    pub webhook: Option<WebhookId>,
    /// Event; `None` for tests.
    pub event: Option<EventId>,
    /// Dialect.
    pub dialect: String,
    /// Code.
    pub code: String,
    /// `tasks/42`.
    pub object: String,
    /// Version.
    pub sequence: Option<i64>,
    /// Title and number of the object as they were; empty for tests.
    pub title: String,
    /// State, as the webhook's health makes it (pending ones of a paused webhook are held).
    pub state: DeliveryState,
    /// Trigger of the first try, or of what made it.
    pub trigger: String,
    /// Order was given up.
    pub late: bool,
    /// Milliseconds since 1970.
    pub created_ms: i64,
    /// Due time of the next try, stored server time.
    pub due_ms: Option<i64>,
    /// Number of attempts.
    pub attempts: u32,
    /// The last attempt.
    pub last: Option<LastAttempt>,
}

/// What a list shows of the last attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastAttempt {
    /// Outcome.
    pub outcome: Outcome,
    /// Status.
    pub status: Option<u16>,
    /// Milliseconds it took.
    pub duration_ms: u64,
    /// Code of the error.
    pub error: Option<String>,
}

/// A delivery of an event, with what a list does not show of its last attempt.
#[derive(Clone, Debug)]
pub struct EventDelivery {
    /// The row.
    pub summary: DeliverySummary,
    /// When the last attempt started (RFC 3339).
    pub last_at: Option<String>,
    /// What went wrong in it, for people.
    pub detail: Option<String>,
}

/// One delivery with everything the log has of it.
#[derive(Clone, Debug)]
pub struct DeliveryDetail {
    /// The row.
    pub summary: DeliverySummary,
    /// The body.
    pub body: Bytes,
    /// Attempts, in order.
    pub attempts: Vec<Attempt>,
}

/// A test send, after the fact.
#[derive(Clone, Debug)]
pub struct TestSend {
    /// Project.
    pub project: ProjectId,
    /// Webhook, if it was saved.
    pub webhook: Option<WebhookId>,
    /// Id that was sent as `webhook-id`.
    pub delivery: DeliveryId,
    /// Dialect.
    pub dialect: &'static str,
    /// Code.
    pub code: &'static str,
    /// Body.
    pub body: Bytes,
    /// `x-tidings-object`.
    pub object: String,
    /// `x-tidings-sequence`.
    pub sequence: Option<i64>,
    /// What people call what it was about.
    pub title: String,
    /// How it went.
    pub attempts: Vec<Attempt>,
    /// Whether the last one was accepted.
    pub accepted: bool,
}

impl TestSend {
    /// What was sent, as the store keeps it.
    pub fn message(&self) -> Message {
        Message {
            id: self.delivery.0,
            project: self.project,
            event: None,
            dialect: self.dialect.into(),
            code: self.code.into(),
            body: self.body.clone(),
            object: self.object.as_str().into(),
            sequence: self.sequence,
            roots: Vec::new(),
        }
    }
}
