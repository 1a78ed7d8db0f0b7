//! A world for the engine: a clock that tokio's paused time drives, receivers that follow a script, a store in memory that can
//! crash. Single-threaded and without any outside input, so that the same script always gives the same run.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use tidings_delivery::{Engine, Keyring, Parts, SealedFor, Settings, hints};
use tidings_domain::webhook::{Health, Sealed, Webhook};
use tidings_domain::{
    Clock, Collection, DeliveryId, Entropy, Event, ObjectRef, Project, ProjectId, Time, WebhookId,
    What,
};
use tidings_egress::Transport;
use tidings_storage::{
    DeliveryDetail, MemoryStore, NewMessage, Plan, RecordedEvent, Snapshot, Store,
};
use tokio::time::Instant;

use crate::transport::Life;
pub(crate) use crate::transport::{Act, Receivers, Seen};

/// The project of every world.
pub(crate) const PROJECT: ProjectId = ProjectId(1);

/// Follows tokio's time; the wall clock can be stepped.
pub(crate) struct TestClock {
    began: Instant,
    step_ms: AtomicI64,
}

impl TestClock {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            began: Instant::now(),
            step_ms: AtomicI64::new(0),
        })
    }

    /// Steps the wall clock.
    pub(crate) fn step(&self, ms: i64) {
        self.step_ms.fetch_add(ms, Ordering::Relaxed);
    }
}

impl Clock for TestClock {
    fn wall(&self) -> Time {
        let base: Time = "2026-01-01T00:00:00Z".parse().unwrap();
        let running = i64::try_from(self.began.elapsed().as_millis()).unwrap();
        let ms = base.as_millisecond() + running + self.step_ms.load(Ordering::Relaxed);
        Time::from_millisecond(ms).unwrap()
    }

    fn monotonic(&self) -> Duration {
        self.began.elapsed()
    }
}

/// A seeded generator (SplitMix64).
pub(crate) struct Seed(AtomicU64);

impl Seed {
    pub(crate) fn new(seed: u64) -> Arc<Self> {
        Arc::new(Self(AtomicU64::new(seed)))
    }

    pub(crate) fn next(&self) -> u64 {
        let step = 0x9e37_79b9_7f4a_7c15;
        let mut z = self.0.fetch_add(step, Ordering::Relaxed).wrapping_add(step);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

impl Seed {
    /// A number below `n`.
    pub(crate) fn below(&self, n: u64) -> u64 {
        self.next() % n.max(1)
    }

    /// An index below `n`.
    pub(crate) fn pick(&self, n: usize) -> usize {
        usize::try_from(self.below(n as u64)).unwrap()
    }

    /// Yes, once in `n` times; never for 0.
    pub(crate) fn once_in(&self, n: u64) -> bool {
        n > 0 && self.below(n) == 0
    }

    /// Another generator.
    pub(crate) fn fork(&self) -> Arc<Seed> {
        Seed::new(self.next())
    }
}

impl Entropy for Seed {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let random = self.next().to_le_bytes();
            chunk.copy_from_slice(&random[..chunk.len()]);
        }
    }
}

/// Secrets are not sealed in tests.
pub(crate) struct OpenKeyring;

impl Keyring for OpenKeyring {
    fn open(&self, sealed: &Sealed, _: SealedFor, _: WebhookId) -> Option<Vec<u8>> {
        Some(sealed.0.clone())
    }
}

/// Everything together.
pub(crate) struct World {
    pub(crate) clock: Arc<TestClock>,
    pub(crate) seed: Arc<Seed>,
    pub(crate) receivers: Arc<Receivers>,
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) engine: Engine,
    life: Arc<Life>,
    pub(crate) settings: Settings,
}

impl World {
    /// A server that has just started on an empty store with one project.
    pub(crate) async fn new(seed: u64) -> Self {
        Self::with(seed, Settings::default()).await
    }

    pub(crate) async fn with(seed: u64, settings: Settings) -> Self {
        Self::behind(seed, settings, |store| store).await
    }

    /// With something between the engine and the store.
    pub(crate) async fn behind(
        seed: u64,
        settings: Settings,
        between: impl FnOnce(Arc<dyn Store>) -> Arc<dyn Store>,
    ) -> Self {
        let clock = TestClock::new();
        let seed = Seed::new(seed);
        let receivers = Receivers::new(Arc::clone(&clock));
        let (hints, inbox) = hints();
        let store = Arc::new(MemoryStore::new(
            Arc::clone(&clock) as Arc<dyn Clock>,
            Arc::new(hints),
        ));
        let project = Project::new(PROJECT, "demo", "Demo", "2026-01-01T00:00:00Z");
        store.create_project(project).await.unwrap();
        let life = Life::new(&receivers, 0);
        let engine = Engine::start(Parts {
            store: between(Arc::clone(&store) as Arc<dyn Store>),
            transport: Arc::clone(&life) as Arc<dyn Transport>,
            keyring: Arc::new(OpenKeyring),
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            entropy: Arc::clone(&seed) as Arc<dyn Entropy>,
            settings: settings.clone(),
            inbox,
        })
        .await
        .unwrap();
        Self {
            clock,
            seed,
            receivers,
            store,
            engine,
            life,
            settings,
        }
    }

    /// The process dies and starts again on what the store has. Requests that were open are cut off for the receivers too.
    pub(crate) async fn crash(&mut self) {
        self.life.end();
        self.engine.abort();
        let (hints, inbox) = hints();
        let clock = Arc::clone(&self.clock) as Arc<dyn Clock>;
        self.store = Arc::new(self.store.crash(clock, Arc::new(hints)));
        self.restart(inbox).await;
    }

    /// The process stops in order and starts again.
    pub(crate) async fn stop_and_start(&mut self, grace: Duration) {
        self.engine.shutdown(grace).await;
        self.crash().await;
    }

    async fn restart(&mut self, inbox: tidings_delivery::Inbox) {
        self.life = Life::new(&self.receivers, 0);
        self.engine = Engine::start(Parts {
            store: Arc::clone(&self.store) as Arc<dyn Store>,
            transport: Arc::clone(&self.life) as Arc<dyn Transport>,
            keyring: Arc::new(OpenKeyring),
            clock: Arc::clone(&self.clock) as Arc<dyn Clock>,
            entropy: Arc::clone(&self.seed) as Arc<dyn Entropy>,
            settings: self.settings.clone(),
            inbox,
        })
        .await
        .unwrap();
    }

    /// A webhook for `http://{host}/`.
    pub(crate) async fn webhook(&self, host: &str) -> WebhookId {
        self.webhook_with(host, |_| {}).await
    }

    pub(crate) async fn webhook_with(
        &self,
        host: &str,
        edit: impl FnOnce(&mut Webhook),
    ) -> WebhookId {
        let id = self.store.next_webhook_id().await.unwrap();
        let mut webhook = Webhook {
            name: host.to_owned(),
            url: format!("http://{host}/hook?secret=1"),
            dialect: "standard".to_owned(),
            ..Webhook::new(id, PROJECT, "2026-01-01T00:00:00Z")
        };
        edit(&mut webhook);
        let webhook = self
            .store
            .create_webhook(webhook, Health::default())
            .await
            .unwrap();
        self.engine.webhook_saved(webhook, false).await;
        self.settle().await;
        id
    }

    /// Edits a webhook as the API would.
    pub(crate) async fn edit(&self, id: WebhookId, edit: impl FnOnce(&mut Webhook)) {
        let (stored, _, _) = self.store.webhook(PROJECT, id).await.unwrap().unwrap();
        let mut webhook = (*stored).clone();
        edit(&mut webhook);
        webhook.version += 1;
        let url_changed = webhook.url != stored.url;
        let webhook = self.store.update_webhook(webhook).await.unwrap();
        self.engine.webhook_saved(webhook, url_changed).await;
    }

    /// Records a message about a task for webhooks; the deliveries' ids.
    pub(crate) async fn send(&self, task: i64, webhooks: &[WebhookId]) -> Vec<DeliveryId> {
        self.send_about(&[task], webhooks).await
    }

    /// Records a message about several tasks.
    pub(crate) async fn send_about(
        &self,
        tasks: &[i64],
        webhooks: &[WebhookId],
    ) -> Vec<DeliveryId> {
        self.try_send(tasks, webhooks).await.unwrap()
    }

    /// The same where the store may refuse.
    pub(crate) async fn try_send(
        &self,
        tasks: &[i64],
        webhooks: &[WebhookId],
    ) -> Option<Vec<DeliveryId>> {
        let roots: Vec<ObjectRef> = tasks
            .iter()
            .map(|t| ObjectRef::new(Collection::Tasks, *t))
            .collect();
        let at = self.clock.wall();
        let planner = move |snapshots: &[&dyn Snapshot],
                            ids: &mut dyn tidings_storage::EventIds| {
            let id = ids.next();
            let wanted = snapshots[0].webhooks();
            let webhooks = wanted
                .iter()
                .filter(|w| w.enabled && webhooks.contains(&w.id))
                .map(|w| w.id)
                .collect();
            let event = Event {
                id,
                project: PROJECT,
                at,
                actor: None,
                what: What::Bulk(tidings_domain::event::Bulk {
                    changes: Vec::new(),
                    objects: Vec::new(),
                    set: Vec::new(),
                    comment: None,
                }),
            };
            Ok(Plan {
                events: vec![RecordedEvent {
                    event: Arc::new(event),
                    listed: false,
                }],
                messages: vec![NewMessage {
                    project: PROJECT,
                    event: id,
                    dialect: "standard",
                    code: "task.updated",
                    body: Bytes::from(format!("{{\"event\":{id},\"tasks\":{tasks:?}}}")),
                    object: roots[0].to_string(),
                    sequence: Some(id.0),
                    roots: roots.clone(),
                    title: String::new(),
                    webhooks,
                }],
                ..Plan::default()
            })
        };
        let recorded = self.store.record(&[PROJECT], Box::new(planner)).await;
        let deliveries = recorded.ok()?.deliveries;
        Some(deliveries.iter().map(|d| d.id).collect())
    }

    /// Lets time pass.
    pub(crate) async fn pass(&self, seconds: u64) {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
        self.settle().await;
    }

    /// Lets everything happen that needs no time.
    pub(crate) async fn settle(&self) {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }

    pub(crate) async fn delivery(&self, id: DeliveryId) -> DeliveryDetail {
        self.store.delivery(PROJECT, id).await.unwrap().unwrap()
    }

    pub(crate) async fn state(&self, id: DeliveryId) -> &'static str {
        self.delivery(id).await.summary.state.as_str()
    }

    pub(crate) async fn stored(&self, id: WebhookId) -> (Arc<Webhook>, Health) {
        let stored = self.store.webhook(PROJECT, id).await.unwrap().unwrap();
        (stored.0, stored.1)
    }

    pub(crate) fn health(&self, id: WebhookId) -> Health {
        self.engine.health(id).unwrap()
    }
}

/// Seconds at which requests began, rounded.
pub(crate) fn times(seen: &[Seen]) -> Vec<u64> {
    seen.iter()
        .map(|s| (s.at + Duration::from_millis(500)).as_secs())
        .collect()
}

/// The triggers of a delivery's attempts.
pub(crate) fn triggers(detail: &DeliveryDetail) -> Vec<&str> {
    detail.attempts.iter().map(|a| &*a.trigger).collect()
}
