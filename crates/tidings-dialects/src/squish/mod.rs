//! Squish: an issue was submitted or updated.
//!
//! One message tells everything about one request: the changed fields, the comment, and the whole issue under the display
//! names of its project. Written as Python writes JSON, in pure ASCII, because the page's own verifier can read nothing else.

mod payload;

use std::sync::Arc;

use tidings_domain::{Collection, Doc, Verb};

use crate::{About, Cause, Dialect, Message, ObjectScope, Phrase, Scope, derived, json, signature};

/// The dialect.
#[derive(Clone, Copy, Debug)]
pub struct Squish;

const ISSUE: &[Collection] = &tidings_domain::collection::ITEMS;
const ISSUE_OR_COMMENT: &[Collection] = &[
    Collection::Stories,
    Collection::Tasks,
    Collection::Defects,
    Collection::Tests,
    Collection::Comments,
];

static PHRASES: &[Phrase] = &[
    Phrase {
        code: "submit",
        name: "Issue submitted",
        category: "Issues",
        object: "issue",
        cause: Cause {
            method: "POST",
            path: "tasks",
            body: r#"{"title": "Add rate limiter"}"#,
        },
        speaks_of: ISSUE,
        sample: |stage| stage.created(Collection::Tasks),
        say: submit,
    },
    Phrase {
        code: "update",
        name: "Issue updated",
        category: "Issues",
        object: "issue",
        cause: Cause {
            method: "PATCH",
            path: "tasks/1",
            body: r#"{"status": "In Progress", "comment": {"body": "Started."}}"#,
        },
        speaks_of: ISSUE_OR_COMMENT,
        sample: |stage| {
            let set = [
                ("status", "In Progress".into()),
                ("assignees", vec![7, 9].into()),
            ];
            stage
                .updated(Collection::Tasks, set)
                .with_comment("Started.")
        },
        say: update,
    },
];

impl Dialect for Squish {
    fn name(&self) -> &'static str {
        "squish"
    }

    fn title(&self) -> &'static str {
        "Squish"
    }

    fn description(&self) -> &'static str {
        "For receivers of Squish's webhooks: one message when an issue is submitted, one for each update with its changes and \
         its comment. Stories, tasks, defects and tests are issues."
    }

    fn exposes(&self) -> &'static str {
        "names, every field of the issues and comments, confidential ones too"
    }

    fn phrases(&self) -> &'static [Phrase] {
        PHRASES
    }

    fn object(&self, scope: &ObjectScope<'_>, doc: &Arc<Doc>) -> Option<Vec<u8>> {
        if !doc.collection().is_item() {
            return None;
        }
        Some(json::python(&payload::bug(scope.view, doc)))
    }

    fn head(&self, code: &str, say: &mut dyn FnMut(&'static str, &str)) {
        say("Content-Type", "application/json");
        say("X-Squish-Action", code);
    }

    fn signature(&self, secret: &str, body: &[u8]) -> Option<(&'static str, String)> {
        Some(("X-Squish-Signature", signature::md5(secret, body)))
    }

    fn signature_words(&self) -> Option<&'static str> {
        Some(
            "the lower-case hex HMAC-MD5 of the body's bytes as they came, keyed with the UTF-8 of the whole secret",
        )
    }
}

fn submit(scope: &Scope<'_>, phrase: &Phrase, out: &mut Vec<Message>) {
    let Some(change) = scope.change() else { return };
    if change.verb == Verb::Created {
        let body = json::python(&payload::submit(scope, &change.object));
        out.push(phrase.message(change, body));
    }
}

fn update(scope: &Scope<'_>, phrase: &Phrase, out: &mut Vec<Message>) {
    let Some(change) = scope.change() else { return };
    if change.object.collection().is_item() {
        if change.verb == Verb::Updated {
            let (before, comment) = (change.before.as_deref(), change.comment.as_deref());
            let payload = payload::update(scope, &change.object, before, comment);
            out.push(phrase.message(change, json::python(&payload)));
        }
        return;
    }
    // A comment posted by itself is an update of its issue, also one that answers another, also one that came with an edit.
    let comment = match change.verb {
        Verb::Created => &change.object,
        Verb::Updated => match &change.comment {
            Some(answer) => answer,
            None => return,
        },
        _ => return,
    };
    let issue = derived::subject(scope.view, comment);
    if let Some(issue) = issue.filter(|d| d.collection().is_item()) {
        let payload = payload::update(scope, &issue, None, Some(comment));
        out.push(Message {
            code: phrase.code,
            body: json::python(&payload),
            about: About::Object(comment.key(), comment.sequence()),
            unless: None,
        });
    }
}

#[cfg(test)]
mod tests;
