//! Who waits for the first tries of what a change made, as `Prefer: wait` does: told in time, and never too early.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tidings_delivery::Engine;
use tidings_domain::delivery::DeliveryState;
use tidings_domain::webhook::HealthState;
use tidings_domain::{DeliveryId, ProjectId, WebhookId};
use tidings_storage::{DeliverySummary, MemoryStore, Queued, Store};

use super::run::Run;
use super::stage::Server;

/// What is written is told within this: the longest time that the store takes to say that it is written, and more.
const TOLD: Duration = Duration::from_secs(2);

/// What those who waited found wrong, and how many found everything right.
#[derive(Default)]
pub(crate) struct Waits {
    pub(crate) wrong: Mutex<Vec<String>>,
    pub(crate) right: AtomicU64,
}

/// Somebody who waits.
struct Wait {
    server: Arc<Server>,
    disk: Arc<MemoryStore>,
    project: ProjectId,
    deliveries: Vec<(DeliveryId, WebhookId)>,
    /// The webhook that is always well, and that nobody touches.
    healthy: WebhookId,
    most: Duration,
}

impl Run {
    /// Somebody waits, beside everything else that happens.
    pub(crate) fn wait_for_first_tries(&self, deliveries: &[Queued], most: Duration) {
        let Some(first) = deliveries.first() else {
            return;
        };
        let wait = Wait {
            server: self.stage.server(),
            disk: self.stage.disk(),
            project: first.message.project,
            deliveries: deliveries.iter().map(|d| (d.id, d.webhook)).collect(),
            healthy: self.hooks.borrow()[0].id,
            most,
        };
        let waits = Arc::clone(&self.waits);
        tokio::spawn(async move {
            match wait.wait().await {
                None => {}
                Some(Ok(())) => {
                    waits.right.fetch_add(1, Ordering::Relaxed);
                }
                Some(Err(wrong)) => waits.wrong.lock().push(wrong),
            }
        });
    }
}

impl Wait {
    fn engine(&self) -> &Engine {
        &self.server.engine
    }

    /// `None`: nobody can tell whether it was right.
    async fn wait(&self) -> Option<Result<(), String>> {
        let waiter = self.engine().await_first_tries(&self.deliveries).await?;
        let mut found = 0;
        for (id, _) in &self.deliveries {
            let row = self.server.store.delivery(self.project, *id).await.ok()??;
            if is_over(&row.summary) {
                waiter.found(*id);
                found += 1;
            }
        }
        let ready = tokio::time::timeout(self.most, waiter.ready())
            .await
            .is_ok();
        if self.server.ends() {
            return None;
        }
        let mut untried = Vec::new();
        for (id, hook) in &self.deliveries {
            let row = self.disk.delivery(self.project, *id).await.ok()??;
            if row.attempts.is_empty() {
                untried.push((*id, *hook));
            }
        }
        if ready {
            let early = untried.iter().any(|(_, hook)| *hook == self.healthy);
            let wrong = format!("told after {found} were found that all is tried, but {untried:?}");
            return Some(if early { Err(wrong) } else { Ok(()) });
        }
        for (_, hook) in &untried {
            let stored = self.disk.webhook(self.project, *hook).await.ok()?;
            if stored.is_none_or(|(_, health, _)| health.state == HealthState::Ok) {
                return Some(Ok(()));
            }
        }
        // Each was tried, or is not worth waiting for: written at the very moment when patience ended?
        let told = tokio::time::timeout(TOLD, waiter.ready()).await.is_ok();
        let wrong = format!(
            "nobody said in {:?} that of {:?} only {untried:?} were not tried, whose webhooks are not well",
            self.most, self.deliveries
        );
        Some(if told || self.server.ends() {
            Ok(())
        } else {
            Err(wrong)
        })
    }
}

/// Whether there is nothing to wait for.
fn is_over(row: &DeliverySummary) -> bool {
    let waits = matches!(row.state, DeliveryState::Pending | DeliveryState::Held);
    row.attempts > 0 || !waits
}
