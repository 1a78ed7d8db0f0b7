//! The sent log's pages: who sees what, filters without scripts, a delivery with everything about it, inert whatever it holds.

use axum::body::Body;
use http_body_util::BodyExt;
use std::process::Command;
use std::time::Duration;

use crate::house::{Got, House};

const LOG: &str = "/projects/HB/deliveries";

impl House {
    /// Creates a task, and waits until what it causes was tried.
    async fn task(&self, title: &str) -> Got {
        let mut body = tidings_domain::Value::Map(Vec::new());
        if let tidings_domain::Value::Map(members) = &mut body {
            members.push(("title".to_owned(), title.into()));
        }
        let body = serde_json::to_string(&body).unwrap();
        let made = self.admin_waits("/api/v1/projects/HB/tasks", &body).await;
        assert_eq!(made.status, 201, "{}", made.text);
        made
    }

    async fn admin_waits(&self, path: &str, body: &str) -> Got {
        let request = http::Request::post(path)
            .header("authorization", format!("Bearer {}", self.tokens["admin"]))
            .header("content-type", "application/json")
            .header("prefer", "wait=10");
        self.send(request.body(Body::from(body.to_owned())).unwrap())
            .await
    }

    /// The ids of the log, newest first.
    async fn log(&self) -> Vec<String> {
        let list = self
            .admin("GET", "/api/v1/projects/HB/deliveries", "")
            .await;
        let rows = list.at("data");
        let id = |row: &tidings_domain::Value| row.member("id")?.as_str().map(str::to_owned);
        rows.as_list().iter().filter_map(id).collect()
    }
}

/// The text between two marks of a page, as a reader sees it.
fn between(page: &str, from: &str, to: &str) -> String {
    let (_, rest) = page
        .split_once(from)
        .unwrap_or_else(|| panic!("no {from} in {page}"));
    let text = rest.split(to).next().unwrap();
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&#39;", "'")
        .replace("&amp;", "&")
}

#[tokio::test]
async fn the_log_lists_filters_and_pages_without_scripts() {
    let house = House::with_people().await;
    let good = house.webhook("admin", r#","name":"Good one""#).await;
    house.webhook("admin", r#","name":"Other""#).await;
    let empty = house.open("team_member", LOG).await;
    assert!(
        empty.text.contains("Nothing was sent yet"),
        "{}",
        empty.text
    );
    for n in 0..30 {
        house.task(&format!("Task number {n}")).await;
    }
    let page = house.open("team_member", LOG).await;
    assert_eq!(page.status, 200, "{}", page.text);
    assert_eq!(page.text.matches("HTTP 200").count(), 50, "a page");
    assert!(page.text.contains("Task number 29") && page.text.contains("Good one"));
    assert!(
        page.text
            .contains("sse-connect=\"/projects/HB/deliveries/live\"")
    );
    let next = between(
        &page.text,
        "<a href=\"/projects/HB/deliveries?cursor=",
        "\"",
    );
    let next = house
        .open("team_member", &format!("{LOG}?cursor={next}"))
        .await;
    assert_eq!(next.text.matches("HTTP 200").count(), 10, "the rest");
    assert!(
        !next.text.contains("sse-connect"),
        "only what is new is live"
    );

    let form = format!(
        "{LOG}?q=number+7&state=delivered&webhook={good}&object=&code=&event=&trigger=&status=&since=2026-03-02T00%3A00&until="
    );
    let found = house.open("team_member", &form).await;
    assert_eq!(found.status, 200, "{}", found.text);
    assert_eq!(found.text.matches("HTTP 200").count(), 1, "{}", found.text);
    assert!(
        found.text.contains("value=\"2026-03-02T00:00\""),
        "as it was asked"
    );
    let none = house
        .open("team_member", &format!("{LOG}?state=failed"))
        .await;
    assert!(none.text.contains("Nothing like that"));
    let wrong = house
        .open("team_member", &format!("{LOG}?status=abc&q=x"))
        .await;
    assert_eq!(wrong.status, 422);
    assert!(wrong.text.contains("id=\"status-fault\"") && wrong.text.contains("value=\"abc\""));
}

#[tokio::test]
async fn a_list_leads_back_page_by_page() {
    let house = House::with_people().await;
    for n in 1..=7 {
        house
            .webhook("admin", &format!(r#","name":"Hook {n}.""#))
            .await;
    }
    let links = |page: &str| {
        let nav = page.split("aria-label=\"Pages\">").nth(1).unwrap_or("");
        let nav = nav.split("</nav>").next().unwrap();
        let link = |part: &str| {
            let (to, words) = part.split_once('"').unwrap();
            let words = words.split_once('>').unwrap().1;
            let words = words.split('<').next().unwrap();
            (words.to_owned(), to.replace("&amp;", "&"))
        };
        let links: Vec<_> = nav.split("<a href=\"").skip(1).map(link).collect();
        links
    };
    let first = "/projects/HB/webhooks?q=Hook&limit=2".to_owned();
    let mut way = vec![first];
    loop {
        let page = house.open("product_owner", way.last().unwrap()).await;
        assert_eq!(page.status, 200, "{}", page.text);
        let links = links(&page.text);
        let to = |words: &str| links.iter().find(|l| l.0 == words).map(|l| l.1.clone());
        let before = way.len().checked_sub(2).map(|i| way[i].clone());
        let bare = |link: &String| link.replace("limit=2&q=Hook", "q=Hook&limit=2");
        assert_eq!(to("Previous page").as_ref().map(bare), before);
        assert_eq!(to("First page").is_some(), way.len() > 2);
        let Some(next) = to("Next page") else { break };
        way.push(bare(&next));
    }
    assert_eq!(way.len(), 4, "{way:?}");
}

#[tokio::test]
async fn a_deleted_webhook_keeps_its_name_in_the_log() {
    for house in House::both_with_people().await {
        let id = house.webhook("admin", r#","name":"Night build""#).await;
        house.task("Fix").await;
        let gone = format!("/api/v1/projects/HB/webhooks/{id}");
        assert_eq!(house.admin("DELETE", &gone, "").await.status, 204);
        let delivery = house.log().await.remove(0);
        for path in [LOG, &format!("{LOG}/{delivery}")] {
            let page = house.open("product_owner", path).await;
            let named = between(&page.text, "Night build", "</");
            assert!(named.contains("deleted"), "{path}: {named}");
            assert!(!page.text.contains("/resend"), "{path}: {}", page.text);
        }
        let path = format!("/api/v1/projects/HB/deliveries/{delivery}");
        let event = house.admin("GET", &path, "").await.at("event");
        let path = format!("/projects/HB/events/{}", event.as_int().unwrap());
        let page = house.open("team_member", &path).await.text;
        assert!(
            between(&page, "Night build", "</").contains("deleted"),
            "{page}"
        );
    }
}

#[tokio::test]
async fn a_test_has_a_title_and_leads_to_no_object() {
    for house in House::both_with_people().await {
        let id = house.webhook("admin", "").await;
        let path = format!("/api/v1/projects/HB/webhooks/{id}/test");
        let sent = house
            .admin("POST", &path, r#"{"event":"task.create"}"#)
            .await;
        assert_eq!(sent.status, 200, "{}", sent.text);
        let title = "Task created (sample)";
        assert_eq!(sent.at("title"), title.into());
        let about = sent.at("object").as_str().unwrap().to_owned();
        let delivery = house.log().await.remove(0);
        for path in [LOG, &format!("{LOG}/{delivery}")] {
            let page = house.open("team_member", path).await.text;
            assert!(page.contains(title) && page.contains(&about), "{page}");
            assert!(!page.contains(&format!(">{about}</a>")), "{page}");
        }
        // Of a real object it has that one's.
        house.task("Paint the door").await;
        let real = house.admin("GET", "/api/v1/projects/HB/tasks", "").await;
        let task = real.at("data/0/id").as_int().unwrap();
        let body = format!(r#"{{"event":"task.create","object":"tasks/{task}"}}"#);
        let sent = house.admin("POST", &path, &body).await;
        assert_eq!(sent.at("title"), "Paint the door".into(), "{}", sent.text);
    }
}

#[tokio::test]
async fn an_update_counts_all_of_its_deliveries() {
    for house in House::both_with_people().await {
        for _ in 0..60 {
            house.webhook("admin", "").await;
        }
        let paused = house.webhook("admin", "").await;
        let path = format!("/api/v1/projects/HB/webhooks/{paused}/pause");
        assert!(house.admin("POST", &path, "").await.status < 300);
        house.task("Fix").await;
        let page = house.open("team_member", "/projects/HB").await.text;
        assert!(page.contains(">60 delivered<"), "{page}");
        assert!(page.contains(">1 held<"), "{page}");
        assert!(!page.contains("and more"), "{page}");
    }
}

#[tokio::test]
async fn stakeholders_and_other_projects_see_no_log() {
    let house = House::with_people().await;
    house.webhook("admin", "").await;
    house.task("Secret plan").await;
    let id = house.log().await.remove(0);
    for path in [LOG.to_owned(), format!("{LOG}/{id}"), format!("{LOG}/live")] {
        assert_eq!(house.open("stakeholder", &path).await.status, 403, "{path}");
        assert_eq!(house.open("other_owner", &path).await.status, 404, "{path}");
    }
    let elsewhere = format!("/projects/OTHER/deliveries/{id}");
    assert_eq!(house.open("other_owner", &elsewhere).await.status, 404);
    let other = house
        .submit("team_member", &format!("{LOG}/{id}/resend"), "")
        .await;
    assert_eq!(other.status, 403);
}

#[tokio::test]
async fn a_delivery_shows_its_request_and_tries_to_those_who_manage_webhooks() {
    let house = House::with_people().await;
    house
        .webhook(
            "admin",
            r#","secret":"s3cret","headers":{"X-Mine":"hidden value"}"#,
        )
        .await;
    house.task("Look at me").await;
    let id = house.log().await.remove(0);
    let path = format!("{LOG}/{id}");
    let page = house.open("product_owner", &path).await;
    assert_eq!(page.status, 200, "{}", page.text);
    for told in [
        "Look at me",
        "x-icescrum-signature",
        "thanks",
        "HTTP 200",
        "Try 1",
        "https://example.com/hook",
        "curl &#39;https://example.com/hook&#39;",
        "Send again",
    ] {
        assert!(page.text.contains(told), "{told}: {}", page.text);
    }
    assert!(!page.text.contains("hidden value") && !page.text.contains("s3cret"));
    let less = house.open("team_member", &path).await;
    assert_eq!(less.status, 200);
    for hidden in [
        "x-icescrum-signature",
        "thanks",
        "/hook",
        "curl",
        "Send again",
        "hmac",
    ] {
        assert!(!less.text.contains(hidden), "{hidden}: {}", less.text);
    }
    assert!(less.text.contains("Look at me") && less.text.contains("HTTP 200"));

    let again = house
        .submit("product_owner", &format!("{path}/resend"), "")
        .await;
    assert_eq!(
        (again.status, again.header("location")),
        (303, path.as_str())
    );
    let gone = house
        .open("product_owner", &format!("{LOG}/dlv_0000000000000"))
        .await;
    assert_eq!(gone.status, 404);
}

#[tokio::test]
async fn a_long_body_is_cut_until_somebody_asks_for_all_of_it() {
    let house = House::with_people().await;
    house.webhook("admin", "").await;
    let body = format!(
        r#"{{"title":"Long","description":"{} the end"}}"#,
        "long ".repeat(2000)
    );
    let made = house.admin_waits("/api/v1/projects/HB/tasks", &body).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let path = format!("{LOG}/{}", house.log().await[0]);
    let short = house.open("admin", &path).await;
    let shown = between(&short.text, "<code id=\"pretty\">", "</code>");
    assert!(!shown.contains("the end") && short.text.contains("Show all"));
    let whole = house.open("admin", &format!("{path}?all=1")).await;
    let shown = between(&whole.text, "<code id=\"pretty\">", "</code>");
    assert!(shown.contains("the end") && !whole.text.contains("Show all"));
}

#[tokio::test]
async fn hostile_text_is_inert_wherever_it_is_shown() {
    const EVIL: &str = "</code></pre><script>alert(1)</script><img src=x onerror=alert(1)>\"'";
    let house = House::with_people().await;
    let name = r#","secret":"s","name":"</option><script>alert(1)</script>""#;
    house.webhook("admin", name).await;
    *house.receiver.says.lock() = Some((
        vec![
            ("x-evil".to_owned(), EVIL.to_owned()),
            (EVIL.to_owned(), "x".to_owned()),
        ],
        EVIL.to_owned(),
    ));
    house.receiver.others.lock().insert("example.com", 500);
    house.task(EVIL).await;
    let id = house.log().await.remove(0);
    let hook = "/projects/HB/webhooks/1";
    let pages = [
        LOG.to_owned(),
        format!("{LOG}?q=%3Cscript%3E&object=&code=%3Cscript%3Ealert(1)%3C%2Fscript%3E"),
        format!("{LOG}?status=%3Cscript%3E"),
        format!("{LOG}/{id}"),
        format!("{LOG}/{id}?all=1"),
        format!("{hook}/health"),
        format!("{hook}/health?since=%3Cscript%3E"),
        format!("{hook}/resend?since=%22%3E%3Cscript%3E&failed=on"),
    ];
    for path in pages {
        let page = house.open("admin", &path).await;
        assert!(matches!(page.status, 200 | 422), "{path}: {}", page.text);
        for marked in [
            "<script>",
            "<img src=x",
            "onerror=alert(1)>\"",
            "</option><script",
        ] {
            assert!(
                !page.text.contains(marked),
                "{path} {marked}: {}",
                page.text
            );
        }
    }
    let page = house.open("admin", &format!("{LOG}/{id}")).await;
    assert!(
        page.text.matches("&lt;script&gt;alert(1)").count() >= 4,
        "{}",
        page.text
    );
}

/// Runs a program; what it says and whether it was content.
fn run(mut command: Command, secret: &str) -> (bool, String) {
    let done = command.env("TIDINGS_SECRET", secret).output();
    let done = done.unwrap_or_else(|e| panic!("{command:?} is needed for this test: {e}"));
    let said = [done.stdout, done.stderr].concat();
    (
        done.status.success(),
        String::from_utf8_lossy(&said).into_owned(),
    )
}

/// How a program's source is run. Go is compiled, which takes its time: once, and then run.
fn ready(language: &str, source: &str, directory: &std::path::Path) -> impl Fn() -> Command {
    let (program, file) = match language {
        "python" => ("python3", "verify.py"),
        "node" => ("node", "verify.js"),
        _ => ("", "verify.go"),
    };
    let file = directory.join(file);
    std::fs::write(&file, source).unwrap();
    let made = directory.join("verify");
    if program.is_empty() {
        let mut go = Command::new("go");
        go.arg("build").arg("-o").arg(&made).arg(&file);
        go.env("GO111MODULE", "off").env("GOTOOLCHAIN", "local");
        go.env("GOCACHE", directory.join("cache"));
        let (good, said) = run(go, "");
        assert!(good, "{said}\n{source}");
    }
    move || {
        if program.is_empty() {
            return Command::new(&made);
        }
        let mut command = Command::new(program);
        command.arg(&file);
        command
    }
}

/// The languages whose programs can be run here. Python is there wherever the tests run; of the others it is said.
#[expect(
    clippy::print_stdout,
    reason = "whoever runs the tests is told what was left out"
)]
fn languages() -> Vec<&'static str> {
    let mut here = vec!["python"];
    for (language, program, argument) in [("node", "node", "--version"), ("go", "go", "version")] {
        let found = Command::new(program).arg(argument).output();
        if found.is_ok_and(|done| done.status.success()) {
            here.push(language);
        } else {
            println!(
                "skipped: {program} is not installed, so the programs in {language} are only looked at"
            );
        }
    }
    here
}

#[tokio::test]
async fn the_programs_verify_the_request_they_hold_and_no_other() {
    let house = House::with_people().await;
    let directory = tempfile::tempdir().unwrap();
    let standard = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let hooks = [
        ("icescrum", "any ä 'secret\""),
        ("squish", "short"),
        ("standard", standard),
        ("backlog", "plain"),
    ];
    for (dialect, secret) in hooks {
        let url = "https://example.com/hook";
        let body = format!(
            r#"{{"url":"{url}","dialect":"{dialect}","secret":{}}}"#,
            serde_json::to_string(secret).unwrap()
        );
        let made = house
            .admin("POST", "/api/v1/projects/HB/webhooks", &body)
            .await;
        assert_eq!(made.status, 201, "{}", made.text);
    }
    house
        .task("\u{feff}Ünïcode \u{2028} \u{1f600} \u{7} \\ \"quoted\" ${x} {y} %s")
        .await;
    let rows = house
        .admin("GET", "/api/v1/projects/HB/deliveries", "")
        .await;
    let here = languages();
    let (mut checked, mut compiled) = (0, Vec::new());
    for row in rows.at("data").as_list() {
        let text = |name: &str| row.member(name).unwrap().as_str().unwrap().to_owned();
        let dialect = text("dialect");
        let page = house.open("admin", &format!("{LOG}/{}", text("id"))).await;
        let (_, secret) = hooks.iter().find(|(d, _)| *d == dialect).unwrap();
        for language in here.iter().copied() {
            if language == "go" && compiled.contains(&dialect) {
                continue;
            }
            let begin = format!("<code id=\"verify-{language}\">");
            let source = between(&page.text, &begin, "</code>");
            let command = ready(language, &source, directory.path());
            let (good, said) = run(command(), secret);
            assert!(
                good && said.trim() == "verified",
                "{language} {dialect}: {said}\n{source}"
            );
            assert!(!run(command(), "another").0, "{language}");
            let forged = source.replacen("%s", "%d", 1);
            assert_ne!(forged, source);
            let command = ready(language, &forged, directory.path());
            let (good, said) = run(command(), secret);
            assert!(
                !good && said.contains("does not match"),
                "{language}: {said}"
            );
            checked += 1;
        }
        compiled.push(dialect);
        let go = between(&page.text, "<code id=\"verify-go\">", "</code>");
        assert!(!go.contains("{{") && go.starts_with("package main"), "{go}");
        let vendor = matches!(text("dialect").as_str(), "icescrum" | "squish");
        assert_eq!(go.contains("encoding/hex"), vendor, "{go}");
    }
    assert!(checked >= 4 * here.len(), "{checked}");
}

/// What a stream says next.
async fn next(body: &mut Body) -> Option<String> {
    let frame = tokio::time::timeout(Duration::from_secs(20), body.frame());
    let frame = frame.await.unwrap()?;
    let bytes = frame.unwrap().into_data().unwrap();
    Some(String::from_utf8(bytes.to_vec()).unwrap())
}

#[tokio::test]
async fn the_updates_hear_also_of_what_sends_nothing() {
    let house = House::with_people().await;
    let page = house.open("team_member", "/projects/HB").await;
    assert!(
        page.text
            .contains("sse-connect=\"/projects/HB/deliveries/live?all=true\"")
    );
    let request = house.as_browser("team_member", "GET", &format!("{LOG}/live?all=true"));
    let response = house
        .door
        .answer(request.body(Body::empty()).unwrap())
        .await;
    let mut updates = response.into_body();
    next(&mut updates).await.unwrap();
    house
        .admin("POST", "/api/v1/projects/HB/tasks", r#"{"title":"Quiet"}"#)
        .await;
    assert_eq!(
        next(&mut updates).await.unwrap(),
        "event: changed\ndata: 1\n\n"
    );
}

#[tokio::test]
async fn a_page_that_listens_hears_of_changes_until_the_server_stops() {
    let house = House::with_people().await;
    house.webhook("admin", "").await;
    let request = house.as_browser("team_member", "GET", &format!("{LOG}/live"));
    let response = house
        .door
        .answer(request.body(Body::empty()).unwrap())
        .await;
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    assert_eq!(response.headers()["cache-control"], "no-store");
    let mut log = response.into_body();
    let hello = next(&mut log).await.unwrap();
    assert!(
        hello.contains("event: changed\n"),
        "it may have missed something: {hello}"
    );

    let elsewhere = house.as_browser("other_owner", "GET", "/projects/OTHER/deliveries/live");
    let elsewhere = house
        .door
        .answer(elsewhere.body(Body::empty()).unwrap())
        .await;
    let mut elsewhere = elsewhere.into_body();
    next(&mut elsewhere).await.unwrap();

    house.task("News").await;
    assert_eq!(next(&mut log).await.unwrap(), "event: changed\ndata: 1\n\n");
    house.app.engine.answer_waiters();
    while next(&mut log).await.is_some() {}
    assert_eq!(next(&mut elsewhere).await, None, "nothing happened there");
}

#[tokio::test]
async fn health_is_told_in_words_with_its_history() {
    let house = House::with_people().await;
    let id = house
        .webhook("product_owner", r#","name":"Frail","failure_limit":1"#)
        .await;
    let hook = format!("/projects/HB/webhooks/{id}");
    let page = house.open("team_member", &format!("{hook}/health")).await;
    assert_eq!(page.status, 200, "{}", page.text);
    assert!(page.text.contains("Nothing to report") && !page.text.contains("Deliver 1"));
    house.receiver.others.lock().insert("example.com", 500);
    house.task("Fails").await;
    house.receiver.others.lock().clear();
    house.task("Missed").await;
    let page = house.open("product_owner", &format!("{hook}/health")).await;
    for told in [
        "Switched off: as many requests failed in a row",
        "by the server",
        "What it missed",
        "<svg class=\"chart wide\"",
        "Enable",
    ] {
        assert!(page.text.contains(told), "{told}: {}", page.text);
    }
    let team = house.open("team_member", &format!("{hook}/health")).await;
    assert!(!team.text.contains("What it missed") && team.text.contains("Switched off"));
    assert_eq!(
        house
            .open("stakeholder", &format!("{hook}/health"))
            .await
            .status,
        403
    );

    let counted = house
        .open(
            "product_owner",
            &format!("{hook}/health?since=2026-03-02T00%3A00"),
        )
        .await;
    assert!(
        counted.text.contains("Deliver 2") && counted.text.contains("Skip 2"),
        "{}",
        counted.text
    );
    let form = "since=2026-03-02T00%3A00%3A00Z&mode=deliver";
    assert_eq!(
        house
            .submit("team_member", &format!("{hook}/recover"), form)
            .await
            .status,
        403
    );
    let done = house
        .submit("product_owner", &format!("{hook}/recover"), form)
        .await;
    assert_eq!(
        (done.status, done.header("location")),
        (303, format!("{hook}/health").as_str())
    );
    assert!(
        done.header("set-cookie").contains("2%20deliveries"),
        "{:?}",
        done.headers
    );
    let again = house
        .open(
            "product_owner",
            &format!("{hook}/health?since=2026-03-02T00%3A00"),
        )
        .await;
    assert!(
        again.text.contains("Nothing was missed since then"),
        "{}",
        again.text
    );
    let wrong = house
        .open(
            "product_owner",
            &format!("{hook}/health?since=2020-03-02T00%3A00"),
        )
        .await;
    assert_eq!(wrong.status, 422);
    assert!(wrong.text.contains("id=\"since-fault\""), "{}", wrong.text);
}

#[tokio::test]
async fn what_failed_is_counted_and_sent_again_by_form() {
    let house = House::with_people().await;
    let id = house.webhook("admin", r#","retry_schedule":[1]"#).await;
    let page = format!("/projects/HB/webhooks/{id}/resend");
    let form = house.open("scrum_master", &page).await;
    assert_eq!(form.status, 200, "{}", form.text);
    assert_eq!(house.open("team_member", &page).await.status, 403);
    let none = house
        .open(
            "scrum_master",
            &format!("{page}?since=2026-03-02T00%3A00&failed=on"),
        )
        .await;
    assert!(
        none.text.contains("There is nothing like that"),
        "{}",
        none.text
    );
    let wrong = house
        .open("scrum_master", &format!("{page}?since=2026-03-02T00%3A00"))
        .await;
    assert_eq!(wrong.status, 422);
    assert!(wrong.text.contains("id=\"states-fault\""), "{}", wrong.text);

    house.receiver.others.lock().insert("example.com", 500);
    house.task("Fails for good").await;
    house.receiver.others.lock().clear();
    let failed = house.fail_all(id).await;
    assert_eq!(failed, 1);
    let counted = house
        .open(
            "scrum_master",
            &format!("{page}?since=2026-03-02T00%3A00&failed=on"),
        )
        .await;
    assert!(counted.text.contains("Send 1 again"), "{}", counted.text);
    let sent = house
        .submit(
            "scrum_master",
            &page,
            "since=2026-03-02T00%3A00&until=&failed=on",
        )
        .await;
    assert_eq!(sent.status, 303, "{}", sent.text);
    assert!(
        sent.header("set-cookie").contains("1%20delivery"),
        "{:?}",
        sent.headers
    );

    house
        .admin(
            "POST",
            &format!("/api/v1{page}").replace("/resend", "/disable"),
            "",
        )
        .await;
    let off = house
        .open(
            "scrum_master",
            &format!("{page}?since=2026-03-02T00%3A00&failed=on"),
        )
        .await;
    assert!(
        off.status == 200 && off.text.contains("The webhook is disabled"),
        "{}",
        off.text
    );
}

impl House {
    /// Gives up everything that waits of a webhook, as its last try would; how much.
    async fn fail_all(&self, webhook: i64) -> usize {
        let webhook = tidings_domain::WebhookId(webhook);
        let from = tidings_domain::DeliveryId(0);
        let waiting = self.store.pending(webhook, from, 100).await.unwrap();
        let settled: Vec<_> = waiting
            .iter()
            .map(|queued| tidings_storage::Settlement {
                delivery: queued.id,
                webhook,
                attempt: None,
                then: tidings_storage::Then::Failed,
                tries: 1,
                first_try_ms: None,
                late: false,
            })
            .collect();
        self.store.settle(&settled, &[]).await.unwrap();
        settled.len()
    }
}

#[tokio::test]
async fn who_searches_for_an_item_or_a_delivery_by_its_name_finds_it() {
    let house = House::with_people().await;
    house.webhook("admin", "").await;
    let made = house.task("Found").await;
    house.task("Another").await;
    let id = made.at("object/id").as_int().unwrap();
    let page = house
        .open("team_member", &format!("{LOG}?q=+tasks%2F{id}&object="))
        .await;
    assert!(
        page.text.contains("Found") && !page.text.contains("Another"),
        "{}",
        page.text
    );
    let field = between(&page.text, "id=\"object\"", ">");
    assert!(field.contains(&format!("value=\"tasks/{id}\"")), "{field}");
    let first = house.log().await.pop().unwrap();
    let search = |id: &str| format!("{LOG}?q={id}");
    let found = house.open("team_member", &search(&first)).await;
    assert_eq!(
        (found.status, found.header("location")),
        (303, format!("{LOG}/{first}").as_str())
    );
    let none = house
        .open("team_member", &search("dlv_1m7zyans00000"))
        .await;
    assert_eq!(none.status, 200, "{}", none.text);
    assert!(none.text.contains("Nothing like that"), "{}", none.text);
}
