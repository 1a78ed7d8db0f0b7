//! A layer between SQLite and the write-ahead log: what a commit appends is written in few calls.
//!
//! SQLite writes each page of a commit with two calls, 24 bytes and the page, although all of them lie one behind the other and
//! nobody may read them before the commit is done. 130 pages and their sync take three times as long that way as in one piece. The
//! layer keeps what is appended in memory, and hands it on when SQLite asks for the sync, reads, or writes elsewhere.
//!
//! Only for a connection that syncs each commit (`synchronous=FULL`) and writes pages to the log for no other reason
//! (`cache_spill=OFF`): others learn of pages after that sync, never before, and nothing is kept of a transaction that was given
//! up. A write that fails is reported by the call that needed it, at the latest by that sync, and so fails the commit.

#![expect(
    unsafe_code,
    reason = "SQLite's interface to files is a table of C functions; each function here relies on what SQLite promises of its arguments"
)]

use std::ffi::{CStr, c_char, c_int, c_void};
use std::sync::OnceLock;
use std::{ptr, slice};

use rusqlite::ffi;

/// So much is kept at most; a commit that is longer takes several calls. SQLite's own write takes no more than 131,071 bytes.
const MOST: usize = 120 * 1024;

/// SQLite's table of functions for a file system, with the one it stands before.
#[repr(C)]
struct Layer {
    own: ffi::sqlite3_vfs,
    system: *mut ffi::sqlite3_vfs,
}

/// An open log. The system's own open file lies right behind it.
#[repr(C)]
struct Log {
    file: ffi::sqlite3_file,
    kept: *mut Kept,
}

/// Bytes that belong at this place of the log.
#[derive(Default)]
struct Kept {
    at: ffi::sqlite3_int64,
    bytes: Vec<u8>,
}

impl Kept {
    /// Keeps them too, if they follow and there is room.
    fn takes(&mut self, bytes: &[u8], at: ffi::sqlite3_int64) -> bool {
        if self.bytes.is_empty() {
            self.at = at;
        }
        let follows = ffi::sqlite3_int64::try_from(self.bytes.len())
            .is_ok_and(|length| self.at.checked_add(length) == Some(at));
        let takes = follows && self.bytes.len() + bytes.len() <= MOST;
        if takes {
            self.bytes.extend_from_slice(bytes);
        }
        takes
    }
}

/// The layer's name for `open`; `None` where SQLite cannot be given one.
pub(crate) fn layer() -> Option<&'static CStr> {
    const NAME: &CStr = c"tidings-gather";
    static KNOWN: OnceLock<bool> = OnceLock::new();
    KNOWN.get_or_init(|| register(NAME)).then_some(NAME)
}

fn register(name: &'static CStr) -> bool {
    // SAFETY: finding and registering are safe from any thread; the default file system lives as long as the process, and so
    // does the layer. The rest of its functions are the system's, which look at nothing of the table that is other here.
    unsafe {
        let system = ffi::sqlite3_vfs_find(ptr::null());
        if system.is_null() {
            return false;
        }
        let Ok(more) = c_int::try_from(size_of::<Log>()) else {
            return false;
        };
        let mut own = *system;
        own.zName = name.as_ptr();
        own.pNext = ptr::null_mut();
        own.szOsFile += more;
        own.xOpen = Some(open);
        let layer = Box::leak(Box::new(Layer { own, system }));
        ffi::sqlite3_vfs_register(&raw mut layer.own, 0) == ffi::SQLITE_OK
    }
}

unsafe extern "C" fn open(
    layer: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    file: *mut ffi::sqlite3_file,
    flags: c_int,
    flags_out: *mut c_int,
) -> c_int {
    // SAFETY: SQLite hands over the table that was registered, and `szOsFile` bytes for the file.
    unsafe {
        let system = (*layer.cast::<Layer>()).system;
        let Some(open) = (*system).xOpen else {
            return ffi::SQLITE_CANTOPEN;
        };
        if flags & ffi::SQLITE_OPEN_WAL == 0 {
            return open(system, name, file, flags, flags_out);
        }
        (*file).pMethods = ptr::null();
        let inner = inner(file);
        (*inner).pMethods = ptr::null();
        let code = open(system, name, inner, flags, flags_out);
        if code != ffi::SQLITE_OK {
            close_inner(file);
            return code;
        }
        let log = file.cast::<Log>();
        (*log).kept = Box::into_raw(Box::default());
        (*file).pMethods = &raw const METHODS;
        code
    }
}

static METHODS: ffi::sqlite3_io_methods = ffi::sqlite3_io_methods {
    iVersion: 1,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(file_size),
    xLock: Some(lock),
    xUnlock: Some(unlock),
    xCheckReservedLock: Some(check_reserved_lock),
    xFileControl: Some(file_control),
    xSectorSize: Some(sector_size),
    xDeviceCharacteristics: Some(device_characteristics),
    xShmMap: None,
    xShmLock: None,
    xShmBarrier: None,
    xShmUnmap: None,
    xFetch: None,
    xUnfetch: None,
};

/// The system's open file behind this one.
///
/// # Safety
/// `file` is a [`Log`], or room for one.
unsafe fn inner(file: *mut ffi::sqlite3_file) -> *mut ffi::sqlite3_file {
    // SAFETY: `szOsFile` is the size of a `Log` and of the system's file; both begin with pointers.
    unsafe { file.cast::<Log>().add(1).cast() }
}

/// Calls a function of the system's open file.
macro_rules! system {
    ($file:expr, $function:ident $(, $argument:expr)*) => {{
        let inner = inner($file);
        match (*(*inner).pMethods).$function {
            Some(function) => function(inner $(, $argument)*),
            None => ffi::SQLITE_IOERR,
        }
    }};
}

/// Hands on what is kept. Whether or not that succeeds, nothing is kept then.
///
/// # Safety
/// `file` is an open [`Log`], and nobody else uses it.
unsafe fn flush(file: *mut ffi::sqlite3_file) -> c_int {
    // SAFETY: as promised; `write` takes no more than `MOST` bytes, which an int can hold.
    unsafe {
        let kept = &mut *(*file.cast::<Log>()).kept;
        if kept.bytes.is_empty() {
            return ffi::SQLITE_OK;
        }
        let length = c_int::try_from(kept.bytes.len()).unwrap_or(c_int::MAX);
        let code = system!(file, xWrite, kept.bytes.as_ptr().cast(), length, kept.at);
        kept.bytes.clear();
        code
    }
}

// The functions of an open log. SAFETY, for all of them: SQLite calls them with a file that `open` opened and `close` did not yet
// close, from one thread at a time, and with buffers of the length it says.

unsafe extern "C" fn write(
    file: *mut ffi::sqlite3_file,
    bytes: *const c_void,
    length: c_int,
    at: ffi::sqlite3_int64,
) -> c_int {
    // SAFETY: see above.
    unsafe {
        let Ok(size) = usize::try_from(length) else {
            return ffi::SQLITE_IOERR_WRITE;
        };
        let kept = (*file.cast::<Log>()).kept;
        let given = slice::from_raw_parts(bytes.cast::<u8>(), size);
        if (*kept).takes(given, at) {
            return ffi::SQLITE_OK;
        }
        let code = flush(file);
        if code != ffi::SQLITE_OK || (*kept).takes(given, at) {
            return code;
        }
        system!(file, xWrite, bytes, length, at)
    }
}

unsafe extern "C" fn sync(file: *mut ffi::sqlite3_file, flags: c_int) -> c_int {
    // SAFETY: see above.
    unsafe {
        match flush(file) {
            ffi::SQLITE_OK => system!(file, xSync, flags),
            failed => failed,
        }
    }
}

unsafe extern "C" fn read(
    file: *mut ffi::sqlite3_file,
    into: *mut c_void,
    length: c_int,
    at: ffi::sqlite3_int64,
) -> c_int {
    // SAFETY: see above.
    unsafe {
        match flush(file) {
            ffi::SQLITE_OK => system!(file, xRead, into, length, at),
            failed => failed,
        }
    }
}

unsafe extern "C" fn truncate(file: *mut ffi::sqlite3_file, size: ffi::sqlite3_int64) -> c_int {
    // SAFETY: see above.
    unsafe {
        match flush(file) {
            ffi::SQLITE_OK => system!(file, xTruncate, size),
            failed => failed,
        }
    }
}

unsafe extern "C" fn file_size(
    file: *mut ffi::sqlite3_file,
    size: *mut ffi::sqlite3_int64,
) -> c_int {
    // SAFETY: see above.
    unsafe {
        match flush(file) {
            ffi::SQLITE_OK => system!(file, xFileSize, size),
            failed => failed,
        }
    }
}

unsafe extern "C" fn close(file: *mut ffi::sqlite3_file) -> c_int {
    // SAFETY: see above. What is kept then belongs to no commit, or SQLite would have synced it.
    unsafe {
        drop(Box::from_raw((*file.cast::<Log>()).kept));
        close_inner(file)
    }
}

/// Closes the system's file, if it is open.
///
/// # Safety
/// As for [`inner`].
unsafe fn close_inner(file: *mut ffi::sqlite3_file) -> c_int {
    // SAFETY: the system's file says by its methods whether it is open.
    unsafe {
        let inner = inner(file);
        if (*inner).pMethods.is_null() {
            return ffi::SQLITE_OK;
        }
        system!(file, xClose)
    }
}

unsafe extern "C" fn lock(file: *mut ffi::sqlite3_file, level: c_int) -> c_int {
    // SAFETY: see above.
    unsafe { system!(file, xLock, level) }
}

unsafe extern "C" fn unlock(file: *mut ffi::sqlite3_file, level: c_int) -> c_int {
    // SAFETY: see above.
    unsafe { system!(file, xUnlock, level) }
}

unsafe extern "C" fn check_reserved_lock(file: *mut ffi::sqlite3_file, held: *mut c_int) -> c_int {
    // SAFETY: see above.
    unsafe { system!(file, xCheckReservedLock, held) }
}

unsafe extern "C" fn file_control(
    file: *mut ffi::sqlite3_file,
    what: c_int,
    with: *mut c_void,
) -> c_int {
    // SAFETY: see above.
    unsafe { system!(file, xFileControl, what, with) }
}

unsafe extern "C" fn sector_size(file: *mut ffi::sqlite3_file) -> c_int {
    // SAFETY: see above.
    unsafe { system!(file, xSectorSize) }
}

unsafe extern "C" fn device_characteristics(file: *mut ffi::sqlite3_file) -> c_int {
    // SAFETY: see above.
    unsafe { system!(file, xDeviceCharacteristics) }
}

#[cfg(test)]
mod tests;
