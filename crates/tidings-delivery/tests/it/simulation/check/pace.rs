//! How much at once, how soon again, and when not at all.

use std::time::Duration;

use tidings_domain::{DeliveryId, WebhookId};

use super::History;
use crate::simulation::hooks::{Hook, asked_for};
use crate::simulation::stage::{Made, PROJECTS};
use crate::transport::Seen;

impl History<'_> {
    /// A try by the schedule comes no sooner than the schedule and the receiver say.
    pub(super) fn waits_were_kept(&self, id: DeliveryId) {
        let hook = self.run.hook(self.made[&id].hook).unwrap();
        let schedule = hook.configs.borrow()[0].webhook.retry_schedule.clone();
        let first = schedule.map_or(5, |s| s[0]);
        let all: Vec<&Seen> = self.tries(id).collect();
        let mut known = Vec::new();
        let mut rest = all.iter();
        for attempt in &self.details[&id].attempts {
            if let Some(one) = rest.by_ref().find(|one| Self::is_logged_as(one, attempt)) {
                known.push((*one, &*attempt.trigger));
            }
        }
        let mut early = false;
        for pair in known.windows(2) {
            let ((before, why), (after, trigger)) = (pair[0], pair[1]);
            // A probe before its time puts nothing off, nor does its repetition on a new connection.
            early = why == "probe" || (why == "reconnect" && early);
            let failed = before.outcome.is_some_and(|(o, _)| o.counts());
            let by_schedule = trigger == "retry" && !early;
            // A clock that was set while nothing ran cannot be told from time that passed.
            let jumped = self.run.shape.jumps && before.life != after.life;
            let brought_back = Self::was_brought_back(&hook, id, before, after);
            if !by_schedule || !failed || jumped || brought_back {
                continue;
            }
            let status = before.outcome.and_then(|(_, status)| status);
            let wait = asked_for(status, hook.temper).max(Duration::from_secs(first));
            let waited = after.at.saturating_sub(before.ended.unwrap());
            assert!(
                waited >= wait,
                "{id} was tried again after {waited:?}, not {wait:?}"
            );
        }
    }

    pub(super) fn was_brought_back(
        hook: &Hook,
        id: DeliveryId,
        before: &Seen,
        after: &Seen,
    ) -> bool {
        let between = |at: Duration| before.at <= at && at <= after.at;
        hook.asked
            .borrow()
            .iter()
            .any(|(of, at)| *of == id && between(*at))
            || hook.recovered.borrow().iter().any(|at| between(*at))
    }

    /// How long each message to a webhook waited for its first try, in order.
    pub(in crate::simulation) fn waits_of(&self, hook: WebhookId) -> Vec<Duration> {
        let own = self.made.iter().filter(|(_, m)| m.hook == hook);
        let wait = |(id, made): (&DeliveryId, &Made)| {
            let first = self.tries(*id).next();
            first.map_or(Duration::MAX, |first| first.at.saturating_sub(made.at))
        };
        own.map(wait).collect()
    }

    pub(super) fn limits_were_kept(&self, hook: &Hook, seen: &[usize]) {
        let mut open: Vec<Duration> = Vec::new();
        let mut test_until = Duration::ZERO;
        for one in seen.iter().map(|n| &self.seen[*n]) {
            let end = one.ended.unwrap_or(Duration::MAX);
            if Self::is_test(one) {
                assert!(
                    one.at >= test_until,
                    "two tests of webhook {} at once",
                    hook.id
                );
                test_until = end;
                continue;
            }
            open.retain(|end| *end > one.at);
            if end > one.at {
                open.push(end);
            }
            let most = hook
                .in_force(one.at)
                .iter()
                .map(|c| c.webhook.max_in_flight)
                .max();
            let most = usize::try_from(most.unwrap()).unwrap();
            assert!(
                open.len() <= most.max(1),
                "{} requests to webhook {} at once, not {most}",
                open.len(),
                hook.id
            );
        }
    }

    pub(super) fn nothing_went_while_off(&self, hook: &Hook, seen: &[usize]) {
        let mut spans: Vec<(Duration, Duration)> = hook
            .off
            .borrow()
            .iter()
            .map(|off| (off.from, off.until.unwrap_or(Duration::MAX)))
            .collect();
        if hook.project == PROJECTS[1] {
            spans.extend(self.run.project_off.borrow().iter());
        }
        spans.extend(hook.deleted.get().map(|at| (at, Duration::MAX)));
        for (from, until) in spans {
            let sent = seen.iter().map(|n| &self.seen[*n]);
            let sent = sent.filter(|s| s.at > from && s.at < until);
            let sent = sent.filter(|s| !Self::is_test(s)).collect::<Vec<_>>();
            assert!(
                sent.is_empty(),
                "{:?} to webhook {} between {from:?} and {until:?}",
                sent[0],
                hook.id
            );
        }
    }
}
