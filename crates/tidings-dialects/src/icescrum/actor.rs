//! Actor.

use serde::Serialize;
use tidings_domain::{Collection, Doc};

use super::context::Context;
use super::short::ShortProject;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Actor {
    class: &'static str,
    id: i64,
    name: String,
    parent_project: ShortProject,
    #[serde(rename = "stories_count")]
    stories_count: usize,
    uid: i64,
}

impl Actor {
    pub(super) fn new(context: &Context<'_>, actor: &Doc) -> Self {
        let view = context.view;
        Self {
            class: "Actor",
            id: actor.id(),
            name: actor.text("name").to_owned(),
            parent_project: context.short_project(),
            stories_count: view.count_referrers(actor.key(), Collection::Stories, "actors"),
            uid: actor.id(),
        }
    }
}
