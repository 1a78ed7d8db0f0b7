//! The closed set of reasons, the weightiest first.

use std::fmt;

macro_rules! reasons {
    ($($(#[$doc:meta])* $variant:ident $word:literal,)*) => {
        /// Why a message of an event reached a webhook, does not yet, or never will. Ordered: of several, the first one is told.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Reason { $($(#[$doc])* $variant,)* }

        impl Reason {
            /// Every reason.
            pub const ALL: &'static [Reason] = &[$(Reason::$variant,)*];

            /// The word in the API.
            pub const fn as_str(self) -> &'static str {
                match self { $(Reason::$variant => $word,)* }
            }
        }
    };
}

reasons! {
    /// Given up after its tries.
    Failed "failed",
    /// Parked or held for longer than retention keeps.
    Expired "expired",
    /// Not to be sent any more: skipped by recover, or the webhook was deleted.
    Skipped "skipped",
    /// Put aside while the webhook or its project was off.
    Parked "parked",
    /// Our own guard refuses the address; tried again by the schedule.
    Blocked "blocked",
    /// This server could not send it; tried again by the schedule.
    Unsendable "unsendable",
    /// The webhook is paused.
    Paused "paused",
    /// The webhook fails and is only probed.
    BackingOff "backing_off",
    /// The last try failed; the next one has its time.
    Retry "retry",
    /// What recover or a resend in bulk brings back goes first.
    Recovering "recovering",
    /// An earlier delivery of the same item goes first.
    Behind "behind",
    /// As many tries as may be are under way.
    InFlightLimit "in_flight_limit",
    /// Further back in the webhook's queue.
    Queued "queued",
    /// It starts now.
    Starting "starting",
    /// A try is under way.
    InFlight "in_flight",
    /// A receiver accepted it.
    Delivered "delivered",
    /// It would be wanted now, and was edited since.
    ChangedSince "changed_since",
    /// It would be wanted; the log has nothing of it.
    NotInLog "not_in_log",
    /// The event is that this webhook was switched off; others are told.
    OwnEvent "own_event",
    /// The webhook did not exist yet.
    CreatedLater "created_later",
    /// The project's webhooks were not on.
    ProjectOff "project_off",
    /// The webhook was off.
    WebhookOff "webhook_off",
    /// Another code that it selects says this in its place.
    OtherCode "other_code",
    /// The webhook does not select the code.
    NotSelected "not_selected",
    /// The dialect has no word for it.
    DialectSilent "dialect_silent",
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
