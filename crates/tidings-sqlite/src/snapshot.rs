//! One read transaction, seen as the domain sees a project. Notes what was read, so that the writer can tell whether it still holds.
//!
//! Reading cannot fail for a [`View`]: an error is noted, everything then looks absent, and the work is thrown away.

use std::cell::RefCell;
use std::sync::Arc;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension, Row, params};
use tidings_domain::collection::ITEMS;
use tidings_domain::schema::Kind;
use tidings_domain::webhook::{Sealed, Secrets, Webhook};
use tidings_domain::{Collection, Doc, EventId, ObjectRef, Project, ProjectId, View};
use tidings_storage::{AsOf, Snapshot, StoreError};

use crate::codes::{Result, collection_code, json, sick};
use crate::keep;
use crate::reader::{Reader, Source};
use crate::shared::{Fact, Series, Shared, Webhooks};

/// `until` of what still holds.
pub(crate) const FOREVER: i64 = i64::MAX;

pub(crate) struct Shot<'a> {
    from: Source<'a>,
    shared: &'a Shared,
    id: ProjectId,
    project: Arc<Project>,
    at: Option<i64>,
    notes: RefCell<Notes>,
}

#[derive(Default)]
struct Notes {
    read: Vec<u64>,
    own: Vec<(Series, i64)>,
    error: Option<StoreError>,
}

/// An object's row.
#[derive(Clone)]
pub(crate) struct Current {
    pub(crate) version: i64,
    pub(crate) deleted: bool,
    pub(crate) doc: Arc<Doc>,
}

impl<'a> Shot<'a> {
    pub(crate) fn new(
        conn: &'a Connection,
        shared: &'a Shared,
        id: ProjectId,
        at: AsOf,
    ) -> Result<Self> {
        let at = match at {
            AsOf::Now => None,
            AsOf::Event(event) => Some(event.0),
        };
        let project = project_row(conn, shared, id)?.ok_or(StoreError::NotFound)?;
        let project = match at {
            Some(at) => old_project(conn, id, at)?.unwrap_or(project),
            None => project,
        };
        Ok(Self::of(Source::Begun(conn), shared, project, at))
    }

    /// What holds now, for a plan: from memory as far as that goes.
    pub(crate) fn for_plan(
        reader: &'a Reader<'a>,
        shared: &'a Shared,
        id: ProjectId,
    ) -> Result<Self> {
        let project = if let Some(project) = shared.memory.project(id) {
            project
        } else {
            let project = project_row(reader.conn()?, shared, id)?;
            let project = project.ok_or(StoreError::NotFound)?;
            shared.memory.add_project(reader.since, &project);
            project
        };
        Ok(Self::of(Source::Memory(reader), shared, project, None))
    }

    fn of(from: Source<'a>, shared: &'a Shared, project: Arc<Project>, at: Option<i64>) -> Self {
        let shot = Self {
            from,
            shared,
            id: project.id,
            project,
            at,
            notes: RefCell::default(),
        };
        shot.note(&Fact::Project(shot.id));
        shot
    }

    fn conn(&self) -> Result<&'a Connection> {
        self.from.conn()
    }

    fn note(&self, fact: &Fact<'_>) {
        if self.at.is_none() {
            self.notes.borrow_mut().read.push(fact.mark());
        }
    }

    /// The value, or its default and a note of what went wrong.
    fn or_noted<T: Default>(&self, result: Result<T>) -> T {
        result.unwrap_or_else(|error| {
            self.notes.borrow_mut().error.get_or_insert(error);
            T::default()
        })
    }

    /// What went wrong while reading.
    pub(crate) fn error(&self) -> Option<StoreError> {
        self.notes.borrow_mut().error.take()
    }

    /// What was read, and which numbers are held.
    pub(crate) fn taken(&self) -> (Vec<u64>, Vec<(Series, i64)>) {
        let mut notes = self.notes.borrow_mut();
        (
            std::mem::take(&mut notes.read),
            std::mem::take(&mut notes.own),
        )
    }

    /// An object's row, also of a deleted one.
    pub(crate) fn row(&self, key: ObjectRef) -> Result<Option<Current>> {
        self.note(&Fact::Object(self.id, key));
        if let Source::Memory(_) = self.from
            && let Some(current) = self.shared.memory.object(self.id, key)
        {
            return Ok(Some(current));
        }
        let mut statement = self
            .conn()?
            .prepare_cached(
                "SELECT version, deleted, state FROM objects WHERE project = ?1 AND collection = ?2 AND id = ?3",
            )
            .map_err(sick)?;
        let at = params![self.id.0, collection_code(key.collection), key.id];
        let found = statement.query_row(at, |row| {
            Ok((row.get(0)?, row.get(1)?, row.get::<_, i64>(2)?))
        });
        let Some((version, deleted, state)) = found.optional().map_err(sick)? else {
            return Ok(None);
        };
        match self.at {
            Some(at) if version > at => self.old_row(key, at, state),
            _ => self.current(key, version, deleted, state).map(Some),
        }
    }

    /// The state that held with that event; `newest` is the latest one.
    fn old_row(&self, key: ObjectRef, at: i64, newest: i64) -> Result<Option<Current>> {
        let mut statement = self
            .conn()?
            .prepare_cached("SELECT since, before, deleted, body FROM states WHERE id = ?1")
            .map_err(sick)?;
        let mut next = Some(self.state_near(key, at)?.unwrap_or(newest));
        while let Some(state) = next {
            let mut rows = statement.query([state]).map_err(sick)?;
            let Some(row) = rows.next().map_err(sick)? else {
                return Ok(None);
            };
            let since: i64 = row.get(0).map_err(sick)?;
            if since <= at {
                let deleted = row.get(2).map_err(sick)?;
                let doc = match self.shared.cached_doc(self.id, key, since) {
                    Some(doc) => doc,
                    None => parse(key, row.get_ref(3).map_err(sick)?)?.0,
                };
                return Ok(Some(Current {
                    version: since,
                    deleted,
                    doc,
                }));
            }
            next = row.get(1).map_err(sick)?;
        }
        Ok(None)
    }

    /// What an event of that number, or the next one, wrote of an object: nearly always what is looked for or what replaced it.
    fn state_near(&self, key: ObjectRef, at: i64) -> Result<Option<i64>> {
        self.number(
            "SELECT id FROM states WHERE since BETWEEN ?4 AND ?4 + 1 AND project = ?1 AND collection = ?2 AND object = ?3
             ORDER BY since, id DESC LIMIT 1",
            params![self.id.0, collection_code(key.collection), key.id, at],
        )
    }

    fn current(&self, key: ObjectRef, version: i64, deleted: bool, state: i64) -> Result<Current> {
        if let Source::Begun(_) = self.from
            && let Some(doc) = self.shared.cached_doc(self.id, key, version)
        {
            return Ok(Current {
                version,
                deleted,
                doc,
            });
        }
        let mut statement = self
            .conn()?
            .prepare_cached("SELECT body FROM states WHERE id = ?1")
            .map_err(sick)?;
        let mut rows = statement.query([state]).map_err(sick)?;
        let row = rows.next().map_err(sick)?;
        let row =
            row.ok_or_else(|| StoreError::Corrupt(format!("{key}: its state is not there")))?;
        let (doc, bytes) = parse(key, row.get_ref(0).map_err(sick)?)?;
        let current = Current {
            version,
            deleted,
            doc,
        };
        match self.from {
            Source::Memory(reader) => {
                let memory = &self.shared.memory;
                memory.add_object(reader.since, self.id, &current, bytes);
            }
            Source::Begun(_) if self.at.is_none() => {
                self.shared.cache_doc(self.id, version, &current.doc, bytes);
            }
            Source::Begun(_) => {}
        }
        Ok(current)
    }

    fn present(&self, key: ObjectRef) -> Result<Option<Arc<Doc>>> {
        Ok(self.row(key)?.filter(|r| !r.deleted).map(|r| r.doc))
    }

    fn numbers(&self, sql: &str, given: impl rusqlite::Params) -> Result<Vec<i64>> {
        let mut statement = self.conn()?.prepare_cached(sql).map_err(sick)?;
        let rows = statement.query_map(given, |row| row.get(0)).map_err(sick)?;
        rows.collect::<rusqlite::Result<_>>().map_err(sick)
    }

    /// A number that may be null or missing.
    fn number(&self, sql: &str, given: impl rusqlite::Params) -> Result<Option<i64>> {
        let mut statement = self.conn()?.prepare_cached(sql).map_err(sick)?;
        let row = statement.query_row(given, |row| row.get(0));
        Ok(row.optional().map_err(sick)?.flatten())
    }

    fn ids(&self, collection: Collection) -> Result<Vec<i64>> {
        self.numbers(
            "SELECT id FROM objects WHERE project = ?1 AND collection = ?2 AND (deleted = 0 OR version > ?3) ORDER BY id",
            params![self.id.0, collection_code(collection), self.at.unwrap_or(FOREVER)],
        )
    }

    fn all_present(&self, collection: Collection) -> Result<Vec<Arc<Doc>>> {
        self.note(&Fact::Members(self.id, collection_code(collection)));
        let ids = self.ids(collection)?;
        let docs = ids
            .into_iter()
            .filter_map(|id| self.present(ObjectRef::new(collection, id)).transpose());
        docs.collect()
    }

    fn referring_ids(&self, to: ObjectRef, from: Collection, member: &str) -> Result<Vec<i64>> {
        self.note(&Fact::Referrers(self.id, to, collection_code(from), member));
        self.numbers(
            "SELECT from_id FROM links WHERE project = ?1 AND to_collection = ?2 AND to_id = ?3
             AND from_collection = ?4 AND member = ?5 AND since <= ?6 AND until > ?6 ORDER BY from_id",
            params![
                self.id.0,
                collection_code(to.collection),
                to.id,
                collection_code(from),
                member,
                self.at.unwrap_or(FOREVER - 1),
            ],
        )
    }

    fn smallest_id(&self, collection: Collection) -> Result<i64> {
        let family = family(collection);
        if self.at.is_some() {
            let mut used = std::collections::BTreeSet::new();
            for member in family {
                for id in self.ids(*member)? {
                    if self.row(ObjectRef::new(*member, id))?.is_some() {
                        used.insert(id);
                    }
                }
            }
            return Ok((1..i64::MAX).find(|id| !used.contains(id)).unwrap_or(1));
        }
        let of = family.first().copied().map_or(0, collection_code);
        let series = Series {
            project: self.id,
            of,
        };
        let in_use = |id: i64| {
            for member in family {
                let found = self.number(
                    "SELECT 1 FROM objects WHERE project = ?1 AND collection = ?2 AND id = ?3",
                    params![self.id.0, collection_code(*member), id],
                )?;
                if found.is_some() {
                    return Ok(true);
                }
            }
            Ok(false)
        };
        let mut own = std::mem::take(&mut self.notes.borrow_mut().own);
        let found = self.shared.reserve(series, &mut own, in_use);
        self.notes.borrow_mut().own = own;
        let id = found?;
        for member in family {
            self.note(&Fact::Object(self.id, ObjectRef::new(*member, id)));
        }
        Ok(id)
    }

    fn smallest_number(&self) -> Result<i64> {
        if self.at.is_some() {
            let mut used = std::collections::BTreeSet::new();
            for items in ITEMS {
                used.extend(
                    self.all_present(items)?
                        .iter()
                        .filter_map(|d| d.int("number")),
                );
            }
            return Ok((1..i64::MAX).find(|n| !used.contains(n)).unwrap_or(1));
        }
        let series = Series {
            project: self.id,
            of: -1,
        };
        let in_use = |number: i64| {
            self.number(
                "SELECT 1 FROM objects WHERE project = ?1 AND number = ?2 AND number IS NOT NULL",
                params![self.id.0, number],
            )
            .map(|found| found.is_some())
        };
        let mut own = std::mem::take(&mut self.notes.borrow_mut().own);
        let found = self.shared.reserve(series, &mut own, in_use);
        self.notes.borrow_mut().own = own;
        let number = found?;
        self.note(&Fact::Number(self.id, number));
        Ok(number)
    }

    fn read_webhooks(&self) -> Result<Webhooks> {
        self.note(&Fact::Webhooks(self.id));
        let Source::Memory(reader) = self.from else {
            return self.webhook_rows();
        };
        if let Some(webhooks) = self.shared.memory.webhooks(self.id) {
            return Ok(webhooks);
        }
        let webhooks = self.webhook_rows()?;
        let memory = &self.shared.memory;
        memory.add_webhooks(reader.since, self.id, &webhooks);
        Ok(webhooks)
    }

    fn webhook_rows(&self) -> Result<Webhooks> {
        let version = self
            .number("SELECT hooks FROM projects WHERE id = ?1", [self.id.0])?
            .unwrap_or_default();
        if let Some(webhooks) = self.shared.cached_webhooks(self.id, version) {
            return Ok(webhooks);
        }
        let mut statement = self
            .conn()?
            .prepare_cached(
                "SELECT body, sealed FROM webhooks WHERE project = ?1 AND deleted = 0 ORDER BY id",
            )
            .map_err(sick)?;
        let mut rows = statement.query([self.id.0]).map_err(sick)?;
        let mut webhooks = Vec::new();
        while let Some(row) = rows.next().map_err(sick)? {
            webhooks.push(Arc::new(read_webhook(row, 0)?));
        }
        let webhooks = Arc::new(webhooks);
        self.shared.cache_webhooks(self.id, version, &webhooks);
        Ok(webhooks)
    }

    fn read_memo(&self, scope: &str, key: &str) -> Result<Option<String>> {
        self.note(&Fact::Memo(scope, key));
        keep::memo(self.conn()?, self.shared, scope, key)
    }

    fn count(&self, collection: Collection, member: &str, value: &str) -> Result<usize> {
        if self.at.is_none() && is_tallied(collection, member) {
            self.note(&Fact::Tally(
                self.id,
                collection_code(collection),
                member,
                value,
            ));
            let count = self.number(
                "SELECT number FROM tallies WHERE project = ?1 AND collection = ?2 AND member = ?3 AND value = ?4",
                params![self.id.0, collection_code(collection), member, value],
            )?;
            return Ok(usize::try_from(count.unwrap_or_default()).unwrap_or_default());
        }
        let docs = self.all_present(collection)?;
        Ok(docs
            .iter()
            .filter(|d| d.opt_text(member) == Some(value))
            .count())
    }
}

/// Whether the objects of a collection are counted by the entry of a vocabulary that this member holds.
pub(crate) fn is_tallied(collection: Collection, member: &str) -> bool {
    let schema = tidings_domain::schema::of(collection);
    matches!(schema.member(member).map(|m| m.kind), Some(Kind::Entry(_)))
}

/// The collections that share one series of ids.
fn family(collection: Collection) -> &'static [Collection] {
    if collection.is_item() {
        &ITEMS
    } else {
        let all = Collection::ALL;
        let place = all.iter().position(|c| *c == collection).unwrap_or(0);
        all.get(place..=place).unwrap_or(all)
    }
}

fn parse(key: ObjectRef, body: ValueRef<'_>) -> Result<(Arc<Doc>, usize)> {
    let damaged = |e: &dyn std::fmt::Display| StoreError::Corrupt(format!("{key}: {e}"));
    let body = body.as_bytes().map_err(|e| damaged(&e))?;
    let doc = Doc::from_stored(key.collection, body).map_err(|e| damaged(&e))?;
    Ok((Arc::new(doc), body.len()))
}

impl View for Shot<'_> {
    fn project(&self) -> &Arc<Project> {
        &self.project
    }

    fn get(&self, key: ObjectRef) -> Option<Arc<Doc>> {
        self.or_noted(self.present(key))
    }

    fn person(&self, id: i64) -> Option<Arc<Doc>> {
        let row = self.row(ObjectRef::new(Collection::Members, id));
        self.or_noted(row).map(|r| r.doc)
    }

    fn referrers(&self, to: ObjectRef, from: Collection, member: &str) -> Vec<Arc<Doc>> {
        let ids = self.or_noted(self.referring_ids(to, from, member));
        ids.into_iter()
            .filter_map(|id| self.get(ObjectRef::new(from, id)))
            .collect()
    }

    fn count_referrers(&self, to: ObjectRef, from: Collection, member: &str) -> usize {
        self.or_noted(self.referring_ids(to, from, member)).len()
    }

    fn all(&self, collection: Collection) -> Vec<Arc<Doc>> {
        self.or_noted(self.all_present(collection))
    }

    fn by_external_id(&self, collection: Collection, external_id: &str) -> Option<i64> {
        let code = collection_code(collection);
        self.note(&Fact::ExternalId(self.id, code, external_id));
        if self.at.is_some() {
            let all = self.all(collection);
            let found = all
                .iter()
                .find(|d| d.opt_text("external_id") == Some(external_id));
            return found.map(|d| d.id());
        }
        self.or_noted(self.number(
            "SELECT id FROM objects WHERE project = ?1 AND collection = ?2 AND external_id = ?3 AND external_id IS NOT NULL",
            params![self.id.0, code, external_id],
        ))
    }

    fn by_number(&self, number: i64) -> Option<ObjectRef> {
        self.note(&Fact::Number(self.id, number));
        if self.at.is_some() {
            let mut items = ITEMS.iter().flat_map(|c| self.all(*c));
            let found = items.find(|d| d.int("number") == Some(number));
            return found.map(|d| d.key());
        }
        let conn = self.or_noted(self.conn().map(Some))?;
        let mut statement = self.or_noted(
            conn.prepare_cached(
                    "SELECT collection, id FROM objects WHERE project = ?1 AND number = ?2 AND number IS NOT NULL",
                )
                .map(Some)
                .map_err(sick),
        )?;
        let row = statement.query_row(params![self.id.0, number], |row| {
            Ok((row.get::<_, i64>(0)?, row.get(1)?))
        });
        let (code, id) = self.or_noted(row.optional().map_err(sick))?;
        let collection = self.or_noted(crate::codes::collection(code).map(Some))?;
        Some(ObjectRef::new(collection, id))
    }

    fn last_sequence(&self, key: ObjectRef) -> Option<i64> {
        let row = self.or_noted(self.row(key));
        row.filter(|r| r.deleted).map(|r| r.doc.sequence())
    }

    fn first_sequence(&self) -> i64 {
        self.shared.first_sequence
    }

    fn next_id(&self, collection: Collection) -> i64 {
        self.or_noted(self.smallest_id(collection))
    }

    fn next_number(&self) -> i64 {
        self.or_noted(self.smallest_number())
    }

    fn max_rank(&self, collection: Collection) -> i64 {
        if self.at.is_some() {
            let all = self.all(collection);
            return all.iter().filter_map(|d| d.int("rank")).max().unwrap_or(0);
        }
        let found = self.number(
            "SELECT max(rank) FROM objects WHERE project = ?1 AND collection = ?2 AND rank IS NOT NULL",
            params![self.id.0, collection_code(collection)],
        );
        self.or_noted(found).unwrap_or(0)
    }

    fn count_with(&self, collection: Collection, member: &str, value: &str) -> usize {
        self.or_noted(self.count(collection, member, value))
    }
}

impl Snapshot for Shot<'_> {
    fn webhooks(&self) -> Webhooks {
        self.or_noted(self.read_webhooks())
    }

    fn memo(&self, scope: &str, key: &str) -> Option<String> {
        self.or_noted(self.read_memo(scope, key))
    }
}

impl Drop for Shot<'_> {
    fn drop(&mut self) {
        self.shared.release(&mut self.notes.borrow_mut().own);
    }
}

/// The latest state of a project that is not deleted.
pub(crate) fn project_row(
    conn: &Connection,
    shared: &Shared,
    id: ProjectId,
) -> Result<Option<Arc<Project>>> {
    let mut statement = conn
        .prepare_cached("SELECT version, body FROM projects WHERE id = ?1 AND deleted = 0")
        .map_err(sick)?;
    let mut rows = statement.query([id.0]).map_err(sick)?;
    match rows.next().map_err(sick)? {
        Some(row) => read_project(shared, id, row).map(Some),
        None => Ok(None),
    }
}

/// Columns 0 and 1 are `version` and `body`.
pub(crate) fn read_project(shared: &Shared, id: ProjectId, row: &Row<'_>) -> Result<Arc<Project>> {
    let version = row.get(0).map_err(sick)?;
    if let Some(project) = shared.cached_project(id, version) {
        return Ok(project);
    }
    let body: String = row.get(1).map_err(sick)?;
    let project = Arc::new(json::<Project>(&body, "project")?);
    shared.cache_project(version, &project);
    Ok(project)
}

/// A project as it was with an event, when it has changed since.
fn old_project(conn: &Connection, id: ProjectId, at: i64) -> Result<Option<Arc<Project>>> {
    let mut statement = conn
        .prepare_cached(
            "SELECT body FROM old_projects WHERE project = ?1 AND until > ?2 ORDER BY until LIMIT 1",
        )
        .map_err(sick)?;
    let body = statement.query_row([id.0, at], |row| row.get::<_, String>(0));
    let body = body.optional().map_err(sick)?;
    body.map(|body| json(&body, "project").map(Arc::new))
        .transpose()
}

/// Columns from `first` on are `body` and `sealed`.
pub(crate) fn read_webhook(row: &Row<'_>, first: usize) -> Result<Webhook> {
    let body: String = row.get(first).map_err(sick)?;
    let sealed: Option<String> = row.get(first + 1).map_err(sick)?;
    let mut webhook: Webhook = json(&body, "webhook")?;
    if let Some(sealed) = sealed {
        let (secrets, headers): (Option<Secrets>, Vec<(String, Sealed)>) =
            json(&sealed, "webhook")?;
        webhook.secrets = secrets;
        webhook.headers = headers;
    }
    Ok(webhook)
}

/// Looks objects up as they were with an event, for [`tidings_storage::stored::read_event`].
pub(crate) fn object_at(
    conn: &Connection,
    shared: &Shared,
    project: ProjectId,
    key: ObjectRef,
    at: EventId,
) -> Result<Option<Arc<Doc>>> {
    let shot = Shot::new(conn, shared, project, AsOf::Event(at))?;
    Ok(shot.row(key)?.map(|r| r.doc))
}
