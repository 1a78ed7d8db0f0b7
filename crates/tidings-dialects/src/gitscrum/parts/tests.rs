//! Dates in words.

use tidings_domain::time;

use super::relative;

#[test]
fn dates_are_told_by_their_largest_whole_unit() {
    let now = "2026-03-02T10:15:00Z";
    for (when, words) in [
        ("2026-03-02T10:15:00Z", "1 second ago"),
        ("2026-03-02T10:14:59Z", "1 second ago"),
        ("2026-03-02T10:14:58Z", "2 seconds ago"),
        ("2026-03-02T10:14:01Z", "59 seconds ago"),
        ("2026-03-02T10:14:00Z", "1 minute ago"),
        ("2026-03-02T09:15:01Z", "59 minutes ago"),
        ("2026-03-02T09:15:00Z", "1 hour ago"),
        ("2026-03-02T08:14:00Z", "2 hours ago"),
        ("2026-03-01T10:15:01Z", "23 hours ago"),
        ("2026-03-01T10:15:00Z", "1 day ago"),
        ("2026-02-23T10:15:01Z", "6 days ago"),
        ("2026-02-23T10:15:00Z", "1 week ago"),
        ("2026-02-16T10:00:00Z", "2 weeks ago"),
        // A month is one of the calendar: from 2 February on, 28 days.
        ("2026-02-02T10:15:01Z", "3 weeks ago"),
        ("2026-02-02T10:15:00Z", "1 month ago"),
        ("2025-03-02T10:15:01Z", "11 months ago"),
        ("2025-03-02T10:15:00Z", "1 year ago"),
        ("2024-01-10T09:00:00Z", "2 years ago"),
        ("2026-03-02T10:15:01Z", "in 1 second"),
        ("2026-03-02T10:17:30Z", "in 2 minutes"),
        ("2026-03-07T23:59:59Z", "in 5 days"),
        ("2026-03-09T23:59:59Z", "in 1 week"),
        ("2026-04-01T10:15:00Z", "in 4 weeks"),
        ("2026-04-02T10:15:00Z", "in 1 month"),
        ("2036-03-02T10:14:59Z", "in 9 years"),
        ("0001-01-01T00:00:00Z", "2025 years ago"),
        ("9999-12-30T00:00:00Z", "in 7973 years"),
    ] {
        let [when, now] = [when, now].map(|text| time::parse(text).unwrap());
        assert_eq!(relative(when, now), words, "{when}");
    }
}
