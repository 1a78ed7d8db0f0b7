//! From where a request comes.
//!
//! The peer of the connection, unless that is a proxy that the configuration trusts: then `X-Forwarded-For` says for whom it speaks.
//! Each proxy adds the peer it saw at the end, so the header is read from its end up to the first address that is no trusted proxy;
//! whatever a client wrote before that is never looked at.

use std::net::{IpAddr, SocketAddr};

use axum::extract::Request;
use http::HeaderMap;
use http::request::Parts;
use ipnet::IpNet;

/// The address of a request's sender, among the request's extensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct From(pub IpAddr);

/// From where a request comes, as far as that is known.
pub(crate) fn of(parts: &Parts) -> Option<IpAddr> {
    parts.extensions.get::<From>().map(|from| from.0)
}

/// Notes from where a request comes.
pub(crate) fn note(request: &mut Request, proxies: &[IpNet]) {
    if let Some(From(peer)) = request.extensions().get::<From>().copied() {
        let from = sender(peer, request.headers(), proxies);
        request.extensions_mut().insert(From(from));
    }
}

/// The last address of the way that is no trusted proxy.
fn sender(peer: IpAddr, headers: &HeaderMap, proxies: &[IpNet]) -> IpAddr {
    let is_trusted = |address: IpAddr| {
        let address = address.to_canonical();
        proxies.iter().any(|network| network.contains(&address))
    };
    let mut from = peer.to_canonical();
    if proxies.is_empty() || !is_trusted(from) {
        return from;
    }
    let lines: Vec<&str> = headers
        .get_all("x-forwarded-for")
        .iter()
        .map(|line| line.to_str().unwrap_or_default())
        .collect();
    for hop in lines.iter().rev().flat_map(|line| line.rsplit(',')) {
        // Who writes nonsense is not believed any further.
        let Some(hop) = address(hop.trim()) else {
            return from;
        };
        from = hop.to_canonical();
        if !is_trusted(from) {
            return from;
        }
    }
    from
}

/// An address as proxies write it: some with a port, IPv6 then in brackets.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text
        .strip_prefix('[')
        .and_then(|t| t.strip_suffix(']'))
        .unwrap_or(text);
    let with_port = || text.parse::<SocketAddr>().ok().map(|a| a.ip());
    bare.parse().ok().or_else(with_port)
}

#[cfg(test)]
mod tests;
