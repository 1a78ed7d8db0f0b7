//! A stakeholder: reads items and updates, and that is all.

use tidings_testkit::browser::Setup;

use super::house::{House, Role};
use super::reach;

#[tokio::test(flavor = "multi_thread")]
async fn a_stakeholder_reads() {
    stakeholder(Setup::default()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stakeholder_needs_no_scripts() {
    stakeholder(Setup::without_scripts()).await;
}

async fn stakeholder(setup: Setup) {
    let house = House::open().await;
    house.webhook("Build").await;
    house.rename("Second light").await;
    let actor = house.seat(Role::Stakeholder, setup).await;
    actor.enter().await;
    actor.has_tabs(&["Updates", "Items", "Members"]).await;
    actor
        .lacks(&["New story", "New task", "New sprint", "Reload"])
        .await;
    // What was sent is not theirs to see.
    actor.lacks(&["1 delivered", "1 pending"]).await;
    let event = "//main//a[starts-with(normalize-space(.), 'Event ')]";
    actor.browser.click(event).await;
    actor
        .reads("Webhooks and the sent log are for the other roles of this project.")
        .await;
    actor.item("Stories", "Second light").await;
    actor
        .lacks(&[
            "Save changes",
            "Post comment",
            "Start a timer",
            "Delete",
            "What it sent",
        ])
        .await;
    actor.tab("Items").await;
    actor.lacks(&["New story"]).await;
    actor.tab("Members").await;
    actor.lacks(&["Add member", "Stefan Stake"]).await;
    reach::walks(&actor, Some(Role::Stakeholder)).await;
    let title = [("title", "By hand")];
    actor
        .refused("/items/stories/new", &title, "team member")
        .await;
    let body = [("body", "By hand")];
    actor
        .refused("/items/stories/1/comment", &body, "team member")
        .await;
    actor.leave().await;
}
