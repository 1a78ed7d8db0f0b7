//! Who changed what.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension, Row, params};
use tidings_domain::{ProjectId, WebhookId};
use tidings_storage::audit::{ACTORS_AMONG, Actor, AuditEntry, AuditFilter, AuditRow};
use tidings_storage::{Page, StoreError};

use crate::codes::{Result, json, limit, sick, to_json};
use crate::objects::page;
use crate::writer::Writer;

const ROW: &str = "SELECT id, at_ms, project, webhook, operation, body FROM audit";
/// Entries looked through for a page that a filter makes rare: a few milliseconds. The page then ends there, full or not.
pub(crate) const LOOKED_THROUGH: usize = 8_000;

fn read(row: &Row<'_>) -> Result<AuditRow> {
    let body: String = row.get(5).map_err(sick)?;
    let entry: AuditEntry = json(&body, "audit")?;
    let columns = || -> rusqlite::Result<AuditRow> {
        Ok(AuditRow {
            id: row.get(0)?,
            at_ms: row.get(1)?,
            entry: AuditEntry {
                project: row.get::<_, Option<i64>>(2)?.map(ProjectId),
                webhook: row.get::<_, Option<i64>>(3)?.map(WebhookId),
                operation: row.get::<_, String>(4)?.into(),
                ..entry
            },
        })
    };
    columns().map_err(sick)
}

/// Entries, newest first, before `before` (0: from the newest).
pub(crate) fn list(
    conn: &Connection,
    filter: &AuditFilter,
    before: i64,
    rows: usize,
) -> Result<Page<AuditRow>> {
    // One equation at a time decides by which index; the rest is looked at row by row.
    let (of, value) = match (filter.webhook, filter.project) {
        (Some(webhook), _) => ("webhook = ?3 AND ", webhook.0),
        (None, Some(project)) => ("project = ?3 AND ", project.0),
        (None, None) => ("?3 IS NOT NULL AND ", 0),
    };
    let sql = format!("{ROW} WHERE {of}id < ?1 ORDER BY id DESC LIMIT ?2");
    let mut statement = conn.prepare_cached(&sql).map_err(sick)?;
    let end = if before <= 0 { i64::MAX } else { before };
    let end = match filter.until_ms {
        Some(until) => end.min(first_at(conn, until)?),
        None => end,
    };
    let mut found = statement
        .query(params![end, limit(LOOKED_THROUGH), value])
        .map_err(sick)?;
    let mut data = Vec::new();
    let mut reached = None;
    let mut seen = 0;
    while let Some(row) = found.next().map_err(sick)? {
        seen += 1;
        reached = Some(row.get(0).map_err(sick)?);
        let at_ms: i64 = row.get(1).map_err(sick)?;
        if filter.since_ms.is_some_and(|since| at_ms < since) {
            // Time does not run backwards: nothing older is younger.
            return Ok(page(data, rows, |r: &AuditRow| r.id));
        }
        // What it says is a text to be read: only where it may be wanted.
        let operation = row.get_ref(4).map_err(sick)?.as_str();
        if !operation.is_ok_and(|operation| filter.names(operation)) {
            continue;
        }
        let row = read(row)?;
        if filter.admits(&row) {
            data.push(row);
        }
        if data.len() > rows {
            return Ok(page(data, rows, |r| r.id));
        }
    }
    let next = reached.filter(|_| seen == LOOKED_THROUGH);
    Ok(Page { data, next })
}

/// The first id of that time or later, or of none yet. Later entries have greater ids.
fn first_at(conn: &Connection, ms: i64) -> Result<i64> {
    let mut from = conn
        .prepare_cached("SELECT id, at_ms FROM audit WHERE id >= ?1 ORDER BY id LIMIT 1")
        .map_err(sick)?;
    let mut last = conn
        .prepare_cached("SELECT coalesce(max(id), 0) FROM audit")
        .map_err(sick)?;
    let last: i64 = last.query_row([], |row| row.get(0)).map_err(sick)?;
    let (mut low, mut high) = (0, last + 1);
    while low < high {
        let middle = low + (high - low) / 2;
        let found = from.query_row([middle], |row| Ok((row.get(0)?, row.get(1)?)));
        let found: Option<(i64, i64)> = found.optional().map_err(sick)?;
        match found {
            Some((id, at_ms)) if at_ms < ms => low = id + 1,
            _ => high = middle,
        }
    }
    Ok(low)
}

/// Who made the newest entries.
pub(crate) fn actors(conn: &Connection, project: Option<ProjectId>) -> Result<Vec<Actor>> {
    let (of, value) = match project {
        Some(project) => ("WHERE project = ?1", project.0),
        None => ("WHERE ?1 IS NOT NULL", 0),
    };
    let sql = format!(
        "SELECT DISTINCT json_extract(body, '$.actor') FROM (SELECT body FROM audit {of} ORDER BY id DESC LIMIT ?2)"
    );
    let mut statement = conn.prepare_cached(&sql).map_err(sick)?;
    let mut rows = statement
        .query(params![value, limit(ACTORS_AMONG)])
        .map_err(sick)?;
    let mut actors = BTreeMap::new();
    while let Some(row) = rows.next().map_err(sick)? {
        let text: String = row.get(0).map_err(sick)?;
        let actor: Actor = json(&text, "actor")?;
        actors.entry(actor.handle()).or_insert(actor);
    }
    Ok(actors.into_values().collect())
}

impl Writer<'_> {
    pub(crate) fn note_change(&mut self, entry: &AuditEntry) -> Result<()> {
        self.run(
            "INSERT INTO audit (at_ms, project, webhook, operation, body) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![
                self.totals.time_ms,
                entry.project.map(|p| p.0),
                entry.webhook.map(|w| w.0),
                entry.operation,
                to_json(entry)?
            ],
        )
        .map(drop)
    }

    /// Removes up to `rows` entries made before that time; how many.
    pub(crate) fn prune_audit(&mut self, before_ms: i64, rows: usize) -> Result<usize, StoreError> {
        self.run(
            "DELETE FROM audit WHERE id IN (SELECT id FROM audit ORDER BY id LIMIT ?1) AND at_ms < ?2",
            params![limit(rows), before_ms],
        )
    }
}

#[cfg(test)]
mod tests;
