//! What a role can reach. It goes by every link from page to page; each leads to a page that is there, each button to an action that
//! the role may do. What the route table keeps from the role is refused when it is asked for by hand, with a page that says so.

use std::collections::{BTreeSet, VecDeque};

use serde_json::Value;
use tidings_app::Access;
use tidings_web::route::Method;

use super::actor::Actor;
use super::house::{KEY, Role};
use crate::places::{Known, Places, row_of, rows};
use crate::raw::send;
use crate::stage::visit;

/// Links and forms of the page that is open.
const WAYS: &str = "return {links: [...document.links].filter(a => a.origin === location.origin).map(a => a.pathname + a.search),\
    forms: [...document.forms].map(f => [f.method, f.action, ...[...f.elements].filter(e => e.disabled === false && e.type === 'submit').map(e => e.formAction)])\
      .filter(f => f.length > 2).map(f => [f[0].toUpperCase(), new URL(f[1]).pathname])}";

/// Goes everywhere, then tries what is not for them. Without a role: as the administrator.
pub(super) async fn walks(actor: &Actor<'_>, role: Option<Role>) {
    let server = &actor.house.server;
    let mut seen = BTreeSet::new();
    let mut paths = VecDeque::from(["/projects".to_owned()]);
    let mut pages = 0;
    while let Some(path) = paths.pop_front() {
        // Links of this kind of page were followed once.
        if !seen.insert(kind(Method::Get, &path)) {
            continue;
        }
        visit(&actor.browser, server, &path).await;
        pages += 1;
        let ways = actor.asks(WAYS).await;
        for form in ways["forms"].as_array().unwrap() {
            let (method, to) = (form[0].as_str().unwrap(), form[1].as_str().unwrap());
            if method == "POST" {
                let row = row_of(Method::Post, to);
                assert!(admits(row.access, role), "{path} has a form to {to}");
            }
        }
        let links = ways["links"].as_array().unwrap().iter();
        let pages = links.filter_map(Value::as_str);
        let pages = pages.filter(|link| !link.starts_with("/api/"));
        paths.extend(pages.map(str::to_owned));
    }
    assert!(pages > 10, "{pages} pages: {seen:?}");
    if let Some(role) = role {
        is_refused_the_rest(actor, role).await;
    }
}

/// Every page and every action that is for others.
async fn is_refused_the_rest(actor: &Actor<'_>, role: Role) {
    let server = &actor.house.server;
    let places = Places::of(server, KEY).await;
    let cookie = actor.cookie().await;
    // Of these there may be none; who may not have them is not told.
    let some = || vec!["1".to_owned()];
    let other = Known::from(
        ["tokens/{id}", "timers/{id}", "times/{id}", "comments/{id}"].map(|name| (name, some())),
    );
    let mut refused = 0;
    for method in [Method::Get, Method::Post] {
        for row in rows(method).filter(|row| !admits(row.access, Some(role))) {
            for path in places.paths(row, &other) {
                let got = match method {
                    Method::Get => {
                        send(server, "GET", &path, &[("cookie", cookie.as_str())], "").await
                    }
                    _ => actor.posts(&path, &[("name", "By hand")]).await,
                };
                let text = &got.text;
                assert_eq!(got.status, 403, "{} {path}: {text}", row.id);
                assert!(text.contains("<h1>Not allowed</h1>"), "{path}: {text}");
                refused += 1;
            }
        }
    }
    assert!(refused > 5, "{refused} refusals");
}

/// As the design has it, and not as the code says: who may what.
fn admits(access: Access, role: Option<Role>) -> bool {
    match access {
        Access::Anyone | Access::Known | Access::Project => true,
        Access::Administrator => role.is_none(),
        Access::Write | Access::Watch => role != Some(Role::Stakeholder),
        Access::Manage => !matches!(role, Some(Role::Stakeholder | Role::TeamMember)),
    }
}

/// Pages that are alike: the row, the names in the query, and what differs by kind.
fn kind(method: Method, path: &str) -> String {
    let row = row_of(method, path);
    let query = path.split_once('?').map_or("", |(_, query)| query);
    let names = query
        .split('&')
        .map(|pair| pair.split('=').next().unwrap_or_default());
    let names: BTreeSet<&str> = names.collect();
    let names: Vec<&str> = names.into_iter().collect();
    format!("{} {}", row.id, names.join(","))
}
