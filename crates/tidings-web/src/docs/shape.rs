//! Schemas for people: a line for each member, types in words, an example.

use std::collections::BTreeSet;

use tidings_app::reader::object;
use tidings_domain::Value;

/// How deep members of members are shown.
const DEEPEST: usize = 3;
/// A number that is only there because JSON numbers end somewhere.
const BEYOND: i64 = tidings_domain::value::MAX_SAFE_INTEGER;

/// The named schemas.
pub(super) struct Book {
    schemas: Vec<(String, Value)>,
}

impl Book {
    /// Those of a document.
    pub(super) fn of(document: &Value) -> Self {
        let schemas = document
            .member("components")
            .and_then(|c| c.member("schemas"));
        Self {
            schemas: schemas.map_or(&[][..], Value::as_map).to_vec(),
        }
    }

    fn get(&self, name: &str) -> Option<&Value> {
        self.schemas
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, schema)| schema)
    }

    /// The schema that a reference leads to, or the schema itself.
    pub(super) fn follow<'a>(&'a self, schema: &'a Value) -> &'a Value {
        named(schema)
            .and_then(|name| self.get(name))
            .unwrap_or(schema)
    }

    /// The shapes that these lead to, each once, by name.
    pub(super) fn pages<'a>(&self, first: impl Iterator<Item = &'a String>) -> Value {
        let mut found: BTreeSet<String> = BTreeSet::new();
        let mut open: Vec<String> = first.cloned().collect();
        while let Some(name) = open.pop() {
            // The first page has this one, and this one is a word.
            if matches!(name.as_str(), "Problem" | "Time") || !found.insert(name.clone()) {
                continue;
            }
            if let Some(schema) = self.get(&name) {
                references(schema, &mut open);
            }
        }
        Value::List(found.iter().map(|name| self.page(name)).collect())
    }

    /// One shape: `{name, description, type, members, example}`.
    pub(super) fn page(&self, name: &str) -> Value {
        let nothing = Value::Null;
        let schema = self.get(name).unwrap_or(&nothing);
        let choices = choices(schema);
        let mut members = Vec::new();
        if choices.is_empty() {
            lines_of(schema, 0, &mut members);
        }
        for (number, choice) in choices.iter().enumerate() {
            let word = if number == 0 { "Either" } else { "Or" };
            let said = choice.member("description").and_then(Value::as_str);
            let said = said.map_or_else(String::new, |said| format!(": {said}"));
            members.push(object([("choice", format!("{word}{said}").into())]));
            lines_of(choice, 0, &mut members);
        }
        object([
            ("name", name.into()),
            ("description", text(schema, "description").into()),
            (
                "kind",
                if members.is_empty() {
                    kind(schema)
                } else {
                    Value::Null
                },
            ),
            ("members", Value::List(members)),
            ("example", pretty(self.example(schema, 0)).into()),
        ])
    }

    /// An example: the schema's own, else one made of its parts.
    pub(super) fn example(&self, schema: &Value, depth: usize) -> Option<Value> {
        if depth > 6 {
            return None;
        }
        let schema = self.follow(schema);
        let own = schema.member("examples").and_then(|e| e.as_list().first());
        if let Some(own) = own.or_else(|| schema.member("const")) {
            return Some(own.clone());
        }
        if let Some(first) = schema.member("enum").and_then(|e| e.as_list().first()) {
            return Some(first.clone());
        }
        if let Some(first) = schema.member("anyOf").and_then(|e| e.as_list().first()) {
            return self.example(first, depth + 1);
        }
        if let Some(parts) = schema.member("allOf") {
            let mut members = Vec::new();
            for part in parts.as_list() {
                if let Some(Value::Map(more)) = self.example(part, depth + 1) {
                    members.extend(more);
                }
            }
            return Some(Value::Map(members));
        }
        if let Some(items) = schema.member("items") {
            let one = self.example(items, depth + 1);
            return Some(Value::List(one.into_iter().collect()));
        }
        let properties = schema.member("properties")?.as_map().iter();
        let members = properties.filter_map(|(name, member)| {
            let example = self.example(member, depth + 1);
            let simple = || plain(name, &types(member));
            Some((name.clone(), example.or_else(simple)?))
        });
        Some(Value::Map(members.collect()))
    }
}

/// A line for each member, those of objects inside below them.
fn lines_of(schema: &Value, depth: usize, lines: &mut Vec<Value>) {
    let required = schema.member("required").map_or(&[][..], Value::as_list);
    let properties = schema.member("properties").map_or(&[][..], Value::as_map);
    for (name, member) in properties {
        // An answer always has all of what it requires; what requests may leave out is what matters.
        lines.push(object([
            ("name", name.as_str().into()),
            ("depth", i64::try_from(depth).unwrap_or_default().into()),
            ("required", required.contains(&name.as_str().into()).into()),
            ("fixed", flag(member, "readOnly").into()),
            ("kind", kind(member)),
            ("description", text(member, "description").into()),
            (
                "default",
                member
                    .member("default")
                    .and_then(|v| serde_json::to_string(v).ok())
                    .into(),
            ),
        ]));
        if depth < DEEPEST && named(member).is_none() {
            let inside = member.member("items").unwrap_or(member);
            if named(inside).is_none() {
                lines_of(inside, depth + 1, lines);
            }
        }
    }
}

/// A value of a simple type.
fn plain(name: &str, types: &[&str]) -> Option<Value> {
    Some(match *types.first()? {
        "integer" | "number" => 1.into(),
        "boolean" => true.into(),
        "string" if name.ends_with("_at") => "2026-03-02T11:40:00Z".into(),
        "string" => "text".into(),
        "array" => Value::List(Vec::new()),
        "object" => Value::Map(Vec::new()),
        _ => Value::Null,
    })
}

/// JSON over several lines.
pub(super) fn pretty(value: Option<Value>) -> Option<String> {
    serde_json::to_string_pretty(&value?).ok()
}

/// The name of the schema that a reference leads to.
pub(super) fn named(schema: &Value) -> Option<&str> {
    let reference = schema.member("$ref")?.as_str()?;
    reference.strip_prefix("#/components/schemas/")
}

/// The names of all schemas that one mentions.
pub(super) fn references(schema: &Value, found: &mut Vec<String>) {
    if let Some(name) = named(schema) {
        found.push(name.to_owned());
    }
    for (name, inner) in schema.as_map() {
        if name != "examples" {
            references(inner, found);
        }
    }
    for inner in schema.as_list() {
        references(inner, found);
    }
}

/// The forms of which a value must have one, where they are objects.
fn choices(schema: &Value) -> &[Value] {
    let choices = schema.member("anyOf").map_or(&[][..], Value::as_list);
    let objects = choices.iter().all(|c| c.member("properties").is_some());
    if objects { choices } else { &[] }
}

fn text<'a>(schema: &'a Value, name: &str) -> Option<&'a str> {
    schema.member(name)?.as_str()
}

fn flag(schema: &Value, name: &str) -> bool {
    schema.member(name) == Some(&Value::Bool(true))
}

fn types(schema: &Value) -> Vec<&str> {
    match schema.member("type") {
        Some(Value::Text(one)) => vec![one],
        Some(Value::List(many)) => many.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

/// A type in words: pieces of `{text, shape}`, where a shape is a name to lead to.
pub(super) fn kind(schema: &Value) -> Value {
    let mut pieces = Vec::new();
    say(schema, &mut pieces);
    Value::List(pieces)
}

fn word(pieces: &mut Vec<Value>, text: impl Into<String>) {
    pieces.push(object([
        ("text", text.into().into()),
        ("shape", Value::Null),
        ("code", false.into()),
    ]));
}

fn code(pieces: &mut Vec<Value>, text: String) {
    pieces.push(object([
        ("text", text.into()),
        ("shape", Value::Null),
        ("code", true.into()),
    ]));
}

fn say(schema: &Value, pieces: &mut Vec<Value>) {
    match named(schema) {
        Some("Time") => return word(pieces, "time"),
        Some(name) => {
            return pieces.push(object([
                ("text", name.into()),
                ("shape", name.into()),
                ("code", false.into()),
            ]));
        }
        None => {}
    }
    if let Some(words) = schema.member("enum").map(Value::as_list) {
        for (i, value) in words.iter().enumerate() {
            if i > 0 {
                word(pieces, if i + 1 == words.len() { " or " } else { ", " });
            }
            code(pieces, serde_json::to_string(value).unwrap_or_default());
        }
        return;
    }
    if let Some(value) = schema.member("const") {
        return code(pieces, serde_json::to_string(value).unwrap_or_default());
    }
    if let Some(choices) = schema.member("anyOf").map(Value::as_list)
        && schema.member("properties").is_none()
    {
        for (i, choice) in choices.iter().enumerate() {
            if i > 0 {
                word(pieces, " or ");
            }
            say(choice, pieces);
        }
        return;
    }
    if schema.member("allOf").is_some() {
        let parts = schema.member("allOf").map_or(&[][..], Value::as_list);
        for (i, part) in parts.iter().enumerate() {
            if i > 0 {
                word(pieces, " with ");
            }
            say(part, pieces);
        }
        return;
    }
    let types = types(schema);
    if types.is_empty() {
        word(pieces, "any JSON");
    }
    for (i, name) in types.iter().enumerate() {
        if i > 0 {
            word(pieces, " or ");
        }
        one(schema, name, pieces);
    }
}

fn one(schema: &Value, name: &str, pieces: &mut Vec<Value>) {
    let bound = |name: &str| schema.member(name).filter(|v| !v.is_null());
    match name {
        "array" => {
            word(pieces, "list of ");
            say(schema.member("items").unwrap_or(&Value::Null), pieces);
            if let Some(most) = bound("maxItems").and_then(Value::as_int) {
                let least = bound("minItems").and_then(Value::as_int);
                word(
                    pieces,
                    least.map_or_else(
                        || format!(", at most {most}"),
                        |n| format!(", {n} to {most}"),
                    ),
                );
            }
        }
        "object" => match schema.member("additionalProperties") {
            Some(values @ Value::Map(_)) if schema.member("properties").is_none() => {
                word(pieces, "object of ");
                say(values, pieces);
                word(pieces, " by name");
            }
            _ => word(pieces, "object"),
        },
        "integer" | "number" => {
            let noun = if name == "integer" {
                "whole number"
            } else {
                "number"
            };
            let show = |v: &Value| serde_json::to_string(v).unwrap_or_default();
            let most = bound("maximum").filter(|v| v.as_int() != Some(BEYOND));
            word(
                pieces,
                match (bound("minimum"), most) {
                    (Some(min), Some(max)) => format!("{noun} from {} to {}", show(min), show(max)),
                    (Some(min), None) => format!("{noun} from {}", show(min)),
                    _ => noun.to_owned(),
                },
            );
        }
        "string" => {
            string(schema, pieces);
        }
        "boolean" => {
            code(pieces, "true".to_owned());
            word(pieces, " or ");
            code(pieces, "false".to_owned());
        }
        other => code(pieces, other.to_owned()),
    }
}

fn string(schema: &Value, pieces: &mut Vec<Value>) {
    let pattern = text(schema, "pattern").unwrap_or_default();
    match text(schema, "format") {
        Some("date-time") => return word(pieces, "time (RFC 3339)"),
        Some("date") => return word(pieces, "date"),
        _ => {}
    }
    if pattern.starts_with("^[Hh]") {
        return word(pieces, "http or https URL");
    }
    if pattern.starts_with("^ext:") {
        return code(pieces, "\"ext:EXTERNAL_ID\"".to_owned());
    }
    if pattern.starts_with("^#") {
        return word(pieces, "colour like #0067e8");
    }
    let count = |name: &str| schema.member(name).and_then(Value::as_int);
    let least = count("minLength").unwrap_or_default();
    word(
        pieces,
        match count("maxLength") {
            Some(most) if least > 0 => format!("text of {least} to {most} characters"),
            Some(most) => format!("text of at most {most} characters"),
            None => "text".to_owned(),
        },
    );
    // Which control characters no text may hold is said once, at the beginning.
    if !pattern.is_empty() && !pattern.starts_with("^[^\\u0000") && pattern.len() <= 60 {
        word(pieces, " matching ");
        code(pieces, pattern.to_owned());
    }
}
