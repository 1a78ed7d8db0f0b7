//! Receivers that misbehave: each try ends in time, with the right outcome, and takes little.

use std::time::{Duration, Instant};

use bytes::Bytes;
use tidings_egress::{Outcome, Request, Transport};
use tidings_testkit::closed_port;
use tidings_testkit::receiver::{Behavior, Receiver, Reply};

use crate::{client, code, post, send_within, status};

const SLACK: Duration = Duration::from_secs(1);
const DEADLINE: u64 = 300;

fn raw(text: &str) -> Behavior {
    Behavior::Raw(Bytes::copy_from_slice(text.as_bytes()))
}

fn stay(text: &str) -> Behavior {
    Behavior::RawThenStay(Bytes::copy_from_slice(text.as_bytes()))
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "one table")]
async fn every_misbehaviour_ends_in_time_with_its_outcome() {
    use tidings_egress::Outcome::{Accepted, Rejected, TimedOut, Unreachable};
    let fields = format!("HTTP/1.1 200 OK\r\n{}\r\n", "A: b\r\n".repeat(101));
    let slow = Duration::from_millis(100);
    let rows: Vec<(&str, Behavior, Outcome, &str)> = vec![
        (
            "never answers",
            Behavior::NeverAnswer,
            TimedOut,
            "deadline_answer",
        ),
        (
            "never reads",
            Behavior::NeverRead,
            TimedOut,
            "deadline_answer",
        ),
        (
            "drips its head",
            Behavior::drip_head(slow),
            TimedOut,
            "deadline_head",
        ),
        (
            "answers late",
            Behavior::After(Duration::from_secs(5), Reply::new(200)),
            TimedOut,
            "deadline_answer",
        ),
        (
            "sends half a head",
            stay("HTTP/1.1 200 OK\r\nA: "),
            TimedOut,
            "deadline_head",
        ),
        (
            "only interim",
            stay("HTTP/1.1 100 Continue\r\n\r\n"),
            TimedOut,
            "deadline_head",
        ),
        (
            "endless status line",
            Behavior::endless_status_line(),
            Unreachable,
            "answer_too_large",
        ),
        (
            "endless head",
            Behavior::endless_head(),
            Unreachable,
            "answer_too_large",
        ),
        (
            "too many fields",
            raw(&fields),
            Unreachable,
            "answer_too_large",
        ),
        (
            "continue without end",
            Behavior::endless_interim(100),
            Unreachable,
            "answer_invalid",
        ),
        (
            "hints without end",
            Behavior::endless_interim(103),
            Unreachable,
            "answer_invalid",
        ),
        (
            "resets at once",
            Behavior::ResetOnAccept,
            Unreachable,
            "answer_reset",
        ),
        (
            "resets after the request",
            Behavior::ResetAfterRequest,
            Unreachable,
            "answer_reset",
        ),
        (
            "closes unanswered",
            Behavior::CloseAfterRequest,
            Unreachable,
            "answer_cut",
        ),
        (
            "closes in its head",
            raw("HTTP/1.1 200 OK\r\nA: b"),
            Unreachable,
            "answer_cut",
        ),
        (
            "another protocol",
            raw("SSH-2.0-OpenSSH_9.0\r\n\r\n"),
            Unreachable,
            "answer_invalid",
        ),
        (
            "another protocol, short",
            raw("220 mail ready\r\n"),
            Unreachable,
            "answer_cut",
        ),
        (
            "HTTP/0.9",
            raw("<html>hello</html>\n\n"),
            Unreachable,
            "answer_invalid",
        ),
        (
            "HTTP/2 preface",
            raw("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
            Unreachable,
            "answer_invalid",
        ),
        (
            "speaks first, good",
            Behavior::SpeakFirst(Bytes::from_static(b"HTTP/1.1 200 OK\r\n\r\n")),
            Accepted,
            "",
        ),
        ("endless body", Behavior::endless_body(), Accepted, ""),
        ("endless chunks", Behavior::endless_chunks(), Accepted, ""),
        (
            "body never comes",
            stay("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"),
            Accepted,
            "",
        ),
        (
            "body is cut",
            raw("HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\nhello"),
            Accepted,
            "",
        ),
        (
            "chunks are cut",
            raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel"),
            Accepted,
            "",
        ),
        (
            "bad chunks",
            stay("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
            Accepted,
            "",
        ),
        (
            "two lengths",
            raw("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 9\r\n\r\nx"),
            Accepted,
            "",
        ),
        (
            "both framings",
            raw(
                "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            ),
            Accepted,
            "",
        ),
        (
            "resets in the body",
            Behavior::ResetAfter(Bytes::from_static(
                b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx",
            )),
            Accepted,
            "",
        ),
        (
            "interim, then good",
            raw(
                "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nLink: x\r\n\r\nHTTP/1.1 202 OK\r\n\r\n",
            ),
            Accepted,
            "",
        ),
        (
            "gzip that is none",
            Behavior::ok().header("Content-Encoding", "gzip"),
            Accepted,
            "",
        ),
        (
            "rejects and drips",
            stay("HTTP/1.1 500 No\r\nContent-Length: 5\r\n\r\nx"),
            Rejected,
            "status",
        ),
        (
            "switches protocols",
            stay("HTTP/1.1 101 Switch\r\nUpgrade: h2c\r\n\r\n"),
            Rejected,
            "status",
        ),
        (
            "status 999",
            raw("HTTP/1.1 999 Odd\r\n\r\n"),
            Rejected,
            "status",
        ),
        (
            "status 000",
            raw("HTTP/1.1 000 Odd\r\n\r\n"),
            Rejected,
            "status",
        ),
        (
            "wants credentials",
            Behavior::status(401).header("WWW-Authenticate", "Basic"),
            Rejected,
            "status",
        ),
        (
            "wants proxy credentials",
            Behavior::status(407),
            Rejected,
            "status",
        ),
        (
            "is busy",
            Behavior::status(503).header("Retry-After", "2"),
            Rejected,
            "status",
        ),
        ("is gone", Behavior::gone(), Rejected, "gone"),
        ("no content", Behavior::status(204), Accepted, ""),
        ("reset content", Behavior::status(205), Accepted, ""),
        ("status 299", Behavior::status(299), Accepted, ""),
    ];
    let tries = rows
        .into_iter()
        .map(|(what, behavior, outcome, word)| async move {
            let receiver = Receiver::start(behavior).await;
            let client = client(None);
            let started = Instant::now();
            let report = send_within(&client, &receiver.url("/hook"), DEADLINE).await;
            assert!(
                started.elapsed() < Duration::from_millis(DEADLINE) + SLACK,
                "{what}: {:?}",
                started.elapsed()
            );
            assert_eq!(
                (report.outcome, code(&report)),
                (outcome, word),
                "{what}: {report:?}"
            );
            assert!(!report.stale, "{what}");
            assert!(
                report
                    .answer
                    .is_none_or(|answer| answer.body.len() <= 16 * 1024),
                "{what}"
            );
            drop(client);
            // Socket buffers of both sides included.
            assert!(
                receiver.bytes_sent() < 1 << 20,
                "{what}: {} bytes",
                receiver.bytes_sent()
            );
            assert_eq!(receiver.connections(), 1, "{what}");
        });
    for a_try in tries {
        a_try.await;
    }
}

#[tokio::test]
async fn redirects_are_told_and_not_followed() {
    let canary = Receiver::start(Behavior::ok()).await;
    for redirect in [301, 302, 303, 307, 308] {
        let receiver = Receiver::start(Behavior::redirect(redirect, &canary.url("/inner"))).await;
        let report = send_within(&client(None), &receiver.url("/"), 2_000).await;
        assert_eq!(
            (report.outcome, code(&report), status(&report)),
            (Outcome::Rejected, "redirect", Some(redirect))
        );
        assert!(report.error.unwrap().detail.contains(&canary.url("/inner")));
    }
    assert_eq!(canary.connections(), 0);
}

#[tokio::test]
async fn a_big_request_is_answered_early() {
    // Too large for the socket buffers, so that writing waits.
    let body = Bytes::from(vec![b'x'; 8 << 20]);
    let early = Bytes::from_static(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n");
    let receiver = Receiver::start(Behavior::SpeakFirst(early)).await;
    let report = client(None)
        .send(&Request {
            body: body.clone(),
            ..post(&receiver.url("/"))
        })
        .await;
    assert!(
        status(&report) == Some(413) || report.outcome == Outcome::Unreachable,
        "{report:?}"
    );
    let receiver = Receiver::start(Behavior::NeverRead).await;
    let request = Request {
        body: body.clone(),
        deadline: Duration::from_millis(300),
        ..post(&receiver.url("/"))
    };
    let report = client(None).send(&request).await;
    assert_eq!(
        (report.outcome, code(&report)),
        (Outcome::TimedOut, "deadline_write")
    );
    let receiver = Receiver::start(Behavior::ok()).await;
    let report = client(None)
        .send(&Request {
            body: body.clone(),
            ..post(&receiver.url("/"))
        })
        .await;
    assert_eq!(report.outcome, Outcome::Accepted);
    assert_eq!(receiver.received().all()[0].body, body);
}

#[tokio::test]
async fn refused_connections_and_bad_headers() {
    let closed = closed_port().await;
    let report = send_within(&client(None), &format!("http://{closed}/"), 2_000).await;
    assert_eq!(
        (report.outcome, code(&report)),
        (Outcome::Unreachable, "connect_refused")
    );
    let receiver = Receiver::start(Behavior::ok()).await;
    let headers = vec![("X-A".to_owned(), "a\r\nX-B: c".to_owned())];
    let report = client(None)
        .send(&Request {
            headers: headers.into_iter().collect(),
            ..post(&receiver.url("/"))
        })
        .await;
    assert_eq!(
        (report.outcome, code(&report)),
        (Outcome::Unsendable, "bad_header")
    );
    assert!(receiver.received().is_empty());
}

#[tokio::test]
async fn an_answer_is_kept_as_it_came() {
    let receiver = Receiver::start(
        Behavior::status(500)
            .header("X-Trace", "a1")
            .header("Set-Cookie", "a=b")
            .body(vec![b'y'; 20_000]),
    )
    .await;
    let client = client(None);
    let report = client.send(&post(&receiver.url("/"))).await;
    let answer = report.answer.unwrap();
    assert_eq!(
        (answer.status, answer.body.len(), answer.truncated),
        (500, 16 * 1024, true)
    );
    assert_eq!(answer.header("x-trace"), Some("a1"));
    assert!(
        report.connect.is_some()
            && report.first_byte.is_some()
            && report.dns.is_none()
            && report.tls.is_none()
    );
    assert_eq!(report.remote, Some(receiver.addr()));
    client.send(&post(&receiver.url("/"))).await;
    assert_eq!(receiver.received().all()[1].header("cookie"), None);
}
