//! Kept connections, last in, first out.
//!
//! Sharded by key, so that lanes do not wait for each other; a lock is held for a push or a pop only.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, BuildHasherDefault, Hash, Hasher};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::conn::Conn;

/// What connections must have in common to be exchanged for each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    /// Of the rest, made once: a key is looked for four times in a try.
    hash: u64,
    host: Box<str>,
    port: u16,
    /// The TLS setting's number; 0 for plain http.
    tls: u64,
    policy: u64,
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

/// Takes the hash of a [`Key`] for what it is.
#[derive(Debug, Default)]
struct Made(u64);

impl Hasher for Made {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }
}

type Kept = HashMap<Key, Vec<Conn>, BuildHasherDefault<Made>>;

/// How long a kept connection waits when its receiver did not say: less than the 5 s after which common servers close.
pub(crate) const IDLE: Duration = Duration::from_secs(4);
/// The longest wait that a receiver can ask for.
pub(crate) const MAX_IDLE: Duration = Duration::from_mins(1);
/// A connection of this age is not used again, so that changes of names come to bear.
pub(crate) const MAX_AGE: Duration = Duration::from_mins(5);
/// Many webhooks may lead to one host, each with its own requests in flight.
const MAX_PER_KEY: usize = 1_536;
const MAX_TOTAL: usize = 2_048;
const SHARDS: usize = 16;
const SWEEP_EVERY: Duration = Duration::from_secs(1);

#[derive(Debug, Default)]
pub(crate) struct Pool {
    shards: [Mutex<Kept>; SHARDS],
    hasher: RandomState,
    total: AtomicUsize,
    sweeping: AtomicBool,
}

impl Pool {
    pub(crate) fn key(&self, host: &str, port: u16, tls: u64, policy: u64) -> Key {
        Key {
            hash: self.hasher.hash_one((host, port, tls, policy)),
            host: host.into(),
            port,
            tls,
            policy,
        }
    }

    fn shard(&self, key: &Key) -> &Mutex<Kept> {
        // Bits that the tables inside do not look at first.
        let at = usize::try_from((key.hash >> 32) % SHARDS as u64).unwrap_or(0);
        let [first, ..] = &self.shards;
        self.shards.get(at).unwrap_or(first)
    }

    /// The connection that was kept last, if any still lives.
    pub(crate) fn take(&self, key: &Key) -> Option<Conn> {
        loop {
            let mut conn = self.shard(key).lock().get_mut(key)?.pop()?;
            self.total.fetch_sub(1, Ordering::Relaxed);
            if conn.usable(Instant::now()) {
                return Some(conn);
            }
        }
    }

    /// Keeps a connection, if there is room.
    pub(crate) fn keep(self: &Arc<Self>, key: Key, conn: Conn) {
        if self.total.fetch_add(1, Ordering::Relaxed) >= MAX_TOTAL {
            self.total.fetch_sub(1, Ordering::Relaxed);
            return;
        }
        {
            let mut shard = self.shard(&key).lock();
            let kept = shard.entry(key).or_default();
            if kept.len() >= MAX_PER_KEY {
                drop(shard);
                self.total.fetch_sub(1, Ordering::Relaxed);
                return;
            }
            kept.push(conn);
        }
        if !self.sweeping.swap(true, Ordering::AcqRel) {
            tokio::spawn(sweep(Arc::downgrade(self)));
        }
    }

    /// How many are kept.
    pub(crate) fn len(&self) -> usize {
        self.total.load(Ordering::Relaxed)
    }

    /// Closes all: descriptors are short, or the policy changed.
    pub(crate) fn clear(&self) {
        self.retain(|_| false);
    }

    fn retain(&self, mut keep: impl FnMut(&Conn) -> bool) {
        for shard in &self.shards {
            let mut dropped = Vec::new();
            shard.lock().retain(|_, kept| {
                dropped.extend(kept.extract_if(.., |conn| !keep(conn)));
                !kept.is_empty()
            });
            self.total.fetch_sub(dropped.len(), Ordering::Relaxed);
        }
    }
}

/// Closes connections whose time is over; ends when none is left.
async fn sweep(pool: Weak<Pool>) {
    loop {
        tokio::time::sleep(SWEEP_EVERY).await;
        let Some(pool) = pool.upgrade() else { return };
        let now = Instant::now();
        pool.retain(|conn| conn.in_time(now));
        if pool.len() == 0 {
            pool.sweeping.store(false, Ordering::Release);
            // One that came in between would wait for the next sweeper.
            if pool.len() == 0 || pool.sweeping.swap(true, Ordering::AcqRel) {
                return;
            }
        }
    }
}
