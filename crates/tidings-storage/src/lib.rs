//! The storage seam: what a store must be able to do, a memory store, and the suite every store passes.
//!
//! Methods are intentions, one transaction each; no transaction handle crosses the seam, no SQL type and no driver appears in it.
//! Two stores differ in where the bytes lie, never in what a method promises: `conformance` is the contract, executable.
//!
//! The heart is [`Store::record`]. Its planner is a pure function of a [`Snapshot`]: it reads, decides and answers with a [`Plan`]
//! of writes, events and messages. The store may run it before the write transaction and check what it read, or inside it; it may
//! run it again after a conflict. Once `record` answers, everything in the plan is durable, and every delivery can be recreated
//! from the store. Before it answers, the store tells its [`CommitListener`], in commit order, what was committed: that is the
//! hint that lets sending start from memory at once. A lost hint is made good by [`Store::pending`].

pub mod accounts;
pub mod audit;
#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
mod figures;
#[cfg(any(test, feature = "conformance"))]
pub mod gated;
mod keep;
pub mod memory;
pub mod stored;
pub mod sweep;
mod time;

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tidings_domain::delivery::{DeliveryState, Outcome, Trigger};
use tidings_domain::webhook::{Health, Shift, Webhook};
use tidings_domain::{
    DeliveryId, Doc, Event, EventId, Fault, ObjectRef, Project, ProjectId, TokenId, View, WebhookId,
};

pub use accounts::Accounts;
pub use figures::{Hour, MOST_SHIFTS, Oldest, StoreFigures, SweepLeft, hour_of};
pub use keep::{Deed, Done, MEMO_KEPT_MS, MakeNotes, Memo, Notes, memo_is_old, memos_of};
pub use memory::MemoryStore;
pub use sweep::{Absence, Begun, Errand, NewSweep, Next, Sweep, Swept};
pub use time::ServerTime;

/// Name of the document that tells which key the stored secrets are sealed with.
pub const KEY_DOCUMENT: &str = "secrets_key_id";

/// What keeps a store from writing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The disk is full.
    Full,
    /// The disk returns errors.
    Failing,
    /// The disk, or what is on it, may only be read.
    ReadOnly,
    /// Another process holds what is stored.
    Locked,
}

/// Why a store could not do it.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// Not now: busy, shutting down. Nothing was written; trying again later may help.
    #[error("the store cannot do it now: {0}")]
    Unavailable(String),
    /// Not now, and people may have to do something about it. Nothing was written; trying again later may help.
    #[error("the store cannot write: {1}")]
    Disk(Trouble, String),
    /// The disk did not confirm a write. Whether it is there only the next start can tell; the store writes nothing more.
    #[error("a write could not be made durable: {0}")]
    Unconfirmed(String),
    /// What is stored makes no sense.
    #[error("the store is damaged: {0}")]
    Corrupt(String),
    /// What the caller said does not fit what is stored (a version that moved on, a key that is taken).
    #[error("conflict: {0}")]
    Conflict(&'static str),
    /// There is no such thing.
    #[error("not found")]
    NotFound,
}

/// Why nothing was recorded.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The planner refused.
    #[error(transparent)]
    Refused(#[from] Fault),
    /// The store could not.
    #[error(transparent)]
    Store(#[from] StoreError),
}

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

/// A planner: pure, may be run more than once. The snapshots are those of the projects named to [`Store::record`], in that order.
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
    pub dialect: String,
    /// Code.
    pub code: String,
    /// The exact bytes.
    pub body: Bytes,
    /// `x-tidings-object`.
    pub object: String,
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
    pub trigger: String,
    /// RFC 3339 with milliseconds.
    pub started_at: String,
    /// How long it took.
    pub duration_ms: u64,
    /// Closed set, see [`Outcome`].
    pub outcome: String,
    /// Status of the answer.
    pub status: Option<u16>,
    /// What went wrong: code and words.
    pub error: Option<AttemptError>,
    /// The URL it went to, without userinfo.
    pub url: String,
    /// The request's headers; secret values masked.
    pub request_headers: Vec<(String, String)>,
    /// The answer, if its head came.
    pub response: Option<AttemptResponse>,
    /// Where the time went: dns, connect, tls, first byte, in microseconds.
    pub timings_us: [Option<u64>; 4],
    /// The address it went to.
    pub remote: Option<String>,
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
    pub headers: Vec<(String, String)>,
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

/// A page of a list; `next` is the cursor of the page after it. Where few of many entries are wanted, a page may end before it is full.
#[derive(Clone, Debug)]
pub struct Page<T> {
    /// The entries.
    pub data: Vec<T>,
    /// Where the next page begins: the id of the last entry that was looked at.
    pub next: Option<i64>,
}

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

/// Who a token acts as.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum TokenKind {
    /// The server's administrator.
    Admin,
    /// A program of one project.
    App,
    /// A member of one project.
    Member {
        /// Which.
        member: i64,
    },
    /// No person, but a role in one project.
    Role {
        /// `product_owner`, `scrum_master`, `team_member`, `stakeholder`.
        role: String,
    },
}

/// A token; the secret itself is never stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// Number.
    pub id: TokenId,
    /// Its project; `None` for the administrator's.
    pub project: Option<ProjectId>,
    /// Name.
    pub name: String,
    /// Who it acts as.
    pub kind: TokenKind,
    /// SHA-256 of the secret.
    pub hash: [u8; 32],
    /// First characters, for people.
    pub hint: String,
    /// RFC 3339.
    pub expires_at: Option<String>,
    /// RFC 3339.
    pub created_at: String,
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

/// When a delivery was made, in stored server time: its id says it.
pub fn created_ms(delivery: DeliveryId) -> i64 {
    delivery.0 >> 20
}

/// Limits of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retention {
    /// Settled deliveries and events older than this go.
    pub days: u32,
    /// Most deliveries kept; 0 = no limit.
    pub max_rows: u64,
    /// Most bytes of bodies and answers kept; 0 = no limit.
    pub max_bytes: u64,
    /// Held and parked deliveries older than this become `expired`.
    pub held_days: u32,
    /// Entries of the audit log older than this go.
    #[serde(default = "audit_days")]
    pub audit_days: u32,
}

/// A year; also of settings that were stored before there was an audit log.
const fn audit_days() -> u32 {
    365
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            days: 30,
            max_rows: 0,
            max_bytes: 0,
            held_days: 90,
            audit_days: audit_days(),
        }
    }
}

/// What one step of retention did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Deliveries, events and old versions removed.
    pub removed: u64,
    /// Deliveries expired.
    pub expired: u64,
    /// Whether another step would find more.
    pub more: bool,
}

/// A place that keeps everything.
#[async_trait]
pub trait Store: Accounts {
    // === Projects, objects, events ===

    /// Records what a planner decides over one or (for a move) two projects, in one transaction.
    async fn record<'a>(
        &'a self,
        projects: &'a [ProjectId],
        planner: Planner<'a>,
    ) -> Result<Recorded, RecordError>;

    /// Reads one consistent state of a project.
    async fn read<'a>(
        &'a self,
        project: ProjectId,
        at: AsOf,
        job: ReadJob<'a>,
    ) -> Result<(), StoreError>;

    /// Creates a project; its id is chosen (the smallest never used) when `project.id` is 0. `Conflict("key")`, `Conflict("id")`.
    async fn create_project(&self, project: Project) -> Result<Project, StoreError>;

    /// The project with that key, ignoring case.
    async fn project(&self, key: &str) -> Result<Option<Arc<Project>>, StoreError>;

    /// Projects by id, after `after`.
    async fn projects(&self, after: i64, limit: usize) -> Result<Page<Arc<Project>>, StoreError>;

    /// Deletes a project with everything in it. Its deliveries that wait are gone, and so are the answers in scopes that begin with
    /// [`memos_of`] it; its id is not used again.
    async fn delete_project(&self, project: ProjectId) -> Result<(), StoreError>;

    /// Objects of a collection by ascending id, after `after`.
    async fn objects(
        &self,
        project: ProjectId,
        collection: tidings_domain::Collection,
        after: i64,
        limit: usize,
    ) -> Result<Page<Arc<Doc>>, StoreError>;

    /// Listed events, newest first, before `before` (0: from the newest).
    async fn activities(
        &self,
        project: ProjectId,
        before: i64,
        limit: usize,
    ) -> Result<Page<Activity>, StoreError>;

    /// One event.
    async fn event(
        &self,
        project: ProjectId,
        event: EventId,
    ) -> Result<Option<Activity>, StoreError>;

    // === Webhooks ===

    /// Reserves the id of a webhook that is about to be created: its secrets are sealed for that id before they are stored. An
    /// id that is not used after all is lost.
    async fn next_webhook_id(&self) -> Result<WebhookId, StoreError>;

    /// Creates a webhook under the id that [`Store::next_webhook_id`] reserved for it; `Conflict("id")` when it is taken.
    async fn create_webhook(
        &self,
        webhook: Webhook,
        health: Health,
    ) -> Result<Arc<Webhook>, StoreError>;

    /// Replaces a webhook whose stored `version` is `webhook.version - 1`; else `Conflict("version")`.
    async fn update_webhook(&self, webhook: Webhook) -> Result<Arc<Webhook>, StoreError>;

    /// Deletes a webhook: what waits becomes `skipped`, the log stays.
    async fn delete_webhook(
        &self,
        project: ProjectId,
        webhook: WebhookId,
    ) -> Result<(), StoreError>;

    /// One webhook with its health and counts.
    async fn webhook(
        &self,
        project: ProjectId,
        webhook: WebhookId,
    ) -> Result<Option<(Arc<Webhook>, Health, LaneCounts)>, StoreError>;

    /// Webhooks by id, after `after`.
    async fn webhooks(
        &self,
        project: ProjectId,
        after: i64,
        limit: usize,
    ) -> Result<Page<(Arc<Webhook>, Health, LaneCounts)>, StoreError>;

    /// What webhooks of a project are called, or were when they were deleted, in the order of their ids. Unknown ones are left out.
    async fn webhook_names(
        &self,
        project: ProjectId,
        webhooks: &[WebhookId],
    ) -> Result<Vec<(WebhookId, String)>, StoreError>;

    // === Delivery ===

    /// Every webhook that is not deleted: what the engine starts with.
    async fn lanes(&self) -> Result<Vec<LaneStart>, StoreError>;

    /// Pending deliveries of a webhook in the order of the queue, after `after`.
    async fn pending(
        &self,
        webhook: WebhookId,
        after: DeliveryId,
        limit: usize,
    ) -> Result<Vec<Queued>, StoreError>;

    /// Writes the results of tries and the health of webhooks, in one transaction; the shifts that a health brings are added to its
    /// webhook's history. A settlement for a delivery that is no longer
    /// pending only adds its attempt; but one that was parked while its request was in flight, and was accepted, is delivered. The number of each attempt is the next one of its delivery.
    async fn settle(
        &self,
        settlements: &[Settlement],
        health: &[(WebhookId, Health)],
    ) -> Result<(), StoreError> {
        self.settle_noting(settlements, health, &[]).await
    }

    /// The same, with what is to be known of who changed how a webhook fares.
    async fn settle_noting(
        &self,
        settlements: &[Settlement],
        health: &[(WebhookId, Health)],
        notes: &[audit::AuditEntry],
    ) -> Result<(), StoreError>;

    /// Parks up to `limit` pending deliveries of a webhook; how many were parked. Called in steps until it answers 0.
    async fn park(&self, webhook: WebhookId, limit: usize) -> Result<usize, StoreError>;

    /// Makes a delivery pending again with a fresh schedule (`settled`: it was delivered, one more try); the queue entry.
    /// `Conflict("pending")` when it waits already.
    async fn resend(&self, project: ProjectId, delivery: DeliveryId) -> Result<Queued, StoreError>;

    // === Sweeps: recovering and resending in bulk, see [`sweep`] ===

    /// Begins a sweep; with `enable` it also switches the webhook on, with that health, in the same transaction.
    /// `Conflict("sweep")` while another one is under way, `Conflict("webhook_disabled")` and `Conflict("webhooks_off")` when what
    /// it brings back could not be sent.
    async fn begin_sweep(
        &self,
        project: ProjectId,
        new: NewSweep,
        enable: Option<Health>,
    ) -> Result<Begun, StoreError>;

    /// Every sweep under way: what the engine goes on with after a start. Switching a webhook or its project off ends the sweeps
    /// that deliver or resend; deleting a webhook ends all of its.
    async fn sweeps(&self) -> Result<Vec<Sweep>, StoreError>;

    /// Deals with up to `limit` deliveries that are there already, up to the next absence: pending again with a fresh schedule, or
    /// skipped. `NotFound`: the sweep was ended.
    async fn sweep_deliveries(&self, webhook: WebhookId, limit: usize)
    -> Result<Swept, StoreError>;

    /// Deals with the missed events up to that one: `messages` is what they say to the webhook, in order. Their deliveries get ids
    /// of the absence's place, and the listener is told of them. What has a delivery under the same event and code already gets no other. `NotFound`: the sweep was
    /// ended.
    async fn sweep_events(
        &self,
        webhook: WebhookId,
        until: EventId,
        messages: Vec<NewMessage>,
    ) -> Result<Swept, StoreError>;

    /// Gives a sweep up; what it did not reach stays as it is.
    async fn end_sweep(&self, webhook: WebhookId) -> Result<(), StoreError>;

    /// How far the sweep of a webhook is; `None`: none is under way.
    async fn sweep_left(&self, webhook: WebhookId) -> Result<Option<SweepLeft>, StoreError>;

    /// How many deliveries with such ids, both included, are in a webhook's queue.
    async fn waiting_among(
        &self,
        webhook: WebhookId,
        ids: (DeliveryId, DeliveryId),
    ) -> Result<u64, StoreError>;

    /// The oldest parked delivery of a webhook; tests are none of what it missed.
    async fn oldest_parked(&self, webhook: WebhookId) -> Result<Option<DeliveryId>, StoreError>;

    /// The deliveries that are there already with which such a sweep would deal.
    async fn count_sweep(&self, new: NewSweep) -> Result<u64, StoreError>;

    /// Events that a webhook missed while it was off and that were not dealt with, recorded at or after `since_ms`, after `after`,
    /// by id; none: there are no more.
    async fn missed(
        &self,
        webhook: WebhookId,
        since_ms: i64,
        after: EventId,
        limit: usize,
    ) -> Result<Vec<Activity>, StoreError>;

    /// The webhooks of a project, after the first and up to the second of `webhooks`, that missed an event because they or the
    /// project were off, and for which it was not dealt with; by id.
    async fn absent(
        &self,
        project: ProjectId,
        event: EventId,
        webhooks: (WebhookId, WebhookId),
    ) -> Result<Vec<WebhookId>, StoreError>;

    /// Reserves the id of a test send.
    async fn next_delivery_id(&self) -> Result<DeliveryId, StoreError>;

    /// Writes a test send into the log.
    async fn log_test(&self, test: TestSend) -> Result<(), StoreError>;

    /// The sent log, newest first, before `before` (0: from the newest).
    async fn deliveries(
        &self,
        project: ProjectId,
        filter: &DeliveryFilter,
        before: i64,
        limit: usize,
    ) -> Result<Page<DeliverySummary>, StoreError>;

    /// One delivery.
    async fn delivery(
        &self,
        project: ProjectId,
        delivery: DeliveryId,
    ) -> Result<Option<DeliveryDetail>, StoreError>;

    /// The deliveries of an event to the webhooks after the first and up to the second of `webhooks`, deleted ones too: by webhook
    /// and then by id.
    async fn deliveries_of_event(
        &self,
        project: ProjectId,
        event: EventId,
        webhooks: (WebhookId, WebhookId),
        limit: usize,
    ) -> Result<Vec<EventDelivery>, StoreError>;

    /// How many deliveries each of those events has in each state; states of which there is none are left out. By event.
    async fn tally(
        &self,
        project: ProjectId,
        events: &[EventId],
    ) -> Result<Vec<(EventId, DeliveryState, u64)>, StoreError>;

    // === Figures ===

    /// Adds to what webhooks have delivered and failed hour by hour, in one transaction. Hours of more than a day before the one that
    /// is added may be forgotten; what is added to a deleted webhook is.
    async fn add_hours(&self, hours: &[Hour]) -> Result<(), StoreError>;

    /// What those webhooks delivered and failed from that hour on, by webhook and hour, without the hours of which nothing is known.
    async fn hours(&self, webhooks: &[WebhookId], since: i64) -> Result<Vec<Hour>, StoreError>;

    /// How a webhook fared: its last [`MOST_SHIFTS`] changes of state with their numbers, newest first, before `before` (0: from
    /// the newest). Retention removes the old ones but for the last.
    async fn shifts(
        &self,
        project: ProjectId,
        webhook: WebhookId,
        before: i64,
        limit: usize,
    ) -> Result<Page<(i64, Shift)>, StoreError>;

    /// How much is stored and waits; cheap however much that is.
    async fn figures(&self) -> Result<StoreFigures, StoreError>;

    // === Tokens, settings, care ===

    /// Creates a token; the store gives the id.
    async fn create_token(&self, token: Token) -> Result<Token, StoreError>;

    /// The token with that hash.
    async fn token_by_hash(&self, hash: &[u8; 32]) -> Result<Option<Token>, StoreError>;

    /// Tokens of a project (`None`: the server's), by id, after `after`.
    async fn tokens(
        &self,
        project: Option<ProjectId>,
        after: i64,
        limit: usize,
    ) -> Result<Page<Token>, StoreError>;

    /// Revokes a token.
    async fn delete_token(
        &self,
        project: Option<ProjectId>,
        token: TokenId,
    ) -> Result<(), StoreError>;

    /// The answer kept for a key, if that key was used in the last 24 h; as [`Snapshot::memo`].
    async fn memo(&self, scope: &str, key: &str) -> Result<Option<String>, StoreError>;

    /// Does one of the small writes, with what is to be written beside it, in one transaction.
    async fn keep(&self, deed: Deed, notes: MakeNotes) -> Result<Done, StoreError>;

    /// A document of the server: settings, stored server time, the check value of the secrets' key.
    async fn document(&self, name: &str) -> Result<Option<String>, StoreError>;

    /// Writes a document of the server.
    async fn put_document(&self, name: &str, text: &str) -> Result<(), StoreError>;

    /// The audit log, newest first, before `before` (0: from the newest). Its times never run backwards.
    async fn audit(
        &self,
        filter: &audit::AuditFilter,
        before: i64,
        limit: usize,
    ) -> Result<Page<audit::AuditRow>, StoreError>;

    /// Who made the last [`audit::ACTORS_AMONG`] entries of a project (`None`: of the server, with those of all projects), each once as
    /// it was last, by [`audit::Actor::handle`].
    async fn audit_actors(
        &self,
        project: Option<ProjectId>,
    ) -> Result<Vec<audit::Actor>, StoreError>;

    /// Whether any secret is stored: a start without the key is refused then.
    async fn has_secrets(&self) -> Result<bool, StoreError>;

    /// One small step of retention at that stored server time.
    async fn prune(
        &self,
        now_ms: i64,
        retention: Retention,
        step: usize,
    ) -> Result<Pruned, StoreError>;

    /// A write that changes nothing, made durable: `/readyz` asks it.
    async fn check(&self) -> Result<(), StoreError>;
}
