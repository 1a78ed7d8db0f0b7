//! Objects: every write of every collection, alone or in a batch, and reading them.
//!
//! `rights` says who may ask, `record` plans the write over one consistent state (the rules are `tidings_domain::write`), `tell`
//! says its events in the dialects of the project's webhooks, `plans` bounds what all of them hold in memory, `read` reads.

mod entry;
mod plans;
mod read;
mod record;
mod rights;
mod tell;

pub use plans::Plans;

use std::sync::Arc;

use tidings_domain::{Doc, EventId, ObjectRef, Text, Value};
use tidings_storage::Queued;

/// What an entry does, named as in `/changes`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// Creates without an id.
    Post,
    /// Creates or replaces.
    Put,
    /// Merges (RFC 7396).
    Patch,
    /// Removes.
    Delete,
    /// Stops a timer.
    Stop,
    /// Throws a timer away.
    Cancel,
    /// Tells people about a comment.
    Notify,
    /// Moves an item to another project.
    Move,
    /// Updates several items.
    Bulk,
}

/// One write, as a request or an entry of a batch asks for it; nothing is checked yet.
#[derive(Clone, Debug)]
pub struct Entry {
    /// What to do.
    pub op: Op,
    /// The collection as written: `tasks`, `members`, `items` (bulk).
    pub collection: Text,
    /// `42` or `ext:X`; none for [`Op::Post`] and [`Op::Bulk`].
    pub id: Option<String>,
    /// The body.
    pub data: Value,
    /// A comment beside `data` (`/changes`); in a single PATCH it is a member of `data`.
    pub comment: Option<Value>,
    /// Actor: an integer, `"ext:X"`, or a header's text.
    pub by: Option<Value>,
    /// RFC 3339.
    pub at: Option<String>,
    /// Idempotency key of a batch entry.
    pub key: Option<String>,
    /// Store without telling anybody.
    pub silent: bool,
}

/// What a write did.
#[derive(Clone, Debug)]
pub struct Written {
    /// The event; `None` when nothing changed, or it was silent.
    pub event: Option<EventId>,
    /// The object; `None` for a bulk update.
    pub object: Option<ObjectRef>,
    /// Its version; `None` after a delete and for a bulk update.
    pub sequence: Option<i64>,
    /// The object as it is now; `None` after a delete and for a bulk update.
    pub doc: Option<Arc<Doc>>,
    /// Whether it was created.
    pub created: bool,
    /// For a bulk update: what happened to each object.
    pub each: Vec<Written>,
}

/// What a request of writes did.
#[derive(Debug)]
pub struct Wrote {
    /// Entry by entry.
    pub written: Vec<Written>,
    /// The deliveries it caused, in order.
    pub deliveries: Vec<Queued>,
}

#[cfg(test)]
mod tests;
