//! Pages that listen, in a real browser: what changes shows up without a reload, and a stop does not wait for whoever listens.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;
use tidings_testkit::browser::{Browser, Setup};
use tidings_web::{Limits, serve};
use tokio_util::sync::CancellationToken;

use crate::house::House;

#[tokio::test]
async fn what_changes_shows_up_without_a_reload() {
    let house = House::with_people().await;
    let hook = house.webhook("admin", "").await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let stop = CancellationToken::new();
    let (door, metrics) = (house.door.clone(), Arc::clone(&house.metrics));
    let server = serve(listener, door, metrics, Limits::default(), stop.clone());
    let server = tokio::spawn(server);
    let at = |path: &str| format!("http://localhost:{port}{path}");
    let tell = async |path: &str, body: &str| {
        let path = format!("/api/v1/projects/HB{path}");
        let done = house.admin("POST", &path, body).await;
        assert!(done.status < 300, "{path}: {}", done.text);
    };

    let browser = Browser::open(Setup::default()).await;
    browser.go(&at("/sign-in")).await;
    let secret = &house.cookies["admin"];
    let cookie = json!({"name": "__Host-tidings", "value": secret, "path": "/", "secure": true});
    browser.add_cookie(&cookie).await;

    browser.go(&at("/projects/HB/deliveries")).await;
    browser.see(".live.on").await;
    browser.run("window.same = true", &[]).await;
    for n in 1..=2 {
        let title = format!("Hot news {n}");
        tell("/tasks", &json!({ "title": title }).to_string()).await;
        browser.see_words(&title).await;
        browser.see_words("HTTP 200").await;
    }
    let same = browser.run("return window.same", &[]).await;
    assert_eq!(same, json!(true), "the page was not loaded again");

    let list = house
        .admin("GET", "/api/v1/projects/HB/deliveries", "")
        .await;
    let one = format!("/deliveries/{}", list.at("data/0/id").as_str().unwrap());
    browser.go(&at(&format!("/projects/HB{one}"))).await;
    browser.see(".live.on").await;
    browser.see_words("1 try").await;
    tell(&format!("{one}/resend"), "").await;
    browser.see_words("2 tries").await;

    browser
        .go(&at(&format!("/projects/HB/webhooks/{hook}/health")))
        .await;
    browser.see(".live.on").await;
    tell(&format!("/webhooks/{hook}/pause"), "").await;
    browser.see_words("On hold").await;
    browser.assert_quiet(&at("")).await;

    let begun = Instant::now();
    house.app.engine.answer_waiters();
    stop.cancel();
    server.await.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(10), "{begun:?}");
}
