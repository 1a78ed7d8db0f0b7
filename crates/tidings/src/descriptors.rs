//! File descriptors: as many as the system lets this process have.

use rustix::process::{Resource, getrlimit, setrlimit};

/// Raises the soft limit to the hard one, and says how many there are. Each connection of a client or to a receiver takes one; the
/// soft limit is low (often 1,024) for the sake of programs that use `select`, which this one does not.
pub(crate) fn raise() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let raised = rustix::process::Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    let now = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => limit.maximum,
        Err(error) => {
            tracing::warn!(
                "the limit of open files could not be raised to the hard limit: {error}"
            );
            limit.current
        }
    };
    let now = now.unwrap_or(u64::MAX);
    tracing::debug!(descriptors = now, "up to {now} files and connections");
    now
}
