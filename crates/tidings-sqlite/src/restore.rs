//! Readies a backup to be served in the place of what was lost.
//!
//! Between the backup and the loss the server went on: it sent, and it numbered. What the backup still has to deliver may have been
//! delivered, so its owner says whether to; and numbers that receivers may have seen are never given again.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};
use tidings_domain::Doc;

use crate::backup::MARK;
use crate::codes::{PARKED, PENDING, collection};
use crate::look::Seen;
use crate::migrate::STEPS;
use crate::open::{OpenError, open_any};

/// By how much ids of events and deliveries, and the versions of objects, go on higher.
const GAP: i64 = 1_000_000;

/// Name of the document with the version that new objects begin with.
const FIRST_SEQUENCE: &str = "first_sequence";

/// Objects read at a time.
const STEP: i64 = 1000;

/// What becomes of what a backup still had to deliver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AfterRestore {
    /// Put aside; `recover` delivers it, webhook by webhook.
    Park,
    /// Delivered, perhaps once more.
    Deliver,
}

/// What was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// Deliveries that wait, or were put aside.
    pub waiting: u64,
    /// Last event; the next has a higher id.
    pub event: i64,
}

/// Takes the mark off a backup and does what was said. All in one transaction: whoever is cut off begins again.
///
/// # Errors
/// One line: what is wrong and what to do. [`OpenError::NoBackup`] for a file without the mark.
pub fn restore(path: &Path, after: AfterRestore) -> Result<Restored, OpenError> {
    let mut opened = open_any(path, STEPS, refuse_others, || ())?;
    settle(&mut opened.writer, after).map_err(|source| OpenError::database(path, source))
}

fn refuse_others(path: &Path, seen: &Seen) -> Result<(), OpenError> {
    match seen.backup {
        Some(_) => Ok(()),
        None => Err(OpenError::NoBackup(path.to_owned())),
    }
}

fn settle(conn: &mut Connection, after: AfterRestore) -> rusqlite::Result<Restored> {
    let transaction = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let waiting = transaction.query_row(
        "SELECT count(*) FROM deliveries WHERE waiting = 1",
        [],
        |row| row.get::<_, i64>(0),
    )?;
    if after == AfterRestore::Park {
        // What was delivered before and was to be sent once more stays delivered.
        transaction.execute(
            "UPDATE deliveries SET state = iif(state = ?1, ?2, state), waiting = 0, due_ms = NULL WHERE waiting = 1",
            [PENDING, PARKED],
        )?;
        transaction.execute("UPDATE server SET waiting = 0", [])?;
        transaction.execute("DELETE FROM sweeps WHERE errand <> 1", [])?;
    }
    // Recoveries after the backup may have given out ids of these places.
    transaction.execute(
        "UPDATE absences SET place = min(place + ?1, place_end + 1) WHERE place > 0",
        [GAP],
    )?;
    transaction.execute(
        "UPDATE server SET event = event + ?1, delivery = delivery + ?1",
        [GAP],
    )?;
    raise_versions(&transaction)?;
    // An object that is created again, or another under its id, must not begin below what receivers saw of the one that was lost.
    let first = first_sequence(&transaction)?.saturating_add(GAP);
    transaction.execute(
        "INSERT OR REPLACE INTO documents (name, text) VALUES (?1, ?2)",
        params![FIRST_SEQUENCE, first.to_string()],
    )?;
    transaction.execute("DELETE FROM documents WHERE name = ?1", [MARK])?;
    // Who signed out since, or used a link, must not be let in again.
    transaction.execute("DELETE FROM sessions", [])?;
    transaction.execute("DELETE FROM one_time_links", [])?;
    let event = transaction.query_row("SELECT event FROM server", [], |row| row.get(0))?;
    transaction.commit()?;
    Ok(Restored {
        waiting: u64::try_from(waiting).unwrap_or_default(),
        event,
    })
}

/// The version that new objects begin with.
pub(crate) fn first_sequence(conn: &Connection) -> rusqlite::Result<i64> {
    let text = conn
        .query_row(
            "SELECT text FROM documents WHERE name = ?1",
            [FIRST_SEQUENCE],
            |row| row.get::<_, String>(0),
        )
        .optional()?;
    Ok(text.and_then(|text| text.parse().ok()).unwrap_or(1))
}

/// A receiver that compares versions would take what changes from now on for late, if it saw higher ones before the loss.
fn raise_versions(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    let mut read = transaction.prepare(
        "SELECT id, collection, body FROM states s WHERE id > ?1 AND EXISTS
         (SELECT 1 FROM objects o WHERE o.project = s.project AND o.collection = s.collection AND o.id = s.object AND o.state = s.id)
         ORDER BY id LIMIT ?2",
    )?;
    let mut write = transaction.prepare("UPDATE states SET body = ?2 WHERE id = ?1")?;
    let mut last = i64::MIN;
    loop {
        let rows = read.query_map(params![last, STEP], |row| {
            Ok((
                row.get(0)?,
                row.get::<_, i64>(1)?,
                row.get::<_, Vec<u8>>(2)?,
            ))
        })?;
        let rows: Vec<(i64, i64, Vec<u8>)> = rows.collect::<rusqlite::Result<_>>()?;
        for (id, code, body) in &rows {
            let raised = raised(*code, body).map_err(|error| {
                rusqlite::Error::FromSqlConversionFailure(2, rusqlite::types::Type::Blob, error)
            })?;
            write.execute(params![id, raised])?;
            last = *id;
        }
        if rows.is_empty() {
            return Ok(());
        }
    }
}

fn raised(code: i64, body: &[u8]) -> Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>> {
    let mut doc = Doc::from_stored(collection(code)?, body)?;
    doc.set("sequence", doc.sequence().saturating_add(GAP));
    Ok(doc.to_stored())
}

#[cfg(test)]
mod tests;
