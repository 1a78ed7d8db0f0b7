//! What the tests of the binary share: the server as a process, its API, a receiver that remembers.

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::{HeaderMap, HeaderValue};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

pub(crate) const TOKEN: &str = "tid_test_0123456789abcdef0123456789abcdef";
/// The longest a test waits for something that takes milliseconds.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// The binary, with these arguments and no settings from the outside.
pub(crate) fn tidings(arguments: &[&str]) -> Command {
    tidings_by(env!("CARGO_BIN_EXE_tidings"), arguments)
}

fn tidings_by(program: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .stdin(Stdio::null());
    command
}

/// The database in `folder`, as `--store` takes it.
pub(crate) fn store(folder: &Path) -> String {
    format!("sqlite:{}", folder.join("tidings.db").display())
}

/// An operator's command on the database in `folder`.
pub(crate) fn operator(folder: &Path, arguments: &[&str]) -> Output {
    let store = store(folder);
    tidings(&[arguments, &["--store", &store]].concat())
        .output()
        .unwrap()
}

/// What it said on standard error.
pub(crate) fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A running server; killed, not stopped, when it goes.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

impl Server {
    /// On the database in `folder`; returns when it listens.
    pub(crate) fn start(folder: &Path) -> Self {
        Self::with(folder, &[])
    }

    pub(crate) fn with(folder: &Path, more: &[&str]) -> Self {
        let allow = ["--egress-allow", "127.0.0.1"];
        Self::launch(folder, &[&allow, more].concat(), &[])
    }

    /// Reaches public addresses only, and asks this name server for names: as strangers' URLs meet it.
    pub(crate) fn guarded(folder: &Path, resolver: SocketAddr) -> Self {
        let resolver = resolver.to_string();
        Self::launch(folder, &[], &[("TIDINGS_EGRESS_RESOLVER", &resolver)])
    }

    /// As a service manager starts it: with a soft limit of open files that is low.
    pub(crate) fn start_with_files(folder: &Path, soft: u32) -> Self {
        let script = format!("ulimit -Sn {soft}; exec \"$0\" \"$@\"");
        let mut shell = tidings_by("/bin/sh", &["-c", &script, env!("CARGO_BIN_EXE_tidings")]);
        shell.args(["serve", "--egress-allow", "127.0.0.1"]);
        Self::launch_as(shell, folder, &[], &[])
    }

    /// Writes everything that it can say into a file.
    pub(crate) fn logged(folder: &Path, log: &Path) -> Self {
        let mut command = tidings(&["serve"]);
        command.stderr(std::fs::File::create(log).unwrap());
        let settings = [("TIDINGS_LOG_LEVEL", "trace")];
        Self::launch_as(command, folder, &["--egress-allow", "127.0.0.1"], &settings)
    }

    fn launch(folder: &Path, more: &[&str], settings: &[(&str, &str)]) -> Self {
        Self::launch_as(tidings(&["serve"]), folder, more, settings)
    }

    fn launch_as(
        mut command: Command,
        folder: &Path,
        more: &[&str],
        settings: &[(&str, &str)],
    ) -> Self {
        let store = store(folder);
        command.args(["--listen", "127.0.0.1:0", "--store", &store]);
        command
            .args(more)
            .env("TIDINGS_ADMIN_TOKEN", TOKEN)
            .env("TIDINGS_LOG_LEVEL", "warn")
            .envs(settings.iter().copied());
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let address = line.trim().rsplit("http://").next().unwrap().parse();
        let Ok(address) = address else {
            let status = child.wait();
            panic!("the server did not start ({status:?}); it said {line:?}");
        };
        Self { child, address }
    }

    /// Memory of the process that is in RAM.
    pub(crate) fn resident_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|l| l.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }

    /// `kill -9`.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM, and the exit status.
    pub(crate) fn terminate(mut self) -> std::process::ExitStatus {
        self.ask_to_stop();
        self.child.wait().unwrap()
    }

    /// SIGTERM, without waiting for what follows.
    pub(crate) fn ask_to_stop(&self) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-TERM", &pid]).status();
        assert!(sent.unwrap().success());
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// One call of the API that must succeed.
    pub(crate) async fn call(&self, method: &str, path: &str, body: &Value) -> Value {
        let (status, answer) = call(self.address, method, path, body).await.unwrap();
        assert!(
            (200..300).contains(&status),
            "{method} {path} {body}: {status} {answer}"
        );
        answer
    }
}

/// One call of the API: status and body. Fails when the server goes away.
pub(crate) async fn call(to: SocketAddr, method: &str, path: &str, body: &Value) -> Answer {
    call_as(to, method, path, None, body).await
}

/// Status and body.
pub(crate) type Answer = Result<(u16, Value), Box<dyn std::error::Error + Send + Sync>>;

/// The same, naming who did it and when.
pub(crate) async fn call_as(
    to: SocketAddr,
    method: &str,
    path: &str,
    who: Option<(&str, &str)>,
    body: &Value,
) -> Answer {
    let headers = who.map(|(actor, at)| [("tidings-actor", actor), ("tidings-at", at)]);
    let headers = headers.as_ref().map_or(&[][..], |headers| headers);
    let reply = ask(to, method, path, headers, body).await?;
    Ok((reply.status, reply.body))
}

/// An answer with its headers.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HashMap<String, String>,
    /// Null when there is none, or when it is no JSON.
    pub(crate) body: Value,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

/// One call of the API with headers of its own. Fails when the server goes away.
pub(crate) async fn ask(
    to: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &Value,
) -> Result<Reply, Box<dyn std::error::Error + Send + Sync>> {
    let stream = TcpStream::connect(to).await?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let text = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    let mut request = Request::builder()
        .method(method)
        .uri(format!("/api/v1{path}"))
        .header("host", "tidings")
        .header("authorization", format!("Bearer {TOKEN}"))
        .header("content-type", "application/json");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let answer = sender
        .send_request(request.body(Full::new(Bytes::from(text)))?)
        .await?;
    let status = answer.status().as_u16();
    let headers = shown(answer.headers());
    let bytes = answer.into_body().collect().await?.to_bytes();
    Ok(Reply {
        status,
        headers,
        body: serde_json::from_slice(&bytes).unwrap_or(Value::Null),
    })
}

fn shown(headers: &HeaderMap) -> HashMap<String, String> {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    headers
        .iter()
        .map(|(name, value)| (name.to_string(), text(value)))
        .collect()
}

/// A request that a receiver got.
#[derive(Clone, Debug)]
pub(crate) struct Got {
    pub(crate) path: String,
    pub(crate) headers: HashMap<String, String>,
    pub(crate) body: Bytes,
}

impl Got {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

/// A receiver that accepts and remembers everything, in order of arrival.
pub(crate) struct Receiver {
    pub(crate) address: SocketAddr,
    got: Arc<(Mutex<Vec<Got>>, Notify)>,
    /// Requests are read and never answered while it is set.
    silent: Arc<AtomicBool>,
}

impl Receiver {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let got: Arc<(Mutex<Vec<Got>>, Notify)> = Arc::default();
        let silent = Arc::new(AtomicBool::new(false));
        let (shared, mute) = (Arc::clone(&got), Arc::clone(&silent));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (shared, mute) = (Arc::clone(&shared), Arc::clone(&mute));
                tokio::spawn(async move {
                    let service = hyper::service::service_fn(move |request| {
                        let (shared, mute) = (Arc::clone(&shared), Arc::clone(&mute));
                        async move {
                            if mute.load(Ordering::Relaxed) {
                                std::future::pending::<()>().await;
                            }
                            remember(request, shared).await
                        }
                    });
                    hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service)
                        .await
                        .ok();
                });
            }
        });
        Self {
            address,
            got,
            silent,
        }
    }

    /// Leaves what comes from now on without an answer, or no longer.
    pub(crate) fn be_silent(&self, silent: bool) {
        self.silent.store(silent, Ordering::Relaxed);
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    /// Everything so far.
    pub(crate) fn all(&self) -> Vec<Got> {
        self.got.0.lock().clone()
    }

    /// Waits until what arrived satisfies `enough`.
    pub(crate) async fn until(&self, what: &str, enough: impl Fn(&[Got]) -> bool) -> Vec<Got> {
        let look = async {
            loop {
                let news = self.got.1.notified();
                let all = self.all();
                if enough(&all) {
                    return all;
                }
                news.await;
            }
        };
        let Ok(all) = tokio::time::timeout(PATIENCE, look).await else {
            panic!(
                "waited {PATIENCE:?} for {what}; {} requests came",
                self.all().len()
            );
        };
        all
    }
}

async fn remember(
    request: Request<Incoming>,
    got: Arc<(Mutex<Vec<Got>>, Notify)>,
) -> Result<Response<Full<Bytes>>, std::convert::Infallible> {
    let (head, body) = request.into_parts();
    // A body that was cut off by a kill was not received.
    if let Ok(body) = body.collect().await {
        let headers = shown(&head.headers);
        got.0.lock().push(Got {
            path: head.uri.path().to_owned(),
            headers,
            body: body.to_bytes(),
        });
        got.1.notify_waiters();
    }
    let mut response = Response::new(Full::default());
    *response.status_mut() = StatusCode::NO_CONTENT;
    Ok(response)
}
