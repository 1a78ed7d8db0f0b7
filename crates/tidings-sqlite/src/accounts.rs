//! Accounts, what they are in projects, sessions and one-time links.

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, Params, Row, params};
use tidings_domain::{AccountId, ProjectId, SessionId};
use tidings_storage::accounts::{
    Account, Accounts, Ends, LinkUse, MOST_SESSIONS, Membership, NewSession, OneTimeLink, Purpose,
    StoredSession, fold_login,
};
use tidings_storage::{Done, Page, StoreError};

use crate::SqliteStore;
use crate::codes::{Result, limit, sick};
use crate::objects::page;
use crate::writer::Writer;

const ACCOUNT: &str = "a.id, a.login, a.name, a.password, a.administrator, a.active, a.created_at, a.last_sign_in, a.version";
const SESSION: &str = "s.id, s.account, s.hash, s.created_ms, s.seen_ms, s.address, s.agent";
/// Columns of [`SESSION`].
const SESSION_COLUMNS: usize = 7;

fn account(row: &Row<'_>, first: usize) -> rusqlite::Result<Account> {
    Ok(Account {
        id: AccountId(row.get(first)?),
        login: row.get(first + 1)?,
        name: row.get(first + 2)?,
        password: row.get(first + 3)?,
        administrator: row.get(first + 4)?,
        active: row.get(first + 5)?,
        created_at: row.get(first + 6)?,
        last_sign_in: row.get(first + 7)?,
        version: row.get(first + 8)?,
    })
}

fn session(row: &Row<'_>) -> rusqlite::Result<StoredSession> {
    Ok(StoredSession {
        id: SessionId(row.get(0)?),
        account: AccountId(row.get(1)?),
        hash: row.get(2)?,
        created_ms: row.get(3)?,
        seen_ms: row.get(4)?,
        address: row.get(5)?,
        agent: row.get(6)?,
    })
}

fn membership(row: &Row<'_>) -> rusqlite::Result<Membership> {
    Ok(Membership {
        account: AccountId(row.get(0)?),
        project: ProjectId(row.get(1)?),
        member: row.get(2)?,
    })
}

fn purpose_code(purpose: Purpose) -> i64 {
    match purpose {
        Purpose::First => 0,
        Purpose::Invite => 1,
        Purpose::SignIn => 2,
    }
}

fn link(row: &Row<'_>) -> rusqlite::Result<OneTimeLink> {
    Ok(OneTimeLink {
        hash: row.get(0)?,
        purpose: match row.get::<_, i64>(1)? {
            0 => Purpose::First,
            1 => Purpose::Invite,
            2 => Purpose::SignIn,
            other => return Err(rusqlite::Error::IntegralValueOutOfRange(1, other)),
        },
        account: row.get::<_, Option<i64>>(2)?.map(AccountId),
        expires_ms: row.get(3)?,
    })
}

fn one<T>(
    conn: &Connection,
    sql: &str,
    given: impl Params,
    read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
) -> Result<Option<T>> {
    conn.prepare_cached(sql)
        .and_then(|mut s| s.query_row(given, read).optional())
        .map_err(sick)
}

fn many<T>(
    conn: &Connection,
    sql: &str,
    given: impl Params,
    read: impl Fn(&Row<'_>) -> rusqlite::Result<T>,
) -> Result<Vec<T>> {
    conn.prepare_cached(sql)
        .and_then(|mut s| s.query_map(given, |row| read(row))?.collect())
        .map_err(sick)
}

fn find_account(conn: &Connection, id: AccountId) -> Result<Option<Account>> {
    let sql = format!("SELECT {ACCOUNT} FROM accounts a WHERE a.id = ?1");
    one(conn, &sql, [id.0], |row| account(row, 0))
}

fn find_link(conn: &Connection, hash: &[u8; 32], now_ms: i64) -> Result<Option<OneTimeLink>> {
    one(
        conn,
        "SELECT hash, purpose, account, expires_ms FROM one_time_links
         WHERE hash = ?1 AND expires_ms > ?2 AND (purpose <> 0 OR NOT EXISTS (SELECT 1 FROM accounts))",
        params![&hash[..], now_ms],
        link,
    )
}

fn login_is_free(conn: &Connection, account: &Account) -> Result<()> {
    let taken = one(
        conn,
        "SELECT 1 FROM accounts WHERE folded = ?1 AND id <> ?2",
        params![fold_login(&account.login), account.id.0],
        |_| Ok(()),
    )?;
    taken.map_or(Ok(()), |()| Err(StoreError::Conflict("login")))
}

/// Somebody must be able to look after the server.
fn not_the_last(conn: &Connection, id: AccountId) -> Result<()> {
    let last = one(
        conn,
        "SELECT 1 FROM accounts WHERE id = ?1 AND administrator AND active
         AND NOT EXISTS (SELECT 1 FROM accounts WHERE id <> ?1 AND administrator AND active)",
        [id.0],
        |_| Ok(()),
    )?;
    last.map_or(Ok(()), |()| Err(StoreError::Conflict("administrator")))
}

impl Writer<'_> {
    pub(crate) fn create_account(&mut self, mut account: Account) -> Result<Account> {
        login_is_free(self.conn, &account)?;
        self.run(
            "INSERT INTO accounts (login, folded, name, password, administrator, active, created_at, last_sign_in, version)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            params![
                account.login,
                fold_login(&account.login),
                account.name,
                account.password,
                account.administrator,
                account.active,
                account.created_at,
                account.last_sign_in,
                account.version
            ],
        )?;
        account.id = AccountId(self.conn.last_insert_rowid());
        Ok(account)
    }

    pub(crate) fn update_account(&mut self, account: &Account, ends: Ends) -> Result<()> {
        let stored = find_account(self.conn, account.id)?.ok_or(StoreError::NotFound)?;
        if stored.version != account.version - 1 {
            return Err(StoreError::Conflict("version"));
        }
        login_is_free(self.conn, account)?;
        if !(account.administrator && account.active) {
            not_the_last(self.conn, account.id)?;
        }
        self.run(
            "UPDATE accounts SET login = ?2, folded = ?3, name = ?4, password = ?5, administrator = ?6, active = ?7, version = ?8
             WHERE id = ?1",
            params![
                account.id.0,
                account.login,
                fold_login(&account.login),
                account.name,
                account.password,
                account.administrator,
                account.active,
                account.version
            ],
        )?;
        self.end_sessions(account.id, ends)
    }

    pub(crate) fn delete_account(&mut self, id: AccountId) -> Result<()> {
        not_the_last(self.conn, id)?;
        if self.run("DELETE FROM accounts WHERE id = ?1", [id.0])? == 0 {
            return Err(StoreError::NotFound);
        }
        self.run("DELETE FROM memberships WHERE account = ?1", [id.0])?;
        self.run("DELETE FROM one_time_links WHERE account = ?1", [id.0])?;
        self.end_sessions(id, Ends::All)
    }

    pub(crate) fn end_sessions(&mut self, account: AccountId, ends: Ends) -> Result<()> {
        let kept = match ends {
            Ends::Nothing => return Ok(()),
            Ends::All => 0,
            Ends::AllBut(kept) => kept.0,
        };
        self.run(
            "DELETE FROM sessions WHERE account = ?1 AND id <> ?2",
            [account.0, kept],
        )
        .map(drop)
    }

    pub(crate) fn put_membership(&mut self, new: Membership) -> Result<()> {
        self.live_project(new.project)?;
        find_account(self.conn, new.account)?.ok_or(StoreError::NotFound)?;
        let taken = one(
            self.conn,
            "SELECT 1 FROM memberships WHERE project = ?1 AND member = ?2 AND account <> ?3",
            [new.project.0, new.member, new.account.0],
            |_| Ok(()),
        )?;
        if taken.is_some() {
            return Err(StoreError::Conflict("member"));
        }
        self.run(
            "INSERT OR REPLACE INTO memberships (account, project, member) VALUES (?1, ?2, ?3)",
            [new.account.0, new.project.0, new.member],
        )
        .map(drop)
    }

    pub(crate) fn remove_membership(
        &mut self,
        account: AccountId,
        project: ProjectId,
    ) -> Result<()> {
        let removed = self.run(
            "DELETE FROM memberships WHERE account = ?1 AND project = ?2",
            [account.0, project.0],
        )?;
        if removed == 0 {
            return Err(StoreError::NotFound);
        }
        Ok(())
    }

    pub(crate) fn create_link(&mut self, link: &OneTimeLink, now_ms: i64) -> Result<()> {
        if let Some(account) = link.account {
            find_account(self.conn, account)?.ok_or(StoreError::NotFound)?;
        }
        let account = link.account.map(|a| a.0);
        let purpose = purpose_code(link.purpose);
        self.run(
            "DELETE FROM one_time_links WHERE expires_ms <= ?1 OR (purpose = ?2 AND account IS ?3)",
            params![now_ms, purpose, account],
        )?;
        self.run(
            "INSERT INTO one_time_links (hash, purpose, account, expires_ms) VALUES (?1, ?2, ?3, ?4)",
            params![link.hash, purpose, account, link.expires_ms],
        )
        .map(drop)
    }

    pub(crate) fn use_link(&mut self, used: LinkUse) -> Result<(StoredSession, Account)> {
        let link = find_link(self.conn, &used.hash, used.now_ms)?.ok_or(StoreError::NotFound)?;
        let made = match used.account {
            None => None,
            Some(account) if account.id.0 == 0 => Some(self.create_account(account)?.id),
            Some(account) => {
                self.update_account(&account, Ends::All)?;
                Some(account.id)
            }
        };
        let mut session = used.session;
        session.session.account = link.account.or(made).ok_or(StoreError::NotFound)?;
        self.run(
            "DELETE FROM one_time_links WHERE hash = ?1",
            [&used.hash[..]],
        )?;
        self.open_session(session)
    }

    pub(crate) fn open_session(&mut self, new: NewSession) -> Result<(StoredSession, Account)> {
        let mut session = new.session;
        let marked = self.run(
            "UPDATE accounts SET last_sign_in = ?2 WHERE id = ?1 AND active",
            params![session.account.0, new.at],
        )?;
        if marked == 0 {
            return Err(StoreError::NotFound);
        }
        let (began, seen) = new.ended;
        self.run(
            "DELETE FROM sessions WHERE created_ms < ?1 OR seen_ms < ?2 OR hash IS ?3
             OR id IN (SELECT id FROM sessions WHERE account = ?4 ORDER BY id DESC LIMIT -1 OFFSET ?5)",
            params![
                began,
                seen,
                new.replaces.as_ref().map(|hash| &hash[..]),
                session.account.0,
                limit(MOST_SESSIONS - 1)
            ],
        )?;
        self.run(
            "INSERT INTO sessions (account, hash, created_ms, seen_ms, address, agent) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![
                session.account.0,
                session.hash,
                session.created_ms,
                session.seen_ms,
                session.address,
                session.agent
            ],
        )?;
        session.id = SessionId(self.conn.last_insert_rowid());
        let account = find_account(self.conn, session.account)?.ok_or(StoreError::NotFound)?;
        Ok((session, account))
    }
}

/// What came of opening a session.
pub(crate) fn opened(found: (StoredSession, Account)) -> Done {
    Done::Session(Box::new(found))
}

#[async_trait]
impl Accounts for SqliteStore {
    async fn account(&self, id: AccountId) -> Result<Option<Account>> {
        self.look(|conn, _| find_account(conn, id))
    }

    async fn account_by_login(&self, login: &str) -> Result<Option<Account>> {
        let sql = format!("SELECT {ACCOUNT} FROM accounts a WHERE a.folded = ?1");
        let folded = fold_login(login);
        self.look(|conn, _| one(conn, &sql, [&folded], |row| account(row, 0)))
    }

    async fn accounts(&self, after: i64, rows: usize) -> Result<Page<Account>> {
        self.query(move |conn, _| {
            let sql =
                format!("SELECT {ACCOUNT} FROM accounts a WHERE a.id > ?1 ORDER BY a.id LIMIT ?2");
            let found = many(conn, &sql, [after, limit(rows + 1)], |row| account(row, 0))?;
            Ok(page(found, rows, |a| a.id.0))
        })
        .await
    }

    async fn membership(&self, account: AccountId, project: ProjectId) -> Result<Option<i64>> {
        self.look(|conn, _| {
            one(
                conn,
                "SELECT member FROM memberships WHERE account = ?1 AND project = ?2",
                [account.0, project.0],
                |row| row.get(0),
            )
        })
    }

    async fn memberships(
        &self,
        account: AccountId,
        after: i64,
        rows: usize,
    ) -> Result<Page<Membership>> {
        self.query(move |conn, _| {
            let found = many(
                conn,
                "SELECT account, project, member FROM memberships WHERE account = ?1 AND project > ?2 ORDER BY project LIMIT ?3",
                [account.0, after, limit(rows + 1)],
                membership,
            )?;
            Ok(page(found, rows, |m| m.project.0))
        })
        .await
    }

    async fn accounts_of(
        &self,
        project: ProjectId,
        after: i64,
        rows: usize,
    ) -> Result<Page<Membership>> {
        self.query(move |conn, _| {
            let found = many(
                conn,
                "SELECT account, project, member FROM memberships WHERE project = ?1 AND account > ?2 ORDER BY account LIMIT ?3",
                [project.0, after, limit(rows + 1)],
                membership,
            )?;
            Ok(page(found, rows, |m| m.account.0))
        })
        .await
    }

    async fn session(&self, hash: &[u8; 32]) -> Result<Option<(StoredSession, Account)>> {
        let sql = format!(
            "SELECT {SESSION}, {ACCOUNT} FROM sessions s JOIN accounts a ON a.id = s.account WHERE s.hash = ?1 AND a.active"
        );
        self.look(|conn, _| {
            one(conn, &sql, [&hash[..]], |row| {
                Ok((session(row)?, account(row, SESSION_COLUMNS)?))
            })
        })
    }

    async fn sessions(
        &self,
        account: AccountId,
        after: i64,
        rows: usize,
    ) -> Result<Page<StoredSession>> {
        self.query(move |conn, _| {
            let sql = format!(
                "SELECT {SESSION} FROM sessions s WHERE s.account = ?1 AND s.id > ?2 ORDER BY s.id LIMIT ?3"
            );
            let found = many(conn, &sql, [account.0, after, limit(rows + 1)], session)?;
            Ok(page(found, rows, |s| s.id.0))
        })
        .await
    }

    async fn touch_session(&self, id: SessionId, seen_ms: i64) -> Result<()> {
        self.write(move |w| {
            w.run(
                "UPDATE sessions SET seen_ms = max(seen_ms, ?2) WHERE id = ?1",
                [id.0, seen_ms],
            )
            .map(drop)
        })
        .await
    }

    async fn end_session(&self, account: AccountId, id: SessionId) -> Result<()> {
        self.write(move |w| {
            let ended = w.run(
                "DELETE FROM sessions WHERE account = ?1 AND id = ?2",
                [account.0, id.0],
            )?;
            if ended == 0 {
                return Err(StoreError::NotFound);
            }
            Ok(())
        })
        .await
    }

    async fn end_sessions(&self, account: AccountId, ends: Ends) -> Result<()> {
        self.write(move |w| w.end_sessions(account, ends)).await
    }

    async fn link(&self, hash: &[u8; 32], now_ms: i64) -> Result<Option<OneTimeLink>> {
        self.look(|conn, _| find_link(conn, hash, now_ms))
    }
}
