//! The page's samples, and the rules it leaves to be read between its lines.

use tidings_domain::project::{Company, CustomField, FieldType};
use tidings_domain::scene::Scene;
use tidings_domain::{Change, Event, EventId, Project, ProjectId, Value, View, What, time};

use super::*;
use crate::render;
use crate::sample::{SERVER_URL, Sample, Stage};

fn custom(id: i64, name: &str) -> CustomField {
    CustomField {
        id,
        name: name.into(),
        kind: FieldType::Text,
        options: Vec::new(),
    }
}

fn weddings() -> Scene {
    let mut project = Project::new(ProjectId(1), "WED", "Weddings", "2013-01-01T00:00:00Z");
    project.company = Company {
        slug: "imsadmin".into(),
        name: "IMS".into(),
    };
    project.base_url = Some("https://www.squishlist.com".into());
    project.custom_fields = vec![custom(1, "Wedding"), custom(2, "Task Type")];
    let mut scene = Scene::new(project);
    scene.put(
        Doc::empty(Collection::Members)
            .with("id", 1)
            .with("first_name", "Dan")
            .with("last_name", "Watson"),
    );
    scene
}

fn issue(id: i64, number: i64, kind: &str, at: &str) -> Doc {
    crate::sample::blank(Collection::Tasks, id, at)
        .with("number", number)
        .with("type", kind)
        .with("status", "Open")
        .with("priority", "Normal")
        .with("rank", 1)
        .with("assignees", vec![1])
        .with("created_by", 1)
        .with("updated_by", 1)
}

fn fields(wedding: &str, task: &str) -> Value {
    Value::Map(vec![
        ("Wedding".into(), wedding.into()),
        ("Task Type".into(), task.into()),
    ])
}

fn happened(scene: Scene, at: &str, actor: Option<i64>, change: Change) -> Sample {
    let event = Event {
        id: EventId(1),
        project: scene.project().id,
        at: time::parse(at).unwrap(),
        actor,
        what: What::Change(change),
    };
    Sample { scene, event }
}

fn said(sample: &Sample) -> Vec<Message> {
    let scope = Scope {
        event: &sample.event,
        view: &sample.scene,
        server_url: SERVER_URL,
        options: &Value::Null,
    };
    render(&Squish, &scope, &mut |_| true)
}

fn one(sample: &Sample) -> Value {
    let said = said(sample);
    assert_eq!(said.len(), 1);
    Value::parse(&said[0].body).unwrap()
}

fn keys(value: &Value, member: &str) -> Vec<String> {
    let map = value.member(member).unwrap().as_map();
    map.iter().map(|(key, _)| key.clone()).collect()
}

/// `Value` keeps the order of members, so equality covers it.
fn vector(text: &str) -> Value {
    Value::parse(text.as_bytes()).unwrap()
}

#[test]
fn the_page_s_submit_sample_comes_out() {
    let mut scene = weddings();
    let at = "2015-02-11T17:02:54Z";
    let doc = issue(13, 11, "Action Item", at)
        .with("title", "Create a playlist")
        .with("description", "Save the Journey for last.")
        .with("due_date", "2015-02-28")
        .with("fields", fields("Jones-Smith", "Music"));
    let doc = scene.put(doc);
    let sample = happened(scene, at, Some(1), Change::plain(Verb::Created, doc));
    let expected = include_str!("../../testdata/vectors/squish-submit.json");
    assert_eq!(one(&sample), vector(expected));
    assert_eq!(said(&sample)[0].code, "submit");
}

#[test]
fn the_page_s_update_sample_comes_out() {
    let mut scene = weddings();
    let at = "2015-02-11T16:59:55Z";
    let before = issue(12, 10, "Purchase Order", "2013-04-02T14:13:30Z")
        .with("title", "Buy gas for the limo")
        .with("description", "at exxon")
        .with("status", "In Progress")
        .with("due_date", "2015-03-01")
        .with("fields", fields("Jones-Smith", "Transportation"));
    let after = before
        .clone()
        .with("status", "Fixed/Completed")
        .with("updated_at", at);
    let comment = Doc::empty(Collection::Comments)
        .with("id", 1)
        .with("body", "This is taken care of.")
        .with("created_by", 1);
    let change = Change {
        before: Some(before.into()),
        comment: Some(scene.put(comment)),
        ..Change::plain(Verb::Updated, scene.put(after))
    };
    let expected = include_str!("../../testdata/vectors/squish-update.json");
    assert_eq!(one(&happened(scene, at, Some(1), change)), vector(expected));
}

/// A project of its own for bytes: their length and signature were worked out apart from this code.
fn maintenance() -> (Scene, Doc) {
    let mut project = Project::new(
        ProjectId(4),
        "LM",
        "Line maintenance",
        "2024-01-01T00:00:00Z",
    );
    project.slug = "line".into();
    project.company = Company {
        slug: "skyco".into(),
        name: "Skyco".into(),
    };
    project.base_url = Some("https://www.squishlist.com/".into());
    project.custom_fields = vec![custom(1, "Aircraft"), custom(2, "Task Type")];
    let mut scene = Scene::new(project);
    for (id, first, last) in [(1, "Ines", "Moreau"), (2, "Tunde", "Okafor")] {
        scene.put(
            Doc::empty(Collection::Members)
                .with("id", id)
                .with("first_name", first)
                .with("last_name", last),
        );
    }
    let doc = issue(207, 204, "Action Item", "2024-03-05T09:15:42Z")
        .with("title", "Reading light out")
        .with("description", "Seat 4B has no reading light.")
        .with("created_by", 2)
        .with("due_date", "2024-03-12")
        .with(
            "fields",
            Value::Map(vec![
                ("Task Type".into(), "Cabin".into()),
                ("Aircraft".into(), "Dash-8".into()),
            ]),
        );
    (scene, doc)
}

fn assert_bytes(sample: &Sample, length: usize, signature: &str) {
    let said = said(sample);
    let body = &said[0].body;
    assert_eq!(body.len(), length, "{}", String::from_utf8_lossy(body));
    let header = Squish.signature("secret", body).unwrap();
    assert_eq!(header, ("X-Squish-Signature", signature.to_owned()));
}

#[test]
fn a_submission_has_these_bytes() {
    let (mut scene, doc) = maintenance();
    let change = Change::plain(Verb::Created, scene.put(doc));
    let sample = happened(scene, "2024-03-05T09:15:42Z", Some(2), change);
    assert_bytes(&sample, 555, "f6f769f947c11f432bb0708f7a29082c");
}

#[test]
fn an_update_with_changes_and_a_comment_has_these_bytes() {
    let (mut scene, doc) = maintenance();
    let before = doc.clone().with("assignees", Vec::<i64>::new());
    let after = doc.with("status", "In Progress");
    let comment = Doc::empty(Collection::Comments)
        .with("id", 1)
        .with("body", "Bulb ordered.")
        .with("created_by", 1);
    let change = Change {
        before: Some(before.into()),
        comment: Some(scene.put(comment)),
        ..Change::plain(Verb::Updated, scene.put(after))
    };
    let sample = happened(scene, "2024-03-06T10:02:00Z", Some(1), change);
    assert_bytes(&sample, 819, "08da4cf0b968605d0f56fb8bb3bee67e");
}

#[test]
fn a_comment_by_itself_has_these_bytes_and_is_about_the_comment() {
    let (mut scene, doc) = maintenance();
    let doc = scene.put(doc.with("status", "In Progress"));
    let comment = Doc::empty(Collection::Comments)
        .with("id", 8)
        .with("sequence", 1)
        .with("on", doc.key().to_value())
        .with("body", "Fixed \u{2014} tested on the ground.")
        .with("confidential", true)
        .with("created_by", 1);
    let reply = comment
        .clone()
        .with("id", 9)
        .with("on", comment.key().to_value());
    let comment = scene.put(comment);
    let reply = scene.put(reply);
    for posted in [comment, reply] {
        let id = posted.id();
        let change = Change::plain(Verb::Created, posted);
        let sample = happened(scene.clone(), "2024-03-06T16:40:10Z", Some(1), change);
        assert_bytes(&sample, 724, "ff8353a267b4cf02f9f05c4eb6bb60ed");
        assert_eq!(said(&sample)[0].about.object(), format!("comments/{id}"));
    }
}

#[test]
fn an_update_of_fields_alone_has_these_bytes() {
    let (mut scene, doc) = maintenance();
    let before = doc.with("status", "In Progress");
    let after = before
        .clone()
        .with("confidential", true)
        .with("due_date", Value::Null);
    let change = Change {
        before: Some(before.into()),
        ..Change::plain(Verb::Updated, scene.put(after))
    };
    let sample = happened(scene, "2024-03-07T08:00:00Z", Some(2), change);
    assert_bytes(&sample, 690, "f00a18ebd7d3dcda26de651315f96bd1");
}

#[test]
fn extra_fields_show_when_set_or_just_cleared() {
    let sample = Stage::new().updated(
        Collection::Tasks,
        [
            ("column", Value::Null),
            ("parent", Value::Null),
            ("tags", vec!["backend", "payments"].into()),
            ("value", 3.into()),
            ("rank", 9.into()),
        ],
    );
    let body = one(&sample);
    let bug = keys(&body, "bug");
    let after_subject: Vec<_> = bug.iter().skip_while(|k| *k != "Subject").skip(1).collect();
    assert_eq!(
        after_subject,
        [
            "Column",
            "Tags",
            "Sprint",
            "Parent",
            "Score",
            "Value",
            "Estimated Hours"
        ]
    );
    assert_eq!(
        keys(&body, "changes"),
        ["Column", "Tags", "Parent", "Value"]
    );
    let changes = body.member("changes").unwrap();
    let parent = changes.member("Parent").unwrap();
    assert_eq!(parent.member("old"), Some(&4.into()));
    assert_eq!(parent.member("new"), Some(&Value::Null));
}

#[test]
fn a_resolution_changes_who_and_when_too() {
    let sample = Stage::new().updated(Collection::Defects, [("resolution", "Fixed".into())]);
    let body = one(&sample);
    assert_eq!(
        keys(&body, "changes"),
        ["Resolution", "Resolved By", "Date Resolved"]
    );
}

#[test]
fn an_update_without_words_for_it_has_no_changes() {
    let sample = Stage::new().updated(Collection::Tasks, [("rank", 7.into())]);
    let body = one(&sample);
    assert!(body.member("changes").is_none() && body.member("comment").is_none());
    assert_eq!(body.member("updated_by"), Some(&"Ferro, Nadia".into()));
}

#[test]
fn an_edit_of_a_comment_is_silent_but_the_answer_it_brings_is_told() {
    let edit = Stage::new().updated(Collection::Comments, [("body", "x".into())]);
    assert!(said(&edit).is_empty());
    let said = said(&edit.with_comment("Lin can."));
    assert_eq!(said.len(), 1);
    assert_eq!(said[0].about.object(), "comments/905");
}

#[test]
fn display_names_and_the_time_zone_are_the_project_s() {
    let mut stage = Stage::new();
    let project = stage.scene_mut().project_mut();
    project
        .display_names
        .insert("title".into(), "Summary".into());
    project.time_zone = "Europe/Rome".into();
    let mut sample = stage.updated(Collection::Tasks, [("title", "Limit".into())]);
    sample.event.actor = None;
    let body = one(&sample);
    assert_eq!(keys(&body, "changes"), ["Summary"]);
    let bug = body.member("bug").unwrap();
    assert_eq!(
        bug.member("Date Modified"),
        Some(&"2026-03-02 12:40:00".into())
    );
    assert_eq!(body.member("updated_by"), Some(&Value::Null));
}

#[test]
fn everything_else_is_silence() {
    let silent = [
        Stage::new().deleted(Collection::Tasks),
        Stage::new().moved(Collection::Tasks),
        Stage::new().created_on(Collection::Comments, Collection::Features),
        Stage::new().updated(Collection::Comments, [("body", "x".into())]),
        Stage::new().deleted(Collection::Comments),
        Stage::new().notified(Collection::Tasks, &[8]),
        Stage::new().created(Collection::Attachments),
        Stage::new().timer_started(Collection::Tasks),
        Stage::new().bulk(),
        Stage::new().webhook_disabled(),
    ];
    for sample in silent {
        assert!(said(&sample).is_empty(), "{:?}", sample.event);
    }
}

#[test]
fn the_object_is_the_bug() {
    let stage = Stage::new();
    let scope = ObjectScope {
        view: stage.scene(),
        server_url: SERVER_URL,
        at: tidings_domain::Time::UNIX_EPOCH,
        actor: None,
    };
    let show = |c| {
        let doc = stage.scene().get(crate::sample::object(c)).unwrap();
        Squish.object(&scope, &doc)
    };
    let shown = Value::parse(&show(Collection::Stories).unwrap()).unwrap();
    assert_eq!(shown.member("Who"), Some(&"partner".into()));
    assert!(show(Collection::Sprints).is_none());
}
