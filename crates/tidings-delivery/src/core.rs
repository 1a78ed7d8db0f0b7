//! All lanes, one list of alarms, one budget: the engine's mind. It is told what happened and says what to do; it waits for nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tidings_domain::delivery::Outcome;
use tidings_domain::webhook::{DisabledReason, Health, HealthState, Webhook};
use tidings_domain::{DeliveryId, Entropy, WebhookId};
use tidings_storage::{Errand, LaneStart, Sweep};
use tokio::sync::oneshot;

use crate::effect::{Effect, Effects, Landed};
use crate::feed::{Feed, News};
use crate::health::{By, Moment, Vital};
use crate::inbox::{Input, Mail, Wish};
use crate::lane::{Budget, Context, Lane, Standing, Suspects, WINDOW};
use crate::live::Live;
use crate::settings::Settings;
use crate::waiting::{Waiting, Why};

/// Tries of all lanes in flight or unsettled at most.
const MOST_OPEN: usize = 16_384;
/// Deliveries of all lanes in memory beyond which windows are small.
const MUCH_HELD: usize = 50_000;
/// Bytes of their messages beyond which those of what is new stay in the store until they are sent.
const MUCH_HELD_BYTES: usize = 64 * 1024 * 1024;
/// Bytes of results that are not written: beyond it nothing is started, so that a store that cannot write costs bounded memory
/// whatever the receivers answer.
const MOST_UNWRITTEN_BYTES: usize = 64 * 1024 * 1024;
/// Counters of healthy webhooks are written so long after they changed.
const FLUSH_MS: i64 = 5_000;
const HOUR_MS: i64 = 3_600_000;

/// An answer that waits until everything decided before it is written.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) to: oneshot::Sender<Option<Result<Health, tidings_storage::StoreError>>>,
    pub(crate) health: Health,
}

/// The engine's mind.
pub(crate) struct Core {
    lanes: BTreeMap<WebhookId, Lane>,
    alarms: BTreeSet<(i64, WebhookId)>,
    alarm_of: BTreeMap<WebhookId, i64>,
    touched: BTreeSet<WebhookId>,
    starved: BTreeSet<WebhookId>,
    budget: Budget,
    settings: Settings,
    entropy: Arc<dyn Entropy>,
    live: Arc<Live>,
    feed: Arc<Feed>,
    effects: Effects,
    answers: Vec<Answer>,
    quiet: Vec<oneshot::Sender<Option<Vec<DeliveryId>>>>,
    interrupted: Vec<DeliveryId>,
    flush_at: Option<i64>,
    hour_at: i64,
    stopped: bool,
}

impl Core {
    pub(crate) fn new(
        settings: Settings,
        entropy: Arc<dyn Entropy>,
        live: Arc<Live>,
        feed: Arc<Feed>,
        now: Moment,
    ) -> Self {
        Self {
            lanes: BTreeMap::new(),
            alarms: BTreeSet::new(),
            alarm_of: BTreeMap::new(),
            touched: BTreeSet::new(),
            starved: BTreeSet::new(),
            budget: Budget {
                open: 0,
                most_open: MOST_OPEN,
                held: 0,
                held_bytes: 0,
                much_held_bytes: MUCH_HELD_BYTES,
                unwritten_bytes: 0,
                most_unwritten_bytes: MOST_UNWRITTEN_BYTES,
                window: settings.window.max(1),
                much_held: MUCH_HELD,
                closed: false,
            },
            settings,
            entropy,
            live,
            feed,
            effects: Effects::default(),
            answers: Vec::new(),
            quiet: Vec::new(),
            interrupted: Vec::new(),
            flush_at: None,
            hour_at: now.ms + HOUR_MS,
            stopped: false,
        }
    }

    /// Lanes as the store has them. `cut_off`: what an orderly stop left open; `None` after a crash.
    pub(crate) fn begin(
        &mut self,
        starts: Vec<LaneStart>,
        cut_off: Option<&Arc<std::collections::HashSet<DeliveryId>>>,
        now: Moment,
    ) {
        for start in starts {
            let id = start.webhook.id;
            let rules = self.settings.rules(&start.webhook);
            let mut health = start.health;
            if !start.webhook.enabled && health.state != HealthState::Disabled {
                health.state = HealthState::Disabled;
                health.reason = Some(DisabledReason::Manual);
            }
            let half_done = start.webhook.enabled && health.state == HealthState::Disabled;
            let reason = health.reason.unwrap_or(DisabledReason::Manual);
            let vital = Vital::load(health, now);
            let webhook = Arc::clone(&start.webhook);
            let on = start.project_on;
            let mut lane = Lane::new(start.webhook, vital, rules, on, start.has_pending);
            lane.suspect(match cut_off {
                None if start.has_pending => Suspects::First {
                    left: self.settings.window.max(WINDOW),
                    made_before_ms: now.ms,
                },
                Some(ids) if start.has_pending => Suspects::These(Arc::clone(ids)),
                Some(_) | None => Suspects::None,
            });
            if start.has_pending && lane.standing() == Standing::Off {
                lane.park(&mut self.context(now));
            }
            if half_done {
                // The process died after it had written that the webhook is disabled and before it had told anybody.
                let announce = Effect::Announce(webhook, reason);
                self.effects.todo.push(announce);
            }
            self.live.show(&mut lane, now.ms);
            self.lanes.insert(id, lane);
            self.touched.insert(id);
        }
    }

    /// What the process before was sweeping goes on: what is newer waits.
    pub(crate) fn hold_back(&mut self, sweep: &Sweep) {
        if sweep.errand != Errand::Skip
            && let Some(lane) = self.lanes.get_mut(&sweep.webhook)
        {
            lane.hold_back_still(sweep.at);
        }
    }

    fn context(&mut self, now: Moment) -> Context<'_> {
        Context {
            now,
            entropy: &*self.entropy,
            effects: &mut self.effects,
            budget: &mut self.budget,
        }
    }

    /// Does something with a lane, which is looked at again afterwards.
    fn with<R>(
        &mut self,
        id: WebhookId,
        now: Moment,
        job: impl FnOnce(&mut Lane, &mut Context<'_>) -> R,
    ) -> Option<R> {
        let lane = self.lanes.get_mut(&id)?;
        let mut cx = Context {
            now,
            entropy: &*self.entropy,
            effects: &mut self.effects,
            budget: &mut self.budget,
        };
        self.touched.insert(id);
        Some(job(lane, &mut cx))
    }

    /// Takes in what happened and decides.
    pub(crate) fn handle(&mut self, mail: Mail, now: Moment) {
        for input in mail.inputs {
            self.input(input, now);
        }
        for queued in &mail.hints {
            self.with(queued.webhook, now, |lane, cx| lane.hint(queued, cx));
        }
        for (webhook, last) in mail.overflow {
            self.with(webhook, now, |lane, cx| lane.hints_dropped(last, cx));
        }
        self.ring(now);
        self.pump(now);
        self.tell_of_health();
        self.be_quiet();
    }

    fn input(&mut self, input: Input, now: Moment) {
        match input {
            Input::Landed(webhook, id, landed) => self.landed(webhook, id, landed, now),
            Input::Settled(all) => {
                for (webhook, id) in all {
                    self.with(webhook, now, |lane, cx| lane.settled(id, cx.budget));
                    self.tell(webhook, News::Delivery(id));
                }
                self.touched.append(&mut self.starved);
            }
            Input::Loaded(loaded) => {
                self.with(loaded.load.webhook, now, |lane, cx| lane.loaded(loaded, cx));
            }
            Input::Parked(webhook) => {
                self.with(webhook, now, Lane::parked);
                self.tell(webhook, News::Much);
            }
            Input::Wish(webhook, wish, by, to) => self.wish(webhook, (wish, by), to, now),
            Input::Saved {
                webhook,
                url_changed,
                new_in,
                done,
            } => {
                self.saved(webhook, url_changed, new_in, now);
                let _ = done.map(|done| done.send(()));
            }
            Input::Deleted(webhook, done) => {
                self.with(webhook, now, Lane::delete);
                let _ = done.send(());
            }
            Input::ProjectSwitched(project, on, done) => {
                for id in self.lanes_of(project) {
                    self.with(id, now, |lane, cx| lane.project_switched(on, cx));
                }
                let _ = done.send(());
            }
            Input::ProjectDeleted(project, done) => {
                for id in self.lanes_of(project) {
                    self.with(id, now, Lane::delete);
                }
                let _ = done.send(());
            }
            Input::Recovered(webhook) => {
                self.with(webhook, now, Lane::recovered);
                self.tell(webhook, News::Much);
            }
            Input::HoldBack(webhook, at, by, to) => {
                let held = self.with(webhook, now, |lane, cx| lane.hold_back(at, by, cx));
                let _ = to.send(held);
            }
            Input::EnabledBySweep(webhook) => {
                self.with(webhook.id, now, |lane, cx| {
                    lane.enabled_by_sweep(webhook, cx);
                });
            }
            Input::Swept(webhook, at) => {
                self.with(webhook, now, |lane, cx| lane.swept(at, cx));
                self.tell(webhook, News::Much);
            }
            Input::SweepOver(webhook) => {
                self.with(webhook, now, Lane::sweep_over);
                self.tell(webhook, News::Much);
            }
            Input::WhenParked(webhook, waiter) => {
                self.with(webhook, now, |lane, _| lane.when_parked(waiter));
            }
            Input::Who(webhook, to) => {
                let lane = self.lanes.get(&webhook);
                let _ = to.send(lane.map(|l| Arc::clone(&l.target.webhook)));
            }
            Input::IsDisabled(webhook, to) => drop(to.send(self.is_disabled(webhook))),
            Input::WhenWritten(to) => {
                self.flush();
                self.answers.push(Answer {
                    to,
                    health: Health::default(),
                });
            }
            Input::Standing(webhook, to) => {
                let standing = self.lanes.get(&webhook).map(Lane::standing);
                let _ = to.send(standing.unwrap_or(Standing::Deleted));
            }
            Input::TryNow(webhook, id, to) => {
                let turn = self.with(webhook, now, |lane, cx| lane.try_now(id, cx));
                let _ = to.send(turn.unwrap_or(false));
            }
            Input::Waiting(asked, to) => {
                let _ = to.send(self.waiting(&asked, now));
            }
            Input::Settings(settings) => {
                for lane in self.lanes.values_mut() {
                    lane.replace_rules(settings.rules(&lane.target.webhook));
                }
                self.budget.window = settings.window.max(1);
                self.settings = settings;
            }
            Input::Close => self.budget.closed = true,
            Input::WhenQuiet(waiter) => self.quiet.push(waiter),
            Input::Stop => self.stopped = true,
        }
    }

    fn is_disabled(&self, webhook: WebhookId) -> Option<bool> {
        let lane = self.lanes.get(&webhook);
        lane.map(|lane| lane.vital().is_disabled())
    }

    fn landed(&mut self, webhook: WebhookId, id: DeliveryId, landed: Landed, now: Moment) {
        if let Landed::Tried(_, verdict) = &landed
            && verdict.outcome == Outcome::Interrupted
        {
            self.interrupted.push(id);
        }
        self.with(webhook, now, |lane, cx| lane.landed(id, landed, cx));
        self.touched.append(&mut self.starved);
    }

    /// Tells whoever watches the webhook's project.
    fn tell(&self, webhook: WebhookId, news: News) {
        if self.feed.is_watched()
            && let Some(lane) = self.lanes.get(&webhook)
        {
            self.feed.tell(lane.target.webhook.project, news);
        }
    }

    /// How webhooks fare is shown by now; it is written soon.
    fn tell_of_health(&self) {
        if self.feed.is_watched() {
            for (webhook, _) in &self.effects.health {
                self.tell(*webhook, News::Webhook(*webhook));
            }
        }
    }

    /// Only looks.
    fn waiting(&self, asked: &[(WebhookId, DeliveryId)], now: Moment) -> Vec<Waiting> {
        let one = |(webhook, id): &(WebhookId, DeliveryId)| match self.lanes.get(webhook) {
            Some(lane) => lane.waiting(*id, &self.budget, now.ms),
            None => Waiting {
                why: Why::Off,
                behind: None,
            },
        };
        asked.iter().map(one).collect()
    }

    fn lanes_of(&self, project: tidings_domain::ProjectId) -> Vec<WebhookId> {
        let of = |lane: &&Lane| lane.target.webhook.project == project;
        self.lanes.values().filter(of).map(|l| l.id).collect()
    }

    fn saved(
        &mut self,
        webhook: Arc<Webhook>,
        url_changed: bool,
        new_in: Option<(bool, Health)>,
        now: Moment,
    ) {
        let id = webhook.id;
        let rules = self.settings.rules(&webhook);
        if self.lanes.contains_key(&id) {
            self.with(id, now, |lane, cx| {
                lane.saved(webhook, rules, url_changed, cx);
            });
            return;
        }
        let Some((on, health)) = new_in else {
            return;
        };
        let vital = Vital::load(health, now);
        // A change recorded a moment ago may have made a delivery for it already: look once.
        let lane = Lane::new(webhook, vital, rules, on, true).created();
        self.lanes.insert(id, lane);
        self.touched.insert(id);
    }

    fn wish(
        &mut self,
        webhook: WebhookId,
        (wish, by): (Wish, By),
        to: oneshot::Sender<Option<Result<Health, tidings_storage::StoreError>>>,
        now: Moment,
    ) {
        let health = self.with(webhook, now, |lane, cx| {
            lane.act_for(by);
            match wish {
                Wish::Pause(note) => lane.pause(note, cx),
                Wish::Resume(note) => lane.resume(note, cx),
                Wish::Enable => lane.enable(cx),
                Wish::Disable(reason) => lane.disable(reason, cx),
            }
            lane.act_for(None);
            lane.vital().health.clone()
        });
        match health {
            Some(health) => self.answers.push(Answer { to, health }),
            None => {
                let _ = to.send(None);
            }
        }
    }

    /// What was to be looked at by now.
    fn ring(&mut self, now: Moment) {
        while let Some((at, id)) = self.alarms.first().copied() {
            if at > now.ms {
                break;
            }
            self.alarms.pop_first();
            self.alarm_of.remove(&id);
            self.touched.insert(id);
        }
        if now.ms >= self.hour_at {
            self.hour_at = now.ms + HOUR_MS;
            self.lanes.values_mut().for_each(Lane::hour_passed);
            self.flush_at.get_or_insert(now.ms + FLUSH_MS);
        }
        if self.flush_at.is_some_and(|at| now.ms >= at) {
            self.flush();
        }
    }

    fn flush(&mut self) {
        self.flush_at = None;
        let unwritten = self.lanes.values_mut().filter_map(Lane::take_unwritten);
        self.effects.health.extend(unwritten);
    }

    fn pump(&mut self, now: Moment) {
        for id in std::mem::take(&mut self.touched) {
            let Some(lane) = self.lanes.get_mut(&id) else {
                continue;
            };
            let mut cx = Context {
                now,
                entropy: &*self.entropy,
                effects: &mut self.effects,
                budget: &mut self.budget,
            };
            if lane.pump(&mut cx) {
                self.starved.insert(id);
            }
            if lane.has_unwritten() {
                self.flush_at.get_or_insert(now.ms + FLUSH_MS);
            }
            let alarm = lane.alarm(now.ms);
            self.live.show(lane, now.ms);
            if lane.is_over() {
                self.lanes.remove(&id);
                self.live.forget(id);
            }
            self.set_alarm(id, alarm);
        }
    }

    fn set_alarm(&mut self, id: WebhookId, alarm: Option<i64>) {
        let before = match alarm {
            Some(at) => self.alarm_of.insert(id, at),
            None => self.alarm_of.remove(&id),
        };
        if before == alarm {
            return;
        }
        if let Some(at) = before {
            self.alarms.remove(&(at, id));
        }
        if let Some(at) = alarm {
            self.alarms.insert((at, id));
        }
    }

    /// What the next process has to take for sent, perhaps; `None`: nobody knows.
    fn left_open(&self) -> Option<Vec<DeliveryId>> {
        let mut open: BTreeSet<DeliveryId> = self.interrupted.iter().copied().collect();
        for lane in self.lanes.values() {
            open.extend(lane.still_open()?);
        }
        Some(open.into_iter().collect())
    }

    fn be_quiet(&mut self) {
        if self.budget.closed && self.budget.open == 0 && !self.quiet.is_empty() {
            self.flush();
            let open = self.left_open();
            for waiter in self.quiet.drain(..) {
                let _ = waiter.send(open.clone());
            }
        }
    }

    /// What is to be done now.
    pub(crate) fn take_effects(&mut self) -> (Effects, Vec<Answer>) {
        (
            std::mem::take(&mut self.effects),
            std::mem::take(&mut self.answers),
        )
    }

    /// When it wants to be woken if nothing happens.
    pub(crate) fn next_alarm(&self) -> i64 {
        let lane = self.alarms.first().map_or(i64::MAX, |(at, _)| *at);
        lane.min(self.hour_at)
            .min(self.flush_at.unwrap_or(i64::MAX))
    }

    /// Whether it was told to end.
    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped
    }
}

#[cfg(test)]
mod tests;
