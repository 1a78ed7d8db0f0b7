//! The walk of `cargo xtask bench pages`, through a small world: every page of the console is in it, and shows.

#[path = "../../examples/pages/world/mod.rs"]
mod world;

use std::collections::BTreeSet;

use axum::body::Body;
use http::{Request, header};
use tempfile::TempDir;
use world::walk::{self, Place};
use world::{Size, World};

async fn small() -> (TempDir, World) {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("tidings.db");
    let world = World::make(&path, Size::of(40, 1500)).await.unwrap();
    (directory, world)
}

/// What a page answers: its status, whether it says how long it took, and its first bytes.
async fn look(world: &World, place: &Place) -> (u16, Option<String>) {
    let request = Request::builder()
        .uri(&place.path)
        .header(header::ACCEPT, "text/html")
        .header(header::COOKIE, place.who.cookie(world))
        .body(Body::empty())
        .unwrap();
    let answer = world.house.door.answer(request).await;
    let timing = answer.headers().get("server-timing");
    let timing = timing.map(|value| value.to_str().unwrap().to_owned());
    (answer.status().as_u16(), timing)
}

#[tokio::test]
async fn the_walk_sees_every_page_of_the_table_and_each_shows() {
    let (_directory, world) = small().await;
    let places = walk::places(&world).await.unwrap();
    let walked: BTreeSet<&str> = places.iter().map(|place| place.row).collect();
    let table: BTreeSet<&str> = walk::rows().map(|row| &*row.id).collect();
    assert_eq!(walked, table);
    let mut bad = Vec::new();
    for place in &places {
        let (status, timing) = look(&world, place).await;
        let shows = status == 200 || (status == 303 && place.row == "home");
        let told = timing.as_deref().is_some_and(is_time);
        if !shows || told != (status == 200) {
            bad.push(format!(
                "{status} {timing:?} {:?} {}",
                place.who, place.path
            ));
        }
    }
    assert!(bad.is_empty(), "{}", bad.join("\n"));
    let told = walk::told(&world).await.unwrap();
    assert_eq!(told["rows"], table.len());
    assert_eq!(told["places"].as_array().unwrap().len(), places.len());
}

/// `total;dur=12.034`
fn is_time(text: &str) -> bool {
    let number = text.strip_prefix("total;dur=");
    number.is_some_and(|n| n.parse::<f64>().is_ok())
}

#[tokio::test]
async fn the_world_has_what_its_pages_are_to_show() {
    let (_directory, world) = small().await;
    let hooks = &world.hooks;
    assert!(world.found.deliveries >= 1500, "{:?}", world.found);
    let big = world.house.project(world::BIG).await.unwrap();
    let store = &world.house.store;
    let counts = |webhook| {
        let (store, big) = (store.clone(), big.id);
        async move { store.webhook(big, webhook).await.unwrap().unwrap().2 }
    };
    let (dead, off) = (counts(hooks.dead).await, counts(hooks.off).await);
    assert!(dead.pending >= 150, "{dead:?}");
    assert!(off.parked >= 150, "{off:?}");
    // It misses what came after it was switched off, as long as anything does.
    let missed = store
        .missed(hooks.off, 0, tidings_domain::EventId(0), 10)
        .await;
    assert!(!missed.unwrap().is_empty());
    for place in [world.found.failed, world.found.arrived] {
        let found = store.delivery(big.id, place.unwrap()).await.unwrap();
        assert!(!found.unwrap().attempts.is_empty());
    }
}

#[tokio::test]
async fn an_audit_log_in_which_nothing_fits_yet_leads_further_back() {
    let (_directory, world) = small().await;
    // More than is looked through for a page.
    world::crowd::note(&world.house, 9_000).await.unwrap();
    let cookie = &world.people.administrator;
    let path = "/admin/audit?operation=webhook.pause";
    let (status, text) = world.house.open_page(cookie, path).await.unwrap();
    assert_eq!(status, 200, "{text}");
    assert!(text.contains("Nothing like that yet"), "{text}");
    let (_, rest) = text.split_once("cursor=").unwrap();
    let cursor = rest.split(['"', '&']).next().unwrap();
    let path = format!("{path}&cursor={cursor}");
    let (status, text) = world.house.open_page(cookie, &path).await.unwrap();
    assert_eq!(status, 200, "{text}");
    assert!(text.contains("Nothing here"), "{text}");
}

#[tokio::test]
async fn what_is_refused_or_changes_something_does_not_say_how_long_it_took() {
    let house = crate::house::House::with_people().await;
    let shown = house.open("admin", "/projects").await;
    assert!(is_time(shown.header("server-timing")), "{shown:?}");
    for got in [
        house.open("admin", "/projects/NONE").await,
        house.open("nobody", "/projects").await,
        house.open("team_member", "/admin").await,
        house
            .submit("nobody", "/sign-in", "login=a&password=b")
            .await,
        house.admin("GET", "/api/v1/projects", "").await,
    ] {
        assert_eq!(got.header("server-timing"), "", "{got:?}");
    }
}
