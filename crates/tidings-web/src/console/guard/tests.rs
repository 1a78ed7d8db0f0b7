//! What is ours and what is not.

use http::{HeaderMap, HeaderValue};

use super::is_ours;

#[test]
fn only_our_own_pages_change_something() {
    let host = "tidings.example:8080";
    let cases: &[(&[(&str, &str)], bool)] = &[
        (
            &[
                ("sec-fetch-site", "same-origin"),
                ("origin", "https://tidings.example:8080"),
            ],
            true,
        ),
        (&[("sec-fetch-site", "same-origin")], true),
        (&[("origin", "http://tidings.example:8080")], true),
        (&[("origin", "https://TIDINGS.example:8080")], true),
        (&[], false),
        (&[("sec-fetch-site", "none")], false),
        (
            &[
                ("sec-fetch-site", "same-site"),
                ("origin", "https://tidings.example:8080"),
            ],
            false,
        ),
        (
            &[
                ("sec-fetch-site", "cross-site"),
                ("origin", "https://tidings.example:8080"),
            ],
            false,
        ),
        (
            &[
                ("sec-fetch-site", "same-origin"),
                ("origin", "https://evil.example"),
            ],
            false,
        ),
        (
            &[("sec-fetch-site", "same-origin"), ("origin", "null")],
            false,
        ),
        (&[("origin", "null")], false),
        (&[("origin", "")], false),
        (&[("origin", "https://")], false),
        (&[("origin", "https://tidings.example")], false),
        (&[("origin", "https://tidings.example:8081")], false),
        (
            &[("origin", "https://tidings.example:8080.evil.example")],
            false,
        ),
        (
            &[("origin", "https://evil.example/tidings.example:8080")],
            false,
        ),
        (&[("origin", "ftp://tidings.example:8080")], false),
        (
            &[
                ("origin", "https://evil.example"),
                ("origin", "https://tidings.example:8080"),
            ],
            false,
        ),
        (
            &[
                ("sec-fetch-site", "cross-site"),
                ("sec-fetch-site", "same-origin"),
            ],
            false,
        ),
    ];
    for (headers, ours) in cases {
        let mut map = HeaderMap::new();
        map.insert("host", HeaderValue::from_static(host));
        for (name, value) in *headers {
            map.append(*name, HeaderValue::from_static(value));
        }
        assert_eq!(is_ours(&map), *ours, "{headers:?}");
    }
}

#[test]
fn without_a_host_no_origin_is_ours() {
    let mut map = HeaderMap::new();
    map.insert(
        "origin",
        HeaderValue::from_static("https://tidings.example"),
    );
    assert!(!is_ours(&map));
}
