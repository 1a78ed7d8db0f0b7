//! Headers and signatures of a request, as tables.

use tidings_dialects::signature::{Received, Verdict, verify_standard};
use tidings_domain::ProjectId;
use tidings_domain::webhook::PreviousSecret;

use tidings_dialects::signature;

use super::*;

struct Open;

impl Keyring for Open {
    fn open(&self, sealed: &Sealed, _: SealedFor, _: WebhookId) -> Option<Vec<u8>> {
        Some(sealed.0.clone()).filter(|bytes| bytes != b"unreadable")
    }
}

fn sealed(text: &str) -> Sealed {
    Sealed(text.as_bytes().to_vec())
}

fn webhook(dialect: &str, secrets: Option<Secrets>) -> Webhook {
    Webhook {
        url: "https://user:pass@example.org/hook?k=v".into(),
        dialect: dialect.into(),
        secrets,
        headers: vec![("X-Team".into(), sealed("blue"))],
        timeout_seconds: 7,
        ..Webhook::new(WebhookId(1), ProjectId(1), "")
    }
}

fn at(text: &str) -> Time {
    text.parse().unwrap()
}

fn prepare(webhook: &Webhook, wall: &str, late: bool) -> Request {
    let recipe = Recipe::new(webhook, &Open, "Tidings/test").unwrap();
    let letter = Letter {
        id: DeliveryId(7),
        code: "task.updated",
        object: "tasks/42",
        sequence: Some(3),
        body: &Bytes::from_static(b"{}"),
        late,
    };
    recipe.prepare(&letter, at(wall), false)
}

fn header<'a>(prepared: &'a Request, name: &str) -> Option<&'a str> {
    let mut all = prepared.headers.iter();
    all.find(|(n, _)| *n == name).map(|(_, v)| v)
}

fn verifies(prepared: &Request, secret: &str) -> bool {
    let received = Received {
        id: header(prepared, "webhook-id").unwrap(),
        timestamp: header(prepared, "webhook-timestamp").unwrap(),
        signature: header(prepared, "webhook-signature").unwrap(),
    };
    verify_standard(&Key::new(secret), received, b"{}", None) == Verdict::Valid
}

#[test]
fn headers_in_their_order() {
    let secrets = Some(Secrets {
        current: sealed("secret"),
        previous: None,
    });
    let prepared = prepare(&webhook("squish", secrets), "2026-01-01T00:00:00Z", true);
    let names: Vec<&str> = prepared.headers.iter().map(|(n, _)| n).collect();
    let ours = [
        "webhook-id",
        "webhook-timestamp",
        "x-tidings-event",
        "x-tidings-object",
        "x-tidings-sequence",
        "x-tidings-late",
        "webhook-signature",
    ];
    let from = names.iter().position(|n| *n == ours[0]).unwrap();
    assert_eq!(names[from..from + ours.len()], ours);
    assert_eq!(names.last(), Some(&"X-Team"));
    assert!(names[..from].contains(&"Content-Type"));
    assert_eq!(header(&prepared, "webhook-id"), Some("dlv_0000000000007"));
    assert_eq!(header(&prepared, "webhook-timestamp"), Some("1767225600"));
    assert_eq!(header(&prepared, "x-tidings-sequence"), Some("3"));
    assert!(header(&prepared, "X-Squish-Signature").is_some());
    assert_eq!(prepared.deadline, Duration::from_secs(7));
    assert_eq!(prepared.url.as_str(), "https://example.org/hook?k=v");
}

#[test]
fn the_log_keeps_no_secret() {
    let prepared = prepare(&webhook("standard", None), "2026-01-01T00:00:00Z", false);
    assert_eq!(header(&prepared, "X-Team"), Some("blue"));
    assert_eq!(header(&prepared, "webhook-signature"), None);
    assert_eq!(header(&prepared, "x-tidings-late"), None);
    let recipe = Recipe::new(&webhook("standard", None), &Open, "Tidings/test").unwrap();
    let names: Vec<String> = prepared.headers.iter().map(|(n, _)| n.to_owned()).collect();
    let (url, logged) = recipe.logged(prepared);
    assert_eq!(&*url, "https://example.org/hook?k=v");
    assert!(logged.iter().any(|one| one == ("X-Team", "***")));
    assert!(!logged.iter().any(|(_, v)| v.contains("blue")));
    assert!(logged.iter().map(|(n, _)| n).eq(&names));
    assert!(
        logged
            .iter()
            .any(|one| one == ("x-tidings-object", "tasks/42"))
    );
}

#[test]
fn a_rotation_signs_with_both_and_switches_the_vendors_header() {
    let rotating = |dialect| {
        webhook(
            dialect,
            Some(Secrets {
                current: sealed("new"),
                previous: Some(PreviousSecret {
                    secret: sealed("old"),
                    effective_at: "2026-01-02T00:00:00Z".into(),
                    until: "2026-01-03T00:00:00Z".into(),
                }),
            }),
        )
    };
    // When, whether the old one still signs, whose signature the vendor's header carries.
    let cases = [
        ("2026-01-01T12:00:00Z", true, "old"),
        ("2026-01-02T12:00:00Z", true, "new"),
        ("2026-01-03T00:00:00Z", false, "new"),
    ];
    for (when, old, vendors) in cases {
        let prepared = prepare(&rotating("squish"), when, false);
        assert!(verifies(&prepared, "new"), "{when}");
        assert_eq!(verifies(&prepared, "old"), old, "{when}");
        let first = header(&prepared, "webhook-signature").unwrap();
        let timestamp = at(when).as_second();
        let new = Key::new("new").sign("dlv_0000000000007", timestamp, b"{}");
        assert!(first.starts_with(&new), "the new one comes first");
        let expected = signature::md5(vendors, b"{}");
        assert_eq!(
            header(&prepared, "X-Squish-Signature"),
            Some(expected.as_str())
        );
    }
}

#[test]
fn what_cannot_be_opened_is_not_sent() {
    let secrets = Some(Secrets {
        current: sealed("unreadable"),
        previous: None,
    });
    let failure = Recipe::new(&webhook("standard", secrets), &Open, "Tidings/test").unwrap_err();
    assert_eq!(failure.code, "secret_unreadable");
}

#[test]
fn an_empty_secret_signs_nothing() {
    let secrets = Some(Secrets {
        current: sealed(""),
        previous: None,
    });
    let prepared = prepare(&webhook("squish", secrets), "2026-01-01T00:00:00Z", false);
    assert_eq!(header(&prepared, "webhook-signature"), None);
    assert_eq!(header(&prepared, "X-Squish-Signature"), None);
}
