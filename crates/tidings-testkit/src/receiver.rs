//! A receiver that behaves as it is told: well, badly, or in a way that no one has asked for.
//!
//! It speaks raw TCP (or TLS), so that it can break every rule, and it records every request byte for byte, so that tests can
//! look at the case of a header name. Each connection runs the [`Behavior`] that is set when a request arrives on it.
//!
//! ```no_run
//! # async fn example() {
//! use std::time::Duration;
//! use tidings_testkit::receiver::{Behavior, Receiver};
//!
//! let receiver = Receiver::start(Behavior::status(503).header("Retry-After", "2")).await;
//! // ... have something sent to receiver.url("/hook") ...
//! let requests = receiver.requests(1, Duration::from_secs(5)).await;
//! assert_eq!(requests[0].header("x-squish-action").as_deref(), Some("submit"));
//! # }
//! ```

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinHandle;

use crate::recorder::Recorder;
use crate::tls::ServerTls;

/// One request as it came over the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// Request line and headers, exactly, blank line included.
    pub head: Bytes,
    /// The body.
    pub body: Bytes,
    /// Which connection of the receiver it came on, from 1.
    pub connection: u64,
}

impl Received {
    /// The request line's method, path and version.
    pub fn line(&self) -> String {
        self.text().lines().next().unwrap_or_default().to_owned()
    }

    /// The path with its query.
    pub fn path(&self) -> String {
        self.line().split(' ').nth(1).unwrap_or_default().to_owned()
    }

    /// Headers in their order and case.
    pub fn headers(&self) -> Vec<(String, String)> {
        let pair = |line: &str| {
            line.split_once(": ")
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
        };
        self.text().lines().skip(1).filter_map(pair).collect()
    }

    /// The first value of a header, whatever its case.
    pub fn header(&self, name: &str) -> Option<String> {
        self.headers()
            .into_iter()
            .find(|(other, _)| other.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.head).into_owned()
    }

    /// The body as JSON; `null` if it is none.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

/// An ordinary answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// Status.
    pub status: u16,
    /// Headers besides `Content-Length`.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: Bytes,
}

/// What a receiver does with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Behavior {
    /// Answers and keeps the connection.
    Reply(Reply),
    /// Answers after this time.
    After(Duration, Reply),
    /// Answers, says that it keeps the connection, and closes it.
    ReplyThenClose(Reply),
    /// Answers, then resets the connection.
    ReplyThenReset(Reply),
    /// Closes the connection when the *second* request comes on it, unanswered.
    CloseOnSecond(Reply),
    /// Reads the request and never answers.
    NeverAnswer,
    /// Accepts and never reads a byte.
    NeverRead,
    /// Sends these bytes one by one at this pace, then closes.
    Drip(Bytes, Duration),
    /// Sends `first`, then `rest` over and over until the other side goes.
    Endless {
        /// Once.
        first: Bytes,
        /// Again and again.
        rest: Bytes,
    },
    /// Sends exactly these bytes and closes.
    Raw(Bytes),
    /// Sends exactly these bytes and stays open.
    RawThenStay(Bytes),
    /// Sends these bytes before it reads anything, and then closes.
    SpeakFirst(Bytes),
    /// Sends these bytes after the head of the request and resets without reading its body.
    EarlyThenReset(Bytes),
    /// Resets the connection as soon as it is accepted.
    ResetOnAccept,
    /// Reads the request and resets.
    ResetAfterRequest,
    /// Sends these bytes, then resets.
    ResetAfter(Bytes),
    /// Closes the connection without an answer.
    CloseAfterRequest,
    /// The first request gets the first of these, and so on; the last one stays.
    Script(Vec<Behavior>),
}

impl Behavior {
    /// 200 with a short body.
    pub fn ok() -> Self {
        Self::status(200)
    }

    /// This status with a short body.
    pub fn status(status: u16) -> Self {
        Self::Reply(Reply::new(status))
    }

    /// 410.
    pub fn gone() -> Self {
        Self::status(410)
    }

    /// A redirect to this place.
    pub fn redirect(status: u16, to: &str) -> Self {
        Self::status(status).header("Location", to)
    }

    /// Fails with `status` and accepts each `n`-th request only.
    pub fn flaky(n: usize, status: u16) -> Self {
        let mut script = vec![Self::status(status); n.saturating_sub(1) + n * 50];
        for (at, slot) in script.iter_mut().enumerate() {
            if (at + 1) % n.max(1) == 0 {
                *slot = Self::ok();
            }
        }
        Self::Script(script)
    }

    /// One byte of a good answer at a time.
    pub fn drip_head(pace: Duration) -> Self {
        Self::Drip(
            Bytes::from_static(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
            pace,
        )
    }

    /// A good head, then a body that never ends.
    pub fn endless_body() -> Self {
        Self::Endless {
            first: Bytes::from_static(b"HTTP/1.1 200 OK\r\n\r\n"),
            rest: vec![b'x'; 4096].into(),
        }
    }

    /// Chunks without end.
    pub fn endless_chunks() -> Self {
        let mut chunk = b"400\r\n".to_vec();
        chunk.resize(5 + 0x400, b'x');
        chunk.extend_from_slice(b"\r\n");
        Self::Endless {
            first: Bytes::from_static(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
            rest: chunk.into(),
        }
    }

    /// A head that never ends.
    pub fn endless_head() -> Self {
        Self::Endless {
            first: Bytes::from_static(b"HTTP/1.1 200 OK\r\n"),
            rest: Bytes::from_static(b"X-Filler: 0123456789012345678901234567890123456789\r\n"),
        }
    }

    /// A status line that never ends.
    pub fn endless_status_line() -> Self {
        Self::Endless {
            first: Bytes::from_static(b"HTTP/1.1 200 "),
            rest: vec![b'O'; 1024].into(),
        }
    }

    /// Interim answers without end.
    pub fn endless_interim(status: u16) -> Self {
        Self::Endless {
            first: Bytes::new(),
            rest: format!("HTTP/1.1 {status} Wait\r\n\r\n").into(),
        }
    }

    /// Adds a header to an ordinary answer.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        if let Self::Reply(reply)
        | Self::After(_, reply)
        | Self::ReplyThenClose(reply)
        | Self::ReplyThenReset(reply) = &mut self
        {
            reply.headers.push((name.to_owned(), value.to_owned()));
        }
        self
    }

    /// Gives an ordinary answer this body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        if let Self::Reply(reply)
        | Self::After(_, reply)
        | Self::ReplyThenClose(reply)
        | Self::ReplyThenReset(reply) = &mut self
        {
            reply.body = body.into();
        }
        self
    }
}

impl Reply {
    /// An answer with this status and a short body.
    pub fn new(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Bytes::from_static(b"thanks"),
        }
    }

    fn bytes(&self) -> BytesMut {
        let mut head = format!("HTTP/1.1 {} Scripted\r\n", self.status);
        for (name, value) in &self.headers {
            head.push_str(name);
            head.push_str(": ");
            head.push_str(value);
            head.push_str("\r\n");
        }
        let body: &[u8] = if matches!(self.status, 204 | 304) {
            b""
        } else {
            &self.body
        };
        if !matches!(self.status, 204 | 304) {
            head.push_str("Content-Length: ");
            head.push_str(&body.len().to_string());
            head.push_str("\r\n");
        }
        head.push_str("\r\n");
        let mut bytes = BytesMut::from(head.as_bytes());
        bytes.extend_from_slice(body);
        bytes
    }
}

/// A running receiver; stops when it is dropped.
#[derive(Debug)]
pub struct Receiver {
    addr: SocketAddr,
    secure: bool,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    behavior: Mutex<Script>,
    received: Recorder<Received>,
    connections: AtomicU64,
    /// Bytes that the other side took.
    sent: AtomicU64,
    open: AtomicU64,
    /// TLS handshakes that took up an earlier session.
    resumed: AtomicU64,
    closed: Recorder<u64>,
}

#[derive(Debug)]
struct Script {
    coming: VecDeque<Behavior>,
    now: Behavior,
}

impl Script {
    fn new(behavior: Behavior) -> Self {
        match behavior {
            Behavior::Script(list) => {
                let now = list.last().cloned().unwrap_or_else(Behavior::ok);
                Self {
                    coming: list.into(),
                    now,
                }
            }
            now => Self {
                coming: VecDeque::new(),
                now,
            },
        }
    }

    fn next(&mut self) -> Behavior {
        self.coming.pop_front().unwrap_or_else(|| self.now.clone())
    }

    fn peek(&self) -> &Behavior {
        self.coming.front().unwrap_or(&self.now)
    }
}

impl Receiver {
    /// Listens on a free port of 127.0.0.1, without TLS.
    pub async fn start(behavior: Behavior) -> Self {
        Self::bind(listen(FREE), behavior, None).await
    }

    /// Listens at this address, with or without TLS.
    pub async fn start_at(at: SocketAddr, behavior: Behavior, tls: Option<ServerTls>) -> Self {
        Self::bind(listen(at), behavior, tls).await
    }

    /// The same with TLS.
    pub async fn start_tls(behavior: Behavior, tls: ServerTls) -> Self {
        Self::bind(listen(FREE), behavior, Some(tls)).await
    }

    #[expect(
        clippy::unused_async,
        reason = "it needs a runtime, and says so by being awaited"
    )]
    async fn bind(
        (listener, addr): (TcpListener, SocketAddr),
        behavior: Behavior,
        tls: Option<ServerTls>,
    ) -> Self {
        let shared = Arc::new(Shared {
            behavior: Mutex::new(Script::new(behavior)),
            received: Recorder::default(),
            connections: AtomicU64::new(0),
            sent: AtomicU64::new(0),
            open: AtomicU64::new(0),
            resumed: AtomicU64::new(0),
            closed: Recorder::default(),
        });
        let secure = tls.is_some();
        let task = tokio::spawn(accept(listener, Arc::clone(&shared), tls));
        Self {
            addr,
            secure,
            shared,
            task,
        }
    }

    /// Where it listens.
    pub const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// A URL of it, by address.
    pub fn url(&self, path: &str) -> String {
        self.url_at("127.0.0.1", path)
    }

    /// A URL of it under another name.
    pub fn url_at(&self, host: &str, path: &str) -> String {
        format!(
            "{}://{host}:{}{path}",
            if self.secure { "https" } else { "http" },
            self.addr.port()
        )
    }

    /// Behaves differently from the next request on.
    pub fn set(&self, behavior: Behavior) {
        *self.shared.behavior.lock() = Script::new(behavior);
    }

    /// All that was received, in order of arrival.
    pub fn received(&self) -> &Recorder<Received> {
        &self.shared.received
    }

    /// Waits until this many requests were received in all; panics when they do not come in time.
    pub async fn requests(&self, count: usize, within: Duration) -> Vec<Received> {
        self.shared.received.wait_for(count, within).await
    }

    /// Connections accepted so far.
    pub fn connections(&self) -> u64 {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// Connections whose TLS session was taken up from an earlier one.
    pub fn resumed(&self) -> u64 {
        self.shared.resumed.load(Ordering::SeqCst)
    }

    /// Connections open now.
    pub fn open(&self) -> u64 {
        self.shared.open.load(Ordering::SeqCst)
    }

    /// The numbers of the connections that have ended.
    pub fn closed(&self) -> &Recorder<u64> {
        &self.shared.closed
    }

    /// Bytes of answers that the kernel took for the other side.
    pub fn bytes_sent(&self) -> u64 {
        self.shared.sent.load(Ordering::SeqCst)
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What our own kernel keeps of an answer that the other side does not take; it would grow to megabytes by itself, and then
/// [`Receiver::bytes_sent`] would say little about the other side.
const SEND_BUFFER: u32 = 64 * 1024;

/// Any free port of the machine itself.
const FREE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

#[expect(clippy::expect_used, reason = "a test without a port cannot go on")]
fn listen(at: SocketAddr) -> (TcpListener, SocketAddr) {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket
        .set_send_buffer_size(SEND_BUFFER)
        .expect("a small buffer");
    socket
        .set_reuseaddr(true)
        .expect("a port that was used before");
    socket.bind(at).expect("the port");
    let listener = socket.listen(1024).expect("a listener");
    let addr = listener.local_addr().expect("its address");
    (listener, addr)
}

async fn accept(listener: TcpListener, shared: Arc<Shared>, tls: Option<ServerTls>) {
    let mut serving = tokio::task::JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        while serving.try_join_next().is_some() {}
        let number = shared.connections.fetch_add(1, Ordering::SeqCst) + 1;
        let (shared, tls) = (Arc::clone(&shared), tls.clone());
        serving.spawn(async move {
            shared.open.fetch_add(1, Ordering::SeqCst);
            serve(stream, &shared, tls, number).await;
            shared.open.fetch_sub(1, Ordering::SeqCst);
            shared.closed.record(number);
        });
    }
}

/// Ends a connection with a reset instead of a close.
fn reset(stream: &TcpStream) {
    let _ = stream.set_zero_linger();
}

async fn serve(stream: TcpStream, shared: &Shared, tls: Option<ServerTls>, number: u64) {
    let _ = stream.set_nodelay(true);
    if *shared.behavior.lock().peek() == Behavior::ResetOnAccept {
        shared.behavior.lock().next();
        reset(&stream);
        return;
    }
    match tls {
        None => {
            let mut stream = stream;
            if converse(&mut stream, shared, number).await == End::Reset {
                reset(&stream);
            }
        }
        Some(tls) => {
            let Ok(mut stream) = tls.accept(stream).await else {
                return;
            };
            if stream.get_ref().1.handshake_kind() == Some(rustls::HandshakeKind::Resumed) {
                shared.resumed.fetch_add(1, Ordering::SeqCst);
            }
            match converse(&mut stream, shared, number).await {
                End::Reset => reset(stream.get_ref().0),
                End::Close => {
                    let _ = stream.shutdown().await;
                }
            }
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum End {
    Close,
    Reset,
}

/// Requests and answers on one connection until it ends.
async fn converse<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    shared: &Shared,
    number: u64,
) -> End {
    let first = shared.behavior.lock().peek().clone();
    match first {
        Behavior::SpeakFirst(bytes) => {
            shared.behavior.lock().next();
            send(stream, shared, &bytes).await;
            return End::Close;
        }
        Behavior::NeverRead => {
            shared.behavior.lock().next();
            std::future::pending::<()>().await;
        }
        _ => {}
    }
    let mut buffer = BytesMut::new();
    let mut requests = 0;
    loop {
        let Some(head) = read_head(stream, &mut buffer).await else {
            return End::Close;
        };
        requests += 1;
        if requests == 2 && matches!(shared.behavior.lock().peek(), Behavior::CloseOnSecond(_)) {
            return End::Close;
        }
        let behavior = shared.behavior.lock().next();
        if let Behavior::EarlyThenReset(bytes) = &behavior {
            send(stream, shared, bytes).await;
            return End::Reset;
        }
        let Some(body) = read_body(stream, &mut buffer, &head).await else {
            return End::Close;
        };
        shared.received.record(Received {
            head,
            body,
            connection: number,
        });
        if let Some(end) = act(stream, shared, behavior).await {
            return end;
        }
    }
}

/// Does one thing; `None` keeps the connection.
async fn act<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    shared: &Shared,
    behavior: Behavior,
) -> Option<End> {
    match behavior {
        Behavior::Reply(reply) | Behavior::CloseOnSecond(reply) => {
            (!send(stream, shared, &reply.bytes()).await).then_some(End::Close)
        }
        Behavior::After(wait, reply) => {
            tokio::time::sleep(wait).await;
            (!send(stream, shared, &reply.bytes()).await).then_some(End::Close)
        }
        Behavior::ReplyThenClose(reply) => {
            send(stream, shared, &reply.bytes()).await;
            Some(End::Close)
        }
        Behavior::ReplyThenReset(reply) => {
            send(stream, shared, &reply.bytes()).await;
            Some(End::Reset)
        }
        Behavior::NeverAnswer | Behavior::NeverRead => {
            // Until the other side goes.
            let _ = stream.read(&mut [0; 64]).await;
            Some(End::Close)
        }
        Behavior::Drip(bytes, pace) => {
            for byte in bytes.chunks(1) {
                if !send(stream, shared, byte).await {
                    break;
                }
                tokio::time::sleep(pace).await;
            }
            Some(End::Close)
        }
        Behavior::Endless { first, rest } => {
            let mut going = send(stream, shared, &first).await;
            while going {
                going = send(stream, shared, &rest).await;
            }
            Some(End::Close)
        }
        Behavior::Raw(bytes) => {
            send(stream, shared, &bytes).await;
            Some(End::Close)
        }
        Behavior::RawThenStay(bytes) => {
            send(stream, shared, &bytes).await;
            let _ = stream.read(&mut [0; 64]).await;
            Some(End::Close)
        }
        Behavior::ResetAfter(bytes) => {
            send(stream, shared, &bytes).await;
            Some(End::Reset)
        }
        Behavior::ResetAfterRequest | Behavior::ResetOnAccept | Behavior::EarlyThenReset(_) => {
            Some(End::Reset)
        }
        Behavior::CloseAfterRequest | Behavior::SpeakFirst(_) | Behavior::Script(_) => {
            Some(End::Close)
        }
    }
}

/// Writes; false when the other side is gone.
async fn send<S: AsyncWrite + Unpin>(stream: &mut S, shared: &Shared, mut bytes: &[u8]) -> bool {
    while !bytes.is_empty() {
        match stream.write(bytes).await {
            Ok(n) if n > 0 => {
                shared.sent.fetch_add(n as u64, Ordering::SeqCst);
                bytes.advance(n);
            }
            _ => return false,
        }
    }
    stream.flush().await.is_ok()
}

async fn read_head<S: AsyncRead + Unpin>(stream: &mut S, buffer: &mut BytesMut) -> Option<Bytes> {
    loop {
        if let Some(end) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
            return Some(buffer.split_to(end + 4).freeze());
        }
        if stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    }
}

async fn read_body<S: AsyncRead + Unpin>(
    stream: &mut S,
    buffer: &mut BytesMut,
    head: &Bytes,
) -> Option<Bytes> {
    let text = String::from_utf8_lossy(head);
    let length = text
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .and_then(|(_, value)| value.trim().parse().ok())
        .unwrap_or(0);
    while buffer.len() < length {
        if stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    }
    Some(buffer.split_to(length).freeze())
}
