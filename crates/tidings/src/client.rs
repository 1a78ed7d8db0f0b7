//! The client commands' way to a server: its REST API.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::Context;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use tidings_domain::Value;
use tidings_egress::tls::Connector;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_util::either::Either;

use crate::Failure;

/// Which server, as whom, and how to print.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Server {
    /// The server, http or https [default: $TIDINGS_URL, else http://127.0.0.1:8080]
    #[arg(long, value_name = "URL", global = true)]
    server: Option<String>,
    /// Trust this certificate authority too, PEM [default: $TIDINGS_CA]
    #[arg(long, value_name = "FILE", global = true)]
    ca: Option<PathBuf>,
    /// The token [default: $TIDINGS_TOKEN]
    #[arg(long, value_name = "TOKEN", global = true)]
    token: Option<String>,
    /// Print JSON, for programs
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Act as this member (administrator and app tokens).
    #[arg(skip)]
    actor: Option<i64>,
    /// Made at the first call that needs it.
    #[arg(skip)]
    tls: Arc<OnceLock<Connector>>,
}

/// An answer that was no refusal.
pub(crate) struct Answer {
    pub(crate) body: Value,
}

impl Server {
    /// A server whose address and token are known.
    pub(crate) fn at(url: &str, token: &str) -> Self {
        Self {
            server: Some(url.to_owned()),
            ca: None,
            token: Some(token.to_owned()),
            json: false,
            actor: None,
            tls: Arc::default(),
        }
    }

    /// The same server, for a member; 0 is nobody.
    pub(crate) fn acting_as(&self, member: i64) -> Self {
        Self {
            actor: Some(member).filter(|m| *m > 0),
            ..self.clone()
        }
    }

    /// One call. A refusal becomes an error that says what the server said.
    pub(crate) async fn call(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> anyhow::Result<Answer> {
        let base = self
            .server
            .clone()
            .or_else(|| variable("TIDINGS_URL"))
            .unwrap_or_else(|| "http://127.0.0.1:8080".into());
        let base = url::Url::parse(&base).map_err(|_| {
            Failure::Usage(format!(
                "--server {base} is no URL; expected one such as http://127.0.0.1:8080"
            ))
        })?;
        let token = self.token.clone().or_else(|| variable("TIDINGS_TOKEN"));
        let bytes = body.map(serde_json::to_vec).transpose()?;
        let call = Call {
            method,
            path,
            token,
            actor: self.actor,
            body: bytes,
        };
        let (status, text) = send(&base, self.connector(&base)?, &call).await?;
        if (200..300).contains(&status) {
            let body = if text.is_empty() {
                Value::Null
            } else {
                Value::parse(&text).context("the answer is no JSON")?
            };
            return Ok(Answer { body });
        }
        let mut said = refusal(status, &text);
        match status {
            401 => said.push_str("; give it with --token or in TIDINGS_TOKEN"),
            404 => said = format!("{path}: {said}"),
            _ => {}
        }
        Err(Failure::Refused(said).into())
    }

    /// What encrypts the way to that server; nothing for http.
    fn connector(&self, base: &url::Url) -> anyhow::Result<Option<&Connector>> {
        match base.scheme() {
            "http" => return Ok(None),
            "https" => {}
            other => {
                let said =
                    format!("--server {base}: {other} is not spoken here; give http or https");
                return Err(Failure::Usage(said).into());
            }
        }
        if let Some(made) = self.tls.get() {
            return Ok(Some(made));
        }
        let file = self
            .ca
            .clone()
            .or_else(|| variable("TIDINGS_CA").map(PathBuf::from));
        let made = match &file {
            None => Connector::new(None).map_err(Failure::Usage)?,
            Some(file) => {
                let shown = file.display();
                let pem = std::fs::read_to_string(file)
                    .map_err(|e| Failure::Usage(format!("--ca {shown}: {e}")))?;
                Connector::new(Some(&pem))
                    .map_err(|e| Failure::Usage(format!("--ca {shown}: {e}")))?
            }
        };
        Ok(Some(self.tls.get_or_init(|| made)))
    }

    /// Every page of a list.
    pub(crate) async fn list(&self, path: &str, limit: usize) -> anyhow::Result<Vec<Value>> {
        let mut all = Vec::new();
        let mut cursor = String::new();
        loop {
            let separator = if path.contains('?') { '&' } else { '?' };
            let page = self
                .call(
                    "GET",
                    &format!("{path}{separator}limit={}{cursor}", limit.clamp(1, 200)),
                    None,
                )
                .await?
                .body;
            all.extend(
                page.member("data")
                    .map(Value::as_list)
                    .unwrap_or_default()
                    .iter()
                    .cloned(),
            );
            match page.member("next_cursor").and_then(Value::as_str) {
                Some(next) if all.len() < limit => {
                    cursor = format!("&cursor={}", encode(next));
                    if std::io::stderr().is_terminal() {
                        eprint!("\r{} so far", all.len());
                    }
                }
                _ => break,
            }
        }
        if !cursor.is_empty() && std::io::stderr().is_terminal() {
            eprint!("\r                    \r");
        }
        all.truncate(limit);
        Ok(all)
    }

    /// Says that something was done that has no answer of its own: in words, or as an object.
    pub(crate) fn done(&self, members: &[(&str, Value)], words: &str) {
        if self.json {
            let members = members.iter().map(|(k, v)| ((*k).to_owned(), v.clone()));
            crate::output::json(&Value::Map(members.collect()));
        } else {
            crate::output::say(words);
        }
    }

    /// Prints one object as the caller wants it.
    pub(crate) fn show(&self, value: &Value) {
        if self.json {
            crate::output::json(value);
        } else {
            crate::output::record(value);
        }
    }
}

/// A variable of the environment that is not empty.
#[expect(
    clippy::disallowed_methods,
    reason = "the client's own variables are no settings of the server"
)]
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|v| !v.is_empty())
}

/// Percent-encodes a path segment or query value.
pub(crate) fn encode(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes())
        .collect::<String>()
        .replace('+', "%20")
}

fn refusal(status: u16, text: &[u8]) -> String {
    let Ok(problem) = Value::parse(text) else {
        let start: String = String::from_utf8_lossy(text).chars().take(200).collect();
        return match start.trim() {
            "" => format!("the server answered {status} and nothing else; is it Tidings?"),
            start => format!("the server answered {status}; is it Tidings? {start}"),
        };
    };
    let detail = crate::output::cell(&problem, "detail");
    let code = crate::output::cell(&problem, "code");
    let mut lines = vec![format!("{detail} ({status} {code})")];
    for error in problem
        .member("errors")
        .map(Value::as_list)
        .unwrap_or_default()
        .iter()
        .skip(1)
    {
        lines.push(format!(
            "  {}: {}",
            crate::output::cell(error, "field"),
            crate::output::cell(error, "detail")
        ));
    }
    lines.join("\n")
}

struct Call<'a> {
    method: &'a str,
    path: &'a str,
    token: Option<String>,
    actor: Option<i64>,
    body: Option<Vec<u8>>,
}

async fn send(
    base: &url::Url,
    tls: Option<&Connector>,
    call: &Call<'_>,
) -> anyhow::Result<(u16, Vec<u8>)> {
    let exchange = async {
        let stream = connect(base, tls).await?;
        let unreachable = |e: hyper::Error| unreachable(base, &e.to_string());
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .map_err(unreachable)?;
        tokio::spawn(connection);
        let answer = sender.send_request(request(base, call)?).await;
        let answer = answer.map_err(unreachable)?;
        let status = answer.status().as_u16();
        let body = answer.into_body().collect().await.map_err(unreachable)?;
        anyhow::Ok((status, body.to_bytes().to_vec()))
    };
    tokio::time::timeout(Duration::from_secs(90), exchange)
        .await
        .map_err(|_| unreachable(base, "no answer within 90 s"))?
}

fn unreachable(base: &url::Url, error: &str) -> Failure {
    Failure::Unreachable(format!(
        "cannot reach {base}: {error}; is `tidings serve` running there?"
    ))
}

/// A connection to the server, encrypted for https.
async fn connect(
    base: &url::Url,
    tls: Option<&Connector>,
) -> anyhow::Result<Either<TcpStream, impl AsyncRead + AsyncWrite + Unpin + Send + use<>>> {
    let host = base.host_str().context("--server has no host")?;
    let port = base.port_or_known_default().unwrap_or(80);
    let tcp = TcpStream::connect((host.trim_matches(['[', ']']), port))
        .await
        .map_err(|e| unreachable(base, &e.to_string()))?;
    Ok(match tls {
        None => Either::Left(tcp),
        Some(tls) => {
            let stream = tls.connect(host, tcp).await;
            Either::Right(stream.map_err(|failure| untrusted(base, &failure))?)
        }
    })
}

/// What is wrong with the server's certificate, or with TLS there, and what to do.
fn untrusted(base: &url::Url, failure: &tidings_egress::Failure) -> Failure {
    let said = match failure.code {
        "tls_unknown_authority" | "tls_self_signed" => {
            "its certificate is of an authority that is not trusted here; give that authority with --ca FILE or TIDINGS_CA"
        }
        "tls_wrong_name" => "its certificate is for another host; use the name it is for",
        "tls_expired" => "its certificate has expired; renew it",
        "tls_not_yet_valid" => "its certificate is not valid yet; check both clocks",
        "tls_not_tls" => "it speaks no TLS on this port; is http:// meant?",
        _ => failure.detail.as_str(),
    };
    Failure::Unreachable(format!("cannot reach {base}: {said}"))
}

fn request(base: &url::Url, call: &Call<'_>) -> anyhow::Result<hyper::Request<Full<Bytes>>> {
    let host = base.host_str().context("--server has no host")?;
    let host = match base.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    };
    let path = base.path().trim_end_matches('/');
    let mut request = hyper::Request::builder()
        .method(call.method)
        .uri(format!("{path}/api/v1{}", call.path))
        .header("host", host)
        .header("connection", "close");
    if let Some(token) = &call.token {
        let value =
            hyper::header::HeaderValue::from_str(&format!("Bearer {token}")).map_err(|_| {
                Failure::Usage("the token has characters that no token has; copy it again".into())
            })?;
        request = request.header("authorization", value);
    }
    if let Some(actor) = call.actor {
        request = request.header("tidings-actor", actor);
    }
    if call.body.is_some() {
        request = request.header("content-type", "application/json");
    }
    let body = call.body.clone().unwrap_or_default();
    Ok(request.body(Full::new(Bytes::from(body)))?)
}
