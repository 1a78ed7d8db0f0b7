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
    #[arg(long, default_value_t = 50)]
    limit: usize,
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
        anyhow::ensure!(!self.project.is_empty(), "say which project: --project KEY");
        let base = format!("/projects/{}/deliveries", encode(&self.project));
        match self.action {
            Action::List(filters) => {
                let all = server
                    .list(&format!("{base}{}", filters.query()), filters.limit)
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
                    let last = d
                        .member("attempts")
                        .and_then(|a| a.as_list().last().cloned())
                        .or_else(|| d.member("last_attempt").cloned());
                    cells.push(
                        last.map(|l| {
                            [cell(&l, "status"), cell(&l, "outcome")]
                                .join(" ")
                                .trim()
                                .to_owned()
                        })
                        .unwrap_or_default(),
                    );
                    cells
                };
                let headings = [
                    "ID", "CREATED", "WEBHOOK", "CODE", "OBJECT", "STATE", "TRIGGER", "LAST",
                ];
                output::table(&headings, &all.iter().map(row).collect::<Vec<_>>());
            }
            Action::Show { id } => {
                let delivery = server
                    .call("GET", &format!("{base}/{}", encode(&id)), None)
                    .await?
                    .body;
                output::json(&delivery);
            }
            Action::Resend { id } => {
                server
                    .call("POST", &format!("{base}/{}/resend", encode(&id)), None)
                    .await?;
                println!("{id} is sent again; `tidings delivery show {id}` tells how it went");
            }
        }
        Ok(())
    }
}
