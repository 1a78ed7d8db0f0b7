//! Feature.

use std::sync::Arc;

use serde::Serialize;
use tidings_domain::Doc;

use super::context::{Context, STORIES};
use super::short::{Decimal, Id, NamedProject, ShortRelease, TimeBox, ids, progress, text};
use crate::derived;

/// A story beyond this state ("planned") makes its feature busy.
const PLANNED: i8 = 4;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Feature {
    class: &'static str,
    id: i64,
    #[serde(rename = "activities_count")]
    activities_count: i64,
    #[serde(rename = "attachments_count")]
    attachments_count: usize,
    backlog: TimeBox,
    color: String,
    #[serde(rename = "comments_count")]
    comments_count: usize,
    date_created: String,
    description: Option<String>,
    done_date: Option<String>,
    last_updated: String,
    name: String,
    notes: Option<String>,
    parent_release: Option<ShortRelease>,
    portfolio: Option<()>,
    rank: Option<i64>,
    #[serde(rename = "stories_ids")]
    stories_ids: Vec<Id>,
    todo_date: String,
    #[serde(rename = "type")]
    kind: u8,
    uid: i64,
    value: Option<i64>,
    count_done_stories: usize,
    state: u8,
    effort: Decimal,
    tags: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    in_progress_date: Option<String>,
    project: NamedProject,
    actual_releases: Vec<ActualRelease>,
    permalink: String,
    #[serde(rename = "notes_html")]
    notes_html: String,
}

/// A release in which stories of the feature are planned.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ActualRelease {
    id: i64,
    name: String,
    state: u8,
    order_number: usize,
}

impl Feature {
    pub(super) fn new(context: &Context<'_>, feature: &Doc) -> Self {
        let key = feature.key();
        let stories = context.referring(key, STORIES, "feature");
        let above = |state| {
            let states = stories.iter().map(|story| context.story_state(story));
            states.filter(|s| *s > state).count()
        };
        let state = if feature.flag("done") {
            2
        } else {
            u8::from(above(PLANNED) > 0)
        };
        let begun = stories.iter().filter_map(|s| context.reached(s, &[5]));
        let created = text(feature, "created_at").unwrap_or_default();
        let release = feature.reference("release");
        let tags = feature.names("tags").into_iter();
        Self {
            class: "Feature",
            id: feature.id(),
            activities_count: feature.sequence(),
            attachments_count: context.attachments(key),
            backlog: TimeBox::new(context.project().id.0),
            color: feature.text("color").to_owned(),
            comments_count: context.comments(key),
            date_created: created.clone(),
            description: text(feature, "description"),
            done_date: text(feature, "done_at"),
            last_updated: text(feature, "updated_at").unwrap_or_default(),
            name: feature.text("name").to_owned(),
            notes: text(feature, "notes"),
            parent_release: release
                .and_then(|release| context.view.get(release))
                .map(|release| context.short_release(&release)),
            portfolio: None,
            rank: feature.int("rank"),
            stories_ids: ids(&stories),
            todo_date: created,
            kind: u8::from(feature.text("type") == "Enabler"),
            uid: feature.id(),
            value: feature.int("value"),
            count_done_stories: above(super::story::DONE - 1),
            state,
            effort: Decimal(context.sum(&stories)),
            tags: tags.map(str::to_owned).collect(),
            in_progress_date: begun.max().filter(|_| state >= 1),
            project: context.named_project(),
            actual_releases: actual_releases(context, &stories),
            permalink: context.feature_link(feature),
            notes_html: derived::html(feature.text("notes")),
        }
    }
}

fn actual_releases(context: &Context<'_>, stories: &[Arc<Doc>]) -> Vec<ActualRelease> {
    let mut releases: Vec<ActualRelease> = Vec::new();
    for story in stories {
        let sprint = derived::sprint(context.view, story);
        let place = sprint.map(|sprint| context.plan().sprint(sprint.id()));
        let Some(release) = place.and_then(|place| place.release) else {
            continue;
        };
        if releases.iter().all(|known| known.id != release.id()) {
            releases.push(ActualRelease {
                id: release.id(),
                name: release.text("name").to_owned(),
                state: progress(release),
                order_number: context.plan().release(release.id()).order,
            });
        }
    }
    releases.sort_by_key(|release| release.order_number);
    releases
}
