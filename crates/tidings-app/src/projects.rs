//! Projects: made by the administrator, shaped by those who manage them.

use std::sync::Arc;

use tidings_domain::project::{WebhookSwitch, slug};
use tidings_domain::{Fault, Project, ProjectId, Value};
use tidings_storage::{Deed, Done, EventIds, Notes, Plan, Snapshot, StoreError, Write, WriteWhat};

use crate::audit::{self, Changed};
use crate::refusal::{record_refusal, refusal};
use crate::{Access, App, Caller, Edit, Keep, Listed, Paging, seen};

mod read;
mod vocabulary;

impl App {
    /// The projects that exist for the caller.
    pub async fn projects(&self, caller: &Caller, paging: Paging) -> Result<Listed, Fault> {
        let (after, limit) = (paging.from, paging.limit);
        let own = match caller {
            Caller::Admin { .. } => None,
            Caller::App { project, .. } | Caller::Member { project, .. } => Some(*project),
            // Which projects these are their session knows.
            Caller::Account { .. } => Some(ProjectId(0)),
        };
        let page = match own {
            None => self.store.projects(after, limit).await,
            // A project's token sees a list of one.
            Some(id) => self.store.projects(id.0 - 1, 1).await,
        };
        let page = page.map_err(refusal)?;
        let data = page
            .data
            .iter()
            .filter(|p| p.id.0 > after && caller.sees(p.id))
            .map(|p| show(p))
            .collect();
        Ok(Listed {
            data,
            next: page.next.filter(|_| own.is_none()),
        })
    }

    /// Creates a project.
    pub async fn create_project(
        &self,
        caller: &Caller,
        body: &Value,
        keep: Option<Keep<Project>>,
    ) -> Result<Arc<Project>, Fault> {
        Access::Administrator.check(caller)?;
        let blank = Project::new(ProjectId(0), "", "", &self.now());
        let project = read::project(&blank, body, read::Mode::Create)?;
        let made = self.insert_project(caller, project, keep).await;
        made.map(Arc::new).map_err(|error| match error {
            StoreError::Conflict(member) => Fault::conflict(
                format!("/{member}"),
                "taken",
                "another project has it, or had it; choose another",
            ),
            other => refusal(other),
        })
    }

    async fn insert_project(
        &self,
        caller: &Caller,
        project: Project,
        keep: Option<Keep<Project>>,
    ) -> Result<Project, StoreError> {
        let caller = caller.clone();
        let notes = move |done: &Done| {
            let Done::Project(made) = done else {
                return Notes::default();
            };
            let entry = change("project.create", made)
                .between(&Value::Null, &show(made))
                .by(&caller);
            audit::notes(keep.map(|keep| keep(made)), entry)
        };
        let deed = Deed::CreateProject(Box::new(project));
        match self.store.keep(deed, Box::new(notes)).await? {
            Done::Project(made) => Ok(*made),
            other => Err(StoreError::Corrupt(format!("a project became {other:?}"))),
        }
    }

    /// Changes a project by a merge patch (RFC 7396). Answers with the project as it is then.
    pub async fn update_project(
        &self,
        caller: &Caller,
        project: &Project,
        asked: impl Into<Edit<'_>>,
        keep: Option<Keep<Project>>,
    ) -> Result<Arc<Project>, Fault> {
        Access::Manage.check(caller)?;
        let asked = asked.into();
        let mut result = None;
        let planner = Box::new(|states: &[&dyn Snapshot], ids: &mut dyn EventIds| {
            let Some(state) = states.first() else {
                return Err(crate::refusal::internal());
            };
            let before = state.project();
            asked.check(&seen(before))?;
            let after = read::project(before, asked.body, read::Mode::Edit)?;
            check_switch(caller, before.webhooks, after.webhooks)?;
            vocabulary::check_use(*state, before, &after)?;
            let mut plan = Plan::default();
            plan.memos.extend(keep.as_ref().map(|keep| keep(&after)));
            if after == **before {
                result = Some((Arc::clone(before), Arc::clone(before)));
                return Ok(plan);
            }
            let after = Arc::new(after);
            let changed = change("project.update", &after).between(&show(before), &show(&after));
            plan.audit.push(changed.by(caller));
            plan.writes.push(Write {
                project: after.id,
                version: ids.next(),
                what: WriteWhat::Project(Arc::clone(&after)),
            });
            result = Some((Arc::clone(before), after));
            Ok(plan)
        });
        self.store
            .record(&[project.id], planner)
            .await
            .map_err(record_refusal)?;
        let (before, after) = result.ok_or_else(crate::refusal::internal)?;
        if before.webhooks != after.webhooks {
            let on = after.webhooks == WebhookSwitch::On;
            self.engine.project_switched(after.id, on).await;
        }
        Ok(after)
    }

    /// Deletes a project with everything in it.
    pub async fn delete_project(
        &self,
        caller: &Caller,
        project: &Project,
        keep: Option<Keep<()>>,
    ) -> Result<(), Fault> {
        Access::Manage.check(caller)?;
        let entry = change("project.delete", project)
            .between(&show(project), &Value::Null)
            .by(caller);
        let notes = Box::new(move |_: &Done| audit::notes(keep.map(|keep| keep(&())), entry));
        let deed = Deed::DeleteProject(project.id);
        self.store.keep(deed, notes).await.map_err(refusal)?;
        self.engine.project_deleted(project.id).await;
        Ok(())
    }
}

/// A project as the API shows it.
pub fn show(project: &Project) -> Value {
    serde_json::to_vec(project)
        .ok()
        .and_then(|text| Value::parse(&text).ok())
        .unwrap_or_default()
}

/// The word for what a project is called and where it is: see [`Edit`]. Its webhooks are switched on their own.
pub fn seen(project: &Project) -> String {
    let mut shown = show(project);
    if let Value::Map(members) = &mut shown {
        members.retain(|(name, _)| name != "webhooks");
    }
    seen::word(&shown)
}

fn change(operation: &str, project: &Project) -> Changed {
    Changed::new(operation, format!("projects/{}", project.key))
        .within(project)
        .called(&project.name)
}

/// The plan gate is the administrator's; on and off is for everybody who manages the project.
fn check_switch(caller: &Caller, before: WebhookSwitch, after: WebhookSwitch) -> Result<(), Fault> {
    let gated = before == WebhookSwitch::ViewOnly || after == WebhookSwitch::ViewOnly;
    if before != after && gated && !matches!(caller, Caller::Admin { .. }) {
        return Err(Fault::forbidden(
            "plan_view_only",
            "only the administrator sets and leaves \"view_only\"; ask for another plan",
        ));
    }
    Ok(())
}

/// The default of `slug` for a project of that name.
fn default_slug(name: &str, id: ProjectId) -> String {
    slug(name, "project", id.0)
}

#[cfg(test)]
mod tests;
