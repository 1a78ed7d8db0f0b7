//! The tasks that carry flights. A flight's task is as large as everything it may do, so a few are kept and used again; there are
//! never more than flights under way at once.

use std::collections::VecDeque;

use parking_lot::Mutex;
use tokio::sync::Semaphore;

use crate::effect::Flight;

/// Couriers that are kept without work.
const MOST_IDLE: usize = 256;

/// Flights that wait for a courier, and couriers that wait for a flight: never both for long.
pub(crate) struct Couriers {
    post: Mutex<Post>,
    /// A permit for each idle courier that was called.
    calls: Semaphore,
}

#[derive(Default)]
struct Post {
    flights: VecDeque<Flight>,
    idle: usize,
}

impl Default for Couriers {
    fn default() -> Self {
        Self {
            post: Mutex::default(),
            calls: Semaphore::new(0),
        }
    }
}

impl Couriers {
    /// Hands a flight over; whether a courier is to be hired for it.
    #[must_use]
    pub(crate) fn hand_over(&self, flight: Flight) -> bool {
        let mut post = self.post.lock();
        post.flights.push_back(flight);
        if post.idle == 0 {
            return true;
        }
        post.idle -= 1;
        drop(post);
        self.calls.add_permits(1);
        false
    }

    /// The next flight for a courier; `None`: there are enough couriers, or the end has come.
    pub(crate) async fn next(&self) -> Option<Flight> {
        loop {
            {
                let mut post = self.post.lock();
                if let Some(flight) = post.flights.pop_front() {
                    return Some(flight);
                }
                if post.idle >= MOST_IDLE || self.calls.is_closed() {
                    return None;
                }
                post.idle += 1;
            }
            self.calls.acquire().await.ok()?.forget();
        }
    }

    /// Sends the idle ones home; the others follow when they have landed.
    pub(crate) fn close(&self) {
        self.calls.close();
    }
}
