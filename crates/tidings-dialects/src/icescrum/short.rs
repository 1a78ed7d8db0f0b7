//! The short forms in which objects name each other. What is null in a short form is left out.

use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use tidings_domain::{Collection, Doc};

use super::context::Context;
pub(super) use super::user::ShortUser;

/// A decimal with two digits: `3.00`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Decimal(pub(super) f64);

impl Serialize for Decimal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match RawValue::from_string(format!("{:.2}", self.0)) {
            Ok(text) => text.serialize(serializer),
            Err(_) => self.0.serialize(serializer),
        }
    }
}

/// `{"id": 5}`
#[derive(Serialize)]
pub(super) struct Id {
    pub(super) id: i64,
}

/// The objects' ids, in their order.
pub(super) fn ids<'d>(docs: impl IntoIterator<Item = &'d std::sync::Arc<Doc>>) -> Vec<Id> {
    docs.into_iter().map(|doc| Id { id: doc.id() }).collect()
}

/// What holds stories, features or tasks: the project or a sprint.
#[derive(Serialize)]
pub(super) struct TimeBox {
    class: &'static str,
    id: i64,
}

impl TimeBox {
    pub(super) fn new(id: i64) -> Self {
        let class = "TimeBox";
        Self { class, id }
    }
}

#[derive(Serialize)]
pub(super) struct ShortProject {
    class: &'static str,
    id: i64,
    pkey: String,
}

/// The extra `project`, which also has the name.
#[derive(Serialize)]
pub(super) struct NamedProject {
    #[serde(flatten)]
    short: ShortProject,
    name: String,
}

#[derive(Serialize)]
pub(super) struct ShortStory {
    class: &'static str,
    id: i64,
    state: i8,
    #[serde(skip_serializing_if = "Option::is_none")]
    effort: Option<Decimal>,
    uid: Option<i64>,
    name: String,
    rank: Option<i64>,
    project: NamedProject,
    permalink: String,
}

#[derive(Serialize)]
pub(super) struct ShortFeature {
    class: &'static str,
    id: i64,
    color: String,
    name: String,
    permalink: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ShortRelease {
    class: &'static str,
    id: i64,
    name: String,
    state: u8,
    end_date: String,
    start_date: String,
    order_number: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ShortSprint {
    class: &'static str,
    id: i64,
    state: u8,
    capacity: f64,
    velocity: f64,
    order_number: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent_release_id: Option<i64>,
    has_next_sprint: bool,
    reactivable: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent_release_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent_release_order_number: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    delivered_version: Option<String>,
    index: usize,
    planned_velocity: f64,
}

/// iceScrum's number for the status of a sprint or a release.
pub(super) fn progress(doc: &Doc) -> u8 {
    match doc.text("status") {
        "doing" => 2,
        "done" => 3,
        _ => 1,
    }
}

/// A text; null when it is null or empty.
pub(super) fn filled(doc: &Doc, member: &str) -> Option<String> {
    let text = doc.opt_text(member).filter(|text| !text.is_empty());
    text.map(str::to_owned)
}

/// A text as it is.
pub(super) fn text(doc: &Doc, member: &str) -> Option<String> {
    doc.opt_text(member).map(str::to_owned)
}

impl Context<'_> {
    pub(super) fn short_project(&self) -> ShortProject {
        ShortProject {
            class: "Project",
            id: self.project().id.0,
            pkey: self.project().key.clone(),
        }
    }

    pub(super) fn named_project(&self) -> NamedProject {
        NamedProject {
            short: self.short_project(),
            name: self.project().name.clone(),
        }
    }

    /// The person that a member names.
    pub(super) fn short_user(&self, doc: &Doc, member: &str) -> Option<ShortUser> {
        crate::derived::person(self.view, doc, member).map(|person| ShortUser::new(&person))
    }

    pub(super) fn short_story(&self, story: &Doc) -> ShortStory {
        ShortStory {
            class: "Story",
            id: story.id(),
            state: self.story_state(story),
            effort: self.points(story).map(Decimal),
            uid: story.int("number"),
            name: story.text("title").to_owned(),
            rank: story.int("rank"),
            project: self.named_project(),
            permalink: self.item_link(story),
        }
    }

    /// The link of a story or a task.
    pub(super) fn item_link(&self, item: &Doc) -> String {
        let number = item.int("number").unwrap_or_default();
        match item.collection() {
            Collection::Tasks | Collection::Tests => self.permalink(item, &format!("T{number}")),
            _ => self.permalink(item, &number.to_string()),
        }
    }

    pub(super) fn feature_link(&self, feature: &Doc) -> String {
        self.permalink(feature, &format!("F{}", feature.id()))
    }

    /// The feature that an item names.
    pub(super) fn short_feature(&self, item: &Doc) -> Option<ShortFeature> {
        let feature = self.view.get(item.reference("feature")?)?;
        Some(ShortFeature {
            class: "Feature",
            id: feature.id(),
            color: feature.text("color").to_owned(),
            name: feature.text("name").to_owned(),
            permalink: self.feature_link(&feature),
        })
    }

    pub(super) fn short_release(&self, release: &Doc) -> ShortRelease {
        let (start, end) = self.span(release);
        ShortRelease {
            class: "Release",
            id: release.id(),
            name: release.text("name").to_owned(),
            state: progress(release),
            end_date: self.midnight(end),
            start_date: self.midnight(start),
            order_number: self.plan().release(release.id()).order,
        }
    }

    pub(super) fn short_sprint(&self, sprint: &Doc) -> ShortSprint {
        let place = self.plan().sprint(sprint.id());
        let (capacity, velocity) = self.points_of(sprint);
        let release = place.release;
        let order = |release: &Doc| self.plan().release(release.id()).order.to_string();
        ShortSprint {
            class: "Sprint",
            id: sprint.id(),
            state: progress(sprint),
            capacity,
            velocity,
            order_number: place.order,
            parent_release_id: release.map(|r| r.id()),
            has_next_sprint: place.next.is_some(),
            reactivable: place.reactivable,
            parent_release_name: release.map(|r| r.text("name").to_owned()),
            parent_release_order_number: release.map(|r| order(r.as_ref())),
            delivered_version: text(sprint, "delivered_version"),
            index: place.index,
            planned_velocity: capacity,
        }
    }

    /// The points of a sprint's stories, and of those that are done.
    pub(super) fn points_of(&self, sprint: &Doc) -> (f64, f64) {
        let stories = self.sprint_stories(sprint.key());
        let done = stories
            .iter()
            .filter(|story| self.story_state(story) == super::story::DONE);
        (self.sum(&stories), self.sum(done))
    }
}
