//! Counters, who is disabled, and who has to wait because of others.

use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Duration;

use tidings_domain::delivery::DeliveryState;
use tidings_domain::webhook::{DisabledReason, Health};
use tidings_domain::{DeliveryId, ObjectRef, WebhookId};
use tidings_storage::Store;

use super::History;
use crate::simulation::hooks::{Hook, Temper, id_of, is_poison};
use crate::simulation::run::Run;
use crate::simulation::stage::{End, Made, PROJECTS};
use crate::transport::Seen;

/// How late the first try of a healthy webhook may be where the store does not hinder it.
const AT_ONCE: Duration = Duration::from_millis(5);

impl History<'_> {
    /// Where nothing was forgotten, the webhook's own count is what its receiver counted.
    pub(super) fn counted_right(&self, hook: &Rc<Hook>, seen: &[usize]) {
        let forgot = self.ends.contains(&End::Crash);
        if forgot || hook.deleted.get().is_some() {
            return;
        }
        let accepted = seen.iter().map(|n| &self.seen[*n]);
        let accepted = accepted
            .filter(|s| s.is_accepted() && !Self::is_test(s))
            .count();
        let counted = self.run.delivered(hook.id);
        assert_eq!(
            counted,
            Some(accepted as u64),
            "accepted by webhook {}",
            hook.id
        );
    }

    pub(super) fn healthy_ones_were_on_time(&self) {
        let shape = &self.run.shape;
        if self.ends.len() > 1 || shape.refusals || shape.window < 512 {
            return;
        }
        for (id, made) in &self.made {
            let hook = self.run.hook(made.hook).unwrap();
            let first = self.tries(*id).next();
            if hook.alone
                && let Some(first) = first
            {
                let waited = first.at.saturating_sub(made.at);
                assert!(
                    waited < AT_ONCE,
                    "{id} to a healthy webhook waited {waited:?}"
                );
            }
        }
    }
}

impl Run {
    /// What a webhook's own counter says.
    fn delivered(&self, id: WebhookId) -> Option<u64> {
        self.final_health
            .borrow()
            .get(&id)
            .map(|h: &Health| h.delivered)
    }

    /// The server switched a webhook off. A receiver that refuses some messages and takes all others must not be switched off
    /// while another message, which it would have taken, was there to be tried.
    pub(crate) async fn judge_disabling(&self, hook: &Hook, health: &Health) {
        for (id, made) in self.passed_over(hook, health).unwrap_or_default() {
            let found = self.stage.disk().delivery(hook.project, id).await;
            let state = found.unwrap().map(|d| d.summary.state);
            // Somebody may have skipped it.
            assert!(
                !matches!(state, Some(DeliveryState::Pending | DeliveryState::Parked)),
                "webhook {} was disabled for {:?} while {id} was there to be tried: {made:?}",
                hook.id,
                health.reason
            );
        }
    }

    fn passed_over(&self, hook: &Hook, health: &Health) -> Option<Vec<(DeliveryId, Made)>> {
        let by_failures = matches!(
            health.reason,
            Some(DisabledReason::FailureLimit | DisabledReason::FailingTooLong)
        );
        if hook.temper != Temper::Poisoned || !by_failures {
            return None;
        }
        let seen = self.stage.receivers.seen.lock();
        // Tests prove nothing: they change no health.
        let to = seen.iter().filter(|s| id_of(&s.host) == hook.id);
        let to: Vec<&Seen> = to.filter(|s| !History::is_test(s)).collect();
        let last = to.iter().rposition(|s| !s.is_accepted())?;
        // The try before the last: what waited then was passed over.
        let before = to[..last].iter().rfind(|s| !s.is_accepted())?;
        let refused: BTreeSet<&str> = to[..=last]
            .iter()
            .rev()
            .take_while(|s| !s.is_accepted())
            .map(|s| s.id.as_str())
            .collect();
        // Of several that are refused, each may have others behind it that fill a small window.
        if refused.len() > 1 && self.shape.window < 512 {
            return None;
        }
        let tried: BTreeSet<&str> = to.iter().map(|s| s.id.as_str()).collect();
        let is_tried = |id: &DeliveryId| tried.contains(id.to_string().as_str());
        let made = self.stage.ledger.made();
        let mine = made.iter().filter(|(_, m)| m.hook == hook.id);
        let mut stuck: BTreeSet<ObjectRef> = mine
            .clone()
            .filter(|(_, m)| is_poison(&m.body))
            .flat_map(|(_, m)| m.roots.clone())
            .collect();
        // What is about several items waits for the stuck one, and the others wait for it.
        let waits = mine.clone().filter(|(id, _)| !is_tried(id));
        for (_, made) in waits {
            if made.roots.iter().any(|root| stuck.contains(root)) {
                stuck.extend(made.roots.iter().copied());
            }
        }
        let passed_over = mine
            .filter(|(_, m)| !is_poison(&m.body) && m.at < before.at)
            // What was put aside meanwhile stays aside when the webhook is enabled.
            .filter(|(_, m)| !self.was_off(hook, m.at, before.at))
            .filter(|(_, m)| refused.len() == 1 || m.roots.iter().all(|root| !stuck.contains(root)))
            .filter(|(id, _)| !is_tried(id));
        Some(passed_over.map(|(id, m)| (*id, m.clone())).collect())
    }

    /// Whether the webhook or its project was off at some time between.
    fn was_off(&self, hook: &Hook, from: Duration, until: Duration) -> bool {
        let off = hook.off.borrow();
        let own = off.iter().map(|o| (o.from, o.until));
        let project = self.project_off.borrow();
        let project = project.iter().map(|(from, until)| (*from, Some(*until)));
        let project = project.filter(|_| hook.project == PROJECTS[1]);
        let mut all = own.chain(project);
        all.any(|(began, ended)| began <= until && ended.is_none_or(|ended| ended >= from))
    }
}
