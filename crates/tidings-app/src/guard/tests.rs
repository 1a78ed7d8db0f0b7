use super::*;

#[test]
fn only_plain_web_addresses_are_read() {
    for good in [
        "https://example.com/hook",
        "http://example.com",
        "https://example.com:8443/a?b=c",
        "https://xn--bcher-kva.example/",
        "https://example.com/%20@x",
    ] {
        assert!(parse(good, "/url").is_ok(), "{good}");
    }
    for bad in [
        "",
        "example.com",
        "/hook",
        "ftp://example.com",
        "javascript:alert(1)",
        "file:///etc/passwd",
        "https://",
        "http:///x",
        "https://user@example.com",
        "https://user:pass@example.com",
        "https://@example.com",
        "https://example.com/#f",
        "https://exa mple.com",
        "https://example.com\\x",
        "https://example.com/\n",
        "\thttps://example.com",
        "https://example.com:0",
        "https://example.com:99999",
    ] {
        assert!(parse(bad, "/url").is_err(), "{bad:?}");
    }
    assert!(parse(&format!("https://e.com/{}", "a".repeat(2000)), "/url").is_err());
}

#[test]
fn another_host_or_port_is_another_place() {
    assert!(same_place("https://a.example/x", "https://A.example:443/y"));
    assert!(!same_place("https://a.example", "https://b.example"));
    assert!(!same_place("https://a.example", "https://a.example:8443"));
}
