//! Absences and sweeps: what webhooks missed, and long jobs over their past, step by step.

use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, Row, params};
use tidings_domain::delivery::Trigger;
use tidings_domain::project::WebhookSwitch;
use tidings_domain::webhook::{Health, Webhook};
use tidings_domain::{DeliveryId, EventId, Project, ProjectId, WebhookId};
use tidings_storage::sweep::STILL_OFF;
use tidings_storage::{
    Absence, Activity, Begun, Errand, NewMessage, NewSweep, Next, Queued, StoreError, Sweep,
    SweepLeft, Swept,
};

use crate::codes::{EXPIRED, FAILED, PARKED, PENDING, Result, SKIPPED, limit, sick, trigger_code};
use crate::objects::activity;
use crate::question::first_id;
use crate::shared::Shared;
use crate::snapshot::{project_row, read_webhook};
use crate::trail::Behind;
use crate::writer::Writer;

/// The largest code of an errand that is no resend.
const RESEND: i64 = 4;

fn errand_code(errand: Errand) -> i64 {
    match errand {
        Errand::Deliver => 0,
        Errand::Skip => 1,
        Errand::Resend { failed, expired } => RESEND + i64::from(failed) + 2 * i64::from(expired),
    }
}

fn errand(code: i64) -> Errand {
    match code {
        0 => Errand::Deliver,
        1 => Errand::Skip,
        code => Errand::Resend {
            failed: code & 1 != 0,
            expired: code & 2 != 0,
        },
    }
}

/// The states that an errand looks for.
fn states(errand: Errand) -> Vec<i64> {
    match errand {
        Errand::Deliver | Errand::Skip => vec![PARKED],
        Errand::Resend { failed, expired } => {
            let wanted = [(failed, FAILED), (expired, EXPIRED)];
            wanted.iter().filter(|(w, _)| *w).map(|(_, s)| *s).collect()
        }
    }
}

// === Reading ===

const SWEEP: &str = "webhook, project, errand, at, ending, since, until, number";

fn read_sweep(row: &Row<'_>) -> rusqlite::Result<Sweep> {
    let number: i64 = row.get(7)?;
    Ok(Sweep {
        webhook: WebhookId(row.get(0)?),
        project: ProjectId(row.get(1)?),
        errand: errand(row.get(2)?),
        at: DeliveryId(row.get(3)?),
        end: DeliveryId(row.get(4)?),
        after: EventId(row.get(5)?),
        last: EventId(row.get(6)?),
        count: number.unsigned_abs(),
    })
}

pub(crate) fn under_way(conn: &Connection) -> Result<Vec<Sweep>> {
    let sql = format!("SELECT {SWEEP} FROM sweeps ORDER BY webhook");
    let mut statement = conn.prepare_cached(&sql).map_err(sick)?;
    let rows = statement.query_map([], read_sweep).map_err(sick)?;
    rows.collect::<rusqlite::Result<_>>().map_err(sick)
}

/// How far the sweep of a webhook is.
pub(crate) fn left(conn: &Connection, webhook: WebhookId) -> Result<Option<SweepLeft>> {
    let sql = format!("SELECT {SWEEP} FROM sweeps WHERE webhook = ?1");
    let sweep = conn
        .prepare_cached(&sql)
        .and_then(|mut s| s.query_row([webhook.0], read_sweep).optional())
        .map_err(sick)?;
    let Some(sweep) = sweep else {
        return Ok(None);
    };
    let deliveries = count_between(conn, webhook, sweep.errand, (sweep.at.0 + 1, sweep.end.0))?;
    let mut statement = conn
        .prepare_cached("SELECT count(*) FROM events WHERE project = ?1 AND id > ?2 AND id <= ?3")
        .map_err(sick)?;
    let mut events = 0;
    for absence in absences(conn, webhook)? {
        if sweep.concerns(&absence) {
            let given = [sweep.project.0, absence.since.0, absence.until.0];
            let found: i64 = statement.query_row(given, |row| row.get(0)).map_err(sick)?;
            events += found.unsigned_abs();
        }
    }
    Ok(Some(SweepLeft {
        sweep,
        deliveries,
        events,
    }))
}

fn absences(conn: &Connection, webhook: WebhookId) -> Result<Vec<Absence>> {
    let mut statement = conn
        .prepare_cached(
            "SELECT since, until, place, place_end FROM absences WHERE webhook = ?1 ORDER BY since",
        )
        .map_err(sick)?;
    let read = |row: &Row<'_>| {
        Ok(Absence {
            since: EventId(row.get(0)?),
            until: EventId(row.get(1)?),
            place: DeliveryId(row.get(2)?),
            place_end: DeliveryId(row.get(3)?),
        })
    };
    let rows = statement.query_map([webhook.0], read).map_err(sick)?;
    rows.collect::<rusqlite::Result<_>>().map_err(sick)
}

/// The last event of a project before that time: found by halving, since events ascend in time as they do in number.
fn event_before(conn: &Connection, project: ProjectId, since_ms: i64) -> Result<EventId> {
    let last: Option<i64> = conn
        .prepare_cached("SELECT max(id) FROM events WHERE project = ?1")
        .and_then(|mut s| s.query_row([project.0], |row| row.get(0)))
        .map_err(sick)?;
    let mut statement = conn
        .prepare_cached(
            "SELECT id, recorded_ms FROM events WHERE project = ?1 AND id >= ?2 ORDER BY id LIMIT 1",
        )
        .map_err(sick)?;
    let (mut low, mut high) = (1, last.unwrap_or_default() + 1);
    while low < high {
        let middle = low + (high - low) / 2;
        let found = statement
            .query_row([project.0, middle], |row| {
                Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?))
            })
            .optional()
            .map_err(sick)?;
        match found {
            Some((id, recorded_ms)) if recorded_ms < since_ms => low = id + 1,
            _ => high = middle,
        }
    }
    Ok(EventId(low - 1))
}

pub(crate) fn absent(
    conn: &Connection,
    project: ProjectId,
    event: EventId,
    (after, upto): (WebhookId, WebhookId),
) -> Result<Vec<WebhookId>> {
    let mut statement = conn
        .prepare_cached(
            "SELECT w.id FROM webhooks w WHERE w.project = ?1 AND w.id > ?2 AND w.id <= ?3 AND w.deleted = 0
             AND EXISTS (SELECT 1 FROM absences a WHERE a.webhook = w.id AND a.since < ?4 AND a.until >= ?4)
             ORDER BY w.id",
        )
        .map_err(sick)?;
    let given = params![project.0, after.0, upto.0, event.0];
    let rows = statement
        .query_map(given, |row| row.get(0).map(WebhookId))
        .map_err(sick)?;
    rows.collect::<rusqlite::Result<_>>().map_err(sick)
}

pub(crate) fn missed(
    conn: &Connection,
    shared: &Shared,
    webhook: WebhookId,
    (since_ms, after, rows): (i64, EventId, usize),
) -> Result<Vec<Activity>> {
    let project = conn
        .prepare_cached("SELECT project FROM webhooks WHERE id = ?1")
        .and_then(|mut s| s.query_row([webhook.0], |row| row.get(0)).optional())
        .map_err(sick)?;
    let project = ProjectId(project.ok_or(StoreError::NotFound)?);
    let after = after.max(event_before(conn, project, since_ms)?);
    let mut statement = conn
        .prepare_cached(
            "SELECT id, recorded_ms, body FROM events WHERE project = ?1 AND id > ?2 AND id <= ?3 ORDER BY id LIMIT ?4",
        )
        .map_err(sick)?;
    let mut data = Vec::new();
    for absence in absences(conn, webhook)? {
        if absence.until <= after || data.len() >= rows {
            continue;
        }
        let from = absence.since.max(after);
        let left = limit(rows - data.len());
        let mut found = statement
            .query(params![project.0, from.0, absence.until.0, left])
            .map_err(sick)?;
        while let Some(row) = found.next().map_err(sick)? {
            data.push(activity(conn, shared, project, row)?);
        }
    }
    Ok(data)
}

/// Deliveries that a sweep would deal with, from `since` up to, and without, `until`.
pub(crate) fn count(conn: &Connection, new: &NewSweep) -> Result<u64> {
    let last = new.until_ms.map_or(i64::MAX, |until| first_id(until) - 1);
    count_between(
        conn,
        new.webhook,
        new.errand,
        (first_id(new.since_ms), last),
    )
}

/// From the index of the queue alone.
pub(crate) fn waiting_among(
    conn: &Connection,
    webhook: WebhookId,
    (first, last): (DeliveryId, DeliveryId),
) -> Result<u64> {
    let sql = "SELECT count(*) FROM deliveries WHERE webhook = ?1 AND waiting = 1 AND id BETWEEN ?2 AND ?3";
    let count: i64 = conn
        .prepare_cached(sql)
        .and_then(|mut s| s.query_row([webhook.0, first.0, last.0], |row| row.get(0)))
        .map_err(sick)?;
    Ok(count.unsigned_abs())
}

pub(crate) fn oldest_parked(conn: &Connection, webhook: WebhookId) -> Result<Option<DeliveryId>> {
    let sql = "SELECT id FROM deliveries WHERE webhook = ?1 AND state = ?2 AND state > 1 AND made_by <> ?3 ORDER BY id LIMIT 1";
    let given = [webhook.0, PARKED, trigger_code(Trigger::Test)];
    conn.prepare_cached(sql)
        .and_then(|mut s| {
            s.query_row(given, |row| row.get(0).map(DeliveryId))
                .optional()
        })
        .map_err(sick)
}

/// What an errand would deal with among those ids: all of these states, from the index alone, less the tests among them.
fn count_between(
    conn: &Connection,
    webhook: WebhookId,
    errand: Errand,
    (first, last): (i64, i64),
) -> Result<u64> {
    const ALL: &str = "SELECT count(*) FROM deliveries INDEXED BY deliveries_by_state
         WHERE webhook = ?1 AND state = ?2 AND state > 1 AND id BETWEEN ?3 AND ?4";
    const TESTS: &str = "SELECT count(*) FROM webhooks w CROSS JOIN delivery_triggers t ON t.project = w.project
         CROSS JOIN deliveries d ON d.id = t.delivery
         WHERE w.id = ?1 AND t.reason = ?5 AND t.delivery BETWEEN ?3 AND ?4 AND d.webhook = ?1 AND d.state = ?2 AND d.made_by = ?5";
    let test = trigger_code(Trigger::Test);
    let mut all = 0;
    for state in states(errand) {
        let number = |sql, given: &[&dyn rusqlite::ToSql]| -> Result<i64> {
            conn.prepare_cached(sql)
                .and_then(|mut s| s.query_row(given, |row| row.get(0)))
                .map_err(sick)
        };
        let found = number(ALL, params![webhook.0, state, first, last])?;
        let tests = number(TESTS, params![webhook.0, state, first, last, test])?;
        all += (found - tests).unsigned_abs();
    }
    Ok(all)
}

// === Absences ===

impl Writer<'_> {
    /// A webhook may have been switched: what it misses begins or ends here.
    pub(crate) fn note_enabled(&mut self, webhook: &Webhook) -> Result<()> {
        let on = webhook.enabled && self.is_on(webhook.project)?;
        let now = EventId(self.totals.event);
        self.note_absence(webhook.id, webhook.project, on, now)
    }

    fn is_on(&self, project: ProjectId) -> Result<bool> {
        let project = project_row(self.conn, &self.shared, project)?;
        Ok(project.is_some_and(|p| p.webhooks == WebhookSwitch::On))
    }

    /// A project is about to be replaced: its switch may be turned with it.
    pub(crate) fn note_switch(&mut self, version: i64, project: &Project) -> Result<()> {
        let on = project.webhooks == WebhookSwitch::On;
        if self.is_on(project.id)? == on {
            return Ok(());
        }
        let mut statement = self
            .conn
            .prepare_cached(
                "SELECT id, json_extract(body, '$.enabled') FROM webhooks WHERE project = ?1 AND deleted = 0",
            )
            .map_err(sick)?;
        let rows = statement
            .query_map([project.id.0], |row| Ok((row.get(0)?, row.get(1)?)))
            .map_err(sick)?;
        let webhooks: Vec<(i64, bool)> = rows.collect::<rusqlite::Result<_>>().map_err(sick)?;
        drop(statement);
        // Events that were planned before and committed after it went by the old switch, and lie on the old side.
        let now = EventId(version.max(self.totals.event));
        for (webhook, enabled) in webhooks {
            self.note_absence(WebhookId(webhook), project.id, on && enabled, now)?;
        }
        Ok(())
    }

    fn note_absence(
        &mut self,
        webhook: WebhookId,
        project: ProjectId,
        on: bool,
        now: EventId,
    ) -> Result<()> {
        let open = absences(self.conn, webhook)?;
        let open = open.into_iter().find(Absence::is_open);
        match open {
            None if !on => {
                self.put_absence(webhook, &Absence::open(now))?;
                let delivers = "DELETE FROM sweeps WHERE webhook = ?1 AND errand <> ?2";
                self.run(delivers, [webhook.0, errand_code(Errand::Skip)])?;
                Ok(())
            }
            Some(absence) if on => self.close_absence(webhook, project, absence, now),
            _ => Ok(()),
        }
    }

    fn put_absence(&self, webhook: WebhookId, absence: &Absence) -> Result<()> {
        self.run(
            "INSERT OR REPLACE INTO absences (webhook, since, until, place, place_end) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![
                webhook.0,
                absence.since.0,
                absence.until.0,
                absence.place.0,
                absence.place_end.0
            ],
        )
        .map(drop)
    }

    fn drop_absence(&self, webhook: WebhookId, since: EventId) -> Result<()> {
        self.run(
            "DELETE FROM absences WHERE webhook = ?1 AND since = ?2",
            [webhook.0, since.0],
        )
        .map(drop)
    }

    fn close_absence(
        &mut self,
        webhook: WebhookId,
        project: ProjectId,
        absence: Absence,
        now: EventId,
    ) -> Result<()> {
        self.drop_absence(webhook, absence.since)?;
        let missed = self
            .conn
            .prepare_cached("SELECT 1 FROM events WHERE project = ?1 AND id > ?2 AND id <= ?3")
            .and_then(|mut s| s.exists([project.0, absence.since.0, now.0]))
            .map_err(sick)?;
        if !missed {
            return Ok(());
        }
        let absence = absence.close(now, self.next_delivery());
        self.totals.delivery = absence.place_end.0;
        self.put_absence(webhook, &absence)
    }

    // === Sweeps ===

    pub(crate) fn begin_sweep(
        &mut self,
        project: ProjectId,
        new: &NewSweep,
        enable: Option<&Health>,
    ) -> Result<Begun> {
        let mut webhook = self.live_webhook(project, new.webhook)?;
        if self.sweep(new.webhook)?.is_some() {
            return Err(StoreError::Conflict("sweep"));
        }
        if new.errand != Errand::Skip {
            if !self.is_on(project)? {
                return Err(StoreError::Conflict("webhooks_off"));
            }
            if !webhook.enabled && enable.is_none() {
                return Err(StoreError::Conflict("webhook_disabled"));
            }
        }
        if let Some(health) = enable {
            webhook.enabled = true;
            webhook.version += 1;
            self.write_health(webhook.id, health)?;
            webhook = (*self.update_webhook(webhook)?).clone();
        }
        let after = event_before(self.conn, project, new.since_ms)?;
        if !matches!(new.errand, Errand::Resend { .. }) {
            self.part(new.webhook, project, after)?;
        }
        let end = DeliveryId(self.totals.delivery);
        let last = EventId(self.totals.event);
        let sweep = Sweep::begin(new, project, end, (after, last));
        self.write_sweep(&sweep)?;
        let webhook = Arc::new(webhook);
        Ok(Begun { sweep, webhook })
    }

    fn live_webhook(&self, project: ProjectId, webhook: WebhookId) -> Result<Webhook> {
        let mut statement = self
            .conn
            .prepare_cached(
                "SELECT body, sealed FROM webhooks WHERE id = ?1 AND project = ?2 AND deleted = 0",
            )
            .map_err(sick)?;
        let mut rows = statement.query([webhook.0, project.0]).map_err(sick)?;
        let row = rows.next().map_err(sick)?.ok_or(StoreError::NotFound)?;
        read_webhook(row, 0)
    }

    /// Ends the absence that lasts, which begins anew, and parts the one in which that event lies.
    fn part(&mut self, webhook: WebhookId, project: ProjectId, after: EventId) -> Result<()> {
        let now = EventId(self.totals.event);
        for absence in absences(self.conn, webhook)? {
            if absence.until == STILL_OFF {
                self.close_absence(webhook, project, absence, now)?;
                self.put_absence(webhook, &Absence::open(now))?;
            }
        }
        for absence in absences(self.conn, webhook)? {
            if absence.is_open() {
                continue;
            }
            if let Some((early, late)) = absence.split(after) {
                self.put_absence(webhook, &early)?;
                self.put_absence(webhook, &late)?;
            }
        }
        Ok(())
    }

    fn sweep(&self, webhook: WebhookId) -> Result<Option<Sweep>> {
        let sql = format!("SELECT {SWEEP} FROM sweeps WHERE webhook = ?1");
        self.conn
            .prepare_cached(&sql)
            .and_then(|mut s| s.query_row([webhook.0], read_sweep).optional())
            .map_err(sick)
    }

    fn write_sweep(&self, sweep: &Sweep) -> Result<()> {
        let sql = format!(
            "INSERT OR REPLACE INTO sweeps ({SWEEP}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"
        );
        let given = params![
            sweep.webhook.0,
            sweep.project.0,
            errand_code(sweep.errand),
            sweep.at.0,
            sweep.end.0,
            sweep.after.0,
            sweep.last.0,
            sweep.count.cast_signed(),
        ];
        self.run_made(&sql, given).map(drop)
    }

    /// A sweep and the absence that it comes to next.
    fn next_absence(&self, webhook: WebhookId) -> Result<(Sweep, Option<Absence>)> {
        let sweep = self.sweep(webhook)?.ok_or(StoreError::NotFound)?;
        let all = absences(self.conn, webhook)?;
        let next = all.into_iter().find(|a| sweep.concerns(a));
        Ok((sweep, next))
    }

    pub(crate) fn sweep_deliveries(&mut self, webhook: WebhookId, rows: usize) -> Result<Swept> {
        let (mut sweep, absence) = self.next_absence(webhook)?;
        let bound = sweep.bound(absence.as_ref());
        let ids = self.chosen(&sweep, bound, rows)?;
        for id in &ids {
            self.deal_with(*id, sweep.errand)?;
        }
        let full = ids.len() == rows;
        sweep.deliveries_done(&ids, full, bound);
        let next = match absence {
            _ if full => Next::Deliveries,
            Some(absence) => Next::Events {
                after: absence.since,
                until: absence.until,
            },
            None => Next::Nothing,
        };
        if next == Next::Nothing {
            self.run("DELETE FROM sweeps WHERE webhook = ?1", [webhook.0])?;
        } else {
            self.write_sweep(&sweep)?;
        }
        Ok(Swept { sweep, next })
    }

    /// The next deliveries of a sweep, oldest first: state by state, so that the index of the states serves.
    fn chosen(&self, sweep: &Sweep, bound: DeliveryId, rows: usize) -> Result<Vec<DeliveryId>> {
        let mut ids = Vec::new();
        let mut statement = self
            .conn
            .prepare_cached(
                "SELECT id FROM deliveries WHERE webhook = ?1 AND state = ?2 AND state > 1 AND id > ?3 AND id <= ?4
                 AND made_by <> ?5 ORDER BY id LIMIT ?6",
            )
            .map_err(sick)?;
        for state in states(sweep.errand) {
            let given = params![
                sweep.webhook.0,
                state,
                sweep.at.0,
                bound.0,
                trigger_code(Trigger::Test),
                limit(rows)
            ];
            let found = statement
                .query_map(given, |row| row.get(0).map(DeliveryId))
                .map_err(sick)?;
            for id in found {
                ids.push(id.map_err(sick)?);
            }
        }
        ids.sort_unstable();
        ids.truncate(rows);
        Ok(ids)
    }

    fn deal_with(&mut self, id: DeliveryId, errand: Errand) -> Result<()> {
        let trigger = match errand {
            Errand::Skip => {
                let skip = "UPDATE deliveries SET state = ?2 WHERE id = ?1";
                return self.run(skip, [id.0, SKIPPED]).map(drop);
            }
            Errand::Deliver => Trigger::Recover,
            Errand::Resend { .. } => Trigger::Resend,
        };
        self.totals.waiting += 1;
        self.run(
            "UPDATE deliveries SET state = ?2, waiting = 1, tries = 0, first_try_ms = NULL, due_ms = NULL, wait_ms = 0,
             next_trigger = ?3 WHERE id = ?1",
            params![id.0, PENDING, trigger_code(trigger)],
        )
        .map(drop)
    }

    pub(crate) fn sweep_events(
        &mut self,
        webhook: WebhookId,
        until: EventId,
        messages: &[NewMessage],
    ) -> Result<Swept> {
        let (mut sweep, absence) = self.next_absence(webhook)?;
        let mut absence = absence.ok_or(StoreError::Conflict("sweep"))?;
        // An event may say several things under one code: what was told is what was told before this step.
        let mut new = Vec::new();
        for message in messages {
            if !self.was_told(webhook, message)? {
                new.push(message);
            }
        }
        let made = new.len();
        let mut behind = Behind::new();
        for message in new {
            let id = absence.take_id().unwrap_or_else(|| self.next_delivery());
            self.make_up((webhook, id), message, sweep.errand, &mut behind)?;
        }
        self.drop_absence(webhook, absence.since)?;
        let whole = until >= absence.until;
        if !whole {
            absence.since = until.max(absence.since);
            self.put_absence(webhook, &absence)?;
        }
        sweep.events_done(made, &absence, whole);
        self.write_sweep(&sweep)?;
        Ok(Swept {
            sweep,
            next: Next::Deliveries,
        })
    }

    /// One delivery per event, code and webhook, ever.
    fn was_told(&self, webhook: WebhookId, new: &NewMessage) -> Result<bool> {
        self.conn
            .prepare_cached(
                "SELECT 1 FROM messages m JOIN deliveries d ON d.id BETWEEN m.id AND m.last
                 WHERE m.event = ?1 AND m.code = ?2 AND m.event IS NOT NULL AND d.webhook = ?3",
            )
            .and_then(|mut s| s.exists(params![new.event.0, new.code, webhook.0]))
            .map_err(sick)
    }

    /// A delivery for something that was missed.
    fn make_up(
        &mut self,
        (webhook, id): (WebhookId, DeliveryId),
        new: &NewMessage,
        errand: Errand,
        behind: &mut Behind,
    ) -> Result<()> {
        let message = Arc::new(new.numbered(id.0));
        self.insert_without_trail(&message, id, &new.title)?;
        self.lay_trails_behind(&message, behind)?;
        let waits = errand != Errand::Skip;
        let state = if waits { PENDING } else { SKIPPED };
        let trigger = Trigger::Recover;
        self.insert_delivery(id, &message, Some(webhook), state, trigger)?;
        if waits {
            let queued = Queued::new(id, webhook, message, trigger);
            self.announce.push(queued);
        }
        Ok(())
    }
}
