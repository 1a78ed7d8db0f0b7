//! The real clock and the system's random bytes.

use std::time::{Duration, Instant};

use tidings_domain::{Clock, Entropy, Time};

/// The system's clocks.
pub(crate) struct SystemClock {
    started: Instant,
}

impl SystemClock {
    pub(crate) fn new() -> Self {
        Self {
            started: Instant::now(),
        }
    }
}

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that asks the system for the time"
    )]
    fn wall(&self) -> Time {
        Time::now()
    }

    fn monotonic(&self) -> Duration {
        self.started.elapsed()
    }
}

/// The system's random bytes.
pub(crate) struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        if getrandom::fill(bytes).is_err() {
            // Without random bytes no secret, token or nonce can be made safely: better no server than a guessable one.
            eprintln!("tidings: the system has no random bytes to give; stopping");
            std::process::abort();
        }
    }
}
