//! The objects of the fact sheet, built as values and read back member by member, order included.
//!
//! The sheet prints decimals with one digit; compared as JSON numbers they are the same. Where the sheet shows what Tidings
//! does not have (textile, a number of its own for features, a capacity that was planned), the difference is listed.

use tidings_domain::scene::Scene;
use tidings_domain::{Collection, Doc, ObjectRef, Project, ProjectId, Value};

use super::super::{Context, body};
use crate::sample::blank;

const ADA: i64 = 9;
const LINUS: i64 = 11;

fn member(id: i64, first: &str, last: &str) -> Doc {
    blank(Collection::Members, id, "2023-11-02T09:00:00Z")
        .with("first_name", first)
        .with("last_name", last)
}

fn item(collection: Collection, id: i64, at: &str, by: i64) -> Doc {
    blank(collection, id, at)
        .with("title", format!("{collection} {id}"))
        .with("number", id)
        .with("status", "Open")
        .with("rank", 1)
        .with("created_by", by)
}

fn on(collection: Collection, id: i64) -> Value {
    ObjectRef::new(collection, id).to_value()
}

fn dates(pairs: &[(&str, &str)]) -> Value {
    let pair = |(name, at): &(&str, &str)| ((*name).to_owned(), Value::from(*at));
    Value::Map(pairs.iter().map(pair).collect())
}

fn sprint(id: i64, start: &str, end: &str, status: &str) -> Doc {
    blank(Collection::Sprints, id, "2024-02-26T08:00:00Z")
        .with("name", format!("Sprint {id}"))
        .with("start_date", start)
        .with("end_date", end)
        .with("release", 8)
        .with("status", status)
}

fn scene() -> Scene {
    let mut project = Project::new(ProjectId(3), "ORBIT", "Orbit", "2024-01-01T00:00:00Z");
    project.base_url = Some("https://scrum.example.org/".into());
    let mut scene = Scene::new(project);
    for doc in [people(), plans(), stories(), tasks(), others()].concat() {
        scene.put(doc);
    }
    scene
}

fn people() -> Vec<Doc> {
    vec![
        member(ADA, "Ada", "Moreau"),
        member(LINUS, "Linus", "Okafor")
            .with("external_id", "0a4d55a8-d778-e502-2fab-701977c5d840")
            .with("email", "linus@example.org")
            .with("username", "linus")
            .with("last_login_at", "2024-03-12T07:01:00Z")
            .with("updated_at", "2024-03-12T07:01:00Z"),
        blank(Collection::Teams, 1, "2024-01-01T00:00:00Z")
            .with("name", "Crew")
            .with("members", vec![LINUS]),
        blank(Collection::Actors, 5, "2024-01-01T00:00:00Z").with("name", "Member"),
    ]
}

fn plans() -> Vec<Doc> {
    vec![
        blank(Collection::Releases, 8, "2024-02-20T08:00:00Z")
            .with("name", "R1")
            .with("start_date", "2024-02-26")
            .with("end_date", "2024-05-31")
            .with("status", "doing")
            .with("started_at", "2024-02-26T08:00:00Z")
            .with("updated_at", "2024-02-26T08:00:00Z")
            .with("vision", "A safe front door"),
        sprint(20, "2024-02-26", "2024-03-08", "done"),
        sprint(21, "2024-03-11", "2024-03-22", "doing")
            .with("sequence", 2)
            .with("started_at", "2024-03-11T08:30:00Z")
            .with("updated_at", "2024-03-11T08:30:00Z")
            .with("done_definition", "Reviewed and deployed")
            .with("goal", "People can get back in"),
        sprint(22, "2024-03-25", "2024-04-05", "todo"),
        sprint(23, "2024-04-08", "2024-04-19", "todo"),
        sprint(24, "2024-04-22", "2024-05-03", "todo"),
        sprint(25, "2024-05-06", "2024-05-17", "todo"),
        blank(Collection::Features, 31, "2024-02-20T10:00:00Z")
            .with("name", "Sign-in")
            .with("description", "Everything around signing in")
            .with("value", 8)
            .with("rank", 1)
            .with("sequence", 3)
            .with("updated_at", "2024-03-11T08:30:00Z"),
    ]
}

fn stories() -> Vec<Doc> {
    let at = "2024-03-01T08:00:00Z";
    let named = |id| item(Collection::Stories, id, at, ADA).with("actors", vec![5]);
    vec![
        named(412)
            .with("number", 57)
            .with("title", "Reset a forgotten password")
            .with("description", "As A[5-Member], I can reset my password")
            .with("notes", "Link is valid *24 hours*")
            .with("sequence", 6)
            .with("score", 3)
            .with("feature", 31)
            .with("sprint", 21)
            .with("rank", 2)
            .with("value", 13)
            .with("tags", vec!["auth"])
            .with("type", "Story")
            .with("status", "In Progress")
            .with("updated_at", "2024-03-11T08:30:00Z")
            .with(
                "status_dates",
                dates(&[
                    ("Suggested", at),
                    ("Accepted", "2024-03-04T09:12:00Z"),
                    ("Estimated", "2024-03-05T10:00:00Z"),
                    ("Planned", "2024-03-08T10:00:00Z"),
                    ("In Progress", "2024-03-11T08:30:00Z"),
                ]),
            ),
        item(Collection::Stories, 413, at, ADA)
            .with("score", "L")
            .with("feature", 31)
            .with("sprint", 21),
        named(414),
        named(415),
        named(416),
    ]
}

fn tasks() -> Vec<Doc> {
    let task = |id, parent: i64| {
        item(Collection::Tasks, id, "2024-03-11T08:40:00Z", ADA).with("parent", parent)
    };
    vec![
        task(903, 412)
            .with("number", 140)
            .with("title", "Write the mail template")
            .with("color", "#ffcc01")
            .with("sequence", 2)
            .with("status", "In Progress")
            .with(
                "status_dates",
                dates(&[("In Progress", "2024-03-12T07:15:00Z")]),
            )
            .with("assignees", vec![LINUS])
            .with("estimated_hours", 6)
            .with("remaining_hours", 4)
            .with("updated_at", "2024-03-12T07:15:00Z"),
        task(904, 412).with("estimated_hours", Value::Float(2.5)),
        task(905, 412)
            .with("status", "Done")
            .with("estimated_hours", 3),
        task(906, 413).with("estimated_hours", 4),
        task(907, 413).with("estimated_hours", 8),
        task(908, 413),
        item(Collection::Tests, 909, "2024-03-11T08:40:00Z", ADA).with("sprint", 21),
    ]
}

fn others() -> Vec<Doc> {
    let test = |id, name: &str| {
        blank(Collection::AcceptanceTests, id, "2024-03-02T09:00:00Z")
            .with("name", name)
            .with("story", 412)
            .with("rank", 1)
            .with("created_by", ADA)
    };
    vec![
        test(77, "Expired link").with(
            "description",
            "_Given_ an expired link\n_When_ I open it\n_Then_ I am asked for a new one",
        ),
        test(78, "Used link"),
        blank(Collection::Favorites, 1, "2024-03-02T09:00:00Z")
            .with("on", on(Collection::Stories, 412))
            .with("created_by", ADA),
        blank(Collection::Comments, 640, "2024-03-12T09:20:00Z")
            .with("on", on(Collection::Stories, 412))
            .with("body", "Ready for *review*")
            .with("created_by", LINUS),
        blank(Collection::Meetings, 15, "2024-03-12T09:30:00Z")
            .with("on", on(Collection::Stories, 412))
            .with("title", "Pairing on ORBIT-57")
            .with("url", "https://meet.example.org/orbit-57")
            .with("starts_at", "2024-03-12T09:30:00Z")
            .with("created_by", LINUS),
    ]
}

/// Sets a member of the expected object; `feature.permalink` is a member of a member.
fn put(object: &mut Value, path: &str, value: &Value) {
    let Value::Map(members) = object else {
        panic!("{path}: no object")
    };
    let (first, rest) = path.split_once('.').unwrap_or((path, ""));
    let (_, slot) = members
        .iter_mut()
        .find(|(name, _)| name == first)
        .expect(path);
    if rest.is_empty() {
        assert_ne!(slot, value, "{path} is no difference");
        *slot = value.clone();
    } else {
        put(slot, rest, value);
    }
}

fn check(collection: Collection, id: i64, sheet: &str, differences: &[(&str, Value)]) {
    let scene = scene();
    let doc = tidings_domain::View::get(&scene, ObjectRef::new(collection, id)).unwrap();
    let context = Context::new(&scene, "https://tidings.example.com");
    let got = Value::parse(&body(&context, &doc).unwrap()).unwrap();
    let mut expected = Value::parse(sheet.as_bytes()).unwrap();
    for (path, value) in differences {
        put(&mut expected, path, value);
    }
    for (got, expected) in got.as_map().iter().zip(expected.as_map()) {
        assert_eq!(got, expected);
    }
    assert_eq!(got.as_map().len(), expected.as_map().len());
}

#[test]
fn story() {
    let differences = [
        // A feature's number is its id.
        (
            "feature.permalink",
            "https://scrum.example.org/p/ORBIT-F31".into(),
        ),
        // The sheet's capacity was planned with other points.
        ("parentSprint.capacity", 8.into()),
        ("parentSprint.plannedVelocity", 8.into()),
        // Notes are escaped text, not textile.
        ("notes_html", "<p>Link is valid *24 hours*</p>".into()),
    ];
    check(
        Collection::Stories,
        412,
        include_str!("orbit/story.json"),
        &differences,
    );
}

#[test]
fn task() {
    check(Collection::Tasks, 903, include_str!("orbit/task.json"), &[]);
}

#[test]
fn feature() {
    let differences = [
        ("uid", 31.into()),
        ("permalink", "https://scrum.example.org/p/ORBIT-F31".into()),
    ];
    check(
        Collection::Features,
        31,
        include_str!("orbit/feature.json"),
        &differences,
    );
}

#[test]
fn acceptance_test() {
    let html =
        "<p>_Given_ an expired link<br/>_When_ I open it<br/>_Then_ I am asked for a new one</p>";
    let differences = [("uid", 77.into()), ("description_html", html.into())];
    let sheet = include_str!("orbit/acceptance_test.json");
    check(Collection::AcceptanceTests, 77, sheet, &differences);
}

#[test]
fn sprint_in_full() {
    let differences = [
        ("capacity", 8.into()),
        ("plannedVelocity", 8.into()),
        // Nothing remembers what was left to do when the sprint began.
        ("initialRemainingTime", Value::Null),
    ];
    check(
        Collection::Sprints,
        21,
        include_str!("orbit/sprint.json"),
        &differences,
    );
}

#[test]
fn release() {
    check(
        Collection::Releases,
        8,
        include_str!("orbit/release.json"),
        &[],
    );
}

#[test]
fn comment_with_its_poster() {
    let differences = [("body_html", "<p>Ready for *review*</p>".into())];
    check(
        Collection::Comments,
        640,
        include_str!("orbit/comment.json"),
        &differences,
    );
}

#[test]
fn actor() {
    check(
        Collection::Actors,
        5,
        include_str!("orbit/actor.json"),
        &[("uid", 5.into())],
    );
}

#[test]
fn meeting() {
    check(
        Collection::Meetings,
        15,
        include_str!("orbit/meeting.json"),
        &[],
    );
}
