//! The harness itself: what the other tests rely on would be noticed.

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::json;
use tidings_testkit::browser::{Browser, Key, Scheme, Setup, button, field, link};
use tokio::net::TcpListener;

use super::stage::{axe, faults};

/// A page with one of each.
const PAGE: &str = r#"<!doctype html><html lang="en"><head><title>Page</title><meta name="viewport" content="width=device-width">
<style>body { background: white; color: black } @media (prefers-color-scheme: dark) { body { background: black; color: white } }</style>
</head><body><main><h1>Say "it's"</h1><p id="said">nothing</p>
<form action="/said" method="get"><label for="word">Your "word"</label><input id="word" name="word" value="old">
<label>How <select name="how"><option value="soft">softly<option value="loud">loudly</select></label>
<label>Twice <input type="checkbox" name="twice"></label><button>Say it</button></form>
<a href="/other">Another page</a><script>document.getElementById('said').textContent = 'scripts run'</script></main></body></html>"#;

/// Everything that a good page does not have.
const BAD: &str = r#"<!doctype html><html><head><title>Bad</title></head><body><div style="width: 5000px">wide</div>
<img src="http://other.example/pixel.png"><p style="color: #999; background: #aaa">pale</p>
<script>console.error('oh no'); missing();</script></body></html>"#;

/// Serves the pages above; `/strict` with a policy that forbids their scripts.
async fn serve() -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let answer = hyper::service::service_fn(async |request: Request<_>| {
                let _: &hyper::body::Incoming = request.body();
                Ok::<_, std::convert::Infallible>(page(request.uri().path()))
            });
            let connection = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), answer);
            tokio::spawn(connection);
        }
    });
    url
}

fn page(path: &str) -> Response<Full<Bytes>> {
    let mut answer = Response::builder().header("content-type", "text/html; charset=utf-8");
    let body = match path {
        "/bad" => BAD,
        "/alert" => "<script>alert(1)</script>",
        "/favicon.ico" => "",
        _ => PAGE,
    };
    if path == "/strict" {
        answer = answer.header("content-security-policy", "script-src 'self'");
    }
    answer.body(Full::new(Bytes::from(body))).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn hands_and_eyes_work_as_a_persons_do() {
    let url = serve().await;
    let browser = Browser::open(Setup::default()).await;
    browser.go(&url).await;
    assert_eq!(browser.title().await, "Page");
    assert_eq!(browser.text("#said").await, "scripts run");
    browser.fill(&field("Your \"word\""), "new & <b>").await;
    browser.choose("select", "loud").await;
    browser.tick("[name=twice]", true).await;
    browser.tick("[name=twice]", true).await;
    browser.click(&button("Say it")).await;
    browser
        .arrive("/said?word=new+%26+%3Cb%3E&how=loud&twice=on")
        .await;
    browser.click(&link("Another page")).await;
    browser.arrive("/other").await;
    browser.press(Key::Tab).await;
    let focus = "return document.activeElement.id";
    assert_eq!(browser.run(focus, &[]).await, json!("word"));
    browser.see_words("Say \"it's\"").await;
    browser.assert_quiet(&url).await;
    assert!(browser.picture().await.starts_with(b"\x89PNG"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_without_scripts_runs_none_and_can_still_be_asked() {
    let url = serve().await;
    let browser = Browser::open(Setup::without_scripts()).await;
    browser.go(&url).await;
    assert_eq!(browser.text("#said").await, "nothing");
    browser.click(&button("Say it")).await;
    browser.arrive("/said?word=old&how=soft").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn colours_are_those_that_were_asked_for_on_the_next_page_too() {
    let url = serve().await;
    let browser = Browser::open(Setup::default()).await;
    let colour = "return getComputedStyle(document.body).backgroundColor";
    browser.go(&url).await;
    assert_eq!(browser.run(colour, &[]).await, json!("rgb(255, 255, 255)"));
    browser.scheme(Scheme::Dark).await;
    browser.go(&format!("{url}/other")).await;
    assert_eq!(browser.run(colour, &[]).await, json!("rgb(0, 0, 0)"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_page_must_not_do_is_noticed() {
    let url = serve().await;
    let browser = Browser::open(Setup::default()).await;
    browser.go(&format!("{url}/bad")).await;
    let found = browser.axe(axe()).await;
    for rule in ["html-has-lang", "image-alt", "color-contrast"] {
        assert!(found.iter().any(|f| f.rule == rule), "{rule} in {found:?}");
    }
    let faults = faults(&browser).await.join("\n");
    assert!(
        faults.contains("wider than the screen") && faults.contains("dark: "),
        "{faults}"
    );
    let requests = browser.requests().await;
    assert!(
        requests
            .iter()
            .any(|r| r == "http://other.example/pixel.png"),
        "{requests:?}"
    );
    let complaints = browser.complaints().await;
    for part in ["oh no", "missing is not defined"] {
        assert!(
            complaints.iter().any(|c| c.message.contains(part)),
            "{part} in {complaints:?}"
        );
    }
    browser.go(&format!("{url}/strict")).await;
    assert_eq!(browser.text("#said").await, "nothing");
    let complaints = browser.complaints().await;
    assert!(
        complaints
            .iter()
            .any(|c| c.message.contains("Content Security Policy")),
        "{complaints:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
#[should_panic(expected = "unexpected alert open")]
async fn a_dialog_fails_what_meets_it() {
    let url = serve().await;
    let browser = Browser::open(Setup::default()).await;
    browser.go(&format!("{url}/alert")).await;
    // It may open a moment after the page.
    for _ in 0..1_000 {
        browser.title().await;
    }
}
