//! Why a delivery that waits is not being sent right now: for people who ask.

use tidings_domain::{DeliveryId, ObjectRef};

/// What stands between a delivery and its next try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// The one thing that must happen first.
    pub why: Why,
    /// The delivery of the same item that goes first, if there is one.
    pub behind: Option<Behind>,
}

/// What a delivery waits for. Times are stored server time in milliseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// Nothing: a try is under way, or its result is being written.
    InFlight,
    /// The end of a pause.
    Paused,
    /// Its webhook is off, or its project: it is being put aside.
    Off,
    /// The webhook backs off and is probed then.
    Probe {
        /// When.
        at_ms: i64,
    },
    /// The time of its own next try.
    Retry {
        /// When.
        due_ms: i64,
    },
    /// Its turn: see [`Waiting::behind`].
    Turn,
    /// A seat: as many tries as may be are under way.
    Seat(Seat),
    /// The end of a short stop after a try that this server could not make.
    OwnFault {
        /// Until when nothing starts.
        until_ms: i64,
    },
    /// Nothing any more: it starts next.
    Next,
    /// What a sweep (recover, or a resend in bulk) brings back goes first.
    Sweep,
    /// A place in memory: it lies in the store behind others of its webhook.
    Stored,
    /// Nobody knows: it was recorded or settled this very moment.
    Moving,
}

/// Which limit is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seat {
    /// The webhook's `max_in_flight`.
    Webhook {
        /// How many requests that is.
        most: u32,
    },
    /// The results of a webhook that are not written yet.
    Unwritten,
    /// The tries of all webhooks together.
    Server,
}

/// The delivery that goes first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Behind {
    /// Which.
    pub delivery: DeliveryId,
    /// The item that both are about.
    pub item: ObjectRef,
    /// What that delivery is about; unknown while its bytes are left in the store.
    pub object: Option<String>,
    /// How many of the item's deliveries go first.
    pub ahead: usize,
    /// Whether it is being tried now.
    pub in_flight: bool,
    /// When it is due, in stored server time; in the past: when its turn or a probe comes.
    pub due_ms: i64,
}
