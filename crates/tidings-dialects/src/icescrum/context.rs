//! Where payloads are built from: the objects, the base of links, midnight, and what is worked out once per message.

use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

use jiff::tz::TimeZone;
use tidings_domain::time::{self, Date};
use tidings_domain::{Collection, Doc, ObjectRef, Project, View};

use super::plan::Plan;
use crate::derived::{self, status};

/// The collections that iceScrum calls stories.
pub(super) const STORIES: &[Collection] = &[Collection::Stories, Collection::Defects];
/// The collections that iceScrum calls tasks.
pub(super) const TASKS: &[Collection] = &[Collection::Tasks, Collection::Tests];

/// What every payload is built from.
pub(super) struct Context<'a> {
    /// The objects.
    pub(super) view: &'a dyn View,
    /// Base of links, without a slash at the end.
    pub(super) base_url: &'a str,
    zone: TimeZone,
    plan: OnceCell<Plan>,
    /// The sprints' items: one message may show a sprint many times, and finding them is the dearest thing here.
    sprints: RefCell<BTreeMap<i64, Rc<Vec<Arc<Doc>>>>>,
}

impl<'a> Context<'a> {
    pub(super) fn new(view: &'a dyn View, server_url: &'a str) -> Self {
        let project = view.project();
        Self {
            view,
            base_url: project
                .base_url
                .as_deref()
                .unwrap_or(server_url)
                .trim_end_matches('/'),
            zone: TimeZone::get(&project.time_zone).unwrap_or(TimeZone::UTC),
            plan: OnceCell::new(),
            sprints: RefCell::default(),
        }
    }

    pub(super) fn project(&self) -> &'a Project {
        self.view.project()
    }

    /// Releases and sprints in their order.
    pub(super) fn plan(&self) -> &Plan {
        self.plan.get_or_init(|| Plan::of(self.view))
    }

    /// The link of an object; `id` is `57`, `T140` or `F4`.
    pub(super) fn permalink(&self, doc: &Doc, id: &str) -> String {
        let key = &self.project().key;
        derived::link(self.base_url, doc, || format!("/p/{key}-{id}"))
    }

    /// The first instant of a day in the project's time zone, in UTC.
    pub(super) fn midnight(&self, day: Date) -> String {
        let start = day.to_zoned(self.zone.clone()).map(|z| z.timestamp());
        start.map(time::show).unwrap_or_default()
    }

    /// The first and the last day of a release: without dates the day of its creation, for one day.
    pub(super) fn span(&self, release: &Doc) -> (Date, Date) {
        let start = release.date("start_date").unwrap_or_else(|| {
            let made = release.time("created_at").unwrap_or_default();
            self.zone.to_datetime(made).date()
        });
        (start, release.date("end_date").unwrap_or(start))
    }

    /// iceScrum's number for the status of a story or a defect.
    pub(super) fn story_state(&self, story: &Doc) -> i8 {
        status::of(self.project(), story.text("status")).story_state
    }

    /// iceScrum's number for the status of a task or a test.
    pub(super) fn task_state(&self, task: &Doc) -> i8 {
        status::of(self.project(), task.text("status")).task_state
    }

    /// When an item first came to a status that has one of these numbers.
    pub(super) fn reached(&self, item: &Doc, numbers: &[i8]) -> Option<String> {
        let dates = item.get("status_dates").as_map().iter();
        dates
            .filter(|(name, _)| numbers.contains(&status::of(self.project(), name).story_state))
            .filter_map(|(_, at)| time::parse(at.as_str()?))
            .min()
            .map(time::show)
    }

    /// The points of a score.
    pub(super) fn points(&self, item: &Doc) -> Option<f64> {
        derived::points(self.project(), item.get("score"))
    }

    /// The points of all of them.
    pub(super) fn sum<'d>(&self, items: impl IntoIterator<Item = &'d Arc<Doc>>) -> f64 {
        let points = items.into_iter().filter_map(|item| self.points(item));
        rounded(points.sum())
    }

    /// What is left to do on a task, in hours.
    pub(super) fn remaining(&self, task: &Doc) -> Option<f64> {
        task.number("remaining_hours").or_else(|| {
            if self.task_state(task) == super::task::DONE {
                return Some(0.0);
            }
            let tracked = derived::hours(derived::tracked_minutes(self.view, task.key()));
            let estimated = task.number("estimated_hours")?;
            Some(rounded(estimated - tracked).max(0.0))
        })
    }

    /// What is left to do on all of them.
    pub(super) fn remaining_of<'d>(&self, tasks: impl IntoIterator<Item = &'d Arc<Doc>>) -> f64 {
        let hours = tasks.into_iter().filter_map(|task| self.remaining(task));
        rounded(hours.sum())
    }

    /// The objects of several collections that refer to one object, by id.
    pub(super) fn referring(
        &self,
        to: ObjectRef,
        from: &[Collection],
        member: &str,
    ) -> Vec<Arc<Doc>> {
        let of = |from: &Collection| self.view.referrers(to, *from, member);
        let mut all: Vec<_> = from.iter().flat_map(of).collect();
        all.sort_by_key(|doc| (doc.id(), doc.collection()));
        all
    }

    /// How many comments an object has; replies count for what the first comment is on.
    pub(super) fn comments(&self, on: ObjectRef) -> usize {
        let (mut seen, mut open) = (BTreeSet::new(), vec![on]);
        while let Some(on) = open.pop() {
            for comment in self.view.referrers(on, Collection::Comments, "on") {
                if seen.insert(comment.id()) {
                    open.push(comment.key());
                }
            }
        }
        seen.len()
    }

    /// How many attachments an object has.
    pub(super) fn attachments(&self, on: ObjectRef) -> usize {
        self.view.count_referrers(on, Collection::Attachments, "on")
    }

    /// The items that are in a sprint, by themselves or by their parent story; by id.
    fn sprint_items(&self, sprint: ObjectRef) -> Rc<Vec<Arc<Doc>>> {
        if let Some(known) = self.sprints.borrow().get(&sprint.id) {
            return Rc::clone(known);
        }
        let items = &tidings_domain::collection::ITEMS;
        let mut found = self.referring(sprint, items, "sprint");
        let mut open: Vec<ObjectRef> = found
            .iter()
            .map(|item| item.key())
            .filter(|key| key.collection == Collection::Stories)
            .collect();
        // Below a story down to the next one; whatever a store holds, nothing is walked twice.
        let mut seen = BTreeSet::new();
        while let Some(parent) = open.pop() {
            for child in self.referring(parent, items, "parent") {
                if !seen.insert(child.key()) {
                    continue;
                }
                if child.collection() != Collection::Stories {
                    open.push(child.key());
                }
                if child.get("sprint").is_null() {
                    found.push(child);
                }
            }
        }
        found.sort_by_key(|doc| (doc.id(), doc.collection()));
        let found = Rc::new(found);
        let mut known = self.sprints.borrow_mut();
        known.insert(sprint.id, Rc::clone(&found));
        found
    }

    /// The stories of a sprint, by id.
    pub(super) fn sprint_stories(&self, sprint: ObjectRef) -> Vec<Arc<Doc>> {
        self.sprint_of(sprint, STORIES)
    }

    /// The tasks of a sprint, by id.
    pub(super) fn sprint_tasks(&self, sprint: ObjectRef) -> Vec<Arc<Doc>> {
        self.sprint_of(sprint, TASKS)
    }

    fn sprint_of(&self, sprint: ObjectRef, wanted: &[Collection]) -> Vec<Arc<Doc>> {
        let items = self.sprint_items(sprint);
        let wanted = items.iter().filter(|i| wanted.contains(&i.collection()));
        wanted.cloned().collect()
    }
}

/// Points and hours have two digits; sums of them too.
pub(super) fn rounded(x: f64) -> f64 {
    // The sum of nothing is -0; adding 0 makes it 0.
    (x * 100.0).round() / 100.0 + 0.0
}
