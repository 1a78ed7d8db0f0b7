//! Which headers a webhook may add.

use super::*;

fn map(pairs: &[(&str, Value)]) -> Value {
    Value::Map(
        pairs
            .iter()
            .map(|(n, v)| ((*n).to_owned(), v.clone()))
            .collect(),
    )
}

#[test]
fn names_and_values_are_those_of_the_rfc_and_nobody_elses() {
    let good = [
        ("X-Api-Key", "abc def"),
        ("Authorization", "Bearer x"),
        ("X_y", "!~"),
    ];
    for (name, value) in good {
        let read = read(Some(&map(&[(name, value.into())])), &[], true, "/headers");
        assert!(read.is_ok(), "{name}");
    }
    let long = "n".repeat(101);
    let bad = [
        ("", "v"),
        (" X", "v"),
        ("X ", "v"),
        ("X:Y", "v"),
        ("X\r\nY", "v"),
        ("X\n", "v"),
        ("Ä", "v"),
        ("X\0", "v"),
        ("X(Y)", "v"),
        ("X Y", "v"),
        (long.as_str(), "v"),
        ("X", ""),
        ("X", " v"),
        ("X", "v "),
        ("X", "a\r\nB: c"),
        ("X", "a\nb"),
        ("X", "a\tb"),
        ("X", "\u{e4}"),
        ("X", "\u{7f}"),
        ("X", MASK),
        ("Host", "v"),
        ("host", "v"),
        ("CONTENT-LENGTH", "1"),
        ("Transfer-Encoding", "chunked"),
        ("Connection", "close"),
        ("Keep-Alive", "v"),
        ("TE", "v"),
        ("Trailer", "v"),
        ("Upgrade", "v"),
        ("Proxy-Authorization", "v"),
        ("Expect", "100-continue"),
        ("Content-Type", "v"),
        ("Content-Encoding", "v"),
        ("Accept-Encoding", "v"),
        ("User-Agent", "v"),
        ("Date", "v"),
        ("Via", "v"),
        ("webhook-id", "v"),
        ("Webhook-Signature", "v"),
        ("X-Tidings-Event", "v"),
        ("x-icescrum-signature", "v"),
        ("X-Squish-Action", "v"),
        ("X-Header", "v"),
    ];
    for (name, value) in bad {
        let read = read(Some(&map(&[(name, value.into())])), &[], true, "/headers");
        assert!(read.is_err(), "{name:?} {value:?}");
    }
    assert!(bad.len() >= 36);
}

#[test]
fn a_patch_merges_and_another_host_drops_what_was_stored() {
    let stored = vec![
        ("A".to_owned(), Sealed(vec![1])),
        ("B".to_owned(), Sealed(vec![2])),
    ];
    let patch = map(&[("a", MASK.into()), ("B", Value::Null), ("C", "new".into())]);
    assert_eq!(
        read(Some(&patch), &stored, true, "/headers").unwrap(),
        vec![
            ("A".to_owned(), HeaderValue::Kept(Sealed(vec![1]))),
            ("C".to_owned(), HeaderValue::Given("new".into())),
        ]
    );
    // The mask means nothing where nothing is kept.
    assert!(read(Some(&patch), &stored, false, "/headers").is_err());
    assert_eq!(read(None, &stored, false, "/headers").unwrap(), vec![]);
    assert_eq!(read(None, &stored, true, "/headers").unwrap().len(), 2);
}

#[test]
fn count_and_size_are_bounded() {
    let many: Vec<(String, Value)> = (0..21).map(|i| (format!("X-{i}"), "v".into())).collect();
    assert!(read(Some(&Value::Map(many)), &[], true, "/headers").is_err());
    let big = map(&[("X", "v".repeat(9000).as_str().into())]);
    assert!(read(Some(&big), &[], true, "/headers").is_err());
}
