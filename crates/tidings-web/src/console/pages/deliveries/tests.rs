//! Times of fields, bars of timings, words of a shell.

use super::*;

#[test]
fn fields_for_times_name_no_zone_and_mean_utc() {
    assert_eq!(zoned("2026-03-02T11:40"), "2026-03-02T11:40:00Z");
    assert_eq!(zoned("2026-03-02T11:40:05"), "2026-03-02T11:40:05Z");
    for as_it_is in [
        "",
        "yesterday",
        "2026-03-02T11:40:05Z",
        "2026-03-02T11:40:05+01:00",
    ] {
        assert_eq!(zoned(as_it_is), as_it_is);
    }
    assert_eq!(unzoned("2026-03-02T11:40:05Z"), "2026-03-02T11:40");
    assert_eq!(unzoned("soon"), "soon");
    assert_eq!(unzoned("ZZ"), "ZZ");
}

#[test]
fn long_texts_are_cut_between_characters() {
    let long = "ä".repeat(SHOWN_CHARS + 1);
    assert_eq!(cut(&long, false).0.chars().count(), SHOWN_CHARS);
    assert!(cut(&long, false).1);
    assert_eq!(cut(&long, true), (long.as_str(), false));
    assert_eq!(cut("short", false), ("short", false));
}

#[test]
fn a_bar_shows_what_is_known_of_a_try() {
    let attempt = |text: &str| Value::parse(text.as_bytes()).unwrap();
    let reused = attempt(
        r#"{"duration_ms":10,"timings":{"dns_us":null,"connect_us":null,"tls_us":null,"first_byte_us":7500}}"#,
    );
    let parts = bar::of(&reused);
    let told: Vec<_> = parts
        .iter()
        .map(|p| (p.kind, p.start, p.width, p.took.as_str()))
        .collect();
    assert_eq!(
        told,
        [("wait", 0, 750, "7.5 ms"), ("rest", 750, 250, "2.5 ms")]
    );
    let fresh = attempt(
        r#"{"duration_ms":4,"timings":{"dns_us":1000,"connect_us":1000,"tls_us":2000,"first_byte_us":400}}"#,
    );
    let kinds: Vec<_> = bar::of(&fresh).iter().map(|p| p.kind).collect();
    assert_eq!(kinds, ["dns", "connect", "tls", "wait"]);
    assert!(bar::of(&fresh).iter().all(|p| p.start + p.width <= 1000));
    let none = attempt(
        r#"{"duration_ms":30000,"timings":{"dns_us":null,"connect_us":null,"tls_us":null,"first_byte_us":null}}"#,
    );
    assert_eq!(bar::of(&none), []);
}

#[test]
fn a_request_is_one_line_of_shell_whatever_is_in_it() {
    let text = code::curl(
        "https://example.com/a?b='c'&d=$(e)",
        &[("X-A", "`id`"), ("X-B", "it's")],
        "{\"a\":\"'; rm -rf / #\"}",
    );
    assert_eq!(
        text,
        "curl 'https://example.com/a?b='\\''c'\\''&d=$(e)' \\\n  -H 'X-A: `id`' \\\n  -H 'X-B: it'\\''s' \\\n  --data-raw '{\"a\":\"'\\''; rm -rf / #\"}'"
    );
}
