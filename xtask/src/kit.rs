//! Running other programs, and finding our own place.

use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, bail};

/// The root of the workspace.
pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .map_or_else(|| PathBuf::from("."), PathBuf::from)
}

/// Cargo's target directory.
pub(crate) fn target() -> PathBuf {
    #[expect(clippy::disallowed_methods, reason = "xtask is no part of the product")]
    std::env::var("CARGO_TARGET_DIR").map_or_else(|_| root().join("target"), PathBuf::from)
}

/// Where tools that are no Rust live: a Python environment and Node modules.
pub(crate) fn tools() -> PathBuf {
    target().join("xtask-tools")
}

/// A program to run in the workspace.
pub(crate) struct Program(Command);

/// Builds the programs that bench and soak run, as they ship.
pub(crate) fn build_programs() -> anyhow::Result<()> {
    cargo(&[
        "build",
        "--release",
        "--package",
        "tidings",
        "--package",
        "tidings-testkit",
        "--bins",
    ])
    .run("build")
}

/// Cargo with these arguments.
pub(crate) fn cargo(arguments: &[&str]) -> Program {
    program("cargo", arguments)
}

/// Any program.
pub(crate) fn program(name: &str, arguments: &[&str]) -> Program {
    let mut command = Command::new(name);
    command.args(arguments).current_dir(root());
    Program(command)
}

impl Program {
    /// With an environment variable.
    pub(crate) fn env(mut self, key: &str, value: impl AsRef<std::ffi::OsStr>) -> Self {
        self.0.env(key, value);
        self
    }

    /// Runs it to its end; says how long it took.
    pub(crate) fn run(mut self, what: &str) -> anyhow::Result<()> {
        let started = Instant::now();
        let status = self
            .0
            .status()
            .with_context(|| format!("cannot start {}", self.0.get_program().display()))?;
        println!(
            "== {what}: {:.1} min",
            started.elapsed().as_secs_f64() / 60.0
        );
        if !status.success() {
            bail!("{what} failed ({status})");
        }
        Ok(())
    }

    /// Whether it runs and ends well; says nothing.
    pub(crate) fn works(mut self) -> bool {
        self.0
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null());
        self.0.status().is_ok_and(|s| s.success())
    }

    /// The command, for those who want more.
    pub(crate) fn command(self) -> Command {
        self.0
    }
}
