//! The API as a page: made from the route table, without scripts and without another host.

use std::fmt::Write as _;
use std::sync::LazyLock;

use crate::openapi;
use crate::route::{Input, OutputBody, Row};
use crate::routes;

/// The page's style sheet.
pub(crate) const STYLE: &str = include_str!("docs/style.css");

/// The page.
pub(crate) fn page() -> &'static str {
    static PAGE: LazyLock<String> = LazyLock::new(render);
    &PAGE
}

fn render() -> String {
    let mut html = String::from(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>Tidings API</title><link rel=\"stylesheet\" href=\"/docs/style.css\"></head><body>\n<main>\n<h1>Tidings API</h1>\n\
         <p>JSON over HTTP. Send <code>Authorization: Bearer tid_…</code>. Errors are problem documents (RFC 9457): look at \
         <code>code</code>, and at <code>errors</code> for a pointer to each member at fault. Lists answer \
         <code>{data, next_cursor}</code>. Every write takes <code>Idempotency-Key</code>; writes of objects take <code>Prefer: wait=N</code>. The whole description with every schema: \
         <a href=\"/api/v1/openapi.json\">openapi.json</a>.</p>\n",
    );
    let mut tags: Vec<&str> = Vec::new();
    for row in routes::table() {
        if !tags.contains(&row.tag) {
            tags.push(row.tag);
        }
    }
    html.push_str("<nav><ul>");
    for tag in &tags {
        let _ = write!(
            html,
            "<li><a href=\"#{}\">{}</a></li>",
            slug(tag),
            escape(tag)
        );
    }
    html.push_str("<li><a href=\"#codes\">Error codes</a></li></ul></nav>\n");
    for tag in tags {
        let _ = writeln!(html, "<h2 id=\"{}\">{}</h2>", slug(tag), escape(tag));
        for row in routes::table().iter().filter(|row| row.tag == tag) {
            section(&mut html, row);
        }
    }
    html.push_str(
        "<h2 id=\"codes\">Error codes</h2>\n<table><tr><th>Status</th><th>Code</th></tr>\n",
    );
    let mut seen = Vec::new();
    for (status, code) in openapi::codes() {
        // A code may come under two statuses; a link leads to the first.
        let id = if seen.contains(&code) {
            String::new()
        } else {
            format!(" id=\"{code}\"")
        };
        seen.push(code);
        let _ = writeln!(
            html,
            "<tr{id}><td>{status}</td><td><code>{code}</code></td></tr>"
        );
    }
    html.push_str("</table>\n</main></body></html>\n");
    html
}

fn section(html: &mut String, row: &Row) {
    let (method, path) = (row.method.as_str(), escape(&row.path));
    let _ = write!(
        html,
        "<section id=\"{id}\"><h3><b class=\"{lower}\">{method}</b> <code>{path}</code></h3>\n<p>{summary}</p>\n<dl><dt>For</dt><dd>{who}</dd>",
        id = escape(&row.id),
        lower = method.to_ascii_lowercase(),
        summary = escape(&row.summary),
        who = escape(row.access.words()),
    );
    if !row.query.is_empty() {
        html.push_str("<dt>Parameters</dt><dd><ul>");
        for parameter in &row.query {
            let _ = write!(
                html,
                "<li><code>{}</code> {}</li>",
                escape(parameter.name),
                escape(parameter.description)
            );
        }
        html.push_str("</ul></dd>");
    }
    let takes = match &row.input {
        Input::None | Input::Form => None,
        Input::Json(schema) => Some(format!("<code>{}</code>", escape(schema))),
        Input::Optional(schema) => Some(format!("nothing, or <code>{}</code>", escape(schema))),
        Input::Changes => Some("a list of <code>Change</code>, or NDJSON".to_owned()),
    };
    if let Some(takes) = takes {
        let _ = write!(html, "<dt>Takes</dt><dd>{takes}</dd>");
    }
    let gives = match &row.output.body {
        OutputBody::None => String::new(),
        OutputBody::One(schema) => format!(" <code>{}</code>", escape(schema)),
        OutputBody::List(schema) => format!(" a list of <code>{}</code>", escape(schema)),
        OutputBody::Text(kind) => format!(" {}", escape(kind)),
    };
    let _ = write!(
        html,
        "<dt>Answers</dt><dd>{}{gives}</dd>",
        row.output.status
    );
    if !row.faults.is_empty() {
        html.push_str("<dt>Refuses</dt><dd>");
        for (status, code) in &row.faults {
            let _ = write!(
                html,
                "{status} <a href=\"#{code}\"><code>{code}</code></a> "
            );
        }
        html.push_str("</dd>");
    }
    html.push_str("</dl></section>\n");
}

fn slug(text: &str) -> String {
    text.to_ascii_lowercase().replace(' ', "-")
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            other => out.push(other),
        }
    }
    out
}
