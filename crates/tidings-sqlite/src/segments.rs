//! Segments of the log: which one a delivery belongs to.
//!
//! An index over the whole log has a page for each webhook, sooner or later, and each new delivery writes one somewhere: half of all
//! that is written where there are many webhooks. So the log's two largest indexes begin with the number of a segment. A segment is a
//! range of ids; one that is full is left alone but for late comers and retention, and a question goes through them newest first.

use rusqlite::Connection;

use crate::codes::{Result, sick};
use crate::writer::Writer;

/// Deliveries in a segment. Its part of an index should be few pages, and a log of millions few segments.
pub(crate) const FULL: i64 = if cfg!(test) { 8 } else { 16_384 };

/// The segment that new deliveries belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Segment {
    id: i64,
    begin: i64,
    rows: i64,
    /// The largest id that any delivery had.
    newest: i64,
}

/// The segment of an id, as SQL; null: the id is older than all of them.
pub(crate) fn of(id: &str) -> String {
    format!("(SELECT id FROM segments WHERE begin <= {id} ORDER BY begin DESC LIMIT 1)")
}

impl Segment {
    pub(crate) fn load(conn: &Connection) -> rusqlite::Result<Self> {
        conn.query_row(
            "SELECT id, begin, (SELECT count(*) FROM (SELECT 1 FROM deliveries WHERE segment = s.id LIMIT ?1)),
             max(begin, (SELECT coalesce(max(id), 0) FROM deliveries)) FROM segments s ORDER BY id DESC LIMIT 1",
            [FULL],
            |row| {
                Ok(Self {
                    id: row.get(0)?,
                    begin: row.get(1)?,
                    rows: row.get(2)?,
                    newest: row.get(3)?,
                })
            },
        )
    }
}

impl Writer<'_> {
    /// The segment of a delivery that is about to be inserted.
    pub(crate) fn segment_of(&mut self, delivery: i64) -> Result<i64> {
        let segment = &mut self.totals.segment;
        if delivery < segment.begin {
            // Its id was reserved long ago.
            let found = self
                .conn
                .prepare_cached(&format!("SELECT {}", of("?1")))
                .and_then(|mut s| s.query_row([delivery], |row| row.get(0)))
                .map_err(sick)?;
            return match found {
                Some(id) => Ok(id),
                None => self.oldest_reaches(delivery),
            };
        }
        let begins = segment.rows >= FULL && delivery > segment.newest;
        if begins {
            segment.id += 1;
            segment.begin = delivery;
            segment.rows = 0;
        }
        segment.rows += 1;
        segment.newest = segment.newest.max(delivery);
        let id = segment.id;
        if begins {
            self.run(
                "INSERT INTO segments (id, begin) VALUES (?1, ?2)",
                [id, delivery],
            )?;
        }
        Ok(id)
    }

    /// The oldest segment takes what is older than all.
    fn oldest_reaches(&self, delivery: i64) -> Result<i64> {
        self.conn
            .prepare_cached(
                "UPDATE segments SET begin = ?1 WHERE id = (SELECT min(id) FROM segments) RETURNING id",
            )
            .and_then(|mut s| s.query_row([delivery], |row| row.get(0)))
            .map_err(sick)
    }

    /// Forgets segments of which nothing is left.
    pub(crate) fn prune_segments(&self) -> Result<()> {
        self.run(
            "DELETE FROM segments WHERE id < coalesce((SELECT segment FROM deliveries ORDER BY id LIMIT 1), ?1)",
            [self.totals.segment.id],
        )
        .map(drop)
    }
}

#[cfg(test)]
mod tests;
