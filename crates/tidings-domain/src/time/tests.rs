//! What is read as a time, and how it is shown.

use super::{Time, cut, parse, show};

fn check(text: &str, shown: Option<&str>) {
    assert_eq!(parse(text).map(show).as_deref(), shown, "{text}");
}

#[test]
fn a_time_of_any_offset_is_shown_in_utc() {
    check("2026-03-02T11:40:00Z", Some("2026-03-02T11:40:00Z"));
    check(
        "2026-03-02t12:40:00.999+01:00",
        Some("2026-03-02T11:40:00Z"),
    );
    check("0000-01-01T00:00:00Z", Some("0000-01-01T00:00:00Z"));
}

#[test]
fn every_time_is_shown_as_it_is_read() {
    // Steps that meet every second of a minute, minute, hour, day, month, and many years.
    let mut second = Time::MIN.as_second();
    while second <= Time::MAX.as_second() {
        let time = Time::from_second(second).unwrap();
        assert_eq!(show(time), time.to_string());
        second += 86_400 * 37 + 3_661;
    }
    let part = Time::from_millisecond(1_500).unwrap();
    assert_eq!(show(part), cut(part).to_string());
}

#[test]
fn what_could_not_be_shown_again_is_no_time() {
    for text in [
        "0000-01-01T00:00:00+01:00",
        "9999-12-31T23:59:59-01:00",
        "2026-03-02T11:40:00[Europe/Vienna]",
        "2026-03-02",
        "yesterday",
    ] {
        check(text, None);
    }
}
