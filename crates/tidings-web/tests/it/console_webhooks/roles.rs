//! Who sees what, and what a project allows.

use super::{LIST, OWNER, assert_has, assert_lacks, filled, form, id_of};
use crate::house::House;

#[tokio::test]
async fn team_members_see_cut_urls_and_no_buttons() {
    let house = House::with_people().await;
    let id = house
        .subscribe(OWNER, r#","url":"https://example.com/token-in-path""#)
        .await;
    for path in [
        LIST.to_owned(),
        format!("{LIST}/{id}"),
        format!("{LIST}/by-event"),
    ] {
        let page = house.open("team_member", &path).await;
        assert_eq!(page.status, 200, "{path} {}", page.text);
        assert_lacks(
            &page,
            &[
                "token-in-path",
                "Add Webhook",
                "/edit\"",
                "/delete\"",
                "method=\"post\" action=\"/projects/HB",
            ],
        );
    }
    let list = house.open("team_member", LIST).await;
    assert_has(&list, &["https://example.com"]);
    let found = house
        .open("team_member", &format!("{LIST}?q=token-in"))
        .await;
    assert_has(&found, &["Nothing found"]);
    for path in ["/new", "/1/edit", "/1/execute", "/1/rotate", "/1/delete"] {
        let page = house.open("team_member", &format!("{LIST}{path}")).await;
        assert_eq!(page.status, 403, "{path}");
    }
    for path in [
        "/new",
        "/check",
        "/by-event",
        "/by-event/test",
        "/switch-on",
        "/1/test",
        "/1/pause",
    ] {
        let got = house
            .submit("team_member", &format!("{LIST}{path}"), "")
            .await;
        assert_eq!(got.status, 403, "{path}");
    }
    assert_eq!(house.open("stakeholder", LIST).await.status, 403);
}

#[tokio::test]
async fn a_project_that_may_only_look_shows_everything_and_activates_nothing() {
    let house = House::with_people().await;
    let id = house
        .subscribe(OWNER, r#","name":"Chat","enabled":false"#)
        .await;
    house.set_webhooks("view_only").await;
    for path in [
        "",
        "/new?dialect=gitscrum",
        "/by-event",
        &format!("/{id}"),
        &format!("/{id}/edit"),
        &format!("/{id}/execute"),
    ] {
        let page = house.open(OWNER, &format!("{LIST}{path}")).await;
        assert_eq!(page.status, 200, "{path} {}", page.text);
        assert_has(&page, &["plan lets you look, not activate"]);
        assert_lacks(
            &page,
            &[
                &format!("action=\"{LIST}/{id}/enable\""),
                &format!("action=\"{LIST}/{id}/test\""),
            ],
        );
    }
    let list = house.open(OWNER, LIST).await;
    assert_has(
        &list,
        &["disabled title=\"The project's plan does not activate webhooks.\">Enable"],
    );
    for (path, sent) in [
        (format!("/{id}/enable"), String::new()),
        (format!("/{id}/test"), String::new()),
        (format!("/{id}/execute"), form(&[("event", "story.create")])),
        (
            "/by-event/test".to_owned(),
            form(&[("dialect", "gitscrum")]),
        ),
    ] {
        let got = house.submit(OWNER, &format!("{LIST}{path}"), &sent).await;
        assert_eq!(got.status, 403, "{path}");
        assert_has(&got, &["plan"]);
    }
    let made = filled("gitscrum", &[("switch", ""), ("enabled", "")]);
    let made = made
        .replace(&form(&[("switch", "")]), "")
        .replace(&form(&[("enabled", "")]), "");
    let made = house.submit(OWNER, &format!("{LIST}/new"), &made).await;
    let made = house.read(id_of(&made)).await;
    assert_eq!(made.at("enabled"), false.into());
    assert!(house.receiver.got.lock().is_empty());
}

#[tokio::test]
async fn switched_off_the_pages_say_so_and_how_to_switch_on() {
    let house = House::with_people().await;
    let id = house.subscribe(OWNER, "").await;
    house.set_webhooks("off").await;
    for path in [
        "",
        "/new",
        "/by-event",
        &format!("/{id}"),
        &format!("/{id}/edit"),
    ] {
        let page = house.open(OWNER, &format!("{LIST}{path}")).await;
        assert_eq!(page.status, 403, "{path}");
        assert_has(
            &page,
            &["switched off in this project", "Switch webhooks on"],
        );
    }
    let looks = house.open("team_member", LIST).await;
    assert_has(&looks, &["product owner or scrum master"]);
    assert_lacks(&looks, &["Switch webhooks on"]);
    let on = house.submit(OWNER, &format!("{LIST}/switch-on"), "").await;
    assert_eq!((on.status, on.header("location")), (303, LIST));
    assert_eq!(house.open(OWNER, LIST).await.status, 200);
}

#[tokio::test]
async fn where_the_plan_sends_nothing_no_page_says_that_something_is_sent() {
    let house = House::with_people().await;
    house
        .subscribe(
            OWNER,
            r#","name":"All","dialect":"gitscrum","events":"all""#,
        )
        .await;
    house.set_webhooks("view_only").await;
    let table = house.open(OWNER, &format!("{LIST}/by-event")).await;
    assert_has(&table, &["0 of 26 active.", ">All</a>"]);
    assert_lacks(
        &table,
        &["sent by another", "Sent by another", "takes every event"],
    );
    for (state, there) in [("disabled", true), ("ok", false)] {
        let list = house.open(OWNER, &format!("{LIST}?state={state}")).await;
        assert_eq!(list.text.contains(">All</a>"), there, "{state}");
    }
}

#[tokio::test]
async fn whoever_sees_the_table_by_event_finds_it() {
    let house = House::with_people().await;
    let list = house.open("team_member", LIST).await;
    assert_has(&list, &["href=\"/projects/HB/webhooks/by-event\""]);
    assert_lacks(&list, &["Add Webhook"]);
}
