//! Items: defaults, merges, what follows from what.

use super::{Room, holds, refusal};

#[test]
fn a_new_task_has_every_default() {
    let mut room = Room::new();
    let done = room
        .post("tasks", r#"{"title":"Add rate limiter"}"#)
        .unwrap();
    assert!(done.created);
    assert_eq!(room.told(), ["task.created"]);
    holds(
        &room.get("tasks/1"),
        r#"{"id":1,"sequence":1,"external_id":null,"url":null,"number":1,"title":"Add rate limiter","description":"",
            "notes":null,"status":"Open","column":null,"priority":"Normal","type":"Task","resolution":null,"score":null,
            "value":0,"rank":1,"color":null,"tags":[],"assignees":[],"sprint":null,"feature":null,"releases":[],
            "affected_releases":[],"parent":null,"start_date":null,"due_date":null,"estimated_hours":null,
            "actual_hours":null,"remaining_hours":null,"confidential":false,"archived":false,"fields":{},"email":null,
            "status_dates":{"Open":"2026-03-02T10:00:00Z"},"completed_at":null,"completed_by":null,"resolved_at":null,
            "resolved_by":null,"created_at":"2026-03-02T10:00:00Z","created_by":7,"updated_at":"2026-03-02T10:00:00Z",
            "updated_by":7}"#,
    );
}

#[test]
fn ids_and_numbers_go_on_over_all_items() {
    let mut room = Room::new();
    room.post("tasks", r#"{"title":"a"}"#).unwrap();
    room.post("stories", r#"{"title":"b"}"#).unwrap();
    room.put("defects/9", r#"{"title":"c","number":3}"#)
        .unwrap();
    room.post("tests", r#"{"title":"d"}"#).unwrap();
    holds(
        &room.get("stories/2"),
        r#"{"number":2,"rank":1,"type":"Story"}"#,
    );
    holds(&room.get("defects/9"), r#"{"number":3,"type":"Bug"}"#);
    holds(&room.get("tests/3"), r#"{"number":4,"type":"Test"}"#);
    room.post("tasks", r#"{"title":"e"}"#).unwrap();
    holds(&room.get("tasks/4"), r#"{"rank":2}"#);
    let taken = room.post("tasks", r#"{"title":"x","number":3}"#);
    assert_eq!(refusal(&taken), "409 /number=taken");
    let taken = room.post("tasks", r#"{"title":"x","id":1}"#);
    assert_eq!(refusal(&taken), "409 /id=taken");
}

#[test]
fn an_update_says_what_was_and_what_is() {
    let mut room = Room::new();
    room.put(
        "tasks/42",
        r#"{"title":"A","column":"Todo","assignees":[7],"fields":{"Browser":"Firefox","Port":80}}"#,
    )
    .unwrap();
    let done = room
        .at("2026-03-02T11:40:00Z")
        .patch(
            "tasks/42",
            r#"{"assignees":[9,"ext:nf"],"column":"In Progress","fields":{"Port":null,"Browser":"Opera","Beta":true}}"#,
        )
        .unwrap();
    assert_eq!(done.doc.unwrap().sequence(), 2);
    assert_eq!(
        room.changes(),
        [
            r#"column: "Todo" > "In Progress""#,
            "assignees: [7] > [9,7]",
            r#"fields.Browser: "Firefox" > "Opera""#,
            "fields.Port: 80 > null",
            "fields.Beta: null > true",
        ]
    );
    holds(
        &room.get("tasks/42"),
        r#"{"fields":{"Browser":"Opera","Beta":true},"updated_at":"2026-03-02T11:40:00Z","created_at":"2026-03-02T10:00:00Z"}"#,
    );
}

#[test]
fn what_changes_nothing_is_no_event() {
    let mut room = Room::new();
    room.put(
        "tasks/1",
        r#"{"title":"A","tags":["x","x"],"fields":{"B":1,"A":2}}"#,
    )
    .unwrap();
    room.at("2026-03-02T12:00:00Z");
    let shown = serde_json::to_string(&room.get("tasks/1")).unwrap();
    for body in [
        shown.as_str(),
        r#"{"title":"A","tags":["x"],"fields":{"A":2.0,"B":1}}"#,
    ] {
        let done = room.put("tasks/1", body).unwrap();
        assert_eq!(done.event, None, "{body}");
        assert!(room.told().is_empty());
        holds(
            &room.get("tasks/1"),
            r#"{"sequence":1,"updated_at":"2026-03-02T10:00:00Z"}"#,
        );
    }
    assert_eq!(room.patch("tasks/1", "{}").unwrap().event, None);
}

#[test]
fn a_put_takes_back_what_it_leaves_out() {
    let mut room = Room::new();
    room.put(
        "tasks/1",
        r#"{"title":"A","external_id":"x","rank":5,"notes":"n","score":"M","status":"Closed","created_at":"2020-01-01T00:00:00Z"}"#,
    )
    .unwrap();
    room.put("tasks/1", r#"{"title":"A"}"#).unwrap();
    holds(
        &room.get("tasks/1"),
        r#"{"external_id":"x","rank":5,"number":1,"notes":null,"score":null,"status":"Open","completed_at":null,
            "created_at":"2020-01-01T00:00:00Z","sequence":2}"#,
    );
    assert_eq!(
        refusal(&room.put("tasks/1", r#"{"title":"A","comment":{"body":"x"}}"#)),
        "422 /comment=unknown_member"
    );
    assert_eq!(refusal(&room.put("tasks/1", "{}")), "422 /title=required");
}

#[test]
fn a_story_is_called_after_who_what_and_why() {
    let cases = [
        (
            r#"{"who":"user","what":"hooks","why":"I see items"}"#,
            "As a user, I want hooks so that I see items.",
        ),
        (
            r#"{"who":"evil genius","what":"a laser"}"#,
            "As an evil genius, I want a laser.",
        ),
        (r#"{"who":"user","what":"x","title":"T"}"#, "T"),
    ];
    for (body, title) in cases {
        let mut room = Room::new();
        room.post("stories", body).unwrap();
        assert_eq!(
            room.get("stories/1").member("title").unwrap().as_str(),
            Some(title)
        );
    }
    let mut room = Room::new();
    assert_eq!(
        refusal(&room.post("stories", r#"{"who":"user"}"#)),
        "422 /title=required"
    );
    room.post("stories", r#"{"who":"user","what":"x"}"#)
        .unwrap();
    room.patch("stories/1", r#"{"what":"y"}"#).unwrap();
    assert_eq!(room.changes().len(), 2);
    holds(
        &room.get("stories/1"),
        r#"{"title":"As a user, I want y."}"#,
    );
}

#[test]
fn statuses_leave_their_dates_and_closing_its_time() {
    let mut room = Room::new();
    room.post("tasks", r#"{"title":"A"}"#).unwrap();
    room.at("2026-03-03T00:00:00Z")
        .patch("tasks/1", r#"{"status":"In Progress"}"#)
        .unwrap();
    room.at("2026-03-04T00:00:00Z")
        .patch("tasks/1", r#"{"status":"Closed","resolution":"Fixed"}"#)
        .unwrap();
    holds(
        &room.get("tasks/1"),
        r#"{"status_dates":{"Open":"2026-03-02T10:00:00Z","In Progress":"2026-03-03T00:00:00Z","Closed":"2026-03-04T00:00:00Z"},
            "completed_at":"2026-03-04T00:00:00Z","completed_by":7,"resolved_at":"2026-03-04T00:00:00Z","resolved_by":7}"#,
    );
    assert_eq!(
        room.changes(),
        [
            r#"status: "Open" > "Closed""#.replace("Open", "In Progress"),
            r#"resolution: null > "Fixed""#.to_owned()
        ]
    );
    room.at("2026-03-05T00:00:00Z")
        .patch("tasks/1", r#"{"status":"Reopened","resolution":null}"#)
        .unwrap();
    holds(
        &room.get("tasks/1"),
        r#"{"status_dates":{"Open":"2026-03-02T10:00:00Z","Reopened":"2026-03-05T00:00:00Z"},"completed_at":null,
            "completed_by":null,"resolved_at":null,"resolved_by":null}"#,
    );
    room.patch("tasks/1", r#"{"column":"Done"}"#).unwrap();
    holds(
        &room.get("tasks/1"),
        r#"{"completed_by":7,"status":"Reopened"}"#,
    );
}

#[test]
fn an_import_gives_what_the_server_would_set() {
    let mut room = Room::new();
    room.post(
        "tasks",
        r#"{"title":"A","status":"in-progress","status_dates":{"in-progress":"2012-06-25T08:55:36+02:00"},
            "created_by":9,"created_at":"2012-06-23T21:24:40.999Z"}"#,
    )
    .unwrap();
    holds(
        &room.get("tasks/1"),
        r#"{"status_dates":{"in-progress":"2012-06-25T06:55:36Z"},"created_by":9,"created_at":"2012-06-23T21:24:40Z","updated_by":7}"#,
    );
    let done = room
        .patch("tasks/1", r#"{"completed_at":"2013-01-01T00:00:00Z"}"#)
        .unwrap();
    assert!(done.event.is_some());
    assert!(room.changes().is_empty());
    room.author.imports = false;
    let refused = room.post(
        "tasks",
        r#"{"title":"A","created_at":"2012-06-23T21:24:40Z","status_dates":{}}"#,
    );
    assert_eq!(
        refusal(&refused),
        "422 /created_at=read_only /status_dates=read_only"
    );
    let confirmed = room.post(
        "tasks",
        r#"{"title":"A","created_at":"2026-03-02T10:00:00Z","created_by":7}"#,
    );
    assert!(confirmed.is_ok());
}

#[test]
fn a_comment_comes_with_an_update_or_instead_of_one() {
    let mut room = Room::new();
    room.post("tasks", r#"{"title":"A"}"#).unwrap();
    room.patch_with(
        "tasks/1",
        r#"{"title":"B"}"#,
        Some(r#"{"body":"why","notify":[9]}"#),
    )
    .unwrap();
    assert_eq!(room.told(), ["task.updated"]);
    assert_eq!(room.change().comment.as_ref().unwrap().text("body"), "why");
    let done = room
        .patch_with("tasks/1", r#"{"title":"B"}"#, Some(r#"{"body":"again"}"#))
        .unwrap();
    assert_eq!(room.told(), ["comment.created"]);
    assert_eq!(done.doc.unwrap().sequence(), 2);
    let wrong = room.patch_with(
        "tasks/1",
        r#"{"status":"Nope"}"#,
        Some(r#"{"body":"","on":1}"#),
    );
    assert_eq!(
        refusal(&wrong),
        "422 /status=unknown_word /comment/on=unknown_member /comment/body=length"
    );
    let actor = room.post("actors", r#"{"name":"A"}"#).unwrap();
    assert_eq!(actor.key.unwrap().to_string(), "actors/1");
    let wrong = room.patch_with("actors/1", "{}", Some(r#"{"body":"x"}"#));
    assert_eq!(refusal(&wrong), "422 /comment=unknown_member");
}

#[test]
fn what_was_read_too_long_ago_is_stale() {
    let mut room = Room::new();
    room.post("tasks", r#"{"title":"A"}"#).unwrap();
    room.patch(
        "tasks/1",
        r#"{"title":"B","sequence":1,"updated_at":"2026-03-02T11:00:00+01:00"}"#,
    )
    .unwrap();
    assert_eq!(
        refusal(&room.patch("tasks/1", r#"{"title":"C","sequence":1}"#)),
        "409 /sequence=stale"
    );
    assert_eq!(
        refusal(&room.put(
            "tasks/1",
            r#"{"title":"C","updated_at":"2026-03-01T11:00:00Z"}"#
        )),
        "409 /updated_at=stale"
    );
}

#[test]
fn parents_make_no_loop_and_no_endless_chain() {
    let mut room = Room::new();
    for id in 1..=21 {
        let parent = if id == 1 {
            "null".to_owned()
        } else {
            format!(r#"{{"collection":"tasks","id":{}}}"#, id - 1)
        };
        room.put(
            &format!("tasks/{id}"),
            &format!(r#"{{"title":"t","parent":{parent}}}"#),
        )
        .unwrap();
    }
    let deeper = room.post(
        "tasks",
        r#"{"title":"t","parent":{"collection":"tasks","id":21}}"#,
    );
    assert_eq!(refusal(&deeper), "422 /parent=loop");
    let around = room.patch("tasks/1", r#"{"parent":{"collection":"tasks","id":5}}"#);
    assert_eq!(refusal(&around), "422 /parent=loop");
    let own = room.patch("tasks/1", r#"{"parent":{"collection":"tasks","id":1}}"#);
    assert_eq!(refusal(&own), "422 /parent=loop");
    room.put("stories/50", r#"{"title":"s"}"#).unwrap();
    let above = room.patch("tasks/1", r#"{"parent":50}"#);
    assert_eq!(refusal(&above), "422 /parent=loop");
    room.patch("tasks/2", r#"{"parent":{"collection":"stories","id":50}}"#)
        .unwrap();
    holds(&room.get("tasks/2"), r#"{"parent":50}"#);
}

#[test]
fn words_are_added_on_use_or_refused_with_those_that_are_known() {
    let mut room = Room::new();
    room.post("tasks", r#"{"title":"A","type":"Chore","priority":"Must have","resolution":"Later","tags":["ios","ipad"],"status":"In review","column":"Doing"}"#).unwrap();
    let project = room.scene_project();
    let last = |list: &[crate::project::Entry]| {
        let e = list.last().unwrap();
        (e.id, e.name.clone(), e.category)
    };
    use crate::project::Category::{Doing, Review};
    assert_eq!(last(&project.types), (7, "Chore".into(), None));
    assert_eq!(last(&project.priorities), (5, "Must have".into(), None));
    assert_eq!(last(&project.resolutions), (5, "Later".into(), None));
    assert_eq!(last(&project.labels), (2, "ipad".into(), None));
    assert_eq!(
        last(&project.statuses),
        (5, "In review".into(), Some(Review))
    );
    assert_eq!(last(&project.columns), (4, "Doing".into(), Some(Doing)));
    let wrong = room.post(
        "tasks",
        r#"{"title":"A","status":"open","column":"Nope","score":"XXL"}"#,
    );
    assert_eq!(
        refusal(&wrong),
        "422 /status=unknown_word /column=unknown_word /score=unknown_word"
    );
    let told = wrong.unwrap_err().errors[0].detail.clone();
    assert!(
        told.contains("Open, In Progress, Resolved, Closed, In review"),
        "{told}"
    );
}

#[test]
fn custom_fields_are_typed_by_their_first_value() {
    let mut room = Room::new();
    room.post("tasks", r#"{"title":"A","fields":{"Wedding":"Jones","Guests":120,"Paid":false,"Music":["Jazz","Pop"],"Note":null}}"#).unwrap();
    let project = room.scene_project();
    let fields: Vec<String> = project
        .custom_fields
        .iter()
        .map(|f| format!("{} {} {:?} {:?}", f.id, f.name, f.kind, f.options))
        .collect();
    assert_eq!(
        fields,
        [
            "1 Wedding Text []",
            "2 Guests Number []",
            "3 Paid Boolean []",
            r#"4 Music Choices ["Jazz", "Pop"]"#,
            "5 Note Text []"
        ]
    );
    let wrong = room.patch(
        "tasks/1",
        r#"{"fields":{"Guests":"many","Paid":1,"Music":[1],"Status":"x","a/b":{}}}"#,
    );
    assert_eq!(
        refusal(&wrong),
        "422 /fields/Guests=wrong_type /fields/Paid=wrong_type /fields/Music/0=wrong_type /fields/Status=duplicate /fields/a~1b=wrong_type"
    );
}

impl Room {
    fn scene_project(&self) -> std::sync::Arc<crate::Project> {
        use crate::View;
        std::sync::Arc::clone(self.scene.project())
    }
}
