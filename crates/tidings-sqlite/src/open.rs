//! Makes or opens the file: one process at a time, nothing newer than this binary, durable from the first byte on.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

/// 3.51.3 repaired the reset of the write-ahead log, which could corrupt a file that two connections write and checkpoint.
const OLDEST_SQLITE: i32 = 3_051_003;

/// `TIDG`: marks the file as ours.
const APPLICATION: i32 = 0x5449_4447;

/// The schema, step by step; a step is never changed once it was released.
const MIGRATIONS: &[&str] = &[include_str!("migrations/0001.sql")];

/// Why the store cannot be opened. One line each: what is wrong, where, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it.
    #[error("{0} is in use by another process; if that is another tidings process, stop it first")]
    InUse(PathBuf),
    /// The directory or file cannot be made, read or written.
    #[error("cannot open {path}: {source}")]
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
    /// The file belongs to another program.
    #[error("{0} is a database of another program")]
    Foreign(PathBuf),
    /// The library is too old to be safe.
    #[error("SQLite {0} is too old: 3.51.3 or newer is needed")]
    Library(&'static str),
    /// The database cannot be used: damaged, read-only, full.
    #[error("cannot open {path}: {source}")]
    Database {
        /// Which.
        path: PathBuf,
        /// Why.
        source: rusqlite::Error,
    },
}

/// The open file: the lock that keeps other processes out, and the connection that writes.
pub(crate) struct Opened {
    pub(crate) lock: File,
    pub(crate) writer: Connection,
}

pub(crate) fn open(path: &Path) -> Result<Opened, OpenError> {
    if rusqlite::version_number() < OLDEST_SQLITE {
        return Err(OpenError::Library(rusqlite::version()));
    }
    let file = |source| OpenError::File {
        path: path.to_owned(),
        source,
    };
    // A file of its own: closing any handle of the database file itself would drop SQLite's locks on it.
    let mut lock_name = path.as_os_str().to_owned();
    lock_name.push(".lock");
    let lock = private(Path::new(&lock_name)).map_err(file)?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(OpenError::InUse(path.to_owned())),
        Err(TryLockError::Error(source)) => return Err(file(source)),
    }
    drop(private(path).map_err(file)?);

    let database = |source| OpenError::Database {
        path: path.to_owned(),
        source,
    };
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut writer = Connection::open_with_flags(path, flags).map_err(database)?;
    let pragma = |name| writer.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let application = pragma("application_id").map_err(database)?;
    let version = pragma("user_version").map_err(database)?;
    let tables: i64 = writer
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
        .map_err(database)?;
    if application != i64::from(APPLICATION) && (application != 0 || tables > 0) {
        return Err(OpenError::Foreign(path.to_owned()));
    }
    let known = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
    if version > known {
        return Err(OpenError::Newer {
            path: path.to_owned(),
            found: version,
            known,
        });
    }
    prepare(&writer).map_err(database)?;
    migrate(&mut writer, version).map_err(database)?;
    // The names of the files must be as durable as what is in them.
    let parent = path.parent().filter(|p| !p.as_os_str().is_empty());
    let directory = File::open(parent.unwrap_or(Path::new("."))).map_err(file)?;
    directory.sync_all().map_err(file)?;
    Ok(Opened { lock, writer })
}

/// Opens or makes a file that only its owner can read.
fn private(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn prepare(conn: &Connection) -> rusqlite::Result<()> {
    conn.busy_timeout(Duration::from_secs(5))?;
    // Only counts before the first table; giving space back in steps cannot be switched on later without rewriting the file.
    conn.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    conn.pragma_update(None, "journal_mode", "WAL")?;
    // FULL: a commit is on the disk when it returns. NORMAL would lose the last commits at a power cut.
    conn.pragma_update(None, "synchronous", "FULL")?;
    conn.pragma_update(None, "foreign_keys", true)?;
    conn.pragma_update(None, "temp_store", "MEMORY")?;
    conn.pragma_update(None, "cache_size", -32 * 1024)?;
    conn.pragma_update(None, "wal_autocheckpoint", 4000)?;
    conn.pragma_update(None, "journal_size_limit", 64 * 1024 * 1024)?;
    conn.set_prepared_statement_cache_capacity(200);
    Ok(())
}

/// Each step is one transaction with its number, so that a crash leaves either none or all of it.
fn migrate(conn: &mut Connection, from: i64) -> rusqlite::Result<()> {
    for (step, sql) in (1_i64..).zip(MIGRATIONS) {
        if step <= from {
            continue;
        }
        let transaction =
            conn.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        transaction.execute_batch(sql)?;
        transaction.pragma_update(None, "application_id", APPLICATION)?;
        transaction.pragma_update(None, "user_version", step)?;
        transaction.commit()?;
        tracing::info!(step, "migrated the database to schema version {step}");
    }
    Ok(())
}

/// One more connection, that cannot write.
pub(crate) fn reader(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(path, flags)?;
    conn.busy_timeout(Duration::from_secs(5))?;
    conn.pragma_update(None, "query_only", true)?;
    conn.pragma_update(None, "temp_store", "MEMORY")?;
    conn.pragma_update(None, "cache_size", -8 * 1024)?;
    conn.set_prepared_statement_cache_capacity(100);
    Ok(conn)
}
