//! A copy of the file while a server writes to it.
//!
//! A second process reads one snapshot through SQLite's backup interface: it needs no lock of ours, the server goes on, and what was
//! committed before it began is in it. The copy gets a mark, so that it is not served by accident; it is checked, and gets its name only
//! when it is whole and on the disk.

use std::fs::{File, TryLockError};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, params};
use serde::{Deserialize, Serialize};

use crate::look::{Seen, beside, is_database, judge};
use crate::migrate::STEPS;
use crate::open::{OpenError, private, reader, sync_folder};

/// Name of the document that marks a backup.
pub(crate) const MARK: &str = "backup";

/// Pages copied at a time.
const STEP: i32 = 8192;

/// What a backup says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// When it was begun (RFC 3339).
    pub made_at: String,
    /// Last event in it.
    pub event: i64,
}

impl Mark {
    /// A mark that cannot be read is one all the same.
    pub(crate) fn read(text: &str) -> Self {
        serde_json::from_str(text).unwrap_or_default()
    }
}

/// What was copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backup {
    /// Size of the file.
    pub bytes: u64,
    /// What it holds; marked.
    pub seen: Seen,
    /// Last event in it.
    pub event: i64,
}

/// Why there is no backup. One line each; what was written so far is gone.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// A backup never takes the place of another file.
    #[error("{0} is there already; name a file that is not, or remove it")]
    Exists(PathBuf),
    /// Somebody else writes to the same name.
    #[error("another backup to {0} is running")]
    Running(PathBuf),
    /// What is to be copied cannot be read.
    #[error(transparent)]
    Source(#[from] OpenError),
    /// The copy cannot be written.
    #[error("cannot write {path}: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Copying failed.
    #[error("cannot copy to {path}: {source}")]
    Copy {
        /// Where to.
        path: PathBuf,
        /// Why.
        source: rusqlite::Error,
    },
    /// The copy is damaged, and so, most likely, is the original.
    #[error("the copy is damaged, as the database may be ({0}); `tidings doctor` tells more")]
    Damaged(String),
}

/// Copies the database at `from`, which may be in use, into the new file `to`.
///
/// # Errors
/// One line: what is wrong and what to do. `to` is then not there.
pub fn backup(from: &Path, to: &Path, made_at: &str) -> Result<Backup, BackupError> {
    for name in [to.to_owned(), beside(to, "-wal"), beside(to, "-journal")] {
        if name.symlink_metadata().is_ok() {
            return Err(BackupError::Exists(name));
        }
    }
    if !is_database(from)? {
        return Err(OpenError::Missing(from.to_owned()).into());
    }
    let unread = |source| OpenError::database(from, source);
    let source = reader(from).map_err(unread)?;
    // One snapshot for the whole copy: without it every commit of the server would begin the copy anew.
    source.execute_batch("BEGIN").map_err(unread)?;
    let mut seen = judge(&source, from, STEPS)?;
    if seen.schema.is_none() {
        return Err(OpenError::Missing(from.to_owned()).into());
    }
    let event = source
        .query_row("SELECT event FROM server", [], |row| row.get(0))
        .map_err(unread)?;
    // The copy of a backup that was never served is as old as that one.
    let mark = seen.backup.take().unwrap_or_else(|| Mark {
        made_at: made_at.to_owned(),
        event,
    });
    let partial = Partial::claim(to)?;
    partial.fill(&source, &mark)?;
    seen.backup = Some(mark);
    let bytes = partial.publish(to)?;
    Ok(Backup { bytes, seen, event })
}

/// The copy as long as it is not whole; removed unless it was published.
struct Partial {
    path: PathBuf,
    file: File,
}

impl Partial {
    /// A copy that was cut off by a crash has the same name, and gives way.
    fn claim(to: &Path) -> Result<Self, BackupError> {
        let path = beside(to, ".partial");
        let unwritten = |source| BackupError::File {
            path: path.clone(),
            source,
        };
        let file = private(&path).map_err(unwritten)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(BackupError::Running(to.to_owned())),
            Err(TryLockError::Error(source)) => return Err(unwritten(source)),
        }
        file.set_len(0).map_err(unwritten)?;
        Ok(Self { path, file })
    }

    fn fill(&self, source: &Connection, mark: &Mark) -> Result<(), BackupError> {
        let copy = self
            .copy(source, mark)
            .map_err(|source| BackupError::Copy {
                path: self.path.clone(),
                source,
            })?;
        let faults = faults(&copy).map_err(|e| BackupError::Damaged(e.to_string()))?;
        match faults.first() {
            None => Ok(()),
            Some(fault) => Err(BackupError::Damaged(fault.clone())),
        }
    }

    fn copy(&self, source: &Connection, mark: &Mark) -> rusqlite::Result<Connection> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut copy = Connection::open_with_flags(&self.path, flags)?;
        // Nobody reads it before it is whole, and it is synced as a whole: no journal, no sync on the way.
        copy.pragma_update(None, "journal_mode", "OFF")?;
        copy.pragma_update(None, "synchronous", "OFF")?;
        rusqlite::backup::Backup::new(source, &mut copy)?.run_to_completion(
            STEP,
            Duration::ZERO,
            None,
        )?;
        // The copy says that it has a write-ahead log, as the original has; a backup is one file.
        copy.pragma_update(None, "journal_mode", "DELETE")?;
        copy.pragma_update(None, "synchronous", "OFF")?;
        let text = serde_json::to_string(mark).unwrap_or_default();
        copy.execute(
            "INSERT OR REPLACE INTO documents (name, text) VALUES (?1, ?2)",
            params![MARK, text],
        )?;
        Ok(copy)
    }

    fn publish(self, to: &Path) -> Result<u64, BackupError> {
        let unwritten = |source| BackupError::File {
            path: to.to_owned(),
            source,
        };
        self.file.sync_all().map_err(unwritten)?;
        let bytes = self.file.metadata().map_err(unwritten)?.len();
        // Unlike a rename, a link never takes the place of a file that came meanwhile.
        match std::fs::hard_link(&self.path, to) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                return Err(BackupError::Exists(to.to_owned()));
            }
            // Not every file system has links.
            Err(_) => std::fs::rename(&self.path, to).map_err(unwritten)?,
        }
        drop(self);
        sync_folder(to).map_err(unwritten)?;
        Ok(bytes)
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        // After a rename there is nothing to remove.
        drop(std::fs::remove_file(&self.path));
    }
}

/// What SQLite finds wrong with a file, at most a few lines.
pub(crate) fn faults(conn: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut statement = conn.prepare("PRAGMA integrity_check(10)")?;
    let found = statement.query_map([], |row| row.get::<_, String>(0))?;
    let mut faults = Vec::new();
    for text in found {
        let text = text?;
        let lines = text.lines().filter(|l| *l != "ok" && !l.starts_with("***"));
        faults.extend(lines.map(str::to_owned));
    }
    Ok(faults)
}

#[cfg(test)]
mod tests;
