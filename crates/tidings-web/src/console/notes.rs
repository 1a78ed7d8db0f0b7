//! What `docs/dialects` says of each dialect, for the catalogue: one source, read here and shown there.
//!
//! Only what those files use is understood: headings, paragraphs, tables, lists, `code`, **strong**, *emphasis*, links (whose text is
//! shown). It becomes blocks for a template, never markup.

use minijinja::{Value, context};

const NOTES: &[(&str, &str)] = &[
    (
        "standard",
        include_str!("../../../../docs/dialects/standard.md"),
    ),
    (
        "icescrum",
        include_str!("../../../../docs/dialects/icescrum.md"),
    ),
    (
        "gitscrum",
        include_str!("../../../../docs/dialects/gitscrum.md"),
    ),
    (
        "sprintly",
        include_str!("../../../../docs/dialects/sprintly.md"),
    ),
    (
        "backlog",
        include_str!("../../../../docs/dialects/backlog.md"),
    ),
    (
        "squish",
        include_str!("../../../../docs/dialects/squish.md"),
    ),
];

/// The notes on a dialect.
pub(super) fn of(dialect: &str) -> Vec<Value> {
    let found = NOTES.iter().find(|(name, _)| *name == dialect);
    found.map_or_else(Vec::new, |(_, text)| blocks(text))
}

/// Parts of a text that stand by themselves.
fn blocks(text: &str) -> Vec<Value> {
    let mut blocks = Vec::new();
    // The first heading is the page's own.
    let lines = text.lines().skip_while(|line| line.starts_with("# "));
    let mut open: Vec<&str> = Vec::new();
    for line in lines.chain([""]) {
        let begins = line.starts_with("## ") || line.is_empty();
        if begins && !open.is_empty() {
            blocks.push(block(&open));
            open.clear();
        }
        if let Some(heading) = line.strip_prefix("## ") {
            blocks.push(context! { kind => "heading", spans => spans(heading) });
        } else if !line.is_empty() {
            open.push(line);
        }
    }
    blocks
}

fn block(lines: &[&str]) -> Value {
    let first = lines.first().copied().unwrap_or_default();
    if first.starts_with('|') {
        let cells = |line: &&str| -> Vec<Value> {
            let inner = line.trim().trim_matches('|');
            inner.split('|').map(|cell| spans(cell.trim())).collect()
        };
        let rows: Vec<Vec<Value>> = lines.iter().skip(2).map(cells).collect();
        return context! { kind => "table", head => cells(&first), rows };
    }
    if item(first).is_some() {
        let mut items: Vec<String> = Vec::new();
        for line in lines {
            match (item(line), items.last_mut()) {
                (None, Some(last)) => {
                    last.push(' ');
                    last.push_str(line.trim());
                }
                (text, _) => items.push(text.unwrap_or(line).to_owned()),
            }
        }
        let items: Vec<Value> = items.iter().map(|text| spans(text)).collect();
        return context! { kind => "list", items, numbered => !first.starts_with('-') };
    }
    context! { kind => "text", spans => spans(&lines.join(" ")) }
}

/// The text of a list's entry, if the line begins one.
fn item(line: &str) -> Option<&str> {
    if let Some(text) = line.strip_prefix("- ") {
        return Some(text);
    }
    let (number, text) = line.split_once(". ")?;
    let counts = !number.is_empty() && number.len() <= 2;
    (counts && number.bytes().all(|b| b.is_ascii_digit())).then_some(text)
}

/// A line's pieces with their style.
fn spans(text: &str) -> Value {
    let mut spans: Vec<Value> = Vec::new();
    for (i, piece) in text.split('`').enumerate() {
        if i % 2 == 1 {
            spans.push(context! { text => piece, style => "code" });
            continue;
        }
        for (i, strong) in piece.split("**").enumerate() {
            if i % 2 == 1 {
                spans.push(context! { text => unlinked(strong), style => "strong" });
                continue;
            }
            for (i, plain) in strong.split('*').enumerate() {
                let style = if i % 2 == 1 { "em" } else { "" };
                if !plain.is_empty() {
                    spans.push(context! { text => unlinked(plain), style });
                }
            }
        }
    }
    Value::from(spans)
}

/// Text with links as their text.
fn unlinked(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('[') {
        let link = after.split_once("](").and_then(|(label, more)| {
            let (_, end) = more.split_once(')')?;
            Some((label, end))
        });
        let Some((label, end)) = link else { break };
        out.push_str(before);
        out.push_str(label);
        rest = end;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests;
