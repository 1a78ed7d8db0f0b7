//! What the operator's commands share: they work on the files of this machine, found as `tidings serve` finds them.

use std::path::PathBuf;

use crate::config::{self, Loaded};

/// Which database, and how to print.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Local {
    /// The database, sqlite:PATH [default: as configured, else sqlite:tidings.db]
    #[arg(long, value_name = "URL", global = true)]
    store: Option<String>,
    /// Configuration file (TOML) [default: $TIDINGS_CONFIG]
    #[arg(long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,
    /// Print JSON, for programs
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

impl Local {
    /// As if these flags had been given.
    pub(crate) const fn new(store: Option<String>, config: Option<PathBuf>, json: bool) -> Self {
        Self {
            store,
            config,
            json,
        }
    }

    /// The configuration that a server started with the same flags would have.
    pub(crate) fn load(&self) -> anyhow::Result<Loaded> {
        let flags: Vec<(&str, String)> = self
            .store
            .iter()
            .map(|store| ("store.url", store.clone()))
            .collect();
        config::load(self.config.as_deref(), &crate::serve::environment(), &flags)
    }
}

/// A size as people read it.
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if bytes < 1024 {
        return format!("{bytes} bytes");
    }
    let step = (bytes.ilog2() / 10).min(4);
    let unit = UNITS.get(step as usize - 1).copied().unwrap_or("TiB");
    // One digit is enough here.
    let tenths = bytes.saturating_mul(10) >> (10 * step);
    format!("{}.{} {unit}", tenths / 10, tenths % 10)
}
