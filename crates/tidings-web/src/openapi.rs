//! The OpenAPI 3.1 document, made from the route table and the tables of the collections' members.

use std::sync::LazyLock;

use tidings_app::Access;
use tidings_app::reader::object;
use tidings_domain::{Collection, Value};

use crate::problem;
use crate::route::{Input, Row};
use crate::routes;

mod answers;
mod collections;
mod flatten;
mod parameters;

pub(crate) use answers::refusals;

/// What a text of one line may hold: no control characters.
const PRINTABLE: &str = "^[^\\u0000-\\u001f\\u007f-\\u009f]*$";

/// The key of a project.
fn project_key() -> Value {
    object([
        ("type", "string".into()),
        ("pattern", "^[A-Za-z0-9][A-Za-z0-9_-]{0,31}$".into()),
    ])
}

/// The id of a delivery.
fn delivery_id() -> Value {
    object([
        ("type", "string".into()),
        ("pattern", "^dlv_[0-9a-z]{13}$".into()),
    ])
}

/// An id as the caller gave it.
fn external_id() -> Value {
    object([
        ("type", "string".into()),
        ("pattern", "^ext:.".into()),
        ("maxLength", 204.into()),
    ])
}

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

/// The document.
pub(crate) fn document() -> Value {
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
    let parameters = parameters::of(row);
    if !parameters.is_empty() {
        members.push(("parameters".to_owned(), Value::List(parameters)));
    }
    if let Some(body) = request_body(&row.input) {
        members.push(("requestBody".to_owned(), body));
    }
    members.push(("responses".to_owned(), answers::of(row)));
    Value::Map(members)
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
            let Value::Map(mut content) = media("application/json", list.clone()) else {
                return None;
            };
            // The same list, an entry a line.
            if let Value::Map(lines) = media("application/x-ndjson", list) {
                content.extend(lines);
            }
            Some(object([
                ("required", true.into()),
                ("content", Value::Map(content)),
            ]))
        }
    }
}

fn components() -> Value {
    let Ok(Value::Map(parts)) = Value::parse(SCHEMAS.as_bytes()) else {
        return Value::Null;
    };
    let mut schemas = flatten::all(&parts);
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
    let responses = answers::shared();
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
        (503, "disk_full"),
        (503, "disk_failing"),
        (503, "disk_read_only"),
        (503, "database_locked"),
        (503, "unconfirmed"),
    ];
    let mut codes: Vec<(u16, &'static str)> = everywhere
        .into_iter()
        .chain(answers::shared_codes())
        .collect();
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
