//! Makes a database with a long log, through the store as a server uses it: for the benchmark (`cargo xtask bench w7`).
//!
//! `fill PATH ATTEMPTS SECONDS AGO` makes the file, with so many attempts spread evenly over so many seconds, the last one so many
//! seconds ago. Nine of ten are in the project `LOG`, the rest in `OTHER`; each has ten webhooks. Nothing waits at the end.
#![expect(
    clippy::print_stdout,
    reason = "a command line tool talks on standard output"
)]

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tidings_domain::delivery::Trigger;
use tidings_domain::webhook::{Health, Webhook};
use tidings_domain::{
    Change, Clock, Collection, Doc, Event, EventId, Fault, FieldChange, Headers, ObjectRef,
    Project, ProjectId, Time, Verb, WebhookId, What,
};
use tidings_sqlite::SqliteStore;
use tidings_storage::{
    Attempt, AttemptError, AttemptResponse, CommitListener, EventIds, NewMessage, Plan, Queued,
    RecordedEvent, Settlement, Snapshot, Store, TestSend, Then, Write, WriteWhat,
};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Webhooks of a project.
const WEBHOOKS: usize = 10;
/// Objects of a project; each hand changes those of its own share.
const OBJECTS: i64 = 6_000;
/// Who works at once: while the store writes for one, the others prepare.
const HANDS: i64 = 3;
/// Changes in one request.
const CHANGES: i64 = 100;
/// About as long as the bodies of the other workloads.
const BODY: usize = 1024;
/// One request of so many goes to the small project.
const OTHER_EVERY: u64 = 10;

/// A clock that goes as the work does.
struct Past {
    start_ms: i64,
    passed_us: AtomicU64,
}

impl Clock for Past {
    fn wall(&self) -> Time {
        let passed = i64::try_from(self.monotonic().as_millis()).unwrap_or_default();
        Time::from_millisecond(self.start_ms + passed).unwrap_or_default()
    }

    fn monotonic(&self) -> Duration {
        Duration::from_micros(self.passed_us.load(Ordering::Relaxed))
    }
}

/// Nobody sends: what is recorded is settled here.
struct Deaf;

impl CommitListener for Deaf {
    fn committed(&self, _: &[Queued]) {}
}

struct Work {
    store: SqliteStore,
    clock: Arc<Past>,
    projects: Vec<(ProjectId, Vec<WebhookId>)>,
    wanted: u64,
    /// How much time passes with each request, in microseconds.
    pace: u64,
    attempts: AtomicU64,
    deliveries: AtomicU64,
}

#[tokio::main]
async fn main() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [path, attempts, seconds, ago] = words.as_slice() else {
        return Err("usage: fill PATH ATTEMPTS SECONDS AGO".into());
    };
    let (wanted, seconds, ago): (u64, u64, u64) =
        (attempts.parse()?, seconds.parse()?, ago.parse()?);
    let started = Instant::now();
    let work = Arc::new(Work::begin(Path::new(path), wanted, seconds, ago).await?);
    let hands: Vec<_> = (0..HANDS)
        .map(|hand| tokio::spawn(Arc::clone(&work).fill(hand)))
        .collect();
    for hand in hands {
        hand.await??;
    }
    println!(
        "{{\"attempts\":{},\"deliveries\":{},\"seconds\":{:.1}}}",
        work.attempts.load(Ordering::Relaxed),
        work.deliveries.load(Ordering::Relaxed),
        started.elapsed().as_secs_f64()
    );
    Ok(())
}

#[expect(
    clippy::disallowed_methods,
    reason = "no part of the product: the log must end now"
)]
fn now_ms() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |d| i64::try_from(d.as_millis()).unwrap_or_default())
}

impl Work {
    async fn begin(path: &Path, wanted: u64, seconds: u64, ago: u64) -> Result<Self> {
        let clock = Arc::new(Past {
            start_ms: now_ms() - i64::try_from((seconds + ago) * 1000)?,
            passed_us: AtomicU64::new(0),
        });
        let as_clock: Arc<dyn Clock> = clock.clone();
        let store = SqliteStore::open(path, as_clock, Arc::new(Deaf))?;
        let mut projects = Vec::new();
        for key in ["LOG", "OTHER"] {
            let project = Project::new(ProjectId(0), key, key, &clock.wall().to_string());
            let project = store.create_project(project).await?.id;
            let mut webhooks = Vec::new();
            for n in 0..WEBHOOKS {
                let id = store.next_webhook_id().await?;
                let webhook = webhook(id, project, n, &clock);
                store.create_webhook(webhook, Health::default()).await?;
                webhooks.push(id);
            }
            projects.push((project, webhooks));
        }
        let requests = wanted / (u64::try_from(CHANGES)? * WEBHOOKS as u64);
        Ok(Self {
            store,
            clock,
            projects,
            wanted,
            pace: seconds * 1_000_000 / requests.max(1),
            attempts: AtomicU64::new(0),
            deliveries: AtomicU64::new(0),
        })
    }

    async fn fill(self: Arc<Self>, hand: i64) -> Result<()> {
        let mut turn = 0;
        while self.attempts.load(Ordering::Relaxed) < self.wanted {
            let other = turn % OTHER_EVERY == OTHER_EVERY - 1;
            let (project, webhooks) = self.projects.get(usize::from(other)).ok_or("no project")?;
            let recorded = self.record(*project, webhooks, hand, turn).await?;
            let mut settlements = Vec::new();
            for queued in &recorded {
                let number = self.deliveries.fetch_add(1, Ordering::Relaxed);
                self.fate(queued, number, &mut settlements);
            }
            let made = settlements.iter().filter(|s| s.attempt.is_some()).count();
            self.attempts.fetch_add(made as u64, Ordering::Relaxed);
            self.store.settle(&settlements, &[]).await?;
            if turn % 1000 == 500 {
                self.test(*project, webhooks).await?;
            }
            self.clock.passed_us.fetch_add(self.pace, Ordering::Relaxed);
            turn += 1;
        }
        Ok(())
    }

    /// Changes the titles of some objects of this hand's share.
    async fn record(
        &self,
        project: ProjectId,
        webhooks: &[WebhookId],
        hand: i64,
        turn: u64,
    ) -> Result<Vec<Queued>> {
        let share = OBJECTS / HANDS;
        let turn = i64::try_from(turn)?;
        let ids: Vec<i64> = (0..CHANGES)
            .map(|n| 1 + hand * share + (turn * CHANGES + n) % share)
            .collect();
        let now = self.clock.wall();
        let planner = Box::new(|states: &[&dyn Snapshot], ids_of: &mut dyn EventIds| {
            let mut plan = Plan::default();
            for id in &ids {
                let key = ObjectRef::new(collection(*id), *id);
                let before = states.first().and_then(|s| s.get(key));
                add(
                    &mut plan,
                    project,
                    webhooks,
                    before,
                    (key, now, turn),
                    ids_of.next(),
                );
            }
            std::result::Result::<Plan, Fault>::Ok(plan)
        });
        Ok(self.store.record(&[project], planner).await?.deliveries)
    }

    /// What becomes of a delivery: nearly always accepted at once.
    fn fate(&self, queued: &Queued, number: u64, out: &mut Vec<Settlement>) {
        let status = if queued.webhook.0 % 5 == 1 { 200 } else { 204 };
        let mut add = |attempt: Option<Attempt>, then| {
            out.push(Settlement {
                delivery: queued.id,
                webhook: queued.webhook,
                tries: u32::from(attempt.is_some()),
                first_try_ms: Some(self.clock.wall().as_millisecond()),
                attempt,
                then,
                late: false,
            });
        };
        let retry = Then::Retry {
            due_ms: 0,
            wait_ms: 5000,
        };
        let tried = |trigger, status| Some(self.attempt(queued, trigger, status));
        match number % 1000 {
            // Parked and skipped ones were never tried.
            2 => add(None, Then::Parked),
            3 if number % 5000 == 3 => add(None, Then::Skipped),
            4..8 => {
                add(tried(Trigger::Event, Some(500)), retry);
                add(tried(Trigger::Retry, Some(500)), Then::Failed);
            }
            8..16 => {
                add(tried(Trigger::Event, Some(503)), retry);
                add(tried(Trigger::Probe, Some(status)), Then::Delivered);
            }
            16..20 => {
                add(tried(Trigger::Event, None), Then::AsItIs);
                add(tried(Trigger::Reconnect, Some(status)), Then::Delivered);
            }
            _ => add(tried(Trigger::Event, Some(status)), Then::Delivered),
        }
    }

    fn attempt(&self, queued: &Queued, trigger: Trigger, status: Option<u16>) -> Attempt {
        let accepted = status.is_some_and(|s| s < 300);
        let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        Attempt {
            number: 0,
            trigger: trigger.as_str().into(),
            started_at: self.clock.wall().to_string(),
            duration_ms: 3,
            outcome: match status {
                Some(_) if accepted => "accepted".into(),
                Some(_) => "rejected".into(),
                None => "unreachable".into(),
            },
            status,
            error: (!accepted).then(|| AttemptError {
                code: if status.is_some() {
                    "status"
                } else {
                    "connect_reset"
                }
                .to_owned(),
                detail: "the receiver did not accept it".to_owned(),
            }),
            url: "http://127.0.0.1:1/dead".into(),
            request_headers: Headers::from_iter([
                header("content-type", "application/json"),
                header("user-agent", "Tidings/0.1.0"),
                header("webhook-id", &queued.id.to_string()),
                header("webhook-timestamp", "1700000000"),
                header("webhook-signature", "v1,(masked)"),
                header("x-tidings-event", &queued.message.code),
                header("x-tidings-object", &queued.message.object),
                header("content-length", "1024"),
            ]),
            response: status.map(|_| AttemptResponse {
                headers: Headers::from_iter([header("date", "Tue, 14 Nov 2023 22:13:20 GMT")]),
                body: String::new(),
                truncated: false,
            }),
            timings_us: [None, None, None, Some(900)],
            remote: Some(([127, 0, 0, 1], 1).into()),
        }
    }

    async fn test(&self, project: ProjectId, webhooks: &[WebhookId]) -> Result<()> {
        let test = TestSend {
            project,
            webhook: webhooks.first().copied(),
            delivery: self.store.next_delivery_id().await?,
            dialect: "standard",
            code: "story.created",
            body: Bytes::from_static(b"{}"),
            object: "stories/1".to_owned(),
            sequence: Some(1),
            title: "Task created (sample)".to_owned(),
            attempts: Vec::new(),
            accepted: true,
        };
        Ok(self.store.log_test(test).await?)
    }
}

fn webhook(id: WebhookId, project: ProjectId, n: usize, clock: &Past) -> Webhook {
    let now = clock.wall().to_string();
    Webhook {
        name: format!("w{n}"),
        url: "http://127.0.0.1:1/dead".to_owned(),
        dialect: "standard".to_owned(),
        ..Webhook::new(id, project, now)
    }
}

/// Ids are those of items, which share one series.
fn collection(id: i64) -> Collection {
    match id % 4 {
        0 => Collection::Stories,
        1 => Collection::Defects,
        _ => Collection::Tasks,
    }
}

fn codes(collection: Collection) -> [&'static str; 2] {
    match collection {
        Collection::Stories => ["story.created", "story.updated"],
        Collection::Defects => ["defect.created", "defect.updated"],
        _ => ["task.created", "task.updated"],
    }
}

/// Adds the change of one object, with its event and its message.
fn add(
    plan: &mut Plan,
    project: ProjectId,
    webhooks: &[WebhookId],
    before: Option<Arc<Doc>>,
    (key, now, turn): (ObjectRef, Time, i64),
    event: EventId,
) {
    let title = format!("Turn {turn} of {key}");
    let new = || {
        Doc::empty(key.collection)
            .with("id", key.id)
            .with("number", key.id)
            .with("rank", key.id)
            .with("status", "Open")
            .with("created_at", now.to_string())
    };
    let sequence = before.as_ref().map_or(1, |b| b.sequence() + 1);
    let doc = before.as_deref().cloned().unwrap_or_else(new);
    let doc = Arc::new(
        doc.with("title", title.as_str())
            .with("sequence", sequence)
            .with("updated_at", now.to_string()),
    );
    let created = before.is_none();
    let changes = before.as_ref().map(|before| FieldChange {
        member: "title".into(),
        old: before.text("title").into(),
        new: title.as_str().into(),
    });
    let verb = if created {
        Verb::Created
    } else {
        Verb::Updated
    };
    let change = Change {
        before,
        changes: changes.into_iter().collect(),
        ..Change::plain(verb, Arc::clone(&doc))
    };
    plan.events.push(RecordedEvent {
        event: Arc::new(Event {
            id: event,
            project,
            at: now,
            actor: None,
            what: What::Change(change),
        }),
        listed: true,
    });
    let [first, later] = codes(key.collection);
    let mut body = format!("{{\"title\":\"{title}\",\"fill\":\"");
    body.extend(std::iter::repeat_n(
        'x',
        BODY.saturating_sub(body.len() + 2),
    ));
    body.push_str("\"}");
    plan.messages.push(NewMessage {
        project,
        event,
        dialect: "standard",
        code: if created { first } else { later },
        body: Bytes::from(body),
        object: key.to_string(),
        sequence: Some(sequence),
        roots: vec![key],
        title,
        webhooks: webhooks.to_vec(),
    });
    plan.writes.push(Write {
        project,
        version: event,
        what: WriteWhat::Put(doc),
    });
}
