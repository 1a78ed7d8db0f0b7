//! What is sent: messages, their places in the queues, and the results of tries.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use tidings_domain::delivery::Trigger;
use tidings_domain::webhook::{Health, Webhook};
use tidings_domain::{DeliveryId, EventId, Headers, ObjectRef, ProjectId, Text, WebhookId};

/// A stored message.
#[derive(Debug)]
pub struct Message {
    /// Number in the store.
    pub id: i64,
    /// Project.
    pub project: ProjectId,
    /// The event it tells; `None` for a test datum.
    pub event: Option<EventId>,
    /// Dialect.
    pub dialect: Text,
    /// Code.
    pub code: Text,
    /// The exact bytes.
    pub body: Bytes,
    /// `x-tidings-object`.
    pub object: Text,
    /// `x-tidings-sequence`.
    pub sequence: Option<i64>,
    /// Root items.
    pub roots: Vec<ObjectRef>,
}

/// A delivery that waits to be sent.
#[derive(Clone, Debug)]
pub struct Queued {
    /// Id; ascending in commit order, so it is also its place in the queue.
    pub id: DeliveryId,
    /// To whom.
    pub webhook: WebhookId,
    /// What.
    pub message: Arc<Message>,
    /// Tries so far that count for the schedule.
    pub tries: u32,
    /// When the first try started, in stored server time (milliseconds).
    pub first_try_ms: Option<i64>,
    /// When the next try is due, in stored server time; `None`: now.
    pub due_ms: Option<i64>,
    /// The wait that led to `due_ms` (milliseconds), to clamp it on load.
    pub wait_ms: i64,
    /// Order was given up.
    pub late: bool,
    /// Why the next try is made.
    pub trigger: Trigger,
    /// It was delivered before and is sent once more on request: stays `delivered` whatever comes.
    pub settled: bool,
}

impl Queued {
    /// One that was never tried.
    pub fn new(
        id: DeliveryId,
        webhook: WebhookId,
        message: Arc<Message>,
        trigger: Trigger,
    ) -> Self {
        Self {
            id,
            webhook,
            message,
            tries: 0,
            first_try_ms: None,
            due_ms: None,
            wait_ms: 0,
            late: false,
            trigger,
            settled: false,
        }
    }
}

/// Told of commits, in commit order, from the store's writer: must not block.
pub trait CommitListener: Send + Sync + 'static {
    /// These deliveries are durable.
    fn committed(&self, deliveries: &[Queued]);
}

/// A page of objects or activities ends when it weighs so much, however many entries were asked for: two hundred of the largest
/// would be a hundred megabytes.
pub const PAGE_BYTES: usize = 2 * 1024 * 1024;

/// One HTTP try, as the log keeps it.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// From 1, per delivery; given by the store.
    pub number: u32,
    /// Why it was made.
    pub trigger: Cow<'static, str>,
    /// RFC 3339 with milliseconds.
    pub started_at: String,
    /// How long it took.
    pub duration_ms: u64,
    /// Closed set, see [`Outcome`](tidings_domain::delivery::Outcome).
    pub outcome: Cow<'static, str>,
    /// Status of the answer.
    pub status: Option<u16>,
    /// What went wrong: code and words.
    pub error: Option<AttemptError>,
    /// The URL it went to, without userinfo.
    pub url: Arc<str>,
    /// The request's headers; secret values masked.
    pub request_headers: Headers,
    /// The answer, if its head came.
    pub response: Option<AttemptResponse>,
    /// Where the time went: dns, connect, tls, first byte, in microseconds.
    pub timings_us: [Option<u64>; 4],
    /// The address it went to.
    pub remote: Option<SocketAddr>,
}

/// Why a try failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttemptError {
    /// Closed word: `dns_not_found`, `connect_refused`, `tls_expired`, ...
    pub code: String,
    /// For people.
    pub detail: String,
}

/// The kept part of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttemptResponse {
    /// Headers as received (lossy text).
    pub headers: Headers,
    /// First 16 KiB, lossy text.
    pub body: String,
    /// Whether more came than is kept.
    pub truncated: bool,
}

/// What becomes of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// It was accepted.
    Delivered,
    /// Another try, due at that stored server time after that wait.
    Retry {
        /// Due.
        due_ms: i64,
        /// The wait that led to it.
        wait_ms: i64,
    },
    /// Given up.
    Failed,
    /// The webhook is disabled: put aside.
    Parked,
    /// The webhook was deleted.
    Skipped,
    /// Only the attempt is noted, the delivery stays as it is (a reconnect follows; a settled one was resent).
    AsItIs,
}

/// The result of a try, or a decision without one.
#[derive(Clone, Debug)]
pub struct Settlement {
    /// Which.
    pub delivery: DeliveryId,
    /// Whose.
    pub webhook: WebhookId,
    /// The try.
    pub attempt: Option<Attempt>,
    /// What becomes of it.
    pub then: Then,
    /// Tries so far that count for the schedule.
    pub tries: u32,
    /// When the first try started, in stored server time.
    pub first_try_ms: Option<i64>,
    /// Order was given up.
    pub late: bool,
}

/// What a webhook's lane needs at the start.
#[derive(Clone, Debug)]
pub struct LaneStart {
    /// The webhook.
    pub webhook: Arc<Webhook>,
    /// How it fares.
    pub health: Health,
    /// Whether its project is `on`.
    pub project_on: bool,
    /// Whether anything is pending.
    pub has_pending: bool,
}

/// How far the deliveries of a webhook are counted: where many more wait, counting each of them takes too long for a page.
pub const COUNTED: usize = 10_000;

/// How much is where, for a webhook: [`COUNTED`] means so many or more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LaneCounts {
    /// In its queue (shown as held while paused), with what was delivered and is sent once more.
    pub pending: u64,
    /// Parked.
    pub parked: u64,
}

/// When a delivery was made, in stored server time: its id says it.
pub fn created_ms(delivery: DeliveryId) -> i64 {
    delivery.0 >> 20
}
