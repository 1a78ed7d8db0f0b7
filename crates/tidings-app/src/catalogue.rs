//! The dialects, their codes, and for each code how to cause it and what is sent: no permission needed, no project.

use tidings_dialects::{Dialect, Message, Phrase, sample};
use tidings_domain::{Fault, Value};

use crate::reader::object;

/// Every dialect.
pub fn dialects() -> Vec<Value> {
    tidings_dialects::all().iter().map(|d| show(*d)).collect()
}

/// One dialect.
pub fn dialect(name: &str) -> Result<Value, Fault> {
    find(name).map(show)
}

fn show(dialect: &dyn Dialect) -> Value {
    let options = dialect.options().iter().map(|option| {
        let values: Vec<Value> = option.values.iter().map(|v| (*v).into()).collect();
        object([
            ("name", option.name.into()),
            ("values", Value::List(values)),
            ("description", option.description.into()),
        ])
    });
    let signature = dialect.signature("secret", b"{}").map(|(header, _)| {
        object([
            ("header", header.into()),
            ("value", dialect.signature_words().into()),
        ])
    });
    object([
        ("name", dialect.name().into()),
        ("title", dialect.title().into()),
        ("description", dialect.description().into()),
        ("exposes", dialect.exposes().into()),
        ("signature", signature.unwrap_or_default()),
        ("options", Value::List(options.collect())),
        ("has_failure_limit", dialect.has_failure_limit().into()),
        (
            "selections",
            if dialect.story_codes().is_empty() {
                vec!["all"].into()
            } else {
                vec!["all", "stories"].into()
            },
        ),
    ])
}

/// The codes of a dialect, in the order in which the messages of one event go out.
pub fn events(dialect: &str) -> Result<Vec<Value>, Fault> {
    let dialect = find(dialect)?;
    Ok(dialect.phrases().iter().map(row).collect())
}

/// One code with its cause, its headers and a sample.
pub fn event(dialect: &str, code: &str) -> Result<Value, Fault> {
    let dialect = find(dialect)?;
    let phrase = dialect
        .phrases()
        .iter()
        .find(|p| p.code == code)
        .ok_or_else(|| {
            let (title, name) = (dialect.title(), dialect.name());
            Fault::not_found(format!(
                "{title} has no event code {code:?}; GET /api/v1/dialects/{name}/events lists them"
            ))
        })?;
    let cause = object([
        ("method", phrase.cause.method.into()),
        (
            "path",
            format!("/api/v1/projects/{{key}}/{}", phrase.cause.path).into(),
        ),
        (
            "body",
            Value::parse(phrase.cause.body.as_bytes()).unwrap_or_default(),
        ),
    ]);
    let headers = dialect
        .headers(code)
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.into()))
        .collect();
    let body = sample(dialect, code, &Value::Null).map(|message| message.body);
    let text = body
        .as_deref()
        .map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    let parsed = body.and_then(|bytes| Value::parse(&bytes).ok());
    let Value::Map(mut members) = row(phrase) else {
        return Err(crate::refusal::internal());
    };
    members.extend([
        ("cause".to_owned(), cause),
        ("headers".to_owned(), Value::Map(headers)),
        ("sample".to_owned(), parsed.unwrap_or_default()),
        ("body".to_owned(), text.into()),
    ]);
    Ok(Value::Map(members))
}

/// The message that a test of `code` sends.
pub fn sample(dialect: &dyn Dialect, code: &str, options: &Value) -> Option<Message> {
    sample::message(dialect, code, options)
}

/// What people call a dialect.
pub fn title(name: &str) -> Option<&'static str> {
    tidings_dialects::find(name).map(Dialect::title)
}

pub(crate) fn find(name: &str) -> Result<&'static dyn Dialect, Fault> {
    tidings_dialects::find(name).ok_or_else(|| {
        let known: Vec<_> = tidings_dialects::all().iter().map(|d| d.name()).collect();
        Fault::not_found(format!(
            "there is no dialect {name:?}; known are {}",
            known.join(", ")
        ))
    })
}

fn row(phrase: &Phrase) -> Value {
    object([
        ("code", phrase.code.into()),
        ("name", phrase.name.into()),
        ("category", phrase.category.into()),
        ("object", phrase.object.into()),
    ])
}
