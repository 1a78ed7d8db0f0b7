//! The long runs: the same tests as everywhere, with the large figures.

mod fuzz;
mod overload;
mod process;
mod recover;

use std::time::Instant;

use anyhow::bail;

use crate::kit;

/// One long run: its name, what it does, how it is run with these arguments.
type Stage = (
    &'static str,
    &'static str,
    fn(&[String]) -> anyhow::Result<()>,
);

const STAGES: &[Stage] = &[
    ("kills", "[CYCLES] of kill -9 under load (1000)", kills),
    (
        "faults",
        "each of 500 writes and syncs, every call of the disk, 200 power cuts, 100 full disks, 200 stops",
        faults,
    ),
    ("keys", "64,000 Idempotency-Keys through 100 kills", keys),
    ("backups", "100 backups under load", backups),
    (
        "simulation",
        "[SEEDS] of the simulated engine (10000)",
        simulation,
    ),
    (
        "hostile",
        "[RECEIVERS] that misbehave together (200)",
        hostile,
    ),
    (
        "stalls",
        "[STALLS] of a server that stands still under load (1800)",
        stalls,
    ),
    (
        "recover",
        "[EVENTS] that a webhook missed, through kills (1000000)",
        recover::run,
    ),
    (
        "overload",
        "[SECONDS] [CONNECTIONS] of everything at once (600 10000)",
        overload::run,
    ),
    (
        "schemathesis",
        "[EXAMPLES] [SEED]: the API against its own description (200 1)",
        schemathesis,
    ),
    (
        "fuzz",
        "[SECONDS] [TARGET]: each target so long (60); needs nightly and cargo-fuzz",
        fuzz::run,
    ),
];

/// `cargo xtask soak [NAME [ARGUMENTS]]`; without a name all of them, one after the other, to the end even if one fails.
pub(crate) fn run(arguments: &[String]) -> anyhow::Result<()> {
    let Some((name, rest)) = arguments.split_first() else {
        return all();
    };
    if let Some((_, _, stage)) = STAGES.iter().find(|(known, ..)| known == name) {
        return stage(rest);
    }
    for (name, what, _) in STAGES {
        println!("  soak {name:13} {what}");
    }
    bail!("there is no long run called {name}")
}

fn all() -> anyhow::Result<()> {
    let mut failed = Vec::new();
    let mut lines = Vec::new();
    for (name, what, stage) in STAGES {
        println!("\n=== soak {name}: {what}");
        let begun = Instant::now();
        let result = stage(&[]);
        let minutes = begun.elapsed().as_secs_f64() / 60.0;
        let word = match &result {
            Ok(()) => "ok".to_owned(),
            Err(error) => {
                failed.push(*name);
                format!("FAILED: {error:#}")
            }
        };
        lines.push(format!("soak {name:13} {minutes:6.1} min  {word}"));
    }
    println!("\n{}", lines.join("\n"));
    if !failed.is_empty() {
        bail!("{} failed", failed.join(", "));
    }
    Ok(())
}

/// The tests of a package whose names begin so, with figures in the environment.
fn tests(package: &str, filter: &str, dials: &[(&str, &str)]) -> anyhow::Result<()> {
    let words = ["test", "--package", package, "--test", "it", filter];
    let all: Vec<&str> = words.into_iter().chain(["--", "--nocapture"]).collect();
    let program = dials
        .iter()
        .fold(kit::cargo(&all), |program, (name, value)| {
            program.env(name, value)
        });
    program.run(filter)
}

/// The process dies at random moments under load; so many changes are accepted in all that it counts.
fn kills(arguments: &[String]) -> anyhow::Result<()> {
    let cycles = arguments.first().map_or("1000", String::as_str);
    let dials = [("TIDINGS_KILLS", cycles), ("TIDINGS_KILL_CHANGES", "400")];
    tests("tidings", "kill::", &dials)
}

/// Stops and starvation at random moments, and clients that go away: everything drains soon.
fn stalls(arguments: &[String]) -> anyhow::Result<()> {
    let stalls = arguments.first().map_or("1800", String::as_str);
    let dials = [("TIDINGS_STALLS", stalls), ("TIDINGS_STALL_MS", "250")];
    tests("tidings", "stalls::", &dials)
}

fn backups(_: &[String]) -> anyhow::Result<()> {
    tests(
        "tidings",
        "backups_under_load",
        &[("TIDINGS_BACKUPS", "100")],
    )
}

fn keys(_: &[String]) -> anyhow::Result<()> {
    let dials = [
        ("TIDINGS_KEY_SENDERS", "64"),
        ("TIDINGS_KEYS", "1000"),
        ("TIDINGS_KEY_KILLS", "100"),
    ];
    tests("tidings", "idempotency", &dials)
}

fn simulation(arguments: &[String]) -> anyhow::Result<()> {
    let seeds = arguments.first().map_or("10000", String::as_str);
    tests(
        "tidings-delivery",
        "simulation",
        &[("TIDINGS_SIM_SEEDS", seeds)],
    )
}

/// What hostile receivers cost the server together, in memory and time.
fn hostile(arguments: &[String]) -> anyhow::Result<()> {
    let receivers = arguments.first().map_or("200", String::as_str);
    println!("soak hostile: {receivers} receivers");
    kit::cargo(&[
        "test",
        "--release",
        "--package",
        "tidings",
        "--test",
        "it",
        "hostile_receivers_cost",
        "--",
        "--nocapture",
    ])
    .env("TIDINGS_HOSTILE", receivers)
    .run("hostile receivers")
}

/// The API's description against the server, without a limit: every systematic case, so many random ones an operation, and chains of
/// calls.
fn schemathesis(arguments: &[String]) -> anyhow::Result<()> {
    crate::setup::run()?;
    let examples = arguments.first().map_or("200", String::as_str);
    let seed = arguments.get(1).map_or("1", String::as_str);
    println!("soak schemathesis: {examples} examples an operation, seed {seed}");
    kit::cargo(&[
        "test",
        "--package",
        "tidings",
        "--test",
        "it",
        "schemathesis::",
        "--",
        "--ignored",
        "--nocapture",
    ])
    .env("TIDINGS_TOOLS", kit::tools())
    .env("TIDINGS_SCHEMATHESIS", examples)
    .env("TIDINGS_SCHEMATHESIS_SEED", seed)
    .run("schemathesis")
}

/// Faults of the disk and of the process under the real binary. Each line that a test prints says how much it did; a case that
/// fails says which it was: `TIDINGS_KILL_FIRST=N TIDINGS_KILL_STEP=9999` dies at call N only.
fn faults(_: &[String]) -> anyhow::Result<()> {
    let dials = [
        ("TIDINGS_KTH", "500"),
        ("TIDINGS_KILL_STEP", "1"),
        ("TIDINGS_CUTS", "200"),
        ("TIDINGS_FULL", "100"),
        ("TIDINGS_STOPS", "200"),
        ("TIDINGS_DRIPS", "20"),
    ];
    tests("tidings", "faults::", &dials)
}
