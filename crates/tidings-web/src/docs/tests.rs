//! The pages of the API: complete, and inert.

use super::*;

#[test]
fn every_code_has_words_and_no_words_are_left_over() {
    for (status, code) in openapi::codes() {
        assert!(!codes::words(code).is_empty(), "{status} {code}");
    }
    for code in codes::known() {
        assert!(openapi::codes().iter().any(|(_, c)| *c == code), "{code}");
    }
}

#[test]
fn every_operation_is_on_one_page() {
    let paths = openapi::document();
    let paths = paths.member("paths").unwrap().as_map();
    let described: usize = paths.iter().map(|(_, p)| p.as_map().len()).sum();
    let shown = docs().tags.iter();
    let shown = shown.map(|(_, page)| page.member("operations").unwrap().as_list().len());
    assert_eq!(shown.sum::<usize>(), described);
    let groups = docs().index.member("groups").unwrap().as_list();
    let tags: usize = groups
        .iter()
        .map(|g| g.member("tags").unwrap().as_list().len())
        .sum();
    assert_eq!(tags, docs().tags.len());
}

#[test]
fn whatever_takes_or_gives_something_has_an_example() {
    for (_, page) in &docs().tags {
        for operation in page.member("operations").unwrap().as_list() {
            let id = operation.member("id").unwrap();
            if let Some(request @ Value::Map(_)) = operation.member("request") {
                assert!(
                    request.member("example").unwrap().as_str().is_some(),
                    "{id:?}"
                );
            }
            let answer = operation
                .member("answers")
                .unwrap()
                .as_list()
                .first()
                .unwrap();
            let json = answer.member("media_type").unwrap().as_str() == Some("application/json");
            if json && id.as_str() != Some("openapi") {
                assert!(
                    answer.member("example").unwrap().as_str().is_some(),
                    "{id:?}"
                );
            }
        }
        for shape in page.member("shapes").unwrap().as_list() {
            let said = !shape.member("members").unwrap().as_list().is_empty()
                || !shape.member("kind").unwrap().as_list().is_empty();
            assert!(said, "{shape:?}");
        }
    }
}
