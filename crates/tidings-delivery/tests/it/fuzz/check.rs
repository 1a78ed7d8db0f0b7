//! What must hold for any `Retry-After`. Shared with the fuzz target `retry_after`.

use tidings_delivery::verdict::retry_after_ms;
use tidings_domain::Time;

const DAY_MS: i64 = 24 * 3_600 * 1_000;

/// At any time of the clock: nothing, or more than nothing and at most a day.
pub(crate) fn retry_after(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    for wall in [
        Time::MIN,
        Time::UNIX_EPOCH,
        Time::from_second(1_772_451_600).unwrap(),
        Time::MAX,
    ] {
        if let Some(ms) = retry_after_ms(&text, wall) {
            assert!((1..=DAY_MS).contains(&ms), "{text:?} at {wall}: {ms}");
        }
    }
    let digits = text.trim_matches([' ', '\t']);
    if !digits.is_empty() && digits.len() < 6 && digits.bytes().all(|b| b.is_ascii_digit()) {
        let seconds: i64 = digits.parse().unwrap();
        let asked = retry_after_ms(&text, Time::UNIX_EPOCH).unwrap_or(0);
        assert_eq!(asked, (seconds * 1_000).min(DAY_MS), "{text:?}");
    }
}
