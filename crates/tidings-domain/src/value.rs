//! JSON values that keep the order of members, read strictly.
//!
//! `serde_json::Value` sorts or shuffles members and silently lets the last of two equal keys win. Custom fields are added to a
//! project in the order of the request's body, and two readings of one body are how checks are bypassed, so the domain has its own.

use std::collections::HashSet;
use std::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};

/// A text in a [`Value`]. Most are short words, dates and times, which lie in the value itself; longer ones are shared by the versions
/// of an object that hold them. So a new version of an object costs hardly more than what differs.
pub use smol_str::SmolStr as Text;

/// Largest integer a JSON number can carry through every receiver's reader: 2^53 - 1 (RFC 8259 section 6).
pub const MAX_SAFE_INTEGER: i64 = 9_007_199_254_740_991;

/// A JSON value. Numbers with an integral value are [`Value::Int`], whatever they looked like (`2.0` is `2`).
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Value {
    /// `null`
    #[default]
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Any other number.
    Float(f64),
    /// A string, without NUL.
    Text(Text),
    /// An array.
    List(Vec<Value>),
    /// An object; members in the order in which they came, no name twice.
    Map(Vec<(String, Value)>),
}

impl Value {
    /// Whether this is `null`.
    pub fn is_null(&self) -> bool {
        matches!(self, Value::Null)
    }

    /// The string, if it is one.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The whole number, if it is one.
    pub fn as_int(&self) -> Option<i64> {
        match self {
            Value::Int(n) => Some(*n),
            _ => None,
        }
    }

    /// Any number.
    pub fn as_number(&self) -> Option<f64> {
        match self {
            #[expect(
                clippy::cast_precision_loss,
                reason = "the schema keeps integers within 2^53"
            )]
            Value::Int(n) => Some(*n as f64),
            Value::Float(x) => Some(*x),
            _ => None,
        }
    }

    /// The boolean, if it is one.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Value::Bool(b) => Some(*b),
            _ => None,
        }
    }

    /// The entries of a list; nothing for any other value.
    pub fn as_list(&self) -> &[Value] {
        match self {
            Value::List(items) => items,
            _ => &[],
        }
    }

    /// The members of an object; nothing for any other value.
    pub fn as_map(&self) -> &[(String, Value)] {
        match self {
            Value::Map(members) => members,
            _ => &[],
        }
    }

    /// The named member of an object.
    pub fn member(&self, name: &str) -> Option<&Value> {
        self.as_map()
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value)
    }

    /// About how many bytes it takes in memory.
    pub fn weight(&self) -> usize {
        let inside = match self {
            Value::Null | Value::Bool(_) | Value::Int(_) | Value::Float(_) => 0,
            Value::Text(text) => text.len(),
            Value::List(items) => items.iter().map(Value::weight).sum(),
            Value::Map(members) => {
                let each = |(name, value): &(String, Value)| name.len() + value.weight();
                members.iter().map(each).sum()
            }
        };
        size_of::<Self>() + inside
    }

    /// What kind of JSON value this is, in the words an error message uses.
    pub fn kind(&self) -> &'static str {
        match self {
            Value::Null => "null",
            Value::Bool(_) => "a boolean",
            Value::Int(_) | Value::Float(_) => "a number",
            Value::Text(_) => "a string",
            Value::List(_) => "a list",
            Value::Map(_) => "an object",
        }
    }

    /// Reads one JSON text strictly: no member twice, no NUL, nothing after the value.
    ///
    /// # Errors
    /// The reader's own words, with line and column.
    pub fn parse(text: &[u8]) -> Result<Value, serde_json::Error> {
        serde_json::from_slice(text)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Value::Text(text.into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Value::Text(text.into())
    }
}

impl From<Text> for Value {
    fn from(text: Text) -> Self {
        Value::Text(text)
    }
}

impl From<i64> for Value {
    fn from(n: i64) -> Self {
        Value::Int(n)
    }
}

impl From<bool> for Value {
    fn from(b: bool) -> Self {
        Value::Bool(b)
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Value::Null, Into::into)
    }
}

impl<T: Into<Value>> From<Vec<T>> for Value {
    fn from(items: Vec<T>) -> Self {
        Value::List(items.into_iter().map(Into::into).collect())
    }
}

/// A number from outside; integral ones become [`Value::Int`].
pub fn number(x: f64) -> Value {
    #[expect(clippy::cast_precision_loss, reason = "the bound itself is exact")]
    let limit = MAX_SAFE_INTEGER as f64;
    if x.fract() == 0.0 && x.abs() <= limit {
        #[expect(clippy::cast_possible_truncation, reason = "integral and within 2^53")]
        Value::Int(x as i64)
    } else {
        Value::Float(x)
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Value::Null => serializer.serialize_unit(),
            Value::Bool(b) => serializer.serialize_bool(*b),
            Value::Int(n) => serializer.serialize_i64(*n),
            Value::Float(x) => serializer.serialize_f64(*x),
            Value::Text(text) => serializer.serialize_str(text),
            Value::List(items) => serializer.collect_seq(items),
            Value::Map(members) => {
                let mut map = serializer.serialize_map(Some(members.len()))?;
                for (key, value) in members {
                    map.serialize_entry(key, value)?;
                }
                map.end()
            }
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

/// So many members are looked through for a name; of more the names are noted.
const FEW: usize = 16;

struct Reader;

impl Reader {
    fn text<E: de::Error>(text: &str) -> Result<(), E> {
        if text.contains('\0') {
            Err(E::custom("the character NUL is not allowed in text"))
        } else {
            Ok(())
        }
    }
}

impl<'de> Visitor<'de> for Reader {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, b: bool) -> Result<Value, E> {
        Ok(Value::Bool(b))
    }

    fn visit_i64<E>(self, n: i64) -> Result<Value, E> {
        Ok(Value::Int(n))
    }

    fn visit_u64<E>(self, n: u64) -> Result<Value, E> {
        #[expect(
            clippy::cast_precision_loss,
            reason = "beyond every range the schema allows; refused there"
        )]
        Ok(i64::try_from(n).map_or(Value::Float(n as f64), Value::Int))
    }

    fn visit_f64<E>(self, x: f64) -> Result<Value, E> {
        Ok(number(x))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Value, E> {
        Self::text(text)?;
        Ok(Value::Text(text.into()))
    }

    fn visit_string<E: de::Error>(self, text: String) -> Result<Value, E> {
        Self::text(&text)?;
        Ok(Value::Text(text.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Value::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut members: Vec<(String, Value)> = Vec::new();
        let mut many = HashSet::new();
        while let Some(key) = map.next_key::<String>()? {
            Self::text(&key)?;
            let is_there = if members.len() < FEW {
                members.iter().any(|(name, _)| *name == key)
            } else {
                if many.is_empty() {
                    many.extend(members.iter().map(|(name, _)| name.clone()));
                }
                !many.insert(key.clone())
            };
            if is_there {
                return Err(de::Error::custom(format_args!(
                    "the member {key:?} is there twice"
                )));
            }
            members.push((key, map.next_value()?));
        }
        Ok(Value::Map(members))
    }
}
