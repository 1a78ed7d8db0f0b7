//! `tidings verify`: is this captured request what its sender signed?

use std::io::Read;
use std::path::PathBuf;

use anyhow::Context;
use tidings_domain::Clock;

use crate::Failure;
use crate::capture::{self, Verdict, headers};
use crate::listen;

/// Check the signature of a captured request
#[derive(clap::Args)]
pub(crate) struct Verify {
    /// The body, byte for byte as it arrived; `-` reads standard input
    body: PathBuf,
    /// A header of the request, `Name: value`; as often as needed
    #[arg(short = 'H', long = "header", value_name = "HEADER")]
    headers: Vec<String>,
    /// A file with the request's headers, one a line
    #[arg(long, value_name = "FILE")]
    headers_file: Option<PathBuf>,
    /// The secret of the webhook
    #[arg(long)]
    secret: String,
    /// The dialect [default: found out from the headers]
    #[arg(long)]
    dialect: Option<String>,
    /// Also refuse a webhook-timestamp more than five minutes from this clock
    #[arg(long)]
    check_time: bool,
}

impl Verify {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let mut body = Vec::new();
        if self.body.as_os_str() == "-" {
            std::io::stdin()
                .read_to_end(&mut body)
                .context("cannot read standard input")?;
        } else {
            body = std::fs::read(&self.body)
                .with_context(|| format!("cannot read {}", self.body.display()))?;
        }
        let file = self
            .headers_file
            .as_ref()
            .map(std::fs::read_to_string)
            .transpose()
            .context("cannot read the file of headers")?;
        let lines = file
            .iter()
            .flat_map(|f| f.lines())
            .chain(self.headers.iter().map(String::as_str));
        let headers = headers(lines)?;
        let name = self
            .dialect
            .clone()
            .unwrap_or_else(|| capture::detect(&headers).to_owned());
        let now = self
            .check_time
            .then(|| crate::clock::SystemClock::new().wall().as_second());
        match capture::check(
            listen::dialect(&name)?,
            Some(&self.secret),
            &headers,
            &body,
            now,
        ) {
            Verdict::Good => {
                println!("verified as {name}");
                Ok(())
            }
            Verdict::Unsigned => {
                Err(Failure::Unverified("there is no secret to check with".into()).into())
            }
            Verdict::Bad(why) => {
                Err(Failure::Unverified(format!("not verified as {name}: {why}")).into())
            }
        }
    }
}
