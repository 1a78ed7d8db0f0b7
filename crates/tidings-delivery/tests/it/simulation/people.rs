//! What people do: pause, switch, edit, rotate, delete, recover, resend, test. One at a time, each as the API does it.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tidings_dialects::{About, Message};
use tidings_domain::project::WebhookSwitch;
use tidings_domain::webhook::{
    DisabledReason, Health, HealthState, Ordering, PreviousSecret, Sealed, Secrets, Webhook,
};
use tidings_domain::{Clock, Collection, EventId, ObjectRef, Project};
use tidings_storage::{Errand, EventIds, NewSweep, Plan, Snapshot, Write, WriteWhat, created_ms};

use super::hooks::{Hook, Temper, act, draw, host, id_of, secret};
use super::run::{Run, resend_all};
use super::stage::PROJECTS;

/// New webhooks in a run at most.
const MOST_NEW: u64 = 3;

impl Run {
    /// Does things until there were enough.
    pub(crate) async fn people(&self) {
        while self.wishes_left.get() > 0 {
            self.wishes_left.set(self.wishes_left.get() - 1);
            self.look().await;
            if self.shape.people {
                self.wish().await;
            }
            let ms = self.wishes.below(2 * self.shape.rhythm_ms);
            tokio::time::sleep(Duration::from_millis(ms)).await;
        }
        self.look().await;
    }

    /// Somebody looks at the list of webhooks: what is off now stays off until somebody switches it on.
    pub(crate) async fn look(&self) {
        let engine = self.stage.engine();
        let now = self.stage.now();
        for hook in self.some_hooks() {
            let Some(health) = engine.health(hook.id) else {
                continue;
            };
            if matches!(health.state, HealthState::Disabled | HealthState::Paused) {
                if !hook.is_off() {
                    self.judge_disabling(&hook, &health).await;
                }
                hook.goes_off(now, false);
            }
        }
    }

    async fn wish(&self) {
        let Some(hook) = self.somebody() else { return };
        self.note("a wish for", hook.id);
        match self.wishes.below(43) {
            0..=5 => self.pause_or_resume(&hook).await,
            6..=10 => self.disable_or_enable(&hook).await,
            11..=14 => self.recover(&hook).await,
            15..=20 => self.resend().await,
            21..=23 => self.test(&hook).await,
            24..=29 => self.edit(&hook).await,
            30..=33 => self.change_secret(&hook).await,
            34 => self.create().await,
            35 => self.delete(&hook).await,
            36 | 37 => self.switch_project().await,
            38..=40 => self.resend_in_bulk(&hook).await,
            _ => {
                let mut settings = self.stage.settings.borrow().clone();
                settings.failure_limit = 5 + u32::try_from(self.wishes.below(5)).unwrap();
                self.stage.settings.replace(settings.clone());
                self.stage.engine().set_settings(settings);
            }
        }
    }

    fn somebody(&self) -> Option<Rc<Hook>> {
        let hooks = self.hooks.borrow();
        let hook = Rc::clone(&hooks[self.wishes.pick(hooks.len())]);
        (!hook.alone && hook.deleted.get().is_none()).then_some(hook)
    }

    fn state(&self, hook: &Hook) -> HealthState {
        let health = self.stage.engine().health(hook.id);
        health.map_or(HealthState::Disabled, |h| h.state)
    }

    async fn pause_or_resume(&self, hook: &Hook) {
        let engine = self.stage.engine();
        if self.state(hook) == HealthState::Paused {
            hook.goes_on(self.stage.now());
            self.note("resume", hook.id);
            let _ = engine.resume(hook.id).await;
        } else if let Ok(health) = engine.pause(hook.id).await
            && health.state == HealthState::Paused
        {
            hook.goes_off(self.stage.now(), true);
        }
    }

    async fn disable_or_enable(&self, hook: &Hook) {
        let engine = self.stage.engine();
        if self.state(hook) == HealthState::Disabled {
            hook.goes_on(self.stage.now());
            self.note("enable", hook.id);
            let _ = engine.enable(hook.id).await;
        } else if engine
            .disable(hook.id, DisabledReason::Manual)
            .await
            .is_ok()
        {
            hook.goes_off(self.stage.now(), true);
        }
    }

    async fn recover(&self, hook: &Hook) {
        if self.project_is_off.get() && hook.project == PROJECTS[1] {
            return;
        }
        let errand = match self.wishes.below(5) {
            0 => Errand::Skip,
            _ => Errand::Deliver,
        };
        let dry_run = self.wishes.once_in(5);
        self.note("recover", (hook.id, errand, dry_run));
        let new = NewSweep {
            webhook: hook.id,
            errand,
            since_ms: self.some_time(),
            until_ms: None,
        };
        let engine = self.stage.engine();
        if dry_run {
            let _ = engine.count_sweep(new).await;
            return;
        }
        let now = self.stage.now();
        if errand == Errand::Skip {
            hook.skipped.set(true);
        } else {
            if self.state(hook) == HealthState::Disabled {
                hook.goes_on(now);
            }
            hook.recovered.borrow_mut().push(now);
        }
        if let Ok(progress) = engine.sweep(new).await {
            let goes_on = errand == Errand::Deliver && !progress.complete;
            hook.recovering.set(goes_on);
        }
    }

    /// The beginning, or the server's time when something was delivered.
    fn some_time(&self) -> i64 {
        let ledger = &self.stage.ledger;
        let made = ledger.pick(self.wishes.pick(ledger.len()));
        made.filter(|_| self.wishes.once_in(2))
            .map_or(0, created_ms)
    }

    async fn resend_in_bulk(&self, hook: &Hook) {
        let new = resend_all(hook.id, self.some_time());
        self.note("resend in bulk", new);
        hook.recovered.borrow_mut().push(self.stage.now());
        let _ = self.stage.engine().sweep(new).await;
    }

    async fn resend(&self) {
        let ledger = &self.stage.ledger;
        let Some(id) = ledger.pick(self.wishes.pick(ledger.len())) else {
            return;
        };
        let made = ledger.look_up(id).unwrap();
        let Some(hook) = self.hook(made.hook).filter(|h| !h.alone) else {
            return;
        };
        hook.asked.borrow_mut().push((id, self.stage.now()));
        self.note("resend", id);
        let _ = self.stage.engine().resend(hook.project, id).await;
    }

    async fn test(&self, hook: &Hook) {
        let store = self.stage.store();
        let Ok(Some((webhook, ..))) = store.webhook(hook.project, hook.id).await else {
            return;
        };
        let dialect = tidings_dialects::find("standard").unwrap();
        let message = Message {
            code: "task.updated",
            body: b"{\"test\":1}".to_vec(),
            about: About::Object(ObjectRef::new(Collection::Tasks, 1), 1),
            unless: None,
        };
        let saved = !self.wishes.once_in(3);
        let engine = self.stage.engine();
        let done = engine
            .test(&webhook, saved, dialect, message, String::new())
            .await;
        if let Ok(test) = done {
            self.tests.borrow_mut().push((hook.project, test.delivery));
        }
    }

    async fn edit(&self, hook: &Hook) {
        let chance = &self.wishes;
        let small = |n| u32::try_from(chance.below(n)).unwrap();
        self.save(hook, |webhook| match chance.below(12) {
            0..=2 => webhook.timeout_seconds = 1 + small(30),
            3..=5 => webhook.max_in_flight = 1 + small(8),
            6 | 7 => {
                let value = Sealed(chance.next().to_string().into_bytes());
                webhook.headers = vec![("X-Key".into(), value)];
            }
            8 => webhook.failure_limit = Some(5 + small(5)),
            9 => {
                webhook.ordering = match webhook.ordering {
                    Ordering::Item => Ordering::None,
                    Ordering::None => Ordering::Item,
                }
            }
            _ => {
                let moved = 1 + chance.below(3);
                webhook.url = format!("http://{}/new", host(webhook.id, moved));
            }
        })
        .await;
    }

    async fn change_secret(&self, hook: &Hook) {
        let now = self.stage.clock.wall();
        let chance = &self.wishes;
        let later = |ms: u64| {
            let at = now.checked_add(Duration::from_millis(ms)).unwrap_or(now);
            tidings_domain::time::show(at)
        };
        let rhythm = self.shape.rhythm_ms;
        self.save(hook, |webhook| {
            let old = webhook.secrets.take().map(|s| s.current);
            let switch = [0, chance.below(10 * rhythm)][chance.pick(2)];
            let overlap = chance.below(20 * rhythm);
            webhook.secrets = match (chance.below(8), old) {
                (0, _) => None,
                (1..=5, Some(secret_before)) => Some(Secrets {
                    current: secret(chance),
                    previous: Some(PreviousSecret {
                        secret: secret_before,
                        effective_at: later(switch),
                        until: later(switch + overlap),
                    }),
                }),
                _ => Some(Secrets {
                    current: secret(chance),
                    previous: None,
                }),
            };
        })
        .await;
    }

    /// Edits a webhook as the API does.
    async fn save(&self, hook: &Hook, edit: impl FnOnce(&mut Webhook)) {
        let store = self.stage.store();
        let Ok(Some((stored, ..))) = store.webhook(hook.project, hook.id).await else {
            return;
        };
        let mut webhook = (*stored).clone();
        edit(&mut webhook);
        webhook.version += 1;
        let url_changed = webhook.url != stored.url;
        if url_changed {
            self.listen(&webhook, hook.temper);
        }
        self.note("edit", hook.id);
        hook.edit_begins(Arc::new(webhook.clone()), self.stage.now());
        match store.update_webhook(webhook).await {
            Ok(saved) => {
                let engine = self.stage.engine();
                engine.webhook_saved(saved, url_changed).await;
                hook.edit_ends(true, self.stage.now());
            }
            Err(_) => hook.edit_ends(false, self.stage.now()),
        }
    }

    /// The receiver of a webhook's URL behaves as it must.
    pub(crate) fn listen(&self, webhook: &Webhook, temper: Temper) {
        if self.is_healed.get() {
            return;
        }
        let url: url::Url = webhook.url.parse().unwrap();
        let host = url.host_str().unwrap().to_owned();
        assert_eq!(id_of(&host), webhook.id);
        let chance = self.receivers.fork();
        let script = move |seen: &_| act(temper, seen, &chance);
        self.stage.receivers.script(&host, script);
    }

    async fn create(&self) {
        if self.born.get() == MOST_NEW {
            return;
        }
        self.born.set(self.born.get() + 1);
        let store = self.stage.store();
        let Ok(id) = store.next_webhook_id().await else {
            return;
        };
        let webhook = draw(id, PROJECTS[self.wishes.pick(2)], &self.wishes);
        let temper = self.any_temper();
        self.listen(&webhook, temper);
        // From here on it may be there, whatever anybody is told.
        let hook = Hook::new(Arc::new(webhook.clone()), temper, false, self.stage.now());
        self.hooks.borrow_mut().push(Rc::new(hook));
        if let Ok(made) = store.create_webhook(webhook, Health::default()).await {
            self.stage.engine().webhook_saved(made, false).await;
        }
    }

    async fn delete(&self, hook: &Hook) {
        self.note("delete", hook.id);
        let before = hook.deleted.replace(Some(Duration::MAX));
        let store = self.stage.store();
        if store.delete_webhook(hook.project, hook.id).await.is_err() {
            hook.deleted.set(before);
            return;
        }
        self.stage.engine().webhook_deleted(hook.id).await;
        hook.deleted.set(Some(self.stage.now()));
    }

    /// Switches the second project off or on.
    pub(crate) async fn switch_project(&self) {
        let was_off = self.project_is_off.get();
        let switch = match (was_off, self.wishes.once_in(2)) {
            (true, _) => WebhookSwitch::On,
            (false, true) => WebhookSwitch::Off,
            (false, false) => WebhookSwitch::ViewOnly,
        };
        if was_off {
            self.project_goes_on();
        }
        self.note("switch the project", switch);
        let id = PROJECTS[1];
        let planner = move |snapshots: &[&dyn Snapshot], ids: &mut dyn EventIds| {
            Ok(switched(snapshots[0].project(), switch, ids.next()))
        };
        let store = self.stage.store();
        if store.record(&[id], Box::new(planner)).await.is_err() {
            if was_off {
                self.project_goes_off();
            }
            return;
        }
        let on = switch == WebhookSwitch::On;
        self.stage.engine().project_switched(id, on).await;
        if !on {
            self.project_goes_off();
        }
    }

    /// Nothing is sent for the second project from now on.
    pub(crate) fn project_goes_off(&self) {
        if !self.project_is_off.replace(true) {
            let from = self.stage.now();
            self.project_off.borrow_mut().push((from, Duration::MAX));
        }
    }

    /// Something may be sent for the second project from now on.
    pub(crate) fn project_goes_on(&self) {
        if self.project_is_off.replace(false)
            && let Some(last) = self.project_off.borrow_mut().last_mut()
        {
            last.1 = self.stage.now();
        }
    }
}

fn switched(project: &Project, switch: WebhookSwitch, version: EventId) -> Plan {
    let mut project = project.clone();
    project.webhooks = switch;
    Plan {
        writes: vec![Write {
            project: project.id,
            version,
            what: WriteWhat::Project(Arc::new(project)),
        }],
        ..Plan::default()
    }
}
