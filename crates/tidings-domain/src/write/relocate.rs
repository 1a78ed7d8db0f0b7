//! An item goes to another project: told as moved in the old one, as created in the new one.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use crate::collection::{Collection, ObjectRef};
use crate::doc::Doc;
use crate::event::{Change, Event, MovedTo, Verb, What};
use crate::fault::Fault;
use crate::id::EventId;
use crate::project::Project;
use crate::schema::{Kind, Vocabulary};
use crate::time;
use crate::value::Value;
use crate::view::View;

use super::check::Checker;
use super::faults::{Faults, below};
use super::overlay::Overlay;
use super::remove::references;
use super::target::Target;
use super::{Desk, Done};

impl Desk<'_, '_> {
    /// Moves an item with its children to `there`.
    pub fn relocate(
        &mut self,
        collection: Collection,
        target: &Target,
        there: &mut Overlay<'_>,
    ) -> Result<Done, Fault> {
        let place = below(self.body_at, "project");
        if there.project_id() == self.view.project_id() {
            return Err(Fault::field(place, "range", "must be another project"));
        }
        let item = target.must(self.view, collection)?;
        let family = self.family(&item);
        let keys = new_keys(there, &family);
        let people = people(self.view, there, &family, self.author.actor);
        let actor = self
            .author
            .actor
            .and_then(|actor| people.get(&actor).copied());
        let (old, new) = (self.begin(), self.begin());
        let mut moved = Vec::with_capacity(family.len());
        for doc in &family {
            let mut after = self.carry(doc, &keys, &people, there);
            if doc.key() == item.key() {
                self.settle(&mut after, actor, there);
                let fields = vocabulary(self.view.project(), &after, there, &place)?;
                after.set("fields", fields);
            }
            moved.push(after);
        }

        let mut arrived = None;
        for after in moved {
            let after = Arc::new(after);
            there.put(new, Arc::clone(&after));
            arrived.get_or_insert(after);
        }
        let Some(arrived) = arrived else {
            return Ok(Done::default());
        };
        there.flush_project(new);
        let change = Change {
            moved_to: Some(MovedTo {
                project: Arc::clone(there.project()),
                id: arrived.id(),
                number: arrived.int("number").unwrap_or_default(),
            }),
            ..Change::plain(Verb::Moved, item)
        };
        // The children go from here too, and the blocks that name other items.
        let event = self.remove_as(old, change);
        let created = Change::plain(Verb::Created, Arc::clone(&arrived));
        self.tell_there(new, created, actor, there);
        Ok(Done::of(event, arrived, false))
    }

    fn tell_there(&mut self, id: EventId, change: Change, actor: Option<i64>, there: &Overlay<'_>) {
        let event = Event {
            id,
            project: there.project_id(),
            at: self.author.at,
            actor,
            what: What::Change(change),
        };
        self.recorder.tell(there, Arc::new(event));
    }

    /// The item first, then everything that is on it (any depth) and its acceptance tests; blocks only if they name no other item.
    fn family(&self, item: &Arc<Doc>) -> Vec<Arc<Doc>> {
        let mut family = vec![Arc::clone(item)];
        let mut next = 0;
        while let Some(doc) = family.get(next) {
            let key = doc.key();
            next += 1;
            for reference in references(key.collection).iter().filter(|r| r.owned) {
                let children = self.view.referrers(key, reference.from, reference.member);
                let goes = |child: &Arc<Doc>| {
                    let alone = child.collection() != Collection::Blocks
                        || child.references().iter().all(|(_, to)| *to == key);
                    alone && !family.iter().any(|known| known.key() == child.key())
                };
                let children: Vec<_> = children.into_iter().filter(goes).collect();
                family.extend(children);
            }
        }
        family
    }

    /// One object as it is there: references follow, people are matched, the rest of the old project is left behind.
    fn carry(
        &self,
        doc: &Doc,
        keys: &HashMap<ObjectRef, ObjectRef>,
        people: &People,
        there: &Overlay<'_>,
    ) -> Doc {
        let mut after = doc.clone();
        let key = keys.get(&doc.key()).copied().unwrap_or(doc.key());
        for (member, value) in doc.members() {
            let carried = match member.kind {
                Kind::Person => value
                    .as_int()
                    .and_then(|id| people.get(&id).copied())
                    .into(),
                Kind::People => {
                    let all = value.as_list().iter().filter_map(Value::as_int);
                    let all: Vec<i64> = all.filter_map(|id| people.get(&id).copied()).collect();
                    all.into()
                }
                Kind::Link(_) | Kind::Ref(_) | Kind::Parent => {
                    let to = doc.reference(member.name).and_then(|to| keys.get(&to));
                    match (to, member.kind) {
                        (Some(to), Kind::Link(_)) => to.id.into(),
                        (Some(to), _) => to.to_value(),
                        (None, _) => Value::Null,
                    }
                }
                Kind::Links(_) => Value::List(Vec::new()),
                _ => continue,
            };
            after.set(member.name, carried);
        }
        after.set("id", key.id);
        let external = doc.opt_text("external_id");
        if external.is_some_and(|e| there.by_external_id(doc.collection(), e).is_some()) {
            after.set("external_id", Value::Null);
        }
        let last = there.last_sequence(key).unwrap_or(0).max(doc.sequence());
        after.set("sequence", last.saturating_add(1));
        if doc.origin().is_none() {
            let id = self.view.project_id();
            after.set_origin(&format!("{id}/{}", doc.key()));
        }
        after
    }

    /// What only the item itself gets there.
    fn settle(&self, after: &mut Doc, actor: Option<i64>, there: &mut Overlay<'_>) {
        let number = after.int("number").unwrap_or_default();
        if there.by_number(number).is_some() {
            let number = there.take_number();
            after.set("number", number);
        }
        let rank = there.take_rank(after.collection());
        after.set("rank", rank);
        after.set("updated_at", time::value(self.at()));
        after.set("updated_by", actor);
    }
}

/// The same ids where they are free there, else the next ones.
fn new_keys(there: &mut Overlay<'_>, family: &[Arc<Doc>]) -> HashMap<ObjectRef, ObjectRef> {
    let mut keys = HashMap::new();
    let mut taken = HashSet::new();
    let (free, clashing): (Vec<ObjectRef>, Vec<ObjectRef>) = family
        .iter()
        .map(|doc| doc.key())
        .partition(|key| there.get(*key).is_none());
    for key in free {
        taken.insert(key);
        keys.insert(key, key);
    }
    for key in clashing {
        let mut new = key;
        while taken.contains(&new) || new == key {
            new.id = there.take_id(key.collection);
        }
        taken.insert(new);
        keys.insert(key, new);
    }
    keys
}

/// Members of one project as members of another.
type People = HashMap<i64, i64>;

/// Who is who: by external id, else by an email that exactly one member there has.
fn people(
    here: &Overlay<'_>,
    there: &Overlay<'_>,
    family: &[Arc<Doc>],
    actor: Option<i64>,
) -> People {
    let mut named: BTreeSet<i64> = actor.into_iter().collect();
    for doc in family {
        for (member, value) in doc.members() {
            match member.kind {
                Kind::Person => named.extend(value.as_int()),
                Kind::People => named.extend(value.as_list().iter().filter_map(Value::as_int)),
                _ => {}
            }
        }
    }
    if named.is_empty() {
        return People::new();
    }
    let members = there.all(Collection::Members);
    let find = |id: i64| {
        let person = here.person(id)?;
        let external = person.opt_text("external_id");
        let same = external.and_then(|e| there.by_external_id(Collection::Members, e));
        same.or_else(|| {
            let email = person.opt_text("email").filter(|email| !email.is_empty())?;
            let mut alike = members
                .iter()
                .filter(|m| m.opt_text("email") == Some(email));
            match (alike.next(), alike.next()) {
                (Some(one), None) => Some(one.id()),
                _ => None,
            }
        })
    };
    named
        .into_iter()
        .filter_map(|id| Some((id, find(id)?)))
        .collect()
}

/// The names that an item holds, known there: with category, color and value as they are here.
fn vocabulary(
    here: &Project,
    item: &Doc,
    there: &mut Overlay<'_>,
    place: &str,
) -> Result<Value, Fault> {
    let mut check = Checker {
        view: there,
        faults: Faults::default(),
    };
    let mut fields = Value::Map(Vec::new());
    for (member, value) in item.members() {
        match (member.kind, value) {
            (Kind::Entry(list), Value::Text(name)) => {
                carry_name(here, list, name, &mut check, place);
            }
            (Kind::Score, Value::Text(name)) => {
                carry_name(here, Vocabulary::Efforts, name, &mut check, place);
            }
            (Kind::Entries(list), Value::List(names)) => {
                for name in names.iter().filter_map(Value::as_str) {
                    carry_name(here, list, name, &mut check, place);
                }
            }
            (Kind::Fields, value) => {
                for (name, _) in value.as_map() {
                    carry_field(here, name, &mut check, place);
                }
                // In the order and under the rules of the project there.
                fields = check.fields(place, value).unwrap_or_default();
            }
            _ => {}
        }
    }
    check.faults.finish()?;
    Ok(fields)
}

fn carry_name(
    here: &Project,
    list: Vocabulary,
    name: &str,
    check: &mut Checker<'_, '_>,
    place: &str,
) {
    if check.view.project().entry(list, name).is_some() {
        return;
    }
    match here.entry(list, name) {
        Some(entry) => {
            check.add_entry(list, place, entry.clone());
        }
        None => {
            check.use_name(list, place, name);
        }
    }
}

fn carry_field(here: &Project, name: &str, check: &mut Checker<'_, '_>, place: &str) {
    let known = |project: &Project| {
        let mut fields = project.custom_fields.iter();
        fields.find(|f| f.name == name).cloned()
    };
    if known(check.view.project()).is_some() {
        return;
    }
    if let Some(field) = known(here) {
        check.add_field(place, name, field.kind, field.options);
    }
}
