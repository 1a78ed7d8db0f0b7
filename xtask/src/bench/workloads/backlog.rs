//! A dead webhook with a long queue, and what it costs the others.

use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::Value;

use super::super::Bench;
use super::super::figures::Figures;
use super::super::load::Receiver;
use super::super::report::Entry;
use super::super::stage::{Feed, Stage, World, webhook};
use super::throughput::{in_turn, one_project};

/// Deliveries that wait.
const PENDING: u64 = 1_000_000;
/// Changes in one request: the most there may be.
const BATCH: u64 = 1_000;
/// Nobody listens on the first port.
const DEAD: &str = "http://127.0.0.1:1/dead";
/// So long after its start a server has read what it reads.
const SETTLED: Duration = Duration::from_secs(2);

pub(super) fn run(bench: &mut Bench) -> anyhow::Result<()> {
    let folder = bench.disks.fast();
    let receiver = Receiver::start(false, false)?;
    let world = one_project(&receiver, 1);
    let mut base = Stage::new(&bench.options, &folder, receiver, world)?;
    let receiver = Receiver::start(false, false)?;
    let world = one_project(&receiver, 1);
    let mut stage = Stage::new(&bench.options, &folder, receiver, world)?;
    let pending = if bench.options.small {
        PENDING / 100
    } else {
        PENDING
    };
    let filled = fill(&mut stage, pending)?;
    let (mut starts, mut memory) = (Vec::new(), Vec::new());
    for _ in 0..bench.options.rounds {
        stage = stage.restart()?;
        starts.push(stage.server.start_ms);
        std::thread::sleep(SETTLED);
        memory.push(stage.server.memory_mib()?);
    }
    let mut entry = Entry::new(
        "W6",
        "deliveries pending for one dead webhook; W1 for another, in turn with W1 on an empty database",
    );
    entry.add("start_ms", "ms", Figures::of(starts));
    entry.add("memory_at_rest_mib", "MiB", Figures::of(memory));
    in_turn(
        bench,
        &mut base,
        &mut stage,
        &mut entry,
        "share_of_w1",
        "of W1",
    )?;
    // Judged at its peak, with W1 going on.
    entry.add("memory_mib", "MiB", Figures::one(stage.server.peak_mib()?));
    #[expect(clippy::cast_precision_loss, reason = "figures for people")]
    entry.add(
        "pending",
        "deliveries",
        Figures::one(pending_now(&stage)? as f64),
    );
    entry.add("filled_per_second", "changes/s", Figures::one(filled));
    bench.report.push(entry);
    Ok(())
}

/// Records changes for a webhook that cannot be reached; how many per second.
fn fill(stage: &mut Stage, pending: u64) -> anyhow::Result<f64> {
    let dead = World {
        projects: 1,
        objects: 4 * BATCH,
        webhooks: vec![webhook("dead", DEAD)],
    };
    stage.fill("DEAD", &dead)?;
    let feed = Feed {
        seconds: None,
        changes: Some(pending),
        feeders: 4,
        ..Feed::for_seconds(0.0).batched(BATCH)
    };
    let (told, _) = stage.feed("DEAD", &dead, feed)?;
    let there = pending_now(stage)?;
    if there != pending {
        bail!("{pending} deliveries must wait, {there} do");
    }
    told.get("per_second")
        .and_then(Value::as_f64)
        .context("the feeders said nothing")
}

/// What waits in the server, as it tells it: for the dead webhook, as what is sent to the other one was waited for.
fn pending_now(stage: &Stage) -> anyhow::Result<u64> {
    let told = stage.server.call("GET", "/server", "")?;
    let pending = told.pointer("/queue/waiting").and_then(Value::as_u64);
    pending.with_context(|| format!("no count in {told}"))
}
