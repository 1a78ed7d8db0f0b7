//! Sprints, releases and features: what begins and ends.

use crate::time;
use crate::value::Value;

use super::super::draft::Draft;

/// A sprint ends after it starts.
pub(super) fn sprint(draft: &mut Draft<'_, '_>) {
    if let (Some(start), Some(end)) = (draft.doc.date("start_date"), draft.doc.date("end_date"))
        && end <= start
    {
        draft.refuse("end_date", "range", "must be after start_date");
    }
    stage(draft);
}

/// When a sprint or release was started and closed, by its status.
pub(super) fn stage(draft: &mut Draft<'_, '_>) {
    if !draft.changed("status") {
        return;
    }
    let at = time::value(draft.author.at);
    match draft.doc.text("status") {
        "doing" => {
            if draft.doc.get("started_at").is_null() {
                draft.follow("started_at", at);
            }
            draft.follow("closed_at", Value::Null);
        }
        "done" => draft.follow("closed_at", at),
        _ => {
            draft.follow("started_at", Value::Null);
            draft.follow("closed_at", Value::Null);
        }
    }
}

/// When a feature was done.
pub(super) fn feature(draft: &mut Draft<'_, '_>) {
    super::last_rank(draft);
    if !draft.changed("done") {
        return;
    }
    if draft.doc.flag("done") {
        draft.follow("done_at", time::value(draft.author.at));
    } else {
        draft.follow("done_at", Value::Null);
    }
}
