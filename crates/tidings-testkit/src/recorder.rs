//! Something that tests wait for: a list that others append to.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;

/// A list that can be waited on. Waiting is by condition; nothing sleeps.
#[derive(Debug)]
pub struct Recorder<T> {
    seen: Mutex<Vec<T>>,
    more: Notify,
}

impl<T> Default for Recorder<T> {
    fn default() -> Self {
        Self {
            seen: Mutex::new(Vec::new()),
            more: Notify::new(),
        }
    }
}

impl<T: Clone> Recorder<T> {
    /// Appends.
    pub fn record(&self, item: T) {
        self.seen.lock().push(item);
        self.more.notify_waiters();
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.seen.lock().len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All of them.
    pub fn all(&self) -> Vec<T> {
        self.seen.lock().clone()
    }

    /// Forgets all.
    pub fn clear(&self) {
        self.seen.lock().clear();
    }

    /// Waits until there are `count` in all.
    ///
    /// # Panics
    /// When they do not come in time.
    pub async fn wait_for(&self, count: usize, within: Duration) -> Vec<T> {
        self.wait_until(within, |seen| seen.len() >= count)
            .await
            .unwrap_or_else(|| {
                panic!("expected {count} within {within:?}, saw {}", self.len());
            })
    }

    /// Waits until what was recorded satisfies `done`; `None` when the time is over.
    pub async fn wait_until(
        &self,
        within: Duration,
        done: impl Fn(&[T]) -> bool,
    ) -> Option<Vec<T>> {
        let waiting = async {
            loop {
                let more = self.more.notified();
                tokio::pin!(more);
                more.as_mut().enable();
                {
                    let seen = self.seen.lock();
                    if done(&seen) {
                        return seen.clone();
                    }
                }
                more.await;
            }
        };
        tokio::time::timeout(within, waiting).await.ok()
    }
}
