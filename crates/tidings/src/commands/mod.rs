//! The client and operator commands, a file each.

pub(crate) mod config;
pub(crate) mod delivery;
pub(crate) mod openapi;
pub(crate) mod project;
pub(crate) mod sample;
pub(crate) mod token;
pub(crate) mod trigger;
pub(crate) mod verify;
pub(crate) mod webhook;

use anyhow::Context;
use tidings_domain::Value;

/// `name=value` pairs as members of a JSON object: a value that is JSON is taken as such, anything else as text.
pub(crate) fn members(pairs: &[String]) -> anyhow::Result<Value> {
    let mut all = Vec::new();
    for pair in pairs {
        let (name, text) = pair
            .split_once('=')
            .with_context(|| format!("{pair}: expected NAME=VALUE"))?;
        let value = Value::parse(text.as_bytes()).unwrap_or_else(|_| text.into());
        all.push((name.to_owned(), value));
    }
    Ok(Value::Map(all))
}
