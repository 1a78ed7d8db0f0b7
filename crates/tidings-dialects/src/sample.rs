//! The sample project: where the catalogue's examples, test sends and golden files come from.
//!
//! A small team builds the booking site of a harbour. [`Stage`] holds its project with one well-known object per collection
//! ([`object`]); a phrase's row lets one thing happen on it and gets a [`Sample`]: the project after it and the event.
//! A phrase that cannot tell about its own sample fails the conformance suite.

mod harbor;

use std::sync::Arc;

use tidings_domain::event::{Bulk, FieldChange, MovedTo, WebhookDisabled};
use tidings_domain::scene::Scene;
use tidings_domain::schema::{SetBy, Standard};
use tidings_domain::{
    Change, Collection, Doc, Event, EventId, ObjectRef, Project, ProjectId, Time, Value, Verb,
    View, WebhookId, What, time,
};

use crate::{Dialect, Message, Scope};

pub use harbor::object;

/// When the sample's events happen.
pub const AT: &str = "2026-03-02T11:40:00Z";
/// The address under which the sample's server is known.
pub const SERVER_URL: &str = "https://tidings.example.com";
/// The member who does things: Nadia Ferro.
pub const ACTOR: i64 = 7;
/// The number of the sample's events.
const EVENT: EventId = EventId(880_003);

/// The sample project before anything happens.
#[derive(Clone, Debug)]
pub struct Stage {
    scene: Scene,
    at: Time,
}

/// Something that happened in the sample project.
#[derive(Clone, Debug)]
pub struct Sample {
    /// The project after it.
    pub scene: Scene,
    /// What happened.
    pub event: Event,
}

/// The message that a code's sample makes; `None` for a code that the dialect does not have.
pub fn message(dialect: &dyn Dialect, code: &str, options: &Value) -> Option<Message> {
    let phrase = dialect.phrases().iter().find(|p| p.code == code)?;
    let sample = (phrase.sample)(Stage::new());
    let scope = Scope {
        event: &sample.event,
        view: &sample.scene,
        server_url: SERVER_URL,
        options,
    };
    let mut messages = Vec::new();
    (phrase.say)(&scope, phrase, &mut messages);
    messages.into_iter().next()
}

/// An object with every default that its schema knows, made by the sample's actor at `at`.
pub fn blank(collection: Collection, id: i64, at: &str) -> Doc {
    let mut doc = Doc::empty(collection);
    for member in &doc.schema().members {
        let value: Value = match member.standard {
            Standard::Required | Standard::Null | Standard::Rule => Value::Null,
            Standard::Text(text) => text.into(),
            Standard::Int(n) => n.into(),
            Standard::Bool(b) => b.into(),
            Standard::EmptyList => Value::List(Vec::new()),
            Standard::EmptyMap => Value::Map(Vec::new()),
            Standard::At => at.into(),
            Standard::Actor => ACTOR.into(),
        };
        doc.set(member.name, value);
    }
    doc.with("id", id)
}

impl Default for Stage {
    fn default() -> Self {
        Self::new()
    }
}

impl Stage {
    /// The sample project as it stands before the event.
    pub fn new() -> Self {
        Self {
            scene: harbor::scene(),
            at: time::parse(AT).unwrap_or(Time::UNIX_EPOCH),
        }
    }

    /// The project, to be looked at.
    pub fn scene(&self) -> &Scene {
        &self.scene
    }

    /// The project, to be changed before the event: `stage.scene_mut().put(...)`.
    pub fn scene_mut(&mut self) -> &mut Scene {
        &mut self.scene
    }

    /// The well-known object of a collection was just created.
    pub fn created(self, collection: Collection) -> Sample {
        let doc = self.main(collection);
        self.create(doc)
    }

    /// The well-known comment, timer, attachment, video, favorite, vote or meeting was just created on that of `on`.
    pub fn created_on(self, child: Collection, on: Collection) -> Sample {
        let doc = self.child(child, on);
        self.create(doc)
    }

    /// Members of the well-known object of a collection changed.
    pub fn updated(
        self,
        collection: Collection,
        set: impl IntoIterator<Item = (&'static str, Value)>,
    ) -> Sample {
        let before = self.main(collection);
        self.update(&before, set)
    }

    /// Members of the well-known child on `on` changed.
    pub fn updated_on(
        self,
        child: Collection,
        on: Collection,
        set: impl IntoIterator<Item = (&'static str, Value)>,
    ) -> Sample {
        let before = self.child(child, on);
        self.update(&before, set)
    }

    /// The well-known object of a collection was deleted.
    pub fn deleted(self, collection: Collection) -> Sample {
        let doc = self.main(collection);
        self.delete(Verb::Deleted, doc)
    }

    /// The well-known child on `on` was deleted.
    pub fn deleted_on(self, child: Collection, on: Collection) -> Sample {
        let doc = self.child(child, on);
        self.delete(Verb::Deleted, doc)
    }

    /// A timer on the well-known object of `on` was started.
    pub fn timer_started(mut self, on: Collection) -> Sample {
        let doc = self
            .child(Collection::TimeEntries, on)
            .with("sequence", 1)
            .with("running", true)
            .with("note", Value::Null)
            .with("minutes", Value::Null)
            .with("started_at", AT)
            .with("stopped_at", Value::Null)
            .with("created_at", AT)
            .with("updated_at", AT);
        let doc = self.scene.put(doc);
        self.done(Change::plain(Verb::Started, doc))
    }

    /// The timer on the well-known object of `on` was stopped after 90 minutes.
    pub fn timer_stopped(mut self, on: Collection) -> Sample {
        let doc = self
            .child(Collection::TimeEntries, on)
            .with("sequence", 2)
            .with("running", false)
            .with("minutes", 90)
            .with("started_at", harbor::TIMER_STARTED)
            .with("stopped_at", AT)
            .with("created_at", harbor::TIMER_STARTED)
            .with("updated_at", AT);
        let doc = self.scene.put(doc);
        self.done(Change::plain(Verb::Stopped, doc))
    }

    /// The timer on the well-known object of `on` was thrown away.
    pub fn timer_cancelled(self, on: Collection) -> Sample {
        let doc = self
            .child(Collection::TimeEntries, on)
            .with("running", true)
            .with("note", Value::Null)
            .with("minutes", Value::Null)
            .with("started_at", harbor::TIMER_STARTED)
            .with("stopped_at", Value::Null)
            .with("created_at", harbor::TIMER_STARTED);
        self.delete(Verb::Cancelled, doc)
    }

    /// The well-known item of a collection went to another project.
    pub fn moved(self, collection: Collection) -> Sample {
        let doc = self.main(collection);
        let moved_to = MovedTo {
            project: Arc::new(harbor::other_project()),
            id: doc.id(),
            number: 8,
        };
        let mut sample = self.delete(Verb::Moved, doc);
        if let What::Change(change) = &mut sample.event.what {
            change.moved_to = Some(moved_to);
        }
        sample
    }

    /// People were told about the well-known comment on `on`.
    pub fn notified(mut self, on: Collection, people: &[i64]) -> Sample {
        let before = self.child(Collection::Comments, on);
        let mut told = before.ids("notify");
        told.extend(people);
        let doc = before
            .clone()
            .with("notify", told)
            .with("sequence", before.sequence() + 1)
            .with("updated_at", AT)
            .with("updated_by", ACTOR);
        let doc = self.scene.put(doc);
        let change = Change {
            notified: people.to_vec(),
            ..Change::plain(Verb::Notified, doc)
        };
        self.done(change)
    }

    /// The well-known task and its neighbour were resolved in one bulk update, with a comment.
    pub fn bulk(mut self) -> Sample {
        let set: [(&str, Value); 1] = [("status", "Resolved".into())];
        let keys = [
            object(Collection::Tasks),
            ObjectRef::new(Collection::Tasks, harbor::OTHER_TASK),
        ];
        let (mut changes, mut objects) = (Vec::new(), Vec::new());
        for (key, number) in keys.into_iter().zip(1..) {
            let Some(before) = self.scene.get(key) else {
                continue;
            };
            let mut change = self.change(&before, set.clone());
            change.bulk = Some(EVENT);
            objects.push(Arc::clone(&change.object));
            changes.push((EventId(EVENT.0 + number), change));
        }
        let what = What::Bulk(Bulk {
            changes,
            objects,
            set: set.map(|(name, value)| (name.to_owned(), value)).to_vec(),
            comment: Some("Both are on staging.".to_owned()),
        });
        self.told(what, Some(ACTOR))
    }

    /// The server switched a webhook off.
    pub fn webhook_disabled(self) -> Sample {
        let what = What::WebhookDisabled(WebhookDisabled {
            id: WebhookId(4),
            name: "Chat room".to_owned(),
            host: "hooks.example.com".to_owned(),
            reason: "failure_limit".to_owned(),
            since: self.at,
        });
        self.told(what, None)
    }

    fn main(&self, collection: Collection) -> Doc {
        let found = self.scene.get(object(collection));
        found.map_or_else(|| Doc::empty(collection), |doc| Doc::clone(&doc))
    }

    fn child(&self, child: Collection, on: Collection) -> Doc {
        self.main(child).with("on", object(on).to_value())
    }

    fn create(mut self, mut doc: Doc) -> Sample {
        doc.set("sequence", 1);
        for member in ["created_at", "updated_at"] {
            doc.set(member, AT);
        }
        for member in ["created_by", "updated_by"] {
            doc.set(member, ACTOR);
        }
        if doc.collection().is_item() {
            let entered = (doc.text("status").to_owned(), AT.into());
            doc.set("status_dates", Value::Map(vec![entered]));
        }
        let doc = self.scene.put(doc);
        self.done(Change::plain(Verb::Created, doc))
    }

    fn update(
        mut self,
        before: &Doc,
        set: impl IntoIterator<Item = (&'static str, Value)>,
    ) -> Sample {
        let change = self.change(before, set);
        self.done(change)
    }

    fn change(
        &mut self,
        before: &Doc,
        set: impl IntoIterator<Item = (&'static str, Value)>,
    ) -> Change {
        let mut after = before.clone();
        for (member, value) in set {
            after.set(member, value);
        }
        if before.get("status") != after.get("status") {
            let mut dates = after.get("status_dates").as_map().to_vec();
            dates.push((after.text("status").to_owned(), AT.into()));
            after.set("status_dates", Value::Map(dates));
        }
        if before.get("resolution") != after.get("resolution") {
            after.set("resolved_at", AT);
            after.set("resolved_by", ACTOR);
        }
        after.set("sequence", before.sequence() + 1);
        after.set("updated_at", AT);
        after.set("updated_by", ACTOR);
        let changes = differences(before, &after);
        let object = self.scene.put(after);
        Change {
            before: Some(Arc::new(before.clone())),
            changes,
            ..Change::plain(Verb::Updated, object)
        }
    }

    fn delete(mut self, verb: Verb, doc: Doc) -> Sample {
        self.scene.remove(doc.key());
        self.done(Change::plain(verb, Arc::new(doc)))
    }

    fn done(self, change: Change) -> Sample {
        self.told(What::Change(change), Some(ACTOR))
    }

    fn told(self, what: What, actor: Option<i64>) -> Sample {
        let event = Event {
            id: EVENT,
            project: self.scene.project().id,
            at: self.at,
            actor,
            what,
        };
        Sample {
            scene: self.scene,
            event,
        }
    }
}

impl Sample {
    /// The update brought a comment along.
    #[must_use]
    pub fn with_comment(mut self, body: &str) -> Self {
        if let What::Change(change) = &mut self.event.what {
            let comment = blank(Collection::Comments, 905, AT)
                .with("on", change.object.key().to_value())
                .with("body", body)
                .with("notify", vec![9]);
            change.comment = Some(self.scene.put(comment));
        }
        self
    }
}

/// What a caller changed between two states, in the schema's order; custom fields one by one.
fn differences(before: &Doc, after: &Doc) -> Vec<FieldChange> {
    let mut changes = Vec::new();
    for ((member, old), (_, new)) in before.members().zip(after.members()) {
        let by_caller = matches!(member.set_by, SetBy::Caller | SetBy::CallerOnce);
        if !by_caller || old == new {
            continue;
        }
        if member.name != "fields" {
            changes.push(FieldChange {
                member: member.name.into(),
                old: old.clone(),
                new: new.clone(),
            });
            continue;
        }
        let mut names: Vec<&String> = Vec::new();
        for (name, _) in old.as_map().iter().chain(new.as_map()) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        for name in names {
            let (old, new) = (old.member(name), new.member(name));
            if old != new {
                changes.push(FieldChange {
                    member: format!("fields.{name}").into(),
                    old: old.cloned().unwrap_or_default(),
                    new: new.cloned().unwrap_or_default(),
                });
            }
        }
    }
    changes
}

/// A project of that name, for those who build scenes of their own.
pub fn project(id: i64, key: &str, name: &str) -> Project {
    Project::new(ProjectId(id), key, name, "2026-01-05T08:00:00Z")
}
