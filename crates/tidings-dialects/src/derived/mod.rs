//! Values that several dialects derive the same way from what a project holds.
//!
//! Everything here answers for every project, also a damaged one: a reference that leads nowhere is as good as none.

pub use tidings_domain::status;

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use tidings_domain::schema::Vocabulary;
use tidings_domain::{Collection, Doc, ObjectRef, Project, Time, Value, View};
use uuid::Uuid;

/// No chain of replies or parents is longer; whatever a store holds, walking ends.
const LONGEST_CHAIN: usize = 32;

/// The object that orders an event: what `on` leads to in the end, a block's blocked item, an acceptance test's story,
/// otherwise the object itself.
pub fn root(view: &dyn View, doc: &Doc) -> ObjectRef {
    let mut at = doc.key();
    let mut next = above(doc);
    for _ in 0..LONGEST_CHAIN {
        let Some(to) = next else { break };
        at = to;
        next = view.get(to).and_then(|d| above(&d));
    }
    at
}

fn above(doc: &Doc) -> Option<ObjectRef> {
    match doc.collection() {
        Collection::Blocks => doc.reference("blocked"),
        Collection::AcceptanceTests => doc.reference("story"),
        _ => doc.reference("on"),
    }
}

/// The object that a comment (through its replies), a timer, an attachment is on in the end.
pub fn subject(view: &dyn View, child: &Doc) -> Option<Arc<Doc>> {
    let mut at = view.get(child.reference("on")?)?;
    for _ in 0..LONGEST_CHAIN {
        if at.collection() != Collection::Comments {
            return Some(at);
        }
        at = view.get(at.reference("on")?)?;
    }
    None
}

/// The points of a score: a number as it is, a name as its effort's value.
pub fn points(project: &Project, score: &Value) -> Option<f64> {
    match score {
        Value::Text(name) => project.entry(Vocabulary::Efforts, name)?.value,
        number => number.as_number(),
    }
}

/// Text as HTML that shows exactly that text: everything special escaped, blank lines part paragraphs, line ends are `<br/>`.
/// Empty for empty text.
pub fn html(text: &str) -> String {
    let text = unix(text);
    let mut out = String::with_capacity(text.len() + 16);
    for paragraph in text.split("\n\n") {
        let paragraph = paragraph.trim_matches('\n');
        if paragraph.trim().is_empty() {
            continue;
        }
        out.push_str("<p>");
        for c in paragraph.chars() {
            match c {
                '&' => out.push_str("&amp;"),
                '<' => out.push_str("&lt;"),
                '>' => out.push_str("&gt;"),
                '"' => out.push_str("&quot;"),
                '\'' => out.push_str("&#39;"),
                '\n' => out.push_str("<br/>"),
                c => out.push(c),
            }
        }
        out.push_str("</p>");
    }
    out
}

fn unix(text: &str) -> Cow<'_, str> {
    if text.contains('\r') {
        Cow::Owned(text.replace("\r\n", "\n").replace('\r', "\n"))
    } else {
        Cow::Borrowed(text)
    }
}

/// A UUID that stays the object's for life: its external id if that is one, else one made from where it was created.
pub fn uuid(project: &Project, doc: &Doc) -> Uuid {
    let given = doc.opt_text("external_id").filter(|text| text.len() == 36);
    given
        .and_then(|text| Uuid::try_parse(text).ok())
        .unwrap_or_else(|| {
            let place = match doc.origin() {
                Some(origin) => format!("tidings:{origin}"),
                None => format!("tidings:{}/{}/{}", project.id, doc.collection(), doc.id()),
            };
            Uuid::new_v5(&Uuid::NAMESPACE_URL, place.as_bytes())
        })
}

/// Where people open an object: its own URL, else the path of the vendor's form below the project's base.
pub fn link(base_url: &str, doc: &Doc, path: impl FnOnce() -> String) -> String {
    match doc.opt_text("url") {
        Some(url) => url.to_owned(),
        None => format!("{base_url}{}", path()),
    }
}

/// `First Last`; the first name alone where there is no last.
pub fn full_name(person: &Doc) -> String {
    match person.text("last_name") {
        "" => person.text("first_name").to_owned(),
        last => format!("{} {last}", person.text("first_name")),
    }
}

/// `Last, First`; the first name alone where there is no last.
pub fn sorted_name(person: &Doc) -> String {
    match person.text("last_name") {
        "" => person.text("first_name").to_owned(),
        last => format!("{last}, {}", person.text("first_name")),
    }
}

/// The person a member names, also one that was deleted.
pub fn person(view: &dyn View, doc: &Doc, member: &str) -> Option<Arc<Doc>> {
    view.person(doc.int(member)?)
}

/// The people of a list, in its order.
pub fn people(view: &dyn View, doc: &Doc, member: &str) -> Vec<Arc<Doc>> {
    let ids = doc.ids(member);
    ids.into_iter().filter_map(|id| view.person(id)).collect()
}

/// The first assignee.
pub fn responsible(view: &dyn View, item: &Doc) -> Option<Arc<Doc>> {
    people(view, item, "assignees").into_iter().next()
}

/// The instant on the clocks of the project's time zone; UTC where the zone is unknown.
pub fn local(project: &Project, at: Time) -> jiff::Zoned {
    let zone = jiff::tz::TimeZone::get(&project.time_zone).unwrap_or(jiff::tz::TimeZone::UTC);
    at.to_zoned(zone)
}

/// Minutes of the finished time entries on an item.
pub fn tracked_minutes(view: &dyn View, item: ObjectRef) -> i64 {
    view.referrers(item, Collection::TimeEntries, "on")
        .iter()
        .filter(|entry| !entry.flag("running"))
        .filter_map(|entry| entry.int("minutes"))
        .fold(0, i64::saturating_add)
}

/// How many comments an object has; replies count for what the first comment is on.
pub fn comment_count(view: &dyn View, on: ObjectRef) -> usize {
    let (mut seen, mut open) = (BTreeSet::new(), vec![on]);
    while let Some(on) = open.pop() {
        for comment in view.referrers(on, Collection::Comments, "on") {
            if seen.insert(comment.id()) {
                open.push(comment.key());
            }
        }
    }
    seen.len()
}

/// Minutes as hours, rounded to two digits.
pub fn hours(minutes: i64) -> f64 {
    #[expect(
        clippy::cast_precision_loss,
        reason = "rounded to two digits right after"
    )]
    let hours = minutes as f64 / 60.0;
    (hours * 100.0).round() / 100.0
}

/// The sprint of an item: its own, else its parent story's.
pub fn sprint(view: &dyn View, item: &Doc) -> Option<Arc<Doc>> {
    if let Some(own) = item.reference("sprint") {
        return view.get(own);
    }
    let story = parent_story(view, item)?;
    view.get(story.reference("sprint")?)
}

/// The nearest story above an item.
pub fn parent_story(view: &dyn View, item: &Doc) -> Option<Arc<Doc>> {
    nearest_parent(view, item, |c| c == Collection::Stories)
}

/// The nearest item above that is in one of the collections `wanted` takes.
pub fn nearest_parent(
    view: &dyn View,
    item: &Doc,
    wanted: impl Fn(Collection) -> bool,
) -> Option<Arc<Doc>> {
    let mut at = view.get(item.reference("parent")?)?;
    for _ in 0..LONGEST_CHAIN {
        if wanted(at.collection()) {
            return Some(at);
        }
        at = view.get(at.reference("parent")?)?;
    }
    None
}

#[cfg(test)]
mod tests;
