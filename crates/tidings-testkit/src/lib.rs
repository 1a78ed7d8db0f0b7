//! Receivers, name servers and worlds for tests; never part of the binary.
//!
//! | module | holds |
//! |---|---|
//! | [`receiver`] | [`receiver::Receiver`]: an HTTP receiver that does what it is told and records every byte |
//! | [`browser`] | [`browser::Browser`]: a real browser that clicks, reads, and tells what it was asked for |
//! | [`corpus`], [`mutate`] | hostile input as data, and small changes of it |
//! | [`tls`] | [`tls::Authority`]: certificates that are valid, expired, self-signed, for another host ... |
//! | [`dns`] | [`dns::Dns`]: a name server with names that move, fail, or keep silent |
//! | [`disk`] | [`disk::Disk`]: files whose k-th write or sync fails, that fill up, or lose what was not synced |
//! | [`recorder`] | [`recorder::Recorder`]: wait until something was seen, with a deadline and without sleeping |
//!
//! Everything listens on loopback only and stops when it is dropped.

pub mod browser;
pub mod corpus;
pub mod disk;
pub mod dns;
pub mod mutate;
pub mod receiver;
pub mod recorder;
pub mod tls;

use std::net::SocketAddr;

use tokio::net::TcpListener;

/// A listener on a free port of 127.0.0.1.
#[expect(clippy::expect_used, reason = "a test without a port cannot go on")]
pub(crate) async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind(("127.0.0.1", 0))
        .await
        .expect("a free port");
    let addr = listener.local_addr().expect("its address");
    (listener, addr)
}

/// A port of 127.0.0.1 on which nobody listens (at this moment).
pub async fn closed_port() -> SocketAddr {
    listen().await.1
}
