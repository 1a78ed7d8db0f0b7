//! The client commands' way to a server: its REST API.

use std::io::IsTerminal;
use std::time::Duration;

use anyhow::Context;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use tidings_domain::Value;

use crate::Failure;

/// Which server, as whom, and how to print.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Server {
    /// The server [default: $TIDINGS_URL, else http://127.0.0.1:8080]
    #[arg(long, value_name = "URL", global = true)]
    server: Option<String>,
    /// The token [default: $TIDINGS_TOKEN]
    #[arg(long, value_name = "TOKEN", global = true)]
    token: Option<String>,
    /// Print JSON, for programs
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Act as this member (administrator and app tokens).
    #[arg(skip)]
    actor: Option<i64>,
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
            token: Some(token.to_owned()),
            json: false,
            actor: None,
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
        let (status, text) = send(
            &base,
            &Call {
                method,
                path,
                token,
                actor: self.actor,
                body: bytes,
            },
        )
        .await?;
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

#[expect(
    clippy::disallowed_methods,
    reason = "the client's two variables are no settings of the server"
)]
fn variable(name: &str) -> Option<String> {
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

async fn send(base: &url::Url, call: &Call<'_>) -> anyhow::Result<(u16, Vec<u8>)> {
    if base.scheme() != "http" {
        return Err(Failure::Usage(format!(
            "--server {base}: the commands speak http only; for a server behind TLS use its address inside the network (http://127.0.0.1:8080 on its own machine), or an SSH tunnel"
        ))
        .into());
    }
    let host = base.host_str().context("--server has no host")?;
    let port = base.port_or_known_default().unwrap_or(80);
    let unreachable = |error: String| {
        Failure::Unreachable(format!(
            "cannot reach {base}: {error}; is `tidings serve` running there?"
        ))
    };
    let exchange = async {
        let stream = tokio::net::TcpStream::connect((host.trim_matches(['[', ']']), port))
            .await
            .map_err(|e| unreachable(e.to_string()))?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|e| unreachable(e.to_string()))?;
        tokio::spawn(connection);
        let mut request = hyper::Request::builder()
            .method(call.method)
            .uri(format!(
                "{}/api/v1{}",
                base.path().trim_end_matches('/'),
                call.path
            ))
            .header("host", format!("{host}:{port}"))
            .header("connection", "close");
        if let Some(token) = &call.token {
            let value =
                hyper::header::HeaderValue::from_str(&format!("Bearer {token}")).map_err(|_| {
                    Failure::Usage(
                        "the token has characters that no token has; copy it again".into(),
                    )
                })?;
            request = request.header("authorization", value);
        }
        if let Some(actor) = call.actor {
            request = request.header("tidings-actor", actor);
        }
        if call.body.is_some() {
            request = request.header("content-type", "application/json");
        }
        let request = request.body(Full::new(Bytes::from(
            call.body.clone().unwrap_or_default(),
        )))?;
        let answer = sender
            .send_request(request)
            .await
            .map_err(|e| unreachable(e.to_string()))?;
        let status = answer.status().as_u16();
        let bytes = answer
            .into_body()
            .collect()
            .await
            .map_err(|e| unreachable(e.to_string()))?
            .to_bytes();
        anyhow::Ok((status, bytes.to_vec()))
    };
    tokio::time::timeout(Duration::from_secs(90), exchange)
        .await
        .map_err(|_| unreachable("no answer within 90 s".into()))?
}
