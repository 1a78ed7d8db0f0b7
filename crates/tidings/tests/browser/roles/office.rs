//! The project's own pages, and one's own account.

use tidings_testkit::browser::{button, link};

use super::actor::Actor;
use super::house::{KEY, PASSWORD};

impl Actor<'_> {
    /// A member comes, gets another role, goes.
    pub(super) async fn manages_members(&self) {
        self.tab("Members").await;
        self.follow("Add member").await;
        self.write("First name", "Nora").await;
        self.write("Last name", "New").await;
        self.write("E-mail", "no address").await;
        self.press("Add member").await;
        assert!(self.browser.has("#email:invalid").await, "no address");
        self.write("E-mail", "nora@apollo.example").await;
        self.press("Add member").await;
        self.follow("Nora New").await;
        self.choose("Role", "stakeholder").await;
        self.press("Save").await;
        self.told("Nora was saved.").await;
        self.browser
            .see("//tr[.//a[.='Nora New']]/td[.='stakeholder']")
            .await;
        self.follow("Nora New").await;
        self.press_sure("Remove", "Remove member").await;
        self.browser.see_no(&link("Nora New")).await;
    }

    /// Another name; webhooks off and on; a token that is made and revoked.
    pub(super) async fn manages_project(&self) {
        self.tab("Settings").await;
        self.lacks(&["View only (plan)"]).await;
        self.write("Name", "Apollo 11").await;
        self.write("Slug", "Not A Slug").await;
        self.press("Save").await;
        self.browser.see("#slug-fault").await;
        self.write("Slug", "apollo-11").await;
        self.press("Save").await;
        self.told("The settings were saved.").await;
        self.browser
            .see("//*[@class='crumb']/a[.='Apollo 11']")
            .await;
        self.write("Name", "Apollo").await;
        self.press("Save").await;
        self.browser.see("//*[@class='crumb']/a[.='Apollo']").await;
        self.press("Switch off").await;
        self.browser.see(&button("Switch on")).await;
        self.tab("Webhooks").await;
        self.reads("Webhooks are switched off in this project")
            .await;
        self.lacks(&["Add Webhook", "By event"]).await;
        self.tab("Sent log").await;
        self.reads("Webhooks are switched off in this project")
            .await;
        self.press("Switch webhooks on").await;
        self.told("Webhooks are switched on.").await;
        self.tab("Settings").await;
        self.follow("Tokens").await;
        self.write("Name", "tracker").await;
        self.press("Make token").await;
        self.reads("Copy the token of “tracker” now.").await;
        let token = self.browser.text("#token").await;
        assert!(token.starts_with("tid_"), "{token}");
        self.press_sure("Revoke", "Revoke it").await;
        self.told("The token was revoked").await;
        self.reads("No tokens").await;
    }

    /// Who did what; of secrets only that they changed.
    pub(super) async fn reads_audit(&self, name: &str) {
        self.tab("Audit log").await;
        let (rotated, removed) = ("a new secret", "removed the member");
        for words in ["added the webhook", rotated, removed] {
            self.browser.see(&said(name, words)).await;
        }
        let source = self.browser.source().await;
        assert!(!source.contains("whsec_"), "a secret is in the audit log");
        self.choose("What", "webhook.rotate").await;
        self.press("Show").await;
        self.browser.see_no(&said(name, removed)).await;
        self.browser.see(&said(name, rotated)).await;
    }

    /// Another name, another password, and every browser signed out at once.
    pub(super) async fn leaves_everywhere(&self, login: &str, name: &str) {
        let elsewhere = Actor::open(self.house, self.setup()).await;
        elsewhere.sign_in(login, PASSWORD).await;
        self.menu("Your account").await;
        assert_eq!(
            self.browser
                .count("//table//td[contains(., 'this one')]")
                .await,
            1
        );
        // And where the link was used that the account was made with.
        assert_eq!(self.browser.count("//table/tbody/tr").await, 3);
        self.write("Name", &format!("{name} II")).await;
        self.press("Save name").await;
        self.told("Your name was saved.").await;
        self.browser
            .see(&format!("//details[@class='menu']/summary[.='{name} II']"))
            .await;
        self.write("Current password", "wrong").await;
        self.write("New password", "noch ein Regen").await;
        self.write("Once more", "noch ein Regen").await;
        self.press("Set password").await;
        self.browser.see("#current-fault").await;
        self.press_sure("Sign out everywhere", "Sign out everywhere")
            .await;
        self.browser.see("//h1[.='Sign in']").await;
        elsewhere.follow("Apollo").await;
        elsewhere.browser.see("//h1[.='Sign in']").await;
        // And from there to where they wanted to go.
        elsewhere.write("Login", login).await;
        elsewhere.write("Password", "wrong").await;
        elsewhere.press("Sign in").await;
        elsewhere.browser.see("//*[@role='alert']").await;
        elsewhere.write("Login", login).await;
        elsewhere.write("Password", PASSWORD).await;
        elsewhere.press("Sign in").await;
        let project = format!("/projects/{KEY}");
        elsewhere.browser.arrive(&project).await;
        elsewhere.leave().await;
    }
}

/// A sentence of the audit log.
pub(super) fn said(name: &str, words: &str) -> String {
    format!(
        "//main//ol/li[starts-with(normalize-space(.), '{name}')][contains(normalize-space(.), '{words}')]"
    )
}
