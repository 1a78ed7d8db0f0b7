//! Webhooks in operation: enable, disable, pause, resume, rotate.

use std::sync::Arc;

use tidings_delivery::Turn;
use tidings_domain::webhook::{DisabledReason, PreviousSecret, Secrets, Webhook};
use tidings_domain::{Fault, Project, Time, Value, time};
use tidings_storage::StoreError;
use tidings_storage::audit::AuditChange;

use super::{Answer, EDIT_TRIES, check_lock, may_send, pages_open};
use crate::audit::{self, Changed};
use crate::reader::{Reader, object};
use crate::refusal::refusal;
use crate::vault::Column;
use crate::{Access, App, Caller, Keep};

const MAX_OVERLAP_SECONDS: i64 = 30 * 24 * 3600;
const MAX_AHEAD_SECONDS: i64 = 30 * 24 * 3600;

/// What a person switches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Switch {
    /// On; the count of failures starts at 0, what is parked stays parked.
    Enable,
    /// Off; what waits is parked.
    Disable,
    /// On hold: nothing is lost, order is kept.
    Pause,
    /// Off hold.
    Resume,
}

impl App {
    /// Switches a webhook; answers with it as it is then.
    pub async fn switch_webhook(
        &self,
        caller: &Caller,
        project: &Project,
        id: i64,
        switch: Switch,
    ) -> Result<Value, Fault> {
        let who = (caller, project);
        let switched = self.switch_webhook_keeping(who, id, switch, None).await;
        switched.map(|answer| answer.shown)
    }

    /// The same for a request with a key. Pausing and resuming may be done once more and are kept after the fact.
    pub async fn switch_webhook_keeping(
        &self,
        (caller, project): (&Caller, &Project),
        id: i64,
        switch: Switch,
        keep: Option<Keep<Value>>,
    ) -> Result<Answer, Fault> {
        Access::Manage.check(caller)?;
        pages_open(project)?;
        let (webhook, _, _) = self.find_webhook(project, id).await?;
        let who = (caller, project);
        match switch {
            Switch::Enable => {
                check_lock(caller, &webhook)?;
                may_send(project)?;
                return self.switch(who, &webhook, Turn::On, keep).await;
            }
            Switch::Disable => {
                let turn = Turn::Off(DisabledReason::Manual);
                return self.switch(who, &webhook, turn, keep).await;
            }
            Switch::Pause | Switch::Resume if !webhook.enabled => {
                return Err(Fault::conflict(
                    "",
                    "webhook_disabled",
                    "the webhook is disabled; enable it first",
                ));
            }
            Switch::Pause | Switch::Resume => {
                let pauses = switch == Switch::Pause;
                let operation = if pauses {
                    "webhook.pause"
                } else {
                    "webhook.resume"
                };
                let change = AuditChange::new("paused", (!pauses).into(), pauses.into());
                let changed = Changed::webhook(operation, project, &webhook).with(change);
                let engine = self.engine.on_behalf_of(&caller.signature());
                let engine = engine.noting(changed.by(caller));
                let done = if pauses {
                    engine.pause(webhook.id).await
                } else {
                    engine.resume(webhook.id).await
                };
                done.map_err(refusal)?;
            }
        }
        Ok(Answer {
            shown: self.webhook(caller, project, id).await?,
            kept: false,
        })
    }

    /// Changes the signing secret. Without one in the request a new one is made and shown, once, in `secret`: the answer that is
    /// kept does not have it.
    pub async fn rotate_secret(
        &self,
        caller: &Caller,
        project: &Project,
        id: i64,
        body: &Value,
        keep: Option<Keep<Value>>,
    ) -> Result<Value, Fault> {
        Access::Manage.check(caller)?;
        pages_open(project)?;
        let now = self.clock.wall();
        let mut reader = Reader::new(body, "")?;
        let given = reader.text("secret", 1, 1000);
        let overlap = reader.int("overlap_seconds", 0, MAX_OVERLAP_SECONDS);
        let overlap = overlap.unwrap_or(0);
        let effective = reader.time_or_null("effective_at").flatten();
        let effective = effective.unwrap_or(time::cut(now));
        let ahead = effective.as_second() - now.as_second();
        if ahead > MAX_AHEAD_SECONDS {
            reader.refuse("effective_at", "range", "may be at most 30 days ahead");
        }
        reader.finish()?;
        let secret = given.clone().unwrap_or_else(|| self.new_secret());
        for _ in 0..EDIT_TRIES {
            let (stored, health, counts) = self.find_webhook(project, id).await?;
            check_lock(caller, &stored)?;
            if under_way(&stored, now).is_some() {
                return Err(Fault::conflict(
                    "",
                    "rotation_running",
                    "the previous rotation is not over yet; wait until its overlap ends, or PATCH secret to cut it short",
                ));
            }
            let start = effective.max(time::cut(now));
            let until =
                Time::from_second(start.as_second().saturating_add(overlap)).unwrap_or(start);
            let previous =
                stored
                    .secrets
                    .as_ref()
                    .filter(|_| until > now)
                    .map(|old| PreviousSecret {
                        secret: old.current.clone(),
                        effective_at: time::show(start),
                        until: time::show(until),
                    });
            let mut webhook = (*stored).clone();
            webhook.secrets = Some(Secrets {
                current: self.seal(Column::Secret, stored.id, secret.as_bytes())?,
                previous,
            });
            let webhook = self.next_version(&stored, webhook);
            let found = (Arc::new(webhook.clone()), health, counts);
            let shown = self.show_webhook(caller, project, &found);
            let answer = |secret: Option<String>| {
                object([("webhook", shown.clone()), ("secret", secret.into())])
            };
            let memo = keep.as_ref().map(|keep| keep(&answer(None)));
            let entry = Changed::webhook("webhook.rotate", project, &webhook)
                .with(AuditChange::secret("secret"))
                .by(caller);
            let notes = audit::notes(memo, entry);
            match self.save_webhook(webhook, false, notes).await {
                Err(StoreError::Conflict(_)) => continue,
                other => other.map_err(refusal)?,
            };
            return Ok(answer(given.is_none().then_some(secret)));
        }
        Err(refusal(StoreError::Conflict("version")))
    }

    /// The rotation of a webhook's secret that is under way, if one is: `{"effective_at", "until"}`. Until then requests are signed
    /// with both; from `effective_at` on the dialect's own header is made with the new one.
    pub async fn rotation(
        &self,
        caller: &Caller,
        project: &Project,
        id: i64,
    ) -> Result<Option<Value>, Fault> {
        Access::Watch.check(caller)?;
        pages_open(project)?;
        let (stored, _, _) = self.find_webhook(project, id).await?;
        let runs = under_way(&stored, self.clock.wall());
        Ok(runs.map(|previous| {
            object([
                ("effective_at", previous.effective_at.clone().into()),
                ("until", previous.until.clone().into()),
            ])
        }))
    }

    /// A secret in the form of Standard Webhooks: `whsec_` and 32 random bytes.
    pub fn new_secret(&self) -> String {
        use base64::Engine as _;
        let mut bytes = [0; 32];
        self.entropy.fill(&mut bytes);
        let text = base64::engine::general_purpose::STANDARD.encode(bytes);
        format!("whsec_{text}")
    }
}

pub(super) fn switched(turn: Turn, project: &Project, webhook: &Webhook) -> Changed {
    let on = turn == Turn::On;
    let operation = if on {
        "webhook.enable"
    } else {
        "webhook.disable"
    };
    let enabled = AuditChange::new("enabled", (!on).into(), on.into());
    Changed::webhook(operation, project, webhook).with(enabled)
}

/// The rotation that is under way, by the secret that it ends.
fn under_way(webhook: &Webhook, now: Time) -> Option<&PreviousSecret> {
    let previous = webhook.secrets.as_ref()?.previous.as_ref()?;
    let until = time::parse(&previous.until)?;
    (until > now).then_some(previous)
}
