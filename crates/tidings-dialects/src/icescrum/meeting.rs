//! Meeting.

use serde::Serialize;
use tidings_domain::{Collection, Doc};

use super::context::Context;
use super::short::{ShortProject, ShortUser, text};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Meeting {
    class: &'static str,
    id: i64,
    date_created: String,
    end_date: Option<String>,
    last_updated: String,
    owner: Option<ShortUser>,
    phone: Option<String>,
    pin_code: Option<String>,
    portfolio: Option<()>,
    project: ShortProject,
    provider: String,
    provider_event_id: Option<String>,
    start_date: Option<String>,
    subject_id: Option<i64>,
    subject_type: Option<&'static str>,
    topic: String,
    video_link: Option<String>,
}

impl Meeting {
    pub(super) fn new(context: &Context<'_>, meeting: &Doc) -> Self {
        let on = meeting.reference("on");
        Self {
            class: "Meeting",
            id: meeting.id(),
            date_created: text(meeting, "created_at").unwrap_or_default(),
            end_date: text(meeting, "ends_at"),
            last_updated: text(meeting, "updated_at").unwrap_or_default(),
            owner: context.short_user(meeting, "created_by"),
            phone: text(meeting, "phone"),
            pin_code: text(meeting, "pin_code"),
            portfolio: None,
            project: context.short_project(),
            provider: meeting.text("provider").to_owned(),
            provider_event_id: text(meeting, "provider_event_id"),
            start_date: text(meeting, "starts_at"),
            subject_id: on.map(|on| on.id),
            subject_type: on.map(|on| subject_type(on.collection)),
            topic: meeting.text("title").to_owned(),
            video_link: text(meeting, "url"),
        }
    }
}

/// iceScrum's own word for what a meeting is about: a defect is a story, a test is a task.
fn subject_type(on: Collection) -> &'static str {
    match on {
        Collection::Defects => Collection::Stories.singular(),
        Collection::Tests => Collection::Tasks.singular(),
        other => other.singular(),
    }
}
