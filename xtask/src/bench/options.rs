//! What the command line asks for.

use std::path::PathBuf;

use anyhow::{Context, bail};

use crate::kit;

use super::workloads;

pub(super) const USAGE: &str = "cargo xtask bench [WORKLOAD...] [options]

  --seconds N      length of each measured run (5)
  --rounds N       runs of each workload (3)
  --json PATH      where the figures are written (target/bench.json)
  --folder PATH    where the databases lie (the temporary folder)
  --server PATH    another server binary; it is not built then
  --no-build       measure the binaries as they are
  --small          W6, W7 and pages with a hundredth of their rows: to try the bench, not the server

Without a workload all of them run. What a workload is compared with runs in turn with it.";

/// The options.
#[derive(Clone, Debug)]
pub(super) struct Options {
    /// Names in lower case; empty: all.
    workloads: Vec<String>,
    pub(super) seconds: f64,
    pub(super) rounds: usize,
    pub(super) json: PathBuf,
    pub(super) folder: Option<PathBuf>,
    pub(super) server: PathBuf,
    pub(super) no_build: bool,
    pub(super) small: bool,
}

impl Options {
    /// Reads them; `None` when help was asked for.
    pub(super) fn read(arguments: &[String]) -> anyhow::Result<Option<Self>> {
        let mut options = Self {
            workloads: Vec::new(),
            seconds: 5.0,
            rounds: 3,
            json: kit::target().join("bench.json"),
            folder: None,
            server: kit::target().join("release/tidings"),
            no_build: false,
            small: false,
        };
        let mut words = arguments.iter();
        while let Some(word) = words.next() {
            let mut value = || {
                words
                    .next()
                    .with_context(|| format!("{word} needs a value"))
            };
            match word.as_str() {
                "--help" | "-h" => return Ok(None),
                "--seconds" => options.seconds = value()?.parse().context("--seconds")?,
                "--rounds" => options.rounds = value()?.parse().context("--rounds")?,
                "--json" => options.json = value()?.into(),
                "--folder" => options.folder = Some(value()?.into()),
                "--server" => {
                    options.server = std::fs::canonicalize(value()?).context("--server")?;
                }
                "--no-build" => options.no_build = true,
                "--small" => options.small = true,
                name if workloads::ALL
                    .iter()
                    .any(|(n, _, _)| n.eq_ignore_ascii_case(name)) =>
                {
                    options.workloads.push(name.to_ascii_lowercase());
                }
                other => bail!("{other}: no such workload or option\n\n{USAGE}"),
            }
        }
        if options.rounds == 0 || options.seconds <= 0.0 {
            bail!("--rounds and --seconds are more than 0");
        }
        Ok(Some(options))
    }

    pub(super) fn wants(&self, name: &str) -> bool {
        self.workloads.is_empty() || self.workloads.iter().any(|w| w.eq_ignore_ascii_case(name))
    }
}
