//! The collections of a project, and references to the objects in them.

use std::fmt;
use std::str::FromStr;

use crate::value::Value;

macro_rules! collections {
    ($($variant:ident $path:literal $singular:literal;)*) => {
        /// A kind of object; `Members` is one too, so that people share storage, rules and verbs with everything else.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Collection {
            $(#[doc = concat!("`", $path, "`")] $variant,)*
        }

        impl Collection {
            /// Every collection, in the order of the API's documentation.
            pub const ALL: &'static [Collection] = &[$(Collection::$variant,)*];

            /// The name in paths and references: `acceptance-tests`.
            pub const fn path(self) -> &'static str {
                match self { $(Collection::$variant => $path,)* }
            }

            /// The singular with `_`, as the standard dialect's event types use it: `acceptance_test`.
            pub const fn singular(self) -> &'static str {
                match self { $(Collection::$variant => $singular,)* }
            }
        }
    };
}

collections! {
    Stories "stories" "story";
    Tasks "tasks" "task";
    Defects "defects" "defect";
    Tests "tests" "test";
    Features "features" "feature";
    AcceptanceTests "acceptance-tests" "acceptance_test";
    Sprints "sprints" "sprint";
    Releases "releases" "release";
    Comments "comments" "comment";
    TimeEntries "time-entries" "time_entry";
    Attachments "attachments" "attachment";
    Videos "videos" "video";
    Favorites "favorites" "favorite";
    Blocks "blocks" "block";
    Votes "votes" "vote";
    Discussions "discussions" "discussion";
    WikiPages "wiki-pages" "wiki_page";
    SharedFiles "shared-files" "shared_file";
    Repositories "repositories" "repository";
    Pushes "pushes" "push";
    Commits "commits" "commit";
    PullRequests "pull-requests" "pull_request";
    Teams "teams" "team";
    Meetings "meetings" "meeting";
    Actors "actors" "actor";
    Members "members" "member";
}

/// The four collections of tickets; they share one set of members and one series of numbers.
pub const ITEMS: [Collection; 4] = [
    Collection::Stories,
    Collection::Tasks,
    Collection::Defects,
    Collection::Tests,
];

impl Collection {
    /// Whether its objects are items: stories, tasks, defects, tests.
    pub fn is_item(self) -> bool {
        ITEMS.contains(&self)
    }
}

impl fmt::Display for Collection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.path())
    }
}

/// There is no collection of that name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the name of a collection")]
pub struct UnknownCollection;

impl FromStr for Collection {
    type Err = UnknownCollection;

    fn from_str(path: &str) -> Result<Self, UnknownCollection> {
        Collection::ALL
            .iter()
            .copied()
            .find(|c| c.path() == path)
            .ok_or(UnknownCollection)
    }
}

/// Which object of a project: shown as `tasks/42`, written in JSON as `{"collection": "tasks", "id": 42}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectRef {
    /// The collection.
    pub collection: Collection,
    /// The id in that collection.
    pub id: i64,
}

impl ObjectRef {
    /// A reference to `collection/id`.
    pub const fn new(collection: Collection, id: i64) -> Self {
        Self { collection, id }
    }

    /// As JSON.
    pub fn to_value(self) -> Value {
        Value::Map(vec![
            ("collection".into(), self.collection.path().into()),
            ("id".into(), self.id.into()),
        ])
    }

    /// From the JSON form with an integer id; `None` for anything else.
    pub fn from_value(value: &Value) -> Option<Self> {
        let collection = value.member("collection")?.as_str()?.parse().ok()?;
        Some(Self {
            collection,
            id: value.member("id")?.as_int()?,
        })
    }
}

impl fmt::Display for ObjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.collection, self.id)
    }
}

impl FromStr for ObjectRef {
    type Err = UnknownCollection;

    fn from_str(text: &str) -> Result<Self, UnknownCollection> {
        let (collection, id) = text.split_once('/').ok_or(UnknownCollection)?;
        Ok(Self {
            collection: collection.parse()?,
            id: id.parse().map_err(|_| UnknownCollection)?,
        })
    }
}
