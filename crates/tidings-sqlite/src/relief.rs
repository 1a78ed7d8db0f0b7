//! Room on a full disk: the write-ahead log is emptied into the database, so that what room there is goes to what stays.
//!
//! The log is emptied by itself only when it has grown to its usual size. On a disk that is full before that, it would keep what it
//! has, and take whatever room comes back, while the database that it is to be copied into finds none.

use std::time::Duration;

use rusqlite::Connection;

/// While nothing can be written, a copy is tried so soon after the last one, and twice as long after each: it writes a lot for nothing.
const FIRST_PAUSE_MS: i64 = 50;
const LONGEST_PAUSE_MS: i64 = 1_000;
/// When something could be written there is room, and the next commits take it: then a copy comes at once, unless one just failed.
const SHORTEST_PAUSE_MS: i64 = 10;
/// Readers of the log are waited for so long, and by everybody who writes.
const PATIENCE: Duration = Duration::from_millis(20);

/// Whether the log is still to be emptied after the disk was full.
#[derive(Debug, Default)]
pub(crate) struct Relief {
    wanted: bool,
    pause_ms: i64,
    /// Not before, whatever happens.
    rests_until_ms: i64,
    /// Not before, as long as nothing can be written.
    waits_until_ms: i64,
}

impl Relief {
    /// A commit found the disk full.
    pub(crate) fn want(&mut self) {
        self.wanted = true;
    }

    /// Empties the log after a commit that was made or `failed`, if that is wanted and was not tried just now. A failure is no news:
    /// commits say what is wrong.
    pub(crate) fn try_now(&mut self, conn: &Connection, failed: bool, clock: impl Fn() -> i64) {
        if !self.wanted {
            return;
        }
        let begun_ms = clock();
        if begun_ms < self.rests_until_ms || (failed && begun_ms < self.waits_until_ms) {
            return;
        }
        if empty(conn) {
            *self = Self::default();
            return;
        }
        let now_ms = clock();
        self.pause_ms = if failed {
            (self.pause_ms * 2).clamp(FIRST_PAUSE_MS, LONGEST_PAUSE_MS)
        } else {
            FIRST_PAUSE_MS
        };
        // Never more than half of the time.
        self.rests_until_ms = now_ms + SHORTEST_PAUSE_MS.max(now_ms - begun_ms);
        self.waits_until_ms = now_ms + self.pause_ms;
    }
}

/// Whether nothing is left in the log.
fn empty(conn: &Connection) -> bool {
    let usual = crate::open::BUSY;
    if conn.busy_timeout(PATIENCE).is_err() {
        return false;
    }
    let busy = conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| {
        row.get::<_, i64>(0)
    });
    // The pragma failed, or the connection is beyond help: its commits will say so.
    let _ = conn.busy_timeout(usual);
    busy == Ok(0)
}
