//! The derived values, a table each.

use std::sync::Arc;

use tidings_domain::scene::Scene;
use tidings_domain::{Collection, Doc, ObjectRef, Project, ProjectId, Value, View};

use super::super::{Context, body};
use crate::sample::blank;

const AT: &str = "2026-03-02T10:00:00Z";

fn project() -> Project {
    Project::new(ProjectId(3), "HB", "Harbor", AT)
}

fn scene(docs: impl IntoIterator<Item = Doc>) -> Scene {
    scene_of(project(), docs)
}

fn scene_of(project: Project, docs: impl IntoIterator<Item = Doc>) -> Scene {
    let mut scene = Scene::new(project);
    for doc in docs {
        scene.put(doc);
    }
    scene
}

fn item(collection: Collection, id: i64) -> Doc {
    blank(collection, id, AT)
        .with("number", id)
        .with("title", "T")
        .with("status", "Open")
        .with("rank", 1)
}

fn story(id: i64) -> Doc {
    item(Collection::Stories, id)
}

fn task(id: i64) -> Doc {
    item(Collection::Tasks, id)
}

fn to(collection: Collection, id: i64) -> Value {
    ObjectRef::new(collection, id).to_value()
}

/// The JSON of an object.
fn json(scene: &Scene, collection: Collection, id: i64) -> Value {
    let doc = scene.get(ObjectRef::new(collection, id)).unwrap();
    let context = Context::new(scene, "https://tidings.example.com/");
    Value::parse(&body(&context, &doc).unwrap()).unwrap()
}

#[track_caller]
fn check(object: &Value, members: &[(&str, &str)]) {
    for (path, expected) in members {
        let got = path.split('.').try_fold(object, |at, name| at.member(name));
        let got = got.map_or_else(
            || "left out".to_owned(),
            |v| serde_json::to_string(v).unwrap(),
        );
        assert_eq!(got, *expected, "{path}");
    }
}

#[test]
fn test_state() {
    let cases: [(&[&str], &str); 6] = [
        (&[], "0"),
        (&["to_check"], "1"),
        (&["success"], "10"),
        (&["success", "to_check"], "1"),
        (&["success", "to_check", "failed"], "5"),
        (&["success", "success"], "10"),
    ];
    for (statuses, expected) in cases {
        let tests = statuses.iter().zip(1..).map(|(status, id)| {
            blank(Collection::AcceptanceTests, id, AT)
                .with("story", 1)
                .with("name", "T")
                .with("status", *status)
        });
        let scene = scene(tests.chain([story(1)]));
        let count = statuses.len().to_string();
        let members = [("testState", expected), ("acceptanceTests_count", &count)];
        check(&json(&scene, Collection::Stories, 1), &members);
    }
}

fn block(id: i64, item: ObjectRef, blocked: ObjectRef) -> Doc {
    blank(Collection::Blocks, id, AT)
        .with("item", item.to_value())
        .with("blocked", blocked.to_value())
}

#[test]
fn blocks_make_dependences_one_level_deep_and_may_go_round() {
    use Collection::{Defects, Stories, Tasks};
    let key = ObjectRef::new;
    let scene = scene([
        story(1),
        story(2),
        story(3),
        item(Defects, 4),
        task(5),
        block(1, key(Stories, 3), key(Stories, 1)),
        block(2, key(Stories, 2), key(Stories, 1)),
        block(3, key(Stories, 1), key(Stories, 2)),
        block(4, key(Stories, 1), key(Defects, 4)),
        block(5, key(Stories, 1), key(Stories, 3)).with("unblocked", true),
        block(6, key(Tasks, 5), key(Stories, 3)),
        block(7, key(Stories, 1), key(Tasks, 5)),
        block(8, key(Stories, 1), key(Defects, 4)),
        block(9, key(Stories, 2), key(Stories, 2)),
        blank(Collection::Blocks, 10, AT).with("blocked", to(Stories, 3)),
    ]);
    let first = json(&scene, Stories, 1);
    check(&first, &[("dependsOn.id", "2")]);
    let waiting = first.member("dependences").unwrap().as_list();
    let ids: Vec<_> = waiting.iter().map(|s| s.member("id").cloned()).collect();
    assert_eq!(ids, [Some(2.into()), Some(4.into())]);
    for one in waiting {
        check(one, &[("dependences", "[]"), ("class", r#""Story""#)]);
        assert_eq!(one.as_map().len(), first.as_map().len(), "in full");
    }
    check(waiting.first().unwrap(), &[("dependsOn.id", "1")]);
    check(&json(&scene, Stories, 3), &[("dependsOn", "null")]);
    let itself = json(&scene, Stories, 2);
    check(&itself, &[("dependsOn.id", "1")]);
    check(&json(&scene, Tasks, 5), &[("blocked", "true")]);
}

fn dates(pairs: &[(&str, &str)]) -> Value {
    let pair = |(name, day): &(&str, &str)| {
        (
            (*name).to_owned(),
            Value::from(format!("2026-03-{day}T10:00:00Z")),
        )
    };
    Value::Map(pairs.iter().map(pair).collect())
}

#[test]
fn dates_of_a_story_are_the_earliest_of_each_number() {
    let entered = dates(&[
        ("someday", "04"),
        ("Open", "03"),
        ("backlog", "05"),
        ("Estimated", "06"),
        ("Planned", "07"),
        ("Doing", "09"),
        ("In Progress", "08"),
        ("Resolved", "10"),
        ("Closed", "11"),
        ("Frozen", "12"),
    ]);
    let scene = scene([story(1).with("status_dates", entered), story(2)]);
    let at = |day| format!(r#""2026-03-{day}T10:00:00Z""#);
    let expected = [
        ("suggestedDate", "03"),
        ("acceptedDate", "05"),
        ("estimatedDate", "06"),
        ("plannedDate", "07"),
        ("inProgressDate", "08"),
        ("inReviewDate", "10"),
        ("doneDate", "11"),
        ("frozenDate", "12"),
        ("todoDate", "02"),
    ];
    let (full, none) = (
        json(&scene, Collection::Stories, 1),
        json(&scene, Collection::Stories, 2),
    );
    for (member, day) in expected {
        check(&full, &[(member, &at(day))]);
        let empty = if member == "todoDate" {
            at(day)
        } else {
            "null".into()
        };
        check(&none, &[(member, &empty)]);
    }
}

#[test]
fn dates_of_a_task() {
    let cases = [
        ("Open", dates(&[("Open", "02")]), "null", "null"),
        ("In Progress", dates(&[("In Progress", "03")]), "03", "null"),
        ("Resolved", dates(&[("Resolved", "04")]), "04", "null"),
        (
            "Resolved",
            dates(&[("Resolved", "04"), ("Doing", "03")]),
            "03",
            "null",
        ),
        (
            "Closed",
            dates(&[("Doing", "03"), ("Closed", "05")]),
            "03",
            "05",
        ),
        ("Closed", dates(&[("Closed", "05")]), "05", "05"),
    ];
    for (status, entered, begun, done) in cases {
        let scene = scene([task(1).with("status", status).with("status_dates", entered)]);
        let at = |day: &str| match day {
            "null" => day.to_owned(),
            day => format!(r#""2026-03-{day}T10:00:00Z""#),
        };
        let members = [("inProgressDate", &*at(begun)), ("doneDate", &at(done))];
        check(&json(&scene, Collection::Tasks, 1), &members);
    }
}

#[test]
fn what_is_left_of_a_task() {
    let entry = |minutes: i64| {
        blank(Collection::TimeEntries, 1, AT)
            .with("on", to(Collection::Tasks, 1))
            .with("minutes", minutes)
    };
    let float = Value::Float;
    let cases = [
        (task(1), 0, "null"),
        (task(1).with("estimated_hours", 2), 0, "2"),
        (task(1).with("estimated_hours", 2), 30, "1.5"),
        (task(1).with("estimated_hours", 2), 150, "0"),
        (task(1).with("remaining_hours", float(0.25)), 0, "0.25"),
        (
            task(1)
                .with("estimated_hours", 2)
                .with("remaining_hours", 5),
            30,
            "5",
        ),
        (
            task(1).with("estimated_hours", 2).with("status", "Closed"),
            30,
            "0",
        ),
        (
            task(1).with("status", "Closed").with("remaining_hours", 1),
            30,
            "1",
        ),
    ];
    for (task, minutes, expected) in cases {
        let scene = scene([task, entry(minutes)]);
        check(
            &json(&scene, Collection::Tasks, 1),
            &[("estimation", expected)],
        );
    }
}

#[test]
fn types_are_numbers() {
    let stories = [
        ("Story", "0"),
        ("Bug", "2"),
        ("Defect", "2"),
        ("Technical", "3"),
    ];
    for (name, number) in stories {
        let scene = scene([
            story(1).with("type", name),
            item(Collection::Defects, 2).with("type", name),
        ]);
        check(&json(&scene, Collection::Stories, 1), &[("type", number)]);
        check(&json(&scene, Collection::Defects, 2), &[("type", "2")]);
    }
    for (name, number) in [("Task", "null"), ("Recurrent", "10"), ("Urgent", "11")] {
        let below = task(2).with("type", name).with("parent", 3);
        let scene = scene([task(1).with("type", name), below, story(3)]);
        check(&json(&scene, Collection::Tasks, 1), &[("type", number)]);
        check(&json(&scene, Collection::Tasks, 2), &[("type", "null")]);
    }
}

#[test]
fn tasks_of_a_story_and_their_parents() {
    use Collection::{Defects, Stories, Tasks, Tests};
    let scene = scene([
        story(1).with("sprint", 9),
        item(Defects, 2).with("parent", 1),
        task(3).with("parent", 1).with("estimated_hours", 2),
        item(Tests, 4).with("parent", 1).with("status", "Closed"),
        task(5)
            .with("parent", to(Tasks, 3))
            .with("estimated_hours", 9),
        task(6).with("parent", to(Defects, 2)),
        task(7),
        blank(Collection::Sprints, 9, AT)
            .with("start_date", "2026-03-02")
            .with("end_date", "2026-03-13"),
    ]);
    let members = [
        ("tasks_count", "2"),
        ("countDoneTasks", "1"),
        ("totalRemainingTime", "2"),
    ];
    check(&json(&scene, Stories, 1), &members);
    check(
        &json(&scene, Tasks, 5),
        &[("parentStory.id", "1"), ("backlog.id", "9")],
    );
    check(
        &json(&scene, Tasks, 6),
        &[("parentStory.id", "2"), ("backlog.id", "9")],
    );
    let alone = [
        ("parentStory", "null"),
        ("backlog", "null"),
        ("sprint", "{}"),
        ("color", r##""#ffcc01""##),
        ("responsible", "null"),
        ("description", "null"),
    ];
    check(&json(&scene, Tasks, 7), &alone);
    // What is below the story is in its sprint, however deep.
    let sprint = [
        ("stories_ids", r#"[{"id":1},{"id":2}]"#),
        ("tasks_count", "4"),
    ];
    check(&json(&scene, Collection::Sprints, 9), &sprint);
}

fn release(id: i64, start: Option<&str>, status: &str) -> Doc {
    blank(Collection::Releases, id, AT)
        .with("name", format!("Rel {id}"))
        .with("start_date", start)
        .with("status", status)
}

fn sprint(id: i64, release: Option<i64>, start: &str, status: &str) -> Doc {
    blank(Collection::Sprints, id, AT)
        .with("name", "S")
        .with("start_date", start)
        .with("end_date", "2027-01-01")
        .with("release", release)
        .with("status", status)
}

#[test]
fn sprints_and_releases_have_an_order() {
    use Collection::{Releases, Sprints};
    let scene = scene([
        release(1, None, "todo"),
        release(2, Some("2026-03-01"), "todo"),
        release(3, Some("2026-01-01"), "doing"),
        sprint(1, Some(2), "2026-03-01", "todo"),
        sprint(2, Some(3), "2026-01-15", "doing"),
        sprint(3, Some(3), "2026-01-01", "done"),
        sprint(4, Some(3), "2026-01-15", "todo"),
        sprint(5, None, "2026-02-01", "todo"),
        sprint(6, None, "2026-01-01", "done"),
        sprint(7, Some(99), "2026-03-01", "todo"),
    ]);
    let releases = [(3, "1", "1", "3"), (2, "2", "4", "1"), (1, "3", "5", "0")];
    for (id, order, first, count) in releases {
        let members = [
            ("orderNumber", order),
            ("firstSprintIndex", first),
            ("sprints_count", count),
        ];
        check(&json(&scene, Releases, id), &members);
    }
    let sprints = [
        (3, "1", "1", r#""R1S1""#, "3"),
        (2, "2", "2", r#""R1S2""#, "3"),
        (4, "3", "3", r#""R1S3""#, "3"),
        (1, "1", "4", r#""R2S4""#, "2"),
        (6, "1", "1", r#""S1""#, "left out"),
        (5, "2", "2", r#""S2""#, "left out"),
        (7, "3", "3", r#""S3""#, "left out"),
    ];
    for (id, order, index, name, parent) in sprints {
        let members = [
            ("orderNumber", order),
            ("index", index),
            ("fullName", name),
            ("parentRelease.id", parent),
        ];
        check(&json(&scene, Sprints, id), &members);
    }
}

#[test]
fn a_short_name_of_a_release_is_its_sprints_too() {
    for (name, full) in [
        ("R1", r#""R1S1""#),
        ("Mai\u{df}", "\"Mai\u{df}S1\""),
        ("Spring", r#""R1S1""#),
    ] {
        let scene = scene([
            release(1, None, "todo").with("name", name),
            sprint(1, Some(1), "2026-03-01", "todo"),
        ]);
        check(&json(&scene, Collection::Sprints, 1), &[("fullName", full)]);
    }
}

#[test]
fn what_can_be_started_closed_and_opened_again() {
    use Collection::{Releases, Sprints};
    // Statuses of two releases, of two sprints in the first and one in the second; then what can be done with each.
    let (yes, no) = ("true", "false");
    struct Case {
        releases: [&'static str; 2],
        sprints: [&'static str; 3],
        closable: [&'static str; 2],
        activable: [&'static str; 2],
        reactivable: [&'static str; 2],
        sprint_activable: [&'static str; 3],
        sprint_reactivable: [&'static str; 3],
    }
    let cases = [
        Case {
            releases: ["todo", "todo"],
            sprints: ["todo", "todo", "todo"],
            closable: [no, no],
            activable: [yes, no],
            reactivable: [no, no],
            sprint_activable: [yes, no, no],
            sprint_reactivable: [no, no, no],
        },
        Case {
            releases: ["doing", "todo"],
            sprints: ["done", "todo", "todo"],
            closable: [no, no],
            activable: [no, no],
            reactivable: [no, no],
            sprint_activable: [no, yes, no],
            sprint_reactivable: [yes, no, no],
        },
        Case {
            releases: ["doing", "todo"],
            sprints: ["done", "done", "todo"],
            closable: [yes, no],
            activable: [no, yes],
            reactivable: [no, no],
            sprint_activable: [no, no, yes],
            sprint_reactivable: [no, yes, no],
        },
        Case {
            releases: ["done", "doing"],
            sprints: ["done", "done", "doing"],
            closable: [no, no],
            activable: [no, no],
            reactivable: [no, no],
            sprint_activable: [no, no, no],
            sprint_reactivable: [no, no, no],
        },
        Case {
            releases: ["done", "done"],
            sprints: ["done", "done", "done"],
            closable: [no, no],
            activable: [no, no],
            reactivable: [no, yes],
            sprint_activable: [no, no, no],
            sprint_reactivable: [no, no, no],
        },
        Case {
            releases: ["done", "todo"],
            sprints: ["done", "done", "todo"],
            closable: [no, no],
            activable: [no, yes],
            reactivable: [yes, no],
            sprint_activable: [no, no, yes],
            sprint_reactivable: [no, no, no],
        },
    ];
    for case in cases {
        let [first, second] = case.releases;
        let [a, b, c] = case.sprints;
        let scene = scene([
            release(1, Some("2026-01-01"), first),
            release(2, Some("2026-06-01"), second),
            sprint(1, Some(1), "2026-01-01", a),
            sprint(2, Some(1), "2026-02-01", b),
            sprint(3, Some(2), "2026-06-01", c),
        ]);
        for (at, id) in (1..=2).enumerate() {
            let members = [
                ("closable", case.closable[at]),
                ("activable", case.activable[at]),
                ("reactivable", case.reactivable[at]),
            ];
            check(&json(&scene, Releases, id), &members);
        }
        for (at, id) in (1..=3).enumerate() {
            let members = [
                ("activable", case.sprint_activable[at]),
                ("reactivable", case.sprint_reactivable[at]),
            ];
            check(&json(&scene, Sprints, id), &members);
        }
    }
    let empty = scene([release(1, None, "doing")]);
    check(&json(&empty, Releases, 1), &[("closable", yes)]);
    let loose = scene([sprint(1, None, "2026-01-01", "todo")]);
    check(&json(&loose, Sprints, 1), &[("activable", no)]);
}

#[test]
fn capacity_and_velocity_are_points() {
    let scene = scene([
        sprint(1, None, "2026-03-01", "doing"),
        sprint(2, None, "2026-03-15", "todo"),
        story(1)
            .with("sprint", 1)
            .with("score", "XL")
            .with("status", "Closed"),
        story(2).with("sprint", 1).with("score", Value::Float(0.1)),
        item(Collection::Defects, 3)
            .with("sprint", 1)
            .with("score", Value::Float(0.2)),
        story(4).with("parent", 1).with("score", 1),
        story(5)
            .with("parent", 1)
            .with("score", 1)
            .with("sprint", 2),
        task(6).with("sprint", 1).with("score", 100),
    ]);
    let sprint = json(&scene, Collection::Sprints, 1);
    let members = [
        ("capacity", "9.3"),
        ("plannedVelocity", "9.3"),
        ("velocity", "8"),
        ("stories_ids", r#"[{"id":1},{"id":2},{"id":3},{"id":4}]"#),
    ];
    check(&sprint, &members);
    let short = [
        ("parentSprint.capacity", "9.3"),
        ("parentSprint.velocity", "8"),
        ("parentSprint.hasNextSprint", "true"),
        ("parentSprint.parentReleaseId", "left out"),
        ("parentSprint.parentReleaseName", "left out"),
        ("parentSprint.parentReleaseOrderNumber", "left out"),
        ("parentSprint.deliveredVersion", "left out"),
    ];
    check(&json(&scene, Collection::Stories, 4), &short);
    check(
        &json(&scene, Collection::Stories, 5),
        &[("parentSprint.hasNextSprint", "false")],
    );
}

#[test]
fn days_begin_at_midnight_of_the_project() {
    let mut project = project();
    project.time_zone = "Europe/Paris".into();
    let scene = scene_of(
        project,
        [
            sprint(1, None, "2026-03-02", "todo").with("end_date", "2026-04-03"),
            release(1, None, "todo").with("created_at", "2026-03-01T23:30:00Z"),
            release(2, Some("2026-07-01"), "todo"),
            release(3, Some("2026-07-01"), "todo").with("end_date", "2026-07-31"),
        ],
    );
    // In winter Paris is an hour ahead of UTC, in summer two.
    let sprint = [
        ("startDate", r#""2026-03-01T23:00:00Z""#),
        ("endDate", r#""2026-04-02T22:00:00Z""#),
        ("duration", "33"),
    ];
    check(&json(&scene, Collection::Sprints, 1), &sprint);
    let releases = [
        (1, "2026-03-01T23:00:00Z", "2026-03-01T23:00:00Z", "1"),
        (2, "2026-06-30T22:00:00Z", "2026-06-30T22:00:00Z", "1"),
        (3, "2026-06-30T22:00:00Z", "2026-07-30T22:00:00Z", "31"),
    ];
    for (id, start, end, days) in releases {
        let quoted = |text: &str| format!("\"{text}\"");
        let members = [
            ("startDate", &*quoted(start)),
            ("endDate", &quoted(end)),
            ("duration", days),
        ];
        check(&json(&scene, Collection::Releases, id), &members);
    }
}

#[test]
fn a_feature_is_its_stories() {
    let feature = blank(Collection::Features, 6, AT)
        .with("name", "F")
        .with("rank", 1);
    let named = |id| story(id).with("feature", 6).with("score", 2);
    let begun = |id, day| {
        let entered = dates(&[("Doing", day)]);
        named(id)
            .with("status", "Doing")
            .with("status_dates", entered)
    };
    let cases: [(Vec<Doc>, [&str; 4]); 4] = [
        (vec![], ["0", "0", "0", "left out"]),
        (
            vec![named(1).with("status", "Planned")],
            ["0", "0", "2", "left out"],
        ),
        (
            vec![begun(1, "04"), begun(2, "05"), named(3)],
            ["1", "0", "6", r#""2026-03-05T10:00:00Z""#],
        ),
        (
            vec![named(1).with("status", "Closed")],
            ["1", "1", "2", "left out"],
        ),
    ];
    for (stories, [state, done, effort, date]) in cases {
        let scene = scene(stories.into_iter().chain([feature.clone()]));
        let members = [
            ("state", state),
            ("countDoneStories", done),
            ("effort", effort),
            ("inProgressDate", date),
        ];
        check(&json(&scene, Collection::Features, 6), &members);
    }
    let closed = feature.clone().with("done", true).with("done_at", AT);
    let closed = scene([closed.with("type", "Enabler")]);
    let members = [
        ("state", "2"),
        ("type", "1"),
        ("doneDate", r#""2026-03-02T10:00:00Z""#),
    ];
    check(&json(&closed, Collection::Features, 6), &members);

    let planned = scene([
        feature,
        release(1, Some("2026-05-01"), "todo"),
        release(2, Some("2026-01-01"), "todo"),
        sprint(1, Some(1), "2026-05-01", "todo"),
        sprint(2, Some(2), "2026-01-01", "todo"),
        sprint(3, None, "2026-01-01", "todo"),
        named(1).with("sprint", 1),
        named(2).with("sprint", 2),
        named(3).with("sprint", 2),
        named(4).with("sprint", 3),
    ]);
    let releases = r#"[{"id":2,"name":"Rel 2","state":1,"orderNumber":1},{"id":1,"name":"Rel 1","state":1,"orderNumber":2}]"#;
    check(
        &json(&planned, Collection::Features, 6),
        &[("actualReleases", releases)],
    );
}

#[test]
fn links_names_and_people() {
    use Collection::{
        Comments, Defects, Favorites, Features, Meetings, Members, Stories, Tasks, Tests,
    };
    let person = |id, username: Option<&str>, email: Option<&str>| {
        blank(Members, id, AT)
            .with("first_name", "Zoë")
            .with("username", username)
            .with("email", email)
            .with("active", id != 3)
    };
    let favorite = |id, by: Option<i64>| {
        blank(Favorites, id, AT)
            .with("on", to(Stories, 1))
            .with("created_by", by)
    };
    let scene = scene([
        person(1, Some("zo"), None),
        person(2, None, Some("zoe.k@example.com")),
        person(3, None, None),
        story(1)
            .with("created_by", Value::Null)
            .with("affected_releases", vec![2, 1, 99]),
        item(Defects, 2).with("url", "https://example.com/2"),
        item(Tests, 3),
        release(1, None, "todo"),
        release(2, None, "todo"),
        favorite(1, Some(2)),
        favorite(2, Some(2)),
        favorite(3, None),
        favorite(4, Some(1)),
        blank(Features, 4, AT).with("name", "F"),
        blank(Meetings, 5, AT)
            .with("title", "M")
            .with("on", to(Tests, 3)),
        blank(Meetings, 6, AT)
            .with("title", "M")
            .with("on", to(Collection::Releases, 1)),
        blank(Meetings, 7, AT).with("title", "M"),
        blank(Comments, 8, AT)
            .with("on", to(Defects, 2))
            .with("body", "<b>\n\n</b>")
            .with("created_by", Value::Null),
    ]);
    let base = "https://tidings.example.com/p/HB-";
    let link = |id: &str| format!("\"{base}{id}\"");
    let first = [
        ("permalink", &*link("1")),
        ("affectVersion", r#""Rel 2, Rel 1""#),
        ("followers_ids", r#"[{"id":2},{"id":1}]"#),
        ("creator", "null"),
        ("notes", "null"),
        ("notes_html", r#""""#),
        ("effort", "null"),
        ("origin", "null"),
    ];
    check(&json(&scene, Stories, 1), &first);
    check(
        &json(&scene, Defects, 2),
        &[("permalink", r#""https://example.com/2""#)],
    );
    check(
        &json(&scene, Tests, 3),
        &[("permalink", &link("T3")), ("class", r#""Task""#)],
    );
    check(
        &json(&scene, Features, 4),
        &[("permalink", &link("F4")), ("portfolio", "null")],
    );
    let meetings = [
        (5, "3", r#""task""#),
        (6, "1", r#""release""#),
        (7, "null", "null"),
    ];
    for (id, subject, kind) in meetings {
        let members = [("subjectId", subject), ("subjectType", kind)];
        check(&json(&scene, Meetings, id), &members);
    }
    let comment = [
        ("poster", "null"),
        ("body_html", r#""<p>&lt;b&gt;</p><p>&lt;/b&gt;</p>""#),
        ("commentable", r#"{"class":"Story","id":2}"#),
    ];
    check(&json(&scene, Comments, 8), &comment);
    let people = [
        (1, r#""zo""#, r#""""#),
        (2, r#""zoe.k""#, r#""zoe.k@example.com""#),
        (3, r#""zo""#, r#""""#),
    ];
    for (id, username, email) in people {
        let members = [
            ("username", username),
            ("email", email),
            ("lastLogin", "null"),
        ];
        check(&json(&scene, Members, id), &members);
    }
    check(&json(&scene, Members, 3), &[("enabled", "false")]);
    assert!(scene.get(ObjectRef::new(Tasks, 1)).is_none());
}

#[test]
fn a_damaged_project_is_still_told() {
    // References to nowhere, a parent that is its own, a time zone that is none, members that are null.
    let mut damaged = project();
    damaged.time_zone = "Nowhere/Land".into();
    let lost = [
        Doc::empty(Collection::Stories)
            .with("id", 1)
            .with("parent", 1),
        Doc::empty(Collection::Tasks)
            .with("id", 2)
            .with("parent", to(Collection::Tasks, 2))
            .with("sprint", 9),
        Doc::empty(Collection::Features)
            .with("id", 3)
            .with("release", 9),
        Doc::empty(Collection::AcceptanceTests)
            .with("id", 4)
            .with("story", 9),
        Doc::empty(Collection::Sprints)
            .with("id", 5)
            .with("release", 9),
        Doc::empty(Collection::Releases).with("id", 6),
        Doc::empty(Collection::Meetings).with("id", 7),
        Doc::empty(Collection::Actors).with("id", 8),
    ];
    let keys: Vec<ObjectRef> = lost.iter().map(Doc::key).collect();
    let scene = scene_of(damaged, lost);
    for key in keys {
        check(
            &json(&scene, key.collection, key.id),
            &[("id", &key.id.to_string())],
        );
    }
    let alone = Arc::new(Doc::empty(Collection::Comments).with("id", 1));
    assert!(body(&Context::new(&scene, ""), &alone).is_none());
}
