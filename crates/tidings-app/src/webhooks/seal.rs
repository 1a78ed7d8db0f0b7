//! Seals what a draft holds in plain text.

use tidings_domain::webhook::{Sealed, Secrets, Webhook};
use tidings_domain::{Fault, WebhookId};

use super::headers::HeaderValue;
use super::input::{Draft, SecretChange};
use crate::App;
use crate::refusal::internal;
use crate::vault::Column;

impl App {
    /// The webhook of a draft, with everything secret sealed for its id.
    pub(super) fn seal_draft(&self, draft: Draft) -> Result<Webhook, Fault> {
        let mut webhook = draft.webhook;
        let id = webhook.id;
        match draft.secret {
            SecretChange::Keep => {}
            SecretChange::Remove => webhook.secrets = None,
            SecretChange::Set(secret) => {
                webhook.secrets = Some(Secrets {
                    current: self.seal(Column::Secret, id, secret.as_bytes())?,
                    previous: None,
                });
            }
        }
        webhook.headers = draft
            .headers
            .into_iter()
            .map(|(name, value)| {
                let sealed = match value {
                    HeaderValue::Kept(sealed) => sealed,
                    HeaderValue::Given(text) => self.seal(Column::Header, id, text.as_bytes())?,
                };
                Ok((name, sealed))
            })
            .collect::<Result<_, Fault>>()?;
        Ok(webhook)
    }

    /// Seals one value.
    pub(super) fn seal(
        &self,
        column: Column,
        id: WebhookId,
        plain: &[u8],
    ) -> Result<Sealed, Fault> {
        self.vault
            .seal(&*self.entropy, column, id, plain)
            .map_err(|error| {
                tracing::error!(webhook.id = id.0, "failed to seal a secret: {error}");
                internal()
            })
    }
}
