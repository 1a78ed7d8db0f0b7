//! The guide's samples, and the rules between its lines.

use tidings_domain::scene::Scene;
use tidings_domain::{Event, EventId, ObjectRef, Project, ProjectId, Value, View, What, time};

use super::*;
use crate::render;
use crate::sample::{SERVER_URL, Sample, Stage};
use tidings_domain::Change;

/// People of the samples; `id` is not theirs alone there.
fn person(id: i64, first: &str, last: &str, created: &str, login: &str) -> Doc {
    Doc::empty(Collection::Members)
        .with("id", id)
        .with("first_name", first)
        .with("last_name", last)
        .with("email", format!("{}@example.com", first.to_lowercase()))
        .with("created_at", created)
        .with("last_login_at", login)
}

fn joe(id: i64) -> Doc {
    person(
        id,
        "Joe",
        "Stump",
        "2011-06-07T21:10:52Z",
        "2012-07-26T23:16:55Z",
    )
}

fn product() -> Scene {
    let mut project = Project::new(ProjectId(1111), "SPR", "sprint.ly", "2011-06-07T21:44:36Z");
    project.base_url = Some("http://sprint.ly".into());
    project.email_domain = Some("example.com".into());
    Scene::new(project)
}

fn item(collection: Collection, id: i64, number: i64, at: &str) -> Doc {
    crate::sample::blank(collection, id, at)
        .with("number", number)
        .with("assignees", vec![2])
        .with("created_by", 1)
}

fn running_man(number: i64, url: &str, modified: &str) -> Doc {
    item(Collection::Tasks, 1111, number, "2012-06-23T21:24:40Z")
        .with("title", "Change the spinner to our glowing running man.")
        .with(
            "description",
            "Right now when the application is booting up we have a white spinner. Let's change the spinner to our running \
             man that glows from black to blue and back again.",
        )
        .with("score", "M")
        .with("status", "in-progress")
        .with("tags", vec!["ios", "ipad"])
        .with("status_dates", dates(&[("in-progress", "2012-06-25T08:55:36Z")]))
        .with("url", url)
        .with("updated_at", modified)
}

fn dates(all: &[(&str, &str)]) -> Value {
    let map = all
        .iter()
        .map(|(name, at)| ((*name).to_owned(), (*at).into()));
    Value::Map(map.collect())
}

fn happened(scene: Scene, change: Change) -> Sample {
    let event = Event {
        id: EventId(1),
        project: scene.project().id,
        at: time::parse("2012-08-13T23:21:52Z").unwrap(),
        actor: None,
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
    render(&Sprintly, &scope, &mut |_| true)
}

fn one(sample: &Sample) -> Value {
    let said = said(sample);
    assert_eq!(said.len(), 1, "{said:?}");
    Value::parse(&said[0].body).unwrap()
}

fn created(sample: Scene, doc: Arc<Doc>) -> Value {
    one(&happened(sample, Change::plain(Verb::Created, doc)))
}

/// The samples give two people the id 1111. A scene cannot, so the second has another one and is given theirs here, in the one
/// place where the sample has it.
fn with_their_id(mut body: Value, path: &[&str], id: i64) -> Value {
    let mut at = &mut body;
    for name in path {
        let Value::Map(members) = at else {
            panic!("no {name}");
        };
        at = &mut members.iter_mut().find(|(key, _)| key == name).unwrap().1;
    }
    *at = id.into();
    body
}

/// `Value` keeps the order of members, so equality covers it.
fn vector(text: &str) -> Value {
    Value::parse(text.as_bytes()).unwrap()
}

#[test]
fn the_guide_s_item_comes_out() {
    let mut scene = product();
    scene.put(joe(1111));
    let story = item(Collection::Stories, 1111, 1212, "2012-08-13T23:14:26Z")
        .with("who", "user")
        .with("what", "outbound service hooks")
        .with("why", "I will see new items announced in Campfire or HipChat")
        .with(
            "title",
            "As a user, I want outbound service hooks so that I will see new items announced in Campfire or HipChat.",
        )
        .with("status", "backlog")
        .with("status_dates", dates(&[("backlog", "2012-08-13T23:14:27Z")]))
        .with("assignees", vec![1111])
        .with("created_by", 1111)
        .with("updated_at", "2012-08-13T23:14:27Z")
        .with("url", "http://sprint.ly/i/1/116550/");
    let story = scene.put(story);
    let expected = include_str!("../../testdata/vectors/sprintly-item.json");
    assert_eq!(created(scene, story), vector(expected));
}

#[test]
fn the_guide_s_favorite_comes_out() {
    let mut scene = product();
    scene.put(joe(1111));
    scene.put(person(
        2,
        "Graham",
        "Blache",
        "2011-06-08T17:16:58Z",
        "2012-07-18T00:06:37Z",
    ));
    let story = item(Collection::Stories, 1111, 1111, "2012-05-09T01:16:25Z")
        .with("who", "user")
        .with("what", "a global filter UI")
        .with("why", "I can use filters on the dashboard and timelines")
        .with(
            "title",
            "As a user, I want a global filter UI so that I can use filters on the dashboard and timelines.",
        )
        .with("score", "XL")
        .with("status", "in-progress")
        .with("tags", vec!["post-launch"])
        .with("created_by", 1111)
        .with("status_dates", dates(&[("in-progress", "2012-07-12T16:40:11Z")]))
        .with("updated_at", "2012-08-12T23:01:33Z");
    let on = scene.put(story).key().to_value();
    let favorite = Doc::empty(Collection::Favorites)
        .with("id", 1111)
        .with("on", on)
        .with("created_at", "2012-08-12T23:01:33Z")
        .with("created_by", 1111);
    let favorite = scene.put(favorite);
    let body = created(scene, favorite);
    let expected = include_str!("../../testdata/vectors/sprintly-favorite.json");
    let path = ["attributes", "item", "assigned_to", "id"];
    assert_eq!(with_their_id(body, &path, 1111), vector(expected));
}

#[test]
fn the_guide_s_block_comes_out() {
    let mut scene = product();
    scene.put(joe(1));
    scene.put(joe(1111));
    scene.put(person(
        2,
        "Craig",
        "Pattison",
        "2012-01-06T23:07:20Z",
        "2012-06-25T11:09:26Z",
    ));
    let story = item(Collection::Stories, 1111, 2222, "2012-03-30T00:57:20Z")
        .with("who", "customer")
        .with("what", "to be notified before my CC expires")
        .with("why", "I can update my billing details")
        .with(
            "title",
            "As a customer, I want to be notified before my CC expires so that I can update my billing details.",
        )
        .with("description", "Send out an email if the person's CC expires soon.")
        .with("score", "M")
        .with("status", "backlog")
        .with("tags", vec!["billing"])
        .with("assignees", vec![1111])
        .with("updated_at", "2012-08-12T22:53:48Z")
        .with("url", "http://sprint.ly/i/1111/1111/");
    let blocked = scene.put(story).key().to_value();
    let task = running_man(
        2222,
        "http://sprint.ly/i/1111/1111/",
        "2012-08-12T22:53:48Z",
    )
    .with("created_by", 1111);
    let item = scene.put(task).key().to_value();
    let block = Doc::empty(Collection::Blocks)
        .with("id", 1111)
        .with("item", item)
        .with("blocked", blocked)
        .with("created_at", "2012-08-12T22:53:47Z")
        .with("created_by", 1111);
    let block = scene.put(block);
    let body = created(scene, block);
    let expected = include_str!("../../testdata/vectors/sprintly-block.json");
    let path = ["attributes", "item", "assigned_to", "id"];
    assert_eq!(with_their_id(body, &path, 1111), vector(expected));
}

#[test]
fn the_guide_s_comment_comes_out() {
    let mut scene = product();
    scene.put(joe(1111));
    scene.put(person(
        2,
        "Craig",
        "Pattison",
        "2012-01-06T23:07:20Z",
        "2012-06-25T11:09:26Z",
    ));
    let task = running_man(1212, "http://sprint.ly/i/1/91594/", "2012-08-12T22:58:34Z")
        .with("created_by", 1111);
    let on = scene.put(task).key().to_value();
    let comment = crate::sample::blank(Collection::Comments, 1111, "2012-08-13T23:21:52Z")
        .with("on", on)
        .with("body", "Hey guys, what's the status on this?")
        .with("created_by", 1111);
    let comment = scene.put(comment);
    let body = created(scene, comment);
    let expected = include_str!("../../testdata/vectors/sprintly-comment.json");
    let path = ["attributes", "item", "assigned_to", "id"];
    assert_eq!(with_their_id(body, &path, 1111), vector(expected));
}

#[test]
fn bytes_are_python_s() {
    let mut scene = product();
    let project = scene.project_mut();
    project.id = ProjectId(77);
    project.name = "F\u{e6}rge".into();
    let task = crate::sample::blank(Collection::Tasks, 9, "2013-06-10T10:00:00Z")
        .with("number", 41)
        .with("title", "\u{1f6a2} \"caf\u{e9}\"")
        .with("created_by", Value::Null);
    let task = scene.put(task);
    let said = said(&happened(scene, Change::plain(Verb::Created, task)));
    let text = String::from_utf8(said[0].body.clone()).unwrap();
    assert_eq!(
        text,
        concat!(
            r#"{"attributes": {"archived": false, "assigned_to": null, "created_at": "2013-06-10T10:00:00+00:00", "#,
            r#""created_by": null, "description": "", "email": {"discussion": "discussion-9@example.com", "#,
            r#""files": "files-9@example.com"}, "last_modified": "2013-06-10T10:00:00+00:00", "number": 41, "#,
            r#""product": {"archived": false, "id": 77, "name": "F\u00e6rge"}, "score": "~", "#,
            r#""short_url": "http://sprint.ly/i/77/41/", "status": "backlog", "#,
            r#""title": "\ud83d\udea2 \"caf\u00e9\"", "type": "task"}, "model": "Item", "#,
            r#""product": {"admin": false, "archived": false, "created_at": "2011-06-07T21:44:36+00:00", "#,
            r#""email": {"backlog": "backlog-77@example.com", "defects": "defects-77@example.com", "#,
            r#""stories": "stories-77@example.com", "tasks": "tasks-77@example.com", "tests": "tests-77@example.com"}, "#,
            r#""id": 77, "name": "F\u00e6rge"}}"#,
        )
    );
}

fn shown(doc: Doc) -> Value {
    let mut scene = Stage::new().scene().clone();
    let doc = scene.put(doc);
    let scope = ObjectScope {
        view: &scene,
        server_url: SERVER_URL,
        at: tidings_domain::Time::UNIX_EPOCH,
        actor: None,
    };
    Value::parse(&Sprintly.object(&scope, &doc).unwrap()).unwrap()
}

#[test]
fn scores_are_shirt_sizes() {
    let cases: [(Value, &str); 10] = [
        (Value::Null, "~"),
        ("M".into(), "M"),
        ("unknown".into(), "~"),
        (0.into(), "S"),
        (1.into(), "S"),
        (Value::Float(1.5), "M"),
        (3.into(), "M"),
        (5.into(), "L"),
        (6.into(), "XL"),
        ("XL".into(), "XL"),
    ];
    for (score, expected) in cases {
        let doc =
            item(Collection::Tasks, 200, 200, "2026-03-02T10:00:00Z").with("score", score.clone());
        assert_eq!(
            shown(doc).member("score"),
            Some(&expected.into()),
            "{score:?}"
        );
    }
}

#[test]
fn progress_names_the_first_time_of_each_step() {
    let with = |all: &[(&str, &str)]| {
        let doc = item(Collection::Tasks, 200, 200, "2026-03-02T10:00:00Z");
        let shown = shown(doc.with("status_dates", dates(all)));
        let progress = shown.member("progress").map(|p| {
            let map = p.as_map().iter();
            map.map(|(key, at)| format!("{key} {}", at.as_str().unwrap()))
                .collect::<Vec<_>>()
        });
        progress.unwrap_or_default()
    };
    assert!(with(&[("Open", "2026-03-01T10:00:00Z")]).is_empty());
    assert!(with(&[("Suggested", "2026-03-01T10:00:00Z")]).is_empty());
    assert_eq!(
        with(&[
            ("Suggested", "2026-03-01T10:00:00Z"),
            ("Open", "2026-03-02T10:00:00Z"),
            ("Accepted", "2026-03-01T11:00:00Z"),
            ("In Progress", "2026-03-03T10:00:00Z"),
            ("Resolved", "2026-03-04T10:00:00Z"),
            ("Closed", "2026-03-05T10:00:00Z"),
        ]),
        [
            "accepted_at 2026-03-05T10:00:00+00:00",
            "closed_at 2026-03-04T10:00:00+00:00",
            "started_at 2026-03-03T10:00:00+00:00",
            "triaged_at 2026-03-01T11:00:00+00:00",
        ]
    );
}

#[test]
fn a_parent_is_whole_and_its_own_a_number() {
    let parent = ObjectRef::new(Collection::Tasks, 42).to_value();
    let sub = item(Collection::Tests, 200, 200, "2026-03-02T10:00:00Z").with("parent", parent);
    let shown = shown(sub);
    let parent = shown.member("parent").unwrap();
    assert_eq!(parent.member("number"), Some(&17.into()));
    assert_eq!(parent.member("parent"), Some(&4.into()));
}

#[test]
fn what_an_accepted_item_tells_more() {
    let doc = item(Collection::Defects, 200, 200, "2026-03-02T10:00:00Z")
        .with("status", "Closed")
        .with("resolution", "Won't Fix")
        .with("completed_by", 8);
    let shown = shown(doc);
    assert_eq!(shown.member("status"), Some(&"accepted".into()));
    assert_eq!(shown.member("close_reason"), Some(&"won't fix".into()));
    let by = shown
        .member("accepted_by")
        .and_then(|p| p.member("first_name"));
    assert_eq!(by, Some(&"Tomas".into()));
}

#[test]
fn a_comment_that_came_with_an_update_is_a_comment() {
    let set = [("title", "Limit".into())];
    let sample = Stage::new()
        .updated(Collection::Tasks, set)
        .with_comment("Hm.");
    let said = said(&sample);
    assert_eq!(said.len(), 1);
    assert_eq!(
        (said[0].code, said[0].about.object().as_str()),
        ("Comment", "comments/905")
    );
    let body = Value::parse(&said[0].body).unwrap();
    let title = body
        .member("attributes")
        .and_then(|a| a.member("item"))
        .and_then(|i| i.member("title"));
    assert_eq!(title, Some(&"Limit".into()));
}

#[test]
fn everything_else_is_silence() {
    let mut no_item = Stage::new().created(Collection::Blocks);
    if let What::Change(change) = &mut no_item.event.what {
        change.object = Arc::new(Doc::clone(&change.object).with("item", Value::Null));
    }
    let silent = [
        no_item,
        Stage::new().updated(Collection::Tasks, [("title", "x".into())]),
        Stage::new().updated(Collection::Blocks, [("unblocked", true.into())]),
        Stage::new().deleted(Collection::Tasks),
        Stage::new().deleted(Collection::Favorites),
        Stage::new().moved(Collection::Stories),
        Stage::new().created_on(Collection::Comments, Collection::Sprints),
        Stage::new()
            .updated(Collection::Features, [("done", true.into())])
            .with_comment("x"),
        Stage::new().updated(Collection::Comments, [("body", "x".into())]),
        Stage::new().deleted(Collection::Comments),
        Stage::new().created(Collection::Sprints),
        Stage::new().bulk(),
        Stage::new().webhook_disabled(),
    ];
    for sample in silent {
        assert!(said(&sample).is_empty(), "{:?}", sample.event);
    }
}
