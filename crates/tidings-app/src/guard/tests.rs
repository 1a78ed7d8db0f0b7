//! Which URLs are the same place.

use super::*;

#[test]
fn another_host_or_port_is_another_place() {
    assert!(same_place("https://a.example/x", "https://A.example:443/y"));
    assert!(!same_place("https://a.example", "https://b.example"));
    assert!(!same_place("https://a.example", "https://a.example:8443"));
    assert!(!same_place("", ""));
}

#[test]
fn a_fault_of_the_url_points_at_its_member() {
    let fault = parse("ftp://example.com", "/webhook/url").unwrap_err();
    assert_eq!(fault.errors[0].field, "/webhook/url");
    assert_eq!(fault.errors[0].code, "url_scheme");
}
