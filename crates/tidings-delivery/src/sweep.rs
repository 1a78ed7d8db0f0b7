//! Carries sweeps: brings back what a webhook missed or what was given up, step by step, from old to new.
//!
//! Memory is bounded by a step, whatever the number of events, and others get the store between two steps. While a sweep is under
//! way its lane sends nothing newer than the sweep's place; the lane sends what was brought back while the sweep goes on. Every
//! step is one transaction of the store, which also notes how far the sweep is: the next process goes on from there.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Mutex, RwLock};
use tidings_domain::webhook::{Health, Webhook};
use tidings_domain::{DeliveryId, EventId, ProjectId, WebhookId};
use tidings_storage::audit::AuditEntry;
use tidings_storage::sweep::first_id;
use tidings_storage::{
    Activity, Begun, Deed, Done, Errand, NewMessage, NewSweep, Next, Notes, Store, StoreError,
    Sweep, Swept,
};
use tokio::sync::{Semaphore, oneshot, watch};
use tokio::time::Instant;

use crate::health::By;
use crate::inbox::{Inbox, Input};
use crate::settings::Settings;
use crate::tell::retell;

/// Deliveries brought back in one transaction.
const DELIVERIES: usize = 200;
/// Events made up for in one transaction: a few milliseconds of the store.
const EVENTS: usize = 64;
/// Bytes of bodies in one transaction, from which on no further event is added.
const BYTES: usize = 1 << 20;
/// Steps of all sweeps at once: each renders on a core of its own.
const STEPS: usize = 2;
/// The pause before something the store could not do is asked for again.
const AGAIN: Duration = Duration::from_millis(500);

/// How far a sweep is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Deliveries dealt with.
    pub count: u64,
    /// Whether that was all. If not, it is still under way, or ended early because the webhook went off meanwhile.
    pub complete: bool,
}

/// How a sweep ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// What for it was.
    pub errand: Errand,
    /// With how much it dealt.
    pub progress: Progress,
    /// What it brought back is among these ids of the queue.
    pub ids: (DeliveryId, DeliveryId),
}

/// Who carries sweeps, one at a time per webhook.
pub(crate) struct Sweeper {
    store: Arc<dyn Store>,
    inbox: Inbox,
    settings: Arc<RwLock<Settings>>,
    seats: Mutex<HashMap<WebhookId, Arc<tokio::sync::Mutex<()>>>>,
    steps: Semaphore,
    /// How the last sweep of each webhook ended, for people who look afterwards.
    ended: Mutex<HashMap<WebhookId, Ended>>,
}

/// Holds a lane's newer deliveries back, and lets them go whatever happens to the sweep.
struct Held {
    inbox: Inbox,
    webhook: WebhookId,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.inbox.push(Input::SweepOver(self.webhook));
    }
}

impl Sweeper {
    pub(crate) fn new(
        store: Arc<dyn Store>,
        inbox: Inbox,
        settings: Arc<RwLock<Settings>>,
    ) -> Self {
        Self {
            store,
            inbox,
            settings,
            seats: Mutex::default(),
            steps: Semaphore::new(STEPS),
            ended: Mutex::default(),
        }
    }

    /// The one seat for sweeps of a webhook.
    pub(crate) fn seat(&self, webhook: WebhookId) -> Arc<tokio::sync::Mutex<()>> {
        Arc::clone(self.seats.lock().entry(webhook).or_default())
    }

    async fn ask<T>(&self, input: impl FnOnce(oneshot::Sender<T>) -> Input) -> Option<T> {
        let (to, answer) = oneshot::channel();
        self.inbox.push(input(to));
        answer.await.ok()
    }

    async fn webhook(&self, id: WebhookId) -> Result<Arc<Webhook>, StoreError> {
        let who = self.ask(|to| Input::Who(id, to)).await;
        who.flatten().ok_or(StoreError::NotFound)
    }

    /// A sweep from its beginning.
    pub(crate) async fn sweep(
        &self,
        new: NewSweep,
        (by, note): (By, Option<AuditEntry>),
        far: &watch::Sender<u64>,
    ) -> Result<Progress, StoreError> {
        let id = new.webhook;
        let project = self.webhook(id).await?.project;
        if new.errand == Errand::Skip {
            self.ask(|to| Input::WhenParked(id, to)).await;
            let begun = self.begin(project, new, None, note).await?;
            return self.carry(begun.sweep, far).await;
        }
        let at = DeliveryId(first_id(new.since_ms).0 - 1);
        let held = self
            .ask(|to| Input::HoldBack(id, at, by, to))
            .await
            .flatten();
        let (disabled, health) = held.ok_or(StoreError::NotFound)?;
        let _held = Held {
            inbox: self.inbox.clone(),
            webhook: id,
        };
        // What is just being put aside is part of it.
        self.ask(|to| Input::WhenParked(id, to)).await;
        if disabled && new.errand != Errand::Deliver {
            return Err(StoreError::Conflict("webhook_disabled"));
        }
        if disabled {
            // What was decided before must not be written after it.
            self.ask(Input::WhenWritten).await;
        }
        let enable = disabled.then(|| health.clone());
        let first = self.begin(project, new, enable, note.clone()).await;
        let (begun, enabled) = match first {
            // Somebody enabled it while the server was still writing down that it had disabled it.
            Err(StoreError::Conflict("webhook_disabled")) if new.errand == Errand::Deliver => {
                let second = self.begin(project, new, Some(health), note);
                (second.await?, true)
            }
            first => (first?, disabled),
        };
        if enabled {
            self.inbox.push(Input::EnabledBySweep(begun.webhook));
        }
        self.carry(begun.sweep, far).await
    }

    /// Begins it, and says so in the audit log, in one transaction.
    async fn begin(
        &self,
        project: ProjectId,
        new: NewSweep,
        enable: Option<Health>,
        audit: Option<AuditEntry>,
    ) -> Result<Begun, StoreError> {
        let notes = Notes { memo: None, audit };
        let deed = Deed::BeginSweep(project, new, enable.map(Box::new));
        match self.store.keep(deed, Box::new(|_| notes)).await? {
            Done::Begun(begun) => Ok(*begun),
            other => Err(StoreError::Corrupt(format!("a sweep became {other:?}"))),
        }
    }

    /// A sweep that the process before began.
    pub(crate) async fn go_on(&self, sweep: Sweep) {
        let id = sweep.webhook;
        let held = (sweep.errand != Errand::Skip).then(|| Held {
            inbox: self.inbox.clone(),
            webhook: id,
        });
        let (far, _) = watch::channel(0);
        let result = self.carry(sweep, &far).await;
        drop(held);
        match result {
            Ok(progress) => tracing::info!(
                webhook.id = %id,
                deliveries = progress.count,
                "the recovery of webhook {id} that the last stop cut off is through: {} deliveries",
                progress.count
            ),
            Err(error) => {
                tracing::error!(webhook.id = %id, %error, "the recovery of webhook {id} was given up");
            }
        }
    }

    /// How the last sweep of a webhook that this process carried ended.
    pub(crate) fn ended(&self, webhook: WebhookId) -> Option<Ended> {
        self.ended.lock().get(&webhook).copied()
    }

    async fn carry(&self, sweep: Sweep, far: &watch::Sender<u64>) -> Result<Progress, StoreError> {
        let (webhook, errand) = (sweep.webhook, sweep.errand);
        let ids = (DeliveryId(sweep.at.0 + 1), sweep.end);
        self.ended.lock().remove(&webhook);
        let progress = self.carry_on(sweep, far).await?;
        let ended = Ended {
            errand,
            progress,
            ids,
        };
        self.ended.lock().insert(webhook, ended);
        Ok(progress)
    }

    /// Step by step to the end.
    async fn carry_on(
        &self,
        mut sweep: Sweep,
        far: &watch::Sender<u64>,
    ) -> Result<Progress, StoreError> {
        loop {
            let step = {
                let _turn = self.steps.acquire().await;
                self.step(&sweep).await
            };
            match step {
                Ok(swept) => {
                    sweep = swept.sweep;
                    far.send_replace(sweep.count);
                    if swept.next == Next::Nothing {
                        return Ok(progress(&sweep, true));
                    }
                    if sweep.errand != Errand::Skip {
                        self.inbox.push(Input::Swept(sweep.webhook, sweep.at));
                    }
                }
                Err(StoreError::NotFound) => return Ok(progress(&sweep, false)),
                Err(StoreError::Unavailable(error)) => {
                    let id = sweep.webhook;
                    tracing::warn!(webhook.id = %id, error, "the recovery of webhook {id} could not go on, again soon");
                    tokio::time::sleep(AGAIN).await;
                }
                Err(error) => {
                    // What was not reached is still missed, and people can see it; a lane that waits for ever is worse.
                    self.store.end_sweep(sweep.webhook).await?;
                    return Err(error);
                }
            }
            tokio::task::yield_now().await;
        }
    }

    /// Deliveries that are there already, and then, if they are dealt with, some events.
    async fn step(&self, sweep: &Sweep) -> Result<Swept, StoreError> {
        let swept = self
            .store
            .sweep_deliveries(sweep.webhook, DELIVERIES)
            .await?;
        let Next::Events { after, until } = swept.next else {
            return Ok(swept);
        };
        let webhook = self.webhook(sweep.webhook).await?;
        let found = self.store.missed(sweep.webhook, 0, after, EVENTS).await?;
        let all_here = found.len() < EVENTS || found.last().is_some_and(|a| a.event.id > until);
        let mut messages = Vec::new();
        let mut bytes = 0;
        let mut upto = after;
        for activity in found.iter().filter(|a| a.event.id <= until) {
            if bytes > BYTES {
                return self.make_up(sweep.webhook, upto, messages).await;
            }
            let said = self.say(&webhook, activity).await?;
            bytes += said.iter().map(|m| m.body.len()).sum::<usize>();
            messages.extend(said);
            upto = activity.event.id;
        }
        let upto = if all_here { until } else { upto };
        self.make_up(sweep.webhook, upto, messages).await
    }

    async fn make_up(
        &self,
        webhook: WebhookId,
        until: EventId,
        messages: Vec<NewMessage>,
    ) -> Result<Swept, StoreError> {
        self.store.sweep_events(webhook, until, messages).await
    }

    /// What an event says to a webhook, as of that event.
    async fn say(
        &self,
        webhook: &Arc<Webhook>,
        activity: &Activity,
    ) -> Result<Vec<NewMessage>, StoreError> {
        let server_url = self.settings.read().server_url.clone();
        let messages = retell(&*self.store, webhook, &activity.event, &server_url).await?;
        // Rendering is work: others get their turn between two events.
        tokio::task::yield_now().await;
        Ok(messages)
    }

    /// With how much a sweep would deal; after so many missed events, or after `patience`, how far the counting is. Only rendering
    /// tells how much a missed event says.
    pub(crate) async fn count(
        &self,
        new: NewSweep,
        events: usize,
        patience: Duration,
    ) -> Result<Progress, StoreError> {
        let begun = Instant::now();
        let webhook = self.webhook(new.webhook).await?;
        let mut count = self.store.count_sweep(new).await?;
        let counted = |count, complete| Ok(Progress { count, complete });
        if let Errand::Resend { .. } = new.errand {
            return counted(count, true);
        }
        let mut after = EventId(0);
        let mut looked = 0;
        loop {
            // Counting takes its turn among the sweeps, which do something.
            let _turn = self.steps.acquire().await;
            let missed = self.store.missed(webhook.id, new.since_ms, after, EVENTS);
            let missed = missed.await?;
            let Some(last) = missed.last() else {
                return counted(count, true);
            };
            if looked >= events || begun.elapsed() > patience {
                return counted(count, false);
            }
            looked += missed.len();
            after = last.event.id;
            for activity in &missed {
                let said = self.say(&webhook, activity).await?;
                count += said.len() as u64;
            }
        }
    }
}

fn progress(sweep: &Sweep, complete: bool) -> Progress {
    Progress {
        count: sweep.count,
        complete,
    }
}
