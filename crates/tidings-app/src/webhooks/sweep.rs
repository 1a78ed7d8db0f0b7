//! A webhook's past, in bulk: delivering or skipping what it missed, resending what was given up.

use tidings_domain::{Fault, Project, Time, Value, time};
use tidings_storage::audit::{AuditChange, AuditEntry};
use tidings_storage::{Errand, NewSweep, StoreError};

use super::{check_lock, may_send};
use crate::audit::Changed;
use crate::reader::Reader;
use crate::refusal::refusal;
use crate::{Access, App, Caller};

const DAY_SECONDS: i64 = 24 * 3600;
/// The states that a resend in bulk takes.
const STATES: [&str; 2] = ["failed", "expired"];

/// With how much a recovery or a resend in bulk dealt, or would deal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SweepAnswer {
    /// Deliveries.
    pub count: u64,
    /// Nothing was done.
    pub dry_run: bool,
    /// Whether that was all; else it goes on without the caller.
    pub complete: bool,
}

impl App {
    /// Delivers or skips what was missed since a time.
    pub async fn recover_webhook(
        &self,
        caller: &Caller,
        project: &Project,
        id: i64,
        body: &Value,
    ) -> Result<SweepAnswer, Fault> {
        self.recover(caller, project, (id, body), false).await
    }

    /// The same with `dry_run`, for whoever waits for a page: counts only as far as can be seen at once, and says whether that was all.
    pub async fn count_missed(
        &self,
        caller: &Caller,
        project: &Project,
        id: i64,
        body: &Value,
    ) -> Result<SweepAnswer, Fault> {
        self.recover(caller, project, (id, body), true).await
    }

    async fn recover(
        &self,
        caller: &Caller,
        project: &Project,
        (id, body): (i64, &Value),
        at_once: bool,
    ) -> Result<SweepAnswer, Fault> {
        Access::Manage.check(caller)?;
        may_send(project)?;
        let (webhook, _, _) = self.find_webhook(project, id).await?;
        let mut reader = Reader::new(body, "")?;
        let kept = self.settings().retention;
        // What is parked is kept longer than what was missed.
        let since = self.read_since(&mut reader, kept.days.max(kept.held_days));
        let mode = reader.word("mode", &["deliver", "skip"]);
        let mode = reader.require("mode", mode);
        let dry_run = reader.flag("dry_run").unwrap_or_default();
        reader.finish()?;
        let errand = if mode == Some("deliver") {
            Errand::Deliver
        } else {
            Errand::Skip
        };
        if errand == Errand::Deliver && !webhook.enabled && !dry_run {
            // It also enables.
            check_lock(caller, &webhook)?;
        }
        let new = NewSweep {
            webhook: webhook.id,
            errand,
            since_ms: since.map_or(0, Time::as_millisecond),
            until_ms: None,
        };
        if at_once {
            let counted = self.engine.count_some(new).await.map_err(refusal)?;
            return Ok(SweepAnswer {
                count: counted.count,
                dry_run: true,
                complete: counted.complete,
            });
        }
        let mut changed = Changed::webhook("webhook.recover", project, &webhook)
            .with(AuditChange::new("since", Value::Null, shown(since)))
            .with(AuditChange::new("mode", Value::Null, mode.into()));
        if errand == Errand::Deliver && !webhook.enabled {
            changed = changed.with(AuditChange::new("enabled", false.into(), true.into()));
        }
        self.sweep(caller, new, dry_run, changed.by(caller)).await
    }

    /// Sends again what was given up since a time.
    pub async fn resend_webhook(
        &self,
        caller: &Caller,
        project: &Project,
        id: i64,
        body: &Value,
    ) -> Result<SweepAnswer, Fault> {
        Access::Manage.check(caller)?;
        may_send(project)?;
        let (webhook, _, _) = self.find_webhook(project, id).await?;
        let mut reader = Reader::new(body, "")?;
        let since = self.read_since(&mut reader, self.settings().retention.days);
        let until = reader.time_or_null("until").flatten();
        if let (Some(since), Some(until)) = (since, until)
            && until <= since
        {
            reader.refuse("until", "range", "must be after since");
        }
        let states = read_states(&mut reader);
        let dry_run = reader.flag("dry_run").unwrap_or_default();
        reader.finish()?;
        let wants = |state| states.contains(&state);
        let new = NewSweep {
            webhook: webhook.id,
            errand: Errand::Resend {
                failed: wants("failed"),
                expired: wants("expired"),
            },
            since_ms: since.map_or(0, Time::as_millisecond),
            until_ms: until.map(Time::as_millisecond),
        };
        if !webhook.enabled {
            return Err(webhook_disabled());
        }
        let changed = Changed::webhook("webhook.resend", project, &webhook)
            .with(AuditChange::new("since", Value::Null, shown(since)))
            .with(AuditChange::new("until", Value::Null, shown(until)))
            .with(AuditChange::new("states", Value::Null, states.into()));
        self.sweep(caller, new, dry_run, changed.by(caller)).await
    }

    async fn sweep(
        &self,
        caller: &Caller,
        new: NewSweep,
        dry_run: bool,
        entry: AuditEntry,
    ) -> Result<SweepAnswer, Fault> {
        if dry_run {
            let counted = self.engine.count_sweep(new).await.map_err(refusal)?;
            return Ok(SweepAnswer {
                count: counted.count,
                dry_run,
                complete: counted.complete,
            });
        }
        let engine = self.engine.on_behalf_of(&caller.signature());
        let engine = engine.noting(entry);
        let done = engine.sweep(new).await.map_err(sweep_refusal)?;
        Ok(SweepAnswer {
            count: done.count,
            dry_run,
            complete: done.complete,
        })
    }

    fn read_since(&self, reader: &mut Reader<'_>, days: u32) -> Option<Time> {
        let since = reader.time("since");
        let since = reader.require("since", since)?;
        let now = self.clock.wall().as_second();
        let kept = i64::from(days) * DAY_SECONDS;
        let oldest = now.saturating_sub(kept);
        if since.as_second() > now {
            reader.refuse("since", "range", "lies in the future");
        } else if since.as_second() < oldest
            && let Ok(oldest) = Time::from_second(oldest)
        {
            let detail = format!(
                "is before what is kept; the oldest is {}",
                time::show(oldest)
            );
            reader.refuse("since", "before_retention", detail);
        }
        Some(since)
    }
}

fn shown(at: Option<Time>) -> Value {
    at.map_or(Value::Null, time::value)
}

/// The states to resend, at least one.
fn read_states(reader: &mut Reader<'_>) -> Vec<&'static str> {
    let given = reader.raw("states");
    let Some(given) = reader.require("states", given) else {
        return Vec::new();
    };
    let Value::List(words) = given else {
        reader.refuse("states", "wrong_type", "must be a list");
        return Vec::new();
    };
    let mut states = Vec::new();
    for (place, word) in words.iter().enumerate() {
        let known = STATES.iter().find(|s| word.as_str() == Some(**s));
        states.extend(known.copied());
        if known.is_none() {
            let detail = "must be \"failed\" or \"expired\"";
            reader.refuse_at(&format!("states/{place}"), "unknown_word", detail);
        }
    }
    if words.is_empty() {
        reader.refuse("states", "required", "name \"failed\", \"expired\" or both");
    }
    states
}

fn webhook_disabled() -> Fault {
    Fault::conflict(
        "",
        "webhook_disabled",
        "the webhook is disabled; enable it first, or recover what it missed",
    )
}

/// What keeps a sweep from beginning.
fn sweep_refusal(error: StoreError) -> Fault {
    match error {
        StoreError::Conflict("sweep") => Fault::conflict(
            "",
            "recovering",
            "another recovery or resend of this webhook is under way; ask again when it is through",
        ),
        StoreError::Conflict("webhook_disabled") => webhook_disabled(),
        StoreError::Conflict("webhooks_off") => Fault::forbidden(
            "webhooks_off",
            "webhooks were switched off in this project meanwhile",
        ),
        other => refusal(other),
    }
}
