//! A long log: how fast it is searched, what removing half of it costs, and whether its file stays level.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use serde_json::{Value, json};

use super::super::Bench;
use super::super::figures::Figures;
use super::super::load::Receiver;
use super::super::process::{Load, run};
use super::super::report::Entry;
use super::super::server::{Server, Start, TOKEN};
use super::super::stage::{Feed, Stage, unused};
use super::throughput::{TEN, in_turn, one_project};
use crate::kit;

/// Attempts in the log of W7, and the time over which they are spread.
const ATTEMPTS: u64 = 5_000_000;
const SPAN_DAYS: u64 = 60;
/// Retention then keeps the younger half.
const KEPT_DAYS: u64 = 30;
const DAY_SECONDS: u64 = 24 * 3600;
/// Requests per filter: enough for a p99.
const ASKED: usize = 200;
/// Until retention has begun, and until it is done.
const PATIENCE: Duration = Duration::from_mins(20);

/// Of the run that shows the file's size: a load, for how long it runs, and for how long it is supposed to have run a day ago.
const LEVEL_CHANGES_PER_SECOND: u64 = 50;
const LEVEL_SECONDS: u64 = 300;
const LEVEL_FILLED_SECONDS: u64 = 600;
/// How often the size is taken.
const LEVEL_LOOK: Duration = Duration::from_secs(5);

/// The documented filters but `q`, each with values that match much, little and nothing.
const FILTERS: &[(&str, &[&str])] = &[
    ("none", &[""]),
    ("webhook", &["webhook=1", "webhook=2", "webhook=10"]),
    (
        "state",
        &[
            "state=pending",
            "state=held",
            "state=parked",
            "state=delivered",
            "state=failed",
            "state=skipped",
            "state=expired",
        ],
    ),
    (
        "event",
        &["event=1", "event=1000", "event=20000", "event=400000"],
    ),
    (
        "code",
        &[
            "code=task.updated",
            "code=story.created",
            "code=defect.updated",
            "code=sprint.created",
        ],
    ),
    (
        "object",
        &[
            "object=tasks/2",
            "object=stories/4",
            "object=defects/1001",
            "object=tasks/999999",
        ],
    ),
    (
        "trigger",
        &[
            "trigger=event",
            "trigger=retry",
            "trigger=probe",
            "trigger=restart",
            "trigger=reconnect",
            "trigger=resend",
            "trigger=recover",
            "trigger=test",
        ],
    ),
    (
        "status",
        &[
            "status=204",
            "status=200",
            "status=201",
            "status=404",
            "status=500",
            "status=503",
        ],
    ),
    ("since", &["since={1}", "since={30}", "since={59}"]),
    ("until", &["until={1}", "until={30}", "until={59}"]),
    (
        "since and until",
        &[
            "since={31}&until={30}",
            "since={59}&until={58}",
            "since={400}&until={300}",
        ],
    ),
];

pub(super) fn w7(bench: &mut Bench) -> anyhow::Result<()> {
    // Where W1 counts.
    let disk = bench.disks.fast();
    let mut entry = Entry::new(
        "W7",
        "a log of 5,000,000 attempts: each filter but q; W1 while retention removes half of it, in turn with W1",
    );
    let attempts = if bench.options.small {
        ATTEMPTS / 100
    } else {
        ATTEMPTS
    };
    let database = unused(&disk);
    fill(&database, attempts, SPAN_DAYS * DAY_SECONDS, 0)?;
    entry.add("file_mib", "MiB", Figures::one(size_mib(&database)));
    let start = Start {
        binary: bench.options.server.clone(),
        database: database.clone(),
        settings: vec![("TIDINGS_RETENTION_DAYS", "36500".to_owned())],
    };
    let server = Server::start(&start)?;
    entry.add("start_ms", "ms", Figures::one(server.start_ms));
    filters(&server, &mut entry)?;

    let receiver = Receiver::start(false, false)?;
    let world = one_project(&receiver, 1);
    let mut base = Stage::new(&bench.options, &disk, receiver, world)?;
    let receiver = Receiver::start(false, false)?;
    let world = one_project(&receiver, 1);
    let mut stage = Stage::on(start, server, receiver, world)?;
    let kept = json!({"retention": {"days": KEPT_DAYS}}).to_string();
    stage.server.call("PATCH", "/settings", &kept)?;
    let begun = until_gone(&stage.server, SPAN_DAYS - 1)?;
    in_turn(
        bench,
        &mut base,
        &mut stage,
        &mut entry,
        "share_of_w1",
        "of W1",
    )?;
    if !is_there(&stage.server, KEPT_DAYS + 1)? {
        entry.remark("retention was done before W1 was: run with more rows or fewer seconds");
    }
    let done = until_gone(&stage.server, KEPT_DAYS + 1)?;
    #[expect(clippy::cast_precision_loss, reason = "figures for people")]
    let removed = (attempts * (SPAN_DAYS - KEPT_DAYS - 2) / SPAN_DAYS) as f64;
    let per_second = removed / (done - begun).as_secs_f64();
    entry.add(
        "removed_per_second",
        "deliveries/s",
        Figures::one(per_second),
    );
    entry.add("file_after_mib", "MiB", Figures::one(size_mib(&database)));
    bench.report.push(entry);
    Ok(())
}

/// As many deliveries come as turn a day old: the file neither grows nor shrinks.
pub(super) fn level(bench: &mut Bench) -> anyhow::Result<()> {
    let disk = bench.disks.disk();
    let deliveries = LEVEL_CHANGES_PER_SECOND * TEN as u64;
    let database = unused(&disk);
    fill(
        &database,
        deliveries * LEVEL_FILLED_SECONDS,
        LEVEL_FILLED_SECONDS,
        DAY_SECONDS - LEVEL_FILLED_SECONDS,
    )?;
    let start = Start {
        binary: bench.options.server.clone(),
        database: database.clone(),
        settings: vec![("TIDINGS_RETENTION_DAYS", "1".to_owned())],
    };
    let server = Server::start(&start)?;
    let receiver = Receiver::start(false, false)?;
    let world = one_project(&receiver, TEN);
    let mut stage = Stage::on(start, server, receiver, world)?;
    let sizes = std::thread::scope(|scope| {
        let (stop, stopped) = std::sync::mpsc::channel::<()>();
        let watch = scope.spawn(move || {
            let mut sizes = Vec::new();
            while stopped.recv_timeout(LEVEL_LOOK).is_err() {
                sizes.push(size_mib(&database));
            }
            sizes
        });
        let seconds = if bench.options.small {
            LEVEL_SECONDS / 2
        } else {
            LEVEL_SECONDS
        };
        #[expect(clippy::cast_precision_loss, reason = "small numbers")]
        let feed = Feed::for_seconds(seconds as f64).at_rate(LEVEL_CHANGES_PER_SECOND as f64);
        let round = stage.round(feed);
        stop.send(()).ok();
        let sizes = watch
            .join()
            .map_err(|_| anyhow::anyhow!("the watch ended early"))?;
        round.map(|_| sizes)
    })?;
    // Retention looks once a minute, so the size goes up and down within each.
    let most = |part: &[f64]| part.iter().copied().fold(0.0, f64::max);
    let (first, last) = sizes.split_at(sizes.len() / 2);
    let mut entry = Entry::new(
        "level",
        "50 changes per second to ten webhooks while as much turns too old: the file's size",
    );
    entry.add(
        "last_half_of_first",
        "of the first half's largest size",
        Figures::one(most(last) / most(first)),
    );
    entry.add("file_mib", "MiB", Figures::of(sizes));
    bench.report.push(entry);
    Ok(())
}

/// Makes a log; see the example `fill` of tidings-sqlite.
fn fill(database: &Path, attempts: u64, seconds: u64, ago: u64) -> anyhow::Result<()> {
    let program: PathBuf = kit::target().join("release/examples/fill");
    let numbers = [attempts, seconds, ago].map(|n| n.to_string());
    // Kept by `load`, so that it ends when we do.
    let mut arguments = vec![
        "keep".into(),
        program.into_os_string(),
        database.as_os_str().to_owned(),
    ];
    arguments.extend(numbers.iter().map(Into::into));
    let filling = Load::start(arguments, &[])?;
    filling.wait("fill")
}

fn filters(server: &Server, entry: &mut Entry) -> anyhow::Result<()> {
    let mut slowest: f64 = 0.0;
    for (name, values) in FILTERS {
        let paths: Vec<String> = values
            .iter()
            .map(|value| Ok(format!("/projects/LOG/deliveries?{}", with_days(value)?)))
            .collect::<anyhow::Result<_>>()?;
        let plan = json!({
            "to": server.address.to_string(), "token": TOKEN, "paths": paths, "times": ASKED.div_ceil(values.len()),
        });
        let (told, _) = run("read", &plan)?;
        let ms = |name: &str| {
            told.get(name)
                .and_then(Value::as_f64)
                .map(|us| us / 1000.0)
                .context("load read")
        };
        slowest = slowest.max(ms("p99_us")?);
        let rows = told.get("rows").and_then(Value::as_u64).unwrap_or_default();
        entry.remark(format!(
            "filter {name:16} p50 {:8.2} ms, p99 {:8.2} ms, max {:8.2} ms; {rows} rows",
            ms("p50_us")?,
            ms("p99_us")?,
            ms("max_us")?
        ));
    }
    entry.add("slowest_filter_p99_ms", "ms", Figures::one(slowest));
    Ok(())
}

/// `{30}`: the time 30 days ago.
fn with_days(text: &str) -> anyhow::Result<String> {
    let mut parts = text.split('{');
    let mut whole = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (days, rest) = part.split_once('}').context("a brace")?;
        whole.push_str(&days_ago(days.parse()?)?);
        whole.push_str(rest);
    }
    Ok(whole)
}

fn days_ago(days: u64) -> anyhow::Result<String> {
    let when = format!("{days} days ago");
    let output = Command::new("date")
        .args(["--utc", "--date", &when, "+%Y-%m-%dT%H:%M:%SZ"])
        .output()?;
    if !output.status.success() {
        bail!("date cannot tell {when}");
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Whether the log has anything that is so old.
fn is_there(server: &Server, days: u64) -> anyhow::Result<bool> {
    let path = format!(
        "/projects/LOG/deliveries?limit=1&state=delivered&until={}",
        days_ago(days)?
    );
    let told = server.call("GET", &path, "")?;
    Ok(told.pointer("/data/0").is_some())
}

/// Waits until it has nothing that is so old; when that was.
fn until_gone(server: &Server, days: u64) -> anyhow::Result<Instant> {
    let deadline = Instant::now() + PATIENCE;
    while is_there(server, days)? {
        if Instant::now() > deadline {
            bail!(
                "what is {days} days old is still there after {} min",
                PATIENCE.as_secs() / 60
            );
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    Ok(Instant::now())
}

/// The file with its write-ahead log.
fn size_mib(database: &Path) -> f64 {
    let mut log = database.as_os_str().to_owned();
    log.push("-wal");
    let size = |path: &Path| std::fs::metadata(path).map_or(0, |m| m.len());
    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    let bytes = (size(database) + size(Path::new(&log))) as f64;
    bytes / 1_048_576.0
}
