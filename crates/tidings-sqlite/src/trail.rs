//! The log by object and by root: from an object to the last message about it, and from each to the one before.
//!
//! An index would do the same, but each new message would touch a page of it somewhere: half of what a change writes. Here the
//! object's own row, which is written anyway, points to the newest entry, and what is new is added at the end. What was missed and
//! is made up for takes its place among the older ones: along a trail, messages only descend. What is no object of the project (`items`, `webhooks/7`, the object of a test datum) has an index of its own, `message_objects`.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension, params};
use tidings_domain::{ObjectRef, ProjectId};
use tidings_storage::Message;

use crate::codes::{Result, collection_code, limit, sick};
use crate::record::Moved;
use crate::writer::Writer;

/// The newest entry of an object; no row: there is no such object.
const NEWEST: &str = "SELECT trail FROM objects WHERE project = ?1 AND collection = ?2 AND id = ?3";

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
            .prepare_cached(NEWEST)
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

/// Behind which entry of an object's trail the next message belongs.
pub(crate) type Behind = HashMap<ObjectRef, Option<i64>>;

impl Writer<'_> {
    /// Makes the log find a message by its object and its roots.
    pub(crate) fn lay_trails(&self, message: &Message, moved: &mut Vec<Moved>) -> Result<()> {
        for key in self.keys(message)? {
            self.lay_at_end(message, key, moved)?;
        }
        Ok(())
    }

    /// The same for a message that may be older than others about the same. `behind` remembers for the messages that follow it, in
    /// ascending order, behind which entry of an object they belong; `None`: at the end.
    pub(crate) fn lay_trails_behind(&self, message: &Message, behind: &mut Behind) -> Result<()> {
        for key in self.keys(message)? {
            let later = match behind.get(&key) {
                Some(later) => *later,
                None => self.oldest_after(message, key)?,
            };
            behind.insert(key, later);
            let Some(later) = later else {
                self.lay_at_end(message, key, &mut Vec::new())?;
                continue;
            };
            self.run(
                "INSERT INTO trails (before, message) SELECT before, ?2 FROM trails WHERE id = ?1",
                [later, message.id],
            )?;
            self.run(
                "UPDATE trails SET before = last_insert_rowid() WHERE id = ?1",
                [later],
            )?;
        }
        Ok(())
    }

    /// The entry of an object's first message that is newer than this one.
    fn oldest_after(&self, message: &Message, key: ObjectRef) -> Result<Option<i64>> {
        let mut trail = Trail::of(self.conn, message.project, &key.to_string())?;
        let mut later = None;
        while let Some(entry) = trail.next
            && trail.step()?.is_some_and(|found| found > message.id)
        {
            later = Some(entry);
        }
        Ok(later)
    }

    /// The objects under which the log finds it by their trails; what is no object is indexed.
    fn keys(&self, message: &Message) -> Result<Vec<ObjectRef>> {
        let own = message.object.parse::<ObjectRef>().ok();
        if own.is_none() {
            self.index_object(message, &message.object)?;
        }
        let mut keys = message.roots.clone();
        keys.extend(own);
        keys.sort_unstable();
        keys.dedup();
        Ok(keys)
    }

    fn lay_at_end(&self, message: &Message, key: ObjectRef, moved: &mut Vec<Moved>) -> Result<()> {
        if let Some(new) = Moved::take(moved, message.project, key) {
            let entry = self.insert_entry(new.trail, message)?;
            return self.point_to(&new, Some(entry));
        }
        let at = params![message.project.0, collection_code(key.collection), key.id];
        let Some(before) = self.row(NEWEST, at, |row| row.get(0))? else {
            return self.index_object(message, &key.to_string());
        };
        let entry = self.insert_entry(before, message)?;
        self.run(
            "UPDATE objects SET trail = ?4 WHERE project = ?1 AND collection = ?2 AND id = ?3",
            params![
                message.project.0,
                collection_code(key.collection),
                key.id,
                entry
            ],
        )
        .map(drop)
    }

    fn insert_entry(&self, before: Option<i64>, message: &Message) -> Result<i64> {
        self.run(
            "INSERT INTO trails (before, message) VALUES (?1, ?2)",
            params![before, message.id],
        )?;
        Ok(self.conn.last_insert_rowid())
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
