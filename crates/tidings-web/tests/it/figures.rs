//! What people see of how webhooks and the server do.

use std::time::Duration;

use tidings_domain::Value;

use crate::house::House;

/// The longest that is waited for something that takes milliseconds.
const PATIENCE: Duration = Duration::from_secs(20);

#[tokio::test]
async fn a_webhooks_last_day_and_history_are_told() {
    for house in House::both().await {
        let id = house.webhook("product_owner", "").await;
        let path = format!("/api/v1/projects/HB/webhooks/{id}");
        let day = house
            .ask("team_member", "GET", &format!("{path}/hours"), "")
            .await;
        assert_eq!(day.status, 200, "{}", day.text);
        assert_eq!((day.at("accepted"), day.at("failed")), (0.into(), 0.into()));
        assert_eq!(day.at("median_ms"), Value::Null);
        assert_eq!(day.at("hours").as_list().len(), 24);

        house
            .ask("product_owner", "POST", &format!("{path}/pause"), "")
            .await;
        house
            .ask("app", "POST", &format!("{path}/resume"), "")
            .await;
        house
            .ask("admin", "PATCH", &path, r#"{"enabled":false}"#)
            .await;
        let history = house
            .ask("team_member", "GET", &format!("{path}/history"), "")
            .await;
        assert_eq!(history.status, 200, "{}", history.text);
        let word = |at: &str| {
            history
                .at(&format!("data/{at}"))
                .as_str()
                .unwrap()
                .to_owned()
        };
        let told: Vec<_> = (0..4)
            .map(|row| {
                (
                    word(&format!("{row}/state")),
                    word(&format!("{row}/by/kind")),
                )
            })
            .collect();
        let expected = [
            ("disabled", "administrator"),
            ("ok", "app"),
            ("paused", "role"),
            ("ok", "role"),
        ];
        assert_eq!(told, expected.map(|(a, b)| (a.to_owned(), b.to_owned())));
        assert_eq!(word("0/reason"), "manual");
        assert_eq!(word("1/by/name"), "zapier");
        assert_eq!(word("2/by/name"), "product_owner");
        let page = house
            .ask("admin", "GET", &format!("{path}/history?limit=3"), "")
            .await;
        let cursor = page.at("next_cursor");
        let rest = format!("{path}/history?cursor={}", cursor.as_str().unwrap());
        let rest = house.ask("admin", "GET", &rest, "").await;
        assert_eq!(rest.at("data").as_list().len(), 1);
    }
}

#[tokio::test]
async fn how_far_a_sweep_is_can_be_asked() {
    for house in House::both().await {
        let id = house.webhook("product_owner", "").await;
        let path = format!("/api/v1/projects/HB/webhooks/{id}");
        let none = house
            .ask("admin", "GET", &format!("{path}/progress"), "")
            .await;
        assert_eq!((none.status, none.at("running")), (200, false.into()));
        house
            .ask("admin", "POST", &format!("{path}/disable"), "")
            .await;
        let task = r#"{"title":"Missed"}"#;
        let made = house
            .ask("admin", "POST", "/api/v1/projects/HB/tasks", task)
            .await;
        assert_eq!(made.status, 201, "{}", made.text);
        let since = r#"{"since":"2026-03-01T00:00:00Z","mode":"deliver"}"#;
        let swept = house
            .ask("admin", "POST", &format!("{path}/recover"), since)
            .await;
        assert_eq!(
            (swept.status, swept.at("count")),
            (202, 1.into()),
            "{}",
            swept.text
        );
        let ended = house
            .ask("admin", "GET", &format!("{path}/progress"), "")
            .await;
        let told = (ended.at("running"), ended.at("done"), ended.at("complete"));
        assert_eq!(told, (false.into(), 1.into(), true.into()));
    }
}

#[tokio::test]
async fn the_server_tells_how_much_waits() {
    for house in House::both().await {
        let id = house.webhook("product_owner", "").await;
        let path = format!("/api/v1/projects/HB/webhooks/{id}");
        house
            .ask("admin", "POST", &format!("{path}/pause"), "")
            .await;
        let task = r#"{"title":"Held"}"#;
        house
            .ask("admin", "POST", "/api/v1/projects/HB/tasks", task)
            .await;
        let server = house.ask("admin", "GET", "/api/v1/server", "").await;
        assert_eq!(server.status, 200, "{}", server.text);
        assert_eq!(server.at("queue/waiting"), 1.into());
        assert_eq!(server.at("queue/oldest"), Value::Null, "people hold it");
        assert_eq!(server.at("webhooks/paused"), 1.into());
        assert_eq!(server.at("sending/minutes").as_list().len(), 60);
        assert_eq!(server.at("storage/deliveries"), 1.into());
    }
}

#[tokio::test]
async fn the_health_page_proposes_the_time_of_the_first_that_is_parked_however_many_there_are() {
    for house in House::both_with_people().await {
        let id = house.webhook("admin", "").await;
        let hook = format!("/api/v1/projects/HB/webhooks/{id}");
        let tell = async |path: &str, body: &str| {
            let done = house.admin("POST", path, body).await;
            assert!(done.status < 300, "{path}: {}", done.text);
        };
        tell(&format!("{hook}/pause"), "").await;
        tell("/api/v1/projects/HB/tasks", r#"{"title":"First"}"#).await;
        let first = house.app.now();
        house.clock.pass(600);
        // More than a page of any list.
        for n in 0..210 {
            let task = format!(r#"{{"title":"Task {n}"}}"#);
            tell("/api/v1/projects/HB/tasks", &task).await;
        }
        let off = house.admin("PATCH", &hook, r#"{"enabled":false}"#).await;
        assert_eq!(off.status, 200, "{}", off.text);
        let page = format!("/projects/HB/webhooks/{id}/health");
        let shown = async || house.open("admin", &page).await.text;
        let minute = |at: &str| format!("value=\"{}\"", at.get(..16).unwrap());
        assert!(
            shown().await.contains(&minute(&first)),
            "{first}: {}",
            shown().await
        );

        // Enabled again, it is well, and what it missed is still missed.
        let on = house.admin("PATCH", &hook, r#"{"enabled":true}"#).await;
        assert_eq!(on.status, 200, "{}", on.text);
        assert!(
            shown().await.contains(&minute(&first)),
            "{first}: {}",
            shown().await
        );
    }
}

#[tokio::test]
async fn what_is_sent_again_in_bulk_is_watched_until_it_is_through() {
    for house in House::both_with_people().await {
        let id = house.webhook("admin", "").await;
        let hook = format!("/api/v1/projects/HB/webhooks/{id}");
        let pause = house.admin("POST", &format!("{hook}/pause"), "").await;
        assert!(pause.status < 300, "{}", pause.text);
        for n in 0..3 {
            let task = format!(r#"{{"title":"Task {n}"}}"#);
            house
                .admin("POST", "/api/v1/projects/HB/tasks", &task)
                .await;
        }
        for enabled in [r#"{"enabled":false}"#, r#"{"enabled":true}"#] {
            house.admin("PATCH", &hook, enabled).await;
        }
        house.admin("POST", &format!("{hook}/pause"), "").await;
        let recover = r#"{"since":"2026-03-02T00:00:00Z","mode":"deliver"}"#;
        let done = house
            .admin("POST", &format!("{hook}/recover"), recover)
            .await;
        assert_eq!(done.at("count"), 3.into(), "{}", done.text);
        let progress = async || house.admin("GET", &format!("{hook}/progress"), "").await;
        let told = progress().await;
        assert_eq!(
            (told.at("running"), told.at("waiting")),
            (false.into(), 3.into())
        );
        let page = format!("/projects/HB/webhooks/{id}/health");
        let shown = house.open("admin", &page).await.text;
        assert!(shown.contains("<progress max=\"3\" value=\"0\""), "{shown}");
        assert!(shown.contains("0 of 3 are through"), "{shown}");
        house.admin("POST", &format!("{hook}/resume"), "").await;
        let through = async {
            while progress().await.at("waiting") != 0.into() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, through).await.unwrap();
        let shown = house.open("admin", &page).await.text;
        assert!(!shown.contains("<progress"), "{shown}");
    }
}
