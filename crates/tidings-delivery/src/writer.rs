//! Results to the store: whatever has gathered, in one transaction, without waiting for company.
//!
//! A result is never thrown away. While the store cannot write, the batch is tried again and again, what comes after it gathers,
//! and each lane stops starting when it has too much unwritten.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tidings_domain::WebhookId;
use tidings_domain::webhook::Health;
use tidings_storage::audit::AuditEntry;
use tidings_storage::{Settlement, Store, StoreError};
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::core::Answer;
use crate::first_tries::Waiters;
use crate::inbox::{Inbox, Input};
use crate::metrics::Metrics;
use crate::planted::{self, Bug};

/// The pause after the first failure; it doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// The longest pause: how soon work goes on after a full disk has room again.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// While it lasts, people are told so often: on a full disk a small write may fit now and then, and the log lies on the same disk.
const TOLD_EVERY: Duration = Duration::from_secs(10);
/// Settlements in one transaction at most, so that no write holds up the others for long.
const MOST_AT_ONCE: usize = 4_096;

#[derive(Default)]
struct Gathered {
    settlements: Vec<Settlement>,
    health: BTreeMap<WebhookId, Health>,
    notes: Vec<AuditEntry>,
    answers: Vec<Answer>,
}

impl Gathered {
    fn is_empty(&self) -> bool {
        self.settlements.is_empty() && self.health.is_empty() && self.answers.is_empty()
    }

    /// Tells people that what they wanted is durable.
    fn acknowledge(&mut self) {
        for answer in self.answers.drain(..) {
            let _ = answer.to.send(Some(Ok(answer.health)));
        }
    }

    /// The oldest of it, at most so much as one transaction takes.
    fn cut(&mut self) -> Gathered {
        let mut batch = std::mem::take(self);
        if batch.settlements.len() > MOST_AT_ONCE {
            self.settlements = batch.settlements.split_off(MOST_AT_ONCE);
            // Answers mean that everything before them is written.
            self.answers = std::mem::take(&mut batch.answers);
        }
        batch
    }
}

/// Where results gather.
#[derive(Clone, Default)]
pub(crate) struct Outbox(Arc<(Mutex<Gathered>, Notify)>);

impl Outbox {
    pub(crate) fn add(
        &self,
        settlements: Vec<Settlement>,
        (health, notes): (Vec<(WebhookId, Health)>, Vec<AuditEntry>),
        answers: Vec<Answer>,
    ) {
        let (gathered, wake) = &*self.0;
        let mut gathered = gathered.lock();
        let was_empty = gathered.is_empty();
        if gathered.settlements.is_empty() {
            gathered.settlements = settlements;
        } else {
            gathered.settlements.extend(settlements);
        }
        for (webhook, mut health) in health {
            if let Some(before) = gathered.health.remove(&webhook) {
                // Only the last health counts, but everything that it went through.
                health.shifts.splice(..0, before.shifts);
            }
            gathered.health.insert(webhook, health);
        }
        gathered.notes.extend(notes);
        gathered.answers.extend(answers);
        drop(gathered);
        // Who finds something here has been woken, or looks again before it waits.
        if was_empty {
            wake.notify_one();
        }
    }

    async fn next(&self) -> Gathered {
        let (gathered, wake) = &*self.0;
        loop {
            let batch = gathered.lock().cut();
            if !batch.is_empty() {
                return batch;
            }
            wake.notified().await;
        }
    }
}

/// Writes what gathers until told to stop.
pub(crate) struct Writer {
    pub(crate) outbox: Outbox,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) inbox: Inbox,
    pub(crate) metrics: Metrics,
    pub(crate) waiters: Arc<Waiters>,
    pub(crate) stop: CancellationToken,
}

impl Writer {
    pub(crate) async fn run(self) {
        let mut told = None;
        loop {
            let batch = tokio::select! {
                biased;
                batch = self.outbox.next() => batch,
                () = self.stop.cancelled() => return,
            };
            tokio::select! {
                biased;
                () = self.write(batch, &mut told) => {}
                () = self.stop.cancelled() => return,
            }
        }
    }

    async fn write(&self, mut batch: Gathered, told: &mut Option<Instant>) {
        let mut pause = FIRST_PAUSE;
        if planted::has(Bug::EarlyAcknowledgement) {
            batch.acknowledge();
        }
        let health: Vec<_> = std::mem::take(&mut batch.health).into_iter().collect();
        loop {
            let (settlements, notes) = (&batch.settlements, &batch.notes);
            let settled = self.store.settle_noting(settlements, &health, notes).await;
            match settled {
                Ok(()) => break,
                Err(error) => self.complain(&error, &mut batch, told),
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
        let fares = health.iter().map(|(webhook, health)| (webhook, health));
        self.waiters.written(&batch.settlements, fares);
        self.metrics.settled(&batch.settlements);
        let settled = batch.settlements.iter();
        let ids = settled.map(|s| (s.webhook, s.delivery)).collect();
        self.inbox.push(Input::Settled(ids));
        batch.acknowledge();
    }

    /// People who wait are told at once; what they wanted is written as soon as it can be.
    fn complain(&self, error: &StoreError, batch: &mut Gathered, told: &mut Option<Instant>) {
        self.metrics.settle_failed();
        if told.is_none_or(|told| told.elapsed() >= TOLD_EVERY) {
            *told = Some(Instant::now());
            tracing::error!(
                %error,
                results = batch.settlements.len(),
                "the results of {} tries could not be written; they are kept and written later",
                batch.settlements.len()
            );
        }
        for answer in batch.answers.drain(..) {
            let _ = answer
                .to
                .send(Some(Err(StoreError::Unavailable(error.to_string()))));
        }
    }
}
