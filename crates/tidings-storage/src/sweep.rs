//! Sweeps: long jobs over one webhook's past, done in small steps that a crash cannot tear.
//!
//! *Recover* deals with what a webhook missed: deliveries that were parked, and events recorded while it was off. *Resend* brings
//! back what was given up. A sweep goes through the webhook's queue from old to new. Its row in the store is written with each
//! step, so that after a crash it goes on where it was: nothing is lost, nothing comes twice. Deliveries up to [`Sweep::at`] are
//! dealt with; until the sweep is over nothing behind that place may be sent, and so what is brought back goes first.
//!
//! What a webhook missed is known from its *absences*: the store notes, in the transaction that switches the webhook or its
//! project, after which event it was off and up to which. Events from before the webhook was made, and events that it did not
//! select while it was on, lie in no absence and are never sent.
//!
//! The queue is ordered by delivery ids, and what is made up for has to stand before everything newer. So the end of an absence
//! reserves ids for what was missed in it: a place after all that is older and before all that is newer.

use std::sync::Arc;

use tidings_domain::webhook::Webhook;
use tidings_domain::{DeliveryId, EventId, ProjectId, WebhookId};

/// What a sweep does with what it finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Errand {
    /// What was missed is delivered.
    Deliver,
    /// What was missed is marked as skipped.
    Skip,
    /// Deliveries in these states are sent again; test sends are not.
    Resend {
        /// Those given up.
        failed: bool,
        /// Those that waited too long.
        expired: bool,
    },
}

/// A sweep that is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewSweep {
    /// Whose past.
    pub webhook: WebhookId,
    /// What for.
    pub errand: Errand,
    /// From this stored server time on.
    pub since_ms: i64,
    /// Up to, and without, this one; only of a resend.
    pub until_ms: Option<i64>,
}

/// A sweep under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sweep {
    /// Whose past.
    pub webhook: WebhookId,
    /// Of this project.
    pub project: ProjectId,
    /// What for.
    pub errand: Errand,
    /// Everything in the queue up to here is dealt with.
    pub at: DeliveryId,
    /// It ends here: what is newer is none of its business.
    pub end: DeliveryId,
    /// Of what was missed, events after this one.
    pub after: EventId,
    /// Of what was missed, events up to this one.
    pub last: EventId,
    /// Deliveries dealt with so far.
    pub count: u64,
}

/// A sweep that has just begun.
#[derive(Clone, Debug)]
pub struct Begun {
    /// The sweep.
    pub sweep: Sweep,
    /// The webhook as it is stored now.
    pub webhook: Arc<Webhook>,
}

/// How a sweep stands after a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Swept {
    /// The sweep.
    pub sweep: Sweep,
    /// What comes next.
    pub next: Next,
}

/// The next step of a sweep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// More deliveries that are there already.
    Deliveries,
    /// Events that were missed.
    Events {
        /// After this one.
        after: EventId,
        /// Up to this one.
        until: EventId,
    },
    /// It is over, and its row is gone.
    Nothing,
}

/// `until` of an absence that lasts.
pub const STILL_OFF: EventId = EventId(i64::MAX);

/// Events recorded while a webhook was off and not dealt with yet, and the place in its queue for what they say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Absence {
    /// It missed events after this one.
    pub since: EventId,
    /// It missed events up to this one; [`STILL_OFF`] while it is off.
    pub until: EventId,
    /// The next id for what is made up for; none while it is off.
    pub place: DeliveryId,
    /// The last of these ids.
    pub place_end: DeliveryId,
}

/// Ids that an absence gets at least, and for each so many events in the server: [`EVENTS_A_BLOCK`]. One block is one millisecond
/// of ids, so a reservation never takes the ids far ahead of the clock.
const BLOCK: i64 = 1 << 20;
/// Four ids an event, on average over all projects of the server. What finds no id left takes its place at the end of the queue.
const EVENTS_A_BLOCK: i64 = BLOCK / 4;

impl Absence {
    /// It begins: the webhook misses what comes after that event.
    pub fn open(since: EventId) -> Self {
        Self {
            since,
            until: STILL_OFF,
            place: DeliveryId(0),
            place_end: DeliveryId(0),
        }
    }

    /// Whether the webhook is still off.
    pub fn is_open(&self) -> bool {
        self.until == STILL_OFF
    }

    /// It ends with that event, and takes the ids after `next`.
    #[must_use]
    pub fn close(self, until: EventId, next: DeliveryId) -> Self {
        let events = until.0.saturating_sub(self.since.0).max(0);
        let ids = BLOCK.saturating_mul(1 + events / EVENTS_A_BLOCK);
        Self {
            until,
            place: next,
            place_end: DeliveryId(next.0.saturating_add(ids - 1)),
            ..self
        }
    }

    /// In two, after that event, each with its share of the ids; `None` when one of the two would be empty.
    pub fn split(self, after: EventId) -> Option<(Self, Self)> {
        if after <= self.since || after >= self.until {
            return None;
        }
        let ids = i128::from(self.place_end.0 - self.place.0 + 1);
        let whole = i128::from(self.until.0 - self.since.0);
        let share = ids * i128::from(after.0 - self.since.0) / whole;
        let share = i64::try_from(share.clamp(0, ids.max(0))).unwrap_or_default();
        let early = Self {
            until: after,
            place_end: DeliveryId(self.place.0 + share - 1),
            ..self
        };
        let late = Self {
            since: after,
            place: DeliveryId(self.place.0 + share),
            ..self
        };
        Some((early, late))
    }

    /// The next id of its place, if one is left.
    pub fn take_id(&mut self) -> Option<DeliveryId> {
        let id = self.place;
        if id > self.place_end {
            return None;
        }
        self.place = DeliveryId(id.0 + 1);
        Some(id)
    }
}

impl Sweep {
    /// A sweep that begins now. `end` is the last delivery, `after` the last event before what is asked for, `last` the last event.
    pub fn begin(
        new: &NewSweep,
        project: ProjectId,
        end: DeliveryId,
        (after, last): (EventId, EventId),
    ) -> Self {
        let until = new.until_ms.map_or(i64::MAX, |ms| first_id(ms).0 - 1);
        Self {
            webhook: new.webhook,
            project,
            errand: new.errand,
            at: DeliveryId(first_id(new.since_ms).0 - 1),
            end: DeliveryId(end.0.min(until)),
            after,
            last,
            count: 0,
        }
    }

    /// Whether an absence is its business.
    pub fn concerns(&self, absence: &Absence) -> bool {
        !absence.is_open()
            && absence.since >= self.after
            && absence.until <= self.last
            && !matches!(self.errand, Errand::Resend { .. })
    }

    /// Where the deliveries end that come before that absence in the queue.
    pub fn bound(&self, absence: Option<&Absence>) -> DeliveryId {
        absence.map_or(self.end, |a| DeliveryId(a.place.0 - 1))
    }

    /// Some deliveries were dealt with: `full`, if there may be more of them before `bound`.
    pub fn deliveries_done(&mut self, ids: &[DeliveryId], full: bool, bound: DeliveryId) {
        self.count += ids.len() as u64;
        self.at = match ids.last() {
            Some(last) if full => *last,
            _ => bound.max(self.at),
        };
    }

    /// Some of what was missed was dealt with.
    pub fn events_done(&mut self, made: usize, absence: &Absence, whole: bool) {
        self.count += made as u64;
        self.at = if whole {
            absence.place_end
        } else {
            DeliveryId(absence.place.0 - 1)
        }
        .max(self.at);
    }
}

/// The smallest id that a delivery made at that stored server time can have.
pub fn first_id(ms: i64) -> DeliveryId {
    DeliveryId(ms.clamp(0, i64::MAX >> 20) << 20)
}

#[cfg(test)]
mod tests;
