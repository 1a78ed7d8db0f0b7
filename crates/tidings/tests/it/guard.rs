//! The whole corpus of hostile URLs through every way in: create, edit, test before saving, the command line, and a row that somebody
//! changed in the database. Nothing is saved, nothing is sent, and whoever listens there hears nothing.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tidings_domain::{Clock, ProjectId, Time};
use tidings_egress::policy::REFUSED;
use tidings_sqlite::SqliteStore;
use tidings_storage::Store;
use tidings_testkit::corpus;
use tidings_testkit::corpus::urls::{ALIASES, LEADING_NAMES, MALFORMED, ORDINARY, forbidden};
use tidings_testkit::dns::{Dns, Zone};
use tidings_testkit::receiver::{Behavior, Receiver};
use tokio::task::JoinSet;

use super::world::{PATIENCE, Server, TOKEN, call, tidings};

const WEBHOOKS: &str = "/projects/G/webhooks";
/// How many ask at the same time.
const ASKERS: usize = 8;

async fn names() -> Dns {
    let dns = Dns::start().await;
    dns.set("public.example.com", Zone::address("93.184.216.34"));
    for (name, addresses) in LEADING_NAMES {
        dns.set(name, Zone::addresses(addresses));
    }
    for (name, to) in ALIASES {
        dns.set(name, Zone::Alias((*to).to_owned()));
    }
    dns
}

async fn project(server: &Server) {
    let project = json!({"key": "G", "name": "Guard"});
    server.call("POST", "/projects", &project).await;
}

fn webhook(url: &str) -> Value {
    json!({"name": "w", "url": url, "dialect": "standard", "events": "all", "retry_schedule": [3600]})
}

/// Each URL with the words it may be refused with; none: it is taken.
fn corpus_of(port: u16) -> Vec<(String, Option<&'static str>)> {
    let bad = forbidden(port).into_iter();
    let malformed = MALFORMED.iter().copied();
    bad.map(|url| (url, Some("url_forbidden")))
        .chain(malformed.map(|(url, word)| (url.to_owned(), Some(word))))
        .collect()
}

/// Does something with every URL, a few at a time.
async fn with_all<F>(
    urls: Vec<(String, Option<&'static str>)>,
    job: impl Fn(String, Option<&'static str>) -> F + Send + Sync + Clone + 'static,
) where
    F: Future<Output = ()> + Send,
{
    let mut askers = JoinSet::new();
    for share in urls.chunks(urls.len().div_ceil(ASKERS)) {
        let (share, job) = (share.to_vec(), job.clone());
        askers.spawn(async move {
            for (url, word) in share {
                job(url, word).await;
            }
        });
    }
    askers.join_all().await;
}

async fn refused(server: SocketAddr, way: (&str, &str), body: &Value, (url, word): (&str, &str)) {
    let (method, path) = way;
    let (status, answer) = call(server, method, path, body).await.unwrap();
    if url.contains('\0') {
        // No JSON of ours holds it.
        return assert_eq!(status, 400, "{url:?}: {answer}");
    }
    assert_eq!(status, 422, "{method} {path} {url:?}: {answer}");
    // The table of members refuses what is no text before anybody reads it as a URL.
    let code = answer["errors"][0]["code"].as_str().unwrap();
    let words = match word {
        "url_empty" => ["length", word],
        "url_characters" => ["control_character", word],
        word => [word, word],
    };
    assert!(words.contains(&code), "{method} {path} {url:?}: {answer}");
    if word == "url_forbidden" {
        // One wording: it is no oracle of what is there.
        assert_eq!(answer["errors"].as_array().unwrap().len(), 1, "{answer}");
        assert_eq!(answer["errors"][0]["detail"], REFUSED, "{url:?}");
    }
    let field = answer["errors"][0]["field"].as_str().unwrap();
    assert!(field.ends_with("/url"), "{url:?}: {field}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_way_of_saving_takes_a_url_of_the_corpus() {
    let dns = names().await;
    let folder = tempfile::tempdir().unwrap();
    let server = Server::guarded(folder.path(), dns.addr());
    project(&server).await;
    let canary = Receiver::start(Behavior::ok()).await;
    let good = webhook("https://public.example.com/");
    let stored = server.call("POST", WEBHOOKS, &good).await["id"].clone();
    let urls = corpus_of(canary.addr().port());
    let count = urls.len();
    assert!(count >= 400, "{count}");
    let address = server.address;
    with_all(urls, move |url, word| {
        let stored = format!("{WEBHOOKS}/{stored}");
        async move {
            let (new, case) = (webhook(&url), (url.as_str(), word.unwrap()));
            refused(address, ("POST", WEBHOOKS), &new, case).await;
            refused(address, ("PATCH", &stored), &json!({"url": url}), case).await;
            let test = json!({"event": "task.created", "webhook": new});
            let path = format!("{WEBHOOKS}/test");
            refused(address, ("POST", &path), &test, case).await;
        }
    })
    .await;
    let list = server.call("GET", WEBHOOKS, &Value::Null).await;
    assert_eq!(
        list["data"].as_array().unwrap().len(),
        1,
        "nothing was saved"
    );
    let log = server
        .call("GET", "/projects/G/deliveries", &Value::Null)
        .await;
    assert_eq!(log["data"], json!([]), "nothing was sent");
    assert_eq!(canary.connections(), 0);
    println!("{count} URLs refused in three ways each");
}

#[tokio::test(flavor = "multi_thread")]
async fn ordinary_urls_are_saved() {
    let dns = names().await;
    let folder = tempfile::tempdir().unwrap();
    let server = Server::guarded(folder.path(), dns.addr());
    project(&server).await;
    for url in ORDINARY {
        server.call("POST", WEBHOOKS, &webhook(url)).await;
    }
    assert!(ORDINARY.len() >= 50);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_saves_none_of_them_either() {
    let dns = names().await;
    let folder = tempfile::tempdir().unwrap();
    let server = Server::guarded(folder.path(), dns.addr());
    project(&server).await;
    let urls = corpus_of(8080);
    // No argument of a program can hold a NUL.
    let urls = urls.iter().filter(|(url, _)| !url.contains('\0'));
    for (url, word) in urls.step_by(25) {
        let words = ["webhook", "--project", "G", "--json", "create", "w"];
        let output = tidings(&words)
            .args(["--", url.as_str(), "standard"])
            .env("TIDINGS_URL", server.url())
            .env("TIDINGS_TOKEN", TOKEN)
            .output()
            .unwrap();
        let said = format!(
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        assert_eq!(output.status.code(), Some(3), "{url:?} {word:?}: {said}");
    }
    let list = server.call("GET", WEBHOOKS, &Value::Null).await;
    assert_eq!(list["data"], json!([]));
}

struct StoppedClock(Instant);

impl Clock for StoppedClock {
    fn wall(&self) -> Time {
        "2026-03-02T11:40:00Z".parse().unwrap()
    }

    fn monotonic(&self) -> Duration {
        self.0.elapsed()
    }
}

/// Changes the URL of each webhook in the database, as no surface would: from the corpus, in turn.
async fn change_rows(folder: &std::path::Path, urls: &[String]) {
    let clock = Arc::new(StoppedClock(Instant::now()));
    let (listener, _inbox) = tidings_delivery::hints();
    let path = folder.join("tidings.db");
    let store = SqliteStore::open(&path, clock, Arc::new(listener)).unwrap();
    let project: ProjectId = store.project("G").await.unwrap().unwrap().id;
    let mut urls = urls.iter();
    let mut after = 0;
    loop {
        let page = store.webhooks(project, after, 200).await.unwrap();
        for (webhook, _, _) in &page.data {
            let mut changed = (**webhook).clone();
            changed.url.clone_from(urls.next().unwrap());
            changed.version += 1;
            store.update_webhook(changed).await.unwrap();
        }
        match page.next {
            Some(next) => after = next,
            None => break,
        }
    }
    assert_eq!(urls.len(), 0);
}

/// Who can write to the database can name any URL; the guard at the connection does not care who did.
#[tokio::test(flavor = "multi_thread")]
async fn a_row_changed_in_the_database_leads_nowhere() {
    let dns = names().await;
    let folder = tempfile::tempdir().unwrap();
    let canary = Receiver::start(Behavior::ok()).await;
    // A share of each class: the whole corpus is sent in the client's own tests.
    let all = corpus_of(canary.addr().port());
    let urls: Vec<String> = all.into_iter().step_by(4).map(|(url, _)| url).collect();
    let server = Server::guarded(folder.path(), dns.addr());
    project(&server).await;
    for _ in &urls {
        let good = webhook("https://public.example.com/");
        server.call("POST", WEBHOOKS, &good).await;
    }
    server.terminate();
    change_rows(folder.path(), &urls).await;
    let server = Server::guarded(folder.path(), dns.addr());
    server
        .call("POST", "/projects/G/tasks", &json!({"title": "To nobody"}))
        .await;
    let started = Instant::now();
    let mut open: Vec<String> = Vec::new();
    let mut seen = HashSet::new();
    while seen.len() < urls.len() {
        assert!(
            started.elapsed() < PATIENCE,
            "{} of {}",
            seen.len(),
            urls.len()
        );
        if open.is_empty() {
            open = rows(&server).await;
        }
        let Some(id) = open.pop() else { continue };
        if seen.contains(&id) {
            continue;
        }
        let path = format!("/projects/G/deliveries/{id}");
        let delivery = server.call("GET", &path, &Value::Null).await;
        let Some(attempt) = delivery["attempts"].get(0) else {
            continue;
        };
        let url = &attempt["url"];
        let outcome = attempt["outcome"].as_str().unwrap();
        let nowhere = matches!(outcome, "blocked" | "unsendable")
            || attempt["error"]["code"] == "dns_not_found";
        assert!(nowhere, "{url}: {attempt}");
        assert!(attempt["status"].is_null(), "{url}: {attempt}");
        seen.insert(id);
    }
    assert_eq!(canary.connections(), 0);
    println!("{} changed rows led nowhere", urls.len());
}

/// The ids of everything in the log.
async fn rows(server: &Server) -> Vec<String> {
    let mut ids = Vec::new();
    let mut cursor = String::new();
    loop {
        let path = format!("/projects/G/deliveries?limit=200{cursor}");
        let page = server.call("GET", &path, &Value::Null).await;
        let data = page["data"].as_array().unwrap();
        ids.extend(
            data.iter()
                .map(|row| row["id"].as_str().unwrap().to_owned()),
        );
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return ids,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_of_the_corpus_are_refused_in_every_way() {
    let dns = names().await;
    let folder = tempfile::tempdir().unwrap();
    let server = Server::guarded(folder.path(), dns.addr());
    project(&server).await;
    let good = webhook("https://public.example.com/");
    let stored = server.call("POST", WEBHOOKS, &good).await["id"].clone();
    let stored = format!("{WEBHOOKS}/{stored}");
    let test = format!("{WEBHOOKS}/test");
    for (name, value, word) in corpus::headers::REFUSED {
        let mut headers = serde_json::Map::new();
        headers.insert((*name).to_owned(), json!(value));
        let mut new = webhook("https://public.example.com/");
        new["headers"] = Value::Object(headers.clone());
        for (method, path, body) in [
            ("POST", WEBHOOKS, new.clone()),
            ("PATCH", stored.as_str(), json!({"headers": headers})),
            (
                "POST",
                test.as_str(),
                json!({"event": "task.created", "webhook": new}),
            ),
        ] {
            let (status, answer) = call(server.address, method, path, &body).await.unwrap();
            assert_eq!(status, 422, "{method} {path} {name:?} {value:?}: {answer}");
            assert_eq!(
                answer["errors"][0]["code"], *word,
                "{name:?} {value:?}: {answer}"
            );
        }
    }
    let list = server.call("GET", WEBHOOKS, &Value::Null).await;
    assert_eq!(list["data"].as_array().unwrap().len(), 1);
    assert_eq!(list["data"][0]["headers"], json!({}));
}
