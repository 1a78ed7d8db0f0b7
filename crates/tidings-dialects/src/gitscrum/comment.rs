//! `comments.issues.*`: the comment with its replies.

use serde::Serialize;
use tidings_domain::Doc;

use super::parts::{Context, DateObj, Named, Resource, User};
use super::user_story::html;

/// A comment on a task, or a reply to one.
#[derive(Serialize)]
pub(super) struct Comment {
    id: i64,
    resource: Resource,
    #[expect(clippy::struct_field_names, reason = "the vendor's name")]
    comment: String,
    keywords: [(); 0],
    votes: usize,
    is_mine: bool,
    can_delete: bool,
    replies: Vec<Comment>,
    user: Option<User>,
    users: Vec<User>,
    company: Named,
    project: Named,
    created_at: Option<DateObj>,
    updated_at: Option<DateObj>,
}

impl Comment {
    /// A comment that is on `issue` in the end.
    pub(super) fn new(context: &Context<'_>, comment: &Doc, issue: &Doc) -> Self {
        Self::at_depth(context, comment, issue, 0)
    }

    fn at_depth(context: &Context<'_>, comment: &Doc, issue: &Doc, depth: usize) -> Self {
        let replies = context.replies(comment.key(), depth);
        Self {
            id: comment.id(),
            resource: Resource::task(context, issue),
            comment: html(comment, "body").unwrap_or_default(),
            keywords: [],
            votes: context.votes(comment.key()),
            is_mine: context.actor == comment.int("created_by"),
            can_delete: true,
            replies: replies
                .iter()
                .map(|reply| Self::at_depth(context, reply, issue, depth + 1))
                .collect(),
            user: context.user(comment.int("created_by")),
            users: context.users(&comment.ids("notify")),
            company: context.company(),
            project: context.project_name(),
            created_at: context.date_of(comment, "created_at"),
            updated_at: context.date_of(comment, "updated_at"),
        }
    }
}
