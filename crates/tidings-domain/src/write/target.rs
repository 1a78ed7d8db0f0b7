//! Which object a path or an entry means.

use std::sync::Arc;

use crate::collection::{Collection, ObjectRef};
use crate::doc::Doc;
use crate::fault::Fault;
use crate::value::{MAX_SAFE_INTEGER, Value};
use crate::view::View;

/// Before the external id wherever an integer id may stand.
const EXTERNAL: &str = "ext:";

/// An object as a request names it: `42` or `ext:X`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// The integer id.
    Id(i64),
    /// The id the caller gave it.
    External(String),
}

impl Target {
    /// Reads `42` or `ext:X`.
    pub fn parse(text: &str) -> Option<Target> {
        if let Some(external) = text.strip_prefix(EXTERNAL) {
            let fits = (1..=200).contains(&external.chars().count());
            return fits.then(|| Target::External(external.to_owned()));
        }
        let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        let id = text
            .parse()
            .ok()
            .filter(|id| digits && (1..=MAX_SAFE_INTEGER).contains(id));
        id.map(Target::Id)
    }

    /// Reads an integer or a string `ext:X` in a body.
    pub fn from_value(value: &Value) -> Option<Target> {
        match value {
            Value::Int(id) if (1..=MAX_SAFE_INTEGER).contains(id) => Some(Target::Id(*id)),
            Value::Text(text) if text.starts_with(EXTERNAL) => Target::parse(text),
            _ => None,
        }
    }

    /// The integer id; for an external id that of the object that has it.
    pub fn id(&self, view: &dyn View, collection: Collection) -> Option<i64> {
        match self {
            Target::Id(id) => Some(*id),
            Target::External(external) => view.by_external_id(collection, external),
        }
    }

    /// The object, if it is there.
    pub fn find(&self, view: &dyn View, collection: Collection) -> Option<Arc<Doc>> {
        view.get(ObjectRef::new(collection, self.id(view, collection)?))
    }

    /// The object, or the refusal that says it is not there.
    pub fn must(&self, view: &dyn View, collection: Collection) -> Result<Arc<Doc>, Fault> {
        self.find(view, collection)
            .ok_or_else(|| absent(collection, self))
    }
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Target::Id(id) => id.fmt(f),
            Target::External(external) => write!(f, "{EXTERNAL}{external}"),
        }
    }
}

fn absent(collection: Collection, target: &Target) -> Fault {
    Fault::not_found(format!("there is no {collection}/{target} in this project"))
}
