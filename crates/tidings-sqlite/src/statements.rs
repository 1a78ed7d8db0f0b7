//! The writer's statements, compiled once and kept.
//!
//! A statement is found by where its text lies in the program. The library's own cache compares texts, and moves what it finds out
//! and in again: a tenth of the writer's time, for statements of a few microseconds.

use std::cell::RefCell;
use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension, Params, PrepFlags, Result, Row, Statement};

/// Those that were run before.
#[derive(Default)]
pub(crate) struct Statements<'c>(RefCell<BTreeMap<(usize, usize), Statement<'c>>>);

impl<'c> Statements<'c> {
    /// Runs one; how many rows it changed.
    pub(crate) fn run(
        &self,
        conn: &'c Connection,
        sql: &'static str,
        given: impl Params,
    ) -> Result<usize> {
        self.with(conn, sql, |statement| execute(statement, given))
    }

    /// Asks for the row of a key; `None` where there is none.
    pub(crate) fn row<T>(
        &self,
        conn: &'c Connection,
        sql: &'static str,
        given: impl Params,
        read: impl FnOnce(&Row<'_>) -> Result<T>,
    ) -> Result<Option<T>> {
        self.with(conn, sql, |statement| {
            statement.query_row(given, read).optional()
        })
    }

    fn with<T>(
        &self,
        conn: &'c Connection,
        sql: &'static str,
        act: impl FnOnce(&mut Statement<'c>) -> Result<T>,
    ) -> Result<T> {
        let mut kept = self.0.borrow_mut();
        // The same text may lie at two places, never two texts at one.
        let place = (sql.as_ptr().addr(), sql.len());
        if let Some(statement) = kept.get_mut(&place) {
            return act(statement);
        }
        let flags = PrepFlags::SQLITE_PREPARE_PERSISTENT;
        let mut statement = conn.prepare_with_flags(sql, flags)?;
        let done = act(&mut statement);
        kept.insert(place, statement);
        done
    }
}

fn execute(statement: &mut Statement<'_>, given: impl Params) -> Result<usize> {
    let done = statement.execute(given);
    // What was given may be a large body.
    statement.clear_bindings();
    done
}
