//! What the log shows.

use tidings_domain::delivery::{DeliveryState, Outcome, Trigger};
use tidings_domain::webhook::HealthState;
use tidings_domain::{DeliveryId, EventId, WebhookId};

use super::{Disk, Row};
use crate::{
    Attempt, COUNTED, DeliveryFilter, DeliverySummary, LaneCounts, LastAttempt, created_ms,
};

impl Disk {
    /// The deliveries of a webhook, oldest first.
    pub(super) fn rows_of(&self, webhook: WebhookId) -> impl DoubleEndedIterator<Item = &Row> {
        let all = (webhook, DeliveryId(i64::MIN))..=(webhook, DeliveryId(i64::MAX));
        let ids = self.by_webhook.range(all);
        ids.filter_map(|(_, id)| self.deliveries.get(id))
    }

    pub(super) fn has_delivery(&self, webhook: WebhookId, event: EventId, code: &str) -> bool {
        self.rows_of(webhook)
            .any(|row| row.queued.message.event == Some(event) && row.queued.message.code == code)
    }

    pub(super) fn of_webhook(&self, webhook: WebhookId, state: DeliveryState) -> Vec<DeliveryId> {
        self.rows_of(webhook)
            .filter(|row| row.state == state)
            .map(|row| row.queued.id)
            .collect()
    }

    pub(super) fn counts(&self, webhook: WebhookId) -> LaneCounts {
        let queue = (webhook, DeliveryId(0))..=(webhook, DeliveryId(i64::MAX));
        let waiting = self.waiting.range(queue).take(COUNTED).count();
        let parked = self.of_webhook(webhook, DeliveryState::Parked).len();
        LaneCounts {
            pending: waiting as u64,
            parked: parked.min(COUNTED) as u64,
        }
    }

    /// Pending deliveries of a paused webhook are shown as held.
    pub(super) fn shown_state(&self, row: &Row) -> DeliveryState {
        let lane = row.webhook.and_then(|w| self.webhooks.get(&w));
        if row.state == DeliveryState::Pending
            && lane.is_some_and(|l| l.health.state == HealthState::Paused)
        {
            DeliveryState::Held
        } else {
            row.state
        }
    }

    pub(super) fn summary(&self, row: &Row) -> DeliverySummary {
        let message = &row.queued.message;
        DeliverySummary {
            id: row.queued.id,
            webhook: row.webhook,
            event: message.event,
            dialect: message.dialect.to_string(),
            code: message.code.to_string(),
            object: message.object.to_string(),
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

    pub(super) fn matches(&self, row: &Row, filter: &DeliveryFilter) -> bool {
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

    pub(super) fn bytes(&self) -> u64 {
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
}
