//! Clients that ask for too much, each kind a process of its own: `cargo xtask soak overload` runs them all against one server.
//!
//! | command | does |
//! |---|---|
//! | `receive` | a receiver that is slow until it is told otherwise, and counts what it got once |
//! | `crowd ADDR TOKEN SECONDS CLIENTS` | so many connections, each asking now and then |
//! | `loris ADDR SECONDS CLIENTS` | half heads, a byte a second; as many again when they are cut off |
//! | `feed ADDR TOKEN SECONDS CLIENTS BYTES` | stories as fast as they are taken |
//! | `bulk ADDR TOKEN SECONDS CLIENTS` | batches at the size limit |
//! | `hoard ADDR TOKEN SECONDS CLIENTS` | asks for lists and takes none of them |
//! | `probe ADDR SECONDS` | `/healthz` ten times a second, on a new connection each time |
//!
//! Each prints one line of JSON when it ends.
#![expect(
    clippy::print_stdout,
    reason = "a command line tool talks on standard output"
)]

mod clients;
mod http;
mod receiver;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

pub(crate) type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// What a kind of clients has to do.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) server: SocketAddr,
    /// Where the clients come from: each kind has an address of its own, as strangers have.
    pub(crate) from: SocketAddr,
    pub(crate) token: String,
    pub(crate) end: Instant,
    pub(crate) clients: usize,
    pub(crate) bytes: usize,
}

impl Plan {
    fn new(kind: u8, server: &str, token: &str, seconds: &str, clients: &str) -> Result<Self> {
        Ok(Self {
            server: server.parse()?,
            from: SocketAddr::from(([127, 0, 0, kind], 0)),
            token: token.to_owned(),
            end: Instant::now() + Duration::from_secs(seconds.parse()?),
            clients: clients.parse()?,
            bytes: 0,
        })
    }
}

/// As many descriptors as may be: the soft limit is often below ten thousand.
fn raise_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let hard = getrlimit(Resource::Nofile).maximum;
    let raised = Rlimit {
        current: hard,
        maximum: hard,
    };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        eprintln_line(&format!("the limit of open files stays as it is: {error}"));
    }
}

#[expect(
    clippy::print_stderr,
    reason = "a command line tool complains on standard error"
)]
fn eprintln_line(text: &str) {
    eprintln!("{text}");
}

#[tokio::main]
async fn main() -> Result<()> {
    raise_limit();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let told = match words.as_slice() {
        ["receive"] => return receiver::run().await,
        ["crowd", server, token, seconds, clients] => {
            clients::crowd(Plan::new(2, server, token, seconds, clients)?).await
        }
        ["loris", server, seconds, clients] => {
            clients::loris(Plan::new(3, server, "", seconds, clients)?).await
        }
        ["feed", server, token, seconds, clients, bytes] => {
            let plan = Plan::new(4, server, token, seconds, clients)?;
            let bytes = bytes.parse()?;
            clients::feed(Plan { bytes, ..plan }).await
        }
        ["bulk", server, token, seconds, clients] => {
            clients::bulk(Plan::new(5, server, token, seconds, clients)?).await
        }
        ["hoard", server, token, seconds, clients] => {
            clients::hoard(Plan::new(6, server, token, seconds, clients)?).await
        }
        ["probe", server, seconds] => clients::probe(Plan::new(7, server, "", seconds, "1")?).await,
        _ => {
            return Err(
                "usage: storm receive | crowd | loris | feed | bulk | hoard | probe ...".into(),
            );
        }
    };
    println!("{told}");
    Ok(())
}
