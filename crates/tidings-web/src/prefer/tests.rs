//! Which wishes are understood.

use http::{HeaderMap, HeaderValue};

use super::seconds;

#[test]
fn a_wish_is_understood_or_ignored() {
    for (values, wanted) in [
        (&["wait=5"][..], Some(5)),
        (&["Wait = 5"], Some(5)),
        (&["wait=\"7\""], Some(7)),
        (&["wait=30"], Some(30)),
        (&["wait=31"], Some(30)),
        (&["wait=99999999999999999999999"], Some(30)),
        (&["respond-async, wait=3"], Some(3)),
        (&["respond-async; wait=3"], None),
        (&["wait=3; loudly=yes, return=minimal"], Some(3)),
        (&["note=\"a, wait=9\", wait=2"], Some(2)),
        (&["note=\"a\\\", wait=9\", wait=2"], Some(2)),
        (&["return=minimal", "wait=4"], Some(4)),
        (&["wait=4", "wait=9"], Some(4)),
        (&["wait=x, wait=9"], None),
        (&["wait=0"], None),
        (&["wait"], None),
        (&["wait="], None),
        (&["wait=-1"], None),
        (&["wait=+1"], None),
        (&["wait=1.5"], None),
        (&["await=5"], None),
        (&[""], None),
        (&[",;=,"], None),
        (&[], None),
    ] {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append("prefer", HeaderValue::from_static(value));
        }
        assert_eq!(seconds(&headers), wanted, "{values:?}");
    }
}
