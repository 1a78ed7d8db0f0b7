//! URLs. Addresses are spelt out by machine in every notation that some reader takes; names and malformed URLs are written down.

use std::fmt::Write;
use std::net::{Ipv4Addr, Ipv6Addr};

/// Addresses of IPv4 that no webhook may lead to, each the first, the last or a well-known one of its block.
pub const IPV4: &[&str] = &[
    // this host, this network
    "0.0.0.0",
    "0.1.2.3",
    // loopback
    "127.0.0.1",
    "127.255.255.254",
    // private
    "10.0.0.1",
    "10.255.255.255",
    "172.16.0.1",
    "172.31.255.254",
    "192.168.0.1",
    "192.168.255.255",
    // carrier-grade NAT, and a cloud's metadata within
    "100.64.0.1",
    "100.100.100.200",
    "100.127.255.255",
    // link-local: metadata of most clouds, container credentials
    "169.254.169.254",
    "169.254.170.2",
    "169.254.0.1",
    // metadata on a public address
    "168.63.129.16",
    // protocol assignments, 6to4 relays, benchmarks, documentation
    "192.0.0.8",
    "192.88.99.1",
    "198.18.0.1",
    "198.19.255.255",
    "192.0.2.1",
    "198.51.100.7",
    "203.0.113.255",
    // multicast, reserved, broadcast
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
];

/// Addresses of IPv6 that no webhook may lead to.
pub const IPV6: &[&str] = &[
    "::",
    "::1",
    "0:0:0:0:0:0:0:1",
    "0000:0000:0000:0000:0000:0000:0000:0001",
    "::2",
    "fc00::1",
    "fd00:ec2::254",
    "fd12:3456:789a::1",
    "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
    "fe80::1",
    "fe80::a9fe:a9fe",
    "febf::1",
    "fec0::1",
    "feff::1",
    "ff02::1",
    "ff0e::1",
    "100::1",
    "100:0:0:1::1",
    "2001::1",
    "2001:2::1",
    "2001:10::1",
    "2001:20::1",
    "2001:db8::1",
    "2001:DB8:FFFF::1",
    "3fff::1",
    "3fff:fff::1",
    "5f00::1",
    "4000::1",
    "8000::1",
    "e000::1",
];

/// Names that are local by their form: refused without asking anybody.
pub const LOCAL_NAMES: &[&str] = &[
    "localhost",
    "LOCALHOST",
    "LocalHost",
    "localhost.",
    "loc%61lhost",
    "%6cocalhost",
    "\u{24db}ocalhost",
    "\u{ff4c}\u{ff4f}\u{ff43}\u{ff41}\u{ff4c}\u{ff48}\u{ff4f}\u{ff53}\u{ff54}",
    "tracker.localhost",
    "a.b.localhost.",
    "localhost.localdomain",
    "ip6-localhost",
    "ip6-loopback",
    "intranet",
    "wiki",
    "db",
    "kubernetes",
    "metadata",
    "consul",
    "router",
    "printer.local",
    "PRINTER.LOCAL.",
    "db.internal",
    "metadata.google.internal",
    "instance-data.ec2.internal",
    "kubernetes.default.svc.cluster.local",
    "vault.service.internal",
    "host.docker.internal",
    "gateway.lan",
    "nas.home",
    "nas.home.arpa",
    "git.corp",
    "www.intranet",
    "ldap.private",
    "mail.localdomain",
];

/// Names of the public tree that lead where nothing may be sent, with what they answer.
pub const LEADING_NAMES: &[(&str, &[&str])] = &[
    ("loopback.example.com", &["127.0.0.1"]),
    ("127.0.0.1.nip.example.com", &["127.0.0.1"]),
    ("169-254-169-254.sslip.example.com", &["169.254.169.254"]),
    ("metadata.example.com", &["169.254.169.254"]),
    ("wireserver.example.com", &["168.63.129.16"]),
    ("private.example.com", &["10.1.2.3"]),
    ("private-b.example.com", &["172.20.0.1"]),
    ("private-c.example.com", &["192.168.1.1"]),
    ("cgnat.example.com", &["100.64.9.9"]),
    ("zero.example.com", &["0.0.0.0"]),
    ("broadcast.example.com", &["255.255.255.255"]),
    ("multicast.example.com", &["224.0.0.251"]),
    ("loopback6.example.com", &["::1"]),
    ("unspecified6.example.com", &["::"]),
    ("private6.example.com", &["fd00::1"]),
    ("link6.example.com", &["fe80::1"]),
    ("mapped.example.com", &["::ffff:127.0.0.1"]),
    ("compatible.example.com", &["::7f00:1"]),
    ("translated.example.com", &["64:ff9b::a9fe:a9fe"]),
    ("sixtofour.example.com", &["2002:a00:1::1"]),
    (
        "teredo.example.com",
        &["2001:0:4136:e378:8000:63bf:80ff:fffe"],
    ),
    ("isatap.example.com", &["2a00:1450::5efe:10.0.0.1"]),
    ("mixed.example.com", &["93.184.216.34", "10.0.0.1"]),
    (
        "mixed-last.example.com",
        &["93.184.216.34", "93.184.216.35", "127.0.0.1"],
    ),
    ("mixed6.example.com", &["93.184.216.34", "::1"]),
    (
        "mixed46.example.com",
        &["2606:2800:220:1::1", "192.168.0.1"],
    ),
];

/// Names that are another name's alias; each leads to one of [`LEADING_NAMES`].
pub const ALIASES: &[(&str, &str)] = &[
    ("alias.example.com", "private.example.com"),
    ("alias-two.example.com", "alias.example.com"),
    ("alias-three.example.com", "alias-two.example.com"),
    ("alias-mixed.example.com", "mixed.example.com"),
    ("alias-metadata.example.com", "metadata.example.com"),
];

/// URLs that no webhook can have, and the word for each.
pub const MALFORMED: &[(&str, &str)] = &[
    ("", "url_empty"),
    // user names and passwords
    ("https://user@example.com/", "url_userinfo"),
    ("https://user:password@example.com/", "url_userinfo"),
    ("https://:password@example.com/", "url_userinfo"),
    ("https://@example.com/", "url_userinfo"),
    ("https://example.com@127.0.0.1/", "url_userinfo"),
    ("https://127.0.0.1@example.com/", "url_userinfo"),
    ("https://example.com:443@127.0.0.1:80/", "url_userinfo"),
    ("https://a@b@c/", "url_userinfo"),
    (
        "https://example.com%40127.0.0.1@example.org/",
        "url_userinfo",
    ),
    // other schemes
    ("ftp://example.com/", "url_scheme"),
    ("file:///etc/passwd", "url_scheme"),
    ("file://localhost/etc/passwd", "url_scheme"),
    ("gopher://127.0.0.1:6379/_INFO", "url_scheme"),
    ("dict://127.0.0.1:11211/stats", "url_scheme"),
    ("ldap://127.0.0.1/", "url_scheme"),
    ("jar:http://127.0.0.1!/", "url_scheme"),
    ("javascript:alert(1)", "url_scheme"),
    ("data:text/plain,x", "url_scheme"),
    ("ws://example.com/", "url_scheme"),
    ("wss://example.com/", "url_scheme"),
    ("unix:/var/run/docker.sock", "url_scheme"),
    ("http+unix://%2Fvar%2Frun%2Fdocker.sock/", "url_scheme"),
    ("view-source:http://example.com/", "url_scheme"),
    ("httpx://example.com/", "url_scheme"),
    ("http2://example.com/", "url_scheme"),
    ("//example.com/", "url_scheme"),
    ("/hook", "url_scheme"),
    ("example.com/hook", "url_scheme"),
    ("localhost:8080/", "url_scheme"),
    ("127.0.0.1:80", "url_scheme"),
    // missing parts
    ("http", "url_scheme"),
    ("http:", "url_host"),
    ("http:/", "url_host"),
    ("http://", "url_host"),
    ("https:///", "url_host"),
    ("https:///example.com/", "url_host"),
    ("https:example.com", "url_host"),
    ("https:/example.com", "url_host"),
    ("https://:443/", "url_host"),
    ("https://?q", "url_host"),
    ("https://#f", "url_host"),
    ("https://./", "url_host"),
    ("https://../", "url_host"),
    // ports
    ("https://example.com:0/", "url_port"),
    ("https://example.com:65536/", "url_port"),
    ("https://example.com:99999999999/", "url_port"),
    ("https://example.com:-1/", "url_port"),
    ("https://example.com:+1/", "url_port"),
    ("https://example.com:80a/", "url_port"),
    ("https://example.com:http/", "url_port"),
    ("https://example.com:80:80/", "url_port"),
    // backslashes, tabs, control characters, invisible ones
    ("https:\\\\127.0.0.1\\", "url_characters"),
    ("https://example.com\\@127.0.0.1/", "url_characters"),
    ("https://127.0.0.1\\.example.com/", "url_characters"),
    ("http:\\/\\/127.0.0.1/", "url_characters"),
    ("https://exam\tple.com/", "url_characters"),
    ("https://exam\nple.com/", "url_characters"),
    ("ht\ttp://127.0.0.1/", "url_characters"),
    ("\u{1}http://127.0.0.1/", "url_characters"),
    (" http://127.0.0.1/", "url_characters"),
    ("http://127.0.0.1/ ", "url_characters"),
    ("http://127.0.0.1 .example.com/", "url_characters"),
    ("https://example.com/\r\nHost: x", "url_characters"),
    (
        "https://example.com/\r\n\r\nGET / HTTP/1.1",
        "url_characters",
    ),
    ("https://example.com/\0", "url_characters"),
    ("https://example.com\0.evil.example/", "url_characters"),
    ("https://example.com\u{a0}/", "url_characters"),
    ("https://example.com\u{2028}/", "url_characters"),
    ("https://exam\u{200b}ple.com/", "url_characters"),
    ("https://exam\u{ad}ple.com/", "url_characters"),
    ("https://example.com\u{202e}/", "url_characters"),
    ("https://\u{feff}example.com/", "url_characters"),
    ("https://local\u{200d}host/", "url_characters"),
    // hosts that are none
    ("https://exa mple.com/", "url_characters"),
    ("https://a..b.example/", "url_host"),
    ("https://.example.com/", "url_host"),
    ("https://example.com../", "url_host"),
    ("https://exam%70le..com/", "url_host"),
    ("https://ex%00ample.com/", "url_host"),
    ("https://ex%0d%0aample.com/", "url_host"),
    ("https://ex%20ample.com/", "url_host"),
    ("https://ex%2fample.com/", "url_host"),
    ("https://ex%40ample.com/", "url_host"),
    ("https://ex%5cample.com/", "url_host"),
    ("https://ex%ample.com/", "url_host"),
    ("https://ex^ample.com/", "url_host"),
    ("https://ex|ample.com/", "url_host"),
    ("https://<script>.example/", "url_host"),
    ("https://*.example.com/", "url_host"),
    ("https://ex!ample.com/", "url_host"),
    ("https://$(id).example.com/", "url_host"),
    ("https://xn--.example/", "url_host"),
    ("https://xn--a.example/", "url_host"),
    ("https://xn--localhost-.example/", "url_host"),
    ("https://1.2.3.4.5/", "url_host"),
    ("https://256.1.1.1/", "url_host"),
    ("https://1.2.3.256/", "url_host"),
    ("https://4294967296/", "url_host"),
    ("https://0x100000000/", "url_host"),
    ("https://08.0.0.1/", "url_host"),
    ("https://[::1/", "url_host"),
    ("https://::1/", "url_host"),
    ("https://[::1%25eth0]/", "url_host"),
    ("https://[fe80::1%eth0]/", "url_host"),
    ("https://[v1.x]/", "url_host"),
    ("https://[]/", "url_host"),
    ("https://[1.2.3.4]/", "url_host"),
    ("https://[::ffff:127.0.0.1.]/", "url_host"),
    ("https://[::g]/", "url_host"),
    ("https://[1:2:3:4:5:6:7:8:9]/", "url_host"),
    ("https://[::1]x/", "url_host"),
];

/// URLs that people have.
pub const ORDINARY: &[&str] = &[
    "https://example.com/",
    "https://example.com",
    "http://example.com/",
    "HTTPS://EXAMPLE.COM/Hook",
    "https://example.com:443/hook",
    "https://example.com:8443/hook",
    "http://example.com:8080/",
    "https://example.com:65535/",
    "https://example.com./hook",
    "https://www.example.com/a/b/c",
    "https://hooks.example.com/services/T000/B000/XXXX",
    "https://example.com/hook?token=abc&x=1",
    "https://example.com/?a=%20&b='%3Cx%3E",
    "https://example.com/hook#fragment",
    "https://example.com/%7Euser/hook",
    "https://example.com/a%2Fb",
    "https://example.com/ä/ö",
    "https://bücher.example.com/",
    "https://xn--bcher-kva.example.com/",
    "https://例え.テスト.example.com/",
    "https://a-b.example.com/",
    "https://a_b.example.com/",
    "https://1.example.com/",
    "https://127.0.0.1.example.com/",
    "https://localhost.example.com/",
    "https://internal.example.com/",
    "https://local.example.com/",
    "https://mylocalhost.example.com/",
    "https://notlocal.example.com/x",
    "https://example.com/http://127.0.0.1/",
    "https://example.com/?url=http://169.254.169.254/",
    "https://example.com/@127.0.0.1/",
    "https://example.com/path;x=1",
    "https://example.com/a,b",
    "https://example.com/a+b",
    "https://example.com/$x",
    "https://example.com/(x)",
    "https://example.com/?",
    "https://example.com/??",
    "https://example.com/.hidden",
    "https://example.com/a//b",
    "https://93.184.216.34/hook",
    "https://93.184.216.34:8443/hook",
    "http://1.1.1.1/",
    "http://8.8.8.8/",
    "http://11.0.0.1/",
    "http://172.15.255.255/",
    "http://172.32.0.1/",
    "http://192.167.1.1/",
    "http://100.63.255.255/",
    "http://100.128.0.1/",
    "http://223.255.255.255/",
    "http://168.63.129.17/",
    "https://[2606:2800:220:1:248:1893:25c8:1946]/",
    "https://[2a00:1450:4001:800::200e]:8443/",
    "https://[2600::1]/hook",
    "https://[64:ff9b::93.184.216.34]/",
    "https://[::ffff:93.184.216.34]/",
];

/// Every URL that must be refused because of where it leads: at saving, or else when it is connected to.
pub fn forbidden(port: u16) -> Vec<String> {
    let mut hosts: Vec<String> = Vec::new();
    for text in IPV4 {
        let ip: Ipv4Addr = text.parse().unwrap_or(Ipv4Addr::LOCALHOST);
        hosts.extend(notations(ip));
        hosts.extend(carried(ip).into_iter().map(|ip| format!("[{ip}]")));
    }
    hosts.extend(IPV6.iter().map(|ip| format!("[{ip}]")));
    hosts.extend(LOCAL_NAMES.iter().map(|name| (*name).to_owned()));
    hosts.extend(LEADING_NAMES.iter().map(|(name, _)| (*name).to_owned()));
    hosts.extend(ALIASES.iter().map(|(name, _)| (*name).to_owned()));
    hosts.sort_unstable();
    hosts.dedup();
    let url = |host: String| format!("http://{host}:{port}/hook");
    hosts.into_iter().map(url).collect()
}

/// An address of IPv4 as decimal, octal, hexadecimal, short and mixed numbers, with a dot at its end, percent-encoded, and in
/// characters that only look like digits.
pub fn notations(ip: Ipv4Addr) -> Vec<String> {
    let octets = ip.octets();
    let [first, second, ..] = octets;
    let bits = ip.to_bits();
    let rest16 = bits & 0xffff;
    let rest24 = bits & 0x00ff_ffff;
    let plain = ip.to_string();
    let each = |digit: &dyn Fn(u32) -> char| -> String {
        let change = |c: char| c.to_digit(10).map_or(c, digit);
        plain.chars().map(change).collect()
    };
    let shifted = |base: u32| move |n: u32| char::from_u32(base + n).unwrap_or('0');
    let percent = plain.bytes().fold(String::new(), |mut text, byte| {
        let _ = if byte.is_ascii_digit() {
            write!(text, "%{byte:02x}")
        } else {
            write!(text, "{}", char::from(byte))
        };
        text
    });
    let mut all = vec![
        plain.clone(),
        format!("{plain}."),
        bits.to_string(),
        format!("{bits:#x}"),
        format!("{bits:#X}").replace("0X", "0x"),
        format!("0{bits:o}"),
        format!("{first}.{rest24}"),
        format!("{first}.{second}.{rest16}"),
        format!("{first:#x}.0{second:o}.{rest16}"),
        format!("000{first:o}.{second}.{rest16:#x}"),
        octets.map(|octet| format!("0{octet:o}")).join("."),
        octets.map(|octet| format!("{octet:#x}")).join("."),
        percent,
        plain.replace('.', "\u{3002}"),
        plain.replace('.', "\u{ff0e}"),
        plain.replace('.', "%2e"),
        each(&shifted(0xff10)),
        each(&shifted(0x1d7ce)),
        each(&|n| match n {
            0 => '\u{24ea}',
            n => char::from_u32(0x245f + n).unwrap_or('0'),
        }),
    ];
    all.dedup();
    all
}

/// Addresses of IPv6 that carry one of IPv4: mapped, compatible, SIIT, ISATAP, NAT64 of both kinds, 6to4, Teredo.
pub fn carried(ip: Ipv4Addr) -> Vec<Ipv6Addr> {
    let bits = u128::from(ip.to_bits());
    let prefix = |segments: [u16; 8]| Ipv6Addr::from(segments).to_bits();
    [
        prefix([0, 0, 0, 0, 0, 0xffff, 0, 0]) | bits,
        // The compatible form of 0.0.0.0 and 0.0.0.1 are :: and ::1, which are there by themselves.
        prefix([0; 8]) | bits,
        prefix([0, 0, 0, 0, 0xffff, 0, 0, 0]) | bits,
        prefix([0x2a00, 0x1450, 0x4001, 0x800, 0, 0x5efe, 0, 0]) | bits,
        prefix([0x2a00, 0x1450, 0x4001, 0x800, 0x200, 0x5efe, 0, 0]) | bits,
        prefix([0x64, 0xff9b, 0, 0, 0, 0, 0, 0]) | bits,
        prefix([0x64, 0xff9b, 1, 0, 0, 0, 0, 0]) | bits,
        prefix([0x2002, 0, 0, 0, 0, 0, 0, 1]) | bits << 80,
        prefix([0x2001, 0, 0x4136, 0xe378, 0x8000, 0x63bf, 0, 0]) | (!bits & 0xffff_ffff),
    ]
    .map(Ipv6Addr::from)
    .into()
}
