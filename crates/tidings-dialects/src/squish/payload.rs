//! The bodies, and the issue's fields under their display names.

use serde::{Serialize, Serializer};

use tidings_domain::{Collection, Doc, ObjectRef, Time, Value, View, time};

use crate::{Scope, derived};

/// The body of both actions; what only an update has is left out of a submission.
#[derive(Serialize)]
pub(super) struct Body {
    project: String,
    url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<Comment>,
    #[serde(skip_serializing_if = "Keyed::is_empty")]
    changes: Keyed<OldNew>,
    bug: Keyed<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    updated_by: Option<Name>,
}

#[derive(Serialize)]
struct Comment {
    #[serde(rename = "comment")]
    text: String,
    is_resolution: bool,
    user: Name,
    confidential: bool,
}

#[derive(Serialize)]
struct OldNew {
    old: Value,
    new: Value,
}

/// `Last, First`; null where nobody is known.
#[derive(Serialize)]
#[serde(transparent)]
struct Name(Option<String>);

impl Name {
    fn of(view: &dyn View, id: Option<i64>) -> Self {
        Self(
            id.and_then(|id| view.person(id))
                .map(|p| derived::sorted_name(&p)),
        )
    }
}

/// A JSON object with keys of the project's own, in order.
pub(super) struct Keyed<T>(Vec<(String, T)>);

impl<T> Keyed<T> {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<T: Serialize> Serialize for Keyed<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, value)| (key, value)))
    }
}

/// How a member's value is written.
#[derive(Clone, Copy, PartialEq)]
enum Form {
    /// As it is.
    Plain,
    /// An instant on the project's clocks.
    Moment,
    /// `Last, First`.
    Person,
    /// `Last, First; Last, First`.
    People,
    /// The name of what it refers to.
    Referred,
    /// The names of what it refers to.
    AllReferred(Collection),
    /// The number of the item it refers to.
    Number,
}

/// A row: the member, its name where the project has no other, its form, and whether it can stand among the changes.
struct Field {
    member: &'static str,
    name: &'static str,
    form: Form,
    told: bool,
}

const fn field(member: &'static str, name: &'static str, form: Form) -> Field {
    Field {
        member,
        name,
        form,
        told: true,
    }
}

/// A field that the tracker itself maintains: never among the changes.
const fn kept(member: &'static str, name: &'static str, form: Form) -> Field {
    Field {
        member,
        name,
        form,
        told: false,
    }
}

/// Every issue has these, in this order; then come the custom fields.
const HEAD: &[Field] = &[
    field("status", "Status", Form::Plain),
    field("assignees", "Assigned To", Form::People),
    kept("created_by", "Submitted By", Form::Person),
    kept("updated_at", "Date Modified", Form::Moment),
    field("description", "Description", Form::Plain),
    field("confidential", "Confidential", Form::Plain),
    field("resolution", "Resolution", Form::Plain),
    field("resolved_by", "Resolved By", Form::Person),
    kept("created_at", "Date Submitted", Form::Moment),
    field("priority", "Priority", Form::Plain),
    field("resolved_at", "Date Resolved", Form::Moment),
    kept("number", "Issue ID", Form::Plain),
];

/// And these, after the custom fields.
const TAIL: &[Field] = &[
    field("due_date", "Due Date", Form::Plain),
    field("type", "Type", Form::Plain),
    field("title", "Subject", Form::Plain),
];

/// Only where there is something to show, or just was.
const EXTRA: &[Field] = &[
    field("column", "Column", Form::Plain),
    field("tags", "Tags", Form::Plain),
    field("sprint", "Sprint", Form::Referred),
    field("feature", "Feature", Form::Referred),
    field("parent", "Parent", Form::Number),
    field(
        "releases",
        "Release",
        Form::AllReferred(Collection::Releases),
    ),
    field(
        "affected_releases",
        "Affected Release",
        Form::AllReferred(Collection::Releases),
    ),
    field("score", "Score", Form::Plain),
    field("value", "Value", Form::Plain),
    field("start_date", "Start Date", Form::Plain),
    field("estimated_hours", "Estimated Hours", Form::Plain),
    field("actual_hours", "Actual Hours", Form::Plain),
    field("remaining_hours", "Remaining Hours", Form::Plain),
    field("who", "Who", Form::Plain),
    field("what", "What", Form::Plain),
    field("why", "Why", Form::Plain),
    field("acceptance_criteria", "Acceptance Criteria", Form::Plain),
    field("notes", "Notes", Form::Plain),
    field("archived", "Archived", Form::Plain),
];

/// One state of one issue, as Squish writes it.
struct Issue<'a> {
    view: &'a dyn View,
    doc: &'a Doc,
}

impl Issue<'_> {
    fn value(&self, field: &Field) -> Value {
        let raw = self.doc.get(field.member);
        match field.form {
            Form::Plain => raw.clone(),
            Form::Moment => self.doc.time(field.member).map(|at| self.moment(at)).into(),
            Form::Person => Name::of(self.view, raw.as_int()).0.into(),
            Form::People => {
                let people = derived::people(self.view, self.doc, field.member);
                let names: Vec<_> = people.iter().map(|p| derived::sorted_name(p)).collect();
                (!names.is_empty()).then(|| names.join("; ")).into()
            }
            Form::Referred => {
                let to = self.doc.reference(field.member);
                let found = to.and_then(|to| self.view.get(to));
                found.map_or(Value::Null, |d| d.get("name").clone())
            }
            Form::AllReferred(collection) => {
                let ids = self.doc.ids(field.member);
                let found = ids
                    .into_iter()
                    .filter_map(|id| self.view.get(ObjectRef::new(collection, id)));
                Value::List(found.map(|d| d.get("name").clone()).collect())
            }
            Form::Number => {
                let to = self.doc.reference(field.member);
                to.and_then(|to| self.view.get(to))
                    .and_then(|d| d.int("number"))
                    .into()
            }
        }
    }

    fn moment(&self, at: Time) -> String {
        let local = derived::local(self.view.project(), at);
        local.strftime("%Y-%m-%d %H:%M:%S").to_string()
    }

    fn custom(&self, name: &str) -> Value {
        self.doc
            .get("fields")
            .member(name)
            .cloned()
            .unwrap_or_default()
    }

    /// Whether an extra field has something to show. Nobody sets a value of 0.
    fn has(&self, field: &Field) -> bool {
        match self.doc.get(field.member) {
            Value::Null | Value::Bool(false) => false,
            Value::Text(text) => !text.is_empty(),
            Value::List(items) => !items.is_empty(),
            Value::Int(0) => field.member != "value",
            _ => true,
        }
    }

    fn name(&self, field: &Field) -> String {
        let names = &self.view.project().display_names;
        names
            .get(field.member)
            .map_or_else(|| field.name.to_owned(), Clone::clone)
    }

    /// Every field; an extra one also where it differs from `before`.
    fn bug(&self, before: Option<&Doc>) -> Keyed<Value> {
        let mut all = Vec::with_capacity(24);
        let mut add = |field: &Field| all.push((self.name(field), self.value(field)));
        HEAD.iter().for_each(&mut add);
        for custom in &self.view.project().custom_fields {
            all.push((custom.name.clone(), self.custom(&custom.name)));
        }
        for field in TAIL {
            all.push((self.name(field), self.value(field)));
        }
        for field in EXTRA {
            let differs = before.is_some_and(|b| b.get(field.member) != self.doc.get(field.member));
            if differs || self.has(field) {
                all.push((self.name(field), self.value(field)));
            }
        }
        Keyed(all)
    }

    /// The fields in which this issue differs from what it was.
    fn changes(&self, before: Option<&Doc>) -> Keyed<OldNew> {
        let Some(before) = before else {
            return Keyed(Vec::new());
        };
        let was = Issue {
            view: self.view,
            doc: before,
        };
        let mut all = Vec::new();
        let add = |fields: &[Field], all: &mut Vec<_>| {
            for field in fields.iter().filter(|f| f.told) {
                if before.get(field.member) != self.doc.get(field.member) {
                    let (old, new) = (was.value(field), self.value(field));
                    all.push((self.name(field), OldNew { old, new }));
                }
            }
        };
        add(HEAD, &mut all);
        for custom in &self.view.project().custom_fields {
            let (old, new) = (was.custom(&custom.name), self.custom(&custom.name));
            if old != new {
                all.push((custom.name.clone(), OldNew { old, new }));
            }
        }
        add(TAIL, &mut all);
        add(EXTRA, &mut all);
        Keyed(all)
    }
}

/// The issue alone.
pub(super) fn bug(view: &dyn View, doc: &Doc) -> impl Serialize {
    Issue { view, doc }.bug(None)
}

/// A new issue.
pub(super) fn submit(scope: &Scope<'_>, doc: &Doc) -> Body {
    let issue = Issue {
        view: scope.view,
        doc,
    };
    let project = scope.view.project();
    Body {
        project: project.name.clone(),
        url: derived::link(scope.base_url(), doc, || {
            format!("/{}/{}/{}/", project.company.slug, project.slug, doc.id())
        }),
        comment: None,
        changes: Keyed(Vec::new()),
        bug: issue.bug(None),
        updated_by: None,
    }
}

/// An update: fields, a comment, or both.
pub(super) fn update(
    scope: &Scope<'_>,
    doc: &Doc,
    before: Option<&Doc>,
    comment: Option<&Doc>,
) -> Body {
    // A comment changes nothing of the issue itself, yet to Squish it is an update at that time.
    let mut now = doc.clone();
    now.set("updated_at", time::value(scope.event.at));
    let issue = Issue {
        view: scope.view,
        doc: &now,
    };
    Body {
        comment: comment.map(|c| Comment {
            text: c.text("body").to_owned(),
            is_resolution: c.flag("is_resolution"),
            user: Name::of(scope.view, c.int("created_by")),
            confidential: c.flag("confidential"),
        }),
        changes: issue.changes(before),
        bug: issue.bug(before),
        updated_by: Some(Name::of(scope.view, scope.event.actor)),
        ..submit(scope, &now)
    }
}
