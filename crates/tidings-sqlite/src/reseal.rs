//! Seals everything secret anew, for another key.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior, params};
use tidings_domain::WebhookId;
use tidings_domain::webhook::{Sealed, Secrets};
use tidings_storage::KEY_DOCUMENT;

use crate::look::Seen;
use crate::migrate::STEPS;
use crate::open::{OpenError, open_any};

/// What a sealed value is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SealedAs {
    /// A signing secret.
    Secret,
    /// The value of an additional header.
    Header,
}

/// Why nothing was sealed anew. One line each; everything is as it was.
#[derive(Debug, thiserror::Error)]
pub enum ResealError {
    /// The database cannot be opened, or is in use.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// A value does not open.
    #[error("webhook {webhook}: {why}; give it its secret and headers again, then repeat this")]
    Value {
        /// Whose.
        webhook: WebhookId,
        /// Why.
        why: String,
    },
}

/// Puts what `seal` makes of it in the place of every sealed value, and notes the key that it is sealed with from now on: all in one
/// transaction, so that a kill at any moment leaves everything under the one key or everything under the other. What was there before
/// is overwritten in the file. The number of values.
///
/// # Errors
/// Nothing was changed: the file is in use or no database of ours, or `seal` refused a value.
pub fn reseal(
    path: &Path,
    key_id: &str,
    mut seal: impl FnMut(WebhookId, SealedAs, &Sealed) -> Result<Sealed, String>,
) -> Result<u64, ResealError> {
    let mut opened = open_any(path, STEPS, refuse_none, || ())?;
    let database = |source| OpenError::database(path, source);
    // Old values must not lie on in unused parts of pages, nor in the write-ahead log.
    let conn = &mut opened.writer;
    conn.pragma_update(None, "secure_delete", true)
        .map_err(database)?;
    let values = rewrite(conn, path, key_id, &mut seal)?;
    conn.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")
        .map_err(database)?;
    Ok(values)
}

fn refuse_none(path: &Path, seen: &Seen) -> Result<(), OpenError> {
    match seen.schema {
        Some(_) => Ok(()),
        None => Err(OpenError::Missing(path.to_owned())),
    }
}

fn rewrite(
    conn: &mut Connection,
    path: &Path,
    key_id: &str,
    seal: &mut dyn FnMut(WebhookId, SealedAs, &Sealed) -> Result<Sealed, String>,
) -> Result<u64, ResealError> {
    let database = |source| OpenError::database(path, source);
    let transaction = conn
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(database)?;
    let rows: Vec<(i64, String)> = transaction
        .prepare("SELECT id, sealed FROM webhooks WHERE sealed IS NOT NULL ORDER BY id")
        .and_then(|mut s| {
            s.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect()
        })
        .map_err(database)?;
    let mut values = 0;
    for (id, sealed) in rows {
        let webhook = WebhookId(id);
        let (text, count) =
            anew(webhook, &sealed, seal).map_err(|why| ResealError::Value { webhook, why })?;
        transaction
            .execute(
                "UPDATE webhooks SET sealed = ?2 WHERE id = ?1",
                params![id, text],
            )
            .map_err(database)?;
        values += count;
    }
    transaction
        .execute(
            "INSERT OR REPLACE INTO documents (name, text) VALUES (?1, ?2)",
            params![KEY_DOCUMENT, key_id],
        )
        .map_err(database)?;
    transaction.commit().map_err(database)?;
    Ok(values)
}

/// The sealed values of one webhook, sealed anew, and how many they are.
fn anew(
    webhook: WebhookId,
    text: &str,
    seal: &mut dyn FnMut(WebhookId, SealedAs, &Sealed) -> Result<Sealed, String>,
) -> Result<(String, u64), String> {
    let (mut secrets, mut headers): (Option<Secrets>, Vec<(String, Sealed)>) =
        serde_json::from_str(text).map_err(|e| e.to_string())?;
    let secret = secrets.iter_mut().flat_map(|s| {
        let previous = s.previous.as_mut().map(|p| &mut p.secret);
        [Some(&mut s.current), previous]
    });
    let secret = secret.flatten().map(|value| (SealedAs::Secret, value));
    let header = headers
        .iter_mut()
        .map(|(_, value)| (SealedAs::Header, value));
    let mut count = 0;
    for (purpose, value) in secret.chain(header) {
        *value = seal(webhook, purpose, value)?;
        count += 1;
    }
    let text = serde_json::to_string(&(secrets, headers)).map_err(|e| e.to_string())?;
    Ok((text, count))
}

/// Writes the whole file anew, so that nothing of what was ever deleted is left in it. Takes the room of a second file.
///
/// # Errors
/// The file is in use, or there is no room.
pub fn vacuum(path: &Path) -> Result<(), OpenError> {
    let opened = open_any(path, STEPS, refuse_none, || ())?;
    opened
        .writer
        .execute_batch("VACUUM; PRAGMA wal_checkpoint(TRUNCATE)")
        .map_err(|source| OpenError::database(path, source))
}

#[cfg(test)]
mod tests;
