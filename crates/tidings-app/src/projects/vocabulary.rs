//! The words a project's objects may use: read from a request, and kept while they are in use.

use tidings_domain::collection::ITEMS;
use tidings_domain::display::{DISPLAY_NAMES, display_name};
use tidings_domain::project::{Category, Entry, next_in_list};
use tidings_domain::schema::Vocabulary;
use tidings_domain::{Fault, Project, Value, View, status};

use crate::reader::Reader;

/// Most entries of a list.
const MAX_ENTRIES: usize = 200;

/// Whether a member of items has a display name.
pub(super) fn has_display_name(member: &str) -> bool {
    DISPLAY_NAMES.iter().any(|(name, _)| *name == member)
}

/// A list of at most [`MAX_ENTRIES`] values.
pub(super) fn list<'a>(r: &mut Reader<'a>, name: &'static str) -> Option<&'a [Value]> {
    match r.raw(name)? {
        Value::List(entries) if entries.len() <= MAX_ENTRIES => Some(entries),
        Value::List(_) => {
            r.refuse(name, "length", "may have at most 200 entries");
            None
        }
        other => {
            r.refuse(
                name,
                "wrong_type",
                format!("must be a list, not {}", other.kind()),
            );
            None
        }
    }
}

/// A list of names; a repeated one is dropped.
pub(super) fn names(r: &mut Reader<'_>, name: &'static str) -> Option<Vec<String>> {
    let mut names: Vec<String> = Vec::new();
    for (i, entry) in list(r, name)?.iter().enumerate() {
        match entry.as_str() {
            Some(text) if (1..=100).contains(&text.chars().count()) => {
                if !names.iter().any(|n| n == text) {
                    names.push(text.to_owned());
                }
            }
            _ => r.refuse_at(
                &format!("{name}/{i}"),
                "length",
                "must be a string of 1 to 100 characters",
            ),
        }
    }
    Some(names)
}

/// The entries of one vocabulary.
pub(super) fn read(
    r: &mut Reader<'_>,
    base: &Project,
    name: &'static str,
    which: Vocabulary,
) -> Option<Vec<Entry>> {
    let given = list(r, name)?;
    let stored = base.vocabulary(which);
    let mut taken: Vec<i64> = given
        .iter()
        .filter_map(|e| e.member("id")?.as_int())
        .chain(stored.iter().map(|e| e.id))
        .collect();
    let mut entries: Vec<Entry> = Vec::new();
    for (i, value) in given.iter().enumerate() {
        let read = entry(
            value,
            &format!("/{name}/{i}"),
            which,
            |wanted: &str, inner| {
                if entries.iter().any(|e| e.name == wanted) {
                    inner.refuse("name", "duplicate", "is there twice");
                }
                let id = inner.int("id", 0, tidings_domain::value::MAX_SAFE_INTEGER);
                let known = stored.iter().find(|e| e.name == wanted).map(|e| e.id);
                let id = id.or(known).unwrap_or_else(|| {
                    let next = next_in_list(&taken);
                    taken.push(next);
                    next
                });
                if entries.iter().any(|e| e.id == id) {
                    inner.refuse("id", "duplicate", "is there twice");
                }
                id
            },
        );
        if let Some(entry) = r.absorb(read) {
            entries.push(entry);
        }
    }
    let needs_one = matches!(
        which,
        Vocabulary::Statuses | Vocabulary::Columns | Vocabulary::Types
    );
    if needs_one && given.is_empty() {
        r.refuse(name, "length", "must keep at least one entry");
    }
    Some(entries)
}

fn entry(
    value: &Value,
    at: &str,
    which: Vocabulary,
    mut id: impl FnMut(&str, &mut Reader<'_>) -> i64,
) -> Result<Entry, Fault> {
    let mut r = Reader::new(value, at)?;
    let name = r.text("name", 1, 100);
    let name = r.require("name", name).unwrap_or_default();
    let id = id(&name, &mut r);
    let color = r.text_or_null("color", 1, 7).flatten();
    if color.as_deref().is_some_and(|c| !is_color(c)) {
        r.refuse("color", "format", "must be a color like #DAA724");
    }
    let category = if matches!(which, Vocabulary::Statuses | Vocabulary::Columns) {
        let word = r.word("category", &["todo", "doing", "review", "done", "frozen"]);
        Some(match word {
            Some("todo") => Category::Todo,
            Some("doing") => Category::Doing,
            Some("review") => Category::Review,
            Some("done") => Category::Done,
            Some(_) => Category::Frozen,
            None => status::known(&name).map_or(Category::Todo, |s| s.category),
        })
    } else {
        None
    };
    let value = if which == Vocabulary::Efforts {
        let given = r.raw("value").cloned();
        let number = given.as_ref().map_or(Some(0.0), Value::as_number);
        if !number.is_some_and(|x| (0.0..=999.99).contains(&x)) {
            r.refuse("value", "range", "must be a number from 0 to 999.99");
        }
        number
    } else {
        None
    };
    r.finish()?;
    Ok(Entry {
        id,
        name,
        color,
        category,
        value,
    })
}

fn is_color(text: &str) -> bool {
    text.strip_prefix('#')
        .is_some_and(|hex| hex.len() == 6 && hex.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// Custom fields and display names become keys of one object, so no two may be equal.
pub(super) fn check_keys(r: &mut Reader<'_>, project: &Project) {
    let mut keys: Vec<&str> = Vec::new();
    for (member, _) in DISPLAY_NAMES {
        let Some(key) = display_name(project, member) else {
            continue;
        };
        if keys.contains(&key) {
            r.refuse_at(
                &format!("display_names/{member}"),
                "duplicate",
                "is the display name of another member",
            );
        }
        keys.push(key);
    }
    for (i, field) in project.custom_fields.iter().enumerate() {
        if keys.contains(&field.name.as_str()) {
            r.refuse_at(
                &format!("custom_fields/{i}/name"),
                "duplicate",
                "is the display name of a member; choose another name or set display_names",
            );
        }
    }
}

/// Refuses to take away or rename words that objects use.
pub(super) fn check_use(view: &dyn View, before: &Project, after: &Project) -> Result<(), Fault> {
    let lists = [
        (Vocabulary::Statuses, "statuses", "status"),
        (Vocabulary::Columns, "columns", "column"),
        (Vocabulary::Priorities, "priorities", "priority"),
        (Vocabulary::Types, "types", "type"),
        (Vocabulary::Resolutions, "resolutions", "resolution"),
        (Vocabulary::Efforts, "efforts", "score"),
        (Vocabulary::Labels, "labels", "tags"),
    ];
    for (which, list, member) in lists {
        for entry in before.vocabulary(which) {
            if after.entry(which, &entry.name).is_some() {
                continue;
            }
            let used = if which == Vocabulary::Labels {
                any_item(view, |doc| doc.names("tags").contains(&entry.name.as_str()))
            } else {
                ITEMS
                    .iter()
                    .any(|items| view.count_with(*items, member, &entry.name) > 0)
            };
            if used {
                return Err(in_use(list, &entry.name));
            }
        }
    }
    for field in &before.custom_fields {
        let kept = after.custom_fields.iter().any(|f| f.name == field.name);
        if !kept && any_item(view, |doc| doc.get("fields").member(&field.name).is_some()) {
            return Err(in_use("custom_fields", &field.name));
        }
    }
    Ok(())
}

fn any_item(view: &dyn View, is: impl Fn(&tidings_domain::Doc) -> bool) -> bool {
    ITEMS
        .iter()
        .any(|items| view.all(*items).iter().any(|doc| is(doc)))
}

fn in_use(list: &str, name: &str) -> Fault {
    Fault::conflict(
        format!("/{list}"),
        "in_use",
        format!(
            "{name:?} is in use and can be neither removed nor renamed; change the objects first"
        ),
    )
}
