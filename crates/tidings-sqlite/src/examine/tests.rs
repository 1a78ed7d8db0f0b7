//! A file that was worked with is found whole; each thing that can be wrong with it is found.

use tidings_domain::WebhookId;
use tidings_storage::{EventIds, Retention, Snapshot, Store};

use super::*;
use crate::tests::{create, open, project, tell};

/// A database with objects, a message and a delivery.
async fn worked_with(path: &Path) {
    let store = open(path).unwrap();
    let p = project(&store).await;
    for _ in 0..3 {
        create(&store, p).await;
    }
    let planner = Box::new(move |_: &[&dyn Snapshot], ids: &mut dyn EventIds| {
        Ok(tell(p, ids.next(), WebhookId(1)))
    });
    store.record(&[p], planner).await.unwrap();
    // The webhook of the message, which the helper does not make.
    store
        .write(|w| {
            w.totals.webhook = 1;
            w.run("INSERT INTO webhooks VALUES (1, 1, 0, 2, '{}', NULL)", [])
                .map(drop)
        })
        .await
        .unwrap();
    store.prune(0, Retention::default(), 100).await.unwrap();
}

fn found(path: &Path) -> Vec<String> {
    Examiner::open(path)
        .unwrap()
        .unwrap()
        .disagreements()
        .unwrap()
}

#[tokio::test]
async fn what_the_store_wrote_agrees() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("tidings.db");
    assert!(Examiner::open(&path).unwrap().is_none());
    worked_with(&path).await;
    // Beside a running store, too.
    let store = open(&path).unwrap();
    assert!(in_use(&path).unwrap());
    let examiner = Examiner::open(&path).unwrap().unwrap();
    assert_eq!(examiner.faults().unwrap(), Vec::<String>::new());
    assert_eq!(examiner.disagreements().unwrap(), Vec::<String>::new());
    let figures = examiner.figures().unwrap();
    assert_eq!(
        (figures.event, figures.deliveries, figures.waiting),
        (4, 1, 1)
    );
    assert_eq!(examiner.projects().unwrap().len(), 1);
    drop(store);
    assert!(!in_use(&path).unwrap());
}

/// Each rule with what breaks it.
const BREAKING: &[(&str, &str)] = &[
    (
        "deliveries without their message",
        "UPDATE deliveries SET message = message - 1",
    ),
    ("messages without a delivery", "DELETE FROM deliveries"),
    (
        "attempts without their delivery",
        "INSERT INTO attempts VALUES (5, 1, '')",
    ),
    (
        "deliveries whose attempts are not all there",
        "UPDATE deliveries SET attempts = 2",
    ),
    (
        "deliveries that are pending and in no queue",
        "UPDATE deliveries SET waiting = 0",
    ),
    (
        "deliveries in the queue of a webhook that never was",
        "DELETE FROM webhooks",
    ),
    (
        "entries of the log's index without their message",
        "DELETE FROM messages",
    ),
    (
        "objects whose trail of messages ends in nothing or goes back and forth",
        "UPDATE trails SET before = id",
    ),
    (
        "entries of the log's triggers without their delivery",
        "INSERT INTO delivery_triggers VALUES (1, 1, 5)",
    ),
    (
        "deliveries in another segment than theirs",
        "UPDATE deliveries SET segment = 0",
    ),
    (
        "segments that do not follow each other",
        "INSERT INTO segments SELECT 2, max(begin) - 1 FROM segments",
    ),
    (
        "deliveries more or fewer than counted",
        "UPDATE server SET log_rows = 7",
    ),
    (
        "deliveries in the queues more or fewer than counted",
        "UPDATE server SET waiting = waiting + 1",
    ),
    (
        "hours or history of a webhook that is not there",
        "INSERT INTO hours VALUES (9, 1, 1, 1)",
    ),
    (
        "bytes of the log more or fewer than counted",
        "UPDATE server SET log_bytes = log_bytes + 1",
    ),
    (
        "ids of events that would be given again",
        "UPDATE server SET event = 1",
    ),
    (
        "ids of deliveries that would be given again",
        "UPDATE server SET delivery = 1",
    ),
    (
        "ids of webhooks that would be given again",
        "UPDATE server SET webhook = 0",
    ),
    (
        "ids of tokens that would be given again",
        "INSERT INTO tokens VALUES (9, NULL, x'00', '', '', '', NULL, '')",
    ),
    (
        "webhooks without their health",
        "UPDATE webhooks SET deleted = 0",
    ),
    ("webhooks of no project", "UPDATE webhooks SET project = 9"),
    (
        "deleted webhooks with secrets",
        "UPDATE webhooks SET sealed = ''",
    ),
    ("objects of no project", "UPDATE objects SET project = 9"),
    ("objects from the future", "UPDATE objects SET version = 99"),
    (
        "objects without the state that holds",
        "UPDATE objects SET state = 0",
    ),
    (
        "states of objects that replaced what came later or another's",
        "UPDATE states SET before = id",
    ),
    (
        "vocabulary counts below zero",
        "INSERT INTO tallies VALUES (1, 1, 'a', 'b', -1)",
    ),
];

#[tokio::test]
async fn each_rule_finds_what_breaks_it() {
    let dir = tempfile::tempdir().unwrap();
    let whole = dir.path().join("whole.db");
    worked_with(&whole).await;
    assert_eq!(found(&whole), Vec::<String>::new());
    let rules: Vec<&str> = RULES.iter().map(|(what, _)| *what).collect();
    assert_eq!(
        BREAKING.iter().map(|(what, _)| *what).collect::<Vec<_>>(),
        rules,
        "a rule without its test"
    );
    for (what, sql) in BREAKING {
        let broken = dir.path().join("broken.db");
        std::fs::copy(&whole, &broken).unwrap();
        let conn = Connection::open(&broken).unwrap();
        conn.execute_batch(&sql.replace("''", "x''"))
            .or_else(|_| conn.execute_batch(sql))
            .unwrap();
        drop(conn);
        let found = found(&broken);
        assert!(
            found.iter().any(|line| line.ends_with(what)),
            "{what}: {found:?}"
        );
    }
}

#[tokio::test]
async fn a_broken_index_is_a_fault() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("tidings.db");
    worked_with(&path).await;
    let conn = Connection::open(&path).unwrap();
    conn.pragma_update(None, "writable_schema", true).unwrap();
    // The index now says that it holds something else than it does.
    let sql = "UPDATE sqlite_schema SET sql = replace(sql, '(segment, project)', '(segment, state)') WHERE name = 'deliveries_by_project'";
    assert_eq!(conn.execute(sql, []).unwrap(), 1);
    drop(conn);
    let faults = Examiner::open(&path).unwrap().unwrap().faults().unwrap();
    assert!(!faults.is_empty());
}
