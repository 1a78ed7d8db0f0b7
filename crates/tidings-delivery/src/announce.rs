//! The server switched a webhook off: that is itself an event, and the project's other webhooks can carry it to people.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::RwLock;
use tidings_domain::event::WebhookDisabled;
use tidings_domain::project::WebhookSwitch;
use tidings_domain::webhook::{DisabledReason, Webhook};
use tidings_domain::{Clock, Event, Fault, Time, Value, What};
use tidings_storage::audit::{Actor, AuditChange, AuditEntry};
use tidings_storage::{
    AsOf, Deed, Done, EventIds, Notes, Plan, RecordError, RecordedEvent, Snapshot, Store,
    StoreError,
};

use crate::inbox::{Inbox, Input};
use crate::settings::Settings;
use crate::tell::messages_for;

/// The pause before something the store could not do is asked for again.
const AGAIN: Duration = Duration::from_secs(1);

/// Records `webhook.disabled` and then what it says: that the webhook is not enabled. In this order, so that a crash between the
/// two is noticed at the next start and the event is told after all.
pub(crate) struct Announcer {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) inbox: Inbox,
    pub(crate) settings: Arc<RwLock<Settings>>,
}

impl Announcer {
    /// Tells everybody. Goes on until the store takes it.
    pub(crate) async fn announce(self: Arc<Self>, webhook: Arc<Webhook>, reason: DisabledReason) {
        let id = webhook.id;
        let by_server = !matches!(reason, DisabledReason::Manual | DisabledReason::Plan);
        tracing::warn!(
            webhook.id = %id,
            project.id = %webhook.project,
            reason = reason.as_str(),
            "webhook {id} is disabled: {}",
            reason.as_str()
        );
        let at = self.clock.wall();
        let mut told = !by_server;
        while !told {
            match self.record(&webhook, reason, at).await {
                Ok(()) | Err(RecordError::Store(StoreError::NotFound)) => told = true,
                Err(error) => {
                    tracing::warn!(webhook.id = %id, %error, "the event webhook.disabled could not be recorded, again soon");
                    tokio::time::sleep(AGAIN).await;
                }
            }
        }
        let note = if by_server {
            Some(entry(&webhook, reason, self.key_of(&webhook).await))
        } else {
            None
        };
        while let Err(error) =
            set_enabled(&*self.store, &self.inbox, &webhook, false, note.as_ref()).await
        {
            tracing::warn!(webhook.id = %id, %error, "webhook {id} could not be marked as disabled, again soon");
            tokio::time::sleep(AGAIN).await;
        }
    }

    /// The key of a webhook's project, as far as it can be read now.
    async fn key_of(&self, webhook: &Webhook) -> Option<String> {
        let mut key = None;
        let job = Box::new(|state: &dyn Snapshot| key = Some(state.project().key.clone()));
        let read = self.store.read(webhook.project, AsOf::Now, job).await;
        read.ok().and(key)
    }

    async fn record(
        &self,
        webhook: &Webhook,
        reason: DisabledReason,
        at: Time,
    ) -> Result<(), RecordError> {
        let server_url = self.settings.read().server_url.clone();
        let what = WebhookDisabled {
            id: webhook.id,
            name: webhook.name.clone(),
            host: url::Url::parse(&webhook.url)
                .ok()
                .and_then(|u| u.host_str().map(str::to_owned))
                .unwrap_or_default(),
            reason: reason.as_str().to_owned(),
            since: tidings_domain::time::cut(at),
        };
        let project = webhook.project;
        let planner = move |snapshots: &[&dyn Snapshot], ids: &mut dyn EventIds| {
            let event = Event {
                id: ids.next(),
                project,
                at,
                actor: None,
                what: What::WebhookDisabled(what.clone()),
            };
            Ok::<Plan, Fault>(plan(event, snapshots, &server_url))
        };
        self.store
            .record(&[project], Box::new(planner))
            .await
            .map(|_| ())
    }
}

/// The event, and its message for every other webhook of the project that speaks of such things and wants it.
fn plan(event: Event, snapshots: &[&dyn Snapshot], server_url: &str) -> Plan {
    let mut messages = Vec::new();
    for snapshot in snapshots {
        if snapshot.project().webhooks != WebhookSwitch::On {
            continue;
        }
        for webhook in snapshot.webhooks().iter() {
            if webhook.enabled {
                messages.extend(messages_for(webhook, &event, *snapshot, server_url));
            }
        }
    }
    Plan {
        events: vec![RecordedEvent {
            event: Arc::new(event),
            listed: false,
        }],
        messages,
        ..Plan::default()
    }
}

/// What the audit log says of it.
fn entry(webhook: &Webhook, reason: DisabledReason, key: Option<String>) -> AuditEntry {
    AuditEntry {
        project: Some(webhook.project),
        webhook: Some(webhook.id),
        operation: "webhook.disable".into(),
        actor: Actor::server(),
        address: None,
        key,
        target: format!("webhooks/{}", webhook.id),
        name: webhook.name.clone(),
        changes: vec![
            AuditChange::new("enabled", true.into(), false.into()),
            AuditChange::new("reason", Value::Null, reason.as_str().into()),
        ],
    }
}

/// Brings a stored webhook's `enabled` in line with its health, whoever edits it at the same time; `note` is written with it.
pub(crate) async fn set_enabled(
    store: &dyn Store,
    inbox: &Inbox,
    webhook: &Webhook,
    enabled: bool,
    note: Option<&AuditEntry>,
) -> Result<(), StoreError> {
    loop {
        let Some((stored, _, _)) = store.webhook(webhook.project, webhook.id).await? else {
            return Ok(());
        };
        if stored.enabled == enabled {
            return Ok(());
        }
        let mut edited = (*stored).clone();
        edited.enabled = enabled;
        edited.version += 1;
        let notes = Notes {
            memo: None,
            audit: note.cloned(),
        };
        let deed = Deed::UpdateWebhook(Box::new(edited));
        match store.keep(deed, Box::new(|_| notes)).await {
            Ok(Done::Webhook(webhook)) => {
                inbox.push(Input::Saved {
                    webhook,
                    url_changed: false,
                    new_in: None,
                    done: None,
                });
                return Ok(());
            }
            Ok(_) | Err(StoreError::NotFound) => return Ok(()),
            Err(StoreError::Conflict(_)) => {}
            Err(error) => return Err(error),
        }
    }
}
