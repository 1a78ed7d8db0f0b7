//! A way in for whoever has the file: a one-time link, written beside a server that runs, or without one.
//!
//! Nobody may be able to sign in any more, and who can read and write the database could do anything anyway. One row is added in one
//! short transaction, which the server's writer waits for as it would for a backup; nothing that the server remembers is touched.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, OptionalExtension, TransactionBehavior, params};
use tidings_storage::accounts::fold_login;
use tidings_storage::audit::{Actor, AuditChange, AuditEntry};

use crate::look::{is_database, judge};
use crate::migrate::{STEPS, newest};
use crate::open::OpenError;

/// How long the server's writer may be waited for.
const BUSY: Duration = Duration::from_secs(10);

/// Whom a link lets in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LetIn {
    /// The first administrator, who is made by it.
    First,
    /// An account.
    Account {
        /// What they type to sign in.
        login: String,
        /// For people.
        name: String,
    },
}

/// Why there is no link. One line each.
#[derive(Debug, thiserror::Error)]
pub enum WayInError {
    /// The file cannot be used.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The file was made by another version.
    #[error(
        "the database has schema version {0}, this tidings writes {1}; use the tidings that serves it, or start the server with this one once"
    )]
    Version(i64, i64),
    /// There is no such account.
    #[error("there is no active account {0:?}")]
    Nobody(String),
    /// There are accounts, but none of an administrator.
    #[error("no administrator may sign in; name an account")]
    NoAdministrator,
    /// Writing failed.
    #[error("the link could not be written: {0}")]
    Database(#[from] rusqlite::Error),
}

/// Writes a link with that hash for the account of that login (`None`: the first administrator's that is active, or, where there is
/// no account at all, whoever makes the first).
///
/// # Errors
/// Says in one line what is wrong and what to do.
pub fn let_in(
    path: &Path,
    login: Option<&str>,
    hash: &[u8; 32],
    (now_ms, expires_ms): (i64, i64),
) -> Result<LetIn, WayInError> {
    if !is_database(path)? {
        return Err(OpenError::Missing(path.to_owned()).into());
    }
    let version = newest(STEPS);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut conn = Connection::open_with_flags(path, flags)?;
    conn.busy_timeout(BUSY)?;
    judge(&conn, path, STEPS)?;
    let found: i64 = conn.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if found != version {
        return Err(WayInError::Version(found, version));
    }
    let transaction = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let account = |sql: &str, given: &str| {
        let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
        let found = transaction.query_row(sql, [given], read).optional();
        found.map(|found: Option<(i64, String, String)>| found)
    };
    let found = if let Some(login) = login {
        let sql = "SELECT id, login, name FROM accounts WHERE folded = ?1 AND active";
        let found = account(sql, &fold_login(login))?;
        Some(found.ok_or_else(|| WayInError::Nobody(login.to_owned()))?)
    } else {
        let sql = "SELECT id, login, name FROM accounts WHERE administrator AND active AND ?1 = '' ORDER BY id LIMIT 1";
        account(sql, "")?
    };
    if found.is_none()
        && transaction.query_row("SELECT count(*) FROM accounts", [], |row| {
            row.get::<_, i64>(0)
        })? > 0
    {
        return Err(WayInError::NoAdministrator);
    }
    let (id, purpose) = found
        .as_ref()
        .map_or((None, 0), |(id, _, _)| (Some(*id), 2));
    transaction.execute(
        "DELETE FROM one_time_links WHERE purpose = ?1 AND account IS ?2",
        params![purpose, id],
    )?;
    transaction.execute(
        "INSERT INTO one_time_links (hash, purpose, account, expires_ms) VALUES (?1, ?2, ?3, ?4)",
        params![hash, purpose, id, expires_ms],
    )?;
    if let Some((id, login, name)) = &found {
        let body = serde_json::to_string(&entry(*id, login, name)).unwrap_or_default();
        // Times of the log never run backwards.
        transaction.execute(
            "INSERT INTO audit (at_ms, project, webhook, operation, body)
             VALUES (max(?1, (SELECT coalesce(max(at_ms), 0) FROM audit)), NULL, NULL, 'account.invite', ?2)",
            params![now_ms, body],
        )?;
    }
    transaction.commit()?;
    Ok(
        found.map_or(LetIn::First, |(_, login, name)| LetIn::Account {
            login,
            name,
        }),
    )
}

fn entry(id: i64, login: &str, name: &str) -> AuditEntry {
    AuditEntry {
        project: None,
        webhook: None,
        operation: "account.invite".into(),
        actor: Actor {
            kind: "operator".into(),
            id: None,
            name: "at the server's machine".to_owned(),
            member: None,
        },
        address: None,
        key: None,
        target: format!("accounts/{id}"),
        name: format!("{name} ({login})"),
        changes: vec![AuditChange::new(
            "purpose",
            tidings_domain::Value::Null,
            "sign_in".into(),
        )],
    }
}
