//! Absences and sweeps in memory.

use std::collections::BTreeSet;
use std::sync::Arc;

use tidings_domain::delivery::{DeliveryState, Trigger};
use tidings_domain::project::WebhookSwitch;
use tidings_domain::webhook::Health;
use tidings_domain::{DeliveryId, EventId, ProjectId, WebhookId};

use super::{Disk, fresh_schedule};
use crate::sweep::first_id;
use crate::{
    Absence, Activity, Begun, Errand, NewMessage, NewSweep, Next, Queued, StoreError, Sweep,
    SweepLeft, Swept,
};

impl Disk {
    // === Absences ===

    fn project_on(&self, project: ProjectId) -> bool {
        let state = self.projects.get(&project);
        let latest = state.and_then(|p| p.versions.last());
        latest.is_some_and(|(_, p)| p.webhooks == WebhookSwitch::On)
    }

    fn absences_of(&self, webhook: WebhookId) -> Vec<Absence> {
        let all = (webhook, EventId(i64::MIN))..=(webhook, EventId(i64::MAX));
        self.absences.range(all).map(|(_, a)| *a).collect()
    }

    fn put_absence(&mut self, webhook: WebhookId, absence: Absence) {
        self.absences.insert((webhook, absence.since), absence);
    }

    /// The project's switch may have been turned.
    pub(super) fn note_absences(&mut self, project: ProjectId) {
        let lanes = self.webhooks.iter();
        let own = lanes.filter(|(_, l)| l.webhook.project == project && !l.deleted);
        for webhook in own.map(|(id, _)| *id).collect::<Vec<_>>() {
            self.note_absence(webhook);
        }
    }

    /// A webhook may have been switched.
    pub(super) fn note_absence(&mut self, webhook: WebhookId) {
        let Some(lane) = self.webhooks.get(&webhook) else {
            return;
        };
        let off = !(lane.webhook.enabled && self.project_on(lane.webhook.project));
        let open = self.absences_of(webhook).into_iter().find(Absence::is_open);
        let now = EventId(self.last_event);
        match open {
            None if off => {
                self.put_absence(webhook, Absence::open(now));
                let delivers = |s: &mut Sweep| s.errand != Errand::Skip;
                if self.sweeps.get_mut(&webhook).is_some_and(delivers) {
                    self.sweeps.remove(&webhook);
                }
            }
            Some(absence) if !off => self.close(webhook, absence),
            _ => {}
        }
    }

    fn close(&mut self, webhook: WebhookId, absence: Absence) {
        self.absences.remove(&(webhook, absence.since));
        let now = EventId(self.last_event);
        if self.events_in(webhook, absence.since, now).is_empty() {
            return;
        }
        let absence = absence.close(now, self.next_delivery());
        self.last_delivery = Some(absence.place_end);
        self.put_absence(webhook, absence);
    }

    fn events_in(&self, webhook: WebhookId, since: EventId, until: EventId) -> Vec<EventId> {
        let lane = self.webhooks.get(&webhook);
        let state = lane.and_then(|l| self.projects.get(&l.webhook.project));
        let range = (
            std::ops::Bound::Excluded(since),
            std::ops::Bound::Included(until.max(since)),
        );
        state.map_or_else(Vec::new, |s| {
            s.events.range(range).map(|(id, _)| *id).collect()
        })
    }

    pub(super) fn absent(
        &self,
        project: ProjectId,
        event: EventId,
        (after, upto): (WebhookId, WebhookId),
    ) -> Vec<WebhookId> {
        let lanes = self.webhooks.iter();
        let meant = lanes.filter(|(id, l)| {
            l.webhook.project == project && !l.deleted && after < **id && **id <= upto
        });
        let missed = |id: &WebhookId| {
            let mut all = self.absences_of(*id).into_iter();
            all.any(|a| a.since < event && event <= a.until)
        };
        meant.map(|(id, _)| *id).filter(missed).collect()
    }

    /// The last event before that time.
    fn event_before(&self, project: ProjectId, since_ms: i64) -> EventId {
        let events = self.projects.get(&project).map(|p| p.events.values());
        let first = events
            .into_iter()
            .flatten()
            .find(|r| r.activity.recorded_ms >= since_ms);
        first.map_or(EventId(self.last_event), |r| {
            EventId(r.activity.event.id.0 - 1)
        })
    }

    pub(super) fn forget_sweeps(&mut self, webhook: WebhookId) {
        self.sweeps.remove(&webhook);
        self.absences.retain(|(of, _), _| *of != webhook);
    }

    /// What nobody can make up for any more.
    pub(super) fn forget_absences(&mut self) {
        let all = self.absences.iter().filter(|(_, a)| !a.is_open());
        let empty = |(key, a): (&(WebhookId, EventId), &Absence)| {
            let events = self.events_in(key.0, a.since, a.until);
            events.is_empty().then_some(*key)
        };
        for key in all.filter_map(empty).collect::<Vec<_>>() {
            self.absences.remove(&key);
        }
    }

    pub(super) fn missed(
        &self,
        webhook: WebhookId,
        since_ms: i64,
        after: EventId,
        limit: usize,
    ) -> Result<Vec<Activity>, StoreError> {
        let lane = self.webhooks.get(&webhook).ok_or(StoreError::NotFound)?;
        let project = lane.webhook.project;
        let after = after.max(self.event_before(project, since_ms));
        let state = self.projects.get(&project).ok_or(StoreError::NotFound)?;
        let mut ids = BTreeSet::new();
        for absence in self.absences_of(webhook) {
            let until = absence.until.min(EventId(self.last_event));
            ids.extend(self.events_in(webhook, absence.since.max(after), until));
        }
        let found = ids.iter().filter_map(|id| state.events.get(id));
        Ok(found.take(limit).map(|r| r.activity.clone()).collect())
    }

    /// A delivery is pending once more.
    pub(super) fn resend(
        &mut self,
        project: ProjectId,
        delivery: DeliveryId,
    ) -> Result<Queued, StoreError> {
        let Disk {
            deliveries,
            webhooks,
            waiting,
            ..
        } = self;
        let row = deliveries.get_mut(&delivery);
        let row = row
            .filter(|r| r.project == project)
            .ok_or(StoreError::NotFound)?;
        let lane = row.webhook.and_then(|w| webhooks.get(&w));
        if lane.is_none_or(|l| l.deleted) {
            return Err(StoreError::Conflict("webhook_deleted"));
        }
        if !waiting.insert((row.queued.webhook, delivery)) {
            return Err(StoreError::Conflict("pending"));
        }
        fresh_schedule(&mut row.queued, Trigger::Resend);
        if row.state == DeliveryState::Delivered {
            row.queued.settled = true;
        } else {
            row.state = DeliveryState::Pending;
        }
        Ok(row.queued.clone())
    }

    // === Sweeps ===

    pub(super) fn begin_sweep(
        &mut self,
        project: ProjectId,
        new: &NewSweep,
        enable: Option<Health>,
    ) -> Result<Begun, StoreError> {
        let id = new.webhook;
        let on = self.project_on(project);
        let running = self.sweeps.contains_key(&id);
        let lane = self.webhooks.get_mut(&id);
        let lane = lane
            .filter(|l| !l.deleted && l.webhook.project == project)
            .ok_or(StoreError::NotFound)?;
        if running {
            return Err(StoreError::Conflict("sweep"));
        }
        if new.errand != Errand::Skip {
            if !on {
                return Err(StoreError::Conflict("webhooks_off"));
            }
            if !lane.webhook.enabled && enable.is_none() {
                return Err(StoreError::Conflict("webhook_disabled"));
            }
        }
        if let Some(health) = enable {
            let webhook = Arc::make_mut(&mut lane.webhook);
            webhook.enabled = true;
            webhook.version += 1;
            self.write_health(id, health);
            self.note_absence(id);
        }
        let after = self.event_before(project, new.since_ms);
        if !matches!(new.errand, Errand::Resend { .. }) {
            self.part(id, after);
        }
        let end = self.last_delivery.unwrap_or(DeliveryId(0));
        let last = EventId(self.last_event);
        let sweep = Sweep::begin(new, project, end, (after, last));
        self.sweeps.insert(id, sweep.clone());
        let lane = self.webhooks.get(&id).ok_or(StoreError::NotFound)?;
        Ok(Begun {
            sweep,
            webhook: Arc::clone(&lane.webhook),
        })
    }

    /// Ends the absence that lasts, which begins anew, and parts the one in which that event lies.
    fn part(&mut self, webhook: WebhookId, after: EventId) {
        for absence in self.absences_of(webhook) {
            if absence.is_open() {
                self.close(webhook, absence);
                let now = EventId(self.last_event);
                self.put_absence(webhook, Absence::open(now));
            }
        }
        for absence in self.absences_of(webhook) {
            if let Some((early, late)) = absence.split(after).filter(|_| !absence.is_open()) {
                self.put_absence(webhook, early);
                self.put_absence(webhook, late);
            }
        }
    }

    fn under_way(&self, webhook: WebhookId) -> Result<(Sweep, Option<Absence>), StoreError> {
        let sweep = self.sweeps.get(&webhook).ok_or(StoreError::NotFound)?;
        let absences = self.absences_of(webhook);
        let next = absences.into_iter().find(|a| sweep.concerns(a));
        Ok((sweep.clone(), next))
    }

    fn chosen(&self, webhook: WebhookId, errand: Errand) -> impl Iterator<Item = DeliveryId> {
        let of = move |row: &&super::Row| match errand {
            Errand::Deliver | Errand::Skip => row.state == DeliveryState::Parked,
            Errand::Resend { failed, expired } => {
                row.made_by != Trigger::Test
                    && (failed && row.state == DeliveryState::Failed
                        || expired && row.state == DeliveryState::Expired)
            }
        };
        self.rows_of(webhook).filter(of).map(|row| row.queued.id)
    }

    pub(super) fn sweep_deliveries(
        &mut self,
        webhook: WebhookId,
        limit: usize,
    ) -> Result<Swept, StoreError> {
        let (mut sweep, absence) = self.under_way(webhook)?;
        let bound = sweep.bound(absence.as_ref());
        let ids: Vec<DeliveryId> = self
            .chosen(webhook, sweep.errand)
            .filter(|id| *id > sweep.at && *id <= bound)
            .take(limit)
            .collect();
        for id in &ids {
            self.deal_with(webhook, *id, sweep.errand);
        }
        let full = ids.len() == limit;
        sweep.deliveries_done(&ids, full, bound);
        let next = match absence {
            _ if full => Next::Deliveries,
            Some(absence) => Next::Events {
                after: absence.since,
                until: absence.until,
            },
            None => Next::Nothing,
        };
        if next == Next::Nothing {
            self.sweeps.remove(&webhook);
        } else {
            self.sweeps.insert(webhook, sweep.clone());
        }
        Ok(Swept { sweep, next })
    }

    fn deal_with(&mut self, webhook: WebhookId, id: DeliveryId, errand: Errand) {
        let trigger = match errand {
            Errand::Skip => return self.set_state(id, DeliveryState::Skipped),
            Errand::Deliver => Trigger::Recover,
            Errand::Resend { .. } => Trigger::Resend,
        };
        if let Some(row) = self.deliveries.get_mut(&id) {
            row.state = DeliveryState::Pending;
            fresh_schedule(&mut row.queued, trigger);
            self.waiting.insert((webhook, id));
        }
    }

    pub(super) fn sweep_events(
        &mut self,
        webhook: WebhookId,
        until: EventId,
        messages: &[NewMessage],
    ) -> Result<(Swept, Vec<Queued>), StoreError> {
        let (mut sweep, absence) = self.under_way(webhook)?;
        let mut absence = absence.ok_or(StoreError::Conflict("sweep"))?;
        let state = match sweep.errand {
            Errand::Skip => DeliveryState::Skipped,
            Errand::Deliver | Errand::Resend { .. } => DeliveryState::Pending,
        };
        // An event may say several things under one code: what was told is what was told before this step.
        let told = |new: &&NewMessage| self.has_delivery(webhook, new.event, new.code);
        let new: Vec<_> = messages.iter().filter(|m| !told(m)).collect();
        let mut made = Vec::new();
        for message in new {
            let id = absence.take_id().unwrap_or_else(|| self.next_delivery());
            made.extend(self.make(message, &[id], Trigger::Recover, state));
        }
        self.absences.remove(&(webhook, absence.since));
        let whole = until >= absence.until;
        if !whole {
            absence.since = until.max(absence.since);
            self.put_absence(webhook, absence);
        }
        sweep.events_done(made.len(), &absence, whole);
        self.sweeps.insert(webhook, sweep.clone());
        made.retain(|_| state == DeliveryState::Pending);
        let next = Next::Deliveries;
        Ok((Swept { sweep, next }, made))
    }

    pub(super) fn sweep_left(&self, webhook: WebhookId) -> Option<SweepLeft> {
        let sweep = self.sweeps.get(&webhook)?.clone();
        let ids = self.chosen(webhook, sweep.errand);
        let left = ids.filter(|id| *id > sweep.at && *id <= sweep.end);
        let deliveries = left.count() as u64;
        let absences = self.absences_of(webhook).into_iter();
        let events = absences
            .filter(|a| sweep.concerns(a))
            .map(|a| self.events_in(webhook, a.since, a.until).len() as u64)
            .sum();
        Some(SweepLeft {
            sweep,
            deliveries,
            events,
        })
    }

    pub(super) fn oldest_parked(&self, webhook: WebhookId) -> Option<DeliveryId> {
        self.chosen(webhook, Errand::Deliver).min()
    }

    pub(super) fn count_sweep(&self, new: &NewSweep) -> u64 {
        let since = first_id(new.since_ms);
        let until = new.until_ms.map(first_id);
        let ids = self.chosen(new.webhook, new.errand);
        let asked = |id: &DeliveryId| *id >= since && until.is_none_or(|u| *id < u);
        ids.filter(asked).count() as u64
    }
}
