//! Captured requests: their headers from lines, whose they look like, whether their signatures hold. Pure: what it reads was written
//! by strangers, so the fuzz target `verify` reads it too.

use anyhow::Context;
use http::{HeaderMap, HeaderName, HeaderValue};
use tidings_dialects::Dialect;
use tidings_dialects::signature::{self, Key, Verdict as Checked};

/// What a check of a request found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Every signature is right.
    Good,
    /// There is no secret to check with, or nothing is signed.
    Unsigned,
    /// Why it is not to be trusted.
    Bad(String),
}

/// Checks every signature that a request carries.
pub(crate) fn check(
    dialect: &dyn Dialect,
    secret: Option<&str>,
    headers: &HeaderMap,
    body: &[u8],
    now: Option<i64>,
) -> Verdict {
    if !body.is_empty() && tidings_domain::Value::parse(body).is_err() {
        return Verdict::Bad("the body is no JSON".into());
    }
    let Some(secret) = secret.filter(|s| !s.is_empty()) else {
        return Verdict::Unsigned;
    };
    let header = |name: &str| headers.get(name).and_then(|v| v.to_str().ok());
    let got = signature::Received {
        id: header("webhook-id").unwrap_or_default(),
        timestamp: header("webhook-timestamp").unwrap_or_default(),
        signature: header("webhook-signature").unwrap_or_default(),
    };
    let standard = signature::verify_standard(&Key::new(secret), got, body, now);
    let vendor = signature::verify_vendor(dialect, secret, body, header);
    let vendor_name = dialect.signature(secret, body).map_or("", |(name, _)| name);
    match (standard, vendor) {
        // A request of the vendor itself carries only the vendor's header.
        (Checked::Valid, Checked::Valid | Checked::NotSigned) | (Checked::Missing, Checked::Valid) => Verdict::Good,
        (Checked::Missing, Checked::NotSigned | Checked::Missing) => Verdict::Bad("there is a secret, but the request carries no signature".into()),
        (Checked::Stale, _) => Verdict::Bad("webhook-timestamp is more than five minutes from this clock: a replay, or a wrong clock".into()),
        (Checked::Wrong, _) => Verdict::Bad("webhook-signature does not match: another secret, or a changed body".into()),
        (_, Checked::Missing) => Verdict::Bad(format!("{vendor_name} is missing")),
        (_, _) => Verdict::Bad(format!("{vendor_name} does not match: another secret, or a changed body")),
    }
}

/// Whose request it looks like.
pub(crate) fn detect(headers: &HeaderMap) -> &'static str {
    if headers.contains_key("x-squish-action") {
        "squish"
    } else if headers.contains_key("x-icescrum-event") {
        "icescrum"
    } else if headers.get("x-header").is_some_and(|v| v == "GitScrum") {
        "gitscrum"
    } else {
        match headers.get("x-tidings-event").and_then(|v| v.to_str().ok()) {
            Some("Item" | "Favorite" | "Block" | "Comment") => "sprintly",
            Some(code) if code.bytes().all(|b| b.is_ascii_digit()) => "backlog",
            _ => "standard",
        }
    }
}

/// Headers from lines; a request line and blank lines are passed over, so that a whole captured head may be given.
pub(crate) fn headers<'a>(lines: impl Iterator<Item = &'a str>) -> anyhow::Result<HeaderMap> {
    let mut all = HeaderMap::new();
    for line in lines
        .map(str::trim)
        .filter(|l| !l.is_empty() && !l.contains(" HTTP/"))
    {
        let (name, value) = line
            .split_once(':')
            .with_context(|| format!("{line:?} is no header: expected `Name: value`"))?;
        let name: HeaderName = name
            .trim()
            .parse()
            .with_context(|| format!("{name:?} is no header name"))?;
        let value = HeaderValue::from_str(value.trim())
            .with_context(|| format!("the value of {name} is no header value"))?;
        all.append(name, value);
    }
    Ok(all)
}

#[cfg(test)]
mod check;
#[cfg(test)]
mod tests;
