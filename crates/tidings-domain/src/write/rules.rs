//! What only one collection does: defaults that are worked out, members that follow from others, limits between members.

mod children;
mod code;
mod items;
mod progress;
mod time_entries;

use crate::collection::Collection;
use crate::schema::{Member, SetBy};
use crate::value::Value;
use crate::view::View;

use super::draft::Draft;

pub(super) use children::repeated;
pub(super) use time_entries::span;

/// Who sets a member in this write: times of a manual time entry are the caller's.
pub(super) fn set_by(draft: &Draft<'_, '_>, member: &Member, body: &Value) -> SetBy {
    let manual = || match &draft.stored {
        Some(stored) => !stored.flag("running"),
        None => body.member("running").and_then(Value::as_bool) != Some(true),
    };
    if draft.doc.collection() == Collection::TimeEntries
        && matches!(member.name, "started_at" | "stopped_at")
        && manual()
    {
        return SetBy::Caller;
    }
    member.set_by
}

/// The default of a member that has a rule of its own; null where [`finish`] works it out.
pub(super) fn default(draft: &mut Draft<'_, '_>, name: &str) -> Value {
    if draft.doc.collection().is_item() {
        items::default(draft, name)
    } else {
        Value::Null
    }
}

/// Works out what follows from the members that were given.
pub(super) fn finish(draft: &mut Draft<'_, '_>) {
    match draft.doc.collection() {
        Collection::Stories | Collection::Tasks | Collection::Defects | Collection::Tests => {
            items::finish(draft);
        }
        Collection::Features => progress::feature(draft),
        Collection::Sprints => progress::sprint(draft),
        Collection::Releases => progress::stage(draft),
        Collection::AcceptanceTests => children::acceptance_test(draft),
        Collection::Comments => children::comment(draft),
        Collection::Blocks => children::block(draft),
        Collection::TimeEntries => time_entries::finish(draft),
        Collection::Videos => children::video(draft),
        Collection::WikiPages => children::wiki_page(draft),
        Collection::Pushes => code::push(draft),
        Collection::PullRequests => code::pull_request(draft),
        _ => {}
    }
}

/// Gives a rank to what has none: the last place of the collection.
fn last_rank(draft: &mut Draft<'_, '_>) {
    if draft.doc.get("rank").is_null() {
        let rank = draft.check.view.take_rank(draft.doc.collection());
        draft.doc.set("rank", rank);
    }
}

/// The state that rules read.
fn view<'d>(draft: &'d Draft<'_, '_>) -> &'d dyn View {
    &*draft.check.view
}
