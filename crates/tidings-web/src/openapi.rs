//! The OpenAPI 3.1 document, made from the route table and the tables of the collections' members.

use std::sync::LazyLock;

use tidings_app::Access;
use tidings_app::reader::object;
use tidings_domain::{Collection, Value};

use crate::idempotency;
use crate::problem;
use crate::route::{Input, Output, OutputBody, Row};
use crate::routes;

mod collections;

/// The document as it is served.
pub fn text() -> &'static str {
    static TEXT: LazyLock<String> = LazyLock::new(|| {
        let mut text = serde_json::to_string_pretty(&document()).unwrap_or_default();
        text.push('\n');
        text
    });
    &TEXT
}

/// Schemas that belong to no table.
const SCHEMAS: &str = include_str!("openapi/schemas.json");

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
        &["malformed", "idempotency_key_malformed"],
    ),
    ("MalformedKey", 400, &["idempotency_key_malformed"]),
    ("Unauthorized", 401, &["unauthorized"]),
    ("Forbidden", 403, &["forbidden"]),
    ("NotFound", 404, &["not_found"]),
    ("TooSlow", 408, &["too_slow"]),
    ("Conflict", 409, &["conflict", "idempotency_key_in_use"]),
    ("KeyInUse", 409, &["idempotency_key_in_use"]),
    ("TooLarge", 413, &["too_large"]),
    ("WrongMediaType", 415, &["wrong_media_type"]),
    ("Invalid", 422, &["invalid"]),
    (
        "InvalidOrReused",
        422,
        &["invalid", "idempotency_key_reused"],
    ),
    ("KeyReused", 422, &["idempotency_key_reused"]),
    ("TooMany", 429, &["too_many_requests"]),
    ("Unavailable", 503, &["unavailable"]),
];

fn document() -> Value {
    object([
        ("openapi", "3.1.0".into()),
        (
            "info",
            object([
                ("title", "Tidings".into()),
                ("version", env!("CARGO_PKG_VERSION").into()),
                (
                    "summary",
                    "Reports changes of a tracker once; Tidings delivers them to every webhook that wants them.".into(),
                ),
                (
                    "description",
                    "Errors are problem documents (RFC 9457) with a closed `code` and, in `errors`, a JSON pointer to each member at fault. Lists answer `{data, next_cursor}`. Unknown members and parameters are refused by name. Another project's things answer 404 like absent ones.".into(),
                ),
                (
                    "license",
                    object([("name", "Apache-2.0".into()), ("identifier", "Apache-2.0".into())]),
                ),
            ]),
        ),
        ("servers", Value::List(vec![object([("url", "/".into())])])),
        ("security", Value::List(vec![object([("token", Value::List(Vec::new()))])])),
        ("tags", tags()),
        ("paths", paths()),
        ("components", components()),
    ])
}

fn tags() -> Value {
    let mut names: Vec<&str> = Vec::new();
    for row in routes::table() {
        if !names.contains(&row.tag) {
            names.push(row.tag);
        }
    }
    Value::List(
        names
            .into_iter()
            .map(|n| object([("name", n.into())]))
            .collect(),
    )
}

fn paths() -> Value {
    let mut paths: Vec<(String, Value)> = Vec::new();
    for row in routes::table() {
        let entry = (row.method.as_str().to_ascii_lowercase(), operation(row));
        match paths.iter_mut().find(|(path, _)| *path == row.path) {
            Some((_, Value::Map(methods))) => methods.push(entry),
            _ => paths.push((row.path.clone().into_owned(), Value::Map(vec![entry]))),
        }
    }
    Value::Map(paths)
}

fn operation(row: &Row) -> Value {
    let mut members = vec![
        ("operationId".to_owned(), row.id.as_ref().into()),
        ("tags".to_owned(), Value::List(vec![row.tag.into()])),
        ("summary".to_owned(), row.summary.as_ref().into()),
        (
            "description".to_owned(),
            format!("May be called by: {}.", row.access.words()).into(),
        ),
    ];
    if row.access == Access::Anyone {
        members.push(("security".to_owned(), Value::List(Vec::new())));
    }
    let parameters = parameters(row);
    if !parameters.is_empty() {
        members.push(("parameters".to_owned(), Value::List(parameters)));
    }
    if let Some(body) = request_body(&row.input) {
        members.push(("requestBody".to_owned(), body));
    }
    members.push(("responses".to_owned(), responses(row)));
    Value::Map(members)
}

fn parameters(row: &Row) -> Vec<Value> {
    let text = || object([("type", "string".into())]);
    let mut all = Vec::new();
    for segment in row.path.split('/') {
        let name = segment.strip_prefix('{').and_then(|s| s.strip_suffix('}'));
        if let Some(name) = name {
            let description = match name {
                "key" => "The project's key.",
                "id" if row.collection.is_some() => "The id, or ext:EXTERNAL_ID (percent-encoded).",
                "id" => "The id.",
                "dialect" => "The dialect's name.",
                _ => "The event code.",
            };
            all.push(object([
                ("name", name.into()),
                ("in", "path".into()),
                ("required", true.into()),
                ("description", description.into()),
                ("schema", text()),
            ]));
        }
    }
    for parameter in &row.query {
        let schema = match parameter.name {
            "limit" => object([
                ("type", "integer".into()),
                ("minimum", 1.into()),
                ("maximum", 200.into()),
                ("default", 50.into()),
            ]),
            "silent" => object([("type", "boolean".into()), ("default", false.into())]),
            "webhook" | "event" | "status" => object([("type", "integer".into())]),
            "since" | "until" => {
                object([("type", "string".into()), ("format", "date-time".into())])
            }
            _ => text(),
        };
        all.push(object([
            ("name", parameter.name.into()),
            ("in", "query".into()),
            ("description", parameter.description.into()),
            ("schema", schema),
        ]));
    }
    all.extend(headers(row).into_iter().map(|(name, description, schema)| {
        object([
            ("name", name.into()),
            ("in", "header".into()),
            ("description", description.into()),
            ("schema", schema),
        ])
    }));
    all
}

/// The request headers that a route reads.
fn headers(row: &Row) -> Vec<(&'static str, &'static str, Value)> {
    let text = || object([("type", "string".into())]);
    let mut all = Vec::new();
    if row.acts {
        all.extend([
            (
                "Tidings-Actor",
                "Who did it: the id of a member, or ext:EXTERNAL_ID (administrator and app tokens).",
                text(),
            ),
            (
                "Tidings-At",
                "When it happened, RFC 3339 (administrator and app tokens).",
                text(),
            ),
        ]);
    }
    if row.waits {
        all.push((
            "Prefer",
            "wait=N: the answer comes after the first tries of the deliveries, or after N seconds (1 to 30), with their results (RFC 7240).",
            text(),
        ));
    }
    if idempotency::is_read(row) {
        all.push((
            "Idempotency-Key",
            "1 to 255 visible ASCII characters. The same request with the same key gets the same answer for 24 h and is not carried out again.",
            object([
                ("type", "string".into()),
                ("minLength", 1.into()),
                ("maxLength", 255.into()),
                ("pattern", "^[!-~]+$".into()),
            ]),
        ));
    }
    all
}

fn reference(schema: &str) -> Value {
    object([("$ref", format!("#/components/schemas/{schema}").into())])
}

fn media(media_type: &str, schema: Value) -> Value {
    Value::Map(vec![(media_type.to_owned(), object([("schema", schema)]))])
}

fn request_body(input: &Input) -> Option<Value> {
    match input {
        Input::None | Input::Form => None,
        Input::Json(schema) => Some(object([
            ("required", true.into()),
            ("content", media("application/json", reference(schema))),
        ])),
        Input::Optional(schema) => Some(object([
            ("required", false.into()),
            ("content", media("application/json", reference(schema))),
        ])),
        Input::Changes => {
            let list = object([
                ("type", "array".into()),
                ("minItems", 1.into()),
                ("maxItems", 1000.into()),
                ("items", reference("Change")),
            ]);
            let Value::Map(mut content) = media("application/json", list) else {
                return None;
            };
            if let Value::Map(lines) = media("application/x-ndjson", reference("Change")) {
                content.extend(lines);
            }
            Some(object([
                ("required", true.into()),
                ("content", Value::Map(content)),
            ]))
        }
    }
}

fn responses(row: &Row) -> Value {
    let Output { status, or, body } = &row.output;
    let mut all = vec![(status.to_string(), good(row, body, meaning(*status)))];
    all.extend(
        or.iter()
            .map(|(status, meaning)| (status.to_string(), good(row, body, meaning))),
    );
    if row.waits && *status == 204 {
        let mut tried = good(row, body, "Done, and waited for");
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

/// The codes that a route refuses with, by status.
fn refusals(row: &Row) -> Vec<(u16, Vec<&'static str>)> {
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
    if row.input != Input::None {
        found.extend([
            (400, "malformed"),
            (408, "too_slow"),
            (413, "too_large"),
            (415, "wrong_media_type"),
        ]);
    }
    if row.input != Input::None || !row.query.is_empty() {
        found.push((422, "invalid"));
    }
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
    object([
        (
            "description",
            format!("{text} Codes: {}.", codes.join(", ")).into(),
        ),
        (
            "content",
            media("application/problem+json", reference("Problem")),
        ),
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

fn good(row: &Row, body: &OutputBody, description: &str) -> Value {
    let mut members = vec![("description".to_owned(), description.into())];
    let mut headers = Vec::new();
    let header = |description: &str| {
        object([
            ("description", description.into()),
            ("schema", object([("type", "string".into())])),
        ])
    };
    if row.acts {
        let text = "Id of the event; absent when nothing changed or nothing was told.";
        headers.push(("Tidings-Event".to_owned(), header(text)));
    }
    if row.output.status == 201 {
        let text = "Path of what was created.";
        headers.push(("Location".to_owned(), header(text)));
    }
    if row.waits {
        let text = "wait=N: the answer came after the first tries, or after N seconds.";
        headers.push(("Preference-Applied".to_owned(), header(text)));
    }
    if idempotency::is_read(row) {
        let text = "true: the answer to an earlier request with the same Idempotency-Key.";
        headers.push(("Idempotency-Replayed".to_owned(), header(text)));
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
        OutputBody::One(schema) => media("application/json", reference(schema)),
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
                            object([("type", "array".into()), ("items", reference(schema))]),
                        ),
                        (
                            "next_cursor",
                            object([("type", vec!["string", "null"].into())]),
                        ),
                    ]),
                ),
            ]),
        ),
        OutputBody::Text(kind) => {
            let kind = kind.split(';').next().unwrap_or(kind);
            media(kind, Value::Map(Vec::new()))
        }
    };
    members.push(("content".to_owned(), content));
    Value::Map(members)
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

fn components() -> Value {
    let Ok(Value::Map(mut schemas)) = Value::parse(SCHEMAS.as_bytes()) else {
        return Value::Null;
    };
    for collection in Collection::ALL {
        schemas.extend(collections::schemas(*collection));
    }
    let token = object([
        ("type", "http".into()),
        ("scheme", "bearer".into()),
        (
            "description",
            "A token: `tid_...`, made under /projects/{key}/tokens or /tokens.".into(),
        ),
    ]);
    let responses = REFUSALS
        .iter()
        .map(|(name, status, codes)| ((*name).to_owned(), refusal(*status, codes)))
        .collect();
    object([
        ("schemas", Value::Map(schemas)),
        ("responses", Value::Map(responses)),
        ("securitySchemes", object([("token", token)])),
    ])
}

/// Every code that a refusal of the table can have, with its status: what the API page explains.
pub fn codes() -> Vec<(u16, &'static str)> {
    let everywhere = [
        (400, "malformed_query"),
        (405, "method_not_allowed"),
        (415, "wrong_encoding"),
        (500, "internal"),
        (503, "overloaded"),
    ];
    let shared = REFUSALS
        .iter()
        .flat_map(|(_, status, codes)| codes.iter().map(|code| (*status, *code)));
    let mut codes: Vec<(u16, &'static str)> = everywhere.into_iter().chain(shared).collect();
    codes.extend(
        routes::table()
            .iter()
            .flat_map(|row| row.faults.iter().copied()),
    );
    codes.sort_unstable();
    codes.dedup();
    debug_assert!(codes.iter().all(|(s, _)| problem::is_status(*s)));
    codes
}
