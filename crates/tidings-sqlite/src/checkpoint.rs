//! Checkpoints: the write-ahead log is copied into the database beside the writer, which does not wait for the disk meanwhile.
//!
//! A thread with a connection of its own copies what there is, and once more what came in the meantime. The writer then copies the
//! little that is left: only when all of it is copied, the log begins anew. What fails is tried again later, and readers that need
//! the log only make it longer for a while.

use std::ffi::c_int;
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;

use rusqlite::Connection;
use rusqlite::hooks::Wal;

/// Pages in the log that are worth a checkpoint.
pub(crate) const ENOUGH: c_int = 24_000;

/// Has the checkpoints of this connection done by another, whenever so many pages are in the log.
pub(crate) fn beside(conn: &mut Connection, path: &Path, enough: c_int) -> rusqlite::Result<()> {
    let mut copying = Copying {
        path: path.to_owned(),
        enough,
        next_at: enough,
        thread: None,
    };
    conn.wal_hook(Some(move |wal: &mut Wal, pages: c_int| {
        copying.committed(wal, pages);
        // The commit is durable whatever becomes of its copy.
        Ok(())
    }))
}

/// Waits for a checkpoint that is under way; there are no more from here on.
pub(crate) fn end(conn: &mut Connection) -> rusqlite::Result<()> {
    conn.wal_hook(None::<fn(&mut Wal, c_int) -> rusqlite::Result<()>>)
}

struct Copying {
    path: PathBuf,
    enough: c_int,
    /// So many pages in the log, and the next checkpoint begins.
    next_at: c_int,
    thread: Option<JoinHandle<()>>,
}

impl Copying {
    fn committed(&mut self, wal: &mut Wal, pages: c_int) {
        if self.thread.as_ref().is_some_and(|t| !t.is_finished()) {
            return;
        }
        if self.thread.take().is_some() {
            let _ = wal.checkpoint();
            self.next_at = pages + self.enough / 8;
        } else if pages < self.enough {
            // The log began anew.
            self.next_at = self.enough;
        } else if pages >= self.next_at {
            let path = self.path.clone();
            self.next_at = pages + self.enough / 8;
            let thread = std::thread::Builder::new().name("sqlite-checkpoint".to_owned());
            match thread.spawn(move || drop(copy(&path))) {
                Ok(thread) => self.thread = Some(thread),
                Err(_) => drop(wal.checkpoint()),
            }
        }
    }
}

impl Drop for Copying {
    fn drop(&mut self) {
        if let Some(thread) = self.thread.take() {
            // Whoever closes the database last removes its log: that must be the writer.
            drop(thread.join());
        }
    }
}

fn copy(path: &Path) -> rusqlite::Result<()> {
    let conn = crate::open::again(path)?;
    for _ in 0..2 {
        conn.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: u64 = 4096 + 24;

    #[test]
    fn the_log_begins_anew_again_and_again_and_nothing_is_missing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.db");
        let mut conn = Connection::open(&path).unwrap();
        conn.pragma_update(None, "journal_mode", "WAL").unwrap();
        conn.execute_batch("CREATE TABLE t (id INTEGER PRIMARY KEY, text BLOB)")
            .unwrap();
        beside(&mut conn, &path, 100).unwrap();
        let log = path.with_extension("db-wal");
        let mut longest = 0;
        for _ in 0..4_000 {
            conn.execute("INSERT INTO t (text) VALUES (zeroblob(4000))", [])
                .unwrap();
            longest = longest.max(log.metadata().unwrap().len());
        }
        // 8,000 pages and more were written: what is longer was never begun anew.
        assert!(longest < 4_000 * PAGE, "{longest} bytes");
        end(&mut conn).unwrap();
        let count = |conn: &Connection| {
            conn.query_row("SELECT count(*) FROM t", [], |row| row.get::<_, i64>(0))
                .unwrap()
        };
        assert_eq!(count(&conn), 4_000);
        drop(conn);
        assert!(!log.exists(), "the last to leave removes the log");
        assert_eq!(count(&Connection::open(&path).unwrap()), 4_000);
    }
}
