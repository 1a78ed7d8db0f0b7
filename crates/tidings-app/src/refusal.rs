//! What a store's trouble means to whoever asked.

use tidings_domain::Fault;
use tidings_domain::fault::FaultKind;
use tidings_storage::{RecordError, StoreError, Trouble};

/// Most members at fault that one refusal of a batch names.
const MOST_TOLD: usize = 100;

/// The refusals of the entries of a batch, as one: the first says what it is, and those of the same class add their members.
#[derive(Debug, Default)]
pub struct Refusals(Option<Fault>);

impl Refusals {
    /// One more.
    pub fn add(&mut self, fault: Fault) {
        match &mut self.0 {
            None => self.0 = Some(fault),
            Some(first) if first.kind == fault.kind => first.errors.extend(fault.errors),
            Some(_) => {}
        }
        if let Some(first) = &mut self.0 {
            first.errors.truncate(MOST_TOLD);
        }
    }

    /// What a judgement gave, unless it refused.
    pub fn take<T>(&mut self, judged: Result<T, Fault>) -> Option<T> {
        judged.map_err(|fault| self.add(fault)).ok()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Whether no more would be told.
    pub fn is_full(&self) -> bool {
        let told = self.0.as_ref().map_or(0, |fault| fault.errors.len());
        told >= MOST_TOLD
    }

    /// The refusal, if there was any.
    pub fn finish(self) -> Result<(), Fault> {
        self.0.map_or(Ok(()), Err)
    }
}

/// Seconds after which a store that could not may be asked again.
const RETRY_AFTER_SECONDS: u32 = 2;

/// The refusal for a store's error. Its cause stays in the log.
pub fn refusal(error: StoreError) -> Fault {
    match error {
        StoreError::Unavailable(reason) => {
            tracing::warn!(error.reason = %reason, "the store cannot do it now: {reason}");
            later(
                "unavailable",
                "the server cannot store anything right now; nothing was changed, try again soon",
            )
        }
        // The store itself tells the log, once and not for every request.
        StoreError::Disk(trouble, _) => in_trouble(trouble),
        StoreError::Unconfirmed(_) => later(
            "unconfirmed",
            "the disk did not confirm this write, so it may be stored or not; the server restarts, look before you repeat it",
        ),
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

fn in_trouble(trouble: Trouble) -> Fault {
    let (code, detail) = match trouble {
        Trouble::Full => (
            "disk_full",
            "the disk that holds the database is full; nothing was changed, try again when there is room",
        ),
        Trouble::Failing => (
            "disk_failing",
            "the disk that holds the database returns errors; nothing was changed, try again later",
        ),
        Trouble::ReadOnly => (
            "disk_read_only",
            "the database can only be read; nothing was changed, try again later",
        ),
        Trouble::Locked => (
            "database_locked",
            "another process holds the database; nothing was changed, try again soon",
        ),
    };
    later(code, detail)
}

fn later(code: &'static str, detail: &str) -> Fault {
    Fault {
        retry_after: Some(RETRY_AFTER_SECONDS),
        ..Fault::new(FaultKind::Unavailable, code, detail)
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
