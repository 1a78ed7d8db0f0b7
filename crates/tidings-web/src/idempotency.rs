//! `Idempotency-Key`: a write that is sent again is answered again, and not carried out again.
//!
//! A key belongs to one token and one project (for routes of the server, to the token). While the first request with it runs, others
//! get 409; afterwards they get its answer, for 24 h. The answer lies in the store, for writes of objects and for whatever creates or
//! deletes something in the very transaction of the change (`tidings_app::keep`), so a crash cannot part the two. Who is running
//! is known in memory only: the process that dies takes it along, and nothing is left locked.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tidings_app::{Access, App, Caller, Keep, keep, refusal};
use tidings_domain::fault::FaultKind;
use tidings_domain::{Fault, ProjectId};
use tidings_storage::Memo;

use crate::problem;
use crate::route::{Method, Reply, Row, Surface};

/// The request header.
pub(crate) const HEADER: &str = "idempotency-key";
/// Marks an answer that was given before.
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
/// Most characters of a key.
const LONGEST_KEY: usize = 255;
/// Most writes end within milliseconds; a client that asks again sooner than this gains nothing.
const ASK_AGAIN_SECONDS: u32 = 1;

/// The codes of its refusals, for every route that reads it.
pub(crate) const REFUSALS: [(u16, &str); 3] = [
    (400, "idempotency_key_malformed"),
    (409, "idempotency_key_in_use"),
    (422, "idempotency_key_reused"),
];

/// Whether a route reads the header: every write does.
pub(crate) fn is_read(row: &Row) -> bool {
    row.surface == Surface::Api && row.method != Method::Get && row.access != Access::Anyone
}

/// Whether a route's keys belong to the token alone: what is not inside a project, and what makes an end of one.
pub(crate) fn is_of_server(row: &Row) -> bool {
    !row.path.contains("{key}/")
}

/// The key of a request, if it has one that counts.
pub(crate) fn key(row: &Row, headers: &HeaderMap) -> Result<Option<String>, Fault> {
    if !headers.contains_key(HEADER) || !is_read(row) {
        return Ok(None);
    }
    let mut values = headers.get_all(HEADER).iter();
    let key = match (values.next(), values.next()) {
        (Some(value), None) => value.as_bytes(),
        _ => b"",
    };
    let fits = (1..=LONGEST_KEY).contains(&key.len()) && key.iter().all(u8::is_ascii_graphic);
    match str::from_utf8(key) {
        Ok(key) if fits => Ok(Some(key.to_owned())),
        _ => Err(Fault::new(
            FaultKind::Malformed,
            "idempotency_key_malformed",
            "send one Idempotency-Key of 1 to 255 visible ASCII characters, such as a UUID",
        )),
    }
}

/// What makes two requests the same one: method, path, query, who and when, body byte for byte.
fn fingerprint(row: &Row, uri: &Uri, headers: &HeaderMap, body: &[u8]) -> String {
    // No header holds a line break: absent is not the same as empty.
    let header = |name: &str| headers.get(name).map_or(&b"\n"[..], HeaderValue::as_bytes);
    let parts: [&[u8]; 6] = [
        row.method.as_str().as_bytes(),
        uri.path().as_bytes(),
        uri.query().unwrap_or_default().as_bytes(),
        header("tidings-actor"),
        header("tidings-at"),
        body,
    ];
    keep::fingerprint(&parts)
}

/// An answer as it is stored.
#[derive(Serialize, Deserialize)]
struct Stored {
    /// Fingerprint of the request.
    request: String,
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
}

/// A request with a key.
#[derive(Debug)]
pub struct Ticket {
    scope: String,
    key: String,
    fingerprint: String,
}

impl Ticket {
    /// `request`: its head and its body.
    pub(crate) fn new(
        key: String,
        row: &Row,
        caller: &Caller,
        project: Option<ProjectId>,
        request: (&Parts, &[u8]),
    ) -> Arc<Self> {
        let (head, body) = request;
        let inside = project.filter(|_| !is_of_server(row));
        Arc::new(Self {
            scope: keep::scope(caller, inside),
            key,
            fingerprint: fingerprint(row, &head.uri, &head.headers, body),
        })
    }

    /// What tells this request from every other: whose, its key, and what it asks for.
    pub(crate) fn id(&self) -> [String; 3] {
        [&self.scope, &self.key, &self.fingerprint].map(Clone::clone)
    }

    /// What was answered before to a request with this key, if there was one; refused when that was another request.
    pub(crate) async fn answered(&self, app: &App) -> Result<Option<Reply>, Fault> {
        let kept = app.kept_answer(&self.scope, &self.key).await?;
        kept.map(|kept| self.replay(&kept)).transpose()
    }

    /// The answer as it is kept.
    pub(crate) fn memo(&self, reply: &Reply) -> Memo {
        let header = |(name, value): &(HeaderName, HeaderValue)| {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            (name.as_str().to_owned(), value)
        };
        let stored = Stored {
            request: self.fingerprint.clone(),
            status: reply.status.as_u16(),
            headers: reply.headers.iter().map(header).collect(),
            body: String::from_utf8_lossy(&reply.body).into_owned(),
        };
        Memo {
            scope: self.scope.clone(),
            key: self.key.clone(),
            // Serialising a struct of strings cannot fail.
            answer: serde_json::to_string(&stored).unwrap_or_default(),
        }
    }

    /// Makes what is kept of what a use case did.
    pub(crate) fn keep<T: ?Sized>(
        self: &Arc<Self>,
        render: impl Fn(&T) -> Reply + Send + Sync + 'static,
    ) -> Keep<T> {
        let ticket = Arc::clone(self);
        Arc::new(move |done: &T| ticket.memo(&render(done)))
    }

    fn replay(&self, kept: &str) -> Result<Reply, Fault> {
        let stored: Stored = serde_json::from_str(kept).map_err(|error| {
            tracing::error!(%error, "a kept answer cannot be read: {error}");
            refusal::internal()
        })?;
        if stored.request != self.fingerprint {
            return Err(reused());
        }
        let status = StatusCode::from_u16(stored.status).map_err(|_| refusal::internal())?;
        let mut reply = Reply::bytes(status, stored.body.into_bytes());
        if !status.is_success() {
            reply.media_type = problem::MEDIA_TYPE;
        }
        for (name, value) in stored.headers {
            if let Ok(name) = HeaderName::try_from(name) {
                reply = reply.with(name, &value);
            }
        }
        Ok(reply.with(REPLAYED, "true"))
    }
}

/// Whether an answer is kept. One that says "later" is no answer yet.
pub(crate) fn is_kept(status: StatusCode) -> bool {
    !status.is_server_error() && status != StatusCode::TOO_MANY_REQUESTS
}

/// The requests with a key that are being carried out, with their fingerprints.
#[derive(Default)]
pub(crate) struct Running(Mutex<HashMap<(String, String), String>>);

impl Running {
    /// Lets one request with a key in at a time.
    pub(crate) fn claim(self: &Arc<Self>, ticket: &Arc<Ticket>) -> Result<Claim, Fault> {
        let id = (ticket.scope.clone(), ticket.key.clone());
        match self.0.lock().entry(id.clone()) {
            Entry::Vacant(free) => free.insert(ticket.fingerprint.clone()),
            Entry::Occupied(first) if *first.get() != ticket.fingerprint => return Err(reused()),
            Entry::Occupied(_) => return Err(in_use()),
        };
        Ok(Claim {
            running: Arc::clone(self),
            id,
        })
    }
}

/// The right to carry out the request of a key; free again when dropped.
pub(crate) struct Claim {
    running: Arc<Running>,
    id: (String, String),
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.running.0.lock().remove(&self.id);
    }
}

fn in_use() -> Fault {
    let detail =
        "the first request with this key is still running; ask again in a second for its answer";
    Fault {
        retry_after: Some(ASK_AGAIN_SECONDS),
        ..Fault::conflict("Idempotency-Key", "idempotency_key_in_use", detail)
    }
}

fn reused() -> Fault {
    let detail = "was used for another request (method, path, actor, time or body differ); take a new key for a new request";
    Fault {
        code: "idempotency_key_reused",
        ..Fault::field("Idempotency-Key", "idempotency_key_reused", detail)
    }
}
