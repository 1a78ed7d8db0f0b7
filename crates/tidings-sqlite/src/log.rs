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
use crate::question::{COLUMNS, Question, Whose, Window, question, rare};
use crate::stride;
use crate::trail::Trail;

pub(crate) fn deliveries(
    conn: &Connection,
    project: ProjectId,
    filter: &DeliveryFilter,
    before: i64,
    rows: usize,
) -> Result<Page<DeliverySummary>> {
    let window = Window::of(filter, before);
    let most = rows + 1;
    let by_object = filter.object.as_ref().filter(|_| filter.event.is_none());
    let found = if let Some(object) = by_object {
        let mut found = of_object(conn, project, (filter, object), window, most)?;
        // What was told of it before it was an object here, as a test datum may have been.
        let more = [(filter.clone(), Whose::Filter)];
        found.add(of_sources(conn, project, &more, window, most)?);
        found
    } else {
        let sources = sources(conn, project, filter)?;
        of_sources(conn, project, &sources, window, most)?
    };
    Ok(found.page(rows))
}

/// Deliveries that fit.
#[derive(Default)]
struct Found {
    data: Vec<DeliverySummary>,
    /// Where it stopped looking; `None`: there is nothing left, or the page is full.
    reached: Option<i64>,
}

impl Found {
    fn add(&mut self, other: Self) {
        self.data.extend(other.data);
        self.reached = self.reached.max(other.reached);
    }

    /// The newest of them, as far as all that may fit was looked at.
    fn page(self, rows: usize) -> Page<DeliverySummary> {
        let Self { mut data, reached } = self;
        data.sort_by_key(|d| std::cmp::Reverse(d.id));
        if let Some(reached) = reached {
            data.retain(|d| d.id.0 >= reached);
        }
        let more = data.len() > rows;
        data.truncate(rows);
        let next = if more {
            data.last().map(|d| d.id.0)
        } else {
            reached
        };
        Page { data, next }
    }
}

/// What some questions find together, each as far as it may look.
fn of_sources(
    conn: &Connection,
    project: ProjectId,
    sources: &[(DeliveryFilter, Whose)],
    window: Window,
    most: usize,
) -> Result<Found> {
    let cut = stride::cut(conn, project, sources, window)?;
    let mut found = Found {
        data: Vec::new(),
        reached: cut.was_cut.then_some(cut.window.begin),
    };
    for (filter, whose) in cut.sources {
        let asked = question(project, filter, *whose, cut.window, most);
        found.data.extend(ask(conn, &asked)?);
    }
    Ok(found)
}

/// The deliveries about an object, newest first, message by message.
fn of_object(
    conn: &Connection,
    project: ProjectId,
    (filter, object): (&DeliveryFilter, &str),
    window: Window,
    most: usize,
) -> Result<Found> {
    let mut trail = Trail::of(conn, project, object)?;
    let mut found = Found::default();
    let mut left = stride::messages(filter);
    while found.data.len() < most
        && let Some(message) = trail.step()?
        && message >= window.first_message()
    {
        if message < window.end {
            let rows = most - found.data.len();
            let asked = question(project, filter, Whose::Message(message), window, rows);
            found.data.extend(ask(conn, &asked)?);
            left -= 1;
            if left == 0 {
                found.reached = Some(message);
                break;
            }
        }
    }
    Ok(found)
}

/// What is asked: one question, or, as some indexes are per webhook, one for each webhook, so that the newest of all can be taken.
fn sources(
    conn: &Connection,
    project: ProjectId,
    filter: &DeliveryFilter,
) -> Result<Vec<(DeliveryFilter, Whose)>> {
    if contradicts(conn, filter)? {
        return Ok(Vec::new());
    }
    let Some((webhooks, unsaved)) = one_by_one(conn, project, filter)? else {
        return Ok(vec![(filter.clone(), Whose::Filter)]);
    };
    let one = |webhook| DeliveryFilter {
        webhook: Some(webhook),
        ..filter.clone()
    };
    let mut all: Vec<_> = webhooks
        .into_iter()
        .map(|webhook| (one(webhook), Whose::Filter))
        .collect();
    if unsaved {
        all.push((filter.clone(), Whose::Unsaved));
    }
    Ok(all)
}

/// Whether it asks for what waits of a webhook that holds it, or for what is held of one that does not.
fn contradicts(conn: &Connection, filter: &DeliveryFilter) -> Result<bool> {
    let (Some(webhook), Some(paused)) = (filter.webhook, held(filter)) else {
        return Ok(false);
    };
    let is_paused: Option<bool> = conn
        .prepare_cached("SELECT paused FROM healths WHERE webhook = ?1")
        .and_then(|mut s| s.query_row([webhook.0], |row| row.get(0)).optional())
        .map_err(sick)?;
    Ok(is_paused.unwrap_or_default() != paused)
}

/// Of what waits: that of webhooks that are paused, or of the others.
fn held(filter: &DeliveryFilter) -> Option<bool> {
    match filter.state {
        Some(DeliveryState::Held) => Some(true),
        Some(DeliveryState::Pending) => Some(false),
        _ => None,
    }
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
            let paused = held(filter);
            Ok(Some((webhooks(conn, project, None, paused)?, unsaved)))
        }
        (None, Some(status @ 200..300)) if filter.code.is_none() => {
            Ok(Some((webhooks(conn, project, Some(status), None)?, true)))
        }
        _ => Ok(None),
    }
}

/// The webhooks of a project, deleted ones too; only those that ever had this answer, or are paused or not.
fn webhooks(
    conn: &Connection,
    project: ProjectId,
    answer: Option<u16>,
    paused: Option<bool>,
) -> Result<Vec<WebhookId>> {
    let mut statement = conn
        .prepare_cached(
            "SELECT id FROM webhooks w WHERE project = ?1
             AND (?2 IS NULL OR EXISTS (SELECT 1 FROM webhook_answers a WHERE a.webhook = w.id AND a.status = ?2))
             AND (?3 IS NULL OR ?3 = coalesce((SELECT h.paused FROM healths h WHERE h.webhook = w.id), 0))",
        )
        .map_err(sick)?;
    let rows = statement
        .query_map(params![project.0, answer, paused], |row| {
            row.get(0).map(WebhookId)
        })
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

/// Deliveries of events by state. Only those that wait may be held, so only for them it is asked whether their webhook is paused.
pub(crate) fn tally(
    conn: &Connection,
    project: ProjectId,
    events: &[EventId],
) -> Result<Vec<(EventId, DeliveryState, u64)>> {
    let sql = format!(
        "SELECT d.state, d.state = {PENDING} AND coalesce((SELECT paused FROM healths h WHERE h.webhook = d.webhook), 0)
         FROM messages m INDEXED BY messages_by_event
         CROSS JOIN deliveries d ON d.id BETWEEN m.id AND m.last
         WHERE m.event = ?1 AND m.project = ?2"
    );
    let mut statement = conn.prepare_cached(&sql).map_err(sick)?;
    let mut tally = Vec::new();
    let mut events = events.to_vec();
    events.sort_unstable();
    for event in events {
        let mut counts = [0; DeliveryState::ALL.len()];
        let mut rows = statement.query([event.0, project.0]).map_err(sick)?;
        while let Some(row) = rows.next().map_err(sick)? {
            let held: bool = row.get(1).map_err(sick)?;
            let state = if held {
                DeliveryState::Held
            } else {
                state(row.get(0).map_err(sick)?)?
            };
            let place = DeliveryState::ALL.iter().position(|s| *s == state);
            if let Some(count) = place.and_then(|place| counts.get_mut(place)) {
                *count += 1;
            }
        }
        let found = DeliveryState::ALL.iter().copied().zip(counts);
        let found = found.filter(|(_, count)| *count > 0);
        tally.extend(found.map(|(state, count)| (event, state, count)));
    }
    Ok(tally)
}
