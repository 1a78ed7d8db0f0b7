//! Sprint.

use serde::Serialize;
use tidings_domain::Doc;
use tidings_domain::time::Date;

use super::context::Context;
use super::plan::Place;
use super::short::{Decimal, Id, ShortRelease, ids, progress, text};
use crate::derived;

/// Hours of a working day, as a new iceScrum project has it.
const DAILY_WORK_TIME: f64 = 8.0;
/// A release with a name of at most so many characters lends it to its sprints.
const SHORT_NAME: usize = 4;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Sprint {
    class: &'static str,
    id: i64,
    #[serde(rename = "activities_count")]
    activities_count: i64,
    #[serde(rename = "attachments_count")]
    attachments_count: usize,
    capacity: f64,
    daily_work_time: f64,
    date_created: String,
    delivered_version: Option<String>,
    description: Option<String>,
    done_date: Option<String>,
    done_definition: Option<String>,
    end_date: Option<String>,
    goal: Option<String>,
    in_progress_date: Option<String>,
    initial_remaining_time: Option<f64>,
    last_updated: String,
    order_number: usize,
    parent_release: Option<ShortRelease>,
    retrospective: Option<String>,
    start_date: Option<String>,
    state: u8,
    #[serde(rename = "stories_ids")]
    stories_ids: Vec<Id>,
    #[serde(rename = "tasks_count")]
    tasks_count: usize,
    todo_date: String,
    velocity: f64,
    activable: bool,
    reactivable: bool,
    total_remaining: Decimal,
    duration: i32,
    index: usize,
    planned_velocity: f64,
    full_name: String,
    #[serde(rename = "retrospective_html")]
    retrospective_html: String,
    #[serde(rename = "doneDefinition_html")]
    done_definition_html: String,
}

impl Sprint {
    pub(super) fn new(context: &Context<'_>, sprint: &Doc) -> Self {
        let key = sprint.key();
        let place = context.plan().sprint(sprint.id());
        let (capacity, velocity) = context.points_of(sprint);
        let tasks = context.sprint_tasks(key);
        let created = text(sprint, "created_at").unwrap_or_default();
        let (start, end) = (sprint.date("start_date"), sprint.date("end_date"));
        Self {
            class: "Sprint",
            id: sprint.id(),
            activities_count: sprint.sequence(),
            attachments_count: context.attachments(key),
            capacity,
            daily_work_time: DAILY_WORK_TIME,
            date_created: created.clone(),
            delivered_version: text(sprint, "delivered_version"),
            description: text(sprint, "description"),
            done_date: text(sprint, "closed_at"),
            done_definition: text(sprint, "done_definition"),
            end_date: end.map(|day| context.midnight(day)),
            goal: text(sprint, "goal"),
            in_progress_date: text(sprint, "started_at"),
            initial_remaining_time: None,
            last_updated: text(sprint, "updated_at").unwrap_or_default(),
            order_number: place.order,
            parent_release: place.release.map(|r| context.short_release(r)),
            retrospective: text(sprint, "retrospective"),
            start_date: start.map(|day| context.midnight(day)),
            state: progress(sprint),
            stories_ids: ids(&context.sprint_stories(key)),
            tasks_count: tasks.len(),
            todo_date: created,
            velocity,
            activable: place.activable,
            reactivable: place.reactivable,
            total_remaining: Decimal(context.remaining_of(&tasks)),
            duration: start.zip(end).map_or(0, |(start, end)| days(start, end)),
            index: place.index,
            planned_velocity: capacity,
            full_name: full_name(context, &place),
            retrospective_html: derived::html(sprint.text("retrospective")),
            done_definition_html: derived::html(sprint.text("done_definition")),
        }
    }
}

/// The days from the first to the last, both counted.
pub(super) fn days(first: Date, last: Date) -> i32 {
    (last - first).get_days() + 1
}

/// `R1S2`: the release and the sprint's index.
fn full_name(context: &Context<'_>, place: &Place<'_>) -> String {
    let release = place.release.map(|release| {
        let name = release.text("name");
        match name.chars().count() {
            0..=SHORT_NAME => name.to_owned(),
            _ => format!("R{}", context.plan().release(release.id()).order),
        }
    });
    format!("{}S{}", release.unwrap_or_default(), place.index)
}
