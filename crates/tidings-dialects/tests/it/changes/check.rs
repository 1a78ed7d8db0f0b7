//! One write, as bytes: the operation, the collection, the body. Shared with the fuzz target `change`.

use std::sync::Arc;

use tidings_dialects::sample::{AT, SERVER_URL, Stage};
use tidings_dialects::{Scope, all, render};
use tidings_domain::write::{Author, Desk, Done, Overlay, Recorder, Target};
use tidings_domain::{Collection, Event, EventId, Fault, Value, time};

/// How many kinds of writes there are.
pub(crate) const OPERATIONS: u8 = 9;

/// Says each event in every dialect at the moment it is true.
#[derive(Default)]
struct Scribe {
    next: i64,
    told: usize,
}

impl Recorder for Scribe {
    fn next_id(&mut self) -> EventId {
        self.next += 1;
        EventId(900_000 + self.next)
    }

    fn tell(&mut self, view: &Overlay<'_>, event: Arc<Event>) {
        self.told += 1;
        let scope = Scope {
            event: &event,
            view,
            server_url: SERVER_URL,
            options: &Value::Null,
        };
        for dialect in all() {
            for message in render(*dialect, &scope, &mut |_| true) {
                let read = Value::parse(&message.body);
                assert!(
                    read.is_ok_and(|v| !v.as_map().is_empty()),
                    "{} {}: {}",
                    dialect.name(),
                    message.code,
                    String::from_utf8_lossy(&message.body)
                );
            }
        }
    }
}

/// The first two bytes choose, the rest is the body.
pub(crate) fn write(data: &[u8]) {
    if let [operation, collection, body @ ..] = data {
        carry_out(*operation, *collection, body);
    }
}

/// Whether it was carried out.
pub(crate) fn carry_out(operation: u8, collection: u8, body: &[u8]) -> bool {
    let Ok(body) = Value::parse(body) else {
        return false;
    };
    let collection = Collection::ALL[usize::from(collection) % Collection::ALL.len()];
    let operation = operation % OPERATIONS;
    let stage = Stage::new();
    let mut overlay = Overlay::new(stage.scene());
    let author = Author {
        actor: None,
        at: time::parse(AT).unwrap(),
        imports: true,
    };
    let mut scribe = Scribe::default();
    let mut desk = Desk {
        view: &mut overlay,
        author: &author,
        silent: false,
        body_at: "",
        recorder: &mut scribe,
    };
    let done = act(&mut desk, operation, collection, &body);
    let Ok(done) = done else {
        check_fault(&done.unwrap_err());
        return false;
    };
    // A replacement or a merge that is made again changes nothing.
    if let (1 | 2, Some(key)) = (operation, done.key) {
        let target = Target::Id(key.id);
        let again = match operation {
            1 => desk.put(collection, &target, &body),
            _ => desk.patch(collection, &target, &body, None),
        };
        let again = again.unwrap_or_else(|fault| panic!("{collection} {body:?}: {fault:?}"));
        assert_eq!(again.event, None, "{collection} {operation} {body:?}");
    }
    let told = scribe.told;
    assert!(told > 0 || done.event.is_none());
    drop(overlay.into_written());
    true
}

fn act(
    desk: &mut Desk<'_, '_>,
    operation: u8,
    collection: Collection,
    body: &Value,
) -> Result<Done, Fault> {
    // The sample's own object of the collection, if it has one.
    let target = Target::Id(tidings_dialects::sample::object(collection).id);
    match operation {
        0 => desk.post(collection, body),
        1 => desk.put(collection, &target, body),
        2 => desk.patch(collection, &target, body, None),
        3 => desk.patch(collection, &target, &Value::Map(Vec::new()), Some(body)),
        4 => desk.delete(collection, &target),
        5 => desk.stop(&target, body),
        6 => desk.cancel(&target, body),
        7 => desk.notify(&target, body),
        _ => desk.bulk(body, None),
    }
}

/// A refusal says what it is about.
fn check_fault(fault: &Fault) {
    assert!(
        !fault.code.is_empty() && !fault.detail.is_empty(),
        "{fault:?}"
    );
    for field in &fault.errors {
        assert!(!field.detail.is_empty(), "{fault:?}");
    }
}
