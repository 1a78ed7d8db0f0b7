//! A whole server in memory, with one project of each kind and a token of each kind.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use axum::body::Body;
use http::{HeaderMap, Request, StatusCode, header};
use http_body_util::BodyExt;
use parking_lot::Mutex;
use tempfile::TempDir;
use tidings_app::guard::{Guard, Judged};
use tidings_app::settings::ServerSettings;
use tidings_app::{App, Caller, Credential, Key, Vault, Visitor, auth};
use tidings_delivery::{Engine, Parts, Settings, hints};
use tidings_domain::delivery::Outcome;
use tidings_domain::{Clock, Entropy, Time, Value};
use tidings_egress::{Answer, Report, Request as Sent, Transport};
use tidings_sqlite::SqliteStore;
use tidings_storage::Store;
use tidings_storage::gated::{Gate, Gated};
use tidings_storage::memory::MemoryStore;
use tidings_web::Door;
use tidings_web::door::DoorLimits;
use tidings_web::metrics::Metrics;

/// The administrator's token from the configuration.
pub(crate) const ADMIN: &str = "administrators-own-token";

/// A wall clock that the test moves, and the machine's monotonic one.
pub(crate) struct TestClock {
    wall: Mutex<Time>,
    start: Instant,
    passed: Mutex<Duration>,
}

impl TestClock {
    /// Lets time pass on both.
    pub(crate) fn pass(&self, seconds: u32) {
        self.advance(seconds.into());
        *self.passed.lock() += Duration::from_secs(seconds.into());
    }

    /// Moves the wall clock.
    pub(crate) fn advance(&self, seconds: i64) {
        let mut wall = self.wall.lock();
        *wall = Time::from_second(wall.as_second() + seconds).unwrap();
    }
}

impl Clock for TestClock {
    fn wall(&self) -> Time {
        *self.wall.lock()
    }

    fn monotonic(&self) -> Duration {
        self.start.elapsed() + *self.passed.lock()
    }
}

/// Not random at all, but never twice the same.
pub(crate) struct Counter(Mutex<u64>);

impl Entropy for Counter {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let mut n = self.0.lock();
            *n = n
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            chunk.copy_from_slice(&n.to_be_bytes()[..chunk.len()]);
        }
    }
}

/// A receiver that accepts everything, unless told otherwise, and keeps what it got.
#[derive(Default)]
pub(crate) struct Receiver {
    pub(crate) got: Mutex<Vec<Sent>>,
    /// What hosts answer that do not accept: a status, or 0 for no answer at all.
    pub(crate) others: Mutex<HashMap<&'static str, u16>>,
    /// Headers and body of its answers, instead of the usual ones.
    pub(crate) says: Mutex<Option<Says>>,
}

type Says = (Vec<(String, String)>, String);

impl Receiver {
    /// What it answers.
    fn status(&self, request: &Sent) -> u16 {
        let host = request.url.host_str().unwrap_or_default();
        self.others.lock().get(host).copied().unwrap_or(200)
    }
}

#[async_trait]
impl Transport for Receiver {
    async fn send(&self, request: &Sent) -> Report {
        let status = self.status(request);
        self.got.lock().push(request.clone());
        if status == 0 {
            std::future::pending::<()>().await;
        }
        let usual = || (vec![("Server".into(), "test".into())], "thanks".into());
        let (headers, body) = self.says.lock().clone().unwrap_or_else(usual);
        Report {
            outcome: match status {
                200 => Outcome::Accepted,
                _ => Outcome::Rejected,
            },
            answer: Some(Answer {
                status,
                headers: headers.into_iter().collect(),
                body: body.into(),
                truncated: false,
            }),
            error: None,
            reused: false,
            stale: false,
            remote: None,
            took: Duration::from_millis(3),
            dns: None,
            connect: None,
            tls: None,
            first_byte: None,
        }
    }
}

struct TestGuard;

#[async_trait]
impl Guard for TestGuard {
    async fn judge(&self, url: &url::Url) -> Judged {
        match url.host_str() {
            Some("localhost" | "127.0.0.1" | "10.0.0.1" | "[::1]") => Judged::Forbidden,
            Some(host) if host.ends_with(".invalid") => Judged::Unresolved,
            _ => Judged::Fine,
        }
    }

    fn allowed(&self) -> Vec<String> {
        vec!["192.168.7.0/24".into()]
    }
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Got {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Got {
    /// The body as JSON.
    pub(crate) fn json(&self) -> Value {
        Value::parse(self.text.as_bytes()).unwrap_or_else(|e| panic!("{e}: {}", self.text))
    }

    /// A member of the body: `a/b/0`.
    pub(crate) fn at(&self, path: &str) -> Value {
        path.split('/').fold(self.json(), |value, name| {
            match (&value, name.parse::<usize>()) {
                (Value::List(items), Ok(i)) => items.get(i).cloned(),
                _ => value.member(name).cloned(),
            }
            .unwrap_or_else(|| panic!("no {path} in {}", self.text))
        })
    }

    /// The problem's code.
    pub(crate) fn code(&self) -> String {
        self.at("code").as_str().unwrap().to_owned()
    }

    /// The pointers of the problem.
    pub(crate) fn fields(&self) -> Vec<String> {
        let errors = self.at("errors");
        let fields = errors
            .as_list()
            .iter()
            .filter_map(|e| e.member("field")?.as_str());
        fields.map(str::to_owned).collect()
    }

    /// One header.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |v| v.to_str().unwrap())
    }
}

/// The server.
pub(crate) struct House {
    pub(crate) door: Door,
    pub(crate) app: Arc<App>,
    pub(crate) store: Arc<dyn Store>,
    /// The store, where it is the one in memory.
    pub(crate) memory: Option<Arc<MemoryStore>>,
    /// Where the SQLite file lies.
    directory: Option<TempDir>,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) receiver: Arc<Receiver>,
    pub(crate) metrics: Arc<Metrics>,
    /// Tokens by the name of their role; `other_*` belong to project `OTHER`.
    pub(crate) tokens: HashMap<&'static str, String>,
    /// Cookies of sessions of people with the role of that name; see [`House::with_people`].
    pub(crate) cookies: HashMap<&'static str, String>,
}

impl House {
    /// A server without projects.
    pub(crate) async fn empty() -> Self {
        Self::with(DoorLimits::default()).await
    }

    /// A server without projects, with those limits.
    pub(crate) async fn with(limits: DoorLimits) -> Self {
        Self::build(limits, false).await
    }

    async fn build(limits: DoorLimits, sqlite: bool) -> Self {
        let clock = Arc::new(TestClock {
            wall: Mutex::new("2026-03-02T11:40:00Z".parse().unwrap()),
            start: Instant::now(),
            passed: Mutex::default(),
        });
        let entropy: Arc<dyn Entropy> = Arc::new(Counter(Mutex::new(1)));
        let (listener, inbox) = hints();
        let listener = Arc::new(listener);
        let (store, memory, directory): (Arc<dyn Store>, _, _) = if sqlite {
            let directory = TempDir::new().unwrap();
            let path = directory.path().join("tidings.db");
            let store = SqliteStore::open(&path, Arc::clone(&clock) as _, listener).unwrap();
            (Arc::new(store), None, Some(directory))
        } else {
            let store = Arc::new(MemoryStore::new(Arc::clone(&clock) as _, listener));
            (Arc::clone(&store) as _, Some(store), None)
        };
        let vault = Arc::new(Vault::new(&[7; 32]));
        let receiver = Arc::new(Receiver::default());
        let engine = Engine::start(Parts {
            store: Arc::clone(&store),
            transport: Arc::clone(&receiver) as _,
            keyring: Arc::clone(&vault) as _,
            clock: Arc::clone(&clock) as _,
            entropy: Arc::clone(&entropy),
            settings: Settings::default(),
            inbox,
        })
        .await
        .unwrap();
        let app = Arc::new(App {
            store: Arc::clone(&store),
            engine,
            guard: Arc::new(TestGuard),
            settings: parking_lot::RwLock::new(ServerSettings::default()),
            settings_turn: tokio::sync::Mutex::default(),
            clock: Arc::clone(&clock) as _,
            entropy,
            vault,
            server_url: "https://tidings.example.com".into(),
            admin_token: Some(auth::hash(ADMIN)),
            plans: tidings_app::objects::Plans::default(),
            gate: tidings_app::passwords::Gate::default(),
        });
        let metrics = Arc::new(Metrics::new(
            prometheus_client::registry::Registry::default(),
        ));
        Self {
            door: Door::new(Arc::clone(&app), Arc::clone(&metrics), limits),
            app,
            store,
            memory,
            directory,
            clock,
            receiver,
            metrics,
            tokens: HashMap::from([("admin", ADMIN.to_owned())]),
            cookies: HashMap::new(),
        }
    }

    /// A server with the projects `HB` and `OTHER`, and tokens for every role.
    pub(crate) async fn new() -> Self {
        Self::empty().await.furnish().await
    }

    /// Two such servers, on each of the stores.
    pub(crate) async fn both() -> [Self; 2] {
        let sqlite = Self::build(DoorLimits::default(), true).await;
        [Self::new().await, sqlite.furnish().await]
    }

    async fn furnish(self) -> Self {
        let mut house = self;
        for (key, name) in [("HB", "Harbor"), ("OTHER", "Other")] {
            let body = format!(r#"{{"key":"{key}","name":"{name}"}}"#);
            let made = house.admin("POST", "/api/v1/projects", &body).await;
            assert_eq!(made.status, 201, "{}", made.text);
        }
        for role in [
            "product_owner",
            "scrum_master",
            "team_member",
            "stakeholder",
        ] {
            let body = format!(r#"{{"name":"{role}","kind":"member","role":"{role}"}}"#);
            house.token("HB", role, &body).await;
        }
        house
            .token("HB", "app", r#"{"name":"zapier","kind":"app"}"#)
            .await;
        house
            .token("HB", "app2", r#"{"name":"other","kind":"app"}"#)
            .await;
        let owner = r#"{"name":"o","kind":"member","role":"product_owner"}"#;
        house.token("OTHER", "other_owner", owner).await;
        house
            .token("OTHER", "other_app", r#"{"name":"zapier","kind":"app"}"#)
            .await;
        house
    }

    /// The server of [`House::new`], and somebody signed in for every role, as members of `HB` (`other_owner`: of `OTHER`).
    pub(crate) async fn with_people() -> Self {
        Self::new().await.people().await
    }

    /// Two such servers, on each of the stores.
    pub(crate) async fn both_with_people() -> [Self; 2] {
        let [memory, sqlite] = Self::both().await;
        [memory.people().await, sqlite.people().await]
    }

    async fn people(self) -> Self {
        let mut house = self;
        house
            .person("admin", r#","administrator":true"#, None)
            .await;
        for role in [
            "product_owner",
            "scrum_master",
            "team_member",
            "stakeholder",
        ] {
            house.person(role, "", Some(("HB", role))).await;
        }
        house
            .person("other_owner", "", Some(("OTHER", "product_owner")))
            .await;
        house
    }

    /// Somebody with an account, signed in by a link.
    async fn person(&mut self, name: &'static str, more: &str, place: Option<(&str, &str)>) {
        let admin = Caller::Admin {
            credential: Credential::new(Key::Configured),
        };
        let json = |text: &str| Value::parse(text.as_bytes()).unwrap();
        let body = json(&format!(
            r#"{{"login":"{name}","name":"The {name}"{more}}}"#
        ));
        let made = self.app.create_account(&admin, &body, None).await.unwrap();
        let id = made.member("id").and_then(Value::as_int).unwrap();
        if let Some((key, role)) = place {
            let body = format!(r#"{{"first_name":"The {name}","role":"{role}"}}"#);
            let member = self
                .admin("POST", &format!("/api/v1/projects/{key}/members"), &body)
                .await;
            let body = json(&format!(
                r#"{{"member":{}}}"#,
                member.at("id").as_int().unwrap()
            ));
            let project = self.app.project(&admin, key).await.unwrap();
            let linked = self.app.link_member(&admin, id, &project.key, &body).await;
            linked.unwrap();
        }
        let body = json(r#"{"purpose":"sign_in"}"#);
        let link = self.app.invite(&admin, id, &body).await.unwrap();
        let url = link
            .show()
            .member("url")
            .unwrap()
            .as_str()
            .unwrap()
            .to_owned();
        let (_, secret) = url.rsplit_once('/').unwrap();
        let visitor = Visitor {
            address: None,
            agent: "test".to_owned(),
            session: None,
        };
        let opened = self.app.use_link(secret, &json("{}"), &visitor).await;
        self.cookies.insert(name, opened.unwrap().0);
    }

    async fn token(&mut self, project: &str, name: &'static str, body: &str) {
        let made = self
            .admin("POST", &format!("/api/v1/projects/{project}/tokens"), body)
            .await;
        assert_eq!(made.status, 201, "{}", made.text);
        let token = made.at("token").as_str().unwrap().to_owned();
        self.tokens.insert(name, token);
    }

    /// A request of the administrator.
    pub(crate) async fn admin(&self, method: &str, path: &str, body: &str) -> Got {
        self.ask("admin", method, path, body).await
    }

    /// A request of somebody by the name of their token.
    pub(crate) async fn ask(&self, who: &str, method: &str, path: &str, body: &str) -> Got {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(token) = self.tokens.get(who) {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        if !body.is_empty() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        self.send(request.body(Body::from(body.to_owned())).unwrap())
            .await
    }

    /// Any request.
    pub(crate) async fn send(&self, request: Request<Body>) -> Got {
        let response = self.door.answer(request).await;
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        Got {
            status: parts.status.as_u16(),
            headers: parts.headers,
            text: String::from_utf8(bytes.to_vec()).unwrap(),
        }
    }

    /// A webhook of `HB`.
    pub(crate) async fn webhook(&self, who: &str, members: &str) -> i64 {
        let body = format!(r#"{{"url":"https://example.com/hook","dialect":"icescrum"{members}}}"#);
        let made = self
            .ask(who, "POST", "/api/v1/projects/HB/webhooks", &body)
            .await;
        assert_eq!(made.status, StatusCode::CREATED.as_u16(), "{}", made.text);
        made.at("id").as_int().unwrap()
    }

    /// Another door to the same store and engine, with that gate before the store and nothing else in common: as another process.
    pub(crate) fn behind(&self, gate: Arc<dyn Gate>) -> Door {
        let app = &self.app;
        let app = App {
            store: Arc::new(Gated::new(Arc::clone(&self.store), gate)),
            engine: app.engine.clone(),
            guard: Arc::clone(&app.guard),
            settings: parking_lot::RwLock::new(app.settings()),
            settings_turn: tokio::sync::Mutex::default(),
            clock: Arc::clone(&app.clock),
            entropy: Arc::clone(&app.entropy),
            vault: Arc::clone(&app.vault),
            server_url: app.server_url.clone(),
            admin_token: app.admin_token,
            plans: tidings_app::objects::Plans::default(),
            gate: tidings_app::passwords::Gate::default(),
        };
        let metrics = Arc::clone(&self.metrics);
        Door::new(Arc::new(app), metrics, DoorLimits::default())
    }

    /// Every byte of the SQLite file and its log; nothing for the store in memory.
    pub(crate) fn stored_bytes(&self) -> Vec<u8> {
        let Some(directory) = &self.directory else {
            return Vec::new();
        };
        let files = std::fs::read_dir(directory.path()).unwrap();
        files
            .flat_map(|file| std::fs::read(file.unwrap().path()).unwrap())
            .collect()
    }

    /// How much is stored: objects, webhooks, tokens, projects.
    pub(crate) async fn weight(&self) -> Vec<usize> {
        let project = self.store.project("HB").await.unwrap().unwrap();
        let mut weight = vec![
            self.store.projects(0, 200).await.unwrap().data.len(),
            self.store
                .webhooks(project.id, 0, 200)
                .await
                .unwrap()
                .data
                .len(),
            self.store
                .tokens(Some(project.id), 0, 200)
                .await
                .unwrap()
                .data
                .len(),
            self.store.tokens(None, 0, 200).await.unwrap().data.len(),
            self.store
                .activities(project.id, 0, 200)
                .await
                .unwrap()
                .data
                .len(),
        ];
        for collection in tidings_domain::Collection::ALL {
            let page = self
                .store
                .objects(project.id, *collection, 0, 200)
                .await
                .unwrap();
            weight.push(page.data.len());
        }
        weight
    }
}
