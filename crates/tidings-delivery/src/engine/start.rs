//! How the engine begins: what the last run left, the lanes, the tasks.

use std::sync::Arc;

use parking_lot::RwLock;
use tidings_storage::StoreError;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{Engine, Inner, Parts};
use crate::announce::Announcer;
use crate::carry::Carrier;
use crate::core::Core;
use crate::first_tries::Waiters;
use crate::keep;
use crate::ledger::Ledger;
use crate::live::Live;
use crate::metrics::Metrics;
use crate::retention;
use crate::shell::{MOST_LOADS, Shell, Time};
use crate::sweep::Sweeper;
use crate::writer::{Outbox, Writer};

impl Engine {
    /// Starts the engine on what the store has. Deliveries begin before this answers.
    ///
    /// # Errors
    /// The store could not be read.
    pub async fn start(parts: Parts) -> Result<Engine, StoreError> {
        let Parts {
            store,
            transport,
            keyring,
            clock,
            entropy,
            settings,
            inbox,
        } = parts;
        let resumed = keep::resume(&*store, Arc::clone(&clock)).await?;
        let lanes = store.lanes().await?;
        let sweeps = store.sweeps().await?;
        let time = Arc::new(Time {
            server: resumed.server,
            clock: Arc::clone(&clock),
        });
        let live = Arc::new(Live::default());
        let waiters = Arc::new(Waiters::default());
        let metrics = Metrics::new(Arc::clone(&live), Arc::clone(&waiters));
        let mut core = Core::new(
            settings.clone(),
            entropy,
            Arc::clone(&live),
            Arc::clone(inbox.feed()),
            time.now(),
        );
        core.begin(lanes, resumed.cut_off.as_ref(), time.now());
        for sweep in &sweeps {
            core.hold_back(sweep);
        }
        let settings = Arc::new(RwLock::new(settings));
        let carrier = Arc::new(Carrier {
            transport,
            keyring,
            clock: Arc::clone(&clock),
            metrics: metrics.clone(),
            settings: Arc::clone(&settings),
            cut: CancellationToken::new(),
        });
        let announcer = Arc::new(Announcer {
            store: Arc::clone(&store),
            clock,
            inbox: inbox.clone(),
            settings: Arc::clone(&settings),
        });
        let sweeper = Arc::new(Sweeper::new(
            Arc::clone(&store),
            inbox.clone(),
            Arc::clone(&settings),
        ));
        let ledger = Arc::new(Ledger::new(Arc::clone(&store), Arc::clone(&live)));
        let inner = Arc::new(Inner {
            store: Arc::clone(&store),
            inbox: inbox.clone(),
            carrier: Arc::clone(&carrier),
            time: Arc::clone(&time),
            settings: Arc::clone(&settings),
            live,
            ledger: Arc::clone(&ledger),
            waiters: Arc::clone(&waiters),
            metrics: metrics.clone(),
            tests: parking_lot::Mutex::default(),
            sweeper,
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
        });
        let engine = Engine(inner, None, None);
        let outbox = Outbox::default();
        let stop = || engine.0.stop.clone();
        let tasks = &engine.0.tasks;
        let writer = Writer {
            outbox: outbox.clone(),
            store: Arc::clone(&store),
            inbox: inbox.clone(),
            metrics,
            waiters,
            stop: stop(),
        };
        tasks.spawn(writer.run());
        engine.keep_house(ledger);
        let shell = Shell {
            store,
            carrier,
            time,
            inbox,
            outbox,
            loads: Arc::new(Semaphore::new(MOST_LOADS)),
            announcer,
            couriers: Arc::default(),
            tasks: tasks.clone(),
            stop: stop(),
        };
        tasks.spawn(shell.run(core));
        for sweep in sweeps {
            engine.go_on(sweep);
        }
        Ok(engine)
    }

    /// What is done every minute.
    fn keep_house(&self, ledger: Arc<Ledger>) {
        let Inner {
            store,
            time,
            settings,
            tasks,
            stop,
            ..
        } = &*self.0;
        let (store, time) = (|| Arc::clone(store), || Arc::clone(time));
        tasks.spawn(keep::keep_time(store(), time(), stop.clone()));
        tasks.spawn(ledger.run(stop.clone()));
        let settings = Arc::clone(settings);
        tasks.spawn(retention::run(store(), time(), settings, stop.clone()));
    }
}
