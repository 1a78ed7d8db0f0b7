//! What all lanes hold together is bounded, however many there are and whatever they are fed.

use std::sync::Arc;

use bytes::Bytes;
use tidings_domain::delivery::{Outcome, Trigger};
use tidings_domain::webhook::{Health, HealthState, Webhook};
use tidings_domain::{
    Collection, DeliveryId, Entropy, Headers, ObjectRef, ProjectId, Time, WebhookId,
};
use tidings_storage::{
    Attempt, AttemptResponse, CommitListener, LaneStart, Message, Queued, StoreError,
};

use super::{Core, MOST_UNWRITTEN_BYTES, MUCH_HELD, MUCH_HELD_BYTES};
use crate::effect::{Effect, Flight, Found, Landed, Loaded};
use crate::health::Moment;
use crate::hints;
use crate::inbox::{Input, Mail};
use crate::settings::Settings;
use crate::verdict::Verdict;

struct Never;

impl Entropy for Never {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(0);
    }
}

fn now() -> Moment {
    let wall: Time = "2026-01-01T00:00:00Z".parse().unwrap();
    Moment { ms: 0, wall }
}

pub(crate) fn webhook(id: i64) -> Arc<Webhook> {
    Arc::new(Webhook {
        url: "https://example.org/hook".into(),
        dialect: "standard".into(),
        ..Webhook::new(WebhookId(id), ProjectId(1), "")
    })
}

fn core(lanes: i64, pending: bool) -> Core {
    let mut core = Core::new(
        Settings::default(),
        Arc::new(Never),
        Arc::default(),
        Arc::default(),
        now(),
    );
    let start = |id| LaneStart {
        webhook: webhook(id),
        health: Health::default(),
        project_on: true,
        has_pending: pending,
    };
    core.begin((1..=lanes).map(start).collect(), None, now());
    core
}

fn message(bytes: usize) -> Arc<Message> {
    Arc::new(Message {
        id: 1,
        project: ProjectId(1),
        event: None,
        dialect: "standard".into(),
        code: "story.created".into(),
        body: Bytes::from(vec![b'x'; bytes]),
        object: "".into(),
        sequence: None,
        roots: vec![ObjectRef::new(Collection::Stories, 1)],
    })
}

fn queued(webhook: WebhookId, id: i64, message: &Arc<Message>) -> Queued {
    Queued::new(DeliveryId(id), webhook, Arc::clone(message), Trigger::Event)
}

fn hints_of(hints: Vec<Queued>) -> Mail {
    Mail {
        hints,
        ..Mail::default()
    }
}

fn inputs_of(inputs: Vec<Input>) -> Mail {
    Mail {
        inputs,
        ..Mail::default()
    }
}

#[test]
fn ten_thousand_lanes_hold_no_more_than_the_budget_when_fed_by_commits() {
    let mut core = core(10_000, false);
    let message = message(1);
    let mut id = 0;
    for _ in 0..60 {
        let mut hints = Vec::new();
        for lane in 1..=10_000 {
            id += 1;
            hints.push(queued(WebhookId(lane), id, &message));
        }
        core.handle(&mut hints_of(hints), now());
        drop(core.take_effects());
    }
    let held = core.budget.held;
    assert!(held > MUCH_HELD, "{held}");
    assert!(held <= 5 * MUCH_HELD + 10_000, "{held}");
}

#[test]
fn ten_thousand_lanes_hold_no_more_than_the_budget_when_they_load() {
    let mut core = core(10_000, true);
    core.handle(&mut Mail::default(), now());
    let (effects, _) = core.take_effects();
    let message = message(1);
    let mut id = 0;
    let mut asked = 0;
    for effect in effects.todo {
        let Effect::Load(load) = effect else { continue };
        asked += 1;
        let page = (0..load.limit)
            .map(|_| {
                id += 1;
                queued(load.webhook, id, &message)
            })
            .collect();
        let loaded = Loaded {
            load,
            result: Ok(Found {
                page,
                ..Found::default()
            }),
        };
        core.handle(&mut inputs_of(vec![Input::Loaded(Box::new(loaded))]), now());
    }
    assert_eq!(asked, 10_000);
    let held = core.budget.held;
    assert!(held >= 10_000, "each lane goes on: {held}");
    assert!(held <= 5 * MUCH_HELD + 10_000, "{held}");
}

#[test]
fn the_bytes_of_what_waits_are_left_in_the_store_beyond_the_budget() {
    let mut core = core(1_000, false);
    let message = message(1024 * 1024);
    let mut id = 0;
    for _ in 0..4 {
        let mut hints = Vec::new();
        for lane in 1..=1_000 {
            id += 1;
            hints.push(queued(WebhookId(lane), id, &message));
        }
        core.handle(&mut hints_of(hints), now());
    }
    let bytes = core.budget.held_bytes;
    assert!(bytes >= MUCH_HELD_BYTES, "{bytes}");
    assert!(bytes <= MUCH_HELD_BYTES + 2 * 1024 * 1024, "{bytes}");
    assert_eq!(core.budget.held, 4_000, "nothing is forgotten");
    let (effects, _) = core.take_effects();
    let sends = effects.todo.iter().filter_map(|effect| match effect {
        Effect::Send(flight) => Some(flight),
        _ => None,
    });
    let light = sends.clone().filter(|f| f.message.is_none()).count();
    assert_eq!(sends.count(), 1_000, "all the same, each lane sends");
    assert!(light > 900, "{light}");
}

#[test]
fn however_little_a_lane_may_hold_a_poisonous_message_is_not_all_it_probes_with() {
    let settings = Settings {
        window: 1,
        ..Settings::default()
    };
    let mut core = Core::new(
        settings,
        Arc::new(Never),
        Arc::default(),
        Arc::default(),
        now(),
    );
    let health = Health {
        state: HealthState::BackingOff,
        consecutive_failures: 4,
        ..Health::default()
    };
    let start = LaneStart {
        webhook: webhook(1),
        health,
        project_on: true,
        has_pending: true,
    };
    core.begin(vec![start], None, now());
    let message = message(1);
    let poisonous = Queued {
        tries: 5,
        first_try_ms: Some(-60_000),
        due_ms: Some(-1),
        late: true,
        ..queued(WebhookId(1), 1, &message)
    };
    let waiting = [poisonous, queued(WebhookId(1), 2, &message)];
    core.handle(&mut Mail::default(), now());
    let mut sent = Vec::new();
    let mut todo = core.take_effects().0.todo;
    while let Some(effect) = todo.pop() {
        match effect {
            Effect::Load(load) => {
                let page = waiting.iter().filter(|q| q.id > load.after);
                let page = page.take(load.limit).cloned().collect();
                let result = Ok(Found {
                    page,
                    ..Found::default()
                });
                let loaded = Input::Loaded(Box::new(Loaded { load, result }));
                core.handle(&mut inputs_of(vec![loaded]), now());
                todo.extend(core.take_effects().0.todo);
            }
            Effect::Send(flight) => sent.push(flight.delivery),
            Effect::Park(_) | Effect::Announce(..) => {}
        }
    }
    assert_eq!(sent, [DeliveryId(2)]);
}

fn tried(flight: &Flight, answer: usize) -> Input {
    let attempt = Attempt {
        number: 0,
        trigger: "event".into(),
        started_at: String::new(),
        duration_ms: 1,
        outcome: "accepted".into(),
        status: Some(200),
        error: None,
        url: "".into(),
        request_headers: Headers::default(),
        response: Some(AttemptResponse {
            headers: Headers::default(),
            body: "x".repeat(answer),
            truncated: false,
        }),
        timings_us: [None; 4],
        remote: None,
    };
    let verdict = Verdict {
        outcome: Outcome::Accepted,
        status: Some(200),
        overwhelmed: false,
        reached: true,
        gone: false,
        retry_after_ms: None,
    };
    let landed = Landed::Tried(vec![attempt], verdict);
    Input::Landed(flight.target.webhook.id, flight.delivery, landed)
}

/// A store that writes nothing while receivers answer much: the sending stops, and goes on when the results are written.
#[test]
fn unwritten_results_stop_the_sending_before_they_fill_the_memory() {
    const ANSWER: usize = 64 * 1024;
    let mut core = core(500, false);
    let message = message(1);
    let mut id = 0;
    let mut hints = Vec::new();
    for lane in 1..=500 {
        for _ in 0..20 {
            id += 1;
            hints.push(queued(WebhookId(lane), id, &message));
        }
    }
    core.handle(&mut hints_of(hints), now());
    let mut unwritten = Vec::new();
    loop {
        let (effects, _) = core.take_effects();
        unwritten.extend(effects.settlements.iter().map(|s| (s.webhook, s.delivery)));
        let landed: Vec<_> = effects
            .todo
            .iter()
            .filter_map(|effect| match effect {
                Effect::Send(flight) => Some(tried(flight, ANSWER)),
                _ => None,
            })
            .collect();
        if landed.is_empty() {
            break;
        }
        core.handle(&mut inputs_of(landed), now());
    }
    let bytes = core.budget.unwritten_bytes;
    assert_eq!(bytes, unwritten.len() * ANSWER);
    assert!(bytes >= MOST_UNWRITTEN_BYTES, "{bytes}");
    assert!(bytes <= MOST_UNWRITTEN_BYTES + 500 * 8 * ANSWER, "{bytes}");
    core.handle(&mut inputs_of(vec![Input::Settled(unwritten)]), now());
    assert_eq!(core.budget.unwritten_bytes, 0);
    let (effects, _) = core.take_effects();
    assert!(!effects.todo.is_empty(), "the sending goes on");
}

#[test]
fn hints_that_nobody_takes_are_bounded_in_bytes_too() {
    let (listener, inbox) = hints();
    let message = message(1024 * 1024);
    let all: Vec<_> = (1..=100)
        .map(|id| queued(WebhookId(1), id, &message))
        .collect();
    for batch in all.chunks(7) {
        listener.committed(batch);
    }
    let mut mail = Mail::default();
    inbox.take(&mut mail);
    assert_eq!(mail.hints.len(), 32);
    assert_eq!(mail.overflow[&WebhookId(1)], DeliveryId(100));
    listener.committed(&all[..1]);
    inbox.take(&mut mail);
    assert_eq!(mail.hints.len(), 1, "a taken inbox is empty");
}

/// The one flight that starts.
fn flight(core: &mut Core) -> Flight {
    let mut todo = core.take_effects().0.todo;
    match (todo.pop(), todo.is_empty()) {
        (Some(Effect::Send(flight)), true) => flight,
        (other, _) => panic!("{other:?} and {todo:?}"),
    }
}

fn unread(flight: &Flight) -> Input {
    let landed = Landed::Unread(StoreError::Unavailable(String::new()));
    Input::Landed(flight.target.webhook.id, flight.delivery, landed)
}

#[test]
fn what_could_not_be_read_was_not_tried() {
    let mut core = core(1, false);
    let hint = queued(WebhookId(1), 1, &message(1));
    core.handle(&mut hints_of(vec![hint]), now());
    let first = flight(&mut core);
    core.handle(&mut inputs_of(vec![unread(&first)]), now());
    let later = Moment {
        ms: core.next_alarm(),
        ..now()
    };
    assert!(later.ms <= 1_000, "{}", later.ms);
    core.handle(&mut Mail::default(), later);
    let again = flight(&mut core);
    assert_eq!(
        (first.trigger, again.trigger),
        (Trigger::Event, Trigger::Event)
    );
    assert_eq!(core.budget.open, 1);
}

#[test]
fn a_deleted_webhook_is_forgotten_however_its_last_flight_ends() {
    let mut core = core(1, false);
    let hint = queued(WebhookId(1), 1, &message(1));
    core.handle(&mut hints_of(vec![hint]), now());
    let last = flight(&mut core);
    let (done, _) = tokio::sync::oneshot::channel();
    let deleted = Input::Deleted(WebhookId(1), done);
    core.handle(&mut inputs_of(vec![deleted]), now());
    assert!(core.lanes.get(WebhookId(1)).is_some(), "it is in the air");
    core.handle(&mut inputs_of(vec![unread(&last)]), now());
    assert!(core.lanes.get(WebhookId(1)).is_none());
    assert_eq!((core.budget.open, core.budget.held), (0, 0));
}
