//! How far a question to the log looks in one go.
//!
//! Where few of many deliveries fit a filter, finding a page of them could mean looking through the whole log. So a question that
//! checks row by row looks through so many and the page ends there, full or not; the next one goes on.

use rusqlite::{Connection, OptionalExtension, params_from_iter};
use tidings_domain::ProjectId;
use tidings_domain::delivery::Trigger;
use tidings_storage::DeliveryFilter;

use crate::codes::{DELIVERED, Result, limit, sick, state_code, trigger_code};
use crate::question::{Driver, Question, Whose, Window, driver, indexed};

/// Rows that are checked for a page by what the deliveries' own row says, by what their message says, and by what is in bodies:
/// each about as long as the others, a few milliseconds.
const OF_ROWS: i64 = 3_000;
const OF_MESSAGES: i64 = 1_500;
const OF_BODIES: i64 = 500;
/// What each of several sources may look through, however many there are.
const LEAST: i64 = 20;

/// How many rows such a question may look through; `None`: nearly every row that it meets fits.
fn allowance(filter: &DeliveryFilter, whose: Whose) -> Option<i64> {
    let has = |field: bool, known: bool| field && !known;
    let driver = driver(filter, whose);
    let (webhook, state, status, code, trigger) = match driver {
        Driver::Message | Driver::Event => return None,
        Driver::Objects => (false, false, false, false, false),
        Driver::Triggers(_) => (false, false, false, false, true),
        Driver::Codes => (true, false, false, true, false),
        Driver::Index("deliveries_waiting" | "deliveries_by_state") => {
            (true, true, false, false, false)
        }
        Driver::Index("deliveries_by_status") => (true, false, true, false, false),
        Driver::Index(_) => (true, false, false, false, false),
    };
    if filter.q.is_some() {
        let bodies = filter.since_ms.is_some();
        return Some(if bodies { OF_BODIES } else { OF_MESSAGES });
    }
    if has(filter.code.is_some(), code) {
        return Some(OF_MESSAGES);
    }
    let by_row = has(filter.webhook.is_some(), webhook)
        || has(filter.state.is_some(), state)
        || has(filter.status.is_some(), status)
        || has(filter.trigger.is_some(), trigger);
    by_row.then_some(OF_ROWS)
}

/// What is asked together, and how far.
pub(crate) struct Cut<'s> {
    pub(crate) window: Window,
    /// The window is not all that was wanted.
    pub(crate) was_cut: bool,
    /// Those that have anything in it.
    pub(crate) sources: Vec<&'s (DeliveryFilter, Whose)>,
}

/// Cuts the window to what some sources may look through together. Their answers are one list, newest first, so it begins where the
/// first of them ends.
pub(crate) fn cut<'s>(
    conn: &Connection,
    project: ProjectId,
    sources: &'s [(DeliveryFilter, Whose)],
    window: Window,
) -> Result<Cut<'s>> {
    let mut cut = Cut {
        window,
        was_cut: false,
        sources: sources.iter().collect(),
    };
    let Some((filter, whose)) = sources.first() else {
        return Ok(cut);
    };
    let Some(rows) = allowance(filter, *whose) else {
        return Ok(cut);
    };
    if sources.len() > 1 {
        cut.sources.clear();
        for source in sources {
            if place(conn, project, source, window, 0)?.is_some() {
                cut.sources.push(source);
            }
        }
    }
    let share = rows / i64::try_from(cut.sources.len().max(1)).unwrap_or(rows);
    let mut reached = None;
    for source in &cut.sources {
        reached = reached.max(place(conn, project, source, window, share.max(LEAST))?);
    }
    if let Some(begin) = reached {
        cut.was_cut = true;
        cut.window.begin = begin;
        cut.window.whole = driver(filter, *whose) == Driver::Codes;
    }
    Ok(cut)
}

/// The id behind so many rows of a source; `None`: it has fewer.
fn place(
    conn: &Connection,
    project: ProjectId,
    (filter, whose): &(DeliveryFilter, Whose),
    window: Window,
    rows: i64,
) -> Result<Option<i64>> {
    let driver = driver(filter, *whose);
    let mut q = Question::default();
    let p = q.given(project.0);
    let (begin, end) = (q.given(window.begin), q.given(window.end));
    let within = |id: &str| format!("{id} < {end} AND {id} >= {begin}");
    let (id, from, order) = match driver {
        Driver::Message | Driver::Event => return Ok(None),
        Driver::Codes => return place_of_messages(conn, project, filter, window, rows),
        Driver::Triggers(trigger) => {
            let reason = q.given(trigger_code(trigger));
            let from = "delivery_triggers t WHERE t.project =";
            (
                "t.delivery",
                format!("{from} {p} AND t.reason = {reason}"),
                "t.delivery DESC",
            )
        }
        Driver::Objects => {
            let object = q.given(filter.object.clone().unwrap_or_default());
            let from = "message_objects o WHERE o.project =";
            (
                "o.message",
                format!("{from} {p} AND o.object = {object}"),
                "o.message DESC",
            )
        }
        Driver::Index(index) => {
            let key = match (index, filter.webhook) {
                ("deliveries_by_project", _) => format!("d.project = {p}"),
                ("deliveries_by_status", _) => {
                    let status = q.given(i64::from(filter.status.unwrap_or_default()));
                    format!("d.project = {p} AND d.status = {status} AND d.status >= 300")
                }
                (_, Some(webhook)) => format!("d.webhook = {}", q.given(webhook.0)),
                (_, None) => "d.webhook IS NULL".to_owned(),
            };
            let state = filter.state.map(state_code).filter(|s| *s > DELIVERED);
            let more = match (index, state) {
                ("deliveries_waiting", _) => " AND d.waiting = 1".to_owned(),
                ("deliveries_by_state", Some(state)) => {
                    format!(" AND d.state = {} AND d.state > 1", q.given(state))
                }
                _ => String::new(),
            };
            let (from, order) = indexed(index, (&begin, &end));
            ("d.id", format!("{from} WHERE {key}{more}"), order)
        }
    };
    let rows = q.given(rows);
    q.sql = format!(
        "SELECT {id} FROM {from} AND {} ORDER BY {order} LIMIT 1 OFFSET {rows}",
        within(id)
    );
    let mut statement = conn.prepare_cached(&q.sql).map_err(sick)?;
    statement
        .query_row(params_from_iter(&q.given), |row| row.get(0))
        .optional()
        .map_err(sick)
}

/// The same for messages under a code, of which each has several deliveries.
fn place_of_messages(
    conn: &Connection,
    project: ProjectId,
    filter: &DeliveryFilter,
    window: Window,
    rows: i64,
) -> Result<Option<i64>> {
    let mut statement = conn
        .prepare_cached(
            "SELECT id, last FROM messages WHERE project = ?1 AND code = ?2 AND id < ?3 AND id >= ?4 ORDER BY id DESC LIMIT ?5",
        )
        .map_err(sick)?;
    let most = limit(usize::try_from(rows).unwrap_or_default() + 1);
    let given = rusqlite::params![project.0, filter.code, window.end, window.begin, most];
    let mut found = statement.query(given).map_err(sick)?;
    let mut looked = 0;
    while let Some(row) = found.next().map_err(sick)? {
        let ends: (i64, i64) = (row.get(0).map_err(sick)?, row.get(1).map_err(sick)?);
        looked += ends.1 - ends.0 + 1;
        if looked > rows {
            return Ok(Some(ends.0));
        }
    }
    Ok(None)
}

/// How many messages of an object may be looked at for a page: with a filter beside the object few of their deliveries may fit.
pub(crate) fn messages(filter: &DeliveryFilter) -> usize {
    let asks = filter.webhook.is_some()
        || filter.state.is_some()
        || filter.status.is_some()
        || filter.code.is_some()
        || filter.trigger.is_some_and(|t| t != Trigger::Event)
        || filter.q.is_some();
    if asks { 1_000 } else { usize::MAX }
}
