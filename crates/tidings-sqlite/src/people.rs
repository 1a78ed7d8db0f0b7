//! Webhooks, tokens and documents.

use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, Row, params};
use tidings_domain::project::WebhookSwitch;
use tidings_domain::webhook::{Health, Webhook};
use tidings_domain::{ProjectId, TokenId, WebhookId};
use tidings_storage::{COUNTED, LaneCounts, LaneStart, Page, StoreError, Token};

use crate::codes::{PARKED, Result, SKIPPED, json, limit, sick, to_json};
use crate::objects::page;
use crate::shared::Shared;
use crate::snapshot::{project_row, read_webhook};
use crate::writer::Writer;

type Whole = (Arc<Webhook>, Health, LaneCounts);

/// Only from indexes, and only so far.
fn counts() -> String {
    let most = COUNTED;
    format!(
        "(SELECT count(*) FROM (SELECT 1 FROM deliveries d WHERE d.webhook = w.id AND d.waiting = 1 LIMIT {most})),
         (SELECT count(*) FROM (SELECT 1 FROM deliveries d WHERE d.webhook = w.id AND d.state = {PARKED} AND d.state > 1 LIMIT {most}))"
    )
}

pub(crate) fn one_webhook() -> String {
    format!(
        "SELECT w.body, w.sealed, h.body, {} FROM webhooks w JOIN healths h ON h.webhook = w.id
         WHERE w.id = ?1 AND w.project = ?2 AND w.deleted = 0",
        counts()
    )
}

pub(crate) fn webhook(
    conn: &Connection,
    project: ProjectId,
    webhook: WebhookId,
) -> Result<Option<Whole>> {
    let mut statement = conn.prepare_cached(&one_webhook()).map_err(sick)?;
    let mut rows = statement.query([webhook.0, project.0]).map_err(sick)?;
    match rows.next().map_err(sick)? {
        Some(row) => whole(row).map(Some),
        None => Ok(None),
    }
}

pub(crate) fn webhooks(
    conn: &Connection,
    project: ProjectId,
    after: i64,
    rows: usize,
) -> Result<Page<Whole>> {
    let sql = format!(
        "SELECT w.body, w.sealed, h.body, {} FROM webhooks w JOIN healths h ON h.webhook = w.id
         WHERE w.project = ?1 AND w.id > ?2 AND w.deleted = 0 ORDER BY w.id LIMIT ?3",
        counts()
    );
    let mut statement = conn.prepare_cached(&sql).map_err(sick)?;
    let mut found = statement
        .query(params![project.0, after, limit(rows + 1)])
        .map_err(sick)?;
    let mut data = Vec::new();
    while let Some(row) = found.next().map_err(sick)? {
        data.push(whole(row)?);
    }
    Ok(page(data, rows, |(w, _, _)| w.id.0))
}

fn whole(row: &Row<'_>) -> Result<Whole> {
    let webhook = Arc::new(read_webhook(row, 0)?);
    let health: String = row.get(2).map_err(sick)?;
    let count = |column| -> Result<u64> {
        let rows: i64 = row.get(column).map_err(sick)?;
        Ok(u64::try_from(rows).unwrap_or_default())
    };
    let counts = LaneCounts {
        pending: count(3)?,
        parked: count(4)?,
    };
    Ok((webhook, json(&health, "health")?, counts))
}

pub(crate) fn lanes(conn: &Connection, shared: &Shared) -> Result<Vec<LaneStart>> {
    let mut statement = conn
        .prepare_cached(
            "SELECT w.body, w.sealed, h.body,
             EXISTS (SELECT 1 FROM deliveries d WHERE d.webhook = w.id AND d.waiting = 1)
             FROM webhooks w JOIN healths h ON h.webhook = w.id WHERE w.deleted = 0 ORDER BY w.id",
        )
        .map_err(sick)?;
    let mut rows = statement.query([]).map_err(sick)?;
    let mut lanes = Vec::new();
    while let Some(row) = rows.next().map_err(sick)? {
        let webhook = Arc::new(read_webhook(row, 0)?);
        let health: String = row.get(2).map_err(sick)?;
        let Some(project) = project_row(conn, shared, webhook.project)? else {
            continue;
        };
        lanes.push(LaneStart {
            webhook,
            health: json(&health, "health")?,
            project_on: project.webhooks == WebhookSwitch::On,
            has_pending: row.get(3).map_err(sick)?,
        });
    }
    Ok(lanes)
}

/// The names of webhooks, also of deleted ones.
pub(crate) fn webhook_names(
    conn: &Connection,
    project: ProjectId,
    webhooks: &[WebhookId],
) -> Result<Vec<(WebhookId, String)>> {
    let mut statement = conn
        .prepare_cached(
            "SELECT coalesce(json_extract(body, '$.name'), '') FROM webhooks WHERE id = ?1 AND project = ?2",
        )
        .map_err(sick)?;
    let mut webhooks = webhooks.to_vec();
    webhooks.sort_unstable();
    webhooks.dedup();
    let mut names = Vec::new();
    for id in webhooks {
        let name = statement.query_row([id.0, project.0], |row| row.get(0));
        names.extend(name.optional().map_err(sick)?.map(|name| (id, name)));
    }
    Ok(names)
}

pub(crate) fn has_secrets(conn: &Connection) -> Result<bool> {
    conn.prepare_cached("SELECT 1 FROM webhooks WHERE sealed IS NOT NULL LIMIT 1")
        .and_then(|mut s| s.exists([]))
        .map_err(sick)
}

/// The body without what is sealed, and what is sealed.
fn split(webhook: &Webhook) -> Result<(String, Option<String>)> {
    let bare = Webhook {
        secrets: None,
        headers: Vec::new(),
        ..webhook.clone()
    };
    let none = webhook.secrets.is_none() && webhook.headers.is_empty();
    let sealed = if none {
        None
    } else {
        Some(to_json(&(&webhook.secrets, &webhook.headers))?)
    };
    Ok((to_json(&bare)?, sealed))
}

impl Writer<'_> {
    pub(crate) fn create_webhook(
        &mut self,
        webhook: Webhook,
        health: &Health,
    ) -> Result<Arc<Webhook>> {
        self.live_project(webhook.project)?;
        let taken = self
            .conn
            .prepare_cached("SELECT 1 FROM webhooks WHERE id = ?1")
            .and_then(|mut s| s.exists([webhook.id.0]))
            .map_err(sick)?;
        if taken {
            return Err(StoreError::Conflict("id"));
        }
        self.totals.webhook = self.totals.webhook.max(webhook.id.0);
        let (body, sealed) = split(&webhook)?;
        self.run(
            "INSERT INTO webhooks (id, project, version, deleted, body, sealed) VALUES (?1, ?2, ?3, 0, ?4, ?5)",
            params![webhook.id.0, webhook.project.0, webhook.version, body, sealed],
        )?;
        self.run(
            "INSERT INTO healths (webhook, paused, body) VALUES (?1, 0, '')",
            [webhook.id.0],
        )?;
        self.write_health(webhook.id, health)?;
        self.note_enabled(&webhook)?;
        self.webhooks_changed(webhook.project)?;
        Ok(Arc::new(webhook))
    }

    pub(crate) fn live_project(&self, project: ProjectId) -> Result<()> {
        let found = self
            .conn
            .prepare_cached("SELECT 1 FROM projects WHERE id = ?1 AND deleted = 0")
            .and_then(|mut s| s.exists([project.0]))
            .map_err(sick)?;
        if found {
            Ok(())
        } else {
            Err(StoreError::NotFound)
        }
    }

    pub(crate) fn update_webhook(&mut self, webhook: Webhook) -> Result<Arc<Webhook>> {
        let stored = self
            .conn
            .prepare_cached(
                "SELECT version FROM webhooks WHERE id = ?1 AND project = ?2 AND deleted = 0",
            )
            .and_then(|mut s| {
                s.query_row([webhook.id.0, webhook.project.0], |row| {
                    row.get::<_, i64>(0)
                })
                .optional()
            })
            .map_err(sick)?
            .ok_or(StoreError::NotFound)?;
        if stored != webhook.version - 1 {
            return Err(StoreError::Conflict("version"));
        }
        let (body, sealed) = split(&webhook)?;
        self.run(
            "UPDATE webhooks SET version = ?2, body = ?3, sealed = ?4 WHERE id = ?1",
            params![webhook.id.0, webhook.version, body, sealed],
        )?;
        self.note_enabled(&webhook)?;
        self.webhooks_changed(webhook.project)?;
        Ok(Arc::new(webhook))
    }

    /// Makes a webhook vanish, its secrets at once; its queue follows in steps of [`Writer::skip_queue`].
    pub(crate) fn hide_webhook(&mut self, project: ProjectId, webhook: WebhookId) -> Result<()> {
        let hidden = self.run(
            "UPDATE webhooks SET deleted = 1, sealed = NULL WHERE id = ?1 AND project = ?2 AND deleted = 0",
            [webhook.0, project.0],
        )?;
        if hidden == 0 {
            return Err(StoreError::NotFound);
        }
        for sql in [
            "DELETE FROM absences WHERE webhook = ?1",
            "DELETE FROM sweeps WHERE webhook = ?1",
            "DELETE FROM hours WHERE webhook = ?1",
            "DELETE FROM shifts WHERE webhook = ?1",
        ] {
            self.run(sql, [webhook.0])?;
        }
        self.webhooks_changed(project)
    }

    /// Skips up to `rows` deliveries of a deleted webhook; whether that was all.
    pub(crate) fn skip_queue(&mut self, webhook: WebhookId, rows: usize) -> Result<bool> {
        let pending = self.unqueue(webhook, rows, SKIPPED)?;
        let parked = self.skip_parked(webhook, rows)?;
        if pending + parked > 0 {
            return Ok(false);
        }
        // What was delivered before stays so; it is only not sent once more.
        let resent = self.run(
            "UPDATE deliveries SET waiting = 0 WHERE id IN (SELECT id FROM deliveries WHERE webhook = ?1 AND waiting = 1)",
            [webhook.0],
        )?;
        self.waits_less(resent);
        self.run(
            "UPDATE webhooks SET deleted = 2 WHERE id = ?1 AND deleted = 1",
            [webhook.0],
        )?;
        Ok(true)
    }

    /// A deleted webhook whose queue is still to be skipped.
    pub(crate) fn hidden_webhook(&self) -> Result<Option<WebhookId>> {
        self.conn
            .prepare_cached("SELECT id FROM webhooks WHERE deleted = 1 LIMIT 1")
            .and_then(|mut s| s.query_row([], |row| row.get(0)).optional())
            .map(|found| found.map(WebhookId))
            .map_err(sick)
    }

    pub(crate) fn create_token(&mut self, mut token: Token) -> Result<Token> {
        if let Some(project) = token.project {
            self.live_project(project)?;
        }
        self.totals.token += 1;
        token.id = TokenId(self.totals.token);
        self.run(
            "INSERT INTO tokens (id, project, hash, name, kind, hint, expires_at, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            params![
                token.id.0,
                token.project.map(|p| p.0),
                token.hash,
                token.name,
                to_json(&token.kind)?,
                token.hint,
                token.expires_at,
                token.created_at
            ],
        )?;
        Ok(token)
    }

    pub(crate) fn delete_token(
        &mut self,
        project: Option<ProjectId>,
        token: TokenId,
    ) -> Result<()> {
        let deleted = self.run(
            "DELETE FROM tokens WHERE id = ?1 AND project IS ?2",
            params![token.0, project.map(|p| p.0)],
        )?;
        if deleted == 0 {
            return Err(StoreError::NotFound);
        }
        Ok(())
    }
}

impl Writer<'_> {
    pub(crate) fn put_document(&mut self, name: &str, text: &str) -> Result<()> {
        self.run(
            "INSERT OR REPLACE INTO documents (name, text) VALUES (?1, ?2)",
            [name, text],
        )
        .map(drop)
    }
}

const TOKEN: &str = "id, project, hash, name, kind, hint, expires_at, created_at";

pub(crate) fn token_by_hash(conn: &Connection, hash: &[u8; 32]) -> Result<Option<Token>> {
    let sql = format!("SELECT {TOKEN} FROM tokens WHERE hash = ?1");
    let mut statement = conn.prepare_cached(&sql).map_err(sick)?;
    let mut rows = statement.query([&hash[..]]).map_err(sick)?;
    match rows.next().map_err(sick)? {
        Some(row) => token(row).map(Some),
        None => Ok(None),
    }
}

pub(crate) fn tokens(
    conn: &Connection,
    project: Option<ProjectId>,
    after: i64,
    rows: usize,
) -> Result<Page<Token>> {
    let sql =
        format!("SELECT {TOKEN} FROM tokens WHERE project IS ?1 AND id > ?2 ORDER BY id LIMIT ?3");
    let mut statement = conn.prepare_cached(&sql).map_err(sick)?;
    let mut found = statement
        .query(params![project.map(|p| p.0), after, limit(rows + 1)])
        .map_err(sick)?;
    let mut data = Vec::new();
    while let Some(row) = found.next().map_err(sick)? {
        data.push(token(row)?);
    }
    Ok(page(data, rows, |t| t.id.0))
}

fn token(row: &Row<'_>) -> Result<Token> {
    let kind: String = row.get(4).map_err(sick)?;
    let kind = json(&kind, "token")?;
    let read = || -> rusqlite::Result<Token> {
        Ok(Token {
            id: TokenId(row.get(0)?),
            project: row.get::<_, Option<i64>>(1)?.map(ProjectId),
            name: row.get(3)?,
            kind,
            hash: row.get(2)?,
            hint: row.get(5)?,
            expires_at: row.get(6)?,
            created_at: row.get(7)?,
        })
    };
    read().map_err(sick)
}

pub(crate) fn document(conn: &Connection, name: &str) -> Result<Option<String>> {
    conn.prepare_cached("SELECT text FROM documents WHERE name = ?1")
        .and_then(|mut s| s.query_row([name], |row| row.get(0)).optional())
        .map_err(sick)
}
