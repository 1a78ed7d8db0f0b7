//! Who may, batches as a whole, keys, reading what was written.

use tidings_domain::webhook::Selection;
use tidings_domain::{Collection, ObjectRef, ProjectId, Value};
use tidings_storage::{AsOf, Store};

use super::{Entry, House, admin, app, entry, json, member, refusal};
use crate::{Caller, Role};

fn furnished() -> (House, ProjectId) {
    let house = House::new();
    let id = house.project(2101, "HB");
    house.project(2102, "PIER");
    for line in [
        r#"PUT members/7 {"first_name":"Nadia"}"#,
        r#"PUT members/9 {"first_name":"Tom"}"#,
        r#"PUT tasks/1 {"title":"A"}"#,
        r#"PUT comments/1 {"on":{"collection":"tasks","id":1},"body":"c"}"#,
    ] {
        house.request(id, line).unwrap();
    }
    (house, id)
}

#[test]
fn everybody_may_what_their_role_says() {
    let (house, id) = furnished();
    let callers: [(&str, Caller); 6] = [
        ("admin", admin()),
        ("app", app(id)),
        ("owner", member(id, 7, Role::ProductOwner)),
        ("master", member(id, 7, Role::ScrumMaster)),
        ("member", member(id, 7, Role::TeamMember)),
        ("stakeholder", member(id, 7, Role::Stakeholder)),
    ];
    let writes = ["admin", "app", "owner", "master", "member"];
    let manages = ["admin", "app", "owner", "master"];
    let imports = ["admin", "app"];
    let silent = Entry {
        silent: true,
        ..entry(r#"PATCH tasks/1 {"title":"S"}"#)
    };
    let cases: [(Entry, &[&str], &str); 9] = [
        (entry(r#"POST tasks {"title":"B"}"#), &writes, "Forbidden"),
        (entry("DELETE tasks/1"), &writes, "Forbidden"),
        (
            entry(r#"BULK items {"objects":[{"collection":"tasks","id":1}],"set":{}}"#),
            &writes,
            "Forbidden",
        ),
        (
            entry(r#"POST members {"first_name":"X"}"#),
            &manages,
            "Forbidden",
        ),
        (entry(r#"POST teams {"name":"X"}"#), &manages, "Forbidden"),
        (
            entry(r#"PATCH tasks/1 @9 2026-01-01T00:00:00Z {"title":"B"}"#),
            &imports,
            "Forbidden",
        ),
        (silent, &imports, "Forbidden"),
        (
            entry(r#"MOVE tasks/1 {"project":"PIER"}"#),
            &["admin"],
            "NotFound",
        ),
        (entry(r#"PATCH tasks/1 {"created_by":9}"#), &[], "Invalid"),
    ];
    for (entry, allowed, kind) in cases {
        for (name, caller) in &callers {
            let (house, id) = furnished();
            let found = refusal(house.write(caller, id, vec![entry.clone()], false));
            if allowed.contains(name) {
                assert_eq!(found, "accepted", "{name} {entry:?}");
            } else {
                let kind = if *name == "stakeholder" {
                    "Forbidden"
                } else {
                    kind
                };
                assert!(found.starts_with(kind), "{name} {entry:?}: {found}");
            }
        }
    }
    drop(house);
}

#[test]
fn a_member_s_token_acts_as_its_member() {
    let (house, id) = furnished();
    let done = house
        .write(
            &member(id, 9, Role::TeamMember),
            id,
            vec![entry(r#"POST tasks {"title":"B"}"#)],
            false,
        )
        .unwrap();
    let doc = done[0].doc.as_ref().unwrap();
    assert_eq!(
        (doc.int("created_by"), doc.int("updated_by")),
        (Some(9), Some(9))
    );
}

fn objects(house: &House, id: ProjectId, collection: Collection) -> usize {
    let page = house
        .runtime
        .block_on(house.store.objects(id, collection, 0, 200))
        .unwrap();
    page.data.len()
}

/// The third entry of a batch, and why the batch is refused.
const MISTAKES: &[(&str, &str)] = &[
    (
        r#"PUT tasks {"title":"C","status":"nope"}"#,
        "Invalid invalid /2/data/status=unknown_word",
    ),
    (
        r#"PATCH tasks/99 {"title":"C"}"#,
        "NotFound not_found /2=not_found",
    ),
    (
        r#"PUT tasks/ext:x {"title":"C","external_id":"b"}"#,
        "Invalid invalid /2/data/external_id=read_only",
    ),
    (
        r#"PUT tasks {"title":"C","external_id":"b"}"#,
        "Conflict taken /2/data/external_id=taken",
    ),
    (
        r#"PUT nothing {"title":"C"}"#,
        "Invalid invalid /2/collection=unknown_word",
    ),
    ("PATCH tasks {}", "Invalid invalid /2/id=required"),
    ("PATCH tasks/x {}", "Invalid invalid /2/id=wrong_type"),
    ("STOP tasks/1", "Invalid invalid /2/collection=not_allowed"),
    (
        "NOTIFY tasks/1 {}",
        "Invalid invalid /2/collection=not_allowed",
    ),
    (
        r#"MOVE comments/1 {"project":"PIER"}"#,
        "Invalid invalid /2/collection=not_allowed",
    ),
    (
        r#"MOVE tasks/1 {"project":"HB"}"#,
        "Invalid invalid /2/data/project=range",
    ),
    (
        r#"MOVE tasks/1 {"project":"NONE"}"#,
        "Invalid invalid /2/data/project=not_found",
    ),
    (
        r#"MOVE tasks/1 {"to":"PIER"}"#,
        "Invalid invalid /2/data/to=unknown_member",
    ),
    (
        "MOVE tasks/1 {}",
        "Invalid invalid /2/data/project=required",
    ),
    (
        r#"BULK tasks {"objects":[],"set":{}}"#,
        "Invalid invalid /2/collection=not_allowed",
    ),
    (
        r#"BULK items {"objects":[],"set":{}}"#,
        "Invalid invalid /2/data/objects=length",
    ),
    (
        r#"DELETE tasks/1 {"x":1}"#,
        "Invalid invalid /2/data=unknown_member",
    ),
    (
        r#"PATCH tasks/1 {"comment":{"body":"x"}}"#,
        "Invalid invalid /2/data/comment=unknown_member",
    ),
    (
        r#"PATCH tasks/1 @8 {"title":"x"}"#,
        "Invalid invalid /2/by=not_found",
    ),
    (
        r#"PATCH tasks/1 @7 2027-01-01T00:00:00Z {"title":"x"}"#,
        "Invalid invalid /2/at=range",
    ),
];

#[test]
fn a_batch_is_whole_or_not_at_all() {
    let (house, id) = furnished();
    house.webhook(id, "standard", Selection::All);
    let good = [
        r#"PUT tasks {"title":"B","external_id":"b"}"#,
        r#"PUT comments {"on":{"collection":"tasks","id":"ext:b"},"body":"x"}"#,
    ];
    for (line, expected) in MISTAKES {
        let entries = good.iter().chain([line]).map(|l| entry(l)).collect();
        assert_eq!(
            refusal(house.write(&admin(), id, entries, true)),
            *expected,
            "{line}"
        );
    }
    assert_eq!(objects(&house, id, Collection::Tasks), 1);
    assert!(house.said(id).is_empty());

    let done = house
        .write(&admin(), id, good.map(entry).to_vec(), true)
        .unwrap();
    assert_eq!(
        done.iter()
            .map(|d| d.object.unwrap().to_string())
            .collect::<Vec<_>>(),
        ["tasks/2", "comments/2"]
    );
    assert!(done[0].event < done[1].event);
    assert_eq!(
        house.said(id),
        [
            "standard task.created tasks/2",
            "standard comment.created comments/2"
        ]
    );
    let many = vec![entry("PATCH tasks/1 {}"); 1001];
    assert_eq!(
        refusal(house.write(&admin(), id, many, true)),
        "Invalid invalid =too_many"
    );
}

#[test]
fn the_comment_of_an_entry_stands_beside_its_data() {
    let (house, id) = furnished();
    house.webhook(id, "standard", Selection::All);
    let with = |line: &str, comment: &str| Entry {
        comment: Some(json(comment)),
        ..entry(line)
    };
    let wrong = house.write(
        &admin(),
        id,
        vec![with("PATCH tasks/1 {}", r#"{"body":7}"#)],
        true,
    );
    assert_eq!(refusal(wrong), "Invalid invalid /0/comment/body=wrong_type");
    let wrong = house.write(
        &admin(),
        id,
        vec![with(r#"PUT tasks/1 {"title":"A"}"#, r#"{"body":"x"}"#)],
        true,
    );
    assert_eq!(refusal(wrong), "Invalid invalid /0/comment=unknown_member");
    house
        .write(
            &admin(),
            id,
            vec![with("PATCH tasks/1", r#"{"body":"x"}"#)],
            true,
        )
        .unwrap();
    house
        .request(id, r#"PATCH tasks/1 {"title":"B","comment":{"body":"y"}}"#)
        .unwrap();
    assert_eq!(
        house.said(id),
        [
            "standard comment.created comments/2",
            "standard task.updated tasks/1",
            "standard comment.created comments/3"
        ]
    );
}

#[test]
fn a_known_key_is_answered_as_then() {
    let (house, id) = furnished();
    let keyed = |line: &str, key: &str| Entry {
        key: Some(key.to_owned()),
        ..entry(line)
    };
    let entries = || {
        vec![
            keyed(r#"PUT tasks {"title":"K"}"#, "k1"),
            keyed(r#"PUT tasks {"title":"L"}"#, "k1"),
            keyed("DELETE tasks/1", "k2"),
        ]
    };
    let first = house.write(&admin(), id, entries(), true).unwrap();
    let again = house.write(&admin(), id, entries(), true).unwrap();
    let shown = |w: &[super::Written]| {
        w.iter()
            .map(|w| (w.event, w.object, w.sequence))
            .collect::<Vec<_>>()
    };
    assert_eq!(shown(&first), shown(&again));
    assert_eq!(first[0].object, first[1].object);
    assert_eq!(objects(&house, id, Collection::Tasks), 1);
    // Keys belong to a token.
    let other = house
        .write(
            &app(id),
            id,
            vec![keyed(r#"PUT tasks {"title":"K"}"#, "k1")],
            true,
        )
        .unwrap();
    assert_ne!(other[0].object, first[0].object);
    let long = keyed("PATCH tasks/2 {}", &"k".repeat(201));
    assert_eq!(
        refusal(house.write(&admin(), id, vec![long], true)),
        "Invalid invalid /0/key=length"
    );
}

#[test]
fn a_state_can_be_read_as_it_was_with_an_event() {
    let (house, id) = furnished();
    let first = house
        .request(id, r#"PATCH tasks/1 {"title":"B","type":"Chore"}"#)
        .unwrap();
    house.request(id, r#"PATCH tasks/1 {"title":"C"}"#).unwrap();
    house.request(id, "DELETE tasks/1").unwrap();
    let mut found = Value::Null;
    let job = Box::new(|state: &dyn tidings_storage::Snapshot| {
        let doc = state.get(ObjectRef::new(Collection::Tasks, 1)).unwrap();
        found = doc.get("title").clone();
        assert!(state.project().types.iter().any(|t| t.name == "Chore"));
    });
    let at = AsOf::Event(first.event.unwrap());
    house
        .runtime
        .block_on(house.store.read(id, at, job))
        .unwrap();
    assert_eq!(found, Value::from("B"));
}
