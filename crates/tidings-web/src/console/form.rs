//! The fields of a form as the browser sent them.

use tidings_domain::Value;

use crate::query::decode;

/// More fields than any page has.
const MOST_FIELDS: usize = 2000;

/// Fields in the order of the page; a name may come several times (boxes that are ticked).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Form(Vec<(String, String)>);

impl Form {
    /// Reads `application/x-www-form-urlencoded`; `None` for broken escapes, what is not UTF-8, and NUL.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let text = str::from_utf8(bytes).ok()?;
        let parts = text.split('&').filter(|part| !part.is_empty());
        let fields: Option<Vec<_>> = parts
            .take(MOST_FIELDS)
            .map(|part| {
                let (name, value) = part.split_once('=').unwrap_or((part, ""));
                // Browsers end the lines of a text area with CRLF, whatever was typed.
                let value = decode(value, true)?.replace("\r\n", "\n");
                Some((decode(name, true)?, value)).filter(|(_, value)| !value.contains('\0'))
            })
            .collect();
        fields.map(Self)
    }

    /// A field as it was sent; empty when it was not.
    pub fn get(&self, name: &str) -> &str {
        self.0
            .iter()
            .find(|(n, _)| n == name)
            .map_or("", |(_, value)| value)
    }

    /// A field without spaces around it; `None` when nothing is left.
    pub fn text(&self, name: &str) -> Option<&str> {
        Some(self.get(name).trim()).filter(|text| !text.is_empty())
    }

    /// Whether a box is ticked, or a button of that name was pressed.
    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(n, _)| n == name)
    }

    /// Every value of a name.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0
            .iter()
            .filter(move |(n, _)| n == name)
            .map(|(_, value)| value.as_str())
    }

    /// Every field, in order.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(n, v)| (n.as_str(), v.as_str()))
    }

    /// A field for a use case: text, or null when it was left empty.
    pub fn text_or_null(&self, name: &str) -> Value {
        self.text(name).map_or(Value::Null, Value::from)
    }

    /// A field for a use case: a whole number, null when it was left empty, and the text itself when it is no number, so that the use
    /// case says what is wrong with it.
    pub fn int_or_null(&self, name: &str) -> Value {
        match self.text(name) {
            None => Value::Null,
            Some(text) => text
                .parse::<i64>()
                .map_or_else(|_| Value::from(text), Value::from),
        }
    }
}

impl<'a> FromIterator<(&'a str, &'a str)> for Form {
    fn from_iter<I: IntoIterator<Item = (&'a str, &'a str)>>(fields: I) -> Self {
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        Self(fields.into_iter().map(owned).collect())
    }
}

#[cfg(test)]
mod tests;
