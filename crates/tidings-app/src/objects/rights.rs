//! Who may write what, before anything is looked at.

use tidings_domain::{Collection, Fault};

use super::{Entry, Op};
use crate::{Access, Caller};

/// Refuses an entry that the caller may not ask for. `collection` is none for a bulk update.
pub(super) fn check(
    caller: &Caller,
    entry: &Entry,
    collection: Option<Collection>,
    batch: bool,
) -> Result<(), Fault> {
    Access::Write.check(caller)?;
    if matches!(collection, Some(Collection::Members | Collection::Teams)) {
        Access::Manage.check(caller)?;
    }
    if entry.silent {
        silence(caller, entry.op, batch)?;
    }
    if (entry.by.is_some() || entry.at.is_some()) && !caller.imports() {
        return Err(Fault::forbidden(
            "actor_not_allowed",
            "this token acts as its own member, now; only administrator and app tokens may name an actor or a time",
        ));
    }
    // To all others the target project does not exist.
    if entry.op == Op::Move && !matches!(caller, Caller::Admin { .. }) {
        return Err(crate::refusal::absent());
    }
    Ok(())
}

fn silence(caller: &Caller, op: Op, batch: bool) -> Result<(), Fault> {
    if !caller.imports() {
        return Err(Fault::forbidden(
            "silent_not_allowed",
            "only administrator and app tokens may write silently; leave `silent` out",
        ));
    }
    if matches!(op, Op::Move | Op::Notify | Op::Bulk) {
        return Err(Fault::field(
            if batch { "/silent" } else { "silent" },
            "not_allowed",
            "moving, notifying and bulk updates cannot be silent; leave it out",
        ));
    }
    Ok(())
}
