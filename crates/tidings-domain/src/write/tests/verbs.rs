//! Timers, notifications, and what may be done only once.

use super::{Room, holds, json, path_of, refusal};
use crate::fault::Fault;
use crate::value::Value;
use crate::write::Done;

impl Room {
    fn verb(&mut self, verb: &str, path: &str, body: &str) -> Result<Done, Fault> {
        let (_, target) = path_of(path);
        let body = if body.is_empty() {
            Value::Null
        } else {
            json(body)
        };
        self.run(|desk| match verb {
            "stop" => desk.stop(&target, &body),
            "cancel" => desk.cancel(&target, &body),
            _ => desk.notify(&target, &body),
        })
    }
}

fn with_task() -> Room {
    let mut room = Room::new();
    room.put("tasks/1", r#"{"title":"t"}"#).unwrap();
    room
}

const ON: &str = r#""on":{"collection":"tasks","id":1}"#;

#[test]
fn a_timer_starts_and_stops_or_is_thrown_away() {
    let mut room = with_task();
    let start = format!(r#"{{{ON},"running":true}}"#);
    room.post("time-entries", &start).unwrap();
    assert_eq!(room.told(), ["time_entry.started"]);
    holds(
        &room.get("time-entries/1"),
        r#"{"member":7,"running":true,"started_at":"2026-03-02T10:00:00Z","stopped_at":null,"minutes":null}"#,
    );
    assert_eq!(
        refusal(&room.post("time-entries", &start)),
        "409 /running=running"
    );
    assert_eq!(
        refusal(&room.patch("time-entries/1", r#"{"minutes":5}"#)),
        "422 /minutes=read_only"
    );
    assert_eq!(
        refusal(&room.patch("time-entries/1", r#"{"running":false}"#)),
        "422 /running=read_only"
    );
    room.at("2026-03-02T09:59:00Z");
    assert_eq!(
        refusal(&room.verb("stop", "time-entries/1", "")),
        "422 /stopped_at=range"
    );
    room.at("2026-03-02T10:31:59Z");
    assert_eq!(
        refusal(&room.verb("stop", "time-entries/1", r#"{"minutes":1}"#)),
        "422 /minutes=unknown_member"
    );
    room.verb("stop", "time-entries/1", r#"{"note":"done"}"#)
        .unwrap();
    assert_eq!(room.told(), ["time_entry.stopped"]);
    holds(
        &room.get("time-entries/1"),
        r#"{"running":false,"stopped_at":"2026-03-02T10:31:59Z","minutes":31,"note":"done","sequence":2}"#,
    );
    assert_eq!(
        refusal(&room.verb("stop", "time-entries/1", "")),
        "409 /running=not_running"
    );
    room.post("time-entries", &start).unwrap();
    room.verb("cancel", "time-entries/2", "").unwrap();
    assert_eq!(room.told(), ["time_entry.cancelled"]);
    assert_eq!(room.get("time-entries/2"), Value::Null);
}

#[test]
fn a_manual_entry_needs_minutes_or_both_times() {
    let mut room = with_task();
    room.author.imports = false;
    room.post("time-entries", &format!(r#"{{{ON},"minutes":30}}"#))
        .unwrap();
    assert_eq!(room.told(), ["time_entry.created"]);
    holds(
        &room.get("time-entries/1"),
        r#"{"started_at":null,"minutes":30}"#,
    );
    room.post(
        "time-entries",
        &format!(
            r#"{{{ON},"started_at":"2026-03-02T08:00:00Z","stopped_at":"2026-03-02T09:15:30Z"}}"#
        ),
    )
    .unwrap();
    holds(&room.get("time-entries/2"), r#"{"minutes":75}"#);
    room.patch("time-entries/2", r#"{"stopped_at":"2026-03-02T08:30:00Z"}"#)
        .unwrap();
    holds(&room.get("time-entries/2"), r#"{"minutes":30}"#);
    assert_eq!(
        refusal(&room.patch("time-entries/2", r#"{"stopped_at":"2026-03-02T07:59:59Z"}"#)),
        "422 /stopped_at=range"
    );
    room.author.actor = None;
    assert_eq!(
        refusal(&room.post("time-entries", &format!(r#"{{{ON},"minutes":30}}"#))),
        "422 /member=required"
    );
    let running =
        format!(r#"{{{ON},"member":9,"running":true,"started_at":"2026-03-01T00:00:00Z"}}"#);
    assert_eq!(
        refusal(&room.post("time-entries", &running)),
        "422 /started_at=read_only"
    );
}

#[test]
fn people_are_told_once() {
    let mut room = with_task();
    room.post("comments", &format!(r#"{{{ON},"body":"x","notify":[7]}}"#))
        .unwrap();
    room.verb("notify", "comments/1", r#"{"members":[7,9]}"#)
        .unwrap();
    assert_eq!(room.told(), ["comment.notified"]);
    assert_eq!(room.change().notified, [9]);
    holds(&room.get("comments/1"), r#"{"notify":[7,9],"sequence":2}"#);
    assert_eq!(
        room.verb("notify", "comments/1", r#"{"members":[9]}"#)
            .unwrap()
            .event,
        None
    );
    assert_eq!(
        refusal(&room.verb("notify", "comments/1", "{}")),
        "422 /members=required"
    );
    assert_eq!(
        refusal(&room.verb("notify", "comments/1", r#"{"members":[8],"x":1}"#)),
        "422 /x=unknown_member /members/0=not_found"
    );
}

#[test]
fn a_second_vote_favorite_or_block_is_the_first() {
    let mut room = with_task();
    room.put("tasks/2", r#"{"title":"u"}"#).unwrap();
    let block = r#"{"item":{"collection":"tasks","id":1},"blocked":{"collection":"tasks","id":2}}"#;
    for (collection, body) in [
        ("votes", format!("{{{ON}}}")),
        ("favorites", format!("{{{ON}}}")),
        ("blocks", block.to_owned()),
    ] {
        assert!(room.post(collection, &body).unwrap().created);
        let again = room.post(collection, &body).unwrap();
        assert_eq!(
            (again.event, again.created, again.key.unwrap().id),
            (None, false, 1),
            "{collection}"
        );
        assert!(room.told().is_empty());
        assert_eq!(
            refusal(&room.put(&format!("{collection}/5"), &body)),
            "409 =taken"
        );
        assert_eq!(
            room.put(&format!("{collection}/1"), &body).unwrap().event,
            None
        );
    }
    room.author.actor = Some(9);
    assert!(room.post("votes", &format!("{{{ON}}}")).unwrap().created);
    room.patch("blocks/1", r#"{"unblocked":true}"#).unwrap();
    assert_eq!(room.told(), ["block.updated"]);
    assert!(room.post("blocks", block).unwrap().created);
    assert_eq!(
        refusal(&room.patch("blocks/1", r#"{"unblocked":false}"#)),
        "409 /unblocked=taken"
    );
    room.delete("votes/1").unwrap();
    assert_eq!(room.told(), ["vote.deleted"]);
}
