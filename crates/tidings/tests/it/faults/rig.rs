//! The server on a disk that does what it is told, one feeder, one receiver, and the check at the end of each run.

use std::collections::HashSet;
use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, ExitStatus};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tidings_testkit::disk::Disk;
use tokio::net::TcpStream;

use crate::kill::{check_order, check_repeats, events};
use crate::world::{PATIENCE, Receiver, Server, TOKEN};

/// How soon work goes on after a fault is gone.
pub(super) const RECOVERY: Duration = Duration::from_secs(10);
const OBJECTS: u64 = 5;

/// A figure that `cargo xtask soak` raises.
pub(crate) fn dial(name: &str, small: u64) -> u64 {
    #[expect(clippy::disallowed_methods, reason = "a test's own dial")]
    std::env::var(name)
        .ok()
        .and_then(|k| k.parse().ok())
        .unwrap_or(small)
}

/// Numbers that are the same in each run.
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 >> 11
    }
}

/// An answer of the API with what matters of its head.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) retry_after: Option<u64>,
    pub(super) body: Value,
}

impl Reply {
    pub(super) fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }

    /// A refusal that says what is wrong and when to come back.
    pub(super) fn is_clear_refusal(&self) -> bool {
        self.status == 503
            && self.retry_after.is_some_and(|s| s > 0)
            && self.body["title"].is_string()
            && self.body["detail"].as_str().is_some_and(|d| !d.is_empty())
    }
}

/// One request; `None`: no answer came, or not all of it.
pub(super) async fn ask(to: SocketAddr, method: &str, path: &str, body: &Value) -> Option<Reply> {
    ask_on(&mut connect(to).await?, method, path, body).await
}

pub(super) type Sender = hyper::client::conn::http1::SendRequest<Full<Bytes>>;

/// A connection that is kept.
pub(super) async fn connect(to: SocketAddr) -> Option<Sender> {
    let stream = TcpStream::connect(to).await.ok()?;
    let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .ok()?;
    tokio::spawn(connection);
    Some(sender)
}

/// The same on a connection that is kept.
pub(super) async fn ask_on(
    sender: &mut Sender,
    method: &str,
    path: &str,
    body: &Value,
) -> Option<Reply> {
    sender.ready().await.ok()?;
    let text = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("host", "tidings")
        .header("authorization", format!("Bearer {TOKEN}"))
        .header("content-type", "application/json")
        .body(Full::new(Bytes::from(text)))
        .unwrap();
    let answer = sender.send_request(request).await.ok()?;
    let status = answer.status().as_u16();
    let header = answer.headers().get("retry-after");
    let retry_after = header.and_then(|v| v.to_str().ok()?.parse().ok());
    let bytes = answer.into_body().collect().await.ok()?.to_bytes();
    Some(Reply {
        status,
        retry_after,
        body: serde_json::from_slice(&bytes).unwrap_or(Value::Null),
    })
}

/// A server that did not start.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) status: ExitStatus,
    pub(super) said: String,
}

/// A database folder on a disk that does what it is told, and a receiver.
pub(super) struct Rig {
    pub(super) disk: Disk,
    pub(super) receiver: Receiver,
    /// What the servers of this run were answered with success.
    pub(super) accepted: HashSet<u64>,
    turn: u64,
    settings: Vec<(&'static str, String)>,
    template: Vec<(String, Vec<u8>)>,
    said: PathBuf,
    _home: tempfile::TempDir,
}

impl Rig {
    /// Nothing there yet.
    pub(super) async fn empty() -> Self {
        let home = tempfile::tempdir().unwrap();
        let (data, side) = (home.path().join("data"), home.path().join("side"));
        fs::create_dir(&data).unwrap();
        fs::create_dir(&side).unwrap();
        let built = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
        Self {
            disk: Disk::new(&data, &side, &built),
            receiver: Receiver::start().await,
            accepted: HashSet::new(),
            turn: 0,
            settings: Vec::new(),
            template: Vec::new(),
            said: side.join("said"),
            _home: home,
        }
    }

    /// A project with tasks and a webhook, and the server stopped.
    pub(super) async fn prepared() -> Self {
        let mut rig = Self::empty().await;
        let server = rig.start().unwrap();
        rig.populate(server.address).await.unwrap();
        assert!(server.terminate().success());
        let folder = fs::read_dir(rig.disk.folder()).unwrap();
        rig.template = folder
            .map(|entry| {
                let entry = entry.unwrap();
                let name = entry.file_name().into_string().unwrap();
                (name, fs::read(entry.path()).unwrap())
            })
            .collect();
        rig
    }

    /// As it was when it was prepared.
    pub(super) fn restore(&mut self) {
        use std::os::unix::fs::PermissionsExt;
        self.disk.clear();
        for entry in fs::read_dir(self.disk.folder()).unwrap() {
            fs::remove_file(entry.unwrap().path()).unwrap();
        }
        for (name, bytes) in &self.template {
            let path = self.disk.folder().join(name);
            fs::write(&path, bytes).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        }
        fs::write(&self.said, "").unwrap();
        self.receiver.clear();
        self.accepted.clear();
    }

    /// One more setting for the servers that start from now on.
    pub(super) fn set(&mut self, name: &'static str, value: &str) {
        self.settings.push((name, value.to_owned()));
    }

    pub(super) fn start(&self) -> Result<Server, Refused> {
        Server::try_start(self.command()).map_err(|status| Refused {
            status,
            said: self.said(),
        })
    }

    /// The command that starts a server.
    pub(super) fn command(&self) -> Command {
        let mut command = Server::command(self.disk.folder());
        command
            .args(["--egress-allow", "127.0.0.1"])
            .envs(self.settings.iter().map(|(k, v)| (k, v)))
            .stderr(self.to_said());
        self.disk.prepare(&mut command);
        command
    }

    fn to_said(&self) -> fs::File {
        let said = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(&self.said);
        said.unwrap()
    }

    pub(super) async fn get(&self, server: &Server, path: &str) -> Reply {
        let reply = ask(server.address, "GET", path, &Value::Null).await;
        reply.unwrap_or_else(|| panic!("no answer to {path}: {}", self.said()))
    }

    /// What the servers wrote to standard error.
    pub(super) fn said(&self) -> String {
        fs::read_to_string(&self.said).unwrap_or_default()
    }

    /// Makes what is missing of the project, its tasks and its webhook; `None`: the server went away.
    pub(super) async fn populate(&self, server: SocketAddr) -> Option<()> {
        let must = |reply: Reply, or: u16| {
            let fine = reply.status / 100 == 2 || reply.status == or;
            assert!(fine, "{reply:?}");
            reply
        };
        let project = json!({"key": "F", "name": "Faults"});
        must(
            ask(server, "POST", "/api/v1/projects", &project).await?,
            409,
        );
        let tasks: Vec<Value> = (1..=OBJECTS)
            .map(|id| json!({"op": "put", "collection": "tasks", "id": id, "data": {"title": format!("Task {id}")}, "silent": true}))
            .collect();
        let path = "/api/v1/projects/F/changes";
        must(ask(server, "POST", path, &json!(tasks)).await?, 200);
        let path = "/api/v1/projects/F/webhooks";
        let list = must(ask(server, "GET", path, &Value::Null).await?, 200);
        if list.body["data"].as_array().unwrap().is_empty() {
            let webhook = json!({"name": "w", "url": self.receiver.url(), "dialect": "standard", "events": "all",
                "secret": "faults", "retry_schedule": [1, 1, 1, 1, 1, 1]});
            must(ask(server, "POST", path, &webhook).await?, 201);
        }
        Some(())
    }

    /// Changes a task; what is accepted is remembered.
    pub(super) async fn change(&mut self, server: SocketAddr) -> Option<Reply> {
        self.change_on(&mut connect(server).await?).await
    }

    /// The same on a connection that is kept.
    pub(super) async fn change_on(&mut self, sender: &mut Sender) -> Option<Reply> {
        self.turn += 1;
        let path = format!("/api/v1/projects/F/tasks/{}", 1 + self.turn % OBJECTS);
        let entry = json!([{"op": "patch", "collection": "tasks", "id": 1 + self.turn % OBJECTS,
            "data": {"title": format!("Title {} of {path}", self.turn)}}]);
        let reply = ask_on(sender, "POST", "/api/v1/projects/F/changes", &entry).await?;
        if reply.status == 200 {
            let event = reply.body["data"][0]["event"].as_u64()?;
            assert!(self.accepted.insert(event), "{event} was accepted twice");
        }
        Some(reply)
    }

    /// Everything that was accepted has arrived.
    pub(super) async fn all_arrived(&self) {
        let all = |got: &[crate::world::Got]| self.accepted.is_subset(&events(got));
        let what = format!("{} accepted changes", self.accepted.len());
        self.receiver.until(&what, all).await;
    }

    /// It must have ended by itself and said why; starts it again.
    pub(super) async fn restarted(&self, mut server: Server) -> Server {
        let status = server.ended(RECOVERY).await;
        let said = self.said();
        let status = status.unwrap_or_else(|| panic!("it hangs: {said}"));
        assert_eq!(status.code(), Some(1), "{said}");
        let last = said.lines().last().unwrap_or_default();
        assert!(last.starts_with("tidings: "), "{said}");
        self.disk.clear();
        self.start().unwrap()
    }

    /// Waits until no delivery waits any more; whether that was not to be, because the server ended.
    async fn something_waits(&self, server: &Server) -> bool {
        let path = "/api/v1/projects/F/deliveries?state=pending";
        let begun = Instant::now();
        let mut turns = tokio::time::interval(Duration::from_millis(20));
        loop {
            turns.tick().await;
            let Some(reply) = ask(server.address, "GET", path, &Value::Null).await else {
                return true;
            };
            if reply.body["data"].as_array().is_some_and(Vec::is_empty) {
                return false;
            }
            assert!(
                begun.elapsed() < PATIENCE,
                "these wait: {reply:?} {}",
                self.said()
            );
        }
    }

    /// Lets everything arrive, stops the server in good order, and looks at what is on the disk and at what arrived.
    /// `whole`: no process died in this run, so that the log has every request.
    pub(super) async fn finish(&mut self, mut server: Server, mut whole: bool) {
        self.disk.clear();
        self.disk.free();
        loop {
            let ended = tokio::select! {
                () = self.all_arrived() => false,
                _ = server.ended(PATIENCE) => true,
            };
            // What was stored and could not be confirmed is delivered too.
            if !ended && !self.something_waits(&server).await {
                break;
            }
            // Its end was due, and came after the last answer.
            server = self.restarted(server).await;
            whole = false;
        }
        let status = server.terminate();
        assert!(status.success(), "{status} {}", self.said());
        let said = self.said();
        assert!(!said.contains("panicked"), "{said}");
        let got = self.receiver.all();
        check_repeats(&got);
        check_order(&got);

        let database = rusqlite::Connection::open(self.disk.folder().join("tidings.db")).unwrap();
        let one = |sql: &str| -> String { database.query_row(sql, [], |row| row.get(0)).unwrap() };
        assert_eq!(one("PRAGMA integrity_check"), "ok");
        let mut rows = database.prepare("SELECT id FROM events").unwrap();
        let stored: HashSet<u64> = rows
            .query_map([], |row| row.get::<_, i64>(0))
            .unwrap()
            .map(|id| u64::try_from(id.unwrap()).unwrap())
            .collect();
        for event in &self.accepted {
            assert!(
                stored.contains(event),
                "event {event} was accepted and is gone"
            );
        }
        for event in events(&got) {
            assert!(
                stored.contains(&event),
                "event {event} was sent and is not there"
            );
        }
        let open = one("SELECT CAST(count(*) AS TEXT) FROM deliveries WHERE waiting = 1");
        assert_eq!(open, "0", "deliveries that nobody made");
        if whole {
            let tried = one("SELECT CAST(count(*) AS TEXT) FROM attempts");
            assert_eq!(tried, got.len().to_string(), "the log has every request");
        }
    }
}
