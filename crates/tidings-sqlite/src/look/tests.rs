//! Files that must not be opened are told from those that may, and looking leaves no trace.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;

use rusqlite::Connection;

use super::*;
use crate::tests::open;

/// Every file of a folder with a digest; of the memory that processes share only the name, since whoever looks notes there that he reads.
fn files(folder: &Path) -> BTreeMap<String, u64> {
    std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            let mut digest = DefaultHasher::new();
            if !name.ends_with("-shm") {
                std::fs::read(entry.path())
                    .unwrap_or_default()
                    .hash(&mut digest);
            }
            (name, digest.finish())
        })
        .collect()
}

/// Opening and looking say the same, and change nothing.
fn refused(path: &Path) -> OpenError {
    let before = files(folder(path));
    let error = look(path).unwrap_err();
    assert_eq!(open(path).unwrap_err().to_string(), error.to_string());
    assert_eq!(files(folder(path)), before, "{error}");
    assert_eq!(error.to_string().lines().count(), 1);
    error
}

#[test]
fn what_is_not_ours_is_refused_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    for (name, bytes) in [
        ("text.db", b"Dear diary, ".repeat(400)),
        ("short.db", b"SQLite".to_vec()),
        ("image.db", vec![0x89; 70_000]),
    ] {
        std::fs::write(at(name), bytes).unwrap();
        assert!(matches!(refused(&at(name)), OpenError::NoDatabase(_)));
    }
    for mode in ["DELETE", "WAL"] {
        let path = at(mode);
        let conn = Connection::open(&path).unwrap();
        conn.pragma_update(None, "journal_mode", mode).unwrap();
        conn.execute_batch("CREATE TABLE theirs (x)").unwrap();
        assert!(
            matches!(refused(&path), OpenError::Foreign(_)),
            "{mode}, in use"
        );
        drop(conn);
        assert!(matches!(refused(&path), OpenError::Foreign(_)), "{mode}");
    }
    let folder = at("folder");
    std::fs::create_dir(&folder).unwrap();
    assert!(matches!(refused(&folder), OpenError::File { .. }));
    let nowhere = at("no such folder").join("tidings.db");
    assert!(matches!(look(&nowhere), Err(OpenError::File { .. })));
    assert!(matches!(
        look(Path::new("/dev/null")),
        Err(OpenError::NoDatabase(_))
    ));
}

#[test]
fn a_newer_schema_is_refused_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("100% odd?.db");
    drop(open(&path).unwrap());
    let conn = Connection::open(&path).unwrap();
    conn.pragma_update(None, "user_version", 99).unwrap();
    drop(conn);
    assert!(matches!(refused(&path), OpenError::Newer { found: 99, .. }));
}

#[tokio::test]
async fn what_a_start_depends_on_is_seen_in_any_state_of_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("tidings.db");
    assert_eq!(look(&path).unwrap(), Seen::default());
    assert!(files(dir.path()).is_empty(), "looking made a file");
    let store = open(&path).unwrap();
    tidings_storage::Store::put_document(&store, KEY_DOCUMENT, "1a2b3c4d")
        .await
        .unwrap();
    let in_use = look(&path).unwrap_err();
    assert!(matches!(in_use, OpenError::InUse(_)), "{in_use}");
    // As a crash leaves it: the last commits are in the write-ahead log only.
    let crashed = dir.path().join("crashed.db");
    for suffix in ["", "-wal"] {
        std::fs::copy(beside(&path, suffix), beside(&crashed, suffix)).unwrap();
    }
    drop(store);
    for path in [path, crashed] {
        let seen = look(&path).unwrap();
        assert_eq!(seen.schema, Some(newest(STEPS)), "{}", path.display());
        assert_eq!(seen.key_id.as_deref(), Some("1a2b3c4d"));
        assert!(!seen.has_secrets);
        assert_eq!(seen.backup, None);
    }
}

#[test]
fn an_old_library_is_refused() {
    assert!(library(3_051_003, "3.51.3").is_ok());
    assert!(library(3_053_000, "3.53.0").is_ok());
    let refused = library(3_051_002, "3.51.2").unwrap_err().to_string();
    assert!(
        refused.contains("3.51.2") && refused.contains("3.51.3"),
        "{refused}"
    );
    assert!(library(rusqlite::version_number(), rusqlite::version()).is_ok());
}
