//! Every path leads to its rows, and nothing else does.

use crate::{console, routes};

use super::{MOST, Params, Paths, parameter};

fn paths() -> Paths {
    Paths::of(routes::table().iter().chain(console::table()))
}

/// What is found, by the path of its rows.
fn found(path: &str) -> Option<&'static str> {
    let paths = paths();
    paths.find(path).first().map(|row| &*row.path)
}

#[test]
fn every_row_is_found_by_its_path() {
    let paths = paths();
    for row in routes::table().iter().chain(console::table()) {
        let asked: Vec<&str> = row
            .path
            .split('/')
            .map(|segment| parameter(segment).map_or(segment, |_| "7"))
            .collect();
        let rows = paths.find(&asked.join("/"));
        assert!(rows.iter().any(|r| r.id == row.id), "{}", row.path);
        assert!(rows.iter().all(|r| r.path == row.path), "{}", row.path);
        let count = row.path.matches('{').count();
        assert!(count <= MOST, "{} has more parameters than fit", row.path);
    }
}

#[test]
fn paths_are_compared_as_they_came() {
    for (path, is) in [
        ("/", Some("/")),
        (
            "/api/v1/projects/TID/tasks/4%32",
            Some("/api/v1/projects/{key}/tasks/{id}"),
        ),
        ("/api/v1/projects/TID/tasks/", None),
        ("/api/v1/projects/TID/tasks/4/", None),
        ("/api/v1/projects//tasks/4", None),
        ("/api/v1/projects/TID/Tasks/4", None),
        ("/api/v1/projects/TID/t%61sks/4", None),
        ("//api/v1/projects", None),
        ("/api", None),
        ("", None),
        ("*", None),
    ] {
        assert_eq!(found(path), is, "{path}");
    }
}

#[test]
fn a_name_that_leads_nowhere_may_be_a_parameter() {
    // `new` is a page of its own below webhooks, and as a webhook's id it names nothing that is there; but the path is one.
    assert_eq!(
        found("/projects/TID/webhooks/new"),
        Some("/projects/{key}/webhooks/new")
    );
    assert_eq!(
        found("/projects/TID/webhooks/new/health"),
        Some("/projects/{key}/webhooks/{id}/health")
    );
}

#[test]
fn parameters_are_decoded_strictly() {
    let row = routes::table()
        .iter()
        .find(|row| row.id == "update_task")
        .unwrap();
    let read = |path: &str| Params::read(path, row);
    let params = read("/api/v1/projects/T%49D/tasks/ext:%C3%A4").unwrap();
    assert_eq!(params.get("key"), Some("TID"));
    assert_eq!(params.get("id"), Some("ext:ä"));
    assert_eq!(params.get("ID"), None);
    for id in ["%", "%4", "%zz", "%C3", "a%00b", "%0a", "\u{7f}"] {
        let path = format!("/api/v1/projects/TID/tasks/{id}");
        assert_eq!(read(&path).unwrap_err().code, "not_found", "{id}");
    }
    // Half a letter in each of two segments is none.
    assert!(read("/api/v1/projects/%C3/tasks/%A4").is_err());
}
