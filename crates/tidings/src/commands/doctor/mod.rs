//! `tidings doctor`: what is right and wrong with configuration, database, key and machine, and what to do.
//!
//! It changes nothing (but for a file that it writes, syncs and removes again beside the database), and works beside a running server.

mod machine;
mod stored;

use std::path::PathBuf;

use anyhow::bail;
use tidings_domain::Value;

use super::local::Local;
use crate::config::Config;
use crate::output;

/// Say what is right and wrong with configuration, database, key and machine, and what to do. Exit code 1 when a check failed,
/// 0 also with warnings
#[derive(clap::Args)]
pub(crate) struct Doctor {
    /// Leave out what reads the whole database
    #[arg(long)]
    quick: bool,
    #[command(flatten)]
    local: Local,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Ok,
    Warning,
    Failed,
}

impl Verdict {
    const fn name(self) -> &'static str {
        match self {
            Verdict::Ok => "ok",
            Verdict::Warning => "warning",
            Verdict::Failed => "failed",
        }
    }
}

/// What a check found.
#[derive(Debug)]
struct Finding {
    check: &'static str,
    verdict: Verdict,
    found: String,
    /// What to do about it.
    advice: String,
}

fn fine(check: &'static str, found: impl Into<String>) -> Finding {
    Finding {
        check,
        verdict: Verdict::Ok,
        found: found.into(),
        advice: String::new(),
    }
}

fn warning(check: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Finding {
    Finding {
        verdict: Verdict::Warning,
        advice: advice.into(),
        ..fine(check, found)
    }
}

fn failed(check: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Finding {
    Finding {
        verdict: Verdict::Failed,
        advice: advice.into(),
        ..fine(check, found)
    }
}

impl Doctor {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let mut findings = Vec::new();
        match self.local.load() {
            Ok(loaded) => {
                findings.push(configuration(&loaded.warnings));
                self.examine(&loaded.config, &mut findings).await?;
            }
            Err(error) => findings.push(failed(
                "configuration",
                crate::said(&error).replace('\n', "; "),
                "correct it; the other checks need it",
            )),
        }
        let failures = findings
            .iter()
            .filter(|f| f.verdict == Verdict::Failed)
            .count();
        if self.local.json {
            output::json(&as_json(&findings));
        } else {
            show(&findings);
        }
        if failures > 0 {
            bail!("{failures} of {} checks failed", findings.len());
        }
        Ok(())
    }

    async fn examine(&self, config: &Config, findings: &mut Vec<Finding>) -> anyhow::Result<()> {
        let path: PathBuf = crate::serve::database(&config.store)?;
        let stored = stored::examine(config, &path, self.quick, findings);
        machine::examine(config, &path, &stored, findings).await;
        Ok(())
    }
}

fn configuration(warnings: &[String]) -> Finding {
    if warnings.is_empty() {
        fine("configuration", "everything in it is known and valid")
    } else {
        warning(
            "configuration",
            warnings.join("; "),
            "remove what is not meant for Tidings, or correct its name",
        )
    }
}

fn worst(findings: &[Finding]) -> Verdict {
    let has = |verdict| findings.iter().any(|f| f.verdict == verdict);
    [Verdict::Failed, Verdict::Warning]
        .into_iter()
        .find(|v| has(*v))
        .unwrap_or(Verdict::Ok)
}

fn as_json(findings: &[Finding]) -> Value {
    let one = |finding: &Finding| {
        let advice = Some(finding.advice.clone()).filter(|a| !a.is_empty());
        Value::Map(vec![
            ("check".into(), finding.check.into()),
            ("result".into(), finding.verdict.name().into()),
            ("found".into(), finding.found.clone().into()),
            ("advice".into(), advice.map_or(Value::Null, Value::from)),
        ])
    };
    Value::Map(vec![
        ("result".into(), worst(findings).name().into()),
        (
            "checks".into(),
            Value::List(findings.iter().map(one).collect()),
        ),
    ])
}

fn show(findings: &[Finding]) {
    let width = findings.iter().map(|f| f.check.len()).max().unwrap_or(0);
    for finding in findings {
        let cells = [finding.verdict.name(), finding.check, &finding.found];
        output::say(output::line(cells.into_iter(), &[7, width, 0]));
        if !finding.advice.is_empty() {
            let cells = ["", "", &format!("-> {}", finding.advice)];
            output::say(output::line(cells.into_iter(), &[7, width, 0]));
        }
    }
}
