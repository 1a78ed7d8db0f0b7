//! Who is believed about whom.

use http::{HeaderMap, HeaderValue};

use super::sender;

fn from(peer: &str, lines: &[&str], proxies: &[&str]) -> String {
    let mut headers = HeaderMap::new();
    for line in lines {
        headers.append("x-forwarded-for", HeaderValue::from_str(line).unwrap());
    }
    let proxies: Vec<_> = proxies.iter().map(|p| p.parse().unwrap()).collect();
    sender(peer.parse().unwrap(), &headers, &proxies).to_string()
}

#[test]
fn only_trusted_proxies_are_believed() {
    let local: &[&str] = &["127.0.0.0/8", "::1/128", "10.0.0.0/8"];
    for (peer, lines, proxies, is) in [
        // Nobody is trusted: whatever is claimed does not count.
        ("127.0.0.1", &["198.51.100.7"][..], &[][..], "127.0.0.1"),
        ("203.0.113.9", &["198.51.100.7"], local, "203.0.113.9"),
        ("127.0.0.1", &["198.51.100.7"], local, "198.51.100.7"),
        ("127.0.0.1", &[], local, "127.0.0.1"),
        // A client that writes the header itself stands before what the proxy added.
        (
            "127.0.0.1",
            &["1.2.3.4, 198.51.100.7"],
            local,
            "198.51.100.7",
        ),
        (
            "127.0.0.1",
            &["1.2.3.4", "198.51.100.7"],
            local,
            "198.51.100.7",
        ),
        (
            "127.0.0.1",
            &["1.2.3.4", "198.51.100.7, 10.0.0.3"],
            local,
            "198.51.100.7",
        ),
        // All of them are proxies: the farthest.
        ("127.0.0.1", &["10.0.0.9, 10.0.0.3"], local, "10.0.0.9"),
        ("127.0.0.1", &["198.51.100.7, nonsense"], local, "127.0.0.1"),
        (
            "127.0.0.1",
            &["198.51.100.7, nonsense, 10.0.0.3"],
            local,
            "10.0.0.3",
        ),
        ("127.0.0.1", &[""], local, "127.0.0.1"),
        ("::1", &["[2001:db8::7]:443"], local, "2001:db8::7"),
        ("::1", &["2001:db8::7"], local, "2001:db8::7"),
        ("::1", &["[2001:db8::7]"], local, "2001:db8::7"),
        ("127.0.0.1", &["198.51.100.7:5123"], local, "198.51.100.7"),
        (
            "::ffff:127.0.0.1",
            &["::ffff:198.51.100.7"],
            local,
            "198.51.100.7",
        ),
    ] {
        assert_eq!(from(peer, lines, proxies), is, "{peer} {lines:?}");
    }
}
