//! `attachments.issues.*`: the file, with more of the project than anywhere else.

use jiff::ToSpan as _;
use serde::Serialize;
use tidings_domain::{Collection, Doc};

use super::parts::{Context, DateObj, Resource, User, iso8601};
use crate::derived;

/// A file on a task.
#[derive(Serialize)]
pub(super) struct Attachment {
    id: i64,
    uuid: String,
    resource: Resource,
    description: Option<String>,
    download: Download,
    filename: String,
    mimetype: String,
    size: i64,
    folder_id: Option<i64>,
    folder: Option<()>,
    show_in_carousel: bool,
    is_mine: bool,
    user: Option<User>,
    task: Option<()>,
    comments: usize,
    project: FullProject,
    created_at: Option<DateObj>,
}

#[derive(Serialize)]
struct Download {
    url: String,
    internal: String,
    expiration: String,
}

#[derive(Serialize)]
struct FullProject {
    slug: String,
    name: String,
    logo: Option<String>,
    visibility: Visibility,
    recurring: bool,
    owner: Option<User>,
}

#[derive(Serialize)]
struct Visibility {
    is_private: u8,
    title: &'static str,
}

impl Attachment {
    /// A file that is on `issue`.
    pub(super) fn new(context: &Context<'_>, file: &Doc, issue: &Doc) -> Self {
        let uuid = context.uuid(file);
        let internal = format!("{}/attachments/{uuid}", context.base_url);
        // GitScrum's links are signed and short-lived; a tracker that names no end gets the hour of the vendor's sample.
        let expires = file
            .time("url_expires_at")
            .or_else(|| context.at.checked_add(1.hour()).ok())
            .unwrap_or(context.at);
        Self {
            id: file.id(),
            uuid,
            resource: Resource::task(context, issue),
            description: file.opt_text("description").map(str::to_owned),
            download: Download {
                url: file.opt_text("url").unwrap_or(&internal).to_owned(),
                internal,
                expiration: iso8601(expires),
            },
            filename: file.text("name").to_owned(),
            mimetype: file.text("media_type").to_owned(),
            size: file.int("size").unwrap_or_default(),
            folder_id: None,
            folder: None,
            show_in_carousel: false,
            is_mine: context.actor == file.int("created_by"),
            user: context.user(file.int("created_by")),
            task: None,
            comments: derived::comment_count(context.view, file.key()),
            project: FullProject::new(context),
            created_at: context.date_of(file, "created_at"),
        }
    }
}

impl FullProject {
    fn new(context: &Context<'_>) -> Self {
        let project = context.told_project;
        let members = context.view.all(Collection::Members);
        let owner = members
            .iter()
            .find(|member| member.text("role") == "product_owner")
            .or_else(|| members.first());
        Self {
            slug: project.slug.clone(),
            name: project.name.clone(),
            logo: project.logo_url.clone(),
            visibility: if project.private {
                Visibility {
                    is_private: 1,
                    title: "Private",
                }
            } else {
                Visibility {
                    is_private: 0,
                    title: "Public",
                }
            },
            recurring: false,
            owner: owner.map(|owner| context.user_of(owner)),
        }
    }
}
