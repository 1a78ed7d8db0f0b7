//! What all lanes share, and what each may have of it.

use crate::live::Sums;

/// Deliveries in memory per lane that do not just wait for their time, unless the settings say otherwise.
pub(crate) const WINDOW: usize = 512;
/// The same while only probes are sent, or while all lanes together hold much.
pub(super) const SMALL_WINDOW: usize = 64;
/// While only probes are sent, at least so many: a message that is always refused must not be the only one to probe with.
pub(super) const FEWEST_TO_PROBE: usize = 2;
/// The same while all lanes together hold very much.
const TINY_WINDOW: usize = 8;
/// Deliveries in memory altogether: beyond it a lane takes nothing new until some of its retries are through.
const MOST_ENTRIES: usize = 20_000;
/// The same while all lanes together hold as much as they may.
const FEW_ENTRIES: usize = 64;

/// What all lanes share.
#[derive(Debug)]
pub(crate) struct Budget {
    /// Tries in flight or unsettled.
    pub(crate) open: usize,
    /// The most of them.
    pub(crate) most_open: usize,
    /// Deliveries in memory.
    pub(crate) held: usize,
    /// Bytes of their messages.
    pub(crate) held_bytes: usize,
    /// Beyond so many bytes, messages of what is new stay in the store until they are sent.
    pub(crate) much_held_bytes: usize,
    /// Bytes of results that are not written.
    pub(crate) unwritten_bytes: usize,
    /// Beyond so many, nothing is started.
    pub(crate) most_unwritten_bytes: usize,
    /// Deliveries in memory per lane that do not just wait for their time.
    pub(crate) window: usize,
    /// Beyond it, windows are small; beyond twice of it, tiny; beyond five times of it, lanes take one after the other.
    pub(crate) much_held: usize,
    /// No starts any more: the server stops.
    pub(crate) closed: bool,
    /// What people see of all lanes together.
    pub(crate) sums: Sums,
}

impl Budget {
    /// Deliveries that one lane may have in memory, but for those that just wait for their time.
    pub(super) fn window(&self) -> usize {
        let most = match self.held.checked_div(self.much_held).unwrap_or(usize::MAX) {
            0 => self.window,
            1 => SMALL_WINDOW,
            2..=4 => TINY_WINDOW,
            _ => 1,
        };
        most.min(self.window)
    }

    /// Deliveries that one lane may have in memory altogether.
    pub(super) fn most_entries(&self) -> usize {
        if self.held / 5 < self.much_held {
            MOST_ENTRIES
        } else {
            FEW_ENTRIES
        }
    }

    /// Whether one more may be started by a lane that has so many in flight. The last quarter of the seats is for lanes that have
    /// none, so that receivers that hang cannot take every seat from those that do not.
    pub(super) fn may_start(&self, flying: usize) -> bool {
        let most = match flying {
            0 => self.most_open,
            _ => self.most_open / 4 * 3,
        };
        self.open < most && self.unwritten_bytes < self.most_unwritten_bytes
    }
}
