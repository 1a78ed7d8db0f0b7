//! What the standard dialect says, beyond the golden files.

use tidings_domain::{Value, View};

use super::*;
use crate::render;
use crate::sample::{SERVER_URL, Sample, Stage};

fn codes(sample: &Sample) -> Vec<(&'static str, String, serde_json::Value)> {
    let scope = Scope {
        event: &sample.event,
        view: &sample.scene,
        server_url: SERVER_URL,
        options: &Value::Null,
    };
    render(&Standard, &scope, &mut |_| true)
        .into_iter()
        .map(|m| {
            (
                m.code,
                m.about.object(),
                serde_json::from_slice(&m.body).unwrap(),
            )
        })
        .collect()
}

fn moved_card(stage: Stage) -> Sample {
    stage.updated(
        Collection::Tasks,
        [
            ("column", "In Progress".into()),
            ("assignees", vec![9, 8].into()),
        ],
    )
}

#[test]
fn an_update_with_a_comment_is_two_messages_in_order() {
    let told = codes(&moved_card(Stage::new()).with_comment("Started."));
    let [(update, about, body), (comment, on, second)] = told.as_slice() else {
        panic!("{told:?}");
    };
    assert_eq!((*update, about.as_str()), ("task.updated", "tasks/42"));
    assert_eq!((*comment, on.as_str()), ("comment.created", "comments/905"));
    let changes = &body["data"]["changes"];
    assert_eq!(changes[0]["member"], "column");
    assert!(changes[0].get("added").is_none());
    assert_eq!(changes[1]["added"], serde_json::json!([9, 8]));
    assert_eq!(changes[1]["removed"], serde_json::json!([7]));
    assert_eq!(body["data"]["comment"], second["data"]["object"]);
    assert_eq!(body["data"]["event_id"], second["data"]["event_id"]);
    assert_eq!(second["data"]["sequence"], 1);
    assert!(second["data"].get("changes").is_none());
}

#[test]
fn an_update_that_only_brings_a_comment_is_the_comment() {
    let told = codes(
        &Stage::new()
            .updated(Collection::Tasks, [])
            .with_comment("Hm."),
    );
    let codes: Vec<_> = told.iter().map(|t| t.0).collect();
    assert_eq!(codes, ["comment.created"]);
}

#[test]
fn a_part_of_a_bulk_update_names_the_bulk() {
    let sample = Stage::new().bulk();
    assert!(codes(&sample).is_empty());
    let What::Bulk(bulk) = sample.event.what.clone() else {
        panic!("no bulk");
    };
    let (id, change) = bulk.changes.into_iter().next().unwrap();
    let part = Sample {
        scene: sample.scene,
        event: tidings_domain::Event {
            id,
            what: What::Change(change),
            ..sample.event
        },
    };
    let told = codes(&part);
    assert_eq!(told[0].2["data"]["bulk_id"], 880_003);
    assert_eq!(told[0].2["data"]["event_id"], 880_004);
}

#[test]
fn the_object_is_what_get_shows() {
    let stage = Stage::new();
    let task = stage
        .scene()
        .get(crate::sample::object(Collection::Tasks))
        .unwrap();
    let scope = ObjectScope {
        view: stage.scene(),
        server_url: SERVER_URL,
        at: tidings_domain::Time::UNIX_EPOCH,
        actor: None,
    };
    let shown = Standard.object(&scope, &task).unwrap();
    let told = codes(&Stage::new().deleted(Collection::Tasks));
    assert_eq!(
        serde_json::from_slice::<serde_json::Value>(&shown).unwrap(),
        told[0].2["data"]["object"]
    );
}

#[test]
fn every_collection_and_verb_has_its_code() {
    let codes: Vec<_> = PHRASES.iter().map(|p| p.code).collect();
    for collection in Collection::ALL {
        for verb in ["created", "updated", "deleted"] {
            let code = format!("{}.{verb}", collection.singular());
            assert!(codes.contains(&code.as_str()), "{code}");
        }
    }
    assert_eq!(codes.len(), 26 * 3 + 4 + 3 + 1 + 1);
}
