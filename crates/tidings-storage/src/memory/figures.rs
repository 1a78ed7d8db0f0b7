//! Hours, history and figures in memory.

use std::collections::BTreeMap;

use tidings_domain::time;
use tidings_domain::webhook::{Health, HealthState, Shift};
use tidings_domain::{ProjectId, WebhookId};

use super::Disk;
use crate::{Hour, MOST_SHIFTS, Oldest, StoreFigures};

/// What is remembered of how a webhook fared.
#[derive(Default)]
pub(super) struct History {
    shifts: BTreeMap<i64, Shift>,
    last_shift: i64,
    hours: BTreeMap<i64, Hour>,
}

impl Disk {
    pub(super) fn write_health(&mut self, webhook: WebhookId, mut health: Health) {
        let Some(lane) = self.webhooks.get_mut(&webhook) else {
            return;
        };
        let shifts = std::mem::take(&mut health.shifts);
        lane.health = health;
        if lane.deleted {
            return;
        }
        for shift in shifts {
            lane.history.last_shift += 1;
            lane.history.shifts.insert(lane.history.last_shift, shift);
            if lane.history.shifts.len() > MOST_SHIFTS {
                lane.history.shifts.pop_first();
            }
        }
    }

    pub(super) fn shifts(
        &self,
        project: ProjectId,
        webhook: WebhookId,
        before: i64,
    ) -> Vec<(i64, Shift)> {
        let end = if before > 0 { before } else { i64::MAX };
        let lane = self.webhooks.get(&webhook);
        let lane = lane.filter(|l| l.webhook.project == project);
        let shifts = lane.into_iter().flat_map(|l| l.history.shifts.range(..end));
        let mut newest_first: Vec<_> = shifts.map(|(n, s)| (*n, s.clone())).collect();
        newest_first.reverse();
        newest_first
    }

    pub(super) fn forget_shifts(&mut self, before_ms: i64) {
        for lane in self.webhooks.values_mut() {
            let last = lane.history.last_shift;
            let old = |shift: &Shift| {
                time::parse(&shift.at).is_none_or(|at| at.as_millisecond() < before_ms)
            };
            let shifts = &mut lane.history.shifts;
            shifts.retain(|number, shift| *number == last || !old(shift));
        }
    }

    pub(super) fn add_hours(&mut self, hours: &[Hour]) {
        for new in hours {
            let lane = self.webhooks.get_mut(&new.webhook);
            let Some(lane) = lane.filter(|l| !l.deleted) else {
                continue;
            };
            let hours = &mut lane.history.hours;
            let hour = hours.entry(new.hour).or_insert(Hour {
                accepted: 0,
                failed: 0,
                ..*new
            });
            hour.accepted = hour.accepted.saturating_add(new.accepted);
            hour.failed = hour.failed.saturating_add(new.failed);
            hours.retain(|hour, _| *hour >= new.hour - 24);
        }
    }

    pub(super) fn hours(&self, webhooks: &[WebhookId], since: i64) -> Vec<Hour> {
        let mut wanted = webhooks.to_vec();
        wanted.sort_unstable();
        wanted.dedup();
        let lanes = wanted.iter().filter_map(|id| self.webhooks.get(id));
        let hours = lanes.flat_map(|l| l.history.hours.range(since..));
        hours.map(|(_, hour)| *hour).collect()
    }

    pub(super) fn figures(&self) -> StoreFigures {
        let goes = |webhook: &WebhookId| {
            let lane = self.webhooks.get(webhook);
            lane.is_some_and(|l| !l.deleted && l.health.state != HealthState::Paused)
        };
        let oldest = self.waiting.iter().filter(|(webhook, _)| goes(webhook));
        let oldest = oldest.min_by_key(|(_, id)| *id).and_then(|(webhook, id)| {
            let row = self.deliveries.get(id)?;
            Some(Oldest {
                delivery: *id,
                webhook: *webhook,
                project: row.project,
            })
        });
        StoreFigures {
            waiting: self.waiting.len() as u64,
            oldest,
            deliveries: self.deliveries.len() as u64,
            log_bytes: self.bytes(),
            ..StoreFigures::default()
        }
    }
}
