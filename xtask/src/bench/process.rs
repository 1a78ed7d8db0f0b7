//! Children that never outlive us, and what the kernel says about them.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::Value;

use crate::kit;

/// The program of the other side.
pub(super) fn load_binary() -> PathBuf {
    kit::target().join("release/load")
}

/// A run of `load`. It ends when we drop it, and when we die: it watches the pipe that we hold.
pub(super) struct Load {
    child: Child,
    output: BufReader<ChildStdout>,
}

impl Load {
    pub(super) fn start<S: AsRef<OsStr>>(
        arguments: impl IntoIterator<Item = S>,
        environment: &[(&str, &str)],
    ) -> anyhow::Result<Self> {
        let mut child = Command::new(load_binary())
            .args(arguments)
            .envs(environment.iter().copied())
            // Signals for our group are not for them: they end when we do, and only then clean up.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start load")?;
        let output = child.stdout.take().context("no output")?;
        Ok(Self {
            child,
            output: BufReader::new(output),
        })
    }

    pub(super) fn line(&mut self) -> anyhow::Result<String> {
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        Ok(line.trim().to_owned())
    }

    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether it still runs.
    pub(super) fn runs(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Waits for its end.
    pub(super) fn wait(mut self, what: &str) -> anyhow::Result<()> {
        let status = loop {
            if let Some(status) = self.child.try_wait()? {
                break status;
            }
            std::thread::sleep(Duration::from_millis(20));
        };
        if !status.success() {
            bail!("{what} failed ({status})");
        }
        Ok(())
    }

    /// Waits for its end; what it printed, and its CPU time in microseconds.
    pub(super) fn finish(mut self, what: &str) -> anyhow::Result<(Value, f64)> {
        let mut printed = String::new();
        self.output.read_to_string(&mut printed)?;
        // Until it is waited for, the kernel keeps its times.
        while !has_ended(self.id()) {
            std::thread::sleep(Duration::from_millis(1));
        }
        let cpu = cpu_us(self.id())?;
        let status = self.child.wait()?;
        if !status.success() {
            bail!("load {what} failed ({status})");
        }
        Ok((
            serde_json::from_str(printed.trim()).context("load's answer")?,
            cpu,
        ))
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        // The end of its input ends it, and what it keeps.
        drop(self.child.stdin.take());
        self.child.wait().ok();
    }
}

/// Runs `load MODE PLAN` to its end.
pub(super) fn run(mode: &str, plan: &Value) -> anyhow::Result<(Value, f64)> {
    Load::start([mode, &plan.to_string()], &[])?.finish(mode)
}

fn has_ended(process: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    after_name.trim_start().starts_with(['Z', 'X']) || stat.is_empty()
}

/// CPU time of a process so far, user and system, in microseconds.
pub(super) fn cpu_us(process: u32) -> anyhow::Result<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks: u32 = after_name
        .split_whitespace()
        .skip(11)
        .take(2)
        .filter_map(|t| t.parse::<u32>().ok())
        .sum();
    // Linux counts in hundredths of a second, whatever the kernel's own tick is.
    Ok(f64::from(ticks) * 10_000.0)
}

/// A line of `/proc/PID/status` in MiB: `VmHWM` (peak) or `VmRSS` (now).
pub(super) fn memory_mib(process: u32, line: &str) -> anyhow::Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let found = status
        .lines()
        .find_map(|l| l.strip_prefix(line)?.strip_prefix(':'))
        .with_context(|| format!("no {line}"))?;
    let kib: f64 = found.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kib / 1024.0)
}

/// A folder that does not outlive us either.
pub(super) struct Folder {
    path: PathBuf,
    _keeper: Load,
}

impl Folder {
    pub(super) fn inside(parent: &Path) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("tidings-bench-")
            .tempdir_in(parent)
            .with_context(|| format!("no folder in {}", parent.display()))?;
        // From here on it is the keeper's to remove.
        let keeper = Load::start([OsStr::new("remove"), folder.path().as_os_str()], &[])?;
        let path = folder.keep();
        Ok(Self {
            path,
            _keeper: keeper,
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}
