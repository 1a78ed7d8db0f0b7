//! Stories, tasks, defects and tests.

use crate::collection::{Collection, ITEMS, ObjectRef};
use crate::doc::Doc;
use crate::project::{Category, Project};
use crate::schema::Vocabulary;
use crate::status;
use crate::time;
use crate::value::Value;
use crate::view::View;

use super::super::draft::Draft;

/// Longest chain of parents.
const MOST_PARENTS: usize = 20;
/// Longest title.
const LONGEST_TITLE: usize = 500;

/// Status, priority and type by the project's lists.
pub(super) fn default(draft: &Draft<'_, '_>, name: &str) -> Value {
    let project = draft.check.view.project();
    match name {
        "status" => default_status(project).into(),
        "priority" => project
            .entry(Vocabulary::Priorities, "Normal")
            .map(|e| e.name.as_str())
            .into(),
        "type" => default_type(project, draft.doc.collection()).into(),
        _ => Value::Null,
    }
}

fn default_status(project: &Project) -> Option<&str> {
    let todo = project
        .statuses
        .iter()
        .find(|e| e.category == Some(Category::Todo));
    todo.or(project.statuses.first()).map(|e| e.name.as_str())
}

fn default_type(project: &Project, collection: Collection) -> Option<&str> {
    let word = match collection {
        Collection::Stories => "Story",
        Collection::Defects => "Bug",
        Collection::Tests => "Test",
        _ => "Task",
    };
    project
        .entry(Vocabulary::Types, word)
        .or(project.types.first())
        .map(|e| e.name.as_str())
}

/// What follows for an item.
pub(super) fn finish(draft: &mut Draft<'_, '_>) {
    if draft.doc.collection() == Collection::Stories {
        title(draft);
    }
    number(draft);
    super::last_rank(draft);
    if draft.changed("parent") {
        parents(draft);
    }
    status_dates(draft);
    completed(draft);
    resolved(draft);
}

/// A story without a title is called after who wants what and why.
fn title(draft: &mut Draft<'_, '_>) {
    let was_built = |stored: &Doc| built_title(stored).as_deref() == stored.opt_text("title");
    let missing = draft.doc.get("title").is_null();
    let follows = !draft.given("title") && draft.stored.as_deref().is_some_and(was_built);
    if !missing && !follows {
        return;
    }
    match built_title(&draft.doc) {
        Some(title) => draft.doc.set("title", title),
        None if missing => draft.refuse(
            "title",
            "required",
            "is missing; give a title, or who and what",
        ),
        // Without who and what, what it was called stays.
        None => {}
    }
}

/// `As a {who}, I want {what} so that {why}.`
fn built_title(story: &Doc) -> Option<String> {
    let part = |name| story.opt_text(name).filter(|text| !text.is_empty());
    let (who, what) = (part("who")?, part("what")?);
    let vowel = who.starts_with(['a', 'e', 'i', 'o', 'A', 'E', 'I', 'O']);
    let article = if vowel { "an" } else { "a" };
    let why = part("why").map_or_else(String::new, |why| format!(" so that {why}"));
    let title = format!("As {article} {who}, I want {what}{why}.");
    Some(title.chars().take(LONGEST_TITLE).collect())
}

fn number(draft: &mut Draft<'_, '_>) {
    match draft.doc.int("number") {
        None if !draft.check.faults.any() => {
            let number = draft.check.view.take_number();
            draft.doc.set("number", number);
        }
        Some(number) if draft.creates() => {
            if let Some(key) = super::view(draft).by_number(number) {
                draft.clash("number", "taken", format!("{key} has it already"));
            }
        }
        _ => {}
    }
}

/// No loops, and at most 20 parents above any item.
fn parents(draft: &mut Draft<'_, '_>) {
    let own = ObjectRef::new(draft.doc.collection(), draft.doc.id());
    let mut above = 0;
    let mut next = draft.doc.reference("parent");
    while let Some(parent) = next {
        above += 1;
        if !draft.creates() && parent == own {
            return draft.refuse("parent", "loop", "would make the item its own parent");
        }
        if above > MOST_PARENTS {
            break;
        }
        next = super::view(draft)
            .get(parent)
            .and_then(|p| p.reference("parent"));
    }
    let below = if above > 0 && !draft.creates() {
        height(
            super::view(draft),
            own,
            MOST_PARENTS + 1 - above.min(MOST_PARENTS),
        )
    } else {
        0
    };
    if above + below > MOST_PARENTS {
        draft.refuse(
            "parent",
            "loop",
            "would make a chain of more than 20 parents",
        );
    }
}

/// How many levels of children an item has, as far as `most`.
fn height(view: &dyn View, item: ObjectRef, most: usize) -> usize {
    let mut level = vec![item];
    let mut height = 0;
    while height < most {
        let children = level.iter().flat_map(|item| {
            let children = |c: &Collection| view.referrers(*item, *c, "parent");
            ITEMS.iter().flat_map(children).map(|child| child.key())
        });
        level = children.collect();
        if level.is_empty() {
            break;
        }
        height += 1;
    }
    height
}

/// A status that is entered gets its date; the dates of later stages go.
fn status_dates(draft: &mut Draft<'_, '_>) {
    if !draft.changed("status") {
        return;
    }
    let status = draft.doc.text("status").to_owned();
    let project = draft.check.view.project();
    let stage = status::of(project, &status).story_state;
    let mut dates = draft.doc.get("status_dates").as_map().to_vec();
    dates.retain(|(name, _)| {
        *name == status
            || draft.dates.contains(name)
            || status::of(project, name).story_state <= stage
    });
    if !draft.dates.contains(&status) {
        let at = time::value(draft.author.at);
        match dates.iter_mut().find(|(name, _)| *name == status) {
            Some((_, date)) => *date = at,
            None => dates.push((status, at)),
        }
    }
    draft.doc.set("status_dates", Value::Map(dates));
}

fn completed(draft: &mut Draft<'_, '_>) {
    let project = draft.check.view.project();
    let is = status::closed(project, &draft.doc);
    let was = draft
        .stored
        .as_deref()
        .is_some_and(|stored| status::closed(project, stored));
    settle(draft, was, is, "completed_at", "completed_by");
}

fn resolved(draft: &mut Draft<'_, '_>) {
    let is = !draft.doc.get("resolution").is_null();
    let was = draft
        .stored
        .as_deref()
        .is_some_and(|stored| !stored.get("resolution").is_null());
    settle(draft, was, is, "resolved_at", "resolved_by");
}

/// When and by whom something became so; cleared when it is so no more.
fn settle(draft: &mut Draft<'_, '_>, was: bool, is: bool, at: &'static str, by: &'static str) {
    match (was, is) {
        (false, true) => {
            draft.follow(at, time::value(draft.author.at));
            draft.follow(by, draft.author.actor);
        }
        (true, false) => {
            draft.follow(at, Value::Null);
            draft.follow(by, Value::Null);
        }
        _ => {}
    }
}
