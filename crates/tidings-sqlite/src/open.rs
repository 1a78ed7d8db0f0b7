//! Makes or opens the file: one process at a time, nothing newer than this binary, durable from the first byte on.

use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use crate::checkpoint;
use crate::gather;
use crate::look::{Seen, beside, folder, inspect, judge, library, lock_if_there, locked};
use crate::migrate::{STEPS, migrate};
use crate::pages;
use crate::renew::renew_log;

/// How long a start waits for another program that holds the file.
const BUSY_AT_START: Duration = Duration::from_secs(5);
/// The same while running: everybody who writes waits as long, so they are rather told.
pub(crate) const BUSY: Duration = Duration::from_millis(500);

/// Why the store cannot be opened. One line each: what is wrong, where, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it.
    #[error("{0} is in use by another process; if that is another tidings process, stop it first")]
    InUse(PathBuf),
    /// The directory or file cannot be made, read or written.
    #[error(
        "cannot open {path}: {source}; it must be there and open to the server's user, or name another file with --store sqlite:PATH"
    )]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is of a newer version.
    #[error("{path} has schema version {found}, this tidings knows {known}; use a newer tidings")]
    Newer {
        /// Which.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// Ours.
        known: i64,
    },
    /// The file is no database.
    #[error("{0} is no database; name another file with --store sqlite:PATH")]
    NoDatabase(PathBuf),
    /// The file belongs to another program.
    #[error("{0} is a database of another program; name another file with --store sqlite:PATH")]
    Foreign(PathBuf),
    /// There is no file, where one is needed.
    #[error("there is no database at {0}; name the file with --store sqlite:PATH")]
    Missing(PathBuf),
    /// The library is too old to be safe.
    #[error("SQLite {0} is too old: 3.51.3 or newer is needed; use a tidings built with one")]
    Library(&'static str),
    /// The file is a backup, and nobody said what is to become of what it still had to deliver.
    #[error(
        "{path} is the backup of {made_at}: some of what waits in it may have been delivered since; start once with --after-restore park (deliver nothing of it unasked) or --after-restore deliver (deliver it, perhaps again)"
    )]
    Backup {
        /// Which.
        path: PathBuf,
        /// When it was made.
        made_at: String,
    },
    /// The file is no backup, or was served since.
    #[error("{0} is no backup, or was already served since; start without --after-restore")]
    NoBackup(PathBuf),
    /// The database cannot be used: damaged, read-only, full.
    #[error(
        "cannot open {path}: {source}; `tidings doctor` looks closer, and a backup can take its place"
    )]
    Database {
        /// Which.
        path: PathBuf,
        /// Why.
        source: rusqlite::Error,
    },
}

impl OpenError {
    pub(crate) fn file(path: &Path, source: std::io::Error) -> Self {
        Self::File {
            path: path.to_owned(),
            source,
        }
    }

    pub(crate) fn database(path: &Path, source: rusqlite::Error) -> Self {
        Self::Database {
            path: path.to_owned(),
            source,
        }
    }
}

/// The open file: the lock that keeps other processes out, and the connection that writes.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) lock: File,
    pub(crate) writer: Connection,
}

/// Opens the file to serve it, or makes it.
pub(crate) fn open(path: &Path) -> Result<Opened, OpenError> {
    open_any(path, STEPS, refuse_backups, || ())
}

fn refuse_backups(path: &Path, seen: &Seen) -> Result<(), OpenError> {
    match &seen.backup {
        None => Ok(()),
        Some(mark) => Err(OpenError::Backup {
            path: path.to_owned(),
            made_at: mark.made_at.clone(),
        }),
    }
}

/// Opens the file if it is acceptable, and brings it to the schema that `steps` make; `after` is told of each statement of a step.
pub(crate) fn open_any(
    path: &Path,
    steps: &[&str],
    acceptable: fn(&Path, &Seen) -> Result<(), OpenError>,
    after: impl FnMut(),
) -> Result<Opened, OpenError> {
    pages::prepare();
    library(rusqlite::version_number(), rusqlite::version())?;
    let file = |source| OpenError::file(path, source);
    let held = lock_if_there(path)?;
    // Before anything is made: a start that is refused leaves no trace.
    acceptable(path, &inspect(path, steps)?)?;
    let lock = match held {
        Some(lock) => lock,
        None => locked(path, private(&beside(path, ".lock")).map_err(file)?)?,
    };
    drop(private(path).map_err(file)?);

    let database = |source| OpenError::database(path, source);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut writer = match gather::layer() {
        Some(layer) => Connection::open_with_flags_and_vfs(path, flags, layer),
        None => Connection::open_with_flags(path, flags),
    }
    .map_err(database)?;
    // Another process may have been quicker.
    let seen = judge(&writer, path, steps)?;
    acceptable(path, &seen)?;
    prepare(&writer).map_err(database)?;
    renew_log(&writer, path)?;
    migrate(&mut writer, seen.schema.unwrap_or(0), steps, after).map_err(database)?;
    writer.busy_timeout(BUSY).map_err(database)?;
    // `gather` counts on it: the log is written when a transaction is committed, not before.
    writer
        .pragma_update(None, "cache_spill", false)
        .map_err(database)?;
    // The names of the files must be as durable as what is in them.
    sync_folder(path).map_err(file)?;
    Ok(Opened { lock, writer })
}

/// Opens or makes a file that only its owner can read.
pub(crate) fn private(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Makes the name of a file durable.
pub(crate) fn sync_folder(path: &Path) -> std::io::Result<()> {
    File::open(folder(path))?.sync_all()
}

fn prepare(conn: &Connection) -> rusqlite::Result<()> {
    conn.busy_timeout(BUSY_AT_START)?;
    keep_plans(conn)?;
    // Only counts before the first table; giving space back in steps cannot be switched on later without rewriting the file.
    conn.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    conn.pragma_update(None, "journal_mode", "WAL")?;
    // FULL: a commit is on the disk when it returns. NORMAL would lose the last commits at a power cut.
    conn.pragma_update(None, "synchronous", "FULL")?;
    conn.pragma_update(None, "foreign_keys", true)?;
    conn.pragma_update(None, "temp_store", "MEMORY")?;
    conn.pragma_update(None, "cache_size", -32 * 1024)?;
    conn.pragma_update(None, "wal_autocheckpoint", checkpoint::ENOUGH)?;
    conn.pragma_update(None, "journal_size_limit", 128 * 1024 * 1024)?;
    conn.set_prepared_statement_cache_capacity(200);
    Ok(())
}

/// A statement is planned once, whatever is given to it: without this SQLite compiles some of ours anew for each value (those that may
/// use an index of few rows), which takes several times as long as to run them.
fn keep_plans(conn: &Connection) -> rusqlite::Result<()> {
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)
        .map(drop)
}

/// One more connection that may write to the file: nothing but checkpoints.
pub(crate) fn again(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(path, flags)?;
    conn.busy_timeout(BUSY)?;
    conn.pragma_update(None, "synchronous", "FULL")?;
    Ok(conn)
}

/// One more connection, that cannot write.
pub(crate) fn reader(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(path, flags)?;
    conn.busy_timeout(BUSY)?;
    keep_plans(&conn)?;
    conn.pragma_update(None, "query_only", true)?;
    conn.pragma_update(None, "temp_store", "MEMORY")?;
    conn.pragma_update(None, "cache_size", -8 * 1024)?;
    conn.set_prepared_statement_cache_capacity(100);
    Ok(conn)
}
