//! `Idempotency-Key`: the same request is answered again and done once; another one is refused.

use std::sync::Arc;

use async_trait::async_trait;
use axum::body::Body;
use http::Request;
use tidings_app::Access;
use tidings_domain::Value;
use tidings_storage::StoreError;
use tidings_storage::gated::Gate;
use tidings_web::route::{Input, Method};
use tidings_web::routes::table;
use tokio::sync::Notify;

use crate::house::{Got, House};

const HB: &str = "/api/v1/projects/HB";

impl House {
    /// A request with a key.
    async fn keyed(&self, who: &str, key: &str, method: &str, path: &str, body: &str) -> Got {
        self.send(self.request(who, key, method, path, body)).await
    }

    fn request(&self, who: &str, key: &str, method: &str, path: &str, body: &str) -> Request<Body> {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("authorization", format!("Bearer {}", self.tokens[who]))
            .header("idempotency-key", key);
        if !body.is_empty() {
            request = request.header("content-type", "application/json");
        }
        request.body(Body::from(body.to_owned())).unwrap()
    }
}

/// The second answer is the first one, marked.
fn check_replay(first: &Got, second: &Got) {
    assert_eq!(
        second.header("idempotency-replayed"),
        "true",
        "{}",
        second.text
    );
    assert_eq!(first.header("idempotency-replayed"), "");
    assert_eq!((second.status, &second.text), (first.status, &first.text));
    for name in [
        "content-type",
        "location",
        "tidings-event",
        "content-length",
    ] {
        assert_eq!(second.header(name), first.header(name), "{name}");
    }
}

#[tokio::test]
async fn the_same_request_is_answered_again_and_done_once() {
    for house in House::both().await {
        let cases = [
            ("POST", "/tasks", r#"{"title":"Once"}"#, 201),
            ("PUT", "/stories/7", r#"{"title":"Story"}"#, 201),
            (
                "PATCH",
                "/stories/7",
                r#"{"title":"Other","comment":{"body":"Why"}}"#,
                200,
            ),
            (
                "POST",
                "/comments",
                r#"{"on":{"collection":"stories","id":7},"body":"Hm"}"#,
                201,
            ),
            (
                "POST",
                "/changes",
                r#"[{"op":"put","collection":"tasks","data":{"title":"In a batch"}}]"#,
                200,
            ),
            (
                "PATCH",
                "/items",
                r#"{"objects":[{"collection":"tasks","id":1}],"set":{"title":"Bulk"}}"#,
                200,
            ),
            ("DELETE", "/stories/7", "", 204),
            (
                "POST",
                "/webhooks",
                r#"{"url":"https://example.com/a","dialect":"squish"}"#,
                201,
            ),
            ("PATCH", "/webhooks/1", r#"{"name":"Named"}"#, 200),
            ("PATCH", "/webhooks/1", r#"{"enabled":false}"#, 200),
            ("POST", "/webhooks/1/enable", "", 200),
            ("POST", "/webhooks/1/pause", "", 200),
            ("POST", "/webhooks/1/test", r#"{"event":"submit"}"#, 200),
            ("DELETE", "/webhooks/1", "", 204),
        ];
        for (method, path, body, status) in cases {
            let path = format!("{HB}{path}");
            let key = format!("{method}-{path}-{}", body.len());
            let first = house.keyed("app", &key, method, &path, body).await;
            assert_eq!(first.status, status, "{method} {path}: {}", first.text);
            let (weight, sent) = (house.weight().await, house.receiver.got.lock().len());
            let second = house.keyed("app", &key, method, &path, body).await;
            check_replay(&first, &second);
            assert_eq!(house.weight().await, weight, "{method} {path}");
            assert_eq!(house.receiver.got.lock().len(), sent, "{method} {path}");
        }
        let made = house.admin("GET", &format!("{HB}/tasks"), "").await;
        assert_eq!(made.at("data").as_list().len(), 2, "{}", made.text);
    }
}

#[tokio::test]
async fn a_key_of_another_request_is_refused() {
    let house = House::new().await;
    let tasks = format!("{HB}/tasks");
    let first = house
        .keyed("app", "k", "POST", &tasks, r#"{"title":"a"}"#)
        .await;
    assert_eq!(first.status, 201);
    let weight = house.weight().await;
    for (method, path, body) in [
        ("POST", tasks.clone(), r#"{"title":"b"}"#),
        ("POST", tasks.clone(), r#"{ "title":"a"}"#),
        ("POST", format!("{tasks}?silent=true"), r#"{"title":"a"}"#),
        ("POST", format!("{HB}/stories"), r#"{"title":"a"}"#),
        ("PUT", format!("{tasks}/1"), r#"{"title":"a"}"#),
        ("DELETE", format!("{tasks}/1"), ""),
    ] {
        let got = house.keyed("app", "k", method, &path, body).await;
        assert_eq!(
            (got.status, got.code().as_str()),
            (422, "idempotency_key_reused"),
            "{method} {path}"
        );
        assert_eq!(got.fields(), ["Idempotency-Key"]);
    }
    assert_eq!(house.weight().await, weight);
    // A header without a value is not the same as none.
    for at in ["2026-03-02T10:00:00Z", ""] {
        let acts = Request::builder()
            .method("POST")
            .uri(&tasks)
            .header("authorization", format!("Bearer {}", house.tokens["app"]))
            .header("content-type", "application/json")
            .header("idempotency-key", "k")
            .header("tidings-at", at)
            .body(Body::from(r#"{"title":"a"}"#))
            .unwrap();
        assert_eq!(house.send(acts).await.code(), "idempotency_key_reused");
    }
    let again = house
        .keyed("app", "k", "POST", &tasks, r#"{"title":"a"}"#)
        .await;
    check_replay(&first, &again);
}

#[tokio::test]
async fn keys_belong_to_a_token_and_a_project() {
    let house = House::new().await;
    let mut ids = Vec::new();
    for (who, project) in [
        ("app", "HB"),
        ("app2", "HB"),
        ("admin", "HB"),
        ("admin", "OTHER"),
    ] {
        let path = format!("/api/v1/projects/{project}/tasks");
        let got = house
            .keyed(who, "same", "POST", &path, r#"{"title":"a"}"#)
            .await;
        assert_eq!(
            (got.status, got.header("idempotency-replayed")),
            (201, ""),
            "{who} {project}"
        );
        ids.push(got.at("id"));
    }
    assert_eq!(ids, [1.into(), 2.into(), 3.into(), 1.into()]);
    // What was answered to a caller who may no more is not given out again.
    let gone = house
        .keyed(
            "app",
            "same",
            "POST",
            "/api/v1/projects/OTHER/tasks",
            r#"{"title":"a"}"#,
        )
        .await;
    assert_eq!(gone.status, 404);
}

#[tokio::test]
async fn after_a_day_a_key_is_new() {
    for house in House::both().await {
        let tasks = format!("{HB}/tasks");
        for round in 1..=2 {
            let got = house
                .keyed("app", "daily", "POST", &tasks, r#"{"title":"a"}"#)
                .await;
            assert_eq!(got.at("id"), round.into(), "{}", got.text);
            house.clock.pass(23 * 3600);
            let kept = house
                .keyed("app", "daily", "POST", &tasks, r#"{"title":"a"}"#)
                .await;
            check_replay(&got, &kept);
            house.clock.pass(2 * 3600);
            house.store.check().await.unwrap();
        }
    }
}

#[tokio::test]
async fn refusals_are_kept_and_trouble_is_not() {
    let house = House::new().await;
    let task = format!("{HB}/tasks/5");
    let first = house
        .keyed("app", "early", "PATCH", &task, r#"{"title":"a"}"#)
        .await;
    assert_eq!(first.status, 404);
    house
        .admin("PUT", &task, r#"{"title":"now it is there"}"#)
        .await;
    let second = house
        .keyed("app", "early", "PATCH", &task, r#"{"title":"a"}"#)
        .await;
    check_replay(&first, &second);
    assert_eq!(second.header("content-type"), "application/problem+json");
    let invalid = house
        .keyed("app", "bad", "PUT", &task, r#"{"title":1}"#)
        .await;
    assert_eq!(invalid.status, 422);
    check_replay(
        &invalid,
        &house
            .keyed("app", "bad", "PUT", &task, r#"{"title":1}"#)
            .await,
    );
    // What never reached the use case does not use the key up.
    let broken = house
        .keyed("app", "broken", "PUT", &task, r#"{"title":"#)
        .await;
    assert_eq!(broken.status, 400);
    let mended = house
        .keyed("app", "broken", "PUT", &task, r#"{"title":"b"}"#)
        .await;
    assert_eq!(
        (mended.status, mended.header("idempotency-replayed")),
        (200, "")
    );
    let memory = house.memory.as_ref().unwrap();
    memory.set_full(true);
    for _ in 0..2 {
        let full = house
            .keyed("app", "full", "PATCH", &task, r#"{"title":"c"}"#)
            .await;
        assert_eq!(
            (full.status, full.header("idempotency-replayed")),
            (503, "")
        );
    }
    memory.set_full(false);
    let done = house
        .keyed("app", "full", "PATCH", &task, r#"{"title":"c"}"#)
        .await;
    assert_eq!((done.status, done.at("title")), (200, "c".into()));
}

#[tokio::test]
async fn a_key_is_1_to_255_visible_ascii_characters() {
    let house = House::new().await;
    let tasks = format!("{HB}/tasks");
    for key in ["", " ", "a b", "\u{e9}", &"k".repeat(256)] {
        let got = house
            .keyed("app", key, "POST", &tasks, r#"{"title":"a"}"#)
            .await;
        assert_eq!(
            (got.status, got.code().as_str()),
            (400, "idempotency_key_malformed"),
            "{key:?}"
        );
    }
    for key in ["k", "\"quoted\"", &"~".repeat(255)] {
        let got = house
            .keyed("app", key, "POST", &tasks, r#"{"title":"a"}"#)
            .await;
        assert_eq!(got.status, 201, "{key:?}: {}", got.text);
    }
    let twice = Request::builder()
        .method("POST")
        .uri(&tasks)
        .header("authorization", format!("Bearer {}", house.tokens["app"]))
        .header("content-type", "application/json")
        .header("idempotency-key", "a")
        .header("idempotency-key", "b")
        .body(Body::from(r#"{"title":"a"}"#))
        .unwrap();
    assert_eq!(house.send(twice).await.code(), "idempotency_key_malformed");
    // Reads have no use for one and do not care.
    assert_eq!(house.keyed("app", " ", "GET", &tasks, "").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_at_once_make_one_change() {
    for house in House::both().await {
        let house = Arc::new(house);
        let asks: Vec<_> = (0..100)
            .map(|_| {
                let house = Arc::clone(&house);
                let body = r#"{"title":"One of a hundred"}"#;
                tokio::spawn(async move {
                    let tasks = format!("{HB}/tasks");
                    house.keyed("app", "hundred", "POST", &tasks, body).await
                })
            })
            .collect();
        let (mut first, mut replays, mut waits) = (Vec::new(), Vec::new(), 0);
        for ask in asks {
            let got = ask.await.unwrap();
            match (got.status, got.header("idempotency-replayed")) {
                (201, "") => first.push(got),
                (201, "true") => replays.push(got),
                (409, "") => {
                    assert_eq!(got.code(), "idempotency_key_in_use");
                    assert_eq!(got.header("retry-after"), "1");
                    waits += 1;
                }
                other => panic!("{other:?}: {}", got.text),
            }
        }
        assert_eq!((first.len(), replays.len() + waits), (1, 99));
        for replay in &replays {
            check_replay(&first[0], replay);
        }
        let tasks = house.admin("GET", &format!("{HB}/tasks"), "").await;
        assert_eq!(tasks.at("data").as_list().len(), 1, "{}", tasks.text);
    }
}

#[tokio::test]
async fn kept_answers_hold_no_secrets() {
    for house in House::both().await {
        let tokens = format!("{HB}/tokens");
        let body = r#"{"name":"ci","kind":"app"}"#;
        let first = house.keyed("admin", "t", "POST", &tokens, body).await;
        let secret = first.at("token").as_str().unwrap().to_owned();
        let second = house.keyed("admin", "t", "POST", &tokens, body).await;
        assert_eq!((second.status, second.at("token")), (201, Value::Null));
        assert_eq!(second.at("id"), first.at("id"));
        assert_eq!(second.header("location"), first.header("location"));
        assert_eq!(second.header("idempotency-replayed"), "true");
        let admin = house
            .keyed("admin", "t", "POST", "/api/v1/tokens", r#"{"name":"a"}"#)
            .await;
        let again = house
            .keyed("admin", "t", "POST", "/api/v1/tokens", r#"{"name":"a"}"#)
            .await;
        assert_eq!(
            (again.at("id"), again.at("token")),
            (admin.at("id"), Value::Null)
        );

        let id = house.webhook("admin", "").await;
        let rotate = format!("{HB}/webhooks/{id}/secret/rotate");
        let first = house.keyed("admin", "r", "POST", &rotate, "").await;
        let made = first.at("secret").as_str().unwrap().to_owned();
        let second = house.keyed("admin", "r", "POST", &rotate, "").await;
        assert_eq!((second.status, second.at("secret")), (200, Value::Null));
        assert_eq!(second.at("webhook"), first.at("webhook"));
        let stored = house.stored_bytes();
        for text in [
            &secret,
            &made,
            &admin.at("token").as_str().unwrap().to_owned(),
        ] {
            let found = stored.windows(text.len()).any(|w| w == text.as_bytes());
            assert!(!found, "a secret lies in the database");
        }
    }
}

#[tokio::test]
async fn a_deleted_project_takes_its_answers_along_but_not_the_one_to_its_deletion() {
    for house in House::both().await {
        let tasks = format!("{HB}/tasks");
        house
            .keyed(
                "admin",
                "k",
                "POST",
                &tasks,
                r#"{"title":"Confidential matter"}"#,
            )
            .await;
        let first = house.keyed("admin", "gone", "DELETE", HB, "").await;
        assert_eq!(first.status, 204);
        let second = house.keyed("admin", "gone", "DELETE", HB, "").await;
        check_replay(&first, &second);
        assert_eq!(
            house.keyed("admin", "other", "DELETE", HB, "").await.status,
            404
        );
        assert_eq!(
            house
                .keyed("admin", "gone", "DELETE", "/api/v1/projects/OTHER", "")
                .await
                .status,
            422
        );
        let read = house
            .keyed(
                "admin",
                "k",
                "POST",
                &tasks,
                r#"{"title":"Confidential matter"}"#,
            )
            .await;
        assert_eq!(read.status, 404, "{}", read.text);
    }
}

/// Each write of the table reads the header, also one that was added without a thought of it.
#[tokio::test]
async fn every_write_reads_the_header() {
    let house = House::new().await;
    let mut asked = 0;
    for row in table() {
        if row.method == Method::Get || row.access == Access::Anyone {
            continue;
        }
        let path = row.path.replace("{key}", "HB").replace("{id}", "1");
        let body = match row.input {
            Input::None => "",
            Input::Changes => "[]",
            Input::Json(_) | Input::Optional(_) | Input::Form => "{}",
        };
        let got = house
            .keyed("admin", "not a key", row.method.as_str(), &path, body)
            .await;
        assert_eq!(
            got.status,
            400,
            "{} {path}: {}",
            row.method.as_str(),
            got.text
        );
        asked += 1;
    }
    assert!(asked > 100, "{asked}");
}

/// The process dies when the store has done that call and before anybody hears of it.
struct DiesAfter {
    call: &'static str,
    done: Notify,
}

#[async_trait]
impl Gate for DiesAfter {
    async fn before(&self, _: &'static str) -> Result<(), StoreError> {
        Ok(())
    }

    async fn after(&self, call: &'static str) {
        if call == self.call {
            self.done.notify_one();
            std::future::pending::<()>().await;
        }
    }
}

/// A request to a process that dies after that call of its store.
async fn dies_after(house: &House, call: &'static str, request: Request<Body>) {
    let gate = Arc::new(DiesAfter {
        call,
        done: Notify::new(),
    });
    let door = house.behind(Arc::clone(&gate) as _);
    let asked = tokio::spawn(async move { door.answer(request).await });
    gate.done.notified().await;
    asked.abort();
}

/// The call of the store that does it, and the request.
type Write = (&'static str, &'static str, String, &'static str, u16);

fn small_writes(webhook: &str, token: String) -> Vec<Write> {
    let webhook = webhook.to_owned();
    vec![
        (
            "record",
            "POST",
            format!("{HB}/tasks"),
            r#"{"title":"Once"}"#,
            201,
        ),
        (
            "record",
            "POST",
            format!("{HB}/changes"),
            r#"[{"op":"put","collection":"tasks","data":{"title":"Twice?"}}]"#,
            200,
        ),
        (
            "record",
            "PATCH",
            format!("{HB}/items"),
            r#"{"objects":[{"collection":"tasks","id":1}],"set":{"title":"Bulk"}}"#,
            200,
        ),
        ("record", "DELETE", format!("{HB}/tasks/1"), "", 204),
        ("record", "PATCH", HB.to_owned(), r#"{"name":"Haven"}"#, 200),
        (
            "keep",
            "POST",
            format!("{HB}/webhooks"),
            r#"{"url":"https://example.com/b","dialect":"squish"}"#,
            201,
        ),
        (
            "keep",
            "POST",
            format!("{webhook}/secret/rotate"),
            r#"{"overlap_seconds":60}"#,
            200,
        ),
        (
            "keep",
            "PATCH",
            webhook.clone(),
            r#"{"url":"https://example.com/c","name":"Renamed"}"#,
            200,
        ),
        (
            "keep",
            "PATCH",
            "/api/v1/settings".to_owned(),
            r#"{"failure_limit":7}"#,
            200,
        ),
        ("keep", "DELETE", webhook.clone(), "", 204),
        (
            "keep",
            "POST",
            format!("{HB}/tokens"),
            r#"{"name":"ci","kind":"app"}"#,
            201,
        ),
        ("keep", "DELETE", token, "", 204),
        (
            "keep",
            "POST",
            "/api/v1/projects".to_owned(),
            r#"{"key":"NEW","name":"New"}"#,
            201,
        ),
        (
            "keep",
            "DELETE",
            "/api/v1/projects/OTHER".to_owned(),
            "",
            204,
        ),
    ]
}

/// What was committed is answered by the next process as it would have been by the one that died, and not done again.
#[tokio::test]
async fn an_answer_that_a_crash_cut_off_is_given_by_the_next_process() {
    for house in House::both().await {
        let webhook = house.webhook("app", "").await;
        let token = house
            .admin(
                "POST",
                &format!("{HB}/tokens"),
                r#"{"name":"old","kind":"app"}"#,
            )
            .await;
        let (webhook, token) = (
            format!("{HB}/webhooks/{webhook}"),
            token.header("location").to_owned(),
        );
        let cases = small_writes(&webhook, token);
        for (n, (call, method, path, body, status)) in cases.into_iter().enumerate() {
            let key = format!("case-{n}");
            let request = house.request("admin", &key, method, &path, body);
            dies_after(&house, call, request).await;
            let weight = house.weight().await;
            let got = house.keyed("admin", &key, method, &path, body).await;
            assert_eq!(
                (got.status, got.header("idempotency-replayed")),
                (status, "true"),
                "{method} {path}: {}",
                got.text
            );
            assert_eq!(house.weight().await, weight, "{method} {path}");
            match (status, path.ends_with("/rotate")) {
                (201, _) => assert_eq!(
                    house.admin("GET", got.header("location"), "").await.status,
                    200,
                    "{path}"
                ),
                (200, false) => assert!(!got.json().as_map().is_empty(), "{path}"),
                _ => {}
            }
        }
    }
}

/// What would be kept after the fact is not.
struct KeepsNothing;

#[async_trait]
impl Gate for KeepsNothing {
    async fn before(&self, call: &'static str) -> Result<(), StoreError> {
        match call {
            "keep" => Err(StoreError::Unavailable("gone".to_owned())),
            _ => Ok(()),
        }
    }

    async fn after(&self, _: &'static str) {}
}

/// The engine does the switching, and has the answer written with it.
#[tokio::test]
async fn the_answer_to_a_switch_is_kept_with_the_switch() {
    for house in House::both().await {
        let webhook = house.webhook("app", "").await;
        let webhook = format!("{HB}/webhooks/{webhook}");
        let cases = [
            ("PATCH", webhook.clone(), r#"{"enabled":false}"#),
            ("PATCH", webhook.clone(), r#"{"enabled":true}"#),
            ("POST", format!("{webhook}/disable"), ""),
            ("POST", format!("{webhook}/enable"), ""),
        ];
        for (n, (method, path, body)) in cases.into_iter().enumerate() {
            let key = format!("switch-{n}");
            let request = house.request("admin", &key, method, &path, body);
            let door = house.behind(Arc::new(KeepsNothing));
            assert_eq!(door.answer(request).await.status(), 200, "{method} {path}");
            let again = house.keyed("admin", &key, method, &path, body).await;
            assert_eq!(
                (again.status, again.header("idempotency-replayed")),
                (200, "true"),
                "{method} {path}: {}",
                again.text
            );
            assert_eq!(again.at("enabled"), (n % 2 == 1).into(), "{}", again.text);
        }
    }
}
