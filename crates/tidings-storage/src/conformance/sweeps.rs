//! Chapters on what webhooks miss while they are off, and on sweeps.

use std::sync::Arc;
use std::time::Duration;

use tidings_domain::delivery::{DeliveryState, Trigger};
use tidings_domain::project::WebhookSwitch;
use tidings_domain::webhook::{Health, HealthState, Webhook};
use tidings_domain::{DeliveryId, EventId, Project, ProjectId, WebhookId, What};

use super::{Bench, DAY_MS, attempt, conflict, message, not_found, prune_all, task, webhook};
use crate::{
    DeliveryFilter, Errand, NewMessage, NewSweep, Next, Retention, Sweep, TestSend, Then, WriteWhat,
};

/// What an event says: its change's object, under one code.
fn says(project: ProjectId, webhook: WebhookId, event: &tidings_domain::Event) -> NewMessage {
    match &event.what {
        What::Change(change) => message(project, event.id, &change.object, &[webhook]),
        other => panic!("{other:?} was not recorded here"),
    }
}

/// One step over missed events.
async fn make_up(b: &Bench, sweep: &Sweep, (after, until): (EventId, EventId)) -> Sweep {
    let (project, hook) = (sweep.project, sweep.webhook);
    let found = b.store.missed(hook, 0, after, 2).await.unwrap();
    let mine = found.iter().filter(|a| a.event.id <= until);
    let messages: Vec<_> = mine.map(|a| says(project, hook, &a.event)).collect();
    let upto = messages.last().map_or(until, |m| m.event);
    let upto = if messages.len() < 2 { until } else { upto };
    let swept = b.store.sweep_events(hook, upto, messages).await.unwrap();
    swept.sweep
}

/// Carries a sweep that began to its end, in the smallest steps.
async fn carry_on(b: &Bench, hook: WebhookId) -> Sweep {
    loop {
        let swept = b.store.sweep_deliveries(hook, 2).await.unwrap();
        match swept.next {
            Next::Deliveries => {}
            Next::Events { after, until } => {
                let left = b.store.sweep_left(hook).await.unwrap().unwrap();
                assert_eq!(left.sweep, swept.sweep);
                let missed = b.store.missed(hook, 0, after, 1000).await.unwrap();
                let next = missed.iter().filter(|a| a.event.id <= until);
                let next = next.count() as u64;
                assert!(left.events >= next, "these are still to be told");
                make_up(b, &swept.sweep, (after, until)).await;
            }
            Next::Nothing => return swept.sweep,
        }
    }
}

/// A sweep from begin to end.
pub(super) async fn run(
    b: &Bench,
    project: ProjectId,
    new: NewSweep,
    enable: Option<Health>,
) -> Sweep {
    let hook = new.webhook;
    let begun = b.store.begin_sweep(project, new, enable).await.unwrap();
    assert_eq!(b.store.sweeps().await.unwrap(), [begun.sweep]);
    let sweep = carry_on(b, hook).await;
    assert_eq!(b.store.sweeps().await.unwrap(), [], "it is over");
    sweep
}

fn deliver(webhook: WebhookId, since_ms: i64) -> NewSweep {
    NewSweep {
        webhook,
        errand: Errand::Deliver,
        since_ms,
        until_ms: None,
    }
}

async fn stored(b: &Bench, project: ProjectId, hook: WebhookId) -> Webhook {
    let found = b.store.webhook(project, hook).await.unwrap();
    (*found.unwrap().0).clone()
}

async fn switch(b: &Bench, project: ProjectId, hook: WebhookId, enabled: bool) {
    let mut edited = stored(b, project, hook).await;
    edited.enabled = enabled;
    edited.version += 1;
    b.store.update_webhook(edited).await.unwrap();
}

async fn turn(b: &Bench, project: ProjectId, webhooks: WebhookSwitch) {
    let now = b.see(project, crate::AsOf::Now, |s| Arc::clone(s.project()));
    let project_now = Project {
        webhooks,
        ..(*now.await).clone()
    };
    b.write(project, WriteWhat::Project(Arc::new(project_now)))
        .await;
}

/// Records a task's creation for those webhooks; its event.
async fn put(b: &Bench, project: ProjectId, id: i64, webhooks: &[WebhookId]) -> EventId {
    let title = format!("task {id}");
    let recorded = b.put(project, vec![task(id, &title)], webhooks).await;
    recorded.plan.events[0].event.id
}

async fn missed(b: &Bench, hook: WebhookId, since_ms: i64) -> Vec<EventId> {
    let mut all = Vec::new();
    let mut after = EventId(0);
    loop {
        let page = b.store.missed(hook, since_ms, after, 2).await.unwrap();
        assert!(page.len() <= 2);
        let Some(last) = page.last() else {
            return all;
        };
        after = last.event.id;
        all.extend(page.iter().map(|a| a.event.id));
    }
}

/// The webhooks of a project that missed an event.
async fn absent(b: &Bench, project: ProjectId, event: EventId) -> Vec<WebhookId> {
    let all = (WebhookId(0), WebhookId(i64::MAX));
    b.store.absent(project, event, all).await.unwrap()
}

/// The events of a webhook's queue, in order.
async fn queued(b: &Bench, hook: WebhookId) -> Vec<EventId> {
    let queue = b.store.pending(hook, DeliveryId(0), 100).await.unwrap();
    queue.iter().filter_map(|q| q.message.event).collect()
}

pub(super) async fn absences(b: Bench) {
    let p = b.project("p").await;
    put(&b, p, 1, &[]).await;
    let hook = b.hook(p, "h").await;
    let other = b.hook(p, "other").await;
    put(&b, p, 2, &[]).await;
    assert_eq!(missed(&b, hook, 0).await, [], "it was on, or not there yet");

    switch(&b, p, hook, false).await;
    let first = put(&b, p, 3, &[]).await;
    let second = put(&b, p, 4, &[]).await;
    assert_eq!(missed(&b, hook, 0).await, [first, second]);
    switch(&b, p, hook, true).await;
    put(&b, p, 5, &[]).await;
    b.clock.advance(Duration::from_secs(1));
    let since_ms = b.clock.now_ms();
    switch(&b, p, hook, false).await;
    let edited = stored(&b, p, hook).await;
    let renamed = Webhook {
        name: "renamed".into(),
        version: edited.version + 1,
        ..edited
    };
    b.store.update_webhook(renamed).await.unwrap();
    let third = put(&b, p, 6, &[]).await;
    switch(&b, p, hook, true).await;
    assert_eq!(missed(&b, hook, 0).await, [first, second, third]);
    assert_eq!(missed(&b, hook, since_ms).await, [third]);
    assert_eq!(missed(&b, hook, since_ms + 1).await, []);
    assert_eq!(missed(&b, other, 0).await, [], "each has its own");
    for event in [first, second, third] {
        assert_eq!(absent(&b, p, event).await, [hook], "{event}");
    }
    let none = (hook, WebhookId(i64::MAX));
    assert_eq!(b.store.absent(p, first, none).await.unwrap(), []);
    let only = (WebhookId(0), hook);
    assert_eq!(b.store.absent(p, first, only).await.unwrap(), [hook]);

    // Made while it is off: it was never on.
    let id = b.store.next_webhook_id().await.unwrap();
    let mut late = webhook(id, p, "late");
    late.enabled = false;
    b.store
        .create_webhook(late, Health::default())
        .await
        .unwrap();
    let fourth = put(&b, p, 7, &[]).await;
    assert_eq!(missed(&b, id, 0).await, [fourth]);
    assert_eq!(absent(&b, p, fourth).await, [id]);
    b.store.delete_webhook(p, id).await.unwrap();
    let gone = b.store.missed(id, 0, EventId(0), 9).await;
    assert!(
        gone.is_ok_and(|found| found.is_empty()),
        "nobody's any more"
    );
    not_found(b.store.missed(WebhookId(99), 0, EventId(0), 9).await);
}

pub(super) async fn absences_of_projects(b: Bench) {
    let (p, q) = (b.project("p").await, b.project("q").await);
    let (one, two) = (b.hook(p, "one").await, b.hook(p, "two").await);
    let stranger = b.hook(q, "s").await;
    switch(&b, p, two, false).await;
    let first = put(&b, p, 1, &[]).await;
    turn(&b, p, WebhookSwitch::ViewOnly).await;
    let second = put(&b, p, 2, &[]).await;
    put(&b, q, 1, &[]).await;
    turn(&b, p, WebhookSwitch::Off).await;
    switch(&b, p, two, true).await;
    let third = put(&b, p, 3, &[]).await;
    conflict(
        b.store.begin_sweep(p, deliver(one, 0), None).await,
        "webhooks_off",
    );
    turn(&b, p, WebhookSwitch::On).await;
    put(&b, p, 4, &[]).await;
    assert_eq!(missed(&b, one, 0).await, [second, third]);
    assert_eq!(missed(&b, two, 0).await, [first, second, third]);
    assert_eq!(missed(&b, stranger, 0).await, []);
    assert_eq!(absent(&b, p, first).await, [two]);
    assert_eq!(absent(&b, p, second).await, [one, two]);
    assert_eq!(absent(&b, q, second).await, []);
    run(&b, p, deliver(one, 0), None).await;
    assert_eq!(absent(&b, p, second).await, [two], "it was dealt with");
    not_found(b.store.begin_sweep(p, deliver(stranger, 0), None).await);
}

/// What is brought back stands before everything newer and after everything older, and comes once.
pub(super) async fn queue(b: Bench) {
    let p = b.project("p").await;
    let hook = b.hook(p, "h").await;
    let mut events = Vec::new();
    let pass = || b.clock.advance(Duration::from_secs(1));
    let mut number = 0;
    let mut next = || {
        number += 1;
        number
    };
    // On, off, on, off: two of each, and the second time of being on ended with something parked.
    for round in 0..2 {
        events.push(put(&b, p, next(), &[hook]).await);
        events.push(put(&b, p, next(), &[hook]).await);
        while round == 1 && b.store.park(hook, 9).await.unwrap() > 0 {}
        switch(&b, p, hook, false).await;
        pass();
        for _ in 0..3 {
            events.push(put(&b, p, next(), &[]).await);
        }
        if round == 0 {
            switch(&b, p, hook, true).await;
        }
        pass();
    }
    conflict(
        b.store.begin_sweep(p, deliver(hook, 0), None).await,
        "webhook_disabled",
    );
    let ok = Health {
        delivered: 7,
        ..Health::default()
    };
    let begun = b.store.begin_sweep(p, deliver(hook, 0), Some(ok)).await;
    let begun = begun.unwrap();
    assert!(begun.webhook.enabled && stored(&b, p, hook).await.enabled);
    let health = b.store.webhook(p, hook).await.unwrap().unwrap().1;
    assert_eq!((health.state, health.delivered), (HealthState::Ok, 7));
    conflict(
        b.store.begin_sweep(p, deliver(hook, 0), None).await,
        "sweep",
    );
    // What comes meanwhile stands behind it.
    events.push(put(&b, p, next(), &[hook]).await);
    let before = b.pending(hook).await;
    let swept = b.store.sweep_deliveries(hook, 2).await.unwrap();
    assert!(swept.sweep.at >= begun.sweep.at);
    let newest = before.last().copied().unwrap();
    assert!(swept.sweep.at < newest, "what is newer is not let through");
    assert_eq!(b.store.sweeps().await.unwrap(), [swept.sweep]);
    let sweep = carry_on(&b, hook).await;
    assert_eq!(sweep.count, 10, "six that were missed, and four parked");
    assert_eq!(queued(&b, hook).await, events, "in the order of the events");
    let queue = b.store.pending(hook, DeliveryId(0), 100).await.unwrap();
    let recovered = queue.iter().filter(|q| q.trigger == Trigger::Recover);
    assert_eq!(recovered.count(), 10);
    assert!(queue.iter().all(|q| q.message.body.starts_with(b"{")));
    let heard: std::collections::BTreeSet<_> = b.heard.all().into_iter().collect();
    assert!(
        queue.iter().all(|q| heard.contains(&q.id)),
        "the listener, too"
    );

    assert_eq!(missed(&b, hook, 0).await, []);
    assert_eq!(run(&b, p, deliver(hook, 0), None).await.count, 0);
    assert_eq!(queued(&b, hook).await, events, "repeating adds nothing");
    same_object(&b).await;

    // In parts, the later one first.
    switch(&b, p, hook, false).await;
    for _ in 0..4 {
        pass();
        events.push(put(&b, p, next(), &[]).await);
    }
    let since_ms = b.clock.now_ms() - 1_000;
    switch(&b, p, hook, true).await;
    events.push(put(&b, p, next(), &[hook]).await);
    assert_eq!(run(&b, p, deliver(hook, since_ms), None).await.count, 2);
    let at = events.len() - 5;
    let mut without = events.clone();
    without.drain(at..at + 2);
    assert_eq!(queued(&b, hook).await, without);
    assert_eq!(run(&b, p, deliver(hook, 0), None).await.count, 2);
    assert_eq!(queued(&b, hook).await, events);
    let log = b.found(p, DeliveryFilter::default()).await;
    assert_eq!(log.len(), events.len());
}

/// The log by object has what was made up for in its place, page by page.
async fn same_object(b: &Bench) {
    let p = b.project("same").await;
    let (hook, on) = (b.hook(p, "h").await, b.hook(p, "on").await);
    let change = async |to: &[WebhookId], n: i64| {
        let changed = task(1, &format!("version {n}")).with("sequence", n);
        b.put(p, vec![changed], to).await;
    };
    change(&[hook, on], 1).await;
    switch(b, p, hook, false).await;
    for n in 2..6 {
        change(&[on], n).await;
    }
    switch(b, p, hook, true).await;
    for n in 6..8 {
        change(&[hook, on], n).await;
    }
    assert_eq!(run(b, p, deliver(hook, 0), None).await.count, 4);
    let mut filter = DeliveryFilter {
        object: Some("tasks/1".into()),
        ..DeliveryFilter::default()
    };
    for (webhook, expected) in [(None, 14), (Some(hook), 7), (Some(on), 7)] {
        filter.webhook = webhook;
        let mut ids = Vec::new();
        let mut before = 0;
        loop {
            let page = b.store.deliveries(p, &filter, before, 2).await.unwrap();
            ids.extend(page.data.iter().map(|d| d.id));
            let Some(next) = page.next else { break };
            before = next;
        }
        let mut sorted = ids.clone();
        sorted.sort_unstable();
        sorted.dedup();
        sorted.reverse();
        assert_eq!(ids, sorted, "newest first, each once");
        assert_eq!(ids.len(), expected);
    }
}

pub(super) async fn skipping(b: Bench) {
    let p = b.project("p").await;
    let hook = b.hook(p, "h").await;
    let parked = b.put(p, vec![task(1, "a")], &[hook]).await;
    b.store.park(hook, 9).await.unwrap();
    switch(&b, p, hook, false).await;
    put(&b, p, 2, &[]).await;
    put(&b, p, 3, &[]).await;
    let skip = NewSweep {
        errand: Errand::Skip,
        ..deliver(hook, 0)
    };
    assert_eq!(run(&b, p, skip, None).await.count, 3);
    assert!(!stored(&b, p, hook).await.enabled, "it stays off");
    assert_eq!(b.pending(hook).await, []);
    assert_eq!(b.found(p, DeliveryFilter::default()).await.len(), 3);
    for id in b.found(p, DeliveryFilter::default()).await {
        assert_eq!(b.state(p, id).await, DeliveryState::Skipped);
    }
    let later = put(&b, p, 4, &[]).await;
    assert_eq!(missed(&b, hook, 0).await, [later], "it misses what follows");
    let enable = Some(Health::default());
    assert_eq!(run(&b, p, deliver(hook, 0), enable).await.count, 1);
    assert_eq!(queued(&b, hook).await, [later]);
    // A person may still want it: in its old place.
    let again = b.store.resend(p, parked.deliveries[0].id).await.unwrap();
    assert_eq!(b.pending(hook).await[0], again.id);
}

/// A webhook that goes off, or away, ends what would be sent to it; nothing that was not reached is lost.
pub(super) async fn ends(b: Bench) {
    let p = b.project("p").await;
    let hook = b.hook(p, "h").await;
    switch(&b, p, hook, false).await;
    let mut events = Vec::new();
    for id in 1..6 {
        events.push(put(&b, p, id, &[]).await);
    }
    let begin = || {
        let enable = Some(Health::default());
        b.store.begin_sweep(p, deliver(hook, 0), enable)
    };
    let half = |sweep: Sweep| {
        let b = &b;
        async move {
            let swept = b.store.sweep_deliveries(sweep.webhook, 9).await.unwrap();
            let Next::Events { after, until } = swept.next else {
                panic!("{swept:?}");
            };
            make_up(b, &swept.sweep, (after, until)).await
        }
    };
    let sweep = half(begin().await.unwrap().sweep).await;
    assert_eq!(sweep.count, 2);
    switch(&b, p, hook, false).await;
    assert_eq!(b.store.sweeps().await.unwrap(), []);
    not_found(b.store.sweep_deliveries(hook, 9).await);
    not_found(b.store.sweep_events(hook, EventId(99), Vec::new()).await);
    assert_eq!(
        missed(&b, hook, 0).await,
        events[2..],
        "the rest is still missed"
    );
    while b.store.park(hook, 9).await.unwrap() > 0 {}
    events.push(put(&b, p, 6, &[]).await);

    let sweep = half(begin().await.unwrap().sweep).await;
    turn(&b, p, WebhookSwitch::Off).await;
    not_found(b.store.sweep_deliveries(hook, 9).await);
    assert_eq!(sweep.count, 4, "two that were parked, two that were missed");
    while b.store.park(hook, 9).await.unwrap() > 0 {}
    turn(&b, p, WebhookSwitch::On).await;
    assert_eq!(run(&b, p, deliver(hook, 0), None).await.count, 6);
    assert_eq!(queued(&b, hook).await, events);

    // Given up by its own side.
    switch(&b, p, hook, false).await;
    begin().await.unwrap();
    b.store.end_sweep(hook).await.unwrap();
    assert_eq!(b.store.sweeps().await.unwrap(), []);
    // A deleted webhook takes its sweep with it.
    switch(&b, p, hook, false).await;
    begin().await.unwrap();
    b.store.delete_webhook(p, hook).await.unwrap();
    assert_eq!(b.store.sweeps().await.unwrap(), []);
    let gone = b.hook(p, "gone").await;
    b.store
        .begin_sweep(p, deliver(gone, 0), None)
        .await
        .unwrap();
    b.store.delete_project(p).await.unwrap();
    assert_eq!(b.store.sweeps().await.unwrap(), []);
}

pub(super) async fn in_bulk(b: Bench) {
    let p = b.project("p").await;
    let hook = b.hook(p, "h").await;
    let other = b.hook(p, "other").await;
    let refused = || Some(attempt(Trigger::Event, Some(400), None));
    let mut made = Vec::new();
    for id in 1..8 {
        let title = format!("task {id}");
        let recorded = b.put(p, vec![task(id, &title)], &[hook, other]).await;
        made.extend(
            recorded
                .deliveries
                .into_iter()
                .filter(|d| d.webhook == hook),
        );
        b.clock.advance(Duration::from_secs(1));
    }
    let ids: Vec<_> = made.iter().map(|q| q.id).collect();
    for (at, then) in [
        (0, Then::Failed),
        (1, Then::Delivered),
        (2, Then::Failed),
        (4, Then::Failed),
        (5, Then::Failed),
        (6, Then::Failed),
    ] {
        b.settle(&made[at], refused(), then).await;
    }
    let test = b.store.next_delivery_id().await.unwrap();
    let failed_test = TestSend {
        project: p,
        webhook: Some(hook),
        delivery: test,
        dialect: "standard",
        code: "task.created",
        body: bytes::Bytes::from_static(b"{}"),
        object: "tasks/1".into(),
        sequence: None,
        title: "Task created (sample)".to_owned(),
        attempts: vec![attempt(Trigger::Test, Some(500), None)],
        accepted: false,
    };
    b.store.log_test(failed_test).await.unwrap();
    let resend = |since_ms, until_ms, failed, expired| NewSweep {
        webhook: hook,
        errand: Errand::Resend { failed, expired },
        since_ms,
        until_ms,
    };
    let start = crate::created_ms(ids[0]);
    let table = [
        (resend(0, None, true, true), 5),
        (resend(0, None, true, false), 5),
        (resend(0, None, false, true), 0),
        (resend(start + 1, None, true, true), 4),
        (resend(0, Some(start), true, true), 0),
        (resend(start, Some(start + 4_001), true, false), 3),
    ];
    for (new, expected) in table {
        assert_eq!(b.store.count_sweep(new).await.unwrap(), expected, "{new:?}");
    }
    let new = resend(start, Some(start + 4_001), true, false);
    assert_eq!(run(&b, p, new, None).await.count, 3);
    assert_eq!(b.pending(hook).await, [ids[0], ids[2], ids[3], ids[4]]);
    let queue = b.store.pending(hook, DeliveryId(0), 9).await.unwrap();
    let schedules: Vec<_> = queue.iter().map(|q| (q.trigger, q.tries)).collect();
    let fresh = (Trigger::Resend, 0);
    assert_eq!(schedules, [fresh, fresh, (Trigger::Event, 0), fresh]);
    assert_eq!(b.pending(other).await.len(), 7, "only its own");
    let all = resend(0, None, true, true);
    assert_eq!(run(&b, p, all, None).await.count, 2);
    assert_eq!(run(&b, p, all, None).await.count, 0);
    assert_eq!(b.state(p, test).await, DeliveryState::Failed);
    switch(&b, p, hook, false).await;
    conflict(b.store.begin_sweep(p, all, None).await, "webhook_disabled");
}

/// What retention took cannot be made up for; what it kept can.
pub(super) async fn retention(b: Bench) {
    let p = b.project("p").await;
    let hook = b.hook(p, "h").await;
    switch(&b, p, hook, false).await;
    put(&b, p, 1, &[]).await;
    switch(&b, p, hook, true).await;
    switch(&b, p, hook, false).await;
    put(&b, p, 2, &[]).await;
    b.clock
        .advance(Duration::from_millis((40 * DAY_MS).unsigned_abs()));
    let kept = put(&b, p, 3, &[]).await;
    prune_all(&b, Retention::default()).await;
    assert_eq!(missed(&b, hook, 0).await, [kept]);
    let enable = Some(Health::default());
    assert_eq!(run(&b, p, deliver(hook, 0), enable).await.count, 1);
    assert_eq!(queued(&b, hook).await, [kept]);
}

/// Where rows bind, events go as far as the log does; what a webhook missed stays, as what is parked does.
pub(super) async fn retention_for_room(b: Bench) {
    let p = b.project("p").await;
    let (hook, off) = (b.hook(p, "h").await, b.hook(p, "off").await);
    let mut events = Vec::new();
    for id in 1..=6 {
        if id == 3 {
            switch(&b, p, off, false).await;
        }
        let recorded = b.put(p, vec![task(id, "x")], &[hook]).await;
        let accepted = Some(attempt(Trigger::Event, Some(200), None));
        let delivered = Then::Delivered;
        b.settle(&recorded.deliveries[0], accepted, delivered).await;
        events.push(recorded.plan.events[0].event.id);
        b.clock.advance(Duration::from_mins(1));
    }
    let left = async |b: &Bench| {
        let mut left = Vec::new();
        for (n, event) in events.iter().enumerate() {
            if b.store.event(p, *event).await.unwrap().is_some() {
                left.push(n + 1);
            }
        }
        left
    };
    let two = Retention {
        max_rows: 2,
        ..Retention::default()
    };
    prune_all(&b, two).await;
    assert_eq!(left(&b).await, [3, 4, 5, 6], "one webhook missed the third");
    b.store.delete_webhook(p, off).await.unwrap();
    prune_all(&b, two).await;
    assert_eq!(left(&b).await, [5, 6], "with their deliveries");
    prune_all(&b, Retention::default()).await;
    assert_eq!(left(&b).await, [5, 6]);
}
