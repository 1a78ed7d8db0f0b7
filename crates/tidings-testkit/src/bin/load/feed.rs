//! The feeders: each changes titles of its own share of the objects, so that no two of them want the same one.

use std::cell::RefCell;
use std::fmt::Write;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use serde::Deserialize;
use tokio::task::LocalSet;

use crate::wire::{Wire, request};
use crate::{Result, now_us, per_second, percentiles};

#[derive(Deserialize)]
pub(crate) struct Plan {
    to: SocketAddr,
    token: String,
    /// As in the world's plan.
    key: String,
    projects: u64,
    objects: u64,
    feeders: u64,
    /// Changes in one request; all of one project.
    batch: u64,
    /// Ends after so many seconds,
    seconds: Option<f64>,
    /// or after so many changes.
    changes: Option<u64>,
    /// Requests per second of all feeders together, sent at their time whether or not others were answered; without it each
    /// feeder sends as soon as it has its answer.
    rate: Option<f64>,
    /// Each title tells when it was sent.
    #[serde(default)]
    stamp: bool,
}

struct Shared {
    plan: Plan,
    started: Instant,
    run: u32,
    accepted: RefCell<u64>,
    /// How long answers took; only of open loops, which are few.
    took: RefCell<Vec<u64>>,
}

pub(crate) async fn run(plan: Plan) -> Result<()> {
    let shared = Rc::new(Shared {
        started: Instant::now(),
        run: std::process::id(),
        accepted: RefCell::new(0),
        took: RefCell::default(),
        plan,
    });
    LocalSet::new()
        .run_until(async {
            let mut feeders = Vec::new();
            for feeder in 0..shared.plan.feeders {
                feeders.push(tokio::task::spawn_local(feed(Rc::clone(&shared), feeder)));
            }
            for feeder in feeders {
                feeder.await??;
            }
            Result::Ok(())
        })
        .await?;
    let accepted = *shared.accepted.borrow();
    println!(
        "{}",
        serde_json::json!({
            "accepted": accepted,
            "per_second": per_second(accepted, shared.started.elapsed()),
            "answers": percentiles(shared.took.take()),
        })
    );
    Ok(())
}

async fn feed(shared: Rc<Shared>, feeder: u64) -> Result<()> {
    let plan = &shared.plan;
    let mut wire = Wire::connect(plan.to).await?;
    let mut bytes = Vec::new();
    let mut text = String::new();
    let mut turn = 0;
    while shared.goes_on(feeder, turn) {
        if let Some(rate) = plan.rate {
            #[expect(clippy::cast_precision_loss, reason = "small numbers")]
            let at = (turn * plan.feeders + feeder) as f64 / rate;
            tokio::time::sleep_until((shared.started + Duration::from_secs_f64(at)).into()).await;
        }
        bytes.clear();
        change(&shared, feeder, turn, &mut text, &mut bytes);
        let sent = Instant::now();
        let answer = wire.exchange(&bytes).await?;
        if !(200..300).contains(&answer) {
            return Err(format!("a change was answered {answer}").into());
        }
        if plan.rate.is_some() {
            let took = u64::try_from(sent.elapsed().as_micros()).unwrap_or(u64::MAX);
            shared.took.borrow_mut().push(took);
        }
        *shared.accepted.borrow_mut() += plan.batch;
        turn += 1;
    }
    Ok(())
}

impl Shared {
    fn goes_on(&self, feeder: u64, turn: u64) -> bool {
        let plan = &self.plan;
        let number = turn * plan.feeders + feeder;
        #[expect(clippy::cast_precision_loss, reason = "small numbers")]
        let time = match (plan.rate, plan.seconds) {
            // By its own time, so that a slow answer takes no request away.
            (Some(rate), Some(seconds)) => (number as f64) < rate * seconds,
            (None, Some(seconds)) => self.started.elapsed().as_secs_f64() < seconds,
            (_, None) => true,
        };
        time && plan.changes.is_none_or(|most| number * plan.batch < most)
    }
}

/// The n-th pair of project and object of a feeder's share; neighbours are of different projects.
fn place(plan: &Plan, feeder: u64, n: u64) -> (u64, u64) {
    let all = plan.projects * plan.objects;
    let share = (all / plan.feeders).max(1);
    let place = (feeder * share + n % share) % all;
    (place % plan.projects, 1 + place / plan.projects)
}

fn change(shared: &Shared, feeder: u64, turn: u64, body: &mut String, bytes: &mut Vec<u8>) {
    let plan = &shared.plan;
    body.clear();
    let title = |n: u64| {
        if plan.stamp {
            format!("sent@{} by {feeder}.{n}", now_us())
        } else {
            // No two runs may say the same: what changes nothing is no event.
            format!("{turn} of {feeder}.{n} in {:x}", shared.run)
        }
    };
    let key = &plan.key;
    // A string takes everything.
    if plan.batch == 1 {
        let (project, object) = place(plan, feeder, turn);
        let _ = write!(body, r#"{{"title":"{}"}}"#, title(0));
        let path = format!("/api/v1/projects/{key}{project}/tasks/{object}");
        request(bytes, "PATCH", &path, &plan.token, body);
        return;
    }
    let (project, _) = place(plan, feeder, turn * plan.batch);
    body.push('[');
    for n in 0..plan.batch {
        let comma = if n == 0 { "" } else { "," };
        let (_, object) = place(plan, feeder, turn * plan.batch + n);
        let _ = write!(
            body,
            r#"{comma}{{"op":"patch","collection":"tasks","id":{object},"data":{{"title":"{}"}}}}"#,
            title(n)
        );
    }
    body.push(']');
    let path = format!("/api/v1/projects/{key}{project}/changes");
    request(bytes, "POST", &path, &plan.token, body);
}
