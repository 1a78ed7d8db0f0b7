//! How every webhook fares right now, for whoever asks without waiting: API, console, metrics.

use std::collections::BTreeMap;

use parking_lot::RwLock;
use tidings_domain::WebhookId;
use tidings_domain::webhook::{Health, HealthState};

use crate::lane::Lane;

/// What is shown of a lane.
#[derive(Clone, Debug, Default)]
struct Shown {
    health: Health,
    flying: usize,
    behind: bool,
}

/// Sums over all lanes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    pub(crate) in_flight: usize,
    pub(crate) behind: usize,
    /// By [`HealthState`]: ok, backing off, paused, disabled.
    pub(crate) states: [usize; 4],
}

/// The shared picture of all lanes.
#[derive(Debug, Default)]
pub(crate) struct Live {
    lanes: RwLock<BTreeMap<WebhookId, parking_lot::Mutex<Shown>>>,
}

impl Live {
    /// Shows a lane as it is now.
    pub(crate) fn show(&self, lane: &Lane) {
        if let Some(shown) = self.lanes.read().get(&lane.id) {
            write(&mut shown.lock(), lane);
            return;
        }
        let mut shown = Shown::default();
        write(&mut shown, lane);
        self.lanes.write().insert(lane.id, shown.into());
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
}

fn write(shown: &mut Shown, lane: &Lane) {
    shown.health.clone_from(&lane.vital().health);
    shown.flying = lane.flying();
    shown.behind = lane.is_behind();
}
