//! The log is one list, whatever its segments: in every window, after restarts, with late comers and with holes.

use std::path::Path;

use bytes::Bytes;
use tidings_domain::{DeliveryId, Project, ProjectId, WebhookId};
use tidings_storage::{
    DeliveryFilter, EventIds, NewMessage, Retention, Snapshot, Store, TestSend, created_ms,
};

use super::*;
use crate::SqliteStore;
use crate::examine::Examiner;
use crate::migrate::STEPS;
use crate::open::open_any;
use crate::question::{Whose, Window, question};
use crate::tests::{open, plan_of, project, tell};

/// An event told to the webhooks with these numbers.
async fn deliver(store: &SqliteStore, project: ProjectId, webhooks: &[i64]) {
    let webhooks: Vec<_> = webhooks.iter().copied().map(WebhookId).collect();
    let planner = Box::new(move |_: &[&dyn Snapshot], ids: &mut dyn EventIds| {
        let mut plan = tell(project, ids.next(), WebhookId(0));
        plan.messages = vec![NewMessage {
            webhooks: webhooks.clone(),
            ..plan.messages.remove(0)
        }];
        Ok(plan)
    });
    store.record(&[project], planner).await.unwrap();
}

fn of_webhook(webhook: Option<i64>) -> DeliveryFilter {
    DeliveryFilter {
        webhook: webhook.map(WebhookId),
        ..DeliveryFilter::default()
    }
}

/// The log, in pages of `rows`.
async fn listed(
    store: &SqliteStore,
    project: ProjectId,
    filter: &DeliveryFilter,
    rows: usize,
) -> Vec<i64> {
    let (mut before, mut found) = (0, Vec::new());
    loop {
        let page = store.deliveries(project, filter, before, rows);
        let page = page.await.unwrap();
        found.extend(page.data.iter().map(|d| d.id.0));
        match page.next {
            Some(next) => before = next,
            None => return found,
        }
    }
}

/// The same as the table has it.
fn expected(path: &Path, webhook: Option<i64>) -> Vec<i64> {
    let conn = Connection::open(path).unwrap();
    let mut statement = conn
        .prepare("SELECT id FROM deliveries WHERE ?1 IS NULL OR webhook = ?1 ORDER BY id DESC")
        .unwrap();
    let rows = statement.query_map([webhook], |row| row.get(0)).unwrap();
    rows.collect::<Result<_, _>>().unwrap()
}

fn number(path: &Path, sql: &str) -> i64 {
    let conn = Connection::open(path).unwrap();
    conn.query_row(sql, [], |row| row.get(0)).unwrap()
}

async fn check(store: &SqliteStore, path: &Path, project: ProjectId) {
    for webhook in [None, Some(1), Some(2), Some(3), Some(4)] {
        let all = expected(path, webhook);
        for rows in [1, 7, 500] {
            let found = listed(store, project, &of_webhook(webhook), rows).await;
            assert_eq!(found, all, "webhook {webhook:?}, pages of {rows}");
        }
        // Windows that begin and end in the middle of segments.
        for (newest, oldest) in [(3, 20), (9, 40), (0, 1)] {
            let at = |place: usize| all.get(place).map(|id| created_ms(DeliveryId(*id)));
            let (until_ms, since_ms) = (at(newest), at(oldest));
            let within = |id: &&i64| {
                let ms = created_ms(DeliveryId(**id));
                until_ms.is_none_or(|until| ms < until) && since_ms.is_none_or(|since| ms >= since)
            };
            let filter = DeliveryFilter {
                until_ms,
                since_ms,
                ..of_webhook(webhook)
            };
            let wanted: Vec<i64> = all.iter().filter(within).copied().collect();
            assert_eq!(listed(store, project, &filter, 6).await, wanted);
        }
    }
    let examiner = Examiner::open(path).unwrap().unwrap();
    let wrong = examiner.disagreements().unwrap();
    let of_segments = |line: &&String| line.contains("segment");
    assert_eq!(wrong.iter().find(of_segments), None);
}

#[tokio::test]
async fn the_log_is_one_list_across_segments_and_restarts() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("tidings.db");
    let mut store = open(&path).unwrap();
    let p = project(&store).await;
    let reserved = store.next_delivery_id().await.unwrap();
    for turn in 0..30 {
        let webhooks: &[i64] = if turn % 10 == 0 { &[1, 2, 3] } else { &[1, 2] };
        deliver(&store, p, webhooks).await;
        if turn % 7 == 0 {
            drop(store);
            store = open(&path).unwrap();
        }
    }
    assert_eq!(number(&path, "SELECT count(*) FROM deliveries"), 63);
    // Restarts leave no segment short: 63 are 7 full ones and one more.
    assert_eq!(number(&path, "SELECT max(id) FROM segments"), 8);
    check(&store, &path, p).await;

    // Its id was given out before all of them.
    let test = TestSend {
        delivery: reserved,
        project: p,
        webhook: Some(WebhookId(3)),
        dialect: "standard",
        code: "tidings.test",
        body: Bytes::from_static(b"{}"),
        object: "webhooks/3".to_owned(),
        sequence: None,
        title: String::new(),
        accepted: true,
        attempts: Vec::new(),
    };
    store.log_test(test).await.unwrap();
    let late = format!("SELECT segment FROM deliveries WHERE id = {}", reserved.0);
    assert_eq!(number(&path, &late), 1);
    check(&store, &path, p).await;
}

#[tokio::test]
async fn segments_go_with_the_last_of_their_deliveries() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("tidings.db");
    let store = open(&path).unwrap();
    let p = project(&store).await;
    let reserved = store.next_delivery_id().await.unwrap();
    for _ in 0..20 {
        deliver(&store, p, &[1, 2]).await;
    }
    // All but a few that still wait, in the third segment.
    let settle = "UPDATE deliveries SET waiting = 0, state = 1 WHERE segment <> 3";
    store.write(|w| w.run(settle, []).map(drop)).await.unwrap();
    let keep = |rows| Retention {
        max_rows: rows,
        ..Retention::default()
    };
    store.prune(0, keep(12), 1_000).await.unwrap();
    assert_eq!(number(&path, "SELECT min(id) FROM segments"), 3);
    assert_eq!(number(&path, "SELECT max(id) FROM segments"), 5);
    check(&store, &path, p).await;

    let settle = "UPDATE deliveries SET waiting = 0, state = 1";
    store.write(|w| w.run(settle, []).map(drop)).await.unwrap();
    store.prune(i64::MAX / 2, keep(0), 1_000).await.unwrap();
    assert_eq!(number(&path, "SELECT count(*) FROM deliveries"), 0);
    assert_eq!(number(&path, "SELECT count(*) FROM segments"), 1);
    // Older than every segment that is left.
    let segment = store
        .write(move |w| w.segment_of(reserved.0))
        .await
        .unwrap();
    assert_eq!(segment, 5);
    drop(store);
    let store = open(&path).unwrap();
    deliver(&store, p, &[1, 2]).await;
    check(&store, &path, p).await;
}

#[tokio::test]
async fn a_log_from_before_there_were_segments_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("tidings.db");
    let before = STEPS.get(..4).unwrap();
    let opened = open_any(&path, before, |_, _| Ok(()), || ()).unwrap();
    let made = Project::new(ProjectId(1), "p", "p", "2023-11-14T22:13:20Z");
    let made = serde_json::to_string(&made).unwrap();
    let insert = "INSERT INTO projects VALUES (1, 'p', 1, 0, 0, ?1)";
    opened.writer.execute(insert, [made]).unwrap();
    opened
        .writer
        .execute_batch(
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 40)
             INSERT INTO messages (id, last, project, event, dialect, code, object, roots, title, body)
             SELECT i, i, 1, 1, 'standard', 'task.updated', 'tasks/1', '', '', x'7B7D' FROM n;
             INSERT INTO deliveries (id, message, project, webhook, state, waiting, made_by, next_trigger, triggers, tries, wait_ms, late, attempts)
             SELECT id, id, 1, 1 + id % 3, 1, 0, 0, 0, 1, 1, 0, 0, 0 FROM messages;
             UPDATE server SET event = 1, delivery = 40, log_rows = 40, log_bytes = 80",
        )
        .unwrap();
    drop(opened);
    let store = open(&path).unwrap();
    let p = ProjectId(1);
    check(&store, &path, p).await;
    for _ in 0..10 {
        deliver(&store, p, &[1, 2]).await;
    }
    assert_eq!(
        number(&path, "SELECT count(*) FROM deliveries WHERE segment = 0"),
        40
    );
    assert_eq!(number(&path, "SELECT max(id) FROM segments"), 3);
    check(&store, &path, p).await;
}

/// Nothing is sorted: the newest page of a log is as cheap with a thousand segments as with one.
#[test]
fn a_page_is_read_along_the_index() {
    let dir = tempfile::tempdir().unwrap();
    let opened = crate::open::open(&dir.path().join("tidings.db")).unwrap();
    let filter = of_webhook(Some(1));
    let asked = question(
        ProjectId(1),
        &filter,
        Whose::Filter,
        Window::of(&filter, 50),
        10,
    );
    let given = rusqlite::params_from_iter(&asked.given);
    let plan = plan_of(&opened.writer, &asked.sql, given);
    assert!(
        plan.contains("SEARCH s USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)"),
        "{plan}"
    );
    assert!(
        plan.contains("deliveries_by_webhook (segment=? AND webhook=? AND rowid>? AND rowid<?)"),
        "{plan}"
    );
    assert!(!plan.contains("TEMP B-TREE"), "{plan}");
}
