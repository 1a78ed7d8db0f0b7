//! Product owner and scrum master: everything in their project, nothing of the server.

use tidings_testkit::browser::Setup;

use super::house::{House, Role};
use super::reach;

#[tokio::test(flavor = "multi_thread")]
async fn a_product_owner_does_everything_in_the_project() {
    manager(Role::ProductOwner, Setup::default()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_product_owner_needs_no_scripts() {
    manager(Role::ProductOwner, Setup::without_scripts()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scrum_master_does_everything_in_the_project() {
    manager(Role::ScrumMaster, Setup::default()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scrum_master_needs_no_scripts() {
    manager(Role::ScrumMaster, Setup::without_scripts()).await;
}

async fn manager(role: Role, setup: Setup) {
    let house = House::open().await;
    let actor = house.seat(role, setup).await;
    actor.lacks(&["New project", "Server"]).await;
    actor.enter().await;
    actor
        .has_tabs(&[
            "Updates",
            "Items",
            "Webhooks",
            "Sent log",
            "Members",
            "Settings",
            "Audit log",
        ])
        .await;
    actor.adds_webhook("Build").await;
    actor.works().await;
    actor.makes_story("Last light").await;
    actor.follows_delivery().await;
    actor.resends_one().await;
    actor.edits_webhook("Build").await;
    actor.executes("Build").await;
    actor.switches("Build").await;
    actor.reads_log().await;
    actor.resends_all("Build").await;
    actor.recovers("Build").await;
    actor.fills_in_the_table().await;
    actor.manages_members().await;
    actor.manages_project().await;
    actor.reads_audit(&role.name()).await;
    reach::walks(&actor, Some(role)).await;
    actor.enter().await;
    actor.deletes_webhook("Build").await;
    actor.leaves_everywhere(role.word(), &role.name()).await;
    actor.assert_calm().await;
}
