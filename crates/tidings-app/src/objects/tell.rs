//! From events to messages: each event said once per dialect that a webhook of the project speaks, each code once.

use std::sync::Arc;

use tidings_delivery::tell::{address, wants};
use tidings_dialects::{Dialect, Scope, render};
use tidings_domain::project::WebhookSwitch;
use tidings_domain::webhook::Webhook;
use tidings_domain::{Event, Value, View, What};
use tidings_storage::{NewMessage, RecordedEvent};

/// The webhooks of a project that are on, by what they say: those of a group share every byte.
pub(crate) struct Audience<'w> {
    groups: Vec<Group<'w>>,
}

struct Group<'w> {
    dialect: &'static dyn Dialect,
    options: &'w Value,
    webhooks: Vec<&'w Webhook>,
}

impl<'w> Audience<'w> {
    /// Everybody who is told of new events: nobody in a project that is not on.
    pub(crate) fn of(view: &dyn View, webhooks: &'w [Arc<Webhook>]) -> Self {
        let mut groups: Vec<Group<'w>> = Vec::new();
        let on = view.project().webhooks == WebhookSwitch::On;
        for webhook in webhooks.iter().filter(|w| on && w.enabled) {
            let same = |g: &&mut Group<'w>| {
                g.dialect.name() == webhook.dialect && *g.options == webhook.options
            };
            match groups.iter_mut().find(same) {
                Some(group) => group.webhooks.push(webhook),
                None => {
                    if let Some(dialect) = tidings_dialects::find(&webhook.dialect) {
                        groups.push(Group {
                            dialect,
                            options: &webhook.options,
                            webhooks: vec![webhook],
                        });
                    }
                }
            }
        }
        Self { groups }
    }

    /// Says an event to everybody who wants it.
    pub(crate) fn tell(
        &self,
        event: &Event,
        view: &dyn View,
        server_url: &str,
    ) -> impl Iterator<Item = NewMessage> {
        self.groups.iter().flat_map(move |group| {
            let scope = Scope {
                event,
                view,
                server_url,
                options: group.options,
            };
            let messages = render(group.dialect, &scope, &mut |code| {
                group.webhooks.iter().any(|w| wants(group.dialect, w, code))
            });
            messages
                .into_iter()
                .filter_map(move |m| address(m, group.dialect, &group.webhooks, event, view))
        })
    }
}

/// The event as the store keeps it; all but the switching off of webhooks is listed among the activities.
pub(crate) fn recorded(event: Arc<Event>) -> RecordedEvent {
    let listed = !matches!(event.what, What::WebhookDisabled(_));
    RecordedEvent { event, listed }
}
