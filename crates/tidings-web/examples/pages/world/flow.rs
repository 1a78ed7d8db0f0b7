//! What happens: changes, and what becomes of what they send.

use std::time::Duration;

use tidings_app::objects::{Entry, Op, Written};
use tidings_domain::delivery::Trigger;
use tidings_domain::{DeliveryId, EventId, Headers};
use tidings_storage::{Attempt, AttemptError, AttemptResponse, Queued, Settlement, Then};

use super::crowd::key_of;
use super::hooks::{Fate, Hooks};
use super::house::{House, entry};
use super::{BIG, DAYS, Result, Size};

/// Of what fails, one in so many had every try of its schedule, each with a long answer.
const LONG_EVERY: u64 = 1000;
const LONG_TRIES: usize = 11;
/// As much of an answer as is kept.
const LONG_ANSWER: usize = 16 * 1024;
/// Of all deliveries so many are parked before that webhook is switched off.
const PARKED_SHARE: u64 = 10;
/// Settlements that are written at once.
const STEP: usize = 2000;

/// Deliveries and events that stand out.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) deliveries: u64,
    pub(crate) waiting: Option<DeliveryId>,
    pub(crate) arrived: Option<DeliveryId>,
    pub(crate) parked: Option<DeliveryId>,
    /// Given up after every try.
    pub(crate) failed: Option<DeliveryId>,
    /// An event that many webhooks were told of.
    pub(crate) wide: Option<EventId>,
    widest: usize,
    /// One that few were.
    pub(crate) plain: Option<EventId>,
    parked_count: u64,
    fails: u64,
}

/// Lets everything happen, until there are as many deliveries as wanted.
pub(crate) async fn run(house: &House, hooks: &mut Hooks, size: Size) -> Result<Found> {
    let mut found = Found::default();
    let span = Duration::from_secs(DAYS * 86_400);
    let wanted = u32::try_from(size.deliveries.max(1))?;
    let mut is_off = false;
    let mut turn = 0;
    while found.deliveries < size.deliveries {
        let changes = changes(turn, size.changes)?;
        let (written, deliveries) = house.write(BIG, changes).await?;
        found.plain = written.last().and_then(|w| w.event);
        settle(house, hooks, &deliveries, &mut found).await?;
        for change in happenings(turn)? {
            let (written, deliveries) = house.write(BIG, vec![change]).await?;
            found.note_wide(&written, deliveries.len());
            settle(house, hooks, &deliveries, &mut found).await?;
        }
        let key = key_of(1 + turn % size.projects);
        let (_, deliveries) = house.write(&key, elsewhere(turn)?).await?;
        settle(house, hooks, &deliveries, &mut found).await?;
        if !is_off && found.parked_count >= size.deliveries / PARKED_SHARE {
            hooks.switch_off(house).await?;
            is_off = true;
        }
        let done = u32::try_from(found.deliveries)?.min(wanted);
        house.clock.passed(span / wanted * done);
        turn += 1;
    }
    house.clock.passed(span);
    Ok(found)
}

impl Found {
    fn note_wide(&mut self, written: &[Written], deliveries: usize) {
        if deliveries >= self.widest
            && let Some(event) = written.first().and_then(|w| w.event)
        {
            self.widest = deliveries;
            self.wide = Some(event);
        }
    }
}

/// New titles for stories and tasks in turn.
fn changes(turn: usize, number: usize) -> Result<Vec<Entry>> {
    let one = |n: usize| {
        let collection = if n.is_multiple_of(2) {
            "stories"
        } else {
            "tasks"
        };
        // Of each as many as there are changes: half of them in each turn.
        let id = 1 + (n / 2 + turn * number / 2) % number;
        let data = format!(r#"{{"title":"Turn {turn} of {collection} {id}"}}"#);
        entry(Op::Patch, collection, Some(id.to_string()), &data)
    };
    (0..number).map(one).collect()
}

/// Some of everything, for the codes that the many have selected.
fn happenings(turn: usize) -> Result<Vec<Entry>> {
    let comment = format!(
        r#"{{"on":{{"collection":"stories","id":1}},"body":"What was said in turn {turn}"}}"#
    );
    let title = format!(r#"{{"title":"Found in turn {turn}"}}"#);
    let name = format!(r#"{{"name":"Named in turn {turn}"}}"#);
    let goal = format!(r#"{{"goal":"The goal of turn {turn}"}}"#);
    let status = if turn.is_multiple_of(2) {
        "Done"
    } else {
        "Open"
    };
    let status = format!(r#"{{"status":"{status}"}}"#);
    let wiki = format!(r#"{{"name":"Page {turn}","content":"What there is to know"}}"#);
    let all = [
        (Op::Post, "comments", None, &comment),
        (Op::Post, "stories", None, &title),
        (Op::Post, "tasks", None, &title),
        (Op::Post, "defects", None, &title),
        (Op::Post, "tests", None, &title),
        (Op::Post, "features", None, &name),
        (Op::Post, "releases", None, &name),
        (Op::Post, "wiki-pages", None, &wiki),
        (Op::Patch, "sprints", Some("1"), &goal),
        (Op::Patch, "stories", Some("1"), &status),
    ];
    let entries = all
        .into_iter()
        .map(|(op, collection, id, data)| entry(op, collection, id.map(str::to_owned), data));
    entries.collect()
}

fn elsewhere(turn: usize) -> Result<Vec<Entry>> {
    let one = |n: usize| {
        let data = format!(r#"{{"title":"Turn {turn}"}}"#);
        entry(Op::Patch, "stories", Some(n.to_string()), &data)
    };
    (1..=10).map(one).collect()
}

/// Writes what becomes of deliveries.
async fn settle(
    house: &House,
    hooks: &Hooks,
    deliveries: &[Queued],
    found: &mut Found,
) -> Result<()> {
    let mut settlements = Vec::new();
    for queued in deliveries {
        found.deliveries += 1;
        fate(house, hooks, queued, found, &mut settlements);
        if settlements.len() >= STEP {
            house.store.settle(&settlements, &[]).await?;
            settlements.clear();
        }
    }
    Ok(house.store.settle(&settlements, &[]).await?)
}

fn fate(
    house: &House,
    hooks: &Hooks,
    queued: &Queued,
    found: &mut Found,
    out: &mut Vec<Settlement>,
) {
    let mut add = |attempt: Option<Attempt>, then| {
        out.push(Settlement {
            delivery: queued.id,
            webhook: queued.webhook,
            tries: u32::from(attempt.is_some()),
            first_try_ms: Some(house.clock_ms()),
            attempt,
            then,
            late: false,
        });
    };
    let fate = hooks.fates.get(&queued.webhook).copied();
    match fate.unwrap_or(Fate::Arrives) {
        Fate::Waits => {
            if queued.webhook == hooks.dead {
                found.waiting = Some(queued.id);
            }
        }
        Fate::Arrives => {
            if queued.webhook == hooks.fine {
                found.arrived = Some(queued.id);
            }
            // A few take two tries.
            if found.deliveries.is_multiple_of(200) {
                let retry = Then::Retry {
                    due_ms: 0,
                    wait_ms: 5000,
                };
                add(Some(attempt(house, queued, Trigger::Event, 503, 80)), retry);
            }
            let tried = attempt(house, queued, Trigger::Event, 204, 0);
            add(Some(tried), Then::Delivered);
        }
        Fate::Fails => {
            let long = found.fails.is_multiple_of(LONG_EVERY);
            found.fails += 1;
            let (tries, answer) = if long {
                (LONG_TRIES, LONG_ANSWER)
            } else {
                (2, 200)
            };
            for number in 1..=tries {
                let trigger = if number == 1 {
                    Trigger::Event
                } else {
                    Trigger::Retry
                };
                let then = if number == tries {
                    Then::Failed
                } else {
                    Then::Retry {
                        due_ms: 0,
                        wait_ms: 5000,
                    }
                };
                add(Some(attempt(house, queued, trigger, 500, answer)), then);
            }
            if long {
                found.failed = Some(queued.id);
            }
        }
        Fate::Parks => {
            found.parked_count += 1;
            found.parked = Some(queued.id);
            add(None, Then::Parked);
        }
    }
}

fn attempt(
    house: &House,
    queued: &Queued,
    trigger: Trigger,
    status: u16,
    answer: usize,
) -> Attempt {
    let accepted = status < 300;
    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let outcome = if accepted { "accepted" } else { "rejected" };
    Attempt {
        number: 0,
        trigger: trigger.as_str().into(),
        started_at: house.clock_now(),
        duration_ms: 3,
        outcome: outcome.into(),
        status: Some(status),
        error: (!accepted).then(|| AttemptError {
            code: "status".to_owned(),
            detail: format!("the receiver answered {status}"),
        }),
        url: "https://hooks.example.com/tidings".into(),
        request_headers: Headers::from_iter([
            header("content-type", "application/json"),
            header("user-agent", "Tidings/0.1.0"),
            header("webhook-id", &queued.id.to_string()),
            header("webhook-timestamp", "1700000000"),
            header("webhook-signature", "v1,(masked)"),
            header("x-tidings-event", &queued.message.code),
            header("x-tidings-object", &queued.message.object),
        ]),
        response: Some(AttemptResponse {
            headers: Headers::from_iter([header("date", "Tue, 14 Nov 2023 22:13:20 GMT")]),
            body: "<p>Sorry: \"it\" did not go.</p>\n".repeat(answer.div_ceil(32)),
            truncated: answer == LONG_ANSWER,
        }),
        timings_us: [None, None, None, Some(900)],
        remote: Some(([192, 0, 2, 9], 443).into()),
    }
}
