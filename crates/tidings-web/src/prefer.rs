//! `Prefer: wait=N` (RFC 7240): the answer to a write comes after the first tries of its deliveries, with their results.
//!
//! A preference is a wish: what is malformed or unknown is ignored, and where too many wait already the answer comes at once, without
//! `Preference-Applied`. The waiting is done by the connection that asked and holds none of the places of requests under way; when
//! the client goes away, so does the waiting.

use std::time::Duration;

use http::{HeaderMap, HeaderName, StatusCode};
use tidings_app::App;
use tidings_app::first_tries::{Awaited, FirstTries};
use tidings_domain::EventId;

use crate::route::Reply;

const HEADER: &str = "prefer";
const APPLIED: HeaderName = HeaderName::from_static("preference-applied");
/// Nobody waits longer, whatever was wished.
const LONGEST_SECONDS: u64 = 30;

/// What an answer waits for.
#[derive(Clone, Debug)]
pub struct Wait {
    /// How long at most.
    seconds: u64,
    deliveries: Awaited,
    shape: Shape,
}

/// How the answer to a write is told with results.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Shape {
    /// `{object, event, complete, deliveries}`.
    Object(Option<EventId>),
    /// The members of the answer, and `complete` and `deliveries`.
    List,
}

impl Wait {
    pub(crate) fn new(seconds: u64, deliveries: Awaited, shape: Shape) -> Self {
        Self {
            seconds,
            deliveries,
            shape,
        }
    }

    /// The answer, after the first tries if that can be.
    pub(crate) async fn finish(self, app: &App, reply: Reply) -> Reply {
        let most = Duration::from_secs(self.seconds);
        match app.first_tries(&self.deliveries, most).await {
            Ok(Some(tries)) => self.with(&tries, reply),
            Ok(None) => reply,
            // The write is done and has its answer; only the log could not be read.
            Err(fault) => {
                tracing::warn!("the results of first tries could not be read: {fault}");
                reply
            }
        }
    }

    fn with(&self, tries: &FirstTries, reply: Reply) -> Reply {
        // Parts that are JSON already are put together as they are. Serialising values cannot fail.
        let list = serde_json::to_string(&tries.deliveries).unwrap_or_default();
        let mut body = Vec::with_capacity(reply.body.len() + list.len() + 64);
        match self.shape {
            Shape::Object(event) => {
                let object: &[u8] = if reply.body.is_empty() {
                    b"null"
                } else {
                    &reply.body
                };
                let event = event.map_or_else(|| "null".to_owned(), |event| event.to_string());
                body.extend_from_slice(b"{\"object\":");
                body.extend_from_slice(object);
                body.extend_from_slice(format!(",\"event\":{event}").as_bytes());
            }
            Shape::List => {
                body.extend_from_slice(reply.body.strip_suffix(b"}").unwrap_or(&reply.body));
            }
        }
        let end = format!(",\"complete\":{},\"deliveries\":{list}}}", tries.complete);
        body.extend_from_slice(end.as_bytes());
        let status = match reply.status {
            StatusCode::NO_CONTENT => StatusCode::OK,
            status => status,
        };
        let applied = format!("wait={}", self.seconds);
        let told = Reply {
            headers: reply.headers,
            ..Reply::bytes(status, body)
        };
        told.with(APPLIED, &applied)
    }
}

/// The seconds somebody wishes to wait, if they wish to.
pub(crate) fn seconds(headers: &HeaderMap) -> Option<u64> {
    let values = headers.get_all(HEADER).iter();
    let mut all = values
        .filter_map(|value| value.to_str().ok())
        .flat_map(members);
    // Of a preference that is there twice the first counts.
    let (_, value) = all.find(|(name, _)| name.eq_ignore_ascii_case("wait"))?;
    let digits = !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit());
    if !digits {
        return None;
    }
    // More digits than fit are more seconds than anybody gets.
    let seconds = value.parse().unwrap_or(u64::MAX);
    (seconds > 0).then(|| seconds.min(LONGEST_SECONDS))
}

/// The preferences of a header: names and values, without their parameters.
fn members(text: &str) -> impl Iterator<Item = (&str, String)> {
    split(text, ',').into_iter().map(|member| {
        let preference = split(member, ';').first().copied().unwrap_or_default();
        let (name, value) = preference.split_once('=').unwrap_or((preference, ""));
        (name.trim(), unquote(value.trim()))
    })
}

/// Splits at a separator outside quoted strings.
fn split(text: &str, at: char) -> Vec<&str> {
    let (mut inside, mut escaped) = (false, false);
    text.split(|c| {
        let separates = c == at && !inside;
        match c {
            _ if escaped => escaped = false,
            '\\' if inside => escaped = true,
            '"' => inside = !inside,
            _ => {}
        }
        separates
    })
    .collect()
}

fn unquote(value: &str) -> String {
    match value.strip_prefix('"').and_then(|v| v.strip_suffix('"')) {
        Some(quoted) => quoted.replace('\\', ""),
        None => value.to_owned(),
    }
}

#[cfg(test)]
mod tests;
