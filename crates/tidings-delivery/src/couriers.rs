//! The tasks that carry flights. A flight's task is as large as everything it may do, so a few are kept and used again; there are
//! never more than flights under way at once.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::effect::Flight;

/// Couriers that are kept without work: as many as a busy server has under way in a burst. With fewer, half of the flights hired one.
const MOST_IDLE: usize = 1_024;

/// Flights that wait for a courier, and couriers that wait for a flight: never both for long.
#[derive(Default)]
pub(crate) struct Couriers(Mutex<Post>);

#[derive(Default)]
struct Post {
    flights: VecDeque<Flight>,
    /// Who came home last goes first: its memory is still at hand.
    idle: Vec<Bell>,
    closed: bool,
}

/// Calls one courier.
pub(crate) type Bell = Arc<Notify>;

impl Couriers {
    /// Hands flights over; how many couriers are to be hired for them.
    #[must_use]
    pub(crate) fn hand_over(&self, flights: &mut Vec<Flight>) -> usize {
        let mut post = self.0.lock();
        let calls = flights.len().min(post.idle.len());
        let hire = flights.len() - calls;
        post.flights.extend(flights.drain(..));
        let left = post.idle.len() - calls;
        let called = post.idle.split_off(left);
        drop(post);
        for bell in called.into_iter().rev() {
            bell.notify_one();
        }
        hire
    }

    /// The next flight for a courier with that bell; `None`: there are enough couriers, or the end has come.
    pub(crate) async fn next(&self, bell: &Bell) -> Option<Flight> {
        loop {
            {
                let mut post = self.0.lock();
                if let Some(flight) = post.flights.pop_front() {
                    return Some(flight);
                }
                if post.idle.len() >= MOST_IDLE || post.closed {
                    return None;
                }
                post.idle.push(Arc::clone(bell));
            }
            bell.notified().await;
        }
    }

    /// Sends the idle ones home; the others follow when they have landed.
    pub(crate) fn close(&self) {
        let mut post = self.0.lock();
        post.closed = true;
        for bell in post.idle.drain(..) {
            bell.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use tidings_domain::DeliveryId;
    use tidings_domain::delivery::Trigger;

    use super::*;
    use crate::core::tests::webhook;
    use crate::target::Target;

    const ALL: usize = 20_000;

    /// Bursts of all sizes meet couriers that come home, are called and leave, on several threads.
    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn every_flight_finds_a_courier() {
        let (couriers, flown) = (Arc::<Couriers>::default(), Arc::<AtomicUsize>::default());
        let target = Target::new(webhook(1));
        let mut flights = Vec::new();
        let mut hired = Vec::new();
        let mut sent = 0;
        while sent < ALL {
            let burst = (sent * 7_919 % 40 + 1).min(ALL - sent);
            for _ in 0..burst {
                flights.push(Flight {
                    target: Arc::clone(&target),
                    delivery: DeliveryId(0),
                    message: None,
                    trigger: Trigger::Event,
                    late: false,
                });
            }
            sent += burst;
            for _ in 0..couriers.hand_over(&mut flights) {
                let (couriers, flown) = (Arc::clone(&couriers), Arc::clone(&flown));
                hired.push(tokio::spawn(async move {
                    let bell = Bell::default();
                    while couriers.next(&bell).await.is_some() {
                        let flown = flown.fetch_add(1, Ordering::Relaxed);
                        if flown % 3 > 0 {
                            tokio::task::yield_now().await;
                        }
                    }
                }));
            }
            if burst % 2 == 0 {
                tokio::task::yield_now().await;
            }
        }
        let all_flown = async {
            while flown.load(Ordering::Relaxed) < ALL {
                tokio::task::yield_now().await;
            }
            couriers.close();
            for courier in hired {
                courier.await.unwrap();
            }
        };
        let ended = tokio::time::timeout(Duration::from_secs(20), all_flown).await;
        assert!(ended.is_ok(), "{flown:?} of {ALL}");
    }
}
