//! What trackers report: changes of few items, so that order matters, for some webhooks or all.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tidings_domain::event::Bulk;
use tidings_domain::project::WebhookSwitch;
use tidings_domain::webhook::Webhook;
use tidings_domain::{Clock, Collection, Event, EventId, ObjectRef, ProjectId, WebhookId, What};
use tidings_storage::{EventIds, NewMessage, Plan, RecordedEvent, Snapshot};

use super::run::Run;
use super::stage::PROJECTS;

/// Items per project.
const ITEMS: u64 = 5;

/// A change that is to be recorded.
struct Change {
    project: ProjectId,
    roots: Vec<ObjectRef>,
    wanted: BTreeSet<WebhookId>,
    at: tidings_domain::Time,
}

impl Run {
    /// Reports changes until there were enough.
    pub(crate) async fn feed(&self) {
        while self.changes_left.get() > 0 {
            let burst = 1 + self.feed.below(6);
            for _ in 0..burst.min(self.changes_left.get()) {
                self.changes_left.set(self.changes_left.get() - 1);
                self.report().await;
            }
            let ms = self.feed.below(self.shape.rhythm_ms);
            tokio::time::sleep(Duration::from_millis(ms)).await;
        }
    }

    async fn report(&self) {
        let project = PROJECTS[self.feed.pick(2)];
        let item = || {
            let id = 1 + i64::try_from(self.feed.below(ITEMS)).unwrap();
            ObjectRef::new(Collection::Tasks, id)
        };
        let mut roots = vec![item()];
        if self.feed.once_in(8) {
            roots.extend([item(), item()]);
        }
        let wanted = self.who_wants(project);
        self.record(project, roots, wanted).await;
    }

    /// Reports a change of the first item for those webhooks.
    pub(crate) async fn record_for(&self, project: ProjectId, webhooks: &[WebhookId]) {
        let item = ObjectRef::new(Collection::Tasks, 1);
        let wanted = webhooks.iter().copied().collect();
        self.record(project, vec![item], wanted).await;
    }

    async fn record(&self, project: ProjectId, roots: Vec<ObjectRef>, wanted: BTreeSet<WebhookId>) {
        let change = Change {
            project,
            roots,
            wanted,
            at: self.stage.clock.wall(),
        };
        let planner = move |snapshots: &[&dyn Snapshot], ids: &mut dyn EventIds| {
            Ok(plan(&change, snapshots[0], ids.next()))
        };
        let store = self.stage.store();
        let recorded = store.record(&[project], Box::new(planner)).await;
        if let Ok(recorded) = recorded {
            let ids = recorded.deliveries.iter().map(|d| d.id);
            self.accepted.borrow_mut().extend(ids);
        }
    }

    /// Two of three webhooks; in a crowd a handful, and now and then everybody.
    fn who_wants(&self, project: ProjectId) -> BTreeSet<WebhookId> {
        let hooks = self.hooks.borrow();
        let mine: Vec<WebhookId> = hooks
            .iter()
            .filter(|h| h.project == project)
            .map(|h| h.id)
            .collect();
        if mine.len() < 50 || self.feed.once_in(40) {
            return mine
                .into_iter()
                .filter(|_| self.feed.below(3) > 0)
                .collect();
        }
        let few = 1 + self.feed.below(20);
        let mut wanted: BTreeSet<WebhookId> =
            (0..few).map(|_| mine[self.feed.pick(mine.len())]).collect();
        wanted.extend(mine.first());
        wanted
    }
}

/// The event, and its message in each dialect for those webhooks that are on.
fn plan(change: &Change, snapshot: &dyn Snapshot, id: EventId) -> Plan {
    let is_on = snapshot.project().webhooks == WebhookSwitch::On;
    let hooks = snapshot.webhooks();
    let wants = |w: &&Arc<Webhook>| is_on && w.enabled && change.wanted.contains(&w.id);
    let mut messages = Vec::new();
    for (dialect, code) in [("standard", "task.updated"), ("icescrum", "task.update")] {
        let webhooks: Vec<WebhookId> = hooks
            .iter()
            .filter(wants)
            .filter(|w| w.dialect == dialect)
            .map(|w| w.id)
            .collect();
        if webhooks.is_empty() {
            continue;
        }
        messages.push(NewMessage {
            project: change.project,
            event: id,
            dialect,
            code,
            body: Bytes::from(format!("{{\"code\":\"{code}\",\"event\":{id}}}")),
            object: change.roots[0].to_string(),
            sequence: Some(id.0),
            roots: change.roots.clone(),
            title: String::new(),
            webhooks,
        });
    }
    let event = Event {
        id,
        project: change.project,
        at: change.at,
        actor: None,
        what: What::Bulk(Bulk {
            changes: Vec::new(),
            objects: Vec::new(),
            set: Vec::new(),
            comment: None,
        }),
    };
    Plan {
        events: vec![RecordedEvent {
            event: Arc::new(event),
            listed: false,
        }],
        messages,
        ..Plan::default()
    }
}
