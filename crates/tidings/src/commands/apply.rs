//! `tidings webhook apply`: the project's webhooks as a file says. The difference is shown first; what is the same is not touched.
//!
//! `file` reads the file, `plan` compares it with what the server has; both are pure. A secret is never shown, and never read back:
//! it is set when the webhook is made or has none yet, and again only when asked for.

mod file;
mod plan;

use std::io::{IsTerminal, Read};
use std::path::{Path, PathBuf};

use anyhow::Context;
use tidings_domain::Value;

use self::plan::{Do, Step};
use crate::Failure;
use crate::client::{Server, variable};
use crate::output::{self, cell};

/// More webhooks than any project has.
const MOST: usize = 100_000;

/// Make the project's webhooks as a file says: shows the difference first, asks, and touches nothing that is the same
#[derive(clap::Args)]
pub(super) struct Apply {
    /// The file, TOML; - reads standard input
    #[arg(short, long, value_name = "FILE")]
    file: PathBuf,
    /// Delete the webhooks that the file does not name; locked ones of apps stay
    #[arg(long)]
    prune: bool,
    /// Only show the difference
    #[arg(long)]
    dry_run: bool,
    /// Do not ask
    #[arg(long, conflicts_with = "dry_run")]
    yes: bool,
    /// Set secrets and headers again that are there already: they cannot be read back and compared
    #[arg(long)]
    rotate_secrets: bool,
}

/// What was done until the end, or until something failed.
#[derive(Default)]
struct Done {
    steps: Vec<Value>,
    failure: Option<anyhow::Error>,
    left: Vec<String>,
}

impl Apply {
    pub(super) async fn run(self, server: &Server, base: &str) -> anyhow::Result<()> {
        let (text, folder) = read(&self.file)?;
        let name = self.file.display().to_string();
        let wanted = file::read(&text, &folder).map_err(|faults| refused(&name, &faults))?;
        let stored = server.list(&format!("{base}/webhooks"), MOST).await?;
        let choices = plan::Choices {
            prune: self.prune,
            rotate_secrets: self.rotate_secrets,
        };
        let steps = plan::plan(&wanted, &stored, choices, &variable)
            .map_err(|faults| refused(&name, &faults))?;
        if !server.json {
            show(&steps, self.prune);
        }
        let work = steps.iter().filter(|s| s.what.writes()).count();
        let mut done = Done::default();
        if work > 0 && !self.dry_run {
            self.confirm(work)?;
            done = carry_out(server, base, &steps).await;
        }
        if server.json {
            output::json(&report(&steps, &done));
        }
        match done.failure {
            None => Ok(()),
            Some(error) if done.left.is_empty() => Err(error),
            Some(error) => {
                let left = done.left.join(", ");
                Err(error.context(format!(
                    "not everything was done; still to do: {left}; applying again goes on from there"
                )))
            }
        }
    }

    /// Asks the person before the screen; without one, `--yes` must have been given.
    fn confirm(&self, work: usize) -> anyhow::Result<()> {
        if self.yes {
            return Ok(());
        }
        if !std::io::stdin().is_terminal() {
            let said = "nothing was changed: nobody is there to be asked; give --yes to apply this, or --dry-run to only look";
            return Err(Failure::Usage(said.into()).into());
        }
        eprint!("Apply {work} of these? [y/N] ");
        let mut answer = String::new();
        std::io::stdin().read_line(&mut answer)?;
        if matches!(answer.trim(), "y" | "Y" | "yes") {
            return Ok(());
        }
        anyhow::bail!("nothing was changed");
    }
}

/// The text, and the folder to which paths in it relate.
fn read(file: &Path) -> anyhow::Result<(String, PathBuf)> {
    if file.as_os_str() == "-" {
        let mut text = String::new();
        std::io::stdin()
            .read_to_string(&mut text)
            .context("standard input")?;
        return Ok((text, PathBuf::from(".")));
    }
    let text = std::fs::read_to_string(file)
        .map_err(|e| Failure::Usage(format!("{}: {e}", file.display())))?;
    let folder = file.parent().unwrap_or_else(|| Path::new("."));
    Ok((text, folder.to_owned()))
}

fn refused(name: &str, faults: &[String]) -> Failure {
    let lines: Vec<String> = faults.iter().map(|f| format!("{name}: {f}")).collect();
    Failure::Usage(format!("nothing was changed\n{}", lines.join("\n")))
}

/// The difference, for people.
fn show(steps: &[Step], prune: bool) {
    for step in steps {
        let id = step.id.map_or_else(String::new, |id| format!(" ({id})"));
        let what = match step.what {
            Do::Keep if prune => "is not in the file; it is locked by its app and stays",
            Do::Keep => "is not in the file and stays; --prune deletes it",
            other => other.word(),
        };
        output::say(output::line(
            [format!("{}{id}: {what}", step.name).as_str()].into_iter(),
            &[0],
        ));
        for difference in &step.differences {
            let text = match (&difference.old, step.what) {
                (Some(old), Do::Change) => {
                    format!("{}: {old} -> {}", difference.member, difference.new)
                }
                _ => format!("{}: {}", difference.member, difference.new),
            };
            output::say(format!(
                "    {}",
                output::line([text.as_str()].into_iter(), &[0])
            ));
        }
    }
    let count = |what: Do| steps.iter().filter(|s| s.what == what).count();
    output::say(format!(
        "{} to create, {} to change, {} to delete, {} as they should be, {} not in the file",
        count(Do::Create),
        count(Do::Change),
        count(Do::Delete),
        count(Do::Nothing),
        count(Do::Keep)
    ));
}

/// One call for each webhook that differs; ends at the first that fails.
async fn carry_out(server: &Server, base: &str, steps: &[Step]) -> Done {
    let mut done = Done::default();
    for step in steps.iter().filter(|s| s.what.writes()) {
        if done.failure.is_some() {
            done.left
                .push(format!("{} {:?}", step.what.word(), step.name));
            continue;
        }
        match write(server, base, step).await {
            Ok(webhook) => {
                let id = step.id.or_else(|| webhook.member("id")?.as_int());
                let id = id.unwrap_or_default();
                if !server.json {
                    let word = step.what.past();
                    output::say(format!("{word} {} ({id})", step.name));
                }
                super::webhook::warn(&webhook);
                done.steps.push(Value::Map(vec![
                    ("name".into(), step.name.as_str().into()),
                    ("id".into(), id.into()),
                    ("done".into(), step.what.past().into()),
                ]));
            }
            Err(error) => {
                let failed = format!("{} {:?}", step.what.word(), step.name);
                done.left.push(failed.clone());
                done.failure = Some(told(error, &failed));
            }
        }
    }
    done
}

/// The same error, which decides about the exit code, saying what failed.
fn told(error: anyhow::Error, failed: &str) -> anyhow::Error {
    match error.downcast::<Failure>() {
        Ok(Failure::Refused(said)) => Failure::Refused(format!("{failed}: {said}")).into(),
        Ok(other) => other.into(),
        Err(error) => error.context(failed.to_owned()),
    }
}

async fn write(server: &Server, base: &str, step: &Step) -> anyhow::Result<Value> {
    let body = Some(&step.body);
    let id = step.id.unwrap_or_default();
    let (method, path, body) = match step.what {
        Do::Create => ("POST", format!("{base}/webhooks"), body),
        Do::Change => ("PATCH", format!("{base}/webhooks/{id}"), body),
        Do::Delete => ("DELETE", format!("{base}/webhooks/{id}"), None),
        Do::Nothing | Do::Keep => return Ok(Value::Null),
    };
    Ok(server.call(method, &path, body).await?.body)
}

/// Everything, for programs.
fn report(steps: &[Step], done: &Done) -> Value {
    let text = |t: &Option<String>| t.as_deref().map_or(Value::Null, Value::from);
    let difference = |d: &plan::Difference| {
        Value::Map(vec![
            ("member".into(), d.member.as_str().into()),
            ("old".into(), text(&d.old)),
            ("new".into(), d.new.as_str().into()),
        ])
    };
    let step = |s: &Step| {
        Value::Map(vec![
            ("name".into(), s.name.as_str().into()),
            ("id".into(), s.id.map_or(Value::Null, Value::from)),
            ("action".into(), s.what.word().into()),
            (
                "differences".into(),
                Value::List(s.differences.iter().map(difference).collect()),
            ),
        ])
    };
    let failure = done.failure.as_ref().map(ToString::to_string);
    Value::Map(vec![
        ("plan".into(), Value::List(steps.iter().map(step).collect())),
        ("done".into(), Value::List(done.steps.clone())),
        ("failure".into(), text(&failure)),
        ("left".into(), done.left.clone().into()),
    ])
}

/// A webhook's member in a few words.
fn shown(value: &Value) -> String {
    match value {
        Value::Null => "none".to_owned(),
        Value::Text(text) if text.contains('\n') => {
            format!("a text of {} lines", text.lines().count())
        }
        other => serde_json::to_string(other).unwrap_or_default(),
    }
}

/// The name under which a webhook is known.
fn name_of(webhook: &Value) -> String {
    cell(webhook, "name")
}
