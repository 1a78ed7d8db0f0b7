//! Connections: accepted, bounded, closed in good order.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

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

use crate::metrics::Metrics;
use crate::watch::{Pulse, Watched};
use crate::{Door, address};

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
/// While accepting fails, the log says so as often as that.
const ACCEPT_TOLD_EVERY: Duration = Duration::from_secs(10);
/// Connections taken in after the stop at most: as many as the system keeps waiting.
const MOST_WAITING: usize = 4096;
/// When the server stops, a kept connection may bring one more request within this time: the client could not know, and closing
/// while its request is on the way would cut it off. The answer says that it is the last.
const LINGER: Duration = Duration::from_millis(250);
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
    let hall = Hall {
        tracker: TaskTracker::new(),
        addresses: Arc::default(),
        turned_away: Arc::new(Semaphore::new(TURNED_AWAY)),
        door,
        metrics,
        limits,
        last: CancellationToken::new(),
    };
    let mut told = None;
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => hall.admit(stream, peer),
            Err(error) => {
                if told.is_none_or(|at: Instant| at.elapsed() > ACCEPT_TOLD_EVERY) {
                    told = Some(Instant::now());
                    tracing::warn!("failed to accept a connection, and goes on trying: {error}");
                }
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    // Whom the system has already taken in is heard too: closing the listener would cut them off.
    for _ in 0..MOST_WAITING {
        tokio::select! {
            biased;
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => hall.admit(stream, peer),
                Err(_) => break,
            },
            () = std::future::ready(()) => break,
        }
    }
    drop(listener);
    // Only now: whoever is told that an answer is the last connects again at once, and must find the door shut, not closing.
    hall.last.cancel();
    hall.tracker.close();
    let gone = tokio::time::timeout(limits.grace, hall.tracker.wait()).await;
    if gone.is_err() {
        let open = hall.tracker.len();
        tracing::warn!("stopped with {open} connections still open");
    }
}

/// Where connections come in.
struct Hall {
    tracker: TaskTracker,
    addresses: Arc<Mutex<HashMap<IpAddr, usize>>>,
    turned_away: Arc<Semaphore>,
    door: Door,
    metrics: Arc<Metrics>,
    limits: Limits,
    /// From now on each answer is the last on its connection.
    last: CancellationToken,
}

impl Hall {
    /// Serves a connection, or says that there is no place for it.
    fn admit(&self, stream: TcpStream, peer: SocketAddr) {
        let open = usize::try_from(self.metrics.connections.get()).unwrap_or(0);
        let limits = self.limits;
        if let Some(place) = Place::take(&self.addresses, peer, &self.metrics, &limits, open) {
            let (door, last) = (self.door.clone(), self.last.clone());
            self.tracker.spawn(async move {
                connection((stream, peer.ip()), door, &limits, last).await;
                drop(place);
            });
        } else if let Ok(seat) = Arc::clone(&self.turned_away).try_acquire_owned() {
            self.tracker.spawn(async move {
                turn_away(stream).await;
                drop(seat);
            });
        }
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

async fn connection(
    (stream, peer): (TcpStream, IpAddr),
    door: Door,
    limits: &Limits,
    last: CancellationToken,
) {
    // Answers are written whole; waiting to fill a packet only delays them.
    let _ = stream.set_nodelay(true);
    let pulse = Pulse::new();
    let (beat, is_last) = (Arc::clone(&pulse), last.clone());
    let service = service_fn(move |mut request: http::Request<hyper::body::Incoming>| {
        beat.asked();
        request.extensions_mut().insert(address::From(peer));
        let (door, pulse, last) = (door.clone(), Arc::clone(&beat), is_last.clone());
        async move {
            let mut answer = door.answer(request.map(Body::new)).await;
            if last.is_cancelled() {
                let close = http::HeaderValue::from_static("close");
                answer.headers_mut().insert(http::header::CONNECTION, close);
            }
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
            () = last.cancelled() => {
                if let Ok(result) = tokio::time::timeout(LINGER, connection.as_mut()).await {
                    return result;
                }
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
