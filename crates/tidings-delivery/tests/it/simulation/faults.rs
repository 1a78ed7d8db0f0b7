//! What goes wrong with the store: answers that come late, calls that are refused, and a process that dies at any call, before
//! it is done or before anybody hears of it. The same seed always fails in the same way.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use tidings_storage::StoreError;
use tidings_storage::gated::Gate;
use tokio::sync::Notify;

use crate::trace;
use crate::transport::Life;
use crate::world::Seed;

/// How long the store takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pace {
    /// No time at all.
    AtOnce,
    /// So many milliseconds before each call, and as many after it.
    Exactly(u64),
    /// Others get to run meanwhile, up to so many times.
    Turns(u64),
    /// Up to so many milliseconds, or turns, or no time.
    Ms(u64),
}

/// What goes wrong with the store, in all lives of the server.
pub(crate) struct Faults {
    chance: Arc<Seed>,
    pace: Mutex<Pace>,
    /// One call in so many is refused; 0: none.
    refuse_once_in: AtomicU64,
    /// Points until death, two for each call; 0: it lives.
    die_in: AtomicU64,
    passed: AtomicU64,
    died: Notify,
}

impl Faults {
    pub(crate) fn new(chance: Arc<Seed>) -> Arc<Self> {
        Arc::new(Self {
            chance,
            pace: Mutex::new(Pace::AtOnce),
            refuse_once_in: AtomicU64::new(0),
            die_in: AtomicU64::new(0),
            passed: AtomicU64::new(0),
            died: Notify::new(),
        })
    }

    pub(crate) fn set_pace(&self, pace: Pace) {
        *self.pace.lock() = pace;
    }

    /// One call in so many is refused; 0: none.
    pub(crate) fn refuse(&self, once_in: u64) {
        self.refuse_once_in.store(once_in, Ordering::Relaxed);
    }

    /// The process dies at that point from now: each call of the store has two, before and after it is done. 0: it does not.
    pub(crate) fn die_in(&self, points: u64) {
        self.die_in.store(points, Ordering::Relaxed);
    }

    /// Nothing goes wrong any more.
    pub(crate) fn end(&self) {
        self.set_pace(Pace::AtOnce);
        self.refuse(0);
        self.die_in(0);
    }

    /// Points passed so far.
    pub(crate) fn passed(&self) -> u64 {
        self.passed.load(Ordering::Relaxed)
    }

    /// Returns when the process has died.
    pub(crate) async fn died(&self) {
        self.died.notified().await;
    }

    async fn take_time(&self) {
        let pace = *self.pace.lock();
        let turns = match pace {
            Pace::AtOnce => return,
            Pace::Exactly(ms) => return tokio::time::sleep(Duration::from_millis(ms)).await,
            Pace::Turns(most) => self.chance.below(most + 1),
            Pace::Ms(most) => match self.chance.below(3) {
                0 => 0,
                1 => self.chance.below(4),
                _ => {
                    let ms = self.chance.below(most + 1);
                    return tokio::time::sleep(Duration::from_millis(ms)).await;
                }
            },
        };
        for _ in 0..turns {
            tokio::task::yield_now().await;
        }
    }

    /// Whether the process dies here.
    fn is_last_point(&self) -> bool {
        self.passed.fetch_add(1, Ordering::Relaxed);
        let left = self.die_in.load(Ordering::Relaxed);
        if left > 0 {
            self.die_in(left - 1);
        }
        left == 1
    }
}

/// The gate of one life of the server.
pub(crate) struct LifeGate {
    pub(crate) faults: Arc<Faults>,
    pub(crate) life: Arc<Life>,
}

impl LifeGate {
    /// Takes its time; the dead wait for ever.
    async fn pass(&self, call: &str) {
        self.faults.take_time().await;
        if self.faults.is_last_point() && !self.life.is_over() {
            self.note("was the last", call);
            self.life.end();
            self.faults.died.notify_one();
        }
        if self.life.is_over() {
            std::future::pending::<()>().await;
        }
    }

    fn note(&self, what: &str, call: &str) {
        trace::note(|| format!("{:?} store: {call} {what}", self.life.now()));
    }
}

#[async_trait]
impl Gate for LifeGate {
    async fn before(&self, call: &'static str) -> Result<(), StoreError> {
        self.pass(call).await;
        let once_in = self.faults.refuse_once_in.load(Ordering::Relaxed);
        if self.faults.chance.once_in(once_in) {
            self.note("refused", call);
            return Err(StoreError::Unavailable("not now".into()));
        }
        self.note("begins", call);
        Ok(())
    }

    async fn after(&self, call: &'static str) {
        self.pass(call).await;
        self.note("done", call);
    }
}
