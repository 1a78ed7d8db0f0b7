//! Who changed what: webhooks, members, tokens, accounts, settings, projects.
//!
//! An entry lies in the transaction of its change, wherever the change is one transaction. It holds what was before and what is now,
//! and of a secret only that it changed.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use tidings_domain::{ProjectId, Value, WebhookId};

/// What somebody did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// In this project; `None`: in the server.
    #[serde(skip)]
    pub project: Option<ProjectId>,
    /// To this webhook, if to one.
    #[serde(skip)]
    pub webhook: Option<WebhookId>,
    /// `webhook.create`, `member.update`, ...
    #[serde(skip)]
    pub operation: Cow<'static, str>,
    /// Who.
    pub actor: Actor,
    /// From which address; of the server itself none.
    pub address: Option<String>,
    /// Key of the project.
    pub key: Option<String>,
    /// What was changed: `webhooks/7`, `members/5`, `settings`.
    pub target: String,
    /// What people call that.
    pub name: String,
    /// How it differs.
    pub changes: Vec<AuditChange>,
}

/// Who did it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// `account`, `token`, `app`, `administrator` (the token of the configuration), `operator` (at the server's machine), `server`.
    pub kind: Cow<'static, str>,
    /// Number of the account or token.
    pub id: Option<i64>,
    /// Its name then.
    pub name: String,
    /// The member they were.
    pub member: Option<i64>,
}

impl Actor {
    /// How filters name it: `account:3`, `token:5`, `server`.
    pub fn handle(&self) -> String {
        match self.id {
            Some(id) => format!("{}:{id}", self.kind),
            None => self.kind.clone().into_owned(),
        }
    }

    /// The server itself.
    pub fn server() -> Self {
        Self {
            kind: "server".into(),
            id: None,
            name: "the server".to_owned(),
            member: None,
        }
    }
}

/// A member that differs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AuditChange {
    /// Its name.
    pub field: Cow<'static, str>,
    /// As it was; null: it was not there, or is secret.
    pub old: Value,
    /// As it is; null: it is not there, or is secret.
    pub new: Value,
    /// Whether it is secret: then only that it changed is known.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub secret: bool,
}

impl AuditChange {
    /// A member that differs.
    pub fn new(field: impl Into<Cow<'static, str>>, old: Value, new: Value) -> Self {
        Self {
            field: field.into(),
            old,
            new,
            secret: false,
        }
    }

    /// A secret that changed.
    pub fn secret(field: &'static str) -> Self {
        Self {
            secret: true,
            ..Self::new(field, Value::Null, Value::Null)
        }
    }
}

/// An entry in the log.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditRow {
    /// Number, ascending.
    pub id: i64,
    /// When (milliseconds since 1970).
    pub at_ms: i64,
    /// The entry.
    pub entry: AuditEntry,
}

/// Entries, the newest ones, among whose actors a list of them looks.
pub const ACTORS_AMONG: usize = 2000;

/// Which entries to list, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// In this project.
    pub project: Option<ProjectId>,
    /// To this webhook.
    pub webhook: Option<WebhookId>,
    /// This operation, or those of a kind: `webhook` is every `webhook.…`.
    pub operation: Option<String>,
    /// By this actor: see [`Actor::handle`].
    pub actor: Option<String>,
    /// At or after (milliseconds since 1970).
    pub since_ms: Option<i64>,
    /// Before.
    pub until_ms: Option<i64>,
}

impl AuditFilter {
    /// Whether an operation is among those that are wanted.
    pub fn names(&self, operation: &str) -> bool {
        self.operation.as_ref().is_none_or(|wanted| {
            let kind = operation.split('.').next();
            operation == wanted || kind == Some(wanted)
        })
    }

    /// Whether an entry is to be listed.
    pub fn admits(&self, row: &AuditRow) -> bool {
        let entry = &row.entry;
        self.project.is_none_or(|p| entry.project == Some(p))
            && self.webhook.is_none_or(|w| entry.webhook == Some(w))
            && self.names(&entry.operation)
            && self
                .actor
                .as_ref()
                .is_none_or(|a| entry.actor.handle() == *a)
            && self.since_ms.is_none_or(|since| row.at_ms >= since)
            && self.until_ms.is_none_or(|until| row.at_ms < until)
    }
}
