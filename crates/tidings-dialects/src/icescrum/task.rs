//! Task: tasks and tests.

use serde::Serialize;
use tidings_domain::{Collection, Doc};

use super::context::{Context, STORIES};
use super::short::{ShortProject, ShortStory, ShortUser, TimeBox, filled, progress, text};
use crate::derived;

/// The state "done".
pub(super) const DONE: i8 = 2;
/// iceScrum gives a task without a color this one.
const YELLOW: &str = "#ffcc01";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Task {
    class: &'static str,
    id: i64,
    #[serde(rename = "activities_count")]
    activities_count: i64,
    #[serde(rename = "attachments_count")]
    attachments_count: usize,
    backlog: Option<TimeBox>,
    blocked: bool,
    color: String,
    #[serde(rename = "comments_count")]
    comments_count: usize,
    creator: Option<ShortUser>,
    date_created: String,
    description: Option<String>,
    done_date: Option<String>,
    estimation: Option<f64>,
    in_progress_date: Option<String>,
    initial: Option<f64>,
    last_updated: String,
    name: String,
    notes: Option<String>,
    parent_project: ShortProject,
    parent_story: Option<ShortStory>,
    rank: Option<i64>,
    responsible: Option<ShortUser>,
    state: i8,
    todo_date: String,
    #[serde(rename = "type")]
    kind: Option<u8>,
    uid: Option<i64>,
    tags: Vec<String>,
    sprint: TaskSprint,
    permalink: String,
    #[serde(rename = "notes_html")]
    notes_html: String,
}

/// The extra `sprint`: empty without one.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct TaskSprint {
    #[serde(flatten)]
    is: Option<Where>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Where {
    id: i64,
    state: u8,
    index: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent_release: Option<ReleaseName>,
}

#[derive(Serialize)]
struct ReleaseName {
    id: i64,
    name: String,
}

impl Task {
    pub(super) fn new(context: &Context<'_>, task: &Doc) -> Self {
        let view = context.view;
        let key = task.key();
        let story = derived::nearest_parent(view, task, |c| STORIES.contains(&c));
        let sprint = derived::sprint(view, task);
        let created = text(task, "created_at").unwrap_or_default();
        let state = context.task_state(task);
        let done_date = context.reached(task, &[super::story::DONE]);
        let begun = context.reached(task, &[5, 6]);
        Self {
            class: "Task",
            id: task.id(),
            activities_count: task.sequence(),
            attachments_count: context.attachments(key),
            backlog: sprint.as_ref().map(|sprint| TimeBox::new(sprint.id())),
            blocked: view
                .referrers(key, Collection::Blocks, "blocked")
                .iter()
                .any(|block| !block.flag("unblocked")),
            color: text(task, "color").unwrap_or_else(|| YELLOW.to_owned()),
            comments_count: context.comments(key),
            creator: context.short_user(task, "created_by"),
            date_created: created.clone(),
            description: filled(task, "description"),
            // A task that was done without ever being in progress was begun when it was done.
            in_progress_date: begun.or_else(|| done_date.clone().filter(|_| state == DONE)),
            done_date,
            estimation: context.remaining(task),
            initial: task.number("estimated_hours"),
            last_updated: text(task, "updated_at").unwrap_or_default(),
            name: task.text("title").to_owned(),
            notes: text(task, "notes"),
            parent_project: context.short_project(),
            kind: kind(task).filter(|_| story.is_none()),
            parent_story: story.map(|story| context.short_story(&story)),
            rank: task.int("rank"),
            responsible: derived::responsible(view, task).map(|p| ShortUser::new(&p)),
            state,
            todo_date: created,
            uid: task.int("number"),
            tags: task.names("tags").into_iter().map(str::to_owned).collect(),
            sprint: TaskSprint {
                is: sprint.map(|sprint| whereabouts(context, &sprint)),
            },
            permalink: context.item_link(task),
            notes_html: derived::html(task.text("notes")),
        }
    }
}

fn whereabouts(context: &Context<'_>, sprint: &Doc) -> Where {
    let place = context.plan().sprint(sprint.id());
    Where {
        id: sprint.id(),
        state: progress(sprint),
        index: place.index,
        parent_release: place.release.map(|release| ReleaseName {
            id: release.id(),
            name: release.text("name").to_owned(),
        }),
    }
}

/// 10 recurrent, 11 urgent.
fn kind(task: &Doc) -> Option<u8> {
    match task.text("type") {
        "Recurrent" => Some(10),
        "Urgent" => Some(11),
        _ => None,
    }
}
