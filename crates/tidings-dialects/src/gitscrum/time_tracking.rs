//! `time-tracking.issues.*`: a compact record of its own, no resource. What took how long is never sent.

use serde::Serialize;
use tidings_domain::{Doc, Verb};

use super::parts::{Context, User};

/// A timer or a manual entry.
#[derive(Serialize)]
pub(super) struct TimeTracking {
    uuid: i64,
    task: Task,
    user: Option<User>,
    comment: Option<String>,
    status: &'static str,
    time: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    auto_assigned: Option<bool>,
}

#[derive(Serialize)]
struct Task {
    uuid: String,
}

/// What was done to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// A timer was started.
    Start,
    /// A timer was stopped and its time kept.
    Stop,
    /// A timer was thrown away.
    Cancel,
    /// An entry was written by hand.
    Store,
    /// An entry was deleted.
    Destroy,
}

impl Step {
    /// What Tidings calls it.
    pub(super) fn verb(self) -> Verb {
        match self {
            Step::Start => Verb::Started,
            Step::Stop => Verb::Stopped,
            Step::Cancel => Verb::Cancelled,
            Step::Store => Verb::Created,
            Step::Destroy => Verb::Deleted,
        }
    }

    /// The last thing that was done to an entry that is there.
    pub(super) fn last(entry: &Doc) -> Self {
        if entry.flag("running") {
            Step::Start
        } else if entry.time("stopped_at").is_some() {
            Step::Stop
        } else {
            Step::Store
        }
    }
}

impl TimeTracking {
    /// An entry on `issue` and what was done to it.
    pub(super) fn new(context: &Context<'_>, entry: &Doc, issue: &Doc, step: Step) -> Self {
        let note = || entry.opt_text("note").map(str::to_owned);
        let (status, time, comment) = match step {
            Step::Start => ("start", entry.time("started_at"), None),
            Step::Stop => ("stop", entry.time("stopped_at"), note()),
            Step::Cancel => ("cancel", Some(context.at), None),
            // "create" is the vendor's word; "delete" is ours by analogy, for no page shows it.
            Step::Store => ("create", None, note()),
            Step::Destroy => ("delete", None, None),
        };
        Self {
            uuid: entry.id(),
            task: Task {
                uuid: context.uuid(issue),
            },
            user: context.user(entry.int("member")),
            comment,
            status,
            time: time.map(|time| context.clock_time(time)),
            auto_assigned: (step == Step::Start).then(|| entry.flag("auto_assigned")),
        }
    }
}
