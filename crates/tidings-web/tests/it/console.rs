//! The console's door: who comes in, what may change something, how refusals look. Pages have files of their own.

use std::fmt::Write as _;

use axum::body::Body;
use http::{Request, header};
use tidings_web::console::table;
use tidings_web::route::{Method, Row};

use crate::house::{Got, House};

/// What a browser says with a form of our own page.
const OURS: &str = "https://tidings.example.com";

impl House {
    /// A page, as somebody by the name of their role; nobody in particular for a name that has no session.
    pub(crate) async fn open(&self, who: &str, path: &str) -> Got {
        let request = self.as_browser(who, "GET", path);
        self.send(request.body(Body::empty()).unwrap()).await
    }

    /// A form that is sent from a page of ours.
    pub(crate) async fn submit(&self, who: &str, path: &str, form: &str) -> Got {
        let request = self
            .as_browser(who, "POST", path)
            .header(header::ORIGIN, OURS)
            .header("sec-fetch-site", "same-origin")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        self.send(request.body(Body::from(form.to_owned())).unwrap())
            .await
    }

    /// A request with the cookie of somebody's session.
    pub(crate) fn as_browser(&self, who: &str, method: &str, path: &str) -> http::request::Builder {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, "tidings.example.com")
            .header(header::ACCEPT, "text/html");
        match self.cookies.get(who) {
            Some(secret) => request.header(header::COOKIE, format!("__Host-tidings={secret}")),
            None => request,
        }
    }
}

fn path(row: &Row, project: &str) -> String {
    row.path
        .replace("{key}", project)
        .replace("{id}", "999999")
        .replace("{collection}", "stories")
        .replace("{dialect}", "squish")
        .replace("{code}", "submit")
        .replace("{tag}", "webhooks")
        .replace("{file}", "none.css")
        .replace("{link}", "none")
}

#[tokio::test]
async fn whoever_is_not_signed_in_is_sent_to_the_form() {
    let house = House::with_people().await;
    let got = house.open("nobody", "/projects?limit=2").await;
    assert_eq!(got.status, 303);
    assert_eq!(
        got.header("location"),
        "/sign-in?next=%2Fprojects%3Flimit%3D2"
    );
    let form = house
        .open("nobody", "/sign-in?next=%2Fprojects%3Flimit%3D2")
        .await;
    assert!(
        form.text.contains("value=\"/projects?limit=2\""),
        "{}",
        form.text
    );
    let got = house
        .submit("nobody", "/projects/new", "key=X&name=X")
        .await;
    assert_eq!(
        (got.status, got.header("location")),
        (
            307,
            "/sign-in/again?to=%2Fprojects%2Fnew&next=%2Fprojects%2Fnew"
        )
    );
    assert_eq!(house.store.projects(0, 200).await.unwrap().data.len(), 2);
}

#[tokio::test]
async fn whose_session_ended_while_they_wrote_is_told_and_comes_back_to_the_form() {
    let house = House::with_people().await;
    let send = async |path: &str, referer: &str| {
        let request = house
            .as_browser("nobody", "POST", path)
            .header(header::ORIGIN, OURS)
            .header(header::REFERER, referer)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        house
            .send(request.body(Body::from("name=X")).unwrap())
            .await
    };
    let new = "/projects/HB/webhooks/new";
    let here = format!("{OURS}{new}?dialect=squish");
    let got = send(new, &here).await;
    let to = "/sign-in/again?to=%2Fprojects%2FHB%2Fwebhooks%2Fnew&next=%2Fprojects%2FHB%2Fwebhooks%2Fnew%3Fdialect%3Dsquish";
    assert_eq!((got.status, got.header("location")), (307, to));
    let flash = got.header("set-cookie").split(';').next().unwrap();
    let request = house
        .as_browser("nobody", "POST", to)
        .header(header::ORIGIN, OURS)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header(header::COOKIE, flash);
    let page = house
        .send(request.body(Body::from("name=X")).unwrap())
        .await;
    assert_eq!(page.status, 401);
    for said in [
        "Your session had ended, so nothing was saved.",
        "value=\"/projects/HB/webhooks/new?dialect=squish\"",
    ] {
        assert!(page.text.contains(said), "{said}: {}", page.text);
    }
    // A button has no page of its own: the page that it stood on.
    let got = send(
        "/projects/HB/webhooks/7/pause",
        &format!("{OURS}/projects/HB/webhooks"),
    )
    .await;
    assert_eq!(
        got.header("location"),
        "/sign-in/again?to=%2Fprojects%2FHB%2Fwebhooks%2F7%2Fpause&next=%2Fprojects%2FHB%2Fwebhooks"
    );
    // A button says nothing: there is nothing to take along.
    let got = house
        .submit("nobody", got.header("location"), "form_key=abc&list=")
        .await;
    assert_eq!(
        (got.status, got.header("location")),
        (303, "/sign-in?next=%2Fprojects%2FHB%2Fwebhooks")
    );
    assert!(got.header("set-cookie").contains("session%20had%20ended"));
    let got = send("/projects/HB/webhooks/7/pause", "https://evil.example/x").await;
    let to = "/sign-in/again?to=%2Fprojects%2FHB%2Fwebhooks%2F7%2Fpause&next=";
    assert_eq!(got.header("location"), to);
    // Who loads that page by its address has the form as it always is.
    let got = house.open("nobody", to).await;
    assert_eq!(got.status, 200);
    assert!(!got.text.contains("name=\"kept\""));
}

#[tokio::test]
async fn what_was_written_in_a_session_that_had_ended_is_offered_again_without_scripts() {
    let house = House::with_people().await;
    let password = "viermal grauer Regen";
    let set = format!("password={}&again={0}", password.replace(' ', "+"));
    let done = house
        .submit("product_owner", "/account/password", &set)
        .await;
    assert_eq!(done.status, 303, "{}", done.text);
    let field = |page: &Got, name: &str| {
        let at = format!("name=\"{name}\" value=\"");
        let value = page.text.split(&at).nth(1);
        let value = value.unwrap_or_else(|| panic!("no {name}: {}", page.text));
        value.split('"').next().unwrap().replace("&amp;", "&")
    };
    let enters = async |page: &Got, password: &str| {
        let mut text = String::new();
        for name in ["kept", "to", "next"] {
            let value = field(page, name).replace("&#x2f;", "/");
            let value = value.replace('%', "%25").replace('&', "%26");
            let _ = write!(text, "{name}={value}&");
        }
        let _ = write!(text, "login=product_owner&password={password}");
        house.submit("nobody", "/sign-in", &text).await
    };
    let new = "/projects/HB/items/stories/new";
    let story = "form_key=abc&title=%3Cb%3EDock&description=two%0D%0Alines&status=Open&type=";
    let got = house.submit("nobody", new, story).await;
    let page = house.submit("nobody", got.header("location"), story).await;
    assert_eq!(page.status, 401);
    let wrong = enters(&page, "wrong").await;
    assert_eq!(wrong.status, 401);
    let offered = enters(&wrong, &password.replace(' ', "+")).await;
    assert_eq!(offered.status, 200, "{}", offered.text);
    assert!(offered.header("set-cookie").contains("tidings="));
    for said in [
        "not saved yet",
        "<dd class=\"wrap pre\">&lt;b&gt;Dock</dd>",
        "two\nlines",
        "action=\"/projects/HB/items/stories/new\"",
        "Send it now",
        "The product_owner",
    ] {
        assert!(offered.text.contains(said), "{said}: {}", offered.text);
    }
    assert_eq!(field(&offered, "description"), "two\nlines");
    let stories = house.admin("GET", "/api/v1/projects/HB/stories", "").await;
    assert_eq!(stories.at("data").as_list().len(), 0);

    // What is secret is not in any page, and a form without its secret is not sent.
    let hook = "name=Build&secret_mode=own&secret=hush-hush&header_name=X-Key&header_value=quiet";
    let got = house
        .submit("nobody", "/projects/HB/webhooks/new", hook)
        .await;
    let page = house.submit("nobody", got.header("location"), hook).await;
    let offered = enters(&page, &password.replace(' ', "+")).await;
    for page in [&page, &offered] {
        assert!(!page.text.contains("hush-hush") && !page.text.contains("quiet\""));
    }
    assert!(offered.text.contains("Build") && !offered.text.contains("Send it now"));

    // Whoever signed in elsewhere meanwhile is offered it at once; another site's page brings nothing.
    let path = "/sign-in/again?to=%2Fprojects%2Fnew&next=%2Fprojects%2Fnew";
    let offered = house.submit("product_owner", path, "name=X").await;
    assert!(offered.text.contains("Send it now"), "{}", offered.text);
    let request = house
        .as_browser("product_owner", "POST", path)
        .header(header::ORIGIN, "https://evil.example")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    let got = house
        .send(request.body(Body::from("name=X")).unwrap())
        .await;
    assert_eq!(got.status, 403);
    let far = "/sign-in/again?to=%2F%2Fevil.example&next=";
    let got = house.submit("product_owner", far, "name=X").await;
    assert_eq!(got.status, 303, "{}", got.text);
}

#[tokio::test]
async fn where_nobody_has_an_account_yet_the_form_says_how_the_first_one_comes_in() {
    let house = House::empty().await;
    let page = house.open("nobody", "/sign-in").await;
    assert!(page.text.contains("Nobody has an account here yet"));
    let house = House::with_people().await;
    let page = house.open("nobody", "/sign-in").await;
    assert!(!page.text.contains("Nobody has an account"));
}

#[tokio::test]
async fn pages_carry_their_policy_and_are_not_kept() {
    let house = House::with_people().await;
    let got = house.open("admin", "/projects").await;
    assert_eq!(got.status, 200, "{}", got.text);
    let policy = got.header("content-security-policy");
    for part in [
        "default-src 'none'",
        "script-src 'self'",
        "frame-ancestors 'none'",
        "form-action 'self'",
    ] {
        assert!(policy.contains(part), "{policy}");
    }
    assert!(!policy.contains("unsafe"), "{policy}");
    assert_eq!(got.header("cache-control"), "no-store");
    // Not no-referrer: with that, browsers send `Origin: null` with the forms of the page.
    assert_eq!(got.header("referrer-policy"), "same-origin");
    assert_eq!(got.header("content-type"), "text/html; charset=utf-8");
    assert!(
        !got.text.contains("style=\"") && !got.text.contains("<style"),
        "{}",
        got.text
    );
}

#[tokio::test]
async fn assets_are_kept_for_good_under_the_names_that_pages_use() {
    let house = House::with_people().await;
    let page = house.open("nobody", "/sign-in").await;
    let mut seen = 0;
    for part in page.text.split("\"/assets/").skip(1) {
        let name = part.split('"').next().unwrap();
        let got = house.open("nobody", &format!("/assets/{name}")).await;
        assert_eq!(got.status, 200, "{name}");
        assert!(got.header("cache-control").contains("immutable"), "{name}");
        assert!(
            !got.header("content-type").starts_with("application/octet"),
            "{name}"
        );
        seen += 1;
    }
    assert!(seen >= 5, "{seen}");
    assert_eq!(
        house.open("nobody", "/assets/console.css").await.status,
        404
    );
}

#[tokio::test]
async fn a_form_of_another_site_changes_nothing() {
    let house = House::with_people().await;
    let foreign: [&[(&str, &str)]; 6] = [
        &[],
        &[("origin", "https://evil.example")],
        &[("origin", "null")],
        &[("sec-fetch-site", "cross-site"), ("origin", OURS)],
        &[
            ("sec-fetch-site", "same-site"),
            ("origin", "https://other.example.com"),
        ],
        &[("sec-fetch-site", "none")],
    ];
    let mut asked = 0;
    for row in table().iter().filter(|row| row.method != Method::Get) {
        for headers in foreign {
            let mut request = house
                .as_browser("admin", row.method.as_str(), &path(row, "HB"))
                .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
            for (name, value) in headers {
                request = request.header(*name, *value);
            }
            let got = house
                .send(request.body(Body::from("key=EVIL&name=Evil")).unwrap())
                .await;
            assert_eq!(got.status, 403, "{} {headers:?}", row.path);
            assert_eq!(got.header("set-cookie"), "", "{}", row.path);
            asked += 1;
        }
    }
    assert!(asked >= 18, "{asked}");
    assert_eq!(house.store.projects(0, 200).await.unwrap().data.len(), 2);
}

#[tokio::test]
async fn another_projects_pages_are_not_there() {
    let house = House::with_people().await;
    for row in table().iter().filter(|row| row.in_project()) {
        for project in ["HB", "NOWHERE"] {
            let path = path(row, project);
            let got = match row.method {
                Method::Get => house.open("other_owner", &path).await,
                _ => house.submit("other_owner", &path, "").await,
            };
            assert_eq!(got.status, 404, "{} {path}", row.method.as_str());
        }
    }
}

#[tokio::test]
async fn refusals_are_pages_for_people_and_problems_for_programs() {
    let house = House::with_people().await;
    let page = house.open("admin", "/nowhere").await;
    assert_eq!(
        (page.status, page.header("content-type")),
        (404, "text/html; charset=utf-8")
    );
    let problem = house.admin("GET", "/nowhere", "").await;
    assert_eq!(
        (problem.status, problem.header("content-type")),
        (404, "application/problem+json")
    );
    let api = house.open("admin", "/api/v1/nowhere").await;
    assert_eq!(api.header("content-type"), "application/problem+json");
    let refused = house.open("team_member", "/projects/new").await;
    assert_eq!(refused.status, 403);
    assert!(refused.text.contains("Not allowed"), "{}", refused.text);
}

#[tokio::test]
async fn a_wrong_form_comes_back_with_its_fields_and_faults() {
    let house = House::with_people().await;
    let form = "name=%3Cb%3EApollo&key=not+a+key";
    let got = house.submit("admin", "/projects/new", form).await;
    assert_eq!(got.status, 422);
    assert!(got.text.contains("&lt;b&gt;Apollo"), "{}", got.text);
    assert!(got.text.contains("id=\"key-fault\""), "{}", got.text);
    assert!(!got.text.contains("<b>Apollo"), "{}", got.text);

    let got = house
        .submit("admin", "/projects/new", "name=Apollo&key=APL")
        .await;
    assert_eq!((got.status, got.header("location")), (303, "/projects/APL"));
    let flash = got
        .header("set-cookie")
        .split(';')
        .next()
        .unwrap()
        .to_owned();
    let request = house
        .as_browser("nobody", "GET", "/sign-in")
        .header(header::COOKIE, flash);
    let next = house.send(request.body(Body::empty()).unwrap()).await;
    assert!(next.text.contains("Apollo was created."), "{}", next.text);
    assert!(
        next.header("set-cookie").contains("Max-Age=0"),
        "{:?}",
        next.headers
    );
}

#[tokio::test]
async fn a_cookie_is_no_token_of_the_api() {
    let house = House::with_people().await;
    let request = house.as_browser("admin", "GET", "/api/v1/projects");
    let got = house.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(got.status, 401);
}

#[tokio::test]
async fn somebody_signs_in_and_out_by_form() {
    let house = House::with_people().await;
    let admin = tidings_app::Caller::Admin {
        credential: tidings_app::Credential::new(tidings_app::Key::Configured),
    };
    let body = tidings_domain::Value::parse(br#"{"login":"ada","name":"Ada"}"#).unwrap();
    let made = house.app.create_account(&admin, &body, None).await.unwrap();
    let url = made.member("invite").unwrap().member("url").unwrap();
    let (_, link) = url.as_str().unwrap().rsplit_once('/').unwrap();
    let body = tidings_domain::Value::parse(br#"{"password":"viermal grauer Regen"}"#).unwrap();
    let visitor = tidings_app::Visitor::default();
    house.app.use_link(link, &body, &visitor).await.unwrap();

    let wrong = house
        .submit("nobody", "/sign-in", "login=ada&password=wrong")
        .await;
    assert_eq!((wrong.status, wrong.header("set-cookie")), (401, ""));
    assert!(wrong.text.contains("role=\"alert\"") && wrong.text.contains("value=\"ada\""));

    let form = "login=ada&password=viermal+grauer+Regen&next=%2Fprojects%3Flimit%3D2";
    let entered = house.submit("nobody", "/sign-in", form).await;
    assert_eq!(
        (entered.status, entered.header("location")),
        (303, "/projects?limit=2")
    );
    let cookie = entered.header("set-cookie");
    for part in [
        "__Host-tidings=",
        "; Path=/",
        "; HttpOnly",
        "; SameSite=Lax",
        "; Secure",
    ] {
        assert!(cookie.contains(part), "{cookie}");
    }
    let cookie = cookie.split(';').next().unwrap().to_owned();
    let ask = async |method: &str, path: &str| {
        let request = house
            .as_browser("nobody", method, path)
            .header(header::COOKIE, &cookie)
            .header(header::ORIGIN, OURS);
        house.send(request.body(Body::empty()).unwrap()).await
    };
    let page = ask("GET", "/projects").await;
    assert!(
        page.status == 200 && page.text.contains("Ada"),
        "{}",
        page.text
    );
    let out = ask("POST", "/sign-out").await;
    assert_eq!(out.status, 303);
    assert!(out.header("set-cookie").contains("Max-Age=0"));
    assert_eq!(
        ask("GET", "/projects").await.status,
        303,
        "the session is over"
    );
}
