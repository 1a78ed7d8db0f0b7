//! AcceptanceTest.

use serde::Serialize;
use tidings_domain::Doc;

use super::context::Context;
use super::short::{NamedProject, ShortStory, ShortUser, text};
use crate::derived;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AcceptanceTest {
    class: &'static str,
    id: i64,
    #[serde(rename = "activities_count")]
    activities_count: i64,
    creator: Option<ShortUser>,
    date_created: String,
    description: Option<String>,
    last_updated: String,
    name: String,
    parent_story: Option<ShortStory>,
    rank: Option<i64>,
    state: u8,
    uid: i64,
    parent_project: NamedProject,
    #[serde(rename = "description_html")]
    description_html: String,
}

/// iceScrum's number for the status.
pub(super) fn state(test: &Doc) -> u8 {
    match test.text("status") {
        "failed" => 5,
        "success" => 10,
        _ => 1,
    }
}

impl AcceptanceTest {
    pub(super) fn new(context: &Context<'_>, test: &Doc) -> Self {
        let story = test.reference("story").and_then(|s| context.view.get(s));
        Self {
            class: "AcceptanceTest",
            id: test.id(),
            activities_count: test.sequence(),
            creator: context.short_user(test, "created_by"),
            date_created: text(test, "created_at").unwrap_or_default(),
            description: text(test, "description"),
            last_updated: text(test, "updated_at").unwrap_or_default(),
            name: test.text("name").to_owned(),
            parent_story: story.map(|story| context.short_story(&story)),
            rank: test.int("rank"),
            state: state(test),
            uid: test.id(),
            parent_project: context.named_project(),
            description_html: derived::html(test.text("description")),
        }
    }
}
