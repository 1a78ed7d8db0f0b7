//! Several objects, several entries, two projects.

use super::{Memory, Notes, Room, holds, json, refusal};
use crate::collection::Collection;
use crate::event::{Verb, What};
use crate::fault::Fault;
use crate::value::Value;
use crate::view::View;
use crate::write::{Desk, Done, Overlay, Target};

fn with_tasks(n: i64) -> Room {
    let mut room = Room::new();
    for id in 1..=n {
        room.put(&format!("tasks/{id}"), r#"{"title":"t"}"#)
            .unwrap();
    }
    room
}

impl Room {
    fn bulk(&mut self, body: &str, comment: Option<&str>) -> Result<Done, Fault> {
        let comment = comment.map(json);
        self.run(|desk| desk.bulk(&json(body), comment.as_ref()))
    }
}

#[test]
fn a_bulk_update_is_an_event_an_object_and_one_of_its_own() {
    let mut room = with_tasks(3);
    room.patch("tasks/2", r#"{"status":"Resolved"}"#).unwrap();
    let objects = r#""objects":[{"collection":"tasks","id":3},{"collection":"tasks","id":2},{"collection":"tasks","id":1},{"collection":"tasks","id":3}]"#;
    let done = room
        .bulk(
            &format!(r#"{{{objects},"set":{{"status":"Resolved","fields":{{"X":1}}}}}}"#),
            None,
        )
        .unwrap();
    assert_eq!(done.each.len(), 3);
    assert_eq!(
        room.told(),
        ["task.updated", "task.updated", "task.updated", "items"]
    );
    let What::Bulk(bulk) = &room.events.last().unwrap().what else {
        panic!()
    };
    assert_eq!(
        bulk.set,
        [
            ("status".to_owned(), "Resolved".into()),
            ("fields.X".to_owned(), Value::Int(1))
        ]
    );
    let ids: Vec<i64> = bulk.objects.iter().map(|o| o.id()).collect();
    assert_eq!(ids, [3, 2, 1]);
    let own = room.events.last().unwrap().id;
    assert!(
        room.events
            .iter()
            .take(3)
            .all(|e| e.id > own && e.change().unwrap().bulk == Some(own))
    );

    let again = room
        .bulk(
            &format!(r#"{{{objects},"set":{{"status":"Resolved"}}}}"#),
            None,
        )
        .unwrap();
    assert!(again.event.is_none() && room.told().is_empty());
    room.bulk(
        &format!(r#"{{{objects},"set":{{"status":"Resolved"}}}}"#),
        Some(r#"{"body":"hi"}"#),
    )
    .unwrap();
    assert_eq!(
        room.told(),
        [
            "comment.created",
            "comment.created",
            "comment.created",
            "items"
        ]
    );
}

#[test]
fn a_bulk_update_is_whole_or_not_at_all() {
    let mut room = with_tasks(1);
    room.put("stories/2", r#"{"title":"s"}"#).unwrap();
    let two = r#""objects":[{"collection":"stories","id":2},{"collection":"tasks","id":1}]"#;
    for (body, expected) in [
        (
            format!(r#"{{{two},"set":{{"who":"x"}}}}"#),
            "422 /set/who=unknown_member",
        ),
        (
            format!(r#"{{{two},"set":{{"status":"?"}}}}"#),
            "422 /set/status=unknown_word",
        ),
        (format!("{{{two}}}"), "422 /set=required"),
        (
            r#"{"objects":[],"set":{}}"#.to_owned(),
            "422 /objects=length",
        ),
        (
            r#"{"objects":[{"collection":"sprints","id":1}],"set":{}}"#.to_owned(),
            "422 /objects/0/collection=unknown_word",
        ),
        (
            r#"{"objects":[{"collection":"tasks","id":9}],"set":{},"x":1}"#.to_owned(),
            "422 /x=unknown_member /objects/0/id=not_found",
        ),
        ("7".to_owned(), "422 =wrong_type"),
    ] {
        assert_eq!(refusal(&room.bulk(&body, None)), expected, "{body}");
    }
    holds(&room.get("stories/2"), r#"{"sequence":1,"who":null}"#);
}

#[test]
fn later_entries_see_earlier_ones() {
    let mut room = Room::new();
    let tasks = Collection::Tasks;
    room.run(|desk| {
        for n in 1..=5 {
            let done = desk.post(
                tasks,
                &json(&format!(r#"{{"title":"t{n}","external_id":"e{n}"}}"#)),
            )?;
            assert_eq!(done.key.unwrap().id, n);
        }
        desk.post(
            Collection::Comments,
            &json(r#"{"on":{"collection":"tasks","id":"ext:e3"},"body":"x"}"#),
        )?;
        assert_eq!(
            desk.view
                .count_referrers(crate::ObjectRef::new(tasks, 3), Collection::Comments, "on"),
            1
        );
        desk.delete(tasks, &Target::Id(3))?;
        assert!(desk.view.all(Collection::Comments).is_empty());
        assert_eq!(
            desk.view.last_sequence(crate::ObjectRef::new(tasks, 3)),
            Some(1)
        );
        let next = desk.post(tasks, &json(r#"{"title":"t6","number":9}"#))?;
        let next = next.doc.unwrap();
        assert_eq!((next.id(), next.int("rank")), (6, Some(6)));
        let next = desk.post(tasks, &json(r#"{"title":"t7"}"#))?.doc.unwrap();
        assert_eq!(
            next.int("number"),
            Some(3),
            "the number of the deleted one is free"
        );
        desk.patch(
            tasks,
            &Target::External("e5".into()),
            &json(r#"{"external_id":null,"rank":1}"#),
            None,
        )?;
        assert_eq!(desk.view.by_external_id(tasks, "e5"), None);
        assert_eq!(desk.view.max_rank(tasks), 7);
        assert_eq!(desk.view.count_with(tasks, "status", "Open"), 6);
        desk.delete(tasks, &Target::External("e1".into()))
    })
    .unwrap();
    assert_eq!(room.told().len(), 11);
    assert_eq!(room.scene.all(tasks).len(), 5);
}

/// Moves an item from one room to another.
fn relocate(from: &mut Room, to: &mut Room, path: &str) -> Result<Done, Fault> {
    let (collection, target) = super::path_of(path);
    let here = Memory {
        scene: &from.scene,
        last: &from.last,
    };
    let there = Memory {
        scene: &to.scene,
        last: &to.last,
    };
    let (mut a, mut b) = (Overlay::new(&here), Overlay::new(&there));
    let mut notes = Notes {
        next: &mut from.next,
        events: Vec::new(),
    };
    let mut desk = Desk {
        view: &mut a,
        author: &from.author,
        silent: false,
        body_at: "",
        recorder: &mut notes,
    };
    let done = desk.relocate(collection, &target, &mut b)?;
    let (a, b) = (a.into_written(), b.into_written());
    from.events = notes.events;
    from.keep(a);
    to.keep(b);
    Ok(done)
}

#[test]
fn a_moved_item_takes_its_children_along() {
    let mut from = Room::new();
    for (path, body) in [
        ("members/11", r#"{"first_name":"Only here"}"#),
        (
            "sprints/1",
            r#"{"name":"S","start_date":"2026-03-02","end_date":"2026-03-16"}"#,
        ),
        ("stories/4", r#"{"title":"s"}"#),
        (
            "tasks/5",
            r#"{"title":"t","external_id":"T","number":5,"parent":4,"sprint":1,"assignees":[9,11,7],"type":"Chore","score":"M",
            "status":"In review","fields":{"Wedding":"Jones"}}"#,
        ),
        (
            "comments/1",
            r#"{"on":{"collection":"tasks","id":5},"body":"c","notify":[7,11]}"#,
        ),
        (
            "comments/2",
            r#"{"on":{"collection":"comments","id":1},"body":"reply"}"#,
        ),
        (
            "blocks/1",
            r#"{"item":{"collection":"tasks","id":5},"blocked":{"collection":"stories","id":4}}"#,
        ),
        ("blocks/2", r#"{"blocked":{"collection":"tasks","id":5}}"#),
        (
            "tests/8",
            r#"{"title":"sub","parent":{"collection":"tasks","id":5}}"#,
        ),
    ] {
        from.put(path, body).unwrap();
    }
    let mut to = Room::named(2102, "PIER");
    to.delete("members/9").unwrap();
    to.put(
        "members/20",
        r#"{"first_name":"Tom","email":"tom@example.com"}"#,
    )
    .unwrap();
    to.put("members/7", r#"{"first_name":"Nadia"}"#).unwrap();
    to.put("tasks/1", r#"{"title":"x","number":5}"#).unwrap();
    to.put(
        "comments/1",
        r#"{"on":{"collection":"tasks","id":1},"body":"x"}"#,
    )
    .unwrap();

    let done = relocate(&mut from, &mut to, "tasks/5").unwrap();
    assert_eq!(from.told(), ["task.moved", "task.created"]);
    let moved = from.events[0].change().unwrap();
    assert_eq!(
        (moved.verb, moved.object.int("number")),
        (Verb::Moved, Some(5))
    );
    let target = moved.moved_to.as_ref().unwrap();
    assert_eq!(
        (target.project.key.as_str(), target.id, target.number),
        ("PIER", 5, 1)
    );
    assert!(target.project.types.iter().any(|t| t.name == "Chore"));
    assert_eq!(from.events[1].project.0, 2102);

    holds(
        &to.get("tasks/5"),
        r#"{"external_id":"T","number":1,"parent":null,"sprint":null,"assignees":[20,7],"type":"Chore","score":"M","status":"In review",
            "fields":{"Wedding":"Jones"},"sequence":2,"rank":2,"created_by":7}"#,
    );
    assert_eq!(done.doc.unwrap().origin(), Some("2101/tasks/5"));
    holds(
        &to.get("comments/3"),
        r#"{"on":{"collection":"tasks","id":5},"body":"c","notify":[7]}"#,
    );
    holds(
        &to.get("comments/2"),
        r#"{"on":{"collection":"comments","id":3},"body":"reply"}"#,
    );
    holds(&to.get("comments/1"), r#"{"body":"x"}"#);
    holds(
        &to.get("blocks/2"),
        r#"{"blocked":{"collection":"tasks","id":5},"item":null}"#,
    );
    for gone in [
        "tasks/5",
        "comments/1",
        "comments/2",
        "blocks/1",
        "blocks/2",
    ] {
        assert_eq!(from.get(gone), Value::Null, "{gone}");
    }
    assert_eq!(to.get("blocks/1"), Value::Null);
    holds(&from.get("tests/8"), r#"{"parent":null,"sequence":2}"#);
}

#[test]
fn a_moved_item_comes_back_with_a_higher_version() {
    let mut from = with_tasks(1);
    let mut to = Room::named(2102, "PIER");
    relocate(&mut from, &mut to, "tasks/1").unwrap();
    to.next = from.next;
    to.patch("tasks/1", r#"{"title":"u"}"#).unwrap();
    relocate(&mut to, &mut from, "tasks/1").unwrap();
    holds(&from.get("tasks/1"), r#"{"sequence":4}"#);
    let missing = relocate(&mut from, &mut to, "tasks/99");
    assert_eq!(refusal(&missing), "404");
}
