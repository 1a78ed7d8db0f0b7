//! The long runs: the same tests as everywhere, with the large figures.

mod fuzz;
mod overload;

use crate::kit;

/// Kill cycles, keys through kills and backups against the real binary, and seeds of the simulation.
/// `cargo xtask soak [KILLS] [SEEDS]`. Others by name: `soak overload [SECONDS] [CONNECTIONS]`, `soak hostile [RECEIVERS]`,
/// `soak faults`, `soak fuzz [SECONDS] [TARGET]`, `soak schemathesis [EXAMPLES] [SEED]`.
pub(crate) fn run(arguments: &[String]) -> anyhow::Result<()> {
    if let Some((name, rest)) = arguments.split_first() {
        match name.as_str() {
            "overload" => return overload::run(rest),
            "hostile" => return hostile(rest),
            "faults" => return faults(),
            "fuzz" => return fuzz::run(rest),
            "schemathesis" => return schemathesis(rest),
            _ => {}
        }
    }
    let kills = arguments.first().map_or("1000", String::as_str);
    let seeds = arguments.get(1).map_or("10000", String::as_str);
    println!("soak: {kills} kill cycles, {seeds} simulation seeds");
    kit::cargo(&[
        "test",
        "--package",
        "tidings",
        "--test",
        "it",
        "kill::",
        "--",
        "--nocapture",
    ])
    .env("TIDINGS_KILLS", kills)
    .run("kill cycles")?;
    faults()?;
    kit::cargo(&[
        "test",
        "--package",
        "tidings",
        "--test",
        "it",
        "backups_under_load",
        "--",
        "--nocapture",
    ])
    .env("TIDINGS_BACKUPS", "100")
    .run("backups under load")?;
    kit::cargo(&[
        "test",
        "--package",
        "tidings",
        "--test",
        "it",
        "idempotency",
        "--",
        "--nocapture",
    ])
    .env("TIDINGS_KEY_SENDERS", "64")
    .env("TIDINGS_KEYS", "1000")
    .env("TIDINGS_KEY_KILLS", "100")
    .run("keys through kills")?;
    kit::cargo(&[
        "test",
        "--package",
        "tidings-delivery",
        "--test",
        "it",
        "simulation",
        "--",
        "--nocapture",
    ])
    .env("TIDINGS_SIM_SEEDS", seeds)
    .run("simulation")
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
fn faults() -> anyhow::Result<()> {
    println!("soak faults: each of 500 writes and syncs, every call of the disk, 200 power cuts");
    kit::cargo(&[
        "test",
        "--package",
        "tidings",
        "--test",
        "it",
        "faults::",
        "--",
        "--nocapture",
    ])
    .env("TIDINGS_KTH", "500")
    .env("TIDINGS_KILL_STEP", "1")
    .env("TIDINGS_CUTS", "200")
    .env("TIDINGS_FULL", "100")
    .env("TIDINGS_STOPS", "200")
    .run("faults of the disk and of the process")
}
