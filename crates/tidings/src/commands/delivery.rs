//! `tidings delivery`: the sent log.

use tidings_domain::Value;

use crate::client::{Server, encode};
use crate::output::{self, cell};

/// The sent log
#[derive(clap::Args)]
pub(crate) struct Delivery {
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
    /// List deliveries, newest first
    List(Box<Filters>),
    /// Show one delivery with its request and every attempt
    Show { id: String },
    /// Try a delivery again
    Resend { id: String },
}

#[derive(clap::Args)]
struct Filters {
    /// Of this webhook
    #[arg(long)]
    webhook: Option<String>,
    /// pending, held, parked, delivered, failed, skipped or expired
    #[arg(long)]
    state: Option<String>,
    /// Of this event id
    #[arg(long)]
    event: Option<String>,
    /// Under this code
    #[arg(long)]
    code: Option<String>,
    /// About this object, as tasks/42
    #[arg(long)]
    object: Option<String>,
    /// event, retry, probe, restart, reconnect, resend, recover or test
    #[arg(long)]
    trigger: Option<String>,
    /// Whose last answer had this status
    #[arg(long)]
    status: Option<String>,
    /// Made at or after, RFC 3339
    #[arg(long)]
    since: Option<String>,
    /// Made before, RFC 3339
    #[arg(long)]
    until: Option<String>,
    /// In title, number, code or error; with --since also in bodies
    #[arg(long)]
    q: Option<String>,
    /// How many
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
}

impl Filters {
    fn query(&self) -> String {
        let pairs = [
            ("webhook", &self.webhook),
            ("state", &self.state),
            ("event", &self.event),
            ("code", &self.code),
            ("object", &self.object),
            ("trigger", &self.trigger),
            ("status", &self.status),
            ("since", &self.since),
            ("until", &self.until),
            ("q", &self.q),
        ];
        let given = pairs
            .iter()
            .filter_map(|(name, value)| value.as_ref().map(|v| format!("{name}={}", encode(v))));
        let query = given.collect::<Vec<_>>().join("&");
        if query.is_empty() {
            query
        } else {
            format!("?{query}")
        }
    }
}

impl Delivery {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let server = &self.server;
        let base = format!("{}/deliveries", super::project(&self.project)?);
        match self.action {
            Action::List(filters) => {
                let all = server
                    .list(
                        &format!("{base}{}", filters.query()),
                        usize::try_from(filters.limit)?,
                    )
                    .await?;
                if server.json {
                    output::json(&all.into());
                    return Ok(());
                }
                let columns = [
                    "id",
                    "created_at",
                    "webhook",
                    "code",
                    "object",
                    "state",
                    "trigger",
                ];
                let row = |d: &Value| {
                    let mut cells = columns.map(|m| cell(d, m)).to_vec();
                    cells.push(cell(d, "attempt_count"));
                    cells.push(d.member("last_attempt").map(attempt).unwrap_or_default());
                    cells
                };
                let headings = [
                    "ID", "CREATED", "WEBHOOK", "CODE", "OBJECT", "STATE", "TRIGGER", "TRIES",
                    "LAST",
                ];
                output::table(&headings, &all.iter().map(row).collect::<Vec<_>>());
            }
            Action::Show { id } => {
                let delivery = server
                    .call("GET", &format!("{base}/{}", encode(&id)), None)
                    .await?
                    .body;
                if server.json {
                    output::json(&delivery);
                } else {
                    shown(&delivery);
                }
            }
            Action::Resend { id } => {
                server
                    .call("POST", &format!("{base}/{}/resend", encode(&id)), None)
                    .await?;
                server.done(
                    &[("resent", id.as_str().into())],
                    &format!(
                        "{id} is sent again; `tidings delivery --project {} show {id}` tells how it went",
                        self.project
                    ),
                );
            }
        }
        Ok(())
    }
}

/// A try in few words: status, outcome, what was wrong, how long it took.
pub(crate) fn attempt(attempt: &Value) -> String {
    // A list has the error as text, a single delivery as code and detail.
    let error = match cell(attempt, "error.detail") {
        detail
            if detail.is_empty()
                && attempt
                    .member("error")
                    .is_some_and(|e| e.as_str().is_some()) =>
        {
            cell(attempt, "error")
        }
        detail => detail,
    };
    let parts = [cell(attempt, "status"), cell(attempt, "outcome"), error];
    let mut words: Vec<String> = parts.into_iter().filter(|p| !p.is_empty()).collect();
    let took = cell(attempt, "duration_ms");
    if !took.is_empty() {
        words.push(format!("in {took} ms"));
    }
    words.join(" ")
}

/// A delivery for reading: what it is, what was sent, what came of each try.
fn shown(delivery: &Value) {
    let long = ["request", "attempts"];
    let head = delivery.as_map().iter();
    output::record(&Value::Map(
        head.filter(|(name, _)| !long.contains(&name.as_str()))
            .cloned()
            .collect(),
    ));
    output::say(format!("\nPOST {}", cell(delivery, "request.url")));
    let headers = delivery.member("request").and_then(|r| r.member("headers"));
    lines(headers.map(Value::as_map).unwrap_or_default());
    output::say(format!("\n{}", clean(&cell(delivery, "request.body"))));
    let attempts = delivery.member("attempts").map(Value::as_list);
    for one in attempts.unwrap_or_default() {
        output::say(format!(
            "\ntry {} ({}) at {}: {}",
            cell(one, "number"),
            cell(one, "trigger"),
            cell(one, "started_at"),
            clean(&attempt(one))
        ));
        let answer = one.member("response");
        lines(
            answer
                .and_then(|r| r.member("headers"))
                .map(Value::as_map)
                .unwrap_or_default(),
        );
        let body = clean(&cell(one, "response.body"));
        if !body.is_empty() {
            output::say(body);
        }
    }
}

fn lines(headers: &[(String, Value)]) {
    for (name, value) in headers {
        let text = value.as_str().map_or_else(String::new, clean);
        output::say(format!("{name}: {text}"));
    }
}

/// What a receiver answered, without the control characters that would reach the terminal.
fn clean(text: &str) -> String {
    let kept = |c: char| !c.is_control() || c == '\n' || c == '\t';
    text.chars()
        .map(|c| if kept(c) { c } else { ' ' })
        .collect()
}
