//! A webhook that an app made and locked: people look at it, disable it, delete it, and nothing else.

use tidings_testkit::browser::{Setup, button, link};

use super::house::{House, Role};
use super::reach;

#[tokio::test(flavor = "multi_thread")]
async fn an_apps_locked_webhook_is_disabled_and_deleted() {
    owner(Setup::default()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_apps_locked_webhook_is_disabled_and_deleted_without_scripts() {
    owner(Setup::without_scripts()).await;
}

async fn owner(setup: Setup) {
    let house = House::open().await;
    let id = house.locked_webhook("Roadmap").await;
    let actor = house.seat(Role::ProductOwner, setup).await;
    actor.enter().await;
    actor.tab("Webhooks").await;
    for mark in ["made by Zapier", "locked"] {
        actor.browser.see(&format!("//main//*[.='{mark}']")).await;
    }
    actor.hook("Roadmap").await;
    actor.reads("Zapier made this webhook and locked it.").await;
    actor.lacks(&["Edit", "Rotate"]).await;
    actor.follow("View settings").await;
    actor.reads("Zapier made this webhook and locked it.").await;
    actor.lacks(&["Save", "Add a header"]).await;
    let open = "//main//form[@id='webhook']//*[self::input or self::button or self::select or self::textarea][not(ancestor::fieldset[@disabled])]";
    assert!(!actor.browser.has(open).await, "a field can be changed");
    let edit = [
        ("name", "Mine"),
        ("url", "https://evil.example/"),
        ("dialect", "icescrum"),
    ];
    actor
        .refused(&format!("/webhooks/{id}/edit"), &edit, "locked")
        .await;
    let rotate = [("secret_mode", "generate"), ("overlap_seconds", "0")];
    actor
        .refused(&format!("/webhooks/{id}/rotate"), &rotate, "locked")
        .await;
    actor.hook("Roadmap").await;
    actor.press("Disable").await;
    actor.told("is disabled").await;
    assert!(
        actor.browser.has("//button[.='Enable'][@disabled]").await,
        "the app enables it"
    );
    actor
        .refused(&format!("/webhooks/{id}/enable"), &[], "locked")
        .await;
    reach::walks(&actor, Some(Role::ProductOwner)).await;
    actor.enter().await;
    actor.hook("Roadmap").await;
    actor.follow("Delete").await;
    actor.browser.see(&button("Delete")).await;
    actor.press("Delete").await;
    actor.told("Roadmap is deleted.").await;
    actor.browser.see_no(&link("Roadmap")).await;
    actor.leave().await;
}
