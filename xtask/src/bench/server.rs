//! `tidings serve`, started as its operators start it.

use std::ffi::OsString;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use serde_json::Value;

use super::process::{Load, cpu_us, memory_mib};

pub(super) const TOKEN: &str = "tid_bench_0123456789abcdef0123456789abcdef";

/// How long a start may take before it counts as failed.
const PATIENCE: Duration = Duration::from_mins(5);

/// What a server is started with.
#[derive(Clone, Debug)]
pub(super) struct Start {
    pub(super) binary: PathBuf,
    pub(super) database: PathBuf,
    /// Settings as environment variables.
    pub(super) settings: Vec<(&'static str, String)>,
}

/// A running server.
pub(super) struct Server {
    keeper: Load,
    process: u32,
    pub(super) address: SocketAddr,
    /// From its start until it said that it is ready.
    pub(super) start_ms: f64,
}

impl Server {
    pub(super) fn start(start: &Start) -> anyhow::Result<Self> {
        let port = std::net::TcpListener::bind(("127.0.0.1", 0))?
            .local_addr()?
            .port();
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let mut arguments: Vec<OsString> = vec!["keep".into(), start.binary.clone().into()];
        arguments.extend(["serve", "--listen"].map(OsString::from));
        arguments.push(address.to_string().into());
        arguments.extend(["--egress-allow", "127.0.0.1", "--store"].map(OsString::from));
        arguments.push(store_url(&start.database));
        let mut environment = vec![
            ("TIDINGS_ADMIN_TOKEN", TOKEN),
            ("TIDINGS_LOG_LEVEL", "warn"),
        ];
        environment.extend(start.settings.iter().map(|(k, v)| (*k, v.as_str())));
        let started = Instant::now();
        let mut keeper = Load::start(arguments, &environment)?;
        let process = keeper.line()?.parse().context("the server's process id")?;
        let mut server = Self {
            keeper,
            process,
            address,
            start_ms: 0.0,
        };
        server.wait_until_ready()?;
        server.start_ms = started.elapsed().as_secs_f64() * 1000.0;
        Ok(server)
    }

    fn wait_until_ready(&mut self) -> anyhow::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while request(self.address, "GET", "/readyz", "", "")
            .map_or(true, |(status, _)| status != 200)
        {
            if !self.keeper.runs() {
                bail!("the server ended at its start");
            }
            if Instant::now() > deadline {
                bail!("the server is not ready after {} s", PATIENCE.as_secs());
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    }

    /// One request to the API; what it answered.
    pub(super) fn call(&self, method: &str, path: &str, body: &str) -> anyhow::Result<Value> {
        let (status, text) = request(self.address, method, &format!("/api/v1{path}"), TOKEN, body)?;
        if !(200..300).contains(&status) {
            bail!("{method} {path}: {status} {text}");
        }
        Ok(serde_json::from_str(&text).unwrap_or_default())
    }

    pub(super) fn cpu_us(&self) -> anyhow::Result<f64> {
        cpu_us(self.process)
    }

    pub(super) fn peak_mib(&self) -> anyhow::Result<f64> {
        memory_mib(self.process, "VmHWM")
    }

    pub(super) fn memory_mib(&self) -> anyhow::Result<f64> {
        memory_mib(self.process, "VmRSS")
    }

    /// Tells it to stop and waits until it did.
    pub(super) fn stop(mut self) -> anyhow::Result<()> {
        let process = self.process.to_string();
        Command::new("kill").args(["-TERM", &process]).status()?;
        let deadline = Instant::now() + Duration::from_mins(1);
        while self.keeper.runs() {
            if Instant::now() > deadline {
                bail!("the server did not stop");
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        Ok(())
    }
}

fn store_url(database: &Path) -> OsString {
    let mut url = OsString::from("sqlite:");
    url.push(database);
    url
}

/// One request on a connection of its own; std is enough for the few that start, ask and count.
pub(super) fn request(
    to: SocketAddr,
    method: &str,
    path: &str,
    token: &str,
    body: &str,
) -> anyhow::Result<(u16, String)> {
    let mut stream = TcpStream::connect(to)?;
    stream.set_read_timeout(Some(Duration::from_mins(5)))?;
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
    let body = answer.split_once("\r\n\r\n").map(|(_, b)| b.to_owned());
    Ok((status, body.unwrap_or_default()))
}
