//! Retention: one small step at a time, between other requests.

use rusqlite::params;
use tidings_domain::DeliveryId;
use tidings_domain::delivery::Trigger;
use tidings_storage::{MEMO_KEPT_MS, Pruned, Retention, created_ms};

use crate::codes::{EXPIRED, Result, limit, sick, trigger_code};
use crate::question::first_id;
use crate::writer::Writer;

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// Pages given back to the file system per step.
const PAGES: i64 = 256;

impl Writer<'_> {
    pub(crate) fn prune(
        &mut self,
        now_ms: i64,
        retention: Retention,
        step: usize,
    ) -> Result<Pruned> {
        let mut pruned = Pruned::default();
        // What a deletion left when the server stopped.
        if let Some(project) = self.hidden_project()? {
            pruned.more |= !self.empty_project(project, step)?;
        }
        if let Some(webhook) = self.hidden_webhook()? {
            pruned.more |= !self.skip_queue(webhook, step)?;
        }
        let days_ago = |days: u32| now_ms.saturating_sub(i64::from(days) * DAY_MS);
        self.expire(days_ago(retention.held_days), step, &mut pruned)?;
        let kept_from = days_ago(retention.days);
        self.prune_deliveries(kept_from, retention, step, &mut pruned)?;
        self.prune_segments()?;
        self.prune_states(now_ms, kept_from, step, &mut pruned)?;
        let audited = self.prune_audit(days_ago(retention.audit_days), step)?;
        pruned.removed += audited as u64;
        pruned.more |= audited == step;
        self.give_back()?;
        Ok(pruned)
    }

    /// What waits aside for too long.
    fn expire(&mut self, before_ms: i64, step: usize, pruned: &mut Pruned) -> Result<()> {
        let parked = "d.state = 2 AND d.state > 1";
        let held = "d.waiting = 1 AND d.state = 0 AND EXISTS (SELECT 1 FROM healths h WHERE h.webhook = w.id AND h.paused = 1)";
        for (which, queued) in [(parked, false), (held, true)] {
            // Webhook by webhook, so that the indexes of the states serve.
            let sql = format!(
                "UPDATE deliveries SET state = {EXPIRED}, waiting = 0, due_ms = NULL WHERE id IN
                 (SELECT d.id FROM webhooks w CROSS JOIN deliveries d ON d.webhook = w.id
                  WHERE w.deleted = 0 AND {which} AND d.id < ?1 LIMIT ?2)"
            );
            let expired = self.run_made(&sql, params![first_id(before_ms), limit(step)])?;
            self.waits_less(if queued { expired } else { 0 });
            pruned.expired += expired as u64;
            pruned.more |= expired == step;
        }
        Ok(())
    }

    fn prune_deliveries(
        &mut self,
        kept_from: i64,
        retention: Retention,
        step: usize,
        pruned: &mut Pruned,
    ) -> Result<()> {
        let most = |limit: u64| i64::try_from(limit).unwrap_or(i64::MAX);
        let rows_over = match retention.max_rows {
            0 => 0,
            max => self.totals.rows.saturating_sub(most(max)).max(0),
        };
        let bytes_over = match retention.max_bytes {
            0 => 0,
            max => self.totals.bytes.saturating_sub(most(max)).max(0),
        };
        // What waits or is parked stays, however old: the next step goes on behind it.
        let mut statement = self
            .conn
            .prepare_cached(
                "SELECT id FROM deliveries WHERE id > ?1 AND waiting = 0 AND state <> 2 ORDER BY id LIMIT ?2",
            )
            .map_err(sick)?;
        let found = statement
            .query_map(params![self.prune_from, limit(step + 1)], |row| {
                row.get::<_, i64>(0)
            })
            .map_err(sick)?;
        let candidates = found.collect::<rusqlite::Result<Vec<_>>>().map_err(sick)?;
        drop(statement);
        let oldest_kept = first_id(kept_from);
        let mut ids = Vec::new();
        let mut freed = 0;
        for id in candidates.iter().take(step) {
            let counted = i64::try_from(ids.len()).unwrap_or(i64::MAX);
            if *id >= oldest_kept && counted >= rows_over && freed >= bytes_over {
                break;
            }
            if *id >= oldest_kept && bytes_over > 0 {
                freed += self.size_of(*id)?;
            }
            ids.push(*id);
        }
        if rows_over > 0 || bytes_over > 0 {
            // The events of the first that stays do too.
            let at = |id: &i64| created_ms(DeliveryId(*id));
            let reached = candidates.get(ids.len()).map(at);
            let reached = reached.or(ids.last().map(|id| at(id) + 1));
            self.prune_events_to = self.prune_events_to.max(reached.unwrap_or(0));
        }
        self.remove_deliveries(&ids)?;
        pruned.removed += ids.len() as u64;
        let full = ids.len() == step;
        pruned.more |= full;
        // Another round from the start finds what was settled since.
        self.prune_from = ids.last().copied().filter(|_| full).unwrap_or_default();
        Ok(())
    }

    fn size_of(&self, delivery: i64) -> Result<i64> {
        self.conn
            .prepare_cached(
                "SELECT (SELECT coalesce(sum(length(body)), 0) FROM attempts WHERE delivery = ?1)
                 + (SELECT coalesce(sum(length(body)), 0) FROM messages WHERE id = ?1)",
            )
            .and_then(|mut s| s.query_row([delivery], |row| row.get(0)))
            .map_err(sick)
    }

    /// Removes deliveries with their attempts, and messages that nobody needs any more.
    pub(crate) fn remove_deliveries(&mut self, ids: &[i64]) -> Result<()> {
        for id in ids {
            let (message, attempts, triggers, waiting): (i64, i64, i64, i64) = self
                .conn
                .prepare_cached(
                    "SELECT message, (SELECT coalesce(sum(length(CAST(body AS BLOB))), 0) FROM attempts WHERE delivery = ?1),
                     triggers | (1 << made_by), waiting FROM deliveries WHERE id = ?1",
                )
                .and_then(|mut s| {
                    s.query_row([id], |row| {
                        Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
                    })
                })
                .map_err(sick)?;
            self.forget_triggers(*id, triggers)?;
            self.run("DELETE FROM attempts WHERE delivery = ?1", [id])?;
            self.run("DELETE FROM deliveries WHERE id = ?1", [id])?;
            self.totals.rows -= 1;
            self.totals.bytes -= attempts;
            self.totals.waiting -= waiting;
            self.remove_message(message)?;
        }
        Ok(())
    }

    fn forget_triggers(&self, delivery: i64, triggers: i64) -> Result<()> {
        for trigger in Trigger::ALL.iter().filter(|t| **t != Trigger::Event) {
            let code = trigger_code(*trigger);
            if triggers & (1 << code) != 0 {
                self.run(
                    "DELETE FROM delivery_triggers WHERE delivery = ?1 AND reason = ?2
                     AND project = (SELECT project FROM deliveries WHERE id = ?1)",
                    [delivery, code],
                )?;
            }
        }
        Ok(())
    }

    fn remove_message(&mut self, id: i64) -> Result<()> {
        let needless = self
            .conn
            .prepare_cached(
                "SELECT project, object, roots, length(body) FROM messages m WHERE id = ?1
                 AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.id BETWEEN m.id AND m.last)",
            )
            .and_then(|mut s| {
                let mut rows = s.query([id])?;
                match rows.next()? {
                    Some(row) => Ok(Some((
                        row.get::<_, i64>(0)?,
                        row.get::<_, String>(1)?,
                        row.get::<_, String>(2)?,
                        row.get::<_, i64>(3)?,
                    ))),
                    None => Ok(None),
                }
            })
            .map_err(sick)?;
        if let Some((project, object, roots, bytes)) = needless {
            for object in roots.split_whitespace().chain([object.as_str()]) {
                self.run(
                    "DELETE FROM message_objects WHERE project = ?1 AND object = ?2 AND message = ?3",
                    params![project, object, id],
                )?;
            }
            self.run("DELETE FROM messages WHERE id = ?1", [id])?;
            self.totals.bytes -= bytes;
        }
        Ok(())
    }

    /// Events, and the states that only older events needed.
    fn prune_states(
        &mut self,
        now_ms: i64,
        kept_from: i64,
        step: usize,
        pruned: &mut Pruned,
    ) -> Result<()> {
        // For room, as far as the log reaches; but what a webhook missed is as good as parked.
        let events = self.run(
            "DELETE FROM events WHERE id IN (SELECT id FROM events ORDER BY id LIMIT ?1)
             AND (recorded_ms < ?2
                  OR (recorded_ms < ?3 AND id <= (SELECT coalesce(min(since), 9223372036854775807) FROM absences)))",
            params![limit(step), kept_from, self.prune_events_to],
        )?;
        pruned.removed += events as u64;
        pruned.more |= events == step;
        let oldest: i64 = self
            .conn
            .prepare_cached("SELECT coalesce(min(id), ?1) FROM events")
            .and_then(|mut s| s.query_row([self.totals.event + 1], |row| row.get(0)))
            .map_err(sick)?;
        self.prune_objects(oldest, step, pruned)?;
        let trails = self.prune_trails(step)?;
        pruned.removed += trails as u64;
        pruned.more |= trails == step;
        for sql in [
            "DELETE FROM old_projects WHERE rowid IN (SELECT rowid FROM old_projects WHERE until < ?1 LIMIT ?2)",
            "DELETE FROM links WHERE (project, to_collection, to_id, from_collection, member, from_id, since) IN
             (SELECT project, to_collection, to_id, from_collection, member, from_id, since FROM links
              WHERE until < ?1 AND until < 9223372036854775807 LIMIT ?2)",
        ] {
            let states = self.run(sql, params![oldest, limit(step)])?;
            pruned.removed += states as u64;
            pruned.more |= states == step;
        }
        self.run(
            "DELETE FROM absences WHERE (webhook, since) IN (SELECT webhook, since FROM absences WHERE until < ?1 LIMIT ?2)",
            params![oldest, limit(step)],
        )?;
        pruned.more |= self.prune_shifts(kept_from, step)? == step;
        let memos = self.run(
            "DELETE FROM memos WHERE (scope, key) IN (SELECT scope, key FROM memos WHERE made_ms <= ?1 LIMIT ?2)",
            params![now_ms.saturating_sub(MEMO_KEPT_MS), limit(step)],
        )?;
        pruned.more |= memos == step;
        Ok(())
    }

    /// States of objects that were replaced before the oldest event. Those that replaced them are looked through in their order.
    fn prune_objects(&mut self, oldest: i64, step: usize, pruned: &mut Pruned) -> Result<()> {
        let mut statement = self
            .conn
            .prepare_cached(
                "SELECT since, id, before FROM states WHERE (since, id) > (?1, ?2) AND since < ?3 ORDER BY since, id LIMIT ?4",
            )
            .map_err(sick)?;
        let (since, id) = self.prune_states_from;
        let found = statement
            .query_map(params![since, id, oldest, limit(step)], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get::<_, Option<i64>>(2)?))
            })
            .map_err(sick)?;
        let found: Vec<(i64, i64, _)> = found.collect::<rusqlite::Result<_>>().map_err(sick)?;
        drop(statement);
        for before in found.iter().filter_map(|(_, _, before)| *before) {
            let removed = self.run("DELETE FROM states WHERE id = ?1", [before])?;
            pruned.removed += removed as u64;
        }
        if let Some((since, id, _)) = found.last() {
            self.prune_states_from = (*since, *id);
        }
        pruned.more |= found.len() == step;
        Ok(())
    }

    fn give_back(&self) -> Result<()> {
        let sql = format!("PRAGMA incremental_vacuum({PAGES})");
        let mut statement = self.conn.prepare_cached(&sql).map_err(sick)?;
        // Each row of the answer is a page given back.
        let mut rows = statement.query([]).map_err(sick)?;
        while rows.next().map_err(sick)?.is_some() {}
        Ok(())
    }
}
