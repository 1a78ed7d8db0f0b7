//! What Backlog's pages and captures show, reproduced.

use serde_json::Value as Json;
use tidings_domain::event::FieldChange;
use tidings_domain::{Change, Collection, ObjectRef, Value, Verb, What};

use super::{Backlog, diff};
use crate::sample::{self, Stage};
use crate::{Dialect, Scope, render};

fn rendered(sample: &sample::Sample) -> Vec<(String, Json)> {
    let scope = Scope {
        event: &sample.event,
        view: &sample.scene,
        server_url: "https://t.example",
        options: &Value::Null,
    };
    let messages = render(&Backlog, &scope, &mut |_| true);
    messages
        .iter()
        .map(|m| (m.code.to_owned(), serde_json::from_slice(&m.body).unwrap()))
        .collect()
}

#[test]
fn the_captured_diff_is_reproduced() {
    assert_eq!(
        diff::normal("1. tag\n2. deploy", "1. tag\n2. deploy to staging"),
        "2c2\n<2. deploy---\n>2. deploy to staging"
    );
    assert_eq!(
        diff::normal("test content", "test"),
        "1c1\n<test content---\n>test"
    );
}

#[test]
fn diffs_tell_additions_removals_and_nothing() {
    let cases = [
        ("a\nb\n", "a\nb\n", ""),
        ("", "a\n", "0a1\n>a\n"),
        ("a\n", "", "1d0\n<a\n"),
        ("a\nc\n", "a\nb\nc\n", "1a2\n>b\n"),
        ("a\nb\nc\n", "a\nc\n", "2d1\n<b\n"),
        (
            "a\nb\nc\nd\n",
            "x\nb\nc\ny\nz\n",
            "1c1\n<a\n---\n>x\n4c4,5\n<d\n---\n>y\n>z\n",
        ),
    ];
    for (old, new, expected) in cases {
        assert_eq!(diff::normal(old, new), expected, "{old:?} -> {new:?}");
    }
}

#[test]
fn huge_texts_are_one_block() {
    let lines = |word: &str| (0..3000).fold(String::new(), |text, n| format!("{text}{word} {n}\n"));
    let (old, new) = (lines("old"), lines("new"));
    assert!(diff::normal(&old, &new).starts_with("1,3000c1,3000\n<old 0\n"));
}

#[test]
fn top_level_members_come_in_the_captured_order() {
    let message = sample::message(&Backlog, "1", &Value::Null).unwrap();
    let text = String::from_utf8(message.body).unwrap();
    let order = [
        "{\"created\":",
        ",\"project\":",
        ",\"id\":",
        ",\"type\":1,",
        "\"content\":{\"summary\":",
        ",\"notifications\":",
        ",\"createdUser\":",
    ];
    let places: Vec<usize> = order
        .iter()
        .map(|m| text.find(m).unwrap_or_else(|| panic!("{m} in {text}")))
        .collect();
    assert!(places.is_sorted(), "{places:?} in {text}");
}

#[test]
fn an_update_without_a_word_of_backlogs_is_silence() {
    let quiet = Stage::new().updated(Collection::Tasks, [("column", "Done".into())]);
    assert_eq!(rendered(&quiet), []);
    let spoken = Stage::new()
        .updated(Collection::Tasks, [("column", "Done".into())])
        .with_comment("Done.");
    let all = rendered(&spoken);
    assert_eq!(all.len(), 1);
    assert_eq!(
        (
            all[0].0.as_str(),
            &all[0].1["content"]["comment"]["content"]
        ),
        ("2", &Json::from("Done."))
    );
}

#[test]
fn values_of_changes_are_strings_in_backlogs_words() {
    let sample = Stage::new().updated(
        Collection::Tasks,
        [
            ("status", "Closed".into()),
            ("due_date", Value::Null),
            ("assignees", vec![9].into()),
            ("estimated_hours", Value::Float(2.5)),
        ],
    );
    let all = rendered(&sample);
    let changes = all[0].1["content"]["changes"].as_array().unwrap().clone();
    let status = changes.iter().find(|c| c["field"] == "status").unwrap();
    assert_eq!(
        (&status["new_value"], &status["type"]),
        (&Json::from("4"), &Json::from("standard"))
    );
    let due = changes.iter().find(|c| c["field"] == "limitDate").unwrap();
    assert_eq!(due["new_value"], "");
    let hours = changes
        .iter()
        .find(|c| c["field"] == "estimatedHours")
        .unwrap();
    assert_eq!(hours["new_value"], "2.5");
    assert!(changes.iter().any(|c| c["field"] == "assigner"));
}

#[test]
fn notifications_leave_out_the_actor_and_name_everybody_once() {
    let mut sample = Stage::new()
        .updated(Collection::Tasks, [("assignees", vec![9].into())])
        .with_comment("Yours.");
    if let What::Change(change) = &mut sample.event.what {
        let comment = change.comment.take().unwrap();
        let comment = (*comment).clone().with("notify", vec![9, sample::ACTOR]);
        change.comment = Some(sample.scene.put(comment));
    }
    let all = rendered(&sample);
    let told = all[0].1["notifications"].as_array().unwrap();
    assert_eq!(told.len(), 1);
    assert_eq!(
        (&told[0]["reason"], &told[0]["user"]["id"]),
        (&Json::from(4), &Json::from(9))
    );
    assert_eq!(
        told[0]["id"].as_i64().unwrap(),
        sample.event.id.0 * 1000 + 1
    );
}

#[test]
fn a_change_of_a_bulk_update_is_told_only_as_a_whole() {
    let sample = Stage::new().bulk();
    let What::Bulk(bulk) = &sample.event.what else {
        panic!()
    };
    let all = rendered(&sample);
    assert_eq!(all[0].0, "14");
    assert!(all[0].1["content"]["link"][0]["id"].is_string());
    assert_eq!(all[0].1["content"]["changes"][0].get("old_value"), None);
    let mut one = sample.clone();
    one.event.what = What::Change(bulk.changes[0].1.clone());
    assert_eq!(rendered(&one), []);
}

#[test]
fn nobody_is_tidings() {
    let mut sample = Stage::new().created(Collection::Tasks);
    sample.event.actor = None;
    let user = &rendered(&sample)[0].1["createdUser"];
    let expected = serde_json::json!({"nulabAccount": null, "name": "Tidings", "mailAddress": null, "id": 0, "roleType": 2, "userId": null});
    assert_eq!(*user, expected);
}

#[test]
fn a_file_on_an_issue_is_an_update_of_the_issue() {
    let added = rendered(&Stage::new().created_on(Collection::Attachments, Collection::Tasks));
    assert_eq!(added[0].0, "2");
    let content = &added[0].1["content"];
    assert_eq!(
        (
            &content["changes"][0]["field"],
            &content["changes"][0]["old_value"]
        ),
        (&Json::from("attachment"), &Json::from(""))
    );
    assert_eq!(content["attachments"].as_array().unwrap().len(), 1);
    assert_eq!(
        content["comment"],
        serde_json::json!({"id": 0, "content": ""})
    );
    let removed = rendered(&Stage::new().deleted_on(Collection::Attachments, Collection::Tasks));
    assert_eq!(
        removed[0].1["content"]["attachments"],
        serde_json::json!([])
    );
}

#[test]
fn a_pull_request_shows_the_difference_of_its_description() {
    let mut stage = Stage::new();
    let key = sample::object(Collection::PullRequests);
    let before = tidings_domain::View::get(stage.scene_mut(), key).unwrap();
    let after = stage
        .scene_mut()
        .put((*before).clone().with("description", "New words."));
    let old = before.get("description").clone();
    let mut sample = stage.created(Collection::Tasks);
    sample.event.what = What::Change(Change {
        before: Some(before),
        changes: vec![FieldChange {
            member: "description".into(),
            old,
            new: "New words.".into(),
        }],
        ..Change::plain(Verb::Updated, after)
    });
    let all = rendered(&sample);
    assert_eq!(all[0].0, "19");
    assert!(
        all[0].1["content"]["diff"]
            .as_str()
            .unwrap()
            .ends_with(">New words.")
    );
    assert_eq!(all[0].1["content"]["changes"][0].get("type"), None);
}

#[test]
fn issues_show_words_for_what_is_not_there() {
    let mut stage = Stage::new();
    let key = ObjectRef::new(Collection::Tasks, 4242);
    let bare = sample::blank(Collection::Tasks, 4242, sample::AT)
        .with("title", "Bare")
        .with("number", 4242)
        .with("status", "Open")
        .with("type", "Task");
    stage.scene_mut().put(bare);
    let doc = tidings_domain::View::get(stage.scene(), key).unwrap();
    let scope = crate::ObjectScope {
        view: stage.scene(),
        server_url: "",
        at: tidings_domain::time::parse(sample::AT).unwrap(),
        actor: None,
    };
    let shown: Json = serde_json::from_slice(&Backlog.object(&scope, &doc).unwrap()).unwrap();
    assert_eq!(
        shown["priority"],
        serde_json::json!({"name": "", "id": null})
    );
    assert_eq!(
        shown["resolution"],
        serde_json::json!({"name": "", "id": null})
    );
    assert_eq!(
        (&shown["dueDate"], &shown["assignee"], &shown["actualHours"]),
        (&Json::from(""), &Json::Null, &Json::Null)
    );
}
