//! Pictures of the main pages with the sample project on them: light, dark, and on a phone. `cargo xtask screenshots` runs it.

use std::path::PathBuf;

use serde_json::{Value, json};
use tidings_testkit::browser::{Browser, Scheme, Screen, Setup};

use super::people::Who;
use super::sample::{KEY, Ports, Sample, Times};
use super::stage::visit;

/// Pictures are looked at on a page of their own, and in a repository that everybody copies.
const MOST_BYTES: usize = 170 * 1024;

const KINDS: [(&str, Scheme, Screen); 3] = [
    ("light", Scheme::Light, Screen::Desktop),
    ("dark", Scheme::Dark, Screen::Desktop),
    ("phone", Scheme::Light, Screen::Phone),
];

#[tokio::test(flavor = "multi_thread")]
#[ignore = "writes files: run `cargo xtask screenshots`"]
async fn pictures_of_the_main_pages() {
    #[expect(clippy::disallowed_methods, reason = "set by cargo xtask screenshots")]
    let folder = PathBuf::from(std::env::var("TIDINGS_PICTURES").unwrap());
    std::fs::create_dir_all(&folder).unwrap();
    let sample = Sample::play(Ports::WellKnown, Times::Fixed).await;
    let browser = Browser::open(Setup::default()).await;
    let person = sample.person("Nadia Ferro", Who::Administrator);
    let mut too_big = Vec::new();
    for (name, path) in pages(&sample).await {
        if name == "sign-in" {
            browser.forget_cookies().await;
        } else {
            person.sit_down(&browser, sample.server()).await;
        }
        for (kind, scheme, screen) in KINDS {
            browser.scheme(scheme).await;
            browser.screen(screen).await;
            visit(&browser, sample.server(), &path).await;
            browser.settle().await;
            let picture = browser.picture().await;
            let file = format!("{name}-{kind}.png");
            if picture.len() > MOST_BYTES {
                too_big.push(format!("{file}: {} KiB", picture.len() / 1024));
            }
            std::fs::write(folder.join(file), picture).unwrap();
        }
    }
    assert!(too_big.is_empty(), "{too_big:?}");
}

/// The sample to walk about in, as each of its people, until Ctrl-C.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "stays up: run `cargo xtask sample`"]
async fn sample_to_look_at() {
    let sample = Sample::play(Ports::Free, Times::Now).await;
    println!("{}", sample.server().url());
    let invite = async |login: &str, more: Value| {
        let mut account = json!({"login": login, "name": login});
        account["administrator"] = (more == Value::Null).into();
        let server = sample.server();
        let made = server.call("POST", "/accounts", &account).await;
        let one = format!("/accounts/{}", made["id"]);
        if more != Value::Null {
            let member = format!("{one}/members/{KEY}");
            server.call("PUT", &member, &more).await;
        }
        let purpose = json!({"purpose": "sign_in"});
        let link = server
            .call("POST", &format!("{one}/invite"), &purpose)
            .await;
        println!("{login:15} {}", link["url"].as_str().unwrap());
    };
    invite("administrator", Value::Null).await;
    let roles = [
        ("owner", 1),
        ("scrum-master", 2),
        ("team", 3),
        ("stakeholder", 6),
    ];
    for (login, member) in roles {
        invite(login, json!({"member": member})).await;
    }
    std::future::pending::<()>().await;
}

/// Names and paths.
async fn pages(sample: &Sample) -> Vec<(&'static str, String)> {
    let healthy = sample.webhook("Build pipeline").await;
    let failing = sample.webhook("Planning wall").await;
    let delivery = troubled(sample, healthy).await;
    let in_project = |path: String| format!("/projects/{KEY}{path}");
    vec![
        ("sign-in", "/sign-in".to_owned()),
        ("projects", "/projects".to_owned()),
        ("updates", in_project(String::new())),
        ("webhooks", in_project("/webhooks".to_owned())),
        ("webhook", in_project(format!("/webhooks/{healthy}"))),
        ("health", in_project(format!("/webhooks/{failing}/health"))),
        ("sent-log", in_project("/deliveries".to_owned())),
        ("delivery", in_project(format!("/deliveries/{delivery}"))),
        ("event", "/catalogue/squish/submit".to_owned()),
        ("add-webhook", in_project("/webhooks/new".to_owned())),
        ("server", "/admin".to_owned()),
    ]
}

/// A delivery that arrived with the second try.
async fn troubled(sample: &Sample, webhook: i64) -> String {
    let path = format!("/deliveries?webhook={webhook}&trigger=retry");
    let log = sample.call("GET", &path, &Value::Null).await;
    log["data"][0]["id"].as_str().unwrap().to_owned()
}
