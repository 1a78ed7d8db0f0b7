//! The embedded store: SQLite, one writer thread, group commit.
//!
//! Cast:
//!
//! * `open` makes or opens the file: lock, checks; `migrate` brings it to the newest schema; `look` judges it without touching it.
//! * `renew` makes good what a sync that failed may have left behind.
//! * `shared` is what all threads know: the pool of read-only connections, caches, the sequence of commits.
//! * `writer` is the thread that alone writes. It takes whatever is queued, commits once, tells the listener, and then answers. A
//!   request has a savepoint of its own unless it can simply be asked for again.
//! * `gather` writes the pages of a commit in few calls.
//! * `checkpoint` copies the write-ahead log into the database beside the writer.
//! * `reader` is one read transaction, `snapshot` how the domain sees a project in it; it notes what was read.
//! * `memory` is what holds now, as the last commits left it: plans look there first.
//! * `record` plans on a snapshot, on the caller's thread, and has the writer check that nothing it read has changed since.
//! * `trail` leads from an object to the messages about it; `question` asks the log everything else, along indexes in `segments`.
//! * `objects`, `queue`, `log`, `people`, `accounts`, `audit`, `keep`, `sweeps` and `retention` are the rest of the store's methods.
//! * `figures` is what people see of how webhooks and the server do: hours, history, how much waits.
//! * `backup` copies the file while it is served, and readies such a copy to be served in its stead (`restore`).
//! * `examine` asks a file, served or not, whether it is whole and agrees with itself.
//! * `way_in` lets whoever has the file sign in.
//! * `reseal` puts everything secret under another key.
//!
//! Invariants: an answer comes after the commit; the listener hears of commits in their order; a method is one transaction;
//! whatever fails, nothing is half-written.

mod accounts;
mod audit;
mod backup;
mod checkpoint;
mod codes;
mod examine;
mod figures;
mod gather;
mod keep;
mod log;
mod look;
mod memory;
mod migrate;
mod objects;
mod open;
mod pages;
mod people;
mod question;
mod queue;
mod reader;
mod record;
mod relief;
mod renew;
mod reseal;
mod restore;
mod retention;
mod segments;
mod shared;
mod snapshot;
mod statements;
mod store;
mod stride;
mod sweeps;
mod trail;
mod trouble;
mod way_in;
mod writer;

#[cfg(test)]
mod tests;

pub use backup::{Backup, BackupError, Mark, backup};
pub use examine::{Examiner, Figures, in_use};
pub use look::{Seen, look};
pub use open::OpenError;
pub use reseal::{ResealError, SealedAs, reseal, vacuum};
pub use restore::{AfterRestore, Restored, restore};
pub use store::SqliteStore;
pub use way_in::{LetIn, WayInError, let_in};
