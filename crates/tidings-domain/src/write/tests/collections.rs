//! What only one collection does.

use super::{Room, holds, refusal};

const SPRINT: &str = r#"{"name":"S","start_date":"2026-03-02","end_date":"2026-03-16"}"#;

#[test]
fn sprints_and_releases_note_when_they_begin_and_end() {
    for (path, body) in [("sprints/1", SPRINT), ("releases/1", r#"{"name":"R"}"#)] {
        let mut room = Room::new();
        room.put(path, body).unwrap();
        holds(
            &room.get(path),
            r#"{"status":"todo","started_at":null,"closed_at":null}"#,
        );
        room.at("2026-03-03T00:00:00Z")
            .patch(path, r#"{"status":"doing"}"#)
            .unwrap();
        room.at("2026-03-16T00:00:00Z")
            .patch(path, r#"{"status":"done"}"#)
            .unwrap();
        holds(
            &room.get(path),
            r#"{"started_at":"2026-03-03T00:00:00Z","closed_at":"2026-03-16T00:00:00Z"}"#,
        );
        room.patch(path, r#"{"status":"doing"}"#).unwrap();
        holds(
            &room.get(path),
            r#"{"started_at":"2026-03-03T00:00:00Z","closed_at":null}"#,
        );
        room.patch(path, r#"{"status":"todo"}"#).unwrap();
        holds(&room.get(path), r#"{"started_at":null,"closed_at":null}"#);
        assert_eq!(room.changes(), [r#"status: "doing" > "todo""#]);
    }
}

#[test]
fn a_feature_notes_when_it_is_done() {
    let mut room = Room::new();
    room.post("features", r#"{"name":"F"}"#).unwrap();
    room.post("features", r#"{"name":"G","done":true}"#)
        .unwrap();
    holds(
        &room.get("features/1"),
        r##"{"rank":1,"done_at":null,"color":"#0067e8","type":"Functional","value":null}"##,
    );
    holds(
        &room.get("features/2"),
        r#"{"rank":2,"done_at":"2026-03-02T10:00:00Z"}"#,
    );
    room.patch("features/2", r#"{"done":false}"#).unwrap();
    holds(&room.get("features/2"), r#"{"done_at":null}"#);
}

#[test]
fn a_wiki_page_counts_its_versions() {
    let mut room = Room::new();
    room.post("wiki-pages", r#"{"name":"Steps","content":"1. tag"}"#)
        .unwrap();
    room.patch("wiki-pages/1", r#"{"url":"https://x.example"}"#)
        .unwrap();
    holds(&room.get("wiki-pages/1"), r#"{"version":1,"sequence":2}"#);
    room.patch("wiki-pages/1", r#"{"content":"2. deploy"}"#)
        .unwrap();
    holds(&room.get("wiki-pages/1"), r#"{"version":2}"#);
    assert_eq!(room.changes(), [r#"content: "1. tag" > "2. deploy""#]);
    assert_eq!(
        refusal(&room.patch("wiki-pages/1", r#"{"version":9}"#)),
        "422 /version=read_only"
    );
}

#[test]
fn pull_requests_are_numbered_in_their_repository() {
    let mut room = Room::new();
    room.post("repositories", r#"{"name":"a"}"#).unwrap();
    room.post("repositories", r#"{"name":"b"}"#).unwrap();
    let body = |repository: i64, more: &str| {
        format!(r#"{{"repository":{repository},"title":"t","base":"main","branch":"x"{more}}}"#)
    };
    room.post("pull-requests", &body(1, "")).unwrap();
    room.post("pull-requests", &body(1, r#","number":3"#))
        .unwrap();
    room.post("pull-requests", &body(1, "")).unwrap();
    room.post("pull-requests", &body(2, "")).unwrap();
    for (id, number) in [(1, 1), (2, 3), (3, 2), (4, 1)] {
        holds(
            &room.get(&format!("pull-requests/{id}")),
            &format!(r#"{{"number":{number}}}"#),
        );
    }
    assert_eq!(
        refusal(&room.post("pull-requests", &body(1, r#","number":3"#))),
        "409 /number=taken"
    );
}

#[test]
fn pushes_videos_and_acceptance_tests_fill_in_what_follows() {
    let mut room = Room::new();
    room.post("repositories", r#"{"name":"a"}"#).unwrap();
    room.post(
        "pushes",
        r#"{"repository":1,"ref":"r","revisions":[{"rev":"9b1c"},{"rev":"77aa","message":"m"}]}"#,
    )
    .unwrap();
    holds(
        &room.get("pushes/1"),
        r#"{"revision_count":2,"change_type":"update","revisions":[{"rev":"9b1c","message":""},{"rev":"77aa","message":"m"}]}"#,
    );
    room.post("stories", r#"{"title":"s"}"#).unwrap();
    room.post(
        "videos",
        r#"{"on":{"collection":"stories","id":1},"url":"https://v.example/1"}"#,
    )
    .unwrap();
    holds(&room.get("videos/1"), r#"{"title":"https://v.example/1"}"#);
    room.patch("videos/1", r#"{"url":"https://v.example/2"}"#)
        .unwrap();
    holds(&room.get("videos/1"), r#"{"title":"https://v.example/2"}"#);
    room.post("stories", r#"{"title":"z"}"#).unwrap();
    for (story, rank) in [(1, 1), (1, 2), (2, 1)] {
        let done = room
            .post(
                "acceptance-tests",
                &format!(r#"{{"story":{story},"name":"a"}}"#),
            )
            .unwrap();
        assert_eq!(done.doc.unwrap().int("rank"), Some(rank));
    }
}

#[test]
fn a_meeting_begins_now_and_keeps_its_time_in_a_put() {
    let mut room = Room::new();
    room.put("meetings/1", r#"{"title":"Pairing"}"#).unwrap();
    holds(
        &room.get("meetings/1"),
        r#"{"on":null,"starts_at":"2026-03-02T10:00:00Z","provider":"custom"}"#,
    );
    room.at("2026-03-05T00:00:00Z")
        .put("meetings/1", r#"{"title":"Pairing"}"#)
        .unwrap();
    assert!(room.told().is_empty());
    room.patch("meetings/1", r#"{"starts_at":null}"#).unwrap();
    holds(
        &room.get("meetings/1"),
        r#"{"starts_at":"2026-03-05T00:00:00Z"}"#,
    );
}

#[test]
fn a_chain_of_replies_ends() {
    let mut room = Room::new();
    room.post("tasks", r#"{"title":"t"}"#).unwrap();
    room.post(
        "comments",
        r#"{"on":{"collection":"tasks","id":1},"body":"c"}"#,
    )
    .unwrap();
    for id in 1..=20 {
        room.post(
            "comments",
            &format!(r#"{{"on":{{"collection":"comments","id":{id}}},"body":"r"}}"#),
        )
        .unwrap();
    }
    let deeper = room.post(
        "comments",
        r#"{"on":{"collection":"comments","id":21},"body":"r"}"#,
    );
    assert_eq!(refusal(&deeper), "422 /on=loop");
}

#[test]
fn what_is_silent_is_stored_and_not_told() {
    let mut room = Room::new();
    room.silent = true;
    let done = room
        .post("tasks", r#"{"title":"A","type":"Chore"}"#)
        .unwrap();
    assert!(done.event.is_none() && room.told().is_empty());
    room.at("2026-03-03T00:00:00Z");
    let done = room.patch("tasks/1", r#"{"title":"B"}"#).unwrap();
    assert_eq!((done.event, done.doc.unwrap().sequence()), (None, 2));
    room.silent = false;
    room.patch("tasks/1", r#"{"title":"C"}"#).unwrap();
    assert_eq!(room.changes(), [r#"title: "B" > "C""#]);
    room.silent = true;
    assert!(room.delete("tasks/1").unwrap().event.is_none());
}
