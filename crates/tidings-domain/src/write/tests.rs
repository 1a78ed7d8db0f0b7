//! The rules as tables: a body in, what is stored and told out.

mod bodies;
mod collections;
mod every;
mod items;
mod removal;
mod several;
mod verbs;

use std::sync::Arc;

use crate::collection::Collection;
use crate::doc::Doc;
use crate::event::{Change, Event, What};
use crate::fault::{Fault, FaultKind};
use crate::id::{EventId, ProjectId};
use crate::project::Project;
use crate::scene::Scene;
use crate::time::{self, Time};
use crate::value::Value;
use crate::view::View;

use super::{Author, Desk, Done, Overlay, Recorder, Target, Written};

/// A project, kept between writes; every write is worked out on a fresh overlay.
pub(super) struct Room {
    pub(super) scene: Scene,
    pub(super) author: Author,
    pub(super) silent: bool,
    pub(super) next: i64,
    pub(super) events: Vec<Arc<Event>>,
    last: std::collections::HashMap<crate::ObjectRef, i64>,
}

struct Notes<'n> {
    next: &'n mut i64,
    events: Vec<Arc<Event>>,
}

impl Recorder for Notes<'_> {
    fn next_id(&mut self) -> EventId {
        *self.next += 1;
        EventId(*self.next)
    }

    fn tell(&mut self, _view: &Overlay<'_>, event: Arc<Event>) {
        self.events.push(event);
    }
}

/// A scene that remembers what was deleted.
pub(super) struct Memory<'m> {
    scene: &'m Scene,
    last: &'m std::collections::HashMap<crate::ObjectRef, i64>,
}

impl View for Memory<'_> {
    fn project(&self) -> &Arc<Project> {
        self.scene.project()
    }
    fn get(&self, key: crate::ObjectRef) -> Option<Arc<Doc>> {
        self.scene.get(key)
    }
    fn person(&self, id: i64) -> Option<Arc<Doc>> {
        self.scene.person(id)
    }
    fn referrers(&self, to: crate::ObjectRef, from: Collection, member: &str) -> Vec<Arc<Doc>> {
        self.scene.referrers(to, from, member)
    }
    fn all(&self, collection: Collection) -> Vec<Arc<Doc>> {
        self.scene.all(collection)
    }
    fn by_external_id(&self, collection: Collection, external_id: &str) -> Option<i64> {
        self.scene.by_external_id(collection, external_id)
    }
    fn by_number(&self, number: i64) -> Option<crate::ObjectRef> {
        self.scene.by_number(number)
    }
    fn last_sequence(&self, key: crate::ObjectRef) -> Option<i64> {
        self.last.get(&key).copied()
    }
    fn next_id(&self, collection: Collection) -> i64 {
        self.scene.next_id(collection)
    }
    fn next_number(&self) -> i64 {
        self.scene.next_number()
    }
    fn max_rank(&self, collection: Collection) -> i64 {
        self.scene.max_rank(collection)
    }
    fn count_with(&self, collection: Collection, member: &str, value: &str) -> usize {
        self.scene.count_with(collection, member, value)
    }
}

pub(super) fn json(text: &str) -> Value {
    Value::parse(text.as_bytes()).unwrap()
}

fn at(text: &str) -> Time {
    time::parse(text).unwrap()
}

impl Room {
    /// A project with two members and an author who may import.
    pub(super) fn new() -> Self {
        Self::named(2101, "HB")
    }

    pub(super) fn named(id: i64, key: &str) -> Self {
        let project = Project::new(ProjectId(id), key, "Harbor", "2026-01-01T00:00:00Z");
        let mut room = Self {
            scene: Scene::new(project),
            author: Author {
                actor: None,
                at: at("2026-03-02T10:00:00Z"),
                imports: true,
            },
            silent: false,
            next: 100,
            events: Vec::new(),
            last: std::collections::HashMap::new(),
        };
        room.put("members/7", r#"{"first_name":"Nadia","external_id":"nf"}"#)
            .unwrap();
        room.put(
            "members/9",
            r#"{"first_name":"Tom","email":"tom@example.com"}"#,
        )
        .unwrap();
        room.author.actor = Some(7);
        room
    }

    pub(super) fn at(&mut self, text: &str) -> &mut Self {
        self.author.at = at(text);
        self
    }

    /// Works a write out; what it wrote stays if it was not refused.
    pub(super) fn run(
        &mut self,
        work: impl FnOnce(&mut Desk<'_, '_>) -> Result<Done, Fault>,
    ) -> Result<Done, Fault> {
        let base = Memory {
            scene: &self.scene,
            last: &self.last,
        };
        let mut overlay = Overlay::new(&base);
        let mut notes = Notes {
            next: &mut self.next,
            events: Vec::new(),
        };
        let mut desk = Desk {
            view: &mut overlay,
            author: &self.author,
            silent: self.silent,
            body_at: "",
            recorder: &mut notes,
        };
        let done = work(&mut desk)?;
        let written = overlay.into_written();
        self.events = notes.events;
        self.keep(written);
        Ok(done)
    }

    pub(super) fn keep(&mut self, written: Vec<Written>) {
        for written in written {
            match written {
                Written::Put(_, doc) => {
                    self.scene.put(Doc::clone(&doc));
                }
                Written::Delete(_, key) => {
                    let old = self.scene.remove(key).unwrap();
                    self.last.insert(key, old.sequence());
                }
                Written::Project(_, project) => {
                    *self.scene.project_mut() = Project::clone(&project);
                }
            }
        }
    }

    pub(super) fn post(&mut self, collection: &str, body: &str) -> Result<Done, Fault> {
        let collection = collection.parse().unwrap();
        self.run(|desk| desk.post(collection, &json(body)))
    }

    pub(super) fn put(&mut self, path: &str, body: &str) -> Result<Done, Fault> {
        let (collection, target) = path_of(path);
        self.run(|desk| desk.put(collection, &target, &json(body)))
    }

    pub(super) fn patch(&mut self, path: &str, body: &str) -> Result<Done, Fault> {
        self.patch_with(path, body, None)
    }

    pub(super) fn patch_with(
        &mut self,
        path: &str,
        body: &str,
        comment: Option<&str>,
    ) -> Result<Done, Fault> {
        let (collection, target) = path_of(path);
        let comment = comment.map(json);
        self.run(|desk| desk.patch(collection, &target, &json(body), comment.as_ref()))
    }

    pub(super) fn delete(&mut self, path: &str) -> Result<Done, Fault> {
        let (collection, target) = path_of(path);
        self.run(|desk| desk.delete(collection, &target))
    }

    /// An object as JSON, as the API shows it; null when it is not there.
    pub(super) fn get(&self, path: &str) -> Value {
        let (collection, target) = path_of(path);
        match target.find(&self.scene, collection) {
            Some(doc) => json(&serde_json::to_string(&*doc).unwrap()),
            None => Value::Null,
        }
    }

    /// The events of the last write: `task.updated`, `items` for a bulk update.
    pub(super) fn told(&self) -> Vec<String> {
        self.events
            .iter()
            .map(|event| match &event.what {
                What::Change(c) => {
                    format!("{}.{}", c.object.collection().singular(), c.verb.as_str())
                }
                What::Bulk(_) => "items".to_owned(),
                What::WebhookDisabled(_) => unreachable!(),
            })
            .collect()
    }

    pub(super) fn change(&self) -> &Change {
        self.events.last().unwrap().change().unwrap()
    }

    /// The changes of the last event: `member: old > new`.
    pub(super) fn changes(&self) -> Vec<String> {
        let text = |v: &Value| serde_json::to_string(v).unwrap();
        self.change()
            .changes
            .iter()
            .map(|c| format!("{}: {} > {}", c.member, text(&c.old), text(&c.new)))
            .collect()
    }
}

pub(super) fn path_of(path: &str) -> (Collection, Target) {
    let (collection, id) = path.split_once('/').unwrap();
    (collection.parse().unwrap(), Target::parse(id).unwrap())
}

/// The members of an object named in `expected` have these values.
#[track_caller]
pub(super) fn holds(found: &Value, expected: &str) {
    for (name, value) in json(expected).as_map() {
        assert_eq!(found.member(name), Some(value), "{name} of {found:?}");
    }
}

/// A refusal as `STATUS code pointer...`.
pub(super) fn refusal(result: &Result<Done, Fault>) -> String {
    match result {
        Ok(done) => format!("accepted: {:?}", done.key),
        Err(fault) => {
            let status = match fault.kind {
                FaultKind::Invalid => "422",
                FaultKind::Conflict => "409",
                FaultKind::NotFound => "404",
                _ => "other",
            };
            let errors = fault
                .errors
                .iter()
                .map(|e| format!(" {}={}", e.field, e.code));
            format!("{status}{}", errors.collect::<String>())
        }
    }
}
