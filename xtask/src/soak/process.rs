//! The programs of a long run, each a process of its own: the server as released, its clients and its receiver.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::Context;
use serde_json::Value;

use crate::kit;

/// The administrator's.
pub(super) const TOKEN: &str = "tid_soak_0123456789abcdef0123456789abcdef";

/// The server on a database in `folder`.
pub(super) fn tidings(folder: &Path) -> Command {
    let mut command = Command::new(kit::target().join("release/tidings"));
    let store = format!("sqlite:{}", folder.join("tidings.db").display());
    command
        .args(["serve", "--listen", "127.0.0.1:0", "--store", &store])
        .args(["--egress-allow", "127.0.0.1"])
        .env("TIDINGS_ADMIN_TOKEN", TOKEN)
        .env("TIDINGS_LOG_LEVEL", "error");
    command
}

/// A client or receiver.
pub(super) fn storm(arguments: &[String]) -> Command {
    let mut command = Command::new(kit::target().join("release/storm"));
    command.args(arguments);
    command
}

/// Starts a program that begins by saying something.
pub(super) fn talking(mut command: Command) -> anyhow::Result<(Child, String)> {
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start {}", command.get_program().display()))?;
    let mut line = String::new();
    BufReader::new(child.stdout.take().context("no output")?).read_line(&mut line)?;
    Ok((child, line.trim().to_owned()))
}

/// One request; status and body.
pub(super) fn ask(
    to: &str,
    method: &str,
    path: &str,
    body: &Value,
) -> anyhow::Result<(u16, String)> {
    let mut stream = TcpStream::connect(to)?;
    let text = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: soak\r\nConnection: close\r\nAuthorization: Bearer {TOKEN}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{text}",
        text.len()
    )?;
    let mut said = String::new();
    stream.read_to_string(&mut said)?;
    let status = said.split(' ').nth(1).context("no answer")?.parse()?;
    let body = said.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    Ok((status, body.to_owned()))
}

/// Memory of a process: `VmRSS` now, `VmHWM` at its most.
pub(super) fn memory_mib(process: u32, what: &str) -> anyhow::Result<u64> {
    let status =
        std::fs::read_to_string(format!("/proc/{process}/status")).context("the server is gone")?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix(what)?.strip_prefix(':'))
        .with_context(|| format!("no {what}"))?;
    let kib: u64 = line.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kib / 1024)
}
