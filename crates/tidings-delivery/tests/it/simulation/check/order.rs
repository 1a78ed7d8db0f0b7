//! Order per webhook and root item, as promised.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tidings_domain::{DeliveryId, ObjectRef};

use super::History;
use crate::simulation::hooks::Hook;

impl History<'_> {
    /// Judged on the first arrival of each delivery, but for those that say they are late.
    pub(super) fn order_was_kept(&self, hook: &Hook, seen: &[usize]) {
        if !hook.ordered.get() {
            return;
        }
        let mut first = BTreeSet::new();
        let mut last: BTreeMap<ObjectRef, DeliveryId> = BTreeMap::new();
        let mut busy: BTreeMap<ObjectRef, Duration> = BTreeMap::new();
        for one in seen.iter().map(|n| &self.seen[*n]) {
            let id: DeliveryId = one.id.parse().unwrap();
            let Some(made) = self.made.get(&id) else {
                continue;
            };
            let roots: BTreeSet<ObjectRef> = made.roots.iter().copied().collect();
            for root in &roots {
                let until = busy.insert(*root, one.ended.unwrap_or(Duration::MAX));
                assert!(
                    until.is_none_or(|until| until <= one.at),
                    "two requests about {root} at once: {one:?}"
                );
            }
            if !first.insert(id) || one.header("x-tidings-late").is_some() {
                continue;
            }
            for root in roots {
                let before = last.insert(root, id).filter(|before| *before > id);
                let unknown =
                    before.is_some_and(|before| self.was_brought_back_unknown(id, before));
                assert!(
                    before.is_none() || unknown,
                    "{id} came after {before:?} of {root}: {one:?}"
                );
            }
        }
    }

    /// What a crash cut off has no row. If it was put aside before it was tried again, and then brought back too or skipped, nobody can
    /// know that it overtook what people bring back.
    fn was_brought_back_unknown(&self, id: DeliveryId, before: DeliveryId) -> bool {
        let trigger = |id: DeliveryId| {
            let first = self.details[&id].attempts.first();
            first.map(|a| &*a.trigger)
        };
        let brought_back = |trigger| matches!(trigger, "recover" | "resend");
        let first = self.tries(before).next();
        let unlogged = self.unlogged(before);
        let unknown = first.is_some_and(|first| unlogged.iter().any(|u| std::ptr::eq(*u, first)));
        trigger(id).is_some_and(brought_back) && trigger(before).is_none_or(brought_back) && unknown
    }
}
