//! Texts as they lie in stores: they are read for ever, so what is written is compared letter by letter.

use std::sync::Arc;

use tidings_domain::{Collection, Doc, EventId, ObjectRef, ProjectId, Value};

use super::{read_event, write_event};
use crate::{Plan, Write, WriteWhat};

const PROJECT: ProjectId = ProjectId(1);

fn doc(collection: Collection, id: i64, title: &str) -> Arc<Doc> {
    let mut doc = Doc::empty(collection);
    doc.set("id", Value::Int(id));
    doc.set("title", title);
    Arc::new(doc)
}

/// Reads an event and writes it again, where the store has a task 42 under each event and a plan puts it under `version`.
fn check(id: i64, version: i64, text: &str) {
    let now = doc(Collection::Tasks, 42, "two");
    let mut asked = Vec::new();
    let event = read_event(EventId(id), PROJECT, text, &mut |key, at| {
        asked.push((key, at));
        Ok(Some(if at.0 == version {
            Arc::clone(&now)
        } else {
            doc(Collection::Tasks, 42, "one")
        }))
    });
    let event = event.unwrap();
    let task = ObjectRef::new(Collection::Tasks, 42);
    assert!(asked.iter().all(|(key, _)| *key == task), "{asked:?}");
    let plan = Plan {
        writes: vec![Write {
            project: PROJECT,
            version: EventId(version),
            what: WriteWhat::Put(now),
        }],
        ..Plan::default()
    };
    assert_eq!(write_event(&event, &plan).unwrap(), text);
}

#[test]
fn events_are_read_and_written_as_ever() {
    let change = r#"{"verb":"updated","object":{"in":"tasks","id":42,"at":9},"before":{"in":"tasks","id":42,"at":8},"changes":[["title","one","two"],["fields.Größe \"\\\u0001\"",null,0.1]],"comment":{"in":"comments","id":3,"doc":{"id":3,"_origin":"1/comments/3"}},"bulk":10,"notified":[7,8]}"#;
    let bare = r#"{"verb":"deleted","object":{"in":"tasks","id":42,"at":9}}"#;
    for at in ["2026-11-21T07:06:43Z", "2026-11-21T07:06:43.386Z"] {
        let whole =
            |actor: &str, what: &str| format!(r#"{{"at":"{at}","actor":{actor},"what":{what}}}"#);
        check(9, 9, &whole("7", &format!(r#"{{"change":{change}}}"#)));
        check(9, 9, &whole("null", &format!(r#"{{"change":{bare}}}"#)));
        let bulk = format!(
            r#"{{"bulk":{{"changes":[[9,{change}]],"objects":[{{"in":"tasks","id":42,"at":9}}],"set":[["title","two"]],"comment":"all"}}}}"#
        );
        check(10, 9, &whole("7", &bulk));
        let disabled = format!(
            r#"{{"webhook_disabled":{{"id":5,"name":"\"n\"","host":"example.org","reason":"gone","since":"{at}"}}}}"#
        );
        check(11, 0, &whole("null", &disabled));
    }
}
