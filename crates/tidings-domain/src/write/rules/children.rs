//! Comments, acceptance tests, blocks, videos and wiki pages.

use crate::collection::{Collection, ObjectRef};
use crate::doc::Doc;
use crate::value::MAX_SAFE_INTEGER;
use crate::view::View;

use super::super::draft::Draft;

/// Longest chain of replies.
const MOST_REPLIES: usize = 20;

/// A chain of replies ends.
pub(super) fn comment(draft: &mut Draft<'_, '_>) {
    if !draft.creates() {
        return;
    }
    let mut above = 0;
    let mut next = draft.doc.reference("on");
    while let Some(to) = next.filter(|to| to.collection == Collection::Comments) {
        above += 1;
        if above > MOST_REPLIES {
            return draft.refuse(
                "on",
                "loop",
                "would make a chain of more than 20 replies; reply further up",
            );
        }
        next = super::view(draft).get(to).and_then(|c| c.reference("on"));
    }
}

/// The last place among the tests of its story.
pub(super) fn acceptance_test(draft: &mut Draft<'_, '_>) {
    if !draft.doc.get("rank").is_null() {
        return;
    }
    let tests = draft
        .doc
        .reference("story")
        .map(|story| super::view(draft).referrers(story, Collection::AcceptanceTests, "story"));
    let ranks = tests.iter().flatten().filter_map(|test| test.int("rank"));
    let rank = ranks.max().unwrap_or(0).saturating_add(1);
    let rank = rank.min(MAX_SAFE_INTEGER);
    draft.doc.set("rank", rank);
}

/// One active block of a pair; a new one that repeats it is answered with it, see [`repeated`].
pub(super) fn block(draft: &mut Draft<'_, '_>) {
    if draft.creates() || !draft.changed("unblocked") || draft.doc.flag("unblocked") {
        return;
    }
    if let Some(other) = repeated(super::view(draft), &draft.doc) {
        draft.clash(
            "unblocked",
            "taken",
            format!("{} is an active block of the same pair", other.key()),
        );
    }
}

/// A video is called by its address until somebody gives it a title.
pub(super) fn video(draft: &mut Draft<'_, '_>) {
    let follows = !draft.given("title")
        && draft
            .stored
            .as_deref()
            .is_some_and(|stored| stored.get("title") == stored.get("url"));
    if draft.doc.get("title").is_null() || follows {
        let url = draft.doc.get("url").clone();
        draft.doc.set("title", url);
    }
}

/// A new version with each change of name or content.
pub(super) fn wiki_page(draft: &mut Draft<'_, '_>) {
    let Some(stored) = draft.stored.as_deref() else {
        return;
    };
    if draft.changed("name") || draft.changed("content") {
        let version = stored.int("version").unwrap_or(1);
        draft.doc.set("version", version.saturating_add(1));
    }
}

/// The vote, favorite or active block that a new one would repeat.
pub(in super::super) fn repeated(view: &dyn View, doc: &Doc) -> Option<std::sync::Arc<Doc>> {
    let collection = doc.collection();
    let (member, to) = match collection {
        Collection::Votes | Collection::Favorites if !doc.get("created_by").is_null() => {
            ("on", doc.reference("on")?)
        }
        Collection::Blocks if !doc.flag("unblocked") => ("blocked", doc.reference("blocked")?),
        _ => return None,
    };
    let own = ObjectRef::new(collection, doc.id());
    let same = |other: &Doc| match collection {
        Collection::Blocks => !other.flag("unblocked") && other.get("item") == doc.get("item"),
        _ => other.get("created_by") == doc.get("created_by"),
    };
    let mut others = view.referrers(to, collection, member).into_iter();
    others.find(|other| other.key() != own && same(other))
}
