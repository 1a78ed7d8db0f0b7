//! Somebody at a browser. They move by what they see: links and buttons, never by an address.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tidings_testkit::browser::{Browser, Setup, button, field, link};

use super::house::{House, KEY, post};
use crate::raw::Got;

/// Them.
pub(super) struct Actor<'h> {
    pub(super) house: &'h House,
    pub(super) browser: Browser,
    /// Whether their browser runs scripts.
    pub(super) scripts: bool,
}

impl<'h> Actor<'h> {
    /// A browser on the server's first page.
    pub(super) async fn open(house: &'h House, setup: Setup) -> Self {
        let browser = Browser::open(setup).await;
        browser.go(&house.server.url()).await;
        Self {
            house,
            browser,
            scripts: setup.scripts,
        }
    }

    /// How another browser of theirs would begin.
    pub(super) fn setup(&self) -> Setup {
        Setup {
            scripts: self.scripts,
            ..Setup::default()
        }
    }

    /// By the form.
    pub(super) async fn sign_in(&self, login: &str, password: &str) {
        self.write("Login", login).await;
        self.write("Password", password).await;
        self.press("Sign in").await;
        self.browser.arrive("/projects").await;
    }

    /// Into the project, from wherever they are.
    pub(super) async fn enter(&self) {
        self.browser.click("//a[@class='brand']").await;
        self.follow("Apollo").await;
        self.browser.arrive(&format!("/projects/{KEY}")).await;
    }

    /// To a place of the project, by its tab.
    pub(super) async fn tab(&self, words: &str) {
        let tab = format!("//nav[@class='tabs']/a[.='{words}']");
        self.browser.click(&tab).await;
        self.browser.see(&format!("{tab}[@aria-current]")).await;
    }

    /// To a webhook's page.
    pub(super) async fn hook(&self, name: &str) {
        self.tab("Webhooks").await;
        self.follow(name).await;
        self.browser.see(&format!("//h1[.='{name}']")).await;
    }

    /// To what the menu with their name holds.
    pub(super) async fn menu(&self, place: &str) {
        self.browser.click("//details[@class='menu']/summary").await;
        let place = format!("//details[@class='menu']//*[self::a or self::button][.='{place}']");
        self.browser.click(&place).await;
    }

    pub(super) async fn follow(&self, words: &str) {
        self.browser.click(&link(words)).await;
    }

    pub(super) async fn press(&self, words: &str) {
        self.browser.click(&button(words)).await;
    }

    /// Presses what asks first, and says yes.
    pub(super) async fn press_sure(&self, words: &str, sure: &str) {
        let summary = format!("//summary[contains(@class, 'button')][.='{words}']");
        self.browser.click(&summary).await;
        let yes = format!("//details[@open]//button[.='{sure}']");
        self.browser.click(&yes).await;
    }

    /// Unfolds a part of a page.
    pub(super) async fn unfold(&self, words: &str) {
        let part = format!("//details[not(@open)]/summary[.='{words}']");
        self.browser.click(&part).await;
    }

    /// Into a field.
    pub(super) async fn write(&self, label: &str, text: &str) {
        self.browser.fill(&field(label), text).await;
    }

    pub(super) async fn choose(&self, label: &str, value: &str) {
        self.browser.choose(&field(label), value).await;
    }

    /// Waits for words in what the last action says of itself.
    pub(super) async fn told(&self, words: &str) {
        let note = format!("//*[@role='status'][contains(normalize-space(.), \"{words}\")]");
        self.browser.see(&note).await;
    }

    /// Waits for words anywhere on the page.
    pub(super) async fn reads(&self, words: &str) {
        self.browser.see_words(words).await;
    }

    /// Waits for something that the page shows by itself; without scripts, each time it is loaded again.
    pub(super) async fn in_time(&self, place: &str) {
        if self.scripts {
            self.browser.see(place).await;
            return;
        }
        self.browser
            .until(place, async || {
                let here = self.browser.url().await;
                self.browser.go(&here).await;
                self.browser.has(place).await
            })
            .await;
    }

    /// The words of all links and buttons, but for those of the frame.
    pub(super) async fn controls(&self) -> BTreeSet<String> {
        let all = "//main//a | //main//button | //main//summary";
        let words = self.browser.texts(all).await.into_iter();
        words.filter(|words| !words.is_empty()).collect()
    }

    /// Has none of these links and buttons before them.
    pub(super) async fn lacks(&self, words: &[&str]) {
        let controls = self.controls().await;
        let path = self.browser.path().await;
        for word in words {
            assert!(!controls.contains(*word), "{word} on {path}: {controls:?}");
        }
    }

    /// Has exactly these tabs before them.
    pub(super) async fn has_tabs(&self, words: &[&str]) {
        let tabs = self.browser.texts("//nav[@class='tabs']/a").await;
        assert_eq!(tabs, words);
    }

    /// Sends what no form of theirs sends, from their own session: refused with a page that says what is wrong.
    pub(super) async fn refused(&self, path: &str, fields: &[(&str, &str)], words: &str) {
        let path = format!("/projects/{KEY}{path}");
        let got = self.posts(&path, fields).await;
        assert_eq!(got.status, 403, "{path}: {}", got.text);
        let text = got.text.replace("&#x27;", "'");
        assert!(text.contains("<h1>Not allowed</h1>"), "{path}: {text}");
        assert!(text.contains(words), "{path}: {text}");
    }

    /// The answer to a form that was written by hand.
    pub(super) async fn posts(&self, path: &str, fields: &[(&str, &str)]) -> Got {
        post(&self.house.server, &self.cookie().await, path, fields).await
    }

    /// What their browser sends.
    pub(super) async fn cookie(&self) -> String {
        let cookies = self.browser.cookies().await;
        let session = cookies.iter().find(|c| c["name"] == json!("tidings"));
        let secret = session.and_then(|c| c["value"].as_str()).unwrap();
        format!("tidings={secret}")
    }

    /// Signs out, and nothing strange has happened since they came.
    pub(super) async fn leave(&self) {
        self.menu("Sign out").await;
        self.browser.arrive("/sign-in").await;
        self.assert_calm().await;
    }

    /// Nothing was asked of others, and the browser complains of nothing but pages that say themselves what is wrong.
    pub(super) async fn assert_calm(&self) {
        let mut complaints = self.browser.complaints().await;
        complaints.retain(|c| c.source != "network" || !c.message.contains("status of 4"));
        assert!(complaints.is_empty(), "{complaints:?}");
        self.browser.assert_only(&self.house.server.url()).await;
    }

    /// What a script in the page says.
    pub(super) async fn asks(&self, script: &str) -> Value {
        self.browser.run(script, &[]).await
    }
}
