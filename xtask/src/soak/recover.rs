//! A webhook that was off for a long time: `cargo xtask soak recover [EVENTS]` (1,000,000).
//!
//! The events are recorded while it is off. A count of them ends within its patience and says whether it is all; then they are brought
//! back, and the server is killed three times on the way. Each arrives, in memory that does not grow with them.

use std::process::Child;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use serde_json::{Value, json};

use super::process::{ask, memory_mib, storm, talking, tidings};
use crate::kit;

const BATCH: u64 = 500;
const OBJECTS: u64 = 10_000;
/// What a count may take, and a bit.
const PATIENCE: Duration = Duration::from_secs(30);
/// The idle server and a lane that catches up, whatever waits.
const MOST_MIB: u64 = 256;
/// How long nothing may arrive before it counts as lost.
const STANDSTILL: Duration = Duration::from_mins(2);
const WEBHOOK: &str = "/api/v1/projects/MISS/webhooks/1";

pub(super) fn run(arguments: &[String]) -> anyhow::Result<()> {
    let events: u64 = arguments
        .first()
        .map_or("1000000", String::as_str)
        .parse()?;
    println!("soak recover: {events} events");
    kit::build_programs()?;
    let folder = tempfile::tempdir()?;
    let (mut receiver, hook) = talking(storm(&["receive".to_owned()]))?;
    let (child, address) = start(folder.path())?;
    let mut server = Server { child, address };
    let result = recover(folder.path(), &mut server, &hook, events);
    server.child.kill().ok();
    server.child.wait().ok();
    receiver.kill().ok();
    receiver.wait().ok();
    result
}

struct Server {
    child: Child,
    address: String,
}

fn start(folder: &std::path::Path) -> anyhow::Result<(Child, String)> {
    let (child, said) = talking(tidings(folder))?;
    let address = said.rsplit("http://").next();
    let address = address.context("the server said nothing")?.to_owned();
    Ok((child, address))
}

fn must(to: &str, method: &str, path: &str, body: &Value) -> anyhow::Result<Value> {
    let (status, answer) = ask(to, method, path, body)?;
    ensure!(status / 100 == 2, "{method} {path}: {status} {answer}");
    Ok(serde_json::from_str(&answer)?)
}

fn at<'a>(answer: &'a Value, member: &str) -> &'a Value {
    answer.get(member).unwrap_or(&Value::Null)
}

fn recover(
    folder: &std::path::Path,
    server: &mut Server,
    hook: &str,
    events: u64,
) -> anyhow::Result<()> {
    let to = server.address.clone();
    let project = json!({"key": "MISS", "name": "Missed"});
    must(&to, "POST", "/api/v1/projects", &project)?;
    let webhook = json!({"name": "off", "url": format!("http://{hook}/hook"), "dialect": "standard", "events": "all",
        "enabled": false, "max_in_flight": 64});
    let made = must(&to, "POST", "/api/v1/projects/MISS/webhooks", &webhook)?;
    ensure!(*at(&made, "id") == 1, "another webhook: {made}");
    let begun = Instant::now();
    for batch in 0..events.div_ceil(BATCH) {
        let entry = |n: u64| {
            json!({"op": "put", "collection": "tasks", "id": 1 + (batch * BATCH + n) % OBJECTS,
                "data": {"title": format!("Task {batch}.{n}")}})
        };
        let entries: Vec<Value> = (0..BATCH).map(entry).collect();
        must(
            &to,
            "POST",
            "/api/v1/projects/MISS/changes",
            &json!(entries),
        )?;
    }
    println!("recorded after {:.0} s", begun.elapsed().as_secs_f64());

    let recover = format!("{WEBHOOK}/recover");
    let body = |dry_run: bool| json!({"since": at(&made, "created_at"), "mode": "deliver", "dry_run": dry_run});
    let begun = Instant::now();
    let counted = must(&to, "POST", &recover, &body(true))?;
    println!(
        "counted after {:.1} s: {counted}",
        begun.elapsed().as_secs_f64()
    );
    ensure!(begun.elapsed() < PATIENCE, "the count took too long");
    ensure!(
        *at(&counted, "complete") == false || *at(&counted, "count") == events,
        "{counted}"
    );

    let begun = Instant::now();
    let done = must(&to, "POST", &recover, &body(false))?;
    println!(
        "answered after {:.1} s: {done}",
        begun.elapsed().as_secs_f64()
    );
    ensure!(begun.elapsed() < PATIENCE, "the answer took too long");
    arrive(folder, server, hook, events)?;

    let again = must(&server.address, "POST", &recover, &body(false))?;
    ensure!(
        *at(&again, "count") == 0,
        "something is brought back twice: {again}"
    );
    let (_, text) = ask(hook, "GET", "/", &Value::Null)?;
    println!(
        "soak recover: {events} events missed, all arrived after {:.0} s through 3 kills ({text} as deliveries, requests, connections)",
        begun.elapsed().as_secs_f64()
    );
    Ok(())
}

/// Waits for all of them; kills the server at a quarter, at half and at three quarters.
fn arrive(
    folder: &std::path::Path,
    server: &mut Server,
    hook: &str,
    events: u64,
) -> anyhow::Result<()> {
    let (mut seen, mut since, mut kills) = (0, Instant::now(), 0);
    while seen < events {
        std::thread::sleep(Duration::from_millis(200));
        let memory = memory_mib(server.child.id(), "VmHWM")?;
        ensure!(memory <= MOST_MIB, "{memory} MiB");
        let (_, text) = ask(hook, "GET", "/", &Value::Null)?;
        let now: u64 = text.split(' ').next().unwrap_or_default().parse()?;
        if now > seen {
            (seen, since) = (now, Instant::now());
        } else if since.elapsed() > STANDSTILL {
            bail!("{events} were missed, and after {kills} kills only {seen} have arrived");
        }
        if kills < 3 && seen > events / 4 * (kills + 1) {
            kills += 1;
            server.child.kill()?;
            server.child.wait()?;
            println!("killed at {seen} of {events}, {memory} MiB");
            (server.child, server.address) = start(folder)?;
        }
    }
    ensure!(seen == events, "{seen} deliveries of {events} events");
    println!(
        "memory: at most {} MiB",
        memory_mib(server.child.id(), "VmHWM")?
    );
    Ok(())
}
