//! How every webhook fares right now, for whoever asks without waiting: API, console, metrics.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::{Mutex, RwLock};
use tidings_domain::webhook::{Health, HealthState};
use tidings_domain::{ProjectId, WebhookId};
use tidings_storage::Hour;

use crate::pace::{Minutes, Pace, Speed, Tried};

/// What is shown of a lane: the lane writes when something changed, people read. Each lane holds its own, so that nobody looks for
/// it while it sends.
#[derive(Debug)]
pub(crate) struct Shown {
    project: ProjectId,
    now: Mutex<Now>,
}

/// What every try changes lies together, at the beginning.
#[derive(Debug)]
#[repr(C)]
struct Now {
    delivered: u64,
    last_status: Option<u16>,
    pace: Pace,
    /// But for those two.
    health: Health,
}

impl Shown {
    fn health(&self) -> Health {
        let now = self.now.lock();
        Health {
            delivered: now.delivered,
            last_status: now.last_status,
            ..now.health.clone()
        }
    }

    /// More than counters changed.
    pub(crate) fn show(&self, health: &Health) {
        let mut now = self.now.lock();
        now.health.clone_from(health);
        now.count(health);
    }

    /// A try ended, and left the webhook like this.
    pub(crate) fn note(&self, tried: Tried, health: &Health, now_ms: i64) {
        let mut now = self.now.lock();
        now.count(health);
        now.pace.note(tried, now_ms);
    }
}

impl Now {
    fn count(&mut self, health: &Health) {
        self.delivered = health.delivered;
        self.last_status = health.last_status;
    }
}

/// Sums over all lanes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    pub(crate) in_flight: usize,
    pub(crate) behind: usize,
    /// By [`HealthState`]: ok, backing off, paused, disabled.
    pub(crate) states: [usize; 4],
}

/// What all lanes together do, as their mind counts it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sums {
    pub(crate) flying: usize,
    pub(crate) behind: usize,
    /// Tries since it was shown last: accepted, failed.
    pub(crate) tried: (u32, u32),
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
    lanes: RwLock<BTreeMap<WebhookId, Arc<Shown>>>,
    flying: AtomicUsize,
    behind: AtomicUsize,
    minutes: Mutex<Minutes>,
}

impl Live {
    /// A webhook's place in the picture.
    pub(crate) fn enter(&self, id: WebhookId, project: ProjectId, health: &Health) -> Arc<Shown> {
        let now = Now {
            delivered: health.delivered,
            last_status: health.last_status,
            pace: Pace::default(),
            health: health.clone(),
        };
        let shown = Arc::new(Shown {
            project,
            now: now.into(),
        });
        self.lanes.write().insert(id, Arc::clone(&shown));
        shown
    }

    /// Shows what all lanes do.
    pub(crate) fn show(&self, sums: &mut Sums, now_ms: i64) {
        self.flying.store(sums.flying, Ordering::Relaxed);
        self.behind.store(sums.behind, Ordering::Relaxed);
        let tried = std::mem::take(&mut sums.tried);
        if tried != (0, 0) {
            self.minutes.lock().note(tried, now_ms);
        }
    }

    /// A webhook is gone.
    pub(crate) fn forget(&self, id: WebhookId) {
        self.lanes.write().remove(&id);
    }

    /// How a webhook fares.
    pub(crate) fn health(&self, id: WebhookId) -> Option<Health> {
        let lanes = self.lanes.read();
        lanes.get(&id).map(|shown| shown.health())
    }

    /// How fast a webhook's receiver is, if this process has tried it.
    pub(crate) fn speed(&self, id: WebhookId) -> Option<Speed> {
        let lanes = self.lanes.read();
        let now = lanes.get(&id)?.now.lock();
        now.pace.speed()
    }

    /// Sums.
    pub(crate) fn totals(&self) -> Totals {
        let mut totals = Totals {
            in_flight: self.flying.load(Ordering::Relaxed),
            behind: self.behind.load(Ordering::Relaxed),
            states: [0; 4],
        };
        for shown in self.lanes.read().values() {
            let state = match shown.now.lock().health.state {
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
            let speed = shown.now.lock().pace.speed()?;
            Some(Slow {
                webhook: *id,
                project: shown.project,
                speed,
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
            if let Some(shown) = lanes.get(id) {
                all.extend(shown.now.lock().pace.hours(*id));
            }
        }
        all
    }

    /// What any webhook did that the store does not have: it is about to.
    pub(crate) fn take_hours(&self) -> Vec<Hour> {
        let mut all = Vec::new();
        for (id, shown) in self.lanes.read().iter() {
            let pace = &mut shown.now.lock().pace;
            all.extend(pace.hours(*id));
            pace.forget_hours();
        }
        all
    }

    /// The store did not take them.
    pub(crate) fn put_back(&self, hours: &[Hour]) {
        let lanes = self.lanes.read();
        for hour in hours {
            if let Some(shown) = lanes.get(&hour.webhook) {
                shown.now.lock().pace.put_back(hour);
            }
        }
    }
}
