//! Who waits for the first tries of deliveries: told when their results are durable, or when none is to be expected soon.
//!
//! Nobody polls, and while nobody waits all of this costs a look at one number per batch of results. A waiter takes its place after
//! the commit that made the deliveries, and then looks into the store: what was tried before it came is found there, what is tried
//! later is told, so nothing falls between. Dropping a [`Waiter`] gives its place back, whatever became of its client.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use tidings_domain::webhook::{Health, HealthState};
use tidings_domain::{DeliveryId, WebhookId};
use tidings_storage::Settlement;
use tokio::sync::Notify;

/// Requests that wait at once at most: each holds a connection and its answer.
pub const MOST_WAITERS: usize = 256;
/// Deliveries that one of them may wait for.
pub const MOST_AWAITED: usize = 1_000;
/// Deliveries that all of them together may wait for.
const MOST_AWAITED_BY_ALL: usize = 20_000;

#[derive(Default)]
struct Desk {
    /// The server stops: nobody waits any more.
    closed: bool,
    next: u64,
    waiters: BTreeMap<u64, Place>,
    /// Who waits for a delivery: only who made it, so there is one at most.
    by_delivery: HashMap<DeliveryId, u64>,
}

struct Place {
    open: HashMap<DeliveryId, WebhookId>,
    ready: Arc<Notify>,
}

impl Desk {
    /// A delivery is not waited for any longer.
    fn strike(&mut self, delivery: DeliveryId) {
        let Some(waiter) = self.by_delivery.remove(&delivery) else {
            return;
        };
        if let Some(place) = self.waiters.get_mut(&waiter) {
            place.open.remove(&delivery);
            if place.open.is_empty() {
                place.ready.notify_one();
            }
        }
    }

    fn strike_webhook(&mut self, webhook: WebhookId) {
        let places = self.waiters.values();
        let open: Vec<DeliveryId> = places
            .flat_map(|place| &place.open)
            .filter(|(_, of)| **of == webhook)
            .map(|(delivery, _)| *delivery)
            .collect();
        for delivery in open {
            self.strike(delivery);
        }
    }
}

/// Everybody who waits.
#[derive(Default)]
pub(crate) struct Waiters {
    count: AtomicUsize,
    desk: Mutex<Desk>,
}

impl Waiters {
    /// How many wait.
    pub(crate) fn count(&self) -> usize {
        self.count.load(Ordering::SeqCst)
    }

    /// A place for who waits for these; `None` when there is none left, or too much is asked, or the server stops.
    pub(crate) fn enter(
        self: &Arc<Self>,
        deliveries: impl ExactSizeIterator<Item = (DeliveryId, WebhookId)>,
    ) -> Option<Waiter> {
        let mut desk = self.desk.lock();
        let all = desk.by_delivery.len() + deliveries.len();
        let full = desk.waiters.len() >= MOST_WAITERS || all > MOST_AWAITED_BY_ALL;
        if desk.closed || full || deliveries.len() > MOST_AWAITED {
            return None;
        }
        let number = desk.next;
        desk.next += 1;
        let mut place = Place {
            open: HashMap::with_capacity(deliveries.len()),
            ready: Arc::default(),
        };
        for (delivery, webhook) in deliveries {
            if let Entry::Vacant(free) = desk.by_delivery.entry(delivery) {
                free.insert(number);
                place.open.insert(delivery, webhook);
            }
        }
        if place.open.is_empty() {
            place.ready.notify_one();
        }
        let ready = Arc::clone(&place.ready);
        desk.waiters.insert(number, place);
        // Seen by whoever commits a result after this: whoever did before is found in the store.
        self.count.fetch_add(1, Ordering::SeqCst);
        Some(Waiter {
            waiters: Arc::clone(self),
            number,
            ready,
        })
    }

    /// These results are durable.
    pub(crate) fn written<'a>(
        &self,
        settlements: &[Settlement],
        health: impl Iterator<Item = (&'a WebhookId, &'a Health)>,
    ) {
        if self.count() == 0 {
            return;
        }
        let mut desk = self.desk.lock();
        for settlement in settlements.iter().filter(|s| s.attempt.is_some()) {
            desk.strike(settlement.delivery);
        }
        // What such a webhook has not been sent yet, it may not be sent for hours.
        for (webhook, health) in health {
            if health.state != HealthState::Ok {
                desk.strike_webhook(*webhook);
            }
        }
    }

    /// Nothing will be sent to a webhook soon.
    pub(crate) fn give_up(&self, webhook: WebhookId) {
        if self.count() > 0 {
            self.desk.lock().strike_webhook(webhook);
        }
    }

    /// Everybody is answered now, and nobody waits from here on.
    pub(crate) fn close(&self) {
        let mut desk = self.desk.lock();
        desk.closed = true;
        desk.by_delivery.clear();
        for place in desk.waiters.values_mut() {
            place.open.clear();
            place.ready.notify_one();
        }
    }
}

/// A place among those who wait.
pub struct Waiter {
    waiters: Arc<Waiters>,
    number: u64,
    ready: Arc<Notify>,
}

impl std::fmt::Debug for Waiter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Waiter({})", self.number)
    }
}

impl Waiter {
    /// The store has a try of that delivery already, or it will have none.
    pub fn found(&self, delivery: DeliveryId) {
        self.waiters.desk.lock().strike(delivery);
    }

    /// Returns when nothing is left to wait for.
    pub async fn ready(&self) {
        self.ready.notified().await;
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        let mut desk = self.waiters.desk.lock();
        if let Some(place) = desk.waiters.remove(&self.number) {
            for delivery in place.open.keys() {
                desk.by_delivery.remove(delivery);
            }
        }
        self.waiters.count.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests;
