//! Chapters on what people see of how webhooks and the server do.

use std::time::Duration;

use tidings_domain::delivery::Trigger;
use tidings_domain::webhook::{DisabledReason, Health, HealthState, Shift};
use tidings_domain::{DeliveryId, WebhookId, time};

use super::{Bench, DAY_MS, START_MS, attempt, not_found, prune_all, task};
use crate::{
    Errand, Hour, MOST_SHIFTS, NewSweep, Next, Oldest, Retention, SweepLeft, Then, hour_of,
};

fn hour(webhook: WebhookId, hour: i64, accepted: u32, failed: u32) -> Hour {
    Hour {
        webhook,
        hour,
        accepted,
        failed,
    }
}

pub(super) async fn hours(b: Bench) {
    let p = b.project("p").await;
    let (one, two, three) = (
        b.hook(p, "1").await,
        b.hook(p, "2").await,
        b.hook(p, "3").await,
    );
    let now = hour_of(START_MS);
    assert_eq!(b.store.hours(&[one, two], 0).await.unwrap(), []);
    let first = [hour(one, now, 5, 1), hour(two, now, 7, 0)];
    b.store.add_hours(&first).await.unwrap();
    let more = [hour(one, now, 2, 3), hour(one, now + 1, 1, 0)];
    b.store.add_hours(&more).await.unwrap();
    assert_eq!(
        b.store.hours(&[three, two, one], now).await.unwrap(),
        [
            hour(one, now, 7, 4),
            hour(one, now + 1, 1, 0),
            hour(two, now, 7, 0)
        ],
        "by webhook and hour, each added up"
    );
    assert_eq!(
        b.store.hours(&[one, two], now + 1).await.unwrap(),
        [hour(one, now + 1, 1, 0)],
        "from that hour on"
    );
    let later = [hour(one, now + 25, 1, 1)];
    b.store.add_hours(&later).await.unwrap();
    assert_eq!(
        b.store.hours(&[one], 0).await.unwrap(),
        [hour(one, now + 1, 1, 0), hour(one, now + 25, 1, 1)],
        "a day is kept"
    );
    b.store.delete_webhook(p, two).await.unwrap();
    b.store.add_hours(&[hour(two, now, 1, 0)]).await.unwrap();
    assert_eq!(b.store.hours(&[two], 0).await.unwrap(), [], "it is gone");
}

fn shift(b: &Bench, state: HealthState, by: Option<&str>) -> Shift {
    let now = tidings_domain::Time::from_millisecond(b.clock.now_ms());
    Shift {
        state,
        reason: (state == HealthState::Disabled).then_some(DisabledReason::Gone),
        at: time::show(now.unwrap()),
        by: by.map(str::to_owned),
        failures: 3,
        status: Some(410),
    }
}

async fn came_into(b: &Bench, webhook: WebhookId, shifts: &[&Shift]) {
    let health = Health {
        state: shifts.last().unwrap().state,
        shifts: shifts.iter().map(|s| (*s).clone()).collect(),
        ..Health::default()
    };
    b.store.settle(&[], &[(webhook, health)]).await.unwrap();
}

pub(super) async fn history(b: Bench) {
    let (p, q) = (b.project("p").await, b.project("q").await);
    let hook = b.hook(p, "h").await;
    let none = b.store.shifts(p, hook, 0, 10).await.unwrap();
    assert!(none.data.is_empty(), "nothing was said yet");
    let (bad, off) = (
        shift(&b, HealthState::BackingOff, None),
        shift(&b, HealthState::Disabled, None),
    );
    let on = shift(&b, HealthState::Ok, Some("app:ci"));
    came_into(&b, hook, &[&bad, &off]).await;
    came_into(&b, hook, &[&on]).await;
    let (_, health, _) = b.store.webhook(p, hook).await.unwrap().unwrap();
    assert_eq!(health.state, HealthState::Ok);
    assert!(health.shifts.is_empty(), "they are history, not health");
    let page = b.store.shifts(p, hook, 0, 2).await.unwrap();
    assert_eq!(page.data, [(3, on.clone()), (2, off)], "newest first");
    let rest = b
        .store
        .shifts(p, hook, page.next.unwrap(), 2)
        .await
        .unwrap();
    assert_eq!((rest.data, rest.next), (vec![(1, bad)], None));
    let other = b.store.shifts(q, hook, 0, 2).await.unwrap();
    assert!(other.data.is_empty(), "it is another project's");

    for _ in 0..MOST_SHIFTS {
        came_into(&b, hook, &[&on]).await;
    }
    let all = b.store.shifts(p, hook, 0, 1000).await.unwrap().data;
    assert_eq!(all.len(), MOST_SHIFTS, "the last ones");
    assert_eq!((all[0].0, all[MOST_SHIFTS - 1].0), (203, 4));

    b.clock
        .advance(Duration::from_millis(u64::try_from(31 * DAY_MS).unwrap()));
    let still = b.store.shifts(p, hook, 0, 1000).await.unwrap().data.len();
    assert_eq!(still, MOST_SHIFTS);
    prune_all(&b, Retention::default()).await;
    let left = b.store.shifts(p, hook, 0, 10).await.unwrap().data;
    assert_eq!(
        left,
        [(203, on)],
        "how it stands is known however old that is"
    );

    b.store.delete_webhook(p, hook).await.unwrap();
    let gone = b.store.shifts(p, hook, 0, 10).await.unwrap();
    assert!(gone.data.is_empty());
    came_into(&b, hook, &[&shift(&b, HealthState::Disabled, None)]).await;
    let gone = b.store.shifts(p, hook, 0, 10).await.unwrap();
    assert!(gone.data.is_empty(), "a last request of a deleted webhook");
}

pub(super) async fn figures(b: Bench) {
    let p = b.project("p").await;
    let (one, two) = (b.hook(p, "1").await, b.hook(p, "2").await);
    let waiting = async |expected: u64| {
        assert_eq!(b.store.figures().await.unwrap().waiting, expected);
    };
    waiting(0).await;
    assert_eq!(b.store.figures().await.unwrap().oldest, None);
    let docs = (1..=4).map(|id| task(id, "t")).collect();
    let d = b.put(p, docs, &[one, two]).await.deliveries;
    let figures = b.store.figures().await.unwrap();
    assert_eq!((figures.waiting, figures.deliveries), (8, 8));
    let oldest = Oldest {
        delivery: d[0].id,
        webhook: d[0].webhook,
        project: p,
    };
    assert_eq!(figures.oldest, Some(oldest));
    let mine = |hook| d.iter().filter(move |q| q.webhook == hook);
    let (first, second): (Vec<_>, Vec<_>) = (mine(one).collect(), mine(two).collect());

    let tried = |status| Some(attempt(Trigger::Event, Some(status), None));
    b.settle(first[0], tried(200), Then::Delivered).await;
    waiting(7).await;
    b.settle(first[0], tried(200), Then::Delivered).await;
    waiting(7).await;
    let later = Then::Retry {
        due_ms: START_MS,
        wait_ms: 1,
    };
    b.settle(first[1], tried(500), later).await;
    waiting(7).await;
    b.settle(first[1], tried(500), Then::Failed).await;
    waiting(6).await;
    b.store.resend(p, first[0].id).await.unwrap();
    waiting(7).await;
    b.settle(first[0], tried(500), Then::AsItIs).await;
    waiting(6).await;
    assert_eq!(b.store.park(two, 3).await.unwrap(), 3);
    waiting(3).await;
    b.settle(second[0], tried(200), Then::Delivered).await;
    waiting(3).await;

    let paused = Health {
        state: HealthState::Paused,
        ..Health::default()
    };
    b.store.settle(&[], &[(one, paused)]).await.unwrap();
    let oldest = b.store.figures().await.unwrap().oldest.unwrap();
    assert_eq!(
        oldest.delivery, second[3].id,
        "what people hold is no delay"
    );

    // A sweep brings back, and says how far it is.
    assert_eq!(b.store.sweep_left(one).await.unwrap(), None);
    let resend = NewSweep {
        webhook: one,
        errand: Errand::Resend {
            failed: true,
            expired: true,
        },
        since_ms: 0,
        until_ms: None,
    };
    let begun = b.store.begin_sweep(p, resend, None).await.unwrap();
    let left = SweepLeft {
        sweep: begun.sweep,
        deliveries: 1,
        events: 0,
    };
    assert_eq!(b.store.sweep_left(one).await.unwrap(), Some(left));
    let swept = b.store.sweep_deliveries(one, 1).await.unwrap();
    assert_eq!(swept.next, Next::Deliveries);
    waiting(4).await;
    let left = b.store.sweep_left(one).await.unwrap().unwrap();
    assert_eq!((left.sweep.count, left.deliveries), (1, 0));
    b.store.sweep_deliveries(one, 1).await.unwrap();
    assert_eq!(b.store.sweep_left(one).await.unwrap(), None, "it is over");

    // What it brought back waits, and nothing else up to there; what was delivered is not parked any more.
    let among = async |first: DeliveryId, last: DeliveryId| {
        b.store.waiting_among(one, (first, last)).await.unwrap()
    };
    assert_eq!(among(first[1].id, first[1].id).await, 1);
    assert_eq!(among(first[0].id, first[0].id).await, 0);
    let all = mine(one).count() as u64;
    assert_eq!(among(DeliveryId(0), DeliveryId(i64::MAX)).await, all - 1);
    let oldest = b.store.oldest_parked(two).await.unwrap();
    assert_eq!(oldest, Some(second[1].id));
    assert_eq!(b.store.oldest_parked(one).await.unwrap(), None);

    b.store.delete_webhook(p, one).await.unwrap();
    waiting(1).await;
    b.clock
        .advance(Duration::from_millis(u64::try_from(100 * DAY_MS).unwrap()));
    prune_all(&b, Retention::default()).await;
    waiting(1).await;
    b.store.delete_project(p).await.unwrap();
    waiting(0).await;
    assert_eq!(b.store.figures().await.unwrap().deliveries, 0);
    not_found(b.store.activities(p, 0, 1).await);
}
