//! The sample project on a real server, with webhooks, a log and things that may be deleted: what schemathesis plays with.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use tidings_dialects::sample::{ACTOR, Stage};
use tidings_domain::schema::SetBy;
use tidings_domain::{Collection, Doc, View};

use crate::world::Server;

/// The sample project.
const HOME: &str = "HB";
/// Where items are moved to; the examples of the API's description name it.
const AWAY: &str = "OPS";
/// Projects that are changed, and deleted one after the other.
const DOOMED: usize = 40;

/// In this order each object finds what it refers to.
const ORDER: [Collection; 26] = [
    Collection::Members,
    Collection::Teams,
    Collection::Actors,
    Collection::Releases,
    Collection::Sprints,
    Collection::Features,
    Collection::Stories,
    Collection::Tasks,
    Collection::Defects,
    Collection::Tests,
    Collection::AcceptanceTests,
    Collection::Discussions,
    Collection::WikiPages,
    Collection::SharedFiles,
    Collection::Repositories,
    Collection::Pushes,
    Collection::Commits,
    Collection::PullRequests,
    Collection::Attachments,
    Collection::Videos,
    Collection::Comments,
    Collection::TimeEntries,
    Collection::Favorites,
    Collection::Blocks,
    Collection::Votes,
    Collection::Meetings,
];

/// Fills a server; answers with what is there, for the hooks.
pub(super) async fn fill(server: &Server) -> Value {
    let mut ids: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    let labels = json!([{"id": 1, "name": "backend"}, {"id": 2, "name": "payments"}]);
    let home = json!({"key": HOME, "name": "Harbor", "labels": labels, "custom_fields": [{"id": 1, "name": "Browser", "type": "text"}]});
    server.call("POST", "/projects", &home).await;
    let away = json!({"key": AWAY, "name": "Operations"});
    server.call("POST", "/projects", &away).await;
    for n in 0..DOOMED {
        let doomed = json!({"key": format!("DOOMED{n}"), "name": "Doomed"});
        server.call("POST", "/projects", &doomed).await;
    }
    webhooks(server, &mut ids).await;
    objects(server, &mut ids).await;
    tokens(server, &mut ids).await;
    log(server, &mut ids).await;
    json!({"home": HOME, "doomed": DOOMED, "ids": ids})
}

async fn objects(server: &Server, ids: &mut BTreeMap<String, Vec<Value>>) {
    let stage = Stage::new();
    let docs = ORDER
        .into_iter()
        .flat_map(|collection| stage.scene().all(collection));
    let changes: Vec<Value> = docs
        .map(|doc| {
            let collection = doc.key().collection.path();
            let known = ids.entry(collection.to_owned()).or_default();
            known.push(doc.id().into());
            // The first member was not made by a member.
            let by = (collection != "members").then_some(ACTOR);
            json!({"op": "put", "collection": collection, "id": doc.id(), "data": given(&doc), "by": by})
        })
        .collect();
    let path = format!("/projects/{HOME}/changes");
    server.call("POST", &path, &Value::Array(changes)).await;
}

/// What an import says about an object.
fn given(doc: &Doc) -> Value {
    let members = doc.members().filter(|(member, value)| {
        member.set_by != SetBy::Server
            && !matches!(member.name, "id" | "created_by")
            && !value.is_null()
    });
    let members: Map<String, Value> = members
        .map(|(member, value)| (member.name.to_owned(), serde_json::to_value(value).unwrap()))
        .collect();
    Value::Object(members)
}

/// A webhook of each dialect at an address that does not exist, one on hold, one disabled, and some that may be deleted.
async fn webhooks(server: &Server, ids: &mut BTreeMap<String, Vec<Value>>) {
    let path = format!("/projects/{HOME}/webhooks");
    let dialects = tidings_dialects::all().iter().map(|dialect| dialect.name());
    for (n, dialect) in dialects.chain(["standard"; 12]).enumerate() {
        let webhook = json!({
            "url": format!("https://hooks.example.com/{n}"), "dialect": dialect, "secret": "correct horse battery staple", "headers": {"X-Team": "harbor"},
        });
        let made = server.call("POST", &path, &webhook).await;
        let list = if n < 8 { "webhooks" } else { "doomed webhooks" };
        ids.entry(list.to_owned())
            .or_default()
            .push(made["id"].clone());
        let verb = match n {
            6 => "pause",
            7 => "disable",
            _ => continue,
        };
        let path = format!("{path}/{}/{verb}", made["id"]);
        server.call("POST", &path, &Value::Null).await;
    }
}

async fn tokens(server: &Server, ids: &mut BTreeMap<String, Vec<Value>>) {
    let project = format!("/projects/{HOME}/tokens");
    for (path, list) in [(project.as_str(), "tokens"), ("/tokens", "admin tokens")] {
        for n in 0..24 {
            let token = if list == "tokens" {
                json!({"name": format!("token {n}"), "kind": "app"})
            } else {
                json!({"name": format!("token {n}")})
            };
            let made = server.call("POST", path, &token).await;
            let list = if n < 4 {
                list.to_owned()
            } else {
                format!("doomed {list}")
            };
            ids.entry(list).or_default().push(made["id"].clone());
        }
    }
}

async fn log(server: &Server, ids: &mut BTreeMap<String, Vec<Value>>) {
    for (of, list) in [("deliveries", "deliveries"), ("activities", "events")] {
        let path = format!("/projects/{HOME}/{of}?limit=60");
        let page = server.call("GET", &path, &Value::Null).await;
        let found = page["data"].as_array().unwrap().iter();
        let found: Vec<Value> = found.map(|row| row["id"].clone()).collect();
        assert!(found.len() > 20, "{page}");
        ids.insert(list.to_owned(), found);
    }
}
