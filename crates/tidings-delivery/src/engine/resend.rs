//! Deliveries that people want sent again, one by one.

use tidings_domain::delivery::DeliveryState;
use tidings_domain::fault::FaultKind;
use tidings_domain::{DeliveryId, Fault, ProjectId, WebhookId};
use tidings_storage::{Deed, Notes, StoreError};

use super::Engine;
use super::testing::unavailable;
use crate::inbox::Input;
use crate::lane::Standing;

impl Engine {
    /// Tries a delivery again. What was not delivered takes its old place with a fresh schedule (late, if a later one of its item
    /// was started); what was delivered gets one more try; what waits is tried now if it is its turn.
    ///
    /// # Errors
    /// 404, or 409 with the code `waiting`, `webhook_disabled` or `webhook_deleted`.
    pub async fn resend(&self, project: ProjectId, delivery: DeliveryId) -> Result<(), Fault> {
        let found = self.0.store.delivery(project, delivery).await;
        let found = found.map_err(|e| unavailable(&e))?.ok_or_else(|| {
            Fault::not_found(format!("there is no delivery {delivery} in this project"))
        })?;
        let webhook = found.summary.webhook.ok_or_else(deleted)?;
        let standing = self.ask(|to| Input::Standing(webhook, to)).await;
        match standing.unwrap_or(Standing::Deleted) {
            Standing::Deleted => return Err(deleted()),
            Standing::Off => return Err(disabled()),
            Standing::On => {}
        }
        if let DeliveryState::Pending | DeliveryState::Held = found.summary.state {
            return self.try_now(webhook, delivery).await;
        }
        let audit = self.note();
        let notes = Notes { memo: None, audit };
        let deed = Deed::Resend(project, delivery);
        match self.0.store.keep(deed, Box::new(|_| notes)).await {
            Ok(_) => {
                // It takes its place when the lane reads its queue again; only there it is known whether it was overtaken.
                self.0.inbox.push(Input::Recovered(webhook));
                Ok(())
            }
            Err(StoreError::Conflict("webhook_deleted")) => Err(deleted()),
            Err(StoreError::Conflict(_)) => self.try_now(webhook, delivery).await,
            Err(error) => Err(unavailable(&error)),
        }
    }

    async fn try_now(&self, webhook: WebhookId, delivery: DeliveryId) -> Result<(), Fault> {
        let turn = self.ask(|to| Input::TryNow(webhook, delivery, to)).await;
        if turn == Some(true) {
            self.note_haste().await
        } else {
            Err(conflict(
                "waiting",
                "the delivery is being tried, or waits for an earlier one of its item",
            ))
        }
    }

    /// What waits is tried sooner, which only the lane knows: nothing is written but that somebody wanted it.
    async fn note_haste(&self) -> Result<(), Fault> {
        let Some(entry) = self.note() else {
            return Ok(());
        };
        let notes = Notes {
            memo: None,
            audit: Some(entry),
        };
        let done = self.0.store.keep(Deed::Nothing, Box::new(|_| notes)).await;
        done.map(drop).map_err(|e| unavailable(&e))
    }
}

fn conflict(code: &'static str, detail: &str) -> Fault {
    Fault::new(FaultKind::Conflict, code, detail)
}

fn deleted() -> Fault {
    conflict(
        "webhook_deleted",
        "the webhook of this delivery was deleted, or never saved; test one that is there instead",
    )
}

fn disabled() -> Fault {
    conflict(
        "webhook_disabled",
        "the webhook is disabled, or its project is not on; enable it, or recover what was put aside",
    )
}
