//! How much goes through: the limit of the machine, and shares of it.

use anyhow::Context;
use serde_json::{Value, json};

use super::super::Bench;
use super::super::figures::Figures;
use super::super::load::Receiver;
use super::super::process::run;
use super::super::report::Entry;
use super::super::stage::{Feed, OBJECTS, PARALLEL, Round, Stage, WARM_UP, World, webhook};

/// Bytes of the bare client's bodies.
const BYTES: u64 = 1024;
/// Webhooks of a project in W2 and what is compared with it.
pub(super) const TEN: usize = 10;

/// A round is cut into turns of about so many seconds: on a virtual machine the speed of the cores changes from one second to the next.
const TURN: f64 = 1.25;

/// The limit: nothing but HTTP.
struct Limit {
    receiver: Receiver,
}

/// What the bare client reached; CPU in microseconds per request.
struct Reached {
    per_second: f64,
    client_cpu_us: f64,
    receiver_cpu_us: f64,
}

impl Limit {
    fn start() -> anyhow::Result<Self> {
        let limit = Self {
            receiver: Receiver::start(false, false)?,
        };
        limit.measure(WARM_UP)?;
        Ok(limit)
    }

    fn measure(&self, seconds: f64) -> anyhow::Result<Reached> {
        let to = self.receiver.address.to_string();
        let plan = json!({"to": to, "seconds": seconds, "connections": PARALLEL, "bytes": BYTES});
        let before = self.receiver.cpu_us()?;
        let (told, client) = run("direct", &plan)?;
        let number = |name: &str| {
            told.get(name)
                .and_then(Value::as_f64)
                .context("load direct")
        };
        let requests = number("requests")?.max(1.0);
        Ok(Reached {
            per_second: number("per_second")?,
            client_cpu_us: client / requests,
            receiver_cpu_us: (self.receiver.cpu_us()? - before) / requests,
        })
    }
}

pub(super) fn r(bench: &mut Bench) -> anyhow::Result<()> {
    let limit = Limit::start()?;
    let rounds = bench.rounds(|| limit.measure(bench.options.seconds))?;
    let of = |what: fn(&Reached) -> f64| Figures::of(rounds.iter().map(what));
    let mut entry = Entry::new(
        "R",
        "a bare hyper client against the same receiver, 1 KiB, 64 connections",
    );
    entry.add("requests_per_second", "requests/s", of(|r| r.per_second));
    entry.add("client_cpu_us", "us per request", of(|r| r.client_cpu_us));
    entry.add(
        "receiver_cpu_us",
        "us per request",
        of(|r| r.receiver_cpu_us),
    );
    bench.report.push(entry);
    Ok(())
}

pub(super) fn w1(bench: &mut Bench) -> anyhow::Result<()> {
    let entry = Entry::new(
        "W1",
        "one webhook, one change per request: accepted and delivered",
    );
    share_of_r(bench, entry, 1, 1)
}

pub(super) fn w1b(bench: &mut Bench) -> anyhow::Result<()> {
    let entry = Entry::new(
        "W1b",
        "one webhook, 100 changes per request: accepted and delivered",
    );
    share_of_r(bench, entry, 1, 100)
}

pub(super) fn w2(bench: &mut Bench) -> anyhow::Result<()> {
    let entry = Entry::new(
        "W2",
        "ten webhooks of one dialect, one change per request: deliveries",
    );
    share_of_r(bench, entry, TEN, 1)
}

/// How many turns a round has, and how long each is.
fn turns(seconds: f64) -> (usize, f64) {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a small number"
    )]
    let number = (seconds / TURN).round().max(1.0) as usize;
    #[expect(clippy::cast_precision_loss, reason = "a small number")]
    let each = seconds / number as f64;
    (number, each)
}

/// Rounds of a workload in turn with the limit, so that both see the same weather.
fn share_of_r(
    bench: &mut Bench,
    mut entry: Entry,
    webhooks: usize,
    batch: u64,
) -> anyhow::Result<()> {
    let limit = Limit::start()?;
    // With ten webhooks ten deliveries share a sync.
    let in_memory = webhooks == 1 && bench.disks.is_slow();
    let folder = if in_memory {
        bench.disks.fast()
    } else {
        bench.disks.disk()
    };
    let receiver = Receiver::start(false, false)?;
    let world = one_project(&receiver, webhooks);
    let mut stage = Stage::new(&bench.options, &folder, receiver, world)?;
    let (turns, seconds) = turns(bench.options.seconds);
    let feed = Feed::for_seconds(seconds).batched(batch);
    stage.warm_up(feed)?;
    let pairs = bench.rounds(|| {
        let mut rounds = Vec::new();
        let mut requests = 0.0;
        for _ in 0..turns {
            requests += limit.measure(seconds / 2.0)?.per_second;
            rounds.push(stage.round(feed)?);
        }
        #[expect(clippy::cast_precision_loss, reason = "a small number")]
        let limit = requests / turns as f64;
        Ok((limit, Round::of(rounds)))
    })?;
    let shares = pairs
        .iter()
        .map(|(limit, round)| round.deliveries_per_second() / limit);
    entry.add("share", "R", Figures::of(shares));
    entry.add(
        "r_per_second",
        "requests/s",
        Figures::of(pairs.iter().map(|(limit, _)| *limit)),
    );
    let rounds: Vec<_> = pairs.into_iter().map(|(_, round)| round).collect();
    stage.note(&mut entry, &rounds)?;
    if in_memory {
        entry.remark("on tmpfs: the disk's sync is slow");
    }
    bench.report.push(entry);
    Ok(())
}

/// One project with so many webhooks, all alike.
pub(super) fn one_project(receiver: &Receiver, webhooks: usize) -> World {
    let webhooks =
        (0..webhooks).map(|n| webhook(&format!("w{n}"), &receiver.url(&format!("/{n}"))));
    World {
        projects: 1,
        objects: OBJECTS,
        webhooks: webhooks.collect(),
    }
}

/// W2 once more over HTTPS, turn by turn with W2 itself.
pub(super) fn https(bench: &mut Bench) -> anyhow::Result<()> {
    let disk = bench.disks.disk();
    let plain = Receiver::start(false, false)?;
    let world = one_project(&plain, TEN);
    let mut base = Stage::new(&bench.options, &disk, plain, world)?;
    let receiver = Receiver::start(true, false)?;
    let mut world = one_project(&receiver, TEN);
    for webhook in &mut world.webhooks {
        if let Some(webhook) = webhook.as_object_mut() {
            webhook.insert("ca_pem".to_owned(), receiver.ca_pem.clone().into());
        }
    }
    let mut stage = Stage::new(&bench.options, &disk, receiver, world)?;
    let mut entry = Entry::new(
        "HTTPS",
        "W2 with an HTTPS receiver and kept connections, in turn with W2",
    );
    in_turn(
        bench,
        &mut base,
        &mut stage,
        &mut entry,
        "share_of_w2",
        "of W2",
    )?;
    let counts = stage.receiver.counts()?;
    entry.remark(format!(
        "TLS handshakes: {} full, {} resumed, for {} requests",
        counts.full_handshakes, counts.resumed_handshakes, counts.requests
    ));
    bench.report.push(entry);
    Ok(())
}

/// Many webhooks in many projects, turn by turn with W2.
pub(super) fn w5(bench: &mut Bench) -> anyhow::Result<()> {
    let disk = bench.disks.disk();
    let plain = Receiver::start(false, false)?;
    let world = one_project(&plain, TEN);
    let mut base = Stage::new(&bench.options, &disk, plain, world)?;
    let receiver = Receiver::start(false, false)?;
    let world = World {
        projects: 1_000,
        objects: 7,
        ..one_project(&receiver, TEN)
    };
    let mut stage = Stage::new(&bench.options, &disk, receiver, world)?;
    let mut entry = Entry::new(
        "W5",
        "10,000 webhooks in 1,000 projects, changes spread evenly, in turn with W2",
    );
    in_turn(
        bench,
        &mut base,
        &mut stage,
        &mut entry,
        "share_of_w2",
        "of W2",
    )?;
    bench.report.push(entry);
    Ok(())
}

/// Rounds of one stage in turn with rounds of another, so that both see the same weather: the share, and the usual figures.
pub(super) fn in_turn(
    bench: &Bench,
    base: &mut Stage,
    stage: &mut Stage,
    entry: &mut Entry,
    metric: &'static str,
    unit: &'static str,
) -> anyhow::Result<()> {
    let (turns, seconds) = turns(bench.options.seconds);
    let feed = Feed::for_seconds(seconds);
    base.warm_up(feed)?;
    stage.warm_up(feed)?;
    let pairs = bench.rounds(|| {
        let (mut compared, mut rounds) = (Vec::new(), Vec::new());
        for _ in 0..turns {
            compared.push(base.round(feed)?);
            rounds.push(stage.round(feed)?);
        }
        Ok((Round::of(compared), Round::of(rounds)))
    })?;
    let shares = pairs
        .iter()
        .map(|(b, s)| s.deliveries_per_second() / b.deliveries_per_second());
    entry.add(metric, unit, Figures::of(shares));
    let rounds: Vec<_> = pairs.into_iter().map(|(_, round)| round).collect();
    stage.note(entry, &rounds)
}
