//! From where a request comes.
//!
//! The peer of the connection, unless that is a proxy that the configuration trusts: then `X-Forwarded-For` says for whom it speaks.
//! Each proxy adds the peer it saw at the end, so the header is read from its end up to the first address that is no trusted proxy;
//! whatever a client wrote before that is never looked at.

use std::net::{IpAddr, SocketAddr};

use http::HeaderMap;
use ipnet::IpNet;

/// The address of a request's peer, among the request's extensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct From(pub IpAddr);

/// The last address of the way that is no trusted proxy.
pub(crate) fn sender(peer: IpAddr, headers: &HeaderMap, proxies: &[IpNet]) -> IpAddr {
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
