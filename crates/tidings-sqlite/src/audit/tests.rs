//! A page of the audit log that finds little ends early, and the next one goes on; a time is found without looking through.

use std::sync::Arc;

use tidings_domain::ProjectId;
use tidings_storage::audit::{Actor, AuditEntry, AuditFilter, AuditRow};
use tidings_storage::conformance::{Heard, ManualClock};
use tidings_storage::{EventIds, Plan, Snapshot, Store};

use super::LOOKED_THROUGH;
use crate::SqliteStore;
use crate::tests::project;

fn entry(project: ProjectId, operation: &'static str) -> AuditEntry {
    AuditEntry {
        project: Some(project),
        webhook: None,
        operation: operation.into(),
        actor: Actor {
            kind: "account".into(),
            id: Some(1),
            name: "Ada".to_owned(),
            member: None,
        },
        address: None,
        key: Some("p".to_owned()),
        target: "webhooks/1".to_owned(),
        name: "A webhook".to_owned(),
        changes: Vec::new(),
    }
}

/// Notes so many entries at once.
async fn note(store: &SqliteStore, project: ProjectId, operation: &'static str, number: usize) {
    let planner = Box::new(move |_: &[&dyn Snapshot], _: &mut dyn EventIds| {
        Ok(Plan {
            audit: (0..number).map(|_| entry(project, operation)).collect(),
            ..Plan::default()
        })
    });
    store.record(&[project], planner).await.unwrap();
}

/// Every page of a filter, until there is none.
async fn pages(store: &SqliteStore, filter: &AuditFilter) -> Vec<Vec<AuditRow>> {
    let mut pages = Vec::new();
    let mut before = 0;
    loop {
        let page = store.audit(filter, before, 10).await.unwrap();
        pages.push(page.data);
        match page.next {
            Some(next) => before = next,
            None => return pages,
        }
    }
}

#[tokio::test]
async fn a_search_that_finds_little_ends_its_page_and_goes_on() {
    let directory = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::default());
    let store = SqliteStore::open(
        &directory.path().join("tidings.db"),
        Arc::clone(&clock) as _,
        Arc::new(Heard::default()),
    )
    .unwrap();
    let project = project(&store).await;
    note(&store, project, "token.create", 3).await;
    note(&store, project, "webhook.update", LOOKED_THROUGH + 1).await;
    for here in [None, Some(project)] {
        let of = |operation: &str| AuditFilter {
            project: here,
            operation: Some(operation.to_owned()),
            ..AuditFilter::default()
        };
        let found = pages(&store, &of("token")).await;
        assert_eq!(found.iter().map(Vec::len).collect::<Vec<_>>(), [0, 3]);
        let found = pages(&store, &of("token.delete")).await;
        assert_eq!(found.iter().map(Vec::len).collect::<Vec<_>>(), [0, 0]);
        // What is found soon fills its page as ever.
        let page = store.audit(&of("webhook"), 0, 10).await.unwrap();
        assert_eq!(page.data.len(), 10);
        assert_eq!(page.next, page.data.last().map(|row| row.id));
    }

    // What came before a time is found at once, however much came after it.
    let rows = store.audit(&AuditFilter::default(), 0, 1).await.unwrap();
    let last = rows.data[0].at_ms;
    clock.advance(std::time::Duration::from_mins(1));
    note(&store, project, "webhook.update", LOOKED_THROUGH + 1).await;
    let before = |ms| AuditFilter {
        until_ms: Some(ms),
        ..AuditFilter::default()
    };
    let newest = store.audit(&AuditFilter::default(), 0, 1).await.unwrap();
    let newest = &newest.data[0];
    assert!(newest.at_ms > last);
    let found = store.audit(&before(newest.at_ms), 0, 10).await.unwrap();
    assert_eq!(found.data.len(), 10);
    assert!(found.data.iter().all(|row| row.at_ms <= last));
    let none = store.audit(&before(0), 0, 10).await.unwrap();
    assert_eq!((none.data.len(), none.next), (0, None));
    let all = store.audit(&before(newest.at_ms + 1), 0, 1).await.unwrap();
    assert_eq!(all.data[0].id, newest.id);
}
