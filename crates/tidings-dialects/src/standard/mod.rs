//! The standard dialect: every change in Tidings' own names, in the envelope of Standard Webhooks.
//!
//! An event type is the collection in the singular and the verb: `task.updated`. A message carries the object whole, as
//! `GET` shows it, so that a receiver that missed earlier ones still has the present state.

mod payload;

use std::sync::Arc;

use tidings_domain::{Collection, Doc, Value, Verb, What};

use crate::{About, Cause, Dialect, Message, ObjectScope, Phrase, Scope};

/// The dialect.
#[derive(Clone, Copy, Debug)]
pub struct Standard;

impl Dialect for Standard {
    fn name(&self) -> &'static str {
        "standard"
    }

    fn title(&self) -> &'static str {
        "Standard Webhooks"
    }

    fn description(&self) -> &'static str {
        "For new receivers: every change under Tidings' own names, with the object whole and its old and new values. Follows the \
         Standard Webhooks specification, whose libraries verify it in many languages."
    }

    fn exposes(&self) -> &'static str {
        "names, e-mail addresses, texts, comments and commit messages"
    }

    fn phrases(&self) -> &'static [Phrase] {
        PHRASES
    }

    fn object(&self, _scope: &ObjectScope<'_>, doc: &Arc<Doc>) -> Option<Vec<u8>> {
        Some(doc.to_json())
    }

    fn head(&self, _code: &str, say: &mut dyn FnMut(&'static str, &str)) {
        say("Content-Type", "application/json");
    }
}

/// Says a change whose verb is the one in the code.
fn say(scope: &Scope<'_>, phrase: &Phrase, out: &mut Vec<Message>) {
    let verb = phrase.code.split_once('.').map(|(_, verb)| verb);
    let Some(change) = scope.change() else { return };
    // An update that brought nothing but a comment is only that comment.
    let only_comment = change.changes.is_empty() && change.comment.is_some();
    let told = change.verb.as_str();
    if Some(told) == verb && !(change.verb == Verb::Updated && only_comment) {
        let body = payload::change(scope, phrase.code, change);
        out.push(phrase.message(change, body));
    }
}

/// Says a comment: posted by itself, or with an update of what it is on.
fn say_comment(scope: &Scope<'_>, phrase: &Phrase, out: &mut Vec<Message>) {
    let Some(change) = scope.change() else { return };
    if let (Verb::Updated, Some(comment)) = (change.verb, &change.comment) {
        let body = payload::comment(scope, phrase.code, change, comment);
        out.push(Message {
            code: phrase.code,
            body,
            about: About::Object(comment.key(), comment.sequence()),
            unless: None,
        });
    } else if change.object.collection() == Collection::Comments {
        say(scope, phrase, out);
    }
}

fn say_disabled(scope: &Scope<'_>, phrase: &Phrase, out: &mut Vec<Message>) {
    if let What::WebhookDisabled(disabled) = &scope.event.what {
        out.push(Message {
            code: phrase.code,
            body: payload::disabled(scope, phrase.code, disabled),
            about: About::Webhook(disabled.id.0),
            unless: None,
        });
    }
}

const fn cause(method: &'static str, path: &'static str, body: &'static str) -> Cause {
    Cause { method, path, body }
}

/// The rows: three for each collection, then those that only some have. The comments come last, because the message about a
/// comment follows the one about the update that brought it.
macro_rules! table {
    ($($collection:ident $singular:literal $path:literal $title:literal
        post $post:literal patch $patch:literal set $set:expr $(, comment $comment:literal)?;)*) => {
        static PHRASES: &[Phrase] = &[
            $(
                Phrase {
                    code: concat!($singular, ".created"),
                    name: concat!($title, " created"),
                    category: concat!($title, " events"),
                    object: $singular,
                    cause: cause("POST", $path, $post),
                    speaks_of: &[Collection::$collection],
                    sample: |stage| stage.created(Collection::$collection),
                    say,
                },
                Phrase {
                    code: concat!($singular, ".updated"),
                    name: concat!($title, " updated"),
                    category: concat!($title, " events"),
                    object: $singular,
                    cause: cause("PATCH", concat!($path, "/1"), $patch),
                    speaks_of: &[Collection::$collection],
                    sample: |stage| stage.updated(Collection::$collection, $set)$(.with_comment($comment))?,
                    say,
                },
                Phrase {
                    code: concat!($singular, ".deleted"),
                    name: concat!($title, " deleted"),
                    category: concat!($title, " events"),
                    object: $singular,
                    cause: cause("DELETE", concat!($path, "/1"), ""),
                    speaks_of: &[Collection::$collection],
                    sample: |stage| stage.deleted(Collection::$collection),
                    say,
                },
            )*
            moved!("story", "stories", "Story", Stories),
            moved!("task", "tasks", "Task", Tasks),
            moved!("defect", "defects", "Defect", Defects),
            moved!("test", "tests", "Test", Tests),
            timer!("started", "time-entries", r#"{"on": {"collection": "tasks", "id": 1}, "running": true}"#,
                |stage| stage.timer_started(Collection::Tasks)),
            timer!("stopped", "time-entries/1/stop", r#"{"note": "First version"}"#,
                |stage| stage.timer_stopped(Collection::Tasks)),
            timer!("cancelled", "time-entries/1/cancel", "",
                |stage| stage.timer_cancelled(Collection::Tasks)),
            Phrase {
                code: "comment.updated",
                name: "Comment updated",
                category: "Comment events",
                object: "comment",
                cause: cause("PATCH", "comments/1", r#"{"body": "Who can review this?"}"#),
                speaks_of: &[Collection::Comments],
                sample: |stage| {
                    stage.updated(Collection::Comments, [("body", "Who can review this?".into())])
                },
                say,
            },
            Phrase {
                code: "comment.deleted",
                name: "Comment deleted",
                category: "Comment events",
                object: "comment",
                cause: cause("DELETE", "comments/1", ""),
                speaks_of: &[Collection::Comments],
                sample: |stage| stage.deleted(Collection::Comments),
                say,
            },
            Phrase {
                code: "comment.notified",
                name: "People told about a comment",
                category: "Comment events",
                object: "comment",
                cause: cause("POST", "comments/1/notify", r#"{"members": [8]}"#),
                speaks_of: &[Collection::Comments],
                sample: |stage| stage.notified(Collection::Tasks, &[8]),
                say,
            },
            Phrase {
                code: "comment.created",
                name: "Comment created",
                category: "Comment events",
                object: "comment",
                cause: cause("POST", "comments",
                    r#"{"on": {"collection": "tasks", "id": 1}, "body": "Who reviews this?"}"#),
                speaks_of: tidings_domain::schema::COMMENTABLE,
                sample: |stage| stage.created(Collection::Comments),
                say: say_comment,
            },
            Phrase {
                code: "webhook.disabled",
                name: "Webhook disabled by the server",
                category: "Webhook events",
                object: "webhook",
                cause: cause("POST", "webhooks/1/test", r#"{"event": "webhook.disabled"}"#),
                speaks_of: &[],
                sample: |stage| stage.webhook_disabled(),
                say: say_disabled,
            },
        ];
    };
}

macro_rules! moved {
    ($singular:literal, $path:literal, $title:literal, $collection:ident) => {
        Phrase {
            code: concat!($singular, ".moved"),
            name: concat!($title, " moved to another project"),
            category: concat!($title, " events"),
            object: $singular,
            cause: cause("POST", concat!($path, "/1/move"), r#"{"project": "LH"}"#),
            speaks_of: &[Collection::$collection],
            sample: |stage| stage.moved(Collection::$collection),
            say,
        }
    };
}

macro_rules! timer {
    ($verb:literal, $path:literal, $body:expr, $sample:expr) => {
        Phrase {
            code: concat!("time_entry.", $verb),
            name: concat!("Timer ", $verb),
            category: "Time entry events",
            object: "time_entry",
            cause: cause("POST", $path, $body),
            speaks_of: &[Collection::TimeEntries],
            sample: $sample,
            say,
        }
    };
}

table! {
    Stories "story" "stories" "Story"
        post r#"{"title": "Book a berth"}"# patch r#"{"status": "In Progress", "score": 8}"#
        set [("status", "In Progress".into()), ("score", 8.into())];
    Tasks "task" "tasks" "Task"
        post r#"{"title": "Add rate limiter"}"#
        patch r#"{"column": "In Progress", "assignees": [7, 9], "comment": {"body": "Started."}}"#
        set [("column", "In Progress".into()), ("assignees", vec![7, 9].into())], comment "Started.";
    Defects "defect" "defects" "Defect"
        post r#"{"title": "Card is charged twice"}"#
        patch r#"{"status": "Resolved", "resolution": "Fixed", "fields": {"Browser": "Safari"}}"#
        set [
            ("status", "Resolved".into()),
            ("resolution", "Fixed".into()),
            ("fields", Value::Map(vec![("Browser".into(), "Safari".into())])),
        ];
    Tests "test" "tests" "Test"
        post r#"{"title": "Book from a phone"}"# patch r#"{"status": "Closed"}"#
        set [("status", "Closed".into())];
    Features "feature" "features" "Feature"
        post r#"{"name": "Booking API"}"# patch r#"{"done": true}"#
        set [("done", true.into())];
    AcceptanceTests "acceptance_test" "acceptance-tests" "Acceptance test"
        post r#"{"name": "A full harbour says so", "story": 1}"# patch r#"{"status": "success"}"#
        set [("status", "success".into())];
    Sprints "sprint" "sprints" "Sprint"
        post r#"{"name": "Sprint 3", "start_date": "2026-03-02", "end_date": "2026-03-16"}"#
        patch r#"{"status": "done"}"#
        set [("status", "done".into())];
    Releases "release" "releases" "Release"
        post r#"{"name": "Spring"}"# patch r#"{"end_date": "2026-04-06"}"#
        set [("end_date", "2026-04-06".into())];
    TimeEntries "time_entry" "time-entries" "Time entry"
        post r#"{"on": {"collection": "tasks", "id": 1}, "minutes": 30}"# patch r#"{"minutes": 45}"#
        set [("minutes", 45.into())];
    Attachments "attachment" "attachments" "Attachment"
        post r#"{"on": {"collection": "tasks", "id": 1}, "name": "limits.pdf"}"#
        patch r#"{"description": "Limits per partner"}"#
        set [("description", "Limits per partner".into())];
    Videos "video" "videos" "Video"
        post r#"{"on": {"collection": "tasks", "id": 1}, "url": "https://www.youtube.com/watch?v=a1b2c3d4e5f"}"#
        patch r#"{"title": "Token buckets"}"#
        set [("title", "Token buckets".into())];
    Favorites "favorite" "favorites" "Favorite"
        post r#"{"on": {"collection": "stories", "id": 1}}"#
        patch r#"{"external_id": "fav-1"}"#
        set [("external_id", "fav-1".into())];
    Blocks "block" "blocks" "Block"
        post r#"{"item": {"collection": "tasks", "id": 1}, "blocked": {"collection": "stories", "id": 1}}"#
        patch r#"{"unblocked": true}"#
        set [("unblocked", true.into())];
    Votes "vote" "votes" "Vote"
        post r#"{"on": {"collection": "stories", "id": 1}}"#
        patch r#"{"external_id": "vote-1"}"#
        set [("external_id", "vote-1".into())];
    Discussions "discussion" "discussions" "Discussion"
        post r#"{"title": "Which days do we deploy?"}"# patch r#"{"body": "Not on Mondays."}"#
        set [("body", "Not on Mondays.".into())];
    WikiPages "wiki_page" "wiki-pages" "Wiki page"
        post r#"{"name": "Deploying", "content": "1. Tag"}"# patch r#"{"content": "1. Tag\n2. Deploy"}"#
        set [("content", "1. Tag\n2. Deploy".into())];
    SharedFiles "shared_file" "shared-files" "Shared file"
        post r#"{"dir": "/specs/", "name": "berths.pdf", "size": 48213}"# patch r#"{"size": 50177}"#
        set [("size", 50_177.into())];
    Repositories "repository" "repositories" "Repository"
        post r#"{"name": "harbor-api"}"# patch r#"{"description": "The API"}"#
        set [("description", "The API".into())];
    Pushes "push" "pushes" "Push"
        post r#"{"repository": 1, "ref": "refs/heads/main", "revisions": [{"rev": "9b1c0d5e", "message": "x"}]}"#
        patch r#"{"url": "https://git.example.com/harbor-api/9b1c0d5e"}"#
        set [("url", "https://git.example.com/harbor-api/9b1c0d5e".into())];
    Commits "commit" "commits" "Commit"
        post r#"{"rev": 128, "message": "Count requests per partner"}"#
        patch r#"{"url": "https://svn.example.com/r128"}"#
        set [("url", "https://svn.example.com/r128".into())];
    PullRequests "pull_request" "pull-requests" "Pull request"
        post r#"{"repository": 1, "title": "Rate limiter", "base": "main", "branch": "limit/partners"}"#
        patch r#"{"status": "merged"}"#
        set [("status", "merged".into())];
    Teams "team" "teams" "Team"
        post r#"{"name": "Quay"}"# patch r#"{"members": [7, 8]}"#
        set [("members", vec![7, 8].into())];
    Meetings "meeting" "meetings" "Meeting"
        post r#"{"title": "Partner call"}"# patch r#"{"ends_at": "2026-03-03T10:00:00Z"}"#
        set [("ends_at", "2026-03-03T10:00:00Z".into())];
    Actors "actor" "actors" "Actor"
        post r#"{"name": "Visitor"}"# patch r#"{"name": "Guest"}"#
        set [("name", "Guest".into())];
    Members "member" "members" "Member"
        post r#"{"first_name": "Lin", "last_name": "Aldana"}"# patch r#"{"role": "scrum_master"}"#
        set [("role", "scrum_master".into())];
}

#[cfg(test)]
mod tests;
