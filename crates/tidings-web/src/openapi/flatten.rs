//! Schemas that are put together from parts (`allOf`) become one object each: easier to read, and able to say that nothing else is
//! allowed.

use tidings_domain::Value;

type Members = Vec<(String, Value)>;

/// Every schema that is not just a part of others, whole.
pub(super) fn all(parts: &Members) -> Members {
    let whole: Members = parts
        .iter()
        .map(|(name, schema)| (name.clone(), flat(schema, parts)))
        .collect();
    let is_part = |name: &str| name.starts_with("part:");
    whole
        .into_iter()
        .filter(|(name, _)| !is_part(name))
        .collect()
}

/// The schema with every `allOf` in it resolved.
fn flat(schema: &Value, parts: &Members) -> Value {
    let members = match schema {
        Value::List(entries) => {
            return Value::List(entries.iter().map(|entry| flat(entry, parts)).collect());
        }
        Value::Map(members) => members,
        other => return other.clone(),
    };
    let mut whole: Members = Vec::new();
    for (name, value) in members {
        if name == "allOf" {
            for part in value.as_list() {
                let part = flat(resolve(part, parts), parts);
                lay(&mut whole, part);
            }
        }
    }
    for (name, value) in members {
        if name != "allOf" {
            lay(
                &mut whole,
                Value::Map(vec![(name.clone(), flat(value, parts))]),
            );
        }
    }
    Value::Map(whole)
}

/// What a reference leads to; anything else as it is.
fn resolve<'a>(part: &'a Value, parts: &'a Members) -> &'a Value {
    let name = part.member("$ref").and_then(Value::as_str);
    let name = name.and_then(|name| name.strip_prefix("#/components/schemas/"));
    name.and_then(|name| parts.iter().find(|(n, _)| n == name))
        .map_or(part, |(_, schema)| schema)
}

/// Lays one object schema over another: members of `properties` and entries of `required` are added, all else is replaced.
fn lay(whole: &mut Members, part: Value) {
    let Value::Map(members) = part else { return };
    for (name, value) in members {
        let place = whole.iter_mut().find(|(known, _)| *known == name);
        match (name.as_str(), place, value) {
            ("properties", Some((_, Value::Map(properties))), Value::Map(more)) => {
                for (name, schema) in more {
                    match properties.iter_mut().find(|(known, _)| *known == name) {
                        Some((_, slot)) => *slot = schema,
                        None => properties.push((name, schema)),
                    }
                }
            }
            ("required", Some((_, Value::List(names))), Value::List(more)) => {
                for name in more {
                    if !names.contains(&name) {
                        names.push(name);
                    }
                }
            }
            (_, Some((_, slot)), value) => *slot = value,
            (_, None, value) => whole.push((name, value)),
        }
    }
}
