//! `user-stories.*`: the user story.

use serde::Serialize;
use tidings_domain::project::slug;
use tidings_domain::schema::Vocabulary;
use tidings_domain::value::number;
use tidings_domain::{Collection, Doc, ObjectRef, Value};

use super::parts::{Context, DateObj, Named, User, color};
use super::progress::Progress;
use crate::derived;

/// A user story.
#[derive(Serialize)]
pub(super) struct UserStory {
    id: i64,
    code: String,
    slug: String,
    title: String,
    votes: usize,
    additional_information: Option<String>,
    additional_information_mention: Option<()>,
    acceptance_criteria: Option<String>,
    acceptance_criteria_mention: Option<()>,
    priority: Option<Priority>,
    epic: Option<Epic>,
    company: Named,
    project: Named,
    stats: Stats,
    user: Option<User>,
    users: Vec<User>,
    created_at: Option<DateObj>,
}

#[derive(Serialize)]
struct Priority {
    id: i64,
    title: String,
    color: String,
    total: usize,
}

/// What Tidings calls a feature.
#[derive(Serialize)]
pub(super) struct Epic {
    uuid: String,
    title: String,
    color: String,
    stats: EpicStats,
    user: Option<User>,
    created_at: Option<DateObj>,
}

#[derive(Serialize)]
struct EpicStats {
    user_stories: usize,
}

#[derive(Serialize)]
struct Stats {
    story_points: Value,
    worked_hours: Value,
    total_tasks: usize,
    closed_tasks: usize,
    percentage: usize,
    comments: usize,
}

impl UserStory {
    /// A story.
    pub(super) fn new(context: &Context<'_>, story: &Doc) -> Self {
        let title = story.text("title");
        Self {
            id: story.id(),
            code: format!("US-{}", story.id()),
            slug: story_slug(story),
            title: title.to_owned(),
            votes: context.votes(story.key()),
            additional_information: html(story, "description"),
            additional_information_mention: None,
            acceptance_criteria: html(story, "acceptance_criteria"),
            acceptance_criteria_mention: None,
            priority: priority(context, story),
            epic: story
                .int("feature")
                .and_then(|id| context.view.get(ObjectRef::new(Collection::Features, id)))
                .map(|feature| Epic::new(context, &feature, context.gone(story))),
            company: context.company(),
            project: context.project_name(),
            stats: Stats::new(context, story),
            user: context.user(story.int("created_by")),
            users: context.users(&story.ids("assignees")),
            created_at: context.date_of(story, "created_at"),
        }
    }
}

impl Epic {
    /// A feature; `gone` are its stories that still count and are there no more.
    pub(super) fn new(context: &Context<'_>, feature: &Doc, gone: usize) -> Self {
        Self {
            uuid: context.uuid(feature),
            title: feature.text("name").to_owned(),
            color: feature.text("color").to_owned(),
            stats: EpicStats {
                user_stories: context.view.count_referrers(
                    feature.key(),
                    Collection::Stories,
                    "feature",
                ) + gone,
            },
            user: context.user(feature.int("created_by")),
            created_at: context.date_of(feature, "created_at"),
        }
    }
}

impl Stats {
    fn new(context: &Context<'_>, story: &Doc) -> Self {
        let progress = Progress::of_story(context, story.key());
        let points = derived::points(context.project(), story.get("score"));
        Self {
            story_points: number(points.unwrap_or_default()),
            worked_hours: progress.worked_hours(),
            total_tasks: progress.total,
            closed_tasks: progress.closed,
            percentage: progress.percentage(),
            comments: derived::comment_count(context.view, story.key()),
        }
    }
}

fn priority(context: &Context<'_>, story: &Doc) -> Option<Priority> {
    let entry = context
        .project()
        .entry(Vocabulary::Priorities, story.opt_text("priority")?)?;
    Some(Priority {
        id: entry.id,
        title: entry.name.clone(),
        color: color(entry),
        // A deleted story is told as it was just before, and then it counted.
        total: context
            .view
            .count_with(Collection::Stories, "priority", &entry.name)
            + context.gone(story),
    })
}

/// The slug, which also is what a vote calls the story's uuid.
pub(super) fn story_slug(story: &Doc) -> String {
    slug(story.text("title"), "story", story.id())
}

/// A text member as HTML; what is empty is null.
pub(super) fn html(doc: &Doc, member: &str) -> Option<String> {
    let html = derived::html(doc.text(member));
    (!html.is_empty()).then_some(html)
}
