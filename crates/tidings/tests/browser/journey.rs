//! The way of somebody new: from the link that the first start prints to a delivery that was sent twice, with scripts and without.

use std::fs::File;

use tidings_testkit::browser::{Browser, Setup, button, field, link};

use super::world::{Receiver, Server};

const PASSWORD: &str = "viermal grauer Regen";

#[tokio::test(flavor = "multi_thread")]
async fn a_newcomer_sends_something_and_looks_at_it() {
    newcomer(Setup::default()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newcomer_needs_no_scripts() {
    newcomer(Setup::without_scripts()).await;
}

async fn newcomer(setup: Setup) {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let mut command = Server::command(folder.path());
    command.args(["--egress-allow", "127.0.0.1"]);
    command.stderr(File::create(&log).unwrap());
    let server = tokio::task::spawn_blocking(|| Server::try_start(command));
    let server = server.await.unwrap().unwrap();
    let receiver = Receiver::start().await;
    let browser = Browser::open(setup).await;

    browser
        .go(&printed_link(&std::fs::read_to_string(&log).unwrap()))
        .await;
    browser.fill(&field("Name"), "Ada Byron").await;
    browser.fill(&field("Login"), "ada").await;
    browser.fill(&field("Password"), PASSWORD).await;
    browser.fill(&field("Once more"), PASSWORD).await;
    browser.click(&button("Begin")).await;
    browser.arrive("/projects").await;

    browser.click(&link("New project")).await;
    browser.fill(&field("Name"), "Apollo").await;
    browser.fill(&field("Key"), "APL").await;
    browser.click(&button("Create project")).await;
    browser.arrive("/projects/APL").await;

    browser
        .go(&format!(
            "{}/projects/APL/webhooks/new?dialect=standard",
            server.url()
        ))
        .await;
    browser.fill(&field("Name"), "Build").await;
    browser.fill("//input[@name='url']", &receiver.url()).await;
    browser.click(&button("Add Webhook")).await;
    browser.see("//main//*[contains(., 'Build')]").await;

    browser.go(&format!("{}/projects/APL", server.url())).await;
    browser.click(&link("New story")).await;
    browser.fill(&field("Title"), "First light").await;
    browser.click(&button("Create story")).await;
    browser.see("//h1[starts-with(., 'Event')]").await;
    let event = browser.url().await;
    let got = receiver.until("the story", |all| !all.is_empty()).await;
    let first = got[0].header("webhook-id").to_owned();
    // Without scripts whoever wants to know more loads the page again.
    browser
        .until("the delivery to be shown", async || {
            browser.go(&event).await;
            browser.has(&link("delivered")).await
        })
        .await;

    browser.click(&link("delivered")).await;
    browser.see("//*[contains(., 'First light')]").await;
    browser.click(&button("Send again")).await;
    let got = receiver
        .until("the story once more", |all| all.len() == 2)
        .await;
    assert_eq!(got[1].header("webhook-id"), first);

    browser.click("//summary[contains(., 'Ada Byron')]").await;
    browser.click(&button("Sign out")).await;
    browser.arrive("/sign-in").await;
    browser.fill(&field("Login"), "ada").await;
    browser.fill(&field("Password"), PASSWORD).await;
    browser.click(&button("Sign in")).await;
    browser.arrive("/projects").await;
    browser.see(&link("Apollo")).await;
    browser.assert_quiet(&server.url()).await;
}

/// The link in what the server said at its first start.
fn printed_link(log: &str) -> String {
    let word = log
        .split_whitespace()
        .find(|word| word.contains("/sign-in/"));
    word.unwrap_or_else(|| panic!("no link in {log}"))
        .to_owned()
}
