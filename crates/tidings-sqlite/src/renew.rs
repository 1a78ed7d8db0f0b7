//! After a process that did not end well: what it left of the write-ahead log is made new.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use rusqlite::Connection;

use crate::open::OpenError;

/// Bytes copied at once.
const PART: usize = 1024 * 1024;

/// Writes what there is of the write-ahead log once more, byte for byte, and syncs it.
///
/// The process before may have met a sync that failed. The system then takes what it could not write for written: it is still
/// read from memory, no later sync brings it to the disk, and a power cut would take it, with every later commit behind it in
/// the log. Written again, it is new to the system.
pub(crate) fn renew_log(conn: &Connection, path: &Path) -> Result<(), OpenError> {
    let mut name = path.as_os_str().to_owned();
    name.push("-wal");
    let log = OpenOptions::new().read(true).write(true).open(&name);
    let mut log = match log {
        Ok(log) => log,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(source) => return Err(file(path, source)),
    };
    let length = log.metadata().map_err(|e| file(path, e))?.len();
    if length == 0 {
        return Ok(());
    }
    let database = |source| OpenError::Database {
        path: path.to_owned(),
        source,
    };
    // Nobody else appends to it meanwhile.
    conn.execute_batch("BEGIN IMMEDIATE").map_err(database)?;
    let renewed = rewrite(&mut log, length).map_err(|e| file(path, e));
    conn.execute_batch("ROLLBACK").map_err(database)?;
    renewed
}

fn file(path: &Path, source: io::Error) -> OpenError {
    OpenError::File {
        path: path.to_owned(),
        source,
    }
}

fn rewrite(log: &mut File, length: u64) -> io::Result<()> {
    let mut buffer = vec![0; PART];
    let mut at = 0;
    while at < length {
        log.seek(SeekFrom::Start(at))?;
        let read = log.read(&mut buffer)?;
        let Some(part) = buffer.get(..read).filter(|part| !part.is_empty()) else {
            break;
        };
        log.seek(SeekFrom::Start(at))?;
        log.write_all(part)?;
        at += part.len() as u64;
    }
    log.sync_all()
}
