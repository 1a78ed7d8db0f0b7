//! The server switched a webhook off: that is itself an event, and the project's other webhooks can carry it to people.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::RwLock;
use tidings_domain::event::WebhookDisabled;
use tidings_domain::project::WebhookSwitch;
use tidings_domain::webhook::{DisabledReason, Webhook};
use tidings_domain::{Clock, Event, Fault, ProjectId, Time, Value, WebhookId, What};
use tidings_storage::audit::{Actor, AuditChange, AuditEntry};
use tidings_storage::{
    AsOf, Deed, Done, EventIds, LaneCounts, Notes, Plan, RecordError, RecordedEvent, Snapshot,
    Store, StoreError,
};
use tokio::sync::oneshot;

use crate::inbox::{Inbox, Input};
use crate::settings::Settings;
use crate::tell::messages_for;

/// The pause before something the store could not do is asked for again.
const AGAIN: Duration = Duration::from_secs(1);

/// A stored webhook after its switch was noted.
pub(crate) struct Noted {
    pub(crate) webhook: Arc<Webhook>,
    /// What waited for it just before.
    pub(crate) counts: LaneCounts,
    /// Whether it was switched the other way before.
    pub(crate) changed: bool,
}

/// Makes what is written with it.
pub(crate) type NotesOf<'a> = dyn Fn(&Noted) -> Notes + Send + Sync + 'a;

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
        let entry = if by_server {
            Some(entry(&webhook, reason, self.key_of(&webhook).await))
        } else {
            None
        };
        let note = |noted: &Noted| Notes {
            memo: None,
            audit: entry.clone().filter(|_| noted.changed),
        };
        let named = (webhook.project, id);
        while let Err(error) = note_switch(&*self.store, &self.inbox, named, &note).await {
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

/// Brings a stored webhook's `enabled` in line with its lane, whoever edits it or switches it at the same time.
///
/// The lane is asked after the stored webhook was read, and something is written even where both agree already: a write that
/// rests on what the lane said before finds another version then, and looks again. So the last one to turn the lane has the last word
/// here too.
///
/// What `note` makes of it is written in the same transaction. The webhook as it is then; `None`: it is gone.
pub(crate) async fn note_switch(
    store: &dyn Store,
    inbox: &Inbox,
    (project, id): (ProjectId, WebhookId),
    note: &NotesOf<'_>,
) -> Result<Option<Noted>, StoreError> {
    loop {
        let Some((stored, _, counts)) = store.webhook(project, id).await? else {
            return Ok(None);
        };
        let (to, answer) = oneshot::channel();
        inbox.push(Input::IsDisabled(id, to));
        let Ok(Some(disabled)) = answer.await else {
            return Ok(None);
        };
        let mut edited = (*stored).clone();
        edited.enabled = !disabled;
        edited.version += 1;
        let mut noted = Noted {
            changed: stored.enabled == disabled,
            webhook: Arc::new(edited.clone()),
            counts,
        };
        let written = note(&noted);
        let deed = Deed::UpdateWebhook(Box::new(edited));
        match store.keep(deed, Box::new(|_| written)).await {
            Ok(done) => {
                if let Done::Webhook(webhook) = done {
                    noted.webhook = webhook;
                }
                inbox.push(Input::Saved {
                    webhook: Arc::clone(&noted.webhook),
                    url_changed: false,
                    new_in: None,
                    done: None,
                });
                return Ok(Some(noted));
            }
            Err(StoreError::NotFound) => return Ok(None),
            Err(StoreError::Conflict(_)) => {}
            Err(error) => return Err(error),
        }
    }
}
