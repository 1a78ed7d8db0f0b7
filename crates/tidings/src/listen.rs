//! `tidings listen`: a receiver for people who write receivers. Prints each request, checks every signature it carries.

use std::collections::HashMap;
use std::convert::Infallible;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context, bail};
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tidings_dialects::Dialect;
use tidings_domain::Clock;

use crate::capture::{Verdict, check, detect};
use crate::clock::SystemClock;
use crate::output;

/// The largest body that is read: far above what Tidings sends.
const MAX_BODY: usize = 16 << 20;

/// Receive webhooks here: print and verify each request
#[derive(clap::Args)]
pub(crate) struct Listen {
    /// Where to listen
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:9000")]
    listen: SocketAddr,
    /// The dialect that is expected [default: found out from the headers]
    #[arg(long, value_name = "D")]
    dialect: Option<String>,
    /// The secret of the webhook
    #[arg(long, value_name = "S")]
    secret: Option<String>,
    /// Pass each request on to this URL and answer as it does
    #[arg(long, value_name = "URL")]
    forward: Option<url::Url>,
    /// The status to answer with
    #[arg(long, default_value_t = 204, value_parser = clap::value_parser!(u16).range(200..=599))]
    status: u16,
    /// Print a JSON object a line
    #[arg(long)]
    json: bool,
}

impl Listen {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        if let Some(name) = &self.dialect {
            dialect(name)?;
        }
        let settings = Settings {
            dialect: self.dialect,
            secrets: HashMap::new(),
            secret: self.secret,
            forward: self.forward,
            status: StatusCode::from_u16(self.status).context("--status")?,
        };
        let json = self.json;
        let receiver =
            Receiver::with(self.listen, settings, move |received| received.print(json)).await?;
        eprintln!("listening on http://{}; Ctrl-C ends it", receiver.address);
        crate::signals::interrupted().await;
        Ok(())
    }
}

/// The dialect of that name, or an error that lists them.
pub(crate) fn dialect(name: &str) -> anyhow::Result<&'static dyn Dialect> {
    let Some(found) = tidings_dialects::find(name) else {
        let names: Vec<&str> = tidings_dialects::all().iter().map(|d| d.name()).collect();
        bail!("there is no dialect {name}; there are {}", names.join(", "));
    };
    Ok(found)
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Verdict::Good => f.write_str("verified"),
            Verdict::Unsigned => f.write_str("unsigned"),
            Verdict::Bad(why) => f.write_str(why),
        }
    }
}

/// A request that arrived.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    pub(crate) dialect: String,
    /// `webhook-id`
    pub(crate) id: String,
    /// `x-tidings-event`
    pub(crate) code: String,
    /// `x-tidings-object`
    pub(crate) object: String,
    /// What was answered.
    pub(crate) status: u16,
    pub(crate) verdict: Verdict,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Bytes,
}

impl Received {
    fn print(&self, json: bool) {
        let text = String::from_utf8_lossy(&self.body).into_owned();
        if json {
            let headers: serde_json::Map<String, serde_json::Value> = self
                .headers
                .iter()
                .map(|(k, v)| (k.clone(), v.as_str().into()))
                .collect();
            output::say(serde_json::json!({
                    "dialect": self.dialect, "id": self.id, "code": self.code, "object": self.object, "status": self.status,
                    "signature": self.verdict.to_string(), "headers": headers, "body": text,
            }));
            return;
        }
        let head = [
            self.dialect.as_str(),
            &self.code,
            &self.object,
            &self.id,
            &self.status.to_string(),
            &self.verdict.to_string(),
        ];
        output::say(output::line(head.into_iter(), &[9, 30, 18, 17, 3, 8]));
        for (name, value) in &self.headers {
            output::say(format!(
                "    {}",
                output::line([format!("{name}: {value}").as_str()].into_iter(), &[0])
            ));
        }
        let pretty = tidings_domain::Value::parse(&self.body)
            .ok()
            .and_then(|v| serde_json::to_string_pretty(&v).ok());
        for body_line in pretty.unwrap_or(text).lines() {
            output::say(format!("    {body_line}"));
        }
        output::say("");
    }
}

struct Settings {
    dialect: Option<String>,
    /// By the first segment of the path, which then names the dialect: the demo's receiver.
    secrets: HashMap<String, String>,
    secret: Option<String>,
    forward: Option<url::Url>,
    status: StatusCode,
}

/// A receiver that listens until it is dropped.
pub(crate) struct Receiver {
    pub(crate) address: SocketAddr,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

type Told = dyn Fn(Received) + Send + Sync;

impl Receiver {
    /// A receiver whose paths name the dialects: `/squish` is verified with the secret of `squish`.
    pub(crate) async fn start(
        listen: SocketAddr,
        secrets: HashMap<String, String>,
        told: impl Fn(Received) + Send + Sync + 'static,
    ) -> anyhow::Result<Self> {
        let settings = Settings {
            dialect: None,
            secrets,
            secret: None,
            forward: None,
            status: StatusCode::NO_CONTENT,
        };
        Self::with(listen, settings, told).await
    }

    async fn with(
        listen: SocketAddr,
        settings: Settings,
        told: impl Fn(Received) + Send + Sync + 'static,
    ) -> anyhow::Result<Self> {
        let listener = tokio::net::TcpListener::bind(listen)
            .await
            .with_context(|| {
                format!("cannot listen on {listen}; choose another with --listen ADDR:PORT")
            })?;
        let address = listener.local_addr()?;
        let shared: Arc<(Settings, Box<Told>)> = Arc::new((settings, Box::new(told)));
        let task = tokio::spawn(async move {
            // An error of accept (too many open files) passes; the next connection may do.
            loop {
                let Ok((stream, _)) = listener.accept().await else {
                    tokio::task::yield_now().await;
                    continue;
                };
                let shared = Arc::clone(&shared);
                tokio::spawn(async move {
                    let service = hyper::service::service_fn(move |request| {
                        serve(request, Arc::clone(&shared))
                    });
                    let server = hyper::server::conn::http1::Builder::new();
                    // A sender that goes away is no news.
                    server
                        .serve_connection(TokioIo::new(stream), service)
                        .await
                        .ok();
                });
            }
        });
        Ok(Self { address, task })
    }
}

async fn serve(
    request: Request<Incoming>,
    shared: Arc<(Settings, Box<Told>)>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (settings, told) = &*shared;
    let (head, body) = request.into_parts();
    let Ok(body) = Limited::new(body, MAX_BODY)
        .collect()
        .await
        .map(http_body_util::Collected::to_bytes)
    else {
        return Ok(answer(StatusCode::PAYLOAD_TOO_LARGE));
    };
    let segment = head.uri.path().trim_matches('/').to_owned();
    let by_path = settings.secrets.get(&segment);
    let name = match (&settings.dialect, by_path) {
        (Some(name), _) => name.clone(),
        (None, Some(_)) => segment,
        (None, None) => detect(&head.headers).to_owned(),
    };
    let Some(dialect) = tidings_dialects::find(&name) else {
        return Ok(answer(StatusCode::NOT_FOUND));
    };
    let secret = by_path.or(settings.secret.as_ref());
    let now = SystemClock::new().wall().as_second();
    let verdict = check(
        dialect,
        secret.map(String::as_str),
        &head.headers,
        &body,
        Some(now),
    );
    let status = match &settings.forward {
        Some(url) => forward(url, &head.headers, &body).await,
        None if matches!(verdict, Verdict::Bad(_)) => StatusCode::UNAUTHORIZED,
        None => settings.status,
    };
    let header = |name: &str| {
        head.headers
            .get(name)
            .map(|v| String::from_utf8_lossy(v.as_bytes()).into_owned())
            .unwrap_or_default()
    };
    told(Received {
        dialect: name,
        id: header("webhook-id"),
        code: header("x-tidings-event"),
        object: header("x-tidings-object"),
        status: status.as_u16(),
        verdict,
        headers: head
            .headers
            .iter()
            .map(|(k, v)| {
                (
                    k.to_string(),
                    String::from_utf8_lossy(v.as_bytes()).into_owned(),
                )
            })
            .collect(),
        body,
    });
    Ok(answer(status))
}

fn answer(status: StatusCode) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    response
}

/// Passes a request on, with the headers that belong to it and not to the connection.
async fn forward(url: &url::Url, headers: &HeaderMap, body: &Bytes) -> StatusCode {
    let own = [
        "host",
        "connection",
        "content-length",
        "transfer-encoding",
        "accept-encoding",
        "keep-alive",
        "te",
        "trailer",
        "upgrade",
    ];
    let kept = headers
        .iter()
        .filter(|(name, _)| !own.contains(&name.as_str()));
    let headers = kept
        .map(|(k, v)| {
            (
                k.to_string(),
                String::from_utf8_lossy(v.as_bytes()).into_owned(),
            )
        })
        .collect();
    let report = crate::commands::trigger::post(url.clone(), headers, body.clone()).await;
    let status = report
        .answer
        .and_then(|a| StatusCode::from_u16(a.status).ok());
    status.unwrap_or_else(|| {
        let why = report.error.map(|e| e.detail).unwrap_or_default();
        eprintln!("cannot forward: {why}");
        StatusCode::BAD_GATEWAY
    })
}
