//! `Prefer: wait`: what became of the deliveries of a write, once each was tried.

use std::time::Duration;

use tidings_delivery::first_tries::Waiter;
use tidings_domain::delivery::DeliveryState;
use tidings_domain::{DeliveryId, Fault, ProjectId, Value, WebhookId};
use tidings_storage::{DeliveryFilter, DeliverySummary, Queued};

use crate::App;
use crate::deliveries::show_row;
use crate::refusal::refusal;

/// Deliveries whose first tries somebody wants to see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Awaited(Vec<(DeliveryId, WebhookId, ProjectId)>);

impl Awaited {
    /// The deliveries of a write, without what they carry.
    pub fn of(deliveries: &[Queued]) -> Self {
        let place = |d: &Queued| (d.id, d.webhook, d.message.project);
        Self(deliveries.iter().map(place).collect())
    }

    /// The last delivery in a project, and how many there are in it.
    fn in_project(&self, project: ProjectId) -> impl Iterator<Item = DeliveryId> {
        let inside = move |d: &&(DeliveryId, WebhookId, ProjectId)| d.2 == project;
        self.0.iter().filter(inside).map(|(id, _, _)| *id)
    }

    fn projects(&self) -> Vec<ProjectId> {
        let mut projects: Vec<ProjectId> = self.0.iter().map(|(_, _, p)| *p).collect();
        projects.sort_unstable();
        projects.dedup();
        projects
    }
}

/// What became of deliveries.
#[derive(Clone, Debug)]
pub struct FirstTries {
    /// Whether each of them was tried.
    pub complete: bool,
    /// Their rows of the log, in order, each with `webhook_state`.
    pub deliveries: Vec<Value>,
}

impl App {
    /// Waits until each delivery was tried, at most so long; what goes to a webhook that is not well is not waited for. `None`: too
    /// many wait already, or too much is asked, or the server stops.
    pub async fn first_tries(
        &self,
        awaited: &Awaited,
        most: Duration,
    ) -> Result<Option<FirstTries>, Fault> {
        let to: Vec<(DeliveryId, WebhookId)> =
            awaited.0.iter().map(|(id, to, _)| (*id, *to)).collect();
        let Some(waiter) = self.engine.await_first_tries(&to).await else {
            return Ok(None);
        };
        let mut rows = self.rows(awaited).await?;
        if self.is_short(&waiter, &rows, most).await {
            rows = self.rows(awaited).await?;
        }
        drop(waiter);
        let now = self.clock.wall();
        let tried = rows.iter().filter(|row| row.attempts > 0).count();
        Ok(Some(FirstTries {
            complete: tried == awaited.0.len(),
            deliveries: rows.iter().map(|row| self.show_tried(row, now)).collect(),
        }))
    }

    /// Waits for what these rows do not tell yet; whether there was any such.
    async fn is_short(&self, waiter: &Waiter, rows: &[DeliverySummary], most: Duration) -> bool {
        let over = |row: &&DeliverySummary| {
            row.attempts > 0 || !matches!(row.state, DeliveryState::Pending | DeliveryState::Held)
        };
        let found: Vec<DeliveryId> = rows.iter().filter(over).map(|row| row.id).collect();
        for delivery in &found {
            waiter.found(*delivery);
        }
        // Whether it was ready in time makes no difference: what is there is shown.
        let _ = tokio::time::timeout(most, waiter.ready()).await;
        found.len() < rows.len()
    }

    fn show_tried(&self, row: &DeliverySummary, now: tidings_domain::Time) -> Value {
        let mut shown = show_row(row, now);
        let health = row.webhook.and_then(|webhook| self.engine.health(webhook));
        if let Value::Map(members) = &mut shown {
            let word = health.map(|health| health.state.as_str());
            members.push(("webhook_state".to_owned(), word.into()));
        }
        shown
    }

    /// The rows of the log, in order.
    async fn rows(&self, awaited: &Awaited) -> Result<Vec<DeliverySummary>, Fault> {
        let mut rows = Vec::with_capacity(awaited.0.len());
        for project in awaited.projects() {
            // Made by one request, they lie side by side in the log of their project.
            let mut missing = awaited.in_project(project).count();
            let last = awaited.in_project(project).map(|id| id.0).max();
            let mut before = last.unwrap_or_default().saturating_add(1);
            while missing > 0 {
                let page = self
                    .store
                    .deliveries(project, &DeliveryFilter::default(), before, missing)
                    .await
                    .map_err(refusal)?;
                missing = missing.saturating_sub(page.data.len());
                rows.extend(page.data);
                match page.next {
                    Some(next) => before = next,
                    None => break,
                }
            }
        }
        let mut ids: Vec<DeliveryId> = awaited.0.iter().map(|(id, _, _)| *id).collect();
        ids.sort_unstable();
        rows.retain(|row| ids.binary_search(&row.id).is_ok());
        rows.sort_by_key(|row| row.id);
        Ok(rows)
    }
}
