//! Who an event is explained for: a page of webhooks with their deliveries of it, those that are deleted too.

use std::collections::BTreeMap;

use tidings_domain::{EventId, Fault, Project, WebhookId};
use tidings_storage::EventDelivery;

use crate::refusal::{absent, refusal};
use crate::webhooks::Found;
use crate::{App, Paging};

/// Deliveries of one event read at once, per entry of the page. Dialects make a handful of messages of an event; where there
/// are more, the page ends earlier.
const DELIVERIES_PER_ENTRY: usize = 32;

/// A webhook, as far as it is still there, with its deliveries of the event.
#[derive(Default)]
pub(super) struct Role {
    pub(super) webhook: Option<Found>,
    pub(super) deliveries: Vec<EventDelivery>,
    /// The webhook or its project was off when the event was recorded, and nobody has dealt with that yet.
    pub(super) missed: bool,
}

/// A page.
pub(super) struct Cast {
    pub(super) roles: BTreeMap<WebhookId, Role>,
    /// Where the next one begins.
    pub(super) next: Option<i64>,
}

impl App {
    /// Three questions to the store, however long the page.
    pub(super) async fn cast(
        &self,
        project: &Project,
        event: EventId,
        paging: Paging,
    ) -> Result<Cast, Fault> {
        let (after, limit) = (paging.from, paging.limit);
        let page = self.store.webhooks(project.id, after, limit).await;
        let page = page.map_err(refusal)?;
        let upto = page.next.unwrap_or(i64::MAX);
        let most = limit.saturating_mul(DELIVERIES_PER_ENTRY);
        let range = (WebhookId(after), WebhookId(upto));
        let deliveries = self
            .store
            .deliveries_of_event(project.id, event, range, most);
        let deliveries = deliveries.await.map_err(refusal)?;
        let mut cast = gather(page.data, deliveries, most, limit);
        cast.next = cast.next.or(page.next);
        self.absences(project, event, range, &mut cast).await?;
        Ok(cast)
    }

    /// One webhook alone.
    pub(super) async fn solo(
        &self,
        project: &Project,
        event: EventId,
        webhook: WebhookId,
    ) -> Result<Cast, Fault> {
        let found = self.store.webhook(project.id, webhook).await;
        let found = found.map_err(refusal)?;
        let range = (WebhookId(webhook.0.saturating_sub(1)), webhook);
        let most = 200 * DELIVERIES_PER_ENTRY;
        let deliveries = self
            .store
            .deliveries_of_event(project.id, event, range, most);
        let deliveries = deliveries.await.map_err(refusal)?;
        if found.is_none() && deliveries.is_empty() {
            return Err(absent());
        }
        let role = Role {
            webhook: found,
            deliveries,
            missed: false,
        };
        let mut cast = Cast {
            roles: BTreeMap::from([(webhook, role)]),
            next: None,
        };
        self.absences(project, event, range, &mut cast).await?;
        Ok(cast)
    }

    /// Notes who missed the event.
    async fn absences(
        &self,
        project: &Project,
        event: EventId,
        range: (WebhookId, WebhookId),
        cast: &mut Cast,
    ) -> Result<(), Fault> {
        let absent = self.store.absent(project.id, event, range).await;
        for webhook in absent.map_err(refusal)? {
            if let Some(role) = cast.roles.get_mut(&webhook) {
                role.missed = true;
            }
        }
        Ok(())
    }
}

/// Brings webhooks and deliveries together: at most `limit` roles, each whole.
fn gather(webhooks: Vec<Found>, deliveries: Vec<EventDelivery>, most: usize, limit: usize) -> Cast {
    // Where as many came as were asked for, the last webhook's may not be all of them.
    let cut = (deliveries.len() >= most)
        .then(|| deliveries.last().and_then(|d| d.summary.webhook))
        .flatten();
    let mut roles: BTreeMap<WebhookId, Role> = BTreeMap::new();
    for found in webhooks {
        let id = found.0.id;
        roles.entry(id).or_default().webhook = Some(found);
    }
    for delivery in deliveries {
        if let Some(webhook) = delivery.summary.webhook {
            roles.entry(webhook).or_default().deliveries.push(delivery);
        }
    }
    let mut next = None;
    if let Some(cut) = cut {
        let first = roles.keys().next().copied();
        let keep = if first == Some(cut) {
            cut
        } else {
            WebhookId(cut.0 - 1)
        };
        roles.retain(|id, _| *id <= keep);
        next = roles.keys().next_back().map(|id| id.0);
    }
    if roles.len() > limit {
        let last = roles.keys().nth(limit.saturating_sub(1)).copied();
        roles.retain(|id, _| Some(*id) <= last);
        next = last.map(|id| id.0);
    }
    Cast { roles, next }
}

#[cfg(test)]
mod tests;
