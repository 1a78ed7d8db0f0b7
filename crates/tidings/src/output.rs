//! Tables for people, JSON for programs.

use std::io::{ErrorKind, Write};

use tidings_domain::Value;

/// Prints a line. Whoever reads only the beginning (`head`) ends the command without a word, as other tools do.
pub(crate) fn say(text: impl std::fmt::Display) {
    write(&format!("{text}\n"));
}

/// The same without the end of the line.
pub(crate) fn write(text: &str) {
    let mut out = std::io::stdout().lock();
    if let Err(error) = out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        if error.kind() == ErrorKind::BrokenPipe {
            std::process::exit(0);
        }
        eprintln!("tidings: cannot write to standard output: {error}");
        std::process::exit(1);
    }
}

/// Prints rows under headings, each column as wide as its widest cell; the last is not padded.
pub(crate) fn table(headings: &[&str], rows: &[Vec<String>]) {
    let width = |column: usize| {
        let cells = rows
            .iter()
            .filter_map(|r| r.get(column))
            .map(|c| c.chars().count());
        cells
            .chain([headings.get(column).map_or(0, |h| h.len())])
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..headings.len()).map(width).collect();
    say(line(headings.iter().copied(), &widths));
    for row in rows {
        say(line(row.iter().map(String::as_str), &widths));
    }
}

/// One row, padded to the widths.
pub(crate) fn line<'a>(cells: impl Iterator<Item = &'a str>, widths: &[usize]) -> String {
    let mut out = String::new();
    for (cell, width) in cells.zip(widths) {
        // Receivers choose some of these texts: no control character of theirs reaches the terminal.
        let clean: String = cell
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect();
        out.push_str(&clean);
        out.extend(std::iter::repeat_n(
            ' ',
            width.saturating_sub(clean.chars().count()) + 2,
        ));
    }
    out.truncate(out.trim_end().len());
    out
}

/// Prints a value as JSON, indented.
pub(crate) fn json(value: &Value) {
    say(serde_json::to_string_pretty(value).unwrap_or_default());
}

/// A member as a table cell: strings as they are, null as nothing, the rest as JSON. `path` may go deeper with dots.
pub(crate) fn cell(value: &Value, path: &str) -> String {
    let mut at = value;
    for name in path.split('.') {
        match at.member(name) {
            Some(inner) => at = inner,
            None => return String::new(),
        }
    }
    match at {
        Value::Null => String::new(),
        Value::Text(text) => text.to_string(),
        other => serde_json::to_string(other).unwrap_or_default(),
    }
}

/// One object, a member a line; what is nested gets lines of its own under dotted names.
pub(crate) fn record(value: &Value) {
    let mut rows = Vec::new();
    rows_of("", value, &mut rows);
    let width = rows.iter().map(|(k, _)| k.chars().count()).max();
    for (name, text) in &rows {
        let cells = [name.as_str(), text.as_str()];
        say(line(cells.into_iter(), &[width.unwrap_or(0), 0]));
    }
}

fn rows_of(prefix: &str, value: &Value, rows: &mut Vec<(String, String)>) {
    for (name, member) in value.as_map() {
        let full = format!("{prefix}{name}");
        match member {
            Value::Map(inner) if !inner.is_empty() => rows_of(&format!("{full}."), member, rows),
            Value::Map(_) => rows.push((full, String::new())),
            Value::List(items) => {
                rows.push((full, items.iter().map(brief).collect::<Vec<_>>().join(", ")));
            }
            _ => rows.push((full, cell(value, name))),
        }
    }
}

/// An entry of a list in few words: its name, else its code, else all of it.
fn brief(item: &Value) -> String {
    match item {
        Value::Text(text) => text.to_string(),
        _ => ["name", "code"]
            .into_iter()
            .map(|member| cell(item, member))
            .find(|text| !text.is_empty())
            .unwrap_or_else(|| serde_json::to_string(item).unwrap_or_default()),
    }
}
