//! The handle: what the use cases and the binary ask of the engine.

mod figures;
mod recover;
mod resend;
mod start;
mod testing;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Mutex, RwLock};
use tidings_domain::project::WebhookSwitch;
use tidings_domain::webhook::{DisabledReason, Health, HealthState, Webhook};
use tidings_domain::{Clock, DeliveryId, Entropy, ProjectId, WebhookId};
use tidings_egress::Transport;
use tidings_storage::audit::AuditEntry;
use tidings_storage::{AsOf, LaneCounts, Notes, Store, StoreError};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::announce::{Noted, note_switch};
use crate::carry::Carrier;
use crate::first_tries::{Waiter, Waiters};
use crate::health::By;
use crate::inbox::{Inbox, Input, Wish};
use crate::keep;
use crate::ledger::Ledger;
use crate::live::Live;
use crate::metrics::Metrics;
use crate::request::Keyring;
use crate::settings::Settings;
use crate::shell::Time;
use crate::sweep::Sweeper;
use crate::waiting::Waiting;

pub use figures::EngineFigures;

/// How long the last results may take to be written when the server stops.
const LAST_WRITES: Duration = Duration::from_secs(5);

/// The pause before something the store could not tell is asked for again.
const AGAIN: Duration = Duration::from_millis(500);

/// A webhook that was switched, as it is then.
#[derive(Clone, Debug)]
pub struct Switched {
    /// The webhook.
    pub webhook: Arc<Webhook>,
    /// How it fares.
    pub health: Health,
    /// What waits for it.
    pub counts: LaneCounts,
    /// Whether it was switched the other way before.
    pub changed: bool,
}

/// Makes what is written with it.
pub type Note<'a> = dyn Fn(&Switched) -> Notes + Send + Sync + 'a;

/// Which way a webhook is switched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// On.
    On,
    /// Off, and why.
    Off(DisabledReason),
}

/// What the engine is made of.
pub struct Parts {
    /// Where everything is kept.
    pub store: Arc<dyn Store>,
    /// What sends.
    pub transport: Arc<dyn Transport>,
    /// What opens secrets.
    pub keyring: Arc<dyn Keyring>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Chance, for jitter.
    pub entropy: Arc<dyn Entropy>,
    /// Settings.
    pub settings: Settings,
    /// The other end of what listens to the store's commits.
    pub inbox: Inbox,
}

impl std::fmt::Debug for Parts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Parts")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

struct Inner {
    store: Arc<dyn Store>,
    inbox: Inbox,
    carrier: Arc<Carrier>,
    time: Arc<Time>,
    settings: Arc<RwLock<Settings>>,
    live: Arc<Live>,
    ledger: Arc<Ledger>,
    waiters: Arc<Waiters>,
    metrics: Metrics,
    /// One test at a time per webhook.
    tests: Mutex<HashMap<WebhookId, Arc<tokio::sync::Mutex<()>>>>,
    sweeper: Arc<Sweeper>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

/// A handle of the running engine; clones share it. The second part is on whose behalf it is used: see [`Engine::on_behalf_of`]; the
/// third what the audit log says of what it does: see [`Engine::noting`].
#[derive(Clone)]
pub struct Engine(Arc<Inner>, By, Option<Box<AuditEntry>>);

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Engine")
    }
}

impl Engine {
    async fn ask<T>(&self, input: impl FnOnce(oneshot::Sender<T>) -> Input) -> Option<T> {
        let (to, answer) = oneshot::channel();
        self.0.inbox.push(input(to));
        answer.await.ok()
    }

    /// A webhook was created or edited, as the store has it now. `url_changed`: what the old URL did no longer counts.
    pub async fn webhook_saved(&self, webhook: Arc<Webhook>, url_changed: bool) {
        let is_known = self.ask(|to| Input::Who(webhook.id, to)).await.flatten();
        if is_known.is_some() {
            self.saved(webhook, url_changed, None).await;
            return;
        }
        let Err(error) = self.introduce(&webhook).await else {
            return;
        };
        tracing::warn!(webhook.id = %webhook.id, %error, "how webhook {} stands could not be read, again soon", webhook.id);
        let engine = self.clone();
        self.0.tasks.spawn(async move {
            let stop = engine.0.stop.clone();
            let introduced = async {
                while engine.introduce(&webhook).await.is_err() {
                    tokio::time::sleep(AGAIN).await;
                }
            };
            stop.run_until_cancelled(introduced).await;
        });
    }

    async fn saved(
        &self,
        webhook: Arc<Webhook>,
        url_changed: bool,
        new_in: Option<(bool, Health)>,
    ) {
        let saved = |done| Input::Saved {
            webhook,
            url_changed,
            new_in: new_in.map(Box::new),
            done: Some(done),
        };
        self.ask(saved).await;
    }

    /// Makes the lane of a new webhook. Its deliveries so far, if there are any, wait in the store.
    async fn introduce(&self, webhook: &Arc<Webhook>) -> Result<(), StoreError> {
        match self.stands(webhook).await {
            Ok((latest, on, health)) => self.saved(latest, false, Some((on, health))).await,
            Err(StoreError::NotFound) => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// A webhook as it is by now (it may have been edited since somebody began to ask), whether its project is `on`, and its health.
    async fn stands(&self, webhook: &Webhook) -> Result<(Arc<Webhook>, bool, Health), StoreError> {
        let mut on = false;
        let job = Box::new(|snapshot: &dyn tidings_storage::Snapshot| {
            on = snapshot.project().webhooks == WebhookSwitch::On;
        });
        let store = &self.0.store;
        store.read(webhook.project, AsOf::Now, job).await?;
        let stored = store.webhook(webhook.project, webhook.id).await?;
        let (latest, health, _) = stored.ok_or(StoreError::NotFound)?;
        Ok((latest, on, health))
    }

    /// A webhook was deleted in the store: requests in flight finish and are logged, nothing else is sent.
    pub async fn webhook_deleted(&self, webhook: WebhookId) {
        self.ask(|done| Input::Deleted(webhook, done)).await;
        self.0.waiters.give_up(webhook);
    }

    /// A project was deleted in the store, with its webhooks.
    pub async fn project_deleted(&self, project: ProjectId) {
        self.ask(|done| Input::ProjectDeleted(project, done)).await;
    }

    /// A project's webhooks went `on`, or left it: then what is open is put aside.
    pub async fn project_switched(&self, project: ProjectId, on: bool) {
        self.ask(|done| Input::ProjectSwitched(project, on, done))
            .await;
    }

    async fn wish(&self, webhook: WebhookId, wish: Wish) -> Result<Health, StoreError> {
        let by = self.1.clone();
        let answer = self
            .ask(|to| Input::Wish(webhook, Box::new(wish), by, to))
            .await;
        match answer {
            Some(Some(result)) => result,
            Some(None) => Err(StoreError::NotFound),
            None => Err(StoreError::Unavailable("the engine has stopped".into())),
        }
    }

    /// Switches a webhook on: its count of failures is 0, what was put aside stays there.
    ///
    /// # Errors
    /// The webhook is unknown, or the store cannot write now.
    pub async fn enable(&self, webhook: WebhookId) -> Result<Health, StoreError> {
        let switched = self.switch(webhook, Turn::On, None).await;
        switched.map(|switched| switched.health)
    }

    /// Switches a webhook off; what waits is put aside.
    ///
    /// # Errors
    /// The webhook is unknown, or the store cannot write now.
    pub async fn disable(
        &self,
        webhook: WebhookId,
        reason: DisabledReason,
    ) -> Result<Health, StoreError> {
        let switched = self.switch(webhook, Turn::Off(reason), None).await;
        switched.map(|switched| switched.health)
    }

    /// Switches a webhook on or off. What `note` makes of it is written in the transaction that says so.
    ///
    /// # Errors
    /// The webhook is unknown, or the store cannot write now.
    pub async fn switch(
        &self,
        webhook: WebhookId,
        turn: Turn,
        note: Option<&Note<'_>>,
    ) -> Result<Switched, StoreError> {
        let wish = match turn {
            Turn::On => {
                // What is just being put aside must be so before anything new comes.
                self.ask(|to| Input::WhenParked(webhook, to)).await;
                Wish::Enable
            }
            Turn::Off(reason) => Wish::Disable(reason),
        };
        let health = self.wish(webhook, wish).await?;
        let known = self.ask(|to| Input::Who(webhook, to)).await.flatten();
        let known = known.ok_or(StoreError::NotFound)?;
        let switched = |noted: &Noted| Switched {
            webhook: Arc::clone(&noted.webhook),
            health: health.clone(),
            counts: noted.counts,
            changed: noted.changed,
        };
        let notes_of =
            |noted: &Noted| note.map_or_else(Notes::default, |note| note(&switched(noted)));
        let named = (known.project, webhook);
        let noted = note_switch(&*self.0.store, &self.0.inbox, named, &notes_of);
        let noted = noted.await?.ok_or(StoreError::NotFound)?;
        Ok(switched(&noted))
    }

    /// Puts a webhook on hold: nothing is lost, order is kept.
    ///
    /// # Errors
    /// The webhook is unknown, or the store cannot write now.
    pub async fn pause(&self, webhook: WebhookId) -> Result<Health, StoreError> {
        self.wish(webhook, Wish::Pause(self.note())).await
    }

    /// Lets a paused webhook go on.
    ///
    /// # Errors
    /// The webhook is unknown, or the store cannot write now.
    pub async fn resume(&self, webhook: WebhookId) -> Result<Health, StoreError> {
        self.wish(webhook, Wish::Resume(self.note())).await
    }

    /// How a webhook fares right now.
    pub fn health(&self, webhook: WebhookId) -> Option<Health> {
        self.0.live.health(webhook)
    }

    /// Why deliveries that are pending are not being sent right now, in the order of the question. Empty: the engine has stopped.
    pub async fn waiting(&self, asked: Vec<(WebhookId, DeliveryId)>) -> Vec<Waiting> {
        if asked.is_empty() {
            return Vec::new();
        }
        let answer = self.ask(|to| Input::Waiting(asked, to)).await;
        answer.unwrap_or_default()
    }

    /// The wall clock's time for a moment in stored server time.
    pub fn wall_of(&self, server_ms: i64) -> i64 {
        let now = self.0.time.now();
        let away = server_ms.saturating_sub(now.ms);
        now.wall.as_millisecond().saturating_add(away)
    }

    /// A place for somebody who waits for the first tries of deliveries that were just made; see [`Waiter`]. What goes to a
    /// webhook whose health is not `ok` is not waited for. `None`: too many wait, or too much is asked, or the server stops.
    pub async fn await_first_tries(
        &self,
        deliveries: &[(DeliveryId, WebhookId)],
    ) -> Option<Waiter> {
        let waiter = self.0.waiters.enter(deliveries.iter().copied())?;
        // After taking the place: what goes bad from here on is told.
        let is_bad = |webhook| {
            let health = self.0.live.health(webhook);
            health.is_some_and(|health| health.state != HealthState::Ok)
        };
        let bad: Vec<DeliveryId> = deliveries
            .iter()
            .filter(|(_, webhook)| is_bad(*webhook))
            .map(|(delivery, _)| *delivery)
            .collect();
        if !bad.is_empty() {
            // One of these may be what made it bad: then its try is about to be written.
            let _ = self.ask(Input::WhenWritten).await;
        }
        for delivery in bad {
            waiter.found(delivery);
        }
        Some(waiter)
    }

    /// Everybody who waits for first tries is answered now, and who watches is told the end: the server is about to stop.
    pub fn answer_waiters(&self) {
        self.0.waiters.close();
        self.0.inbox.feed().close();
    }

    /// The settings in force.
    pub fn settings(&self) -> Settings {
        self.0.settings.read().clone()
    }

    /// New settings; they act from the next try on.
    pub fn set_settings(&self, settings: Settings) {
        self.0.settings.write().clone_from(&settings);
        self.0.inbox.push(Input::Settings(Box::new(settings)));
    }

    /// The engine's numbers.
    pub fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    /// Ends at once, as a crash would: nothing is finished, nothing more is written. For a second signal.
    pub fn abort(&self) {
        self.answer_waiters();
        self.0.inbox.push(Input::Stop);
        self.0.stop.cancel();
    }

    /// Stops: starts nothing more, gives what is in flight `grace` to end, cuts off the rest (`interrupted`, tried again after the
    /// next start), writes the results. Calling it again does nothing.
    pub async fn shutdown(&self, grace: Duration) {
        let engine = &self.0;
        if engine.stop.is_cancelled() {
            return;
        }
        self.answer_waiters();
        engine.inbox.push(Input::Close);
        let (to, mut quiet) = oneshot::channel();
        engine.inbox.push(Input::WhenQuiet(to));
        let mut cut_off = tokio::time::timeout(grace, &mut quiet).await;
        if cut_off.is_err() {
            engine.carrier.cut.cancel();
            cut_off = tokio::time::timeout(LAST_WRITES, &mut quiet).await;
        }
        engine.carrier.cut.cancel();
        if let Ok(Ok(cut_off)) = cut_off {
            let now_ms = engine.time.server.now_ms();
            // The last counters of the healthy are written with this answer.
            let closed = async {
                let _ = self.ask(Input::WhenWritten).await;
                if let Err(error) = engine.ledger.write().await {
                    tracing::warn!(%error, "the last minute's counts of webhooks could not be written");
                }
                keep::close(&*engine.store, now_ms, cut_off).await
            };
            if let Ok(Err(error)) = tokio::time::timeout(LAST_WRITES, closed).await {
                tracing::warn!(%error, "the orderly stop could not be noted");
            }
        } else {
            tracing::error!("some results could not be written; their deliveries are tried again");
        }
        engine.inbox.push(Input::Stop);
        engine.stop.cancel();
        engine.tasks.close();
        let _ = tokio::time::timeout(LAST_WRITES, engine.tasks.wait()).await;
    }
}
