//! The contract of a store, executable: every store passes the same suite.
//!
//! [`exercise`] is given a way to make an empty store and runs every chapter on a store of its own. A chapter fails by panicking
//! with the promise that was broken.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::needless_pass_by_value,
    clippy::too_many_lines,
    reason = "a suite of tests: a panic is its verdict"
)]

mod accounts;
mod audit;
mod figures;
mod sweeps;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use tidings_domain::delivery::{DeliveryState, Trigger};
use tidings_domain::project::WebhookSwitch;
use tidings_domain::webhook::{Health, HealthState, Ordering, Sealed, Secrets, Selection, Webhook};
use tidings_domain::{
    Change, Clock, Collection, DeliveryId, Doc, Event, EventId, Fault, FieldChange, ObjectRef,
    Project, ProjectId, Time, TokenId, Value, Verb, WebhookId, What,
};

use crate::{
    AsOf, Attempt, AttemptError, AttemptResponse, CommitListener, Deed, DeliveryFilter, Done,
    Errand, EventIds, Memo, NewMessage, NewSweep, Plan, Queued, RecordError, Recorded,
    RecordedEvent, Retention, Settlement, Snapshot, Store, StoreError, TestSend, Then, Token,
    TokenKind, Write, WriteWhat, memos_of,
};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// A clock that the suite sets.
#[derive(Debug)]
pub struct ManualClock(Mutex<Duration>);

/// When a [`ManualClock`] starts.
const START_MS: i64 = 1_700_000_000_000;

impl Default for ManualClock {
    fn default() -> Self {
        Self(Mutex::new(Duration::ZERO))
    }
}

impl ManualClock {
    /// Lets time pass.
    pub fn advance(&self, by: Duration) {
        *self.0.lock() += by;
    }

    fn now_ms(&self) -> i64 {
        START_MS + i64::try_from(self.0.lock().as_millis()).unwrap_or_default()
    }
}

impl Clock for ManualClock {
    fn wall(&self) -> Time {
        Time::from_millisecond(self.now_ms()).unwrap_or_default()
    }

    fn monotonic(&self) -> Duration {
        *self.0.lock()
    }
}

/// A listener that writes down what it is told.
#[derive(Debug, Default)]
pub struct Heard(Mutex<Vec<DeliveryId>>);

impl Heard {
    /// What it was told, in order.
    pub fn all(&self) -> Vec<DeliveryId> {
        self.0.lock().clone()
    }
}

impl CommitListener for Heard {
    fn committed(&self, deliveries: &[Queued]) {
        self.0.lock().extend(deliveries.iter().map(|d| d.id));
    }
}

/// A store under examination, with its clock and listener.
pub struct Bench {
    /// The store.
    pub store: Arc<dyn Store>,
    /// Its clock.
    pub clock: Arc<ManualClock>,
    /// Its listener.
    pub heard: Arc<Heard>,
}

impl std::fmt::Debug for Bench {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bench").finish_non_exhaustive()
    }
}

/// Runs every chapter, each on an empty store of its own.
///
/// # Panics
/// When the store breaks a promise.
pub async fn exercise(make: impl Fn(Arc<dyn Clock>, Arc<dyn CommitListener>) -> Arc<dyn Store>) {
    let bench = || {
        let (clock, heard) = (Arc::new(ManualClock::default()), Arc::new(Heard::default()));
        let as_clock: Arc<dyn Clock> = clock.clone();
        let as_listener: Arc<dyn CommitListener> = heard.clone();
        let store = make(as_clock, as_listener);
        Bench {
            store,
            clock,
            heard,
        }
    };
    projects(bench()).await;
    recording(bench()).await;
    views(bench()).await;
    as_of(bench()).await;
    events(bench()).await;
    two_projects(bench()).await;
    memos(bench()).await;
    keeping(bench()).await;
    accounts::people(bench()).await;
    audit::log(bench()).await;
    audit::with_its_change(bench()).await;
    audit::with_what_the_lanes_do(bench()).await;
    accounts::memberships(bench()).await;
    accounts::sessions(bench()).await;
    accounts::links(bench()).await;
    races(bench()).await;
    webhooks(bench()).await;
    queue(bench()).await;
    parking(bench()).await;
    resending(bench()).await;
    sweeps::absences(bench()).await;
    sweeps::absences_of_projects(bench()).await;
    sweeps::queue(bench()).await;
    sweeps::skipping(bench()).await;
    sweeps::ends(bench()).await;
    sweeps::in_bulk(bench()).await;
    sweeps::retention(bench()).await;
    sweeps::retention_for_room(bench()).await;
    the_log(bench()).await;
    the_log_of_an_event(bench()).await;
    the_log_of_an_object(bench()).await;
    tests_in_the_log(bench()).await;
    figures::hours(bench()).await;
    figures::history(bench()).await;
    figures::figures(bench()).await;
    people(bench()).await;
    retention(bench()).await;
    deleting_a_project(bench()).await;
}

// === Making things ===

fn task(id: i64, title: &str) -> Doc {
    Doc::empty(Collection::Tasks)
        .with("id", id)
        .with("sequence", 1)
        .with("number", id)
        .with("rank", id * 10)
        .with("title", title)
        .with("status", "Open")
}

fn webhook(id: WebhookId, project: ProjectId, name: &str) -> Webhook {
    Webhook {
        id,
        project,
        name: name.to_owned(),
        description: String::new(),
        url: "https://example.com/hook".to_owned(),
        dialect: "standard".to_owned(),
        events: Selection::All,
        secrets: None,
        verify_tls: true,
        ca_pem: None,
        enabled: true,
        headers: Vec::new(),
        timeout_seconds: 30,
        ordering: Ordering::Item,
        max_in_flight: 8,
        failure_limit: None,
        retry_schedule: None,
        options: Value::Null,
        origin: "api".to_owned(),
        locked: false,
        unresolved: false,
        created_at: "2023-11-14T22:13:20Z".to_owned(),
        updated_at: "2023-11-14T22:13:20Z".to_owned(),
        version: 1,
    }
}

fn attempt(trigger: Trigger, status: Option<u16>, error: Option<&str>) -> Attempt {
    let accepted = status.is_some_and(|s| (200..300).contains(&s));
    Attempt {
        number: 0,
        trigger: trigger.as_str().to_owned(),
        started_at: "2023-11-14T22:13:20.000Z".to_owned(),
        duration_ms: 7,
        outcome: match (accepted, status) {
            (true, _) => "accepted".to_owned(),
            (false, Some(_)) => "rejected".to_owned(),
            (false, None) => "unreachable".to_owned(),
        },
        status,
        error: error.map(|code| AttemptError {
            code: code.to_owned(),
            detail: format!("because of {code}"),
        }),
        url: "https://example.com/hook".to_owned(),
        request_headers: vec![("content-type".to_owned(), "application/json".to_owned())],
        response: status.map(|_| AttemptResponse {
            headers: Vec::new(),
            body: "answer".to_owned(),
            truncated: false,
        }),
        timings_us: [None, Some(1), None, Some(2)],
        remote: Some("192.0.2.1:443".to_owned()),
    }
}

fn settlement(queued: &Queued, attempt: Option<Attempt>, then: Then) -> Settlement {
    Settlement {
        delivery: queued.id,
        webhook: queued.webhook,
        tries: u32::from(attempt.is_some()),
        first_try_ms: attempt.is_some().then_some(START_MS),
        attempt,
        then,
        late: false,
    }
}

fn event(id: EventId, project: ProjectId, change: Change) -> RecordedEvent {
    RecordedEvent {
        event: Arc::new(Event {
            id,
            project,
            at: Time::from_second(1_700_000_000).unwrap_or_default(),
            actor: Some(3),
            what: What::Change(change),
        }),
        listed: true,
    }
}

impl Bench {
    async fn project(&self, key: &str) -> ProjectId {
        let project = Project::new(ProjectId(0), key, key, "2023-11-14T22:13:20Z");
        self.store.create_project(project).await.unwrap().id
    }

    async fn hook(&self, project: ProjectId, name: &str) -> WebhookId {
        let id = self.store.next_webhook_id().await.unwrap();
        let made = self
            .store
            .create_webhook(webhook(id, project, name), Health::default())
            .await;
        made.unwrap().id
    }

    /// Puts objects, each with an event and, if there are webhooks, a message in the queue of the object.
    async fn put(&self, project: ProjectId, docs: Vec<Doc>, webhooks: &[WebhookId]) -> Recorded {
        let planner = Box::new(
            move |snapshots: &[&dyn Snapshot], ids: &mut dyn EventIds| -> Result<Plan, Fault> {
                let mut plan = Plan::default();
                for doc in &docs {
                    let id = ids.next();
                    let doc = Arc::new(doc.clone());
                    let before = snapshots.first().and_then(|s| s.get(doc.key()));
                    let verb = before.as_ref().map_or(Verb::Created, |_| Verb::Updated);
                    let change = Change {
                        before,
                        ..Change::plain(verb, Arc::clone(&doc))
                    };
                    plan.writes.push(Write {
                        project,
                        version: id,
                        what: WriteWhat::Put(Arc::clone(&doc)),
                    });
                    plan.events.push(event(id, project, change));
                    if !webhooks.is_empty() {
                        plan.messages.push(message(project, id, &doc, webhooks));
                    }
                }
                Ok(plan)
            },
        );
        self.store.record(&[project], planner).await.unwrap()
    }

    async fn write(&self, project: ProjectId, what: WriteWhat) -> EventId {
        let planner = Box::new(
            move |_: &[&dyn Snapshot], ids: &mut dyn EventIds| -> Result<Plan, Fault> {
                let write = Write {
                    project,
                    version: ids.next(),
                    what: what.clone(),
                };
                Ok(Plan {
                    writes: vec![write],
                    ..Plan::default()
                })
            },
        );
        let recorded = self.store.record(&[project], planner).await.unwrap();
        recorded.plan.writes[0].version
    }

    async fn see<T: Send>(
        &self,
        project: ProjectId,
        at: AsOf,
        look: impl FnOnce(&dyn Snapshot) -> T + Send,
    ) -> T {
        let mut seen = None;
        let job = Box::new(|snapshot: &dyn Snapshot| seen = Some(look(snapshot)));
        self.store.read(project, at, job).await.unwrap();
        seen.unwrap()
    }

    async fn settle(&self, queued: &Queued, attempt: Option<Attempt>, then: Then) {
        let settlements = vec![settlement(queued, attempt, then)];
        self.store.settle(&settlements, &[]).await.unwrap();
    }

    async fn pending(&self, webhook: WebhookId) -> Vec<DeliveryId> {
        let after = DeliveryId(0);
        let queue = self.store.pending(webhook, after, 1000).await.unwrap();
        queue.iter().map(|q| q.id).collect()
    }

    async fn state(&self, project: ProjectId, delivery: DeliveryId) -> DeliveryState {
        let detail = self.store.delivery(project, delivery).await.unwrap();
        detail.unwrap().summary.state
    }

    async fn found(&self, project: ProjectId, filter: DeliveryFilter) -> Vec<DeliveryId> {
        let page = self.store.deliveries(project, &filter, 0, 100).await;
        page.unwrap().data.iter().map(|d| d.id).collect()
    }
}

fn message(
    project: ProjectId,
    event: EventId,
    doc: &Arc<Doc>,
    webhooks: &[WebhookId],
) -> NewMessage {
    NewMessage {
        project,
        event,
        dialect: "standard",
        code: if doc.sequence() > 1 {
            "task.updated"
        } else {
            "task.created"
        },
        body: Bytes::from(format!("{{\"title\":\"{}\"}}", doc.text("title"))),
        object: doc.key().to_string(),
        sequence: Some(doc.sequence()),
        roots: vec![doc.reference("on").unwrap_or(doc.key())],
        title: format!("{} {}", doc.id(), doc.text("title")),
        webhooks: webhooks.to_vec(),
    }
}

fn conflict<T: std::fmt::Debug>(result: Result<T, StoreError>, with: &str) {
    match result {
        Err(StoreError::Conflict(what)) => assert_eq!(what, with),
        other => panic!("expected Conflict({with:?}), got {other:?}"),
    }
}

fn not_found<T: std::fmt::Debug>(result: Result<T, StoreError>) {
    assert!(
        matches!(result, Err(StoreError::NotFound)),
        "expected NotFound, got {result:?}"
    );
}

// === Chapters ===

async fn projects(b: Bench) {
    let first = b.project("ALPHA").await;
    let second = b.project("beta").await;
    assert_eq!((first, second), (ProjectId(1), ProjectId(2)));
    let again = Project::new(ProjectId(0), "Alpha", "x", "2023-11-14T22:13:20Z");
    conflict(b.store.create_project(again).await, "key");
    let taken = Project::new(first, "gamma", "x", "2023-11-14T22:13:20Z");
    conflict(b.store.create_project(taken).await, "id");
    let chosen = Project::new(ProjectId(9), "nine", "x", "2023-11-14T22:13:20Z");
    b.store.create_project(chosen).await.unwrap();
    assert_eq!(b.project("three").await, ProjectId(3), "the smallest id");
    let found = b.store.project("aLPHA").await.unwrap();
    assert_eq!(found.unwrap().id, first, "keys ignore case");
    assert!(b.store.project("nobody").await.unwrap().is_none());
    let page = b.store.projects(0, 2).await.unwrap();
    assert_eq!(page.data.len(), 2);
    assert_eq!(page.next, Some(2));
    let rest = b.store.projects(2, 2).await.unwrap();
    assert_eq!(rest.data.len(), 2);
    assert_eq!(rest.next, None, "no cursor after the last page");
}

async fn recording(b: Bench) {
    let p = b.project("p").await;
    let hook = b.hook(p, "h").await;
    let recorded = b.put(p, vec![task(1, "a"), task(2, "b")], &[hook]).await;
    let ids: Vec<_> = recorded.plan.events.iter().map(|e| e.event.id).collect();
    assert!(ids[0] < ids[1], "event ids ascend");
    let later = b.put(p, vec![task(3, "c")], &[hook]).await;
    assert!(later.plan.events[0].event.id > ids[1]);
    let queue: Vec<_> = [&recorded, &later]
        .iter()
        .flat_map(|r| r.deliveries.iter().map(|d| d.id))
        .collect();
    assert!(queue.is_sorted(), "deliveries ascend in commit order");
    assert_eq!(
        b.heard.all(),
        queue,
        "the listener hears them in commit order"
    );
    assert_eq!(b.pending(hook).await, queue);

    // A refusal writes nothing.
    let refuse = Box::new(|_: &[&dyn Snapshot], ids: &mut dyn EventIds| {
        ids.next();
        Err(Fault::not_found("no"))
    });
    let refused = b.store.record(&[p], refuse).await;
    assert!(matches!(refused, Err(RecordError::Refused(_))));
    assert_eq!(b.pending(hook).await, queue);

    // Neither does a plan for a project that was not named.
    let stranger = b.project("q").await;
    let planner = Box::new(move |_: &[&dyn Snapshot], ids: &mut dyn EventIds| {
        let write = |project, id| Write {
            project,
            version: EventId(0),
            what: WriteWhat::Put(Arc::new(task(id, "x"))),
        };
        let mut writes = vec![write(p, 50), write(stranger, 51)];
        for write in &mut writes {
            write.version = ids.next();
        }
        Ok(Plan {
            writes,
            ..Plan::default()
        })
    });
    assert!(b.store.record(&[p], planner).await.is_err());
    let key = ObjectRef::new(Collection::Tasks, 50);
    assert!(b.see(p, AsOf::Now, |s| s.get(key)).await.is_none());

    let nowhere = Box::new(|_: &[&dyn Snapshot], _: &mut dyn EventIds| Ok(Plan::default()));
    let absent = b.store.record(&[ProjectId(77)], nowhere).await;
    assert!(matches!(
        absent,
        Err(RecordError::Store(StoreError::NotFound))
    ));
    let job = Box::new(|_: &dyn Snapshot| panic!("there is nothing to read"));
    not_found(b.store.read(ProjectId(77), AsOf::Now, job).await);
}

async fn views(b: Bench) {
    let p = b.project("p").await;
    let story = Doc::empty(Collection::Stories)
        .with("id", 1)
        .with("sequence", 1)
        .with("number", 4)
        .with("rank", 7)
        .with("external_id", "S-1")
        .with("priority", "High")
        .with("title", "story");
    let comment = |id: i64| {
        Doc::empty(Collection::Comments)
            .with("id", id)
            .with("sequence", 1)
            .with("on", ObjectRef::new(Collection::Stories, 1).to_value())
            .with("body", "hello")
    };
    let member = Doc::empty(Collection::Members)
        .with("id", 5)
        .with("sequence", 3)
        .with("first_name", "Ada");
    let on_story = task(3, "child").with("parent", 1);
    let key = story.key();
    b.put(
        p,
        vec![story.clone(), comment(2), comment(1), member, on_story],
        &[],
    )
    .await;
    b.see(p, AsOf::Now, |s| {
        assert_eq!(*s.get(key).unwrap(), story);
        assert_eq!(s.project().id, p);
        let ids = |docs: Vec<Arc<Doc>>| docs.iter().map(|d| d.id()).collect::<Vec<_>>();
        assert_eq!(ids(s.referrers(key, Collection::Comments, "on")), [1, 2]);
        assert_eq!(s.count_referrers(key, Collection::Comments, "on"), 2);
        assert_eq!(ids(s.referrers(key, Collection::Tasks, "parent")), [3]);
        assert!(s.referrers(key, Collection::Tasks, "on").is_empty());
        assert_eq!(ids(s.all(Collection::Comments)), [1, 2]);
        assert_eq!(s.by_external_id(Collection::Stories, "S-1"), Some(1));
        assert_eq!(s.by_external_id(Collection::Tasks, "S-1"), None);
        assert_eq!(s.by_number(4), Some(key));
        assert_eq!(s.by_number(5), None);
        assert_eq!(s.next_number(), 1, "the smallest that is free");
        assert_eq!(s.next_id(Collection::Tasks), 2, "items share one series");
        assert_eq!(s.next_id(Collection::Comments), 3);
        assert_eq!(s.next_id(Collection::Comments), 3, "asked again, the same");
        assert_eq!(s.max_rank(Collection::Stories), 7);
        assert_eq!(s.max_rank(Collection::Features), 0);
        assert_eq!(s.count_with(Collection::Stories, "priority", "High"), 1);
        assert_eq!(s.count_with(Collection::Stories, "title", "story"), 1);
        assert_eq!(s.count_with(Collection::Tasks, "status", "Closed"), 0);
        assert_eq!(s.person(5).unwrap().text("first_name"), "Ada");
        assert_eq!(s.last_sequence(key), None, "it is there");
    })
    .await;

    b.write(p, WriteWhat::Delete(ObjectRef::new(Collection::Members, 5)))
        .await;
    for id in [1, 2] {
        let key = ObjectRef::new(Collection::Comments, id);
        b.write(p, WriteWhat::Delete(key)).await;
    }
    let free = task(3, "child").with("sequence", 2);
    b.put(p, vec![free], &[]).await;
    b.write(p, WriteWhat::Delete(key)).await;
    b.see(p, AsOf::Now, |s| {
        assert!(s.get(key).is_none());
        assert_eq!(s.last_sequence(key), Some(1));
        assert_eq!(s.by_external_id(Collection::Stories, "S-1"), None);
        assert_eq!(s.by_number(4), None);
        assert_eq!(s.next_number(), 1);
        assert_eq!(s.next_id(Collection::Tasks), 2, "a deleted id stays used");
        assert_eq!(s.count_with(Collection::Stories, "priority", "High"), 0);
        assert_eq!(s.max_rank(Collection::Stories), 0);
        let member = ObjectRef::new(Collection::Members, 5);
        assert!(s.get(member).is_none());
        assert_eq!(s.person(5).unwrap().text("first_name"), "Ada");
        assert!(s.person(6).is_none());
        assert!(s.referrers(key, Collection::Tasks, "parent").is_empty());
    })
    .await;
    let revived = task(1, "x").with("external_id", "T").with("number", 1);
    b.put(p, vec![revived], &[]).await;
    let next = b.see(p, AsOf::Now, |s| {
        (s.next_number(), s.next_id(Collection::Stories))
    });
    assert_eq!(next.await, (2, 2));

    let page = b.store.objects(p, Collection::Tasks, 0, 1).await.unwrap();
    assert_eq!((page.data.len(), page.next), (1, Some(1)));
    let page = b.store.objects(p, Collection::Tasks, 1, 1).await.unwrap();
    assert_eq!((page.data[0].id(), page.next), (3, None));
}

async fn as_of(b: Bench) {
    let p = b.project("p").await;
    let key = ObjectRef::new(Collection::Tasks, 1);
    let old = b.put(p, vec![task(1, "old").with("sprint", 4)], &[]).await;
    let first = old.plan.events[0].event.id;
    let new = task(1, "new").with("sequence", 2);
    let second = b.put(p, vec![new], &[]).await.plan.events[0].event.id;
    let gone = b.write(p, WriteWhat::Delete(key)).await;
    let sprint = ObjectRef::new(Collection::Sprints, 4);
    let look = |s: &dyn Snapshot| {
        let title = s.get(key).map(|d| d.text("title").to_owned());
        let in_sprint = s.count_referrers(sprint, Collection::Tasks, "sprint");
        (title, in_sprint, s.all(Collection::Tasks).len())
    };
    let at = |event: EventId| AsOf::Event(event);
    assert_eq!(
        b.see(p, at(EventId(first.0 - 1)), look).await,
        (None, 0, 0),
        "before it was"
    );
    assert_eq!(
        b.see(p, at(first), look).await,
        (Some("old".to_owned()), 1, 1)
    );
    assert_eq!(
        b.see(p, at(second), look).await,
        (Some("new".to_owned()), 0, 1)
    );
    assert_eq!(b.see(p, at(gone), look).await, (None, 0, 0));
    assert_eq!(b.see(p, AsOf::Now, look).await, (None, 0, 0));
    let sequence = |s: &dyn Snapshot| s.last_sequence(key);
    assert_eq!(b.see(p, at(second), sequence).await, None);
    assert_eq!(b.see(p, at(gone), sequence).await, Some(2));

    let mut project = Project::clone(&*b.see(p, AsOf::Now, |s| Arc::clone(s.project())).await);
    "renamed".clone_into(&mut project.name);
    b.write(p, WriteWhat::Project(Arc::new(project))).await;
    let name = |s: &dyn Snapshot| s.project().name.clone();
    assert_eq!(b.see(p, AsOf::Now, name).await, "renamed");
    assert_eq!(b.see(p, at(gone), name).await, "p");
    assert_eq!(b.store.project("p").await.unwrap().unwrap().name, "renamed");
}

async fn events(b: Bench) {
    let p = b.project("p").await;
    b.put(p, vec![task(1, "one")], &[]).await;
    let planner = Box::new(move |s: &[&dyn Snapshot], ids: &mut dyn EventIds| {
        let key = ObjectRef::new(Collection::Tasks, 1);
        let before = s[0].get(key).unwrap();
        let now = Arc::new(Doc::clone(&before).with("title", "two").with("sequence", 2));
        let comment = Doc::empty(Collection::Comments)
            .with("id", 1)
            .with("sequence", 1)
            .with("on", key.to_value())
            .with("body", "why");
        let comment = Arc::new(comment);
        let id = ids.next();
        let put = |doc: &Arc<Doc>| Write {
            project: p,
            version: id,
            what: WriteWhat::Put(Arc::clone(doc)),
        };
        let change = Change {
            before: Some(before),
            changes: vec![FieldChange {
                member: "title".to_owned(),
                old: "one".into(),
                new: "two".into(),
            }],
            comment: Some(Arc::clone(&comment)),
            bulk: Some(EventId(77)),
            notified: vec![3, 4],
            ..Change::plain(Verb::Updated, Arc::clone(&now))
        };
        let unlisted = ids.next();
        let mut quiet = event(unlisted, p, Change::plain(Verb::Deleted, Arc::clone(&now)));
        quiet.listed = false;
        Ok(Plan {
            writes: vec![put(&now), put(&comment)],
            events: vec![event(id, p, change), quiet],
            ..Plan::default()
        })
    });
    let recorded = b.store.record(&[p], planner).await.unwrap();
    let told = &recorded.plan.events[0].event;
    // Later changes do not reach into what the event told.
    b.put(p, vec![task(1, "three").with("sequence", 3)], &[])
        .await;
    let kept = b.store.event(p, told.id).await.unwrap().unwrap();
    assert_eq!(kept.recorded_ms, b.clock.now_ms());
    assert_eq!(format!("{:?}", kept.event), format!("{told:?}"));
    let quiet = &recorded.plan.events[1].event;
    let kept = b.store.event(p, quiet.id).await.unwrap().unwrap();
    assert_eq!(format!("{:?}", kept.event), format!("{quiet:?}"));

    let page = b.store.activities(p, 0, 2).await.unwrap();
    let ids: Vec<_> = page.data.iter().map(|a| a.event.id).collect();
    assert_eq!(ids.len(), 2);
    assert!(ids[0] > ids[1], "newest first");
    assert_eq!(ids[1], told.id, "what is not listed is left out");
    let before = page.next.unwrap();
    let rest = b.store.activities(p, before, 2).await.unwrap();
    assert_eq!((rest.data.len(), rest.next), (1, None));
    let other = b.project("other").await;
    assert!(b.store.event(other, told.id).await.unwrap().is_none());
}

async fn two_projects(b: Bench) {
    let (p, q) = (b.project("p").await, b.project("q").await);
    b.put(p, vec![task(1, "moves")], &[]).await;
    let planner = Box::new(move |s: &[&dyn Snapshot], ids: &mut dyn EventIds| {
        let key = ObjectRef::new(Collection::Tasks, 1);
        let doc = s[0].get(key).unwrap();
        assert!(
            s[1].get(key).is_none(),
            "in the order in which they were named"
        );
        let version = ids.next();
        let write = |project, what| Write {
            project,
            version,
            what,
        };
        Ok(Plan {
            writes: vec![
                write(p, WriteWhat::Delete(key)),
                write(q, WriteWhat::Put(doc)),
            ],
            ..Plan::default()
        })
    });
    b.store.record(&[p, q], planner).await.unwrap();
    let key = ObjectRef::new(Collection::Tasks, 1);
    assert!(b.see(p, AsOf::Now, |s| s.get(key)).await.is_none());
    assert!(b.see(q, AsOf::Now, |s| s.get(key)).await.is_some());
}

async fn memos(b: Bench) {
    let p = b.project("p").await;
    let keep = Box::new(|_: &[&dyn Snapshot], _: &mut dyn EventIds| {
        Ok(Plan {
            memos: vec![memo("token 1", "answer")],
            ..Plan::default()
        })
    });
    b.store.record(&[p], keep).await.unwrap();
    let seen = b.see(p, AsOf::Now, memo_of("token 1")).await;
    assert_eq!(seen.as_deref(), Some("answer"));
    let other = b.see(p, AsOf::Now, |s| s.memo("token 2", "key")).await;
    assert_eq!(other, None, "a scope of its own");
    let kept = b.store.memo("token 1", "key").await.unwrap();
    assert_eq!(kept.as_deref(), Some("answer"), "without a project");
    let refused =
        Box::new(|_: &[&dyn Snapshot], _: &mut dyn EventIds| Err(Fault::not_found("nothing here")));
    assert!(b.store.record(&[p], refused).await.is_err());
    assert!(b.see(p, AsOf::Now, memo_of("token 1")).await.is_some());
    b.clock.advance(Duration::from_hours(23));
    b.store.check().await.unwrap();
    assert!(b.see(p, AsOf::Now, memo_of("token 1")).await.is_some());
    b.clock.advance(Duration::from_hours(2));
    b.store.check().await.unwrap();
    let seen = b.see(p, AsOf::Now, memo_of("token 1")).await;
    assert_eq!(seen, None, "kept for 24 h");
    assert_eq!(b.store.memo("token 1", "key").await.unwrap(), None);
}

fn memo(scope: &str, answer: &str) -> Memo {
    Memo {
        scope: scope.to_owned(),
        key: "key".to_owned(),
        answer: answer.to_owned(),
    }
}

fn memo_of(scope: &'static str) -> impl FnOnce(&dyn Snapshot) -> Option<String> + Send {
    move |snapshot| snapshot.memo(scope, "key")
}

/// A small write and its answer are one.
async fn keeping(b: Bench) {
    let kept = |scope: &'static str| {
        let store = Arc::clone(&b.store);
        async move { store.memo(scope, "key").await.unwrap() }
    };
    let blank = Project::new(ProjectId(0), "p", "P", "2023-11-14T22:13:20Z");
    let made = |done: &Done| match done {
        Done::Project(project) => memo("a", &format!("project {}", project.id)).into(),
        other => memo("a", &format!("{other:?}")).into(),
    };
    let deed = Deed::CreateProject(Box::new(blank.clone()));
    let done = b.store.keep(deed, Box::new(made)).await.unwrap();
    let Done::Project(project) = done else {
        panic!("{done:?}");
    };
    let p = project.id;
    assert_eq!(kept("a").await, Some(format!("project {p}")));
    let deed = Deed::CreateProject(Box::new(blank));
    let again = b
        .store
        .keep(deed, Box::new(|_| memo("b", "no").into()))
        .await;
    assert!(
        matches!(again, Err(StoreError::Conflict("key"))),
        "{again:?}"
    );
    assert_eq!(kept("b").await, None, "what was not done has no answer");

    let id = b.store.next_webhook_id().await.unwrap();
    let new = Box::new(webhook(id, p, "w"));
    let deed = Deed::CreateWebhook(new.clone(), Box::default());
    b.store
        .keep(deed, Box::new(|_| memo("c", "made").into()))
        .await
        .unwrap();
    assert!(b.store.webhook(p, id).await.unwrap().is_some());
    let edited = Webhook {
        name: "edited".to_owned(),
        version: 2,
        ..*new
    };
    let deed = Deed::UpdateWebhook(Box::new(edited.clone()));
    let done = b
        .store
        .keep(deed, Box::new(|_| memo("c", "edited").into()))
        .await;
    assert!(matches!(done, Ok(Done::Webhook(w)) if w.name == "edited"));
    assert_eq!(kept("c").await.as_deref(), Some("edited"), "replaced");
    let deed = Deed::UpdateWebhook(Box::new(edited));
    let late = b
        .store
        .keep(deed, Box::new(|_| memo("c", "late").into()))
        .await;
    assert!(matches!(late, Err(StoreError::Conflict("version"))));
    assert_eq!(kept("c").await.as_deref(), Some("edited"));
    b.put(p, vec![task(1, "one")], &[id]).await;
    let deed = Deed::DeleteWebhook(p, id);
    b.store
        .keep(deed, Box::new(|_| memo("c", "gone").into()))
        .await
        .unwrap();
    assert!(b.store.webhook(p, id).await.unwrap().is_none());
    assert_eq!(b.pending(id).await, [], "what waited is skipped");

    let token = Token {
        id: TokenId(0),
        project: Some(p),
        name: "ci".to_owned(),
        kind: TokenKind::App,
        hash: [5; 32],
        hint: "tid_ab".to_owned(),
        expires_at: None,
        created_at: "2023-11-14T22:13:20Z".to_owned(),
    };
    let deed = Deed::CreateToken(Box::new(token));
    let done = b
        .store
        .keep(deed, Box::new(|_| memo("d", "made").into()))
        .await;
    let Ok(Done::Token(token)) = done else {
        panic!("{done:?}");
    };
    let found = b.store.token_by_hash(&[5; 32]).await.unwrap();
    assert_eq!(found.map(|t| t.id), Some(token.id));
    let deed = Deed::DeleteToken(Some(p), token.id);
    b.store
        .keep(deed, Box::new(|_| memo("d", "gone").into()))
        .await
        .unwrap();
    assert_eq!(b.store.token_by_hash(&[5; 32]).await.unwrap(), None);

    let deed = Deed::PutDocument("settings", "{}".to_owned());
    b.store
        .keep(deed, Box::new(|_| memo("e", "set").into()))
        .await
        .unwrap();
    let text = b.store.document("settings").await.unwrap();
    assert_eq!(text.as_deref(), Some("{}"));
    assert_eq!(kept("e").await.as_deref(), Some("set"));

    // A project takes along what was answered in it, and nothing else.
    let inside = format!("{}token 1", memos_of(p));
    let beside = format!("{}token 1", memos_of(ProjectId(p.0 * 10)));
    for scope in [&inside, &beside] {
        let memo = memo(scope, "kept");
        b.store
            .keep(Deed::Nothing, Box::new(|_| memo.into()))
            .await
            .unwrap();
    }
    let deed = Deed::DeleteProject(p);
    b.store
        .keep(deed, Box::new(|_| memo("a", "gone").into()))
        .await
        .unwrap();
    assert_eq!(b.store.project("p").await.unwrap(), None);
    assert_eq!(b.store.memo(&inside, "key").await.unwrap(), None);
    assert!(b.store.memo(&beside, "key").await.unwrap().is_some());
    assert_eq!(kept("a").await.as_deref(), Some("gone"));
}

async fn races(b: Bench) {
    const WRITERS: i64 = 24;
    let p = b.project("p").await;
    b.put(p, vec![task(1, "counted")], &[]).await;
    let raise = || {
        let store = Arc::clone(&b.store);
        async move {
            let planner = Box::new(move |s: &[&dyn Snapshot], ids: &mut dyn EventIds| {
                let key = ObjectRef::new(Collection::Tasks, 1);
                let doc = s[0].get(key).unwrap();
                let next = doc.sequence() + 1;
                let version = ids.next();
                let counted = Doc::clone(&doc).with("sequence", next);
                let fresh = s[0].next_id(Collection::Comments);
                let comment = Doc::empty(Collection::Comments)
                    .with("id", fresh)
                    .with("sequence", 1)
                    .with("on", key.to_value());
                let put = |doc| Write {
                    project: p,
                    version,
                    what: WriteWhat::Put(Arc::new(doc)),
                };
                Ok(Plan {
                    writes: vec![put(counted), put(comment)],
                    ..Plan::default()
                })
            });
            store.record(&[p], planner).await.unwrap();
        }
    };
    at_once((0..WRITERS).map(|_| raise()).collect()).await;
    let seen = b.see(p, AsOf::Now, |s| {
        let key = ObjectRef::new(Collection::Tasks, 1);
        let sequence = s.get(key).unwrap().sequence();
        (sequence, s.all(Collection::Comments).len())
    });
    assert_eq!(
        seen.await,
        (WRITERS + 1, usize::try_from(WRITERS).unwrap()),
        "no change is lost to another"
    );
}

/// Polls all of them in turn until each is done; needs no runtime.
async fn at_once<F: Future<Output = ()>>(futures: Vec<F>) {
    let mut running: Vec<_> = futures.into_iter().map(Box::pin).collect();
    std::future::poll_fn(|cx| {
        running.retain_mut(|f| f.as_mut().poll(cx).is_pending());
        if running.is_empty() {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
}

async fn webhooks(b: Bench) {
    let (p, q) = (b.project("p").await, b.project("q").await);
    assert!(!b.store.has_secrets().await.unwrap());
    let first = b.hook(p, "first").await;
    let second = b.hook(p, "second").await;
    assert!(first < second);
    let again = webhook(first, p, "again");
    conflict(b.store.create_webhook(again, Health::default()).await, "id");
    let (stored, health, counts) = b.store.webhook(p, first).await.unwrap().unwrap();
    assert_eq!(stored.name, "first");
    assert_eq!(health, Health::default());
    assert_eq!((counts.pending, counts.parked), (0, 0));
    assert!(b.store.webhook(q, first).await.unwrap().is_none());

    let mut edited = Webhook::clone(&stored);
    edited.version = 2;
    "edited".clone_into(&mut edited.name);
    edited.secrets = Some(Secrets {
        current: Sealed(vec![1, 2, 3]),
        previous: None,
    });
    edited.headers = vec![("x-key".to_owned(), Sealed(vec![9]))];
    b.store.update_webhook(edited.clone()).await.unwrap();
    conflict(b.store.update_webhook(edited.clone()).await, "version");
    let (stored, _, _) = b.store.webhook(p, first).await.unwrap().unwrap();
    assert_eq!(*stored, edited);
    assert!(b.store.has_secrets().await.unwrap());
    let names = |s: &dyn Snapshot| {
        let all = s.webhooks();
        all.iter().map(|w| w.name.clone()).collect::<Vec<_>>()
    };
    assert_eq!(b.see(p, AsOf::Now, names).await, ["edited", "second"]);
    assert!(b.see(q, AsOf::Now, names).await.is_empty());

    let page = b.store.webhooks(p, 0, 1).await.unwrap();
    assert_eq!((page.data.len(), page.next), (1, Some(first.0)));
    let failing = Health {
        state: HealthState::BackingOff,
        consecutive_failures: 3,
        failures_by_hour: vec![1, 2],
        ..Health::default()
    };
    let health = vec![(first, failing.clone())];
    b.store.settle(&[], &health).await.unwrap();
    let (_, stored, _) = b.store.webhook(p, first).await.unwrap().unwrap();
    assert_eq!(stored, failing);

    let one = b.put(p, vec![task(1, "a")], &[first, second]).await;
    let lanes = b.store.lanes().await.unwrap();
    assert_eq!(lanes.len(), 2);
    assert!(lanes.iter().all(|l| l.has_pending && l.project_on));
    b.store.delete_webhook(p, first).await.unwrap();
    not_found(b.store.delete_webhook(p, first).await);
    assert!(b.store.webhook(p, first).await.unwrap().is_none());
    assert!(!b.store.has_secrets().await.unwrap(), "they go at once");
    assert_eq!(b.store.lanes().await.unwrap().len(), 1);
    assert_eq!(b.see(p, AsOf::Now, names).await, ["second"]);
    assert_eq!(b.pending(first).await, []);
    assert_eq!(
        b.state(p, one.deliveries[0].id).await,
        DeliveryState::Skipped,
        "the log stays"
    );
    conflict(
        b.store.resend(p, one.deliveries[0].id).await,
        "webhook_deleted",
    );
    let third = b.store.next_webhook_id().await.unwrap();
    assert!(third > second, "an id is never used again");

    let mut project = Project::clone(&*b.see(p, AsOf::Now, |s| Arc::clone(s.project())).await);
    project.webhooks = WebhookSwitch::Off;
    b.write(p, WriteWhat::Project(Arc::new(project))).await;
    assert!(!b.store.lanes().await.unwrap()[0].project_on);
}

async fn queue(b: Bench) {
    let p = b.project("p").await;
    let (one, two) = (b.hook(p, "one").await, b.hook(p, "two").await);
    let docs = vec![task(1, "a"), task(2, "b"), task(3, "c")];
    let recorded = b.put(p, docs, &[one, two]).await;
    let queue = b.store.pending(one, DeliveryId(0), 2).await.unwrap();
    assert_eq!(queue.len(), 2);
    let first = &queue[0];
    assert_eq!(first.message.body, Bytes::from_static(b"{\"title\":\"a\"}"));
    assert_eq!(first.message.roots, [ObjectRef::new(Collection::Tasks, 1)]);
    assert_eq!(first.message.event, Some(recorded.plan.events[0].event.id));
    assert_eq!(first.message.sequence, Some(1));
    assert_eq!(first.trigger, Trigger::Event);
    assert_eq!((first.tries, first.due_ms), (0, None));
    let rest = b.store.pending(one, queue[1].id, 10).await.unwrap();
    assert_eq!(rest.len(), 1, "the queue goes on after the last one seen");

    let failed = attempt(Trigger::Event, Some(500), Some("status"));
    let then = Then::Retry {
        due_ms: START_MS + 5000,
        wait_ms: 5000,
    };
    let mut retry = settlement(first, Some(failed), then);
    retry.late = true;
    b.store.settle(&[retry], &[]).await.unwrap();
    let again = b.store.pending(one, DeliveryId(0), 1).await.unwrap();
    assert_eq!(again[0].id, first.id, "it keeps its place");
    assert_eq!(again[0].tries, 1);
    assert_eq!(again[0].first_try_ms, Some(START_MS));
    assert_eq!(again[0].due_ms, Some(START_MS + 5000));
    assert_eq!(again[0].wait_ms, 5000);
    assert!(again[0].late);
    assert_eq!(again[0].trigger, Trigger::Retry);

    let noted = attempt(Trigger::Retry, None, Some("reset"));
    b.settle(first, Some(noted), Then::AsItIs).await;
    let again = b.store.pending(one, DeliveryId(0), 1).await.unwrap();
    assert_eq!(again[0].due_ms, Some(START_MS + 5000), "as it was");

    let accepted = || attempt(Trigger::Reconnect, Some(204), None);
    b.settle(first, Some(accepted()), Then::Delivered).await;
    b.settle(first, Some(accepted()), Then::Failed).await;
    let detail = b.store.delivery(p, first.id).await.unwrap().unwrap();
    assert_eq!(
        detail.summary.state,
        DeliveryState::Delivered,
        "what is settled stays so"
    );
    let numbers: Vec<_> = detail.attempts.iter().map(|a| a.number).collect();
    assert_eq!(numbers, [1, 2, 3, 4]);
    assert_eq!(detail.body, first.message.body);
    assert_eq!(detail.attempts[0].error.as_ref().unwrap().code, "status");
    assert_eq!(b.pending(one).await.len(), 2);
    assert_eq!(b.pending(two).await.len(), 3, "the other webhook's own");
    assert!(
        b.store
            .delivery(ProjectId(99), first.id)
            .await
            .unwrap()
            .is_none(),
        "another project sees nothing"
    );
    let mut stranger = settlement(first, None, Then::Failed);
    stranger.delivery = DeliveryId(5);
    b.store.settle(&[stranger], &[]).await.unwrap();
}

async fn parking(b: Bench) {
    let p = b.project("p").await;
    let hook = b.hook(p, "h").await;
    let early = b.put(p, vec![task(1, "a"), task(2, "b")], &[hook]).await;
    b.clock.advance(Duration::from_mins(1));
    let since_ms = b.clock.now_ms();
    let late = b.put(p, vec![task(3, "c")], &[hook]).await;
    assert_eq!(b.store.park(hook, 2).await.unwrap(), 2);
    assert_eq!(b.store.park(hook, 2).await.unwrap(), 1);
    assert_eq!(b.store.park(hook, 2).await.unwrap(), 0);
    assert_eq!(b.pending(hook).await, []);
    let (_, _, counts) = b.store.webhook(p, hook).await.unwrap().unwrap();
    assert_eq!((counts.pending, counts.parked), (0, 3));

    let since = |since_ms| NewSweep {
        webhook: hook,
        errand: Errand::Deliver,
        since_ms,
        until_ms: None,
    };
    assert_eq!(b.store.count_sweep(since(0)).await.unwrap(), 3);
    assert_eq!(b.pending(hook).await, [], "counting changes nothing");
    let recovered = sweeps::run(&b, p, since(since_ms), None).await;
    assert_eq!(recovered.count, 1);
    let queue = b.store.pending(hook, DeliveryId(0), 9).await.unwrap();
    assert_eq!(queue[0].id, late.deliveries[0].id);
    assert_eq!(queue[0].trigger, Trigger::Recover);
    let skip = NewSweep {
        errand: Errand::Skip,
        ..since(0)
    };
    assert_eq!(sweeps::run(&b, p, skip, None).await.count, 2);
    let skipped = b.state(p, early.deliveries[0].id).await;
    assert_eq!(skipped, DeliveryState::Skipped);
    assert_eq!(sweeps::run(&b, p, since(0), None).await.count, 0);

    b.settle(&queue[0], None, Then::Parked).await;
    assert_eq!(b.state(p, queue[0].id).await, DeliveryState::Parked);

    // A request that was in flight when the rest was put aside.
    let refused = attempt(Trigger::Event, Some(500), Some("status"));
    b.settle(&queue[0], Some(refused), Then::Failed).await;
    assert_eq!(b.state(p, queue[0].id).await, DeliveryState::Parked);
    let accepted = attempt(Trigger::Event, Some(200), None);
    b.settle(&queue[0], Some(accepted), Then::Delivered).await;
    assert_eq!(b.state(p, queue[0].id).await, DeliveryState::Delivered);
    assert_eq!(sweeps::run(&b, p, since(0), None).await.count, 0);
}

async fn resending(b: Bench) {
    let p = b.project("p").await;
    let hook = b.hook(p, "h").await;
    let recorded = b.put(p, vec![task(1, "a"), task(2, "b")], &[hook]).await;
    let (first, second) = (&recorded.deliveries[0], &recorded.deliveries[1]);
    conflict(b.store.resend(p, first.id).await, "pending");
    not_found(b.store.resend(ProjectId(9), first.id).await);
    let refused = attempt(Trigger::Event, Some(400), None);
    b.settle(first, Some(refused.clone()), Then::Failed).await;
    let accepted = attempt(Trigger::Event, Some(200), None);
    b.settle(second, Some(accepted), Then::Delivered).await;

    let again = b.store.resend(p, first.id).await.unwrap();
    assert_eq!((again.id, again.tries), (first.id, 0), "a fresh schedule");
    assert_eq!(again.trigger, Trigger::Resend);
    assert!(!again.settled);
    assert_eq!(b.state(p, first.id).await, DeliveryState::Pending);

    let again = b.store.resend(p, second.id).await.unwrap();
    assert!(again.settled);
    assert_eq!(b.state(p, second.id).await, DeliveryState::Delivered);
    conflict(b.store.resend(p, second.id).await, "pending");
    assert_eq!(b.pending(hook).await, [first.id, second.id], "both survive");
    b.settle(&again, Some(refused), Then::Failed).await;
    assert_eq!(b.state(p, second.id).await, DeliveryState::Delivered);
    assert_eq!(b.pending(hook).await, [first.id], "one try");
}

async fn the_log(b: Bench) {
    let p = b.project("p").await;
    let (one, two) = (b.hook(p, "one").await, b.hook(p, "two").await);
    let early = b
        .put(p, vec![task(1, "Alpha"), task(2, "Beta")], &[one, two])
        .await;
    b.clock.advance(Duration::from_mins(1));
    let noon = b.clock.now_ms();
    let comment = Doc::empty(Collection::Comments)
        .with("id", 7)
        .with("sequence", 2)
        .with("on", ObjectRef::new(Collection::Tasks, 1).to_value());
    let late = b.put(p, vec![comment], &[one]).await;
    let d: Vec<DeliveryId> = early
        .deliveries
        .iter()
        .chain(&late.deliveries)
        .map(|d| d.id)
        .collect();
    let refused = attempt(Trigger::Probe, Some(503), Some("overloaded"));
    b.settle(&early.deliveries[0], Some(refused), Then::Failed)
        .await;
    let accepted = attempt(Trigger::Event, Some(200), None);
    b.settle(&early.deliveries[1], Some(accepted), Then::Delivered)
        .await;
    b.settle(&early.deliveries[2], None, Then::Parked).await;

    let all = DeliveryFilter::default;
    let check = async |filter: DeliveryFilter, expected: &[usize]| {
        let expected: Vec<_> = expected.iter().map(|i| d[*i]).collect();
        let found = b.found(p, filter.clone()).await;
        assert_eq!(found, expected, "{filter:?}");
        // The same, page by page.
        let mut paged = Vec::new();
        let mut before = 0;
        loop {
            let page = b.store.deliveries(p, &filter, before, 1).await.unwrap();
            paged.extend(page.data.iter().map(|d| d.id));
            match page.next {
                Some(next) => before = next,
                None => break,
            }
        }
        assert_eq!(paged, expected, "paged: {filter:?}");
    };
    check(all(), &[4, 3, 2, 1, 0]).await;
    check(
        DeliveryFilter {
            webhook: Some(one),
            ..all()
        },
        &[4, 2, 0],
    )
    .await;
    let state = |state| DeliveryFilter {
        state: Some(state),
        ..all()
    };
    check(state(DeliveryState::Pending), &[4, 3]).await;
    check(state(DeliveryState::Delivered), &[1]).await;
    check(state(DeliveryState::Parked), &[2]).await;
    check(state(DeliveryState::Failed), &[0]).await;
    check(state(DeliveryState::Held), &[]).await;
    check(state(DeliveryState::Skipped), &[]).await;
    let both = DeliveryFilter {
        webhook: Some(one),
        ..state(DeliveryState::Pending)
    };
    check(both, &[4]).await;
    let event = Some(early.plan.events[0].event.id);
    check(DeliveryFilter { event, ..all() }, &[1, 0]).await;
    let code = |code: &str| DeliveryFilter {
        code: Some(code.to_owned()),
        ..all()
    };
    check(code("task.created"), &[3, 2, 1, 0]).await;
    check(code("task.updated"), &[4]).await;
    check(code("task"), &[]).await;
    check(
        DeliveryFilter {
            webhook: Some(two),
            ..code("task.created")
        },
        &[3, 1],
    )
    .await;
    check(
        DeliveryFilter {
            state: Some(DeliveryState::Failed),
            ..code("task.created")
        },
        &[0],
    )
    .await;
    let object = |key: &str| DeliveryFilter {
        object: Some(key.to_owned()),
        ..all()
    };
    check(object("tasks/1"), &[4, 1, 0]).await;
    check(object("comments/7"), &[4]).await;
    check(
        DeliveryFilter {
            event,
            ..object("tasks/2")
        },
        &[],
    )
    .await;
    check(
        DeliveryFilter {
            event,
            ..object("tasks/1")
        },
        &[1, 0],
    )
    .await;
    let trigger = |trigger| DeliveryFilter {
        trigger: Some(trigger),
        ..all()
    };
    check(trigger(Trigger::Probe), &[0]).await;
    check(trigger(Trigger::Event), &[4, 3, 2, 1, 0]).await;
    check(trigger(Trigger::Test), &[]).await;
    check(
        DeliveryFilter {
            webhook: Some(two),
            ..trigger(Trigger::Probe)
        },
        &[],
    )
    .await;
    check(
        DeliveryFilter {
            until_ms: Some(noon),
            state: Some(DeliveryState::Failed),
            ..trigger(Trigger::Probe)
        },
        &[0],
    )
    .await;
    let status = |status| DeliveryFilter {
        status: Some(status),
        ..all()
    };
    check(status(503), &[0]).await;
    check(status(200), &[1]).await;
    check(status(404), &[]).await;
    check(status(204), &[]).await;
    check(
        DeliveryFilter {
            since_ms: Some(noon),
            ..code("task.created")
        },
        &[],
    )
    .await;
    check(
        DeliveryFilter {
            since_ms: Some(noon),
            ..all()
        },
        &[4],
    )
    .await;
    check(
        DeliveryFilter {
            until_ms: Some(noon),
            ..all()
        },
        &[3, 2, 1, 0],
    )
    .await;
    let text = |q: &str| DeliveryFilter {
        q: Some(q.to_owned()),
        ..all()
    };
    check(text("alpha"), &[1, 0]).await;
    check(text("OVERLOADED"), &[0]).await;
    check(text("task.updated"), &[4]).await;
    check(text("\"title\""), &[]).await;
    check(
        DeliveryFilter {
            since_ms: Some(0),
            ..text("\"title\":\"beta")
        },
        &[3, 2],
    )
    .await;

    let paused = Health {
        state: HealthState::Paused,
        ..Health::default()
    };
    b.store.settle(&[], &[(one, paused)]).await.unwrap();
    check(state(DeliveryState::Held), &[4]).await;
    check(state(DeliveryState::Pending), &[3]).await;
    assert_eq!(b.state(p, d[4]).await, DeliveryState::Held);

    let page = b.store.deliveries(p, &all(), 0, 100).await.unwrap();
    let row = &page.data[4];
    assert_eq!(row.webhook, Some(one));
    assert_eq!(row.object, "tasks/1");
    assert_eq!(row.code, "task.created");
    assert_eq!(row.trigger, "event");
    assert_eq!(row.created_ms, START_MS);
    assert_eq!(row.attempts, 1);
    let last = row.last.as_ref().unwrap();
    assert_eq!((last.status, last.duration_ms), (Some(503), 7));
    assert_eq!(last.error.as_deref(), Some("overloaded"));
    let other = b.project("other").await;
    assert!(b.found(other, all()).await.is_empty());
}

/// Page by page, through what retention left, and after it left nothing.
async fn the_log_of_an_object(b: Bench) {
    let p = b.project("p").await;
    let hook = b.hook(p, "h").await;
    let about = |key: &str| DeliveryFilter {
        object: Some(key.to_owned()),
        ..DeliveryFilter::default()
    };
    let mut made = Vec::new();
    for turn in 0..6 {
        let docs = vec![
            task(1, &format!("one {turn}")),
            task(2, &format!("two {turn}")),
        ];
        made.extend(b.put(p, docs, &[hook]).await.deliveries);
        b.clock.advance(Duration::from_hours(1));
    }
    let of = |made: &[Queued], key: &str| {
        let own = made.iter().rev().filter(|q| q.message.object == key);
        own.map(|q| q.id).collect::<Vec<_>>()
    };
    let mut paged = Vec::new();
    let mut before = 0;
    loop {
        let page = b
            .store
            .deliveries(p, &about("tasks/1"), before, 2)
            .await
            .unwrap();
        paged.extend(page.data.iter().map(|d| d.id));
        match page.next {
            Some(next) => before = next,
            None => break,
        }
    }
    assert_eq!(paged, of(&made, "tasks/1"));

    // The oldest is parked and stays; those after it go.
    let accepted = || Some(attempt(Trigger::Event, Some(200), None));
    for queued in &made[1..] {
        b.settle(queued, accepted(), Then::Delivered).await;
    }
    b.settle(&made[0], None, Then::Parked).await;
    let few = Retention {
        max_rows: 3,
        ..Retention::default()
    };
    prune_all(&b, few).await;
    let left = [made[11].id, made[10].id, made[0].id];
    assert_eq!(b.found(p, DeliveryFilter::default()).await, left);
    assert_eq!(
        b.found(p, about("tasks/1")).await,
        [made[10].id, made[0].id]
    );
    assert_eq!(b.found(p, about("tasks/2")).await, [made[11].id]);

    b.clock.advance(Duration::from_hours(24 * 365));
    prune_all(&b, Retention::default()).await;
    assert!(b.found(p, DeliveryFilter::default()).await.is_empty());
    let next = b.put(p, vec![task(2, "again")], &[hook]).await.deliveries;
    assert!(b.found(p, about("tasks/1")).await.is_empty());
    assert_eq!(b.found(p, about("tasks/2")).await, [next[0].id]);
}

async fn the_log_of_an_event(b: Bench) {
    let p = b.project("p").await;
    let other = b.project("other").await;
    let (one, two) = (b.hook(p, "one").await, b.hook(p, "two").await);
    let gone = b.hook(p, "gone").await;
    let first = b
        .put(p, vec![task(1, "Alpha")], &[two, gone, one])
        .await
        .deliveries;
    b.put(p, vec![task(2, "Beta")], &[one]).await;
    let event = first[0].message.event.unwrap();
    let to = |webhook: WebhookId| first.iter().find(|d| d.webhook == webhook).unwrap();
    let mut refused = attempt(Trigger::Event, Some(503), Some("overloaded"));
    refused.started_at = "2023-11-14T22:13:21.500Z".into();
    let again = Then::Retry {
        due_ms: b.clock.now_ms() + 5_000,
        wait_ms: 5_000,
    };
    b.settle(to(two), Some(refused.clone()), again).await;
    refused.started_at = "2023-11-14T22:13:26.500Z".into();
    b.settle(to(two), Some(refused.clone()), again).await;
    b.store.delete_webhook(p, gone).await.unwrap();
    let ask = async |project, after, upto, limit| {
        let webhooks = (WebhookId(after), WebhookId(upto));
        let found = b
            .store
            .deliveries_of_event(project, event, webhooks, limit)
            .await;
        found.unwrap()
    };
    let ids = |found: &[crate::EventDelivery]| {
        let ids: Vec<DeliveryId> = found.iter().map(|d| d.summary.id).collect();
        ids
    };
    let all = ask(p, 0, i64::MAX, 100).await;
    assert_eq!(ids(&all), [to(one).id, to(two).id, to(gone).id]);
    assert_eq!((&all[0].last_at, &all[0].detail), (&None, &None));
    assert_eq!(all[1].last_at.as_deref(), Some("2023-11-14T22:13:26.500Z"));
    assert_eq!(all[1].detail, refused.error.map(|e| e.detail));
    assert_eq!(all[1].summary.attempts, 2);
    assert_eq!(all[2].summary.state, DeliveryState::Skipped);
    assert_eq!(ids(&ask(p, 0, i64::MAX, 2).await), ids(&all[..2]));
    assert_eq!(ids(&ask(p, one.0, two.0, 100).await), ids(&all[1..2]));
    assert!(ask(p, gone.0, i64::MAX, 100).await.is_empty());
    assert!(ask(other, 0, i64::MAX, 100).await.is_empty());
    tallied(&b, (p, other), event, [one, two, gone]).await;
}

/// Counts and names, also of what is deleted.
async fn tallied(
    b: &Bench,
    (p, other): (ProjectId, ProjectId),
    event: EventId,
    [one, two, gone]: [WebhookId; 3],
) {
    use DeliveryState::{Delivered, Held, Pending, Skipped};
    let count = async |project, events: &[EventId]| b.store.tally(project, events).await.unwrap();
    let counted = count(p, &[event]).await;
    assert_eq!(counted, [(event, Pending, 2), (event, Skipped, 1)]);
    assert_eq!(count(other, &[event]).await, []);
    assert_eq!(count(p, &[]).await, []);
    let waiting = b.store.pending(one, DeliveryId(0), 1).await.unwrap();
    b.settle(&waiting[0], None, Then::Delivered).await;
    let paused = Health {
        state: HealthState::Paused,
        ..Health::default()
    };
    b.store.settle(&[], &[(two, paused)]).await.unwrap();
    let later = waiting[0].message.event.map(|e| EventId(e.0 + 1));
    let counted = count(p, &[later.unwrap(), event]).await;
    let held = [(event, Held, 1), (event, Delivered, 1), (event, Skipped, 1)];
    let mut of_event: Vec<_> = counted.iter().filter(|c| c.0 == event).collect();
    of_event.sort_by_key(|(_, state, _)| held.iter().position(|h| h.1 == *state));
    assert_eq!(of_event, held.iter().collect::<Vec<_>>());
    assert!(counted.len() > held.len());
    let asked = [gone, one, WebhookId(9_999)];
    let names = b.store.webhook_names(p, &asked);
    let mut wanted = vec![(one, "one".to_owned()), (gone, "gone".to_owned())];
    wanted.sort();
    assert_eq!(names.await.unwrap(), wanted);
    let names = b.store.webhook_names(other, &asked);
    assert_eq!(names.await.unwrap(), []);
}

async fn tests_in_the_log(b: Bench) {
    let p = b.project("p").await;
    let hook = b.hook(p, "h").await;
    let mut sent = Vec::new();
    for (webhook, accepted) in [(None, false), (Some(hook), true), (None, true)] {
        let delivery = b.store.next_delivery_id().await.unwrap();
        let status = if accepted { 200 } else { 500 };
        let test = TestSend {
            project: p,
            webhook,
            delivery,
            dialect: "standard",
            code: "task.created",
            body: Bytes::from_static(b"{}"),
            object: "tasks/1".to_owned(),
            sequence: Some(1),
            title: "Task created (sample)".to_owned(),
            attempts: vec![attempt(Trigger::Test, Some(status), None)],
            accepted,
        };
        b.store.log_test(test).await.unwrap();
        sent.push(delivery);
    }
    assert!(sent[0] < sent[1]);
    let detail = b.store.delivery(p, sent[0]).await.unwrap().unwrap();
    assert_eq!(detail.summary.webhook, None);
    assert_eq!(detail.summary.event, None);
    assert_eq!(detail.summary.trigger, "test");
    assert_eq!(detail.attempts[0].number, 1);
    assert_eq!(b.state(p, sent[1]).await, DeliveryState::Delivered);
    let all = DeliveryFilter::default();
    assert_eq!(b.found(p, all.clone()).await, [sent[2], sent[1], sent[0]]);
    let failed = DeliveryFilter {
        state: Some(DeliveryState::Failed),
        ..all
    };
    assert_eq!(b.found(p, failed).await, [sent[0]]);
    let tested = DeliveryFilter {
        trigger: Some(Trigger::Test),
        ..DeliveryFilter::default()
    };
    assert_eq!(b.found(p, tested).await, [sent[2], sent[1], sent[0]]);
    let status = |status| DeliveryFilter {
        status: Some(status),
        ..DeliveryFilter::default()
    };
    assert_eq!(b.found(p, status(200)).await, [sent[2], sent[1]]);
    assert_eq!(b.found(p, status(500)).await, [sent[0]]);
    conflict(b.store.resend(p, sent[0]).await, "webhook_deleted");
    assert_eq!(b.pending(hook).await, []);
}

async fn people(b: Bench) {
    let p = b.project("p").await;
    let token = |project, hash: u8, kind| Token {
        id: TokenId(0),
        project,
        name: "ci".to_owned(),
        kind,
        hash: [hash; 32],
        hint: "tdg_ab".to_owned(),
        expires_at: Some("2030-01-01T00:00:00Z".to_owned()),
        created_at: "2023-11-14T22:13:20Z".to_owned(),
    };
    let admin = token(None, 1, TokenKind::Admin);
    let admin = b.store.create_token(admin).await.unwrap();
    let member = token(Some(p), 2, TokenKind::Member { member: 5 });
    let member = b.store.create_token(member).await.unwrap();
    assert!(member.id > admin.id);
    not_found(
        b.store
            .create_token(token(Some(ProjectId(9)), 3, TokenKind::App))
            .await,
    );
    let found = b.store.token_by_hash(&[2; 32]).await.unwrap();
    assert_eq!(found, Some(member.clone()));
    assert_eq!(b.store.token_by_hash(&[7; 32]).await.unwrap(), None);
    let page = b.store.tokens(Some(p), 0, 10).await.unwrap();
    assert_eq!(page.data, std::slice::from_ref(&member));
    let page = b.store.tokens(None, 0, 10).await.unwrap();
    assert_eq!(page.data, std::slice::from_ref(&admin));
    not_found(b.store.delete_token(None, member.id).await);
    b.store.delete_token(Some(p), member.id).await.unwrap();
    assert_eq!(b.store.token_by_hash(&[2; 32]).await.unwrap(), None);

    assert_eq!(b.store.document("settings").await.unwrap(), None);
    b.store.put_document("settings", "{}").await.unwrap();
    b.store.put_document("settings", "{\"a\":1}").await.unwrap();
    let kept = b.store.document("settings").await.unwrap();
    assert_eq!(kept.as_deref(), Some("{\"a\":1}"));
    b.store.check().await.unwrap();
}

async fn prune_all(b: &Bench, retention: Retention) -> (u64, u64) {
    let (mut removed, mut expired) = (0, 0);
    for _ in 0..100 {
        let step = b.store.prune(b.clock.now_ms(), retention, 2).await.unwrap();
        removed += step.removed;
        expired += step.expired;
        if !step.more {
            return (removed, expired);
        }
    }
    panic!("retention does not come to an end");
}

async fn retention(b: Bench) {
    let p = b.project("p").await;
    let hook = b.hook(p, "h").await;
    let docs: Vec<_> = (1..=6).map(|id| task(id, "old")).collect();
    let recorded = b.put(p, docs, &[hook]).await;
    let d = &recorded.deliveries;
    let keep = Retention::default();
    let accepted = || Some(attempt(Trigger::Event, Some(200), None));
    for queued in &d[..4] {
        b.settle(queued, accepted(), Then::Delivered).await;
    }
    b.settle(&d[4], None, Then::Parked).await;
    assert_eq!(prune_all(&b, keep).await, (0, 0), "all of it is young");

    let few = Retention {
        max_rows: 4,
        ..keep
    };
    prune_all(&b, few).await;
    let left = b.found(p, DeliveryFilter::default()).await;
    assert_eq!(
        left,
        [d[5].id, d[4].id, d[3].id, d[2].id],
        "the oldest settled go"
    );
    let tiny = Retention {
        max_bytes: 1,
        ..keep
    };
    prune_all(&b, tiny).await;
    let left = b.found(p, DeliveryFilter::default()).await;
    assert_eq!(
        left,
        [d[5].id, d[4].id],
        "what waits is never removed for room"
    );

    b.clock
        .advance(Duration::from_millis(u64::try_from(31 * DAY_MS).unwrap()));
    b.put(p, vec![task(1, "new").with("sequence", 2)], &[])
        .await;
    prune_all(&b, keep).await;
    let old = recorded.plan.events[0].event.id;
    assert!(
        b.store.event(p, old).await.unwrap().is_none(),
        "old events go"
    );
    let left = b.found(p, DeliveryFilter::default()).await;
    assert_eq!(left, [d[5].id, d[4].id], "parked and pending stay");
    let now = b.see(p, AsOf::Now, |s| s.all(Collection::Tasks).len());
    assert_eq!(now.await, 6, "objects are no log");

    let paused = Health {
        state: HealthState::Paused,
        ..Health::default()
    };
    b.store.settle(&[], &[(hook, paused)]).await.unwrap();
    b.clock
        .advance(Duration::from_millis(u64::try_from(60 * DAY_MS).unwrap()));
    let (_, expired) = prune_all(&b, Retention { days: 365, ..keep }).await;
    assert_eq!(expired, 2, "held and parked for 90 days");
    assert_eq!(b.state(p, d[4].id).await, DeliveryState::Expired);
    assert_eq!(b.state(p, d[5].id).await, DeliveryState::Expired);
    assert_eq!(b.pending(hook).await, []);
    prune_all(&b, keep).await;
    assert!(b.found(p, DeliveryFilter::default()).await.is_empty());
}

async fn deleting_a_project(b: Bench) {
    let (p, q) = (b.project("p").await, b.project("q").await);
    let (hook, other) = (b.hook(p, "h").await, b.hook(q, "h").await);
    let recorded = b.put(p, vec![task(1, "a")], &[hook]).await;
    b.put(q, vec![task(1, "a")], &[other]).await;
    b.store.delete_project(p).await.unwrap();
    not_found(b.store.delete_project(p).await);
    assert!(b.store.project("p").await.unwrap().is_none());
    assert_eq!(b.pending(hook).await, []);
    assert_eq!(
        b.pending(other).await.len(),
        1,
        "the other one is untouched"
    );
    assert_eq!(b.store.lanes().await.unwrap().len(), 1);
    let gone = b
        .store
        .delivery(p, recorded.deliveries[0].id)
        .await
        .unwrap();
    assert!(gone.is_none());
    let told = recorded.plan.events[0].event.id;
    not_found(b.store.event(p, told).await);
    not_found(b.store.activities(p, 0, 10).await);
    let again = b.project("P").await;
    assert_eq!(again, ProjectId(3), "the key is free, the id is not");
    let key = ObjectRef::new(Collection::Tasks, 1);
    assert!(b.see(again, AsOf::Now, |s| s.get(key)).await.is_none());
}
