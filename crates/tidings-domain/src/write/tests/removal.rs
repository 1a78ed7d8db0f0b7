//! Deletion: what goes along, who loses a reference, what becomes of the id.

use super::{Room, holds, refusal};
use crate::value::Value;

#[test]
fn a_deletion_takes_along_what_cannot_be_without_it() {
    let mut room = Room::new();
    for (path, body) in [
        ("stories/1", r#"{"title":"s"}"#),
        ("tasks/2", r#"{"title":"t","parent":1}"#),
        (
            "comments/1",
            r#"{"on":{"collection":"stories","id":1},"body":"c"}"#,
        ),
        (
            "comments/2",
            r#"{"on":{"collection":"comments","id":1},"body":"reply"}"#,
        ),
        ("votes/1", r#"{"on":{"collection":"comments","id":2}}"#),
        (
            "attachments/1",
            r#"{"on":{"collection":"stories","id":1},"name":"a.pdf"}"#,
        ),
        (
            "comments/3",
            r#"{"on":{"collection":"attachments","id":1},"body":"c"}"#,
        ),
        (
            "meetings/1",
            r#"{"on":{"collection":"stories","id":1},"title":"m"}"#,
        ),
        ("acceptance-tests/1", r#"{"story":1,"name":"a"}"#),
        (
            "blocks/1",
            r#"{"item":{"collection":"tasks","id":2},"blocked":{"collection":"stories","id":1}}"#,
        ),
        (
            "blocks/2",
            r#"{"item":{"collection":"stories","id":1},"blocked":{"collection":"tasks","id":2}}"#,
        ),
        (
            "comments/9",
            r#"{"on":{"collection":"tasks","id":2},"body":"stays"}"#,
        ),
    ] {
        room.put(path, body).unwrap();
    }
    let done = room.at("2026-03-03T00:00:00Z").delete("stories/1").unwrap();
    assert!(done.doc.is_none() && done.event.is_some());
    assert_eq!(room.told(), ["story.deleted"]);
    for gone in [
        "stories/1",
        "comments/1",
        "comments/2",
        "votes/1",
        "attachments/1",
        "comments/3",
        "meetings/1",
        "acceptance-tests/1",
        "blocks/1",
        "blocks/2",
    ] {
        assert_eq!(room.get(gone), Value::Null, "{gone}");
    }
    assert_ne!(room.get("comments/9"), Value::Null);
    holds(
        &room.get("tasks/2"),
        r#"{"parent":null,"sequence":2,"updated_at":"2026-03-02T10:00:00Z"}"#,
    );
    assert_eq!(refusal(&room.delete("stories/1")), "404");
}

#[test]
fn lists_lose_what_is_gone_and_keep_the_rest() {
    let mut room = Room::new();
    for (path, body) in [
        ("releases/1", r#"{"name":"a"}"#),
        ("releases/2", r#"{"name":"b"}"#),
        ("actors/1", r#"{"name":"x"}"#),
        ("features/1", r#"{"name":"f","release":1}"#),
        (
            "sprints/1",
            r#"{"name":"S","start_date":"2026-03-02","end_date":"2026-03-16","release":1}"#,
        ),
        (
            "stories/1",
            r#"{"title":"s","releases":[1,2],"affected_releases":[1],"actors":[1],"feature":1,"sprint":1}"#,
        ),
    ] {
        room.put(path, body).unwrap();
    }
    room.delete("releases/1").unwrap();
    holds(
        &room.get("stories/1"),
        r#"{"releases":[2],"affected_releases":[],"sequence":2}"#,
    );
    holds(&room.get("features/1"), r#"{"release":null,"sequence":2}"#);
    room.delete("actors/1").unwrap();
    room.delete("features/1").unwrap();
    room.delete("sprints/1").unwrap();
    holds(
        &room.get("stories/1"),
        r#"{"actors":[],"feature":null,"sprint":null,"sequence":5}"#,
    );
}

#[test]
fn a_repository_takes_its_pushes_and_pull_requests_along() {
    let mut room = Room::new();
    room.put("repositories/1", r#"{"name":"r"}"#).unwrap();
    room.put("tasks/1", r#"{"title":"t"}"#).unwrap();
    room.post("pushes", r#"{"repository":1,"ref":"refs/heads/main"}"#)
        .unwrap();
    room.post("pull-requests", r#"{"repository":1,"title":"p","base":"main","branch":"x","issue":{"collection":"tasks","id":1}}"#).unwrap();
    room.delete("tasks/1").unwrap();
    holds(&room.get("pull-requests/1"), r#"{"issue":null,"number":1}"#);
    room.delete("repositories/1").unwrap();
    assert_eq!(room.get("pushes/1"), Value::Null);
    assert_eq!(room.get("pull-requests/1"), Value::Null);
}

#[test]
fn a_deleted_id_begins_where_it_ended() {
    let mut room = Room::new();
    room.put("tasks/5", r#"{"title":"a"}"#).unwrap();
    room.patch("tasks/5", r#"{"title":"b"}"#).unwrap();
    room.delete("tasks/5").unwrap();
    let done = room.put("tasks/5", r#"{"title":"c"}"#).unwrap();
    assert!(done.created);
    assert_eq!(room.told(), ["task.created"]);
    holds(&room.get("tasks/5"), r#"{"sequence":3,"title":"c"}"#);
}

#[test]
fn a_member_who_left_stays_where_they_were_and_comes_nowhere_new() {
    let mut room = Room::new();
    room.put("tasks/1", r#"{"title":"a","assignees":[9]}"#)
        .unwrap();
    room.put("tasks/2", r#"{"title":"b"}"#).unwrap();
    room.delete("members/9").unwrap();
    assert_eq!(room.told(), ["member.deleted"]);
    holds(&room.get("tasks/1"), r#"{"assignees":[9],"sequence":1}"#);
    room.patch("tasks/1", r#"{"assignees":[9,7]}"#).unwrap();
    assert_eq!(
        refusal(&room.patch("tasks/2", r#"{"assignees":[9]}"#)),
        "422 /assignees/0=not_found"
    );
    room.put("members/9", r#"{"first_name":"Tom"}"#).unwrap();
    assert_eq!(room.told(), ["member.created"]);
    holds(&room.get("members/9"), r#"{"sequence":2}"#);
    assert!(room.patch("tasks/2", r#"{"assignees":[9]}"#).is_ok());
}
