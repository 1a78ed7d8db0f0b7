//! How much and how fast: tries by hour and by minute, and how long the last ones took. In memory; hours are brought to the store
//! by the `ledger`.

use tidings_domain::WebhookId;
use tidings_storage::{Hour, hour_of};

const MINUTE_MS: i64 = 60_000;
/// Durations that are remembered of a webhook.
const REMEMBERED: usize = 15;
/// Minutes that are remembered of the server.
const MINUTES: usize = 60;

/// A try that ended with an answer or a failure.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tried {
    pub(crate) accepted: bool,
    pub(crate) took_ms: u32,
}

/// What is remembered of a webhook that sends. Every try writes here: what it writes lies together.
#[derive(Debug, Default)]
#[repr(C)]
pub(crate) struct Pace {
    /// The hour of the last try, with what the store does not have of it.
    hour: (i64, u32, u32),
    /// Tries ever.
    tries: usize,
    /// The last durations, in the order of a ring.
    took_ms: [u32; REMEMBERED],
    /// Earlier hours that the store does not have yet: number, accepted, failed.
    earlier: Vec<(i64, u32, u32)>,
}

/// How fast a receiver is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Speed {
    /// The median of its last tries, in milliseconds.
    pub median_ms: u32,
    /// The last of them.
    pub last_ms: u32,
}

impl Pace {
    pub(crate) fn note(&mut self, tried: Tried, now_ms: i64) {
        let hour = hour_of(now_ms);
        if self.hour.0 != hour {
            let over = std::mem::replace(&mut self.hour, (hour, 0, 0));
            if is_counted(&over) {
                self.earlier.push(over);
            }
        }
        let (_, accepted, failed) = &mut self.hour;
        *accepted = accepted.saturating_add(u32::from(tried.accepted));
        *failed = failed.saturating_add(u32::from(!tried.accepted));
        if let Some(place) = self.took_ms.get_mut(self.tries % REMEMBERED) {
            *place = tried.took_ms;
        }
        self.tries += 1;
    }

    /// The hours that the store does not have.
    pub(crate) fn hours(&self, webhook: WebhookId) -> impl Iterator<Item = Hour> {
        let hour = move |(hour, accepted, failed): &(i64, u32, u32)| Hour {
            webhook,
            hour: *hour,
            accepted: *accepted,
            failed: *failed,
        };
        let this = Some(&self.hour).filter(|hour| is_counted(hour));
        self.earlier.iter().chain(this).map(hour)
    }

    /// Those, as far as the store is about to have them.
    pub(crate) fn forget_hours(&mut self) {
        self.earlier.clear();
        (self.hour.1, self.hour.2) = (0, 0);
    }

    /// The store did not take them.
    pub(crate) fn put_back(&mut self, hour: &Hour) {
        let back = (hour.hour, hour.accepted, hour.failed);
        let mut all = self.earlier.iter_mut().chain(Some(&mut self.hour));
        match all.find(|(h, ..)| *h == hour.hour) {
            Some((_, accepted, failed)) => {
                *accepted = accepted.saturating_add(hour.accepted);
                *failed = failed.saturating_add(hour.failed);
            }
            None => self.earlier.insert(0, back),
        }
    }

    /// How fast the receiver is, if it was ever tried.
    pub(crate) fn speed(&self) -> Option<Speed> {
        let last = self.tries.checked_sub(1)?;
        let mut took = self.took_ms;
        let known = took.get_mut(..self.tries.min(REMEMBERED))?;
        known.sort_unstable();
        Some(Speed {
            median_ms: *known.get(known.len() / 2)?,
            last_ms: *self.took_ms.get(last % REMEMBERED)?,
        })
    }
}

fn is_counted((_, accepted, failed): &(i64, u32, u32)) -> bool {
    *accepted > 0 || *failed > 0
}

/// Tries of the whole server, by minute.
#[derive(Debug)]
pub(crate) struct Minutes {
    /// The minute of the newest entry.
    now: i64,
    /// Accepted and failed, newest first.
    counts: [(u32, u32); MINUTES],
}

impl Default for Minutes {
    fn default() -> Self {
        Self {
            now: 0,
            counts: [(0, 0); MINUTES],
        }
    }
}

impl Minutes {
    fn turn(&mut self, now_ms: i64) {
        let minute = now_ms.div_euclid(MINUTE_MS);
        let passed = usize::try_from(minute - self.now).unwrap_or(0);
        if passed > 0 {
            let passed = passed.min(MINUTES);
            self.counts.rotate_right(passed);
            for count in self.counts.iter_mut().take(passed) {
                *count = (0, 0);
            }
            self.now = minute;
        }
    }

    /// So many tries were accepted and failed.
    pub(crate) fn note(&mut self, (accepted, failed): (u32, u32), now_ms: i64) {
        self.turn(now_ms);
        if let Some(minute) = self.counts.first_mut() {
            minute.0 += accepted;
            minute.1 += failed;
        }
    }

    /// Accepted and failed tries of the last hour by minute, oldest first; the last one is not over.
    pub(crate) fn show(&mut self, now_ms: i64) -> Vec<(u32, u32)> {
        self.turn(now_ms);
        self.counts.iter().rev().copied().collect()
    }
}

#[cfg(test)]
mod tests;
