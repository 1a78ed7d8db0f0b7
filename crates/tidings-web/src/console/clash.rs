//! Two people changed the same thing: what the other one saved, beside what was sent.

use tidings_domain::Value;

/// Longer texts are cut here: the form below has all of it.
const MOST_CHARS: usize = 400;

/// A member in which they differ.
#[derive(Debug, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Row {
    name: String,
    theirs: String,
    yours: String,
}

/// What differs between what is stored now and what was sent, member by member of the latter.
pub(crate) fn between(theirs: &Value, yours: &Value) -> Vec<Row> {
    let sent = yours.as_map().iter();
    let rows = sent.map(|(name, value)| Row {
        name: name.clone(),
        theirs: words(theirs.member(name).unwrap_or(&Value::Null)),
        yours: words(value),
    });
    rows.filter(|row| row.theirs != row.yours).collect()
}

fn words(value: &Value) -> String {
    let text = match value {
        Value::Null => String::new(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::Text(text) => text.trim().to_owned(),
        Value::List(list) => list.iter().map(words).collect::<Vec<_>>().join(", "),
        Value::Map(members) => {
            let one = |(name, value): &(String, Value)| format!("{name}: {}", words(value));
            members.iter().map(one).collect::<Vec<_>>().join(", ")
        }
        other => serde_json::to_string(other).unwrap_or_default(),
    };
    match text.char_indices().nth(MOST_CHARS) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use tidings_domain::Value;

    use super::between;

    #[test]
    fn what_reads_the_same_is_no_difference() {
        let value = |text: &str| Value::parse(text.as_bytes()).unwrap();
        let theirs = value(r#"{"name":"A","due":null,"tags":["x","y"],"on":true,"limit":5}"#);
        let yours =
            value(r#"{"name":"B","due":"","tags":["x"],"on":false,"limit":"5","new":null}"#);
        let rows = between(&theirs, &yours);
        let rows: Vec<_> = rows
            .iter()
            .map(|r| [r.name.as_str(), &r.theirs, &r.yours])
            .collect();
        assert_eq!(
            rows,
            [
                ["name", "A", "B"],
                ["tags", "x, y", "x"],
                ["on", "yes", "no"]
            ]
        );
    }
}
