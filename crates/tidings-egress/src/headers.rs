//! Which headers a webhook may add to its requests.

/// The most custom headers of a webhook.
pub const MAX_COUNT: usize = 20;
/// The most bytes of all names and values together.
pub const MAX_BYTES: usize = 8 * 1024;

/// What is wrong with a custom header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderFault {
    /// Closed word: `header_name`, `header_value`, `header_reserved`, `header_duplicate`, `too_many_headers`, `headers_too_large`.
    pub code: &'static str,
    /// The header it is about; empty when it is about all.
    pub name: String,
    /// The fault, and what to do about it.
    pub detail: String,
}

/// Names that belong to the connection, to the framing, or to the client.
const RESERVED: &[&str] = &[
    "accept-encoding",
    "alt-svc",
    "connection",
    "date",
    "expect",
    "host",
    "http2-settings",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "via",
    "x-header",
];

/// Beginnings of names that Tidings or a vendor's format speaks for itself.
const RESERVED_PREFIXES: &[&str] = &[
    "content-",
    "proxy-",
    "webhook-",
    "x-tidings-",
    "x-icescrum-",
    "x-squish-",
];

/// An RFC 9110 token.
pub fn is_token(name: &str) -> bool {
    !name.is_empty()
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}

/// Checks one header of a webhook.
pub fn check(name: &str, value: &str) -> Result<(), HeaderFault> {
    let fault = |code, detail: String| {
        Err(HeaderFault {
            code,
            name: name.to_owned(),
            detail,
        })
    };
    if !is_token(name) {
        return fault("header_name", "a header name consists of letters, digits and !#$%&'*+-.^_`|~ only; remove other characters".to_owned());
    }
    if RESERVED.iter().any(|word| name.eq_ignore_ascii_case(word))
        || RESERVED_PREFIXES
            .iter()
            .any(|prefix| has_prefix(name, prefix))
    {
        return fault(
            "header_reserved",
            format!("the header {name} is set by Tidings itself; choose another name"),
        );
    }
    if let Some(bad) = value.chars().find(|c| !(' '..='~').contains(c)) {
        return fault(
            "header_value",
            format!(
                "the value contains U+{:04X}; use visible ASCII characters and spaces only",
                u32::from(bad)
            ),
        );
    }
    if value.starts_with(' ') || value.ends_with(' ') {
        return fault(
            "header_value",
            "the value begins or ends with a space; remove it".to_owned(),
        );
    }
    Ok(())
}

/// Checks all headers of a webhook; every fault is told.
pub fn check_all<'a>(headers: impl IntoIterator<Item = (&'a str, &'a str)>) -> Vec<HeaderFault> {
    let mut faults = Vec::new();
    let mut seen: Vec<&str> = Vec::new();
    let mut bytes = 0;
    for (name, value) in headers {
        bytes += name.len() + value.len();
        if let Err(fault) = check(name, value) {
            faults.push(fault);
        } else if seen.iter().any(|other| other.eq_ignore_ascii_case(name)) {
            let detail = format!("the header {name} is given twice; give it once");
            faults.push(HeaderFault {
                code: "header_duplicate",
                name: name.to_owned(),
                detail,
            });
        }
        seen.push(name);
    }
    if seen.len() > MAX_COUNT {
        let detail = format!(
            "{} headers are more than {MAX_COUNT}; remove some",
            seen.len()
        );
        faults.push(HeaderFault {
            code: "too_many_headers",
            name: String::new(),
            detail,
        });
    }
    if bytes > MAX_BYTES {
        let detail =
            format!("the headers have {bytes} bytes together, more than {MAX_BYTES}; shorten them");
        faults.push(HeaderFault {
            code: "headers_too_large",
            name: String::new(),
            detail,
        });
    }
    faults
}

fn has_prefix(name: &str, prefix: &str) -> bool {
    name.get(..prefix.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

#[cfg(test)]
mod tests;
