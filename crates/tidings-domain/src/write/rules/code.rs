//! Pushes and pull requests.

use std::collections::HashSet;

use crate::collection::Collection;
use crate::value::{MAX_SAFE_INTEGER, Value};

use super::super::draft::Draft;

/// As many revisions as are listed, unless the caller says that there were more.
pub(super) fn push(draft: &mut Draft<'_, '_>) {
    if draft.doc.get("revision_count").is_null() {
        let listed = draft.doc.get("revisions").as_list().len();
        let listed = i64::try_from(listed).unwrap_or(i64::MAX);
        draft.doc.set("revision_count", listed);
    }
}

/// A number that is unique in the repository.
pub(super) fn pull_request(draft: &mut Draft<'_, '_>) {
    if !draft.creates() {
        return;
    }
    let Some(repository) = draft.doc.reference("repository") else {
        return;
    };
    let requests = super::view(draft).referrers(repository, Collection::PullRequests, "repository");
    let number = |n: i64| requests.iter().find(|r| r.get("number") == &Value::Int(n));
    let Some(wanted) = draft.doc.int("number") else {
        let taken: HashSet<i64> = requests.iter().filter_map(|r| r.int("number")).collect();
        let free = (1..=MAX_SAFE_INTEGER).find(|n| !taken.contains(n));
        draft.doc.set("number", free);
        return;
    };
    if let Some(other) = number(wanted) {
        let detail = format!("{} of this repository has it already", other.key());
        draft.clash("number", "taken", detail);
    }
}
