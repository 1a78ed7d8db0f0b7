//! Timers and manual time entries.

use crate::collection::{Collection, ObjectRef};
use crate::doc::Doc;
use crate::time;
use crate::view::View;

use super::super::draft::Draft;

pub(super) fn finish(draft: &mut Draft<'_, '_>) {
    if draft.doc.get("member").is_null() && draft.creates() {
        draft.refuse(
            "member",
            "required",
            "is missing; say whose time it is, or name an actor",
        );
    }
    if draft.doc.flag("running") {
        timer(draft);
    } else {
        manual(draft);
    }
}

/// A running timer knows when it was started, and nothing more until it is stopped.
fn timer(draft: &mut Draft<'_, '_>) {
    for name in ["stopped_at", "minutes"] {
        if draft.given(name) && !draft.doc.get(name).is_null() {
            draft.refuse(name, "read_only", "the timer is running; stop it first");
        }
    }
    if !draft.creates() {
        return;
    }
    draft.follow("started_at", time::value(draft.author.at));
    if let Some(other) = running(super::view(draft), &draft.doc) {
        let detail = format!(
            "{} of this member is running on the same item; stop or cancel it first",
            other.key()
        );
        draft.clash("running", "running", detail);
    }
}

/// A running timer of the same member on the same item.
fn running(view: &dyn View, doc: &Doc) -> Option<std::sync::Arc<Doc>> {
    let item = doc.reference("on")?;
    let own = ObjectRef::new(Collection::TimeEntries, doc.id());
    let entries = view.referrers(item, Collection::TimeEntries, "on");
    let same = |e: &std::sync::Arc<Doc>| {
        e.flag("running") && e.get("member") == doc.get("member") && e.key() != own
    };
    entries.into_iter().find(same)
}

/// Time that was spent: minutes, or from when to when.
fn manual(draft: &mut Draft<'_, '_>) {
    let span = span(&draft.doc);
    if span.is_some_and(|minutes| minutes < 0) {
        return draft.refuse("stopped_at", "range", "must not be before started_at");
    }
    let was_span = draft
        .stored
        .as_deref()
        .is_some_and(|s| s.int("minutes").is_some() && s.int("minutes") == self::span(s));
    let moved = draft.changed("started_at") || draft.changed("stopped_at");
    let follows = !draft.given("minutes") && was_span && moved;
    if !draft.doc.get("minutes").is_null() && !follows {
        return;
    }
    match span {
        Some(minutes) => draft.doc.set("minutes", minutes),
        None if draft.doc.get("minutes").is_null() => draft.refuse(
            "minutes",
            "required",
            "is missing; give minutes, or started_at and stopped_at",
        ),
        None => {}
    }
}

/// Whole minutes from start to stop; negative when it stops before it starts.
pub(in super::super) fn span(doc: &Doc) -> Option<i64> {
    let start = doc.time("started_at")?.as_second();
    let stop = doc.time("stopped_at")?.as_second();
    Some((stop - start).div_euclid(60))
}
