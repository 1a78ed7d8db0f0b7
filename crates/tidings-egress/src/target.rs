//! Reading a webhook's URL: once, into one canonical form that everything after it uses.

use std::fmt;
use std::net::IpAddr;

use url::{Host, Url};

/// The longest URL taken.
pub const MAX_URL: usize = 2_000;

/// What is wrong with a URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UrlFault {
    /// Closed word: `url_too_long`, `url_scheme`, ...
    pub code: &'static str,
    /// The fault, and what to do about it.
    pub detail: String,
}

impl fmt::Display for UrlFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

impl std::error::Error for UrlFault {}

fn fault(code: &'static str, detail: impl Into<String>) -> UrlFault {
    UrlFault {
        code,
        detail: detail.into(),
    }
}

/// Parses what a person or a program gave as a webhook's URL. The result is canonical: numbers in any notation are an address,
/// names are lower case ASCII, the fragment is gone.
pub fn parse(input: &str) -> Result<Url, UrlFault> {
    if input.is_empty() {
        return Err(fault(
            "url_empty",
            "the URL is empty; give one such as https://example.com/hook",
        ));
    }
    if input.len() > MAX_URL {
        return Err(fault(
            "url_too_long",
            format!(
                "the URL has {} bytes, more than {MAX_URL}; shorten it",
                input.len()
            ),
        ));
    }
    if let Some(hidden) = input
        .chars()
        .find(|c| c.is_control() || c.is_whitespace() || is_invisible(*c))
    {
        return Err(fault(
            "url_characters",
            format!(
                "the URL contains the character U+{:04X} (white space, control or invisible); remove it or write it percent-encoded",
                u32::from(hidden)
            ),
        ));
    }
    if input.contains('\\') {
        return Err(fault(
            "url_characters",
            "the URL contains a backslash; write / instead, or %5C where a backslash is meant",
        ));
    }
    let Some((scheme, rest)) = input.split_once(':') else {
        return Err(fault(
            "url_scheme",
            "the URL has no scheme; it must begin with https:// or http://",
        ));
    };
    if !scheme.eq_ignore_ascii_case("https") && !scheme.eq_ignore_ascii_case("http") {
        return Err(fault(
            "url_scheme",
            "the URL must begin with https:// or http://; no other scheme is possible",
        ));
    }
    let authority = rest
        .strip_prefix("//")
        .and_then(|rest| rest.split(['/', '?', '#']).next())
        .unwrap_or("");
    if authority.contains('@') {
        return Err(fault(
            "url_userinfo",
            "the URL contains a user name or password; remove everything up to the @ and use a custom header (Authorization) instead",
        ));
    }
    if authority.is_empty() || authority.starts_with(':') {
        return Err(fault(
            "url_host",
            format!("the URL has no host; write {scheme}://HOST/PATH"),
        ));
    }
    let mut url = Url::parse(input).map_err(|error| match error {
        url::ParseError::InvalidPort => {
            fault("url_port", "the URL's port is no number from 1 to 65535")
        }
        error => fault(
            "url_host",
            format!("the URL cannot be read: {error}; check the host name"),
        ),
    })?;
    url.set_fragment(None);
    if url.as_str().len() > MAX_URL {
        return Err(fault(
            "url_too_long",
            format!(
                "the URL has {} bytes once its letters are percent-encoded, more than {MAX_URL}; shorten it",
                url.as_str().len()
            ),
        ));
    }
    check(&url)?;
    Ok(url)
}

/// Characters that are not seen, and can make one host look like another.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}')
}

/// The rules that also hold for a URL that comes from the store.
pub fn check(url: &Url) -> Result<(), UrlFault> {
    if !matches!(url.scheme(), "http" | "https") {
        return Err(fault(
            "url_scheme",
            "the URL must begin with https:// or http://; no other scheme is possible",
        ));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(fault(
            "url_userinfo",
            "the URL contains a user name or password; use a custom header (Authorization) instead",
        ));
    }
    if url.port() == Some(0) {
        return Err(fault(
            "url_port",
            "port 0 cannot be connected to; give the port of the receiver, or none",
        ));
    }
    if url.as_str().len() > MAX_URL * 3 {
        return Err(fault(
            "url_too_long",
            "the URL is too long once it is percent-encoded; shorten it",
        ));
    }
    match url.host() {
        Some(Host::Domain(name)) => check_name(name),
        Some(_) => Ok(()),
        None => Err(fault(
            "url_host",
            "the URL has no host; write https://HOST/PATH",
        )),
    }
}

pub(crate) fn check_name(name: &str) -> Result<(), UrlFault> {
    let bare = name.strip_suffix('.').unwrap_or(name);
    let label_ok = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    if bare.len() <= 253 && bare.split('.').all(label_ok) {
        Ok(())
    } else {
        Err(fault(
            "url_host",
            "the URL's host is no host name: labels of 1 to 63 letters, digits and hyphens, joined by single dots, 253 characters at most",
        ))
    }
}

/// Where a URL leads.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target<'a> {
    pub(crate) https: bool,
    /// As the URL writes it (IPv6 in brackets).
    pub(crate) host: &'a str,
    /// The address, when the host is a literal.
    pub(crate) literal: Option<IpAddr>,
    pub(crate) port: u16,
}

impl<'a> Target<'a> {
    pub(crate) fn of(url: &'a Url) -> Result<Self, UrlFault> {
        check(url)?;
        let https = url.scheme() == "https";
        let literal = match url.host() {
            Some(Host::Ipv4(ip)) => Some(IpAddr::V4(ip)),
            Some(Host::Ipv6(ip)) => Some(IpAddr::V6(ip)),
            _ => None,
        };
        let port = url.port().unwrap_or(if https { 443 } else { 80 });
        Ok(Self {
            https,
            host: url.host_str().unwrap_or_default(),
            literal,
            port,
        })
    }
}

#[cfg(test)]
mod tests;
