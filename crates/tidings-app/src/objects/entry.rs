//! The form of an entry: what stands beside the body, where, and for which verbs.

use tidings_domain::{Fault, Value};

use super::{Entry, Op};

/// Most characters of a batch key.
const LONGEST_KEY: usize = 200;

/// Brings single requests and entries of a batch into one form: the comment beside the data, and data where there may be none.
pub(super) fn tidy(entries: &mut [Entry], batch: bool) {
    for entry in entries {
        let takes_comment = matches!(entry.op, Op::Patch | Op::Bulk);
        if takes_comment && !batch && entry.comment.is_none() {
            entry.comment = take(&mut entry.data, "comment");
        }
        if entry.op == Op::Patch && batch && entry.data.is_null() && entry.comment.is_some() {
            entry.data = Value::Map(Vec::new());
        }
    }
}

fn take(data: &mut Value, name: &str) -> Option<Value> {
    let Value::Map(members) = data else {
        return None;
    };
    let place = members.iter().position(|(n, _)| n == name)?;
    Some(members.remove(place).1)
}

/// Refuses what does not go with the verb.
pub(super) fn check(entry: &Entry, batch: bool) -> Result<(), Fault> {
    if entry.comment.is_some() && !matches!(entry.op, Op::Patch | Op::Bulk) {
        return Err(Fault::field(
            "/comment",
            "unknown_member",
            "a comment comes only with patch and bulk; post it to comments",
        ));
    }
    if batch && entry.op == Op::Delete && !entry.data.is_null() {
        return Err(Fault::field(
            "/data",
            "unknown_member",
            "a deletion has no data; leave it out",
        ));
    }
    if let Some(key) = &entry.key
        && !(1..=LONGEST_KEY).contains(&key.chars().count())
    {
        return Err(Fault::field(
            "/key",
            "length",
            "must have 1 to 200 characters",
        ));
    }
    if entry.op == Op::Move {
        destination(&entry.data, if batch { "/data" } else { "" })?;
    }
    Ok(())
}

/// A move says where to, and nothing else.
fn destination(data: &Value, at: &str) -> Result<(), Fault> {
    let Value::Map(members) = data else {
        let detail = format!("must be an object {{\"project\"}}, not {}", data.kind());
        return Err(Fault::field(at, "wrong_type", detail));
    };
    if let Some((name, _)) = members.iter().find(|(name, _)| name != "project") {
        let name: String = name.chars().take(100).collect();
        let name = name.replace('~', "~0").replace('/', "~1");
        return Err(Fault::field(
            format!("{at}/{name}"),
            "unknown_member",
            "is not known here; known is project",
        ));
    }
    match data.member("project") {
        Some(Value::Text(_)) => Ok(()),
        Some(other) => Err(Fault::field(
            format!("{at}/project"),
            "wrong_type",
            format!("must be the key of a project, not {}", other.kind()),
        )),
        None => Err(Fault::field(
            format!("{at}/project"),
            "required",
            "is missing",
        )),
    }
}
