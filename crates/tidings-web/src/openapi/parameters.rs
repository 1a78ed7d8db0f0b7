//! What a route reads beside its body: parameters of path and query, and headers.

use tidings_app::reader::object;
use tidings_dialects::sample;
use tidings_domain::Value;
use tidings_domain::delivery::{DeliveryState, Trigger};

use crate::idempotency;
use crate::route::Row;

/// The key of the sample project, from which the examples are.
const KEY: &str = "HB";

/// One parameter, described.
struct Described {
    name: &'static str,
    description: &'static str,
    schema: Value,
    example: Option<Value>,
}

/// Every parameter of a route.
pub(super) fn of(row: &Row) -> Vec<Value> {
    let paths = row.path.split('/').filter_map(|segment| {
        let name = segment.strip_prefix('{')?.strip_suffix('}')?;
        Some(show("path", in_path(row, name)))
    });
    let queries = row.query.iter().map(|parameter| {
        let (schema, example) = in_query(parameter.name);
        let described = Described {
            name: parameter.name,
            description: parameter.description,
            schema,
            example,
        };
        show("query", described)
    });
    let headers = headers(row).into_iter().map(|one| show("header", one));
    paths.chain(queries).chain(headers).collect()
}

fn show(place: &str, one: Described) -> Value {
    let mut members = vec![
        ("name".to_owned(), one.name.into()),
        ("in".to_owned(), place.into()),
    ];
    if place == "path" {
        members.push(("required".to_owned(), true.into()));
    }
    members.extend([
        ("description".to_owned(), one.description.into()),
        ("schema".to_owned(), one.schema),
    ]);
    if let Some(example) = one.example {
        members.push(("example".to_owned(), example));
    }
    Value::Map(members)
}

fn text() -> Value {
    object([("type", "string".into())])
}

fn pattern(pattern: &str) -> Value {
    object([("type", "string".into()), ("pattern", pattern.into())])
}

fn words(words: Vec<&'static str>) -> Value {
    object([("type", "string".into()), ("enum", words.into())])
}

/// A whole number that names something.
fn number() -> Value {
    object([
        ("type", "integer".into()),
        ("minimum", 1.into()),
        ("maximum", tidings_domain::value::MAX_SAFE_INTEGER.into()),
    ])
}

fn time() -> Value {
    object([("type", "string".into()), ("format", "date-time".into())])
}

fn dialects() -> Value {
    words(tidings_dialects::all().iter().map(|d| d.name()).collect())
}

fn in_path(row: &Row, name: &str) -> Described {
    let of_delivery = row.path.contains("/deliveries/");
    let (name, description, schema, example) = match name {
        "key" => (
            "key",
            "The project's key.",
            super::project_key(),
            KEY.into(),
        ),
        "id" if of_delivery => (
            "id",
            "The delivery's id.",
            super::delivery_id(),
            "dlv_01fsc4zgv00g0".into(),
        ),
        "id" => match row.collection {
            Some(collection) => (
                "id",
                "The id, or `ext:EXTERNAL_ID` (percent-encoded).",
                object([("anyOf", Value::List(vec![number(), super::external_id()]))]),
                sample::object(collection).id.into(),
            ),
            None => ("id", "The id.", number(), 7.into()),
        },
        "dialect" => (
            "dialect",
            "The dialect's name.",
            dialects(),
            "icescrum".into(),
        ),
        _ => ("code", "The event code.", text(), "story.create".into()),
    };
    Described {
        name,
        description,
        schema,
        example: Some(example),
    }
}

fn in_query(name: &str) -> (Value, Option<Value>) {
    match name {
        "limit" => {
            let schema = object([
                ("type", "integer".into()),
                ("minimum", 1.into()),
                ("maximum", 200.into()),
                ("default", 50.into()),
            ]);
            (schema, None)
        }
        "cursor" => (pattern("^[1-9a-f][0-9a-f]{0,15}\\.[0-9a-f]{8}$"), None),
        "silent" => (
            object([("type", "boolean".into()), ("default", false.into())]),
            None,
        ),
        "webhook" | "event" => (number(), None),
        "status" => {
            let schema = object([
                ("type", "integer".into()),
                ("minimum", 100.into()),
                ("maximum", 999.into()),
            ]);
            (schema, Some(503.into()))
        }
        "since" | "until" => (time(), Some("2026-03-02T11:40:00Z".into())),
        "dialect" => (dialects(), None),
        "state" => (
            words(DeliveryState::ALL.iter().map(|s| s.as_str()).collect()),
            None,
        ),
        "trigger" => (
            words(Trigger::ALL.iter().map(|t| t.as_str()).collect()),
            None,
        ),
        "object" => (
            pattern("^(items|[a-z]+(-[a-z]+)?/[1-9][0-9]{0,14})$"),
            Some("tasks/42".into()),
        ),
        "operation" => (pattern("^[a-z._]{1,60}$"), Some("webhook.update".into())),
        "actor" => (pattern("^[a-z0-9:]{1,60}$"), Some("account:3".into())),
        "code" | "q" => {
            let schema = object([
                ("type", "string".into()),
                ("minLength", 1.into()),
                ("maxLength", if name == "q" { 200 } else { 100 }.into()),
                ("pattern", super::PRINTABLE.into()),
            ]);
            (
                schema,
                Some(
                    if name == "q" {
                        "timeout"
                    } else {
                        "task.update"
                    }
                    .into(),
                ),
            )
        }
        _ => (text(), None),
    }
}

/// The request headers that a route reads.
fn headers(row: &Row) -> Vec<Described> {
    let header = |name, description, schema, example: &str| Described {
        name,
        description,
        schema,
        example: Some(example.into()),
    };
    let mut all = Vec::new();
    if row.acts {
        all.extend([
            header(
                "Tidings-Actor",
                "Who did it: the id of a member, or `ext:EXTERNAL_ID` (administrator and app tokens).",
                pattern("^([1-9][0-9]{0,14}|ext:[!-~]{1,200})$"),
                "7",
            ),
            header(
                "Tidings-At",
                "When it happened, RFC 3339 (administrator and app tokens).",
                time(),
                "2026-03-02T11:40:00Z",
            ),
        ]);
    }
    if row.waits {
        all.push(header(
            "Prefer",
            "`wait=N`: the answer comes after the first tries of the deliveries, or after N seconds (1 to 30), with their results (RFC 7240).",
            text(),
            "wait=5",
        ));
    }
    if idempotency::is_read(row) {
        let schema = object([
            ("type", "string".into()),
            ("minLength", 1.into()),
            ("maxLength", 255.into()),
            ("pattern", "^[!-~]+$".into()),
        ]);
        all.push(Described {
            name: "Idempotency-Key",
            description: "1 to 255 visible ASCII characters. The same request with the same key gets the same answer for 24 h and is not carried out again.",
            schema,
            // An example would be copied, and a key is for one request.
            example: None,
        });
    }
    all
}
