//! One run: a seed decides what there is and what goes wrong; trackers, people and weather act at the same time, over as many
//! lives of the server as it takes; then the faults end and everything must drain.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tidings_delivery::Settings;
use tidings_domain::delivery::DeliveryState;
use tidings_domain::webhook::{Health, HealthState, Selection};
use tidings_domain::{DeliveryId, EventId, ProjectId, WebhookId};
use tidings_storage::{Errand, NewSweep, Retention, Store};

use super::hooks::{Hook, SICK, Temper, draw};
use super::stage::{End, PROJECTS, Stage};
use super::tracker::{Report, Tally};
use super::waits::Waits;
use crate::trace;
use crate::world::Seed;

/// Everything has drained so long after the faults ended: the longest wait of the schedule with its jitter, twice.
const DRAINED: Duration = Duration::from_hours(58);
/// Webhooks that are looked at in a crowd.
const LOOKED_AT: usize = 20;

/// What trackers report.
pub(crate) const CODES: [&str; 2] = ["task.updated", "task.update"];

/// What a run is made of, and what goes wrong in it.
#[derive(Clone, Debug)]
pub(crate) struct Shape {
    pub(crate) hooks: usize,
    pub(crate) changes: u64,
    pub(crate) wishes: u64,
    /// The longest pause between two changes.
    pub(crate) rhythm_ms: u64,
    pub(crate) window: usize,
    pub(crate) sick: bool,
    pub(crate) people: bool,
    pub(crate) crashes: bool,
    pub(crate) slowness: bool,
    pub(crate) refusals: bool,
    pub(crate) jumps: bool,
    /// The server dies at this point, counted from its first start; 0: no death is planned.
    pub(crate) dies_at: u64,
}

impl Shape {
    /// The shape of a seed. Each kind of fault is missing in some runs, so that none hides what another would show.
    pub(crate) fn of(seed: u64) -> Self {
        let chance = Seed::new(seed ^ 0x0005_4a9e);
        let crowd = seed % 50 == 49;
        Self {
            hooks: if crowd {
                2_000 + chance.pick(500)
            } else {
                2 + chance.pick(4)
            },
            changes: if crowd {
                60
            } else {
                [30, 100, 100, 400][chance.pick(4)] + chance.below(100)
            },
            wishes: 20 + chance.below(60),
            rhythm_ms: [4, 15, 60, 250, 1_000, 20_000, 400_000][chance.pick(7)],
            // In every other run lanes hold so little that most of their queue waits in the store.
            window: [1, 2, 4, 8, 16, 512, 512, 512][chance.pick(8)],
            sick: chance.below(5) > 0,
            people: chance.below(5) > 0,
            crashes: chance.once_in(2),
            slowness: chance.below(3) > 0,
            refusals: chance.once_in(3),
            jumps: chance.once_in(3),
            dies_at: 0,
        }
    }
}

/// Everything that was given up from then on is sent again.
pub(crate) fn resend_all(webhook: WebhookId, since_ms: i64) -> NewSweep {
    NewSweep {
        webhook,
        errand: Errand::Resend {
            failed: true,
            expired: true,
        },
        since_ms,
        until_ms: None,
    }
}

/// What ended a stretch of a run.
enum Stretch {
    Done,
    Died,
    Stop(Duration),
}

/// A run under way.
pub(crate) struct Run {
    pub(crate) shape: Shape,
    pub(crate) stage: Stage,
    pub(crate) feed: Arc<Seed>,
    pub(crate) wishes: Arc<Seed>,
    pub(crate) sky: Arc<Seed>,
    pub(crate) receivers: Arc<Seed>,
    pub(crate) hooks: RefCell<Vec<Rc<Hook>>>,
    pub(crate) born: Cell<u64>,
    pub(crate) is_healed: Cell<bool>,
    pub(crate) changes_left: Cell<u64>,
    pub(crate) wishes_left: Cell<u64>,
    /// Changes reported so far.
    pub(crate) said: Cell<u64>,
    /// The change with a key that nobody has answered, and when it was first reported.
    pub(crate) unanswered: RefCell<Option<(Report, Duration)>>,
    pub(crate) tally: Arc<Tally>,
    pub(crate) waits: Arc<Waits>,
    pub(crate) accepted: RefCell<Vec<DeliveryId>>,
    pub(crate) tests: RefCell<Vec<(ProjectId, DeliveryId)>>,
    pub(crate) project_is_off: Cell<bool>,
    pub(crate) project_off: RefCell<Vec<(Duration, Duration)>>,
    pub(crate) final_health: RefCell<BTreeMap<WebhookId, Health>>,
}

impl Run {
    pub(crate) async fn new(seed: u64, shape: Shape) -> Self {
        let chance = Seed::new(seed ^ 0x5eed);
        let settings = Settings {
            window: shape.window,
            // Clocks jump by decades here; what is too old is not the question.
            retention: Retention {
                days: 40_000,
                held_days: 40_000,
                ..Retention::default()
            },
            ..Settings::default()
        };
        let stage = Stage::new(&chance, settings).await;
        let run = Self {
            stage,
            feed: chance.fork(),
            wishes: chance.fork(),
            sky: chance.fork(),
            receivers: chance.fork(),
            hooks: RefCell::default(),
            born: Cell::new(0),
            is_healed: Cell::new(false),
            changes_left: Cell::new(shape.changes),
            wishes_left: Cell::new(shape.wishes),
            said: Cell::new(0),
            unanswered: RefCell::default(),
            tally: Arc::default(),
            waits: Arc::default(),
            accepted: RefCell::default(),
            tests: RefCell::default(),
            project_is_off: Cell::new(false),
            project_off: RefCell::default(),
            final_health: RefCell::default(),
            shape,
        };
        run.found(&chance.fork()).await;
        run
    }

    /// Makes the webhooks that are there from the beginning. The first is well, and nobody touches it.
    async fn found(&self, chance: &Seed) {
        let disk = self.stage.disk();
        for n in 0..self.shape.hooks {
            let alone = n == 0;
            let project = PROJECTS[if alone { 0 } else { chance.pick(2) }];
            let id = disk.next_webhook_id().await.unwrap();
            let mut webhook = draw(id, project, chance);
            let mut temper = self.any_temper();
            if n >= LOOKED_AT {
                // In a crowd most are well, and do not care how the others fare.
                webhook.events = Selection::Codes(CODES.map(str::to_owned).to_vec());
            }
            if alone || (n >= LOOKED_AT && chance.below(50) > 0) {
                temper = Temper::Well;
            }
            self.listen(&webhook, temper);
            let webhook = disk
                .create_webhook(webhook, Health::default())
                .await
                .unwrap();
            let hook = Hook::new(webhook, temper, alone, Duration::ZERO);
            self.hooks.borrow_mut().push(Rc::new(hook));
        }
    }

    pub(crate) fn any_temper(&self) -> Temper {
        let drawn = SICK[self.receivers.pick(SICK.len())];
        if self.shape.sick && self.receivers.below(4) > 0 {
            drawn
        } else {
            Temper::Well
        }
    }

    /// Notes what happens, for whoever reads the trace.
    pub(crate) fn note(&self, what: &str, of: impl std::fmt::Debug) {
        trace::note(|| format!("{:?} {what} {of:?}", self.stage.now()));
    }

    pub(crate) fn hook(&self, id: WebhookId) -> Option<Rc<Hook>> {
        let hooks = self.hooks.borrow();
        let at = hooks.binary_search_by_key(&id, |h| h.id).ok()?;
        Some(Rc::clone(&hooks[at]))
    }

    /// All webhooks; in a crowd only some.
    pub(crate) fn some_hooks(&self) -> Vec<Rc<Hook>> {
        self.hooks
            .borrow()
            .iter()
            .take(LOOKED_AT)
            .cloned()
            .collect()
    }

    /// From the first start to the last stop.
    pub(crate) async fn go(&self) {
        if self.shape.slowness {
            self.stage.faults.set_pace(self.any_pace());
        }
        self.stage.faults.die_in(self.shape.dies_at);
        self.stage.start().await;
        loop {
            match self.stretch().await {
                Stretch::Done => break,
                Stretch::Died => self.stage.end(End::Crash),
                Stretch::Stop(grace) => self.stage.stop(grace).await,
            }
            self.note("the server is gone", self.stage.ends.borrow().last());
            self.come_back().await;
        }
        self.stage.faults.end();
        self.stage.disk().set_full(false);
        self.drain().await;
    }

    async fn stretch(&self) -> Stretch {
        tokio::select! {
            biased;
            () = self.stage.faults.died() => Stretch::Died,
            ((), ()) = async { tokio::join!(self.feed(), self.people()) } => Stretch::Done,
            grace = self.weather() => Stretch::Stop(grace),
        }
    }

    /// The server starts again on what is stored.
    async fn come_back(&self) {
        self.stage.faults.refuse(0);
        self.stage.disk().set_full(false);
        if self.shape.jumps && self.sky.once_in(4) {
            self.jump();
        }
        let ms = 1 + self.sky.below(3 * self.shape.rhythm_ms);
        tokio::time::sleep(Duration::from_millis(ms)).await;
        self.audit().await;
        self.stage.start().await;
    }

    /// Compares what people were told with what is stored, while no server runs.
    async fn audit(&self) {
        let now = self.stage.now();
        for hook in self.hooks.borrow().iter() {
            hook.recovering.set(false);
        }
        for start in self.stage.disk().lanes().await.unwrap() {
            let Some(hook) = self.hook(start.webhook.id) else {
                continue;
            };
            hook.stored_is(&start.webhook, now);
            let state = start.health.state;
            let off = !start.webhook.enabled
                || matches!(state, HealthState::Disabled | HealthState::Paused);
            let told = hook.off.borrow().last().copied();
            match told.filter(|o| o.until.is_none()) {
                Some(told) if !off => {
                    assert!(
                        !told.told,
                        "webhook {} was off when the server died, and somebody was told so; now it is {state:?}",
                        hook.id
                    );
                    hook.goes_on(now);
                }
                _ if off => hook.goes_off(now, true),
                _ => {}
            }
            if hook.project == PROJECTS[1] {
                if start.project_on {
                    self.project_goes_on();
                } else {
                    self.project_goes_off();
                }
            }
        }
        let hooks = self.hooks.borrow().clone();
        for hook in hooks {
            if hook.deleted.get() == Some(Duration::MAX) {
                let stored = self.stage.disk().webhook(hook.project, hook.id).await;
                hook.deleted.set(stored.unwrap().is_none().then_some(now));
            }
        }
    }

    /// All faults have ended: what may be sent arrives by itself, and the rest when people bring it back.
    async fn drain(&self) {
        self.note("the faults end", ());
        self.is_healed.set(true);
        self.stage.receivers.heal();
        // What is under way still ends as it must.
        tokio::time::sleep(Duration::from_mins(2)).await;
        self.wait_until_drained("by itself").await;
        if self.project_is_off.get() {
            self.switch_project().await;
        }
        let engine = self.stage.engine();
        let hooks = self.hooks.borrow().clone();
        for hook in &hooks {
            if hook.deleted.get().is_some() {
                continue;
            }
            let Some(health) = engine.health(hook.id) else {
                continue;
            };
            if health.state == HealthState::Paused {
                hook.goes_on(self.stage.now());
                engine.resume(hook.id).await.unwrap();
            }
            self.bring_back_missed(hook, &health).await;
        }
        self.bring_back_failed().await;
        self.wait_until_drained("brought back").await;
        let all = hooks
            .iter()
            .filter_map(|h| Some((h.id, engine.health(h.id)?)));
        self.final_health.borrow_mut().extend(all);
        // What went to webhooks that were deleted meanwhile ends too.
        tokio::time::sleep(Duration::from_mins(2)).await;
        let began = self.stage.now();
        self.stage.stop(Duration::from_mins(1)).await;
        let took = self.stage.now().saturating_sub(began);
        assert!(
            took < Duration::from_secs(1) && self.stage.ends.borrow().last() == Some(&End::Stop),
            "an idle server took {took:?} to stop: its counters drifted"
        );
    }

    /// Whatever was put aside or said while it was off is delivered, as much of it as was announced.
    async fn bring_back_missed(&self, hook: &Hook, health: &Health) {
        let disk = self.stage.disk();
        let stored = disk.webhook(hook.project, hook.id).await;
        let parked = stored.unwrap().map_or(0, |(_, _, counts)| counts.parked);
        let missed = disk.missed(hook.id, 0, EventId(0), 1).await.unwrap();
        if health.state != HealthState::Disabled && parked == 0 && missed.is_empty() {
            return;
        }
        hook.goes_on(self.stage.now());
        hook.recovered.borrow_mut().push(self.stage.now());
        let new = NewSweep {
            webhook: hook.id,
            errand: Errand::Deliver,
            since_ms: 0,
            until_ms: None,
        };
        let engine = self.stage.engine();
        let announced = engine.count_sweep(new).await.unwrap();
        let done = engine.sweep(new).await.unwrap();
        assert_eq!(
            (done.count, done.complete),
            (announced.count, true),
            "{new:?}"
        );
    }

    /// What was given up is sent again: one by one, or all of a webhook at once.
    async fn bring_back_failed(&self) {
        let engine = self.stage.engine();
        let at_once = self.wishes.once_in(2);
        let mut failed: BTreeMap<WebhookId, u64> = BTreeMap::new();
        for (id, made) in self.stage.ledger.made() {
            let Some(hook) = self.hook(made.hook).filter(|h| h.deleted.get().is_none()) else {
                continue;
            };
            let found = self.stage.disk().delivery(hook.project, id).await.unwrap();
            if found.is_none_or(|d| d.summary.state != DeliveryState::Failed) {
                continue;
            }
            if at_once {
                *failed.entry(hook.id).or_default() += 1;
            } else {
                hook.asked.borrow_mut().push((id, self.stage.now()));
                engine.resend(hook.project, id).await.unwrap();
            }
        }
        for (webhook, count) in failed {
            let done = engine.sweep(resend_all(webhook, 0)).await.unwrap();
            assert_eq!((done.count, done.complete), (count, true), "{webhook}");
        }
    }

    /// Waits until nothing is pending for any webhook that may be sent to.
    async fn wait_until_drained(&self, how: &str) {
        let began = self.stage.now();
        let mut pause = Duration::from_millis(100);
        loop {
            tokio::time::sleep(pause).await;
            pause = (pause * 3).min(Duration::from_mins(30));
            let lanes = self.stage.disk().lanes().await.unwrap();
            let open = lanes.iter().find(|lane| {
                let sends = matches!(lane.health.state, HealthState::Ok | HealthState::BackingOff);
                lane.has_pending && lane.project_on && lane.webhook.enabled && sends
            });
            let Some(open) = open else { return };
            let waited = self.stage.now().saturating_sub(began);
            let id = open.webhook.id;
            let waiting = self.stage.disk().pending(id, DeliveryId(0), 9).await;
            assert!(
                waited < DRAINED,
                "webhook {id} did not drain {how} in {waited:?}: {:?}, as the engine has it {:?}: {:#?}",
                open.health,
                self.stage.engine().health(id),
                waiting.unwrap()
            );
        }
    }
}
