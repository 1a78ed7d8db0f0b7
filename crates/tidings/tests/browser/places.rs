//! Every place of the console, from the route table: a page that is added is in every test of all pages, without a list by hand.

use std::collections::BTreeMap;

use serde_json::Value;
use tidings_domain::delivery::DeliveryState;
use tidings_web::console;
use tidings_web::route::{Method, OutputBody, Row, Surface};

use super::world::{Server, ask};

/// What parameters of paths stand for: by `segment/{name}`, the segment before it, or by `{name}` alone.
pub(crate) type Known = BTreeMap<&'static str, Vec<String>>;

/// Most pages of one row; of deliveries all, as only their own page shows what a receiver answered.
const MOST: usize = 20;

/// What there is in a project.
pub(crate) struct Places(Known);

impl Places {
    /// The first of each kind in a project.
    pub(crate) async fn of(server: &Server, key: &str) -> Self {
        let mut known = Known::new();
        let mut add = |name, values: &[&str]| {
            known.insert(name, values.iter().map(ToString::to_string).collect());
        };
        add("{key}", &[key]);
        add("{dialect}", &["squish"]);
        add("{code}", &["submit"]);
        add("{collection}", &["stories"]);
        add("docs/{tag}", &["webhooks"]);
        // Whoever is signed in: there is one account and one session as soon as a page is looked at.
        add("accounts/{id}", &["1"]);
        add("sessions/{id}", &["1"]);
        // Works once, and nobody has this one.
        add("sign-in/{link}", &["none"]);
        for (name, list) in [
            ("webhooks/{id}", format!("/projects/{key}/webhooks")),
            ("members/{id}", format!("/projects/{key}/members")),
            ("stories/{id}", format!("/projects/{key}/stories")),
            ("{collection}/{id}", format!("/projects/{key}/stories")),
            ("timers/{id}", format!("/projects/{key}/time-entries")),
            ("times/{id}", format!("/projects/{key}/time-entries")),
            ("comments/{id}", format!("/projects/{key}/comments")),
            ("tokens/{id}", format!("/projects/{key}/tokens")),
        ] {
            known.insert(name, ids(server, &list, "").await);
        }
        known.insert("events/{id}", vec![newest_event(server, key).await]);
        let in_every_state = in_every_state(server, key).await;
        known.insert("deliveries/{id}", in_every_state);
        Self(known)
    }

    /// The paths of all pages.
    pub(crate) fn pages(&self) -> Vec<String> {
        self.pages_with(&Known::new())
    }

    /// The same, with other values for some parameters, and long lists whole. A page that shows one of many objects is there as often
    /// as [`MOST`] says, each such page with other objects than the last one.
    pub(crate) fn pages_with(&self, other: &Known) -> Vec<String> {
        let mut paths = Vec::new();
        let lasting = rows(Method::Get).filter(|row| !row.path.contains("{link}"));
        for (turn, row) in lasting.enumerate() {
            let long = row.query.iter().any(|p| p.name == "limit");
            let all = self.paths(row, other);
            let whole = row.path.ends_with("/deliveries/{id}");
            let step = if whole { 1 } else { all.len().div_ceil(MOST) };
            for path in all.iter().skip(turn % step).step_by(step) {
                let query = if long && !other.is_empty() {
                    "?limit=200"
                } else {
                    ""
                };
                paths.push(format!("{path}{query}"));
            }
        }
        paths
    }

    /// The paths of a row.
    pub(crate) fn paths(&self, row: &Row, other: &Known) -> Vec<String> {
        let mut paths = vec![String::new()];
        let mut before = "";
        for segment in row.path.split('/').skip(1) {
            let values = if segment.starts_with('{') {
                self.values(row, before, segment, other)
            } else {
                vec![segment.to_owned()]
            };
            let longer = |path: &String| {
                values
                    .iter()
                    .map(move |v| format!("{path}/{v}"))
                    .collect::<Vec<_>>()
            };
            paths = paths.iter().flat_map(longer).collect();
            before = segment;
        }
        paths
    }

    fn values(&self, row: &Row, before: &str, name: &str, other: &Known) -> Vec<String> {
        let long = format!("{before}/{name}");
        let both = [long.as_str(), name];
        let mut found = both
            .iter()
            .filter_map(|n| other.get(n).or_else(|| self.0.get(n)));
        let values = found.find(|values| !values.is_empty()).cloned();
        values.unwrap_or_else(|| panic!("{}: tell `Places::of` what {long} is", row.path))
    }
}

/// The rows of the console of a method that are for people: no pictures, style sheets and streams.
pub(crate) fn rows(method: Method) -> impl Iterator<Item = &'static Row> {
    console::table().iter().filter(move |row| {
        let is_page =
            matches!(row.output.body, OutputBody::Text(kind) if kind.starts_with("text/html"));
        row.surface == Surface::Console
            && row.method == method
            && is_page
            && !row.path.starts_with("/assets")
    })
}

/// The row that a path belongs to: the one with the fewest parameters.
pub(crate) fn row_of(method: Method, path: &str) -> &'static Row {
    let path = path.split('?').next().unwrap_or_default();
    let parts: Vec<&str> = path.split('/').collect();
    let fits = |row: &&Row| {
        let row: Vec<&str> = row.path.split('/').collect();
        let mut pairs = row.iter().zip(&parts);
        row.len() == parts.len() && pairs.all(|(r, p)| r.starts_with('{') || r == p)
    };
    let all = console::table().iter().filter(|row| row.method == method);
    let fitting = all
        .filter(fits)
        .min_by_key(|row| row.path.matches('{').count());
    fitting.unwrap_or_else(|| panic!("{path} leads nowhere"))
}

async fn ids(server: &Server, list: &str, more: &str) -> Vec<String> {
    let path = format!("{list}?limit=1{more}");
    let reply = ask(server.address, "GET", &path, &[], &Value::Null)
        .await
        .unwrap();
    let data = reply.body["data"].as_array().into_iter().flatten();
    let id = |one: &Value| match &one["id"] {
        Value::String(id) => id.clone(),
        id => id.to_string(),
    };
    data.map(id).collect()
}

/// The last delivery of each state that there is.
async fn in_every_state(server: &Server, key: &str) -> Vec<String> {
    let mut found = Vec::new();
    for state in DeliveryState::ALL {
        let list = format!("/projects/{key}/deliveries");
        found.extend(ids(server, &list, &format!("&state={}", state.as_str())).await);
    }
    found
}

/// The event that was told last.
async fn newest_event(server: &Server, key: &str) -> String {
    let path = format!("/projects/{key}/deliveries?limit=1&trigger=event");
    let log = server.call("GET", &path, &Value::Null).await;
    log["data"][0]["event"].to_string()
}
