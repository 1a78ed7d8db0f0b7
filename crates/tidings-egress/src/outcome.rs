//! What an end of a try means: pure tables from statuses, errors and deadlines to the closed set of outcomes.

use std::io;

use crate::resolver::LookupFault;
use crate::tls;
use crate::wire::{HeadFault, MAX_FIELDS, MAX_HEAD, MAX_INTERIM};
use crate::{Failure, Outcome};

/// How a try failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fail {
    pub(crate) outcome: Outcome,
    pub(crate) failure: Failure,
}

impl Fail {
    pub(crate) fn new(outcome: Outcome, code: &'static str, detail: impl Into<String>) -> Self {
        Self {
            outcome,
            failure: Failure {
                code,
                detail: detail.into(),
            },
        }
    }
}

/// Where a try is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Phase {
    #[default]
    Resolve,
    Connect,
    Tls,
    Write,
    Answer,
    Head,
    Body,
}

/// A final status.
pub(crate) fn of_status(status: u16, location: Option<&str>) -> Result<(), Fail> {
    let reason = http::StatusCode::from_u16(status)
        .ok()
        .and_then(|status| status.canonical_reason())
        .unwrap_or("unknown status");
    let rejected = |code, detail| Err(Fail::new(Outcome::Rejected, code, detail));
    match (status, location) {
        (200..=299, _) => Ok(()),
        (300..=399, Some(location)) => {
            let to: String = location
                .chars()
                .filter(|c| !c.is_control())
                .take(500)
                .collect();
            rejected(
                "redirect",
                format!(
                    "the receiver answered {status} {reason} and pointed to {to}; redirects are not followed: use the final URL"
                ),
            )
        }
        (410, _) => rejected(
            "gone",
            "the receiver answered 410 Gone: it wants no more requests".to_owned(),
        ),
        _ => rejected("status", format!("the receiver answered {status} {reason}")),
    }
}

/// A look-up that brought nothing.
pub(crate) fn of_lookup(host: &str, fault: LookupFault) -> Fail {
    match fault {
        LookupFault::NotFound => Fail::new(
            Outcome::Unreachable,
            "dns_not_found",
            format!("the name {host} does not exist or has no address"),
        ),
        LookupFault::Failed(why) => Fail::new(
            Outcome::Unsendable,
            "dns_failed",
            format!("the name {host} could not be looked up: {why}"),
        ),
    }
}

/// Connections that were not made.
pub(crate) fn of_connect(error: &io::Error) -> Fail {
    const ENOMEM: i32 = 12;
    const ENFILE: i32 = 23;
    const EMFILE: i32 = 24;
    const ENOBUFS: i32 = 105;
    if matches!(
        error.raw_os_error(),
        Some(ENOMEM | ENFILE | EMFILE | ENOBUFS)
    ) {
        return Fail::new(
            Outcome::Unsendable,
            "no_descriptors",
            "this server is out of file descriptors or memory for connections",
        );
    }
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Fail::new(
            Outcome::Unreachable,
            "connect_refused",
            "the receiver's host refuses connections on this port",
        ),
        // Not connected: it was made and gone before anybody looked.
        io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::NotConnected
        | io::ErrorKind::BrokenPipe => Fail::new(
            Outcome::Unreachable,
            "connect_reset",
            "the connection was reset while it was made",
        ),
        io::ErrorKind::TimedOut => of_deadline(Phase::Connect),
        io::ErrorKind::HostUnreachable
        | io::ErrorKind::NetworkUnreachable
        | io::ErrorKind::NetworkDown => Fail::new(
            Outcome::Unsendable,
            "no_route",
            "this server has no route to the receiver's host",
        ),
        io::ErrorKind::PermissionDenied => Fail::new(
            Outcome::Unsendable,
            "no_route",
            "this server's firewall forbids the connection",
        ),
        io::ErrorKind::AddrNotAvailable | io::ErrorKind::AddrInUse => Fail::new(
            Outcome::Unsendable,
            "no_ports",
            "this server has no free local port or address for the connection",
        ),
        _ => Fail::new(
            Outcome::Unsendable,
            "connect_failed",
            format!("the connection could not be made: {error}"),
        ),
    }
}

/// Handshakes that failed.
pub(crate) fn of_tls(error: &io::Error) -> Fail {
    let failure = tls::explain(error).unwrap_or_else(|| match error.kind() {
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => Failure {
            code: "tls_closed",
            detail: "the receiver reset the connection in the TLS handshake".to_owned(),
        },
        _ => Failure {
            code: "tls_closed",
            detail:
                "the receiver closed the connection in the TLS handshake; is this port for https?"
                    .to_owned(),
        },
    });
    Fail {
        outcome: Outcome::Unreachable,
        failure,
    }
}

/// Connections that broke before the head of an answer was complete. `begun`: some of it had come.
pub(crate) fn of_break(error: &io::Error, begun: bool) -> Fail {
    if let Some(failure) = tls::explain(error) {
        return Fail {
            outcome: Outcome::Unreachable,
            failure,
        };
    }
    let when = if begun {
        "in the middle of its answer"
    } else {
        "before it answered"
    };
    match error.kind() {
        io::ErrorKind::UnexpectedEof => Fail::new(
            Outcome::Unreachable,
            "answer_cut",
            format!("the receiver closed the connection {when}"),
        ),
        io::ErrorKind::ConnectionReset
        | io::ErrorKind::BrokenPipe
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::NotConnected => Fail::new(
            Outcome::Unreachable,
            "answer_reset",
            format!("the receiver reset the connection {when}"),
        ),
        io::ErrorKind::TimedOut => Fail::new(
            Outcome::TimedOut,
            "deadline_answer",
            "the receiver's host stopped answering",
        ),
        io::ErrorKind::HostUnreachable
        | io::ErrorKind::NetworkUnreachable
        | io::ErrorKind::NetworkDown => Fail::new(
            Outcome::Unsendable,
            "no_route",
            "this server lost its route to the receiver's host",
        ),
        _ => Fail::new(
            Outcome::Unreachable,
            "answer_reset",
            format!("the connection broke {when}: {error}"),
        ),
    }
}

/// Heads that cannot be taken.
pub(crate) fn of_head(fault: HeadFault) -> Fail {
    match fault {
        HeadFault::Invalid => Fail::new(
            Outcome::Unreachable,
            "answer_invalid",
            "what came back is no HTTP/1.1 answer",
        ),
        HeadFault::TooManyFields => Fail::new(
            Outcome::Unreachable,
            "answer_too_large",
            format!("the answer has more than {MAX_FIELDS} header fields"),
        ),
    }
}

/// A head without end.
pub(crate) fn head_too_large() -> Fail {
    Fail::new(
        Outcome::Unreachable,
        "answer_too_large",
        format!("the head of the answer has more than {MAX_HEAD} bytes"),
    )
}

/// Interim answers without end.
pub(crate) fn too_many_interim() -> Fail {
    Fail::new(
        Outcome::Unreachable,
        "answer_invalid",
        format!("the receiver sent more than {MAX_INTERIM} interim answers"),
    )
}

/// The deadline, by where it struck. A silent resolver is ours, not the receiver's.
pub(crate) fn of_deadline(phase: Phase) -> Fail {
    let (code, detail) = match phase {
        Phase::Resolve => {
            return Fail::new(
                Outcome::Unsendable,
                "dns_failed",
                "the name server did not answer in time",
            );
        }
        Phase::Connect => (
            "deadline_connect",
            "the receiver's host did not accept the connection in time",
        ),
        Phase::Tls => (
            "deadline_tls",
            "the receiver did not finish the TLS handshake in time",
        ),
        Phase::Write => (
            "deadline_write",
            "the receiver did not take the request in time",
        ),
        Phase::Answer => (
            "deadline_answer",
            "the receiver took the request and did not answer in time",
        ),
        Phase::Head | Phase::Body => (
            "deadline_head",
            "the receiver began its answer and did not finish the head in time",
        ),
    };
    Fail::new(Outcome::TimedOut, code, detail)
}

#[cfg(test)]
mod tests;
