//! A form that is sent twice makes one thing.

use tidings_storage::memos_of;

use super::{API, OWNER, assert_has, filled, hidden, id_of};
use crate::house::House;

const NEW: &str = "/projects/HB/webhooks/new";

async fn names(house: &House) -> usize {
    let list = house.admin("GET", API, "").await;
    list.at("data").as_list().len()
}

async fn key_of(house: &House, page: &str) -> String {
    hidden(&house.open(OWNER, page).await, "form_key")
}

/// What is stored for a key, of whoever it is.
async fn kept(house: &House, key: &str) -> Option<String> {
    let project = house.store.project("HB").await.unwrap().unwrap();
    for account in 1..10 {
        let scope = format!("{}account {account}", memos_of(project.id));
        let kept = house.store.memo(&scope, key).await.unwrap();
        if kept.is_some() {
            return kept;
        }
    }
    None
}

#[tokio::test]
async fn a_second_click_on_add_makes_no_second_webhook_and_shows_the_same_secret() {
    for house in House::both_with_people().await {
        let page = format!("{NEW}?dialect=icescrum");
        let key = key_of(&house, &page).await;
        assert_ne!(key, key_of(&house, &page).await, "each page its own");
        let sent = filled(
            "icescrum",
            &[("secret_mode", "generate"), ("form_key", &key)],
        );
        let (first, second) = tokio::join!(
            house.submit(OWNER, NEW, &sent),
            house.submit(OWNER, NEW, &sent)
        );
        assert_eq!(first.status, 200, "{}", first.text);
        assert_has(&first, &["whsec_"]);
        assert_eq!(first.text, second.text);
        assert_eq!(names(&house).await, 1);
        // The same page, filled in otherwise, is another form.
        let other = filled("icescrum", &[("name", "Other"), ("form_key", &key)]);
        let got = house.submit(OWNER, NEW, &other).await;
        let made = id_of(&got);
        let again = house.submit(OWNER, NEW, &other).await;
        assert_eq!(id_of(&again), made);
        assert_eq!(again.header("set-cookie"), got.header("set-cookie"));
        assert_eq!(names(&house).await, 2);
        // Somebody else's form with the same key is not hers.
        let got = house.submit("scrum_master", NEW, &other).await;
        assert_ne!(id_of(&got), made);
        assert_eq!(names(&house).await, 3);
    }
}

#[tokio::test]
async fn what_was_refused_may_be_sent_again() {
    let house = House::with_people().await;
    let wrong = filled("icescrum", &[("url", "nowhere"), ("form_key", "abc")]);
    for _ in 0..2 {
        assert_eq!(house.submit(OWNER, NEW, &wrong).await.status, 422);
    }
    let right = filled("icescrum", &[("form_key", "abc")]);
    id_of(&house.submit(OWNER, NEW, &right).await);
}

#[tokio::test]
async fn a_second_click_makes_no_second_story() {
    let house = House::with_people().await;
    let new = "/projects/HB/items/stories/new";
    let key = key_of(&house, new).await;
    let sent = format!("title=Paint&form_key={key}");
    let first = house.submit(OWNER, new, &sent).await;
    let second = house.submit(OWNER, new, &sent).await;
    assert_eq!(first.status, 303, "{}", first.text);
    assert_eq!(first.header("location"), second.header("location"));
    let stories = house.admin("GET", "/api/v1/projects/HB/stories", "").await;
    assert_eq!(stories.at("data").as_list().len(), 1);
}

#[tokio::test]
async fn nothing_secret_is_kept_of_a_form() {
    let house = House::with_people().await;
    let sent = filled(
        "icescrum",
        &[
            ("secret_mode", "own"),
            ("secret", "hush"),
            ("form_key", "abc"),
        ],
    );
    let first = house.submit(OWNER, NEW, &sent).await;
    assert_eq!(id_of(&house.submit(OWNER, NEW, &sent).await), id_of(&first));
    assert_eq!(kept(&house, "abc").await, None);
    let sent = filled("icescrum", &[("form_key", "def")]);
    house.submit(OWNER, NEW, &sent).await;
    let kept = kept(&house, "def").await.unwrap();
    assert!(kept.contains("/projects/HB/webhooks/"), "{kept}");
}
