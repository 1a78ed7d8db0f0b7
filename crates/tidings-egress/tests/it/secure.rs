//! TLS: who is accepted, and what is said about the others.

use bytes::Bytes;
use tidings_egress::{Client, Outcome, Request, Settings, Tls, Transport};
use tidings_testkit::receiver::{Behavior, Receiver};
use tidings_testkit::tls::{Authority, Kind};

use crate::{SOON, client, code, post, send_within};

#[tokio::test]
async fn each_kind_of_certificate_has_its_word() {
    let authority = Authority::new();
    let trusting = Tls {
        insecure: false,
        ca_pem: Some(authority.pem().into()),
    };
    for (kind, word, detail) in [
        (Kind::Valid, "", ""),
        (Kind::Expired, "tls_expired", "days ago"),
        (Kind::NotYetValid, "tls_not_yet_valid", "becomes valid in"),
        (Kind::SelfSigned, "tls_self_signed", "ca_pem"),
        (Kind::SelfSignedAuthority, "tls_self_signed", "ca_pem"),
        (Kind::WrongName, "tls_wrong_name", "elsewhere.example"),
        (Kind::NoName, "tls_wrong_name", "for no host"),
    ] {
        let receiver = Receiver::start_tls(Behavior::ok(), authority.server(kind)).await;
        let request = |tls: &Tls| Request {
            tls: tls.clone(),
            ..post(&receiver.url("/"))
        };
        let report = client(None).send(&request(&trusting)).await;
        assert_eq!(code(&report), word, "{kind:?}: {report:?}");
        assert!(report.error.is_none_or(
            |error| error.detail.contains(detail) && report.outcome == Outcome::Unreachable
        ));
        // Turned off, all of them are good.
        let report = client(None)
            .send(&request(&Tls {
                insecure: true,
                ca_pem: None,
            }))
            .await;
        assert_eq!(report.outcome, Outcome::Accepted, "{kind:?}: {report:?}");
        assert!(report.tls.is_some());
        // Without the authority none is.
        let report = client(None).send(&request(&Tls::default())).await;
        assert_eq!(report.outcome, Outcome::Unreachable, "{kind:?}");
        let arrived = receiver.received().len();
        assert_eq!(
            arrived,
            if kind == Kind::Valid { 2 } else { 1 },
            "{kind:?}: nothing is sent to the others"
        );
    }
}

#[tokio::test]
async fn a_certificate_given_itself_is_trusted_by_name_and_date() {
    let authority = Authority::new();
    for (kind, word) in [
        (Kind::SelfSigned, ""),
        (Kind::SelfSignedAuthority, ""),
        (Kind::WrongName, "tls_wrong_name"),
        (Kind::Expired, "tls_expired"),
        (Kind::NotYetValid, "tls_not_yet_valid"),
    ] {
        let server = authority.server(kind);
        let tls = Tls {
            insecure: false,
            ca_pem: Some(server.pem().into()),
        };
        let receiver = Receiver::start_tls(Behavior::ok(), server).await;
        let report = client(None)
            .send(&Request {
                tls,
                ..post(&receiver.url("/"))
            })
            .await;
        assert_eq!(code(&report), word, "{kind:?}: {report:?}");
    }
}

#[tokio::test]
async fn the_servers_own_authorities_hold_for_all() {
    let authority = Authority::new();
    let receiver = Receiver::start_tls(Behavior::ok(), authority.server(Kind::Valid)).await;
    let settings = Settings {
        allow: vec!["localhost".parse().unwrap()],
        ca_pem: Some(authority.pem()),
        ..Settings::default()
    };
    let client = Client::new(settings).unwrap();
    let report = client.send(&post(&receiver.url_at("localhost", "/"))).await;
    assert_eq!(report.outcome, Outcome::Accepted, "{report:?}");
    receiver.requests(1, SOON).await;
    assert!(
        Client::new(Settings {
            ca_pem: Some("x".to_owned()),
            ..Settings::default()
        })
        .is_err()
    );
}

#[tokio::test]
async fn what_is_no_tls_is_told() {
    let plain = Receiver::start(Behavior::ok()).await;
    let https = plain.url("/").replace("http:", "https:");
    for (behavior, word) in [
        (
            Behavior::SpeakFirst(Bytes::from_static(
                b"HTTP/1.1 400 Bad Request\r\n\r\nplain HTTP on a TLS port",
            )),
            "tls_not_tls",
        ),
        (
            Behavior::SpeakFirst(Bytes::from_static(b"SSH-2.0-OpenSSH_9.0\r\n")),
            "tls_not_tls",
        ),
        (
            Behavior::SpeakFirst(Bytes::from_static(&[21, 3, 3, 0, 2, 2, 40])),
            "tls_handshake",
        ),
        (
            Behavior::SpeakFirst(Bytes::from_static(&[21, 3, 3, 0, 2, 2, 70])),
            "tls_handshake",
        ),
        (
            Behavior::SpeakFirst(Bytes::from_static(&[21, 3, 3, 0, 2, 2, 80])),
            "tls_alert",
        ),
        (Behavior::ResetOnAccept, "tls_closed"),
        (Behavior::NeverRead, "deadline_tls"),
    ] {
        plain.set(behavior.clone());
        let report = send_within(&client(None), &https, 400).await;
        let closed_first = code(&report) == "tls_closed" && word == "tls_not_tls";
        assert!(
            code(&report) == word || closed_first,
            "{behavior:?}: {report:?}"
        );
    }
    // The other way round: an http URL on a TLS port.
    let secure = Receiver::start_tls(Behavior::ok(), Authority::new().server(Kind::Valid)).await;
    let report = send_within(
        &client(None),
        &secure.url("/").replace("https:", "http:"),
        400,
    )
    .await;
    assert_eq!(report.outcome, Outcome::Unreachable);
}
