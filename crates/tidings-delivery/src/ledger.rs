//! Hours to the store: once a minute and at the end, what changed, in one transaction. A crash costs a minute of a chart.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tidings_domain::WebhookId;
use tidings_storage::{Hour, Store, StoreError, hour_of};
use tokio::sync::RwLock;
use tokio_util::sync::CancellationToken;

use crate::live::Live;

/// How often hours are written.
const EVERY: Duration = Duration::from_mins(1);
/// Who reads waits so long for a write under way; a store that is stuck must not keep people from looking.
const PATIENCE: Duration = Duration::from_millis(200);
/// Hours that are shown: a day, this hour included.
const SHOWN: i64 = 24;

/// Where hours are written and read.
pub(crate) struct Ledger {
    store: Arc<dyn Store>,
    live: Arc<Live>,
    /// Held while hours are neither in memory nor in the store.
    under_way: RwLock<()>,
}

impl Ledger {
    pub(crate) fn new(store: Arc<dyn Store>, live: Arc<Live>) -> Self {
        Self {
            store,
            live,
            under_way: RwLock::default(),
        }
    }

    /// Writes now and then until told to stop.
    pub(crate) async fn run(self: Arc<Self>, stop: CancellationToken) {
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                () = tokio::time::sleep(EVERY) => {}
            }
            if let Err(error) = self.write().await {
                tracing::warn!(%error, "the hourly counts of webhooks could not be written, again in a minute");
            }
        }
    }

    /// Writes what the store does not have.
    pub(crate) async fn write(&self) -> Result<(), StoreError> {
        let _alone = self.under_way.write().await;
        let hours = self.live.take_hours();
        if hours.is_empty() {
            return Ok(());
        }
        let written = self.store.add_hours(&hours).await;
        if written.is_err() {
            self.live.put_back(&hours);
        }
        written
    }

    /// What those webhooks delivered and failed in the last day, by webhook and hour.
    pub(crate) async fn read(
        &self,
        webhooks: &[WebhookId],
        now_ms: i64,
    ) -> Result<Vec<Hour>, StoreError> {
        let since = hour_of(now_ms) - (SHOWN - 1);
        let _together = tokio::time::timeout(PATIENCE, self.under_way.read()).await;
        let mut all: BTreeMap<(WebhookId, i64), Hour> = BTreeMap::new();
        let stored = self.store.hours(webhooks, since).await?;
        let new = self.live.hours(webhooks);
        for hour in stored.into_iter().chain(new) {
            let sum = all.entry((hour.webhook, hour.hour)).or_insert(Hour {
                accepted: 0,
                failed: 0,
                ..hour
            });
            sum.accepted = sum.accepted.saturating_add(hour.accepted);
            sum.failed = sum.failed.saturating_add(hour.failed);
        }
        Ok(all.into_values().filter(|h| h.hour >= since).collect())
    }
}
