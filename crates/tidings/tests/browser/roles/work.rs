//! Work on items by quick forms, and what it sends.

use tidings_testkit::browser::link;

use super::actor::Actor;

impl Actor<'_> {
    /// Makes a story, from the updates; on its event's page then.
    pub(super) async fn makes_story(&self, title: &str) {
        self.tab("Updates").await;
        self.follow("New story").await;
        self.write("Title", title).await;
        self.write("Tags", "sky, night").await;
        self.press("Create story").await;
        self.told("was created").await;
        self.browser.see("//h1[starts-with(., 'Event')]").await;
    }

    /// Edits, comments, times, plans; each step is an event.
    pub(super) async fn works(&self) {
        self.makes_story("Second light").await;
        self.follow("Second light").await;
        self.write("Title", "Third light").await;
        self.choose("Status", "In Progress").await;
        self.write("Comment with this change", "Brighter now.")
            .await;
        self.press("Save changes").await;
        self.told("was changed").await;
        for seen in [
            "//del[.='Second light']",
            "//ins[.='Third light']",
            "//ins[.='In Progress']",
        ] {
            self.browser.see(seen).await;
        }
        self.follow("Third light").await;
        self.reads("Brighter now.").await;
        self.write("Comment", "Enough for today.").await;
        self.press("Post comment").await;
        self.told("The comment was posted").await;
        self.reads("Enough for today.").await;
        for (end, said) in [("Stop", "was stopped"), ("Throw away", "was thrown away")] {
            self.item("Stories", "Third light").await;
            self.press("Start a timer").await;
            self.told("The timer runs").await;
            self.item("Stories", "Third light").await;
            self.press(end).await;
            self.told(said).await;
        }
        self.plans().await;
    }

    /// A sprint, and a task that is made and deleted.
    async fn plans(&self) {
        self.tab("Items").await;
        self.follow("Sprints").await;
        self.follow("New sprint").await;
        self.write("Name", "Moon").await;
        // In a field for a date one types as the browser's language has it.
        for (name, day) in [("start_date", "2026-03-02"), ("end_date", "2026-03-16")] {
            let set = "document.querySelector(`[name=${arguments[0]}]`).value = arguments[1]";
            self.browser.run(set, &[name.into(), day.into()]).await;
        }
        self.press("Create sprint").await;
        self.told("was created").await;
        self.tab("Items").await;
        self.follow("Tasks").await;
        self.follow("New task").await;
        self.press("Create task").await;
        assert!(
            self.browser.has("#title:invalid").await,
            "a task without a title"
        );
        self.write("Title", "Throw me away").await;
        self.press("Create task").await;
        self.told("was created").await;
        self.item("Tasks", "Throw me away").await;
        self.press_sure("Delete", "Delete task").await;
        self.told("It was deleted").await;
    }

    /// To an item's page, by its list.
    pub(super) async fn item(&self, kind: &str, title: &str) {
        self.tab("Items").await;
        self.follow(kind).await;
        let kinds = format!("//nav[@aria-label='Kinds']/a[.='{kind}'][@aria-current]");
        self.browser.see(&kinds).await;
        self.follow(title).await;
        self.browser.see(&format!("//h1[.='{title}']")).await;
    }

    /// On an event's page: what it sent has arrived, and why it was sent is explained. To that delivery.
    pub(super) async fn follows_delivery(&self) {
        self.in_time(&link("delivered")).await;
        self.reads("What it sent, and why").await;
        self.follow("delivered").await;
        self.browser.see("#delivery").await;
    }
}
