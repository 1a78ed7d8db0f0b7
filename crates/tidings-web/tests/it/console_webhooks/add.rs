//! A new webhook: its form, what is refused, its secret.

use super::{LIST, OWNER, assert_has, assert_lacks, filled, form, id_of};
use crate::house::House;

#[tokio::test]
async fn the_dialect_is_chosen_first_with_an_explanation_each() {
    let house = House::with_people().await;
    let page = house.open(OWNER, &format!("{LIST}/new")).await;
    for dialect in tidings_app::catalogue::dialects() {
        let text = |name: &str| dialect.member(name).unwrap().as_str().unwrap().to_owned();
        let start = text("description");
        let start = start
            .split(['\'', '"', ':', '.'])
            .next()
            .unwrap()
            .to_owned();
        assert_has(&page, &[&format!("new?dialect={}", text("name")), &start]);
    }
    let wrong = house
        .open(OWNER, &format!("{LIST}/new?dialect=nothing"))
        .await;
    assert_has(&wrong, &["new?dialect=gitscrum"]);
}

#[tokio::test]
async fn the_form_offers_the_events_of_its_dialect_by_category() {
    let house = House::with_people().await;
    for (dialect, categories, codes, stories) in [
        (
            "gitscrum",
            &[
                "Task Events",
                "Time Tracking Events",
                "Comments &amp; Media Events",
                "User Story Events",
                "Sprint Events",
                "Other Events",
            ][..],
            26,
            false,
        ),
        (
            "backlog",
            &[
                "Issue",
                "Wiki",
                "File",
                "Version control",
                "Pull request",
                "Project",
            ][..],
            26,
            false,
        ),
        (
            "icescrum",
            &["Story events", "Task events", "Sprint events"][..],
            38,
            true,
        ),
    ] {
        let page = house
            .open(OWNER, &format!("{LIST}/new?dialect={dialect}"))
            .await;
        assert_eq!(page.status, 200, "{}", page.text);
        for category in categories {
            assert_has(&page, &[&format!("<legend>{category} ")]);
        }
        assert_eq!(
            page.text.matches("name=\"code\"").count(),
            codes,
            "{dialect}"
        );
        assert_eq!(
            page.text.contains("Story events</span></label>"),
            stories,
            "{dialect}"
        );
        assert_has(
            &page,
            &["All events", "Selected events", "data-filter=\"#codes\""],
        );
    }
}

#[tokio::test]
async fn a_webhook_is_added_with_everything_that_the_form_has() {
    let house = House::with_people().await;
    let sent = filled(
        "gitscrum",
        &[
            ("name", "Täsk bot"),
            ("description", "two\r\nlines"),
            ("events", "selected"),
            ("code", "issues.store"),
            ("code", "issues.destroy"),
            ("secret_mode", "own"),
            ("secret", " s3cret "),
            ("header_name", "X-Api-Key"),
            ("header_value", "k"),
            ("header_name", ""),
            ("header_value", ""),
            ("timeout_seconds", "5"),
            ("ordering", "none"),
            ("max_in_flight", "2"),
            ("failure_limit", "9"),
            ("retry_schedule", "5 s, 2 min"),
            ("options.envelope", "data"),
        ],
    );
    let added = house.submit(OWNER, &format!("{LIST}/new"), &sent).await;
    let id = id_of(&added);
    let webhook = house.read(id).await;
    for (member, value) in [
        ("name", r#""Täsk bot""#),
        ("description", r#""two\nlines""#),
        ("dialect", r#""gitscrum""#),
        ("events", r#"["issues.store","issues.destroy"]"#),
        ("has_secret", "true"),
        ("verify_tls", "true"),
        ("enabled", "true"),
        ("headers", r#"{"X-Api-Key":"***"}"#),
        ("timeout_seconds", "5"),
        ("ordering", r#""none""#),
        ("max_in_flight", "2"),
        ("failure_limit", "9"),
        ("retry_schedule", "[5,120]"),
        ("options", r#"{"envelope":"data"}"#),
        ("origin", r#""console""#),
    ] {
        let value = tidings_domain::Value::parse(value.as_bytes()).unwrap();
        assert_eq!(webhook.at(member), value, "{member}");
    }
    let page = house.open(OWNER, &format!("{LIST}/{id}")).await;
    assert_has(
        &page,
        &[
            "Täsk bot",
            "with a secret",
            "X-Api-Key",
            "in the console",
            "issues.destroy",
        ],
    );
    assert_lacks(&page, &["s3cret"]);
}

#[tokio::test]
async fn boxes_that_are_not_ticked_switch_off() {
    let house = House::with_people().await;
    let sent = filled("squish", &[("verify_tls", ""), ("enabled", "")]);
    let sent = sent
        .replace(&form(&[("verify_tls", "")]), "")
        .replace(&form(&[("enabled", "")]), "");
    let id = id_of(&house.submit(OWNER, &format!("{LIST}/new"), &sent).await);
    let webhook = house.read(id).await;
    assert_eq!(webhook.at("verify_tls"), false.into());
    assert_eq!(webhook.at("enabled"), false.into());
    let page = house.open(OWNER, &format!("{LIST}/{id}/edit")).await;
    assert_has(
        &page,
        &["Switch this off only if you know what you are doing"],
    );
    assert_lacks(
        &page,
        &[
            "name=\"verify_tls\" checked",
            "name=\"enabled\" value=\"on\" checked",
        ],
    );
}

#[tokio::test]
async fn a_refused_form_comes_back_with_its_fields_and_without_the_secret() {
    let house = House::with_people().await;
    let sent = filled(
        "icescrum",
        &[
            ("name", "<b>Chat"),
            ("url", "http://localhost/x"),
            ("events", "selected"),
            ("secret_mode", "own"),
            ("secret", "s3cret-word"),
            ("timeout_seconds", "soon"),
            ("retry_schedule", "5 s, later"),
            ("header_name", "Host"),
            ("header_value", "evil"),
        ],
    );
    let got = house.submit(OWNER, &format!("{LIST}/new"), &sent).await;
    assert_eq!(got.status, 422, "{}", got.text);
    for field in ["timeout_seconds", "retry_schedule", "headers", "events"] {
        assert_has(&got, &[&format!("id=\"{field}-fault\"")]);
    }
    assert_has(
        &got,
        &[
            "Nothing was saved",
            "&lt;b&gt;Chat",
            "value=\"5 s, later\"",
            "Wait 2 must be a length of time",
            "Tick at least one event",
            "value=\"evil\"",
            "value=\"own\" id=\"secret-own\" checked",
            "write it again",
        ],
    );
    assert_lacks(&got, &["s3cret-word", "<b>Chat"]);

    // What the guard refuses on its own is said at the URL.
    let sent = filled("icescrum", &[("url", "http://localhost/x")]);
    let got = house.submit(OWNER, &format!("{LIST}/new"), &sent).await;
    assert_eq!(got.status, 422);
    assert_has(&got, &["id=\"url-fault\"", "value=\"http://localhost/x\""]);
    assert!(house.receiver.got.lock().is_empty());
}

#[tokio::test]
async fn the_url_is_judged_while_it_is_typed() {
    let house = House::with_people().await;
    let path = format!("{LIST}/check");
    for (url, part) in [
        ("https://example.com/x", "can be sent to"),
        ("http://example.com/x", "not https"),
        ("https://nowhere.invalid/", "does not resolve"),
        ("http://localhost/x", "class=\"fault\""),
        ("ftp://example.com", "class=\"fault\""),
        ("https://user:word@example.com", "class=\"fault\""),
    ] {
        let got = house
            .submit_part(OWNER, &path, &form(&[("url", url)]))
            .await;
        assert_eq!(got.status, 200, "{url} {}", got.text);
        assert_has(&got, &[part]);
        assert_lacks(&got, &["<html"]);
    }
    let empty = house
        .submit_part(OWNER, &path, &form(&[("url", "  ")]))
        .await;
    assert_eq!(empty.text.trim(), "");

    let saved = filled("squish", &[("url", "http://localhost/x")]);
    let saved = house.submit(OWNER, &format!("{LIST}/new"), &saved).await;
    let typed = house
        .submit_part(OWNER, &path, &form(&[("url", "http://localhost/x")]))
        .await;
    let reason = typed.text.split(['<', '>']).nth(2).unwrap();
    assert!(reason.len() > 20, "{reason}");
    assert_has(&saved, &[reason]);
}

#[tokio::test]
async fn a_generated_secret_is_shown_once_and_signs() {
    let house = House::with_people().await;
    let sent = filled("icescrum", &[("secret_mode", "generate")]);
    let page = house.submit(OWNER, &format!("{LIST}/new"), &sent).await;
    assert_eq!(
        (page.status, page.header("cache-control")),
        (200, "no-store")
    );
    let secret = page.text.split("whsec_").nth(1).unwrap();
    let secret = secret.split('<').next().unwrap().to_owned();
    assert!(secret.len() > 40, "{secret}");
    let list = house.open(OWNER, LIST).await;
    let id = list
        .text
        .split("/webhooks/")
        .find_map(|p| p.split('/').next()?.parse::<i64>().ok());
    let id = id.unwrap();
    for path in [format!("{LIST}/{id}"), format!("{LIST}/{id}/edit")] {
        let page = house.open(OWNER, &path).await;
        assert_lacks(&page, &[&secret, "whsec_"]);
    }
    house.submit(OWNER, &format!("{LIST}/{id}/test"), "").await;
    let got = house.receiver.got.lock();
    let signed = |name: &str| got[0].headers.get(name).is_some();
    assert!(signed("x-icescrum-signature") && signed("webhook-signature"));
}

#[tokio::test]
async fn the_servers_failure_limit_is_named_as_it_is_now() {
    let house = House::with_people().await;
    let id = house.subscribe(OWNER, "").await;
    for (limit, words) in [(7, "now after 7 in a row"), (0, "now never")] {
        let body = format!(r#"{{"failure_limit":{limit}}}"#);
        let set = house.admin("PATCH", "/api/v1/settings", &body).await;
        assert_eq!(set.status, 200, "{}", set.text);
        for path in [
            format!("{LIST}/{id}"),
            format!("{LIST}/{id}/edit"),
            format!("{LIST}/new?dialect=icescrum"),
        ] {
            let page = house.open(OWNER, &path).await;
            assert_has(&page, &[words]);
        }
    }
}
