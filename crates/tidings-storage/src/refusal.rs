//! What a store refuses, and why.

use tidings_domain::Fault;

/// What keeps a store from writing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The disk is full.
    Full,
    /// The disk returns errors.
    Failing,
    /// The disk, or what is on it, may only be read.
    ReadOnly,
    /// Another process holds what is stored.
    Locked,
}

/// Why a store could not do it.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// Not now: busy, shutting down. Nothing was written; trying again later may help.
    #[error("the store cannot do it now: {0}")]
    Unavailable(String),
    /// Not now, and people may have to do something about it. Nothing was written; trying again later may help.
    #[error("the store cannot write: {1}")]
    Disk(Trouble, String),
    /// The disk did not confirm a write. Whether it is there only the next start can tell; the store writes nothing more.
    #[error("a write could not be made durable: {0}")]
    Unconfirmed(String),
    /// What is stored makes no sense.
    #[error("the store is damaged: {0}")]
    Corrupt(String),
    /// What the caller said does not fit what is stored (a version that moved on, a key that is taken).
    #[error("conflict: {0}")]
    Conflict(&'static str),
    /// There is no such thing.
    #[error("not found")]
    NotFound,
}

/// Why nothing was recorded.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The planner refused.
    #[error(transparent)]
    Refused(#[from] Fault),
    /// The store could not.
    #[error(transparent)]
    Store(#[from] StoreError),
}
