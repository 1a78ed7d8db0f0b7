//! The benchmark's other processes: a receiver that counts, a bare client that measures the machine's limit, a feeder.
//!
//! `load receive` prints its address and then answers 204 to every POST; `GET /` tells how many came and over how many connections.
//! `load direct URL SECONDS CONNECTIONS BYTES` prints requests/s of a bare hyper client.
//! `load feed URL TOKEN SECONDS FEEDERS BATCH PATH-COUNT` reports changes to a Tidings server and prints how many it accepted.
#![expect(
    clippy::print_stdout,
    reason = "a command line tool talks on standard output"
)]

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::SendRequest;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};

type Sender = SendRequest<Full<Bytes>>;
type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

#[tokio::main]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["receive"] => receive().await,
        ["direct", url, seconds, connections, bytes] => direct(url, seconds.parse()?, connections.parse()?, bytes.parse()?).await,
        ["feed", url, token, seconds, feeders, batch, objects] => {
            let plan = Feed { token: (*token).to_owned(), seconds: seconds.parse()?, batch: batch.parse()?, objects: objects.parse()? };
            feed(url, plan, feeders.parse()?).await
        }
        _ => Err("usage: load receive | direct URL SECONDS CONNECTIONS BYTES | feed URL TOKEN SECONDS FEEDERS BATCH OBJECTS".into()),
    }
}

#[derive(Default)]
struct Counts {
    requests: AtomicU64,
    connections: AtomicU64,
}

async fn receive() -> Result<()> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    println!("{}", listener.local_addr()?);
    let counts = Arc::new(Counts::default());
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        counts.connections.fetch_add(1, Ordering::Relaxed);
        let counts = Arc::clone(&counts);
        tokio::spawn(async move {
            let service =
                hyper::service::service_fn(move |request| answer(request, Arc::clone(&counts)));
            // A client that goes away is no news.
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

async fn answer(
    request: Request<Incoming>,
    counts: Arc<Counts>,
) -> std::result::Result<Response<Full<Bytes>>, Infallible> {
    let mut response = Response::new(Full::default());
    if request.method() == Method::POST {
        let _ = request.into_body().collect().await;
        counts.requests.fetch_add(1, Ordering::Relaxed);
        *response.status_mut() = StatusCode::NO_CONTENT;
    } else {
        let text = format!(
            "{} {}",
            counts.requests.load(Ordering::Relaxed),
            counts.connections.load(Ordering::Relaxed)
        );
        *response.body_mut() = Full::new(Bytes::from(text));
    }
    Ok(response)
}

fn address(url: &str) -> Result<SocketAddr> {
    Ok(url
        .trim_start_matches("http://")
        .trim_end_matches('/')
        .parse()?)
}

async fn connect(to: SocketAddr) -> Result<Sender> {
    let stream = TcpStream::connect(to).await?;
    stream.set_nodelay(true)?;
    let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    Ok(sender)
}

async fn post(sender: &mut Sender, request: Request<Full<Bytes>>) -> Result<StatusCode> {
    let response = sender.send_request(request).await?;
    let status = response.status();
    response.into_body().collect().await?;
    Ok(status)
}

async fn direct(url: &str, seconds: u64, connections: usize, bytes: usize) -> Result<()> {
    let to = address(url)?;
    let body = Bytes::from(vec![b'x'; bytes]);
    let end = Instant::now() + Duration::from_secs(seconds);
    let mut tasks = Vec::new();
    for _ in 0..connections {
        let body = body.clone();
        tasks.push(tokio::spawn(async move {
            let mut sender = connect(to).await?;
            let mut done = 0_u64;
            while Instant::now() < end {
                let request = Request::post("/")
                    .header("host", "receiver")
                    .header("content-type", "application/json");
                post(&mut sender, request.body(Full::new(body.clone()))?).await?;
                done += 1;
            }
            Result::Ok(done)
        }));
    }
    let started = Instant::now();
    let mut done = 0;
    for task in tasks {
        done += task.await??;
    }
    println!("{}", per_second(done, started.elapsed()));
    Ok(())
}

fn per_second(count: u64, took: Duration) -> u64 {
    u64::try_from(u128::from(count) * 1_000_000 / took.as_micros().max(1)).unwrap_or(u64::MAX)
}

#[derive(Clone)]
struct Feed {
    token: String,
    seconds: u64,
    batch: u64,
    objects: u64,
}

/// Changes titles of tasks, each feeder of its own share of them, so that no two feeders want the same object.
async fn feed(url: &str, plan: Feed, feeders: u64) -> Result<()> {
    let to = address(url)?;
    let end = Instant::now() + Duration::from_secs(plan.seconds);
    let started = Instant::now();
    let mut tasks = Vec::new();
    for feeder in 0..feeders {
        let plan = plan.clone();
        tasks.push(tokio::spawn(async move {
            let mut sender = connect(to).await?;
            let (mut accepted, mut turn) = (0, 0_u64);
            while Instant::now() < end {
                let request = change(&plan, feeder, feeders, turn)?;
                turn += 1;
                let status = post(&mut sender, request).await?;
                if !status.is_success() {
                    return Err(format!("the server answered {status}").into());
                }
                accepted += plan.batch;
            }
            Result::Ok(accepted)
        }));
    }
    let mut accepted = 0;
    for task in tasks {
        accepted += task.await??;
    }
    println!("{accepted} {}", per_second(accepted, started.elapsed()));
    Ok(())
}

fn change(plan: &Feed, feeder: u64, feeders: u64, turn: u64) -> Result<Request<Full<Bytes>>> {
    let share = (plan.objects / feeders).max(1);
    let object = |n: u64| 1 + (feeder * share + n % share) % plan.objects;
    let (method, path, body) = if plan.batch == 1 {
        (
            Method::PATCH,
            format!("/api/v1/projects/BENCH/tasks/{}", object(turn)),
            format!(r#"{{"title":"Turn {turn} of feeder {feeder}"}}"#),
        )
    } else {
        let entries = (0..plan.batch).map(|n| {
            let id = object(turn * plan.batch + n);
            format!(r#"{{"op":"patch","collection":"tasks","id":{id},"data":{{"title":"Turn {turn}.{n} of feeder {feeder}"}}}}"#)
        });
        (
            Method::POST,
            "/api/v1/projects/BENCH/changes".to_owned(),
            format!("[{}]", entries.collect::<Vec<_>>().join(",")),
        )
    };
    Ok(Request::builder()
        .method(method)
        .uri(path)
        .header("host", "tidings")
        .header("authorization", format!("Bearer {}", plan.token))
        .header("content-type", "application/json")
        .body(Full::new(Bytes::from(body)))?)
}
