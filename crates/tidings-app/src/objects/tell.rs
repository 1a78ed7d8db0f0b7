//! From events to messages: each event said once per dialect that a webhook of the project speaks, each code once.

use std::sync::Arc;

use bytes::Bytes;
use tidings_dialects::{About, Dialect, Message, Scope, derived, render};
use tidings_domain::project::WebhookSwitch;
use tidings_domain::webhook::Webhook;
use tidings_domain::{Doc, Event, ObjectRef, Value, View, What};
use tidings_storage::{NewMessage, RecordedEvent};

/// The webhooks of a project that are on, by what they say: those of a group share every byte.
pub(crate) struct Audience {
    groups: Vec<Group>,
}

struct Group {
    dialect: &'static dyn Dialect,
    options: Value,
    webhooks: Vec<Arc<Webhook>>,
}

impl Audience {
    /// Everybody who is told of new events: nobody in a project that is not on.
    pub(crate) fn of(view: &dyn View, webhooks: &[Arc<Webhook>]) -> Self {
        let mut groups: Vec<Group> = Vec::new();
        let on = view.project().webhooks == WebhookSwitch::On;
        for webhook in webhooks.iter().filter(|w| on && w.enabled) {
            let same = |g: &&mut Group| {
                g.dialect.name() == webhook.dialect && g.options == webhook.options
            };
            match groups.iter_mut().find(same) {
                Some(group) => group.webhooks.push(Arc::clone(webhook)),
                None => {
                    if let Some(dialect) = tidings_dialects::find(&webhook.dialect) {
                        groups.push(Group {
                            dialect,
                            options: webhook.options.clone(),
                            webhooks: vec![Arc::clone(webhook)],
                        });
                    }
                }
            }
        }
        Self { groups }
    }

    /// Says an event to everybody who wants it.
    pub(crate) fn tell(&self, event: &Event, view: &dyn View, server_url: &str) -> Vec<NewMessage> {
        let mut all = Vec::new();
        for group in &self.groups {
            let scope = Scope {
                event,
                view,
                server_url,
                options: &group.options,
            };
            let messages = render(group.dialect, &scope, &mut |code| {
                group.webhooks.iter().any(|w| wants(group.dialect, w, code))
            });
            all.extend(
                messages
                    .into_iter()
                    .filter_map(|message| group.address(message, event, view)),
            );
        }
        all
    }
}

impl Group {
    /// The message with those it goes to; nothing when it goes to nobody.
    fn address(&self, message: Message, event: &Event, view: &dyn View) -> Option<NewMessage> {
        let goes = |w: &&Arc<Webhook>| {
            wants(self.dialect, w, message.code)
                && !message
                    .unless
                    .is_some_and(|other| wants(self.dialect, w, other))
        };
        let webhooks: Vec<_> = self.webhooks.iter().filter(goes).map(|w| w.id).collect();
        if webhooks.is_empty() {
            return None;
        }
        let (roots, title) = place(&message.about, event, view);
        Some(NewMessage {
            project: event.project,
            event: event.id,
            dialect: self.dialect.name(),
            code: message.code,
            object: message.about.object(),
            sequence: message.about.sequence(),
            body: Bytes::from(message.body),
            roots,
            title,
            webhooks,
        })
    }
}

fn wants(dialect: &dyn Dialect, webhook: &Webhook, code: &str) -> bool {
    webhook.wants(code, dialect.story_codes())
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
        About::Webhook(_) => (Vec::new(), String::new()),
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
    let name: String = name.chars().take(200).collect();
    match doc.int("number") {
        Some(number) => format!("#{number} {name}"),
        None => name,
    }
}

/// The event as the store keeps it; all but the switching off of webhooks is listed among the activities.
pub(crate) fn recorded(event: Arc<Event>) -> RecordedEvent {
    let listed = !matches!(event.what, What::WebhookDisabled(_));
    RecordedEvent { event, listed }
}
