//! What changes what is kept.

use std::sync::Arc;

use tidings_domain::delivery::DeliveryState;
use tidings_domain::webhook::{Health, Webhook};
use tidings_domain::{Collection, Doc, EventId, Project, ProjectId, TokenId, WebhookId};

use super::shot::smallest_free;
use super::{Disk, Lane, ProjectState, Version, figures};
use crate::audit::{AuditEntry, AuditRow};
use crate::{
    Deed, Done, Memo, StoreError, Token, TokenKind, Write, WriteWhat, memo_is_old, memos_of,
};

impl Disk {
    pub(super) fn create_project(&mut self, mut project: Project) -> Result<Project, StoreError> {
        let taken = |p: &ProjectState| {
            let latest = p.versions.last();
            latest.is_some_and(|(_, p)| p.key.eq_ignore_ascii_case(&project.key))
        };
        if self.projects.values().any(taken) {
            return Err(StoreError::Conflict("key"));
        }
        if project.id.0 == 0 {
            let used = self.used_projects.iter().map(|p| p.0).collect();
            project.id = ProjectId(smallest_free(&used));
        }
        if !self.used_projects.insert(project.id) {
            return Err(StoreError::Conflict("id"));
        }
        let state = ProjectState {
            versions: vec![(EventId(0), Arc::new(project.clone()))],
            ..ProjectState::default()
        };
        self.projects.insert(project.id, state);
        Ok(project)
    }

    pub(super) fn delete_project(&mut self, project: ProjectId) -> Result<(), StoreError> {
        self.projects.remove(&project).ok_or(StoreError::NotFound)?;
        let lanes = self.webhooks.iter();
        let gone = lanes.filter(|(_, l)| l.webhook.project == project);
        for webhook in gone.map(|(id, _)| *id).collect::<Vec<_>>() {
            self.webhooks.remove(&webhook);
            self.forget_sweeps(webhook);
        }
        self.tokens.retain(|_, t| t.project != Some(project));
        self.people.forget_project(project);
        self.deliveries.retain(|_, row| row.project != project);
        let Disk {
            waiting,
            deliveries,
            by_webhook,
            ..
        } = self;
        waiting.retain(|(_, id)| deliveries.contains_key(id));
        by_webhook.retain(|(_, id)| deliveries.contains_key(id));
        let scopes = memos_of(project);
        self.memos
            .retain(|(scope, _), _| !scope.starts_with(&scopes));
        Ok(())
    }

    pub(super) fn create_webhook(
        &mut self,
        webhook: Webhook,
        health: Health,
    ) -> Result<Arc<Webhook>, StoreError> {
        if !self.projects.contains_key(&webhook.project) {
            return Err(StoreError::NotFound);
        }
        if self.webhooks.contains_key(&webhook.id) {
            return Err(StoreError::Conflict("id"));
        }
        self.last_webhook = self.last_webhook.max(webhook.id.0);
        let webhook = Arc::new(webhook);
        let lane = Lane {
            webhook: Arc::clone(&webhook),
            health: Health::default(),
            deleted: false,
            history: figures::History::default(),
        };
        self.webhooks.insert(webhook.id, lane);
        self.write_health(webhook.id, health);
        self.note_absence(webhook.id);
        Ok(webhook)
    }

    pub(super) fn update_webhook(&mut self, webhook: Webhook) -> Result<Arc<Webhook>, StoreError> {
        let lane = self.webhooks.get_mut(&webhook.id);
        let lane = lane
            .filter(|l| !l.deleted && l.webhook.project == webhook.project)
            .ok_or(StoreError::NotFound)?;
        if lane.webhook.version != webhook.version - 1 {
            return Err(StoreError::Conflict("version"));
        }
        let webhook = Arc::new(webhook);
        lane.webhook = Arc::clone(&webhook);
        self.note_absence(webhook.id);
        Ok(webhook)
    }

    pub(super) fn delete_webhook(
        &mut self,
        project: ProjectId,
        webhook: WebhookId,
    ) -> Result<(), StoreError> {
        let lane = self.webhooks.get_mut(&webhook);
        let lane = lane
            .filter(|l| !l.deleted && l.webhook.project == project)
            .ok_or(StoreError::NotFound)?;
        lane.deleted = true;
        // Its secrets go with it.
        let bare = Arc::make_mut(&mut lane.webhook);
        bare.secrets = None;
        bare.headers.clear();
        lane.history = figures::History::default();
        for state in [DeliveryState::Pending, DeliveryState::Parked] {
            for id in self.of_webhook(webhook, state) {
                self.set_state(id, DeliveryState::Skipped);
            }
        }
        self.waiting.retain(|(w, _)| *w != webhook);
        self.forget_sweeps(webhook);
        Ok(())
    }

    pub(super) fn create_token(&mut self, mut token: Token) -> Result<Token, StoreError> {
        if token
            .project
            .is_some_and(|p| !self.projects.contains_key(&p))
        {
            return Err(StoreError::NotFound);
        }
        if self.tokens.values().any(|t| t.hash == token.hash) {
            return Err(StoreError::Conflict("token"));
        }
        self.last_token += 1;
        token.id = TokenId(self.last_token);
        self.tokens.insert(token.id, token.clone());
        Ok(token)
    }

    pub(super) fn delete_token(
        &mut self,
        project: Option<ProjectId>,
        token: TokenId,
    ) -> Result<(), StoreError> {
        match self.tokens.get(&token) {
            Some(found) if found.project == project => {
                self.tokens.remove(&token);
                Ok(())
            }
            _ => Err(StoreError::NotFound),
        }
    }

    pub(super) fn memo(&self, scope: &str, key: &str) -> Option<String> {
        self.memos
            .get(&(scope.to_owned(), key.to_owned()))
            .filter(|(_, made_ms)| !memo_is_old(*made_ms, self.last_ms))
            .map(|(answer, _)| answer.clone())
    }

    pub(super) fn keep(&mut self, memo: Memo) {
        let kept = (memo.answer, self.last_ms);
        self.memos.insert((memo.scope, memo.key), kept);
    }

    pub(super) fn note_change(&mut self, entry: AuditEntry) {
        let id = self.last_audit + 1;
        self.last_audit = id;
        self.audit.push(AuditRow {
            id,
            at_ms: self.last_ms,
            entry,
        });
    }

    pub(super) fn carry_out(&mut self, deed: Deed) -> Result<Done, StoreError> {
        Ok(match deed {
            Deed::Nothing => Done::Nothing,
            Deed::CreateProject(project) => Done::Project(Box::new(self.create_project(*project)?)),
            Deed::DeleteProject(project) => {
                self.delete_project(project)?;
                Done::Nothing
            }
            Deed::CreateWebhook(webhook, health) => {
                Done::Webhook(self.create_webhook(*webhook, *health)?)
            }
            Deed::UpdateWebhook(webhook) => Done::Webhook(self.update_webhook(*webhook)?),
            Deed::DeleteWebhook(project, webhook) => {
                self.delete_webhook(project, webhook)?;
                Done::Nothing
            }
            Deed::CreateToken(token) => Done::Token(Box::new(self.create_token(*token)?)),
            Deed::DeleteToken(project, token) => {
                self.delete_token(project, token)?;
                Done::Nothing
            }
            Deed::PutDocument(name, text) => {
                self.documents.insert(name.to_owned(), text);
                Done::Nothing
            }
            Deed::Resend(project, delivery) => {
                Done::Queued(Box::new(self.resend(project, delivery)?))
            }
            Deed::BeginSweep(project, new, enable) => {
                let health = enable.map(|health| *health);
                Done::Begun(Box::new(self.begin_sweep(project, &new, health)?))
            }
            Deed::CreateAccount(account) => self.people.create(*account)?,
            Deed::UpdateAccount(account, ends) => self.people.update(*account, ends)?,
            Deed::DeleteAccount(id) => self.people.delete(id)?,
            Deed::PutMembership(membership) => {
                if !self.projects.contains_key(&membership.project) {
                    return Err(StoreError::NotFound);
                }
                self.people.put_membership(membership)?
            }
            Deed::RemoveMembership(account, project) => {
                self.people.remove_membership(account, project)?
            }
            Deed::CreateLink(link, now_ms) => self.people.create_link(link, now_ms)?,
            Deed::UseLink(used) => self.people.use_link(*used)?,
            Deed::OpenSession(new) => self.people.open_session(*new)?,
        })
    }

    pub(super) fn apply(&mut self, write: &Write) -> Result<(), StoreError> {
        let state = self
            .projects
            .get_mut(&write.project)
            .ok_or(StoreError::NotFound)?;
        let mut forget_tokens = |member: i64| {
            let kind = TokenKind::Member { member };
            let is_theirs = |t: &Token| t.project == Some(write.project) && t.kind == kind;
            self.tokens.retain(|_, token| !is_theirs(token));
        };
        match &write.what {
            WriteWhat::Put(doc) => {
                let versions = state.objects.entry(doc.key()).or_default();
                let appears = versions.last().is_none_or(|last| last.deleted);
                if appears && doc.collection() == Collection::Members {
                    forget_tokens(doc.id());
                }
                put(versions, write, doc);
            }
            WriteWhat::Delete(key) => {
                if key.collection == Collection::Members {
                    // Whoever gets the number next is somebody else.
                    self.people.forget_member(write.project, key.id);
                    forget_tokens(key.id);
                }
                if let Some(versions) = state.objects.get_mut(key)
                    && let Some(last) = versions.last().filter(|v| !v.deleted)
                {
                    let doc = Arc::clone(&last.doc);
                    versions.retain(|v| v.from != write.version);
                    versions.push(Version {
                        from: write.version,
                        doc,
                        deleted: true,
                    });
                }
            }
            WriteWhat::Project(project) => {
                state.versions.retain(|(from, _)| *from != write.version);
                state.versions.push((write.version, Arc::clone(project)));
                self.note_absences(write.project);
            }
        }
        Ok(())
    }

    pub(super) fn retain_versions(&mut self) -> u64 {
        let mut removed = 0;
        for state in self.projects.values_mut() {
            let Some(oldest) = state.events.keys().next().copied() else {
                continue;
            };
            for versions in state.objects.values_mut() {
                let before = versions.len();
                // A version is needed as long as the next one does not yet hold for the event before the oldest.
                let needless = versions
                    .windows(2)
                    .take_while(|pair| pair.get(1).is_some_and(|next| next.from < oldest))
                    .count();
                versions.drain(..needless);
                removed += (before - versions.len()) as u64;
            }
        }
        removed
    }
}

fn put(versions: &mut Vec<Version>, write: &Write, doc: &Arc<Doc>) {
    versions.retain(|v| v.from != write.version);
    versions.push(Version {
        from: write.version,
        doc: Arc::clone(doc),
        deleted: false,
    });
}
