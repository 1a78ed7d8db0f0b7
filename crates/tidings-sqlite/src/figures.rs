//! Hours, history and figures: what people see of how webhooks and the server do.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension, params};
use tidings_domain::webhook::Shift;
use tidings_domain::{DeliveryId, ProjectId, Time, WebhookId, time};
use tidings_storage::{Hour, MOST_SHIFTS, Oldest, Page, StoreFigures};

use crate::codes::{Result, json, limit, sick, to_json};
use crate::look::beside;
use crate::objects::page;
use crate::writer::Writer;

pub(crate) const HOURS_SQL: &str =
    "SELECT webhook, hour, accepted, failed FROM hours WHERE webhook IN (SELECT value FROM json_each(?1)) AND hour >= ?2
     ORDER BY webhook, hour";

/// The oldest of each queue, and the oldest of those.
pub(crate) const OLDEST_SQL: &str =
    "SELECT min(o.delivery), o.webhook, o.project FROM
     (SELECT w.id AS webhook, w.project AS project,
      (SELECT d.id FROM deliveries d WHERE d.webhook = w.id AND d.waiting = 1 ORDER BY d.id LIMIT 1) AS delivery
      FROM webhooks w JOIN healths h ON h.webhook = w.id WHERE w.deleted = 0 AND h.paused = 0) o
     WHERE o.delivery IS NOT NULL";

pub(crate) fn hours(conn: &Connection, webhooks: &[WebhookId], since: i64) -> Result<Vec<Hour>> {
    let ids: Vec<i64> = webhooks.iter().map(|w| w.0).collect();
    let mut statement = conn.prepare_cached(HOURS_SQL).map_err(sick)?;
    let rows = statement
        .query_map(params![to_json(&ids)?, since], |row| {
            Ok(Hour {
                webhook: WebhookId(row.get(0)?),
                hour: row.get(1)?,
                accepted: row.get(2)?,
                failed: row.get(3)?,
            })
        })
        .map_err(sick)?;
    rows.collect::<rusqlite::Result<_>>().map_err(sick)
}

pub(crate) fn shifts(
    conn: &Connection,
    project: ProjectId,
    webhook: WebhookId,
    (before, rows): (i64, usize),
) -> Result<Page<(i64, Shift)>> {
    let end = if before > 0 { before } else { i64::MAX };
    let mut statement = conn
        .prepare_cached(
            "SELECT number, body FROM shifts WHERE webhook = ?1 AND number < ?2
             AND EXISTS (SELECT 1 FROM webhooks w WHERE w.id = ?1 AND w.project = ?3)
             ORDER BY number DESC LIMIT ?4",
        )
        .map_err(sick)?;
    let mut found = statement
        .query(params![webhook.0, end, project.0, limit(rows + 1)])
        .map_err(sick)?;
    let mut data = Vec::new();
    while let Some(row) = found.next().map_err(sick)? {
        let body: String = row.get(1).map_err(sick)?;
        data.push((row.get(0).map_err(sick)?, json(&body, "shift")?));
    }
    Ok(page(data, rows, |(number, _)| *number))
}

pub(crate) fn figures(conn: &Connection, path: &Path) -> Result<StoreFigures> {
    let (waiting, deliveries, log_bytes): (i64, i64, i64) = conn
        .prepare_cached("SELECT waiting, log_rows, log_bytes FROM server")
        .and_then(|mut s| s.query_row([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))))
        .map_err(sick)?;
    let oldest = conn
        .prepare_cached(OLDEST_SQL)
        .and_then(|mut s| {
            s.query_row([], |row| {
                let Some(delivery) = row.get::<_, Option<i64>>(0)? else {
                    return Ok(None);
                };
                Ok(Some(Oldest {
                    delivery: DeliveryId(delivery),
                    webhook: WebhookId(row.get(1)?),
                    project: ProjectId(row.get(2)?),
                }))
            })
            .optional()
        })
        .map_err(sick)?;
    let pragma = |name| -> Result<u64> {
        let value: i64 = conn
            .pragma_query_value(None, name, |row| row.get(0))
            .map_err(sick)?;
        Ok(value.unsigned_abs())
    };
    let page_size = pragma("page_size")?;
    let size = |suffix| std::fs::metadata(beside(path, suffix)).map_or(0, |m| m.len());
    Ok(StoreFigures {
        waiting: waiting.unsigned_abs(),
        oldest: oldest.flatten(),
        deliveries: deliveries.unsigned_abs(),
        log_bytes: log_bytes.unsigned_abs(),
        file_bytes: size(""),
        free_bytes: pragma("freelist_count")?.saturating_mul(page_size),
        journal_bytes: size("-wal"),
    })
}

impl Writer<'_> {
    pub(crate) fn add_hours(&mut self, hours: &[Hour]) -> Result<()> {
        for new in hours {
            let added = self.run(
                "INSERT INTO hours (webhook, hour, accepted, failed) SELECT ?1, ?2, ?3, ?4
                 WHERE EXISTS (SELECT 1 FROM webhooks WHERE id = ?1 AND deleted = 0)
                 ON CONFLICT DO UPDATE SET accepted = accepted + excluded.accepted, failed = failed + excluded.failed",
                params![new.webhook.0, new.hour, new.accepted, new.failed],
            )?;
            if added > 0 {
                self.run(
                    "DELETE FROM hours WHERE webhook = ?1 AND hour < ?2",
                    [new.webhook.0, new.hour - 24],
                )?;
            }
        }
        Ok(())
    }

    /// Adds to the history of a webhook, of which the last changes are kept.
    pub(crate) fn add_shifts(&mut self, webhook: WebhookId, shifts: &[Shift]) -> Result<()> {
        for shift in shifts {
            let at_ms = time::parse(&shift.at).map_or(0, Time::as_millisecond);
            let added = self.run(
                "INSERT INTO shifts (webhook, number, at_ms, body)
                 SELECT ?1, coalesce((SELECT max(number) FROM shifts WHERE webhook = ?1), 0) + 1, ?2, ?3
                 WHERE EXISTS (SELECT 1 FROM webhooks WHERE id = ?1 AND deleted = 0)",
                params![webhook.0, at_ms, to_json(shift)?],
            )?;
            if added > 0 {
                self.run(
                    "DELETE FROM shifts WHERE webhook = ?1 AND number <=
                     (SELECT max(number) FROM shifts WHERE webhook = ?1) - ?2",
                    params![webhook.0, limit(MOST_SHIFTS)],
                )?;
            }
        }
        Ok(())
    }

    /// Forgets what is older than the log, but for how each webhook stands.
    pub(crate) fn prune_shifts(&mut self, before_ms: i64, step: usize) -> Result<usize> {
        self.run(
            "DELETE FROM shifts WHERE (webhook, number) IN
             (SELECT s.webhook, s.number FROM shifts s WHERE s.at_ms < ?1
              AND EXISTS (SELECT 1 FROM shifts n WHERE n.webhook = s.webhook AND n.number > s.number) LIMIT ?2)",
            params![before_ms, limit(step)],
        )
    }
}
