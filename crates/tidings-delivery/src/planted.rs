//! Five bugs on purpose: a simulation that does not find them is blind. Only this crate's own tests turn the feature `planted` on;
//! without it nothing of this is compiled.

/// A bug that can be planted.
#[cfg_attr(
    not(feature = "planted"),
    expect(unreachable_pub, reason = "only tests reach it")
)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bug {
    /// What was committed while a lane read its queue is forgotten.
    LostWakeUp,
    /// People are told that it is done before it is written.
    EarlyAcknowledgement,
    /// What is brought back does not notice that it was overtaken.
    Reorder,
    /// What was settled while a page of the queue was read is taken from that page again.
    DoubleClaim,
    /// Tries that are settled while a lane reads its queue keep their seats.
    CounterDrift,
}

#[cfg(feature = "planted")]
thread_local! {
    static PLANTED: std::cell::Cell<Option<Bug>> = const { std::cell::Cell::new(None) };
}

/// Plants a bug in every engine of this thread, or takes it out again.
#[cfg(feature = "planted")]
pub fn plant(bug: Option<Bug>) {
    PLANTED.set(bug);
}

/// Whether that bug is planted.
#[cfg(feature = "planted")]
pub(crate) fn has(bug: Bug) -> bool {
    PLANTED.get() == Some(bug)
}

/// Never.
#[cfg(not(feature = "planted"))]
pub(crate) const fn has(_: Bug) -> bool {
    false
}
