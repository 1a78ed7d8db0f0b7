//! What the engine remembers across restarts beside the deliveries: stored server time, and how the last run ended.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tidings_domain::{Clock, DeliveryId};
use tidings_storage::{ServerTime, Store, StoreError};
use tokio_util::sync::CancellationToken;

use crate::shell::Time;

/// Name of the document.
const NAME: &str = "delivery";
/// How often the time is written: what a wall clock that was set back can take from an age at most.
const EVERY: Duration = Duration::from_mins(1);

#[derive(Debug, Default, Serialize, Deserialize)]
struct Kept {
    /// Stored server time when it was written.
    server_ms: i64,
    /// After an orderly stop: the deliveries it cut off. Absent while running, and so after a crash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cut_off: Option<Vec<i64>>,
}

/// What the last run left.
pub(crate) struct Resumed {
    pub(crate) server: ServerTime,
    /// What an orderly stop cut off; `None` after a crash.
    pub(crate) cut_off: Option<Arc<HashSet<DeliveryId>>>,
}

/// Reads what the last run left, and notes that this one runs.
pub(crate) async fn resume(
    store: &dyn Store,
    clock: Arc<dyn Clock>,
) -> Result<Resumed, StoreError> {
    let text = store.document(NAME).await?;
    let first = text.is_none();
    let kept: Kept = text
        .and_then(|text| serde_json::from_str(&text).ok())
        .unwrap_or_default();
    let server = ServerTime::resume(clock, kept.server_ms);
    write(store, server.now_ms(), None).await?;
    let cut_off = if first {
        Some(Arc::default())
    } else {
        let ids = kept.cut_off;
        ids.map(|ids| Arc::new(ids.into_iter().map(DeliveryId).collect()))
    };
    Ok(Resumed { server, cut_off })
}

/// Notes an orderly stop, and what it left open; `None`: what an earlier crash left open was not even looked at.
pub(crate) async fn close(
    store: &dyn Store,
    server_ms: i64,
    cut_off: Option<Vec<DeliveryId>>,
) -> Result<(), StoreError> {
    let ids = cut_off.map(|ids| ids.into_iter().map(|id| id.0).collect());
    write(store, server_ms, ids).await
}

/// Writes the time now and then.
pub(crate) async fn keep_time(store: Arc<dyn Store>, time: Arc<Time>, stop: CancellationToken) {
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            () = tokio::time::sleep(EVERY) => {}
        }
        if let Err(error) = write(&*store, time.server.now_ms(), None).await {
            tracing::warn!(%error, "the server's time could not be written");
        }
    }
}

async fn write(
    store: &dyn Store,
    server_ms: i64,
    cut_off: Option<Vec<i64>>,
) -> Result<(), StoreError> {
    let kept = Kept { server_ms, cut_off };
    let text = serde_json::to_string(&kept).map_err(|e| StoreError::Corrupt(e.to_string()))?;
    store.put_document(NAME, &text).await
}
