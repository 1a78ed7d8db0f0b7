//! Pages that renew themselves while somebody uses them: what one has unfolded, focused, marked or is about to press stays.

use serde_json::{Value, json};
use tidings_testkit::browser::{Browser, Setup, button};
use tidings_testkit::receiver::{Behavior, Receiver};

use super::people::Person;
use super::stage::{Stage, visit};
use super::world::PATIENCE;

const KEY: &str = "LIVE";

/// A project with a webhook, and somebody who looks at it.
struct Scene {
    stage: Stage,
    receiver: Receiver,
    browser: Browser,
    person: Person,
}

impl Scene {
    async fn set(behavior: Behavior) -> Self {
        let stage = Stage::bare().await;
        let receiver = Receiver::start(behavior).await;
        let server = &stage.server;
        let project = json!({"key": KEY, "name": "Live"});
        server.call("POST", "/projects", &project).await;
        let webhook = json!({"name": "Build", "url": receiver.url("/hook"), "dialect": "standard", "events": "all",
            "secret": "of the stage", "failure_limit": 0, "retry_schedule": []});
        let hooks = format!("/projects/{KEY}/webhooks");
        server.call("POST", &hooks, &webhook).await;
        let browser = Browser::open(Setup::default()).await;
        let person = stage.administrator();
        person.sit_down(&browser, server).await;
        Self {
            stage,
            receiver,
            browser,
            person,
        }
    }

    async fn call(&self, method: &str, path: &str, body: Value) -> Value {
        let path = format!("/projects/{KEY}{path}");
        self.stage.server.call(method, &path, &body).await
    }

    async fn tell(&self, id: usize, title: &str) {
        let path = format!("/stories/{id}");
        self.call("PUT", &path, json!({ "title": title })).await;
    }

    async fn visit(&self, path: &str) {
        let path = format!("/projects/{KEY}{path}");
        visit(&self.browser, &self.stage.server, &path).await;
        self.browser.see(".live.on").await;
    }

    /// The page has asked for itself, and shown or left what came, so often.
    async fn renewed(&self, times: u64) {
        let asked = "return performance.getEntriesByType('resource').filter(e => e.initiatorType === 'xmlhttprequest').length";
        let browser = &self.browser;
        browser
            .until("the page to renew itself", async || {
                browser.run(asked, &[]).await.as_u64() >= Some(times)
            })
            .await;
        browser.settle().await;
    }

    async fn newest(&self) -> String {
        let log = self.call("GET", "/deliveries?limit=1", Value::Null).await;
        log["data"][0]["id"].as_str().unwrap().to_owned()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_reads_stays_unfolded_and_focused_when_a_delivery_is_tried_again() {
    let scene = Scene::set(Behavior::status(500).body("out of order")).await;
    let browser = &scene.browser;
    scene.tell(1, "First light").await;
    scene.receiver.requests(1, PATIENCE).await;
    let delivery = scene.newest().await;
    scene.visit(&format!("/deliveries/{delivery}")).await;
    browser.see_words("1 try").await;
    let python = "//summary[.='Python']";
    browser.click(python).await;
    // It was unfolded for them: they folded it.
    browser.click("#answer-1").await;
    let body = "pre[aria-label=Body]";
    let scroll = "document.querySelector(arguments[0]).scrollTop = 60; document.querySelector(arguments[0]).focus()";
    browser.run(scroll, &[json!(body)]).await;
    let focused = "return document.activeElement.getAttribute('aria-label')";
    scene
        .call(
            "POST",
            &format!("/deliveries/{delivery}/resend"),
            Value::Null,
        )
        .await;
    browser.see_words("2 tries").await;
    browser.settle().await;
    let open = "return [...document.querySelectorAll('details.more[open] > summary')].map(e => e.id || e.textContent)";
    assert_eq!(
        browser.run(open, &[]).await,
        json!(["answer-2", "Python"]),
        "unfolded"
    );
    assert_eq!(browser.property(body, "scrollTop").await, json!(60));
    assert_eq!(browser.run(focused, &[]).await, json!("Body"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_moves_can_be_pressed_marked_and_paused() {
    let scene = Scene::set(Behavior::ok()).await;
    let browser = &scene.browser;
    for id in 1..=3 {
        scene.tell(id, &format!("Story {id}")).await;
    }
    scene.visit("/deliveries").await;
    browser.see_words("Story 3").await;
    scene.renewed(1).await;

    // Somebody marks a number to copy it.
    let mark = "const r = document.createRange(); r.selectNodeContents(document.querySelector('#log code')); getSelection().addRange(r)";
    browser.run(mark, &[]).await;
    scene.tell(4, "Story 4").await;
    scene.renewed(2).await;
    let marked = browser.run("return String(getSelection())", &[]).await;
    assert_eq!(marked, json!("story.created"));
    browser.run("getSelection().removeAllRanges()", &[]).await;
    browser.see_words("Story 4").await;

    browser.click(&button("Pause updates")).await;
    scene.tell(5, "Story 5").await;
    scene.tell(5, "Story 5 again").await;
    scene.receiver.requests(6, PATIENCE).await;
    // What would be shown by now, had nobody paused it: another page of the same log shows it.
    let other = Browser::open(Setup::default()).await;
    scene.person.sit_down(&other, &scene.stage.server).await;
    visit(
        &other,
        &scene.stage.server,
        &format!("/projects/{KEY}/deliveries"),
    )
    .await;
    other.see_words("Story 5 again").await;
    assert_eq!(browser.text(".live").await, "Not live");
    assert!(!browser.text("#log").await.contains("Story 5"));
    browser.click(&button("Pause updates")).await;
    browser.see_words("Story 5 again").await;

    // A press that lasts while rows come in between is still one on the row that was pressed.
    let place = "const b = document.querySelectorAll('#log a.strong')[1].getBoundingClientRect(); return [b.x + 5, b.y + 5, document.querySelectorAll('#log a.strong')[1].id]";
    let place = browser.run(place, &[]).await;
    let mouse = async |kind: &str| {
        let event =
            json!({"type": kind, "x": place[0], "y": place[1], "button": "left", "clickCount": 1});
        browser.devtools("Input.dispatchMouseEvent", event).await;
    };
    mouse("mouseMoved").await;
    mouse("mousePressed").await;
    let before = "return performance.getEntriesByType('resource').filter(e => e.initiatorType === 'xmlhttprequest').length";
    let before = browser.run(before, &[]).await.as_u64().unwrap();
    scene.tell(6, "Story 6").await;
    scene.renewed(before + 1).await;
    mouse("mouseReleased").await;
    let id = place[2].as_str().unwrap();
    browser
        .arrive(&format!("/projects/{KEY}/deliveries/{id}"))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_to_be_copied_is_copied_where_the_browser_lends_no_clipboard() {
    let stage = Stage::bare().await;
    let browser = Browser::open(Setup::default()).await;
    visit(&browser, &stage.server, "/catalogue/squish/submit").await;
    // As on a page that came without TLS from another machine.
    let none = "Object.defineProperty(navigator, 'clipboard', {value: undefined}); window.got = '';\
        document.addEventListener('copy', () => { window.got = String(getSelection()); })";
    browser.run(none, &[]).await;
    browser.click(&button("Copy")).await;
    browser.see(&button("Copied")).await;
    let got = browser.run("return window.got", &[]).await;
    assert!(got.as_str().unwrap().contains("Add rate limiter"), "{got}");
}
