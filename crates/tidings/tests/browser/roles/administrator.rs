//! An administrator: accounts by one-time links, the server's settings and health, the plan, and everything in every project.

use serde_json::json;
use tidings_testkit::browser::{Setup, field, link};

use super::actor::Actor;
use super::house::{House, KEY, PASSWORD};
use super::office::said;
use super::reach;

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_looks_after_the_server() {
    administrator(Setup::default()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_needs_no_scripts() {
    administrator(Setup::without_scripts()).await;
}

async fn administrator(setup: Setup) {
    let house = House::open().await;
    house.webhook("Build").await;
    house.rename("Second light").await;
    house.heard(1).await;
    let actor = house.chair(setup).await;
    actor.follow("Server").await;
    actor
        .has_tabs(&[
            "Health",
            "Accounts",
            "Tokens",
            "Plans",
            "Settings",
            "Audit log",
        ])
        .await;
    for words in ["Server health", "Slowest webhooks", "Build"] {
        actor.reads(words).await;
    }
    invites(&actor).await;
    makes_token(&actor).await;
    sets(&actor).await;
    actor.tab("Audit log").await;
    for words in [
        "made the account of",
        "changed the server’s settings",
        "made the token",
    ] {
        actor.browser.see(&said("Grace Murray", words)).await;
    }
    plans(&actor).await;
    actor.enter().await;
    // As whose timer it is, an administrator says.
    actor.item("Stories", "Second light").await;
    actor.choose("Whose timer", "3").await;
    actor.press("Start a timer").await;
    actor.told("The timer runs").await;
    actor.item("Stories", "Second light").await;
    actor.reads("Tara Team, since").await;
    reach::walks(&actor, None).await;
    new_project(&actor).await;
    actor.leave().await;
}

/// Somebody is invited by a link that works once, works, and is shut out again.
async fn invites(actor: &Actor<'_>) {
    actor.tab("Accounts").await;
    actor.write("Name", "Nora New").await;
    actor.write("Login", "nora new").await;
    actor.press("Make account").await;
    actor.browser.see("#login-fault").await;
    actor.write("Login", "nora").await;
    actor.press("Make account").await;
    actor.reads("Send Nora New this link.").await;
    let invite = actor.browser.text("#invite").await;
    actor.follow("Link Nora New to members of projects").await;
    actor.choose("Project", "APL").await;
    actor.press("Choose a member").await;
    actor.choose("Member of APL", "3").await;
    actor.press("Link").await;
    actor.browser.see("//tr//a[.='Tara Team']").await;

    let setup = actor.setup();
    let nora = Actor::open(actor.house, setup).await;
    nora.browser.go(&invite).await;
    nora.reads("Set your password").await;
    nora.write("Password", "kurz").await;
    nora.write("Once more", "kurz").await;
    nora.press("Set password and sign in").await;
    nora.browser.see("#password-fault").await;
    nora.write("Password", PASSWORD).await;
    nora.write("Once more", PASSWORD).await;
    nora.press("Set password and sign in").await;
    nora.browser.arrive("/projects").await;
    nora.lacks(&["New project"]).await;
    nora.enter().await;
    assert!(nora.browser.has("//summary[.='Nora New']").await);
    // The link is used up, for everybody.
    let other = Actor::open(actor.house, setup).await;
    other.browser.go(&invite).await;
    other.reads("Not found").await;
    assert!(!other.browser.has(&field("Password")).await);

    actor.press("Make inactive").await;
    actor.browser.see("//main//*[.='inactive']").await;
    // By an address and not by a link: the page that she has open may renew itself first, and be at the sign-in already.
    let items = format!("{}/projects/{KEY}/items", actor.house.server.url());
    nora.browser.go(&items).await;
    nora.browser.see("//h1[.='Sign in']").await;
    actor.press("Make active").await;
    actor.browser.see_no("//main//*[.='inactive']").await;
    actor.press("Link to sign in").await;
    actor.reads("Send Nora New this link.").await;
    let way_in = actor.browser.text("#invite").await;
    nora.browser.go(&way_in).await;
    // Opened by hand, the link is used at once.
    nora.browser.arrive("/projects").await;
    nora.leave().await;

    actor.press_sure("Delete", "Delete it").await;
    actor.told("The account was deleted.").await;
    actor.browser.see_no(&link("Nora New")).await;
}

/// A token of the administrators: works, and then does not.
async fn makes_token(actor: &Actor<'_>) {
    actor.tab("Tokens").await;
    actor.write("Name", "backup job").await;
    actor.press("Make token").await;
    actor.reads("Copy the token of “backup job” now.").await;
    let token = actor.browser.text("#token").await;
    let bearer = format!("Bearer {token}");
    let headers = [("authorization", bearer.as_str())];
    let server = &actor.house.server;
    let asks = async || {
        let got = crate::raw::send(server, "GET", "/api/v1/settings", &headers, "").await;
        got.status
    };
    assert_eq!(asks().await, 200);
    actor.press_sure("Revoke", "Revoke it").await;
    actor.told("The token was revoked.").await;
    assert_eq!(asks().await, 401);
}

/// The server's settings act at once; those of the configuration are only shown.
async fn sets(actor: &Actor<'_>) {
    actor.tab("Settings").await;
    actor.reads("127.0.0.1").await;
    actor.reads("egress.allow").await;
    actor.write("Failure limit", "-1").await;
    actor.press("Save settings").await;
    actor.browser.see("#failure_limit-fault").await;
    actor.write("Failure limit", "7").await;
    actor.press("Save settings").await;
    actor.told("The settings were saved").await;
    let settings = actor.house.server.call("GET", "/settings", &json!(null));
    assert_eq!(settings.await["failure_limit"], 7);
}

/// The plan of a project is the administrator's to give.
async fn plans(actor: &Actor<'_>) {
    actor.enter().await;
    actor.tab("Settings").await;
    actor.press("View only (plan)").await;
    actor.browser.see("//main//*[.='view only']").await;
    actor.tab("Webhooks").await;
    actor
        .reads("This project's plan lets you look, not activate.")
        .await;
    actor.tab("Settings").await;
    actor.press("Switch on").await;
    actor
        .browser
        .see("//main//*[contains(@class, 'badge')][.='on']")
        .await;
}

/// A project from its first to its last day.
async fn new_project(actor: &Actor<'_>) {
    actor.follow("Projects").await;
    actor.follow("New project").await;
    actor.write("Name", "Gemini").await;
    actor.write("Key", "no key").await;
    actor.press("Create project").await;
    actor.browser.see("#key-fault").await;
    actor.write("Key", "GEM").await;
    actor.press("Create project").await;
    actor.browser.arrive("/projects/GEM").await;
    actor.tab("Settings").await;
    actor.write("Type the key GEM to delete it", "APL").await;
    actor.press("Delete project").await;
    actor.told("To delete the project, type its key: GEM").await;
    actor.browser.arrive("/projects/GEM/settings").await;
    actor.write("Type the key GEM to delete it", "GEM").await;
    actor.press("Delete project").await;
    actor.told("Gemini was deleted.").await;
    actor.browser.see_no(&link("Gemini")).await;
}
