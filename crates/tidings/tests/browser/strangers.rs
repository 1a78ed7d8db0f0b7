//! Pages of other sites, and people of other projects: what they send changes nothing, what they ask for is not there.

use serde_json::Value;
use tidings_testkit::browser::{Browser, Setup};
use tidings_testkit::receiver::{Behavior, Receiver};
use tidings_web::route::Method;

use super::people::{Person, Who};
use super::places::{Known, Places, rows};
use super::raw::{FORM, send};
use super::sample::{KEY, Ports, Sample, Times};
use super::world::{Server, TOKEN};

/// What the database holds, as the API shows it; what goes on by itself is left out.
async fn everything(sample: &Sample) -> Value {
    let mut all = Vec::new();
    for path in [
        "/webhooks",
        "/members",
        "/stories",
        "/tasks",
        "/sprints",
        "/tokens",
        "",
    ] {
        let mut list = sample.call("GET", path, &Value::Null).await;
        for webhook in list["data"].as_array_mut().into_iter().flatten() {
            if let Some(webhook) = webhook.as_object_mut() {
                webhook.remove("health");
                webhook.remove("last_used_at");
            }
        }
        all.push(list);
    }
    let tests = sample
        .call("GET", "/deliveries?trigger=test", &Value::Null)
        .await;
    let resends = sample
        .call("GET", "/deliveries?trigger=resend", &Value::Null)
        .await;
    let server = sample.server();
    let settings = server.call("GET", "/settings", &Value::Null).await;
    let projects = server.call("GET", "/projects", &Value::Null).await;
    all.extend([tests, resends, settings, projects]);
    Value::Array(all)
}

/// Fields that would do for most forms.
const FIELDS: [(&str, &str); 12] = [
    ("key", "EVIL"),
    ("name", "Evil"),
    ("title", "Evil"),
    ("login", "evil"),
    ("password", "evil evil evil"),
    ("url", "https://evil.example/"),
    ("dialect", "standard"),
    ("events", "all"),
    ("event", "task.updated"),
    ("first_name", "Evil"),
    ("role", "product_owner"),
    ("webhooks", "off"),
];

fn form() -> String {
    let pairs = FIELDS.map(|(name, value)| {
        format!(
            "{name}={}",
            value
                .replace(' ', "+")
                .replace(':', "%3A")
                .replace('/', "%2F")
        )
    });
    pairs.join("&")
}

/// What a browser may say of where a request comes from, when it is not one of our pages: none of it, or something else.
fn origins(server: &Server) -> Vec<Vec<(&'static str, String)>> {
    let (own, host) = (server.url(), server.address.to_string());
    let port = server.address.port();
    let site = |s: &str| ("sec-fetch-site", s.to_owned());
    let origin = |o: String| ("origin", o);
    vec![
        vec![],
        vec![site("cross-site")],
        vec![site("same-site")],
        vec![site("none")],
        vec![
            site("same-origin"),
            origin("https://evil.example".to_owned()),
        ],
        vec![site("same-origin"), origin("null".to_owned())],
        vec![site("cross-site"), origin(own.clone())],
        vec![site("same-site"), origin(own.clone())],
        vec![site("none"), origin(own.clone())],
        vec![site("same-origin"), site("cross-site")],
        vec![
            site("SAME-ORIGIN"),
            origin("https://evil.example".to_owned()),
        ],
        vec![origin("null".to_owned())],
        vec![origin(String::new())],
        vec![origin("https://evil.example".to_owned())],
        vec![origin(format!("https://{host}.evil.example"))],
        vec![origin(format!("https://evil.example/{host}"))],
        vec![origin(format!("https://{host}@evil.example"))],
        vec![origin(format!("https://evil.example#{own}"))],
        vec![origin(format!("http://127.0.0.1:{}", port.wrapping_add(1)))],
        vec![origin("http://127.0.0.1".to_owned())],
        vec![origin(format!("http://localhost:{port}"))],
        vec![origin(format!("file://{host}"))],
        vec![origin(host)],
        vec![origin(format!("{own} https://evil.example"))],
        vec![origin(own), origin("https://evil.example".to_owned())],
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_that_is_not_sent_from_our_pages_changes_nothing() {
    let sample = Sample::play(Ports::Free, Times::Now).await;
    let server = sample.server();
    let person = sample.person("Ada Byron", Who::Administrator);
    let places = Places::of(server, KEY).await;
    let before = everything(&sample).await;
    let origins = origins(server);
    let mut sent = 0;
    for row in rows(Method::Post) {
        for path in places.paths(row, &Known::new()) {
            for origin in &origins {
                let cookie = person.cookie();
                let mut headers = vec![("cookie", cookie.as_str()), FORM];
                headers.extend(origin.iter().map(|(name, value)| (*name, value.as_str())));
                let got = send(server, "POST", &path, &headers, &form()).await;
                assert_eq!(got.status, 403, "{path} from {origin:?}: {}", got.text);
                sent += 1;
            }
        }
    }
    assert_eq!(everything(&sample).await, before);
    assert!(
        is_signed_in(server, &person).await,
        "signed out from elsewhere"
    );
    println!("{sent} forms, {} ways to say where from", origins.len());
}

/// Ways in which a page makes the browser of somebody who is signed in send something to `TARGET` with `FIELDS`.
const PAGES: [(&str, &str); 30] = [
    (
        "form",
        "<form id=f method=post action=TARGET>INPUTS</form><script>f.submit()</script>",
    ),
    (
        "form, plain text",
        "<form id=f method=post enctype=text/plain action=TARGET>INPUTS</form><script>f.submit()</script>",
    ),
    (
        "form, multipart",
        "<form id=f method=post enctype=multipart/form-data action=TARGET>INPUTS</form><script>f.submit()</script>",
    ),
    (
        "form without a referrer",
        "<meta name=referrer content=no-referrer><form id=f method=post action=TARGET>INPUTS</form><script>f.submit()</script>",
    ),
    (
        "form that says its origin",
        "<meta name=referrer content=unsafe-url><form id=f method=post action=TARGET>INPUTS</form><script>f.submit()</script>",
    ),
    (
        "form by its button",
        "<form method=post action=TARGET>INPUTS<button id=b>x</button></form><script>b.click()</script>",
    ),
    (
        "form in a frame",
        "<iframe name=i></iframe><form id=f method=post target=i action=TARGET>INPUTS</form><script>f.submit()</script>",
    ),
    (
        "form in a sandbox",
        "<iframe sandbox='allow-scripts allow-forms' srcdoc='<form id=f method=post action=TARGET>INPUTS</form><script>f.submit()</script>'></iframe>",
    ),
    (
        "form in a data page",
        "<iframe src=\"data:text/html,<form id=f method=post action=TARGET>INPUTS</form><script>f.submit()</script>\"></iframe>",
    ),
    (
        "form in a blob",
        "<script>const i = document.createElement('iframe'); i.src = URL.createObjectURL(new Blob([`<form id=f method=post action=TARGET>INPUTS</form><script>f.submit()<\\/script>`], {type: 'text/html'})); document.body.append(i)</script>",
    ),
    (
        "form, GET",
        "<form id=f method=get action=TARGET>INPUTS</form><script>f.submit()</script>",
    ),
    (
        "form with a method of its own",
        "<form id=f method=post action=TARGET>INPUTS<input name=_method value=DELETE></form><script>f.submit()</script>",
    ),
    (
        "button with an action",
        "<form method=get><button id=b formmethod=post formaction=TARGET name=name value=Evil>x</button></form><script>b.click()</script>",
    ),
    (
        "form to localhost",
        "<form id=f method=post action=LOCAL>INPUTS</form><script>f.submit()</script>",
    ),
    (
        "fetch",
        "<script>fetch('TARGET', {method: 'POST', mode: 'no-cors', credentials: 'include', body: new URLSearchParams(FIELDS)})</script>",
    ),
    (
        "fetch, cors",
        "<script>fetch('TARGET', {method: 'POST', credentials: 'include', body: new URLSearchParams(FIELDS)}).catch(() => 0)</script>",
    ),
    (
        "fetch, no referrer",
        "<script>fetch('TARGET', {method: 'POST', mode: 'no-cors', credentials: 'include', referrerPolicy: 'no-referrer', body: new URLSearchParams(FIELDS)})</script>",
    ),
    (
        "fetch, kept alive",
        "<script>fetch('TARGET', {method: 'POST', mode: 'no-cors', credentials: 'include', keepalive: true, body: new URLSearchParams(FIELDS)})</script>",
    ),
    (
        "fetch as htmx",
        "<script>fetch('TARGET', {method: 'POST', credentials: 'include', headers: {'HX-Request': 'true'}, body: new URLSearchParams(FIELDS)}).catch(() => 0)</script>",
    ),
    (
        "fetch as plain text",
        "<script>fetch('TARGET', {method: 'POST', mode: 'no-cors', credentials: 'include', headers: {'Content-Type': 'text/plain'}, body: String(new URLSearchParams(FIELDS))})</script>",
    ),
    (
        "fetch, DELETE",
        "<script>fetch('TARGET', {method: 'DELETE', credentials: 'include'}).catch(() => 0)</script>",
    ),
    (
        "request",
        "<script>const x = new XMLHttpRequest(); x.withCredentials = true; x.open('POST', 'TARGET'); x.send(new URLSearchParams(FIELDS))</script>",
    ),
    (
        "beacon",
        "<script>navigator.sendBeacon('TARGET', new URLSearchParams(FIELDS))</script>",
    ),
    ("image", "<img src=TARGET?QUERY>"),
    ("script", "<script src=TARGET?QUERY></script>"),
    ("style sheet", "<link rel=stylesheet href=TARGET?QUERY>"),
    ("frame", "<iframe src=TARGET?QUERY></iframe>"),
    (
        "refresh",
        "<meta http-equiv=refresh content='0;url=TARGET?QUERY'>",
    ),
    (
        "ping",
        "<a id=a href='#x' ping=TARGET>x</a><script>a.click()</script>",
    ),
    (
        "location",
        "<script>location.replace('TARGET?QUERY')</script>",
    ),
];

/// The page that does it.
fn trap(way: &str, target: &str) -> String {
    let inputs = FIELDS.map(|(name, value)| format!("<input name={name} value=\"{value}\">"));
    let inputs = if way.contains("srcdoc='") || way.contains("src=\"data:") {
        "<input name=name value=Evil><input name=key value=EVIL>".to_owned()
    } else {
        inputs.concat()
    };
    let fields: Vec<Value> = FIELDS
        .iter()
        .map(|(n, v)| serde_json::json!([n, v]))
        .collect();
    let local = target.replace("127.0.0.1", "localhost");
    let body = way
        .replace("TARGET", target)
        .replace("LOCAL", &local)
        .replace("INPUTS", &inputs)
        .replace("FIELDS", &Value::Array(fields).to_string())
        .replace("QUERY", &form());
    format!("<!doctype html><title>trap</title><body>{body}<p id=done>done</p>")
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_other_sites_change_nothing_through_somebodys_browser() {
    let sample = Sample::play(Ports::Free, Times::Now).await;
    let server = sample.server();
    let person = sample.person("Ada Byron", Who::Administrator);
    let evil = Receiver::start(Behavior::ok()).await;
    let browser = Browser::open(Setup::default()).await;
    person.sit_down(&browser, server).await;
    let before = everything(&sample).await;
    let targets = targets(&sample).await;
    for (n, (name, way)) in PAGES.iter().enumerate() {
        // Another port is another origin of the same site, another name is another site.
        let host = if n % 2 == 0 { "127.0.0.1" } else { "localhost" };
        let target = &targets[n % targets.len()];
        let page = trap(way, &format!("{}{target}", server.url()));
        let html = Behavior::status(200)
            .header("Content-Type", "text/html")
            .body(page);
        evil.set(html);
        let so_far = answered(server).await;
        browser.go(&evil.url_at(host, "/trap")).await;
        browser
            .until(&format!("{name} to do its work"), async || {
                answered(server).await > so_far
            })
            .await;
    }
    assert_eq!(everything(&sample).await, before);
    assert!(
        is_signed_in(server, &person).await,
        "signed out from elsewhere"
    );
}

/// How many requests the server has answered, but for this one. A frame's own process keeps a log that a test cannot read.
async fn answered(server: &Server) -> u64 {
    let bearer = format!("Bearer {TOKEN}");
    let headers = [("authorization", bearer.as_str())];
    let metrics = send(server, "GET", "/metrics", &headers, "").await;
    let counts = metrics.text.lines().filter(|line| {
        line.starts_with("tidings_http_requests_total{") && !line.contains("operation=\"metrics\"")
    });
    counts
        .filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok())
        .sum()
}

/// Actions that would be seen.
async fn targets(sample: &Sample) -> Vec<String> {
    let webhook = sample.webhook("Build pipeline").await;
    vec![
        format!("/projects/{KEY}/webhooks/{webhook}/delete"),
        "/projects/new".to_owned(),
    ]
}

async fn is_signed_in(server: &Server, person: &Person) -> bool {
    let cookie = person.cookie();
    let got = send(
        server,
        "GET",
        "/projects",
        &[("cookie", cookie.as_str())],
        "",
    )
    .await;
    got.status == 200
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_of_one_project_finds_nothing_of_another() {
    let sample = Sample::play(Ports::Free, Times::Now).await;
    let server = sample.server();
    let members = "/projects/LH/members/1";
    let member = serde_json::json!({"first_name": "Eve", "role": "product_owner"});
    server.call("PUT", members, &member).await;
    let stranger = sample.person("Eve Stranger", Who::Member("LH", 1));
    let cookie = stranger.cookie();
    let own = server.url();
    let places = Places::of(server, KEY).await;
    let before = everything(&sample).await;
    let ours = [
        ("cookie", cookie.as_str()),
        ("origin", own.as_str()),
        ("sec-fetch-site", "same-origin"),
        FORM,
    ];
    let mut asked = 0;
    for row in tidings_web::console::table() {
        if !row.path.contains("{key}") {
            continue;
        }
        for path in places.paths(row, &Known::new()) {
            let method = row.method.as_str();
            let headers = if method == "GET" {
                &ours[..1]
            } else {
                &ours[..]
            };
            let body = if method == "GET" {
                String::new()
            } else {
                form()
            };
            let got = send(server, method, &path, headers, &body).await;
            assert_eq!(
                got.status, 404,
                "{method} {path}: {} {}",
                got.location, got.text
            );
            asked += 1;
        }
    }
    // Nor by the numbers of its things, below a project where they may everything.
    let mut numbers = Known::new();
    numbers.insert("{key}", vec!["LH".to_owned()]);
    // Both projects have a first member.
    numbers.insert("members/{id}", vec!["2".to_owned()]);
    let with_id =
        |row: &&tidings_web::route::Row| row.path.contains("{key}") && row.path.contains("{id}");
    for row in tidings_web::console::table().iter().filter(with_id) {
        for path in places.paths(row, &numbers) {
            let method = row.method.as_str();
            let (headers, body) = match method {
                "GET" => (&ours[..1], String::new()),
                _ => (&ours[..], form()),
            };
            let got = send(server, method, &path, headers, &body).await;
            assert_eq!(
                got.status, 404,
                "{method} {path}: {} {}",
                got.location, got.text
            );
            asked += 1;
        }
    }
    assert_eq!(everything(&sample).await, before);
    println!("{asked} pages, streams and actions");
}
