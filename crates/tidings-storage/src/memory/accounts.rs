//! Accounts, sessions and links in memory.

use std::collections::BTreeMap;

use async_trait::async_trait;
use tidings_domain::{AccountId, ProjectId, SessionId};

use super::{MemoryStore, page};
use crate::accounts::{
    Account, Accounts, Ends, LinkUse, MOST_SESSIONS, Membership, NewSession, OneTimeLink, Purpose,
    StoredSession, fold_login,
};
use crate::{Done, Page, StoreError};

/// What is kept of people.
#[derive(Default)]
pub(super) struct People {
    last_account: i64,
    last_session: i64,
    accounts: BTreeMap<AccountId, Account>,
    memberships: BTreeMap<(AccountId, ProjectId), i64>,
    sessions: BTreeMap<SessionId, StoredSession>,
    links: Vec<OneTimeLink>,
}

impl People {
    pub(super) fn create(&mut self, mut account: Account) -> Result<Done, StoreError> {
        self.login_is_free(&account)?;
        self.last_account += 1;
        account.id = AccountId(self.last_account);
        self.accounts.insert(account.id, account.clone());
        Ok(Done::Account(Box::new(account)))
    }

    pub(super) fn update(&mut self, account: Account, ends: Ends) -> Result<Done, StoreError> {
        let stored = self.accounts.get(&account.id).ok_or(StoreError::NotFound)?;
        if stored.version != account.version - 1 {
            return Err(StoreError::Conflict("version"));
        }
        self.login_is_free(&account)?;
        if !(account.administrator && account.active) {
            self.not_the_last(account.id)?;
        }
        self.accounts.insert(account.id, account.clone());
        self.end(account.id, ends);
        Ok(Done::Account(Box::new(account)))
    }

    pub(super) fn delete(&mut self, id: AccountId) -> Result<Done, StoreError> {
        if !self.accounts.contains_key(&id) {
            return Err(StoreError::NotFound);
        }
        self.not_the_last(id)?;
        self.accounts.remove(&id);
        self.memberships.retain(|(account, _), _| *account != id);
        self.links.retain(|link| link.account != Some(id));
        self.end(id, Ends::All);
        Ok(Done::Nothing)
    }

    fn login_is_free(&self, account: &Account) -> Result<(), StoreError> {
        let login = fold_login(&account.login);
        let taken = |a: &Account| a.id != account.id && fold_login(&a.login) == login;
        if self.accounts.values().any(taken) {
            return Err(StoreError::Conflict("login"));
        }
        Ok(())
    }

    /// Somebody must be able to look after the server.
    fn not_the_last(&self, id: AccountId) -> Result<(), StoreError> {
        let rules = |a: &Account| a.administrator && a.active;
        let is_one = self.accounts.get(&id).is_some_and(rules);
        let others = self.accounts.values().any(|a| a.id != id && rules(a));
        if is_one && !others {
            return Err(StoreError::Conflict("administrator"));
        }
        Ok(())
    }

    fn end(&mut self, account: AccountId, ends: Ends) {
        self.sessions.retain(|id, session| {
            session.account != account
                || match ends {
                    Ends::Nothing => true,
                    Ends::All => false,
                    Ends::AllBut(kept) => *id == kept,
                }
        });
    }

    pub(super) fn put_membership(&mut self, new: Membership) -> Result<Done, StoreError> {
        if !self.accounts.contains_key(&new.account) {
            return Err(StoreError::NotFound);
        }
        let taken = self.memberships.iter().any(|((account, project), member)| {
            *project == new.project && *member == new.member && *account != new.account
        });
        if taken {
            return Err(StoreError::Conflict("member"));
        }
        self.memberships
            .insert((new.account, new.project), new.member);
        Ok(Done::Nothing)
    }

    pub(super) fn remove_membership(
        &mut self,
        account: AccountId,
        project: ProjectId,
    ) -> Result<Done, StoreError> {
        let was = self.memberships.remove(&(account, project));
        was.map(|_| Done::Nothing).ok_or(StoreError::NotFound)
    }

    pub(super) fn forget_project(&mut self, project: ProjectId) {
        self.memberships.retain(|(_, p), _| *p != project);
    }

    pub(super) fn forget_member(&mut self, project: ProjectId, member: i64) {
        self.memberships
            .retain(|(_, p), m| (*p, *m) != (project, member));
    }

    pub(super) fn create_link(
        &mut self,
        link: OneTimeLink,
        now_ms: i64,
    ) -> Result<Done, StoreError> {
        if let Some(account) = link.account
            && !self.accounts.contains_key(&account)
        {
            return Err(StoreError::NotFound);
        }
        let same = |l: &OneTimeLink| (l.purpose, l.account) == (link.purpose, link.account);
        self.links.retain(|l| l.expires_ms > now_ms && !same(l));
        self.links.push(link);
        Ok(Done::Nothing)
    }

    fn find_link(&self, hash: &[u8; 32], now_ms: i64) -> Option<&OneTimeLink> {
        let good = |l: &&OneTimeLink| {
            l.hash == *hash
                && l.expires_ms > now_ms
                && (l.purpose != Purpose::First || self.accounts.is_empty())
        };
        self.links.iter().find(good)
    }

    pub(super) fn use_link(&mut self, used: LinkUse) -> Result<Done, StoreError> {
        let link = self.find_link(&used.hash, used.now_ms);
        let link = link.cloned().ok_or(StoreError::NotFound)?;
        let done = match used.account {
            Some(account) if !account.active => return Err(StoreError::NotFound),
            None => None,
            Some(account) if account.id.0 == 0 => Some(self.create(account)?),
            Some(account) => Some(self.update(account, Ends::All)?),
        };
        let made = match done {
            Some(Done::Account(account)) => Some(account.id),
            _ => None,
        };
        let account = link.account.or(made).ok_or(StoreError::NotFound)?;
        let mut session = used.session;
        session.session.account = account;
        let done = self.open_session(session)?;
        self.links.retain(|l| l.hash != used.hash);
        Ok(done)
    }

    pub(super) fn open_session(&mut self, new: NewSession) -> Result<Done, StoreError> {
        let mut session = new.session;
        let account = self.accounts.get_mut(&session.account);
        let account = account.filter(|a| a.active).ok_or(StoreError::NotFound)?;
        account.last_sign_in = Some(new.at);
        let (began, seen) = new.ended;
        self.sessions.retain(|_, s| {
            s.created_ms >= began && s.seen_ms >= seen && Some(s.hash) != new.replaces
        });
        let own = self
            .sessions
            .values()
            .filter(|s| s.account == session.account);
        let own: Vec<SessionId> = own.map(|s| s.id).collect();
        for oldest in own.iter().rev().skip(MOST_SESSIONS - 1) {
            self.sessions.remove(oldest);
        }
        self.last_session += 1;
        session.id = SessionId(self.last_session);
        self.sessions.insert(session.id, session.clone());
        Ok(Done::Session(Box::new((session, account.clone()))))
    }
}

#[async_trait]
impl Accounts for MemoryStore {
    async fn account(&self, id: AccountId) -> Result<Option<Account>, StoreError> {
        Ok(self.reading()?.people.accounts.get(&id).cloned())
    }

    async fn account_by_login(&self, login: &str) -> Result<Option<Account>, StoreError> {
        let login = fold_login(login);
        let disk = self.reading()?;
        let mut accounts = disk.people.accounts.values();
        Ok(accounts.find(|a| fold_login(&a.login) == login).cloned())
    }

    async fn accounts(&self, after: i64, limit: usize) -> Result<Page<Account>, StoreError> {
        let disk = self.reading()?;
        let rows = disk
            .people
            .accounts
            .range(AccountId(after.saturating_add(1))..);
        Ok(page(rows.map(|(_, a)| a.clone()), limit, |a| a.id.0))
    }

    async fn membership(
        &self,
        account: AccountId,
        project: ProjectId,
    ) -> Result<Option<i64>, StoreError> {
        let disk = self.reading()?;
        Ok(disk.people.memberships.get(&(account, project)).copied())
    }

    async fn memberships(
        &self,
        account: AccountId,
        after: i64,
        limit: usize,
    ) -> Result<Page<Membership>, StoreError> {
        let disk = self.reading()?;
        let rows = disk.people.memberships.iter().map(membership);
        let rows = rows.filter(|m| m.account == account && m.project.0 > after);
        Ok(page(rows, limit, |m| m.project.0))
    }

    async fn accounts_of(
        &self,
        project: ProjectId,
        after: i64,
        limit: usize,
    ) -> Result<Page<Membership>, StoreError> {
        let disk = self.reading()?;
        let rows = disk.people.memberships.iter().map(membership);
        let rows = rows.filter(|m| m.project == project && m.account.0 > after);
        Ok(page(rows, limit, |m| m.account.0))
    }

    async fn session(
        &self,
        hash: &[u8; 32],
    ) -> Result<Option<(StoredSession, Account)>, StoreError> {
        let disk = self.reading()?;
        let people = &disk.people;
        let found = people.sessions.values().find(|s| s.hash == *hash);
        Ok(found.and_then(|session| {
            let account = people.accounts.get(&session.account)?;
            account.active.then(|| (session.clone(), account.clone()))
        }))
    }

    async fn sessions(
        &self,
        account: AccountId,
        after: i64,
        limit: usize,
    ) -> Result<Page<StoredSession>, StoreError> {
        let disk = self.reading()?;
        let sessions = disk.people.sessions.values();
        let rows = sessions.filter(|s| s.account == account && s.id.0 > after);
        Ok(page(rows.cloned(), limit, |s| s.id.0))
    }

    async fn touch_session(&self, id: SessionId, seen_ms: i64) -> Result<(), StoreError> {
        if let Some(session) = self.writing()?.people.sessions.get_mut(&id) {
            session.seen_ms = session.seen_ms.max(seen_ms);
        }
        Ok(())
    }

    async fn end_session(&self, account: AccountId, id: SessionId) -> Result<(), StoreError> {
        let mut disk = self.writing()?;
        match disk.people.sessions.get(&id) {
            Some(session) if session.account == account => {
                disk.people.sessions.remove(&id);
                Ok(())
            }
            _ => Err(StoreError::NotFound),
        }
    }

    async fn end_sessions(&self, account: AccountId, ends: Ends) -> Result<(), StoreError> {
        self.writing()?.people.end(account, ends);
        Ok(())
    }

    async fn link(&self, hash: &[u8; 32], now_ms: i64) -> Result<Option<OneTimeLink>, StoreError> {
        Ok(self.reading()?.people.find_link(hash, now_ms).cloned())
    }
}

fn membership(((account, project), member): (&(AccountId, ProjectId), &i64)) -> Membership {
    Membership {
        account: *account,
        project: *project,
        member: *member,
    }
}
