//! Backlog (Nulab): one body for all events, told apart by a numeric `type`; no headers of its own, no signature.

mod content;
mod diff;
mod issue;
mod payload;
mod people;
mod table;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use serde::Serialize;
use tidings_domain::project::TextFormatting;
use tidings_domain::{Change, Collection, Doc, Verb, View, What, time};

use crate::{About, Dialect, Message, ObjectScope, Phrase, Scope, derived, json};
use payload::{
    Activity, Attachment, BulkComment, BulkUpdate, Comment, CommentedIssue, DeletedIssue, Link,
    NotifiedIssue, UpdatedIssue,
};
use people::{newly_first, reason};

/// The dialect.
pub struct Backlog;

impl Dialect for Backlog {
    fn name(&self) -> &'static str {
        "backlog"
    }

    fn title(&self) -> &'static str {
        "Backlog"
    }

    fn description(&self) -> &'static str {
        "For receivers written for Nulab's Backlog: one JSON body with a numeric type, as in its \"Get Recent Updates\" API. \
         Types 1 to 26: issues, wiki, files, Git and Subversion, pull requests, members, milestones, teams. Backlog signs nothing."
    }

    fn exposes(&self) -> &'static str {
        "issue texts, commit messages and e-mail addresses"
    }

    fn phrases(&self) -> &'static [Phrase] {
        table::PHRASES
    }

    fn object(&self, scope: &ObjectScope<'_>, doc: &Arc<Doc>) -> Option<Vec<u8>> {
        let view = scope.view;
        Some(match doc.collection() {
            c if c.is_item() => json::compact(&issue::issue(view, doc)),
            Collection::WikiPages => json::compact(&content::wiki(doc)),
            Collection::SharedFiles => json::compact(&content::shared_file(doc)),
            Collection::Commits => json::compact(&content::commit(doc)),
            Collection::Pushes => json::compact(&content::push(view, doc)),
            Collection::Repositories => json::compact(&content::repository(doc)),
            Collection::PullRequests => {
                json::compact(&content::pull_request(view, doc, None, None))
            }
            Collection::Releases => json::compact(&content::milestone(doc)),
            Collection::Teams => json::compact(&content::team(doc)),
            Collection::Members => json::compact(&people::user(doc)),
            Collection::Comments => json::compact(&content::comment(doc)),
            _ => return None,
        })
    }

    fn head(&self, _code: &str, say: &mut dyn FnMut(&'static str, &str)) {
        say("Content-Type", "application/json");
    }
}

/// Wraps a content into the body that all types share.
fn body(
    scope: &Scope<'_>,
    phrase: &Phrase,
    content: impl Serialize,
    told: Vec<(i64, i64)>,
) -> Vec<u8> {
    let (view, event) = (scope.view, scope.event);
    let project = view.project();
    json::compact(&Activity {
        created: time::show(event.at),
        project: payload::Project {
            archived: project.archived,
            project_key: project.key.clone(),
            name: project.name.clone(),
            chart_enabled: project.chart_enabled,
            id: project.id.0,
            subtasking_enabled: project.subtasking_enabled,
            text_formatting_rule: match project.text_formatting {
                TextFormatting::Markdown => "markdown",
                TextFormatting::Backlog => "backlog",
            },
        },
        id: event.id.0,
        kind: phrase.code.parse().unwrap_or_default(),
        content,
        notifications: people::notifications(view, event, told),
        created_user: people::created_user(view, event),
    })
}

fn message(
    scope: &Scope<'_>,
    phrase: &Phrase,
    change: &Change,
    content: impl Serialize,
    told: Vec<(i64, i64)>,
) -> Message {
    phrase.message(change, body(scope, phrase, content, told))
}

/// The change, unless it is part of a bulk update: of those Backlog tells only the whole.
fn single<'a>(scope: &Scope<'a>, verb: Verb) -> Option<&'a Change> {
    scope
        .change()
        .filter(|c| c.bulk.is_none() && c.verb == verb)
}

fn with_reason(people: Vec<i64>, reason: i64) -> Vec<(i64, i64)> {
    people.into_iter().map(|id| (id, reason)).collect()
}

// === Issues ===

fn issue_created(scope: &Scope<'_>, phrase: &Phrase, out: &mut Vec<Message>) {
    if let Some(change) = single(scope, Verb::Created) {
        let told = newly_first(change)
            .map(|id| (id, reason::ASSIGNED))
            .into_iter()
            .collect();
        out.push(message(
            scope,
            phrase,
            change,
            issue::issue(scope.view, &change.object),
            told,
        ));
    }
}

fn issue_updated(scope: &Scope<'_>, phrase: &Phrase, out: &mut Vec<Message>) {
    let Some(change) = scope.change() else { return };
    if change.object.collection() == Collection::Attachments {
        return attachment(scope, phrase, change, out);
    }
    let Some(change) = single(scope, Verb::Updated) else {
        return;
    };
    let changes = issue::changes(scope.view, change);
    if changes.is_empty() && change.comment.is_none() {
        return;
    }
    let mut told = with_reason(
        change
            .comment
            .as_ref()
            .map(|c| c.ids("notify"))
            .unwrap_or_default(),
        reason::UPDATED,
    );
    told.extend(newly_first(change).map(|id| (id, reason::UPDATED)));
    let content = UpdatedIssue {
        issue: issue::issue(scope.view, &change.object),
        changes,
        comment: change
            .comment
            .as_ref()
            .map(|c| content::comment(c))
            .unwrap_or_default(),
        attachments: Vec::new(),
        shared_files: [],
    };
    out.push(message(scope, phrase, change, content, told));
}

/// A file that came to an issue or went from it is an update of the issue.
fn attachment(scope: &Scope<'_>, phrase: &Phrase, change: &Change, out: &mut Vec<Message>) {
    let file = &change.object;
    let Some(item) = derived::subject(scope.view, file).filter(|d| d.collection().is_item()) else {
        return;
    };
    let name = file.text("name").to_owned();
    let (old, new) = match change.verb {
        Verb::Created => (String::new(), name.clone()),
        Verb::Deleted => (name.clone(), String::new()),
        _ => return,
    };
    let added = Attachment {
        id: file.id(),
        name,
        size: file.int("size").unwrap_or_default(),
    };
    let content = UpdatedIssue {
        issue: issue::issue(scope.view, &item),
        changes: vec![payload::FieldChange {
            field: "attachment".into(),
            old_value: Some(old),
            kind: Some("standard"),
            new_value: new,
        }],
        comment: Comment::default(),
        attachments: if change.verb == Verb::Created {
            vec![added]
        } else {
            Vec::new()
        },
        shared_files: [],
    };
    out.push(message(scope, phrase, change, content, Vec::new()));
}

/// The comment's issue, if that is what it is on.
fn commented(view: &dyn View, comment: &Doc) -> Option<Arc<Doc>> {
    derived::subject(view, comment).filter(|d| d.collection().is_item())
}

fn issue_commented(scope: &Scope<'_>, phrase: &Phrase, out: &mut Vec<Message>) {
    let Some(change) = single(scope, Verb::Created) else {
        return;
    };
    let comment = &change.object;
    let Some(item) = commented(scope.view, comment) else {
        return;
    };
    let content = CommentedIssue {
        summary: item.text("title").to_owned(),
        key_id: item.int("number"),
        description: item.text("description").to_owned(),
        comment: content::comment(comment),
        id: item.id(),
    };
    out.push(message(
        scope,
        phrase,
        change,
        content,
        with_reason(comment.ids("notify"), reason::COMMENTED),
    ));
}

/// Deleted, or moved to another project: for this one the same.
fn issue_deleted(scope: &Scope<'_>, phrase: &Phrase, out: &mut Vec<Message>) {
    if let Some(change) = single(scope, Verb::Deleted).or_else(|| single(scope, Verb::Moved)) {
        let item = &change.object;
        out.push(message(
            scope,
            phrase,
            change,
            DeletedIssue {
                key_id: item.int("number"),
                id: item.id(),
            },
            Vec::new(),
        ));
    }
}

fn notified(scope: &Scope<'_>, phrase: &Phrase, out: &mut Vec<Message>) {
    let Some(change) = single(scope, Verb::Notified) else {
        return;
    };
    let Some(item) = commented(scope.view, &change.object) else {
        return;
    };
    let content = NotifiedIssue {
        summary: item.text("title").to_owned(),
        key_id: item.int("number"),
        changes: [],
        description: item.text("description").to_owned(),
        attachments: [],
        shared_files: [],
        comment: content::comment(&change.object),
        id: item.id(),
    };
    out.push(message(
        scope,
        phrase,
        change,
        content,
        with_reason(change.notified.clone(), reason::OTHER),
    ));
}

fn bulk(scope: &Scope<'_>, phrase: &Phrase, out: &mut Vec<Message>) {
    let What::Bulk(bulk) = &scope.event.what else {
        return;
    };
    let changes = issue::bulk_changes(scope.view, bulk);
    if bulk.objects.is_empty() || (changes.is_empty() && bulk.comment.is_none()) {
        return;
    }
    let link = |item: &Arc<Doc>| Link {
        key_id: item.int("number").unwrap_or_default().to_string(),
        id: item.id().to_string(),
        title: item.text("title").to_owned(),
    };
    let content = BulkUpdate {
        link: bulk.objects.iter().map(link).collect(),
        changes,
        comment: bulk.comment.as_ref().map(|text| BulkComment {
            content: text.clone(),
        }),
        tx_id: scope.event.id.to_string(),
    };
    out.push(Message {
        code: phrase.code,
        body: body(scope, phrase, content, Vec::new()),
        about: About::Items(bulk.objects.iter().map(|item| item.key()).collect()),
        unless: None,
    });
}

// === Everything else ===

fn wiki_created(scope: &Scope<'_>, phrase: &Phrase, out: &mut Vec<Message>) {
    told(scope, phrase, Verb::Created, out, |c| {
        Some(content::wiki(&c.object))
    });
}

fn wiki_updated(scope: &Scope<'_>, phrase: &Phrase, out: &mut Vec<Message>) {
    told(scope, phrase, Verb::Updated, out, |c| {
        (c.changed("name").is_some() || c.changed("content").is_some())
            .then(|| content::updated_wiki(c))
    });
}

fn wiki_deleted(scope: &Scope<'_>, phrase: &Phrase, out: &mut Vec<Message>) {
    told(scope, phrase, Verb::Deleted, out, |c| {
        Some(content::wiki(&c.object))
    });
}

fn file_added(scope: &Scope<'_>, phrase: &Phrase, out: &mut Vec<Message>) {
    told(scope, phrase, Verb::Created, out, |c| {
        Some(content::shared_file(&c.object))
    });
}

fn file_updated(scope: &Scope<'_>, phrase: &Phrase, out: &mut Vec<Message>) {
    told(scope, phrase, Verb::Updated, out, |c| {
        ["dir", "name", "size"]
            .iter()
            .any(|m| c.changed(m).is_some())
            .then(|| content::shared_file(&c.object))
    });
}

fn file_deleted(scope: &Scope<'_>, phrase: &Phrase, out: &mut Vec<Message>) {
    told(scope, phrase, Verb::Deleted, out, |c| {
        Some(content::shared_file(&c.object))
    });
}

fn committed(scope: &Scope<'_>, phrase: &Phrase, out: &mut Vec<Message>) {
    told(scope, phrase, Verb::Created, out, |c| {
        Some(content::commit(&c.object))
    });
}

fn pushed(scope: &Scope<'_>, phrase: &Phrase, out: &mut Vec<Message>) {
    told(scope, phrase, Verb::Created, out, |c| {
        Some(content::push(scope.view, &c.object))
    });
}

fn repository_created(scope: &Scope<'_>, phrase: &Phrase, out: &mut Vec<Message>) {
    told(scope, phrase, Verb::Created, out, |c| {
        Some(content::repository_created(&c.object))
    });
}

fn member_added(scope: &Scope<'_>, phrase: &Phrase, out: &mut Vec<Message>) {
    told(scope, phrase, Verb::Created, out, |c| {
        Some(content::members(&c.object))
    });
}

fn member_removed(scope: &Scope<'_>, phrase: &Phrase, out: &mut Vec<Message>) {
    told(scope, phrase, Verb::Deleted, out, |c| {
        Some(content::members(&c.object))
    });
}

fn milestone_created(scope: &Scope<'_>, phrase: &Phrase, out: &mut Vec<Message>) {
    told(scope, phrase, Verb::Created, out, |c| {
        Some(content::milestone(&c.object))
    });
}

fn milestone_updated(scope: &Scope<'_>, phrase: &Phrase, out: &mut Vec<Message>) {
    told(
        scope,
        phrase,
        Verb::Updated,
        out,
        content::updated_milestone,
    );
}

fn milestone_deleted(scope: &Scope<'_>, phrase: &Phrase, out: &mut Vec<Message>) {
    told(scope, phrase, Verb::Deleted, out, |c| {
        Some(content::milestone(&c.object))
    });
}

fn team_added(scope: &Scope<'_>, phrase: &Phrase, out: &mut Vec<Message>) {
    told(scope, phrase, Verb::Created, out, |c| {
        Some(content::team(&c.object))
    });
}

fn team_deleted(scope: &Scope<'_>, phrase: &Phrase, out: &mut Vec<Message>) {
    told(scope, phrase, Verb::Deleted, out, |c| {
        Some(content::team(&c.object))
    });
}

/// A change of that verb whose content needs nobody told.
fn told<C: Serialize>(
    scope: &Scope<'_>,
    phrase: &Phrase,
    verb: Verb,
    out: &mut Vec<Message>,
    content: impl Fn(&Change) -> Option<C>,
) {
    if let Some(change) = single(scope, verb)
        && let Some(content) = content(change)
    {
        out.push(message(scope, phrase, change, content, Vec::new()));
    }
}

// === Pull requests ===

fn pull_request_added(scope: &Scope<'_>, phrase: &Phrase, out: &mut Vec<Message>) {
    if let Some(change) = single(scope, Verb::Created) {
        let told = newly_first(change)
            .map(|id| (id, reason::PULL_REQUEST_ASSIGNED))
            .into_iter()
            .collect();
        out.push(message(
            scope,
            phrase,
            change,
            content::pull_request(scope.view, &change.object, None, None),
            told,
        ));
    }
}

fn pull_request_updated(scope: &Scope<'_>, phrase: &Phrase, out: &mut Vec<Message>) {
    let Some(change) = single(scope, Verb::Updated) else {
        return;
    };
    let comment = change.comment.as_deref();
    if comment.is_none() && content::pull_request_changes(scope.view, change).is_empty() {
        return;
    }
    let mut told = with_reason(
        comment.map(|c| c.ids("notify")).unwrap_or_default(),
        reason::PULL_REQUEST_UPDATED,
    );
    told.extend(newly_first(change).map(|id| (id, reason::PULL_REQUEST_ASSIGNED)));
    out.push(message(
        scope,
        phrase,
        change,
        content::pull_request(scope.view, &change.object, Some(change), comment),
        told,
    ));
}

fn pull_request_commented(scope: &Scope<'_>, phrase: &Phrase, out: &mut Vec<Message>) {
    let Some(change) = single(scope, Verb::Created) else {
        return;
    };
    let comment = &change.object;
    let Some(pr) = content::on_pull_request(scope.view, comment) else {
        return;
    };
    let told = with_reason(comment.ids("notify"), reason::PULL_REQUEST_COMMENTED);
    out.push(message(
        scope,
        phrase,
        change,
        content::pull_request(scope.view, &pr, None, Some(comment)),
        told,
    ));
}

fn pull_request_deleted(scope: &Scope<'_>, phrase: &Phrase, out: &mut Vec<Message>) {
    told(scope, phrase, Verb::Deleted, out, |c| {
        Some(content::pull_request(scope.view, &c.object, None, None))
    });
}
