//! The webhooks of a project as people look for them: by what they are called, where they lead and how they fare; and as a table with
//! a row per event code.
//!
//! Both read the project's webhooks from memory, in one consistent state, and ask the store only about those they show.

use std::sync::Arc;

use tidings_dialects::{Dialect, Phrase};
use tidings_domain::project::WebhookSwitch;
use tidings_domain::webhook::{HealthState, Selection, Webhook};
use tidings_domain::{Fault, Project, Value};
use tidings_storage::{AsOf, Snapshot};

use super::{Audience, cut_url, pages_open};
use crate::reader::object;
use crate::refusal::{internal, refusal};
use crate::{Access, App, Caller, Paging, catalogue};

/// Other webhooks that the table names in one place; more are counted.
const MOST_OTHERS: usize = 3;

/// What is looked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WebhookFilter {
    /// Text in name or URL, in any case. Those who see only a part of the URL search only in that part.
    pub text: Option<String>,
    /// How it fares.
    pub state: Option<HealthState>,
    /// Name of the dialect.
    pub dialect: Option<String>,
}

/// A page of what was found.
#[derive(Clone, Debug)]
pub struct FoundWebhooks {
    /// The webhooks as reads show them.
    pub data: Vec<Value>,
    /// Where the next page begins.
    pub next: Option<i64>,
    /// How many match.
    pub found: usize,
    /// How many there are.
    pub total: usize,
}

impl App {
    /// The webhooks of a project that match a filter.
    pub async fn find_webhooks(
        &self,
        caller: &Caller,
        project: &Project,
        filter: &WebhookFilter,
        paging: Paging,
    ) -> Result<FoundWebhooks, Fault> {
        Access::Watch.check(caller)?;
        pages_open(project)?;
        let all = self.webhooks_now(project).await?;
        let audience = Audience::of(caller);
        let matching: Vec<_> = all
            .iter()
            .filter(|webhook| self.matches(project, webhook, filter, audience))
            .collect();
        let mut rest = matching.iter().filter(|w| w.id.0 > paging.from);
        let page: Vec<_> = rest.by_ref().take(paging.limit).collect();
        let more = rest.next().is_some();
        let mut data = Vec::with_capacity(page.len());
        for webhook in &page {
            // One that was deleted since is left out.
            data.extend(self.shown(caller, project, webhook).await?);
        }
        Ok(FoundWebhooks {
            data,
            next: page.last().filter(|_| more).map(|last| last.id.0),
            found: matching.len(),
            total: all.len(),
        })
    }

    /// The webhooks of a dialect as a table with a row per event code, by category.
    ///
    /// A row's own webhook is the oldest one that has selected this code and nothing else. Others that send the code too are named
    /// beside it, those for all events once for the table: they are edited on pages of their own.
    ///
    /// A row is `active` when its own webhook sends its event, else `elsewhere` when another one does.
    pub async fn webhooks_by_event(
        &self,
        caller: &Caller,
        project: &Project,
        dialect: &str,
    ) -> Result<Value, Fault> {
        Access::Watch.check(caller)?;
        pages_open(project)?;
        let dialect = catalogue::find(dialect)?;
        let all = self.webhooks_of(project, dialect).await?;
        let everything: Vec<_> = all.iter().filter(|w| is_for_all(w)).collect();
        let mut categories: Vec<(&str, Vec<Value>, Sent)> = Vec::new();
        let mut total = Sent::default();
        for phrase in dialect.phrases() {
            let (row, sent) = self
                .event_row(caller, project, dialect, phrase, &all)
                .await?;
            let place = categories
                .iter()
                .position(|(name, _, _)| *name == phrase.category);
            match place.and_then(|at| categories.get_mut(at)) {
                Some((_, rows, count)) => {
                    rows.push(row);
                    *count += sent;
                }
                None => categories.push((phrase.category, vec![row], sent)),
            }
            total += sent;
        }
        let categories = categories.into_iter().map(|(name, rows, sent)| {
            object([
                ("name", name.into()),
                ("active", number(sent.own)),
                ("elsewhere", number(sent.elsewhere)),
                ("total", number(rows.len())),
                ("rows", Value::List(rows)),
            ])
        });
        let categories = Value::List(categories.collect());
        Ok(object([
            ("dialect", dialect.name().into()),
            ("title", dialect.title().into()),
            ("active", number(total.own)),
            ("elsewhere", number(total.elsewhere)),
            ("total", number(dialect.phrases().len())),
            ("everything", named(everything.iter().copied())),
            ("everything_more", more(everything.len())),
            ("categories", categories),
        ]))
    }

    /// A row of the table, and who sends its event.
    async fn event_row(
        &self,
        caller: &Caller,
        project: &Project,
        dialect: &dyn Dialect,
        phrase: &Phrase,
        all: &[Arc<Webhook>],
    ) -> Result<(Value, Sent), Fault> {
        let own = own_webhook(all, phrase.code);
        let others: Vec<_> = all
            .iter()
            .filter(|w| w.wants(phrase.code, dialect.story_codes()))
            .filter(|w| own.is_none_or(|own| own.id != w.id))
            .collect();
        let elsewhere = others
            .iter()
            .any(|w| self.state_of(project, w) != HealthState::Disabled);
        let some: Vec<_> = others.into_iter().filter(|w| !is_for_all(w)).collect();
        let found = match own {
            Some(own) => self.store.webhook(project.id, own.id).await,
            None => Ok(None),
        };
        let found = found.map_err(refusal)?;
        let version = found.as_ref().map(|(w, _, _)| w.version.to_string());
        let shown = found.map(|found| self.show_webhook(caller, project, &found));
        let state = shown
            .as_ref()
            .and_then(|w| w.member("health")?.member("state")?.as_str());
        let on = state.is_some_and(|state| state != HealthState::Disabled.as_str());
        let sent = Sent {
            own: usize::from(on),
            elsewhere: usize::from(elsewhere && !on),
        };
        let row = object([
            ("code", phrase.code.into()),
            ("name", phrase.name.into()),
            ("category", phrase.category.into()),
            ("active", on.into()),
            ("elsewhere", (sent.elsewhere > 0).into()),
            ("others", named(some.iter().copied())),
            ("more", more(some.len())),
            ("webhook", shown.unwrap_or_default()),
            ("seen", version.into()),
        ]);
        Ok((row, sent))
    }

    /// The ids of the webhooks that stand in the table, with their codes, in its order.
    pub(super) async fn table_webhooks(
        &self,
        project: &Project,
        dialect: &'static dyn Dialect,
    ) -> Result<Vec<(&'static Phrase, Arc<Webhook>)>, Fault> {
        let all = self.webhooks_of(project, dialect).await?;
        let rows = dialect.phrases().iter();
        Ok(rows
            .filter_map(|phrase| Some((phrase, Arc::clone(own_webhook(&all, phrase.code)?))))
            .collect())
    }

    async fn webhooks_of(
        &self,
        project: &Project,
        dialect: &dyn Dialect,
    ) -> Result<Vec<Arc<Webhook>>, Fault> {
        let all = self.webhooks_now(project).await?;
        let of = all.iter().filter(|w| w.dialect == dialect.name());
        Ok(of.cloned().collect())
    }

    /// Every webhook of a project, by id.
    async fn webhooks_now(&self, project: &Project) -> Result<Arc<Vec<Arc<Webhook>>>, Fault> {
        let mut all = None;
        let look = |view: &dyn Snapshot| all = Some(view.webhooks());
        let read = self.store.read(project.id, AsOf::Now, Box::new(look)).await;
        read.map_err(refusal)?;
        all.ok_or_else(internal)
    }

    fn matches(
        &self,
        project: &Project,
        webhook: &Webhook,
        filter: &WebhookFilter,
        audience: Audience,
    ) -> bool {
        let named = filter.text.as_ref().is_none_or(|text| {
            let text = text.to_lowercase();
            let url = match audience {
                Audience::Managers => webhook.url.clone(),
                Audience::Team => cut_url(&webhook.url),
            };
            webhook.name.to_lowercase().contains(&text) || url.to_lowercase().contains(&text)
        });
        let spoken = filter
            .dialect
            .as_ref()
            .is_none_or(|d| *d == webhook.dialect);
        let fares = filter
            .state
            .is_none_or(|wanted| self.state_of(project, webhook) == wanted);
        named && spoken && fares
    }

    /// How a webhook fares now, as reads show it.
    fn state_of(&self, project: &Project, webhook: &Webhook) -> HealthState {
        if project.webhooks == WebhookSwitch::ViewOnly {
            return HealthState::Disabled;
        }
        let live = self.engine.health(webhook.id).map(|health| health.state);
        // The engine knows every webhook; one that it was not told of yet was made in this moment.
        live.unwrap_or(if webhook.enabled {
            HealthState::Ok
        } else {
            HealthState::Disabled
        })
    }

    async fn shown(
        &self,
        caller: &Caller,
        project: &Project,
        webhook: &Webhook,
    ) -> Result<Option<Value>, Fault> {
        let found = self.store.webhook(project.id, webhook.id).await;
        let found = found.map_err(refusal)?;
        Ok(found.map(|found| self.show_webhook(caller, project, &found)))
    }
}

/// How many events of a part of the table are sent by their rows' own webhooks, and how many of the rest by others.
#[derive(Clone, Copy, Default)]
struct Sent {
    own: usize,
    elsewhere: usize,
}

impl std::ops::AddAssign for Sent {
    fn add_assign(&mut self, more: Self) {
        self.own += more.own;
        self.elsewhere += more.elsewhere;
    }
}

fn number(n: usize) -> Value {
    Value::Int(i64::try_from(n).unwrap_or(i64::MAX))
}

/// Webhooks that the table names beside its rows: the first ones.
fn named<'a>(webhooks: impl Iterator<Item = &'a Arc<Webhook>>) -> Value {
    let first = webhooks.take(MOST_OTHERS);
    let show = |w: &Arc<Webhook>| object([("id", w.id.0.into()), ("name", w.name.clone().into())]);
    Value::List(first.map(show).collect())
}

/// How many of them it only counts.
fn more(all: usize) -> Value {
    number(all.saturating_sub(MOST_OTHERS))
}

fn is_for_all(webhook: &Webhook) -> bool {
    webhook.events == Selection::All
}

/// The webhook that a row of the table is about: the oldest one with this code and no other.
fn own_webhook<'a>(all: &'a [Arc<Webhook>], code: &str) -> Option<&'a Arc<Webhook>> {
    all.iter()
        .find(|w| matches!(&w.events, Selection::Codes(codes) if codes.as_slice() == [code]))
}
