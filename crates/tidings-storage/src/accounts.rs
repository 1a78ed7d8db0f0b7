//! People who sign in: accounts, the members they are in projects, sessions and one-time links.
//!
//! What changes an account is a [`Deed`](crate::Deed), so that it can be noted in the same transaction; what is asked for here is
//! read, or ends by itself. Of everything that lets somebody in only a hash is stored.

use std::fmt;

use async_trait::async_trait;
use tidings_domain::{AccountId, ProjectId, SessionId};

use crate::{Page, StoreError};

/// A person of the server.
#[derive(Clone, PartialEq, Eq)]
pub struct Account {
    /// Number.
    pub id: AccountId,
    /// What people type to sign in; unique whatever its case.
    pub login: String,
    /// For people.
    pub name: String,
    /// The password's hash (a PHC string); `None`: nobody can sign in with a password.
    pub password: Option<String>,
    /// Whether it may everything, everywhere.
    pub administrator: bool,
    /// Whether it may sign in.
    pub active: bool,
    /// RFC 3339.
    pub created_at: String,
    /// RFC 3339.
    pub last_sign_in: Option<String>,
    /// Goes up with each change.
    pub version: i64,
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account")
            .field("id", &self.id)
            .field("login", &self.login)
            .finish_non_exhaustive()
    }
}

/// A login as it is compared.
pub fn fold_login(login: &str) -> String {
    login.to_lowercase()
}

/// Which member of a project an account is: one at most, and no member is two accounts'.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Membership {
    /// Who.
    pub account: AccountId,
    /// Where.
    pub project: ProjectId,
    /// As whom.
    pub member: i64,
}

/// Sessions of one account at a time: the oldest ends when there would be more.
pub const MOST_SESSIONS: usize = 100;

/// Somebody who signed in with one browser.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredSession {
    /// Number.
    pub id: SessionId,
    /// Who.
    pub account: AccountId,
    /// SHA-256 of the secret in the cookie.
    pub hash: [u8; 32],
    /// When it began (milliseconds since 1970).
    pub created_ms: i64,
    /// When it was last used; written now and then.
    pub seen_ms: i64,
    /// From where it began.
    pub address: String,
    /// With what it began.
    pub agent: String,
}

/// A session that begins.
#[derive(Clone, Debug)]
pub struct NewSession {
    /// The session; the store gives the id.
    pub session: StoredSession,
    /// When it begins, for the account (RFC 3339).
    pub at: String,
    /// The session that the same browser had before: it ends.
    pub replaces: Option<[u8; 32]>,
    /// Sessions of anybody that began before the first or were last used before the second have ended: they are forgotten.
    pub ended: (i64, i64),
}

/// What a one-time link is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Makes the first administrator.
    First,
    /// Gives an account its password.
    Invite,
    /// Signs in.
    SignIn,
}

/// A link that works once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OneTimeLink {
    /// SHA-256 of its secret.
    pub hash: [u8; 32],
    /// For what.
    pub purpose: Purpose,
    /// Whose; `None` for [`Purpose::First`].
    pub account: Option<AccountId>,
    /// Until when (milliseconds since 1970).
    pub expires_ms: i64,
}

/// A link that is used: it is gone, and what it is good for is done, or neither.
#[derive(Clone, Debug)]
pub struct LinkUse {
    /// SHA-256 of its secret.
    pub hash: [u8; 32],
    /// When.
    pub now_ms: i64,
    /// The account that is made or changed by it; `None`: it stays as it is. Its other sessions end.
    pub account: Option<Account>,
    /// The session that begins; its account is the link's, or the one that is made.
    pub session: NewSession,
}

/// Which sessions of an account end with a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ends {
    /// None.
    Nothing,
    /// All.
    All,
    /// All but one.
    AllBut(SessionId),
}

/// Reading accounts, and what goes with them.
#[async_trait]
pub trait Accounts: Send + Sync + 'static {
    /// One account.
    async fn account(&self, id: AccountId) -> Result<Option<Account>, StoreError>;

    /// The account with that login, ignoring case.
    async fn account_by_login(&self, login: &str) -> Result<Option<Account>, StoreError>;

    /// Accounts by id, after `after`.
    async fn accounts(&self, after: i64, limit: usize) -> Result<Page<Account>, StoreError>;

    /// The member that an account is in a project.
    async fn membership(
        &self,
        account: AccountId,
        project: ProjectId,
    ) -> Result<Option<i64>, StoreError>;

    /// What an account is where, by project, after `after`.
    async fn memberships(
        &self,
        account: AccountId,
        after: i64,
        limit: usize,
    ) -> Result<Page<Membership>, StoreError>;

    /// The accounts of a project's members, by account, after `after`.
    async fn accounts_of(
        &self,
        project: ProjectId,
        after: i64,
        limit: usize,
    ) -> Result<Page<Membership>, StoreError>;

    /// The session with that hash and its account, if that is active.
    async fn session(
        &self,
        hash: &[u8; 32],
    ) -> Result<Option<(StoredSession, Account)>, StoreError>;

    /// The sessions of an account, by id, after `after`.
    async fn sessions(
        &self,
        account: AccountId,
        after: i64,
        limit: usize,
    ) -> Result<Page<StoredSession>, StoreError>;

    /// Notes that a session was used.
    async fn touch_session(&self, id: SessionId, seen_ms: i64) -> Result<(), StoreError>;

    /// Ends one session of an account.
    async fn end_session(&self, account: AccountId, id: SessionId) -> Result<(), StoreError>;

    /// Ends sessions of an account.
    async fn end_sessions(&self, account: AccountId, ends: Ends) -> Result<(), StoreError>;

    /// The link with that hash, if it can still be used at that time.
    async fn link(&self, hash: &[u8; 32], now_ms: i64) -> Result<Option<OneTimeLink>, StoreError>;
}
