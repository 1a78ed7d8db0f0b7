//! The receiver, and what it counted.

use std::net::SocketAddr;

use anyhow::Context;
use serde_json::{Value, json};

use super::process::{Load, cpu_us};
use super::server::request;

/// A receiver, a process of its own.
pub(super) struct Receiver {
    process: Load,
    /// Where webhooks go.
    pub(super) address: SocketAddr,
    /// Where we ask.
    control: SocketAddr,
    pub(super) ca_pem: String,
    tls: bool,
}

/// What it counted so far.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    pub(super) requests: u64,
    pub(super) bytes: u64,
    pub(super) connections: u64,
    pub(super) hanging: u64,
    pub(super) full_handshakes: u64,
    pub(super) resumed_handshakes: u64,
}

impl Receiver {
    pub(super) fn start(tls: bool, delays: bool) -> anyhow::Result<Self> {
        let plan = json!({"tls": tls, "delays": delays});
        let mut process = Load::start(["receive", &plan.to_string()], &[])?;
        let told: Value =
            serde_json::from_str(&process.line()?).context("the receiver's address")?;
        let text = |name: &str| {
            told.get(name)
                .and_then(Value::as_str)
                .context("the receiver's address")
        };
        Ok(Self {
            address: text("address")?.parse()?,
            control: text("control")?.parse()?,
            ca_pem: text("ca_pem")?.to_owned(),
            process,
            tls,
        })
    }

    pub(super) fn url(&self, path: &str) -> String {
        let scheme = if self.tls { "https" } else { "http" };
        format!("{scheme}://{}{path}", self.address)
    }

    pub(super) fn cpu_us(&self) -> anyhow::Result<f64> {
        cpu_us(self.process.id())
    }

    /// The counts now.
    pub(super) fn counts(&self) -> anyhow::Result<Counts> {
        self.ask("/")
    }

    /// The counts once so many requests were answered, or when that took too long.
    pub(super) fn wait_for(&self, requests: u64) -> anyhow::Result<Counts> {
        self.ask(&format!("/wait/{requests}"))
    }

    /// Percentiles of the delays since this was last asked.
    pub(super) fn delays(&self) -> anyhow::Result<Value> {
        let (_, text) = request(self.control, "GET", "/delays", "", "")?;
        Ok(serde_json::from_str(&text)?)
    }

    fn ask(&self, path: &str) -> anyhow::Result<Counts> {
        let (_, text) = request(self.control, "GET", path, "", "")?;
        let told: Value = serde_json::from_str(&text)?;
        let number = |name: &str| {
            told.get(name)
                .and_then(Value::as_u64)
                .with_context(|| format!("no {name} in {told}"))
        };
        Ok(Counts {
            requests: number("requests")?,
            bytes: number("bytes")?,
            connections: number("connections")?,
            hanging: number("hanging")?,
            full_handshakes: number("full_handshakes")?,
            resumed_handshakes: number("resumed_handshakes")?,
        })
    }
}
