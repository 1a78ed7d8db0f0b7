//! GitScrum: 26 codes, no signature, the code nowhere but in the receiver's choice of URL.
//!
//! Tasks, defects and tests are GitScrum's tasks (`issues.*`), stories its user stories, features its epics. What hangs on a
//! task is told by codes of its own; the same children of other objects are not told at all.
//!
//! One file per payload: `task`, `time_tracking`, `comment`, `attachment`, `video`, `user_story`, `sprint`, `vote`; `parts` is
//! what they share, `progress` the sums of user stories and sprints.

mod attachment;
mod comment;
mod parts;
mod progress;
mod sprint;
mod task;
mod time_tracking;
mod user_story;
mod video;
mod vote;

use std::sync::Arc;

use serde::Serialize;
use tidings_domain::schema::SetBy;
use tidings_domain::{Change, Collection, Doc, Value, Verb};

use self::attachment::Attachment;
use self::comment::Comment;
use self::parts::{Context, ISSUES};
use self::sprint::Sprint;
use self::task::Task;
use self::time_tracking::{Step, TimeTracking};
use self::user_story::{Epic, UserStory};
use self::video::Video;
use self::vote::Vote;
use crate::sample::{ACTOR, AT};
use crate::{About, Cause, Dialect, DialectOption, Message, ObjectScope, Phrase, Scope, json};

/// What GitScrum sends.
pub struct GitScrum;

const ENVELOPE: DialectOption = DialectOption {
    name: "envelope",
    values: &["bare", "data"],
    description: "GitScrum's pages show the object as the whole body (bare) and once as the member \"data\" of the body (data).",
};

impl Dialect for GitScrum {
    fn name(&self) -> &'static str {
        "gitscrum"
    }

    fn title(&self) -> &'static str {
        "GitScrum"
    }

    fn description(&self) -> &'static str {
        "For receivers written for GitScrum. Sends the full object of 26 events about tasks, their timers, comments, files and \
         videos, user stories, sprints and votes, with X-Header: GitScrum and without a signature of the vendor's. The body does \
         not name its event: use one URL per event, or read x-tidings-event."
    }

    fn exposes(&self) -> &'static str {
        "names and places of people, titles, descriptions and comments"
    }

    fn phrases(&self) -> &'static [Phrase] {
        PHRASES
    }

    fn object(&self, scope: &ObjectScope<'_>, doc: &Arc<Doc>) -> Option<Vec<u8>> {
        let context = Context::of_request(scope);
        let issue = || context.issue_of(doc);
        match doc.collection() {
            Collection::Tasks | Collection::Defects | Collection::Tests => {
                Some(json::php(&Task::new(&context, doc)))
            }
            Collection::Stories => Some(json::php(&UserStory::new(&context, doc))),
            Collection::Features => Some(json::php(&Epic::new(&context, doc, 0))),
            Collection::Sprints => Some(json::php(&Sprint::new(&context, doc))),
            Collection::Comments => Some(json::php(&Comment::new(&context, doc, &*issue()?))),
            Collection::Attachments => Some(json::php(&Attachment::new(&context, doc, &*issue()?))),
            Collection::Videos => Some(json::php(&Video::new(&context, doc, &*issue()?))),
            Collection::TimeEntries => {
                let step = Step::last(doc);
                Some(json::php(&TimeTracking::new(
                    &context,
                    doc,
                    &*issue()?,
                    step,
                )))
            }
            Collection::Votes => Vote::new(&context, doc, true).map(|shape| json::php(&shape)),
            Collection::Members => Some(json::php(&context.user_of(doc))),
            _ => None,
        }
    }

    fn head(&self, _code: &str, say: &mut dyn FnMut(&'static str, &str)) {
        say("Content-Type", "application/json");
        say("X-Header", "GitScrum");
        say("User-Agent", "GitScrum Webhook");
    }

    fn options(&self) -> &'static [DialectOption] {
        &[ENVELOPE]
    }
}

const TASK: &str = "Task Events";
const TIME: &str = "Time Tracking Events";
const MEDIA: &str = "Comments & Media Events";
const STORY: &str = "User Story Events";
const SPRINT: &str = "Sprint Events";
const OTHER: &str = "Other Events";

/// A comment comes alone, or with the update of a task.
const COMMENTED: &[Collection] = &[
    Collection::Comments,
    Collection::Tasks,
    Collection::Defects,
    Collection::Tests,
];

/// The vendor's order, but for `issues.update`: an update's messages go out as column, people, the rest, comment.
static PHRASES: &[Phrase] = &[
    Phrase {
        code: "issues.store",
        name: "Task created",
        category: TASK,
        object: "task",
        cause: cause("POST", "tasks", r#"{"title": "Add rate limiter"}"#),
        sample: |stage| stage.created(Collection::Tasks),
        speaks_of: ISSUES,
        say: |scope, phrase, out| issue(scope, phrase, out, |c| verb(c, Verb::Created)),
    },
    Phrase {
        code: "issues.move.board",
        name: "Task moved between board columns",
        category: TASK,
        object: "task",
        cause: cause("PATCH", "tasks/42", r#"{"column": "Done"}"#),
        sample: |stage| {
            let done = [
                ("column", "Done".into()),
                ("completed_at", AT.into()),
                ("completed_by", ACTOR.into()),
            ];
            stage.updated(Collection::Tasks, done)
        },
        speaks_of: ISSUES,
        say: |scope, phrase, out| issue(scope, phrase, out, columns_changed),
    },
    Phrase {
        code: "issues.assignees.store",
        name: "Assignee added to task",
        category: TASK,
        object: "task",
        cause: cause("PATCH", "tasks/42", r#"{"assignees": [7, 9]}"#),
        sample: |stage| stage.updated(Collection::Tasks, [("assignees", vec![7, 9].into())]),
        speaks_of: ISSUES,
        say: |scope, phrase, out| issue(scope, phrase, out, assignees_added),
    },
    Phrase {
        code: "issues.assignees.destroy",
        name: "Assignee removed from task",
        category: TASK,
        object: "task",
        cause: cause("PATCH", "tasks/42", r#"{"assignees": []}"#),
        sample: |stage| stage.updated(Collection::Tasks, [("assignees", Value::List(Vec::new()))]),
        speaks_of: ISSUES,
        say: |scope, phrase, out| issue(scope, phrase, out, assignees_removed),
    },
    Phrase {
        code: "issues.update",
        name: "Task updated",
        category: TASK,
        object: "task",
        cause: cause("PATCH", "tasks/42", r#"{"title": "Add a rate limiter"}"#),
        sample: |stage| stage.updated(Collection::Tasks, [("title", "Add a rate limiter".into())]),
        speaks_of: ISSUES,
        say: |scope, phrase, out| issue(scope, phrase, out, rest_changed),
    },
    Phrase {
        code: "issues.destroy",
        name: "Task deleted",
        category: TASK,
        object: "task",
        cause: cause("DELETE", "tasks/42", ""),
        sample: |stage| stage.deleted(Collection::Tasks),
        speaks_of: ISSUES,
        say: |scope, phrase, out| issue(scope, phrase, out, |c| verb(c, Verb::Deleted)),
    },
    Phrase {
        code: "issues.move.project",
        name: "Task moved to another project",
        category: TASK,
        object: "task",
        cause: cause("POST", "tasks/42/move", r#"{"project": "LH"}"#),
        sample: |stage| stage.moved(Collection::Tasks),
        speaks_of: ISSUES,
        say: |scope, phrase, out| issue(scope, phrase, out, |c| verb(c, Verb::Moved)),
    },
    Phrase {
        code: "time-tracking.issues.start",
        name: "Timer started",
        category: TIME,
        object: "time entry",
        cause: cause(
            "POST",
            "time-entries",
            r#"{"on": {"collection": "tasks", "id": 42}, "running": true}"#,
        ),
        sample: |stage| stage.timer_started(Collection::Tasks),
        speaks_of: &[Collection::TimeEntries],
        say: |scope, phrase, out| time_entry(scope, phrase, out, Step::Start),
    },
    Phrase {
        code: "time-tracking.issues.stop",
        name: "Timer stopped",
        category: TIME,
        object: "time entry",
        cause: cause(
            "POST",
            "time-entries/610/stop",
            r#"{"note": "First version"}"#,
        ),
        sample: |stage| stage.timer_stopped(Collection::Tasks),
        speaks_of: &[Collection::TimeEntries],
        say: |scope, phrase, out| time_entry(scope, phrase, out, Step::Stop),
    },
    Phrase {
        code: "time-tracking.issues.cancel",
        name: "Timer cancelled",
        category: TIME,
        object: "time entry",
        cause: cause("POST", "time-entries/610/cancel", ""),
        sample: |stage| stage.timer_cancelled(Collection::Tasks),
        speaks_of: &[Collection::TimeEntries],
        say: |scope, phrase, out| time_entry(scope, phrase, out, Step::Cancel),
    },
    Phrase {
        code: "time-tracking.issues.destroy",
        name: "Time entry deleted",
        category: TIME,
        object: "time entry",
        cause: cause("DELETE", "time-entries/610", ""),
        sample: |stage| stage.deleted(Collection::TimeEntries),
        speaks_of: &[Collection::TimeEntries],
        say: |scope, phrase, out| time_entry(scope, phrase, out, Step::Destroy),
    },
    Phrase {
        code: "time-tracking.issues.store",
        name: "Manual time entry created",
        category: TIME,
        object: "time entry",
        cause: cause(
            "POST",
            "time-entries",
            r#"{"on": {"collection": "tasks", "id": 42}, "minutes": 30}"#,
        ),
        sample: |stage| stage.created(Collection::TimeEntries),
        speaks_of: &[Collection::TimeEntries],
        say: |scope, phrase, out| time_entry(scope, phrase, out, Step::Store),
    },
    Phrase {
        code: "comments.issues.store",
        name: "Comment created",
        category: MEDIA,
        object: "comment",
        cause: cause(
            "POST",
            "comments",
            r#"{"on": {"collection": "tasks", "id": 42}, "body": "Who reviews this?"}"#,
        ),
        sample: |stage| stage.created(Collection::Comments),
        speaks_of: COMMENTED,
        say: comment_stored,
    },
    Phrase {
        code: "comments.issues.destroy",
        name: "Comment deleted",
        category: MEDIA,
        object: "comment",
        cause: cause("DELETE", "comments/901", ""),
        sample: |stage| stage.deleted(Collection::Comments),
        speaks_of: &[Collection::Comments],
        say: |scope, phrase, out| child(scope, phrase, out, Verb::Deleted, Comment::new),
    },
    Phrase {
        code: "attachments.issues.store",
        name: "Attachment added",
        category: MEDIA,
        object: "attachment",
        cause: cause(
            "POST",
            "attachments",
            r#"{"on": {"collection": "tasks", "id": 42}, "name": "limits.pdf", "size": 48213, "media_type": "application/pdf"}"#,
        ),
        sample: |stage| stage.created(Collection::Attachments),
        speaks_of: &[Collection::Attachments],
        say: |scope, phrase, out| child(scope, phrase, out, Verb::Created, Attachment::new),
    },
    Phrase {
        code: "attachments.issues.destroy",
        name: "Attachment removed",
        category: MEDIA,
        object: "attachment",
        cause: cause("DELETE", "attachments/310", ""),
        sample: |stage| stage.deleted(Collection::Attachments),
        speaks_of: &[Collection::Attachments],
        say: |scope, phrase, out| child(scope, phrase, out, Verb::Deleted, Attachment::new),
    },
    Phrase {
        code: "videos.issues.store",
        name: "Video added",
        category: MEDIA,
        object: "video",
        cause: cause(
            "POST",
            "videos",
            r#"{"on": {"collection": "tasks", "id": 42}, "url": "https://www.youtube.com/watch?v=a1b2c3d4e5f"}"#,
        ),
        sample: |stage| stage.created(Collection::Videos),
        speaks_of: &[Collection::Videos],
        say: |scope, phrase, out| child(scope, phrase, out, Verb::Created, Video::new),
    },
    Phrase {
        code: "videos.issues.destroy",
        name: "Video removed",
        category: MEDIA,
        object: "video",
        cause: cause("DELETE", "videos/330", ""),
        sample: |stage| stage.deleted(Collection::Videos),
        speaks_of: &[Collection::Videos],
        say: |scope, phrase, out| child(scope, phrase, out, Verb::Deleted, Video::new),
    },
    Phrase {
        code: "user-stories.store",
        name: "User story created",
        category: STORY,
        object: "user story",
        cause: cause("POST", "stories", r#"{"title": "Book a berth by API"}"#),
        sample: |stage| stage.created(Collection::Stories),
        speaks_of: &[Collection::Stories],
        say: |scope, phrase, out| story(scope, phrase, out, |v| v == Verb::Created),
    },
    Phrase {
        code: "user-stories.update",
        name: "User story updated",
        category: STORY,
        object: "user story",
        cause: cause("PATCH", "stories/12", r#"{"score": 8}"#),
        sample: |stage| stage.updated(Collection::Stories, [("score", 8.into())]),
        speaks_of: &[Collection::Stories],
        say: |scope, phrase, out| story(scope, phrase, out, |v| v == Verb::Updated),
    },
    Phrase {
        code: "user-stories.vote",
        name: "User story voted",
        category: STORY,
        object: "vote",
        cause: cause(
            "POST",
            "votes",
            r#"{"on": {"collection": "stories", "id": 12}}"#,
        ),
        sample: |stage| stage.created(Collection::Votes),
        speaks_of: &[Collection::Votes],
        say: |scope, phrase, out| vote(scope, phrase, out, Collection::Stories),
    },
    Phrase {
        code: "user-stories.destroy",
        name: "User story deleted",
        category: STORY,
        object: "user story",
        cause: cause("DELETE", "stories/12", ""),
        sample: |stage| stage.deleted(Collection::Stories),
        speaks_of: &[Collection::Stories],
        // GitScrum has no word for a user story that went to another project: in this one it is gone.
        say: |scope, phrase, out| {
            story(scope, phrase, out, |v| {
                matches!(v, Verb::Deleted | Verb::Moved)
            });
        },
    },
    Phrase {
        code: "sprints.store",
        name: "Sprint created",
        category: SPRINT,
        object: "sprint",
        cause: cause(
            "POST",
            "sprints",
            r#"{"name": "Sprint 3", "start_date": "2026-03-02", "end_date": "2026-03-16"}"#,
        ),
        sample: |stage| stage.created(Collection::Sprints),
        speaks_of: &[Collection::Sprints],
        say: |scope, phrase, out| sprint(scope, phrase, out, Verb::Created),
    },
    Phrase {
        code: "sprints.update",
        name: "Sprint updated",
        category: SPRINT,
        object: "sprint",
        cause: cause("PATCH", "sprints/3", r#"{"status": "done"}"#),
        sample: |stage| {
            stage.updated(
                Collection::Sprints,
                [("status", "done".into()), ("closed_at", AT.into())],
            )
        },
        speaks_of: &[Collection::Sprints],
        say: |scope, phrase, out| sprint(scope, phrase, out, Verb::Updated),
    },
    Phrase {
        code: "sprints.destroy",
        name: "Sprint deleted",
        category: SPRINT,
        object: "sprint",
        cause: cause("DELETE", "sprints/3", ""),
        sample: |stage| stage.deleted(Collection::Sprints),
        speaks_of: &[Collection::Sprints],
        say: |scope, phrase, out| sprint(scope, phrase, out, Verb::Deleted),
    },
    Phrase {
        code: "discussions.vote",
        name: "Discussion voted",
        category: OTHER,
        object: "vote",
        cause: cause(
            "POST",
            "votes",
            r#"{"on": {"collection": "discussions", "id": 14}}"#,
        ),
        sample: |stage| stage.created_on(Collection::Votes, Collection::Discussions),
        speaks_of: &[Collection::Votes],
        say: |scope, phrase, out| vote(scope, phrase, out, Collection::Discussions),
    },
];

const fn cause(method: &'static str, path: &'static str, body: &'static str) -> Cause {
    Cause { method, path, body }
}

fn verb(change: &Change, wanted: Verb) -> usize {
    usize::from(change.verb == wanted)
}

fn columns_changed(change: &Change) -> usize {
    usize::from(change.verb == Verb::Updated && change.changed("column").is_some())
}

fn assignees_added(change: &Change) -> usize {
    let people = change
        .changed("assignees")
        .filter(|_| change.verb == Verb::Updated);
    people.map_or(0, |people| people.added().len())
}

fn assignees_removed(change: &Change) -> usize {
    let people = change
        .changed("assignees")
        .filter(|_| change.verb == Verb::Updated);
    people.map_or(0, |people| people.removed().len())
}

/// Anything but column and assignees, which have codes of their own.
fn rest_changed(change: &Change) -> usize {
    if change.verb != Verb::Updated {
        return 0;
    }
    let own_code = |member: &str| matches!(member, "column" | "assignees");
    // A card that reaches the last column gets its date of completion by that: still a pure move.
    let follows = change.changed("column").is_some();
    let rest = change
        .changes
        .iter()
        .filter(|c| !own_code(&c.member))
        .any(|c| {
            let member = change.object.schema().member(&c.member);
            !(follows && member.is_some_and(|m| m.set_by == SetBy::Import))
        });
    usize::from(rest)
}

/// Says the task as often as `times` counts.
fn issue(scope: &Scope<'_>, phrase: &Phrase, out: &mut Vec<Message>, times: fn(&Change) -> usize) {
    let Some(change) = scope.change() else { return };
    let times = times(change);
    if times > 0 {
        let context = Context::of_event(scope);
        let task = Task::new(&context, &change.object);
        let said = message(scope, phrase, &change.object, &task);
        out.extend(std::iter::repeat_n(said, times));
    }
}

fn time_entry(scope: &Scope<'_>, phrase: &Phrase, out: &mut Vec<Message>, step: Step) {
    child(scope, phrase, out, step.verb(), |context, entry, issue| {
        TimeTracking::new(context, entry, issue, step)
    });
}

/// A comment of its own, or one that came with the update of a task.
fn comment_stored(scope: &Scope<'_>, phrase: &Phrase, out: &mut Vec<Message>) {
    let Some(change) = scope.change() else { return };
    if change.object.collection() == Collection::Comments {
        child(scope, phrase, out, Verb::Created, Comment::new);
    } else if let Some(comment) = &change.comment {
        let context = Context::of_event(scope);
        let shape = Comment::new(&context, comment, &change.object);
        out.push(message(scope, phrase, comment, &shape));
    }
}

/// Says what was done to something that is on a task; silent about what is on anything else.
fn child<P: Serialize>(
    scope: &Scope<'_>,
    phrase: &Phrase,
    out: &mut Vec<Message>,
    verb: Verb,
    shape: impl Fn(&Context<'_>, &Doc, &Doc) -> P,
) {
    let Some(change) = scope.change().filter(|c| c.verb == verb) else {
        return;
    };
    let context = Context::of_event(scope);
    if let Some(issue) = context.issue_of(&change.object) {
        let shape = shape(&context, &change.object, &issue);
        out.push(message(scope, phrase, &change.object, &shape));
    }
}

fn story(scope: &Scope<'_>, phrase: &Phrase, out: &mut Vec<Message>, wanted: fn(Verb) -> bool) {
    let Some(change) = scope.change().filter(|c| wanted(c.verb)) else {
        return;
    };
    let shape = UserStory::new(&Context::of_event(scope), &change.object);
    out.push(message(scope, phrase, &change.object, &shape));
}

fn sprint(scope: &Scope<'_>, phrase: &Phrase, out: &mut Vec<Message>, verb: Verb) {
    let Some(change) = scope.change().filter(|c| c.verb == verb) else {
        return;
    };
    let shape = Sprint::new(&Context::of_event(scope), &change.object);
    out.push(message(scope, phrase, &change.object, &shape));
}

/// A vote on something in `on`, or one withdrawn.
fn vote(scope: &Scope<'_>, phrase: &Phrase, out: &mut Vec<Message>, on: Collection) {
    let Some(change) = scope.change() else { return };
    let vote = &change.object;
    let voted = match change.verb {
        Verb::Created => true,
        Verb::Deleted => false,
        _ => return,
    };
    if vote.reference("on").is_some_and(|to| to.collection == on)
        && let Some(shape) = Vote::new(&Context::of_event(scope), vote, voted)
    {
        out.push(message(scope, phrase, vote, &shape));
    }
}

#[derive(Serialize)]
struct Envelope<'a, P> {
    data: &'a P,
}

fn message(scope: &Scope<'_>, phrase: &Phrase, doc: &Doc, payload: &impl Serialize) -> Message {
    let envelope = scope.options.member(ENVELOPE.name);
    let body = if envelope.and_then(|choice| choice.as_str()) == Some("data") {
        json::php(&Envelope { data: payload })
    } else {
        json::php(payload)
    };
    Message {
        code: phrase.code,
        body,
        about: About::Object(doc.key(), doc.sequence()),
        unless: None,
    }
}

#[cfg(test)]
mod tests;
