//! What people are told while commits fail: once when it begins, now and then while it lasts, once when it is over.

use tidings_storage::StoreError;

/// While it lasts, people are told so often; requests that fail meanwhile are only counted.
const AGAIN_MS: i64 = 10_000;
/// It is over when nothing failed for so long: on a full disk a small commit may fit where a larger one does not.
const QUIET_MS: i64 = 2_000;

/// A time during which commits fail.
#[derive(Debug)]
struct Spell {
    since_ms: i64,
    last_ms: i64,
    told_ms: i64,
    commits: u64,
}

/// Keeps the log short while the disk is full.
#[derive(Debug, Default)]
pub(crate) struct Complaint(Option<Spell>);

impl Complaint {
    /// A commit failed.
    pub(crate) fn failed(&mut self, error: &StoreError, now_ms: i64) {
        let Some(spell) = &mut self.0 else {
            tracing::error!(%error, "a commit failed: {error}");
            self.0 = Some(Spell {
                since_ms: now_ms,
                last_ms: now_ms,
                told_ms: now_ms,
                commits: 1,
            });
            return;
        };
        spell.commits += 1;
        spell.last_ms = now_ms;
        if now_ms - spell.told_ms >= AGAIN_MS {
            spell.told_ms = now_ms;
            let (commits, seconds) = (spell.commits, (now_ms - spell.since_ms) / 1000);
            tracing::error!(%error, commits, "for {seconds} s now commits fail, {commits} so far, the last: {error}");
        }
    }

    /// A commit was made.
    pub(crate) fn works(&mut self, now_ms: i64) {
        if self
            .0
            .as_ref()
            .is_some_and(|spell| now_ms - spell.last_ms >= QUIET_MS)
            && let Some(spell) = self.0.take()
        {
            let (commits, ms) = (spell.commits, spell.last_ms - spell.since_ms);
            tracing::warn!(
                commits,
                "commits work again; {commits} failed within {ms} ms"
            );
        }
    }
}
