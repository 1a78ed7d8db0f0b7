//! Events in words.

use tidings_domain::Value;

use super::in_words;

#[test]
fn few_events_are_named_and_many_are_counted() {
    for (events, words) in [
        (r#""all""#, "all 38"),
        (r#""stories""#, "stories"),
        (r#"["a"]"#, "a"),
        (r#"["a", "b"]"#, "a, b"),
        (r#"["a", "b", "c"]"#, "3 of 38"),
    ] {
        let events = Value::parse(events.as_bytes()).unwrap();
        assert_eq!(in_words(Some(&events), 38), words);
    }
}
