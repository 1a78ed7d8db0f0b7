//! Somebody whose account is in no project yet: told so, and nothing of any project is there for them.

use tidings_testkit::browser::Setup;

use super::house::{House, KEY};

#[tokio::test(flavor = "multi_thread")]
async fn who_is_in_no_project_is_told_who_can_change_that() {
    outsider(Setup::default()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_in_no_project_needs_no_scripts() {
    outsider(Setup::without_scripts()).await;
}

async fn outsider(setup: Setup) {
    let house = House::open().await;
    let id = house.webhook("Build").await;
    let actor = house.outsider("Otto Outside", setup).await;
    actor.reads("No project yet").await;
    actor
        .reads("Your account is not linked to a member of a project.")
        .await;
    actor.lacks(&["New project", "Apollo"]).await;
    let hook = format!("/projects/{KEY}/webhooks/{id}");
    for path in [&format!("/projects/{KEY}"), &hook, "/projects/NONE"] {
        actor
            .browser
            .go(&format!("{}{path}", house.server.url()))
            .await;
        actor.browser.see("//h1[.='Not found']").await;
    }
    let got = actor.posts(&format!("{hook}/disable"), &[]).await;
    assert_eq!(got.status, 404, "{}", got.text);
    // The catalogue and the API's pages are for everybody.
    for (place, title) in [("Catalogue", "Event catalogue"), ("API", "Tidings API")] {
        actor.follow(place).await;
        actor.browser.see(&format!("//h1[.='{title}']")).await;
    }
    actor.leave().await;
}
