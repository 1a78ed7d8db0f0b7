//! `Retry-After`, on the corpus and its mutations.

mod check;

use tidings_delivery::verdict::retry_after_ms;
use tidings_domain::Time;
use tidings_testkit::corpus::retry_after::{ABSURD, SANE};
use tidings_testkit::mutate::mutations;

#[test]
fn sane_values_ask_for_what_they_say() {
    let wall: Time = "2026-03-02T11:40:00Z".parse().unwrap();
    for (value, seconds) in SANE {
        let expected = i64::try_from(seconds * 1_000).unwrap();
        let asked = retry_after_ms(value, wall);
        assert_eq!(asked.unwrap_or(0), expected, "{value:?}");
    }
}

#[test]
fn absurd_values_and_mutations_are_bounded() {
    for value in ABSURD {
        check::retry_after(value.as_bytes());
    }
    let sane = SANE.iter().map(|(value, _)| *value);
    let seeds: Vec<Vec<u8>> = sane
        .chain(ABSURD.iter().copied())
        .map(|value| value.as_bytes().to_vec())
        .collect();
    for input in mutations(&seeds, 50_000) {
        check::retry_after(&input);
    }
}
