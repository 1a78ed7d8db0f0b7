//! A store in memory: for the simulation, for tests, and as the plainest statement of what every method does.
//!
//! Everything lies behind one lock, so that each method is one transaction. [`MemoryStore::crash`] ends this life of the store and
//! starts the next one on what was committed: the old handle refuses from then on, as a dead process would.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use parking_lot::{Mutex, MutexGuard};
use tidings_domain::collection::ITEMS;
use tidings_domain::delivery::{DeliveryState, Outcome, Trigger};
use tidings_domain::project::WebhookSwitch;
use tidings_domain::webhook::{Health, HealthState, Shift, Webhook};
use tidings_domain::{
    Clock, Collection, DeliveryId, Doc, EventId, ObjectRef, Project, ProjectId, TokenId, View,
    WebhookId,
};

use crate::audit;
use crate::audit::{AuditEntry, AuditFilter, AuditRow};
use crate::{
    Absence, Activity, AsOf, Attempt, Begun, COUNTED, CommitListener, Deed, DeliveryDetail,
    DeliveryFilter, DeliverySummary, Done, EventDelivery, EventIds, Hour, LaneCounts, LaneStart,
    LastAttempt, MakeNotes, Memo, Message, NewMessage, NewSweep, Page, Plan, Planner, Pruned,
    Queued, ReadJob, RecordError, Recorded, Retention, ServerTime, Settlement, Snapshot, Store,
    StoreError, StoreFigures, Sweep, SweepLeft, Swept, TestSend, Then, Token, TokenKind, Write,
    WriteWhat, created_ms, memo_is_old, memos_of,
};

mod accounts;
mod figures;
mod sweeps;
#[cfg(test)]
mod tests;

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

// === Snapshot ===

struct Shot<'a> {
    disk: &'a Disk,
    state: &'a ProjectState,
    id: ProjectId,
    project: &'a Arc<Project>,
    at: Option<EventId>,
}

impl<'a> Shot<'a> {
    fn new(disk: &'a Disk, id: ProjectId, at: AsOf) -> Result<Self, StoreError> {
        let at = match at {
            AsOf::Now => None,
            AsOf::Event(event) => Some(event),
        };
        let state = disk.projects.get(&id).ok_or(StoreError::NotFound)?;
        let seen = state
            .versions
            .iter()
            .rev()
            .find(|(from, _)| at.is_none_or(|at| *from <= at))
            .or(state.versions.first());
        let (_, project) = seen.ok_or(StoreError::NotFound)?;
        Ok(Self {
            disk,
            state,
            id,
            project,
            at,
        })
    }

    fn version(&self, key: ObjectRef) -> Option<&'a Version> {
        self.pick(self.state.objects.get(&key)?)
    }

    fn pick(&self, versions: &'a [Version]) -> Option<&'a Version> {
        versions
            .iter()
            .rev()
            .find(|v| self.at.is_none_or(|at| v.from <= at))
    }

    fn versions(&self, collection: Collection) -> impl Iterator<Item = (i64, &'a Version)> {
        let range = ObjectRef::new(collection, i64::MIN)..=ObjectRef::new(collection, i64::MAX);
        self.state
            .objects
            .range(range)
            .filter_map(|(key, versions)| Some((key.id, self.pick(versions)?)))
    }

    fn present(&self, collection: Collection) -> impl Iterator<Item = &'a Arc<Doc>> {
        self.versions(collection)
            .filter(|(_, v)| !v.deleted)
            .map(|(_, v)| &v.doc)
    }
}

fn smallest_free(used: &BTreeSet<i64>) -> i64 {
    let mut free = 1;
    for taken in used.range(1..) {
        if *taken != free {
            break;
        }
        free += 1;
    }
    free
}

impl View for Shot<'_> {
    fn project(&self) -> &Arc<Project> {
        self.project
    }

    fn get(&self, key: ObjectRef) -> Option<Arc<Doc>> {
        self.version(key)
            .filter(|v| !v.deleted)
            .map(|v| Arc::clone(&v.doc))
    }

    fn person(&self, id: i64) -> Option<Arc<Doc>> {
        self.version(ObjectRef::new(Collection::Members, id))
            .map(|v| Arc::clone(&v.doc))
    }

    fn referrers(&self, to: ObjectRef, from: Collection, member: &str) -> Vec<Arc<Doc>> {
        self.present(from)
            .filter(|d| d.references().iter().any(|(m, r)| *m == member && *r == to))
            .cloned()
            .collect()
    }

    fn all(&self, collection: Collection) -> Vec<Arc<Doc>> {
        self.present(collection).cloned().collect()
    }

    fn by_external_id(&self, collection: Collection, external_id: &str) -> Option<i64> {
        self.present(collection)
            .find(|d| d.opt_text("external_id") == Some(external_id))
            .map(|d| d.id())
    }

    fn by_number(&self, number: i64) -> Option<ObjectRef> {
        ITEMS
            .iter()
            .flat_map(|c| self.present(*c))
            .find(|d| d.int("number") == Some(number))
            .map(|d| d.key())
    }

    fn last_sequence(&self, key: ObjectRef) -> Option<i64> {
        self.version(key)
            .filter(|v| v.deleted)
            .map(|v| v.doc.sequence())
    }

    fn next_id(&self, collection: Collection) -> i64 {
        let family = if collection.is_item() {
            ITEMS.as_slice()
        } else {
            std::slice::from_ref(&collection)
        };
        let used = family.iter().flat_map(|c| self.versions(*c));
        smallest_free(&used.map(|(id, _)| id).collect())
    }

    fn next_number(&self) -> i64 {
        let items = ITEMS.iter().flat_map(|c| self.present(*c));
        smallest_free(&items.filter_map(|d| d.int("number")).collect())
    }

    fn max_rank(&self, collection: Collection) -> i64 {
        self.present(collection)
            .filter_map(|d| d.int("rank"))
            .max()
            .unwrap_or(0)
    }

    fn count_with(&self, collection: Collection, member: &str, value: &str) -> usize {
        self.present(collection)
            .filter(|d| d.opt_text(member) == Some(value))
            .count()
    }
}

impl Snapshot for Shot<'_> {
    fn webhooks(&self) -> Arc<Vec<Arc<Webhook>>> {
        let own = |lane: &&Lane| lane.webhook.project == self.id && !lane.deleted;
        let lanes = self.disk.webhooks.values().filter(own);
        Arc::new(lanes.map(|lane| Arc::clone(&lane.webhook)).collect())
    }

    fn memo(&self, scope: &str, key: &str) -> Option<String> {
        self.disk.memo(scope, key)
    }
}

struct Counter(i64);

impl EventIds for Counter {
    fn next(&mut self) -> EventId {
        self.0 += 1;
        EventId(self.0)
    }
}

// === Writing ===

impl Disk {
    fn create_project(&mut self, mut project: Project) -> Result<Project, StoreError> {
        let taken = |p: &ProjectState| {
            let latest = p.versions.last();
            latest.is_some_and(|(_, p)| p.key.eq_ignore_ascii_case(&project.key))
        };
        if self.projects.values().any(taken) {
            return Err(StoreError::Conflict("key"));
        }
        if project.id.0 == 0 {
            let used = self.used_projects.iter().map(|p| p.0).collect();
            project.id = ProjectId(smallest_free(&used));
        }
        if !self.used_projects.insert(project.id) {
            return Err(StoreError::Conflict("id"));
        }
        let state = ProjectState {
            versions: vec![(EventId(0), Arc::new(project.clone()))],
            ..ProjectState::default()
        };
        self.projects.insert(project.id, state);
        Ok(project)
    }

    fn delete_project(&mut self, project: ProjectId) -> Result<(), StoreError> {
        self.projects.remove(&project).ok_or(StoreError::NotFound)?;
        let lanes = self.webhooks.iter();
        let gone = lanes.filter(|(_, l)| l.webhook.project == project);
        for webhook in gone.map(|(id, _)| *id).collect::<Vec<_>>() {
            self.webhooks.remove(&webhook);
            self.forget_sweeps(webhook);
        }
        self.tokens.retain(|_, t| t.project != Some(project));
        self.people.forget_project(project);
        self.deliveries.retain(|_, row| row.project != project);
        let Disk {
            waiting,
            deliveries,
            by_webhook,
            ..
        } = self;
        waiting.retain(|(_, id)| deliveries.contains_key(id));
        by_webhook.retain(|(_, id)| deliveries.contains_key(id));
        let scopes = memos_of(project);
        self.memos
            .retain(|(scope, _), _| !scope.starts_with(&scopes));
        Ok(())
    }

    fn create_webhook(
        &mut self,
        webhook: Webhook,
        health: Health,
    ) -> Result<Arc<Webhook>, StoreError> {
        if !self.projects.contains_key(&webhook.project) {
            return Err(StoreError::NotFound);
        }
        if self.webhooks.contains_key(&webhook.id) {
            return Err(StoreError::Conflict("id"));
        }
        self.last_webhook = self.last_webhook.max(webhook.id.0);
        let webhook = Arc::new(webhook);
        let lane = Lane {
            webhook: Arc::clone(&webhook),
            health: Health::default(),
            deleted: false,
            history: figures::History::default(),
        };
        self.webhooks.insert(webhook.id, lane);
        self.write_health(webhook.id, health);
        self.note_absence(webhook.id);
        Ok(webhook)
    }

    fn update_webhook(&mut self, webhook: Webhook) -> Result<Arc<Webhook>, StoreError> {
        let lane = self.webhooks.get_mut(&webhook.id);
        let lane = lane
            .filter(|l| !l.deleted && l.webhook.project == webhook.project)
            .ok_or(StoreError::NotFound)?;
        if lane.webhook.version != webhook.version - 1 {
            return Err(StoreError::Conflict("version"));
        }
        let webhook = Arc::new(webhook);
        lane.webhook = Arc::clone(&webhook);
        self.note_absence(webhook.id);
        Ok(webhook)
    }

    fn delete_webhook(&mut self, project: ProjectId, webhook: WebhookId) -> Result<(), StoreError> {
        let lane = self.webhooks.get_mut(&webhook);
        let lane = lane
            .filter(|l| !l.deleted && l.webhook.project == project)
            .ok_or(StoreError::NotFound)?;
        lane.deleted = true;
        // Its secrets go with it.
        let bare = Arc::make_mut(&mut lane.webhook);
        bare.secrets = None;
        bare.headers.clear();
        lane.history = figures::History::default();
        for state in [DeliveryState::Pending, DeliveryState::Parked] {
            for id in self.of_webhook(webhook, state) {
                self.set_state(id, DeliveryState::Skipped);
            }
        }
        self.waiting.retain(|(w, _)| *w != webhook);
        self.forget_sweeps(webhook);
        Ok(())
    }

    fn create_token(&mut self, mut token: Token) -> Result<Token, StoreError> {
        if token
            .project
            .is_some_and(|p| !self.projects.contains_key(&p))
        {
            return Err(StoreError::NotFound);
        }
        if self.tokens.values().any(|t| t.hash == token.hash) {
            return Err(StoreError::Conflict("token"));
        }
        self.last_token += 1;
        token.id = TokenId(self.last_token);
        self.tokens.insert(token.id, token.clone());
        Ok(token)
    }

    fn delete_token(
        &mut self,
        project: Option<ProjectId>,
        token: TokenId,
    ) -> Result<(), StoreError> {
        match self.tokens.get(&token) {
            Some(found) if found.project == project => {
                self.tokens.remove(&token);
                Ok(())
            }
            _ => Err(StoreError::NotFound),
        }
    }

    fn memo(&self, scope: &str, key: &str) -> Option<String> {
        self.memos
            .get(&(scope.to_owned(), key.to_owned()))
            .filter(|(_, made_ms)| !memo_is_old(*made_ms, self.last_ms))
            .map(|(answer, _)| answer.clone())
    }

    fn keep(&mut self, memo: Memo) {
        let kept = (memo.answer, self.last_ms);
        self.memos.insert((memo.scope, memo.key), kept);
    }

    fn note_change(&mut self, entry: AuditEntry) {
        let id = self.last_audit + 1;
        self.last_audit = id;
        self.audit.push(AuditRow {
            id,
            at_ms: self.last_ms,
            entry,
        });
    }

    fn carry_out(&mut self, deed: Deed) -> Result<Done, StoreError> {
        Ok(match deed {
            Deed::Nothing => Done::Nothing,
            Deed::CreateProject(project) => Done::Project(Box::new(self.create_project(*project)?)),
            Deed::DeleteProject(project) => {
                self.delete_project(project)?;
                Done::Nothing
            }
            Deed::CreateWebhook(webhook, health) => {
                Done::Webhook(self.create_webhook(*webhook, *health)?)
            }
            Deed::UpdateWebhook(webhook) => Done::Webhook(self.update_webhook(*webhook)?),
            Deed::DeleteWebhook(project, webhook) => {
                self.delete_webhook(project, webhook)?;
                Done::Nothing
            }
            Deed::CreateToken(token) => Done::Token(Box::new(self.create_token(*token)?)),
            Deed::DeleteToken(project, token) => {
                self.delete_token(project, token)?;
                Done::Nothing
            }
            Deed::PutDocument(name, text) => {
                self.documents.insert(name.to_owned(), text);
                Done::Nothing
            }
            Deed::Resend(project, delivery) => {
                Done::Queued(Box::new(self.resend(project, delivery)?))
            }
            Deed::BeginSweep(project, new, enable) => {
                let health = enable.map(|health| *health);
                Done::Begun(Box::new(self.begin_sweep(project, &new, health)?))
            }
            Deed::CreateAccount(account) => self.people.create(*account)?,
            Deed::UpdateAccount(account, ends) => self.people.update(*account, ends)?,
            Deed::DeleteAccount(id) => self.people.delete(id)?,
            Deed::PutMembership(membership) => {
                if !self.projects.contains_key(&membership.project) {
                    return Err(StoreError::NotFound);
                }
                self.people.put_membership(membership)?
            }
            Deed::RemoveMembership(account, project) => {
                self.people.remove_membership(account, project)?
            }
            Deed::CreateLink(link, now_ms) => self.people.create_link(link, now_ms)?,
            Deed::UseLink(used) => self.people.use_link(*used)?,
            Deed::OpenSession(new) => self.people.open_session(*new)?,
        })
    }

    fn apply(&mut self, write: &Write) -> Result<(), StoreError> {
        let state = self
            .projects
            .get_mut(&write.project)
            .ok_or(StoreError::NotFound)?;
        let mut forget_tokens = |member: i64| {
            let kind = TokenKind::Member { member };
            let is_theirs = |t: &Token| t.project == Some(write.project) && t.kind == kind;
            self.tokens.retain(|_, token| !is_theirs(token));
        };
        match &write.what {
            WriteWhat::Put(doc) => {
                let versions = state.objects.entry(doc.key()).or_default();
                let appears = versions.last().is_none_or(|last| last.deleted);
                if appears && doc.collection() == Collection::Members {
                    forget_tokens(doc.id());
                }
                put(versions, write, doc);
            }
            WriteWhat::Delete(key) => {
                if key.collection == Collection::Members {
                    // Whoever gets the number next is somebody else.
                    self.people.forget_member(write.project, key.id);
                    forget_tokens(key.id);
                }
                if let Some(versions) = state.objects.get_mut(key)
                    && let Some(last) = versions.last().filter(|v| !v.deleted)
                {
                    let doc = Arc::clone(&last.doc);
                    versions.retain(|v| v.from != write.version);
                    versions.push(Version {
                        from: write.version,
                        doc,
                        deleted: true,
                    });
                }
            }
            WriteWhat::Project(project) => {
                state.versions.retain(|(from, _)| *from != write.version);
                state.versions.push((write.version, Arc::clone(project)));
                self.note_absences(write.project);
            }
        }
        Ok(())
    }

    fn next_delivery(&mut self) -> DeliveryId {
        let last = self.last_delivery.unwrap_or(DeliveryId(0));
        let id = DeliveryId::next(last, self.last_ms);
        self.last_delivery = Some(id);
        id
    }

    /// Makes the deliveries of a plan.
    fn queue(&mut self, plan: &Plan) -> Vec<Queued> {
        let mut deliveries = Vec::new();
        for new in &plan.messages {
            let ids: Vec<_> = new.webhooks.iter().map(|_| self.next_delivery()).collect();
            deliveries.extend(self.make(new, &ids, Trigger::Event, DeliveryState::Pending));
        }
        deliveries
    }

    /// Makes the deliveries of a message.
    fn make(
        &mut self,
        new: &NewMessage,
        ids: &[DeliveryId],
        trigger: Trigger,
        state: DeliveryState,
    ) -> Vec<Queued> {
        let Some(first) = ids.first() else {
            return Vec::new();
        };
        let message = Arc::new(Message {
            id: first.0,
            project: new.project,
            event: Some(new.event),
            dialect: new.dialect.to_owned(),
            code: new.code.to_owned(),
            body: new.body.clone(),
            object: new.object.clone(),
            sequence: new.sequence,
            roots: new.roots.clone(),
        });
        let mut deliveries = Vec::new();
        for (id, webhook) in ids.iter().zip(&new.webhooks) {
            let queued = Queued {
                id: *id,
                webhook: *webhook,
                message: Arc::clone(&message),
                tries: 0,
                first_try_ms: None,
                due_ms: None,
                wait_ms: 0,
                late: false,
                trigger,
                settled: false,
            };
            if state == DeliveryState::Pending {
                self.waiting.insert((*webhook, *id));
            }
            let row = Row {
                queued: queued.clone(),
                project: new.project,
                webhook: Some(*webhook),
                state,
                made_by: trigger,
                title: new.title.clone(),
                attempts: Vec::new(),
            };
            self.add(*id, row);
            deliveries.push(queued);
        }
        deliveries
    }

    fn add(&mut self, id: DeliveryId, row: Row) {
        self.by_webhook.insert((row.queued.webhook, id));
        self.deliveries.insert(id, row);
    }

    /// The deliveries of a webhook, oldest first.
    fn rows_of(&self, webhook: WebhookId) -> impl DoubleEndedIterator<Item = &Row> {
        let all = (webhook, DeliveryId(i64::MIN))..=(webhook, DeliveryId(i64::MAX));
        let ids = self.by_webhook.range(all);
        ids.filter_map(|(_, id)| self.deliveries.get(id))
    }

    fn has_delivery(&self, webhook: WebhookId, event: EventId, code: &str) -> bool {
        self.rows_of(webhook)
            .any(|row| row.queued.message.event == Some(event) && row.queued.message.code == code)
    }

    fn set_state(&mut self, id: DeliveryId, state: DeliveryState) {
        if let Some(row) = self.deliveries.get_mut(&id) {
            row.state = state;
            if state != DeliveryState::Pending {
                row.queued.settled = false;
                row.queued.due_ms = None;
                self.waiting.remove(&(row.queued.webhook, id));
            }
        }
    }

    fn settle_one(&mut self, settlement: Settlement) {
        let waiting = (settlement.webhook, settlement.delivery);
        let Some(row) = self.deliveries.get_mut(&settlement.delivery) else {
            return;
        };
        if row.webhook != Some(settlement.webhook) {
            return;
        }
        let tried = settlement.attempt.is_some();
        if let Some(mut attempt) = settlement.attempt {
            attempt.number = u32::try_from(row.attempts.len() + 1).unwrap_or(u32::MAX);
            row.attempts.push(attempt);
        }
        // A request was in flight when the rest of its webhook was put aside: what was accepted is delivered all the same.
        let late_success = row.state == DeliveryState::Parked && settlement.then == Then::Delivered;
        if row.state != DeliveryState::Pending && !late_success {
            // One more try of what was delivered before: it stays delivered whatever came.
            if row.queued.settled && (tried || settlement.then != Then::AsItIs) {
                row.queued.settled = false;
                self.waiting.remove(&waiting);
            }
            return;
        }
        if settlement.then == Then::AsItIs {
            return;
        }
        row.queued.tries = settlement.tries;
        row.queued.first_try_ms = settlement.first_try_ms;
        row.queued.late = settlement.late;
        let state = match settlement.then {
            Then::Delivered => DeliveryState::Delivered,
            Then::Failed => DeliveryState::Failed,
            Then::Parked => DeliveryState::Parked,
            Then::Skipped => DeliveryState::Skipped,
            Then::Retry { due_ms, wait_ms } => {
                row.queued.due_ms = Some(due_ms);
                row.queued.wait_ms = wait_ms;
                row.queued.trigger = Trigger::Retry;
                return;
            }
            Then::AsItIs => return,
        };
        self.set_state(settlement.delivery, state);
    }

    fn of_webhook(&self, webhook: WebhookId, state: DeliveryState) -> Vec<DeliveryId> {
        self.rows_of(webhook)
            .filter(|row| row.state == state)
            .map(|row| row.queued.id)
            .collect()
    }

    fn counts(&self, webhook: WebhookId) -> LaneCounts {
        let queue = (webhook, DeliveryId(0))..=(webhook, DeliveryId(i64::MAX));
        let waiting = self.waiting.range(queue).take(COUNTED).count();
        let parked = self.of_webhook(webhook, DeliveryState::Parked).len();
        LaneCounts {
            pending: waiting as u64,
            parked: parked.min(COUNTED) as u64,
        }
    }

    /// Pending deliveries of a paused webhook are shown as held.
    fn shown_state(&self, row: &Row) -> DeliveryState {
        let lane = row.webhook.and_then(|w| self.webhooks.get(&w));
        if row.state == DeliveryState::Pending
            && lane.is_some_and(|l| l.health.state == HealthState::Paused)
        {
            DeliveryState::Held
        } else {
            row.state
        }
    }

    fn summary(&self, row: &Row) -> DeliverySummary {
        let message = &row.queued.message;
        DeliverySummary {
            id: row.queued.id,
            webhook: row.webhook,
            event: message.event,
            dialect: message.dialect.clone(),
            code: message.code.clone(),
            object: message.object.clone(),
            sequence: message.sequence,
            title: row.title.clone(),
            state: self.shown_state(row),
            trigger: row.made_by.as_str().to_owned(),
            late: row.queued.late,
            created_ms: created_ms(row.queued.id),
            due_ms: row.queued.due_ms,
            attempts: u32::try_from(row.attempts.len()).unwrap_or(u32::MAX),
            last: row.attempts.last().map(|a| LastAttempt {
                outcome: Outcome::parse(&a.outcome).unwrap_or(Outcome::Unsendable),
                status: a.status,
                duration_ms: a.duration_ms,
                error: a.error.as_ref().map(|e| e.code.clone()),
            }),
        }
    }

    fn matches(&self, row: &Row, filter: &DeliveryFilter) -> bool {
        let message = &row.queued.message;
        let made_ms = created_ms(row.queued.id);
        let last = row.attempts.last();
        let about = |object: &String| {
            message.object == *object || message.roots.iter().any(|r| r.to_string() == *object)
        };
        let tried = |trigger: Trigger| {
            row.made_by == trigger || row.attempts.iter().any(|a| a.trigger == trigger.as_str())
        };
        let found = |q: &String| {
            let q = q.to_ascii_lowercase();
            let holds = |text: &str| text.to_ascii_lowercase().contains(&q);
            let error = last.and_then(|a| a.error.as_ref());
            holds(&row.title)
                || holds(&message.code)
                || error.is_some_and(|e| holds(&e.code) || holds(&e.detail))
                || (filter.since_ms.is_some() && holds(&String::from_utf8_lossy(&message.body)))
        };
        filter.webhook.is_none_or(|w| row.webhook == Some(w))
            && filter.state.is_none_or(|s| self.shown_state(row) == s)
            && filter.event.is_none_or(|e| message.event == Some(e))
            && filter.code.as_ref().is_none_or(|c| message.code == *c)
            && filter.object.as_ref().is_none_or(about)
            && filter.trigger.is_none_or(tried)
            && filter
                .status
                .is_none_or(|s| last.and_then(|a| a.status) == Some(s))
            && filter.since_ms.is_none_or(|t| made_ms >= t)
            && filter.until_ms.is_none_or(|t| made_ms < t)
            && filter.q.as_ref().is_none_or(found)
    }

    fn bytes(&self) -> u64 {
        let answer = |a: &Attempt| a.response.as_ref().map_or(0, |r| r.body.len());
        let rows = self.deliveries.values();
        rows.map(|row| {
            let first = row.queued.message.id == row.queued.id.0;
            let body = if first {
                row.queued.message.body.len()
            } else {
                0
            };
            (body + row.attempts.iter().map(answer).sum::<usize>()) as u64
        })
        .sum()
    }

    fn retain_versions(&mut self) -> u64 {
        let mut removed = 0;
        for state in self.projects.values_mut() {
            let Some(oldest) = state.events.keys().next().copied() else {
                continue;
            };
            for versions in state.objects.values_mut() {
                let before = versions.len();
                // A version is needed as long as the next one does not yet hold for the event before the oldest.
                let needless = versions
                    .windows(2)
                    .take_while(|pair| pair.get(1).is_some_and(|next| next.from < oldest))
                    .count();
                versions.drain(..needless);
                removed += (before - versions.len()) as u64;
            }
        }
        removed
    }
}

fn put(versions: &mut Vec<Version>, write: &Write, doc: &Arc<Doc>) {
    versions.retain(|v| v.from != write.version);
    versions.push(Version {
        from: write.version,
        doc: Arc::clone(doc),
        deleted: false,
    });
}

fn page<T>(rows: impl Iterator<Item = T>, limit: usize, cursor: impl Fn(&T) -> i64) -> Page<T> {
    weighed_page(rows, limit, cursor, |_| 0)
}

/// A page that also ends when it weighs [`PAGE_BYTES`](crate::PAGE_BYTES).
fn weighed_page<T>(
    mut rows: impl Iterator<Item = T>,
    limit: usize,
    cursor: impl Fn(&T) -> i64,
    weight: impl Fn(&T) -> usize,
) -> Page<T> {
    let mut data: Vec<T> = Vec::new();
    let mut bytes = 0;
    while data.len() < limit && bytes < crate::PAGE_BYTES {
        let Some(row) = rows.next() else { break };
        bytes += weight(&row);
        data.push(row);
    }
    let more = rows.next().is_some();
    let next = data.last().filter(|_| more).map(cursor);
    Page { data, next }
}

#[async_trait]
impl Store for MemoryStore {
    async fn record<'a>(
        &'a self,
        projects: &'a [ProjectId],
        mut planner: Planner<'a>,
    ) -> Result<Recorded, RecordError> {
        let mut disk = self.writing()?;
        let mut ids = Counter(disk.last_event);
        let plan = {
            let shots = projects
                .iter()
                .map(|id| Shot::new(&disk, *id, AsOf::Now))
                .collect::<Result<Vec<_>, _>>()?;
            let snapshots: Vec<&dyn Snapshot> = shots.iter().map(|s| s as &dyn Snapshot).collect();
            planner(&snapshots, &mut ids)?
        };
        let ours = |project: &ProjectId| projects.contains(project);
        if !plan.writes.iter().all(|w| ours(&w.project))
            || !plan.messages.iter().all(|m| ours(&m.project))
            || !plan.events.iter().all(|e| ours(&e.event.project))
        {
            return Err(StoreError::Conflict("project").into());
        }
        disk.last_event = ids.0;
        let now_ms = disk.last_ms;
        for write in &plan.writes {
            disk.apply(write)?;
        }
        for recorded in &plan.events {
            let activity = Activity {
                event: Arc::clone(&recorded.event),
                recorded_ms: now_ms,
            };
            if let Some(state) = disk.projects.get_mut(&recorded.event.project) {
                let listed = recorded.listed;
                let recording = Recording { activity, listed };
                state.events.insert(recorded.event.id, recording);
            }
        }
        for memo in &plan.memos {
            disk.keep(memo.clone());
        }
        for entry in &plan.audit {
            disk.note_change(entry.clone());
        }
        let deliveries = disk.queue(&plan);
        if !deliveries.is_empty() {
            self.listener.committed(&deliveries);
        }
        Ok(Recorded { plan, deliveries })
    }

    async fn read<'a>(
        &'a self,
        project: ProjectId,
        at: AsOf,
        job: ReadJob<'a>,
    ) -> Result<(), StoreError> {
        let disk = self.reading()?;
        job(&Shot::new(&disk, project, at)?);
        Ok(())
    }

    async fn create_project(&self, project: Project) -> Result<Project, StoreError> {
        self.writing()?.create_project(project)
    }

    async fn project(&self, key: &str) -> Result<Option<Arc<Project>>, StoreError> {
        let disk = self.reading()?;
        let latest = disk.projects.values().filter_map(|p| p.versions.last());
        let found = latest
            .map(|(_, project)| project)
            .find(|p| p.key.eq_ignore_ascii_case(key));
        Ok(found.cloned())
    }

    async fn projects(&self, after: i64, limit: usize) -> Result<Page<Arc<Project>>, StoreError> {
        let disk = self.reading()?;
        let rows = disk
            .projects
            .range(ProjectId(after.saturating_add(1))..)
            .filter_map(|(_, p)| p.versions.last().map(|(_, project)| Arc::clone(project)));
        Ok(page(rows, limit, |p| p.id.0))
    }

    async fn delete_project(&self, project: ProjectId) -> Result<(), StoreError> {
        self.writing()?.delete_project(project)
    }

    async fn objects(
        &self,
        project: ProjectId,
        collection: Collection,
        after: i64,
        limit: usize,
    ) -> Result<Page<Arc<Doc>>, StoreError> {
        let disk = self.reading()?;
        let shot = Shot::new(&disk, project, AsOf::Now)?;
        let rows = shot.present(collection).filter(|d| d.id() > after);
        Ok(weighed_page(
            rows.cloned(),
            limit,
            |d| d.id(),
            |d| d.weight(),
        ))
    }

    async fn activities(
        &self,
        project: ProjectId,
        before: i64,
        limit: usize,
    ) -> Result<Page<Activity>, StoreError> {
        let disk = self.reading()?;
        let state = disk.projects.get(&project).ok_or(StoreError::NotFound)?;
        let end = if before > 0 { before } else { i64::MAX };
        let rows = state.events.range(..EventId(end)).rev();
        let rows = rows
            .filter(|(_, r)| r.listed)
            .map(|(_, r)| r.activity.clone());
        Ok(weighed_page(
            rows,
            limit,
            |a| a.event.id.0,
            |a| a.event.change().map_or(0, |c| c.object.weight()),
        ))
    }

    async fn event(
        &self,
        project: ProjectId,
        event: EventId,
    ) -> Result<Option<Activity>, StoreError> {
        let disk = self.reading()?;
        let state = disk.projects.get(&project).ok_or(StoreError::NotFound)?;
        Ok(state.events.get(&event).map(|r| r.activity.clone()))
    }

    async fn next_webhook_id(&self) -> Result<WebhookId, StoreError> {
        let mut disk = self.writing()?;
        disk.last_webhook += 1;
        Ok(WebhookId(disk.last_webhook))
    }

    async fn create_webhook(
        &self,
        webhook: Webhook,
        health: Health,
    ) -> Result<Arc<Webhook>, StoreError> {
        self.writing()?.create_webhook(webhook, health)
    }

    async fn update_webhook(&self, webhook: Webhook) -> Result<Arc<Webhook>, StoreError> {
        self.writing()?.update_webhook(webhook)
    }

    async fn delete_webhook(
        &self,
        project: ProjectId,
        webhook: WebhookId,
    ) -> Result<(), StoreError> {
        self.writing()?.delete_webhook(project, webhook)
    }

    async fn webhook(
        &self,
        project: ProjectId,
        webhook: WebhookId,
    ) -> Result<Option<(Arc<Webhook>, Health, LaneCounts)>, StoreError> {
        let disk = self.reading()?;
        let lane = disk.webhooks.get(&webhook);
        let lane = lane.filter(|l| !l.deleted && l.webhook.project == project);
        Ok(lane.map(|l| {
            let counts = disk.counts(webhook);
            (Arc::clone(&l.webhook), l.health.clone(), counts)
        }))
    }

    async fn webhooks(
        &self,
        project: ProjectId,
        after: i64,
        limit: usize,
    ) -> Result<Page<(Arc<Webhook>, Health, LaneCounts)>, StoreError> {
        let disk = self.reading()?;
        let rows = disk
            .webhooks
            .range(WebhookId(after.saturating_add(1))..)
            .filter(|(_, l)| !l.deleted && l.webhook.project == project)
            .map(|(id, l)| (Arc::clone(&l.webhook), l.health.clone(), disk.counts(*id)));
        Ok(page(rows, limit, |(w, _, _)| w.id.0))
    }

    async fn lanes(&self) -> Result<Vec<LaneStart>, StoreError> {
        let disk = self.reading()?;
        let start = |(id, lane): (&WebhookId, &Lane)| {
            let project = disk.projects.get(&lane.webhook.project)?;
            let (_, project) = project.versions.last()?;
            let queue = (*id, DeliveryId(i64::MIN))..=(*id, DeliveryId(i64::MAX));
            Some(LaneStart {
                webhook: Arc::clone(&lane.webhook),
                health: lane.health.clone(),
                project_on: project.webhooks == WebhookSwitch::On,
                has_pending: disk.waiting.range(queue).next().is_some(),
            })
        };
        let lanes = disk.webhooks.iter().filter(|(_, l)| !l.deleted);
        Ok(lanes.filter_map(start).collect())
    }

    async fn pending(
        &self,
        webhook: WebhookId,
        after: DeliveryId,
        limit: usize,
    ) -> Result<Vec<Queued>, StoreError> {
        let disk = self.reading()?;
        let from = (webhook, DeliveryId(after.0.saturating_add(1)));
        Ok(disk
            .waiting
            .range(from..=(webhook, DeliveryId(i64::MAX)))
            .filter_map(|(_, id)| disk.deliveries.get(id))
            .take(limit)
            .map(|row| row.queued.clone())
            .collect())
    }

    async fn settle_noting(
        &self,
        settlements: &[Settlement],
        health: &[(WebhookId, Health)],
        notes: &[AuditEntry],
    ) -> Result<(), StoreError> {
        let mut disk = self.writing()?;
        for settlement in settlements {
            disk.settle_one(settlement.clone());
        }
        for (webhook, health) in health {
            disk.write_health(*webhook, health.clone());
        }
        for entry in notes {
            disk.note_change(entry.clone());
        }
        Ok(())
    }

    async fn park(&self, webhook: WebhookId, limit: usize) -> Result<usize, StoreError> {
        let mut disk = self.writing()?;
        let mut ids = disk.of_webhook(webhook, DeliveryState::Pending);
        ids.truncate(limit);
        for id in &ids {
            disk.set_state(*id, DeliveryState::Parked);
        }
        Ok(ids.len())
    }

    async fn resend(&self, project: ProjectId, delivery: DeliveryId) -> Result<Queued, StoreError> {
        self.writing()?.resend(project, delivery)
    }

    async fn begin_sweep(
        &self,
        project: ProjectId,
        new: NewSweep,
        enable: Option<Health>,
    ) -> Result<Begun, StoreError> {
        self.writing()?.begin_sweep(project, &new, enable)
    }

    async fn sweeps(&self) -> Result<Vec<Sweep>, StoreError> {
        Ok(self.reading()?.sweeps.values().cloned().collect())
    }

    async fn sweep_deliveries(
        &self,
        webhook: WebhookId,
        limit: usize,
    ) -> Result<Swept, StoreError> {
        self.writing()?.sweep_deliveries(webhook, limit)
    }

    async fn sweep_events(
        &self,
        webhook: WebhookId,
        until: EventId,
        messages: Vec<NewMessage>,
    ) -> Result<Swept, StoreError> {
        let mut disk = self.writing()?;
        let (swept, made) = disk.sweep_events(webhook, until, &messages)?;
        if !made.is_empty() {
            self.listener.committed(&made);
        }
        Ok(swept)
    }

    async fn end_sweep(&self, webhook: WebhookId) -> Result<(), StoreError> {
        self.writing()?.sweeps.remove(&webhook);
        Ok(())
    }

    async fn sweep_left(&self, webhook: WebhookId) -> Result<Option<SweepLeft>, StoreError> {
        Ok(self.reading()?.sweep_left(webhook))
    }

    async fn waiting_among(
        &self,
        webhook: WebhookId,
        (first, last): (DeliveryId, DeliveryId),
    ) -> Result<u64, StoreError> {
        let state = self.reading()?;
        let queue = state.waiting.range((webhook, first)..=(webhook, last));
        Ok(queue.count() as u64)
    }

    async fn oldest_parked(&self, webhook: WebhookId) -> Result<Option<DeliveryId>, StoreError> {
        Ok(self.reading()?.oldest_parked(webhook))
    }

    async fn count_sweep(&self, new: NewSweep) -> Result<u64, StoreError> {
        Ok(self.reading()?.count_sweep(&new))
    }

    async fn missed(
        &self,
        webhook: WebhookId,
        since_ms: i64,
        after: EventId,
        limit: usize,
    ) -> Result<Vec<Activity>, StoreError> {
        self.reading()?.missed(webhook, since_ms, after, limit)
    }

    async fn absent(
        &self,
        project: ProjectId,
        event: EventId,
        webhooks: (WebhookId, WebhookId),
    ) -> Result<Vec<WebhookId>, StoreError> {
        Ok(self.reading()?.absent(project, event, webhooks))
    }

    async fn next_delivery_id(&self) -> Result<DeliveryId, StoreError> {
        Ok(self.writing()?.next_delivery())
    }

    async fn log_test(&self, test: TestSend) -> Result<(), StoreError> {
        let mut disk = self.writing()?;
        let message = Arc::new(Message {
            id: test.delivery.0,
            project: test.project,
            event: None,
            dialect: test.dialect.to_owned(),
            code: test.code.to_owned(),
            body: test.body,
            object: test.object,
            sequence: test.sequence,
            roots: Vec::new(),
        });
        let number = |(mut attempt, number): (Attempt, u32)| {
            attempt.number = number;
            attempt
        };
        let attempts: Vec<Attempt> = test.attempts.into_iter().zip(1..).map(number).collect();
        let row = Row {
            queued: Queued {
                id: test.delivery,
                webhook: test.webhook.unwrap_or(WebhookId(0)),
                message,
                tries: u32::try_from(attempts.len()).unwrap_or(u32::MAX),
                first_try_ms: None,
                due_ms: None,
                wait_ms: 0,
                late: false,
                trigger: Trigger::Test,
                settled: false,
            },
            project: test.project,
            webhook: test.webhook,
            state: if test.accepted {
                DeliveryState::Delivered
            } else {
                DeliveryState::Failed
            },
            made_by: Trigger::Test,
            title: test.title,
            attempts,
        };
        disk.add(test.delivery, row);
        Ok(())
    }

    async fn deliveries(
        &self,
        project: ProjectId,
        filter: &DeliveryFilter,
        before: i64,
        limit: usize,
    ) -> Result<Page<DeliverySummary>, StoreError> {
        let disk = self.reading()?;
        let end = if before > 0 { before } else { i64::MAX };
        let wanted = |row: &&Row| row.project == project && disk.matches(row, filter);
        if let Some(webhook) = filter.webhook {
            let rows = disk.rows_of(webhook).rev();
            let rows = rows.filter(|row| row.queued.id.0 < end).filter(wanted);
            return Ok(page(rows.map(|row| disk.summary(row)), limit, |d| d.id.0));
        }
        let rows = disk.deliveries.range(..DeliveryId(end)).rev();
        let rows = rows.map(|(_, row)| row).filter(wanted);
        Ok(page(rows.map(|row| disk.summary(row)), limit, |d| d.id.0))
    }

    async fn delivery(
        &self,
        project: ProjectId,
        delivery: DeliveryId,
    ) -> Result<Option<DeliveryDetail>, StoreError> {
        let disk = self.reading()?;
        let row = disk.deliveries.get(&delivery);
        let row = row.filter(|r| r.project == project);
        Ok(row.map(|row| DeliveryDetail {
            summary: disk.summary(row),
            body: Bytes::clone(&row.queued.message.body),
            attempts: row.attempts.clone(),
        }))
    }

    async fn deliveries_of_event(
        &self,
        project: ProjectId,
        event: EventId,
        (after, upto): (WebhookId, WebhookId),
        limit: usize,
    ) -> Result<Vec<EventDelivery>, StoreError> {
        let disk = self.reading()?;
        let meant = |w: WebhookId| after < w && w <= upto;
        let mut rows: Vec<&Row> = disk
            .deliveries
            .values()
            .filter(|row| row.project == project && row.queued.message.event == Some(event))
            .filter(|row| row.webhook.is_some_and(meant))
            .collect();
        rows.sort_by_key(|row| (row.webhook, row.queued.id));
        rows.truncate(limit);
        let shown = rows.into_iter().map(|row| {
            let last = row.attempts.last();
            EventDelivery {
                summary: disk.summary(row),
                last_at: last.map(|a| a.started_at.clone()),
                detail: last.and_then(|a| a.error.as_ref().map(|e| e.detail.clone())),
            }
        });
        Ok(shown.collect())
    }

    async fn tally(
        &self,
        project: ProjectId,
        events: &[EventId],
    ) -> Result<Vec<(EventId, DeliveryState, u64)>, StoreError> {
        let disk = self.reading()?;
        let mut tally: BTreeMap<(EventId, usize), u64> = BTreeMap::new();
        for row in disk.deliveries.values().filter(|r| r.project == project) {
            let Some(event) = row.queued.message.event.filter(|e| events.contains(e)) else {
                continue;
            };
            let state = disk.shown_state(row);
            let place = DeliveryState::ALL.iter().position(|s| *s == state);
            *tally.entry((event, place.unwrap_or_default())).or_default() += 1;
        }
        let tally = tally.into_iter().filter_map(|((event, place), count)| {
            Some((event, *DeliveryState::ALL.get(place)?, count))
        });
        Ok(tally.collect())
    }

    async fn webhook_names(
        &self,
        project: ProjectId,
        webhooks: &[WebhookId],
    ) -> Result<Vec<(WebhookId, String)>, StoreError> {
        let disk = self.reading()?;
        let own = |(id, lane): (&WebhookId, &Lane)| {
            let meant = lane.webhook.project == project && webhooks.contains(id);
            meant.then(|| (*id, lane.webhook.name.clone()))
        };
        Ok(disk.webhooks.iter().filter_map(own).collect())
    }

    async fn add_hours(&self, hours: &[Hour]) -> Result<(), StoreError> {
        self.writing()?.add_hours(hours);
        Ok(())
    }

    async fn hours(&self, webhooks: &[WebhookId], since: i64) -> Result<Vec<Hour>, StoreError> {
        Ok(self.reading()?.hours(webhooks, since))
    }

    async fn shifts(
        &self,
        project: ProjectId,
        webhook: WebhookId,
        before: i64,
        limit: usize,
    ) -> Result<Page<(i64, Shift)>, StoreError> {
        let disk = self.reading()?;
        let shifts = disk.shifts(project, webhook, before);
        Ok(page(shifts.into_iter(), limit, |(number, _)| *number))
    }

    async fn figures(&self) -> Result<StoreFigures, StoreError> {
        Ok(self.reading()?.figures())
    }

    async fn create_token(&self, token: Token) -> Result<Token, StoreError> {
        self.writing()?.create_token(token)
    }

    async fn token_by_hash(&self, hash: &[u8; 32]) -> Result<Option<Token>, StoreError> {
        let disk = self.reading()?;
        Ok(disk.tokens.values().find(|t| t.hash == *hash).cloned())
    }

    async fn tokens(
        &self,
        project: Option<ProjectId>,
        after: i64,
        limit: usize,
    ) -> Result<Page<Token>, StoreError> {
        let disk = self.reading()?;
        let rows = disk
            .tokens
            .range(TokenId(after.saturating_add(1))..)
            .map(|(_, token)| token)
            .filter(|token| token.project == project);
        Ok(page(rows.cloned(), limit, |t| t.id.0))
    }

    async fn delete_token(
        &self,
        project: Option<ProjectId>,
        token: TokenId,
    ) -> Result<(), StoreError> {
        self.writing()?.delete_token(project, token)
    }

    async fn memo(&self, scope: &str, key: &str) -> Result<Option<String>, StoreError> {
        Ok(self.reading()?.memo(scope, key))
    }

    async fn keep(&self, deed: Deed, notes: MakeNotes) -> Result<Done, StoreError> {
        let mut disk = self.writing()?;
        let done = disk.carry_out(deed)?;
        let notes = notes(&done);
        if let Some(memo) = notes.memo {
            disk.keep(memo);
        }
        if let Some(entry) = notes.audit {
            disk.note_change(entry);
        }
        Ok(done)
    }

    async fn document(&self, name: &str) -> Result<Option<String>, StoreError> {
        Ok(self.reading()?.documents.get(name).cloned())
    }

    async fn put_document(&self, name: &str, text: &str) -> Result<(), StoreError> {
        let mut disk = self.writing()?;
        disk.documents.insert(name.to_owned(), text.to_owned());
        Ok(())
    }

    async fn audit(
        &self,
        filter: &AuditFilter,
        before: i64,
        limit: usize,
    ) -> Result<Page<AuditRow>, StoreError> {
        let disk = self.reading()?;
        let rows = disk.audit.iter().rev();
        let rows = rows.filter(|row| (before <= 0 || row.id < before) && filter.admits(row));
        Ok(page(rows.cloned(), limit, |row| row.id))
    }

    async fn audit_actors(
        &self,
        project: Option<ProjectId>,
    ) -> Result<Vec<audit::Actor>, StoreError> {
        let disk = self.reading()?;
        let entries = disk.audit.iter().rev().map(|row| &row.entry);
        let entries = entries.filter(|e| project.is_none_or(|p| e.project == Some(p)));
        let mut actors = BTreeMap::new();
        for entry in entries.take(audit::ACTORS_AMONG) {
            let actor = &entry.actor;
            actors
                .entry(actor.handle())
                .or_insert_with(|| actor.clone());
        }
        Ok(actors.into_values().collect())
    }

    async fn has_secrets(&self) -> Result<bool, StoreError> {
        let disk = self.reading()?;
        let sealed = |l: &Lane| l.webhook.secrets.is_some() || !l.webhook.headers.is_empty();
        Ok(disk.webhooks.values().any(sealed))
    }

    async fn prune(
        &self,
        now_ms: i64,
        retention: Retention,
        step: usize,
    ) -> Result<Pruned, StoreError> {
        let mut disk = self.writing()?;
        let mut pruned = Pruned::default();
        let held_before = now_ms.saturating_sub(i64::from(retention.held_days) * DAY_MS);
        let kept_from = now_ms.saturating_sub(i64::from(retention.days) * DAY_MS);

        let waits = |state| matches!(state, DeliveryState::Held | DeliveryState::Parked);
        let rows = disk.deliveries.values();
        let expired: Vec<DeliveryId> = rows
            .take_while(|row| created_ms(row.queued.id) < held_before)
            .filter(|row| waits(disk.shown_state(row)))
            .map(|row| row.queued.id)
            .take(step)
            .collect();
        for id in &expired {
            disk.set_state(*id, DeliveryState::Expired);
        }
        pruned.expired = expired.len() as u64;
        pruned.more |= expired.len() == step;

        let mut bytes = match retention.max_bytes {
            0 => 0,
            _ => disk.bytes(),
        };
        let mut rows = disk.deliveries.len() as u64;
        let mut removed = Vec::new();
        let mut reached = 0;
        for (id, row) in &disk.deliveries {
            let over = (retention.max_rows > 0 && rows > retention.max_rows)
                || (retention.max_bytes > 0 && bytes > retention.max_bytes);
            let old = created_ms(*id) < kept_from;
            if removed.len() == step || !(old || over) {
                // The events of the first that stays do too.
                reached = reached.min(created_ms(*id));
                break;
            }
            let settled = !matches!(row.state, DeliveryState::Pending | DeliveryState::Parked)
                && !row.queued.settled;
            if settled {
                reached = if over { created_ms(*id) + 1 } else { reached };
                removed.push(*id);
                rows -= 1;
                bytes = bytes.saturating_sub(row.queued.message.body.len() as u64);
            }
        }
        for id in &removed {
            if let Some(row) = disk.deliveries.remove(id) {
                disk.by_webhook.remove(&(row.queued.webhook, *id));
            }
        }
        pruned.removed += removed.len() as u64;
        pruned.more |= removed.len() == step;

        // For room, as far as the log reaches; but what a webhook missed is as good as parked.
        disk.prune_events_to = disk.prune_events_to.max(reached);
        let for_room = disk.prune_events_to;
        let missed = disk.absences.keys().map(|(_, since)| *since).min();
        let mut events = 0;
        for state in disk.projects.values_mut() {
            while events < step
                && let Some(first) = state.events.first_entry()
                && let recorded_ms = first.get().activity.recorded_ms
                && (recorded_ms < kept_from
                    || (recorded_ms < for_room && missed.is_none_or(|m| *first.key() <= m)))
            {
                first.remove();
                events += 1;
            }
        }
        pruned.removed += events as u64;
        pruned.more |= events == step;
        pruned.removed += disk.retain_versions();
        let audited_from = now_ms.saturating_sub(i64::from(retention.audit_days) * DAY_MS);
        let before = disk.audit.len();
        disk.audit.retain(|row| row.at_ms >= audited_from);
        pruned.removed += (before - disk.audit.len()) as u64;
        disk.forget_absences();
        disk.forget_shifts(kept_from);
        disk.memos
            .retain(|_, (_, made_ms)| !memo_is_old(*made_ms, now_ms));
        Ok(pruned)
    }

    async fn check(&self) -> Result<(), StoreError> {
        self.writing().map(drop)
    }
}

fn fresh_schedule(queued: &mut Queued, trigger: Trigger) {
    queued.tries = 0;
    queued.first_try_ms = None;
    queued.due_ms = None;
    queued.wait_ms = 0;
    queued.trigger = trigger;
}
