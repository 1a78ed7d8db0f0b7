//! The sent log: which deliveries, newest first, and everything about one of them.

use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension, Row, params, params_from_iter};
use tidings_domain::delivery::DeliveryState;
use tidings_domain::{DeliveryId, EventId, ProjectId, WebhookId};
use tidings_storage::stored::read_attempt;
use tidings_storage::{
    DeliveryDetail, DeliveryFilter, DeliverySummary, EventDelivery, LastAttempt, Page, created_ms,
};

use crate::codes::{DELIVERED, PENDING, Result, limit, outcome, sick, state, state_code, trigger};
use crate::question::{COLUMNS, MILLISECOND, Question, Whose, first_id, question, rare};
use crate::trail::Trail;

pub(crate) fn deliveries(
    conn: &Connection,
    project: ProjectId,
    filter: &DeliveryFilter,
    before: i64,
    rows: usize,
) -> Result<Page<DeliverySummary>> {
    let most = rows + 1;
    let of =
        |filter: &DeliveryFilter, whose| ask(conn, &question(project, filter, whose, before, most));
    let mut data = if let (Some(object), None) = (&filter.object, filter.event) {
        let mut data = of_object(conn, project, (filter, object), before, most)?;
        // What was told of it before it was an object here, as a test datum may have been.
        data.extend(of(filter, Whose::Filter)?);
        data.sort_by_key(|d| std::cmp::Reverse(d.id));
        data
    } else if let Some((webhooks, unsaved)) = one_by_one(conn, project, filter)? {
        let mut data = Vec::new();
        for webhook in webhooks {
            let one = DeliveryFilter {
                webhook: Some(webhook),
                ..filter.clone()
            };
            data.extend(of(&one, Whose::Filter)?);
        }
        if unsaved {
            data.extend(of(filter, Whose::Unsaved)?);
        }
        data.sort_by_key(|d| std::cmp::Reverse(d.id));
        data
    } else {
        of(filter, Whose::Filter)?
    };
    let more = data.len() > rows;
    data.truncate(rows);
    let next = data.last().filter(|_| more).map(|d| d.id.0);
    Ok(Page { data, next })
}

/// The deliveries about an object, newest first, message by message.
fn of_object(
    conn: &Connection,
    project: ProjectId,
    (filter, object): (&DeliveryFilter, &str),
    before: i64,
    most: usize,
) -> Result<Vec<DeliverySummary>> {
    let end = if before > 0 { before } else { i64::MAX };
    let end = filter
        .until_ms
        .map_or(end, |until| end.min(first_id(until)));
    // The deliveries of a message were made in the same millisecond, or in two that follow each other.
    let begin = filter.since_ms.map_or(0, first_id) - MILLISECOND;
    let mut trail = Trail::of(conn, project, object)?;
    let mut found = Vec::new();
    while found.len() < most
        && let Some(message) = trail.step()?
        && message >= begin
    {
        if message < end {
            let rows = most - found.len();
            let asked = question(project, filter, Whose::Message(message), before, rows);
            found.extend(ask(conn, &asked)?);
        }
    }
    Ok(found)
}

/// Some indexes are per webhook: the webhooks that are then asked one by one, so that the newest of all can be taken; and whether
/// tests of webhooks that were never saved may be meant.
fn one_by_one(
    conn: &Connection,
    project: ProjectId,
    filter: &DeliveryFilter,
) -> Result<Option<(Vec<WebhookId>, bool)>> {
    let narrowed = filter.webhook.is_some()
        || filter.event.is_some()
        || filter.object.is_some()
        || rare(filter).is_some();
    let by_state = filter.state.filter(|s| state_code(*s) != DELIVERED);
    match (by_state, filter.status) {
        _ if narrowed => Ok(None),
        (Some(state), _) => {
            let unsaved = state == DeliveryState::Failed;
            Ok(Some((webhooks(conn, project, None)?, unsaved)))
        }
        (None, Some(status @ 200..300)) if filter.code.is_none() => {
            Ok(Some((webhooks(conn, project, Some(status))?, true)))
        }
        _ => Ok(None),
    }
}

/// The webhooks of a project, deleted ones too; only those that ever had this answer.
fn webhooks(conn: &Connection, project: ProjectId, answer: Option<u16>) -> Result<Vec<WebhookId>> {
    let mut statement = conn
        .prepare_cached(
            "SELECT id FROM webhooks w WHERE project = ?1
             AND (?2 IS NULL OR EXISTS (SELECT 1 FROM webhook_answers a WHERE a.webhook = w.id AND a.status = ?2))",
        )
        .map_err(sick)?;
    let rows = statement
        .query_map(params![project.0, answer], |row| row.get(0).map(WebhookId))
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
        title: row.get(17).map_err(sick)?,
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
            Ok((summary(row), row.get::<_, Vec<u8>>(18)?))
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
        attempts.push(read_attempt(&text, delivery, number)?);
    }
    Ok(Some(DeliveryDetail {
        summary: summary?,
        body: Bytes::from(body),
        attempts,
    }))
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
        let summary = summary(row)?;
        let last = row.get_ref(19).map_err(sick)?;
        let last = match last.as_str_or_null() {
            Ok(Some(text)) => Some(read_attempt(text, summary.id, summary.attempts)?),
            _ => None,
        };
        found.push(EventDelivery {
            summary,
            last_at: last.map(|attempt| attempt.started_at),
            detail: row.get(18).map_err(sick)?,
        });
    }
    Ok(found)
}
