//! `tidings backup`: a copy of the database while the server runs.

use std::path::PathBuf;

use anyhow::Context;
use tidings_domain::{Clock, Value};

use super::local::{Local, size};
use crate::{keys, output};

/// Copy the database, also while the server runs: one checked file with all that was answered before. The key of its secrets
/// is not in it. `tidings serve --after-restore` serves it
#[derive(clap::Args)]
pub(crate) struct Backup {
    /// The file to make; it must not be there yet
    dest: PathBuf,
    #[command(flatten)]
    local: Local,
}

impl Backup {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let config = self.local.load()?.config;
        let from = crate::serve::database(&config.store)?;
        let now = tidings_domain::time::show(crate::clock::SystemClock::new().wall());
        let made = tidings_sqlite::backup(&from, &self.dest, &now)
            .with_context(|| format!("no backup of {} was made", from.display()))?;
        let made_at = made.seen.backup.map(|mark| mark.made_at).unwrap_or(now);
        let key_id = made.seen.key_id;
        if self.local.json {
            let text = |text: Option<String>| text.map_or(Value::Null, Value::from);
            output::json(&Value::Map(vec![
                ("backup".into(), self.dest.display().to_string().into()),
                ("made_at".into(), made_at.into()),
                ("bytes".into(), i64::try_from(made.bytes)?.into()),
                ("event".into(), made.event.into()),
                ("schema".into(), made.seen.schema.unwrap_or_default().into()),
                ("has_secrets".into(), made.seen.has_secrets.into()),
                ("key_id".into(), text(key_id)),
                ("key_included".into(), false.into()),
            ]));
            return Ok(());
        }
        output::say(format_args!(
            "{}: {}, everything up to event {}; checked, nothing is wrong with it",
            self.dest.display(),
            size(made.bytes),
            made.event
        ));
        let key = key_id.map_or_else(String::new, |id| format!(" (key {id})"));
        let whence = match config.secrets_key {
            Some(_) => "TIDINGS_SECRETS_KEY".to_owned(),
            None => keys::key_file(&from).display().to_string(),
        };
        output::say(format_args!(
            "the key that opens its secrets is not in it: keep {whence}{key}, and in another place"
        ));
        Ok(())
    }
}
