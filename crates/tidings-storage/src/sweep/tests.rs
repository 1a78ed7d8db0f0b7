//! Absences and sweeps as tables.

use tidings_domain::{DeliveryId, EventId, ProjectId, WebhookId};

use super::{Absence, BLOCK, EVENTS_A_BLOCK, Errand, NewSweep, Sweep, first_id};

fn closed(since: i64, until: i64, place: i64) -> Absence {
    Absence::open(EventId(since)).close(EventId(until), DeliveryId(place))
}

#[test]
fn an_absence_reserves_room_for_what_was_missed() {
    let table = [
        // events, blocks
        (0, 1),
        (1, 1),
        (EVENTS_A_BLOCK - 1, 1),
        (EVENTS_A_BLOCK, 2),
        (1_000_000, 1 + 1_000_000 / EVENTS_A_BLOCK),
    ];
    for (events, blocks) in table {
        let absence = closed(7, 7 + events, 100);
        let ids = absence.place_end.0 - absence.place.0 + 1;
        assert_eq!(ids, blocks * BLOCK, "{events} events");
        assert!(!absence.is_open());
    }
}

#[test]
fn parts_of_an_absence_share_its_ids_in_order() {
    let whole = closed(10, 110, 1_000);
    for after in [11, 50, 109] {
        let (early, late) = whole.split(EventId(after)).unwrap();
        assert_eq!((early.since, early.until), (EventId(10), EventId(after)));
        assert_eq!((late.since, late.until), (EventId(after), EventId(110)));
        assert!(early.place <= early.place_end && late.place <= late.place_end);
        assert_eq!(early.place, whole.place);
        assert_eq!(early.place_end.0 + 1, late.place.0, "without a gap");
        assert_eq!(late.place_end, whole.place_end);
    }
    for after in [0, 10, 110, 200] {
        assert!(whole.split(EventId(after)).is_none(), "{after}");
    }
}

#[test]
fn a_place_runs_out_and_says_so() {
    let mut absence = Absence {
        place: DeliveryId(5),
        place_end: DeliveryId(6),
        ..closed(1, 2, 5)
    };
    let ids: Vec<_> = (0..3).map(|_| absence.take_id().map(|id| id.0)).collect();
    assert_eq!(ids, [Some(5), Some(6), None]);
}

#[test]
fn a_sweep_concerns_what_was_missed_after_its_time_and_before_it_began() {
    let sweep = |errand| {
        let new = NewSweep {
            webhook: WebhookId(1),
            errand,
            since_ms: 3,
            until_ms: None,
        };
        let range = (EventId(10), EventId(20));
        Sweep::begin(&new, ProjectId(1), DeliveryId(i64::MAX), range)
    };
    let table = [
        (closed(10, 20, 1), true),
        (closed(12, 14, 1), true),
        (closed(9, 14, 1), false),
        (closed(12, 21, 1), false),
        (Absence::open(EventId(12)), false),
    ];
    for (absence, expected) in table {
        for errand in [Errand::Deliver, Errand::Skip] {
            assert_eq!(sweep(errand).concerns(&absence), expected, "{absence:?}");
        }
        let resend = Errand::Resend {
            failed: true,
            expired: true,
        };
        assert!(!sweep(resend).concerns(&absence));
    }
}

#[test]
fn a_sweep_moves_on_and_never_back() {
    let new = NewSweep {
        webhook: WebhookId(1),
        errand: Errand::Deliver,
        since_ms: 3,
        until_ms: Some(9),
    };
    let mut sweep = Sweep::begin(
        &new,
        ProjectId(1),
        DeliveryId(i64::MAX),
        (EventId(0), EventId(9)),
    );
    assert_eq!(sweep.at.0, first_id(3).0 - 1, "what is older may be sent");
    assert_eq!(sweep.end.0, first_id(9).0 - 1);
    let (id, bound) = (DeliveryId(first_id(4).0), DeliveryId(first_id(5).0));
    sweep.deliveries_done(&[id], true, bound);
    assert_eq!((sweep.at, sweep.count), (id, 1));
    sweep.deliveries_done(&[], false, bound);
    assert_eq!((sweep.at, sweep.count), (bound, 1));
    let mut absence = closed(0, 5, first_id(6).0);
    let first = absence.take_id().unwrap();
    sweep.events_done(1, &absence, false);
    assert_eq!((sweep.at, sweep.count), (first, 2));
    sweep.events_done(0, &absence, true);
    assert_eq!(sweep.at, absence.place_end);
    sweep.deliveries_done(&[], false, bound);
    assert_eq!(sweep.at, absence.place_end, "not back");
}
