//! What counts as a difference, and who it is said to be by.

use tidings_domain::{AccountId, SessionId, TokenId, Value};

use super::{Changed, differences, filter};
use crate::{Caller, Credential, Key};

fn json(text: &str) -> Value {
    Value::parse(text.as_bytes()).unwrap()
}

#[test]
fn only_what_differs_and_is_a_setting_is_told() {
    let before =
        json(r#"{"id":1,"name":"a","events":["x"],"secret":null,"updated_at":"1","gone":true}"#);
    let after =
        json(r#"{"id":1,"name":"b","events":["x"],"secret":"","updated_at":"2","headers":{}}"#);
    let told: Vec<_> = differences(&before, &after)
        .into_iter()
        .map(|c| (c.field.into_owned(), c.old, c.new))
        .collect();
    assert_eq!(
        told,
        [
            ("name".to_owned(), "a".into(), "b".into()),
            ("gone".to_owned(), true.into(), Value::Null)
        ]
    );
    assert!(differences(&before, &before).is_empty());
    let made = differences(
        &Value::Null,
        &json(r#"{"id":1,"name":"a","description":""}"#),
    );
    assert_eq!(made.len(), 1, "what is empty was not set");
}

#[test]
fn who_it_was_is_told() {
    let address = Some("192.0.2.1".parse().unwrap());
    let session = Key::Session {
        id: SessionId(9),
        account: AccountId(4),
        name: "Ada".to_owned(),
    };
    let token = Key::Token {
        id: TokenId(3),
        name: "ci".to_owned(),
    };
    let admin = |key| {
        Caller::Admin {
            credential: Credential::new(key),
        }
        .at(address)
    };
    let of = |caller: &Caller| {
        let entry = Changed::new("settings.update", "settings").by(caller);
        (
            entry.actor.kind.into_owned(),
            entry.actor.id,
            entry.actor.name,
            entry.address,
        )
    };
    let from = Some("192.0.2.1".to_owned());
    assert_eq!(
        of(&admin(session)),
        (
            "account".to_owned(),
            Some(4),
            "Ada".to_owned(),
            from.clone()
        )
    );
    assert_eq!(
        of(&admin(token)),
        ("token".to_owned(), Some(3), "ci".to_owned(), from)
    );
    let operator = Caller::Admin {
        credential: Credential::new(Key::Operator),
    };
    assert_eq!(of(&operator).0, "operator");
}

#[test]
fn filters_are_read_strictly() {
    let read = |name: &'static str, text: &'static str| filter([(name, text)].into_iter());
    assert_eq!(
        read("operation", "webhook.update")
            .unwrap()
            .operation
            .as_deref(),
        Some("webhook.update")
    );
    assert_eq!(
        read("since", "1970-01-01T00:00:01Z").unwrap().since_ms,
        Some(1000)
    );
    assert_eq!(
        read("limit", "5").unwrap(),
        filter(std::iter::empty()).unwrap()
    );
    for (name, text) in [
        ("webhook", "x"),
        ("webhook", "0"),
        ("operation", "a b"),
        ("operation", ""),
        ("since", "today"),
        ("until", ""),
    ] {
        assert!(read(name, text).is_err(), "{name}={text}");
    }
}
