//! A receiver that is slower than the feed until it is told otherwise. It knows each delivery once.

use std::collections::HashSet;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use tokio::net::TcpListener;

use crate::Result;

#[derive(Default)]
struct Seen {
    /// `webhook-id`s without their prefix, which is the same for all.
    once: Mutex<HashSet<Box<str>>>,
    requests: AtomicU64,
    connections: AtomicU64,
    wait_ms: AtomicU64,
}

/// Prints its address. `PUT /WAIT` sets how many milliseconds it takes; `GET /` tells deliveries, requests and connections.
pub(crate) async fn run() -> Result<()> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    println!("{}", listener.local_addr()?);
    let seen = Arc::new(Seen::default());
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        seen.connections.fetch_add(1, Ordering::Relaxed);
        let seen = Arc::clone(&seen);
        tokio::spawn(async move {
            let service =
                hyper::service::service_fn(move |request| answer(request, Arc::clone(&seen)));
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

async fn answer(
    request: Request<Incoming>,
    seen: Arc<Seen>,
) -> std::result::Result<Response<Full<Bytes>>, Infallible> {
    let mut response = Response::new(Full::default());
    let path = request.uri().path().trim_start_matches('/').to_owned();
    let id = request.headers().get("webhook-id").cloned();
    match *request.method() {
        Method::POST => {
            // What did not come whole was not received.
            if request.into_body().collect().await.is_err() {
                return Ok(response);
            }
            let wait = Duration::from_millis(seen.wait_ms.load(Ordering::Relaxed));
            if !wait.is_zero() {
                tokio::time::sleep(wait).await;
            }
            let id = id.as_ref().and_then(|id| id.to_str().ok());
            let id = id.unwrap_or_default().trim_start_matches("dlv_");
            seen.once.lock().insert(id.into());
            seen.requests.fetch_add(1, Ordering::Relaxed);
            *response.status_mut() = StatusCode::NO_CONTENT;
        }
        Method::PUT => seen
            .wait_ms
            .store(path.parse().unwrap_or(0), Ordering::Relaxed),
        _ => {
            let text = format!(
                "{} {} {}",
                seen.once.lock().len(),
                seen.requests.load(Ordering::Relaxed),
                seen.connections.load(Ordering::Relaxed)
            );
            *response.body_mut() = Full::new(Bytes::from(text));
        }
    }
    Ok(response)
}
