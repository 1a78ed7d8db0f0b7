//! What holds now, remembered by the process that writes: the objects, projects and webhooks of the last commits.
//!
//! Only plans look here, and each of them is checked by the writer against what was changed since the plan began: what is
//! remembered is at least as new as that, so a plan that met something newer is made again. The writer renews it after each
//! commit, before anybody hears of the commit. A reader adds what it found only while no newer commit has been entered.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tidings_domain::{ObjectRef, Project, ProjectId};

use crate::shared::Webhooks;
use crate::snapshot::Current;

/// Stored bytes of the objects that are remembered.
const MOST_BYTES: usize = 16 * 1024 * 1024;
/// Projects, and webhooks of projects, that are remembered.
const MOST_PROJECTS: usize = 10_000;
/// What an object takes beside its members.
const OVERHEAD: usize = 512;

/// What a transaction changed.
#[derive(Default)]
pub(crate) struct News {
    pub(crate) objects: Vec<(ProjectId, Current, usize)>,
    pub(crate) projects: Vec<ProjectId>,
    pub(crate) webhooks: Vec<ProjectId>,
}

impl News {
    pub(crate) fn clear(&mut self) {
        self.objects.clear();
        self.projects.clear();
        self.webhooks.clear();
    }

    fn is_empty(&self) -> bool {
        self.objects.is_empty() && self.projects.is_empty() && self.webhooks.is_empty()
    }
}

#[derive(Default)]
struct Held {
    /// The last request whose changes are entered.
    entered: u64,
    objects: HashMap<(ProjectId, ObjectRef), (Current, usize)>,
    bytes: usize,
    projects: HashMap<ProjectId, Arc<Project>>,
    webhooks: HashMap<ProjectId, Webhooks>,
}

impl Held {
    fn insert(&mut self, project: ProjectId, current: Current, bytes: usize) {
        if self.bytes > MOST_BYTES {
            // Simple and cheap; what is in use comes back with its next read.
            self.objects.clear();
            self.bytes = 0;
        }
        let bytes = bytes + OVERHEAD;
        let key = (project, current.doc.key());
        let before = self.objects.insert(key, (current, bytes));
        self.bytes = self.bytes + bytes - before.map_or(0, |(_, b)| b);
    }
}

#[derive(Default)]
pub(crate) struct Memory(Mutex<Held>);

impl Memory {
    /// Enters what a commit changed; `request` is its last.
    pub(crate) fn enter(&self, news: &mut News, request: u64) {
        if news.is_empty() {
            return;
        }
        let mut held = self.0.lock();
        held.entered = request;
        for (project, current, bytes) in news.objects.drain(..) {
            held.insert(project, current, bytes);
        }
        for project in news.projects.drain(..) {
            held.projects.remove(&project);
        }
        for project in news.webhooks.drain(..) {
            held.webhooks.remove(&project);
        }
    }

    pub(crate) fn object(&self, project: ProjectId, key: ObjectRef) -> Option<Current> {
        let held = self.0.lock();
        held.objects.get(&(project, key)).map(|(c, _)| c.clone())
    }

    pub(crate) fn project(&self, id: ProjectId) -> Option<Arc<Project>> {
        self.0.lock().projects.get(&id).cloned()
    }

    pub(crate) fn webhooks(&self, project: ProjectId) -> Option<Webhooks> {
        self.0.lock().webhooks.get(&project).cloned()
    }

    /// Adds an object that was read in a snapshot which began after the commit of `since`.
    pub(crate) fn add_object(
        &self,
        since: u64,
        project: ProjectId,
        current: &Current,
        bytes: usize,
    ) {
        let mut held = self.0.lock();
        if held.entered <= since {
            held.insert(project, current.clone(), bytes);
        }
    }

    /// The same for a project.
    pub(crate) fn add_project(&self, since: u64, project: &Arc<Project>) {
        let mut held = self.0.lock();
        if held.entered <= since && held.projects.len() < MOST_PROJECTS {
            held.projects.insert(project.id, Arc::clone(project));
        }
    }

    /// The same for the webhooks of a project.
    pub(crate) fn add_webhooks(&self, since: u64, project: ProjectId, webhooks: &Webhooks) {
        let mut held = self.0.lock();
        if held.entered <= since && held.webhooks.len() < MOST_PROJECTS {
            held.webhooks.insert(project, Arc::clone(webhooks));
        }
    }
}
