//! Connections: accepted, bounded, closed in good order.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::Door;
use crate::metrics::Metrics;
use crate::watch::{Pulse, Watched};

/// Limits of connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Open connections; more are told to come back.
    pub connections: usize,
    /// Open connections of one address; more are told to come back.
    pub connections_per_address: usize,
    /// How long the head of a request may take.
    pub head: Duration,
    /// How long a kept connection may idle.
    pub idle: Duration,
    /// How long an answer may take to be taken.
    pub answer: Duration,
    /// How long a client may take nothing of its answer at all.
    pub stuck: Duration,
    /// How long requests under way may take when the server stops.
    pub grace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: MOST_CONNECTIONS,
            connections_per_address: of_one_address(MOST_CONNECTIONS),
            head: Duration::from_secs(10),
            idle: Duration::from_mins(1),
            answer: Duration::from_mins(1),
            stuck: Duration::from_secs(30),
            grace: Duration::from_secs(30),
        }
    }
}

impl Limits {
    /// As many connections as so many file descriptors allow: five eighths of them, so that enough are left for receivers and the
    /// store.
    pub fn for_descriptors(descriptors: u64) -> Self {
        let descriptors = usize::try_from(descriptors).unwrap_or(usize::MAX);
        let connections = (descriptors / 8 * 5).clamp(8, MOST_CONNECTIONS);
        Self {
            connections,
            connections_per_address: of_one_address(connections),
            ..Self::default()
        }
    }
}

/// 10,000 clients, and some that come and go.
const MOST_CONNECTIONS: usize = 12_288;
/// One address cannot take all: whoever looks after the server still gets in.
const fn of_one_address(connections: usize) -> usize {
    connections - connections / 8
}

/// The head of a request may be so large; a webhook's own headers fit four times over.
const MAX_HEAD_BYTES: usize = 64 * 1024;
/// A pause after a failed accept (no descriptors left): long enough not to spin, short enough not to be noticed.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// What a client hears that finds no place.
const NO_PLACE: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/problem+json\r\nRetry-After: 1\r\nConnection: close\r\nCache-Control: no-store\r\n\
    Content-Length: 181\r\n\r\n{\"type\":\"/docs#overloaded\",\"title\":\"Service Unavailable\",\"status\":503,\
    \"detail\":\"the server has as many connections as it can; try again in a second\",\"code\":\"overloaded\",\"errors\":[]}";
/// Clients that hear it at the same time; more are closed unheard.
const TURNED_AWAY: usize = 256;
/// How long such a client may take to hear it.
const TURN_AWAY_TIME: Duration = Duration::from_secs(1);

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
    let turned_away = Arc::new(Semaphore::new(TURNED_AWAY));
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
        let open = usize::try_from(metrics.connections.get()).unwrap_or(0);
        let Some(place) = Place::take(&addresses, peer, &metrics, &limits, open) else {
            if let Ok(seat) = Arc::clone(&turned_away).try_acquire_owned() {
                tracker.spawn(async move {
                    turn_away(stream).await;
                    drop(seat);
                });
            }
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

/// Says that there is no place. What the client sends meanwhile is read, or the answer might be lost to a reset.
async fn turn_away(mut stream: TcpStream) {
    let say = async {
        stream.write_all(NO_PLACE).await?;
        stream.shutdown().await?;
        let mut unread = [0; 1024];
        while stream.read(&mut unread).await? > 0 {}
        std::io::Result::Ok(())
    };
    let _ = tokio::time::timeout(TURN_AWAY_TIME, say).await;
}

async fn connection(stream: TcpStream, door: Door, limits: &Limits, stop: CancellationToken) {
    // Answers are written whole; waiting to fill a packet only delays them.
    let _ = stream.set_nodelay(true);
    let pulse = Pulse::new();
    let beat = Arc::clone(&pulse);
    let service = service_fn(move |request: http::Request<hyper::body::Incoming>| {
        beat.asked();
        let (door, pulse) = (door.clone(), Arc::clone(&beat));
        async move {
            let answer = door.answer(request.map(Body::new)).await;
            Ok::<_, std::convert::Infallible>(answer.map(|body| pulse.tells(body)))
        }
    });
    let watched = Watched {
        stream,
        pulse: Arc::clone(&pulse),
    };
    let connection = http1::Builder::new()
        .header_read_timeout(None)
        .max_buf_size(MAX_HEAD_BYTES)
        .keep_alive(true)
        .serve_connection(TokioIo::new(watched), service);
    tokio::pin!(connection);
    let served = async {
        tokio::select! {
            result = connection.as_mut() => result,
            () = stop.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        }
    };
    tokio::select! {
        biased;
        result = served => if let Err(error) = result {
            tracing::debug!("a connection ended: {error}");
        },
        () = pulse.is_over(limits) => tracing::debug!("a connection was too slow"),
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
