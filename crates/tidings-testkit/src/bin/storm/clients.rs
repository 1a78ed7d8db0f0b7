//! The kinds of clients.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::http::{Answer, ask, connect, connect_with, head};
use crate::{Plan, Result};

/// Each client of the crowd asks so often.
const CROWD_PAUSE: Duration = Duration::from_secs(5);
const STORIES: (&str, &str) = ("POST", "/api/v1/projects/STORM/stories");
const CHANGES: (&str, &str) = ("POST", "/api/v1/projects/STORM/changes");
const LIST: (&str, &str) = ("GET", "/api/v1/projects/STORM/stories?limit=200");

/// How the requests of a kind of clients were answered.
#[derive(Default)]
struct Tally {
    statuses: BTreeMap<u16, u64>,
    /// 429 and 503 that did not say when to come back.
    no_retry_after: u64,
    /// Asked and not answered.
    unanswered: u64,
    /// Connections that were not made.
    unconnected: u64,
    slowest: Duration,
    /// Why the last one was not answered.
    last_error: String,
}

#[derive(Clone, Default)]
struct Tallies(Arc<Mutex<Tally>>);

impl Tallies {
    fn note(&self, answer: &Result<Answer>, took: Duration) {
        let mut tally = self.0.lock();
        match answer {
            Ok(answer) => {
                *tally.statuses.entry(answer.status).or_default() += 1;
                let full = matches!(answer.status, 429 | 503);
                tally.no_retry_after += u64::from(full && !answer.retry_after);
                tally.slowest = tally.slowest.max(took);
            }
            Err(error) => {
                tally.unanswered += 1;
                tally.last_error = error.to_string();
            }
        }
    }

    fn unconnected(&self) {
        self.0.lock().unconnected += 1;
    }

    fn told(&self) -> Value {
        let tally = self.0.lock();
        json!({
            "statuses": tally.statuses.iter().map(|(s, n)| (s.to_string(), json!(n))).collect::<serde_json::Map<_, _>>(),
            "no_retry_after": tally.no_retry_after,
            "unanswered": tally.unanswered,
            "unconnected": tally.unconnected,
            "slowest_ms": u64::try_from(tally.slowest.as_millis()).unwrap_or(u64::MAX),
            "last_error": tally.last_error,
        })
    }
}

/// Runs so many clients, each of which asks the same again and again.
async fn all_ask(
    plan: Plan,
    what: (&'static str, &'static str),
    body: Vec<u8>,
    pause: Duration,
) -> Value {
    let (tallies, body) = (Tallies::default(), Arc::new(body));
    let mut clients = JoinSet::new();
    for number in 0..plan.clients {
        let (plan, tallies, body) = (plan.clone(), tallies.clone(), Arc::clone(&body));
        clients.spawn(async move {
            // Not all in the same moment.
            let share = u32::try_from(number % 1_000).unwrap_or(0);
            tokio::time::sleep(pause * share / 1_000).await;
            ask_again_and_again(&plan, &tallies, what, &body, pause).await;
        });
    }
    while clients.join_next().await.is_some() {}
    tallies.told()
}

async fn ask_again_and_again(
    plan: &Plan,
    tallies: &Tallies,
    what: (&str, &str),
    body: &[u8],
    pause: Duration,
) {
    let mut kept: Option<TcpStream> = None;
    while Instant::now() < plan.end {
        let reused = kept.is_some();
        let connected = match kept.take() {
            Some(stream) => Ok(stream),
            None => connect(plan).await,
        };
        let Ok(mut stream) = connected else {
            tallies.unconnected();
            tokio::time::sleep(Duration::from_secs(1)).await;
            continue;
        };
        let asked = Instant::now();
        let answer = ask(&mut stream, plan, what, body).await;
        if answer.is_err() && reused {
            // The server may close a connection after any answer; what was asked meanwhile is asked again on a new one.
            continue;
        }
        tallies.note(&answer, asked.elapsed());
        let Ok(answer) = answer else {
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        kept = (!answer.close).then_some(stream);
        // Who is told to come back comes back a little later, or it would be a feeder of refusals.
        let full = matches!(answer.status, 429 | 503);
        let wait = if full {
            pause.max(Duration::from_millis(100))
        } else {
            pause
        };
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
    }
}

/// Many who ask little.
pub(crate) async fn crowd(plan: Plan) -> Value {
    let one = ("GET", "/api/v1/projects/STORM");
    all_ask(plan, one, Vec::new(), CROWD_PAUSE).await
}

/// Stories as fast as they are taken.
pub(crate) async fn feed(plan: Plan) -> Value {
    let text = "x".repeat(plan.bytes);
    let body = json!({"title": "a story", "description": text}).to_string();
    all_ask(plan, STORIES, body.into_bytes(), Duration::ZERO).await
}

/// Batches at the size limit, silent: what they cost is their size.
pub(crate) async fn bulk(plan: Plan) -> Value {
    let text = "x".repeat(80_000);
    let entry = json!({"op": "put", "collection": "tasks", "id": 1, "silent": true, "data": {"title": "t", "description": text}});
    let entries: Vec<Value> = (1..=100)
        .map(|id| {
            let mut entry = entry.clone();
            if let Some(slot) = entry.get_mut("id") {
                *slot = json!(id);
            }
            entry
        })
        .collect();
    let body = Value::Array(entries).to_string().into_bytes();
    all_ask(plan, CHANGES, body, Duration::ZERO).await
}

/// Half a head, and a byte of it a second.
pub(crate) async fn loris(plan: Plan) -> Value {
    let opened = Arc::new(Mutex::new((0_u64, 0_u64)));
    let mut clients = JoinSet::new();
    for _ in 0..plan.clients {
        let (plan, opened) = (plan.clone(), Arc::clone(&opened));
        clients.spawn(async move {
            while Instant::now() < plan.end {
                let Ok(mut stream) = connect(&plan).await else {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                    continue;
                };
                opened.lock().0 += 1;
                let half = b"POST /api/v1/projects HTTP/1.1\r\nHost: tidings\r\nX-Slow: ";
                let mut going = stream.write_all(half).await.is_ok();
                while going && Instant::now() < plan.end {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                    going = stream.write_all(b"x").await.is_ok();
                }
                opened.lock().1 += u64::from(!going);
            }
        });
    }
    while clients.join_next().await.is_some() {}
    let (opened, cut_off) = *opened.lock();
    json!({"opened": opened, "cut_off": cut_off})
}

/// Asks for lists and takes nothing of them.
pub(crate) async fn hoard(plan: Plan) -> Value {
    let opened = Arc::new(Mutex::new((0_u64, 0_u64)));
    let mut clients = JoinSet::new();
    for _ in 0..plan.clients {
        let (plan, opened) = (plan.clone(), Arc::clone(&opened));
        clients.spawn(async move {
            while Instant::now() < plan.end {
                let Ok(mut stream) = connect_with(&plan, Some(4096)).await else {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                    continue;
                };
                opened.lock().0 += 1;
                let asked = head(&plan, LIST.0, LIST.1, 0).repeat(20);
                let mut going = stream.write_all(asked.as_bytes()).await.is_ok();
                while going && Instant::now() < plan.end {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                    // A blank line before a request is allowed; it shows whether anybody is there.
                    going = stream.write_all(b"\r\n").await.is_ok();
                }
                opened.lock().1 += u64::from(!going);
            }
        });
    }
    while clients.join_next().await.is_some() {}
    let (opened, cut_off) = *opened.lock();
    json!({"opened": opened, "cut_off": cut_off})
}

/// How long `/healthz` takes from the connection on, while all the others are at it; and of that, until the connection stands (the
/// system does that by itself) and from then on (the server does).
pub(crate) async fn probe(plan: Plan) -> Value {
    let mut took: [Vec<u64>; 3] = Default::default();
    let mut failed = 0_u64;
    let mut turns = tokio::time::interval(Duration::from_millis(100));
    while Instant::now() < plan.end {
        turns.tick().await;
        let asked = Instant::now();
        let Ok(connected) = healthy(&plan).await else {
            failed += 1;
            continue;
        };
        let all = asked.elapsed();
        let parts = [all, connected, all.saturating_sub(connected)];
        for (list, part) in took.iter_mut().zip(parts) {
            list.push(u64::try_from(part.as_micros()).unwrap_or(u64::MAX));
        }
    }
    let [all, connect, answer] = took.map(|mut list| {
        list.sort_unstable();
        move |share: usize| {
            let last = list.len().saturating_sub(1);
            let at = list.get(last * share / 1_000).copied();
            (list.len(), at.unwrap_or(0))
        }
    });
    json!({
        "count": all(0).0, "failed": failed, "p50_us": all(500).1, "p99_us": all(990).1, "max_us": all(1_000).1,
        "connect_p99_us": connect(990).1, "answer_p99_us": answer(990).1,
    })
}

/// Asks once; how long it took to connect.
async fn healthy(plan: &Plan) -> Result<Duration> {
    let asked = Instant::now();
    let mut stream = connect(plan).await?;
    let connected = asked.elapsed();
    let health = b"GET /healthz HTTP/1.1\r\nHost: tidings\r\nConnection: close\r\n\r\n";
    stream.write_all(health).await?;
    let mut said = Vec::new();
    tokio::time::timeout(Duration::from_secs(30), stream.read_to_end(&mut said)).await??;
    if said.starts_with(b"HTTP/1.1 200 ") {
        Ok(connected)
    } else {
        Err("not healthy".into())
    }
}
