//! The storage seam: what a store must be able to do, a memory store, and the suite every store passes.
//!
//! Methods are intentions, one transaction each; no transaction handle crosses the seam, no SQL type and no driver appears in it.
//! Two stores differ in where the bytes lie, never in what a method promises: `conformance` is the contract, executable.
//!
//! The heart is [`Store::record`]. Its planner is a pure function of a [`Snapshot`]: it reads, decides and answers with a [`Plan`]
//! of writes, events and messages. The store may run it before the write transaction and check what it read, or inside it; it may
//! run it again after a conflict. Once `record` answers, everything in the plan is durable, and every delivery can be recreated
//! from the store. Before it answers, the store tells its [`CommitListener`], in commit order, what was committed: that is the
//! hint that lets sending start from memory at once. A lost hint is made good by [`Store::pending`].

pub mod accounts;
pub mod audit;
#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
mod figures;
#[cfg(any(test, feature = "conformance"))]
pub mod gated;
mod keep;
mod log;
pub mod memory;
mod queue;
mod record;
mod refusal;
mod retention;
mod store;
pub mod stored;
pub mod sweep;
mod time;
mod token;

pub use accounts::Accounts;
pub use figures::{Hour, MOST_SHIFTS, Oldest, StoreFigures, SweepLeft, hour_of};
pub use keep::{Deed, Done, MEMO_KEPT_MS, MakeNotes, Memo, Notes, memo_is_old, memos_of};
pub use log::{
    DeliveryDetail, DeliveryFilter, DeliverySummary, EventDelivery, LastAttempt, TestSend,
};
pub use memory::MemoryStore;
pub use queue::{
    Attempt, AttemptError, AttemptResponse, COUNTED, CommitListener, LaneCounts, LaneStart,
    Message, PAGE_BYTES, Queued, Settlement, Then, created_ms,
};
pub use record::{
    Activity, AsOf, EventIds, NewMessage, Plan, Planner, ReadJob, Recorded, RecordedEvent,
    Snapshot, Write, WriteWhat,
};
pub use refusal::{RecordError, StoreError, Trouble};
pub use retention::{Pruned, Retention};
pub use store::Store;
pub use sweep::{Absence, Begun, Errand, NewSweep, Next, Sweep, Swept};
pub use time::ServerTime;
pub use token::{Token, TokenKind};

/// Name of the document that tells which key the stored secrets are sealed with.
pub const KEY_DOCUMENT: &str = "secrets_key_id";

/// A page of a list; `next` is the cursor of the page after it. Where few of many entries are wanted, a page may end before it is full.
#[derive(Clone, Debug)]
pub struct Page<T> {
    /// The entries.
    pub data: Vec<T>,
    /// Where the next page begins: the id of the last entry that was looked at.
    pub next: Option<i64>,
}
