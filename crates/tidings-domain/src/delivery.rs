//! Words for messages, deliveries and attempts that every floor shares.

use std::fmt;

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$vdoc])* $variant,)* }

        impl $name {
            /// Every value.
            pub const ALL: &'static [$name] = &[$($name::$variant,)*];

            /// The word in the API, the log and the metrics.
            pub const fn as_str(self) -> &'static str {
                match self { $($name::$variant => $word,)* }
            }

            /// The value of a word.
            pub fn parse(word: &str) -> Option<Self> {
                match word { $($word => Some($name::$variant),)* _ => None }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

words! {
    /// Where a delivery stands.
    DeliveryState {
        /// Waits for its time, its turn or a probe.
        Pending "pending",
        /// Waits because the webhook is paused.
        Held "held",
        /// Put aside because the webhook is disabled or the project not `on`; waits for `recover`.
        Parked "parked",
        /// A receiver accepted it.
        Delivered "delivered",
        /// Given up.
        Failed "failed",
        /// Not to be sent any more: skipped by recover, or the webhook was deleted.
        Skipped "skipped",
        /// Parked or held for longer than retention keeps.
        Expired "expired",
    }
}

words! {
    /// Why a try was made.
    Trigger {
        /// The change itself.
        Event "event",
        /// A later try by the schedule.
        Retry "retry",
        /// A probe of a webhook that backs off.
        Probe "probe",
        /// The first try after a start of something that may have been sent.
        Restart "restart",
        /// Repeated at once on a new connection because a reused one was dead.
        Reconnect "reconnect",
        /// A person asked for it.
        Resend "resend",
        /// Recovered after the webhook was off.
        Recover "recover",
        /// A test send.
        Test "test",
    }
}

words! {
    /// How a try ended: a closed set.
    Outcome {
        /// 2xx.
        Accepted "accepted",
        /// Any other status.
        Rejected "rejected",
        /// The deadline passed.
        TimedOut "timed_out",
        /// Name does not exist, refused, reset, TLS.
        Unreachable "unreachable",
        /// Our own guard refused the address.
        Blocked "blocked",
        /// Our own fault: resolver silent or failing, no route, no descriptors.
        Unsendable "unsendable",
        /// Our shutdown cut it off.
        Interrupted "interrupted",
    }
}

impl Outcome {
    /// Whether it counts against the receiver when it is no success.
    pub const fn counts(self) -> bool {
        matches!(
            self,
            Outcome::Rejected | Outcome::TimedOut | Outcome::Unreachable
        )
    }
}
