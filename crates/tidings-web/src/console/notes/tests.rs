//! What the vendors' pages say, as pages show it.

use super::{blocks, of};

#[test]
fn every_dialect_has_notes() {
    for dialect in tidings_dialects::all() {
        let notes = of(dialect.name());
        let kinds: Vec<String> = notes
            .iter()
            .map(|b| b.get_attr("kind").unwrap().to_string())
            .collect();
        assert!(kinds.iter().any(|k| k == "heading"), "{}", dialect.name());
        assert!(kinds.iter().any(|k| k == "list"), "{}", dialect.name());
        let text = serde_json::to_string(&notes).unwrap();
        for left in ["](", "**", "| |"] {
            assert!(!text.contains(left), "{}: {left}", dialect.name());
        }
    }
}

#[test]
fn pieces_of_a_text_are_told_apart() {
    let text = "# Title\n\nOne [link](to) and\n`a | b` *word* **strong**.\n\n## Head\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n1. first\n   goes on\n2. second\n";
    let said = serde_json::to_value(blocks(text)).unwrap();
    let expected = serde_json::json!([
        {"kind": "text", "spans": [
            {"text": "One link and ", "style": ""}, {"text": "a | b", "style": "code"}, {"text": " ", "style": ""}, {"text": "word", "style": "em"},
            {"text": " ", "style": ""}, {"text": "strong", "style": "strong"}, {"text": ".", "style": ""}]},
        {"kind": "heading", "spans": [{"text": "Head", "style": ""}]},
        {"kind": "table", "head": [[{"text": "a", "style": ""}], [{"text": "b", "style": ""}]], "rows": [[[{"text": "1", "style": ""}], [{"text": "2", "style": ""}]]]},
        {"kind": "list", "numbered": true, "items": [[{"text": "first goes on", "style": ""}], [{"text": "second", "style": ""}]]},
    ]);
    assert_eq!(said, expected);
}
