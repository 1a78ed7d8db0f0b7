//! Issues: what Backlog shows of stories, tasks, defects and tests, and what it says changed.

use std::sync::Arc;

use tidings_domain::event::Bulk;
use tidings_domain::project::FieldType;
use tidings_domain::schema::Vocabulary;
use tidings_domain::{Change, Collection, Doc, ObjectRef, Project, Value, View};

use super::payload::{
    Assignee, Category, Choice, CustomField, CustomValue, FieldChange, Issue, IssueType, Milestone,
    Named, Number, RelatedIssue,
};
use super::people;
use crate::derived;

/// What Backlog sends for a color that nobody chose.
const NO_COLOR: &str = "#94A3B8";

/// The whole issue.
pub(super) fn issue(view: &dyn View, item: &Doc) -> Issue {
    let project = view.project();
    Issue {
        summary: item.text("title").to_owned(),
        key_id: item.int("number"),
        custom_fields: project
            .custom_fields
            .iter()
            .map(|f| custom_field(f, item.get("fields").member(&f.name)))
            .collect(),
        due_date: item.text("due_date").to_owned(),
        description: item.text("description").to_owned(),
        priority: named(project, Vocabulary::Priorities, item.opt_text("priority")),
        resolution: named(
            project,
            Vocabulary::Resolutions,
            item.opt_text("resolution"),
        ),
        actual_hours: actual_hours(view, item).map(Number),
        issue_type: issue_type(project, item.text("type")),
        milestone: milestones(view, item, "releases"),
        versions: milestones(view, item, "affected_releases"),
        parent_issue_id: item.reference("parent").map(|p| p.id),
        estimated_hours: item.number("estimated_hours").map(Number),
        id: item.id(),
        // The captured requests have the word "null" here for a language that is not known.
        assignee: derived::responsible(view, item).map(|p| Assignee {
            lang: Some(people::lang(&p).unwrap_or_else(|| "null".into())),
            ..assignee(&p)
        }),
        category: item
            .names("tags")
            .into_iter()
            .map(|name| category(project, name))
            .collect(),
        start_date: item.text("start_date").to_owned(),
        status: named(project, Vocabulary::Statuses, item.opt_text("status")),
    }
}

/// The person an issue or pull request is with.
pub(super) fn assignee(person: &Doc) -> Assignee {
    Assignee {
        name: derived::full_name(person),
        id: person.id(),
        role_type: people::role_type(person),
        lang: people::lang(person),
        user_id: person.opt_text("username").map(str::to_owned),
    }
}

/// The issue that a pull request belongs to.
pub(super) fn related(item: &Doc) -> RelatedIssue {
    RelatedIssue {
        summary: item.text("title").to_owned(),
        key_id: item.int("number"),
        description: item.text("description").to_owned(),
        id: item.id(),
    }
}

fn named(project: &Project, vocabulary: Vocabulary, name: Option<&str>) -> Named {
    let name = name.unwrap_or_default();
    Named {
        name: name.to_owned(),
        id: project.entry(vocabulary, name).map(|e| e.id),
    }
}

fn position(project: &Project, vocabulary: Vocabulary, name: &str) -> Option<usize> {
    project
        .vocabulary(vocabulary)
        .iter()
        .position(|e| e.name == name)
}

fn issue_type(project: &Project, name: &str) -> IssueType {
    let entry = project.entry(Vocabulary::Types, name);
    IssueType {
        color: entry
            .and_then(|e| e.color.clone())
            .unwrap_or_else(|| NO_COLOR.to_owned()),
        name: name.to_owned(),
        display_order: position(project, Vocabulary::Types, name),
        id: entry.map(|e| e.id),
        project_id: project.id.0,
    }
}

fn category(project: &Project, name: &str) -> Category {
    Category {
        name: name.to_owned(),
        display_order: position(project, Vocabulary::Labels, name),
        id: project.entry(Vocabulary::Labels, name).map(|e| e.id),
    }
}

fn actual_hours(view: &dyn View, item: &Doc) -> Option<f64> {
    item.number("actual_hours").or_else(|| {
        let minutes = derived::tracked_minutes(view, item.key());
        (minutes > 0).then(|| derived::hours(minutes))
    })
}

fn milestones(view: &dyn View, item: &Doc, member: &str) -> Vec<Milestone> {
    let ids = item.ids(member);
    if ids.is_empty() {
        return Vec::new();
    }
    let all = view.all(Collection::Releases);
    let found = ids
        .into_iter()
        .filter_map(|id| all.iter().enumerate().find(|(_, r)| r.id() == id));
    found
        .map(|(place, release)| milestone(view.project(), release, place))
        .collect()
}

fn milestone(project: &Project, release: &Doc, place: usize) -> Milestone {
    // Unset dates are the word "null" here, as captured; in the milestone's own events they are empty.
    let date = |member| release.opt_text(member).unwrap_or("null").to_owned();
    Milestone {
        archived: release.flag("archived"),
        release_due_date: date("end_date"),
        name: release.text("name").to_owned(),
        display_order: place,
        description: release.text("description").to_owned(),
        id: release.id(),
        project_id: project.id.0,
        start_date: date("start_date"),
    }
}

fn custom_field(
    field: &tidings_domain::project::CustomField,
    value: Option<&Value>,
) -> CustomField {
    let choice = |name: &str| {
        let place = field.options.iter().position(|o| o == name);
        Choice {
            id: place.map(|p| p + 1),
            name: name.to_owned(),
            display_order: place,
        }
    };
    let value = value.unwrap_or(&Value::Null);
    let shown = match (field.kind, value) {
        (_, Value::Null) => CustomValue::Unset(None),
        (FieldType::Number, Value::Int(_) | Value::Float(_)) => {
            CustomValue::Number(Number(value.as_number().unwrap_or_default()))
        }
        (FieldType::Choice, Value::Text(name)) => CustomValue::Choice(choice(name)),
        (FieldType::Choices, Value::List(names)) => {
            CustomValue::Choices(names.iter().filter_map(Value::as_str).map(choice).collect())
        }
        _ => CustomValue::Text(text(value)),
    };
    let field_type_id = match field.kind {
        FieldType::Text | FieldType::Boolean => 1,
        FieldType::LongText => 2,
        FieldType::Number => 3,
        FieldType::Date => 4,
        FieldType::Choice => 5,
        FieldType::Choices => 6,
    };
    CustomField {
        id: field.id,
        field_type_id,
        name: field.name.clone(),
        value: shown,
    }
}

/// A value as the text of a change: nothing for null, lists joined with ", ".
pub(super) fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Text(text) => text.to_string(),
        Value::List(items) => items.iter().map(text).collect::<Vec<_>>().join(", "),
        other => String::from_utf8(crate::json::compact(other)).unwrap_or_default(),
    }
}

/// What Backlog says changed: its own words, in the order of its table; empty when it has no word for what changed.
pub(super) fn changes(view: &dyn View, change: &Change) -> Vec<FieldChange> {
    let mut all = Vec::new();
    for (member, field) in MEMBERS {
        if let Some(c) = change.changed(member) {
            let (old, new) = (worded(view, member, &c.old), worded(view, member, &c.new));
            // Only the first assignee has a name in Backlog; the rest may change without a word.
            if old != new {
                all.push(standard(field, Some(old), new));
            }
        }
    }
    for c in &change.changes {
        if let Some(name) = c.member.strip_prefix("fields.") {
            all.push(custom(name, Some(text(&c.old)), text(&c.new)));
        }
    }
    all
}

/// What a bulk update set, without old values.
pub(super) fn bulk_changes(view: &dyn View, bulk: &Bulk) -> Vec<FieldChange> {
    let set = |member: &str| {
        bulk.set
            .iter()
            .find(|(name, _)| name == member)
            .map(|(_, value)| value)
    };
    let mut all: Vec<FieldChange> = MEMBERS
        .iter()
        .filter_map(|(member, field)| {
            set(member).map(|v| standard(field, None, worded(view, member, v)))
        })
        .collect();
    for (name, value) in set("fields").map(Value::as_map).unwrap_or_default() {
        all.push(custom(name, None, text(value)));
    }
    all
}

fn standard(field: &str, old_value: Option<String>, new_value: String) -> FieldChange {
    FieldChange {
        field: field.to_owned(),
        old_value,
        kind: Some("standard"),
        new_value,
    }
}

fn custom(name: &str, old_value: Option<String>, new_value: String) -> FieldChange {
    FieldChange {
        field: name.to_owned(),
        old_value,
        kind: Some("custom"),
        new_value,
    }
}

/// Our member and Backlog's word, in the order in which Backlog lists changes.
const MEMBERS: &[(&str, &str)] = &[
    ("title", "summary"),
    ("description", "description"),
    ("status", "status"),
    ("priority", "priority"),
    ("resolution", "resolution"),
    ("type", "issueType"),
    ("assignees", "assigner"),
    ("tags", "component"),
    ("releases", "milestone"),
    ("affected_releases", "version"),
    ("start_date", "startDate"),
    ("due_date", "limitDate"),
    ("estimated_hours", "estimatedHours"),
    ("actual_hours", "actualHours"),
    ("parent", "parentIssue"),
];

/// A member's value in Backlog's words: ids for status, priority and resolution, names for people and releases.
fn worded(view: &dyn View, member: &str, value: &Value) -> String {
    let id = |vocabulary| {
        let entry = value
            .as_str()
            .and_then(|name| view.project().entry(vocabulary, name));
        entry.map(|e| e.id.to_string()).unwrap_or_default()
    };
    match member {
        "status" => id(Vocabulary::Statuses),
        "priority" => id(Vocabulary::Priorities),
        "resolution" => id(Vocabulary::Resolutions),
        "assignees" => first_person(view, value),
        "releases" | "affected_releases" => {
            let release = |id: i64| {
                view.get(ObjectRef::new(Collection::Releases, id))
                    .map(|r| r.text("name").to_owned())
            };
            value
                .as_list()
                .iter()
                .filter_map(Value::as_int)
                .filter_map(release)
                .collect::<Vec<_>>()
                .join(", ")
        }
        "parent" => key_of(
            view,
            value
                .as_int()
                .map(|id| ObjectRef::new(Collection::Stories, id))
                .or_else(|| ObjectRef::from_value(value)),
        ),
        _ => text(value),
    }
}

/// The name of the first of a list of people.
pub(super) fn first_person(view: &dyn View, people: &Value) -> String {
    let first = people
        .as_list()
        .first()
        .and_then(Value::as_int)
        .and_then(|id| view.person(id));
    first
        .map(|p: Arc<Doc>| derived::full_name(&p))
        .unwrap_or_default()
}

/// `KEY-number`, or nothing.
pub(super) fn key_of(view: &dyn View, item: Option<ObjectRef>) -> String {
    let number = item
        .and_then(|key| view.get(key))
        .and_then(|i| i.int("number"));
    number
        .map(|n| format!("{}-{n}", view.project().key))
        .unwrap_or_default()
}
