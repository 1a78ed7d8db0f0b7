//! What the operator decides about delivery.

use std::time::Duration;

use tidings_dialects::Dialect;
use tidings_domain::webhook::Webhook;
use tidings_storage::Retention;

use crate::health::Rules;
use crate::lane::WINDOW;
use crate::schedule::{DEFAULT_SECONDS, Schedule};

/// Settings of the engine; may be replaced while it runs and act from the next try on.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Failures in a row that disable a webhook whose dialect disables at all (iceScrum); 0: never.
    pub failure_limit: u32,
    /// Failing for so long disables a webhook without a failure limit; zero: never.
    pub disable_after: Duration,
    /// Seconds between tries, for webhooks without a schedule of their own.
    pub retry_schedule: Vec<u64>,
    /// Limits of the log.
    pub retention: Retention,
    /// `User-Agent` where the dialect has none of its own.
    pub user_agent: String,
    /// Deliveries per webhook that are kept in memory while they wait for their turn; the rest waits in the store.
    pub window: usize,
    /// Public URL of the server, without a slash at the end; the base of links in `webhook.disabled`.
    pub server_url: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            failure_limit: 5,
            disable_after: Duration::from_hours(5 * 24),
            retry_schedule: DEFAULT_SECONDS.to_vec(),
            retention: Retention::default(),
            user_agent: concat!("Tidings/", env!("CARGO_PKG_VERSION")).to_owned(),
            window: WINDOW,
            server_url: "http://localhost:8080".to_owned(),
        }
    }
}

impl Settings {
    /// What holds for one webhook.
    pub(crate) fn rules(&self, webhook: &Webhook) -> Rules {
        let has_limit =
            tidings_dialects::find(&webhook.dialect).is_some_and(Dialect::has_failure_limit);
        let servers = if has_limit { self.failure_limit } else { 0 };
        let seconds = webhook
            .retry_schedule
            .as_deref()
            .unwrap_or(&self.retry_schedule);
        Rules {
            failure_limit: webhook.failure_limit.unwrap_or(servers),
            disable_after_ms: i64::try_from(self.disable_after.as_millis()).unwrap_or(i64::MAX),
            schedule: Schedule::from_seconds(seconds),
        }
    }
}
