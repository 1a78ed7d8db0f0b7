//! Every page of the console on a large database: how long the server takes for each.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use serde_json::{Value, json};

use super::super::Bench;
use super::super::figures::Figures;
use super::super::goals::{Goal, Verdict};
use super::super::process::{Load, run};
use super::super::report::Entry;
use super::super::server::{Server, Start};
use super::super::stage::unused;
use crate::kit;

const WEBHOOKS: u64 = 1_000;
const DELIVERIES: u64 = 1_000_000;
/// How often each page is asked for; those that are the same for everybody, of which there are hundreds, less often. The p99 of so few
/// is the slowest of them.
const TIMES: u64 = 40;
const TIMES_OPEN: u64 = 10;
/// What is judged.
const SLOWEST: &str = "slowest_p99_ms";

/// A row of the console's table, with what was measured of its slowest address.
struct Row {
    name: String,
    addresses: usize,
    slowest: Value,
}

pub(super) fn run_all(bench: &mut Bench) -> anyhow::Result<()> {
    let disk = bench.disks.disk();
    let database = unused(&disk);
    let places = disk.join("places.json");
    let (webhooks, deliveries) = if bench.options.small {
        (WEBHOOKS / 10, DELIVERIES / 100)
    } else {
        (WEBHOOKS, DELIVERIES)
    };
    fill(&database, webhooks, deliveries, &places)?;
    let server = Server::start(&Start {
        binary: bench.options.server.clone(),
        database,
        settings: Vec::new(),
    })?;
    let at_rest = server.memory_mib()?;
    let plan = json!({
        "to": server.address.to_string(), "places": places, "times": TIMES, "times_open": TIMES_OPEN,
    });
    let (told, _) = run("pages", &plan)?;
    let mut entry = Entry::new(
        "pages",
        "every page of the console, with 1,000 webhooks and 1,000,000 deliveries: time of the server",
    );
    entry.add("memory_at_rest_mib", "MiB", Figures::one(at_rest));
    entry.add("memory_mib", "MiB", Figures::one(server.peak_mib()?));
    judge(&mut entry, &told, &places)?;
    bench.report.push(entry);
    Ok(())
}

/// Makes the world; see the example `pages` of tidings-web.
fn fill(database: &Path, webhooks: u64, deliveries: u64, places: &Path) -> anyhow::Result<()> {
    let program: PathBuf = kit::target().join("release/examples/pages");
    let arguments = [
        "keep".into(),
        program.into_os_string(),
        database.as_os_str().to_owned(),
        webhooks.to_string().into(),
        deliveries.to_string().into(),
        places.as_os_str().to_owned(),
    ];
    Load::start(arguments, &[])?.wait("pages")
}

fn judge(entry: &mut Entry, told: &Value, places: &Path) -> anyhow::Result<()> {
    let measured = told.get("places").and_then(Value::as_array);
    let measured = measured.context("load pages said nothing")?;
    let mut rows: Vec<Row> = Vec::new();
    for place in measured {
        let name = place.get("row").and_then(Value::as_str).unwrap_or_default();
        match rows.iter_mut().find(|row| row.name == name) {
            Some(row) => {
                row.addresses += 1;
                if p99_ms(place) > p99_ms(&row.slowest) {
                    row.slowest = place.clone();
                }
            }
            None => rows.push(Row {
                name: name.to_owned(),
                addresses: 1,
                slowest: place.clone(),
            }),
        }
    }
    let made: Value = serde_json::from_slice(&std::fs::read(places)?)?;
    let wanted = made.get("rows").and_then(Value::as_u64);
    if wanted != Some(rows.len() as u64) {
        bail!("the table has {wanted:?} pages, {} were walked", rows.len());
    }
    rows.sort_by(|a, b| p99_ms(&b.slowest).total_cmp(&p99_ms(&a.slowest)));
    #[expect(clippy::cast_precision_loss, reason = "figures for people")]
    {
        let deliveries = made.get("deliveries").and_then(Value::as_u64);
        let deliveries = deliveries.unwrap_or_default() as f64;
        entry.add("deliveries", "in the log", Figures::one(deliveries));
        entry.add("pages", "pages", Figures::one(rows.len() as f64));
        entry.add(
            "addresses",
            "addresses",
            Figures::one(measured.len() as f64),
        );
    }
    let slowest = rows.first().map(|row| p99_ms(&row.slowest));
    let slowest = slowest.unwrap_or_default();
    entry.add(SLOWEST, "ms", Figures::one(slowest));
    entry.remark("each page at its slowest address, the slowest first (ms of the server; first: after the start)");
    for row in &rows {
        entry.remark(line(row));
    }
    let late = rows.iter().filter(|row| is_late(p99_ms(&row.slowest)));
    for row in late {
        let path = text(&row.slowest, "path");
        entry.fail(format!("{} takes too long: {path}", row.name));
    }
    entry.attach("places", told.get("places").cloned().unwrap_or_default());
    Ok(())
}

fn is_late(ms: f64) -> bool {
    Goal::find("pages", SLOWEST).is_some_and(|goal| goal.judge(ms) == Verdict::Missed)
}

fn line(row: &Row) -> String {
    let server = |name| ms(row.slowest.pointer(&format!("/server/{name}")));
    let kib = row.slowest.get("bytes").and_then(Value::as_u64);
    format!(
        "{:26} p50 {:7.2}  p99 {:7.2}  max {:7.2}  first {:7.2}  {:4} KiB  of {:3}: {} {}",
        row.name,
        server("p50_us"),
        server("p99_us"),
        server("max_us"),
        ms(row.slowest.get("first_us")),
        kib.unwrap_or_default().div_ceil(1024),
        row.addresses,
        text(&row.slowest, "who"),
        text(&row.slowest, "path"),
    )
}

fn text<'v>(place: &'v Value, name: &str) -> &'v str {
    place.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn p99_ms(place: &Value) -> f64 {
    ms(place.pointer("/server/p99_us"))
}

fn ms(us: Option<&Value>) -> f64 {
    us.and_then(Value::as_f64).unwrap_or_default() / 1000.0
}
