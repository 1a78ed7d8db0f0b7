//! When a receiver fails: the log, its filters, one delivery, what was given up, what was missed.

use tidings_testkit::browser::{button, link};
use tidings_testkit::receiver::Behavior;

use super::actor::Actor;

/// Rows of the log.
const ROWS: &str = "//section[@id='log']//tbody/tr";

impl Actor<'_> {
    /// Opens the log, sees a new row come by itself (or by `Reload`), narrows it down.
    pub(super) async fn reads_log(&self) {
        self.tab("Sent log").await;
        if self.scripts {
            self.browser.see(".live.on").await;
        }
        self.house.rename("Light that is seen at once").await;
        let row = format!("{ROWS}//a[contains(., 'Light that is seen at once')]");
        self.in_time(&row).await;
        let all = self.browser.count(ROWS).await;
        self.write("Search", "seen at once").await;
        self.press("Search").await;
        self.browser.see(&link("Clear")).await;
        assert_eq!(self.browser.count(ROWS).await, 1, "of {all} rows");
        self.choose("State", "failed").await;
        self.press("Search").await;
        self.reads("Nothing like that").await;
        self.follow("Clear").await;
        self.unfold("More filters").await;
        self.choose("With a try because of", "test").await;
        self.write("HTTP status", "abc").await;
        self.press("Search").await;
        self.reads("Nothing was searched").await;
        self.write("HTTP status", "200").await;
        self.press("Search").await;
        self.browser.see(ROWS).await;
        let (tests, marked) = (
            self.browser.count(ROWS).await,
            self.browser.count(&format!("{ROWS}//*[.='test']")).await,
        );
        assert!(tests > 0 && tests == marked, "{tests} rows, {marked} tests");
    }

    /// Reads a delivery and sends it again.
    pub(super) async fn resends_one(&self) {
        self.browser.see("//h2[.='1 try']").await;
        for more in [
            "The exact bytes",
            "The same request with curl",
            "Python",
            "Go",
        ] {
            self.unfold(more).await;
        }
        self.reads("webhook-signature").await;
        let before = self.house.receiver.received().len();
        self.press("Send again").await;
        self.told("It is sent again.").await;
        self.house.heard(before + 1).await;
        self.in_time("//h2[.='2 tries']").await;
    }

    /// A receiver that refuses: each try is used up; then all that failed is sent again.
    pub(super) async fn resends_all(&self, name: &str) {
        self.house
            .receiver
            .set(Behavior::status(500).body("no room"));
        self.house.rename("Light that nobody takes").await;
        self.tab("Sent log").await;
        let failed = format!("{ROWS}[.//*[.='failed']]//a[contains(@class, 'strong')]");
        self.in_time(&failed).await;
        self.browser.click(&failed).await;
        self.reads("no room").await;
        self.reads("The receiver answered 500").await;
        self.house.receiver.set(Behavior::ok());
        let before = self.house.receiver.received().len();
        self.hook(name).await;
        self.follow("History").await;
        self.follow("Resend what failed").await;
        self.press("Count").await;
        self.reads("1 delivery would be sent again.").await;
        self.press("Send 1 again").await;
        self.told("1 delivery is on its way again.").await;
        self.house.heard(before + 1).await;
    }

    /// What happened while it was off is delivered, then once more skipped.
    pub(super) async fn recovers(&self, name: &str) {
        for (title, button_words, said) in [
            ("Missed light", "Deliver 1", "1 delivery is on its way."),
            ("Skipped light", "Skip 1", "1 delivery is skipped."),
        ] {
            self.hook(name).await;
            self.press("Disable").await;
            self.told("is disabled").await;
            self.house.rename(title).await;
            self.follow("History").await;
            self.reads("Switched off: somebody switched it off.").await;
            let before = self.house.receiver.received().len();
            self.press("Count").await;
            self.reads("1 delivery was missed").await;
            self.press(button_words).await;
            self.told(said).await;
            if button_words == "Deliver 1" {
                self.house.heard(before + 1).await;
                let got = self.house.receiver.received().all();
                let body = got.last().unwrap().json().to_string();
                assert!(body.contains(title), "{body}");
            }
        }
        self.press("Enable").await;
        self.told("is enabled").await;
        self.follow("History").await;
        self.browser.see("//section[@aria-labelledby='history-title']//*[contains(., 'by Olga Owner') or contains(., 'by Sam Scrum')]").await;
        assert!(!self.browser.has(&button("Enable")).await);
    }
}
