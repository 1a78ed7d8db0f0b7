//! Additional headers: which are allowed, and how they are shown.

use tidings_domain::webhook::Sealed;
use tidings_domain::{Fault, Value};

use crate::reader::pointer;

/// What is shown in place of a value; written back, it keeps the stored one.
pub const MASK: &str = "***";

const MAX_HEADERS: usize = 20;
const MAX_BYTES: usize = 8 * 1024;

/// Hop-by-hop, framing, and what the client or a dialect sets itself.
const RESERVED: [&str; 25] = [
    "accept-encoding",
    "connection",
    "content-encoding",
    "content-length",
    "content-location",
    "content-md5",
    "content-range",
    "content-type",
    "cookie2",
    "date",
    "expect",
    "forwarded",
    "host",
    "http2-settings",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "via",
    "x-header",
];
const RESERVED_PREFIXES: [&str; 5] = [
    "webhook-",
    "x-tidings-",
    "x-icescrum-",
    "x-squish-",
    "content-",
];

/// The value of a header of a webhook that is being saved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum HeaderValue {
    /// As stored.
    Kept(Sealed),
    /// Given now.
    Given(String),
}

/// The headers that `patch` makes of the stored ones. `keep` is false when the URL leads to another host: then nothing stored goes along.
pub(super) fn read(
    patch: Option<&Value>,
    stored: &[(String, Sealed)],
    keep: bool,
    at: &str,
) -> Result<Vec<(String, HeaderValue)>, Fault> {
    let mut headers: Vec<(String, HeaderValue)> = stored
        .iter()
        .filter(|_| keep)
        .map(|(name, value)| (name.clone(), HeaderValue::Kept(value.clone())))
        .collect();
    let members = match patch {
        None => return Ok(headers),
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
        let place = headers
            .iter()
            .position(|(n, _)| n.eq_ignore_ascii_case(name));
        let fault = if seen.contains(&lower) {
            Some((
                "duplicate",
                "is there twice: names are the same in any case",
            ))
        } else {
            match (value, place) {
                (Value::Null, Some(i)) => {
                    headers.remove(i);
                    None
                }
                (Value::Null, None) => None,
                (Value::Text(text), Some(_)) if text == MASK => None,
                (Value::Text(text), place) => match check(&lower, text) {
                    Ok(()) => {
                        let value = HeaderValue::Given(text.clone());
                        match place.and_then(|i| headers.get_mut(i)) {
                            Some(slot) => *slot = (name.clone(), value),
                            None => headers.push((name.clone(), value)),
                        }
                        None
                    }
                    Err(fault) => Some(fault),
                },
                _ => Some((
                    "wrong_type",
                    "must be a string, or null to remove the header",
                )),
            }
        };
        seen.push(lower);
        if let Some((code, detail)) = fault {
            errors.extend(Fault::field(format!("{at}/{}", pointer(name)), code, detail).errors);
        }
    }
    let bytes: usize = headers
        .iter()
        .map(|(name, value)| {
            name.len()
                + match value {
                    HeaderValue::Given(text) => text.len(),
                    HeaderValue::Kept(sealed) => sealed.0.len(),
                }
        })
        .sum();
    if headers.len() > MAX_HEADERS || bytes > MAX_BYTES {
        let detail = "may be at most 20 headers of 8 KiB together";
        errors.extend(Fault::field(at, "length", detail).errors);
    }
    if errors.is_empty() {
        Ok(headers)
    } else {
        Err(Fault::invalid(errors))
    }
}

fn check(lower: &str, value: &str) -> Result<(), (&'static str, &'static str)> {
    let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    if lower.is_empty() || lower.len() > 100 || !lower.bytes().all(token) {
        return Err((
            "header_name",
            "is not a header name (RFC 9110 token of at most 100 characters)",
        ));
    }
    let reserved =
        RESERVED.contains(&lower) || RESERVED_PREFIXES.iter().any(|p| lower.starts_with(p));
    if reserved {
        return Err((
            "header_reserved",
            "is set by Tidings, the dialect or the connection itself",
        ));
    }
    let visible = value.bytes().all(|b| matches!(b, 0x20..=0x7e));
    if value.is_empty() || !visible || value.starts_with(' ') || value.ends_with(' ') {
        return Err((
            "header_value",
            "must be visible ASCII without spaces at the ends",
        ));
    }
    if value == MASK {
        return Err((
            "header_value",
            "is the mask that reads show; give the value",
        ));
    }
    Ok(())
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
