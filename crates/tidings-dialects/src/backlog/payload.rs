//! Backlog's shapes, members in the order of its captured requests.

use serde::{Serialize, Serializer};

/// The request's body.
#[derive(Serialize)]
pub(super) struct Activity<C> {
    pub(super) created: String,
    pub(super) project: Project,
    pub(super) id: i64,
    #[serde(rename = "type")]
    pub(super) kind: i64,
    pub(super) content: C,
    pub(super) notifications: Vec<Notification>,
    #[serde(rename = "createdUser")]
    pub(super) created_user: User,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Project {
    pub(super) archived: bool,
    pub(super) project_key: String,
    pub(super) name: String,
    pub(super) chart_enabled: bool,
    pub(super) id: i64,
    pub(super) subtasking_enabled: bool,
    pub(super) text_formatting_rule: &'static str,
}

#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct NulabAccount {
    pub(super) nulab_id: Option<String>,
    pub(super) name: Option<String>,
    pub(super) unique_id: Option<String>,
}

#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct User {
    pub(super) nulab_account: Option<NulabAccount>,
    pub(super) name: String,
    pub(super) mail_address: Option<String>,
    pub(super) id: i64,
    pub(super) role_type: i64,
    /// Left out when unknown, as captured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) lang: Option<String>,
    pub(super) user_id: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Notification {
    pub(super) reason: i64,
    pub(super) resource_already_read: bool,
    pub(super) already_read: bool,
    pub(super) id: i64,
    pub(super) user: User,
}

/// A word with its id: status, priority, resolution; an unset one is `{"name":"","id":null}`.
#[derive(Serialize)]
pub(super) struct Named {
    pub(super) name: String,
    pub(super) id: Option<i64>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct IssueType {
    pub(super) color: String,
    pub(super) name: String,
    pub(super) display_order: Option<usize>,
    pub(super) id: Option<i64>,
    pub(super) project_id: i64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Milestone {
    pub(super) archived: bool,
    pub(super) release_due_date: String,
    pub(super) name: String,
    pub(super) display_order: usize,
    pub(super) description: String,
    pub(super) id: i64,
    pub(super) project_id: i64,
    pub(super) start_date: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Assignee {
    pub(super) name: String,
    pub(super) id: i64,
    pub(super) role_type: i64,
    pub(super) lang: Option<String>,
    pub(super) user_id: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Category {
    pub(super) name: String,
    pub(super) display_order: Option<usize>,
    pub(super) id: Option<i64>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CustomField {
    pub(super) id: i64,
    pub(super) field_type_id: i64,
    pub(super) name: String,
    pub(super) value: CustomValue,
}

#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum CustomValue {
    Unset(Option<()>),
    Text(String),
    Number(Number),
    Choice(Choice),
    Choices(Vec<Choice>),
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Choice {
    pub(super) id: Option<usize>,
    pub(super) name: String,
    pub(super) display_order: Option<usize>,
}

/// A number as JSON writes it: `3`, not `3.0`.
#[derive(Clone, Copy)]
pub(super) struct Number(pub(super) f64);

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        tidings_domain::value::number(self.0).serialize(serializer)
    }
}

/// Type 1; types 2 add members after it.
#[derive(Serialize)]
pub(super) struct Issue {
    pub(super) summary: String,
    pub(super) key_id: Option<i64>,
    #[serde(rename = "customFields")]
    pub(super) custom_fields: Vec<CustomField>,
    #[serde(rename = "dueDate")]
    pub(super) due_date: String,
    pub(super) description: String,
    pub(super) priority: Named,
    pub(super) resolution: Named,
    #[serde(rename = "actualHours")]
    pub(super) actual_hours: Option<Number>,
    #[serde(rename = "issueType")]
    pub(super) issue_type: IssueType,
    pub(super) milestone: Vec<Milestone>,
    pub(super) versions: Vec<Milestone>,
    #[serde(rename = "parentIssueId")]
    pub(super) parent_issue_id: Option<i64>,
    #[serde(rename = "estimatedHours")]
    pub(super) estimated_hours: Option<Number>,
    pub(super) id: i64,
    pub(super) assignee: Option<Assignee>,
    pub(super) category: Vec<Category>,
    #[serde(rename = "startDate")]
    pub(super) start_date: String,
    pub(super) status: Named,
}

/// Type 2 in its superset form: what every receiver found reads.
#[derive(Serialize)]
pub(super) struct UpdatedIssue {
    #[serde(flatten)]
    pub(super) issue: Issue,
    pub(super) changes: Vec<FieldChange>,
    pub(super) comment: Comment,
    pub(super) attachments: Vec<Attachment>,
    pub(super) shared_files: [(); 0],
}

#[derive(Serialize)]
pub(super) struct Attachment {
    pub(super) id: i64,
    pub(super) name: String,
    pub(super) size: i64,
}

#[derive(Serialize)]
pub(super) struct FieldChange {
    pub(super) field: String,
    /// Left out in bulk updates.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) old_value: Option<String>,
    /// Left out for pull requests and milestones.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub(super) kind: Option<&'static str>,
    pub(super) new_value: String,
}

#[derive(Default, Serialize)]
pub(super) struct Comment {
    pub(super) id: i64,
    pub(super) content: String,
}

/// Type 3.
#[derive(Serialize)]
pub(super) struct CommentedIssue {
    pub(super) summary: String,
    pub(super) key_id: Option<i64>,
    pub(super) description: String,
    pub(super) comment: Comment,
    pub(super) id: i64,
}

/// Type 4.
#[derive(Serialize)]
pub(super) struct DeletedIssue {
    pub(super) key_id: Option<i64>,
    pub(super) id: i64,
}

/// Type 17.
#[derive(Serialize)]
pub(super) struct NotifiedIssue {
    pub(super) summary: String,
    pub(super) key_id: Option<i64>,
    pub(super) changes: [(); 0],
    pub(super) description: String,
    pub(super) attachments: [(); 0],
    pub(super) shared_files: [(); 0],
    pub(super) comment: Comment,
    pub(super) id: i64,
}

/// Type 14; ids are strings, as captured.
#[derive(Serialize)]
pub(super) struct BulkUpdate {
    pub(super) link: Vec<Link>,
    pub(super) changes: Vec<FieldChange>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) comment: Option<BulkComment>,
    pub(super) tx_id: String,
}

#[derive(Serialize)]
pub(super) struct BulkComment {
    pub(super) content: String,
}

#[derive(Serialize)]
pub(super) struct Link {
    pub(super) key_id: String,
    pub(super) id: String,
    pub(super) title: String,
}

/// Types 5 and 7.
#[derive(Serialize)]
pub(super) struct Wiki {
    pub(super) name: String,
    pub(super) id: i64,
    pub(super) content: String,
}

/// Type 6.
#[derive(Serialize)]
pub(super) struct UpdatedWiki {
    pub(super) name: String,
    pub(super) diff: String,
    pub(super) id: i64,
    pub(super) version: Option<i64>,
    pub(super) content: String,
}

/// Types 8 to 10.
#[derive(Serialize)]
pub(super) struct SharedFile {
    pub(super) id: i64,
    pub(super) dir: String,
    pub(super) name: String,
    pub(super) size: i64,
}

/// Type 11, and an entry of type 12.
#[derive(Serialize)]
pub(super) struct Revision<R> {
    pub(super) rev: R,
    pub(super) comment: String,
}

#[derive(Serialize)]
pub(super) struct Repository {
    pub(super) description: Option<String>,
    pub(super) id: i64,
    pub(super) name: String,
}

/// Type 12.
#[derive(Serialize)]
pub(super) struct Push {
    pub(super) repository: Option<Repository>,
    pub(super) change_type: String,
    pub(super) revision_type: &'static str,
    #[serde(rename = "ref")]
    pub(super) reference: String,
    pub(super) revision_count: i64,
    pub(super) revisions: Vec<Revision<String>>,
}

/// Type 13.
#[derive(Serialize)]
pub(super) struct RepositoryCreated {
    pub(super) repository: Repository,
}

/// Types 15 and 16.
#[derive(Serialize)]
pub(super) struct ProjectUsers {
    pub(super) comment: &'static str,
    pub(super) users: Vec<ProjectUser>,
    pub(super) group_project_activities: [(); 0],
}

#[derive(Serialize)]
pub(super) struct ProjectUser {
    pub(super) id: i64,
    pub(super) name: String,
    #[serde(rename = "nulabAccount")]
    pub(super) nulab_account: Option<NulabAccount>,
}

/// Types 18 to 21.
#[derive(Serialize)]
pub(super) struct PullRequest {
    pub(super) comment: Option<Comment>,
    pub(super) description: String,
    pub(super) repository: Option<Repository>,
    pub(super) changes: Vec<FieldChange>,
    pub(super) number: Option<i64>,
    pub(super) summary: String,
    pub(super) assignee: Option<Assignee>,
    pub(super) base: String,
    pub(super) branch: String,
    pub(super) diff: Option<String>,
    pub(super) issue: Option<RelatedIssue>,
    pub(super) id: i64,
}

#[derive(Serialize)]
pub(super) struct RelatedIssue {
    pub(super) summary: String,
    pub(super) key_id: Option<i64>,
    pub(super) description: String,
    pub(super) id: i64,
}

/// Types 22 and 24.
#[derive(Serialize)]
pub(super) struct MilestoneTold {
    pub(super) id: i64,
    pub(super) name: String,
    pub(super) description: String,
    pub(super) start_date: String,
    pub(super) reference_date: String,
}

/// Type 23.
#[derive(Serialize)]
pub(super) struct MilestoneUpdated {
    pub(super) id: i64,
    pub(super) name: String,
    pub(super) changes: Vec<FieldChange>,
}

/// Types 25 and 26.
#[derive(Serialize)]
pub(super) struct Teams {
    pub(super) parties: [Team; 1],
}

#[derive(Serialize)]
pub(super) struct Team {
    pub(super) id: i64,
    pub(super) name: String,
}
