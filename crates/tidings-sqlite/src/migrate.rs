//! The schema, step by step, forwards only.

use rusqlite::fallible_iterator::FallibleIterator;
use rusqlite::{Batch, Connection, TransactionBehavior};

/// `TIDG`: marks the file as ours.
pub(crate) const APPLICATION: i32 = 0x5449_4447;

/// What leads from nothing to the schema of this version; a step is never changed once it was released.
pub(crate) const STEPS: &[&str] = &[
    include_str!("migrations/0001.sql"),
    include_str!("migrations/0002.sql"),
    include_str!("migrations/0003.sql"),
    include_str!("migrations/0004.sql"),
    include_str!("migrations/0005.sql"),
];

/// The version that the last of these steps makes.
pub(crate) fn newest(steps: &[&str]) -> i64 {
    i64::try_from(steps.len()).unwrap_or(i64::MAX)
}

/// Takes the steps that are missing. Each is one transaction with its number, so that whoever is cut off in the middle finds
/// either none or all of it. `after` is told of each statement.
pub(crate) fn migrate(
    conn: &mut Connection,
    from: i64,
    steps: &[&str],
    mut after: impl FnMut(),
) -> rusqlite::Result<()> {
    for (step, sql) in (1_i64..).zip(steps) {
        if step <= from {
            continue;
        }
        let transaction = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut batch = Batch::new(&transaction, sql);
        while let Some(mut statement) = batch.next()? {
            let mut rows = statement.query([])?;
            while rows.next()?.is_some() {}
            drop(rows);
            after();
        }
        transaction.pragma_update(None, "application_id", APPLICATION)?;
        transaction.pragma_update(None, "user_version", step)?;
        after();
        transaction.commit()?;
        after();
        tracing::info!(step, "migrated the database to schema version {step}");
    }
    Ok(())
}

#[cfg(test)]
mod tests;
