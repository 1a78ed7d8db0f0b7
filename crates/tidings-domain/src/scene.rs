//! A project built from values, in memory: for samples, golden files and tests. No uniqueness is enforced.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::collection::{Collection, ITEMS, ObjectRef};
use crate::doc::Doc;
use crate::project::Project;
use crate::view::View;

/// A [`View`] of a project whose objects were simply put there.
#[derive(Clone, Debug)]
pub struct Scene {
    project: Arc<Project>,
    objects: BTreeMap<ObjectRef, Arc<Doc>>,
}

impl Scene {
    /// A project without objects.
    pub fn new(project: Project) -> Self {
        Self {
            project: Arc::new(project),
            objects: BTreeMap::new(),
        }
    }

    /// Puts an object in place and hands it back.
    pub fn put(&mut self, doc: Doc) -> Arc<Doc> {
        let doc = Arc::new(doc);
        self.objects.insert(doc.key(), Arc::clone(&doc));
        doc
    }

    /// Takes an object away.
    pub fn remove(&mut self, key: ObjectRef) -> Option<Arc<Doc>> {
        self.objects.remove(&key)
    }

    /// Changes the project.
    pub fn project_mut(&mut self) -> &mut Project {
        Arc::make_mut(&mut self.project)
    }

    fn smallest_free(mut taken: impl FnMut(i64) -> bool) -> i64 {
        let mut candidate = 1;
        while taken(candidate) {
            candidate += 1;
        }
        candidate
    }
}

impl View for Scene {
    fn project(&self) -> &Arc<Project> {
        &self.project
    }

    fn get(&self, key: ObjectRef) -> Option<Arc<Doc>> {
        self.objects.get(&key).cloned()
    }

    fn person(&self, id: i64) -> Option<Arc<Doc>> {
        self.get(ObjectRef::new(Collection::Members, id))
    }

    fn referrers(&self, to: ObjectRef, from: Collection, member: &str) -> Vec<Arc<Doc>> {
        self.all(from)
            .into_iter()
            .filter(|d| d.references().contains_pair(member, to))
            .collect()
    }

    fn all(&self, collection: Collection) -> Vec<Arc<Doc>> {
        let range = ObjectRef::new(collection, i64::MIN)..=ObjectRef::new(collection, i64::MAX);
        self.objects
            .range(range)
            .map(|(_, d)| Arc::clone(d))
            .collect()
    }

    fn by_external_id(&self, collection: Collection, external_id: &str) -> Option<i64> {
        self.all(collection)
            .iter()
            .find(|d| d.opt_text("external_id") == Some(external_id))
            .map(|d| d.id())
    }

    fn by_number(&self, number: i64) -> Option<ObjectRef> {
        ITEMS
            .iter()
            .flat_map(|c| self.all(*c))
            .find(|d| d.int("number") == Some(number))
            .map(|d| d.key())
    }

    fn last_sequence(&self, _key: ObjectRef) -> Option<i64> {
        None
    }

    fn next_id(&self, collection: Collection) -> i64 {
        let family: &[Collection] = if collection.is_item() {
            &ITEMS
        } else {
            &[collection]
        };
        Self::smallest_free(|id| {
            family
                .iter()
                .any(|c| self.objects.contains_key(&ObjectRef::new(*c, id)))
        })
    }

    fn next_number(&self) -> i64 {
        Self::smallest_free(|n| self.by_number(n).is_some())
    }

    fn max_rank(&self, collection: Collection) -> i64 {
        self.all(collection)
            .iter()
            .filter_map(|d| d.int("rank"))
            .max()
            .unwrap_or(0)
    }

    fn count_with(&self, collection: Collection, member: &str, value: &str) -> usize {
        self.all(collection)
            .iter()
            .filter(|d| d.opt_text(member) == Some(value))
            .count()
    }
}

trait ContainsPair {
    fn contains_pair(&self, member: &str, to: ObjectRef) -> bool;
}

impl ContainsPair for Vec<(&'static str, ObjectRef)> {
    fn contains_pair(&self, member: &str, to: ObjectRef) -> bool {
        self.iter().any(|(m, r)| *m == member && *r == to)
    }
}
