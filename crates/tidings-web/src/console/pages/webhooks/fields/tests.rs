//! Waits as people write them.

use tidings_domain::Value;

use super::{schedule, schedule_words};

#[test]
fn a_schedule_reads_as_it_is_written() {
    for (text, seconds, again) in [
        ("", "null", ""),
        ("none", "[]", "none"),
        (
            "5 s, 30s; 2 min, 10m, 1 h,1d",
            "[5,30,120,600,3600,86400]",
            "5 s, 30 s, 2 min, 10 min, 1 h, 1 d",
        ),
        ("90", "[90]", "90 s"),
        ("5400", "[5400]", "90 min"),
        (" 2 Hours , ", "[7200]", "2 h"),
    ] {
        let read = schedule(text);
        assert_eq!(read, Value::parse(seconds.as_bytes()).unwrap(), "{text}");
        assert_eq!(schedule_words(Some(&read)), again, "{text}");
        assert_eq!(schedule(&schedule_words(Some(&read))), read, "{text}");
    }
}

#[test]
fn what_is_no_length_of_time_is_left_to_be_refused() {
    for text in [
        "soon",
        "5 s, 2 fortnights",
        "h",
        "-5 s",
        "99999999999999999999 s",
        "9223372036854775807 d",
    ] {
        let Value::List(steps) = schedule(text) else {
            panic!("{text}");
        };
        assert!(steps.iter().any(|step| step.as_str().is_some()), "{text}");
    }
}
