//! What a try means: every class of result.

use std::time::Duration;

use bytes::Bytes;
use tidings_domain::Headers;
use tidings_egress::{Answer, Failure};

use super::*;

fn wall() -> Time {
    "2026-11-21T12:00:00Z".parse().unwrap()
}

fn report(outcome: Outcome, status: Option<u16>, error: Option<&'static str>) -> Report {
    Report {
        outcome,
        answer: status.map(|status| Answer {
            status,
            headers: Headers::default(),
            body: Bytes::new(),
            truncated: false,
        }),
        error: error.map(|code| Failure {
            code,
            detail: String::new(),
        }),
        reused: false,
        stale: false,
        remote: None,
        took: Duration::ZERO,
        dns: None,
        connect: None,
        tls: None,
        first_byte: None,
    }
}

#[test]
fn statuses_by_table() {
    // status, outcome, counts, overwhelmed, gone
    let cases = [
        (200, Outcome::Accepted, false, false, false),
        (204, Outcome::Accepted, false, false, false),
        (299, Outcome::Accepted, false, false, false),
        (301, Outcome::Rejected, true, false, false),
        (304, Outcome::Rejected, true, false, false),
        (400, Outcome::Rejected, true, false, false),
        (401, Outcome::Rejected, true, false, false),
        (404, Outcome::Rejected, true, false, false),
        (408, Outcome::Rejected, true, false, false),
        (410, Outcome::Rejected, true, false, true),
        (413, Outcome::Rejected, true, false, false),
        (429, Outcome::Rejected, true, true, false),
        (500, Outcome::Rejected, true, false, false),
        (502, Outcome::Rejected, true, true, false),
        (503, Outcome::Rejected, true, true, false),
        (504, Outcome::Rejected, true, true, false),
        (999, Outcome::Rejected, true, false, false),
    ];
    for (status, outcome, counts, overwhelmed, gone) in cases {
        let verdict = judge(&report(outcome, Some(status), None), wall());
        assert_eq!(verdict.counts(), counts, "{status}");
        assert_eq!(verdict.overwhelmed, overwhelmed, "{status}");
        assert_eq!(verdict.gone, gone, "{status}");
        assert_eq!(verdict.status, Some(status));
    }
}

#[test]
fn what_is_our_own_fault_never_counts() {
    // outcome, error, counts, overwhelmed
    let cases = [
        (Outcome::Unreachable, "connect_refused", true, true),
        (Outcome::Unreachable, "connect_reset", true, false),
        (Outcome::Unreachable, "dns_not_found", true, false),
        (Outcome::Unreachable, "tls_expired", true, false),
        (Outcome::TimedOut, "deadline_answer", true, false),
        (Outcome::Blocked, "address_blocked", false, false),
        (Outcome::Unsendable, "dns_failed", false, false),
        (Outcome::Interrupted, "shutdown", false, false),
    ];
    for (outcome, error, counts, overwhelmed) in cases {
        let verdict = judge(&report(outcome, None, Some(error)), wall());
        assert_eq!(
            (verdict.counts(), verdict.overwhelmed),
            (counts, overwhelmed),
            "{error}"
        );
        assert!(!verdict.accepted() && !verdict.gone);
    }
}

#[test]
fn a_cut_answer_after_its_head_is_what_the_head_said() {
    // A 410 whose body timed out is reported as such by its outcome; only a complete verdict of the receiver counts as gone.
    let verdict = judge(&report(Outcome::TimedOut, Some(410), None), wall());
    assert!(!verdict.gone);
}

#[test]
fn retry_after_in_every_form() {
    let day = Some(LONGEST_RETRY_AFTER_MS);
    let cases = [
        ("120", Some(120_000)),
        (" 120\t", Some(120_000)),
        ("0120", Some(120_000)),
        ("86400", day),
        ("86401", day),
        ("99999999999999999999999999", day),
        ("Sat, 21 Nov 2026 12:00:30 GMT", Some(30_000)),
        ("Saturday, 21-Nov-26 12:00:30 GMT", Some(30_000)),
        ("Sat Nov 21 12:00:30 2026", Some(30_000)),
        ("Sun, 21 Nov 2100 12:00:30 GMT", day),
        // Ignored.
        ("0", None),
        ("", None),
        ("-1", None),
        ("+5", None),
        ("1.5", None),
        ("1e3", None),
        ("0x10", None),
        ("soon", None),
        ("120, 60", None),
        ("120s", None),
        ("\u{661}\u{662}", None),
        ("Sat, 21 Nov 2026 11:59:59 GMT", None),
        ("Sat, 21 Nov 2026 12:00:30 PST", None),
        ("Sat, 99 Nov 2026 12:00:30 GMT", None),
        ("2026-11-21T12:00:30Z", None),
        ("Sat, 21 Nov 99999 12:00:30 GMT", None),
    ];
    for (text, expected) in cases {
        assert_eq!(retry_after_ms(text, wall()), expected, "{text:?}");
    }
}

#[test]
fn retry_after_is_read_from_failures_only() {
    let mut report = report(Outcome::Rejected, Some(503), None);
    let headers = &mut report.answer.as_mut().unwrap().headers;
    headers.push("RETRY-after", "7");
    assert_eq!(judge(&report, wall()).retry_after_ms, Some(7_000));
    report.outcome = Outcome::Accepted;
    assert_eq!(judge(&report, wall()).retry_after_ms, None);
}
