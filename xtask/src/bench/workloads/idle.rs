//! A server with nothing to do, on a database that has been used.

use std::time::Duration;

use super::super::Bench;
use super::super::figures::Figures;
use super::super::load::Receiver;
use super::super::report::Entry;
use super::super::stage::{Feed, Stage};
use super::throughput::one_project;

/// Starts that are timed.
const STARTS: usize = 9;
/// So long after its start a server counts as idle.
const SETTLED: Duration = Duration::from_secs(2);

pub(super) fn run(bench: &mut Bench) -> anyhow::Result<()> {
    let receiver = Receiver::start(false, false)?;
    let world = one_project(&receiver, 1);
    let mut stage = Stage::new(&bench.options, &bench.disks.disk(), receiver, world)?;
    stage.round(Feed::for_seconds(bench.options.seconds.min(2.0)))?;
    let (mut starts, mut memory) = (Vec::new(), Vec::new());
    for _ in 0..STARTS {
        stage = stage.restart()?;
        starts.push(stage.server.start_ms);
        std::thread::sleep(SETTLED);
        memory.push(stage.server.memory_mib()?);
    }
    let mut entry = Entry::new("idle", "started on an existing database, nothing to do");
    entry.add("memory_mib", "MiB", Figures::of(memory));
    entry.add("start_ms", "ms", Figures::of(starts));
    bench.report.push(entry);
    Ok(())
}
