//! The derived values, one table each.

use tidings_domain::project::Category;
use tidings_domain::scene::Scene;
use tidings_domain::{Collection, Doc, ObjectRef, Project, ProjectId, Value};

use super::*;

fn project() -> Project {
    Project::new(ProjectId(3), "HB", "Harbor", "2026-01-05T08:00:00Z")
}

fn doc(collection: Collection, id: i64) -> Doc {
    Doc::empty(collection).with("id", id)
}

#[test]
fn html_shows_exactly_the_text() {
    let cases = [
        ("", ""),
        (" \n\n ", ""),
        ("one", "<p>one</p>"),
        ("a\nb", "<p>a<br/>b</p>"),
        ("a\r\nb\r\n\r\nc\n", "<p>a<br/>b</p><p>c</p>"),
        ("<b>&\"'", "<p>&lt;b&gt;&amp;&quot;&#39;</p>"),
        ("x\n\n\n\ny", "<p>x</p><p>y</p>"),
    ];
    for (text, expected) in cases {
        assert_eq!(html(text), expected, "{text:?}");
    }
}

#[test]
fn points_are_numbers_or_efforts() {
    let project = project();
    assert_eq!(points(&project, &Value::Null), None);
    assert_eq!(points(&project, &Value::Int(3)), Some(3.0));
    assert_eq!(points(&project, &Value::Float(0.5)), Some(0.5));
    assert_eq!(points(&project, &"XL".into()), Some(8.0));
    assert_eq!(points(&project, &"huge".into()), None);
}

#[test]
fn a_uuid_survives_and_an_external_one_is_taken() {
    let project = project();
    let mut task = doc(Collection::Tasks, 42);
    let own = uuid(&project, &task);
    assert_eq!(own, uuid(&project, &task));
    assert_eq!(own.get_version_num(), 5);
    assert_ne!(own, uuid(&project, &doc(Collection::Tests, 42)));
    task.set_origin("3/tasks/42");
    let mut elsewhere = project.clone();
    elsewhere.id = ProjectId(9);
    assert_eq!(own, uuid(&elsewhere, &task));
    let given = "0b2f1c9e-6a54-4f0e-9c39-7d1c1f0f9a10";
    assert_eq!(
        uuid(&project, &task.clone().with("external_id", given)).to_string(),
        given
    );
    assert_eq!(own, uuid(&project, &task.with("external_id", "JIRA-7")));
}

#[test]
fn statuses_mean_what_the_table_says_while_the_category_agrees() {
    let mut project = project();
    let open = status::of(&project, "Open");
    assert_eq!((open.story_state, open.sprintly), (1, "backlog"));
    assert_eq!(status::of(&project, "Accepted").story_state, 2);
    assert_eq!(status::of(&project, "accepted").story_state, 7);
    assert_eq!(status::of(&project, "never heard of").story_state, 2);
    if let Some(entry) = project.statuses.first_mut() {
        entry.category = Some(Category::Done);
    }
    assert_eq!(status::of(&project, "Open").story_state, 7);
}

#[test]
fn closed_is_the_column_before_the_status() {
    let project = project();
    let task = doc(Collection::Tasks, 1).with("status", "Closed");
    assert!(status::closed(&project, &task));
    assert!(!status::closed(
        &project,
        &task.clone().with("column", "Todo")
    ));
    let column = |d: &Doc| status::column(&project, d).map(|c| c.id);
    assert_eq!(column(&task), Some(3));
    assert_eq!(column(&task.clone().with("status", "Resolved")), Some(2));
    assert_eq!(column(&task.with("column", "Todo")), Some(1));
}

#[test]
fn roots_are_found_through_replies_and_loops_end() {
    let mut scene = Scene::new(project());
    let on = |c, id| ObjectRef::new(c, id).to_value();
    scene.put(doc(Collection::Tasks, 1));
    scene.put(doc(Collection::Comments, 1).with("on", on(Collection::Tasks, 1)));
    let reply = scene.put(doc(Collection::Comments, 2).with("on", on(Collection::Comments, 1)));
    assert_eq!(root(&scene, &reply), ObjectRef::new(Collection::Tasks, 1));
    assert_eq!(
        subject(&scene, &reply).unwrap().key().collection,
        Collection::Tasks
    );
    let looped = scene.put(doc(Collection::Comments, 3).with("on", on(Collection::Comments, 3)));
    assert_eq!(root(&scene, &looped), looped.key());
    assert!(subject(&scene, &looped).is_none());
    let block = doc(Collection::Blocks, 1)
        .with("item", on(Collection::Tasks, 1))
        .with("blocked", on(Collection::Stories, 2));
    assert_eq!(root(&scene, &block), ObjectRef::new(Collection::Stories, 2));
    let test = doc(Collection::AcceptanceTests, 1).with("story", 5);
    assert_eq!(root(&scene, &test), ObjectRef::new(Collection::Stories, 5));
    let meeting = doc(Collection::Meetings, 1);
    assert_eq!(root(&scene, &meeting), meeting.key());
}

#[test]
fn hours_have_two_digits() {
    let pairs = [(0, 0.0), (30, 0.5), (90, 1.5), (1, 0.02), (100, 1.67)];
    for (minutes, expected) in pairs {
        assert!((hours(minutes) - expected).abs() < 1e-9, "{minutes}");
    }
}
