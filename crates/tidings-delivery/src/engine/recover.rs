//! What people want to be dealt with in bulk: delivering or skipping what was missed, resending what was given up.

use std::sync::Arc;
use std::time::Duration;

use tidings_domain::WebhookId;
use tidings_storage::{Errand, NewSweep, StoreError, Sweep};
use tokio::sync::{oneshot, watch};

use super::Engine;
use crate::sweep::Progress;

/// Whoever asks is told the number when all is done, or after so long how far it is.
const PATIENCE: Duration = Duration::from_secs(20);

/// Events that were missed and are told once more for whoever waits for a page.
const EVENTS_AT_ONCE: usize = 64;

impl Engine {
    /// Carries out a sweep. It goes on whether or not anybody waits, and after a crash; whoever waits is told how much was dealt
    /// with. On a disabled webhook `Deliver` also enables, and what it brings back goes first. Another sweep of the same webhook is
    /// waited for.
    ///
    /// # Errors
    /// `Conflict("sweep")` when another one takes too long, `Conflict("webhook_disabled")`, `Conflict("webhooks_off")`; the webhook
    /// is unknown, or the store cannot do it now.
    pub async fn sweep(&self, new: NewSweep) -> Result<Progress, StoreError> {
        let seat = self.0.sweeper.seat(new.webhook).lock_owned();
        let seat = tokio::time::timeout(PATIENCE, seat)
            .await
            .map_err(|_| StoreError::Conflict("sweep"))?;
        let (end, ended) = oneshot::channel();
        let (far, so_far) = watch::channel(0);
        let sweeper = Arc::clone(&self.0.sweeper);
        let who = (self.1.clone(), self.note());
        self.until_stop(async move {
            let result = sweeper.sweep(new, who, &far).await;
            drop(seat);
            // Nobody may be waiting any more.
            let _ = end.send(result);
        });
        match tokio::time::timeout(PATIENCE, ended).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err(StoreError::Unavailable("the engine has stopped".into())),
            Err(_) => Ok(Progress {
                count: *so_far.borrow(),
                complete: false,
            }),
        }
    }

    /// With how much a sweep would deal, or, where counting takes too long, how far it came.
    ///
    /// # Errors
    /// The webhook is unknown, or the store cannot do it now.
    pub async fn count_sweep(&self, new: NewSweep) -> Result<Progress, StoreError> {
        self.0.sweeper.count(new, usize::MAX, PATIENCE).await
    }

    /// The same as far as can be seen at once: `complete` says whether that was all.
    ///
    /// # Errors
    /// The webhook is unknown, or the store cannot do it now.
    pub async fn count_some(&self, new: NewSweep) -> Result<Progress, StoreError> {
        self.0.sweeper.count(new, EVENTS_AT_ONCE, PATIENCE).await
    }

    /// Deals with what a webhook missed since `since_ms` (stored server time): delivers or skips it; how much. With `dry_run` only
    /// counts. A disabled webhook is enabled by delivering.
    ///
    /// # Errors
    /// See [`Engine::sweep`].
    pub async fn recover(
        &self,
        webhook: WebhookId,
        since_ms: i64,
        deliver: bool,
        dry_run: bool,
    ) -> Result<u64, StoreError> {
        let errand = if deliver {
            Errand::Deliver
        } else {
            Errand::Skip
        };
        let new = NewSweep {
            webhook,
            errand,
            since_ms,
            until_ms: None,
        };
        if dry_run {
            return Ok(self.count_sweep(new).await?.count);
        }
        Ok(self.sweep(new).await?.count)
    }

    /// Goes on with what the process before was sweeping.
    pub(super) fn go_on(&self, sweep: Sweep) {
        let sweeper = Arc::clone(&self.0.sweeper);
        // The first to ask for this seat: nobody else knows the engine yet.
        let seat = sweeper.seat(sweep.webhook).try_lock_owned();
        self.until_stop(async move {
            sweeper.go_on(sweep).await;
            drop(seat);
        });
    }

    /// Does something that the next start goes on with.
    fn until_stop(&self, job: impl Future<Output = ()> + Send + 'static) {
        let stop = self.0.stop.clone();
        self.0.tasks.spawn(async move {
            tokio::select! {
                biased;
                () = stop.cancelled() => {}
                () = job => {}
            }
        });
    }
}
