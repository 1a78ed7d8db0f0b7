//! `tidings account`.

use std::path::PathBuf;

use anyhow::Context;
use tidings_domain::{Clock, Value, time};

use super::local::Local;
use crate::client::{Server, encode};
use crate::clock::{SystemClock, SystemEntropy};
use crate::output::{self, cell};

/// Accounts
#[derive(clap::Args)]
pub(crate) struct Account {
    #[command(flatten)]
    server: Server,
    #[command(subcommand)]
    action: Action,
}

#[derive(clap::Subcommand)]
enum Action {
    /// List the people who may sign in
    List,
    /// Make an account; the link with which its owner sets a password is printed once
    Create {
        /// What they type to sign in: an e-mail address or a short name
        login: String,
        /// For people [default: the login]
        #[arg(long)]
        name: Option<String>,
        /// May everything, in every project and in the server
        #[arg(long)]
        administrator: bool,
    },
    /// Show an account
    Show { id: i64 },
    /// Change an account: NAME=VALUE of login, name, administrator, active
    Edit {
        id: i64,
        #[arg(required = true, value_name = "NAME=VALUE")]
        members: Vec<String>,
    },
    /// Make a link that works once, to set a password, also a new one
    Invite {
        id: i64,
        /// To sign in without a password instead
        #[arg(long)]
        sign_in: bool,
    },
    /// Say which member of a project an account is
    Link {
        id: i64,
        /// Key of the project
        project: String,
        /// An id or ext:X
        member: String,
    },
    /// Make an account none of a project's members
    Unlink { id: i64, project: String },
    /// Delete an account
    Delete { id: i64 },
    /// At the server's machine: print a link that signs in, when nobody else can let anybody in
    SignInLink {
        /// Whom [default: the first administrator; without any account whoever makes the first]
        login: Option<String>,
        /// The database, sqlite:PATH [default: as configured, else sqlite:tidings.db]
        #[arg(long, value_name = "URL")]
        store: Option<String>,
        /// Configuration file (TOML) [default: $TIDINGS_CONFIG]
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
    },
}

const COLUMNS: [&str; 6] = [
    "id",
    "login",
    "name",
    "administrator",
    "active",
    "last_sign_in_at",
];
const HEADINGS: [&str; 6] = [
    "ID",
    "LOGIN",
    "NAME",
    "ADMINISTRATOR",
    "ACTIVE",
    "LAST SIGN-IN",
];

impl Account {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let server = &self.server;
        match self.action {
            Action::List => {
                let all = server.list("/accounts", 10_000).await?;
                if server.json {
                    output::json(&all.into());
                } else {
                    let row = |a: &Value| COLUMNS.map(|m| cell(a, m)).to_vec();
                    output::table(&HEADINGS, &all.iter().map(row).collect::<Vec<_>>());
                }
            }
            Action::Create {
                login,
                name,
                administrator,
            } => {
                let mut body: Vec<(String, Value)> = vec![
                    ("login".into(), login.into()),
                    ("administrator".into(), administrator.into()),
                ];
                body.extend(name.map(|name| ("name".to_owned(), name.into())));
                let body = Value::Map(body);
                server.show(&server.call("POST", "/accounts", Some(&body)).await?.body);
            }
            Action::Show { id } => {
                server.show(
                    &server
                        .call("GET", &format!("/accounts/{id}"), None)
                        .await?
                        .body,
                );
            }
            Action::Edit { id, members } => {
                let body = super::members(&members)?;
                let path = format!("/accounts/{id}");
                server.show(&server.call("PATCH", &path, Some(&body)).await?.body);
            }
            Action::Invite { id, sign_in } => {
                let purpose = if sign_in { "sign_in" } else { "invite" };
                let body = Value::Map(vec![("purpose".into(), purpose.into())]);
                let path = format!("/accounts/{id}/invite");
                server.show(&server.call("POST", &path, Some(&body)).await?.body);
            }
            Action::Link {
                id,
                project,
                member,
            } => {
                let member = member
                    .parse::<i64>()
                    .map_or_else(|_| member.into(), Value::Int);
                let body = Value::Map(vec![("member".into(), member)]);
                let path = format!("/accounts/{id}/members/{}", encode(&project));
                server.show(&server.call("PUT", &path, Some(&body)).await?.body);
            }
            Action::Unlink { id, project } => {
                let path = format!("/accounts/{id}/members/{}", encode(&project));
                server.call("DELETE", &path, None).await?;
                server.done(
                    &[("unlinked", id.into())],
                    &format!("unlinked {id} from {project}"),
                );
            }
            Action::Delete { id } => {
                server
                    .call("DELETE", &format!("/accounts/{id}"), None)
                    .await?;
                server.done(&[("deleted", id.into())], &format!("deleted {id}"));
            }
            Action::SignInLink {
                login,
                store,
                config,
            } => sign_in_link(login.as_deref(), &Local::new(store, config, server.json))?,
        }
        Ok(())
    }
}

/// Writes a link into the database itself, beside a server that runs or without one.
fn sign_in_link(login: Option<&str>, local: &Local) -> anyhow::Result<()> {
    let config = local.load()?.config;
    let path = crate::serve::database(&config.store)?;
    let secret = tidings_app::auth::new_secret(&SystemEntropy);
    let now = SystemClock::new().wall();
    let until = now.as_millisecond() + tidings_app::accounts::LINK_MS;
    let times = (now.as_millisecond(), until);
    let hash = tidings_app::auth::hash(&secret);
    let whom = tidings_sqlite::let_in(&path, login, &hash, times)?;
    let base = config
        .public_url
        .unwrap_or_else(|| format!("http://{}", config.listen));
    let url = format!("{base}/sign-in/{secret}");
    let expires = time::Time::from_millisecond(until).context("the time is out of range")?;
    if local.json {
        output::json(&Value::Map(vec![
            ("url".into(), url.into()),
            ("expires_at".into(), time::value(expires)),
        ]));
        return Ok(());
    }
    let whom = match whom {
        tidings_sqlite::LetIn::First => "the first administrator".to_owned(),
        tidings_sqlite::LetIn::Account { login, name } => format!("{name} ({login})"),
    };
    output::say(format_args!(
        "signs in {whom}, once, until {}:\n{url}",
        time::show(expires)
    ));
    Ok(())
}
