//! Everybody hears of everything they selected, once, in order, and in the same words, however long they were off meanwhile.

use std::collections::{BTreeMap, BTreeSet};

use tidings_domain::{EventId, ObjectRef, WebhookId};

use super::History;

impl History<'_> {
    /// Of each event that can be told later, each webhook that selected it has one delivery, made at once or made up for.
    pub(super) fn everybody_was_told_once(&self) {
        let mut made: BTreeMap<(EventId, WebhookId, &str), u32> = BTreeMap::new();
        for one in self.made.values() {
            let Some(event) = one.event else { continue };
            *made.entry((event, one.hook, &one.code)).or_default() += 1;
        }
        for (key, times) in &made {
            assert_eq!(*times, 1, "{key:?} has several deliveries");
        }
        let told = self.run.tally.told.lock();
        for (event, expected) in told.iter() {
            for (hook, code) in expected {
                let to = self.run.hook(*hook).unwrap();
                let excused = to.deleted.get().is_some() || to.skipped.get();
                assert!(
                    excused || made.contains_key(&(*event, *hook, code)),
                    "webhook {hook} missed event {event}, {code}, for ever: {:?}",
                    to.off.borrow()
                );
            }
        }
        let expects = |(event, hook, code): &(EventId, WebhookId, &str)| {
            told.get(event)
                .is_none_or(|all| all.contains(&(*hook, *code)))
        };
        if let Some(wrong) = made.keys().find(|key| !expects(key)) {
            panic!("{wrong:?} was told, and nobody selected it");
        }
    }

    /// What is made up for has the bytes that the others were sent when it happened.
    pub(super) fn everybody_was_told_the_same(&self) {
        let mut said = BTreeMap::new();
        for (id, one) in &self.made {
            let Some(event) = one.event else { continue };
            let body = said.entry((event, &one.code)).or_insert(&one.body);
            assert_eq!(*body, &one.body, "{id} of event {event}");
        }
    }

    /// Per item, deliveries stand in the order of events, also those that were made up for.
    pub(super) fn places_are_in_order(&self) {
        let mut last: BTreeMap<(WebhookId, ObjectRef), EventId> = BTreeMap::new();
        for (id, one) in &self.made {
            let Some(event) = one.event else { continue };
            for root in one.roots.iter().collect::<BTreeSet<_>>() {
                let before = last.insert((one.hook, *root), event);
                assert!(
                    before.is_none_or(|before| before <= event),
                    "{id} tells webhook {} of event {event} after {before:?}",
                    one.hook
                );
            }
        }
    }

    /// What was sent again under its key was recorded once.
    pub(super) fn changes_were_recorded_once(&self) {
        for (change, events) in self.run.tally.events.lock().iter() {
            assert_eq!(events.len(), 1, "change {change} made {events:?}");
        }
    }

    pub(super) fn who_waited_was_told(&self) {
        let wrong = self.run.waits.wrong.lock();
        assert!(wrong.is_empty(), "{wrong:#?}");
    }
}
