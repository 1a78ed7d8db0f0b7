//! `videos.issues.*`: a link to YouTube, Vimeo or anywhere else.

use serde::Serialize;
use tidings_domain::Doc;
use url::Url;

use super::parts::{Context, DateObj, Resource, User};

/// A video on a task.
#[derive(Serialize)]
pub(super) struct Video {
    id: i64,
    uuid: i64,
    resource: Resource,
    #[expect(clippy::struct_field_names, reason = "the vendor's name")]
    video_id: String,
    url: String,
    title: String,
    thumbnail: String,
    user: Option<User>,
    created_at: Option<DateObj>,
}

impl Video {
    /// A video that is on `issue`.
    pub(super) fn new(context: &Context<'_>, video: &Doc, issue: &Doc) -> Self {
        let url = video.text("url");
        let (video_id, thumbnail) = recognise(url);
        Self {
            id: video.id(),
            uuid: video.id(),
            resource: Resource::task(context, issue),
            video_id,
            url: url.to_owned(),
            title: video.text("title").to_owned(),
            thumbnail,
            user: context.user(video.int("created_by")),
            created_at: context.date_of(video, "created_at"),
        }
    }
}

/// The host's id of a video, and its picture: only YouTube's follows from the id.
pub(super) fn recognise(link: &str) -> (String, String) {
    let Ok(url) = Url::parse(link) else {
        return (String::new(), String::new());
    };
    if let Some(id) = youtube(&url) {
        let thumbnail = format!("//img.youtube.com/vi/{id}/maxresdefault.jpg");
        return (id, thumbnail);
    }
    // Vimeo's id is the number in the path; unlisted videos have a hash behind it.
    let vimeo = is_host(&url, "vimeo.com");
    let segments = segments(&url);
    let id = segments
        .iter()
        .rfind(|segment| vimeo && segment.bytes().all(|b| b.is_ascii_digit()))
        .or(segments.last());
    (
        id.map_or_else(String::new, |id| (*id).to_owned()),
        String::new(),
    )
}

fn youtube(url: &Url) -> Option<String> {
    let segments = segments(url);
    let id = if is_host(url, "youtu.be") {
        (*segments.first()?).to_owned()
    } else if is_host(url, "youtube.com") || is_host(url, "youtube-nocookie.com") {
        match segments.as_slice() {
            ["watch"] => {
                let (_, id) = url.query_pairs().find(|(name, _)| name == "v")?;
                id.into_owned()
            }
            ["embed" | "shorts" | "live" | "v", id, ..] => (*id).to_owned(),
            _ => return None,
        }
    } else {
        return None;
    };
    // The id goes into another URL: nothing that would lead out of its place.
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    (!id.is_empty() && id.bytes().all(plain)).then_some(id)
}

fn segments(url: &Url) -> Vec<&str> {
    url.path_segments()
        .into_iter()
        .flatten()
        .filter(|segment| !segment.is_empty())
        .collect()
}

/// The host itself or one below it.
fn is_host(url: &Url, host: &str) -> bool {
    url.host_str().is_some_and(|found| {
        found
            .strip_suffix(host)
            .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    })
}

#[cfg(test)]
mod tests;
