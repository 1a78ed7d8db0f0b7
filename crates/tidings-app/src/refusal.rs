//! What a store's trouble means to whoever asked.

use tidings_domain::Fault;
use tidings_domain::fault::FaultKind;
use tidings_storage::{RecordError, StoreError};

/// Seconds after which a store that could not may be asked again.
const RETRY_AFTER_SECONDS: u32 = 2;

/// The refusal for a store's error. Its cause stays in the log.
pub fn refusal(error: StoreError) -> Fault {
    match error {
        StoreError::Unavailable(reason) => {
            tracing::warn!(error.reason = %reason, "the store cannot do it now: {reason}");
            Fault {
                retry_after: Some(RETRY_AFTER_SECONDS),
                ..Fault::new(
                    FaultKind::Unavailable,
                    "unavailable",
                    "the server cannot store anything right now; nothing was changed, try again soon",
                )
            }
        }
        StoreError::Corrupt(reason) => {
            tracing::error!(error.reason = %reason, "the store is damaged: {reason}");
            internal()
        }
        StoreError::Conflict(member) => Fault::conflict(
            format!("/{member}"),
            "conflict",
            "this is taken, or was changed by somebody else in the meantime; read it again",
        ),
        StoreError::NotFound => absent(),
    }
}

/// The refusal for an error of a recording.
pub fn record_refusal(error: RecordError) -> Fault {
    match error {
        RecordError::Refused(fault) => fault,
        RecordError::Store(error) => refusal(error),
    }
}

/// The one answer for things that are absent and things of other projects: they must not be told apart.
pub fn absent() -> Fault {
    Fault::not_found("there is no such thing here, or this token may not know of it")
}

/// The server is at fault.
pub fn internal() -> Fault {
    Fault::new(
        FaultKind::Internal,
        "internal",
        "the server failed; the cause is in its log",
    )
}
