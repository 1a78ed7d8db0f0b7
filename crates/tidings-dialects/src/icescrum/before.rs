//! A project with an object that was just deleted back in its place.
//!
//! The body of a deletion is the object as its last reader saw it. Its place among the sprints, its counts and what refers to
//! it are worked out from the project, so the project must have it.

use std::sync::Arc;

use tidings_domain::{Collection, Doc, ObjectRef, Project, View};

/// The project as it was before `gone` went.
pub(super) struct Before<'a> {
    pub(super) view: &'a dyn View,
    pub(super) gone: &'a Arc<Doc>,
}

impl Before<'_> {
    fn with_gone(&self, mut docs: Vec<Arc<Doc>>) -> Vec<Arc<Doc>> {
        let at = docs.partition_point(|doc| doc.id() < self.gone.id());
        if docs.get(at).is_none_or(|doc| doc.id() != self.gone.id()) {
            docs.insert(at, Arc::clone(self.gone));
        }
        docs
    }
}

impl View for Before<'_> {
    fn project(&self) -> &Arc<Project> {
        self.view.project()
    }

    fn get(&self, key: ObjectRef) -> Option<Arc<Doc>> {
        if key == self.gone.key() {
            return Some(Arc::clone(self.gone));
        }
        self.view.get(key)
    }

    fn person(&self, id: i64) -> Option<Arc<Doc>> {
        self.view.person(id)
    }

    fn referrers(&self, to: ObjectRef, from: Collection, member: &str) -> Vec<Arc<Doc>> {
        let docs = self.view.referrers(to, from, member);
        let mut references = self.gone.references().into_iter();
        if from == self.gone.collection() && references.any(|(m, key)| m == member && key == to) {
            return self.with_gone(docs);
        }
        docs
    }

    fn all(&self, collection: Collection) -> Vec<Arc<Doc>> {
        let docs = self.view.all(collection);
        if collection == self.gone.collection() {
            return self.with_gone(docs);
        }
        docs
    }

    fn by_external_id(&self, collection: Collection, external_id: &str) -> Option<i64> {
        self.view.by_external_id(collection, external_id)
    }

    fn by_number(&self, number: i64) -> Option<ObjectRef> {
        self.view.by_number(number)
    }

    fn last_sequence(&self, key: ObjectRef) -> Option<i64> {
        self.view.last_sequence(key)
    }

    fn next_id(&self, collection: Collection) -> i64 {
        self.view.next_id(collection)
    }

    fn next_number(&self) -> i64 {
        self.view.next_number()
    }

    fn max_rank(&self, collection: Collection) -> i64 {
        self.view.max_rank(collection)
    }

    fn count_with(&self, collection: Collection, member: &str, value: &str) -> usize {
        self.view.count_with(collection, member, value)
    }
}
