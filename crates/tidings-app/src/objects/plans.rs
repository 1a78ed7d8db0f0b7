//! How much of what is planned may be in memory until it is written.
//!
//! A request is bounded by its size, what it leads to is not: a thousand short patches of objects with long texts, each said in six
//! dialects, are gigabytes. Small plans are free; larger ones share a room. One that is larger than the room is refused for good,
//! one that finds it taken is told to come back.

use std::sync::Arc;

use tidings_domain::Fault;
use tidings_domain::fault::FaultKind;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A plan of this size is free: the requests under way bound how many there are.
const FREE: usize = 128 * 1024;
/// What all larger plans share, in steps.
const ROOM: usize = 384;
/// A step.
const STEP: usize = 256 * 1024;
/// The same in mebibytes.
const ROOM_MIB: usize = ROOM * STEP / (1024 * 1024);

/// The room that large plans share.
#[derive(Clone, Debug)]
pub struct Plans(Arc<Semaphore>);

impl Default for Plans {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(ROOM)))
    }
}

impl Plans {
    /// What one plan takes; its room is free again when this is dropped.
    pub(super) fn begin(&self) -> Weight<'_> {
        Weight {
            plans: self,
            bytes: 0,
            room: None,
        }
    }
}

/// What a plan takes so far.
pub(super) struct Weight<'p> {
    plans: &'p Plans,
    bytes: usize,
    room: Option<OwnedSemaphorePermit>,
}

impl Weight<'_> {
    /// The plan is made again.
    pub(super) fn clear(&mut self) {
        self.bytes = 0;
        self.room = None;
    }

    /// The plan takes so many bytes more.
    pub(super) fn add(&mut self, bytes: usize) -> Result<(), Fault> {
        self.bytes += bytes;
        if self.bytes <= FREE {
            return Ok(());
        }
        let wanted = self.bytes.div_ceil(STEP);
        if wanted > ROOM {
            let detail = format!(
                "what this leads to is more than {ROOM_MIB} MiB of events and messages; send it in parts"
            );
            return Err(Fault::new(FaultKind::TooLarge, "too_large", detail));
        }
        let have = self
            .room
            .as_ref()
            .map_or(0, OwnedSemaphorePermit::num_permits);
        let more = u32::try_from(wanted.saturating_sub(have)).unwrap_or(u32::MAX);
        let found = Arc::clone(&self.plans.0).try_acquire_many_owned(more);
        let found = found.map_err(|_| Fault {
            retry_after: Some(1),
            ..Fault::new(
                FaultKind::Unavailable,
                "overloaded",
                "the server is carrying out as many large changes as it can; try again in a second",
            )
        })?;
        match &mut self.room {
            Some(room) => room.merge(found),
            room => *room = Some(found),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{FREE, Plans, ROOM, STEP};

    #[test]
    fn small_plans_are_free_and_large_ones_share() {
        let plans = Plans::default();
        let mut large = plans.begin();
        large.add(ROOM * STEP).unwrap();
        let mut small = plans.begin();
        small.add(FREE).unwrap();
        assert_eq!(small.add(1).unwrap_err().code, "overloaded");
        large.clear();
        small.add(1).unwrap();
        assert_eq!(large.add(ROOM * STEP).unwrap_err().code, "overloaded");
        drop(small);
        large.clear();
        large.add(ROOM * STEP).unwrap();
        assert_eq!(large.add(1).unwrap_err().code, "too_large");
    }
}
