//! Projects read from requests.

use tidings_domain::{Project, ProjectId, Value};

use super::read::{Mode, project};

const NOW: &str = "2026-03-02T11:40:00Z";

fn json(text: &str) -> Value {
    Value::parse(text.as_bytes()).unwrap()
}

fn blank() -> Project {
    Project::new(ProjectId(0), "", "", NOW)
}

fn create(text: &str) -> Result<Project, Vec<String>> {
    project(&blank(), &json(text), Mode::Create).map_err(fields)
}

fn edit(base: &Project, text: &str) -> Result<Project, Vec<String>> {
    project(base, &json(text), Mode::Edit).map_err(fields)
}

fn fields(fault: tidings_domain::Fault) -> Vec<String> {
    fault.errors.into_iter().map(|e| e.field).collect()
}

#[test]
fn a_project_needs_key_and_name_and_gets_every_default() {
    let made = create(r#"{"key":"HB","name":"Harbor Board"}"#).unwrap();
    assert_eq!(made.slug, "harbor-board");
    assert_eq!(made.statuses.len(), 4);
    assert_eq!(create("{}").unwrap_err(), ["/key", "/name"]);
    assert_eq!(create("[]").unwrap_err(), [""]);
}

#[test]
fn every_wrong_member_is_named() {
    let cases = [
        (r#""key":"-x""#, "/key"),
        (r#""key":"a b""#, "/key"),
        (r#""id":0"#, "/id"),
        (r#""id":"1""#, "/id"),
        (r#""slug":"A""#, "/slug"),
        (r#""company":{"slug":"a"},"company2":1"#, "/company2"),
        (r#""company":{"slug":"A!"}"#, "/company/slug"),
        (r#""base_url":"ftp://x""#, "/base_url"),
        (r#""base_url":"https://u:p@x""#, "/base_url"),
        (r#""email":{"x":"y"}"#, "/email/x"),
        (r#""time_zone":"Mars/Olympus""#, "/time_zone"),
        (r#""archived":"yes""#, "/archived"),
        (r#""text_formatting":"html""#, "/text_formatting"),
        (r#""webhooks":"maybe""#, "/webhooks"),
        (r#""statuses":[]"#, "/statuses"),
        (
            r#""statuses":[{"name":"A"},{"name":"A"}]"#,
            "/statuses/1/name",
        ),
        (
            r#""statuses":[{"id":1,"name":"A"},{"id":1,"name":"B"}]"#,
            "/statuses/1/id",
        ),
        (
            r#""statuses":[{"name":"A","color":"red"}]"#,
            "/statuses/0/color",
        ),
        (
            r#""statuses":[{"name":"A","category":"x"}]"#,
            "/statuses/0/category",
        ),
        (
            r#""labels":[{"name":"A","category":"todo"}]"#,
            "/labels/0/category",
        ),
        (
            r#""efforts":[{"name":"A","value":1000}]"#,
            "/efforts/0/value",
        ),
        (
            r#""custom_fields":[{"name":"A","type":"blob"}]"#,
            "/custom_fields/0/type",
        ),
        (
            r#""custom_fields":[{"name":"Status","type":"text"}]"#,
            "/custom_fields/0/name",
        ),
        (r#""display_names":{"rank":"R"}"#, "/display_names/rank"),
        (
            r#""display_names":{"status":"Priority"}"#,
            "/display_names/priority",
        ),
        (r#""created_at":"yesterday""#, "/created_at"),
        (r#""nonsense":1"#, "/nonsense"),
    ];
    for (member, field) in cases {
        let base = if member.starts_with(r#""key""#) {
            r#""name":"N""#
        } else {
            r#""key":"K","name":"N""#
        };
        let found = create(&format!("{{{base},{member}}}")).unwrap_err();
        assert!(found.iter().any(|f| f == field), "{member}: {found:?}");
    }
}

#[test]
fn a_patch_merges_and_null_is_the_default() {
    let made = create(r#"{"key":"HB","name":"Harbor","time_zone":"Europe/Vienna","company":{"slug":"acme","name":"Acme"}}"#).unwrap();
    let after = edit(
        &made,
        r#"{"time_zone":null,"company":{"name":"Acme Ltd"},"display_names":{"status":"State"},"slug":null}"#,
    )
    .unwrap();
    assert_eq!(after.time_zone, "UTC");
    assert_eq!(after.company.slug, "acme");
    assert_eq!(after.company.name, "Acme Ltd");
    assert_eq!(after.slug, "harbor");
    let back = edit(&after, r#"{"display_names":{"status":null}}"#).unwrap();
    assert!(back.display_names.is_empty());
}

#[test]
fn what_was_read_can_be_written_back() {
    let made = create(r#"{"key":"HB","name":"Harbor"}"#).unwrap();
    let shown = serde_json::to_string(&super::show(&made)).unwrap();
    assert_eq!(edit(&made, &shown).unwrap(), made);
    assert_eq!(edit(&made, r#"{"key":"XX"}"#).unwrap_err(), ["/key"]);
}

#[test]
fn known_statuses_bring_their_category_and_entries_keep_their_id() {
    let made = create(r#"{"key":"HB","name":"H","statuses":[{"name":"Done"},{"name":"Odd"},{"id":9,"name":"Frozen"}]}"#).unwrap();
    let shown: Vec<_> = made
        .statuses
        .iter()
        .map(|s| (s.id, s.category.unwrap()))
        .collect();
    use tidings_domain::project::Category::{Done, Frozen, Todo};
    assert_eq!(shown, [(10, Done), (11, Todo), (9, Frozen)]);
    let after = edit(&made, r#"{"statuses":[{"name":"Odd"},{"name":"Done"}]}"#).unwrap();
    assert_eq!(
        after.statuses.iter().map(|s| s.id).collect::<Vec<_>>(),
        [11, 10]
    );
}
