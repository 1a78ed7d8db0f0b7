//! The audit log tells of every change, once, and of nothing else.

use std::collections::BTreeSet;

use axum::body::Body;
use http::{Request, header};
use tidings_app::Access;
use tidings_domain::Value;
use tidings_web::address::From;
use tidings_web::route::{Method, Row};
use tidings_web::routes::table;

use crate::house::{ADMIN, Got, House};

const HOOK: &str = "/api/v1/projects/HB/webhooks/1";
const RED: &str = r#"{"url":"https://example.com/red","dialect":"icescrum","name":"Red","secret":"hush hush hush"}"#;

/// A request that changes something by way of a route, what must have been done before, and the operation that is told; none: it
/// changes nothing that is told of.
#[derive(Clone, Copy)]
struct Deed {
    row: &'static str,
    before: &'static [(&'static str, &'static str, &'static str)],
    path: &'static str,
    body: &'static str,
    told: Option<&'static str>,
}

const fn deed(
    row: &'static str,
    path: &'static str,
    body: &'static str,
    told: Option<&'static str>,
) -> Deed {
    Deed {
        row,
        before: &[],
        path,
        body,
        told,
    }
}

const fn after(before: &'static [(&'static str, &'static str, &'static str)], deed: Deed) -> Deed {
    Deed { before, ..deed }
}

const WEBHOOK: &[(&str, &str, &str)] = &[("POST", "projects/HB/webhooks", RED)];
const PAUSED: &[(&str, &str, &str)] = &[
    ("POST", "projects/HB/webhooks", RED),
    ("POST", "projects/HB/webhooks/1/pause", ""),
];
const DISABLED: &[(&str, &str, &str)] = &[
    ("POST", "projects/HB/webhooks", RED),
    ("POST", "projects/HB/webhooks/1/disable", ""),
];
const MEMBER: &[(&str, &str, &str)] = &[(
    "PUT",
    "projects/HB/members/5",
    r#"{"first_name":"Ada","role":"team_member"}"#,
)];
const TEAM: &[(&str, &str, &str)] = &[("PUT", "projects/HB/teams/3", r#"{"name":"Blue"}"#)];
const ACCOUNT: &[(&str, &str, &str)] = &[
    ("PUT", "projects/HB/members/5", r#"{"first_name":"Ada"}"#),
    ("POST", "accounts", r#"{"login":"ada"}"#),
];
const LINKED: &[(&str, &str, &str)] = &[
    ("PUT", "projects/HB/members/5", r#"{"first_name":"Ada"}"#),
    ("POST", "accounts", r#"{"login":"ada"}"#),
    ("PUT", "accounts/1/members/HB", r#"{"member":5}"#),
];
const TOKEN: &[(&str, &str, &str)] = &[(
    "POST",
    "projects/HB/tokens",
    r#"{"name":"ci","kind":"app"}"#,
)];
const ADMIN_TOKEN: &[(&str, &str, &str)] = &[("POST", "tokens", r#"{"name":"ops"}"#)];
const SINCE: &str = r#"{"since":"2026-03-02T10:00:00Z","mode":"skip"}"#;
const AGAIN: &str = r#"{"since":"2026-03-02T10:00:00Z","states":["failed"]}"#;
const TEST: &str = r#"{"event":"story.create"}"#;
const UNSAVED: &str =
    r#"{"event":"story.create","webhook":{"url":"https://example.com/x","dialect":"icescrum"}}"#;

const DEEDS: &[Deed] = &[
    deed(
        "create_project",
        "projects",
        r#"{"key":"NEW","name":"New"}"#,
        Some("project.create"),
    ),
    deed(
        "update_project",
        "projects/HB",
        r#"{"name":"Haven"}"#,
        Some("project.update"),
    ),
    deed("delete_project", "projects/HB", "", Some("project.delete")),
    deed(
        "create_project_token",
        "projects/HB/tokens",
        r#"{"name":"ci","kind":"app"}"#,
        Some("token.create"),
    ),
    after(
        TOKEN,
        deed(
            "revoke_project_token",
            "projects/HB/tokens/{last}",
            "",
            Some("token.delete"),
        ),
    ),
    deed(
        "create_admin_token",
        "tokens",
        r#"{"name":"ops"}"#,
        Some("token.create"),
    ),
    after(
        ADMIN_TOKEN,
        deed(
            "revoke_admin_token",
            "tokens/{last}",
            "",
            Some("token.delete"),
        ),
    ),
    deed(
        "create_member",
        "projects/HB/members",
        r#"{"first_name":"Ada"}"#,
        Some("member.create"),
    ),
    deed(
        "put_member",
        "projects/HB/members/5",
        r#"{"first_name":"Ada"}"#,
        Some("member.create"),
    ),
    after(
        MEMBER,
        deed(
            "update_member",
            "projects/HB/members/5",
            r#"{"role":"scrum_master"}"#,
            Some("member.update"),
        ),
    ),
    after(
        MEMBER,
        deed(
            "delete_member",
            "projects/HB/members/5",
            "",
            Some("member.delete"),
        ),
    ),
    deed(
        "create_team",
        "projects/HB/teams",
        r#"{"name":"Blue"}"#,
        Some("team.create"),
    ),
    deed(
        "put_team",
        "projects/HB/teams/3",
        r#"{"name":"Blue"}"#,
        Some("team.create"),
    ),
    after(
        TEAM,
        deed(
            "update_team",
            "projects/HB/teams/3",
            r#"{"name":"Red"}"#,
            Some("team.update"),
        ),
    ),
    after(
        TEAM,
        deed(
            "delete_team",
            "projects/HB/teams/3",
            "",
            Some("team.delete"),
        ),
    ),
    deed(
        "create_webhook",
        "projects/HB/webhooks",
        RED,
        Some("webhook.create"),
    ),
    deed(
        "test_unsaved_webhook",
        "projects/HB/webhooks/test",
        UNSAVED,
        None,
    ),
    after(
        WEBHOOK,
        deed(
            "update_webhook",
            "projects/HB/webhooks/1",
            r#"{"name":"Blue"}"#,
            Some("webhook.update"),
        ),
    ),
    after(
        WEBHOOK,
        deed(
            "delete_webhook",
            "projects/HB/webhooks/1",
            "",
            Some("webhook.delete"),
        ),
    ),
    after(
        WEBHOOK,
        deed("test_webhook", "projects/HB/webhooks/1/test", TEST, None),
    ),
    after(
        DISABLED,
        deed(
            "enable_webhook",
            "projects/HB/webhooks/1/enable",
            "",
            Some("webhook.enable"),
        ),
    ),
    after(
        WEBHOOK,
        deed(
            "disable_webhook",
            "projects/HB/webhooks/1/disable",
            "",
            Some("webhook.disable"),
        ),
    ),
    after(
        WEBHOOK,
        deed(
            "pause_webhook",
            "projects/HB/webhooks/1/pause",
            "",
            Some("webhook.pause"),
        ),
    ),
    after(
        PAUSED,
        deed(
            "resume_webhook",
            "projects/HB/webhooks/1/resume",
            "",
            Some("webhook.resume"),
        ),
    ),
    after(
        WEBHOOK,
        deed(
            "recover_webhook",
            "projects/HB/webhooks/1/recover",
            SINCE,
            Some("webhook.recover"),
        ),
    ),
    after(
        WEBHOOK,
        deed(
            "resend_webhook",
            "projects/HB/webhooks/1/resend",
            AGAIN,
            Some("webhook.resend"),
        ),
    ),
    after(
        WEBHOOK,
        deed(
            "rotate_secret",
            "projects/HB/webhooks/1/secret/rotate",
            "{}",
            Some("webhook.rotate"),
        ),
    ),
    after(
        WEBHOOK,
        deed(
            "resend_delivery",
            "projects/HB/deliveries/{delivery}/resend",
            "",
            Some("delivery.resend"),
        ),
    ),
    deed(
        "create_account",
        "accounts",
        r#"{"login":"ada"}"#,
        Some("account.create"),
    ),
    after(
        ACCOUNT,
        deed(
            "update_account",
            "accounts/1",
            r#"{"name":"Ada"}"#,
            Some("account.update"),
        ),
    ),
    after(
        ACCOUNT,
        deed("delete_account", "accounts/1", "", Some("account.delete")),
    ),
    after(
        ACCOUNT,
        deed(
            "invite_account",
            "accounts/1/invite",
            "",
            Some("account.invite"),
        ),
    ),
    after(
        ACCOUNT,
        deed(
            "link_account",
            "accounts/1/members/HB",
            r#"{"member":5}"#,
            Some("account.link"),
        ),
    ),
    after(
        LINKED,
        deed(
            "unlink_account",
            "accounts/1/members/HB",
            "",
            Some("account.unlink"),
        ),
    ),
    deed(
        "update_settings",
        "settings",
        r#"{"failure_limit":9}"#,
        Some("settings.update"),
    ),
];

impl House {
    /// A request of the administrator's, from an address.
    async fn far_away(&self, method: &str, path: &str, body: &str) -> Got {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("/api/v1/{path}"))
            .header(header::AUTHORIZATION, format!("Bearer {ADMIN}"))
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(body.to_owned()))
            .unwrap();
        request
            .extensions_mut()
            .insert(From("192.0.2.7".parse().unwrap()));
        self.send(request).await
    }

    async fn told(&self) -> Vec<Value> {
        let got = self.admin("GET", "/api/v1/audit?limit=200", "").await;
        assert_eq!(got.status, 200, "{}", got.text);
        got.at("data").as_list().to_vec()
    }

    /// A delivery that was made and arrived.
    async fn delivered(&self) -> String {
        let made = self
            .admin("PUT", "/api/v1/projects/HB/stories/9", r#"{"title":"S"}"#)
            .await;
        assert_eq!(made.status, 201, "{}", made.text);
        loop {
            let log = self
                .admin("GET", "/api/v1/projects/HB/deliveries", "")
                .await;
            if log.at("data/0/state") == "delivered".into() {
                return log.at("data/0/id").as_str().unwrap().to_owned();
            }
            tokio::task::yield_now().await;
        }
    }
}

fn changes_things(row: &Row) -> bool {
    row.method != Method::Get && matches!(row.access, Access::Manage | Access::Administrator)
}

#[tokio::test]
async fn every_change_is_told_once_and_nothing_else() {
    let rows: BTreeSet<&str> = table()
        .iter()
        .filter(|row| changes_things(row))
        .map(|row| &*row.id)
        .collect();
    let known: BTreeSet<&str> = DEEDS.iter().map(|deed| deed.row).collect();
    assert_eq!(
        rows, known,
        "each route that changes something has its deed here"
    );
    for deed in DEEDS {
        let house = House::new().await;
        let mut last = String::new();
        for (method, path, body) in deed.before {
            let done = house.admin(method, &format!("/api/v1/{path}"), body).await;
            assert!(done.status < 300, "{path}: {}", done.text);
            if !done.text.is_empty() {
                last = done
                    .json()
                    .member("id")
                    .map_or_else(String::new, |id| format!("{id:?}"));
            }
        }
        let mut path = deed.path.to_owned();
        if path.contains("{last}") {
            let id: String = last.chars().filter(char::is_ascii_digit).collect();
            path = path.replace("{last}", &id);
        }
        if path.contains("{delivery}") {
            path = path.replace("{delivery}", &house.delivered().await);
        }
        let before = house.told().await;
        let row = table().iter().find(|row| row.id == deed.row).unwrap();
        let done = house.far_away(row.method.as_str(), &path, deed.body).await;
        assert!(
            done.status < 300,
            "{}: {} {}",
            deed.row,
            done.status,
            done.text
        );
        let told = house.told().await;
        let new = &told[..told.len() - before.len()];
        let operations: Vec<_> = new
            .iter()
            .filter_map(|e| e.member("operation")?.as_str())
            .collect();
        assert_eq!(
            operations,
            deed.told.into_iter().collect::<Vec<_>>(),
            "{}",
            deed.row
        );
        if let Some(entry) = new.first() {
            assert_eq!(
                entry.member("address"),
                Some(&"192.0.2.7".into()),
                "{}",
                deed.row
            );
            let actor = entry.member("actor").unwrap();
            assert_eq!(actor.member("kind"), Some(&"administrator".into()));
            assert!(!format!("{entry:?}").contains("hush"), "{}", deed.row);
        }
        // What is refused is not told.
        let wrong = house
            .far_away(row.method.as_str(), &path, r#"{"nonsense":1}"#)
            .await;
        if wrong.status >= 400 {
            assert_eq!(house.told().await.len(), told.len(), "{}", deed.row);
        }
    }
}

#[tokio::test]
async fn what_changed_is_told_and_of_secrets_only_that() {
    for house in House::both().await {
        house
            .admin("POST", "/api/v1/projects/HB/webhooks", RED)
            .await;
        let edit = r#"{"url":"https://other.example/x","secret":"more hush","headers":{"X-Key":"hush"},"enabled":false}"#;
        let edited = house.ask("product_owner", "PATCH", HOOK, edit).await;
        assert_eq!(edited.status, 200, "{}", edited.text);
        let same = house
            .ask("product_owner", "PATCH", HOOK, r#"{"name":"Red"}"#)
            .await;
        assert_eq!(same.status, 200);
        let told = house
            .ask("product_owner", "GET", "/api/v1/projects/HB/audit", "")
            .await;
        assert!(!told.text.contains("hush"), "{}", told.text);
        assert_eq!(told.at("data/0/operation"), "webhook.disable".into());
        assert_eq!(told.at("data/1/operation"), "webhook.update".into());
        assert_eq!(told.at("data/1/actor/kind"), "token".into());
        assert_eq!(told.at("data/1/actor/name"), "product_owner".into());
        assert_eq!(told.at("data/1/target"), "webhooks/1".into());
        let changes = told.at("data/1/changes");
        let change = |field: &str| {
            let mut all = changes.as_list().iter();
            let found = all.find(|c| c.member("field") == Some(&field.into()));
            let found = found.unwrap_or_else(|| panic!("{field}: {changes:?}"));
            ["old", "new", "secret"].map(|m| found.member(m).cloned().unwrap())
        };
        assert_eq!(
            change("url"),
            [
                "https://example.com/red".into(),
                "https://other.example/x".into(),
                false.into()
            ]
        );
        assert_eq!(change("secret"), [Value::Null, Value::Null, true.into()]);
        assert_eq!(told.at("data/2/operation"), "webhook.create".into());
        assert!(!String::from_utf8_lossy(&house.stored_bytes()).contains("hush"));

        // Filters, and other people's projects.
        let asked = |query: &str| format!("/api/v1/projects/HB/audit?{query}");
        let count = async |query: &str| {
            house
                .admin("GET", &asked(query), "")
                .await
                .at("data")
                .as_list()
                .len()
        };
        assert_eq!(count("webhook=1&operation=webhook").await, 3);
        assert_eq!(count("webhook=1&operation=webhook.update").await, 1);
        assert_eq!(count("webhook=2").await, 0);
        assert_eq!(count("until=2026-03-02T11:00:00Z").await, 0);
        assert_eq!(
            house.admin("GET", &asked("webhook=x"), "").await.status,
            422
        );
        let theirs = house
            .ask(
                "other_owner",
                "GET",
                "/api/v1/projects/OTHER/audit?webhook=1",
                "",
            )
            .await;
        assert_eq!(theirs.at("data").as_list().len(), 0, "{}", theirs.text);
        let page = house.admin("GET", &asked("webhook=1&limit=2"), "").await;
        let cursor = page.at("next_cursor");
        let rest = house
            .admin(
                "GET",
                &asked(&format!(
                    "webhook=1&limit=2&cursor={}",
                    cursor.as_str().unwrap()
                )),
                "",
            )
            .await;
        assert_eq!(rest.at("data").as_list().len(), 1);
    }
}

#[tokio::test]
async fn what_the_server_switches_off_it_says_itself() {
    for house in House::both().await {
        house.receiver.others.lock().insert("gone.example", 410);
        let hook = r#"{"url":"https://gone.example/x","dialect":"icescrum"}"#;
        house
            .admin("POST", "/api/v1/projects/HB/webhooks", hook)
            .await;
        house
            .admin("PUT", "/api/v1/projects/HB/stories/9", r#"{"title":"S"}"#)
            .await;
        let told = loop {
            let told = house
                .admin("GET", "/api/v1/audit?operation=webhook.disable", "")
                .await;
            if !told.at("data").as_list().is_empty() {
                break told;
            }
            tokio::task::yield_now().await;
        };
        assert_eq!(told.at("data/0/actor/kind"), "server".into());
        assert_eq!(told.at("data/0/changes/1/new"), "gone".into());
        assert_eq!(told.at("data/0/address"), Value::Null);
        assert_eq!(told.at("data/0/project"), "HB".into());
        let own = house
            .ask(
                "scrum_master",
                "GET",
                "/api/v1/projects/HB/audit?operation=webhook.disable",
                "",
            )
            .await;
        assert_eq!(own.at("data").as_list().len(), 1);
    }
}

#[tokio::test]
async fn the_page_tells_people_what_people_did() {
    for house in House::both_with_people().await {
        let hook = r#","name":"Night build","secret":"hush hush","timeout_seconds":10"#;
        let id = house.webhook("product_owner", hook).await;
        let path = format!("/api/v1/projects/HB/webhooks/{id}");
        let edit = r#"{"verify_tls":false,"secret":"hush again"}"#;
        assert_eq!(house.admin("PATCH", &path, edit).await.status, 200);
        let log = "/projects/HB/audit";
        let page = house.open("product_owner", log).await.text;
        for said in [
            "added the webhook",
            "changed the webhook",
            "<dt>Certificate is verified</dt><dd><del>yes</del> → <ins>no</ins></dd>",
            "<dt>Secret</dt><dd>replaced</dd>",
            "<dt>Secret</dt><dd>set</dd>",
            "<dt>Time to answer</dt><dd>10 seconds</dd>",
            &format!("<a href=\"/projects/HB/webhooks/{id}\">Night build</a>"),
            &format!("<option value=\"{id}\">Night build</option>"),
        ] {
            assert!(page.contains(said), "{said} in {page}");
        }
        for unsaid in ["True", "False", "hush", "max_in_flight", "webhook.update<"] {
            assert!(!page.contains(unsaid), "{unsaid} in {page}");
        }
        // By name of a webhook, of a person, and of what was done; a filter that fits nothing says so.
        let count = async |query: &str| {
            let page = house.open("product_owner", &format!("{log}?{query}")).await;
            assert_eq!(page.status, 200, "{}", page.text);
            page.text.matches("class=\"update\"").count()
        };
        assert_eq!(count(&format!("webhook={id}")).await, 2);
        assert_eq!(
            count(&format!(
                "webhook={id}&operation=webhook.create&actor=&since="
            ))
            .await,
            1
        );
        assert_eq!(count(&format!("webhook={id}&actor=administrator")).await, 1);
        assert_eq!(count(&format!("webhook={id}&actor=server")).await, 0);
        // Deleted, it can still be chosen.
        assert_eq!(house.admin("DELETE", &path, "").await.status, 204);
        let page = house.open("product_owner", log).await.text;
        assert!(
            page.contains(&format!("<option value=\"{id}\">Night build</option>")),
            "{page}"
        );
        assert!(
            !page.contains(&format!("href=\"/projects/HB/webhooks/{id}\"")),
            "{page}"
        );
        let all = house.open("admin", "/admin/audit?project=HB").await.text;
        assert!(all.contains("deleted the webhook"), "{all}");
        let all = house.open("admin", "/admin/audit").await.text;
        assert!(all.contains("The administrator"), "{all}");
    }
}
