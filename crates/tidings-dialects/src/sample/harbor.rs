//! The people and the work of the sample project.

use tidings_domain::project::{Company, CustomField, Entry, FieldType};
use tidings_domain::scene::Scene;
use tidings_domain::{Collection, Doc, ObjectRef, Project, Value};

use super::{blank, project};

/// When the sample's timer was started.
pub(super) const TIMER_STARTED: &str = "2026-03-02T10:10:00Z";
/// The task beside the well-known one.
pub(super) const OTHER_TASK: i64 = 43;

const NADIA: i64 = super::ACTOR;
const TOMAS: i64 = 8;
const LIN: i64 = 9;
const PRIYA: i64 = 11;

/// The well-known object of a collection.
pub const fn object(collection: Collection) -> ObjectRef {
    let id = match collection {
        Collection::Stories => 12,
        Collection::Tasks => 42,
        Collection::Defects => 45,
        Collection::Tests => 47,
        Collection::Features => 6,
        Collection::AcceptanceTests => 21,
        Collection::Sprints => 3,
        Collection::Releases => 5,
        Collection::Comments => 901,
        Collection::TimeEntries => 610,
        Collection::Attachments => 310,
        Collection::Videos => 330,
        Collection::Favorites => 350,
        Collection::Blocks => 370,
        Collection::Votes => 390,
        Collection::Discussions => 14,
        Collection::WikiPages => 51,
        Collection::SharedFiles => 53,
        Collection::Repositories | Collection::Actors => 1,
        Collection::Pushes => 570,
        Collection::Commits => 590,
        Collection::PullRequests => 63,
        Collection::Teams => 2,
        Collection::Meetings => 65,
        Collection::Members => LIN,
    };
    ObjectRef::new(collection, id)
}

fn sample_project() -> Project {
    let mut project = project(2101, "HB", "Harbor");
    project.base_url = Some("https://tracker.example.com".into());
    project.email_domain = Some("items.example.com".into());
    project.company = Company {
        slug: "quayside".into(),
        name: "Quayside".into(),
    };
    let label = |id, name: &str, color: &str| Entry {
        id,
        name: name.into(),
        color: Some(color.into()),
        category: None,
        value: None,
    };
    project.labels = vec![
        label(1, "backend", "#0EA5E9"),
        label(2, "payments", "#F59E0B"),
    ];
    project.custom_fields = vec![CustomField {
        id: 1,
        name: "Browser".into(),
        kind: FieldType::Text,
        options: Vec::new(),
    }];
    project
}

/// Where moved items go.
pub(super) fn other_project() -> Project {
    let mut other = project(2102, "LH", "Lighthouse");
    other.base_url = Some("https://tracker.example.com".into());
    other.company = Company {
        slug: "quayside".into(),
        name: "Quayside".into(),
    };
    other
}

/// The project with everything in it.
pub(super) fn scene() -> Scene {
    let mut scene = Scene::new(sample_project());
    let objects = people()
        .into_iter()
        .chain(plans())
        .chain(items())
        .chain(children())
        .chain(code())
        .chain(pages());
    for doc in objects {
        scene.put(doc);
    }
    scene
}

fn at(collection: Collection, day: &str) -> Doc {
    blank(
        collection,
        object(collection).id,
        &format!("2026-{day}T10:15:00Z"),
    )
}

fn to(collection: Collection) -> Value {
    object(collection).to_value()
}

fn people() -> Vec<Doc> {
    let person = |id, first: &str, last: &str, username: &str, role: &str| {
        blank(Collection::Members, id, "2026-01-05T08:10:00Z")
            .with("first_name", first)
            .with("last_name", last)
            .with("email", format!("{username}@example.com"))
            .with("username", username)
            .with("role", role)
            .with("last_login_at", "2026-03-02T07:55:00Z")
    };
    vec![
        person(NADIA, "Nadia", "Ferro", "nadiaferro", "product_owner")
            .with("headline", "Product owner")
            .with("location", "Trieste")
            .with("time_zone", "Europe/Rome")
            .with("language", "en"),
        person(TOMAS, "Tomas", "Okoye", "tomasokoye", "scrum_master"),
        person(LIN, "Lin", "Aldana", "linaldana", "team_member"),
        person(PRIYA, "Priya", "Raman", "priyaraman", "stakeholder"),
        at(Collection::Teams, "01-06")
            .with("name", "Quay")
            .with("members", vec![NADIA, LIN]),
        at(Collection::Actors, "01-08").with("name", "Visitor"),
    ]
}

fn plans() -> Vec<Doc> {
    let sprint = |id, name: &str, start: &str, end: &str| {
        blank(Collection::Sprints, id, "2026-02-12T09:00:00Z")
            .with("name", name)
            .with("start_date", start)
            .with("end_date", end)
            .with("release", object(Collection::Releases).id)
    };
    vec![
        at(Collection::Releases, "01-09")
            .with("name", "Spring")
            .with("description", "Booking for everybody")
            .with("goal", "Berths can be booked online")
            .with("vision", "No more queues at the office")
            .with("start_date", "2026-02-16")
            .with("end_date", "2026-03-30")
            .with("status", "doing")
            .with("started_at", "2026-02-16T08:00:00Z"),
        sprint(2, "Sprint 2", "2026-02-16", "2026-03-01")
            .with("status", "done")
            .with("started_at", "2026-02-16T08:00:00Z")
            .with("closed_at", "2026-03-01T16:00:00Z"),
        sprint(3, "Sprint 3", "2026-03-02", "2026-03-16")
            .with("status", "doing")
            .with("started_at", "2026-03-02T08:00:00Z")
            .with("description", "The API holds under load")
            .with("goal", "Partners can book berths")
            .with("done_definition", "Reviewed and deployed"),
        sprint(4, "Sprint 4", "2026-03-16", "2026-03-30"),
        at(Collection::Features, "01-12")
            .with("name", "Booking API")
            .with("description", "Partners book berths for their guests")
            .with("value", 8)
            .with("rank", 1)
            .with("release", object(Collection::Releases).id)
            .with("tags", vec!["backend"]),
    ]
}

fn item(collection: Collection, id: i64, number: i64, title: &str, kind: &str) -> Doc {
    const MADE: &str = "2026-03-02T10:15:00Z";
    blank(collection, id, MADE)
        .with("number", number)
        .with("title", title)
        .with("status", "Open")
        .with("priority", "Normal")
        .with("type", kind)
        .with("rank", 1)
        .with(
            "status_dates",
            Value::Map(vec![("Open".into(), MADE.into())]),
        )
}

fn items() -> Vec<Doc> {
    let story = object(Collection::Stories).id;
    let sprint = object(Collection::Sprints).id;
    vec![
        item(
            Collection::Stories,
            story,
            4,
            "As a partner, I want to book a berth by API so that my guests find a place.",
            "Story",
        )
        .with("who", "partner")
        .with("what", "to book a berth by API")
        .with("why", "my guests find a place")
        .with("description", "JSON over HTTPS")
        .with("notes", "Agreed with the harbour master")
        .with("acceptance_criteria", "A booking shows up at the office")
        .with("score", 5)
        .with("value", 8)
        .with("tags", vec!["backend"])
        .with("assignees", vec![NADIA])
        .with("sprint", sprint)
        .with("feature", object(Collection::Features).id)
        .with("releases", vec![object(Collection::Releases).id])
        .with("actors", vec![object(Collection::Actors).id]),
        item(Collection::Stories, 13, 5, "Cancel a booking", "Story")
            .with("rank", 2)
            .with("score", "M"),
        item(
            Collection::Tasks,
            object(Collection::Tasks).id,
            17,
            "Add rate limiter",
            "Task",
        )
        .with("description", "Token bucket")
        .with("column", "Todo")
        .with("score", 3)
        .with("tags", vec!["backend"])
        .with("assignees", vec![NADIA])
        .with("sprint", sprint)
        .with("parent", story)
        .with("due_date", "2026-03-09")
        .with("estimated_hours", 2)
        .with(
            "fields",
            Value::Map(vec![("Browser".into(), "Firefox".into())]),
        ),
        item(
            Collection::Tasks,
            OTHER_TASK,
            18,
            "Write the partner guide",
            "Task",
        )
        .with("rank", 2)
        .with("assignees", vec![LIN])
        .with("sprint", sprint)
        .with("parent", story),
        item(
            Collection::Defects,
            object(Collection::Defects).id,
            20,
            "Card is charged twice after a timeout",
            "Bug",
        )
        .with(
            "description",
            "Book, wait for the timeout, send it again.\nBoth bookings are charged.",
        )
        .with("priority", "High")
        .with("score", "S")
        .with("tags", vec!["payments"])
        .with("assignees", vec![LIN])
        .with("affected_releases", vec![object(Collection::Releases).id]),
        item(
            Collection::Tests,
            object(Collection::Tests).id,
            22,
            "Book a berth from a phone",
            "Test",
        )
        .with("assignees", vec![LIN])
        .with("sprint", sprint),
        at(Collection::AcceptanceTests, "03-01")
            .with("name", "A full harbour says so")
            .with(
                "description",
                "Given no free berth\nWhen I book\nThen I am told",
            )
            .with("story", story)
            .with("rank", 1),
    ]
}

fn children() -> Vec<Doc> {
    vec![
        at(Collection::Comments, "03-02")
            .with("on", to(Collection::Tasks))
            .with("body", "Who reviews this?")
            .with("notify", vec![LIN])
            .with("created_by", TOMAS)
            .with("updated_by", TOMAS),
        at(Collection::TimeEntries, "03-02")
            .with("on", to(Collection::Tasks))
            .with("member", NADIA)
            .with("note", "First version")
            .with("minutes", 30),
        at(Collection::Attachments, "03-02")
            .with("on", to(Collection::Tasks))
            .with("url", "https://files.example.com/limits.pdf")
            .with("name", "limits.pdf")
            .with("size", 48_213)
            .with("media_type", "application/pdf"),
        at(Collection::Videos, "03-02")
            .with("on", to(Collection::Tasks))
            .with("url", "https://www.youtube.com/watch?v=a1b2c3d4e5f")
            .with("title", "Token buckets in five minutes"),
        at(Collection::Favorites, "03-02").with("on", to(Collection::Stories)),
        at(Collection::Blocks, "03-02")
            .with("item", to(Collection::Tasks))
            .with(
                "blocked",
                ObjectRef::new(Collection::Stories, 13).to_value(),
            ),
        at(Collection::Votes, "03-02").with("on", to(Collection::Stories)),
        at(Collection::Discussions, "02-20")
            .with("title", "Which days do we deploy?")
            .with("body", "Not on Fridays."),
        at(Collection::Meetings, "02-27")
            .with("on", to(Collection::Stories))
            .with("url", "https://meet.example.com/hb-65")
            .with("title", "Partner call")
            .with("starts_at", "2026-03-03T09:00:00Z")
            .with("ends_at", "2026-03-03T09:30:00Z"),
    ]
}

fn code() -> Vec<Doc> {
    let revision = Value::Map(vec![
        ("rev".into(), "9b1c0d5e".into()),
        ("message".into(), "Count requests per partner".into()),
    ]);
    vec![
        at(Collection::Repositories, "01-07")
            .with("name", "harbor-api")
            .with("description", "The booking API"),
        at(Collection::Pushes, "03-02")
            .with("repository", object(Collection::Repositories).id)
            .with("ref", "refs/heads/main")
            .with("revisions", Value::List(vec![revision]))
            .with("revision_count", 1),
        at(Collection::Commits, "03-02")
            .with("rev", 128)
            .with("message", "Count requests per partner"),
        at(Collection::PullRequests, "03-02")
            .with("repository", object(Collection::Repositories).id)
            .with("number", 3)
            .with("title", "Rate limiter")
            .with("description", "A bucket per partner")
            .with("base", "main")
            .with("branch", "limit/partners")
            .with("assignees", vec![LIN])
            .with("issue", to(Collection::Tasks)),
    ]
}

fn pages() -> Vec<Doc> {
    vec![
        at(Collection::WikiPages, "02-18")
            .with("name", "Deploying")
            .with("content", "1. Tag\n2. Wait for green"),
        at(Collection::SharedFiles, "02-18")
            .with("dir", "/specs/")
            .with("name", "berths.pdf")
            .with("size", 48_213),
    ]
}
