//! Schemas of the collections' objects, from the tables of their members.

use tidings_app::reader::object;
use tidings_dialects::sample;
use tidings_domain::schema::{self, Kind, Member, SetBy, Standard};
use tidings_domain::{Collection, Value, View};

use crate::schema_names::{input_name, name, patch_name, words};

/// The schemas of a collection: as read, as written, as patched.
pub(super) fn schemas(collection: Collection) -> Vec<(String, Value)> {
    let table = &schema::of(collection).members;
    let example = example(collection);
    let shown = table.iter().map(|m| (m.name.to_owned(), of(m))).collect();
    let names = table.iter().map(|m| m.name).collect::<Vec<_>>();
    let writable = |m: &&Member| m.set_by != SetBy::Server;
    let written: Vec<_> = table
        .iter()
        .filter(writable)
        .map(|m| (m.name.to_owned(), of(m)))
        .collect();
    let required: Vec<&str> = table
        .iter()
        .filter(|m| m.standard == Standard::Required && m.name != "id")
        .map(|m| m.name)
        .collect();
    let mut patched: Vec<_> = table
        .iter()
        .filter(|m| matches!(m.set_by, SetBy::Caller | SetBy::Import))
        .map(|m| (m.name.to_owned(), or_null(of(m))))
        .collect();
    if schema::COMMENTABLE.contains(&collection) {
        let comment = object([("$ref", "#/components/schemas/CommentInline".into())]);
        patched.push(("comment".to_owned(), comment));
    }
    let noun = words(collection);
    let input_example = {
        let given = example.as_map().iter().filter(|(member, value)| {
            let row = table.iter().find(|m| m.name == member);
            row.is_some_and(|m| {
                let standard = matches!(m.standard, Standard::Required | Standard::Rule);
                m.name != "id"
                    && m.name != "number"
                    && m.name != "rank"
                    && standard
                    && matches!(m.set_by, SetBy::Caller | SetBy::CallerOnce)
                    && !value.is_null()
            })
        });
        Value::Map(given.cloned().collect())
    };
    vec![
        (
            name(collection),
            object([
                ("type", "object".into()),
                ("description", format!("A {noun}.").into()),
                ("required", names.into()),
                ("properties", Value::Map(shown)),
                ("examples", Value::List(vec![example])),
            ]),
        ),
        (
            input_name(collection),
            object([
                ("type", "object".into()),
                (
                    "description",
                    format!("A {noun} to create or replace. Members that the server sets are ignored when they equal what is stored, so that what was read can be written back.").into(),
                ),
                ("required", required.into()),
                ("properties", Value::Map(written)),
                ("examples", Value::List(vec![input_example])),
            ]),
        ),
        (
            patch_name(collection),
            object([
                ("type", "object".into()),
                (
                    "description",
                    format!("A merge patch (RFC 7396) of a {noun}: null sets a member to null or to its default.").into(),
                ),
                ("properties", Value::Map(patched)),
            ]),
        ),
    ]
}

/// The sample project's object.
fn example(collection: Collection) -> Value {
    let stage = sample::Stage::new();
    let doc = stage.scene().get(sample::object(collection));
    let members = doc.iter().flat_map(|doc| doc.members());
    Value::Map(
        members
            .map(|(m, value)| (m.name.to_owned(), value.clone()))
            .collect(),
    )
}

fn of(member: &Member) -> Value {
    let schema = kind(member.kind);
    let schema = if member.nullable {
        or_null(schema)
    } else {
        schema
    };
    let Value::Map(mut members) = schema else {
        return Value::Null;
    };
    let standard: Option<Value> = match member.standard {
        Standard::Null => Some(Value::Null),
        Standard::Text(text) => Some(text.into()),
        Standard::Int(n) if member.set_by != SetBy::Server => Some(n.into()),
        Standard::Bool(b) => Some(b.into()),
        Standard::EmptyList => Some(Value::List(Vec::new())),
        Standard::EmptyMap => Some(Value::Map(Vec::new())),
        _ => None,
    };
    if let Some(standard) = standard {
        members.push(("default".to_owned(), standard));
    }
    let note = match member.set_by {
        SetBy::Caller => None,
        SetBy::CallerOnce => Some("Only at creation."),
        SetBy::Import => Some("Set by the server; administrator and app tokens may give it."),
        SetBy::ImportOnce => {
            Some("Set by the server; administrator and app tokens may give it at creation.")
        }
        SetBy::Server => Some("Set by the server."),
    };
    if let Some(note) = note {
        let place = members.iter().position(|(name, _)| name == "description");
        match place.and_then(|i| members.get_mut(i)) {
            Some((_, Value::Text(text))) => *text = format!("{text} {note}"),
            _ => members.push(("description".to_owned(), note.into())),
        }
    }
    Value::Map(members)
}

fn or_null(schema: Value) -> Value {
    let Value::Map(members) = schema else {
        return schema;
    };
    let members = members.into_iter().map(|(name, value)| {
        let value = match (name.as_str(), value) {
            ("type", Value::Text(one)) => vec![one, "null".to_owned()].into(),
            ("type", Value::List(mut many)) if !many.contains(&"null".into()) => {
                many.push("null".into());
                Value::List(many)
            }
            ("enum", Value::List(mut many)) if !many.contains(&Value::Null) => {
                many.push(Value::Null);
                Value::List(many)
            }
            ("oneOf", Value::List(mut many)) => {
                let null = object([("type", "null".into())]);
                if !many.contains(&null) {
                    many.push(null);
                }
                Value::List(many)
            }
            (_, value) => value,
        };
        (name, value)
    });
    Value::Map(members.collect())
}

fn typed(kind: &str) -> Vec<(String, Value)> {
    vec![("type".to_owned(), kind.into())]
}

fn list(items: Value, max: i64) -> Value {
    object([
        ("type", "array".into()),
        ("maxItems", max.into()),
        ("items", items),
    ])
}

fn kind(kind: Kind) -> Value {
    let text = |format: &str| object([("type", "string".into()), ("format", format.into())]);
    let id = || {
        object([
            ("type", vec!["integer", "string"].into()),
            (
                "description",
                "An id; requests may say \"ext:EXTERNAL_ID\".".into(),
            ),
        ])
    };
    match kind {
        Kind::Id => object([("type", "integer".into()), ("minimum", 1.into())]),
        Kind::Int { min, max } => object([
            ("type", "integer".into()),
            ("minimum", min.into()),
            ("maximum", max.into()),
        ]),
        Kind::Number { max } => object([
            ("type", "number".into()),
            ("minimum", 0.into()),
            ("maximum", tidings_domain::value::number(max)),
        ]),
        Kind::Text { min, max } => object([
            ("type", "string".into()),
            ("minLength", i64::try_from(min).unwrap_or_default().into()),
            ("maxLength", i64::try_from(max).unwrap_or_default().into()),
        ]),
        Kind::Bool => Value::Map(typed("boolean")),
        Kind::Date => text("date"),
        Kind::Time => text("date-time"),
        Kind::Color => object([
            ("type", "string".into()),
            ("pattern", "^#[0-9A-Fa-f]{6}$".into()),
        ]),
        Kind::Url => object([
            ("type", "string".into()),
            ("format", "uri".into()),
            ("maxLength", 1000.into()),
        ]),
        Kind::Word(words) => object([("enum", words.to_vec().into())]),
        Kind::Directory => object([("type", "string".into()), ("pattern", "^/(.*/)?$".into())]),
        Kind::Person | Kind::Link(_) => id(),
        Kind::People | Kind::Links(_) => list(id(), 200),
        Kind::Ref(_) => object([("oneOf", Value::List(vec![reference()]))]),
        Kind::Parent => object([("oneOf", Value::List(vec![id(), reference()]))]),
        Kind::Entry(_) => object([
            ("type", "string".into()),
            ("minLength", 1.into()),
            ("maxLength", 100.into()),
        ]),
        Kind::Entries(_) | Kind::Names => list(Value::Map(typed("string")), 200),
        Kind::Score => object([("type", vec!["number", "string"].into())]),
        Kind::Fields => object([
            ("type", "object".into()),
            ("maxProperties", 100.into()),
            ("description", "Custom fields by name.".into()),
        ]),
        Kind::StatusDates => object([
            ("type", "object".into()),
            ("additionalProperties", text("date-time")),
        ]),
        Kind::ItemEmail => members(&["discussion", "files"]),
        Kind::NulabAccount => members(&["nulab_id", "name", "unique_id"]),
        Kind::Revisions => list(members(&["rev", "message"]), 100),
    }
}

fn reference() -> Value {
    object([("$ref", "#/components/schemas/Ref".into())])
}

fn members(names: &[&str]) -> Value {
    let properties = names.iter().map(|n| {
        (
            (*n).to_owned(),
            object([("type", vec!["string", "null"].into())]),
        )
    });
    object([
        ("type", "object".into()),
        ("properties", Value::Map(properties.collect())),
    ])
}
