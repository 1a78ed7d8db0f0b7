//! What becomes of what somebody wrote into a form: it is sent once, and not lost with a session.

use serde_json::json;
use tidings_testkit::browser::{Browser, Key, Setup, button, field};
use tidings_testkit::receiver::{Behavior, Receiver};

use super::stage::{Stage, assert_good};
use super::world::PATIENCE;

async fn blank(stage: &Stage) -> Browser {
    let browser = Browser::open(Setup::default()).await;
    let person = stage.administrator();
    person.sit_down(&browser, &stage.server).await;
    browser.go(&stage.at("/projects/new")).await;
    browser.fill(&field("Name"), "Apollo").await;
    browser.fill(&field("Key"), "APL").await;
    browser
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_written_when_a_session_ended_is_in_the_form_again() {
    let stage = Stage::bare().await;
    let browser = blank(&stage).await;
    let cookies = browser.cookies().await;
    browser.forget_cookies().await;
    browser.click(&button("Create project")).await;
    browser
        .arrive("/sign-in/again?to=%2Fprojects%2Fnew&next=%2Fprojects%2Fnew")
        .await;
    browser
        .see_words("Your session had ended, so nothing was saved.")
        .await;
    assert_good(&browser, "the sign-in").await;
    // They sign in, and are led on.
    for cookie in cookies {
        browser.add_cookie(&cookie).await;
    }
    let here = browser.url().await;
    browser.go(&here).await;
    browser.arrive("/projects/new").await;
    browser
        .see_words("What you had written is in the form again.")
        .await;
    for (name, value) in [("Name", "Apollo"), ("Key", "APL")] {
        assert_eq!(browser.property(&field(name), "value").await, json!(value));
    }
    browser.click(&button("Create project")).await;
    browser.arrive("/projects/APL").await;
    browser.go(&stage.at("/projects/new")).await;
    assert_eq!(browser.property(&field("Name"), "value").await, json!(""));
    // The page that offers it to who has no scripts.
    let offer = "const f = document.createElement('form'); f.method = 'post'; f.innerHTML = '<input name=key value=APL>';\
        f.action = '/sign-in/again?to=%2Fprojects%2Fnew&next=%2Fprojects%2Fnew'; document.body.append(f); f.submit()";
    browser.run(offer, &[]).await;
    browser.see_words("What you wrote is not saved yet").await;
    assert_good(&browser, "the offer").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_scripts_it_is_offered_after_the_sign_in() {
    let stage = Stage::bare().await;
    let browser = Browser::open(Setup::without_scripts()).await;
    let person = stage.administrator();
    person.sit_down(&browser, &stage.server).await;
    let password = "viermal grauer Regen";
    browser.go(&stage.at("/account")).await;
    let login = browser.text(".page-head code").await;
    browser.fill(&field("New password"), password).await;
    browser.fill(&field("Once more"), password).await;
    browser.click(&button("Set password")).await;
    browser.see_words("Your password was changed.").await;
    browser.go(&stage.at("/projects/new")).await;
    browser.fill(&field("Name"), "Apollo & <b>").await;
    browser.fill(&field("Key"), "APL").await;
    browser.forget_cookies().await;
    browser.click(&button("Create project")).await;
    browser.see_words("What you wrote comes with you").await;
    browser.fill(&field("Login"), &login).await;
    browser.fill(&field("Password"), password).await;
    browser.click("//main//button").await;
    browser.see_words("What you wrote is not saved yet").await;
    browser.see_words("Apollo & <b>").await;
    browser.click(&button("Send it now")).await;
    browser.arrive("/projects/APL").await;
    browser.see_words("Apollo & <b> was created.").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_whose_button_is_pressed_twice_is_sent_once() {
    let stage = Stage::bare().await;
    let browser = blank(&stage).await;
    // Both clicks come before the answer to the first.
    let twice = "const b = document.querySelector('form[action=\"/projects/new\"] button'); b.click(); b.click()";
    browser.run(twice, &[]).await;
    browser.arrive("/projects/APL").await;
    browser.see_words("Apollo was created.").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_of_the_table_by_event_is_saved_as_soon_as_somebody_leaves_it() {
    let stage = Stage::bare().await;
    let project = json!({"key": "APL", "name": "Apollo"});
    stage.server.call("POST", "/projects", &project).await;
    let browser = Browser::open(Setup::default()).await;
    let person = stage.administrator();
    person.sit_down(&browser, &stage.server).await;
    browser
        .go(&stage.at("/projects/APL/webhooks/by-event"))
        .await;
    let url = "[id='url-issues.store']";
    browser.fill(url, "http://127.0.0.1:1/").await;
    browser.press(Key::Tab).await;
    browser.see_words("1 of 26 active").await;
    // Whoever goes on by keyboard is where they were going.
    let focus = "return document.activeElement.id";
    browser
        .until("the focus", async || {
            browser.run(focus, &[]).await == json!("save-issues.store")
        })
        .await;
    browser.click("[id='on-issues.store']").await;
    browser.see_words("0 of 26 active").await;
    browser
        .go(&stage.at("/projects/APL/webhooks/by-event"))
        .await;
    assert_eq!(
        browser.property(url, "value").await,
        json!("http://127.0.0.1:1/")
    );
    browser.fill("[id='url-issues.update']", "nonsense").await;
    browser.press(Key::Tab).await;
    browser.see_words("The URL has no scheme").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_chosen_to_be_executed_is_what_is_executed() {
    for setup in [Setup::default(), Setup::without_scripts()] {
        let stage = Stage::bare().await;
        let receiver = Receiver::start(Behavior::ok()).await;
        let project = json!({"key": "APL", "name": "Apollo"});
        stage.server.call("POST", "/projects", &project).await;
        let webhook = json!({"name": "Build", "url": receiver.url("/hook"), "dialect": "icescrum"});
        let hooks = "/projects/APL/webhooks";
        stage.server.call("POST", hooks, &webhook).await;
        let browser = Browser::open(setup).await;
        let person = stage.administrator();
        person.sit_down(&browser, &stage.server).await;
        browser.go(&stage.at(&format!("{hooks}/1/execute"))).await;
        browser.choose("[name=event]", "sprint.update").await;
        browser.click(&button("Execute")).await;
        browser.see_words("Accepted").await;
        let got = receiver.requests(1, PATIENCE).await;
        let code = got[0].header("x-icescrum-event");
        assert_eq!(code.as_deref(), Some("sprint.update"));
    }
}
