//! Additional headers: which are allowed, and how they are shown.

use tidings_domain::webhook::Sealed;
use tidings_domain::{Fault, Value};
use tidings_egress::headers;

use crate::reader::pointer;
use crate::vault;

/// What is shown in place of a value; written back, it keeps the stored one.
pub const MASK: &str = "***";

/// Longer names mean nothing to anybody.
const MAX_NAME: usize = 100;

/// The value of a header of a webhook that is being saved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum HeaderValue {
    /// As stored.
    Kept(Sealed),
    /// Given now.
    Given(String),
}

impl HeaderValue {
    /// Bytes of the value in plain.
    fn len(&self) -> usize {
        match self {
            HeaderValue::Kept(sealed) => sealed.0.len().saturating_sub(vault::OVERHEAD_BYTES),
            HeaderValue::Given(text) => text.len(),
        }
    }
}

/// The headers that `patch` makes of the stored ones. `keep` is false when the URL leads to another host: then nothing stored goes along.
pub(super) fn read(
    patch: Option<&Value>,
    stored: &[(String, Sealed)],
    keep: bool,
    at: &str,
) -> Result<Vec<(String, HeaderValue)>, Fault> {
    let mut all: Vec<(String, HeaderValue)> = stored
        .iter()
        .filter(|_| keep)
        .map(|(name, value)| (name.clone(), HeaderValue::Kept(value.clone())))
        .collect();
    let members = match patch {
        None => return Ok(all),
        Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Map(members)) => members,
        Some(other) => {
            return Err(Fault::field(
                at,
                "wrong_type",
                format!(
                    "must be an object of names and values, not {}",
                    other.kind()
                ),
            ));
        }
    };
    let mut errors = Vec::new();
    let mut seen: Vec<String> = Vec::new();
    for (name, value) in members {
        let lower = name.to_ascii_lowercase();
        let done = if seen.contains(&lower) {
            let detail = "is there twice: names are the same in any case".to_owned();
            Err(("duplicate", detail))
        } else {
            lay(&mut all, name, value)
        };
        seen.push(lower);
        if let Err((code, detail)) = done {
            errors.extend(Fault::field(format!("{at}/{}", pointer(name)), code, detail).errors);
        }
    }
    let bytes: usize = all
        .iter()
        .map(|(name, value)| name.len() + value.len())
        .sum();
    if all.len() > headers::MAX_COUNT || bytes > headers::MAX_BYTES {
        let detail = "may be at most 20 headers of 8 KiB together";
        errors.extend(Fault::field(at, "length", detail).errors);
    }
    if errors.is_empty() {
        Ok(all)
    } else {
        Err(Fault::invalid(errors))
    }
}

/// Lays one member of a patch over the headers.
fn lay(
    all: &mut Vec<(String, HeaderValue)>,
    name: &str,
    value: &Value,
) -> Result<(), (&'static str, String)> {
    let place = all
        .iter()
        .position(|(known, _)| known.eq_ignore_ascii_case(name));
    match (value, place) {
        (Value::Null, Some(i)) => {
            all.remove(i);
        }
        (Value::Null, None) => {}
        (Value::Text(text), Some(_)) if text == MASK => {}
        (Value::Text(text), place) => {
            check(name, text)?;
            let header = (name.to_owned(), HeaderValue::Given(text.to_string()));
            match place.and_then(|i| all.get_mut(i)) {
                Some(slot) => *slot = header,
                None => all.push(header),
            }
        }
        _ => {
            let detail = "must be a string, or null to remove the header".to_owned();
            return Err(("wrong_type", detail));
        }
    }
    Ok(())
}

fn check(name: &str, value: &str) -> Result<(), (&'static str, String)> {
    if name.len() > MAX_NAME {
        let detail = format!("has a name of more than {MAX_NAME} characters; shorten it");
        return Err(("header_name", detail));
    }
    if value == MASK {
        let detail = "has only the mask that stands for a value: give the value itself".to_owned();
        return Err(("header_value", detail));
    }
    if value.is_empty() {
        return Err((
            "header_value",
            "has no value: give one, or remove the header".to_owned(),
        ));
    }
    headers::check(name, value).map_err(|fault| (fault.code, fault.detail))
}

/// The headers as reads show them.
pub(super) fn masked(headers: &[(String, Sealed)]) -> Value {
    Value::Map(
        headers
            .iter()
            .map(|(name, _)| (name.clone(), MASK.into()))
            .collect(),
    )
}

#[cfg(test)]
mod tests;
