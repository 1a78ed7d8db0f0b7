//! Connections: accepted, bounded, closed in good order.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::Door;
use crate::connection::Manners;
use crate::metrics::Metrics;
use crate::porch::{Life, Porch};

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
    /// After so long without a request a kept connection is only its socket.
    pub rest: Duration,
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
            rest: Duration::from_secs(1),
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

/// What a client hears that finds no place.
const NO_PLACE: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/problem+json\r\nRetry-After: 1\r\nConnection: close\r\nCache-Control: no-store\r\n\
    Content-Length: 181\r\n\r\n{\"type\":\"/docs#overloaded\",\"title\":\"Service Unavailable\",\"status\":503,\
    \"detail\":\"the server has as many connections as it can; try again in a second\",\"code\":\"overloaded\",\"errors\":[]}";
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
    let (life, all, last) = (Life::new(), TaskTracker::new(), CancellationToken::new());
    let beating = tokio::spawn(life.clone().beat());
    let porch = Porch {
        manners: Manners {
            door,
            limits,
            last: last.clone(),
        },
        guests: Guests {
            addresses: Arc::default(),
            metrics,
        },
        life,
        inside: tokio::runtime::Handle::current(),
        all: all.clone(),
    };
    match listener.into_std().and_then(|l| porch.open(l, stop)) {
        // It may also end without a word, if its thread failed.
        Ok(shut) => drop(shut.await),
        Err(error) => tracing::error!("nobody can be let in: {error}"),
    }
    // Only now: whoever is told that an answer is the last connects again at once, and must find the door shut, not closing.
    last.cancel();
    all.close();
    let gone = tokio::time::timeout(limits.grace, all.wait()).await;
    if gone.is_err() {
        let open = all.len();
        tracing::warn!("stopped with {open} connections still open");
    }
    beating.abort();
}

/// Says that there is no place. What the client sends meanwhile is read, or the answer might be lost to a reset.
pub(crate) async fn turn_away(mut stream: TcpStream) {
    let say = async {
        stream.write_all(NO_PLACE).await?;
        stream.shutdown().await?;
        let mut unread = [0; 1024];
        while stream.read(&mut unread).await? > 0 {}
        std::io::Result::Ok(())
    };
    let _ = tokio::time::timeout(TURN_AWAY_TIME, say).await;
}

/// Who is in.
#[derive(Clone)]
pub(crate) struct Guests {
    pub(crate) addresses: Arc<Mutex<HashMap<IpAddr, usize>>>,
    pub(crate) metrics: Arc<Metrics>,
}

impl Guests {
    /// A place for a connection from there, if there is one.
    pub(crate) fn take(&self, address: IpAddr, limits: &Limits) -> Option<Place> {
        let open = usize::try_from(self.metrics.connections.get()).unwrap_or(0);
        let mut map = self.addresses.lock();
        let count = map.get(&address).copied().unwrap_or_default();
        if open >= limits.connections || count >= limits.connections_per_address {
            return None;
        }
        map.insert(address, count + 1);
        self.metrics.connections.inc();
        Some(Place {
            guests: self.clone(),
            address,
        })
    }
}

/// A connection's place; free again when dropped.
pub(crate) struct Place {
    guests: Guests,
    address: IpAddr,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut map = self.guests.addresses.lock();
        if let Some(count) = map.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                map.remove(&self.address);
            }
        }
        self.guests.metrics.connections.dec();
    }
}
