//! A project whose plan lets its people look: everything can be seen and prepared, nothing is sent, and each page says why.

use tidings_testkit::browser::Setup;

use super::house::{House, Role};
use super::reach;

/// What the plan says of itself.
const WHY: &str = "This project's plan lets you look, not activate.";

#[tokio::test(flavor = "multi_thread")]
async fn a_project_on_the_plan_is_looked_at() {
    owner(Setup::default()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_project_on_the_plan_is_looked_at_without_scripts() {
    owner(Setup::without_scripts()).await;
}

async fn owner(setup: Setup) {
    let house = House::open().await;
    let id = house.webhook("Build").await;
    house.rename("Sent light").await;
    house.heard(1).await;
    house.switch("view_only").await;
    let actor = house.seat(Role::ProductOwner, setup).await;
    actor.enter().await;
    actor
        .reads("This project's plan shows webhooks but does not activate them.")
        .await;
    actor.tab("Webhooks").await;
    actor.reads(WHY).await;
    for dead in ["Test", "Pause"] {
        let live = format!("//main//button[.='{dead}'][not(@disabled)]");
        assert!(!actor.browser.has(&live).await, "{dead} can be pressed");
    }
    actor.hook("Build").await;
    actor.reads(WHY).await;
    let dead = "//button[.='Execute'][@disabled]";
    assert!(actor.browser.has(dead).await, "nothing can be executed");
    prepares(&actor).await;
    actor.tab("Sent log").await;
    actor.browser.click("//section[@id='log']//tbody//a").await;
    actor.browser.see("#delivery").await;
    actor.lacks(&["Send again"]).await;
    actor.tab("Settings").await;
    actor
        .reads("An administrator of this server can change that.")
        .await;
    actor
        .lacks(&["Switch on", "Switch off", "View only (plan)"])
        .await;
    for (path, fields) in [
        ("enable", &[][..]),
        ("execute", &[("event", "story.created")]),
        ("test", &[]),
    ] {
        let path = format!("/webhooks/{id}/{path}");
        actor.refused(&path, fields, "plan").await;
    }
    let on = [("webhooks", "on")];
    let got = actor.posts("/projects/APL/settings/webhooks", &on).await;
    assert_eq!(got.status, 303, "{}", got.text);
    let still = house.call("GET", "", &serde_json::Value::Null).await;
    assert_eq!(
        still["webhooks"], "view_only",
        "the plan is the administrator's"
    );
    reach::walks(&actor, Some(Role::ProductOwner)).await;
    assert_eq!(house.receiver.received().len(), 1, "nothing was sent");
    actor.leave().await;
}

/// A webhook can be made and edited; it stays disabled.
async fn prepares(actor: &super::actor::Actor<'_>) {
    actor.tab("Webhooks").await;
    actor.follow("Add Webhook").await;
    actor
        .browser
        .click("//a[contains(@class, 'choice')][starts-with(normalize-space(.), 'Squish')]")
        .await;
    actor.reads(WHY).await;
    actor.lacks(&["Execute"]).await;
    let enabled = "//input[@name='enabled']";
    assert_eq!(actor.browser.property(enabled, "disabled").await, true);
    actor.write("Name", "For later").await;
    let url = actor.house.receiver.url("/later");
    actor.write("Webhook URL", &url).await;
    actor
        .browser
        .click("//input[@name='secret_mode'][@value='none']")
        .await;
    actor.press("Add Webhook").await;
    actor.browser.see("//h1[.='For later']").await;
    actor.reads("It is disabled").await;
    let enable = "//main//button[.='Enable'][not(@disabled)]";
    assert!(!actor.browser.has(enable).await);
    actor.follow("Edit").await;
    actor.write("Description", "When there is a plan.").await;
    actor.press("Save").await;
    actor.told("For later is saved.").await;
}
