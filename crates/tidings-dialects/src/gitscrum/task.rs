//! `issues.*`: the task.

use jiff::civil::time;
use serde::Serialize;
use tidings_domain::collection::ITEMS;
use tidings_domain::project::{Category, Entry, slug};
use tidings_domain::schema::Vocabulary;
use tidings_domain::{Collection, Doc, Value};

use super::parts::{Context, DateObj, Named, User, color};
use crate::derived::{self, status};

/// A task, defect or test.
#[derive(Serialize)]
pub(super) struct Task {
    uuid: String,
    code: String,
    title: String,
    slug: String,
    description: Option<String>,
    state: u8,
    estimative: u8,
    estimated_minutes: i64,
    total_tracked_minutes: i64,
    parent_id: Option<i64>,
    rating: u8,
    has_recurring: bool,
    is_favorite: bool,
    #[serde(rename = "type")]
    kind: Option<Kind>,
    effort: Option<Effort>,
    workflow: Option<Workflow>,
    labels: Vec<Label>,
    image: Option<String>,
    video: Option<String>,
    analyse: Analyse,
    user: Option<User>,
    user_role: Option<&'static str>,
    users: Vec<User>,
    features: [(); 0],
    completed_user: Option<User>,
    completed_date: Option<DateObj>,
    start_date: Option<DateObj>,
    due_date: Option<DateObj>,
    settings: Settings,
    time_tracker: Option<String>,
    time_tracker_user: Option<User>,
    stats: Stats,
    company: Named,
    project: Named,
    created_at: Option<DateObj>,
    updated_at: Option<DateObj>,
}

#[derive(Serialize)]
struct Kind {
    title: String,
    color: String,
}

#[derive(Serialize)]
struct Effort {
    title: String,
    effort: i64,
}

/// The column of the board.
#[derive(Serialize)]
struct Workflow {
    id: i64,
    slug: String,
    state: u8,
    title: String,
    color: String,
}

#[derive(Serialize)]
struct Label {
    id: i64,
    slug: String,
    title: String,
    color: String,
}

/// No source knows more of it than an absent risk.
#[derive(Serialize)]
struct Analyse {
    risk: Option<String>,
}

#[derive(Serialize)]
struct Settings {
    is_blocker: bool,
    blocker_user: Option<User>,
    blocker_at: Option<DateObj>,
    is_bug: bool,
    is_draft: bool,
    is_archived: bool,
}

#[derive(Serialize)]
struct Stats {
    votes: usize,
    fields: usize,
    time_trackers: usize,
    comments: usize,
    checklists: u8,
    attachments: usize,
    subtasks: usize,
    videos: usize,
    checklist_percentage: Option<u8>,
}

impl Task {
    /// A task, defect or test as it is in the context's project.
    pub(super) fn new(context: &Context<'_>, doc: &Doc) -> Self {
        let project = context.project();
        let title = doc.text("title");
        let day = |member, at| {
            let date = doc.date(member)?;
            Some(context.date(context.instant(date.to_datetime(at))?))
        };
        let timer = running_timer(context, doc);
        let timer = timer.as_deref();
        Self {
            uuid: context.uuid(doc),
            code: format!("{}-{}", project.key, doc.int("number").unwrap_or_default()),
            title: title.to_owned(),
            slug: slug(title, doc.collection().singular(), doc.id()),
            description: doc
                .opt_text("description")
                .filter(|text| !text.is_empty())
                .map(str::to_owned),
            state: state(status::closed(project, doc)),
            estimative: 0,
            estimated_minutes: minutes(doc.number("estimated_hours")),
            total_tracked_minutes: derived::tracked_minutes(context.view, doc.key()),
            parent_id: doc
                .reference("parent")
                .filter(|parent| parent.collection != Collection::Stories)
                .map(|parent| parent.id),
            rating: 0,
            has_recurring: doc.text("type") == "Recurrent",
            is_favorite: is_favorite(context, doc),
            kind: project
                .entry(Vocabulary::Types, doc.text("type"))
                .map(|entry| Kind {
                    title: entry.name.clone(),
                    color: color(entry),
                }),
            effort: effort(context, doc),
            workflow: status::column(project, doc).map(Workflow::new),
            labels: doc
                .names("tags")
                .into_iter()
                .filter_map(|name| project.entry(Vocabulary::Labels, name))
                .map(Label::new)
                .collect(),
            image: None,
            video: None,
            analyse: Analyse { risk: None },
            user: context.user(doc.int("created_by")),
            user_role: doc.int("created_by").and_then(|id| role(context, id)),
            users: context.users(&doc.ids("assignees")),
            features: [],
            completed_user: context.user(doc.int("completed_by")),
            completed_date: context.date_of(doc, "completed_at"),
            start_date: day("start_date", time(0, 0, 0, 0)),
            due_date: day("due_date", time(23, 59, 59, 0)),
            settings: Settings::new(context, doc),
            time_tracker: timer
                .and_then(|timer| timer.time("started_at"))
                .map(|started| context.clock_time(started)),
            time_tracker_user: context.user(timer.and_then(|timer| timer.int("member"))),
            stats: Stats::new(context, doc),
            company: context.company(),
            project: context.project_name(),
            created_at: context.date_of(doc, "created_at"),
            updated_at: context.date_of(doc, "updated_at"),
        }
    }
}

impl Workflow {
    fn new(column: &Entry) -> Self {
        Self {
            id: column.id,
            slug: slug(&column.name, "column", column.id),
            state: state(column.category == Some(Category::Done)),
            title: column.name.clone(),
            color: color(column),
        }
    }
}

impl Label {
    fn new(label: &Entry) -> Self {
        Self {
            id: label.id,
            slug: slug(&label.name, "label", label.id),
            title: label.name.clone(),
            color: color(label),
        }
    }
}

impl Settings {
    fn new(context: &Context<'_>, doc: &Doc) -> Self {
        let block = context
            .view
            .referrers(doc.key(), Collection::Blocks, "item")
            .into_iter()
            .filter(|block| !block.flag("unblocked"))
            .min_by_key(|block| (block.time("created_at"), block.id()));
        let block = block.as_deref();
        Self {
            is_blocker: block.is_some(),
            blocker_user: context.user(block.and_then(|block| block.int("created_by"))),
            blocker_at: block.and_then(|block| context.date_of(block, "created_at")),
            is_bug: doc.collection() == Collection::Defects,
            is_draft: false,
            is_archived: doc.flag("archived"),
        }
    }
}

impl Stats {
    fn new(context: &Context<'_>, doc: &Doc) -> Self {
        let on = |children| context.view.count_referrers(doc.key(), children, "on");
        Self {
            votes: context.votes(doc.key()),
            fields: doc
                .get("fields")
                .as_map()
                .iter()
                .filter(|(_, value)| !value.is_null())
                .count(),
            time_trackers: on(Collection::TimeEntries),
            comments: derived::comment_count(context.view, doc.key()),
            checklists: 0,
            attachments: on(Collection::Attachments),
            subtasks: ITEMS
                .iter()
                .map(|items| context.view.count_referrers(doc.key(), *items, "parent"))
                .sum(),
            videos: on(Collection::Videos),
            checklist_percentage: None,
        }
    }
}

/// GitScrum's number for open and closed.
fn state(closed: bool) -> u8 {
    u8::from(closed)
}

fn effort(context: &Context<'_>, doc: &Doc) -> Option<Effort> {
    let points = derived::points(context.project(), doc.get("score"))?;
    let title = match doc.get("score") {
        Value::Text(name) => name.to_string(),
        // A number as people write it: "3", "2.5".
        _ => points.to_string(),
    };
    Some(Effort {
        title,
        effort: rounded(points),
    })
}

fn minutes(hours: Option<f64>) -> i64 {
    rounded(hours.unwrap_or_default() * 60.0)
}

/// The nearest whole number.
fn rounded(x: f64) -> i64 {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "hours and points are below 100,000"
    )]
    {
        x.round() as i64
    }
}

/// Whether who acts marked it as a favorite.
fn is_favorite(context: &Context<'_>, doc: &Doc) -> bool {
    context.actor.is_some_and(|actor| {
        context
            .view
            .referrers(doc.key(), Collection::Favorites, "on")
            .iter()
            .any(|favorite| favorite.int("created_by") == Some(actor))
    })
}

/// GitScrum's word for a member's role.
fn role(context: &Context<'_>, member: i64) -> Option<&'static str> {
    let person = context.view.person(member)?;
    match person.text("role") {
        "product_owner" => Some("owner"),
        "scrum_master" => Some("manager"),
        "team_member" => Some("member"),
        "stakeholder" => Some("client"),
        _ => None,
    }
}

/// The timer on it that runs longest.
fn running_timer(context: &Context<'_>, doc: &Doc) -> Option<std::sync::Arc<Doc>> {
    context
        .view
        .referrers(doc.key(), Collection::TimeEntries, "on")
        .into_iter()
        .filter(|timer| timer.flag("running"))
        .min_by_key(|timer| (timer.time("started_at"), timer.id()))
}
