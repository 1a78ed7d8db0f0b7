//! Names to addresses: the system's name servers or one that the operator names.
//!
//! Names are fully qualified: no search list ever completes a webhook's host. A name that does not exist is told from a resolver
//! that does not answer, because only the first is the receiver's fault.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use hickory_resolver::config::{
    ConnectionConfig, NameServerConfig, ProtocolConfig, ResolveHosts, ResolverConfig, ResolverOpts,
};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::{Query, ResponseCode};
use hickory_resolver::proto::rr::{Name, RData, RecordType};
use hickory_resolver::{Hosts, TokioResolver};
use parking_lot::RwLock;

/// The most of a try's deadline that a look-up may use.
pub const LIMIT: Duration = Duration::from_secs(5);
/// How often the system's configuration is looked at for changes.
const RELOAD_EVERY: Duration = Duration::from_secs(10);
/// How long an answer of one family waits for the other family's.
const GRACE: Duration = Duration::from_millis(500);
/// A remembered answer is asked for again after this time whatever its TTL.
const MAX_TTL: Duration = Duration::from_mins(5);
/// A remembered "does not exist" is asked for again after this time, so that a repaired name works soon.
const MAX_NEGATIVE_TTL: Duration = Duration::from_secs(10);

const RESOLV_CONF: &str = "/etc/resolv.conf";
const HOSTS: &str = "/etc/hosts";

/// Why a name has no address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LookupFault {
    /// The name does not exist, or has no address.
    NotFound,
    /// The resolver did not answer, or answered that it cannot.
    Failed(String),
}

/// Looks names up.
#[derive(Debug)]
pub struct Resolver {
    source: Source,
    state: RwLock<Arc<State>>,
}

#[derive(Debug)]
enum Source {
    System,
    Server,
}

struct State {
    resolver: Result<TokioResolver, String>,
    hosts: Option<Arc<Hosts>>,
    checked: Instant,
    stamp: Stamp,
}

type Stamp = [Option<SystemTime>; 2];

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State")
            .field("stamp", &self.stamp)
            .finish_non_exhaustive()
    }
}

impl Resolver {
    /// Asks the system's name servers; changes of their configuration are noticed while running.
    pub fn system() -> Self {
        Self {
            source: Source::System,
            state: RwLock::new(Arc::new(load_system())),
        }
    }

    /// Asks one name server only.
    pub fn server(server: SocketAddr) -> Self {
        let connections = [ProtocolConfig::Udp, ProtocolConfig::Tcp].map(|protocol| {
            let mut connection = ConnectionConfig::new(protocol);
            connection.port = server.port();
            connection
        });
        let config = ResolverConfig::from_name_servers(vec![NameServerConfig::new(
            server.ip(),
            true,
            connections.into(),
        )]);
        let state = State {
            resolver: build(config, ResolverOpts::default()),
            hosts: None,
            checked: Instant::now(),
            stamp: [None; 2],
        };
        Self {
            source: Source::Server,
            state: RwLock::new(Arc::new(state)),
        }
    }

    fn state(&self) -> Arc<State> {
        let state = Arc::clone(&self.state.read());
        if matches!(self.source, Source::Server) || state.checked.elapsed() < RELOAD_EVERY {
            return state;
        }
        let mut slot = self.state.write();
        if slot.checked.elapsed() >= RELOAD_EVERY {
            let stamp = stamp();
            *slot = if stamp == state.stamp && state.resolver.is_ok() {
                let State {
                    resolver, hosts, ..
                } = &*state;
                Arc::new(State {
                    resolver: resolver.clone(),
                    hosts: hosts.clone(),
                    checked: Instant::now(),
                    stamp,
                })
            } else {
                tracing::info!("the system's resolver configuration is read again");
                Arc::new(load_system())
            };
        }
        Arc::clone(&slot)
    }

    /// All addresses of a name, IPv6 first, within `limit`.
    pub async fn lookup(&self, host: &str, limit: Duration) -> Result<Vec<IpAddr>, LookupFault> {
        let state = self.state();
        let mut name = Name::from_ascii(host).map_err(|_| LookupFault::NotFound)?;
        name.set_fqdn(true);
        if let Some(found) = state
            .hosts
            .as_ref()
            .map(|hosts| from_hosts(hosts, &name))
            .filter(|found| !found.is_empty())
        {
            return Ok(found);
        }
        let resolver = state
            .resolver
            .as_ref()
            .map_err(|fault| LookupFault::Failed(fault.clone()))?;
        match tokio::time::timeout(limit, both(resolver, name)).await {
            Ok(found) => found,
            Err(_) => Err(LookupFault::Failed(format!(
                "the name server did not answer within {:.1} s",
                limit.as_secs_f32()
            ))),
        }
    }
}

fn stamp() -> Stamp {
    let modified = |path: &str| {
        Path::new(path)
            .metadata()
            .and_then(|meta| meta.modified())
            .ok()
    };
    [modified(RESOLV_CONF), modified(HOSTS)]
}

fn load_system() -> State {
    let resolver = hickory_resolver::system_conf::read_system_conf()
        .map_err(|error| format!("{RESOLV_CONF} names no usable name server: {error}"))
        .and_then(|(config, opts)| {
            build(
                ResolverConfig::from_name_servers(config.name_servers().to_vec()),
                opts,
            )
        });
    State {
        resolver,
        hosts: Hosts::from_system().ok().map(Arc::new),
        checked: Instant::now(),
        stamp: stamp(),
    }
}

fn build(config: ResolverConfig, mut opts: ResolverOpts) -> Result<TokioResolver, String> {
    opts.ndots = 0;
    opts.use_hosts_file = ResolveHosts::Never;
    opts.timeout = opts
        .timeout
        .clamp(Duration::from_secs(1), Duration::from_secs(2));
    opts.attempts = opts.attempts.clamp(1, 3);
    opts.cache_size = 4_096;
    opts.preserve_intermediates = false;
    opts.positive_max_ttl = Some(MAX_TTL);
    opts.negative_max_ttl = Some(MAX_NEGATIVE_TTL);
    TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
        .with_options(opts)
        .build()
        .map_err(|error| format!("the resolver cannot be set up: {error}"))
}

fn from_hosts(hosts: &Hosts, name: &Name) -> Vec<IpAddr> {
    [RecordType::AAAA, RecordType::A]
        .into_iter()
        .filter_map(|kind| hosts.lookup_static_host(&Query::query(name.clone(), kind)))
        .flat_map(|found| {
            found
                .answers()
                .iter()
                .filter_map(|record| address(&record.data))
                .collect::<Vec<_>>()
        })
        .collect()
}

fn address(data: &RData) -> Option<IpAddr> {
    match data {
        RData::A(ip) => Some(IpAddr::V4(ip.0)),
        RData::AAAA(ip) => Some(IpAddr::V6(ip.0)),
        _ => None,
    }
}

type Family = Result<Vec<IpAddr>, FamilyFault>;

#[derive(Debug)]
enum FamilyFault {
    NoName,
    NoRecords,
    Failed(String),
}

async fn family(resolver: &TokioResolver, name: Name, kind: RecordType) -> Family {
    match resolver.lookup(name, kind).await {
        Ok(found) => {
            let found: Vec<_> = found
                .answers()
                .iter()
                .filter_map(|record| address(&record.data))
                .collect();
            if found.is_empty() {
                Err(FamilyFault::NoRecords)
            } else {
                Ok(found)
            }
        }
        Err(NetError::Dns(DnsError::NoRecordsFound(none))) => Err(match none.response_code {
            ResponseCode::NXDomain => FamilyFault::NoName,
            ResponseCode::NoError => FamilyFault::NoRecords,
            code => FamilyFault::Failed(format!("the name server answered: {code}")),
        }),
        Err(NetError::Dns(DnsError::ResponseCode(code))) => Err(FamilyFault::Failed(format!(
            "the name server answered: {code}"
        ))),
        Err(error) => Err(FamilyFault::Failed(format!(
            "the name server could not be asked: {error}"
        ))),
    }
}

/// Asks for both families at once. One that answered does not wait long for one that is silent.
async fn both(resolver: &TokioResolver, name: Name) -> Result<Vec<IpAddr>, LookupFault> {
    let mut v4 = std::pin::pin!(family(resolver, name.clone(), RecordType::A));
    let mut v6 = std::pin::pin!(family(resolver, name, RecordType::AAAA));
    let silent = || {
        Err(FamilyFault::Failed(
            "the name server answered for one address family only".to_owned(),
        ))
    };
    let (v6, v4) = tokio::select! {
        four = &mut v4 => (rest(&four, v6.as_mut()).await.unwrap_or_else(silent), four),
        six = &mut v6 => { let four = rest(&six, v4.as_mut()).await.unwrap_or_else(silent); (six, four) }
    };
    merge(v6, v4)
}

async fn rest(first: &Family, other: impl Future<Output = Family>) -> Option<Family> {
    match first {
        Ok(_) => tokio::time::timeout(GRACE, other).await.ok(),
        Err(_) => Some(other.await),
    }
}

fn merge(v6: Family, v4: Family) -> Result<Vec<IpAddr>, LookupFault> {
    match (v6, v4) {
        (Ok(mut six), Ok(four)) => {
            six.extend(four);
            Ok(six)
        }
        (Ok(found), Err(_)) | (Err(_), Ok(found)) => Ok(found),
        (Err(FamilyFault::NoName), Err(_))
        | (Err(_), Err(FamilyFault::NoName))
        | (Err(FamilyFault::NoRecords), Err(FamilyFault::NoRecords)) => Err(LookupFault::NotFound),
        (Err(FamilyFault::Failed(why)), Err(_)) | (Err(_), Err(FamilyFault::Failed(why))) => {
            Err(LookupFault::Failed(why))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::{Family, FamilyFault, LookupFault, merge};

    #[test]
    fn both_families_make_one_answer() {
        let none = || Err(FamilyFault::NoRecords);
        let failed = || Family::Err(FamilyFault::Failed("why".to_owned()));
        let absent = || Err(FamilyFault::NoName);
        let both: Vec<IpAddr> = vec!["2600::1".parse().unwrap(), "9.9.9.9".parse().unwrap()];
        let v6 = || Family::Ok(both[..1].to_vec());
        let v4 = || Family::Ok(both[1..].to_vec());
        let not_found = || Err(LookupFault::NotFound);
        let fault = || Err(LookupFault::Failed("why".to_owned()));
        for (six, four, expected) in [
            (v6(), v4(), Ok(both.clone())),
            (none(), v4(), Ok(both[1..].to_vec())),
            (failed(), v4(), Ok(both[1..].to_vec())),
            (v6(), failed(), Ok(both[..1].to_vec())),
            (none(), none(), not_found()),
            (absent(), absent(), not_found()),
            (absent(), failed(), not_found()),
            (failed(), absent(), not_found()),
            (none(), failed(), fault()),
            (failed(), none(), fault()),
            (failed(), failed(), fault()),
        ] {
            assert_eq!(merge(six, four), expected);
        }
    }
}
