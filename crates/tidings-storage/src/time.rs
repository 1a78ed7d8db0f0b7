//! Stored server time: milliseconds since 1970 that never run backwards and ignore steps of the wall clock while running.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use tidings_domain::Clock;

/// Stored server time. It starts at the wall clock, or where the last run stopped if that is later, and then follows the monotonic
/// clock only.
pub struct ServerTime {
    clock: Arc<dyn Clock>,
    base_ms: i64,
    last_ms: AtomicI64,
}

impl ServerTime {
    /// Continues after `last_ms`, the latest time that is stored.
    pub fn resume(clock: Arc<dyn Clock>, last_ms: i64) -> Self {
        let start = clock.wall().as_millisecond().max(last_ms);
        let running = i64::try_from(clock.monotonic().as_millis()).unwrap_or(i64::MAX);
        Self {
            clock,
            base_ms: start.saturating_sub(running),
            last_ms: AtomicI64::new(start),
        }
    }

    /// Now.
    pub fn now_ms(&self) -> i64 {
        let running = i64::try_from(self.clock.monotonic().as_millis()).unwrap_or(i64::MAX);
        let now = self.base_ms.saturating_add(running);
        now.max(self.last_ms.fetch_max(now, Ordering::Relaxed))
    }
}

impl std::fmt::Debug for ServerTime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServerTime")
            .field("last_ms", &self.last_ms)
            .finish_non_exhaustive()
    }
}
