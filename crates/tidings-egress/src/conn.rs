//! One connection: opening it to a judged address, and one request and answer on it.

use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use bytes::{Buf, BytesMut};
use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::pool::{IDLE, MAX_AGE, MAX_IDLE};

/// Bounds what the kernel takes of an answer that is never read.
const RECEIVE_BUFFER: u32 = 64 * 1024;
const READ: usize = 8 * 1024;
/// Bytes of a buffer that are kept with a connection.
const MOST_KEPT: usize = 2 * READ;

#[derive(Debug)]
enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Stream {
    fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        (head, body): (&[u8], &[u8]),
    ) -> Poll<io::Result<usize>> {
        let slices = &[IoSlice::new(head), IoSlice::new(body)];
        match self {
            Stream::Plain(tcp) if body.is_empty() => Pin::new(tcp).poll_write(cx, head),
            Stream::Plain(tcp) => Pin::new(tcp).poll_write_vectored(cx, slices),
            Stream::Tls(tls) => Pin::new(tls.as_mut()).poll_write_vectored(cx, slices),
        }
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Stream::Plain(_) => Poll::Ready(Ok(())),
            Stream::Tls(tls) => Pin::new(tls.as_mut()).poll_flush(cx),
        }
    }

    fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self {
            Stream::Plain(tcp) => Pin::new(tcp).poll_read(cx, buf),
            Stream::Tls(tls) => Pin::new(tls.as_mut()).poll_read(cx, buf),
        }
    }
}

/// A connection and what was read from it and not yet used.
#[derive(Debug)]
pub(crate) struct Conn {
    stream: Stream,
    peer: SocketAddr,
    born: Instant,
    expires: Instant,
    scratch: Box<[u8]>,
    pub(crate) inbox: BytesMut,
    /// Kept for its memory only.
    pub(crate) outbox: BytesMut,
}

/// How writing a request ended.
#[derive(Debug)]
pub(crate) enum Written {
    /// All of it went out.
    All,
    /// The receiver answers before it has read everything.
    Early,
    /// It broke; what the receiver may have said before can still be read.
    Broken { error: io::Error, nothing: bool },
}

/// Connects to exactly this address.
pub(crate) async fn dial(addr: SocketAddr) -> io::Result<TcpStream> {
    let socket = if addr.is_ipv4() {
        TcpSocket::new_v4()
    } else {
        TcpSocket::new_v6()
    }?;
    socket.set_recv_buffer_size(RECEIVE_BUFFER)?;
    let stream = socket.connect(addr).await?;
    if stream.peer_addr()?.ip().to_canonical() != addr.ip().to_canonical() {
        return Err(io::Error::other(
            "connected to another address than the one that was judged",
        ));
    }
    stream.set_nodelay(true)?;
    Ok(stream)
}

impl Conn {
    pub(crate) fn plain(tcp: TcpStream, peer: SocketAddr) -> Self {
        Self::new(Stream::Plain(tcp), peer)
    }

    pub(crate) async fn tls(
        tcp: TcpStream,
        peer: SocketAddr,
        config: Arc<rustls::ClientConfig>,
        name: ServerName<'static>,
    ) -> io::Result<Self> {
        let stream = TlsConnector::from(config).connect(name, tcp).await?;
        Ok(Self::new(Stream::Tls(Box::new(stream)), peer))
    }

    fn new(stream: Stream, peer: SocketAddr) -> Self {
        let now = Instant::now();
        Self {
            stream,
            peer,
            born: now,
            expires: now,
            scratch: vec![0; READ].into(),
            inbox: BytesMut::new(),
            outbox: BytesMut::new(),
        }
    }

    pub(crate) const fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// Sets until when the connection may wait for its next request.
    pub(crate) fn rest(&mut self, idle_seconds: Option<u64>) {
        // A second less than promised, so that the receiver's close does not cross our next request.
        let idle = idle_seconds.map_or(IDLE, |seconds| {
            Duration::from_secs(seconds.saturating_sub(1)).min(MAX_IDLE)
        });
        self.expires = (Instant::now() + idle).min(self.born + MAX_AGE);
        // What was large must not cost memory for as long as the connection is kept. Used bytes lie before what a buffer calls its
        // capacity.
        for buffer in [&mut self.inbox, &mut self.outbox] {
            buffer.clear();
            if buffer.try_reclaim(MOST_KEPT + 1) {
                *buffer = BytesMut::new();
            }
        }
    }

    pub(crate) fn in_time(&self, now: Instant) -> bool {
        now < self.expires
    }

    /// Whether a kept connection can be used: in time, still open, and nothing was said unasked.
    pub(crate) fn usable(&mut self, now: Instant) -> bool {
        if !self.in_time(now) {
            return false;
        }
        // The socket itself is asked only when something was heard of it since the last answer.
        match &mut self.stream {
            Stream::Plain(tcp) => {
                let tcp = &*tcp;
                let peek = tcp.try_io(Interest::READABLE, || {
                    socket2::SockRef::from(tcp).peek(&mut [MaybeUninit::uninit()])
                });
                matches!(peek, Err(error) if error.kind() == io::ErrorKind::WouldBlock)
            }
            // TLS has things to say between answers (session tickets), and may have read more than the last answer: only data or the
            // end makes it unusable.
            Stream::Tls(tls) => {
                let mut byte = [0];
                let mut buf = ReadBuf::new(&mut byte);
                let mut nobody = Context::from_waker(Waker::noop());
                let polled = Pin::new(tls.as_mut()).poll_read(&mut nobody, &mut buf);
                polled.is_pending()
            }
        }
    }

    /// Writes what is in the outbox (the head, and a body if it is small), then `body`; stops when the receiver speaks before the end.
    pub(crate) async fn write(&mut self, body: &[u8]) -> Written {
        let Self {
            stream,
            outbox,
            inbox,
            scratch,
            ..
        } = self;
        let mut head: &[u8] = outbox;
        let mut body = body;
        let total = head.len() + body.len();
        poll_fn(|cx| {
            loop {
                let left = head.len() + body.len();
                let polled = if left > 0 {
                    stream
                        .poll_write(cx, (head, body))
                        .map(|result| match result {
                            Ok(0) => Err(io::ErrorKind::WriteZero.into()),
                            Ok(n) => {
                                let of_head = n.min(head.len());
                                head.advance(of_head);
                                body.advance(n - of_head);
                                Ok(())
                            }
                            Err(error) => Err(error),
                        })
                } else {
                    match stream.poll_flush(cx) {
                        Poll::Ready(Ok(())) => return Poll::Ready(Written::All),
                        other => other,
                    }
                };
                match polled {
                    Poll::Ready(Ok(())) => {}
                    Poll::Ready(Err(error)) => {
                        let nothing = left == total && matches!(stream, Stream::Plain(_));
                        return Poll::Ready(Written::Broken { error, nothing });
                    }
                    Poll::Pending => {
                        let mut buf = ReadBuf::new(scratch);
                        return match stream.poll_read(cx, &mut buf) {
                            Poll::Ready(Ok(())) if !buf.filled().is_empty() => {
                                inbox.extend_from_slice(buf.filled());
                                Poll::Ready(Written::Early)
                            }
                            Poll::Ready(Ok(())) => Poll::Ready(Written::Broken {
                                error: io::ErrorKind::UnexpectedEof.into(),
                                nothing: false,
                            }),
                            Poll::Ready(Err(error)) => Poll::Ready(Written::Broken {
                                error,
                                nothing: false,
                            }),
                            Poll::Pending => Poll::Pending,
                        };
                    }
                }
            }
        })
        .await
    }

    /// Reads more into the inbox; 0 is the end.
    pub(crate) async fn read(&mut self) -> io::Result<usize> {
        let Self {
            stream,
            inbox,
            scratch,
            ..
        } = self;
        let mut buf = ReadBuf::new(scratch);
        poll_fn(|cx| stream.poll_read(cx, &mut buf)).await?;
        inbox.extend_from_slice(buf.filled());
        Ok(buf.filled().len())
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A connection of its own, and the other end.
    pub(crate) async fn conn() -> (Conn, TcpStream) {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let (tcp, other) = tokio::join!(dial(addr), listener.accept());
        (Conn::plain(tcp.unwrap(), addr), other.unwrap().0)
    }

    #[tokio::test]
    async fn a_kept_connection_gives_back_what_was_large() {
        let (mut conn, _other) = conn().await;
        for (reads, request) in [(1, 2_000), (8, 2_000), (1, 60_000)] {
            for _ in 0..reads {
                conn.inbox.extend_from_slice(&[b'x'; READ]);
            }
            conn.inbox.advance(reads * READ);
            conn.outbox.extend_from_slice(&vec![b'x'; request]);
            conn.rest(None);
            for buffer in [&mut conn.inbox, &mut conn.outbox] {
                assert!(buffer.is_empty());
                let is_large = buffer.try_reclaim(MOST_KEPT + 1);
                assert!(!is_large, "after {reads} reads and {request} bytes");
            }
        }
        assert!(conn.inbox.try_reclaim(READ), "what is usual is kept");
    }
}
