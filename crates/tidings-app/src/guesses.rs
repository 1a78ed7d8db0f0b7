//! How often somebody may guess.
//!
//! A table of fixed size: what is throttled leads to one of its slots by a keyed hash, and a slot is one number, the time at which
//! all that was used of its allowance is given back. Nothing has to be cleared away and nobody can make it grow; two names that
//! share a slot share an allowance, which is wrong on the safe side and rare.

use std::hash::{BuildHasher, Hash, RandomState};

use parking_lot::Mutex;

/// So many at once, then one each so many milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// At once.
    pub burst: i64,
    /// Between two of them, in the long run.
    pub each_ms: i64,
}

const SLOTS: usize = 8192;

/// Counts guesses.
pub struct Guesses {
    allowance: Allowance,
    hasher: RandomState,
    slots: Mutex<Box<[i64]>>,
}

impl std::fmt::Debug for Guesses {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Guesses({:?})", self.allowance)
    }
}

impl Guesses {
    /// Nobody has guessed yet.
    pub fn new(allowance: Allowance) -> Self {
        Self {
            allowance,
            hasher: RandomState::new(),
            slots: Mutex::new(vec![0; SLOTS].into_boxed_slice()),
        }
    }

    fn with<T>(&self, name: &impl Hash, job: impl FnOnce(&mut i64) -> T) -> Option<T> {
        let slots_of = SLOTS as u64;
        let slot = usize::try_from(self.hasher.hash_one(name) % slots_of).ok()?;
        self.slots.lock().get_mut(slot).map(job)
    }

    /// One guess at that time; else the milliseconds after which there may be one.
    pub fn take(&self, name: &impl Hash, now_ms: i64) -> Result<(), i64> {
        let Allowance { burst, each_ms } = self.allowance;
        let taken = self.with(name, |free_at| {
            let then = (*free_at).max(now_ms) + each_ms;
            let wait = then - now_ms - burst * each_ms;
            if wait > 0 {
                return Err(wait);
            }
            *free_at = then;
            Ok(())
        });
        taken.unwrap_or(Ok(()))
    }

    /// It was no guess: gives one back.
    pub fn give_back(&self, name: &impl Hash) {
        self.with(name, |free_at| *free_at -= self.allowance.each_ms);
    }
}

#[cfg(test)]
mod tests;
