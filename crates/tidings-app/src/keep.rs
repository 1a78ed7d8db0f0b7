//! Answers that are kept under a key of the caller's, so that a request sent again is answered again and not carried out again.
//!
//! A use case that is given a [`Keep`] makes the answer before the commit and has the store write it with the change: whatever
//! happens to the process, either both are there or neither. What is kept holds no secret, even where the first answer shows one.

use std::sync::Arc;

use base64::Engine as _;
use sha2::{Digest, Sha256};
use tidings_domain::{Fault, ProjectId};
use tidings_storage::{Deed, Memo, memos_of};

use crate::refusal::refusal;
use crate::{App, Caller};

/// Makes the answer that is kept from what a use case did. A store may ask more than once and keeps the last.
pub type Keep<T> = Arc<dyn Fn(&T) -> Memo + Send + Sync>;

/// One word for a request made of these parts: other parts, another word.
pub fn fingerprint(parts: &[&[u8]]) -> String {
    let mut digest = Sha256::new();
    for part in parts {
        // The length keeps "ab", "c" apart from "a", "bc".
        digest.update((part.len() as u64).to_be_bytes());
        digest.update(part);
    }
    base64::engine::general_purpose::STANDARD_NO_PAD.encode(digest.finalize())
}

/// Whose keys these are: those of one token, in one project or in the server.
pub fn scope(caller: &Caller, project: Option<ProjectId>) -> String {
    let place = project.map_or_else(|| "server/".to_owned(), memos_of);
    format!("{place}{}", caller.scope())
}

impl App {
    /// What was answered under a key before.
    pub async fn kept_answer(&self, scope: &str, key: &str) -> Result<Option<String>, Fault> {
        self.store.memo(scope, key).await.map_err(refusal)
    }

    /// Keeps an answer after the fact: for what may safely be done once more if the process dies in between, and for refusals.
    pub async fn keep_answer(&self, memo: Memo) -> Result<(), Fault> {
        let kept = self
            .store
            .keep(Deed::Nothing, Box::new(|_| memo.into()))
            .await;
        kept.map(drop).map_err(refusal)
    }
}
