//! Makes a large database and says what there is to look at in the console of a server on it: for the benchmark
//! (`cargo xtask bench pages`).
//!
//! `pages PATH WEBHOOKS DELIVERIES PLACES` makes the file and writes JSON into another: for each page of the console's route table the addresses that show
//! it at its longest, who asks for them, and the cookies of these people. The rows come from the table itself, so a page that
//! is added is walked, or the walk fails and says what it does not know.

mod world;

use std::path::Path;

use world::{Result, Size, World, walk};

#[tokio::main]
async fn main() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [path, webhooks, deliveries, places] = words.as_slice() else {
        return Err("usage: pages PATH WEBHOOKS DELIVERIES PLACES".into());
    };
    let size = Size::of(webhooks.parse()?, deliveries.parse()?);
    let world = World::make(Path::new(path), size).await?;
    Ok(std::fs::write(
        places,
        walk::told(&world).await?.to_string(),
    )?)
}
