//! `tidings serve`: wires the floors together, and takes them down again in order.

use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use parking_lot::RwLock;
use prometheus_client::registry::Registry;
use tidings_app::accounts::NewLink;
use tidings_app::settings::ServerSettings;
use tidings_app::{App, Vault, auth};
use tidings_delivery::{Engine, Parts};
use tidings_domain::{Clock, Entropy, TokenId};
use tidings_egress::policy::Allow;
use tidings_sqlite::{OpenError, Seen, SqliteStore};
use tidings_storage::{KEY_DOCUMENT, Retention, Store, StoreError, Token, TokenKind};
use tidings_web::door::DoorLimits;
use tidings_web::{Door, Limits};
use tokio::net::TcpSocket;
use tokio_util::sync::CancellationToken;

use crate::clock::{SystemClock, SystemEntropy};
use crate::config::{self, Config, LogFormat};
use crate::signals::Signals;
use crate::{descriptors, keys};

/// Run the server
#[derive(clap::Args)]
pub(crate) struct Serve {
    /// Where to listen [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
    /// Where everything is kept, sqlite:PATH [default: sqlite:tidings.db]
    #[arg(long, value_name = "URL")]
    store: Option<String>,
    /// An internal receiver that may be reached; repeat as needed
    #[arg(long, value_name = "CIDR|HOST[:PORT]")]
    egress_allow: Vec<String>,
    /// Configuration file (TOML) [default: $TIDINGS_CONFIG]; `tidings config reference` prints one
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// How people reach the server: the base of links
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    /// text or json
    #[arg(long, value_name = "FORMAT")]
    log_format: Option<String>,
    /// The database is a backup, served for the first time: what it still had to deliver is put aside, or goes out, perhaps again
    #[arg(long, value_name = "WHAT")]
    after_restore: Option<AfterRestore>,
}

/// What becomes of what a backup still had to deliver.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum AfterRestore {
    /// Put aside: `tidings webhook recover` delivers it, webhook by webhook
    Park,
    /// Delivered: receivers may get again what they got between the backup and the loss
    Deliver,
}

impl Serve {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let mut flags = Vec::new();
        flags.extend(self.listen.map(|v| ("server.listen", v)));
        flags.extend(self.store.map(|v| ("store.url", v)));
        flags.extend(self.public_url.map(|v| ("server.public_url", v)));
        flags.extend(self.log_format.map(|v| ("log.format", v)));
        if !self.egress_allow.is_empty() {
            flags.push(("egress.allow", self.egress_allow.join(",")));
        }
        let loaded = config::load(self.config.as_deref(), &environment(), &flags)
            .context("the configuration is wrong")?;
        log_to_stderr(&loaded.config);
        for warning in &loaded.warnings {
            tracing::warn!("{warning}");
        }
        let grace = Duration::from_secs(loaded.config.shutdown_grace_seconds);
        // From here on: who is told to stop while it starts must not leave things half done.
        let mut signals = Signals::heed().context("cannot listen to signals")?;
        let started = start(loaded.config, self.after_restore).await;
        let mut running = started.map_err(|error| {
            if error.is::<StoreError>() {
                error.context("cannot start")
            } else {
                error
            }
        })?;
        if let Some(token) = running.new_token.take() {
            // Whoever misses it makes another; a log that cannot be written is no reason to end.
            writeln!(
                std::io::stderr(),
                "administrator's token, shown this once: {token}"
            )
            .ok();
        }
        if let Some(link) = running.first_link.take() {
            writeln!(
                std::io::stderr(),
                "open this to become the first administrator of the console; it works once, until {}: {}",
                link.expires_at,
                link.url
            )
            .ok();
        }
        // A server whose output nobody reads serves all the same.
        writeln!(std::io::stdout(), "listening on http://{}", running.address).ok();
        let mut lost = std::mem::replace(&mut running.lost, Box::pin(std::future::pending()));
        let cause = tokio::select! {
            cause = signals.next() => cause,
            why = &mut lost => {
                running.abandon().await;
                return Err(disk_lost(why));
            }
        };
        tracing::info!(
            "{cause}: stopping; requests in flight have {} s",
            grace.as_secs()
        );
        // Who asks twice means now.
        tokio::select! {
            () = running.stop() => Ok(()),
            why = lost => Err(disk_lost(why)),
            cause = signals.next() => bail!("{cause} again: stopped at once"),
        }
    }
}

/// The disk did not confirm a write: what it holds nobody knows, so nothing more is acknowledged or sent.
fn disk_lost(why: StoreError) -> anyhow::Error {
    anyhow::Error::new(why).context(
        "stopped, because the disk failed to keep what was written; look after the disk, then start again: \
         nothing that was answered with success is lost",
    )
}

/// The environment as the configuration reads it.
pub(crate) fn environment() -> Vec<(String, String)> {
    std::env::vars_os()
        .filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?)))
        .collect()
}

fn log_to_stderr(config: &Config) {
    use tracing_subscriber::EnvFilter;
    let filter = EnvFilter::try_new(&config.log_level).unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        // A log on a full disk must not bring the server down: complaining to the same place would panic.
        .log_internal_errors(false)
        .with_writer(std::io::stderr);
    // A second subscriber (a test in the same process) keeps the first.
    let _ = match config.log_format {
        LogFormat::Text => builder.with_ansi(false).try_init(),
        LogFormat::Json => builder.json().try_init(),
    };
}

/// A server that runs in this process.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    /// The administrator's token, if this start made it.
    pub(crate) new_token: Option<String>,
    /// The link for the first administrator, as long as nobody has an account.
    pub(crate) first_link: Option<NewLink>,
    engine: Engine,
    doors: tokio::task::JoinHandle<()>,
    stop: CancellationToken,
    grace: Duration,
    /// Waits until the disk fails to confirm a write.
    lost: Pin<Box<dyn Future<Output = StoreError> + Send>>,
}

/// How long answers that are due may take when the disk is lost.
const LAST_ANSWERS: Duration = Duration::from_secs(1);

impl Running {
    /// Stops taking requests, lets those in flight finish, then ends.
    pub(crate) async fn stop(self) {
        let begun = Instant::now();
        self.stop.cancel();
        // Who waits for first tries gets the answer without them: thirty seconds of waiting would be thirty seconds of stopping.
        self.engine.answer_waiters();
        // The engine goes on while the last requests are answered, so that what they record can still be sent at once.
        if self.doors.await.is_err() {
            tracing::error!("the HTTP surface did not end well");
        }
        // The grace is one for both.
        let left = self.grace.saturating_sub(begun.elapsed());
        self.engine.shutdown(left).await;
    }

    /// Ends at once, but for the answers to requests under way: they say that nothing is sure.
    async fn abandon(self) {
        self.engine.abort();
        self.stop.cancel();
        tokio::time::timeout(LAST_ANSWERS, self.doors).await.ok();
    }
}

/// Opens the store, starts the engine and listens; returns when requests are answered.
///
/// Whatever can be refused is refused before anything is made, changed or listened on.
pub(crate) async fn start(
    config: Config,
    after_restore: Option<AfterRestore>,
) -> anyhow::Result<Running> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
    let path = database(&config.store)?;
    let client = Arc::new(transport(
        &config.egress_allow,
        config.egress_resolver,
        config.egress_ca.as_deref(),
    )?);
    let seen = tidings_sqlite::look(&path)?;
    refuse_wrong_restore(&path, &seen, after_restore)?;
    let key = keys::find(config.secrets_key.as_deref(), &path, &seen)?;
    // The address is taken before anything is touched: a port in use must not start a second engine.
    let socket = claim(config.listen)?;
    if let Some(after) = after_restore {
        restore(&path, after)?;
    }
    let address = socket.local_addr()?;
    let server_url = config
        .public_url
        .clone()
        .unwrap_or_else(|| format!("http://{address}"));
    let grace = Duration::from_secs(config.shutdown_grace_seconds);

    let (hints, inbox) = tidings_delivery::hints();
    let store = SqliteStore::open(&path, Arc::clone(&clock), Arc::new(hints))?;
    let lost = Box::pin(store.lost());
    let store: Arc<dyn Store> = Arc::new(store);
    let vault = Arc::new(Vault::new(&key.or_make(&path)?));
    // Which key it was is noted with the first secret's store, and with an empty one's next key.
    if seen.key_id.as_deref() != Some(&vault.key_id()) {
        store.put_document(KEY_DOCUMENT, &vault.key_id()).await?;
    }
    let new_token =
        administrator(&config, store.as_ref(), clock.as_ref(), entropy.as_ref()).await?;
    let server_settings = ServerSettings::load(store.as_ref(), defaults(&config)).await?;
    let engine = Engine::start(Parts {
        store: Arc::clone(&store),
        transport: Arc::clone(&client) as _,
        keyring: Arc::clone(&vault) as _,
        clock: Arc::clone(&clock),
        entropy: Arc::clone(&entropy),
        settings: engine_settings(&config, &server_settings, &server_url),
        inbox,
    })
    .await?;
    let mut registry = Registry::default();
    engine.metrics().register(&mut registry);
    let app = App {
        store,
        engine: engine.clone(),
        guard: client,
        settings: RwLock::new(server_settings),
        settings_turn: tokio::sync::Mutex::default(),
        clock,
        entropy,
        vault,
        server_url,
        admin_token: config.admin_token.as_deref().map(auth::hash),
        plans: tidings_app::objects::Plans::default(),
        gate: tidings_app::passwords::Gate::default(),
    };
    let first_link = app.first_link().await.unwrap_or_else(|fault| {
        // `tidings account sign-in-link` makes one later.
        tracing::warn!("no link for the first administrator could be made: {fault}");
        None
    });
    let metrics = Arc::new(tidings_web::metrics::Metrics::new(registry));
    let door = Door::new(Arc::new(app), Arc::clone(&metrics), DoorLimits::default())
        .behind(config.trusted_proxies.clone());
    let stop = CancellationToken::new();
    let limits = Limits {
        grace,
        ..Limits::for_descriptors(descriptors::raise())
    };
    // Listening is the last: who connects is answered.
    let listener = socket
        .listen(BACKLOG)
        .with_context(|| taken(config.listen))?;
    let doors = tokio::spawn(tidings_web::serve(
        listener,
        door,
        metrics,
        limits,
        stop.clone(),
    ));
    Ok(Running {
        address,
        new_token,
        first_link,
        engine,
        doors,
        stop,
        grace,
        lost,
    })
}

/// The client that sends: what the configuration allows beyond public addresses, whom it asks for names, whom it trusts.
pub(crate) fn transport(
    allow: &[String],
    resolver: Option<SocketAddr>,
    ca_file: Option<&Path>,
) -> anyhow::Result<tidings_egress::Client> {
    let allow = allow
        .iter()
        .map(|entry| entry.parse())
        .collect::<Result<Vec<Allow>, _>>()?;
    let read = |path: &Path| {
        std::fs::read_to_string(path)
            .with_context(|| format!("egress.ca_file: cannot read {}", path.display()))
    };
    let settings = tidings_egress::Settings {
        allow,
        resolver,
        ca_pem: ca_file.map(read).transpose()?,
        own: Vec::new(),
    };
    Ok(tidings_egress::Client::new(settings)?)
}

/// The settings that the administrator may change while the server runs, as long as nobody did.
fn defaults(config: &Config) -> ServerSettings {
    ServerSettings {
        failure_limit: config.failure_limit,
        disable_after: u64::from(config.disable_after_hours) * 3600,
        retention: Retention {
            days: config.retention_days,
            max_rows: config.retention_rows,
            max_bytes: config.retention_bytes,
            held_days: config.retention_held_days,
            audit_days: config.retention_audit_days,
        },
    }
}

fn engine_settings(
    config: &Config,
    server: &ServerSettings,
    server_url: &str,
) -> tidings_delivery::Settings {
    tidings_delivery::Settings {
        failure_limit: server.failure_limit,
        disable_after: Duration::from_secs(server.disable_after),
        retry_schedule: config.retry_schedule.clone(),
        retention: server.retention,
        server_url: server_url.to_owned(),
        ..tidings_delivery::Settings::default()
    }
}

/// A backup must not be served by accident, and what is none must not be treated as one.
fn refuse_wrong_restore(
    path: &Path,
    seen: &Seen,
    after: Option<AfterRestore>,
) -> Result<(), OpenError> {
    let path = path.to_owned();
    match (&seen.backup, after) {
        (Some(mark), None) => Err(OpenError::Backup {
            path,
            made_at: mark.made_at.clone(),
        }),
        (None, Some(_)) => Err(OpenError::NoBackup(path)),
        _ => Ok(()),
    }
}

fn restore(path: &Path, after: AfterRestore) -> anyhow::Result<()> {
    let (after, what) = match after {
        AfterRestore::Park => (tidings_sqlite::AfterRestore::Park, "put aside"),
        AfterRestore::Deliver => (tidings_sqlite::AfterRestore::Deliver, "delivered"),
    };
    let restored = tidings_sqlite::restore(path, after)?;
    tracing::info!(
        event = restored.event,
        "restored from a backup: {} deliveries that waited are {what}; events go on after {}",
        restored.waiting,
        restored.event
    );
    Ok(())
}

/// Connections that may wait to be accepted.
const BACKLOG: u32 = 1024;

fn taken(address: SocketAddr) -> String {
    format!("cannot listen on {address}; choose another with --listen ADDR:PORT")
}

/// Takes the address without listening yet.
fn claim(address: SocketAddr) -> anyhow::Result<TcpSocket> {
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()
    } else {
        TcpSocket::new_v6()
    };
    let bound = socket.and_then(|socket| {
        // A server that was just stopped leaves connections behind that hold the address for a minute.
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        Ok(socket)
    });
    bound.with_context(|| taken(address))
}

/// The file of `store.url`.
pub(crate) fn database(store: &str) -> anyhow::Result<PathBuf> {
    store
        .strip_prefix("sqlite:")
        .map(PathBuf::from)
        .context("store.url: expected sqlite:PATH")
}

/// Makes the administrator's token at the first start, unless the configuration gives one.
async fn administrator(
    config: &Config,
    store: &dyn Store,
    clock: &dyn Clock,
    entropy: &dyn Entropy,
) -> anyhow::Result<Option<String>> {
    if config.admin_token.is_some() || !store.tokens(None, 0, 1).await?.data.is_empty() {
        return Ok(None);
    }
    let secret = auth::new_token(entropy);
    let token = Token {
        id: TokenId(0),
        project: None,
        name: "first start".into(),
        kind: TokenKind::Admin,
        hash: auth::hash(&secret),
        hint: auth::hint(&secret),
        expires_at: None,
        created_at: tidings_domain::time::show(clock.wall()),
    };
    store.create_token(token).await?;
    Ok(Some(secret))
}
