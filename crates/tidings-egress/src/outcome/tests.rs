//! Tables of what is taken and what is refused.

use std::io;

use super::{Phase, of_break, of_connect, of_deadline, of_lookup, of_status};
use crate::Outcome;
use crate::resolver::LookupFault;

#[test]
fn statuses() {
    for status in [200, 201, 202, 204, 205, 206, 226, 299] {
        assert_eq!(of_status(status, Some("/x")), Ok(()), "{status}");
    }
    for (status, location, code) in [
        (0, None, "status"),
        (101, None, "status"),
        (199, None, "status"),
        (300, None, "status"),
        (301, Some("http://127.0.0.1/"), "redirect"),
        (302, Some("/x"), "redirect"),
        (302, None, "status"),
        (304, None, "status"),
        (307, Some("x"), "redirect"),
        (308, Some("x"), "redirect"),
        (400, None, "status"),
        (401, None, "status"),
        (407, None, "status"),
        (410, None, "gone"),
        (413, None, "status"),
        (429, None, "status"),
        (500, None, "status"),
        (502, None, "status"),
        (503, None, "status"),
        (504, None, "status"),
        (599, None, "status"),
        (999, None, "status"),
    ] {
        let fail = of_status(status, location).unwrap_err();
        assert_eq!(
            (fail.outcome, fail.failure.code),
            (Outcome::Rejected, code),
            "{status}"
        );
        assert!(fail.failure.detail.contains(&status.to_string()));
        assert!(location.is_none_or(|location| fail.failure.detail.contains(location)));
    }
    assert!(
        !of_status(302, Some("a\u{1b}[31m"))
            .unwrap_err()
            .failure
            .detail
            .contains('\u{1b}')
    );
}

#[test]
fn errors_of_connecting() {
    for (kind, outcome, code) in [
        (
            io::ErrorKind::ConnectionRefused,
            Outcome::Unreachable,
            "connect_refused",
        ),
        (
            io::ErrorKind::ConnectionReset,
            Outcome::Unreachable,
            "connect_reset",
        ),
        (
            io::ErrorKind::NotConnected,
            Outcome::Unreachable,
            "connect_reset",
        ),
        (
            io::ErrorKind::TimedOut,
            Outcome::TimedOut,
            "deadline_connect",
        ),
        (
            io::ErrorKind::HostUnreachable,
            Outcome::Unsendable,
            "no_route",
        ),
        (
            io::ErrorKind::NetworkUnreachable,
            Outcome::Unsendable,
            "no_route",
        ),
        (
            io::ErrorKind::AddrNotAvailable,
            Outcome::Unsendable,
            "no_ports",
        ),
        (io::ErrorKind::Other, Outcome::Unsendable, "connect_failed"),
    ] {
        let fail = of_connect(&kind.into());
        assert_eq!(
            (fail.outcome, fail.failure.code),
            (outcome, code),
            "{kind:?}"
        );
    }
    let fail = of_connect(&io::Error::from_raw_os_error(24));
    assert_eq!(
        (fail.outcome, fail.failure.code),
        (Outcome::Unsendable, "no_descriptors")
    );
}

#[test]
fn breaks_deadlines_and_look_ups() {
    assert_eq!(
        of_break(&io::ErrorKind::UnexpectedEof.into(), false)
            .failure
            .code,
        "answer_cut"
    );
    assert_eq!(
        of_break(&io::ErrorKind::ConnectionReset.into(), true)
            .failure
            .code,
        "answer_reset"
    );
    for (phase, outcome, code) in [
        (Phase::Resolve, Outcome::Unsendable, "dns_failed"),
        (Phase::Connect, Outcome::TimedOut, "deadline_connect"),
        (Phase::Tls, Outcome::TimedOut, "deadline_tls"),
        (Phase::Write, Outcome::TimedOut, "deadline_write"),
        (Phase::Answer, Outcome::TimedOut, "deadline_answer"),
        (Phase::Head, Outcome::TimedOut, "deadline_head"),
    ] {
        let fail = of_deadline(phase);
        assert_eq!((fail.outcome, fail.failure.code), (outcome, code));
    }
    assert_eq!(
        of_lookup("x", LookupFault::NotFound).outcome,
        Outcome::Unreachable
    );
    assert_eq!(
        of_lookup("x", LookupFault::Failed(String::new())).outcome,
        Outcome::Unsendable
    );
}
