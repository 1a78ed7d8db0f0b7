//! What a store can do.

use std::sync::Arc;

use async_trait::async_trait;
use tidings_domain::delivery::DeliveryState;
use tidings_domain::webhook::{Health, Shift, Webhook};
use tidings_domain::{DeliveryId, Doc, EventId, Project, ProjectId, TokenId, WebhookId};

use crate::{
    Accounts, Activity, AsOf, Begun, Deed, DeliveryDetail, DeliveryFilter, DeliverySummary, Done,
    EventDelivery, Hour, LaneCounts, LaneStart, MakeNotes, NewMessage, NewSweep, Page, Planner,
    Pruned, Queued, ReadJob, RecordError, Recorded, Retention, Settlement, StoreError,
    StoreFigures, Sweep, SweepLeft, Swept, TestSend, Token, audit,
};

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
    /// [`memos_of`](crate::memos_of) it; its id is not used again.
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
    /// webhook's history. A settlement for a delivery that is no longer pending only adds its attempt; but one that was parked while
    /// its request was in flight, and was accepted, is delivered. The number of each attempt is the next one of its delivery.
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
    /// of the absence's place, and the listener is told of them. What has a delivery under the same event and code already gets no
    /// other. `NotFound`: the sweep was ended.
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

    /// How a webhook fared: its last [`MOST_SHIFTS`](crate::MOST_SHIFTS) changes of state with their numbers, newest first, before `before` (0: from
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

    /// The answer kept for a key, if that key was used in the last 24 h; as [`Snapshot::memo`](crate::Snapshot::memo).
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
