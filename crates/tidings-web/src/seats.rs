//! The places that one token, or one account, has among the requests being answered.

use std::collections::HashMap;

use parking_lot::Mutex;
use tidings_app::caller::Holder;
use tidings_domain::Fault;
use tidings_domain::fault::FaultKind;

/// Who has how many.
#[derive(Debug)]
pub(crate) struct Seats {
    taken: Mutex<HashMap<Holder, usize>>,
    /// Of each.
    most: usize,
}

/// A place; free again when dropped.
#[derive(Debug)]
pub(crate) struct Seat<'s> {
    seats: &'s Seats,
    holder: Holder,
}

impl Seats {
    pub(crate) fn new(most: usize) -> Self {
        Self {
            taken: Mutex::default(),
            most,
        }
    }

    /// One of somebody's places.
    pub(crate) fn take(&self, holder: Holder) -> Result<Seat<'_>, Fault> {
        let mut taken = self.taken.lock();
        let count = taken.entry(holder).or_default();
        if *count >= self.most {
            let fault = Fault::new(
                FaultKind::TooMany,
                "too_many_requests",
                "this token has too many requests under way; wait for answers before sending more",
            );
            return Err(Fault {
                retry_after: Some(1),
                ..fault
            });
        }
        *count += 1;
        Ok(Seat {
            seats: self,
            holder,
        })
    }
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        let mut taken = self.seats.taken.lock();
        if let Some(count) = taken.get_mut(&self.holder) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.holder);
            }
        }
    }
}
