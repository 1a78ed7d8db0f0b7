//! The log by object and by root: from an object to the last message about it, and from each to the one before.
//!
//! An index would do the same, but each new message would touch a page of it somewhere: half of what a change writes. Here the
//! object's own row, which is written anyway, points to the newest entry, and entries are only ever added at the end. What is no
//! object of the project (`items`, `webhooks/7`, the object of a test datum) has an index of its own, `message_objects`.

use rusqlite::{Connection, OptionalExtension, params};
use tidings_domain::{ObjectRef, ProjectId};
use tidings_storage::Message;

use crate::codes::{Result, collection_code, limit, sick};
use crate::writer::Writer;

/// The messages about an object, newest first.
pub(crate) struct Trail<'a> {
    conn: &'a Connection,
    next: Option<i64>,
}

impl<'a> Trail<'a> {
    /// Those of that name; none where it is no object of the project.
    pub(crate) fn of(conn: &'a Connection, project: ProjectId, object: &str) -> Result<Self> {
        let mut trail = Self { conn, next: None };
        let Ok(key) = object.parse::<ObjectRef>() else {
            return Ok(trail);
        };
        let at = params![project.0, collection_code(key.collection), key.id];
        let newest = conn
            .prepare_cached(
                "SELECT trail FROM objects WHERE project = ?1 AND collection = ?2 AND id = ?3",
            )
            .and_then(|mut s| s.query_row(at, |row| row.get(0)).optional())
            .map_err(sick)?;
        trail.next = newest.flatten();
        Ok(trail)
    }

    /// The next older message.
    pub(crate) fn step(&mut self) -> Result<Option<i64>> {
        let Some(entry) = self.next else {
            return Ok(None);
        };
        let found = self
            .conn
            .prepare_cached("SELECT before, message FROM trails WHERE id = ?1")
            .and_then(|mut s| {
                s.query_row([entry], |row| Ok((row.get(0)?, row.get(1)?)))
                    .optional()
            })
            .map_err(sick)?;
        let (before, message) = found.unzip();
        self.next = before.flatten();
        Ok(message)
    }
}

impl Writer {
    /// Makes the log find a message by its object and its roots.
    pub(crate) fn lay_trails(&self, message: &Message) -> Result<()> {
        let own = message.object.parse::<ObjectRef>().ok();
        if own.is_none() {
            self.index_object(message, &message.object)?;
        }
        let mut keys = message.roots.clone();
        keys.extend(own);
        keys.sort_unstable();
        keys.dedup();
        for key in keys {
            let (project, collection) = (message.project.0, collection_code(key.collection));
            let laid = self.run(
                "INSERT INTO trails (before, message) SELECT trail, ?4 FROM objects
                 WHERE project = ?1 AND collection = ?2 AND id = ?3",
                params![project, collection, key.id, message.id],
            )?;
            if laid == 0 {
                self.index_object(message, &key.to_string())?;
                continue;
            }
            self.run(
                "UPDATE objects SET trail = last_insert_rowid() WHERE project = ?1 AND collection = ?2 AND id = ?3",
                params![project, collection, key.id],
            )?;
        }
        Ok(())
    }

    fn index_object(&self, message: &Message, object: &str) -> Result<()> {
        self.run(
            "INSERT INTO message_objects (project, object, message) VALUES (?1, ?2, ?3)",
            params![message.project.0, object, message.id],
        )
        .map(drop)
    }

    /// Removes up to `step` entries older than every message, so that no trail is cut in the middle; how many. The newest stays
    /// whatever it leads to: its number must not be given again while an object points to it.
    pub(crate) fn prune_trails(&self, step: usize) -> Result<usize> {
        self.run(
            "DELETE FROM trails WHERE id IN (SELECT id FROM trails ORDER BY id LIMIT ?1)
             AND message < (SELECT coalesce(min(id), 9223372036854775807) FROM messages)
             AND id < (SELECT max(id) FROM trails)",
            [limit(step)],
        )
    }
}
