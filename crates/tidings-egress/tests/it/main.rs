//! The client against receivers and name servers that behave in every way, on loopback.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot be set up cannot go on"
)]

mod corpus;
mod fuzz;
mod hostile;
mod names;
mod reuse;
mod secure;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tidings_domain::Headers;
use tidings_egress::{Client, Report, Request, Settings, Tls, Transport};

/// How long a test waits for what must come.
pub(crate) const SOON: Duration = Duration::from_secs(10);

/// A client that may connect to 127.0.0.1 and asks only this name server (by default one that no one listens on).
pub(crate) fn client(resolver: Option<SocketAddr>) -> Client {
    client_allowing(&["127.0.0.1"], resolver)
}

pub(crate) fn client_allowing(allow: &[&str], resolver: Option<SocketAddr>) -> Client {
    let settings = Settings {
        allow: allow.iter().map(|entry| entry.parse().unwrap()).collect(),
        resolver: Some(resolver.unwrap_or_else(|| "127.0.0.1:9".parse().unwrap())),
        ..Settings::default()
    };
    Client::new(settings).unwrap()
}

pub(crate) fn post(url: &str) -> Request {
    Request {
        url: Arc::new(url.parse().unwrap()),
        headers: Headers::from_iter([("Content-Type", "application/json")]),
        body: bytes::Bytes::from_static(b"{\"hello\":1}"),
        tls: Tls::default(),
        deadline: SOON,
        fresh: false,
    }
}

/// Sends with a short deadline.
pub(crate) async fn send_within(client: &Client, url: &str, millis: u64) -> Report {
    let deadline = Duration::from_millis(millis);
    client
        .send(&Request {
            deadline,
            ..post(url)
        })
        .await
}

pub(crate) fn code(report: &Report) -> &'static str {
    report.error.as_ref().map_or("", |error| error.code)
}

pub(crate) fn status(report: &Report) -> Option<u16> {
    report.answer.as_ref().map(|answer| answer.status)
}
