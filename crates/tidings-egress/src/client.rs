//! The client: from a URL to a judged address, over a kept or a new connection, to an answer, within one deadline.

use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Buf;
use parking_lot::RwLock;
use rustls_pki_types::ServerName;
use tidings_domain::Headers;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use url::Url;

use crate::conn::{Conn, Written, dial};
use crate::outcome::{self, Fail, Phase};
use crate::policy::{self, Allow, NameVerdict, Policy, REFUSED, Reason, Verdict};
use crate::pool::{Key, Pool};
use crate::resolver::{self, LookupFault, Resolver};
use crate::target::{self, Target, UrlFault};
use crate::tls::{Setting, Tlses};
use crate::wire::{self, Body, HeadEnd, MAX_HEAD, MAX_INTERIM, Progress};
use crate::{Answer, Outcome, Report, Request, Transport};

/// Connecting and the TLS handshake together take at most this.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);
/// No try takes longer, whatever is asked for.
const MAX_DEADLINE: Duration = Duration::from_mins(10);
/// When an address does not answer, the next one is tried beside it after this time.
const STAGGER: Duration = Duration::from_millis(250);
/// Addresses of a name that are tried.
const MAX_TRIED: usize = 6;
/// Heads larger than this are ordinary nowhere; only so many of them grow at the same time, so that receivers that all send as much
/// as they may cost bounded memory. The wait is part of their own deadline.
const LARGE_HEAD: usize = 8 * 1024;
const LARGE_HEADS: usize = 256;
/// Bodies up to this size are written in one piece with their heads: copying them costs less than telling the kernel of two pieces.
const SMALL_BODY: usize = 4 * 1024;
/// The look-up when a webhook is saved.
const SAVE_LIMIT: Duration = Duration::from_secs(2);

/// What the client is told by the configuration.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// `egress.allow`.
    pub allow: Vec<Allow>,
    /// `egress.resolver`: a name server to ask instead of the system's.
    pub resolver: Option<SocketAddr>,
    /// Additional certificate authorities of the whole server, PEM.
    pub ca_pem: Option<String>,
    /// Addresses under which this server is reached from outside; its interfaces' own are known without.
    pub own: Vec<IpAddr>,
}

/// The settings cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("egress: {0}")]
pub struct SetupError(String);

/// What is known about a URL when a webhook is saved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Saved {
    /// It may be connected to.
    Ok {
        /// Canonical form.
        url: Url,
        /// Plain http: what is sent can be read on the way.
        insecure: bool,
    },
    /// Its name could not be looked up now; it will be judged when it is connected to.
    Unresolved {
        /// Canonical form.
        url: Url,
        /// Plain http.
        insecure: bool,
    },
    /// The policy refuses it; the words for the person who asked are [`REFUSED`].
    Forbidden,
    /// It is no URL that a webhook can have.
    Invalid(UrlFault),
}

/// Figures for `/metrics` and tests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Connections opened since the start.
    pub opened: u64,
    /// Requests that went out on a kept connection.
    pub reused: u64,
    /// Connections kept now.
    pub idle: usize,
    /// Requests that the policy refused.
    pub blocked: u64,
}

/// The guarded HTTP client. Cheap to clone; clones share everything.
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

struct Inner {
    policy: RwLock<Arc<Policy>>,
    resolver: Resolver,
    tls: Tlses,
    pool: Arc<Pool>,
    large_heads: Semaphore,
    opened: AtomicU64,
    reused: AtomicU64,
    blocked: AtomicU64,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client")
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}

/// What is known of a try when its deadline strikes.
#[derive(Default)]
struct Known {
    phase: Phase,
    reused: bool,
    stale: bool,
    remote: Option<SocketAddr>,
    dns: Option<Duration>,
    connect: Option<Duration>,
    tls: Option<Duration>,
    first_byte: Option<Duration>,
    head: Option<(u16, Headers)>,
    body: Option<Body>,
}

/// Why a try on a connection ended without an answer.
enum Broken {
    /// Not one byte was taken: it can be sent again silently.
    NeverWritten(Fail),
    Failed(Fail),
}

#[async_trait]
impl Transport for Client {
    async fn send(&self, request: &Request) -> Report {
        let started = Instant::now();
        let mut known = Known::default();
        let deadline = tokio::time::Instant::from_std(started + request.deadline.min(MAX_DEADLINE));
        let ended =
            match tokio::time::timeout_at(deadline, self.inner.run(request, &mut known)).await {
                Ok(ended) => ended,
                // A final head that is complete stands, whatever its body does.
                Err(_) if known.head.is_some() => Ok(()),
                Err(_) => Err(outcome::of_deadline(known.phase)),
            };
        known.report(ended, started.elapsed())
    }
}

impl Known {
    fn report(self, ended: Result<(), Fail>, took: Duration) -> Report {
        let answer = self.head.map(|(status, headers)| {
            let (body, truncated) = self.body.map(Body::finish).unwrap_or_default();
            Answer {
                status,
                headers,
                body,
                truncated,
            }
        });
        let ended = ended.and_then(|()| match &answer {
            Some(answer) => outcome::of_status(answer.status, answer.header("location")),
            None => Err(outcome::of_deadline(self.phase)),
        });
        let (outcome, error) = match ended {
            Ok(()) => (Outcome::Accepted, None),
            Err(fail) => (fail.outcome, Some(fail.failure)),
        };
        Report {
            outcome,
            answer,
            error,
            reused: self.reused,
            stale: self.stale,
            remote: self.remote,
            took,
            dns: self.dns,
            connect: self.connect,
            tls: self.tls,
            first_byte: self.first_byte,
        }
    }
}

impl Client {
    /// Reads the system's certificate authorities and resolver configuration; opens nothing.
    pub fn new(settings: Settings) -> Result<Self, SetupError> {
        let Settings {
            allow,
            resolver,
            ca_pem,
            own,
        } = settings;
        let tls = Tlses::new(ca_pem.as_deref()).map_err(SetupError)?;
        let inner = Inner {
            policy: RwLock::new(Arc::new(Policy::new(allow, own))),
            resolver: resolver.map_or_else(Resolver::system, Resolver::server),
            tls,
            pool: Arc::default(),
            large_heads: Semaphore::new(LARGE_HEADS),
            opened: AtomicU64::new(0),
            reused: AtomicU64::new(0),
            blocked: AtomicU64::new(0),
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// The policy in force.
    pub fn policy(&self) -> Arc<Policy> {
        self.inner.policy()
    }

    /// Puts another policy in force; connections that were judged by the old one are not used again.
    pub fn set_policy(&self, policy: Policy) {
        *self.inner.policy.write() = Arc::new(policy);
        self.inner.pool.clear();
    }

    /// Figures.
    pub fn stats(&self) -> Stats {
        let inner = &self.inner;
        Stats {
            opened: inner.opened.load(Ordering::Relaxed),
            reused: inner.reused.load(Ordering::Relaxed),
            idle: inner.pool.len(),
            blocked: inner.blocked.load(Ordering::Relaxed),
        }
    }

    /// Judges a URL that a webhook is to be saved with: what the URL shows at once, then one look-up of at most 2 s.
    pub async fn check_url(&self, input: &str) -> Saved {
        let url = match target::parse(input) {
            Ok(url) => url,
            Err(fault) => return Saved::Invalid(fault),
        };
        let target = match Target::of(&url) {
            Ok(target) => target,
            Err(fault) => return Saved::Invalid(fault),
        };
        let policy = self.inner.policy();
        let insecure = !target.https;
        match self.inner.addresses(&policy, target, SAVE_LIMIT).await {
            Ok(_) => Saved::Ok { url, insecure },
            Err(NoAddress::Refused(_)) => Saved::Forbidden,
            // Nothing shows that a local name leads to where the operator allows.
            Err(NoAddress::Lookup(_))
                if policy.judge_name(target.host, target.port) == NameVerdict::Local =>
            {
                Saved::Forbidden
            }
            Err(NoAddress::Lookup(_)) => Saved::Unresolved { url, insecure },
        }
    }
}

/// Why there is no address to connect to.
enum NoAddress {
    Refused(Reason),
    Lookup(LookupFault),
}

impl Inner {
    fn policy(&self) -> Arc<Policy> {
        Arc::clone(&self.policy.read())
    }

    /// All addresses of a target, every one of them judged: one that is forbidden refuses all.
    async fn addresses(
        &self,
        policy: &Policy,
        target: Target<'_>,
        limit: Duration,
    ) -> Result<Vec<IpAddr>, NoAddress> {
        let Target { host, port, .. } = target;
        if let Some(ip) = target.literal {
            return judge(policy, host, ip, port, false).map(|()| vec![ip.to_canonical()]);
        }
        let name = policy.judge_name(host, port);
        if policy::is_localhost(host) {
            // RFC 6761: never asked of a name server.
            let loopback = [
                IpAddr::V4(Ipv4Addr::LOCALHOST),
                IpAddr::V6(Ipv6Addr::LOCALHOST),
            ];
            let allowed: Vec<_> = loopback
                .into_iter()
                .filter(|ip| policy.judge(host, *ip, port) == Verdict::Listed)
                .collect();
            return if allowed.is_empty() {
                Err(NoAddress::Refused(Reason::LocalName))
            } else {
                Ok(allowed)
            };
        }
        if name == NameVerdict::Refused {
            return Err(NoAddress::Refused(Reason::LocalName));
        }
        let found = self
            .resolver
            .lookup(host, limit)
            .await
            .map_err(NoAddress::Lookup)?;
        for ip in &found {
            judge(policy, host, *ip, port, name == NameVerdict::Local)?;
        }
        Ok(found.into_iter().map(|ip| ip.to_canonical()).collect())
    }

    async fn run(&self, request: &Request, known: &mut Known) -> Result<(), Fail> {
        let target = Target::of(&request.url)
            .map_err(|fault| Fail::new(Outcome::Unsendable, fault.code, fault.detail))?;
        let setting = if target.https {
            let made = self.tls.setting(&request.tls);
            Some(made.map_err(|why| Fail::new(Outcome::Unsendable, "tls_settings", why))?)
        } else {
            None
        };
        let policy = self.policy();
        let tls = setting.as_ref().map_or(0, |setting| setting.id);
        let key = self
            .pool
            .key(target.host, target.port, tls, policy.version());
        if !request.fresh {
            while let Some(conn) = self.pool.take(&key) {
                known.reused = true;
                known.remote = Some(conn.peer());
                self.reused.fetch_add(1, Ordering::Relaxed);
                match exchange(conn, request, known, &self.large_heads).await {
                    Ok(conn) => {
                        self.keep(key, conn);
                        return Ok(());
                    }
                    Err(Broken::NeverWritten(_)) => {}
                    Err(Broken::Failed(fail)) => return Err(fail),
                }
            }
            known.reused = false;
            known.stale = false;
            known.remote = None;
        }
        let conn = self.connect(&policy, target, setting, known).await?;
        match exchange(conn, request, known, &self.large_heads).await {
            Ok(conn) => {
                self.keep(key, conn);
                Ok(())
            }
            Err(Broken::NeverWritten(fail) | Broken::Failed(fail)) => Err(fail),
        }
    }

    fn keep(&self, key: Key, conn: Option<Conn>) {
        if let Some(conn) = conn {
            self.pool.keep(key, conn);
        }
    }

    /// Opens a connection: look-up, judgement, connect, TLS.
    async fn connect(
        &self,
        policy: &Policy,
        target: Target<'_>,
        setting: Option<Setting>,
        known: &mut Known,
    ) -> Result<Conn, Fail> {
        known.phase = Phase::Resolve;
        let started = Instant::now();
        let addresses = self
            .addresses(policy, target, resolver::LIMIT)
            .await
            .map_err(|why| match why {
                NoAddress::Refused(reason) => {
                    self.blocked.fetch_add(1, Ordering::Relaxed);
                    tracing::debug!(host = target.host, %reason, "address refused");
                    Fail::new(Outcome::Blocked, "blocked", REFUSED)
                }
                NoAddress::Lookup(fault) => outcome::of_lookup(target.host, fault),
            })?;
        if target.literal.is_none() {
            known.dns = Some(started.elapsed());
        }
        known.phase = Phase::Connect;
        let limit = tokio::time::Instant::now() + CONNECT_LIMIT;
        let started = Instant::now();
        let dialled = tokio::time::timeout_at(limit, dial_any(&addresses, target.port)).await;
        let tcp = match dialled {
            Err(_) => return Err(outcome::of_deadline(Phase::Connect)),
            Ok(Err(error)) => {
                let fail = outcome::of_connect(&error);
                if fail.failure.code == "no_descriptors" {
                    self.pool.clear();
                }
                return Err(fail);
            }
            Ok(Ok(tcp)) => tcp,
        };
        self.opened.fetch_add(1, Ordering::Relaxed);
        known.connect = Some(started.elapsed());
        let peer = tcp
            .peer_addr()
            .map_err(|error| outcome::of_connect(&error))?;
        known.remote = Some(peer);
        let Some(setting) = setting else {
            return Ok(Conn::plain(tcp, peer));
        };
        known.phase = Phase::Tls;
        let started = Instant::now();
        let name = match target.literal {
            Some(ip) => ServerName::from(ip),
            None => ServerName::try_from(policy::bare(target.host).to_owned()).map_err(|_| {
                Fail::new(
                    Outcome::Unsendable,
                    "url_host",
                    "the URL's host name cannot be used with TLS",
                )
            })?,
        };
        match tokio::time::timeout_at(limit, Conn::tls(tcp, peer, setting.config, name)).await {
            Err(_) => Err(outcome::of_deadline(Phase::Tls)),
            Ok(Err(error)) => Err(outcome::of_tls(&error)),
            Ok(Ok(conn)) => {
                known.tls = Some(started.elapsed());
                Ok(conn)
            }
        }
    }
}

/// Judges one address. Of a local name, only a listed one will do.
fn judge(
    policy: &Policy,
    host: &str,
    ip: IpAddr,
    port: u16,
    only_listed: bool,
) -> Result<(), NoAddress> {
    match policy.judge(host, ip, port) {
        Verdict::Refused(reason) => Err(NoAddress::Refused(reason)),
        Verdict::Public if only_listed => Err(NoAddress::Refused(Reason::LocalName)),
        Verdict::Public if policy::is_own(ip.to_canonical()) => {
            Err(NoAddress::Refused(Reason::Own))
        }
        Verdict::Listed | Verdict::Public => Ok(()),
    }
}

/// Dials the addresses one after the other; one that is slow gets company.
async fn dial_any(addresses: &[IpAddr], port: u16) -> io::Result<TcpStream> {
    if let [only] = addresses {
        return dial(SocketAddr::new(*only, port)).await;
    }
    let mut waiting = interleaved(addresses).into_iter();
    let mut running: Vec<Pin<Box<dyn Future<Output = io::Result<TcpStream>> + Send>>> = Vec::new();
    let mut worst: Option<io::Error> = None;
    loop {
        if let Some(ip) = waiting.next() {
            running.push(Box::pin(dial(SocketAddr::new(ip, port))));
        } else if running.is_empty() {
            return Err(worst.unwrap_or_else(|| io::ErrorKind::HostUnreachable.into()));
        }
        let any = poll_fn(|cx| {
            for at in 0..running.len() {
                if let Some(Poll::Ready(result)) = running
                    .get_mut(at)
                    .map(|dialling| dialling.as_mut().poll(cx))
                {
                    drop(running.remove(at));
                    return Poll::Ready(result);
                }
            }
            Poll::Pending
        });
        let result = if waiting.len() > 0 {
            match tokio::time::timeout(STAGGER, any).await {
                Ok(result) => result,
                Err(_) => continue,
            }
        } else {
            any.await
        };
        match result {
            Ok(stream) => return Ok(stream),
            // The receiver's own word is worth more than a missing route.
            Err(error)
                if worst.as_ref().is_none_or(|worst| {
                    outcome::of_connect(worst).outcome == Outcome::Unsendable
                }) =>
            {
                worst = Some(error);
            }
            Err(_) => {}
        }
    }
}

/// Families in turn, so that one that does not work costs one step.
fn interleaved(addresses: &[IpAddr]) -> Vec<IpAddr> {
    let (mut six, mut four) = (
        addresses.iter().filter(|ip| ip.is_ipv6()),
        addresses.iter().filter(|ip| ip.is_ipv4()),
    );
    let mut order = Vec::with_capacity(MAX_TRIED);
    loop {
        let pair = [six.next(), four.next()];
        if pair == [None, None] || order.len() >= MAX_TRIED {
            order.truncate(MAX_TRIED);
            return order;
        }
        order.extend(pair.into_iter().flatten());
    }
}

/// Sends the request on a connection and reads the answer. Gives the connection back if it can be used again.
async fn exchange(
    mut conn: Conn,
    request: &Request,
    known: &mut Known,
    large_heads: &Semaphore,
) -> Result<Option<Conn>, Broken> {
    known.phase = Phase::Write;
    wire::write_head(
        &mut conn.outbox,
        &request.url,
        &request.headers,
        request.body.len(),
    )
    .map_err(|name| {
        Broken::Failed(Fail::new(
            Outcome::Unsendable,
            "bad_header",
            format!("the header {name:?} cannot be sent"),
        ))
    })?;
    let mut body: &[u8] = &request.body;
    if body.len() <= SMALL_BODY {
        conn.outbox.extend_from_slice(body);
        body = &[];
    }
    let written = conn.write(body).await;
    let asked = Instant::now();
    known.phase = Phase::Answer;
    let mut whole = false;
    let broken = match written {
        Written::All => {
            whole = true;
            None
        }
        Written::Early => {
            known.first_byte = Some(Duration::ZERO);
            None
        }
        Written::Broken { error, nothing } => Some((error, nothing)),
    };
    match read_head(&mut conn, asked, known, large_heads).await {
        Ok(head) => {
            known.phase = Phase::Body;
            let keep = head.keep && whole;
            let body = known.body.insert(Body::new(head.framing));
            known.head = Some((head.status, head.headers));
            let ended = read_body(&mut conn, body).await;
            if !(keep && ended && conn.inbox.is_empty()) {
                return Ok(None);
            }
            conn.rest(head.idle_seconds);
            Ok(Some(conn))
        }
        Err(HeadEnded::Fault(fail)) => Err(Broken::Failed(fail)),
        Err(HeadEnded::Broke(error)) => {
            let begun = known.first_byte.is_some();
            let (error, nothing) = broken.unwrap_or((error, false));
            let fail = outcome::of_break(&error, begun);
            if nothing && !begun {
                return Err(Broken::NeverWritten(fail));
            }
            known.stale = known.reused
                && !begun
                && fail.outcome == Outcome::Unreachable
                && fail.failure.code.starts_with("answer_");
            Err(Broken::Failed(fail))
        }
    }
}

enum HeadEnded {
    Broke(io::Error),
    Fault(Fail),
}

/// Reads heads until a final one.
async fn read_head(
    conn: &mut Conn,
    asked: Instant,
    known: &mut Known,
    large_heads: &Semaphore,
) -> Result<wire::Head, HeadEnded> {
    let mut seat = None;
    let mut end = HeadEnd::default();
    let mut before = 0;
    let mut interim = 0;
    loop {
        if let Some(length) = end.find(&conn.inbox) {
            before += length;
            if before > MAX_HEAD {
                return Err(HeadEnded::Fault(outcome::head_too_large()));
            }
            let head = conn
                .inbox
                .get(..length)
                .map_or(Err(wire::HeadFault::Invalid), wire::read_head);
            let head = head.map_err(|fault| HeadEnded::Fault(outcome::of_head(fault)))?;
            conn.inbox.advance(length);
            if !matches!(head.status, 100 | 102..=199) {
                return Ok(head);
            }
            interim += 1;
            if interim > MAX_INTERIM {
                return Err(HeadEnded::Fault(outcome::too_many_interim()));
            }
            end = HeadEnd::default();
            continue;
        }
        if before + conn.inbox.len() >= MAX_HEAD {
            return Err(HeadEnded::Fault(outcome::head_too_large()));
        }
        if conn.inbox.len() > LARGE_HEAD && seat.is_none() {
            seat = large_heads.acquire().await.ok();
        }
        match conn.read().await {
            Ok(0) => return Err(HeadEnded::Broke(io::ErrorKind::UnexpectedEof.into())),
            Ok(_) => {
                known.phase = Phase::Head;
                known.first_byte.get_or_insert_with(|| asked.elapsed());
            }
            Err(error) => return Err(HeadEnded::Broke(error)),
        }
    }
}

/// Reads a body as far as it is wanted; whether the connection stands at its end.
async fn read_body(conn: &mut Conn, body: &mut Body) -> bool {
    loop {
        let (used, progress) = body.feed(&conn.inbox);
        conn.inbox.advance(used);
        match progress {
            Progress::Done => return true,
            Progress::Stop => return false,
            Progress::More => {}
        }
        match conn.read().await {
            Ok(0) => return false,
            Ok(_) => {}
            Err(_) => {
                body.cut_off();
                return false;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;

    use super::*;
    use crate::conn::tests::conn;

    /// However its pieces arrive: here all but the end was read just below the limit.
    #[tokio::test]
    async fn a_head_has_as_many_bytes_as_it_may_and_not_one_more() {
        for (more, is_taken) in [(0, true), (1, false)] {
            let (mut conn, mut other) = conn().await;
            let (first, last) = ("HTTP/1.1 200 OK\r\nA: ", "b\r\n\r\n");
            let padding = MAX_HEAD - first.len() - last.len() + more;
            conn.inbox.extend_from_slice(first.as_bytes());
            conn.inbox.extend_from_slice(" ".repeat(padding).as_bytes());
            other.write_all(last.as_bytes()).await.unwrap();
            let (mut known, heads) = (Known::default(), Semaphore::new(1));
            let read = read_head(&mut conn, Instant::now(), &mut known, &heads).await;
            assert_eq!(read.is_ok(), is_taken, "{more}");
        }
    }
}
