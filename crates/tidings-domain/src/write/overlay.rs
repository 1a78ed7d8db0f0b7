//! What is stored, with the writes of this request laid over it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use crate::collection::{Collection, ITEMS, ObjectRef};
use crate::doc::Doc;
use crate::id::{EventId, ProjectId};
use crate::project::Project;
use crate::value::MAX_SAFE_INTEGER;
use crate::view::View;

/// One write, in the order in which they were made.
#[derive(Clone, Debug)]
pub enum Written {
    /// Creates or replaces an object.
    Put(EventId, Arc<Doc>),
    /// Removes an object.
    Delete(EventId, ObjectRef),
    /// Replaces the project.
    Project(EventId, Arc<Project>),
}

/// A referring place: objects of a collection that refer to one object through a member.
type Place = (ObjectRef, Collection, &'static str);

/// A [`View`] of a base state with writes over it. Look-ups stay cheap however many writes there are.
pub struct Overlay<'v> {
    base: &'v dyn View,
    project: Arc<Project>,
    project_changed: bool,
    /// What each written object is now; `None` is gone.
    now: BTreeMap<ObjectRef, Option<Arc<Doc>>>,
    /// The last version of what is gone.
    last: HashMap<ObjectRef, i64>,
    /// Members that were deleted here; they stay readable.
    left: HashMap<i64, Arc<Doc>>,
    referrers: HashMap<Place, BTreeSet<i64>>,
    external: HashMap<(Collection, String), i64>,
    numbers: HashMap<i64, ObjectRef>,
    /// Per collection (items together under stories): where the search for a free id goes on.
    next_ids: HashMap<Collection, i64>,
    next_number: Option<i64>,
    max_ranks: HashMap<Collection, i64>,
    written: Vec<Written>,
}

impl<'v> Overlay<'v> {
    /// The state as it is stored.
    pub fn new(base: &'v dyn View) -> Self {
        Self {
            project: Arc::clone(base.project()),
            base,
            project_changed: false,
            now: BTreeMap::new(),
            last: HashMap::new(),
            left: HashMap::new(),
            referrers: HashMap::new(),
            external: HashMap::new(),
            numbers: HashMap::new(),
            next_ids: HashMap::new(),
            next_number: None,
            max_ranks: HashMap::new(),
            written: Vec::new(),
        }
    }

    /// The project's id.
    pub fn project_id(&self) -> ProjectId {
        self.project.id
    }

    /// The project, to add words to its vocabularies: written with the next event.
    pub fn project_mut(&mut self) -> &mut Project {
        self.project_changed = true;
        Arc::make_mut(&mut self.project)
    }

    pub(super) fn flush_project(&mut self, version: EventId) {
        if std::mem::take(&mut self.project_changed) {
            self.written
                .push(Written::Project(version, Arc::clone(&self.project)));
        }
    }

    /// Everything written so far.
    pub fn into_written(self) -> Vec<Written> {
        self.written
    }

    /// Creates or replaces an object.
    pub fn put(&mut self, version: EventId, doc: Arc<Doc>) {
        self.flush_project(version);
        let key = doc.key();
        self.forget(key, doc.int("rank"));
        let collection = doc.collection();
        for (member, to) in doc.references() {
            let place = (to, collection, member);
            self.referrers.entry(place).or_default().insert(key.id);
        }
        if let Some(external) = doc.opt_text("external_id") {
            self.external
                .insert((collection, external.to_owned()), key.id);
        }
        if collection.is_item()
            && let Some(number) = doc.int("number")
        {
            self.numbers.insert(number, key);
        }
        if let Some(rank) = doc.int("rank")
            && let Some(max) = self.max_ranks.get_mut(&collection)
        {
            *max = rank.max(*max);
        }
        self.now.insert(key, Some(Arc::clone(&doc)));
        self.written.push(Written::Put(version, doc));
    }

    /// Removes an object that is there.
    pub fn delete(&mut self, version: EventId, doc: &Arc<Doc>) {
        let key = doc.key();
        self.forget(key, None);
        self.last.insert(key, doc.sequence());
        if key.collection == Collection::Members {
            self.left.insert(key.id, Arc::clone(doc));
        }
        self.now.insert(key, None);
        self.written.push(Written::Delete(version, key));
    }

    /// Takes an object out of what is remembered here, before it is replaced (by one of rank `rank`) or removed.
    fn forget(&mut self, key: ObjectRef, rank: Option<i64>) {
        let collection = key.collection;
        let remembers = self.max_ranks.contains_key(&collection) || self.next_number.is_some();
        let old = match self.now.get(&key) {
            Some(now) => now.clone(),
            // What was stored before has left no trace in the indexes.
            None if remembers => self.base.get(key),
            None => None,
        };
        let Some(old) = old else { return };
        for (member, to) in old.references() {
            if let Some(ids) = self.referrers.get_mut(&(to, collection, member)) {
                ids.remove(&key.id);
            }
        }
        if let Some(external) = old.opt_text("external_id") {
            self.external.remove(&(collection, external.to_owned()));
        }
        if collection.is_item()
            && let Some(number) = old.int("number")
        {
            self.numbers.remove(&number);
            self.next_number = self.next_number.map(|next| next.min(number));
        }
        // Whoever had the highest rank may lose it: found anew when it is asked for.
        if old.int("rank") != rank && old.int("rank") == self.max_ranks.get(&collection).copied() {
            self.max_ranks.remove(&collection);
        }
    }

    fn is_written(&self, key: ObjectRef) -> bool {
        self.now.contains_key(&key)
    }

    fn written_in(
        &self,
        collection: Collection,
    ) -> impl Iterator<Item = (&ObjectRef, &Option<Arc<Doc>>)> {
        let range = ObjectRef::new(collection, i64::MIN)..=ObjectRef::new(collection, i64::MAX);
        self.now.range(range)
    }

    fn was_used(&self, key: ObjectRef) -> bool {
        self.get(key).is_some() || self.last_sequence(key).is_some()
    }

    /// The id to give to a new object; the same one is not given twice.
    pub fn take_id(&mut self, collection: Collection) -> i64 {
        let id = self.next_id(collection);
        self.next_ids.insert(first_of(collection), id + 1);
        id
    }

    /// The number to give to a new item.
    pub fn take_number(&mut self) -> i64 {
        let number = self.next_number();
        self.next_number = Some(number + 1);
        number
    }

    /// The rank after the last one of a collection.
    pub fn take_rank(&mut self, collection: Collection) -> i64 {
        let max = self.max_rank(collection);
        self.max_ranks.insert(collection, max);
        max.saturating_add(1).min(MAX_SAFE_INTEGER)
    }
}

/// Collections that share one series of server-made ids.
fn family(collection: Collection) -> &'static [Collection] {
    if collection.is_item() {
        return &ITEMS;
    }
    let found = Collection::ALL.iter().find(|c| **c == collection);
    found.map_or(&[], std::slice::from_ref)
}

/// The collection that stands for its family.
fn first_of(collection: Collection) -> Collection {
    family(collection).first().copied().unwrap_or(collection)
}

impl View for Overlay<'_> {
    fn project(&self) -> &Arc<Project> {
        &self.project
    }

    fn get(&self, key: ObjectRef) -> Option<Arc<Doc>> {
        match self.now.get(&key) {
            Some(now) => now.clone(),
            None => self.base.get(key),
        }
    }

    fn person(&self, id: i64) -> Option<Arc<Doc>> {
        match self.now.get(&ObjectRef::new(Collection::Members, id)) {
            Some(Some(now)) => Some(Arc::clone(now)),
            Some(None) => self.left.get(&id).cloned(),
            None => self.base.person(id),
        }
    }

    fn referrers(&self, to: ObjectRef, from: Collection, member: &str) -> Vec<Arc<Doc>> {
        let mut found = self.base.referrers(to, from, member);
        if self.now.is_empty() {
            return found;
        }
        found.retain(|doc| !self.is_written(doc.key()));
        let ours = self
            .referrers
            .iter_place(to, from, member)
            .filter_map(|id| self.get(ObjectRef::new(from, id)));
        found.extend(ours);
        found.sort_by_key(|doc| doc.id());
        found
    }

    fn count_referrers(&self, to: ObjectRef, from: Collection, member: &str) -> usize {
        if self.written_in(from).next().is_none() {
            return self.base.count_referrers(to, from, member);
        }
        self.referrers(to, from, member).len()
    }

    fn all(&self, collection: Collection) -> Vec<Arc<Doc>> {
        let mut all = self.base.all(collection);
        if self.written_in(collection).next().is_some() {
            all.retain(|doc| !self.is_written(doc.key()));
            all.extend(
                self.written_in(collection)
                    .filter_map(|(_, doc)| doc.clone()),
            );
            all.sort_by_key(|doc| doc.id());
        }
        all
    }

    fn by_external_id(&self, collection: Collection, external_id: &str) -> Option<i64> {
        let ours = self.external.get(&(collection, external_id.to_owned()));
        ours.copied().or_else(|| {
            let id = self.base.by_external_id(collection, external_id)?;
            (!self.is_written(ObjectRef::new(collection, id))).then_some(id)
        })
    }

    fn by_number(&self, number: i64) -> Option<ObjectRef> {
        self.numbers.get(&number).copied().or_else(|| {
            let key = self.base.by_number(number)?;
            (!self.is_written(key)).then_some(key)
        })
    }

    fn last_sequence(&self, key: ObjectRef) -> Option<i64> {
        match self.now.get(&key) {
            Some(Some(_)) => None,
            Some(None) => self.last.get(&key).copied(),
            None => self.base.last_sequence(key),
        }
    }

    fn first_sequence(&self) -> i64 {
        self.base.first_sequence()
    }

    fn next_id(&self, collection: Collection) -> i64 {
        let family = family(collection);
        let mut id = match self.next_ids.get(&first_of(collection)) {
            Some(next) => *next,
            None => self.base.next_id(collection),
        };
        while family.iter().any(|c| self.was_used(ObjectRef::new(*c, id))) {
            id += 1;
        }
        id
    }

    fn next_number(&self) -> i64 {
        let mut number = self.next_number.unwrap_or_else(|| self.base.next_number());
        while self.by_number(number).is_some() {
            number += 1;
        }
        number
    }

    fn max_rank(&self, collection: Collection) -> i64 {
        if let Some(max) = self.max_ranks.get(&collection) {
            return *max;
        }
        if self.written_in(collection).next().is_none() {
            return self.base.max_rank(collection);
        }
        let all = self.all(collection);
        all.iter()
            .filter_map(|doc| doc.int("rank"))
            .max()
            .unwrap_or(0)
    }

    fn count_with(&self, collection: Collection, member: &str, value: &str) -> usize {
        let is = |doc: &Arc<Doc>| doc.opt_text(member) == Some(value);
        let mut count = self.base.count_with(collection, member, value);
        for (key, now) in self.written_in(collection) {
            count += usize::from(now.as_ref().is_some_and(is));
            count -= usize::from(self.base.get(*key).as_ref().is_some_and(is)).min(count);
        }
        count
    }
}

trait Places {
    fn iter_place(
        &self,
        to: ObjectRef,
        from: Collection,
        member: &str,
    ) -> impl Iterator<Item = i64>;
}

impl Places for HashMap<Place, BTreeSet<i64>> {
    fn iter_place(
        &self,
        to: ObjectRef,
        from: Collection,
        member: &str,
    ) -> impl Iterator<Item = i64> {
        let name = crate::schema::of(from).member(member).map(|m| m.name);
        name.and_then(|name| self.get(&(to, from, name)))
            .into_iter()
            .flatten()
            .copied()
    }
}
