//! The payloads against the complete examples of the project's fact sheet, and which codes a change makes in which order.

use std::sync::Arc;

use tidings_domain::project::{Category, Company, Entry};
use tidings_domain::scene::Scene;
use tidings_domain::{
    Change, Collection, Doc, Event, EventId, FieldChange, ObjectRef, Project, ProjectId, Value,
    Verb, View, What, time,
};

use super::GitScrum;
use crate::sample::{self, Stage, blank};
use crate::{About, Dialect as _, Message, ObjectScope, Scope, json, render};

const AT: &str = "2026-03-02T10:15:00Z";
const TASK: ObjectRef = ObjectRef::new(Collection::Tasks, 42);
const STORY: ObjectRef = ObjectRef::new(Collection::Stories, 23);
const SPRINT: ObjectRef = ObjectRef::new(Collection::Sprints, 31);

/// The project of the examples: Northwind's Harbor, where Nadia Ferro works.
fn harbor() -> Scene {
    let mut project = Project::new(ProjectId(2101), "HB", "Harbor", "2026-01-01T00:00:00Z");
    project.company = Company {
        slug: "northwind".into(),
        name: "Northwind".into(),
    };
    project.base_url = Some("https://services.gitscrum.com/".into());
    project.logo_url = Some("https://cdn.example.org/p/harbor.png".into());
    let entry = |id, name: &str, color: &str| Entry {
        id,
        name: name.into(),
        color: Some(color.into()),
        category: None,
        value: None,
    };
    project.types.push(entry(7, "Feature", "#22C55E"));
    project.labels.push(entry(12, "Backend", "#8B5CF6"));
    project.columns.push(Entry {
        category: Some(Category::Doing),
        ..entry(4, "Doing", "#3B82F6")
    });
    project.efforts.push(Entry {
        value: Some(3.0),
        ..entry(5, "Medium", "#94A3B8")
    });
    let mut scene = Scene::new(project);
    scene.put(
        blank(Collection::Members, 7, "2024-01-10T09:00:00Z")
            .with("external_id", "0b9c1f52-6d0e-4a53-9d0c-3f1f2f7a9e10")
            .with("first_name", "Nadia")
            .with("last_name", "Ferro")
            .with("username", "nadiaferro")
            .with("role", "product_owner")
            .with("avatar_url", "https://cdn.example.org/a/7.png")
            .with("headline", "Engineer")
            .with("location", "Turin, Italy")
            .with("time_zone", "Europe/Rome")
            .with("language", "en"),
    );
    scene.put(
        item(TASK, "Add rate limiter")
            .with("external_id", "5f0c2c1e-8a4d-4b7b-9a61-2c0d9e5b7a11")
            .with("number", 17)
            .with("description", "Token bucket per client")
            .with("estimated_hours", 2)
            .with("type", "Feature")
            .with("score", "Medium")
            .with("column", "Doing")
            .with("tags", vec!["Backend"])
            .with("due_date", "2026-03-09"),
    );
    scene
}

fn item(key: ObjectRef, title: &str) -> Doc {
    blank(key.collection, key.id, AT)
        .with("number", key.id)
        .with("title", title)
        .with("status", "Open")
        .with("type", "Task")
}

fn on_task(collection: Collection, id: i64) -> Doc {
    blank(collection, id, AT).with("on", TASK.to_value())
}

fn happens(at: &str, change: Change) -> Event {
    Event {
        id: EventId(1),
        project: ProjectId(2101),
        at: time::parse(at).unwrap(),
        actor: Some(7),
        what: What::Change(change),
    }
}

fn told(scene: &Scene, event: &Event) -> Vec<Message> {
    let scope = Scope {
        event,
        view: scene,
        server_url: "https://tidings.example.com",
        options: &Value::Null,
    };
    render(&GitScrum, &scope, &mut |_| true)
}

fn codes(messages: &[Message]) -> Vec<&'static str> {
    messages.iter().map(|m| m.code).collect()
}

/// One plain event makes exactly this message; the example is compared byte for byte, order of the keys included.
#[track_caller]
fn check(scene: &Scene, at: &str, (verb, doc): (Verb, &Arc<Doc>), code: &str, example: &str) {
    let messages = told(scene, &happens(at, Change::plain(verb, Arc::clone(doc))));
    assert_eq!(codes(&messages), [code]);
    assert_eq!(messages[0].about, About::Object(doc.key(), doc.sequence()));
    let example = Value::parse(example.as_bytes()).unwrap();
    assert_eq!(text(&messages[0].body), text(&json::php(&example)));
}

fn text(body: &[u8]) -> String {
    String::from_utf8(body.to_vec()).unwrap()
}

fn parsed(message: &Message) -> Value {
    Value::parse(&message.body).unwrap()
}

#[track_caller]
fn at<'v>(value: &'v Value, path: &str) -> &'v Value {
    path.split('.').fold(value, |value, name| {
        let found = match name.parse::<usize>() {
            Ok(place) => value.as_list().get(place),
            Err(_) => value.member(name),
        };
        found.unwrap_or_else(|| panic!("{name} of {path} is not in {value:?}"))
    })
}

#[test]
fn a_task_is_told_as_in_the_example() {
    let scene = harbor();
    let task = scene.get(TASK).unwrap();
    let example = include_str!("tests/task.json");
    check(&scene, AT, (Verb::Created, &task), "issues.store", example);
    check(
        &scene,
        AT,
        (Verb::Deleted, &task),
        "issues.destroy",
        example,
    );
}

#[test]
fn timers_are_told_as_in_the_examples() {
    let mut scene = harbor();
    scene.project_mut().time_zone = "Europe/Rome".into();
    let timer = on_task(Collection::TimeEntries, 318)
        .with("member", 7)
        .with("running", true)
        .with("auto_assigned", true)
        .with("started_at", "2026-03-02T09:15:00Z");
    let started = scene.put(timer.clone());
    check(
        &scene,
        AT,
        (Verb::Started, &started),
        "time-tracking.issues.start",
        include_str!("tests/timer_start.json"),
    );
    let stopped = scene.put(
        timer
            .with("running", false)
            .with("note", "Limiter done")
            .with("stopped_at", "2026-03-02T10:40:00Z")
            .with("minutes", 85),
    );
    check(
        &scene,
        AT,
        (Verb::Stopped, &stopped),
        "time-tracking.issues.stop",
        include_str!("tests/timer_stop.json"),
    );
    // Nothing was saved: no note, and the time is that of the cancelling.
    let cancel = include_str!("tests/timer_stop.json")
        .replace("\"stop\"", "\"cancel\"")
        .replace("\"Limiter done\"", "null")
        .replace("11:40:00", "11:15:00");
    scene.remove(stopped.key());
    check(
        &scene,
        AT,
        (Verb::Cancelled, &stopped),
        "time-tracking.issues.cancel",
        &cancel,
    );
    check(
        &scene,
        AT,
        (Verb::Deleted, &stopped),
        "time-tracking.issues.destroy",
        include_str!("tests/time_destroy.json"),
    );
}

#[test]
fn a_manual_time_entry_is_told_as_in_the_example() {
    let mut scene = harbor();
    let entry = scene.put(
        on_task(Collection::TimeEntries, 318)
            .with("member", 7)
            .with("minutes", 30),
    );
    check(
        &scene,
        AT,
        (Verb::Created, &entry),
        "time-tracking.issues.store",
        include_str!("tests/time_store.json"),
    );
}

#[test]
fn a_comment_is_told_as_in_the_example() {
    let mut scene = harbor();
    let comment = scene.put(on_task(Collection::Comments, 905).with("body", "Please add tests."));
    let example = include_str!("tests/comment.json");
    let stored = (Verb::Created, &comment);
    check(&scene, AT, stored, "comments.issues.store", example);
    scene.remove(comment.key());
    let deleted = (Verb::Deleted, &comment);
    check(&scene, AT, deleted, "comments.issues.destroy", example);
}

#[test]
fn an_attachment_is_told_as_in_the_example() {
    let mut scene = harbor();
    let file = scene.put(
        on_task(Collection::Attachments, 611)
            .with("external_id", "c3f8f6a0-2f55-4e44-8c92-7b1a7d0b6e21")
            .with("url", "https://files.example.org/611.pdf?signature=abc")
            .with("name", "limits.pdf")
            .with("size", 52_133)
            .with("media_type", "application/pdf"),
    );
    let example = include_str!("tests/attachment.json");
    let stored = (Verb::Created, &file);
    check(&scene, AT, stored, "attachments.issues.store", example);
    scene.remove(file.key());
    let deleted = (Verb::Deleted, &file);
    check(&scene, AT, deleted, "attachments.issues.destroy", example);
}

#[test]
fn a_video_is_told_as_in_the_example() {
    let mut scene = harbor();
    let video = scene.put(
        on_task(Collection::Videos, 44)
            .with("url", "https://www.youtube.com/watch?v=aBcD1234efG")
            .with("title", "Limiter demo"),
    );
    let example = include_str!("tests/video.json");
    let stored = (Verb::Created, &video);
    check(&scene, AT, stored, "videos.issues.store", example);
    scene.remove(video.key());
    let deleted = (Verb::Deleted, &video);
    check(&scene, AT, deleted, "videos.issues.destroy", example);
}

/// The story of the example with its epic, its two tasks and three more stories of its priority, two of them in its epic.
fn with_story(scene: &mut Scene) -> Arc<Doc> {
    scene.put(
        blank(Collection::Features, 9, "2026-02-16T10:00:00Z")
            .with("external_id", "91c7a0de-5a7e-4f0f-9d0e-0b9f6d1c4a77")
            .with("name", "Fair use")
            .with("color", "#8B5CF6"),
    );
    for (id, epic) in [(24, true), (25, true), (26, false)] {
        let key = ObjectRef::new(Collection::Stories, id);
        scene.put(
            item(key, "Another")
                .with("priority", "High")
                .with("feature", epic.then_some(9)),
        );
    }
    for (collection, id) in [(Collection::Tasks, 50), (Collection::Defects, 51)] {
        let key = ObjectRef::new(collection, id);
        scene.put(item(key, "Part").with("parent", STORY.id));
    }
    scene.put(
        item(STORY, "As a client, I see my remaining quota")
            .with("description", "Header and page.")
            .with(
                "acceptance_criteria",
                "Given a call, the header is present.",
            )
            .with("priority", "High")
            .with("feature", 9)
            .with("score", 5),
    )
}

/// The example's slug is shorter than its title: the fact sheet wrote them independently, the rule makes one of the other.
fn with_slug(example: &str) -> String {
    example.replace(
        "\"client-sees-quota\"",
        "\"as-a-client-i-see-my-remaining-quota\"",
    )
}

#[test]
fn a_user_story_is_told_as_in_the_example() {
    let mut scene = harbor();
    let story = with_story(&mut scene);
    let example = with_slug(include_str!("tests/user_story.json"));
    let stored = (Verb::Created, &story);
    check(&scene, AT, stored, "user-stories.store", &example);
    // Deleted or moved away, it is told as it was: it still counts for its priority and its epic.
    scene.remove(STORY);
    for verb in [Verb::Deleted, Verb::Moved] {
        check(&scene, AT, (verb, &story), "user-stories.destroy", &example);
    }
}

#[test]
fn votes_are_told_as_in_the_examples() {
    let mut scene = harbor();
    with_story(&mut scene);
    let vote = |id, on: ObjectRef| blank(Collection::Votes, id, AT).with("on", on.to_value());
    scene.put(vote(1, STORY));
    scene.put(vote(2, STORY));
    let third = scene.put(vote(3, STORY));
    let example = with_slug(include_str!("tests/user_story_vote.json"));
    let voted = (Verb::Created, &third);
    check(&scene, AT, voted, "user-stories.vote", &example);
    scene.remove(third.key());
    let withdrawn = example.replace('3', "2").replace("true", "false");
    let taken = (Verb::Deleted, &third);
    check(&scene, AT, taken, "user-stories.vote", &withdrawn);
    // The state just before it tells the same.
    scene.put(Doc::clone(&third));
    check(&scene, AT, taken, "user-stories.vote", &withdrawn);

    let discussion = scene.put(
        blank(Collection::Discussions, 5, AT)
            .with("external_id", "e4d5a1b0-0b7e-4a3c-8a40-6f1d2c3b4a59"),
    );
    scene.put(vote(4, discussion.key()));
    let fifth = scene.put(vote(5, discussion.key()));
    check(
        &scene,
        AT,
        (Verb::Created, &fifth),
        "discussions.vote",
        include_str!("tests/discussion_vote.json"),
    );
    // Votes on tasks and comments are counted, not told.
    let silent = scene.put(vote(6, TASK));
    assert!(told(&scene, &happens(AT, Change::plain(Verb::Created, silent))).is_empty());
}

fn sprint() -> Doc {
    blank(Collection::Sprints, SPRINT.id, AT)
        .with("name", "March A")
        .with("start_date", "2026-03-02")
        .with("end_date", "2026-03-16")
        .with("description", "Quota work")
}

#[test]
fn a_sprint_is_told_as_in_the_example() {
    let mut scene = harbor();
    let sprint = scene.put(sprint());
    let example = include_str!("tests/sprint.json");
    let stored = (Verb::Created, &sprint);
    check(&scene, AT, stored, "sprints.store", example);
    scene.remove(SPRINT);
    let deleted = (Verb::Deleted, &sprint);
    check(&scene, AT, deleted, "sprints.destroy", example);
}

#[test]
fn a_sprint_sums_up_its_tasks_and_those_of_its_stories() {
    let mut scene = harbor();
    with_story(&mut scene);
    let story = scene.get(STORY).unwrap();
    scene.put(Doc::clone(&story).with("sprint", SPRINT.id));
    let key = |collection, id| ObjectRef::new(collection, id);
    // By itself, closed and with points; the first of the story's two has time on it; below a task still the story's.
    scene.put(
        item(key(Collection::Tests, 60), "Own")
            .with("sprint", SPRINT.id)
            .with("status", "Closed")
            .with("score", Value::Float(2.5))
            .with("assignees", vec![7]),
    );
    let below = key(Collection::Tasks, 61);
    scene.put(
        item(below, "Below a task")
            .with("parent", key(Collection::Tasks, 50).to_value())
            .with("score", "M"),
    );
    // The story's, but in another sprint.
    scene.put(
        item(key(Collection::Tasks, 62), "Elsewhere")
            .with("parent", STORY.id)
            .with("sprint", 32),
    );
    let time = |id, minutes: i64| {
        blank(Collection::TimeEntries, id, AT)
            .with("on", below.to_value())
            .with("minutes", minutes)
    };
    scene.put(time(1, 50));
    scene.put(time(2, 50));
    scene.put(time(3, 900).with("running", true));
    let sprint = scene.put(
        sprint()
            .with("status", "done")
            .with("closed_at", "2026-03-02T10:14:00Z"),
    );
    let messages = told(&scene, &happens(AT, Change::plain(Verb::Updated, sprint)));
    assert_eq!(codes(&messages), ["sprints.update"]);
    let body = parsed(&messages[0]);
    assert_eq!(
        text(&json::compact(at(&body, "stats"))),
        r#"{"story_points":5.5,"worked_hours":1.67,"total_tasks":4,"open_tasks":3,"closed_tasks":1,"percentage":25,"comments":0}"#
    );
    assert_eq!(at(&body, "users.0.id"), &Value::Int(7));
    assert_eq!(
        text(&json::compact(at(&body, "status"))),
        r##"{"slug":"closed","title":"Closed","color":"#94A3B8","description":null}"##
    );
    assert_eq!(
        at(&body, "closed_at.date_for_humans").as_str(),
        Some("1 minute ago")
    );
}

#[test]
fn what_hangs_on_a_task_is_counted() {
    let mut scene = harbor();
    let task = scene.get(TASK).unwrap();
    let reply = |id, to: i64| {
        let to = ObjectRef::new(Collection::Comments, to);
        blank(Collection::Comments, id, AT)
            .with("on", to.to_value())
            .with("body", "Yes")
    };
    scene.put(on_task(Collection::Comments, 1).with("body", "Done?"));
    scene.put(reply(2, 1));
    scene.put(reply(3, 2));
    scene.put(on_task(Collection::Attachments, 1));
    scene.put(on_task(Collection::Videos, 1));
    scene.put(on_task(Collection::Votes, 1));
    scene.put(on_task(Collection::Favorites, 1));
    scene.put(
        on_task(Collection::TimeEntries, 1)
            .with("member", 7)
            .with("running", true)
            .with("started_at", "2026-03-02T10:00:00Z"),
    );
    scene.put(on_task(Collection::TimeEntries, 2).with("minutes", 45));
    for (id, collection) in [(70, Collection::Tasks), (71, Collection::Stories)] {
        let key = ObjectRef::new(collection, id);
        scene.put(item(key, "Sub").with("parent", TASK.to_value()));
    }
    scene.put(
        blank(Collection::Blocks, 1, "2026-03-01T10:15:00Z")
            .with("item", TASK.to_value())
            .with("unblocked", true),
    );
    scene.put(blank(Collection::Blocks, 2, AT).with("item", TASK.to_value()));
    scene.put(blank(Collection::Blocks, 3, "2026-03-02T09:15:00Z").with("item", TASK.to_value()));
    let filled = Doc::clone(&task).with(
        "fields",
        Value::Map(vec![
            ("Browser".into(), "Firefox".into()),
            ("Build".into(), Value::Null),
        ]),
    );
    let filled = scene.put(filled);
    let body = GitScrum
        .object(
            &ObjectScope {
                view: &scene,
                server_url: "https://tidings.example.com",
                at: time::parse(AT).unwrap(),
                actor: Some(7),
            },
            &filled,
        )
        .unwrap();
    let body = Value::parse(&body).unwrap();
    assert_eq!(
        text(&json::compact(at(&body, "stats"))),
        r#"{"votes":1,"fields":1,"time_trackers":2,"comments":3,"checklists":0,"attachments":1,"subtasks":2,"videos":1,"checklist_percentage":null}"#
    );
    assert_eq!(at(&body, "total_tracked_minutes"), &Value::Int(45));
    assert_eq!(at(&body, "is_favorite"), &Value::Bool(true));
    assert_eq!(
        at(&body, "time_tracker").as_str(),
        Some("2026-03-02 10:00:00")
    );
    assert_eq!(at(&body, "time_tracker_user.id"), &Value::Int(7));
    assert_eq!(at(&body, "settings.is_blocker"), &Value::Bool(true));
    assert_eq!(at(&body, "settings.blocker_user.id"), &Value::Int(7));
    assert_eq!(
        at(&body, "settings.blocker_at.date_for_humans").as_str(),
        Some("1 hour ago")
    );
    assert_eq!(at(&body, "settings.is_bug"), &Value::Bool(false));
}

#[test]
fn replies_are_nested_and_a_reply_is_told_alone() {
    let mut scene = harbor();
    let comment = scene.put(
        on_task(Collection::Comments, 1)
            .with("body", "Ready?")
            .with("created_by", 8)
            .with("notify", vec![7]),
    );
    let reply = scene.put(
        blank(Collection::Comments, 2, AT)
            .with("on", comment.key().to_value())
            .with("body", "Nearly.\nTomorrow <b>."),
    );
    let messages = told(
        &scene,
        &happens(AT, Change::plain(Verb::Created, Arc::clone(&reply))),
    );
    assert_eq!(codes(&messages), ["comments.issues.store"]);
    let alone = parsed(&messages[0]);
    assert_eq!(at(&alone, "id"), &Value::Int(2));
    assert_eq!(
        at(&alone, "comment").as_str(),
        Some("<p>Nearly.<br/>Tomorrow &lt;b&gt;.</p>")
    );
    assert_eq!(
        at(&alone, "resource.uuid").as_str(),
        Some("5f0c2c1e-8a4d-4b7b-9a61-2c0d9e5b7a11")
    );
    let messages = told(&scene, &happens(AT, Change::plain(Verb::Deleted, comment)));
    let whole = parsed(&messages[0]);
    assert_eq!(at(&whole, "replies.0"), &alone);
    // Written by somebody who is not the actor, and whom nobody knows.
    assert_eq!(at(&whole, "is_mine"), &Value::Bool(false));
    assert_eq!(at(&whole, "user"), &Value::Null);
    assert_eq!(at(&whole, "users.0.id"), &Value::Int(7));
}

#[test]
fn what_is_on_anything_but_a_task_is_not_told() {
    let mut scene = harbor();
    with_story(&mut scene);
    let file = scene.put(on_task(Collection::Attachments, 1));
    for (collection, on) in [
        (Collection::Comments, STORY),
        (Collection::Comments, file.key()),
        (Collection::Attachments, STORY),
        (Collection::Videos, STORY),
        (Collection::TimeEntries, STORY),
    ] {
        let child = scene.put(blank(collection, 99, AT).with("on", on.to_value()));
        for verb in [Verb::Created, Verb::Started, Verb::Deleted] {
            let event = happens(AT, Change::plain(verb, Arc::clone(&child)));
            assert_eq!(
                codes(&told(&scene, &event)),
                [""; 0],
                "{collection} on {on}"
            );
        }
        scene.remove(child.key());
    }
}

fn changed(member: &str, old: impl Into<Value>, new: impl Into<Value>) -> FieldChange {
    FieldChange {
        member: member.into(),
        old: old.into(),
        new: new.into(),
    }
}

#[test]
fn an_update_is_told_in_parts_and_in_order() {
    let mut scene = harbor();
    let comment = scene.put(on_task(Collection::Comments, 905).with("body", "Started."));
    let people = || changed("assignees", vec![7], vec![9, 8]);
    let column = || changed("column", Value::Null, "Done");
    let title = || changed("title", "A", "B");
    let date = || changed("completed_at", Value::Null, AT);
    let parts = |changes, comment| Change {
        changes,
        comment,
        ..Change::plain(Verb::Updated, scene.get(TASK).unwrap())
    };
    let check = |change: Change, expected: &[&str]| {
        let messages = told(&scene, &happens(AT, change));
        assert_eq!(codes(&messages), expected);
        messages
    };

    let all = [
        "issues.move.board",
        "issues.assignees.store",
        "issues.assignees.store",
        "issues.assignees.destroy",
        "issues.update",
        "comments.issues.store",
    ];
    let everything = vec![title(), column(), people()];
    let messages = check(parts(everything, Some(Arc::clone(&comment))), &all);
    let about = |key| About::Object(key, 1);
    assert_eq!(messages[4].about, about(TASK));
    assert_eq!(messages[5].about, about(comment.key()));
    assert!(messages[..5].iter().all(|m| m.body == messages[0].body));

    check(parts(vec![column()], None), &all[..1]);
    check(parts(vec![column(), date()], None), &all[..1]);
    check(parts(vec![people()], None), &all[1..4]);
    check(parts(vec![title()], None), &all[4..5]);
    check(parts(vec![date()], None), &all[4..5]);
    check(parts(vec![title()], Some(Arc::clone(&comment))), &all[4..]);
    // The same people in another order are nobody added and nobody removed.
    check(
        parts(vec![changed("assignees", vec![7, 9], vec![9, 7])], None),
        &[],
    );
}

fn moved(collection: Collection) -> (Vec<&'static str>, Value) {
    let sample = Stage::new().moved(collection);
    let scope = Scope {
        event: &sample.event,
        view: &sample.scene,
        server_url: sample::SERVER_URL,
        options: &Value::Null,
    };
    let messages = render(&GitScrum, &scope, &mut |_| true);
    (codes(&messages), parsed(&messages[0]))
}

#[test]
fn a_moved_task_is_told_with_the_project_where_it_went() {
    for collection in [Collection::Tasks, Collection::Defects, Collection::Tests] {
        let (codes, body) = moved(collection);
        assert_eq!(codes, ["issues.move.project"]);
        assert_eq!(at(&body, "project.slug").as_str(), Some("lighthouse"));
        // The rest as it was just before: its number and its column are those of the old project.
        let code = at(&body, "code").as_str().unwrap_or_default();
        assert!(code.starts_with("HB-"), "{code}");
    }
}

#[test]
fn a_moved_user_story_is_told_as_deleted() {
    let (codes, body) = moved(Collection::Stories);
    assert_eq!(codes, ["user-stories.destroy"]);
    assert_eq!(at(&body, "project.slug").as_str(), Some("harbor"));
}

#[test]
fn a_uuid_survives_a_move() {
    let scene = harbor();
    let mut task = item(TASK, "A");
    let here = uuid_of(&scene, &task);
    task.set_origin("2101/tasks/42");
    let mut elsewhere = harbor();
    elsewhere.project_mut().id = ProjectId(9);
    task.set("id", 77);
    assert_eq!(uuid_of(&elsewhere, &task), here);
    // UUIDv5 of "tidings:2101/tasks/42" in the namespace of URLs.
    assert_eq!(here, "06c3b507-260b-5a67-b2aa-1a9081b0c5ea");
    // An external id that is no UUID is not one.
    task.set("external_id", "HB/42");
    assert_eq!(uuid_of(&elsewhere, &task), here);
}

fn uuid_of(scene: &Scene, task: &Doc) -> String {
    let scope = ObjectScope {
        view: scene,
        server_url: "https://tidings.example.com",
        at: time::parse(AT).unwrap(),
        actor: None,
    };
    let body = GitScrum.object(&scope, &Arc::new(task.clone())).unwrap();
    let body = Value::parse(&body).unwrap();
    at(&body, "uuid").as_str().unwrap().to_owned()
}

#[test]
fn days_are_midnights_of_the_project() {
    let mut scene = harbor();
    scene.project_mut().time_zone = "America/New_York".into();
    let task = item(TASK, "A")
        .with("start_date", "2026-03-02")
        .with("due_date", "2026-03-09");
    let task = scene.put(task);
    let messages = told(&scene, &happens(AT, Change::plain(Verb::Created, task)));
    let body = parsed(&messages[0]);
    assert_eq!(
        at(&body, "start_date.iso8601").as_str(),
        Some("2026-03-02T05:00:00+00:00")
    );
    // Summer time began in between.
    assert_eq!(
        at(&body, "due_date.iso8601").as_str(),
        Some("2026-03-10T03:59:59+00:00")
    );
}

#[test]
fn workflow_and_state_follow_column_or_status() {
    let scene = harbor();
    for (column, status, slug, state) in [
        (None, "Open", "todo", 0),
        (None, "In Progress", "in-progress", 0),
        (None, "Resolved", "in-progress", 0),
        (None, "Closed", "done", 1),
        (Some("Done"), "Open", "done", 1),
        (Some("Doing"), "Closed", "doing", 0),
    ] {
        let task = item(TASK, "A")
            .with("status", status)
            .with("column", column);
        let scope = ObjectScope {
            view: &scene,
            server_url: "https://tidings.example.com",
            at: time::parse(AT).unwrap(),
            actor: None,
        };
        let body = GitScrum.object(&scope, &Arc::new(task)).unwrap();
        let body = Value::parse(&body).unwrap();
        assert_eq!(at(&body, "workflow.slug").as_str(), Some(slug), "{status}");
        assert_eq!(
            at(&body, "state"),
            &Value::Int(state),
            "{column:?} {status}"
        );
        let own = i64::from(slug == "done");
        assert_eq!(at(&body, "workflow.state"), &Value::Int(own), "{status}");
    }
}

#[test]
fn a_person_without_names_for_machines_gets_some() {
    let mut scene = harbor();
    for (email, username) in [
        (Some("lin.aldana@example.com"), "lin.aldana"),
        (None, "lin"),
    ] {
        scene.put(
            blank(Collection::Members, 9, AT)
                .with("first_name", "Lin")
                .with("email", email),
        );
        let task = scene.put(item(TASK, "A").with("assignees", vec![9, 404]));
        let messages = told(&scene, &happens(AT, Change::plain(Verb::Created, task)));
        let body = parsed(&messages[0]);
        assert_eq!(at(&body, "users").as_list().len(), 1);
        assert_eq!(at(&body, "users.0.name").as_str(), Some("Lin"));
        assert_eq!(at(&body, "users.0.username").as_str(), Some(username));
        assert_eq!(at(&body, "users.0.avatar"), &Value::Null);
    }
}

#[test]
fn the_envelope_is_a_choice() {
    let options = |choice: &str| Value::Map(vec![("envelope".into(), choice.into())]);
    let body = |options: &Value| {
        let message = sample::message(&GitScrum, "user-stories.vote", options).unwrap();
        text(&message.body)
    };
    let bare = body(&Value::Null);
    assert!(bare.starts_with("{\"user-story\":"), "{bare}");
    assert_eq!(body(&options("bare")), bare);
    assert_eq!(body(&options("data")), format!("{{\"data\":{bare}}}"));
    assert_eq!(GitScrum.options()[0].values, ["bare", "data"]);
}

#[test]
fn every_object_that_has_a_shape_is_shown() {
    let stage = Stage::new();
    let scope = ObjectScope {
        view: stage.scene(),
        server_url: sample::SERVER_URL,
        at: time::parse(sample::AT).unwrap(),
        actor: Some(sample::ACTOR),
    };
    let shown: Vec<_> = Collection::ALL
        .iter()
        .filter(|collection| {
            let doc = stage.scene().get(sample::object(**collection)).unwrap();
            GitScrum.object(&scope, &doc).is_some()
        })
        .map(|collection| collection.path())
        .collect();
    assert_eq!(
        shown,
        [
            "stories",
            "tasks",
            "defects",
            "tests",
            "features",
            "sprints",
            "comments",
            "time-entries",
            "attachments",
            "videos",
            "votes",
            "members"
        ]
    );
}

#[test]
fn bodies_are_written_as_php_writes_them() {
    let value = Value::parse(
        "{\"a/b\": [\"\u{e9}\u{1F6A2} \u{7f}\u{2028}/\", \"\\u0001\\\"\\\\\\n\", 1.5, 2.0]}"
            .as_bytes(),
    );
    assert_eq!(
        text(&json::php(&value.unwrap())),
        "{\"a\\/b\":[\"\\u00e9\\ud83d\\udea2 \u{7f}\\u2028\\/\",\"\\u0001\\\"\\\\\\n\",1.5,2]}"
    );
}
