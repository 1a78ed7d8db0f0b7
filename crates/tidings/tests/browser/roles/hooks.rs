//! Webhooks from the first form to the last button.

use tidings_testkit::browser::{Key, button, link};

use super::actor::Actor;

/// What `Execute` shows.
const RESULT: &str = "//section[@aria-label='Result of the test']";

impl Actor<'_> {
    /// Adds a webhook: refused, tried, saved, with a secret that is shown once.
    pub(super) async fn adds_webhook(&self, name: &str) {
        self.tab("Webhooks").await;
        self.follow("Add Webhook").await;
        self.browser
            .click("//a[contains(@class, 'choice')][starts-with(normalize-space(.), 'Standard Webhooks')]")
            .await;
        self.write("Name", name).await;
        self.write("Webhook URL", "http://10.0.0.1/hook").await;
        if self.scripts {
            self.browser.see("#url-verdict .fault").await;
        }
        self.press("Add Webhook").await;
        self.reads("Nothing was saved.").await;
        self.browser.see("#url-fault").await;
        let url = self.house.receiver.url("/hook");
        self.write("Webhook URL", &url).await;
        if self.scripts {
            self.browser.see("#url-verdict .hint").await;
        }
        let before = self.house.receiver.received().len();
        self.press("Execute").await;
        self.browser.see(RESULT).await;
        self.reads("Accepted").await;
        self.house.heard(before + 1).await;
        self.press("Add Webhook").await;
        self.reads("Its secret").await;
        let secret = self.browser.text("#secret").await;
        assert!(secret.starts_with("whsec_"), "{secret}");
        self.follow("I have copied it").await;
        self.browser.see(&format!("//h1[.='{name}']")).await;
        let source = self.browser.source().await;
        assert!(!source.contains(&secret), "the secret is shown twice");
    }

    /// Edits everything that is folded away, selects events by hand, and rotates the secret.
    pub(super) async fn edits_webhook(&self, name: &str) {
        self.hook(name).await;
        self.follow("Edit").await;
        self.write("Description", "Hears about stories.").await;
        self.browser
            .click("//label[starts-with(normalize-space(.), 'Selected events')]/input")
            .await;
        if self.scripts {
            self.write("Search events", "story.").await;
            self.browser
                .see_no("//label[@data-text][not(@hidden)]//code[.='task.created']")
                .await;
        }
        for code in ["story.created", "story.updated", "comment.created"] {
            if self.scripts {
                self.write("Search events", code).await;
            }
            self.browser
                .tick(&format!("//input[@name='code'][@value='{code}']"), true)
                .await;
        }
        self.unfold("Additional headers").await;
        self.write("Name of header 1", "X-Room").await;
        self.write("Value of header 1", "twelve").await;
        self.unfold("How it is sent").await;
        self.write("Timeout in seconds", "61").await;
        self.press("Save").await;
        self.reads("Nothing was saved.").await;
        self.browser.see("#timeout_seconds-fault").await;
        self.write("Timeout in seconds", "20").await;
        // Whoever is wrong somewhere keeps what they wrote elsewhere.
        let kept = self.browser.property("#description", "value").await;
        assert_eq!(kept, "Hears about stories.");
        self.write("Waits between tries", "none").await;
        self.press("Save").await;
        self.told(&format!("{name} is saved.")).await;
        for words in ["20 s", "3 of 87", "X-Room", "Hears about stories."] {
            self.reads(words).await;
        }
        self.follow("Rotate").await;
        self.choose("Overlap", "86400").await;
        self.press("Rotate").await;
        self.reads("Its secret").await;
        self.follow("I have copied it").await;
    }

    /// Sends a sample, and the latest event of a real story, by the page that is for it.
    pub(super) async fn executes(&self, name: &str) {
        self.hook(name).await;
        self.follow("Execute").await;
        self.choose("Event", "story.updated").await;
        if !self.scripts {
            self.press("Show sample").await;
        }
        self.browser
            .see("//option[@value='story.updated'][@selected]")
            .await;
        self.press("Execute").await;
        self.told("The receiver accepted the test.").await;
        self.browser.see(RESULT).await;
        let object = "//select[@id='object']";
        assert!(
            self.browser
                .has(&format!(
                    "{object}//option[@value='stories/2'][contains(., 'Third light')]"
                ))
                .await,
            "a real story can be sent"
        );
        self.browser.choose(object, "stories/2").await;
        self.press("Execute").await;
        self.browser
            .see(&format!("{RESULT}//dd[.='stories/2']"))
            .await;
        self.follow("Open it in the sent log").await;
        self.browser
            .see("//*[@id='delivery']//*[contains(@class, 'badge')][.='test']")
            .await;
    }

    /// Pauses, resumes, disables: what is sent follows.
    pub(super) async fn switches(&self, name: &str) {
        self.hook(name).await;
        self.press("Pause").await;
        self.told("is paused").await;
        self.house.rename("Paused light").await;
        self.hook(name).await;
        self.browser
            .see("//table//*[contains(@class, 'badge')][.='held']")
            .await;
        let before = self.house.receiver.received().len();
        self.press("Resume").await;
        self.told("goes on").await;
        self.house.heard(before + 1).await;
        self.press("Disable").await;
        self.told("is disabled").await;
        assert!(!self.browser.has(&button("Pause")).await);
        self.press("Enable").await;
        self.told("is enabled").await;
    }

    /// One URL for each event: saved at once, active or not, all tested.
    pub(super) async fn fills_in_the_table(&self) {
        self.tab("Webhooks").await;
        self.follow("By event").await;
        self.choose("Dialect", "gitscrum").await;
        self.press("Show").await;
        self.reads("0 of 26 active").await;
        let row = "//tr[@id='row-user-stories.update']";
        let url = self.house.receiver.url("/by-event");
        let code = self.browser.text(&format!("{row}//code")).await;
        assert_eq!(code, "user-stories.update");
        let field = format!("{row}//input[@name='url']");
        self.browser.fill(&field, "nonsense").await;
        self.leaves(row).await;
        self.browser.see(&format!("{row}//*[@class='fault']")).await;
        // To clear a field as a driver does is to leave it, which saves.
        let clear = "document.getElementById('url-user-stories.update').value = ''";
        self.browser.run(clear, &[]).await;
        self.browser.write(&field, &url).await;
        self.leaves(row).await;
        self.reads("1 of 26 active").await;
        self.browser
            .see(&format!("{row}//*[@class='dot on']"))
            .await;
        let before = self.house.receiver.received().len();
        self.press("Test all").await;
        self.reads("Test results").await;
        self.house.heard(before + 1).await;
        // Off again: the rest of the way has one webhook.
        self.browser
            .tick(&format!("{row}//input[@name='enabled']"), false)
            .await;
        if !self.scripts {
            self.browser.click(&format!("{row}//button")).await;
        }
        self.reads("0 of 26 active").await;
    }

    /// A row of the table is saved as soon as somebody leaves its field, or by its button.
    async fn leaves(&self, row: &str) {
        if self.scripts {
            self.browser.press(Key::Tab).await;
        } else {
            self.browser.click(&format!("{row}//button")).await;
        }
    }

    /// Deletes it; what it sent stays in the log.
    pub(super) async fn deletes_webhook(&self, name: &str) {
        self.hook(name).await;
        self.follow("Delete").await;
        self.reads("Delete this webhook?").await;
        self.follow("Keep it").await;
        self.follow("Delete").await;
        self.press("Delete").await;
        self.told(&format!("{name} is deleted.")).await;
        self.browser.see_no(&link(name)).await;
        self.tab("Sent log").await;
        self.browser
            .see("//section[@id='log']//*[contains(@class, 'badge')][.='deleted']")
            .await;
    }
}
