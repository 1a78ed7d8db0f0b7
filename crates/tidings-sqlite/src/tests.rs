//! The embedded store passes the contract, and what only a file can do wrong.

use std::sync::Arc;

use tidings_storage::conformance::exercise;

use crate::SqliteStore;

#[tokio::test]
async fn it_conforms() {
    let dir = tempfile::tempdir().unwrap();
    let files = std::sync::atomic::AtomicU32::new(0);
    exercise(|clock, listener| {
        let number = files.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let path = dir.path().join(format!("{number}.db"));
        Arc::new(SqliteStore::open(&path, clock, listener).unwrap())
    })
    .await;
}
