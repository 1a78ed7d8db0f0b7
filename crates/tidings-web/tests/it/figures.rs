//! What people see of how webhooks and the server do.

use tidings_domain::Value;

use crate::house::House;

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
