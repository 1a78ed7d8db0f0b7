//! From events to messages: each event said once per dialect that a webhook of the project speaks, each code once.

use std::sync::Arc;

use tidings_delivery::tell::{address, wants};
use tidings_dialects::{Dialect, Scope, render};
use tidings_domain::project::WebhookSwitch;
use tidings_domain::webhook::Webhook;
use tidings_domain::{Event, Value, View, What};
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
                    .filter_map(|m| address(m, group.dialect, &group.webhooks, event, view)),
            );
        }
        all
    }
}

/// The event as the store keeps it; all but the switching off of webhooks is listed among the activities.
pub(crate) fn recorded(event: Arc<Event>) -> RecordedEvent {
    let listed = !matches!(event.what, What::WebhookDisabled(_));
    RecordedEvent { event, listed }
}
