//! When a delivery is tried again, and when it is given up. Pure.

/// Seconds between tries where nobody says otherwise: eleven tries over three days.
pub const DEFAULT_SECONDS: [u64; 10] = [
    5, 30, 120, 600, 3_600, 10_800, 21_600, 43_200, 86_400, 86_400,
];

/// Jitter adds up to a fifth of a wait and never takes anything away.
const JITTER_DIVISOR: i64 = 5;

/// No wait is longer than this, whatever a schedule says: a year.
const LONGEST_MS: i64 = 365 * 24 * 3_600 * 1_000;

/// The waits after the first, second, ... failed try, in milliseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    waits_ms: Vec<i64>,
}

impl Schedule {
    /// From seconds. An empty list means: one try and no other.
    pub fn from_seconds(seconds: &[u64]) -> Self {
        let wait = |s: &u64| i64::try_from(s.saturating_mul(1_000)).unwrap_or(LONGEST_MS);
        Self {
            waits_ms: seconds.iter().map(|s| wait(s).min(LONGEST_MS)).collect(),
        }
    }

    /// The wait after the `tries`-th failed try, without jitter; `None`: give up.
    ///
    /// A delivery is given up only when it has had all its tries *and* its first try is at least the schedule's sum ago: tries
    /// that came early (a resend) cost no time at the end; the last wait is repeated instead.
    pub fn wait_after(&self, tries: u32, first_try_ms: i64, now_ms: i64) -> Option<i64> {
        let step = usize::try_from(tries.max(1) - 1).unwrap_or(usize::MAX);
        if let Some(wait) = self.waits_ms.get(step) {
            return Some(*wait);
        }
        let age = now_ms.saturating_sub(first_try_ms);
        let last = self.waits_ms.last().copied()?;
        (age < self.sum_ms()).then_some(last)
    }

    /// The wait after the `n`-th failure in a row of a webhook with a failure limit: step `n`, and the last one from then on.
    pub fn step(&self, n: u32) -> i64 {
        let index = usize::try_from(n.max(1) - 1).unwrap_or(usize::MAX);
        let wait = self.waits_ms.get(index).or(self.waits_ms.last());
        wait.copied().unwrap_or(0)
    }

    /// All waits together.
    pub fn sum_ms(&self) -> i64 {
        self.waits_ms
            .iter()
            .fold(0, |sum, wait| sum.saturating_add(*wait))
    }
}

impl Default for Schedule {
    fn default() -> Self {
        Self::from_seconds(&DEFAULT_SECONDS)
    }
}

/// The most that may be added to a wait.
pub const fn most_jitter_ms(wait_ms: i64) -> u64 {
    (wait_ms / JITTER_DIVISOR).cast_unsigned()
}

#[cfg(test)]
mod tests;
