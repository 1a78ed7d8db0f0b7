//! Refuses what another site's page makes a browser do.
//!
//! A browser says where a request comes from: `Sec-Fetch-Site` in all current ones, `Origin` with every POST in all of them. A request
//! that changes something must come from a page of this very origin; one that says nothing of itself is no browser's form, and has
//! no business here either (programs use the API, which knows no cookies). Beside this the session's cookie is `SameSite=Lax`.

use http::{HeaderMap, header};
use tidings_domain::Fault;

/// Refuses a state change that does not come from one of our pages.
pub(crate) fn check(headers: &HeaderMap) -> Result<(), Fault> {
    if is_ours(headers) {
        return Ok(());
    }
    Err(Fault::forbidden(
        "cross_site",
        "this form was not sent from a page of this server; open the console and do it there. Behind a proxy: let it pass the Host header on unchanged",
    ))
}

fn is_ours(headers: &HeaderMap) -> bool {
    let one = |name: &str| {
        let mut values = headers.get_all(name).iter();
        match (values.next(), values.next()) {
            (None, _) => Some(None),
            (Some(value), None) => value.to_str().ok().map(Some),
            _ => None,
        }
    };
    let (Some(site), Some(origin), Some(host)) = (
        one("sec-fetch-site"),
        one(header::ORIGIN.as_str()),
        one(header::HOST.as_str()),
    ) else {
        return false;
    };
    // A page of http://host may post to http://host:other: the same site, another origin, and not ours.
    let same_origin = |origin: &str| {
        let authority = origin
            .strip_prefix("https://")
            .or_else(|| origin.strip_prefix("http://"));
        authority.is_some_and(|a| !a.is_empty() && host.is_some_and(|h| h.eq_ignore_ascii_case(a)))
    };
    match (site, origin) {
        (Some("same-origin"), None) => true,
        (Some("same-origin") | None, Some(origin)) => same_origin(origin),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
