//! Answers that are kept for a day, each in the transaction of what it answers.

use rusqlite::{Connection, OptionalExtension, params};
use tidings_domain::ProjectId;
use tidings_storage::{Deed, Done, MakeNotes, Memo, memo_is_old, memos_of};

use crate::accounts;
use crate::codes::{Result, limit, sick};
use crate::shared::{Fact, Shared};
use crate::writer::Writer;

/// The answer kept for a key.
pub(crate) fn memo(
    conn: &Connection,
    shared: &Shared,
    scope: &str,
    key: &str,
) -> Result<Option<String>> {
    let mut statement = conn
        .prepare_cached("SELECT answer, made_ms FROM memos WHERE scope = ?1 AND key = ?2")
        .map_err(sick)?;
    let row = statement.query_row([scope, key], |row| {
        Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?))
    });
    let kept = row.optional().map_err(sick)?;
    let now_ms = shared.time.now_ms();
    Ok(kept
        .filter(|(_, made_ms)| !memo_is_old(*made_ms, now_ms))
        .map(|(answer, _)| answer))
}

impl Writer<'_> {
    pub(crate) fn keep(&mut self, memo: &Memo) -> Result<()> {
        let Memo { scope, key, answer } = memo;
        self.changed(&Fact::Memo(scope, key));
        self.run(
            "INSERT OR REPLACE INTO memos (scope, key, answer, made_ms) VALUES (?1, ?2, ?3, ?4)",
            params![scope, key, answer, self.totals.time_ms],
        )
        .map(drop)
    }

    /// Does a deed and writes what goes with it; what a deletion leaves goes in steps afterwards, as without.
    pub(crate) fn carry_out(&mut self, deed: Deed, notes: MakeNotes) -> Result<Done> {
        let done = self.do_deed(deed)?;
        let notes = notes(&done);
        if let Some(memo) = notes.memo {
            self.keep(&memo)?;
        }
        if let Some(entry) = notes.audit {
            self.note_change(&entry)?;
        }
        Ok(done)
    }

    fn do_deed(&mut self, deed: Deed) -> Result<Done> {
        Ok(match deed {
            Deed::Nothing => Done::Nothing,
            Deed::CreateProject(project) => Done::Project(Box::new(self.create_project(*project)?)),
            Deed::DeleteProject(project) => {
                self.hide_project(project)?;
                Done::Nothing
            }
            Deed::CreateWebhook(webhook, health) => {
                Done::Webhook(self.create_webhook(*webhook, &health)?)
            }
            Deed::UpdateWebhook(webhook) => Done::Webhook(self.update_webhook(*webhook)?),
            Deed::DeleteWebhook(project, webhook) => {
                self.hide_webhook(project, webhook)?;
                Done::Nothing
            }
            Deed::CreateToken(token) => Done::Token(Box::new(self.create_token(*token)?)),
            Deed::DeleteToken(project, token) => {
                self.delete_token(project, token)?;
                Done::Nothing
            }
            Deed::PutDocument(name, text) => {
                self.put_document(name, &text)?;
                Done::Nothing
            }
            Deed::Resend(project, delivery) => {
                Done::Queued(Box::new(self.resend(project, delivery)?))
            }
            Deed::BeginSweep(project, new, enable) => {
                let begun = self.begin_sweep(project, &new, enable.as_deref())?;
                Done::Begun(Box::new(begun))
            }
            Deed::CreateAccount(account) => Done::Account(Box::new(self.create_account(*account)?)),
            Deed::UpdateAccount(account, ends) => {
                self.update_account(&account, ends)?;
                Done::Account(account)
            }
            Deed::DeleteAccount(id) => {
                self.delete_account(id)?;
                Done::Nothing
            }
            Deed::PutMembership(membership) => {
                self.put_membership(membership)?;
                Done::Nothing
            }
            Deed::RemoveMembership(account, project) => {
                self.remove_membership(account, project)?;
                Done::Nothing
            }
            Deed::CreateLink(link, now_ms) => {
                self.create_link(&link, now_ms)?;
                Done::Nothing
            }
            Deed::UseLink(used) => accounts::opened(self.use_link(*used)?),
            Deed::OpenSession(new) => accounts::opened(self.open_session(*new)?),
        })
    }

    /// Removes up to `rows` answers of a deleted project; how many.
    pub(crate) fn forget_memos(&mut self, project: ProjectId, rows: usize) -> Result<usize> {
        let scopes = memos_of(project);
        // Everything that begins so: '0' is what comes after '/'.
        let end = scopes.replace('/', "0");
        self.run(
            "DELETE FROM memos WHERE (scope, key) IN
             (SELECT scope, key FROM memos WHERE scope >= ?1 AND scope < ?2 LIMIT ?3)",
            params![scopes, end, limit(rows)],
        )
    }
}
