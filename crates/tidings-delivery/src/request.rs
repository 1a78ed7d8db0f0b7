//! What one try sends: headers in their order, signatures, the exact bytes. Pure.
//!
//! A [`Recipe`] is a webhook made ready: URL parsed, secrets opened, once per version of the webhook. Each try is then made from
//! it, so that an edit acts from the next try on while bytes and id stay what they were.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tidings_dialects::Dialect;
use tidings_dialects::signature::Key;
use tidings_domain::webhook::{Sealed, Secrets, Webhook};
use tidings_domain::{DeliveryId, Headers, Time, WebhookId};
use tidings_egress::{Failure, Request, Tls};
use url::Url;

/// What a sealed text is for; it opens only for that purpose and that webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SealedFor {
    /// The signing secret.
    Signing,
    /// The value of an additional header.
    Header,
}

/// Opens what only the holder of the server's key can read.
pub trait Keyring: Send + Sync + 'static {
    /// The bytes; `None` when they were sealed with another key, for another purpose or for another webhook.
    fn open(&self, sealed: &Sealed, purpose: SealedFor, webhook: WebhookId) -> Option<Vec<u8>>;
}

/// What the log keeps instead of a secret.
const MASK: &str = "***";

/// Room for what all tries say: names, id, time, two signatures.
const FIXED: usize = 512;

/// What a try is about.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Letter<'a> {
    pub(crate) id: DeliveryId,
    pub(crate) code: &'a str,
    pub(crate) object: &'a str,
    pub(crate) sequence: Option<i64>,
    pub(crate) body: &'a Bytes,
    pub(crate) late: bool,
}

struct Secret {
    text: String,
    key: Key,
}

struct Previous {
    secret: Secret,
    effective_at: Time,
    until: Time,
}

/// A webhook made ready for sending.
pub(crate) struct Recipe {
    url: Arc<Url>,
    logged_url: Arc<str>,
    dialect: Option<&'static dyn Dialect>,
    user_agent: String,
    tls: Tls,
    deadline: Duration,
    custom: Headers,
    current: Option<Secret>,
    previous: Option<Previous>,
}

impl fmt::Debug for Recipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Recipe(..)")
    }
}

impl Recipe {
    /// Opens the secrets and reads the URL.
    ///
    /// # Errors
    /// Why nothing can be sent: our own fault, never the receiver's.
    pub(crate) fn new(
        webhook: &Webhook,
        keyring: &dyn Keyring,
        user_agent: &str,
    ) -> Result<Self, Failure> {
        let mut url = Url::parse(&webhook.url).map_err(|e| Failure {
            code: "url_invalid",
            detail: format!("the URL cannot be read: {e}"),
        })?;
        // Refused when saving; what is shown and logged must be free of it in any case.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        let open = |sealed: &Sealed, purpose| {
            keyring
                .open(sealed, purpose, webhook.id)
                .and_then(|bytes| String::from_utf8(bytes).ok())
                .ok_or_else(unreadable)
        };
        let secret = |sealed| open(sealed, SealedFor::Signing).map(Secret::new);
        let mut custom = Headers::default();
        for (name, value) in &webhook.headers {
            custom.push(name, &open(value, SealedFor::Header)?);
        }
        let (current, previous) = match &webhook.secrets {
            None => (None, None),
            Some(Secrets { current, previous }) => (
                Some(secret(current)?).filter(|s| !s.text.is_empty()),
                match previous {
                    Some(p) => Some(Previous {
                        secret: secret(&p.secret)?,
                        effective_at: p.effective_at.parse().unwrap_or(Time::MIN),
                        until: p.until.parse().unwrap_or(Time::MIN),
                    }),
                    None => None,
                },
            ),
        };
        Ok(Self {
            logged_url: url.as_str().into(),
            url: Arc::new(url),
            dialect: tidings_dialects::find(&webhook.dialect),
            user_agent: user_agent.to_owned(),
            tls: Tls {
                insecure: !webhook.verify_tls,
                ca_pem: webhook.ca_pem.as_deref().map(Arc::from),
            },
            deadline: Duration::from_secs(u64::from(webhook.timeout_seconds.clamp(1, 60))),
            custom,
            current,
            previous,
        })
    }

    /// One try, at that time of the wall clock.
    pub(crate) fn prepare(&self, letter: &Letter<'_>, wall: Time, fresh: bool) -> Request {
        let mut headers = self.headers(letter, wall);
        for (name, value) in self.custom.iter() {
            headers.push(name, value);
        }
        Request {
            url: Arc::clone(&self.url),
            headers,
            body: letter.body.clone(),
            tls: self.tls.clone(),
            deadline: self.deadline,
            fresh,
        }
    }

    /// What the log may keep of such a request: its URL, and its headers without the values that somebody chose.
    pub(crate) fn logged(&self, request: Request) -> (Arc<str>, Headers) {
        let mut headers = request.headers;
        let ours = headers.len().saturating_sub(self.custom.len());
        headers.truncate(ours);
        for (name, _) in self.custom.iter() {
            headers.push(name, MASK);
        }
        (Arc::clone(&self.logged_url), headers)
    }

    /// The vendor's headers, ours, the signatures.
    fn headers(&self, letter: &Letter<'_>, wall: Time) -> Headers {
        let mut headers = Headers::with_capacity(14 + self.custom.len(), self.room(letter));
        let mut names_itself = false;
        if let Some(dialect) = self.dialect {
            dialect.head(letter.code, &mut |name, value| {
                names_itself |= name.eq_ignore_ascii_case("user-agent");
                headers.push(name, value);
            });
        }
        if !names_itself {
            headers.push("User-Agent", &self.user_agent);
        }
        let id = letter.id.text();
        let timestamp = wall.as_second();
        headers.push("webhook-id", &id);
        headers.push_shown("webhook-timestamp", timestamp);
        headers.push("x-tidings-event", letter.code);
        headers.push("x-tidings-object", letter.object);
        if let Some(sequence) = letter.sequence {
            headers.push_shown("x-tidings-sequence", sequence);
        }
        if letter.late {
            headers.push("x-tidings-late", "1");
        }
        if let Some(current) = &self.current {
            self.sign(&mut headers, current, letter, (&id, wall));
        }
        headers
    }

    /// Bytes of all headers of a try, nearly.
    fn room(&self, letter: &Letter<'_>) -> usize {
        let said = letter.code.len() * 2 + letter.object.len();
        FIXED + self.user_agent.len() + self.custom.bytes() + said
    }

    fn sign(
        &self,
        headers: &mut Headers,
        current: &Secret,
        letter: &Letter<'_>,
        (id, wall): (&str, Time),
    ) {
        let timestamp = wall.as_second();
        let old = self.previous.as_ref().filter(|p| wall < p.until);
        headers.push_with("webhook-signature", |text| {
            current.key.sign_into(text, id, timestamp, letter.body);
            if let Some(old) = old {
                text.push(' ');
                let key = &old.secret.key;
                key.sign_into(text, id, timestamp, letter.body);
            }
        });
        let before_switch = old.filter(|p| wall < p.effective_at);
        let vendors = before_switch.map_or(current, |p| &p.secret);
        let signature = self
            .dialect
            .and_then(|d| d.signature(&vendors.text, letter.body));
        if let Some((name, value)) = signature {
            headers.push(name, &value);
        }
    }
}

impl Secret {
    fn new(text: String) -> Self {
        let key = Key::new(&text);
        Self { text, key }
    }
}

fn unreadable() -> Failure {
    Failure {
        code: "secret_unreadable",
        detail: "the webhook's secrets cannot be opened with the server's key; set them again"
            .to_owned(),
    }
}

#[cfg(test)]
mod tests;
