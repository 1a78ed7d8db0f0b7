//! A project as it is or was.

use std::collections::BTreeSet;
use std::sync::Arc;

use tidings_domain::collection::ITEMS;
use tidings_domain::webhook::Webhook;
use tidings_domain::{Collection, Doc, EventId, ObjectRef, Project, ProjectId, View};

use super::{Disk, Lane, ProjectState, Version};
use crate::{AsOf, Snapshot, StoreError};

pub(super) struct Shot<'a> {
    pub(super) disk: &'a Disk,
    pub(super) state: &'a ProjectState,
    pub(super) id: ProjectId,
    pub(super) project: &'a Arc<Project>,
    pub(super) at: Option<EventId>,
}

impl<'a> Shot<'a> {
    pub(super) fn new(disk: &'a Disk, id: ProjectId, at: AsOf) -> Result<Self, StoreError> {
        let at = match at {
            AsOf::Now => None,
            AsOf::Event(event) => Some(event),
        };
        let state = disk.projects.get(&id).ok_or(StoreError::NotFound)?;
        let seen = state
            .versions
            .iter()
            .rev()
            .find(|(from, _)| at.is_none_or(|at| *from <= at))
            .or(state.versions.first());
        let (_, project) = seen.ok_or(StoreError::NotFound)?;
        Ok(Self {
            disk,
            state,
            id,
            project,
            at,
        })
    }

    pub(super) fn version(&self, key: ObjectRef) -> Option<&'a Version> {
        self.pick(self.state.objects.get(&key)?)
    }

    fn pick(&self, versions: &'a [Version]) -> Option<&'a Version> {
        versions
            .iter()
            .rev()
            .find(|v| self.at.is_none_or(|at| v.from <= at))
    }

    pub(super) fn versions(
        &self,
        collection: Collection,
    ) -> impl Iterator<Item = (i64, &'a Version)> {
        let range = ObjectRef::new(collection, i64::MIN)..=ObjectRef::new(collection, i64::MAX);
        self.state
            .objects
            .range(range)
            .filter_map(|(key, versions)| Some((key.id, self.pick(versions)?)))
    }

    pub(super) fn present(&self, collection: Collection) -> impl Iterator<Item = &'a Arc<Doc>> {
        self.versions(collection)
            .filter(|(_, v)| !v.deleted)
            .map(|(_, v)| &v.doc)
    }
}

pub(super) fn smallest_free(used: &BTreeSet<i64>) -> i64 {
    let mut free = 1;
    for taken in used.range(1..) {
        if *taken != free {
            break;
        }
        free += 1;
    }
    free
}

impl View for Shot<'_> {
    fn project(&self) -> &Arc<Project> {
        self.project
    }

    fn get(&self, key: ObjectRef) -> Option<Arc<Doc>> {
        self.version(key)
            .filter(|v| !v.deleted)
            .map(|v| Arc::clone(&v.doc))
    }

    fn person(&self, id: i64) -> Option<Arc<Doc>> {
        self.version(ObjectRef::new(Collection::Members, id))
            .map(|v| Arc::clone(&v.doc))
    }

    fn referrers(&self, to: ObjectRef, from: Collection, member: &str) -> Vec<Arc<Doc>> {
        self.present(from)
            .filter(|d| d.references().iter().any(|(m, r)| *m == member && *r == to))
            .cloned()
            .collect()
    }

    fn all(&self, collection: Collection) -> Vec<Arc<Doc>> {
        self.present(collection).cloned().collect()
    }

    fn by_external_id(&self, collection: Collection, external_id: &str) -> Option<i64> {
        self.present(collection)
            .find(|d| d.opt_text("external_id") == Some(external_id))
            .map(|d| d.id())
    }

    fn by_number(&self, number: i64) -> Option<ObjectRef> {
        ITEMS
            .iter()
            .flat_map(|c| self.present(*c))
            .find(|d| d.int("number") == Some(number))
            .map(|d| d.key())
    }

    fn last_sequence(&self, key: ObjectRef) -> Option<i64> {
        self.version(key)
            .filter(|v| v.deleted)
            .map(|v| v.doc.sequence())
    }

    fn next_id(&self, collection: Collection) -> i64 {
        let family = if collection.is_item() {
            ITEMS.as_slice()
        } else {
            std::slice::from_ref(&collection)
        };
        let used = family.iter().flat_map(|c| self.versions(*c));
        smallest_free(&used.map(|(id, _)| id).collect())
    }

    fn next_number(&self) -> i64 {
        let items = ITEMS.iter().flat_map(|c| self.present(*c));
        smallest_free(&items.filter_map(|d| d.int("number")).collect())
    }

    fn max_rank(&self, collection: Collection) -> i64 {
        self.present(collection)
            .filter_map(|d| d.int("rank"))
            .max()
            .unwrap_or(0)
    }

    fn count_with(&self, collection: Collection, member: &str, value: &str) -> usize {
        self.present(collection)
            .filter(|d| d.opt_text(member) == Some(value))
            .count()
    }
}

impl Snapshot for Shot<'_> {
    fn webhooks(&self) -> Arc<Vec<Arc<Webhook>>> {
        let own = |lane: &&Lane| lane.webhook.project == self.id && !lane.deleted;
        let lanes = self.disk.webhooks.values().filter(own);
        Arc::new(lanes.map(|lane| Arc::clone(&lane.webhook)).collect())
    }

    fn memo(&self, scope: &str, key: &str) -> Option<String> {
        self.disk.memo(scope, key)
    }
}
