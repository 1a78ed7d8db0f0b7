//! A webhook as the engine sends to it: this version of it, and its recipe once something was sent.

use std::sync::{Arc, OnceLock};

use tidings_domain::webhook::Webhook;
use tidings_egress::Failure;

use crate::request::{Keyring, Recipe};

/// One version of a webhook.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) webhook: Arc<Webhook>,
    recipe: OnceLock<Result<Recipe, Failure>>,
}

impl Target {
    pub(crate) fn new(webhook: Arc<Webhook>) -> Arc<Self> {
        Arc::new(Self {
            webhook,
            recipe: OnceLock::new(),
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

    /// The dialect's name, as a label.
    pub(crate) fn dialect(&self) -> &'static str {
        tidings_dialects::find(&self.webhook.dialect).map_or("unknown", |d| d.name())
    }
}
