//! The pages of accounts and of the server: what people do there happens, and what is shown once is shown once.

use axum::body::Body;
use http::header;

use crate::house::{Got, House};

const PASSWORD: &str = "viermal+grauer+Regen";

/// What follows a mark in a page, up to the end of the tag or attribute.
fn after<'t>(page: &'t str, mark: &str) -> &'t str {
    let (_, rest) = page
        .split_once(mark)
        .unwrap_or_else(|| panic!("no {mark} in {page}"));
    rest.split(['"', '<']).next().unwrap()
}

fn link_in(page: &Got) -> String {
    let secret = after(&page.text, "https://tidings.example.com/sign-in/");
    format!("/sign-in/{secret}")
}

fn cookie_of(got: &Got) -> String {
    let cookie = got.header("set-cookie").split(';').next().unwrap();
    assert!(cookie.starts_with("__Host-tidings="), "{got:?}");
    cookie.to_owned()
}

impl House {
    /// A page, or a form that is sent, with a cookie.
    async fn with_cookie(&self, cookie: &str, method: &str, path: &str, form: &str) -> Got {
        let request = self
            .as_browser("nobody", method, path)
            .header(header::COOKIE, cookie)
            .header(header::ORIGIN, "https://tidings.example.com")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        self.send(request.body(Body::from(form.to_owned())).unwrap())
            .await
    }

    /// A link as somebody opens it who pasted it into a browser.
    async fn opened(&self, path: &str) -> Got {
        let request = self
            .as_browser("nobody", "GET", path)
            .header("sec-fetch-site", "none")
            .header("sec-fetch-mode", "navigate");
        self.send(request.body(Body::empty()).unwrap()).await
    }
}

#[tokio::test]
async fn an_administrator_invites_somebody_who_then_works_in_a_project() {
    let house = House::with_people().await;
    let form = "name=Ada+L.&login=ada%40example.com";
    let made = house.submit("admin", "/admin/accounts", form).await;
    assert_eq!(made.status, 200, "{}", made.text);
    let link = link_in(&made);
    let list = house.open("admin", "/admin/accounts").await;
    assert!(list.text.contains("ada@example.com") && list.text.contains("no password yet"));
    assert!(!list.text.contains(&link), "shown once");
    let again = house.submit("admin", "/admin/accounts", form).await;
    assert_eq!(again.status, 409);
    assert!(again.text.contains("id=\"login-fault\""), "{}", again.text);

    // Looking does not use it up, also not by opening it: it sets a password.
    for _ in 0..2 {
        let page = house.opened(&link).await;
        assert!(
            page.status == 200 && page.text.contains("Set your password"),
            "{}",
            page.text
        );
    }
    let differs = format!("name=Ada&password={PASSWORD}&again=other");
    let wrong = house.submit("nobody", &link, &differs).await;
    assert!(
        wrong.status == 422 && wrong.text.contains("id=\"again-fault\""),
        "{}",
        wrong.text
    );
    let weak = house
        .submit(
            "nobody",
            &link,
            "name=Ada&password=password1&again=password1",
        )
        .await;
    assert!(
        weak.status == 422 && weak.text.contains("id=\"password-fault\""),
        "{}",
        weak.text
    );
    let form = format!("name=Ada&password={PASSWORD}&again={PASSWORD}");
    let entered = house.submit("nobody", &link, &form).await;
    assert_eq!(
        (entered.status, entered.header("location")),
        (303, "/"),
        "{}",
        entered.text
    );
    let cookie = cookie_of(&entered);
    assert_eq!(
        house.submit("nobody", &link, &form).await.status,
        404,
        "once"
    );
    let nothing = house.with_cookie(&cookie, "GET", "/projects/HB", "").await;
    assert_eq!(nothing.status, 404);
}

#[tokio::test]
async fn an_administrator_links_switches_off_and_deletes_an_account() {
    let house = House::with_people().await;
    let form = "name=Ada+L.&login=ada%40example.com";
    let link = link_in(&house.submit("admin", "/admin/accounts", form).await);
    let form = format!("name=Ada&password={PASSWORD}&again={PASSWORD}");
    let cookie = cookie_of(&house.submit("nobody", &link, &form).await);
    let list = house.open("admin", "/admin/accounts").await;
    let id = after(&list.text, "href=\"/admin/accounts/");
    let ids: Vec<&str> = list.text.split("href=\"/admin/accounts/").skip(1).collect();
    let id = ids
        .last()
        .map_or(id, |rest| rest.split('"').next().unwrap());
    let member = house
        .admin(
            "PUT",
            "/api/v1/projects/HB/members/77",
            r#"{"first_name":"Ada","role":"team_member"}"#,
        )
        .await;
    assert_eq!(member.status, 201);
    let choose = house
        .open("admin", &format!("/admin/accounts/{id}?project=HB"))
        .await;
    assert!(choose.text.contains("value=\"77\""), "{}", choose.text);
    let linked = house
        .submit(
            "admin",
            &format!("/admin/accounts/{id}/link"),
            "project=HB&member=77",
        )
        .await;
    assert_eq!(linked.status, 303, "{}", linked.text);
    let page = house.with_cookie(&cookie, "GET", "/projects/HB", "").await;
    assert_eq!(page.status, 200, "{}", page.text);
    let refused = house.with_cookie(&cookie, "GET", "/admin", "").await;
    assert!(
        refused.status == 403 && !refused.text.contains("token"),
        "{}",
        refused.text
    );
    house
        .submit(
            "admin",
            &format!("/admin/accounts/{id}/unlink"),
            "project=HB",
        )
        .await;
    assert_eq!(
        house
            .with_cookie(&cookie, "GET", "/projects/HB", "")
            .await
            .status,
        404
    );
    house
        .submit(
            "admin",
            &format!("/admin/accounts/{id}/active"),
            "active=off",
        )
        .await;
    let out = house.with_cookie(&cookie, "GET", "/projects", "").await;
    assert_eq!(out.status, 303, "signed out at once");
    let invited = house
        .submit(
            "admin",
            &format!("/admin/accounts/{id}/invite"),
            "purpose=sign_in",
        )
        .await;
    assert_eq!(invited.status, 303, "an inactive account is not let in");
    house
        .submit(
            "admin",
            &format!("/admin/accounts/{id}/active"),
            "active=on",
        )
        .await;
    let invited = house
        .submit(
            "admin",
            &format!("/admin/accounts/{id}/invite"),
            "purpose=sign_in",
        )
        .await;
    let link = link_in(&invited);
    let gone = house
        .submit("admin", &format!("/admin/accounts/{id}/delete"), "")
        .await;
    assert_eq!(gone.status, 303);
    assert_eq!(house.opened(&link).await.status, 404);
}

#[tokio::test]
async fn a_link_that_signs_in_works_where_a_person_opens_it() {
    let house = House::with_people().await;
    let list = house.open("admin", "/admin/accounts").await;
    let id = after(&list.text, "href=\"/admin/accounts/").to_owned();
    let invite = async || {
        let path = format!("/admin/accounts/{id}/invite");
        link_in(&house.submit("admin", &path, "purpose=sign_in").await)
    };
    let link = invite().await;
    // A program that inspects mails, and a page that leads there.
    let looked = house.open("nobody", &link).await;
    assert!(
        looked.status == 200 && looked.header("set-cookie").is_empty(),
        "{}",
        looked.text
    );
    let request = house
        .as_browser("nobody", "GET", &link)
        .header("sec-fetch-site", "cross-site")
        .header("sec-fetch-mode", "navigate");
    let led = house.send(request.body(Body::empty()).unwrap()).await;
    assert!(led.status == 200 && led.header("set-cookie").is_empty());
    let pressed = house.submit("nobody", &link, "").await;
    let cookie = cookie_of(&pressed);
    assert_eq!(
        house.with_cookie(&cookie, "GET", "/admin", "").await.status,
        200
    );
    assert_eq!(house.opened(&link).await.status, 404);
    let opened = house.opened(&invite().await).await;
    assert_eq!(opened.status, 303);
    cookie_of(&opened);
}

#[tokio::test]
async fn the_first_link_asks_who_it_is() {
    let house = House::new().await;
    let link = house.app.first_link().await.unwrap().unwrap();
    let link = format!("/sign-in/{}", link.url.rsplit_once('/').unwrap().1);
    let page = house.opened(&link).await;
    assert!(page.text.contains("first administrator"), "{}", page.text);
    let form = format!("name=Ada&login=ada&password={PASSWORD}&again={PASSWORD}");
    let entered = house.submit("nobody", &link, &form).await;
    assert_eq!(entered.status, 303, "{}", entered.text);
    let cookie = cookie_of(&entered);
    let page = house
        .with_cookie(&cookie, "GET", "/admin/accounts", "")
        .await;
    assert!(
        page.status == 200 && page.text.contains("Ada"),
        "{}",
        page.text
    );
    assert_eq!(house.opened(&link).await.status, 404);
}

#[tokio::test]
async fn people_look_after_their_own_account() {
    let house = House::with_people().await;
    let page = house.open("team_member", "/account").await;
    assert!(
        page.status == 200 && page.text.contains("no password yet"),
        "{}",
        page.text
    );
    let named = house
        .submit("team_member", "/account", "name=%3Ci%3ETom")
        .await;
    assert_eq!(named.status, 303);
    let page = house.open("team_member", "/account").await;
    assert!(
        page.text.contains("&lt;i&gt;Tom") && !page.text.contains("<i>Tom"),
        "{}",
        page.text
    );
    let empty = house.submit("team_member", "/account", "name=").await;
    assert!(
        empty.status == 422 && empty.text.contains("name-fault"),
        "{}",
        empty.text
    );
    let form = format!("password={PASSWORD}&again={PASSWORD}");
    assert_eq!(
        house
            .submit("team_member", "/account/password", &form)
            .await
            .status,
        303
    );
    // Now there is one to say first.
    let wrong = house
        .submit(
            "team_member",
            "/account/password",
            &format!("current=no&{form}"),
        )
        .await;
    assert!(
        wrong.status == 422 && wrong.text.contains("current-fault"),
        "{}",
        wrong.text
    );
    let form = format!("login=team_member&password={PASSWORD}");
    let elsewhere = cookie_of(&house.submit("nobody", "/sign-in", &form).await);
    let page = house.open("team_member", "/account").await;
    let end = after(&page.text, "action=\"/account/sessions/").to_owned();
    assert_eq!(
        house
            .submit("team_member", &format!("/account/sessions/{end}"), "")
            .await
            .status,
        303
    );
    assert_eq!(
        house
            .with_cookie(&elsewhere, "GET", "/account", "")
            .await
            .status,
        303
    );
    let others = house
        .submit("stakeholder", &format!("/account/sessions/{end}"), "")
        .await;
    assert_eq!(others.status, 404);
    assert_eq!(
        house
            .submit("team_member", "/account/sign-out-everywhere", "")
            .await
            .status,
        303
    );
    assert_eq!(house.open("team_member", "/account").await.status, 303);
}

#[tokio::test]
async fn tokens_settings_and_the_log_of_both() {
    let house = House::with_people().await;
    let made = house.submit("admin", "/admin/tokens", "name=ops").await;
    assert_eq!(made.status, 200, "{}", made.text);
    let token = format!("tid_{}", after(&made.text, "<code id=\"token\">tid_"));
    assert!(
        !house
            .open("admin", "/admin/tokens")
            .await
            .text
            .contains(&token),
        "shown once"
    );
    let bad = house.submit("admin", "/admin/tokens", "name=").await;
    assert!(
        bad.status == 422 && bad.text.contains("name-fault"),
        "{}",
        bad.text
    );
    let list = house.open("admin", "/admin/tokens").await;
    let revoke = after(&list.text, "action=\"/admin/tokens/").to_owned();
    assert_eq!(
        house
            .submit("admin", &format!("/admin/tokens/{revoke}"), "")
            .await
            .status,
        303
    );

    let page = house.open("admin", "/admin/settings").await;
    assert!(
        page.text.contains("192.168.7.0/24") && page.text.contains("egress.allow"),
        "{}",
        page.text
    );
    let form = "failure_limit=7&disable_after=48&retention.days=10&retention.held_days=20&retention.audit_days=400&retention.max_rows=0&retention.max_bytes=5";
    let saved = house.submit("admin", "/admin/settings", form).await;
    assert_eq!(saved.status, 303, "{}", saved.text);
    let set = house.app.settings();
    assert_eq!((set.failure_limit, set.disable_after), (7, 48 * 3600));
    assert_eq!((set.retention.days, set.retention.audit_days), (10, 400));
    assert_eq!(set.retention.max_bytes, 5 * 1024 * 1024);
    let wrong = house
        .submit(
            "admin",
            "/admin/settings",
            &form.replace("days=10", "days=many"),
        )
        .await;
    assert!(
        wrong.status == 422 && wrong.text.contains("id=\"retention.days-fault\""),
        "{}",
        wrong.text
    );

    let log = house.open("admin", "/admin/audit").await;
    assert_eq!(log.status, 200, "{}", log.text);
    for told in [
        "changed the server’s settings",
        "made the token",
        "revoked the token",
        "The admin",
    ] {
        assert!(log.text.contains(told), "{told}: {}", log.text);
    }
    let some = house
        .open(
            "admin",
            "/admin/audit?operation=settings&webhook=&since=2026-03-01&until=",
        )
        .await;
    assert!(
        some.text.contains("changed the server’s settings")
            && !some.text.contains("made the token"),
        "{}",
        some.text
    );
    let none = house
        .open("admin", "/admin/audit?operation=settings&until=2026-03-01")
        .await;
    assert!(none.text.contains("Nothing here"), "{}", none.text);
    assert_eq!(house.open("admin", "/admin").await.status, 200);
}

#[tokio::test]
async fn a_projects_log_is_for_those_who_manage_it() {
    let house = House::with_people().await;
    let hook = r#"{"url":"https://example.com/<script>","dialect":"icescrum","name":"<b>Bold</b>","secret":"hush hush hush"}"#;
    let made = house
        .admin("POST", "/api/v1/projects/HB/webhooks", hook)
        .await;
    assert_eq!(made.status, 201, "{}", made.text);
    let id = made.at("id").as_int().unwrap();
    let page = house
        .open("scrum_master", &format!("/projects/HB/audit?webhook={id}"))
        .await;
    assert!(
        page.status == 200 && page.text.contains("webhook.create"),
        "{}",
        page.text
    );
    assert!(
        page.text.contains("&lt;b&gt;Bold")
            && !page.text.contains("<b>Bold")
            && !page.text.contains("hush")
    );
    assert_eq!(
        house.open("team_member", "/projects/HB/audit").await.status,
        403
    );
    assert_eq!(
        house.open("other_owner", "/projects/HB/audit").await.status,
        404
    );
    let theirs = house
        .open(
            "other_owner",
            &format!("/projects/OTHER/audit?webhook={id}"),
        )
        .await;
    assert!(theirs.status == 200 && !theirs.text.contains("Bold"));
}

#[tokio::test]
async fn plans_of_all_projects_are_switched_on_one_page() {
    let house = House::with_people().await;
    let plans = house.open("admin", "/admin/plans").await;
    assert!(plans.text.contains("Harbor"), "{}", plans.text);
    for (switch, status) in [("view_only", 303), ("on", 303), ("never", 303)] {
        let form = format!("project=HB&webhooks={switch}");
        let set = house.submit("admin", "/admin/plans", &form).await;
        assert_eq!(
            (set.status, set.header("location")),
            (status, "/admin/plans")
        );
        let project = house.admin("GET", "/api/v1/projects/HB", "").await;
        let is = if switch == "never" { "on" } else { switch };
        assert_eq!(project.at("webhooks"), is.into(), "{}", set.text);
    }
    let gone = house
        .submit("admin", "/admin/plans", "project=NONE&webhooks=on")
        .await;
    assert!(
        gone.header("set-cookie").contains("not%20there"),
        "{:?}",
        gone.headers
    );
    let theirs = house
        .submit("product_owner", "/admin/plans", "project=HB&webhooks=off")
        .await;
    assert_eq!(theirs.status, 403);
}
