//! `Prefer: wait`: the answer to a write comes after the first tries, with their results.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use http::Request;
use tidings_domain::Value;

use crate::house::{Got, House};

const HB: &str = "/api/v1/projects/HB";
/// Far less than the 30 seconds that the tests prefer to wait, far more than anything takes.
const AT_ONCE: Duration = Duration::from_secs(15);

impl House {
    async fn wait(&self, wish: &str, method: &str, path: &str, body: &str) -> Got {
        let wishes = [("prefer", wish)];
        self.send(self.wishing(&wishes, method, path, body)).await
    }

    fn wishing(
        &self,
        headers: &[(&str, &str)],
        method: &str,
        path: &str,
        body: &str,
    ) -> Request<Body> {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("authorization", format!("Bearer {}", self.tokens["admin"]));
        if !body.is_empty() {
            request = request.header("content-type", "application/json");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(Body::from(body.to_owned())).unwrap()
    }

    async fn hook(&self, host: &str) -> i64 {
        let body = format!(r#"{{"url":"https://{host}/hook","dialect":"standard"}}"#);
        let made = self.admin("POST", &format!("{HB}/webhooks"), &body).await;
        assert_eq!(made.status, 201, "{}", made.text);
        made.at("id").as_int().unwrap()
    }

    fn answers(&self, host: &'static str, status: u16) {
        self.receiver.others.lock().insert(host, status);
    }

    /// How many requests wait.
    fn waiting(&self) -> usize {
        let all = self.app.engine.metrics().exposition();
        let line = all
            .lines()
            .find(|l| l.starts_with("tidings_requests_waiting "));
        line.unwrap().rsplit(' ').next().unwrap().parse().unwrap()
    }

    async fn until_waiting(&self, wanted: usize) {
        let look = async {
            while self.waiting() != wanted {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(AT_ONCE, look).await.unwrap();
    }
}

/// The members of each delivery: state, attempts, state of its webhook.
fn rows(got: &Got) -> Vec<(String, i64, String)> {
    let all = got.at("deliveries");
    let text = |row: &Value, name: &str| row.member(name).unwrap().as_str().unwrap().to_owned();
    let row = |row: &Value| {
        let attempts = row.member("attempt_count").unwrap().as_int().unwrap();
        (text(row, "state"), attempts, text(row, "webhook_state"))
    };
    all.as_list().iter().map(row).collect()
}

fn row(state: &str, attempts: i64, webhook: &str) -> (String, i64, String) {
    (state.to_owned(), attempts, webhook.to_owned())
}

#[tokio::test]
async fn the_answer_tells_what_became_of_each_delivery() {
    for house in House::both().await {
        let began = Instant::now();
        house.hook("example.com").await;
        house.answers("sick.example.com", 500);
        house.hook("sick.example.com").await;
        let got = house
            .wait(
                "wait=30",
                "POST",
                &format!("{HB}/tasks"),
                r#"{"title":"a"}"#,
            )
            .await;
        assert_eq!(
            (got.status, got.header("preference-applied")),
            (201, "wait=30"),
            "{}",
            got.text
        );
        let read = house.admin("GET", got.header("location"), "").await;
        assert_eq!(got.at("object"), read.json());
        assert_eq!(
            got.at("event").as_int().unwrap().to_string(),
            got.header("tidings-event")
        );
        assert_eq!(got.at("complete"), true.into());
        assert_eq!(
            rows(&got),
            [row("delivered", 1, "ok"), row("pending", 1, "ok")]
        );
        assert_eq!(got.at("deliveries/1/last_attempt/status"), 500.into());
        assert_eq!(got.at("deliveries/0/event"), got.at("event"));
        let id = got.at("deliveries/0/id").as_str().unwrap().to_owned();
        let logged = house
            .admin("GET", &format!("{HB}/deliveries/{id}"), "")
            .await;
        assert_eq!(logged.at("state"), "delivered".into());
        assert_eq!(house.waiting(), 0);
        assert!(began.elapsed() < AT_ONCE, "{:?}", began.elapsed());
    }
}

#[tokio::test]
async fn every_write_of_objects_can_be_waited_for() {
    let (house, began) = (House::new().await, Instant::now());
    house.hook("example.com").await;
    let tasks = format!("{HB}/tasks");
    let put = house
        .wait("wait=30", "PUT", &format!("{tasks}/1"), r#"{"title":"a"}"#)
        .await;
    assert_eq!((put.status, rows(&put).len()), (201, 1));
    let same = house
        .wait("wait=30", "PUT", &format!("{tasks}/1"), r#"{"title":"a"}"#)
        .await;
    assert_eq!(
        (same.status, same.header("preference-applied")),
        (200, "wait=30")
    );
    assert_eq!(
        (same.at("event"), same.at("complete")),
        (Value::Null, true.into())
    );
    assert_eq!(same.at("object/title"), "a".into());
    assert_eq!(rows(&same), []);
    let batch = r#"[{"op":"put","collection":"tasks","data":{"title":"b"}},{"op":"patch","collection":"tasks","id":1,"data":{"title":"c"}}]"#;
    let batch = house
        .wait("wait=30", "POST", &format!("{HB}/changes"), batch)
        .await;
    assert_eq!(
        (batch.status, batch.at("data").as_list().len()),
        (200, 2),
        "{}",
        batch.text
    );
    assert_eq!((batch.at("complete"), rows(&batch).len()), (true.into(), 2));
    let bulk = r#"{"objects":[{"collection":"tasks","id":1},{"collection":"tasks","id":2}],"set":{"title":"d"}}"#;
    let bulk = house
        .wait("wait=30", "PATCH", &format!("{HB}/items"), bulk)
        .await;
    assert_eq!(
        (bulk.at("data").as_list().len(), rows(&bulk).len()),
        (2, 2),
        "{}",
        bulk.text
    );
    let moved = house
        .wait(
            "wait=30",
            "POST",
            &format!("{tasks}/2/move"),
            r#"{"project":"OTHER"}"#,
        )
        .await;
    assert_eq!(
        (moved.status, moved.at("complete")),
        (200, true.into()),
        "{}",
        moved.text
    );
    let gone = house
        .wait("wait=30", "DELETE", &format!("{tasks}/1"), "")
        .await;
    assert_eq!(
        (gone.status, gone.at("object"), rows(&gone).len()),
        (200, Value::Null, 1)
    );
    assert_eq!(gone.header("content-type"), "application/json");
    let silent = house
        .wait(
            "wait=30",
            "POST",
            &format!("{tasks}?silent=true"),
            r#"{"title":"e"}"#,
        )
        .await;
    assert_eq!(
        (silent.status, silent.at("event"), rows(&silent)),
        (201, Value::Null, vec![])
    );
    let refused = house.wait("wait=30", "POST", &tasks, "{}").await;
    assert_eq!(
        (refused.status, refused.header("preference-applied")),
        (422, "")
    );
    assert!(began.elapsed() < AT_ONCE, "{:?}", began.elapsed());
}

#[tokio::test]
async fn what_is_no_such_wish_is_ignored() {
    let house = House::new().await;
    house.hook("example.com").await;
    for wish in ["wait=0", "wait", "wait=soon", "return=minimal", ";;,="] {
        let got = house
            .wait(wish, "POST", &format!("{HB}/tasks"), r#"{"title":"a"}"#)
            .await;
        assert_eq!(
            (got.status, got.header("preference-applied")),
            (201, ""),
            "{wish}"
        );
        assert_eq!(got.at("title"), "a".into());
    }
    let list = house
        .wait("wait=30", "GET", &format!("{HB}/tasks"), "")
        .await;
    assert_eq!((list.status, list.header("preference-applied")), (200, ""));
}

#[tokio::test]
async fn nobody_waits_longer_than_they_wish() {
    for house in House::both().await {
        house.answers("silent.example.com", 0);
        house.hook("silent.example.com").await;
        house.hook("example.com").await;
        let got = house
            .wait("wait=1", "POST", &format!("{HB}/tasks"), r#"{"title":"a"}"#)
            .await;
        assert_eq!(
            (got.status, got.header("preference-applied")),
            (201, "wait=1")
        );
        assert_eq!(got.at("complete"), false.into());
        assert_eq!(
            rows(&got),
            [row("pending", 0, "ok"), row("delivered", 1, "ok")]
        );
        assert_eq!(house.waiting(), 0);
    }
}

#[tokio::test]
async fn a_webhook_that_is_not_well_is_not_waited_for() {
    for house in House::both().await {
        house.hook("example.com").await;
        let id = house.hook("paused.example.com").await;
        let pause = house
            .admin("POST", &format!("{HB}/webhooks/{id}/pause"), "")
            .await;
        assert_eq!(pause.status, 200, "{}", pause.text);
        let began = Instant::now();
        let got = house
            .wait(
                "wait=30",
                "POST",
                &format!("{HB}/tasks"),
                r#"{"title":"a"}"#,
            )
            .await;
        assert_eq!(got.at("complete"), false.into());
        assert_eq!(
            rows(&got),
            [row("delivered", 1, "ok"), row("held", 0, "paused")]
        );
        // What goes bad while somebody waits is not waited for either: the second change stands behind the first.
        house.answers("sick.example.com", 503);
        house.hook("sick.example.com").await;
        let batch = r#"[{"op":"patch","collection":"tasks","id":1,"data":{"title":"b"}},{"op":"patch","collection":"tasks","id":1,"data":{"title":"c"}}]"#;
        let got = house
            .wait("wait=30", "POST", &format!("{HB}/changes"), batch)
            .await;
        let sick: Vec<_> = rows(&got)
            .into_iter()
            .filter(|r| r.2 == "backing_off")
            .collect();
        assert_eq!(
            sick,
            [
                row("pending", 1, "backing_off"),
                row("pending", 0, "backing_off")
            ],
            "{}",
            got.text
        );
        let got = house
            .wait(
                "wait=30",
                "POST",
                &format!("{HB}/tasks"),
                r#"{"title":"d"}"#,
            )
            .await;
        assert_eq!(rows(&got).last(), Some(&row("pending", 0, "backing_off")));
        assert!(began.elapsed() < AT_ONCE, "{:?}", began.elapsed());
    }
}

#[tokio::test]
async fn who_goes_away_waits_no_longer() {
    let house = Arc::new(House::new().await);
    house.answers("silent.example.com", 0);
    house.hook("silent.example.com").await;
    let ask = || {
        let house = Arc::clone(&house);
        tokio::spawn(async move {
            house
                .wait(
                    "wait=30",
                    "POST",
                    &format!("{HB}/tasks"),
                    r#"{"title":"a"}"#,
                )
                .await
        })
    };
    let first = ask();
    house.until_waiting(1).await;
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    assert_eq!(house.waiting(), 0);
    // When the server stops everybody is answered, and later ones are not made to wait.
    let second = ask();
    house.until_waiting(1).await;
    let began = Instant::now();
    house.app.engine.answer_waiters();
    let got = second.await.unwrap();
    assert_eq!((got.status, got.at("complete")), (201, false.into()));
    let third = ask().await.unwrap();
    assert_eq!(
        (third.status, third.header("preference-applied")),
        (201, "")
    );
    assert!(began.elapsed() < AT_ONCE);
}

#[tokio::test]
async fn beyond_the_last_place_answers_come_at_once() {
    let house = Arc::new(House::new().await);
    house.answers("silent.example.com", 0);
    house.hook("silent.example.com").await;
    let most = tidings_delivery::first_tries::MOST_WAITERS;
    let asks: Vec<_> = (0..most)
        .map(|_| {
            let house = Arc::clone(&house);
            tokio::spawn(async move {
                house
                    .wait(
                        "wait=30",
                        "POST",
                        &format!("{HB}/tasks"),
                        r#"{"title":"a"}"#,
                    )
                    .await
            })
        })
        .collect();
    house.until_waiting(most).await;
    let got = house
        .wait(
            "wait=30",
            "POST",
            &format!("{HB}/tasks"),
            r#"{"title":"b"}"#,
        )
        .await;
    assert_eq!((got.status, got.header("preference-applied")), (201, ""));
    assert_eq!(got.at("title"), "b".into());
    for ask in asks {
        ask.abort();
        assert!(ask.await.is_err());
    }
    assert_eq!(house.waiting(), 0);
}

#[tokio::test]
async fn a_repeated_request_gets_the_answer_of_the_write() {
    let house = House::new().await;
    house.hook("example.com").await;
    let wishes = [("prefer", "wait=30"), ("idempotency-key", "k")];
    let ask =
        || house.send(house.wishing(&wishes, "POST", &format!("{HB}/tasks"), r#"{"title":"a"}"#));
    let first = ask().await;
    assert_eq!(first.at("complete"), true.into());
    let second = ask().await;
    assert_eq!(
        (second.status, second.header("idempotency-replayed")),
        (201, "true")
    );
    assert_eq!(
        (second.header("preference-applied"), second.json()),
        ("", first.at("object"))
    );
    assert_eq!(
        second.header("tidings-event"),
        first.header("tidings-event")
    );
}
