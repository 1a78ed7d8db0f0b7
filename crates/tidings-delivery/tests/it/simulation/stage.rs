//! The stage of a run: what outlives the server's process (disk, clock, receivers) and the process of the moment.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use tidings_delivery::{Engine, Hints, Parts, Settings, hints};
use tidings_domain::{
    Clock, DeliveryId, Entropy, EventId, ObjectRef, Project, ProjectId, WebhookId,
};
use tidings_egress::Transport;
use tidings_storage::gated::Gated;
use tidings_storage::{CommitListener, MemoryStore, Queued, Store};

use super::faults::{Faults, LifeGate};
use crate::transport::{Life, Receivers};
use crate::world::{OpenKeyring, Seed, TestClock};

/// The projects of every run: nobody touches the first, people switch the second off and on.
pub(crate) const PROJECTS: [ProjectId; 2] = [ProjectId(1), ProjectId(2)];

/// A delivery, as it was when it was committed.
#[derive(Clone, Debug)]
pub(crate) struct Made {
    pub(crate) hook: WebhookId,
    pub(crate) roots: Vec<ObjectRef>,
    pub(crate) body: Bytes,
    pub(crate) event: Option<EventId>,
    pub(crate) code: String,
    pub(crate) at: Duration,
}

/// Everything that was ever committed, written down at the moment of the commit.
pub(crate) struct Ledger {
    receivers: Arc<Receivers>,
    made: Mutex<BTreeMap<DeliveryId, Made>>,
}

impl Ledger {
    pub(crate) fn made(&self) -> BTreeMap<DeliveryId, Made> {
        self.made.lock().clone()
    }

    pub(crate) fn len(&self) -> usize {
        self.made.lock().len()
    }

    /// One of them; the number counts from the first.
    pub(crate) fn pick(&self, number: usize) -> Option<DeliveryId> {
        self.made.lock().keys().nth(number).copied()
    }

    /// The root items of a delivery, and when it was committed.
    pub(crate) fn look_up(&self, id: DeliveryId) -> Option<Made> {
        self.made.lock().get(&id).cloned()
    }
}

/// Writes down what is committed and passes it on to the engine.
struct Ear {
    ledger: Arc<Ledger>,
    hints: Hints,
}

impl CommitListener for Ear {
    fn committed(&self, deliveries: &[Queued]) {
        let at = self.ledger.receivers.now();
        let mut made = self.ledger.made.lock();
        for queued in deliveries {
            let new = Made {
                hook: queued.webhook,
                roots: queued.message.roots.clone(),
                body: queued.message.body.clone(),
                event: queued.message.event,
                code: queued.message.code.to_string(),
                at,
            };
            assert!(
                made.insert(queued.id, new).is_none(),
                "{} came twice",
                queued.id
            );
        }
        drop(made);
        self.hints.committed(deliveries);
    }
}

/// How a life of the server ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// It died: what was not written is forgotten.
    Crash,
    /// It stopped in order, and everything was written.
    Stop,
}

/// A running process.
pub(crate) struct Server {
    pub(crate) engine: Engine,
    /// The store as the process reaches it.
    pub(crate) store: Arc<dyn Store>,
    life: Arc<Life>,
    stops: AtomicBool,
}

impl Server {
    /// Whether it is dead or about to stop: then nobody is told anything.
    pub(crate) fn ends(&self) -> bool {
        self.life.is_over() || self.stops.load(Ordering::Relaxed)
    }
}

/// What outlives the process, and the process of the moment.
pub(crate) struct Stage {
    pub(crate) clock: Arc<TestClock>,
    pub(crate) receivers: Arc<Receivers>,
    pub(crate) faults: Arc<Faults>,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) settings: RefCell<Settings>,
    entropy: Arc<Seed>,
    disk: RefCell<Arc<MemoryStore>>,
    server: RefCell<Option<Arc<Server>>>,
    /// How the lives before this one ended.
    pub(crate) ends: RefCell<Vec<End>>,
}

impl Stage {
    /// Everything but a running server.
    pub(crate) async fn new(chance: &Seed, settings: Settings) -> Self {
        let clock = TestClock::new();
        let receivers = Receivers::new(Arc::clone(&clock));
        let ledger = Arc::new(Ledger {
            receivers: Arc::clone(&receivers),
            made: Mutex::default(),
        });
        let ear = Ear {
            ledger: Arc::clone(&ledger),
            hints: hints().0,
        };
        let disk = MemoryStore::new(Arc::clone(&clock) as Arc<dyn Clock>, Arc::new(ear));
        for (id, key) in PROJECTS.into_iter().zip(["calm", "busy"]) {
            let project = Project::new(id, key, key, "2026-01-01T00:00:00Z");
            disk.create_project(project).await.unwrap();
        }
        Self {
            clock,
            receivers,
            faults: Faults::new(chance.fork()),
            ledger,
            settings: RefCell::new(settings),
            entropy: chance.fork(),
            disk: RefCell::new(Arc::new(disk)),
            server: RefCell::new(None),
            ends: RefCell::default(),
        }
    }

    pub(crate) fn now(&self) -> Duration {
        self.receivers.now()
    }

    /// What is committed, past all faults.
    pub(crate) fn disk(&self) -> Arc<MemoryStore> {
        Arc::clone(&self.disk.borrow())
    }

    pub(crate) fn server(&self) -> Arc<Server> {
        let server = self.server.borrow();
        Arc::clone(server.as_ref().expect("the server runs"))
    }

    pub(crate) fn engine(&self) -> Engine {
        self.server().engine.clone()
    }

    /// The store as the process of the moment reaches it.
    pub(crate) fn store(&self) -> Arc<dyn Store> {
        Arc::clone(&self.server().store)
    }

    /// Starts the server, as often as it takes: it may die, and it may find the store closed.
    pub(crate) async fn start(&self) {
        loop {
            if self.start_once().await {
                return;
            }
            self.ends.borrow_mut().push(End::Crash);
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    async fn start_once(&self) -> bool {
        let number = self.ends.borrow().len();
        let life = Life::new(&self.receivers, number);
        let (hints, inbox) = hints();
        let ear = Ear {
            ledger: Arc::clone(&self.ledger),
            hints,
        };
        let clock = Arc::clone(&self.clock) as Arc<dyn Clock>;
        let disk = Arc::new(self.disk().crash(Arc::clone(&clock), Arc::new(ear)));
        self.disk.replace(Arc::clone(&disk));
        let gate = LifeGate {
            faults: Arc::clone(&self.faults),
            life: Arc::clone(&life),
        };
        let store: Arc<dyn Store> = Arc::new(Gated::new(disk, Arc::new(gate)));
        let settings = self.settings.borrow().clone();
        let parts = Parts {
            store: Arc::clone(&store),
            transport: Arc::clone(&life) as Arc<dyn Transport>,
            keyring: Arc::new(OpenKeyring),
            clock,
            entropy: Arc::clone(&self.entropy) as Arc<dyn Entropy>,
            settings,
            inbox,
        };
        let started = tokio::select! {
            biased;
            () = self.faults.died() => None,
            started = Engine::start(parts) => started.ok(),
        };
        let Some(engine) = started else {
            life.end();
            return false;
        };
        let server = Server {
            engine,
            store,
            life,
            stops: AtomicBool::new(false),
        };
        self.server.replace(Some(Arc::new(server)));
        true
    }

    /// The process is gone.
    pub(crate) fn end(&self, how: End) {
        let Some(server) = self.server.take() else {
            return;
        };
        server.life.end();
        server.engine.abort();
        self.ends.borrow_mut().push(how);
    }

    /// An orderly stop, if death does not come first.
    pub(crate) async fn stop(&self, grace: Duration) {
        let engine = self.engine();
        self.server().stops.store(true, Ordering::Relaxed);
        let clean = tokio::select! {
            biased;
            () = self.faults.died() => false,
            () = engine.shutdown(grace) => self.noted_orderly_stop().await,
        };
        self.end(if clean { End::Stop } else { End::Crash });
    }

    /// Whether the last process noted that it stopped in order: then everything it did is written.
    async fn noted_orderly_stop(&self) -> bool {
        let text = self.disk().document("delivery").await.unwrap();
        text.is_some_and(|text| text.contains("cut_off"))
    }
}
