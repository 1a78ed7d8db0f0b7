//! Answers that are kept, so that a request that is sent again is answered again and not carried out again.
//!
//! An answer lies in the transaction of what it answers: either both are there after a crash, or neither. Writes of objects bring
//! theirs in [`Plan::memos`](crate::Plan::memos); the small writes of people, which are no plans, go through
//! [`Store::keep`](crate::Store::keep).

use std::sync::Arc;

use tidings_domain::webhook::{Health, Webhook};
use tidings_domain::{AccountId, DeliveryId, Project, ProjectId, TokenId, WebhookId};

use crate::accounts::{Account, Ends, LinkUse, Membership, NewSession, OneTimeLink, StoredSession};
use crate::audit::AuditEntry;
use crate::{Begun, NewSweep, Queued, Token};

/// How long an answer is kept.
pub const MEMO_KEPT_MS: i64 = 24 * 60 * 60 * 1000;

/// Whether an answer that was kept at `made_ms` is forgotten at `now_ms`.
pub fn memo_is_old(made_ms: i64, now_ms: i64) -> bool {
    now_ms.saturating_sub(made_ms) >= MEMO_KEPT_MS
}

/// The beginning of the scopes whose answers go with a project when it is deleted.
pub fn memos_of(project: ProjectId) -> String {
    format!("project {project}/")
}

/// An answer to keep for [`MEMO_KEPT_MS`]; it replaces what was kept under its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Memo {
    /// Whose keys these are: a token, and where it used them.
    pub scope: String,
    /// The key.
    pub key: String,
    /// The answer, without secrets.
    pub answer: String,
}

/// A small write, named and promised as the method of [`Store`](crate::Store) that does the same without an answer, where there is
/// one.
#[derive(Clone, Debug)]
pub enum Deed {
    /// Only the answer is kept.
    Nothing,
    /// `create_project`.
    CreateProject(Box<Project>),
    /// `delete_project`.
    DeleteProject(ProjectId),
    /// `create_webhook`.
    CreateWebhook(Box<Webhook>, Box<Health>),
    /// `update_webhook`.
    UpdateWebhook(Box<Webhook>),
    /// `delete_webhook`.
    DeleteWebhook(ProjectId, WebhookId),
    /// `create_token`.
    CreateToken(Box<Token>),
    /// `delete_token`.
    DeleteToken(Option<ProjectId>, TokenId),
    /// `put_document`.
    PutDocument(&'static str, String),
    /// Creates an account; the store gives the id. `Conflict("login")`.
    CreateAccount(Box<Account>),
    /// Replaces an account whose stored `version` is `version - 1`, else `Conflict("version")`; some of its sessions end.
    /// `Conflict("login")`; `Conflict("administrator")` when no active administrator would be left.
    UpdateAccount(Box<Account>, Ends),
    /// Deletes an account with its sessions, links and memberships. `Conflict("administrator")` as above.
    DeleteAccount(AccountId),
    /// Makes an account a member of a project, in place of the one it was there. `Conflict("member")` when another account is.
    PutMembership(Membership),
    /// Makes an account none of a project's members.
    RemoveMembership(AccountId, ProjectId),
    /// Makes a link, in place of others of the same purpose and account; forgets those that expired before the time.
    CreateLink(OneTimeLink, i64),
    /// Uses a link. `NotFound` when it does not exist, was used, or expired; [`Purpose::First`](crate::accounts::Purpose) also
    /// when there is an account already.
    UseLink(Box<LinkUse>),
    /// Begins a session of an active account.
    OpenSession(Box<NewSession>),
    /// `resend`.
    Resend(ProjectId, DeliveryId),
    /// `begin_sweep`.
    BeginSweep(ProjectId, NewSweep, Option<Box<Health>>),
}

/// What came of a [`Deed`].
#[derive(Clone, Debug)]
pub enum Done {
    /// Nothing to tell.
    Nothing,
    /// The project as it was created.
    Project(Box<Project>),
    /// The webhook as it is stored.
    Webhook(Arc<Webhook>),
    /// The token, with its id.
    Token(Box<Token>),
    /// The account as it is stored.
    Account(Box<Account>),
    /// The session, with its id, and its account.
    Session(Box<(StoredSession, Account)>),
    /// The delivery in its queue.
    Queued(Box<Queued>),
    /// The sweep that began.
    Begun(Box<Begun>),
}

/// What is written with a deed.
#[derive(Clone, Debug, Default)]
pub struct Notes {
    /// The answer to keep.
    pub memo: Option<Memo>,
    /// What is to be known of who did it.
    pub audit: Option<AuditEntry>,
}

impl From<Memo> for Notes {
    fn from(memo: Memo) -> Self {
        Self {
            memo: Some(memo),
            audit: None,
        }
    }
}

/// Makes what is written with a deed, in its transaction.
pub type MakeNotes = Box<dyn FnOnce(&Done) -> Notes + Send>;
