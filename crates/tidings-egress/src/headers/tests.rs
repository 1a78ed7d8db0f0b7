//! Tables of what is taken and what is refused.

use super::{check, check_all};

#[test]
fn ordinary_headers_are_taken() {
    for (name, value) in [
        ("Authorization", "Bearer abc.def"),
        ("X-Api-Key", "k"),
        ("x", ""),
        ("Cookie", "a=b; c=d"),
        ("X-Odd!#$%&'*+-.^_`|~1", "~!@#"),
        ("Accept", "*/*"),
        ("X-Headers", "x"),
    ] {
        assert_eq!(check(name, value), Ok(()), "{name}");
    }
}

#[test]
fn names_and_values_that_could_change_the_request_are_refused() {
    for (name, value, code) in [
        ("", "x", "header_name"),
        ("X Y", "x", "header_name"),
        ("X:Y", "x", "header_name"),
        ("X\r\nY", "x", "header_name"),
        ("Ünicode", "x", "header_name"),
        ("X-A\0", "x", "header_name"),
        ("(x)", "x", "header_name"),
        ("X-A", "a\r\nX-B: c", "header_value"),
        ("X-A", "a\nb", "header_value"),
        ("X-A", "a\0", "header_value"),
        ("X-A", "tab\there", "header_value"),
        ("X-A", "ü", "header_value"),
        ("X-A", "\u{7f}", "header_value"),
        ("X-A", " leading", "header_value"),
        ("X-A", "trailing ", "header_value"),
        ("Host", "x", "header_reserved"),
        ("HOST", "x", "header_reserved"),
        ("Connection", "x", "header_reserved"),
        ("Keep-Alive", "x", "header_reserved"),
        ("Transfer-Encoding", "x", "header_reserved"),
        ("TE", "x", "header_reserved"),
        ("Trailer", "x", "header_reserved"),
        ("Upgrade", "x", "header_reserved"),
        ("Expect", "x", "header_reserved"),
        ("Proxy-Authorization", "x", "header_reserved"),
        ("Proxy-Connection", "x", "header_reserved"),
        ("Content-Length", "1", "header_reserved"),
        ("content-type", "x", "header_reserved"),
        ("Content-Encoding", "x", "header_reserved"),
        ("Accept-Encoding", "gzip", "header_reserved"),
        ("User-Agent", "x", "header_reserved"),
        ("webhook-id", "x", "header_reserved"),
        ("Webhook-Signature", "x", "header_reserved"),
        ("x-tidings-late", "x", "header_reserved"),
        ("X-Icescrum-Signature", "x", "header_reserved"),
        ("X-Squish-Action", "x", "header_reserved"),
        ("X-Header", "x", "header_reserved"),
    ] {
        assert_eq!(
            check(name, value).map_err(|fault| fault.code),
            Err(code),
            "{name:?} {value:?}"
        );
    }
}

#[test]
fn number_size_and_repetition_are_limited() {
    let many: Vec<_> = (0..21)
        .map(|n| (format!("X-{n}"), "v".to_owned()))
        .collect();
    let codes = |headers: &[(String, String)]| {
        check_all(
            headers
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str())),
        )
        .into_iter()
        .map(|fault| fault.code)
        .collect::<Vec<_>>()
    };
    assert_eq!(codes(&many[..20]), Vec::<&str>::new());
    assert_eq!(codes(&many), ["too_many_headers"]);
    assert_eq!(
        codes(&[("X-A".to_owned(), "v".repeat(8_190))]),
        ["headers_too_large"]
    );
    assert_eq!(
        codes(&[
            ("X-A".to_owned(), "1".to_owned()),
            ("x-a".to_owned(), "2".to_owned())
        ]),
        ["header_duplicate"]
    );
}
