//! The API documentation: readable by everybody, asks nobody else.

use tidings_testkit::browser::{Browser, Screen, Setup};

use super::stage::{Stage, assert_good};

#[tokio::test(flavor = "multi_thread")]
async fn documentation_is_quiet_and_accessible_in_both_schemes_and_on_a_phone() {
    let stage = Stage::bare().await;
    let browser = Browser::open(Setup::default()).await;
    browser.go(&stage.at("/docs")).await;
    assert!(browser.text("h1").await.contains("API"));
    assert_good(&browser, "/docs").await;
    browser.screen(Screen::Phone).await;
    assert_good(&browser, "/docs on a phone").await;
    browser.assert_quiet(&stage.url()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn documentation_reads_the_same_without_scripts() {
    let stage = Stage::bare().await;
    let (with, without) = tokio::join!(
        Browser::open(Setup::default()),
        Browser::open(Setup::without_scripts())
    );
    with.go(&stage.at("/docs")).await;
    without.go(&stage.at("/docs")).await;
    // A script is needed to copy something.
    let text = with.text("body").await;
    let lines: Vec<&str> = text.lines().filter(|line| *line != "Copy").collect();
    assert_eq!(
        lines.join(
            "
"
        ),
        without.text("body").await
    );
    without.assert_quiet(&stage.url()).await;
}
