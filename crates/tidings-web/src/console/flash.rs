//! What the page after an action says about it: one line, carried in a cookie from the action's answer to the next page.

use http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::query::decode;
use crate::route::Reply;

const NAME: &str = "tidings-flash";
/// A line for people, not a page.
const MOST_CHARS: usize = 300;

/// How it went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Tone {
    /// It was done.
    Good,
    /// It was not.
    Bad,
}

/// The line.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Flash {
    tone: Tone,
    text: String,
}

impl Flash {
    /// It was done.
    pub(crate) fn good(text: impl Into<String>) -> Self {
        Self {
            tone: Tone::Good,
            text: text.into(),
        }
    }

    /// It was not.
    pub(crate) fn bad(text: impl Into<String>) -> Self {
        Self {
            tone: Tone::Bad,
            text: text.into(),
        }
    }

    /// Whether an answer says that something was not done.
    pub(super) fn says_no(reply: &Reply) -> bool {
        let bad = format!("{NAME}=bad.");
        reply.headers.iter().any(|(name, value)| {
            *name == header::SET_COOKIE && value.as_bytes().starts_with(bad.as_bytes())
        })
    }

    /// Whether a cookie is such a line.
    pub(super) fn is_cookie(value: &HeaderValue) -> bool {
        let begin = format!("{NAME}=");
        value.as_bytes().starts_with(begin.as_bytes())
    }

    /// The line that a request carries.
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        let value = cookie(headers, NAME)?;
        let (tone, text) = value.split_once('.')?;
        let text = decode(text, false)?;
        match tone {
            "good" => Some(Self::good(text)),
            "bad" => Some(Self::bad(text)),
            _ => None,
        }
    }

    /// With the cookie that carries it to the next page.
    pub(crate) fn put(&self, reply: Reply) -> Reply {
        let tone = match self.tone {
            Tone::Good => "good",
            Tone::Bad => "bad",
        };
        let short: String = self.text.chars().take(MOST_CHARS).collect();
        let text = super::view::percent(&short);
        let cookie = format!("{NAME}={tone}.{text}; Path=/; HttpOnly; SameSite=Lax; Max-Age=60");
        reply.with(header::SET_COOKIE, &cookie)
    }

    /// With the cookie that ends it: it was shown.
    pub(crate) fn clear(reply: Reply) -> Reply {
        let cookie = format!("{NAME}=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0");
        reply.with(header::SET_COOKIE, &cookie)
    }
}

/// The value of a cookie.
pub(super) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    const COOKIE: HeaderName = header::COOKIE;
    headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(n, _)| *n == name)
        .map(|(_, value)| value)
}
