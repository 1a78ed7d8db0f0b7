//! The content of everything that is no issue: wiki, files, commits, pull requests, members, milestones, teams.

use tidings_domain::{Change, Collection, Doc, ObjectRef, Value, View};

use super::payload::{
    Comment, FieldChange, MilestoneTold, MilestoneUpdated, ProjectUser, ProjectUsers, PullRequest,
    Push, Repository, RepositoryCreated, Revision, SharedFile, Team, Teams, UpdatedWiki, Wiki,
};
use super::{diff, issue, people};
use crate::derived;

pub(super) fn wiki(page: &Doc) -> Wiki {
    Wiki {
        name: page.text("name").to_owned(),
        id: page.id(),
        content: page.text("content").to_owned(),
    }
}

pub(super) fn updated_wiki(change: &Change) -> UpdatedWiki {
    let page = &change.object;
    let before = change.before.as_ref().map_or("", |b| b.text("content"));
    UpdatedWiki {
        name: page.text("name").to_owned(),
        diff: diff::normal(before, page.text("content")),
        id: page.id(),
        version: page.int("version"),
        content: page.text("content").to_owned(),
    }
}

pub(super) fn shared_file(file: &Doc) -> SharedFile {
    SharedFile {
        id: file.id(),
        dir: file.text("dir").to_owned(),
        name: file.text("name").to_owned(),
        size: file.int("size").unwrap_or_default(),
    }
}

pub(super) fn commit(commit: &Doc) -> Revision<Option<i64>> {
    Revision {
        rev: commit.int("rev"),
        comment: commit.text("message").to_owned(),
    }
}

pub(super) fn repository(repository: &Doc) -> Repository {
    Repository {
        description: repository.opt_text("description").map(str::to_owned),
        id: repository.id(),
        name: repository.text("name").to_owned(),
    }
}

fn repository_of(view: &dyn View, doc: &Doc) -> Option<Repository> {
    view.get(doc.reference("repository")?)
        .map(|r| repository(&r))
}

pub(super) fn repository_created(doc: &Doc) -> RepositoryCreated {
    RepositoryCreated {
        repository: repository(doc),
    }
}

pub(super) fn push(view: &dyn View, push: &Doc) -> Push {
    let text = |entry: &Value, member| {
        entry
            .member(member)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let revisions = push.get("revisions").as_list();
    Push {
        repository: repository_of(view, push),
        change_type: push.text("change_type").to_owned(),
        revision_type: "commit",
        reference: push.text("ref").to_owned(),
        revision_count: push.int("revision_count").unwrap_or_default(),
        revisions: revisions
            .iter()
            .map(|r| Revision {
                rev: text(r, "rev"),
                comment: text(r, "message"),
            })
            .collect(),
    }
}

/// Members who came or went.
pub(super) fn members(member: &Doc) -> ProjectUsers {
    let user = ProjectUser {
        id: member.id(),
        name: derived::full_name(member),
        nulab_account: people::nulab_account(member),
    };
    ProjectUsers {
        comment: "",
        users: vec![user],
        group_project_activities: [],
    }
}

pub(super) fn milestone(release: &Doc) -> MilestoneTold {
    MilestoneTold {
        id: release.id(),
        name: release.text("name").to_owned(),
        description: release.text("description").to_owned(),
        start_date: release.text("start_date").to_owned(),
        reference_date: release.text("end_date").to_owned(),
    }
}

/// A milestone's changes; `None` when Backlog has no word for what changed.
pub(super) fn updated_milestone(change: &Change) -> Option<MilestoneUpdated> {
    const MEMBERS: &[(&str, &str)] = &[
        ("name", "name"),
        ("description", "description"),
        ("start_date", "start_date"),
        ("end_date", "reference_date"),
    ];
    let told = |(member, field): &(&str, &str)| {
        change
            .changed(member)
            .map(|c| untyped(field, issue::text(&c.old), issue::text(&c.new)))
    };
    let changes: Vec<FieldChange> = MEMBERS.iter().filter_map(told).collect();
    let release = &change.object;
    (!changes.is_empty()).then(|| MilestoneUpdated {
        id: release.id(),
        name: release.text("name").to_owned(),
        changes,
    })
}

fn untyped(field: &str, old: String, new: String) -> FieldChange {
    FieldChange {
        field: field.to_owned(),
        old_value: Some(old),
        kind: None,
        new_value: new,
    }
}

pub(super) fn team(team: &Doc) -> Teams {
    Teams {
        parties: [Team {
            id: team.id(),
            name: team.text("name").to_owned(),
        }],
    }
}

/// A pull request as it is, with what changed and the comment that came.
pub(super) fn pull_request(
    view: &dyn View,
    pr: &Doc,
    change: Option<&Change>,
    comment: Option<&Doc>,
) -> PullRequest {
    let described = change.and_then(|c| c.changed("description"));
    PullRequest {
        comment: comment.map(self::comment),
        description: pr.text("description").to_owned(),
        repository: repository_of(view, pr),
        changes: change
            .map(|c| pull_request_changes(view, c))
            .unwrap_or_default(),
        number: pr.int("number"),
        summary: pr.text("title").to_owned(),
        assignee: derived::responsible(view, pr).map(|p| issue::assignee(&p)),
        base: pr.text("base").to_owned(),
        branch: pr.text("branch").to_owned(),
        diff: described.map(|c| {
            diff::normal(
                c.old.as_str().unwrap_or_default(),
                c.new.as_str().unwrap_or_default(),
            )
        }),
        issue: pr
            .reference("issue")
            .and_then(|key| view.get(key))
            .map(|item| issue::related(&item)),
        id: pr.id(),
    }
}

/// A comment with its id.
pub(super) fn comment(comment: &Doc) -> Comment {
    Comment {
        id: comment.id(),
        content: comment.text("body").to_owned(),
    }
}

/// What Backlog says changed in a pull request.
pub(super) fn pull_request_changes(view: &dyn View, change: &Change) -> Vec<FieldChange> {
    const MEMBERS: &[(&str, &str)] = &[
        ("title", "summary"),
        ("description", "description"),
        ("status", "status"),
        ("assignees", "assigner"),
        ("issue", "issue"),
    ];
    let worded = |member: &str, value: &Value| match member {
        "status" => match value.as_str() {
            Some("open") => "1".to_owned(),
            Some("closed") => "2".to_owned(),
            Some("merged") => "3".to_owned(),
            _ => String::new(),
        },
        "assignees" => issue::first_person(view, value),
        "issue" => issue::key_of(view, ObjectRef::from_value(value)),
        _ => issue::text(value),
    };
    let told = |(member, field): &(&str, &str)| {
        let c = change.changed(member)?;
        let (old, new) = (worded(member, &c.old), worded(member, &c.new));
        (old != new).then(|| untyped(field, old, new))
    };
    MEMBERS.iter().filter_map(told).collect()
}

/// The pull request that a comment is on in the end.
pub(super) fn on_pull_request(view: &dyn View, comment: &Doc) -> Option<std::sync::Arc<Doc>> {
    derived::subject(view, comment).filter(|d| d.collection() == Collection::PullRequests)
}
