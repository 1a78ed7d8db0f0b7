//! People who are signed in already. How one signs in is tested in the journeys; here their accounts and sessions are put into the
//! database, as the store would, which spares the work that makes passwords hard to guess.

use std::path::Path;
use std::time::{Duration, SystemTime};

use rusqlite::{Connection, params};
use serde_json::json;
use sha2::{Digest, Sha256};
use tidings_testkit::browser::Browser;

use super::world::Server;

/// Somebody's session.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    secret: String,
}

/// As whom they act.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Who<'a> {
    /// May everything, everywhere.
    Administrator,
    /// Is this member of that project, and nobody elsewhere.
    Member(&'a str, i64),
}

impl Person {
    /// Somebody new, in the database in `folder`, on which a server may be running.
    pub(crate) fn new(folder: &Path, name: &str, who: Who<'_>) -> Self {
        let database = Connection::open(folder.join("tidings.db")).unwrap();
        database.busy_timeout(Duration::from_secs(10)).unwrap();
        let login = name.to_lowercase().replace(' ', ".");
        let administrator = matches!(who, Who::Administrator);
        database
            .execute(
                "INSERT INTO accounts (login, folded, name, administrator, active, created_at, version)
                 VALUES (?1, ?1, ?2, ?3, 1, '2026-03-02T08:00:00Z', 1)",
                params![login, name, administrator],
            )
            .unwrap();
        let account = database.last_insert_rowid();
        if let Who::Member(key, member) = who {
            let sql = "INSERT INTO memberships (account, project, member) SELECT ?1, id, ?2 FROM projects WHERE key = ?3";
            let linked = database
                .execute(sql, params![account, member, key])
                .unwrap();
            assert_eq!(linked, 1, "a project {key}");
        }
        let secret = format!("session-of-{login}-{account}");
        let hash: [u8; 32] = Sha256::digest(secret.as_bytes()).into();
        let now = now_ms();
        database
            .execute(
                "INSERT INTO sessions (account, hash, created_ms, seen_ms, address, agent) VALUES (?1, ?2, ?3, ?3, '127.0.0.1', 'a test')",
                params![account, hash, now],
            )
            .unwrap();
        Self { secret }
    }

    /// What their browser sends.
    pub(crate) fn cookie(&self) -> String {
        format!("tidings={}", self.secret)
    }

    /// From now on that browser is theirs.
    pub(crate) async fn sit_down(&self, browser: &Browser, server: &Server) {
        // A cookie can be given only on a page of the server.
        browser.go(&format!("{}/sign-in", server.url())).await;
        browser.forget_cookies().await;
        let cookie = json!({"name": "tidings", "value": self.secret, "path": "/", "httpOnly": true, "sameSite": "Lax"});
        browser.add_cookie(&cookie).await;
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the session of a test begins now"
)]
fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    i64::try_from(since.unwrap().as_millis()).unwrap()
}
