//! Operations for people.

use tidings_app::reader::object;
use tidings_domain::Value;

use super::shape::{Book, kind, named, pretty, references};
use crate::openapi;
use crate::routes;

/// One operation.
pub(super) struct Operation {
    /// Its page.
    pub(super) tag: String,
    /// For lists: id, method, path, summary.
    pub(super) head: Value,
    /// Everything.
    pub(super) shown: Value,
    /// The schemas it speaks of.
    pub(super) shapes: Vec<String>,
}

/// Every operation of a document.
pub(super) fn all(document: &Value, book: &Book) -> Vec<Operation> {
    let paths = document.member("paths").map_or(&[][..], Value::as_map);
    let methods = |(path, methods): &(String, Value)| {
        let all = methods.as_map().iter();
        let all = all.map(|(method, operation)| one(path, method, operation, book));
        all.collect::<Vec<_>>()
    };
    paths.iter().flat_map(methods).collect()
}

fn one(path: &str, method: &str, operation: &Value, book: &Book) -> Operation {
    let text = |name: &str| {
        operation
            .member(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    let method = method.to_ascii_uppercase();
    let id = text("operationId");
    let mut shapes = Vec::new();
    references(operation, &mut shapes);
    let request = request(operation, book);
    let curl = curl(&method, path, operation, request.as_ref());
    let head = [
        ("id", Value::from(id)),
        ("method", method.as_str().into()),
        ("path", path.into()),
        ("summary", text("summary").into()),
    ];
    let tag = operation.member("tags").and_then(|t| t.as_list().first());
    let row = routes::table().iter().find(|row| row.id == id);
    let (answers, refusals) = answers(operation, row, book);
    let shown = object([
        ("id", id.into()),
        ("method", method.as_str().into()),
        ("path", path.into()),
        ("summary", text("summary").into()),
        ("who", row.map(|row| row.access.words()).into()),
        ("parameters", parameters(operation)),
        ("request", request.unwrap_or_default()),
        ("answers", answers),
        ("refusals", refusals),
        ("curl", curl.into()),
    ]);
    Operation {
        tag: tag.and_then(Value::as_str).unwrap_or_default().to_owned(),
        head: object(head),
        shown,
        shapes,
    }
}

/// What is read beside the body, by place.
fn parameters(operation: &Value) -> Value {
    let all = operation
        .member("parameters")
        .map_or(&[][..], Value::as_list);
    let shown = all.iter().map(|parameter| {
        let member = |name: &str| parameter.member(name).cloned().unwrap_or_default();
        let schema = member("schema");
        object([
            ("name", member("name")),
            ("place", member("in")),
            ("required", (member("required") == Value::Bool(true)).into()),
            ("kind", kind(&schema)),
            ("description", member("description")),
            (
                "default",
                schema
                    .member("default")
                    .and_then(|v| serde_json::to_string(v).ok())
                    .into(),
            ),
        ])
    });
    Value::List(shown.collect())
}

/// The body of a request: `{required, media_types, kind, example}`.
fn request(operation: &Value, book: &Book) -> Option<Value> {
    let body = operation.member("requestBody")?;
    let content = body.member("content")?.as_map();
    let (_, first) = content.first()?;
    let schema = first.member("schema")?;
    let example = book.example(schema, 0);
    let types: Vec<Value> = content
        .iter()
        .map(|(name, _)| name.as_str().into())
        .collect();
    Some(object([
        (
            "required",
            body.member("required").cloned().unwrap_or_default(),
        ),
        ("media_types", Value::List(types)),
        ("kind", kind(schema)),
        (
            "line",
            example
                .as_ref()
                .and_then(|e| serde_json::to_string(e).ok())
                .into(),
        ),
        ("example", pretty(example).into()),
    ]))
}

/// Good answers with their shapes and headers, and refusals with their codes.
fn answers(operation: &Value, row: Option<&crate::route::Row>, book: &Book) -> (Value, Value) {
    let responses = operation.member("responses").map_or(&[][..], Value::as_map);
    let mut good = Vec::new();
    for (status, response) in responses {
        if !status.starts_with('2') {
            continue;
        }
        let content = response.member("content").map_or(&[][..], Value::as_map);
        let schema = content
            .first()
            .and_then(|(_, media)| media.member("schema"));
        let headers = response.member("headers").map_or(&[][..], Value::as_map);
        let headers = headers.iter().map(|(name, header)| {
            let text = header.member("description").cloned().unwrap_or_default();
            object([("name", name.as_str().into()), ("description", text)])
        });
        // The first answer's example is enough: others have the same shape.
        let example = schema
            .filter(|_| good.is_empty())
            .and_then(|schema| book.example(schema, 0));
        good.push(object([
            ("status", status.as_str().into()),
            (
                "words",
                response.member("description").cloned().unwrap_or_default(),
            ),
            (
                "media_type",
                content.first().map(|(name, _)| name.as_str()).into(),
            ),
            ("kind", schema.map_or(Value::Null, answer_kind)),
            ("headers", Value::List(headers.collect())),
            (
                "example",
                pretty(example.filter(|e| !e.as_map().is_empty())).into(),
            ),
        ]));
    }
    let refusals = row.map(openapi::refusals).unwrap_or_default();
    let refusals = refusals.into_iter().map(|(status, known)| {
        object([
            ("status", i64::from(status).into()),
            ("codes", known.into()),
        ])
    });
    (Value::List(good), Value::List(refusals.collect()))
}

/// The type of an answer; lists are said as what they hold.
fn answer_kind(schema: &Value) -> Value {
    let data = schema.member("properties").and_then(|p| p.member("data"));
    let listed = data.filter(|_| named(schema).is_none());
    kind(listed.unwrap_or(schema))
}

/// A line for a shell.
fn curl(method: &str, path: &str, operation: &Value, request: Option<&Value>) -> String {
    let mut path = path.to_owned();
    let parameters = operation
        .member("parameters")
        .map_or(&[][..], Value::as_list);
    for parameter in parameters {
        let name = parameter.member("name").and_then(Value::as_str);
        let example = parameter.member("example");
        let (Some(name), Some(example)) = (name, example) else {
            continue;
        };
        let text = match example {
            Value::Text(text) => text.to_string(),
            other => serde_json::to_string(other).unwrap_or_default(),
        };
        path = path.replace(&format!("{{{name}}}"), &text);
    }
    let anyone = operation
        .member("security")
        .is_some_and(|security| security.as_list().is_empty());
    let body = request
        .and_then(|r| r.member("line"))
        .and_then(Value::as_str);
    shell(method, &path, anyone, body)
}

/// A call as a line for a shell.
pub(crate) fn shell(method: &str, path: &str, anyone: bool, body: Option<&str>) -> String {
    let mut line = String::from("curl");
    if method != "GET" {
        line.push_str(" -X ");
        line.push_str(method);
    }
    line.push_str(" \"$TIDINGS_URL");
    line.push_str(path);
    line.push('"');
    if !anyone {
        line.push_str(" \\\n  -H \"Authorization: Bearer $TIDINGS_TOKEN\"");
    }
    if let Some(body) = body {
        line.push_str(" \\\n  -H \"Content-Type: application/json\" \\\n  -d '");
        line.push_str(&body.replace('\'', "'\\''"));
        line.push('\'');
    }
    line
}
