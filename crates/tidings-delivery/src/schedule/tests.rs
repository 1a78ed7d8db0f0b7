//! When a try is repeated, and when it is given up.

use super::*;

#[test]
fn the_default_is_eleven_tries_over_75_hours() {
    let schedule = Schedule::default();
    let waits: Vec<i64> = (1..=10)
        .map(|tries| schedule.wait_after(tries, 0, 0).unwrap() / 1_000)
        .collect();
    assert_eq!(
        waits,
        [
            5, 30, 120, 600, 3_600, 10_800, 21_600, 43_200, 86_400, 86_400
        ]
    );
    assert_eq!(schedule.sum_ms() / 1_000, 252_755);
}

#[test]
fn given_up_only_after_all_tries_and_the_whole_time() {
    let schedule = Schedule::from_seconds(&[1, 2]);
    let cases = [
        // tries, first try, now, wait
        (1, 0, 0, Some(1_000)),
        (2, 0, 1_000, Some(2_000)),
        (3, 0, 3_000, None),
        (3, 0, 2_999, Some(2_000)),
        (3, 500, 3_000, Some(2_000)),
        (9, 0, 3_000, None),
        (1, 0, 1_000_000, Some(1_000)),
    ];
    for (tries, first, now, wait) in cases {
        assert_eq!(
            schedule.wait_after(tries, first, now),
            wait,
            "{tries} {first} {now}"
        );
    }
}

#[test]
fn an_empty_schedule_is_one_try() {
    let schedule = Schedule::from_seconds(&[]);
    assert_eq!(schedule.wait_after(1, 0, 0), None);
    assert_eq!(schedule.step(1), 0);
}

#[test]
fn steps_repeat_the_last_wait() {
    let schedule = Schedule::from_seconds(&[5, 30]);
    assert_eq!(
        [0, 1, 2, 3, 99].map(|n| schedule.step(n)),
        [5_000, 5_000, 30_000, 30_000, 30_000]
    );
}

#[test]
fn absurd_waits_neither_overflow_nor_last_for_ever() {
    let schedule = Schedule::from_seconds(&[u64::MAX, u64::MAX]);
    assert_eq!(schedule.step(1), LONGEST_MS);
    assert_eq!(schedule.sum_ms(), 2 * LONGEST_MS);
}

#[test]
fn jitter_is_at_most_a_fifth() {
    assert_eq!(most_jitter_ms(5_000), 1_000);
    assert_eq!(most_jitter_ms(4), 0);
}
