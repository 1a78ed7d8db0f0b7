//! Several items updated in one request.

use std::sync::Arc;

use crate::collection::{ITEMS, ObjectRef};
use crate::doc::Doc;
use crate::event::{Bulk, What};
use crate::fault::Fault;
use crate::schema::Kind;
use crate::value::Value;
use crate::view::View;

use super::check::{Checker, MOST_ENTRIES};
use super::draft::Mode;
use super::faults::{Faults, below};
use super::objects::Laid;
use super::{Desk, Done};

impl Desk<'_, '_> {
    /// Updates items: `{objects, set}`, with one comment for each if there is one.
    pub fn bulk(&mut self, body: &Value, comment: Option<&Value>) -> Result<Done, Fault> {
        let (objects, set) = self.read_bulk(body)?;
        let id = self.begin();
        let mut bulk = Bulk {
            changes: Vec::new(),
            objects: Vec::new(),
            set: Vec::new(),
            comment: comment.and_then(|c| Some(c.member("body")?.as_str()?.to_owned())),
        };
        let mut each = Vec::new();
        for key in objects {
            let Some(stored) = self.view.get(key) else {
                continue;
            };
            let updated = self.update(
                &stored,
                Laid {
                    mode: Mode::Merge,
                    body: set,
                    comment,
                    bulk: Some(id),
                },
            )?;
            if let Some(now) = &updated.done.doc
                && bulk.set.is_empty()
            {
                bulk.set = asked(now, set);
            }
            if let (Some(told), Some(now)) = (updated.told, &updated.done.doc) {
                bulk.changes.push(told);
                bulk.objects.push(Arc::clone(now));
            }
            each.push(updated.done);
        }
        let event = if bulk.changes.is_empty() {
            None
        } else {
            self.tell(id, What::Bulk(bulk))
        };
        Ok(Done {
            event,
            each,
            ..Done::default()
        })
    }

    fn read_bulk<'b>(&mut self, body: &'b Value) -> Result<(Vec<ObjectRef>, &'b Value), Fault> {
        static NOTHING: Value = Value::Map(Vec::new());
        let at = self.body_at;
        let mut check = Checker {
            view: self.view,
            faults: Faults::default(),
        };
        let Value::Map(members) = body else {
            let detail = format!("must be an object, not {}", body.kind());
            return Err(Fault::field(at, "wrong_type", detail));
        };
        for (name, _) in members {
            if !matches!(name.as_str(), "objects" | "set") {
                check.unknown(&below(at, name), &["objects", "set", "comment"]);
            }
        }
        let place = below(at, "objects");
        let objects = match body.member("objects") {
            Some(Value::List(entries)) if entries.is_empty() => {
                check.refuse(&place, "length", "must name at least one item")
            }
            Some(objects) => check.list(&place, objects, MOST_ENTRIES, |check, at, entry| {
                check.kind(Kind::Ref(&ITEMS), at, entry, &Value::Null)
            }),
            None => check.refuse(&place, "required", "is missing"),
        };
        let set = match body.member("set") {
            Some(set @ Value::Map(_)) => set,
            Some(other) => {
                let detail = format!("must be an object, not {}", other.kind());
                check.faults.add(&below(at, "set"), "wrong_type", detail);
                &NOTHING
            }
            None => {
                check
                    .faults
                    .add(&below(at, "set"), "required", "is missing");
                &NOTHING
            }
        };
        check.faults.finish()?;
        let objects = objects.unwrap_or_default();
        let refs = objects.as_list().iter().filter_map(ObjectRef::from_value);
        Ok((refs.collect(), set))
    }
}

/// What the request asked for, as it is stored, in the schema's order.
fn asked(now: &Doc, set: &Value) -> Vec<(String, Value)> {
    let mut asked = Vec::new();
    for (member, value) in now.members() {
        let Some(wanted) = set.member(member.name) else {
            continue;
        };
        if member.kind == Kind::Fields {
            for (name, _) in wanted.as_map() {
                let value = value.member(name).cloned().unwrap_or_default();
                asked.push((format!("fields.{name}"), value));
            }
        } else {
            asked.push((member.name.to_owned(), value.clone()));
        }
    }
    asked
}
