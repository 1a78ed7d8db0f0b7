//! How every webhook fares right now, for whoever asks without waiting: API, console, metrics.

use std::collections::BTreeMap;

use parking_lot::{Mutex, RwLock};
use tidings_domain::webhook::{Health, HealthState};
use tidings_domain::{ProjectId, WebhookId};
use tidings_storage::Hour;

use crate::lane::Lane;
use crate::pace::{Minutes, Pace, Speed};

/// What is shown of a lane.
#[derive(Debug)]
struct Shown {
    project: ProjectId,
    health: Health,
    flying: usize,
    behind: bool,
    /// Only of lanes that send.
    pace: Option<Box<Pace>>,
}

/// Sums over all lanes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    pub(crate) in_flight: usize,
    pub(crate) behind: usize,
    /// By [`HealthState`]: ok, backing off, paused, disabled.
    pub(crate) states: [usize; 4],
}

/// A webhook and how fast its receiver is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slow {
    /// Which.
    pub webhook: WebhookId,
    /// Of this project.
    pub project: ProjectId,
    /// How fast.
    pub speed: Speed,
}

/// The shared picture of all lanes.
#[derive(Debug, Default)]
pub(crate) struct Live {
    lanes: RwLock<BTreeMap<WebhookId, Mutex<Shown>>>,
    minutes: Mutex<Minutes>,
}

impl Live {
    /// Shows a lane as it is now.
    pub(crate) fn show(&self, lane: &mut Lane, now_ms: i64) {
        if let Some(shown) = self.lanes.read().get(&lane.id) {
            self.write(&mut shown.lock(), lane, now_ms);
            return;
        }
        let mut shown = Shown {
            project: lane.target.webhook.project,
            health: Health::default(),
            flying: 0,
            behind: false,
            pace: None,
        };
        self.write(&mut shown, lane, now_ms);
        self.lanes.write().insert(lane.id, shown.into());
    }

    fn write(&self, shown: &mut Shown, lane: &mut Lane, now_ms: i64) {
        shown.health.clone_from(&lane.vital().health);
        shown.flying = lane.flying();
        shown.behind = lane.is_behind();
        let tried = lane.take_tried();
        if tried.len() == 0 {
            return;
        }
        let pace = shown.pace.get_or_insert_default();
        let mut minutes = self.minutes.lock();
        for tried in tried {
            pace.note(tried, now_ms);
            minutes.note(tried, now_ms);
        }
    }

    /// A webhook is gone.
    pub(crate) fn forget(&self, id: WebhookId) {
        self.lanes.write().remove(&id);
    }

    /// How a webhook fares.
    pub(crate) fn health(&self, id: WebhookId) -> Option<Health> {
        let lanes = self.lanes.read();
        lanes.get(&id).map(|shown| shown.lock().health.clone())
    }

    /// How fast a webhook's receiver is, if this process has tried it.
    pub(crate) fn speed(&self, id: WebhookId) -> Option<Speed> {
        let lanes = self.lanes.read();
        let shown = lanes.get(&id)?.lock();
        shown.pace.as_ref()?.speed()
    }

    /// Sums.
    pub(crate) fn totals(&self) -> Totals {
        let mut totals = Totals::default();
        for shown in self.lanes.read().values() {
            let shown = shown.lock();
            totals.in_flight += shown.flying;
            totals.behind += usize::from(shown.behind);
            let state = match shown.health.state {
                HealthState::Ok => 0,
                HealthState::BackingOff => 1,
                HealthState::Paused => 2,
                HealthState::Disabled => 3,
            };
            if let Some(count) = totals.states.get_mut(state) {
                *count += 1;
            }
        }
        totals
    }

    /// The slowest receivers by their median, slowest first.
    pub(crate) fn slowest(&self, most: usize) -> Vec<Slow> {
        let lanes = self.lanes.read();
        let slow = lanes.iter().filter_map(|(id, shown)| {
            let shown = shown.lock();
            Some(Slow {
                webhook: *id,
                project: shown.project,
                speed: shown.pace.as_ref()?.speed()?,
            })
        });
        let mut all: Vec<Slow> = slow.collect();
        all.sort_by_key(|slow| std::cmp::Reverse(slow.speed.median_ms));
        all.truncate(most);
        all
    }

    /// Accepted and failed tries of the last hour by minute, oldest first.
    pub(crate) fn minutes(&self, now_ms: i64) -> Vec<(u32, u32)> {
        self.minutes.lock().show(now_ms)
    }

    /// What those webhooks did that the store does not have.
    pub(crate) fn hours(&self, webhooks: &[WebhookId]) -> Vec<Hour> {
        let lanes = self.lanes.read();
        let mut all = Vec::new();
        for id in webhooks {
            if let Some(shown) = lanes.get(id)
                && let Some(pace) = &shown.lock().pace
            {
                all.extend(pace.hours(*id));
            }
        }
        all
    }

    /// What any webhook did that the store does not have: it is about to.
    pub(crate) fn take_hours(&self) -> Vec<Hour> {
        let mut all = Vec::new();
        for (id, shown) in self.lanes.read().iter() {
            if let Some(pace) = &mut shown.lock().pace {
                all.extend(pace.hours(*id));
                pace.forget_hours();
            }
        }
        all
    }

    /// The store did not take them.
    pub(crate) fn put_back(&self, hours: &[Hour]) {
        let lanes = self.lanes.read();
        for hour in hours {
            if let Some(shown) = lanes.get(&hour.webhook) {
                let mut shown = shown.lock();
                shown.pace.get_or_insert_default().put_back(hour);
            }
        }
    }
}
