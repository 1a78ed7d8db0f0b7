//! Who is told when, who is let in, and that nobody is forgotten.

use tidings_storage::{Attempt, Then};

use super::*;

fn made(ids: impl IntoIterator<Item = i64>) -> Vec<(DeliveryId, WebhookId)> {
    ids.into_iter()
        .map(|id| (DeliveryId(id), WebhookId(id % 10)))
        .collect()
}

fn enter(waiters: &Arc<Waiters>, ids: impl IntoIterator<Item = i64>) -> Option<Waiter> {
    waiters.enter(made(ids).into_iter())
}

fn settlement(id: i64, tried: bool) -> Settlement {
    let attempt = Attempt {
        number: 1,
        trigger: "event".into(),
        started_at: String::new(),
        duration_ms: 1,
        outcome: "accepted".into(),
        status: Some(200),
        error: None,
        url: "".into(),
        request_headers: tidings_domain::Headers::default(),
        response: None,
        timings_us: [None; 4],
        remote: None,
    };
    Settlement {
        delivery: DeliveryId(id),
        webhook: WebhookId(id % 10),
        attempt: tried.then_some(attempt),
        then: Then::Delivered,
        tries: 1,
        first_try_ms: None,
        late: false,
    }
}

fn is_ready(waiter: &Waiter) -> bool {
    let ready = std::pin::pin!(waiter.ready());
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    ready.poll(&mut cx).is_ready()
}

fn tell(waiters: &Waiters, settlements: &[Settlement], sick: Option<(i64, HealthState)>) {
    let health = sick.map(|(id, state)| {
        let health = Health {
            state,
            ..Health::default()
        };
        (WebhookId(id), health)
    });
    waiters.written(settlements, health.iter().map(|(id, health)| (id, health)));
}

#[test]
fn it_is_over_with_the_last_first_try() {
    let waiters = Arc::new(Waiters::default());
    let waiter = enter(&waiters, [1, 2, 3]).unwrap();
    tell(&waiters, &[settlement(1, true), settlement(9, true)], None);
    assert!(!is_ready(&waiter));
    // A decision without a try is none.
    tell(&waiters, &[settlement(2, false), settlement(3, true)], None);
    assert!(!is_ready(&waiter));
    tell(&waiters, &[settlement(2, true)], None);
    assert!(is_ready(&waiter));
}

#[test]
fn what_was_tried_before_and_what_will_not_be_is_not_waited_for() {
    let waiters = Arc::new(Waiters::default());
    let waiter = enter(&waiters, [1, 2, 3, 13]).unwrap();
    waiter.found(DeliveryId(1));
    tell(&waiters, &[], Some((2, HealthState::Ok)));
    assert!(!is_ready(&waiter));
    tell(&waiters, &[], Some((2, HealthState::BackingOff)));
    assert!(!is_ready(&waiter));
    waiters.give_up(WebhookId(3));
    assert!(is_ready(&waiter));
    let nothing = enter(&waiters, []).unwrap();
    assert!(is_ready(&nothing));
}

#[test]
fn places_are_few_and_come_back() {
    let waiters = Arc::new(Waiters::default());
    let most = i64::try_from(MOST_AWAITED).unwrap();
    assert!(enter(&waiters, 0..=most).is_none());
    let all: Vec<_> = (0..20)
        .map(|n| enter(&waiters, n * most..(n + 1) * most).unwrap())
        .collect();
    assert!(enter(&waiters, [-1]).is_none(), "too many deliveries");
    drop(all);
    let many: Vec<_> = (0..256).map(|n| enter(&waiters, [n]).unwrap()).collect();
    assert_eq!(waiters.count(), MOST_WAITERS);
    assert!(enter(&waiters, [-1]).is_none(), "too many waiters");
    drop(many);
    assert_eq!(waiters.count(), 0);
    let desk = waiters.desk.lock();
    assert!(desk.waiters.is_empty() && desk.by_delivery.is_empty());
}

#[test]
fn closing_answers_everybody_and_lets_nobody_in() {
    let waiters = Arc::new(Waiters::default());
    let waiter = enter(&waiters, [1]).unwrap();
    waiters.close();
    assert!(is_ready(&waiter));
    assert!(enter(&waiters, [2]).is_none());
}
