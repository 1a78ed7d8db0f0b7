//! The names of the collections' schemas: `Story`, `StoryInput`, `StoryPatch`, `PushPut`.

use tidings_domain::Collection;
use tidings_domain::schema::{self, Member, SetBy, Standard};

/// The schema of an object as it is read.
pub(crate) fn name(collection: Collection) -> String {
    collection
        .singular()
        .split('_')
        .map(|word| {
            let mut chars = word.chars();
            chars
                .next()
                .map(|first| first.to_ascii_uppercase().to_string() + chars.as_str())
                .unwrap_or_default()
        })
        .collect()
}

/// The schema of an object as it is created.
pub(crate) fn input_name(collection: Collection) -> String {
    name(collection) + "Input"
}

/// The schema of an object as it is put: one that is there already keeps what is given at creation only, so that may be left out.
pub(crate) fn put_name(collection: Collection) -> String {
    let kept = schema::of(collection).members.iter().any(is_kept);
    let suffix = if kept { "Put" } else { "Input" };
    name(collection) + suffix
}

/// Whether a member must be given when its object is created, and then stays.
pub(crate) fn is_kept(member: &Member) -> bool {
    member.standard == Standard::Required
        && member.set_by == SetBy::CallerOnce
        && member.name != "id"
}

/// The schema of a merge patch of an object.
pub(crate) fn patch_name(collection: Collection) -> String {
    name(collection) + "Patch"
}

/// The singular for people.
pub(crate) fn words(collection: Collection) -> String {
    collection.singular().replace('_', " ")
}
