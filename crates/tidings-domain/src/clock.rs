//! Time and chance, passed in so that a simulation can own both.

use std::time::Duration;

use crate::time::Time;

/// Where the time comes from.
pub trait Clock: Send + Sync + 'static {
    /// The wall clock: for display, `webhook-timestamp` and the expiry of tokens only. It may jump.
    fn wall(&self) -> Time;

    /// Time since the process started; never runs backwards, unaffected by steps of the wall clock.
    fn monotonic(&self) -> Duration;
}

/// Where chance comes from.
pub trait Entropy: Send + Sync + 'static {
    /// Fills `bytes` with unpredictable bytes.
    fn fill(&self, bytes: &mut [u8]);

    /// A number in `0..below` (0 when `below` is 0); good enough for jitter.
    fn below(&self, below: u64) -> u64 {
        let mut bytes = [0; 8];
        self.fill(&mut bytes);
        u64::from_le_bytes(bytes).checked_rem(below).unwrap_or(0)
    }
}
