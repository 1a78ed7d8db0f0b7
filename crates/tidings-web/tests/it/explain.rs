//! Why an event reached a webhook or did not, asked through the API on each of the stores.

use std::time::{Duration, Instant};

use tidings_app::explain::Reason;
use tidings_domain::Value;
use tidings_web::openapi;

use crate::house::{Got, House};

const HB: &str = "/api/v1/projects/HB";
const WEBHOOKS: &str = "/api/v1/projects/HB/webhooks";
const PATIENCE: Duration = Duration::from_secs(20);

/// Makes a webhook; `members` as JSON without braces.
async fn hook(house: &House, members: &str) -> i64 {
    let made = house
        .admin("POST", WEBHOOKS, &format!("{{{members}}}"))
        .await;
    assert_eq!(made.status, 201, "{}", made.text);
    made.at("id").as_int().unwrap()
}

/// A webhook of `dialect` at that host that wants `events`.
async fn at(house: &House, host: &str, dialect: &str, events: &str) -> i64 {
    let members = format!(r#""url":"https://{host}/x","dialect":"{dialect}","events":{events}"#);
    hook(house, &members).await
}

/// A write that makes an event.
async fn change(house: &House, method: &str, path: &str, body: &str) -> i64 {
    let done = house.admin(method, &format!("{HB}/{path}"), body).await;
    assert!(done.status < 300, "{}", done.text);
    done.header("tidings-event").parse().unwrap()
}

async fn explain(house: &House, event: i64, query: &str) -> Got {
    let path = format!("{HB}/events/{event}/explain{query}");
    house.admin("GET", &path, "").await
}

/// What is said of one webhook.
async fn of(house: &House, event: i64, webhook: i64) -> Value {
    let got = explain(house, event, &format!("?webhook={webhook}")).await;
    assert_eq!(got.status, 200, "{}", got.text);
    assert_eq!(got.at("data").as_list().len(), 1, "{}", got.text);
    got.at("data/0")
}

fn text(value: &Value, path: &str) -> String {
    let found = path.split('/').try_fold(value.clone(), |value, name| {
        match (&value, name.parse::<usize>()) {
            (Value::List(items), Ok(i)) => items.get(i).cloned(),
            _ => value.member(name).cloned(),
        }
    });
    let found = found.unwrap_or_else(|| panic!("no {path} in {value:?}"));
    found
        .as_str()
        .map_or_else(|| serde_json::to_string(&found).unwrap(), str::to_owned)
}

/// Asks until the reason is that one.
async fn until(house: &House, event: i64, webhook: i64, reason: Reason) -> Value {
    let begun = Instant::now();
    loop {
        let got = of(house, event, webhook).await;
        if text(&got, "reason") == reason.as_str() {
            return got;
        }
        assert!(begun.elapsed() < PATIENCE, "no {reason}: {got:?}");
        tokio::task::yield_now().await;
    }
}

/// Each code with its reason.
fn lines(explained: &Value) -> Vec<(String, String)> {
    let messages = explained.member("messages").unwrap().as_list();
    messages
        .iter()
        .map(|m| (text(m, "code"), text(m, "reason")))
        .collect()
}

fn pairs(all: &[(&str, &str)]) -> Vec<(String, String)> {
    all.iter()
        .map(|(a, b)| ((*a).to_owned(), (*b).to_owned()))
        .collect()
}

#[tokio::test]
async fn delivered_another_code_not_selected_and_silent() {
    for house in House::both().await {
        let all = at(&house, "a.example", "icescrum", r#""all""#).await;
        let update = at(&house, "b.example", "icescrum", r#"["task.update"]"#).await;
        let other = at(&house, "c.example", "icescrum", r#"["sprint.create"]"#).await;
        let silent = at(&house, "d.example", "sprintly", r#""all""#).await;
        let path = "tasks/5";
        change(&house, "PUT", path, r#"{"title":"T"}"#).await;
        let event = change(&house, "PATCH", path, r#"{"status":"In Progress"}"#).await;

        let told = until(&house, event, all, Reason::Delivered).await;
        let expected = [("task.state", "delivered"), ("task.update", "other_code")];
        assert_eq!(lines(&told), pairs(&expected));
        assert_eq!(text(&told, "messages/0/last_attempt/status"), "200");
        assert_eq!(text(&told, "messages/0/attempt_count"), "1");
        let detail = text(&told, "messages/0/detail");
        assert!(
            detail.starts_with("Delivered after 1 try: status 200 at 2026-03-02T11:40:0"),
            "{detail}"
        );
        let told = until(&house, event, update, Reason::Delivered).await;
        let expected = [("task.update", "delivered"), ("task.state", "not_selected")];
        assert_eq!(lines(&told), pairs(&expected));
        let told = of(&house, event, other).await;
        assert_eq!(text(&told, "reason"), "not_selected");
        let detail = text(&told, "detail");
        assert!(detail.contains("task.update, task.state"), "{detail}");
        let told = of(&house, event, silent).await;
        assert_eq!(text(&told, "reason"), "dialect_silent");
        assert!(lines(&told).is_empty());
        assert!(text(&told, "detail").contains("Sprint.ly has no word"));

        // Together they are the same, in the order of their ids, whatever the page.
        let whole = explain(&house, event, "").await;
        let mut paged = Vec::new();
        let mut query = "?limit=1".to_owned();
        loop {
            let page = explain(&house, event, &query).await;
            paged.extend(page.at("data").as_list().to_vec());
            match page.at("next_cursor").as_str() {
                Some(next) => query = format!("?limit=1&cursor={next}"),
                None => break,
            }
        }
        assert_eq!(whole.at("data").as_list(), paged);
        let ids: Vec<_> = paged.iter().map(|e| text(e, "webhook")).collect();
        assert_eq!(ids, [all, update, other, silent].map(|id| id.to_string()));
    }
}

#[tokio::test]
async fn one_item_waits_behind_its_earlier_delivery_and_a_seat_is_taken() {
    for house in House::both().await {
        house.receiver.others.lock().insert("slow.example", 0);
        let members = r#""url":"https://slow.example/x","dialect":"standard","max_in_flight":1"#;
        let slow = hook(&house, members).await;
        let first = change(&house, "PUT", "tasks/5", r#"{"title":"T"}"#).await;
        let flying = until(&house, first, slow, Reason::InFlight).await;
        let id = text(&flying, "messages/0/delivery");
        let body = r#"{"on":{"collection":"tasks","id":5},"body":"Hm"}"#;
        let comment = change(&house, "POST", "comments", body).await;
        let second = change(&house, "PATCH", "tasks/5", r#"{"title":"U"}"#).await;
        let other = change(&house, "PUT", "tasks/6", r#"{"title":"V"}"#).await;

        let told = until(&house, comment, slow, Reason::Behind).await;
        assert_eq!(text(&told, "messages/0/behind/delivery"), id);
        assert_eq!(text(&told, "messages/0/behind/object"), "tasks/5");
        assert_eq!(text(&told, "messages/0/behind/ahead"), "1");
        assert!(text(&told, "detail").contains("is being tried now"));
        let told = until(&house, second, slow, Reason::Behind).await;
        assert_eq!(text(&told, "messages/0/behind/delivery"), id);
        assert_eq!(text(&told, "messages/0/behind/ahead"), "2");
        let told = until(&house, other, slow, Reason::InFlightLimit).await;
        assert!(text(&told, "detail").contains("requests at the same time"));

        // A pause holds all of it; the one under way stays under way.
        let path = format!("{WEBHOOKS}/{slow}");
        house.admin("POST", &format!("{path}/pause"), "").await;
        let told = until(&house, other, slow, Reason::Paused).await;
        assert!(text(&told, "detail").contains("Resume it"), "{told:?}");
        assert_eq!(text(&told, "state"), "paused");
        until(&house, first, slow, Reason::InFlight).await;
        // Switched off, everything that waits is parked.
        house.admin("POST", &format!("{path}/disable"), "").await;
        let told = until(&house, other, slow, Reason::Parked).await;
        let detail = text(&told, "detail");
        assert!(
            detail.contains("switched off by hand") && detail.contains("waits for a recovery"),
            "{detail}"
        );
        let named = text(&told, "name");
        // Deleted, it is in the list with its deliveries, and without them it is not there.
        house.admin("DELETE", &path, "").await;
        let told = until(&house, other, slow, Reason::Skipped).await;
        assert_eq!(text(&told, "deleted"), "true");
        assert_eq!(text(&told, "name"), named);
        assert_eq!(text(&told, "dialect"), "standard");
        let later = change(&house, "PUT", "tasks/7", r#"{"title":"W"}"#).await;
        let gone = explain(&house, later, &format!("?webhook={slow}")).await;
        assert_eq!(gone.status, 404, "{}", gone.text);
        assert!(
            explain(&house, later, "")
                .await
                .at("data")
                .as_list()
                .is_empty()
        );
    }
}

#[tokio::test]
async fn a_failing_receiver_is_retried_then_probed() {
    for house in House::both().await {
        house.receiver.others.lock().insert("bad.example", 500);
        let bad = at(&house, "bad.example", "squish", r#""all""#).await;
        let first = change(&house, "PUT", "tasks/5", r#"{"title":"T"}"#).await;
        let mut told = until(&house, first, bad, Reason::Retry).await;
        let begun = Instant::now();
        while text(&told, "messages/0/attempt_count") == "0" {
            // The engine knew it before the store.
            assert!(begun.elapsed() < PATIENCE, "{told:?}");
            told = until(&house, first, bad, Reason::Retry).await;
        }
        assert_eq!(text(&told, "messages/0/last_attempt/status"), "500");
        let next = text(&told, "messages/0/next_attempt_at");
        assert!(next.starts_with("2026-03-02T11:40:0"), "{next}");
        assert!(text(&told, "detail").contains(&next), "{told:?}");
        let behind = change(&house, "PATCH", "tasks/5", r#"{"title":"U"}"#).await;
        let told = until(&house, behind, bad, Reason::Behind).await;
        assert!(text(&told, "detail").contains("is tried again at"));
        for task in [6, 7] {
            let path = format!("tasks/{task}");
            change(&house, "PUT", &path, r#"{"title":"T"}"#).await;
        }
        let told = until(&house, behind, bad, Reason::BackingOff).await;
        assert_eq!(text(&told, "state"), "backing_off");
        let detail = text(&told, "detail");
        assert!(
            detail.contains("3 failures in a row, the last with status 500")
                && detail.contains("It also stands behind dlv_"),
            "{detail}"
        );
        assert!(text(&told, "messages/0/next_attempt_at").starts_with("2026-"));
    }
}

#[tokio::test]
async fn gone_says_410_and_one_try_is_given_up() {
    for house in House::both().await {
        house.receiver.others.lock().insert("bad.example", 500);
        house.receiver.others.lock().insert("gone.example", 410);
        let members = r#""url":"https://bad.example/x","dialect":"squish","retry_schedule":[]"#;
        let once = hook(&house, members).await;
        let gone = at(&house, "gone.example", "squish", r#""all""#).await;
        let event = change(&house, "PUT", "tasks/5", r#"{"title":"T"}"#).await;
        let told = until(&house, event, once, Reason::Failed).await;
        let detail = text(&told, "detail");
        assert!(
            detail.contains("Given up after 1 try") && detail.contains("then resend it"),
            "{detail}"
        );
        let told = until(&house, event, gone, Reason::Parked).await;
        assert!(text(&told, "detail").contains("410 Gone"), "{told:?}");
    }
}

#[tokio::test]
async fn off_created_later_edited_since_and_the_projects_switch() {
    for house in House::both().await {
        let off = at(&house, "a.example", "squish", r#""all""#).await;
        let edited = at(&house, "b.example", "icescrum", r#"["task.delete"]"#).await;
        let narrowed = at(&house, "c.example", "icescrum", r#""all""#).await;
        house
            .admin("POST", &format!("{WEBHOOKS}/{off}/disable"), "")
            .await;
        house.clock.pass(60);
        let event = change(&house, "PUT", "tasks/5", r#"{"title":"T"}"#).await;
        until(&house, event, narrowed, Reason::Delivered).await;
        let told = of(&house, event, off).await;
        assert_eq!(text(&told, "reason"), "webhook_off");
        let detail = text(&told, "detail");
        assert!(
            detail.contains("disabled since 2026-03-02T11:40:00Z: switched off by hand")
                && detail.contains("waits for a recovery"),
            "{detail}"
        );
        let told = of(&house, event, edited).await;
        assert_eq!(text(&told, "reason"), "not_selected");
        assert!(!text(&told, "detail").contains("as it is now"));

        house.clock.pass(60);
        let later = at(&house, "d.example", "squish", r#""all""#).await;
        for (id, events) in [(edited, r#""all""#), (narrowed, r#"["task.delete"]"#)] {
            let body = format!(r#"{{"events":{events}}}"#);
            house
                .admin("PATCH", &format!("{WEBHOOKS}/{id}"), &body)
                .await;
        }
        assert_eq!(
            text(&of(&house, event, later).await, "reason"),
            "created_later"
        );
        let told = of(&house, event, edited).await;
        assert_eq!(text(&told, "reason"), "changed_since");
        assert!(text(&told, "detail").contains("2026-03-02T11:42:00Z"));
        // What was delivered was wanted, whatever it selects now.
        assert_eq!(
            text(&of(&house, event, narrowed).await, "reason"),
            "delivered"
        );

        let switch = async |to: &str| {
            let body = format!(r#"{{"webhooks":"{to}"}}"#);
            assert_eq!(house.admin("PATCH", HB, &body).await.status, 200);
        };
        switch("off").await;
        let unseen = change(&house, "PATCH", "tasks/5", r#"{"title":"U"}"#).await;
        assert_eq!(explain(&house, unseen, "").await.code(), "webhooks_off");
        switch("on").await;
        let told = of(&house, unseen, later).await;
        assert_eq!(text(&told, "reason"), "project_off");
        assert!(text(&told, "detail").contains("They are on now"));
        // On again, it has missed the event all the same, until recover has dealt with that.
        let path = format!("{WEBHOOKS}/{off}");
        house.admin("POST", &format!("{path}/enable"), "").await;
        let told = of(&house, event, off).await;
        assert_eq!(text(&told, "reason"), "webhook_off");
        assert!(text(&told, "detail").contains("on again now"), "{told:?}");
        for (mode, hook, after) in [
            ("deliver", off, Reason::Delivered),
            ("skip", later, Reason::Skipped),
        ] {
            let body = format!(r#"{{"since":"2026-03-02T11:40:30Z","mode":"{mode}"}}"#);
            let path = format!("{WEBHOOKS}/{hook}/recover");
            let done = house.admin("POST", &path, &body).await;
            assert_eq!(done.status, 202, "{}", done.text);
            until(&house, unseen, hook, after).await;
        }
        until(&house, event, off, Reason::Delivered).await;
        // An event from before the switch is judged by how the project stood then.
        assert_eq!(
            text(&of(&house, event, narrowed).await, "reason"),
            "delivered"
        );
    }
}

#[tokio::test]
async fn what_retention_took_is_said_to_be_gone() {
    for house in House::both().await {
        let id = at(&house, "a.example", "squish", r#""all""#).await;
        // Events stay where one that is off missed them; else they go with the log.
        let off = at(&house, "off.example", "squish", r#""all""#).await;
        let off = format!("{HB}/webhooks/{off}/disable");
        assert!(house.admin("POST", &off, "").await.status < 300);
        house.clock.pass(60);
        let event = change(&house, "PUT", "tasks/5", r#"{"title":"T"}"#).await;
        until(&house, event, id, Reason::Delivered).await;
        let rows = tidings_storage::Retention {
            max_rows: 1,
            ..tidings_storage::Retention::default()
        };
        let last = change(&house, "PUT", "tasks/6", r#"{"title":"T"}"#).await;
        until(&house, last, id, Reason::Delivered).await;
        house.app.settings.write().retention = rows;
        let now = house.app.clock.wall().as_millisecond();
        while house.store.prune(now, rows, 100).await.unwrap().more {}
        let told = of(&house, event, id).await;
        assert_eq!(text(&told, "reason"), "not_in_log");
        assert!(text(&told, "detail").contains("retention has removed"));
        assert_eq!(text(&of(&house, last, id).await, "reason"), "delivered");
    }
}

#[tokio::test]
async fn a_disabled_webhook_is_told_to_the_others_and_bulk_updates_to_backlog() {
    for house in House::both().await {
        house.receiver.others.lock().insert("gone.example", 410);
        let gone = at(&house, "gone.example", "standard", r#""all""#).await;
        let other = at(&house, "a.example", "standard", r#""all""#).await;
        let backlog = at(&house, "b.example", "backlog", r#""all""#).await;
        let event = change(&house, "PUT", "tasks/5", r#"{"title":"T"}"#).await;
        until(&house, event, gone, Reason::Parked).await;
        // The server's own event is the next one.
        let mut own = event + 1;
        let begun = Instant::now();
        while explain(&house, own, "").await.status == 404 {
            assert!(begun.elapsed() < PATIENCE);
            tokio::task::yield_now().await;
        }
        until(&house, own, other, Reason::Delivered).await;
        assert_eq!(text(&of(&house, own, gone).await, "reason"), "own_event");
        assert_eq!(
            text(&of(&house, own, backlog).await, "reason"),
            "dialect_silent"
        );
        own = change(
            &house,
            "PATCH",
            "items",
            r#"{"objects":[{"collection":"tasks","id":5}],"set":{"title":"All"}}"#,
        )
        .await;
        let whole = until(&house, own, backlog, Reason::Delivered).await;
        assert_eq!(lines(&whole), pairs(&[("14", "delivered")]));
        let part = of(&house, own + 1, backlog).await;
        assert_eq!(text(&part, "reason"), "dialect_silent");
        let detail = text(&part, "detail");
        assert!(detail.contains(&format!("bulk update {own}")), "{detail}");
    }
}

#[tokio::test]
async fn silent_changes_have_nothing_to_explain_and_words_are_the_same_for_all() {
    let house = House::new().await;
    let silent = house
        .admin(
            "PUT",
            &format!("{HB}/tasks/5?silent=true"),
            r#"{"title":"T"}"#,
        )
        .await;
    assert_eq!(silent.header("tidings-event"), "");
    let event = change(&house, "PUT", "tasks/6", r#"{"title":"T"}"#).await;
    let other = "/api/v1/projects/OTHER/events";
    let theirs = house
        .ask(
            "other_owner",
            "GET",
            &format!("{other}/{event}/explain"),
            "",
        )
        .await;
    let absent = explain(&house, 999_999, "").await;
    assert_eq!((theirs.status, absent.status), (404, 404));
    assert_eq!(theirs.at("detail"), absent.at("detail"));
    assert!(absent.text.contains("silent changes"), "{}", absent.text);
    for (query, status) in [("?webhook=0", 422), ("?webhook=x", 422), ("?q=x", 422)] {
        assert_eq!(
            explain(&house, event, query).await.status,
            status,
            "{query}"
        );
    }
    assert_eq!(explain(&house, event, "?webhook=999").await.status, 404);
    // Team members see it too; there is no URL and no body in it.
    let id = at(&house, "a.example", "squish", r#""all""#).await;
    let event = change(&house, "PUT", "tasks/7", r#"{"title":"Hidden"}"#).await;
    until(&house, event, id, Reason::Delivered).await;
    let path = format!("{HB}/events/{event}/explain");
    let seen = house.ask("team_member", "GET", &path, "").await;
    assert_eq!(seen.status, 200);
    assert!(
        !seen.text.contains("https://") && !seen.text.contains("Hidden"),
        "{}",
        seen.text
    );
}

#[tokio::test]
async fn a_thousand_webhooks_are_explained_page_by_page() {
    let house = House::new().await;
    let mut ids = Vec::new();
    for n in 0..1_000 {
        let dialect = ["squish", "icescrum", "sprintly"][n % 3];
        ids.push(at(&house, &format!("h{n}.example"), dialect, r#""all""#).await);
    }
    let event = change(&house, "PUT", "stories/5", r#"{"title":"T"}"#).await;
    let last = *ids.last().unwrap();
    until(&house, event, last, Reason::Delivered).await;
    let mut found = Vec::new();
    let mut query = "?limit=200".to_owned();
    loop {
        let page = explain(&house, event, &query).await;
        for one in page.at("data").as_list() {
            found.push(one.member("webhook").unwrap().as_int().unwrap());
            assert_ne!(text(one, "reason"), "not_in_log");
        }
        match page.at("next_cursor").as_str() {
            Some(next) => query = format!("?limit=200&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(found, ids);
}

#[test]
fn the_document_lists_every_reason() {
    let document = Value::parse(openapi::text().as_bytes()).unwrap();
    let schema = ["components", "schemas", "Reason"]
        .iter()
        .fold(&document, |value, name| value.member(name).unwrap());
    let listed: Vec<&str> = schema
        .member("enum")
        .unwrap()
        .as_list()
        .iter()
        .filter_map(Value::as_str)
        .collect();
    let all: Vec<&str> = Reason::ALL.iter().map(|r| r.as_str()).collect();
    assert_eq!(listed, all);
    let words = schema.member("description").unwrap().as_str().unwrap();
    for reason in all {
        assert!(words.contains(&format!("`{reason}`")), "{reason}");
    }
}
