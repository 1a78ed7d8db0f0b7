//! The API's description as pages: made from the OpenAPI document, so that pages and document cannot differ.
//!
//! One page for each tag, with its operations and the shapes they speak of; the first page lists them all, and the error codes.

mod codes;
mod operation;
mod shape;

use std::sync::LazyLock;

use tidings_app::reader::object;
use tidings_domain::Value;

use crate::openapi;

pub(crate) use operation::shell;

/// The pages, in order, under what they are about.
const GROUPS: [(&str, &[&str]); 4] = [
    ("Projects", &["Projects", "Tokens"]),
    (
        "Webhooks",
        &["Webhooks", "Sent log", "Activities", "Catalogue"],
    ),
    ("Objects", &[]),
    ("Server", &["Accounts", "Audit log", "Settings", "Server"]),
];

/// Everything that the pages show.
pub(crate) struct Docs {
    /// The first page: groups of `{title, tags: [{slug, title, operations}]}`, and the codes.
    pub(crate) index: Value,
    /// The others by slug.
    pub(crate) tags: Vec<(String, Value)>,
}

/// The pages' content.
pub(crate) fn docs() -> &'static Docs {
    static DOCS: LazyLock<Docs> = LazyLock::new(build);
    &DOCS
}

fn build() -> Docs {
    let document = openapi::document();
    let book = shape::Book::of(&document);
    let mut names: Vec<&str> = Vec::new();
    let listed = document.member("tags").map_or(&[][..], Value::as_list);
    names.extend(listed.iter().filter_map(|tag| tag.member("name")?.as_str()));
    let operations: Vec<operation::Operation> = operation::all(&document, &book);
    let of = |name: &str| {
        let all: Vec<&operation::Operation> = operations.iter().filter(|o| o.tag == name).collect();
        all
    };
    let tags = names.iter().map(|name| {
        let operations = of(name);
        let page = object([
            ("slug", slug(name).into()),
            ("title", title(name).into()),
            (
                "operations",
                Value::List(operations.iter().map(|o| o.shown.clone()).collect()),
            ),
            (
                "shapes",
                book.pages(operations.iter().flat_map(|o| &o.shapes)),
            ),
        ]);
        (slug(name), page)
    });
    let listed = |name: &&str| {
        let operations = of(name).into_iter().map(|o| o.head.clone());
        object([
            ("slug", slug(name).into()),
            ("title", title(name).into()),
            ("operations", Value::List(operations.collect())),
        ])
    };
    let elsewhere = |name: &&str| !GROUPS.iter().any(|(_, tags)| tags.contains(name));
    let groups = GROUPS.iter().map(|(title, tags)| {
        let tags: Vec<&str> = if tags.is_empty() {
            names.iter().copied().filter(elsewhere).collect()
        } else {
            tags.to_vec()
        };
        object([
            ("title", (*title).into()),
            ("tags", Value::List(tags.iter().map(listed).collect())),
        ])
    });
    Docs {
        index: object([
            ("groups", Value::List(groups.collect())),
            ("codes", codes::all()),
            ("problem", book.page("Problem")),
        ]),
        tags: tags.collect(),
    }
}

/// A tag in a path: `sent-log`.
fn slug(name: &str) -> String {
    name.to_ascii_lowercase().replace(' ', "-")
}

/// A tag for people: `Time entries`.
fn title(name: &str) -> String {
    let mut chars = name.chars();
    let first = chars.next().map(|c| c.to_ascii_uppercase());
    let rest = chars.as_str().replace('-', " ");
    first.into_iter().chain(rest.chars()).collect()
}

#[cfg(test)]
mod tests;
