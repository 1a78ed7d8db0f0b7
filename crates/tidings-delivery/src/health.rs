//! How a webhook fares: the state machine. Pure.
//!
//! ```text
//!            three failures in a row, or one that
//!            asks for less, or one under a limit
//!      ┌────┐ ─────────────────────────────────▶ ┌─────────────┐
//!      │ ok │                                    │ backing_off │ ◀─┐ a probe fails:
//!      └────┘ ◀───────────────────────────────── └─────────────┘ ──┘ a longer wait
//!       ▲  ▲               any 2xx                      │
//!       │  └── resume ── ┌────────┐ ◀── a person ───────┤
//!       │                │ paused │                     │ failure limit, failing too long,
//!       │                └────────┘                     ▼ 410, a person
//!       └───────────────── enable ───────────── ┌──────────┐
//!                                               │ disabled │
//!                                               └──────────┘
//! ```
//!
//! A failure counts only if its request started after the last counted failure was settled, so that eight requests that fail
//! together are one failure and not eight. While paused or disabled nothing changes but by a person or a 410.

use std::sync::Arc;

use tidings_domain::Time;
use tidings_domain::webhook::{DisabledReason, Health, HealthState, Shift};

use crate::schedule::Schedule;
use crate::verdict::Verdict;

/// Failures in a row after which a webhook without a limit backs off.
const PATIENCE: u32 = 3;
/// The first wait before a probe; it doubles.
const FIRST_PROBE_MS: i64 = 5_000;
/// The longest wait before a probe.
const LONGEST_PROBE_MS: i64 = 600_000;
/// Hours of uptime for which failed tries are remembered.
const HOURS: usize = 24;
/// Fewer failed tries than this in those hours disable nobody.
const FEWEST_FAILURES: u32 = 12;

/// What the settings say about disabling, for one webhook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Failures in a row that disable; 0: no limit.
    pub failure_limit: u32,
    /// Failing for so long disables a webhook without a limit; 0: never.
    pub disable_after_ms: i64,
    /// Its waits between tries.
    pub schedule: Schedule,
}

/// How a webhook fares once it goes to another URL.
pub fn after_new_url(health: Health, wall: Time) -> Health {
    let now = Moment { ms: 0, wall };
    let mut vital = Vital::load(health, now);
    vital.url_changed(now);
    vital.health
}

/// When something happened, on both clocks.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// Server time.
    pub ms: i64,
    /// Wall clock, for display.
    pub wall: Time,
}

/// The person or program on whose behalf something is done; `None`: the server itself.
pub(crate) type By = Option<Arc<str>>;

/// The health of a webhook with what only the running engine needs.
#[derive(Clone, Debug)]
pub struct Vital {
    /// What is stored and shown.
    pub health: Health,
    /// Counts starts and counted failures, so that which came first is never a matter of milliseconds.
    stamp: u64,
    /// Failures of requests with an older stamp do not count.
    counts_from: u64,
    /// When the next probe may start, in server time; only while backing off.
    pub probe_at_ms: i64,
    /// Who is changing it right now.
    pub(crate) by: By,
    /// Nothing is remembered of failures.
    spotless: bool,
    /// Something else than the counters of accepted tries has changed since somebody last asked.
    changed: bool,
}

impl Vital {
    /// As stored. A probe is never later than its own wait from now, whatever the clocks did meanwhile.
    pub fn load(health: Health, now: Moment) -> Self {
        let until_probe = health
            .next_probe_at
            .as_deref()
            .and_then(|text| text.parse::<Time>().ok())
            .map_or(0, |at| at.as_millisecond() - now.wall.as_millisecond());
        let longest = LONGEST_PROBE_MS.max(probe_wait_ms(health.probe_step));
        Self {
            health,
            stamp: 0,
            counts_from: 0,
            probe_at_ms: now.ms + until_probe.clamp(0, longest),
            by: None,
            spotless: false,
            changed: true,
        }
    }

    /// Whether something else than `delivered` and `last_status` has changed since the last call.
    pub(crate) fn take_changed(&mut self) -> bool {
        std::mem::take(&mut self.changed)
    }

    /// State.
    pub fn state(&self) -> HealthState {
        self.health.state
    }

    /// Whether a person or the server switched it off.
    pub fn is_disabled(&self) -> bool {
        self.health.state == HealthState::Disabled
    }

    /// A request starts; the stamp to judge its failure by.
    pub fn begin(&mut self) -> u64 {
        self.stamp += 1;
        self.stamp
    }

    /// What started so far does not count from now on.
    fn begin_count(&mut self) {
        self.stamp += 1;
        self.counts_from = self.stamp;
    }

    /// Whether results change anything at all.
    fn is_judged(&self) -> bool {
        matches!(self.health.state, HealthState::Ok | HealthState::BackingOff)
    }

    fn enter(&mut self, state: HealthState, now: Moment) {
        self.changed = true;
        let changed = self.health.state != state;
        if changed {
            self.health.state = state;
            self.health.since = Some(tidings_domain::time::show(now.wall));
        }
        if state != HealthState::BackingOff {
            self.health.next_probe_at = None;
        }
        if state != HealthState::Disabled {
            self.health.reason = None;
        }
        if changed {
            self.remember(now);
        }
    }

    /// A row for the history: the state that was just entered.
    fn remember(&mut self, now: Moment) {
        let shift = Shift {
            state: self.health.state,
            reason: None,
            at: tidings_domain::time::show(now.wall),
            by: self.by.as_deref().map(str::to_owned),
            failures: self.health.consecutive_failures,
            status: self.health.last_status,
        };
        self.health.shifts.push(shift);
    }

    /// The health for the store, which takes the shifts into the history.
    pub(crate) fn take_health(&mut self) -> Health {
        let health = self.health.clone();
        self.health.shifts.clear();
        health
    }

    fn forget_failures(&mut self) {
        self.spotless = true;
        self.health.consecutive_failures = 0;
        self.health.failing_since_ms = None;
        self.health.probe_step = 0;
        self.health.failures_by_hour.clear();
    }

    /// A try was accepted. Whether more than the counters changed.
    pub fn accepted(&mut self, status: Option<u16>, now: Moment) -> bool {
        self.health.delivered += 1;
        if !self.is_judged() {
            return false;
        }
        self.health.last_status = status;
        if self.spotless && self.health.state == HealthState::Ok {
            return false;
        }
        self.changed = true;
        let changed = self.health.consecutive_failures > 0 || self.health.state != HealthState::Ok;
        self.forget_failures();
        self.enter(HealthState::Ok, now);
        changed
    }

    /// A try failed that began with the stamp `began`. Why the webhook is disabled now, if it is.
    pub fn failed(
        &mut self,
        verdict: &Verdict,
        began: u64,
        rules: &Rules,
        now: Moment,
    ) -> Option<DisabledReason> {
        (self.spotless, self.changed) = (false, true);
        if verdict.gone && !self.is_disabled() {
            self.health.last_status = verdict.status;
            self.disable(DisabledReason::Gone, now);
            return Some(DisabledReason::Gone);
        }
        if !verdict.counts() || !self.is_judged() {
            return None;
        }
        self.health.last_status = verdict.status;
        match self.health.failures_by_hour.first_mut() {
            Some(this_hour) => *this_hour += 1,
            None => self.health.failures_by_hour.push(1),
        }
        let counted = began > self.counts_from;
        if counted {
            self.begin_count();
            self.health.consecutive_failures += 1;
            self.health.failing_since_ms.get_or_insert(now.ms);
            if let Some(reason) = self.verdict_of(rules, now.ms) {
                self.disable(reason, now);
                return Some(reason);
            }
            self.slow_down(verdict, rules, now);
        }
        if self.health.state == HealthState::BackingOff {
            let asked = now.ms + verdict.retry_after_ms.unwrap_or(0);
            self.probe_not_before(asked, now);
        }
        None
    }

    fn verdict_of(&self, rules: &Rules, now_ms: i64) -> Option<DisabledReason> {
        if rules.failure_limit > 0 {
            let reached = self.health.consecutive_failures >= rules.failure_limit;
            return reached.then_some(DisabledReason::FailureLimit);
        }
        let since = self.health.failing_since_ms?;
        let tries: u32 = self.health.failures_by_hour.iter().sum();
        let too_long = rules.disable_after_ms > 0
            && now_ms - since >= rules.disable_after_ms
            && tries >= FEWEST_FAILURES;
        too_long.then_some(DisabledReason::FailingTooLong)
    }

    fn slow_down(&mut self, verdict: &Verdict, rules: &Rules, now: Moment) {
        let failures = self.health.consecutive_failures;
        let wait = if rules.failure_limit > 0 {
            rules.schedule.step(failures)
        } else if self.health.state == HealthState::BackingOff {
            self.health.probe_step = self.health.probe_step.saturating_add(1);
            probe_wait_ms(self.health.probe_step)
        } else if failures >= PATIENCE || verdict.overwhelmed {
            self.health.probe_step = 0;
            FIRST_PROBE_MS
        } else {
            return;
        };
        self.enter(HealthState::BackingOff, now);
        self.probe_at_ms = i64::MIN;
        self.probe_not_before(now.ms + wait, now);
    }

    /// Moves the next probe to `ms` unless it is later already.
    fn probe_not_before(&mut self, ms: i64, now: Moment) {
        self.changed = true;
        self.probe_at_ms = self.probe_at_ms.max(ms);
        let wait = jiff::SignedDuration::from_millis(self.probe_at_ms.saturating_sub(now.ms));
        self.health.next_probe_at = now
            .wall
            .checked_add(wait)
            .ok()
            .map(tidings_domain::time::show);
    }

    /// A probe ended without a word from the receiver (blocked, unsendable): the same wait again.
    pub fn probe_again(&mut self, now: Moment) {
        if self.health.state == HealthState::BackingOff {
            let wait = probe_wait_ms(self.health.probe_step);
            self.probe_not_before(now.ms + wait, now);
        }
    }

    /// A person or the server switches it off.
    pub fn disable(&mut self, reason: DisabledReason, now: Moment) {
        let was_on = !self.is_disabled();
        self.enter(HealthState::Disabled, now);
        self.health.reason = Some(reason);
        if was_on && let Some(shift) = self.health.shifts.last_mut() {
            shift.reason = Some(reason);
        }
    }

    /// A person switches it on.
    pub fn enable(&mut self, now: Moment) {
        if self.is_disabled() {
            self.forget_failures();
            self.begin_count();
            self.enter(HealthState::Ok, now);
        }
    }

    /// A person puts it on hold. A disabled webhook stays disabled.
    pub fn pause(&mut self, now: Moment) {
        if !self.is_disabled() {
            self.enter(HealthState::Paused, now);
        }
    }

    /// A person lets it go on. If it was failing before, the next try is a probe, now.
    pub fn resume(&mut self, now: Moment) {
        if self.health.state != HealthState::Paused {
            return;
        }
        self.begin_count();
        if self.health.consecutive_failures == 0 {
            self.enter(HealthState::Ok, now);
        } else {
            self.enter(HealthState::BackingOff, now);
            self.probe_at_ms = i64::MIN;
            self.probe_not_before(now.ms, now);
        }
    }

    /// It goes to another URL now: what the old one did no longer counts. Does not enable.
    pub fn url_changed(&mut self, now: Moment) {
        self.changed = true;
        self.forget_failures();
        self.begin_count();
        if self.health.state == HealthState::BackingOff {
            self.enter(HealthState::Ok, now);
        }
    }

    /// An hour of uptime has passed. Whether anything is remembered that moved.
    pub fn hour_passed(&mut self) -> bool {
        let hours = &mut self.health.failures_by_hour;
        if hours.is_empty() {
            return false;
        }
        hours.insert(0, 0);
        hours.truncate(HOURS);
        self.changed = true;
        true
    }
}

/// 5 s, 10 s, 20 s, ... 10 min.
fn probe_wait_ms(step: u32) -> i64 {
    (FIRST_PROBE_MS << step.min(7)).min(LONGEST_PROBE_MS)
}

#[cfg(test)]
mod tests;
