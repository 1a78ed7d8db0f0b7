//! What the name of a status means to each vendor.

use crate::doc::Doc;
use crate::project::{Category, Entry, Project};
use crate::schema::Vocabulary;

/// A status in the words and numbers of the vendors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status {
    /// What it means.
    pub category: Category,
    /// iceScrum's number for stories and defects.
    pub story_state: i8,
    /// iceScrum's number for tasks and tests.
    pub task_state: i8,
    /// Sprint.ly's word.
    pub sprintly: &'static str,
}

const fn row(
    category: Category,
    story_state: i8,
    task_state: i8,
    sprintly: &'static str,
) -> Status {
    Status {
        category,
        story_state,
        task_state,
        sprintly,
    }
}

const SUGGESTED: Status = row(Category::Todo, 1, 0, "someday");
const OPEN: Status = row(Category::Todo, 1, 0, "backlog");
const ACCEPTED: Status = row(Category::Todo, 2, 0, "backlog");
const ESTIMATED: Status = row(Category::Todo, 3, 0, "backlog");
const PLANNED: Status = row(Category::Todo, 4, 0, "backlog");
const DOING: Status = row(Category::Doing, 5, 1, "in-progress");
const REVIEW: Status = row(Category::Review, 6, 1, "completed");
const DONE: Status = row(Category::Done, 7, 2, "accepted");
const FROZEN: Status = row(Category::Frozen, -1, 0, "someday");

/// The names that vendors gave their statuses; exact spelling, `Accepted` is iceScrum's and `accepted` Sprint.ly's.
const KNOWN: &[(&str, Status)] = &[
    ("Suggested", SUGGESTED),
    ("someday", SUGGESTED),
    ("Open", OPEN),
    ("New", OPEN),
    ("Accepted", ACCEPTED),
    ("backlog", ACCEPTED),
    ("To do", ACCEPTED),
    ("Wait", ACCEPTED),
    ("Reopened", ACCEPTED),
    ("Estimated", ESTIMATED),
    ("Planned", PLANNED),
    ("In Progress", DOING),
    ("in-progress", DOING),
    ("Doing", DOING),
    ("Started", DOING),
    ("Current", DOING),
    ("In review", REVIEW),
    ("Review", REVIEW),
    ("Resolved", REVIEW),
    ("completed", REVIEW),
    ("Done", DONE),
    ("Closed", DONE),
    ("Fixed/Completed", DONE),
    ("accepted", DONE),
    ("Frozen", FROZEN),
];

const fn other(category: Category) -> Status {
    match category {
        Category::Todo => ACCEPTED,
        Category::Doing => DOING,
        Category::Review => REVIEW,
        Category::Done => DONE,
        Category::Frozen => FROZEN,
    }
}

/// What a known name means before a project says otherwise.
pub fn known(name: &str) -> Option<Status> {
    KNOWN.iter().find(|(n, _)| *n == name).map(|(_, s)| *s)
}

/// What a status means in a project: as its row says while the category is the row's, else as its category says.
pub fn of(project: &Project, name: &str) -> Status {
    let known = known(name);
    let category = project
        .entry(Vocabulary::Statuses, name)
        .and_then(|e| e.category);
    match (category, known) {
        (None, Some(known)) => known,
        (Some(category), Some(known)) if known.category == category => known,
        (Some(category), _) => other(category),
        (None, None) => ACCEPTED,
    }
}

/// The column an item shows in: its own, else the first of its status' category.
pub fn column<'p>(project: &'p Project, item: &Doc) -> Option<&'p Entry> {
    let own = item.opt_text("column");
    if let Some(own) = own.and_then(|name| project.entry(Vocabulary::Columns, name)) {
        return Some(own);
    }
    let first = |category| {
        let mut columns = project.columns.iter();
        columns.find(move |c| c.category == Some(category))
    };
    let found = match of(project, item.text("status")).category {
        Category::Todo | Category::Frozen => first(Category::Todo),
        Category::Doing => first(Category::Doing),
        Category::Review => first(Category::Review).or_else(|| first(Category::Doing)),
        Category::Done => first(Category::Done),
    };
    found.or_else(|| project.columns.first())
}

/// Whether an item is closed: its column says so, or its status where it has no column.
pub fn closed(project: &Project, item: &Doc) -> bool {
    let column = item
        .opt_text("column")
        .and_then(|name| project.entry(Vocabulary::Columns, name));
    let category = match column {
        Some(column) => column.category.unwrap_or(Category::Todo),
        None => of(project, item.text("status")).category,
    };
    category == Category::Done
}
