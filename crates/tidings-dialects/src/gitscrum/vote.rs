//! `user-stories.vote`, `discussions.vote`: what was voted on and how many votes it has now.

use serde::Serialize;
use tidings_domain::{Collection, Doc};

use super::parts::Context;
use super::user_story::story_slug;

/// A vote, or one withdrawn.
#[derive(Serialize)]
pub(super) struct Vote {
    // The vendor writes `user-story`; which of the two is there is all that tells them apart.
    #[serde(rename = "user-story", skip_serializing_if = "Option::is_none")]
    user_story: Option<Subject>,
    #[serde(skip_serializing_if = "Option::is_none")]
    discussion: Option<Subject>,
    total: usize,
    voted: bool,
}

#[derive(Serialize)]
struct Subject {
    uuid: String,
}

impl Vote {
    /// A vote on a story or a discussion; `None` for votes on anything else.
    pub(super) fn new(context: &Context<'_>, vote: &Doc, voted: bool) -> Option<Self> {
        let on = context.view.get(vote.reference("on")?)?;
        let (user_story, discussion) = match on.collection() {
            // The vendor's page shows the slug where the name says uuid.
            Collection::Stories => (
                Some(Subject {
                    uuid: story_slug(&on),
                }),
                None,
            ),
            Collection::Discussions => (
                None,
                Some(Subject {
                    uuid: context.uuid(&on),
                }),
            ),
            _ => return None,
        };
        Some(Self {
            user_story,
            discussion,
            // With this one or without it, whether or not a withdrawn vote still is where it was.
            total: (context.votes(on.key()) + context.gone(vote))
                .saturating_sub(usize::from(!voted)),
            voted,
        })
    }
}
