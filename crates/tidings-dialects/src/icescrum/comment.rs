//! Comment: on a story, a task or a feature; everything else has no comments in iceScrum.

use serde::Serialize;
use tidings_domain::{Collection, Doc};

use super::context::Context;
use super::short::text;
use super::user::User;
use crate::derived;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Comment {
    class: &'static str,
    id: i64,
    body: String,
    #[serde(rename = "body_html")]
    body_html: String,
    poster: Option<User>,
    date_created: String,
    last_updated: String,
    commentable: Commentable,
}

#[derive(Serialize)]
struct Commentable {
    class: &'static str,
    id: i64,
}

impl Comment {
    /// A comment; `None` where it is on nothing that iceScrum lets people comment.
    pub(super) fn new(context: &Context<'_>, comment: &Doc) -> Option<Self> {
        let on = derived::subject(context.view, comment)?;
        let poster = derived::person(context.view, comment, "created_by");
        Some(Self {
            class: "Comment",
            id: comment.id(),
            body: comment.text("body").to_owned(),
            body_html: derived::html(comment.text("body")),
            poster: poster.map(|person| User::new(context, &person)),
            date_created: text(comment, "created_at").unwrap_or_default(),
            last_updated: text(comment, "updated_at").unwrap_or_default(),
            commentable: Commentable {
                class: class(on.collection())?,
                id: on.id(),
            },
        })
    }
}

fn class(on: Collection) -> Option<&'static str> {
    match on {
        Collection::Stories | Collection::Defects => Some("Story"),
        Collection::Tasks | Collection::Tests => Some("Task"),
        Collection::Features => Some("Feature"),
        _ => None,
    }
}
