//! What people see of the engine at work: how much, how fast, what changes right now.

use std::sync::Arc;

use tidings_domain::{ProjectId, WebhookId};
use tidings_storage::audit::AuditEntry;
use tidings_storage::{Hour, StoreError};

use super::Engine;
use crate::feed::{News, Watch};
use crate::live::Slow;
use crate::pace::Speed;
use crate::sweep::Ended;

/// Slow webhooks that are named.
const SLOWEST: usize = 10;

/// The engine in numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EngineFigures {
    /// HTTP requests to receivers under way.
    pub in_flight: usize,
    /// Webhooks with more deliveries waiting in the store than in memory.
    pub behind: usize,
    /// Webhooks by health: ok, backing off, paused, disabled.
    pub states: [usize; 4],
    /// Accepted and failed tries of the last hour by minute, oldest first; the last minute is not over.
    pub minutes: Vec<(u32, u32)>,
    /// The slowest receivers by the median of their last tries, slowest first.
    pub slowest: Vec<Slow>,
}

impl Engine {
    /// The engine, used on behalf of a person or a program: the history of a webhook's health names them.
    #[must_use]
    pub fn on_behalf_of(&self, who: &str) -> Engine {
        Engine(Arc::clone(&self.0), Some(who.into()), None)
    }

    /// The engine, with what the audit log says of what it is asked to do: to pause, to resume, to sweep or to resend. It is written in
    /// the transaction that does it, and not where nothing changes.
    #[must_use]
    pub fn noting(self, entry: AuditEntry) -> Engine {
        Engine(self.0, self.1, Some(Box::new(entry)))
    }

    pub(super) fn note(&self) -> Option<AuditEntry> {
        self.2.as_deref().cloned()
    }

    /// The engine in numbers. From memory.
    pub fn figures(&self) -> EngineFigures {
        let live = &self.0.live;
        let totals = live.totals();
        EngineFigures {
            in_flight: totals.in_flight,
            behind: totals.behind,
            states: totals.states,
            minutes: live.minutes(self.0.time.server.now_ms()),
            slowest: live.slowest(SLOWEST),
        }
    }

    /// How fast a webhook's receiver is, if this process has tried it.
    pub fn speed(&self, webhook: WebhookId) -> Option<Speed> {
        self.0.live.speed(webhook)
    }

    /// What those webhooks delivered and failed in the last 24 hours, this one included: by webhook and hour, without hours in
    /// which nothing was tried. Up to this moment; a crash costs at most its last minute.
    ///
    /// # Errors
    /// The store cannot tell now.
    pub async fn hours(&self, webhooks: &[WebhookId]) -> Result<Vec<Hour>, StoreError> {
        let now_ms = self.0.time.server.now_ms();
        self.0.ledger.read(webhooks, now_ms).await
    }

    /// The stored server time.
    pub fn server_ms(&self) -> i64 {
        self.0.time.server.now_ms()
    }

    /// Begins to watch a project: what changes from now on.
    pub fn watch(&self, project: ProjectId) -> Watch {
        self.0.inbox.feed().watch(project)
    }

    /// Tells whoever watches a project of what the engine does not know.
    pub fn tell(&self, project: ProjectId, news: News) {
        self.0.inbox.feed().tell(project, news);
    }

    /// How the last sweep of a webhook ended, if this process carried it and no other is under way.
    pub fn sweep_ended(&self, webhook: WebhookId) -> Option<Ended> {
        self.0.sweeper.ended(webhook)
    }
}
