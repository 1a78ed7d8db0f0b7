//! The API's description against the running server, as schemathesis (PyPI) judges it: every operation with good and bad requests,
//! every answer against what the description says of it.
//!
//! The tests' share, by a fixed seed: the examples, at most 20 systematic cases and 20 random ones an operation. The 26 collections share
//! their handlers, so theirs get 8 random ones, and which of the systematic cases an operation gets differs from one to the other: together
//! they are all there. Two processes share the operations (Python computes on one core), each with a server of its own, and after three minutes
//! they are stopped; what they found until then counts. It is the same requests every time: every Python package is pinned (`xtask/src/python.txt`), sets
//! are walked in one order, and nothing is learnt from answers. Of the random ones only the answer is judged (status, type, schema,
//! headers, ...), not whether the server rightly took or refused them; `share.toml` says why. `cargo xtask soak schemathesis` leaves
//! nothing out, learns from answers and adds chains of calls.

mod sample;

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tidings_testkit::dns::Dns;
use tidings_web::route::{Input, Method};
use tidings_web::routes::table;
use tokio::process::Command;

use super::signatures::tools;
use super::world::{Server, TOKEN};

/// The tests' share ends then, however far it came.
const LONGEST: Duration = Duration::from_mins(3);
/// Systematic cases, and random ones, of an operation.
const CASES: usize = 20;
/// Random ones of an operation that exists once for each collection.
const CASES_OF_COLLECTION: usize = 8;
const SHARDS: usize = 2;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a stage of its own in cargo xtask test: it counts minutes, and wants the machine for itself"]
async fn the_server_does_what_its_description_says() {
    // No name exists: nothing is ever reached.
    let names = Dns::start().await;
    let started = Instant::now();
    let mut worlds = Vec::new();
    for tags in shards() {
        worlds.push((World::start(&names).await, tags));
    }
    let runs = worlds
        .iter()
        .map(|(world, tags)| run(&world.server, world.folder.path(), tags));
    let mut good = true;
    for (output, stopped) in futures(runs).await {
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let counted = said.lines().find(|line| line.contains(" generated, "));
        let found = said.contains("\nFailures:\n") || said.contains("\nErrors:\n");
        if found || !(stopped || output.status.success()) {
            println!("{said}{}", String::from_utf8_lossy(&output.stderr));
            good = false;
        } else {
            println!("{}", counted.unwrap_or_default().trim());
        }
    }
    println!("schemathesis: {:?}", started.elapsed());
    assert!(good, "schemathesis found something; see above");
}

/// A server of its own, so that what one process does changes no answer of another's.
struct World {
    server: Server,
    folder: TempDir,
}

impl World {
    async fn start(names: &Dns) -> Self {
        let folder = tempfile::tempdir().unwrap();
        // The guard is as by default.
        let server = Server::guarded(folder.path(), names.addr());
        let known = sample::fill(&server).await;
        std::fs::write(folder.path().join("world.json"), known.to_string()).unwrap();
        Self { server, folder }
    }
}

/// All of them at once.
async fn futures<F>(all: impl Iterator<Item = F>) -> Vec<F::Output>
where
    F: Future<Output: Send + 'static> + Send + 'static,
{
    let running: Vec<_> = all.map(tokio::spawn).collect();
    let mut done = Vec::new();
    for one in running {
        done.push(one.await.unwrap());
    }
    done
}

/// The tags of the operations, in shares of about the same size.
fn shards() -> Vec<Vec<&'static str>> {
    let mut counts: Vec<(usize, &'static str)> = Vec::new();
    for row in table() {
        match counts.iter_mut().find(|(_, tag)| *tag == row.tag) {
            Some((count, _)) => *count += 1,
            None => counts.push((1, row.tag)),
        }
    }
    counts.sort_unstable_by(|a, b| b.cmp(a));
    let mut shards = vec![(0, Vec::new()); SHARDS];
    for (count, tag) in counts {
        let least = shards.iter_mut().min_by_key(|(size, _)| *size).unwrap();
        least.0 += count;
        least.1.push(tag);
    }
    shards.into_iter().map(|(_, tags)| tags).collect()
}

#[expect(clippy::disallowed_methods, reason = "set by cargo xtask soak")]
fn setting(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// The settings with so many random cases; `share` is what else the tests' share has.
fn settings(own: &Path, all: &str, of_collection: &str, share: bool) -> String {
    let read = |name: &str| std::fs::read_to_string(own.join(name)).unwrap();
    let common = read("settings.toml");
    let share = if share {
        read("share.toml")
    } else {
        String::new()
    };
    let mut tags: Vec<&str> = table()
        .iter()
        .filter(|row| row.collection.is_some())
        .map(|row| row.tag)
        .collect();
    tags.dedup();
    let creating = creating();
    // The usual ones, and 422.
    let taken = r#"["2xx", "3xx", "401", "403", "404", "409", "422", "429", "5xx"]"#;
    format!(
        "{common}max-examples = {all}

[[operations]]
include-tag = {tags:?}
generation.max-examples = {of_collection}

[[operations]]
include-operation-id = {creating:?}
checks.positive_data_acceptance.expected-statuses = {taken}
{share}"
    )
}

/// A PUT of these may leave out more where the object is there than where it is to be created, which a schema cannot say: the body
/// that suits the one is refused for the other.
fn creating() -> Vec<String> {
    let rows = table();
    let puts = rows.iter().filter(|row| row.method == Method::Put);
    puts.filter(|row| matches!(&row.input, Input::Json(schema) if schema.ends_with("Put")))
        .map(|row| row.id.to_string())
        .collect()
}

/// Runs schemathesis on the operations with these tags; whether it had to be stopped.
fn run(
    server: &Server,
    folder: &Path,
    tags: &[&'static str],
) -> impl Future<Output = (Output, bool)> + Send + use<> {
    let own = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/it/schemathesis");
    let unlimited = setting("TIDINGS_SCHEMATHESIS");
    let (all, of_collection) = match &unlimited {
        Some(examples) => (examples.clone(), examples.clone()),
        None => (CASES.to_string(), CASES_OF_COLLECTION.to_string()),
    };
    let share = unlimited.is_none();
    let settings = settings(&own, &all, &of_collection, share);
    let file = folder.join(format!("settings-{}.toml", tags[0].replace(' ', "-")));
    std::fs::write(&file, settings).unwrap();
    let seed = setting("TIDINGS_SCHEMATHESIS_SEED").unwrap_or_else(|| "1".to_owned());
    let mut command = Command::new(tools().join("python/bin/schemathesis"));
    command
        .arg("--config-file")
        .arg(file)
        .args(["run", &format!("{}/api/v1/openapi.json", server.url())])
        .args(["--header", &format!("Authorization: Bearer {TOKEN}")])
        .args(["--workers", "1", "--no-color", "--seed", &seed])
        .args(tags.iter().flat_map(|tag| ["--include-tag", tag]))
        .env("TIDINGS_WORLD", folder.join("world.json"))
        .env("PYTHONPATH", &own)
        // Sets are walked in the same order each time.
        .env("PYTHONHASHSEED", "0")
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("SCHEMATHESIS_HOOKS", "hooks")
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    if unlimited.is_none() {
        command.args(["--phases", "examples,coverage,fuzzing", "--no-shrink"]);
        command.env("TIDINGS_SHARE", CASES.to_string());
    }
    async move {
        let child = command.spawn().unwrap();
        let id = child.id().unwrap().to_string();
        let mut output = tokio::spawn(child.wait_with_output());
        if unlimited.is_none() {
            if let Ok(done) = tokio::time::timeout(LONGEST, &mut output).await {
                return (done.unwrap().unwrap(), false);
            }
            // As Ctrl-C: it says what it found until now.
            let interrupt = Command::new("kill").args(["-INT", &id]).status();
            interrupt.await.unwrap();
            return (output.await.unwrap().unwrap(), true);
        }
        (output.await.unwrap().unwrap(), false)
    }
}
