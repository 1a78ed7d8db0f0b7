//! What people do to a webhook: edit, pause, switch off and on, delete, ask for a delivery again.

use std::sync::Arc;

use tidings_domain::DeliveryId;
use tidings_domain::delivery::Trigger;
use tidings_domain::webhook::{DisabledReason, HealthState, Webhook};
use tidings_storage::audit::AuditEntry;
use tokio::sync::oneshot;

use super::{Budget, Context, Lane};
use crate::effect::Effect;
use crate::health::{By, Rules};
use crate::waiting::{Seat, Waiting, Why};

/// How a lane stands to somebody who wants a delivery sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// There is no such webhook any more.
    Deleted,
    /// It is switched off, or its project is.
    Off,
    /// It sends, or will when it is resumed.
    On,
}

impl Lane {
    pub(crate) fn standing(&self) -> Standing {
        if self.deleted {
            Standing::Deleted
        } else if self.is_on() {
            Standing::On
        } else {
            Standing::Off
        }
    }

    /// An edit: acts from the next try on.
    pub(crate) fn saved(
        &mut self,
        webhook: Arc<Webhook>,
        rules: Rules,
        url_changed: bool,
        cx: &mut Context<'_>,
    ) {
        if webhook.version < self.target.webhook.version {
            return;
        }
        let order_changed = webhook.ordering != self.target.webhook.ordering;
        self.retarget(webhook);
        self.aside.rules = rules;
        if url_changed {
            self.vital.url_changed(cx.now);
            self.write_health(cx);
        }
        if order_changed {
            self.reload(cx);
        }
    }

    /// On whose behalf the next changes are made.
    pub(crate) fn act_for(&mut self, by: By) {
        self.vital.by = by;
    }

    /// `note` is written with it, if that is a change.
    pub(crate) fn pause(&mut self, note: Option<AuditEntry>, cx: &mut Context<'_>) {
        let was_paused = self.is_paused();
        self.vital.pause(cx.now);
        self.write_pause(was_paused, note, cx);
    }

    /// `note` is written with it, if that is a change.
    pub(crate) fn resume(&mut self, note: Option<AuditEntry>, cx: &mut Context<'_>) {
        let was_paused = self.is_paused();
        self.vital.resume(cx.now);
        self.write_pause(was_paused, note, cx);
    }

    fn write_pause(&mut self, was: bool, note: Option<AuditEntry>, cx: &mut Context<'_>) {
        self.write_health(cx);
        let changed = was != self.is_paused();
        cx.effects.notes.extend(note.filter(|_| changed));
    }

    fn is_paused(&self) -> bool {
        self.vital.state() == HealthState::Paused
    }

    pub(crate) fn enable(&mut self, cx: &mut Context<'_>) {
        if self.vital.is_disabled() {
            self.vital.enable(cx.now);
            self.reload(cx);
        }
        self.write_health(cx);
    }

    pub(crate) fn disable(&mut self, reason: DisabledReason, cx: &mut Context<'_>) {
        // Who switches off what the server switched off already does not change why.
        if self.vital.state() != HealthState::Disabled {
            self.vital.disable(reason, cx.now);
            self.put_aside(cx);
        }
        self.write_health(cx);
    }

    /// The project's switch was turned.
    pub(crate) fn project_switched(&mut self, on: bool, cx: &mut Context<'_>) {
        let was_on = self.is_on();
        self.project_on = on;
        match (was_on, self.is_on()) {
            (true, false) => self.put_aside(cx),
            (false, true) => self.reload(cx),
            _ => {}
        }
    }

    /// The store has deleted the webhook and skipped what waited.
    pub(crate) fn delete(&mut self, cx: &mut Context<'_>) {
        self.deleted = true;
        self.reload(cx);
        self.unwritten = false;
        for waiter in self.aside.after_parking.drain(..) {
            let _ = waiter.send(());
        }
    }

    /// Something old was made to wait again.
    pub(crate) fn recovered(&mut self, cx: &mut Context<'_>) {
        self.reload(cx);
    }

    /// Forgets what waits and has it put aside in the store.
    pub(super) fn put_aside(&mut self, cx: &mut Context<'_>) {
        self.reload(cx);
        self.park(cx);
    }

    /// Has everything that waits in the store put aside.
    pub(crate) fn park(&mut self, cx: &mut Context<'_>) {
        if self.aside.parking {
            self.aside.park_again = true;
        } else {
            self.aside.parking = true;
            cx.effects.todo.push(Effect::Park(self.id));
        }
    }

    /// Everything was put aside.
    pub(crate) fn parked(&mut self, cx: &mut Context<'_>) {
        self.aside.parking = false;
        if std::mem::take(&mut self.aside.park_again) && !self.is_on() {
            self.park(cx);
            return;
        }
        for waiter in self.aside.after_parking.drain(..) {
            let _ = waiter.send(());
        }
    }

    /// Tells when nothing is being put aside: only then it may be switched on again.
    pub(crate) fn when_parked(&mut self, waiter: oneshot::Sender<()>) {
        if self.aside.parking {
            self.aside.after_parking.push(waiter);
        } else {
            let _ = waiter.send(());
        }
    }

    /// What a delivery that waits waits for.
    pub(crate) fn waiting(&self, id: DeliveryId, budget: &Budget, now_ms: i64) -> Waiting {
        Waiting {
            why: self.why(id, budget, now_ms),
            behind: self.book.behind(id),
        }
    }

    fn why(&self, id: DeliveryId, budget: &Budget, now_ms: i64) -> Why {
        if self.is_unsettled(id) || self.book.is_flying(id) {
            return Why::InFlight;
        }
        let Some(entry) = self.book.get(id) else {
            return match self.vital.state() {
                _ if !self.is_on() => Why::Off,
                _ if self.gate.is_some_and(|gate| gate < id) => Why::Sweep,
                HealthState::Paused => Why::Paused,
                HealthState::BackingOff => self.until_probe(),
                HealthState::Ok | HealthState::Disabled if self.behind => Why::Stored,
                HealthState::Ok | HealthState::Disabled => Why::Moving,
            };
        };
        match self.vital.state() {
            _ if !self.is_on() => Why::Off,
            HealthState::Paused => Why::Paused,
            HealthState::BackingOff => self.until_probe(),
            _ if entry.due_ms > now_ms => Why::Retry {
                due_ms: entry.due_ms,
            },
            _ if !self.book.is_turn(id) => Why::Turn,
            _ if now_ms < self.start_not_before_ms => Why::OwnFault {
                until_ms: self.start_not_before_ms,
            },
            _ => self.seat(budget).map_or(Why::Next, Why::Seat),
        }
    }

    fn until_probe(&self) -> Why {
        Why::Probe {
            at_ms: self.vital.probe_at_ms,
        }
    }

    /// The limit that keeps the next one from starting.
    fn seat(&self, budget: &Budget) -> Option<Seat> {
        if self.book.flying() >= self.max_in_flight {
            let most = self.target.webhook.max_in_flight.max(1);
            Some(Seat::Webhook { most })
        } else if !self.has_seat() {
            Some(Seat::Unwritten)
        } else if budget.open >= budget.most_open || budget.closed {
            Some(Seat::Server)
        } else {
            None
        }
    }

    /// A delivery that waits is to be tried now; whether it is its turn.
    pub(crate) fn try_now(&mut self, id: DeliveryId, cx: &mut Context<'_>) -> bool {
        if self.vital.state() == HealthState::Paused {
            return true;
        }
        if self.book.is_flying(id) || !self.book.is_turn(id) {
            return false;
        }
        self.book.hasten(id, Trigger::Resend, cx.now.ms);
        self.wished.push(id);
        true
    }
}
