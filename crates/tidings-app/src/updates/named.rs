//! Old and new values as people read them: what refers to something is called by its name.

use tidings_domain::collection::ITEMS;
use tidings_domain::schema::{self, Kind};
use tidings_domain::{Collection, FieldChange, ObjectRef, Value, View, time};

use super::{name_of, title_of};
use crate::reader::object;

/// The changes of an object's members.
pub(super) fn changes(view: &dyn View, of: Collection, changes: &[FieldChange]) -> Value {
    let schema = schema::of(of);
    let shown = changes.iter().map(|change| {
        let kind = schema.member(&change.member).map(|m| m.kind);
        object([
            ("member", change.member.clone().into()),
            ("name", member_words(&change.member).into()),
            ("old", value(view, kind, &change.old)),
            ("new", value(view, kind, &change.new)),
        ])
    });
    Value::List(shown.collect())
}

/// What a bulk update set in items.
pub(super) fn set(view: &dyn View, members: &[(String, Value)]) -> Value {
    let kind = |name: &str| {
        let mut schemas = ITEMS.iter().map(|items| schema::of(*items));
        schemas.find_map(|schema| schema.member(name).map(|m| m.kind))
    };
    let shown = members
        .iter()
        .map(|(name, given)| (member_words(name), value(view, kind(name), given)));
    Value::Map(shown.collect())
}

fn value(view: &dyn View, kind: Option<Kind>, given: &Value) -> Value {
    let to = match kind {
        Some(Kind::Person | Kind::People) => Collection::Members,
        Some(Kind::Link(to) | Kind::Links(to)) => to,
        Some(Kind::Parent) => Collection::Stories,
        Some(Kind::Ref(_)) => {
            return ObjectRef::from_value(given).map_or_else(
                || given.clone(),
                |key| called(view, key.collection, key.id).into(),
            );
        }
        Some(Kind::Word(_)) => return given.as_str().map(said).into(),
        Some(Kind::Date) => return day(given).unwrap_or_else(|| given.clone()),
        Some(Kind::Time) => return moment(given).unwrap_or_else(|| given.clone()),
        _ => return given.clone(),
    };
    match given {
        Value::Int(id) => called(view, to, *id).into(),
        Value::List(ids) => Value::List(ids.iter().map(|id| value(view, kind, id)).collect()),
        Value::Map(_) => value(view, Some(Kind::Ref(&ITEMS)), given),
        other => other.clone(),
    }
}

/// A member as people say it.
fn member_words(name: &str) -> String {
    match name {
        "external_id" => "id in the tracker".to_owned(),
        "start_date" | "started_at" => "begins".to_owned(),
        "end_date" | "ended_at" => "ends".to_owned(),
        "due_date" => "due".to_owned(),
        "parent" => "part of".to_owned(),
        "on" => "belongs to".to_owned(),
        name => name.replace('_', " "),
    }
}

/// A word of a closed list as people say it.
fn said(word: &str) -> String {
    match word {
        "todo" => "to do".to_owned(),
        "doing" => "under way".to_owned(),
        "success" => "passed".to_owned(),
        word => word.replace('_', " "),
    }
}

fn day(given: &Value) -> Option<Value> {
    let midnight = format!("{}T00:00:00Z", given.as_str()?);
    let day = time::parse(&midnight)?.strftime("%-d %b %Y").to_string();
    Some(day.into())
}

fn moment(given: &Value) -> Option<Value> {
    let at = time::parse(given.as_str()?)?;
    Some(at.strftime("%-d %b %Y, %H:%M UTC").to_string().into())
}

/// What people call an object; one that is gone is called by its number.
pub(super) fn called(view: &dyn View, collection: Collection, id: i64) -> String {
    if collection == Collection::Members {
        return name_of(view, id);
    }
    let noun = collection.singular().replace('_', " ");
    title_of(view, ObjectRef::new(collection, id)).unwrap_or_else(|| format!("{noun} {id}"))
}
