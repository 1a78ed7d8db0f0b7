//! What the codes of refusals mean.

use tidings_app::reader::object;
use tidings_domain::Value;

use crate::openapi;

/// Each code in words; a test holds the list against the API's description.
const WORDS: [(&str, &str); 40] = [
    (
        "before_retention",
        "The time lies before what the log still holds. The answer names the oldest time that works.",
    ),
    (
        "conflict",
        "What the request says is at odds with what is stored; `errors` says where.",
    ),
    (
        "dialect_fixed",
        "A webhook's dialect is chosen when it is created. Make another webhook for another dialect.",
    ),
    ("forbidden", "The token's role does not allow this."),
    (
        "idempotency_key_in_use",
        "The first request with this Idempotency-Key is still under way. Ask again in a second.",
    ),
    (
        "idempotency_key_malformed",
        "The Idempotency-Key is not one to 255 visible ASCII characters.",
    ),
    (
        "idempotency_key_reused",
        "The Idempotency-Key came with another request before. Take a new key.",
    ),
    (
        "in_use",
        "Words of a project that objects use can be neither removed nor renamed. Change the objects first.",
    ),
    (
        "internal",
        "A fault of the server. Its log says more, under the request id of the answer.",
    ),
    (
        "inactive",
        "The account may not sign in; make it active first.",
    ),
    (
        "last_administrator",
        "It is the last administrator who can sign in; make another first.",
    ),
    (
        "invalid",
        "The request was read and does not fit; `errors` has a pointer to each member, parameter or header at fault.",
    ),
    ("malformed", "The body is not JSON, or is broken off."),
    (
        "malformed_query",
        "The query is not percent-encoded UTF-8, or is too long.",
    ),
    (
        "method_not_allowed",
        "The path does not answer to this method; the header Allow says to which.",
    ),
    (
        "no_event",
        "The object has no recent event that the dialect tells under this code. Choose another object, or send the sample.",
    ),
    (
        "not_found",
        "Not there, or in a project that this token does not see.",
    ),
    (
        "overloaded",
        "Too many requests at once. Nothing was done; Retry-After says when to come back.",
    ),
    (
        "plan_view_only",
        "The project's plan shows webhooks and activates none. An administrator can change that.",
    ),
    (
        "recovering",
        "Another recovery or resend of this webhook is under way.",
    ),
    (
        "rotation_running",
        "A rotation of this secret is under way. Wait for its end, or set the secret.",
    ),
    ("taken", "Something else has this key or id already."),
    (
        "too_large",
        "The body is larger than the route takes, or has too many entries.",
    ),
    (
        "too_many_requests",
        "This token has too many requests under way. Wait for answers before sending more.",
    ),
    ("too_slow", "The body did not arrive within 30 seconds."),
    (
        "unauthorized",
        "No token, or one that is unknown, expired or revoked.",
    ),
    (
        "unavailable",
        "The server cannot do it right now; nothing was changed. Retry-After says when to try again.",
    ),
    (
        "url_forbidden",
        "The server must not reach this address. The setting egress.allow lists what it may reach beside public addresses.",
    ),
    (
        "waiting",
        "The delivery waits for its turn; an earlier one of the same item goes first.",
    ),
    ("webhook_deleted", "The delivery's webhook was deleted."),
    (
        "webhook_disabled",
        "The webhook is disabled. Enable it, or recover what it missed.",
    ),
    (
        "webhook_locked",
        "The app that made this webhook locked it. People may disable and delete it.",
    ),
    ("webhooks_off", "Webhooks are switched off in this project."),
    ("wrong_encoding", "The body is compressed. Send it plain."),
    (
        "wrong_media_type",
        "The body is not sent as JSON. Set Content-Type.",
    ),
    (
        "database_locked",
        "Another process holds the database. Nothing was changed.",
    ),
    (
        "disk_failing",
        "The server's disk fails. Nothing was changed.",
    ),
    (
        "disk_full",
        "The server's disk is full. Nothing was changed.",
    ),
    (
        "disk_read_only",
        "The server's disk takes no writes. Nothing was changed.",
    ),
    (
        "unconfirmed",
        "The disk failed while the change was written: it may be stored or not. Read before you repeat it.",
    ),
];

/// What a code means.
pub(super) fn words(code: &str) -> &'static str {
    WORDS
        .iter()
        .find(|(known, _)| *known == code)
        .map_or("", |(_, words)| words)
}

/// Every code that has words.
#[cfg(test)]
pub(super) fn known() -> impl Iterator<Item = &'static str> {
    WORDS.iter().map(|(code, _)| *code)
}

/// Every code with its statuses, by name.
pub(super) fn all() -> Value {
    let mut codes: Vec<(&'static str, Vec<Value>)> = Vec::new();
    for (status, code) in openapi::codes() {
        match codes.iter_mut().find(|(known, _)| *known == code) {
            Some((_, statuses)) => statuses.push(i64::from(status).into()),
            None => codes.push((code, vec![i64::from(status).into()])),
        }
    }
    codes.sort_by_key(|(code, _)| *code);
    let shown = codes.into_iter().map(|(code, statuses)| {
        object([
            ("code", code.into()),
            ("statuses", Value::List(statuses)),
            ("words", words(code).into()),
        ])
    });
    Value::List(shown.collect())
}
