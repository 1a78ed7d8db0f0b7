//! What trackers report, and when: changes of few items, so that order matters, for some webhooks or all. Some wait for the first
//! tries; some repeat what was not answered, under the same key.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tidings_domain::{Clock, Collection, ObjectRef, ProjectId, WebhookId};
use tidings_storage::{EventIds, Queued, RecordError, Snapshot};

use super::run::Run;
use super::stage::PROJECTS;
use super::tracker::{Report, Saying};

/// Items per project.
const ITEMS: u64 = 5;
/// Webhooks of a project from which on it is a crowd.
const CROWD: usize = 50;
/// Keys are kept longer than this.
const KEY_LIVES: Duration = Duration::from_hours(20);

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
        let unanswered = self.unanswered.take();
        if let Some((report, since)) = unanswered
            && self.stage.now().saturating_sub(since) < KEY_LIVES
        {
            self.note("says again", report.number);
            self.send(report, since).await;
        }
        let project = PROJECTS[self.feed.pick(2)];
        let item = || {
            let id = 1 + i64::try_from(self.feed.below(ITEMS)).unwrap();
            ObjectRef::new(Collection::Tasks, id)
        };
        let is_crowd = self.hooks_of(project).len() >= CROWD;
        let saying = match self.feed.below(16) {
            0 if !is_crowd => Saying::Deleted(item()),
            1..=8 if !is_crowd => Saying::Saved(item()),
            9 => Saying::Saved(item()),
            10 | 11 => Saying::Once(vec![item(), item(), item()], self.who_wants(project)),
            _ => Saying::Once(vec![item()], self.who_wants(project)),
        };
        let report = self.next_report(project, saying);
        self.send(report, self.stage.now()).await;
    }

    fn next_report(&self, project: ProjectId, saying: Saying) -> Report {
        self.said.set(self.said.get() + 1);
        Report {
            number: self.said.get(),
            project,
            saying,
            at: self.stage.clock.wall(),
            // A clock that jumps may make a key too old at any moment.
            has_key: !self.shape.jumps && self.feed.once_in(2),
        }
    }

    /// Reports a change of the first item for those webhooks.
    pub(crate) async fn record_for(&self, project: ProjectId, webhooks: &[WebhookId]) {
        let item = ObjectRef::new(Collection::Tasks, 1);
        let wanted = webhooks.iter().copied().collect();
        let report = self.next_report(project, Saying::Once(vec![item], wanted));
        self.send(report, self.stage.now()).await;
    }

    /// Reports a change that was first reported `since` then.
    async fn send(&self, report: Report, since: Duration) {
        if report.has_key {
            self.unanswered.replace(Some((report.clone(), since)));
        }
        let patience = self.feed.once_in(5).then(|| 1 + self.feed.below(30));
        let Ok(deliveries) = self.record(report).await else {
            return;
        };
        self.unanswered.take();
        let ids = deliveries.iter().map(|d| d.id);
        self.accepted.borrow_mut().extend(ids);
        if let Some(seconds) = patience {
            self.wait_for_first_tries(&deliveries, Duration::from_secs(seconds));
        }
    }

    async fn record(&self, report: Report) -> Result<Vec<Queued>, RecordError> {
        let server_url = self.stage.settings.borrow().server_url.clone();
        let tally = Arc::clone(&self.tally);
        let project = report.project;
        let planner = move |states: &[&dyn Snapshot], ids: &mut dyn EventIds| {
            Ok(report.plan(&tally, &server_url, states[0], ids))
        };
        let store = self.stage.store();
        let recorded = store.record(&[project], Box::new(planner)).await?;
        Ok(recorded.deliveries)
    }

    fn hooks_of(&self, project: ProjectId) -> Vec<WebhookId> {
        let hooks = self.hooks.borrow();
        let own = hooks.iter().filter(|h| h.project == project);
        own.map(|h| h.id).collect()
    }

    /// Two of three webhooks; in a crowd a handful, and now and then everybody.
    fn who_wants(&self, project: ProjectId) -> BTreeSet<WebhookId> {
        let mine = self.hooks_of(project);
        if mine.len() < CROWD || self.feed.once_in(40) {
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
