//! Who may what: the route table walked row by row, role by role, project by project.

use tidings_domain::Collection;
use tidings_web::route::{Input, Method, Row};
use tidings_web::routes::table;

use crate::house::House;

/// What this test expects of a route, said here once more and independently of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Who {
    Anyone,
    Known,
    Admin,
    Project,
    Write,
    Watch,
    Manage,
}

/// `None` for a route that nobody thought about: then the test fails.
fn expected(id: &str) -> Option<Who> {
    for collection in Collection::ALL {
        let one = collection.singular();
        let many = collection.path().replace('-', "_");
        if id == format!("list_{many}") || id == format!("get_{one}") {
            return Some(Who::Project);
        }
        let writes = ["create_", "put_", "update_", "delete_"];
        if writes.iter().any(|verb| id == format!("{verb}{one}")) {
            return Some(match collection {
                Collection::Members | Collection::Teams => Who::Manage,
                _ => Who::Write,
            });
        }
    }
    Some(match id {
        "healthz"
        | "readyz"
        | "metrics"
        | "openapi"
        | "docs"
        | "docs_style"
        | "list_dialects"
        | "list_dialect_events"
        | "get_dialect_event" => Who::Anyone,
        "list_projects" => Who::Known,
        "list_accounts" | "create_account" | "get_account" | "update_account"
        | "delete_account" | "invite_account" | "link_account" | "unlink_account"
        | "list_audit" | "create_project" | "get_server" | "get_settings" | "update_settings"
        | "list_admin_tokens" | "create_admin_token" | "get_admin_token" | "revoke_admin_token" => {
            Who::Admin
        }
        "get_project" | "list_activities" | "get_event" => Who::Project,
        "move_story" | "move_task" | "move_defect" | "move_test" | "stop_time_entry"
        | "cancel_time_entry" | "notify_comment" | "update_items" | "apply_changes" => Who::Write,
        "list_webhooks"
        | "get_webhook"
        | "get_webhook_hours"
        | "list_webhook_history"
        | "get_webhook_progress"
        | "list_deliveries"
        | "get_delivery"
        | "explain_event" => Who::Watch,
        "update_project"
        | "delete_project"
        | "list_project_tokens"
        | "create_project_token"
        | "get_project_token"
        | "revoke_project_token"
        | "create_webhook"
        | "test_unsaved_webhook"
        | "update_webhook"
        | "delete_webhook"
        | "test_webhook"
        | "enable_webhook"
        | "disable_webhook"
        | "pause_webhook"
        | "resume_webhook"
        | "recover_webhook"
        | "resend_webhook"
        | "rotate_secret"
        | "resend_delivery"
        | "list_project_audit" => Who::Manage,
        _ => return None,
    })
}

const ROLES: [&str; 9] = [
    "stakeholder",
    "team_member",
    "product_owner",
    "scrum_master",
    "app",
    "admin",
    "other_owner",
    "other_app",
    "nobody",
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expect {
    Unauthorized,
    Absent,
    Forbidden,
    LetIn,
}

fn expect(who: Who, role: &str, in_project: bool) -> Expect {
    if who == Who::Anyone {
        return Expect::LetIn;
    }
    if role == "nobody" {
        return Expect::Unauthorized;
    }
    if in_project && role.starts_with("other_") {
        return Expect::Absent;
    }
    let may = match who {
        Who::Anyone | Who::Known | Who::Project => true,
        Who::Admin => role == "admin",
        Who::Write | Who::Watch => role != "stakeholder",
        Who::Manage => matches!(role, "product_owner" | "scrum_master" | "app" | "admin"),
    };
    if may {
        Expect::LetIn
    } else {
        Expect::Forbidden
    }
}

fn path(row: &Row) -> String {
    row.path
        .replace("{key}", "HB")
        .replace("{id}", "999999")
        .replace("{dialect}", "squish")
        .replace("{code}", "submit")
}

fn body(row: &Row) -> &'static str {
    match row.input {
        Input::None => "",
        Input::Changes => "[]",
        Input::Json(_) | Input::Optional(_) => "{}",
        Input::Form => unreachable!("no form is part of the API"),
    }
}

#[tokio::test]
async fn every_route_admits_whom_it_should_and_nobody_else() {
    let mut house = House::new().await;
    let mut asked = 0;
    for row in table() {
        let who = expected(&row.id)
            .unwrap_or_else(|| panic!("{} has no row in the permission test", row.id));
        for role in ROLES {
            let got = house
                .ask(role, row.method.as_str(), &path(row), body(row))
                .await;
            let expect = expect(who, role, row.in_project());
            let fits = match expect {
                Expect::Unauthorized => {
                    got.status == 401 && !got.header("www-authenticate").is_empty()
                }
                Expect::Absent => got.status == 404,
                Expect::Forbidden => got.status == 403 && got.code() == "forbidden",
                Expect::LetIn => !matches!(got.status, 401 | 403) && got.status < 500,
            };
            assert!(
                fits,
                "{} {} as {role}: {expect:?}, got {} {}",
                row.method.as_str(),
                row.path,
                got.status,
                got.text
            );
            asked += 1;
            if row.id == "delete_project" && got.status == 204 {
                house = House::new().await;
            }
        }
    }
    assert!(asked > 1_500, "{asked}");
}

#[tokio::test]
async fn another_projects_things_answer_like_absent_ones() {
    let house = House::new().await;
    let webhook = house.webhook("admin", "").await;
    for row in table().iter().filter(|row| row.in_project()) {
        let theirs = path(row);
        let absent = theirs.replace("/HB", "/NOWHERE");
        let method = row.method.as_str();
        let a = house.ask("other_owner", method, &theirs, body(row)).await;
        let b = house.ask("other_owner", method, &absent, body(row)).await;
        assert_eq!((a.status, &a.text), (404, &b.text), "{theirs}");
    }
    // Ids are unique in the server; under the wrong project they are not there.
    for (method, rest) in [
        ("GET", ""),
        ("DELETE", ""),
        ("POST", "/enable"),
        ("POST", "/pause"),
    ] {
        let theirs = format!("/api/v1/projects/OTHER/webhooks/{webhook}{rest}");
        let absent = format!("/api/v1/projects/OTHER/webhooks/999999{rest}");
        let a = house.ask("other_owner", method, &theirs, "").await;
        let b = house.ask("other_owner", method, &absent, "").await;
        assert_eq!((a.status, &a.text), (404, &b.text), "{method} {rest}");
    }
    let still = house
        .admin(
            "GET",
            &format!("/api/v1/projects/HB/webhooks/{webhook}"),
            "",
        )
        .await;
    assert_eq!(still.status, 200);
}

#[tokio::test]
async fn a_project_token_lists_its_own_project_only() {
    let house = House::new().await;
    let own = house
        .ask("team_member", "GET", "/api/v1/projects", "")
        .await;
    assert_eq!(own.at("data").as_list().len(), 1);
    assert_eq!(own.at("data/0/key"), "HB".into());
    let all = house.admin("GET", "/api/v1/projects", "").await;
    assert_eq!(all.at("data").as_list().len(), 2);
}

#[tokio::test]
async fn revoked_and_expired_tokens_are_refused_at_once() {
    let house = House::new().await;
    let tokens = "/api/v1/projects/HB/tokens";
    let body = r#"{"name":"short","kind":"app","expires_at":"2026-03-02T12:00:00Z"}"#;
    let made = house.admin("POST", tokens, body).await;
    let secret = made.at("token").as_str().unwrap().to_owned();
    let ask = async || {
        let request = http::Request::get("/api/v1/projects/HB")
            .header("authorization", format!("Bearer {secret}"))
            .body(axum::body::Body::empty())
            .unwrap();
        house.send(request).await.status
    };
    assert_eq!(ask().await, 200);
    house.clock.advance(1199);
    assert_eq!(ask().await, 200);
    house.clock.advance(1);
    assert_eq!(ask().await, 401);
    house.clock.advance(-1200);
    assert_eq!(ask().await, 200);
    let id = made.at("id").as_int().unwrap();
    let gone = house.admin("DELETE", &format!("{tokens}/{id}"), "").await;
    assert_eq!(gone.status, 204);
    assert_eq!(ask().await, 401);
}

#[tokio::test]
async fn bad_authorization_headers_are_all_refused_alike() {
    let house = House::new().await;
    let good = house.tokens["app"].clone();
    let cut = &good[..good.len() - 1];
    let bad = [
        String::new(),
        "Bearer".into(),
        "Bearer ".into(),
        format!("Basic {good}"),
        format!("Bearer {cut}"),
        format!("Bearer {good}x"),
        format!("Bearer {}", good.to_uppercase()),
        format!("Bearer {good} {good}"),
        good.clone(),
        "Bearer tid_".into(),
        format!("Bearer {}", "x".repeat(5000)),
        "Bearer ' OR 1=1 --".into(),
    ];
    let mut answers = Vec::new();
    for value in bad {
        let request = http::Request::get("/api/v1/projects/HB")
            .header("authorization", &value)
            .body(axum::body::Body::empty())
            .unwrap();
        let got = house.send(request).await;
        assert_eq!(got.status, 401, "{value}");
        answers.push(got.text);
    }
    answers.dedup();
    assert_eq!(answers.len(), 1);
    let twice = http::Request::get("/api/v1/projects/HB")
        .header("authorization", format!("Bearer {good}"))
        .header("authorization", format!("Bearer {good}"))
        .body(axum::body::Body::empty())
        .unwrap();
    assert_eq!(house.send(twice).await.status, 401);
}

/// Routes of webhooks and log, with what they answer while the project is `off` or `view_only`.
const PAGES: [(&str, &str, &str, &str); 22] = [
    ("GET", "/webhooks", "", "200"),
    ("GET", "/webhooks/{id}", "", "200"),
    ("PATCH", "/webhooks/{id}", r#"{"name":"New"}"#, "200"),
    (
        "PATCH",
        "/webhooks/{id}",
        r#"{"enabled":true}"#,
        "plan_view_only",
    ),
    (
        "POST",
        "/webhooks",
        r#"{"url":"https://example.com","dialect":"squish"}"#,
        "201",
    ),
    (
        "POST",
        "/webhooks",
        r#"{"url":"https://example.com","dialect":"squish","enabled":true}"#,
        "plan_view_only",
    ),
    (
        "POST",
        "/webhooks",
        r#"{"url":"https://example.com","dialect":"squish","enabled":false}"#,
        "201",
    ),
    (
        "POST",
        "/webhooks/test",
        r#"{"event":"submit","webhook":{"url":"https://example.com","dialect":"squish"}}"#,
        "plan_view_only",
    ),
    (
        "POST",
        "/webhooks/{id}/test",
        r#"{"event":"story.create"}"#,
        "plan_view_only",
    ),
    ("POST", "/webhooks/{id}/enable", "", "plan_view_only"),
    ("POST", "/webhooks/{id}/disable", "", "200"),
    (
        "POST",
        "/webhooks/{id}/recover",
        r#"{"since":"2026-03-01T00:00:00Z","mode":"deliver"}"#,
        "plan_view_only",
    ),
    (
        "POST",
        "/webhooks/{id}/resend",
        r#"{"since":"2026-03-01T00:00:00Z","states":["failed"]}"#,
        "plan_view_only",
    ),
    ("POST", "/webhooks/{id}/secret/rotate", "", "200"),
    ("GET", "/webhooks/{id}/hours", "", "200"),
    ("GET", "/webhooks/{id}/history", "", "200"),
    ("GET", "/webhooks/{id}/progress", "", "200"),
    ("GET", "/deliveries", "", "200"),
    ("GET", "/events/999999/explain", "", "404"),
    ("GET", "/deliveries/dlv_0000000000000", "", "404"),
    (
        "POST",
        "/deliveries/dlv_0000000000000/resend",
        "",
        "plan_view_only",
    ),
    ("DELETE", "/webhooks/{id}", "", "204"),
];

#[tokio::test]
async fn off_closes_the_webhook_pages_and_view_only_lets_look_and_prepare() {
    for (switch, who) in [("off", "product_owner"), ("view_only", "admin")] {
        let house = House::new().await;
        let id = house.webhook("product_owner", r#","enabled":false"#).await;
        let set = house
            .ask(
                who,
                "PATCH",
                "/api/v1/projects/HB",
                &format!(r#"{{"webhooks":"{switch}"}}"#),
            )
            .await;
        assert_eq!(set.status, 200, "{}", set.text);
        for (method, path, body, viewing) in PAGES {
            let path = format!(
                "/api/v1/projects/HB{}",
                path.replace("{id}", &id.to_string())
            );
            for role in ["product_owner", "admin"] {
                if method == "DELETE" && role == "admin" && switch == "view_only" {
                    continue;
                }
                let got = house.ask(role, method, &path, body).await;
                if switch == "off" {
                    assert_eq!(
                        (got.status, got.code().as_str()),
                        (403, "webhooks_off"),
                        "{method} {path}"
                    );
                } else if let Ok(status) = viewing.parse::<u16>() {
                    assert_eq!(got.status, status, "{method} {path} {body}: {}", got.text);
                } else {
                    assert_eq!(
                        (got.status, got.code().as_str()),
                        (403, viewing),
                        "{method} {path}"
                    );
                }
            }
        }
    }
}

#[tokio::test]
async fn only_the_administrator_moves_the_plan_gate() {
    let house = House::new().await;
    let set = async |who: &str, to: &str| {
        house
            .ask(
                who,
                "PATCH",
                "/api/v1/projects/HB",
                &format!(r#"{{"webhooks":"{to}"}}"#),
            )
            .await
    };
    for who in ["product_owner", "scrum_master", "app"] {
        assert_eq!(set(who, "off").await.status, 200, "{who}");
        assert_eq!(set(who, "on").await.status, 200, "{who}");
        let refused = set(who, "view_only").await;
        assert_eq!(
            (refused.status, refused.code().as_str()),
            (403, "plan_view_only"),
            "{who}"
        );
    }
    assert_eq!(set("admin", "view_only").await.status, 200);
    for who in ["product_owner", "scrum_master", "app"] {
        for to in ["on", "off"] {
            assert_eq!(set(who, to).await.status, 403, "{who} {to}");
        }
        assert_eq!(set(who, "view_only").await.status, 200, "no change, {who}");
    }
    assert_eq!(set("admin", "on").await.status, 200);
}

#[tokio::test]
async fn a_locked_webhook_is_its_apps_own() {
    let house = House::new().await;
    let id = house.webhook("app", r#","locked":true"#).await;
    let path = format!("/api/v1/projects/HB/webhooks/{id}");
    let shown = house.ask("product_owner", "GET", &path, "").await;
    assert_eq!(shown.at("origin"), "app:zapier".into());
    let edits = [
        ("PATCH", "", r#"{"name":"Mine"}"#),
        ("PATCH", "", r#"{"enabled":false,"name":"Mine"}"#),
        ("PATCH", "", r#"{"enabled":true}"#),
        ("PATCH", "", r#"{"locked":false}"#),
        ("POST", "/enable", ""),
        ("POST", "/secret/rotate", ""),
    ];
    for who in ["product_owner", "scrum_master", "app2"] {
        for (method, rest, body) in edits {
            let got = house.ask(who, method, &format!("{path}{rest}"), body).await;
            assert_eq!(
                (got.status, got.code().as_str()),
                (403, "webhook_locked"),
                "{who} {method} {body}"
            );
        }
        let off = house.ask(who, "PATCH", &path, r#"{"enabled":false}"#).await;
        assert_eq!(
            (off.status, off.at("enabled")),
            (200, false.into()),
            "{who}"
        );
        let back = house
            .ask("app", "POST", &format!("{path}/enable"), "")
            .await;
        assert_eq!((back.status, back.at("enabled")), (200, true.into()));
        let off = house.ask(who, "POST", &format!("{path}/disable"), "").await;
        assert_eq!(off.status, 200);
    }
    assert_eq!(
        house
            .ask("app", "PATCH", &path, r#"{"name":"App's"}"#)
            .await
            .status,
        200
    );
    assert_eq!(
        house
            .admin("PATCH", &path, r#"{"locked":false}"#)
            .await
            .status,
        200
    );
    assert_eq!(
        house
            .ask("product_owner", "PATCH", &path, r#"{"name":"Mine"}"#)
            .await
            .status,
        200
    );
    let not_theirs = house
        .ask("product_owner", "PATCH", &path, r#"{"locked":true}"#)
        .await;
    assert_eq!(
        (not_theirs.status, not_theirs.fields()),
        (422, vec!["/locked".to_owned()])
    );
    assert_eq!(
        house.ask("product_owner", "DELETE", &path, "").await.status,
        204
    );
}

#[tokio::test]
async fn team_members_see_webhooks_and_log_without_what_is_confidential() {
    let house = House::new().await;
    let id = house.webhook("admin", "").await;
    let path = format!("/api/v1/projects/HB/webhooks/{id}");
    let edit = r#"{"url":"https://example.com/secret-path?key=canary"}"#;
    assert_eq!(house.admin("PATCH", &path, edit).await.status, 200);
    let shown = house.ask("team_member", "GET", &path, "").await;
    assert_eq!(shown.at("url"), "https://example.com".into());
    let listed = house
        .ask("team_member", "GET", "/api/v1/projects/HB/webhooks", "")
        .await;
    assert!(!listed.text.contains("canary"));
    let sent = house
        .admin(
            "POST",
            &format!("{path}/test"),
            r#"{"event":"story.create"}"#,
        )
        .await;
    assert_eq!(sent.status, 200, "{}", sent.text);
    let log = format!(
        "/api/v1/projects/HB/deliveries/{}",
        sent.at("id").as_str().unwrap()
    );
    let theirs = house.ask("team_member", "GET", &log, "").await;
    assert_eq!(theirs.at("request/body"), tidings_domain::Value::Null);
    assert_eq!(theirs.at("request/headers"), tidings_domain::Value::Null);
    assert_eq!(theirs.at("request/url"), "https://example.com".into());
    assert_eq!(
        theirs.at("attempts/0/response"),
        tidings_domain::Value::Null
    );
    assert_eq!(theirs.at("attempts/0/status"), 200.into());
    let full = house.ask("scrum_master", "GET", &log, "").await;
    assert!(
        full.at("request/body")
            .as_str()
            .is_some_and(|b| !b.is_empty())
    );
    assert_eq!(full.at("attempts/0/response/body"), "thanks".into());
}

#[test]
fn methods_know_head_and_nothing_odd() {
    assert_eq!(Method::of(&http::Method::HEAD), Some(Method::Get));
    assert_eq!(Method::of(&http::Method::TRACE), None);
}
