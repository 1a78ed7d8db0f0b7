//! Tables of what is taken and what is refused.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{Allow, NameVerdict, Policy, Reason, Verdict, classify, is_local_name, is_localhost};

fn ip(text: &str) -> IpAddr {
    text.parse()
        .unwrap_or_else(|_| panic!("{text} is no address"))
}

/// Each row: why, and addresses at both edges and inside of each block.
const REFUSED: &[(Reason, &[&str])] = &[
    (
        Reason::Unspecified,
        &[
            "0.0.0.0",
            "0.0.0.1",
            "0.1.2.3",
            "0.255.255.255",
            "::",
            "::ffff:0.0.0.0",
            "64:ff9b::0.0.0.0",
        ],
    ),
    (
        Reason::Loopback,
        &[
            "127.0.0.0",
            "127.0.0.1",
            "127.1.2.3",
            "127.255.255.255",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:7f00:1",
            "::127.0.0.1",
            "::7f00:1",
            "::ffff:0:127.0.0.1",
            "::ffff:0:7f00:1",
            "64:ff9b::127.0.0.1",
            "64:ff9b:1::127.0.0.1",
            "64:ff9b:1:7f00:0:1::",
            "64:ff9b:1:7f00:0:1:808:808",
            "2002:7f00:1::",
            "2002:7f00:1::1",
            "2001:0:4136:e378:8000:63bf:80ff:fffe",
            "2001:db8::5efe:127.0.0.1",
            "2a00:1450::5efe:7f00:1",
            "2a00:1450::200:5efe:127.0.0.1",
            "fe80::5efe:127.0.0.1",
        ],
    ),
    (
        Reason::Private,
        &[
            "10.0.0.0",
            "10.0.0.1",
            "10.255.255.255",
            "172.16.0.0",
            "172.20.1.1",
            "172.31.255.255",
            "192.168.0.0",
            "192.168.1.1",
            "192.168.255.255",
            "fc00::",
            "fc00::1",
            "fd00::1",
            "fd12:3456:789a::1",
            "fd00:ec2::254",
            "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
            "::ffff:10.0.0.1",
            "::10.0.0.1",
            "::ffff:0:192.168.1.1",
            "64:ff9b::10.0.0.1",
            "64:ff9b::c0a8:101",
            "64:ff9b:1::10.1.2.3",
            "64:ff9b:1:c0a8:1:100::",
            "2002:0a00:0001::1",
            "2002:c0a8:101::",
            "2001:0:0:0:0:0:f5ff:fffe",
            "2600::5efe:10.0.0.1",
        ],
    ),
    (
        Reason::LinkLocal,
        &[
            "169.254.0.0",
            "169.254.169.254",
            "169.254.170.2",
            "169.254.255.255",
            "fe80::",
            "fe80::1",
            "fe80::a9fe:a9fe",
            "febf:ffff::",
            "::ffff:169.254.169.254",
            "::ffff:a9fe:a9fe",
            "::169.254.169.254",
            "::ffff:0:169.254.169.254",
            "64:ff9b::169.254.169.254",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::a9fe:a9fe",
            "2002:a9fe:a9fe::",
            "2001:0:1:2:3:4:5601:5601",
            "2600::5efe:a9fe:a9fe",
        ],
    ),
    (
        Reason::Shared,
        &[
            "100.64.0.0",
            "100.64.0.1",
            "100.100.100.200",
            "100.127.255.255",
            "::ffff:100.100.100.200",
            "64:ff9b::100.64.0.1",
            "2002:6440:1::",
        ],
    ),
    (
        Reason::Metadata,
        &[
            "168.63.129.16",
            "::ffff:168.63.129.16",
            "64:ff9b::168.63.129.16",
            "2002:a83f:8110::1",
            "2600::5efe:168.63.129.16",
        ],
    ),
    (
        Reason::Multicast,
        &[
            "224.0.0.0",
            "224.0.0.1",
            "233.252.0.1",
            "239.255.255.255",
            "ff00::",
            "ff02::1",
            "ff0e::1",
            "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
            "::ffff:224.0.0.1",
        ],
    ),
    (
        Reason::Documentation,
        &[
            "192.0.2.0",
            "192.0.2.255",
            "198.51.100.0",
            "198.51.100.7",
            "198.51.100.255",
            "203.0.113.0",
            "203.0.113.255",
            "2001:db8::",
            "2001:db8::1",
            "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff",
            "3fff::",
            "3fff::1",
            "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff",
            "::ffff:192.0.2.1",
        ],
    ),
    (
        Reason::Benchmarking,
        &[
            "198.18.0.0",
            "198.18.0.1",
            "198.19.255.255",
            "2001:2::",
            "2001:2::1",
            "2001:2:0:ffff:ffff:ffff:ffff:ffff",
            "::ffff:198.18.0.1",
        ],
    ),
    (
        Reason::Protocol,
        &[
            "192.0.0.0",
            "192.0.0.8",
            "192.0.0.9",
            "192.0.0.170",
            "192.0.0.192",
            "192.0.0.255",
            "2001:1::1",
            "2001:3::1",
            "2001:4:112::1",
            "2001:10::1",
            "2001:20::1",
            "2001:30::1",
            "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff",
            "5f00::",
            "5f00::1",
            "5f00:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        ],
    ),
    (
        Reason::Transition,
        &[
            "192.88.99.0",
            "192.88.99.1",
            "192.88.99.255",
            "2001::1",
            "2001:0:4136:e378:8000:63bf:3fff:fdd2",
            "2002::",
            "2002:808:808::1",
            "2002:ffff:ffff::",
            "64:ff9b:1::",
            "64:ff9b:1::1",
        ],
    ),
    (Reason::SiteLocal, &["fec0::", "fec0::1", "feff:ffff::1"]),
    (
        Reason::Reserved,
        &[
            "240.0.0.0",
            "240.0.0.1",
            "250.1.2.3",
            "255.255.255.254",
            "255.255.255.255",
            "::ffff:255.255.255.255",
            "::2:0:0:1",
            "::1:0:0:0:0",
            "::8.8.8.8",
            "::ffff:0:8.8.8.8",
            "1::1",
            "64::1",
            "64:ff9b:2::1",
            "64:ff9b:0:1::8.8.8.8",
            "ff:ffff::",
            "100::",
            "100::1",
            "100:0:0:1::1",
            "100:0:0:2::1",
            "200::1",
            "1fff::1",
            "4000::1",
            "5fff::1",
            "6000::",
            "8000::1",
            "a000::1",
            "c000::1",
            "e000::1",
            "f000::1",
            "fbff::1",
            "fe00::1",
            "fe7f::1",
        ],
    ),
];

const PUBLIC: &[&str] = &[
    "1.0.0.1",
    "1.1.1.1",
    "8.8.8.8",
    "9.255.255.255",
    "11.0.0.0",
    "52.95.110.1",
    "99.255.255.255",
    "100.63.255.255",
    "100.128.0.0",
    "126.255.255.255",
    "128.0.0.0",
    "140.82.112.3",
    "168.63.129.15",
    "168.63.129.17",
    "169.253.255.255",
    "169.255.0.0",
    "172.15.255.255",
    "172.32.0.0",
    "185.199.108.153",
    "191.255.255.255",
    "192.0.1.0",
    "192.0.3.0",
    "192.31.196.1",
    "192.52.193.1",
    "192.88.98.255",
    "192.88.100.0",
    "192.167.255.255",
    "192.169.0.0",
    "192.175.48.1",
    "198.17.255.255",
    "198.20.0.0",
    "198.51.99.255",
    "198.51.101.0",
    "203.0.112.255",
    "203.0.114.0",
    "223.255.255.255",
    "2000::1",
    "2001:200::1",
    "2001:4860:4860::8888",
    "2001:db7::1",
    "2001:db9::1",
    "2003::1",
    "2400:cb00::1",
    "2600:1f18::1",
    "2606:4700::6810:84e5",
    "2620:4f:8000::1",
    "2a00:1450:4001::200e",
    "3ffe::1",
    "::ffff:8.8.8.8",
    "64:ff9b::8.8.8.8",
    "64:ff9b:1::8.8.8.8",
    "2600::5efe:8.8.8.8",
];

#[test]
fn every_special_block_is_refused_for_its_reason() {
    for (reason, addresses) in REFUSED {
        for address in *addresses {
            assert!(classify(ip(address)).is_err(), "{address} is let through");
            // Blocks that hold others, and tunnels that carry them, may give either reason.
            let found = classify(ip(address)).unwrap_err();
            let either = matches!(
                *reason,
                Reason::Transition
                    | Reason::Private
                    | Reason::Loopback
                    | Reason::LinkLocal
                    | Reason::Shared
                    | Reason::Metadata
            );
            assert!(
                found == *reason || either && found != Reason::Own,
                "{address}: {found}, not {reason}"
            );
        }
    }
}

#[test]
fn the_neighbours_of_special_blocks_are_public() {
    for address in PUBLIC {
        assert_eq!(classify(ip(address)), Ok(()), "{address}");
    }
}

/// Written without the table, from the words of the registries, bit by bit.
mod plain {
    use std::net::{Ipv4Addr, Ipv6Addr};

    pub(super) fn v4(ip: Ipv4Addr) -> bool {
        let [a, b, c, d] = ip.octets();
        let special = ip.is_private()
            || ip.is_loopback()
            || ip.is_link_local()
            || ip.is_documentation()
            || ip.is_multicast()
            || a == 0
            || a >= 240
            || (a == 100 && b & 0xc0 == 64)
            || (a == 192 && b == 0 && c == 0)
            || (a == 192 && b == 88 && c == 99)
            || (a == 198 && b & 0xfe == 18)
            || (a, b, c, d) == (168, 63, 129, 16);
        !special
    }

    pub(super) fn v6(ip: Ipv6Addr) -> bool {
        let text = ip
            .segments()
            .map(|segment| format!("{segment:04x}"))
            .join("");
        let tail4 = |at: usize| Ipv4Addr::from(u32::from_str_radix(&text[at..at + 8], 16).unwrap());
        let isatap = matches!(&text[16..24], "00005efe" | "02005efe");
        if text.starts_with("00000000000000000000ffff")
            || text.starts_with("0064ff9b0000000000000000")
        {
            return v4(tail4(24));
        }
        if text.starts_with("0064ff9b0001") {
            // Places of RFC 6052 in hexadecimal digits; the two digits at 16 carry nothing.
            let places = [
                format!("{}{}", &text[12..16], &text[18..22]),
                format!("{}{}", &text[14..16], &text[18..24]),
                text[18..26].to_owned(),
                text[24..32].to_owned(),
            ];
            let places = places.map(|hex| Ipv4Addr::from(u32::from_str_radix(&hex, 16).unwrap()));
            return places.iter().all(|ip| v4(*ip) || ip.octets()[0] == 0)
                && places.iter().any(|ip| v4(*ip));
        }
        if isatap && !v4(tail4(24)) {
            return false;
        }
        let protocol =
            text.starts_with("2001") && u16::from_str_radix(&text[4..8], 16).unwrap() < 0x200;
        let named = ["2002", "20010db8", "3fff0"];
        matches!(text.as_bytes()[0], b'2' | b'3')
            && !protocol
            && !named.iter().any(|start| text.starts_with(start))
    }
}

#[test]
fn the_table_agrees_with_a_plain_reading_of_the_registries() {
    let mut state = 0x7469_6469_6e67_7321_u64;
    let mut next = || {
        // splitmix64
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    };
    let prefixes: Vec<u128> = [
        "::",
        "::ffff:0:0",
        "::ffff:0:0:0",
        "64:ff9b::",
        "64:ff9b:1::",
        "2001::",
        "2001:2::",
        "2001:db8::",
        "2002::",
        "3fff::",
        "5f00::",
        "fc00::",
        "fe80::",
        "fec0::",
        "ff00::",
        "100::",
        "2600::5efe:0:0",
        "2600::200:5efe:0:0",
    ]
    .iter()
    .map(|text| text.parse::<Ipv6Addr>().unwrap().to_bits())
    .collect();
    for round in 0..200_000_u32 {
        let four = Ipv4Addr::from_bits((next() >> 32) as u32);
        assert_eq!(classify(four.into()).is_ok(), plain::v4(four), "{four}");
        let mut bits = u128::from(next()) << 64 | u128::from(next());
        if round % 2 == 0 {
            let prefix = prefixes[usize::try_from(next()).unwrap() % prefixes.len()];
            let kept = [16, 32, 48, 64, 96][usize::try_from(next() % 5).unwrap()];
            let mask = u128::MAX << (128 - kept);
            bits = prefix & mask | bits & !mask | prefix;
            if round % 4 == 0 {
                // Special IPv4 at the end.
                let inside = [0x7f00_0001_u128, 0x0a01_0203, 0xa9fe_a9fe, 0x0808_0808]
                    [usize::try_from(next() % 4).unwrap()];
                bits = bits & !0xffff_ffff | inside;
            }
        }
        let six = Ipv6Addr::from_bits(bits);
        assert_eq!(classify(six.into()).is_ok(), plain::v6(six), "{six}");
    }
}

fn allow(entries: &[&str]) -> Policy {
    Policy::new(
        entries.iter().map(|entry| entry.parse().unwrap()).collect(),
        Vec::new(),
    )
}

#[test]
fn the_allow_list_is_exact() {
    let policy = allow(&[
        "10.1.0.0/16:8443",
        "127.0.0.1:9000",
        "192.168.7.7",
        "[fd00:1::/64]:443",
        "fd00:2::5",
        "hooks.corp:8080",
        "Build.Example.org",
    ]);
    let refused = |reason| Verdict::Refused(reason);
    for (host, address, port, expected) in [
        ("x.example", "10.1.2.3", 8443, Verdict::Listed),
        ("x.example", "10.1.2.3", 443, refused(Reason::Private)),
        ("x.example", "10.2.0.1", 8443, refused(Reason::Private)),
        ("127.0.0.1", "127.0.0.1", 9000, Verdict::Listed),
        ("127.0.0.1", "::ffff:127.0.0.1", 9000, Verdict::Listed),
        ("127.0.0.1", "127.0.0.1", 9001, refused(Reason::Loopback)),
        ("127.0.0.2", "127.0.0.2", 9000, refused(Reason::Loopback)),
        (
            "x.example",
            "64:ff9b::127.0.0.1",
            9000,
            refused(Reason::Loopback),
        ),
        ("x", "192.168.7.7", 1, Verdict::Listed),
        ("x", "192.168.7.8", 1, refused(Reason::Private)),
        ("x", "fd00:1::9", 443, Verdict::Listed),
        ("x", "fd00:1::9", 444, refused(Reason::Private)),
        ("x", "fd00:1:0:1::9", 443, refused(Reason::Private)),
        ("x", "fd00:2::5", 444, Verdict::Listed),
        ("HOOKS.corp.", "10.9.9.9", 8080, Verdict::Listed),
        ("hooks.corp", "10.9.9.9", 8081, refused(Reason::Private)),
        ("a.hooks.corp", "10.9.9.9", 8080, refused(Reason::Private)),
        ("build.example.org", "127.0.0.1", 1, Verdict::Listed),
        ("x", "8.8.8.8", 1, Verdict::Public),
    ] {
        assert_eq!(
            policy.judge(host, ip(address), port),
            expected,
            "{host} {address} {port}"
        );
    }
}

#[test]
fn entries_of_the_allow_list_are_read_or_refused_with_words() {
    for (entry, shown) in [
        ("10.0.0.0/8", "10.0.0.0/8"),
        (" 127.0.0.1:80 ", "127.0.0.1/32:80"),
        ("[::1]:80", "[::1/128]:80"),
        ("::1", "::1/128"),
        ("[fd00::/8]", "fd00::/8"),
        ("Intra.Corp.:443", "intra.corp:443"),
        ("localhost", "localhost"),
    ] {
        assert_eq!(entry.parse::<Allow>().unwrap().to_string(), shown);
    }
    for entry in [
        "",
        "10.0.0.1/8",
        "10.0.0.0/33",
        "host:0",
        "host:65536",
        "host:x",
        "[::1",
        "[x]:1",
        "[::1]8",
        "a b",
        "http://x",
        "0x7f.1",
        "*",
        "host/8",
        ":80",
    ] {
        let fault = entry.parse::<Allow>().expect_err(entry).to_string();
        assert!(
            fault.starts_with("egress.allow: ") && fault.contains("write a network"),
            "{fault}"
        );
    }
}

#[test]
fn own_addresses_are_refused() {
    let policy = Policy::new(Vec::new(), vec![ip("9.9.9.9")]);
    assert_eq!(
        policy.judge("x", ip("9.9.9.9"), 443),
        Verdict::Refused(Reason::Own)
    );
    assert_eq!(
        policy.judge("x", ip("::ffff:9.9.9.9"), 443),
        Verdict::Refused(Reason::Own)
    );
    assert_ne!(
        Policy::new(Vec::new(), Vec::new()).version(),
        policy.version()
    );
    assert!(super::is_own(ip("127.0.0.1")));
}

#[test]
fn local_names_are_known_in_any_spelling() {
    for name in [
        "localhost",
        "LOCALHOST",
        "localhost.",
        "LocalHost..",
        "a.localhost",
        "db",
        "DB.",
        "printer.local",
        "x.Local.",
        "vault.internal",
        "metadata.google.internal",
        "router.lan",
        "nas.home.arpa",
        "localhost.localdomain",
        "a.b.corp",
    ] {
        assert!(is_local_name(name), "{name}");
    }
    for name in [
        "example.com",
        "localhost.example.com",
        "notlocalhost.com",
        "local.example",
        "xinternal.net",
        "a.b.test",
    ] {
        assert!(!is_local_name(name), "{name}");
    }
    assert!(is_localhost("X.Localhost.") && !is_localhost("local"));
}

#[test]
fn local_names_need_a_listed_host_or_network() {
    assert_eq!(allow(&[]).judge_name("db", 80), NameVerdict::Refused);
    assert_eq!(
        allow(&["10.0.0.0/8:443"]).judge_name("db", 80),
        NameVerdict::Refused
    );
    assert_eq!(
        allow(&["10.0.0.0/8"]).judge_name("db", 80),
        NameVerdict::Local
    );
    assert_eq!(allow(&["DB:80"]).judge_name("db.", 80), NameVerdict::Listed);
    assert_eq!(allow(&[]).judge_name("example.com", 80), NameVerdict::Open);
}
