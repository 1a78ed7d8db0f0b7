//! `tidings project`.

use crate::client::{Server, encode};
use crate::output::{self, cell};

/// Projects
#[derive(clap::Args)]
pub(crate) struct Project {
    #[command(flatten)]
    server: Server,
    #[command(subcommand)]
    action: Action,
}

#[derive(clap::Subcommand)]
enum Action {
    /// List the projects you may see
    List,
    /// Create a project
    Create {
        /// Its key: letters, digits, - and _
        key: String,
        /// Its name
        name: String,
        /// Further members, NAME=VALUE; VALUE is JSON or text
        set: Vec<String>,
    },
    /// Show a project
    Show { key: String },
    /// Change members of a project
    Edit {
        key: String,
        /// NAME=VALUE; VALUE is JSON or text
        #[arg(required = true)]
        set: Vec<String>,
    },
    /// Delete a project with everything in it
    Delete {
        key: String,
        /// Really
        #[arg(long)]
        yes: bool,
    },
}

impl Project {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let server = &self.server;
        match self.action {
            Action::List => {
                let all = server.list("/projects", 10_000).await?;
                if server.json {
                    output::json(&all.into());
                } else {
                    let row = |p: &_| {
                        ["key", "id", "name", "webhooks"]
                            .map(|m| cell(p, m))
                            .to_vec()
                    };
                    output::table(
                        &["KEY", "ID", "NAME", "WEBHOOKS"],
                        &all.iter().map(row).collect::<Vec<_>>(),
                    );
                }
            }
            Action::Create { key, name, set } => {
                let mut body = vec![
                    ("key".to_owned(), key.into()),
                    ("name".to_owned(), name.into()),
                ];
                body.extend(super::members(&set)?.as_map().iter().cloned());
                server.show(
                    &server
                        .call("POST", "/projects", Some(&tidings_domain::Value::Map(body)))
                        .await?
                        .body,
                );
            }
            Action::Show { key } => server.show(&server.call("GET", &path(&key), None).await?.body),
            Action::Edit { key, set } => server.show(
                &server
                    .call("PATCH", &path(&key), Some(&super::members(&set)?))
                    .await?
                    .body,
            ),
            Action::Delete { key, yes } => {
                if !yes {
                    let why = format!(
                        "this deletes {key} with its objects, webhooks and log; say --yes to do it"
                    );
                    return Err(crate::Failure::Usage(why).into());
                }
                server.call("DELETE", &path(&key), None).await?;
                server.done(
                    &[("deleted", key.as_str().into())],
                    &format!("deleted {key}"),
                );
            }
        }
        Ok(())
    }
}

fn path(key: &str) -> String {
    format!("/projects/{}", encode(key))
}
