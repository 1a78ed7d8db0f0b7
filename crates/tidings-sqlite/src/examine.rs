//! Examines a file, served or not, without changing it: is it whole, and does what it says agree.
//!
//! Everything is read in one snapshot. The store has no foreign keys (they would cost every write); what they would hold, and what
//! they could not, is asked here.

use std::path::{Path, PathBuf};

use rusqlite::Connection;
use tidings_domain::webhook::Webhook;
use tidings_domain::{Project, ProjectId};
use tidings_storage::StoreError;

use crate::backup::faults;
use crate::codes::{json, sick};
use crate::look::{Seen, beside, is_database, judge, lock_if_there};
use crate::migrate::{STEPS, newest};
use crate::open::{OpenError, reader};
use crate::snapshot::read_webhook;

/// One snapshot of a file.
#[derive(Debug)]
pub struct Examiner {
    path: PathBuf,
    conn: Connection,
    seen: Seen,
}

/// How much there is of what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Last event.
    pub event: i64,
    /// Latest stored server time, milliseconds since 1970.
    pub time_ms: i64,
    /// Deliveries in the log.
    pub deliveries: i64,
    /// Of them those that wait for their try.
    pub waiting: i64,
    /// Of them those that are parked.
    pub parked: i64,
    /// Size of the file.
    pub bytes: u64,
    /// Size of the write-ahead log.
    pub log_bytes: u64,
}

/// What must be true, as queries that count what is not; the words follow the count.
const RULES: &[(&str, &str)] = &[
    (
        "deliveries without their message",
        "SELECT count(*) FROM deliveries d WHERE NOT EXISTS
         (SELECT 1 FROM messages m WHERE m.id = d.message AND d.id BETWEEN m.id AND m.last)",
    ),
    (
        "messages without a delivery",
        "SELECT count(*) FROM messages m WHERE NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.id BETWEEN m.id AND m.last)",
    ),
    (
        "attempts without their delivery",
        "SELECT count(*) FROM attempts a WHERE NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.id = a.delivery)",
    ),
    (
        "deliveries whose attempts are not all there",
        "SELECT count(*) FROM deliveries d WHERE d.attempts <> (SELECT count(*) FROM attempts a WHERE a.delivery = d.id)",
    ),
    (
        "deliveries that are pending and in no queue",
        "SELECT count(*) FROM deliveries WHERE state = 0 AND waiting = 0",
    ),
    (
        "deliveries in the queue of a webhook that never was",
        "SELECT count(*) FROM deliveries d WHERE d.waiting = 1 AND NOT EXISTS (SELECT 1 FROM webhooks w WHERE w.id = d.webhook)",
    ),
    (
        "entries of the log's index without their message",
        "SELECT count(*) FROM message_objects o WHERE NOT EXISTS (SELECT 1 FROM messages m WHERE m.id = o.message)",
    ),
    (
        "objects whose trail of messages ends in nothing or goes back and forth",
        "SELECT (SELECT count(*) FROM objects o WHERE o.trail > (SELECT coalesce(max(id), 0) FROM trails))
         + (SELECT count(*) FROM trails t JOIN trails b ON b.id = t.before WHERE b.message >= t.message)",
    ),
    (
        "entries of the log's triggers without their delivery",
        "SELECT count(*) FROM delivery_triggers t WHERE NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.id = t.delivery AND d.project = t.project)",
    ),
    (
        "deliveries in another segment than theirs",
        "SELECT count(*) FROM deliveries d WHERE d.segment IS NOT (SELECT id FROM segments WHERE begin <= d.id ORDER BY begin DESC LIMIT 1)",
    ),
    (
        "segments that do not follow each other",
        "SELECT count(*) FROM segments s WHERE begin <= (SELECT max(begin) FROM segments b WHERE b.id < s.id)",
    ),
    (
        "deliveries more or fewer than counted",
        "SELECT abs(log_rows - (SELECT count(*) FROM deliveries)) FROM server",
    ),
    (
        "deliveries in the queues more or fewer than counted",
        "SELECT abs(waiting - (SELECT count(*) FROM deliveries WHERE waiting = 1)) FROM server",
    ),
    (
        "hours or history of a webhook that is not there",
        "SELECT (SELECT count(*) FROM hours h WHERE NOT EXISTS (SELECT 1 FROM webhooks w WHERE w.id = h.webhook AND w.deleted = 0))
         + (SELECT count(*) FROM shifts s WHERE NOT EXISTS (SELECT 1 FROM webhooks w WHERE w.id = s.webhook AND w.deleted = 0))",
    ),
    (
        "bytes of the log more or fewer than counted",
        "SELECT abs(log_bytes - (SELECT coalesce(sum(length(body)), 0) FROM messages)
         - (SELECT coalesce(sum(length(CAST(body AS BLOB))), 0) FROM attempts)) FROM server",
    ),
    (
        "ids of events that would be given again",
        "SELECT max(0, (SELECT coalesce(max(id), 0) FROM events) - event) FROM server",
    ),
    (
        "ids of deliveries that would be given again",
        "SELECT max(0, (SELECT coalesce(max(id), 0) FROM deliveries) - delivery, (SELECT coalesce(max(last), 0) FROM messages) - delivery)
         FROM server",
    ),
    (
        "ids of webhooks that would be given again",
        "SELECT max(0, (SELECT coalesce(max(id), 0) FROM webhooks) - webhook) FROM server",
    ),
    (
        "ids of tokens that would be given again",
        "SELECT max(0, (SELECT coalesce(max(id), 0) FROM tokens) - token) FROM server",
    ),
    (
        "webhooks without their health",
        "SELECT count(*) FROM webhooks w WHERE w.deleted = 0 AND NOT EXISTS (SELECT 1 FROM healths h WHERE h.webhook = w.id)",
    ),
    (
        "webhooks of no project",
        "SELECT count(*) FROM webhooks w WHERE NOT EXISTS (SELECT 1 FROM projects p WHERE p.id = w.project)",
    ),
    (
        "deleted webhooks with secrets",
        "SELECT count(*) FROM webhooks WHERE deleted > 0 AND sealed IS NOT NULL",
    ),
    (
        "objects of no project",
        "SELECT count(*) FROM objects o WHERE NOT EXISTS (SELECT 1 FROM projects p WHERE p.id = o.project)",
    ),
    (
        "objects from the future",
        "SELECT count(*) FROM objects WHERE version > (SELECT event FROM server)",
    ),
    (
        "objects without the state that holds",
        "SELECT count(*) FROM objects o LEFT JOIN states s ON s.id = o.state AND s.project = o.project AND s.collection = o.collection
         AND s.object = o.id AND s.since = o.version AND s.deleted = o.deleted WHERE s.id IS NULL",
    ),
    (
        "states of objects that replaced what came later or another's",
        "SELECT count(*) FROM states n JOIN states b ON b.id = n.before
         WHERE b.since >= n.since OR b.project <> n.project OR b.collection <> n.collection OR b.object <> n.object",
    ),
    (
        "vocabulary counts below zero",
        "SELECT count(*) FROM tallies WHERE number < 0",
    ),
];

impl Examiner {
    /// Opens a file to examine; nothing where there is none yet.
    ///
    /// # Errors
    /// As a start would: one line that says what is wrong and what to do.
    pub fn open(path: &Path) -> Result<Option<Self>, OpenError> {
        if !is_database(path)? {
            return Ok(None);
        }
        let database = |source| OpenError::database(path, source);
        let conn = reader(path).map_err(database)?;
        conn.execute_batch("BEGIN").map_err(database)?;
        let seen = judge(&conn, path, STEPS)?;
        if seen.schema.is_none() {
            return Ok(None);
        }
        Ok(Some(Self {
            path: path.to_owned(),
            conn,
            seen,
        }))
    }

    /// What a start depends on.
    pub fn seen(&self) -> &Seen {
        &self.seen
    }

    /// The schema that a start would make of it.
    pub fn newest_schema() -> i64 {
        newest(STEPS)
    }

    /// What SQLite finds wrong with the file: pages, indexes, constraints.
    ///
    /// # Errors
    /// It cannot be read at all.
    pub fn faults(&self) -> Result<Vec<String>, StoreError> {
        faults(&self.conn).map_err(sick)
    }

    /// What in it does not agree. Only asked of the newest schema.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn disagreements(&self) -> Result<Vec<String>, StoreError> {
        let mut found = Vec::new();
        for (what, sql) in RULES {
            let count: i64 = self
                .conn
                .query_row(sql, [], |row| row.get(0))
                .map_err(sick)?;
            if count != 0 {
                found.push(format!("{count} {what}"));
            }
        }
        Ok(found)
    }

    /// How much there is.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn figures(&self) -> Result<Figures, StoreError> {
        let size = |suffix| std::fs::metadata(beside(&self.path, suffix)).map_or(0, |m| m.len());
        self.conn
            .query_row(
                "SELECT event, time_ms, (SELECT count(*) FROM deliveries),
                 (SELECT count(*) FROM deliveries WHERE waiting = 1), (SELECT count(*) FROM deliveries WHERE state = 2)
                 FROM server",
                [],
                |row| {
                    Ok(Figures {
                        event: row.get(0)?,
                        time_ms: row.get(1)?,
                        deliveries: row.get(2)?,
                        waiting: row.get(3)?,
                        parked: row.get(4)?,
                        bytes: size(""),
                        log_bytes: size("-wal"),
                    })
                },
            )
            .map_err(sick)
    }

    /// Every webhook that is not deleted.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn webhooks(&self) -> Result<Vec<Webhook>, StoreError> {
        let mut statement = self
            .conn
            .prepare("SELECT body, sealed FROM webhooks WHERE deleted = 0 ORDER BY id")
            .map_err(sick)?;
        let mut rows = statement.query([]).map_err(sick)?;
        let mut all = Vec::new();
        while let Some(row) = rows.next().map_err(sick)? {
            all.push(read_webhook(row, 0)?);
        }
        Ok(all)
    }

    /// Every project that is not deleted.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn projects(&self) -> Result<Vec<Project>, StoreError> {
        let mut statement = self
            .conn
            .prepare("SELECT id, body FROM projects WHERE deleted = 0 ORDER BY id")
            .map_err(sick)?;
        let mut rows = statement.query([]).map_err(sick)?;
        let mut all = Vec::new();
        while let Some(row) = rows.next().map_err(sick)? {
            let body: String = row.get(1).map_err(sick)?;
            let mut project: Project = json(&body, "project")?;
            project.id = ProjectId(row.get(0).map_err(sick)?);
            all.push(project);
        }
        Ok(all)
    }
}

/// Whether a process has the file locked; the answer may be old when it arrives.
///
/// # Errors
/// The lock cannot be asked.
pub fn in_use(path: &Path) -> Result<bool, OpenError> {
    match lock_if_there(path) {
        Ok(_) => Ok(false),
        Err(OpenError::InUse(_)) => Ok(true),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests;
