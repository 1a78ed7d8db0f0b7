//! Messages, deliveries and the results of tries.

use std::sync::Arc;

use tidings_domain::DeliveryId;
use tidings_domain::delivery::{DeliveryState, Trigger};

use super::{Disk, Row};
use crate::{NewMessage, Plan, Queued, Settlement, Then};

impl Disk {
    pub(super) fn next_delivery(&mut self) -> DeliveryId {
        let last = self.last_delivery.unwrap_or(DeliveryId(0));
        let id = DeliveryId::next(last, self.last_ms);
        self.last_delivery = Some(id);
        id
    }

    /// Makes the deliveries of a plan.
    pub(super) fn queue(&mut self, plan: &Plan) -> Vec<Queued> {
        let mut deliveries = Vec::new();
        for new in &plan.messages {
            let ids: Vec<_> = new.webhooks.iter().map(|_| self.next_delivery()).collect();
            deliveries.extend(self.make(new, &ids, Trigger::Event, DeliveryState::Pending));
        }
        deliveries
    }

    /// Makes the deliveries of a message.
    pub(super) fn make(
        &mut self,
        new: &NewMessage,
        ids: &[DeliveryId],
        trigger: Trigger,
        state: DeliveryState,
    ) -> Vec<Queued> {
        let Some(first) = ids.first() else {
            return Vec::new();
        };
        let message = Arc::new(new.numbered(first.0));
        let mut deliveries = Vec::new();
        for (id, webhook) in ids.iter().zip(&new.webhooks) {
            let queued = Queued::new(*id, *webhook, Arc::clone(&message), trigger);
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

    pub(super) fn add(&mut self, id: DeliveryId, row: Row) {
        self.by_webhook.insert((row.queued.webhook, id));
        self.deliveries.insert(id, row);
    }

    pub(super) fn set_state(&mut self, id: DeliveryId, state: DeliveryState) {
        if let Some(row) = self.deliveries.get_mut(&id) {
            row.state = state;
            if state != DeliveryState::Pending {
                row.queued.settled = false;
                row.queued.due_ms = None;
                self.waiting.remove(&(row.queued.webhook, id));
            }
        }
    }

    pub(super) fn settle_one(&mut self, settlement: Settlement) {
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
}

pub(super) fn fresh_schedule(queued: &mut Queued, trigger: Trigger) {
    queued.tries = 0;
    queued.first_try_ms = None;
    queued.due_ms = None;
    queued.wait_ms = 0;
    queued.trigger = trigger;
}
