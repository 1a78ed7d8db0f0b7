//! The embedded store passes the contract; and what only a file can do, or have done to it.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};

use bytes::Bytes;
use rusqlite::{Connection, StatementStatus};
use tidings_domain::delivery::{DeliveryState, Trigger};
use tidings_domain::event::WebhookDisabled;
use tidings_domain::{
    Collection, DeliveryId, Doc, Event, EventId, ObjectRef, Project, ProjectId, Time, WebhookId,
    What,
};
use tidings_storage::conformance::{Heard, ManualClock, exercise};
use tidings_storage::{
    DeliveryFilter, EventIds, NewMessage, Plan, RecordedEvent, Retention, Snapshot, Store,
    StoreError, TestSend, Trouble, Write, WriteWhat,
};

use crate::codes::sick;
use crate::figures::{HOURS_SQL, OLDEST_SQL};
use crate::question::{Whose, Window, question};
use crate::queue::PENDING_SQL;
use crate::{OpenError, SqliteStore};

pub(crate) fn open(path: &Path) -> Result<SqliteStore, OpenError> {
    let (clock, heard) = (Arc::new(ManualClock::default()), Arc::new(Heard::default()));
    SqliteStore::open(path, clock, heard)
}

pub(crate) async fn project(store: &SqliteStore) -> ProjectId {
    let project = Project::new(ProjectId(0), "p", "p", "2023-11-14T22:13:20Z");
    store.create_project(project).await.unwrap().id
}

/// Creates a feature under the next id.
pub(crate) async fn create(store: &SqliteStore, project: ProjectId) -> (i64, EventId) {
    let planner = Box::new(move |s: &[&dyn Snapshot], ids: &mut dyn EventIds| {
        let id = s[0].next_id(Collection::Features);
        let doc = Doc::empty(Collection::Features)
            .with("id", id)
            .with("sequence", 1)
            .with("name", format!("feature {id}"));
        let write = Write {
            project,
            version: ids.next(),
            what: WriteWhat::Put(Arc::new(doc)),
        };
        Ok(Plan {
            writes: vec![write],
            ..Plan::default()
        })
    });
    let recorded = store.record(&[project], planner).await.unwrap();
    let write = &recorded.plan.writes[0];
    match &write.what {
        WriteWhat::Put(doc) => (doc.id(), write.version),
        other => panic!("{other:?} was not planned"),
    }
}

pub(crate) async fn features(store: &SqliteStore, project: ProjectId) -> Vec<i64> {
    let page = store.objects(project, Collection::Features, 0, 100_000);
    page.await.unwrap().data.iter().map(|d| d.id()).collect()
}

fn integrity(path: &Path) -> String {
    let conn = Connection::open(path).unwrap();
    conn.query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap()
}

#[tokio::test]
async fn it_conforms() {
    let dir = tempfile::tempdir().unwrap();
    let files = AtomicU32::new(0);
    exercise(|clock, listener| {
        let number = files.fetch_add(1, Ordering::Relaxed);
        let path = dir.path().join(format!("{number}.db"));
        Arc::new(SqliteStore::open(&path, clock, listener).unwrap())
    })
    .await;
}

#[tokio::test]
async fn what_was_written_is_there_after_a_restart_and_ids_go_on() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("tidings.db");
    let store = open(&path).unwrap();
    let p = project(&store).await;
    let (_, before) = create(&store, p).await;
    let hook = store.next_webhook_id().await.unwrap();
    let delivery = store.next_delivery_id().await.unwrap();
    drop(store);
    let store = open(&path).unwrap();
    assert_eq!(features(&store, p).await, [1]);
    let (id, after) = create(&store, p).await;
    assert_eq!(id, 2);
    assert!(after > before);
    assert!(store.next_webhook_id().await.unwrap() > hook);
    assert!(store.next_delivery_id().await.unwrap() > delivery);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_creators_at_once_get_ids_without_gaps() {
    let dir = tempfile::tempdir().unwrap();
    let store = Arc::new(open(&dir.path().join("tidings.db")).unwrap());
    let p = project(&store).await;
    let mut creators = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let store = Arc::clone(&store);
        creators.spawn(async move {
            for _ in 0..25 {
                create(&store, p).await;
            }
        });
    }
    creators.join_all().await;
    assert_eq!(features(&store, p).await, (1..=200).collect::<Vec<_>>());
}

/// What plans find in memory is as old as the last commit at most, or their plan is made again: no change is lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn changes_of_few_objects_at_once_all_count() {
    const OBJECTS: i64 = 3;
    const EACH: i64 = 60;
    let dir = tempfile::tempdir().unwrap();
    let store = Arc::new(open(&dir.path().join("tidings.db")).unwrap());
    let p = project(&store).await;
    for _ in 0..OBJECTS {
        create(&store, p).await;
    }
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..8 {
        let store = Arc::clone(&store);
        writers.spawn(async move {
            for turn in 0..EACH {
                let key = ObjectRef::new(Collection::Features, 1 + (writer + turn) % OBJECTS);
                let planner = Box::new(move |s: &[&dyn Snapshot], ids: &mut dyn EventIds| {
                    let was = s[0].get(key).unwrap();
                    let next = Doc::clone(&was).with("sequence", was.sequence() + 1);
                    Ok(put(p, ids.next(), next))
                });
                store.record(&[p], planner).await.unwrap();
            }
        });
    }
    writers.join_all().await;
    let page = store.objects(p, Collection::Features, 0, 10).await.unwrap();
    let sum: i64 = page.data.iter().map(|doc| doc.sequence() - 1).sum();
    assert_eq!(sum, 8 * EACH);
}

/// A refusal rests on states that were together, even where memory was renewed between two looks.
#[tokio::test]
async fn a_refusal_is_made_sure_of() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir.path().join("tidings.db")).unwrap();
    let p = project(&store).await;
    create(&store, p).await;
    let mut looks = 0;
    let planner = Box::new(|_: &[&dyn Snapshot], _: &mut dyn EventIds| {
        looks += 1;
        Err(tidings_domain::Fault::field("", "range", "no"))
    });
    assert!(store.record(&[p], planner).await.is_err());
    assert_eq!(looks, 2, "once from memory, once from the file");
}

/// A copy of the file and its log, taken while changes go on, is what a crash at that moment leaves behind.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_at_any_moment_loses_nothing_that_was_answered() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("tidings.db");
    let store = Arc::new(open(&path).unwrap());
    let p = project(&store).await;
    let answered = Arc::new(AtomicI64::new(0));
    let writing = tokio::spawn({
        let (store, answered) = (Arc::clone(&store), Arc::clone(&answered));
        async move {
            for _ in 0..300 {
                let (id, _) = create(&store, p).await;
                answered.store(id, Ordering::SeqCst);
            }
        }
    });
    let mut crashes = 0;
    while !writing.is_finished() || crashes == 0 {
        let known = answered.load(Ordering::SeqCst);
        let copy = dir.path().join(format!("crash-{crashes}.db"));
        let log = |path: &Path| path.with_extension("db-wal");
        // No checkpoint happens in so short a run: the file only changes by its log, and that grows at its end.
        std::fs::copy(&path, &copy).unwrap();
        std::fs::copy(log(&path), log(&copy)).unwrap();
        let survivor = open(&copy).unwrap();
        let found = features(&survivor, p).await;
        let found = i64::try_from(found.len()).unwrap();
        assert!(found >= known, "{known} were answered, {found} are there");
        drop(survivor);
        assert_eq!(integrity(&copy), "ok");
        crashes += 1;
    }
    writing.await.unwrap();
}

#[tokio::test]
async fn a_second_process_is_refused_until_the_first_is_gone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("tidings.db");
    let first = open(&path).unwrap();
    let second = open(&path).unwrap_err();
    assert!(matches!(second, OpenError::InUse(_)));
    assert_eq!(second.to_string().lines().count(), 1);
    assert!(second.to_string().contains("another process"));
    drop(first);
    open(&path).unwrap();
}

#[test]
fn a_newer_schema_is_refused_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("tidings.db");
    drop(open(&path).unwrap());
    let conn = Connection::open(&path).unwrap();
    conn.pragma_update(None, "user_version", 99).unwrap();
    drop(conn);
    let refused = open(&path).unwrap_err();
    assert!(matches!(refused, OpenError::Newer { found: 99, .. }));
}

#[test]
fn files_that_are_not_ours_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let foreign = dir.path().join("foreign.db");
    let conn = Connection::open(&foreign).unwrap();
    conn.execute_batch("CREATE TABLE theirs (x)").unwrap();
    drop(conn);
    assert!(matches!(open(&foreign).unwrap_err(), OpenError::Foreign(_)));

    let damaged = dir.path().join("damaged.db");
    std::fs::write(&damaged, vec![b'x'; 8192]).unwrap();
    let refused = open(&damaged).unwrap_err();
    assert!(matches!(refused, OpenError::NoDatabase(_)), "{refused}");

    let nowhere = dir.path().join("no").join("such").join("tidings.db");
    assert!(matches!(
        open(&nowhere).unwrap_err(),
        OpenError::File { .. }
    ));
}

#[cfg(unix)]
#[test]
fn only_the_owner_can_read_the_file() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("tidings.db");
    let store = open(&path).unwrap();
    for name in ["tidings.db", "tidings.db-wal", "tidings.db-shm"] {
        let mode = std::fs::metadata(dir.path().join(name)).unwrap();
        assert_eq!(mode.permissions().mode() & 0o777, 0o600, "{name}");
    }
    drop(store);
}

#[test]
fn the_file_is_made_durable_and_gives_space_back() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("tidings.db");
    let opened = crate::open::open(&path).unwrap();
    let pragma = |name| -> i64 {
        let value = opened
            .writer
            .pragma_query_value(None, name, |row| row.get(0));
        value.unwrap()
    };
    assert_eq!(pragma("synchronous"), 2, "FULL");
    assert_eq!(pragma("auto_vacuum"), 2, "incremental");
    assert_eq!(pragma("foreign_keys"), 1);
    let mode = opened
        .writer
        .pragma_query_value(None, "journal_mode", |row| row.get::<_, String>(0));
    assert_eq!(mode.unwrap(), "wal");
}

#[test]
fn a_statement_is_planned_once_whatever_it_is_given() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("tidings.db");
    let opened = crate::open::open(&path).unwrap();
    for conn in [&opened.writer, &crate::open::reader(&path).unwrap()] {
        let mut statement = conn.prepare(&crate::people::one_webhook()).unwrap();
        for id in 0..5 {
            assert!(!statement.exists([id, 7]).unwrap());
        }
        assert_eq!(statement.get_status(StatementStatus::RePrepare), 0);
    }
}

#[tokio::test]
async fn a_deletion_that_was_cut_off_is_finished_by_retention() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("tidings.db");
    let store = open(&path).unwrap();
    let p = project(&store).await;
    create(&store, p).await;
    drop(store);
    let conn = Connection::open(&path).unwrap();
    conn.execute("UPDATE projects SET deleted = 1", []).unwrap();
    drop(conn);
    let store = open(&path).unwrap();
    assert!(store.project("p").await.unwrap().is_none());
    for _ in 0..20 {
        store.prune(0, Retention::default(), 10).await.unwrap();
    }
    drop(store);
    let conn = Connection::open(&path).unwrap();
    let left = conn.query_row("SELECT count(*) FROM objects", [], |row| {
        row.get::<_, i64>(0)
    });
    assert_eq!(left.unwrap(), 0);
}

#[tokio::test]
async fn retention_forgets_by_which_triggers_a_delivery_was_found() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("tidings.db");
    let store = open(&path).unwrap();
    let p = project(&store).await;
    let test = TestSend {
        project: p,
        webhook: None,
        delivery: store.next_delivery_id().await.unwrap(),
        dialect: "standard",
        code: "task.created",
        body: Bytes::from_static(b"{}"),
        object: "tasks/1".to_owned(),
        sequence: None,
        title: "Task created (sample)".to_owned(),
        attempts: Vec::new(),
        accepted: true,
    };
    store.log_test(test).await.unwrap();
    let count = || {
        let conn = Connection::open(&path).unwrap();
        let count = conn.query_row("SELECT count(*) FROM delivery_triggers", [], |row| {
            row.get::<_, i64>(0)
        });
        count.unwrap()
    };
    assert_eq!(count(), 1);
    let retention = Retention {
        max_bytes: 1,
        ..Retention::default()
    };
    store.prune(0, retention, 10).await.unwrap();
    assert_eq!(count(), 0);
}

pub(crate) fn plan_of(conn: &Connection, sql: &str, given: impl rusqlite::Params) -> String {
    let mut statement = conn.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
    let rows = statement.query_map(given, |row| row.get::<_, String>(3));
    let lines: Vec<String> = rows.unwrap().collect::<Result<_, _>>().unwrap();
    lines.join("; ")
}

#[test]
fn hot_queries_use_their_indexes() {
    let dir = tempfile::tempdir().unwrap();
    let opened = crate::open::open(&dir.path().join("tidings.db")).unwrap();
    let conn = &opened.writer;
    let check = |plan: String, index: &str| {
        assert!(plan.contains(index), "{index} is not used: {plan}");
        assert!(!plan.contains("SCAN d"), "reads everything: {plan}");
    };
    check(plan_of(conn, PENDING_SQL, (1, 0, 10)), "deliveries_waiting");
    check(
        plan_of(
            conn,
            "SELECT id FROM deliveries WHERE webhook = ?1 AND state = 2 AND state > 1 AND id >= ?2 ORDER BY id LIMIT ?3",
            (1, 0, 10),
        ),
        "deliveries_by_state",
    );
    let hours = plan_of(conn, HOURS_SQL, ("[1,2]", 0));
    assert!(hours.contains("SEARCH hours USING PRIMARY KEY"), "{hours}");
    check(
        plan_of(conn, OLDEST_SQL, ()),
        "SEARCH d USING COVERING INDEX deliveries_waiting",
    );
    check(
        plan_of(
            conn,
            "SELECT max(rank) FROM objects WHERE project = ?1 AND collection = ?2 AND rank IS NOT NULL",
            (1, 0),
        ),
        "objects_by_rank",
    );
    check(
        plan_of(
            conn,
            "SELECT from_id FROM links WHERE project = ?1 AND to_collection = ?2 AND to_id = ?3
             AND from_collection = ?4 AND member = ?5 AND since <= ?6 AND until > ?6 ORDER BY from_id",
            (1, 0, 1, 8, "on", 5),
        ),
        "PRIMARY KEY",
    );
}

#[test]
fn each_filter_of_the_log_uses_its_index() {
    let dir = tempfile::tempdir().unwrap();
    let opened = crate::open::open(&dir.path().join("tidings.db")).unwrap();
    let conn = &opened.writer;
    let all = DeliveryFilter::default;
    let hook = Some(WebhookId(1));
    let cases = [
        (all(), "deliveries_by_project"),
        (
            DeliveryFilter {
                webhook: hook,
                ..all()
            },
            "deliveries_by_webhook",
        ),
        (
            DeliveryFilter {
                webhook: hook,
                state: Some(DeliveryState::Pending),
                ..all()
            },
            "deliveries_waiting",
        ),
        (
            DeliveryFilter {
                webhook: hook,
                state: Some(DeliveryState::Failed),
                ..all()
            },
            "deliveries_by_state",
        ),
        (
            DeliveryFilter {
                event: Some(EventId(1)),
                ..all()
            },
            "messages_by_event",
        ),
        (
            DeliveryFilter {
                code: Some("14".into()),
                ..all()
            },
            "messages_by_code",
        ),
        (
            DeliveryFilter {
                object: Some("tasks/1".into()),
                ..all()
            },
            "PRIMARY KEY",
        ),
        (
            DeliveryFilter {
                status: Some(503),
                ..all()
            },
            "deliveries_by_status",
        ),
        (
            DeliveryFilter {
                trigger: Some(Trigger::Retry),
                ..all()
            },
            "SEARCH t USING PRIMARY KEY (project=? AND reason=? AND delivery>? AND delivery<?)",
        ),
        (
            DeliveryFilter {
                code: Some("14".into()),
                since_ms: Some(1),
                ..all()
            },
            "messages_by_code (project=? AND code=? AND rowid>? AND rowid<?)",
        ),
    ];
    for (filter, index) in cases {
        let window = Window::of(&filter, 50);
        let asked = question(ProjectId(1), &filter, Whose::Filter, window, 10);
        let given = rusqlite::params_from_iter(&asked.given);
        let plan = plan_of(conn, &asked.sql, given);
        assert!(plan.contains(index), "{index} is not used: {plan}");
        assert!(!plan.contains("SCAN d"), "reads everything: {plan}");
        let sorts_all = plan.contains("USE TEMP B-TREE FOR ORDER BY");
        assert!(!sorts_all, "sorts all it finds: {filter:?}: {plan}");
    }
}

/// An event with a message about the item, and nothing else.
pub(crate) fn tell(project: ProjectId, id: EventId, hook: WebhookId) -> Plan {
    let event = Event {
        id,
        project,
        at: Time::default(),
        actor: None,
        what: What::WebhookDisabled(WebhookDisabled {
            id: hook,
            name: String::new(),
            host: String::new(),
            reason: "gone".to_owned(),
            since: Time::default(),
        }),
    };
    let message = NewMessage {
        project,
        event: id,
        dialect: "standard",
        code: "comment.created",
        body: Bytes::from_static(b"{}"),
        object: "comments/1".to_owned(),
        sequence: Some(1),
        roots: vec![ObjectRef::new(Collection::Features, 1)],
        title: String::new(),
        webhooks: vec![hook],
    };
    Plan {
        events: vec![RecordedEvent {
            event: Arc::new(event),
            listed: false,
        }],
        messages: vec![message],
        ..Plan::default()
    }
}

/// What is told of one item goes out in the order of its events: who took an id first and comes later, takes another.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn per_root_events_and_deliveries_have_one_order() {
    let dir = tempfile::tempdir().unwrap();
    let store = Arc::new(open(&dir.path().join("tidings.db")).unwrap());
    let p = project(&store).await;
    let hook = WebhookId(1);
    let (reserved, is_reserved) = tokio::sync::oneshot::channel();
    let (overtaken, is_overtaken) = std::sync::mpsc::channel();
    let runs = Arc::new(AtomicI64::new(0));
    let slow = tokio::spawn({
        let store = Arc::clone(&store);
        let runs = Arc::clone(&runs);
        async move {
            let mut first = Some((reserved, is_overtaken));
            let planner = Box::new(move |_: &[&dyn Snapshot], ids: &mut dyn EventIds| {
                runs.fetch_add(1, Ordering::SeqCst);
                let id = ids.next();
                if let Some((reserved, is_overtaken)) = first.take() {
                    reserved.send(()).unwrap();
                    is_overtaken.recv().unwrap();
                }
                Ok(tell(p, id, hook))
            });
            store.record(&[p], planner).await.unwrap();
        }
    });
    is_reserved.await.unwrap();
    let planner =
        Box::new(move |_: &[&dyn Snapshot], ids: &mut dyn EventIds| Ok(tell(p, ids.next(), hook)));
    store.record(&[p], planner).await.unwrap();
    overtaken.send(()).unwrap();
    slow.await.unwrap();
    assert_eq!(runs.load(Ordering::SeqCst), 2, "planned again");
    let queue = store.pending(hook, DeliveryId(0), 10).await.unwrap();
    let events: Vec<_> = queue.iter().filter_map(|q| q.message.event).collect();
    assert_eq!(events.len(), 2);
    assert!(events.is_sorted());
}

#[tokio::test]
async fn a_full_disk_refuses_writes_and_is_over_when_there_is_room() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir.path().join("tidings.db")).unwrap();
    let p = project(&store).await;
    let pages = |most: i64| {
        store.write(move |w| {
            let set = w
                .conn
                .pragma_update_and_check(None, "max_page_count", most, |row| row.get::<_, i64>(0));
            set.map_err(sick)
        })
    };
    let now = pages(1).await.unwrap();
    pages(now + 2).await.unwrap();
    let text = "x".repeat(20_000);
    let full = store.put_document("large", &text).await;
    assert!(
        matches!(full, Err(StoreError::Disk(Trouble::Full, _))),
        "{full:?}"
    );
    assert_eq!(store.document("large").await.unwrap(), None);
    assert!(store.project("p").await.unwrap().is_some(), "reads go on");
    pages(1_000_000).await.unwrap();
    store.put_document("large", &text).await.unwrap();
    create(&store, p).await;
}

#[tokio::test]
async fn a_panic_in_one_request_stops_no_other() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir.path().join("tidings.db")).unwrap();
    let broken = store.write(|w| -> Result<(), StoreError> {
        w.run("INSERT INTO documents (name, text) VALUES ('half', '')", [])?;
        panic!("on purpose")
    });
    assert!(broken.await.is_err());
    assert_eq!(store.document("half").await.unwrap(), None);
    store.put_document("next", "works").await.unwrap();
}

fn put(project: ProjectId, version: EventId, doc: Doc) -> Plan {
    let write = Write {
        project,
        version,
        what: WriteWhat::Put(Arc::new(doc)),
    };
    Plan {
        writes: vec![write],
        ..Plan::default()
    }
}

/// A planner reads something and finds `before`; another plan commits `added`; the first must be made again and find `after`.
async fn check_seen_anew(
    read: fn(&dyn Snapshot) -> usize,
    added: Doc,
    (before, after): (usize, usize),
) {
    let dir = tempfile::tempdir().unwrap();
    let store = Arc::new(open(&dir.path().join("tidings.db")).unwrap());
    let p = project(&store).await;
    let (ready, is_ready) = tokio::sync::oneshot::channel();
    let (overtaken, is_overtaken) = std::sync::mpsc::channel();
    let slow = tokio::spawn({
        let store = Arc::clone(&store);
        async move {
            let mut first = Some((ready, is_overtaken));
            let mut seen = Vec::new();
            let planner = Box::new(|s: &[&dyn Snapshot], ids: &mut dyn EventIds| {
                seen.push(read(s[0]));
                if let Some((ready, is_overtaken)) = first.take() {
                    ready.send(()).unwrap();
                    is_overtaken.recv().unwrap();
                }
                let doc = Doc::empty(Collection::Releases).with("id", 77);
                Ok(put(p, ids.next(), doc))
            });
            store.record(&[p], planner).await.unwrap();
            seen
        }
    });
    is_ready.await.unwrap();
    let planner = Box::new(move |_: &[&dyn Snapshot], ids: &mut dyn EventIds| {
        Ok(put(p, ids.next(), added.clone()))
    });
    store.record(&[p], planner).await.unwrap();
    overtaken.send(()).unwrap();
    assert_eq!(slow.await.unwrap(), [before, after]);
}

/// Rules such as "one running timer" rest on what is not there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan_that_rests_on_an_absence_is_made_again_when_it_ends() {
    const STORY: ObjectRef = ObjectRef::new(Collection::Stories, 1);
    let comment = || {
        Doc::empty(Collection::Comments)
            .with("id", 5)
            .with("on", STORY.to_value())
    };
    let read = |s: &dyn Snapshot| s.referrers(STORY, Collection::Comments, "on").len();
    check_seen_anew(read, comment(), (0, 1)).await;
    let read = |s: &dyn Snapshot| s.count_referrers(STORY, Collection::Comments, "on");
    check_seen_anew(read, comment(), (0, 1)).await;
    let read = |s: &dyn Snapshot| s.all(Collection::Comments).len();
    check_seen_anew(read, comment(), (0, 1)).await;
    let task = Doc::empty(Collection::Tasks)
        .with("id", 5)
        .with("number", 5)
        .with("status", "Open");
    let read = |s: &dyn Snapshot| s.count_with(Collection::Tasks, "status", "Open");
    check_seen_anew(read, task, (0, 1)).await;
}

#[tokio::test]
async fn a_search_that_finds_little_ends_its_page_and_goes_on() {
    const MANY: i64 = 5_000;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("tidings.db");
    let store = open(&path).unwrap();
    let project = project(&store).await;
    // What a log holds after years, without the years.
    let conn = Connection::open(&path).unwrap();
    conn.execute_batch(&format!(
        "INSERT INTO webhooks (id, project, version, deleted, body) VALUES (1, {p}, 1, 2, '{{}}'), (2, {p}, 1, 2, '{{}}');
         WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {MANY})
         INSERT INTO messages (id, last, project, event, dialect, code, object, roots, title, body)
         SELECT i * 2, i * 2 + 1, {p}, i, 'standard', 'task.updated', 'tasks/1', '', iif(i % 1000 = 0, 'needle', 'hay'), x'7B7D' FROM n;
         INSERT INTO deliveries (id, message, project, webhook, state, waiting, made_by, next_trigger, triggers, tries, wait_ms, late, attempts, segment)
         SELECT id, id, {p}, 1, 3, 0, 0, 0, 1, 1, 0, 0, 0, 1 FROM messages
         UNION ALL SELECT last, id, {p}, 2, 1, 0, 0, 0, 1, 1, 0, 0, 0, 1 FROM messages;",
        p = project.0
    ))
    .unwrap();
    let text = |q: &str| DeliveryFilter {
        q: Some(q.to_owned()),
        ..DeliveryFilter::default()
    };
    let failed = |q| DeliveryFilter {
        state: Some(DeliveryState::Failed),
        ..text(q)
    };
    let code = |q| DeliveryFilter {
        code: Some("task.updated".to_owned()),
        ..text(q)
    };
    for (filter, wanted) in [
        (text("needle"), 10),
        (text("nothing"), 0),
        (failed("needle"), 5),
        (code("needle"), 10),
    ] {
        let (mut before, mut pages, mut found) = (0, 0, Vec::new());
        loop {
            let page = store
                .deliveries(project, &filter, before, 50)
                .await
                .unwrap();
            found.extend(page.data.iter().map(|d| d.id.0));
            pages += 1;
            match page.next {
                Some(next) => {
                    assert!(before == 0 || next < before, "it goes on: {filter:?}");
                    before = next;
                }
                None => break,
            }
        }
        assert_eq!(found.len(), wanted, "{filter:?}");
        assert!(found.is_sorted_by(|a, b| a > b), "{filter:?}: {found:?}");
        assert!(pages > 1, "looked through everything at once: {filter:?}");
    }
    // What nearly every row fits is a page as long as wanted.
    let page = store
        .deliveries(project, &code_only(), 0, 50)
        .await
        .unwrap();
    assert_eq!(page.data.len(), 50);
}

fn code_only() -> DeliveryFilter {
    DeliveryFilter {
        code: Some("task.updated".to_owned()),
        ..DeliveryFilter::default()
    }
}
