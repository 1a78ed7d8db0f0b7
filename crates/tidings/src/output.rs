//! Tables for people, JSON for programs.

use tidings_domain::Value;

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
    println!("{}", line(headings.iter().copied(), &widths));
    for row in rows {
        println!("{}", line(row.iter().map(String::as_str), &widths));
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
    println!(
        "{}",
        serde_json::to_string_pretty(value).unwrap_or_default()
    );
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
        Value::Text(text) => text.clone(),
        other => serde_json::to_string(other).unwrap_or_default(),
    }
}

/// One object, a member a line.
pub(crate) fn record(value: &Value) {
    let width = value
        .as_map()
        .iter()
        .map(|(k, _)| k.len())
        .max()
        .unwrap_or(0);
    for (name, _) in value.as_map() {
        println!("{name:width$}  {}", cell(value, name));
    }
}
