//! Few calls, the same bytes: what is kept, what a commit costs, and that nobody sees a difference.

use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use super::*;

fn gathering(path: &Path) -> Connection {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
    let conn = Connection::open_with_flags_and_vfs(path, flags, layer().unwrap()).unwrap();
    set_up(&conn);
    conn
}

fn set_up(conn: &Connection) {
    conn.pragma_update(None, "journal_mode", "WAL").unwrap();
    conn.pragma_update(None, "synchronous", "FULL").unwrap();
    conn.pragma_update(None, "cache_spill", false).unwrap();
    conn.execute_batch("CREATE TABLE IF NOT EXISTS t (id INTEGER PRIMARY KEY, text BLOB)")
        .unwrap();
}

/// Adds so many pages in one commit.
fn add(conn: &Connection, pages: usize) {
    conn.execute_batch("BEGIN").unwrap();
    for _ in 0..pages {
        conn.execute("INSERT INTO t (text) VALUES (randomblob(4000))", [])
            .unwrap();
    }
    conn.execute_batch("COMMIT").unwrap();
}

fn count(conn: &Connection) -> i64 {
    let whole: String = conn
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap();
    assert_eq!(whole, "ok");
    conn.query_row("SELECT count(*) FROM t", [], |row| row.get(0))
        .unwrap()
}

#[test]
fn what_follows_is_kept_and_nothing_else() {
    let mut kept = Kept::default();
    assert!(kept.takes(b"abc", 100));
    assert!(kept.takes(b"de", 103));
    assert!(!kept.takes(b"x", 104), "inside");
    assert!(!kept.takes(b"x", 106), "behind a gap");
    assert!(!kept.takes(b"x", 99), "before");
    assert!(!kept.takes(&vec![0; MOST], 105), "too long");
    assert_eq!((kept.at, kept.bytes.as_slice()), (100, b"abcde".as_slice()));
    kept.bytes.clear();
    assert!(kept.takes(b"x", 7), "anywhere, when nothing is kept");
    assert_eq!(kept.at, 7);
}

#[cfg(target_os = "linux")]
#[test]
fn a_commit_of_many_pages_is_few_writes() {
    fn writes() -> u64 {
        let io = std::fs::read_to_string("/proc/thread-self/io").unwrap();
        let line = io.lines().find(|line| line.starts_with("syscw")).unwrap();
        line.split(' ').nth(1).unwrap().parse().unwrap()
    }
    let folder = tempfile::tempdir().unwrap();
    let conn = gathering(&folder.path().join("gathered.db"));
    add(&conn, 1);
    let before = writes();
    add(&conn, 100);
    let gathered = writes() - before;

    let plain = Connection::open(folder.path().join("plain.db")).unwrap();
    set_up(&plain);
    add(&plain, 1);
    let before = writes();
    add(&plain, 100);
    let one_by_one = writes() - before;
    assert!(one_by_one >= 200, "{one_by_one} without the layer");
    // 100 pages and what leads to them are 4 parts of 120 KiB.
    assert_eq!(gathered, 4);
}

#[test]
fn others_see_each_commit_and_the_file_is_whole_without_the_layer() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.db");
    let conn = gathering(&path);
    let reader = Connection::open(&path).unwrap();
    let mut all = 0;
    // Some are longer than what is kept at once.
    for pages in [1, 2, 28, 29, 30, 57, 58, 700] {
        add(&conn, pages);
        all += i64::try_from(pages).unwrap();
        assert_eq!(count(&reader), all);
        assert_eq!(count(&conn), all);
    }
    let copy = folder.path().join("copy.db");
    // As a crash would leave it: the log is all there is of the last commits.
    std::fs::copy(&path, &copy).unwrap();
    std::fs::copy(path.with_extension("db-wal"), copy.with_extension("db-wal")).unwrap();
    assert_eq!(count(&Connection::open(&copy).unwrap()), all);
    drop((conn, reader));
    assert_eq!(count(&Connection::open(&path).unwrap()), all);
}

/// What was kept of a transaction that is given up must not be written later, over what somebody else committed there.
#[test]
fn what_is_rolled_back_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.db");
    drop(crate::tests::open(&path).unwrap());
    let writer = crate::open::open(&path).unwrap().writer;
    set_up(&Connection::open(&path).unwrap());
    let log = path.with_extension("db-wal");
    let length = || log.metadata().unwrap().len();
    let before = length();
    writer.execute_batch("BEGIN").unwrap();
    // Far more than the connection's memory for pages.
    for _ in 0..20_000 {
        writer
            .execute("INSERT INTO t (text) VALUES (zeroblob(4000))", [])
            .unwrap();
    }
    assert_eq!(length(), before, "nothing is written before the commit");
    writer.execute_batch("ROLLBACK").unwrap();
    let other = Connection::open(&path).unwrap();
    add(&other, 30);
    add(&writer, 1);
    assert_eq!(count(&other), 31);
    drop(other);
    assert_eq!(count(&writer), 31);
}

#[test]
fn a_log_that_cannot_be_opened_is_an_error_and_no_more() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.db");
    drop(gathering(&path));
    std::fs::create_dir(path.with_extension("db-wal")).unwrap();
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE;
    let conn = Connection::open_with_flags_and_vfs(&path, flags, layer().unwrap()).unwrap();
    let asked = conn.query_row("SELECT count(*) FROM t", [], |row| row.get::<_, i64>(0));
    assert!(
        asked
            .as_ref()
            .is_err_and(|e| e.to_string().contains("open")),
        "{asked:?}"
    );
}
