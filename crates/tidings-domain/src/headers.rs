//! Header fields of a request or an answer, in their order. There are a dozen of them for each try of each delivery: all their text
//! lies in one piece.

use std::fmt::{self, Write};

use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Names and values, any of them more than once.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Headers {
    text: String,
    /// Where each name ends, and its value after it.
    ends: Vec<(usize, usize)>,
}

impl Headers {
    /// None yet, with room for so many with so many bytes.
    pub fn with_capacity(count: usize, bytes: usize) -> Self {
        Self {
            text: String::with_capacity(bytes),
            ends: Vec::with_capacity(count),
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Bytes of all names and values.
    pub fn bytes(&self) -> usize {
        self.text.len()
    }

    /// Bytes of memory that it holds, room for more included.
    pub fn memory(&self) -> usize {
        self.text.capacity() + self.ends.capacity() * size_of::<(usize, usize)>()
    }

    /// Adds one at the end.
    pub fn push(&mut self, name: &str, value: &str) {
        self.push_with(name, |text| text.push_str(value));
    }

    /// Adds one with a value as it is shown.
    pub fn push_shown(&mut self, name: &str, value: impl fmt::Display) {
        self.push_with(name, |text| {
            // Writing to a String cannot fail.
            let _ = write!(text, "{value}");
        });
    }

    /// Adds one whose value is what `write` adds to the text it is given.
    pub fn push_with(&mut self, name: &str, write: impl FnOnce(&mut String)) {
        self.text.push_str(name);
        let name = self.text.len();
        write(&mut self.text);
        self.ends.push((name, self.text.len()));
    }

    /// Keeps the first so many.
    pub fn truncate(&mut self, count: usize) {
        self.ends.truncate(count);
        self.text.truncate(self.ends.last().map_or(0, |end| end.1));
    }

    /// Gives back what memory it does not need.
    pub fn shrink_to_fit(&mut self) {
        self.text.shrink_to_fit();
        self.ends.shrink_to_fit();
    }

    /// Names and values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> + Clone {
        self.ends.iter().scan(0, |start, (name, value)| {
            let header = (self.slice(*start, *name), self.slice(*name, *value));
            *start = *value;
            Some(header)
        })
    }

    fn slice(&self, from: usize, to: usize) -> &str {
        self.text.get(from..to).unwrap_or_default()
    }

    /// The first value of a header, in whatever case its name is written.
    pub fn get(&self, name: &str) -> Option<&str> {
        let mut all = self.iter();
        let found = all.find(|(other, _)| other.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value)
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<N: AsRef<str>, V: AsRef<str>> FromIterator<(N, V)> for Headers {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(all: I) -> Self {
        let mut headers = Self::default();
        for (name, value) in all {
            headers.push(name.as_ref(), value.as_ref());
        }
        headers
    }
}

/// As a list of pairs.
impl Serialize for Headers {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de> Deserialize<'de> for Headers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;
        impl<'de> Visitor<'de> for Pairs {
            type Value = Headers;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("pairs of a name and a value")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut row: A) -> Result<Headers, A::Error> {
                let mut headers = Headers::default();
                while let Some((name, value)) = row.next_element::<(String, String)>()? {
                    headers.push(&name, &value);
                }
                Ok(headers)
            }
        }
        deserializer.deserialize_seq(Pairs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_pushed_is_there_in_its_order() {
        let mut headers = Headers::with_capacity(4, 64);
        assert!(headers.is_empty() && headers.iter().next().is_none());
        headers.push("A", "1");
        headers.push("", "");
        headers.push_shown("b", 42);
        headers.push_with("A", |text| text.push_str("\u{e9}\n"));
        let all = [("A", "1"), ("", ""), ("b", "42"), ("A", "\u{e9}\n")];
        assert!(headers.iter().eq(all));
        assert_eq!((headers.len(), headers.bytes()), (4, 9));
        assert_eq!(
            (headers.get("B"), headers.get("a")),
            (Some("42"), Some("1"))
        );
        assert_eq!(all.into_iter().collect::<Headers>(), headers);
        let text = serde_json::to_string(&headers).unwrap();
        assert_eq!(serde_json::from_str::<Headers>(&text).unwrap(), headers);
        headers.truncate(2);
        headers.push("c", "3");
        assert!(headers.iter().eq([("A", "1"), ("", ""), ("c", "3")]));
        headers.truncate(0);
        assert_eq!(headers, Headers::default());
    }
}
