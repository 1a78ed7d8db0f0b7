//! The catalogue's pages, as somebody without an account opens them.

use tidings_app::catalogue;
use tidings_domain::Value;

use crate::house::House;

fn texts<'a>(values: &'a [Value], member: &str) -> Vec<&'a str> {
    let text = |value: &'a Value| value.member(member)?.as_str();
    values.iter().filter_map(text).collect()
}

#[tokio::test]
async fn every_dialect_and_every_event_has_a_page() {
    let house = House::empty().await;
    let index = house.open("nobody", "/catalogue").await;
    assert_eq!(index.status, 200);
    let dialects = catalogue::dialects();
    for dialect in texts(&dialects, "name") {
        let link = format!("/catalogue/{dialect}");
        assert!(index.text.contains(&format!("href=\"{link}\"")), "{link}");
        let page = house.open("nobody", &link).await;
        assert_eq!(page.status, 200, "{link}");
        let events = catalogue::events(dialect).unwrap();
        for code in texts(&events, "code") {
            let link = format!("/catalogue/{dialect}/{code}");
            assert!(page.text.contains(&format!("href=\"{link}\"")), "{link}");
            let page = house.open("nobody", &link).await;
            assert_eq!(page.status, 200, "{link}");
            let event = catalogue::event(dialect, code).unwrap();
            for (name, value) in event.member("headers").unwrap().as_map() {
                assert!(page.text.contains(name), "{link}: {name}");
                assert!(
                    page.text.contains(value.as_str().unwrap()),
                    "{link}: {name}"
                );
            }
            let method = event.member("cause").unwrap().member("method").unwrap();
            assert!(page.text.contains(method.as_str().unwrap()), "{link}");
            assert!(
                page.text.contains("$TIDINGS_URL/api/v1/projects/HB/"),
                "{link}"
            );
            assert!(page.text.contains("id=\"sample-raw\""), "{link}");
        }
    }
}

#[tokio::test]
async fn a_dialect_says_how_it_signs_and_where_it_is_silent() {
    let house = House::empty().await;
    let icescrum = house.open("nobody", "/catalogue/icescrum").await.text;
    for words in [
        "x-icescrum-signature",
        "HMAC-SHA1",
        "webhook-signature",
        "The vendor is silent; we chose",
    ] {
        assert!(icescrum.contains(words), "{words}");
    }
    let sprintly = house.open("nobody", "/catalogue/sprintly").await.text;
    assert!(sprintly.contains("has none of its own"));
}

#[tokio::test]
async fn a_search_finds_by_code_name_category_and_object() {
    let house = House::empty().await;
    let found = house.open("nobody", "/catalogue?q=BOARD").await.text;
    assert!(
        found.contains("/catalogue/gitscrum/issues.move.board"),
        "{found}"
    );
    assert!(!found.contains("/catalogue/gitscrum/issues.store"));
    assert!(!found.contains("/catalogue/squish/submit"));
    let found = house
        .open("nobody", "/catalogue/squish?q=submit")
        .await
        .text;
    assert!(
        found.contains("/catalogue/squish/submit") && !found.contains("/catalogue/squish/update")
    );
    let hostile = house
        .open("nobody", "/catalogue?q=%3Cscript%3E%22")
        .await
        .text;
    assert!(hostile.contains("&lt;script&gt;&quot;") && !hostile.contains("<script>\""));
    assert!(hostile.contains("Nothing found"));
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let house = House::empty().await;
    for path in [
        "/catalogue/jira",
        "/catalogue/squish/none",
        "/catalogue/squish/a/b",
    ] {
        assert_eq!(house.open("nobody", path).await.status, 404, "{path}");
    }
    assert_eq!(house.open("nobody", "/catalogue?x=1").await.status, 200);
}
