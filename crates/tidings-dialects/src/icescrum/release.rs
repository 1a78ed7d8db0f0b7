//! Release.

use serde::Serialize;
use tidings_domain::{Collection, Doc};

use super::context::Context;
use super::short::{ShortProject, filled, progress, text};
use super::sprint::days;
use crate::derived;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Release {
    class: &'static str,
    id: i64,
    #[serde(rename = "activities_count")]
    activities_count: i64,
    #[serde(rename = "attachments_count")]
    attachments_count: usize,
    date_created: String,
    description: Option<String>,
    done_date: Option<String>,
    end_date: String,
    #[serde(rename = "features_count")]
    features_count: usize,
    first_sprint_index: usize,
    goal: Option<String>,
    in_progress_date: Option<String>,
    last_updated: String,
    name: String,
    order_number: usize,
    parent_project: ShortProject,
    #[serde(rename = "sprints_count")]
    sprints_count: usize,
    start_date: String,
    state: u8,
    todo_date: String,
    vision: Option<String>,
    duration: i32,
    closable: bool,
    activable: bool,
    reactivable: bool,
    #[serde(rename = "vision_html")]
    vision_html: String,
}

impl Release {
    pub(super) fn new(context: &Context<'_>, release: &Doc) -> Self {
        let key = release.key();
        let place = context.plan().release(release.id());
        let (start, end) = context.span(release);
        let created = text(release, "created_at").unwrap_or_default();
        let features = context
            .view
            .count_referrers(key, Collection::Features, "release");
        Self {
            class: "Release",
            id: release.id(),
            activities_count: release.sequence(),
            attachments_count: context.attachments(key),
            date_created: created.clone(),
            description: filled(release, "description"),
            done_date: text(release, "closed_at"),
            end_date: context.midnight(end),
            features_count: features,
            first_sprint_index: place.first_sprint,
            goal: text(release, "goal"),
            in_progress_date: text(release, "started_at"),
            last_updated: text(release, "updated_at").unwrap_or_default(),
            name: release.text("name").to_owned(),
            order_number: place.order,
            parent_project: context.short_project(),
            sprints_count: place.sprints,
            start_date: context.midnight(start),
            state: progress(release),
            todo_date: created,
            vision: text(release, "vision"),
            duration: days(start, end),
            closable: place.closable,
            activable: place.activable,
            reactivable: place.reactivable,
            vision_html: derived::html(release.text("vision")),
        }
    }
}
