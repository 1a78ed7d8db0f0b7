//! The use cases over a store that nobody sends from.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use axum::body::Body;
use http::{Request, header};
use http_body_util::BodyExt;
use tidings_app::guard::{Guard, Judged};
use tidings_app::objects::{Entry, Op, Written};
use tidings_app::settings::ServerSettings;
use tidings_app::{App, Caller, Credential, Key, Vault};
use tidings_delivery::{Engine, Hints, Parts, Settings, hints};
use tidings_domain::{Clock, Entropy, Fault, Project, Time, Value};
use tidings_egress::{Report, Request as Sent, Transport};
use tidings_sqlite::SqliteStore;
use tidings_storage::{CommitListener, Queued, Store};
use tidings_web::Door;
use tidings_web::door::DoorLimits;
use tidings_web::metrics::Metrics;

use super::Result;

/// A clock that goes as the work does.
pub(crate) struct Past {
    start_ms: i64,
    passed_us: AtomicU64,
}

impl Past {
    /// So much time has passed since the beginning; never less than before.
    pub(crate) fn passed(&self, time: Duration) {
        let us = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        self.passed_us.fetch_max(us, Ordering::Relaxed);
    }
}

impl Clock for Past {
    fn wall(&self) -> Time {
        let passed = i64::try_from(self.monotonic().as_millis()).unwrap_or_default();
        Time::from_millisecond(self.start_ms + passed).unwrap_or_default()
    }

    fn monotonic(&self) -> Duration {
        Duration::from_micros(self.passed_us.load(Ordering::Relaxed))
    }
}

/// Not random, but never twice the same: nothing here has to be kept from anybody.
struct Counter(AtomicU64);

impl Entropy for Counter {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let n = self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
            let n = (n ^ (n >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            for (to, from) in chunk.iter_mut().zip((n ^ (n >> 32)).to_be_bytes()) {
                *to = from;
            }
        }
    }
}

/// The engine hears of nothing: what is recorded is settled here.
struct Deaf;

impl CommitListener for Deaf {
    fn committed(&self, _: &[Queued]) {}
}

struct Nobody;

#[async_trait]
impl Transport for Nobody {
    async fn send(&self, _: &Sent) -> Report {
        std::future::pending().await
    }
}

struct Everywhere;

#[async_trait]
impl Guard for Everywhere {
    async fn judge(&self, _: &url::Url) -> Judged {
        Judged::Fine
    }

    fn allowed(&self) -> Vec<String> {
        Vec::new()
    }
}

/// The use cases.
pub(crate) struct House {
    pub(crate) app: Arc<App>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<Past>,
    pub(crate) door: Door,
    pub(crate) admin: Caller,
    /// Without it the engine would take the store for closed.
    _hints: Hints,
}

#[expect(
    clippy::disallowed_methods,
    reason = "no part of the product: the log must end now"
)]
fn now_ms() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |d| i64::try_from(d.as_millis()).unwrap_or_default())
}

impl House {
    /// In a new file, so many days ago.
    pub(crate) async fn open(path: &Path, days: u64) -> Result<Self> {
        let clock = Arc::new(Past {
            start_ms: now_ms() - i64::try_from(days)? * 86_400_000,
            passed_us: AtomicU64::new(0),
        });
        let store = SqliteStore::open(path, Arc::clone(&clock) as _, Arc::new(Deaf))?;
        let entropy = Arc::new(Counter(AtomicU64::new(1)));
        Self::over(Arc::new(store), clock, entropy).await
    }

    /// As after a restart: with an engine that knows every webhook there is now.
    pub(crate) async fn again(self) -> Result<Self> {
        let entropy = Arc::clone(&self.app.entropy);
        Self::over(self.store, self.clock, entropy).await
    }

    async fn over(
        store: Arc<dyn Store>,
        clock: Arc<Past>,
        entropy: Arc<dyn Entropy>,
    ) -> Result<Self> {
        let vault = Arc::new(Vault::new(&[7; 32]));
        let (hints, inbox) = hints();
        let engine = Engine::start(Parts {
            store: Arc::clone(&store),
            transport: Arc::new(Nobody),
            keyring: Arc::clone(&vault) as _,
            clock: Arc::clone(&clock) as _,
            entropy: Arc::clone(&entropy),
            settings: Settings::default(),
            inbox,
        })
        .await?;
        let app = Arc::new(App {
            store: Arc::clone(&store),
            engine,
            guard: Arc::new(Everywhere),
            settings: parking_lot::RwLock::new(ServerSettings::default()),
            settings_turn: tokio::sync::Mutex::default(),
            clock: Arc::clone(&clock) as _,
            entropy,
            vault,
            server_url: "http://127.0.0.1:8080".to_owned(),
            admin_token: None,
            plans: tidings_app::objects::Plans::default(),
            gate: tidings_app::passwords::Gate::default(),
        });
        let metrics = Arc::new(Metrics::new(
            prometheus_client::registry::Registry::default(),
        ));
        Ok(Self {
            door: Door::new(Arc::clone(&app), metrics, DoorLimits::default()),
            app,
            store,
            clock,
            admin: Caller::Admin {
                credential: Credential::new(Key::Configured),
            },
            _hints: hints,
        })
    }

    pub(crate) async fn project(&self, key: &str) -> Result<Arc<Project>> {
        Ok(self.app.project(&self.admin, key).await.map_err(told)?)
    }

    /// Writes objects: what each became, and the deliveries.
    pub(crate) async fn write(
        &self,
        key: &str,
        entries: Vec<Entry>,
    ) -> Result<(Vec<Written>, Vec<Queued>)> {
        let project = self.project(key).await?;
        let wrote = self
            .app
            .write(&self.admin, &project, entries, true, None)
            .await;
        let wrote = wrote.map_err(told)?;
        Ok((wrote.written, wrote.deliveries))
    }

    /// A page as a browser would get it: its status and text.
    pub(crate) async fn open_page(&self, cookie: &str, path: &str) -> Result<(u16, String)> {
        let request = Request::builder()
            .uri(path)
            .header(header::ACCEPT, "text/html")
            .header(header::COOKIE, cookie)
            .body(Body::empty())?;
        let (parts, body) = self.door.answer(request).await.into_parts();
        let bytes = body.collect().await?.to_bytes();
        Ok((
            parts.status.as_u16(),
            String::from_utf8_lossy(&bytes).into_owned(),
        ))
    }
}

/// A refusal with everything it says.
#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
pub(crate) fn told(fault: Fault) -> String {
    format!("{fault:?}")
}

pub(crate) fn json(text: &str) -> Result<Value> {
    Ok(Value::parse(text.as_bytes())?)
}

/// One change of an object.
pub(crate) fn entry(op: Op, collection: &str, id: Option<String>, data: &str) -> Result<Entry> {
    Ok(Entry {
        op,
        collection: collection.into(),
        id,
        data: json(data)?,
        comment: None,
        by: Some(Value::Int(1)),
        at: None,
        key: None,
        silent: false,
    })
}
