//! Reads the members of a request's object, strictly: every fault is collected with its pointer, unknown members are refused by name.

use tidings_domain::fault::FieldFault;
use tidings_domain::{Fault, Value, time};

/// Reads one JSON object. Ask for each member, then [`Reader::finish`].
#[derive(Debug)]
pub struct Reader<'a> {
    members: &'a [(String, Value)],
    at: String,
    known: Vec<&'static str>,
    errors: Vec<FieldFault>,
}

impl<'a> Reader<'a> {
    /// A reader of the object at the JSON pointer `at` (empty: the whole body).
    pub fn new(value: &'a Value, at: &str) -> Result<Self, Fault> {
        match value {
            Value::Map(members) => Ok(Self {
                members,
                at: at.to_owned(),
                known: Vec::new(),
                errors: Vec::new(),
            }),
            other => Err(Fault::field(
                at,
                "wrong_type",
                format!("must be an object, not {}", other.kind()),
            )),
        }
    }

    /// The member as it came; a name that was not asked for is unknown.
    pub fn raw(&mut self, name: &'static str) -> Option<&'a Value> {
        self.known.push(name);
        self.members.iter().find(|(n, _)| n == name).map(|(_, v)| v)
    }

    /// Notes a fault in a member.
    pub fn refuse(&mut self, name: &str, code: &'static str, detail: impl Into<String>) {
        self.errors.push(FieldFault {
            field: format!("{}/{}", self.at, pointer(name)),
            code,
            detail: detail.into(),
        });
    }

    /// Notes a fault deeper inside: `place` is a pointer below this object, without the leading slash.
    pub fn refuse_at(&mut self, place: &str, code: &'static str, detail: impl Into<String>) {
        self.errors.push(FieldFault {
            field: format!("{}/{place}", self.at),
            code,
            detail: detail.into(),
        });
    }

    /// Takes over the faults of a value inside this one.
    pub fn absorb<T>(&mut self, result: Result<T, Fault>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(fault) => {
                self.errors.extend(fault.errors);
                None
            }
        }
    }

    fn wrong_type(&mut self, name: &str, wanted: &str, got: &Value) {
        self.refuse(
            name,
            "wrong_type",
            format!("must be {wanted}, not {}", got.kind()),
        );
    }

    /// A member that must be there.
    pub fn require<T>(&mut self, name: &str, value: Option<T>) -> Option<T> {
        let faulty = self.has_fault(name);
        if value.is_none() && !faulty {
            self.refuse(name, "required", "must be given");
        }
        value
    }

    fn has_fault(&self, name: &str) -> bool {
        let field = format!("{}/{}", self.at, pointer(name));
        self.errors.iter().any(|e| e.field == field)
    }

    /// A string of `min..=max` characters without control characters other than line breaks and tabs.
    pub fn text(&mut self, name: &'static str, min: usize, max: usize) -> Option<String> {
        let value = self.raw(name)?;
        self.text_of(name, value, min, max)
    }

    /// As [`Reader::text`]; `Some(None)` is null.
    pub fn text_or_null(
        &mut self,
        name: &'static str,
        min: usize,
        max: usize,
    ) -> Option<Option<String>> {
        match self.raw(name)? {
            Value::Null => Some(None),
            value => self.text_of(name, value, min, max).map(Some),
        }
    }

    fn text_of(&mut self, name: &str, value: &Value, min: usize, max: usize) -> Option<String> {
        let Value::Text(text) = value else {
            self.wrong_type(name, "a string", value);
            return None;
        };
        let length = text.chars().count();
        if length < min || length > max {
            let detail = format!("must have {min} to {max} characters, has {length}");
            self.refuse(name, "length", detail);
            return None;
        }
        if text
            .chars()
            .any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t'))
        {
            self.refuse(
                name,
                "control_character",
                "must not hold control characters",
            );
            return None;
        }
        Some(text.to_string())
    }

    /// `true` or `false`.
    pub fn flag(&mut self, name: &'static str) -> Option<bool> {
        let value = self.raw(name)?;
        if value.as_bool().is_none() {
            self.wrong_type(name, "true or false", value);
        }
        value.as_bool()
    }

    /// A whole number in the range.
    pub fn int(&mut self, name: &'static str, min: i64, max: i64) -> Option<i64> {
        let value = self.raw(name)?;
        self.int_of(name, value, min, max)
    }

    /// As [`Reader::int`]; `Some(None)` is null.
    pub fn int_or_null(&mut self, name: &'static str, min: i64, max: i64) -> Option<Option<i64>> {
        match self.raw(name)? {
            Value::Null => Some(None),
            value => self.int_of(name, value, min, max).map(Some),
        }
    }

    fn int_of(&mut self, name: &str, value: &Value, min: i64, max: i64) -> Option<i64> {
        let Value::Int(n) = value else {
            self.wrong_type(name, "a whole number", value);
            return None;
        };
        if *n < min || *n > max {
            self.refuse(name, "range", format!("must be from {min} to {max}"));
            return None;
        }
        Some(*n)
    }

    /// One of a closed list of words.
    pub fn word(&mut self, name: &'static str, words: &[&'static str]) -> Option<&'static str> {
        let value = self.raw(name)?;
        let found = value
            .as_str()
            .and_then(|text| words.iter().find(|w| **w == text));
        if found.is_none() {
            let list = words
                .iter()
                .map(|w| format!("{w:?}"))
                .collect::<Vec<_>>()
                .join(", ");
            self.refuse(name, "unknown_word", format!("must be one of {list}"));
        }
        found.copied()
    }

    /// An instant (RFC 3339).
    pub fn time(&mut self, name: &'static str) -> Option<time::Time> {
        let value = self.raw(name)?;
        let found = value.as_str().and_then(time::parse);
        if found.is_none() {
            self.refuse(
                name,
                "time",
                "must be a time like 2026-03-02T11:40:00Z (RFC 3339)",
            );
        }
        found
    }

    /// As [`Reader::time`]; `Some(None)` is null.
    pub fn time_or_null(&mut self, name: &'static str) -> Option<Option<time::Time>> {
        match self.members.iter().find(|(n, _)| n == name) {
            Some((_, Value::Null)) => {
                self.known.push(name);
                Some(None)
            }
            _ => self.time(name).map(Some),
        }
    }

    /// Every fault found, and one for each member that nobody asked for.
    pub fn finish(mut self) -> Result<(), Fault> {
        for (name, _) in self.members {
            if !self.known.contains(&name.as_str()) {
                let detail = format!("is not known here; known are {}", self.known.join(", "));
                self.errors.push(FieldFault {
                    field: format!("{}/{}", self.at, pointer(name)),
                    code: "unknown_member",
                    detail,
                });
            }
        }
        if self.errors.is_empty() {
            Ok(())
        } else {
            Err(Fault::invalid(self.errors))
        }
    }
}

/// A name as a token of a JSON pointer (RFC 6901).
pub fn pointer(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// A JSON object of these members, in this order.
pub fn object<const N: usize>(members: [(&str, Value); N]) -> Value {
    Value::Map(
        members
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect(),
    )
}

/// RFC 7396: `patch` laid over `base`, in the order of `base`.
pub fn merge(base: &Value, patch: &Value) -> Value {
    let Value::Map(changes) = patch else {
        return patch.clone();
    };
    let mut members = base.as_map().to_vec();
    for (name, change) in changes {
        let place = members.iter().position(|(n, _)| n == name);
        match (place, change) {
            (Some(i), Value::Null) => {
                members.remove(i);
            }
            (None, Value::Null) => {}
            (Some(i), change) => {
                if let Some((_, value)) = members.get_mut(i) {
                    *value = merge(value, change);
                }
            }
            (None, change) => members.push((name.clone(), merge(&Value::Null, change))),
        }
    }
    Value::Map(members)
}
