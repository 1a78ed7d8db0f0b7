//! Values of `Retry-After`.

/// Sane ones: the value as it is at 2026-03-02T11:40:00Z, and the seconds it asks for.
pub const SANE: &[(&str, u64)] = &[
    ("0", 0),
    ("1", 1),
    ("120", 120),
    ("  60  ", 60),
    ("86400", 86_400),
    ("Mon, 02 Mar 2026 11:42:00 GMT", 120),
    ("Monday, 02-Mar-26 11:42:00 GMT", 120),
    ("Mon Mar  2 11:42:00 2026", 120),
];

/// Absurd ones: they are as if they were not there, or are bounded by a day; none may be a fault of ours.
pub const ABSURD: &[&str] = &[
    "",
    " ",
    "-1",
    "+1",
    "1.5",
    "1e9",
    "0x10",
    "NaN",
    "Infinity",
    "soon",
    "1 2",
    "1,2",
    "1;q=1",
    "18446744073709551615",
    "18446744073709551616",
    "99999999999999999999999999999999999999999",
    "9223372036854775807",
    "Thu, 01 Jan 1970 00:00:00 GMT",
    "Fri, 31 Dec 9999 23:59:59 GMT",
    "Mon, 32 Mar 2026 11:42:00 GMT",
    "Mon, 02 Mar 2026 25:61:61 GMT",
    "Sun, 02 Mar 2026 11:42:00 GMT",
    "Mon, 02 Mar 2026 11:42:00 +0100",
    "2026-03-02T11:42:00Z",
    "Mon, 02 Mar 99999 11:42:00 GMT",
    "\u{661}\u{662}",
    "%31%32",
    "12\u{0}",
    "-0",
    "00000000000000000000000000000000000012",
];
