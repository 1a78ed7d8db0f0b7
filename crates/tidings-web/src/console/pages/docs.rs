//! The API's description as pages: readable without an account, as the description itself.

use tidings_app::{Access, refusal};
use tidings_domain::Fault;

use crate::console::view::json;
use crate::docs::docs;
use crate::route::{Call, Reply, Row};
use crate::routes::run;

pub(super) fn rows() -> Vec<Row> {
    vec![
        Row::page("/docs", "docs_page", Access::Anyone, run!(index)),
        Row::page("/docs/{tag}", "docs_tag_page", Access::Anyone, run!(tag)),
    ]
}

async fn index(call: Call) -> Result<Reply, Fault> {
    call.show(
        "docs.html",
        minijinja::context! { docs => json(&docs().index) },
    )
}

async fn tag(call: Call) -> Result<Reply, Fault> {
    let wanted = call.param("tag");
    let found = docs().tags.iter().find(|(slug, _)| slug == wanted);
    let (_, page) = found.ok_or_else(refusal::absent)?;
    let context = minijinja::context! {
        docs => json(&docs().index),
        page => json(page),
    };
    call.show("docs_tag.html", context)
}
