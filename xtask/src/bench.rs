//! The benchmarks: the real binary, a receiver and a feeder as processes of their own, measured against a bare client in one run.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use crate::kit;

const TOKEN: &str = "tid_bench_0123456789abcdef0123456789abcdef";
/// Objects that the feeders change.
const OBJECTS: u64 = 2_000;
/// Feeders, connections of the bare client, and the webhook's `max_in_flight`.
const PARALLEL: u64 = 64;
const ROUNDS: usize = 3;

/// Seconds of each measurement; `cargo xtask bench [SECONDS]`.
pub(crate) fn run(arguments: &[String]) -> anyhow::Result<()> {
    let seconds: u64 = arguments
        .first()
        .map_or(Ok(5), |s| s.parse())
        .context("cargo xtask bench [SECONDS]")?;
    kit::cargo(&[
        "build",
        "--release",
        "--package",
        "tidings",
        "--package",
        "tidings-testkit",
        "--bins",
    ])
    .run("build")?;
    let folder = tempfile::tempdir().context("no temporary folder")?;
    println!(
        "disk sync, median of 200: {:.2} ms in {}",
        disk_sync(folder.path())?.as_secs_f64() * 1000.0,
        folder.path().display()
    );
    let receiver = Receiver::start()?;
    let direct = |_| {
        Ok(load(&[
            "direct",
            &receiver.url(),
            &seconds.to_string(),
            &PARALLEL.to_string(),
            "1024",
        ])?
        .trim()
        .parse::<f64>()?)
    };
    let limit = rounds(direct)?;
    println!("R   bare hyper client, 1 KiB, {PARALLEL} connections: {limit} requests/s");
    for (name, batch) in [("W1 ", 1), ("W1b", 100)] {
        let server = Server::start(&folder.path().join(format!("w{batch}.db")), &receiver)?;
        let measured = rounds(|_| workload(&server, &receiver, seconds, batch))?;
        let share = measured.median / limit.median;
        println!(
            "{name} one webhook, {batch} change(s) per request, accepted and delivered: {measured} deliveries/s = {share:.3} R"
        );
        println!(
            "    CPU of the server per delivery: {:.0} us, peak memory {:.0} MiB",
            server.cpu_per(&receiver)?,
            server.peak_mib()?
        );
    }
    Ok(())
}

/// Minimum, median, maximum.
struct Figures {
    min: f64,
    median: f64,
    max: f64,
}

impl std::fmt::Display for Figures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{:.0} (min {:.0}, max {:.0})",
            self.median, self.min, self.max
        )
    }
}

fn rounds(mut one: impl FnMut(usize) -> anyhow::Result<f64>) -> anyhow::Result<Figures> {
    let mut all: Vec<f64> = (0..ROUNDS).map(&mut one).collect::<anyhow::Result<_>>()?;
    all.sort_by(f64::total_cmp);
    match all.as_slice() {
        [min, median, max] => Ok(Figures {
            min: *min,
            median: *median,
            max: *max,
        }),
        _ => bail!("expected {ROUNDS} rounds"),
    }
}

/// Feeds for so many seconds, waits until everything accepted was delivered: deliveries per second of the whole.
fn workload(server: &Server, receiver: &Receiver, seconds: u64, batch: u64) -> anyhow::Result<f64> {
    let before = receiver.count()?;
    let started = Instant::now();
    let url = format!("http://{}", server.address);
    let words = [seconds, PARALLEL, batch, OBJECTS].map(|n| n.to_string());
    let [seconds, feeders, batch, objects] = &words;
    let printed = load(&["feed", &url, TOKEN, seconds, feeders, batch, objects])?;
    let accepted: u64 = printed
        .split_whitespace()
        .next()
        .context("the feeder said nothing")?
        .parse()?;
    let deadline = Instant::now() + Duration::from_mins(2);
    while receiver.count()? - before < accepted {
        if Instant::now() > deadline {
            bail!(
                "{accepted} changes were accepted, {} delivered",
                receiver.count()? - before
            );
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    Ok(accepted as f64 / started.elapsed().as_secs_f64())
}

fn binary(name: &str) -> PathBuf {
    kit::target().join("release").join(name)
}

fn load(arguments: &[&str]) -> anyhow::Result<String> {
    let output = Command::new(binary("load"))
        .args(arguments)
        .stderr(Stdio::inherit())
        .output()
        .context("cannot start load")?;
    if !output.status.success() {
        bail!("load {} failed", arguments.first().unwrap_or(&""));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// A child that does not outlive us.
struct Kept(Child);

impl Drop for Kept {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

struct Receiver {
    _child: Kept,
    address: SocketAddr,
}

impl Receiver {
    fn start() -> anyhow::Result<Self> {
        let mut child = Command::new(binary("load"))
            .arg("receive")
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start load")?;
        let mut line = String::new();
        let output = child.stdout.take().context("no output")?;
        BufReader::new(output).read_line(&mut line)?;
        Ok(Self {
            _child: Kept(child),
            address: line.trim().parse()?,
        })
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Requests so far.
    fn count(&self) -> anyhow::Result<u64> {
        let text = request(self.address, "GET", "/", "", "")?.1;
        text.split_whitespace()
            .next()
            .context("the receiver said nothing")?
            .parse()
            .context("the receiver's count")
    }
}

struct Server {
    child: Kept,
    address: SocketAddr,
    delivered_before: u64,
}

impl Server {
    /// A server on an empty database, with its objects and one webhook.
    fn start(database: &Path, receiver: &Receiver) -> anyhow::Result<Self> {
        let port = std::net::TcpListener::bind(("127.0.0.1", 0))?
            .local_addr()?
            .port();
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let child = Command::new(binary("tidings"))
            .args([
                "serve",
                "--listen",
                &address.to_string(),
                "--egress-allow",
                "127.0.0.1",
            ])
            .args(["--store", &format!("sqlite:{}", database.display())])
            .env("TIDINGS_ADMIN_TOKEN", TOKEN)
            .env("TIDINGS_LOG_LEVEL", "warn")
            .stdout(Stdio::null())
            .spawn()
            .context("cannot start tidings")?;
        let server = Self {
            child: Kept(child),
            address,
            delivered_before: receiver.count()?,
        };
        server.ready()?;
        server.call("POST", "/projects", r#"{"key":"BENCH","name":"Bench"}"#)?;
        let description = "x".repeat(100);
        for chunk in (1..=OBJECTS).collect::<Vec<_>>().chunks(500) {
            let entry = |id: &u64| {
                format!(
                    r#"{{"op":"put","collection":"tasks","id":{id},"data":{{"title":"Task {id}","description":"{description}"}},"silent":true}}"#
                )
            };
            server.call(
                "POST",
                "/projects/BENCH/changes",
                &format!(
                    "[{}]",
                    chunk.iter().map(entry).collect::<Vec<_>>().join(",")
                ),
            )?;
        }
        let webhook = format!(
            r#"{{"name":"w","url":"{}","dialect":"standard","max_in_flight":{PARALLEL},"secret":"bench"}}"#,
            receiver.url()
        );
        server.call("POST", "/projects/BENCH/webhooks", &webhook)?;
        Ok(server)
    }

    fn ready(&self) -> anyhow::Result<()> {
        let deadline = Instant::now() + Duration::from_secs(30);
        while request(self.address, "GET", "/readyz", "", "")
            .map_or(true, |(status, _)| status != 200)
        {
            if Instant::now() > deadline {
                bail!("the server is not ready after 30 s");
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    fn call(&self, method: &str, path: &str, body: &str) -> anyhow::Result<()> {
        let (status, text) = request(self.address, method, &format!("/api/v1{path}"), TOKEN, body)?;
        if !(200..300).contains(&status) {
            bail!("{method} {path}: {status} {text}");
        }
        Ok(())
    }

    /// Microseconds of CPU of the whole process per delivery so far.
    fn cpu_per(&self, receiver: &Receiver) -> anyhow::Result<f64> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.0.id()))?;
        let after_name = stat.rsplit(')').next().unwrap_or_default();
        let ticks: u64 = after_name
            .split_whitespace()
            .skip(11)
            .take(2)
            .filter_map(|t| t.parse::<u64>().ok())
            .sum();
        let delivered = receiver.count()? - self.delivered_before;
        // Linux counts in hundredths of a second, whatever the kernel's own tick is.
        #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
        Ok(ticks as f64 * 10_000.0 / delivered.max(1) as f64)
    }

    fn peak_mib(&self) -> anyhow::Result<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.0.id()))?;
        let line = status
            .lines()
            .find_map(|l| l.strip_prefix("VmHWM:"))
            .context("no VmHWM")?;
        let kib: f64 = line.trim().trim_end_matches("kB").trim().parse()?;
        Ok(kib / 1024.0)
    }
}

/// One request on a connection of its own; std is enough for the few that set up and count.
fn request(
    to: SocketAddr,
    method: &str,
    path: &str,
    token: &str,
    body: &str,
) -> anyhow::Result<(u16, String)> {
    let mut stream = TcpStream::connect(to)?;
    stream.set_read_timeout(Some(Duration::from_mins(1)))?;
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes())?;
    stream.write_all(body.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let status = answer
        .split_whitespace()
        .nth(1)
        .and_then(|s| s.parse().ok())
        .context("no status")?;
    Ok((
        status,
        answer
            .split_once("\r\n\r\n")
            .map(|(_, b)| b.to_owned())
            .unwrap_or_default(),
    ))
}

/// Median time of a small write that must reach the disk, as each commit does.
fn disk_sync(folder: &Path) -> anyhow::Result<Duration> {
    let mut file = std::fs::File::create(folder.join("sync"))?;
    let mut all = Vec::new();
    for _ in 0..200 {
        file.write_all(&[0; 4096])?;
        let started = Instant::now();
        file.sync_data()?;
        all.push(started.elapsed());
    }
    all.sort_unstable();
    all.get(all.len() / 2).copied().context("no sample")
}
