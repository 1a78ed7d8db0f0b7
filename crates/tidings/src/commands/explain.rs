//! `tidings explain`: why an event reached a webhook, or did not.

use tidings_domain::Value;

use super::project;
use crate::Failure;
use crate::client::{Server, encode};
use crate::output::{self, cell};

/// Most webhooks of a project that are asked about at once.
const MOST: usize = 10_000;

/// Why an event reached a webhook, or did not
#[derive(clap::Args)]
pub(crate) struct Explain {
    #[command(flatten)]
    server: Server,
    /// The project
    #[arg(value_name = "PROJECT")]
    project: String,
    /// The event's id, or a delivery's (dlv_...): then its event, for its webhook
    #[arg(value_name = "EVENT")]
    event: String,
    /// For this webhook alone
    #[arg(long, value_name = "ID")]
    webhook: Option<i64>,
}

impl Explain {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let base = project(&self.project)?;
        let (event, webhook) = self.what(&base).await?;
        let mut path = format!("{base}/events/{}/explain", encode(&event));
        if let Some(webhook) = webhook {
            path = format!("{path}?webhook={webhook}");
        }
        let all = self.server.list(&path, MOST).await?;
        if self.server.json {
            output::json(&all.into());
            return Ok(());
        }
        let told = self
            .server
            .call("GET", &format!("{base}/events/{}", encode(&event)), None)
            .await?
            .body;
        heading(&told);
        if all.is_empty() {
            output::say("\nThe project has no webhook.");
        }
        all.iter().for_each(one);
        Ok(())
    }

    /// The event, and the webhook where only one is meant.
    async fn what(&self, base: &str) -> anyhow::Result<(String, Option<i64>)> {
        if !self.event.starts_with("dlv_") {
            return Ok((self.event.clone(), self.webhook));
        }
        let path = format!("{base}/deliveries/{}", encode(&self.event));
        let delivery = self.server.call("GET", &path, None).await?.body;
        let event = cell(&delivery, "event");
        if event.is_empty() {
            let said = format!(
                "{} is a test: it belongs to no event; `tidings delivery show` has what came of it",
                self.event
            );
            return Err(Failure::Usage(said).into());
        }
        let own = delivery.member("webhook").and_then(Value::as_int);
        Ok((event, self.webhook.or(own)))
    }
}

/// What happened, in one line.
fn heading(event: &Value) {
    let object = event.member("object");
    let object = object.map(|o| format!("{}/{}", cell(o, "collection"), cell(o, "id")));
    let parts = [
        format!("event {}", cell(event, "id")),
        cell(event, "type"),
        object.filter(|o| o != "/").unwrap_or_default(),
        cell(event, "title"),
        format!("recorded {}", cell(event, "recorded_at")),
    ];
    output::say(output::line(
        [parts
            .into_iter()
            .filter(|p| !p.is_empty())
            .collect::<Vec<_>>()
            .join("  ")
            .as_str()]
        .into_iter(),
        &[0],
    ));
}

/// A webhook: its reason, and each message where there is more to say than that.
fn one(explained: &Value) {
    let name = match cell(explained, "name") {
        name if name.is_empty() => "deleted".to_owned(),
        name => name,
    };
    say(
        "",
        &format!(
            "webhook {} {name} ({}): {}",
            cell(explained, "webhook"),
            cell(explained, "dialect"),
            cell(explained, "reason")
        ),
    );
    let messages = explained.member("messages").map(Value::as_list);
    let messages = messages.unwrap_or_default();
    if messages.is_empty() {
        say("  ", &cell(explained, "detail"));
    }
    for message in messages {
        let delivery = cell(message, "delivery");
        let head = [cell(message, "code"), cell(message, "reason"), delivery];
        let head: Vec<String> = head.into_iter().filter(|h| !h.is_empty()).collect();
        say("  ", &head.join("  "));
        say("    ", &cell(message, "detail"));
    }
}

/// A line; what others wrote reaches the terminal without control characters.
fn say(indent: &str, text: &str) {
    let clean = output::line([text].into_iter(), &[0]);
    let space = if indent.is_empty() { "\n" } else { indent };
    output::say(format!("{space}{clean}"));
}
