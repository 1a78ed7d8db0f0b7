//! A backup is whole, checked, marked and private, or it is not there.

use std::collections::HashSet;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use crate::tests::{create, features, open, project};
use crate::{AfterRestore, restore};

const NOW: &str = "2026-03-02T11:40:00Z";

/// Writers go on while the file is copied, again and again; what was answered before a copy began is in it.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn copies_under_load_hold_all_that_was_answered() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("tidings.db");
    let store = Arc::new(open(&path).unwrap());
    let p = project(&store).await;
    let done = Arc::new(AtomicBool::new(false));
    let answered = Arc::new(parking_lot::Mutex::new(HashSet::new()));
    let writers: Vec<_> = (0..3)
        .map(|_| {
            let (store, done, answered) =
                (Arc::clone(&store), Arc::clone(&done), Arc::clone(&answered));
            tokio::spawn(async move {
                while !done.load(Ordering::Relaxed) {
                    let (id, _) = create(&store, p).await;
                    answered.lock().insert(id);
                }
            })
        })
        .collect();
    for number in 0..10 {
        while answered.lock().len() < 20 * (number + 1) {
            tokio::task::yield_now().await;
        }
        let before = answered.lock().clone();
        let to = dir.path().join(format!("copy-{number}.db"));
        let (from, copy) = (path.clone(), to.clone());
        let made = tokio::task::spawn_blocking(move || backup(&from, &copy, NOW));
        let made = made.await.unwrap().unwrap();
        assert_eq!(made.bytes, std::fs::metadata(&to).unwrap().len());
        let rights = std::fs::metadata(&to).unwrap().permissions().mode();
        assert_eq!(rights & 0o777, 0o600);
        assert!(!beside(&to, ".partial").exists() && !beside(&to, "-wal").exists());
        let restored = restore(&to, AfterRestore::Park).unwrap();
        assert_eq!(restored.event, made.event + 1_000_000);
        let copy = open(&to).unwrap();
        let held: HashSet<i64> = features(&copy, p).await.into_iter().collect();
        assert!(
            before.is_subset(&held),
            "lost {:?}",
            before.difference(&held)
        );
    }
    done.store(true, Ordering::Relaxed);
    for writer in writers {
        writer.await.unwrap();
    }
}

#[tokio::test]
async fn nothing_is_overwritten_and_nothing_is_left_behind() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("tidings.db");
    let to = dir.path().join("copy.db");
    let missing = backup(&path, &to, NOW).unwrap_err();
    assert!(matches!(
        missing,
        BackupError::Source(OpenError::Missing(_))
    ));
    assert!(!path.exists());

    drop(open(&path).unwrap());
    std::fs::write(&to, "precious").unwrap();
    let refused = backup(&path, &to, NOW).unwrap_err();
    assert!(matches!(refused, BackupError::Exists(_)), "{refused}");
    assert_eq!(std::fs::read(&to).unwrap(), b"precious");
    std::fs::remove_file(&to).unwrap();

    // Somebody else's copy under way keeps the name.
    let partial = beside(&to, ".partial");
    let theirs = private(&partial).unwrap();
    theirs.try_lock().unwrap();
    let running = backup(&path, &to, NOW).unwrap_err();
    assert!(matches!(running, BackupError::Running(_)), "{running}");
    drop(theirs);
    // One that was cut off gives way.
    std::fs::write(&partial, vec![b'x'; 100_000]).unwrap();
    backup(&path, &to, NOW).unwrap();
    assert!(!partial.exists());

    let nowhere = dir.path().join("no such folder").join("copy.db");
    assert!(matches!(
        backup(&path, &nowhere, NOW),
        Err(BackupError::File { .. })
    ));
}

#[tokio::test]
async fn a_damaged_database_makes_no_backup() {
    use std::os::unix::fs::FileExt;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("tidings.db");
    let store = open(&path).unwrap();
    let p = project(&store).await;
    for _ in 0..400 {
        create(&store, p).await;
    }
    drop(store);
    let conn = Connection::open(&path).unwrap();
    let sql = "SELECT rootpage FROM sqlite_schema WHERE name = 'objects'";
    let page: u64 = conn
        .query_row(sql, [], |row| row.get::<_, i64>(0))
        .unwrap()
        .try_into()
        .unwrap();
    drop(conn);
    let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
    file.write_all_at(&[0xa5; 64], (page - 1) * 4096 + 8)
        .unwrap();
    let to = dir.path().join("copy.db");
    let refused = backup(&path, &to, NOW).unwrap_err();
    assert!(matches!(refused, BackupError::Damaged(_)), "{refused}");
    assert_eq!(refused.to_string().lines().count(), 1);
    assert!(!to.exists() && !beside(&to, ".partial").exists());
}

#[test]
fn the_copy_of_an_unserved_backup_keeps_its_age() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    drop(open(&at("tidings.db")).unwrap());
    backup(&at("tidings.db"), &at("first.db"), NOW).unwrap();
    let second = backup(&at("first.db"), &at("second.db"), "2026-04-01T00:00:00Z").unwrap();
    assert_eq!(second.seen.backup.unwrap().made_at, NOW);
}
