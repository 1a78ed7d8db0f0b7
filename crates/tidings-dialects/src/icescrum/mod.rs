//! iceScrum: the 38 codes of a project's webhooks, each with the full object as iceScrum's REST API shows it.
//!
//! The code is only in a header; there is no envelope. Stories and defects are its stories, tasks and tests its tasks. A
//! change of state is told under its own code *instead of* the update's to those who selected both. `docs/dialects/icescrum.md`
//! says what the vendor says and what was chosen here.

mod acceptance_test;
mod actor;
mod before;
mod comment;
mod context;
mod feature;
mod meeting;
mod plan;
mod release;
mod short;
mod sprint;
mod story;
mod task;
mod user;

use std::sync::Arc;

use tidings_domain::{Change, Collection, Doc, Value, Verb, View};

use self::before::Before;
use self::context::{Context, STORIES, TASKS};
use crate::sample::{AT, Sample, Stage};
use crate::{About, Cause, Dialect, Message, ObjectScope, Phrase, Scope, derived, json, signature};

/// The dialect.
#[derive(Clone, Copy, Debug)]
pub struct IceScrum;

/// The selection "stories": iceScrum's default.
const STORY_CODES: &[&str] = &[
    "story.create",
    "story.update",
    "story.delete",
    "story.state",
];

impl Dialect for IceScrum {
    fn name(&self) -> &'static str {
        "icescrum"
    }

    fn title(&self) -> &'static str {
        "iceScrum"
    }

    fn description(&self) -> &'static str {
        "For receivers written for iceScrum. Sends the full story, task, feature, acceptance test, sprint, release, actor, \
         meeting or comment, with the code in x-icescrum-event. A webhook is disabled after five failures in a row, unless \
         the server says otherwise."
    }

    fn exposes(&self) -> &'static str {
        "names, titles, descriptions and comments, and the e-mail addresses of those who comment"
    }

    fn phrases(&self) -> &'static [Phrase] {
        PHRASES
    }

    fn object(&self, scope: &ObjectScope<'_>, doc: &Arc<Doc>) -> Option<Vec<u8>> {
        body(&Context::new(scope.view, scope.server_url), doc)
    }

    fn head(&self, code: &str, say: &mut dyn FnMut(&'static str, &str)) {
        say("x-icescrum-event", code);
        say("Content-Type", "application/json");
    }

    fn signature(&self, secret: &str, body: &[u8]) -> Option<(&'static str, String)> {
        Some(("x-icescrum-signature", signature::sha1(secret, body)))
    }

    fn signature_words(&self) -> Option<&'static str> {
        Some(
            "the lower-case hex HMAC-SHA1 of the body's bytes as they came, keyed with the UTF-8 of the whole secret",
        )
    }

    fn story_codes(&self) -> &'static [&'static str] {
        STORY_CODES
    }

    fn has_failure_limit(&self) -> bool {
        true
    }
}

/// An object as iceScrum shows it; `None` for what iceScrum does not know.
fn body(context: &Context<'_>, doc: &Doc) -> Option<Vec<u8>> {
    Some(match doc.collection() {
        Collection::Stories | Collection::Defects => json::grails(&story::Story::new(context, doc)),
        Collection::Tasks | Collection::Tests => json::grails(&task::Task::new(context, doc)),
        Collection::Features => json::grails(&feature::Feature::new(context, doc)),
        Collection::AcceptanceTests => {
            json::grails(&acceptance_test::AcceptanceTest::new(context, doc))
        }
        Collection::Sprints => json::grails(&sprint::Sprint::new(context, doc)),
        Collection::Releases => json::grails(&release::Release::new(context, doc)),
        Collection::Comments => json::grails(&comment::Comment::new(context, doc)?),
        Collection::Actors => json::grails(&actor::Actor::new(context, doc)),
        Collection::Meetings => json::grails(&meeting::Meeting::new(context, doc)),
        Collection::Members => json::grails(&user::User::new(context, doc)),
        _ => return None,
    })
}

/// iceScrum's number for the state of an object; `None` where it has none.
fn state(context: &Context<'_>, doc: &Doc) -> Option<i16> {
    Some(match doc.collection() {
        Collection::Stories | Collection::Defects => context.story_state(doc).into(),
        Collection::Tasks | Collection::Tests => context.task_state(doc).into(),
        Collection::AcceptanceTests => acceptance_test::state(doc).into(),
        Collection::Sprints | Collection::Releases => short::progress(doc).into(),
        _ => return None,
    })
}

/// The code for a change of state.
fn state_code(collection: Collection) -> Option<&'static str> {
    match collection {
        Collection::Stories | Collection::Defects => Some("story.state"),
        Collection::Tasks | Collection::Tests => Some("task.state"),
        Collection::AcceptanceTests => Some("acceptanceTest.state"),
        Collection::Sprints => Some("sprint.state"),
        Collection::Releases => Some("release.state"),
        _ => None,
    }
}

fn changed_state(context: &Context<'_>, change: &Change) -> bool {
    let before = change.before.as_ref();
    before.is_some_and(|before| state(context, before) != state(context, &change.object))
}

/// An update that brought nothing but a comment is only that comment.
fn is_update(change: &Change) -> bool {
    change.verb == Verb::Updated && !(change.changes.is_empty() && change.comment.is_some())
}

fn say_create(scope: &Scope<'_>, phrase: &Phrase, out: &mut Vec<Message>) {
    let Some(change) = scope.change() else { return };
    if change.verb == Verb::Created {
        let body = body(&Context::new(scope.view, scope.server_url), &change.object);
        out.extend(body.map(|body| phrase.message(change, body)));
    }
}

fn say_update(scope: &Scope<'_>, phrase: &Phrase, out: &mut Vec<Message>) {
    let Some(change) = scope.change().filter(|change| is_update(change)) else {
        return;
    };
    let context = Context::new(scope.view, scope.server_url);
    let instead = state_code(change.object.collection());
    let unless = instead.filter(|_| changed_state(&context, change));
    let message = |body| Message {
        unless,
        ..phrase.message(change, body)
    };
    out.extend(body(&context, &change.object).map(message));
}

fn say_state(scope: &Scope<'_>, phrase: &Phrase, out: &mut Vec<Message>) {
    let Some(change) = scope.change().filter(|change| is_update(change)) else {
        return;
    };
    let context = Context::new(scope.view, scope.server_url);
    if changed_state(&context, change) {
        let body = body(&context, &change.object);
        out.extend(body.map(|body| phrase.message(change, body)));
    }
}

/// Says a deletion, or that an item went to another project: the object as it was.
fn say_delete(scope: &Scope<'_>, phrase: &Phrase, out: &mut Vec<Message>) {
    let Some(change) = scope.change() else { return };
    if matches!(change.verb, Verb::Deleted | Verb::Moved) {
        out.extend(last(scope, &change.object).map(|body| phrase.message(change, body)));
    }
}

/// An object that is gone as it was just before.
fn last(scope: &Scope<'_>, gone: &Arc<Doc>) -> Option<Vec<u8>> {
    let before = Before {
        view: scope.view,
        gone,
    };
    body(&Context::new(&before, scope.server_url), gone)
}

/// Says a comment: posted by itself, or with an update of what it is on.
fn say_added_comment(scope: &Scope<'_>, phrase: &Phrase, out: &mut Vec<Message>) {
    let Some(change) = scope.change() else { return };
    let comment = match change.verb {
        Verb::Created => Some(&change.object),
        Verb::Updated => change.comment.as_ref(),
        _ => None,
    };
    if let Some(comment) = comment {
        let context = Context::new(scope.view, scope.server_url);
        out.extend(on_noun(phrase, scope.view, comment, || {
            body(&context, comment)
        }));
    }
}

fn say_updated_comment(scope: &Scope<'_>, phrase: &Phrase, out: &mut Vec<Message>) {
    if let Some(change) = scope.change().filter(|change| is_update(change)) {
        let context = Context::new(scope.view, scope.server_url);
        let comment = &change.object;
        out.extend(on_noun(phrase, scope.view, comment, || {
            body(&context, comment)
        }));
    }
}

fn say_removed_comment(scope: &Scope<'_>, phrase: &Phrase, out: &mut Vec<Message>) {
    if let Some(change) = scope.change().filter(|c| c.verb == Verb::Deleted) {
        let comment = &change.object;
        out.extend(on_noun(phrase, scope.view, comment, || {
            last(scope, comment)
        }));
    }
}

/// A message about a comment, if it is on what the code speaks of. A reply counts for what the first comment is on.
fn on_noun(
    phrase: &Phrase,
    view: &dyn View,
    comment: &Arc<Doc>,
    body: impl FnOnce() -> Option<Vec<u8>>,
) -> Option<Message> {
    if comment.collection() != Collection::Comments {
        return None;
    }
    let on = derived::subject(view, comment)?.collection();
    let noun = match on {
        on if STORIES.contains(&on) => "story",
        on if TASKS.contains(&on) => "task",
        Collection::Features => "feature",
        _ => return None,
    };
    let (code, _) = phrase.code.split_once('.')?;
    if code != noun {
        return None;
    }
    Some(Message {
        code: phrase.code,
        body: body()?,
        about: About::Object(comment.key(), comment.sequence()),
        unless: None,
    })
}

const fn cause(method: &'static str, path: &'static str, body: &'static str) -> Cause {
    Cause { method, path, body }
}

/// The sample of a code whose object changes its status.
fn enters(stage: Stage, collection: Collection, status: &'static str) -> Sample {
    let mut set = vec![("status", Value::from(status))];
    if status == "done" {
        set.push(("closed_at", AT.into()));
    }
    stage.updated(collection, set)
}

/// The sample of a code whose object gets another text.
fn says(stage: Stage, collection: Collection, member: &'static str, text: &'static str) -> Sample {
    stage.updated(collection, [(member, Value::from(text))])
}

/// The rows: a block for each noun, the codes in the vendor's order.
macro_rules! table {
    ($($noun:literal $title:literal $path:literal $main:ident $collections:expr,
        create $post:literal, update $patch:literal $update:expr,
        $(state $state:literal $enter:literal,)? $(comment $on:literal $also:expr,)?;)*) => {
        static PHRASES: &[Phrase] = &[$(
            Phrase {
                code: concat!($noun, ".create"),
                name: concat!($title, " created"),
                category: concat!($title, " events"),
                object: $noun,
                cause: cause("POST", $path, $post),
                speaks_of: $collections,
                sample: |stage| stage.created(Collection::$main),
                say: say_create,
            },
            Phrase {
                code: concat!($noun, ".update"),
                name: concat!($title, " changed"),
                category: concat!($title, " events"),
                object: $noun,
                cause: cause("PATCH", concat!($path, "/1"), $patch),
                speaks_of: $collections,
                sample: $update,
                say: say_update,
            },
            Phrase {
                code: concat!($noun, ".delete"),
                name: concat!($title, " deleted"),
                category: concat!($title, " events"),
                object: $noun,
                cause: cause("DELETE", concat!($path, "/1"), ""),
                speaks_of: $collections,
                sample: |stage| stage.deleted(Collection::$main),
                say: say_delete,
            },
            $(Phrase {
                code: concat!($noun, ".state"),
                name: concat!($title, " in another state"),
                category: concat!($title, " events"),
                object: $noun,
                cause: cause("PATCH", concat!($path, "/1"), $state),
                speaks_of: $collections,
                sample: |stage| enters(stage, Collection::$main, $enter),
                say: say_state,
            },)?
            $(Phrase {
                code: concat!($noun, ".addedComment"),
                name: concat!($title, " commented"),
                category: concat!($title, " events"),
                object: "comment",
                cause: cause("POST", "comments", $on),
                speaks_of: $also,
                sample: |stage| stage.created_on(Collection::Comments, Collection::$main),
                say: say_added_comment,
            },
            Phrase {
                code: concat!($noun, ".updatedComment"),
                name: concat!($title, ": comment edited"),
                category: concat!($title, " events"),
                object: "comment",
                cause: cause("PATCH", "comments/1", r#"{"body": "Lin does."}"#),
                speaks_of: &[Collection::Comments],
                sample: |stage| {
                    let set = [("body", Value::from("Lin does."))];
                    stage.updated_on(Collection::Comments, Collection::$main, set)
                },
                say: say_updated_comment,
            },
            Phrase {
                code: concat!($noun, ".removedComment"),
                name: concat!($title, ": comment deleted"),
                category: concat!($title, " events"),
                object: "comment",
                cause: cause("DELETE", "comments/1", ""),
                speaks_of: &[Collection::Comments],
                sample: |stage| stage.deleted_on(Collection::Comments, Collection::$main),
                say: say_removed_comment,
            },)?
        )*];
    };
}

table! {
    "story" "Story" "stories" Stories STORIES,
        create r#"{"title": "Cancel a booking"}"#,
        update r#"{"notes": "Agreed with the partners"}"#
            |stage| says(stage, Collection::Stories, "notes", "Agreed with the partners"),
        state r#"{"status": "In Progress"}"# "In Progress",
        comment r#"{"on": {"collection": "stories", "id": 1}, "body": "Who reviews this?"}"#
            &[Collection::Comments, Collection::Stories, Collection::Defects],;
    "task" "Task" "tasks" Tasks TASKS,
        create r#"{"title": "Add rate limiter"}"#,
        update r#"{"column": "In Progress"}"#
            |stage| says(stage, Collection::Tasks, "column", "In Progress"),
        state r#"{"status": "In Progress"}"# "In Progress",
        comment r#"{"on": {"collection": "tasks", "id": 1}, "body": "Who reviews this?"}"#
            &[Collection::Comments, Collection::Tasks, Collection::Tests],;
    "feature" "Feature" "features" Features &[Collection::Features],
        create r#"{"name": "Booking API"}"#,
        update r#"{"notes": "For the summer"}"#
            |stage| says(stage, Collection::Features, "notes", "For the summer"),
        comment r#"{"on": {"collection": "features", "id": 1}, "body": "Who reviews this?"}"#
            &[Collection::Comments, Collection::Features],;
    "acceptanceTest" "Acceptance test" "acceptance-tests" AcceptanceTests &[Collection::AcceptanceTests],
        create r#"{"name": "A full harbour says so", "story": 1}"#,
        update r#"{"name": "A full harbour is shown"}"#
            |stage| says(stage, Collection::AcceptanceTests, "name", "A full harbour is shown"),
        state r#"{"status": "success"}"# "success",;
    "sprint" "Sprint" "sprints" Sprints &[Collection::Sprints],
        create r#"{"name": "Sprint 5", "start_date": "2026-03-30", "end_date": "2026-04-13"}"#,
        update r#"{"goal": "Partners can cancel"}"#
            |stage| says(stage, Collection::Sprints, "goal", "Partners can cancel"),
        state r#"{"status": "done"}"# "done",;
    "release" "Release" "releases" Releases &[Collection::Releases],
        create r#"{"name": "Spring"}"#,
        update r#"{"vision": "Nobody waits"}"#
            |stage| says(stage, Collection::Releases, "vision", "Nobody waits"),
        state r#"{"status": "done"}"# "done",;
    "actor" "Actor" "actors" Actors &[Collection::Actors],
        create r#"{"name": "Visitor"}"#,
        update r#"{"name": "Guest"}"#
            |stage| says(stage, Collection::Actors, "name", "Guest"),;
    "meeting" "Meeting" "meetings" Meetings &[Collection::Meetings],
        create r#"{"title": "Partner call"}"#,
        update r#"{"title": "Partner call, second part"}"#
            |stage| says(stage, Collection::Meetings, "title", "Partner call, second part"),;
}

#[cfg(test)]
mod tests;
