//! The names of the collections' schemas: `Story`, `StoryInput`, `StoryPatch`.

use tidings_domain::Collection;

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

/// The schema of an object as it is created and replaced.
pub(crate) fn input_name(collection: Collection) -> String {
    name(collection) + "Input"
}

/// The schema of a merge patch of an object.
pub(crate) fn patch_name(collection: Collection) -> String {
    name(collection) + "Patch"
}

/// The singular for people.
pub(crate) fn words(collection: Collection) -> String {
    collection.singular().replace('_', " ")
}
