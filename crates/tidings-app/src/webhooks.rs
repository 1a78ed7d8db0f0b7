//! Webhooks: made, changed, switched, tried out and looked at.
//!
//! A secret goes in here and never comes out: it is sealed for the webhook's id before anything is stored. The engine is told after
//! the store has taken a change; if it is never told, it reads the same from the store when it starts.

use std::sync::Arc;

use tidings_delivery::{Switched, Turn};
use tidings_domain::project::WebhookSwitch;
use tidings_domain::webhook::{DisabledReason, Health, HealthState, Shift, Webhook};
use tidings_domain::{Fault, Project, Value, WebhookId};
pub use tidings_storage::COUNTED;
use tidings_storage::{AsOf, Deed, Done, LaneCounts, Notes, Snapshot, StoreError};

use crate::audit::{self, Changed};
use crate::guard::{self, Judged};
use crate::refusal::{absent, internal, refusal};
use crate::{Access, App, Caller, Edit, Keep, Listed, Paging};

mod check;
mod find;
mod headers;
mod history;
mod input;
mod operate;
mod seal;
mod show;
mod sweep;
mod test;

pub use find::{FoundWebhooks, WebhookFilter};
pub use headers::MASK;
pub use operate::Switch;
pub use show::Audience;
use show::show_as;
pub(crate) use show::{cut_url, whole};
pub use sweep::SweepAnswer;

use input::Draft;

/// How often an edit is tried again when somebody else was faster.
const EDIT_TRIES: usize = 16;

/// A webhook as it is read after a use case changed it.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The webhook.
    pub shown: Value,
    /// Whether the answer was kept with the change.
    pub kept: bool,
}

/// A webhook with how it fares.
pub(crate) type Found = (Arc<Webhook>, Health, LaneCounts);

impl App {
    /// The webhooks of a project.
    pub async fn webhooks(
        &self,
        caller: &Caller,
        project: &Project,
        paging: Paging,
    ) -> Result<Listed, Fault> {
        Access::Watch.check(caller)?;
        pages_open(project)?;
        let page = self
            .store
            .webhooks(project.id, paging.from, paging.limit)
            .await;
        let page = page.map_err(refusal)?;
        Ok(Listed {
            data: page
                .data
                .iter()
                .map(|found| self.show_webhook(caller, project, found))
                .collect(),
            next: page.next,
        })
    }

    /// One webhook.
    pub async fn webhook(
        &self,
        caller: &Caller,
        project: &Project,
        id: i64,
    ) -> Result<Value, Fault> {
        Access::Watch.check(caller)?;
        pages_open(project)?;
        let found = self.find_webhook(project, id).await?;
        Ok(self.show_webhook(caller, project, &found))
    }

    /// One webhook, and the word for its version: see [`Edit`].
    pub async fn webhook_to_edit(
        &self,
        caller: &Caller,
        project: &Project,
        id: i64,
    ) -> Result<(Value, String), Fault> {
        Access::Watch.check(caller)?;
        pages_open(project)?;
        let found = self.find_webhook(project, id).await?;
        let shown = self.show_webhook(caller, project, &found);
        Ok((shown, found.0.version.to_string()))
    }

    /// The names of the project's webhooks by id.
    pub async fn webhook_names(
        &self,
        caller: &Caller,
        project: &Project,
    ) -> Result<Vec<(WebhookId, String)>, Fault> {
        Access::Watch.check(caller)?;
        pages_open(project)?;
        let mut names = Vec::new();
        let read = |snapshot: &dyn Snapshot| {
            let all = snapshot.webhooks();
            names.extend(all.iter().map(|w| (w.id, w.name.clone())));
        };
        let done = self.store.read(project.id, AsOf::Now, Box::new(read)).await;
        done.map_err(refusal)?;
        Ok(names)
    }

    /// What webhooks are called, or were when they were deleted.
    pub async fn names_of_webhooks(
        &self,
        caller: &Caller,
        project: &Project,
        webhooks: &[WebhookId],
    ) -> Result<Vec<(WebhookId, String)>, Fault> {
        Access::Watch.check(caller)?;
        pages_open(project)?;
        let names = self.store.webhook_names(project.id, webhooks).await;
        names.map_err(refusal)
    }

    /// Creates a webhook: its id, and the webhook as it is read.
    pub async fn create_webhook(
        &self,
        caller: &Caller,
        project: &Project,
        body: &Value,
        keep: Option<Keep<(WebhookId, Value)>>,
    ) -> Result<(WebhookId, Value), Fault> {
        Access::Manage.check(caller)?;
        pages_open(project)?;
        let id = self.store.next_webhook_id().await.map_err(refusal)?;
        let base = self.blank_webhook(caller, project, id);
        let mut draft = input::read(body, &base, input::Mode::Create, caller, "")?;
        if draft.webhook.enabled && project.webhooks == WebhookSwitch::ViewOnly {
            if body.member("enabled").is_some() {
                return Err(plan_view_only());
            }
            draft.webhook.enabled = false;
        }
        let webhook = self.seal_draft(self.judge_draft(draft).await?)?;
        let health = self.first_health(caller, project, webhook.enabled);
        let found = (Arc::new(webhook), health, LaneCounts::default());
        let answer = (id, self.show_webhook(caller, project, &found));
        let (webhook, health, _) = found;
        let entry = Changed::webhook("webhook.create", project, &webhook)
            .between(&Value::Null, &answer.1)
            .secret_if(webhook.secrets.is_some(), "secret")
            .by(caller);
        let notes = audit::notes(keep.map(|keep| keep(&answer)), entry);
        self.insert_webhook(webhook, health, notes).await?;
        Ok(answer)
    }

    /// How a webhook begins: the first entry of its history.
    fn first_health(&self, caller: &Caller, project: &Project, enabled: bool) -> Health {
        let (state, reason) = match project.webhooks {
            _ if enabled => (HealthState::Ok, None),
            WebhookSwitch::ViewOnly => (HealthState::Disabled, Some(DisabledReason::Plan)),
            WebhookSwitch::On | WebhookSwitch::Off => {
                (HealthState::Disabled, Some(DisabledReason::Manual))
            }
        };
        let now = self.now();
        Health {
            state,
            reason,
            since: Some(now.clone()),
            shifts: vec![Shift {
                state,
                reason,
                at: now,
                by: Some(caller.signature()),
                failures: 0,
                status: None,
            }],
            ..Health::default()
        }
    }

    async fn insert_webhook(
        &self,
        webhook: Arc<Webhook>,
        health: Health,
        notes: Notes,
    ) -> Result<(), Fault> {
        let new = Webhook::clone(&webhook);
        let deed = Deed::CreateWebhook(Box::new(new), Box::new(health));
        let done = self.store.keep(deed, Box::new(|_| notes)).await;
        done.map_err(refusal)?;
        self.engine.webhook_saved(webhook, false).await;
        Ok(())
    }

    /// Changes a webhook by a merge patch (RFC 7396).
    pub async fn update_webhook(
        &self,
        caller: &Caller,
        project: &Project,
        id: i64,
        edit: impl Into<Edit<'_>>,
    ) -> Result<Value, Fault> {
        let who = (caller, project);
        let changed = self
            .update_webhook_keeping(who, id, edit.into(), None)
            .await;
        changed.map(|answer| answer.shown)
    }

    /// The same for a request with a key: where it changes something, the answer is kept with the last change that it makes.
    pub async fn update_webhook_keeping(
        &self,
        (caller, project): (&Caller, &Project),
        id: i64,
        asked: Edit<'_>,
        keep: Option<Keep<Value>>,
    ) -> Result<Answer, Fault> {
        Access::Manage.check(caller)?;
        pages_open(project)?;
        let body = asked.body;
        for _ in 0..EDIT_TRIES {
            let (stored, health, counts) = self.find_webhook(project, id).await?;
            // The store takes the next version of this one and of no other.
            asked.check(&stored.version.to_string())?;
            if !only_disables(body) {
                check_lock(caller, &stored)?;
            }
            let mode = input::Mode::Edit;
            let draft = input::read(body, &stored, mode, caller, "")?;
            let wanted = draft.webhook.enabled;
            if wanted && !stored.enabled && project.webhooks == WebhookSwitch::ViewOnly {
                return Err(plan_view_only());
            }
            let url_changed = draft.webhook.url != stored.url;
            let mut webhook = self.seal_draft(self.judge_draft(draft).await?)?;
            // Switching is the engine's: it keeps health and webhook in step.
            webhook.enabled = stored.enabled;
            let switches = wanted != stored.enabled;
            let mut answer = None;
            if webhook != *stored {
                let save = self.next_version(&stored, webhook);
                let live = self.engine.health(stored.id).unwrap_or(health);
                let show =
                    |webhook: &Webhook, health| show_as(caller, project, (webhook, health, counts));
                let after = if url_changed {
                    tidings_delivery::after_new_url(live.clone(), self.clock.wall())
                } else {
                    live.clone()
                };
                let shown = show(&save, &after);
                let memo = keep.as_ref().filter(|_| !switches).map(|k| k(&shown));
                let kept = memo.is_some();
                let entry = edit(project, (&stored, &show(&stored, &live)), (&save, &shown));
                let notes = audit::notes(memo, entry.by(caller));
                answer = Some(Answer { shown, kept });
                match self.save_webhook(save, url_changed, notes).await {
                    Err(StoreError::Conflict(_)) => continue,
                    other => other.map_err(refusal)?,
                };
            }
            if switches {
                let turn = if wanted {
                    Turn::On
                } else {
                    Turn::Off(DisabledReason::Manual)
                };
                let who = (caller, project);
                return self.switch(who, &stored, turn, keep).await;
            }
            return match answer {
                Some(answer) => Ok(answer),
                None => Ok(Answer {
                    shown: self.webhook(caller, project, id).await?,
                    kept: false,
                }),
            };
        }
        Err(refusal(StoreError::Conflict("version")))
    }

    /// Switches a webhook on or off; the answer is kept, and the audit log told, in the transaction that says so.
    async fn switch(
        &self,
        (caller, project): (&Caller, &Project),
        webhook: &Webhook,
        turn: Turn,
        keep: Option<Keep<Value>>,
    ) -> Result<Answer, Fault> {
        let show = |done: &Switched| {
            let as_is = (&*done.webhook, &done.health, done.counts);
            show_as(caller, project, as_is)
        };
        let entry = operate::switched(turn, project, webhook).by(caller);
        let note = |done: &Switched| Notes {
            memo: keep.as_ref().map(|keep| keep(&show(done))),
            audit: done.changed.then(|| entry.clone()),
        };
        let engine = self.engine.on_behalf_of(&caller.signature());
        let switched = engine.switch(webhook.id, turn, Some(&note)).await;
        Ok(Answer {
            shown: show(&switched.map_err(refusal)?),
            kept: keep.is_some(),
        })
    }

    /// Deletes a webhook: requests in flight finish and are logged, the rest is skipped, the log stays.
    pub async fn delete_webhook(
        &self,
        caller: &Caller,
        project: &Project,
        id: i64,
        keep: Option<Keep<()>>,
    ) -> Result<(), Fault> {
        Access::Manage.check(caller)?;
        pages_open(project)?;
        let found = self.find_webhook(project, id).await?;
        let id = WebhookId(id);
        let entry = Changed::webhook("webhook.delete", project, &found.0)
            .between(&self.show_webhook(caller, project, &found), &Value::Null)
            .by(caller);
        let notes = move |_: &Done| audit::notes(keep.map(|keep| keep(&())), entry);
        let deed = Deed::DeleteWebhook(project.id, id);
        let done = self.store.keep(deed, Box::new(notes)).await;
        done.map_err(refusal)?;
        self.engine.webhook_deleted(id).await;
        Ok(())
    }

    pub(crate) async fn find_webhook(&self, project: &Project, id: i64) -> Result<Found, Fault> {
        let found = self.store.webhook(project.id, WebhookId(id)).await;
        found.map_err(refusal)?.ok_or_else(absent)
    }

    /// An edited webhook as it comes after the stored one.
    fn next_version(&self, stored: &Webhook, edited: Webhook) -> Webhook {
        Webhook {
            version: stored.version + 1,
            updated_at: self.now(),
            ..edited
        }
    }

    /// Writes an edited webhook, with what goes with it, and tells the engine.
    async fn save_webhook(
        &self,
        webhook: Webhook,
        url_changed: bool,
        notes: Notes,
    ) -> Result<Arc<Webhook>, StoreError> {
        let saved = Arc::new(webhook.clone());
        let deed = Deed::UpdateWebhook(Box::new(webhook));
        self.store.keep(deed, Box::new(|_| notes)).await?;
        self.engine
            .webhook_saved(Arc::clone(&saved), url_changed)
            .await;
        Ok(saved)
    }

    /// Asks the guard about a URL that is new.
    async fn judge_draft(&self, mut draft: Draft) -> Result<Draft, Fault> {
        if !draft.judge_url {
            return Ok(draft);
        }
        let at = &draft.url_at;
        let url = guard::parse(&draft.webhook.url, at)?;
        match self.guard.judge(&url).await {
            Judged::Fine => draft.webhook.unresolved = false,
            Judged::Unresolved => draft.webhook.unresolved = true,
            Judged::Forbidden => return Err(guard::forbidden(at)),
        }
        Ok(draft)
    }

    fn blank_webhook(&self, caller: &Caller, project: &Project, id: WebhookId) -> Webhook {
        Webhook {
            origin: origin_of(caller),
            ..Webhook::new(id, project.id, self.now())
        }
    }
}

/// What differs between two versions of a webhook; with each the shape that people read.
fn edit(
    project: &Project,
    (before, was): (&Webhook, &Value),
    (after, is): (&Webhook, &Value),
) -> Changed {
    let masked = was.member("headers") == is.member("headers");
    Changed::webhook("webhook.update", project, after)
        .between(was, is)
        .secret_if(before.secrets != after.secrets, "secret")
        .secret_if(masked && before.headers != after.headers, "headers")
}

/// Who made a webhook: a person in the console, a program of the project, or anybody else by the API.
fn origin_of(caller: &Caller) -> String {
    match caller {
        Caller::App { name, .. } => format!("app:{name}"),
        _ if caller.credential().is_session() => "console".to_owned(),
        Caller::Admin { .. } | Caller::Member { .. } | Caller::Account { .. } => "api".to_owned(),
    }
}

/// Refuses the webhook pages of a project whose App is off.
pub(crate) fn pages_open(project: &Project) -> Result<(), Fault> {
    if project.webhooks == WebhookSwitch::Off {
        return Err(Fault::forbidden(
            "webhooks_off",
            "webhooks are switched off in this project; product owner or scrum master switch them on: PATCH the project with {\"webhooks\": \"on\"}",
        ));
    }
    Ok(())
}

/// Refuses what would send in a project whose plan only lets look.
pub(crate) fn may_send(project: &Project) -> Result<(), Fault> {
    pages_open(project)?;
    if project.webhooks == WebhookSwitch::ViewOnly {
        return Err(plan_view_only());
    }
    Ok(())
}

fn plan_view_only() -> Fault {
    Fault::forbidden(
        "plan_view_only",
        "this project's plan lets you look at webhooks and prepare them disabled, not activate them; ask the administrator",
    )
}

/// Refuses edits of a webhook that an app locked to everybody but that app and the administrator.
fn check_lock(caller: &Caller, webhook: &Webhook) -> Result<(), Fault> {
    let free = match caller {
        Caller::Admin { .. } => true,
        Caller::App { .. } => webhook.origin == origin_of(caller),
        Caller::Member { .. } | Caller::Account { .. } => false,
    };
    if webhook.locked && !free {
        let app = webhook.origin.strip_prefix("app:").unwrap_or("an app");
        return Err(Fault::forbidden(
            "webhook_locked",
            format!(
                "{app} made this webhook and locked it: change it there; here it can be disabled and deleted"
            ),
        ));
    }
    Ok(())
}

/// What people may do to a locked webhook.
fn only_disables(body: &Value) -> bool {
    matches!(body.as_map(), [(name, Value::Bool(false))] if name == "enabled")
}

/// A dialect that a stored webhook names must be there.
pub(crate) fn dialect_of(
    webhook: &Webhook,
) -> Result<&'static dyn tidings_dialects::Dialect, Fault> {
    tidings_dialects::find(&webhook.dialect).ok_or_else(internal)
}
