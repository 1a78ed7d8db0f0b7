//! What every row of every dialect promises.

use std::collections::BTreeSet;

use tidings_dialects::{About, Scope, all, find, render, sample, signature};
use tidings_domain::Value;

#[test]
fn names_are_unique_and_found() {
    let mut names = BTreeSet::new();
    for dialect in all() {
        assert!(
            names.insert(dialect.name()),
            "{} is there twice",
            dialect.name()
        );
        assert_eq!(find(dialect.name()).unwrap().title(), dialect.title());
        for text in [dialect.title(), dialect.description(), dialect.exposes()] {
            assert!(
                !text.trim().is_empty(),
                "{} keeps something to itself",
                dialect.name()
            );
        }
        assert!(!dialect.phrases().is_empty());
    }
    assert!(find("nobody").is_none());
}

#[test]
fn every_code_is_unique_and_explains_itself() {
    for dialect in all() {
        let mut codes = BTreeSet::new();
        for phrase in dialect.phrases() {
            let at = format!("{} {}", dialect.name(), phrase.code);
            assert!(codes.insert(phrase.code), "{at} is there twice");
            for text in [
                phrase.code,
                phrase.name,
                phrase.category,
                phrase.object,
                phrase.cause.path,
            ] {
                assert!(!text.trim().is_empty(), "{at}: a text is empty");
            }
            assert!(
                !phrase.cause.path.starts_with('/'),
                "{at}: the path is below the project"
            );
            assert!(
                ["POST", "PUT", "PATCH", "DELETE"].contains(&phrase.cause.method),
                "{at}"
            );
            if !phrase.cause.body.is_empty() {
                let body = Value::parse(phrase.cause.body.as_bytes()).expect(&at);
                assert_eq!(body.kind(), "an object", "{at}");
            }
            // Codes are in headers, paths and file names.
            assert!(
                phrase
                    .code
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b)),
                "{at}"
            );
        }
        for code in dialect.story_codes() {
            assert!(codes.contains(code), "{} has no {code}", dialect.name());
        }
    }
}

#[test]
fn every_sample_is_said_under_its_code() {
    for dialect in all() {
        for phrase in dialect.phrases() {
            let at = format!("{} {}", dialect.name(), phrase.code);
            let happened = (phrase.sample)(sample::Stage::new());
            let scope = Scope {
                event: &happened.event,
                view: &happened.scene,
                server_url: sample::SERVER_URL,
                options: &Value::Null,
            };
            let said = render(*dialect, &scope, &mut |code| code == phrase.code);
            let message = said.first().unwrap_or_else(|| panic!("{at}: silence"));
            assert_eq!(message.code, phrase.code, "{at}");
            let body = Value::parse(&message.body).expect(&at);
            assert!(!body.as_map().is_empty(), "{at}: an empty body");
            assert_eq!(
                Some(message),
                sample::message(*dialect, phrase.code, &Value::Null).as_ref(),
                "{at}"
            );
            if let About::Object(key, sequence) = message.about {
                assert!(
                    key.id > 0 && sequence > 0,
                    "{at}: about {key} at {sequence}"
                );
            }
            if let Some(other) = message.unless {
                assert!(dialect.phrases().iter().any(|p| p.code == other), "{at}");
            }
            let again = render(*dialect, &scope, &mut |code| code == phrase.code);
            assert_eq!(said, again, "{at}: two renderings differ");
        }
        assert!(sample::message(*dialect, "no such code", &Value::Null).is_none());
    }
}

#[test]
fn headers_are_well_formed_and_signatures_verify() {
    for dialect in all() {
        for phrase in dialect.phrases() {
            let headers = dialect.headers(phrase.code);
            let types: Vec<_> = headers
                .iter()
                .filter(|(name, _)| name.eq_ignore_ascii_case("content-type"))
                .collect();
            assert_eq!(types.len(), 1, "{} {}", dialect.name(), phrase.code);
            for (name, value) in &headers {
                assert!(name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'));
                assert!(
                    value.bytes().all(|b| (b' '..0x7f).contains(&b)),
                    "{value:?}"
                );
            }
        }
        let body = b"{\"caf\xc3\xa9\": 1}";
        let Some((name, value)) = dialect.signature("s\u{e9}cret", body) else {
            continue;
        };
        let verify = |secret: &str, body: &[u8], value: Option<&str>| {
            signature::verify_vendor(*dialect, secret, body, |asked| {
                asked.eq_ignore_ascii_case(name).then_some(()).and(value)
            })
        };
        use signature::Verdict::{Missing, Valid, Wrong};
        assert_eq!(verify("s\u{e9}cret", body, Some(&value)), Valid);
        assert_eq!(verify("s\u{e9}cret", b"{}", Some(&value)), Wrong);
        assert_eq!(verify("secret", body, Some(&value)), Wrong);
        assert_eq!(verify("secret", body, Some("")), Wrong);
        assert_eq!(verify("secret", body, None), Missing);
    }
}

#[test]
fn the_official_library_signs_every_message_alike() {
    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let official = standardwebhooks::Webhook::new(SECRET).unwrap();
    let key = signature::Key::new(SECRET);
    for dialect in all() {
        for phrase in dialect.phrases() {
            let message = sample::message(*dialect, phrase.code, &Value::Null).unwrap();
            let id = "dlv_1kjq5j6k80000";
            assert_eq!(
                official.sign(id, 1_772_451_601, &message.body).unwrap(),
                key.sign(id, 1_772_451_601, &message.body),
                "{} {}",
                dialect.name(),
                phrase.code
            );
        }
    }
}

#[test]
fn a_signature_is_explained() {
    for dialect in all() {
        let signs = dialect.signature("secret", b"{}").is_some();
        assert_eq!(
            dialect.signature_words().is_some(),
            signs,
            "{}",
            dialect.name()
        );
    }
}
