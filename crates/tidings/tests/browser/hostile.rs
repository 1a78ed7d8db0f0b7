//! A project in which everything that people, apps and receivers can write is an attempt to run a script in somebody's browser.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};
use tidings_testkit::receiver::{Behavior, Receiver};

use super::world::{PATIENCE, Server, ask};

/// The project's key.
pub(crate) const KEY: &str = "XSS";
/// A hundred of them, each with its number in the place of `#`.
pub(crate) const COUNT: usize = 100;
/// How many objects of each kind there are.
const EACH: usize = COUNT;
/// How many come with one answer to a test.
const AT_ONCE: usize = 4;

/// The strings. A script that ran would call `hit` with the string's number.
pub(crate) fn strings() -> Vec<String> {
    let lines = include_str!("hostile/strings.txt").lines();
    lines
        .enumerate()
        .map(|(n, line)| line.replace('#', &n.to_string()))
        .collect()
}

/// The project, and the receiver whose answers are as hostile.
pub(crate) struct Hostile {
    pub(crate) webhooks: Vec<i64>,
    pub(crate) deliveries: Vec<String>,
    pub(crate) stories: Vec<i64>,
    _receiver: Receiver,
}

impl Hostile {
    pub(crate) async fn make(server: &Server) -> Self {
        let strings = strings();
        let receiver = Receiver::start(Behavior::Script(answers(&strings))).await;
        let project =
            json!({"key": KEY, "name": strings[0], "company": {"slug": "x", "name": strings[1]}});
        server.call("POST", "/projects", &project).await;
        let people = (0..EACH).map(|n| member(n, &strings));
        change(server, people).await;
        for collection in COLLECTIONS {
            let things = (0..EACH).map(|n| thing(collection, n, &strings));
            change(server, things).await;
        }
        let webhooks = webhooks(server, &receiver, &strings).await;
        // What is told from now on is answered by the receiver.
        for (id, s) in (1..).zip(&strings) {
            let title = json!({"title": format!("{s} again")});
            let path = format!("/projects/{KEY}/stories/{id}");
            server.call("PATCH", &path, &title).await;
        }
        receiver.requests(EACH, PATIENCE).await;
        tests(server, &webhooks).await;
        Self {
            deliveries: deliveries(server).await,
            webhooks,
            stories: (1..=EACH).map(|id| i64::try_from(id).unwrap()).collect(),
            _receiver: receiver,
        }
    }
}

/// What is told is accepted, with a hostile body and header; what is a test is sent elsewhere, to a hostile place.
fn answers(strings: &[String]) -> Vec<Behavior> {
    let accepted = strings.iter().map(|s| answer(200, std::slice::from_ref(s)));
    let sent_on = strings.chunks(AT_ONCE).map(|some| answer(302, some));
    accepted.chain(sent_on).collect()
}

fn answer(status: u16, strings: &[String]) -> Behavior {
    let all = strings.join("\n");
    let mut answer = Behavior::status(status)
        .header("Content-Type", "text/html")
        .header("Location", &visible(&strings[0]))
        .body(format!("{all}\n{{\"a\": {}}}", json!(strings[0])));
    for (n, s) in strings.iter().enumerate() {
        answer = answer.header(&format!("X-Hostile-{n}"), &visible(s));
    }
    answer
}

/// What a header can hold of it.
fn visible(text: &str) -> String {
    let kept = text.chars().filter(|c| c.is_ascii_graphic() || *c == ' ');
    kept.collect::<String>().trim().to_owned()
}

/// Made silently: nobody is told of them.
async fn change(server: &Server, entries: impl Iterator<Item = Value>) {
    let entries: Vec<Value> = entries.collect();
    let path = format!("/projects/{KEY}/changes");
    server.call("POST", &path, &Value::Array(entries)).await;
}

fn member(n: usize, strings: &[String]) -> Value {
    let data = json!({"first_name": strings[n], "last_name": strings[(n + 50) % COUNT], "username": strings[(n + 25) % COUNT],
        "email": strings[n], "headline": strings[n], "location": strings[n]});
    json!({"op": "put", "collection": "members", "id": n + 1, "data": data, "silent": true})
}

/// Collections with the members that hold free text.
const COLLECTIONS: [(&str, &[&str]); 19] = [
    ("stories", &["title", "description", "notes", "tags"]),
    ("tasks", &["title", "description", "notes", "tags"]),
    ("defects", &["title", "description", "notes", "fields"]),
    ("tests", &["title", "description"]),
    ("features", &["name", "description", "tags"]),
    ("acceptance-tests", &["name", "description"]),
    ("sprints", &["name", "goal", "description"]),
    ("releases", &["name", "description", "vision"]),
    ("comments", &["body"]),
    ("time-entries", &["note"]),
    ("attachments", &["name"]),
    ("discussions", &["title"]),
    ("wiki-pages", &["name", "content"]),
    ("shared-files", &["name"]),
    ("repositories", &["name", "description"]),
    ("pull-requests", &["title", "description", "branch", "base"]),
    ("teams", &["name"]),
    ("meetings", &["title"]),
    ("actors", &["name"]),
];

fn thing((collection, members): (&str, &[&str]), n: usize, strings: &[String]) -> Value {
    let s = &strings[n];
    let mut data = fixed(collection, n);
    for member in members {
        let value = match *member {
            "tags" => json!([s]),
            "fields" => json!({s.as_str(): s}),
            _ => json!(s),
        };
        data.insert((*member).to_owned(), value);
    }
    json!({"op": "put", "collection": collection, "id": id(collection, n), "by": n + 1, "data": data, "silent": true})
}

/// Items share their ids.
fn id(collection: &str, n: usize) -> usize {
    let first = match collection {
        "tasks" => 1001,
        "defects" => 2001,
        "tests" => 3001,
        _ => 1,
    };
    first + n
}

/// What else such a thing must have.
fn fixed(collection: &str, n: usize) -> Map<String, Value> {
    let on = json!({"collection": "stories", "id": n + 1});
    let fixed = match collection {
        "acceptance-tests" => json!({"story": n + 1}),
        "sprints" => json!({"start_date": "2026-03-02", "end_date": "2026-03-16"}),
        "comments" => json!({"on": on}),
        "time-entries" => json!({"on": on, "minutes": 5}),
        "attachments" => json!({"on": on, "size": 1}),
        "shared-files" => json!({"dir": "/", "size": 1}),
        "pull-requests" => json!({"repository": n + 1}),
        "meetings" => json!({"starts_at": "2026-03-16T09:00:00Z"}),
        _ => json!({}),
    };
    fixed.as_object().cloned().unwrap_or_default()
}

/// One that hears everything, and others that hear nearly nothing.
async fn webhooks(server: &Server, receiver: &Receiver, strings: &[String]) -> Vec<i64> {
    let mut ids = Vec::new();
    let path = format!("/projects/{KEY}/webhooks");
    for (n, s) in strings.iter().enumerate() {
        let events = if n == 0 {
            json!("all")
        } else {
            json!(["meeting.deleted"])
        };
        let webhook = json!({"name": s, "description": s, "url": receiver.url(&format!("/{}?{}", percent(s), percent(s))),
            "dialect": "standard", "events": events, "headers": {"X-Hostile": visible(s)}, "retry_schedule": [3600]});
        let made = server.call("POST", &path, &webhook).await;
        ids.push(made["id"].as_i64().unwrap());
    }
    ids
}

fn percent(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"<>\"'`(){}$;:=!".contains(&byte) {
            out.push(char::from(byte));
        } else {
            write!(out, "%{byte:02X}").unwrap();
        }
        out
    })
}

async fn tests(server: &Server, webhooks: &[i64]) {
    for id in webhooks.iter().take(COUNT / AT_ONCE) {
        let path = format!("/projects/{KEY}/webhooks/{id}/test");
        server
            .call("POST", &path, &json!({"event": "story.updated"}))
            .await;
    }
}

/// Everything in the log.
async fn deliveries(server: &Server) -> Vec<String> {
    let path = format!("/projects/{KEY}/deliveries?limit=200");
    let reply = ask(server.address, "GET", &path, &[], &Value::Null)
        .await
        .unwrap();
    let data = reply.body["data"].as_array().unwrap();
    assert_eq!(
        data.len(),
        EACH + COUNT / AT_ONCE,
        "each answer is in the log"
    );
    data.iter()
        .map(|d| d["id"].as_str().unwrap().to_owned())
        .collect()
}
