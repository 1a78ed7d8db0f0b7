//! Configuration: flag, then environment, then TOML file, then default. One table says all there is.
//!
//! A setting `section.key` is `TIDINGS_SECTION_KEY` in the environment and `key` under `[section]` in the file. Unknown keys in the
//! file are refused; unknown `TIDINGS_*` variables are only warned about, because other programs may have set them.

mod table;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use ipnet::IpNet;

pub(crate) use table::SETTINGS;

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Everything that can be configured; the table in `table.rs` says what each is for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Config {
    pub(crate) listen: SocketAddr,
    pub(crate) public_url: Option<String>,
    pub(crate) store: String,
    pub(crate) egress_allow: Vec<String>,
    pub(crate) egress_resolver: Option<SocketAddr>,
    pub(crate) egress_ca: Option<PathBuf>,
    pub(crate) failure_limit: u32,
    pub(crate) disable_after_hours: u32,
    pub(crate) retry_schedule: Vec<u64>,
    pub(crate) retention_days: u32,
    pub(crate) retention_rows: u64,
    pub(crate) retention_bytes: u64,
    pub(crate) retention_held_days: u32,
    pub(crate) retention_audit_days: u32,
    pub(crate) trusted_proxies: Vec<IpNet>,
    pub(crate) admin_token: Option<String>,
    pub(crate) secrets_key: Option<String>,
    pub(crate) log_format: LogFormat,
    pub(crate) log_level: String,
    pub(crate) shutdown_grace_seconds: u64,
}

/// Where a setting came from, for `config show`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    Default,
    File,
    Environment,
    Flag,
}

/// The configuration with where each part of it came from, and what to warn about.
pub(crate) struct Loaded {
    pub(crate) config: Config,
    pub(crate) sources: Vec<Source>,
    pub(crate) warnings: Vec<String>,
}

/// Reads file and environment, then applies flags (`(key, value)` in the order given). All faults at once.
pub(crate) fn load(
    file: Option<&Path>,
    environment: &[(String, String)],
    flags: &[(&str, String)],
) -> anyhow::Result<Loaded> {
    let mut loaded = Loaded {
        config: Config::default(),
        sources: vec![Source::Default; SETTINGS.len()],
        warnings: Vec::new(),
    };
    let mut faults = Vec::new();
    let named = environment
        .iter()
        .find(|(k, v)| k == "TIDINGS_CONFIG" && !v.is_empty());
    if let Some(path) = file.or(named.map(|(_, v)| Path::new(v))) {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read the configuration file {}", path.display()))?;
        for (key, value) in flatten(&text)
            .with_context(|| format!("in the configuration file {}", path.display()))?
        {
            loaded.set(&key, &value, Source::File, &mut faults);
        }
    }
    for (name, value) in environment {
        let Some(rest) = name.strip_prefix("TIDINGS_") else {
            continue;
        };
        match SETTINGS.iter().find(|s| s.variable() == *name) {
            Some(setting) => loaded.set(setting.key, value, Source::Environment, &mut faults),
            // Read above, by the client commands and by the tests.
            None if ["URL", "TOKEN", "CA", "CONFIG", "TOOLS", "BLESS", "KILLS", "BACKUPS", "SEEDS"].contains(&rest) => {}
            None => loaded.warnings.push(format!("the environment variable {name} is no setting of Tidings; `tidings config reference` lists them")),
        }
    }
    for (key, value) in flags {
        loaded.set(key, value, Source::Flag, &mut faults);
    }
    if faults.is_empty() {
        Ok(loaded)
    } else {
        bail!("{}", faults.join("\n"))
    }
}

impl Loaded {
    fn set(&mut self, key: &str, value: &str, source: Source, faults: &mut Vec<String>) {
        let found = SETTINGS
            .iter()
            .zip(&mut self.sources)
            .find(|(s, _)| s.key == key);
        let Some((setting, at)) = found else {
            faults.push(format!(
                "{key}: there is no such setting; `tidings config reference` lists them"
            ));
            return;
        };
        match (setting.set)(&mut self.config, value.trim()) {
            Ok(()) => *at = source,
            // A secret must not be repeated in an error.
            Err(why) if setting.secret => faults.push(format!("{key}: {why}")),
            Err(why) => faults.push(format!("{key} = {value:?}: {why}")),
        }
    }
}

/// `section.key` with the value as text; lists are joined with commas.
fn flatten(text: &str) -> anyhow::Result<Vec<(String, String)>> {
    let table: toml::Table = text.parse().map_err(|error| in_one_line(text, &error))?;
    let mut all = Vec::new();
    for (section, value) in table {
        let toml::Value::Table(entries) = value else {
            all.push((section, plain(&value)));
            continue;
        };
        for (key, value) in entries {
            all.push((format!("{section}.{key}"), plain(&value)));
        }
    }
    Ok(all)
}

/// The parser's own words draw a picture; a log wants a line.
fn in_one_line(text: &str, error: &toml::de::Error) -> anyhow::Error {
    let before = error.span().and_then(|span| text.get(..span.start));
    let line = before.unwrap_or_default().matches('\n').count() + 1;
    anyhow::anyhow!("line {line}: {}", error.message().replace('\n', ", "))
}

fn plain(value: &toml::Value) -> String {
    match value {
        toml::Value::String(text) => text.clone(),
        toml::Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    }
}
