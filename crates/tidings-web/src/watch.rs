//! What a connection is doing and since when, so that a slow client costs a connection for a bounded time and nothing else.
//!
//! A connection has one timer, however many requests it carries: whoever moves it only notes the time, and the timer looks at the
//! notes when it goes off.
//!
//! ```text
//! Fresh --first byte--> Head --request--> Busy --answer--> Telling --taken--> Idle --first byte--> Head ...
//! ```

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use axum::body::Body;
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::Limits;

/// Nothing has come yet: the head's time runs from the start.
const FRESH: u8 = 0;
/// A head is coming.
const HEAD: u8 = 1;
/// A request is read or answered; bodies and use cases have times of their own.
const BUSY: u8 = 2;
/// An answer is on its way.
const TELLING: u8 = 3;
/// The answer was taken, the next request has not begun.
const IDLE: u8 = 4;

/// The timer never goes off more often than this.
const FINEST: Duration = Duration::from_millis(20);

/// What a connection is doing.
#[derive(Debug)]
pub(crate) struct Pulse {
    born: Instant,
    doing: AtomicU8,
    /// Milliseconds after `born`.
    since: AtomicU32,
    /// When the client stopped taking bytes, in milliseconds after `born` and plus one; 0 while it takes them.
    stuck: AtomicU32,
}

impl Pulse {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            born: Instant::now(),
            doing: AtomicU8::new(FRESH),
            since: AtomicU32::new(0),
            stuck: AtomicU32::new(0),
        })
    }

    fn now(&self) -> u32 {
        u32::try_from(self.born.elapsed().as_millis()).unwrap_or(u32::MAX - 1)
    }

    fn turn(&self, to: u8) {
        self.since.store(self.now(), Ordering::Relaxed);
        self.doing.store(to, Ordering::Release);
    }

    /// What it does, it does from now on.
    pub(crate) fn begins_again(&self) {
        self.turn(self.doing.load(Ordering::Relaxed));
    }

    /// Bytes came.
    fn heard(&self) {
        if self.doing.load(Ordering::Relaxed) == IDLE {
            self.turn(HEAD);
        }
    }

    /// A whole head came.
    pub(crate) fn asked(&self) {
        self.turn(BUSY);
    }

    /// Its answer is given out.
    pub(crate) fn tells(self: &Arc<Self>, body: Body) -> Told {
        self.turn(TELLING);
        Told {
            body,
            pulse: Arc::clone(self),
        }
    }

    fn wrote(&self, polled: &Poll<io::Result<usize>>) {
        if polled.is_pending() {
            if self.stuck.load(Ordering::Relaxed) == 0 {
                self.stuck.store(self.now() + 1, Ordering::Relaxed);
            }
        } else if self.stuck.load(Ordering::Relaxed) != 0 {
            self.stuck.store(0, Ordering::Relaxed);
        }
    }

    /// How much longer it may go on like this; `None`: its time is over.
    fn left(&self, limits: &Limits) -> Option<Duration> {
        let now = self.now();
        let after = |then: u32| Duration::from_millis(u64::from(now.saturating_sub(then)));
        let stuck = match self.stuck.load(Ordering::Relaxed) {
            0 => Duration::ZERO,
            since => after(since - 1),
        };
        let (limit, took) = match self.doing.load(Ordering::Acquire) {
            FRESH | HEAD => (limits.head, after(self.since.load(Ordering::Relaxed))),
            IDLE => (limits.idle, after(self.since.load(Ordering::Relaxed))),
            TELLING => (limits.answer, after(self.since.load(Ordering::Relaxed))),
            _ => (limits.stuck, Duration::ZERO),
        };
        let left = limit
            .checked_sub(took)
            .filter(|left| !left.is_zero())?
            .min(limits.stuck.checked_sub(stuck).filter(|l| !l.is_zero())?);
        // A head that begins right after this look is seen at the next one.
        Some(left.min(limits.head).max(FINEST))
    }

    /// For how long nothing has moved since an answer was taken.
    fn rested(&self) -> Option<Duration> {
        let idle = self.doing.load(Ordering::Acquire) == IDLE;
        let since = self.since.load(Ordering::Relaxed);
        (idle && self.stuck.load(Ordering::Relaxed) == 0)
            .then(|| Duration::from_millis(u64::from(self.now().saturating_sub(since))))
    }

    /// Returns when nothing has moved for so long after an answer was taken. Never in the moment in which one is given out: it is
    /// still to be written.
    pub(crate) async fn rests(&self, after: Duration) {
        let after = after.max(FINEST);
        loop {
            let rested = self.rested().unwrap_or_default();
            let Some(left) = after.checked_sub(rested).filter(|left| !left.is_zero()) else {
                return;
            };
            tokio::time::sleep(left.max(FINEST)).await;
        }
    }

    /// Returns when the client has been too slow.
    pub(crate) async fn is_over(&self, limits: &Limits) {
        while let Some(left) = self.left(limits) {
            tokio::time::sleep(left).await;
        }
    }
}

/// A client's connection, noting what moves on it.
#[derive(Debug)]
pub(crate) struct Watched {
    pub(crate) stream: TcpStream,
    pub(crate) pulse: Arc<Pulse>,
    /// What was read of it before.
    pub(crate) ahead: Bytes,
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.ahead.is_empty() {
            let piece = self.ahead.len().min(buf.remaining());
            buf.put_slice(&self.ahead.split_to(piece));
            self.pulse.heard();
            return Poll::Ready(Ok(()));
        }
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buf);
        if polled.is_ready() && buf.filled().len() > before {
            self.pulse.heard();
        }
        polled
    }
}

impl AsyncWrite for Watched {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.pulse.wrote(&polled);
        polled
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.pulse.wrote(&polled);
        polled
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// An answer's body; when it is gone, the client has taken all but what the last packets hold.
#[derive(Debug)]
pub(crate) struct Told {
    body: Body,
    pulse: Arc<Pulse>,
}

impl http_body::Body for Told {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Told {
    fn drop(&mut self) {
        self.pulse.turn(IDLE);
    }
}
