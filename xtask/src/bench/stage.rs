//! A stage: one server with one receiver and a filled world; and a measured run of feeders over it.

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, bail};
use serde_json::{Value, json};

use super::figures::Figures;
use super::load::{Counts, Receiver};
use super::options::Options;
use super::process::run;
use super::report::Entry;
use super::server::{Server, Start, TOKEN};

/// Feeders, connections of the bare client, and each webhook's `max_in_flight`.
pub(super) const PARALLEL: u64 = 64;
/// Objects of a world with one project: a batch of 100 of one feeder has 100 different ones.
pub(super) const OBJECTS: u64 = 6_400;
/// The delivered body must be about 1 KiB.
const BODY_BYTES: std::ops::RangeInclusive<u64> = 960..=1088;
/// So long is the description of each object to make it so.
const DESCRIPTION_BYTES: u64 = 0;
/// Seconds of work before anything is measured.
pub(super) const WARM_UP: f64 = 1.0;

/// What is in the database at the beginning.
#[derive(Clone, Debug)]
pub(super) struct World {
    pub(super) projects: u64,
    /// Of each project.
    pub(super) objects: u64,
    /// Of each project.
    pub(super) webhooks: Vec<Value>,
}

/// What feeders do.
#[derive(Clone, Copy, Debug)]
pub(super) struct Feed {
    pub(super) seconds: Option<f64>,
    pub(super) changes: Option<u64>,
    pub(super) rate: Option<f64>,
    pub(super) batch: u64,
    pub(super) feeders: u64,
    /// Titles tell when they were sent.
    pub(super) stamp: bool,
}

impl Feed {
    /// As fast as answers come, for so long.
    pub(super) fn for_seconds(seconds: f64) -> Self {
        Self {
            seconds: Some(seconds),
            changes: None,
            rate: None,
            batch: 1,
            feeders: PARALLEL,
            stamp: false,
        }
    }

    pub(super) fn batched(self, batch: u64) -> Self {
        Self { batch, ..self }
    }

    pub(super) fn at_rate(self, rate: f64) -> Self {
        Self {
            rate: Some(rate),
            stamp: true,
            ..self
        }
    }
}

/// What a measured run found.
#[derive(Clone, Debug, Default)]
pub(super) struct Round {
    seconds: f64,
    changes: f64,
    deliveries: f64,
    bytes: f64,
    /// CPU time in microseconds.
    server: f64,
    receiver: f64,
    feeders: f64,
    /// What the feeders said about the time of their answers.
    pub(super) answers: Value,
}

impl Round {
    /// Several as one.
    pub(super) fn of(turns: impl IntoIterator<Item = Self>) -> Self {
        turns.into_iter().fold(Self::default(), |all, turn| Self {
            seconds: all.seconds + turn.seconds,
            changes: all.changes + turn.changes,
            deliveries: all.deliveries + turn.deliveries,
            bytes: all.bytes + turn.bytes,
            server: all.server + turn.server,
            receiver: all.receiver + turn.receiver,
            feeders: all.feeders + turn.feeders,
            answers: turn.answers,
        })
    }

    pub(super) fn deliveries_per_second(&self) -> f64 {
        self.deliveries / self.seconds
    }

    /// CPU time of the server, per delivery.
    fn server_cpu_us(&self) -> f64 {
        self.server / self.deliveries
    }

    fn receiver_cpu_us(&self) -> f64 {
        self.receiver / self.deliveries
    }

    /// Per change.
    fn feeder_cpu_us(&self) -> f64 {
        self.feeders / self.changes
    }

    fn body_bytes(&self) -> f64 {
        self.bytes / self.deliveries
    }
}

/// A webhook as every workload has it.
pub(super) fn webhook(name: &str, url: &str) -> Value {
    json!({"name": name, "url": url, "dialect": "standard", "max_in_flight": PARALLEL, "secret": "bench"})
}

/// One server with one receiver.
pub(super) struct Stage {
    start: Start,
    pub(super) server: Server,
    pub(super) receiver: Receiver,
    world: World,
    /// Keys of its projects begin so.
    pub(super) key: String,
    /// Deliveries that reach the receiver per change.
    pub(super) fan_out: u64,
    /// Requests that must have reached the receiver by now.
    expected: u64,
}

impl Stage {
    /// A server on an empty database, filled with this world.
    pub(super) fn new(
        options: &Options,
        folder: &Path,
        receiver: Receiver,
        world: World,
    ) -> anyhow::Result<Self> {
        let start = Start {
            binary: options.server.clone(),
            database: unused(folder),
            settings: Vec::new(),
        };
        let server = Server::start(&start)?;
        Self::on(start, server, receiver, world)
    }

    /// The same on a running server.
    pub(super) fn on(
        start: Start,
        server: Server,
        receiver: Receiver,
        world: World,
    ) -> anyhow::Result<Self> {
        let mut stage = Self {
            start,
            server,
            receiver,
            fan_out: world.webhooks.len() as u64,
            world,
            key: "BENCH".to_owned(),
            expected: 0,
        };
        stage.fill(&stage.key.clone(), &stage.world.clone())?;
        Ok(stage)
    }

    /// Adds projects.
    pub(super) fn fill(&mut self, key: &str, world: &World) -> anyhow::Result<()> {
        let plan = json!({
            "to": self.server.address.to_string(), "token": TOKEN, "key": key, "projects": world.projects,
            "objects": world.objects, "description_bytes": DESCRIPTION_BYTES, "webhooks": world.webhooks,
        });
        run("world", &plan).map(|_| ())
    }

    /// Work that is not measured: caches, connections, the log's first pages.
    pub(super) fn warm_up(&mut self, feed: Feed) -> anyhow::Result<()> {
        let warm = Feed {
            seconds: Some(WARM_UP),
            changes: None,
            ..feed
        };
        let round = self.round(warm)?;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a size"
        )]
        let bytes = round.body_bytes() as u64;
        if !BODY_BYTES.contains(&bytes) {
            bail!(
                "bodies of {bytes} bytes are not about 1 KiB: mend the length of the description"
            );
        }
        Ok(())
    }

    /// Feeds, waits until everything accepted was delivered, and fails unless it was, once.
    pub(super) fn round(&mut self, feed: Feed) -> anyhow::Result<Round> {
        let before = self.receiver.counts()?;
        let (server, receiver) = (self.server.cpu_us()?, self.receiver.cpu_us()?);
        let started = Instant::now();
        let (told, feeder) = self.feed(&self.key, &self.world, feed)?;
        let accepted = told
            .get("accepted")
            .and_then(Value::as_u64)
            .context("the feeders said nothing")?;
        self.expected += accepted * self.fan_out;
        let counts = self.settled(accepted)?;
        let seconds = started.elapsed().as_secs_f64();
        let changes = accepted.max(1);
        #[expect(clippy::cast_precision_loss, reason = "figures for people")]
        Ok(Round {
            seconds,
            changes: changes as f64,
            deliveries: (changes * self.fan_out) as f64,
            bytes: (counts.bytes - before.bytes) as f64,
            server: self.server.cpu_us()? - server,
            receiver: self.receiver.cpu_us()? - receiver,
            feeders: feeder,
            answers: told.get("answers").cloned().unwrap_or_default(),
        })
    }

    fn settled(&self, accepted: u64) -> anyhow::Result<Counts> {
        let counts = self.receiver.wait_for(self.expected)?;
        if counts.requests != self.expected {
            bail!(
                "{accepted} more changes were accepted: {} deliveries must have arrived by now, {} did",
                self.expected,
                counts.requests
            );
        }
        Ok(counts)
    }

    /// Only feeds.
    pub(super) fn feed(
        &self,
        key: &str,
        world: &World,
        feed: Feed,
    ) -> anyhow::Result<(Value, f64)> {
        run(
            "feed",
            &json!({
                "to": self.server.address.to_string(), "token": TOKEN, "key": key, "projects": world.projects,
                "objects": world.objects, "feeders": feed.feeders, "batch": feed.batch, "seconds": feed.seconds,
                "changes": feed.changes, "rate": feed.rate, "stamp": feed.stamp,
            }),
        )
    }

    /// Stops the server in good order and starts it again on the same database.
    pub(super) fn restart(self) -> anyhow::Result<Self> {
        let Self { start, server, .. } = self;
        server.stop()?;
        let server = Server::start(&start)?;
        Ok(Self {
            start,
            server,
            ..self
        })
    }

    /// Notes what every workload tells.
    pub(super) fn note(&self, entry: &mut Entry, rounds: &[Round]) -> anyhow::Result<()> {
        let of = |what: fn(&Round) -> f64| Figures::of(rounds.iter().map(what));
        entry.add(
            "deliveries_per_second",
            "deliveries/s",
            of(Round::deliveries_per_second),
        );
        entry.add("server_cpu_us", "us per delivery", of(Round::server_cpu_us));
        entry.add(
            "receiver_cpu_us",
            "us per delivery",
            of(Round::receiver_cpu_us),
        );
        entry.add("feeder_cpu_us", "us per change", of(Round::feeder_cpu_us));
        entry.add(
            "peak_memory_mib",
            "MiB",
            Figures::one(self.server.peak_mib()?),
        );
        entry.add("body_bytes", "bytes", of(Round::body_bytes));
        let counts = self.receiver.counts()?;
        #[expect(clippy::cast_precision_loss, reason = "figures for people")]
        let reuse = counts.requests as f64 / counts.connections.max(1) as f64;
        entry.add("requests_per_connection", "requests", Figures::one(reuse));
        Ok(())
    }
}

/// A path for a database in this folder that no other workload has.
pub(super) fn unused(folder: &Path) -> PathBuf {
    let mut paths = (0..).map(|n| folder.join(format!("{n}.db")));
    paths.find(|path| !path.exists()).unwrap_or_default()
}
