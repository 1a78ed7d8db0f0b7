//! What the patterns of links take and refuse.

use regex_automata::nfa::thompson::pikevm::PikeVM;

use super::{BASE, LINK, PLAIN_LINK, is_base, is_link, is_plain_link};

fn fits(pattern: &str, text: &str) -> bool {
    let engine = PikeVM::new(pattern).unwrap();
    engine.is_match(&mut engine.create_cache(), text)
}

/// What the code says and what the pattern says is the same.
fn check(text: &str, link: bool, plain: bool, base: bool) {
    assert_eq!(is_link(text), link, "{text:?} a link");
    assert_eq!(fits(LINK, text), link, "{text:?} by the pattern of links");
    assert_eq!(is_plain_link(text), plain, "{text:?} a plain link");
    assert_eq!(fits(PLAIN_LINK, text), plain, "{text:?} by its pattern");
    assert_eq!(is_base(text), base, "{text:?} a base");
    assert_eq!(fits(BASE, text), base, "{text:?} by its pattern");
}

#[test]
fn what_people_write_is_a_link() {
    for text in [
        "https://example.com",
        "HTTP://Example.COM:8080/",
        "https://\u{cf}",
        "https://wiki.example/\u{dc}bersicht/{id}|\"x\"",
        "http://[::1]:80/a",
        "https://xn--a.example/%zz",
        "https://example.com:/a",
    ] {
        check(text, true, true, true);
    }
    for text in ["https://example.com?x=1", "https://example.com/a#b@c"] {
        check(text, true, true, false);
    }
    for text in ["https://me:secret@example.com/", "https://a@b@example.com"] {
        check(text, true, false, false);
    }
}

#[test]
fn what_leads_nowhere_is_no_link() {
    for text in [
        "",
        "example.com",
        "ftp://example.com",
        "javascript:alert(1)",
        "https:example.com",
        "https:/example.com",
        "https:\\\\example.com",
        "https://",
        "https:///a",
        "https://?a",
        "https://:80",
        "https://@/",
        "https://example.com:port",
        "https://example.com:123456",
        "https://[::1",
        "https://[]",
        "https://[::1]a",
        "https://a<b",
        "https://a b",
        "https://a/b c",
        " https://a",
        "https://a\n",
        "https://a/\u{9b}",
        "https://a/\u{85}",
        "https://a/\u{2003}",
        "https://a/\u{feff}",
    ] {
        check(text, false, false, false);
    }
}
