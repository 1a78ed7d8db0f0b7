//! Recovering what a webhook missed while it was off, and resending in bulk: what comes, in which order, once, and after a crash.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tidings_delivery::tell::messages_for;
use tidings_delivery::waiting::Why;
use tidings_domain::delivery::DeliveryState;
use tidings_domain::project::WebhookSwitch;
use tidings_domain::webhook::{DisabledReason, HealthState};
use tidings_domain::{
    Change, Clock, Collection, DeliveryId, Doc, Event, EventId, Fault, Project, Verb, WebhookId,
    What,
};
use tidings_storage::{
    DeliveryFilter, DeliverySummary, Errand, EventIds, NewSweep, Plan, RecordedEvent, Snapshot,
    Store, StoreError, Write, WriteWhat,
};

use crate::world::{Act, PROJECT, Seen, World};

/// Saves a task as the use cases do: the change is told to every webhook that is on.
async fn save(world: &World, task: i64, title: &str) -> EventId {
    let title = title.to_owned();
    let at = world.clock.wall();
    let planner = Box::new(
        move |states: &[&dyn Snapshot], ids: &mut dyn EventIds| -> Result<Plan, Fault> {
            let state = states[0];
            let id = ids.next();
            let before = state.get(tidings_domain::ObjectRef::new(Collection::Tasks, task));
            let sequence = before.as_ref().map_or(1, |b| b.sequence() + 1);
            let doc = Doc::empty(Collection::Tasks)
                .with("id", task)
                .with("sequence", sequence)
                .with("title", title.clone());
            let doc = Arc::new(doc);
            let verb = before.as_ref().map_or(Verb::Created, |_| Verb::Updated);
            let change = Change {
                before,
                ..Change::plain(verb, Arc::clone(&doc))
            };
            let event = Arc::new(Event {
                id,
                project: PROJECT,
                at,
                actor: None,
                what: What::Change(change),
            });
            let mut plan = Plan::default();
            if state.project().webhooks == WebhookSwitch::On {
                for webhook in state.webhooks().iter().filter(|w| w.enabled) {
                    // Good enough here: what is rendered from the state before has the same object.
                    plan.messages.extend(messages_for(
                        webhook,
                        &event,
                        state,
                        "http://tidings.test",
                    ));
                }
            }
            plan.writes.push(Write {
                project: PROJECT,
                version: id,
                what: WriteWhat::Put(doc),
            });
            plan.events.push(RecordedEvent {
                event,
                listed: true,
            });
            Ok(plan)
        },
    );
    let recorded = world.store.record(&[PROJECT], planner).await.unwrap();
    recorded.plan.events[0].event.id
}

async fn off(world: &World, hook: WebhookId) {
    let reason = DisabledReason::Manual;
    world.engine.disable(hook, reason).await.unwrap();
    world.settle().await;
}

/// The log of a webhook, oldest first.
async fn log(world: &World, hook: WebhookId) -> Vec<DeliverySummary> {
    let filter = DeliveryFilter {
        webhook: Some(hook),
        ..DeliveryFilter::default()
    };
    let page = world.store.deliveries(PROJECT, &filter, 0, 10_000).await;
    let mut rows = page.unwrap().data;
    rows.reverse();
    rows
}

/// The events in the order in which they first reached a host, each once.
async fn arrived(world: &World, host: &str) -> Vec<EventId> {
    let mut ids = BTreeSet::new();
    let mut events = Vec::new();
    for seen in world.receivers.to(host) {
        if ids.insert(seen.id.clone()) {
            let id: DeliveryId = seen.id.parse().unwrap();
            events.extend(world.delivery(id).await.summary.event);
        }
    }
    events
}

fn is_late(seen: &Seen) -> bool {
    seen.header("x-tidings-late") == Some("1")
}

async fn deliver(world: &World, hook: WebhookId, dry_run: bool) -> u64 {
    let count = world.engine.recover(hook, 0, true, dry_run).await.unwrap();
    world.settle().await;
    count
}

#[tokio::test(start_paused = true)]
async fn what_was_missed_is_delivered_as_it_would_have_been() {
    let world = World::new(1).await;
    let (witness, hook) = (world.webhook("w.test").await, world.webhook("a.test").await);
    let mut events = vec![save(&world, 1, "one").await];
    world.pass(1).await;
    off(&world, hook).await;
    for (task, title) in [(1, "two"), (2, "three"), (1, "four")] {
        world.pass(5).await;
        events.push(save(&world, task, title).await);
    }
    world.pass(1).await;
    assert_eq!(arrived(&world, "a.test").await, events[..1]);

    assert_eq!(deliver(&world, hook, true).await, 3);
    assert_eq!(world.receivers.to("a.test").len(), 1, "it only counted");
    assert_eq!(world.health(hook).state, HealthState::Disabled);
    assert_eq!(deliver(&world, hook, false).await, 3);
    world.pass(1).await;
    assert_eq!(world.health(hook).state, HealthState::Ok);
    assert!(world.stored(hook).await.0.enabled);
    assert_eq!(arrived(&world, "a.test").await, events);
    let bodies = |host| -> Vec<_> {
        let seen = world.receivers.to(host);
        seen.into_iter().map(|s| s.body).collect()
    };
    assert_eq!(bodies("a.test"), bodies("w.test"), "byte for byte");
    for row in log(&world, hook).await {
        assert_eq!(row.state, DeliveryState::Delivered);
        assert!(!row.late);
    }
    assert_eq!(log(&world, hook).await[1].trigger, "recover");
    assert_eq!(log(&world, witness).await.len(), 4);

    assert_eq!(deliver(&world, hook, true).await, 0);
    assert_eq!(deliver(&world, hook, false).await, 0, "nothing twice");
    events.push(save(&world, 1, "five").await);
    world.pass(1).await;
    assert_eq!(arrived(&world, "a.test").await, events);
}

#[tokio::test(start_paused = true)]
async fn events_from_before_it_was_made_and_unselected_ones_do_not_come() {
    let world = World::new(1).await;
    save(&world, 1, "before").await;
    let hook = world.webhook("a.test").await;
    save(&world, 1, "sent").await;
    world.pass(1).await;
    off(&world, hook).await;
    let select = |codes: &[&str]| {
        let codes = codes.iter().map(|c| (*c).to_owned()).collect();
        tidings_domain::webhook::Selection::Codes(codes)
    };
    let only_created = select(&["task.created"]);
    world.edit(hook, |w| w.events = only_created).await;
    save(&world, 1, "not wanted").await;
    let wanted = save(&world, 2, "wanted").await;
    assert_eq!(deliver(&world, hook, true).await, 1);
    assert_eq!(deliver(&world, hook, false).await, 1);
    world.pass(1).await;
    assert_eq!(arrived(&world, "a.test").await[1..], [wanted]);
    // What it selects from now on does not bring back what it had not selected when it was recovered.
    world
        .edit(hook, |w| w.events = tidings_domain::webhook::Selection::All)
        .await;
    assert_eq!(deliver(&world, hook, false).await, 0);
}

#[tokio::test(start_paused = true)]
async fn what_was_missed_goes_before_what_waits() {
    let world = World::new(1).await;
    let hook = world.webhook("a.test").await;
    off(&world, hook).await;
    let mut events = vec![save(&world, 1, "missed").await];
    events.push(save(&world, 2, "missed too").await);
    world.engine.enable(hook).await.unwrap();
    world.engine.pause(hook).await.unwrap();
    events.push(save(&world, 1, "waits").await);
    world.pass(1).await;
    assert_eq!(deliver(&world, hook, false).await, 2);
    assert!(world.receivers.to("a.test").is_empty(), "it is paused");
    world.engine.resume(hook).await.unwrap();
    world.pass(1).await;
    let seen = world.receivers.to("a.test");
    assert!(!seen.iter().any(is_late));
    assert_eq!(arrived(&world, "a.test").await, events);
}

#[tokio::test(start_paused = true)]
async fn what_was_missed_is_late_where_a_later_message_of_the_item_was_started() {
    let world = World::new(1).await;
    let hook = world.webhook("a.test").await;
    off(&world, hook).await;
    let overtaken = save(&world, 1, "missed").await;
    let alone = save(&world, 2, "missed too").await;
    world.engine.enable(hook).await.unwrap();
    let newer = save(&world, 1, "sent").await;
    world.pass(1).await;
    assert_eq!(deliver(&world, hook, false).await, 2);
    world.pass(1).await;
    assert_eq!(arrived(&world, "a.test").await, [newer, overtaken, alone]);
    let late: Vec<bool> = world.receivers.to("a.test").iter().map(is_late).collect();
    assert_eq!(late, [false, true, false]);
}

#[tokio::test(start_paused = true)]
async fn skipping_marks_what_was_missed_and_leaves_the_webhook_off() {
    let world = World::new(1).await;
    let hook = world.webhook("a.test").await;
    off(&world, hook).await;
    save(&world, 1, "missed").await;
    assert_eq!(world.engine.recover(hook, 0, false, true).await.unwrap(), 1);
    assert_eq!(
        world.engine.recover(hook, 0, false, false).await.unwrap(),
        1
    );
    assert_eq!(log(&world, hook).await[0].state, DeliveryState::Skipped);
    assert_eq!(world.health(hook).state, HealthState::Disabled);
    let missed = save(&world, 1, "missed later").await;
    assert_eq!(deliver(&world, hook, false).await, 1);
    world.pass(1).await;
    assert_eq!(arrived(&world, "a.test").await, [missed]);
}

#[tokio::test(start_paused = true)]
async fn a_project_that_was_off_is_made_up_for() {
    let world = World::new(1).await;
    let hook = world.webhook("a.test").await;
    for switch in [WebhookSwitch::ViewOnly, WebhookSwitch::On] {
        turn(&world, switch).await;
        if switch == WebhookSwitch::ViewOnly {
            save(&world, 1, "missed").await;
            save(&world, 2, "missed too").await;
            let refused = world.engine.recover(hook, 0, true, false).await;
            assert!(matches!(refused, Err(StoreError::Conflict("webhooks_off"))));
        }
    }
    let new = save(&world, 3, "sent").await;
    world.pass(1).await;
    assert_eq!(arrived(&world, "a.test").await, [new]);
    assert_eq!(deliver(&world, hook, false).await, 2);
    world.pass(1).await;
    assert_eq!(world.receivers.to("a.test").len(), 3);
}

/// Turns the project's switch as the use cases do.
async fn turn(world: &World, webhooks: WebhookSwitch) {
    let planner = Box::new(move |states: &[&dyn Snapshot], ids: &mut dyn EventIds| {
        let project = Project {
            webhooks,
            ..(**states[0].project()).clone()
        };
        let write = Write {
            project: PROJECT,
            version: ids.next(),
            what: WriteWhat::Project(Arc::new(project)),
        };
        Ok(Plan {
            writes: vec![write],
            ..Plan::default()
        })
    });
    world.store.record(&[PROJECT], planner).await.unwrap();
    let on = webhooks == WebhookSwitch::On;
    world.engine.project_switched(PROJECT, on).await;
}

/// More than a lane's window, and so than any step and page.
const MANY: i64 = 700;
/// Several steps.
const SOME: i64 = 200;

/// A webhook that delivered something, had something parked, and missed much; all its events in order.
async fn neglected(world: &World, many: i64) -> (WebhookId, Vec<EventId>) {
    let hook = world.webhook("a.test").await;
    world.receivers.script("a.test", |_| Act::Status(410));
    let mut events = Vec::new();
    for task in 0..5 {
        events.push(save(world, task, "parked").await);
    }
    world.pass(1).await;
    assert_eq!(world.health(hook).state, HealthState::Disabled);
    for number in 0..many {
        events.push(save(world, number % 50, &format!("missed {number}")).await);
    }
    world.receivers.script("a.test", |_| Act::Status(200));
    world.receivers.seen.lock().clear();
    (hook, events)
}

/// Everything arrived, each event is one delivery, in order per task.
async fn all_is_well(world: &World, hook: WebhookId, events: &[EventId], what: &str) {
    let rows = log(world, hook).await;
    let logged: Vec<_> = rows.iter().filter_map(|r| r.event).collect();
    assert_eq!(
        logged, events,
        "{what}: the log has each event once, in order"
    );
    for row in &rows {
        assert_eq!(row.state, DeliveryState::Delivered, "{what}: {row:?}");
    }
    let mut first = BTreeSet::new();
    let mut last = std::collections::BTreeMap::new();
    for seen in world.receivers.to("a.test") {
        let id: DeliveryId = seen.id.parse().unwrap();
        if !first.insert(id) || is_late(&seen) {
            continue;
        }
        let row = rows.iter().find(|r| r.id == id).unwrap();
        let before = last.insert(row.object.clone(), row.event);
        assert!(before < Some(row.event), "{what}: {row:?} after {before:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn much_that_was_missed_comes_in_order_and_what_is_new_waits() {
    let world = World::new(1).await;
    let (hook, mut events) = neglected(&world, MANY).await;
    let expected = u64::try_from(events.len()).unwrap();
    assert_eq!(deliver(&world, hook, true).await, expected);
    let engine = world.engine.clone();
    let job = tokio::spawn(async move { engine.recover(hook, 0, true, false).await });
    // New changes come in the middle of it.
    let mut waited = false;
    for number in 0..200 {
        tokio::task::yield_now().await;
        if number % 40 == 39 {
            let new = save(&world, 7, &format!("new {number}")).await;
            events.push(new);
            let last = log(&world, hook).await.pop().unwrap();
            if last.event == Some(new) {
                let asked = world.engine.waiting(vec![(hook, last.id)]).await;
                waited |= asked.iter().any(|w| w.why == Why::Sweep);
            }
        }
    }
    assert!(waited, "whoever asks is told what it waits for");
    // Some of them were recorded before the webhook was on again, and so were missed.
    assert!(job.await.unwrap().unwrap() >= expected);
    world.pass(5).await;
    all_is_well(&world, hook, &events, "with new changes").await;
    let late = world
        .receivers
        .to("a.test")
        .iter()
        .filter(|s| is_late(s))
        .count();
    assert_eq!(late, 0);
}

#[tokio::test(start_paused = true)]
async fn a_crash_in_the_middle_loses_nothing_and_doubles_nothing() {
    let mut resumed = 0;
    for step in 0..24 {
        let mut world = World::new(step).await;
        let (hook, mut events) = neglected(&world, SOME).await;
        let engine = world.engine.clone();
        let job = tokio::spawn(async move { engine.recover(hook, 0, true, false).await });
        for _ in 0..step * 12 {
            tokio::task::yield_now().await;
        }
        resumed += world.store.sweeps().await.unwrap().len();
        world.crash().await;
        job.abort();
        events.push(save(&world, 3, "after the crash").await);
        world.pass(5).await;
        assert_eq!(world.store.sweeps().await.unwrap(), [], "it went on");
        deliver(&world, hook, false).await;
        world.pass(5).await;
        all_is_well(&world, hook, &events, &format!("crash at {step}")).await;
        assert_eq!(world.health(hook).state, HealthState::Ok);
    }
    assert!(resumed > 10, "only {resumed} crashes hit a recovery");
}

#[tokio::test(start_paused = true)]
async fn switching_off_ends_a_recovery_and_nothing_is_lost() {
    for step in [1, 5, 20, 60, 150] {
        let world = World::new(step).await;
        let (hook, events) = neglected(&world, SOME).await;
        // Nothing is accepted until the end, so that everything is still there.
        world.receivers.script("a.test", |_| Act::Hang);
        let engine = world.engine.clone();
        let job = tokio::spawn(async move { engine.recover(hook, 0, true, false).await });
        for _ in 0..step {
            tokio::task::yield_now().await;
        }
        off(&world, hook).await;
        job.await.unwrap().unwrap();
        world.pass(60).await;
        let sent = world.receivers.to("a.test").len();
        off(&world, hook).await;
        world.pass(60).await;
        assert_eq!(
            world.receivers.to("a.test").len(),
            sent,
            "nothing while off"
        );
        assert_eq!(world.store.sweeps().await.unwrap(), []);
        let (_, _, counts) = world.store.webhook(PROJECT, hook).await.unwrap().unwrap();
        assert_eq!(
            counts.pending, 0,
            "what was brought back is put aside again"
        );

        world.receivers.script("a.test", |_| Act::Status(200));
        world.receivers.seen.lock().clear();
        let expected = u64::try_from(events.len()).unwrap();
        assert_eq!(deliver(&world, hook, false).await, expected, "{step}");
        world.pass(5).await;
        all_is_well(&world, hook, &events, &format!("off at {step}")).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_second_recovery_waits_for_the_first_and_adds_nothing() {
    let world = World::new(1).await;
    let (hook, events) = neglected(&world, SOME).await;
    let jobs: Vec<_> = (0..3)
        .map(|_| {
            let engine = world.engine.clone();
            tokio::spawn(async move { engine.recover(hook, 0, true, false).await })
        })
        .collect();
    let mut all = 0;
    for job in jobs {
        all += job.await.unwrap().unwrap();
    }
    assert_eq!(all, u64::try_from(events.len()).unwrap());
    world.pass(5).await;
    all_is_well(&world, hook, &events, "three at once").await;
}

#[tokio::test(start_paused = true)]
async fn whoever_recovers_may_go_away() {
    let world = World::new(1).await;
    let (hook, events) = neglected(&world, SOME).await;
    let patience = Duration::from_millis(0);
    let gone = tokio::time::timeout(patience, world.engine.recover(hook, 0, true, false)).await;
    drop(gone);
    world.pass(5).await;
    all_is_well(&world, hook, &events, "without a caller").await;
}

fn resend(hook: WebhookId, since_ms: i64) -> NewSweep {
    NewSweep {
        webhook: hook,
        errand: Errand::Resend {
            failed: true,
            expired: true,
        },
        since_ms,
        until_ms: None,
    }
}

/// A webhook with many deliveries that were given up after one try.
async fn refused(world: &World) -> (WebhookId, Vec<EventId>) {
    let hook = world
        .webhook_with("a.test", |w| w.retry_schedule = Some(Vec::new()))
        .await;
    world.receivers.script("a.test", |_| Act::Status(400));
    let mut events = Vec::new();
    for number in 0..300 {
        events.push(save(world, number % 20, &format!("refused {number}")).await);
        if number % 100 == 50 {
            world.pass(3_600).await;
        }
    }
    for _ in 0..2_000 {
        world.pass(600).await;
        let rows = log(world, hook).await;
        if rows.iter().all(|r| r.state == DeliveryState::Failed) {
            break;
        }
    }
    world.receivers.script("a.test", |_| Act::Status(200));
    (hook, events)
}

#[tokio::test(start_paused = true)]
async fn what_was_given_up_is_sent_again_in_order() {
    let world = World::new(1).await;
    let (hook, events) = refused(&world).await;
    assert_eq!(world.health(hook).state, HealthState::BackingOff);
    let new = resend(hook, 0);
    assert_eq!(world.engine.count_sweep(new).await.unwrap().count, 300);
    world.receivers.seen.lock().clear();
    let done = world.engine.sweep(new).await.unwrap();
    assert_eq!((done.count, done.complete), (300, true));
    world.pass(30).await;
    all_is_well(&world, hook, &events, "resent").await;
    assert_eq!(world.engine.sweep(new).await.unwrap().count, 0);
    let first = world.receivers.to("a.test")[0].id.parse().unwrap();
    let attempts = world.delivery(first).await.attempts;
    assert_eq!(attempts.last().unwrap().trigger, "resend");

    off(&world, hook).await;
    let refused = world.engine.sweep(new).await;
    assert!(matches!(
        refused,
        Err(StoreError::Conflict("webhook_disabled"))
    ));
    let unknown = world.engine.sweep(resend(WebhookId(99), 0)).await;
    assert!(matches!(unknown, Err(StoreError::NotFound)));
}

#[tokio::test(start_paused = true)]
async fn a_crash_in_the_middle_of_resending_loses_nothing() {
    let mut resumed = 0;
    for step in 0..8 {
        let mut world = World::new(step).await;
        let (hook, events) = refused(&world).await;
        world.receivers.seen.lock().clear();
        let engine = world.engine.clone();
        let job = tokio::spawn(async move { engine.sweep(resend(hook, 0)).await });
        for _ in 0..step {
            tokio::task::yield_now().await;
        }
        resumed += world.store.sweeps().await.unwrap().len();
        world.crash().await;
        job.abort();
        world.pass(30).await;
        world.engine.sweep(resend(hook, 0)).await.unwrap();
        world.pass(30).await;
        all_is_well(&world, hook, &events, &format!("crash at {step}")).await;
    }
    assert!(resumed > 0, "no crash hit the resending");
}
