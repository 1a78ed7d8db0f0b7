//! `tidings secrets`: the key that everything secret is sealed with.

mod rotate;

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use tidings_domain::Value;

use super::local::Local;
use crate::{Failure, keys, output};
use rotate::{Rotated, Rotation};

/// The key that webhook secrets and header values are sealed with
#[derive(clap::Args)]
pub(crate) struct Secrets {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    local: Local,
}

#[derive(clap::Subcommand)]
enum Action {
    /// Seal everything with a new key; the server must be stopped. Cut off at any moment, everything stays readable: say it again, or
    /// start the server
    Rotate {
        /// A file with the new key, 32 bytes in base64 [default: a new random one, kept beside the database]
        #[arg(long, value_name = "FILE")]
        new_key_file: Option<PathBuf>,
        /// Write the whole file anew, so that nothing that was ever deleted is left in it; takes the room of a second one
        #[arg(long)]
        vacuum: bool,
    },
}

impl Secrets {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let Action::Rotate {
            new_key_file,
            vacuum,
        } = self.action;
        let config = self.local.load()?.config;
        let database = crate::serve::database(&config.store)?;
        let given = new_key_file.as_deref().map(read_given).transpose()?;
        if config.secrets_key.is_some() && given.is_none() {
            return Err(Failure::Usage(
                "the key comes from TIDINGS_SECRETS_KEY (or secrets.key): say with --new-key-file where the new one is, and put it there afterwards".into(),
            )
            .into());
        }
        let rotation = Rotation {
            database: &database,
            configured: config.secrets_key.as_deref(),
            given,
        };
        let done = rotation
            .run(&mut |_| Ok(()))
            .context("the key was not changed")?;
        if vacuum {
            tidings_sqlite::vacuum(&database)
                .context("the key was changed, but the file was not written anew")?;
        }
        if self.local.json {
            output::json(&as_json(&done));
        } else {
            say(&done, config.secrets_key.is_some());
        }
        Ok(())
    }
}

fn read_given(path: &Path) -> anyhow::Result<[u8; 32]> {
    match keys::read(path)? {
        Some(key) => Ok(key),
        None => bail!(
            "there is no key file {}; `openssl rand -base64 32` prints a key",
            path.display()
        ),
    }
}

fn as_json(done: &Rotated) -> Value {
    let path = |path: &Option<PathBuf>| match path {
        Some(path) => Value::from(path.display().to_string()),
        None => Value::Null,
    };
    Value::Map(vec![
        ("key_id".into(), done.key_id.clone().into()),
        (
            "old_key_id".into(),
            done.old_key_id.clone().map_or(Value::Null, Value::from),
        ),
        (
            "values".into(),
            i64::try_from(done.values).unwrap_or(i64::MAX).into(),
        ),
        ("finished_earlier".into(), done.finished_earlier.into()),
        ("key_file".into(), path(&done.key_file)),
        ("old_key_file".into(), path(&done.old_key_file)),
    ])
}

fn say(done: &Rotated, configured: bool) {
    if done.finished_earlier {
        output::say(format_args!(
            "an earlier rotation was cut off and is finished now: everything is sealed with key {}",
            done.key_id
        ));
    } else {
        output::say(format_args!(
            "{} secrets and header values are sealed with key {} now",
            done.values, done.key_id
        ));
    }
    if configured {
        output::say(
            "put the new key into TIDINGS_SECRETS_KEY (or secrets.key) before the next start",
        );
    }
    if let Some(file) = &done.key_file {
        output::say(format_args!(
            "the new key is {}: keep a copy of it in another place than the backups",
            file.display()
        ));
    }
    if let Some(file) = &done.old_key_file {
        output::say(format_args!(
            "the old key is {}: backups made until now need it; delete it when they are gone",
            file.display()
        ));
    }
}
