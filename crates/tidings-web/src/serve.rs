//! Connections: accepted, bounded, closed in good order.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use parking_lot::Mutex;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::Door;
use crate::metrics::Metrics;

/// Limits of connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Open connections; more are closed at once.
    pub connections: usize,
    /// Open connections of one address; more are closed at once.
    pub connections_per_address: usize,
    /// How long the head of a request may take; also how long a kept connection may idle.
    pub head: Duration,
    /// How long requests under way may take when the server stops.
    pub grace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 10_000,
            connections_per_address: 8_000,
            head: Duration::from_secs(10),
            grace: Duration::from_secs(30),
        }
    }
}

/// The head of a request may be so large; a webhook's own headers fit four times over.
const MAX_HEAD_BYTES: usize = 64 * 1024;
/// A pause after a failed accept (no descriptors left): long enough not to spin, short enough not to be noticed.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves until `stop`, then lets requests under way finish.
pub async fn serve(
    listener: TcpListener,
    door: Door,
    metrics: Arc<Metrics>,
    limits: Limits,
    stop: CancellationToken,
) {
    let tracker = TaskTracker::new();
    let addresses = Arc::new(Mutex::new(HashMap::<IpAddr, usize>::new()));
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!("failed to accept a connection: {error}");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let Some(place) = Place::take(&addresses, peer, &metrics, &limits, tracker.len()) else {
            continue;
        };
        let (door, stop) = (door.clone(), stop.clone());
        tracker.spawn(async move {
            connection(stream, door, &limits, stop).await;
            drop(place);
        });
    }
    drop(listener);
    tracker.close();
    if tokio::time::timeout(limits.grace, tracker.wait())
        .await
        .is_err()
    {
        tracing::warn!("stopped with {} connections still open", tracker.len());
    }
}

async fn connection(stream: TcpStream, door: Door, limits: &Limits, stop: CancellationToken) {
    // Answers are written whole; waiting to fill a packet only delays them.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request: http::Request<hyper::body::Incoming>| {
        let door = door.clone();
        async move { Ok::<_, std::convert::Infallible>(door.answer(request.map(Body::new)).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head)
        .max_buf_size(MAX_HEAD_BYTES)
        .keep_alive(true)
        .serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    let result = tokio::select! {
        result = connection.as_mut() => result,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = result {
        tracing::debug!("a connection ended: {error}");
    }
}

/// A connection's place; free again when dropped.
struct Place {
    addresses: Arc<Mutex<HashMap<IpAddr, usize>>>,
    address: IpAddr,
    metrics: Arc<Metrics>,
}

impl Place {
    fn take(
        addresses: &Arc<Mutex<HashMap<IpAddr, usize>>>,
        peer: SocketAddr,
        metrics: &Arc<Metrics>,
        limits: &Limits,
        open: usize,
    ) -> Option<Self> {
        let mut map = addresses.lock();
        let count = map.get(&peer.ip()).copied().unwrap_or_default();
        if open >= limits.connections || count >= limits.connections_per_address {
            return None;
        }
        map.insert(peer.ip(), count + 1);
        metrics.connections.inc();
        Some(Self {
            addresses: Arc::clone(addresses),
            address: peer.ip(),
            metrics: Arc::clone(metrics),
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut map = self.addresses.lock();
        if let Some(count) = map.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                map.remove(&self.address);
            }
        }
        self.metrics.connections.dec();
    }
}
