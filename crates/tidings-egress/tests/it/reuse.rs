//! Kept connections: used again, never when they are dead, never across settings.

use std::time::Duration;

use bytes::Bytes;
use tidings_domain::Headers;
use tidings_egress::policy::Policy;
use tidings_egress::{Outcome, Request, Tls, Transport};
use tidings_testkit::receiver::{Behavior, Receiver, Reply};
use tidings_testkit::tls::{Authority, Kind};

use crate::{SOON, client, code, post};

#[tokio::test]
async fn a_connection_serves_many_requests_and_headers_keep_their_case() {
    let receiver = Receiver::start(Behavior::ok()).await;
    let client = client(None);
    let headers = Headers::from_iter([
        ("User-Agent", "GitScrum Webhook"),
        ("X-Header", "GitScrum"),
        ("X-Squish-Action", "submit"),
        ("x-icescrum-event", "story.create"),
        ("webhook-id", "dlv_1"),
    ]);
    for number in 0..50 {
        let report = client
            .send(&Request {
                headers: headers.clone(),
                ..post(&receiver.url("/a?b=c"))
            })
            .await;
        assert_eq!(
            (report.outcome, report.reused),
            (Outcome::Accepted, number > 0)
        );
    }
    assert_eq!(
        (
            receiver.connections(),
            client.stats().opened,
            client.stats().reused,
            client.stats().idle
        ),
        (1, 1, 49, 1)
    );
    let requests = receiver.requests(50, SOON).await;
    let golden = format!(
        "POST /a?b=c HTTP/1.1\r\nHost: {}\r\nUser-Agent: GitScrum Webhook\r\nX-Header: GitScrum\r\nX-Squish-Action: submit\r\n\
         x-icescrum-event: story.create\r\nwebhook-id: dlv_1\r\nAccept-Encoding: identity\r\nContent-Length: 11\r\n\r\n",
        receiver.addr()
    );
    for request in requests {
        assert_eq!(std::str::from_utf8(&request.head).unwrap(), golden);
        assert_eq!(request.body, Bytes::from_static(b"{\"hello\":1}"));
    }
}

#[tokio::test]
async fn fresh_requests_and_close_headers_open_connections() {
    let receiver = Receiver::start(Behavior::ok()).await;
    let client = client(None);
    client.send(&post(&receiver.url("/"))).await;
    let report = client
        .send(&Request {
            fresh: true,
            ..post(&receiver.url("/"))
        })
        .await;
    assert!(!report.reused);
    assert_eq!(receiver.connections(), 2);
    receiver.set(Behavior::ok().header("Connection", "close"));
    client.send(&post(&receiver.url("/"))).await;
    client.send(&post(&receiver.url("/"))).await;
    assert_eq!((receiver.connections(), client.stats().idle), (2, 0));
    receiver.set(Behavior::ok().header("Keep-Alive", "timeout=1"));
    client.send(&post(&receiver.url("/"))).await;
    let report = client.send(&post(&receiver.url("/"))).await;
    assert!(
        !report.reused,
        "a receiver that closes within a second is not raced"
    );
}

#[tokio::test]
async fn a_connection_that_dies_under_a_request_is_stale() {
    let receiver = Receiver::start(Behavior::CloseOnSecond(Reply::new(200))).await;
    let client = client(None);
    assert_eq!(
        client.send(&post(&receiver.url("/"))).await.outcome,
        Outcome::Accepted
    );
    let report = client.send(&post(&receiver.url("/"))).await;
    assert_eq!(
        (report.outcome, report.stale, report.reused),
        (Outcome::Unreachable, true, true),
        "{report:?}"
    );
    assert!(code(&report).starts_with("answer_"));
    let report = client
        .send(&Request {
            fresh: true,
            ..post(&receiver.url("/"))
        })
        .await;
    assert_eq!((report.outcome, report.stale), (Outcome::Accepted, false));
    // Silence on a kept connection is no sign of death.
    receiver.set(Behavior::NeverAnswer);
    let report = client
        .send(&Request {
            deadline: Duration::from_millis(200),
            ..post(&receiver.url("/"))
        })
        .await;
    assert_eq!((report.outcome, report.stale), (Outcome::TimedOut, false));
}

#[tokio::test]
async fn a_connection_that_was_closed_meanwhile_is_not_used() {
    for behavior in [
        Behavior::ReplyThenClose(Reply::new(200)),
        Behavior::ReplyThenReset(Reply::new(200)),
    ] {
        let receiver = Receiver::start(behavior).await;
        let client = client(None);
        for number in 1..=5 {
            let report = client.send(&post(&receiver.url("/"))).await;
            // The close may be on its way still: then the request is stale, and that is all.
            assert!(
                report.outcome == Outcome::Accepted || report.stale,
                "{number}: {report:?}"
            );
        }
    }
}

#[tokio::test]
async fn unasked_words_on_a_kept_connection_end_it() {
    let two = Bytes::from_static(
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    );
    let receiver = Receiver::start(Behavior::RawThenStay(two)).await;
    let client = client(None);
    for _ in 0..2 {
        let report = client.send(&post(&receiver.url("/"))).await;
        assert_eq!((report.outcome, report.reused), (Outcome::Accepted, false));
    }
    assert_eq!(receiver.connections(), 2);
}

/// The words end where a read ends: TLS has the rest at hand, and the socket knows nothing of it.
#[tokio::test]
async fn unasked_words_that_tls_has_read_already_end_a_connection_too() {
    const READ: usize = 8 * 1024;
    let first = "HTTP/1.1 200 OK\r\nContent-Length: 8000\r\nX-A: ";
    let rest = READ - 8_000 - first.len() - "\r\n\r\n".len();
    let unasked = "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n";
    let body = "x".repeat(8_000);
    let words = format!("{first}{}\r\n\r\n{body}{unasked}", "a".repeat(rest));
    let behavior = Behavior::RawThenStay(words.into());
    let authority = Authority::new();
    let receiver = Receiver::start_tls(behavior, authority.server(Kind::Valid)).await;
    let client = client(None);
    for number in 1..=2 {
        let report = client
            .send(&Request {
                tls: Tls {
                    insecure: false,
                    ca_pem: Some(authority.pem().into()),
                },
                ..post(&receiver.url("/"))
            })
            .await;
        assert_eq!(
            (report.outcome, report.reused),
            (Outcome::Accepted, false),
            "{number}: {report:?}"
        );
    }
    assert_eq!(receiver.connections(), 2);
}

#[tokio::test]
async fn connections_are_not_shared_across_tls_settings_or_policies() {
    let authority = Authority::new();
    let receiver = Receiver::start_tls(Behavior::ok(), authority.server(Kind::Valid)).await;
    let client = client(None);
    let insecure = Tls {
        insecure: true,
        ca_pem: None,
    };
    let trusting = Tls {
        insecure: false,
        ca_pem: Some(authority.pem().into()),
    };
    for (tls, reused) in [
        (&insecure, false),
        (&insecure, true),
        (&trusting, false),
        (&trusting, true),
        (&insecure, true),
    ] {
        let report = client
            .send(&Request {
                tls: tls.clone(),
                ..post(&receiver.url("/"))
            })
            .await;
        assert_eq!(
            (report.outcome, report.reused),
            (Outcome::Accepted, reused),
            "{report:?}"
        );
    }
    let report = client.send(&post(&receiver.url("/"))).await;
    assert_eq!(
        (report.outcome, code(&report)),
        (Outcome::Unreachable, "tls_unknown_authority")
    );
    client.set_policy(Policy::new(Vec::new(), Vec::new()));
    let report = client
        .send(&Request {
            tls: insecure,
            ..post(&receiver.url("/"))
        })
        .await;
    assert_eq!((report.outcome, report.remote), (Outcome::Blocked, None));
    assert_eq!(client.stats().idle, 0);
}

#[tokio::test]
async fn a_kept_connection_is_closed_when_its_time_is_over() {
    let receiver = Receiver::start(Behavior::ok().header("Keep-Alive", "timeout=2")).await;
    let client = client(None);
    client.send(&post(&receiver.url("/"))).await;
    assert_eq!(client.stats().idle, 1);
    receiver.closed().wait_for(1, SOON).await;
    assert_eq!(client.stats().idle, 0);
    // A client that is dropped leaves nothing open either.
    client.send(&post(&receiver.url("/"))).await;
    drop(client);
    receiver.closed().wait_for(2, SOON).await;
}

/// Where a connection cannot be kept, its TLS session is: the second handshake costs no signature and no certificate.
#[tokio::test]
async fn tls_sessions_are_taken_up_again() {
    let authority = Authority::new();
    let tls = Tls {
        insecure: false,
        ca_pem: Some(authority.pem().into()),
    };
    for server in [
        authority.server(Kind::Valid),
        authority.server(Kind::Valid).only_tls12(),
    ] {
        let receiver = Receiver::start_tls(Behavior::ok(), server).await;
        let client = client(None);
        let send = async |tls: &Tls| {
            let report = client
                .send(&Request {
                    tls: tls.clone(),
                    fresh: true,
                    ..post(&receiver.url("/"))
                })
                .await;
            assert_eq!(report.outcome, Outcome::Accepted, "{report:?}");
        };
        for _ in 0..10 {
            send(&tls).await;
        }
        assert_eq!((receiver.connections(), receiver.resumed()), (10, 9));
        // A session made without looking at the certificate is none for those who look, nor the other way round.
        let insecure = Tls {
            insecure: true,
            ca_pem: None,
        };
        send(&insecure).await;
        assert_eq!(receiver.resumed(), 9);
        send(&insecure).await;
        assert_eq!(receiver.resumed(), 10);
    }
}
