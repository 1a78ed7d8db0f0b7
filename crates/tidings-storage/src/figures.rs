//! What people see of how the server and its webhooks do: counts and history, not deliveries.

use tidings_domain::{DeliveryId, ProjectId, WebhookId};

use crate::Sweep;

/// Changes of state that are remembered of a webhook.
pub const MOST_SHIFTS: usize = 200;

const HOUR_MS: i64 = 3_600_000;

/// The number of the hour in which that stored server time lies.
pub fn hour_of(ms: i64) -> i64 {
    ms.div_euclid(HOUR_MS)
}

/// What a webhook's receiver took and did not take within an hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hour {
    /// Whose.
    pub webhook: WebhookId,
    /// Which: see [`hour_of`].
    pub hour: i64,
    /// Tries that were accepted.
    pub accepted: u32,
    /// Tries that failed.
    pub failed: u32,
}

/// How far a sweep is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SweepLeft {
    /// The sweep; its `count` is what is done.
    pub sweep: Sweep,
    /// Deliveries that it has not come to yet.
    pub deliveries: u64,
    /// Events that were missed and that it has not come to yet. Each says something to the webhook, or nothing.
    pub events: u64,
}

/// The delivery that waits longest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Oldest {
    /// Which; its id says when it was made.
    pub delivery: DeliveryId,
    /// To whom.
    pub webhook: WebhookId,
    /// Of this project.
    pub project: ProjectId,
}

/// How much is stored and waits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StoreFigures {
    /// Deliveries in the queues, those of paused webhooks too.
    pub waiting: u64,
    /// The oldest of them but for those of paused webhooks.
    pub oldest: Option<Oldest>,
    /// Deliveries in the log.
    pub deliveries: u64,
    /// Bytes of bodies and attempts in the log.
    pub log_bytes: u64,
    /// Size of what is stored on the disk.
    pub file_bytes: u64,
    /// Of that, what new rows will fill first.
    pub free_bytes: u64,
    /// What is written and not yet taken over into the file.
    pub journal_bytes: u64,
}
