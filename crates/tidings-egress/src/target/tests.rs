//! Tables of what is taken and what is refused.

use super::{MAX_URL, parse};

#[test]
fn every_notation_of_an_address_becomes_the_address() {
    for (input, host) in [
        ("http://2130706433/", "127.0.0.1"),
        ("http://0x7f000001/", "127.0.0.1"),
        ("http://0x7f.1/", "127.0.0.1"),
        ("http://0177.0.0.1/", "127.0.0.1"),
        ("http://017700000001/", "127.0.0.1"),
        ("http://127.1/", "127.0.0.1"),
        ("http://127.0.1/", "127.0.0.1"),
        ("http://0x7f.0.0x0.01/", "127.0.0.1"),
        ("http://127.0.0.1./", "127.0.0.1"),
        ("http://%31%32%37.0.0.1/", "127.0.0.1"),
        ("http://１２７.０.０.１/", "127.0.0.1"),
        ("http://①②⑦.0.0.1/", "127.0.0.1"),
        ("http://127。0。0。1/", "127.0.0.1"),
        ("http://0/", "0.0.0.0"),
        ("http://2852039166/", "169.254.169.254"),
        ("http://0xa9.0xfe.0xa9.0xfe/", "169.254.169.254"),
        ("http://[::ffff:127.0.0.1]/", "[::ffff:7f00:1]"),
        ("http://[0:0:0:0:0:0:0:1]/", "[::1]"),
        ("http://ⓛocalhost/", "localhost"),
        ("http://LOCALHOST/", "localhost"),
        ("http://loc%61lhost/", "localhost"),
        ("http://bücher.example/", "xn--bcher-kva.example"),
        ("HTTPS://Example.COM:443/a", "example.com"),
    ] {
        let url = parse(input).unwrap_or_else(|fault| panic!("{input}: {fault}"));
        assert_eq!(url.host_str(), Some(host), "{input}");
    }
}

#[test]
fn canonical_form() {
    assert_eq!(
        parse("HTTP://Example.com:80/a/../b?x=1#frag")
            .unwrap()
            .as_str(),
        "http://example.com/b?x=1"
    );
    assert_eq!(
        parse("https://example.com").unwrap().as_str(),
        "https://example.com/"
    );
    assert_eq!(
        parse("https://example.com/%zz?q=ä").unwrap().as_str(),
        "https://example.com/%zz?q=%C3%A4"
    );
}

#[test]
fn what_is_no_webhook_url_is_refused_with_a_code_and_advice() {
    let long = format!("https://example.com/{}", "a".repeat(MAX_URL));
    let long_name = format!("https://{}/", vec!["a"; 130].join("."));
    let long_label = format!("https://{}.example/", "a".repeat(64));
    for (input, code) in [
        ("", "url_empty"),
        (long.as_str(), "url_too_long"),
        (" https://example.com/", "url_characters"),
        ("https://example.com/ ", "url_characters"),
        ("https://exam\tple.com/", "url_characters"),
        ("https://example.com/\r\nX: y", "url_characters"),
        ("ht\ntps://example.com/", "url_characters"),
        ("https://example.com/\0", "url_characters"),
        ("https://exam\u{200b}ple.com/", "url_characters"),
        ("https://exam\u{ad}ple.com/", "url_characters"),
        ("https://example.com\u{202e}/", "url_characters"),
        ("https:\\\\example.com/", "url_characters"),
        ("https://good.example\\@127.0.0.1/", "url_characters"),
        ("example.com/hook", "url_scheme"),
        ("//example.com/", "url_scheme"),
        ("ftp://example.com/", "url_scheme"),
        ("file:///etc/passwd", "url_scheme"),
        ("gopher://example.com/", "url_scheme"),
        ("javascript:alert(1)", "url_scheme"),
        ("data:text/plain,x", "url_scheme"),
        ("ws://example.com/", "url_scheme"),
        ("unix:/var/run/docker.sock", "url_scheme"),
        ("http+unix://x/", "url_scheme"),
        ("localhost:8080/", "url_scheme"),
        ("http:", "url_host"),
        ("http://", "url_host"),
        ("http:///example.com/", "url_host"),
        ("http:example.com", "url_host"),
        ("http:/example.com", "url_host"),
        ("http://:80/", "url_host"),
        ("http://?x", "url_host"),
        ("http://user@example.com/", "url_userinfo"),
        ("http://user:pw@example.com/", "url_userinfo"),
        ("http://@example.com/", "url_userinfo"),
        ("http://example.com@127.0.0.1/", "url_userinfo"),
        ("http://example.com:0/", "url_port"),
        ("http://example.com:65536/", "url_port"),
        ("http://example.com:http/", "url_port"),
        ("http://example.com:-1/", "url_port"),
        ("http://[::1/", "url_host"),
        ("http://[::1%25eth0]/", "url_host"),
        ("http://[v1.x]/", "url_host"),
        ("http://1.2.3.4.5/", "url_host"),
        ("http://256.1.1.1/", "url_host"),
        ("http://0x100000000/", "url_host"),
        ("http://08.0.0.1/", "url_host"),
        ("http://a..b/", "url_host"),
        ("http://.example.com/", "url_host"),
        ("http://./", "url_host"),
        ("http://example.com../", "url_host"),
        ("http://exa$mple.com/", "url_host"),
        ("http://exa%00mple.com/", "url_host"),
        ("http://exa%2fmple.com/", "url_host"),
        ("http://*.example.com/", "url_host"),
        ("http://xn--/", "url_host"),
        (long_name.as_str(), "url_host"),
        (long_label.as_str(), "url_host"),
    ] {
        let fault = parse(input)
            .err()
            .unwrap_or_else(|| panic!("{input:?} is taken"));
        assert_eq!(fault.code, code, "{input:?}: {fault}");
        assert!(fault.detail.len() > 30, "{fault}");
    }
}
