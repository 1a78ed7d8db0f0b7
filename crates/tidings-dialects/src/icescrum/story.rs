//! Story: stories and defects.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;
use tidings_domain::{Collection, Doc};

use super::context::{Context, STORIES, TASKS};
use super::short::{
    Decimal, Id, NamedProject, ShortFeature, ShortSprint, ShortStory, ShortUser, TimeBox, filled,
    text,
};
use crate::derived;

/// The state "done".
pub(super) const DONE: i8 = 7;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Story {
    class: &'static str,
    id: i64,
    #[serde(rename = "acceptanceTests_count")]
    acceptance_tests_count: usize,
    accepted_date: Option<String>,
    #[serde(rename = "activities_count")]
    activities_count: i64,
    #[serde(rename = "actors_ids")]
    actors_ids: Vec<Id>,
    affect_version: Option<String>,
    #[serde(rename = "attachments_count")]
    attachments_count: usize,
    backlog: TimeBox,
    #[serde(rename = "comments_count")]
    comments_count: usize,
    creator: Option<ShortUser>,
    date_created: String,
    depends_on: Option<ShortStory>,
    description: Option<String>,
    done_date: Option<String>,
    effort: Option<Decimal>,
    estimated_date: Option<String>,
    feature: Option<ShortFeature>,
    #[serde(rename = "followers_ids")]
    followers_ids: Vec<Id>,
    frozen_date: Option<String>,
    in_progress_date: Option<String>,
    in_review_date: Option<String>,
    last_updated: String,
    name: String,
    notes: Option<String>,
    origin: Option<String>,
    parent_sprint: Option<ShortSprint>,
    planned_date: Option<String>,
    rank: Option<i64>,
    state: i8,
    suggested_date: Option<String>,
    #[serde(rename = "tasks_count")]
    tasks_count: usize,
    todo_date: String,
    #[serde(rename = "type")]
    kind: u8,
    uid: Option<i64>,
    value: i64,
    test_state: u8,
    tags: Vec<String>,
    dependences: Vec<Story>,
    count_done_tasks: usize,
    total_remaining_time: Decimal,
    project: NamedProject,
    permalink: String,
    #[serde(rename = "notes_html")]
    notes_html: String,
}

impl Story {
    /// A story with those that wait for it.
    pub(super) fn new(context: &Context<'_>, story: &Doc) -> Self {
        let waiting = blocks(context, story, "item", "blocked");
        // Blocks may go round in circles: a story that waits shows none that wait for it.
        let waiting = waiting.iter().map(|s| Self::with(context, s, Vec::new()));
        Self::with(context, story, waiting.collect())
    }

    fn with(context: &Context<'_>, story: &Doc, dependences: Vec<Story>) -> Self {
        let view = context.view;
        let key = story.key();
        let reached = |number| context.reached(story, &[number]);
        let tests = view.referrers(key, Collection::AcceptanceTests, "story");
        let tasks = context.referring(key, TASKS, "parent");
        let done = |task: &&Arc<Doc>| context.task_state(task) == super::task::DONE;
        let created = text(story, "created_at").unwrap_or_default();
        Self {
            class: "Story",
            id: story.id(),
            acceptance_tests_count: tests.len(),
            accepted_date: reached(2),
            activities_count: story.sequence(),
            actors_ids: story
                .ids("actors")
                .into_iter()
                .map(|id| Id { id })
                .collect(),
            affect_version: affected(context, story),
            attachments_count: context.attachments(key),
            backlog: TimeBox::new(context.project().id.0),
            comments_count: context.comments(key),
            creator: context.short_user(story, "created_by"),
            date_created: created.clone(),
            depends_on: blocks(context, story, "blocked", "item")
                .first()
                .map(|in_the_way| context.short_story(in_the_way)),
            description: filled(story, "description"),
            done_date: reached(DONE),
            effort: context.points(story).map(Decimal),
            estimated_date: reached(3),
            feature: context.short_feature(story),
            followers_ids: followers(context, story),
            frozen_date: reached(-1),
            in_progress_date: reached(5),
            in_review_date: reached(6),
            last_updated: text(story, "updated_at").unwrap_or_default(),
            name: story.text("title").to_owned(),
            notes: text(story, "notes"),
            origin: None,
            parent_sprint: derived::sprint(view, story).map(|s| context.short_sprint(&s)),
            planned_date: reached(4),
            rank: story.int("rank"),
            state: context.story_state(story),
            suggested_date: reached(1),
            tasks_count: tasks.len(),
            todo_date: created,
            kind: kind(story),
            uid: story.int("number"),
            value: story.int("value").unwrap_or_default(),
            test_state: test_state(&tests),
            tags: story.names("tags").into_iter().map(str::to_owned).collect(),
            dependences,
            count_done_tasks: tasks.iter().filter(done).count(),
            total_remaining_time: Decimal(context.remaining_of(&tasks)),
            project: context.named_project(),
            permalink: context.item_link(story),
            notes_html: derived::html(story.text("notes")),
        }
    }
}

/// The stories at the `other` end of the active blocks that have `story` at their `own` end; each once, by id.
fn blocks(context: &Context<'_>, story: &Doc, own: &str, other: &str) -> Vec<Arc<Doc>> {
    let blocks = context.view.referrers(story.key(), Collection::Blocks, own);
    let others: BTreeMap<_, _> = blocks
        .iter()
        .filter(|block| !block.flag("unblocked"))
        .filter_map(|block| block.reference(other))
        .filter(|other| STORIES.contains(&other.collection))
        .filter_map(|other| Some(((other.id, other.collection), context.view.get(other)?)))
        .collect();
    others.into_values().collect()
}

/// Who has the story among the favorites; each once.
fn followers(context: &Context<'_>, story: &Doc) -> Vec<Id> {
    let mut followers: Vec<Id> = Vec::new();
    for favorite in context
        .view
        .referrers(story.key(), Collection::Favorites, "on")
    {
        if let Some(id) = favorite.int("created_by")
            && followers.iter().all(|known| known.id != id)
        {
            followers.push(Id { id });
        }
    }
    followers
}

/// The names of the releases in which the story's trouble is.
fn affected(context: &Context<'_>, story: &Doc) -> Option<String> {
    let names: Vec<String> = story
        .ids("affected_releases")
        .into_iter()
        .filter_map(|id| {
            let key = tidings_domain::ObjectRef::new(Collection::Releases, id);
            Some(context.view.get(key)?.text("name").to_owned())
        })
        .collect();
    (!names.is_empty()).then(|| names.join(", "))
}

/// 0 user story, 2 defect, 3 technical.
fn kind(story: &Doc) -> u8 {
    match story.text("type") {
        _ if story.collection() == Collection::Defects => 2,
        "Defect" | "Bug" => 2,
        "Technical" => 3,
        _ => 0,
    }
}

/// 0 no test, 5 one failed, 1 one to be checked, 10 all succeeded.
fn test_state(tests: &[Arc<Doc>]) -> u8 {
    let any = |status| tests.iter().any(|test| test.text("status") == status);
    match () {
        () if tests.is_empty() => 0,
        () if any("failed") => 5,
        () if any("to_check") => 1,
        () => 10,
    }
}
