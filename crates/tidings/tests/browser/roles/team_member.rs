//! A team member: works on items, sees webhooks and the log without what is secret, manages nothing.

use serde_json::json;
use tidings_testkit::browser::Setup;

use super::house::{House, Role};
use super::reach;

#[tokio::test(flavor = "multi_thread")]
async fn a_team_member_works_and_watches() {
    team_member(Setup::default()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_team_member_needs_no_scripts() {
    team_member(Setup::without_scripts()).await;
}

async fn team_member(setup: Setup) {
    let house = House::open().await;
    let id = house.webhook("Build").await;
    let test = json!({"event": "story.created"});
    house
        .call("POST", &format!("/webhooks/{id}/test"), &test)
        .await;
    let actor = house.seat(Role::TeamMember, setup).await;
    actor.lacks(&["New project"]).await;
    actor.enter().await;
    actor
        .has_tabs(&["Updates", "Items", "Webhooks", "Sent log", "Members"])
        .await;
    actor.works().await;
    actor.makes_story("Last light").await;
    actor.follows_delivery().await;
    actor.lacks(&["Send again"]).await;
    actor
        .reads("Bodies and headers are shown to those who manage webhooks.")
        .await;
    let delivery = actor.browser.path().await;
    actor.reads_log().await;
    actor.hook("Build").await;
    actor
        .lacks(&["Execute", "Pause", "Disable", "Delete", "Edit", "Rotate"])
        .await;
    let source = actor.browser.source().await;
    assert!(
        !source.contains("/hook\""),
        "of the URL a team member sees scheme and host"
    );
    actor.follow("History").await;
    actor.lacks(&["Pause", "Resend what failed", "Count"]).await;
    actor.tab("Webhooks").await;
    actor.lacks(&["Add Webhook", "Edit", "Test"]).await;
    actor.tab("Members").await;
    actor.lacks(&["Add member", "Tara Team"]).await;
    actor.reads("Tara Team").await;
    reach::walks(&actor, Some(Role::TeamMember)).await;
    let here = delivery.trim_start_matches("/projects/APL");
    let resend = format!("{here}/resend");
    actor.refused(&resend, &[], "product owner").await;
    let disable = format!("/webhooks/{id}/disable");
    actor.refused(&disable, &[], "product owner").await;
    actor.leave().await;
}
