//! Web addresses as people write them: kept to the letter, shown and sent on, never called. So a link need not be an RFC 3986 URI
//! (trackers hold addresses with letters of every script); it has the shape that [`LINK`] says, and the description of the API says
//! the same.

/// White space and control characters: what no link holds.
macro_rules! blank {
    () => {
        r"\u0000-\u0020\u007f-\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff"
    };
}

/// Host and port.
macro_rules! place {
    () => {
        concat!(
            r#"(\[[0-9A-Fa-f:.]+\]|[^/?#@:\[\]\\<>"^`{|}"#,
            blank!(),
            "]+)(:[0-9]{0,5})?"
        )
    };
}

/// A link, as a regular expression of JSON Schema.
pub const LINK: &str = concat!(
    "^[Hh][Tt][Tt][Pp][Ss]?://([^/?#",
    blank!(),
    "]*@)?",
    place!(),
    "([/?#][^",
    blank!(),
    "]*)?$"
);

/// A link without user and password.
pub const PLAIN_LINK: &str = concat!(
    "^[Hh][Tt][Tt][Pp][Ss]?://",
    place!(),
    "([/?#][^",
    blank!(),
    "]*)?$"
);

/// A link that others are made from by what is written behind it: only scheme, host, port and path.
pub const BASE: &str = concat!(
    "^[Hh][Tt][Tt][Pp][Ss]?://",
    place!(),
    "(/[^?#",
    blank!(),
    "]*)?$"
);

/// Whether that is a [`LINK`].
pub fn is_link(text: &str) -> bool {
    split(text).is_some()
}

/// Whether that is a [`PLAIN_LINK`].
pub fn is_plain_link(text: &str) -> bool {
    split(text).is_some_and(|(user, _)| user.is_none())
}

/// Whether that is a [`BASE`].
pub fn is_base(text: &str) -> bool {
    split(text).is_some_and(|(user, rest)| user.is_none() && !rest.contains(['?', '#']))
}

/// User and password, and what comes behind host and port, of a link.
fn split(text: &str) -> Option<(Option<&str>, &str)> {
    if text.contains(is_blank) {
        return None;
    }
    let (scheme, rest) = text.split_once("://")?;
    if !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https") {
        return None;
    }
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, behind) = rest.split_at_checked(end)?;
    let (user, place) = match authority.rsplit_once('@') {
        Some((user, place)) => (Some(user), place),
        None => (None, authority),
    };
    is_place(place).then_some((user, behind))
}

fn is_blank(c: char) -> bool {
    c.is_control() || c.is_whitespace() || c == '\u{feff}'
}

/// Whether that is a host, with or without a port.
fn is_place(place: &str) -> bool {
    let port = if let Some(rest) = place.strip_prefix('[') {
        let Some((address, port)) = rest.split_once(']') else {
            return false;
        };
        let good = |c: char| c.is_ascii_hexdigit() || matches!(c, ':' | '.');
        if address.is_empty() || !address.chars().all(good) {
            return false;
        }
        port
    } else {
        let (host, port) = place.split_at(place.find(':').unwrap_or(place.len()));
        let strange = ['[', ']', '\\', '<', '>', '"', '^', '`', '{', '|', '}'];
        if host.is_empty() || host.contains(strange) {
            return false;
        }
        port
    };
    let digits = port.strip_prefix(':');
    port.is_empty() || digits.is_some_and(|d| d.len() <= 5 && d.bytes().all(|b| b.is_ascii_digit()))
}

#[cfg(test)]
mod tests;
