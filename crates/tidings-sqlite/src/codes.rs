//! The small numbers that stand for words in the tables, and what the driver's errors mean to a store.

use rusqlite::{ErrorCode, ffi};
use tidings_domain::Collection;
use tidings_domain::delivery::{DeliveryState, Outcome, Trigger};
use tidings_storage::{StoreError, Trouble};

pub(crate) type Result<T, E = StoreError> = std::result::Result<T, E>;

/// Numbers are places in `ALL`: new words go to its end.
fn place<T: PartialEq>(all: &[T], value: &T) -> i64 {
    let index = all.iter().position(|v| v == value).unwrap_or_default();
    i64::try_from(index).unwrap_or_default()
}

fn at<T: Copy>(all: &[T], code: i64, what: &str) -> Result<T> {
    let found = usize::try_from(code).ok().and_then(|i| all.get(i));
    found
        .copied()
        .ok_or_else(|| StoreError::Corrupt(format!("{what} {code} is unknown")))
}

pub(crate) fn collection_code(collection: Collection) -> i64 {
    place(Collection::ALL, &collection)
}

pub(crate) fn collection(code: i64) -> Result<Collection> {
    at(Collection::ALL, code, "collection")
}

/// Waits in the queue, or in the log shown as held.
pub(crate) const PENDING: i64 = 0;
pub(crate) const DELIVERED: i64 = 1;
pub(crate) const PARKED: i64 = 2;
pub(crate) const FAILED: i64 = 3;
pub(crate) const SKIPPED: i64 = 4;
pub(crate) const EXPIRED: i64 = 5;

pub(crate) fn state_code(state: DeliveryState) -> i64 {
    match state {
        DeliveryState::Pending | DeliveryState::Held => PENDING,
        DeliveryState::Delivered => DELIVERED,
        DeliveryState::Parked => PARKED,
        DeliveryState::Failed => FAILED,
        DeliveryState::Skipped => SKIPPED,
        DeliveryState::Expired => EXPIRED,
    }
}

pub(crate) fn state(code: i64) -> Result<DeliveryState> {
    const ALL: &[DeliveryState] = &[
        DeliveryState::Pending,
        DeliveryState::Delivered,
        DeliveryState::Parked,
        DeliveryState::Failed,
        DeliveryState::Skipped,
        DeliveryState::Expired,
    ];
    at(ALL, code, "state")
}

pub(crate) fn trigger_code(trigger: Trigger) -> i64 {
    place(Trigger::ALL, &trigger)
}

pub(crate) fn trigger(code: i64) -> Result<Trigger> {
    at(Trigger::ALL, code, "trigger")
}

pub(crate) fn trigger_bit(word: &str) -> i64 {
    Trigger::parse(word).map_or(0, |t| 1 << trigger_code(t))
}

pub(crate) fn outcome_code(word: &str) -> i64 {
    place(
        Outcome::ALL,
        &Outcome::parse(word).unwrap_or(Outcome::Unsendable),
    )
}

pub(crate) fn outcome(code: i64) -> Result<Outcome> {
    at(Outcome::ALL, code, "outcome")
}

/// What went wrong, in the words of the seam.
#[expect(clippy::needless_pass_by_value, reason = "fits map_err")]
pub(crate) fn sick(error: rusqlite::Error) -> StoreError {
    match &error {
        rusqlite::Error::SqliteFailure(code, _) => match code.code {
            ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => {
                StoreError::Corrupt(error.to_string())
            }
            ErrorCode::ConstraintViolation => StoreError::Conflict("unique"),
            ErrorCode::DiskFull => StoreError::Disk(Trouble::Full, error.to_string()),
            ErrorCode::SystemIoFailure => match code.extended_code {
                // The pages may be gone while the next sync succeeds: there is no second try.
                ffi::SQLITE_IOERR_FSYNC | ffi::SQLITE_IOERR_DIR_FSYNC => {
                    StoreError::Unconfirmed(error.to_string())
                }
                _ => StoreError::Disk(Trouble::Failing, error.to_string()),
            },
            ErrorCode::ReadOnly => StoreError::Disk(Trouble::ReadOnly, error.to_string()),
            ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => {
                StoreError::Disk(Trouble::Locked, error.to_string())
            }
            _ => StoreError::Unavailable(error.to_string()),
        },
        rusqlite::Error::FromSqlConversionFailure(..)
        | rusqlite::Error::IntegralValueOutOfRange(..)
        | rusqlite::Error::InvalidColumnType(..)
        | rusqlite::Error::Utf8Error(..) => StoreError::Corrupt(error.to_string()),
        _ => StoreError::Unavailable(error.to_string()),
    }
}

pub(crate) fn json<T: serde::de::DeserializeOwned>(text: &str, what: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|e| StoreError::Corrupt(format!("{what}: {e}")))
}

pub(crate) fn to_json<T: serde::Serialize>(value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(|e| StoreError::Corrupt(e.to_string()))
}

pub(crate) fn limit(rows: usize) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}
