//! User: in full where somebody wrote a comment, in short everywhere else.

use serde::Serialize;
use tidings_domain::project::slug;
use tidings_domain::{Collection, Doc};

use super::context::Context;
use super::short::text;
use crate::derived;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct User {
    class: &'static str,
    id: i64,
    account_external: bool,
    date_created: String,
    email: String,
    enabled: bool,
    first_name: String,
    last_login: Option<String>,
    last_name: String,
    last_updated: String,
    #[serde(rename = "teams_count")]
    teams_count: usize,
    uid: String,
    username: String,
    admin: bool,
}

impl User {
    pub(super) fn new(context: &Context<'_>, person: &Doc) -> Self {
        let teams = context.view.all(Collection::Teams);
        let holds = |team: &Doc| team.ids("members").contains(&person.id());
        Self {
            class: "User",
            id: person.id(),
            account_external: false,
            date_created: text(person, "created_at").unwrap_or_default(),
            email: person.text("email").to_owned(),
            enabled: person.flag("active"),
            first_name: person.text("first_name").to_owned(),
            last_login: text(person, "last_login_at"),
            last_name: person.text("last_name").to_owned(),
            last_updated: text(person, "updated_at").unwrap_or_default(),
            teams_count: teams.iter().filter(|team| holds(team)).count(),
            uid: derived::uuid(context.project(), person)
                .simple()
                .to_string(),
            username: username(person),
            admin: false,
        }
    }
}

/// The user name, else the part of the mail address before the `@`, else one made from the name.
fn username(person: &Doc) -> String {
    let mailbox = || {
        let (mailbox, _) = person.opt_text("email")?.split_once('@')?;
        (!mailbox.is_empty()).then(|| mailbox.to_owned())
    };
    text(person, "username")
        .or_else(mailbox)
        .unwrap_or_else(|| slug(&derived::full_name(person), "member", person.id()))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ShortUser {
    class: &'static str,
    id: i64,
    first_name: String,
    last_name: String,
}

impl ShortUser {
    pub(super) fn new(person: &Doc) -> Self {
        Self {
            class: "User",
            id: person.id(),
            first_name: person.text("first_name").to_owned(),
            last_name: person.text("last_name").to_owned(),
        }
    }
}
