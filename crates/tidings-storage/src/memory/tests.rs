//! The memory store passes the contract, and crashes as it says.

use std::sync::Arc;

use async_trait::async_trait;
use tidings_domain::{Project, ProjectId};

use crate::conformance::{Heard, ManualClock, exercise};
use crate::gated::{Gate, Gated};
use crate::{MemoryStore, Store, StoreError};

#[tokio::test]
async fn it_conforms() {
    exercise(|clock, listener| Arc::new(MemoryStore::new(clock, listener))).await;
}

/// A gate that lets everything through, at its own pace.
struct Open;

#[async_trait]
impl Gate for Open {
    async fn before(&self, _: &'static str) -> Result<(), StoreError> {
        tokio::task::yield_now().await;
        Ok(())
    }

    async fn after(&self, _: &'static str) {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn behind_a_gate_it_conforms_too() {
    exercise(|clock, listener| {
        let store = Arc::new(MemoryStore::new(clock, listener));
        Arc::new(Gated::new(store, Arc::new(Open)))
    })
    .await;
}

#[tokio::test]
async fn a_crash_keeps_what_was_committed_and_ends_the_old_handle() {
    let (clock, heard) = (Arc::new(ManualClock::default()), Arc::new(Heard::default()));
    let store = MemoryStore::new(clock.clone(), heard.clone());
    let project = Project::new(ProjectId(0), "p", "p", "2023-11-14T22:13:20Z");
    store.create_project(project).await.unwrap();
    let next = store.crash(clock, heard);
    let old = store.put_document("late", "write").await;
    assert!(matches!(old, Err(StoreError::Unavailable(_))));
    assert!(next.project("p").await.unwrap().is_some());
    next.set_full(true);
    let full = next.put_document("a", "b").await;
    assert!(matches!(full, Err(StoreError::Unavailable(_))));
    assert!(next.project("p").await.unwrap().is_some(), "reads go on");
    next.set_full(false);
    next.put_document("a", "b").await.unwrap();
}
