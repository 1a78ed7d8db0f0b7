//! One connection: served while there is something to do, and hardly more than its socket while there is not.
//!
//! Ten thousand clients that ask now and then are mostly idle. What HTTP needs of buffers is there while requests come and for a
//! moment longer; after that only the socket is kept, until bytes come.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use crate::watch::{Pulse, Told, Watched};
use crate::{Door, Limits};

/// The head of a request may be so large; a webhook's own headers fit four times over.
const MAX_HEAD_BYTES: usize = 64 * 1024;
/// When the server stops, a kept connection may bring one more request within this time: the client could not know, and closing
/// while its request is on the way would cut it off. The answer says that it is the last.
const LINGER: Duration = Duration::from_millis(250);
/// Whether the server lives.
pub(crate) const HEALTH: &str = "/healthz";

/// What every connection of a server needs.
#[derive(Clone)]
pub(crate) struct Manners {
    pub(crate) door: Door,
    pub(crate) limits: Limits,
    /// From now on each answer is the last on its connection.
    pub(crate) last: CancellationToken,
}

/// A client's connection, between two requests or before the first.
pub(crate) struct Quiet {
    pub(crate) stream: TcpStream,
    pub(crate) peer: IpAddr,
    pub(crate) pulse: Arc<Pulse>,
    /// The beginning of the next request, where it came together with the one before.
    pub(crate) ahead: Bytes,
}

impl Quiet {
    /// As it was accepted.
    pub(crate) fn new(stream: TcpStream, peer: IpAddr) -> Self {
        // Answers are written whole; waiting to fill a packet only delays them.
        let _ = stream.set_nodelay(true);
        Self {
            stream,
            peer,
            pulse: Pulse::new(),
            ahead: Bytes::new(),
        }
    }

    /// Waits for bytes, or until the server stops; false: the client took too long, or is gone.
    pub(crate) async fn stirs(&self, manners: &Manners) -> bool {
        tokio::select! {
            biased;
            stirred = self.stream.readable() => stirred.is_ok(),
            () = manners.last.cancelled() => true,
            () = self.pulse.is_over(&manners.limits) => false,
        }
    }

    /// Serves the connection to its end.
    pub(crate) async fn serve(mut self, manners: &Manners) {
        // Where everything is busy it takes a while until somebody looks: that was not the client.
        self.pulse.begins_again();
        // The buffers, and the state of whatever is under way, live in boxes that are gone while nothing is.
        while let Some(quiet) = Box::pin(self.busy(manners, manners.limits.rest, None)).await {
            if !quiet.stirs(manners).await {
                return;
            }
            self = quiet;
        }
    }

    /// Serves requests until none has come for a while; `None`: it ended. Where there is an `inside`, only questions for health are
    /// answered on this thread.
    pub(crate) async fn busy(
        self,
        manners: &Manners,
        rest: Duration,
        inside: Option<&Handle>,
    ) -> Option<Self> {
        let Self {
            stream,
            peer,
            pulse,
            ahead,
        } = self;
        let guest = Arc::new(Guest {
            door: manners.door.clone(),
            peer,
            pulse: Arc::clone(&pulse),
            last: manners.last.clone(),
            inside: inside.cloned(),
        });
        let service = service_fn(move |request| {
            guest.pulse.asked();
            let guest = Arc::clone(&guest);
            async move { guest.answer(request).await }
        });
        let watched = Watched {
            stream,
            pulse: Arc::clone(&pulse),
            ahead,
        };
        let mut connection = http1::Builder::new()
            .header_read_timeout(None)
            .max_buf_size(MAX_HEAD_BYTES)
            .keep_alive(true)
            .serve_connection(TokioIo::new(watched), service);
        let served = async {
            tokio::select! {
                biased;
                result = &mut connection => return result,
                () = manners.last.cancelled() => {}
            }
            if let Ok(result) = tokio::time::timeout(LINGER, &mut connection).await {
                return result;
            }
            std::pin::Pin::new(&mut connection).graceful_shutdown();
            (&mut connection).await
        };
        tokio::select! {
            biased;
            result = served => {
                if let Err(error) = result {
                    tracing::debug!("a connection ended: {error}");
                }
                return None;
            }
            () = pulse.is_over(&manners.limits) => {
                tracing::debug!("a connection was too slow");
                return None;
            }
            // Not any more once the server stops: then it ends here.
            () = pulse.rests(rest), if !manners.last.is_cancelled() => {}
        }
        let parts = connection.into_parts();
        Some(Self {
            stream: parts.io.into_inner().stream,
            peer,
            pulse,
            ahead: parts.read_buf,
        })
    }
}

/// Who sends the requests of one connection, and what answering them needs: one handle for each request.
struct Guest {
    door: Door,
    peer: IpAddr,
    pulse: Arc<Pulse>,
    last: CancellationToken,
    inside: Option<Handle>,
}

impl Guest {
    async fn answer(
        self: Arc<Self>,
        request: http::Request<hyper::body::Incoming>,
    ) -> io::Result<http::Response<Told>> {
        let request = request.map(Body::new);
        let inside = self
            .inside
            .as_ref()
            .filter(|_| request.uri().path() != HEALTH);
        let mut answer = match inside {
            _ if !names_its_host(&request) => self.door.refuse_unaddressed(),
            None => self.door.answer_peer(Some(self.peer), request).await,
            Some(inside) => {
                let (door, peer) = (self.door.clone(), Some(self.peer));
                let answer = inside.spawn(async move { door.answer_peer(peer, request).await });
                // The door answers panics too: without an answer the server ends.
                answer.await.map_err(io::Error::other)?
            }
        };
        if self.last.is_cancelled() {
            let close = http::HeaderValue::from_static("close");
            answer.headers_mut().insert(http::header::CONNECTION, close);
        }
        Ok(answer.map(|body| self.pulse.tells(body)))
    }
}

/// Whether a request says once for which host it is, as it must (RFC 9112 section 3.2): where it says so twice, whoever stands before
/// this server may have believed the other one.
fn names_its_host<B>(request: &http::Request<B>) -> bool {
    let mut hosts = request.headers().get_all(http::header::HOST).iter();
    match (hosts.next(), hosts.next()) {
        (Some(_), None) => true,
        (None, _) => request.version() < http::Version::HTTP_11,
        (Some(_), Some(_)) => false,
    }
}
