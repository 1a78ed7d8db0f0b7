//! Where connections come in, on a thread of its own: whoever asks whether the server lives is answered here, however busy the rest is.
//!
//! Connections wait here for their first byte. Those that begin with `GET /healthz` stay; all others go in, to the threads where
//! requests are carried out. A thread that mostly sleeps is woken before those that never do, so an answer from here takes as long as
//! the machine needs to switch to it, and not as long as the largest body being read inside.
//!
//! It does not vouch for a house on fire: while the inside does not stir, nobody is answered here.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, oneshot};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::connection::{Manners, Quiet};
use crate::serve::{Guests, Place, turn_away};

/// What a question for health ([`crate::connection::HEALTH`]) begins with.
const ASKS: &[u8] = b"GET /healthz";
/// Who asks for health gets an answer and goes back to waiting: what comes next may be for the inside.
const REST: Duration = Duration::from_millis(100);
/// A pause after a failed accept (no descriptors left): long enough not to spin, short enough not to be noticed.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// While accepting fails, the log says so as often as that.
const ACCEPT_TOLD_EVERY: Duration = Duration::from_secs(10);
/// Connections taken in after the stop at most: as many as the system keeps waiting.
const MOST_WAITING: usize = 4096;
/// Clients that hear that there is no place at the same time; more are closed unheard.
const TURNED_AWAY: usize = 256;
/// The inside says so often that it lives.
const BEAT: Duration = Duration::from_millis(500);
/// Without a word for so long, it is taken for stuck.
const STUCK: Duration = Duration::from_secs(10);

/// The inside's sign of life.
#[derive(Clone)]
pub(crate) struct Life {
    born: Instant,
    /// Milliseconds after `born`.
    last: Arc<AtomicU64>,
}

impl Life {
    pub(crate) fn new() -> Self {
        Self {
            born: Instant::now(),
            last: Arc::default(),
        }
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.born.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Says again and again that it lives.
    pub(crate) async fn beat(self) {
        let mut turns = tokio::time::interval(BEAT);
        loop {
            turns.tick().await;
            self.last.store(self.now_ms(), Ordering::Relaxed);
        }
    }

    fn is_stuck(&self) -> bool {
        let silent = self
            .now_ms()
            .saturating_sub(self.last.load(Ordering::Relaxed));
        u128::from(silent) > STUCK.as_millis()
    }
}

/// The porch and the way in.
#[derive(Clone)]
pub(crate) struct Porch {
    pub(crate) manners: Manners,
    pub(crate) guests: Guests,
    pub(crate) life: Life,
    /// Where requests are carried out.
    pub(crate) inside: Handle,
    /// Every connection.
    pub(crate) all: TaskTracker,
}

impl Porch {
    /// Lets connections in on a thread of its own until `stop`; the answer comes when nobody is let in any more.
    pub(crate) fn open(
        self,
        listener: std::net::TcpListener,
        stop: CancellationToken,
    ) -> std::io::Result<oneshot::Receiver<()>> {
        let (shut, is_shut) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        std::thread::Builder::new()
            .name("porch".to_owned())
            .spawn(move || runtime.block_on(self.stand(listener, stop, shut)))?;
        Ok(is_shut)
    }

    async fn stand(
        self,
        listener: std::net::TcpListener,
        stop: CancellationToken,
        shut: oneshot::Sender<()>,
    ) {
        let here = TaskTracker::new();
        match TcpListener::from_std(listener) {
            Ok(listener) => self.accept(listener, &stop, &here).await,
            Err(error) => tracing::error!("cannot listen: {error}"),
        }
        let _ = shut.send(());
        here.close();
        here.wait().await;
    }

    async fn accept(&self, listener: TcpListener, stop: &CancellationToken, here: &TaskTracker) {
        let turned_away = Arc::new(Semaphore::new(TURNED_AWAY));
        let mut told = None;
        loop {
            let accepted = tokio::select! {
                () = stop.cancelled() => break,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, peer)) => self.admit(stream, peer, here, &turned_away),
                Err(error) => {
                    if told.is_none_or(|at: Instant| at.elapsed() > ACCEPT_TOLD_EVERY) {
                        told = Some(Instant::now());
                        tracing::warn!(
                            "failed to accept a connection, and goes on trying: {error}"
                        );
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
                    Ok((stream, peer)) => self.admit(stream, peer, here, &turned_away),
                    Err(_) => break,
                },
                () = std::future::ready(()) => break,
            }
        }
    }

    /// Takes a connection, or says that there is no place for it.
    fn admit(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
        here: &TaskTracker,
        turned_away: &Arc<Semaphore>,
    ) {
        if let Some(place) = self.guests.take(peer.ip(), &self.manners.limits) {
            let porch = self.clone();
            here.spawn(self.all.track_future(porch.wait(stream, peer.ip(), place)));
        } else if let Ok(seat) = Arc::clone(turned_away).try_acquire_owned() {
            here.spawn(self.all.track_future(async move {
                turn_away(stream).await;
                drop(seat);
            }));
        }
    }

    /// Waits for what a client wants, and answers it or lets it in.
    async fn wait(self, stream: TcpStream, peer: IpAddr, place: Place) {
        let mut quiet = Quiet::new(stream, peer);
        while quiet.stirs(&self.manners).await {
            if self.manners.last.is_cancelled() || !self.asks_for_health(&quiet.stream).await {
                self.let_in(quiet, place);
                return;
            }
            match Box::pin(quiet.busy(&self.manners, REST, Some(&self.inside))).await {
                Some(waits) => quiet = waits,
                None => return,
            }
        }
    }

    async fn asks_for_health(&self, stream: &TcpStream) -> bool {
        let mut begins = [0; ASKS.len()];
        let read = stream.peek(&mut begins).await;
        // What comes byte by byte is no probe.
        matches!(read, Ok(read) if read == ASKS.len()) && begins == ASKS && !self.life.is_stuck()
    }

    fn let_in(self, quiet: Quiet, place: Place) {
        let Quiet {
            stream,
            peer,
            pulse,
            ahead,
        } = quiet;
        let Ok(stream) = stream.into_std() else {
            return;
        };
        let manners = self.manners;
        let served = self.all.track_future(async move {
            if let Ok(stream) = TcpStream::from_std(stream) {
                let quiet = Quiet {
                    stream,
                    peer,
                    pulse,
                    ahead,
                };
                quiet.serve(&manners).await;
            }
            drop(place);
        });
        self.inside.spawn(served);
    }
}
