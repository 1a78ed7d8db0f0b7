//! Deliveries that wait: loading, settling, parking, resending.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension, params};
use tidings_domain::delivery::Trigger;
use tidings_domain::webhook::{Health, HealthState};
use tidings_domain::{DeliveryId, EventId, ObjectRef, ProjectId, WebhookId};
use tidings_storage::stored::write_attempt;
use tidings_storage::{Attempt, Message, Queued, Settlement, StoreError, TestSend, Then};

use crate::codes::{
    DELIVERED, FAILED, PARKED, PENDING, Result, SKIPPED, limit, outcome_code, sick, to_json,
    trigger, trigger_bit, trigger_code,
};
use crate::writer::Writer;

/// A row of the queue: these columns, in this order.
const QUEUED: &str = "d.id, d.message, d.webhook, d.tries, d.first_try_ms, d.due_ms, d.wait_ms, d.late, d.next_trigger, d.state";

pub(crate) const PENDING_SQL: &str = "SELECT d.id, d.message, d.webhook, d.tries, d.first_try_ms, d.due_ms, d.wait_ms, d.late, d.next_trigger, d.state
     FROM deliveries d WHERE d.webhook = ?1 AND d.waiting = 1 AND d.id > ?2 ORDER BY d.id LIMIT ?3";

pub(crate) fn pending(
    conn: &Connection,
    webhook: WebhookId,
    after: DeliveryId,
    rows: usize,
) -> Result<Vec<Queued>> {
    let mut statement = conn.prepare_cached(PENDING_SQL).map_err(sick)?;
    let mut found = statement
        .query(params![webhook.0, after.0, limit(rows)])
        .map_err(sick)?;
    let mut messages = HashMap::new();
    let mut queue = Vec::new();
    while let Some(row) = found.next().map_err(sick)? {
        queue.push(read_queued(conn, row, &mut messages)?);
    }
    Ok(queue)
}

fn read_queued(
    conn: &Connection,
    row: &rusqlite::Row<'_>,
    messages: &mut HashMap<i64, Arc<Message>>,
) -> Result<Queued> {
    let message: i64 = row.get(1).map_err(sick)?;
    let message = if let Some(message) = messages.get(&message) {
        Arc::clone(message)
    } else {
        let read = Arc::new(read_message(conn, message)?);
        messages.insert(message, Arc::clone(&read));
        read
    };
    let fields = || -> rusqlite::Result<(Queued, i64)> {
        let queued = Queued {
            id: DeliveryId(row.get(0)?),
            webhook: WebhookId(row.get::<_, Option<i64>>(2)?.unwrap_or_default()),
            message,
            tries: row.get(3)?,
            first_try_ms: row.get(4)?,
            due_ms: row.get(5)?,
            wait_ms: row.get(6)?,
            late: row.get(7)?,
            trigger: Trigger::Event,
            settled: row.get::<_, i64>(9)? != PENDING,
        };
        Ok((queued, row.get(8)?))
    };
    let (queued, code) = fields().map_err(sick)?;
    Ok(Queued {
        trigger: trigger(code)?,
        ..queued
    })
}

fn read_message(conn: &Connection, id: i64) -> Result<Message> {
    let mut statement = conn
        .prepare_cached(
            "SELECT project, event, dialect, code, body, object, sequence, roots FROM messages WHERE id = ?1",
        )
        .map_err(sick)?;
    let read = statement.query_row([id], |row| {
        let roots: String = row.get(7)?;
        let message = Message {
            id,
            project: ProjectId(row.get(0)?),
            event: row.get::<_, Option<i64>>(1)?.map(EventId),
            dialect: row.get_ref(2)?.as_str()?.into(),
            code: row.get_ref(3)?.as_str()?.into(),
            body: Bytes::from(row.get::<_, Vec<u8>>(4)?),
            object: row.get_ref(5)?.as_str()?.into(),
            sequence: row.get(6)?,
            roots: Vec::new(),
        };
        Ok((message, roots))
    });
    let (message, roots) = read
        .optional()
        .map_err(sick)?
        .ok_or_else(|| StoreError::Corrupt(format!("message {id} is not there")))?;
    let roots = roots.split_whitespace().map(str::parse::<ObjectRef>);
    let roots = roots
        .collect::<Result<_, _>>()
        .map_err(|e| StoreError::Corrupt(format!("message {id}: {e}")))?;
    Ok(Message { roots, ..message })
}

/// A settlement made ready to write.
pub(crate) struct Settled {
    delivery: i64,
    webhook: i64,
    tried: Option<Tried>,
    then: Then,
    tries: u32,
    first_try_ms: Option<i64>,
    late: bool,
}

/// A try made ready to write; the table has its number.
struct Tried {
    body: String,
    trigger_bit: i64,
    outcome: i64,
    status: Option<u16>,
    duration_ms: i64,
    error: Option<String>,
    detail: Option<String>,
}

pub(crate) fn ready(settlements: &[Settlement]) -> Result<Vec<Settled>> {
    let one = |settlement: &Settlement| {
        Ok(Settled {
            delivery: settlement.delivery.0,
            webhook: settlement.webhook.0,
            tried: settlement
                .attempt
                .as_ref()
                .map(|attempt| tried(attempt, settlement.delivery))
                .transpose()?,
            then: settlement.then,
            tries: settlement.tries,
            first_try_ms: settlement.first_try_ms,
            late: settlement.late,
        })
    };
    settlements.iter().map(one).collect()
}

fn tried(attempt: &Attempt, delivery: DeliveryId) -> Result<Tried> {
    Ok(Tried {
        body: write_attempt(attempt, delivery)?,
        trigger_bit: trigger_bit(&attempt.trigger),
        outcome: outcome_code(&attempt.outcome),
        status: attempt.status,
        duration_ms: i64::try_from(attempt.duration_ms).unwrap_or(i64::MAX),
        error: attempt.error.as_ref().map(|e| e.code.clone()),
        detail: attempt.error.as_ref().map(|e| e.detail.clone()),
    })
}

impl Writer<'_> {
    pub(crate) fn settle(
        &mut self,
        settlements: &[Settled],
        health: &[(WebhookId, Health)],
    ) -> Result<()> {
        for settlement in settlements {
            if !self.settle_first(settlement)? {
                self.settle_one(settlement)?;
            }
        }
        for (webhook, health) in health {
            self.write_health(*webhook, health)?;
        }
        Ok(())
    }

    /// Nearly always the first try is accepted: one look at the row is enough then. Whether it was that.
    fn settle_first(&mut self, settled: &Settled) -> Result<bool> {
        let (Some(tried), Then::Delivered) = (&settled.tried, settled.then) else {
            return Ok(false);
        };
        let first = self.run(
            "UPDATE deliveries SET tries = ?3, first_try_ms = ?4, late = ?5, due_ms = NULL, state = 1, waiting = 0,
             attempts = 1, triggers = ?6, outcome = ?7, status = ?8, duration_ms = ?9, error = ?10, detail = ?11
             WHERE id = ?1 AND webhook = ?2 AND state = 0 AND attempts = 0",
            params![
                settled.delivery,
                settled.webhook,
                settled.tries,
                settled.first_try_ms,
                settled.late,
                tried.trigger_bit,
                tried.outcome,
                tried.status,
                tried.duration_ms,
                tried.error,
                tried.detail,
            ],
        )?;
        if first == 0 {
            return Ok(false);
        }
        self.totals.waiting -= 1;
        self.insert_attempt(settled.delivery, 1, tried)?;
        self.index_try(settled.delivery, settled.webhook, tried)?;
        Ok(true)
    }

    pub(crate) fn write_health(&mut self, webhook: WebhookId, health: &Health) -> Result<()> {
        let paused = health.state == HealthState::Paused;
        self.run(
            "UPDATE healths SET paused = ?2, body = ?3 WHERE webhook = ?1",
            params![webhook.0, paused, to_json(health)?],
        )?;
        self.add_shifts(webhook, &health.shifts)
    }

    fn settle_one(&mut self, settlement: &Settled) -> Result<()> {
        let id = settlement.delivery;
        let found = self
            .conn
            .prepare_cached(
                "SELECT state, waiting, attempts FROM deliveries WHERE id = ?1 AND webhook = ?2",
            )
            .and_then(|mut s| {
                s.query_row([id, settlement.webhook], |row| {
                    Ok((
                        row.get::<_, i64>(0)?,
                        row.get::<_, bool>(1)?,
                        row.get::<_, u32>(2)?,
                    ))
                })
                .optional()
            })
            .map_err(sick)?;
        let Some((state, waiting, attempts)) = found else {
            return Ok(());
        };
        if let Some(tried) = &settlement.tried {
            self.add_attempt(id, attempts + 1, tried)?;
            self.index_try(id, settlement.webhook, tried)?;
        }
        // A request was in flight when the rest of its webhook was put aside: what was accepted is delivered all the same.
        let late_success = state == PARKED && settlement.then == Then::Delivered;
        if state != PENDING && !late_success {
            // One more try of what was delivered before: it stays delivered whatever came.
            if waiting && (settlement.tried.is_some() || settlement.then != Then::AsItIs) {
                self.run(
                    "UPDATE deliveries SET waiting = 0, due_ms = NULL WHERE id = ?1",
                    [id],
                )?;
                self.totals.waiting -= 1;
            }
            return Ok(());
        }
        let state = match settlement.then {
            Then::AsItIs => return Ok(()),
            Then::Retry { due_ms, wait_ms } => {
                self.run(
                    "UPDATE deliveries SET tries = ?2, first_try_ms = ?3, late = ?4, due_ms = ?5, wait_ms = ?6, next_trigger = ?7
                     WHERE id = ?1",
                    params![
                        id,
                        settlement.tries,
                        settlement.first_try_ms,
                        settlement.late,
                        due_ms,
                        wait_ms,
                        trigger_code(Trigger::Retry)
                    ],
                )?;
                return Ok(());
            }
            Then::Delivered => DELIVERED,
            Then::Failed => FAILED,
            Then::Parked => PARKED,
            Then::Skipped => SKIPPED,
        };
        self.totals.waiting -= i64::from(waiting);
        self.run(
            "UPDATE deliveries SET tries = ?2, first_try_ms = ?3, late = ?4, due_ms = NULL, state = ?5, waiting = 0 WHERE id = ?1",
            params![id, settlement.tries, settlement.first_try_ms, settlement.late, state],
        )
        .map(drop)
    }

    fn add_attempt(&mut self, delivery: i64, number: u32, tried: &Tried) -> Result<()> {
        self.insert_attempt(delivery, number, tried)?;
        self.run(
            "UPDATE deliveries SET attempts = ?2, triggers = triggers | ?3, outcome = ?4, status = ?5, duration_ms = ?6, error = ?7, detail = ?8
             WHERE id = ?1",
            params![
                delivery,
                number,
                tried.trigger_bit,
                tried.outcome,
                tried.status,
                tried.duration_ms,
                tried.error,
                tried.detail,
            ],
        )
        .map(drop)
    }

    /// Makes the log find a try by what is out of the ordinary about it.
    fn index_try(&mut self, delivery: i64, webhook: i64, tried: &Tried) -> Result<()> {
        let plain = 1 << trigger_code(Trigger::Event);
        if tried.trigger_bit != plain && tried.trigger_bit > 0 {
            self.index_trigger(delivery, i64::from(tried.trigger_bit.trailing_zeros()))?;
        }
        let answer = tried.status.filter(|s| (200..300).contains(s));
        if let Some(status) = answer
            && self.answers.insert((webhook, status))
        {
            self.run(
                "INSERT OR IGNORE INTO webhook_answers (webhook, status) VALUES (?1, ?2)",
                params![webhook, status],
            )?;
        }
        Ok(())
    }

    /// Makes the log find a delivery by a trigger.
    pub(crate) fn index_trigger(&self, delivery: i64, trigger: i64) -> Result<()> {
        self.run(
            "INSERT OR IGNORE INTO delivery_triggers (project, reason, delivery) SELECT project, ?2, id FROM deliveries WHERE id = ?1",
            [delivery, trigger],
        )
        .map(drop)
    }

    /// A delivery that was never tried. It waits if it is pending.
    pub(crate) fn insert_delivery(
        &mut self,
        id: DeliveryId,
        message: &Message,
        webhook: Option<WebhookId>,
        state: i64,
        trigger: Trigger,
    ) -> Result<()> {
        let (waits, code) = (state == PENDING, trigger_code(trigger));
        let segment = self.segment_of(id.0)?;
        self.run(
            "INSERT INTO deliveries (id, message, project, webhook, state, waiting, made_by, next_trigger, triggers, tries, wait_ms, late, attempts, segment)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7, 0, 0, 0, 0, 0, ?8)",
            params![id.0, message.id, message.project.0, webhook.map(|w| w.0), state, waits, code, segment],
        )?;
        self.totals.rows += 1;
        self.totals.waiting += i64::from(waits);
        match trigger {
            Trigger::Event => Ok(()),
            _ => self.index_trigger(id.0, code),
        }
    }

    fn insert_attempt(&mut self, delivery: i64, number: u32, tried: &Tried) -> Result<()> {
        self.run(
            "INSERT INTO attempts (delivery, number, body) VALUES (?1, ?2, ?3)",
            params![delivery, number, tried.body],
        )?;
        self.totals.bytes += i64::try_from(tried.body.len()).unwrap_or_default();
        Ok(())
    }

    /// Takes up to `rows` deliveries out of a webhook's queue.
    pub(crate) fn unqueue(
        &mut self,
        webhook: WebhookId,
        rows: usize,
        becomes: i64,
    ) -> Result<usize> {
        let taken = self.run(
            "UPDATE deliveries SET waiting = 0, due_ms = NULL, state = ?2 WHERE id IN
             (SELECT id FROM deliveries WHERE webhook = ?1 AND waiting = 1 AND state = 0 ORDER BY id LIMIT ?3)",
            params![webhook.0, becomes, limit(rows)],
        )?;
        self.waits_less(taken);
        Ok(taken)
    }

    /// So many deliveries have left the queues.
    pub(crate) fn waits_less(&mut self, deliveries: usize) {
        self.totals.waiting -= i64::try_from(deliveries).unwrap_or_default();
    }

    /// Skips up to `rows` parked deliveries of a webhook.
    pub(crate) fn skip_parked(&mut self, webhook: WebhookId, rows: usize) -> Result<usize> {
        let sql = format!(
            "UPDATE deliveries SET state = {SKIPPED} WHERE id IN
             (SELECT id FROM deliveries WHERE webhook = ?1 AND state = {PARKED} AND state > 1 ORDER BY id LIMIT ?2)"
        );
        self.run_made(&sql, params![webhook.0, limit(rows)])
    }

    pub(crate) fn resend(&mut self, project: ProjectId, delivery: DeliveryId) -> Result<Queued> {
        let found = self
            .conn
            .prepare_cached(
                "SELECT d.waiting, w.deleted FROM deliveries d LEFT JOIN webhooks w ON w.id = d.webhook
                 WHERE d.id = ?1 AND d.project = ?2",
            )
            .and_then(|mut s| {
                s.query_row([delivery.0, project.0], |row| {
                    Ok((row.get::<_, bool>(0)?, row.get::<_, Option<i64>>(1)?))
                })
                .optional()
            })
            .map_err(sick)?;
        match found {
            None => return Err(StoreError::NotFound),
            Some((_, Some(0))) => {}
            Some(_) => return Err(StoreError::Conflict("webhook_deleted")),
        }
        if found.is_some_and(|(waiting, _)| waiting) {
            return Err(StoreError::Conflict("pending"));
        }
        self.run(
            "UPDATE deliveries SET state = iif(state = 1, 1, 0), waiting = 1, tries = 0, first_try_ms = NULL, due_ms = NULL,
             wait_ms = 0, next_trigger = ?2 WHERE id = ?1",
            params![delivery.0, trigger_code(Trigger::Resend)],
        )?;
        self.totals.waiting += 1;
        let sql = format!("SELECT {QUEUED} FROM deliveries d WHERE d.id = ?1");
        let mut statement = self.conn.prepare_cached(&sql).map_err(sick)?;
        let mut rows = statement.query([delivery.0]).map_err(sick)?;
        let row = rows.next().map_err(sick)?.ok_or(StoreError::NotFound)?;
        read_queued(self.conn, row, &mut HashMap::new())
    }

    pub(crate) fn log_test(&mut self, test: &TestSend) -> Result<()> {
        let (id, message) = (test.delivery, test.message());
        self.insert_message(&message, id, &test.title, &mut Vec::new())?;
        let state = if test.accepted { DELIVERED } else { FAILED };
        self.insert_delivery(id, &message, test.webhook, state, Trigger::Test)?;
        let tries = u32::try_from(test.attempts.len()).unwrap_or(u32::MAX);
        self.run(
            "UPDATE deliveries SET tries = ?2 WHERE id = ?1",
            params![id.0, tries],
        )?;
        let webhook = test.webhook.map_or(0, |w| w.0);
        for (number, attempt) in (1..).zip(&test.attempts) {
            let attempt = tried(attempt, test.delivery)?;
            self.add_attempt(test.delivery.0, number, &attempt)?;
            self.index_try(test.delivery.0, webhook, &attempt)?;
        }
        Ok(())
    }
}
