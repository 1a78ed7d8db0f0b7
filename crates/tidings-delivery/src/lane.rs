//! A webhook's lane: its queue, its limit, its health. Decides, does nothing itself: what is to be done comes out as [`Effect`]s.
//!
//! Memory. A lane holds a window of its deliveries; the rest waits in the store. It is *in step* when everything that waits is in
//! memory; then hints feed it. Otherwise it is *behind*: hints are dropped, and pages are loaded from `cursor` on as the window
//! empties, until a page that began after the last dropped hint comes back short. While a sweep brings back what is old, a lane
//! takes nothing from behind the sweep's place, so that what is brought back goes first.
//!
//! Results. What was tried and is not yet written is *unsettled*: at most [`MOST_UNSETTLED`], in flight included, so that a crash
//! repeats no more than that, and a store that cannot write stops the sending instead of filling the memory.

mod budget;
mod intake;
mod landing;
mod people;
mod sweeps;

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use tidings_domain::delivery::Trigger;
use tidings_domain::webhook::{Health, HealthState, Ordering, Webhook};
use tidings_domain::{DeliveryId, Entropy, WebhookId};
use tidings_storage::{Attempt, Settlement};
use tokio::sync::oneshot;

use crate::book::Book;
use crate::effect::{Effect, Effects, Flight};
use crate::health::{Moment, Rules, Vital};
use crate::live::{Live, Shown, Sums};
use crate::order::Roots;
use crate::planted::{self, Bug};
use crate::target::Target;

pub(crate) use budget::{Budget, WINDOW};
pub(crate) use people::Standing;

/// Tries of a webhook whose results are not written yet, in flight included.
pub(crate) const MOST_UNSETTLED: usize = 256;
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

/// A result that is not written yet.
#[derive(Debug)]
struct Unsettled {
    id: DeliveryId,
    bytes: usize,
    roots: Roots,
}

/// A lane. Ten thousand of them are looked at in turn, and each finds its memory cold: what every look needs comes first, the rest
/// of what a delivery needs next, and what it needs only where something is wrong lies elsewhere.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Lane {
    pub(crate) id: WebhookId,
    pub(crate) target: Arc<Target>,
    /// What people see of it.
    shown: Arc<Shown>,
    cursor: DeliveryId,
    start_not_before_ms: i64,
    /// When it is looked at again if nothing else happens; `i64::MAX`: never.
    pub(crate) alarm_ms: i64,
    open_settlements: usize,
    max_in_flight: usize,
    is_ordered: bool,
    /// Whether the project is `on`.
    project_on: bool,
    deleted: bool,
    behind: bool,
    loading: bool,
    /// What of the health is not written yet.
    unwritten: bool,
    /// Whether it is about to be looked at.
    pub(crate) touched: bool,
    /// Whether the sums know it as behind.
    counted_behind: bool,
    /// How many tries the sums know to be in flight.
    counted_flying: usize,
    /// What of the book the budget knows: deliveries and bytes.
    counted: (usize, usize),
    /// While a sweep brings back what is old: nothing after this is taken from the queue.
    gate: Option<DeliveryId>,
    /// The probe in flight.
    probing: Option<DeliveryId>,
    book: Book,
    /// In the order in which they came, which is nearly the order in which they are written.
    unsettled: VecDeque<Unsettled>,
    /// Asked for by people: may start also while backing off.
    wished: Vec<DeliveryId>,
    /// No later delivery than this was ever started; `None`: not known, earlier processes may have started any.
    started: Option<DeliveryId>,
    accepted_ms: Option<i64>,
    own_faults: u32,
    vital: Vital,
    aside: Box<Aside>,
}

/// What a lane rarely needs.
#[derive(Debug)]
struct Aside {
    rules: Rules,
    /// Settled while a load is under way that may not have seen it.
    shadow: HashSet<DeliveryId>,
    /// Started before or while a load is under way that may bring something old back: what the log cannot tell yet.
    started_meanwhile: Vec<(DeliveryId, Roots)>,
    /// The last delivery a hint was dropped for.
    dropped: DeliveryId,
    epoch: u64,
    load_not_before_ms: i64,
    /// Tries with an older stamp, see `Vital::begin`, have had their say about our own faults.
    own_fault_stamp: u64,
    suspects: Suspects,
    parking: bool,
    park_again: bool,
    after_parking: Vec<oneshot::Sender<()>>,
}

impl Lane {
    /// A lane as the store has it. Whether anything waits is found out by loading.
    pub(crate) fn new(
        webhook: Arc<Webhook>,
        vital: Vital,
        rules: Rules,
        (project_on, has_pending): (bool, bool),
        live: &Live,
    ) -> Self {
        let shown = live.enter(webhook.id, webhook.project, &vital.health);
        Self {
            id: webhook.id,
            max_in_flight: seats(&webhook),
            is_ordered: webhook.ordering == Ordering::Item,
            target: Target::new(webhook),
            shown,
            cursor: DeliveryId(0),
            start_not_before_ms: i64::MIN,
            alarm_ms: i64::MAX,
            open_settlements: 0,
            project_on,
            deleted: false,
            behind: has_pending,
            loading: false,
            unwritten: false,
            touched: false,
            counted_behind: false,
            counted_flying: 0,
            counted: (0, 0),
            gate: None,
            probing: None,
            book: Book::default(),
            unsettled: VecDeque::new(),
            wished: Vec::new(),
            started: None,
            accepted_ms: None,
            own_faults: 0,
            vital,
            aside: Box::new(Aside {
                rules,
                shadow: HashSet::new(),
                started_meanwhile: Vec::new(),
                dropped: DeliveryId(0),
                epoch: 0,
                load_not_before_ms: i64::MIN,
                own_fault_stamp: 0,
                suspects: Suspects::None,
                parking: false,
                park_again: false,
                after_parking: Vec::new(),
            }),
        }
    }

    /// It goes by another version of its webhook from the next try on.
    fn retarget(&mut self, webhook: Arc<Webhook>) {
        self.max_in_flight = seats(&webhook);
        self.is_ordered = webhook.ordering == Ordering::Item;
        self.target = Target::new(webhook);
    }

    /// The lane of a webhook that was just created: nothing was ever started.
    pub(crate) fn created(mut self) -> Self {
        self.started = Some(DeliveryId(0));
        self
    }

    /// Which deliveries may have been sent by the process before.
    pub(crate) fn suspect(&mut self, suspects: Suspects) {
        self.aside.suspects = suspects;
    }

    /// Whether what is new is sent, now or later; otherwise it is put aside.
    fn is_on(&self) -> bool {
        self.project_on && !self.deleted && !self.vital.is_disabled()
    }

    /// Of what the process before left open, what this one has not even looked at; `None`: nobody knows what.
    pub(crate) fn still_open(&self) -> Option<Vec<DeliveryId>> {
        match &self.aside.suspects {
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

    /// Tells what is shown of all lanes how this one fares now.
    pub(crate) fn show(&mut self, sums: &mut Sums) {
        let (flying, behind) = (self.book.flying(), self.behind);
        self.sum_up(flying, behind, sums);
        if self.vital.take_changed() {
            self.shown.show(&self.vital.health);
        }
    }

    /// It is about to be forgotten.
    pub(crate) fn leave(&mut self, sums: &mut Sums) {
        self.sum_up(0, false, sums);
    }

    fn sum_up(&mut self, flying: usize, behind: bool, sums: &mut Sums) {
        sums.flying = sums.flying + flying - self.counted_flying;
        sums.behind = sums.behind + usize::from(behind) - usize::from(self.counted_behind);
        (self.counted_flying, self.counted_behind) = (flying, behind);
    }

    /// The settings changed.
    pub(crate) fn replace_rules(&mut self, rules: Rules) {
        self.aside.rules = rules;
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
        let bytes = settlement.attempt.as_ref().map_or(0, weight);
        self.unsettled.push_back(Unsettled {
            id: settlement.delivery,
            bytes,
            roots: entry.map_or(Roots::None, |e| e.roots.clone()),
        });
        cx.budget.unwritten_bytes += bytes;
        self.open_settlements += 1;
        cx.budget.open += 1;
        cx.effects.settlements.push(settlement);
    }

    /// A result of a delivery is written.
    pub(crate) fn settled(&mut self, delivery: DeliveryId, budget: &mut Budget) {
        self.open_settlements = self.open_settlements.saturating_sub(1);
        let drifts = self.loading && planted::has(Bug::CounterDrift);
        budget.open = budget.open.saturating_sub(usize::from(!drifts));
        let at = self.unsettled.iter().position(|u| u.id == delivery);
        let Some(written) = at.and_then(|at| self.unsettled.remove(at)) else {
            return;
        };
        budget.unwritten_bytes = budget.unwritten_bytes.saturating_sub(written.bytes);
        if self.unsettled.is_empty() {
            self.unsettled = VecDeque::new();
        }
        if self.loading && !self.is_unsettled(delivery) {
            self.aside.shadow.insert(delivery);
        }
    }

    fn is_unsettled(&self, delivery: DeliveryId) -> bool {
        self.unsettled.iter().any(|u| u.id == delivery)
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
                while self.book.has_ready() && self.has_seat() {
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
        if self.wished.is_empty() {
            return;
        }
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
        let flying = self.book.flying();
        flying < self.max_in_flight && flying + self.open_settlements < MOST_UNSETTLED
    }

    fn start(&mut self, id: DeliveryId, cx: &mut Context<'_>) {
        let probe = self.probing == Some(id);
        let now = cx.now.ms;
        let was_early = self.book.get(id).is_some_and(|e| e.due_ms > now);
        let Some(entry) = self.book.start(id, now) else {
            return;
        };
        entry.early = was_early;
        let trigger = match entry.trigger {
            Trigger::Event | Trigger::Retry | Trigger::Probe if probe => Trigger::Probe,
            trigger => trigger,
        };
        entry.began = self.vital.begin();
        let flight = Flight {
            target: Arc::clone(&self.target),
            delivery: id,
            message: entry.message.clone(),
            trigger,
            late: entry.late,
        };
        if self.loading {
            self.aside.started_meanwhile.push((id, entry.roots.clone()));
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
        let load = (self.behind && self.aside.load_not_before_ms > now_ms)
            .then_some(self.aside.load_not_before_ms);
        [start, held_up, load]
            .into_iter()
            .flatten()
            .filter(|at| *at > now_ms)
            .min()
    }
}

/// How many requests may be in flight.
fn seats(webhook: &Webhook) -> usize {
    usize::try_from(webhook.max_in_flight.max(1)).unwrap_or(1)
}

/// What a result takes until it is written.
fn weight(attempt: &Attempt) -> usize {
    let response = attempt.response.as_ref();
    response.map_or(0, |r| r.body.capacity() + r.headers.memory())
        + attempt.request_headers.memory()
}
