//! The store's methods: which go to the writer, which to a reader.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;

use async_trait::async_trait;
use rusqlite::Connection;
use tidings_domain::delivery::DeliveryState;
use tidings_domain::webhook::{Health, Shift, Webhook};
use tidings_domain::{
    Clock, Collection, DeliveryId, Doc, EventId, Project, ProjectId, TokenId, WebhookId,
};
use tidings_storage::audit::{AuditEntry, AuditFilter, AuditRow};
use tidings_storage::{
    Activity, AsOf, Begun, CommitListener, Deed, DeliveryDetail, DeliveryFilter, DeliverySummary,
    Done, EventDelivery, Hour, LaneCounts, LaneStart, MakeNotes, NewMessage, NewSweep, Page,
    Planner, Pruned, Queued, ReadJob, RecordError, Recorded, Retention, ServerTime, Settlement,
    Store, StoreError, StoreFigures, Sweep, SweepLeft, Swept, TestSend, Token,
};
use tokio::sync::Semaphore;

use crate::checkpoint;
use crate::codes::{PARKED, Result};
use crate::open::{OpenError, open};
use crate::shared::Shared;
use crate::snapshot::Shot;
use crate::writer::{self, AGAIN, ToWriter, Totals, Writer};
use crate::{audit, figures, keep, log, objects, people, queue, record, restore, sweeps};

/// Queries that may run at once on threads of their own; each can hold a connection for long.
const QUERIES: usize = 8;

/// Rows that one step of a long job touches, so that nobody waits long for the writer.
const STEP: usize = 1000;

/// Name of the document with which room on the disk is tried out, after there was none.
const ROOM: &str = "room";
/// How much room there should be: some changes of ordinary size.
const ROOM_BYTES: usize = 256 * 1024;

/// The embedded store: one file, one process.
///
/// Dropping it waits for the writer to finish what was asked, and frees the file for the next.
pub struct SqliteStore {
    shared: Arc<Shared>,
    writer: Option<ToWriter>,
    thread: Option<JoinHandle<()>>,
    queries: Semaphore,
    _lock: File,
}

impl SqliteStore {
    /// Opens the file, or makes it: readable by its owner only, and locked against other processes.
    ///
    /// # Errors
    /// Says in one line what is wrong, where, and what to do.
    pub fn open(
        path: &Path,
        clock: Arc<dyn Clock>,
        listener: Arc<dyn CommitListener>,
    ) -> Result<Self, OpenError> {
        let mut opened = open(path)?;
        let database = |source| OpenError::Database {
            path: path.to_owned(),
            source,
        };
        let totals = Totals::load(&opened.writer).map_err(database)?;
        let time = ServerTime::resume(clock, totals.time_ms);
        let first = restore::first_sequence(&opened.writer).map_err(database)?;
        checkpoint::beside(&mut opened.writer, path, checkpoint::ENOUGH).map_err(database)?;
        let shared = Arc::new(Shared::new(path.to_owned(), time, totals.event, first));
        let (writer, thread) = writer::start(opened.writer, Arc::clone(&shared), totals, listener)
            .map_err(|source| OpenError::File {
                path: path.to_owned(),
                source,
            })?;
        Ok(Self {
            shared,
            writer: Some(writer),
            thread: Some(thread),
            queries: Semaphore::new(QUERIES),
            _lock: opened.lock,
        })
    }

    /// Waits until the disk fails to confirm a write. From then on nothing is written, because nobody can know what is on the
    /// disk: the process must end, and the next start looks.
    pub fn lost(&self) -> impl Future<Output = StoreError> + Send + use<> {
        let mut lost = self.shared.lost.subscribe();
        async move {
            let why = lost.wait_for(Option::is_some).await;
            let why = why.ok().and_then(|why| why.clone());
            match why {
                Some(why) => why,
                // The store was closed in good order.
                None => std::future::pending().await,
            }
        }
    }

    fn writer(&self) -> Result<&ToWriter> {
        self.writer
            .as_ref()
            .ok_or_else(|| StoreError::Unavailable("the store is closed".to_owned()))
    }

    pub(crate) async fn write<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Writer<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.writer()?.write(job).await
    }

    /// Runs a query that may take long on a thread where it stops nobody.
    pub(crate) async fn query<T: Send + 'static>(
        &self,
        job: impl FnOnce(&Connection, &Shared) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let closed = |_| StoreError::Unavailable("the store is closed".to_owned());
        let _permit = self.queries.acquire().await.map_err(closed)?;
        let shared = Arc::clone(&self.shared);
        let answer = tokio::task::spawn_blocking(move || shared.reading(|conn| job(conn, &shared)));
        answer
            .await
            .map_err(|e| StoreError::Unavailable(format!("a query ended early: {e}")))?
    }

    /// Runs a query that takes microseconds where it is asked.
    pub(crate) fn look<T>(&self, job: impl FnOnce(&Connection, &Shared) -> Result<T>) -> Result<T> {
        self.shared.reading(|conn| job(conn, &self.shared))
    }
}

impl Drop for SqliteStore {
    fn drop(&mut self) {
        self.writer = None;
        if let Some(thread) = self.thread.take() {
            // It ends by itself now; a panic in it was reported when it happened.
            drop(thread.join());
        }
    }
}

impl std::fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SqliteStore").finish_non_exhaustive()
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn record<'a>(
        &'a self,
        projects: &'a [ProjectId],
        planner: Planner<'a>,
    ) -> Result<Recorded, RecordError> {
        record::record(&self.shared, self.writer()?, projects, planner).await
    }

    async fn read<'a>(&'a self, project: ProjectId, at: AsOf, job: ReadJob<'a>) -> Result<()> {
        self.look(|conn, shared| {
            let shot = Shot::new(conn, shared, project, at)?;
            job(&shot);
            shot.error().map_or(Ok(()), Err)
        })
    }

    async fn create_project(&self, project: Project) -> Result<Project> {
        self.write(move |w| w.create_project(project)).await
    }

    async fn project(&self, key: &str) -> Result<Option<Arc<Project>>> {
        let read = || self.look(|conn, shared| objects::project(conn, shared, key));
        self.shared.project_by_key(key, read)
    }

    async fn projects(&self, after: i64, limit: usize) -> Result<Page<Arc<Project>>> {
        self.query(move |conn, shared| objects::projects(conn, shared, after, limit))
            .await
    }

    async fn delete_project(&self, project: ProjectId) -> Result<()> {
        self.write(move |w| w.hide_project(project)).await?;
        while !self.write(move |w| w.empty_project(project, STEP)).await? {}
        Ok(())
    }

    async fn objects(
        &self,
        project: ProjectId,
        collection: Collection,
        after: i64,
        limit: usize,
    ) -> Result<Page<Arc<Doc>>> {
        self.query(move |conn, shared| {
            objects::objects(conn, shared, project, collection, (after, limit))
        })
        .await
    }

    async fn activities(
        &self,
        project: ProjectId,
        before: i64,
        limit: usize,
    ) -> Result<Page<Activity>> {
        self.query(move |conn, shared| objects::activities(conn, shared, project, before, limit))
            .await
    }

    async fn event(&self, project: ProjectId, event: EventId) -> Result<Option<Activity>> {
        self.query(move |conn, shared| objects::event(conn, shared, project, event))
            .await
    }

    async fn next_webhook_id(&self) -> Result<WebhookId> {
        self.write(|w| {
            w.totals.webhook += 1;
            Ok(WebhookId(w.totals.webhook))
        })
        .await
    }

    async fn create_webhook(&self, webhook: Webhook, health: Health) -> Result<Arc<Webhook>> {
        self.write(move |w| w.create_webhook(webhook, &health))
            .await
    }

    async fn update_webhook(&self, webhook: Webhook) -> Result<Arc<Webhook>> {
        self.write(move |w| w.update_webhook(webhook)).await
    }

    async fn delete_webhook(&self, project: ProjectId, webhook: WebhookId) -> Result<()> {
        self.write(move |w| w.hide_webhook(project, webhook))
            .await?;
        while !self.write(move |w| w.skip_queue(webhook, STEP)).await? {}
        Ok(())
    }

    async fn webhook(
        &self,
        project: ProjectId,
        webhook: WebhookId,
    ) -> Result<Option<(Arc<Webhook>, Health, LaneCounts)>> {
        self.query(move |conn, _| people::webhook(conn, project, webhook))
            .await
    }

    async fn webhooks(
        &self,
        project: ProjectId,
        after: i64,
        limit: usize,
    ) -> Result<Page<(Arc<Webhook>, Health, LaneCounts)>> {
        self.query(move |conn, _| people::webhooks(conn, project, after, limit))
            .await
    }

    async fn lanes(&self) -> Result<Vec<LaneStart>> {
        self.query(people::lanes).await
    }

    async fn pending(
        &self,
        webhook: WebhookId,
        after: DeliveryId,
        limit: usize,
    ) -> Result<Vec<Queued>> {
        self.query(move |conn, _| queue::pending(conn, webhook, after, limit))
            .await
    }

    async fn settle_noting(
        &self,
        settlements: &[Settlement],
        health: &[(WebhookId, Health)],
        notes: &[AuditEntry],
    ) -> Result<()> {
        // The writer is what everybody waits for: texts are made here.
        let settlements = Arc::new(queue::ready(settlements)?);
        let beside: Arc<(Vec<_>, Vec<_>)> = Arc::new((health.to_vec(), notes.to_vec()));
        loop {
            let (settlements, beside) = (Arc::clone(&settlements), Arc::clone(&beside));
            let job = move |w: &mut Writer<'_>| {
                w.settle(&settlements, &beside.0)?;
                beside.1.iter().try_for_each(|entry| w.note_change(entry))
            };
            match self.writer()?.write_repeatable(job).await {
                Err(StoreError::Conflict(AGAIN)) => {}
                answer => return answer,
            }
        }
    }

    async fn park(&self, webhook: WebhookId, limit: usize) -> Result<usize> {
        self.write(move |w| w.unqueue(webhook, limit, PARKED)).await
    }

    async fn resend(&self, project: ProjectId, delivery: DeliveryId) -> Result<Queued> {
        self.write(move |w| w.resend(project, delivery)).await
    }

    async fn begin_sweep(
        &self,
        project: ProjectId,
        new: NewSweep,
        enable: Option<Health>,
    ) -> Result<Begun> {
        self.write(move |w| w.begin_sweep(project, &new, enable.as_ref()))
            .await
    }

    async fn sweeps(&self) -> Result<Vec<Sweep>> {
        self.query(|conn, _| sweeps::under_way(conn)).await
    }

    async fn sweep_deliveries(&self, webhook: WebhookId, limit: usize) -> Result<Swept> {
        self.write(move |w| w.sweep_deliveries(webhook, limit))
            .await
    }

    async fn sweep_events(
        &self,
        webhook: WebhookId,
        until: EventId,
        messages: Vec<NewMessage>,
    ) -> Result<Swept> {
        self.write(move |w| w.sweep_events(webhook, until, &messages))
            .await
    }

    async fn end_sweep(&self, webhook: WebhookId) -> Result<()> {
        self.write(move |w| {
            w.run("DELETE FROM sweeps WHERE webhook = ?1", [webhook.0])
                .map(drop)
        })
        .await
    }

    async fn sweep_left(&self, webhook: WebhookId) -> Result<Option<SweepLeft>> {
        self.query(move |conn, _| sweeps::left(conn, webhook)).await
    }

    async fn waiting_among(
        &self,
        webhook: WebhookId,
        ids: (DeliveryId, DeliveryId),
    ) -> Result<u64> {
        self.query(move |conn, _| sweeps::waiting_among(conn, webhook, ids))
            .await
    }

    async fn oldest_parked(&self, webhook: WebhookId) -> Result<Option<DeliveryId>> {
        self.query(move |conn, _| sweeps::oldest_parked(conn, webhook))
            .await
    }

    async fn count_sweep(&self, new: NewSweep) -> Result<u64> {
        self.query(move |conn, _| sweeps::count(conn, &new)).await
    }

    async fn missed(
        &self,
        webhook: WebhookId,
        since_ms: i64,
        after: EventId,
        limit: usize,
    ) -> Result<Vec<Activity>> {
        self.query(move |conn, shared| {
            sweeps::missed(conn, shared, webhook, (since_ms, after, limit))
        })
        .await
    }

    async fn absent(
        &self,
        project: ProjectId,
        event: EventId,
        webhooks: (WebhookId, WebhookId),
    ) -> Result<Vec<WebhookId>> {
        self.query(move |conn, _| sweeps::absent(conn, project, event, webhooks))
            .await
    }

    async fn next_delivery_id(&self) -> Result<DeliveryId> {
        self.write(|w| Ok(w.next_delivery())).await
    }

    async fn log_test(&self, test: TestSend) -> Result<()> {
        self.write(move |w| w.log_test(&test)).await
    }

    async fn deliveries(
        &self,
        project: ProjectId,
        filter: &DeliveryFilter,
        before: i64,
        limit: usize,
    ) -> Result<Page<DeliverySummary>> {
        let filter = filter.clone();
        self.query(move |conn, _| log::deliveries(conn, project, &filter, before, limit))
            .await
    }

    async fn delivery(
        &self,
        project: ProjectId,
        delivery: DeliveryId,
    ) -> Result<Option<DeliveryDetail>> {
        self.query(move |conn, _| log::delivery(conn, project, delivery))
            .await
    }

    async fn deliveries_of_event(
        &self,
        project: ProjectId,
        event: EventId,
        webhooks: (WebhookId, WebhookId),
        limit: usize,
    ) -> Result<Vec<EventDelivery>> {
        self.query(move |conn, _| log::of_event(conn, project, event, webhooks, limit))
            .await
    }

    async fn tally(
        &self,
        project: ProjectId,
        events: &[EventId],
    ) -> Result<Vec<(EventId, DeliveryState, u64)>> {
        let events = events.to_vec();
        self.query(move |conn, _| log::tally(conn, project, &events))
            .await
    }

    async fn webhook_names(
        &self,
        project: ProjectId,
        webhooks: &[WebhookId],
    ) -> Result<Vec<(WebhookId, String)>> {
        let webhooks = webhooks.to_vec();
        self.query(move |conn, _| people::webhook_names(conn, project, &webhooks))
            .await
    }

    async fn add_hours(&self, hours: &[Hour]) -> Result<()> {
        let hours: Arc<[Hour]> = hours.into();
        self.write(move |w| w.add_hours(&hours)).await
    }

    async fn hours(&self, webhooks: &[WebhookId], since: i64) -> Result<Vec<Hour>> {
        let webhooks = webhooks.to_vec();
        self.query(move |conn, _| figures::hours(conn, &webhooks, since))
            .await
    }

    async fn shifts(
        &self,
        project: ProjectId,
        webhook: WebhookId,
        before: i64,
        limit: usize,
    ) -> Result<Page<(i64, Shift)>> {
        self.query(move |conn, _| figures::shifts(conn, project, webhook, (before, limit)))
            .await
    }

    async fn figures(&self) -> Result<StoreFigures> {
        self.query(move |conn, shared| figures::figures(conn, shared.path()))
            .await
    }

    async fn create_token(&self, token: Token) -> Result<Token> {
        self.write(move |w| w.create_token(token)).await
    }

    async fn token_by_hash(&self, hash: &[u8; 32]) -> Result<Option<Token>> {
        self.look(|conn, _| people::token_by_hash(conn, hash))
    }

    async fn tokens(
        &self,
        project: Option<ProjectId>,
        after: i64,
        limit: usize,
    ) -> Result<Page<Token>> {
        self.query(move |conn, _| people::tokens(conn, project, after, limit))
            .await
    }

    async fn delete_token(&self, project: Option<ProjectId>, token: TokenId) -> Result<()> {
        self.write(move |w| w.delete_token(project, token)).await
    }

    async fn memo(&self, scope: &str, key: &str) -> Result<Option<String>> {
        self.look(|conn, shared| keep::memo(conn, shared, scope, key))
    }

    async fn keep(&self, deed: Deed, notes: MakeNotes) -> Result<Done> {
        let (deletes_project, deletes_webhook) = match &deed {
            Deed::DeleteProject(project) => (Some(*project), None),
            Deed::DeleteWebhook(_, webhook) => (None, Some(*webhook)),
            _ => (None, None),
        };
        let done = self.write(move |w| w.carry_out(deed, notes)).await?;
        if let Some(project) = deletes_project {
            while !self.write(move |w| w.empty_project(project, STEP)).await? {}
        }
        if let Some(webhook) = deletes_webhook {
            while !self.write(move |w| w.skip_queue(webhook, STEP)).await? {}
        }
        Ok(done)
    }

    async fn document(&self, name: &str) -> Result<Option<String>> {
        self.look(|conn, _| people::document(conn, name))
    }

    async fn put_document(&self, name: &str, text: &str) -> Result<()> {
        let (name, text) = (name.to_owned(), text.to_owned());
        self.write(move |w| w.put_document(&name, &text)).await
    }

    async fn audit(
        &self,
        filter: &AuditFilter,
        before: i64,
        limit: usize,
    ) -> Result<Page<AuditRow>> {
        let filter = filter.clone();
        self.query(move |conn, _| audit::list(conn, &filter, before, limit))
            .await
    }

    async fn audit_actors(
        &self,
        project: Option<ProjectId>,
    ) -> Result<Vec<tidings_storage::audit::Actor>> {
        self.query(move |conn, _| audit::actors(conn, project))
            .await
    }

    async fn has_secrets(&self) -> Result<bool> {
        self.look(|conn, _| people::has_secrets(conn))
    }

    async fn prune(&self, now_ms: i64, retention: Retention, step: usize) -> Result<Pruned> {
        self.write(move |w| w.prune(now_ms, retention, step)).await
    }

    async fn check(&self) -> Result<()> {
        if self.shared.was_full.load(Ordering::Relaxed) {
            // A small commit may fit where an ordinary change does not: is there room for more than one of them?
            self.put_document(ROOM, &"-".repeat(ROOM_BYTES)).await?;
            self.put_document(ROOM, "").await?;
            self.shared.was_full.store(false, Ordering::Relaxed);
        }
        // The row is written as it is: what counts is that the commit reaches the disk.
        self.write(|w| w.run("UPDATE server SET one = one", []).map(drop))
            .await
    }
}
