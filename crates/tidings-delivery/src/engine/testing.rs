//! Test sends: at once, once, outside order and limit, whatever the webhook's health, which they never change.

use std::sync::Arc;

use bytes::Bytes;
use tidings_dialects::{About, Dialect, Message};
use tidings_domain::delivery::Trigger;
use tidings_domain::fault::FaultKind;
use tidings_domain::webhook::Webhook;
use tidings_domain::{Fault, WebhookId};
use tidings_storage::{StoreError, TestSend};

use super::Engine;
use crate::feed::News;
use crate::request::Letter;
use crate::target::Target;

impl Engine {
    /// Sends a test message now and logs it under that title; answers when the receiver did. `saved`: the log row names the webhook.
    /// One at a time per webhook: the next waits for its turn.
    ///
    /// # Errors
    /// The store cannot log it now; then nothing was sent, or it was sent and is told as sent.
    pub async fn test(
        &self,
        webhook: &Webhook,
        saved: bool,
        dialect: &dyn Dialect,
        message: Message,
        title: String,
    ) -> Result<TestSend, Fault> {
        let turn = self.turn(webhook.id);
        let _turn = turn.lock().await;
        let store = &self.0.store;
        let delivery = store
            .next_delivery_id()
            .await
            .map_err(|e| unavailable(&e))?;
        let (object, sequence) = about(&message.about);
        let body = Bytes::from(message.body);
        let target = Target::new(Arc::new(webhook.clone()));
        let letter = Letter {
            id: delivery,
            code: message.code,
            object: &object,
            sequence,
            body: &body,
            late: false,
        };
        let carrier = &self.0.carrier;
        let (mut attempts, verdict) = carrier.carry(&target, &letter, Trigger::Test).await;
        // The store numbers what it logs; the answer must say the same.
        for (number, attempt) in (1..).zip(&mut attempts) {
            attempt.number = number;
        }
        let test = TestSend {
            project: webhook.project,
            webhook: saved.then_some(webhook.id),
            delivery,
            dialect: dialect.name(),
            code: message.code,
            body,
            object,
            sequence,
            title,
            attempts,
            accepted: verdict.accepted(),
        };
        store
            .log_test(test.clone())
            .await
            .map_err(|e| unavailable(&e))?;
        let feed = self.0.inbox.feed();
        feed.tell(webhook.project, News::Delivery(delivery));
        Ok(test)
    }

    /// The queue of a webhook's tests. Those of webhooks that were never saved share one.
    fn turn(&self, webhook: WebhookId) -> Arc<tokio::sync::Mutex<()>> {
        let mut tests = self.0.tests.lock();
        tests.retain(|_, turn| Arc::strong_count(turn) > 1);
        Arc::clone(tests.entry(webhook).or_default())
    }
}

fn about(about: &About) -> (String, Option<i64>) {
    match about {
        About::Object(object, sequence) => (object.to_string(), Some(*sequence)),
        About::Items(_) => ("items".to_owned(), None),
        About::Webhook(id) => (format!("webhooks/{id}"), None),
    }
}

/// The store cannot do it now.
pub(super) fn unavailable(error: &StoreError) -> Fault {
    match error {
        StoreError::NotFound => Fault::not_found("there is no such thing"),
        StoreError::Unavailable(_)
        | StoreError::Disk(..)
        | StoreError::Unconfirmed(_)
        | StoreError::Conflict(_)
        | StoreError::Corrupt(_) => {
            tracing::error!(%error, "the store could not do what was asked");
            Fault {
                retry_after: Some(1),
                ..Fault::new(
                    FaultKind::Unavailable,
                    "unavailable",
                    "the server cannot do this right now; try again soon",
                )
            }
        }
    }
}
