//! A webhook's lane: its queue, its limit, its health. Decides, does nothing itself: what is to be done comes out as [`Effect`]s.
//!
//! Memory. A lane holds a window of its deliveries; the rest waits in the store. It is *in step* when everything that waits is in
//! memory; then hints feed it. Otherwise it is *behind*: hints are dropped, and pages are loaded from `cursor` on as the window
//! empties, until a page that began after the last dropped hint comes back short. While a sweep brings back what is old, a lane
//! takes nothing from behind the sweep's place, so that what is brought back goes first.
//!
//! Results. What was tried and is not yet written is *unsettled*: at most [`MOST_UNSETTLED`], in flight included, so that a crash
//! repeats no more than that, and a store that cannot write stops the sending instead of filling the memory.

mod intake;
mod landing;
mod people;
mod sweeps;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use tidings_domain::delivery::Trigger;
use tidings_domain::webhook::{Health, HealthState, Ordering, Webhook};
use tidings_domain::{DeliveryId, Entropy, WebhookId};
use tidings_storage::{Attempt, Settlement};
use tokio::sync::oneshot;

use crate::book::Book;
use crate::effect::{Effect, Effects, Flight};
use crate::health::{Moment, Rules, Vital};
use crate::order::Roots;
use crate::pace::Tried;
use crate::planted::{self, Bug};
use crate::target::Target;

pub(crate) use people::Standing;

/// Tries of a webhook whose results are not written yet, in flight included.
pub(crate) const MOST_UNSETTLED: usize = 256;
/// Deliveries in memory per lane that do not just wait for their time, unless the settings say otherwise.
pub(crate) const WINDOW: usize = 512;
/// The same while only probes are sent, or while all lanes together hold much.
const SMALL_WINDOW: usize = 64;
/// While only probes are sent, at least so many: a message that is always refused must not be the only one to probe with.
const FEWEST_TO_PROBE: usize = 2;
/// The same while all lanes together hold very much.
const TINY_WINDOW: usize = 8;
/// Deliveries in memory altogether: beyond it a lane takes nothing new until some of its retries are through.
const MOST_ENTRIES: usize = 20_000;
/// The same while all lanes together hold as much as they may.
const FEW_ENTRIES: usize = 64;
/// After something that was our own fault, a lane waits so long before it starts anything.
const OWN_FAULT_PAUSE_MS: i64 = 1_000;
/// A load that failed is repeated after this.
const LOAD_AGAIN_MS: i64 = 1_000;

/// What every decision needs to know.
pub(crate) struct Context<'a> {
    pub(crate) now: Moment,
    pub(crate) entropy: &'a dyn Entropy,
    pub(crate) effects: &'a mut Effects,
    pub(crate) budget: &'a mut Budget,
}

/// What all lanes share.
#[derive(Debug)]
pub(crate) struct Budget {
    /// Tries in flight or unsettled.
    pub(crate) open: usize,
    /// The most of them.
    pub(crate) most_open: usize,
    /// Deliveries in memory.
    pub(crate) held: usize,
    /// Bytes of their messages.
    pub(crate) held_bytes: usize,
    /// Beyond so many bytes, messages of what is new stay in the store until they are sent.
    pub(crate) much_held_bytes: usize,
    /// Bytes of results that are not written.
    pub(crate) unwritten_bytes: usize,
    /// Beyond so many, nothing is started.
    pub(crate) most_unwritten_bytes: usize,
    /// Deliveries in memory per lane that do not just wait for their time.
    pub(crate) window: usize,
    /// Beyond it, windows are small; beyond twice of it, tiny; beyond five times of it, lanes take one after the other.
    pub(crate) much_held: usize,
    /// No starts any more: the server stops.
    pub(crate) closed: bool,
}

impl Budget {
    /// Deliveries that one lane may have in memory, but for those that just wait for their time.
    fn window(&self) -> usize {
        let most = match self.held.checked_div(self.much_held).unwrap_or(usize::MAX) {
            0 => self.window,
            1 => SMALL_WINDOW,
            2..=4 => TINY_WINDOW,
            _ => 1,
        };
        most.min(self.window)
    }

    /// Deliveries that one lane may have in memory altogether.
    fn most_entries(&self) -> usize {
        if self.held / 5 < self.much_held {
            MOST_ENTRIES
        } else {
            FEW_ENTRIES
        }
    }

    /// Whether one more may be started by a lane that has so many in flight. The last quarter of the seats is for lanes that have
    /// none, so that receivers that hang cannot take every seat from those that do not.
    fn may_start(&self, flying: usize) -> bool {
        let most = match flying {
            0 => self.most_open,
            _ => self.most_open / 4 * 3,
        };
        self.open < most && self.unwritten_bytes < self.most_unwritten_bytes
    }
}

/// Which of the deliveries found at the start may have been sent before without a trace.
#[derive(Debug)]
pub(crate) enum Suspects {
    /// None.
    None,
    /// The first so many in the queue: no other can have been in memory when the process died.
    First {
        /// How many are left.
        left: usize,
        /// When the process began, in server time.
        made_before_ms: i64,
    },
    /// These, cut off by an orderly stop.
    These(Arc<HashSet<DeliveryId>>),
}

/// Results of a delivery that are not written yet.
#[derive(Debug)]
struct Unsettled {
    count: usize,
    bytes: usize,
    roots: Roots,
}

/// A lane.
#[derive(Debug)]
pub(crate) struct Lane {
    pub(crate) id: WebhookId,
    pub(crate) target: Arc<Target>,
    rules: Rules,
    /// Whether the project is `on`.
    project_on: bool,
    deleted: bool,
    vital: Vital,
    /// What of the health is not written yet.
    unwritten: bool,
    book: Book,
    /// What of the book the budget knows: deliveries and bytes.
    counted: (usize, usize),
    /// Asked for by people: may start also while backing off.
    wished: Vec<DeliveryId>,
    /// The probe in flight.
    probing: Option<DeliveryId>,
    /// In flight though their time had not come: a failure costs them no try.
    early: HashSet<DeliveryId>,
    unsettled: HashMap<DeliveryId, Unsettled>,
    open_settlements: usize,
    /// Settled while a load is under way that may not have seen it.
    shadow: HashSet<DeliveryId>,
    /// Started before or while a load is under way that may bring something old back: what the log cannot tell yet.
    started_meanwhile: Vec<(DeliveryId, Roots)>,
    behind: bool,
    cursor: DeliveryId,
    /// The last delivery a hint was dropped for.
    dropped: DeliveryId,
    /// While a sweep brings back what is old: nothing after this is taken from the queue.
    gate: Option<DeliveryId>,
    epoch: u64,
    loading: bool,
    load_not_before_ms: i64,
    start_not_before_ms: i64,
    own_faults: u32,
    /// Tries with an older stamp, see `Vital::begin`, have had their say about our own faults.
    own_fault_stamp: u64,
    suspects: Suspects,
    /// No later delivery than this was ever started; `None`: not known, earlier processes may have started any.
    started: Option<DeliveryId>,
    accepted_ms: Option<i64>,
    parking: bool,
    park_again: bool,
    after_parking: Vec<oneshot::Sender<()>>,
    /// Tries that ended since somebody last looked.
    tried: Vec<Tried>,
}

impl Lane {
    /// A lane as the store has it. Whether anything waits is found out by loading.
    pub(crate) fn new(
        webhook: Arc<Webhook>,
        vital: Vital,
        rules: Rules,
        project_on: bool,
        has_pending: bool,
    ) -> Self {
        Self {
            id: webhook.id,
            target: Target::new(webhook),
            rules,
            project_on,
            deleted: false,
            vital,
            unwritten: false,
            book: Book::default(),
            counted: (0, 0),
            wished: Vec::new(),
            probing: None,
            early: HashSet::new(),
            unsettled: HashMap::new(),
            open_settlements: 0,
            shadow: HashSet::new(),
            started_meanwhile: Vec::new(),
            behind: has_pending,
            cursor: DeliveryId(0),
            dropped: DeliveryId(0),
            gate: None,
            epoch: 0,
            loading: false,
            load_not_before_ms: i64::MIN,
            start_not_before_ms: i64::MIN,
            own_faults: 0,
            own_fault_stamp: 0,
            suspects: Suspects::None,
            started: None,
            accepted_ms: None,
            parking: false,
            park_again: false,
            after_parking: Vec::new(),
            tried: Vec::new(),
        }
    }

    /// The lane of a webhook that was just created: nothing was ever started.
    pub(crate) fn created(mut self) -> Self {
        self.started = Some(DeliveryId(0));
        self
    }

    /// Which deliveries may have been sent by the process before.
    pub(crate) fn suspect(&mut self, suspects: Suspects) {
        self.suspects = suspects;
    }

    /// Whether what is new is sent, now or later; otherwise it is put aside.
    fn is_on(&self) -> bool {
        self.project_on && !self.deleted && !self.vital.is_disabled()
    }

    /// Of what the process before left open, what this one has not even looked at; `None`: nobody knows what.
    pub(crate) fn still_open(&self) -> Option<Vec<DeliveryId>> {
        match &self.suspects {
            Suspects::None => Some(Vec::new()),
            Suspects::First { .. } => None,
            Suspects::These(these) => Some(these.iter().copied().collect()),
        }
    }

    /// Whether the lane may be forgotten.
    pub(crate) fn is_over(&self) -> bool {
        self.deleted && self.book.len() == 0 && self.open_settlements == 0
    }

    pub(crate) fn vital(&self) -> &Vital {
        &self.vital
    }

    pub(crate) fn is_behind(&self) -> bool {
        self.behind
    }

    pub(crate) fn flying(&self) -> usize {
        self.book.flying()
    }

    /// The tries that ended since the last call.
    pub(crate) fn take_tried(&mut self) -> std::vec::Drain<'_, Tried> {
        self.tried.drain(..)
    }

    /// The settings changed.
    pub(crate) fn replace_rules(&mut self, rules: Rules) {
        self.rules = rules;
    }

    /// The health, if the store does not have it yet.
    pub(crate) fn take_unwritten(&mut self) -> Option<(WebhookId, Health)> {
        let unwritten = std::mem::take(&mut self.unwritten);
        unwritten.then(|| (self.id, self.vital.take_health()))
    }

    /// Whether the store does not have the health yet.
    pub(crate) fn has_unwritten(&self) -> bool {
        self.unwritten
    }

    /// An hour of uptime has passed.
    pub(crate) fn hour_passed(&mut self) {
        self.unwritten |= self.vital.hour_passed();
    }

    /// Tells the budget what the book holds now.
    fn count(&mut self, budget: &mut Budget) {
        let (held, bytes) = (self.book.len(), self.book.bytes());
        budget.held = budget.held - self.counted.0 + held;
        budget.held_bytes = budget.held_bytes - self.counted.1 + bytes;
        self.counted = (held, bytes);
    }

    fn write_health(&mut self, cx: &mut Context<'_>) {
        self.unwritten = false;
        let health = self.vital.take_health();
        cx.effects.health.push((self.id, health));
    }

    fn settle(&mut self, settlement: Settlement, cx: &mut Context<'_>) {
        let entry = self.book.get(settlement.delivery);
        let unsettled = self
            .unsettled
            .entry(settlement.delivery)
            .or_insert_with(|| Unsettled {
                count: 0,
                bytes: 0,
                roots: entry.map_or(Roots::None, |e| e.roots.clone()),
            });
        let bytes = settlement.attempt.as_ref().map_or(0, weight);
        unsettled.count += 1;
        unsettled.bytes += bytes;
        cx.budget.unwritten_bytes += bytes;
        self.open_settlements += 1;
        cx.budget.open += 1;
        cx.effects.settlements.push(settlement);
    }

    /// Results of a delivery are written.
    pub(crate) fn settled(&mut self, delivery: DeliveryId, budget: &mut Budget) {
        self.open_settlements = self.open_settlements.saturating_sub(1);
        let drifts = self.loading && planted::has(Bug::CounterDrift);
        budget.open = budget.open.saturating_sub(usize::from(!drifts));
        if let Some(unsettled) = self.unsettled.get_mut(&delivery) {
            unsettled.count -= 1;
            if unsettled.count == 0 {
                budget.unwritten_bytes = budget.unwritten_bytes.saturating_sub(unsettled.bytes);
                self.unsettled.remove(&delivery);
                if self.loading {
                    self.shadow.insert(delivery);
                }
            }
        }
    }

    /// Starts what can be started and loads what is missing. `true`: it could start more if the budget allowed.
    pub(crate) fn pump(&mut self, cx: &mut Context<'_>) -> bool {
        let starved = self.start_what_may(cx);
        self.load_what_is_missing(cx);
        starved
    }

    fn start_what_may(&mut self, cx: &mut Context<'_>) -> bool {
        let now = cx.now.ms;
        if !self.is_on() || cx.budget.closed || now < self.start_not_before_ms {
            return false;
        }
        match self.vital.state() {
            HealthState::Paused | HealthState::Disabled => return false,
            HealthState::Ok => {
                self.book.wake(now);
                self.start_wished(cx);
                while self.has_seat() {
                    if !cx.budget.may_start(self.book.flying()) {
                        return true;
                    }
                    let Some(id) = self.book.next_ready() else {
                        break;
                    };
                    self.start(id, cx);
                }
            }
            HealthState::BackingOff => {
                self.start_wished(cx);
                if self.probing.is_none()
                    && now >= self.vital.probe_at_ms
                    && self.has_seat()
                    && let Some(id) = self.book.probe()
                {
                    self.probing = Some(id);
                    self.start(id, cx);
                }
            }
        }
        false
    }

    fn start_wished(&mut self, cx: &mut Context<'_>) {
        for id in std::mem::take(&mut self.wished) {
            if !self.book.is_turn(id) {
                continue;
            }
            if self.has_seat() {
                self.start(id, cx);
            } else {
                self.wished.push(id);
            }
        }
    }

    fn has_seat(&self) -> bool {
        let most = usize::try_from(self.target.webhook.max_in_flight.max(1)).unwrap_or(1);
        let flying = self.book.flying();
        flying < most && flying + self.open_settlements < MOST_UNSETTLED
    }

    fn start(&mut self, id: DeliveryId, cx: &mut Context<'_>) {
        let probe = self.probing == Some(id);
        let now = cx.now.ms;
        let was_early = self.book.get(id).is_some_and(|e| e.due_ms > now);
        let Some(entry) = self.book.start(id, now) else {
            return;
        };
        if was_early {
            self.early.insert(id);
        }
        let trigger = match entry.trigger {
            Trigger::Event | Trigger::Retry | Trigger::Probe if probe => Trigger::Probe,
            trigger => trigger,
        };
        entry.trigger = Trigger::Retry;
        entry.began = self.vital.begin();
        let flight = Flight {
            target: Arc::clone(&self.target),
            delivery: id,
            message: entry.message.clone(),
            trigger,
            late: entry.late,
        };
        if self.loading {
            self.started_meanwhile.push((id, entry.roots.clone()));
        }
        self.started = self.started.map(|started| started.max(id));
        cx.budget.open += 1;
        cx.effects.todo.push(Effect::Send(flight));
    }

    /// When the lane wants to be looked at again if nothing else happens.
    pub(crate) fn alarm(&self, now_ms: i64) -> Option<i64> {
        if !self.is_on() {
            return None;
        }
        let start = match self.vital.state() {
            HealthState::Ok => {
                let due = self.book.next_due_ms();
                due.map(|due| due.max(self.start_not_before_ms))
            }
            HealthState::BackingOff if self.probing.is_none() && !self.book.is_idle() => {
                Some(self.vital.probe_at_ms.max(self.start_not_before_ms))
            }
            HealthState::BackingOff | HealthState::Paused | HealthState::Disabled => None,
        };
        let held_up = (self.start_not_before_ms > now_ms && !self.book.is_idle())
            .then_some(self.start_not_before_ms);
        let load =
            (self.behind && self.load_not_before_ms > now_ms).then_some(self.load_not_before_ms);
        [start, held_up, load]
            .into_iter()
            .flatten()
            .filter(|at| *at > now_ms)
            .min()
    }

    fn is_ordered(&self) -> bool {
        self.target.webhook.ordering == Ordering::Item
    }
}

/// What a result takes until it is written: what the receiver made it.
fn weight(attempt: &Attempt) -> usize {
    let lines = |headers: &[(String, String)]| -> usize {
        headers
            .iter()
            .map(|(name, value)| name.len() + value.len())
            .sum()
    };
    let response = attempt.response.as_ref();
    response.map_or(0, |r| r.body.len() + lines(&r.headers))
        + lines(&attempt.request_headers)
        + attempt.url.len()
}
