//! Objects are created, replaced and merged.

use std::sync::Arc;

use crate::collection::{Collection, ObjectRef};
use crate::doc::Doc;
use crate::event::{Change, Verb};
use crate::fault::Fault;
use crate::id::EventId;
use crate::schema::COMMENTABLE;
use crate::time;
use crate::value::Value;
use crate::view::View;

use super::draft::{Draft, Mode};
use super::faults::{Faults, below, quote};
use super::rules::repeated;
use super::target::Target;
use super::{Desk, Done, change};

/// Where the comment of an update lies in a request.
const COMMENT_AT: &str = "/comment";
/// What the comment of an update may say.
const COMMENT_MEMBERS: [&str; 4] = ["body", "confidential", "is_resolution", "notify"];

impl Desk<'_, '_> {
    /// Creates an object; the id is the body's, or the server's.
    pub fn post(&mut self, collection: Collection, body: &Value) -> Result<Done, Fault> {
        self.create(collection, None, body)
    }

    /// Creates an object under that id, or replaces the one that is there.
    pub fn put(
        &mut self,
        collection: Collection,
        target: &Target,
        body: &Value,
    ) -> Result<Done, Fault> {
        match target.find(self.view, collection) {
            Some(stored) => Ok(self.update(&stored, Laid::new(Mode::Replace, body))?.done),
            None => self.create(collection, Some(target), body),
        }
    }

    /// Merges a patch into an object; a comment may come with it.
    pub fn patch(
        &mut self,
        collection: Collection,
        target: &Target,
        body: &Value,
        comment: Option<&Value>,
    ) -> Result<Done, Fault> {
        let stored = target.must(self.view, collection)?;
        let laid = Laid {
            comment,
            ..Laid::new(Mode::Merge, body)
        };
        Ok(self.update(&stored, laid)?.done)
    }

    fn create(
        &mut self,
        collection: Collection,
        target: Option<&Target>,
        body: &Value,
    ) -> Result<Done, Fault> {
        let at = self.body_at;
        let mut draft = Draft::create(self.view, self.author, collection, at);
        let named = match target {
            Some(Target::Id(id)) => {
                draft.doc.set("id", *id);
                let next = next_sequence(draft.check.view, ObjectRef::new(collection, *id));
                draft.doc.set("sequence", next);
                Some("id")
            }
            Some(Target::External(external)) => {
                draft.doc.set("external_id", external.as_str());
                Some("external_id")
            }
            None => None,
        };
        let fixed = named.map(|name| (name, draft.doc.get(name).clone()));
        draft.lay(body);
        if let Some((name, value)) = fixed
            && *draft.doc.get(name) != value
        {
            draft.refuse(
                name,
                "read_only",
                "must be the one in the path, or left out",
            );
        }
        let (mut doc, mut faults) = draft.close();
        if let Some(id) = doc.int("id") {
            let key = ObjectRef::new(collection, id);
            if self.view.get(key).is_some() {
                faults.clash(&below(at, "id"), "taken", format!("{key} is there already"));
            }
        }
        if let Some(other) = repeated(self.view, &doc) {
            if target.is_some() {
                let detail = format!("{} says the same already", other.key());
                faults.clash(at, "taken", detail);
            } else {
                faults.finish()?;
                return Ok(Done::of(None, other, false));
            }
        }
        faults.finish()?;
        Ok(self.put_new(&mut doc))
    }

    /// Puts an object in place that passed, with an id of its own if it has none, and tells it.
    fn put_new(&mut self, doc: &mut Doc) -> Done {
        let version = self.begin();
        let doc = self.place_new(version, doc.clone());
        let timer = doc.collection() == Collection::TimeEntries && doc.flag("running");
        let verb = if timer { Verb::Started } else { Verb::Created };
        let event = self.tell_change(version, Change::plain(verb, Arc::clone(&doc)));
        Done::of(event, doc, true)
    }

    /// Gives a new object what only the server gives, and puts it in place.
    fn place_new(&mut self, version: EventId, mut doc: Doc) -> Arc<Doc> {
        let collection = doc.collection();
        if doc.int("id").is_none() {
            let id = self.view.take_id(collection);
            doc.set("id", id);
        }
        doc.set("sequence", next_sequence(self.view, doc.key()));
        doc.set("updated_at", time::value(self.at()));
        doc.set("updated_by", self.author.actor);
        let doc = Arc::new(doc);
        self.view.put(version, Arc::clone(&doc));
        doc
    }

    /// Changes an object that is there, as part of a bulk update or for itself.
    pub(super) fn update(&mut self, stored: &Arc<Doc>, laid: Laid<'_>) -> Result<Updated, Fault> {
        let Laid {
            mode,
            body,
            comment,
            bulk,
        } = laid;
        let at = if bulk.is_some() {
            format!("{}/set", self.body_at)
        } else {
            self.body_at.to_owned()
        };
        let mut draft = Draft::change(self.view, self.author, stored, mode, &at);
        draft.lay(body);
        let (doc, mut faults) = draft.close();
        let comment = comment.and_then(|comment| {
            let (comment, wrong) = self.comment(stored.key(), comment);
            faults.absorb(wrong);
            comment
        });
        faults.finish()?;

        let differs = change::differs(stored, &doc);
        if !differs && comment.is_none() {
            return Ok(Updated {
                done: Done::of(None, Arc::clone(stored), false),
                told: None,
            });
        }
        let version = self.begin();
        let now = if differs {
            let doc = self.next_version(stored, doc);
            self.view.put(version, Arc::clone(&doc));
            doc
        } else {
            Arc::clone(stored)
        };
        let comment = comment.map(|comment| self.place_new(version, comment));
        let mut change = match comment {
            // Nothing but a comment: the same as the comment posted alone.
            Some(comment) if !differs => Change::plain(Verb::Created, comment),
            comment => Change {
                changes: change::between(self.view.project(), stored, &now),
                before: Some(Arc::clone(stored)),
                comment,
                ..Change::plain(Verb::Updated, Arc::clone(&now))
            },
        };
        change.bulk = bulk;
        let told = bulk.is_some().then(|| (version, change.clone()));
        let event = self.tell_change(version, change);
        Ok(Updated {
            done: Done::of(event, now, false),
            told,
        })
    }

    /// The next version of an object.
    pub(super) fn next_version(&self, stored: &Doc, mut doc: Doc) -> Arc<Doc> {
        doc.set("sequence", stored.sequence().saturating_add(1));
        doc.set("updated_at", time::value(self.at()));
        doc.set("updated_by", self.author.actor);
        Arc::new(doc)
    }

    /// The comment that came with an update.
    fn comment(&mut self, on: ObjectRef, comment: &Value) -> (Option<Doc>, Faults) {
        let mut faults = Faults::default();
        if !COMMENTABLE.contains(&on.collection) {
            let detail = format!("{} take no comments", on.collection);
            faults.add(COMMENT_AT, "unknown_member", detail);
            return (None, faults);
        }
        for (name, _) in comment.as_map() {
            if !COMMENT_MEMBERS.contains(&name.as_str()) {
                let detail = format!(
                    "a comment with an update has no member {}; known are {}",
                    quote(name),
                    COMMENT_MEMBERS.join(", ")
                );
                faults.add(&below(COMMENT_AT, name), "unknown_member", detail);
            }
        }
        let mut draft = Draft::create(self.view, self.author, Collection::Comments, COMMENT_AT);
        draft.doc.set("on", on.to_value());
        match comment {
            Value::Map(members) => {
                let known = members
                    .iter()
                    .filter(|(name, _)| COMMENT_MEMBERS.contains(&name.as_str()));
                draft.lay(&Value::Map(known.cloned().collect()));
            }
            other => draft.lay(other),
        }
        let (doc, wrong) = draft.close();
        faults.absorb(wrong);
        (Some(doc), faults)
    }
}

/// What is laid over an object that is there.
#[derive(Clone, Copy)]
pub(super) struct Laid<'b> {
    pub(super) mode: Mode,
    pub(super) body: &'b Value,
    pub(super) comment: Option<&'b Value>,
    /// The bulk update it is part of.
    pub(super) bulk: Option<EventId>,
}

impl<'b> Laid<'b> {
    fn new(mode: Mode, body: &'b Value) -> Self {
        Self {
            mode,
            body,
            comment: None,
            bulk: None,
        }
    }
}

/// What became of an update.
pub(super) struct Updated {
    pub(super) done: Done,
    /// For a bulk update: the event of this object.
    pub(super) told: Option<(EventId, Change)>,
}

/// The version that an object begins with under that id.
fn next_sequence(view: &dyn View, key: ObjectRef) -> i64 {
    match view.last_sequence(key) {
        Some(last) => last.saturating_add(1),
        None => view.first_sequence(),
    }
}
