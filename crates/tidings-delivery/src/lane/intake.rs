//! What comes into a lane: hints of commits, pages from the store, deliveries that people want sent again.

use tidings_domain::DeliveryId;
use tidings_domain::delivery::Trigger;
use tidings_domain::webhook::HealthState;
use tidings_storage::{Queued, Settlement, Then};

use super::{Context, LOAD_AGAIN_MS, Lane, MOST_ENTRIES, SMALL_WINDOW, Suspects, WINDOW};
use crate::effect::{Effect, Load, Loaded};

/// Bytes of a delivery that waits longer than this may stay in the store.
const LONG_WAIT_MS: i64 = 10_000;

impl Lane {
    /// A delivery was committed.
    pub(crate) fn hint(&mut self, queued: &Queued, cx: &mut Context<'_>) {
        let id = queued.id;
        if self.deleted || id <= self.cursor {
            return;
        }
        if !self.is_on() {
            self.park(cx);
            return;
        }
        let full = self.book.active() >= self.window(cx) || self.book.len() >= MOST_ENTRIES;
        if self.behind || full {
            self.hints_dropped(id, cx);
            return;
        }
        self.cursor = id;
        self.insert(queued.clone(), cx);
    }

    /// Deliveries up to that one were committed, and memory has nothing of them.
    pub(crate) fn hints_dropped(&mut self, last: DeliveryId, cx: &mut Context<'_>) {
        if self.is_on() {
            self.behind = true;
            self.dropped = self.dropped.max(last);
        } else {
            self.park(cx);
        }
    }

    /// Forgets what waits and reads the queue from its beginning: something old came into it.
    pub(super) fn reload(&mut self, cx: &mut Context<'_>) {
        let held = self.book.len();
        self.book.unload(cx.now.ms);
        cx.budget.held -= held - self.book.len();
        self.behind = true;
        self.cursor = DeliveryId(0);
        self.epoch += 1;
        self.loading = false;
        self.load_not_before_ms = i64::MIN;
        // Whatever is unsettled now may be written before the load begins and yet be missed by `unsettled` when it comes back.
        self.shadow.clear();
    }

    fn window(&self, cx: &Context<'_>) -> usize {
        if cx.budget.held > cx.budget.much_held || self.vital.state() == HealthState::BackingOff {
            SMALL_WINDOW
        } else {
            WINDOW
        }
    }

    pub(super) fn load_what_is_missing(&mut self, cx: &mut Context<'_>) {
        let sends = matches!(
            self.vital.state(),
            HealthState::Ok | HealthState::BackingOff
        );
        let window = self.window(cx);
        let active = self.book.active();
        if !self.behind
            || self.loading
            || !self.is_on()
            || !sends
            || cx.budget.closed
            || active > window / 2
            || self.book.len() >= MOST_ENTRIES
            || cx.now.ms < self.load_not_before_ms
        {
            return;
        }
        self.loading = true;
        self.shadow.clear();
        cx.effects.todo.push(Effect::Load(Load {
            webhook: self.id,
            after: self.cursor,
            limit: window - active,
            epoch: self.epoch,
            seen: self.dropped,
            started: self.started,
        }));
    }

    /// A page came from the store.
    pub(crate) fn loaded(&mut self, loaded: Loaded, cx: &mut Context<'_>) {
        let load = loaded.load;
        if load.epoch != self.epoch || !self.loading {
            return;
        }
        self.loading = false;
        let page = match loaded.result {
            Ok(page) => page,
            Err(error) => {
                tracing::warn!(webhook.id = %self.id, %error, "the queue of webhook {} could not be read, again soon", self.id);
                self.load_not_before_ms = cx.now.ms + LOAD_AGAIN_MS;
                return;
            }
        };
        if !self.is_on() {
            return;
        }
        let short = page.len() < load.limit;
        for queued in page {
            let id = queued.id;
            self.cursor = self.cursor.max(id);
            if !self.unsettled.contains_key(&id) && !self.shadow.contains(&id) {
                self.take_loaded(queued, cx);
            }
        }
        self.shadow.clear();
        if short {
            self.cursor = self.cursor.max(load.seen);
            self.behind = self.dropped > self.cursor;
            self.suspects = Suspects::None;
        }
    }

    fn take_loaded(&mut self, mut queued: Queued, cx: &mut Context<'_>) {
        let now = cx.now.ms;
        let id = queued.id;
        // Whatever the clocks did while nothing ran: no wait is longer than it was meant to be.
        let longest = now.saturating_add(queued.wait_ms.max(0));
        queued.due_ms = queued.due_ms.map(|due| due.min(longest));
        let due = queued.due_ms.unwrap_or(i64::MIN);
        if due <= now && self.is_suspect(id) {
            queued.trigger = Trigger::Restart;
        }
        let light = due > now + LONG_WAIT_MS && self.book.len() >= SMALL_WINDOW;
        self.insert(queued, cx);
        if light {
            self.book.lighten(id);
        }
    }

    fn is_suspect(&mut self, id: DeliveryId) -> bool {
        match &mut self.suspects {
            Suspects::None => false,
            Suspects::First(0) => {
                self.suspects = Suspects::None;
                false
            }
            Suspects::First(left) => {
                *left -= 1;
                true
            }
            Suspects::These(these) => these.contains(&id),
        }
    }

    fn insert(&mut self, queued: Queued, cx: &mut Context<'_>) {
        let before = self.book.len();
        let ordered = self.is_ordered();
        self.book.insert(queued, ordered, cx.now.ms);
        cx.budget.held += self.book.len() - before;
    }

    /// Somebody wants a delivery sent again; the store has made it wait. `late`: a later one of its item was started.
    pub(crate) fn inject(&mut self, mut queued: Queued, late: bool, cx: &mut Context<'_>) {
        if !self.is_on() {
            self.park(cx);
            return;
        }
        let id = queued.id;
        if late && !queued.late && !queued.settled {
            queued.late = true;
            self.settle(
                Settlement {
                    delivery: id,
                    webhook: self.id,
                    attempt: None,
                    then: Then::Retry {
                        due_ms: cx.now.ms,
                        wait_ms: 0,
                    },
                    tries: queued.tries,
                    first_try_ms: queued.first_try_ms,
                    late: true,
                },
                cx,
            );
        }
        // Even when the lane is behind: people asked for this one, and its place is by its id.
        self.shadow.remove(&id);
        self.insert(queued, cx);
        self.wished.push(id);
    }
}
