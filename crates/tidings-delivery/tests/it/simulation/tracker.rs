//! What trackers say: a change as it is recorded, with everything it must lead to. Half of the changes are of real tasks and are
//! rendered, so that a webhook that was off can be told of them later; the others are said only to those who are on, and some are
//! about several items at once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use parking_lot::Mutex;
use tidings_delivery::tell::address;
use tidings_dialects::{Scope, find, render};
use tidings_domain::event::Bulk;
use tidings_domain::project::WebhookSwitch;
use tidings_domain::webhook::Webhook;
use tidings_domain::write::Overlay;
use tidings_domain::{
    Change, Collection, Doc, Event, EventId, ObjectRef, ProjectId, Time, Value, Verb, WebhookId,
    What,
};
use tidings_storage::{
    EventIds, Memo, NewMessage, Plan, RecordedEvent, Snapshot, Write, WriteWhat,
};

/// Under which the keys of all changes are kept.
const SCOPE: &str = "project 0/tracker";

/// What is said.
#[derive(Clone, Debug)]
pub(crate) enum Saying {
    /// Something about these items, to these webhooks if they are on. Nobody can say it again later.
    Once(Vec<ObjectRef>, BTreeSet<WebhookId>),
    /// A task was created or updated; told to whoever selected it.
    Saved(ObjectRef),
    /// A task was deleted, if there is one.
    Deleted(ObjectRef),
}

/// A change that is to be recorded.
#[derive(Clone, Debug)]
pub(crate) struct Report {
    /// Counts all changes.
    pub(crate) number: u64,
    pub(crate) project: ProjectId,
    pub(crate) saying: Saying,
    pub(crate) at: Time,
    /// Whether it may be sent again until it is answered, and is recorded once all the same.
    pub(crate) has_key: bool,
}

/// What must have become of everything that was recorded.
#[derive(Default)]
pub(crate) struct Tally {
    /// The events of each change; a change has one at most.
    pub(crate) events: Mutex<BTreeMap<u64, Vec<EventId>>>,
    /// To whom each event is told, and under which codes, however long that takes.
    pub(crate) told: Mutex<BTreeMap<EventId, BTreeSet<(WebhookId, &'static str)>>>,
    /// Who heard of it when it happened.
    pub(crate) at_once: Mutex<BTreeSet<(EventId, WebhookId)>>,
    /// Changes that were recorded already when they came.
    pub(crate) repeats: AtomicU64,
}

impl Report {
    /// What is written. Whoever runs this writes it: the store has no reason to refuse it.
    pub(crate) fn plan(
        &self,
        tally: &Tally,
        server_url: &str,
        state: &dyn Snapshot,
        ids: &mut dyn EventIds,
    ) -> Plan {
        let key = self.number.to_string();
        if self.has_key && state.memo(SCOPE, &key).is_some() {
            tally.repeats.fetch_add(1, Ordering::Relaxed);
            return Plan::default();
        }
        let id = ids.next();
        tally.events.lock().entry(self.number).or_default().push(id);
        let mut plan = match &self.saying {
            Saying::Once(roots, wanted) => self.once(roots, wanted, state, id),
            Saying::Saved(task) => self.save(*task, state, id),
            Saying::Deleted(task) => match state.get(*task) {
                Some(doc) => self.changed(Change::plain(Verb::Deleted, doc), id),
                None => self.save(*task, state, id),
            },
        };
        if !matches!(self.saying, Saying::Once(..)) {
            plan.messages = tell(tally, &plan, server_url, state);
        }
        if self.has_key {
            plan.memos.push(Memo {
                scope: SCOPE.to_owned(),
                key,
                answer: id.to_string(),
            });
        }
        plan
    }

    fn save(&self, task: ObjectRef, state: &dyn Snapshot, id: EventId) -> Plan {
        let before = state.get(task);
        let sequence = before.as_ref().map_or(1, |b| b.sequence() + 1);
        let words = if self.number.is_multiple_of(5) {
            "poison"
        } else {
            "as usual"
        };
        let doc = Doc::empty(Collection::Tasks)
            .with("id", task.id)
            .with("sequence", sequence)
            .with("title", format!("change {}", self.number))
            .with("description", words);
        let verb = before.as_ref().map_or(Verb::Created, |_| Verb::Updated);
        let change = Change {
            before,
            ..Change::plain(verb, Arc::new(doc))
        };
        self.changed(change, id)
    }

    fn changed(&self, change: Change, id: EventId) -> Plan {
        let what = match change.verb {
            Verb::Deleted => WriteWhat::Delete(change.object.key()),
            _ => WriteWhat::Put(Arc::clone(&change.object)),
        };
        let write = Write {
            project: self.project,
            version: id,
            what,
        };
        Plan {
            writes: vec![write],
            events: vec![self.event(id, What::Change(change))],
            ..Plan::default()
        }
    }

    fn event(&self, id: EventId, what: What) -> RecordedEvent {
        let event = Event {
            id,
            project: self.project,
            at: self.at,
            actor: None,
            what,
        };
        RecordedEvent {
            event: Arc::new(event),
            listed: false,
        }
    }

    fn once(
        &self,
        roots: &[ObjectRef],
        wanted: &BTreeSet<WebhookId>,
        state: &dyn Snapshot,
        id: EventId,
    ) -> Plan {
        let is_on = state.project().webhooks == WebhookSwitch::On;
        let hooks = state.webhooks();
        let wants = |w: &&Arc<Webhook>| is_on && w.enabled && wanted.contains(&w.id);
        let mut messages = Vec::new();
        for (dialect, code) in [("standard", "task.updated"), ("icescrum", "task.update")] {
            let own = hooks.iter().filter(wants).filter(|w| w.dialect == dialect);
            let webhooks: Vec<WebhookId> = own.map(|w| w.id).collect();
            if webhooks.is_empty() {
                continue;
            }
            let body = format!("{{\"code\":\"{code}\",\"change\":{}}}", self.number);
            messages.push(NewMessage {
                project: self.project,
                event: id,
                dialect,
                code,
                body: Bytes::from(body),
                object: roots[0].to_string(),
                sequence: Some(id.0),
                roots: roots.to_vec(),
                title: String::new(),
                webhooks,
            });
        }
        let bulk = Bulk {
            changes: Vec::new(),
            objects: Vec::new(),
            set: Vec::new(),
            comment: None,
        };
        Plan {
            events: vec![self.event(id, What::Bulk(bulk))],
            messages,
            ..Plan::default()
        }
    }
}

/// The messages of a change for those webhooks that are on; those that are off must hear of it when people want it.
fn tell(tally: &Tally, plan: &Plan, server_url: &str, state: &dyn Snapshot) -> Vec<NewMessage> {
    let event = &plan.events[0].event;
    let mut view = Overlay::new(state);
    match &plan.writes[0].what {
        WriteWhat::Put(doc) => view.put(event.id, Arc::clone(doc)),
        _ => view.delete(event.id, &event.change().unwrap().object),
    }
    let hooks = state.webhooks();
    let is_on = state.project().webhooks == WebhookSwitch::On;
    let on = hooks.iter().filter(|w| is_on && w.enabled).map(|w| w.id);
    let on: BTreeSet<WebhookId> = on.collect();
    let mut messages = Vec::new();
    let mut expected = BTreeSet::new();
    for dialect in ["standard", "icescrum"].map(|name| find(name).unwrap()) {
        let own = hooks.iter().filter(|w| w.dialect == dialect.name());
        let own: Vec<&Webhook> = own.map(|webhook| &**webhook).collect();
        if own.is_empty() {
            continue;
        }
        let scope = Scope {
            event,
            view: &view,
            server_url,
            options: &Value::Null,
        };
        for message in render(dialect, &scope, &mut |_| true) {
            let Some(mut message) = address(message, dialect, &own, event, &view) else {
                continue;
            };
            expected.extend(message.webhooks.iter().map(|id| (*id, message.code)));
            message.webhooks.retain(|id| on.contains(id));
            let told = message.webhooks.iter().map(|hook| (event.id, *hook));
            tally.at_once.lock().extend(told);
            if !message.webhooks.is_empty() {
                messages.push(message);
            }
        }
    }
    tally.told.lock().insert(event.id, expected);
    messages
}
