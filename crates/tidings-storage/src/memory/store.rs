//! The store's promises, kept in memory.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use tidings_domain::delivery::{DeliveryState, Trigger};
use tidings_domain::project::WebhookSwitch;
use tidings_domain::webhook::{Health, Shift, Webhook};
use tidings_domain::{
    Collection, DeliveryId, Doc, EventId, Project, ProjectId, TokenId, WebhookId,
};

use super::shot::Shot;
use super::{DAY_MS, Lane, MemoryStore, Recording, Row};
use crate::audit::{AuditEntry, AuditFilter, AuditRow};
use crate::{
    Activity, AsOf, Attempt, Begun, Deed, DeliveryDetail, DeliveryFilter, DeliverySummary, Done,
    EventDelivery, EventIds, Hour, LaneCounts, LaneStart, MakeNotes, NewMessage, NewSweep, Page,
    Planner, Pruned, Queued, ReadJob, RecordError, Recorded, Retention, Settlement, Snapshot,
    Store, StoreError, StoreFigures, Sweep, SweepLeft, Swept, TestSend, Token, audit, created_ms,
    memo_is_old,
};

struct Counter(i64);

impl EventIds for Counter {
    fn next(&mut self) -> EventId {
        self.0 += 1;
        EventId(self.0)
    }
}

pub(super) fn page<T>(
    rows: impl Iterator<Item = T>,
    limit: usize,
    cursor: impl Fn(&T) -> i64,
) -> Page<T> {
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
        let message = Arc::new(test.message());
        let webhook = test.webhook.unwrap_or(WebhookId(0));
        let number = |(mut attempt, number): (Attempt, u32)| {
            attempt.number = number;
            attempt
        };
        let attempts: Vec<Attempt> = test.attempts.into_iter().zip(1..).map(number).collect();
        let row = Row {
            queued: Queued {
                tries: u32::try_from(attempts.len()).unwrap_or(u32::MAX),
                ..Queued::new(test.delivery, webhook, message, Trigger::Test)
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
