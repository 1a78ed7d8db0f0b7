//! Deletion: the object, what hangs on it, and the references that others lose.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};

use crate::collection::{Collection, ObjectRef};
use crate::doc::Doc;
use crate::event::{Change, Verb};
use crate::fault::Fault;
use crate::id::EventId;
use crate::schema::{self, Kind, Standard};
use crate::value::Value;
use crate::view::View;

use super::overlay::Overlay;
use super::target::Target;
use super::{Desk, Done};

/// A member through which objects of a collection refer to others.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reference {
    /// Who refers.
    pub(super) from: Collection,
    /// Through which member.
    pub(super) member: &'static str,
    /// Whether they cannot be without what they refer to.
    pub(super) owned: bool,
}

/// By collection: the members of others that can refer to its objects.
static REFERENCES: LazyLock<BTreeMap<Collection, Vec<Reference>>> = LazyLock::new(|| {
    let mut all: BTreeMap<Collection, Vec<Reference>> = BTreeMap::new();
    for from in Collection::ALL {
        for member in &schema::of(*from).members {
            let to: &[Collection] = match &member.kind {
                Kind::Link(to) | Kind::Links(to) => std::slice::from_ref(to),
                Kind::Ref(to) => to,
                Kind::Parent => &crate::collection::ITEMS,
                _ => continue,
            };
            let reference = Reference {
                from: *from,
                member: member.name,
                owned: member.standard == Standard::Required
                    || matches!(member.name, "on" | "item"),
            };
            for to in to {
                all.entry(*to).or_default().push(reference);
            }
        }
    }
    all
});

/// The members of others that can refer to objects of a collection.
pub(super) fn references(to: Collection) -> &'static [Reference] {
    REFERENCES.get(&to).map_or(&[], Vec::as_slice)
}

impl Desk<'_, '_> {
    /// Removes an object, with what is on it.
    pub fn delete(&mut self, collection: Collection, target: &Target) -> Result<Done, Fault> {
        let doc = target.must(self.view, collection)?;
        Ok(self.remove(doc, Verb::Deleted))
    }

    /// Removes an object and tells it under that verb.
    pub(super) fn remove(&mut self, doc: Arc<Doc>, verb: Verb) -> Done {
        let version = self.begin();
        let key = doc.key();
        let event = self.remove_as(version, Change::plain(verb, doc));
        Done::gone(event, key)
    }

    /// Removes the object of a change. It is told when only the object itself is gone: with the last counts of what was on it.
    pub(super) fn remove_as(&mut self, version: EventId, change: Change) -> Option<EventId> {
        let doc = Arc::clone(&change.object);
        let fall = Fall::of(self.view, &doc);
        self.view.delete(version, &doc);
        let event = self.tell_change(version, change);
        fall.happen(self.view, version);
        event
    }
}

/// What goes with an object, and who loses a reference.
struct Fall {
    keys: BTreeSet<ObjectRef>,
    children: Vec<Arc<Doc>>,
    losing: BTreeMap<ObjectRef, Arc<Doc>>,
}

impl Fall {
    fn of(view: &Overlay<'_>, doc: &Arc<Doc>) -> Fall {
        let mut gone = vec![Arc::clone(doc)];
        let mut keys = BTreeSet::from([doc.key()]);
        let mut next = 0;
        while let Some(doc) = gone.get(next) {
            let key = doc.key();
            next += 1;
            for reference in references(key.collection).iter().filter(|r| r.owned) {
                for child in view.referrers(key, reference.from, reference.member) {
                    if keys.insert(child.key()) {
                        gone.push(child);
                    }
                }
            }
        }
        let mut losing = BTreeMap::new();
        for key in &keys {
            for reference in references(key.collection).iter().filter(|r| !r.owned) {
                for other in view.referrers(*key, reference.from, reference.member) {
                    if !keys.contains(&other.key()) {
                        losing.insert(other.key(), other);
                    }
                }
            }
        }
        gone.remove(0);
        Fall {
            keys,
            children: gone,
            losing,
        }
    }

    /// Removes what goes; other references to it become null or leave their list.
    fn happen(self, view: &mut Overlay<'_>, version: EventId) {
        for doc in &self.children {
            view.delete(version, doc);
        }
        for other in self.losing.values() {
            let mut after = without(other, &self.keys);
            after.set("sequence", other.sequence().saturating_add(1));
            view.put(version, Arc::new(after));
        }
    }
}

/// The object without its references to what is gone.
fn without(doc: &Doc, gone: &BTreeSet<ObjectRef>) -> Doc {
    let mut after = doc.clone();
    for (member, value) in doc.members() {
        let kept = match member.kind {
            Kind::Links(to) => {
                let is_there = |id: &&Value| {
                    id.as_int()
                        .is_none_or(|id| !gone.contains(&ObjectRef::new(to, id)))
                };
                Value::List(value.as_list().iter().filter(is_there).cloned().collect())
            }
            Kind::Link(_) | Kind::Ref(_) | Kind::Parent => {
                let lost = doc
                    .reference(member.name)
                    .is_some_and(|to| gone.contains(&to));
                if lost { Value::Null } else { value.clone() }
            }
            _ => continue,
        };
        after.set(member.name, kept);
    }
    after
}
