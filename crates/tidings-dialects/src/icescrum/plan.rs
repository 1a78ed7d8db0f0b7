//! Releases and their sprints in the order of their days, and what that order allows.

use std::sync::Arc;

use tidings_domain::{Collection, Doc, View};

/// A release with its sprints.
struct Part {
    release: Arc<Doc>,
    sprints: Vec<Arc<Doc>>,
}

/// All releases with their sprints, and the sprints that have no release.
pub(super) struct Plan {
    parts: Vec<Part>,
    loose: Vec<Arc<Doc>>,
}

/// Where a sprint is in the plan.
pub(super) struct Place<'p> {
    /// Its release.
    pub(super) release: Option<&'p Arc<Doc>>,
    /// The place in its release, from 1.
    pub(super) order: usize,
    /// The place over all releases, from 1.
    pub(super) index: usize,
    /// The next sprint: in the release, else the first of the next release.
    pub(super) next: Option<&'p Arc<Doc>>,
    /// Whether it can be started.
    pub(super) activable: bool,
    /// Whether it can be opened again.
    pub(super) reactivable: bool,
}

/// Where a release is in the plan.
pub(super) struct ReleasePlace {
    /// The place, from 1.
    pub(super) order: usize,
    /// The index of its first sprint.
    pub(super) first_sprint: usize,
    /// How many sprints it has.
    pub(super) sprints: usize,
    /// Whether it can be closed.
    pub(super) closable: bool,
    /// Whether it can be started.
    pub(super) activable: bool,
    /// Whether it can be opened again.
    pub(super) reactivable: bool,
}

fn is(doc: &Doc, status: &str) -> bool {
    doc.text("status") == status
}

fn by_day(docs: &mut [Arc<Doc>]) {
    docs.sort_by_key(|doc| {
        let day = doc.date("start_date");
        (day.is_none(), day, doc.id())
    });
}

impl Plan {
    pub(super) fn of(view: &dyn View) -> Self {
        let mut releases = view.all(Collection::Releases);
        by_day(&mut releases);
        let part = |release| Part {
            release,
            sprints: Vec::new(),
        };
        let mut parts: Vec<Part> = releases.into_iter().map(part).collect();
        let mut loose = Vec::new();
        let mut sprints = view.all(Collection::Sprints);
        by_day(&mut sprints);
        for sprint in sprints {
            let release = sprint.int("release");
            let mut parts = parts.iter_mut();
            match parts.find(|part| Some(part.release.id()) == release) {
                Some(part) => part.sprints.push(sprint),
                None => loose.push(sprint),
            }
        }
        Self { parts, loose }
    }

    /// Where a sprint is. A sprint that the plan does not know stands alone.
    pub(super) fn sprint(&self, id: i64) -> Place<'_> {
        for (at, part) in self.parts.iter().enumerate() {
            let Some(position) = part.sprints.iter().position(|s| s.id() == id) else {
                continue;
            };
            let following = || self.parts.get(at + 1).and_then(|p| p.sprints.first());
            let next = part.sprints.get(position + 1).or_else(following);
            let before = position
                .checked_sub(1)
                .and_then(|before| part.sprints.get(before));
            let started = is(&part.release, "doing");
            let own = part.sprints.get(position);
            let own_is = |status| own.is_some_and(|sprint| is(sprint, status));
            return Place {
                release: Some(&part.release),
                order: position + 1,
                index: self.first_sprint(at) + position,
                next,
                activable: own_is("todo")
                    && (started || self.activable(at))
                    && before.is_none_or(|sprint| is(sprint, "done")),
                reactivable: own_is("done")
                    && started
                    && next.is_none_or(|sprint| is(sprint, "todo")),
            };
        }
        let position = self.loose.iter().position(|s| s.id() == id);
        Place {
            release: None,
            order: position.unwrap_or_default() + 1,
            index: position.unwrap_or_default() + 1,
            next: position.and_then(|at| self.loose.get(at + 1)),
            // Only a release makes its sprints go.
            activable: false,
            reactivable: false,
        }
    }

    /// Where a release is.
    pub(super) fn release(&self, id: i64) -> ReleasePlace {
        let position = self.parts.iter().position(|p| p.release.id() == id);
        let at = position.unwrap_or(self.parts.len());
        let part = self.parts.get(at);
        let next = self.parts.get(at + 1);
        ReleasePlace {
            order: at + 1,
            first_sprint: self.first_sprint(at),
            sprints: part.map_or(0, |p| p.sprints.len()),
            closable: part.is_some_and(Part::closable),
            activable: self.activable(at),
            reactivable: part.is_some_and(|p| is(&p.release, "done"))
                && next.is_none_or(|p| is(&p.release, "todo")),
        }
    }

    fn first_sprint(&self, at: usize) -> usize {
        let earlier = self.parts.iter().take(at);
        1 + earlier.map(|p| p.sprints.len()).sum::<usize>()
    }

    fn activable(&self, at: usize) -> bool {
        let before = at.checked_sub(1).and_then(|before| self.parts.get(before));
        self.parts.get(at).is_some_and(|p| is(&p.release, "todo"))
            && before.is_none_or(|p| is(&p.release, "done") || p.closable())
    }
}

impl Part {
    fn closable(&self) -> bool {
        is(&self.release, "doing") && self.sprints.last().is_none_or(|s| is(s, "done"))
    }
}
