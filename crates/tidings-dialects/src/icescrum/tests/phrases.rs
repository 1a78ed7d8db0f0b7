//! When each code is said, and instead of which.

use std::sync::Arc;

use tidings_domain::event::FieldChange;
use tidings_domain::{Change, Collection, Doc, ObjectRef, Value, Verb, View, What};

use super::super::IceScrum;
use crate::sample::{AT, SERVER_URL, Sample, Stage, blank};
use crate::{About, Dialect, Message, ObjectScope, Scope, render};

fn messages(sample: &Sample) -> Vec<Message> {
    let scope = Scope {
        event: &sample.event,
        view: &sample.scene,
        server_url: SERVER_URL,
        options: &Value::Null,
    };
    render(&IceScrum, &scope, &mut |_| true)
}

/// The codes with what they are said instead of.
fn said(sample: &Sample) -> Vec<(&'static str, Option<&'static str>)> {
    let messages = messages(sample);
    messages.iter().map(|m| (m.code, m.unless)).collect()
}

fn told(mut sample: Sample, change: Change) -> Sample {
    sample.event.what = What::Change(change);
    sample
}

fn object(view: &dyn View, doc: &Arc<Doc>) -> Option<Vec<u8>> {
    let scope = ObjectScope {
        view,
        server_url: SERVER_URL,
        at: tidings_domain::time::parse("2030-01-01T00:00:00Z").unwrap(),
        actor: None,
    };
    IceScrum.object(&scope, doc)
}

#[test]
fn a_change_of_state_is_said_instead_of_the_update() {
    let status = |collection, status: &'static str| {
        said(&Stage::new().updated(collection, [("status", status.into())]))
    };
    let story = [("story.update", Some("story.state")), ("story.state", None)];
    let task = [("task.update", Some("task.state")), ("task.state", None)];
    assert_eq!(status(Collection::Stories, "In Progress"), story);
    assert_eq!(status(Collection::Defects, "Closed"), story);
    assert_eq!(status(Collection::Tasks, "Resolved"), task);
    assert_eq!(status(Collection::Tests, "Closed"), task);
    // Another status with the same number is no change of state.
    assert_eq!(status(Collection::Stories, "New"), [("story.update", None)]);
    assert_eq!(
        status(Collection::Tasks, "Planned"),
        [("task.update", None)]
    );
    let others = [
        (Collection::AcceptanceTests, "failed", "acceptanceTest"),
        (Collection::Sprints, "done", "sprint"),
        (Collection::Releases, "todo", "release"),
    ];
    for (collection, to, noun) in others {
        let codes: Vec<_> = status(collection, to)
            .iter()
            .map(|(code, _)| *code)
            .collect();
        assert_eq!(codes, [format!("{noun}.update"), format!("{noun}.state")]);
    }
    let both = messages(&Stage::new().updated(Collection::Tasks, [("status", "Closed".into())]));
    let bodies: Vec<_> = both.iter().map(|m| &m.body).collect();
    assert_eq!(bodies.first(), bodies.last());
}

#[test]
fn a_feature_has_no_state() {
    let done = Stage::new().updated(Collection::Features, [("done", true.into())]);
    assert_eq!(said(&done), [("feature.update", None)]);
}

#[test]
fn a_comment_that_came_with_an_update_follows_it() {
    let closed = Stage::new().updated(Collection::Tests, [("status", "Closed".into())]);
    let closed = closed.with_comment("All green.");
    let expected = [
        ("task.update", Some("task.state")),
        ("task.state", None),
        ("task.addedComment", None),
    ];
    assert_eq!(said(&closed), expected);
    let about: Vec<_> = messages(&closed)
        .into_iter()
        .map(|m| m.about.object())
        .collect();
    assert_eq!(about, ["tests/47", "tests/47", "comments/905"]);
    let nothing_else = Stage::new()
        .updated(Collection::Features, [])
        .with_comment("Hm.");
    assert_eq!(said(&nothing_else), [("feature.addedComment", None)]);
}

#[test]
fn comments_are_said_by_what_they_are_on_in_the_end() {
    let cases = [
        (Collection::Stories, Some("story")),
        (Collection::Defects, Some("story")),
        (Collection::Tasks, Some("task")),
        (Collection::Tests, Some("task")),
        (Collection::Features, Some("feature")),
        (Collection::Sprints, None),
        (Collection::Releases, None),
        (Collection::WikiPages, None),
    ];
    for (on, noun) in cases {
        let codes = |sample: Sample| said(&sample).into_iter().map(|(code, _)| code);
        let of = |sample| codes(sample).collect::<Vec<_>>();
        let expected = |verb: &str| {
            noun.iter()
                .map(|n| format!("{n}.{verb}"))
                .collect::<Vec<_>>()
        };
        let edit = [("body", Value::from("Lin does."))];
        let comments = Collection::Comments;
        assert_eq!(
            of(Stage::new().created_on(comments, on)),
            expected("addedComment")
        );
        assert_eq!(
            of(Stage::new().updated_on(comments, on, edit)),
            expected("updatedComment")
        );
        assert_eq!(
            of(Stage::new().deleted_on(comments, on)),
            expected("removedComment")
        );
        assert_eq!(of(Stage::new().notified(on, &[9])), Vec::<&str>::new());
    }
}

#[test]
fn a_reply_counts_for_the_first_comments_object() {
    let sample = Stage::new().created_on(Collection::Comments, Collection::Stories);
    let reply = blank(Collection::Comments, 906, AT)
        .with("on", ObjectRef::new(Collection::Comments, 901).to_value())
        .with("body", "I do.");
    let mut scene = sample.scene.clone();
    let reply = scene.put(reply);
    let sample = Sample { scene, ..sample };
    let sample = told(sample, Change::plain(Verb::Created, reply));
    assert_eq!(said(&sample), [("story.addedComment", None)]);
    let body = messages(&sample).remove(0).body;
    assert!(
        String::from_utf8(body)
            .unwrap()
            .ends_with(r#""commentable":{"class":"Story","id":12}}"#)
    );
    let story = sample
        .scene
        .get(ObjectRef::new(Collection::Stories, 12))
        .unwrap();
    let story = object(&sample.scene, &story).unwrap();
    assert!(
        String::from_utf8(story)
            .unwrap()
            .contains(r#""comments_count":2,"#)
    );
}

#[test]
fn a_comment_answered_in_its_own_update_is_both() {
    let edit = [("body", Value::from("Lin does."))];
    let sample = Stage::new().updated_on(Collection::Comments, Collection::Tasks, edit);
    let sample = sample.with_comment("Thanks.");
    let expected = [("task.addedComment", None), ("task.updatedComment", None)];
    assert_eq!(said(&sample), expected);
    let about: Vec<_> = messages(&sample)
        .into_iter()
        .map(|m| m.about.object())
        .collect();
    assert_eq!(about, ["comments/905", "comments/901"]);
}

#[test]
fn who_moves_away_is_deleted_and_the_body_is_the_last_one() {
    let spoken = [
        Collection::Stories,
        Collection::Defects,
        Collection::Tasks,
        Collection::Tests,
        Collection::Features,
        Collection::AcceptanceTests,
        Collection::Sprints,
        Collection::Releases,
        Collection::Comments,
        Collection::Actors,
        Collection::Meetings,
    ];
    for collection in spoken {
        let stage = Stage::new();
        let doc = stage
            .scene()
            .get(crate::sample::object(collection))
            .unwrap();
        let last = object(stage.scene(), &doc);
        assert!(last.is_some());
        let deleted = messages(&stage.deleted(collection)).remove(0);
        assert_eq!(Some(deleted.body), last, "{collection}");
        assert_eq!(deleted.about, About::Object(doc.key(), doc.sequence()));
    }
    let moved = messages(&Stage::new().moved(Collection::Tests)).remove(0);
    assert_eq!(moved.code, "task.delete");
}

#[test]
fn an_update_of_imported_members_only_is_still_an_update() {
    let sample = Stage::new().updated(Collection::Stories, []);
    assert_eq!(said(&sample), [("story.update", None)]);
    let change = FieldChange {
        member: "title".into(),
        old: "A".into(),
        new: "B".into(),
    };
    let mut sample = sample;
    if let What::Change(told) = &mut sample.event.what {
        told.changes.push(change);
    }
    assert_eq!(said(&sample), [("story.update", None)]);
}

#[test]
fn everything_else_is_silence() {
    for collection in Collection::ALL {
        let spoken = IceScrum
            .phrases()
            .iter()
            .any(|p| p.speaks_of.contains(collection));
        let created = messages(&Stage::new().created(*collection));
        assert_eq!(spoken, !created.is_empty(), "{collection}");
    }
    assert!(messages(&Stage::new().bulk()).is_empty());
    assert!(messages(&Stage::new().webhook_disabled()).is_empty());
    for step in [
        Stage::timer_started,
        Stage::timer_stopped,
        Stage::timer_cancelled,
    ] {
        assert!(messages(&step(Stage::new(), Collection::Tasks)).is_empty());
    }
    let stage = Stage::new();
    let wiki = stage
        .scene()
        .get(crate::sample::object(Collection::WikiPages))
        .unwrap();
    assert_eq!(object(stage.scene(), &wiki), None);
}

#[test]
fn get_shows_what_the_message_carried() {
    for phrase in IceScrum.phrases() {
        let sample = (phrase.sample)(Stage::new());
        let change = sample.event.change().unwrap();
        if let Some(doc) = sample.scene.get(change.object.key()) {
            let shown = object(&sample.scene, &doc);
            let sent = messages(&sample)
                .into_iter()
                .find(|m| m.code == phrase.code);
            assert_eq!(shown, sent.map(|m| m.body), "{}", phrase.code);
        }
    }
}
