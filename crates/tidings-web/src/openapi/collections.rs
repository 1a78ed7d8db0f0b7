//! Schemas of the collections' objects, from the tables of their members.

use tidings_app::reader::object;
use tidings_dialects::sample;
use tidings_domain::collection::ITEMS;
use tidings_domain::schema::{self, Kind, Member, SetBy, Standard};
use tidings_domain::value::MAX_SAFE_INTEGER;
use tidings_domain::{Collection, Value, View, link};

use crate::schema_names::{input_name, is_kept, name, patch_name, put_name, words};

/// Which way a value goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// In answers.
    Read,
    /// In a request that says all of an object.
    Write,
    /// In a request that says what changes.
    Patch,
}

/// The schemas of a collection: as read, as written, as patched.
pub(super) fn schemas(collection: Collection) -> Vec<(String, Value)> {
    let table = &schema::of(collection).members;
    let example = example(collection);
    let all = |way: Way| -> Vec<(String, Value)> {
        table
            .iter()
            .map(|m| (m.name.to_owned(), of(m, way, &example)))
            .collect()
    };
    let names = table.iter().map(|m| m.name).collect::<Vec<_>>();
    let required: Vec<&str> = table
        .iter()
        .filter(|m| m.standard == Standard::Required && m.name != "id")
        .map(|m| m.name)
        .collect();
    let put: Vec<&str> = table
        .iter()
        .filter(|m| required.contains(&m.name) && !is_kept(m))
        .map(|m| m.name)
        .collect();
    let kept = table.iter().filter(|m| is_kept(m)).map(|m| m.name);
    let kept = kept.collect::<Vec<_>>().join(", ");
    let mut patched = all(Way::Patch);
    if schema::COMMENTABLE.contains(&collection) {
        let comment = object([("$ref", "#/components/schemas/CommentInline".into())]);
        patched.push(("comment".to_owned(), comment));
    }
    let noun = words(collection);
    let an = if noun.starts_with(['a', 'e', 'i', 'o', 'u']) {
        "An"
    } else {
        "A"
    };
    let written = |about: String, required: Vec<&str>| {
        object([
            ("type", "object".into()),
            (
                "description",
                format!("{about} Members that the server sets are ignored when they equal what is stored, so that what was read can be written back.").into(),
            ),
            ("required", required.into()),
            ("additionalProperties", false.into()),
            ("properties", Value::Map(all(Way::Write))),
            ("examples", Value::List(vec![input_example(table, &example)])),
        ])
    };
    let mut schemas = vec![
        (
            name(collection),
            object([
                ("type", "object".into()),
                ("description", format!("{an} {noun}.").into()),
                ("required", names.into()),
                ("properties", Value::Map(all(Way::Read))),
                ("examples", Value::List(vec![example.clone()])),
            ]),
        ),
        (
            input_name(collection),
            written(format!("{an} {noun} to create or replace."), required),
        ),
        (
            patch_name(collection),
            object([
                ("type", "object".into()),
                (
                    "description",
                    format!("A merge patch (RFC 7396) of {} {noun}: null sets a member to null or to its default. Members that are fixed are ignored when they equal what is stored.", an.to_ascii_lowercase()).into(),
                ),
                ("additionalProperties", false.into()),
                ("properties", Value::Map(patched)),
                ("examples", Value::List(vec![patch_example(table, &example)])),
            ]),
        ),
    ];
    if !kept.is_empty() {
        let about =
            format!("{an} {noun} to create or replace; only to create it, {kept} must be given.");
        schemas.push((put_name(collection), written(about, put)));
    }
    schemas
}

/// What a caller would say to create the example.
fn input_example(table: &[Member], example: &Value) -> Value {
    let given = example.as_map().iter().filter(|(member, value)| {
        let row = table.iter().find(|m| m.name == member);
        row.is_some_and(|m| {
            let standard = matches!(m.standard, Standard::Required | Standard::Rule);
            !matches!(m.name, "id" | "number" | "rank")
                && standard
                && matches!(m.set_by, SetBy::Caller | SetBy::CallerOnce)
                && !value.is_null()
        })
    });
    Value::Map(given.cloned().collect())
}

/// One member that can be changed, as it is.
fn patch_example(table: &[Member], example: &Value) -> Value {
    let telling = |m: &&Member| {
        m.set_by == SetBy::Caller
            && !matches!(m.name, "external_id" | "url" | "rank")
            && example.member(m.name).is_some_and(|v| !v.is_null())
    };
    let member = table.iter().find(telling);
    let given = member.and_then(|m| Some((m.name.to_owned(), example.member(m.name)?.clone())));
    Value::Map(given.into_iter().collect())
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

fn of(member: &Member, way: Way, example: &Value) -> Value {
    let fixed = match way {
        Way::Read => false,
        Way::Write => member.set_by == SetBy::Server,
        Way::Patch => !matches!(member.set_by, SetBy::Caller | SetBy::Import),
    };
    // What a patch sets to null gets its default, if it has one.
    let nullable =
        member.nullable || (way == Way::Patch && !fixed && member.standard != Standard::Required);
    let schema = kind(member.kind, way);
    let schema = if nullable { or_null(schema) } else { schema };
    let Value::Map(mut members) = schema else {
        return Value::Null;
    };
    // Of what must be there already, the sample project's is the example.
    let known = example.member(member.name).filter(|v| !v.is_null());
    if let Some(known) = known.filter(|_| way != Way::Read && !fixed && refers(member.kind)) {
        members.push(("examples".to_owned(), Value::List(vec![known.clone()])));
    }
    if fixed {
        members.push(("readOnly".to_owned(), true.into()));
    }
    let standard: Option<Value> = match member.standard {
        Standard::Null => Some(Value::Null),
        Standard::Text(text) => Some(text.into()),
        Standard::Int(n) if member.set_by != SetBy::Server => Some(n.into()),
        Standard::Bool(b) => Some(b.into()),
        Standard::EmptyList => Some(Value::List(Vec::new())),
        Standard::EmptyMap => Some(Value::Map(Vec::new())),
        _ => None,
    };
    if let Some(standard) = standard.filter(|_| way == Way::Write) {
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
    let note = note.filter(|_| way != Way::Read || member.set_by == SetBy::Server);
    if let Some(note) = note {
        let place = members.iter().position(|(name, _)| name == "description");
        match place.and_then(|i| members.get_mut(i)) {
            Some((_, Value::Text(text))) => *text = format!("{text} {note}").into(),
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
            ("type", Value::Text(one)) => vec![one, "null".into()].into(),
            ("type", Value::List(mut many)) if !many.contains(&"null".into()) => {
                many.push("null".into());
                Value::List(many)
            }
            ("enum", Value::List(mut many)) if !many.contains(&Value::Null) => {
                many.push(Value::Null);
                Value::List(many)
            }
            ("anyOf", Value::List(mut many)) => {
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

/// Whether a value names something else that must be there.
fn refers(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Person
            | Kind::People
            | Kind::Link(_)
            | Kind::Links(_)
            | Kind::Ref(_)
            | Kind::Parent
            | Kind::Entry(_)
            | Kind::Entries(_)
            | Kind::Score
            | Kind::Fields
            | Kind::StatusDates
    )
}

fn kind(kind: Kind, way: Way) -> Value {
    let text = |format: &str| object([("type", "string".into()), ("format", format.into())]);
    match kind {
        Kind::Id => integer(1, MAX_SAFE_INTEGER),
        Kind::Int { min, max } => integer(min, max),
        Kind::Number { max } => amount(max),
        Kind::Text { min, max } => line(min, max),
        Kind::Bool => Value::Map(typed("boolean")),
        Kind::Date => text("date"),
        Kind::Time => text("date-time"),
        Kind::Color => object([
            ("type", "string".into()),
            ("pattern", "^#[0-9A-Fa-f]{6}$".into()),
        ]),
        Kind::Url => object([
            ("type", "string".into()),
            ("pattern", link::LINK.into()),
            ("maxLength", 1000.into()),
        ]),
        Kind::Word(words) => object([("type", "string".into()), ("enum", words.to_vec().into())]),
        Kind::Directory => object([
            ("type", "string".into()),
            ("pattern", r"^/([\s\S]*/)?$".into()),
            ("maxLength", 1000.into()),
        ]),
        Kind::Person | Kind::Link(_) => id(way),
        Kind::People | Kind::Links(_) => list(id(way), 200),
        Kind::Ref(to) => reference(to, way),
        Kind::Parent => any_of(vec![id(way), reference(&ITEMS, way)]),
        Kind::Entry(_) => line(1, 100),
        Kind::Entries(_) | Kind::Names => list(line(1, 100), 200),
        Kind::Score => any_of(vec![amount(999.99), line(1, 100)]),
        Kind::Fields => object([
            ("type", "object".into()),
            ("maxProperties", 100.into()),
            ("description", "Custom fields by name.".into()),
            (
                "propertyNames",
                object([("minLength", 1.into()), ("maxLength", 100.into())]),
            ),
            ("additionalProperties", field()),
        ]),
        Kind::StatusDates => {
            let time = text("date-time");
            let time = if way == Way::Patch {
                or_null(time)
            } else {
                time
            };
            object([
                ("type", "object".into()),
                ("maxProperties", 200.into()),
                ("additionalProperties", time),
            ])
        }
        Kind::ItemEmail => members(&["discussion", "files"]),
        Kind::NulabAccount => members(&["nulab_id", "name", "unique_id"]),
        Kind::Revisions => list(revision(), 100),
    }
}

fn integer(min: i64, max: i64) -> Value {
    object([
        ("type", "integer".into()),
        ("minimum", min.into()),
        ("maximum", max.into()),
    ])
}

fn amount(max: f64) -> Value {
    object([
        ("type", "number".into()),
        ("minimum", 0.into()),
        ("maximum", tidings_domain::value::number(max)),
    ])
}

fn line(min: usize, max: usize) -> Value {
    let count = |n: usize| Value::from(i64::try_from(n).unwrap_or_default());
    object([
        ("type", "string".into()),
        ("minLength", count(min)),
        ("maxLength", count(max)),
    ])
}

fn any_of(schemas: Vec<Value>) -> Value {
    object([("anyOf", Value::List(schemas))])
}

/// An id of another object; requests may give the caller's own.
fn id(way: Way) -> Value {
    let number = integer(1, MAX_SAFE_INTEGER);
    match way {
        Way::Read => number,
        Way::Write | Way::Patch => any_of(vec![number, super::external_id()]),
    }
}

/// A reference to an object of one of these collections.
fn reference(to: &[Collection], way: Way) -> Value {
    let paths: Vec<&str> = to.iter().map(|c| c.path()).collect();
    object([
        ("type", "object".into()),
        ("required", vec!["collection", "id"].into()),
        ("additionalProperties", false.into()),
        (
            "properties",
            object([
                (
                    "collection",
                    object([("type", "string".into()), ("enum", paths.into())]),
                ),
                ("id", id(way)),
            ]),
        ),
    ])
}

/// A custom field: what it may hold depends on the field's type.
fn field() -> Value {
    object([
        (
            "type",
            vec!["string", "number", "boolean", "array", "null"].into(),
        ),
        ("maxLength", 100_000.into()),
        ("maxItems", 200.into()),
        ("items", line(1, 100)),
    ])
}

fn revision() -> Value {
    object([
        ("type", "object".into()),
        ("required", vec!["rev"].into()),
        ("additionalProperties", false.into()),
        (
            "properties",
            object([("rev", line(1, 64)), ("message", line(0, 100_000))]),
        ),
    ])
}

fn members(names: &[&str]) -> Value {
    let properties = names
        .iter()
        .map(|n| ((*n).to_owned(), or_null(line(0, 254))));
    object([
        ("type", "object".into()),
        ("additionalProperties", false.into()),
        ("properties", Value::Map(properties.collect())),
    ])
}
