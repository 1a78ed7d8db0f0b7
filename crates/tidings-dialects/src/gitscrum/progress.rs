//! How far the tasks of a user story or a sprint are.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tidings_domain::value::number;
use tidings_domain::{Collection, Doc, ObjectRef, Value};

use super::parts::{Context, ISSUES};
use crate::derived::{self, status};

/// Sums over tasks, defects and tests.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// How many there are.
    pub(super) total: usize,
    /// How many of them are closed.
    pub(super) closed: usize,
    /// Who is assigned to any of them, each person once, in the order of the tasks.
    pub(super) assignees: Vec<i64>,
    points: f64,
    minutes: i64,
}

impl Progress {
    /// Of what has the story as its parent.
    pub(super) fn of_story(context: &Context<'_>, story: ObjectRef) -> Self {
        let children = |tasks: &Collection| context.view.referrers(story, *tasks, "parent");
        Self::of(
            context,
            &ISSUES.iter().flat_map(children).collect::<Vec<_>>(),
        )
    }

    /// Of what is in the sprint by itself or by its story.
    pub(super) fn of_sprint(context: &Context<'_>, sprint: ObjectRef) -> Self {
        let in_sprint = |items: Collection| context.view.referrers(sprint, items, "sprint");
        let mut tasks: BTreeMap<ObjectRef, Arc<Doc>> = ISSUES
            .iter()
            .flat_map(|tasks| in_sprint(*tasks))
            .map(|task| (task.key(), task))
            .collect();
        // A task below a task is still the story's, unless it names a sprint itself. The first seen wins, so loops end.
        let mut parents: Vec<ObjectRef> = in_sprint(Collection::Stories)
            .iter()
            .map(|story| story.key())
            .collect();
        let mut seen = BTreeSet::new();
        while let Some(parent) = parents.pop() {
            for child in ISSUES
                .iter()
                .flat_map(|tasks| context.view.referrers(parent, *tasks, "parent"))
            {
                if seen.insert(child.key()) {
                    parents.push(child.key());
                    if child.get("sprint").is_null() {
                        tasks.insert(child.key(), child);
                    }
                }
            }
        }
        Self::of(context, &tasks.into_values().collect::<Vec<_>>())
    }

    fn of(context: &Context<'_>, tasks: &[Arc<Doc>]) -> Self {
        let mut sum = Self {
            total: tasks.len(),
            ..Self::default()
        };
        for task in tasks {
            sum.closed += usize::from(status::closed(context.project(), task));
            sum.points += derived::points(context.project(), task.get("score")).unwrap_or_default();
            sum.minutes = sum
                .minutes
                .saturating_add(derived::tracked_minutes(context.view, task.key()));
            for member in task.ids("assignees") {
                if !sum.assignees.contains(&member) {
                    sum.assignees.push(member);
                }
            }
        }
        sum
    }

    /// 7 of 12 are 58; none of none are 0.
    pub(super) fn percentage(&self) -> usize {
        (200 * self.closed + self.total)
            .checked_div(2 * self.total)
            .unwrap_or_default()
    }

    /// Points, at most two decimals.
    pub(super) fn points(&self) -> Value {
        number((self.points * 100.0).round() / 100.0)
    }

    /// Hours, at most two decimals.
    pub(super) fn worked_hours(&self) -> Value {
        number(derived::hours(self.minutes))
    }
}

#[cfg(test)]
mod tests;
