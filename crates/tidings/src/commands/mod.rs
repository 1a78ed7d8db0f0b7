//! The client and operator commands, a file each.

pub(crate) mod account;
mod apply;
pub(crate) mod backup;
pub(crate) mod completion;
pub(crate) mod config;
pub(crate) mod delivery;
pub(crate) mod doctor;
pub(crate) mod explain;
pub(crate) mod local;
pub(crate) mod openapi;
pub(crate) mod project;
pub(crate) mod sample;
pub(crate) mod secrets;
pub(crate) mod token;
pub(crate) mod trigger;
pub(crate) mod verify;
pub(crate) mod webhook;

use tidings_domain::Value;

use crate::Failure;

/// `name=value` pairs as members of a JSON object: a value that is JSON is taken as such, anything else as text.
pub(crate) fn members(pairs: &[String]) -> anyhow::Result<Value> {
    let mut all = Vec::new();
    for pair in pairs {
        let (name, text) = pair
            .split_once('=')
            .ok_or_else(|| Failure::Usage(format!("{pair}: expected NAME=VALUE")))?;
        let value = Value::parse(text.as_bytes()).unwrap_or_else(|_| text.into());
        all.push((name.to_owned(), value));
    }
    Ok(Value::Map(all))
}

/// The path of a project, or an error when none is named.
pub(crate) fn project(key: &str) -> anyhow::Result<String> {
    if key.is_empty() {
        return Err(Failure::Usage(
            "say which project: --project KEY; `tidings project list` lists them".into(),
        )
        .into());
    }
    Ok(format!("/projects/{}", crate::client::encode(key)))
}
