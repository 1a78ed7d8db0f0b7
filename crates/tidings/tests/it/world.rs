//! What the tests of the binary share: the server as a process, its API, a receiver that remembers.

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
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
        command: Command,
        folder: &Path,
        more: &[&str],
        settings: &[(&str, &str)],
    ) -> Self {
        let mut command = Self::on(command, folder);
        command.args(more).envs(settings.iter().copied());
        match Self::try_start(command) {
            Ok(server) => server,
            Err(status) => panic!("the server did not start: {status}"),
        }
    }

    /// `tidings serve` on the database in `folder`, on a free port.
    pub(crate) fn command(folder: &Path) -> Command {
        Self::on(tidings(&["serve"]), folder)
    }

    fn on(mut command: Command, folder: &Path) -> Command {
        let store = store(folder);
        command.args(["--listen", "127.0.0.1:0", "--store", &store]);
        command
            .env("TIDINGS_ADMIN_TOKEN", TOKEN)
            .env("TIDINGS_LOG_LEVEL", "warn");
        command
    }

    /// Starts it; returns when it listens, or with its status when it ended before.
    pub(crate) fn try_start(mut command: Command) -> Result<Self, ExitStatus> {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        match line.trim().rsplit("http://").next().unwrap().parse() {
            Ok(address) => Ok(Self { child, address }),
            Err(_) => Err(child.wait().unwrap()),
        }
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
    pub(crate) fn terminate(mut self) -> ExitStatus {
        self.signal("TERM");
        self.child.wait().unwrap()
    }

    /// Of the process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, name: &str) {
        let (flag, pid) = (format!("-{name}"), self.child.id().to_string());
        let sent = Command::new("kill").args([&flag, &pid]).status().unwrap();
        assert!(sent.success());
    }

    /// Waits until it ends by itself; `None`: it did not within that time.
    pub(crate) async fn ended(&mut self, within: Duration) -> Option<ExitStatus> {
        let mut turns = tokio::time::interval(Duration::from_millis(10));
        let look = async {
            loop {
                turns.tick().await;
                if let Some(status) = self.child.try_wait().unwrap() {
                    return status;
                }
            }
        };
        tokio::time::timeout(within, look).await.ok()
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
    ask_for(to, method, &format!("/api/v1{path}"), headers, body).await
}

/// The same for any path of the server.
pub(crate) async fn ask_for(
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
        .uri(path)
        .header("host", "tidings")
        .header("content-type", "application/json");
    // Another token than the administrator's is for the caller to say.
    if headers.iter().all(|(name, _)| *name != "authorization") {
        request = request.header("authorization", format!("Bearer {TOKEN}"));
    }
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
    /// Which event it tells of, in the standard dialect.
    pub(crate) event: Option<u64>,
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
    manner: Arc<Manner>,
}

/// How a receiver answers.
#[derive(Default)]
struct Manner {
    /// Requests are read and never answered while it is set.
    silent: AtomicBool,
    /// Before each answer, in milliseconds.
    pause: AtomicU64,
    closes: AtomicBool,
}

impl Receiver {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let got: Arc<(Mutex<Vec<Got>>, Notify)> = Arc::default();
        let manner = Arc::new(Manner::default());
        let (shared, how) = (Arc::clone(&got), Arc::clone(&manner));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (shared, how) = (Arc::clone(&shared), Arc::clone(&how));
                tokio::spawn(async move {
                    let service = hyper::service::service_fn(move |request| {
                        let (shared, how) = (Arc::clone(&shared), Arc::clone(&how));
                        async move {
                            if how.silent.load(Ordering::Relaxed) {
                                std::future::pending::<()>().await;
                            }
                            let mut answer = remember(request, shared).await;
                            let pause = how.pause.load(Ordering::Relaxed);
                            tokio::time::sleep(Duration::from_millis(pause)).await;
                            if let (Ok(answer), true) =
                                (&mut answer, how.closes.load(Ordering::Relaxed))
                            {
                                let close = HeaderValue::from_static("close");
                                answer.headers_mut().insert("connection", close);
                            }
                            answer
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
            manner,
        }
    }

    /// Leaves what comes from now on without an answer, or no longer.
    pub(crate) fn be_silent(&self, silent: bool) {
        self.manner.silent.store(silent, Ordering::Relaxed);
    }

    /// From now on every answer takes so long.
    pub(crate) fn slow_down(&self, pause: Duration) {
        let ms = u64::try_from(pause.as_millis()).unwrap();
        self.manner.pause.store(ms, Ordering::Relaxed);
    }

    /// From now on every answer is the last on its connection.
    pub(crate) fn hang_up(&self) {
        self.manner.closes.store(true, Ordering::Relaxed);
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    /// Everything so far.
    pub(crate) fn all(&self) -> Vec<Got> {
        self.got.0.lock().clone()
    }

    /// Forgets everything.
    pub(crate) fn clear(&self) {
        self.got.0.lock().clear();
    }

    /// Waits until what arrived satisfies `enough`.
    pub(crate) async fn until(&self, what: &str, enough: impl Fn(&[Got]) -> bool) -> Vec<Got> {
        let look = async {
            loop {
                let news = self.got.1.notified();
                if enough(&self.got.0.lock()) {
                    return self.all();
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
        let body = body.to_bytes();
        let told: Value = serde_json::from_slice(&body).unwrap_or_default();
        got.0.lock().push(Got {
            path: head.uri.path().to_owned(),
            headers,
            body,
            event: told["data"]["event_id"].as_u64(),
        });
        got.1.notify_waiters();
    }
    let mut response = Response::new(Full::default());
    *response.status_mut() = StatusCode::NO_CONTENT;
    Ok(response)
}
