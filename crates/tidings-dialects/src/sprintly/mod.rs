//! Sprint.ly: an item, a favorite, a block or a comment came into being.
//!
//! Creations only, and no event header: the kind is the body's `model`. Written as Python writes JSON, in pure ASCII, with the
//! keys in alphabetical order as the guide prints them.

mod payload;

use std::sync::Arc;

use tidings_domain::{Collection, Doc, Verb};

use crate::{About, Cause, Dialect, Message, ObjectScope, Phrase, Scope, derived, json};

use payload::{Context, Model};

/// The dialect.
#[derive(Clone, Copy, Debug)]
pub struct Sprintly;

const ITEM: &[Collection] = &tidings_domain::collection::ITEMS;
const ITEM_OR_COMMENT: &[Collection] = &[
    Collection::Stories,
    Collection::Tasks,
    Collection::Defects,
    Collection::Tests,
    Collection::Comments,
];

const fn post(path: &'static str, body: &'static str) -> Cause {
    Cause {
        method: "POST",
        path,
        body,
    }
}

static PHRASES: &[Phrase] = &[
    Phrase {
        code: "Item",
        name: "Item created",
        category: "Items",
        object: "item",
        cause: post("tasks", r#"{"title": "Add rate limiter"}"#),
        speaks_of: ITEM,
        sample: |stage| stage.created(Collection::Stories),
        say: created,
    },
    Phrase {
        code: "Favorite",
        name: "Item favorited",
        category: "Items",
        object: "favorite",
        cause: post("favorites", r#"{"on": {"collection": "tasks", "id": 1}}"#),
        speaks_of: &[Collection::Favorites],
        sample: |stage| stage.created(Collection::Favorites),
        say: created,
    },
    Phrase {
        code: "Block",
        name: "Item blocked by another",
        category: "Items",
        object: "block",
        cause: post(
            "blocks",
            r#"{"item": {"collection": "tasks", "id": 1}, "blocked": {"collection": "stories", "id": 2}}"#,
        ),
        speaks_of: &[Collection::Blocks],
        sample: |stage| stage.created(Collection::Blocks),
        say: created,
    },
    Phrase {
        code: "Comment",
        name: "Comment added to an item",
        category: "Items",
        object: "comment",
        cause: post(
            "comments",
            r#"{"on": {"collection": "tasks", "id": 1}, "body": "Who reviews this?"}"#,
        ),
        speaks_of: ITEM_OR_COMMENT,
        sample: |stage| stage.created(Collection::Comments),
        say: commented,
    },
];

impl Dialect for Sprintly {
    fn name(&self) -> &'static str {
        "sprintly"
    }

    fn title(&self) -> &'static str {
        "Sprint.ly"
    }

    fn description(&self) -> &'static str {
        "For receivers of Sprint.ly's webhooks: new items, favorites, blocks and comments, each with the whole item. Creations \
         only: Sprint.ly never told about updates and deletions. It had no signature either; Tidings' own is there with a secret."
    }

    fn exposes(&self) -> &'static str {
        "names, e-mail addresses, items and comments"
    }

    fn phrases(&self) -> &'static [Phrase] {
        PHRASES
    }

    fn object(&self, scope: &ObjectScope<'_>, doc: &Arc<Doc>) -> Option<Vec<u8>> {
        let context = Context {
            view: scope.view,
            server_url: scope.server_url,
        };
        if doc.collection() == Collection::Members {
            return Some(json::python(&context.user(doc)));
        }
        Some(json::python(&context.model(doc)?))
    }

    fn head(&self, _code: &str, say: &mut dyn FnMut(&'static str, &str)) {
        say("Content-Type", "application/json");
    }
}

fn context<'a>(scope: &Scope<'a>) -> Context<'a> {
    Context {
        view: scope.view,
        server_url: scope.server_url,
    }
}

fn created(scope: &Scope<'_>, phrase: &Phrase, out: &mut Vec<Message>) {
    let Some(change) = scope.change() else { return };
    if change.verb != Verb::Created {
        return;
    }
    let context = context(scope);
    if let Some(model) = context.model(&change.object) {
        let body = json::python(&context.body(phrase.code, model));
        out.push(phrase.message(change, body));
    }
}

/// A comment posted by itself or with an update.
fn commented(scope: &Scope<'_>, phrase: &Phrase, out: &mut Vec<Message>) {
    let Some(change) = scope.change() else { return };
    let is_comment = change.object.collection() == Collection::Comments;
    let (comment, item) = match (change.verb, &change.comment) {
        (Verb::Updated, Some(comment)) if !is_comment => {
            (comment, Some(Arc::clone(&change.object)))
        }
        // The answer that an edit of a comment brought along.
        (Verb::Updated, Some(comment)) => (comment, derived::subject(scope.view, comment)),
        (Verb::Created, _) if is_comment => {
            (&change.object, derived::subject(scope.view, &change.object))
        }
        _ => return,
    };
    let Some(item) = item.filter(|d| d.collection().is_item()) else {
        return;
    };
    let context = context(scope);
    let model = Model::comment(&context, comment, &item);
    out.push(Message {
        code: phrase.code,
        body: json::python(&context.body(phrase.code, model)),
        about: About::Object(comment.key(), comment.sequence()),
        unless: None,
    });
}

#[cfg(test)]
mod tests;
