//! More than the server can take, all at once: `cargo xtask soak overload [SECONDS] [CONNECTIONS]` (600 and 10,000).
//!
//! One server (release), one receiver that is slower than the feed, and six kinds of clients, each a process of its own. When the
//! storm is over the receiver is made fast, and everything that was accepted must arrive.

use std::collections::BTreeMap;
use std::io::Read;
use std::process::{ChildStdout, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use serde_json::{Value, json};

use super::process::{TOKEN, ask, memory_mib, storm, talking, tidings};
use crate::kit;

/// What docs/operations.md promises for the default limits.
const MOST_MIB: u64 = 512;
/// `/healthz` in the middle of it, from the connection on, at the 99th percentile.
const HEALTH_US: u64 = 100_000;
/// How long the backlog may stand still before it counts as lost.
const STANDSTILL: Duration = Duration::from_mins(2);

pub(super) fn run(arguments: &[String]) -> anyhow::Result<()> {
    let seconds: u64 = arguments.first().map_or("600", String::as_str).parse()?;
    let crowd: usize = arguments.get(1).map_or("10000", String::as_str).parse()?;
    println!("soak overload: {seconds} s, {crowd} connections of the crowd");
    kit::build_programs()?;
    let folder = tempfile::tempdir()?;
    let (mut receiver, hook) = talking(storm(&["receive".to_owned()]))?;
    let (mut server, said) = talking(tidings(folder.path()))?;
    let address = said
        .rsplit("http://")
        .next()
        .context("the server said nothing")?
        .to_owned();
    let result = storm_over(&address, &hook, server.id(), seconds, crowd);
    server.kill().ok();
    server.wait().ok();
    receiver.kill().ok();
    receiver.wait().ok();
    result
}

fn storm_over(
    server: &str,
    hook: &str,
    process: u32,
    seconds: u64,
    crowd: usize,
) -> anyhow::Result<()> {
    let project = json!({"key": "STORM", "name": "Storm"});
    let webhook = json!({
        "name": "slow", "url": format!("http://{hook}/hook"), "dialect": "standard", "events": ["story.created"], "max_in_flight": 64
    });
    for (path, body) in [
        ("/api/v1/projects", &project),
        ("/api/v1/projects/STORM/webhooks", &webhook),
    ] {
        let (status, answer) = ask(server, "POST", path, body)?;
        ensure!(status == 201, "{path}: {status} {answer}");
    }
    println!("before: {} MiB", memory_mib(process, "VmRSS")?);
    // What the machine itself adds: the same probe while nobody else asks.
    let alone = storm(&["probe", server, "5"].map(str::to_owned)).output()?;
    println!(
        "probe alone: {}",
        String::from_utf8_lossy(&alone.stdout).trim()
    );
    // Slower than any feed: 64 in flight, 50 ms each.
    ask(hook, "PUT", "/50", &Value::Null)?;
    let kinds: [(&str, Vec<String>); 6] = [
        ("crowd", words(server, true, seconds, crowd)),
        ("loris", words(server, false, seconds, 1_000)),
        (
            "feed",
            [words(server, true, seconds, 64), vec!["1024".to_owned()]].concat(),
        ),
        ("bulk", words(server, true, seconds, 16)),
        ("hoard", words(server, true, seconds, 100)),
        ("probe", vec![server.to_owned(), seconds.to_string()]),
    ];
    let mut running = Vec::new();
    for (kind, words) in kinds {
        let words = [vec![kind.to_owned()], words].concat();
        let child = storm(&words).stdout(Stdio::piped()).spawn()?;
        running.push((kind, child));
    }
    let peak = watch(process, seconds)?;
    let mut told = BTreeMap::new();
    for (kind, mut child) in running {
        let mut output: ChildStdout = child.stdout.take().context("no output")?;
        let mut text = String::new();
        output.read_to_string(&mut text)?;
        let status = child.wait()?;
        ensure!(status.success(), "storm {kind}: {status}");
        println!("{kind}: {}", text.trim());
        told.insert(kind, serde_json::from_str::<Value>(&text)?);
    }
    let after = memory_mib(process, "VmRSS")?;
    println!("memory: at most {peak} MiB, {after} MiB when it was over");
    let accepted = check(&told, peak)?;
    drain(hook, accepted)?;
    println!("soak overload: every request was answered, {accepted} changes accepted, none lost");
    Ok(())
}

fn words(server: &str, token: bool, seconds: u64, clients: usize) -> Vec<String> {
    let mut words = vec![server.to_owned()];
    words.extend(token.then(|| TOKEN.to_owned()));
    words.extend([seconds.to_string(), clients.to_string()]);
    words
}

/// The most memory the server takes while the storm lasts.
fn watch(process: u32, seconds: u64) -> anyhow::Result<u64> {
    let end = Instant::now() + Duration::from_secs(seconds);
    let mut said = Instant::now();
    while Instant::now() < end {
        std::thread::sleep(Duration::from_millis(500));
        if said.elapsed() > Duration::from_mins(1) {
            said = Instant::now();
            println!("... {} MiB", memory_mib(process, "VmRSS")?);
        }
    }
    memory_mib(process, "VmHWM")
}

/// What the clients saw must be what is promised; how many changes were accepted.
fn check(told: &BTreeMap<&str, Value>, peak: u64) -> anyhow::Result<u64> {
    let number = |kind: &str, pointer: &str| {
        told.get(kind)
            .and_then(|v| v.pointer(pointer))
            .and_then(Value::as_u64)
            .unwrap_or(0)
    };
    let mut faults = Vec::new();
    for kind in ["crowd", "feed", "bulk"] {
        for what in ["/unanswered", "/unconnected", "/no_retry_after"] {
            let count = number(kind, what);
            if count > 0 {
                faults.push(format!("{kind}{what}: {count}"));
            }
        }
        let statuses = told.get(kind).and_then(|v| v.get("statuses"));
        for status in statuses
            .and_then(Value::as_object)
            .into_iter()
            .flat_map(|s| s.keys())
        {
            // A body that a starved client did not bring in time is 408.
            if !matches!(status.as_str(), "200" | "201" | "408" | "429" | "503") {
                faults.push(format!("{kind} was answered {status}"));
            }
        }
    }
    for kind in ["loris", "hoard"] {
        if number(kind, "/cut_off") == 0 {
            faults.push(format!("no {kind} was cut off"));
        }
    }
    let health = number("probe", "/p99_us");
    if health > HEALTH_US || number("probe", "/count") == 0 {
        faults.push(format!("/healthz took {health} us at the 99th percentile"));
    }
    if number("probe", "/failed") > 0 {
        faults.push(format!(
            "/healthz failed {} times",
            number("probe", "/failed")
        ));
    }
    if peak > MOST_MIB {
        faults.push(format!("{peak} MiB, and {MOST_MIB} are documented"));
    }
    if !faults.is_empty() {
        bail!("{}", faults.join("; "));
    }
    Ok(number("feed", "/statuses/201"))
}

/// Everything that was accepted arrives once the receiver is fast.
fn drain(hook: &str, accepted: u64) -> anyhow::Result<()> {
    ask(hook, "PUT", "/0", &Value::Null)?;
    let started = Instant::now();
    let (mut seen, mut since) = (0, Instant::now());
    while seen < accepted {
        std::thread::sleep(Duration::from_millis(500));
        let (_, text) = ask(hook, "GET", "/", &Value::Null)?;
        let now: u64 = text.split(' ').next().unwrap_or_default().parse()?;
        if now > seen {
            (seen, since) = (now, Instant::now());
        }
        ensure!(
            since.elapsed() < STANDSTILL,
            "{accepted} changes were accepted, and after {:?} only {seen} have arrived",
            started.elapsed()
        );
    }
    println!(
        "drained: {seen} deliveries after {:.0} s",
        started.elapsed().as_secs_f64()
    );
    Ok(())
}
