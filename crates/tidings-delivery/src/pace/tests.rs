//! Hours, minutes and speed.

use super::*;

const HOUR: i64 = 3_600_000;
const W: WebhookId = WebhookId(4);

fn tried(accepted: bool, took_ms: u32) -> Tried {
    Tried { accepted, took_ms }
}

fn hour(hour: i64, accepted: u32, failed: u32) -> Hour {
    Hour {
        webhook: W,
        hour,
        accepted,
        failed,
    }
}

#[test]
fn tries_are_counted_in_their_hour_until_the_store_has_them() {
    let mut pace = Pace::default();
    pace.note(tried(true, 1), 10 * HOUR);
    pace.note(tried(false, 1), 11 * HOUR - 1);
    pace.note(tried(true, 1), 11 * HOUR);
    let both = [hour(10, 1, 1), hour(11, 1, 0)];
    assert_eq!(pace.hours(W).collect::<Vec<_>>(), both);
    pace.forget_hours();
    assert_eq!(pace.hours(W).count(), 0);
    pace.note(tried(true, 1), 11 * HOUR + 5);
    for hour in &both {
        pace.put_back(hour);
    }
    let again = [hour(10, 1, 1), hour(11, 2, 0)];
    assert_eq!(pace.hours(W).collect::<Vec<_>>(), again);
}

#[test]
fn the_speed_is_the_median_of_the_last_tries() {
    let mut pace = Pace::default();
    assert_eq!(pace.speed(), None);
    pace.note(tried(true, 50), 0);
    let only = Speed {
        median_ms: 50,
        last_ms: 50,
    };
    assert_eq!(pace.speed(), Some(only));
    for ms in 1..=30 {
        pace.note(tried(true, ms), 0);
    }
    let of_the_last_15 = Speed {
        median_ms: 23,
        last_ms: 30,
    };
    assert_eq!(pace.speed(), Some(of_the_last_15));
}

#[test]
fn minutes_pass_also_when_nothing_is_sent() {
    let mut minutes = Minutes::default();
    let at = |minute: i64| minute * MINUTE_MS;
    minutes.note((1, 0), at(1_000_000));
    minutes.note((0, 1), at(1_000_000) + 59_999);
    minutes.note((1, 0), at(1_000_002));
    let shown = minutes.show(at(1_000_003));
    assert_eq!(shown.len(), MINUTES);
    assert_eq!(shown[56..], [(1, 1), (0, 0), (1, 0), (0, 0)]);
    assert_eq!(minutes.show(at(1_000_100)), vec![(0, 0); MINUTES]);
}
