//! The entries of a batch, taken apart; what they ask for is checked by the use case.

use tidings_app::objects::{Entry, Op};
use tidings_app::reader::Reader;
use tidings_app::refusal::Refusals;
use tidings_domain::fault::FaultKind;
use tidings_domain::{Fault, Value};

/// Most entries of a batch.
const MAX_ENTRIES: usize = 1000;

const OPS: [(&str, Op); 8] = [
    ("put", Op::Put),
    ("patch", Op::Patch),
    ("delete", Op::Delete),
    ("stop", Op::Stop),
    ("cancel", Op::Cancel),
    ("notify", Op::Notify),
    ("move", Op::Move),
    ("bulk", Op::Bulk),
];

/// The entries, in order.
pub(crate) fn entries(values: &[Value]) -> Result<Vec<Entry>, Fault> {
    if values.is_empty() {
        return Err(Fault::field(
            "",
            "length",
            "must have 1 to 1,000 entries, has none",
        ));
    }
    if values.len() > MAX_ENTRIES {
        return Err(Fault::new(
            FaultKind::TooLarge,
            "too_large",
            "a batch may have at most 1,000 entries; send several",
        ));
    }
    let mut refusals = Refusals::default();
    let mut entries = Vec::with_capacity(values.len());
    for (i, value) in values.iter().enumerate() {
        entries.extend(refusals.take(entry(value, &format!("/{i}"))));
        if refusals.is_full() {
            break;
        }
    }
    refusals.finish().map(|()| entries)
}

fn entry(value: &Value, at: &str) -> Result<Entry, Fault> {
    let mut r = Reader::new(value, at)?;
    let op = r.word("op", &OPS.map(|(word, _)| word));
    let word = r.require("op", op);
    let op = OPS
        .iter()
        .find(|(known, _)| Some(*known) == word)
        .map_or(Op::Put, |(_, op)| *op);
    let collection = r.text("collection", 1, 100);
    let collection = r.require("collection", collection);
    let id = match r.raw("id") {
        None | Some(Value::Null) => None,
        Some(Value::Int(id)) => Some(id.to_string()),
        Some(Value::Text(id)) if id.starts_with("ext:") => Some(id.to_string()),
        Some(_) => {
            r.refuse(
                "id",
                "wrong_type",
                "must be a whole number or \"ext:EXTERNAL_ID\"",
            );
            None
        }
    };
    // What an unknown word needs nobody knows.
    let known = word.is_some();
    if known && id.is_none() && !matches!(op, Op::Put | Op::Bulk) {
        r.require::<String>("id", None);
    }
    let data = r.raw("data").cloned();
    let comment = r.raw("comment").cloned().filter(|c| !c.is_null());
    let only_comments = op == Op::Patch && comment.is_some();
    let takes = matches!(op, Op::Put | Op::Patch | Op::Notify | Op::Move | Op::Bulk);
    if known && takes && !only_comments {
        r.require("data", data.as_ref());
    }
    let by = r.raw("by").cloned().filter(|by| !by.is_null());
    let at_time = r.text_or_null("at", 1, 40).flatten();
    let key = r.text_or_null("key", 1, 200).flatten();
    let silent = r.flag("silent").unwrap_or_default();
    r.finish()?;
    Ok(Entry {
        op: match op {
            Op::Put if id.is_none() => Op::Post,
            op => op,
        },
        collection: collection.unwrap_or_default().into(),
        id,
        data: data.unwrap_or_default(),
        comment,
        by,
        at: at_time,
        key,
        silent,
    })
}
