//! A store in memory: for the simulation, for tests, and as the plainest statement of what every method does.
//!
//! Everything lies behind one lock, so that each method is one transaction. [`MemoryStore::crash`] ends this life of the store and
//! starts the next one on what was committed: the old handle refuses from then on, as a dead process would.

mod accounts;
mod disk;
mod figures;
mod log;
mod queue;
mod shot;
mod store;
mod sweeps;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};
use tidings_domain::delivery::{DeliveryState, Trigger};
use tidings_domain::webhook::{Health, Webhook};
use tidings_domain::{
    Clock, DeliveryId, Doc, EventId, ObjectRef, Project, ProjectId, TokenId, WebhookId,
};

use crate::audit::AuditRow;
use crate::{
    Absence, Activity, Attempt, CommitListener, Queued, ServerTime, StoreError, Sweep, Token,
};

use queue::fresh_schedule;
use store::page;

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// A store in memory.
pub struct MemoryStore {
    disk: Arc<Mutex<Disk>>,
    life: u64,
    listener: Arc<dyn CommitListener>,
    time: ServerTime,
}

/// What survives a crash.
#[derive(Default)]
struct Disk {
    life: u64,
    full: bool,
    projects: BTreeMap<ProjectId, ProjectState>,
    used_projects: BTreeSet<ProjectId>,
    last_event: i64,
    last_ms: i64,
    last_delivery: Option<DeliveryId>,
    last_webhook: i64,
    last_token: i64,
    webhooks: BTreeMap<WebhookId, Lane>,
    deliveries: BTreeMap<DeliveryId, Row>,
    by_webhook: BTreeSet<(WebhookId, DeliveryId)>,
    waiting: BTreeSet<(WebhookId, DeliveryId)>,
    absences: BTreeMap<(WebhookId, EventId), Absence>,
    /// Events from before this time go: rows or bytes bound, and the log reaches no further back.
    prune_events_to: i64,
    sweeps: BTreeMap<WebhookId, Sweep>,
    tokens: BTreeMap<TokenId, Token>,
    documents: BTreeMap<String, String>,
    memos: BTreeMap<(String, String), (String, i64)>,
    people: accounts::People,
    audit: Vec<AuditRow>,
    last_audit: i64,
}

#[derive(Default)]
struct ProjectState {
    versions: Vec<(EventId, Arc<Project>)>,
    objects: BTreeMap<ObjectRef, Vec<Version>>,
    events: BTreeMap<EventId, Recording>,
}

/// An object from an event on, until the next version.
struct Version {
    from: EventId,
    doc: Arc<Doc>,
    deleted: bool,
}

struct Recording {
    activity: Activity,
    listed: bool,
}

struct Lane {
    webhook: Arc<Webhook>,
    health: Health,
    deleted: bool,
    history: figures::History,
}

#[derive(Clone)]
struct Row {
    queued: Queued,
    project: ProjectId,
    webhook: Option<WebhookId>,
    state: DeliveryState,
    made_by: Trigger,
    title: String,
    attempts: Vec<Attempt>,
}

impl MemoryStore {
    /// An empty store.
    pub fn new(clock: Arc<dyn Clock>, listener: Arc<dyn CommitListener>) -> Self {
        Self {
            disk: Arc::default(),
            life: 0,
            listener,
            time: ServerTime::resume(clock, 0),
        }
    }

    /// Ends this life of the store, as a crash would, and starts the next on what was committed. Reserved ids that were not used
    /// are forgotten. Every later call on `self` fails with [`StoreError::Unavailable`] and writes nothing.
    #[must_use]
    pub fn crash(&self, clock: Arc<dyn Clock>, listener: Arc<dyn CommitListener>) -> Self {
        let mut disk = self.disk.lock();
        disk.life += 1;
        Self {
            disk: Arc::clone(&self.disk),
            life: disk.life,
            listener,
            time: ServerTime::resume(clock, disk.last_ms),
        }
    }

    /// While the disk is full every write fails with [`StoreError::Unavailable`]; reads go on.
    pub fn set_full(&self, full: bool) {
        self.disk.lock().full = full;
    }

    fn reading(&self) -> Result<MutexGuard<'_, Disk>, StoreError> {
        let disk = self.disk.lock();
        if disk.life == self.life {
            Ok(disk)
        } else {
            Err(StoreError::Unavailable(
                "this handle is of a life before a crash".into(),
            ))
        }
    }

    fn writing(&self) -> Result<MutexGuard<'_, Disk>, StoreError> {
        let mut disk = self.reading()?;
        if disk.full {
            return Err(StoreError::Unavailable("the disk is full".into()));
        }
        disk.last_ms = self.time.now_ms().max(disk.last_ms);
        Ok(disk)
    }
}

impl std::fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MemoryStore")
            .field("life", &self.life)
            .finish_non_exhaustive()
    }
}
