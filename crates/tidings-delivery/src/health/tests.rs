//! The state machine of a webhook's health, move by move.

use tidings_egress::Outcome;

use super::*;

fn at(seconds: i64) -> Moment {
    let base: Time = "2026-01-01T00:00:00Z".parse().unwrap();
    Moment {
        ms: seconds * 1_000,
        wall: Time::from_second(base.as_second() + seconds).unwrap(),
    }
}

fn rules(failure_limit: u32) -> Rules {
    Rules {
        failure_limit,
        disable_after_ms: 5 * 24 * 3_600_000,
        schedule: Schedule::default(),
    }
}

fn status(status: u16) -> Verdict {
    Verdict {
        outcome: Outcome::Rejected,
        status: Some(status),
        overwhelmed: matches!(status, 429 | 502 | 503 | 504),
        reached: true,
        gone: status == 410,
        retry_after_ms: None,
    }
}

/// A webhook whose tries fail one after the other at these seconds; the wait before the next probe after each, `None` while `ok`.
fn waits(limit: u32, verdict: &Verdict, seconds: &[i64]) -> Vec<Option<i64>> {
    let mut vital = Vital::load(Health::default(), at(0));
    let wait = |second: &i64| {
        let began = vital.begin();
        vital.failed(verdict, began, &rules(limit), at(*second));
        let backing_off = vital.state() == HealthState::BackingOff;
        backing_off.then(|| vital.probe_at_ms / 1_000 - second)
    };
    seconds.iter().map(wait).collect()
}

#[test]
fn when_it_backs_off_and_how_long() {
    let cases = [
        (
            0,
            500,
            vec![None, None, Some(5), Some(10), Some(20), Some(40), Some(80)],
        ),
        (
            0,
            503,
            vec![
                Some(5),
                Some(10),
                Some(20),
                Some(40),
                Some(80),
                Some(160),
                Some(320),
            ],
        ),
        (
            9,
            500,
            vec![
                Some(5),
                Some(30),
                Some(120),
                Some(600),
                Some(3_600),
                Some(10_800),
                Some(21_600),
            ],
        ),
    ];
    for (limit, code, expected) in cases {
        assert_eq!(
            waits(limit, &status(code), &[1, 2, 3, 4, 5, 6, 7]),
            expected
        );
    }
    let many: Vec<i64> = (0..40).collect();
    assert_eq!(waits(0, &status(429), &many).last(), Some(&Some(600)));
}

#[test]
fn what_started_before_the_last_counted_failure_does_not_count() {
    let mut vital = Vital::load(Health::default(), at(0));
    let began: Vec<u64> = (0..8).map(|_| vital.begin()).collect();
    for one in began {
        vital.failed(&status(500), one, &rules(2), at(1));
    }
    assert_eq!(vital.health.consecutive_failures, 1);
    let began = vital.begin();
    let reason = vital.failed(&status(500), began, &rules(2), at(1));
    assert_eq!(reason, Some(DisabledReason::FailureLimit));
}

#[test]
fn retry_after_moves_the_probe_also_of_what_does_not_count() {
    let mut vital = Vital::load(Health::default(), at(0));
    let (first, second) = (vital.begin(), vital.begin());
    vital.failed(&status(503), first, &rules(0), at(0));
    let asked = Verdict {
        retry_after_ms: Some(77_000),
        ..status(503)
    };
    vital.failed(&asked, second, &rules(0), at(0));
    assert_eq!(vital.health.consecutive_failures, 1);
    assert_eq!(vital.probe_at_ms, 77_000);
    assert_eq!(
        vital.health.next_probe_at.as_deref(),
        Some("2026-01-01T00:01:17Z")
    );
}

#[test]
fn any_success_ends_it_but_never_enables() {
    let mut vital = Vital::load(Health::default(), at(0));
    let began = vital.begin();
    vital.failed(&status(503), began, &rules(0), at(0));
    assert_eq!(vital.state(), HealthState::BackingOff);
    vital.accepted(Some(204), at(1));
    assert_eq!(vital.state(), HealthState::Ok);
    assert_eq!(vital.health.consecutive_failures, 0);
    assert_eq!(vital.health.next_probe_at, None);
    vital.disable(DisabledReason::Manual, at(2));
    vital.accepted(Some(200), at(3));
    assert_eq!(vital.health.reason, Some(DisabledReason::Manual));
    assert!(vital.is_disabled());
}

#[test]
fn only_gone_changes_a_paused_webhook() {
    let mut vital = Vital::load(Health::default(), at(0));
    vital.pause(at(0));
    let began = vital.begin();
    assert_eq!(vital.failed(&status(500), began, &rules(1), at(1)), None);
    assert_eq!(vital.state(), HealthState::Paused);
    let reason = vital.failed(&status(410), began, &rules(0), at(2));
    assert_eq!(reason, Some(DisabledReason::Gone));
    assert_eq!(vital.failed(&status(410), began, &rules(0), at(3)), None);
    vital.pause(at(4));
    vital.resume(at(4));
    assert!(vital.is_disabled(), "only enabling ends it");
}

#[test]
fn five_days_need_a_dozen_failures_of_the_last_day() {
    let day = 24 * 3_600;
    // Failures per hour of the last day, whether it is disabled.
    for (per_hour, disabled) in [(0, false), (1, true)] {
        let mut vital = Vital::load(Health::default(), at(0));
        for hour in 0..=120 {
            for _ in 0..per_hour {
                let began = vital.begin();
                vital.failed(&status(500), began, &rules(0), at(hour * 3_600));
            }
            if hour == 0 || hour == 120 {
                let began = vital.begin();
                vital.failed(&status(500), began, &rules(0), at(5 * day * hour / 120));
            }
            vital.hour_passed();
        }
        assert_eq!(vital.is_disabled(), disabled, "{per_hour}");
    }
}

#[test]
fn enabling_and_a_new_url_forget() {
    let mut vital = Vital::load(Health::default(), at(0));
    let began = vital.begin();
    vital.failed(&status(503), began, &rules(0), at(0));
    let flying = vital.begin();
    vital.url_changed(at(1));
    assert_eq!(vital.state(), HealthState::Ok);
    vital.failed(&status(503), flying, &rules(0), at(2));
    assert_eq!(vital.state(), HealthState::Ok, "it went to the old URL");
    vital.disable(DisabledReason::Manual, at(3));
    vital.url_changed(at(4));
    assert!(vital.is_disabled());
    vital.enable(at(5));
    assert_eq!(vital.state(), HealthState::Ok);
    assert_eq!(vital.health.since.as_deref(), Some("2026-01-01T00:00:05Z"));
}

#[test]
fn a_probe_is_never_later_than_its_wait_whatever_the_clock_did() {
    let health = Health {
        state: HealthState::BackingOff,
        next_probe_at: Some("2036-01-01T00:00:00Z".into()),
        ..Health::default()
    };
    let vital = Vital::load(health, at(100));
    assert_eq!(vital.probe_at_ms, 100_000 + LONGEST_PROBE_MS);
}
