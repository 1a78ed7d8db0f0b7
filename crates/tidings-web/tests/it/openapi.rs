//! The API's description is fresh and holds together.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use tidings_domain::{Value, link};
use tidings_web::openapi;
use tidings_web::routes::table;

fn document() -> Value {
    Value::parse(openapi::text().as_bytes()).unwrap()
}

/// `TIDINGS_BLESS=1` rewrites the file; read the diff before you commit it.
#[test]
fn the_reference_is_fresh() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/openapi.json");
    if bless() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, openapi::text()).unwrap();
    }
    let stored = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        stored == openapi::text(),
        "docs/reference/openapi.json is stale: run `cargo xtask golden` and read the diff"
    );
}

#[expect(
    clippy::disallowed_methods,
    reason = "a test's switch, not configuration"
)]
fn bless() -> bool {
    std::env::var("TIDINGS_BLESS").is_ok_and(|v| v == "1")
}

fn references(value: &Value, found: &mut BTreeSet<String>) {
    for (name, inner) in value.as_map() {
        if name == "$ref" {
            found.insert(inner.as_str().unwrap().to_owned());
        }
        references(inner, found);
    }
    for inner in value.as_list() {
        references(inner, found);
    }
}

/// The patterns that stand in a file by hand are those that the server goes by.
#[test]
fn links_of_a_project_are_described_as_they_are_judged() {
    let document = document();
    let pattern = |schema: &str, member: &str| {
        let schemas = document.member("components")?.member("schemas")?;
        let members = schemas.member(schema)?.member("properties")?;
        let pattern = members.member(member)?.member("pattern")?;
        Some(pattern.as_str()?.to_owned())
    };
    for schema in ["Project", "ProjectInput", "ProjectPatch"] {
        assert_eq!(pattern(schema, "base_url").as_deref(), Some(link::BASE));
        let logo = pattern(schema, "logo_url");
        assert_eq!(logo.as_deref(), Some(link::PLAIN_LINK));
    }
}

#[test]
fn every_reference_leads_somewhere_and_every_schema_is_used() {
    let document = document();
    let mut found = BTreeSet::new();
    references(&document, &mut found);
    let schemas = document
        .member("components")
        .unwrap()
        .member("schemas")
        .unwrap();
    let responses = document
        .member("components")
        .unwrap()
        .member("responses")
        .unwrap();
    let named = |kind: &'static str, map: &Value| -> Vec<String> {
        let names = map.as_map().iter();
        names
            .map(|(name, _)| format!("#/components/{kind}/{name}"))
            .collect()
    };
    let known: BTreeSet<String> = named("schemas", schemas)
        .into_iter()
        .chain(named("responses", responses))
        .collect();
    assert_eq!(
        found.difference(&known).collect::<Vec<_>>(),
        Vec::<&String>::new()
    );
    assert_eq!(
        known.difference(&found).collect::<Vec<_>>(),
        Vec::<&String>::new()
    );
}

#[test]
fn every_row_is_described_once() {
    let document = document();
    let paths = document.member("paths").unwrap();
    let mut ids = BTreeSet::new();
    for row in table() {
        let method = row.method.as_str().to_ascii_lowercase();
        let operation = paths
            .member(&row.path)
            .and_then(|p| p.member(&method))
            .unwrap();
        assert_eq!(
            operation.member("operationId").unwrap().as_str(),
            Some(&*row.id)
        );
        assert!(ids.insert(row.id.clone()), "{} is there twice", row.id);
        assert!(!row.summary.is_empty() && !row.tag.is_empty(), "{}", row.id);
        let responses = operation.member("responses").unwrap();
        assert!(
            responses.member(&row.output.status.to_string()).is_some(),
            "{}",
            row.id
        );
    }
    let described: usize = paths.as_map().iter().map(|(_, p)| p.as_map().len()).sum();
    assert_eq!(described, table().len());
}

#[tokio::test]
async fn the_pages_show_every_route_and_load_nothing_from_elsewhere() {
    let house = crate::house::House::empty().await;
    let index = house.ask("nobody", "GET", "/docs", "").await;
    assert_eq!(index.status, 200);
    let mut pages: HashMap<String, String> = HashMap::new();
    for row in table() {
        let slug = row.tag.to_ascii_lowercase().replace(' ', "-");
        let link = format!("href=\"/docs/{slug}#{}\"", row.id);
        assert!(index.text.contains(&link), "{link}");
        if !pages.contains_key(&slug) {
            let page = house
                .ask("nobody", "GET", &format!("/docs/{slug}"), "")
                .await;
            assert_eq!(page.status, 200, "{slug}");
            pages.insert(slug.clone(), page.text);
        }
        let page = &pages[&slug];
        assert!(page.contains(&format!("id=\"{}\"", row.id)), "{}", row.id);
        assert!(
            page.contains(&format!("id=\"{}-curl\"", row.id)),
            "{}",
            row.id
        );
    }
    for (_, code) in openapi::codes() {
        assert!(
            index.text.contains(&format!("<tr id=\"{code}\">")),
            "{code}"
        );
    }
    pages.insert(String::new(), index.text);
    for (slug, page) in &pages {
        whole(slug, page);
    }
    let absent = house.ask("nobody", "GET", "/docs/nothing", "").await;
    assert_eq!(absent.status, 404);
    let served = house.ask("nobody", "GET", "/api/v1/openapi.json", "").await;
    assert_eq!(served.text, openapi::text());
}

/// Every link inside a page leads to something, nothing is named twice, and nothing comes from another host.
fn whole(slug: &str, page: &str) {
    for word in [
        "src=\"http",
        "href=\"http",
        "src=\"//",
        "href=\"//",
        "style=\"",
    ] {
        assert!(!page.contains(word), "{slug}: {word}");
    }
    let mut names = BTreeSet::new();
    for part in page.split(" id=\"").skip(1) {
        let name = part.split('"').next().unwrap();
        assert!(names.insert(name), "{slug}: {name} is there twice");
    }
    for part in page.split("href=\"#").skip(1) {
        let name = part.split('"').next().unwrap();
        assert!(names.contains(name), "{slug}: #{name} leads nowhere");
    }
}
