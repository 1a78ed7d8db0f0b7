//! A webhook as the engine sends to it: this version of it, and its recipe once something was sent.

use std::sync::{Arc, OnceLock};

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::histogram::Histogram;
use tidings_domain::webhook::Webhook;
use tidings_egress::Failure;

use crate::request::{Keyring, Recipe};

/// One version of a webhook.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) webhook: Arc<Webhook>,
    recipe: OnceLock<Result<Recipe, Failure>>,
    host: OnceLock<String>,
    dialect: &'static str,
    /// Counts its first tries that are accepted.
    pub(crate) usual: OnceLock<Counter>,
    /// How long tries of its dialect take.
    pub(crate) durations: OnceLock<Histogram>,
}

impl Target {
    pub(crate) fn new(webhook: Arc<Webhook>) -> Arc<Self> {
        let dialect = tidings_dialects::find(&webhook.dialect);
        Arc::new(Self {
            dialect: dialect.map_or("unknown", |d| d.name()),
            usual: OnceLock::new(),
            durations: OnceLock::new(),
            webhook,
            recipe: OnceLock::new(),
            host: OnceLock::new(),
        })
    }

    /// The recipe; made at the first try, because opening secrets for ten thousand webhooks at the start would take time.
    pub(crate) fn recipe(
        &self,
        keyring: &dyn Keyring,
        user_agent: impl FnOnce() -> String,
    ) -> &Result<Recipe, Failure> {
        self.recipe
            .get_or_init(|| Recipe::new(&self.webhook, keyring, &user_agent()))
    }

    /// The host it goes to, for the log.
    pub(crate) fn host(&self) -> &str {
        self.host.get_or_init(|| {
            let url = url::Url::parse(&self.webhook.url).ok();
            url.and_then(|u| u.host_str().map(str::to_owned))
                .unwrap_or_default()
        })
    }

    /// The dialect's name, as a label.
    pub(crate) fn dialect(&self) -> &'static str {
        self.dialect
    }
}
