//! Bytes: JSON as Grails writes it, headers and signature.

use serde_json::json;

use super::super::IceScrum;
use super::super::short::Decimal;
use crate::{Dialect, json};

fn grails(value: &impl serde::Serialize) -> String {
    String::from_utf8(json::grails(value)).unwrap()
}

#[test]
fn text_is_utf_8_and_cannot_close_a_tag() {
    let cases = [
        ("Café", r#""Café""#),
        ("</p>", r#""<\u002fp>""#),
        ("<\"/p>", r#""<\"/p>""#),
        ("a/b <b/> <//", r#""a/b <b/> <\u002f/""#),
        ("\u{2028}\u{2029}", r#""\u2028\u2029""#),
        ("\u{1}\t\n\\", r#""\u0001\t\n\\""#),
    ];
    for (text, expected) in cases {
        assert_eq!(grails(&text), expected, "{text:?}");
    }
}

#[test]
fn numbers_are_javas() {
    let cases = [
        (0.0, "0.0"),
        (18.0, "18.0"),
        (0.25, "0.25"),
        (9_999_999.5, "9999999.5"),
        (1e7, "1.0E7"),
        (12_345_678.9, "1.23456789E7"),
        (0.0005, "5.0E-4"),
    ];
    for (number, expected) in cases {
        assert_eq!(grails(&number), expected);
    }
    assert_eq!(grails(&Decimal(3.0)), "3.00");
    assert_eq!(grails(&Decimal(0.5)), "0.50");
    assert_eq!(grails(&json!({"a": [1, null]})), r#"{"a":[1,null]}"#);
}

#[test]
fn requests_carry_the_plain_code() {
    let expected = [
        ("x-icescrum-event", "story.create".to_owned()),
        ("Content-Type", "application/json".to_owned()),
    ];
    assert_eq!(IceScrum.headers("story.create"), expected);
}

#[test]
fn the_signature_is_bare_lower_case_hex() {
    let request = include_bytes!("orbit/request_body.json");
    let cases: [(&[u8], &str); 4] = [
        (b"", "25af6174a0fcecc4d346680a72b7ce644b9a88e8"),
        (
            br#"{"class":"Story","id":1}"#,
            "802225c0f59187c49bcfa44ac0dda41d9c65cd54",
        ),
        (
            r#"{"class":"Story","id":1,"name":"Café"}"#.as_bytes(),
            "3f821752426507fff2b26095d5fd168a69e0e6d8",
        ),
        (request, "ab946c0697914e2caa8141f8a85eca46202413ca"),
    ];
    for (body, hex) in cases {
        let signature = IceScrum.signature("secret", body);
        assert_eq!(signature, Some(("x-icescrum-signature", hex.to_owned())));
    }
}

#[test]
fn the_table_is_the_vendors() {
    let codes = |noun: &'static str, verbs: &[&str]| {
        let code = |verb: &&str| format!("{noun}.{verb}");
        verbs.iter().map(code).collect::<Vec<_>>()
    };
    let life = ["create", "update", "delete"];
    let state = ["create", "update", "delete", "state"];
    let comments = ["addedComment", "updatedComment", "removedComment"];
    let expected = [
        codes("story", &[&state[..], &comments].concat()),
        codes("task", &[&state[..], &comments].concat()),
        codes("feature", &[&life[..], &comments].concat()),
        codes("acceptanceTest", &state),
        codes("sprint", &state),
        codes("release", &state),
        codes("actor", &life),
        codes("meeting", &life),
    ]
    .concat();
    let table: Vec<&str> = IceScrum.phrases().iter().map(|p| p.code).collect();
    assert_eq!(table, expected);
    assert_eq!(table.len(), 38);
    assert_eq!(
        IceScrum.story_codes(),
        codes("story", &["create", "update", "delete", "state"])
    );
    assert!(IceScrum.has_failure_limit());
    assert!(IceScrum.options().is_empty());
}
