//! The log stays bounded: small steps, with room for others between them.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::RwLock;
use tidings_storage::Store;
use tokio_util::sync::CancellationToken;

use crate::settings::Settings;
use crate::shell::Time;

/// How often somebody looks.
const EVERY: Duration = Duration::from_mins(1);
/// Room for others between two steps.
const BREATH: Duration = Duration::from_millis(50);
/// Rows in one step: a few milliseconds of work for a store.
const STEP: usize = 500;

/// Prunes until told to stop.
pub(crate) async fn run(
    store: Arc<dyn Store>,
    time: Arc<Time>,
    settings: Arc<RwLock<Settings>>,
    stop: CancellationToken,
) {
    let mut wait = EVERY;
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            () = tokio::time::sleep(wait) => {}
        }
        let limits = settings.read().retention;
        wait = match store.prune(time.server.now_ms(), limits, STEP).await {
            Ok(pruned) if pruned.more => BREATH,
            Ok(_) => EVERY,
            Err(error) => {
                tracing::warn!(%error, "retention could not prune, again in a minute");
                EVERY
            }
        };
    }
}
