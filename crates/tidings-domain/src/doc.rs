//! One object: the values of its collection's members, in the schema's order.

use std::fmt;
use std::sync::Arc;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, Visitor};
use serde::ser::{Serialize, Serializer};

use crate::collection::{Collection, ObjectRef};
use crate::json;
use crate::schema::{self, Member, Schema};
use crate::time::{self, Date, Time};
use crate::value::Value;

/// The member that stored objects carry and nobody sees; see [`Doc::origin`].
const ORIGIN: &str = "_origin";

/// An object of a collection. Always has every member of its schema; what nobody set is [`Value::Null`] or the default.
#[derive(Clone, PartialEq)]
pub struct Doc {
    schema: Collection,
    values: Vec<Value>,
    /// Where the object was created, `{project id}/{collection}/{id}`, if it has moved since: identities derived from that
    /// place (GitScrum's uuid) must survive a move. Stored, never shown.
    origin: Option<Arc<str>>,
}

static NULL: Value = Value::Null;

impl Doc {
    /// An object whose members are all null.
    pub fn empty(collection: Collection) -> Self {
        Self {
            schema: collection,
            values: vec![Value::Null; schema::of(collection).members.len()],
            origin: None,
        }
    }

    /// The collection.
    pub fn collection(&self) -> Collection {
        self.schema
    }

    /// The table of members.
    pub fn schema(&self) -> &'static Schema {
        schema::of(self.schema)
    }

    /// The members with their values, in the schema's order.
    pub fn members(&self) -> impl Iterator<Item = (&'static Member, &Value)> {
        self.schema().members.iter().zip(&self.values)
    }

    /// A member's value; null for a name that the collection does not have.
    pub fn get(&self, name: &str) -> &Value {
        let index = self.schema().index(name);
        index.and_then(|i| self.values.get(i)).unwrap_or(&NULL)
    }

    /// Sets a member; a name that the collection does not have is ignored.
    pub fn set(&mut self, name: &str, value: impl Into<Value>) {
        if let Some(slot) = self
            .schema()
            .index(name)
            .and_then(|i| self.values.get_mut(i))
        {
            *slot = value.into();
        }
    }

    /// Builder form of [`Doc::set`], for samples and tests.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        debug_assert!(
            self.schema().index(name).is_some(),
            "{} have no member {name}",
            self.schema
        );
        self.set(name, value);
        self
    }

    /// The id.
    pub fn id(&self) -> i64 {
        self.get("id").as_int().unwrap_or_default()
    }

    /// Collection and id.
    pub fn key(&self) -> ObjectRef {
        ObjectRef::new(self.schema, self.id())
    }

    /// The version.
    pub fn sequence(&self) -> i64 {
        self.get("sequence").as_int().unwrap_or_default()
    }

    /// About how many bytes its values take in memory.
    pub fn weight(&self) -> usize {
        self.values.iter().map(Value::weight).sum()
    }

    /// Where it was created, if it has moved since.
    pub fn origin(&self) -> Option<&str> {
        self.origin.as_deref()
    }

    /// Notes where it was created.
    pub fn set_origin(&mut self, origin: &str) {
        self.origin = Some(origin.into());
    }

    /// A string member; empty when null.
    pub fn text(&self, name: &str) -> &str {
        self.opt_text(name).unwrap_or_default()
    }

    /// A string member.
    pub fn opt_text(&self, name: &str) -> Option<&str> {
        self.get(name).as_str()
    }

    /// A whole number.
    pub fn int(&self, name: &str) -> Option<i64> {
        self.get(name).as_int()
    }

    /// Any number.
    pub fn number(&self, name: &str) -> Option<f64> {
        self.get(name).as_number()
    }

    /// A boolean; false when null.
    pub fn flag(&self, name: &str) -> bool {
        self.get(name).as_bool().unwrap_or_default()
    }

    /// An instant.
    pub fn time(&self, name: &str) -> Option<Time> {
        time::parse(self.opt_text(name)?)
    }

    /// A day.
    pub fn date(&self, name: &str) -> Option<Date> {
        time::parse_date(self.opt_text(name)?)
    }

    /// A list of ids.
    pub fn ids(&self, name: &str) -> Vec<i64> {
        self.get(name)
            .as_list()
            .iter()
            .filter_map(Value::as_int)
            .collect()
    }

    /// A list of names.
    pub fn names(&self, name: &str) -> Vec<&str> {
        self.get(name)
            .as_list()
            .iter()
            .filter_map(Value::as_str)
            .collect()
    }

    /// A reference: `on`, `item`, `blocked`, `issue`, `parent` (an integer is the id of a story), or a link to one collection.
    pub fn reference(&self, name: &str) -> Option<ObjectRef> {
        let place = self.schema().index(name)?;
        let member = self.schema().members.get(place)?;
        reference(member.kind, self.values.get(place)?)
    }

    /// Every reference to an object that is no member, with the name of the member that holds it: what the stores index.
    pub fn references(&self) -> Vec<(&'static str, ObjectRef)> {
        let mut all = Vec::new();
        for (member, value) in self.members() {
            match member.kind {
                schema::Kind::Links(to) => {
                    all.extend(
                        value
                            .as_list()
                            .iter()
                            .filter_map(Value::as_int)
                            .map(|id| (member.name, ObjectRef::new(to, id))),
                    );
                }
                schema::Kind::Link(_) | schema::Kind::Ref(_) | schema::Kind::Parent => {
                    all.extend(reference(member.kind, value).map(|to| (member.name, to)));
                }
                _ => {}
            }
        }
        all
    }

    /// The JSON that people see.
    pub fn to_json(&self) -> Vec<u8> {
        json::object(|object| self.write(object))
    }

    /// Adds the JSON that people see.
    pub fn add_json(&self, out: &mut Vec<u8>) {
        json::add_object(out, |object| self.write(object));
    }

    fn write(&self, object: &mut json::Members<'_>) {
        for (member, value) in self.members() {
            object.value(member.name, value);
        }
    }

    /// The JSON that a store keeps: what people see, and the origin.
    pub fn to_stored(&self) -> Vec<u8> {
        json::object(|object| {
            // What is not there reads as null.
            for (member, value) in self.members().filter(|(_, value)| !value.is_null()) {
                object.value(member.name, value);
            }
            if let Some(origin) = &self.origin {
                object.add(ORIGIN, &**origin);
            }
        })
    }

    /// Reads what [`Doc::to_stored`] wrote. Members that the schema no longer has are dropped, new ones are null.
    ///
    /// # Errors
    /// The text is not a JSON object.
    pub fn from_stored(collection: Collection, text: &[u8]) -> Result<Doc, serde_json::Error> {
        let mut reader = serde_json::Deserializer::from_slice(text);
        let doc = Seed(collection).deserialize(&mut reader)?;
        reader.end()?;
        Ok(doc)
    }
}

/// What the value of a member of that kind refers to.
fn reference(kind: schema::Kind, value: &Value) -> Option<ObjectRef> {
    match (value, kind) {
        (Value::Int(id), schema::Kind::Parent) => Some(ObjectRef::new(Collection::Stories, *id)),
        (Value::Int(id), schema::Kind::Link(to)) => Some(ObjectRef::new(to, *id)),
        (Value::Int(id), schema::Kind::Person) => Some(ObjectRef::new(Collection::Members, *id)),
        _ => ObjectRef::from_value(value),
    }
}

impl fmt::Debug for Doc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.schema)?;
        f.debug_map()
            .entries(self.members().map(|(m, v)| (m.name, v)))
            .finish()
    }
}

impl Serialize for Doc {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.members().map(|(m, v)| (m.name, v)))
    }
}

struct Seed(Collection);

impl<'de> DeserializeSeed<'de> for Seed {
    type Value = Doc;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Doc, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Seed {
    type Value = Doc;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a stored object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Doc, A::Error> {
        let schema = schema::of(self.0);
        let mut doc = Doc::empty(self.0);
        // Stored objects are written in the schema's order, so the next member is nearly always the next name.
        let mut next = 0;
        while let Some(key) = map.next_key::<std::borrow::Cow<'de, str>>()? {
            let expected = schema.members.get(next).is_some_and(|m| m.name == key);
            let index = if expected {
                Some(next)
            } else {
                schema.index(&key)
            };
            match index.and_then(|i| doc.values.get_mut(i).map(|slot| (i, slot))) {
                Some((i, slot)) => {
                    *slot = map.next_value()?;
                    next = i + 1;
                }
                None if key == ORIGIN => doc.origin = Some(map.next_value::<String>()?.into()),
                None => {
                    map.next_value::<serde::de::IgnoredAny>()?;
                }
            }
        }
        Ok(doc)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_written_as_serde_writes_it_and_read_as_it_was() {
        for collection in Collection::ALL {
            let mut doc = Doc::empty(*collection);
            for (place, member) in doc.schema().members.iter().enumerate() {
                assert_eq!(doc.schema().index(member.name), Some(place));
                let value = match place % 4 {
                    0 => Value::Int(7),
                    1 => "a \"text\"".into(),
                    2 => Value::Null,
                    _ => vec![1, 2].into(),
                };
                doc.set(member.name, value);
            }
            assert_eq!(doc.schema().index("no such member"), None);
            doc.set_origin("1/tasks/7");
            assert_eq!(doc.to_json(), serde_json::to_vec(&doc).unwrap());
            let again = Doc::from_stored(*collection, &doc.to_stored()).unwrap();
            assert!(again == doc, "{again:?}");
        }
    }
}
