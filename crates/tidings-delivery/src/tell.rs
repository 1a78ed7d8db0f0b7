//! From an event to messages: which webhooks a message is for, in whose queue it stands, under which words the log finds it.
//!
//! Said when a change is recorded, when the server disables a webhook, and when a recovery makes up for what was missed: one way.

use std::fmt::Write as _;
use std::sync::Arc;

use bytes::Bytes;
use tidings_dialects::{About, Dialect, Message, Scope, derived, render};
use tidings_domain::webhook::Webhook;
use tidings_domain::write::Overlay;
use tidings_domain::{Doc, Event, EventId, ObjectRef, View, What};
use tidings_storage::{AsOf, NewMessage, Snapshot, Store, StoreError};

/// Most characters of an object's name in the log.
const LONGEST_NAME: usize = 200;

/// Whether a webhook has selected a code of its dialect.
pub fn wants(dialect: &dyn Dialect, webhook: &Webhook, code: &str) -> bool {
    webhook.wants(code, dialect.story_codes())
}

/// The message with those of the webhooks it goes to; nothing when it goes to nobody.
pub fn address(
    message: Message,
    dialect: &'static dyn Dialect,
    webhooks: &[&Webhook],
    event: &Event,
    view: &dyn View,
) -> Option<NewMessage> {
    let goes = |w: &&&Webhook| {
        wants(dialect, w, message.code)
            && !message.unless.is_some_and(|other| wants(dialect, w, other))
    };
    let webhooks: Vec<_> = webhooks.iter().filter(goes).map(|w| w.id).collect();
    if webhooks.is_empty() {
        return None;
    }
    let (roots, title) = place(&message.about, event, view);
    Some(NewMessage {
        project: event.project,
        event: event.id,
        dialect: dialect.name(),
        code: message.code,
        object: message.about.object(),
        sequence: message.about.sequence(),
        body: Bytes::from(message.body),
        roots,
        title,
        webhooks,
    })
}

/// What an event says to one webhook, in order. `view` is the project as of that event. Nobody is told of its own end.
pub fn messages_for(
    webhook: &Arc<Webhook>,
    event: &Event,
    view: &dyn View,
    server_url: &str,
) -> Vec<NewMessage> {
    let own_end = matches!(&event.what, What::WebhookDisabled(gone) if gone.id == webhook.id);
    let Some(dialect) = tidings_dialects::find(&webhook.dialect).filter(|_| !own_end) else {
        return Vec::new();
    };
    let scope = Scope {
        event,
        view,
        server_url,
        options: &webhook.options,
    };
    render(dialect, &scope, &mut |code| wants(dialect, webhook, code))
        .into_iter()
        .filter_map(|message| address(message, dialect, &[webhook], event, view))
        .collect()
}

/// What a recorded event says to one webhook.
///
/// # Errors
/// The store could not be read.
pub async fn retell(
    store: &dyn Store,
    webhook: &Arc<Webhook>,
    event: &Event,
    server_url: &str,
) -> Result<Vec<NewMessage>, StoreError> {
    let mut messages = Vec::new();
    let look = |view: &dyn View| messages = messages_for(webhook, event, view, server_url);
    as_told(store, event, look).await?;
    Ok(messages)
}

/// Looks at the state of a project in which a recorded event was told. An event is told when it is true: a bulk update, which has
/// the smallest id, after all of its changes; a deletion when only the object itself is gone and what hung on it, which goes with
/// the same event, is still there.
///
/// # Errors
/// The store could not be read.
pub async fn as_told(
    store: &dyn Store,
    event: &Event,
    mut look: impl FnMut(&dyn View) + Send,
) -> Result<(), StoreError> {
    let last = match &event.what {
        What::Bulk(bulk) => bulk.changes.iter().map(|(id, _)| *id).max(),
        What::Change(_) | What::WebhookDisabled(_) => None,
    };
    let at = last.unwrap_or(event.id).max(event.id);
    let mut gone = None;
    let after = |view: &dyn Snapshot| {
        let change = event.change();
        gone = change.filter(|c| view.get(c.object.key()).is_none());
        if gone.is_none() {
            look(view);
        }
    };
    let project = event.project;
    store
        .read(project, AsOf::Event(at), Box::new(after))
        .await?;
    let Some(change) = gone else {
        return Ok(());
    };
    let before = |view: &dyn Snapshot| {
        let mut left = Overlay::new(view);
        left.delete(event.id, &change.object);
        look(&left);
    };
    let at = AsOf::Event(EventId(event.id.0 - 1));
    store.read(project, at, Box::new(before)).await
}

/// In whose queue the message stands, and the words under which the log finds it.
fn place(about: &About, event: &Event, view: &dyn View) -> (Vec<ObjectRef>, String) {
    match about {
        About::Object(key, _) => {
            let Some(doc) = told_object(*key, event, view) else {
                return (vec![*key], String::new());
            };
            let root = derived::root(view, &doc);
            let named = if root == *key {
                Some(doc)
            } else {
                told_object(root, event, view)
            };
            (vec![root], named.map(|d| label(&d)).unwrap_or_default())
        }
        About::Items(items) => {
            let titles: Vec<String> = items
                .iter()
                .take(5)
                .filter_map(|key| view.get(*key))
                .map(|d| label(&d))
                .collect();
            (items.clone(), titles.join("; "))
        }
        About::Webhook(_) => {
            let name = match &event.what {
                What::WebhookDisabled(disabled) => disabled.name.clone(),
                What::Change(_) | What::Bulk(_) => String::new(),
            };
            (Vec::new(), name)
        }
    }
}

/// The object that a message names; what is gone by now comes from the event.
fn told_object(key: ObjectRef, event: &Event, view: &dyn View) -> Option<Arc<Doc>> {
    let change = event.change();
    let own = change.map(|c| &c.object).filter(|d| d.key() == key);
    let comment = change
        .and_then(|c| c.comment.as_ref())
        .filter(|d| d.key() == key);
    own.or(comment).cloned().or_else(|| view.get(key))
}

/// What people call an object: its number and its title.
fn label(doc: &Doc) -> String {
    let name = ["title", "name", "first_name", "body"]
        .iter()
        .find_map(|m| doc.opt_text(m))
        .unwrap_or_default();
    let end = name.char_indices().nth(LONGEST_NAME).map(|(at, _)| at);
    let name = end.and_then(|end| name.get(..end)).unwrap_or(name);
    let mut label = String::with_capacity(name.len() + 24);
    if let Some(number) = doc.int("number") {
        // Writing to a string cannot fail.
        let _ = write!(label, "#{number} ");
    }
    label.push_str(name);
    label
}
