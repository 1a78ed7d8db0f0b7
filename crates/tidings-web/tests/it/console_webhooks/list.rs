//! The list: what it shows, how it is searched, what a row does.

use axum::body::Body;
use http::header;

use super::{API, LIST, OWNER, assert_has, assert_lacks, form};
use crate::house::House;

#[tokio::test]
async fn the_list_shows_what_each_webhook_is_and_how_it_fares() {
    let house = House::with_people().await;
    let empty = house.open(OWNER, LIST).await;
    assert_has(&empty, &["No webhook yet", "Add Webhook"]);

    house
        .subscribe(OWNER, r#","name":"All","url":"http://plain.example/x""#)
        .await;
    house
        .subscribe(
            OWNER,
            r#","name":"Stories","events":"stories","verify_tls":false"#,
        )
        .await;
    let codes =
        r#","name":"Four","events":["story.create","story.update","task.create","task.update"]"#;
    let four = house.subscribe("app", codes).await;
    house
        .subscribe(
            "app",
            r#","name":"Mine","events":["task.create"],"locked":true"#,
        )
        .await;
    house
        .ask(OWNER, "POST", &format!("{API}/{four}/pause"), "")
        .await;
    let page = house.open(OWNER, LIST).await;
    assert_eq!(page.status, 200, "{}", page.text);
    assert_has(
        &page,
        &[
            "4 webhooks",
            "http://plain.example/<wbr>x",
            "insecure: http",
            "TLS not verified",
            "all 38",
            ">stories<",
            "4 of 38",
            ">task.create<",
            "iceScrum",
            "made by zapier",
            "locked",
            "Paused by hand",
            "Add Webhook",
        ],
    );
    for action in ["edit", "delete"] {
        assert_has(&page, &[&format!("href=\"{LIST}/{four}/{action}\"")]);
    }
    for action in ["test", "resume", "disable"] {
        assert_has(&page, &[&format!("action=\"{LIST}/{four}/{action}\"")]);
    }
}

#[tokio::test]
async fn hundreds_of_webhooks_are_searched_and_paged() {
    let house = House::with_people().await;
    for n in 0..60 {
        let members = format!(
            r#","name":"Hook {n:03}","url":"https://{}.example/{n}""#,
            if n % 2 == 0 { "even" } else { "odd" }
        );
        house.subscribe(OWNER, &members).await;
    }
    let first = house.open(OWNER, LIST).await;
    assert_has(
        &first,
        &["60 webhooks", "Hook 000", "Hook 049", "Next page"],
    );
    assert_lacks(&first, &["Hook 050", "Previous page", "First page"]);
    let next = first.text.split("cursor=").nth(1).unwrap();
    let next = next.split('"').next().unwrap();
    let second = house.open(OWNER, &format!("{LIST}?cursor={next}")).await;
    assert_has(&second, &["Hook 050", "Hook 059", "Previous page"]);
    assert_lacks(&second, &["Hook 049", "Next page"]);

    let named = house
        .open(OWNER, &format!("{LIST}?q=hook+05&state=&dialect="))
        .await;
    assert_has(&named, &["10 of 60", "Hook 055", "value=\"hook 05\""]);
    let led = house
        .open(OWNER, &format!("{LIST}?q=ODD.example&limit=20"))
        .await;
    assert_has(
        &led,
        &["30 of 60", "Hook 001", "q=ODD.example", "Next page"],
    );
    assert_lacks(&led, &["Hook 002"]);
    let none = house.open(OWNER, &format!("{LIST}?q=nothing")).await;
    assert_has(&none, &["Nothing found"]);
    let other = house.open(OWNER, &format!("{LIST}?dialect=squish")).await;
    assert_has(&other, &["Nothing found"]);
    let wrong = house.open(OWNER, &format!("{LIST}?state=sad")).await;
    assert_has(&wrong, &["Next page"]);
}

#[tokio::test]
async fn a_page_of_the_list_has_a_bound_whatever_is_asked_for() {
    let house = House::with_people().await;
    for n in 0..51 {
        house
            .subscribe(OWNER, &format!(r#","name":"Hook {n:03}""#))
            .await;
    }
    let page = house.open(OWNER, &format!("{LIST}?limit=200")).await;
    assert_has(&page, &["51 webhooks", "Hook 049", "Next page"]);
    assert_lacks(&page, &["Hook 050"]);
}

#[tokio::test]
async fn the_list_finds_webhooks_by_their_health() {
    let house = House::with_people().await;
    let well = house.subscribe(OWNER, r#","name":"Well""#).await;
    let off = house
        .subscribe(OWNER, r#","name":"Off","enabled":false"#)
        .await;
    let held = house.subscribe(OWNER, r#","name":"Held""#).await;
    house
        .submit(OWNER, &format!("{LIST}/{held}/pause"), "")
        .await;
    for (state, id) in [("ok", well), ("disabled", off), ("paused", held)] {
        let page = house.open(OWNER, &format!("{LIST}?state={state}")).await;
        assert_has(&page, &["1 of 3 webhooks", &format!("{LIST}/{id}/edit")]);
    }
}

#[tokio::test]
async fn a_row_is_switched_and_the_list_comes_back_as_it_was() {
    let house = House::with_people().await;
    let id = house.subscribe(OWNER, r#","name":"Chat""#).await;
    for (action, state, enabled) in [
        ("pause", "paused", true),
        ("resume", "ok", true),
        ("disable", "disabled", false),
        ("enable", "ok", true),
    ] {
        let sent = form(&[("list", "q=chat&state=ok")]);
        let done = house
            .submit(OWNER, &format!("{LIST}/{id}/{action}"), &sent)
            .await;
        assert_eq!(
            (done.status, done.header("location")),
            (303, "/projects/HB/webhooks?q=chat&state=ok"),
            "{}",
            done.text
        );
        let now = house.read(id).await;
        assert_eq!(now.at("health/state"), state.into(), "{action}");
        assert_eq!(now.at("enabled"), enabled.into(), "{action}");
    }
    let done = house.submit(OWNER, &format!("{LIST}/{id}/pause"), "").await;
    assert_eq!(done.header("location"), format!("{LIST}/{id}"));
    let odd = form(&[("list", "x y\r\nset-cookie: a")]);
    let done = house
        .submit(OWNER, &format!("{LIST}/{id}/resume"), &odd)
        .await;
    assert_eq!(done.header("location"), LIST);
}

#[tokio::test]
async fn deleting_asks_first() {
    let house = House::with_people().await;
    let id = house.subscribe(OWNER, r#","name":"Chat""#).await;
    let path = format!("{LIST}/{id}/delete");
    let asks = house.open(OWNER, &path).await;
    assert_has(
        &asks,
        &[
            "Delete this webhook?",
            "https://example.com/hook",
            "Keep it",
        ],
    );
    assert_eq!(house.read(id).await.status, 200);
    let done = house.submit(OWNER, &path, "").await;
    assert_eq!((done.status, done.header("location")), (303, LIST));
    assert_eq!(house.read(id).await.status, 404);
}

#[tokio::test]
async fn the_list_draws_the_deliveries_and_failures_of_the_last_day() {
    let house = House::with_people().await;
    house.receiver.others.lock().insert("no.example", 400);
    let good = house.subscribe(OWNER, "").await;
    house
        .subscribe(OWNER, r#","url":"https://no.example/""#)
        .await;
    house.subscribe(OWNER, r#","enabled":false"#).await;
    let wait = "/api/v1/projects/HB/stories";
    let request = http::Request::builder()
        .method("POST")
        .uri(wait)
        .header(
            header::AUTHORIZATION,
            format!("Bearer {}", crate::house::ADMIN),
        )
        .header(header::CONTENT_TYPE, "application/json")
        .header("prefer", "wait=10")
        .body(Body::from(r#"{"title":"A"}"#))
        .unwrap();
    assert_eq!(house.send(request).await.status, 201);
    let page = house.open(OWNER, LIST).await;
    assert_has(
        &page,
        &[
            "Last day by the hour: 1 delivered\"",
            "Last day by the hour: 0 delivered, 1 failed",
            "nothing sent",
        ],
    );
    let one = house.open(OWNER, &format!("{LIST}/{good}")).await;
    assert_has(
        &one,
        &[
            "Last day by the hour: 1 delivered",
            "story.create",
            "stories/1",
        ],
    );
}
