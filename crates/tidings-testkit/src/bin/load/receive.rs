//! The receiver: answers 204 to every POST, or never when the path begins with `/hang`; counts, and measures delays when asked to.
//!
//! It has a second address, plain HTTP, at which it is asked: `GET /` tells the counts. `GET /wait/N` answers when N requests were answered (or after two minutes) and tells the counts.
//! `GET /delays` tells the percentiles of the delays since it was last asked.

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::rc::Rc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use rustls::HandshakeKind;
use serde::Deserialize;
use tidings_testkit::tls::{Authority, Kind};
use tokio::net::TcpListener;

use crate::{Result, now_us, percentiles};

/// How long `/wait` waits.
const PATIENCE: Duration = Duration::from_mins(2);
/// How often it looks.
const LOOK: Duration = Duration::from_millis(2);
/// What stands before the time of sending in a body.
const STAMP: &[u8] = b"sent@";

#[derive(Deserialize)]
pub(crate) struct Plan {
    /// HTTPS, with an authority of its own that is printed.
    #[serde(default)]
    tls: bool,
    /// Look for the time of sending in each body.
    #[serde(default)]
    delays: bool,
}

/// One thread serves all: no locks.
#[derive(Default)]
struct Counts {
    delays: bool,
    requests: Cell<u64>,
    bytes: Cell<u64>,
    connections: Cell<u64>,
    hanging: Cell<u64>,
    full_handshakes: Cell<u64>,
    resumed_handshakes: Cell<u64>,
    seen: RefCell<Vec<u64>>,
}

fn add(cell: &Cell<u64>, n: u64) {
    cell.set(cell.get() + n);
}

pub(crate) async fn run(plan: Plan) -> Result<()> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let control = TcpListener::bind(("127.0.0.1", 0)).await?;
    let authority = Authority::new();
    let tls = plan.tls.then(|| authority.server(Kind::Valid));
    println!(
        "{}",
        serde_json::json!({
            "address": listener.local_addr()?.to_string(),
            "control": control.local_addr()?.to_string(),
            "ca_pem": authority.pem(),
        })
    );
    let counts = Rc::new(Counts {
        delays: plan.delays,
        ..Counts::default()
    });
    let local = tokio::task::LocalSet::new();
    let asked = Rc::clone(&counts);
    local.spawn_local(async move {
        while let Ok((stream, _)) = control.accept().await {
            tokio::task::spawn_local(serve(TokioIo::new(stream), Rc::clone(&asked)));
        }
    });
    let accept = async {
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            let (counts, tls) = (Rc::clone(&counts), tls.clone());
            tokio::task::spawn_local(async move {
                add(&counts.connections, 1);
                let Some(tls) = tls else {
                    return serve(TokioIo::new(stream), counts).await;
                };
                if let Ok(stream) = tls.accept(stream).await {
                    let resumed =
                        stream.get_ref().1.handshake_kind() == Some(HandshakeKind::Resumed);
                    let kind = if resumed {
                        &counts.resumed_handshakes
                    } else {
                        &counts.full_handshakes
                    };
                    add(kind, 1);
                    serve(TokioIo::new(stream), counts).await;
                }
            });
        }
    };
    local.run_until(accept).await
}

async fn serve<S>(stream: S, counts: Rc<Counts>)
where
    S: hyper::rt::Read + hyper::rt::Write + Unpin + 'static,
{
    let service = service_fn(move |request| answer(request, Rc::clone(&counts)));
    // A client that goes away is no news.
    let _ = hyper::server::conn::http1::Builder::new()
        .serve_connection(stream, service)
        .await;
}

async fn answer(
    request: Request<Incoming>,
    counts: Rc<Counts>,
) -> std::result::Result<Response<Full<Bytes>>, Infallible> {
    let mut response = Response::new(Full::default());
    if request.method() == Method::POST {
        take(request, &counts).await;
        *response.status_mut() = StatusCode::NO_CONTENT;
        return Ok(response);
    }
    let path = request.uri().path().to_owned();
    let told = match path.strip_prefix("/wait/").map(str::parse) {
        Some(Ok(wanted)) => {
            let end = Instant::now() + PATIENCE;
            while counts.requests.get() < wanted && Instant::now() < end {
                tokio::time::sleep(LOOK).await;
            }
            counts.tell()
        }
        _ if path == "/delays" => percentiles(counts.seen.take()),
        _ => counts.tell(),
    };
    *response.body_mut() = Full::new(Bytes::from(told.to_string()));
    Ok(response)
}

async fn take(request: Request<Incoming>, counts: &Counts) {
    let hang = request.uri().path().starts_with("/hang");
    let mut body = request.into_body();
    let (mut bytes, mut kept) = (0, Vec::new());
    while let Some(Ok(frame)) = body.frame().await {
        let Some(data) = frame.data_ref() else {
            continue;
        };
        bytes += data.len() as u64;
        if counts.delays {
            kept.extend_from_slice(data);
        }
    }
    if hang {
        add(&counts.hanging, 1);
        // The sender gives up, which drops us.
        std::future::pending::<()>().await;
    }
    add(&counts.requests, 1);
    add(&counts.bytes, bytes);
    if let Some(sent) = counts.delays.then(|| stamp(&kept)).flatten() {
        counts.seen.borrow_mut().push(now_us().saturating_sub(sent));
    }
}

/// The latest time in a body, which may also tell the one before.
fn stamp(body: &[u8]) -> Option<u64> {
    let digits = |at: &[u8]| {
        let digits = at.iter().take_while(|b| b.is_ascii_digit());
        digits.fold(0_u64, |n, d| {
            n.wrapping_mul(10).wrapping_add(u64::from(d - b'0'))
        })
    };
    body.windows(STAMP.len())
        .enumerate()
        .filter(|(_, window)| *window == STAMP)
        .filter_map(|(at, _)| body.get(at + STAMP.len()..).map(digits))
        .max()
}

impl Counts {
    fn tell(&self) -> serde_json::Value {
        serde_json::json!({
            "requests": self.requests.get(),
            "bytes": self.bytes.get(),
            "connections": self.connections.get(),
            "hanging": self.hanging.get(),
            "full_handshakes": self.full_handshakes.get(),
            "resumed_handshakes": self.resumed_handshakes.get(),
        })
    }
}
