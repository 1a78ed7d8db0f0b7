//! May the server send there? Asked when a URL is saved; the egress client asks again, by itself, each time it connects.

use async_trait::async_trait;
use tidings_domain::Fault;
use url::Url;

/// What the guard thinks of a URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judged {
    /// Every address it leads to may be connected to.
    Fine,
    /// Its name does not resolve now: saved with a warning, judged again when it is used.
    Unresolved,
    /// It leads to an address the server must not reach.
    Forbidden,
}

/// Judges URLs.
#[async_trait]
pub trait Guard: Send + Sync + 'static {
    /// Judges one URL; takes two seconds at most.
    async fn judge(&self, url: &Url) -> Judged;

    /// What the configuration allows beyond public addresses, for people.
    fn allowed(&self) -> Vec<String>;
}

const MAX_URL: usize = 2000;

/// Reads a webhook's URL: http or https, with a host, without user and password. `at` is the pointer of the member.
pub fn parse(text: &str, at: &str) -> Result<Url, Fault> {
    let refuse = |detail: &str| Err(Fault::field(at, "url", detail));
    if text.is_empty() || text.len() > MAX_URL {
        return refuse("must have 1 to 2000 characters");
    }
    // A lenient reader drops these and turns the backslash round; a receiver's log, a proxy or a person may read them otherwise.
    if text
        .chars()
        .any(|c| c.is_control() || c.is_whitespace() || c == '\\')
    {
        return refuse(
            "must not hold spaces, control characters or backslashes; percent-encode them",
        );
    }
    let lenient = text
        .split_once(':')
        .is_none_or(|(_, rest)| !rest.starts_with("//") || rest.starts_with("///"));
    let Some(url) = Url::parse(text).ok().filter(|_| !lenient) else {
        return refuse("must be an absolute URL like https://example.com/hook");
    };
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return refuse("must begin with https:// or http:// and name a host");
    }
    if !url.username().is_empty() || url.password().is_some() || has_userinfo(text) {
        return refuse("must not hold a user or password; use a header for credentials");
    }
    if url.fragment().is_some() {
        return refuse("must not have a fragment (#...): it is never sent");
    }
    if url.port() == Some(0) {
        return refuse("must not name port 0");
    }
    Ok(url)
}

/// An empty userinfo (`http://@host`) leaves no trace in the parsed URL.
fn has_userinfo(text: &str) -> bool {
    let after_scheme = text.split_once("//").map_or(text, |(_, rest)| rest);
    let authority = after_scheme
        .split(['/', '?', '#'])
        .next()
        .unwrap_or_default();
    authority.contains('@')
}

/// The one refusal for every URL the server must not reach: it tells nothing about what is there.
pub fn forbidden(at: &str) -> Fault {
    Fault {
        code: "url_forbidden",
        ..Fault::field(
            at,
            "url_forbidden",
            "leads to an address this server must not reach; the server's configuration can allow internal receivers (egress.allow)",
        )
    }
}

/// Scheme, host and port: what must be the same for stored headers and secrets to go along.
pub fn same_place(a: &str, b: &str) -> bool {
    let place = |text: &str| {
        let url = Url::parse(text).ok()?;
        let host = url.host_str()?.to_owned();
        Some((host, url.port_or_known_default()?))
    };
    let a = place(a);
    a.is_some() && a == place(b)
}

#[cfg(test)]
mod tests;
