//! Looks at a file without touching it: whose it is, of which version, what it holds that a start depends on.

use std::fmt::Write as _;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags, OptionalExtension};
use tidings_storage::KEY_DOCUMENT;

use crate::backup::Mark;
use crate::migrate::{APPLICATION, STEPS, newest};
use crate::open::OpenError;

/// 3.51.3 repaired the reset of the write-ahead log, which could corrupt a file that two connections write and checkpoint.
const OLDEST_SQLITE: i32 = 3_051_003;

const MAGIC: &[u8] = b"SQLite format 3\0";

/// What a file holds that a start depends on. Nothing of it: there is no database yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Version of its schema.
    pub schema: Option<i64>,
    /// Which key its secrets are sealed with.
    pub key_id: Option<String>,
    /// Whether there are any.
    pub has_secrets: bool,
    /// Present in a backup that was not served yet.
    pub backup: Option<Mark>,
}

/// Looks at the file that a server would open, and says why it cannot be served. Makes and changes nothing.
///
/// # Errors
/// One line: what is wrong, where, and what to do.
pub fn look(path: &Path) -> Result<Seen, OpenError> {
    library(rusqlite::version_number(), rusqlite::version())?;
    let _held = lock_if_there(path)?;
    inspect(path, STEPS)
}

/// The same for who holds the lock, or knows that nobody does.
pub(crate) fn inspect(path: &Path, steps: &[&str]) -> Result<Seen, OpenError> {
    if !is_database(path)? {
        return Ok(Seen::default());
    }
    let database = |source| OpenError::database(path, source);
    judge(&unchanging(path).map_err(database)?, path, steps)
}

pub(crate) fn library(number: i32, version: &'static str) -> Result<(), OpenError> {
    if number < OLDEST_SQLITE {
        return Err(OpenError::Library(version));
    }
    Ok(())
}

/// The name of a file that goes with the database.
pub(crate) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// The folder that a file is in.
pub(crate) fn folder(path: &Path) -> &Path {
    let parent = path.parent().filter(|p| !p.as_os_str().is_empty());
    parent.unwrap_or(Path::new("."))
}

/// Locks the file that keeps other processes out, if a process ever made it.
pub(crate) fn lock_if_there(path: &Path) -> Result<Option<File>, OpenError> {
    // A file of its own: closing any handle of the database file itself would drop SQLite's locks on it.
    let name = beside(path, ".lock");
    match OpenOptions::new().read(true).write(true).open(name) {
        Ok(file) => locked(path, file).map(Some),
        Err(error) if [ErrorKind::NotFound, ErrorKind::NotADirectory].contains(&error.kind()) => {
            Ok(None)
        }
        Err(error) => Err(OpenError::file(path, error)),
    }
}

pub(crate) fn locked(path: &Path, file: File) -> Result<File, OpenError> {
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse(path.to_owned())),
        Err(TryLockError::Error(source)) => Err(OpenError::file(path, source)),
    }
}

/// Whether there is a database; an empty file is none yet. Fails for everything that SQLite should not be let near.
pub(crate) fn is_database(path: &Path) -> Result<bool, OpenError> {
    let about = match std::fs::metadata(path) {
        Ok(about) => about,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let folder = folder(path);
            return match std::fs::metadata(folder) {
                Ok(about) if about.is_dir() => Ok(false),
                Ok(_) => Err(OpenError::file(folder, ErrorKind::NotADirectory.into())),
                Err(error) => Err(OpenError::file(folder, error)),
            };
        }
        Err(error) => return Err(OpenError::file(path, error)),
    };
    if about.is_dir() {
        return Err(OpenError::file(path, ErrorKind::IsADirectory.into()));
    }
    if !about.is_file() {
        return Err(OpenError::NoDatabase(path.to_owned()));
    }
    let mut file = File::open(path).map_err(|e| OpenError::file(path, e))?;
    let mut head = Vec::new();
    (&mut file)
        .take(MAGIC.len() as u64)
        .read_to_end(&mut head)
        .map_err(|e| OpenError::file(path, e))?;
    match head.as_slice() {
        MAGIC => Ok(true),
        [] if !has_log(path) => Ok(false),
        _ => Err(OpenError::NoDatabase(path.to_owned())),
    }
}

/// Whether the last commits may still be in the write-ahead log.
fn has_log(path: &Path) -> bool {
    std::fs::metadata(beside(path, "-wal")).is_ok_and(|log| log.len() > 0)
}

/// A connection that leaves no file behind. Only for files that nobody writes meanwhile.
fn unchanging(path: &Path) -> rusqlite::Result<Connection> {
    if has_log(path) {
        return crate::open::reader(path);
    }
    // Told that the file does not change, SQLite needs neither log nor shared memory.
    let mut uri = "file:".to_owned();
    for byte in path.as_os_str().as_bytes() {
        if byte.is_ascii_alphanumeric() || b"/._-".contains(byte) {
            uri.push(char::from(*byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(uri, "%{byte:02x}");
        }
    }
    uri.push_str("?immutable=1");
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_URI;
    Connection::open_with_flags(uri, flags)
}

/// Whose database it is, and what it holds.
pub(crate) fn judge(conn: &Connection, path: &Path, steps: &[&str]) -> Result<Seen, OpenError> {
    let database = |source| OpenError::database(path, source);
    let number = |sql| conn.query_row(sql, [], |row| row.get::<_, i64>(0));
    let application = number("PRAGMA application_id").map_err(database)?;
    let version = number("PRAGMA user_version").map_err(database)?;
    let tables = number("SELECT count(*) FROM sqlite_schema").map_err(database)?;
    if application != i64::from(APPLICATION) && (application != 0 || tables > 0) {
        return Err(OpenError::Foreign(path.to_owned()));
    }
    if version > newest(steps) {
        return Err(OpenError::Newer {
            path: path.to_owned(),
            found: version,
            known: newest(steps),
        });
    }
    if version < 1 {
        return Ok(Seen::default());
    }
    // Asked of files of every version since the first: these two tables keep these columns.
    let document = |name| {
        conn.query_row("SELECT text FROM documents WHERE name = ?1", [name], |r| {
            r.get::<_, String>(0)
        })
        .optional()
        .map_err(database)
    };
    let secrets = "SELECT EXISTS (SELECT 1 FROM webhooks WHERE sealed IS NOT NULL)";
    Ok(Seen {
        schema: Some(version),
        key_id: document(KEY_DOCUMENT)?,
        has_secrets: number(secrets).map_err(database)? == 1,
        backup: document(crate::backup::MARK)?.map(|text| Mark::read(&text)),
    })
}

#[cfg(test)]
mod tests;
