//! The table with a row per event.

use super::{API, LIST, OWNER, assert_has, assert_lacks, form};
use crate::house::House;

#[tokio::test]
async fn the_table_has_a_row_for_each_event_of_gitscrum() {
    let house = House::with_people().await;
    let path = format!("{LIST}/by-event");
    let page = house.open(OWNER, &path).await;
    assert_eq!(page.status, 200, "{}", page.text);
    assert_eq!(page.text.matches("<tr id=\"row-").count(), 26);
    for (category, total) in [
        ("Task Events", 7),
        ("Time Tracking Events", 5),
        ("Comments &amp; Media Events", 6),
        ("User Story Events", 4),
        ("Sprint Events", 3),
        ("Other Events", 1),
    ] {
        let rest = page
            .text
            .split(&format!("<h2>{category}</h2>"))
            .nth(1)
            .unwrap();
        let count = rest.split("</span>").next().unwrap();
        assert!(count.contains(&format!("0 of {total} active")), "{count}");
    }
    assert_has(
        &page,
        &[
            "0 of 26 active",
            "Task moved to another project",
            "Test all",
        ],
    );
    let backlog = house.open(OWNER, &format!("{path}?dialect=backlog")).await;
    assert_eq!(backlog.text.matches("<tr id=\"row-").count(), 26);
    let none = house.open(OWNER, &format!("{path}?dialect=none")).await;
    assert_has(&none, &["GitScrum webhooks by event"]);
}

#[tokio::test]
async fn a_row_is_saved_at_once() {
    let house = House::with_people().await;
    let path = format!("{LIST}/by-event");
    let row = |url: &str, on: bool| {
        let mut fields = vec![
            ("dialect", "gitscrum"),
            ("code", "issues.store"),
            ("url", url),
            ("switch", "1"),
        ];
        if on {
            fields.push(("enabled", "on"));
        }
        form(&fields)
    };
    let done = house
        .submit(OWNER, &path, &row("https://example.com/new-task", true))
        .await;
    assert_eq!(
        (done.status, done.header("location")),
        (
            303,
            "/projects/HB/webhooks/by-event?dialect=gitscrum#row-issues.store"
        ),
        "{}",
        done.text
    );
    let all = house.admin("GET", API, "").await;
    assert_eq!(all.at("data").as_list().len(), 1);
    assert_eq!(all.at("data/0/name"), "Task created".into());
    assert_eq!(all.at("data/0/events").as_list(), ["issues.store".into()]);
    assert_eq!(all.at("data/0/origin"), "console".into());
    let page = house.open(OWNER, &path).await;
    assert_has(
        &page,
        &[
            "1 of 26 active",
            "1 of 7 active",
            "https://example.com/new-task",
        ],
    );
    assert_eq!(page.text.matches("class=\"dot on\"").count(), 1);

    // The next one changes the same webhook: with a script only the row and the counts come back.
    let part = house
        .submit_part(OWNER, &path, &row("https://example.com/other", false))
        .await;
    assert_eq!(part.status, 200, "{}", part.text);
    assert_has(
        &part,
        &[
            "<tr id=\"row-issues.store\"",
            "https://example.com/other",
            "0 of 26 active",
            "0 of 7 active",
            "hx-swap-oob",
            "Saved",
        ],
    );
    assert_lacks(&part, &["<html", "issues.destroy"]);
    assert!(part.text.trim_start().starts_with("<tr"), "{}", part.text);
    let all = house.admin("GET", API, "").await;
    assert_eq!(all.at("data").as_list().len(), 1);
    assert_eq!(all.at("data/0/url"), "https://example.com/other".into());
    assert_eq!(all.at("data/0/enabled"), false.into());

    for (url, why) in [
        ("http://localhost/", "https://example.com/other"),
        ("", "Write a URL"),
    ] {
        let got = house.submit(OWNER, &path, &row(url, true)).await;
        assert_eq!(got.status, 422, "{url}");
        assert_has(&got, &["id=\"fault-issues.store\""]);
        let part = house.submit_part(OWNER, &path, &row(url, true)).await;
        assert_eq!(part.status, 422, "{url}");
        assert_has(&part, &["id=\"fault-issues.store\""]);
        if url.is_empty() {
            assert_has(&part, &[why]);
        }
    }
    let unknown = form(&[
        ("dialect", "gitscrum"),
        ("code", "nothing"),
        ("url", "https://a.example"),
    ]);
    assert_eq!(house.submit(OWNER, &path, &unknown).await.status, 404);
}

#[tokio::test]
async fn webhooks_of_several_events_are_named_beside_their_rows() {
    let house = House::with_people().await;
    let add = async |name: &str, events: &str| {
        let body = format!(
            r#"{{"url":"https://example.com/x","dialect":"gitscrum","name":"{name}","events":{events}}}"#
        );
        let made = house.admin("POST", API, &body).await;
        assert_eq!(made.status, 201, "{}", made.text);
        made.at("id").as_int().unwrap()
    };
    let two = add("Two", r#"["issues.store","issues.update"]"#).await;
    let all = add("Everything", r#""all""#).await;
    let own = add("Own", r#"["issues.store"]"#).await;
    let later = add("Later", r#"["issues.store"]"#).await;
    let page = house.open(OWNER, &format!("{LIST}/by-event")).await;
    let row = page
        .text
        .split("<tr id=\"row-issues.store\">")
        .nth(1)
        .unwrap();
    let row = row.split("</tr>").next().unwrap();
    for id in [two, later] {
        assert!(row.contains(&format!("{LIST}/{id}/edit")), "{row}");
    }
    // The one for all events is named once, not in each row.
    assert_eq!(page.text.matches(&format!("{LIST}/{all}/edit")).count(), 1);
    assert_has(&page, &["is for every event"]);
    assert!(row.contains(&format!("href=\"{LIST}/{own}\"")), "{row}");
    assert_has(&page, &["1 of 26 active, 25 more sent by another webhook"]);
    let other = page
        .text
        .split("<tr id=\"row-issues.update\">")
        .nth(1)
        .unwrap();
    assert!(other.split("</tr>").next().unwrap().contains(">Two</a>"));
}

#[tokio::test]
async fn a_row_says_whether_its_event_is_sent_at_all() {
    let house = House::with_people().await;
    let path = format!("{LIST}/by-event");
    let row = async || {
        let page = house.open(OWNER, &path).await;
        let row = page.text.split("<tr id=\"row-sprints.store\">").nth(1);
        let row = row.unwrap().split("</tr>").next().unwrap().to_owned();
        (page, row)
    };
    // Nothing sends it: the box is not ticked before there is a URL.
    let (_, empty) = row().await;
    assert!(empty.contains("Not active: "), "{empty}");
    assert!(!empty.contains(" checked"), "{empty}");

    let body =
        r#"{"url":"https://example.com/x","dialect":"gitscrum","name":"All","events":"all"}"#;
    let made = house.admin("POST", API, body).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let (page, sent) = row().await;
    assert_has(
        &page,
        &[
            "0 of 26 active, 26 sent by another webhook",
            "0 of 3 active, 3 sent by another webhook",
        ],
    );
    assert!(sent.contains("class=\"dot elsewhere\""), "{sent}");
    assert!(sent.contains("Sent by another webhook: "), "{sent}");
    assert!(!sent.contains(" checked"), "{sent}");

    // One that is off sends nothing.
    let off = format!("{API}/{}/disable", made.at("id").as_int().unwrap());
    let off = house.admin("POST", &off, "").await;
    assert!(off.status < 300, "{}", off.text);
    let (page, off) = row().await;
    assert_has(&page, &["0 of 26 active."]);
    assert!(off.contains("class=\"dot\""), "{off}");
}

#[tokio::test]
async fn test_all_sends_the_sample_of_each_row() {
    let house = House::with_people().await;
    let path = format!("{LIST}/by-event");
    let none = house
        .submit(
            OWNER,
            &format!("{path}/test"),
            &form(&[("dialect", "gitscrum")]),
        )
        .await;
    assert_eq!(none.status, 303);
    house.receiver.others.lock().insert("no.example", 503);
    for (code, url) in [
        ("issues.store", "https://example.com/a"),
        ("sprints.store", "https://no.example/b"),
    ] {
        let row = form(&[
            ("dialect", "gitscrum"),
            ("code", code),
            ("url", url),
            ("switch", "1"),
            ("enabled", "on"),
        ]);
        assert_eq!(house.submit(OWNER, &path, &row).await.status, 303);
    }
    let sent = house
        .submit(
            OWNER,
            &format!("{path}/test"),
            &form(&[("dialect", "gitscrum")]),
        )
        .await;
    assert_eq!(sent.status, 303, "{}", sent.text);
    // Loaded again, the page shows them again, and nothing is sent.
    house.open(OWNER, sent.header("location")).await;
    let page = house.open(OWNER, sent.header("location")).await;
    assert_eq!(page.status, 200, "{}", page.text);
    let results = page.text.split("Test results").nth(1).unwrap();
    let results = results.split("</section>").next().unwrap();
    assert_eq!(results.matches("/projects/HB/deliveries/dlv_").count(), 2);
    for part in [
        "Task created",
        "accepted",
        "Sprint created",
        "rejected",
        ">503<",
    ] {
        assert!(results.contains(part), "no {part} in {results}");
    }
    assert_eq!(house.receiver.got.lock().len(), 2);
    let gone = format!("{path}?dialect=gitscrum&tested=dlv_01fsc4zgv00g0,x");
    let page = house.open(OWNER, &gone).await;
    assert_eq!(page.status, 200, "{}", page.text);
    assert!(!page.text.contains("Test results"), "{}", page.text);
}
