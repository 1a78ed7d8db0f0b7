//! What reaches the engine: hints of commits, results, wishes. One place, one lock, one wake-up; taken in batches.
//!
//! Memory is bounded: beyond [`MOST_HINTS`] waiting hints, or [`MOST_HINT_BYTES`] of messages, only the webhook and its last delivery
//! are remembered, and the lane reads the rest from the store.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tidings_domain::webhook::{DisabledReason, Health, Webhook};
use tidings_domain::{DeliveryId, ProjectId, WebhookId};
use tidings_storage::audit::AuditEntry;
use tidings_storage::{CommitListener, Queued, StoreError};
use tokio::sync::{Notify, oneshot};

use crate::effect::{Landed, Loaded};
use crate::feed::{Feed, News};
use crate::health::By;
use crate::lane::Standing;
use crate::settings::Settings;
use crate::waiting::Waiting;

/// Hints that wait in memory for the engine at most.
const MOST_HINTS: usize = 32_768;
/// Bytes of their messages at most; what several webhooks share is counted for each.
const MOST_HINT_BYTES: usize = 32 * 1024 * 1024;

/// Room for so many hints, inputs and effects is kept between batches.
pub(crate) const KEPT: usize = 1_024;

/// What people and the API want of a lane; the answer comes when it is durable.
pub(crate) enum Wish {
    Pause(Option<AuditEntry>),
    Resume(Option<AuditEntry>),
    Enable,
    Disable(DisabledReason),
}

/// One thing that happened. Nearly all of them are results: what is larger lies in a box.
pub(crate) enum Input {
    Landed(WebhookId, DeliveryId, Landed),
    Settled(Vec<(WebhookId, DeliveryId)>),
    Loaded(Box<Loaded>),
    Parked(WebhookId),
    Wish(
        WebhookId,
        Box<Wish>,
        By,
        oneshot::Sender<Option<Result<Health, StoreError>>>,
    ),
    Saved {
        webhook: Arc<Webhook>,
        url_changed: bool,
        /// Whether the project is `on` and how the webhook fares, if it may be new; otherwise only what is known is edited.
        new_in: Option<Box<(bool, Health)>>,
        done: Option<oneshot::Sender<()>>,
    },
    Deleted(WebhookId, oneshot::Sender<()>),
    ProjectSwitched(ProjectId, bool, oneshot::Sender<()>),
    ProjectDeleted(ProjectId, oneshot::Sender<()>),
    Recovered(WebhookId),
    /// A sweep is about to begin: see [`crate::lane::Lane::hold_back`].
    HoldBack(
        WebhookId,
        DeliveryId,
        By,
        oneshot::Sender<Option<(bool, Health)>>,
    ),
    /// A sweep began and enabled the webhook.
    EnabledBySweep(Arc<Webhook>),
    /// A sweep has come so far.
    Swept(WebhookId, DeliveryId),
    /// A sweep is over, or did not begin.
    SweepOver(WebhookId),
    WhenParked(WebhookId, oneshot::Sender<()>),
    Who(WebhookId, oneshot::Sender<Option<Arc<Webhook>>>),
    IsDisabled(WebhookId, oneshot::Sender<Option<bool>>),
    Standing(WebhookId, oneshot::Sender<Standing>),
    TryNow(WebhookId, DeliveryId, oneshot::Sender<bool>),
    Waiting(Vec<(WebhookId, DeliveryId)>, oneshot::Sender<Vec<Waiting>>),
    Settings(Box<Settings>),
    Close,
    /// Tells when nothing is in flight and everything is written.
    WhenQuiet(oneshot::Sender<Option<Vec<DeliveryId>>>),
    /// Tells when everything decided so far is written.
    WhenWritten(oneshot::Sender<Option<Result<Health, StoreError>>>),
    Stop,
}

/// A batch of what happened.
#[derive(Default)]
pub(crate) struct Mail {
    pub(crate) hints: Vec<Queued>,
    pub(crate) hint_bytes: usize,
    pub(crate) overflow: BTreeMap<WebhookId, DeliveryId>,
    pub(crate) inputs: Vec<Input>,
}

impl Mail {
    fn is_empty(&self) -> bool {
        self.hints.is_empty() && self.inputs.is_empty() && self.overflow.is_empty()
    }

    fn add(&mut self, deliveries: &[Queued]) {
        let mut kept = MOST_HINTS
            .saturating_sub(self.hints.len())
            .min(deliveries.len());
        let first = deliveries.iter().take(kept);
        for (at, queued) in first.enumerate() {
            self.hint_bytes += queued.message.body.len();
            if self.hint_bytes > MOST_HINT_BYTES {
                kept = at;
                break;
            }
        }
        let (kept, dropped) = deliveries.split_at(kept);
        self.hints.extend_from_slice(kept);
        for queued in dropped {
            let last = self.overflow.entry(queued.webhook).or_insert(queued.id);
            *last = queued.id.max(*last);
        }
    }

    /// Empties it. What a flood has taken is given back.
    fn clear(&mut self) {
        self.hints.clear();
        self.hints.shrink_to(KEPT);
        self.inputs.clear();
        self.inputs.shrink_to(KEPT);
        self.overflow.clear();
        self.hint_bytes = 0;
    }
}

#[derive(Default)]
struct Shared {
    mail: Mutex<Mail>,
    wake: Notify,
    feed: Arc<Feed>,
}

impl Shared {
    /// Whoever finds the mail empty wakes the engine, once for all that comes until it is taken.
    fn add(&self, add: impl FnOnce(&mut Mail)) {
        let mut mail = self.mail.lock();
        let was_empty = mail.is_empty();
        add(&mut mail);
        drop(mail);
        if was_empty {
            self.wake.notify_one();
        }
    }
}

/// Listens to the store's commits. Made before the store is opened, with its [`Inbox`], by [`hints`].
#[derive(Clone)]
pub struct Hints(Arc<Shared>);

/// The engine's end of [`Hints`].
#[derive(Clone)]
pub struct Inbox(Arc<Shared>);

/// A listener for the store and the inbox for the engine.
pub fn hints() -> (Hints, Inbox) {
    let shared = Arc::new(Shared::default());
    (Hints(Arc::clone(&shared)), Inbox(shared))
}

impl CommitListener for Hints {
    fn committed(&self, deliveries: &[Queued]) {
        if deliveries.is_empty() {
            return;
        }
        let feed = &self.0.feed;
        if feed.is_watched() {
            for queued in deliveries {
                feed.tell(queued.message.project, News::Delivery(queued.id));
            }
        }
        self.0.add(|mail| mail.add(deliveries));
    }
}

impl Inbox {
    /// Who tells watchers what changes.
    pub(crate) fn feed(&self) -> &Arc<Feed> {
        &self.0.feed
    }

    pub(crate) fn push(&self, input: Input) {
        self.0.add(|mail| mail.inputs.push(input));
    }

    /// Everything that came; the memory of the mail before is used for what comes next.
    pub(crate) fn take(&self, mail: &mut Mail) {
        mail.clear();
        std::mem::swap(&mut *self.0.mail.lock(), mail);
    }

    pub(crate) async fn arrival(&self) {
        self.0.wake.notified().await;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// Whoever finds the mail empty wakes the engine: nothing that comes while it is taken is left lying.
    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn whatever_comes_wakes_the_engine() {
        const ROUNDS: usize = 3_000;
        const EACH: usize = 3;
        let (_, inbox) = hints();
        let mut came = 0;
        let all = async {
            let mut mail = Mail::default();
            for round in 1..=ROUNDS {
                for _ in 0..EACH {
                    let inbox = inbox.clone();
                    tokio::spawn(async move { inbox.push(Input::Close) });
                }
                while came < round * EACH {
                    inbox.arrival().await;
                    inbox.take(&mut mail);
                    came += mail.inputs.len();
                }
            }
        };
        let ended = tokio::time::timeout(Duration::from_secs(20), all).await;
        assert!(ended.is_ok(), "{came} of {}", ROUNDS * EACH);
    }
}
