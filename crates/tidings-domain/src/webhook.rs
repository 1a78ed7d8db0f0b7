//! A project's subscription: where to send, what, how, and how it fares.

use serde::{Deserialize, Serialize};

use crate::id::{ProjectId, WebhookId};
use crate::value::Value;

/// Which events a webhook wants.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Selection {
    /// Every code of its dialect.
    All,
    /// The four story codes (iceScrum).
    Stories,
    /// These codes.
    Codes(Vec<String>),
}

/// Whether the events of one item reach the webhook in order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ordering {
    /// In order per root item.
    #[default]
    Item,
    /// In no order.
    None,
}

/// Bytes that only the holder of the server's key can read.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sealed(pub Vec<u8>);

impl std::fmt::Debug for Sealed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sealed(..)")
    }
}

/// A secret and the one it takes the place of while both are valid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Secrets {
    /// The secret in force (from `effective_at` on, if a rotation is under way).
    pub current: Sealed,
    /// The secret before, until `until`.
    pub previous: Option<PreviousSecret>,
}

/// The old secret of a rotation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreviousSecret {
    /// The old secret.
    pub secret: Sealed,
    /// When the vendor's header switches to the new one (RFC 3339).
    pub effective_at: String,
    /// Until when `webhook-signature` carries the old one too (RFC 3339).
    pub until: String,
}

/// The longest a try may take when nobody says otherwise; GitScrum's page promises 30 s.
pub const DEFAULT_TIMEOUT_SECONDS: u32 = 30;
/// Requests in flight when nobody says otherwise.
pub const DEFAULT_IN_FLIGHT: u32 = 8;

/// What a person or program configured. Everything but [`Health`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Webhook {
    /// Number, unique in the server.
    pub id: WebhookId,
    /// Whose.
    pub project: ProjectId,
    /// Name for people.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Where to POST; canonical form.
    pub url: String,
    /// Name of the dialect; fixed at creation.
    pub dialect: String,
    /// Which events.
    pub events: Selection,
    /// Signing secret.
    pub secrets: Option<Secrets>,
    /// Verify the receiver's certificate.
    pub verify_tls: bool,
    /// Additional authority, PEM.
    pub ca_pem: Option<String>,
    /// Switched on by people; a webhook that the server disabled is not enabled either.
    pub enabled: bool,
    /// Additional headers; values sealed.
    pub headers: Vec<(String, Sealed)>,
    /// Total deadline of a try, 1 to 60.
    pub timeout_seconds: u32,
    /// Order.
    pub ordering: Ordering,
    /// Most requests in flight.
    pub max_in_flight: u32,
    /// Failures in a row after which the server disables it; 0 = never, null = as the dialect says.
    pub failure_limit: Option<u32>,
    /// Seconds between tries; null = the server's.
    pub retry_schedule: Option<Vec<u64>>,
    /// Options of the dialect.
    pub options: Value,
    /// `console`, `api` or `app:NAME`.
    pub origin: String,
    /// Set by an app on its own webhook: people may only disable and delete it.
    pub locked: bool,
    /// The name of the URL's host did not resolve when it was saved.
    pub unresolved: bool,
    /// RFC 3339.
    pub created_at: String,
    /// RFC 3339.
    pub updated_at: String,
    /// Counts every edit; what the engine and the stores compare.
    pub version: i64,
}

impl Webhook {
    /// One that is made at this time and as it is when nobody says otherwise; it still needs a name, a URL and a dialect.
    pub fn new(id: WebhookId, project: ProjectId, now: impl Into<String>) -> Self {
        let now = now.into();
        Self {
            id,
            project,
            name: String::new(),
            description: String::new(),
            url: String::new(),
            dialect: String::new(),
            events: Selection::All,
            secrets: None,
            verify_tls: true,
            ca_pem: None,
            enabled: true,
            headers: Vec::new(),
            timeout_seconds: DEFAULT_TIMEOUT_SECONDS,
            ordering: Ordering::Item,
            max_in_flight: DEFAULT_IN_FLIGHT,
            failure_limit: None,
            retry_schedule: None,
            options: Value::Null,
            origin: "api".to_owned(),
            locked: false,
            unresolved: false,
            created_at: now.clone(),
            updated_at: now,
            version: 1,
        }
    }

    /// Whether it wants messages of that code. `stories` are the codes of the dialect's category of stories.
    pub fn wants(&self, code: &str, stories: &[&str]) -> bool {
        match &self.events {
            Selection::All => true,
            Selection::Stories => stories.contains(&code),
            Selection::Codes(codes) => codes.iter().any(|c| c == code),
        }
    }
}

/// How a webhook fares.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HealthState {
    /// Nothing to report.
    #[default]
    Ok,
    /// Failing: nothing but probes is sent.
    BackingOff,
    /// A person put it on hold: nothing is lost, order is kept.
    Paused,
    /// Switched off, by a person or by the server.
    Disabled,
}

impl HealthState {
    /// Every state.
    pub const ALL: [HealthState; 4] = [
        HealthState::Ok,
        HealthState::BackingOff,
        HealthState::Paused,
        HealthState::Disabled,
    ];

    /// The word of the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            HealthState::Ok => "ok",
            HealthState::BackingOff => "backing_off",
            HealthState::Paused => "paused",
            HealthState::Disabled => "disabled",
        }
    }
}

/// Why a webhook is disabled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DisabledReason {
    /// As many failures in a row as its limit allows.
    FailureLimit,
    /// Only failures for days.
    FailingTooLong,
    /// The receiver said 410 Gone.
    Gone,
    /// A person did it.
    Manual,
    /// The project's plan.
    Plan,
}

impl DisabledReason {
    /// The word the API shows.
    pub const fn as_str(self) -> &'static str {
        match self {
            DisabledReason::FailureLimit => "failure_limit",
            DisabledReason::FailingTooLong => "failing_too_long",
            DisabledReason::Gone => "gone",
            DisabledReason::Manual => "manual",
            DisabledReason::Plan => "plan",
        }
    }
}

/// The engine's record of how a webhook fares; survives restarts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Health {
    /// State.
    pub state: HealthState,
    /// Why disabled.
    pub reason: Option<DisabledReason>,
    /// Since when in this state (RFC 3339).
    pub since: Option<String>,
    /// Next probe (RFC 3339).
    pub next_probe_at: Option<String>,
    /// Failures in a row that counted.
    pub consecutive_failures: u32,
    /// First failure of the run, in stored server time (milliseconds).
    pub failing_since_ms: Option<i64>,
    /// Status of the last answer.
    pub last_status: Option<u16>,
    /// Successful attempts ever.
    pub delivered: u64,
    /// Step of the probe's doubling wait.
    pub probe_step: u32,
    /// Failed tries by hour of uptime for the last 24, newest first; for `delivery.disable_after`.
    pub failures_by_hour: Vec<u32>,
    /// Changes of state that are not stored yet: a store adds them to the webhook's history with the health itself.
    #[serde(skip)]
    pub shifts: Vec<Shift>,
}

/// A webhook came into another state: a row of its history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shift {
    /// The state it came into.
    pub state: HealthState,
    /// Why, if it was disabled.
    pub reason: Option<DisabledReason>,
    /// When (RFC 3339).
    pub at: String,
    /// The person or program that did it; `None`: the server.
    pub by: Option<String>,
    /// Failures in a row by then.
    pub failures: u32,
    /// Status of the last answer by then.
    pub status: Option<u16>,
}
