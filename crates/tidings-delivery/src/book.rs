//! What a lane holds in memory: its deliveries, which of them wait for their time, which for their turn, which may start. Pure.
//!
//! Every delivery is in exactly one stage. `Waiting` ones lie in a list by due time, `Ready` ones in two lists by id: those never
//! tried and those tried before, served in turn, so that retries never starve what is fresh nor the other way round. A delivery
//! that waits for its turn lies in no list: whoever leaves its root calls it.
//!
//! Ten thousand lanes are looked at in turn, and each finds its memory cold. So what a delivery that is accepted at once needs is
//! small and lies together; an empty book holds nothing but itself.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tidings_domain::DeliveryId;
use tidings_domain::delivery::Trigger;
use tidings_storage::{Message, Queued};

use crate::line::Line;
use crate::order::{Concerned, Order, Place, Roots};
use crate::waiting::Behind;

/// Refused so often, a delivery may be overtaken by later ones of its item while others are accepted.
const REFUSALS: u32 = 3;

/// Where a delivery stands in its lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Not due yet.
    Waiting,
    /// Due, but another one of its root goes first.
    Turn,
    /// May start.
    Ready,
    /// In flight.
    Flying,
}

/// A delivery in memory. Its bytes may be left in the store while it waits for long.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) roots: Roots,
    pub(crate) message: Option<Arc<Message>>,
    pub(crate) tries: u32,
    pub(crate) first_try_ms: Option<i64>,
    /// Server time; in the past for "now".
    pub(crate) due_ms: i64,
    pub(crate) wait_ms: i64,
    pub(crate) late: bool,
    /// Delivered before; one more try on request.
    pub(crate) settled: bool,
    /// Why the next try is made.
    pub(crate) trigger: Trigger,
    /// The stamp of the last try, see `Vital::begin`.
    pub(crate) began: u64,
    /// When the last try started; of tries before the start of the process, the first.
    pub(crate) last_try_ms: Option<i64>,
    /// In flight though its time had not come: a failure costs it no try.
    pub(crate) early: bool,
    /// How often the receiver failed it.
    refusals: u32,
    stage: Stage,
}

impl Entry {
    fn new(queued: Queued, ordered: bool) -> Self {
        let roots = if ordered {
            Roots::new(&queued.message.roots)
        } else {
            Roots::None
        };
        Self {
            roots,
            message: Some(queued.message),
            tries: queued.tries,
            first_try_ms: queued.first_try_ms,
            due_ms: queued.due_ms.unwrap_or(i64::MIN),
            wait_ms: queued.wait_ms,
            late: queued.late,
            settled: queued.settled,
            trigger: queued.trigger,
            began: 0,
            // Whoever was never tried goes before whoever was, also after a restart.
            last_try_ms: queued.first_try_ms,
            early: false,
            // What earlier processes saw is not kept; every try so far was no success.
            refusals: queued.tries,
            stage: Stage::Turn,
        }
    }

    /// Bytes of its message that are in memory.
    fn weight(&self) -> usize {
        self.message.as_ref().map_or(0, |m| m.body.len())
    }

    fn place(&self) -> Place {
        if self.late || self.settled {
            Place::Beside
        } else {
            Place::Queue
        }
    }

    fn is_refused(&self) -> bool {
        self.refusals >= REFUSALS && self.place() == Place::Queue
    }
}

/// The deliveries of a lane.
#[derive(Debug, Default)]
pub(crate) struct Book {
    entries: BTreeMap<DeliveryId, Box<Entry>>,
    order: Order,
    fresh: Line,
    /// Where all is well, there is none.
    tried: Option<Box<TriedBefore>>,
    flying: usize,
    /// Bytes of all messages here.
    bytes: usize,
    prefer_again: bool,
}

/// Lists of those that were tried before.
#[derive(Debug, Default)]
struct TriedBefore {
    again: BTreeSet<DeliveryId>,
    waiting: BTreeSet<(i64, DeliveryId)>,
    refused: BTreeSet<DeliveryId>,
}

impl Book {
    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// How many bytes their messages have.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// How many are not just waiting for their time.
    pub(crate) fn active(&self) -> usize {
        self.entries.len() - self.tried.as_ref().map_or(0, |t| t.waiting.len())
    }

    /// How many are in flight.
    pub(crate) fn flying(&self) -> usize {
        self.flying
    }

    /// Whether nothing but what is in flight is here.
    pub(crate) fn is_idle(&self) -> bool {
        self.entries.len() == self.flying
    }

    fn tried_before(&mut self) -> &mut TriedBefore {
        self.tried.get_or_insert_default()
    }

    /// One of them.
    pub(crate) fn get(&self, id: DeliveryId) -> Option<&Entry> {
        self.entries.get(&id).map(|entry| &**entry)
    }

    /// Those in flight.
    pub(crate) fn in_flight(&self) -> impl Iterator<Item = (DeliveryId, &Entry)> {
        let all = self.entries.iter().map(|(id, e)| (*id, &**e));
        all.filter(|(_, e)| e.stage == Stage::Flying)
    }

    /// Whether it is in flight.
    pub(crate) fn is_flying(&self, id: DeliveryId) -> bool {
        self.get(id).is_some_and(|e| e.stage == Stage::Flying)
    }

    /// When the next one is due.
    pub(crate) fn next_due_ms(&self) -> Option<i64> {
        let waiting = &self.tried.as_ref()?.waiting;
        waiting.first().map(|(due, _)| *due)
    }

    /// Takes a delivery in, once; `ordered`: it stands in the queues of its roots.
    pub(crate) fn insert(&mut self, queued: Queued, ordered: bool, now_ms: i64) {
        let id = queued.id;
        if self.entries.contains_key(&id) {
            return;
        }
        let entry = Box::new(Entry::new(queued, ordered));
        let concerned = self.order.insert(id, &entry.roots, entry.place());
        if entry.is_refused() {
            self.tried_before().refused.insert(id);
        }
        self.bytes += entry.weight();
        self.entries.insert(id, entry);
        self.place(id, now_ms);
        self.place_all(concerned, now_ms);
    }

    /// Leaves the bytes of a delivery in the store.
    pub(crate) fn lighten(&mut self, id: DeliveryId) {
        if let Some(entry) = self.entries.get_mut(&id) {
            self.bytes -= entry.weight();
            entry.message = None;
        }
    }

    /// Those whose time has come wait for their turn now.
    pub(crate) fn wake(&mut self, now_ms: i64) {
        while let Some(tried) = &self.tried
            && let Some((due, id)) = tried.waiting.first().copied()
            && due <= now_ms
        {
            self.place(id, now_ms);
        }
    }

    /// Whether any may start.
    pub(crate) fn has_ready(&self) -> bool {
        !self.fresh.is_empty() || self.tried.as_ref().is_some_and(|t| !t.again.is_empty())
    }

    /// The next that may start: those never tried and those tried before in turn, oldest first.
    pub(crate) fn next_ready(&mut self) -> Option<DeliveryId> {
        let fresh = self.fresh.first();
        let again = self.tried.as_ref().and_then(|t| t.again.first().copied());
        let next = if self.prefer_again {
            again.or(fresh)
        } else {
            fresh.or(again)
        };
        self.prefer_again = !self.prefer_again;
        next
    }

    /// Whether it may start as far as order goes, whatever its time.
    pub(crate) fn is_turn(&self, id: DeliveryId) -> bool {
        self.get(id).is_some_and(|e| {
            e.stage != Stage::Flying && self.order.is_turn(id, &e.roots, e.place())
        })
    }

    /// The delivery that goes before it: in the queue of an item, or in flight for it.
    pub(crate) fn behind(&self, id: DeliveryId) -> Option<Behind> {
        let entry = self.get(id).filter(|e| e.stage != Stage::Flying)?;
        let queued = match entry.place() {
            Place::Queue => self.order.before(id, &entry.roots),
            Place::Beside => None,
        };
        let (item, first, ahead) = queued.or_else(|| {
            // Beside the queues, or first in them: only a request in flight for the same item goes before.
            let of = |e: &Entry| {
                let mut both = entry.roots.as_slice().iter();
                both.find(|root| e.roots.as_slice().contains(root)).copied()
            };
            self.in_flight()
                .find_map(|(other, e)| of(e).map(|item| (item, other, 1)))
        })?;
        let other = self.get(first)?;
        Some(Behind {
            delivery: first,
            item,
            object: other.message.as_ref().map(|m| m.object.to_string()),
            ahead,
            in_flight: other.stage == Stage::Flying,
            due_ms: other.due_ms,
        })
    }

    /// The one to probe a failing webhook with: heads of different items in turn, the one that was tried longest ago first. Where
    /// there are only heads that were refused three times, the next message of their item is sent as the judge.
    pub(crate) fn probe(&self) -> Option<DeliveryId> {
        let least_tried = |ids: &mut dyn Iterator<Item = (DeliveryId, &Entry)>| {
            ids.min_by_key(|(id, e)| (e.last_try_ms, *id))
                .map(|(id, _)| id)
        };
        let all = || self.entries.iter().map(|(id, e)| (*id, &**e));
        let mut heads = all().filter(|(id, e)| self.is_turn(*id) && !e.is_refused());
        if let Some(head) = least_tried(&mut heads) {
            return Some(head);
        }
        let is_refused = |id: DeliveryId| self.get(id).is_some_and(Entry::is_refused);
        let mut judges = all().filter(|(id, e)| {
            e.stage != Stage::Flying
                && (self.is_turn(*id)
                    || (e.place() == Place::Queue
                        && self.order.is_judge(*id, &e.roots, is_refused)))
        });
        least_tried(&mut judges)
    }

    /// A delivery starts.
    pub(crate) fn start(&mut self, id: DeliveryId, now_ms: i64) -> Option<&mut Entry> {
        self.leave_stage(id);
        let entry = self.entries.get_mut(&id)?;
        entry.stage = Stage::Flying;
        entry.last_try_ms = Some(now_ms);
        entry.first_try_ms.get_or_insert(now_ms);
        self.flying += 1;
        let concerned = self.order.set_busy(&entry.roots, true);
        self.place_all(concerned, now_ms);
        self.entries.get_mut(&id).map(|entry| &mut **entry)
    }

    /// A delivery's try has ended; it stays in memory, as `change` makes it.
    pub(crate) fn stay(&mut self, id: DeliveryId, now_ms: i64, change: impl FnOnce(&mut Entry)) {
        let Some(entry) = self.entries.get_mut(&id) else {
            return;
        };
        let mut concerned = Concerned::default();
        if entry.stage == Stage::Flying {
            self.flying -= 1;
            entry.stage = Stage::Turn;
            concerned = self.order.set_busy(&entry.roots, false);
        }
        change(entry);
        self.place(id, now_ms);
        self.place_all(concerned, now_ms);
    }

    /// The receiver failed a delivery.
    pub(crate) fn note_refusal(&mut self, id: DeliveryId) {
        if let Some(entry) = self.entries.get_mut(&id) {
            entry.refusals = entry.refusals.saturating_add(1);
            if entry.is_refused() {
                self.tried_before().refused.insert(id);
            }
        }
    }

    /// A delivery's way ends here.
    pub(crate) fn remove(&mut self, id: DeliveryId, now_ms: i64) -> Option<Box<Entry>> {
        self.leave_stage(id);
        let entry = self.entries.remove(&id)?;
        self.bytes -= entry.weight();
        let was_flying = entry.stage == Stage::Flying;
        self.flying -= usize::from(was_flying);
        if self.entries.is_empty() {
            self.tried = None;
        } else if let Some(tried) = &mut self.tried {
            tried.refused.remove(&id);
        }
        let concerned = self.order.remove(id, &entry.roots, was_flying);
        self.place_all(concerned, now_ms);
        Some(entry)
    }

    /// Those refused three times whose item may go on without them, because another delivery was accepted at `accepted_ms`, after
    /// their first try. They step out of the queue and are late from now on.
    pub(crate) fn give_up_order(&mut self, accepted_ms: i64, now_ms: i64) -> Vec<DeliveryId> {
        let Some(tried) = &mut self.tried else {
            return Vec::new();
        };
        let may_pass = |id: &DeliveryId| {
            let entry = self.entries.get(id);
            entry.is_some_and(|e| e.first_try_ms.is_some_and(|first| first < accepted_ms))
        };
        let late: Vec<DeliveryId> = tried.refused.iter().copied().filter(may_pass).collect();
        for id in &late {
            tried.refused.remove(id);
        }
        for id in &late {
            if let Some(entry) = self.entries.get_mut(id) {
                entry.late = true;
                let concerned = self.order.step_aside(*id, &entry.roots);
                self.place_all(concerned, now_ms);
            }
        }
        late
    }

    /// Makes a delivery due now because somebody asks for it.
    pub(crate) fn hasten(&mut self, id: DeliveryId, trigger: Trigger, now_ms: i64) {
        self.leave_stage(id);
        if let Some(entry) = self.entries.get_mut(&id) {
            entry.due_ms = now_ms;
            entry.trigger = trigger;
            // It left its list; `place` finds it the one it belongs to now.
            entry.stage = Stage::Turn;
        }
        self.place(id, now_ms);
    }

    /// Forgets everything but what is in flight and what is to be kept: the store has it.
    pub(crate) fn unload(&mut self, keep: impl Fn(DeliveryId) -> bool, now_ms: i64) {
        let idle: Vec<DeliveryId> = self
            .entries
            .iter()
            .filter(|(id, e)| e.stage != Stage::Flying && !keep(**id))
            .map(|(id, _)| *id)
            .collect();
        for id in idle {
            self.remove(id, now_ms);
        }
    }

    fn leave_stage(&mut self, id: DeliveryId) {
        let Some(entry) = self.entries.get(&id) else {
            return;
        };
        match entry.stage {
            Stage::Waiting => {
                let due_ms = entry.due_ms;
                self.tried_before().waiting.remove(&(due_ms, id));
            }
            Stage::Ready => {
                self.fresh.remove(id);
                if let Some(tried) = &mut self.tried {
                    tried.again.remove(&id);
                }
            }
            Stage::Turn | Stage::Flying => {}
        }
    }

    fn place_all(&mut self, ids: Concerned, now_ms: i64) {
        for id in ids {
            self.place(id, now_ms);
        }
    }

    /// Puts a delivery that is not in flight into the stage it belongs to now.
    fn place(&mut self, id: DeliveryId, now_ms: i64) {
        let Some(entry) = self.entries.get(&id) else {
            return;
        };
        let stage = match entry.stage {
            Stage::Flying => return,
            _ if entry.due_ms > now_ms => Stage::Waiting,
            _ if self.order.is_turn(id, &entry.roots, entry.place()) => Stage::Ready,
            _ => Stage::Turn,
        };
        if stage == entry.stage {
            return;
        }
        self.leave_stage(id);
        let Some(entry) = self.entries.get_mut(&id) else {
            return;
        };
        entry.stage = stage;
        match stage {
            Stage::Waiting => {
                let due_ms = entry.due_ms;
                self.tried_before().waiting.insert((due_ms, id));
            }
            Stage::Ready if entry.first_try_ms.is_none() => {
                self.fresh.insert(id);
            }
            Stage::Ready => {
                self.tried_before().again.insert(id);
            }
            Stage::Turn | Stage::Flying => {}
        }
    }
}
