//! Requests that only read, one after the other: how long each took.

use std::net::SocketAddr;
use std::time::Instant;

use serde::Deserialize;

use crate::wire::{Wire, request};
use crate::{Result, percentiles};

#[derive(Deserialize)]
pub(crate) struct Plan {
    to: SocketAddr,
    token: String,
    /// Behind `/api/v1`.
    paths: Vec<String>,
    /// How often each is asked.
    times: usize,
}

pub(crate) async fn run(plan: Plan) -> Result<()> {
    let mut wire = Wire::connect(plan.to).await?;
    let (mut took, mut rows) = (Vec::new(), 0);
    let mut bytes = Vec::new();
    for _ in 0..plan.times {
        for path in &plan.paths {
            bytes.clear();
            request(
                &mut bytes,
                "GET",
                &format!("/api/v1{path}"),
                &plan.token,
                "",
            );
            let started = Instant::now();
            let answer = wire.ask(&bytes).await?;
            took.push(u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX));
            if answer.status != 200 {
                let text = String::from_utf8_lossy(&answer.body).into_owned();
                return Err(format!("GET {path}: {} {text}", answer.status).into());
            }
            let list: serde_json::Value = serde_json::from_slice(&answer.body)?;
            rows += list
                .get("data")
                .and_then(serde_json::Value::as_array)
                .map_or(0, Vec::len);
        }
    }
    let mut told = percentiles(took);
    if let Some(told) = told.as_object_mut() {
        told.insert("rows".to_owned(), rows.into());
    }
    println!("{told}");
    Ok(())
}
