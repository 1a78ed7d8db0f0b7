//! People as Backlog shows them, and who is told about an event.

use tidings_domain::{Change, Doc, Event, Value, View};

use super::payload::{Notification, NulabAccount, User};
use crate::derived;

/// Backlog's number for a role.
pub(super) fn role_type(person: &Doc) -> i64 {
    match person.text("role") {
        "product_owner" | "scrum_master" => 1,
        "stakeholder" => 3,
        _ => 2,
    }
}

/// The language, if it is known.
pub(super) fn lang(person: &Doc) -> Option<String> {
    person.opt_text("language").map(str::to_owned)
}

/// The Nulab account of a member, if they linked one.
pub(super) fn nulab_account(person: &Doc) -> Option<NulabAccount> {
    let account = person.get("nulab_account");
    let text = |member| {
        account
            .member(member)
            .and_then(Value::as_str)
            .map(str::to_owned)
    };
    (!account.is_null()).then(|| NulabAccount {
        nulab_id: text("nulab_id"),
        name: text("name"),
        unique_id: text("unique_id"),
    })
}

/// A person.
pub(super) fn user(person: &Doc) -> User {
    User {
        nulab_account: nulab_account(person),
        name: derived::full_name(person),
        mail_address: person.opt_text("email").map(str::to_owned),
        id: person.id(),
        role_type: role_type(person),
        lang: lang(person),
        user_id: person.opt_text("username").map(str::to_owned),
    }
}

/// Who did it; a change without an actor was Tidings' own.
pub(super) fn created_user(view: &dyn View, event: &Event) -> User {
    event.actor.and_then(|id| view.person(id)).map_or_else(
        || User {
            nulab_account: None,
            name: "Tidings".into(),
            mail_address: None,
            id: 0,
            role_type: 2,
            lang: None,
            user_id: None,
        },
        |person| user(&person),
    )
}

/// Backlog's reasons for telling somebody.
pub(super) mod reason {
    pub(crate) const ASSIGNED: i64 = 1;
    pub(crate) const COMMENTED: i64 = 2;
    pub(crate) const UPDATED: i64 = 4;
    pub(crate) const OTHER: i64 = 9;
    pub(crate) const PULL_REQUEST_ASSIGNED: i64 = 10;
    pub(crate) const PULL_REQUEST_COMMENTED: i64 = 11;
    pub(crate) const PULL_REQUEST_UPDATED: i64 = 13;
}

/// Notifications for people with their reasons: each person once, without the actor.
pub(super) fn notifications(
    view: &dyn View,
    event: &Event,
    told: impl IntoIterator<Item = (i64, i64)>,
) -> Vec<Notification> {
    let mut seen = Vec::new();
    let mut all = Vec::new();
    for (id, reason) in told {
        if event.actor == Some(id) || seen.contains(&id) {
            continue;
        }
        seen.push(id);
        if let Some(person) = view.person(id) {
            let place = i64::try_from(all.len()).unwrap_or(0) + 1;
            let id = event.id.0.saturating_mul(1000).saturating_add(place);
            all.push(Notification {
                reason,
                resource_already_read: false,
                already_read: false,
                id,
                user: user(&person),
            });
        }
    }
    all
}

/// The member who is now first in `assignees` and was not before.
pub(super) fn newly_first(change: &Change) -> Option<i64> {
    let first = |doc: &Doc| doc.ids("assignees").first().copied();
    let now = first(&change.object)?;
    let before = change.before.as_ref().and_then(|b| first(b));
    (before != Some(now)).then_some(now)
}
