//! What a route answers: good answers with their headers, and every refusal with its codes.

use tidings_app::Access;
use tidings_app::reader::object;
use tidings_domain::Value;

use super::{media, reference};
use crate::idempotency;
use crate::route::{Input, Method, Output, OutputBody, Row};

/// What refusals mean, by status.
const MEANINGS: [(u16, &str); 11] = [
    (400, "The request cannot be read."),
    (401, "No token, or one that is unknown, expired or revoked."),
    (403, "This token may not."),
    (404, "Absent, or not yours to know of."),
    (408, "The body did not arrive within 30 s."),
    (409, "At odds with what is there or under way."),
    (413, "The body is too large."),
    (415, "The body is not sent as JSON."),
    (422, "Read, but wrong; `errors` names each member."),
    (
        429,
        "This token has too many requests under way; Retry-After says when to try again.",
    ),
    (
        503,
        "The server cannot do it right now, nothing was changed; Retry-After says when to try again.",
    ),
];

/// Refusals that many routes share: name of the shared response, status, codes.
const REFUSALS: [(&str, u16, &[&str]); 15] = [
    (
        "Malformed",
        400,
        &["malformed", "malformed_query", "idempotency_key_malformed"],
    ),
    (
        "MalformedKey",
        400,
        &["malformed_query", "idempotency_key_malformed"],
    ),
    ("MalformedQuery", 400, &["malformed_query"]),
    ("Unauthorized", 401, &["unauthorized"]),
    ("Forbidden", 403, &["forbidden"]),
    ("NotFound", 404, &["not_found"]),
    ("TooSlow", 408, &["too_slow"]),
    ("Conflict", 409, &["conflict", "idempotency_key_in_use"]),
    ("KeyInUse", 409, &["idempotency_key_in_use"]),
    ("TooLarge", 413, &["too_large"]),
    (
        "WrongMediaType",
        415,
        &["wrong_media_type", "wrong_encoding"],
    ),
    ("Invalid", 422, &["invalid"]),
    (
        "InvalidOrReused",
        422,
        &["invalid", "idempotency_key_reused"],
    ),
    ("TooMany", 429, &["too_many_requests"]),
    ("Unavailable", 503, &["unavailable"]),
];

/// Every answer of a route.
pub(super) fn of(row: &Row) -> Value {
    let Output { status, or, .. } = &row.output;
    let mut all = vec![(status.to_string(), good(row, *status, meaning(*status)))];
    all.extend(
        or.iter()
            .map(|(status, meaning)| (status.to_string(), good(row, *status, meaning))),
    );
    if row.waits && *status == 204 {
        let mut tried = good(row, 200, "Done, and waited for");
        if let Value::Map(members) = &mut tried {
            let content = media("application/json", waited(None));
            members.push(("content".to_owned(), content));
        }
        all.push(("200".to_owned(), tried));
    }
    all.extend(refusals(row).into_iter().map(|(status, codes)| {
        let shared = REFUSALS
            .iter()
            .find(|(_, s, known)| *s == status && codes == *known);
        let value = match shared {
            Some((name, _, _)) => {
                object([("$ref", format!("#/components/responses/{name}").into())])
            }
            None => refusal(status, &codes),
        };
        (status.to_string(), value)
    }));
    Value::Map(all)
}

/// The refusals that many routes share, by name.
pub(super) fn shared() -> Vec<(String, Value)> {
    REFUSALS
        .iter()
        .map(|(name, status, codes)| ((*name).to_owned(), refusal(*status, codes)))
        .collect()
}

/// Status and code of each of them.
pub(super) fn shared_codes() -> impl Iterator<Item = (u16, &'static str)> {
    REFUSALS
        .iter()
        .flat_map(|(_, status, codes)| codes.iter().map(|code| (*status, *code)))
}

/// The codes that a route refuses with, by status.
pub(crate) fn refusals(row: &Row) -> Vec<(u16, Vec<&'static str>)> {
    let mut found: Vec<(u16, &'static str)> = Vec::new();
    if row.access != Access::Anyone {
        found.extend([
            (401, "unauthorized"),
            (429, "too_many_requests"),
            (503, "unavailable"),
        ]);
        if row.in_project() || row.access == Access::Administrator {
            found.push((403, "forbidden"));
        }
    }
    if row.path.contains('{') {
        found.push((404, "not_found"));
    }
    // A verb without a body reads one all the same, to refuse it.
    if row.input != Input::None || row.method == Method::Post {
        found.extend([
            (400, "malformed"),
            (408, "too_slow"),
            (413, "too_large"),
            (415, "wrong_media_type"),
            (415, "wrong_encoding"),
        ]);
    }
    // A query may come with every request; what it says that is not known is refused.
    found.extend([(400, "malformed_query"), (422, "invalid")]);
    found.extend(&row.faults);
    if idempotency::is_read(row) {
        found.extend(idempotency::REFUSALS);
    }
    let mut by_status: Vec<(u16, Vec<&'static str>)> = Vec::new();
    for (status, code) in found {
        match by_status.iter_mut().find(|(s, _)| *s == status) {
            Some((_, codes)) if codes.contains(&code) => {}
            Some((_, codes)) => codes.push(code),
            None => by_status.push((status, vec![code])),
        }
    }
    by_status.sort_by_key(|(status, _)| *status);
    by_status
}

/// A refusal as a response.
fn refusal(status: u16, codes: &[&str]) -> Value {
    let text = MEANINGS.iter().find(|(s, _)| *s == status);
    let text = text.map_or("Refused.", |(_, text)| *text);
    let codes: Vec<String> = codes.iter().map(|code| format!("`{code}`")).collect();
    let description = format!("{text} Codes: {}.", codes.join(", "));
    let mut members = vec![("description".to_owned(), description.into())];
    let told = match status {
        401 => Some(("WWW-Authenticate", "Bearer.", text_schema())),
        429 | 503 => Some(("Retry-After", "Seconds.", count_schema())),
        _ => None,
    };
    if let Some((name, description, schema)) = told {
        let headers = vec![(name.to_owned(), header(description, schema, true))];
        members.push(("headers".to_owned(), Value::Map(headers)));
    }
    let content = media("application/problem+json", reference("Problem"));
    members.push(("content".to_owned(), content));
    Value::Map(members)
}

fn text_schema() -> Value {
    object([("type", "string".into())])
}

fn count_schema() -> Value {
    object([("type", "integer".into()), ("minimum", 1.into())])
}

/// A header of an answer; `always` says that each such answer has it.
fn header(description: &str, schema: Value, always: bool) -> Value {
    object([
        ("description", description.into()),
        ("required", always.into()),
        ("schema", schema),
    ])
}

fn meaning(status: u16) -> &'static str {
    match status {
        201 => "Created",
        202 => "Taken on",
        204 => "Done",
        _ => "All is well",
    }
}

fn good(row: &Row, status: u16, description: &str) -> Value {
    let body = &row.output.body;
    let mut members = vec![("description".to_owned(), description.into())];
    let mut headers = Vec::new();
    if row.acts {
        let text = "Id of the event; absent when nothing changed or nothing was told.";
        headers.push((
            "Tidings-Event".to_owned(),
            header(text, count_schema(), false),
        ));
    }
    if status == 201 {
        let schema = object([
            ("type", "string".into()),
            ("format", "uri-reference".into()),
        ]);
        let text = "Path of what was created.";
        headers.push(("Location".to_owned(), header(text, schema, true)));
    }
    if row.waits {
        let text = "`wait=N`: the answer came after the first tries, or after N seconds.";
        let applied = header(text, text_schema(), false);
        headers.push(("Preference-Applied".to_owned(), applied));
    }
    if idempotency::is_read(row) {
        let schema = object([("type", "string".into()), ("enum", vec!["true"].into())]);
        let text = "`true`: the answer to an earlier request with the same Idempotency-Key.";
        let replayed = header(text, schema, false);
        headers.push(("Idempotency-Replayed".to_owned(), replayed));
    }
    if !headers.is_empty() {
        members.push(("headers".to_owned(), Value::Map(headers)));
    }
    let content = match body {
        OutputBody::None => return Value::Map(members),
        OutputBody::One(schema) if row.waits && schema != "Changes" => {
            let both = vec![reference(schema), waited(Some(schema))];
            media("application/json", object([("anyOf", Value::List(both))]))
        }
        OutputBody::One(schema) => media("application/json", shapes(row, schema)),
        OutputBody::List(schema) => media(
            "application/json",
            object([
                ("type", "object".into()),
                ("required", vec!["data", "next_cursor"].into()),
                (
                    "properties",
                    object([
                        (
                            "data",
                            object([("type", "array".into()), ("items", shapes(row, schema))]),
                        ),
                        (
                            "next_cursor",
                            object([("type", vec!["string", "null"].into())]),
                        ),
                    ]),
                ),
            ]),
        ),
        OutputBody::Text("application/json") => {
            media("application/json", object([("type", "object".into())]))
        }
        OutputBody::Text(kind) => {
            let kind = kind.split(';').next().unwrap_or(kind);
            media(kind, text_schema())
        }
    };
    members.push(("content".to_owned(), content));
    Value::Map(members)
}

/// That schema; where a route takes `dialect`, or something in a vendor's own shape, which is no such object of ours.
fn shapes(row: &Row, schema: &str) -> Value {
    let ours = reference(schema);
    if !row
        .query
        .iter()
        .any(|parameter| parameter.name == "dialect")
    {
        return ours;
    }
    let telling = if schema == "Activity" {
        "recorded_at"
    } else {
        "sequence"
    };
    let theirs = object([
        ("type", "object".into()),
        (
            "description",
            "With `dialect`: in that vendor's own shape.".into(),
        ),
        ("not", object([("required", vec![telling].into())])),
    ]);
    object([("anyOf", Value::List(vec![ours, theirs]))])
}

/// The answer to a write that waited for the first tries.
fn waited(schema: Option<&str>) -> Value {
    let written = schema.map_or_else(|| object([("type", "null".into())]), reference);
    let rest = reference("FirstTries");
    let own = object([
        ("type", "object".into()),
        ("required", vec!["object", "event"].into()),
        (
            "properties",
            object([
                ("object", written),
                ("event", object([("type", vec!["integer", "null"].into())])),
            ]),
        ),
    ]);
    object([("allOf", Value::List(vec![own, rest]))])
}
