//! Cursors and percent-encoding.

use super::*;

#[test]
fn a_cursor_is_good_for_its_list_only() {
    let cursor = write_cursor(4711, "list_webhooks/3");
    assert_eq!(read_cursor(&cursor, "list_webhooks/3"), Some(4711));
    assert_eq!(read_cursor(&cursor, "list_webhooks/4"), None);
    assert_eq!(read_cursor(&cursor, "list_tokens/3"), None);
    for forged in [
        "",
        ".",
        "0",
        "1.00000000",
        "-1.0",
        "ffffffffffffffffff.0",
        "'; DROP TABLE x",
        "126g.1",
    ] {
        assert_eq!(read_cursor(forged, "list_webhooks/3"), None, "{forged}");
    }
    let upper = cursor.to_uppercase();
    assert!(upper == cursor || read_cursor(&upper, "list_webhooks/3").is_none());
}

#[test]
fn percent_encoding_is_undone_or_refused() {
    assert_eq!(decode("a%20b+c", true).unwrap(), "a b c");
    assert_eq!(decode("a+b", false).unwrap(), "a+b");
    for broken in ["%", "%4", "%zz", "%ff", "%c3%28"] {
        assert_eq!(decode(broken, true), None, "{broken}");
    }
}
