//! Pages of the queue from the store. What was recovered or sent again takes its old place, unless a later one of its item was
//! started meanwhile: then it is late.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use tidings_domain::delivery::Trigger;
use tidings_domain::{DeliveryId, ObjectRef, ProjectId, WebhookId};
use tidings_storage::{DeliveryFilter, Queued, Store, StoreError};

use crate::effect::{Found, Load, Loaded};

/// Rows of the log read at once when looking for what was started.
const PAGE: usize = 100;

/// Reads the queue.
pub(crate) struct Loader {
    pub(crate) store: Arc<dyn Store>,
}

impl Loader {
    pub(crate) async fn load(&self, load: Load) -> Loaded {
        let result = self.page(&load).await;
        Loaded { load, result }
    }

    async fn page(&self, load: &Load) -> Result<Found, StoreError> {
        let mut page = self
            .store
            .pending(load.webhook, load.after, load.limit)
            .await?;
        page.retain(|queued| queued.id <= load.until);
        let ahead = self.ahead(load, &page).await?;
        let mut seen = HashMap::new();
        let mut late = HashSet::new();
        for queued in &page {
            let asked_again = is_asked_again(queued);
            let nothing_later = load.started.is_some_and(|last| last < queued.id);
            let may_be_late = asked_again && !queued.late && !queued.settled && !nothing_later;
            if may_be_late && self.is_overtaken(queued, &mut seen).await? {
                late.insert(queued.id);
            }
        }
        Ok(Found { page, late, ahead })
    }

    /// After a crash, what stands behind the page and behind what is held back: it may have been started. Only what was brought
    /// back can have been overtaken.
    async fn ahead(&self, load: &Load, page: &[Queued]) -> Result<Vec<Queued>, StoreError> {
        let mut ahead = Vec::new();
        let Some(last) = page.last().filter(|_| load.ahead > 0) else {
            return Ok(ahead);
        };
        if !page.iter().any(is_asked_again) {
            return Ok(ahead);
        }
        let store = &self.store;
        ahead.extend(store.pending(load.webhook, last.id, load.ahead).await?);
        if load.until < DeliveryId(i64::MAX) {
            ahead.extend(store.pending(load.webhook, load.until, load.ahead).await?);
        }
        Ok(ahead)
    }

    /// Whether a later delivery of one of its roots was started.
    async fn is_overtaken(
        &self,
        queued: &Queued,
        seen: &mut HashMap<ObjectRef, Option<DeliveryId>>,
    ) -> Result<bool, StoreError> {
        for root in &queued.message.roots {
            let last = if let Some(last) = seen.get(root) {
                *last
            } else {
                let last = self
                    .last_started(queued.message.project, queued.webhook, *root, queued.id)
                    .await?;
                seen.insert(*root, last);
                last
            };
            if last.is_some_and(|last| last > queued.id) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The last delivery of a root after `after` that was ever tried.
    async fn last_started(
        &self,
        project: ProjectId,
        webhook: WebhookId,
        root: ObjectRef,
        after: DeliveryId,
    ) -> Result<Option<DeliveryId>, StoreError> {
        let filter = DeliveryFilter {
            webhook: Some(webhook),
            object: Some(root.to_string()),
            ..DeliveryFilter::default()
        };
        let mut before = 0;
        loop {
            let page = self
                .store
                .deliveries(project, &filter, before, PAGE)
                .await?;
            for row in &page.data {
                if row.id <= after {
                    return Ok(None);
                }
                if row.attempts > 0 && row.event.is_some() {
                    return Ok(Some(row.id));
                }
            }
            match page.next {
                Some(next) => before = next,
                None => return Ok(None),
            }
        }
    }
}

fn is_asked_again(queued: &Queued) -> bool {
    matches!(queued.trigger, Trigger::Recover | Trigger::Resend)
}
