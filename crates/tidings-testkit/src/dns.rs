//! A name server of its own for tests: UDP and TCP on one port of 127.0.0.1.
//!
//! Names that it does not know do not exist. What a name answers is set with [`Dns::set`]; several sets in a list are given in
//! turn, one per question, which is how rebinding works.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::task::JoinHandle;

use crate::recorder::Recorder;

/// What a name answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Zone {
    /// These addresses, of both families.
    Addresses(Vec<IpAddr>),
    /// Another name, and what that one has.
    Alias(String),
    /// It does not exist.
    NoName,
    /// It exists and has no address.
    Empty,
    /// The server has failed.
    ServFail,
    /// The server refuses.
    Refused,
    /// No answer at all.
    Silent,
    /// An answer after this time.
    Slow(Duration, Vec<IpAddr>),
    /// IPv4 is answered, the question for IPv6 is not.
    SilentForIpv6(Vec<IpAddr>),
    /// Bytes that are no answer.
    Garbage,
}

impl Zone {
    /// One address.
    pub fn address(ip: &str) -> Self {
        Self::addresses(&[ip])
    }

    /// Several addresses.
    ///
    /// # Panics
    /// When one is none.
    #[expect(
        clippy::expect_used,
        reason = "a test with a broken address cannot go on"
    )]
    pub fn addresses(ips: &[&str]) -> Self {
        Self::Addresses(
            ips.iter()
                .map(|ip| ip.parse().expect("an address"))
                .collect(),
        )
    }
}

/// One question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// The name in lower case, without the last dot.
    pub name: String,
    /// 1 = A, 28 = AAAA.
    pub kind: u16,
    /// Asked over TCP.
    pub tcp: bool,
}

/// A running name server; stops when it is dropped.
#[derive(Debug)]
pub struct Dns {
    addr: SocketAddr,
    shared: Arc<Shared>,
    tasks: [JoinHandle<()>; 2],
}

#[derive(Debug, Default)]
struct Shared {
    ttl: AtomicU32,
    zones: Mutex<HashMap<String, Turns>>,
    asked: Recorder<Question>,
}

#[derive(Debug)]
struct Turns {
    zones: Vec<Zone>,
    /// The next answer, for each kind of question.
    next: HashMap<u16, usize>,
}

const A: u16 = 1;
const CNAME: u16 = 5;
const SOA: u16 = 6;
const AAAA: u16 = 28;
const MAX_UDP: usize = 1_232;

impl Dns {
    /// Starts one that knows no name.
    pub async fn start() -> Self {
        let (tcp, udp, addr) = loop {
            let (tcp, addr) = crate::listen().await;
            // The same port may be taken for UDP: try another.
            if let Ok(udp) = UdpSocket::bind(addr).await {
                break (tcp, udp, addr);
            }
        };
        let shared = Arc::new(Shared::default());
        let tasks = [
            tokio::spawn(serve_udp(udp, Arc::clone(&shared))),
            tokio::spawn(serve_tcp(tcp, Arc::clone(&shared))),
        ];
        Self {
            addr,
            shared,
            tasks,
        }
    }

    /// For `egress.resolver`.
    pub const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// What a name answers from now on.
    pub fn set(&self, name: &str, zone: Zone) {
        self.set_turns(name, vec![zone]);
    }

    /// What a name answers to the first question, the second, ...; the last one stays. A and AAAA are counted apart.
    pub fn set_turns(&self, name: &str, zones: Vec<Zone>) {
        let key = name.trim_end_matches('.').to_ascii_lowercase();
        self.shared.zones.lock().insert(
            key,
            Turns {
                zones,
                next: HashMap::new(),
            },
        );
    }

    /// How long answers may be remembered from now on; not at all at first.
    pub fn set_ttl(&self, seconds: u32) {
        self.shared.ttl.store(seconds, Ordering::Relaxed);
    }

    /// Every question so far.
    pub fn asked(&self) -> &Recorder<Question> {
        &self.shared.asked
    }
}

impl Drop for Dns {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

async fn serve_udp(socket: UdpSocket, shared: Arc<Shared>) {
    let socket = Arc::new(socket);
    let mut buffer = [0; 4_096];
    while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
        let query = buffer.get(..length).unwrap_or_default().to_vec();
        let (socket, shared) = (Arc::clone(&socket), Arc::clone(&shared));
        tokio::spawn(async move {
            if let Some(mut answer) = respond(&shared, &query, false).await {
                if answer.len() > MAX_UDP {
                    answer = truncated(&answer);
                }
                let _ = socket.send_to(&answer, from).await;
            }
        });
    }
}

async fn serve_tcp(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((stream, _)) = listener.accept().await {
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            let _ = serve_stream(stream, &shared).await;
        });
    }
}

async fn serve_stream(mut stream: TcpStream, shared: &Shared) -> std::io::Result<()> {
    loop {
        let length = stream.read_u16().await?;
        let mut query = vec![0; usize::from(length)];
        stream.read_exact(&mut query).await?;
        if let Some(answer) = respond(shared, &query, true).await {
            stream
                .write_u16(u16::try_from(answer.len()).unwrap_or(u16::MAX))
                .await?;
            stream.write_all(&answer).await?;
        }
    }
}

/// The header and the question only, with the bit that says: ask again over TCP.
fn truncated(answer: &[u8]) -> Vec<u8> {
    let question = parse_question(answer).map_or(12, |(_, _, end)| end);
    let mut short = answer.get(..question).unwrap_or_default().to_vec();
    if let Some(flags) = short.get_mut(2) {
        *flags |= 0x02;
    }
    for count in short.iter_mut().take(12).skip(6) {
        *count = 0;
    }
    short
}

/// Name, kind, and where the question ends.
fn parse_question(message: &[u8]) -> Option<(String, u16, usize)> {
    let mut at = 12;
    let mut labels = Vec::new();
    loop {
        let length = usize::from(*message.get(at)?);
        at += 1;
        if length == 0 {
            break;
        }
        labels.push(String::from_utf8_lossy(message.get(at..at + length)?).to_ascii_lowercase());
        at += length;
    }
    let kind = u16::from_be_bytes([*message.get(at)?, *message.get(at + 1)?]);
    Some((labels.join("."), kind, at + 4))
}

async fn respond(shared: &Shared, query: &[u8], tcp: bool) -> Option<Vec<u8>> {
    let (name, kind, end) = parse_question(query)?;
    shared.asked.record(Question {
        name: name.clone(),
        kind,
        tcp,
    });
    let mut answers = Vec::new();
    let mut count = 0_u16;
    let mut code = 0_u8;
    let mut current = name;
    let ttl = shared.ttl.load(Ordering::Relaxed);
    for _ in 0..8 {
        let zone = shared.next(&current, kind);
        let ips = match zone {
            Zone::Silent => return None,
            Zone::SilentForIpv6(_) if kind == AAAA => return None,
            Zone::Garbage => return Some(vec![0xff; 40]),
            Zone::Slow(wait, ips) => {
                tokio::time::sleep(wait).await;
                ips
            }
            Zone::Addresses(ips) | Zone::SilentForIpv6(ips) => ips,
            Zone::Alias(to) => {
                let mut target = Vec::new();
                push_name(&mut target, &to);
                push_record(&mut answers, &current, CNAME, ttl, &target);
                count += 1;
                current = to.to_ascii_lowercase();
                continue;
            }
            Zone::Empty => Vec::new(),
            Zone::NoName => {
                code = 3;
                Vec::new()
            }
            Zone::ServFail => {
                code = 2;
                Vec::new()
            }
            Zone::Refused => {
                code = 5;
                Vec::new()
            }
        };
        for ip in ips {
            match ip {
                IpAddr::V4(ip) if kind == A => {
                    push_record(&mut answers, &current, A, ttl, &ip.octets());
                }
                IpAddr::V6(ip) if kind == AAAA => {
                    push_record(&mut answers, &current, AAAA, ttl, &ip.octets());
                }
                _ => continue,
            }
            count += 1;
        }
        break;
    }
    // Without this a "there is none" may not be remembered.
    let with_soa = count == 0 && code != 2 && ttl > 0;
    if with_soa {
        push_soa(&mut answers, &current, ttl);
    }
    let mut message = query.get(..2)?.to_vec();
    message.extend([0x81, 0x80 | code, 0, 1]);
    message.extend(count.to_be_bytes());
    message.extend([0, u8::from(with_soa), 0, 0]);
    message.extend(query.get(12..end)?);
    message.extend(answers);
    Some(message)
}

impl Shared {
    fn next(&self, name: &str, kind: u16) -> Zone {
        let mut zones = self.zones.lock();
        let Some(turns) = zones.get_mut(name) else {
            return Zone::NoName;
        };
        let at = turns.next.entry(kind).or_insert(0);
        let zone = turns.zones.get(*at).or_else(|| turns.zones.last()).cloned();
        *at += 1;
        zone.unwrap_or(Zone::NoName)
    }
}

fn push_record(out: &mut Vec<u8>, name: &str, kind: u16, ttl: u32, data: &[u8]) {
    push_name(out, name);
    out.extend(kind.to_be_bytes());
    out.extend([0, 1]);
    out.extend(ttl.to_be_bytes());
    out.extend(u16::try_from(data.len()).unwrap_or(0).to_be_bytes());
    out.extend(data);
}

/// Who is responsible for a name, and how long its absence may be remembered.
fn push_soa(out: &mut Vec<u8>, name: &str, ttl: u32) {
    let mut data = Vec::new();
    push_name(&mut data, "ns.example.test");
    push_name(&mut data, "admin.example.test");
    for number in [1, 3_600, 600, 86_400, ttl] {
        data.extend(number.to_be_bytes());
    }
    push_record(out, name, SOA, ttl, &data);
}

fn push_name(out: &mut Vec<u8>, name: &str) {
    for label in name.trim_end_matches('.').split('.') {
        out.push(u8::try_from(label.len()).unwrap_or(63));
        out.extend(label.as_bytes());
    }
    out.push(0);
}
