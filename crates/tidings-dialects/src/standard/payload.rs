//! The bodies of the standard dialect.

use serde::Serialize;

use tidings_domain::event::{FieldChange, WebhookDisabled};
use tidings_domain::json::Members;
use tidings_domain::{Change, Doc, Project, Text, Value, Verb, json, time};

use crate::{Scope, derived};

#[derive(Serialize)]
struct ProjectName<'a> {
    id: i64,
    key: &'a str,
    name: &'a str,
}

#[derive(Serialize)]
struct Actor {
    id: i64,
    name: String,
    username: Option<String>,
}

#[derive(Serialize)]
struct Member<'a> {
    #[serde(rename = "member")]
    name: &'a str,
    old: &'a Value,
    new: &'a Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    added: Option<Vec<&'a Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    removed: Option<Vec<&'a Value>>,
}

#[derive(Serialize)]
struct Destination<'a> {
    project: ProjectName<'a>,
    id: i64,
    number: i64,
}

#[derive(Serialize)]
struct Webhook<'a> {
    id: i64,
    name: &'a str,
    host: &'a str,
    reason: &'a str,
    since: Text,
}

impl<'a> ProjectName<'a> {
    fn of(project: &'a Project) -> Self {
        Self {
            id: project.id.0,
            key: &project.key,
            name: &project.name,
        }
    }
}

impl<'a> Member<'a> {
    fn of(change: &'a FieldChange) -> Self {
        let is_list = [&change.old, &change.new]
            .iter()
            .any(|value| matches!(value, Value::List(_)));
        Self {
            name: &change.member,
            old: &change.old,
            new: &change.new,
            added: is_list.then(|| change.added()),
            removed: is_list.then(|| change.removed()),
        }
    }
}

/// The envelope of Standard Webhooks.
fn message(scope: &Scope<'_>, code: &'static str, data: impl FnOnce(&mut Members<'_>)) -> Vec<u8> {
    json::object(|body| {
        body.add("type", code);
        body.add("timestamp", &time::text(scope.event.at));
        body.within("data", |told| {
            told.add("event_id", &scope.event.id.0);
            data(told);
        });
    })
}

/// What happened to an object. The objects are the domain's own: here, what people see *is* the contract.
fn told(scope: &Scope<'_>, object: &Doc, data: &mut Members<'_>) {
    let actor = scope.event.actor.and_then(|id| scope.view.person(id));
    let actor = actor.map(|person| Actor {
        id: person.id(),
        name: derived::full_name(&person),
        username: person.opt_text("username").map(str::to_owned),
    });
    data.add("sequence", &object.sequence());
    data.add("project", &ProjectName::of(scope.view.project()));
    data.add("actor", &actor);
    data.add("collection", object.collection().path());
    data.add("id", &object.id());
    data.put("object", |out| object.add_json(out));
}

/// A change under its own verb.
pub(super) fn change(scope: &Scope<'_>, code: &'static str, change: &Change) -> Vec<u8> {
    message(scope, code, |data| {
        told(scope, &change.object, data);
        if change.verb == Verb::Updated {
            let changes: Vec<Member<'_>> = change.changes.iter().map(Member::of).collect();
            data.add("changes", &changes);
        }
        if let Some(comment) = &change.comment {
            data.put("comment", |out| comment.add_json(out));
        }
        part_of(change, data);
        if let Some(to) = &change.moved_to {
            let destination = Destination {
                project: ProjectName::of(&to.project),
                id: to.id,
                number: to.number,
            };
            data.add("moved_to", &destination);
        }
        if change.verb == Verb::Notified {
            data.add("notified", &change.notified);
        }
    })
}

/// The comment that an update brought.
pub(super) fn comment(
    scope: &Scope<'_>,
    code: &'static str,
    change: &Change,
    comment: &Doc,
) -> Vec<u8> {
    message(scope, code, |data| {
        told(scope, comment, data);
        part_of(change, data);
    })
}

/// The bulk update that a change is part of.
fn part_of(change: &Change, data: &mut Members<'_>) {
    if let Some(bulk) = change.bulk {
        data.add("bulk_id", &bulk.0);
    }
}

/// A webhook that the server switched off.
pub(super) fn disabled(
    scope: &Scope<'_>,
    code: &'static str,
    disabled: &WebhookDisabled,
) -> Vec<u8> {
    message(scope, code, |data| {
        data.add("project", &ProjectName::of(scope.view.project()));
        data.add("actor", &None::<Actor>);
        let webhook = Webhook {
            id: disabled.id.0,
            name: &disabled.name,
            host: &disabled.host,
            reason: &disabled.reason,
            since: time::text(disabled.since),
        };
        data.add("webhook", &webhook);
    })
}
