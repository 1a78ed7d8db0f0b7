//! The benchmark's other processes: a receiver that counts, a bare client that measures the machine's limit, feeders.
//!
//! `load receive PLAN` prints its address, then answers every POST (see `receive`).
//! `load direct PLAN` prints what a bare hyper client reaches against that receiver.
//! `load world PLAN` fills a server with projects, objects and webhooks.
//! `load feed PLAN` reports changes to a server and prints how many it accepted.
//! `load read PLAN` sends requests that only read, and prints how long they took.
//! `load pages PLAN` looks at the pages of a console, and prints how long the server took for each.
//! `load keep PROGRAM ARGUMENTS...` runs a program that must not outlive us; `load remove FOLDER` does it for a folder.
//!
//! Plans are JSON, and so is what is printed. Every mode ends when its standard input does: whoever starts it holds the other end,
//! so that nothing is left when that one dies, however it dies.
#![expect(
    clippy::print_stdout,
    reason = "a command line tool talks on standard output"
)]

mod direct;
mod feed;
mod keep;
mod pages;
mod read;
mod receive;
mod wire;
mod world;

use std::time::Duration;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["keep", program, rest @ ..] => return keep::program(program, rest),
        ["remove", folder] => return keep::folder(folder),
        _ => {}
    }
    std::thread::spawn(|| {
        keep::until_alone();
        std::process::exit(1);
    });
    // One thread: cheap, and it leaves the cores to the server.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    match words.as_slice() {
        ["receive", plan] => runtime.block_on(receive::run(serde_json::from_str(plan)?)),
        ["direct", plan] => runtime.block_on(direct::run(serde_json::from_str(plan)?)),
        ["world", plan] => runtime.block_on(world::run(serde_json::from_str(plan)?)),
        ["feed", plan] => runtime.block_on(feed::run(serde_json::from_str(plan)?)),
        ["pages", plan] => runtime.block_on(pages::run(serde_json::from_str(plan)?)),
        ["read", plan] => runtime.block_on(read::run(serde_json::from_str(plan)?)),
        _ => Err("usage: load receive|direct|world|feed|read|pages PLAN, load keep PROGRAM ..., load remove FOLDER".into()),
    }
}

fn per_second(count: u64, took: Duration) -> u64 {
    u64::try_from(u128::from(count) * 1_000_000 / took.as_micros().max(1)).unwrap_or(u64::MAX)
}

/// Microseconds since 1970: the one clock that processes of a machine share.
#[expect(
    clippy::disallowed_methods,
    reason = "the feeder's and the receiver's clock must be the same one"
)]
fn now_us() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |d| u64::try_from(d.as_micros()).unwrap_or(u64::MAX))
}

/// Count, median, p99 and largest of what was measured (microseconds).
fn percentiles(mut all: Vec<u64>) -> serde_json::Value {
    all.sort_unstable();
    let at = |share: usize| all.get((all.len() * share / 100).min(all.len().saturating_sub(1)));
    serde_json::json!({
        "count": all.len(),
        "p50_us": at(50),
        "p99_us": at(99),
        "max_us": all.last(),
    })
}
