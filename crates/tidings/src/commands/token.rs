//! `tidings token`.

use tidings_domain::Value;

use crate::client::{Server, encode};
use crate::output::{self, cell};

/// Tokens
#[derive(clap::Args)]
pub(crate) struct Token {
    #[command(flatten)]
    server: Server,
    /// The project; without it the server's own (administrator) tokens
    #[arg(long, global = true, value_name = "KEY")]
    project: Option<String>,
    #[command(subcommand)]
    action: Action,
}

#[derive(clap::Subcommand)]
enum Action {
    /// List tokens; secrets are never shown again
    List,
    /// Create a token; its secret is printed once
    Create {
        /// What it is for
        name: String,
        /// For a program: may name actor and time, load silently
        #[arg(long, conflicts_with_all = ["member", "role"])]
        app: bool,
        /// Acts as this member, an id or ext:X
        #[arg(long)]
        member: Option<String>,
        /// Has this role without being a person: product_owner, scrum_master, team_member, stakeholder
        #[arg(long, conflicts_with = "member")]
        role: Option<String>,
        /// RFC 3339
        #[arg(long)]
        expires_at: Option<String>,
    },
    /// Revoke a token
    Revoke { id: i64 },
}

impl Token {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let server = &self.server;
        let base = self.project.as_ref().map_or_else(
            || "/tokens".to_owned(),
            |p| format!("/projects/{}/tokens", encode(p)),
        );
        match self.action {
            Action::List => {
                let all = server.list(&base, 10_000).await?;
                if server.json {
                    output::json(&all.into());
                } else {
                    let row = |t: &_| {
                        [
                            "id",
                            "name",
                            "kind",
                            "role",
                            "member",
                            "hint",
                            "created_at",
                            "expires_at",
                        ]
                        .map(|m| cell(t, m))
                        .to_vec()
                    };
                    output::table(
                        &[
                            "ID", "NAME", "KIND", "ROLE", "MEMBER", "BEGINS", "CREATED", "EXPIRES",
                        ],
                        &all.iter().map(row).collect::<Vec<_>>(),
                    );
                }
            }
            Action::Create {
                name,
                app,
                member,
                role,
                expires_at,
            } => {
                // A server token is an administrator's: who asks for less must not get more.
                if self.project.is_none() && (app || member.is_some() || role.is_some()) {
                    return Err(crate::Failure::Usage(
                        "--app, --member and --role are for tokens of a project: say --project KEY; without them it is an administrator's token".into(),
                    )
                    .into());
                }
                let mut body: Vec<(String, Value)> = vec![("name".into(), name.into())];
                if self.project.is_some() {
                    body.push(("kind".into(), if app { "app" } else { "member" }.into()));
                }
                if let Some(member) = member {
                    body.push((
                        "member".into(),
                        member
                            .parse::<i64>()
                            .map_or_else(|_| member.into(), Value::Int),
                    ));
                }
                body.extend(role.map(|r| ("role".to_owned(), r.into())));
                body.extend(expires_at.map(|e| ("expires_at".to_owned(), e.into())));
                server.show(
                    &server
                        .call("POST", &base, Some(&Value::Map(body)))
                        .await?
                        .body,
                );
            }
            Action::Revoke { id } => {
                server.call("DELETE", &format!("{base}/{id}"), None).await?;
                server.done(&[("revoked", id.into())], &format!("revoked {id}"));
            }
        }
        Ok(())
    }
}
