//! All lanes, one list of alarms, one budget: the engine's mind. It is told what happened and says what to do; it waits for nothing.

use std::collections::BTreeSet;
use std::sync::Arc;

use tidings_domain::delivery::Outcome;
use tidings_domain::webhook::{DisabledReason, Health, HealthState, Webhook};
use tidings_domain::{DeliveryId, Entropy, WebhookId};
use tidings_storage::{Errand, LaneStart, Sweep};
use tokio::sync::oneshot;

use crate::effect::{Effect, Effects, Landed};
use crate::feed::{Feed, News};
use crate::health::{By, Moment, Vital};
use crate::inbox::{Input, KEPT, Mail, Wish};
use crate::lane::{Budget, Context, Lane, Standing, Suspects, WINDOW};
use crate::lanes::Lanes;
use crate::live::{Live, Sums};
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

/// Lanes that are looked at when everything that happened is taken in; each knows whether it is among them.
#[derive(Default)]
struct Touched(Vec<WebhookId>);

impl Touched {
    fn add(&mut self, lane: &mut Lane) {
        if !lane.touched {
            lane.touched = true;
            self.0.push(lane.id);
        }
    }
}

/// The engine's mind.
pub(crate) struct Core {
    lanes: Lanes,
    /// By time; each lane knows its own.
    alarms: BTreeSet<(i64, WebhookId)>,
    touched: Touched,
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
            lanes: Lanes::default(),
            alarms: BTreeSet::new(),
            touched: Touched::default(),
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
                sums: Sums::default(),
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
            let stands = (on, start.has_pending);
            let mut lane = Lane::new(start.webhook, vital, rules, stands, &self.live);
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
            lane.show(&mut self.budget.sums);
            self.touched.add(&mut lane);
            self.lanes.insert(lane);
        }
    }

    /// What the process before was sweeping goes on: what is newer waits.
    pub(crate) fn hold_back(&mut self, sweep: &Sweep) {
        if sweep.errand != Errand::Skip
            && let Some(lane) = self.lanes.get_mut(sweep.webhook)
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
        let lane = self.lanes.get_mut(id)?;
        let mut cx = Context {
            now,
            entropy: &*self.entropy,
            effects: &mut self.effects,
            budget: &mut self.budget,
        };
        self.touched.add(lane);
        Some(job(lane, &mut cx))
    }

    /// Takes in what happened and decides.
    pub(crate) fn handle(&mut self, mail: &mut Mail, now: Moment) {
        for input in mail.inputs.drain(..) {
            self.input(input, now);
        }
        for queued in mail.hints.drain(..) {
            self.with(queued.webhook, now, |lane, cx| lane.hint(queued, cx));
        }
        for (webhook, last) in std::mem::take(&mut mail.overflow) {
            self.with(webhook, now, |lane, cx| lane.hints_dropped(last, cx));
        }
        self.ring(now);
        self.pump(now);
        self.live.show(&mut self.budget.sums, now.ms);
        self.tell_of_health();
        self.be_quiet();
    }

    fn input(&mut self, input: Input, now: Moment) {
        match input {
            Input::Landed(webhook, id, landed) => self.landed(webhook, id, landed, now),
            Input::Settled(all) => self.settled(all, now),
            Input::Loaded(loaded) => {
                let webhook = loaded.load.webhook;
                self.with(webhook, now, |lane, cx| lane.loaded(*loaded, cx));
            }
            Input::Parked(webhook) => {
                self.with(webhook, now, Lane::parked);
                self.tell(webhook, News::Much);
            }
            Input::Wish(webhook, wish, by, to) => self.wish(webhook, (*wish, by), to, now),
            Input::Saved {
                webhook,
                url_changed,
                new_in,
                done,
            } => {
                self.saved(webhook, url_changed, new_in.map(|new| *new), now);
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
                let lane = self.lanes.get(webhook);
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
                let standing = self.lanes.get(webhook).map(Lane::standing);
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
                for lane in self.lanes.all_mut() {
                    lane.replace_rules(settings.rules(&lane.target.webhook));
                }
                self.budget.window = settings.window.max(1);
                self.settings = *settings;
            }
            Input::Close => self.budget.closed = true,
            Input::WhenQuiet(waiter) => self.quiet.push(waiter),
            Input::Stop => self.stopped = true,
        }
    }

    fn is_disabled(&self, webhook: WebhookId) -> Option<bool> {
        let lane = self.lanes.get(webhook);
        lane.map(|lane| lane.vital().is_disabled())
    }

    fn landed(&mut self, webhook: WebhookId, id: DeliveryId, landed: Landed, now: Moment) {
        if let Landed::Tried(_, verdict) = &landed
            && verdict.outcome == Outcome::Interrupted
        {
            self.interrupted.push(id);
        }
        self.with(webhook, now, |lane, cx| lane.landed(id, landed, cx));
        self.touch_starved();
    }

    fn settled(&mut self, all: Vec<(WebhookId, DeliveryId)>, now: Moment) {
        let is_watched = self.feed.is_watched();
        for (webhook, id) in all {
            self.with(webhook, now, |lane, cx| lane.settled(id, cx.budget));
            if is_watched {
                self.tell(webhook, News::Delivery(id));
            }
        }
        self.touch_starved();
    }

    /// There is room again.
    fn touch_starved(&mut self) {
        while let Some(id) = self.starved.pop_first() {
            if let Some(lane) = self.lanes.get_mut(id) {
                self.touched.add(lane);
            }
        }
    }

    /// Tells whoever watches the webhook's project.
    fn tell(&self, webhook: WebhookId, news: News) {
        if self.feed.is_watched()
            && let Some(lane) = self.lanes.get(webhook)
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
        let one = |(webhook, id): &(WebhookId, DeliveryId)| match self.lanes.get(*webhook) {
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
        self.lanes.all().filter(of).map(|l| l.id).collect()
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
        if self.lanes.get(id).is_some() {
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
        let mut lane = Lane::new(webhook, vital, rules, (on, true), &self.live).created();
        self.touched.add(&mut lane);
        self.lanes.insert(lane);
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
            if let Some(lane) = self.lanes.get_mut(id) {
                lane.alarm_ms = i64::MAX;
                self.touched.add(lane);
            }
        }
        if now.ms >= self.hour_at {
            self.hour_at = now.ms + HOUR_MS;
            self.lanes.all_mut().for_each(Lane::hour_passed);
            self.flush_at.get_or_insert(now.ms + FLUSH_MS);
        }
        if self.flush_at.is_some_and(|at| now.ms >= at) {
            self.flush();
        }
    }

    fn flush(&mut self) {
        self.flush_at = None;
        let unwritten = self.lanes.all_mut().filter_map(Lane::take_unwritten);
        self.effects.health.extend(unwritten);
    }

    fn pump(&mut self, now: Moment) {
        let mut touched = std::mem::take(&mut self.touched.0);
        // In the order of their webhooks, whoever was first to be heard of.
        touched.sort_unstable();
        for id in touched.drain(..) {
            let Some(lane) = self.lanes.get_mut(id) else {
                continue;
            };
            lane.touched = false;
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
            let alarm = lane.alarm(now.ms).unwrap_or(i64::MAX);
            let before = std::mem::replace(&mut lane.alarm_ms, alarm);
            lane.show(&mut self.budget.sums);
            if lane.is_over() {
                lane.leave(&mut self.budget.sums);
                self.lanes.remove(id);
                self.live.forget(id);
            }
            self.set_alarm(id, before, alarm);
        }
        // For its memory.
        self.touched.0 = touched;
    }

    fn set_alarm(&mut self, id: WebhookId, before: i64, alarm: i64) {
        if before == alarm {
            return;
        }
        if before < i64::MAX {
            self.alarms.remove(&(before, id));
        }
        if alarm < i64::MAX {
            self.alarms.insert((alarm, id));
        }
    }

    /// What the next process has to take for sent, perhaps; `None`: nobody knows.
    fn left_open(&self) -> Option<Vec<DeliveryId>> {
        let mut open: BTreeSet<DeliveryId> = self.interrupted.iter().copied().collect();
        for lane in self.lanes.all() {
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

    /// The list of what was to be done, for its memory.
    pub(crate) fn give_back(&mut self, mut todo: Vec<Effect>) {
        todo.clear();
        todo.shrink_to(KEPT);
        self.effects.todo = todo;
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
pub(crate) mod tests;
