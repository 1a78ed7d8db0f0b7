//! Events and attempts as text, for stores that keep text.
//!
//! An event's objects are not written out where the store keeps that very version anyway: a reference names the object, and the
//! reader asks the store for the object as it was with that event. Everything else is written in full.

mod attempt;

pub use attempt::{read_attempt, write_attempt};

use std::borrow::Cow;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tidings_domain::event::{Bulk, MovedTo, WebhookDisabled};
use tidings_domain::{
    Change, Collection, Doc, Event, EventId, FieldChange, ObjectRef, Project, ProjectId, Text,
    Time, Value, Verb, WebhookId, What, json, time,
};

use crate::{Plan, StoreError, WriteWhat};

// What is written is borrowed from the event, what is read is owned: one shape for both.

/// An object: written out, or as the store has it as of an event.
#[derive(Serialize, Deserialize)]
struct Kept<'e> {
    #[serde(rename = "in")]
    collection: Cow<'e, str>,
    id: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    at: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    doc: Option<Box<RawValue>>,
}

#[derive(Serialize, Deserialize)]
struct KeptMove<'e> {
    project: Cow<'e, Project>,
    id: i64,
    number: i64,
}

#[derive(Serialize, Deserialize)]
struct KeptChange<'e> {
    verb: Cow<'e, str>,
    object: Kept<'e>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    before: Option<Kept<'e>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    changes: Vec<KeptField<'e>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    comment: Option<Kept<'e>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    bulk: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    moved_to: Option<KeptMove<'e>>,
    #[serde(default, skip_serializing_if = "is_empty")]
    notified: Cow<'e, [i64]>,
}

fn is_empty(list: &[i64]) -> bool {
    list.is_empty()
}

/// Member, before, after.
type KeptField<'e> = (Text, Cow<'e, Value>, Cow<'e, Value>);

#[derive(Serialize, Deserialize)]
struct KeptBulk<'e> {
    changes: Vec<(i64, KeptChange<'e>)>,
    objects: Vec<Kept<'e>>,
    set: Cow<'e, [(String, Value)]>,
    comment: Option<Cow<'e, str>>,
}

#[derive(Serialize, Deserialize)]
struct KeptDisabled<'e> {
    id: i64,
    name: Cow<'e, str>,
    host: Cow<'e, str>,
    reason: Cow<'e, str>,
    since: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(
    clippy::large_enum_variant,
    reason = "one at a time, and nearly all are changes"
)]
enum KeptWhat<'e> {
    Change(KeptChange<'e>),
    Bulk(KeptBulk<'e>),
    WebhookDisabled(KeptDisabled<'e>),
}

#[derive(Serialize, Deserialize)]
struct KeptEvent<'e> {
    at: Text,
    actor: Option<i64>,
    what: KeptWhat<'e>,
}

fn odd(what: impl std::fmt::Display) -> StoreError {
    StoreError::Corrupt(format!("event: {what}"))
}

// === Writing ===

struct Writer<'a> {
    plan: &'a Plan,
    project: ProjectId,
}

/// An event of a plan as text.
///
/// # Errors
/// [`StoreError::Corrupt`] for values that JSON cannot hold; there are none.
pub fn write_event(event: &Event, plan: &Plan) -> Result<String, StoreError> {
    let writer = Writer {
        plan,
        project: event.project,
    };
    let what = match &event.what {
        What::Change(change) => KeptWhat::Change(writer.change(event.id, change)?),
        What::Bulk(bulk) => KeptWhat::Bulk(writer.bulk(event.id, bulk)?),
        What::WebhookDisabled(disabled) => KeptWhat::WebhookDisabled(KeptDisabled {
            id: disabled.id.0,
            name: Cow::Borrowed(&disabled.name),
            host: Cow::Borrowed(&disabled.host),
            reason: Cow::Borrowed(&disabled.reason),
            since: disabled.since.to_string(),
        }),
    };
    let kept = KeptEvent {
        at: if time::cut(event.at) == event.at {
            time::text(event.at)
        } else {
            event.at.to_string().into()
        },
        actor: event.actor,
        what,
    };
    let text = json::to_vec(&kept).map_err(odd)?;
    String::from_utf8(text).map_err(odd)
}

impl<'a> Writer<'a> {
    /// What the plan puts at that version.
    fn put(&self, key: ObjectRef, version: EventId) -> Option<&Arc<Doc>> {
        let mut writes = self.plan.writes.iter().rev();
        writes.find_map(|write| match &write.what {
            WriteWhat::Put(doc)
                if write.project == self.project
                    && write.version == version
                    && doc.key() == key =>
            {
                Some(doc)
            }
            _ => None,
        })
    }

    fn kept(&self, doc: &Arc<Doc>, version: EventId) -> Result<Kept<'a>, StoreError> {
        let stored = self.put(doc.key(), version);
        if stored.is_some_and(|s| Arc::ptr_eq(s, doc) || s == doc) {
            return Ok(reference(doc.key(), version));
        }
        let text = String::from_utf8(doc.to_stored()).map_err(odd)?;
        Ok(Kept {
            collection: Cow::Borrowed(doc.collection().path()),
            id: doc.id(),
            at: None,
            doc: Some(RawValue::from_string(text).map_err(odd)?),
        })
    }

    fn change(&self, version: EventId, change: &'a Change) -> Result<KeptChange<'a>, StoreError> {
        let before = match &change.before {
            // The version before one that the plan puts is in the store, unless the plan made it under the same event.
            Some(before) if self.put(before.key(), version).is_some() => {
                Some(reference(before.key(), EventId(version.0 - 1)))
            }
            Some(before) => Some(self.kept(before, version)?),
            None => None,
        };
        let field = |f: &'a FieldChange| {
            let member = f.member.clone();
            (member, Cow::Borrowed(&f.old), Cow::Borrowed(&f.new))
        };
        Ok(KeptChange {
            verb: Cow::Borrowed(change.verb.as_str()),
            object: self.kept(&change.object, version)?,
            before,
            changes: change.changes.iter().map(field).collect(),
            comment: change
                .comment
                .as_ref()
                .map(|c| self.kept(c, version))
                .transpose()?,
            bulk: change.bulk.map(|b| b.0),
            moved_to: change.moved_to.as_ref().map(|m| KeptMove {
                project: Cow::Borrowed(&*m.project),
                id: m.id,
                number: m.number,
            }),
            notified: Cow::Borrowed(&change.notified),
        })
    }

    fn bulk(&self, version: EventId, bulk: &'a Bulk) -> Result<KeptBulk<'a>, StoreError> {
        let object = |doc: &Arc<Doc>| {
            let own = |(_, c): &&(EventId, Change)| Arc::ptr_eq(&c.object, doc);
            let own = bulk.changes.iter().find(own);
            self.kept(doc, own.map_or(version, |(event, _)| *event))
        };
        Ok(KeptBulk {
            changes: bulk
                .changes
                .iter()
                .map(|(event, change)| Ok((event.0, self.change(*event, change)?)))
                .collect::<Result<_, StoreError>>()?,
            objects: bulk.objects.iter().map(object).collect::<Result<_, _>>()?,
            set: Cow::Borrowed(&bulk.set),
            comment: bulk.comment.as_deref().map(Cow::Borrowed),
        })
    }
}

fn reference(key: ObjectRef, version: EventId) -> Kept<'static> {
    Kept {
        collection: Cow::Borrowed(key.collection.path()),
        id: key.id,
        at: Some(version.0),
        doc: None,
    }
}

// === Reading ===

/// Looks up an object as it was with an event, also a deleted one.
pub type Lookup<'a> = dyn FnMut(ObjectRef, EventId) -> Result<Option<Arc<Doc>>, StoreError> + 'a;

/// Reads what [`write_event`] wrote.
///
/// # Errors
/// [`StoreError::Corrupt`] when the text or what it refers to is not there, and what `lookup` fails with.
pub fn read_event(
    id: EventId,
    project: ProjectId,
    text: &str,
    lookup: &mut Lookup<'_>,
) -> Result<Event, StoreError> {
    let kept: KeptEvent<'_> = serde_json::from_str(text).map_err(odd)?;
    let what = match kept.what {
        KeptWhat::Change(change) => What::Change(read_change(change, lookup)?),
        KeptWhat::Bulk(bulk) => What::Bulk(Bulk {
            changes: bulk
                .changes
                .into_iter()
                .map(|(event, change)| Ok((EventId(event), read_change(change, lookup)?)))
                .collect::<Result<_, StoreError>>()?,
            objects: bulk
                .objects
                .into_iter()
                .map(|kept| read_doc(kept, lookup))
                .collect::<Result<_, _>>()?,
            set: bulk.set.into_owned(),
            comment: bulk.comment.map(Cow::into_owned),
        }),
        KeptWhat::WebhookDisabled(disabled) => What::WebhookDisabled(WebhookDisabled {
            id: WebhookId(disabled.id),
            name: disabled.name.into_owned(),
            host: disabled.host.into_owned(),
            reason: disabled.reason.into_owned(),
            since: disabled.since.parse::<Time>().map_err(odd)?,
        }),
    };
    Ok(Event {
        id,
        project,
        at: kept.at.parse::<Time>().map_err(odd)?,
        actor: kept.actor,
        what,
    })
}

fn read_change(kept: KeptChange<'_>, lookup: &mut Lookup<'_>) -> Result<Change, StoreError> {
    let before = kept.before.map(|b| read_doc(b, lookup)).transpose()?;
    let comment = kept.comment.map(|c| read_doc(c, lookup)).transpose()?;
    let field = |(member, old, new): KeptField<'_>| FieldChange {
        member,
        old: old.into_owned(),
        new: new.into_owned(),
    };
    Ok(Change {
        verb: Verb::parse(&kept.verb).ok_or_else(|| odd("unknown verb"))?,
        object: read_doc(kept.object, lookup)?,
        before,
        changes: kept.changes.into_iter().map(field).collect(),
        comment,
        bulk: kept.bulk.map(EventId),
        moved_to: kept.moved_to.map(|m| MovedTo {
            project: Arc::new(m.project.into_owned()),
            id: m.id,
            number: m.number,
        }),
        notified: kept.notified.into_owned(),
    })
}

fn read_doc(kept: Kept<'_>, lookup: &mut Lookup<'_>) -> Result<Arc<Doc>, StoreError> {
    let collection: Collection = kept.collection.parse().map_err(odd)?;
    if let Some(text) = kept.doc {
        let doc = Doc::from_stored(collection, text.get().as_bytes()).map_err(odd)?;
        return Ok(Arc::new(doc));
    }
    let key = ObjectRef::new(collection, kept.id);
    let at = EventId(kept.at.unwrap_or_default());
    lookup(key, at)?.ok_or_else(|| odd(format_args!("{key} as of event {at} is not there")))
}

#[cfg(test)]
mod tests;
