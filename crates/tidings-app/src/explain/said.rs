//! What an event is called in the dialects of webhooks, as the project was with the event.

use std::collections::BTreeSet;
use std::sync::Arc;

use tidings_delivery::tell::as_told;
use tidings_dialects::{Dialect, Scope};
use tidings_domain::project::WebhookSwitch;
use tidings_domain::webhook::Webhook;
use tidings_domain::{Event, Fault, Project, Value, View};
use tidings_storage::{AsOf, Snapshot};

use crate::App;
use crate::refusal::refusal;

/// A code that the event has in a dialect, and the one that takes its place for those who select both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) code: &'static str,
    pub(super) unless: Option<&'static str>,
}

/// What the dialects made of the event, and how the project stood.
#[derive(Default)]
pub(super) struct Then {
    groups: Vec<Group>,
    /// Whether its webhooks were on.
    pub(super) project_on: bool,
}

struct Group {
    dialect: &'static dyn Dialect,
    options: Value,
    said: Vec<Said>,
}

impl Group {
    fn is_of(&self, webhook: &Webhook) -> bool {
        self.dialect.name() == webhook.dialect && self.options == webhook.options
    }
}

impl Then {
    /// The codes that the event has for a webhook, whether it selects them or not; each once, in the order of the dialect.
    pub(super) fn said(&self, webhook: &Webhook) -> &[Said] {
        let group = self.groups.iter().find(|g| g.is_of(webhook));
        group.map_or(&[], |g| g.said.as_slice())
    }
}

impl App {
    /// Says the event once more in every dialect of these webhooks, with all options that occur, in the state in which it was told: one
    /// reading for all.
    pub(super) async fn then<'a>(
        &self,
        project: &Project,
        event: &Event,
        webhooks: impl Iterator<Item = &'a Arc<Webhook>> + Send,
    ) -> Result<Then, Fault> {
        let mut then = Then {
            groups: Vec::new(),
            project_on: true,
        };
        for webhook in webhooks {
            if !then.groups.iter().any(|g| g.is_of(webhook))
                && let Some(dialect) = tidings_dialects::find(&webhook.dialect)
            {
                then.groups.push(Group {
                    dialect,
                    options: webhook.options.clone(),
                    said: Vec::new(),
                });
            }
        }
        let switch = Box::new(|state: &dyn Snapshot| {
            then.project_on = state.project().webhooks == WebhookSwitch::On;
        });
        let at = AsOf::Event(event.id);
        let read = self.store.read(project.id, at, switch).await;
        read.map_err(refusal)?;
        let look = |state: &dyn View| {
            for group in &mut then.groups {
                group.said = say(
                    group.dialect,
                    &group.options,
                    event,
                    state,
                    &self.server_url,
                );
            }
        };
        let told = as_told(&*self.store, event, look).await;
        told.map_err(refusal)?;
        Ok(then)
    }
}

fn say(
    dialect: &dyn Dialect,
    options: &Value,
    event: &Event,
    state: &dyn View,
    server_url: &str,
) -> Vec<Said> {
    let scope = Scope {
        event,
        view: state,
        server_url,
        options,
    };
    let mut seen = BTreeSet::new();
    tidings_dialects::render(dialect, &scope, &mut |_| true)
        .into_iter()
        .filter(|message| seen.insert(message.code))
        .map(|message| Said {
            code: message.code,
            unless: message.unless,
        })
        .collect()
}
