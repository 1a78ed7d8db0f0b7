//! May the server send there? Asked when a URL is saved; the egress client asks again, by itself, each time it connects.

use async_trait::async_trait;
use tidings_domain::Fault;
use tidings_egress::{Client, Saved, policy, target};
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

/// Judges URLs. The real one is the egress client; tests say what they need.
#[async_trait]
pub trait Guard: Send + Sync + 'static {
    /// Judges one URL; takes two seconds at most.
    async fn judge(&self, url: &Url) -> Judged;

    /// What the configuration allows beyond public addresses, for people.
    fn allowed(&self) -> Vec<String>;
}

#[async_trait]
impl Guard for Client {
    async fn judge(&self, url: &Url) -> Judged {
        match self.check_url(url.as_str()).await {
            Saved::Ok { .. } => Judged::Fine,
            Saved::Unresolved { .. } => Judged::Unresolved,
            // A canonical URL that was read once is read again; should it not be, it must not be sent to.
            Saved::Forbidden | Saved::Invalid(_) => Judged::Forbidden,
        }
    }

    fn allowed(&self) -> Vec<String> {
        self.policy()
            .allow()
            .iter()
            .map(ToString::to_string)
            .collect()
    }
}

/// Reads a webhook's URL into its canonical form. `at` is the pointer of the member.
pub fn parse(text: &str, at: &str) -> Result<Url, Fault> {
    target::parse(text).map_err(|fault| Fault::field(at, fault.code, fault.detail))
}

/// The one refusal for every URL the server must not reach: it tells nothing about what is there.
pub fn forbidden(at: &str) -> Fault {
    Fault {
        code: "url_forbidden",
        ..Fault::field(at, "url_forbidden", policy::REFUSED)
    }
}

/// Whether two URLs have the same host and port: only then stored headers and secrets go along.
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
