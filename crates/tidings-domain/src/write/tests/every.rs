//! What holds for every collection, and for bodies that nobody thought of.

use std::cell::Cell;
use std::sync::Arc;

use super::{Room, refusal};
use crate::collection::{Collection, ObjectRef};
use crate::doc::Doc;
use crate::project::Project;
use crate::schema::{self, SetBy};
use crate::value::Value;
use crate::view::View;
use crate::write::{Desk, Overlay, Target};

/// The least that creates an object of each collection, in an order in which references are there.
const LEAST: &[(&str, &str)] = &[
    ("members", r#"{"first_name":"Ana"}"#),
    ("teams", r#"{"name":"T","members":[7]}"#),
    (
        "stories",
        r#"{"who":"user","what":"peace","fields":{"A":1,"B":["x"]},"status_dates":{"Planned":"2026-01-01T00:00:00Z"}}"#,
    ),
    (
        "tasks",
        r#"{"title":"t","parent":1,"assignees":[7,9],"resolution":"Fixed","status":"Closed","email":{"files":"f@example.com"}}"#,
    ),
    (
        "defects",
        r#"{"title":"d","parent":{"collection":"tasks","id":2},"score":2.50}"#,
    ),
    ("tests", r#"{"title":"t","score":"M"}"#),
    ("releases", r#"{"name":"R"}"#),
    ("features", r#"{"name":"F","release":1,"done":true}"#),
    ("acceptance-tests", r#"{"name":"A","story":1}"#),
    (
        "sprints",
        r#"{"name":"S","start_date":"2026-03-02","end_date":"2026-03-16","status":"doing"}"#,
    ),
    ("discussions", r#"{"title":"D"}"#),
    (
        "comments",
        r#"{"on":{"collection":"discussions","id":1},"body":"b","notify":[9]}"#,
    ),
    (
        "time-entries",
        r#"{"on":{"collection":"tasks","id":2},"minutes":5}"#,
    ),
    (
        "attachments",
        r#"{"on":{"collection":"tasks","id":2},"name":"a.pdf"}"#,
    ),
    (
        "videos",
        r#"{"on":{"collection":"tasks","id":2},"url":"https://v.example"}"#,
    ),
    ("favorites", r#"{"on":{"collection":"tasks","id":2}}"#),
    (
        "blocks",
        r#"{"item":{"collection":"tasks","id":2},"blocked":{"collection":"stories","id":1}}"#,
    ),
    ("votes", r#"{"on":{"collection":"comments","id":1}}"#),
    ("wiki-pages", r#"{"name":"W","content":"c"}"#),
    ("shared-files", r#"{"name":"f.pdf","dir":"/specs/"}"#),
    ("repositories", r#"{"name":"r"}"#),
    (
        "pushes",
        r#"{"repository":1,"ref":"refs/heads/main","revisions":[{"rev":"9b1c"}]}"#,
    ),
    ("commits", r#"{"rev":128}"#),
    (
        "pull-requests",
        r#"{"repository":1,"title":"p","base":"main","branch":"x"}"#,
    ),
    ("meetings", r#"{"title":"m"}"#),
    ("actors", r#"{"name":"a"}"#),
];

fn furnished() -> (Room, Vec<String>) {
    let mut room = Room::new();
    let mut paths = Vec::new();
    for (collection, body) in LEAST {
        let done = room
            .post(collection, body)
            .unwrap_or_else(|f| panic!("{collection}: {f}"));
        paths.push(done.key.unwrap().to_string());
    }
    (room, paths)
}

#[test]
fn every_collection_has_its_least() {
    let named: Vec<Collection> = LEAST.iter().map(|(c, _)| c.parse().unwrap()).collect();
    for collection in Collection::ALL {
        assert!(named.contains(collection), "{collection}");
    }
}

#[test]
fn what_was_read_can_be_written_back_by_everybody() {
    let (mut room, paths) = furnished();
    for imports in [true, false] {
        room.author.imports = imports;
        room.at("2026-05-01T00:00:00Z");
        for path in &paths {
            let shown = serde_json::to_string(&room.get(path)).unwrap();
            let put = room
                .put(path, &shown)
                .unwrap_or_else(|f| panic!("{path}: {f}"));
            assert_eq!(put.event, None, "PUT {path}");
            let patched = room
                .patch(path, &shown)
                .unwrap_or_else(|f| panic!("{path}: {f}"));
            assert_eq!(patched.event, None, "PATCH {path}");
        }
    }
}

#[test]
fn what_is_fixed_or_the_server_s_is_refused_by_name() {
    let (mut room, paths) = furnished();
    room.author.imports = false;
    for path in &paths {
        let (collection, _) = super::path_of(path);
        for member in &schema::of(collection).members {
            let other = match (member.set_by, member.name) {
                (SetBy::Caller, _) | (_, "sequence" | "updated_at") => continue,
                (_, name) if name.ends_with("_at") => r#""2001-01-01T00:00:00Z""#,
                (_, "status_dates") => r#"{"Open":"2001-01-01T00:00:00Z"}"#,
                (_, "on" | "item" | "blocked") => r#"{"collection":"defects","id":3}"#,
                (_, "running" | "auto_assigned") => "true",
                (_, "kind") => r#""commit""#,
                (_, "change_type") => r#""delete""#,
                (_, "ref" | "message") => r#""other""#,
                (_, "notify") => "[7]",
                (_, "revisions") => "[]",
                (_, "repository") => continue,
                (_, name) if name.ends_with("_by") || name == "member" => "9",
                _ => "77",
            };
            // The times of a finished manual entry are the caller's.
            if collection == Collection::TimeEntries
                && matches!(member.name, "started_at" | "stopped_at")
            {
                continue;
            }
            let found = refusal(&room.patch(path, &format!(r#"{{"{}":{other}}}"#, member.name)));
            assert!(found.starts_with("422 "), "{path} {}: {found}", member.name);
            assert!(
                found.contains(&format!("/{}", member.name)),
                "{path}: {found}"
            );
        }
    }
}

/// A small generator; the same bodies in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % sides as u64).unwrap()
    }

    fn value(&mut self, depth: usize) -> Value {
        let texts = [
            "",
            "x",
            "~",
            "Open",
            "In Progress",
            "M",
            "#00ff00",
            "2026-03-02",
            "2026-03-02T10:00:00Z",
            "ext:nf",
            "https://e.example",
            "/a/",
            "done",
            "doing",
        ];
        match self.roll(if depth == 0 { 6 } else { 8 }) {
            0 => Value::Null,
            1 => Value::Bool(self.roll(2) == 0),
            2 => Value::Int(i64::try_from(self.roll(12)).unwrap()),
            3 => Value::Float(1.25),
            4 | 5 => texts[self.roll(texts.len())].into(),
            6 => Value::List((0..self.roll(3)).map(|_| self.value(depth - 1)).collect()),
            _ => {
                let names = ["collection", "id", "A", "Open", "rev", "files"];
                let mut members: Vec<(String, Value)> = Vec::new();
                for _ in 0..self.roll(3) {
                    let name = names[self.roll(names.len())].to_owned();
                    let value = if name == "collection" {
                        ["tasks", "stories", "comments"][self.roll(3)].into()
                    } else {
                        self.value(depth - 1)
                    };
                    members.retain(|(n, _)| *n != name);
                    members.push((name, value));
                }
                Value::Map(members)
            }
        }
    }
}

#[test]
fn any_body_is_stored_whole_or_refused_with_a_reason() {
    let (mut room, _) = furnished();
    let mut dice = Dice(0x9E37_79B9_7F4A_7C15);
    let (mut stored, mut refused) = (0, 0);
    for _ in 0..6000 {
        let collection = Collection::ALL[dice.roll(Collection::ALL.len())];
        let members = &schema::of(collection).members;
        let mut body: Vec<(String, Value)> = Vec::new();
        for _ in 0..dice.roll(3) {
            let name = members[dice.roll(members.len())].name.to_owned();
            body.retain(|(n, _)| *n != name);
            // Half of the values are such that another object of the collection has them.
            let others = room.scene.all(collection);
            let value = match others.get(dice.roll(others.len().max(1))) {
                Some(other) if dice.roll(2) == 0 => other.get(&name).clone(),
                _ => dice.value(2),
            };
            body.push((name, value));
        }
        room.author.imports = dice.roll(2) == 0;
        let id = i64::try_from(dice.roll(6)).unwrap() + 1;
        let (verb, body) = (dice.roll(8), Value::Map(body));
        let before = room.scene.get(ObjectRef::new(collection, id));
        let result = room.run(|desk| match verb {
            0 => desk.post(collection, &body),
            1 | 2 => desk.put(collection, &Target::Id(id), &body),
            3 if id == 6 => desk.delete(collection, &Target::Id(id)),
            _ => desk.patch(collection, &Target::Id(id), &body, None),
        });
        match result {
            Ok(done) => {
                stored += 1;
                let Some(doc) = done.doc else { continue };
                // What is stored is good enough to be written back as it is.
                let shown = serde_json::to_string(&*doc).unwrap();
                room.author.imports = true;
                let again = room
                    .put(&doc.key().to_string(), &shown)
                    .unwrap_or_else(|f| panic!("{shown}: {f}"));
                assert_eq!(again.event, None, "{shown}");
            }
            Err(fault) => {
                refused += 1;
                assert!(!fault.detail.is_empty());
                assert_eq!(room.scene.get(ObjectRef::new(collection, id)), before);
            }
        }
    }
    assert!(stored > 500 && refused > 500, "{stored} {refused}");
}

/// Counts how often the store would be asked.
struct Counted<'c> {
    inner: &'c dyn View,
    asked: Cell<usize>,
}

impl Counted<'_> {
    fn ask(&self) -> &dyn View {
        self.asked.set(self.asked.get() + 1);
        self.inner
    }
}

impl View for Counted<'_> {
    fn project(&self) -> &Arc<Project> {
        self.inner.project()
    }
    fn get(&self, key: ObjectRef) -> Option<Arc<Doc>> {
        self.ask().get(key)
    }
    fn person(&self, id: i64) -> Option<Arc<Doc>> {
        self.ask().person(id)
    }
    fn referrers(&self, to: ObjectRef, from: Collection, member: &str) -> Vec<Arc<Doc>> {
        self.ask().referrers(to, from, member)
    }
    fn all(&self, collection: Collection) -> Vec<Arc<Doc>> {
        self.ask().all(collection)
    }
    fn by_external_id(&self, collection: Collection, external_id: &str) -> Option<i64> {
        self.ask().by_external_id(collection, external_id)
    }
    fn by_number(&self, number: i64) -> Option<ObjectRef> {
        self.ask().by_number(number)
    }
    fn last_sequence(&self, key: ObjectRef) -> Option<i64> {
        self.ask().last_sequence(key)
    }
    fn next_id(&self, collection: Collection) -> i64 {
        self.ask().next_id(collection)
    }
    fn next_number(&self) -> i64 {
        self.ask().next_number()
    }
    fn max_rank(&self, collection: Collection) -> i64 {
        self.ask().max_rank(collection)
    }
    fn count_with(&self, collection: Collection, member: &str, value: &str) -> usize {
        self.ask().count_with(collection, member, value)
    }
}

#[test]
fn a_plain_change_asks_the_store_for_the_object_alone() {
    let (room, _) = furnished();
    let asked = |work: &dyn Fn(&mut Desk<'_, '_>)| {
        let base = Counted {
            inner: &room.scene,
            asked: Cell::new(0),
        };
        let mut overlay = Overlay::new(&base);
        let mut next = 1000;
        let mut notes = super::Notes {
            next: &mut next,
            events: Vec::new(),
        };
        work(&mut Desk {
            view: &mut overlay,
            author: &room.author,
            silent: false,
            body_at: "",
            recorder: &mut notes,
        });
        base.asked.get()
    };
    let patch = |body: &'static str| {
        move |desk: &mut Desk<'_, '_>| {
            desk.patch(Collection::Tasks, &Target::Id(2), &super::json(body), None)
                .unwrap();
        }
    };
    assert_eq!(asked(&patch(r#"{"column":"Done"}"#)), 1);
    assert_eq!(
        asked(&patch(
            r#"{"status":"In Progress","title":"x","tags":["a"]}"#
        )),
        1
    );
    // Only references that the body gives are looked up.
    assert_eq!(asked(&patch(r#"{"assignees":[9,1]}"#)), 2);
    let comment = |desk: &mut Desk<'_, '_>| {
        let body = super::json(r#"{"on":{"collection":"tasks","id":2},"body":"x"}"#);
        desk.post(Collection::Comments, &body).unwrap();
    };
    assert!(asked(&comment) <= 5, "{}", asked(&comment));
}
