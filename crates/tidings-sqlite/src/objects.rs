//! Projects, objects and events, apart from recording them.

use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, params};
use tidings_domain::{Collection, Doc, EventId, ObjectRef, Project, ProjectId, View};
use tidings_storage::stored::read_event;
use tidings_storage::{Activity, AsOf, PAGE_BYTES, Page, StoreError};

use crate::codes::{Result, collection_code, limit, sick, to_json};
use crate::shared::{Fact, Shared};
use crate::snapshot::{Shot, object_at, read_project};
use crate::writer::Writer;

pub(crate) fn page<T>(data: Vec<T>, rows: usize, cursor: impl Fn(&T) -> i64) -> Page<T> {
    ended_page(data, rows, false, cursor)
}

/// `full`: it ends here whether more was asked for or not.
fn ended_page<T>(mut data: Vec<T>, rows: usize, full: bool, cursor: impl Fn(&T) -> i64) -> Page<T> {
    let more = full || data.len() > rows;
    data.truncate(rows);
    let next = data.last().filter(|_| more).map(cursor);
    Page { data, next }
}

pub(crate) fn project(
    conn: &Connection,
    shared: &Shared,
    key: &str,
) -> Result<Option<Arc<Project>>> {
    let mut statement = conn
        .prepare_cached("SELECT version, body, id FROM projects WHERE key = ?1 AND deleted = 0")
        .map_err(sick)?;
    let mut rows = statement.query([key]).map_err(sick)?;
    match rows.next().map_err(sick)? {
        Some(row) => {
            let id = ProjectId(row.get(2).map_err(sick)?);
            read_project(shared, id, row).map(Some)
        }
        None => Ok(None),
    }
}

pub(crate) fn projects(
    conn: &Connection,
    shared: &Shared,
    after: i64,
    rows: usize,
) -> Result<Page<Arc<Project>>> {
    let mut statement = conn
        .prepare_cached(
            "SELECT version, body, id FROM projects WHERE id > ?1 AND deleted = 0 ORDER BY id LIMIT ?2",
        )
        .map_err(sick)?;
    let mut found = statement
        .query(params![after, limit(rows + 1)])
        .map_err(sick)?;
    let mut data = Vec::new();
    while let Some(row) = found.next().map_err(sick)? {
        let id = ProjectId(row.get(2).map_err(sick)?);
        data.push(read_project(shared, id, row)?);
    }
    Ok(page(data, rows, |p| p.id.0))
}

pub(crate) fn objects(
    conn: &Connection,
    shared: &Shared,
    project: ProjectId,
    collection: Collection,
    range: (i64, usize),
) -> Result<Page<Arc<Doc>>> {
    let (after, rows) = range;
    let shot = Shot::new(conn, shared, project, AsOf::Now)?;
    let mut statement = conn
        .prepare_cached(
            "SELECT id FROM objects WHERE project = ?1 AND collection = ?2 AND id > ?3 AND deleted = 0 ORDER BY id LIMIT ?4",
        )
        .map_err(sick)?;
    let given = params![
        project.0,
        collection_code(collection),
        after,
        limit(rows + 1)
    ];
    let ids = statement.query_map(given, |row| row.get(0)).map_err(sick)?;
    let mut data: Vec<Arc<Doc>> = Vec::new();
    let (mut weight, mut full) = (0, false);
    for id in ids {
        if weight >= PAGE_BYTES {
            full = true;
            break;
        }
        let found = shot.get(ObjectRef::new(collection, id.map_err(sick)?));
        weight += found.as_ref().map_or(0, |doc| doc.weight());
        data.extend(found);
    }
    match shot.error() {
        Some(error) => Err(error),
        None => Ok(ended_page(data, rows, full, |d| d.id())),
    }
}

pub(crate) fn activities(
    conn: &Connection,
    shared: &Shared,
    project: ProjectId,
    before: i64,
    rows: usize,
) -> Result<Page<Activity>> {
    crate::snapshot::project_row(conn, shared, project)?.ok_or(StoreError::NotFound)?;
    let end = if before > 0 { before } else { i64::MAX };
    let mut statement = conn
        .prepare_cached(
            "SELECT id, recorded_ms, body FROM events WHERE project = ?1 AND id < ?2 AND listed = 1 ORDER BY id DESC LIMIT ?3",
        )
        .map_err(sick)?;
    let mut found = statement
        .query(params![project.0, end, limit(rows + 1)])
        .map_err(sick)?;
    let mut data: Vec<Activity> = Vec::new();
    let (mut weight, mut full) = (0, false);
    while let Some(row) = found.next().map_err(sick)? {
        if weight >= PAGE_BYTES {
            full = true;
            break;
        }
        let activity = activity(conn, shared, project, row)?;
        weight += activity.event.change().map_or(0, |c| c.object.weight());
        data.push(activity);
    }
    Ok(ended_page(data, rows, full, |a| a.event.id.0))
}

pub(crate) fn event(
    conn: &Connection,
    shared: &Shared,
    project: ProjectId,
    event: EventId,
) -> Result<Option<Activity>> {
    crate::snapshot::project_row(conn, shared, project)?.ok_or(StoreError::NotFound)?;
    let mut statement = conn
        .prepare_cached("SELECT id, recorded_ms, body FROM events WHERE id = ?1 AND project = ?2")
        .map_err(sick)?;
    let mut rows = statement.query([event.0, project.0]).map_err(sick)?;
    match rows.next().map_err(sick)? {
        Some(row) => activity(conn, shared, project, row).map(Some),
        None => Ok(None),
    }
}

/// Columns are `id`, `recorded_ms` and `body`.
pub(crate) fn activity(
    conn: &Connection,
    shared: &Shared,
    project: ProjectId,
    row: &rusqlite::Row<'_>,
) -> Result<Activity> {
    let id = EventId(row.get(0).map_err(sick)?);
    let recorded_ms = row.get(1).map_err(sick)?;
    let body: String = row.get(2).map_err(sick)?;
    let mut lookup = |key: ObjectRef, at: EventId| object_at(conn, shared, project, key, at);
    let event = Arc::new(read_event(id, project, &body, &mut lookup)?);
    Ok(Activity { event, recorded_ms })
}

impl Writer<'_> {
    pub(crate) fn create_project(&mut self, mut project: Project) -> Result<Project> {
        let taken = |sql: &str, given: &dyn rusqlite::ToSql| {
            let mut statement = self.conn.prepare_cached(sql).map_err(sick)?;
            statement.exists([given]).map_err(sick)
        };
        if taken(
            "SELECT 1 FROM projects WHERE key = ?1 AND deleted = 0",
            &project.key,
        )? {
            return Err(StoreError::Conflict("key"));
        }
        if project.id.0 == 0 {
            project.id = ProjectId(self.free_project_id()?);
        } else if taken("SELECT 1 FROM projects WHERE id = ?1", &project.id.0)? {
            return Err(StoreError::Conflict("id"));
        }
        self.run(
            "INSERT INTO projects (id, key, version, hooks, deleted, body) VALUES (?1, ?2, 0, 0, 0, ?3)",
            params![project.id.0, project.key, to_json(&project)?],
        )?;
        self.projects_changed = true;
        Ok(project)
    }

    /// The smallest id from 1 that no project ever had.
    fn free_project_id(&self) -> Result<i64> {
        let first = self
            .conn
            .prepare_cached("SELECT 1 FROM projects WHERE id = 1")
            .and_then(|mut s| s.exists([]))
            .map_err(sick)?;
        if !first {
            return Ok(1);
        }
        self.conn
            .prepare_cached(
                "SELECT p.id + 1 FROM projects p WHERE p.id > 0
                 AND NOT EXISTS (SELECT 1 FROM projects n WHERE n.id = p.id + 1) ORDER BY p.id LIMIT 1",
            )
            .and_then(|mut s| s.query_row([], |row| row.get(0)))
            .map_err(sick)
    }

    /// Makes a project and all its webhooks and tokens vanish; the rest follows in steps of [`Writer::empty_project`].
    pub(crate) fn hide_project(&mut self, project: ProjectId) -> Result<()> {
        let hidden = self.run(
            "UPDATE projects SET deleted = 1 WHERE id = ?1 AND deleted = 0",
            [project.0],
        )?;
        if hidden == 0 {
            return Err(StoreError::NotFound);
        }
        self.changed(&Fact::Project(project));
        self.run(
            "UPDATE webhooks SET deleted = 2, sealed = NULL WHERE project = ?1",
            [project.0],
        )?;
        self.run("DELETE FROM tokens WHERE project = ?1", [project.0])?;
        self.run("DELETE FROM memberships WHERE project = ?1", [project.0])?;
        self.run("DELETE FROM sweeps WHERE project = ?1", [project.0])?;
        self.run(
            "DELETE FROM absences WHERE webhook IN (SELECT id FROM webhooks WHERE project = ?1)",
            [project.0],
        )?;
        Ok(())
    }

    /// Removes up to about `rows` rows of what a deleted project left; whether it is empty.
    pub(crate) fn empty_project(&mut self, project: ProjectId, rows: usize) -> Result<bool> {
        let deliveries = self.ids(
            "SELECT d.id FROM segments s CROSS JOIN deliveries d INDEXED BY deliveries_by_project
             ON d.segment = s.id AND d.project = ?1 ORDER BY s.id, d.id LIMIT ?2",
            project,
            rows,
        )?;
        if !deliveries.is_empty() {
            self.remove_deliveries(&deliveries)?;
            return Ok(false);
        }
        // Messages are gone with their deliveries.
        if self.remove_states(project, rows)? > 0 {
            return Ok(false);
        }
        for sql in [
            "DELETE FROM events WHERE id IN (SELECT id FROM events WHERE project = ?1 LIMIT ?2)",
            "DELETE FROM links WHERE (project, to_collection, to_id, from_collection, member, from_id, since) IN
             (SELECT project, to_collection, to_id, from_collection, member, from_id, since FROM links WHERE project = ?1 LIMIT ?2)",
            "DELETE FROM old_projects WHERE rowid IN (SELECT rowid FROM old_projects WHERE project = ?1 LIMIT ?2)",
            "DELETE FROM tallies WHERE (project, collection, member, value) IN
             (SELECT project, collection, member, value FROM tallies WHERE project = ?1 LIMIT ?2)",
        ] {
            if self.run(sql, params![project.0, limit(rows)])? > 0 {
                return Ok(false);
            }
        }
        if self.forget_memos(project, rows)? > 0 {
            return Ok(false);
        }
        self.run(
            "DELETE FROM healths WHERE webhook IN (SELECT id FROM webhooks WHERE project = ?1)",
            [project.0],
        )?;
        for sql in [
            "DELETE FROM hours WHERE webhook IN (SELECT id FROM webhooks WHERE project = ?1)",
            "DELETE FROM shifts WHERE webhook IN (SELECT id FROM webhooks WHERE project = ?1)",
        ] {
            self.run(sql, [project.0])?;
        }
        self.run(
            "DELETE FROM webhook_answers WHERE webhook IN (SELECT id FROM webhooks WHERE project = ?1)",
            [project.0],
        )?;
        self.run(
            "UPDATE webhooks SET body = '' WHERE project = ?1",
            [project.0],
        )?;
        self.run(
            "UPDATE projects SET deleted = 2, key = '', body = '' WHERE id = ?1 AND deleted = 1",
            [project.0],
        )?;
        Ok(true)
    }

    /// Removes up to `rows` states of a project's objects, the latest first, and each object after its last.
    fn remove_states(&self, project: ProjectId, rows: usize) -> Result<usize> {
        for removed in 0..rows {
            let latest = self
                .conn
                .prepare_cached(
                    "SELECT o.collection, o.id, o.state, s.before FROM objects o LEFT JOIN states s ON s.id = o.state
                     WHERE o.project = ?1 LIMIT 1",
                )
                .and_then(|mut s| {
                    s.query_row([project.0], |row| {
                        Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
                    })
                    .optional()
                })
                .map_err(sick)?;
            let Some((collection, id, state, before)): Option<(i64, i64, i64, Option<i64>)> =
                latest
            else {
                return Ok(removed);
            };
            self.run("DELETE FROM states WHERE id = ?1", [state])?;
            match before {
                Some(before) => self.run(
                    "UPDATE objects SET state = ?4 WHERE project = ?1 AND collection = ?2 AND id = ?3",
                    params![project.0, collection, id, before],
                )?,
                None => self.run(
                    "DELETE FROM objects WHERE project = ?1 AND collection = ?2 AND id = ?3",
                    params![project.0, collection, id],
                )?,
            };
        }
        Ok(rows)
    }

    fn ids(&self, sql: &str, project: ProjectId, rows: usize) -> Result<Vec<i64>> {
        let mut statement = self.conn.prepare_cached(sql).map_err(sick)?;
        let ids = statement
            .query_map(params![project.0, limit(rows)], |row| row.get(0))
            .map_err(sick)?;
        ids.collect::<rusqlite::Result<_>>().map_err(sick)
    }

    /// A project that is still to be emptied.
    pub(crate) fn hidden_project(&self) -> Result<Option<ProjectId>> {
        self.conn
            .prepare_cached("SELECT id FROM projects WHERE deleted = 1 LIMIT 1")
            .and_then(|mut s| s.query_row([], |row| row.get(0)).optional())
            .map(|found| found.map(ProjectId))
            .map_err(sick)
    }
}
