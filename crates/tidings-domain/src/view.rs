//! One consistent state of a project, as everything pure reads it.

use std::sync::Arc;

use crate::collection::{Collection, ObjectRef};
use crate::doc::Doc;
use crate::project::Project;

/// A consistent state of one project.
///
/// Methods cannot fail: a store whose reading fails notes the error, answers as if nothing were there, and discards the whole
/// work afterwards. So rules and renderers stay free of a store's troubles.
pub trait View {
    /// The project.
    fn project(&self) -> &Arc<Project>;

    /// An object that is there.
    fn get(&self, key: ObjectRef) -> Option<Arc<Doc>>;

    /// A member, also one that was deleted: old references keep their names.
    fn person(&self, id: i64) -> Option<Arc<Doc>>;

    /// The objects of `from` whose member `member` refers to `to` (see [`Doc::references`]), by ascending id.
    ///
    /// `referrers(story, AcceptanceTests, "story")` are the acceptance tests of a story, `referrers(item, Comments, "on")` the
    /// comments on an item, `referrers(story, Tasks, "parent")` its tasks.
    fn referrers(&self, to: ObjectRef, from: Collection, member: &str) -> Vec<Arc<Doc>>;

    /// How many [`View::referrers`] there are.
    fn count_referrers(&self, to: ObjectRef, from: Collection, member: &str) -> usize {
        self.referrers(to, from, member).len()
    }

    /// Everything in a collection, by ascending id. For small collections: sprints, releases, members, features, teams.
    fn all(&self, collection: Collection) -> Vec<Arc<Doc>>;

    /// The object with that `external_id`, deleted members not counted.
    fn by_external_id(&self, collection: Collection, external_id: &str) -> Option<i64>;

    /// The item with that number.
    fn by_number(&self, number: i64) -> Option<ObjectRef>;

    /// The last version of an id that was used and is there no more.
    fn last_sequence(&self, key: ObjectRef) -> Option<i64>;

    /// The version that an object begins with whose id was never used: higher than 1 where receivers may have seen versions of
    /// objects that a restored backup does not know.
    fn first_sequence(&self) -> i64 {
        1
    }

    /// The smallest id from 1 that was never used in the collection; for items: in none of the four.
    fn next_id(&self, collection: Collection) -> i64;

    /// The smallest item number from 1 that is free.
    fn next_number(&self) -> i64;

    /// The highest `rank` in the collection; 0 when it is empty.
    fn max_rank(&self, collection: Collection) -> i64;

    /// How many stories, for example, have that priority: objects of `collection` whose text member `member` is `value`.
    fn count_with(&self, collection: Collection, member: &str, value: &str) -> usize;
}
