//! The sent log: which deliveries, newest first, and everything about one of them.
//!
//! The driving table is chosen by the filter that leaves fewest rows; the rest of the filter is checked row by row. A delivery's id
//! holds the time at which it was made, so that a time window is a range of ids.

use bytes::Bytes;
use rusqlite::types::Value as Sql;
use rusqlite::{Connection, OptionalExtension, Row, params_from_iter};
use tidings_domain::delivery::DeliveryState;
use tidings_domain::{DeliveryId, EventId, ProjectId, WebhookId};
use tidings_storage::{
    Attempt, DeliveryDetail, DeliveryFilter, DeliverySummary, EventDelivery, LastAttempt, Page,
    created_ms,
};

use crate::codes::{
    DELIVERED, PENDING, Result, json, limit, outcome, sick, state, state_code, trigger,
    trigger_code,
};

const COLUMNS: &str = "d.id, d.webhook, m.event, m.dialect, m.code, m.object, m.sequence, d.state, d.made_by, d.late, d.due_ms,
     d.attempts, d.outcome, d.status, d.duration_ms, d.error, coalesce(h.paused, 0)";

/// A question to the log: SQL and what its parameters are.
pub(crate) struct Question {
    pub(crate) sql: String,
    pub(crate) given: Vec<Sql>,
}

impl Question {
    fn given(&mut self, value: impl Into<Sql>) -> String {
        self.given.push(value.into());
        format!("?{}", self.given.len())
    }
}

/// Whose deliveries a question is about.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whose {
    /// Those the filter says.
    Filter,
    /// Failed tests of webhooks that were never saved: no webhook finds them.
    Unsaved,
}

pub(crate) fn question(
    project: ProjectId,
    filter: &DeliveryFilter,
    whose: Whose,
    before: i64,
    rows: usize,
) -> Question {
    let mut q = Question {
        sql: String::new(),
        given: Vec::new(),
    };
    let mut conditions = Vec::new();
    let p = q.given(project.0);
    // From the largest id that can be meant down to the smallest.
    let end = if before > 0 { before } else { i64::MAX };
    let end = filter
        .until_ms
        .map_or(end, |until| end.min(first_id(until)));
    let end = q.given(end);
    let begin = q.given(filter.since_ms.map_or(0, first_id));

    // A message's id is that of its first delivery, so its order is that of the deliveries.
    let (from, order) = if let Some(event) = filter.event {
        let event = q.given(event.0);
        conditions.push(format!("m.event = {event}"));
        (
            "messages m CROSS JOIN deliveries d ON d.id BETWEEN m.id AND m.last",
            "m.id DESC, d.id DESC",
        )
    } else if let Some(object) = &filter.object {
        let object = q.given(object.clone());
        conditions.push(format!(
            "o.project = {p} AND o.object = {object} AND o.message < {end}"
        ));
        (
            "message_objects o CROSS JOIN messages m ON m.id = o.message
             CROSS JOIN deliveries d ON d.id BETWEEN m.id AND m.last",
            "o.message DESC, d.id DESC",
        )
    } else if let Some(code) = filter
        .code
        .as_ref()
        .filter(|_| filter.webhook.is_none() && whose == Whose::Filter)
    {
        let code = q.given(code.clone());
        conditions.push(format!(
            "m.project = {p} AND m.code = {code} AND m.id < {end}"
        ));
        (
            "messages m CROSS JOIN deliveries d ON d.id BETWEEN m.id AND m.last",
            "m.id DESC, d.id DESC",
        )
    } else {
        let index = match (filter.webhook, filter.state, filter.status) {
            (Some(_), Some(DeliveryState::Pending | DeliveryState::Held), _) => {
                "deliveries_waiting"
            }
            (Some(_), Some(s), _) if state_code(s) > DELIVERED => "deliveries_by_state",
            (Some(_), _, _) => "deliveries_by_webhook",
            (None, _, _) if whose == Whose::Unsaved => "deliveries_by_state",
            (None, _, Some(300..)) => "deliveries_by_status",
            (None, _, _) => "deliveries_by_project",
        };
        match index {
            "deliveries_waiting" => conditions.push("d.waiting = 1".to_owned()),
            "deliveries_by_state" => conditions.push("d.state > 1".to_owned()),
            "deliveries_by_status" => conditions.push("d.status >= 300".to_owned()),
            _ => {}
        }
        q.sql =
            format!("deliveries d INDEXED BY {index} CROSS JOIN messages m ON m.id = d.message");
        ("", "d.id DESC")
    };
    let from = if from.is_empty() {
        std::mem::take(&mut q.sql)
    } else {
        from.to_owned()
    };
    conditions.push(format!(
        "d.project = {p} AND d.id < {end} AND d.id >= {begin}"
    ));
    if whose == Whose::Unsaved {
        conditions.push("d.webhook IS NULL".to_owned());
    }
    rest(&mut q, filter, &mut conditions);
    let rows = q.given(limit(rows));
    q.sql = format!(
        "SELECT {COLUMNS} FROM {from} LEFT JOIN healths h ON h.webhook = d.webhook WHERE {} ORDER BY {order} LIMIT {rows}",
        conditions.join(" AND ")
    );
    q
}

/// What is checked row by row.
fn rest(q: &mut Question, filter: &DeliveryFilter, conditions: &mut Vec<String>) {
    if let Some(webhook) = filter.webhook {
        let webhook = q.given(webhook.0);
        conditions.push(format!("d.webhook = {webhook}"));
    }
    if let Some(state) = filter.state {
        let code = q.given(state_code(state));
        conditions.push(format!("d.state = {code}"));
        match state {
            DeliveryState::Pending => conditions.push("coalesce(h.paused, 0) = 0".to_owned()),
            DeliveryState::Held => conditions.push("coalesce(h.paused, 0) = 1".to_owned()),
            _ => {}
        }
    }
    if let Some(object) = &filter.object
        && filter.event.is_some()
    {
        let object = q.given(object.clone());
        conditions.push(format!(
            "EXISTS (SELECT 1 FROM message_objects o WHERE o.project = d.project AND o.object = {object} AND o.message = m.id)"
        ));
    }
    if let Some(code) = &filter.code {
        let code = q.given(code.clone());
        conditions.push(format!("m.code = {code}"));
    }
    if let Some(trigger) = filter.trigger {
        let code = q.given(trigger_code(trigger));
        let bit = q.given(1_i64 << trigger_code(trigger));
        conditions.push(format!("(d.made_by = {code} OR (d.triggers & {bit}) <> 0)"));
    }
    if let Some(status) = filter.status {
        let status = q.given(i64::from(status));
        conditions.push(format!("d.status = {status}"));
    }
    if let Some(text) = &filter.q {
        let text = q.given(text.to_ascii_lowercase());
        let mut places = vec!["m.title", "m.code", "d.error", "d.detail"];
        if filter.since_ms.is_some() {
            // Bodies are many bytes: only inside a time window.
            places.push("CAST(m.body AS TEXT)");
        }
        let found: Vec<String> = places
            .iter()
            .map(|place| format!("instr(lower(coalesce({place}, '')), {text}) > 0"))
            .collect();
        conditions.push(format!("({})", found.join(" OR ")));
    }
}

/// The smallest id that a delivery made at that time can have.
pub(crate) fn first_id(ms: i64) -> i64 {
    ms.clamp(0, i64::MAX >> 20) << 20
}

pub(crate) fn deliveries(
    conn: &Connection,
    project: ProjectId,
    filter: &DeliveryFilter,
    before: i64,
    rows: usize,
) -> Result<Page<DeliverySummary>> {
    // The indexes of the states are per webhook: those of a project are asked one by one, and the newest taken.
    let indexed = filter.state.is_some_and(|s| state_code(s) != DELIVERED);
    let narrowed = filter.webhook.is_some() || filter.event.is_some() || filter.object.is_some();
    let most = rows + 1;
    let mut data = if indexed && !narrowed {
        let mut data = Vec::new();
        for webhook in all_webhooks(conn, project)? {
            let one = DeliveryFilter {
                webhook: Some(webhook),
                ..filter.clone()
            };
            data.extend(ask(
                conn,
                &question(project, &one, Whose::Filter, before, most),
            )?);
        }
        if filter.state == Some(DeliveryState::Failed) {
            data.extend(ask(
                conn,
                &question(project, filter, Whose::Unsaved, before, most),
            )?);
        }
        data.sort_by_key(|d| std::cmp::Reverse(d.id));
        data
    } else {
        ask(
            conn,
            &question(project, filter, Whose::Filter, before, most),
        )?
    };
    let more = data.len() > rows;
    data.truncate(rows);
    let next = data.last().filter(|_| more).map(|d| d.id.0);
    Ok(Page { data, next })
}

fn all_webhooks(conn: &Connection, project: ProjectId) -> Result<Vec<WebhookId>> {
    let mut statement = conn
        .prepare_cached("SELECT id FROM webhooks WHERE project = ?1")
        .map_err(sick)?;
    let rows = statement
        .query_map([project.0], |row| row.get(0).map(WebhookId))
        .map_err(sick)?;
    rows.collect::<rusqlite::Result<_>>().map_err(sick)
}

fn ask(conn: &Connection, question: &Question) -> Result<Vec<DeliverySummary>> {
    let mut statement = conn.prepare_cached(&question.sql).map_err(sick)?;
    let mut rows = statement
        .query(params_from_iter(&question.given))
        .map_err(sick)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next().map_err(sick)? {
        found.push(summary(row)?);
    }
    Ok(found)
}

fn summary(row: &Row<'_>) -> Result<DeliverySummary> {
    let id = DeliveryId(row.get(0).map_err(sick)?);
    let code: i64 = row.get(7).map_err(sick)?;
    let paused: bool = row.get(16).map_err(sick)?;
    let made_by: i64 = row.get(8).map_err(sick)?;
    let last = match row.get::<_, Option<i64>>(12).map_err(sick)? {
        Some(ended) => Some(LastAttempt {
            outcome: outcome(ended)?,
            status: row.get(13).map_err(sick)?,
            duration_ms: row
                .get::<_, Option<i64>>(14)
                .map_err(sick)?
                .and_then(|ms| u64::try_from(ms).ok())
                .unwrap_or_default(),
            error: row.get(15).map_err(sick)?,
        }),
        None => None,
    };
    Ok(DeliverySummary {
        id,
        webhook: row.get::<_, Option<i64>>(1).map_err(sick)?.map(WebhookId),
        event: row.get::<_, Option<i64>>(2).map_err(sick)?.map(EventId),
        dialect: row.get(3).map_err(sick)?,
        code: row.get(4).map_err(sick)?,
        object: row.get(5).map_err(sick)?,
        sequence: row.get(6).map_err(sick)?,
        state: if code == PENDING && paused {
            DeliveryState::Held
        } else {
            state(code)?
        },
        trigger: trigger(made_by)?.as_str().to_owned(),
        late: row.get(9).map_err(sick)?,
        created_ms: created_ms(id),
        due_ms: row.get(10).map_err(sick)?,
        attempts: row.get(11).map_err(sick)?,
        last,
    })
}

pub(crate) fn delivery(
    conn: &Connection,
    project: ProjectId,
    delivery: DeliveryId,
) -> Result<Option<DeliveryDetail>> {
    let sql = format!(
        "SELECT {COLUMNS}, m.body FROM deliveries d JOIN messages m ON m.id = d.message
         LEFT JOIN healths h ON h.webhook = d.webhook WHERE d.id = ?1 AND d.project = ?2"
    );
    let mut statement = conn.prepare_cached(&sql).map_err(sick)?;
    let found = statement
        .query_row([delivery.0, project.0], |row| {
            Ok((summary(row), row.get::<_, Vec<u8>>(17)?))
        })
        .optional()
        .map_err(sick)?;
    let Some((summary, body)) = found else {
        return Ok(None);
    };
    let mut statement = conn
        .prepare_cached("SELECT body, number FROM attempts WHERE delivery = ?1 ORDER BY number")
        .map_err(sick)?;
    let rows = statement
        .query_map([delivery.0], |row| {
            Ok((row.get::<_, String>(0)?, row.get(1)?))
        })
        .map_err(sick)?;
    let mut attempts = Vec::new();
    for row in rows {
        let (text, number) = row.map_err(sick)?;
        attempts.push(Attempt {
            number,
            ..json(&text, "attempt")?
        });
    }
    Ok(Some(DeliveryDetail {
        summary: summary?,
        body: Bytes::from(body),
        attempts,
    }))
}

/// What of an attempt tells when it was made.
#[derive(serde::Deserialize)]
struct Begun {
    started_at: String,
}

/// The deliveries of an event, by webhook. An event has at most a few deliveries per webhook: sorting them is cheap.
pub(crate) fn of_event(
    conn: &Connection,
    project: ProjectId,
    event: EventId,
    (after, upto): (WebhookId, WebhookId),
    rows: usize,
) -> Result<Vec<EventDelivery>> {
    let sql = format!(
        "SELECT {COLUMNS}, d.detail, a.body FROM messages m INDEXED BY messages_by_event
         CROSS JOIN deliveries d ON d.id BETWEEN m.id AND m.last
         LEFT JOIN healths h ON h.webhook = d.webhook
         LEFT JOIN attempts a ON a.delivery = d.id AND a.number = d.attempts
         WHERE m.event = ?1 AND d.project = ?2 AND d.webhook > ?3 AND d.webhook <= ?4
         ORDER BY d.webhook, d.id LIMIT ?5"
    );
    let mut statement = conn.prepare_cached(&sql).map_err(sick)?;
    let given = rusqlite::params![event.0, project.0, after.0, upto.0, limit(rows)];
    let mut rows = statement.query(given).map_err(sick)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next().map_err(sick)? {
        let last = row.get_ref(18).map_err(sick)?;
        let last: Option<Begun> = match last.as_str_or_null() {
            Ok(Some(text)) => Some(json(text, "attempt")?),
            _ => None,
        };
        found.push(EventDelivery {
            summary: summary(row)?,
            last_at: last.map(|begun| begun.started_at),
            detail: row.get(17).map_err(sick)?,
        });
    }
    Ok(found)
}
