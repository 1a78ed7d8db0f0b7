//! The bodies of the standard dialect.

use serde::Serialize;

use tidings_domain::event::{FieldChange, WebhookDisabled};
use tidings_domain::{Change, Doc, Project, Text, Value, time};

use crate::{Scope, derived};

/// The envelope of Standard Webhooks.
#[derive(Serialize)]
pub(super) struct Body<D> {
    r#type: &'static str,
    timestamp: Text,
    data: D,
}

/// What happened to an object. The objects are the domain's own: here, what people see *is* the contract.
#[derive(Serialize)]
pub(super) struct Told<'a> {
    event_id: i64,
    sequence: i64,
    project: ProjectName<'a>,
    actor: Option<Actor>,
    collection: &'static str,
    id: i64,
    object: &'a Doc,
    #[serde(skip_serializing_if = "Option::is_none")]
    changes: Option<Vec<Member<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<&'a Doc>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bulk_id: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    moved_to: Option<Destination<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    notified: Option<&'a [i64]>,
}

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

/// A webhook that the server switched off.
#[derive(Serialize)]
pub(super) struct Disabled<'a> {
    event_id: i64,
    project: ProjectName<'a>,
    actor: Option<Actor>,
    webhook: Webhook<'a>,
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

fn body<D>(scope: &Scope<'_>, code: &'static str, data: D) -> Body<D> {
    Body {
        r#type: code,
        timestamp: time::text(scope.event.at),
        data,
    }
}

fn told<'a>(scope: &Scope<'a>, change: &'a Change, object: &'a Doc) -> Told<'a> {
    let actor = scope.event.actor.and_then(|id| scope.view.person(id));
    Told {
        event_id: scope.event.id.0,
        sequence: object.sequence(),
        project: ProjectName::of(scope.view.project()),
        actor: actor.map(|person| Actor {
            id: person.id(),
            name: derived::full_name(&person),
            username: person.opt_text("username").map(str::to_owned),
        }),
        collection: object.collection().path(),
        id: object.id(),
        object,
        changes: None,
        comment: None,
        bulk_id: change.bulk.map(|id| id.0),
        moved_to: None,
        notified: None,
    }
}

/// A change under its own verb.
pub(super) fn change<'a>(
    scope: &Scope<'a>,
    code: &'static str,
    change: &'a Change,
) -> Body<Told<'a>> {
    use tidings_domain::Verb::{Notified, Updated};
    let told = Told {
        changes: (change.verb == Updated).then(|| change.changes.iter().map(Member::of).collect()),
        comment: change.comment.as_deref(),
        moved_to: change.moved_to.as_ref().map(|to| Destination {
            project: ProjectName::of(&to.project),
            id: to.id,
            number: to.number,
        }),
        notified: (change.verb == Notified).then_some(&*change.notified),
        ..told(scope, change, &change.object)
    };
    body(scope, code, told)
}

/// The comment that an update brought.
pub(super) fn comment<'a>(
    scope: &Scope<'a>,
    code: &'static str,
    change: &'a Change,
    comment: &'a Doc,
) -> Body<Told<'a>> {
    body(scope, code, told(scope, change, comment))
}

/// A webhook that the server switched off.
pub(super) fn disabled<'a>(
    scope: &Scope<'a>,
    code: &'static str,
    disabled: &'a WebhookDisabled,
) -> Body<Disabled<'a>> {
    let data = Disabled {
        event_id: scope.event.id.0,
        project: ProjectName::of(scope.view.project()),
        actor: None,
        webhook: Webhook {
            id: disabled.id.0,
            name: &disabled.name,
            host: &disabled.host,
            reason: &disabled.reason,
            since: time::text(disabled.since),
        },
    };
    body(scope, code, data)
}
