//! The guarded HTTP client: the only place that opens outgoing connections.
//!
//! One [`Request`] is one try: the name is resolved, every answer judged by the `policy`, exactly a judged address is connected
//! to, one deadline covers everything. Nothing is followed, nothing is retried (but a request that was certainly never written),
//! nothing is decompressed, nothing comes from the environment. The answer is a [`Report`]: what came back, or what went wrong,
//! from a closed set, with the time each phase took.
//!
//! | module | holds |
//! |---|---|
//! | [`policy`] | which addresses and names may be connected to; the operator's allow-list |
//! | [`target`] | reading a URL once, into one canonical form |
//! | [`headers`] | which headers a webhook may add |
//! | [`resolver`] | names to addresses |
//! | [`tls`] | which certificates are accepted |
//! | `conn`, `pool`, `wire` | a connection, the kept ones, HTTP/1.1 on them |
//! | `outcome` | what an end of a try means |
//! | `client` | all of it together: [`Client`], and [`Client::check_url`] for saving |

mod client;
mod conn;
pub mod headers;
mod outcome;
pub mod policy;
mod pool;
pub mod resolver;
pub mod target;
pub mod tls;
mod wire;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use tidings_domain::Headers;

/// How a try ended; the same closed words as the log's.
pub use tidings_domain::delivery::Outcome;

pub use client::{Client, Saved, Settings, SetupError, Stats};
pub use wire::KEEP_BODY;

/// Which certificates a receiver may show. Connections are never shared between different settings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Tls {
    /// Accept any certificate.
    pub insecure: bool,
    /// Additional authority, PEM.
    pub ca_pem: Option<Arc<str>>,
}

/// One POST to send.
#[derive(Clone, Debug)]
pub struct Request {
    /// Canonical http or https URL.
    pub url: Arc<url::Url>,
    /// Headers in the order and case in which they go out; `Host`, `Content-Length` and `Accept-Encoding` are the client's.
    pub headers: Headers,
    /// The exact bytes.
    pub body: Bytes,
    /// Certificates.
    pub tls: Tls,
    /// Everything, body of the answer included, within this time.
    pub deadline: Duration,
    /// Do not use a pooled connection.
    pub fresh: bool,
}

/// What one try brought.
#[derive(Clone, Debug)]
pub struct Report {
    /// How it ended.
    pub outcome: Outcome,
    /// The answer, if its head came.
    pub answer: Option<Answer>,
    /// What went wrong.
    pub error: Option<Failure>,
    /// The connection was taken from the pool.
    pub reused: bool,
    /// The connection was reused and died before the first byte of an answer: repeat at once with [`Request::fresh`], once.
    pub stale: bool,
    /// Where it went.
    pub remote: Option<SocketAddr>,
    /// Whole try.
    pub took: Duration,
    /// Name looked up.
    pub dns: Option<Duration>,
    /// Connected.
    pub connect: Option<Duration>,
    /// TLS agreed.
    pub tls: Option<Duration>,
    /// First byte of the answer, after the request was written.
    pub first_byte: Option<Duration>,
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Status.
    pub status: u16,
    /// Headers as received, lossy text.
    pub headers: Headers,
    /// The first 16 KiB of the body.
    pub body: Bytes,
    /// More came than is kept.
    pub truncated: bool,
}

impl Answer {
    /// The first value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)
    }
}

/// Why a try failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Closed word: `dns_not_found`, `dns_failed`, `connect_refused`, `connect_reset`, `tls_expired`, `deadline_connect`, ...
    pub code: &'static str,
    /// For people; never tells more about a blocked address than that it is blocked.
    pub detail: String,
}

/// Sends requests. The real one is `Client`; simulations script their own.
#[async_trait]
pub trait Transport: Send + Sync + 'static {
    /// One try.
    async fn send(&self, request: &Request) -> Report;
}
