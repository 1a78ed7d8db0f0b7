//! What becomes of what somebody wrote into a form: it is sent once, and not lost with a session.

use serde_json::json;
use tidings_testkit::browser::{Browser, Setup, button, field};

use super::stage::Stage;

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
    browser.arrive("/sign-in?next=%2Fprojects%2Fnew").await;
    browser
        .see_words("Your session had ended, so nothing was saved.")
        .await;
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
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_whose_button_is_pressed_twice_is_sent_once() {
    let stage = Stage::bare().await;
    let browser = blank(&stage).await;
    // Both clicks come before the answer to the first.
    let twice = "const b = document.querySelector('form[action=\"/projects/new\"] button'); b.click(); b.click()";
    browser.run(twice, &[]).await;
    browser.arrive("/projects/APL").await;
    browser.see_words("Apollo is there.").await;
}
