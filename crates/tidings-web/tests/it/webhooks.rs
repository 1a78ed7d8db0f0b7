//! Webhooks as people and programs use them.

use tidings_domain::Value;

use crate::house::House;

const ALL: &str = "/api/v1/projects/HB/webhooks";

#[tokio::test]
async fn a_webhook_has_its_defaults_and_what_was_read_can_be_written_back() {
    let house = House::new().await;
    let id = house.webhook("product_owner", "").await;
    let path = format!("{ALL}/{id}");
    let shown = house.admin("GET", &path, "").await;
    for (member, value) in [
        ("name", "example.com".into()),
        ("description", "".into()),
        ("events", "all".into()),
        ("has_secret", false.into()),
        ("verify_tls", true.into()),
        ("ca_pem", Value::Null),
        ("enabled", true.into()),
        ("timeout_seconds", 30.into()),
        ("ordering", "item".into()),
        ("max_in_flight", 8.into()),
        ("failure_limit", Value::Null),
        ("retry_schedule", Value::Null),
        ("options", Value::Map(vec![])),
        ("headers", Value::Map(vec![])),
        ("origin", "api".into()),
        ("locked", false.into()),
        ("warnings", Value::List(vec![])),
    ] {
        assert_eq!(shown.at(member), value, "{member}");
    }
    assert_eq!(shown.at("health/state"), "ok".into());
    let back = house.admin("PATCH", &path, &shown.text).await;
    assert_eq!(back.status, 200, "{}", back.text);
    assert_eq!(back.at("updated_at"), shown.at("updated_at"));
    assert_eq!(
        house
            .ask(
                "app",
                "POST",
                ALL,
                r#"{"url":"https://a.example","dialect":"squish"}"#
            )
            .await
            .at("origin"),
        "app:zapier".into()
    );
}

#[tokio::test]
async fn edits_name_their_faults() {
    let house = House::new().await;
    let id = house.webhook("admin", "").await;
    let path = format!("{ALL}/{id}");
    let fixed = house.admin("PATCH", &path, r#"{"dialect":"squish"}"#).await;
    assert_eq!(
        (fixed.status, fixed.code().as_str()),
        (422, "dialect_fixed")
    );
    assert_eq!(fixed.fields(), ["/dialect"]);
    let refused = house
        .admin("PATCH", &path, r#"{"url":"http://localhost:80/x"}"#)
        .await;
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (422, "url_forbidden")
    );
    let codes = house
        .admin(
            "PATCH",
            &path,
            r#"{"events":["story.create","nope","story.state"]}"#,
        )
        .await;
    assert_eq!(codes.fields(), ["/events/1"]);
    let many = house
        .admin(
            "PATCH",
            &path,
            r#"{"timeout_seconds":0,"ordering":"x","nonsense":1}"#,
        )
        .await;
    assert_eq!(
        many.fields(),
        ["/timeout_seconds", "/ordering", "/nonsense"]
    );
    assert_eq!(
        house
            .admin("PATCH", &path, r#"{"events":"stories"}"#)
            .await
            .at("events"),
        "stories".into()
    );
}

#[tokio::test]
async fn every_refused_address_is_refused_in_the_same_words() {
    let house = House::new().await;
    let mut answers = Vec::new();
    for host in ["localhost", "127.0.0.1", "10.0.0.1", "[::1]"] {
        let body = format!(r#"{{"url":"http://{host}/","dialect":"squish"}}"#);
        let got = house.admin("POST", ALL, &body).await;
        assert_eq!(got.status, 422, "{}", got.text);
        answers.push(got.text);
        let body = format!(r#"{{"event":"submit","webhook":{body}}}"#);
        let got = house.admin("POST", &format!("{ALL}/test"), &body).await;
        assert_eq!(
            (got.status, got.fields()),
            (422, vec!["/webhook/url".to_owned()])
        );
    }
    answers.dedup();
    assert_eq!(answers.len(), 1);
    assert!(house.receiver.got.lock().is_empty());
}

#[tokio::test]
async fn warnings_say_what_the_dialect_exposes() {
    let house = House::new().await;
    let body = r#"{"url":"http://nobody.invalid/x","dialect":"backlog","verify_tls":false}"#;
    let made = house.admin("POST", ALL, body).await;
    let warnings = made.at("warnings");
    let codes: Vec<_> = warnings
        .as_list()
        .iter()
        .map(|w| w.member("code").cloned().unwrap())
        .collect();
    assert_eq!(
        codes,
        [
            "insecure_url".into(),
            "tls_not_verified".into(),
            "unresolved".into()
        ]
    );
    let exposes = tidings_dialects::find("backlog").unwrap().exposes();
    let detail = made.at("warnings/0/detail");
    assert!(detail.as_str().unwrap().contains(exposes), "{detail:?}");
    let id = made.at("id").as_int().unwrap();
    let fixed = r#"{"url":"https://example.com/x","verify_tls":true}"#;
    let after = house.admin("PATCH", &format!("{ALL}/{id}"), fixed).await;
    assert_eq!(after.at("warnings"), Value::List(vec![]));
}

#[tokio::test]
async fn headers_are_masked_merged_and_stay_with_their_host() {
    for house in House::both().await {
        let id = house
            .webhook("admin", r#","headers":{"X-A":"one","X-B":"two"}"#)
            .await;
        let path = format!("{ALL}/{id}");
        let shown = house.admin("GET", &path, "").await;
        assert_eq!(shown.at("headers/X-A"), "***".into());
        let merged = house.admin("PATCH", &path, r#"{"headers":{"X-A":"***","X-B":null,"X-C":"three"},"url":"https://example.com/other"}"#).await;
        let names: Vec<_> = merged
            .at("headers")
            .as_map()
            .iter()
            .map(|(n, _)| n.clone())
            .collect();
        assert_eq!(names, ["X-A", "X-C"]);
        let sent = |house: &House| house.receiver.got.lock().last().unwrap().headers.clone();
        house
            .admin(
                "POST",
                &format!("{path}/test"),
                r#"{"event":"story.create"}"#,
            )
            .await;
        assert!(sent(&house).iter().any(|one| one == ("X-A", "one")));
        let moved = house
            .admin("PATCH", &path, r#"{"url":"https://elsewhere.example/x"}"#)
            .await;
        assert_eq!(moved.at("headers"), Value::Map(vec![]));
        let again = house
            .admin(
                "PATCH",
                &path,
                r#"{"url":"https://example.com/x","headers":{"X-N":"new"}}"#,
            )
            .await;
        assert_eq!(again.at("headers").as_map().len(), 1, "{}", again.text);
    }
}

#[tokio::test]
async fn testing_an_edit_takes_the_stored_secrets_to_the_same_host_only() {
    for house in House::both().await {
        let id = house
            .webhook("admin", r#","secret":"s","headers":{"X-A":"one"}"#)
            .await;
        let test = async |webhook: &str| {
            let body = format!(r#"{{"event":"story.create","webhook":{webhook}}}"#);
            let got = house.admin("POST", &format!("{ALL}/test"), &body).await;
            assert_eq!(got.status, 200, "{}", got.text);
            let sent = house.receiver.got.lock().last().unwrap().headers.clone();
            let has = |name: &str| sent.iter().any(|(n, _)| n.eq_ignore_ascii_case(name));
            (got, has("x-icescrum-signature"), has("x-a"))
        };
        let (same, signed, header) = test(&format!(
            r#"{{"id":{id},"url":"https://example.com/changed"}}"#
        ))
        .await;
        assert!(signed && header);
        assert_eq!(same.at("webhook"), id.into());
        let (_, signed, header) =
            test(&format!(r#"{{"id":{id},"url":"https://evil.example/"}}"#)).await;
        assert!(!signed && !header);
        let (unsaved, signed, _) =
            test(r#"{"url":"https://example.com/","dialect":"icescrum","secret":"x"}"#).await;
        assert!(signed);
        assert_eq!(unsaved.at("webhook"), Value::Null);
        assert_eq!(unsaved.at("state"), "delivered".into());
        let stored = house.admin("GET", &format!("{ALL}/{id}"), "").await;
        assert_eq!(stored.at("url"), "https://example.com/hook".into());
        let log = house
            .admin("GET", "/api/v1/projects/HB/deliveries?trigger=test", "")
            .await;
        assert_eq!(log.at("data").as_list().len(), 3);
        let one = house
            .admin(
                "GET",
                &format!(
                    "/api/v1/projects/HB/deliveries/{}",
                    unsaved.at("id").as_str().unwrap()
                ),
                "",
            )
            .await;
        assert_eq!(one.at("request/body"), unsaved.at("request/body"));
    }
}

#[tokio::test]
async fn switching_shows_in_health() {
    for house in House::both().await {
        let id = house.webhook("admin", "").await;
        let path = format!("{ALL}/{id}");
        let steps = [
            ("pause", "paused", Value::Null, true),
            ("resume", "ok", Value::Null, true),
            ("disable", "disabled", "manual".into(), false),
            ("enable", "ok", Value::Null, true),
        ];
        for (verb, state, reason, enabled) in steps {
            let got = house.admin("POST", &format!("{path}/{verb}"), "").await;
            assert_eq!(got.status, 200, "{verb}: {}", got.text);
            assert_eq!(got.at("health/state"), state.into(), "{verb}");
            assert_eq!(got.at("health/reason"), reason, "{verb}");
            assert_eq!(got.at("enabled"), enabled.into(), "{verb}");
        }
        house
            .admin("PATCH", &path, r#"{"enabled":false,"name":"off"}"#)
            .await;
        let off = house.admin("POST", &format!("{path}/pause"), "").await;
        assert_eq!((off.status, off.code().as_str()), (409, "webhook_disabled"));
        let on = house.admin("PATCH", &path, r#"{"enabled":true}"#).await;
        assert_eq!(
            (on.at("enabled"), on.at("health/state"), on.at("name")),
            (true.into(), "ok".into(), "off".into())
        );
        house
            .admin(
                "PATCH",
                "/api/v1/projects/HB",
                r#"{"webhooks":"view_only"}"#,
            )
            .await;
        let gated = house.admin("GET", &path, "").await;
        assert_eq!(
            (gated.at("enabled"), gated.at("health/reason")),
            (true.into(), "plan".into())
        );
    }
}

#[tokio::test]
async fn resend_refuses_what_it_cannot_do() {
    let house = House::new().await;
    let id = house.webhook("admin", "").await;
    let path = format!("{ALL}/{id}/resend");
    let since = r#""since":"2026-03-01T00:00:00Z""#;
    for (body, status, code, field) in [
        (
            r#"{"since":"2025-01-01T00:00:00Z","states":["failed"]}"#.to_owned(),
            422,
            "before_retention",
            "/since",
        ),
        (
            r#"{"since":"2027-01-01T00:00:00Z","states":["failed"]}"#.to_owned(),
            422,
            "range",
            "/since",
        ),
        (format!("{{{since}}}"), 422, "required", "/states"),
        (
            format!("{{{since},\"states\":[]}}"),
            422,
            "required",
            "/states",
        ),
        (
            format!("{{{since},\"states\":[\"parked\"]}}"),
            422,
            "unknown_word",
            "/states/0",
        ),
        (
            format!("{{{since},\"states\":[\"failed\"],\"until\":\"2026-02-28T00:00:00Z\"}}"),
            422,
            "range",
            "/until",
        ),
    ] {
        let got = house.admin("POST", &path, &body).await;
        assert_eq!((got.status, got.fields()), (status, vec![field.to_owned()]));
        assert_eq!(got.at("errors/0/code"), code.into(), "{}", got.text);
    }
    let fine = format!("{{{since},\"states\":[\"failed\",\"expired\"]}}");
    let got = house.admin("POST", &path, &fine).await;
    assert_eq!((got.status, got.at("count")), (202, 0.into()));
    house
        .admin("POST", &format!("{ALL}/{id}/disable"), "")
        .await;
    let got = house.admin("POST", &path, &fine).await;
    assert_eq!(
        (got.status, got.code().as_str()),
        (409, "webhook_disabled"),
        "{}",
        got.text
    );
}

#[tokio::test]
async fn recover_looks_no_further_back_than_the_log() {
    let house = House::new().await;
    let id = house.webhook("admin", "").await;
    let path = format!("{ALL}/{id}/recover");
    // Parked deliveries are kept for 90 days, the rest for 30.
    let parked = house
        .admin(
            "POST",
            &path,
            r#"{"since":"2025-12-10T00:00:00Z","mode":"skip"}"#,
        )
        .await;
    assert_eq!(parked.status, 202, "{}", parked.text);
    let old = house
        .admin(
            "POST",
            &path,
            r#"{"since":"2025-01-01T00:00:00Z","mode":"skip"}"#,
        )
        .await;
    assert_eq!((old.status, old.fields()), (422, vec!["/since".to_owned()]));
    assert!(
        old.at("detail")
            .as_str()
            .unwrap()
            .contains("2025-12-02T11:40:00Z"),
        "{}",
        old.text
    );
    let future = house
        .admin(
            "POST",
            &path,
            r#"{"since":"2027-01-01T00:00:00Z","mode":"skip"}"#,
        )
        .await;
    assert_eq!(future.status, 422);
    let fine = house
        .admin(
            "POST",
            &path,
            r#"{"since":"2026-03-01T00:00:00Z","mode":"deliver","dry_run":true}"#,
        )
        .await;
    assert_eq!(
        (fine.status, fine.at("count")),
        (202, 0.into()),
        "{}",
        fine.text
    );
}

#[tokio::test]
async fn the_catalogue_is_open_and_every_code_has_its_sample() {
    let house = House::empty().await;
    let dialects = house.ask("nobody", "GET", "/api/v1/dialects", "").await;
    assert_eq!(dialects.at("data").as_list().len(), 6);
    let mut codes = 0;
    for dialect in tidings_dialects::all() {
        let list = format!("/api/v1/dialects/{}/events", dialect.name());
        let events = house.ask("nobody", "GET", &list, "").await;
        for event in events.at("data").as_list() {
            let code = event.member("code").unwrap().as_str().unwrap();
            let one = house
                .ask("nobody", "GET", &format!("{list}/{code}"), "")
                .await;
            assert_eq!(one.status, 200, "{code}");
            let body = one.at("body");
            let parsed = Value::parse(body.as_str().unwrap().as_bytes()).unwrap();
            assert_eq!(parsed, one.at("sample"), "{code}");
            assert!(
                one.at("cause/path")
                    .as_str()
                    .unwrap()
                    .starts_with("/api/v1/projects/{key}/")
            );
            codes += 1;
        }
    }
    assert!(codes > 100, "{codes}");
}

#[tokio::test]
async fn settings_are_the_administrators_and_egress_is_nobodys() {
    let house = House::new().await;
    let path = "/api/v1/settings";
    let shown = house.admin("GET", path, "").await;
    assert_eq!(shown.at("failure_limit"), 5.into());
    assert_eq!(shown.at("egress/allow/0"), "192.168.7.0/24".into());
    let set = house
        .admin(
            "PATCH",
            path,
            r#"{"failure_limit":3,"retention":{"days":7}}"#,
        )
        .await;
    assert_eq!(
        (
            set.status,
            set.at("failure_limit"),
            set.at("retention/days"),
            set.at("retention/held_days")
        ),
        (200, 3.into(), 7.into(), 90.into())
    );
    assert_eq!(house.app.engine.settings().failure_limit, 3);
    let back = house.admin("PATCH", path, &set.text).await;
    assert_eq!(back.status, 200);
    let refused = house
        .admin("PATCH", path, r#"{"egress":{"allow":["0.0.0.0/0"]}}"#)
        .await;
    assert_eq!(
        (refused.status, refused.fields()),
        (422, vec!["/egress".to_owned()])
    );
    let default = house
        .admin("PATCH", path, r#"{"failure_limit":null}"#)
        .await;
    assert_eq!(default.at("failure_limit"), 5.into());
    for bad in [
        r#"{"failure_limit":-1}"#,
        r#"{"retention":{"days":0}}"#,
        r#"{"retention":{"x":1}}"#,
        r#"{"disable_after":"5d"}"#,
    ] {
        assert_eq!(house.admin("PATCH", path, bad).await.status, 422, "{bad}");
    }
}

#[tokio::test]
async fn edits_at_the_same_time_all_count() {
    for house in House::both().await {
        let id = house.webhook("admin", "").await;
        let path = format!("{ALL}/{id}");
        let edits = [
            r#"{"name":"same time"}"#,
            r#"{"description":"d"}"#,
            r#"{"timeout_seconds":9}"#,
            r#"{"ordering":"none"}"#,
            r#"{"max_in_flight":3}"#,
            r#"{"failure_limit":7}"#,
            r#"{"retry_schedule":[1,2]}"#,
            r#"{"secret":"s"}"#,
            r#"{"headers":{"X-A":"1"}}"#,
            r#"{"headers":{"X-B":"2"}}"#,
        ];
        let mut asked = tokio::task::JoinSet::new();
        for edit in edits {
            let (door, token, path) = (
                house.door.clone(),
                house.tokens["app"].clone(),
                path.clone(),
            );
            asked.spawn(async move {
                let request = http::Request::patch(path)
                    .header("authorization", format!("Bearer {token}"))
                    .header("content-type", "application/json")
                    .body(edit.into())
                    .unwrap();
                door.answer(request).await.status().as_u16()
            });
        }
        while let Some(status) = asked.join_next().await {
            assert_eq!(status.unwrap(), 200);
        }
        let after = house.admin("GET", &path, "").await;
        for (member, value) in [
            ("name", "same time".into()),
            ("description", "d".into()),
            ("timeout_seconds", 9.into()),
            ("ordering", "none".into()),
            ("max_in_flight", 3.into()),
            ("failure_limit", 7.into()),
            ("retry_schedule/1", 2.into()),
            ("has_secret", true.into()),
            ("headers/X-A", "***".into()),
            ("headers/X-B", "***".into()),
        ] {
            assert_eq!(after.at(member), value, "{member}");
        }
    }
}

#[tokio::test]
async fn a_verb_without_a_body_refuses_members_by_name() {
    let house = House::new().await;
    let id = house.webhook("admin", "").await;
    let path = format!("{ALL}/{id}/pause");
    let refused = house.admin("POST", &path, r#"{"for":"ever"}"#).await;
    assert_eq!(
        (refused.status, refused.fields()),
        (422, vec!["/for".into()])
    );
    let listed = house.admin("POST", &path, "[]").await;
    assert_eq!(listed.status, 422, "{}", listed.text);
    let shown = house.admin("GET", &format!("{ALL}/{id}"), "").await;
    assert_eq!(shown.at("health/state"), "ok".into());
    for body in ["", "{}"] {
        let done = house.admin("POST", &path, body).await;
        assert_eq!(done.status, 200, "{}", done.text);
    }
}
