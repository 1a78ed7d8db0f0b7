//! How a webhook fared: hour by hour for a day, each change of its health, and how far a sweep is.

use std::collections::{BTreeMap, BTreeSet};

use tidings_domain::webhook::{DisabledReason, HealthState, Shift};
use tidings_domain::{
    Collection, DeliveryId, EventId, Fault, ObjectRef, Project, Time, Value, WebhookId, time,
};
use tidings_storage::{AsOf, Errand, Hour, created_ms, hour_of};

use super::{pages_open, whole};
use crate::reader::object;
use crate::refusal::refusal;
use crate::{Access, App, Caller, Listed, Paging};

const HOUR_MS: i64 = 3_600_000;
const MINUTE_MS: i64 = 60_000;
const DAY_SECONDS: i64 = 86_400;
/// Hours of a day's chart, this one included.
const HOURS: i64 = 24;

impl App {
    /// What a webhook delivered and failed in the last day.
    pub async fn webhook_hours(
        &self,
        caller: &Caller,
        project: &Project,
        id: i64,
    ) -> Result<Value, Fault> {
        Access::Watch.check(caller)?;
        pages_open(project)?;
        self.find_webhook(project, id).await?;
        let mut all = self.days_of(&[id]).await?;
        Ok(all.remove(&id).unwrap_or_default())
    }

    /// The last day of each of those webhooks, which the caller was shown before; read at once.
    pub async fn days_of(&self, ids: &[i64]) -> Result<BTreeMap<i64, Value>, Fault> {
        let webhooks: Vec<WebhookId> = ids.iter().map(|id| WebhookId(*id)).collect();
        let hours = self.engine.hours(&webhooks).await.map_err(refusal)?;
        let day = |id: &i64| {
            let own: Vec<Hour> = hours
                .iter()
                .filter(|h| h.webhook.0 == *id)
                .copied()
                .collect();
            (*id, self.show_day(WebhookId(*id), &own))
        };
        Ok(ids.iter().map(day).collect())
    }

    fn show_day(&self, webhook: WebhookId, known: &[Hour]) -> Value {
        let now = hour_of(self.engine.server_ms());
        let sum = |of: fn(&Hour) -> u32| whole(known.iter().map(|h| u64::from(of(h))).sum());
        let one = |hour: i64| {
            let found = known.iter().find(|h| h.hour == hour);
            let count = |of: fn(&Hour) -> u32| i64::from(found.map_or(0, of)).into();
            // Server time and the wall clock may be some seconds apart.
            let start = self.engine.wall_of(hour * HOUR_MS) + MINUTE_MS / 2;
            let start = Time::from_millisecond(start - start.rem_euclid(MINUTE_MS));
            object([
                (
                    "start",
                    start.map_or(Value::Null, |at| time::value(time::cut(at))),
                ),
                ("accepted", count(|h| h.accepted)),
                ("failed", count(|h| h.failed)),
            ])
        };
        let speed = self.engine.speed(webhook);
        let ms = |of: fn(tidings_delivery::Speed) -> u32| speed.map(|s| i64::from(of(s))).into();
        object([
            ("accepted", sum(|h| h.accepted)),
            ("failed", sum(|h| h.failed)),
            ("median_ms", ms(|s| s.median_ms)),
            ("last_ms", ms(|s| s.last_ms)),
            (
                "hours",
                Value::List((now - HOURS + 1..=now).map(one).collect()),
            ),
        ])
    }

    /// Each change of a webhook's health, newest first.
    pub async fn webhook_history(
        &self,
        caller: &Caller,
        project: &Project,
        id: i64,
        paging: Paging,
    ) -> Result<Listed, Fault> {
        Access::Watch.check(caller)?;
        pages_open(project)?;
        self.find_webhook(project, id).await?;
        let page = self
            .store
            .shifts(project.id, WebhookId(id), paging.from, paging.limit)
            .await
            .map_err(refusal)?;
        let shifts: Vec<&Shift> = page.data.iter().map(|(_, shift)| shift).collect();
        let names = self.names_of(project, &shifts).await?;
        Ok(Listed {
            data: shifts.iter().map(|s| show_shift(s, &names)).collect(),
            next: page.next,
        })
    }

    /// The names of the members that changed a webhook, also of those that are gone.
    async fn names_of(
        &self,
        project: &Project,
        shifts: &[&Shift],
    ) -> Result<BTreeMap<i64, String>, Fault> {
        let members: BTreeSet<i64> = shifts.iter().filter_map(|s| member_of(s)).collect();
        let mut names = BTreeMap::new();
        if members.is_empty() {
            return Ok(names);
        }
        let read = |snapshot: &dyn tidings_storage::Snapshot| {
            for id in members {
                if let Some(person) = snapshot.person(id) {
                    let name = [person.text("first_name"), person.text("last_name")];
                    names.insert(id, name.join(" ").trim().to_owned());
                }
            }
        };
        let done = self.store.read(project.id, AsOf::Now, Box::new(read)).await;
        done.map_err(refusal)?;
        Ok(names)
    }

    /// How far the sweep of a webhook is (a recovery, or a resend in bulk), or how the last one ended.
    pub async fn sweep_progress(
        &self,
        caller: &Caller,
        project: &Project,
        id: i64,
    ) -> Result<Value, Fault> {
        Access::Watch.check(caller)?;
        pages_open(project)?;
        self.find_webhook(project, id).await?;
        let webhook = WebhookId(id);
        let left = self.store.sweep_left(webhook).await.map_err(refusal)?;
        let ended = self.engine.sweep_ended(webhook);
        // What was brought back is through when it is out of the queue again.
        let brought = match (&left, &ended) {
            (Some(left), _) if left.sweep.errand != Errand::Skip => {
                Some((DeliveryId(0), left.sweep.at))
            }
            (None, Some(ended)) if ended.errand != Errand::Skip => Some(ended.ids),
            _ => None,
        };
        let done = match (&left, &ended) {
            (Some(left), _) => left.sweep.count,
            (None, ended) => ended.map_or(0, |e| e.progress.count),
        };
        let waiting = match brought {
            Some(ids) if done > 0 => self.store.waiting_among(webhook, ids).await,
            _ => Ok(0),
        };
        let remaining = left.as_ref().map_or(0, |l| l.deliveries + l.events);
        let complete = left.is_none() && ended.is_none_or(|e| e.progress.complete);
        let errand = left.as_ref().map(|left| match left.sweep.errand {
            Errand::Deliver => "deliver",
            Errand::Skip => "skip",
            Errand::Resend { .. } => "resend",
        });
        Ok(object([
            ("running", errand.is_some().into()),
            ("errand", errand.into()),
            ("done", whole(done)),
            ("remaining", whole(remaining)),
            ("total", whole(done + remaining)),
            ("waiting", whole(waiting.map_err(refusal)?.min(done))),
            ("complete", complete.into()),
        ]))
    }

    /// Since when a webhook may have missed something that can be brought back: since it stopped being well, since the oldest delivery
    /// that is parked, since the first event that it missed. `None`: it missed nothing.
    pub async fn missed_since(
        &self,
        caller: &Caller,
        project: &Project,
        id: i64,
    ) -> Result<Option<Time>, Fault> {
        Access::Watch.check(caller)?;
        pages_open(project)?;
        let (webhook, health, _) = self.find_webhook(project, id).await?;
        let stopped = health.since.filter(|_| health.state != HealthState::Ok);
        let stopped = stopped.and_then(|at| time::parse(&at));
        let parked = self.store.oldest_parked(webhook.id).await;
        let parked = parked.map_err(refusal)?.map(created_ms);
        let missed = self.store.missed(webhook.id, 0, EventId(0), 1).await;
        let missed = missed.map_err(refusal)?;
        let missed = missed.first().map(|first| first.recorded_ms);
        let first = parked.into_iter().chain(missed).min();
        let first = first.and_then(|ms| Time::from_millisecond(ms).ok());
        let since = stopped.into_iter().chain(first).min();
        // From before that, nothing is kept; a minute, as fields for times have no seconds.
        let kept = self.settings().retention;
        let days = i64::from(kept.days.max(kept.held_days));
        let oldest = self.clock.wall().as_second() - days * DAY_SECONDS + 60;
        let oldest = Time::from_second(oldest).ok();
        Ok(since.map(|since| oldest.map_or(since, |oldest| since.max(oldest))))
    }
}

fn member_of(shift: &Shift) -> Option<i64> {
    shift.by.as_deref()?.strip_prefix("member:")?.parse().ok()
}

fn show_shift(shift: &Shift, names: &BTreeMap<i64, String>) -> Value {
    object([
        ("at", shift.at.clone().into()),
        ("state", shift.state.as_str().into()),
        ("reason", shift.reason.map(DisabledReason::as_str).into()),
        (
            "by",
            shift
                .by
                .as_deref()
                .map_or(Value::Null, |by| show_by(by, names)),
        ),
        ("consecutive_failures", i64::from(shift.failures).into()),
        ("last_status", shift.status.map(i64::from).into()),
    ])
}

/// A person or a program, as [`Caller::signature`] wrote it.
fn show_by(by: &str, names: &BTreeMap<i64, String>) -> Value {
    let (kind, rest) = by.split_once(':').unwrap_or((by, ""));
    let member = rest.parse().ok().filter(|_| kind == "member");
    let reference = member.map(|id| ObjectRef::new(Collection::Members, id).to_string());
    let name = match (kind, member) {
        (_, Some(id)) => names.get(&id).cloned(),
        ("administrator", _) if rest.is_empty() => None,
        _ => Some(rest.to_owned()),
    };
    object([
        ("kind", kind.into()),
        ("member", reference.into()),
        ("name", name.into()),
    ])
}
