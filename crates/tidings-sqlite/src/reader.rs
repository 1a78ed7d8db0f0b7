//! A connection that reads: one transaction, begun when the first thing is asked of it.

use std::cell::OnceCell;

use rusqlite::Connection;

use crate::codes::{Result, sick};
use crate::shared::Shared;

/// Where a state is read from.
#[derive(Clone, Copy)]
pub(crate) enum Source<'a> {
    /// A transaction that has begun.
    Begun(&'a Connection),
    /// Memory first, for plans; a transaction for what memory lacks.
    Memory(&'a Reader<'a>),
}

impl<'a> Source<'a> {
    pub(crate) fn conn(self) -> Result<&'a Connection> {
        match self {
            Source::Begun(conn) => Ok(conn),
            Source::Memory(reader) => reader.conn(),
        }
    }
}

/// A transaction that begins when it is needed, and ends when this goes.
pub(crate) struct Reader<'a> {
    shared: &'a Shared,
    /// The last request that was committed before this was made.
    pub(crate) since: u64,
    conn: OnceCell<Connection>,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(shared: &'a Shared, since: u64) -> Self {
        Self {
            shared,
            since,
            conn: OnceCell::new(),
        }
    }

    /// The connection, in its transaction.
    pub(crate) fn conn(&self) -> Result<&Connection> {
        if let Some(conn) = self.conn.get() {
            return Ok(conn);
        }
        let conn = self.shared.take_reader()?;
        conn.prepare_cached("BEGIN")
            .and_then(|mut begin| begin.execute([]))
            .map_err(sick)?;
        Ok(self.conn.get_or_init(|| conn))
    }
}

impl Drop for Reader<'_> {
    fn drop(&mut self) {
        let Some(conn) = self.conn.take() else {
            return;
        };
        // A connection that cannot leave its transaction is closed.
        let ended = conn
            .prepare_cached("COMMIT")
            .and_then(|mut c| c.execute([]));
        if ended.is_ok() {
            self.shared.keep_reader(conn);
        }
    }
}
