//! How long it takes from a request to its receiver, at a load that a busy project makes.

use std::ops::Range;
use std::time::Duration;

use anyhow::Context;
use serde_json::{Value, json};

use super::super::Bench;
use super::super::disk::Sync;
use super::super::figures::Figures;
use super::super::load::Receiver;
use super::super::report::Entry;
use super::super::stage::{Feed, Round, Stage, World, webhook};
use super::throughput::one_project;

/// Shorter runs have no p99 worth its name.
const AT_LEAST_SECONDS: f64 = 20.0;
/// Between two changes of W3, and between two of the disk's own syncs that it is compared with.
const W3_PACE: Duration = Duration::from_millis(20);
/// Until a hanging receiver is given up: often within a run.
const HANGING_DEADLINE_SECONDS: u64 = 2;

/// Percentiles of a round, in milliseconds.
#[derive(Clone, Copy)]
struct Delays {
    p50: f64,
    p99: f64,
}

/// 50 changes per second to one webhook, beyond what the disk takes.
pub(super) fn w3(bench: &mut Bench) -> anyhow::Result<()> {
    let disk = bench.disks.disk();
    let receiver = Receiver::start(false, true)?;
    let world = one_project(&receiver, 1);
    let mut stage = Stage::new(&bench.options, &disk, receiver, world)?;
    let feed = open_loop(bench, 1.0 / W3_PACE.as_secs_f64());
    stage.warm_up(feed)?;
    stage.receiver.delays()?;
    let rounds = bench.rounds(|| {
        let sync = Sync::paced(&disk, W3_PACE)?;
        let (round, delays) = delays(&mut stage, feed)?;
        Ok((sync, round, delays))
    })?;
    let mut entry = Entry::new(
        "W3",
        "50 changes per second: from the request to the receiver",
    );
    let mut add = |metric, of: &dyn Fn(&Sync, Delays) -> f64| {
        entry.add(
            metric,
            "ms",
            Figures::of(rounds.iter().map(|(s, _, d)| of(s, *d))),
        );
    };
    add("p50_beyond_sync_ms", &|s, d| d.p50 - s.median_ms);
    add("p99_beyond_sync_ms", &|s, d| d.p99 - s.p99_ms);
    add("p50_ms", &|_, d| d.p50);
    add("p99_ms", &|_, d| d.p99);
    add("sync_median_ms", &|s, _| s.median_ms);
    add("sync_p99_ms", &|s, _| s.p99_ms);
    let rounds: Vec<Round> = rounds.into_iter().map(|(_, round, _)| round).collect();
    entry.add(
        "answer_p50_ms",
        "ms",
        Figures::of(rounds.iter().filter_map(|r| ms(&r.answers, "p50_us").ok())),
    );
    entry.add(
        "answer_p99_ms",
        "ms",
        Figures::of(rounds.iter().filter_map(|r| ms(&r.answers, "p99_us").ok())),
    );
    stage.note(&mut entry, &rounds)?;
    bench.report.push(entry);
    Ok(())
}

/// 100 changes per second, each to 10 of 100 webhooks; the same while 10 of them hang.
pub(super) fn w4(bench: &mut Bench) -> anyhow::Result<()> {
    let disk = bench.disks.disk();
    let stage = |hanging: u64| {
        let receiver = Receiver::start(false, true)?;
        let world = ten_by_ten(&receiver, hanging);
        let mut stage = Stage::new(&bench.options, &disk, receiver, world)?;
        stage.fan_out -= hanging;
        stage.warm_up(open_loop(bench, 100.0))?;
        stage.receiver.delays()?;
        anyhow::Ok(stage)
    };
    let (mut well, mut sick) = (stage(0)?, stage(1)?);
    let feed = open_loop(bench, 100.0);
    let rounds = bench.rounds(|| Ok((delays(&mut well, feed)?.1, delays(&mut sick, feed)?)))?;
    let mut entry = Entry::new(
        "W4",
        "100 changes per second, each to 10 of 100 webhooks: the 90 healthy ones while 10 hang, in turn with none hanging",
    );
    let mut add = |metric, unit, of: &dyn Fn(Delays, Delays) -> f64| {
        entry.add(
            metric,
            unit,
            Figures::of(rounds.iter().map(|(w, (_, s))| of(*w, *s))),
        );
    };
    let share = |times: f64, plus: f64| {
        move |w: Delays, s: Delays| s.p99 / (w.p99 * times).max(w.p99 + plus)
    };
    add("of_allowance", "of x 1.5 or + 2 ms", &share(1.5, 2.0));
    add(
        "of_aimed_allowance",
        "of x 1.1 or + 0.5 ms",
        &share(1.1, 0.5),
    );
    add("p99_without_ms", "ms", &|w, _| w.p99);
    add("p99_with_ms", "ms", &|_, s| s.p99);
    add("p50_without_ms", "ms", &|w, _| w.p50);
    add("p50_with_ms", "ms", &|_, s| s.p50);
    let hung = sick.receiver.counts()?.hanging;
    entry.remark(format!(
        "{hung} requests hung until their deadline of {HANGING_DEADLINE_SECONDS} s"
    ));
    let rounds: Vec<Round> = rounds.into_iter().map(|(_, (round, _))| round).collect();
    sick.note(&mut entry, &rounds)?;
    bench.report.push(entry);
    Ok(())
}

fn open_loop(bench: &Bench, rate: f64) -> Feed {
    Feed::for_seconds(bench.options.seconds.max(AT_LEAST_SECONDS)).at_rate(rate)
}

/// Ten projects with ten webhooks each, so many of which hang.
fn ten_by_ten(receiver: &Receiver, hanging: u64) -> World {
    let name = |n: u64| format!("w{n}");
    let well =
        |range: Range<u64>| range.map(move |n| webhook(&name(n), &receiver.url(&format!("/{n}"))));
    let mut webhooks: Vec<Value> = well(hanging..10).collect();
    for n in 0..hanging {
        let mut sick = webhook(&name(n), &receiver.url(&format!("/hang/{n}")));
        if let Some(sick) = sick.as_object_mut() {
            sick.insert(
                "timeout_seconds".to_owned(),
                json!(HANGING_DEADLINE_SECONDS),
            );
        }
        webhooks.push(sick);
    }
    World {
        projects: 10,
        objects: 640,
        webhooks,
    }
}

fn delays(stage: &mut Stage, feed: Feed) -> anyhow::Result<(Round, Delays)> {
    let round = stage.round(feed)?;
    let told = stage.receiver.delays()?;
    let delays = Delays {
        p50: ms(&told, "p50_us")?,
        p99: ms(&told, "p99_us")?,
    };
    Ok((round, delays))
}

fn ms(told: &Value, name: &str) -> anyhow::Result<f64> {
    let us = told.get(name).and_then(Value::as_f64);
    Ok(us.with_context(|| format!("no {name} in {told}"))? / 1000.0)
}
