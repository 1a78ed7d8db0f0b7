//! `tidings sample`: what a dialect sends, offline.

use tidings_domain::Value;

use crate::{listen, output};

/// Print the sample of an event, or list the events of a dialect
#[derive(clap::Args)]
pub(crate) struct Sample {
    /// The dialect; without it the dialects are listed
    dialect: Option<String>,
    /// The event's code; without it the dialect's codes are listed
    code: Option<String>,
    /// Indented, for reading; the bytes on the wire are what is printed without it
    #[arg(long)]
    pretty: bool,
}

impl Sample {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let Some(name) = self.dialect else {
            let row = |d: &&dyn tidings_dialects::Dialect| {
                vec![
                    d.name().to_owned(),
                    d.phrases().len().to_string(),
                    d.description().to_owned(),
                ]
            };
            output::table(
                &["DIALECT", "CODES", "WHAT"],
                &tidings_dialects::all().iter().map(row).collect::<Vec<_>>(),
            );
            return Ok(());
        };
        let dialect = listen::dialect(&name)?;
        let Some(code) = self.code else {
            let row = |p: &tidings_dialects::Phrase| {
                vec![
                    p.code.to_owned(),
                    p.category.to_owned(),
                    p.name.to_owned(),
                    format!("{} {} {}", p.cause.method, p.cause.path, p.cause.body),
                ]
            };
            output::table(
                &["CODE", "CATEGORY", "EVENT", "CAUSE"],
                &dialect.phrases().iter().map(row).collect::<Vec<_>>(),
            );
            return Ok(());
        };
        let message = super::trigger::sample(dialect, &code)?;
        if self.pretty {
            output::json(&Value::parse(&message.body)?);
        } else {
            output::say(String::from_utf8_lossy(&message.body));
        }
        Ok(())
    }
}
