//! Questions to the sent log, as SQL.
//!
//! The driving table is chosen by the filter that leaves fewest rows; the rest of the filter is checked row by row. A delivery's id
//! holds the time at which it was made, so that a time window is a range of ids.

use rusqlite::types::Value as Sql;
use tidings_domain::ProjectId;
use tidings_domain::delivery::{DeliveryState, Trigger};
use tidings_storage::DeliveryFilter;

use crate::codes::{DELIVERED, limit, state_code, trigger_code};
use crate::segments;

/// What a row of the log is made of.
pub(crate) const COLUMNS: &str = "d.id, d.webhook, m.event, m.dialect, m.code, m.object, m.sequence, d.state, d.made_by, d.late, d.due_ms,
     d.attempts, d.outcome, d.status, d.duration_ms, d.error, coalesce(h.paused, 0), m.title";

/// A millisecond in ids of deliveries.
pub(crate) const MILLISECOND: i64 = 1 << 20;

/// The ids that a question is about: from `begin` up to, and without, `end`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    pub(crate) begin: i64,
    pub(crate) end: i64,
    /// It begins with a message's first delivery.
    pub(crate) whole: bool,
}

impl Window {
    /// What a filter's times leave, before `before` (0: from the newest).
    pub(crate) fn of(filter: &DeliveryFilter, before: i64) -> Self {
        let end = if before > 0 { before } else { i64::MAX };
        Self {
            begin: filter.since_ms.map_or(0, first_id),
            end: filter
                .until_ms
                .map_or(end, |until| end.min(first_id(until))),
            whole: false,
        }
    }

    /// Where its messages begin: the deliveries of a message were made in the same millisecond, or in two that follow each other.
    pub(crate) fn first_message(&self) -> i64 {
        self.begin - if self.whole { 0 } else { MILLISECOND }
    }
}

/// What a question walks through, newest first: chosen by the filter that leaves fewest rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Driver {
    /// The deliveries of one message.
    Message,
    /// Those of an event's messages.
    Event,
    /// Those of messages about what is no object.
    Objects,
    /// Those with a try of a trigger that few have.
    Triggers(Trigger),
    /// Those of messages under a code.
    Codes,
    /// An index of the deliveries.
    Index(&'static str),
}

/// What drives a question.
pub(crate) fn driver(filter: &DeliveryFilter, whose: Whose) -> Driver {
    if let Whose::Message(_) = whose {
        return Driver::Message;
    }
    if filter.event.is_some() {
        return Driver::Event;
    }
    if filter.object.is_some() {
        return Driver::Objects;
    }
    if let Some(trigger) = rare(filter) {
        return Driver::Triggers(trigger);
    }
    if filter.code.is_some() && filter.webhook.is_none() && whose == Whose::Filter {
        return Driver::Codes;
    }
    Driver::Index(match (filter.webhook, filter.state, filter.status) {
        (Some(_), Some(DeliveryState::Pending | DeliveryState::Held), _) => "deliveries_waiting",
        (Some(_), Some(s), _) if state_code(s) > DELIVERED => "deliveries_by_state",
        (Some(_), _, _) => "deliveries_by_webhook",
        (None, Some(s), _) if whose == Whose::Unsaved && state_code(s) > DELIVERED => {
            "deliveries_by_state"
        }
        (None, _, _) if whose == Whose::Unsaved => "deliveries_by_webhook",
        (None, _, Some(300..)) => "deliveries_by_status",
        (None, _, _) => "deliveries_by_project",
    })
}

/// A question to the log: SQL and what its parameters are.
#[derive(Default)]
pub(crate) struct Question {
    pub(crate) sql: String,
    pub(crate) given: Vec<Sql>,
}

impl Question {
    pub(crate) fn given(&mut self, value: impl Into<Sql>) -> String {
        self.given.push(value.into());
        format!("?{}", self.given.len())
    }
}

/// Whose deliveries a question is about.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whose {
    /// Those the filter says.
    Filter,
    /// Tests of webhooks that were never saved: no webhook finds them.
    Unsaved,
    /// Those of one message.
    Message(i64),
}

pub(crate) fn question(
    project: ProjectId,
    filter: &DeliveryFilter,
    whose: Whose,
    window: Window,
    rows: usize,
) -> Question {
    let mut q = Question::default();
    let mut conditions = Vec::new();
    let p = q.given(project.0);
    let end = q.given(window.end);
    let begin = q.given(window.begin);

    let (from, order) = driven_by(
        &mut q,
        filter,
        whose,
        &mut conditions,
        (&p, &begin, &end, window),
    );
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

/// Which tables a question walks through, in which order.
fn driven_by(
    q: &mut Question,
    filter: &DeliveryFilter,
    whose: Whose,
    conditions: &mut Vec<String>,
    (p, begin, end, window): (&str, &str, &str, Window),
) -> (String, &'static str) {
    // A message's id is that of its first delivery, so its order is that of the deliveries.
    const OF_MESSAGES: &str = "messages m CROSS JOIN deliveries d ON d.id BETWEEN m.id AND m.last";
    let index = match driver(filter, whose) {
        Driver::Message => {
            if let Whose::Message(id) = whose {
                let id = q.given(id);
                conditions.push(format!("m.id = {id}"));
            }
            return (OF_MESSAGES.to_owned(), "d.id DESC");
        }
        Driver::Event => {
            let event = q.given(filter.event.map_or(0, |event| event.0));
            conditions.push(format!("m.event = {event}"));
            return (OF_MESSAGES.to_owned(), "m.id DESC, d.id DESC");
        }
        Driver::Objects => {
            let object = q.given(filter.object.clone().unwrap_or_default());
            let first = q.given(window.first_message());
            conditions.push(format!(
                "o.project = {p} AND o.object = {object} AND o.message < {end} AND o.message >= {first}"
            ));
            let from = "message_objects o CROSS JOIN messages m ON m.id = o.message
                 CROSS JOIN deliveries d ON d.id BETWEEN m.id AND m.last";
            return (from.to_owned(), "o.message DESC, d.id DESC");
        }
        Driver::Triggers(trigger) => {
            let code = q.given(trigger_code(trigger));
            conditions.push(format!(
                "t.project = {p} AND t.reason = {code} AND t.delivery < {end} AND t.delivery >= {begin}"
            ));
            let from = "delivery_triggers t CROSS JOIN deliveries d ON d.id = t.delivery
                 CROSS JOIN messages m ON m.id = d.message";
            return (from.to_owned(), "t.delivery DESC");
        }
        Driver::Codes => {
            let code = q.given(filter.code.clone().unwrap_or_default());
            let first = q.given(window.first_message());
            conditions.push(format!(
                "m.project = {p} AND m.code = {code} AND m.id < {end} AND m.id >= {first}"
            ));
            return (OF_MESSAGES.to_owned(), "m.id DESC, d.id DESC");
        }
        Driver::Index(index) => index,
    };
    match index {
        "deliveries_waiting" => conditions.push("d.waiting = 1".to_owned()),
        "deliveries_by_state" => conditions.push("d.state > 1".to_owned()),
        "deliveries_by_status" => conditions.push("d.status >= 300".to_owned()),
        _ => {}
    }
    let (from, order) = indexed(index, (begin, end));
    (
        format!("{from} CROSS JOIN messages m ON m.id = d.message"),
        order,
    )
}

/// Deliveries by an index, between two ids; and how they are ordered newest first.
pub(crate) fn indexed(index: &str, (begin, end): (&str, &str)) -> (String, &'static str) {
    if !matches!(index, "deliveries_by_project" | "deliveries_by_webhook") {
        return (format!("deliveries d INDEXED BY {index}"), "d.id DESC");
    }
    let from = format!(
        "segments s CROSS JOIN deliveries d INDEXED BY {index} ON d.segment = s.id AND s.id BETWEEN coalesce({}, 0) AND coalesce({}, 0)",
        segments::of(begin),
        segments::of(end)
    );
    (from, "s.id DESC, d.id DESC")
}

/// A trigger that few deliveries have.
pub(crate) fn rare(filter: &DeliveryFilter) -> Option<Trigger> {
    filter.trigger.filter(|t| *t != Trigger::Event)
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
            "(m.object = {object} OR instr(' ' || m.roots || ' ', ' ' || {object} || ' ') > 0)"
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
    tidings_storage::sweep::first_id(ms).0
}
