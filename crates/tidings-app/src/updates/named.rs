//! Old and new values as people read them: what refers to something is called by its name.

use tidings_domain::collection::ITEMS;
use tidings_domain::schema::{self, Kind};
use tidings_domain::{Collection, FieldChange, ObjectRef, Value, View};

use super::{name_of, title_of};
use crate::reader::object;

/// The changes of an object's members.
pub(super) fn changes(view: &dyn View, of: Collection, changes: &[FieldChange]) -> Value {
    let schema = schema::of(of);
    let shown = changes.iter().map(|change| {
        let kind = schema.member(&change.member).map(|m| m.kind);
        object([
            ("member", change.member.clone().into()),
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
        .map(|(name, given)| (name.clone(), value(view, kind(name), given)));
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
        _ => return given.clone(),
    };
    match given {
        Value::Int(id) => called(view, to, *id).into(),
        Value::List(ids) => Value::List(ids.iter().map(|id| value(view, kind, id)).collect()),
        Value::Map(_) => value(view, Some(Kind::Ref(&ITEMS)), given),
        other => other.clone(),
    }
}

/// What people call an object; one that is gone is called by its number.
fn called(view: &dyn View, collection: Collection, id: i64) -> String {
    if collection == Collection::Members {
        return name_of(view, id);
    }
    let noun = collection.singular().replace('_', " ");
    title_of(view, ObjectRef::new(collection, id)).unwrap_or_else(|| format!("{noun} {id}"))
}
