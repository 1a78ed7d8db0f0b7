//! A store behind a gate: the gate may delay, refuse or end every call, before it is done and after it was. For simulations and
//! fault tests; the store behind it is a real one.

use std::sync::Arc;

use async_trait::async_trait;
use tidings_domain::delivery::DeliveryState;
use tidings_domain::webhook::{Health, Shift, Webhook};
use tidings_domain::{
    AccountId, Collection, DeliveryId, Doc, EventId, Project, ProjectId, SessionId, TokenId,
    WebhookId,
};

use crate::accounts::{Account, Accounts, Ends, Membership, OneTimeLink, StoredSession};
use crate::audit::{AuditEntry, AuditFilter, AuditRow};
use crate::{
    Activity, AsOf, Begun, Deed, DeliveryDetail, DeliveryFilter, DeliverySummary, Done,
    EventDelivery, Hour, LaneCounts, LaneStart, MakeNotes, NewMessage, NewSweep, Page, Planner,
    Pruned, Queued, ReadJob, RecordError, Recorded, Retention, Settlement, Store, StoreError,
    StoreFigures, Sweep, SweepLeft, Swept, TestSend, Token,
};

/// Stands before a store. `call` is the name of the method.
#[async_trait]
pub trait Gate: Send + Sync + 'static {
    /// Before the store is asked; an error is the answer, and the store is not asked.
    async fn before(&self, call: &'static str) -> Result<(), StoreError>;

    /// After the store has done it, before its caller knows.
    async fn after(&self, call: &'static str);
}

/// A store behind a gate.
pub struct Gated {
    store: Arc<dyn Store>,
    gate: Arc<dyn Gate>,
}

impl std::fmt::Debug for Gated {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Gated")
    }
}

impl Gated {
    /// Puts a gate before a store.
    pub fn new(store: Arc<dyn Store>, gate: Arc<dyn Gate>) -> Self {
        Self { store, gate }
    }

    async fn through<T, E: From<StoreError>>(
        &self,
        call: &'static str,
        job: impl Future<Output = Result<T, E>> + Send,
    ) -> Result<T, E> {
        self.gate.before(call).await?;
        let result = job.await;
        self.gate.after(call).await;
        result
    }
}

#[async_trait]
impl Store for Gated {
    async fn record<'a>(
        &'a self,
        projects: &'a [ProjectId],
        planner: Planner<'a>,
    ) -> Result<Recorded, RecordError> {
        let job = self.store.record(projects, planner);
        self.through("record", job).await
    }

    async fn read<'a>(
        &'a self,
        project: ProjectId,
        at: AsOf,
        job: ReadJob<'a>,
    ) -> Result<(), StoreError> {
        let job = self.store.read(project, at, job);
        self.through("read", job).await
    }

    async fn create_project(&self, project: Project) -> Result<Project, StoreError> {
        let job = self.store.create_project(project);
        self.through("create_project", job).await
    }

    async fn project(&self, key: &str) -> Result<Option<Arc<Project>>, StoreError> {
        let job = self.store.project(key);
        self.through("project", job).await
    }

    async fn projects(&self, after: i64, limit: usize) -> Result<Page<Arc<Project>>, StoreError> {
        let job = self.store.projects(after, limit);
        self.through("projects", job).await
    }

    async fn delete_project(&self, project: ProjectId) -> Result<(), StoreError> {
        let job = self.store.delete_project(project);
        self.through("delete_project", job).await
    }

    async fn objects(
        &self,
        project: ProjectId,
        collection: Collection,
        after: i64,
        limit: usize,
    ) -> Result<Page<Arc<Doc>>, StoreError> {
        let job = self.store.objects(project, collection, after, limit);
        self.through("objects", job).await
    }

    async fn activities(
        &self,
        project: ProjectId,
        before: i64,
        limit: usize,
    ) -> Result<Page<Activity>, StoreError> {
        let job = self.store.activities(project, before, limit);
        self.through("activities", job).await
    }

    async fn event(
        &self,
        project: ProjectId,
        event: EventId,
    ) -> Result<Option<Activity>, StoreError> {
        let job = self.store.event(project, event);
        self.through("event", job).await
    }

    async fn next_webhook_id(&self) -> Result<WebhookId, StoreError> {
        let job = self.store.next_webhook_id();
        self.through("next_webhook_id", job).await
    }

    async fn create_webhook(
        &self,
        webhook: Webhook,
        health: Health,
    ) -> Result<Arc<Webhook>, StoreError> {
        let job = self.store.create_webhook(webhook, health);
        self.through("create_webhook", job).await
    }

    async fn update_webhook(&self, webhook: Webhook) -> Result<Arc<Webhook>, StoreError> {
        let job = self.store.update_webhook(webhook);
        self.through("update_webhook", job).await
    }

    async fn delete_webhook(
        &self,
        project: ProjectId,
        webhook: WebhookId,
    ) -> Result<(), StoreError> {
        let job = self.store.delete_webhook(project, webhook);
        self.through("delete_webhook", job).await
    }

    async fn webhook(
        &self,
        project: ProjectId,
        webhook: WebhookId,
    ) -> Result<Option<(Arc<Webhook>, Health, LaneCounts)>, StoreError> {
        let job = self.store.webhook(project, webhook);
        self.through("webhook", job).await
    }

    async fn webhooks(
        &self,
        project: ProjectId,
        after: i64,
        limit: usize,
    ) -> Result<Page<(Arc<Webhook>, Health, LaneCounts)>, StoreError> {
        let job = self.store.webhooks(project, after, limit);
        self.through("webhooks", job).await
    }

    async fn lanes(&self) -> Result<Vec<LaneStart>, StoreError> {
        let job = self.store.lanes();
        self.through("lanes", job).await
    }

    async fn pending(
        &self,
        webhook: WebhookId,
        after: DeliveryId,
        limit: usize,
    ) -> Result<Vec<Queued>, StoreError> {
        let job = self.store.pending(webhook, after, limit);
        self.through("pending", job).await
    }

    async fn settle_noting(
        &self,
        settlements: &[Settlement],
        health: &[(WebhookId, Health)],
        notes: &[AuditEntry],
    ) -> Result<(), StoreError> {
        let job = self.store.settle_noting(settlements, health, notes);
        self.through("settle", job).await
    }

    async fn park(&self, webhook: WebhookId, limit: usize) -> Result<usize, StoreError> {
        let job = self.store.park(webhook, limit);
        self.through("park", job).await
    }

    async fn resend(&self, project: ProjectId, delivery: DeliveryId) -> Result<Queued, StoreError> {
        let job = self.store.resend(project, delivery);
        self.through("resend", job).await
    }

    async fn begin_sweep(
        &self,
        project: ProjectId,
        new: NewSweep,
        enable: Option<Health>,
    ) -> Result<Begun, StoreError> {
        let job = self.store.begin_sweep(project, new, enable);
        self.through("begin_sweep", job).await
    }

    async fn sweeps(&self) -> Result<Vec<Sweep>, StoreError> {
        let job = self.store.sweeps();
        self.through("sweeps", job).await
    }

    async fn sweep_deliveries(
        &self,
        webhook: WebhookId,
        limit: usize,
    ) -> Result<Swept, StoreError> {
        let job = self.store.sweep_deliveries(webhook, limit);
        self.through("sweep_deliveries", job).await
    }

    async fn sweep_events(
        &self,
        webhook: WebhookId,
        until: EventId,
        messages: Vec<NewMessage>,
    ) -> Result<Swept, StoreError> {
        let job = self.store.sweep_events(webhook, until, messages);
        self.through("sweep_events", job).await
    }

    async fn end_sweep(&self, webhook: WebhookId) -> Result<(), StoreError> {
        let job = self.store.end_sweep(webhook);
        self.through("end_sweep", job).await
    }

    async fn sweep_left(&self, webhook: WebhookId) -> Result<Option<SweepLeft>, StoreError> {
        self.through("sweep_left", self.store.sweep_left(webhook))
            .await
    }

    async fn waiting_among(
        &self,
        webhook: WebhookId,
        ids: (DeliveryId, DeliveryId),
    ) -> Result<u64, StoreError> {
        let job = self.store.waiting_among(webhook, ids);
        self.through("waiting_among", job).await
    }

    async fn oldest_parked(&self, webhook: WebhookId) -> Result<Option<DeliveryId>, StoreError> {
        self.through("oldest_parked", self.store.oldest_parked(webhook))
            .await
    }

    async fn count_sweep(&self, new: NewSweep) -> Result<u64, StoreError> {
        let job = self.store.count_sweep(new);
        self.through("count_sweep", job).await
    }

    async fn missed(
        &self,
        webhook: WebhookId,
        since_ms: i64,
        after: EventId,
        limit: usize,
    ) -> Result<Vec<Activity>, StoreError> {
        let job = self.store.missed(webhook, since_ms, after, limit);
        self.through("missed", job).await
    }

    async fn absent(
        &self,
        project: ProjectId,
        event: EventId,
        webhooks: (WebhookId, WebhookId),
    ) -> Result<Vec<WebhookId>, StoreError> {
        let job = self.store.absent(project, event, webhooks);
        self.through("absent", job).await
    }

    async fn next_delivery_id(&self) -> Result<DeliveryId, StoreError> {
        let job = self.store.next_delivery_id();
        self.through("next_delivery_id", job).await
    }

    async fn log_test(&self, test: TestSend) -> Result<(), StoreError> {
        let job = self.store.log_test(test);
        self.through("log_test", job).await
    }

    async fn deliveries(
        &self,
        project: ProjectId,
        filter: &DeliveryFilter,
        before: i64,
        limit: usize,
    ) -> Result<Page<DeliverySummary>, StoreError> {
        let job = self.store.deliveries(project, filter, before, limit);
        self.through("deliveries", job).await
    }

    async fn delivery(
        &self,
        project: ProjectId,
        delivery: DeliveryId,
    ) -> Result<Option<DeliveryDetail>, StoreError> {
        let job = self.store.delivery(project, delivery);
        self.through("delivery", job).await
    }

    async fn deliveries_of_event(
        &self,
        project: ProjectId,
        event: EventId,
        webhooks: (WebhookId, WebhookId),
        limit: usize,
    ) -> Result<Vec<EventDelivery>, StoreError> {
        let job = self
            .store
            .deliveries_of_event(project, event, webhooks, limit);
        self.through("deliveries_of_event", job).await
    }

    async fn tally(
        &self,
        project: ProjectId,
        events: &[EventId],
    ) -> Result<Vec<(EventId, DeliveryState, u64)>, StoreError> {
        let job = self.store.tally(project, events);
        self.through("tally", job).await
    }

    async fn webhook_names(
        &self,
        project: ProjectId,
        webhooks: &[WebhookId],
    ) -> Result<Vec<(WebhookId, String)>, StoreError> {
        let job = self.store.webhook_names(project, webhooks);
        self.through("webhook_names", job).await
    }

    async fn add_hours(&self, hours: &[Hour]) -> Result<(), StoreError> {
        self.through("add_hours", self.store.add_hours(hours)).await
    }

    async fn hours(&self, webhooks: &[WebhookId], since: i64) -> Result<Vec<Hour>, StoreError> {
        self.through("hours", self.store.hours(webhooks, since))
            .await
    }

    async fn shifts(
        &self,
        project: ProjectId,
        webhook: WebhookId,
        before: i64,
        limit: usize,
    ) -> Result<Page<(i64, Shift)>, StoreError> {
        let job = self.store.shifts(project, webhook, before, limit);
        self.through("shifts", job).await
    }

    async fn figures(&self) -> Result<StoreFigures, StoreError> {
        self.through("figures", self.store.figures()).await
    }

    async fn create_token(&self, token: Token) -> Result<Token, StoreError> {
        let job = self.store.create_token(token);
        self.through("create_token", job).await
    }

    async fn token_by_hash(&self, hash: &[u8; 32]) -> Result<Option<Token>, StoreError> {
        let job = self.store.token_by_hash(hash);
        self.through("token_by_hash", job).await
    }

    async fn tokens(
        &self,
        project: Option<ProjectId>,
        after: i64,
        limit: usize,
    ) -> Result<Page<Token>, StoreError> {
        let job = self.store.tokens(project, after, limit);
        self.through("tokens", job).await
    }

    async fn delete_token(
        &self,
        project: Option<ProjectId>,
        token: TokenId,
    ) -> Result<(), StoreError> {
        let job = self.store.delete_token(project, token);
        self.through("delete_token", job).await
    }

    async fn memo(&self, scope: &str, key: &str) -> Result<Option<String>, StoreError> {
        let job = self.store.memo(scope, key);
        self.through("memo", job).await
    }

    async fn keep(&self, deed: Deed, notes: MakeNotes) -> Result<Done, StoreError> {
        let job = self.store.keep(deed, notes);
        self.through("keep", job).await
    }

    async fn document(&self, name: &str) -> Result<Option<String>, StoreError> {
        let job = self.store.document(name);
        self.through("document", job).await
    }

    async fn put_document(&self, name: &str, text: &str) -> Result<(), StoreError> {
        let job = self.store.put_document(name, text);
        self.through("put_document", job).await
    }

    async fn audit(
        &self,
        filter: &AuditFilter,
        before: i64,
        limit: usize,
    ) -> Result<Page<AuditRow>, StoreError> {
        let job = self.store.audit(filter, before, limit);
        self.through("audit", job).await
    }

    async fn audit_actors(
        &self,
        project: Option<ProjectId>,
    ) -> Result<Vec<crate::audit::Actor>, StoreError> {
        let job = self.store.audit_actors(project);
        self.through("audit_actors", job).await
    }

    async fn has_secrets(&self) -> Result<bool, StoreError> {
        let job = self.store.has_secrets();
        self.through("has_secrets", job).await
    }

    async fn prune(
        &self,
        now_ms: i64,
        retention: Retention,
        step: usize,
    ) -> Result<Pruned, StoreError> {
        let job = self.store.prune(now_ms, retention, step);
        self.through("prune", job).await
    }

    async fn check(&self) -> Result<(), StoreError> {
        let job = self.store.check();
        self.through("check", job).await
    }
}

#[async_trait]
impl Accounts for Gated {
    async fn account(&self, id: AccountId) -> Result<Option<Account>, StoreError> {
        let job = self.store.account(id);
        self.through("account", job).await
    }

    async fn account_by_login(&self, login: &str) -> Result<Option<Account>, StoreError> {
        let job = self.store.account_by_login(login);
        self.through("account_by_login", job).await
    }

    async fn accounts(&self, after: i64, limit: usize) -> Result<Page<Account>, StoreError> {
        let job = self.store.accounts(after, limit);
        self.through("accounts", job).await
    }

    async fn membership(
        &self,
        account: AccountId,
        project: ProjectId,
    ) -> Result<Option<i64>, StoreError> {
        let job = self.store.membership(account, project);
        self.through("membership", job).await
    }

    async fn memberships(
        &self,
        account: AccountId,
        after: i64,
        limit: usize,
    ) -> Result<Page<Membership>, StoreError> {
        let job = self.store.memberships(account, after, limit);
        self.through("memberships", job).await
    }

    async fn accounts_of(
        &self,
        project: ProjectId,
        after: i64,
        limit: usize,
    ) -> Result<Page<Membership>, StoreError> {
        let job = self.store.accounts_of(project, after, limit);
        self.through("accounts_of", job).await
    }

    async fn session(
        &self,
        hash: &[u8; 32],
    ) -> Result<Option<(StoredSession, Account)>, StoreError> {
        let job = self.store.session(hash);
        self.through("session", job).await
    }

    async fn sessions(
        &self,
        account: AccountId,
        after: i64,
        limit: usize,
    ) -> Result<Page<StoredSession>, StoreError> {
        let job = self.store.sessions(account, after, limit);
        self.through("sessions", job).await
    }

    async fn touch_session(&self, id: SessionId, seen_ms: i64) -> Result<(), StoreError> {
        let job = self.store.touch_session(id, seen_ms);
        self.through("touch_session", job).await
    }

    async fn end_session(&self, account: AccountId, id: SessionId) -> Result<(), StoreError> {
        let job = self.store.end_session(account, id);
        self.through("end_session", job).await
    }

    async fn end_sessions(&self, account: AccountId, ends: Ends) -> Result<(), StoreError> {
        let job = self.store.end_sessions(account, ends);
        self.through("end_sessions", job).await
    }

    async fn link(&self, hash: &[u8; 32], now_ms: i64) -> Result<Option<OneTimeLink>, StoreError> {
        let job = self.store.link(hash, now_ms);
        self.through("link", job).await
    }
}
