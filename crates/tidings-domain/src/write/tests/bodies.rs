//! Malformed bodies, and who may say what about who and when.

use super::{Room, at, json, refusal};
use crate::write::Author;
use crate::write::who::Claim;

/// A room with an object of every kind that references can name.
fn furnished() -> Room {
    let mut room = Room::new();
    for (path, body) in [
        ("stories/1", r#"{"title":"s"}"#),
        ("tasks/2", r#"{"title":"t"}"#),
        (
            "sprints/3",
            r#"{"name":"S","start_date":"2026-03-02","end_date":"2026-03-16"}"#,
        ),
        ("releases/4", r#"{"name":"R"}"#),
        ("features/5", r#"{"name":"F"}"#),
        (
            "comments/6",
            r#"{"on":{"collection":"tasks","id":2},"body":"c"}"#,
        ),
        ("repositories/7", r#"{"name":"r"}"#),
    ] {
        room.put(path, body).unwrap();
    }
    room
}

/// Collection, body, refusal.
const MALFORMED: &[(&str, &str, &str)] = &[
    ("tasks", "[]", "422 =wrong_type"),
    ("tasks", "7", "422 =wrong_type"),
    ("tasks", r#"{"title":7}"#, "422 /title=wrong_type"),
    ("tasks", r#"{"title":""}"#, "422 /title=length"),
    ("tasks", r#"{"title":null}"#, "422 /title=wrong_type"),
    (
        "tasks",
        r#"{"title":"a","who":"x"}"#,
        "422 /who=unknown_member",
    ),
    (
        "tasks",
        r#"{"title":"a","titel":"x","a/b~c":1}"#,
        "422 /titel=unknown_member /a~1b~0c=unknown_member",
    ),
    (
        "tasks",
        r#"{"title":"a","description":null}"#,
        "422 /description=wrong_type",
    ),
    ("tasks", r#"{"title":"a","value":100}"#, "422 /value=range"),
    ("tasks", r#"{"title":"a","value":1.5}"#, "422 /value=range"),
    ("tasks", r#"{"title":"a","score":-1}"#, "422 /score=range"),
    ("tasks", r#"{"title":"a","score":1000}"#, "422 /score=range"),
    (
        "tasks",
        r#"{"title":"a","score":true}"#,
        "422 /score=wrong_type",
    ),
    ("tasks", r#"{"title":"a","rank":0}"#, "422 /rank=range"),
    ("tasks", r#"{"title":"a","id":0}"#, "422 /id=range"),
    (
        "tasks",
        r#"{"title":"a","id":9007199254740992}"#,
        "422 /id=range",
    ),
    (
        "tasks",
        r#"{"title":"a","number":"1"}"#,
        "422 /number=wrong_type",
    ),
    (
        "tasks",
        r##"{"title":"a","color":"#12345"}"##,
        "422 /color=format",
    ),
    (
        "tasks",
        r#"{"title":"a","color":"red"}"#,
        "422 /color=format",
    ),
    ("tasks", r#"{"title":"a","url":"ftp://x"}"#, "422 /url=url"),
    ("tasks", r#"{"title":"a","url":"//x"}"#, "422 /url=url"),
    (
        "tasks",
        r#"{"title":"a","due_date":"2026-02-30"}"#,
        "422 /due_date=date",
    ),
    (
        "tasks",
        r#"{"title":"a","due_date":"2026-2-3"}"#,
        "422 /due_date=date",
    ),
    (
        "tasks",
        r#"{"title":"a","created_at":"2026-03-02"}"#,
        "422 /created_at=time",
    ),
    (
        "tasks",
        r#"{"title":"a","created_at":"2026-03-02T10:00:00"}"#,
        "422 /created_at=time",
    ),
    (
        "tasks",
        r#"{"title":"a","confidential":"yes"}"#,
        "422 /confidential=wrong_type",
    ),
    (
        "tasks",
        r#"{"title":"a","tags":"x"}"#,
        "422 /tags=wrong_type",
    ),
    (
        "tasks",
        r#"{"title":"a","tags":["x",7,""]}"#,
        "422 /tags/1=wrong_type /tags/2=length",
    ),
    (
        "tasks",
        r#"{"title":"a","assignees":[7,8,"9","ext:nobody"]}"#,
        "422 /assignees/1=not_found /assignees/2=wrong_type /assignees/3=not_found",
    ),
    (
        "tasks",
        r#"{"title":"a","sprint":4}"#,
        "422 /sprint=not_found",
    ),
    (
        "tasks",
        r#"{"title":"a","parent":{"collection":"comments","id":6}}"#,
        "422 /parent/collection=unknown_word",
    ),
    (
        "tasks",
        r#"{"title":"a","parent":{"collection":"tasks"}}"#,
        "422 /parent/id=required",
    ),
    (
        "tasks",
        r#"{"title":"a","parent":{"collection":"tasks","id":99}}"#,
        "422 /parent/id=not_found",
    ),
    (
        "tasks",
        r#"{"title":"a","parent":99}"#,
        "422 /parent=not_found",
    ),
    (
        "tasks",
        r#"{"title":"a","fields":[]}"#,
        "422 /fields=wrong_type",
    ),
    (
        "tasks",
        r#"{"title":"a","fields":{"":1}}"#,
        "422 /fields/=length",
    ),
    (
        "tasks",
        r#"{"title":"a","email":{"discussion":1,"x":2}}"#,
        "422 /email/discussion=wrong_type /email/x=unknown_member",
    ),
    (
        "tasks",
        r#"{"title":"a","status_dates":{"Nope":"2026-03-02T10:00:00Z"}}"#,
        "422 /status_dates/Nope=unknown_word",
    ),
    (
        "tasks",
        r#"{"title":"a","status_dates":{"Open":"now"}}"#,
        "422 /status_dates/Open=time",
    ),
    (
        "tasks",
        r#"{"title":"a","sequence":5}"#,
        "422 /sequence=read_only",
    ),
    (
        "tasks",
        r#"{"title":"a","updated_by":9}"#,
        "422 /updated_by=read_only",
    ),
    (
        "members",
        r#"{"first_name":"A","role":"king"}"#,
        "422 /role=unknown_word",
    ),
    (
        "members",
        r#"{"first_name":"A","nulab_account":{"id":"x"}}"#,
        "422 /nulab_account/id=unknown_member",
    ),
    ("comments", r#"{"body":"x"}"#, "422 /on=required"),
    (
        "comments",
        r#"{"on":{"collection":"members","id":7},"body":"x"}"#,
        "422 /on/collection=unknown_word",
    ),
    (
        "comments",
        r#"{"on":"tasks/2","body":"x"}"#,
        "422 /on=wrong_type",
    ),
    (
        "comments",
        r#"{"on":{"collection":"tasks","id":2,"x":1},"body":"x"}"#,
        "422 /on/x=unknown_member",
    ),
    (
        "sprints",
        r#"{"name":"S"}"#,
        "422 /start_date=required /end_date=required",
    ),
    (
        "sprints",
        r#"{"name":"S","start_date":"2026-03-02","end_date":"2026-03-02"}"#,
        "422 /end_date=range",
    ),
    (
        "shared-files",
        r#"{"name":"f","dir":"specs"}"#,
        "422 /dir=format",
    ),
    (
        "shared-files",
        r#"{"name":"f","size":-1}"#,
        "422 /size=range",
    ),
    (
        "videos",
        r#"{"on":{"collection":"tasks","id":2}}"#,
        "422 /url=required",
    ),
    (
        "pushes",
        r#"{"repository":7,"ref":"x","revisions":[{"message":"m","by":1}]}"#,
        "422 /revisions/0/by=unknown_member /revisions/0/rev=required",
    ),
    ("commits", r#"{"rev":"abc"}"#, "422 /rev=wrong_type"),
    (
        "blocks",
        r#"{"item":{"collection":"tasks","id":2}}"#,
        "422 /blocked=required",
    ),
    (
        "time-entries",
        r#"{"on":{"collection":"tasks","id":2}}"#,
        "422 /minutes=required",
    ),
    (
        "time-entries",
        r#"{"on":{"collection":"features","id":5},"minutes":1}"#,
        "422 /on/collection=unknown_word",
    ),
];

#[test]
fn every_malformed_body_names_what_is_wrong() {
    for (collection, body, expected) in MALFORMED {
        let mut room = furnished();
        let found = refusal(&room.post(collection, body));
        assert_eq!(found, *expected, "{collection} {body}");
    }
}

#[test]
fn lengths_are_counted_in_characters() {
    let mut room = furnished();
    let title = |n: usize| format!(r#"{{"title":"{}"}}"#, "ä".repeat(n));
    assert!(room.post("tasks", &title(500)).is_ok());
    assert_eq!(
        refusal(&room.post("tasks", &title(501))),
        "422 /title=length"
    );
    let tags: Vec<String> = (0..201).map(|n| format!("\"t{n}\"")).collect();
    let body = format!(r#"{{"title":"a","tags":[{}]}}"#, tags.join(","));
    assert_eq!(refusal(&room.post("tasks", &body)), "422 /tags=length");
}

#[test]
fn all_faults_are_told_at_once_but_not_without_end() {
    let mut room = furnished();
    let members: Vec<String> = (0..5000).map(|n| format!("\"x{n}\":1")).collect();
    let fault = room
        .post("tasks", &format!("{{{}}}", members.join(",")))
        .unwrap_err();
    assert_eq!(fault.errors.len(), 100);
}

#[test]
fn an_int_id_may_be_written_as_an_external_id() {
    let mut room = furnished();
    room.put(
        "sprints/ext:S-1",
        r#"{"name":"S","start_date":"2026-03-02","end_date":"2026-03-16"}"#,
    )
    .unwrap();
    room.patch(
        "tasks/2",
        r#"{"sprint":"ext:S-1","assignees":["ext:nf",9],"parent":null}"#,
    )
    .unwrap();
    super::holds(&room.get("tasks/2"), r#"{"sprint":1,"assignees":[7,9]}"#);
    room.put("tasks/ext:T", r#"{"title":"x"}"#).unwrap();
    room.post(
        "comments",
        r#"{"on":{"collection":"tasks","id":"ext:T"},"body":"x"}"#,
    )
    .unwrap();
    super::holds(
        &room.get("comments/1"),
        r#"{"on":{"collection":"tasks","id":3}}"#,
    );
    assert_eq!(
        refusal(&room.patch("tasks/2", r#"{"external_id":"T"}"#)),
        "409 /external_id=taken"
    );
    assert_eq!(
        refusal(&room.put("tasks/ext:U", r#"{"title":"x","external_id":"V"}"#)),
        "422 /external_id=read_only"
    );
    room.put("tasks/ext:T", r#"{"title":"x","external_id":"T2"}"#)
        .unwrap();
    assert_eq!(refusal(&room.patch("tasks/ext:T", "{}")), "404");
    assert!(room.patch("tasks/ext:T2", "{}").is_ok());
}

#[test]
fn actors_are_members_and_times_are_not_far_ahead() {
    let room = furnished();
    let now = at("2026-03-02T10:00:00Z");
    let check = |by: Option<&str>, when: Option<&str>| {
        let by = by.map(json);
        let claim = Claim {
            by: by.as_ref(),
            at: when,
            by_place: "/by",
            at_place: "/at",
        };
        match Author::claimed(&room.scene, claim, now) {
            Ok(author) => format!("{:?} {}", author.actor, crate::time::show(author.at)),
            Err(fault) => format!("{}={}", fault.errors[0].field, fault.errors[0].code),
        }
    };
    assert_eq!(check(None, None), "None 2026-03-02T10:00:00Z");
    assert_eq!(
        check(Some("7"), Some("2012-08-13T23:14:26.9+02:00")),
        "Some(7) 2012-08-13T21:14:26Z"
    );
    assert_eq!(check(Some("\"9\""), None), "Some(9) 2026-03-02T10:00:00Z");
    assert_eq!(
        check(Some("\"ext:nf\""), None),
        "Some(7) 2026-03-02T10:00:00Z"
    );
    assert_eq!(check(Some("8"), None), "/by=not_found");
    assert_eq!(check(Some("true"), None), "/by=wrong_type");
    assert_eq!(check(Some("\"x\""), None), "/by=wrong_type");
    assert_eq!(
        check(None, Some("2026-03-03T10:00:00Z")),
        "None 2026-03-03T10:00:00Z"
    );
    assert_eq!(check(None, Some("2026-03-03T10:00:01Z")), "/at=range");
    assert_eq!(check(None, Some("yesterday")), "/at=time");
    assert_eq!(check(Some("null"), None), "None 2026-03-02T10:00:00Z");
}

#[test]
fn null_in_a_patch_is_null_or_the_default() {
    let mut room = furnished();
    room.patch("tasks/2", r#"{"notes":"n","description":"d","status":"Closed","priority":"High","value":4,"tags":["x"]}"#).unwrap();
    room.patch("tasks/2", r#"{"notes":null,"description":null,"status":null,"priority":null,"value":null,"tags":null}"#).unwrap();
    super::holds(
        &room.get("tasks/2"),
        r#"{"notes":null,"description":"","status":"Open","priority":null,"value":0,"tags":[]}"#,
    );
    assert_eq!(
        refusal(&room.patch("tasks/2", r#"{"title":null}"#)),
        "422 /title=required"
    );
    assert_eq!(
        refusal(&room.patch("tasks/2", r#"{"number":null}"#)),
        "422 /number=wrong_type"
    );
    assert_eq!(
        refusal(&room.patch("tasks/2", r#"{"number":99}"#)),
        "422 /number=read_only"
    );
    assert_eq!(refusal(&room.patch("tasks/99", "{}")), "404");
}
