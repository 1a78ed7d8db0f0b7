//! Events and attempts as text, for stores that keep text.
//!
//! An event's objects are not written out where the store keeps that very version anyway: a reference names the object, and the
//! reader asks the store for the object as it was with that event. Everything else is written in full.

mod attempt;

pub use attempt::{read_attempt, write_attempt};

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tidings_domain::event::{Bulk, MovedTo, WebhookDisabled};
use tidings_domain::{
    Change, Collection, Doc, Event, EventId, FieldChange, ObjectRef, Project, ProjectId, Time,
    Value, Verb, WebhookId, What,
};

use crate::{Plan, StoreError, WriteWhat};

/// An object: written out, or as the store has it as of an event.
#[derive(Serialize, Deserialize)]
struct Kept {
    #[serde(rename = "in")]
    collection: String,
    id: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    at: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    doc: Option<Box<RawValue>>,
}

#[derive(Serialize, Deserialize)]
struct KeptMove {
    project: Project,
    id: i64,
    number: i64,
}

#[derive(Serialize, Deserialize)]
struct KeptChange {
    verb: String,
    object: Kept,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    before: Option<Kept>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    changes: Vec<(String, Value, Value)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    comment: Option<Kept>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    bulk: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    moved_to: Option<KeptMove>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    notified: Vec<i64>,
}

#[derive(Serialize, Deserialize)]
struct KeptBulk {
    changes: Vec<(i64, KeptChange)>,
    objects: Vec<Kept>,
    set: Vec<(String, Value)>,
    comment: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct KeptDisabled {
    id: i64,
    name: String,
    host: String,
    reason: String,
    since: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum KeptWhat {
    Change(Box<KeptChange>),
    Bulk(KeptBulk),
    WebhookDisabled(KeptDisabled),
}

#[derive(Serialize, Deserialize)]
struct KeptEvent {
    at: String,
    actor: Option<i64>,
    what: KeptWhat,
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
        What::Change(change) => KeptWhat::Change(Box::new(writer.change(event.id, change)?)),
        What::Bulk(bulk) => KeptWhat::Bulk(writer.bulk(event.id, bulk)?),
        What::WebhookDisabled(disabled) => KeptWhat::WebhookDisabled(KeptDisabled {
            id: disabled.id.0,
            name: disabled.name.clone(),
            host: disabled.host.clone(),
            reason: disabled.reason.clone(),
            since: disabled.since.to_string(),
        }),
    };
    let kept = KeptEvent {
        at: event.at.to_string(),
        actor: event.actor,
        what,
    };
    serde_json::to_string(&kept).map_err(odd)
}

impl Writer<'_> {
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

    fn kept(&self, doc: &Arc<Doc>, version: EventId) -> Result<Kept, StoreError> {
        let stored = self.put(doc.key(), version);
        if stored.is_some_and(|s| Arc::ptr_eq(s, doc) || s == doc) {
            return Ok(reference(doc.key(), version));
        }
        let text = String::from_utf8(doc.to_stored()).map_err(odd)?;
        Ok(Kept {
            collection: doc.collection().path().to_owned(),
            id: doc.id(),
            at: None,
            doc: Some(RawValue::from_string(text).map_err(odd)?),
        })
    }

    fn change(&self, version: EventId, change: &Change) -> Result<KeptChange, StoreError> {
        let before = match &change.before {
            // The version before one that the plan puts is in the store, unless the plan made it under the same event.
            Some(before) if self.put(before.key(), version).is_some() => {
                Some(reference(before.key(), EventId(version.0 - 1)))
            }
            Some(before) => Some(self.kept(before, version)?),
            None => None,
        };
        let field = |f: &FieldChange| (f.member.clone(), f.old.clone(), f.new.clone());
        Ok(KeptChange {
            verb: change.verb.as_str().to_owned(),
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
                project: Project::clone(&m.project),
                id: m.id,
                number: m.number,
            }),
            notified: change.notified.clone(),
        })
    }

    fn bulk(&self, version: EventId, bulk: &Bulk) -> Result<KeptBulk, StoreError> {
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
            set: bulk.set.clone(),
            comment: bulk.comment.clone(),
        })
    }
}

fn reference(key: ObjectRef, version: EventId) -> Kept {
    Kept {
        collection: key.collection.path().to_owned(),
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
    let kept: KeptEvent = serde_json::from_str(text).map_err(odd)?;
    let what = match kept.what {
        KeptWhat::Change(change) => What::Change(read_change(*change, lookup)?),
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
            set: bulk.set,
            comment: bulk.comment,
        }),
        KeptWhat::WebhookDisabled(disabled) => What::WebhookDisabled(WebhookDisabled {
            id: WebhookId(disabled.id),
            name: disabled.name,
            host: disabled.host,
            reason: disabled.reason,
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

fn read_change(kept: KeptChange, lookup: &mut Lookup<'_>) -> Result<Change, StoreError> {
    let before = kept.before.map(|b| read_doc(b, lookup)).transpose()?;
    let comment = kept.comment.map(|c| read_doc(c, lookup)).transpose()?;
    let field = |(member, old, new)| FieldChange { member, old, new };
    Ok(Change {
        verb: Verb::parse(&kept.verb).ok_or_else(|| odd("unknown verb"))?,
        object: read_doc(kept.object, lookup)?,
        before,
        changes: kept.changes.into_iter().map(field).collect(),
        comment,
        bulk: kept.bulk.map(EventId),
        moved_to: kept.moved_to.map(|m| MovedTo {
            project: Arc::new(m.project),
            id: m.id,
            number: m.number,
        }),
        notified: kept.notified,
    })
}

fn read_doc(kept: Kept, lookup: &mut Lookup<'_>) -> Result<Arc<Doc>, StoreError> {
    let collection: Collection = kept.collection.parse().map_err(odd)?;
    if let Some(text) = kept.doc {
        let doc = Doc::from_stored(collection, text.get().as_bytes()).map_err(odd)?;
        return Ok(Arc::new(doc));
    }
    let key = ObjectRef::new(collection, kept.id);
    let at = EventId(kept.at.unwrap_or_default());
    lookup(key, at)?.ok_or_else(|| odd(format_args!("{key} as of event {at} is not there")))
}
