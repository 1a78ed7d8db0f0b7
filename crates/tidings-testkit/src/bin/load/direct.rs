//! The machine's limit: a bare hyper client against the receiver.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::client::conn::http1::SendRequest;
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use tokio::net::TcpStream;

use crate::{Result, per_second};

#[derive(Deserialize)]
pub(crate) struct Plan {
    to: SocketAddr,
    seconds: f64,
    connections: u64,
    /// Size of each body.
    bytes: usize,
}

async fn connect(to: SocketAddr) -> Result<SendRequest<Full<Bytes>>> {
    let stream = TcpStream::connect(to).await?;
    stream.set_nodelay(true)?;
    let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    Ok(sender)
}

pub(crate) async fn run(plan: Plan) -> Result<()> {
    let body = Bytes::from(vec![b'x'; plan.bytes]);
    let started = Instant::now();
    let end = started + Duration::from_secs_f64(plan.seconds);
    let mut tasks = Vec::new();
    for _ in 0..plan.connections {
        let body = body.clone();
        tasks.push(tokio::spawn(async move {
            let mut sender = connect(plan.to).await?;
            let mut done = 0_u64;
            while Instant::now() < end {
                let request = Request::post("/")
                    .header("host", "receiver")
                    .header("content-type", "application/json")
                    .body(Full::new(body.clone()))?;
                let response = sender.send_request(request).await?;
                if !response.status().is_success() {
                    return Err(format!("the receiver answered {}", response.status()).into());
                }
                response.into_body().collect().await?;
                done += 1;
            }
            Result::Ok(done)
        }));
    }
    let mut done = 0;
    for task in tasks {
        done += task.await??;
    }
    let per_second = per_second(done, started.elapsed());
    println!(
        "{}",
        serde_json::json!({"requests": done, "per_second": per_second})
    );
    Ok(())
}
