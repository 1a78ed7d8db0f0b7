//! Objects that hold anything at all, and what must be true of whatever a dialect says about them. The fuzz target `render` reads its
//! choices from its input; the tests read them from seeds.

use tidings_dialects::{ObjectScope, Scope, all, derived, render};
use tidings_domain::event::{Bulk, FieldChange, MovedTo};
use tidings_domain::project::{Category, CustomField, Entry, FieldType};
use tidings_domain::scene::Scene;
use tidings_domain::schema::Kind;
use tidings_domain::{
    Change, Collection, Doc, Event, EventId, ObjectRef, Project, ProjectId, Time, Value, Verb,
    View, What, value,
};

/// Choices: those given, one byte each, and then those of a small generator with a seed, so that a failure can be repeated.
pub(crate) struct Dice {
    given: std::vec::IntoIter<u8>,
    seed: u64,
}

impl Dice {
    /// Choices of a seed.
    pub(crate) fn of_seed(seed: u64) -> Self {
        Self {
            given: Vec::new().into_iter(),
            seed,
        }
    }

    /// The choices that these bytes are.
    pub(crate) fn of_bytes(bytes: &[u8]) -> Self {
        Self {
            given: Vec::from(bytes).into_iter(),
            seed: 0x9e37_79b9_7f4a_7c15,
        }
    }

    fn next(&mut self) -> u64 {
        if let Some(byte) = self.given.next() {
            return byte.into();
        }
        self.seed ^= self.seed << 13;
        self.seed ^= self.seed >> 7;
        self.seed ^= self.seed << 17;
        self.seed
    }

    fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.next() % n.max(1) as u64).unwrap()
    }

    fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }

    fn often(&mut self) -> bool {
        self.below(4) > 0
    }
}

const TEXTS: &[&str] = &[
    "",
    " ",
    "a",
    "Open",
    "Closed",
    "In Progress",
    "XL",
    "Browser",
    "caf\u{e9}",
    "\u{1f6a2} ferry",
    "<script>&\"'",
    "two\nlines\r\n\r\nand more",
    "\u{0}\u{1}\u{7f}\u{2028}\u{feff}",
    "\u{e0001}\u{10ffff}",
    "../..//",
    "\u{202e}abc",
    "%00%",
    "{\"a\":1}",
    "null",
    "https://www.youtube.com/watch?v=",
    "https://vimeo.com/",
    "not a url",
];
const TIMES: &[&str] = &[
    "2026-03-02T10:15:00Z",
    "1970-01-01T00:00:00Z",
    "9999-12-30T22:00:00Z",
    "0001-01-01T00:00:00Z",
    "yesterday",
    "",
];
const DATES: &[&str] = &[
    "2026-03-02",
    "2024-02-29",
    "9999-12-31",
    "0001-01-01",
    "2026-02-30",
    "soon",
];
const VERBS: &[Verb] = &[
    Verb::Created,
    Verb::Updated,
    Verb::Updated,
    Verb::Updated,
    Verb::Deleted,
    Verb::Moved,
    Verb::Started,
    Verb::Stopped,
    Verb::Cancelled,
    Verb::Notified,
];

fn text(dice: &mut Dice) -> Value {
    dice.one(TEXTS).into()
}

fn reference(dice: &mut Dice) -> Value {
    let collection = dice.one(Collection::ALL);
    ObjectRef::new(collection, id(dice)).to_value()
}

fn id(dice: &mut Dice) -> i64 {
    i64::try_from(1 + dice.below(4)).unwrap()
}

fn int(dice: &mut Dice) -> Value {
    dice.one(&[0, 1, 2, 3, 60, 99, value::MAX_SAFE_INTEGER])
        .into()
}

fn list(dice: &mut Dice, make: impl Fn(&mut Dice) -> Value) -> Value {
    let length = dice.below(4);
    Value::List((0..length).map(|_| make(dice)).collect())
}

fn map(dice: &mut Dice, names: &[&str], make: impl Fn(&mut Dice) -> Value) -> Value {
    let kept: Vec<_> = names.iter().filter(|_| dice.often()).copied().collect();
    Value::Map(
        kept.into_iter()
            .map(|name| (name.to_owned(), make(dice)))
            .collect(),
    )
}

fn member(dice: &mut Dice, kind: Kind) -> Value {
    match kind {
        Kind::Int { .. } => int(dice),
        Kind::Number { .. } => dice
            .one(&[Value::Int(0), Value::Int(7), Value::Float(0.25)].each_ref())
            .clone(),
        Kind::Text { .. } | Kind::Directory | Kind::Entry(_) | Kind::Url | Kind::Color => {
            text(dice)
        }
        Kind::Bool => dice.often().into(),
        Kind::Date => dice.one(DATES).into(),
        Kind::Time => dice.one(TIMES).into(),
        Kind::Word(words) => {
            if dice.often() {
                dice.one(words).into()
            } else {
                text(dice)
            }
        }
        Kind::Id | Kind::Person | Kind::Link(_) => id(dice).into(),
        Kind::People | Kind::Links(_) => list(dice, |d| id(d).into()),
        Kind::Ref(_) => reference(dice),
        Kind::Parent => {
            if dice.often() {
                id(dice).into()
            } else {
                reference(dice)
            }
        }
        Kind::Entries(_) | Kind::Names => list(dice, text),
        Kind::Score => {
            if dice.often() {
                int(dice)
            } else {
                text(dice)
            }
        }
        Kind::Fields => map(dice, TEXTS, |d| match d.below(6) {
            0 => Value::Null,
            1 => int(d),
            2 => d.often().into(),
            3 => list(d, text),
            4 => Value::Float(1.5),
            _ => text(d),
        }),
        Kind::StatusDates => map(
            dice,
            &["Open", "Closed", "someday", "backlog", "in-progress", ""],
            |d| d.one(TIMES).into(),
        ),
        Kind::ItemEmail => map(dice, &["discussion", "files"], text),
        Kind::NulabAccount => map(dice, &["nulab_id", "name", "unique_id"], text),
        Kind::Revisions => list(dice, |d| map(d, &["rev", "message"], text)),
    }
}

fn doc(dice: &mut Dice, collection: Collection, id: i64) -> Doc {
    let mut doc = Doc::empty(collection);
    for m in &doc.schema().members {
        if dice.often() {
            let value = member(dice, m.kind);
            doc.set(m.name, value);
        }
    }
    doc.with("id", id)
}

fn project(dice: &mut Dice) -> Project {
    let mut project = Project::new(ProjectId(7), "P", dice.one(TEXTS), "2026-01-01T00:00:00Z");
    project.base_url = dice
        .often()
        .then(|| "https://tracker.example.com/deep/".to_owned());
    dice.one(&["UTC", "Europe/Rome", "Nowhere/Land", ""])
        .clone_into(&mut project.time_zone);
    dice.one(TIMES).clone_into(&mut project.created_at);
    let entry = |dice: &mut Dice, id| Entry {
        id,
        name: dice.one(TEXTS).to_owned(),
        color: dice.often().then(|| "#112233".to_owned()),
        category: dice.one(&[None, Some(Category::Done), Some(Category::Frozen)]),
        value: dice.one(&[None, Some(2.5)]),
    };
    for list in [
        &mut project.statuses,
        &mut project.columns,
        &mut project.types,
        &mut project.efforts,
    ] {
        match dice.below(3) {
            0 => list.clear(),
            1 => list.push(entry(dice, 9)),
            _ => {}
        }
    }
    project.labels = (0..3).map(|id| entry(dice, id)).collect();
    project.custom_fields = (0..4)
        .map(|id| CustomField {
            id,
            name: dice.one(TEXTS).to_owned(),
            kind: dice.one(&[
                FieldType::Text,
                FieldType::Number,
                FieldType::Choice,
                FieldType::Choices,
                FieldType::Boolean,
            ]),
            options: TEXTS.iter().map(|&t| t.to_owned()).collect(),
        })
        .collect();
    for name in ["status", "title", "assignees"] {
        project
            .display_names
            .insert(name.to_owned(), dice.one(TEXTS).to_owned());
    }
    project
}

fn change(dice: &mut Dice, scene: &Scene, verb: Verb, collection: Collection) -> Change {
    let id = id(dice);
    let object = scene
        .get(ObjectRef::new(collection, id))
        .unwrap_or_else(|| doc(dice, collection, 9).into());
    let mut change = Change::plain(verb, object.clone());
    if verb == Verb::Updated {
        let before = doc(dice, collection, object.id());
        change.changes = before
            .members()
            .zip(object.members())
            .filter(|((_, old), (_, new))| old != new)
            .filter(|_| dice.often())
            .map(|((m, old), (_, new))| FieldChange {
                member: m.name.into(),
                old: old.clone(),
                new: new.clone(),
            })
            .collect();
        change.changes.push(FieldChange {
            member: "fields.Browser".into(),
            old: Value::Null,
            new: text(dice),
        });
        change.before = dice.often().then(|| before.into());
        change.comment = (!dice.often()).then(|| doc(dice, Collection::Comments, 3).into());
    }
    if verb == Verb::Moved && dice.often() {
        change.moved_to = Some(MovedTo {
            project: project(dice).into(),
            id: 4,
            number: 5,
        });
    }
    if verb == Verb::Notified {
        change.notified = vec![1, 2, 99];
    }
    change
}

/// A project with a few objects of each of these collections.
pub(crate) fn scene(dice: &mut Dice, collections: &[Collection]) -> Scene {
    let mut scene = Scene::new(project(dice));
    for collection in collections {
        for id in 1..=3 {
            if dice.often() {
                scene.put(doc(dice, *collection, id));
            }
        }
    }
    scene
}

/// One thing happens to an object of a collection, and every dialect says so: a JSON object, or nothing.
pub(crate) fn one_change(dice: &mut Dice, scene: &Scene, collection: Collection, seed: u64) {
    let verb = dice.one(VERBS);
    let change = change(dice, scene, verb, collection);
    let _ = derived::root(scene, &change.object);
    let event = Event {
        id: EventId(77),
        project: ProjectId(7),
        at: Time::from_second(1_772_451_600).unwrap(),
        actor: dice.one(&[None, Some(1), Some(99)]),
        what: What::Change(change.clone()),
    };
    let scope = Scope {
        event: &event,
        view: scene,
        server_url: "http://localhost:8080",
        options: &Value::Null,
    };
    let view = ObjectScope {
        view: scene,
        server_url: "http://localhost:8080",
        at: event.at,
        actor: event.actor,
    };
    for dialect in all() {
        let at = || format!("seed {seed}, {} {verb:?} {collection}", dialect.name());
        let bodies = render(*dialect, &scope, &mut |_| true)
            .into_iter()
            .map(|m| m.body)
            .chain(dialect.object(&view, &change.object));
        for body in bodies {
            let read: Result<serde_json::Value, _> = serde_json::from_slice(&body);
            assert!(
                read.is_ok_and(|v| v.is_object()),
                "{}: no JSON object",
                at()
            );
            if ["squish", "sprintly"].contains(&dialect.name()) {
                assert!(body.is_ascii(), "{}: not ASCII", at());
            }
        }
    }
}

/// Several items are updated in one request.
pub(crate) fn one_bulk(dice: &mut Dice, seed: u64) {
    let mut scene = Scene::new(project(dice));
    for collection in tidings_domain::collection::ITEMS {
        scene.put(doc(dice, collection, 1));
    }
    let changes: Vec<_> = tidings_domain::collection::ITEMS
        .into_iter()
        .zip(78..)
        .map(|(c, id)| (EventId(id), change(dice, &scene, Verb::Updated, c)))
        .collect();
    let objects = changes.iter().map(|(_, c)| c.object.clone()).collect();
    let set = Doc::empty(Collection::Tasks);
    let set = set.members().filter(|_| dice.below(4) == 0);
    let set = set
        .map(|(m, _)| (m.name.to_owned(), m.kind))
        .collect::<Vec<_>>();
    let set = set
        .into_iter()
        .map(|(name, kind)| (name, member(dice, kind)));
    let bulk = Bulk {
        changes,
        objects,
        set: set.collect(),
        comment: dice.one(&[None, Some("\u{1f6a2}")]).map(str::to_owned),
    };
    let event = Event {
        id: EventId(77),
        project: ProjectId(7),
        at: Time::from_second(1_772_451_600).unwrap(),
        actor: dice.one(&[None, Some(1)]),
        what: What::Bulk(bulk),
    };
    let scope = Scope {
        event: &event,
        view: &scene,
        server_url: "http://localhost:8080",
        options: &Value::Null,
    };
    for dialect in all() {
        for message in render(*dialect, &scope, &mut |_| true) {
            let read: Result<serde_json::Value, _> = serde_json::from_slice(&message.body);
            assert!(
                read.is_ok_and(|v| v.is_object()),
                "seed {seed}, {}",
                dialect.name()
            );
        }
    }
}
