//! What all threads know: the pool of read-only connections, parsed rows, ids in use, and what was committed since when.

use std::collections::{BTreeSet, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};

use parking_lot::Mutex;
use rusqlite::Connection;
use tidings_domain::webhook::Webhook;
use tidings_domain::{Doc, ObjectRef, Project, ProjectId};
use tidings_storage::{ServerTime, StoreError};
use tokio::sync::watch;

use crate::codes::{Result, sick};
use crate::memory::Memory;
use crate::reader::Reader;

/// Connections kept open; more are opened when all are in use, and closed again.
const KEPT_READERS: usize = 8;

/// Stored bytes of the objects whose parsed form is kept.
const CACHED_BYTES: usize = 16 * 1024 * 1024;

pub(crate) struct Shared {
    path: PathBuf,
    readers: Mutex<Vec<Connection>>,
    pub(crate) memory: Memory,
    pub(crate) time: ServerTime,
    /// The version that new objects begin with.
    pub(crate) first_sequence: i64,
    /// Last event id handed out; those of plans that came to nothing are never used.
    pub(crate) events: AtomicI64,
    /// Number of the last request whose commit is durable. Read before a snapshot begins, it bounds what the snapshot lacks.
    pub(crate) committed: AtomicU64,
    docs: Mutex<Docs>,
    projects: Mutex<HashMap<ProjectId, (i64, Arc<Project>)>>,
    keys: Mutex<Keys>,
    webhooks: Mutex<HashMap<ProjectId, (i64, Webhooks)>>,
    series: Mutex<HashMap<Series, Taken>>,
    /// Something did not fit on the disk, and nobody has looked since whether it would now.
    pub(crate) was_full: AtomicBool,
    /// Why the writer does nothing any more.
    pub(crate) lost: watch::Sender<Option<StoreError>>,
}

pub(crate) type Webhooks = Arc<Vec<Arc<Webhook>>>;

#[derive(Default)]
struct Docs {
    rows: HashMap<(ProjectId, ObjectRef), CachedDoc>,
    bytes: usize,
}

struct CachedDoc {
    version: i64,
    doc: Arc<Doc>,
    bytes: usize,
}

/// Projects by key in lower case; every request asks for one.
#[derive(Default)]
struct Keys {
    /// Counts how often it was emptied: what was read before that is not taken in.
    emptied: u64,
    projects: HashMap<String, Arc<Project>>,
}

/// A series of numbers given out from 1: the ids of a collection (of all items together), or the numbers of items.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Series {
    pub(crate) project: ProjectId,
    /// Code of the collection (for items that of stories); -1 for the numbers of items.
    pub(crate) of: i64,
}

struct Taken {
    /// Everything from 1 up to, and without, this number is in use.
    floor: i64,
    /// Handed out to plans that are under way.
    reserved: BTreeSet<i64>,
}

impl Shared {
    pub(crate) fn new(
        path: PathBuf,
        time: ServerTime,
        last_event: i64,
        first_sequence: i64,
    ) -> Self {
        Self {
            path,
            readers: Mutex::default(),
            memory: Memory::default(),
            time,
            first_sequence,
            events: AtomicI64::new(last_event),
            committed: AtomicU64::new(0),
            docs: Mutex::default(),
            projects: Mutex::default(),
            keys: Mutex::default(),
            webhooks: Mutex::default(),
            series: Mutex::default(),
            was_full: AtomicBool::new(false),
            lost: watch::Sender::default(),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Runs a job on a read-only connection, in one transaction.
    pub(crate) fn reading<T>(&self, job: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        let reader = Reader::new(self, 0);
        job(reader.conn()?)
    }

    pub(crate) fn take_reader(&self) -> Result<Connection> {
        let kept = self.readers.lock().pop();
        match kept {
            Some(conn) => Ok(conn),
            None => crate::open::reader(&self.path).map_err(sick),
        }
    }

    pub(crate) fn keep_reader(&self, conn: Connection) {
        let mut readers = self.readers.lock();
        if readers.len() < KEPT_READERS {
            readers.push(conn);
        }
    }

    // === Parsed rows ===

    pub(crate) fn cached_doc(
        &self,
        project: ProjectId,
        key: ObjectRef,
        version: i64,
    ) -> Option<Arc<Doc>> {
        let docs = self.docs.lock();
        let found = docs.rows.get(&(project, key));
        found
            .filter(|cached| cached.version == version)
            .map(|cached| Arc::clone(&cached.doc))
    }

    pub(crate) fn cache_doc(&self, project: ProjectId, version: i64, doc: &Arc<Doc>, bytes: usize) {
        let mut docs = self.docs.lock();
        if docs.bytes > CACHED_BYTES {
            // Simple and cheap; what is in use comes back with its next read.
            docs.rows.clear();
            docs.bytes = 0;
        }
        let bytes = bytes + 512;
        let cached = CachedDoc {
            version,
            doc: Arc::clone(doc),
            bytes,
        };
        let before = docs.rows.insert((project, doc.key()), cached);
        docs.bytes = docs.bytes + bytes - before.map_or(0, |b| b.bytes);
    }

    /// The project with that key; `read` asks the database.
    pub(crate) fn project_by_key(
        &self,
        key: &str,
        read: impl FnOnce() -> Result<Option<Arc<Project>>>,
    ) -> Result<Option<Arc<Project>>> {
        let key = key.to_ascii_lowercase();
        let emptied = {
            let keys = self.keys.lock();
            if let Some(project) = keys.projects.get(&key) {
                return Ok(Some(Arc::clone(project)));
            }
            keys.emptied
        };
        let found = read()?;
        if let Some(project) = &found {
            let mut keys = self.keys.lock();
            if keys.emptied == emptied && keys.projects.len() < 10_000 {
                keys.projects.insert(key, Arc::clone(project));
            }
        }
        Ok(found)
    }

    /// A project came, changed or went, and that is committed.
    pub(crate) fn forget_keys(&self) {
        let mut keys = self.keys.lock();
        keys.emptied += 1;
        keys.projects.clear();
    }

    pub(crate) fn cached_project(&self, project: ProjectId, version: i64) -> Option<Arc<Project>> {
        let projects = self.projects.lock();
        let found = projects.get(&project);
        found
            .filter(|(cached, _)| *cached == version)
            .map(|(_, project)| Arc::clone(project))
    }

    pub(crate) fn cache_project(&self, version: i64, project: &Arc<Project>) {
        let mut projects = self.projects.lock();
        if projects.len() > 10_000 {
            projects.clear();
        }
        projects.insert(project.id, (version, Arc::clone(project)));
    }

    pub(crate) fn cached_webhooks(&self, project: ProjectId, version: i64) -> Option<Webhooks> {
        let webhooks = self.webhooks.lock();
        let found = webhooks.get(&project);
        found
            .filter(|(cached, _)| *cached == version)
            .map(|(_, webhooks)| Arc::clone(webhooks))
    }

    pub(crate) fn cache_webhooks(&self, project: ProjectId, version: i64, webhooks: &Webhooks) {
        let mut all = self.webhooks.lock();
        if all.len() > 10_000 {
            all.clear();
        }
        all.insert(project, (version, Arc::clone(webhooks)));
    }

    // === Numbers in series ===

    /// The smallest number of a series that is neither in use nor promised to another plan; promised to the plan that holds `own`
    /// until it gives it back. Many plans can so create objects at once without getting in each other's way.
    pub(crate) fn reserve(
        &self,
        series: Series,
        own: &mut Vec<(Series, i64)>,
        mut in_use: impl FnMut(i64) -> Result<bool>,
    ) -> Result<i64> {
        let mut all = self.series.lock();
        let taken = all.entry(series).or_insert_with(|| Taken {
            floor: 1,
            reserved: BTreeSet::new(),
        });
        let mut contiguous = true;
        let mut number = taken.floor;
        loop {
            if in_use(number)? {
                if contiguous {
                    taken.floor = number + 1;
                }
            } else {
                contiguous = false;
                let mine = own.contains(&(series, number));
                if mine || taken.reserved.insert(number) {
                    if !mine {
                        own.push((series, number));
                    }
                    return Ok(number);
                }
            }
            number += 1;
        }
    }

    pub(crate) fn release(&self, own: &mut Vec<(Series, i64)>) {
        if own.is_empty() {
            return;
        }
        let mut all = self.series.lock();
        for (series, number) in own.drain(..) {
            if let Some(taken) = all.get_mut(&series) {
                taken.reserved.remove(&number);
            }
        }
    }

    /// A number is free again.
    pub(crate) fn lower_floor(&self, series: Series, number: i64) {
        if let Some(taken) = self.series.lock().get_mut(&series) {
            taken.floor = taken.floor.min(number);
        }
    }

    pub(crate) fn next_event(&self) -> i64 {
        self.events.fetch_add(1, Ordering::Relaxed) + 1
    }
}

/// Something a plan can read and another one change.
#[derive(Hash)]
pub(crate) enum Fact<'a> {
    Project(ProjectId),
    Webhooks(ProjectId),
    Object(ProjectId, ObjectRef),
    ExternalId(ProjectId, i64, &'a str),
    Number(ProjectId, i64),
    Memo(&'a str, &'a str),
    Root(ProjectId, ObjectRef),
    /// Which objects of a collection refer to that one in that member.
    Referrers(ProjectId, ObjectRef, i64, &'a str),
    /// Which objects are in a collection.
    Members(ProjectId, i64),
    /// How many objects of a collection have that value in that member.
    Tally(ProjectId, i64, &'a str, &'a str),
}

impl Fact<'_> {
    /// Facts are compared by hash: two that share one only cause a plan to be made once more.
    pub(crate) fn mark(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.hash(&mut hasher);
        hasher.finish()
    }
}

/// What was changed lately, and with which request.
pub(crate) struct Recent {
    changed: HashMap<u64, u64>,
    roots: HashMap<u64, i64>,
    floor: u64,
    event_floor: i64,
}

/// How much of the past the writer remembers; plans older than that are made again.
const REMEMBERED: usize = 1 << 16;

impl Recent {
    pub(crate) fn new(last_event: i64) -> Self {
        Self {
            changed: HashMap::new(),
            roots: HashMap::new(),
            floor: 0,
            event_floor: last_event,
        }
    }

    pub(crate) fn change(&mut self, mark: u64, request: u64) {
        if self.changed.len() >= REMEMBERED {
            self.changed.clear();
            self.floor = request;
        }
        self.changed.insert(mark, request);
    }

    pub(crate) fn tell(&mut self, root: u64, event: i64) {
        if self.roots.len() >= REMEMBERED {
            self.event_floor = self.roots.values().copied().max().unwrap_or(event);
            self.roots.clear();
        }
        let last = self.roots.entry(root).or_insert(event);
        *last = event.max(*last);
    }

    /// Whether all of that is as it was when `request` was the last one.
    pub(crate) fn unchanged_since(&self, request: u64, marks: &[u64]) -> bool {
        request >= self.floor
            && marks
                .iter()
                .all(|mark| self.changed.get(mark).is_none_or(|at| *at <= request))
    }

    /// Whether nothing later than `event` was told of that root.
    pub(crate) fn in_order(&self, root: u64, event: i64) -> bool {
        event > self.event_floor && self.roots.get(&root).is_none_or(|last| *last < event)
    }
}

pub(crate) fn committed(shared: &Shared) -> u64 {
    shared.committed.load(Ordering::Acquire)
}
