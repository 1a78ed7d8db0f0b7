//! Query parameters, read strictly, and the cursors of lists.

use tidings_domain::Fault;
use tidings_domain::fault::FaultKind;

use crate::route::{Row, Surface};

/// Percent-encoded twice over, a filter still fits.
const MAX_QUERY: usize = 8 * 1024;

/// More parameters than any page has.
const MOST_PARTS: usize = 100;

/// The parameters of a request, each at most once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    /// Reads the query of a request to that route.
    ///
    /// # Errors
    /// 400 for what is no query at all, 422 for parameters that are unknown or there twice.
    pub(crate) fn read(raw: Option<&str>, row: &Row) -> Result<Self, Fault> {
        let raw = raw.unwrap_or_default();
        if row.surface == Surface::Console {
            return Ok(Self::leniently(raw, row));
        }
        if raw.len() > MAX_QUERY {
            return Err(malformed("the query is longer than 8 KiB"));
        }
        let mut pairs: Vec<(String, String)> = Vec::new();
        for part in raw.split('&').filter(|part| !part.is_empty()) {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            let (Some(name), Some(value)) = (decode(name, true), decode(value, true)) else {
                return Err(malformed("the query is not percent-encoded UTF-8"));
            };
            if value.contains('\0') {
                return Err(malformed("the query holds the character NUL"));
            }
            if !row.query.iter().any(|p| p.name == name) {
                let known: Vec<_> = row.query.iter().map(|p| p.name).collect();
                let detail = if known.is_empty() {
                    "is not known: this route has no parameters".to_owned()
                } else {
                    format!("is not known; known are {}", known.join(", "))
                };
                return Err(Fault::field(name, "unknown_parameter", detail));
            }
            if pairs.iter().any(|(n, _)| *n == name) {
                return Err(Fault::field(name, "duplicate", "is there twice"));
            }
            pairs.push((name, value));
        }
        Ok(Self(pairs))
    }

    /// Reads the query of a page: an address that somebody cut, or another program added to, still opens its page. A form that asks sends
    /// every field, also those that were left empty.
    fn leniently(raw: &str, row: &Row) -> Self {
        let mut pairs: Vec<(String, String)> = Vec::new();
        for part in raw.split('&').take(MOST_PARTS) {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            let (Some(name), Some(value)) = (decode(name, true), decode(value, true)) else {
                continue;
            };
            let known = row.query.iter().any(|p| p.name == name);
            let again = pairs.iter().any(|(n, _)| *n == name);
            let plain = !value.is_empty() && !value.contains('\0') && value.len() <= MAX_QUERY;
            if known && plain && !again {
                pairs.push((name, value));
            }
        }
        Self(pairs)
    }

    /// A parameter.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, value)| value.as_str())
    }

    /// `true`, `false`, or absent (false).
    pub(crate) fn flag(&self, name: &str) -> Result<bool, Fault> {
        match self.get(name) {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(_) => Err(Fault::field(name, "query", "must be true or false")),
        }
    }

    /// All of them.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(n, v)| (n.as_str(), v.as_str()))
    }
}

fn malformed(detail: &str) -> Fault {
    Fault::new(FaultKind::Malformed, "malformed_query", detail)
}

/// Undoes percent-encoding; `None` for broken escapes and what is not UTF-8. In a query a plus sign is a space.
pub(crate) fn decode(text: &str, plus: bool) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'%' => {
                let high = char::from(bytes.next()?).to_digit(16)?;
                let low = char::from(bytes.next()?).to_digit(16)?;
                out.push(u8::try_from(high * 16 + low).ok()?);
            }
            b'+' if plus => out.push(b' '),
            other => out.push(other),
        }
    }
    String::from_utf8(out).ok()
}

/// A cursor: the position, and a check that ties it to one list of one project. It grants nothing; the check only turns a cursor
/// that was mixed up or made up into a clear answer instead of a surprising page.
pub(crate) fn write_cursor(position: i64, list: &str) -> String {
    format!("{position:x}.{:08x}", check(position, list))
}

/// The position of a cursor of that list.
pub(crate) fn read_cursor(text: &str, list: &str) -> Option<i64> {
    let (position, _) = text.split_once('.')?;
    let position = i64::from_str_radix(position, 16).ok()?;
    (position > 0 && write_cursor(position, list) == text).then_some(position)
}

/// FNV-1a: small, stable, and secrecy is not asked for.
fn check(position: i64, list: &str) -> u32 {
    let bytes = list.bytes().chain(position.to_be_bytes());
    bytes.fold(0x811c_9dc5, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    })
}

#[cfg(test)]
mod tests;
