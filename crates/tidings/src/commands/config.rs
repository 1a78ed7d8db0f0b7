//! `tidings config`: what is configured, whether it is right, what there is to configure.

use std::fmt::Write;
use std::path::PathBuf;

use crate::config::{self, SETTINGS, Source};

/// Configuration
#[derive(clap::Args)]
pub(crate) struct ConfigCommand {
    #[command(subcommand)]
    action: Action,
}

#[derive(clap::Subcommand)]
enum Action {
    /// Print every setting, its value and where it came from
    Show(File),
    /// Read everything and say what is wrong
    Check(File),
    /// Print every setting with its default and what it is for, as a TOML file
    Reference,
}

#[derive(clap::Args)]
struct File {
    /// The configuration file [default: $TIDINGS_CONFIG]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl ConfigCommand {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        match self.action {
            Action::Reference => crate::output::write(&reference()),
            Action::Show(file) => {
                let loaded =
                    config::load(file.config.as_deref(), &crate::serve::environment(), &[])?;
                let rows: Vec<Vec<String>> = SETTINGS
                    .iter()
                    .zip(&loaded.sources)
                    .map(|(s, source)| {
                        vec![
                            s.key.to_owned(),
                            source_name(*source).to_owned(),
                            (s.show)(&loaded.config),
                        ]
                    })
                    .collect();
                for warning in &loaded.warnings {
                    eprintln!("warning: {warning}");
                }
                crate::output::table(&["SETTING", "FROM", "VALUE"], &rows);
            }
            Action::Check(file) => {
                let loaded =
                    config::load(file.config.as_deref(), &crate::serve::environment(), &[])?;
                for warning in &loaded.warnings {
                    println!("warning: {warning}");
                }
                // What serve would refuse at its start is refused here.
                crate::serve::transport(
                    &loaded.config.egress_allow,
                    loaded.config.egress_resolver,
                    loaded.config.egress_ca.as_deref(),
                )?;
                println!("the configuration is good");
            }
        }
        Ok(())
    }
}

fn source_name(source: Source) -> &'static str {
    match source {
        Source::Default => "default",
        Source::File => "file",
        Source::Environment => "environment",
        Source::Flag => "flag",
    }
}

/// A TOML file with every setting commented out at its default; `docs/reference/configuration.md` holds it.
pub(crate) fn reference() -> String {
    let mut out = String::from(
        "# Every setting of Tidings with its default. A flag beats the environment, the environment beats this file.\n",
    );
    let defaults = config::Config::default();
    let mut section = "";
    for setting in SETTINGS {
        let (own, key) = setting.key.split_once('.').unwrap_or(("", setting.key));
        if own != section {
            let _ = writeln!(out, "\n[{own}]");
            section = own;
        }
        let shown = (setting.show)(&defaults);
        let number = shown.parse::<u64>().is_ok();
        let value = if number { shown } else { format!("{shown:?}") };
        // Writing to a string cannot fail.
        let _ = writeln!(
            out,
            "# {}
# Environment: {}
# {key} = {value}",
            setting.help,
            setting.variable()
        );
    }
    out
}
