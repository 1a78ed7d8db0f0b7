//! What a chapter works with: a store, its clock and its listener, and short ways to make things.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use tidings_domain::delivery::{DeliveryState, Trigger};
use tidings_domain::webhook::{Health, Webhook};
use tidings_domain::{
    Change, Clock, Collection, DeliveryId, Doc, Event, EventId, Fault, Headers, Project, ProjectId,
    Time, Verb, WebhookId, What,
};

use crate::{
    AsOf, Attempt, AttemptError, AttemptResponse, CommitListener, DeliveryFilter, EventIds,
    NewMessage, Plan, Queued, Recorded, RecordedEvent, Settlement, Snapshot, Store, StoreError,
    Then, Write, WriteWhat,
};

pub(super) const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// A clock that the suite sets.
#[derive(Debug)]
pub struct ManualClock(Mutex<Duration>);

/// When a [`ManualClock`] starts.
pub(super) const START_MS: i64 = 1_700_000_000_000;

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

    pub(super) fn now_ms(&self) -> i64 {
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

pub(super) fn task(id: i64, title: &str) -> Doc {
    Doc::empty(Collection::Tasks)
        .with("id", id)
        .with("sequence", 1)
        .with("number", id)
        .with("rank", id * 10)
        .with("title", title)
        .with("status", "Open")
}

pub(super) fn webhook(id: WebhookId, project: ProjectId, name: &str) -> Webhook {
    Webhook {
        name: name.to_owned(),
        url: "https://example.com/hook".to_owned(),
        dialect: "standard".to_owned(),
        ..Webhook::new(id, project, "2023-11-14T22:13:20Z")
    }
}

pub(super) fn attempt(trigger: Trigger, status: Option<u16>, error: Option<&str>) -> Attempt {
    let accepted = status.is_some_and(|s| (200..300).contains(&s));
    Attempt {
        number: 0,
        trigger: trigger.as_str().into(),
        started_at: "2023-11-14T22:13:20.000Z".to_owned(),
        duration_ms: 7,
        outcome: match (accepted, status) {
            (true, _) => "accepted".into(),
            (false, Some(_)) => "rejected".into(),
            (false, None) => "unreachable".into(),
        },
        status,
        error: error.map(|code| AttemptError {
            code: code.to_owned(),
            detail: format!("because of {code}"),
        }),
        url: "https://example.com/hook".into(),
        request_headers: Headers::from_iter([("content-type", "application/json")]),
        response: status.map(|_| AttemptResponse {
            headers: Headers::default(),
            body: "answer".to_owned(),
            truncated: false,
        }),
        timings_us: [None, Some(1), None, Some(2)],
        remote: Some(([192, 0, 2, 1], 443).into()),
    }
}

pub(super) fn settlement(queued: &Queued, attempt: Option<Attempt>, then: Then) -> Settlement {
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

pub(super) fn event(id: EventId, project: ProjectId, change: Change) -> RecordedEvent {
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
    pub(super) async fn project(&self, key: &str) -> ProjectId {
        let project = Project::new(ProjectId(0), key, key, "2023-11-14T22:13:20Z");
        self.store.create_project(project).await.unwrap().id
    }

    pub(super) async fn hook(&self, project: ProjectId, name: &str) -> WebhookId {
        let id = self.store.next_webhook_id().await.unwrap();
        let made = self
            .store
            .create_webhook(webhook(id, project, name), Health::default())
            .await;
        made.unwrap().id
    }

    /// Puts objects, each with an event and, if there are webhooks, a message in the queue of the object.
    pub(super) async fn put(
        &self,
        project: ProjectId,
        docs: Vec<Doc>,
        webhooks: &[WebhookId],
    ) -> Recorded {
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

    pub(super) async fn write(&self, project: ProjectId, what: WriteWhat) -> EventId {
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

    pub(super) async fn see<T: Send>(
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

    pub(super) async fn settle(&self, queued: &Queued, attempt: Option<Attempt>, then: Then) {
        let settlements = vec![settlement(queued, attempt, then)];
        self.store.settle(&settlements, &[]).await.unwrap();
    }

    pub(super) async fn pending(&self, webhook: WebhookId) -> Vec<DeliveryId> {
        let after = DeliveryId(0);
        let queue = self.store.pending(webhook, after, 1000).await.unwrap();
        queue.iter().map(|q| q.id).collect()
    }

    pub(super) async fn state(&self, project: ProjectId, delivery: DeliveryId) -> DeliveryState {
        let detail = self.store.delivery(project, delivery).await.unwrap();
        detail.unwrap().summary.state
    }

    pub(super) async fn found(
        &self,
        project: ProjectId,
        filter: DeliveryFilter,
    ) -> Vec<DeliveryId> {
        let page = self.store.deliveries(project, &filter, 0, 100).await;
        page.unwrap().data.iter().map(|d| d.id).collect()
    }
}

pub(super) fn message(
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

pub(super) fn conflict<T: std::fmt::Debug>(result: Result<T, StoreError>, with: &str) {
    match result {
        Err(StoreError::Conflict(what)) => assert_eq!(what, with),
        other => panic!("expected Conflict({with:?}), got {other:?}"),
    }
}

pub(super) fn not_found<T: std::fmt::Debug>(result: Result<T, StoreError>) {
    assert!(
        matches!(result, Err(StoreError::NotFound)),
        "expected NotFound, got {result:?}"
    );
}
