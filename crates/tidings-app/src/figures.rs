//! The server at work: how much waits, how fast it goes out, what is slow; and what changes right now.

use std::sync::Arc;

use tidings_delivery::{EngineFigures, Slow};
pub use tidings_delivery::{News, Watch};
use tidings_domain::webhook::Webhook;
use tidings_domain::{Fault, Project, ProjectId, Time, Value, WebhookId, time};
use tidings_storage::{Oldest, StoreFigures, created_ms};

use crate::objects::Written;
use crate::reader::object;
use crate::refusal::refusal;
use crate::webhooks::{pages_open, whole};
use crate::{Access, App, Caller};

/// Health, in the order of the engine's figures.
const STATES: [&str; 4] = ["ok", "backing_off", "paused", "disabled"];

impl App {
    /// The server in numbers.
    pub async fn server_figures(&self, caller: &Caller) -> Result<Value, Fault> {
        Access::Administrator.check(caller)?;
        let store = self.store.figures().await.map_err(refusal)?;
        let engine = self.engine.figures();
        let oldest = match &store.oldest {
            Some(oldest) => self.show_oldest(oldest).await?,
            None => Value::Null,
        };
        let mut slowest = Vec::new();
        for slow in &engine.slowest {
            slowest.extend(self.show_slow(slow).await?);
        }
        Ok(object([
            ("queue", show_queue(&store, oldest)),
            ("sending", show_sending(&engine)),
            ("webhooks", show_states(&engine)),
            ("slowest", Value::List(slowest)),
            ("storage", show_storage(&store)),
        ]))
    }

    async fn place(
        &self,
        project: ProjectId,
        webhook: WebhookId,
    ) -> Result<Option<(String, Arc<Webhook>)>, Fault> {
        let found = self
            .store
            .webhook(project, webhook)
            .await
            .map_err(refusal)?;
        let Some((webhook, _, _)) = found else {
            return Ok(None);
        };
        let mut key = String::new();
        let read = |snapshot: &dyn tidings_storage::Snapshot| {
            key.clone_from(&snapshot.project().key);
        };
        let now = tidings_storage::AsOf::Now;
        match self.store.read(project, now, Box::new(read)).await {
            Ok(()) => Ok(Some((key, webhook))),
            Err(tidings_storage::StoreError::NotFound) => Ok(None),
            Err(error) => Err(refusal(error)),
        }
    }

    async fn show_oldest(&self, oldest: &Oldest) -> Result<Value, Fault> {
        let Some((project, webhook)) = self.place(oldest.project, oldest.webhook).await? else {
            return Ok(Value::Null);
        };
        let made_ms = created_ms(oldest.delivery);
        let age_ms = self.engine.server_ms().saturating_sub(made_ms).max(0);
        let made = Time::from_millisecond(self.engine.wall_of(made_ms));
        Ok(object([
            ("id", oldest.delivery.to_string().into()),
            ("project", project.into()),
            ("webhook", webhook.id.0.into()),
            ("name", webhook.name.clone().into()),
            (
                "created_at",
                made.map_or(Value::Null, |at| time::value(time::cut(at))),
            ),
            ("age_seconds", (age_ms / 1000).into()),
        ]))
    }

    async fn show_slow(&self, slow: &Slow) -> Result<Option<Value>, Fault> {
        let found = self.place(slow.project, slow.webhook).await?;
        Ok(found.map(|(project, webhook)| {
            object([
                ("project", project.into()),
                ("webhook", webhook.id.0.into()),
                ("name", webhook.name.clone().into()),
                ("median_ms", i64::from(slow.speed.median_ms).into()),
                ("last_ms", i64::from(slow.speed.last_ms).into()),
            ])
        }))
    }

    /// Begins to watch what changes in a project from now on. What is told are ids; who may not see deliveries passes over theirs.
    pub fn watch(&self, caller: &Caller, project: &Project) -> Result<Watch, Fault> {
        Access::Project.check(caller)?;
        Ok(self.engine.watch(project.id))
    }

    /// The same for whoever sees the sent log.
    pub fn watch_log(&self, caller: &Caller, project: &Project) -> Result<Watch, Fault> {
        Access::Watch.check(caller)?;
        pages_open(project)?;
        Ok(self.engine.watch(project.id))
    }

    /// Tells whoever watches a project what was just written.
    pub(crate) fn tell_watchers(&self, project: ProjectId, written: &[Written]) {
        for event in written.iter().filter_map(|w| w.event) {
            self.engine.tell(project, News::Event(event));
        }
    }
}

fn show_queue(store: &StoreFigures, oldest: Value) -> Value {
    object([("waiting", whole(store.waiting)), ("oldest", oldest)])
}

fn count(n: usize) -> Value {
    whole(n as u64)
}

fn show_sending(engine: &EngineFigures) -> Value {
    // The last minute is not over: what is told of a minute is of the one before.
    let full = engine.minutes.iter().rev().nth(1).copied();
    let (accepted, failed) = full.unwrap_or_default();
    let minutes = engine.minutes.iter().map(|(accepted, failed)| {
        object([
            ("accepted", i64::from(*accepted).into()),
            ("failed", i64::from(*failed).into()),
        ])
    });
    object([
        ("in_flight", count(engine.in_flight)),
        ("accepted_per_minute", i64::from(accepted).into()),
        ("failed_per_minute", i64::from(failed).into()),
        ("minutes", Value::List(minutes.collect())),
    ])
}

fn show_states(engine: &EngineFigures) -> Value {
    let states = STATES.iter().zip(engine.states);
    let mut all: Vec<(String, Value)> = states
        .map(|(name, n)| ((*name).to_owned(), count(n)))
        .collect();
    all.push(("behind".to_owned(), count(engine.behind)));
    Value::Map(all)
}

fn show_storage(store: &StoreFigures) -> Value {
    object([
        ("deliveries", whole(store.deliveries)),
        ("log_bytes", whole(store.log_bytes)),
        ("file_bytes", whole(store.file_bytes)),
        ("free_bytes", whole(store.free_bytes)),
        ("journal_bytes", whole(store.journal_bytes)),
    ])
}
