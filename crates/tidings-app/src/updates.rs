//! Events and objects with what people want to see beside them: names instead of numbers, what was sent because of it, what hangs on it.
//!
//! The same facts can be had of the API one by one; a page would need dozens of requests.

use std::collections::HashMap;
use std::sync::Arc;

use tidings_domain::delivery::DeliveryState;
use tidings_domain::write::Target;
use tidings_domain::{
    Collection, Doc, Event, EventId, Fault, ObjectRef, Project, Value, View, WebhookId, What,
};
use tidings_storage::{Activity, AsOf, Snapshot};

use crate::activities::show;
use crate::reader::object;
use crate::refusal::{absent, refusal};
use crate::{Access, App, Caller, Listed, Paging};

mod named;

/// Most characters of a comment that a list shows.
const EXCERPT: usize = 280;
/// Most comments that an object is shown with, the latest.
const MOST_COMMENTS: usize = 50;
/// Most entries of spent time that an object is shown with, the latest.
const MOST_TIMES: usize = 50;
/// Most members and sprints that a form offers.
const MOST_CHOICES: usize = 500;

impl App {
    /// The recent updates, newest first, as [`App::activities`] has them, each with `actor_name`, `label` (what people call the object), `text` of a comment, `on` and
    /// `on_title` of what hangs on something, old and new values by name where they refer to something, and, for those who may see the log, `deliveries`: how many by state.
    pub async fn updates(
        &self,
        caller: &Caller,
        project: &Project,
        paging: Paging,
    ) -> Result<Listed, Fault> {
        let page = self.activity_page(caller, project, paging).await?;
        let data = self.tell_people(caller, project, &page.data).await?;
        Ok(Listed {
            data,
            next: page.next,
        })
    }

    /// One event in the same shape.
    pub async fn update(
        &self,
        caller: &Caller,
        project: &Project,
        id: i64,
    ) -> Result<Value, Fault> {
        Access::Project.check(caller)?;
        let found = self.store.event(project.id, EventId(id)).await;
        let activity = found.map_err(refusal)?.ok_or_else(absent)?;
        let told = self.tell_people(caller, project, &[activity]).await?;
        told.into_iter().next().ok_or_else(absent)
    }

    async fn tell_people(
        &self,
        caller: &Caller,
        project: &Project,
        activities: &[Activity],
    ) -> Result<Vec<Value>, Fault> {
        let mut more: Vec<Vec<(String, Value)>> = Vec::new();
        let job = Box::new(|state: &dyn Snapshot| {
            more = activities.iter().map(|a| beside(state, &a.event)).collect();
        });
        let read = self.store.read(project.id, AsOf::Now, job).await;
        read.map_err(refusal)?;
        let events: Vec<EventId> = activities.iter().map(|a| a.event.id).collect();
        let mut sent = if Access::Watch.admits(caller) {
            self.sent_because_of(project, &events).await?
        } else {
            HashMap::new()
        };
        let hooks = self.webhooks_told_of(project, activities).await?;
        let mut told = Vec::new();
        for (activity, more) in activities.iter().zip(more) {
            let mut members = show(activity).as_map().to_vec();
            members.retain(|(name, _)| more.iter().all(|(said, _)| said != name));
            members.extend(more);
            if let What::WebhookDisabled(gone) = &activity.event.what {
                let name = hooks.get(&gone.id).cloned().into();
                members.push(("webhook_name".to_owned(), name));
            }
            let deliveries = sent.remove(&activity.event.id);
            members.push(("deliveries".to_owned(), deliveries.unwrap_or_default()));
            told.push(Value::Map(members));
        }
        Ok(told)
    }

    /// The names of webhooks that events tell of.
    async fn webhooks_told_of(
        &self,
        project: &Project,
        activities: &[Activity],
    ) -> Result<HashMap<WebhookId, String>, Fault> {
        let told = activities.iter().filter_map(|a| match &a.event.what {
            What::WebhookDisabled(gone) => Some(gone.id),
            _ => None,
        });
        let told: Vec<WebhookId> = told.collect();
        if told.is_empty() {
            return Ok(HashMap::new());
        }
        let names = self.store.webhook_names(project.id, &told).await;
        Ok(names.map_err(refusal)?.into_iter().collect())
    }

    /// How many deliveries events have, of each `{total, by_state: [{state, count}]}`.
    async fn sent_because_of(
        &self,
        project: &Project,
        events: &[EventId],
    ) -> Result<HashMap<EventId, Value>, Fault> {
        let tally = self.store.tally(project.id, events).await;
        let mut by_state: HashMap<EventId, Vec<(DeliveryState, u64)>> =
            events.iter().map(|event| (*event, Vec::new())).collect();
        for (event, state, count) in tally.map_err(refusal)? {
            by_state.entry(event).or_default().push((state, count));
        }
        let counted = |counts: Vec<(DeliveryState, u64)>| {
            let state = |(state, count): &(DeliveryState, u64)| {
                object([
                    ("state", state.as_str().into()),
                    ("count", whole_number(*count)),
                ])
            };
            object([
                ("total", whole_number(counts.iter().map(|(_, n)| n).sum())),
                ("by_state", Value::List(counts.iter().map(state).collect())),
            ])
        };
        let all = by_state.into_iter();
        Ok(all
            .map(|(event, counts)| (event, counted(counts)))
            .collect())
    }

    /// What members of a project are called, also those that are gone.
    pub async fn member_names(
        &self,
        project: &Project,
        members: &[i64],
    ) -> Result<Vec<(i64, String)>, Fault> {
        let mut names = Vec::new();
        let job = Box::new(|state: &dyn Snapshot| {
            names = members
                .iter()
                .map(|id| (*id, name_of(state, *id)))
                .collect();
        });
        let read = self.store.read(project.id, AsOf::Now, job).await;
        read.map_err(refusal)?;
        Ok(names)
    }

    /// An object as people work on it: `{object, comments, timers, times, members, sprints}`. `comments` are those on it, `timers` run on
    /// it, `times` were spent on it (`more_times`: so many are not listed; `minutes`: of all);
    /// `members` (active ones) and `sprints` are what a form offers.
    pub async fn workbench(
        &self,
        caller: &Caller,
        project: &Project,
        collection: Collection,
        id: Option<&str>,
    ) -> Result<Value, Fault> {
        Access::Project.check(caller)?;
        let target = id.map(|id| Target::parse(id).ok_or_else(absent));
        let target = target.transpose()?;
        let mut answer = Err(absent());
        let job =
            Box::new(|state: &dyn Snapshot| answer = laid_out(state, collection, target.as_ref()));
        let read = self.store.read(project.id, AsOf::Now, job).await;
        read.map_err(refusal)?;
        answer
    }
}

fn laid_out(
    state: &dyn Snapshot,
    collection: Collection,
    target: Option<&Target>,
) -> Result<Value, Fault> {
    let doc = match target {
        None => None,
        Some(target) => Some(
            target
                .id(state, collection)
                .and_then(|id| state.get(ObjectRef::new(collection, id)))
                .ok_or_else(absent)?,
        ),
    };
    let key = doc.as_ref().map(|doc| doc.key());
    let comments = key.map_or_else(Vec::new, |key| comments(state, key));
    let entries = key.map(|key| state.referrers(key, Collection::TimeEntries, "on"));
    let entries = entries.unwrap_or_default();
    let (running, done) = (timers(state, &entries), times(state, &entries));
    let spent = entries.iter().filter(|doc| !doc.flag("running"));
    let spent: Vec<i64> = spent.filter_map(|doc| doc.int("minutes")).collect();
    Ok(object([
        ("object", doc.as_ref().map(|doc| whole(doc)).into()),
        ("comments", Value::List(comments)),
        ("timers", Value::List(running)),
        (
            "more_times",
            whole_number(spent.len().saturating_sub(done.len()) as u64),
        ),
        ("times", Value::List(done)),
        ("minutes", spent.iter().sum::<i64>().into()),
        ("members", Value::List(members(state))),
        ("sprints", Value::List(sprints(state))),
    ]))
}

/// Every member of an object, as the API shows it.
fn whole(doc: &Doc) -> Value {
    let text = serde_json::to_vec(doc).unwrap_or_default();
    Value::parse(&text).unwrap_or_default()
}

fn whole_number(count: u64) -> Value {
    i64::try_from(count).unwrap_or(i64::MAX).into()
}

fn comments(view: &dyn View, on: ObjectRef) -> Vec<Value> {
    let all = view.referrers(on, Collection::Comments, "on");
    let latest = all.iter().rev().take(MOST_COMMENTS);
    let show = |doc: &Arc<Doc>| {
        object([
            ("id", doc.id().into()),
            ("body", doc.text("body").into()),
            (
                "by",
                doc.int("created_by").map(|id| name_of(view, id)).into(),
            ),
            ("at", doc.get("created_at").clone()),
        ])
    };
    latest.map(show).collect()
}

fn timers(view: &dyn View, all: &[Arc<Doc>]) -> Vec<Value> {
    let running = all.iter().filter(|doc| doc.flag("running"));
    let show = |doc: &Arc<Doc>| {
        object([
            ("id", doc.id().into()),
            ("by", doc.int("member").map(|id| name_of(view, id)).into()),
            ("since", doc.get("started_at").clone()),
        ])
    };
    running.map(show).collect()
}

/// Time that was spent, the latest first.
fn times(view: &dyn View, all: &[Arc<Doc>]) -> Vec<Value> {
    let done = all.iter().rev().filter(|doc| !doc.flag("running"));
    let show = |doc: &Arc<Doc>| {
        let at = match doc.get("started_at") {
            Value::Null => doc.get("created_at"),
            at => at,
        };
        object([
            ("id", doc.id().into()),
            ("by", doc.int("member").map(|id| name_of(view, id)).into()),
            ("minutes", doc.int("minutes").into()),
            ("note", doc.opt_text("note").into()),
            ("at", at.clone()),
        ])
    };
    done.take(MOST_TIMES).map(show).collect()
}

fn members(view: &dyn View) -> Vec<Value> {
    let all = view.all(Collection::Members);
    let active = all.iter().filter(|doc| doc.flag("active"));
    let show = |doc: &Arc<Doc>| object([("id", doc.id().into()), ("name", full_name(doc).into())]);
    active.take(MOST_CHOICES).map(show).collect()
}

fn sprints(view: &dyn View) -> Vec<Value> {
    let all = view.all(Collection::Sprints);
    let show =
        |doc: &Arc<Doc>| object([("id", doc.id().into()), ("name", doc.text("name").into())]);
    all.iter().rev().take(MOST_CHOICES).map(show).collect()
}

fn full_name(doc: &Doc) -> String {
    let name = format!("{} {}", doc.text("first_name"), doc.text("last_name"));
    name.trim().to_owned()
}

/// The name of a member, also of one that is gone.
fn name_of(view: &dyn View, id: i64) -> String {
    view.person(id)
        .map_or_else(|| format!("Member {id}"), |doc| full_name(&doc))
}

/// What is said beside an event.
fn beside(view: &dyn View, event: &Event) -> Vec<(String, Value)> {
    let mut members = vec![(
        "actor_name".to_owned(),
        event.actor.map(|id| name_of(view, id)).into(),
    )];
    let mut say = |name: &str, value: Value| members.push((name.to_owned(), value));
    if let What::Change(change) = &event.what {
        let doc = &change.object;
        let on = doc.reference("on");
        say("label", label(doc).into());
        say("on", on.map(ObjectRef::to_value).unwrap_or_default());
        let on_title = on.map(|on| named::called(view, on.collection, on.id));
        say("on_title", on_title.into());
        let text = doc.opt_text("body").or(doc.opt_text("note"));
        let text = change
            .comment
            .as_ref()
            .and_then(|c| c.opt_text("body"))
            .or(text);
        say("text", text.map(excerpt).into());
        say(
            "changes",
            named::changes(view, doc.collection(), &change.changes),
        );
    }
    if let What::Bulk(bulk) = &event.what {
        say("set", named::set(view, &bulk.set));
    }
    members
}

fn title_of(view: &dyn View, on: ObjectRef) -> Option<String> {
    let doc = view.get(on)?;
    label(&doc).or_else(|| doc.opt_text("body").map(excerpt))
}

/// What people call an object; things that hang on others have no name of their own.
fn label(doc: &Doc) -> Option<String> {
    if doc.collection() == Collection::Members {
        return Some(full_name(doc));
    }
    let title = doc.opt_text("title").or(doc.opt_text("name"));
    title.map(excerpt)
}

fn excerpt(text: &str) -> String {
    let mut short: String = text.chars().take(EXCERPT).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}
