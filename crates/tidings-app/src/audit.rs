//! The audit log: who changed which webhook, member, token, account, setting or project, when, from where, and how.
//!
//! Every use case that changes one of these hands an entry to the store with the change. What is compared are the shapes that people
//! read, so nothing secret is in them; of a secret the entry says that it changed.

use std::fmt::Write as _;

use tidings_domain::value::MAX_SAFE_INTEGER;
use tidings_domain::{
    Collection, Doc, Fault, ObjectRef, Project, ProjectId, Value, WebhookId, time,
};
pub use tidings_storage::audit::Actor;
use tidings_storage::audit::{AuditChange, AuditEntry, AuditFilter, AuditRow};
use tidings_storage::{Memo, Notes, Snapshot, Write, WriteWhat};

use crate::caller::Key;
use crate::reader::object;
use crate::refusal::refusal;
use crate::{Access, App, Caller, Listed, Paging};

/// Names of the filters.
pub const FILTERS: [&str; 5] = ["webhook", "operation", "actor", "since", "until"];

/// What every change changes, and what is no setting.
const INCIDENTAL: [&str; 8] = [
    "id",
    "sequence",
    "created_at",
    "updated_at",
    "health",
    "warnings",
    "last_sign_in_at",
    "hint",
];
/// Longest text that is kept of one value.
const MOST_CHARS: usize = 2000;

/// Something that was changed; see [`Changed::by`].
#[derive(Clone, Debug)]
pub(crate) struct Changed {
    operation: String,
    project: Option<(ProjectId, String)>,
    webhook: Option<WebhookId>,
    target: String,
    name: String,
    changes: Vec<AuditChange>,
}

impl Changed {
    /// An operation, and what it was done to.
    pub(crate) fn new(operation: impl Into<String>, target: impl Into<String>) -> Self {
        Self {
            operation: operation.into(),
            project: None,
            webhook: None,
            target: target.into(),
            name: String::new(),
            changes: Vec::new(),
        }
    }

    /// An operation on a webhook.
    pub(crate) fn webhook(
        operation: &str,
        project: &Project,
        webhook: &tidings_domain::webhook::Webhook,
    ) -> Self {
        Self {
            webhook: Some(webhook.id),
            ..Self::new(operation, format!("webhooks/{}", webhook.id))
                .within(project)
                .called(&webhook.name)
        }
    }

    pub(crate) fn within(mut self, project: &Project) -> Self {
        self.project = Some((project.id, project.key.clone()));
        self
    }

    pub(crate) fn called(mut self, name: &str) -> Self {
        name.clone_into(&mut self.name);
        self
    }

    /// It came from nothing, went to nothing, or became another: the members that differ.
    pub(crate) fn between(mut self, before: &Value, after: &Value) -> Self {
        self.changes.extend(differences(before, after));
        self
    }

    pub(crate) fn with(mut self, change: AuditChange) -> Self {
        self.changes.push(change);
        self
    }

    pub(crate) fn secret_if(self, changed: bool, field: &'static str) -> Self {
        if changed {
            return self.with(AuditChange::secret(field));
        }
        self
    }

    /// Whether nothing differs.
    pub(crate) fn is_nothing(&self) -> bool {
        self.changes.is_empty()
    }

    /// Who did it, and from where.
    pub(crate) fn by(self, caller: &Caller) -> AuditEntry {
        let (project, key) = self.project.unzip();
        AuditEntry {
            project,
            webhook: self.webhook,
            operation: self.operation.into(),
            actor: actor(caller),
            address: caller.credential().address.map(|a| a.to_string()),
            key,
            target: self.target,
            name: self.name,
            changes: self.changes,
        }
    }
}

fn actor(caller: &Caller) -> Actor {
    let (kind, id, name) = match &caller.credential().key {
        Key::Configured => ("administrator", None, "the configured token".to_owned()),
        Key::Token { id, name } => {
            let app = matches!(caller, Caller::App { .. });
            (if app { "app" } else { "token" }, Some(id.0), name.clone())
        }
        Key::Session { account, name, .. } => ("account", Some(account.0), name.clone()),
        Key::Operator => ("operator", None, "at the server's machine".to_owned()),
    };
    Actor {
        kind: kind.into(),
        id,
        name,
        member: caller.member(),
    }
}

/// What is written with a deed.
pub(crate) fn notes(memo: Option<Memo>, audit: AuditEntry) -> Notes {
    Notes {
        memo,
        audit: Some(audit),
    }
}

/// The members in which two objects differ, in the order of the later; what is nothing has none.
pub(crate) fn differences(before: &Value, after: &Value) -> Vec<AuditChange> {
    let (old, new) = (before.as_map(), after.as_map());
    let names = new.iter().chain(old).map(|(name, _)| name.as_str());
    let mut seen: Vec<&str> = Vec::new();
    let mut changes = Vec::new();
    for name in names {
        if INCIDENTAL.contains(&name) || seen.contains(&name) {
            continue;
        }
        seen.push(name);
        let was = before.member(name).cloned().unwrap_or_default();
        let is = after.member(name).cloned().unwrap_or_default();
        let nothing = is_empty(&was) && is_empty(&is);
        if was != is && !nothing {
            changes.push(AuditChange::new(name.to_owned(), short(was), short(is)));
        }
    }
    changes
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Text(text) => text.is_empty(),
        Value::List(list) => list.is_empty(),
        Value::Map(members) => members.is_empty(),
        _ => false,
    }
}

fn short(value: Value) -> Value {
    match value {
        Value::Text(text) if text.chars().count() > MOST_CHARS => {
            let mut cut: String = text.chars().take(MOST_CHARS).collect();
            cut.push('…');
            cut.into()
        }
        other => other,
    }
}

/// The changes of members and teams among the writes of a plan.
pub(crate) fn of_people(
    caller: &Caller,
    states: &[&dyn Snapshot],
    writes: &[Write],
) -> Vec<AuditEntry> {
    let mut entries = Vec::new();
    for write in writes {
        let (key, after) = match &write.what {
            WriteWhat::Put(doc) => (doc.key(), Some(&**doc)),
            WriteWhat::Delete(key) => (*key, None),
            WriteWhat::Project(_) => continue,
        };
        let kind = match key.collection {
            Collection::Members => "member",
            Collection::Teams => "team",
            _ => continue,
        };
        let Some(state) = states.iter().find(|s| s.project().id == write.project) else {
            continue;
        };
        let before = state.get(key);
        let what = match (&before, after) {
            (None, Some(_)) => "create",
            (Some(_), Some(_)) => "update",
            (_, None) => "delete",
        };
        let named = after.or(before.as_deref());
        let changed = Changed::new(format!("{kind}.{what}"), key.to_string())
            .within(state.project())
            .called(&named.map(name_of).unwrap_or_default())
            .between(&as_value(before.as_deref()), &as_value(after));
        if !changed.is_nothing() {
            entries.push(changed.by(caller));
        }
    }
    entries
}

fn as_value(doc: Option<&Doc>) -> Value {
    let members = doc.map(|doc| {
        let own = doc.members();
        own.map(|(member, value)| (member.name.to_owned(), value.clone()))
            .collect()
    });
    members.map_or(Value::Null, Value::Map)
}

fn name_of(doc: &Doc) -> String {
    if doc.key().collection == Collection::Teams {
        return doc.text("name").to_owned();
    }
    let mut name = doc.text("first_name").to_owned();
    let last = doc.text("last_name");
    if !last.is_empty() {
        let _ = write!(name, " {last}");
    }
    name
}

/// Reads a filter from query parameters; those of other names are left alone.
pub fn filter<'q>(pairs: impl Iterator<Item = (&'q str, &'q str)>) -> Result<AuditFilter, Fault> {
    let mut filter = AuditFilter::default();
    for (name, text) in pairs {
        let bad = |wanted: &str| Fault::field(name, "query", format!("must be {wanted}"));
        let instant = || {
            let at = time::parse(text).map(time::Time::as_millisecond);
            at.ok_or_else(|| bad("a time like 2026-03-02T11:40:00Z (RFC 3339)"))
        };
        match name {
            "webhook" => {
                let known = 1..=MAX_SAFE_INTEGER;
                let id = text.parse().ok().filter(|id| known.contains(id));
                filter.webhook = Some(WebhookId(id.ok_or_else(|| bad("the id of a webhook"))?));
            }
            "operation" => {
                let word = |c: char| c.is_ascii_lowercase() || c == '.' || c == '_';
                if text.is_empty() || text.len() > 60 || !text.chars().all(word) {
                    return Err(bad(
                        "an operation like webhook.update, or a kind like webhook",
                    ));
                }
                filter.operation = Some(text.to_owned());
            }
            "actor" => {
                let word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == ':';
                if text.is_empty() || text.len() > 60 || !text.chars().all(word) {
                    return Err(bad("an actor like account:3, token:5, or server"));
                }
                filter.actor = Some(text.to_owned());
            }
            "since" => filter.since_ms = Some(instant()?),
            "until" => filter.until_ms = Some(instant()?),
            _ => {}
        }
    }
    Ok(filter)
}

impl App {
    /// The audit log, newest first: of the server (`None`), which has everything, or of one project.
    pub async fn audit(
        &self,
        caller: &Caller,
        project: Option<&Project>,
        filter: AuditFilter,
        paging: Paging,
    ) -> Result<Listed, Fault> {
        may_look(caller, project)?;
        let filter = AuditFilter {
            project: project.map(|p| p.id),
            ..filter
        };
        let page = self.store.audit(&filter, paging.from, paging.limit).await;
        let page = page.map_err(refusal)?;
        Ok(Listed {
            data: page.data.iter().map(show).collect(),
            next: page.next,
        })
    }

    /// Who changed something lately, for a choice: of the server (`None`), or of one project.
    pub async fn audit_actors(
        &self,
        caller: &Caller,
        project: Option<&Project>,
    ) -> Result<Vec<Actor>, Fault> {
        may_look(caller, project)?;
        let actors = self.store.audit_actors(project.map(|p| p.id)).await;
        actors.map_err(refusal)
    }
}

fn may_look(caller: &Caller, project: Option<&Project>) -> Result<(), Fault> {
    match project {
        Some(_) => Access::Manage.check(caller),
        None => Access::Administrator.check(caller),
    }
}

fn show(row: &AuditRow) -> Value {
    let entry = &row.entry;
    let at = time::Time::from_millisecond(row.at_ms).map_or(Value::Null, time::value);
    let change = |c: &AuditChange| {
        object([
            ("field", c.field.clone().into_owned().into()),
            ("old", c.old.clone()),
            ("new", c.new.clone()),
            ("secret", c.secret.into()),
        ])
    };
    let changes: Vec<Value> = entry.changes.iter().map(change).collect();
    object([
        ("id", row.id.into()),
        ("at", at),
        ("operation", entry.operation.clone().into_owned().into()),
        (
            "actor",
            object([
                ("kind", entry.actor.kind.clone().into_owned().into()),
                ("id", entry.actor.id.into()),
                ("name", entry.actor.name.clone().into()),
                ("member", entry.actor.member.into()),
            ]),
        ),
        ("address", entry.address.clone().into()),
        ("project", entry.key.clone().into()),
        ("target", entry.target.clone().into()),
        ("name", entry.name.clone().into()),
        ("changes", changes.into()),
    ])
}

/// The reference of a member.
pub(crate) fn member_ref(id: i64) -> Value {
    ObjectRef::new(Collection::Members, id).to_string().into()
}

#[cfg(test)]
mod tests;
