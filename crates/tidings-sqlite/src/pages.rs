//! SQLite's page cache, with one function of our own.
//!
//! Where pages of an index change places, SQLite gives one of them a number for a moment that lies far behind the end of the file. Its
//! page cache remembers the largest number it ever saw, and so looks through all of its pages at the end of such a commit, for those
//! behind the end of the file: a fiftieth of the server's time. Here that page goes by a number that no page has, at the other end.
//!
//! Which number it is depends on the size of the pages, and a file may have been made with others than ours: those keep theirs.

#![expect(
    unsafe_code,
    reason = "SQLite's page cache is a table of C functions; the one here only changes a number on its way to SQLite's own"
)]

use std::ffi::c_uint;
use std::mem::MaybeUninit;
use std::sync::{Once, OnceLock};

use rusqlite::ffi;

/// Bytes of a page, unless somebody made the file with others.
const PAGE: c_uint = 4096;
/// The page that holds SQLite's locks, with pages of this size: never content, so it serves as the number for a moment.
const FOR_A_MOMENT: c_uint = 0x4000_0000 / PAGE + 1;
/// Pages are counted from 1.
const NO_PAGE: c_uint = 0;

type Rekey =
    unsafe extern "C" fn(*mut ffi::sqlite3_pcache, *mut ffi::sqlite3_pcache_page, c_uint, c_uint);

static SYSTEM: OnceLock<Rekey> = OnceLock::new();

/// Puts the function in its place, if SQLite was not used before; without it, all is as it was.
pub(crate) fn prepare() {
    static ONCE: Once = Once::new();
    ONCE.call_once(install);
}

fn install() {
    let mut table = MaybeUninit::<ffi::sqlite3_pcache_methods2>::uninit();
    // SAFETY: the first call fills the table, which is read only if it did; SQLite copies what the second is given, and refuses both
    // once it was used.
    unsafe {
        if ffi::sqlite3_config(ffi::SQLITE_CONFIG_GETPCACHE2, table.as_mut_ptr()) != ffi::SQLITE_OK
        {
            return;
        }
        let mut table = table.assume_init();
        let Some(system) = table.xRekey else {
            return;
        };
        SYSTEM.get_or_init(|| system);
        table.xRekey = Some(rekey);
        ffi::sqlite3_config(ffi::SQLITE_CONFIG_PCACHE2, &raw mut table);
    }
}

unsafe extern "C" fn rekey(
    cache: *mut ffi::sqlite3_pcache,
    page: *mut ffi::sqlite3_pcache_page,
    old: c_uint,
    new: c_uint,
) {
    if let Some(system) = SYSTEM.get() {
        // SAFETY: the page is there; what SQLite hands over is handed on, and no other page has either number.
        unsafe {
            let usual = is_usual(&*page);
            system(cache, page, number(old, usual), number(new, usual));
        }
    }
}

/// Whether a page is as large as ours. SQLite's own cache has what it notes of a page, a few words, right behind it.
fn is_usual(page: &ffi::sqlite3_pcache_page) -> bool {
    let behind = page.pExtra.addr().wrapping_sub(page.pBuf.addr());
    c_uint::try_from(behind).is_ok_and(|behind| (PAGE..2 * PAGE).contains(&behind))
}

fn number(page: c_uint, usual: bool) -> c_uint {
    if usual && page == FOR_A_MOMENT {
        NO_PAGE
    } else {
        page
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::*;

    #[test]
    fn only_the_number_for_a_moment_is_another() {
        for page in [1, 2, FOR_A_MOMENT - 1, FOR_A_MOMENT + 1, c_uint::MAX] {
            assert_eq!(number(page, true), page);
        }
        assert_eq!(number(FOR_A_MOMENT, true), NO_PAGE);
        assert_eq!(number(FOR_A_MOMENT, false), FOR_A_MOMENT);
    }

    /// With small pages, that number is one of content.
    #[test]
    fn a_file_with_other_pages_stays_whole() {
        prepare();
        let folder = tempfile::tempdir().unwrap();
        let conn = Connection::open(folder.path().join("x.db")).unwrap();
        conn.execute_batch(
            "PRAGMA page_size = 512; PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;
             CREATE TABLE filler (x); CREATE TABLE t (key BLOB PRIMARY KEY) WITHOUT ROWID;
             INSERT INTO filler VALUES (zeroblob(133150000))",
        )
        .unwrap();
        let one = |sql: &str| conn.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
        let before = one("PRAGMA page_count");
        for i in 0..4_000_u64 {
            let key = i
                .wrapping_mul(0x9E37_79B9_7F4A_7C15)
                .to_be_bytes()
                .repeat(4);
            conn.execute("INSERT INTO t VALUES (?1)", [key]).unwrap();
        }
        let content = before..one("PRAGMA page_count");
        assert!(content.contains(&i64::from(FOR_A_MOMENT)), "{content:?}");
        assert_eq!(one("SELECT count(*) FROM t"), 4_000);
        let check = conn.query_row("PRAGMA integrity_check", [], |row| row.get::<_, String>(0));
        assert_eq!(check.unwrap(), "ok");
    }

    #[test]
    fn an_index_whose_pages_change_places_stays_whole() {
        prepare();
        let folder = tempfile::tempdir().unwrap();
        let mut conn = Connection::open(folder.path().join("x.db")).unwrap();
        conn.execute_batch(
            "PRAGMA journal_mode = WAL; CREATE TABLE t (key BLOB PRIMARY KEY) WITHOUT ROWID",
        )
        .unwrap();
        // In no order, so that pages in the middle are split.
        let key = |i: u64| {
            i.wrapping_mul(0x9E37_79B9_7F4A_7C15)
                .to_be_bytes()
                .repeat(20)
        };
        for batch in 0..40 {
            let transaction = conn.transaction().unwrap();
            for i in 0..100 {
                let key = key(batch * 100 + i);
                transaction
                    .execute("INSERT INTO t VALUES (?1)", [key])
                    .unwrap();
            }
            if batch % 5 == 4 {
                transaction.rollback().unwrap();
            } else {
                transaction.commit().unwrap();
            }
        }
        let one = |sql: &str| conn.query_row(sql, [], |row| row.get::<_, String>(0));
        assert_eq!(one("PRAGMA integrity_check").unwrap(), "ok");
        assert_eq!(one("SELECT count(*) || '' FROM t").unwrap(), "3200");
    }
}
