//! What must hold for any URL, address and header. Shared with the fuzz targets `url`, `address` and `header`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use tidings_egress::policy::{NameVerdict, Policy, Verdict, classify};
use tidings_egress::{headers, target};
use url::Host;

/// What is taken is canonical, and an address in it is judged as the address it is.
pub(crate) fn url(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let Ok(url) = target::parse(text) else {
        return;
    };
    assert!(matches!(url.scheme(), "http" | "https"), "{text:?}");
    assert!(
        url.username().is_empty() && url.password().is_none(),
        "{text:?}"
    );
    assert!(
        url.fragment().is_none() && url.port() != Some(0),
        "{text:?}"
    );
    assert!(target::check(&url).is_ok(), "{text:?}");
    let again = target::parse(url.as_str());
    assert_eq!(again.as_ref(), Ok(&url), "{text:?}");
    let policy = Policy::new(Vec::new(), Vec::new());
    let port = url.port_or_known_default().unwrap_or_default();
    match url.host() {
        Some(Host::Ipv4(ip)) => judged(&policy, url.host_str(), ip.into(), port),
        Some(Host::Ipv6(ip)) => judged(&policy, url.host_str(), ip.into(), port),
        Some(Host::Domain(name)) => {
            assert!(
                name.is_ascii() && !name.contains(char::is_uppercase),
                "{text:?}"
            );
            assert!(name.parse::<IpAddr>().is_err(), "{text:?} is an address");
            let bare = name.trim_end_matches('.');
            let last = bare.rsplit('.').next();
            if !bare.contains('.') || matches!(last, Some("local" | "localhost")) {
                assert_eq!(
                    policy.judge_name(name, port),
                    NameVerdict::Refused,
                    "{text:?}"
                );
            }
        }
        None => panic!("{text:?} has no host"),
    }
}

fn judged(policy: &Policy, host: Option<&str>, ip: IpAddr, port: u16) {
    let verdict = policy.judge(host.unwrap_or_default(), ip, port);
    assert_eq!(
        verdict == Verdict::Public,
        classify(ip.to_canonical()).is_ok(),
        "{ip}"
    );
    if let IpAddr::V4(ip) = ip.to_canonical() {
        assert!(!is_special(ip) || verdict != Verdict::Public, "{ip}");
    }
}

/// What the standard library knows to be special.
fn is_special(ip: Ipv4Addr) -> bool {
    ip.is_loopback()
        || ip.is_private()
        || ip.is_link_local()
        || ip.is_unspecified()
        || ip.is_broadcast()
        || ip.is_documentation()
        || ip.is_multicast()
}

/// However an address of IPv4 is wrapped, it is refused if it is refused bare.
pub(crate) fn address(data: &[u8]) {
    let Some(octets) = data.first_chunk::<16>() else {
        return;
    };
    let six = Ipv6Addr::from(*octets);
    let [.., a, b, c, d] = *octets;
    let four = Ipv4Addr::new(a, b, c, d);
    let refused = classify(four.into()).is_err();
    assert!(refused || !is_special(four), "{four}");
    let bits = u128::from(four.to_bits());
    let wrapped = [
        0xffff_u128 << 32 | bits,
        0x64_ff9b_u128 << 96 | bits,
        0x2002_u128 << 112 | bits << 80,
        0x2001_u128 << 112 | (!bits & 0xffff_ffff),
    ];
    for wrapped in wrapped.map(Ipv6Addr::from) {
        assert!(!refused || classify(wrapped.into()).is_err(), "{wrapped}");
    }
    let special = six.is_loopback()
        || six.is_unspecified()
        || six.is_multicast()
        || six.is_unique_local()
        || six.is_unicast_link_local();
    assert!(!special || classify(six.into()).is_err(), "{six}");
    if classify(six.into()).is_ok() {
        let outer = u128::from(six) >> 125 == 1;
        let carries = six.to_ipv4_mapped().is_some() || six.segments().starts_with(&[0x64, 0xff9b]);
        assert!(outer || carries, "{six}");
    }
}

/// Name and value, apart by a byte that neither may hold: what is taken is a token and one line of visible characters.
pub(crate) fn header(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let (name, value) = text.split_once('\u{1}').unwrap_or((text, "x"));
    let checked = headers::check(name, value);
    if checked.is_ok() {
        assert!(
            !name.is_empty() && name.bytes().all(|b| b.is_ascii_graphic()),
            "{name:?}"
        );
        assert!(!name.contains([':', '(', ')', '"', '/']), "{name:?}");
        assert!(
            value.bytes().all(|b| (b' '..=b'~').contains(&b)),
            "{value:?}"
        );
        assert!(http::HeaderName::try_from(name).is_ok(), "{name:?}");
        let lower = name.to_ascii_lowercase();
        let own = [
            "webhook-",
            "x-tidings-",
            "x-icescrum-",
            "content-",
            "proxy-",
        ];
        assert!(!own.iter().any(|own| lower.starts_with(own)), "{name:?}");
    }
    let all = headers::check_all([(name, value)]);
    assert_eq!(
        all.first().map(|f| f.code),
        checked
            .err()
            .map(|f| f.code)
            .or(all.first().map(|f| f.code))
    );
}
