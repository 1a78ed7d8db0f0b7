//! Which addresses may be connected to: the table, the IPv4 that hides in IPv6, and what the operator allows.
//!
//! The table holds the blocks of the two IANA special-purpose registries that are not globally reachable, and what those do not
//! list: multicast, the old site-local block, the rest of `::/8`, everything outside the global unicast block, the metadata
//! service of one large cloud that sits on a public address. Blocks are refused, never spellings.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};

use ipnet::IpNet;

/// What outsiders are told about every refusal, so that it is no oracle for what exists behind it.
pub const REFUSED: &str = "this address is not allowed: Tidings does not connect to local, private or reserved addresses. Use a public address, or ask the server's \
     administrator to name this one in egress.allow";

/// Why an address or a name is refused. For the server's own log; outsiders read [`REFUSED`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// `0.0.0.0/8`, `::`.
    Unspecified,
    /// `127.0.0.0/8`, `::1`.
    Loopback,
    /// RFC 1918, `fc00::/7`.
    Private,
    /// `169.254.0.0/16`, `fe80::/10`: cloud metadata lives here.
    LinkLocal,
    /// `100.64.0.0/10`: carrier-grade NAT.
    Shared,
    /// A metadata service outside link-local.
    Metadata,
    /// `224.0.0.0/4`, `ff00::/8`.
    Multicast,
    /// `192.0.2.0/24`, `2001:db8::/32` and their like.
    Documentation,
    /// `198.18.0.0/15`, `2001:2::/48`.
    Benchmarking,
    /// `192.0.0.0/24`, `2001::/23`.
    Protocol,
    /// 6to4, Teredo and other transition blocks.
    Transition,
    /// `fec0::/10`.
    SiteLocal,
    /// `240.0.0.0/4`, `255.255.255.255`, everything outside `2000::/3`.
    Reserved,
    /// An address of this machine.
    Own,
    /// `localhost`, a single label, `.local`, `.internal` and other private zones.
    LocalName,
}

impl Reason {
    /// The word in logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Reason::Unspecified => "unspecified",
            Reason::Loopback => "loopback",
            Reason::Private => "private",
            Reason::LinkLocal => "link_local",
            Reason::Shared => "shared",
            Reason::Metadata => "metadata",
            Reason::Multicast => "multicast",
            Reason::Documentation => "documentation",
            Reason::Benchmarking => "benchmarking",
            Reason::Protocol => "protocol",
            Reason::Transition => "transition",
            Reason::SiteLocal => "site_local",
            Reason::Reserved => "reserved",
            Reason::Own => "own",
            Reason::LocalName => "local_name",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What the policy says about an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// An ordinary public address.
    Public,
    /// The operator named it.
    Listed,
    /// Not to be connected to.
    Refused(Reason),
}

/// A block of IPv4 addresses: the first one, the bits that count, why.
type Block4 = ([u8; 4], u32, Reason);

/// What is refused of IPv4. The first block that matches gives the reason.
pub const IPV4: &[Block4] = &[
    ([0, 0, 0, 0], 8, Reason::Unspecified),
    ([10, 0, 0, 0], 8, Reason::Private),
    ([100, 64, 0, 0], 10, Reason::Shared),
    ([127, 0, 0, 0], 8, Reason::Loopback),
    ([168, 63, 129, 16], 32, Reason::Metadata),
    ([169, 254, 0, 0], 16, Reason::LinkLocal),
    ([172, 16, 0, 0], 12, Reason::Private),
    ([192, 0, 0, 0], 24, Reason::Protocol),
    ([192, 0, 2, 0], 24, Reason::Documentation),
    ([192, 88, 99, 0], 24, Reason::Transition),
    ([192, 168, 0, 0], 16, Reason::Private),
    ([198, 18, 0, 0], 15, Reason::Benchmarking),
    ([198, 51, 100, 0], 24, Reason::Documentation),
    ([203, 0, 113, 0], 24, Reason::Documentation),
    ([224, 0, 0, 0], 4, Reason::Multicast),
    ([240, 0, 0, 0], 4, Reason::Reserved),
];

/// A block of IPv6 addresses.
type Block6 = ([u16; 8], u32, Reason);

/// What is refused of IPv6, after embedded IPv4 was judged. The first block that matches gives the reason; what is outside
/// `2000::/3` and not named is [`Reason::Reserved`].
pub const IPV6: &[Block6] = &[
    ([0, 0, 0, 0, 0, 0, 0, 0], 128, Reason::Unspecified),
    ([0, 0, 0, 0, 0, 0, 0, 1], 128, Reason::Loopback),
    ([0, 0, 0, 0, 0, 0, 0, 0], 8, Reason::Reserved),
    ([0x100, 0, 0, 0, 0, 0, 0, 0], 64, Reason::Reserved),
    ([0x100, 0, 0, 1, 0, 0, 0, 0], 64, Reason::Reserved),
    ([0x2001, 0, 0, 0, 0, 0, 0, 0], 32, Reason::Transition),
    ([0x2001, 2, 0, 0, 0, 0, 0, 0], 48, Reason::Benchmarking),
    ([0x2001, 0, 0, 0, 0, 0, 0, 0], 23, Reason::Protocol),
    ([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32, Reason::Documentation),
    ([0x2002, 0, 0, 0, 0, 0, 0, 0], 16, Reason::Transition),
    ([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20, Reason::Documentation),
    ([0x5f00, 0, 0, 0, 0, 0, 0, 0], 16, Reason::Protocol),
    ([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7, Reason::Private),
    ([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10, Reason::LinkLocal),
    ([0xfec0, 0, 0, 0, 0, 0, 0, 0], 10, Reason::SiteLocal),
    ([0xff00, 0, 0, 0, 0, 0, 0, 0], 8, Reason::Multicast),
];

/// Judges an address by the table alone.
pub fn classify(ip: IpAddr) -> Result<(), Reason> {
    match ip {
        IpAddr::V4(v4) => classify_v4(v4),
        IpAddr::V6(v6) => classify_v6(v6),
    }
}

fn classify_v4(ip: Ipv4Addr) -> Result<(), Reason> {
    let bits = ip.to_bits();
    let hit = IPV4.iter().find(|(base, len, _)| {
        let mask = u32::MAX.checked_shl(32 - len).unwrap_or(0);
        bits & mask == u32::from_be_bytes(*base) & mask
    });
    hit.map_or(Ok(()), |(_, _, reason)| Err(*reason))
}

fn classify_v6(ip: Ipv6Addr) -> Result<(), Reason> {
    match carried(ip) {
        Carried::Stands(v4) => return classify_v4(v4),
        Carried::Translated(candidates) => return classify_translated(candidates),
        Carried::Beside(v4) => classify_v4(v4)?,
        Carried::Nothing => {}
    }
    let bits = ip.to_bits();
    let hit = IPV6.iter().find(|(base, len, _)| {
        let mask = u128::MAX.checked_shl(128 - len).unwrap_or(0);
        bits & mask == Ipv6Addr::from(*base).to_bits() & mask
    });
    match hit {
        Some((_, _, reason)) => Err(*reason),
        None if bits >> 125 == 1 => Ok(()),
        None => Err(Reason::Reserved),
    }
}

/// The IPv4 address that an IPv6 address carries.
enum Carried {
    /// None.
    Nothing,
    /// The IPv6 address is nothing but this (mapped, NAT64).
    Stands(Ipv4Addr),
    /// The local NAT64 block: where the IPv4 sits depends on the length of the network's prefix, so every place is looked at.
    Translated([Ipv4Addr; 4]),
    /// A tunnel's end point beside an address that is judged as well.
    Beside(Ipv4Addr),
}

fn carried(ip: Ipv6Addr) -> Carried {
    let bits = ip.to_bits();
    let last = Ipv4Addr::from_bits(low32(bits));
    match ip.segments() {
        // mapped ::ffff:a.b.c.d, NAT64 64:ff9b::a.b.c.d
        [0, 0, 0, 0, 0, 0xffff, _, _] | [0x64, 0xff9b, 0, 0, 0, 0, _, _] => Carried::Stands(last),
        // compatible ::a.b.c.d (but :: and ::1, which the table names)
        [0, 0, 0, 0, 0, 0, _, _] if bits > 1 => Carried::Beside(last),
        [0x64, 0xff9b, 1, ..] => Carried::Translated([
            // RFC 6052: prefixes of 48, 56, 64 and 96 bits; bits 64 to 71 carry nothing.
            Ipv4Addr::from_bits(low32((bits >> 64) & 0xffff) << 16 | low32((bits >> 40) & 0xffff)),
            Ipv4Addr::from_bits(
                low32((bits >> 64) & 0xff) << 24 | low32((bits >> 32) & 0x00ff_ffff),
            ),
            Ipv4Addr::from_bits(low32(bits >> 24)),
            last,
        ]),
        [0x2002, ..] => Carried::Beside(Ipv4Addr::from_bits(low32(bits >> 80))),
        // Teredo hides the client's address by inverting it.
        [0x2001, 0, ..] => Carried::Beside(Ipv4Addr::from_bits(!low32(bits))),
        // SIIT ::ffff:0:a.b.c.d; ISATAP: an interface identifier of any prefix.
        [0, 0, 0, 0, 0xffff, 0, _, _] | [_, _, _, _, 0 | 0x200, 0x5efe, _, _] => {
            Carried::Beside(last)
        }
        _ => Carried::Nothing,
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the low 32 bits are what is asked for"
)]
const fn low32(bits: u128) -> u32 {
    bits as u32
}

/// The zeros that pad one layout read as `0.0.0.x` in the others; at least one place must hold a public address and none any
/// other kind.
fn classify_translated(candidates: [Ipv4Addr; 4]) -> Result<(), Reason> {
    let mut public = false;
    for candidate in candidates {
        match classify_v4(candidate) {
            Ok(()) => public = true,
            Err(Reason::Unspecified) => {}
            Err(reason) => return Err(reason),
        }
    }
    if public {
        Ok(())
    } else {
        Err(Reason::Transition)
    }
}

/// Something that the operator allows: `CIDR|HOST[:PORT]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allow {
    what: Allowed,
    port: Option<u16>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Allowed {
    Net(IpNet),
    Host(Box<str>),
}

/// Why an entry of the allow-list was not understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "egress.allow: {entry:?} {fault}; write a network (10.0.0.0/8), an address (10.1.2.3, [fd00::1]) or a host name, each with :PORT for one port only"
)]
pub struct AllowFault {
    entry: String,
    fault: &'static str,
}

impl FromStr for Allow {
    type Err = AllowFault;

    fn from_str(text: &str) -> Result<Self, AllowFault> {
        parse_allow(text.trim()).map_err(|fault| AllowFault {
            entry: text.to_owned(),
            fault,
        })
    }
}

fn parse_allow(text: &str) -> Result<Allow, &'static str> {
    let port = |text: &str| match text.parse::<u16>() {
        Ok(port) if port > 0 => Ok(Some(port)),
        _ => Err("has a port that is no number from 1 to 65535"),
    };
    if text.is_empty() {
        return Err("is empty");
    }
    if let Some((inside, rest)) = text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        let net = parse_net(inside)?.ok_or("has no address in its brackets")?;
        let port = match rest.strip_prefix(':') {
            Some(digits) => port(digits)?,
            None if rest.is_empty() => None,
            None => return Err("has something other than :PORT after the bracket"),
        };
        return Ok(Allow {
            what: Allowed::Net(net),
            port,
        });
    }
    if let Some(net) = parse_net(text)? {
        return Ok(Allow {
            what: Allowed::Net(net),
            port: None,
        });
    }
    let (host, port) = match text.rsplit_once(':') {
        Some((host, digits)) => (host, port(digits)?),
        None => (text, None),
    };
    if let Some(net) = parse_net(host)? {
        return Ok(Allow {
            what: Allowed::Net(net),
            port,
        });
    }
    match url::Host::parse(host) {
        Ok(url::Host::Domain(name)) if crate::target::check_name(&name).is_ok() => Ok(Allow {
            what: Allowed::Host(name.trim_end_matches('.').into()),
            port,
        }),
        _ => Err("is neither a network, an address nor a host name"),
    }
}

fn parse_net(text: &str) -> Result<Option<IpNet>, &'static str> {
    if let Ok(net) = text.parse::<IpNet>() {
        return if net.trunc() == net {
            Ok(Some(net))
        } else {
            Err("has bits set beyond its prefix")
        };
    }
    Ok(text.parse::<IpAddr>().ok().map(IpNet::from))
}

impl fmt::Display for Allow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.what, self.port) {
            (Allowed::Net(IpNet::V6(net)), Some(port)) => write!(f, "[{net}]:{port}"),
            (Allowed::Net(net), Some(port)) => write!(f, "{net}:{port}"),
            (Allowed::Host(host), Some(port)) => write!(f, "{host}:{port}"),
            (Allowed::Net(net), None) => net.fmt(f),
            (Allowed::Host(host), None) => host.fmt(f),
        }
    }
}

/// What a name alone says, before any look-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameVerdict {
    /// A name of the public tree: its addresses decide.
    Open,
    /// The operator named this host: any address of it will do.
    Listed,
    /// A local name: every address of it must be in a network that the operator named.
    Local,
    /// A local name, and no network is named.
    Refused,
}

/// The rules of one server: the table and the operator's list.
#[derive(Debug)]
pub struct Policy {
    allow: Vec<Allow>,
    own: Vec<IpAddr>,
    version: u64,
}

static VERSIONS: AtomicU64 = AtomicU64::new(1);

impl Policy {
    /// The table, what the operator allows, and addresses that lead back to this server from outside.
    pub fn new(allow: Vec<Allow>, own: Vec<IpAddr>) -> Self {
        Self {
            allow,
            own,
            version: VERSIONS.fetch_add(1, Ordering::Relaxed),
        }
    }

    /// Tells policies apart; connections are never shared between two.
    pub const fn version(&self) -> u64 {
        self.version
    }

    /// What the operator allows.
    pub fn allow(&self) -> &[Allow] {
        &self.allow
    }

    /// Judges one address that `host` has.
    pub fn judge(&self, host: &str, ip: IpAddr, port: u16) -> Verdict {
        let ip = ip.to_canonical();
        let name = bare(host);
        let listed = self.allow.iter().any(|entry| {
            entry.port.is_none_or(|only| only == port)
                && match &entry.what {
                    Allowed::Net(net) => net.contains(&ip),
                    Allowed::Host(listed) => listed.eq_ignore_ascii_case(name),
                }
        });
        if listed {
            return Verdict::Listed;
        }
        if let Err(reason) = classify(ip) {
            return Verdict::Refused(reason);
        }
        if self.own.iter().any(|own| own.to_canonical() == ip) {
            return Verdict::Refused(Reason::Own);
        }
        Verdict::Public
    }

    /// Judges a name without looking it up.
    pub fn judge_name(&self, host: &str, port: u16) -> NameVerdict {
        let name = bare(host);
        let mut nets = false;
        for entry in self
            .allow
            .iter()
            .filter(|entry| entry.port.is_none_or(|only| only == port))
        {
            match &entry.what {
                Allowed::Host(listed) if listed.eq_ignore_ascii_case(name) => {
                    return NameVerdict::Listed;
                }
                Allowed::Host(_) => {}
                Allowed::Net(_) => nets = true,
            }
        }
        match (is_local_name(name), nets) {
            (false, _) => NameVerdict::Open,
            (true, true) => NameVerdict::Local,
            (true, false) => NameVerdict::Refused,
        }
    }
}

/// A name without the dots of the root.
pub fn bare(host: &str) -> &str {
    host.trim_end_matches('.')
}

/// Zones that no public name server answers for.
const PRIVATE_ZONES: &[&str] = &[
    "localhost",
    "local",
    "internal",
    "localdomain",
    "lan",
    "intranet",
    "private",
    "corp",
    "home",
    "home.arpa",
];

/// `localhost` in any spelling, single labels, and private zones.
pub fn is_local_name(host: &str) -> bool {
    let name = bare(host);
    !name.contains('.') || PRIVATE_ZONES.iter().any(|zone| in_zone(name, zone))
}

/// `localhost` and what is below it: always this machine, never asked of a name server.
pub fn is_localhost(host: &str) -> bool {
    in_zone(bare(host), "localhost")
}

fn in_zone(name: &str, zone: &str) -> bool {
    match name.len().checked_sub(zone.len()) {
        Some(0) => name.eq_ignore_ascii_case(zone),
        Some(at) => {
            name.get(at..)
                .is_some_and(|end| end.eq_ignore_ascii_case(zone))
                && name.as_bytes().get(at - 1) == Some(&b'.')
        }
        None => false,
    }
}

/// Whether an address is one of this machine's: a route to oneself starts at its own end. Nothing is sent to find out.
pub fn is_own(ip: IpAddr) -> bool {
    let any: IpAddr = if ip.is_ipv4() {
        Ipv4Addr::UNSPECIFIED.into()
    } else {
        Ipv6Addr::UNSPECIFIED.into()
    };
    let local = std::net::UdpSocket::bind((any, 0)).and_then(|socket| {
        socket.connect((ip, 9))?;
        socket.local_addr()
    });
    local.is_ok_and(|local| local.ip() == ip)
}

#[cfg(test)]
mod tests;
