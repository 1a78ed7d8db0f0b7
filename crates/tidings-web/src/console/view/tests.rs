//! Templates can be read; numbers, words and links for people; hostile text stays text.

use super::{
    bytes, count, environment, millis, percent, pieces, prepare, pretty, sentence, spell, words,
};

#[test]
fn every_template_can_be_read() {
    if let Err(error) = prepare() {
        panic!("{error:#}");
    }
}

#[test]
fn numbers_and_words_for_people() {
    assert_eq!(count(0), "0");
    assert_eq!(count(1_234_567), "1,234,567");
    assert_eq!(count(-1000), "-1,000");
    assert_eq!(millis(0), "< 1 ms");
    assert_eq!(millis(840), "840 ms");
    assert_eq!(millis(2450), "2.4 s");
    assert_eq!(millis(7_200_000), "2 hours");
    assert_eq!(bytes(312), "312 B");
    assert_eq!(bytes(4300), "4.1 KiB");
    assert_eq!(bytes(16 * 1024 * 1024), "16 MiB");
    assert_eq!(spell(1), "1 second");
    assert_eq!(spell(7300), "2 hours");
    assert_eq!(spell(86_400), "1 day");
    assert_eq!(words("backing_off"), "backing off");
    assert_eq!(sentence("is not known"), "Is not known.");
    assert_eq!(sentence("Done."), "Done.");
    assert_eq!(sentence(""), "");
    assert_eq!(percent("a b/ü&"), "a%20b%2F%C3%BC%26");
    assert_eq!(pretty("{\"a\":1}"), "{\n  \"a\": 1\n}");
    assert_eq!(pretty("not json"), "not json");
}

#[test]
fn a_url_breaks_between_its_parts() {
    for (url, broken) in [
        (
            "https://ci.example/hooks/tidings?a=1&b",
            "https://ci.example/|hooks/|tidings?|a=|1&|b",
        ),
        ("https://ci.example", "https://ci.example"),
        ("https://", "https://"),
        ("", ""),
    ] {
        assert_eq!(pieces(url).join("|"), broken);
    }
}

#[test]
fn what_people_wrote_is_text_in_every_place() {
    let mut environment = environment();
    environment
        .add_template("t", "<a href=\"{{ x }}\" title='{{ x }}'>{{ x }}</a>")
        .unwrap();
    let hostile = "\"><script>alert('1')</script>&";
    let text = environment
        .get_template("t")
        .unwrap()
        .render(minijinja::context! { x => hostile })
        .unwrap();
    assert!(!text.contains("<script") && !text.contains("'1'"), "{text}");
    assert_eq!(text.matches('>').count(), 2, "{text}");
}

#[test]
fn a_name_that_is_not_there_is_an_error() {
    let mut environment = environment();
    environment.add_template("t", "{{ a.b }}").unwrap();
    let template = environment.get_template("t").unwrap();
    assert!(
        template
            .render(minijinja::context! { a => minijinja::context! {} })
            .is_err()
    );
}

#[test]
fn links_leave_out_what_is_empty() {
    let mut environment = environment();
    environment
        .add_template("t", "{{ link('/x', q='a b', state='', n=3, x=none) }}")
        .unwrap();
    let text = environment.get_template("t").unwrap().render(()).unwrap();
    assert_eq!(text, "/x?n=3&amp;q=a%20b");
}
