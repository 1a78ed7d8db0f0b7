//! What comes into a lane: hints of commits, pages from the store, deliveries that people want sent again.

use std::collections::HashSet;

use tidings_domain::DeliveryId;
use tidings_domain::delivery::Trigger;
use tidings_domain::webhook::HealthState;
use tidings_storage::{Queued, Settlement, Then, created_ms};

use super::budget::{FEWEST_TO_PROBE, SMALL_WINDOW, WINDOW};
use super::{Context, LOAD_AGAIN_MS, Lane, Suspects};
use crate::effect::{Effect, Found, Load, Loaded};
use crate::order::Roots;
use crate::planted::{self, Bug};

/// Bytes of a delivery that waits longer than this may stay in the store.
const LONG_WAIT_MS: i64 = 10_000;

impl Lane {
    /// A delivery was committed.
    pub(crate) fn hint(&mut self, queued: Queued, cx: &mut Context<'_>) {
        let id = queued.id;
        if self.deleted || id <= self.cursor {
            return;
        }
        if !self.is_on() && self.gate.is_none() {
            self.park(cx);
            return;
        }
        let full =
            self.book.active() >= self.window(cx) || self.book.len() >= cx.budget.most_entries();
        if self.behind || full || self.gate.is_some() {
            self.hints_dropped(id, cx);
            return;
        }
        self.cursor = id;
        self.insert(queued, cx);
    }

    /// Deliveries up to that one were committed, and memory has nothing of them.
    pub(crate) fn hints_dropped(&mut self, last: DeliveryId, cx: &mut Context<'_>) {
        // A webhook that a sweep is about to enable may hear of what is newer before it knows.
        if self.is_on() || self.gate.is_some() {
            self.behind = true;
            self.aside.dropped = self.aside.dropped.max(last);
        } else {
            self.park(cx);
        }
    }

    /// Forgets what waits and reads the queue from its beginning: something old came into it.
    pub(super) fn reload(&mut self, cx: &mut Context<'_>) {
        // What memory knows better than the store stays; where everything is put aside, the store is right soon enough.
        let on = self.is_on();
        let unsettled: HashSet<DeliveryId> = self.unsettled.iter().map(|u| u.id).collect();
        let keep = |id| on && unsettled.contains(&id);
        self.book.unload(keep, cx.now.ms);
        self.count(cx.budget);
        self.behind = true;
        self.cursor = DeliveryId(0);
        self.aside.epoch += 1;
        self.loading = false;
        self.aside.load_not_before_ms = i64::MIN;
        // Whatever is unsettled now may be written before the load begins and yet be missed by `unsettled` when it comes back.
        self.aside.shadow.clear();
    }

    fn window(&self, cx: &Context<'_>) -> usize {
        let window = cx.budget.window();
        if self.vital.state() == HealthState::BackingOff {
            window.clamp(FEWEST_TO_PROBE, SMALL_WINDOW)
        } else {
            window
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
            || self.book.len() >= cx.budget.most_entries()
            || self.gate.is_some_and(|gate| self.cursor >= gate)
            || cx.now.ms < self.aside.load_not_before_ms
        {
            return;
        }
        let ordered = self.is_ordered;
        let after_crash = ordered && matches!(self.aside.suspects, Suspects::First { .. });
        self.loading = true;
        self.aside.shadow.clear();
        self.aside.started_meanwhile.clear();
        if self.started.is_none_or(|started| self.cursor < started) {
            let flying = self.book.in_flight().map(|(id, e)| (id, e.roots.clone()));
            self.aside.started_meanwhile.extend(flying);
            let unsettled = self.unsettled.iter();
            let unsettled = unsettled.map(|u| (u.id, u.roots.clone()));
            self.aside.started_meanwhile.extend(unsettled);
        }
        cx.effects.todo.push(Effect::Load(Load {
            webhook: self.id,
            after: self.cursor,
            limit: window - active,
            epoch: self.aside.epoch,
            seen: self.aside.dropped,
            // Where there is no order, nothing is late.
            started: if ordered {
                self.started
            } else {
                Some(DeliveryId(0))
            },
            until: self.gate.unwrap_or(DeliveryId(i64::MAX)),
            ahead: if after_crash {
                cx.budget.window.max(WINDOW)
            } else {
                0
            },
        }));
    }

    /// A page came from the store.
    pub(crate) fn loaded(&mut self, loaded: Loaded, cx: &mut Context<'_>) {
        let load = loaded.load;
        if load.epoch != self.aside.epoch || !self.loading {
            return;
        }
        self.loading = false;
        let Found {
            mut page,
            late,
            ahead,
        } = match loaded.result {
            Ok(found) => found,
            Err(error) => {
                tracing::warn!(webhook.id = %self.id, %error, "the queue of webhook {} could not be read, again soon", self.id);
                self.aside.load_not_before_ms = cx.now.ms + LOAD_AGAIN_MS;
                return;
            }
        };
        if !self.is_on() {
            return;
        }
        let mut short = page.len() < load.limit;
        self.suspect_overtaking(&page);
        self.suspect_overtaking(&ahead);
        // When the page was asked for, others may have held less.
        let room = self.window(cx).saturating_sub(self.book.active()).max(1);
        if page.len() > room {
            page.truncate(room);
            short = false;
        }
        let unsettled: HashSet<DeliveryId> = self.unsettled.iter().map(|u| u.id).collect();
        for queued in page {
            let id = queued.id;
            self.cursor = self.cursor.max(id);
            let settled = self.aside.shadow.contains(&id) && !planted::has(Bug::DoubleClaim);
            if !settled && !unsettled.contains(&id) {
                self.take_loaded(queued, late.contains(&id), cx);
            }
        }
        self.aside.shadow.clear();
        self.aside.started_meanwhile.clear();
        if short && load.until < DeliveryId(i64::MAX) {
            self.cursor = self.cursor.max(load.until);
        } else if short {
            self.cursor = self.cursor.max(load.seen);
            self.behind = self.aside.dropped > self.cursor && !planted::has(Bug::LostWakeUp);
            self.aside.suspects = Suspects::None;
        }
    }

    fn take_loaded(&mut self, mut queued: Queued, late: bool, cx: &mut Context<'_>) {
        let now = cx.now.ms;
        let id = queued.id;
        // Whatever the clocks did while nothing ran: no wait is longer than it was meant to be.
        let longest = now.saturating_add(queued.wait_ms.max(0));
        queued.due_ms = queued.due_ms.map(|due| due.min(longest));
        let due = queued.due_ms.unwrap_or(i64::MIN);
        if matches!(queued.trigger, Trigger::Recover | Trigger::Resend) {
            let overtaken = late || self.is_overtaken(&queued);
            let late = overtaken && !planted::has(Bug::Reorder);
            if late && !queued.late && !queued.settled {
                queued.late = true;
                self.write_late(&queued, cx);
            }
            if queued.trigger == Trigger::Resend {
                self.wished.push(id);
            }
        } else if due <= now && self.is_suspect(id) {
            queued.trigger = Trigger::Restart;
        }
        self.insert(queued, cx);
        self.lighten(id, due, cx);
    }

    /// Leaves the bytes of what waits for long in the store, where the lane has much else.
    pub(super) fn lighten(&mut self, id: DeliveryId, due_ms: i64, cx: &mut Context<'_>) {
        if due_ms > cx.now.ms + LONG_WAIT_MS && self.book.len() > SMALL_WINDOW {
            self.book.lighten(id);
            self.count(cx.budget);
        }
    }

    /// After a crash nobody knows which deliveries were under way. What people brought back into an old place counts as overtaken
    /// by every later one of its item that may have been.
    fn suspect_overtaking(&mut self, page: &[Queued]) {
        let Suspects::First { made_before_ms, .. } = &self.aside.suspects else {
            return;
        };
        let may_have_started = |q: &&Queued| {
            !matches!(q.trigger, Trigger::Recover | Trigger::Resend)
                && created_ms(q.id) <= *made_before_ms
        };
        let suspects = page.iter().filter(may_have_started);
        let suspects = suspects.map(|q| (q.id, Roots::new(&q.message.roots)));
        self.aside.started_meanwhile.extend(suspects);
    }

    /// Written at once: a crash must not forget what overtook it.
    fn write_late(&mut self, queued: &Queued, cx: &mut Context<'_>) {
        let settlement = Settlement {
            delivery: queued.id,
            webhook: self.id,
            attempt: None,
            then: Then::Retry {
                due_ms: queued.due_ms.unwrap_or(cx.now.ms),
                wait_ms: queued.wait_ms,
            },
            tries: queued.tries,
            first_try_ms: queued.first_try_ms,
            late: true,
        };
        self.settle(settlement, cx);
    }

    fn is_suspect(&mut self, id: DeliveryId) -> bool {
        match &mut self.aside.suspects {
            Suspects::None => false,
            Suspects::First { left: 0, .. } => {
                self.aside.suspects = Suspects::None;
                false
            }
            Suspects::First {
                left,
                made_before_ms,
            } => {
                *left -= 1;
                created_ms(id) <= *made_before_ms
            }
            Suspects::These(these) => these.contains(&id),
        }
    }

    fn insert(&mut self, queued: Queued, cx: &mut Context<'_>) {
        let id = queued.id;
        let ordered = self.is_ordered;
        self.book.insert(queued, ordered, cx.now.ms);
        if cx.budget.held_bytes > cx.budget.much_held_bytes {
            self.book.lighten(id);
        }
        self.count(cx.budget);
    }

    /// Whether a later delivery of one of its items was started of which the log did not know when it was asked.
    fn is_overtaken(&self, queued: &Queued) -> bool {
        let roots = &queued.message.roots;
        self.is_ordered
            && self.aside.started_meanwhile.iter().any(|(id, of)| {
                *id > queued.id && of.as_slice().iter().any(|root| roots.contains(root))
            })
    }
}
