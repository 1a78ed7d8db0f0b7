//! `tidings webhook`.

use tidings_domain::Value;

use super::apply::Apply;
use crate::client::Server;
use crate::output::{self, cell};

/// Webhooks
#[derive(clap::Args)]
pub(crate) struct Webhook {
    #[command(flatten)]
    server: Server,
    /// The project
    #[arg(long, global = true, value_name = "KEY", default_value = "")]
    project: String,
    #[command(subcommand)]
    action: Action,
}

#[derive(clap::Subcommand)]
enum Action {
    /// List the webhooks of the project
    List,
    /// Create a webhook
    Create {
        /// Its name
        name: String,
        /// Where to POST
        url: String,
        /// standard, icescrum, gitscrum, sprintly, backlog or squish
        dialect: String,
        /// A code, as often as wanted; `all` (the default) or `stories` (iceScrum)
        #[arg(long = "event")]
        events: Vec<String>,
        /// The signing secret
        #[arg(long)]
        secret: Option<String>,
        /// Make it switched off
        #[arg(long)]
        disabled: bool,
        /// Further members, NAME=VALUE; VALUE is JSON or text
        set: Vec<String>,
    },
    /// Show a webhook with its health and warnings
    Show { id: i64 },
    /// Change members of a webhook
    Edit {
        id: i64,
        /// NAME=VALUE; VALUE is JSON or text
        #[arg(required = true)]
        set: Vec<String>,
    },
    /// Delete a webhook; its log stays
    Delete { id: i64 },
    /// Make the webhooks as a file says; shows the difference first
    Apply(Apply),
    /// Send a test datum now and print how it went
    Test {
        id: i64,
        /// The event code
        event: String,
    },
    /// Switch a webhook on
    Enable { id: i64 },
    /// Switch a webhook off; what waits is put aside
    Disable { id: i64 },
    /// Put a webhook on hold; nothing is lost
    Pause { id: i64 },
    /// End a pause
    Resume { id: i64 },
    /// Deliver or skip what was missed since a time: what was put aside, and what was recorded while the webhook was off
    Recover {
        id: i64,
        /// RFC 3339
        since: String,
        /// Skip it instead
        #[arg(long)]
        skip: bool,
        /// Only count
        #[arg(long)]
        dry_run: bool,
    },
    /// Send again what was given up since a time, in order
    Resend {
        id: i64,
        /// RFC 3339
        since: String,
        /// Only what was made before, RFC 3339
        #[arg(long)]
        until: Option<String>,
        /// failed or expired; both unless said
        #[arg(long = "state", value_parser = ["failed", "expired"])]
        states: Vec<String>,
        /// Only count
        #[arg(long)]
        dry_run: bool,
    },
    /// Replace the secret; prints the new one when none is given
    Rotate {
        id: i64,
        #[arg(long)]
        secret: Option<String>,
        /// For so long `webhook-signature` carries both
        #[arg(long, default_value_t = 0)]
        overlap_seconds: i64,
    },
}

impl Webhook {
    #[expect(clippy::too_many_lines, reason = "one arm a verb")]
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let server = &self.server;
        let base = format!("{}/webhooks", super::project(&self.project)?);
        let post = async |id: i64, verb: &str, body: Option<Value>| {
            server
                .call("POST", &format!("{base}/{id}/{verb}"), body.as_ref())
                .await
        };
        let text = |name: &str, value: String| (name.to_owned(), Value::from(value));
        match self.action {
            Action::List => list(server, &base).await?,
            Action::Create {
                name,
                url,
                dialect,
                events,
                secret,
                disabled,
                set,
            } => {
                let events = match events.as_slice() {
                    [] => "all".into(),
                    [one] if one == "all" || one == "stories" => one.as_str().into(),
                    codes => codes.to_vec().into(),
                };
                let mut body = vec![
                    text("name", name),
                    text("url", url),
                    text("dialect", dialect),
                    ("events".into(), events),
                ];
                body.extend(secret.map(|s| text("secret", s)));
                body.push(("enabled".into(), (!disabled).into()));
                body.extend(super::members(&set)?.as_map().iter().cloned());
                shown(
                    server,
                    &server
                        .call("POST", &base, Some(&Value::Map(body)))
                        .await?
                        .body,
                );
            }
            Action::Show { id } => shown(
                server,
                &server
                    .call("GET", &format!("{base}/{id}"), None)
                    .await?
                    .body,
            ),
            Action::Edit { id, set } => {
                shown(
                    server,
                    &server
                        .call(
                            "PATCH",
                            &format!("{base}/{id}"),
                            Some(&super::members(&set)?),
                        )
                        .await?
                        .body,
                );
            }
            Action::Delete { id } => {
                server.call("DELETE", &format!("{base}/{id}"), None).await?;
                server.done(
                    &[("deleted", id.into())],
                    &format!("deleted webhook {id}; its log stays until retention takes it"),
                );
            }
            Action::Apply(apply) => {
                apply.run(server, &super::project(&self.project)?).await?;
            }
            Action::Test { id, event } => {
                let delivery = post(id, "test", Some(Value::Map(vec![text("event", event)])))
                    .await?
                    .body;
                if server.json {
                    output::json(&delivery);
                }
                tested(server, &delivery)?;
            }
            Action::Enable { id } => shown(server, &post(id, "enable", None).await?.body),
            Action::Disable { id } => shown(server, &post(id, "disable", None).await?.body),
            Action::Pause { id } => shown(server, &post(id, "pause", None).await?.body),
            Action::Resume { id } => shown(server, &post(id, "resume", None).await?.body),
            Action::Recover {
                id,
                since,
                skip,
                dry_run,
            } => {
                let mode = if skip { "skip" } else { "deliver" };
                let body = vec![
                    text("since", since),
                    text("mode", mode.into()),
                    ("dry_run".into(), dry_run.into()),
                ];
                let answer = post(id, "recover", Some(Value::Map(body))).await?.body;
                let what = match (skip, dry_run) {
                    (false, false) => "will be delivered",
                    (false, true) => "would be delivered",
                    (true, false) => "marked as skipped",
                    (true, true) => "would be skipped",
                };
                counted(server, &answer, what);
            }
            Action::Resend {
                id,
                since,
                until,
                mut states,
                dry_run,
            } => {
                if states.is_empty() {
                    states = vec!["failed".to_owned(), "expired".to_owned()];
                }
                let states = states.into_iter().map(Value::from).collect();
                let mut body = vec![
                    text("since", since),
                    ("states".to_owned(), Value::List(states)),
                    ("dry_run".into(), dry_run.into()),
                ];
                body.extend(until.map(|until| text("until", until)));
                let answer = post(id, "resend", Some(Value::Map(body))).await?.body;
                let what = if dry_run {
                    "would be sent again"
                } else {
                    "will be sent again"
                };
                counted(server, &answer, what);
            }
            Action::Rotate {
                id,
                secret,
                overlap_seconds,
            } => {
                let mut body = vec![("overlap_seconds".to_owned(), overlap_seconds.into())];
                body.extend(secret.map(|s| text("secret", s)));
                let answer = post(id, "secret/rotate", Some(Value::Map(body)))
                    .await?
                    .body;
                let made = cell(&answer, "secret");
                if server.json {
                    output::json(&answer);
                } else if made.is_empty() {
                    output::say(format!("webhook {id} signs with the secret that you gave"));
                } else {
                    output::say(format!(
                        "the new secret of webhook {id}, shown this once: {made}"
                    ));
                }
            }
        }
        Ok(())
    }
}

/// With how many deliveries something dealt.
fn counted(server: &Server, answer: &Value, what: &str) {
    if server.json {
        output::json(answer);
        return;
    }
    let more = match answer.member("complete") {
        Some(Value::Bool(false)) => " so far; the server goes on with the rest",
        _ => "",
    };
    let count = cell(answer, "count");
    let deliveries = if count == "1" {
        "delivery"
    } else {
        "deliveries"
    };
    output::say(format!("{count} {deliveries} {what}{more}"));
}

async fn list(server: &Server, base: &str) -> anyhow::Result<()> {
    let all = server.list(base, 10_000).await?;
    if server.json {
        output::json(&all.into());
        return Ok(());
    }
    let columns = [
        "id",
        "name",
        "dialect",
        "url",
        "enabled",
        "health.state",
        "health.last_status",
    ];
    let row = |w: &Value| {
        let mut cells = columns.map(|m| cell(w, m)).to_vec();
        let warnings = w.member("warnings").map(Value::as_list).unwrap_or_default();
        cells.push(
            warnings
                .iter()
                .map(|x| cell(x, "code"))
                .collect::<Vec<_>>()
                .join(" "),
        );
        cells
    };
    output::table(
        &[
            "ID", "NAME", "DIALECT", "URL", "ENABLED", "HEALTH", "LAST", "WARNINGS",
        ],
        &all.iter().map(row).collect::<Vec<_>>(),
    );
    Ok(())
}

/// A webhook, and its warnings in words.
fn shown(server: &Server, webhook: &Value) {
    server.show(webhook);
    warn(webhook);
}

/// What people should know, in words.
pub(super) fn warn(webhook: &Value) {
    for warning in webhook
        .member("warnings")
        .map(Value::as_list)
        .unwrap_or_default()
    {
        eprintln!("warning: {}", cell(warning, "detail"));
    }
}

/// How a test went, in words; a test that failed is a failure of the command.
fn tested(server: &Server, delivery: &Value) -> anyhow::Result<()> {
    let last = delivery
        .member("attempts")
        .and_then(|all| all.as_list().last());
    let how = last.map(super::delivery::attempt).unwrap_or_default();
    let id = cell(delivery, "id");
    let url = cell(delivery, "request.url");
    if cell(delivery, "state") != "delivered" {
        anyhow::bail!(
            "the test of {} did not get through to {url}: {how}; `tidings delivery show {id}` shows request and answer",
            cell(delivery, "code")
        );
    }
    if !server.json {
        output::say(format!(
            "{url} took {}: {how} ({id})",
            cell(delivery, "code")
        ));
    }
    Ok(())
}
