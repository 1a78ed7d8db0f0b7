//! What becomes of a delivery after a try.

use std::sync::Arc;

use tidings_domain::DeliveryId;
use tidings_domain::delivery::{Outcome, Trigger};
use tidings_domain::webhook::DisabledReason;
use tidings_storage::{Attempt, Settlement, Then};

use super::{Context, Lane, OWN_FAULT_PAUSE_MS};
use crate::effect::{Effect, Landed};
use crate::pace::Tried;
use crate::schedule::most_jitter_ms;
use crate::verdict::Verdict;

/// The pause after our own faults doubles up to a minute.
const MOST_OWN_FAULTS: u32 = 6;

/// The next state of a delivery, with what the schedule knows of it.
struct Fate {
    then: Then,
    tries: u32,
    first_try_ms: Option<i64>,
    late: bool,
}

impl Lane {
    /// A flight has ended.
    pub(crate) fn landed(&mut self, id: DeliveryId, landed: Landed, cx: &mut Context<'_>) {
        cx.budget.open = cx.budget.open.saturating_sub(1);
        let was_probe = self.probing == Some(id);
        if was_probe {
            self.probing = None;
        }
        match landed {
            Landed::Tried(attempts, verdict) => {
                let disabled = self.note(id, &verdict, was_probe, cx);
                self.note_pace(&attempts, &verdict, cx);
                self.tried(id, attempts, &verdict, cx);
                if let Some(reason) = disabled {
                    self.put_aside(cx);
                    let webhook = Arc::clone(&self.target.webhook);
                    cx.effects.todo.push(Effect::Announce(webhook, reason));
                }
            }
            Landed::Vanished => self.drop_entry(id, cx),
            // Nothing would ever be told of it again, and the lane never be over.
            Landed::Unread(_) if self.deleted => self.drop_entry(id, cx),
            Landed::Unread(error) => {
                tracing::warn!(delivery.id = %id, %error, "delivery {id} could not be read, again soon");
                let due = cx.now.ms + OWN_FAULT_PAUSE_MS;
                self.book.stay(id, cx.now.ms, |e| {
                    e.due_ms = due;
                    e.early = false;
                });
                if was_probe {
                    self.vital.probe_again(cx.now);
                }
            }
        }
    }

    fn tried(
        &mut self,
        id: DeliveryId,
        mut attempts: Vec<Attempt>,
        verdict: &Verdict,
        cx: &mut Context<'_>,
    ) {
        let last = attempts.pop();
        let Some(fate) = self.fate(id, verdict, cx) else {
            return;
        };
        for attempt in attempts {
            let noted = Fate {
                then: Then::AsItIs,
                ..fate
            };
            self.write_fate(id, Some(attempt), &noted, cx);
        }
        self.write_fate(id, last, &fate, cx);
        self.follow(id, &fate, cx);
        self.overtake(cx);
    }

    /// For people who look how much goes out and how fast. What our own stop cut off says nothing.
    fn note_pace(&mut self, attempts: &[Attempt], verdict: &Verdict, cx: &mut Context<'_>) {
        if verdict.outcome == Outcome::Interrupted {
            return;
        }
        let took_ms = attempts.last().map_or(0, |a| a.duration_ms);
        let tried = Tried {
            accepted: verdict.accepted(),
            took_ms: u32::try_from(took_ms).unwrap_or(u32::MAX),
        };
        self.shown.note(tried, &self.vital.health, cx.now.ms);
        let (accepted, failed) = &mut cx.budget.sums.tried;
        *accepted += u32::from(tried.accepted);
        *failed += u32::from(!tried.accepted);
    }

    /// What the try means for the webhook.
    fn note(
        &mut self,
        id: DeliveryId,
        verdict: &Verdict,
        was_probe: bool,
        cx: &mut Context<'_>,
    ) -> Option<DisabledReason> {
        let before = (self.vital.state(), self.vital.health.consecutive_failures);
        let began = self.book.get(id).map_or(0, |e| e.began);
        let mut disabled = None;
        if verdict.accepted() {
            self.own_faults_end(cx);
            self.accepted_ms = Some(cx.now.ms);
            self.vital.accepted(verdict.status, cx.now);
        } else {
            if verdict.counts() {
                self.own_faults_end(cx);
                if verdict.reached {
                    self.book.note_refusal(id);
                }
            } else if verdict.outcome != Outcome::Interrupted {
                self.pause_for_own_fault(began, cx);
            }
            disabled = self.vital.failed(verdict, began, &self.aside.rules, cx.now);
            if was_probe && !verdict.counts() {
                self.vital.probe_again(cx.now);
            }
        }
        let after = (self.vital.state(), self.vital.health.consecutive_failures);
        self.unwritten = true;
        if before != after {
            self.write_health(cx);
        }
        disabled
    }

    /// Our own faults (no resolver, no route, no descriptors, a forbidden address) would burn through the whole queue at once. Tries
    /// that were under way together fail together: that is one fault, and no reason for a longer pause.
    fn pause_for_own_fault(&mut self, began: u64, cx: &mut Context<'_>) {
        if began <= self.aside.own_fault_stamp {
            return;
        }
        self.aside.own_fault_stamp = self.vital.begin();
        let pause = OWN_FAULT_PAUSE_MS << self.own_faults.min(MOST_OWN_FAULTS);
        self.own_faults = self.own_faults.saturating_add(1);
        self.start_not_before_ms = cx.now.ms + pause;
    }

    /// A try got through to a receiver: whatever was wrong here is over, or soon will be.
    fn own_faults_end(&mut self, cx: &mut Context<'_>) {
        self.own_faults = 0;
        let soon = cx.now.ms + OWN_FAULT_PAUSE_MS;
        self.start_not_before_ms = self.start_not_before_ms.min(soon);
    }

    /// What the try means for the delivery.
    fn fate(&self, id: DeliveryId, verdict: &Verdict, cx: &mut Context<'_>) -> Option<Fate> {
        let entry = self.book.get(id)?;
        let now = cx.now.ms;
        let first_try = entry.first_try_ms.unwrap_or(now);
        let mut tries = entry.tries;
        let then = if verdict.accepted() {
            tries += 1;
            Then::Delivered
        } else if entry.settled {
            Then::AsItIs
        } else if self.deleted {
            Then::Skipped
        } else if !self.is_on() && self.gate.is_none() {
            Then::Parked
        } else if verdict.outcome == Outcome::Interrupted {
            Then::Retry {
                due_ms: now,
                wait_ms: 0,
            }
        } else if entry.early {
            // A probe before its time costs a delivery none of its tries and does not put it off.
            let asked = now + verdict.retry_after_ms.unwrap_or(0);
            Then::Retry {
                due_ms: entry.due_ms.max(asked),
                wait_ms: entry.wait_ms.max(asked - now),
            }
        } else {
            tries += 1;
            match self.aside.rules.schedule.wait_after(tries, first_try, now) {
                None => Then::Failed,
                Some(wait) => {
                    let jitter = cx.entropy.below(most_jitter_ms(wait).saturating_add(1));
                    let wait = wait.saturating_add_unsigned(jitter);
                    let wait = wait.max(verdict.retry_after_ms.unwrap_or(0));
                    Then::Retry {
                        due_ms: now.saturating_add(wait),
                        wait_ms: wait,
                    }
                }
            }
        };
        Some(Fate {
            then,
            tries,
            first_try_ms: Some(first_try),
            late: entry.late,
        })
    }

    fn write_fate(
        &mut self,
        id: DeliveryId,
        attempt: Option<Attempt>,
        fate: &Fate,
        cx: &mut Context<'_>,
    ) {
        let settlement = Settlement {
            delivery: id,
            webhook: self.id,
            attempt,
            then: fate.then,
            tries: fate.tries,
            first_try_ms: fate.first_try_ms,
            late: fate.late,
        };
        self.settle(settlement, cx);
    }

    /// Memory follows what is written.
    fn follow(&mut self, id: DeliveryId, fate: &Fate, cx: &mut Context<'_>) {
        match fate.then {
            Then::Retry { due_ms, wait_ms } => {
                self.book.stay(id, cx.now.ms, |entry| {
                    entry.tries = fate.tries;
                    entry.first_try_ms = fate.first_try_ms;
                    entry.due_ms = due_ms;
                    entry.wait_ms = wait_ms;
                    entry.trigger = Trigger::Retry;
                    entry.early = false;
                });
                self.lighten(id, due_ms, cx);
            }
            Then::Delivered | Then::Failed | Then::Parked | Then::Skipped | Then::AsItIs => {
                self.drop_entry(id, cx);
            }
        }
    }

    fn drop_entry(&mut self, id: DeliveryId, cx: &mut Context<'_>) {
        if self.book.remove(id, cx.now.ms).is_some() {
            self.count(cx.budget);
        }
    }

    /// Where others were accepted, what was refused three times lets the later ones of its item pass.
    fn overtake(&mut self, cx: &mut Context<'_>) {
        let Some(accepted_ms) = self.accepted_ms else {
            return;
        };
        for id in self.book.give_up_order(accepted_ms, cx.now.ms) {
            let Some(entry) = self.book.get(id) else {
                continue;
            };
            let fate = Fate {
                then: Then::Retry {
                    due_ms: entry.due_ms,
                    wait_ms: entry.wait_ms,
                },
                tries: entry.tries,
                first_try_ms: entry.first_try_ms,
                late: true,
            };
            self.write_fate(id, None, &fate, cx);
        }
    }
}
