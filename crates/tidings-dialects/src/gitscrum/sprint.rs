//! `sprints.*`: the sprint.

use jiff::civil::Time as Clock;
use serde::Serialize;
use tidings_domain::project::slug;
use tidings_domain::{Doc, Value};

use super::parts::{Context, DateObj, Named, User};
use super::progress::Progress;
use super::user_story::html;
use crate::derived;

/// A sprint.
#[derive(Serialize)]
pub(super) struct Sprint {
    id: i64,
    code: String,
    slug: String,
    title: String,
    color: String,
    timebox: Timebox,
    duration: i32,
    date_start: String,
    date_finish: String,
    description: Option<String>,
    close_on_finish: bool,
    company: Named,
    project: Named,
    stats: Stats,
    status: Status,
    user: Option<User>,
    users: Vec<User>,
    closed_at: Option<DateObj>,
    created_at: Option<DateObj>,
}

#[derive(Serialize)]
struct Timebox {
    start: Option<DateObj>,
    finish: Option<DateObj>,
}

#[derive(Serialize)]
struct Stats {
    story_points: Value,
    worked_hours: Value,
    total_tasks: usize,
    open_tasks: usize,
    closed_tasks: usize,
    percentage: usize,
    comments: usize,
}

#[derive(Serialize)]
struct Status {
    slug: &'static str,
    title: &'static str,
    color: &'static str,
    description: Option<()>,
}

const OPEN: Status = Status {
    slug: "open",
    title: "Open",
    color: "#3B82F6",
    description: None,
};

const CLOSED: Status = Status {
    slug: "closed",
    title: "Closed",
    color: "#94A3B8",
    description: None,
};

impl Sprint {
    /// A sprint.
    pub(super) fn new(context: &Context<'_>, sprint: &Doc) -> Self {
        let title = sprint.text("name");
        let day = |member| {
            let date = sprint.date(member)?;
            let midnight = context.instant(date.to_datetime(Clock::midnight()))?;
            Some(DateObj::day(date, midnight))
        };
        let duration = match (sprint.date("start_date"), sprint.date("end_date")) {
            (Some(start), Some(end)) => (end - start).get_days(),
            _ => 0,
        };
        let progress = Progress::of_sprint(context, sprint.key());
        Self {
            id: sprint.id(),
            code: format!("S-{}", sprint.id()),
            slug: slug(title, "sprint", sprint.id()),
            title: title.to_owned(),
            color: sprint.text("color").to_owned(),
            timebox: Timebox {
                start: day("start_date"),
                finish: day("end_date"),
            },
            duration,
            date_start: sprint.text("start_date").to_owned(),
            date_finish: sprint.text("end_date").to_owned(),
            description: html(sprint, "description"),
            close_on_finish: sprint.flag("close_on_finish"),
            company: context.company(),
            project: context.project_name(),
            stats: Stats {
                story_points: progress.points(),
                worked_hours: progress.worked_hours(),
                total_tasks: progress.total,
                open_tasks: progress.total - progress.closed,
                closed_tasks: progress.closed,
                percentage: progress.percentage(),
                comments: derived::comment_count(context.view, sprint.key()),
            },
            status: if sprint.text("status") == "done" {
                CLOSED
            } else {
                OPEN
            },
            user: context.user(sprint.int("created_by")),
            users: context.users(&progress.assignees),
            closed_at: context.date_of(sprint, "closed_at"),
            created_at: context.date_of(sprint, "created_at"),
        }
    }
}
