//! The properties that hold in every run, judged by what the receivers saw, what was committed, and what the log says.

mod health;
mod order;
mod pace;
mod settings;
mod told;

use std::collections::BTreeMap;
use std::time::Duration;

use tidings_domain::delivery::DeliveryState;
use tidings_domain::{DeliveryId, WebhookId};
use tidings_storage::{DeliveryDetail, Store};

use super::hooks::id_of;
use super::run::Run;
use super::stage::{End, Made};
use crate::transport::Seen;

/// Tries per webhook whose results one crash may cost.
const MOST_UNSETTLED: usize = 256;

/// Everything that is known of a run after its end.
pub(crate) struct History<'a> {
    pub(super) run: &'a Run,
    pub(super) seen: Vec<Seen>,
    pub(super) made: BTreeMap<DeliveryId, Made>,
    tries: BTreeMap<DeliveryId, Vec<usize>>,
    by_hook: BTreeMap<WebhookId, Vec<usize>>,
    details: BTreeMap<DeliveryId, DeliveryDetail>,
    pub(super) ends: Vec<End>,
}

impl<'a> History<'a> {
    pub(crate) async fn of(run: &'a Run) -> Self {
        let seen = run.stage.receivers.seen.lock().clone();
        let made = run.stage.ledger.made();
        let (mut tries, mut by_hook) = (BTreeMap::new(), BTreeMap::new());
        for (n, one) in seen.iter().enumerate() {
            let id: DeliveryId = one.id.parse().unwrap();
            tries.entry(id).or_insert_with(Vec::new).push(n);
            let hook = id_of(&one.host);
            by_hook.entry(hook).or_insert_with(Vec::new).push(n);
        }
        let disk = run.stage.disk();
        let mut details = BTreeMap::new();
        let tests = run.tests.borrow().clone();
        let all = made
            .iter()
            .filter_map(|(id, m)| Some((run.hook(m.hook)?.project, *id)));
        for (project, id) in all.chain(tests) {
            let found = disk.delivery(project, id).await.unwrap();
            let found = found.unwrap_or_else(|| panic!("{id} was accepted and is gone"));
            details.insert(id, found);
        }
        let ends = run.stage.ends.borrow().clone();
        Self {
            run,
            seen,
            made,
            tries,
            by_hook,
            details,
            ends,
        }
    }

    /// All of them.
    pub(crate) fn check(&self) {
        self.nothing_was_lost_or_invented();
        for (id, made) in &self.made {
            self.body_was_the_same(*id, made);
            self.log_is_true(*id);
            self.nothing_was_sent_twice(*id);
            self.waits_were_kept(*id);
        }
        for (_, id) in self.run.tests.borrow().iter() {
            self.log_is_true(*id);
        }
        for (id, seen) in &self.by_hook {
            let hook = self.run.hook(*id).unwrap();
            self.order_was_kept(&hook, seen);
            self.limits_were_kept(&hook, seen);
            self.nothing_went_while_off(&hook, seen);
            self.settings_in_force_were_used(&hook, seen);
            self.counted_right(&hook, seen);
        }
        self.crashes_cost_little();
        self.everybody_was_told_once();
        self.everybody_was_told_the_same();
        self.places_are_in_order();
        self.changes_were_recorded_once();
        self.who_waited_was_told();
        self.healthy_ones_were_on_time();
    }

    fn tries(&self, id: DeliveryId) -> impl DoubleEndedIterator<Item = &Seen> {
        let all = self.tries.get(&id).map_or(&[][..], Vec::as_slice);
        all.iter().map(|n| &self.seen[*n])
    }

    fn is_test(seen: &Seen) -> bool {
        seen.body.starts_with(b"{\"test\"")
    }

    fn crashed(&self, life: usize) -> bool {
        self.ends[life] == End::Crash
    }

    fn nothing_was_lost_or_invented(&self) {
        for id in self.run.accepted.borrow().iter() {
            assert!(
                self.made.contains_key(id),
                "{id} was accepted before it was committed"
            );
        }
        for (id, made) in &self.made {
            let hook = self.run.hook(made.hook).unwrap();
            let state = self.details[id].summary.state;
            let arrived = self.tries(*id).any(Seen::is_accepted);
            let as_it_must = match state {
                DeliveryState::Delivered => arrived,
                DeliveryState::Skipped => hook.deleted.get().is_some() || hook.skipped.get(),
                DeliveryState::Failed => hook.deleted.get().is_some(),
                _ => false,
            };
            assert!(
                as_it_must,
                "{id} to {:?} webhook {} is {state:?}, accepted by its receiver: {arrived}; {:?} {:?}",
                hook.temper,
                hook.id,
                self.details[id].summary,
                self.run.final_health.borrow().get(&hook.id)
            );
        }
        for (id, tries) in &self.tries {
            let is_test = Self::is_test(&self.seen[tries[0]]);
            assert!(is_test || self.made.contains_key(id), "{id} was invented");
        }
    }

    fn body_was_the_same(&self, id: DeliveryId, made: &Made) {
        let stored = &self.details[&id].body;
        assert_eq!(*stored, made.body, "{id}");
        for one in self.tries(id) {
            assert_eq!(one.body, made.body, "{id}");
            assert_eq!(id_of(&one.host), made.hook, "{id} went to {}", one.host);
        }
    }

    /// The tries that the log knows nothing of.
    fn unlogged(&self, id: DeliveryId) -> Vec<&Seen> {
        let mut tries = self.tries(id);
        let mut unlogged = Vec::new();
        for (number, attempt) in (1..).zip(&self.details[&id].attempts) {
            assert_eq!(attempt.number, number, "{id}");
            loop {
                let one = tries.next();
                let one = one
                    .unwrap_or_else(|| panic!("{id}: the log has {attempt:?}, which nobody saw"));
                if Self::is_logged_as(one, attempt) {
                    break;
                }
                unlogged.push(one);
            }
        }
        unlogged.extend(tries);
        unlogged
    }

    fn is_logged_as(one: &Seen, attempt: &tidings_storage::Attempt) -> bool {
        let outcome = one
            .outcome
            .map(|(outcome, status)| (outcome.as_str(), status));
        // A stop in order cuts off what is open, and says so.
        let cut_off = outcome.is_none() && attempt.outcome == "interrupted";
        attempt.started_at == format!("{:.3}", one.wall)
            && (cut_off || outcome == Some((&*attempt.outcome, attempt.status)))
    }

    fn log_is_true(&self, id: DeliveryId) {
        for one in self.unlogged(id) {
            assert!(
                self.crashed(one.life),
                "{id} ({:?}): the log does not know {one:?}, and the server did not die: {:?}",
                self.details[&id].summary,
                self.ends
            );
        }
    }

    fn crashes_cost_little(&self) {
        let mut lost: BTreeMap<(WebhookId, usize), usize> = BTreeMap::new();
        for (id, made) in &self.made {
            for one in self.unlogged(*id) {
                *lost.entry((made.hook, one.life)).or_default() += 1;
            }
        }
        for ((hook, _), lost) in lost {
            assert!(
                lost <= MOST_UNSETTLED,
                "a crash cost {lost} tries of {hook}"
            );
        }
    }

    /// What was accepted is sent again only where somebody asked, or where a crash forgot it.
    fn nothing_was_sent_twice(&self, id: DeliveryId) {
        let hook = self.run.hook(self.made[&id].hook).unwrap();
        let asked = hook
            .asked
            .borrow()
            .iter()
            .filter(|(of, _)| *of == id)
            .count();
        let forgotten = self.unlogged(id);
        let (mut known, mut again) = (false, 0);
        let mut open_until = Duration::ZERO;
        for one in self.tries(id) {
            assert!(one.at >= open_until, "{id} was sent while it was in flight");
            open_until = one.ended.unwrap_or(Duration::MAX);
            let is_known = !forgotten.iter().any(|f| std::ptr::eq(*f, one));
            again += usize::from(known && is_known && !one.is_stale);
            known |= is_known && one.is_accepted();
        }
        assert!(
            again <= asked,
            "{id} to webhook {} was accepted and sent {again} times again, asked for {asked} times",
            hook.id
        );
    }
}
